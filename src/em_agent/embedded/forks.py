"""Work of ours in forks of this process: what it has imported, they share, and need not import again.

Only on Linux: the system libraries of macOS do not bear a fork that goes on without an `exec`.
"""

import contextlib
import gc
import importlib
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from signal import SIGCHLD, SIGHUP, SIGINT, SIGKILL, SIGTERM, Signals

from setproctitle import setproctitle

from em_agent.embedded.processes import follow_parent
from em_agent.kit import memory

_SIGNALS = (SIGINT, SIGTERM, SIGHUP, SIGCHLD)
_THREADS = Path("/proc/self/task")
_STANDARD_ERROR = 2


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
    """Whether a fork is safe now: a lock that another thread holds would stay locked in it for ever."""
    return sys.platform == "linux" and len(list(_THREADS.iterdir())) == 1


def preload() -> None:
    """Import what the forks will need, and keep garbage collections from writing to it, which would end the sharing."""
    if sys.platform == "linux":
        memory.keep_small()
        with _without("aiohttp"):
            importlib.import_module("em_agent.embedded.preload")
        memory.settle()


@contextlib.contextmanager
def _without(name: str) -> Iterator[None]:
    """Have imports do without the module: NATS's client takes it if it can, for websockets that nobody here uses."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]


def fork(title: str, work: Callable[[], None], environment: Mapping[str, str]) -> Fork:
    """A child that is called `title` and does the work; else it is as `processes.spawn` starts one."""
    follow = follow_parent(SIGKILL)
    reader, writer = os.pipe()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    pid = os.fork()
    if not pid:
        status = 1
        try:  # it must never come back into the code that called this
            _become(title, environment)
            if follow is not None:
                follow()
            _close_files()  # with the pipe, by which our parent knows that we are under way
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            status = _status_of(work)
        except BaseException:  # noqa: BLE001 - the outermost frame of a process
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writer)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    os.read(reader, 1)
    os.close(reader)
    return Fork(pid)


def _become(title: str, environment: Mapping[str, str]) -> None:
    """Take on the name, session, signals, environment and module path of a process that was started for this."""
    gc.freeze()  # what our parent lets go of may own descriptors, whose numbers will be ours: it must never be freed
    setproctitle(title)
    os.setsid()
    signal.set_wakeup_fd(-1)
    for signum in _SIGNALS:
        signal.signal(signum, signal.default_int_handler if signum == SIGINT else signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(environment)
    if not sys.flags.safe_path:
        del sys.path[0]  # the current directory, or a script's


def _close_files() -> None:
    """Close every file but standard error, which becomes standard output too, beside an empty standard input."""
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.dup2(_STANDARD_ERROR, 1)
    for descriptor in map(int, os.listdir("/proc/self/fd")):  # noqa: PTH208 - they are numbers
        if descriptor > _STANDARD_ERROR:
            with contextlib.suppress(OSError):  # the listing's own
                os.close(descriptor)


def _status_of(work: Callable[[], None]) -> int:
    """The exit status, when the work is done."""
    try:
        work()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
    return 0
