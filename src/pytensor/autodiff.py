"""Gradients of functions, on top of the tape.

The derivatives stand in the op table, one expression per input. They are written in the functions
of this package, so derivatives of derivatives work; what they call beyond those functions stands at
the end of this file.
"""

from __future__ import annotations

import math
import operator
from functools import cache, wraps

from pytensor import _core
from pytensor._core import GradientTape, Tensor
from pytensor.op_table import ELEMENTWISE, REDUCTIONS, TABLE

__all__ = ["GradientTape", "grad", "value_and_grad"]


def value_and_grad(f, argnums=0):
    """The function that returns f's value and its gradient.

    f: a function of tensors (and of anything else) that returns a tensor with one element.
    argnums: the position, or tuple of positions, of the arguments to differentiate by. Python
    floats there count as 0-d tensors; nested lists, tuples and dictionaries of tensors are allowed.
    Returns: a function of f's arguments that returns (value, gradient); the gradient has the form
    of the argument (for a tuple of positions: a tuple), zeros where the value does not depend on
    it.
    Raises: TypeError when argnums is something else, an argument is not floating-point, or the
    value no tensor; ValueError when the value has more than one element.
    """
    several = isinstance(argnums, (list, tuple))
    try:
        positions = [operator.index(position) for position in (argnums if several else (argnums,))]
    except TypeError:
        raise TypeError(f"grad: argnums: found {argnums!r}: expected an integer or a tuple of "
                        "integers") from None

    @wraps(f)
    def value_and_gradient(*args, **kwargs):
        arguments = list(args)
        for position in positions:
            if not -len(args) <= position < len(args):
                raise ValueError(f"grad: argument {position} of {len(args)} arguments")
            arguments[position] = _variables(args[position])
        with GradientTape() as tape:
            variables = [arguments[position] for position in positions]
            tape.watch(variables)
            value = f(*arguments, **kwargs)
        if not isinstance(value, Tensor):
            raise TypeError(f"grad: the function returned a {type(value).__name__}: expected a "
                            "tensor")
        if value.size != 1:
            raise ValueError(f"grad: the function returned a tensor of shape {value.shape}: "
                             "expected one element (use sum or mean)")
        gradients = _filled(tape.gradient(value, variables), variables)
        return value, tuple(gradients) if several else gradients[0]

    return value_and_gradient


def grad(f, argnums=0):
    """The function that returns the gradient of f; see value_and_grad.

    grad(grad(f)) is the second derivative.
    """
    with_value = value_and_grad(f, argnums)

    @wraps(f)
    def gradient(*args, **kwargs):
        return with_value(*args, **kwargs)[1]

    return gradient


def _variables(argument):
    """The argument with every tensor replaced by a new one on the same memory, so that the inner
    function's variable is not confused with the same tensor used elsewhere."""
    if isinstance(argument, (list, tuple)):
        return _sequence_like(argument, [_variables(part) for part in argument])
    if isinstance(argument, dict):
        return {key: _variables(part) for key, part in argument.items()}
    tensor = _core.asarray(argument)
    if tensor.dtype.kind != "f":
        raise TypeError(f"grad: an argument has dtype {tensor.dtype}: expected a floating-point "
                        "one")
    return _core.identity(tensor)


def _sequence_like(sequence, parts):
    """A list of parts as what the sequence is: a list, a tuple or a named tuple."""
    if isinstance(sequence, list):
        return parts
    return type(sequence)(*parts) if hasattr(sequence, "_fields") else tuple(parts)


def _filled(gradients, variables):
    """The gradients, with zeros for None."""
    if isinstance(variables, (list, tuple)):
        return _sequence_like(variables, [_filled(g, v) for g, v
                                          in zip(gradients, variables, strict=True)])
    if isinstance(variables, dict):
        return {key: _filled(gradients[key], v) for key, v in variables.items()}
    if gradients is None:
        return _core.full(variables.shape, 0, dtype=variables.dtype)
    return gradients


# ------------------------------------------------------------- from the op table to the tape


def _load_rules():
    """Compile the table's derivatives; the tape calls this once, before it first records."""
    order = ELEMENTWISE + REDUCTIONS + [row for row in TABLE if row.kind == "other"]
    rules = {}
    for number, row in enumerate(order):
        if any(row.d):
            rules[number] = _compile(row.name, row.d, row.inputs, row.parameters)
    _core.set_rules(rules)


