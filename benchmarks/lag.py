"""How long after its request an event reaches a JetStream subscriber, at a thousand a second.

Run: python -m benchmarks.lag
"""

import asyncio
import statistics

import httpx2
import orjson
import uvloop
from nats.aio.msg import Msg

from benchmarks.stand import Servers, body, free_port, request, role, servers, show
from em_agent.domain.consumers import SUBJECT_PREFIX
from em_agent.kit import nats as kit_nats

PER_SECOND = 1000
SECONDS = 8
CONNECTIONS = 32
_READY_SECONDS = 20


async def _measure(at: Servers, port: int) -> tuple[list[float], list[float]]:
    """Milliseconds from sending a request to its answer, and to the arrival of its event."""
    loop = asyncio.get_running_loop()
    sent: dict[str, float] = {}
    answered: list[float] = []
    arrived: list[float] = []

    async def receive(message: Msg) -> None:
        started = sent.pop(orjson.loads(message.data)["delivery_id"], None)
        if started is not None:
            arrived.append((loop.time() - started) * 1000)

    async def send(numbers: range) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for place, number in enumerate(numbers):
            await asyncio.sleep(max(0.0, started_at + place * CONNECTIONS / PER_SECOND - loop.time()))
            content = body(number)
            sent[orjson.loads(content)["event"]["id"]] = begun = loop.time()
            writer.write(request(content, port))
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
            answered.append((loop.time() - begun) * 1000)
        writer.close()

    async with kit_nats.open_client(at.nats_url, name="benchmark") as client:
        await client.subscribe(f"{SUBJECT_PREFIX}.>", cb=receive)
        await _wait_for_relay(port)
        started_at = loop.time()
        count = PER_SECOND * SECONDS
        await asyncio.gather(*(send(range(first, count, CONNECTIONS)) for first in range(CONNECTIONS)))
        async with asyncio.timeout(_READY_SECONDS):
            while sent:
                await asyncio.sleep(0.05)
    return answered, arrived


async def _wait_for_relay(port: int) -> None:
    async with asyncio.timeout(_READY_SECONDS), httpx2.AsyncClient() as client:
        while (await client.get(f"http://127.0.0.1:{port}/readyz")).json()["checks"].get("relay") != "ok":
            await asyncio.sleep(0.1)


def main() -> None:
    """Print the median and the 99th percentile of both, and their ratios."""
    port = free_port()
    with (
        servers() as at,
        role(at, "gateway", port=port),
        role(at, "relay"),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        answered, arrived = runner.run(_measure(at, port))
    rows = []
    for name, place in (("p50", 49), ("p99", 98)):
        answer, arrival = (statistics.quantiles(values, n=100)[place] for values in (answered, arrived))
        rows.append([name, answer, arrival, arrival / answer])
    show(f"{PER_SECOND} a second: milliseconds", ["", "HTTP answer", "at the subscriber", "ratio"], rows)


if __name__ == "__main__":
    main()
