"""What the derivatives of numpy_rows.py's Fourier transforms call: their transposes.

All are linear, so that forward mode is the transform of the tangent. The matrix of fft is
symmetric: up to padding, its transpose is fft. rfft keeps the first half of fft's result, and irfft
counts what has a counterpart in the other half twice, so each is the other's transpose, up to these
weights, a conjugation and the norm.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from pytensor import _functions as pt
from pytensor import fft
from pytensor._autodiff.array_rules import conj

_Norm = Literal["backward", "ortho", "forward"]
_REVERSED: dict[str | None, _Norm] = {
    "backward": "forward",
    None: "forward",
    "forward": "backward",
    "ortho": "ortho",
}


def axes_of(shape, s, axes):
    """The axes of a transform along several."""
    if axes is not None:
        return tuple(axes)
    return tuple(range(-len(shape if s is None else s), 0))


def fft_gradient(g, x_shape, n, axes, norm):
    """d fft(x) / dx, also of fftn; n: the points along the last of the axes."""
    return _of_shape(fft.fftn(g, axes=axes, norm=norm), x_shape, axes)


def ifft_gradient(g, x_shape, n, axes, norm):
    """d ifft(x) / dx, also of ifftn."""
    return _of_shape(fft.ifftn(g, axes=axes, norm=norm), x_shape, axes)


def rfft_gradient(g, x_shape, n, axes, norm):
    """d rfft(x) / dx, also of rfftn."""
    n = _points(n, x_shape[axes[-1]])
    return _of_shape(_real(conj(g) / _counts(g, n, axes), n, axes, _REVERSED[norm]), x_shape, axes)


def irfft_gradient(g, x_shape, n, axes, norm):
    """d irfft(x) / dx, also of irfftn."""
    h = conj(fft.rfftn(g, axes=axes, norm=_REVERSED[norm]))
    return _of_shape(h * _counts(h, g.shape[axes[-1]], axes), x_shape, axes)


def hfft_gradient(g, x_shape, n, axes, norm):
    """d hfft(x) / dx: hfft(x) is irfft(conj(x)) with the norm reversed."""
    return conj(irfft_gradient(g, x_shape, n, axes, _REVERSED[norm]))


def ihfft_gradient(g, x_shape, n, axes, norm):
    """d ihfft(x) / dx: ihfft(x) is conj(rfft(x)) with the norm reversed."""
    return rfft_gradient(conj(g), x_shape, n, axes, _REVERSED[norm])


def _points(n, length):
    """The points of a transform, in which NumPy reads -1 as the length."""
    return length if n is None or n == -1 else n


def _real(g, n, axes, norm):
    """irfftn with n points along the last axis."""
    return fft.irfftn(g, s=[*(g.shape[axis] for axis in axes[:-1]), n], axes=axes, norm=norm)


def _counts(g, n, axes):
    """How often irfft of n points counts each term along the last axis: once or twice."""
    counts = np.full(n // 2 + 1, 2.0)
    counts[0] = 1
    if n % 2 == 0:
        counts[-1] = 1
    ones = [1] * g.ndim
    ones[axes[-1]] = -1
    dtype = "float32" if g.dtype.itemsize == 8 else "float64"
    return pt.asarray(counts.reshape(ones), dtype=dtype)


def _of_shape(g, shape, axes):
    """g cut off at the ends of the axes, or padded with zeros, as the transform did it with x."""
    cut, missing = [slice(None)] * g.ndim, [(0, 0)] * g.ndim
    for axis in axes:
        cut[axis] = slice(shape[axis])
        missing[axis] = (0, max(shape[axis] - g.shape[axis], 0))
    if math.prod(shape) != g.size or g.shape != shape:
        g = pt.pad(g[tuple(cut)], missing)
    return g
