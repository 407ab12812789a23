"""Initial values of weights: an initializer is called with a shape and returns a new tensor.

Random numbers come from `pytensor.random`; an initializer with a seed draws the same ones at each
call.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pytensor import _functions as pt
from pytensor import random
from pytensor._support.arguments import lookup, number
from pytensor.serialization import Configurable, by_name, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, ClassVar, TypeAlias

    from numpy.typing import DTypeLike, NDArray

    from pytensor._core import Tensor

    # None for the numbers of `random`, else a seed of NumPy's.
    Seed: TypeAlias = int | Sequence[int] | None
    # What `get` takes for an initializer: an object, its class, name or config, or a function.
    InitializerLike: TypeAlias = (
        "str | Initializer | type[Initializer] | dict[str, Any] | Callable[..., Tensor]"
    )

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "get",
]

# The standard deviation of a standard normal distribution cut off at -2 and 2.
_TRUNCATED_STDDEV = 0.8796256610342398


class Initializer(Configurable):
    """Base class of all initializers. A subclass defines `__call__`.

    >>> class Sevens(pt.initializers.Initializer):
    ...     def __call__(self, shape):
    ...         return pt.full(shape, 7.0)
    ...
    >>> pt.layers.Dense(1, kernel_initializer=Sevens(), input_shape=(2,))(pt.ones((1, 2)))
    Tensor([[14.]], dtype=float32)
    """

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> Tensor:
        """Return a new tensor of the shape and dtype (float32 by default)."""
        raise NotImplementedError(
            f"{type(self).__name__} does not define __call__(self, shape, dtype)"
        )


class Constant(Initializer):
    """Sets every element to `value`.

    >>> pt.initializers.Constant(0.5)((2,))
    Tensor([0.5, 0.5], dtype=float32)
    """

    def __init__(self, value: float = 0.0) -> None:
        """Create the initializer.

        Args:
            value: a number.
        """
        self.value = value

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> Tensor:
        """Return a new tensor of the shape and dtype (float32 by default)."""
        return pt.full(shape, self.value, dtype=pt.float32 if dtype is None else dtype)


class Zeros(Constant):
    """Sets every element to 0.

    >>> pt.initializers.Zeros()((2,))
    Tensor([0., 0.], dtype=float32)
    """

    def __init__(self) -> None:
        """Create the initializer."""
        super().__init__(0.0)


class Ones(Constant):
    """Sets every element to 1.

    >>> pt.initializers.Ones()((2,))
    Tensor([1., 1.], dtype=float32)
    """

    def __init__(self) -> None:
        """Create the initializer."""
        super().__init__(1.0)


class Identity(Initializer):
    """The identity matrix times `gain`.

    >>> pt.initializers.Identity()((2, 2))
    Tensor([[1., 0.],
            [0., 1.]], dtype=float32)
    """

    def __init__(self, gain: float = 1.0) -> None:
        """Create the initializer.

        Args:
            gain: a number.
        """
        self.gain = number("Identity: gain", gain)

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> Tensor:
        """Return a new matrix of the shape and dtype (float32 by default).

        Raises:
            ValueError: the shape is not that of a matrix.
        """
        if len(shape) != 2:
            raise ValueError(f"Identity: found shape {tuple(shape)}: expected a matrix")
        return pt.eye(*shape, dtype=pt.float32 if dtype is None else dtype) * self.gain


class _Random(Initializer):
    """Base of the random initializers: a subclass defines `draw`."""

    def __init__(self, seed: Seed = None) -> None:
        self.seed = seed

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Return the numbers as a float32 ndarray."""
        raise NotImplementedError(f"{type(self).__name__} does not define draw")

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> Tensor:
        """Return a new tensor of the shape and dtype (float32 by default)."""
        generator = (
            random.generator()
            if self.seed is None
            else random.new_generator(f"{type(self).__name__}: seed", self.seed)
        )
        return pt.asarray(
            self.draw(generator, tuple(shape)), dtype=pt.float32 if dtype is None else dtype
        )


