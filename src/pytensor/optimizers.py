"""Optimizers: how gradients change weights. The formulas and defaults are those of Keras 3.

w is a weight, dw the gradient of the loss with respect to it; weights and their state change in
place. A custom optimizer is a subclass with update(w, dw, *state) and, if it keeps anything per
weight, initial_state(w).

Every optimizer takes these options besides its own, all None by default:
    weight_decay     before a step, w -= learning_rate * weight_decay * w (Loshchilov, Hutter 2019)
    clipnorm         each dw is scaled down to this norm, if its norm is larger
    global_clipnorm  all dw together are scaled down to this norm, if their norm is larger
    clipvalue        each element of dw is limited to [-clipvalue, clipvalue]
    use_ema          a moving average of each weight, which replaces it at the end of fit
                     (ema_momentum, ema_overwrite_frequency)
    gradient_accumulation_steps   the mean of so many gradients makes one step
    name             the class's in lower case
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from pytensor import _core, schedules
from pytensor import _functions as pt
from pytensor._core import RowGradient, Tensor, update_weights
from pytensor._support.arguments import integer, number
from pytensor._support.arguments import known as known_names
from pytensor._support.names import missing
from pytensor._tables.optimizers import RULES
from pytensor.serialization import Configurable, constructor_config, resolve

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "get",
    "schedules",
]


Rate = float | schedules.LearningRateSchedule
Gradient = Tensor | RowGradient


class _Options(TypedDict, total=False):
    name: str | None
    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    gradient_accumulation_steps: int | None


class Options(_Options, total=False):
    """What every optimizer takes beside its own numbers; see Optimizer."""

    weight_decay: float | None


class Optimizer(Configurable):
    """Base class. A subclass defines update, and initial_state if it keeps anything per weight.

    Attributes:
        name: By default the class's in lower case.
        iterations: How often apply was called.
        takes_row_gradients: Whether update takes a RowGradient for dw (see GradientTape.gradient).
            It is not inherited: a subclass that does says so itself, since its update may differ.

    >>> class Signs(pt.optimizers.Optimizer):
    ...     def update(self, w, dw):
    ...         w -= self.learning_rate * pt.sign(dw)
    ...
    >>> w, dw = pt.asarray([1.0, 2.0]), pt.asarray([0.5, -0.5])
    >>> Signs(0.1).apply([dw], [w])
    >>> w
    Tensor([0.9, 2.1], dtype=float32)
    """

    takes_row_gradients: bool = False
    weight_decay: float | None
    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    _learning_rate: float

    def __init_subclass__(cls, **options: Any) -> None:
        """Do not inherit takes_row_gradients."""
        super().__init_subclass__(**options)
        cls.takes_row_gradients = vars(cls).get("takes_row_gradients", False)

    def __init__(
        self,
        learning_rate: Rate,
        name: str | None = None,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        gradient_accumulation_steps: int | None = None,
        **older: Any,
    ) -> None:
        """Keep the options that every optimizer takes.

        Args:
            learning_rate: A number >= 0 or a schedule.
            name: By default the class's in lower case.
            weight_decay: A number >= 0 or None; the module tells what it does.
            clipnorm: The same.
            clipvalue: The same.
            global_clipnorm: The same.
            use_ema: Whether to keep a moving average of each weight, which takes the weight's place
                at the end of fit.
            ema_momentum: The share of the old average in the new one, in [0, 1].
            ema_overwrite_frequency: After every how many steps the averages take the place of the
                weights as well; None for never.
            gradient_accumulation_steps: How many gradients to wait for, at least 2; the weights
                change by the mean of them. None for 1.
            **older: `lr` and `decay`, as older editions call them; they warn.

        Raises:
            ValueError: More than one of the three clip arguments is given, or a number is negative.
            TypeError: A number has the wrong type.
        """
        self.name = type(self).__name__.lower() if name is None else name
        self.iterations = 0
        self._schedule: schedules.LearningRateSchedule | None = None
        self.learning_rate = _with_older_names(type(self).__name__, learning_rate, older)
        self.use_ema = bool(use_ema)
        self.ema_momentum = number(f"{self.name}: ema_momentum", ema_momentum, 0, 1)
        self.ema_overwrite_frequency = (
            None
            if ema_overwrite_frequency is None
            else integer(f"{self.name}: ema_overwrite_frequency", ema_overwrite_frequency, 1)
        )
        self.gradient_accumulation_steps = (
            None
            if gradient_accumulation_steps is None
            else integer(
                f"{self.name}: gradient_accumulation_steps", gradient_accumulation_steps, 2
            )
        )
        self.waiting = 0  # how many gradients have been added up since the last change
        # id(weight) -> the sum of gradients and the average, those of both that are kept
        self._extra: dict[int, tuple[Tensor, ...]] = {}
        options = {
            "weight_decay": weight_decay,
            "clipnorm": clipnorm,
            "clipvalue": clipvalue,
            "global_clipnorm": global_clipnorm,
        }
        for option, value in options.items():
            setattr(
                self, option, None if value is None else number(f"{self.name}: {option}", value, 0)
            )
        clips = [option for option in options if "clip" in option and options[option] is not None]
        if len(clips) > 1:
            raise ValueError(f"{self.name}: found {' and '.join(clips)}: expected one of them")
        # id(weight) -> (weight, its state): the weight keeps its id in use
        self._state: dict[int, tuple[Tensor, tuple[Tensor, ...]]] = {}
        self._undecayed: list[Tensor] = []

    def __setstate__(self, attributes: dict[str, Any]) -> None:
        """Restore a copy or a pickle, in which the weights have new ids."""
        vars(self).update(attributes)
        extra = self._extra
        self._extra = {id(w): extra[old] for old, (w, _) in self._state.items() if old in extra}
        self._state = {id(w): (w, kept) for w, kept in self._state.values()}

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments by name, in types that JSON can hold."""
        return constructor_config(self, learning_rate=self._schedule or self._learning_rate)

    @property
    def learning_rate(self) -> float:
        """The factor of the next step; it may be set at any time, unless a schedule decides it.

        It may be set to another schedule.
        """
        return self._learning_rate if self._schedule is None else self._schedule(self.iterations)

    @learning_rate.setter
    def learning_rate(self, value: Rate) -> None:
        if isinstance(value, schedules.LearningRateSchedule):
            self._schedule = value
        elif self._schedule is not None:
            raise TypeError(
                f"{self.name}: learning_rate: found {value!r}: expected nothing, for "
                f"the schedule {self._schedule.name} sets it"
            )
        else:
            self._learning_rate = number(f"{self.name}: learning_rate", value, 0)

    def exclude_from_weight_decay(self, weights: Iterable[Tensor]) -> None:
        """Exclude weights, such as biases, from weight_decay."""
        self._undecayed += weights

    def initial_state(self, w: Tensor) -> tuple[Tensor, ...]:
        """Return the tensors to keep for a weight."""
        return ()

    def recording_key(self) -> tuple[Any, ...] | None:
        """Return what a recording of a step is made of, None if steps can't be recorded."""
        return None

    def update(self, w: Tensor, dw: Any, *state: Tensor) -> None:
        """Change w and its state in place."""
        raise NotImplementedError(
            f"{type(self).__name__} does not define update(self, w, dw, *state)"
        )

    def build(self, weights: Iterable[Tensor]) -> None:
        """Make the state of every weight that has none yet."""
        for w in weights:
            if id(w) not in self._state:
                self._state[id(w)] = w, self.initial_state(w)
        n_extra = self.use_ema + (self.gradient_accumulation_steps is not None)
        if n_extra:
            for w in weights:
                if id(w) not in self._extra:
                    self._extra[id(w)] = tuple(pt.zeros_like(w) for _ in range(n_extra))

    def state_of(self, w: Tensor) -> tuple[Tensor, ...] | None:
        """Return the tensors kept for a weight, or None if it has none yet."""
        known = self._state.get(id(w))
        return None if known is None else (*known[1], *self._extra.get(id(w), ()))

    def apply(self, gradients: Sequence[Gradient | None], weights: Sequence[Tensor]) -> None:
        """Update all weights, one step.

        Args:
            gradients: One for each weight; None where the loss does not depend on it.
            weights: The weights.

        Raises:
            ValueError: The lists differ in length, or all gradients are None.
        """
        self.build(weights)
        if self._extra:
            self._apply_extra(gradients, weights)
        else:
            self._apply(gradients, weights)

    def _apply(self, gradients: Sequence[Gradient | None], weights: Sequence[Tensor]) -> None:
        """Change all weights by these gradients."""
        if self._schedule is not None:
            self._learning_rate = self._schedule(self.iterations)
        self.iterations += 1
        scales = None
        if self.clipnorm or self.global_clipnorm:  # 0 clips nothing, as in Keras
            gradients, scales = self._scaled(gradients)
        n_missing = self._update_all(weights, gradients, scales)
        if n_missing:
            self._report_missing(n_missing, len(weights))

    def _apply_extra(self, gradients: Sequence[Gradient | None], weights: Sequence[Tensor]) -> None:
        """Add gradients up until there are enough; keep averages of the weights."""
        done, steps = self.iterations, self.gradient_accumulation_steps
        if steps is None:
            self._apply(gradients, weights)
        else:
            for w, dw in zip(weights, gradients, strict=True):
                if dw is not None:
                    self._extra[id(w)][0][...] += _dense(dw)
            self.waiting += 1
            if self.waiting == steps:
                sums = [self._extra[id(w)][0] for w in weights]
                means = [
                    None if dw is None else total / steps
                    for total, dw in zip(sums, gradients, strict=True)
                ]
                self._apply(means, weights)
                for total in sums:
                    total[...] = 0
                self.waiting = 0
        if self.use_ema:
            momentum = self.ema_momentum if done else 0.0
            for w in weights:
                average = self._extra[id(w)][-1]
                average[...] = momentum * average + (1 - momentum) * w
            if self.ema_overwrite_frequency and (done + 1) % self.ema_overwrite_frequency == 0:
                self.finalize(weights)

    def finalize(self, weights: Sequence[Tensor]) -> None:
        """Put the averages in the place of the weights, if averages are kept; fit ends with it."""
        if self.use_ema:
            for w in weights:
                if id(w) in self._extra and self.iterations:
                    w[...] = self._extra[id(w)][-1]

    def apply_gradients(
        self, gradients_and_weights: Iterable[tuple[Gradient | None, Tensor]]
    ) -> None:
        """Update from pairs (gradient, weight), as zip makes them; see apply.

        Raises:
            ValueError: There are no pairs, or all gradients are None.
        """
        pairs = list(gradients_and_weights)
        if not pairs:
            raise ValueError(
                f"{self.name}: apply_gradients: found no pairs: expected at least one "
                "(gradient, weight)"
            )
        gradients, weights = zip(*pairs, strict=True)
        self.apply(gradients, weights)

    def _update_all(
        self,
        weights: Sequence[Tensor],
        gradients: Sequence[Gradient | None],
        scales: list[float] | None,
    ) -> int:
        """Update weights by gradients times scales; return how many gradients are None."""
        decay, limit, n_missing = self.weight_decay, self.clipvalue, 0
        for k, (w, dw) in enumerate(zip(weights, gradients, strict=True)):
            if dw is None:
                n_missing += 1
                continue
            if scales is not None:
                dw = _dense(dw) * scales[k]
            if limit:
                dw = pt.clip(_dense(dw), -limit, limit)
            if decay is not None and not any(w is kept for kept in self._undecayed):
                w *= 1 - self._learning_rate * decay
            self.update(w, dw, *self._state[id(w)][1])
        return n_missing

    def _scaled(
        self, gradients: Sequence[Gradient | None]
    ) -> tuple[list[Tensor | None], list[float]]:
        """The gradients, dense, and what to multiply each by so that norms are as asked for."""
        dense = [None if dw is None else _dense(dw) for dw in gradients]
        known = [dw for dw in dense if dw is not None]
        if self.clipnorm:
            found = [_shortened([dw], self.clipnorm) for dw in known]
            known, factors = [dw for (dw,), _ in found], [factor for _, factor in found]
        elif self.global_clipnorm and known:
            known, factor = _shortened(known, self.global_clipnorm)
            factors = [factor] * len(known)
        pairs = iter(zip(known, factors, strict=True))
        chosen = [(None, 1.0) if dw is None else next(pairs) for dw in dense]
        return [dw for dw, _ in chosen], [factor for _, factor in chosen]

    def _report_missing(self, n_missing: int, n_weights: int) -> None:
        if n_missing == n_weights:
            raise ValueError(
                f"{self.name}: no gradients: the loss depends on none of the {n_weights} weights"
            )
        warnings.warn(
            f"{self.name}: the loss does not depend on {n_missing} of {n_weights} "
            "weights: they are not trained",
            stacklevel=3,
        )


