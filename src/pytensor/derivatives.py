"""The op table's derivatives, compiled for the tape; and what they call beyond this package's
functions.

The tape loads this module before it first records: `import pytensor` does without.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from pytensor import _core, _ops
from pytensor._core import scatter  # noqa: F401


def load(rows):
    """Give the tape the derivatives of the rows, in the order of their numbers."""
    _core.set_rules({number: _compile(row) for number, row in enumerate(rows) if any(row.d)})


def add(row):
    """Give the tape those of a row of numpy_table.py."""
    from pytensor import linalg_derivatives

    for name, value in vars(linalg_derivatives).items():
        _namespace().setdefault(name, value)
    _core.set_rules({_core.add_row(row.name): _compile(row)})


@cache
def _namespace():
    """What derivatives may name; functions that are made when first used come later."""
    import pytensor

    return {**vars(pytensor), **globals()}


def _compile(row):
    """The arguments of the core's _Rule."""
    import pytensor

    namespace = _namespace()
    numbers = {"out": -1, "x_shape": -2, "y_shape": -3, "out_shape": -4}
    numbers |= {name: k for k, name in enumerate(row.inputs)}
    numbers |= {name: -10 - i for i, name in enumerate(row.parameters)}
    several = isinstance(row.d, str)
    backward = (row.d,) if several else row.d
    forward = (row.jvp,) if isinstance(row.jvp, str) else row.jvp or ()
    reads = {}  # name -> the inputs, as bits, whose derivatives read it
    for expressions in (backward, forward):
        for k, d in enumerate(expressions):
            for name in _names(compile(d or "0", f"<derivative of {row.name}>", "eval")):
                reads[name] = -1 if several else reads.get(name, 0) | 1 << k
    for name in reads.keys() - numbers.keys() - namespace.keys():
        if hasattr(pytensor, name):  # made when first used
            namespace[name] = getattr(pytensor, name)
    saves = [name for name in numbers if name in reads]
    each = several and "i" in reads

    def functions(expressions, first):
        head = ", ".join([first, "i", *saves] if each else [first, *saves])
        return tuple(None if d is None else eval(f"lambda {head}: {d}", namespace)
                     for d in expressions)

    rules = functions(backward, "g")
    if forward:
        tangent_rules = functions(forward, "t")
    else:
        tangent_rules = rules if row.kind in ("unary", "binary", "ternary") else None
    return (rules, tangent_rules, tuple(numbers[name] for name in saves),
            tuple(reads[name] for name in saves), each, several and not each)


def _names(code):
    """The global names of an expression, those in lambdas of it too."""
    inner = [name for part in code.co_consts if hasattr(part, "co_names") for name in _names(part)]
    return (*code.co_names, *inner)


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


def last_written(g, key, shape):
    """d set_at(x, key, y) / dy, y of the shape: g[key], but 0 for a value that a later one for the
    same element replaces."""
    numbers = np.arange(math.prod(shape)).reshape(shape)
    written = np.empty(g.shape, dtype=np.intp)
    place = key.numpy() if isinstance(key, _core.Tensor) else key
    written[place] = numbers
    return _ops.where(_core.asarray(written[place] == numbers), g[key], 0)


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
