"""Memory that a process has no use for any more: the C library keeps it unless told otherwise."""

import ctypes
import gc

_ARENA_MAX = -8  # malloc.h: M_ARENA_MAX


def share_one_heap() -> None:
    """Have all threads allocate from one heap, where glibc would give each its own, with room of its own to spare."""
    _call("mallopt", _ARENA_MAX, 1)


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
