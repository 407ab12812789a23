"""The caching allocator: how much memory tensors hold, and how to limit or free it."""

from __future__ import annotations

from pytensor import _core
from pytensor._support.arguments import integer

__all__ = ["reset_peak", "set_limit", "stats", "trim"]

_NO_LIMIT = 2**64 - 1


def stats() -> dict[str, int]:
    """Return the bytes in use, at the peak and cached, the limits, and how often the cache served.

    >>> type(pt.memory.stats()).__name__
    'dict'
    """
    return _core.memory_stats()


def trim() -> None:
    """Return the freed blocks that are kept for reuse to the system.

    >>> pt.memory.trim()
    """
    _core.memory_trim()


def set_limit(n_bytes: int | None) -> None:
    """Let tensors hold at most n_bytes; beyond that they raise MemoryError. None: no limit.

    >>> pt.memory.set_limit(10**12)
    >>> pt.memory.set_limit(None)
    """
    if n_bytes is None:
        n_bytes = _NO_LIMIT
    n_bytes = integer("set_limit: n_bytes", n_bytes, 0)
    if n_bytes > _NO_LIMIT:
        raise ValueError(f"set_limit: n_bytes: found {n_bytes}: expected at most {_NO_LIMIT}")
    _core.memory_set_limit(n_bytes)


def reset_peak() -> None:
    """Restart the measurement of the peak from what is in use now.

    >>> pt.memory.reset_peak()
    """
    _core.memory_reset_peak()
