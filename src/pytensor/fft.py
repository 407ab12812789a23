"""Fourier transforms: the Array API standard's extension of that name, NumPy's by numpy_rows.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from pytensor._core import Tensor, asarray
from pytensor._functions import by_numpy, on_demand
from pytensor._functions.axes import read_axes
from pytensor._functions.shapes import roll

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from pytensor._core import _Axis, _Operand
    from pytensor._functions.numpy_fft import *  # noqa: F403
else:  # type checkers don't follow a list that is computed; to them all names here are public
    __all__ = ["fftfreq", "fftshift", "ifftshift", "rfftfreq", *by_numpy.names("fft")]

    def __getattr__(name):
        return on_demand.attribute(globals(), "fft", name)


def __dir__() -> list[str]:
    return list(globals()["__all__"])


def fftfreq(
    n: int, /, *, d: float = 1.0, dtype: DTypeLike | None = None, device: str | None = None
) -> Tensor:
    """Return the frequencies of the terms of fft of n points, d apart; float32 by default.

    >>> pt.fft.fftfreq(4)
    Tensor([ 0.  ,  0.25, -0.5 , -0.25], dtype=float32)
    """
    return asarray(np.fft.fftfreq(n, d), dtype="float32" if dtype is None else dtype, device=device)


def rfftfreq(
    n: int, /, *, d: float = 1.0, dtype: DTypeLike | None = None, device: str | None = None
) -> Tensor:
    """Return the frequencies of the terms of rfft of n points, d apart; float32 by default.

    >>> pt.fft.rfftfreq(4)
    Tensor([0.  , 0.25, 0.5 ], dtype=float32)
    """
    return asarray(
        np.fft.rfftfreq(n, d), dtype="float32" if dtype is None else dtype, device=device
    )


def fftshift(x: _Operand, /, *, axes: _Axis = None) -> Tensor:
    """Return x with the term of frequency 0 moved to the middle of the axes, all by default.

    >>> pt.fft.fftshift([0, 1, -2, -1])
    Tensor([-2, -1,  0,  1], dtype=int64)
    """
    return _shifted(x, axes, "fftshift", lambda n: n // 2)


def ifftshift(x: _Operand, /, *, axes: _Axis = None) -> Tensor:
    """Undo fftshift.

    >>> pt.fft.ifftshift([-2, -1, 0, 1])
    Tensor([ 0,  1, -2, -1], dtype=int64)
    """
    return _shifted(x, axes, "ifftshift", lambda n: -(n // 2))


def _shifted(x: _Operand, axes: _Axis, name: str, shift: Callable[[int], int]) -> Tensor:
    x = asarray(x)
    positions = range(x.ndim) if axes is None else read_axes(axes, x.ndim, name)
    return roll(x, tuple(shift(x.shape[axis]) for axis in positions), axis=tuple(positions))
