"""The sender against a gateway of a few lines, answering as gateways do."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable

import httpx2
import pytest

from em_agent.demo.plan import USUAL, Mishaps, Plan, SignedDelivery
from em_agent.demo.send import Tally, send
from em_agent.demo.year import Year
from em_agent.errors import PermanentError, RetriableError

BASE = "http://gateway.test"


def _ok(seen: set[bytes], request: httpx2.Request) -> httpx2.Response:
    body = request.content
    word = "duplicate" if body in seen else "ok"
    seen.add(body)
    return httpx2.Response(200, json={"status": word, "id": 1})


def _send(
    deliveries: list[SignedDelivery], answer: Callable[[httpx2.Request], httpx2.Response], **options: object
) -> Tally:
    async def run() -> Tally:
        return await send(deliveries, BASE, transport=httpx2.MockTransport(answer), **options)  # type: ignore[arg-type]

    return asyncio.run(run())


@pytest.fixture
def deliveries(year: Year) -> list[SignedDelivery]:
    """The first few hundred deliveries of a usual plan."""
    return list(Plan(year, ["secret"], USUAL).deliveries())[:400]


def test_every_delivery_is_posted_as_it_stands(deliveries: list[SignedDelivery]) -> None:
    """Path, body and headers arrive as planned, the answers are as foretold, and progress is told for each."""
    seen: set[bytes] = set()
    requests = []
    told = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        requests.append(request)
        return _ok(seen, request)

    tally = _send(deliveries, answer, on_progress=lambda tally: told.append(tally.sent))
    assert {request.url.path for request in requests} == {"/webhooks/pagerduty"}
    assert sorted(request.content for request in requests) == sorted(delivery.body for delivery in deliveries)
    webhooks = {delivery.headers["X-Webhook-Id"]: delivery for delivery in deliveries}
    for request in requests:
        planned = webhooks[request.headers["X-Webhook-Id"]]
        assert request.headers["X-PagerDuty-Signature"] == planned.headers["X-PagerDuty-Signature"]
        assert request.headers["User-Agent"] == "PagerDuty-Webhook/V3.0"
    assert tally.surprises == []
    assert told == list(range(1, len(deliveries) + 1))
    assert sum(tally.answers.values()) == tally.sent == len(deliveries)


def test_a_busy_gateway_is_asked_again(deliveries: list[SignedDelivery]) -> None:
    """429, 503 and a broken connection are tried again until the delivery is taken, and nothing is left out."""
    seen: set[bytes] = set()
    attempts: dict[bytes, int] = defaultdict(int)

    def answer(request: httpx2.Request) -> httpx2.Response:
        attempts[request.content] += 1
        number = len(attempts) % 20
        if attempts[request.content] == 1 and number < 3:
            if number == 2:
                raise httpx2.ConnectError("refused")
            return httpx2.Response((429, 503)[number], headers={"Retry-After": "0.01"})
        return _ok(seen, request)

    tally = _send(deliveries[:120], answer)
    assert tally.pauses > 5
    assert tally.sent == 120
    assert {delivery.body for delivery in deliveries[:120]} == seen


def test_a_stored_but_unanswered_delivery_may_be_a_duplicate(deliveries: list[SignedDelivery]) -> None:
    """When the answer was lost, `duplicate` to the second attempt is no surprise."""
    seen: set[bytes] = set()

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.content not in seen:
            seen.add(request.content)
            return httpx2.Response(503, headers={"Retry-After": "0.001"})
        return httpx2.Response(200, json={"status": "duplicate", "id": 1})

    assert _send(deliveries[:30], answer).surprises == []


def test_a_resumed_sending_expects_duplicates(deliveries: list[SignedDelivery]) -> None:
    """What was sent before an interruption is a duplicate now, and no surprise; without one it would be."""

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"status": "duplicate", "id": 1})

    assert _send(deliveries[:30], answer, is_resumed=True).surprises == []
    assert _send(deliveries[:30], answer).surprises != []


def test_lanes_keep_their_order_and_concurrency_its_bound(deliveries: list[SignedDelivery]) -> None:
    """Deliveries of an incident arrive one after the other, with never more requests open than allowed."""
    arrived = []
    running = most = 0

    async def answer(request: httpx2.Request) -> httpx2.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        arrived.append(request.headers["X-Webhook-Id"])
        running -= 1
        return httpx2.Response(200, json={"status": "ok", "id": 1})

    _send(deliveries, answer, concurrency=5)  # type: ignore[arg-type]
    assert 1 < most <= 5
    lanes = defaultdict(list)
    for delivery in deliveries:
        lanes[delivery.lane].append(delivery.headers["X-Webhook-Id"])
    for lane in lanes.values():
        assert [webhook for webhook in arrived if webhook in set(lane)] == lane


def test_wrong_answers_are_reported(year: Year) -> None:
    """An accepted forgery and a refused delivery show up as surprises."""
    deliveries = list(Plan(year, ["secret"], Mishaps(forged=0.2)).deliveries())[:100]
    forged = sum(delivery.status == 401 for delivery in deliveries)
    tally = _send(deliveries, lambda _: httpx2.Response(200, json={"status": "ok", "id": 1}))
    assert 0 < len(tally.surprises) <= forged
    assert "200 ok instead of 401 None" in tally.surprises[0]


def test_a_gateway_that_stays_away_is_an_error(deliveries: list[SignedDelivery]) -> None:
    """When patience is over, the sender says that the gateway does not take deliveries."""
    with pytest.raises(RetriableError, match="does not take deliveries: it answers 503"):
        _send(deliveries, lambda _: httpx2.Response(503), patience_seconds=0.2)


def test_something_else_than_a_gateway_is_an_error(deliveries: list[SignedDelivery]) -> None:
    """A server without this webhook is told from one that refuses a delivery."""
    with pytest.raises(PermanentError, match="is this an EM Agent gateway"):
        _send(deliveries, lambda _: httpx2.Response(404, content=json.dumps({"detail": "Not Found"})))
