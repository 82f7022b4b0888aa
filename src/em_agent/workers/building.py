"""Has dbt build models, in a process of its own."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from em_agent import errors
from em_agent.errors import PermanentError

# -P: a file in the current directory must not stand in for a module.
_COMMAND = (sys.executable, "-P", "-m", "em_agent.workers.dbt")


async def build(database_url: str, work_dir: Path, project_dir: Path, runs: Sequence[Sequence[str]]) -> dict[str, int]:
    """The rows written by model, after a run of dbt with each of these arguments; a cancelled one ends at once.

    Raises:
        ConfigurationError: the database URL is wrong.
        RetriableError: the database is away, or in the way: a later build may work.
        PermanentError: the project or the schema is wrong: every build would fail.

    """
    try:
        process = await asyncio.create_subprocess_exec(
            *_COMMAND, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
    except OSError as error:
        message = f"dbt cannot be started: {error}."
        raise errors.RetriableError(message) from error
    orders = {"database_url": database_url, "work_dir": str(work_dir), "project_dir": str(project_dir), "runs": runs}
    try:
        return await _outcome(process, orders)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _outcome(process: asyncio.subprocess.Process, orders: object) -> dict[str, int]:
    assert process.stdin is not None  # noqa: S101 - both are pipes
    assert process.stdout is not None  # noqa: S101
    with contextlib.suppress(ConnectionError):  # it has ended, which its silence says
        process.stdin.write(json.dumps(orders).encode() + b"\n")
        await process.stdin.drain()
    told = await process.stdout.readline()
    if not told:
        message = f"dbt ended with status {await process.wait()} before it was done."
        raise errors.RetriableError(message)
    outcome = json.loads(told)
    if "error" in outcome:
        raise getattr(errors, outcome["error"], PermanentError)(outcome["message"])
    rows: dict[str, int] = outcome["rows"]
    return rows
