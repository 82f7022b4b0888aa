"""Keeps the embedded servers and the roles running, and ends them in order."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from signal import SIGCHLD, SIGHUP, SIGINT, SIGKILL, SIGTERM

import structlog

from em_agent.embedded import orphans
from em_agent.embedded.data_directory import DataDirectory
from em_agent.embedded.forks import preload
from em_agent.embedded.processes import Process, end
from em_agent.embedded.roles import Role
from em_agent.embedded.server import Server
from em_agent.errors import ConfigurationError, EmAgentError
from em_agent.kit.logging import Seldom
from em_agent.kit.process import cancel

_STOP_ROLES = ((SIGTERM, 15.0), (SIGKILL, 5.0))
_POLL_SECONDS = 0.05
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 10.0
_STEADY_SECONDS = 30.0  # who ran so long is restarted at once when it dies
_EARLY_FAILURES = 3
_TIDY_SECONDS = 15.0
_PROBATION_SECONDS = 2.0

log = structlog.get_logger()


@dataclass
class Plan:
    """What a supervisor runs: servers, in the order in which they end after the roles, and the roles.

    `prepare` is called between the two, `announce` when everything is ready, `move` when a server changed its port.
    """

    directory: DataDirectory
    servers: Sequence[Server]
    roles: Sequence[Role]
    environment: Callable[[], Mapping[str, str]]
    prepare: Callable[[], Awaitable[None]]
    announce: Callable[[], None]
    move: Callable[[], None]


@dataclass
class _Run:
    """A role's present process, and how often the role ended with a failure before it."""

    process: Process
    started: float
    failures: int

    def is_steady(self) -> bool:
        """Whether it runs, and, after a failure, has done so for a while."""
        has_lasted = time.monotonic() - self.started >= _PROBATION_SECONDS
        return self.process.poll() is None and (has_lasted or not self.failures)


@dataclass
class Supervisor:
    """Runs a plan until it is told to stop. Its `run` belongs into the main thread: children follow that thread."""

    plan: Plan
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _hurry: asyncio.Event = field(default_factory=asyncio.Event)
    _running: dict[str, _Run] = field(default_factory=dict)
    _waiting: list[tuple[Process, asyncio.Future[int]]] = field(default_factory=list)
    _is_ready: bool = False

    async def run(self) -> None:
        """Start everything in order, keep it running, and end it in order at SIGINT or SIGTERM.

        Raises:
            EmAgentError: a part cannot start; everything else has been ended again.

        """
        loop = asyncio.get_running_loop()
        for signum in (SIGINT, SIGTERM, SIGHUP):
            loop.add_signal_handler(signum, self._stop)
        loop.add_signal_handler(SIGCHLD, self._notice_ends)
        work = asyncio.create_task(self._work())
        stop = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancel([work, stop])
            outcome = (await asyncio.gather(work, return_exceptions=True))[0]
            await self._end_all()
        if isinstance(outcome, BaseExceptionGroup):
            raise outcome.exceptions[0]
        if isinstance(outcome, BaseException) and not isinstance(outcome, asyncio.CancelledError):
            raise outcome

    def _stop(self) -> None:
        if self._stopping.is_set():
            self._hurry.set()
        else:
            log.info("supervisor.stopping")
        self._stopping.set()

    async def _work(self) -> None:
        for server in self.plan.servers:
            server.start()
        preload()  # while the servers start
        for server in self.plan.servers:
            await server.wait_ready()
        await self.plan.prepare()
        async with asyncio.TaskGroup() as group:
            for server in self.plan.servers:
                group.create_task(self._keep_server(server))
                group.create_task(_keep_tidy(server))
            for role in self.plan.roles:
                group.create_task(self._keep_role(role))
            for role in self.plan.roles:
                while not await self._is_role_ready(role):  # noqa: ASYNC110 - another process's state
                    await asyncio.sleep(_POLL_SECONDS)
            self._is_ready = True
            self.plan.announce()

    async def _is_role_ready(self, role: Role) -> bool:
        run = self._running.get(role.name)
        return run is not None and run.is_steady() and await role.is_ready()

    async def _keep_server(self, server: Server) -> None:
        """Start the server again whenever it ends, on its port; where that is gone, the roles start again too."""
        pause = 0.0
        failed = Seldom()
        while True:
            if server.process is not None:
                status = await self._end_of(server.process)
                if not pause:
                    log.error("server.ended", server=server.name, status=status)
            await asyncio.sleep(pause)
            known = server.url
            try:
                server.start()
                await server.wait_ready()
            except EmAgentError as error:
                if failed.may_say():
                    log.error("server.start_failed", server=server.name, error=str(error))  # noqa: TRY400 - foreseen
                pause = min(max(_FIRST_PAUSE_SECONDS, pause * 2), _LONGEST_PAUSE_SECONDS)
            else:
                log.info("server.restarted", server=server.name)
                failed.is_over()
                pause = 0.0
            if server.url != known:
                self.plan.move()
                for run in self._running.values():
                    run.process.terminate()

    async def _keep_role(self, role: Role) -> None:
        """Start the role, and again whenever it ends, after a pause that grows while it keeps failing.

        Raises:
            ConfigurationError: it refuses to start, before everything was ready for the first time.

        """
        failures = 0
        pause = 0.0
        while True:
            process = role.start(self.plan.environment())
            run = self._running[role.name] = _Run(process, time.monotonic(), failures)
            orphans.record(self.plan.directory, {name: run.process for name, run in self._running.items()})
            status = await self._end_of(process)
            # A signal is somebody's doing; a status is the role's own opinion of its settings.
            failures += status > 0
            log.error("role.ended", ended=role.name, status=status, failures=failures)
            if failures >= _EARLY_FAILURES and not self._is_ready:
                message = f"The {role.name} part ends with status {status} whenever it is started: see its lines above."
                raise ConfigurationError(message)
            if time.monotonic() - run.started >= _STEADY_SECONDS:
                failures, pause = 0, 0.0
            await asyncio.sleep(pause)
            pause = min(max(_FIRST_PAUSE_SECONDS, pause * 2), _LONGEST_PAUSE_SECONDS)

    async def _end_of(self, process: Process) -> int:
        """The exit status, once there is one: SIGCHLD wakes us, so that waiting costs nothing."""
        ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((process, ended))
        self._notice_ends()
        return await ended

    def _notice_ends(self) -> None:
        still = []
        for process, ended in self._waiting:
            status = process.poll()
            if status is None:
                still.append((process, ended))
            elif not ended.done():
                ended.set_result(status)
        self._waiting = still

    async def _end_all(self) -> None:
        """End the roles together, then one server after the other."""
        await asyncio.gather(*(end(run.process, _STOP_ROLES, self._hurry) for run in self._running.values()))
        for server in self.plan.servers:
            await server.stop(self._hurry)
        self.plan.directory.remove("processes.json")


async def _keep_tidy(server: Server) -> None:
    while True:
        server.tidy()
        await asyncio.sleep(_TIDY_SECONDS)
