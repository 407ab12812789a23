"""Learning-rate schedules: the learning rate as a function of the number of steps done before.

An optimizer takes one for its learning_rate. Formulas and arguments are those of Keras 3, which
calls this module optimizers.schedules. A custom schedule is a subclass that defines __call__(step).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from pytensor import _functions as pt
from pytensor._support.arguments import floor, integer, number
from pytensor.serialization import Configurable

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
]


def exact(function: Callable[..., pt.Tensor], *numbers: float) -> float:
    """Return a function of numbers in float64, by a kernel: the C library's differ in last digits.

    >>> pt.schedules.exact(pt.pow, 0.5, 2)
    0.25
    """
    return function(*(pt.asarray(x, dtype=pt.float64) for x in numbers)).item()


class LearningRateSchedule(Configurable):
    """Base class. A subclass defines __call__.

    >>> class Warmup(pt.schedules.LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return min(1.0, step / 100) * 0.1
    ...
    >>> Warmup()(50)
    0.05
    """

    def __init__(self, name: str | None = None) -> None:
        """Keep the name, by default the class's."""
        self.name = type(self).__name__ if name is None else name

    def __call__(self, step: int) -> float:
        """Return the learning rate after a number of steps."""
        raise NotImplementedError(f"{type(self).__name__} does not define __call__(self, step)")

    def _number(self, argument: str, value: Any, low: float = -math.inf) -> float:
        return number(f"{self.name}: {argument}", value, low)

    def _steps(self, argument: str, value: Any) -> float:
        """A number of steps, more than 0."""
        value = self._number(argument, value)
        if value <= 0:
            raise ValueError(f"{self.name}: {argument}: found {value:g}: expected more than 0")
        return value


class _Decay(LearningRateSchedule):
    """Base of the schedules that fall by a rate every decay_steps steps."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str | None = None,
    ) -> None:
        """Keep the numbers.

        Args:
            initial_learning_rate: A number >= 0.
            decay_steps: A number > 0.
            decay_rate: A number >= 0.
            staircase: Whether to fall once every decay_steps, instead of a little in each step.
            name: By default the class's.

        Raises:
            ValueError, TypeError: A number is out of range or has the wrong type.
        """
        super().__init__(name)
        self.initial_learning_rate = self._number("initial_learning_rate", initial_learning_rate, 0)
        self.decay_steps = self._steps("decay_steps", decay_steps)
        self.decay_rate = self._number("decay_rate", decay_rate, 0)
        self.staircase = bool(staircase)

    def _decays(self, step: int) -> float:
        """How often decay_steps have passed."""
        done = step / self.decay_steps
        return floor(done) if self.staircase else done


class ExponentialDecay(_Decay):
    """initial_learning_rate * decay_rate ** (step / decay_steps).

    >>> schedule = pt.schedules.ExponentialDecay(0.1, decay_steps=100, decay_rate=0.5)
    >>> schedule(0), schedule(100), schedule(200)
    (0.1, 0.05, 0.025)
    """

    def __call__(self, step: int) -> float:
        """Return the learning rate after a number of steps."""
        return self.initial_learning_rate * exact(pt.pow, self.decay_rate, self._decays(step))


class InverseTimeDecay(_Decay):
    """initial_learning_rate / (1 + decay_rate * step / decay_steps).

    >>> schedule = pt.schedules.InverseTimeDecay(0.1, decay_steps=100, decay_rate=1.0)
    >>> schedule(0), schedule(100), schedule(300)
    (0.1, 0.05, 0.025)
    """

    def __call__(self, step: int) -> float:
        """Return the learning rate after a number of steps."""
        return self.initial_learning_rate / (1 + self.decay_rate * self._decays(step))


class PiecewiseConstantDecay(LearningRateSchedule):
    """values[0] up to and including step boundaries[0], then values[1], and so on.

    >>> schedule = pt.schedules.PiecewiseConstantDecay([100, 200], [0.1, 0.01, 0.001])
    >>> schedule(0), schedule(150), schedule(900)
    (0.1, 0.01, 0.001)
    """

    def __init__(
        self, boundaries: Iterable[float], values: Iterable[float], name: str | None = None
    ) -> None:
        """Keep the numbers.

        Args:
            boundaries: Numbers of steps, in ascending order.
            values: Learning rates >= 0, one more than boundaries.
            name: By default the class's.

        Raises:
            ValueError, TypeError: The lists do not fit, or a number is out of range.
        """
        super().__init__(name)
        self.boundaries = [self._number("boundaries", boundary) for boundary in boundaries]
        self.values = [self._number("values", value, 0) for value in values]
        if len(self.values) != len(self.boundaries) + 1:
            raise ValueError(
                f"{self.name}: values: found {len(self.values)}: expected "
                f"{len(self.boundaries) + 1}, one more than boundaries"
            )
        if self.boundaries != sorted(self.boundaries):
            raise ValueError(
                f"{self.name}: boundaries: found {self.boundaries}: expected them to rise"
            )

    def __call__(self, step: int) -> float:
        """Return the learning rate after a number of steps."""
        return self.values[sum(step > boundary for boundary in self.boundaries)]


class PolynomialDecay(LearningRateSchedule):
    """From initial_learning_rate to end_learning_rate, as (1 - step / decay_steps) ** power.

    After decay_steps it stays there; with cycle, decay_steps becomes the next multiple instead.

    >>> schedule = pt.schedules.PolynomialDecay(0.1, decay_steps=100, end_learning_rate=0.0)
    >>> schedule(0), schedule(50), schedule(100)
    (0.1, 0.05, 0.0)
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str | None = None,
    ) -> None:
        """Keep the numbers.

        Args:
            initial_learning_rate: A number >= 0.
            decay_steps: A number > 0.
            end_learning_rate: A number >= 0.
            power: A number >= 0.
            cycle: Whether to start again after decay_steps, from a lower rate each time.
            name: By default the class's.

        Raises:
            ValueError, TypeError: A number is out of range or has the wrong type.
        """
        super().__init__(name)
        self.initial_learning_rate = self._number("initial_learning_rate", initial_learning_rate, 0)
        self.decay_steps = self._steps("decay_steps", decay_steps)
        self.end_learning_rate = self._number("end_learning_rate", end_learning_rate, 0)
        self.power = self._number("power", power, 0)
        self.cycle = bool(cycle)

    def __call__(self, step: int) -> float:
        """Return the learning rate after a number of steps."""
        steps = self.decay_steps
        if self.cycle:
            steps *= max(1, math.ceil(step / steps))
        left = exact(pt.pow, 1 - min(step, steps) / steps, self.power)
        return (self.initial_learning_rate - self.end_learning_rate) * left + self.end_learning_rate


