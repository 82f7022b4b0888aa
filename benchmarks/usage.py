"""What running processes have used: CPU time and memory."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_NAMES = {"up": "supervisor", "connectors": "connectors", "gateway": "gateway", "warehouse": "dbt", "nats.conf": "NATS"}


def cpu_seconds(pid: int) -> float:
    """CPU time of the process and of every process below it."""
    return sum(own_cpu_seconds(each) for each in processes_below(pid))


def own_cpu_seconds(pid: int) -> float:
    """CPU time of the process, and of those of its children that have ended; 0 once it has ended itself."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return sum(int(field) for field in fields[11:15]) / _TICKS
    return 0.0


def processes_below(pid: int) -> list[int]:
    """The process and every one below it."""
    pids = [pid]
    for children in Path(f"/proc/{pid}/task").glob("*/children"):  # each thread has its own
        with contextlib.suppress(OSError):
            for child in children.read_text().split():
                pids += processes_below(int(child))
    return pids


def pss_mebibytes(pid: int) -> float:
    """Memory of the process, with what it shares counted in parts."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def by_part(pid: int, measure: Callable[[int], float]) -> dict[str, float]:
    """What the measure finds of the processes below `pid` that `em-agent up` runs, summed by what each of them is."""
    parts: dict[str, float] = {}
    for each in processes_below(pid):
        with contextlib.suppress(OSError):  # it has just ended
            name = _part(Path(f"/proc/{each}/cmdline").read_bytes().replace(b"\0", b" ").decode().split())
            parts[name] = parts.get(name, 0.0) + measure(each)
    return parts


def _part(words: list[str]) -> str:
    if not words:
        return "ended"
    if words[0] == "postgres:" or words[0].endswith("/postgres"):
        return "PostgreSQL"
    return _NAMES.get(words[-1], "relay and workers")