def _with_older_names(kind: str, learning_rate: Rate, older: dict[str, Any]) -> Rate:
    """The learning rate, where lr or decay say it in the words of older editions."""
    unknown = sorted(older.keys() - {"lr", "decay"})
    if unknown:
        raise TypeError(
            f"{kind}: got an unexpected keyword argument {unknown[0]!r}: "
            f"{known_names(unknown[0], _OPTIONS)}"
        )
    if "lr" in older:
        warnings.warn(f"{kind}: lr: write learning_rate", DeprecationWarning, stacklevel=4)
        learning_rate = older["lr"]
    if older.get("decay"):
        warnings.warn(
            f"{kind}: decay: write learning_rate=schedules.InverseTimeDecay(learning_rate, 1, "
            "decay)",
            DeprecationWarning,
            stacklevel=4,
        )
        rate = number(f"{kind}: learning_rate", learning_rate, 0)
        learning_rate = schedules.InverseTimeDecay(rate, 1, older["decay"])
    return learning_rate


_OPTIONS = (
    "learning_rate",
    "name",
    "weight_decay",
    "clipnorm",
    "clipvalue",
    "global_clipnorm",
    "use_ema",
    "ema_momentum",
    "ema_overwrite_frequency",
    "gradient_accumulation_steps",
)


