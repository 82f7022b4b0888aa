"""What the pages work with, given by the composition root."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from nats.aio.client import Client

from em_agent.ask.asker import Asker
from em_agent.kit.postgres import Pool
from em_agent.kit.sessions import Sessions
from em_agent.metrics.incidents import IncidentMeter
from em_agent.search.query import Search


@dataclass(frozen=True, kw_only=True)
class Backend:
    """The connections and parts behind the pages: the same ones that the API has."""

    pool: Pool
    nats: Client
    timezone: ZoneInfo
    meter: IncidentMeter
    search: Search
    asker: Asker
    sessions: Sessions
    has_slack: bool = False
