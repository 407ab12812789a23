"""Sums of squares that do not overflow: of float32, the square of 2e19 is infinite.

Where nothing does, as nearly always, one look at the small result is all the cost.
"""

from __future__ import annotations

import math

from pytensor import _functions as pt


def all_finite(x):
    """Whether no element of a tensor is infinite or NaN; also False where the sum overflows."""
    return math.isfinite(pt.stop_gradient(x).sum().item())


def scale_of(x, axis):
    """What to divide x by, so that squares and their sums along axes do not overflow.

    Returns: the largest abs(x) along the axes, kept with length 1, where that is large, else 1.
    """
    largest = abs(pt.stop_gradient(x)).max(axis=axis, keepdims=True)
    return pt.where((largest > 1e15) & (largest < math.inf), largest, 1.0)


def sum_of_squares(x, axis):
    """The sum of squares along axes, which are kept with length 1.

    Returns: x / scale, its sum of squares, scale; scale is 1.0 unless something overflows.
    """
    total = pt.square(x).sum(axis=axis, keepdims=True)
    if all_finite(total):
        return x, total, 1.0
    scale = scale_of(x, axis)
    x = x / scale
    return x, pt.square(x).sum(axis=axis, keepdims=True), scale


def unit(x, axis, least):
    """x divided by its norm along axes, or by the root of `least` where that is more."""
    x, total, _ = sum_of_squares(x, axis)
    return x / pt.sqrt(pt.maximum(total, least))


def norms(x, axis):
    """The norms of x along axes, which are kept with length 1."""
    _, total, scale = sum_of_squares(x, axis)
    return pt.sqrt(total) * scale
