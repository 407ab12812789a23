"""Random numbers: the one source of initial weights, shuffling and dropout, and distributions."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np

from pytensor import _ops
from pytensor._core import Tensor, asarray, call_each_time, empty, fuse, is_tracing
from pytensor._functions.joining import concat
from pytensor._support.arguments import integer, number

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike

__all__ = ["generator", "integers", "normal", "permutation", "seed", "stream", "uniform"]

_Arguments = ParamSpec("_Arguments")
# "generator", which the first use makes, from "entropy". A dictionary lets several threads use it
# first, and no thread can hold a lock when another forks.
_current: dict[str, Any] = {"entropy": None}


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
    global _current
    _current = {"generator": new_generator("random.seed", n)}


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
    if is_tracing():
        raise TypeError(
            "random.generator: a function is being recorded, whose numbers would be the same at "
            "each call: expected normal, uniform, integers or permutation, which draw again"
        )
    return current_generator()


def current_generator() -> np.random.Generator:
    """Return the generator, also while a function is recorded."""
    source = _current
    if "generator" not in source:
        source.setdefault("generator", new_generator("random.seed", source["entropy"]))
    found: np.random.Generator = source["generator"]
    return found


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
    global _current
    before, _current = _current, {"entropy": numbers}
    try:
        yield
    finally:
        _current = before


# ------------------------------------------------------------------------------ distributions


def _drawn_at_each_call(draw: Callable[_Arguments, Tensor]) -> Callable[_Arguments, Tensor]:
    """Let recorded functions call a function of this module again at each of their calls."""

    @functools.wraps(draw)
    def drawn(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> Tensor:
        if not is_tracing():
            return draw(*args, **kwargs)
        given: Any = kwargs.get("generator")
        result: Tensor = call_each_time(
            draw.__name__,
            lambda: draw(*args, **kwargs),
            generator=current_generator if given is None else lambda: given,
        )
        return result

    return drawn


@_drawn_at_each_call
def normal(
    shape: int | Sequence[int] = (),
    *,
    mean: float = 0.0,
    std: float = 1.0,
    dtype: DTypeLike = "float32",
    generator: np.random.Generator | None = None,
) -> Tensor:
    """Draw from the normal distribution.

    Args:
        shape: an integer or a tuple of them.
        mean, std: numbers; std >= 0.
        dtype: float32 or float64.
        generator: a `numpy.random.Generator`; by default the process-wide one.

    Returns:
        A tensor of the shape.

    Raises:
        TypeError, ValueError: an argument is something else.

    >>> pt.random.normal((2, 3), generator=np.random.default_rng(0)).shape
    (2, 3)
    """
    mean, std = number("normal: mean", mean), number("normal: std", std, 0)
    source, found = _source("normal", generator), _float_dtype("normal", dtype)
    return standard_normal(source, _shape("normal", shape), found) * std + mean


@_drawn_at_each_call
def standard_normal(
    generator: np.random.Generator, shape: tuple[int, ...], dtype: DTypeLike
) -> Tensor:
    """Return numbers of mean 0 and variance 1, the same on every machine.

    A generator's own method calls the C library's logarithm and exponential now and then; this one
    takes nothing from it but integers. Formula: Box and Muller (1958).

    >>> pt.random.standard_normal(np.random.default_rng(0), (2, 3), "float32").shape
    (2, 3)
    """
    n = math.prod(shape)
    uniform = asarray(generator.random((2, (n + 1) // 2))) + 2.0**-54  # the logarithm of 0
    uniform = uniform.astype(dtype, copy=False)
    return concat(_box_muller(uniform[0], uniform[1]))[:n].reshape(shape)


@fuse
def _box_muller(u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    radius, angle = _ops.sqrt(-2 * _ops.log(u)), 2 * math.pi * v
    return radius * _ops.cos(angle), radius * _ops.sin(angle)


@_drawn_at_each_call
def uniform(
    shape: int | Sequence[int] = (),
    *,
    low: float = 0.0,
    high: float = 1.0,
    dtype: DTypeLike = "float32",
    generator: np.random.Generator | None = None,
) -> Tensor:
    """Draw from the uniform distribution on [low, high).

    Args:
        shape, dtype, generator: as for `normal`.
        low, high: numbers, low <= high.

    Returns:
        A tensor of the shape.

    Raises:
        TypeError, ValueError: an argument is something else.

    >>> x = pt.random.uniform(1000, low=-1, generator=np.random.default_rng(0))
    >>> -1 <= x.min().item() and x.max().item() < 1
    True
    """
    low, high = number("uniform: low", low), number("uniform: high", high)
    if low > high:
        raise ValueError(f"uniform: low, high: found {low} and {high}: expected low <= high")
    dtype = _float_dtype("uniform", dtype)
    values = _source("uniform", generator).random(_shape("uniform", shape), dtype)
    values = values * dtype.type(high - low) + dtype.type(low)
    if high > low:  # rounding may reach high
        values = np.minimum(values, np.nextafter(dtype.type(high), dtype.type(low)))
    return asarray(np.asarray(values, dtype))


@_drawn_at_each_call
def integers(
    low: int,
    high: int,
    shape: int | Sequence[int] = (),
    *,
    dtype: DTypeLike = "int64",
    generator: np.random.Generator | None = None,
) -> Tensor:
    """Draw integers from low up to, but not including, high.

    Args:
        low, high: integers, low < high.
        shape, generator: as for `normal`.
        dtype: an integer dtype that holds them.

    Returns:
        A tensor of the shape.

    Raises:
        TypeError, ValueError: an argument is something else.

    >>> sorted(set(pt.random.integers(0, 3, 100, generator=np.random.default_rng(0)).tolist()))
    [0, 1, 2]
    """
    low, high = (
        integer(f"integers: {name}", n, -np.inf) for name, n in (("low", low), ("high", high))
    )
    found = empty(0, dtype=dtype).dtype
    if found.kind not in "iu":
        raise TypeError(f"integers: dtype: found {found}: expected an integer one")
    try:
        values = _source("integers", generator).integers(
            low, high, _shape("integers", shape), found
        )
    except ValueError as error:
        raise ValueError(f"integers: low {low}, high {high}: {error}") from None
    return asarray(np.asarray(values, found))


def permutation(x: int | ArrayLike, *, generator: np.random.Generator | None = None) -> Tensor:
    """Shuffle the numbers 0 ... n - 1, or a copy of a tensor along its first axis.

    Args:
        x: an integer n >= 0, or a tensor or array-like of at least one axis.
        generator: as for `normal`.

    Returns:
        A tensor: (n,) of int64, or of x's shape and dtype.

    Raises:
        TypeError, ValueError: x or generator is something else.

    >>> pt.random.permutation(4, generator=np.random.default_rng(0))
    Tensor([2, 0, 1, 3], dtype=int64)
    """
    if isinstance(x, (int, np.integer)) and not isinstance(x, bool):
        return _order(integer("permutation: x", x, 0), generator)
    tensor = asarray(x)
    if tensor.ndim == 0:
        raise ValueError("permutation: x: found a 0-d tensor: expected an integer or an axis")
    return tensor[_order(tensor.shape[0], generator)]


@_drawn_at_each_call
def _order(n: int, generator: np.random.Generator | None) -> Tensor:
    """The numbers 0 ... n - 1, shuffled."""
    return asarray(_source("permutation", generator).permutation(n))


def _source(name: str, given: np.random.Generator | None) -> np.random.Generator:
    if given is None:
        return generator()
    if not isinstance(given, np.random.Generator):
        raise TypeError(
            f"{name}: generator: found {given!r}: expected a numpy.random.Generator or None"
        )
    return given


def _shape(name: str, shape: int | Sequence[int]) -> tuple[int, ...]:
    lengths = shape if isinstance(shape, (tuple, list)) else (shape,)
    return tuple(integer(f"{name}: shape", length, 0) for length in lengths)


def _float_dtype(name: str, dtype: DTypeLike) -> np.dtype[Any]:
    found = empty(0, dtype=dtype).dtype
    if found.kind != "f":
        raise TypeError(f"{name}: dtype: found {found}: expected float32 or float64")
    return found
