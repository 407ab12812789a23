"""The derivatives of the tables' rows, compiled for the tape.

The tape loads this module when it first records, so that `import pytensor` stays light.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from types import CodeType
from typing import Any

from pytensor import _core, _functions
from pytensor._autodiff import array_rules
from pytensor._tables import numpy_rows, ops


def load(rows: Iterable[ops.Row]) -> None:
    """Give the tape the derivatives of the rows, in the order of their numbers."""
    _core.set_rules({number: _compile(row) for number, row in enumerate(rows) if any(row.d)})


def add(row: numpy_rows.Row) -> None:
    """Give the tape those of a row of numpy_rows.py."""
    from pytensor._autodiff import fourier_rules, linalg_rules

    for name, value in {**vars(linalg_rules), **vars(fourier_rules)}.items():
        _namespace().setdefault(name, value)
    _core.add_row(row.name, _compile(row))


@cache
def _namespace() -> dict[str, Any]:
    """What derivatives may name; functions that are made when first used come later."""
    return {**vars(_functions), **vars(array_rules)}


def _compile(row: ops.Row | numpy_rows.Row) -> tuple[Any, ...]:
    """The arguments of the core's _Rule."""
    namespace = _namespace()
    numbers = {"out": -1, "x_shape": -2, "y_shape": -3, "out_shape": -4}
    numbers |= {name: k for k, name in enumerate(row.inputs)}
    numbers |= {name: -10 - i for i, name in enumerate(row.parameters)}
    several = isinstance(row.d, str)
    backward = (row.d,) if isinstance(row.d, str) else row.d or ()
    forward = (row.jvp,) if isinstance(row.jvp, str) else row.jvp or ()
    reads: dict[str, int] = {}  # name -> the inputs, as bits, whose derivatives read it
    for expressions in (backward, forward):
        for k, d in enumerate(expressions):
            for name in _names(compile(d or "0", f"<derivative of {row.name}>", "eval")):
                reads[name] = -1 if several else reads.get(name, 0) | 1 << k
    for name in reads.keys() - numbers.keys():
        # made when first used; other threads may add to the namespace meanwhile
        if name not in namespace and hasattr(_functions, name):
            namespace[name] = getattr(_functions, name)
    saves = [name for name in numbers if name in reads]
    each = several and "i" in reads

    def functions(
        expressions: Sequence[str | None], first: str
    ) -> tuple[Callable[..., Any] | None, ...]:
        head = ", ".join([first, "i", *saves] if each else [first, *saves])
        return tuple(
            None if d is None else eval(f"lambda {head}: {d}", namespace) for d in expressions
        )

    rules = functions(backward, "g")
    tangent_rules = rules if row.kind in ("unary", "binary", "ternary") else None
    if forward:
        tangent_rules = functions(forward, "t")
    return (
        rules,
        tangent_rules,
        tuple(numbers[name] for name in saves),
        tuple(reads[name] for name in saves),
        each,
        several and not each,
    )


def _names(code: CodeType) -> tuple[str, ...]:
    """The global names of an expression, those in lambdas of it too."""
    inner = [name for part in code.co_consts if isinstance(part, CodeType) for name in _names(part)]
    return (*code.co_names, *inner)
