"""Sums of squares that do not overflow: of float32, the square of 2e19 is infinite.

Where no square overflows, as nearly always, a check of the small result is the only cost.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pytensor import _core
from pytensor import _functions as pt

if TYPE_CHECKING:
    from pytensor._core import Tensor, _Axis


def all_finite(x: Tensor) -> bool:
    """Return whether no element is infinite or NaN; False also where the sum overflows.

    A function that is being recorded may branch on it.
    """
    total = pt.stop_gradient(x).sum()
    if _core.is_tracing():
        return _core.holds(pt.isfinite(total))
    return math.isfinite(total.item())


def scale_of(x: Tensor, axis: _Axis) -> Tensor:
    """Return what to divide x by, so that squares and their sums along axes do not overflow.

    It is the largest abs(x) along the axes, kept with length 1, where that is large, else 1.
    """
    largest = abs(pt.stop_gradient(x)).max(axis=axis, keepdims=True)
    return pt.where((largest > 1e15) & (largest < math.inf), largest, 1.0)


def sum_of_squares(x: Tensor, axis: _Axis) -> tuple[Tensor, Tensor, Tensor | float]:
    """Return x / scale, its sum of squares along axes, kept with length 1, and scale.

    scale is 1.0 unless something overflows.
    """
    total = pt.square(x).sum(axis=axis, keepdims=True)
    if _core.is_tracing():  # a program can't branch; dividing by 1 changes no bit
        scale = pt.where(pt.isfinite(pt.stop_gradient(total).sum()), 1.0, scale_of(x, axis))
    elif all_finite(total):
        return x, total, 1.0
    else:
        scale = scale_of(x, axis)
    x = x / scale
    return x, pt.square(x).sum(axis=axis, keepdims=True), scale


def unit(x: Tensor, axis: _Axis, least: float) -> Tensor:
    """Return x divided by its norm along axes, or by the root of `least` where that is more."""
    x, total, _ = sum_of_squares(x, axis)
    return x / pt.sqrt(pt.maximum(total, least))


def norms(x: Tensor, axis: _Axis) -> Tensor:
    """Return the norms of x along axes, which are kept with length 1."""
    _, total, scale = sum_of_squares(x, axis)
    return pt.sqrt(total) * scale
