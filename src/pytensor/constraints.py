"""Constraints: functions that bring weights back into their range after each step of training.

Norms are computed along an axis: 0, the default, stands for the weights of one unit of a dense
layer. A custom constraint is a function from tensor to tensor, or a subclass of Constraint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytensor import _functions as pt
from pytensor._functions.overflow import norms as norms_along
from pytensor._support.arguments import number
from pytensor.serialization import Configurable, by_name, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, TypeAlias

    from pytensor._core import Tensor

    # What `get` takes for a constraint: an object, its class, name or config, or a function.
    ConstraintLike: TypeAlias = (
        "str | Constraint | type[Constraint] | dict[str, Any] | Callable[[Tensor], Tensor] | None"
    )

__all__ = ["Constraint", "MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm", "get"]

EPSILON = 1e-7  # Keras's backend.epsilon()


class Constraint(Configurable):
    """Base class of all constraints. A subclass defines `__call__`.

    >>> class Halved(pt.constraints.Constraint):
    ...     def __call__(self, w):
    ...         return w / 2
    ...
    >>> Halved()(pt.ones(2))
    Tensor([0.5, 0.5], dtype=float32)
    """

    def __call__(self, w: Tensor) -> Tensor:
        """Return what the weight w becomes, a tensor of its shape."""
        raise NotImplementedError(f"{type(self).__name__} does not define __call__(self, w)")


class NonNeg(Constraint):
    """Makes negative weights 0.

    >>> pt.constraints.NonNeg()(pt.asarray([-1.0, 2.0]))
    Tensor([0., 2.], dtype=float32)
    """

    def __call__(self, w: Tensor) -> Tensor:
        """Return max(w, 0)."""
        return pt.maximum(w, 0.0)


class _OfNorms(Constraint):
    """Base of the constraints of norms along an axis: a subclass defines `length`."""

    def __init__(self, axis: int | Sequence[int] = 0) -> None:
        """Create the constraint.

        Args:
            axis: the axis of the vectors, or a list of axes.
        """
        self.axis: Any = list(axis) if isinstance(axis, (list, tuple)) else axis

    def length(self, norms: Tensor) -> Tensor | float:
        """Return the new norms."""
        raise NotImplementedError(f"{type(self).__name__} does not define length")

    def __call__(self, w: Tensor) -> Tensor:
        """Return w, scaled along the axis."""
        norms = norms_along(w, self.axis)
        return w * (self.length(norms) / (EPSILON + norms))


class UnitNorm(_OfNorms):
    """Scales weights to norm 1.

    >>> pt.constraints.UnitNorm(axis=0)(pt.asarray([[3.0], [4.0]]))
    Tensor([[0.6],
            [0.8]], dtype=float32)
    """

    def length(self, norms: Tensor) -> Tensor | float:
        """Return 1."""
        return 1.0


class MaxNorm(_OfNorms):
    """Scales weights with a norm above max_value to that norm (Srivastava et al. 2014).

    >>> pt.constraints.MaxNorm(1.0, axis=0)(pt.asarray([[3.0], [4.0]]))
    Tensor([[0.6],
            [0.8]], dtype=float32)
    """

    def __init__(self, max_value: float = 2, axis: int | Sequence[int] = 0) -> None:
        """Create the constraint.

        Args:
            max_value: the largest norm, at least 0.
            axis: the axis of the vectors, or a list of axes.
        """
        super().__init__(axis)
        self.max_value = number("MaxNorm: max_value", max_value, 0)

    def length(self, norms: Tensor) -> Tensor | float:
        """Return the norms, limited to max_value."""
        return pt.minimum(norms, self.max_value)


class MinMaxNorm(_OfNorms):
    """Moves norms towards the range from min_value to max_value.

    >>> pt.constraints.MinMaxNorm(0.5, 1.0, axis=0)(pt.asarray([[3.0], [4.0]]))
    Tensor([[0.6],
            [0.8]], dtype=float32)
    """

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axis: int | Sequence[int] = 0,
    ) -> None:
        """Create the constraint.

        Args:
            min_value: the lower bound, at least 0.
            max_value: the upper bound, at least min_value.
            rate: the share of the way that a norm moves, in [0, 1].
            axis: the axis of the vectors, or a list of axes.
        """
        super().__init__(axis)
        self.min_value = number("MinMaxNorm: min_value", min_value, 0)
        self.max_value = number("MinMaxNorm: max_value", max_value, self.min_value)
        self.rate = number("MinMaxNorm: rate", rate, 0, 1)

    def length(self, norms: Tensor) -> Tensor | float:
        """Return the norms, moved towards the range."""
        within = pt.clip(norms, self.min_value, self.max_value)
        return self.rate * within + (1 - self.rate) * norms


_BY_NAME: Mapping[str, type[Constraint]] = by_name([MaxNorm, MinMaxNorm, NonNeg, UnitNorm])


def get(identifier: ConstraintLike) -> Callable[[Tensor], Tensor] | None:
    """Return the constraint that an identifier stands for.

    Args:
        identifier: a name, a class, a config, or a constraint, function or None (returned as it
            is).

    Raises:
        ValueError: no constraint has that name.
        TypeError: identifier is neither a name nor callable.

    >>> pt.constraints.get("non_neg")(pt.asarray([-1.0, 2.0]))
    Tensor([0., 2.], dtype=float32)
    """
    if identifier is None:
        return None
    return resolve("constraint", identifier, Constraint, _BY_NAME)
