"""Derivatives of recorded functions, as programs of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pytensor import _core
from pytensor._autodiff.trees import is_variable, leaves, map_leaves, with_zeros
from pytensor._core import GradientTape, Tensor

_State = tuple[Callable[[], np.random.Generator], Any]


def record_program(
    recorded: Callable[..., Any],
    function: Callable[..., Any],
    args: Sequence[Any],
    names: Sequence[str],
    captured: Sequence[Tensor],
    value: Any,
    axes: tuple[Any, list[int | None]] | None = None,
    states: Sequence[_State] = (),
) -> Any:
    """Record a call on the tapes, as one operation.

    Its derivatives are programs that run the function again under a tape, and are recorded
    functions too: so derivatives of any order are programs.

    Args:
        recorded: what jit, fuse or vmap made of function.
        function: the function.
        args: its arguments, those given by keyword last.
        names: the keywords.
        captured: the tensors from outside that it uses.
        value: what the call returned, new tensors.
        axes: of vmap, those of the samples: in the form of the arguments, and of each tensor of the
            value.
        states: what returns the generators of random numbers that it draws from, and their states
            before the call: the derivative draws the same numbers again.

    Returns:
        The value.
    """
    if axes is not None:  # the same result twice is two results, maybe along other axes
        value = map_leaves(lambda x: _core.stop_gradient(x) if is_variable(x) else x, value)
    inputs = [x for x in leaves(list(args)) if is_variable(x)]
    # once each, and not those that are arguments too: their gradient is that of the argument
    outside = [
        t
        for t in captured
        if is_variable(t) and _core.is_watched([t]) and all(t is not x for x in inputs)
    ]
    results: list[Tensor] = [t for t in leaves(value) if is_variable(t)]
    if not results:
        return value
    shared = list({id(t): t for t in results}.values())
    tensors = [t for t in leaves(value) if isinstance(t, Tensor)]
    mapping = axes and (
        axes[0],
        [k for t, k in zip(tensors, axes[1], strict=True) if is_variable(t)],
    )
    known = recorded.__dict__.setdefault("_derivatives", {})
    key = (tuple(names), tuple(map(id, outside)), repr(mapping))

    def derivative(build: Callable[..., Any], *more: Any) -> Callable[..., Any]:
        made: Callable[..., Any] | None = known.get((build, *key, *more))
        if made is None:
            if len(known) >= 32:
                known.clear()
            made = _core.jit(build(function, tuple(names), outside, mapping, *more))
            known[build, *key, *more] = made
        return made

    def again(program: Callable[..., Any], *operands: Any) -> Any:
        """Run a derivative, which draws the random numbers that the call drew."""
        if not states:
            return program(*operands)
        now: list[_State] = []

        def go_back() -> tuple[()]:
            now[:] = [(generator, generator().bit_generator.state) for generator, _ in states]
            return _set_states(states)

        _core.do_each_time("random numbers", go_back)
        try:
            return program(*operands)
        finally:
            _core.do_each_time("random numbers", lambda: _set_states(now))

    def pullback(g: Any, _: Any = None) -> Any:
        g = g if isinstance(g, tuple) else (g,)
        return again(derivative(_backward), tuple(args), tuple(with_zeros(g, shared)))

    def pushforward(tangents: Sequence[Tensor | None]) -> Any:
        moving = tuple(k for k, t in enumerate(tangents) if t is not None)
        return again(derivative(_forward, moving), tuple(args), tuple(tangents[k] for k in moving))

    inputs = [*inputs, *outside]
    if mapping is None:
        _core.record_call("program", tuple(inputs), tuple(shared), (pullback, pushforward))
    else:
        _core.record_call("custom_gradient", tuple(inputs), tuple(shared), (pullback,))
    return value


def _set_states(states: Sequence[_State]) -> tuple[()]:
    for generator, state in states:
        generator().bit_generator.state = state
    return ()


_Mapping = tuple[Any, list[int | None]] | None  # the axes of vmap's arguments and results


def _run(
    function: Callable[..., Any],
    names: tuple[str, ...],
    outside: list[Tensor],
    mapping: _Mapping,
    args: Sequence[Any],
) -> tuple[GradientTape, list[Tensor], list[Tensor]]:
    """Run the function under a tape: (tape, its variables, the results that can vary)."""
    # an argument that is there twice is two variables
    args = map_leaves(lambda x: _core.identity(x) if isinstance(x, Tensor) else x, args)
    variables = [x for x in leaves(args) if is_variable(x)] + outside
    n = len(args) - len(names)
    with GradientTape() as tape:
        tape.watch(variables)
        value = function(*args[:n], **dict(zip(names, args[n:], strict=True)))
    if mapping is None:
        found = list({id(t): t for t in leaves(value) if is_variable(t)}.values())
    else:  # vmap makes tensors of numbers
        found = [_core.asarray(t) for t in leaves(value) if isinstance(t, float) or is_variable(t)]
    return tape, variables, found


def _backward(
    function: Callable[..., Any], names: tuple[str, ...], outside: list[Tensor], mapping: _Mapping
) -> Callable[..., Any]:
    """The function from (arguments, gradients of the results) to those of the inputs."""

    def backward(args: tuple[Any, ...], g: tuple[Tensor, ...]) -> list[Tensor]:
        tape, variables, found = _run(function, names, outside, mapping, args)
        return with_zeros(tape.gradient(found, variables, output_gradient=list(g)), variables)

    return backward if mapping is None else _of_samples(backward, len(outside), *mapping)


def _forward(
    function: Callable[..., Any],
    names: tuple[str, ...],
    outside: list[Tensor],
    mapping: _Mapping,
    moving: tuple[int, ...],
) -> Callable[..., Any]:
    """The function from (arguments, tangents of the moving inputs) to those of the results."""

    def forward(args: tuple[Any, ...], tangents: tuple[Tensor, ...]) -> list[Tensor]:
        tape, variables, found = _run(function, names, outside, mapping, args)
        sources = [variables[k] for k in moving]
        return with_zeros(tape.jvp(found, sources, list(tangents)), found)

    return forward


def _of_samples(
    backward: Callable[..., Any], n_outside: int, in_axes: Any, out_axes: list[int | None]
) -> Callable[..., Any]:
    """The same for all samples. Gradients with respect to what they share add up."""

    def of_samples(args: tuple[Any, ...], g: tuple[Tensor | None, ...]) -> list[Tensor]:
        pairs = zip(leaves(args), leaves(in_axes), strict=True)
        axes = [axis for x, axis in pairs if is_variable(x)] + [None] * n_outside
        out = [_core.SUMMED if axis is None else axis for axis in axes]
        result: list[Tensor] = _core.vmap(backward, (in_axes, tuple(out_axes)), out)(args, g)
        return result

    return of_samples
