"""The graph that a tape records of a function: as text here, as a picture in plot.tape."""

from __future__ import annotations

import html
import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pytensor import _core
from pytensor._autodiff.trees import leaves, new_variables
from pytensor._core import GradientTape, Tensor


@dataclass(frozen=True)
class Value:
    """A tensor of the graph.

    Args:
        name: that of the argument, or c1, c2, ... of constants and t1, t2, ... of results.
        shape: its shape.
        dtype: its dtype.
        op: the operation that made it; "" for arguments and constants.
        inputs: the names or numbers that went in.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    op: str = ""
    inputs: tuple[str, ...] = ()


def graph(f: Callable[..., Any], *args: Any) -> tuple[list[Value], list[str]]:
    """Return the Values of f(*args), in the order of computation, and the names of its results."""
    variables = new_variables("tape_text", args)
    names: dict[int, str] = {}
    values: list[Value] = []

    def add(tensor: Tensor, name: str, op: str = "", inputs: tuple[str, ...] = ()) -> None:
        names[id(tensor)] = name
        values.append(Value(name, tensor.shape, str(tensor.dtype), op, inputs))

    for name, variable in zip(_argument_names(f, len(args)), variables, strict=True):
        for path, leaf in _paths(variable, name):
            add(leaf, path)

    def name_of(x: Any) -> str:
        if not isinstance(x, Tensor):
            return f"{x:g}" if isinstance(x, float) else str(x)
        if id(x) not in names:
            if x.ndim == 0:
                return f"{x.item():g}"
            add(x, f"c{sum(v.name.startswith('c') and not v.op for v in values) + 1}")
        return names[id(x)]

    with GradientTape() as tape:
        tape.watch(variables)
        value, _, calls = _core.observed(lambda: f(*variables), forget=False)
    n_results = 0
    for op, operands, results in calls:
        inputs = tuple(map(name_of, operands))
        for result in results:
            n_results += 1
            add(result, f"t{n_results}", op, inputs)
    return values, [name_of(leaf) for leaf in leaves(value)]


def text(f: Callable[..., Any], *args: Any) -> Text:
    """Return the graph as text; see pytensor.tape_text."""
    values, returned = graph(f, *args)
    return Text(_text(values, returned))


class Text(str):
    """A text of lines, which a notebook shows as it is printed."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self)}</pre>"


def _text(values: list[Value], returned: Iterable[str]) -> str:
    """The values as lines."""
    lines = [f"{v.name} = {v.op}({', '.join(v.inputs)})" if v.op else v.name for v in values]
    width = max(map(len, lines), default=0) + 2
    lines = [f"{line:{width}}{v.dtype} {v.shape}" for line, v in zip(lines, values, strict=True)]
    return "\n".join([*lines, f"returns {', '.join(returned)}"])


def _argument_names(f: Callable[..., Any], n: int) -> list[str]:
    try:
        names = [
            p.name
            for p in inspect.signature(f).parameters.values()
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
    except (TypeError, ValueError):  # a function without a signature
        names = []
    return [*names[:n], *(f"x{k + 1}" for k in range(len(names), n))]


def _paths(structure: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The leaves of nested arguments with a name for each: p['w'], p[0]."""
    if isinstance(structure, dict):
        for key, part in structure.items():
            yield from _paths(part, f"{name}[{key!r}]")
    elif isinstance(structure, (list, tuple)):
        for k, part in enumerate(structure):
            yield from _paths(part, f"{name}[{k}]")
    else:
        yield name, structure
