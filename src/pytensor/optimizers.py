"""Optimizers: how gradients change weights. The formulas and defaults are those of Keras 3.

w is a weight, dw the gradient of the loss with respect to it. Each update is one pass over memory,
in place. A custom optimizer is a subclass with update(w, dw, *state) and, if it keeps anything per
weight, initial_state(w).
"""

from __future__ import annotations

import warnings

import pytensor as pt
from pytensor._arguments import lookup, number
from pytensor._core import adagrad_step, adam_step, momentum_step, rmsprop_step, sgd_step
from pytensor.serialization import Configurable

__all__ = ["SGD", "Adagrad", "Adam", "Optimizer", "RMSprop", "get"]


class Optimizer(Configurable):
    """Base class. A subclass defines update, and initial_state if it keeps anything per weight.

    iterations: how often apply was called.
    takes_row_gradients: whether update takes a RowGradient for dw (see GradientTape.gradient). A
        subclass that does says so itself, since its update may be another.
    """

    takes_row_gradients = False

    def __init_subclass__(cls, **options):
        """Do not inherit takes_row_gradients."""
        super().__init_subclass__(**options)
        cls.takes_row_gradients = vars(cls).get("takes_row_gradients", False)

    def __init__(self, learning_rate, name=None):
        """learning_rate: a number >= 0; name: by default the class's in lower case."""
        self.name = type(self).__name__.lower() if name is None else name
        self.learning_rate = learning_rate
        self.iterations = 0
        self._state = {}  # id(weight) -> (weight, its state): the weight keeps its id in use

    def __setstate__(self, attributes):
        """For copy and pickle: the copies of the weights have ids of their own."""
        vars(self).update(attributes)
        self._state = {id(w): (w, kept) for w, kept in self._state.values()}

    @property
    def learning_rate(self):
        """The factor of every step; may be changed at any time."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value):
        self._learning_rate = number(f"{self.name}: learning_rate", value, 0)

    def initial_state(self, w):
        """Return the tensors to keep for a weight, a tuple."""
        return ()

    def update(self, w, dw, *state):
        """Change w and its state in place."""
        raise NotImplementedError(f"{type(self).__name__} does not define update(self, w, dw, "
                                  "*state)")

    def build(self, weights):
        """Make the state of every weight that has none yet."""
        for w in weights:
            if id(w) not in self._state:
                self._state[id(w)] = w, self.initial_state(w)

    def apply(self, gradients, weights):
        """Update all weights, one step.

        gradients: a list of tensors, None for a weight that the loss does not depend on.

        Raises:
            ValueError: the lists differ in length, or all gradients are None.
        """
        self.build(weights)
        self.iterations += 1
        state = self._state
        update = self.update
        n_missing = 0
        for w, dw in zip(weights, gradients, strict=True):
            if dw is None:
                n_missing += 1
                continue
            update(w, dw, *state[id(w)][1])
        if n_missing:
            self._report_missing(n_missing, len(weights))

    def apply_gradients(self, gradients_and_weights):
        """Update from pairs (gradient, weight), as zip gives them."""
        pairs = list(gradients_and_weights)
        if not pairs:
            raise ValueError(f"{self.name}: apply_gradients: found no pairs: expected at least one "
                             "(gradient, weight)")
        gradients, weights = zip(*pairs, strict=True)
        self.apply(gradients, weights)

    def _report_missing(self, n_missing, n_weights):
        if n_missing == n_weights:
            raise ValueError(f"{self.name}: no gradients: the loss depends on none of the "
                             f"{n_weights} weights")
        warnings.warn(f"{self.name}: the loss does not depend on {n_missing} of {n_weights} "
                      "weights: they are not trained", stacklevel=3)


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum (Sutskever et al. 2013) if it is not 0.

    momentum = 0:  w -= learning_rate * dw
    else:          velocity = momentum * velocity - learning_rate * dw
                   w += velocity
    nesterov:      w += momentum * velocity - learning_rate * dw
    """

    takes_row_gradients = True

    def __init__(self, learning_rate=0.01, momentum=0.0, nesterov=False, name=None):
        """Momentum: in [0, 1]."""
        super().__init__(learning_rate, name)
        self._momentum = number(f"{self.name}: momentum", momentum, 0, 1)
        self.nesterov = bool(nesterov)

    @property
    def momentum(self):
        """The factor of the velocity, in [0, 1]; from 0 or to 0 the velocity starts anew."""
        return self._momentum

    @momentum.setter
    def momentum(self, value):
        value = number(f"{self.name}: momentum", value, 0, 1)
        if bool(value) != bool(self._momentum):
            self._state = {}
        self._momentum = value

    def initial_state(self, w):
        """The velocity, 0 at first."""
        return (pt.zeros_like(w),) if self.momentum else ()

    def update(self, w, dw, velocity=None):
        """Change w and velocity in place."""
        if velocity is None:
            sgd_step(w, dw, self._learning_rate)
        else:
            momentum_step(w, dw, velocity, self._learning_rate, self.momentum, self.nesterov)