class _DecidesState:
    """An attribute that decides what is kept per weight: when it changes to or from 0 or False, the
    state starts again."""

    def __init__(self, check: Callable[[str, Any], Any], doc: str) -> None:
        self._check = check
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, optimizer: Any, owner: type | None = None) -> Any:
        return self if optimizer is None else vars(optimizer)[self._name]

    def __set__(self, optimizer: Any, value: Any) -> None:
        value = self._check(f"{optimizer.name}: {self._name}", value)
        if bool(value) != bool(vars(optimizer).get(self._name, value)):
            optimizer._state = {}
        vars(optimizer)[self._name] = value


def _fraction(name: str, value: Any) -> float:
    """A number in [0, 1]."""
    return number(name, value, 0, 1)


def _decay(name: str, value: Any) -> float:
    """The factor of a running mean, in [0, 1)."""
    return number(name, value, 0, 1, below_high=True)


def _flag(name: str, value: Any) -> bool:
    return bool(value)


def _norm(tensors: Sequence[Tensor]) -> float:
    """The root of the sum of all squares, a float."""
    return math.sqrt(sum(pt.square(t).sum().item() for t in tensors))


def _shortened(tensors: list[Tensor], longest: float) -> tuple[list[Tensor], float]:
    """Tensors and a factor: times it, the norm of all together is at most the longest."""
    norm = _norm(tensors)
    if not 1e-15 < norm < math.inf:  # squares may have overflowed, or become 0
        largest = max((float(abs(t).max()) for t in tensors if t.size), default=0.0)
        if 0 < largest < math.inf:
            units = [t / largest for t in tensors]
            norm = _norm(units)
            return (
                (tensors, 1.0)
                if norm <= longest / largest  # no for NaN
                else (units, longest / norm)
            )
    return tensors, longest / max(norm, longest)


