"""Recorded programs as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytensor import _core
from pytensor._core import Tensor

__all__ = ["program_text"]


def program_text(recorded: Callable[..., Any]) -> str:
    """Return the programs of a function that jit or fuse made as text, a line for each step.

    Each line has the step's result, the kernel and what it reads, dtype and shape. The lines of a
    fused step, which runs in blocks that stay in the L1 cache, are indented. `a` is an argument,
    `c` a constant or a tensor from outside, `t` temporary, `r` a result; `v` is a value that never
    reaches memory.

    Args:
        recorded: the function, called at least once.

    Returns:
        The text, one paragraph for each combination of shapes and dtypes.

    Raises:
        TypeError: the function was made by something else.

    >>> f = pt.jit(lambda x, w: pt.sum(pt.tanh(x @ w) * 2))
    >>> y = f(pt.ones((2, 3)), pt.ones((3, 4)))
    >>> print(pt.program_text(f))
    f(float32 (2, 3), float32 (3, 4)), 64 bytes of temporary memory
      t2 = matmul(a0, a1)  float32 (2, 4)
      fused (8,)
        v0 = tanh(t2)
        t4 = multiply(v0, c3)
      r5 = sum(t4)  float32 ()
    """
    return "\n\n".join(_text(*program) for program in _core.programs_of(recorded))


def _text(arguments: Any, memory: int, buffers: list[Any], steps: list[Any]) -> str:
    head = f"f({', '.join(map(described, arguments))}), {memory} bytes of temporary memory"
    return "\n".join([head, *_lines(buffers, steps, "  ")])


def _lines(buffers: list[Any], steps: list[Any], margin: str) -> list[str]:
    """The steps; those of loops and branches are indented further."""

    def name(number: int) -> str:
        return buffer_name(buffers, number)

    lines = []
    for step, shape, reads, writes, operations, parts in steps:
        if operations:
            lines.append(f"{margin}fused {shape}")
            names: list[str] = []
            for row, operands, result in operations:
                names.append(name(result) if result in writes else f"v{len(names)}")
                inputs = [names[k] if buffer < 0 else name(buffer) for buffer, k in operands]
                lines.append(f"{margin}  {names[-1]} = {row}({', '.join(inputs)})")
            continue
        if not writes:
            lines.append(f"{margin}{step}({', '.join(map(name, reads))})")
            continue
        dtype, dims = buffers[writes[0]][1:3]
        shown = results_of(writes, parts)
        text = f"{step}({', '.join(map(name, reads))})"
        if shown:
            text = f"{', '.join(map(name, shown))} = {text}  {dtype} {dims}"
        lines.append(margin + text)
        for k, (_, inner_buffers, inner_steps) in enumerate(parts):
            if k > 0:
                lines.append(f"{margin}  {'if' if step == 'cond' else 'while'}")
            lines += _lines(inner_buffers, inner_steps, margin + "    ")
    return lines


def buffer_name(buffers: list[Any], number: int) -> str:
    """Return a buffer's name, the first letter of its kind and its number; see program_text."""
    return f"{buffers[number][0][0]}{number}"


def results_of(writes: list[int], parts: list[Any]) -> list[int]:
    """Return the results among the buffers a step writes: a loop's or branch's last is scratch."""
    return writes[:-1] if parts else writes


def described(argument: Any) -> str:
    """Return an argument of a program as text: of a tensor, dtype and shape."""
    if isinstance(argument, Tensor):
        return f"{argument.dtype} {argument.shape}"
    if isinstance(argument, dict):
        return f"{{{', '.join(f'{key!r}: {described(part)}' for key, part in argument.items())}}}"
    if isinstance(argument, (list, tuple)):
        return f"[{', '.join(map(described, argument))}]"
    return repr(argument)
