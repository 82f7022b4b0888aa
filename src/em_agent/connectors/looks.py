"""Tells what looks as it did when it was last seen from what looks so again, after it had looked different.

The delivery id of a look names it by its content: read again, it is there already. But a title that was changed and
changed back is news, although that look was recorded before.
"""

from collections.abc import Sequence
from dataclasses import replace

from em_agent.domain.deliveries import Delivery
from em_agent.integrations.pagerduty.rows import SNAPSHOT, incident_of_look, look_again, look_of
from em_agent.kit.postgres import Connection

_RECORDED = """
SELECT event_id, delivery_id FROM incident_events WHERE source = $1 AND incident_id = ANY($2)
ORDER BY received_at, event_id
"""


async def tell_apart(connection: Connection, rows: Sequence[Delivery]) -> list[Delivery]:
    """The rows, each look with the delivery id of the newest recorded one of its kind if it is the same, else anew."""
    looks = [row for row in rows if row.source == SNAPSHOT]
    if not looks:
        return list(rows)
    ids = list({incident_of_look(row.delivery_id) for row in looks})
    newest: dict[str, str] = {}
    known: dict[str, int] = {}
    for found in await connection.fetch(_RECORDED, SNAPSHOT, ids):
        subject, _ = look_of(found["delivery_id"])
        newest[subject] = found["delivery_id"]
        known[found["delivery_id"]] = found["event_id"]
    return [_apart(row, newest, known) if row.source == SNAPSHOT else row for row in rows]


def _apart(row: Delivery, newest: dict[str, str], known: dict[str, int]) -> Delivery:
    subject, look = look_of(row.delivery_id)
    last = newest.get(subject)
    if last is None or row.delivery_id not in known:
        return row
    is_same = look_of(last)[1] == look
    return replace(row, delivery_id=last if is_same else look_again(row.delivery_id, known[last]))
