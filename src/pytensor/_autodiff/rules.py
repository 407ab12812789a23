"""The derivatives of the tables' rows, compiled for the tape.

The tape loads this module before it first records: `import pytensor` does without.
"""

from __future__ import annotations

from functools import cache

from pytensor import _core, _functions
from pytensor._autodiff import array_rules


def load(rows):
    """Give the tape the derivatives of the rows, in the order of their numbers."""
    _core.set_rules({number: _compile(row) for number, row in enumerate(rows) if any(row.d)})


def add(row):
    """Give the tape those of a row of numpy_rows.py."""
    from pytensor._autodiff import linalg_rules

    for name, value in vars(linalg_rules).items():
        _namespace().setdefault(name, value)
    _core.set_rules({_core.add_row(row.name): _compile(row)})


@cache
def _namespace():
    """What derivatives may name; functions that are made when first used come later."""
    return {**vars(_functions), **vars(array_rules)}


def _compile(row):
    """The arguments of the core's _Rule."""
    namespace = _namespace()
    numbers = {"out": -1, "x_shape": -2, "y_shape": -3, "out_shape": -4}
    numbers |= {name: k for k, name in enumerate(row.inputs)}
    numbers |= {name: -10 - i for i, name in enumerate(row.parameters)}
    several = isinstance(row.d, str)
    backward = (row.d,) if several else row.d
    forward = (row.jvp,) if isinstance(row.jvp, str) else row.jvp or ()
    reads = {}  # name -> the inputs, as bits, whose derivatives read it
    for expressions in (backward, forward):
        for k, d in enumerate(expressions):
            for name in _names(compile(d or "0", f"<derivative of {row.name}>", "eval")):
                reads[name] = -1 if several else reads.get(name, 0) | 1 << k
    for name in reads.keys() - numbers.keys() - namespace.keys():
        if hasattr(_functions, name):  # made when first used
            namespace[name] = getattr(_functions, name)
    saves = [name for name in numbers if name in reads]
    each = several and "i" in reads

    def functions(expressions, first):
        head = ", ".join([first, "i", *saves] if each else [first, *saves])
        return tuple(
            None if d is None else eval(f"lambda {head}: {d}", namespace) for d in expressions
        )

    rules = functions(backward, "g")
    if forward:
        tangent_rules = functions(forward, "t")
    else:
        tangent_rules = rules if row.kind in ("unary", "binary", "ternary") else None
    return (
        rules,
        tangent_rules,
        tuple(numbers[name] for name in saves),
        tuple(reads[name] for name in saves),
        each,
        several and not each,
    )


def _names(code):
    """The global names of an expression, those in lambdas of it too."""
    inner = [name for part in code.co_consts if hasattr(part, "co_names") for name in _names(part)]
    return (*code.co_names, *inner)
