"""Layers that add noise during training, against overfitting."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pytensor import _core, random
from pytensor import _functions as pt
from pytensor._support.arguments import number
from pytensor.layers.layer import Layer

if TYPE_CHECKING:
    from typing import Unpack

    from pytensor._core import Tensor
    from pytensor.initializers import Seed
    from pytensor.layers.layer import Options, Shape

__all__ = ["AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise"]


class Noise(Layer):
    """Base of the layers that draw random numbers."""

    supports_masking = True

    def __init__(self, seed: Seed = None, **options: Unpack[Options]) -> None:
        super().__init__(**options)
        self.seed = seed
        self._generator = None if seed is None else random.new_generator(f"{self.name}: seed", seed)

    def generator(self) -> np.random.Generator:
        """Return the numpy.random.Generator to draw from."""
        return random.current_generator() if self._generator is None else self._generator

    def kept(self, shape: tuple[int, ...], rate: float) -> Tensor:
        """Return which elements stay, a bool tensor: each with probability 1 - rate."""
        kept: Tensor = _core.call_each_time(
            self.name,
            lambda: pt.asarray(self.generator().random(shape, dtype=np.float32) >= rate),
            generator=self.generator,
        )
        return kept

    def dropped(self, x: Tensor, rate: float) -> Tensor:
        """Return x with each element 0 with probability rate < 1, and divided by 1 - rate else."""
        # Not x times a mask: a dropped inf or NaN must become 0, and so must its gradient.
        return pt.where(self.kept(x.shape, rate), x, 0.0) * (1 / (1 - rate))

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        """Return random numbers of mean 0 and variance 1."""
        noise: Tensor = _core.call_each_time(
            self.name,
            lambda: random.standard_normal(self.generator(), shape, np.float32),
            generator=self.generator,
        )
        return noise

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input shape."""
        return input_shape


class Dropout(Noise):
    """Dropout: while training, sets each element to 0 with probability rate.

    The others are divided by 1 - rate, so that the expected value stays the same (Srivastava et al.
    2014). Outside training it returns x.

    >>> pt.layers.Dropout(0.5)([[1.0, 2.0]])  # outside training it changes nothing
    Tensor([[1., 2.]], dtype=float32)
    >>> pt.layers.Dropout(0.5, seed=0)(pt.ones((1, 6)), training=True)
    Tensor([[2., 2., 2., 0., 0., 0.]], dtype=float32)
    """

    def __init__(self, rate: float, *, seed: Seed = None, **options: Unpack[Options]) -> None:
        """Create the layer.

        Args:
            rate: the probability that an element is dropped, in [0, 1].
            seed: a seed; by default the random numbers come from `random`.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(seed, **options)
        self.rate = number(f"{self.name}: rate", rate, 0, 1)

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        """Return x with elements dropped if training."""
        if not training or self.rate == 0:
            return x
        if self.rate == 1:
            return pt.where(False, x, 0.0)
        return self.dropped(x, self.rate)


class AlphaDropout(Noise):
    """Dropout for selu: a dropped element becomes -1.7581, the limit of selu.

    The rest is scaled and shifted such that mean 0 and variance 1 are preserved (Klambauer et al.
    2017).

    >>> pt.layers.AlphaDropout(0.5)([[1.0, 2.0]])  # outside training it changes nothing
    Tensor([[1., 2.]], dtype=float32)
    """

    def __init__(self, rate: float, *, seed: Seed = None, **options: Unpack[Options]) -> None:
        """Create the layer.

        Args:
            rate: the probability that an element is dropped, in [0, 1).
            seed: a seed; by default the random numbers come from `random`.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(seed, **options)
        self.rate = number(f"{self.name}: rate", rate, 0, 1, below_high=True)

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        """Return x with elements dropped if training."""
        if not training or self.rate == 0:
            return x
        dropped = -1.7580993408473766  # selu(-inf)
        scale = 1 / math.sqrt((1 - self.rate) * (1 + self.rate * dropped**2))
        return (
            pt.where(self.kept(x.shape, self.rate), x, dropped) * scale
            - scale * dropped * self.rate
        )


class GaussianNoise(Noise):
    """Additive noise: while training, adds normally distributed numbers.

    >>> pt.layers.GaussianNoise(0.1)([[1.0, 2.0]])  # outside training it changes nothing
    Tensor([[1., 2.]], dtype=float32)
    """

    def __init__(self, stddev: float, seed: Seed = None, **options: Unpack[Options]) -> None:
        """Create the layer.

        Args:
            stddev: the standard deviation of the noise, at least 0.
            seed: a seed; by default the random numbers come from `random`.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(seed, **options)
        self.stddev = number(f"{self.name}: stddev", stddev, 0)

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        """Return x, with noise if training."""
        return x + self.stddev * self.normal(x.shape) if training and self.stddev else x


class GaussianDropout(Noise):
    """Multiplicative noise: while training, multiplies by normally distributed numbers of mean 1.

    Their variance is that of Dropout, rate / (1 - rate) (Srivastava et al. 2014).

    >>> pt.layers.GaussianDropout(0.5)([[1.0, 2.0]])  # outside training it changes nothing
    Tensor([[1., 2.]], dtype=float32)
    """

    def __init__(self, rate: float, seed: Seed = None, **options: Unpack[Options]) -> None:
        """Create the layer.

        Args:
            rate: the rate of a Dropout with the same variance, in [0, 1).
            seed: a seed; by default the random numbers come from `random`.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(seed, **options)
        self.rate = number(f"{self.name}: rate", rate, 0, 1, below_high=True)

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        """Return x, with noise if training."""
        if not training or self.rate == 0:
            return x
        return x * (1 + math.sqrt(self.rate / (1 - self.rate)) * self.normal(x.shape))
