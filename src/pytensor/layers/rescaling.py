"""Rescaling and Normalization: scale and shift inputs, as the first layer of a network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized
from typing import TYPE_CHECKING, Any

import numpy as np

from pytensor import _functions as pt
from pytensor._support.arguments import integer, number
from pytensor.layers.encoding import batches_of
from pytensor.layers.layer import Layer

if TYPE_CHECKING:
    from typing import SupportsIndex, Unpack

    from numpy.typing import ArrayLike

    from pytensor._core import Tensor
    from pytensor.layers.layer import NameOptions, Options, Shape

__all__ = ["Normalization", "Rescaling"]


class Rescaling(Layer):
    """Computes x * scale + offset; a scale of 1 / 255 turns bytes into numbers in [0, 1].

    >>> pt.layers.Rescaling(1 / 255)(pt.asarray([[0, 255]], dtype="uint8"))
    Tensor([[0., 1.]], dtype=float32)
    """

    supports_masking = True

    def __init__(
        self,
        scale: float | Sequence[float],
        offset: float | Sequence[float] = 0.0,
        **options: Unpack[Options],
    ) -> None:
        """Create the layer.

        Args:
            scale: a number, or a list of one per feature.
            offset: a number, or a list of one per feature.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        self.scale, self._scale = self._factor("scale", scale)
        self.offset, self._offset = self._factor("offset", offset)

    def _factor(
        self, argument: str, value: float | Sequence[float]
    ) -> tuple[float | list[float], float | Tensor]:
        """Return a number or list as get_config returns it, and as call computes with it."""
        if isinstance(value, str) or not isinstance(value, Sized):
            single = number(f"{self.name}: {argument}", value)
            return single, single
        several = [number(f"{self.name}: {argument}", part) for part in value]
        return several, pt.asarray(several, dtype=pt.float32)

    def call(self, x: Tensor) -> Tensor:
        """Return x * scale + offset."""
        x = x * self._scale
        return x if isinstance(self._offset, float) and not self._offset else x + self._offset

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input shape."""
        return input_shape


class Normalization(Layer):
    """Computes (x - mean) / sqrt(variance), with the mean and variance that `adapt` measured.

    They are saved with the model, as weights that training does not change.

    >>> layer = pt.layers.Normalization()
    >>> layer.adapt([[0.0, 7.0, 4.0], [2.0, 9.0, 6.0]])
    >>> layer([[0.0, 7.0, 4.0]])
    Tensor([[-1., -1., -1.]], dtype=float32)
    """

    # Keras's: what a standard deviation is at least, for features that are the same everywhere.
    _EPSILON = 1e-7

    def __init__(
        self,
        axis: SupportsIndex | Sequence[SupportsIndex] | None = -1,
        mean: ArrayLike | None = None,
        variance: ArrayLike | None = None,
        invert: bool = False,
        **options: Unpack[NameOptions],
    ) -> None:
        """Create the layer.

        Args:
            axis: the axis or axes along which each element has a mean and variance of its own;
                None for one of all elements.
            mean: the mean, a number or an array that broadcasts to these axes, if it is known.
            variance: the variance, of the same shape.
            invert: whether to compute x * sqrt(variance) + mean instead.
            **options: `name`, `trainable` and `input_shape`, as in Layer.
        """
        super().__init__(**options)
        if axis is None:
            self.axis: int | list[int] | None = None
            self._axes = []
        elif isinstance(axis, Sequence):
            self.axis = self._axes = [integer(f"{self.name}: axis", a, -100) for a in axis]
        else:
            self.axis = integer(f"{self.name}: axis", axis, -100)
            self._axes = [self.axis]
        self.mean: Any
        self.variance: Any
        self.mean, self.variance = (
            None if value is None else np.asarray(value, np.float64).tolist()
            for value in (mean, variance)
        )
        if np.shape(self.mean) != np.shape(self.variance) or (mean is None) != (variance is None):
            raise ValueError(
                f"{self.name}: mean of shape {np.shape(self.mean)}, variance of shape "
                f"{np.shape(self.variance)}: expected both, of one shape"
            )
        if np.ndim(self.mean) > len(self._axes):
            raise ValueError(
                f"{self.name}: mean of shape {np.shape(self.mean)}: expected at most "
                f"{len(self._axes)} axes, those of `axis`"
            )
        self.invert = bool(invert)
        self._weights: tuple[Tensor, Tensor, Tensor] | None = None

    def build(self, input_shape: Shape) -> None:
        """Make the mean, the variance and the count of adapted elements."""
        ndim = len(input_shape)
        if any(not -ndim <= axis < ndim for axis in self._axes):
            raise ValueError(f"{self.name}: axis {self.axis}: expected axes of shape {input_shape}")
        self._kept = sorted(axis % ndim for axis in self._axes)
        shape = tuple(input_shape[axis] for axis in self._kept)
        if None in shape:
            raise ValueError(f"{self.name}: axis {self.axis}: its length is open in {input_shape}")
        self._broadcast = tuple(input_shape[a] if a in self._kept else 1 for a in range(ndim))
        self._weights = (
            self.add_weight(shape, "zeros", trainable=False, name="mean"),
            self.add_weight(shape, "ones", trainable=False, name="variance"),
            self.add_weight((), "zeros", trainable=False, name="count"),
        )
        if self.mean is not None:
            self._set(np.asarray(self.mean), np.asarray(self.variance), 1)
        self.built = True

    def _set(self, mean: np.ndarray, variance: np.ndarray, count: int) -> None:
        assert self._weights is not None
        for weight, value in zip(self._weights, (mean, variance, count), strict=True):
            weight[...] = pt.asarray(np.asarray(value, np.float32))

    def adapt(self, data: ArrayLike | Iterable[ArrayLike], steps: int | None = None) -> None:
        """Measure the mean and the variance of data, in place of those before.

        Args:
            data: an array (batch, ...), or an iterable of batches.
            steps: the most batches to take; None for all.

        Raises:
            ValueError: mean and variance were given; there is no data; a shape differs.
        """
        if self.mean is not None:
            raise ValueError(f"{self.name}: adapt: mean and variance were given")
        total, mean, variance = 0, np.zeros(()), np.zeros(())
        for batch in batches_of(f"{self.name}: adapt", data, steps):
            x = np.asarray(batch)
            if x.dtype.kind not in "biuf":
                raise TypeError(f"{self.name}: adapt: found {x.dtype}: expected numbers")
            if not total:
                self.ensure_built((None, *x.shape[1:]))
            kept = tuple(x.shape[axis] for axis in self._kept if axis < x.ndim)
            if x.ndim != len(self._broadcast) or kept != np.shape(self._weights[0]):  # type: ignore[index]
                expected = tuple(
                    n if axis in self._kept else None for axis, n in enumerate(self._broadcast)
                )
                raise ValueError(
                    f"{self.name}: adapt: data of shape {x.shape}: expected {expected}"
                )
            others = tuple(axis for axis in range(x.ndim) if axis not in self._kept)
            n = x.size // max(1, int(np.prod(kept)))
            if not n:
                continue
            # Chan, Golub, LeVeque: the variances of the parts, and of their means.
            new = x.mean(others, np.float64)
            share = n / (total + n)
            shift = new - mean
            variance = variance + share * (x.var(others, np.float64) - variance)
            variance = variance + share * (1 - share) * shift * shift
            mean, total = mean + share * shift, total + n
        if not total:
            raise ValueError(f"{self.name}: adapt: no data")
        self._set(mean, variance, total)

    def call(self, x: Tensor) -> Tensor:
        """Return the normalized x.

        Raises:
            ValueError: the layer has not been adapted.
        """
        assert self._weights is not None
        mean, variance, count = self._weights
        if not float(count):
            raise ValueError(
                f"{self.name}: no mean yet: call adapt(data) first, or pass mean and variance"
            )
        mean = pt.reshape(mean, self._broadcast)
        scale = pt.reshape(pt.maximum(pt.sqrt(variance), self._EPSILON), self._broadcast)
        return x * scale + mean if self.invert else (x - mean) / scale

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input shape."""
        return input_shape