class RandomUniform(_Random):
    """A uniform distribution in [minval, maxval).

    >>> w = pt.initializers.RandomUniform(-1, 1, seed=0)((100,))
    >>> bool(pt.all(pt.abs(w) <= 1))
    True
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Seed = None) -> None:
        """Create the initializer.

        Args:
            minval: the lower bound.
            maxval: the upper bound, at least minval.
            seed: a seed, to draw the same numbers at each call; by default they come from `random`.
        """
        super().__init__(seed)
        self.minval = number("RandomUniform: minval", minval)
        self.maxval = number("RandomUniform: maxval", maxval)
        if self.minval > self.maxval:
            raise ValueError(
                f"RandomUniform: minval {minval} and maxval {maxval}: expected minval <= maxval"
            )

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Return the numbers as a float32 ndarray."""
        return _uniform(generator, shape, self.minval, self.maxval)


class RandomNormal(_Random):
    """A normal distribution.

    >>> pt.initializers.RandomNormal(stddev=0.1, seed=0)((3, 2)).shape
    (3, 2)
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Seed = None) -> None:
        """Create the initializer.

        Args:
            mean: the mean.
            stddev: the standard deviation, at least 0.
            seed: a seed, to draw the same numbers at each call; by default they come from `random`.
        """
        super().__init__(seed)
        self.mean = number(f"{type(self).__name__}: mean", mean)
        self.stddev = number(f"{type(self).__name__}: stddev", stddev, 0)

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Return the numbers as a float32 ndarray."""
        return self.mean + self.stddev * _normal(generator, shape)


