"""The one source of random numbers: initial weights, shuffling, dropout."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

__all__ = ["generator", "seed", "stream"]

_generator: np.random.Generator | None = None
_entropy: int | Sequence[int] | None = None  # of the generator that the first use makes


def seed(n: int | Sequence[int] | None) -> None:
    """Restart the random numbers from a state that n decides.

    Args:
        n: an integer >= 0, or a sequence of them; None for an unpredictable state.

    Raises:
        TypeError, ValueError: n is anything else.

    >>> pt.random.seed(0)
    >>> first = pt.random.generator().random()
    >>> pt.random.seed(0)
    >>> pt.random.generator().random() == first
    True
    """
    global _generator
    _generator = new_generator("random.seed", n)


def new_generator(name: str, n: Any) -> np.random.Generator:
    """Return a `numpy.random.Generator` from a seed, or None; `name` is for the message.

    >>> a, b = pt.random.new_generator("example", 3), pt.random.new_generator("example", 3)
    >>> a.random() == b.random()
    True
    """
    try:
        return np.random.default_rng(n)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name}: found {n!r}: expected an integer >= 0 or a sequence of them") from None


def generator() -> np.random.Generator:
    """Return the process-wide `numpy.random.Generator`; unpredictable until `seed` is called.

    >>> pt.random.generator().normal(size=3).shape
    (3,)
    """
    global _generator
    if _generator is None:
        _generator = new_generator("random.seed", _entropy)
    return _generator


@contextlib.contextmanager
def stream(*numbers: int) -> Iterator[None]:
    """Make generator() another one within this context, which these integers >= 0 decide.

    >>> with pt.random.stream(1, 2):
    ...     first = pt.random.generator().random()
    ...
    >>> with pt.random.stream(1, 2):
    ...     pt.random.generator().random() == first
    ...
    True
    """
    global _generator, _entropy
    before = _generator, _entropy
    _generator, _entropy = None, numbers
    try:
        yield
    finally:
        _generator, _entropy = before
