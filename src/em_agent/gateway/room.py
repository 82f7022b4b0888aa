"""How much of long bodies may be in memory at once."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from em_agent.errors import RetriableError


class Room:
    """So many bytes, lent in the order of asking; whoever asks for more than all gets all."""

    def __init__(self, capacity_bytes: int, *, patience_seconds: float) -> None:
        """Have the capacity free; nobody waits for room for longer than the patience."""
        self._free = self._capacity = capacity_bytes
        self._patience_seconds = patience_seconds
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def lend(self, wanted_bytes: int) -> AsyncIterator[None]:
        """Hold so many bytes meanwhile.

        Raises:
            RetriableError: others hold them for too long.

        """
        amount = min(wanted_bytes, self._capacity)
        await self._take(amount)
        try:
            yield
        finally:
            self._give(amount)

    async def _take(self, amount: int) -> None:
        if not self._waiting and amount <= self._free:
            self._free -= amount
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (amount, turn)
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(self._patience_seconds):
                await turn
        except (TimeoutError, asyncio.CancelledError) as error:
            if turn.done() and not turn.cancelled():  # it came just then
                self._give(amount)
            else:
                self._waiting.remove(entry)
                self._give(0)
            if isinstance(error, TimeoutError):
                message = "Too many long deliveries come at once; send it again."
                raise RetriableError(message) from error
            raise

    def _give(self, amount: int) -> None:
        self._free += amount
        while self._waiting and self._waiting[0][0] <= self._free:
            needed, turn = self._waiting.popleft()
            self._free -= needed
            turn.set_result(None)
