"""A worker of Slack's jobs inside the test's own event loop, with answers of the test's choosing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from em_agent.kit.postgres import Pool
from em_agent.metrics.incidents import IncidentMeter
from em_agent.slack.answers.found import Alike, Quote, Told
from em_agent.slack.answers.sources import Sources
from em_agent.slack.client import open_slack
from em_agent.slack.dispatch import build_dispatch
from em_agent.slack.memory import MemoryFinder, MemoryTeller
from em_agent.slack.pace import Pace
from em_agent.slack.poster import Poster
from em_agent.slack.worker import SlackWorker
from tests.fake_slack import FakeSlack
from tests.parts import running

TOLD = Told("The pool was too small.", (Quote("cause", "The pool was too small.", "Ada"),), abstained=False)


@dataclass
class StandInTeller(MemoryTeller):
    """Answers every question in the same way, when it may."""

    told: Told = TOLD
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    errors: list[Exception] = field(default_factory=list)

    async def tell(self, question: str, now: datetime, *, context: str | None) -> Told:
        """The answer that was set."""
        assert now.tzinfo is not None
        self.asked.append((question, context))
        await self.may_answer.wait()
        if self.errors:
            raise self.errors.pop(0)
        return self.told


@dataclass
class StandInFinder(MemoryFinder):
    """Finds what was put there."""

    found: Sequence[Alike] = ()

    async def similar(self, incident_id: str, limit: int) -> Sequence[Alike]:
        """What was put there, but for the incident itself."""
        return [alike for alike in self.found if alike.id != incident_id][:limit]


@dataclass(frozen=True)
class Answering:
    """A worker, and what it answers from."""

    worker: SlackWorker
    teller: StandInTeller
    finder: StandInFinder


@asynccontextmanager
async def answering_on(
    database_url: str, pool: Pool, slack: FakeSlack, *, teller: StandInTeller | None = None
) -> AsyncIterator[Answering]:
    """A worker at work."""
    if teller is None:
        teller = StandInTeller()
        teller.may_answer.set()
    finder = StandInFinder()
    sources = Sources(pool, IncidentMeter(pool), ZoneInfo("UTC"), teller=teller, finder=finder)
    async with open_slack(slack.settings["SLACK_BOT_TOKEN"], slack.url) as client:
        worker = SlackWorker(pool, database_url, build_dispatch(sources, client.web), Poster(client, Pace()))
        async with running(worker.run()):
            yield Answering(worker, teller, finder)
