"""What the answers are made of, out of the memory and the metrics."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from em_agent.ask.asker import Asker
from em_agent.kit.postgres import Pool
from em_agent.metrics.incidents import IncidentMeter
from em_agent.search.query import Search
from em_agent.slack.memory import MemoryFinder, MemoryTeller

if TYPE_CHECKING:  # they bring along what only who has a model needs
    from em_agent.ask.model import Model
    from em_agent.search.embedder import Embedder


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Sources:
    """What the answers are made of."""

    pool: Pool
    meter: IncidentMeter
    zone: ZoneInfo
    teller: MemoryTeller
    finder: MemoryFinder
    now: Callable[[], datetime] = _now


def sources_from(zone: ZoneInfo, embedder: "Embedder | None", model: "Model | None") -> Callable[[Pool], Sources]:
    """What makes the sources out of a pool."""

    def build(pool: Pool) -> Sources:
        meter, search = IncidentMeter(pool), Search(pool, embedder)
        asker = Asker(search, meter, pool, timezone=zone, embedder=embedder, model=model)
        return Sources(pool, meter, zone, MemoryTeller(asker), MemoryFinder(search))

    return build
