"""What the gateway is measured against: the same server with nothing behind it, and with one INSERT a request."""

from typing import Any

import asyncpg

from em_agent.settings import load_settings

_INSERT = "INSERT INTO events_raw (source, delivery_id, payload) VALUES ('pagerduty', gen_random_uuid()::text, $1::text::json)"
_pool: "asyncpg.Pool[asyncpg.Record] | None" = None


async def _body(receive: Any) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


async def _answer(send: Any) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"15")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"status":"ok"}'})


async def noop(scope: Any, receive: Any, send: Any) -> None:
    """Read the body, answer."""
    await _body(receive)
    await _answer(send)


async def one_insert(scope: Any, receive: Any, send: Any) -> None:
    """Read the body, store it by a statement of its own, answer."""
    global _pool  # noqa: PLW0603 - one for the process
    if _pool is None:
        _pool = asyncpg.create_pool(load_settings().database_url, min_size=1, max_size=32)
    await _pool
    body = await _body(receive)
    if scope["method"] == "POST":
        await _pool.execute(_INSERT, body.decode())
    await _answer(send)
