"""Linear algebra: the Array API standard's extension of that name.

matmul, tensordot and the functions of this file run on pytensor's kernels; the decompositions are
NumPy's, by _tables/numpy_rows.py.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, SupportsIndex

import numpy as np

from pytensor._core import Tensor, asarray, matmul, reshape
from pytensor._functions import by_numpy, on_demand
from pytensor._functions.axes import matrices, read_axis
from pytensor._functions.products import tensordot, vecdot
from pytensor._functions.shapes import matrix_transpose, roll
from pytensor._ops import sum
from pytensor._support.arguments import integer

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from pytensor._core import _Operand
    from pytensor._core import matmul as matmul
    from pytensor._functions.numpy_linalg import *  # noqa: F403
    from pytensor._functions.products import tensordot as tensordot
    from pytensor._functions.products import vecdot as vecdot
    from pytensor._functions.shapes import matrix_transpose as matrix_transpose
else:  # type checkers don't follow a list that is computed; to them all names here are public
    __all__ = [
        "cross",
        "diagonal",
        "matmul",
        "matrix_transpose",
        "outer",
        "tensordot",
        "trace",
        "vecdot",
        *by_numpy.names("linalg"),
    ]

    def __getattr__(name):
        return on_demand.attribute(globals(), "linalg", name)


def __dir__() -> list[str]:
    return list(globals()["__all__"])


def outer(x: _Operand, y: _Operand, /) -> Tensor:
    """Return the products of each element of the vector x (n,) with each of y (m,): (n, m).

    >>> pt.linalg.outer([1, 2], [3, 4])
    Tensor([[3, 4],
            [6, 8]], dtype=int64)
    """
    x, y = asarray(x), asarray(y)
    if x.ndim != 1 or y.ndim != 1:
        raise ValueError(f"outer: shapes {x.shape} and {y.shape}: expected two vectors")
    return reshape(x, (x.size, 1)) * y


def diagonal(x: _Operand, /, *, offset: SupportsIndex = 0) -> Tensor:
    """Return the elements of the last two axes whose column minus row is offset: (..., n).

    >>> pt.linalg.diagonal([[1, 2], [3, 4]])
    Tensor([1, 4], dtype=int64)
    """
    x = matrices(x, "diagonal")
    offset = integer("diagonal: offset", offset, -math.inf)
    n_rows, n_columns = x.shape[-2:]
    length = max(0, min(n_rows + min(offset, 0), n_columns - max(offset, 0)))
    numbers = np.arange(length)
    return x[..., numbers - min(offset, 0), numbers + max(offset, 0)]


def trace(x: _Operand, /, *, offset: SupportsIndex = 0, dtype: DTypeLike | None = None) -> Tensor:
    """Return the sum of diagonal(x) along the last axis; integers are added as 64-bit ones.

    >>> pt.linalg.trace([[1, 2], [3, 4]])
    Tensor(5, dtype=int64)
    """
    return sum(diagonal(x, offset=offset), axis=-1, dtype=dtype)


def cross(x: _Operand, y: _Operand, /, *, axis: SupportsIndex = -1) -> Tensor:
    """Return the cross products of the vectors of 3 elements along an axis.

    Args:
        x: a tensor or array-like.
        y: the same; the other axes broadcast.
        axis: of the shape after broadcasting; both x and y have length 3 there.

    >>> pt.linalg.cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    Tensor([0., 0., 1.], dtype=float32)
    """
    x, y = asarray(x), asarray(y)
    ndim = max(x.ndim, y.ndim)
    place = read_axis(axis, ndim, "cross") - ndim  # from the end, where shapes meet
    for t in (x, y):
        position = read_axis(place, t.ndim, "cross")
        if t.shape[position] != 3:
            raise ValueError(
                f"cross: axis {position} of shape {t.shape} has length {t.shape[position]}: "
                "expected 3"
            )
    return roll(x, -1, axis=place) * roll(y, 1, axis=place) - (
        roll(x, 1, axis=place) * roll(y, -1, axis=place)
    )
