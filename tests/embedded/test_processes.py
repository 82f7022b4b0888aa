"""Children of ours."""

import os
import sys
from signal import SIGKILL

from em_agent.embedded.processes import end, make_nice, spawn


async def test_a_nice_process_lets_others_go_first() -> None:
    """A process that is made nice is so among all, and one that has ended is none of our trouble."""
    process = spawn([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        assert make_nice(process, 7) is process
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == 7
    finally:
        await end(process, ((SIGKILL, 5.0),))
    make_nice(process, 9)
