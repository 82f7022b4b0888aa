"""How incidents go: who answers when, what they try, how it ends, what they write."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from em_agent.demo.causes import Occasion
from em_agent.demo.company import PRIORITIES, Service
from em_agent.demo.happenings import Scene, draw_happenings
from em_agent.demo.stories import State, Story, StoryEndsError, Teller, open_incident

# Medians by priority.
_ACKNOWLEDGE_SECONDS = {1: 70, 2: 110, 3: 240, 4: 900, 5: 2400, None: 300}
_RESOLVE_MINUTES = {1: 70, 2: 85, 3: 115, 4: 260, 5: 600, None: 130}
_HIGH_URGENCY_SHARE = {1: 1.0, 2: 0.97, 3: 0.75, 4: 0.25, 5: 0.05, None: 0.6}
_ESCALATE_AFTER = (timedelta(minutes=10), timedelta(minutes=25))
_RECENT = timedelta(days=10)
_SEVERE = 2
_WEEKEND = (5, 6)
_DAYTIME = range(7, 22)


@dataclass(frozen=True, slots=True)
class Opening:
    """How an incident begins. Under `lead` it is a consequence of another incident; above 1, `pace` is slow."""

    number: int
    at: datetime
    service: Service
    occasion: Occasion
    pace: float = 1.0
    lead: Story | None = None
    is_memorable: bool = False  # mended and explained whatever the dice say
    goes_on: bool = False  # neither mended nor over at the end


def tell_story(opening: Opening, rng: Random, end: datetime) -> Story:
    """The incident from its trigger up to its end, or as far as it got by `end`."""
    plot = _Plot(opening, rng, end)
    with suppress(StoryEndsError):
        plot.run()
    return plot.teller.finish()


class _Plot(Scene):
    def __init__(self, opening: Opening, rng: Random, end: datetime) -> None:
        self.opening = opening
        self.end = end
        self.level = _draw_level(rng, opening.occasion.cause.level)
        self.is_severe = self.level is not None and self.level <= _SEVERE
        urgency = "high" if rng.random() < _HIGH_URGENCY_SHARE[self.level] else "low"
        priority = PRIORITIES[self.level] if self.level else None
        incident = open_incident(rng, opening.number, opening.at, opening.occasion)
        state = State(opening.service, opening.service.policy, urgency, priority)
        super().__init__(Teller(incident, opening.occasion, state, rng, end), opening.occasion, rng)
        self.monitor = incident.monitor

    def run(self) -> None:
        """Tell all of it."""
        opening, cause = self.opening, self.occasion.cause
        is_manual = self.teller.incident.is_manual
        self.teller.trigger(opening.at, self.rng.choice(self.colleagues()) if is_manual else self.monitor)
        if opening.lead and self._follow(opening.lead):
            return
        if not is_manual and self.happens(cause.heals) and not opening.goes_on:
            self._heal()
            return
        self._respond()
        stays_open = self.happens(0.15 if self.end - opening.at < _RECENT else 0.001)
        if opening.goes_on or (stays_open and not opening.is_memorable):
            self.note(self.teller.now + self.minutes(20), "Waiting for the vendor, leaving this open.")
            return
        self._work(opening.at + self.minutes(_RESOLVE_MINUTES[self.level] * cause.slowness * opening.pace))
        self._come_back()
        self._look_back()

    def _follow(self, lead: Story) -> bool:
        """Merge into the incident that caused this one, or end when it ended; False if it goes its own way."""
        over_at = lead.truth.episodes[0].resolved_at
        if over_at is None or self.happens(0.3):
            return False
        room = (over_at - self.teller.now).total_seconds() - 60
        if room > 0 and self.happens(0.5):
            answers = (step.agent for step in lead.steps if step.event_type == "incident.acknowledged")
            at = self.teller.now + timedelta(seconds=30 + self.rng.random() * room)
            self.teller.resolve(at, next(answers, None) or self.on_call(), merged_into=lead.incident.thing)
        else:
            self.teller.resolve(max(over_at, self.teller.now) + self.minutes(3), self.monitor)
        return True

    def _heal(self) -> None:
        """Nobody comes, and it goes away: the monitor says so, or the service's own timeout."""
        self.teller.resolve(self.teller.now + self.minutes(6, 1.0), self.monitor if self.happens(0.8) else None)
        if self.happens(0.1):
            self.note(self.teller.now + self.minutes(30), f"Went away by itself. {self.finding()}")

    def _respond(self) -> None:
        """Someone acknowledges; where that takes too long the next level is paged. Some just mend it."""
        start = self.teller.now
        is_high = self.teller.state.urgency == "high"
        slow = (1.7 if _is_off_hours(start) else 1.0) * (1.0 if is_high else 2.5)
        wait = timedelta(seconds=self.draw(_ACKNOWLEDGE_SECONDS[self.level] * slow, 0.9))
        for delay in _ESCALATE_AFTER if is_high else ():
            if wait > delay:
                self.teller.escalate(start + delay, None)
        if self.happens(0.97):
            self.teller.acknowledge(start + wait, self.on_call())

    def _work(self, until: datetime) -> None:
        """What happens between the response and the resolution, and the resolution."""
        start = self.teller.now
        until = max(until, start + timedelta(seconds=45))
        happenings = draw_happenings(self.rng, is_severe=self.is_severe)
        times = sorted(start + (until - start) * self.rng.uniform(0.02, 0.95) for _ in happenings)
        self.rng.shuffle(happenings)
        for at, happen in zip(times, happenings, strict=True):
            happen(self, at)
        self._resolve(until)

    def _resolve(self, at: datetime) -> None:
        """A person resolves it, mostly with a word about it; else the monitor, or nobody."""
        way = self.rng.choices(("by hand", "by the monitor", "by a timeout", "in one click"), (83, 12, 3, 2))[0]
        if way == "by the monitor":
            self.teller.resolve(at, self.monitor)
        elif way == "by a timeout":
            self.teller.resolve(at, None)
        elif way == "in one click":
            self.teller.acknowledge(at, self.on_call())
            self.teller.resolve(at, self.on_call(), is_tie=True)
        else:
            self._resolve_by_hand(at)

    def _resolve_by_hand(self, at: datetime) -> None:
        """Resolve with or without a note, which PagerDuty sends up to a second before or after."""
        person = self.on_call()
        text = f"Resolution Note: {self.occasion.fix}."
        apart = timedelta(milliseconds=self.rng.randint(50, 900))
        order = self.rng.choices(("none", "before", "after"), (6, 2, 2))[0]
        if order == "before":
            self.teller.note(at - apart, person, text)
        self.teller.resolve(at, person)
        if order == "after":
            self.teller.note(self.teller.now + apart, person, text)

    def _come_back(self) -> None:
        """Some that were thought to be over are not: reopened, or just acknowledged or escalated again."""
        way = self.rng.choices(("not", "reopened", "acknowledged", "escalated"), (951, 35, 10, 4))[0]
        at = self.teller.now + self.minutes(25)
        if way == "not":
            return
        if way == "reopened":
            self.teller.reopen(at, self.monitor if self.happens(0.4) else self.on_call())
            if self.happens(0.7):
                self.teller.acknowledge(self.teller.now + self.minutes(3), self.on_call())
        elif way == "acknowledged":
            self.teller.acknowledge(at, self.on_call())
        else:
            self.teller.escalate(at, self.on_call())
        self.note(self.teller.now + self.minutes(6), "It is back, the first mend did not hold.")
        self._resolve(self.teller.now + self.minutes(40 * self.opening.pace))

    def _look_back(self) -> None:
        """Afterwards, with luck, someone writes down why."""
        if self.opening.is_memorable or self.happens(0.85 if self.is_severe else 0.3):
            self.note(self.teller.now + self.minutes(60 * 20, 0.6), f"Root cause: {self.occasion.root_cause}.")
            self.note(self.teller.now + self.minutes(2), f"Fix: {self.occasion.fix}.")


def _draw_level(rng: Random, usual: int) -> int | None:
    shift = rng.choices((None, -1, 0, 1), (10, 14, 54, 22))[0]
    return None if shift is None else min(5, max(1, usual + shift))


def _is_off_hours(at: datetime) -> bool:
    return at.weekday() in _WEEKEND or at.hour not in _DAYTIME
