"""Trees: nested lists, tuples and dictionaries, and what is at their leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pytensor._core import Tensor, asarray, full, identity, rebuilt


def map_leaves(function: Callable[..., Any], structure: Any, *others: Any) -> Any:
    """Return the structure with function(leaf, *leaves of the others) in place of each leaf."""
    if isinstance(structure, dict):
        return {
            key: map_leaves(function, part, *(other[key] for other in others))
            for key, part in structure.items()
        }
    if isinstance(structure, (list, tuple)):
        return rebuilt(
            structure,
            [map_leaves(function, *parts) for parts in zip(structure, *others, strict=True)],
        )
    return function(structure, *others)


def leaves(structure: Any) -> list[Any]:
    """Return what is in a nested list, tuple or dictionary, in order."""
    found: list[Any] = []
    map_leaves(found.append, structure)
    return found


def spread(structure: Any, part: Any) -> Any:
    """Return the part, or Nones in the form of the structure."""
    return map_leaves(lambda _: None, structure) if part is None else part


def with_zeros(values: Sequence[Tensor | None], like: Sequence[Tensor]) -> list[Tensor]:
    """Return the values, with zeros like these tensors in place of None."""
    pairs = zip(values, like, strict=True)
    return [full(t.shape, 0, dtype=t.dtype) if value is None else value for value, t in pairs]


def is_variable(x: Any) -> bool:
    """Whether x is a tensor of numbers that can vary: floating-point or complex ones."""
    return isinstance(x, Tensor) and x.dtype.kind in "fc"


def new_variables(name: str, argument: Any) -> Any:
    """Return the argument with every tensor replaced by a new one on the same memory.

    So the inner function's variable is not confused with the same tensor used elsewhere.
    """

    def variable(leaf: Any) -> Tensor:
        tensor = asarray(leaf)
        if not is_variable(tensor):
            raise TypeError(
                f"{name}: an argument has dtype {tensor.dtype}: expected a floating-point or "
                "complex one"
            )
        return identity(tensor)

    return map_leaves(variable, argument)
