"""Functions that create tensors: from numbers, from a shape, from another library's arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Integral
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np

from pytensor import _core
from pytensor._core import Tensor, asarray, broadcast_to, empty, full, reshape
from pytensor._functions.axes import matrices
from pytensor._ops import where
from pytensor._support.arguments import integer, number

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from pytensor._core import _Operand, _Scalar

__all__ = [
    "arange",
    "array",
    "empty_like",
    "eye",
    "from_dlpack",
    "full_like",
    "linspace",
    "meshgrid",
    "ones_like",
    "tril",
    "triu",
    "zeros_like",
]


def array(obj: Any, *, dtype: DTypeLike | None = None, device: str | None = None) -> Tensor:
    """Return a tensor of obj that shares no memory with it; see asarray.

    >>> x = np.zeros(2)
    >>> pt.array(x).numpy() is x
    False
    """
    return asarray(obj, dtype=dtype, device=device, copy=True)


def from_dlpack(x: Any, /, *, device: str | None = None, copy: bool | None = None) -> Tensor:
    """Return the tensor of another library's array, by DLPack; on the CPU they share memory.

    Args:
        x: an object with `__dlpack__` and `__dlpack_device__`.
        device: "cpu" or None.
        copy: True always copies; False never does; None copies only where it must.

    Raises:
        TypeError, BufferError: x cannot be shared.
        ValueError: copy is False and a copy is needed.

    >>> pt.from_dlpack(np.arange(3))
    Tensor([0, 1, 2], dtype=int64)
    """
    _core.check_device("from_dlpack", device)
    if isinstance(x, Tensor):
        return x.copy() if copy else asarray(x.numpy())
    if not hasattr(x, "__dlpack__"):
        raise TypeError(
            f"from_dlpack: found a {type(x).__name__}: expected an object with __dlpack__"
        )
    shared = np.from_dlpack(x, copy=copy)
    return asarray(shared, copy=False if copy is False else None)


def _like(x: _Operand, dtype: DTypeLike | None) -> tuple[tuple[int, ...], DTypeLike]:
    tensor = asarray(x)
    return tensor.shape, tensor.dtype if dtype is None else dtype


def empty_like(
    x: _Operand, /, *, dtype: DTypeLike | None = None, device: str | None = None
) -> Tensor:
    """Return a tensor of x's shape and dtype whose elements are not set.

    >>> pt.empty_like([[1.0, 2.0]]).shape
    (1, 2)
    """
    shape, dtype = _like(x, dtype)
    return empty(shape, dtype=dtype, device=device)


def zeros_like(
    x: _Operand, /, *, dtype: DTypeLike | None = None, device: str | None = None
) -> Tensor:
    """Return zeros of x's shape and dtype.

    >>> pt.zeros_like([1.0, 2.0])
    Tensor([0., 0.], dtype=float32)
    """
    return full_like(x, 0, dtype=dtype, device=device)


def ones_like(
    x: _Operand, /, *, dtype: DTypeLike | None = None, device: str | None = None
) -> Tensor:
    """Return ones of x's shape and dtype.

    >>> pt.ones_like([1, 2])
    Tensor([1, 1], dtype=int64)
    """
    return full_like(x, 1, dtype=dtype, device=device)


def full_like(
    x: _Operand,
    /,
    fill_value: _Operand,
    *,
    dtype: DTypeLike | None = None,
    device: str | None = None,
) -> Tensor:
    """Return a tensor of x's shape and dtype with every element fill_value.

    >>> pt.full_like([1.0, 2.0], 9)
    Tensor([9., 9.], dtype=float32)
    """
    shape, dtype = _like(x, dtype)
    return full(shape, fill_value, dtype=dtype, device=device)


def _evenly_spaced(name: str, values: np.ndarray, dtype: DTypeLike | None) -> Tensor:
    """Convert an ndarray that NumPy made of Python numbers; its float64 become float32.

    Raises:
        OverflowError: an integer dtype cannot hold them.
    """
    if dtype is None:
        default = {"f": np.float32, "c": np.complex64}.get(values.dtype.kind)
        return asarray(values, dtype=default)
    target = empty(0, dtype=dtype).dtype
    if target.kind in "iu" and values.dtype.kind != "c" and values.size:
        low, high = np.iinfo(target).min, np.iinfo(target).max
        for end in values[[0, -1]].tolist():
            if not low <= math.trunc(end) <= high:
                raise OverflowError(
                    f"{name}: {end} is out of the range of {target}: {low} to {high}"
                )
    if values.dtype.kind == "O":
        values = values.astype(target)
    return asarray(values, dtype=target)


def arange(
    start: float,
    /,
    stop: float | None = None,
    step: float = 1,
    *,
    dtype: DTypeLike | None = None,
    device: str | None = None,
) -> Tensor:
    """Return start, start + step, ... up to but not including stop.

    Args:
        start: the first number; with stop None, the numbers go from 0 to start.
        stop: the bound.
        step: the distance, not 0.
        dtype: int64 for integers, float32 for floats by default.
        device: "cpu" or None.

    Raises:
        TypeError: an argument is not a number.
        ValueError: step is 0, or there are more numbers than memory has addresses (as for an
            infinite bound, or NaN).
        OverflowError: an integer dtype cannot hold the numbers.

    >>> pt.arange(5)
    Tensor([0, 1, 2, 3, 4], dtype=int64)
    >>> pt.arange(0, 1, 0.25)
    Tensor([0.  , 0.25, 0.5 , 0.75], dtype=float32)
    """
    _core.check_device("arange", device)
    if stop is None:
        start, stop = 0, start
    for name, value in (("start", start), ("stop", stop), ("step", step)):
        if type(value) is not int and type(value) is not float:
            number(f"arange: {name}", value)
    if step == 0:
        raise ValueError("arange: step is 0")
    values = _counted(start, stop, step)
    integers = (
        isinstance(start, Integral) and isinstance(stop, Integral) and isinstance(step, Integral)
    )
    if integers and values.dtype.kind in "fO":  # NumPy's answer to a number beyond int64
        dtype = np.int64 if dtype is None else dtype
        values = np.array(range(int(start), int(stop), int(step)), dtype=object)
    return _evenly_spaced("arange", values, dtype)


def _counted(start: float, stop: float, step: float) -> np.ndarray:
    """NumPy's arange. A function of its own: far down in a long one, CPython 3.12 and 3.13 repeat a
    handler of exceptions forever when there is no memory."""
    try:
        return np.arange(start, stop, step)
    except (ValueError, OverflowError):
        raise ValueError(
            f"arange: from {start} to {stop} by {step}: expected not more elements "
            "than memory has addresses"
        ) from None


def linspace(
    start: complex,
    stop: complex,
    /,
    num: SupportsIndex,
    *,
    dtype: DTypeLike | None = None,
    device: str | None = None,
    endpoint: bool = True,
) -> Tensor:
    """Return num evenly spaced numbers from start to stop.

    Args:
        start: the first number.
        stop: the last one.
        num: how many.
        dtype: float32 by default, complex64 for complex bounds. For an integer dtype each number
            is rounded down.
        device: "cpu" or None.
        endpoint: whether stop is among them.

    Raises:
        OverflowError: an integer dtype cannot hold the numbers.

    >>> pt.linspace(0, 1, 5)
    Tensor([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
    """
    _core.check_device("linspace", device)
    if not isinstance(start, complex) and not isinstance(stop, complex):
        start, stop = number("linspace: start", start), number("linspace: stop", stop)
    num = integer("linspace: num", num, 0)
    try:
        values = np.linspace(start, stop, num, endpoint=endpoint)
    except (ValueError, OverflowError):
        raise ValueError(
            f"linspace: num: found {num}: more elements than memory has addresses"
        ) from None
    if dtype is not None and empty(0, dtype=dtype).dtype.kind in "iu" and values.dtype.kind == "f":
        values = np.floor(values)
    return _evenly_spaced("linspace", values, dtype)


def eye(
    n_rows: SupportsIndex,
    n_columns: SupportsIndex | None = None,
    /,
    *,
    k: SupportsIndex = 0,
    dtype: DTypeLike | None = None,
    device: str | None = None,
) -> Tensor:
    """Return a matrix (n_rows, n_columns) with ones on the k-th diagonal; float32 by default.

    >>> pt.eye(2)
    Tensor([[1., 0.],
            [0., 1.]], dtype=float32)
    """
    _core.check_device("eye", device)
    n_rows = integer("eye: n_rows", n_rows, 0)
    n_columns = n_rows if n_columns is None else integer("eye: n_columns", n_columns, 0)
    k = integer("eye: k", k, -math.inf)
    k = max(-n_rows, min(k, n_columns))  # as far out as makes a difference
    try:
        dtype = empty(0, dtype=dtype).dtype
    except TypeError as error:
        raise TypeError(f"eye: {error}") from None
    try:
        return asarray(np.eye(n_rows, n_columns, k, dtype=dtype))
    except ValueError:
        raise ValueError(
            f"eye: shape ({n_rows}, {n_columns}) has more elements than memory has addresses"
        ) from None


def tril(x: _Operand, /, *, k: int = 0) -> Tensor:
    """Return the lower triangles of the last two axes, with 0 above the k-th diagonal.

    >>> pt.tril(pt.ones((2, 2)))
    Tensor([[1., 0.],
            [1., 1.]], dtype=float32)
    """
    return _masked(x, lambda rows, columns: columns - rows <= k, "tril")


def triu(x: _Operand, /, *, k: int = 0) -> Tensor:
    """Return the upper triangles of the last two axes, with 0 below the k-th diagonal.

    >>> pt.triu(pt.ones((2, 2)))
    Tensor([[1., 1.],
            [0., 1.]], dtype=float32)
    """
    return _masked(x, lambda rows, columns: columns - rows >= k, "triu")


def _masked(x: _Operand, keep: Callable[[Any, Any], Any], name: str) -> Tensor:
    tensor = matrices(x, name)
    rows, columns = np.ogrid[: tensor.shape[-2], : tensor.shape[-1]]
    zero: _Scalar = False if tensor.dtype == bool else 0
    return where(asarray(keep(rows, columns)), tensor, zero)


def meshgrid(*arrays: _Operand, indexing: str = "xy") -> tuple[Tensor, ...]:
    """Return the coordinates of the points of a grid: one tensor of the grid for each vector.

    Args:
        *arrays: vectors, or numbers.
        indexing: "ij" for axes in the order of the vectors; "xy" exchanges the first two.

    >>> x, y = pt.meshgrid([1, 2], [3, 4])
    >>> x, y
    (Tensor([[1, 2],
            [1, 2]], dtype=int64), Tensor([[3, 3],
            [4, 4]], dtype=int64))
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing: found {indexing!r}: expected 'xy' or 'ij'")
    tensors = [asarray(a) for a in arrays]
    for t in tensors:
        if t.ndim > 1:
            raise ValueError(f"meshgrid: found a tensor of shape {t.shape}: expected vectors")
    places = list(range(len(tensors)))
    if indexing == "xy":
        places[:2] = places[:2][::-1]
    shapes = [tuple(-1 if a == place else 1 for a in places) for place in range(len(tensors))]
    common = tuple(tensors[place].size for place in places)
    return tuple(
        broadcast_to(reshape(t, shape), common).copy()
        for t, shape in zip(tensors, shapes, strict=True)
    )
