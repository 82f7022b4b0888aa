"""What the token may read besides the incidents: their log, of the whole account or of each, and their notes."""

from em_agent.connectors.job import Job
from em_agent.errors import EmAgentError
from em_agent.integrations.pagerduty.api import PagerDutyApi
from em_agent.integrations.pagerduty.failures import NotPermittedError
from em_agent.kit.postgres import Connection

_ANY = "SELECT id FROM incidents ORDER BY triggered_at DESC NULLS LAST LIMIT 1"


async def find_access(job: Job, incident_id: str) -> None:
    """Note how the log can be read: of the whole account, of each incident, or not at all."""
    for access, path in (("account", "/log_entries"), ("incident", f"/incidents/{incident_id}/log_entries")):
        try:
            await job.api.get(path, [("limit", "1")])
        except NotPermittedError as error:
            job.run.note(f"{error} Without log entries, times of acknowledgement and escalation stay unknown.")
        else:
            job.place["access"] = access
            return
    job.place["access"] = "none"


async def find_access_by_any(job: Job) -> None:
    """The same before any incident was read."""
    await find_access(job, await job.connection.fetchval(_ANY) or "1")


def lacking(job: Job) -> set[str]:
    """What the run was not permitted to read."""
    missing = {"log"} if job.access == "none" else set()
    return missing | ({"notes"} if job.place.get("notes") == "none" else set())


async def has_gained(connection: Connection, api: PagerDutyApi, lacked: set[str]) -> bool:
    """Whether the token may now read something of what an earlier run was refused."""
    incident = f"/incidents/{await connection.fetchval(_ANY) or '1'}"
    paths = ["/log_entries", f"{incident}/log_entries"] if "log" in lacked else []
    paths += [f"{incident}/notes"] if "notes" in lacked else []
    for path in paths:
        try:
            await api.get(path, [("limit", "1")])
        except NotPermittedError:
            continue
        except EmAgentError:  # the run itself will say so
            return False
        return True
    return False
