"""What can happen between the response to an incident and its resolution."""

from collections.abc import Callable
from datetime import datetime, timedelta
from math import log
from random import Random

from em_agent.demo.causes import Occasion
from em_agent.demo.company import PEOPLE, POLICIES, PRIORITIES, SERVICES, Thing, level_of, thing
from em_agent.demo.stories import Teller

SPREAD = 0.75  # the sigma of most durations, which are log-normal


class Scene:
    """A story in the making, with the dice that decide about it."""

    def __init__(self, teller: Teller, occasion: Occasion, rng: Random) -> None:
        """Set the scene; the people's findings come in an order of its own."""
        self.teller = teller
        self.rng = rng
        self.occasion = occasion
        self._findings = rng.sample(occasion.notes, len(occasion.notes))

    def on_call(self) -> Thing:
        """Who has it now."""
        assignees = self.teller.state.assignees
        return assignees[0] if assignees else self.teller.state.policy.on_call(self.teller.now)

    def colleagues(self) -> list[Thing]:
        """Who could have it as well."""
        people = self.teller.state.policy.people
        return [person for person in people if person not in self.teller.state.assignees] or list(PEOPLE.values())

    def note(self, at: datetime, text: str) -> None:
        """Whoever has it writes this down."""
        self.teller.note(at, self.on_call(), text)

    def finding(self) -> str:
        """The next thing that someone finds out."""
        return self._findings.pop() if self._findings else "Nothing new, still watching the graphs."

    def minutes(self, median: float, spread: float = SPREAD) -> timedelta:
        """A span of about this many minutes."""
        return timedelta(minutes=self.draw(median, spread))

    def happens(self, share: float) -> bool:
        """Whether something that happens in this share of cases happens now."""
        return self.rng.random() < share

    def draw(self, median: float, spread: float = SPREAD) -> float:
        """A number about this median, with a long tail."""
        return self.rng.lognormvariate(log(median), spread)


def draw_happenings(rng: Random, *, is_severe: bool) -> list[Callable[[Scene, datetime], None]]:
    """What happens in one incident."""
    return [
        happen for chance, needs_severe, happen in _TABLE if rng.random() < chance and (is_severe or not needs_severe)
    ]


def _look(scene: Scene, at: datetime) -> None:
    scene.note(at, scene.finding())


def _acknowledge_too(scene: Scene, at: datetime) -> None:
    scene.teller.acknowledge(at, scene.rng.choice(scene.colleagues()))


def _let_slip(scene: Scene, at: datetime) -> None:
    scene.teller.unacknowledge(at)
    scene.teller.acknowledge(scene.teller.now + scene.minutes(5), scene.on_call())


def _reassign(scene: Scene, at: datetime) -> None:
    scene.teller.reassign(at, scene.on_call(), scene.rng.choice(scene.colleagues()))
    scene.teller.acknowledge(scene.teller.now + scene.minutes(3), scene.on_call())


def _delegate(scene: Scene, at: datetime) -> None:
    others = [policy for policy in POLICIES.values() if policy != scene.teller.state.policy]
    scene.teller.delegate(at, scene.on_call(), scene.rng.choice(others))
    scene.teller.acknowledge(scene.teller.now + scene.minutes(6), scene.on_call())


def _escalate(scene: Scene, at: datetime) -> None:
    scene.teller.escalate(at, scene.on_call())
    scene.teller.acknowledge(scene.teller.now + scene.minutes(4), scene.on_call())


def _raise_priority(scene: Scene, at: datetime) -> None:
    _shift_priority(scene, at, -1)


def _lower_priority(scene: Scene, at: datetime) -> None:
    _shift_priority(scene, at, 1)


def _shift_priority(scene: Scene, at: datetime, by: int) -> None:
    """Change a priority that is there: setting the first one is neither up nor down."""
    old = scene.teller.state.priority
    level = level_of(old) + by if old else 0
    if level in PRIORITIES:
        scene.teller.change_priority(at, scene.on_call(), level)


def _move(scene: Scene, at: datetime) -> None:
    others = [service for service in SERVICES.values() if service != scene.teller.state.service]
    scene.teller.move(at, scene.on_call(), scene.rng.choice(others))


def _inform(scene: Scene, at: datetime) -> None:
    service = scene.teller.state.service.name
    event_type = "incident.status_update_published"
    looking = f"We are looking into a problem with {service}. Next update in 30 minutes."
    mending = f"The cause of the problem with {service} is known, a mend is on its way."
    scene.teller.tell(at, event_type, scene.on_call(), {"message": looking})
    scene.teller.tell(scene.teller.now + scene.minutes(15), event_type, scene.on_call(), {"message": mending})


def _ask_for_help(scene: Scene, at: datetime) -> None:
    helper = scene.rng.choice(POLICIES["Platform"].people)
    request = {"user": helper, "message": f"Please help with {scene.teller.incident.thing.name}"}
    scene.teller.tell(at, "incident.responder.added", scene.on_call(), {**request, "state": "pending"})
    answered_at = scene.teller.now + scene.minutes(2)
    scene.teller.tell(answered_at, "incident.responder.replied", helper, {**request, "state": "accepted"})


def _call(scene: Scene, at: datetime) -> None:
    room = scene.rng.randint(100_000_000, 999_999_999)
    scene.teller.tell(at, "incident.conference_bridge.updated", scene.on_call(), {"room": room})


def _run_workflow(scene: Scene, at: datetime) -> None:
    workflow = thing("incident_workflow", "Major incident")
    scene.teller.tell(at, "incident.workflow.started", None, {"workflow": workflow})
    done_at = scene.teller.now + scene.minutes(0.2)
    scene.teller.tell(done_at, "incident.workflow.completed", None, {"workflow": workflow})


def _fill_field(scene: Scene, at: datetime) -> None:
    impact = scene.rng.choice(("internal", "some customers", "all customers"))
    scene.teller.tell(at, "incident.custom_field_values.updated", scene.on_call(), {"field": "impact", "value": impact})


def _set_task(scene: Scene, at: datetime) -> None:
    scene.teller.tell(at, "incident.task.created", scene.on_call(), {"name": "Tell the shift lead"})


# Chance, whether only severe incidents see it, and what happens.
_TABLE: tuple[tuple[float, bool, Callable[[Scene, datetime], None]], ...] = (
    (0.75, False, _look),
    (0.35, False, _look),
    (0.06, False, _acknowledge_too),
    (0.04, False, _let_slip),
    (0.05, False, _reassign),
    (0.03, False, _delegate),
    (0.03, False, _escalate),
    (0.06, False, _raise_priority),
    (0.04, False, _lower_priority),
    (0.015, False, _move),
    (0.04, False, _fill_field),
    (0.02, False, _set_task),
    (0.5, True, _inform),
    (0.3, True, _ask_for_help),
    (0.15, True, _call),
    (0.15, True, _run_workflow),
)
