"""Which deliveries carry a year's events, in which order, and what the gateway has to answer to each."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from em_agent.demo import payloads
from em_agent.demo.company import PEOPLE, SERVICES
from em_agent.demo.ids import draw_event_id, draw_uuid, id_of
from em_agent.demo.signing import FORGERIES, SIGNATURE, active_secrets, headers_for
from em_agent.demo.stories import Step, Story
from em_agent.demo.strange import STRANGE
from em_agent.demo.truth import Truth
from em_agent.demo.year import Year
from em_agent.integrations.pagerduty.webhook import SOURCE

ACCOUNT_SUBSCRIPTION = id_of("webhook_subscription", "account")
TEAM_SUBSCRIPTION = id_of("webhook_subscription", "team")
_PING_EVERY = timedelta(days=30)
_SERVICE_CHANGE_EVERY = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Mishaps:
    """How the deliveries stray from one tidy copy of each event in order.

    `overlap` is the share of services that a second subscription covers as well; `retries` the share of deliveries
    that come again; `disorder` how late one may come (None: in no order at all); `lost_triggers` the share of
    incidents whose trigger never comes; `forged` the share of events that a stranger imitates; `guide` the share of
    incidents in the older shape of integration guides; `strange` adds the odd bodies of `strange.py`.
    """

    overlap: float = 0.0
    retries: float = 0.0
    disorder: timedelta | None = timedelta(0)
    lost_triggers: float = 0.0
    forged: float = 0.0
    guide: float = 0.0
    strange: bool = False


TIDY = Mishaps()
USUAL = Mishaps(overlap=0.45, retries=0.03, disorder=timedelta(minutes=3))


@dataclass(frozen=True, slots=True)
class SignedDelivery:
    """A request to the gateway and its right answer: `word` is the answer's `status`, None where it has none.

    Deliveries of one `lane` depend on each other: the answers are right if they are sent one after the other.
    """

    body: bytes
    headers: dict[str, str]
    lane: str
    status: int
    word: str | None
    source: str = SOURCE.name


@dataclass(frozen=True, slots=True)
class _Copy:
    """One delivery before it is written out."""

    due: float
    key: str
    lane: str
    age: float
    render: Callable[[], bytes]
    subscription: str
    webhook_id: str
    forgery: int | None = None
    word: str | None = None


class Plan:
    """The deliveries of a year; always the same for the same year, secrets, mishaps and seed."""

    def __init__(self, year: Year, secrets: Sequence[str], mishaps: Mishaps = USUAL, *, seed: int = 1) -> None:
        """Decide about every delivery; `secrets` are what the gateway knows, the newest first."""
        self._year = year
        self._secrets = tuple(secrets)
        self._mishaps = mishaps
        self._rng = Random(f"plan/{seed}")  # noqa: S311 - a tale, not a secret
        rng = self._rng
        self._overlapping = {name for name in SERVICES if rng.random() < mishaps.overlap}
        self._guided = {story.incident.number for story in year.stories if rng.random() < mishaps.guide}
        self._lost = {
            story.incident.number
            for story in year.stories
            if rng.random() < mishaps.lost_triggers and _can_lose_trigger(story)
        }
        self._copies = sorted(self._all_copies(), key=lambda copy: (copy.due, copy.webhook_id))

    def __len__(self) -> int:
        """How many deliveries there are."""
        return len(self._copies)

    @property
    def truths(self) -> list[Truth]:
        """What can be known of each incident once every delivery has come."""
        return [
            story.truth.without_trigger() if story.incident.number in self._lost else story.truth
            for story in self._year.stories
        ]

    @property
    def closing_id(self) -> str:
        """The event id of `closing()`."""
        return draw_event_id(Random(f"closing/{self._year.end.isoformat()}"), self._year.end)  # noqa: S311

    def closing(self) -> SignedDelivery:
        """A ping to send when all else has been accepted: where it is on record, the year is complete."""
        body = payloads.encode(payloads.ping(self.closing_id, self._year.end))
        webhook_id = draw_uuid(Random(self.closing_id))  # noqa: S311
        headers = headers_for(body, self._secrets[:1], subscription=ACCOUNT_SUBSCRIPTION, webhook_id=webhook_id)
        return SignedDelivery(body, headers, self.closing_id, 200, "ok")

    def deliveries(self) -> Iterator[SignedDelivery]:
        """Every delivery in the order of sending."""
        seen: set[str] = set()
        for copy in self._copies:
            body = copy.render()
            signing = active_secrets(self._secrets, copy.age)
            headers = headers_for(body, signing, subscription=copy.subscription, webhook_id=copy.webhook_id)
            if copy.forgery is not None:
                forged = FORGERIES[copy.forgery](body, self._secrets[0])
                headers.pop(SIGNATURE)
                headers |= {} if forged is None else {SIGNATURE: forged}
                yield SignedDelivery(body, headers, copy.lane, 401, None)
                continue
            word = copy.word or ("duplicate" if copy.key in seen else "ok")
            seen.add(copy.key)
            yield SignedDelivery(body, headers, copy.lane, 200, word)

    def _all_copies(self) -> Iterator[_Copy]:
        for story in self._year.stories:
            for step in story.steps:
                is_lost = step.event_type == "incident.triggered" and story.incident.number in self._lost
                if not is_lost:
                    yield from self._copies_of(story, step)
                if self._rng.random() < self._mishaps.forged:
                    yield self._forgery_of(story, step)
        yield from self._other_events()
        if self._mishaps.strange:
            yield from self._strange_bodies()

    def _copies_of(self, story: Story, step: Step) -> Iterator[_Copy]:
        """The event by each subscription that covers it, some of them again."""
        shape = payloads.guide if story.incident.number in self._guided else payloads.v3
        due = step.at.timestamp()
        subscriptions = [ACCOUNT_SUBSCRIPTION]
        if step.state.service.name in self._overlapping:
            subscriptions.append(TEAM_SUBSCRIPTION)
        for subscription in subscriptions:
            copy = self._copy(due, step.id, story.incident.thing.id, lambda: _render(shape, story, step), subscription)
            yield copy
            if self._rng.random() < self._mishaps.retries:
                yield _again(copy, self._rng.lognormvariate(3.0, 1.5))

    def _forgery_of(self, story: Story, step: Step) -> _Copy:
        """A resolution that never was, some hours later, under a signature that proves nothing."""
        at = step.at + timedelta(hours=self._rng.uniform(1, 9))
        forged = Step(draw_event_id(self._rng, at), at, "incident.resolved", step.agent, step.state)
        forgery = self._rng.randrange(len(FORGERIES))
        render = lambda: _render(payloads.v3, story, forged)  # noqa: E731
        return self._copy(at.timestamp(), forged.id, forged.id, render, ACCOUNT_SUBSCRIPTION, forgery=forgery)

    def _other_events(self) -> Iterator[_Copy]:
        """Pings, and changes of services' settings."""
        year, rng = self._year, self._rng
        span = year.end - year.start
        for turn in range(int(span / _PING_EVERY)):
            at = year.start + turn * _PING_EVERY + timedelta(hours=9)
            event_id = draw_event_id(rng, at)
            yield self._other(at.timestamp(), event_id, payloads.encode(payloads.ping(event_id, at)))
        for turn in range(int(span / _SERVICE_CHANGE_EVERY)):
            at = year.start + turn * _SERVICE_CHANGE_EVERY + timedelta(hours=rng.uniform(8, 17))
            event_id = draw_event_id(rng, at)
            change = payloads.service_updated(
                event_id, at, rng.choice(list(SERVICES.values())), rng.choice(list(PEOPLE.values()))
            )
            yield self._other(at.timestamp(), event_id, payloads.encode(change))

    def _strange_bodies(self) -> Iterator[_Copy]:
        start = self._year.start.timestamp()
        span = self._year.end.timestamp() - start
        for place, (body, word) in enumerate(STRANGE):
            yield self._other(start + self._rng.random() * span, f"strange-{place}", body, word)

    def _other(self, due: float, key: str, body: bytes, word: str | None = None) -> _Copy:
        return self._copy(due, key, key, lambda: body, ACCOUNT_SUBSCRIPTION, word=word)

    def _copy(  # noqa: PLR0913 - one argument for each thing that differs
        self,
        at: float,
        key: str,
        lane: str,
        render: Callable[[], bytes],
        subscription: str,
        *,
        forgery: int | None = None,
        word: str | None = None,
    ) -> _Copy:
        start, end = self._year.start.timestamp(), self._year.end.timestamp()
        age = (at - start) / (end - start)
        horizon = self._mishaps.disorder
        lateness = self._rng.random()
        due = lateness * (end - start) if horizon is None else at + lateness * horizon.total_seconds()
        return _Copy(due, key, lane, age, render, subscription, draw_uuid(self._rng), forgery, word)


def _render(shape: Callable[[Story, Step], payloads.Json], story: Story, step: Step) -> bytes:
    return payloads.encode(shape(story, step))


def _again(copy: _Copy, seconds: float) -> _Copy:
    """The same delivery once more: PagerDuty keeps the webhook id."""
    return _Copy(copy.due + seconds, copy.key, copy.lane, copy.age, copy.render, copy.subscription, copy.webhook_id)


def _can_lose_trigger(story: Story) -> bool:
    """Whether all that is true without the trigger can still be known from the other events."""
    others = [step for step in story.steps if payloads.has_snapshot(step.event_type)]
    return len(others) > 1 and not story.truth.is_priority_raised
