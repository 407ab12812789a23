"""Derivatives of recorded functions, as programs of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pytensor import _core
from pytensor._autodiff.trees import leaves, map_leaves
from pytensor._core import GradientTape, Tensor


def record_program(
    recorded: Callable[..., Any],
    function: Callable[..., Any],
    args: Sequence[Any],
    names: Sequence[str],
    captured: Sequence[Tensor],
    value: Any,
) -> Any:
    """Record a call on the tapes, as one operation.

    Its derivative is a program that runs the function again under a tape, and is a recorded
    function too: so derivatives of any order are programs.

    Args:
        recorded: what jit or fuse made of function.
        function: the function.
        args: its arguments, those given by keyword last.
        names: the keywords.
        captured: the tensors from outside that it uses.
        value: what the call returned, new tensors.

    Returns:
        The value.
    """
    inputs = [x for x in leaves(list(args)) if _is_variable(x)]
    # once each, and not those that are arguments too: their gradient is that of the argument
    outside = [
        t
        for t in captured
        if _is_variable(t) and _core.is_watched([t]) and all(t is not x for x in inputs)
    ]
    results: list[Tensor] = [t for t in leaves(value) if _is_variable(t)]
    if not results:
        return value
    shared = {id(t): t for t in results}
    backward = _backward(recorded, function, tuple(names), outside)

    def pullback(g: Any) -> Any:
        return backward(tuple(args), g if isinstance(g, tuple) else (g,))

    _core.record_call("custom_gradient", (*inputs, *outside), tuple(shared.values()), (pullback,))
    return value


def _backward(
    recorded: Any, function: Callable[..., Any], names: tuple[str, ...], outside: list[Tensor]
) -> Callable[..., Any]:
    """The recorded function from (arguments, gradients of the results) to those of the inputs."""
    known = recorded.__dict__.setdefault("_backward", {})
    key = (names, tuple(map(id, outside)))
    if key not in known:
        if len(known) >= 32:
            known.clear()

        def backward(args: tuple[Any, ...], g: tuple[Tensor, ...]) -> list[Tensor]:
            # an argument that is there twice is two variables
            args = map_leaves(lambda x: _core.identity(x) if isinstance(x, Tensor) else x, args)
            variables = [x for x in leaves(args) if _is_variable(x)] + outside
            n = len(args) - len(names)
            with GradientTape() as tape:
                tape.watch(variables)
                value = function(*args[:n], **dict(zip(names, args[n:], strict=True)))
            found = {id(t): t for t in leaves(value) if _is_variable(t)}
            gradients = tape.gradient(list(found.values()), variables, output_gradient=list(g))
            return [
                _core.full(x.shape, 0, dtype=x.dtype) if part is None else part
                for x, part in zip(variables, gradients, strict=True)
            ]

        known[key] = _core.jit(backward)
    made: Callable[..., Any] = known[key]
    return made


def _is_variable(x: Any) -> bool:
    return isinstance(x, Tensor) and x.dtype.kind == "f"
