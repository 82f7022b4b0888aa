"""What the token may read besides the incidents: their log, of the whole account or of each, and their notes."""

import contextlib
from collections.abc import Collection, Sequence

from em_agent.connectors.job import Job
from em_agent.errors import EmAgentError
from em_agent.integrations.pagerduty.api import PagerDutyApi
from em_agent.integrations.pagerduty.failures import GoneError, NotPermittedError, UnavailableError
from em_agent.integrations.pagerduty.paging import Listing, Place, next_page

# So many incidents are asked for what belongs to them before all of that counts as forbidden.
_EXAMPLES = 3
_WITHOUT_LOG = "Without log entries, times of acknowledgement and escalation stay unknown."


async def find_access(job: Job, ids: Sequence[str] | None = None) -> None:
    """Note how the log can be read: of the whole account, of each incident (such as `ids`), or not at all."""
    try:
        await job.api.get("/log_entries", [("limit", "1")])
    except NotPermittedError as error:
        job.run.note(f"{error} {_WITHOUT_LOG}")
        ids = await _newest(job.api) if ids is None else ids
        job.place["access"] = await _access_to(job, ids[:_EXAMPLES])
    else:
        job.place["access"] = "account"


async def _access_to(job: Job, ids: Sequence[str]) -> str:
    """How the log can be read, by that of some incidents: one of them may be kept from the token, or be broken."""
    unanswered: UnavailableError | None = None
    for incident_id in ids:
        try:
            await job.api.get(f"/incidents/{incident_id}/log_entries", [("limit", "1")])
        except NotPermittedError as error:
            job.run.note(f"{error} {_WITHOUT_LOG}")
        except UnavailableError as error:
            unanswered = error
        except GoneError:  # deleted just now; but the token may ask for it
            return "incident"
        else:
            return "incident"
    if unanswered is not None:
        raise unanswered
    return "none" if ids else "incident"


async def _newest(api: PagerDutyApi) -> list[str]:
    parameters = [("date_range", "all"), ("sort_by", "created_at:desc")]
    page = await next_page(api, Listing("/incidents", "incidents", parameters), Place(), size=_EXAMPLES)
    return [str(row.get("id")) for row in page.rows]


def lacking(job: Job) -> set[str]:
    """What the run was not permitted to read."""
    missing = {"log"} if job.access == "none" else set()
    return missing | ({"notes"} if job.place.get("notes") == "none" else set())


async def has_gained(api: PagerDutyApi, lacked: Collection[str]) -> bool:
    """Whether the token may now read something of what an earlier run was refused."""
    try:
        incidents = [f"/incidents/{incident_id}" for incident_id in await _newest(api)]
        paths = ["/log_entries", *(f"{incident}/log_entries" for incident in incidents)] if "log" in lacked else []
        paths += [f"{incident}/notes" for incident in incidents] if "notes" in lacked else []
        for path in paths:
            with contextlib.suppress(NotPermittedError):
                await api.get(path, [("limit", "1")])
                return True
    except EmAgentError:  # the run itself will say so
        return False
    return False