def _dense(dw: Gradient) -> Tensor:
    return dw.dense() if isinstance(dw, RowGradient) else dw


def _power(x: float, n: int) -> float:
    """x**n by squaring: the C library's pow differs from machine to machine in its last digit."""
    result = 1.0
    while n:
        if n & 1:
            result *= x
        x *= x
        n >>= 1
    return result


@functools.cache
def _numbers_of(rule: str) -> Callable[[float, int, Any], tuple[float, ...]]:
    """What a row of the table says of its numbers, as a function of rate, t and the optimizer."""
    values = "".join(f"{value}, " for value in RULES[rule].numbers.values())
    return eval(f"lambda rate, t, self: ({values})", {"power": _power, "sqrt": math.sqrt})


class _Ruled(Optimizer):
    """What the optimizers of this module share: their update is a row of _tables/optimizers.py."""

    @property
    def _rule(self) -> str:
        """The name of the row for the options as they are."""
        raise NotImplementedError

    def initial_state(self, w: Tensor) -> tuple[Tensor, ...]:
        """Return the state that the update's formula names, in its order; 0 at first."""
        return tuple(pt.zeros_like(w) for _ in RULES[self._rule].state)

    def update(self, w: Tensor, dw: Any, *state: Tensor) -> None:
        """Change w and its state in place."""
        self._run([w], [dw], {id(w): (w, state)})

    def recording_key(self) -> tuple[Any, ...] | None:
        """Return what a recording of a step is made of besides its numbers.

        None if steps can't be recorded: they do more than the rule, or a subclass may.
        """
        if (
            type(self) not in _BY_NAME.values()
            or self.clipnorm
            or self.global_clipnorm
            or self.use_ema
            or self.gradient_accumulation_steps is not None
            or self._extra
            or not type(self._schedule or self).__module__.startswith("pytensor.")
        ):
            return None
        decays = self.weight_decay is not None
        return self._rule, decays, self.clipvalue, len(self._undecayed) if decays else 0

    def next_numbers(self) -> tuple[float, ...]:
        """Return the numbers of the next step, as record_step takes them."""
        if self._schedule is not None:
            rate = self._schedule(self.iterations)
        else:
            rate = self._learning_rate
        self._next_rate = rate
        t = self.iterations + 1
        decay = self.weight_decay
        return (*_numbers_of(self._rule)(rate, t, self), 1.0 if decay is None else 1 - rate * decay)

    def numbers_ahead(self, n: int) -> tuple[Tensor, list[float]]:
        """Return the numbers of the next n steps as a tensor (n, numbers), and their rates."""
        now = self.iterations
        found: list[float] = []
        rates: list[float] = []
        try:
            for self.iterations in range(now, now + n):
                found += self.next_numbers()
                rates.append(self._next_rate)
        finally:
            self.iterations = now
        return _core.doubles(tuple(found)).reshape((n, -1)), rates

    def record_step(
        self, gradients: Sequence[Gradient | None], weights: Sequence[Tensor], numbers: Tensor
    ) -> None:
        """Record a step, while a function is recorded, whose numbers are read at each run.

        Raises:
            TypeError: A gradient is missing.
        """
        if any(dw is None for dw in gradients):
            raise TypeError(f"{self.name}: a gradient is missing")
        options: dict[str, Any] = {}
        if self.weight_decay is not None:
            options = {"keep": 0.0, "undecayed": self._undecayed}
        if self.clipvalue:
            options["limit"] = self.clipvalue
        update_weights(self._rule, weights, gradients, self._state, numbers, **options)

    def took_steps(self, n: int, rate: float) -> None:
        """Count n steps with the numbers that next_numbers returned; rate: that of the last."""
        self.iterations += n
        self._learning_rate = rate

    @property
    def next_rate(self) -> float:
        """The learning rate in what next_numbers returned last."""
        return self._next_rate

    def _update_all(
        self,
        weights: Sequence[Tensor],
        gradients: Sequence[Gradient | None],
        scales: list[float] | None,
    ) -> int:
        if type(self).update is not _Ruled.update:  # a subclass has its own
            return super()._update_all(weights, gradients, scales)
        options: dict[str, Any] = {"scales": scales}
        if self.weight_decay is not None:
            options["keep"] = 1 - self._learning_rate * self.weight_decay
            options["undecayed"] = self._undecayed
        if self.clipvalue:
            options["limit"] = self.clipvalue
        return self._run(weights, gradients, self._state, **options)

    def _run(
        self,
        weights: Sequence[Tensor],
        gradients: Sequence[Gradient | None],
        states: dict[int, tuple[Tensor, tuple[Tensor, ...]]],
        **options: Any,
    ) -> int:
        if self.iterations < 1:
            raise ValueError(
                f"{self.name}: iterations: found {self.iterations} in a step: expected at least 1"
            )
        rule = self._rule
        numbers = _numbers_of(rule)(self._learning_rate, self.iterations, self)
        return update_weights(rule, weights, gradients, states, numbers, **options)


