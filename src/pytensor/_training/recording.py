"""Steps of a model from recordings: which ones, and when they have to be recorded again.

A recording repeats what a step computed, not what it did in Python. So only steps are recorded
whose parts all come from this package, which says of each what it does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pytensor import _core
from pytensor._core import Tensor
from pytensor.layers.layer import structure


def is_ours(part: Any) -> bool:
    """Whether a layer, a loss or the like, and what it consists of, come from this package."""
    attributes = vars(part) if hasattr(part, "__dict__") else {}
    return _is_ours(part) and all(
        _is_ours(value)
        for name, value in attributes.items()
        if callable(value) and not name.endswith("_initializer")
    )


def _is_ours(value: Any) -> bool:
    known = value if hasattr(value, "__qualname__") else type(value)
    module = getattr(known, "__module__", None) or ""
    return module == "pytensor" or module.startswith("pytensor.")


def is_recordable(model: Any, functions: Iterable[Any]) -> bool:
    """Whether to record the steps of a model that call these functions as well."""
    layers = [model, *(layer for _, layer in model.named_layers())]
    return (
        not model.run_eagerly
        and all(is_ours(layer) for layer in layers)
        and all(is_ours(f) and _settings(f) is not None for f in functions if f is not None)
    )


def _settings(function: Any) -> dict[str, Any] | None:
    """The attributes of a loss or the like; None if they are not plain."""
    found = dict(vars(function)) if hasattr(function, "__dict__") else {}
    plain = (int, float, str, tuple, type(None))
    return found if all(isinstance(v, plain) or callable(v) for v in found.values()) else None


class Recorded:
    """A step that runs from a recording, one for each combination of shapes.

    Args:
        step: The step, as a function of tensors that returns tensors.
        ordinary: What to call with the same arguments where step can't be recorded.
        functions: The losses and the like that step calls besides layers.
    """

    def __init__(
        self, step: Callable[..., Any], ordinary: Callable[..., Any], functions: Iterable[Any] = ()
    ) -> None:
        self._step, self._ordinary = step, ordinary
        self._functions = [f for f in functions if f is not None and hasattr(f, "__dict__")]
        self._begin()

    def _begin(self) -> None:
        self._settings = structure.settings
        self._known = [(vars(f), dict(vars(f))) for f in self._functions]
        self._run = _core.jit_or(self._step, self._ordinary)

    def __call__(self, *args: Any) -> Any:
        """Return what step returns, or ordinary does."""
        self._check()
        return self._run(*args)

    def on_batches(self, args: tuple[Any, ...], data: list[Tensor], *where: Any) -> bool:
        """Run on batch after batch; see run_batches."""
        self._check()
        return _core.run_batches(self._run, args, data, *where)

    def _check(self) -> None:
        if structure.settings != self._settings:
            self._begin()
        for now, known in self._known:
            if now != known:
                self._begin()
                break
