"""What a namespace of the Array API standard tells about itself and its dtypes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pytensor import _core
from pytensor._core import Tensor, empty

__all__ = [
    "__array_api_version__",
    "__array_namespace_info__",
    "can_cast",
    "finfo",
    "iinfo",
    "isdtype",
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


def dtype_of(value):
    """The dtype of a tensor, or that a dtype-like names."""
    return value.dtype if isinstance(value, Tensor) else empty(0, dtype=value).dtype


def isdtype(dtype, kind):
    """Whether dtype is of a kind: a dtype, a name, or a tuple of them of which one must fit.

    Names: "bool", "signed integer", "unsigned integer", "integral", "real floating",
    "complex floating", "numeric".

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


def can_cast(from_, to, /):
    """Whether a tensor or dtype promotes to the dtype `to` without another dtype as the result.

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
    dtype: np.dtype


@dataclass(frozen=True)
class IntegerInfo:
    """The limits of an integer dtype."""

    bits: int
    max: int
    min: int
    dtype: np.dtype


def finfo(type, /):
    """The limits of a floating-point dtype, or of that of a tensor.

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


def iinfo(type, /):
    """The limits of an integer dtype, or of that of a tensor.

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

    def capabilities(self):
        """Masks and shapes that depend on data are there; the most axes that a tensor has."""
        return {
            "boolean indexing": True,
            "data-dependent shapes": True,
            "max dimensions": _core.MAX_NDIM,
        }

    def default_device(self):
        """Always "cpu"."""
        return "cpu"

    def devices(self):
        """The only device."""
        return ("cpu",)

    def default_dtypes(self, *, device=None):
        """The dtypes of Python's numbers, and of indices."""
        _core.check_device("default_dtypes", device)
        return {
            "real floating": np.dtype("float32"),
            "complex floating": np.dtype("complex64"),
            "integral": np.dtype("int64"),
            "indexing": np.dtype("int64"),
        }

    def dtypes(self, *, device=None, kind=None):
        """The dtypes by name, of a kind as in isdtype (or a tuple of kinds)."""
        _core.check_device("dtypes", device)
        return {
            dtype.name: dtype for dtype in _core.ALL_DTYPES if kind is None or isdtype(dtype, kind)
        }


def __array_namespace_info__():
    """The dtypes, devices and capabilities of this namespace; see the Array API standard.

    >>> pt.__array_namespace_info__().default_device()
    'cpu'
    """
    return NamespaceInfo()
