"""Deliveries: signatures, repetitions, disorder, losses, and the answers foretold."""

import json
from collections import Counter, defaultdict
from datetime import datetime, timedelta

import pytest

from em_agent.demo.plan import TIDY, USUAL, Mishaps, Plan, SignedDelivery
from em_agent.demo.signing import FORGERIES, SIGNATURE, active_secrets, sign
from em_agent.demo.strange import STRANGE
from em_agent.demo.year import Year
from em_agent.integrations.pagerduty.webhook import SOURCE

NEW, OLD = "n3w/secret+=", "0ld-secret"


def _is_authentic(delivery: SignedDelivery, *secrets: str) -> bool:
    given = delivery.headers.get(SIGNATURE, "")
    assert SOURCE.signature is not None
    return SOURCE.signature.matches(given, delivery.body, [secret.encode() for secret in secrets])


def _event_id(delivery: SignedDelivery) -> str:
    event_id: str = json.loads(delivery.body)["event"]["id"]
    return event_id


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"event":{"id":"01","event_type":"pagey.ping"}}',
         "7fc75c5e66469e5503e57a8a3d1355a77bd22f3a8692e6bb701a247420bfd318"),
        ('{"event":{"data":{"title":"Café ⚠ 数据库"}}}',
         "15e6a2bc87374811c83b7cdc776eb03d4a92899637a831bb7e2f3145f00ec5fe"),
    ],
)  # fmt: skip
def test_signatures_are_those_of_pagerduty(body: str, expected: str) -> None:
    """Known bodies and a known secret give the known signatures."""
    assert sign(body.encode(), "s3cr3t+/=") == expected


def test_the_same_arguments_make_the_same_plan(year: Year) -> None:
    """Bodies, headers, order and foretold answers are equal in two plans."""
    mishaps = Mishaps(overlap=0.5, retries=0.1, disorder=None, lost_triggers=0.1, forged=0.1, guide=0.2, strange=True)
    assert list(Plan(year, [NEW], mishaps).deliveries()) == list(Plan(year, [NEW], mishaps).deliveries())


def test_a_tidy_plan_sends_each_event_once_in_order(year: Year) -> None:
    """Without mishaps every answer is ok and times never go back."""
    plan = Plan(year, [NEW], TIDY)
    deliveries = list(plan.deliveries())
    assert len(deliveries) == len(plan)
    assert {(delivery.status, delivery.word) for delivery in deliveries} == {(200, "ok")}
    times = [datetime.fromisoformat(json.loads(delivery.body)["event"]["occurred_at"]) for delivery in deliveries]
    assert times == sorted(times)
    assert all(_is_authentic(delivery, NEW) for delivery in deliveries)
    types = {json.loads(delivery.body)["event"]["event_type"] for delivery in deliveries}
    assert {"pagey.ping", "service.updated"} <= types


def test_copies_share_the_event_and_retries_the_webhook(year: Year) -> None:
    """Two subscriptions send one event id under two webhook ids; a retry repeats the webhook id and the body."""
    copies = defaultdict(list)
    for delivery in Plan(year, [NEW], USUAL).deliveries():
        copies[_event_id(delivery)].append(delivery)
    seen: Counter[str] = Counter()
    for same in copies.values():
        assert [delivery.word for delivery in same] == ["ok"] + ["duplicate"] * (len(same) - 1)
        assert len({delivery.body for delivery in same}) == 1
        seen["subscriptions"] += len({delivery.headers["X-Webhook-Subscription"] for delivery in same}) > 1
        webhooks = Counter(delivery.headers["X-Webhook-Id"] for delivery in same)
        seen["retries"] += max(webhooks.values()) > 1
    assert seen["subscriptions"] > len(copies) / 10
    assert seen["retries"] > len(copies) / 100


def test_disorder_stays_within_its_horizon(year: Year) -> None:
    """A delivery overtakes others by the horizon at most; without one, by anything."""

    def worst(mishaps: Mishaps) -> timedelta:
        newest = year.start - timedelta(days=1)
        lag = timedelta(0)
        for delivery in Plan(year, [NEW], mishaps).deliveries():
            at = datetime.fromisoformat(json.loads(delivery.body)["event"]["occurred_at"])
            newest = max(newest, at)
            lag = max(lag, newest - at)
        return lag

    assert timedelta(minutes=1) < worst(Mishaps(disorder=timedelta(minutes=10))) <= timedelta(minutes=10)
    assert worst(Mishaps(disorder=None)) > timedelta(days=60)


