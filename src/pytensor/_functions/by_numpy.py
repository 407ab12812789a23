"""Makes the functions of _tables/numpy_rows.py, each when it is first used.

A call turns its inputs into tensors of one dtype, has NumPy compute on their memory without a copy,
and makes tensors of the results, again without one.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from pytensor import _core, _ops
from pytensor._core import Tensor, asarray
from pytensor._functions.contraction import (
    einsum,  # noqa: F401 - what a row of the table calls
    of_samples,
)
from pytensor._tables.numpy_rows import TABLE, Row, complex_reference

# NumPy's exceptions, the special ones first, as what a call raises with its name in front.
_ERRORS = (np.linalg.LinAlgError, IndexError, TypeError, ValueError)


def names(module: str = "") -> list[str]:
    """Return the names of the functions of pytensor (""), "linalg" or "fft"."""
    return [name.rpartition(".")[2] for name in TABLE if name.rpartition(".")[0] == module]


@functools.cache
def function(name: str) -> Callable[..., Any]:
    """Return the function of the row of that name: "linalg.qr"."""
    row = TABLE[name]
    module, _, short = name.rpartition(".")
    inputs = "".join(f"{name}, " for name in row.inputs)
    parameters = "".join(f"{name}, " for name in row.parameters)
    namespace: dict[str, Any] = {"call": _call(row)}
    source = f"def {short}({row.typed_signature}) -> {row.result_type}:"
    exec(f"{source} return call(({inputs}), ({parameters}))", namespace)
    made = namespace[short]
    made.__module__ = f"pytensor.{module}".rstrip(".")
    made.__doc__ = _docstring(row)
    return made


def complex_function(name: str) -> Callable[..., Any] | None:
    """Return what computes a row of the op table for complex arrays; None without a rule."""
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


def _call(row: Row) -> _core.NumpyCall:
    """What the function of one row does."""
    known_to_tapes = False

    def failed(error: Exception) -> Exception:
        kind = next((kind for kind in _ERRORS if isinstance(error, kind)), None)
        if isinstance(error, OverflowError):  # an axis or a length beyond C's integers
            kind = ValueError
        return error if kind is None else kind(f"{row.name}: {error}")

    def record(tensors: list[Tensor], parameters: Iterable[Any], result: Any) -> None:
        """Record the call on the tapes; NotImplementedError where a gradient would be lost."""
        nonlocal known_to_tapes
        results = tuple(result) if isinstance(result, tuple) else (result,)
        if row.d is None:
            if any(out.dtype.kind in "fc" for out in results):
                raise NotImplementedError(
                    f"{row.name}: no derivative is known, and a GradientTape records its "
                    "input (use stop_gradient where none should flow)"
                )
            return
        if not known_to_tapes:
            _core.add_rules(row)
            known_to_tapes = True
        _core.record_call(row.name, tuple(tensors), results, tuple(map(_fixed, parameters)))

    arguments = ", ".join(row.inputs + row.parameters)
    compute = eval(f"lambda {arguments}: {row.numpy}", globals())
    return _core.NumpyCall(row, compute, failed, record, functools.partial(_for_samples, row))


def _for_samples(
    row: Row, parameters: tuple[Any, ...], mapped: list[bool], ndims: list[int]
) -> tuple[Any, ...] | None:
    """The parameters for inputs of which those that are mapped have one more axis in front.

    None where the function has to be called for each sample. ndims: of the inputs of one.
    """
    if row.name == "einsum":
        subscripts = of_samples(parameters[0], mapped, ndims)
        return None if subscripts is None else (subscripts, *parameters[1:])
    axis = parameters[row.parameters.index("axis")] if "axis" in row.parameters else -1
    # inputs whose axes before the matrices broadcast; a vector would be taken for a matrix
    together = len(ndims) == 1 or (min(ndims) >= 2 and min(ndims) == max(ndims))
    if row.stacks and together and isinstance(axis, int) and axis < 0:
        return parameters
    return None


def _fixed(parameter: Any) -> Any:
    """A parameter as a tape keeps it: a 0-d array, such as an axis, could change."""
    if isinstance(parameter, (Tensor, np.ndarray)) and parameter.ndim == 0:
        return parameter.item()
    return parameter


# ------------------------------------------------------------ ufuncs that are called on tensors


@functools.cache
def _own_ufuncs(namespace: Any) -> dict[np.ufunc, Callable[..., Any]]:
    """NumPy's ufuncs that the namespace has too, if under another name: np.arccos is acos."""
    return {
        getattr(np, name): getattr(namespace, name)
        for name in dir(namespace)
        if isinstance(getattr(np, name, None), np.ufunc)
    }