class SGD(_Ruled):
    """Stochastic gradient descent, with momentum (Sutskever et al. 2013) if it is not 0.

    momentum = 0:  w -= learning_rate * dw
    else:          velocity = momentum * velocity - learning_rate * dw
                   w += velocity
    nesterov:      w += momentum * velocity - learning_rate * dw

    >>> w, dw = pt.asarray([1.0, 2.0]), pt.asarray([0.5, -0.5])
    >>> pt.optimizers.SGD(0.1, momentum=0.9).apply([dw], [w])
    >>> w
    Tensor([0.95, 2.05], dtype=float32)
    """

    takes_row_gradients = True

    momentum = _DecidesState(
        _fraction,
        "The factor of the velocity, in [0, 1]; a change from or to 0 resets the velocity.",
    )

    def __init__(
        self,
        learning_rate: Rate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **options: Unpack[Options],
    ) -> None:
        """Keep the numbers.

        Args:
            learning_rate: A number >= 0 or a schedule.
            momentum: In [0, 1].
            nesterov: Whether to step ahead by the velocity.
            **options: Those of Optimizer.

        Raises:
            ValueError, TypeError: A number is out of range or has the wrong type.
        """
        super().__init__(learning_rate, **options)
        self.momentum = momentum
        self.nesterov = bool(nesterov)

    @property
    def _rule(self) -> str:
        return "sgd" if not self.momentum else "nesterov" if self.nesterov else "momentum"


