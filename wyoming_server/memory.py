"""Keeps the allocator from holding what nobody uses: a hub's memory is shared with everything else in the house."""

import ctypes
from functools import cache

_M_ARENA_MAX = -8
_ARENAS = 2
"""glibc gives threads arenas of their own, up to 8 per core; with a few model threads those held 15 MB more."""


def limit_arenas() -> None:
    """Let all threads share two arenas; to be called before any starts. Does nothing without glibc."""
    if (libc := _glibc()) is not None:
        libc.mallopt(_M_ARENA_MAX, _ARENAS)


def trim() -> None:
    """Give freed memory, such as what loading models needed, back to the system. Does nothing without glibc."""
    if (libc := _glibc()) is not None:
        libc.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:
        return None
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None
