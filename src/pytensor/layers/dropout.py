"""Layers that disturb what passes through while training, against overfitting."""

from __future__ import annotations

import math

import numpy as np

from pytensor import _functions as pt
from pytensor import random
from pytensor._support.arguments import number
from pytensor.layers.layer import Layer

__all__ = ["AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise"]


class _Noise(Layer):
    """Base of those that draw random numbers: from pytensor.random, or given a seed, their own."""

    def __init__(self, seed=None, **options):
        super().__init__(**options)
        self.seed = seed
        self._generator = None if seed is None else random.new_generator(f"{self.name}: seed", seed)

    def generator(self):
        """Return the numpy.random.Generator to draw from."""
        return random.generator() if self._generator is None else self._generator

    def kept(self, shape):
        """Return which elements stay, a bool tensor: each with probability 1 - rate."""
        return pt.asarray(self.generator().random(shape, dtype=np.float32) >= self.rate)

    def normal(self, shape):
        """Return random numbers of mean 0 and variance 1."""
        return pt.asarray(self.generator().standard_normal(shape, dtype=np.float32))

    def compute_output_shape(self, input_shape):
        """Any shape stays itself."""
        return input_shape


class Dropout(_Noise):
    """While training, sets each element to 0 with probability rate, and divides the others by
    1 - rate, so that their expectation stays (Srivastava et al. 2014). Otherwise returns x.

    >>> pt.layers.Dropout(0.5)([[1.0, 2.0]])  # outside training it changes nothing
    Tensor([[1., 2.]], dtype=float32)
    >>> pt.layers.Dropout(0.5, seed=0)(pt.ones((1, 6)), training=True)
    Tensor([[2., 2., 2., 0., 0., 0.]], dtype=float32)
    """

    def __init__(self, rate, *, seed=None, **options):
        """Rate: in [0, 1]; seed: random numbers of its own; options: as in Layer."""
        super().__init__(seed, **options)
        self.rate = number(f"{self.name}: rate", rate, 0, 1)

    def call(self, x, training=False):
        """Return x with elements dropped if training."""
        if not training or self.rate == 0:
            return x
        if self.rate == 1:
            return pt.where(False, x, 0.0)
        # Not x times a mask: what is dropped is 0 also for inf and NaN, and so is its gradient.
        return pt.where(self.kept(x.shape), x, 0.0) * (1 / (1 - self.rate))


class AlphaDropout(_Noise):
    """Dropout for selu: what is dropped becomes -1.7581, and the rest is scaled and shifted so that
    mean 0 and variance 1 stay (Klambauer et al. 2017).

    >>> pt.layers.AlphaDropout(0.5)([[1.0, 2.0]])  # outside training it changes nothing
    Tensor([[1., 2.]], dtype=float32)
    """

    def __init__(self, rate, *, seed=None, **options):
        """Rate: in [0, 1); seed: random numbers of its own; options: as in Layer."""
        super().__init__(seed, **options)
        self.rate = number(f"{self.name}: rate", rate, 0, 1, below_high=True)

    def call(self, x, training=False):
        """Return x with elements dropped if training."""
        if not training or self.rate == 0:
            return x
        dropped = -1.7580993408473766  # selu(-inf)
        scale = 1 / math.sqrt((1 - self.rate) * (1 + self.rate * dropped**2))
        return pt.where(self.kept(x.shape), x, dropped) * scale - scale * dropped * self.rate


class GaussianNoise(_Noise):
    """While training, adds normal noise.

    >>> pt.layers.GaussianNoise(0.1)([[1.0, 2.0]])  # outside training it changes nothing
    Tensor([[1., 2.]], dtype=float32)
    """

    def __init__(self, stddev, seed=None, **options):
        """stddev: >= 0; seed: random numbers of its own; options: as in Layer."""
        super().__init__(seed, **options)
        self.stddev = number(f"{self.name}: stddev", stddev, 0)

    def call(self, x, training=False):
        """Return x, with noise if training."""
        return x + self.stddev * self.normal(x.shape) if training and self.stddev else x


class GaussianDropout(_Noise):
    """While training, multiplies by normal noise of mean 1 and Dropout's variance,
    rate / (1 - rate) (Srivastava et al. 2014).

    >>> pt.layers.GaussianDropout(0.5)([[1.0, 2.0]])  # outside training it changes nothing
    Tensor([[1., 2.]], dtype=float32)
    """

    def __init__(self, rate, seed=None, **options):
        """Rate: in [0, 1); seed: random numbers of its own; options: as in Layer."""
        super().__init__(seed, **options)
        self.rate = number(f"{self.name}: rate", rate, 0, 1, below_high=True)

    def call(self, x, training=False):
        """Return x, with noise if training."""
        if not training or self.rate == 0:
            return x
        return x * (1 + math.sqrt(self.rate / (1 - self.rate)) * self.normal(x.shape))