def call_ufunc(
    namespace: Any, ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], keywords: dict[str, Any]
) -> Any:
    """Call a ufunc of NumPy's where an input or out is a tensor: Tensor.__array_ufunc__.

    The function of the namespace of that name computes it, with its gradient. For others (np.cbrt,
    where=...) NumPy computes on the tensors' memory. Results are tensors in any case.
    """
    for value in inputs:
        kind = type(value)
        if kind not in _SIMPLE and getattr(kind, "__array_ufunc__", None) not in _UNDERSTOOD:
            return NotImplemented
    if method == "__call__" and not keywords:
        function = _own_ufuncs(namespace).get(ufunc)
        if function is not None:
            return function(*inputs)
    outs = keywords.pop("out", ())
    function = _own_ufuncs(namespace).get(ufunc)
    if function is not None and method == "__call__" and not keywords:
        result = function(*inputs)
    else:
        arrays = [np.asarray(value) if isinstance(value, Tensor) else value for value in inputs]
        if outs:  # copies of tensors: write_to notes on the tapes what changes
            keywords["out"] = tuple(
                out.numpy().copy() if isinstance(out, Tensor) else out for out in outs
            )
        with np.errstate(all="ignore"):
            result = getattr(ufunc, method)(*arrays, **keywords)
        if result is None:  # ufunc.at, which changed the first input
            return None
        result = _core.as_tensors(result)
    if not isinstance(result, tuple):
        return _core.write_to(result, outs[0]) if outs else result
    outs = outs or (None,) * len(result)
    return tuple(map(_core.write_to, result, outs))


# those whose elements can be read, and that do not handle the call themselves
_UNDERSTOOD = (None, Tensor.__array_ufunc__, np.ndarray.__array_ufunc__)
_SIMPLE = frozenset((Tensor, np.ndarray, float, int))  # the common ones of them


# ------------------------------------------------------- what the expressions of the table call


def argsort(x: np.ndarray, axis: int, descending: bool, stable: bool) -> np.ndarray:
    """Return the positions that sort x; equal elements keep their order, descending or not."""
    if not descending:
        return x.argsort(axis=axis, stable=stable)
    turned = _turned(x, axis).argsort(axis=axis, stable=stable)
    return x.shape[axis] - 1 - _turned(turned, axis)


def _turned(x: np.ndarray, axis: int) -> np.ndarray:
    """np.flip, which takes longer than sorting ten elements; a wrong axis is not noticed here."""
    if x.ndim < 2:
        return x[::-1]
    return x[(slice(None),) * (axis % x.ndim) + (slice(None, None, -1),)]


def sort(x: np.ndarray, axis: int, descending: bool, stable: bool) -> np.ndarray | None:
    """Sort the elements of x, in place; return them where they have to be turned too."""
    # Of numbers, which of two equal ones comes first shows in zeros of either sign alone; NumPy's
    # stable sort takes up to three times as long, but for the narrowest, which it counts.
    if stable and x.dtype.itemsize > 2 and x.size > 1000:
        stable = x.dtype.kind == "f" and bool(np.signbit(x[x == 0]).any())
    x.sort(axis=axis, stable=stable)
    return _turned(x, axis) if descending else None


