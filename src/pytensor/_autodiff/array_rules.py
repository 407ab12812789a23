"""What the derivatives of the op table's rows call beyond this package's functions."""

from __future__ import annotations

import math

import numpy as np

from pytensor import _core, _ops
from pytensor._core import scatter  # noqa: F401


def expand_axes(g, axis, keepdims):
    """g, reduced over axis, with the reduced axes back as axes of length 1."""
    if keepdims or axis is None or (g.ndim == 0 and axis == -1):
        return g
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    ndim = g.ndim + len(axes)
    shape = list(g.shape)
    for position in sorted(a % ndim for a in axes):
        shape.insert(position, 1)
    return _core.reshape(g, tuple(shape))


def less_one(y):
    """The exponent of y * x ** (y - 1), the slope of x ** y: 1 where y is 0, so that 0 times it is
    0 at x = 0 too. A Python number stays one, and takes the dtype of x."""
    if isinstance(y, (int, float)):
        return y - 1 if y != 0 else 1
    return _ops.where(y == 0, 1, y - 1)


def prod_of_others(x, axis):
    """d prod(x) / dx_i: the product of all the others along axis, right also where elements are 0.
    """
    zeros = x == 0
    n_zeros = _ops.sum(zeros, axis=axis, keepdims=True)
    of_nonzeros = _ops.prod(_ops.where(zeros, 1, x), axis=axis, keepdims=True)
    of_zeros = _ops.prod(_ops.where(zeros, x, 1), axis=axis, keepdims=True)
    # At a zero, the product of the other zeros: none, the only other one, or several. Written with
    # x, whose value there is known, so that second derivatives are right too.
    other_zero = _ops.sum(_ops.where(zeros, x, 0), axis=axis, keepdims=True) - x
    of_other_zeros = _ops.where(n_zeros == 1, 1, _ops.where(n_zeros == 2, other_zero, 0))
    share = _ops.where(zeros, of_other_zeros, of_zeros / _ops.where(zeros, 1, x))
    return of_nonzeros * share


def shares(x, out, axis, keepdims):
    """d max(x) / dx: 1 where x is the extremum, equal shares of it where several are."""
    chosen = x == expand_axes(out, axis, keepdims)
    count = _ops.sum(chosen, axis=axis, keepdims=True)
    return chosen / count.astype(x.dtype)


def inverse_permutation(axes):
    """The permutation that undoes axes."""
    inverse = [0] * len(axes)
    for position, axis in enumerate(axes):
        inverse[axis] = position
    return inverse


def matmul_gradient_x(g, x_shape, y):
    """d (x @ y) / dx: g y^T, with a vector's missing axis put back for the product."""
    if y.ndim == 1:  # (..., m, k) @ (k,) -> (..., m)
        return _core.reshape(g, (*g.shape, 1)) * y
    if len(x_shape) == 1:  # (k,) @ (..., k, n) -> (..., n)
        product = _core.reshape(g, (*g.shape[:-1], 1, g.shape[-1])) @ y.mT
        return _core.reshape(product, (*product.shape[:-2], product.shape[-1]))
    return g @ y.mT


def matmul_gradient_y(g, x, y_shape):
    """d (x @ y) / dy: x^T g, with a vector's missing axis put back for the product."""
    if len(y_shape) == 1:
        if x.ndim == 1:
            return g * x
        return _core.reshape(g, (*g.shape, 1)) * x
    if x.ndim == 1:
        return _core.reshape(x, (x.shape[0], 1)) * _core.reshape(g, (*g.shape[:-1], 1,
                                                                     g.shape[-1]))
    if len(y_shape) == 2 and x.ndim > 2:  # one product instead of a sum over the batch
        x, g = _as_matrix(x), _as_matrix(g)
    return x.mT @ g


def _as_matrix(t):
    """t with all axes but the last as one; -1 would not do where the last has length 0."""
    return _core.reshape(t, (math.prod(t.shape[:-1]), t.shape[-1]))


def part_of_concat(i, axis, starts):
    """Where input number i stands in the result, as an index."""
    return (slice(None),) * axis + (slice(starts[i], starts[i + 1]),)


def linear_gradient_w(g, x, columns):
    """d (x @ w + b) / dw: x^T g, summed over all rows of x."""
    if not _core.is_recording():
        return _core.linear_weight_gradient(x, g, columns)
    if x.ndim != 2:
        x, g = _as_matrix(x), _as_matrix(g)
    return x.T @ g


def one_hot(labels, n_classes, dtype):
    """(...,) class numbers as (..., n_classes) rows with a single 1."""
    classes = _core.asarray(np.arange(n_classes))
    return (_core.reshape(labels, (*labels.shape, 1)) == classes).astype(dtype)
