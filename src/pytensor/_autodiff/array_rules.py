"""What the derivatives of the op table's rows call beyond this package's functions."""

from __future__ import annotations

import math

import numpy as np

from pytensor import _core, _ops
from pytensor import _functions as pt
from pytensor._core import (  # noqa: F401
    GradientTape,
    conv,
    conv_transpose,
    conv_weights,
    max_pool_pick,
    max_pool_spread,
    scatter,
)
from pytensor._functions import attention
from pytensor._functions.axes import read_axes
from pytensor._functions.creation import ones_like, zeros_like
from pytensor._functions.shapes import flip


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


def conj(x):
    """The complex conjugate; of real numbers x itself."""
    return pt.conj(x) if x.dtype.kind == "c" else x


def real(x):
    """The real part; of real numbers x itself."""
    return pt.real(x) if x.dtype.kind == "c" else x


def pow_slope_x(x, y):
    """y * x ** (y - 1): 0 where y is 0, and where an infinite y makes the power 0."""
    if isinstance(y, (int, float, complex)):
        return y * x ** (y - 1) if y != 0 else zeros_like(x)
    # Where y is 0, so is the slope, at an x whose reciprocal is infinite too. The square root: the
    # next derivative has its square.
    least = math.sqrt(np.finfo(x.dtype).smallest_normal)
    power = _ops.where((y == 0) & (_ops.abs(x) < least), 1, x) ** (y - 1)
    return _ops.where((power == 0) & _ops.isinf(y), 0, y) * power


def pow_slope_y(x, out):
    """x ** y * log(x): 0 at x = 0, and where the power of an infinite x is 0."""
    vanishes = x == 0
    if out.dtype.kind != "c":
        vanishes = vanishes | ((out == 0) & (x > 0))
    return _ops.where(vanishes, 0, out) * _ops.log(_ops.where(vanishes, ones_like(out), x))


def difference(x, y):
    """x - y, and 0 for equal infinities, whose difference has no other value of use."""
    return _ops.where((x == y) & _ops.isinf(x), 0, x - y)


def component(x, length):
    """x / length, the slope of the length of a vector by its element x: 0 where the length is 0,
    the sign of an infinite x. ValueError if it is to be differentiated where the length is 0."""
    at_origin = length == 0
    if _core.is_watched([length]) and not _core.is_tracing() and _ops.any(at_origin):
        raise ValueError(
            "vector_norm, hypot: second derivative: found a length of 0, where there "
            "is none: expected other lengths, or their square as a sum of squares"
        )
    ratio = x / _ops.where(at_origin, 1, length)
    return _ops.where(_ops.isinf(x), _ops.sign(x), ratio)


def turning(x, y):
    """x / (x * x + y * y), the slope of the angle of a point, whose squares may overflow; 0 where
    a coordinate is infinite."""
    if isinstance(y, _core.Tensor) and y.dtype.kind == "c":
        return x / (x * x + y * y)
    length = _ops.hypot(x, y)
    return _ops.where(_ops.isinf(x), 0, x) / length / length


def hypotenuse(x, y):
    """The root of x * x + y * y, whose squares do not overflow where the numbers are real."""
    return _ops.sqrt(x * x + y * y) if x.dtype.kind == "c" else _ops.hypot(x, y)


def log_sum_weights(x, out, axis, keepdims):
    """d logsumexp(x) / dx: softmax along axes; the largest share it where they are infinite."""
    weights = _ops.exp(difference(x, expand_axes(out, axis, keepdims)))
    return weights / _ops.sum(weights, axis=axis, keepdims=True)


def prod_of_others(x, axis):
    """d prod(x) / dx_i: the product of the elements before it times that of those after it, which
    is right where elements are 0 or infinite too.
    """
    reduced = range(x.ndim) if axis is None else read_axes(axis, x.ndim, "prod")
    order = (*(k for k in range(x.ndim) if k not in reduced), *reduced)
    moved = _core.permute_dims(x, order)
    n_kept = x.ndim - len(reduced)
    rows = _core.reshape(moved, (*moved.shape[:n_kept], math.prod(moved.shape[n_kept:])))

    def before(t):
        return pt.cumulative_prod(t, axis=-1, include_initial=True)[..., :-1]

    others = before(rows) * flip(before(flip(rows, axis=-1)), axis=-1)
    return _core.permute_dims(_core.reshape(others, moved.shape), inverse_permutation(order))


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
        if x.ndim > 2:
            x, g = _as_matrix(x), _core.reshape(g, (g.size,))
        return x.mT @ g
    if x.ndim == 1:
        return _core.reshape(x, (x.shape[0], 1)) * _core.reshape(g, (*g.shape[:-1], 1, g.shape[-1]))
    if len(y_shape) == 2 and x.ndim > 2:  # one product instead of a sum over the batch
        x, g = _as_matrix(x), _as_matrix(g)
    return x.mT @ g


def _as_matrix(t):
    """t with all axes but the last as one; -1 would not do where the last has length 0."""
    return _core.reshape(t, (math.prod(t.shape[:-1]), t.shape[-1]))


