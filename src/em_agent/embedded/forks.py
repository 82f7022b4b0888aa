"""Our own commands as forks of this process: what it imported, they share, and need not import again.

Only on Linux: the system libraries of macOS do not bear a fork that goes on without an `exec`.
"""

import contextlib
import gc
import importlib
import os
import runpy
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import SIGCHLD, SIGHUP, SIGINT, SIGKILL, SIGTERM, Signals

from setproctitle import setproctitle

from em_agent.embedded.processes import follow_parent

_SIGNALS = {SIGINT, SIGTERM, SIGHUP, SIGCHLD}
_THREADS = Path("/proc/self/task")


class Fork:
    """A forked child, to be asked and told what a `subprocess.Popen` is."""

    def __init__(self, pid: int) -> None:
        """Take the child with that process id, which nobody else waits for."""
        self.pid = pid
        self._status: int | None = None

    def poll(self) -> int | None:
        """The exit status, once there is one: negative, the signal that ended it."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def send_signal(self, signum: Signals) -> None:
        """Send a signal, unless it has ended: its number may then be another's."""
        if self.poll() is None:
            os.kill(self.pid, signum)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(SIGTERM)


def can_fork() -> bool:
    """Whether a fork is safe now. A lock that another thread holds would stay locked in it for ever."""
    return sys.platform == "linux" and len(list(_THREADS.iterdir())) == 1


def preload() -> None:
    """Import what the forks will need, and have no garbage collection write to it: that would end the sharing."""
    if sys.platform == "linux":
        importlib.import_module("em_agent.embedded.preload")
        gc.collect()
        gc.freeze()


def fork(words: Sequence[str], environment: Mapping[str, str]) -> Fork:
    """A child that runs `em-agent` with these words and is called so, otherwise as `processes.spawn` starts one.

    It never comes back into the code that called this. Everything of ours that it has still, it leaves alone.
    """
    follow = follow_parent(SIGKILL)
    reader, writer = os.pipe()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    pid = os.fork()
    if not pid:
        status = 1
        try:
            _become(["em-agent", *words], environment)
            if follow is not None:
                follow()
            _close_all()  # the pipe too, by which our parent knows that we are under way
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            status = _run(words)
        finally:
            os._exit(status)
    os.close(writer)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    os.read(reader, 1)
    os.close(reader)
    return Fork(pid)


def _become(command: Sequence[str], environment: Mapping[str, str]) -> None:
    """Take on the name, session, signals, environment and module path of a process that was started for this."""
    gc.freeze()  # what our parent let go of may own file descriptors, whose numbers will be ours
    setproctitle(" ".join(command))
    os.setsid()
    signal.set_wakeup_fd(-1)
    for signum in _SIGNALS:
        signal.signal(signum, signal.default_int_handler if signum == SIGINT else signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(environment)
    if not sys.flags.safe_path:
        del sys.path[0]  # the current directory, or a script's


def _close_all() -> None:
    """Close every file but standard error, which is standard output too, and an empty standard input."""
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.dup2(2, 1)
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - descriptors are numbers
        if int(name) > 2:  # noqa: PLR2004 - standard error
            with contextlib.suppress(OSError):  # the listing's own
                os.close(int(name))


def _run(words: Sequence[str]) -> int:
    """The exit status of the command, which writes what it dies of to standard error, as an interpreter does."""
    sys.argv = ["em-agent", *words]
    try:
        runpy.run_module("em_agent", run_name="__main__", alter_sys=False)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        sys.stderr.write(f"{end.code}\n")
        return 1
    except BaseException:  # noqa: BLE001 - the outermost frame of a process
        traceback.print_exc()
        return 1
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
    return 0
