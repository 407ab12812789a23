"""Functions that join tensors, take them apart, repeat them, and add elements at their ends."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal, SupportsIndex

import numpy as np

from pytensor import _core
from pytensor._core import Tensor, asarray, broadcast_to, full, reshape
from pytensor._functions.axes import as_tuple, read_axis
from pytensor._functions.indexing import take
from pytensor._support.arguments import integer, known

if TYPE_CHECKING:
    from pytensor._core import _Operand

__all__ = ["concat", "concatenate", "pad", "repeat", "stack", "tile", "unstack"]

MOST = sys.maxsize // 8  # elements along an axis: NumPy numbers them with 8 bytes each


def _tensors(arrays: Iterable[_Operand], name: str) -> list[Tensor]:
    """The arrays of a sequence, at least one, as tensors."""
    try:
        parts = iter(arrays)
    except TypeError:
        raise TypeError(f"{name}: found {arrays!r}: expected a sequence of arrays") from None
    tensors = [asarray(a) for a in parts]
    if not tensors:
        raise ValueError(f"{name}: no arrays")
    return tensors


def concat(arrays: Iterable[_Operand], /, *, axis: SupportsIndex | None = 0) -> Tensor:
    """Return the arrays one after another along an axis; flattened first if axis is None.

    Raises:
        ValueError: there is no array, or they differ along another axis.

    >>> pt.concat(([1, 2], [3]))
    Tensor([1, 2, 3], dtype=int64)
    """
    tensors = _tensors(arrays, "concat")
    if axis is None:
        tensors, axis = [t.ravel() for t in tensors], 0
    return _core.concat(tensors, axis)


def concatenate(arrays: Iterable[_Operand], /, *, axis: SupportsIndex | None = 0) -> Tensor:
    """Do what concat does, under NumPy's name.

    >>> pt.concatenate(([1, 2], [3]))
    Tensor([1, 2, 3], dtype=int64)
    """
    return concat(arrays, axis=axis)


def stack(arrays: Iterable[_Operand], /, *, axis: SupportsIndex = 0) -> Tensor:
    """Return the arrays, all of one shape, along a new axis.

    >>> pt.stack(([1, 2], [3, 4]))
    Tensor([[1, 2],
            [3, 4]], dtype=int64)
    """
    tensors = _tensors(arrays, "stack")
    shape = tensors[0].shape
    position = read_axis(axis, len(shape) + 1, "stack")
    for t in tensors:
        if t.shape != shape:
            raise ValueError(f"stack: shapes {shape} and {t.shape}: expected the same")
    longer = (*shape[:position], 1, *shape[position:])
    return _core.concat([reshape(t, longer) for t in tensors], position)


def unstack(x: _Operand, /, *, axis: SupportsIndex = 0) -> tuple[Tensor, ...]:
    """Return the slices of x along an axis as a tuple of views: the reverse of stack.

    >>> pt.unstack([[1, 2], [3, 4]])
    (Tensor([1, 2], dtype=int64), Tensor([3, 4], dtype=int64))
    """
    tensor = asarray(x)
    if tensor.ndim == 0:
        raise ValueError("unstack: a 0-d tensor has no axis")
    position = read_axis(axis, tensor.ndim, "unstack")
    return tuple(tensor[(slice(None),) * position + (i,)] for i in range(tensor.shape[position]))


def repeat(x: _Operand, repeats: _Operand, /, *, axis: SupportsIndex | None = None) -> Tensor:
    """Return each element, or each slice along an axis, several times in a row.

    Args:
        x: a tensor or array-like.
        repeats: how many times; an integer, or one for each element.
        axis: by default x is flattened.

    >>> pt.repeat([1, 2], 2)
    Tensor([1, 1, 2, 2], dtype=int64)
    """
    tensor = asarray(x)
    if axis is None:
        tensor, axis = tensor.ravel(), 0
    axis = read_axis(axis, tensor.ndim, "repeat")
    n = tensor.shape[axis]
    counts: int | np.ndarray
    if type(repeats) is int and 0 <= repeats <= MOST // max(n, 1):
        counts = repeats
    else:
        counts = _counts(repeats, axis, n)
    # take has a derivative; and np.repeat of empty slices counts up to any number of them.
    if tensor.size == 0 or _core.is_watched([tensor]) or _core.is_tracing():
        return take(tensor, np.repeat(np.arange(n), counts), axis=axis)
    return asarray(np.repeat(tensor.numpy(), counts, axis))


def tile(x: _Operand, repetitions: SupportsIndex | Sequence[SupportsIndex], /) -> Tensor:
    """Return x repeated as a whole along each axis.

    Args:
        x: a tensor or array-like.
        repetitions: how many times along each axis; a shorter sequence is for the last axes.

    >>> pt.tile([1, 2], (2, 2))
    Tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]], dtype=int64)
    """
    tensor = asarray(x)
    counts = [integer("tile: repetitions", count, 0) for count in as_tuple(repetitions)]
    ndim = max(len(counts), tensor.ndim)
    counts = [1] * (ndim - len(counts)) + counts
    lengths = (1,) * (ndim - tensor.ndim) + tensor.shape
    spread = reshape(tensor, tuple(n for length in lengths for n in (1, length)))
    spread = broadcast_to(
        spread, tuple(n for pair in zip(counts, lengths, strict=True) for n in pair)
    )
    return reshape(
        spread,
        tuple(count * length for count, length in zip(counts, lengths, strict=True)),
        copy=True,
    )


def pad(
    x: _Operand,
    pad_width: SupportsIndex | Sequence[SupportsIndex] | Sequence[Sequence[SupportsIndex]],
    mode: Literal["constant", "edge", "reflect", "symmetric", "wrap"] = "constant",
    *,
    constant_values: float = 0,
) -> Tensor:
    """Return x with elements added before and after it along each axis.

    Args:
        x: a tensor or array-like.
        pad_width: how many: one number for all ends, a pair (before, after) for all axes, or a pair
            for each axis.
        mode: what the elements are: "constant"; "edge", the first or last one; "reflect" or
            "symmetric", x reversed, without or with the element at the edge; "wrap", those of the
            other end.
        constant_values: the value of new elements, in mode "constant".

    Raises:
        ValueError: pad_width does not fit the axes, or an axis without elements is to be continued.

    >>> pt.pad([1, 2, 3], (1, 2))
    Tensor([0, 1, 2, 3, 0, 0], dtype=int64)
    >>> pt.pad([1, 2, 3], 2, "reflect")
    Tensor([3, 2, 1, 2, 3, 2, 1], dtype=int64)
    """
    tensor = asarray(x)
    modes = ("constant", "edge", "reflect", "symmetric", "wrap")
    if mode not in modes:
        raise ValueError(f"pad: unknown mode {mode!r}: {known(mode, modes)}")
    try:
        widths = np.broadcast_to(np.asarray(pad_width), (tensor.ndim, 2))
    except ValueError:
        raise ValueError(
            f"pad: pad_width is {pad_width!r} for {tensor.ndim} axes: expected an integer, a pair, "
            "or a pair for each axis"
        ) from None
    ends = [[integer("pad: pad_width", n, 0) for n in pair] for pair in widths.tolist()]
    if mode == "constant":
        shape = tuple(a + n + b for n, (a, b) in zip(tensor.shape, ends, strict=True))
        key = tuple(slice(a, a + n) for n, (a, _) in zip(tensor.shape, ends, strict=True))
        if type(constant_values) in (int, float) and constant_values == 0:
            return _core.scatter(tensor, key, shape)
        filled = full(shape, constant_values, dtype=tensor.dtype)
        return _core.set_at(filled, key, tensor)
    for axis, (n, pair) in enumerate(zip(tensor.shape, ends, strict=True)):
        if any(pair):
            if n == 0:
                raise ValueError(
                    f"pad: shape {tensor.shape}, mode {mode!r}: axis {axis} has no element to "
                    "repeat"
                )
            tensor = take(tensor, np.pad(np.arange(n), pair, mode), axis=axis)
    return tensor


def _counts(repeats: _Operand, axis: int, n: int) -> np.ndarray:
    """How often to repeat the n elements along an axis; an error where that cannot be."""
    counts = np.asarray(repeats)
    if counts.dtype.kind not in "iu":
        raise TypeError(f"repeat: repeats of dtype {counts.dtype}: expected integers")
    if counts.ndim > 1 or counts.size not in (1, n):
        raise ValueError(f"repeat: repeats of shape {counts.shape} for axis {axis} of length {n}")
    if counts.size and counts.min() < 0:
        raise ValueError(f"repeat: repeats: found {counts.min()}: expected at least 0")
    # NumPy adds the counts up without a look at overflow, and writes beyond what it allocates.
    if (
        counts.size
        and n * int(counts.max()) > MOST
        and (counts.size == 1 or sum(counts.tolist()) > MOST)
    ):
        raise ValueError(
            f"repeat: repeats: found {counts.max()}: more elements than memory has addresses"
        )
    return counts
