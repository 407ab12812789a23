"""Constraints: what weights are after every step of training; tensor in, tensor out.

Norms are those along an axis: 0, the default, gives every unit of a dense layer its own. A
constraint of one's own is a function of a tensor, or a subclass of Constraint.
"""

from __future__ import annotations

from pytensor import _functions as pt
from pytensor._functions.overflow import norms as norms_along
from pytensor._support.arguments import number
from pytensor.serialization import Configurable, by_name, resolve

__all__ = ["Constraint", "MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm", "get"]

EPSILON = 1e-7  # Keras's backend.epsilon()


class Constraint(Configurable):
    """Base class. A subclass defines __call__.

    >>> class Halved(pt.constraints.Constraint):
    ...     def __call__(self, w):
    ...         return w / 2
    ...
    >>> Halved()(pt.ones(2))
    Tensor([0.5, 0.5], dtype=float32)
    """

    def __call__(self, w):
        """Return the weight as it may be, a tensor of its shape."""
        raise NotImplementedError(f"{type(self).__name__} does not define __call__(self, w)")


class NonNeg(Constraint):
    """No weight is below 0.

    >>> pt.constraints.NonNeg()(pt.asarray([-1.0, 2.0]))
    Tensor([0., 2.], dtype=float32)
    """

    def __call__(self, w):
        """Return max(w, 0)."""
        return pt.maximum(w, 0.0)


class _OfNorms(Constraint):
    """What changes lengths along an axis: a subclass defines length(norms)."""

    def __init__(self, axis=0):
        """An axis, or a list of them."""
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis

    def __call__(self, w):
        """Return w, scaled along the axis."""
        norms = norms_along(w, self.axis)
        return w * (self.length(norms) / (EPSILON + norms))


class UnitNorm(_OfNorms):
    """Every norm is 1.

    >>> pt.constraints.UnitNorm(axis=0)(pt.asarray([[3.0], [4.0]]))
    Tensor([[0.6],
            [0.8]], dtype=float32)
    """

    def length(self, norms):
        """Return 1."""
        return 1.0


class MaxNorm(_OfNorms):
    """No norm is above max_value (Srivastava et al. 2014).

    >>> pt.constraints.MaxNorm(1.0, axis=0)(pt.asarray([[3.0], [4.0]]))
    Tensor([[0.6],
            [0.8]], dtype=float32)
    """

    def __init__(self, max_value=2, axis=0):
        """max_value: >= 0; an axis, or a list of them."""
        super().__init__(axis)
        self.max_value = number("MaxNorm: max_value", max_value, 0)

    def length(self, norms):
        """Return the norms, at most max_value."""
        return pt.minimum(norms, self.max_value)


class MinMaxNorm(_OfNorms):
    """Norms move towards the range from min_value to max_value, by a share of the way.

    >>> pt.constraints.MinMaxNorm(0.5, 1.0, axis=0)(pt.asarray([[3.0], [4.0]]))
    Tensor([[0.6],
            [0.8]], dtype=float32)
    """

    def __init__(self, min_value=0.0, max_value=1.0, rate=1.0, axis=0):
        """Bounds >= 0; rate: the share, in [0, 1]; an axis, or a list of them."""
        super().__init__(axis)
        self.min_value = number("MinMaxNorm: min_value", min_value, 0)
        self.max_value = number("MinMaxNorm: max_value", max_value, self.min_value)
        self.rate = number("MinMaxNorm: rate", rate, 0, 1)

    def length(self, norms):
        """Return the norms, closer to the range."""
        within = pt.clip(norms, self.min_value, self.max_value)
        return self.rate * within + (1 - self.rate) * norms


_BY_NAME = by_name([MaxNorm, MinMaxNorm, NonNeg, UnitNorm])


def get(identifier):
    """Return the constraint of that name or class; None and callables stay themselves.

    Raises:
        ValueError: no constraint has that name.
        TypeError: identifier is neither a name nor callable.

    >>> pt.constraints.get("non_neg")(pt.asarray([-1.0, 2.0]))
    Tensor([0., 2.], dtype=float32)
    """
    if identifier is None:
        return None
    return resolve("constraint", identifier, Constraint, _BY_NAME)
