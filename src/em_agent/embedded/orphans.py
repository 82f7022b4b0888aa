"""Finds and ends what a killed supervisor left running.

A process counts as ours only by what no other has: a server by its program and its working directory inside the data
directory that we have locked, a role by its process id together with its start time and its command.
"""

from collections.abc import Sequence
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Any

import psutil
import structlog

from em_agent.embedded.data_directory import DataDirectory
from em_agent.embedded.processes import Process, Step

_RECORD = "processes.json"
_STOP_ROLES = ((SIGTERM, 3.0), (SIGKILL, 5.0))
# The system tells a start time relative to its own clock, which may have been set since.
_SAME_START_SECONDS = 2.0

log = structlog.get_logger()


def end_strays(program: str, folder: Path, steps: Sequence[Step]) -> None:
    """End every process of `program` whose working directory is `folder`."""
    found = [
        process
        for process in psutil.process_iter(["name"])
        if process.info["name"] == program and _works_in(process, folder)
    ]
    _end(found, steps)


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return folder.samefile(process.cwd())
    except (psutil.Error, OSError):  # it ended meanwhile, or is somebody else's
        return False


def record(directory: DataDirectory, processes: dict[str, Process]) -> None:
    """Write down the roles that run."""
    known: dict[str, object] = {}
    for name, process in processes.items():
        try:
            found = psutil.Process(process.pid)
            known[name] = {"pid": process.pid, "started": found.create_time(), "command": _command(found)}
        except psutil.Error:  # it ended at once
            continue
    directory.write_json(_RECORD, known)


def end_recorded(directory: DataDirectory) -> None:
    """End the roles that an earlier supervisor wrote down and that still run."""
    found = []
    for entry in directory.read_json(_RECORD).values():
        process = _recorded(entry) if isinstance(entry, dict) else None
        if process is not None:
            found.append(process)
    _end(found, _STOP_ROLES)
    directory.remove(_RECORD)


def _recorded(entry: dict[str, Any]) -> psutil.Process | None:
    try:
        process = psutil.Process(int(entry["pid"]))
        is_same = abs(process.create_time() - float(entry["started"])) < _SAME_START_SECONDS
        return process if is_same and _command(process) == entry["command"] else None
    except (psutil.Error, KeyError, TypeError, ValueError):  # it has ended, or the file is not as we write it
        return None


def _command(process: psutil.Process) -> str:
    """The command as one text: a process that gave itself a name has words no more, only blanks behind it."""
    return " ".join(process.cmdline()).strip()


def _end(processes: list[psutil.Process], steps: Sequence[Step]) -> None:
    for process in processes:
        log.warning("orphan.ending", pid=process.pid)
    for signum, seconds in steps:
        for process in processes:
            try:
                process.send_signal(signum)
            except psutil.Error:
                continue
        _, processes = psutil.wait_procs(processes, timeout=seconds)
        if not processes:
            return
