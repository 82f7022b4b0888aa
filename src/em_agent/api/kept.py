"""What was set aside: quarantined deliveries, dead letters and their replay."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel

from em_agent.api.backend import UseBackend
from em_agent.api.errors import problems
from em_agent.api.parameters import known_only
from em_agent.events import dead_letters, quarantine
from em_agent.events.dead_letters import DeadLetter
from em_agent.events.quarantine import Quarantined

router = APIRouter(prefix="/v1", tags=["kept aside"], dependencies=[Depends(known_only)])

Limit = Annotated[int, Query(ge=1, le=500)]
Before = Annotated[int | None, Query(ge=0, lt=2**63, description="Only those with a smaller id, for the next page.")]
LargeId = Annotated[int, Path(ge=0, lt=2**63)]


class Quarantine(BaseModel):
    """The newest quarantined deliveries; a body itself is in the table `quarantine`."""

    quarantine: list[Quarantined]


class DeadLetters(BaseModel):
    """The newest dead letters."""

    dead_letters: list[DeadLetter]


class Replayed(BaseModel):
    """The dead letter whose event goes to its consumer once more."""

    status: str
    id: int


@router.get("/quarantine", responses=problems(401, 403, 422, 503))
async def list_quarantine(backend: UseBackend, limit: Limit = 50, before: Before = None) -> Quarantine:
    """Authentic deliveries that PostgreSQL's json functions cannot read, newest first."""
    return Quarantine(quarantine=await quarantine.newest(backend.pool, limit=limit, before=before))


@router.get("/dead-letters", responses=problems(401, 403, 422, 503))
async def list_dead_letters(
    backend: UseBackend,
    limit: Limit = 50,
    before: Before = None,
    include_resolved: bool = False,  # noqa: FBT001, FBT002
) -> DeadLetters:
    """Events that a consumer gave up on, newest first; without those that a replay brought through."""
    kept = await dead_letters.newest(backend.pool, limit=limit, before=before, include_resolved=include_resolved)
    return DeadLetters(dead_letters=kept)


@router.post("/dead-letters/{dead_letter_id}/replay", status_code=202, responses=problems(401, 403, 404, 422, 503))
async def replay_dead_letter(backend: UseBackend, dead_letter_id: LargeId) -> Replayed:
    """Have the event published again, for its consumer to try once more."""
    await dead_letters.replay(backend.pool, dead_letter_id)
    return Replayed(status="replayed", id=dead_letter_id)
