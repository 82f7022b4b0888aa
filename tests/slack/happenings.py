"""Incidents as the worker of incidents would have written them."""

import itertools
from datetime import datetime, timedelta
from typing import Any

from em_agent.domain.incidents import IncidentEvent, Note, Ref, Snapshot
from em_agent.incidents import store
from em_agent.kit.postgres import Pool
from tests.deliveries import NOON

_ids = itertools.count(1)
ADA = Ref("PUSR1", "Ada", "user_reference")


def happened(
    kind: str, incident_id: str = "PINC1", seconds: float = 0.0, *, at: datetime = NOON, actor: Ref = ADA, **fields: Any
) -> IncidentEvent:
    """Something that happened to an incident, so many seconds after `at`."""
    number = next(_ids)
    snapshot = Snapshot(**{
        "number": 42, "title": "The database is down", "url": f"https://acme.pagerduty.com/incidents/{incident_id}",
        "urgency": "high", "service": Ref("PSVC1", "Production Database"), "teams": (Ref("PTEAM1", "Storage"),), **fields,
    })  # fmt: skip
    when = at + timedelta(seconds=seconds)
    return IncidentEvent(
        number, incident_id, "pagerduty", f"d{number}", kind, when, when, when, actor=actor, snapshot=snapshot
    )


def noted(
    text: str, incident_id: str = "PINC1", seconds: float = 0.0, *, by: str = "Ada", at: datetime = NOON
) -> IncidentEvent:
    """A note that somebody wrote."""
    number, when = next(_ids), at + timedelta(seconds=seconds)
    return IncidentEvent(
        number, incident_id, "pagerduty", f"d{number}", "annotated", when, when, when,
        actor=Ref("PUSR1", by, "user_reference"), text=text, note=Note(f"N{number}", text, is_trimmed=False),
    )  # fmt: skip


async def tell(pool: Pool, *events: IncidentEvent) -> None:
    """Have it written."""
    async with pool.acquire() as connection:
        await store.apply(connection, events)
