"""A language model on a real socket, which answers as it is told to."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

Reply = Callable[[dict[str, Any]], bytes | None]


def message(text: str) -> Reply:
    """It writes this text."""
    body = json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()
    return lambda _: _response(200, body)


def status(code: int, body: bytes = b"{}") -> Reply:
    """It answers with this status."""
    return lambda _: _response(code, body)


def raw(data: bytes) -> Reply:
    """It sends these bytes and closes."""
    return lambda _: data


def silence(_: dict[str, Any]) -> None:
    """It never answers."""


def _response(code: int, body: bytes) -> bytes:
    return (
        f"HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
        + body
    )


class FakeLlm:
    """Keeps what it was asked."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.asked: list[dict[str, Any]] = []
        self.headers: list[str] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(
                int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length")
            )
            self.headers.append(head)
            self.asked.append(json.loads(await reader.readexactly(length)))
            answer = self.reply(self.asked[-1])
            if answer is None:
                await reader.read()  # until the other side gives up
            else:
                writer.write(answer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def fake_llm(reply: Reply) -> AsyncIterator[FakeLlm]:
    """A model that listens meanwhile."""
    fake = FakeLlm(reply)
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    fake.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield fake
    finally:
        server.close()