class RMSprop(_Ruled):
    """Steps scaled by the root of a running mean of squares (Hinton, Tieleman 2012).

    mean_square = rho * mean_square + (1 - rho) * dw**2
    step = learning_rate * dw / sqrt(mean_square + epsilon)
    w -= step
    centered: the root of the variance instead, mean_square - mean**2 + epsilon, where
        mean = rho * mean + (1 - rho) * dw
    momentum: velocity = momentum * velocity + step, and w -= velocity

    >>> w, dw = pt.asarray([1.0, 2.0]), pt.asarray([0.5, -0.5])
    >>> pt.optimizers.RMSprop(0.1).apply([dw], [w])
    >>> w
    Tensor([0.68377286, 2.3162272 ], dtype=float32)
    """

    takes_row_gradients = True
    momentum = _DecidesState(_fraction, "The factor of the velocity, in [0, 1].")
    centered = _DecidesState(_flag, "Whether the mean of the gradients counts.")

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **options: Unpack[Options],
    ) -> None:
        """Keep the numbers.

        Args:
            learning_rate: A number >= 0 or a schedule.
            rho: In [0, 1).
            momentum: In [0, 1].
            epsilon: A number >= 0.
            centered: Whether to divide by the root of the variance.
            **options: Those of Optimizer.

        Raises:
            ValueError, TypeError: A number is out of range or has the wrong type.
        """
        super().__init__(learning_rate, **options)
        self.rho = _decay(f"{self.name}: rho", rho)
        self.momentum = momentum
        self.epsilon = number(f"{self.name}: epsilon", epsilon, 0)
        self.centered = centered

    @property
    def _rule(self) -> str:
        return "rmsprop" + "_centered" * self.centered + "_momentum" * bool(self.momentum)


class Adagrad(_Ruled):
    """Steps scaled by the root of the sum of all squares so far (Duchi et al. 2011).

    sum_of_squares += dw**2
    w -= learning_rate * dw / sqrt(sum_of_squares + epsilon)

    >>> w, dw = pt.asarray([1.0, 2.0]), pt.asarray([0.5, -0.5])
    >>> pt.optimizers.Adagrad(0.1).apply([dw], [w])
    >>> w
    Tensor([0.9154846, 2.0845153], dtype=float32)
    """

    takes_row_gradients = True
    _rule = "adagrad"

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **options: Unpack[Options],
    ) -> None:
        """Keep the numbers.

        Args:
            learning_rate: A number >= 0 or a schedule.
            initial_accumulator_value: What sum_of_squares starts from, >= 0.
            epsilon: A number >= 0.
            **options: Those of Optimizer.

        Raises:
            ValueError, TypeError: A number is out of range or has the wrong type.
        """
        super().__init__(learning_rate, **options)
        self.initial_accumulator_value = number(
            f"{self.name}: initial_accumulator_value", initial_accumulator_value, 0
        )
        self.epsilon = number(f"{self.name}: epsilon", epsilon, 0)

    def initial_state(self, w: Tensor) -> tuple[Tensor, ...]:
        """Return the sum of squares, initial_accumulator_value at first."""
        return (pt.full_like(w, self.initial_accumulator_value),)


