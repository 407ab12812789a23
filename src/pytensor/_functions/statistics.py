"""Reductions that are made of several steps: var, std, logsumexp, count_nonzero."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pytensor import _core, _ops
from pytensor._core import Tensor, asarray
from pytensor._functions.axes import read_axes
from pytensor._functions.shapes import squeeze
from pytensor._support.arguments import number

if TYPE_CHECKING:
    from pytensor._core import _Axis, _Operand

__all__ = ["count_nonzero", "logsumexp", "std", "var"]

_FLOAT32, _FLOAT64, _UINT64 = map(np.dtype, ("float32", "float64", "uint64"))


def var(
    x: _Operand, /, axis: _Axis = None, *, correction: float = 0.0, keepdims: bool = False
) -> Tensor:
    """Return the variance along axes: the mean of abs(x - mean(x))**2.

    The result is accurate also where the mean is large.

    Args:
        x: a tensor or array-like. Of integers and booleans the variance is computed in float64,
            and is float32.
        axis: one axis or several; all by default.
        correction: the sum of squares is divided by n - correction.
        keepdims: keep the reduced axes with length 1.

    >>> pt.var([1.0, 3.0])
    Tensor(1., dtype=float32)
    """
    return _in_default_dtype(_variance(asarray(x), axis, correction, keepdims, "var"), x)


def std(
    x: _Operand, /, axis: _Axis = None, *, correction: float = 0.0, keepdims: bool = False
) -> Tensor:
    """Return the standard deviation along axes: the square root of var.

    >>> pt.std([1.0, 3.0])
    Tensor(1., dtype=float32)
    """
    return _in_default_dtype(_ops.sqrt(_variance(asarray(x), axis, correction, keepdims, "std")), x)


def _in_default_dtype(result: Tensor, x: _Operand) -> Tensor:
    """What was computed in float64, as float32 where x is of integers."""
    return result if asarray(x).dtype.kind in "fc" else result.astype(_FLOAT32)


def _variance(tensor: Tensor, axis: _Axis, correction: float, keepdims: bool, name: str) -> Tensor:
    correction = number(f"{name}: correction", correction)
    axis = None if axis is None else tuple(read_axes(axis, tensor.ndim, name))
    kind = tensor.dtype.kind
    if kind in "iu" and tensor.itemsize == 8 and tensor.size:
        # float64 may not hold them, but their differences from the smallest, as uint64
        lowest = _ops.min(tensor, axis=axis, keepdims=True)
        tensor = tensor.astype(_UINT64) - lowest.astype(_UINT64)
    mean = _core.mean(tensor, axis, keepdims=True, dtype=None if kind in "fc" else _FLOAT64)
    centred = tensor - mean
    # without a tape in the same memory, which is twice as fast
    out = None if kind == "c" or _core.is_watched([centred]) else centred
    if kind in "fc":  # what the mean is rounded by: the corrected two-pass algorithm
        centred = _ops.subtract(centred, centred.mean(axis, keepdims=True), out=out)
    if kind == "c":
        from pytensor._functions.by_numpy import function

        squares = function("real")(function("conj")(centred) * centred)
    else:
        squares = _ops.square(centred, out=out)
    total = squares.sum(axis, keepdims=keepdims)
    n = tensor.size // max(total.size, 1)
    return total / max(n - correction, 0.0)


def logsumexp(x: _Operand, /, axis: _Axis = None, *, keepdims: bool = False) -> Tensor:
    """Return log(sum(exp(x))) along axes, without overflow; -inf of no elements.

    Args:
        x: a tensor or array-like; integers and booleans are converted to float32.
        axis: one axis or several; all by default.
        keepdims: keep the reduced axes with length 1.

    >>> pt.logsumexp([1000.0, 1000.0])
    Tensor(1000.6931, dtype=float32)
    """
    tensor = asarray(x)
    if tensor.dtype.kind not in "fc":
        tensor = tensor.astype(_FLOAT32)  # the differences of integers could wrap
    values = _core.stop_gradient(tensor)
    largest: Tensor | float = 0.0
    if tensor.size:
        largest = _ops.max(values, axis=axis, keepdims=True)
        largest = _ops.where(_ops.isfinite(largest), largest, 0)
    total = _ops.sum(_ops.exp(values - largest), axis=axis, keepdims=True)
    result = _ops.log(total) + largest
    if not keepdims:
        result = squeeze(result, axis=tuple(range(tensor.ndim)) if axis is None else axis)
    _core.record_call("logsumexp", (tensor,), (result,), (axis, keepdims))
    return result


def count_nonzero(x: _Operand, /, *, axis: _Axis = None, keepdims: bool = False) -> Tensor:
    """Return how many elements along axes are not 0, as int64; NaN is not 0.

    >>> pt.count_nonzero([[1, 0], [2, 3]], axis=1)
    Tensor([1, 2], dtype=int64)
    """
    tensor = asarray(x)
    # NumPy counts many integers or booleans in one pass.
    if axis is None and not keepdims and tensor.size > 2000 and tensor.dtype.kind in "biu":
        return asarray(int(np.count_nonzero(tensor.numpy())))
    return _ops.sum(_ops.not_equal(tensor, 0), axis, keepdims=keepdims)
