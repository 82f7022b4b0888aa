"""The page of health: what is wrong stands there with what to do, and dead letters are replayed from it."""

import asyncpg
import pytest

from tests.dashboard.conftest import Open
from tests.parts import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="session")

ERROR = "ValueError: <img src=x onerror=alert(1)> " + "x" * 900


async def _bury(url: str) -> tuple[int, int]:
    """The id of a new dead letter, and of its event."""
    connection = await asyncpg.connect(url)
    try:
        row = await connection.fetchrow(
            "INSERT INTO dead_letters (consumer, event_id, source, delivery_id, error, attempts) "
            "SELECT 'warehouse', id, source, delivery_id, $1, 6 FROM events_raw ORDER BY id LIMIT 1 RETURNING id, event_id",
            ERROR,
        )
        assert row is not None
        return row["id"], row["event_id"]
    finally:
        await connection.close()


async def _clear(url: str) -> int:
    """How many events were to be sent again; nothing of it is left."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("DELETE FROM dead_letters")
        return len(await connection.fetch("DELETE FROM outbox WHERE redelivery LIKE 'replay-%' RETURNING event_id"))
    finally:
        await connection.close()


async def test_replay(demo: Gateway, demo_url: str, open_page: Open) -> None:
    """A dead letter stands there with its error as text, and its button has the event sent again, once a click."""
    letter, _ = await _bury(demo_url)
    try:
        page = await open_page(demo, "/health")
        row = page.locator("#aside tr", has_text="warehouse")
        assert "<img src=x onerror=alert(1)>" in await row.inner_text()
        await page.get_by_role("button", name=f"Replay dead letter {letter}").click()
        await page.get_by_role("status").filter(has_text=f"Dead letter {letter}").wait_for()
        assert "1×" in await row.inner_text()
    finally:
        assert await _clear(demo_url) == 1


async def test_no_other_site_replays(demo: Gateway, guarded: Gateway, demo_url: str) -> None:
    """A form of another site, and one without a session where keys are set, changes nothing."""
    letter, _ = await _bury(demo_url)
    try:
        path = f"/health/dead-letters/{letter}/replay"
        foreign = {"Origin": "https://evil.example.com"}
        assert (await demo.client.post(path, headers=foreign)).status_code == 403
        assert (await guarded.client.post(path)).status_code in {303, 401, 403}
        assert (await demo.client.get(path)).status_code in {404, 405}
        assert (await demo.client.post("/health/dead-letters/none/replay")).status_code == 422
        assert (await demo.client.post("/health/dead-letters/999999/replay")).status_code == 404
    finally:
        assert await _clear(demo_url) == 0


async def test_what_is_wrong_is_said(demo: Gateway, open_page: Open) -> None:
    """Without NATS its state is bad, the consumers' lag unknown rather than 0, and the rest of the page is there."""
    page = await open_page(demo, "/health")
    row = page.locator("#parts tr", has_text="nats")
    assert await row.locator(".badge.bad").inner_text() == "not connected"
    assert "em-agent doctor" in await row.inner_text()
    for name in ("lag.incidents", "lag.warehouse"):
        assert await page.locator(f"[data-metric='{name}']").inner_text() == "unknown"
    assert await page.locator("#deliveries tbody tr").count() > 0
    assert await page.locator(".failed").count() == 0
