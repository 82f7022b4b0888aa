"""Memory that a process has no use for any more: the C library keeps it unless told otherwise."""

import ctypes
import gc

# malloc.h
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_LARGE_BYTES = 256 * 1024


def keep_small() -> None:
    """Have one heap for all threads, and what is large given back when it is freed.

    glibc would give each thread a heap of its own, and after the first large block keep room for several.
    """
    _call("mallopt", _ARENA_MAX, 1)
    _call("mallopt", _MMAP_THRESHOLD, _LARGE_BYTES)
    _call("mallopt", _TRIM_THRESHOLD, _LARGE_BYTES)


def settle() -> None:
    """Leave what there is now, which stays until the process ends, out of every later garbage collection."""
    gc.collect()
    gc.freeze()


def give_back() -> None:
    """Free what only refers to itself, and give the system the pages that are free."""
    gc.collect()
    _call("malloc_trim", 0)


def _call(name: str, *arguments: int) -> None:
    function = getattr(ctypes.CDLL(None), name, None)  # only glibc has them
    if function is not None:
        function(*arguments)
