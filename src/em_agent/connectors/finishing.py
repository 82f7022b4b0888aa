"""Finishes the incidents of a run: what is only to be had one by one, then the index."""

import contextlib
from collections.abc import Sequence

import structlog

from em_agent.connectors import incidents
from em_agent.connectors.failures import Failures
from em_agent.connectors.intake import take_in
from em_agent.connectors.job import Job
from em_agent.connectors.log import log_of
from em_agent.domain.deliveries import Delivery
from em_agent.events.batch import UNWRITABLE
from em_agent.integrations.pagerduty.failures import GoneError, NotPermittedError
from em_agent.integrations.pagerduty.rows import Row, log_entry_row, note_row

AT_ONCE = 20
INDEX_AT_ONCE = 200
# So many others are asked for before notes count as forbidden.
_EXAMPLES = 2

log = structlog.get_logger()


class _Finisher:
    """Reads what belongs to single incidents."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.failures = Failures(job)

    async def read(self, incident_id: str, *, has_note: bool) -> list[Delivery]:
        """The rows of the incident's log and notes, as far as they are to be read one by one.

        Raises:
            UnavailableError: PagerDuty does not answer.

        """

        async def read(one: str) -> tuple[list[Row], list[Row]]:
            return await self._read(one, has_note=has_note or one != incident_id)

        entries, notes = await self.failures.read(incident_id, read) or ([], [])
        rows = self._job.rows_of(log_entry_row, *((entry,) for entry in entries))
        return rows + self._job.rows_of(note_row, *((incident_id, note) for note in notes))

    async def _read(self, incident_id: str, *, has_note: bool) -> tuple[list[Row], list[Row]]:
        job = self._job
        entries: list[Row] = []
        if job.access == "incident" or (job.place.get("one_by_one") and job.access == "account"):
            entries = [
                entry if entry.get("incident") else {**entry, "incident": {"id": incident_id}}
                for entry in await log_of(job, incident_id)
            ]
            has_note = has_note or any(entry.get("type") == "annotate_log_entry" for entry in entries)
        if (has_note or job.access == "none") and job.place.get("notes") != "none":
            return entries, await self._notes(incident_id)
        return entries, []

    async def _notes(self, incident_id: str) -> list[Row]:
        try:
            notes = await self._ask_notes(incident_id)
        except NotPermittedError as error:
            if self._job.place.get("notes") == "some" or await self._has_notes_of_others(incident_id):
                raise
            self._job.run.note(f"{error} Notes are missing.")
            self._job.place["notes"] = "none"
            return []
        self._job.place["notes"] = "some"
        return notes

    async def _has_notes_of_others(self, incident_id: str) -> bool:
        """Whether the token may read notes at all, and is only kept from those of this incident."""
        for other in await incidents.others(self._job, [incident_id], _EXAMPLES):
            with contextlib.suppress(NotPermittedError, GoneError):
                await self._ask_notes(other)
                return True
        return False

    async def _ask_notes(self, incident_id: str) -> list[Row]:
        notes = (await self._job.api.get(f"/incidents/{incident_id}/notes")).get("notes")
        return [note for note in notes if isinstance(note, dict)] if isinstance(notes, list) else []


async def finish_all(job: Job) -> None:
    """Read what is left to read of each incident, and put it into the index; the newest first."""
    finisher = _Finisher(job)
    failures = finisher.failures
    while ids := await incidents.next_open(job, AT_ONCE):
        noted = await incidents.annotated(job, ids)
        rows: list[Delivery] = []
        for incident_id in ids:
            rows += await finisher.read(incident_id, has_note=incident_id in noted)
        async with job.connection.transaction():
            taken = await take_in(job.connection, rows)
            job.refuse(taken.refused)
            await incidents.note_changed(job, taken.changed)
            await failures.keep(ids)
            await job.keep()
        await index(job, [incident_id for incident_id in ids if incident_id not in failures.gone])
        async with job.connection.transaction():
            await incidents.done(job, ids)
            await job.keep()
        await failures.finish()
        await job.pause()


async def index_what_is_here(job: Job) -> None:
    """Put into the index what was taken in before PagerDuty stopped answering; it counts once it is finished."""
    rows = await job.connection.fetch(
        "SELECT incident_id FROM crawl_incidents WHERE run_id = $1 AND is_fetched AND NOT is_done", job.run.id
    )
    ids = [row["incident_id"] for row in rows]
    for start in range(0, len(ids), INDEX_AT_ONCE):
        await job.index(job.connection, ids[start : start + INDEX_AT_ONCE])


async def index(job: Job, ids: Sequence[str]) -> None:
    """Put the incidents into the index; one of which something new was recorded counts as changed.

    Its document may stand there already: the worker that follows the record is at it, too.
    """
    changed = await incidents.changed(job, ids)
    await _index(job, [incident_id for incident_id in ids if incident_id in changed])
    job.run.unchanged += await _index(job, [incident_id for incident_id in ids if incident_id not in changed])


async def _index(job: Job, ids: Sequence[str]) -> int:
    """Put the incidents into the index, how many needed no write; one that cannot be does not keep the others out."""
    if not ids:
        return 0
    try:
        outcome = await job.index(job.connection, list(ids))
    except UNWRITABLE as error:
        if len(ids) == 1:
            job.run.failed += 1
            job.run.note(f"Incident {ids[0]} could not be indexed: {type(error).__name__}: {error}"[:300])
            return 0
        return sum([await _index(job, [incident_id]) for incident_id in ids])
    job.run.indexed += outcome.indexed + outcome.unchanged
    return outcome.unchanged
