"""Requests that are taken directly: what a client sees is what it sees of any other server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from em_agent.kit.direct import LONGEST_BODY_BYTES, Answer, DirectApp, Headers
from em_agent.kit.http import server_of
from tests.parts import serving
from tests.waiting import eventually


class Application:
    """Takes what is sent to `/direct`, and answers when it is told to; its long way says that it was the long one."""

    def __init__(self) -> None:
        self.taken: list[tuple[bytes, Answer]] = []

    def take(self, url: bytes, _: Headers, body: bytes, answer: Answer) -> bool:
        if url == b"/broken":
            raise ValueError
        if url == b"/direct":
            self.taken.append((body, answer))
        return url == b"/direct"

    def answer_all(self) -> None:
        for body, answer in self.taken:
            answer(200, b"direct %d" % len(body), [(b"x-way", b"short")])
        self.taken.clear()

    async def long_way(self, _: Any, receive: Any, send: Any) -> None:
        length, more = 0, True
        while more:
            message = await receive()
            length, more = length + len(message["body"]), message["more_body"]
        text = b"long %d" % length
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(text))]})
        await send({"type": "http.response.body", "body": text})


class Wire:
    """A connection on which bytes are sent and answers read."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, url: str, body: bytes, further: str = "", method: str = "POST") -> None:
        head = f"{method} {url} HTTP/1.1\r\nHost: here\r\nContent-Length: {len(body)}\r\n{further}\r\n"
        self.writer.write(head.encode() + body)

    async def answer(self) -> tuple[str, str]:
        """The head and the body of the next answer."""
        async with asyncio.timeout(10):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
            return head, (await self.reader.readexactly(length)).decode()


@asynccontextmanager
async def wire_to(application: Application) -> AsyncIterator[Wire]:
    """A connection to the application as it is served."""
    async with serving(DirectApp(application.long_way, application.take)) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        try:
            yield Wire(reader, writer)
        finally:
            writer.close()


async def test_answered_later() -> None:
    """A body that comes in pieces is taken whole, and answered when the application says so; twice on one connection."""
    application = Application()
    async with wire_to(application) as wire:
        for _ in range(2):
            wire.send("/direct", b"abc", "Content-Type: text/plain\r\n")
            await eventually(lambda: bool(application.taken))
            application.answer_all()
            head, body = await wire.answer()
            assert head.startswith("HTTP/1.1 200 OK\r\n")
            assert "x-way: short\r\n" in head
            assert body == "direct 3"
            wire.writer.write(b"POST /direct HTTP/1.1\r\nHost: here\r\nContent-Length: 6\r\n\r\nabc")
            await asyncio.sleep(0.05)
            assert not application.taken
            wire.writer.write(b"def")
            await eventually(lambda: bool(application.taken))
            application.answer_all()
            assert (await wire.answer())[1] == "direct 6"


async def test_long_way() -> None:
    """What is not wanted, breaks, is long, has no length or another method takes the long way, with its whole body."""
    async with wire_to(Application()) as wire:
        wire.send("/other", b"abcd")
        assert (await wire.answer())[1] == "long 4"
        wire.send("/broken", b"abcd")
        assert (await wire.answer())[1] == "long 4"
        wire.send("/direct", b"x" * (LONGEST_BODY_BYTES + 1))
        assert (await wire.answer())[1] == f"long {LONGEST_BODY_BYTES + 1}"
        wire.send("/direct", b"abcd", method="PUT")
        assert (await wire.answer())[1] == "long 4"
        chunked = b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        wire.writer.write(b"POST /direct HTTP/1.1\r\nHost: here\r\n" + chunked)
        assert (await wire.answer())[1] == "long 3"
        wire.send("/direct", b"abcd", "Connection: close\r\n")
        head, body = await wire.answer()
        assert (body, "connection: close" in head) == ("long 4", True)


async def test_pipelined() -> None:
    """Requests sent without waiting are answered in their order, each with its own body."""
    application = Application()
    async with wire_to(application) as wire:
        for length in range(1, 6):
            wire.send("/direct", b"x" * length)
        await eventually(lambda: bool(application.taken))
        application.answer_all()
        assert [(await wire.answer())[1].split()[-1] for _ in range(5)] == ["1", "2", "3", "4", "5"]


async def test_sender_gone() -> None:
    """An answer to a sender that went away goes nowhere, and others are served."""
    application = Application()
    async with serving(DirectApp(application.long_way, application.take)) as url:
        port = int(url.rpartition(":")[2])
        gone, staying = [Wire(*await asyncio.open_connection("127.0.0.1", port)) for _ in range(2)]
        gone.send("/direct", b"a")
        await eventually(lambda: bool(application.taken))
        gone.writer.close()
        await gone.writer.wait_closed()
        staying.send("/direct", b"ab")
        await eventually(lambda: len(application.taken) == 2)
        application.answer_all()
        assert (await staying.answer())[1] == "direct 2"
        staying.writer.close()


async def test_stop() -> None:
    """A stop waits for the answer of what was taken, and closes the connection with it."""
    application = Application()
    server = server_of(DirectApp(application.long_way, application.take))
    task = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    wire = Wire(*await asyncio.open_connection("127.0.0.1", server.servers[0].sockets[0].getsockname()[1]))
    wire.send("/direct", b"abc")
    await eventually(lambda: bool(application.taken))
    server.should_exit = True
    await asyncio.sleep(0.3)
    assert not task.done()
    application.answer_all()
    head, body = await wire.answer()
    assert ("connection: close" in head, body) == (True, "direct 3")
    async with asyncio.timeout(5):
        await task
    wire.writer.close()
