"""Makes the functions of _tables/numpy_rows.py, each when it is first used.

A call turns its inputs into tensors of one dtype, has NumPy compute on their memory without a copy,
and makes tensors of the results, again without one.
"""

from __future__ import annotations

import functools

import numpy as np

from pytensor import _core
from pytensor._core import Tensor, asarray
from pytensor._functions.contraction import einsum  # noqa: F401 - what a row of the table calls
from pytensor._tables.numpy_rows import TABLE, Row, complex_reference

# NumPy's exceptions, the special ones first, as what a call raises with its name in front.
_ERRORS = (np.linalg.LinAlgError, IndexError, TypeError, ValueError)


def names(module=""):
    """The names of the functions of pytensor (""), "linalg" or "fft"."""
    return [name.rpartition(".")[2] for name in TABLE if name.rpartition(".")[0] == module]


def function(name):
    """Make the function of a row; `name` is that of the row: "linalg.qr"."""
    row = TABLE[name]
    module, _, short = name.rpartition(".")
    inputs = "".join(f"{name}, " for name in row.inputs)
    parameters = "".join(f"{name}, " for name in row.parameters)
    namespace = {"call": _Call(row).__call__}
    exec(f"def {short}({row.signature}): return call(({inputs}), ({parameters}))", namespace)
    made = namespace[short]
    made.__module__ = f"pytensor.{module}".rstrip(".")
    made.__doc__ = _docstring(row)
    return made


def complex_function(name):
    """What computes a row of the op table for arrays of complex numbers; None without a rule."""
    expression = complex_reference(name)
    if expression is None:
        return None
    return eval(f"lambda x, y=None, z=None, axis=None, keepdims=False: {expression}", globals())


def _docstring(row: Row) -> str:
    spell = {
        "b": "bool",
        "i": "signed integers",
        "u": "unsigned integers",
        "f": "floating-point",
        "c": "complex",
    }
    text = f"{row.doc}\n\nComputed by NumPy. dtypes: {', '.join(spell[k] for k in row.types)}"
    if "f" in row.types and "i" not in row.types:
        text += "; others are converted to float32"
    text += "."
    if row.example:
        text += "\n\n>>> {}\n{}".format(*row.example)
    return text


class _Call:
    """What the functions of one row do."""

    def __init__(self, row: Row):
        self.row = row
        self.compute = eval(
            f"lambda {', '.join(row.inputs + row.parameters)}: {row.numpy}", globals()
        )
        self.takes_any_number = "operands" in row.parameters  # the last one, then
        self.known_to_tapes = False

    def __call__(self, inputs, parameters):
        row = self.row
        tensors = _core.operands(
            row.name, parameters[-1] if self.takes_any_number else inputs, row.types, row.promoting
        )
        if self.takes_any_number:
            parameters = (*parameters[:-1], tuple(tensors))
        try:
            result = _core.numpy_call(
                self.compute, () if self.takes_any_number else tensors, parameters, row.warns
            )
        except _ERRORS as error:
            kind = next(kind for kind in _ERRORS if isinstance(error, kind))
            raise kind(f"{row.name}: {error}") from None
        except OverflowError as error:  # an axis or a length beyond C's integers
            raise ValueError(f"{row.name}: {error}") from None
        if type(result) is not Tensor:
            result = _tensors(result)
        if _core.is_watched(tensors):
            self.record(tuple(tensors), parameters, result)
        return result

    def record(self, tensors, parameters, result):
        """Tell the tapes; NotImplementedError where a gradient would get lost."""
        results = tuple(result) if isinstance(result, tuple) else (result,)
        if self.row.d is None:
            if any(out.dtype.kind in "fc" for out in results):
                raise NotImplementedError(
                    f"{self.row.name}: no derivative is known, and a GradientTape records its "
                    "input (use stop_gradient where none should flow)"
                )
            return
        if not self.known_to_tapes:
            _core.add_rules(self.row)
            self.known_to_tapes = True
        _core.record_call(self.row.name, tensors, results, tuple(map(_fixed, parameters)))


def _fixed(parameter):
    """A parameter as a tape keeps it: a 0-d array, such as an axis, could change."""
    if isinstance(parameter, (Tensor, np.ndarray)) and parameter.ndim == 0:
        return parameter.item()
    return parameter


def _tensors(result):
    """What NumPy returned beside an array: its arrays and scalars as tensors."""
    if isinstance(result, tuple):
        parts = [asarray(np.asarray(part)) for part in result]
        return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
    return asarray(np.asarray(result))


# ------------------------------------------------------------------ what NumPy hands over to us


@functools.cache
def _own_ufuncs(namespace):
    """NumPy's ufuncs that the namespace has too, whatever NumPy calls them: np.arccos is acos."""
    return {
        getattr(np, name): getattr(namespace, name)
        for name in dir(namespace)
        if isinstance(getattr(np, name, None), np.ufunc)
    }


