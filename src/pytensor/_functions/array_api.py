"""What a namespace of the Array API standard says of itself, and its functions of dtypes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytensor import _core
from pytensor._core import Tensor, asarray, empty

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from pytensor._core import _Operand

__all__ = [
    "__array_api_version__",
    "__array_namespace_info__",
    "astype",
    "can_cast",
    "finfo",
    "iinfo",
    "isdtype",
    "result_type",
]

__array_api_version__ = "2025.12"

_KINDS = {
    "bool": "b",
    "signed integer": "i",
    "unsigned integer": "u",
    "integral": "iu",
    "real floating": "f",
    "complex floating": "c",
    "numeric": "iufc",
}


def dtype_of(value: Tensor | DTypeLike) -> np.dtype[Any]:
    """Return the dtype of a tensor, or the one that a dtype-like stands for."""
    return value.dtype if isinstance(value, Tensor) else empty(0, dtype=value).dtype


def astype(
    x: _Operand, dtype: DTypeLike, /, *, copy: bool = True, device: str | None = None
) -> Tensor:
    """Return the elements converted to dtype; with copy=False, x itself if it has that dtype.

    >>> pt.astype(pt.asarray([1.7, -1.7]), "int32")
    Tensor([ 1, -1], dtype=int32)
    """
    _core.check_device("astype", device)
    return asarray(x).astype(dtype, copy=copy)


def result_type(*arrays_and_dtypes: _Operand | DTypeLike) -> np.dtype[Any]:
    """Return the dtype of an operation on these tensors, dtypes and Python numbers.

    >>> pt.result_type(pt.int32, pt.float32)
    dtype('float32')
    """
    if not arrays_and_dtypes:
        raise ValueError("result_type: nothing to promote")
    parts: list[Any] = [
        value
        if isinstance(value, (bool, int, float, complex, Tensor))
        else empty((0,), dtype=value)  # type: ignore[arg-type]
        for value in arrays_and_dtypes
    ]
    parts = [value[:0] if isinstance(value, Tensor) and value.ndim else value for value in parts]
    return _core.promoted(parts)


def isdtype(dtype: DTypeLike, kind: DTypeLike | tuple[DTypeLike, ...]) -> bool:
    """Return whether dtype is of a kind.

    Args:
        dtype: a dtype-like.
        kind: a dtype; a name, "bool", "signed integer", "unsigned integer", "integral",
            "real floating", "complex floating" or "numeric"; or a tuple of them, of which one must
            fit.

    >>> pt.isdtype(pt.float32, "real floating")
    True
    """
    if isinstance(kind, tuple):
        return any(isdtype(dtype, one) for one in kind)
    if isinstance(kind, str):
        if kind not in _KINDS:
            known = ", ".join(map(repr, _KINDS))
            raise ValueError(f"isdtype: unknown kind {kind!r}: known are {known}")
        return np.dtype(dtype).kind in _KINDS[kind]
    return np.dtype(dtype) == np.dtype(kind)


def can_cast(from_: Tensor | DTypeLike, to: Tensor | DTypeLike, /) -> bool:
    """Return whether promoting a tensor or dtype together with the dtype `to` results in `to`.

    >>> pt.can_cast("int32", "float64"), pt.can_cast("float64", "int32")
    (True, False)
    """
    source, target = dtype_of(from_), dtype_of(to)
    try:
        return _core.promoted([empty(0, dtype=source), empty(0, dtype=target)]) == target
    except TypeError:
        return False


@dataclass(frozen=True)
class FloatInfo:
    """The limits of a floating-point dtype; of a complex one, those of its parts."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class IntegerInfo:
    """The limits of an integer dtype."""

    bits: int
    max: int
    min: int
    dtype: np.dtype[Any]


def finfo(type: Tensor | DTypeLike, /) -> FloatInfo:
    """Return the limits of a floating-point dtype, or of that of a tensor.

    >>> float(pt.finfo("float32").eps)
    1.1920928955078125e-07
    """
    dtype = dtype_of(type)
    if dtype.kind not in "fc":
        raise TypeError(f"finfo: found dtype {dtype}: expected a floating-point one")
    info = np.finfo(dtype)
    return FloatInfo(
        info.bits,
        float(info.eps),
        float(info.max),
        float(info.min),
        float(info.smallest_normal),
        np.dtype(info.dtype),
    )


def iinfo(type: Tensor | DTypeLike, /) -> IntegerInfo:
    """Return the limits of an integer dtype, or of that of a tensor.

    >>> pt.iinfo("int8").max
    127
    """
    dtype = dtype_of(type)
    if dtype.kind not in "iu":
        raise TypeError(f"iinfo: found dtype {dtype}: expected an integer one")
    info = np.iinfo(dtype)
    return IntegerInfo(info.bits, int(info.max), int(info.min), dtype)


class NamespaceInfo:
    """What __array_namespace_info__ returns."""

    def capabilities(self) -> dict[str, bool | int]:
        """Return that masks and shapes that depend on data work, and how many axes are allowed."""
        return {
            "boolean indexing": True,
            "data-dependent shapes": True,
            "max dimensions": _core.MAX_NDIM,
        }

    def default_device(self) -> str:
        """Return "cpu"."""
        return "cpu"

    def devices(self) -> tuple[str, ...]:
        """Return the only device."""
        return ("cpu",)

    def default_dtypes(self, *, device: str | None = None) -> dict[str, np.dtype[Any]]:
        """Return the dtypes of Python's numbers, and of indices."""
        _core.check_device("default_dtypes", device)
        return {
            "real floating": np.dtype("float32"),
            "complex floating": np.dtype("complex64"),
            "integral": np.dtype("int64"),
            "indexing": np.dtype("int64"),
        }

    def dtypes(
        self, *, device: str | None = None, kind: str | tuple[str, ...] | None = None
    ) -> dict[str, np.dtype[Any]]:
        """Return the dtypes by name; only those of a kind, as in isdtype, or of several."""
        _core.check_device("dtypes", device)
        return {
            dtype.name: dtype for dtype in _core.ALL_DTYPES if kind is None or isdtype(dtype, kind)
        }


def __array_namespace_info__() -> NamespaceInfo:
    """Return what the Array API standard asks of a namespace: dtypes, devices, capabilities.

    >>> pt.__array_namespace_info__().default_device()
    'cpu'
    """
    return NamespaceInfo()
