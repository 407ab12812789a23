"""The types of the functions that transforms.py returns; for type checkers, not imported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Concatenate, Protocol, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from pytensor._core import Tensor

Argnums: TypeAlias = int | Sequence[int]
# A lambda's first parameter is taken for a tensor; a function may have parameters of any type.
Function: TypeAlias = Callable[Concatenate[Tensor, ...], Tensor] | Callable[..., Tensor]
_Single: TypeAlias = Tensor | float | npt.NDArray[Any] | np.generic


class Derivative(Protocol):
    """The derivative of a tensor by the first argument: a tensor, or nested as the argument is."""

    @overload
    def __call__(self, x: _Single, /, *args: Any, **kwargs: Any) -> Tensor: ...
    @overload
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...


class ValueAndDerivative(Protocol):
    """The value, a tensor, and its derivative by the first argument."""

    @overload
    def __call__(self, x: _Single, /, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]: ...
    @overload
    def __call__(self, *args: Any, **kwargs: Any) -> tuple[Tensor, Any]: ...
