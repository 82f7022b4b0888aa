"""Memory that a process has no use for any more: the C library keeps it unless told otherwise."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager

# malloc.h
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_LARGE_BYTES = 256 * 1024
_USUAL, _NEVER = gc.get_threshold(), 2**31 - 1

_large_works = 0


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


@contextmanager
def large_work() -> Iterator[None]:
    """Look for what only refers to itself among new objects alone meanwhile; for the event loop's thread.

    A look at all objects holds up every thread: for a quarter of a second where a large answer is put together.
    """
    global _large_works  # noqa: PLW0603 - there is one collector in a process
    _large_works += 1
    gc.set_threshold(*_USUAL[:2], _NEVER)
    try:
        yield
    finally:
        _large_works -= 1
        if not _large_works:
            gc.set_threshold(*_USUAL)


def give_back() -> None:
    """Free what only refers to itself, and give the system the pages that are free."""
    gc.collect()
    _call("malloc_trim", 0)


def _call(name: str, *arguments: int) -> None:
    function = getattr(ctypes.CDLL(None), name, None)  # only glibc has them
    if function is not None:
        function(*arguments)
