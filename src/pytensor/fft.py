"""Fourier transforms: the Array API standard's extension of that name, NumPy's by numpy_rows.py."""

from __future__ import annotations

import numpy as np

from pytensor._core import asarray
from pytensor._functions import by_numpy, composed

__all__ = ["fftfreq", "fftshift", "ifftshift", "rfftfreq", *by_numpy.names("fft")]


def __getattr__(name):
    return composed.made(globals(), "fft", name)


def __dir__():
    return __all__


def fftfreq(n, /, *, d=1.0, dtype=None, device=None):
    """The frequencies of the terms of fft of n points, d apart; float32 by default.

    >>> pt.fft.fftfreq(4)
    Tensor([ 0.  ,  0.25, -0.5 , -0.25], dtype=float32)
    """
    return asarray(np.fft.fftfreq(n, d), dtype="float32" if dtype is None else dtype, device=device)


def rfftfreq(n, /, *, d=1.0, dtype=None, device=None):
    """The frequencies of the terms of rfft of n points, d apart; float32 by default.

    >>> pt.fft.rfftfreq(4)
    Tensor([0.  , 0.25, 0.5 ], dtype=float32)
    """
    return asarray(
        np.fft.rfftfreq(n, d), dtype="float32" if dtype is None else dtype, device=device
    )


def fftshift(x, /, *, axes=None):
    """The terms with frequency 0 moved to the middle of the axes, all by default.

    >>> pt.fft.fftshift([0, 1, -2, -1])
    Tensor([-2, -1,  0,  1], dtype=int64)
    """
    return _shifted(x, axes, "fftshift", lambda n: n // 2)


def ifftshift(x, /, *, axes=None):
    """The inverse of fftshift.

    >>> pt.fft.ifftshift([-2, -1, 0, 1])
    Tensor([ 0,  1, -2, -1], dtype=int64)
    """
    return _shifted(x, axes, "ifftshift", lambda n: -(n // 2))


def _shifted(x, axes, name, shift):
    x = asarray(x)
    axes = tuple(range(x.ndim)) if axes is None else composed.read_axes(axes, x.ndim, name)
    return composed.roll(x, tuple(shift(x.shape[axis]) for axis in axes), axis=tuple(axes))
