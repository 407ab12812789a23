"""The plain Python loop of a row of the op table: its C expression, read as Python.

So a new row has its naive loop as soon as it has its kernel. The loops of the book itself are in
pytensor.naive.
"""

from __future__ import annotations

import math
import operator
import re

import numpy as np

from pytensor._tables.ops import TABLE

# C functions of the table that are not functions of the same name in math or NumPy.
FUNCTIONS = {
    "floor_divide": operator.floordiv,
    "remainder": operator.mod,
    "maximum": max,
    "minimum": min,
    "left_shift": operator.lshift,
    "right_shift": operator.rshift,
    "round": round,
    "trunc": int,
    "infinity": math.inf,
    "lowest": -math.inf,
    "highest": math.inf,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
}


def naive_loop(name, kind):
    """The loop of an element-wise row or a reduction for dtypes of a kind ("b", "i" or "f").

    Where the C expression calls what has no counterpart in Python, NumPy's reference does one
    element at a time.

    Returns: a function of one-dimensional arrays that returns an array (of a reduction, a number).
    """
    row = next(row for row in TABLE if row.name == name)
    names = {"np": np, "math": math}
    try:
        value = _python(row.c_for(kind), names)
    except LookupError:
        value = row.numpy
    if row.kind == "reduction":
        template = _POSITION if row.result == "index" else _REDUCTION
        if row.chooses and row.result != "index":  # the expression says whether to take x
            value = f"{row.inputs[0]} if {value} else acc"
    else:
        template = _ELEMENTWISE
    exec(
        template.format(
            inputs=", ".join(row.inputs),
            value=value,
            start=_python(row.identity or "0", names),
            dtype="bool" if row.result == "bool" else "arrays[-1].dtype",
        ),
        names,
    )
    return names["loop"]


_ELEMENTWISE = """
def loop(*arrays):
    out = np.empty(arrays[0].shape, {dtype})
    for i, ({inputs},) in enumerate(zip(*arrays)):
        out[i] = {value}
    return out
"""

_REDUCTION = """
def loop(array):
    acc = {start}
    for {inputs} in array:
        acc = {value}
    return acc
"""

_POSITION = """
def loop(array):
    acc, position = array[0], 0
    for i, {inputs} in enumerate(array):
        if {value}:
            acc, position = {inputs}, i
    return position
"""


def _python(c, names):
    """A C expression of the table as Python; the functions it calls are added to names.

    Raises: LookupError: there is no such function.
    """
    for name in re.findall(r"F\((\w+)\)", c):
        found = FUNCTIONS.get(name, getattr(math, name, getattr(np, name, None)))
        if found is None:
            raise LookupError(name)
        names[name] = found
    return _conditional(re.sub(r"!(?!=)", "not ", re.sub(r"F\((\w+)\)", r"\1", c)))


def _conditional(c):
    """a ? b : c as Python's b if a else c; the last part may be another one."""
    condition, question, rest = c.partition("?")
    if not question:
        return c
    value, _, otherwise = rest.partition(":")
    return f"({value.strip()} if {condition.strip()} else {_conditional(otherwise).strip()})"