def last_written(g, key, shape):
    """d set_at(x, key, y) / dy, y of the shape: g[key], but 0 for a value that a later one for the
    same element replaces."""
    numbers = np.arange(math.prod(shape)).reshape(shape)
    written = np.empty(g.shape, dtype=np.intp)
    place = key.numpy() if isinstance(key, _core.Tensor) else key
    written[place] = numbers
    return _ops.where(_core.asarray(written[place] == numbers), g[key], 0)


def part_of_concat(i, axis, starts):
    """The index of input number i in the result."""
    return (slice(None),) * axis + (slice(starts[i], starts[i + 1]),)


def linear_gradient_w(g, x, columns):
    """d (x @ w + b) / dw: x^T g, summed over all rows of x."""
    if not _core.is_recording():
        return _core.linear_weight_gradient(x, g, columns)
    if x.ndim != 2:
        x, g = _as_matrix(x), _as_matrix(g)
    return x.T @ g


def cross_entropy_slope(g, x, y):
    """d softmax_cross_entropy(x, y) / dx."""
    if not _core.is_recording() and x.dtype is y.dtype is g.dtype:
        return _core.cross_entropy_gradient(g, x, y)
    total = _ops.sum(y, axis=-1, keepdims=True)
    return expand_axes(g, -1, False) * (_core.softmax(x) * total - y)


def sparse_cross_entropy_slope(g, x, y):
    """d sparse_softmax_cross_entropy(x, y) / dx."""
    if not _core.is_recording() and x.dtype is g.dtype:
        return _core.cross_entropy_gradient(g, x, y)
    return expand_axes(g, -1, False) * (_core.softmax(x) - one_hot(y, x.shape[-1], g.dtype))


def one_hot(labels, n_classes, dtype):
    """(...,) class numbers as (..., n_classes) rows with a single 1."""
    classes = _core.asarray(np.arange(n_classes))
    return (_core.reshape(labels, (*labels.shape, 1)) == classes).astype(dtype)


def through(f, g, x):
    """The gradient of x through f(x), which is written in differentiable functions.

    If f is linear, that is its transpose.
    """
    x = _core.identity(x)
    with GradientTape() as tape:
        tape.watch(x)
        out = f(x)
    gradient = tape.gradient(out, x, output_gradient=g)
    return zeros_like(x) if gradient is None else gradient


def cumulative_sum_gradient(g, axis, include_initial):
    """d cumulative_sum(x) / dx: the sums from the other end."""
    if include_initial:
        g = g[(slice(None),) * axis + (slice(1, None),)]
    return flip(_core.cumulative_sum(flip(g, axis=axis), axis=axis), axis=axis)


def cumulative_prod_composed(x, axis, include_initial):
    """cumulative_prod in log2(n) products, whose derivatives are right at zeros too."""
    before, step = (slice(None),) * axis, 1
    while step < x.shape[axis]:
        x = pt.concat(
            [
                x[(*before, slice(step))],
                x[(*before, slice(step, None))] * x[(*before, slice(-step))],
            ],
            axis=axis,
        )
        step *= 2
    if not include_initial:
        return x
    return (
        pt.concat([ones_like(x[(*before, slice(1))]), x], axis=axis)
        if x.shape[axis]
        else (pt.ones((*x.shape[:axis], 1, *x.shape[axis + 1 :]), dtype=x.dtype))
    )


def attention_gradients(g, operands, mask, scale, is_causal):
    """The gradients of attention with respect to q, k and v; the weights are computed again."""
    q, k, v = operands
    if not _core.is_recording() and attention.has_kernel(q, k, v) and g.dtype is q.dtype:
        mask = None if mask is None else mask.astype("bool")
        flat = _core.attention_gradients(g, q, k, v, mask, scale, is_causal)
        ends = [0, q.size, q.size + k.size, flat.size]
        return tuple(
            _core.reshape(flat[ends[i] : ends[i + 1]], x.shape) for i, x in enumerate(operands)
        )
    g, q, k, v = [attention.heads_first(x) for x in (g, *operands)]
    dq, dk, dv = [], zeros_like(k), zeros_like(v)
    for rows in attention.blocks(q, k):
        some, g_some = q[..., rows, :], g[..., rows, :]
        of_rows = attention.rows_of(mask, rows)
        weights = _core.softmax(attention.scores(some, k, of_rows, scale, is_causal, rows.start))
        dv = dv + weights.mT @ g_some
        d_weights = g_some @ v.mT
        mean = _ops.sum(d_weights * weights, axis=-1, keepdims=True)
        d_scores = weights * (d_weights - mean) * scale
        if mask is not None:  # a query that sees nothing has weights, but they do not change
            d_scores = attention.hide(d_scores, of_rows, is_causal, rows.start, 0.0)
        dq.append(d_scores @ k)
        dk = dk + d_scores.mT @ some
    by_q = dq[0] if len(dq) == 1 else pt.concat(dq, axis=-2)
    return tuple(attention.heads_first(x) for x in (by_q, dk, dv))
