"""Sends deliveries to a gateway as PagerDuty does: several at a time, each until it is answered for good."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from zlib import crc32

import httpx2
import structlog

from em_agent.demo.plan import SignedDelivery
from em_agent.errors import PermanentError, RetriableError

PATH = "/webhooks"
_BUSY = {429, 502, 503, 504}
_ANSWER_SECONDS = 15.0
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 30.0
_WAITING_PER_LANE = 8
_KEPT_SURPRISES = 20

log = structlog.get_logger()


@dataclass(slots=True)
class Tally:
    """What became of the deliveries so far."""

    sent: int = 0
    answers: dict[str, int] = field(default_factory=dict)  # by the answer's word, or its status where it has none
    pauses: int = 0
    surprises: list[str] = field(default_factory=list)  # answers other than foretold, the first few

    def add(self, delivery: SignedDelivery, status: int, word: str | None, *, is_repeat: bool) -> None:
        """Count one final answer. A delivery that may have come before may rightly be a duplicate."""
        self.sent += 1
        name = word or str(status)
        self.answers[name] = self.answers.get(name, 0) + 1
        is_foretold = (status, word) == (delivery.status, delivery.word)
        is_own_echo = is_repeat and delivery.word == "ok" and word == "duplicate"
        if not is_foretold and not is_own_echo and len(self.surprises) < _KEPT_SURPRISES:
            webhook_id = delivery.headers.get("X-Webhook-Id")
            self.surprises.append(f"{webhook_id}: {status} {word} instead of {delivery.status} {delivery.word}")


async def send(  # noqa: PLR0913 - options by name
    deliveries: Iterable[SignedDelivery],
    base_url: str,
    *,
    concurrency: int = 16,
    patience_seconds: float = 300.0,
    is_resumed: bool = False,
    on_progress: Callable[[Tally], None] = lambda _: None,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> Tally:
    """Post every delivery to the gateway at `base_url`; what the answers were.

    Deliveries of one lane go one after the other. A gateway that is busy or away is asked again, when it says or ever
    more slowly. With `is_resumed` any of them may have been sent before.

    Raises:
        RetriableError: it stayed busy or away for `patience_seconds`.
        PermanentError: it answers that there is no such webhook, or fails.

    """
    tally = Tally()
    queues: list[asyncio.Queue[SignedDelivery | None]] = [asyncio.Queue(_WAITING_PER_LANE) for _ in range(concurrency)]
    limits = httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    async with httpx2.AsyncClient(
        base_url=base_url, timeout=_ANSWER_SECONDS, limits=limits, transport=transport, trust_env=False
    ) as client:
        post = _Post(client, tally, patience_seconds, is_resumed, on_progress)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_deal(deliveries, queues))
                for queue in queues:
                    group.create_task(_drain(queue, post))
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
    return tally


async def _deal(deliveries: Iterable[SignedDelivery], queues: list[asyncio.Queue[SignedDelivery | None]]) -> None:
    for delivery in deliveries:
        await queues[crc32(delivery.lane.encode()) % len(queues)].put(delivery)
    for queue in queues:
        await queue.put(None)


async def _drain(queue: asyncio.Queue[SignedDelivery | None], post: "_Post") -> None:
    while (delivery := await queue.get()) is not None:
        await post(delivery)


@dataclass(slots=True)
class _Post:
    """Sends one delivery until it has a final answer."""

    client: httpx2.AsyncClient
    tally: Tally
    patience_seconds: float
    is_resumed: bool
    on_progress: Callable[[Tally], None]

    async def __call__(self, delivery: SignedDelivery) -> None:
        deadline = time.monotonic() + self.patience_seconds
        pause = _FIRST_PAUSE_SECONDS
        is_repeat = self.is_resumed
        while True:
            try:
                response = await self.client.post(
                    f"{PATH}/{delivery.source}", content=delivery.body, headers=delivery.headers
                )
            except httpx2.TransportError as failure:
                reason, wait = repr(failure), pause
            else:
                if response.status_code not in _BUSY:
                    self._count(delivery, response, is_repeat=is_repeat)
                    return
                reason, wait = f"it answers {response.status_code}", _retry_after(response, pause)
            is_repeat = True
            if time.monotonic() + wait > deadline:
                message = f"The gateway at {self.client.base_url} does not take deliveries: {reason}."
                raise RetriableError(message)
            self.tally.pauses += 1
            log.debug("demo.waiting", seconds=wait, reason=reason)
            await asyncio.sleep(wait)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    def _count(self, delivery: SignedDelivery, response: httpx2.Response, *, is_repeat: bool) -> None:
        status = response.status_code
        if status in {404, 405} or status >= 500:  # noqa: PLR2004
            message = f"{response.url} answers {status}: is this an EM Agent gateway?"
            raise PermanentError(message)
        self.tally.add(delivery, status, _word(response), is_repeat=is_repeat)
        self.on_progress(self.tally)


def _word(response: httpx2.Response) -> str | None:
    """The answer's `status`."""
    try:
        answer = response.json()
    except ValueError:
        return None
    word = answer.get("status") if isinstance(answer, dict) else None
    return word if isinstance(word, str) else None


def _retry_after(response: httpx2.Response, otherwise: float) -> float:
    """How many seconds the gateway asks us to wait."""
    try:
        return min(float(response.headers["Retry-After"]), _LONGEST_PAUSE_SECONDS)
    except (KeyError, ValueError):
        return otherwise
