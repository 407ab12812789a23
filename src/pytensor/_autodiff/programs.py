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
    axes: tuple[Any, list[int | None]] | None = None,
) -> Any:
    """Record a call on the tapes, as one operation.

    Its derivative is a program that runs the function again under a tape, and is a recorded
    function too: so derivatives of any order are programs.

    Args:
        recorded: what jit, fuse or vmap made of function.
        function: the function.
        args: its arguments, those given by keyword last.
        names: the keywords.
        captured: the tensors from outside that it uses.
        value: what the call returned, new tensors.
        axes: of vmap, those of the samples: in the form of the arguments, and of each tensor of the
            value.

    Returns:
        The value.
    """
    if axes is not None:  # the same result twice is two results, maybe along other axes
        value = map_leaves(lambda x: _core.stop_gradient(x) if _is_variable(x) else x, value)
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
    tensors = [t for t in leaves(value) if isinstance(t, Tensor)]
    mapping = axes and (
        axes[0],
        [k for t, k in zip(tensors, axes[1], strict=True) if _is_variable(t)],
    )
    backward = _backward(recorded, function, tuple(names), outside, mapping)

    def pullback(g: Any) -> Any:
        return backward(tuple(args), g if isinstance(g, tuple) else (g,))

    _core.record_call("custom_gradient", (*inputs, *outside), tuple(shared.values()), (pullback,))
    return value


def _backward(
    recorded: Any,
    function: Callable[..., Any],
    names: tuple[str, ...],
    outside: list[Tensor],
    axes: tuple[Any, list[int | None]] | None,
) -> Callable[..., Any]:
    """The recorded function from (arguments, gradients of the results) to those of the inputs."""
    known = recorded.__dict__.setdefault("_backward", {})
    key = (names, tuple(map(id, outside)), repr(axes))
    if key not in known:
        if len(known) >= 32:
            known.clear()

        def backward(args: tuple[Any, ...], g: tuple[Tensor | None, ...]) -> list[Tensor]:
            # an argument that is there twice is two variables
            args = map_leaves(lambda x: _core.identity(x) if isinstance(x, Tensor) else x, args)
            variables = [x for x in leaves(args) if _is_variable(x)] + outside
            n = len(args) - len(names)
            with GradientTape() as tape:
                tape.watch(variables)
                value = function(*args[:n], **dict(zip(names, args[n:], strict=True)))
            found = [t for t in leaves(value) if _is_variable(t)]
            if axes is None:
                found = list({id(t): t for t in found}.values())
            else:  # vmap makes tensors of numbers
                found = [
                    _core.asarray(t)
                    for t in leaves(value)
                    if isinstance(t, float) or _is_variable(t)
                ]
            gradients = tape.gradient(found, variables, output_gradient=list(g))
            return [
                _core.full(x.shape, 0, dtype=x.dtype) if part is None else part
                for x, part in zip(variables, gradients, strict=True)
            ]

        known[key] = _core.jit(
            backward if axes is None else _of_samples(backward, len(outside), *axes)
        )
    made: Callable[..., Any] = known[key]
    return made


def _of_samples(
    backward: Callable[..., Any], n_outside: int, in_axes: Any, out_axes: list[int | None]
) -> Callable[..., Any]:
    """The same for all samples. Gradients with respect to what they share add up."""

    def of_samples(args: tuple[Any, ...], g: tuple[Tensor | None, ...]) -> list[Tensor]:
        pairs = zip(leaves(args), leaves(in_axes), strict=True)
        axes = [axis for x, axis in pairs if _is_variable(x)] + [None] * n_outside
        out = [_core.SUMMED if axis is None else axis for axis in axes]
        result: list[Tensor] = _core.vmap(backward, (in_axes, tuple(out_axes)), out)(args, g)
        return result

    return of_samples


def _is_variable(x: Any) -> bool:
    return isinstance(x, Tensor) and x.dtype.kind == "f"