def nonzero(x: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the indices; a 0-d array has no axis."""
    if x.ndim == 0:
        raise ValueError("a 0-d tensor has no axis")
    return x.nonzero()


def as_complex(function: Callable[..., Any], x: np.ndarray) -> Any:
    """Return complex numbers also where NumPy returns real ones, as all imaginary parts are 0."""
    return function(x.astype(np.result_type(x, np.complex64)))


def solve(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return np.linalg.solve, where only y of one axis is a vector."""
    return np.linalg.solve(x, y)


def vector_norm(x: np.ndarray, axis: Any, keepdims: bool, ord: float) -> np.ndarray | Tensor:
    """Return np.linalg.vector_norm, also where powers of the elements over- or underflow."""
    norm = np.linalg.vector_norm if x.dtype.kind == "c" else _real_norm
    result = norm(x, axis=axis, keepdims=keepdims, ord=ord)
    if not (1 < ord < math.inf or -math.inf < ord < 0) or x.size == 0:
        return result
    if ord > 0:
        least = _least_norm(x.dtype, ord)
        if (
            least < result < math.inf
            if result.ndim == 0
            else least < result.min() <= result.max() < math.inf
        ):
            return result
    # The element whose power is the largest becomes 1.
    scale = (np.max if ord > 0 else np.min)(np.abs(x), axis=axis, keepdims=True)
    scale = np.where((scale > 0) & (scale < math.inf), scale, scale.dtype.type(1))
    result = norm(x / scale, axis=axis, keepdims=True, ord=ord) * scale
    if keepdims:
        return result
    return result.squeeze(axis) if axis is not None else result.reshape(())


def _real_norm(x: np.ndarray, axis: Any, keepdims: bool, ord: float) -> Tensor:
    """np.linalg.vector_norm of real numbers by our kernels, whose order no machine changes."""
    t, options = asarray(x), {"axis": axis, "keepdims": keepdims}
    if ord == 2:
        if axis is not None:
            return _ops.sqrt(_ops.sum(_ops.square(t), **options))
        flat = _core.reshape(t, -1)
        total = _ops.sqrt(_core.matmul(flat, flat))
        return _core.reshape(total, (1,) * x.ndim) if keepdims else total
    if ord == 0:
        return _ops.sum(_ops.not_equal(t, 0), **options).astype(t.dtype)
    size = _ops.abs(t)
    if ord in (1, math.inf, -math.inf):
        return (_ops.sum if ord == 1 else _ops.max if ord > 0 else _ops.min)(size, **options)
    return _ops.pow(_ops.sum(_ops.pow(size, ord), **options), 1 / ord)


@functools.cache
def _least_norm(dtype: np.dtype, ord: float) -> float:
    """The norm from which on the powers that underflow are too small to matter."""
    info = np.finfo(dtype)
    return float(info.smallest_normal / info.eps) ** (1 / ord)


def matrix_norm(x: np.ndarray, keepdims: bool, ord: Any) -> np.ndarray | Tensor:
    """Return np.linalg.matrix_norm; of 'fro', also where squares over- or underflow."""
    if ord == "fro" and x.ndim >= 2:
        return vector_norm(x, (-2, -1), keepdims, 2)
    if x.dtype.kind == "f" and x.ndim >= 2 and x.size and ord in (1, -1, math.inf, -math.inf):
        sums = _ops.sum(_ops.abs(asarray(x)), -2 if abs(ord) == 1 else -1, keepdims=True)
        return (_ops.max if ord > 0 else _ops.min)(sums, (-2, -1), keepdims=keepdims)
    return np.linalg.matrix_norm(x, keepdims=keepdims, ord=ord)


def transform_n(
    function: Callable[..., np.ndarray], x: np.ndarray, s: Any, axes: Any, norm: str | None
) -> np.ndarray:
    """Return a Fourier transform along several axes; s alone means the last ones."""
    if s is not None and axes is None:
        axes = tuple(range(-len(s), 0))
    return function(x, s=s, axes=axes, norm=norm)


def complex_expm1(x: np.ndarray) -> np.ndarray:
    """Return exp(x) - 1 with the standard's special cases, which np.expm1 misses: 0 + 0j at -0."""
    exp = np.exp(x)
    result = np.where(np.isfinite(x) & np.isfinite(exp), np.expm1(x), exp - 1)
    result.real[x == 0] = 0
    return result


def complex_tanh(x: np.ndarray) -> np.ndarray:
    """Return tanh(x) with the standard's special cases: +-1 +-0j at infinity."""
    result = np.array(np.tanh(x))
    infinite = np.isinf(x.real)
    result.real[infinite] = np.copysign(1, x.real[infinite])
    result.imag[infinite] = np.copysign(0, x.imag[infinite])
    return result
