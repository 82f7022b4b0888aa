"""Takes what was read into the record, and folds it at once: the workers will do so again, and change nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from em_agent.connectors.looks import tell_apart
from em_agent.domain.deliveries import Delivery
from em_agent.events.batch import UNWRITABLE, Recorded, record_all
from em_agent.incidents import store
from em_agent.integrations.pagerduty.rows import incident_of
from em_agent.integrations.registry import INCIDENT_READERS
from em_agent.kit import json
from em_agent.kit.postgres import Connection


@dataclass
class Taken:
    """What became of the rows: the incidents of those that are new, and what PostgreSQL says to those it refuses."""

    changed: set[str] = field(default_factory=set)
    refused: list[tuple[Delivery, str]] = field(default_factory=list)


async def take_in(connection: Connection, rows: Sequence[Delivery]) -> Taken:
    """Write and fold the rows in the caller's transaction; one that cannot be written does not keep the others out."""
    taken = Taken()
    await _take(connection, await tell_apart(connection, rows), taken)
    return taken


async def _take(connection: Connection, rows: Sequence[Delivery], taken: Taken) -> None:
    if not rows:
        return
    try:
        async with connection.transaction():
            recorded = await record_all(connection, rows)
            changed = await _fold(connection, rows, recorded)
    except UNWRITABLE as error:
        if len(rows) == 1:
            taken.refused.append((rows[0], f"{type(error).__name__}: {error}"[:200]))
            return
        middle = len(rows) // 2
        await _take(connection, rows[:middle], taken)
        await _take(connection, rows[middle:], taken)
    else:
        taken.changed |= changed


async def _fold(
    connection: Connection, rows: Sequence[Delivery], recorded: dict[tuple[str, str], Recorded]
) -> set[str]:
    """Fold the rows that are new; the incidents that they are of."""
    facts, changed = [], set()
    for row in rows:
        found, read = recorded.get((row.source, row.delivery_id)), INCIDENT_READERS.get(row.source)
        if found is None or not found.is_new:
            continue
        document = json.loads(row.body)
        changed.add(incident_of(document))
        fact = read(found.event, document) if read is not None else None
        if fact is not None:
            facts.append(fact)
    await store.apply(connection, facts)
    return {incident_id for incident_id in changed if incident_id is not None}
