"""The worker of Slack's jobs with all that it works with, as a part of a process."""

import asyncio
from zoneinfo import ZoneInfo

from em_agent.kit.postgres import open_pool
from em_agent.metrics.incidents import IncidentMeter
from em_agent.slack.answers.sources import Sources
from em_agent.slack.client import open_slack
from em_agent.slack.dispatch import build_dispatch
from em_agent.slack.poster import Poster
from em_agent.slack.worker import SlackWorker

POOL_SIZE = 4


class SlackPart:
    """Answers what Slack asks."""

    def __init__(self, database_url: str, *, token: str | None, api_url: str, zone: ZoneInfo) -> None:
        """Speak with the Slack at `api_url` by the bot's token; without one, only commands are answered."""
        self._database_url = database_url
        self._token = token
        self._api_url = api_url
        self._zone = zone
        self._worker: SlackWorker | None = None

    @property
    def is_well(self) -> bool:
        """Whether jobs can be read and done."""
        return self._worker is not None and self._worker.is_well

    async def run(self) -> None:
        """Work until cancelled."""
        async with (
            open_pool(self._database_url, name="em-agent worker slack", size=POOL_SIZE) as pool,
            open_slack(self._token, self._api_url) as client,
        ):
            sources = Sources(pool, IncidentMeter(pool), self._zone)
            self._worker = SlackWorker(pool, self._database_url, build_dispatch(sources, client.web), Poster(client))
            async with asyncio.TaskGroup() as group:
                group.create_task(self._worker.run())
