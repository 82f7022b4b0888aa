"""Examines the data directory of the embedded servers."""

import os
import shutil
from pathlib import Path

from em_agent.doctor.report import Check, fail, ok, warn

_MEBIBYTE = 1024 * 1024
_LITTLE_BYTES = 2048 * _MEBIBYTE
_TOO_LITTLE_BYTES = 256 * _MEBIBYTE


def examine_directory(path: Path) -> Check:
    """Whether the directory is there, ours, and has room."""
    name = "data directory"
    if not path.is_dir():
        return fail(name, f"{path} does not exist.", "`em-agent up` makes it; or set EM_AGENT_DATA_DIR.")
    if not os.access(path, os.W_OK | os.X_OK):
        return fail(name, f"{path} cannot be written by this user.", "Run as its owner, or set EM_AGENT_DATA_DIR.")
    free = shutil.disk_usage(path).free
    detail = f"{path} has {free / _MEBIBYTE / 1024:.1f} GiB free."
    if free < _TOO_LITTLE_BYTES:
        return fail(name, detail, "Make room: when the disk is full no event can be stored.")
    if free < _LITTLE_BYTES:
        return warn(name, detail, "Make room soon: every event is kept.")
    return ok(name, detail)
