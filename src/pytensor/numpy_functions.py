"""Makes the functions of numpy_table.py, each when it is first used.

A call turns its inputs into tensors of one dtype, has NumPy compute on their memory without a copy,
and makes tensors of the results, again without one.
"""

from __future__ import annotations

import numpy as np

from pytensor import _core
from pytensor._core import Tensor, asarray
from pytensor.numpy_table import TABLE, Row

# NumPy's exceptions, the special ones first, as what a call raises with its name in front.
_ERRORS = (np.linalg.LinAlgError, IndexError, TypeError, ValueError)


def names(module=""):
    """The names of the functions of pytensor (""), "linalg" or "fft"."""
    return [name.rpartition(".")[2] for name in TABLE if name.rpartition(".")[0] == module]


def function(name):
    """Make the function of a row; `name` is that of the row: "linalg.qr"."""
    row = TABLE[name]
    module, _, short = name.rpartition(".")
    inputs = "operands" if "operands" in row.inputs else f"({', '.join(row.inputs)},)"
    parameters = "".join(f"{name}, " for name in row.parameters)
    namespace = {"call": _Call(row)}
    exec(f"def {short}({row.signature}): return call({inputs}, ({parameters}))", namespace)
    made = namespace[short]
    made.__module__ = f"pytensor.{module}".rstrip(".")
    made.__doc__ = _docstring(row)
    return made


def _docstring(row: Row) -> str:
    spell = {"b": "bool", "i": "signed integers", "u": "unsigned integers", "f": "floating-point",
             "c": "complex"}
    text = f"{row.doc}\n\nComputed by NumPy. dtypes: {', '.join(spell[k] for k in row.types)}"
    if "f" in row.types and "i" not in row.types:
        text += "; others are converted to float32"
    return text + "."


class _Call:
    """What the functions of one row do."""

    def __init__(self, row: Row):
        self.row = row
        self.compute = eval(f"lambda {', '.join(row.arguments)}: {row.numpy}".replace(
            "operands:", "*operands:"), globals())
        self.numbers = None  # of the tape's rules, one per field of the result

    def __call__(self, inputs, parameters):
        row = self.row
        tensors = _core.operands(row.name, inputs, row.types, row.promoting)
        values = dict(zip(row.parameters, parameters, strict=True))
        arrays = [t.numpy() for t in tensors]
        arguments = [] if "operands" in row.inputs else arrays
        for name, value in values.items():
            values[name] = value.numpy() if isinstance(value, Tensor) else value
        try:
            with np.errstate(all="ignore"):
                if arguments:
                    result = self.compute(*arguments, **values)
                else:
                    result = self.compute(*values.values(), *arrays)
        except _ERRORS as error:
            kind = next(kind for kind in _ERRORS if isinstance(error, kind))
            raise kind(f"{row.name}: {error}") from None
        result = _tensors(result)
        if _core.is_watched(tensors):
            self.record(tuple(tensors), parameters, result)
        return result

    def record(self, tensors, parameters, result):
        """Tell the tapes; NotImplementedError where a gradient would get lost."""
        results = result if isinstance(result, tuple) else (result,)
        if self.row.d is None:
            if any(out.dtype.kind in "fc" for out in results):
                raise NotImplementedError(
                    f"{self.row.name}: no derivative is known, and a GradientTape records its "
                    "input (use stop_gradient where none should flow)")
            return
        if self.numbers is None:
            self.numbers = _rules(self.row)
        if "operands" in self.row.inputs:
            parameters += (tensors,)
        if len(results) > 1:
            parameters += results
        for number, out in zip(self.numbers, results, strict=True):
            if number is not None:
                _core.record_call(number, tensors, out, parameters)


def _rules(row):
    """The numbers of a row's rules for the tape: one for each field of the result."""
    from pytensor.autodiff import add_rule

    variadic = "operands" in row.inputs
    inputs = () if variadic else row.inputs
    parameters = row.parameters + (("operands",) if variadic else ())
    if not isinstance(row.d, dict):
        return [add_rule(row.name, row.d, inputs, parameters)]
    fields = tuple(row.d)
    return [None if d is None else add_rule(row.name, d, inputs, parameters + fields)
            for d in row.d.values()]


def _tensors(result):
    """What NumPy returned, its arrays and scalars as tensors."""
    if isinstance(result, tuple):
        parts = [asarray(np.asarray(part)) for part in result]
        return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
    return asarray(np.asarray(result))


# ------------------------------------------------------- what the expressions of the table call


def argsort(x, axis, descending, stable):
    """The positions that sort x; of equal elements, in their order, in descending order too."""
    if not descending:
        return np.argsort(x, axis=axis, stable=stable)
    turned = np.argsort(np.flip(x, axis), axis=axis, stable=stable)
    return x.shape[axis] - 1 - np.flip(turned, axis)


def sort(x, axis, descending, stable):
    """The elements of x in order."""
    result = np.sort(x, axis=axis, stable=stable)
    return np.flip(result, axis) if descending else result


def nonzero(x):
    """The indices; a 0-d array has no axis."""
    if x.ndim == 0:
        raise ValueError("a 0-d tensor has no axis")
    return np.nonzero(x)


def cumulative(function, x, axis, dtype, include_initial):
    """cumulative_sum or cumulative_prod with our defaults for dtype."""
    if axis is None and x.ndim != 1:
        raise ValueError(f"x has shape {x.shape}: name the axis")
    if dtype is None:
        dtype = {"b": "int64", "i": "int64", "u": "uint64"}.get(x.dtype.kind, x.dtype)
    return function(x, axis=axis, dtype=_core.empty(0, dtype=dtype).dtype,
                    include_initial=include_initial)


def as_complex(function, x):
    """What NumPy returns as real numbers where all imaginary parts are 0, as complex ones."""
    return function(x.astype(np.result_type(x, np.complex64)))


def solve(x, y):
    """np.linalg.solve, where only y of one axis is a vector."""
    return np.linalg.solve(x, y)


def transform_n(function, x, s, axes, norm):
    """A Fourier transform along several axes; s alone means the last ones."""
    if s is not None and axes is None:
        axes = tuple(range(-len(s), 0))
    return function(x, s=s, axes=axes, norm=norm)
