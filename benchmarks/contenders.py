"""Who takes part in a run, and one line for each library's statement."""

from __future__ import annotations

import importlib.util

from harness import Contender

PEERS = ("torch", "jax", "autograd", "numexpr")  # measured where they are installed

taking_part = {"pytensor", "numpy", "naive"}  # and the peers of this run; conftest.py adds them
absent = {}  # peer: why it takes no part


def choose(names):
    """Let these peers take part, as far as they are installed."""
    for name in PEERS:
        if name not in names:
            absent[name] = "left out by --peers"
        elif importlib.util.find_spec(name) is None:
            absent[name] = "not installed"
        else:
            taking_part.add(name)


def contenders(inputs, **statements):
    """A list of contenders on the same inputs; statements: library="expression", or None.

    JAX's expression is compiled once, outside the time.
    """
    found = []
    for library, statement in statements.items():
        if statement is not None and library in taking_part:
            setup, names = "", ", ".join(inputs)
            if library == "jax":
                setup = f"f = jax.jit(lambda {names}: {statement})"
                statement = f"f({names}).block_until_ready()"
            found.append(Contender(library, statement, inputs, setup))
    return found


def present(*found):
    """Those of the contenders whose libraries take part, a list."""
    return [contender for contender in found if contender.process in taking_part]


def of_network(network, statement, classes, inputs, result=None, more=""):
    """The contenders of a network: each class's, with the inputs as its own kind; a list."""
    arrays = ", ".join(f"np.asarray({name})" for name in inputs)
    return present(
        *(
            Contender(
                kind.library,
                statement,
                inputs,
                f"import {kind.__module__} as module; "
                f"from {type(network).__module__} import {type(network).__name__}; "
                f"net = module.{kind.__name__}({network!r}); "
                f"{', '.join(inputs)}, = net.data({arrays}){more}",
                result,
            )
            for kind in classes
        )
    )


def of_row(row, inputs, *, axis=None):
    """The contenders of an element-wise row of the op table, or of a reduction along an axis."""
    names = ", ".join(inputs)
    reference = row.numpy.replace("axis=axis", f"axis={axis}").replace(
        "keepdims=keepdims", "keepdims=False"
    )
    along = f", axis={axis}" if axis is not None else ""
    torch = f'libraries.torch_call("{row.name}", "{names}{along.replace("axis", "dim")}")'
    jax = f'libraries.jax_function("{row.name}", "{names}", "{reference}")'
    return [
        *contenders(inputs, pytensor=f"pt.{row.name}({names}{along})", numpy=reference),
        *present(
            Contender("torch", "", inputs, f"import libraries; statement = {torch}"),
            Contender(
                "jax", f"f({names}).block_until_ready()", inputs, f"import libraries; f = {jax}"
            ),
        ),
    ]


def naive_loop(row, inputs):
    """The contender of a row that is the plain Python loop."""
    kind = inputs[row.inputs[-1]].dtype.kind
    return Contender(
        "naive",
        f"loop({', '.join(inputs)})",
        inputs,
        f"import loops; loop = loops.naive_loop({row.name!r}, {kind!r})",
    )
