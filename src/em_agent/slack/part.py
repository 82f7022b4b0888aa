"""All that works for Slack, as a part of a process: what answers, and what announces."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from em_agent.kit.postgres import Pool, open_pool
from em_agent.services import SlackAccess
from em_agent.slack.announce.announcer import Announcer
from em_agent.slack.announce.rules import Rule
from em_agent.slack.announce.teller import Teller
from em_agent.slack.answers.sources import Sources
from em_agent.slack.client import open_slack
from em_agent.slack.dispatch import build_dispatch
from em_agent.slack.pace import Pace
from em_agent.slack.poster import Poster
from em_agent.slack.socket_mode import SocketMode
from em_agent.slack.worker import SlackWorker

POOL_SIZE = 6
PAUSE_SECONDS = 2.0

log = structlog.get_logger()


class SlackPart:
    """Answers what Slack asks, and tells its channels of incidents."""

    def __init__(
        self, database_url: str, access: SlackAccess, rules: Sequence[Rule], sources: Callable[[Pool], Sources]
    ) -> None:
        """Work by the tokens of `access`: without a bot's, only commands are answered, and nothing is announced.

        With an app's token what Slack asks is also taken over a connection of ours.
        """
        self._database_url = database_url
        self._access = access
        self._rules = rules if access.bot_token else ()
        self._sources = sources
        self._parts: tuple[SlackWorker | Announcer, ...] = ()

    @property
    def is_well(self) -> bool:
        """Whether jobs can be read and done, and incidents be looked at; Slack itself may be away."""
        return bool(self._parts) and all(part.is_well for part in self._parts)

    async def run(self) -> None:
        """Work until cancelled."""
        async with (
            open_pool(self._database_url, name="em-agent worker slack", size=POOL_SIZE) as pool,
            open_slack(self._access.bot_token, self._access.api_url) as client,
        ):
            sources = self._sources(pool)
            poster = Poster(client, Pace())
            worker = SlackWorker(pool, self._database_url, build_dispatch(sources, client.web), poster)
            announcer = Announcer(self._database_url, pool, self._rules, Teller(pool, poster, sources))
            self._parts = (worker, announcer)
            async with asyncio.TaskGroup() as group:
                for part in self._parts:
                    group.create_task(_kept_up(part))
                if self._access.app_token:
                    group.create_task(_kept_up(self._socket(self._access.app_token, pool)))

    def _socket(self, app_token: str, pool: Pool) -> SocketMode:
        return SocketMode(app_token, self._access.api_url, pool)


async def _kept_up(part: SlackWorker | Announcer | SocketMode) -> None:
    """Run the part until cancelled, anew whenever it breaks."""
    while True:
        try:
            await part.run()
        except Exception:  # the outermost loop: what breaks of Slack must not end the process, which may do more
            part.is_well = False
            log.exception("slack.broken", part=type(part).__name__)
        await asyncio.sleep(PAUSE_SECONDS)
