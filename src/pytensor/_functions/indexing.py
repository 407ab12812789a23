"""Functions that take elements by their indices, or return a tensor with some replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np

from pytensor import _core
from pytensor._core import Tensor, asarray, broadcast_to
from pytensor._functions.axes import common_shape, read_axis

if TYPE_CHECKING:
    from pytensor._core import _Key, _Operand

__all__ = ["add_at", "set_at", "take", "take_along_axis"]


def take(x: _Operand, indices: _Operand, /, *, axis: SupportsIndex | None = None) -> Tensor:
    """Return the elements, or slices, of x at the indices along an axis.

    Args:
        x: a tensor or array-like.
        indices: integers, in a tensor of any shape.
        axis: may be left out for a vector.

    Raises:
        TypeError: the indices are no integers (for a mask, x[mask]).
        IndexError: one is out of range.

    >>> pt.take([10, 20, 30], [2, 0])
    Tensor([30, 10], dtype=int64)
    """
    tensor = asarray(x)
    if axis is None:
        if tensor.ndim != 1:
            raise ValueError(f"take: x has shape {tensor.shape}: name the axis")
        axis = 0
    axis = read_axis(axis, tensor.ndim, "take")
    numbers = asarray(indices)
    if numbers.dtype.kind not in "iu":
        raise TypeError(f"take: indices of dtype {numbers.dtype}: expected integers")
    try:
        return tensor[(slice(None),) * axis + (numbers,)]
    except IndexError:
        n = tensor.shape[axis]
        found = np.asarray(numbers)
        wrong = found[(found < -n) | (found >= n)]
        raise IndexError(
            f"take: index {wrong[0]} is out of range for axis {axis} with length {n}"
        ) from None


def take_along_axis(x: _Operand, indices: _Operand, /, *, axis: SupportsIndex = -1) -> Tensor:
    """Return the elements at the indices along an axis, as argsort's result is used.

    Along axis 0 that is out[i, j, ...] = x[indices[i, j, ...], j, ...]. The other axes broadcast.

    Raises:
        TypeError: the indices are no integers.
        IndexError: one is out of range.

    >>> pt.take_along_axis([[3, 1, 2]], [[1, 2, 0]])
    Tensor([[1, 2, 3]], dtype=int64)
    """
    tensor, numbers = asarray(x), asarray(indices)
    axis = read_axis(axis, tensor.ndim, "take_along_axis")
    if numbers.dtype.kind not in "iu":
        raise TypeError(f"take_along_axis: indices of dtype {numbers.dtype}: expected integers")
    if numbers.ndim != tensor.ndim:
        raise ValueError(
            f"take_along_axis: x has shape {tensor.shape} and indices "
            f"{numbers.shape}: expected as many axes"
        )
    common = common_shape(
        "take_along_axis", [(*t.shape[:axis], 1, *t.shape[axis + 1 :]) for t in (tensor, numbers)]
    )
    tensor = broadcast_to(
        tensor, common[:axis] + tensor.shape[axis : axis + 1] + common[axis + 1 :]
    )
    keys: list[Any] = list(np.ogrid[tuple(slice(n) for n in tensor.shape)])
    keys[axis] = numbers
    return tensor[tuple(keys)]


def add_at(x: _Operand, key: _Key, values: _Operand, /) -> Tensor:
    """Return x with values added to x[key], as a new tensor.

    Unlike x[key] += values, an element that key names several times is added to each time.
    Gradients flow through x and values.

    >>> pt.add_at(pt.zeros(3), [0, 2, 2], 1.0)
    Tensor([1., 0., 2.], dtype=float32)
    """
    tensor = asarray(x)
    values = broadcast_to(asarray(values, dtype=tensor.dtype), tensor[key].shape)
    return tensor + _core.scatter(values, key, tensor.shape)


def set_at(x: _Operand, key: _Key, values: _Operand, /) -> Tensor:
    """Return x with x[key] = values, as a new tensor.

    The last value counts where key names an element several times. Gradients flow through x and
    values.

    >>> pt.set_at(pt.zeros(3), [0, 2], 5.0)
    Tensor([5., 0., 5.], dtype=float32)
    """
    return _core.set_at(x, key, values)
