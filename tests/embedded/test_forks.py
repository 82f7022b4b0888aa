"""Forks of ours: what they take on, what they leave behind, how they end."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")

_PARENT = """
import asyncio, json, os, signal, socket, sys, threading, time
from em_agent.embedded.forks import can_fork, fork

def ended(work, **environment):
    child = fork("em-agent test", work, environment)
    while child.poll() is None:
        time.sleep(0.005)
    return child.poll()

def look():
    sys.stderr.write(json.dumps({
        "title": open("/proc/self/cmdline").read().strip("\\0 "),
        "files": sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1],
        "leads_session": os.getsid(0) == os.getpid(),
        "environment": dict(os.environ),
        "terminates": signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "sum": asyncio.run(add()),
    }) + "\\n")

async def add():
    await asyncio.sleep(0)
    return 1 + 1

async def main():
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: None)
    with socket.socket():
        statuses = {
            "look": ended(look, ONLY="this"),
            "three": ended(lambda: sys.exit(3)),
            "told": ended(lambda: sys.exit("told")),
            "raised": ended(lambda: 1 // 0),
            "killed": ended(lambda: os.kill(os.getpid(), signal.SIGTERM)),
            "alone": can_fork(),
        }
    done = threading.Event()
    threading.Thread(target=done.wait).start()
    statuses["beside_a_thread"] = can_fork()
    done.set()
    print(json.dumps(statuses))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def outcome() -> "subprocess.CompletedProcess[str]":
    """A process with an event loop, a signal handler and a socket, after it forked some children."""
    return subprocess.run([sys.executable, "-c", _PARENT], capture_output=True, text=True, timeout=60, check=True)


def test_a_fork_is_a_process_of_its_own(outcome: "subprocess.CompletedProcess[str]") -> None:
    """It has its own name, session, environment, signals and files, and can run an event loop."""
    seen = json.loads(outcome.stderr.splitlines()[0])
    assert seen == {
        "title": "em-agent test",
        "files": [0, 1, 2],
        "leads_session": True,
        "environment": {"ONLY": "this"},
        "terminates": True,
        "blocked": [],
        "sum": 2,
    }


def test_a_fork_ends_as_an_interpreter_does(outcome: "subprocess.CompletedProcess[str]") -> None:
    """The exit status says what happened, and standard error has the traceback."""
    statuses = json.loads(outcome.stdout)
    assert {name: statuses[name] for name in ("look", "three", "told", "raised", "killed")} == {
        "look": 0,
        "three": 3,
        "told": 1,
        "raised": 1,
        "killed": -15,
    }
    assert "ZeroDivisionError" in outcome.stderr


def test_nothing_is_forked_beside_a_thread(outcome: "subprocess.CompletedProcess[str]") -> None:
    """A process with one thread may fork; with another, whose locks a fork would keep for ever, it may not."""
    statuses = json.loads(outcome.stdout)
    assert (statuses["alone"], statuses["beside_a_thread"]) == (True, False)
