"""Makes the functions of numpy_table.py, each when it is first used.

A call turns its inputs into tensors of one dtype, has NumPy compute on their memory without a copy,
and makes tensors of the results, again without one.
"""

from __future__ import annotations

import itertools

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
    inputs = "".join(f"{name}, " for name in row.inputs)
    parameters = "".join(f"{name}, " for name in row.parameters)
    namespace = {"call": _Call(row)}
    exec(f"def {short}({row.signature}): return call(({inputs}), ({parameters}))", namespace)
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
    text += "."
    if row.example:
        text += "\n\n>>> {}\n{}".format(*row.example)
    return text


class _Call:
    """What the functions of one row do."""

    def __init__(self, row: Row):
        self.row = row
        self.compute = eval(f"lambda {', '.join(row.arguments)}: {row.numpy}", globals())
        self.known_to_tapes = False

    def __call__(self, inputs, parameters):
        row = self.row
        values = dict(zip(row.parameters, parameters, strict=True))
        tensors = _core.operands(row.name, values.get("operands", inputs), row.types, row.promoting)
        arrays = [t.numpy() for t in tensors]
        if "operands" in values:
            values["operands"], arrays = arrays, ()
            parameters = (*parameters[:-1], tuple(tensors))
        for name, value in values.items():
            values[name] = value.numpy() if isinstance(value, Tensor) else value
        try:
            with np.errstate(all="ignore"):
                result = self.compute(*arrays, **values)
        except _ERRORS as error:
            kind = next(kind for kind in _ERRORS if isinstance(error, kind))
            raise kind(f"{row.name}: {error}") from None
        except OverflowError as error:  # an axis or a length beyond C's integers
            raise ValueError(f"{row.name}: {error}") from None
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
                    "input (use stop_gradient where none should flow)")
            return
        if not self.known_to_tapes:
            from pytensor import derivatives

            derivatives.add(self.row)
            self.known_to_tapes = True
        _core.record_call(self.row.name, tensors, results, tuple(map(_fixed, parameters)))


def _fixed(parameter):
    """A parameter as a tape keeps it: an array that stands for a number, an axis say, could change.
    """
    if isinstance(parameter, (Tensor, np.ndarray)) and parameter.ndim == 0:
        return parameter.item()
    return parameter


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


def einsum(subscripts, operands):
    """np.einsum without its faults: it reads subscripts up to a null character, and the diagonal of
    (0, n) beyond the end of memory."""
    if not isinstance(subscripts, str):
        raise TypeError(f"found {subscripts!r}: expected subscripts, as in 'ij,jk->ik'")
    if "\0" in subscripts:
        raise ValueError(f"found a null character in {subscripts!r}")
    for term, x in zip(subscripts.partition("->")[0].split(","), operands, strict=False):
        if x.size == 0:
            before, _, after = term.replace(" ", "").partition("...")
            axes = [*zip(before, x.shape, strict=False),
                    *zip(after[::-1], x.shape[::-1], strict=False)]
            for (letter, n), (other, m) in itertools.combinations(axes, 2):
                if letter == other and n != m:
                    raise ValueError(f"{subscripts!r}: {letter} stands for axes of lengths {n} and "
                                     f"{m} of shape {x.shape}")
    return np.einsum(subscripts, *operands)


def solve(x, y):
    """np.linalg.solve, where only y of one axis is a vector."""
    return np.linalg.solve(x, y)


def transform_n(function, x, s, axes, norm):
    """A Fourier transform along several axes; s alone means the last ones."""
    if s is not None and axes is None:
        axes = tuple(range(-len(s), 0))
    return function(x, s=s, axes=axes, norm=norm)


def complex_expm1(x):
    """exp(x) - 1 with the standard's special cases, which NumPy's own misses."""
    exp = np.exp(x)
    return np.where(np.isfinite(x) & np.isfinite(exp), np.expm1(x), exp - 1)