class CosineDecay(LearningRateSchedule):
    """Half a cosine wave, from initial_learning_rate to alpha times it (Loshchilov, Hutter 2017).

    With warmup_target the rate first rises to that in a straight line, and the wave starts there.

    >>> schedule = pt.schedules.CosineDecay(0.1, decay_steps=100)
    >>> schedule(0), schedule(50), schedule(100)
    (0.1, 0.05, 0.0)
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str | None = None,
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        """Keep the numbers.

        Args:
            initial_learning_rate: A number >= 0.
            decay_steps: The steps after the warm-up, a number > 0.
            alpha: The fraction of the rate that is left at the end.
            name: By default the class's.
            warmup_target: The rate after the warm-up, a number >= 0; None for no warm-up.
            warmup_steps: The steps of the warm-up.

        Raises:
            ValueError, TypeError: A number is out of range or has the wrong type.
        """
        super().__init__(name)
        self.initial_learning_rate = self._number("initial_learning_rate", initial_learning_rate, 0)
        self.decay_steps = self._steps("decay_steps", decay_steps)
        self.alpha = self._number("alpha", alpha, 0)
        self.warmup_target = (
            None if warmup_target is None else self._number("warmup_target", warmup_target, 0)
        )
        self.warmup_steps = integer(f"{self.name}: warmup_steps", warmup_steps, 0)

    def __call__(self, step: int) -> float:
        """Return the learning rate after a number of steps."""
        start = self.initial_learning_rate
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return start + (self.warmup_target - start) * step / self.warmup_steps
            start = self.warmup_target
            step -= self.warmup_steps
        return start * _cosine(min(step / self.decay_steps, 1), self.alpha)


class CosineDecayRestarts(LearningRateSchedule):
    """CosineDecay that starts again and again (SGDR: Loshchilov, Hutter 2017).

    Each wave lasts t_mul times as long as the one before, and starts from m_mul times its rate.

    >>> schedule = pt.schedules.CosineDecayRestarts(0.1, first_decay_steps=100)
    >>> schedule(0), schedule(50), schedule(100)
    (0.1, 0.05, 0.1)
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str | None = None,
    ) -> None:
        """Keep the numbers.

        Args:
            initial_learning_rate: A number >= 0.
            first_decay_steps: A number > 0.
            t_mul: A number >= 1.
            m_mul: A number >= 0.
            alpha: The fraction of the rate that is left at the end of a wave.
            name: By default the class's.

        Raises:
            ValueError, TypeError: A number is out of range or has the wrong type.
        """
        super().__init__(name)
        self.initial_learning_rate = self._number("initial_learning_rate", initial_learning_rate, 0)
        self.first_decay_steps = self._steps("first_decay_steps", first_decay_steps)
        self.t_mul = self._number("t_mul", t_mul, 1)
        self.m_mul = self._number("m_mul", m_mul, 0)
        self.alpha = self._number("alpha", alpha, 0)

    def __call__(self, step: int) -> float:
        """Return the learning rate after a number of steps."""
        done = step / self.first_decay_steps
        if self.t_mul == 1:
            restarts = floor(done)
            done -= restarts
        else:
            # The first n waves last (t_mul ** n - 1) / (t_mul - 1) times the first.
            more = self.t_mul - 1
            restarts = floor(exact(pt.log1p, done * more) / exact(pt.log1p, more))
            length = exact(pt.pow, self.t_mul, restarts)
            done = (done - (length - 1) / more) / length
        return self.initial_learning_rate * _cosine(
            done, self.alpha, exact(pt.pow, self.m_mul, restarts)
        )


def _cosine(done: float, alpha: float, height: float = 1.0) -> float:
    """From height, at done = 0, to alpha, at done = 1."""
    return (1 - alpha) * 0.5 * height * (1 + exact(pt.cos, math.pi * done)) + alpha