class Adadelta(_Ruled):
    """Steps as long as earlier ones, so that no learning rate must be found (Zeiler 2012).

    mean_square = rho * mean_square + (1 - rho) * dw**2
    step = -sqrt(mean_square_step + epsilon) / sqrt(mean_square + epsilon) * dw
    mean_square_step = rho * mean_square_step + (1 - rho) * step**2
    w += learning_rate * step

    >>> w, dw = pt.asarray([1.0, 2.0]), pt.asarray([0.5, -0.5])
    >>> pt.optimizers.Adadelta(1.0).apply([dw], [w])
    >>> w
    Tensor([0.9985858, 2.0014143], dtype=float32)
    """

    takes_row_gradients = True
    _rule = "adadelta"

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        **options: Unpack[Options],
    ) -> None:
        """Keep the numbers.

        Args:
            learning_rate: A number >= 0 or a schedule; 1 in the paper.
            rho: In [0, 1).
            epsilon: A number >= 0.
            **options: Those of Optimizer.

        Raises:
            ValueError, TypeError: A number is out of range or has the wrong type.
        """
        super().__init__(learning_rate, **options)
        self.rho = _decay(f"{self.name}: rho", rho)
        self.epsilon = number(f"{self.name}: epsilon", epsilon, 0)


class _Moments(_Ruled):
    """What Adam and its variants share: two decay rates, a mean and a variance per weight."""

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **options: Unpack[Options],
    ) -> None:
        """Keep the numbers.

        Args:
            learning_rate: A number >= 0 or a schedule.
            beta_1: In [0, 1).
            beta_2: In [0, 1).
            epsilon: A number >= 0.
            **options: Those of Optimizer.

        Raises:
            ValueError, TypeError: A number is out of range or has the wrong type.
        """
        super().__init__(learning_rate, **options)
        self.beta_1 = _decay(f"{self.name}: beta_1", beta_1)
        self.beta_2 = _decay(f"{self.name}: beta_2", beta_2)
        self.epsilon = number(f"{self.name}: epsilon", epsilon, 0)


class Adam(_Moments):
    """Momentum and scaled steps, both corrected for their start at 0 (Kingma, Ba 2015).

    mean += (dw - mean) * (1 - beta_1)
    variance += (dw**2 - variance) * (1 - beta_2)
    rate = learning_rate * sqrt(1 - beta_2**t) / (1 - beta_1**t)    (t = 1 at the first step)
    w -= rate * mean / (sqrt(variance) + epsilon)
    amsgrad: the largest variance so far instead (Reddi et al. 2018)

    >>> w, dw = pt.asarray([1.0, 2.0]), pt.asarray([0.5, -0.5])
    >>> pt.optimizers.Adam(0.1).apply([dw], [w])
    >>> w
    Tensor([0.90000063, 2.0999994 ], dtype=float32)
    """

    takes_row_gradients = True
    amsgrad = _DecidesState(_flag, "Whether the largest variance so far counts.")

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Unpack[Options],
    ) -> None:
        """Keep the numbers.

        Args:
            learning_rate: A number >= 0 or a schedule.
            beta_1: In [0, 1).
            beta_2: In [0, 1).
            epsilon: A number >= 0.
            amsgrad: Whether to divide by the root of the largest variance so far.
            **options: Those of Optimizer.

        Raises:
            ValueError, TypeError: A number is out of range or has the wrong type.
        """
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **options)
        self.amsgrad = amsgrad

    @property
    def _rule(self) -> str:
        return "amsgrad" if self.amsgrad else "adam"


class AdamW(Adam):
    """Adam with weight decay, 0.004 by default (Loshchilov, Hutter 2019).

    >>> w, dw = pt.asarray([1.0, 2.0]), pt.asarray([0.5, -0.5])
    >>> pt.optimizers.AdamW(0.1, weight_decay=0.1).apply([dw], [w])
    >>> w
    Tensor([0.89000064, 2.0799994 ], dtype=float32)
    """

    takes_row_gradients = True

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        weight_decay: float | None = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Unpack[_Options],
    ) -> None:
        """Keep the numbers.

        Args:
            learning_rate: A number >= 0 or a schedule.
            weight_decay: A number >= 0 or None; the module tells what it does.
            beta_1: In [0, 1).
            beta_2: In [0, 1).
            epsilon: A number >= 0.
            amsgrad: As for Adam.
            **options: Those of Optimizer.

        Raises:
            ValueError, TypeError: A number is out of range or has the wrong type.
        """
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **options
        )


