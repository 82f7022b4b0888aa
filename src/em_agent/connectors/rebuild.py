"""Builds the marts anew in a process of its own: what that loads, this one need not carry from then on."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE

from em_agent.errors import RetriableError

_NICENESS = 15


async def rebuild_marts(database_url: str) -> None:
    """Return when `em-agent replay --only warehouse` has built the marts of the database anew.

    Raises:
        RetriableError: it failed; the text ends with the reason that it gave.

    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "em_agent", "replay", "--only", "warehouse",
        env={**os.environ, "DATABASE_URL": database_url},
        stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE,
        start_new_session=True,
    )  # fmt: skip
    try:
        os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
        _, told = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        lines = told.decode("utf-8", "replace").strip().splitlines() or ["it said nothing"]
        explained = [line.removeprefix("em-agent: ") for line in lines if line.startswith("em-agent: ")]
        message = f"The marts could not be built anew: {(explained or lines)[-1]}"
        raise RetriableError(message)