def add_rule(name, d, inputs, parameters):
    """The number of a new row of the tape, with the derivatives d of a function outside of the op
    table."""
    number = _core.add_row(name)
    _core.set_rules({number: _compile(name, d, inputs, parameters)})
    return number


@cache
def _namespace():
    """What derivatives may name."""
    import pytensor

    return {**vars(pytensor), **globals()}


def _compile(name, d, inputs, parameters):
    """The functions of one row, the numbers of what they need saved, and whether one function
    serves every input (see _Rule in the core)."""
    import pytensor

    namespace = _namespace()
    numbers = {"out": -1, "x_shape": -2, "y_shape": -3}
    numbers |= {name: k for k, name in enumerate(inputs)}
    numbers |= {name: -10 - i for i, name in enumerate(parameters)}
    each = isinstance(d, str)
    derivatives = (d,) if each else d
    used = {part for d in derivatives if d is not None
            for part in compile(d, f"<derivative of {name}>", "eval").co_names}
    for part in used - numbers.keys() - namespace.keys():
        if hasattr(pytensor, part):  # made when first used
            namespace[part] = getattr(pytensor, part)
    saves = [name for name in numbers if name in used]
    head = ", ".join(["g", "i", *saves] if each else ["g", *saves])
    functions = tuple(None if d is None else eval(f"lambda {head}: {d}", namespace)
                      for d in derivatives)
    return functions, tuple(numbers[name] for name in saves), each


_core.set_names([row.name for row in ELEMENTWISE + REDUCTIONS]
                + [row.name for row in TABLE if row.kind == "other"])
_core.set_rule_loader(_load_rules)


# ------------------------------------------------ what the table's derivatives call besides


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
    from pytensor import _ops

    if isinstance(y, (int, float)):
        return y - 1 if y != 0 else 1
    return _ops.where(y == 0, 1, y - 1)


def prod_gradient(g, x, axis, keepdims):
    """d prod(x) / dx_i: the product of all the others, right also where elements are 0."""
    from pytensor import _ops

    zeros = x == 0
    n_zeros = _ops.sum(zeros, axis=axis, keepdims=True)
    of_nonzeros = _ops.prod(_ops.where(zeros, 1, x), axis=axis, keepdims=True)
    of_zeros = _ops.prod(_ops.where(zeros, x, 1), axis=axis, keepdims=True)
    # At a zero, the product of the other zeros: none, the only other one, or several. Written with
    # x, whose value there is known, so that second derivatives are right too.
    other_zero = _ops.sum(_ops.where(zeros, x, 0), axis=axis, keepdims=True) - x
    of_other_zeros = _ops.where(n_zeros == 1, 1, _ops.where(n_zeros == 2, other_zero, 0))
    share = _ops.where(zeros, of_other_zeros, of_zeros / _ops.where(zeros, 1, x))
    return expand_axes(g, axis, keepdims) * of_nonzeros * share


def extremum_gradient(g, x, out, axis, keepdims):
    """d max(x) / dx: g where x is the extremum, in equal shares where several are."""
    from pytensor import _ops

    chosen = x == expand_axes(out, axis, keepdims)
    count = _ops.sum(chosen, axis=axis, keepdims=True)
    return expand_axes(g, axis, keepdims) * (chosen / count.astype(x.dtype))


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


def getitem_gradient(g, x_shape, key):
    """d x[key] / dx: zeros of x's shape, with g added at key."""
    return _core.scatter(g, key, x_shape)


def concat_gradient(g, i, axis, starts):
    """d concat(...) / d input i: the part of g that came from it."""
    return g[(slice(None),) * axis + (slice(starts[i], starts[i + 1]),)]


def linear_gradient_w(g, x, columns):
    """d (x @ w + b) / dw: x^T g, summed over all rows of x."""
    if not _core.is_recording():
        return _core.linear_weight_gradient(x, g, columns)
    if x.ndim != 2:
        x, g = _as_matrix(x), _as_matrix(g)
    return x.T @ g


def one_hot(labels, n_classes, dtype):
    """(...,) class numbers as (..., n_classes) rows with a single 1."""
    import numpy as np

    classes = _core.asarray(np.arange(n_classes))
    return (_core.reshape(labels, (*labels.shape, 1)) == classes).astype(dtype)
