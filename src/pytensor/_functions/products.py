"""Products along axes, as calls of matmul: tensordot and vecdot. einsum is in contraction.py."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, SupportsIndex

from pytensor._core import Tensor, asarray, permute_dims, reshape
from pytensor._functions.axes import as_tuple, common_shape, read_axes, read_axis
from pytensor._functions.shapes import expand_dims, moveaxis
from pytensor._support.arguments import integer

if TYPE_CHECKING:
    from pytensor._core import _Operand

__all__ = ["tensordot", "vecdot"]


def vecdot(x: _Operand, y: _Operand, /, *, axis: SupportsIndex = -1) -> Tensor:
    """Return the inner products of the vectors along an axis; the other axes broadcast.

    Complex vectors of x are conjugated first.

    >>> pt.vecdot([[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0])
    Tensor([3., 7.], dtype=float32)
    """
    x, y = asarray(x), asarray(y)
    if x.ndim == 0 or y.ndim == 0:
        raise ValueError("vecdot: a 0-d tensor has no axis")
    if x.dtype.kind == "c":
        from pytensor._functions.by_numpy import function

        x = asarray(function("conj")(x))
    x_axis, y_axis = (read_axis(axis, t.ndim, "vecdot") for t in (x, y))
    if x.shape[x_axis] != y.shape[y_axis]:
        raise ValueError(
            f"vecdot: axis {axis} of shapes {x.shape} and {y.shape}: expected the same length"
        )
    x, y = moveaxis(x, x_axis, -1), moveaxis(y, y_axis, -1)
    return reshape(
        expand_dims(x, -2) @ expand_dims(y, -1),
        common_shape("vecdot", [x.shape[:-1], y.shape[:-1]]),
    )


def tensordot(
    x: _Operand,
    y: _Operand,
    /,
    *,
    axes: SupportsIndex | tuple[int | Sequence[int], int | Sequence[int]] = 2,
) -> Tensor:
    """Return the sums of products over axes of x and of y.

    Args:
        x: a tensor or array-like.
        y: the same.
        axes: how many, the last of x and the first of y; or a pair, the axes of x, one or several,
            and those of y.

    >>> pt.tensordot([[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0], axes=1)
    Tensor([3., 7.], dtype=float32)
    """
    x, y = asarray(x), asarray(y)
    pair = as_tuple(axes)
    if len(pair) == 1:
        n_axes = integer("tensordot: axes", pair[0], -math.inf)
        x_axes = list(range(x.ndim - n_axes, x.ndim))
        y_axes = list(range(n_axes))
        if n_axes < 0 or n_axes > min(x.ndim, y.ndim):
            raise ValueError(f"tensordot: {n_axes} axes of shapes {x.shape} and {y.shape}")
    elif len(pair) == 2:
        x_axes, y_axes = (
            read_axes(one, t.ndim, "tensordot") for one, t in zip(pair, (x, y), strict=True)
        )
    else:
        raise ValueError(
            f"tensordot: axes: found {axes!r}: expected an integer or a pair, axes of "
            "x and axes of y"
        )
    if [x.shape[a] for a in x_axes] != [y.shape[a] for a in y_axes]:
        raise ValueError(
            f"tensordot: axes {x_axes} of shape {x.shape} against axes {y_axes} of shape {y.shape}"
        )
    x_kept = [a for a in range(x.ndim) if a not in x_axes]
    y_kept = [a for a in range(y.ndim) if a not in y_axes]
    n = math.prod([x.shape[a] for a in x_axes])
    left = reshape(permute_dims(x, x_kept + x_axes), (math.prod([x.shape[a] for a in x_kept]), n))
    right = reshape(permute_dims(y, y_axes + y_kept), (n, math.prod([y.shape[a] for a in y_kept])))
    return reshape(
        left @ right, tuple(x.shape[a] for a in x_kept) + tuple(y.shape[a] for a in y_kept)
    )