class RMSprop(Optimizer):
    """Steps scaled by the root of a running mean of squares (Hinton, Tieleman 2012).

    mean_square = rho * mean_square + (1 - rho) * dw**2
    w -= learning_rate * dw / sqrt(mean_square + epsilon)
    """

    takes_row_gradients = True

    def __init__(self, learning_rate=0.001, rho=0.9, epsilon=1e-7, name=None):
        """Rho: in [0, 1); epsilon: >= 0."""
        super().__init__(learning_rate, name)
        self.rho = number(f"{self.name}: rho", rho, 0, 1, below_high=True)
        self.epsilon = number(f"{self.name}: epsilon", epsilon, 0)

    def initial_state(self, w):
        """The mean of squares, 0 at first."""
        return (pt.zeros_like(w),)

    def update(self, w, dw, mean_square):
        """Change w and mean_square in place."""
        rmsprop_step(w, dw, mean_square, self._learning_rate, self.rho, self.epsilon)


class Adagrad(Optimizer):
    """Steps scaled by the root of the sum of all squares so far (Duchi et al. 2011).

    sum_of_squares += dw**2
    w -= learning_rate * dw / sqrt(sum_of_squares + epsilon)
    """

    takes_row_gradients = True

    def __init__(self, learning_rate=0.001, initial_accumulator_value=0.1, epsilon=1e-7, name=None):
        """initial_accumulator_value: what sum_of_squares starts from, >= 0; epsilon: >= 0."""
        super().__init__(learning_rate, name)
        self.initial_accumulator_value = number(f"{self.name}: initial_accumulator_value",
                                                initial_accumulator_value, 0)
        self.epsilon = number(f"{self.name}: epsilon", epsilon, 0)

    def initial_state(self, w):
        """The sum of squares, initial_accumulator_value at first."""
        return (pt.full_like(w, self.initial_accumulator_value),)

    def update(self, w, dw, sum_of_squares):
        """Change w and sum_of_squares in place."""
        adagrad_step(w, dw, sum_of_squares, self._learning_rate, self.epsilon)


class Adam(Optimizer):
    """Momentum and scaled steps, both corrected for their start at 0 (Kingma, Ba 2015).

    mean += (dw - mean) * (1 - beta_1)
    variance += (dw**2 - variance) * (1 - beta_2)
    rate = learning_rate * sqrt(1 - beta_2**t) / (1 - beta_1**t)    (t = 1 at the first step)
    w -= rate * mean / (sqrt(variance) + epsilon)
    """

    takes_row_gradients = True

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, name=None):
        """beta_1, beta_2: in [0, 1); epsilon: >= 0."""
        super().__init__(learning_rate, name)
        self.beta_1 = number(f"{self.name}: beta_1", beta_1, 0, 1, below_high=True)
        self.beta_2 = number(f"{self.name}: beta_2", beta_2, 0, 1, below_high=True)
        self.epsilon = number(f"{self.name}: epsilon", epsilon, 0)

    def initial_state(self, w):
        """Mean and variance, 0 at first."""
        return pt.zeros_like(w), pt.zeros_like(w)

    def update(self, w, dw, mean, variance):
        """Change w, mean and variance in place."""
        adam_step(w, dw, mean, variance, self._learning_rate, self.beta_1, self.beta_2,
                  self.epsilon, self.iterations)


_BY_NAME = {cls.__name__.lower(): cls for cls in (SGD, Adagrad, Adam, RMSprop)}


def get(identifier):
    """Return the Optimizer of that name (in any case) or class; an Optimizer stays itself.

    Raises:
        ValueError: no optimizer has that name.
        TypeError: identifier is something else.
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        return identifier()
    name = identifier.lower() if isinstance(identifier, str) else identifier
    return lookup("optimizer", name, _BY_NAME)()