class Adamax(_Moments):
    """Adam with the largest recent gradient instead of the root of the variance (same paper).

    mean += (dw - mean) * (1 - beta_1)
    largest = max(beta_2 * largest, abs(dw))
    w -= learning_rate / (1 - beta_1**t) * mean / (largest + epsilon)

    >>> w, dw = pt.asarray([1.0, 2.0]), pt.asarray([0.5, -0.5])
    >>> pt.optimizers.Adamax(0.1).apply([dw], [w])
    >>> w
    Tensor([0.90000004, 2.1       ], dtype=float32)
    """

    takes_row_gradients = True
    _rule = "adamax"


class Nadam(_Moments):
    """Adam with Nesterov's momentum (Dozat 2016).

    mean += (dw - mean) * (1 - beta_1)
    variance += (dw**2 - variance) * (1 - beta_2)
    u(t) = beta_1 * (1 - 0.96**t / 2), and U(t) = u(1) * ... * u(t)
    ahead = u(t + 1) / (1 - U(t + 1)) * mean + (1 - u(t)) / (1 - U(t)) * dw
    w -= learning_rate * ahead / (sqrt(variance / (1 - beta_2**t)) + epsilon)

    >>> w, dw = pt.asarray([1.0, 2.0]), pt.asarray([0.5, -0.5])
    >>> pt.optimizers.Nadam(0.1).apply([dw], [w])
    >>> w
    Tensor([0.8937212, 2.1062787], dtype=float32)
    """

    takes_row_gradients = True
    _rule = "nadam"

    _product = 0, 1.0  # t and U(t)

    def _u(self, t: int) -> float:
        return self.beta_1 * (1 - 0.5 * _power(0.96, t))

    def _product_until(self, t: int) -> float:
        """U(t), from that of the step before where it is known."""
        known, product = self._product
        if known > t:
            known, product = 0, 1.0
        for step in range(known + 1, t + 1):
            product *= self._u(step)
        self._product = t, product
        return product


class Lion(_Ruled):
    """Steps of one length, in the direction of the sign alone (Chen et al. 2023).

    w -= learning_rate * sign(beta_1 * mean + (1 - beta_1) * dw)
    mean = beta_2 * mean + (1 - beta_2) * dw

    >>> w, dw = pt.asarray([1.0, 2.0]), pt.asarray([0.5, -0.5])
    >>> pt.optimizers.Lion(0.1).apply([dw], [w])
    >>> w
    Tensor([0.9, 2.1], dtype=float32)
    """

    takes_row_gradients = True
    _rule = "lion"

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **options: Unpack[Options],
    ) -> None:
        """Keep the numbers.

        Args:
            learning_rate: A number >= 0 or a schedule.
            beta_1: In (0, 1].
            beta_2: In [0, 1).
            **options: Those of Optimizer.

        Raises:
            ValueError, TypeError: A number is out of range or has the wrong type.
        """
        super().__init__(learning_rate, **options)
        self.beta_1 = _fraction(f"{self.name}: beta_1", beta_1)
        self.beta_2 = _decay(f"{self.name}: beta_2", beta_2)
        if self.beta_1 == 0:
            raise ValueError(f"{self.name}: beta_1: found 0: expected a number in (0, 1]")


_BY_NAME = {
    cls.__name__.lower(): cls
    for cls in (SGD, Adadelta, Adagrad, Adam, AdamW, Adamax, Lion, Nadam, RMSprop)
}


def get(identifier: Any) -> Any:
    """Return the Optimizer of that name (in any case) or class; an Optimizer is returned as it is.

    Raises:
        ValueError: No optimizer has that name.
        TypeError: identifier is something else.

    >>> pt.optimizers.get("adam").learning_rate
    0.001
    """
    name = identifier.lower() if isinstance(identifier, str) else identifier
    return resolve("optimizer", name, Optimizer, _BY_NAME, functions=False)


if not TYPE_CHECKING:  # type checkers would take any name for one of the module

    def __getattr__(name):
        raise missing("optimizers", name, globals())
