"""Functions that change shapes and the order of axes; most return views."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, SupportsIndex

from pytensor._core import Tensor, asarray, broadcast_to, permute_dims, reshape
from pytensor._functions.axes import as_tuple, common_shape, read_axes, read_axis
from pytensor._functions.joining import concat
from pytensor._support.arguments import integer

if TYPE_CHECKING:
    from pytensor._core import _Axis, _Operand

__all__ = [
    "broadcast_arrays",
    "broadcast_shapes",
    "expand_dims",
    "flip",
    "matrix_transpose",
    "moveaxis",
    "roll",
    "shape",
    "squeeze",
    "transpose",
]


def shape(x: _Operand, /) -> tuple[int, ...]:
    """Return the lengths of x's axes.

    >>> pt.shape([[1, 2, 3]])
    (1, 3)
    """
    return asarray(x).shape


def matrix_transpose(x: _Operand, /) -> Tensor:
    """Return a view of x with the last two axes exchanged.

    >>> pt.matrix_transpose([[1, 2], [3, 4]])
    Tensor([[1, 3],
            [2, 4]], dtype=int64)
    """
    return asarray(x).mT


def moveaxis(
    x: _Operand, source: int | Sequence[int], destination: int | Sequence[int], /
) -> Tensor:
    """Return a view of x with axis source, or each of several, at position destination.

    >>> pt.moveaxis(pt.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    tensor = asarray(x)
    moved = read_axes(source, tensor.ndim, "moveaxis")
    places = read_axes(destination, tensor.ndim, "moveaxis")
    if len(moved) != len(places):
        raise ValueError(f"moveaxis: {len(moved)} axes to {len(places)} positions")
    order = [axis for axis in range(tensor.ndim) if axis not in moved]
    for place, axis in sorted(zip(places, moved, strict=True)):
        order.insert(place, axis)
    return permute_dims(tensor, order)


def transpose(x: _Operand, /, axes: Sequence[int] | None = None) -> Tensor:
    """Return a view of x with its axes reversed, or in the order of axes.

    >>> pt.transpose([[1, 2], [3, 4]])
    Tensor([[1, 3],
            [2, 4]], dtype=int64)
    """
    tensor = asarray(x)
    return permute_dims(tensor, range(tensor.ndim)[::-1] if axes is None else axes)


def expand_dims(x: _Operand, /, axis: int | Sequence[int] = 0) -> Tensor:
    """Return a view of x with a new axis of length 1 at position axis, or at each of several.

    >>> pt.expand_dims([1, 2], axis=1).shape
    (2, 1)
    """
    tensor = asarray(x)
    axes = as_tuple(axis)
    lengths = list(tensor.shape)
    for position in sorted(read_axes(axes, tensor.ndim + len(axes), "expand_dims")):
        lengths.insert(position, 1)
    return reshape(tensor, tuple(lengths))


def squeeze(x: _Operand, /, axis: _Axis = None) -> Tensor:
    """Return a view of x without the given axes of length 1; by default without any of them.

    Raises:
        ValueError: an axis has another length.

    >>> pt.squeeze(pt.zeros((1, 3, 1))).shape
    (3,)
    """
    tensor = asarray(x)
    if axis is None:
        gone = [a for a, length in enumerate(tensor.shape) if length == 1]
    else:
        gone = read_axes(axis, tensor.ndim, "squeeze")
        for a in gone:
            if tensor.shape[a] != 1:
                raise ValueError(
                    f"squeeze: axis {a} of shape {tensor.shape} has length "
                    f"{tensor.shape[a]}: expected 1"
                )
    return reshape(tensor, tuple(n for a, n in enumerate(tensor.shape) if a not in gone))


def flip(x: _Operand, /, *, axis: _Axis = None) -> Tensor:
    """Return a view of x with the elements in reverse order along axis, or along all axes.

    >>> pt.flip([1, 2, 3])
    Tensor([3, 2, 1], dtype=int64)
    """
    tensor = asarray(x)
    turned = range(tensor.ndim) if axis is None else read_axes(axis, tensor.ndim, "flip")
    return tensor[tuple(slice(None, None, -1 if a in turned else None) for a in range(tensor.ndim))]


def roll(
    x: _Operand,
    /,
    shift: SupportsIndex | Sequence[SupportsIndex],
    *,
    axis: int | Sequence[int] | None = None,
) -> Tensor:
    """Return x with its elements moved on by shift along an axis, the last ones to the front.

    Args:
        x: a tensor or array-like.
        shift: by how many places; one number, or one for each axis.
        axis: one axis or several; by default x is rolled as if it were flattened.

    >>> pt.roll([1, 2, 3], 1)
    Tensor([3, 1, 2], dtype=int64)
    """
    tensor = asarray(x)
    if axis is None:
        return reshape(roll(tensor.ravel(), shift, axis=0), tensor.shape)
    shifts, axes = as_tuple(shift), [read_axis(a, tensor.ndim, "roll") for a in as_tuple(axis)]
    if len(shifts) == 1:
        shifts = shifts * len(axes)
    if len(shifts) != len(axes):
        raise ValueError(f"roll: {len(shifts)} shifts along {len(axes)} axes")
    for places, a in zip(shifts, axes, strict=True):
        n = tensor.shape[a]
        cut = n - integer("roll: shift", places, -math.inf) % n if n else 0
        before = (slice(None),) * a
        tensor = concat(
            [tensor[(*before, slice(cut, None))], tensor[(*before, slice(cut))]], axis=a
        )
    return tensor if axes else tensor.copy()


def broadcast_arrays(*arrays: _Operand) -> tuple[Tensor, ...]:
    """Return the arrays in the shape that they broadcast to.

    Those of another shape are copied, so that all may be written to; broadcast_to returns
    read-only views without a copy.

    >>> x, y = pt.broadcast_arrays([1, 2], [[3], [4]])
    >>> x.shape, y.shape
    ((2, 2), (2, 2))
    """
    tensors = [asarray(a) for a in arrays]
    common = common_shape("broadcast_arrays", [t.shape for t in tensors])
    return tuple(t if t.shape == common else broadcast_to(t, common).copy() for t in tensors)


def broadcast_shapes(*shapes: Sequence[int]) -> tuple[int, ...]:
    """Return the shape that tensors of these shapes broadcast to.

    >>> pt.broadcast_shapes((3, 1), (4,))
    (3, 4)
    """
    return common_shape("broadcast_shapes", shapes)
