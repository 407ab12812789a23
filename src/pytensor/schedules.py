"""Learning-rate schedules: the learning rate as a function of the number of steps done before.

An optimizer takes one for its learning_rate. Formulas and arguments are those of Keras 3, whose
name for this module is optimizers.schedules. A schedule of one's own is a subclass that defines
__call__(step).
"""

from __future__ import annotations

import math

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


class LearningRateSchedule(Configurable):
    """Base class. A subclass defines __call__.

    >>> class Warmup(pt.schedules.LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return min(1.0, step / 100) * 0.1
    ...
    >>> Warmup()(50)
    0.05
    """

    def __init__(self, name=None):
        """Name: by default the class's."""
        self.name = type(self).__name__ if name is None else name

    def __call__(self, step):
        """Return the learning rate, a float, after a number of steps."""
        raise NotImplementedError(f"{type(self).__name__} does not define __call__(self, step)")

    def _number(self, argument, value, low=-math.inf):
        return number(f"{self.name}: {argument}", value, low)

    def _steps(self, argument, value):
        """A number of steps, more than 0."""
        value = self._number(argument, value)
        if value <= 0:
            raise ValueError(f"{self.name}: {argument}: found {value:g}: expected more than 0")
        return value


class _Decay(LearningRateSchedule):
    """What falls by a rate every so many steps."""

    def __init__(self, initial_learning_rate, decay_steps, decay_rate, staircase=False, name=None):
        """decay_steps: more than 0; staircase: at once after these steps instead of bit by bit."""
        super().__init__(name)
        self.initial_learning_rate = self._number("initial_learning_rate", initial_learning_rate, 0)
        self.decay_steps = self._steps("decay_steps", decay_steps)
        self.decay_rate = self._number("decay_rate", decay_rate, 0)
        self.staircase = bool(staircase)

    def _decays(self, step):
        """How often decay_steps have passed."""
        done = step / self.decay_steps
        return floor(done) if self.staircase else done


class ExponentialDecay(_Decay):
    """initial_learning_rate * decay_rate ** (step / decay_steps).

    >>> schedule = pt.schedules.ExponentialDecay(0.1, decay_steps=100, decay_rate=0.5)
    >>> schedule(0), schedule(100), schedule(200)
    (0.1, 0.05, 0.025)
    """

    def __call__(self, step):
        """Return the learning rate after a number of steps."""
        return self.initial_learning_rate * self.decay_rate ** self._decays(step)


class InverseTimeDecay(_Decay):
    """initial_learning_rate / (1 + decay_rate * step / decay_steps).

    >>> schedule = pt.schedules.InverseTimeDecay(0.1, decay_steps=100, decay_rate=1.0)
    >>> schedule(0), schedule(100), schedule(300)
    (0.1, 0.05, 0.025)
    """

    def __call__(self, step):
        """Return the learning rate after a number of steps."""
        return self.initial_learning_rate / (1 + self.decay_rate * self._decays(step))


class PiecewiseConstantDecay(LearningRateSchedule):
    """values[0] up to and including step boundaries[0], then values[1], and so on.

    >>> schedule = pt.schedules.PiecewiseConstantDecay([100, 200], [0.1, 0.01, 0.001])
    >>> schedule(0), schedule(150), schedule(900)
    (0.1, 0.01, 0.001)
    """

    def __init__(self, boundaries, values, name=None):
        """Boundaries: rising numbers of steps; values: one more of them."""
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

    def __call__(self, step):
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
        initial_learning_rate,
        decay_steps,
        end_learning_rate=0.0001,
        power=1.0,
        cycle=False,
        name=None,
    ):
        """decay_steps: more than 0."""
        super().__init__(name)
        self.initial_learning_rate = self._number("initial_learning_rate", initial_learning_rate, 0)
        self.decay_steps = self._steps("decay_steps", decay_steps)
        self.end_learning_rate = self._number("end_learning_rate", end_learning_rate, 0)
        self.power = self._number("power", power, 0)
        self.cycle = bool(cycle)

    def __call__(self, step):
        """Return the learning rate after a number of steps."""
        steps = self.decay_steps
        if self.cycle:
            steps *= max(1, math.ceil(step / steps))
        left = (1 - min(step, steps) / steps) ** self.power
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
        initial_learning_rate,
        decay_steps,
        alpha=0.0,
        name=None,
        warmup_target=None,
        warmup_steps=0,
    ):
        """decay_steps: more than 0, those after the warm-up; alpha: what is left at the end."""
        super().__init__(name)
        self.initial_learning_rate = self._number("initial_learning_rate", initial_learning_rate, 0)
        self.decay_steps = self._steps("decay_steps", decay_steps)
        self.alpha = self._number("alpha", alpha, 0)
        self.warmup_target = (
            None if warmup_target is None else self._number("warmup_target", warmup_target, 0)
        )
        self.warmup_steps = integer(f"{self.name}: warmup_steps", warmup_steps, 0)

    def __call__(self, step):
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

    Each time it lasts t_mul times as long and starts from m_mul times as much.

    >>> schedule = pt.schedules.CosineDecayRestarts(0.1, first_decay_steps=100)
    >>> schedule(0), schedule(50), schedule(100)
    (0.1, 0.05, 0.1)
    """

    def __init__(
        self, initial_learning_rate, first_decay_steps, t_mul=2.0, m_mul=1.0, alpha=0.0, name=None
    ):
        """first_decay_steps: more than 0; t_mul: at least 1."""
        super().__init__(name)
        self.initial_learning_rate = self._number("initial_learning_rate", initial_learning_rate, 0)
        self.first_decay_steps = self._steps("first_decay_steps", first_decay_steps)
        self.t_mul = self._number("t_mul", t_mul, 1)
        self.m_mul = self._number("m_mul", m_mul, 0)
        self.alpha = self._number("alpha", alpha, 0)

    def __call__(self, step):
        """Return the learning rate after a number of steps."""
        done = step / self.first_decay_steps
        if self.t_mul == 1:
            restarts = floor(done)
            done -= restarts
        else:
            # The first n waves last (t_mul ** n - 1) / (t_mul - 1) times the first.
            more = self.t_mul - 1
            restarts = floor(math.log1p(done * more) / math.log1p(more))
            length = self.t_mul**restarts
            done = (done - (length - 1) / more) / length
        return self.initial_learning_rate * _cosine(done, self.alpha, self.m_mul**restarts)


def _cosine(done, alpha, height=1.0):
    """From height, at done = 0, to alpha, at done = 1."""
    return (1 - alpha) * 0.5 * height * (1 + math.cos(math.pi * done)) + alpha