class TruncatedNormal(RandomNormal):
    """A normal distribution cut off at two standard deviations from the mean.

    Numbers beyond are drawn again.

    >>> w = pt.initializers.TruncatedNormal(stddev=0.1, seed=0)((100,))
    >>> bool(pt.all(pt.abs(w) <= 0.2))
    True
    """

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Return the numbers as a float32 ndarray."""
        return self.mean + _truncated_normal(generator, shape, self.stddev)


class Orthogonal(_Random):
    """A random matrix with orthonormal rows or columns, times `gain` (Saxe et al. 2014).

    If a shape has more than two axes, all but the last count as one.

    >>> w = pt.initializers.Orthogonal(seed=0)((2, 2))
    >>> bool(pt.all(pt.abs(w @ w.T - pt.eye(2)) < 1e-6))
    True
    """

    def __init__(self, gain: float = 1.0, seed: Seed = None) -> None:
        """Create the initializer.

        Args:
            gain: a factor.
            seed: a seed, to draw the same numbers at each call; by default they come from `random`.
        """
        super().__init__(seed)
        self.gain = number("Orthogonal: gain", gain)

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Return the numbers as a float32 ndarray."""
        if len(shape) < 2:
            raise ValueError(f"Orthogonal: found shape {shape}: expected two axes or more")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        gaussian = generator.standard_normal((max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(gaussian)
        q *= np.sign(np.diag(r))  # so that all rotations are equally likely
        values = self.gain * (q if rows >= columns else q.T)
        return values.reshape(shape).astype(np.float32, order="C")


class VarianceScaling(_Random):
    """A distribution of mean 0 and variance scale / n, where n follows from the shape.

    >>> pt.initializers.VarianceScaling(2.0, mode="fan_in", seed=0)((3, 2)).shape
    (3, 2)
    """

    MODES = ("fan_in", "fan_out", "fan_avg")
    DISTRIBUTIONS = ("uniform", "truncated_normal", "untruncated_normal")

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Seed = None,
    ) -> None:
        """Create the initializer.

        Args:
            scale: a factor above 0.
            mode: what n is: "fan_in", the number of inputs of one unit; "fan_out", the number of
                units that one input feeds; or "fan_avg", their mean.
            distribution: "uniform", in [-limit, limit) with limit = sqrt(3 * scale / n);
                "truncated_normal", cut off at two standard deviations; or "untruncated_normal".
            seed: a seed, to draw the same numbers at each call; by default they come from `random`.
        """
        super().__init__(seed)
        self.scale = number("VarianceScaling: scale", scale, 0)
        if self.scale == 0:
            raise ValueError("VarianceScaling: scale: found 0: expected more than 0")
        self.mode = lookup("mode", mode, dict.fromkeys(self.MODES, mode))
        self.distribution = lookup(
            "distribution", distribution, dict.fromkeys(self.DISTRIBUTIONS, distribution)
        )

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Return the numbers as a float32 ndarray."""
        fan_in, fan_out = _fans(shape)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(n, 1)
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return _uniform(generator, shape, -limit, limit)
        if self.distribution == "truncated_normal":
            return _truncated_normal(generator, shape, math.sqrt(variance) / _TRUNCATED_STDDEV)
        return math.sqrt(variance) * _normal(generator, shape)


class _Preset(VarianceScaling):
    """VarianceScaling with scale, mode and distribution fixed by the class."""

    preset: ClassVar[tuple[float, str, str]]

    def __init__(self, seed: Seed = None) -> None:
        """Create the initializer.

        Args:
            seed: a seed, to draw the same numbers at each call; by default they come from `random`.
        """
        super().__init__(*self.preset, seed=seed)


class GlorotUniform(_Preset):
    """Uniform in [-limit, limit) with limit = sqrt(6 / (fan_in + fan_out)) (Glorot, Bengio 2010).

    >>> w = pt.initializers.GlorotUniform(seed=0)((3, 3))
    >>> bool(pt.max(pt.abs(w)) <= 1.0)  # the limit is sqrt(6 / (3 + 3))
    True
    """

    preset = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Preset):
    """Truncated normal of variance 2 / (fan_in + fan_out) (Glorot, Bengio 2010).

    >>> pt.initializers.GlorotNormal(seed=0)((3, 2)).shape
    (3, 2)
    """

    preset = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_Preset):
    """Uniform in [-limit, limit) with limit = sqrt(6 / fan_in) (He et al. 2015).

    >>> pt.initializers.HeUniform(seed=0)((3, 2)).shape
    (3, 2)
    """

    preset = (2.0, "fan_in", "uniform")


class HeNormal(_Preset):
    """Truncated normal of variance 2 / fan_in (He et al. 2015).

    >>> pt.initializers.HeNormal(seed=0)((3, 2)).shape
    (3, 2)
    """

    preset = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_Preset):
    """Uniform in [-limit, limit) with limit = sqrt(3 / fan_in) (LeCun et al. 1998).

    >>> pt.initializers.LecunUniform(seed=0)((3, 2)).shape
    (3, 2)
    """

    preset = (1.0, "fan_in", "uniform")


class LecunNormal(_Preset):
    """Truncated normal of variance 1 / fan_in (LeCun et al. 1998).

    >>> pt.initializers.LecunNormal(seed=0)((3, 2)).shape
    (3, 2)
    """

    preset = (1.0, "fan_in", "truncated_normal")


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """The inputs per unit and the units per input: the last two axes, times all before them."""
    if len(shape) < 2:
        return math.prod(shape), math.prod(shape)
    *receptive_field, inputs, units = shape
    return math.prod(receptive_field) * inputs, math.prod(receptive_field) * units


def _uniform(
    generator: np.random.Generator, shape: tuple[int, ...], low: float, high: float
) -> NDArray[np.float32]:
    return generator.random(shape, dtype=np.float32) * np.float32(high - low) + np.float32(low)


def _normal(generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    return random.standard_normal(generator, shape, np.float32).numpy()


def _truncated_normal(
    generator: np.random.Generator, shape: tuple[int, ...], stddev: float
) -> NDArray[np.float32]:
    values = _normal(generator, shape)
    outside = np.abs(values) > 2
    while outside.any():
        values[outside] = _normal(generator, (int(outside.sum()),))
        outside = np.abs(values) > 2
    return np.float32(stddev) * values


_CLASSES = (
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Identity,
    LecunNormal,
    LecunUniform,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    Zeros,
)
_BY_NAME = by_name(_CLASSES) | {
    "zero": Zeros,
    "one": Ones,
    "uniform": RandomUniform,
    "normal": RandomNormal,
    "IdentityInitializer": Identity,
    "OrthogonalInitializer": Orthogonal,
}


def get(identifier: InitializerLike) -> Callable[..., Tensor]:
    """Return the initializer that an identifier stands for.

    Args:
        identifier: a name, a class, a config, or an initializer or function (returned as it is).

    Raises:
        ValueError: no initializer has that name.
        TypeError: identifier is neither a name nor callable.

    >>> pt.initializers.get("ones")((2,))
    Tensor([1., 1.], dtype=float32)
    """
    return resolve("initializer", identifier, Initializer, _BY_NAME)
