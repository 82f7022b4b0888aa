"""Child processes: started so that they do not outlive us, ended by signals with deadlines."""

import asyncio
import contextlib
import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from signal import SIGKILL, Signals
from typing import IO, Protocol, TypeAlias

from em_agent.embedded.accounts import Account
from em_agent.errors import ConfigurationError

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.02

Step: TypeAlias = tuple[Signals, float]  # a signal, and the seconds that it is given


class Process(Protocol):
    """What we ask and tell a child: a `subprocess.Popen`, or a fork."""

    pid: int

    def poll(self) -> int | None:
        """The exit status, once there is one."""
        ...

    def send_signal(self, signum: Signals, /) -> None:
        """Send a signal, unless it has ended."""
        ...

    def terminate(self) -> None:
        """Ask it to end."""
        ...


def spawn(  # noqa: PLR0913 - each is one choice about a process
    command: Sequence[str | Path],
    *,
    on_our_death: Signals = SIGKILL,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    account: Account | None = None,
    stderr: IO[bytes] | int | None = None,
) -> Process:
    """A running child in a session of its own, so that the terminal's Ctrl-C reaches us alone.

    On Linux it gets `on_our_death` when the thread that called this ends: call it from the main thread.

    Raises:
        ConfigurationError: the program cannot be run, or not as `account`.

    """
    try:
        return subprocess.Popen(  # noqa: S603 - the commands are ours
            [os.fspath(part) for part in command],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stderr,
            stderr=stderr,
            start_new_session=True,
            preexec_fn=follow_parent(on_our_death),  # noqa: PLW1509 - it makes two system calls and takes no lock
            user=None if account is None else account.uid,
            group=None if account is None else account.gid,
            extra_groups=None if account is None else [],
        )
    except OSError as error:
        message = f"{Path(command[0]).name} cannot be started: {error}."
        raise ConfigurationError(message) from error


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    account: Account | None,
    environment: Mapping[str, str],
    text: str = "",
) -> None:
    """Run a program to its end, with `text` as its input.

    Raises:
        ConfigurationError: it fails; the text ends with the last line that it wrote.

    """
    name = Path(command[0]).name
    try:
        outcome = subprocess.run(  # noqa: S603
            [os.fspath(part) for part in command],
            cwd=cwd,
            env=environment,
            input=text.encode(),
            capture_output=True,
            check=False,
            preexec_fn=follow_parent(SIGKILL),
            user=None if account is None else account.uid,
            group=None if account is None else account.gid,
            extra_groups=None if account is None else [],
        )
    except OSError as error:
        message = f"{name} cannot be started: {error}."
        raise ConfigurationError(message) from error
    if outcome.returncode:
        lines = (outcome.stderr or outcome.stdout).decode("utf-8", "replace").strip().splitlines()
        told = [line for line in lines if "error" in line.lower() or "fatal" in line.lower()]
        message = f"{name} failed with status {outcome.returncode}: {(told or lines or ['it said nothing'])[0]}"
        raise ConfigurationError(message)


def make_nice(process: Process, niceness: int) -> Process:
    """The process, which from now on leaves the CPU to those that are less nice when there is not enough for all."""
    with contextlib.suppress(OSError):  # it has ended already, or the system does not let us
        os.setpriority(os.PRIO_PGRP, process.pid, niceness)
        # Each has a session of its own. Where Linux schedules by session, this is what counts among them.
        Path(f"/proc/{process.pid}/autogroup").write_text(str(niceness), encoding="ascii")
    return process


def follow_parent(signum: Signals) -> Callable[[], None] | None:
    """What a child does before it runs its program: ask for a signal at our end. Only Linux knows how."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # loaded here: between fork and exec nothing may allocate a lock
    parent = os.getpid()
    number = int(signum)

    def follow() -> None:
        prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # we ended before the child could ask
            os._exit(1)

    return follow


async def end(process: Process, steps: Sequence[Step], hurry: asyncio.Event | None = None) -> None:
    """Send each signal in turn until the process has ended, waiting so many seconds after each.

    Once `hurry` is set nothing more is waited for after the first signal.
    """
    patience = hurry
    for signum, seconds in steps:
        if process.poll() is not None:
            return
        process.send_signal(signum)
        if await _exited(process, seconds, patience):
            return
        patience = None  # what the later signals ask for is quick already, and must not be cut short


async def _exited(process: Process, seconds: float, hurry: asyncio.Event | None) -> bool:
    deadline = time.monotonic() + seconds
    while process.poll() is None:
        if time.monotonic() >= deadline or (hurry is not None and hurry.is_set()):
            return False
        await asyncio.sleep(_POLL_SECONDS)
    return True
