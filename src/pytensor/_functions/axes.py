"""Arguments that name axes and shapes, as the functions of the namespace read them."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pytensor._core import Tensor, asarray

if TYPE_CHECKING:
    from pytensor._core import _Operand


def read_axis(axis: Any, ndim: int, name: str) -> int:
    """Return an axis as 0..ndim-1; `name` is that of the function, for the message."""
    try:
        position = operator.index(axis)
    except TypeError:
        raise TypeError(f"{name}: axis is {axis!r}: expected an integer") from None
    if not -ndim <= position < ndim:
        raise IndexError(f"{name}: axis {axis} is out of range for {ndim} axes")
    return position % ndim


def read_axes(axis: Any, ndim: int, name: str) -> list[int]:
    """Return one axis, or a sequence of different ones, as a list of 0..ndim-1."""
    positions = [read_axis(a, ndim, name) for a in as_tuple(axis)]
    if len(set(positions)) != len(positions):
        raise ValueError(f"{name}: an axis appears twice in {axis}")
    return positions


def as_tuple(value: Any) -> tuple[Any, ...]:
    """Return one value, or a sequence of them, as a tuple."""
    if not isinstance(value, int):
        try:
            return tuple(value)
        except TypeError:
            pass
    return (value,)


def common_shape(name: str, shapes: Iterable[Sequence[int]]) -> tuple[int, ...]:
    """Return the shape that the shapes broadcast to."""
    shapes = list(shapes)
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        listed = ", ".join(map(str, shapes))
        raise ValueError(
            f"{name}: shapes {listed}: expected axes of the same length, or of length "
            "1, from the last on"
        ) from None


def matrices(x: _Operand, name: str) -> Tensor:
    """Return x as a tensor of at least two axes."""
    tensor = asarray(x)
    if tensor.ndim < 2:
        raise ValueError(f"{name}: a tensor of shape {tensor.shape} has no matrix")
    return tensor
