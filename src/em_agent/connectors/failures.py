"""What a run could not read of single incidents: that ends no crawl, only PagerDuty's absence does."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from em_agent.connectors import incidents
from em_agent.connectors.job import Job
from em_agent.integrations.pagerduty.failures import GoneError, NotPermittedError, RefusedError, UnavailableError

# So many in a row that get no answer may be no trouble of theirs: another one tells.
_MOST_UNANSWERED = 3
_MOST_OTHERS = 2

T = TypeVar("T")
Read = Callable[[str], Awaitable[T]]


class Failures:
    """The incidents at hand that could not be read, with the reason of each, and those that are gone."""

    def __init__(self, job: Job) -> None:
        """Count for the run of `job`."""
        self._job = job
        self._unanswered: set[str] = set()
        self._answered: list[str] = []
        self.reasons: dict[str, str] = {}
        self.gone: set[str] = set()

    async def read(self, incident_id: str, read: Read[T]) -> T | None:
        """What `read` finds of the incident; None, with a reason, where it cannot be had.

        Raises:
            UnavailableError: PagerDuty does not answer, of this incident and of others.

        """
        asked = self._job.api.requests
        try:
            found = await read(incident_id)
        except UnavailableError as error:
            self._unanswered.add(incident_id)
            if len(self._unanswered) >= _MOST_UNANSWERED:
                await self._try_others(read, error)
            self.reasons[incident_id] = str(error)
            return None
        except GoneError:
            self.gone.add(incident_id)
        except (NotPermittedError, RefusedError) as error:
            self.reasons[incident_id] = str(error)
        else:
            if self._job.api.requests > asked:
                self._unanswered.clear()
                self._answered = [incident_id]
            return found
        self._unanswered.clear()
        return None

    async def _try_others(self, read: Read[T], error: UnavailableError) -> None:
        """Pass if PagerDuty answers of other incidents; else it is away, and nothing is wrong with these."""
        bad = self._unanswered | set(self.reasons)
        others = self._answered + await incidents.others(self._job, bad.union(self._answered), _MOST_OTHERS)
        if not others:
            await self._job.api.get("/incidents", [("limit", "1")])
            return
        for incident_id in others:
            try:
                await read(incident_id)
            except UnavailableError:
                continue
            except (GoneError, NotPermittedError, RefusedError):
                pass
            self._unanswered.clear()
            return
        raise error

    async def keep(self, ids: Sequence[str] = ()) -> None:
        """Note them for the next crawls and in the counts, in the caller's transaction; `ids` have no other failure."""
        run = self._job.run
        await incidents.note_failures(self._job, ids, self.reasons)
        run.failed += len(self.reasons)
        run.gone += len(self.gone)
        await incidents.note_gone(self._job, self.gone)
        for reason in self.reasons.values():
            run.note(reason)

    async def finish(self) -> None:
        """Take what is gone out of the index, and go on to other incidents."""
        if self.gone:
            await self._job.index(self._job.connection, sorted(self.gone))
        self.reasons.clear()
        self.gone.clear()
