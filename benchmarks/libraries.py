"""The libraries that take part: what a statement of each of them sees, and how its arrays are made.

A process loads its own library and no other one.
"""

from __future__ import annotations

import importlib
import math
import os

import numpy as np


class Missing(LookupError):
    """The library has no such function."""


def load(library):
    """(names that statements of this library see, the function that makes an array its own)."""
    names, convert = {"np": np, "math": math}, lambda array: array
    if library in LOADERS:
        more, convert = LOADERS[library]()
        names.update(more)
    return names, convert


def _pytensor():
    pt = importlib.import_module("pytensor")
    return {"pt": pt}, pt.asarray


def _naive():
    return {"naive": importlib.import_module("pytensor.naive")}, lambda array: array


def _torch():
    torch = importlib.import_module("torch")
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    return {"torch": torch, "F": torch.nn.functional}, torch.from_numpy


def _jax():
    jax = importlib.import_module("jax")
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_x64", True)  # float64 as a dtype of its own
    return {"jax": jax, "jnp": jax.numpy}, jax.numpy.asarray


def _autograd():
    return {
        "autograd": importlib.import_module("autograd"),
        "anp": importlib.import_module("autograd.numpy"),
    }, lambda array: array


def _numexpr():
    return {"numexpr": importlib.import_module("numexpr")}, lambda array: array


# Others, such as "numpy", see NumPy only.
LOADERS = {
    "pytensor": _pytensor,
    "before": _pytensor,  # an earlier version, in an environment of its own
    "naive": _naive,
    "torch": _torch,
    "jax": _jax,
    "autograd": _autograd,
    "numexpr": _numexpr,
}

# PyTorch's names where they are not the table's.
TORCH_NAMES = {
    "bitwise_invert": "bitwise_not",
    "equal": "eq",
    "max": "amax",
    "min": "amin",
    "positive": "clone",
}


def torch_call(name, arguments):
    """PyTorch's call for a row of the op table.

    Raises: Missing: it has no such function.
    """
    torch = importlib.import_module("torch")
    name = TORCH_NAMES.get(name, name)
    for module, prefix in ((torch, "torch"), (torch.nn.functional, "F")):
        if hasattr(module, name):
            return f"{prefix}.{name}({arguments})"
    raise Missing(name)


def jax_function(name, inputs, reference):
    """JAX's compiled function for a row: jax.nn's or jax.scipy.special's of that name, or else the
    NumPy reference in jax.numpy."""
    jax = importlib.import_module("jax")
    for module in (jax.nn, jax.scipy.special):
        if hasattr(module, name):
            return jax.jit(getattr(module, name))
    return jax.jit(eval(f"lambda {inputs}: {reference}", {"np": jax.numpy}))