def test_lost_triggers_never_come_and_truth_knows(year: Year) -> None:
    """No copy of a lost trigger is sent, something else of the incident is, and its truth begins at a whole second."""
    plan = Plan(year, [NEW], Mishaps(overlap=0.5, lost_triggers=0.2))
    kinds = defaultdict(set)
    for delivery in plan.deliveries():
        event = json.loads(delivery.body)["event"]
        if event["data"]["type"] == "incident":
            kinds[event["data"]["number"]].add(event["event_type"])
    lost = {number for number, seen in kinds.items() if "incident.triggered" not in seen}
    assert len(lost) > 40
    assert len(kinds) == len(year.stories)
    for told, known in zip((story.truth for story in year.stories), plan.truths, strict=True):
        assert (known == told.without_trigger()) if told.number in lost else (known == told)


def test_forgeries_are_never_authentic(year: Year) -> None:
    """Deliveries that must be refused match no secret, in every way of forging, and their events come no other way."""
    deliveries = list(Plan(year, [NEW, OLD], Mishaps(forged=0.1)).deliveries())
    forged = [delivery for delivery in deliveries if delivery.status == 401]
    assert len(forged) > 10 * len(FORGERIES)
    assert not any(_is_authentic(delivery, NEW, OLD) for delivery in forged)
    assert all(delivery.word is None for delivery in forged)
    real = {_event_id(delivery) for delivery in deliveries if delivery.status == 200}
    assert real.isdisjoint(_event_id(delivery) for delivery in forged)
    assert any(SIGNATURE not in delivery.headers for delivery in forged)


def test_secrets_rotate(year: Year) -> None:
    """First the old secret signs, then both, then the new one; a gateway that knows both accepts all."""
    deliveries = list(Plan(year, [NEW, OLD], TIDY).deliveries())
    assert all(_is_authentic(delivery, NEW, OLD) for delivery in deliveries)
    signed = [(_is_authentic(delivery, OLD), _is_authentic(delivery, NEW)) for delivery in deliveries]
    assert list(dict.fromkeys(signed)) == [(True, False), (True, True), (False, True)]


def test_secrets_rotate_more_than_once() -> None:
    """Of three secrets each takes over from the next older one."""
    turns = [tuple(active_secrets(["c", "b", "a"], step / 100)) for step in range(100)]
    assert list(dict.fromkeys(turns)) == [("a",), ("b", "a"), ("b",), ("c", "b"), ("c",)]


def test_guide_shapes_have_no_event_id(year: Year) -> None:
    """A share of the incidents comes in the older shape; copies of those repeat byte for byte."""
    copies = defaultdict(list)
    for delivery in Plan(year, [NEW], Mishaps(overlap=0.5, retries=0.1, guide=0.3)).deliveries():
        event = json.loads(delivery.body)["event"]
        if "id" not in event:
            copies[delivery.body].append(delivery.word)
    assert len(copies) > 100
    assert all(words == ["ok"] + ["duplicate"] * (len(words) - 1) for words in copies.values())


def test_strange_bodies_are_signed_and_foretold(year: Year) -> None:
    """Each strange body is sent once, is authentic, and is a different one."""
    bodies = dict(STRANGE)
    assert len(bodies) == len(STRANGE)
    found = {d.body: d for d in Plan(year, [NEW, OLD], Mishaps(strange=True)).deliveries() if d.body in bodies}
    assert {body: delivery.word for body, delivery in found.items()} == bodies
    assert all(_is_authentic(delivery, NEW, OLD) for delivery in found.values())


def test_the_closing_ping_is_the_same_each_time(year: Year) -> None:
    """It can be recognised later: same id, same body."""
    plan = Plan(year, [NEW])
    assert plan.closing() == plan.closing()
    assert _event_id(plan.closing()) == plan.closing_id
    assert plan.closing_id not in {_event_id(delivery) for delivery in plan.deliveries()}
