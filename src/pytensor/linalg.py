"""Linear algebra: the Array API standard's extension of that name.

matmul, tensordot and what is composed here have kernels of ours below; the decompositions are
NumPy's, by _tables/numpy_rows.py.
"""

from __future__ import annotations

from pytensor._core import asarray, matmul, reshape
from pytensor._functions import by_numpy, composed
from pytensor._functions.composed import matrix_transpose, tensordot, vecdot

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
    return composed.made(globals(), "linalg", name)


def __dir__():
    return __all__


def outer(x, y, /):
    """The products of each element of the vector x with each of the vector y: (n,), (m,) -> (n, m).

    >>> pt.linalg.outer([1, 2], [3, 4])
    Tensor([[3, 4],
            [6, 8]], dtype=int64)
    """
    x, y = asarray(x), asarray(y)
    if x.ndim != 1 or y.ndim != 1:
        raise ValueError(f"outer: shapes {x.shape} and {y.shape}: expected two vectors")
    return reshape(x, (x.size, 1)) * y


def diagonal(x, /, *, offset=0):
    """The elements of the last two axes above whose column minus row is offset: (..., n).

    >>> pt.linalg.diagonal([[1, 2], [3, 4]])
    Tensor([1, 4], dtype=int64)
    """
    x = composed.matrices(x, "diagonal")
    rows, columns = composed.diagonal_indices(x, offset)
    return x[..., rows, columns]


def trace(x, /, *, offset=0, dtype=None):
    """The sum of diagonal(x) along the last axis; integers are added as 64-bit ones.

    >>> pt.linalg.trace([[1, 2], [3, 4]])
    Tensor(5, dtype=int64)
    """
    from pytensor._ops import sum

    return sum(diagonal(x, offset=offset), axis=-1, dtype=dtype)


def cross(x, y, /, *, axis=-1):
    """The cross products of the vectors of 3 elements along an axis; the other axes broadcast.

    axis: of the shape after broadcasting; both x and y have length 3 there.

    >>> pt.linalg.cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    Tensor([0., 0., 1.], dtype=float32)
    """
    x, y = asarray(x), asarray(y)
    ndim = max(x.ndim, y.ndim)
    place = composed.read_axis(axis, ndim, "cross") - ndim  # from the end, where shapes meet
    for t in (x, y):
        axis = composed.read_axis(place, t.ndim, "cross")
        if t.shape[axis] != 3:
            raise ValueError(
                f"cross: axis {axis} of shape {t.shape} has length {t.shape[axis]}: expected 3"
            )
    axis = place
    return composed.roll(x, -1, axis=axis) * composed.roll(y, 1, axis=axis) - (
        composed.roll(x, 1, axis=axis) * composed.roll(y, -1, axis=axis)
    )
