"""Functions of each element, or of neighbours, that are made of rows of the op table."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, SupportsIndex

import numpy as np

from pytensor import _core, _ops
from pytensor._core import Tensor, asarray, broadcast_to
from pytensor._functions.array_api import result_type
from pytensor._functions.axes import read_axis
from pytensor._functions.creation import full_like
from pytensor._functions.joining import concat
from pytensor._support.arguments import integer

if TYPE_CHECKING:
    from pytensor._core import _Operand, _Out

__all__ = ["clip", "diff", "round"]


def clip(
    x: _Operand, /, min: _Operand | None = None, max: _Operand | None = None, *, out: _Out = None
) -> Tensor:
    """Return x limited to the range from min to max; NaN stays NaN.

    Outside the range, x has no gradient.

    Args:
        x: a tensor or array-like.
        min: what broadcasts to x; None means no limit.
        max: the same.
        out: a tensor of the result's shape and dtype to write to.

    Returns:
        A tensor of the dtype that x and the limits promote to.

    >>> pt.clip([-5.0, 0.5, 5.0], -1.0, 1.0)
    Tensor([-1. ,  0.5,  1. ], dtype=float32)
    """
    if min is not None and max is not None:
        return _ops.clip(x, min, max, out=out)
    if min is not None:
        return _ops.maximum(x, min, out=out)
    return _ops.positive(x, out=out) if max is None else _ops.minimum(x, max, out=out)


def round(x: _Operand, /, decimals: SupportsIndex = 0, *, out: _Out = None) -> Tensor:
    """Round x to so many decimals; of two numbers that are equally near, to the even one.

    Integers are rounded exactly. As in NumPy, a floating-point x is scaled, rounded to an integer,
    and scaled back.

    Args:
        x: a tensor or array-like.
        decimals: negative ones count places before the point.
        out: a tensor of the result's shape and dtype to write to.

    >>> pt.round([0.25, 1.75, 15.0], 1)
    Tensor([ 0.2,  1.8, 15. ], dtype=float32)
    """
    if type(decimals) is not int:  # to ask takes as long as to round 1000 elements
        decimals = integer("round: decimals", decimals, -math.inf)
    if decimals == 0:
        return _ops.round(x, out=out)
    tensor = asarray(x)
    if tensor.dtype.kind == "c":
        result = asarray(np.asarray(np.round(tensor.numpy(), decimals)))
    elif tensor.dtype.kind == "f":
        result = _rounded_floats(tensor, decimals)
    elif decimals > 0:
        result = _ops.round(tensor)
    else:
        result = _rounded_integers(tensor, 10**-decimals)
    return _core.write_to(result, out)


def _rounded_floats(tensor: Tensor, decimals: int) -> Tensor:
    scale = float(f"1e{abs(decimals)}")
    if decimals > 0:
        scaled = tensor * scale
        # beyond the largest number, x has no decimals to lose
        return _ops.where(_ops.isfinite(scaled), _ops.round(scaled) / scale, tensor)
    back = scale if scale <= float(np.finfo(tensor.dtype).max) else 0.0
    return _ops.where(_ops.isfinite(tensor), _ops.round(tensor / scale) * back, tensor)


def _rounded_integers(tensor: Tensor, unit: int) -> Tensor:
    if unit > np.iinfo(tensor.dtype).max:
        return full_like(tensor, 0)
    quotient = tensor // unit
    rest = tensor - quotient * unit
    up = (rest > unit - rest) | ((rest == unit - rest) & (quotient % 2 == 1))
    return (quotient + up.astype(tensor.dtype)) * unit


def diff(
    x: _Operand,
    /,
    *,
    axis: SupportsIndex = -1,
    n: SupportsIndex = 1,
    prepend: _Operand | None = None,
    append: _Operand | None = None,
) -> Tensor:
    """Return the differences between neighbours along an axis, n times over.

    Args:
        x: a tensor or array-like.
        axis: the axis.
        n: how often; 0 returns x as it is.
        prepend: a tensor to put before x first; a number stands for one place.
        append: the same after x.

    >>> pt.diff([1, 4, 9, 16])
    Tensor([3, 5, 7], dtype=int64)
    """
    tensor = asarray(x)
    if tensor.ndim == 0:
        raise ValueError("diff: a 0-d tensor has no axis")
    axis = read_axis(axis, tensor.ndim, "diff")
    n = integer("diff: n", n, 0)
    if n == 0:
        return tensor
    parts = [
        asarray(part, dtype=result_type(tensor, part))
        if isinstance(part, (bool, int, float, complex))
        else asarray(part)
        for part in (prepend, tensor, append)
        if part is not None
    ]
    if len(parts) > 1:
        place = (*tensor.shape[:axis], 1, *tensor.shape[axis + 1 :])
        tensor = concat(
            [part if part.ndim else broadcast_to(part, place) for part in parts], axis=axis
        )
    before = (slice(None),) * axis
    for _ in range(n):
        later, earlier = tensor[(*before, slice(1, None))], tensor[(*before, slice(-1))]
        tensor = _ops.not_equal(later, earlier) if tensor.dtype == bool else later - earlier
    return tensor
