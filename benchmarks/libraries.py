"""The libraries that take part, and how each is asked for the same piece of work.

Each is imported when it is first needed, so that a process which measures one does not carry the
others.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import math
import os

import numpy as np
from measure import Contender

PEERS = ("torch", "jax", "autograd", "numexpr")  # measured where they are installed

chosen = set()  # the peers of this run; conftest.py fills it


def choose(names):
    """Let these peers take part, as far as they are installed."""
    chosen.update(name for name in names if importlib.util.find_spec(name))


@functools.cache
def pytensor():
    """The module pytensor."""
    return importlib.import_module("pytensor")


@functools.cache
def torch():
    """The module torch."""
    module = importlib.import_module("torch")
    module.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    return module


@functools.cache
def jax():
    """The module jax, with float64 as a dtype of its own."""
    module = importlib.import_module("jax")
    module.config.update("jax_platforms", "cpu")
    module.config.update("jax_enable_x64", True)
    return module


# PyTorch's names where they are not the table's.
TORCH_NAMES = {
    "bitwise_invert": "bitwise_not", "equal": "eq", "max": "amax", "min": "amin",
    "positive": "clone",
}


def ours(expression, **arrays):
    """The contender pytensor: an expression in pt and the names of the arrays."""
    return Contender("pytensor", expression,
                     {"pt": pytensor(), **{name: _tensor(a) for name, a in arrays.items()}})


def numpy(expression, **arrays):
    """The contender NumPy: an expression in np and the names of the arrays."""
    return Contender("numpy", expression, {"np": np, "math": math, **arrays})


def peers(torch_expression=None, jax_expression=None, **arrays):
    """The contenders PyTorch and JAX, as far as they take part: a list.

    torch_expression: in torch (and F, torch.nn.functional); jax_expression: in jnp (and jax); it is
    compiled once, outside the time.
    """
    found = []
    if torch_expression is not None and "torch" in chosen:
        found.append(Contender("torch", torch_expression, {
            "torch": torch(), "F": torch().nn.functional,
            **{name: _torch_tensor(a) for name, a in arrays.items()}}))
    if jax_expression is not None and "jax" in chosen:
        jnp = jax().numpy
        names = {"jnp": jnp, "jax": jax(), "np": jnp}
        function = jax().jit(eval(f"lambda {', '.join(arrays)}: {jax_expression}", names))
        found.append(Contender(
            "jax", f"f({', '.join(arrays)}).block_until_ready()",
            {"f": function, **{n: _jax_array(a) for n, a in arrays.items()}}))
    return found


def _tensor(value):
    return pytensor().asarray(value) if isinstance(value, np.ndarray) else value


def _torch_tensor(value):
    return torch().from_numpy(value) if isinstance(value, np.ndarray) else value


def _jax_array(value):
    return jax().numpy.asarray(value) if isinstance(value, np.ndarray) else value


def torch_expression(row):
    """PyTorch's call for a row of the op table; None where there is none, or it takes no part."""
    if "torch" not in chosen:
        return None
    name = TORCH_NAMES.get(row.name, row.name)
    for module, prefix in ((torch(), "torch"), (torch().nn.functional, "F")):
        if hasattr(module, name):
            return f"{prefix}.{name}({', '.join(row.inputs)})"
    return None


def jax_expression(row):
    """JAX's expression for a row: jax.nn's function of that name, or the NumPy reference in jnp;
    None if JAX takes no part."""
    if "jax" not in chosen:
        return None
    for module, prefix in ((jax().nn, "jax.nn"), (jax().scipy.special, "jax.scipy.special")):
        if hasattr(module, row.name):
            return f"{prefix}.{row.name}({', '.join(row.inputs)})"
    return row.numpy


@functools.cache
def numexpr():
    """The module numexpr."""
    return importlib.import_module("numexpr")
