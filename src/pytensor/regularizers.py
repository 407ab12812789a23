"""Regularizers: penalties that a loss adds for large weights or outputs of a layer.

A custom regularizer is a function of a tensor that returns a tensor of shape (), or a subclass of
Regularizer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytensor import _functions as pt
from pytensor._functions.overflow import unit
from pytensor._support.arguments import lookup, number
from pytensor._support.names import renamed
from pytensor.serialization import Configurable, by_name, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeAlias

    from pytensor._core import Tensor

    # What `get` takes for a regularizer: an object, its class, name or config, or a function.
    RegularizerLike: TypeAlias = (
        "str | Regularizer | type[Regularizer] | dict[str, Any] | Callable[[Tensor], Tensor] | None"
    )

__all__ = ["L1", "L1L2", "L2", "OrthogonalRegularizer", "Regularizer", "get"]


class Regularizer(Configurable):
    """Base class of all regularizers. A subclass defines `__call__`.

    >>> class Largest(pt.regularizers.Regularizer):
    ...     def __call__(self, w):
    ...         return 0.1 * pt.max(pt.abs(w))
    ...
    >>> Largest()(pt.asarray([1.0, -2.0]))
    Tensor(0.2, dtype=float32)
    """

    def __call__(self, x: Tensor) -> Tensor:
        """Return what the loss adds for x, a tensor of shape ()."""
        raise NotImplementedError(f"{type(self).__name__} does not define __call__(self, x)")


class L1L2(Regularizer):
    """The penalty l1 * sum(abs(x)) + l2 * sum(x**2).

    >>> pt.regularizers.L1L2(0.1, 0.1)(pt.asarray([1.0, -2.0]))
    Tensor(0.8, dtype=float32)
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        """Create the regularizer.

        Args:
            l1: the factor of the absolute values, at least 0.
            l2: the factor of the squares, at least 0.
        """
        self.l1 = number("L1L2: l1", l1, 0)
        self.l2 = number("L1L2: l2", l2, 0)

    def __call__(self, x: Tensor) -> Tensor:
        """Return what the loss adds for x, a tensor of shape ()."""
        penalty = pt.square(x).sum() * self.l2
        return penalty + abs(x).sum() * self.l1 if self.l1 else penalty


class L1(Regularizer):
    """The penalty l1 * sum(abs(x)), which makes weights 0.

    >>> pt.regularizers.L1(0.1)(pt.asarray([1.0, -2.0]))
    Tensor(0.3, dtype=float32)
    """

    def __init__(self, l1: float = 0.01) -> None:
        """Create the regularizer.

        Args:
            l1: the factor, at least 0.
        """
        self.l1 = number("L1: l1", l1, 0)

    def __call__(self, x: Tensor) -> Tensor:
        """Return what the loss adds for x, a tensor of shape ()."""
        return abs(x).sum() * self.l1


class L2(Regularizer):
    """The penalty l2 * sum(x**2), which keeps weights small.

    >>> pt.regularizers.L2(0.1)(pt.asarray([1.0, -2.0]))
    Tensor(0.5, dtype=float32)
    """

    def __init__(self, l2: float = 0.01) -> None:
        """Create the regularizer.

        Args:
            l2: the factor, at least 0.
        """
        self.l2 = number("L2: l2", l2, 0)

    def __call__(self, x: Tensor) -> Tensor:
        """Return what the loss adds for x, a tensor of shape ()."""
        return pt.square(x).sum() * self.l2


class OrthogonalRegularizer(Regularizer):
    """A penalty for rows or columns that are not orthogonal.

    It is `factor` times the mean of abs(cosine) over all pairs of rows, or columns, of a matrix.

    >>> pt.regularizers.OrthogonalRegularizer(0.1)(pt.eye(2))
    Tensor(0., dtype=float32)
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        """Create the regularizer.

        Args:
            factor: a number, at least 0.
            mode: "rows" or "columns".
        """
        self.factor = number("OrthogonalRegularizer: factor", factor, 0)
        self.mode = lookup("mode", mode, {"rows": "rows", "columns": "columns"})

    def __call__(self, x: Tensor) -> Tensor:
        """Return what the loss adds for x, a tensor of shape ()."""
        if x.ndim != 2:
            raise ValueError(f"OrthogonalRegularizer: found shape {x.shape}: expected a matrix")
        rows = unit(x if self.mode == "rows" else x.T, 1, 1e-12)
        cosines = rows @ rows.T
        n = len(rows)
        others = cosines * (1 - pt.eye(n, dtype=x.dtype))
        return abs(others).sum() * (self.factor * 0.5 / max(n * (n - 1) / 2, 1))


_BY_NAME: Mapping[str, type[Regularizer]] = by_name([L1, L1L2, L2, OrthogonalRegularizer]) | {
    "l1l2": L1L2
}


def get(identifier: RegularizerLike) -> Callable[[Tensor], Tensor] | None:
    """Return the regularizer that an identifier stands for.

    Args:
        identifier: a name, a class, a config, or a regularizer, function or None (returned as it
            is).

    Raises:
        ValueError: no regularizer has that name.
        TypeError: identifier is neither a name nor callable.

    >>> pt.regularizers.get("l2")(pt.asarray([1.0, -2.0]))
    Tensor(0.05, dtype=float32)
    """
    if identifier is None:
        return None
    return resolve("regularizer", identifier, Regularizer, _BY_NAME)


if not TYPE_CHECKING:  # type checkers would take any name for one of the module

    def __getattr__(name):
        return renamed("regularizers", name, {"l1": "L1", "l2": "L2", "l1_l2": "L1L2"}, globals())
