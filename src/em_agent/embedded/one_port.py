"""A server on one port, which is chosen anew when something else took it between choosing and starting."""

from abc import ABC, abstractmethod

from em_agent.embedded.data_directory import is_free
from em_agent.embedded.processes import Process
from em_agent.errors import ConfigurationError

_ATTEMPTS = 5


class OnePort(ABC):
    """What the embedded servers do about their ports."""

    def __init__(self) -> None:
        """No port is chosen yet: `start` does that."""
        self._port: int | None = None
        self.process: Process | None = None

    @abstractmethod
    def start(self) -> None:
        """Start the program, on a new port where there is none yet."""

    @abstractmethod
    async def _wait_ready(self) -> None:
        """Return when a client is served, or raise a ConfigurationError."""

    async def wait_ready(self) -> None:
        """Return when a client is served.

        Raises:
            ConfigurationError: the server ended or does not get ready; the text has its last word.

        """
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                await self._wait_ready()
            except ConfigurationError:
                if attempt == _ATTEMPTS or not self._has_lost_its_port():
                    raise
                self._port = None
                self.start()
            else:
                return

    def _has_lost_its_port(self) -> bool:
        has_ended = self.process is None or self.process.poll() is not None
        return has_ended and self._port is not None and not is_free(self._port)