def call_ufunc(namespace, ufunc, method, inputs, keywords):
    """What a ufunc of NumPy's gives where an input or out is a tensor: Tensor.__array_ufunc__.

    That is the function of the namespace, with its gradient. What this lacks (np.cbrt, where=...)
    NumPy computes on the tensors' memory. Results are tensors in any case.
    """
    for value in inputs:
        if getattr(type(value), "__array_ufunc__", None) not in _UNDERSTOOD:
            return NotImplemented
    outs = keywords.pop("out", ())
    function = _own_ufuncs(namespace).get(ufunc)
    if function is not None and method == "__call__" and not keywords:
        result = function(*inputs)
    else:
        arrays = [np.asarray(value) if isinstance(value, Tensor) else value for value in inputs]
        if outs:  # copies of tensors: write_to tells the tapes of what changes
            keywords["out"] = tuple(
                out.numpy().copy() if isinstance(out, Tensor) else out for out in outs
            )
        with np.errstate(all="ignore"):
            result = getattr(ufunc, method)(*arrays, **keywords)
        if result is None:  # ufunc.at, which changed the first input
            return None
        result = _tensors(result)
    if not isinstance(result, tuple):
        return _core.write_to(result, outs[0]) if outs else result
    outs = outs or (None,) * len(result)
    return tuple(map(_core.write_to, result, outs))


# those whose elements we read, and that leave the call to us
_UNDERSTOOD = (None, Tensor.__array_ufunc__, np.ndarray.__array_ufunc__)


# ------------------------------------------------------- what the expressions of the table call


def argsort(x, axis, descending, stable):
    """The positions that sort x; of equal elements, in their order, in descending order too."""
    if not descending:
        return x.argsort(axis=axis, stable=stable)
    turned = np.flip(x, axis).argsort(axis=axis, stable=stable)
    return x.shape[axis] - 1 - np.flip(turned, axis)


def sort(x, axis, descending, stable):
    """The elements of x in order."""
    # Of numbers, which of two equal ones comes first shows in zeros of either sign alone; NumPy's
    # stable sort takes up to three times as long, but for the narrowest, which it counts.
    if stable and x.dtype.itemsize > 2 and x.size > 1000:
        stable = x.dtype.kind == "f" and bool(np.signbit(x[x == 0]).any())
    result = x.copy(order="K")
    result.sort(axis=axis, stable=stable)
    return np.flip(result, axis) if descending else result


def nonzero(x):
    """The indices; a 0-d array has no axis."""
    if x.ndim == 0:
        raise ValueError("a 0-d tensor has no axis")
    return x.nonzero()


def cumulative(function, x, axis, dtype, include_initial):
    """cumulative_sum or cumulative_prod with our defaults for dtype."""
    if axis is None and x.ndim != 1:
        raise ValueError(f"x has shape {x.shape}: name the axis")
    if dtype is None:
        dtype = {"b": "int64", "i": "int64", "u": "uint64"}.get(x.dtype.kind, x.dtype)
    return function(
        x, axis=axis, dtype=_core.empty(0, dtype=dtype).dtype, include_initial=include_initial
    )


def as_complex(function, x):
    """What NumPy returns as real numbers where all imaginary parts are 0, as complex ones."""
    return function(x.astype(np.result_type(x, np.complex64)))


def solve(x, y):
    """np.linalg.solve, where only y of one axis is a vector."""
    return np.linalg.solve(x, y)


def vector_norm(x, axis, keepdims, ord):
    """np.linalg.vector_norm, again in double precision where the powers of single overflow or
    underflow."""
    norm = np.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=ord)
    if x.dtype not in (np.float32, np.complex64) or abs(ord) in (0, 1, np.inf):
        return norm
    least, most = (norm, norm) if norm.ndim == 0 else (norm.min(initial=1), norm.max(initial=1))
    if least > 1e-5 and most < (np.inf if ord > 0 else 1e5):
        return norm
    double = x.astype(np.result_type(x, np.float64))
    return np.linalg.vector_norm(double, axis=axis, keepdims=keepdims, ord=ord).astype(norm.dtype)


def matrix_norm(x, keepdims, ord):
    """np.linalg.matrix_norm, whose Frobenius norm is a vector_norm."""
    if ord == "fro":
        return vector_norm(x, (-2, -1), keepdims, 2)
    return np.linalg.matrix_norm(x, keepdims=keepdims, ord=ord)


def transform_n(function, x, s, axes, norm):
    """A Fourier transform along several axes; s alone means the last ones."""
    if s is not None and axes is None:
        axes = tuple(range(-len(s), 0))
    return function(x, s=s, axes=axes, norm=norm)


def complex_expm1(x):
    """exp(x) - 1 with the standard's special cases, which NumPy's own misses: 0 + 0j of -0 + 0j for
    one."""
    exp = np.exp(x)
    result = np.where(np.isfinite(x) & np.isfinite(exp), np.expm1(x), exp - 1)
    result.real[x == 0] = 0
    return result


def complex_tanh(x):
    """tanh(x) with the standard's special cases: +-1 +-0j at infinity."""
    result = np.array(np.tanh(x))
    infinite = np.isinf(x.real)
    result.real[infinite] = np.copysign(1, x.real[infinite])
    result.imag[infinite] = np.copysign(0, x.imag[infinite])
    return result
