"""Value and gradient of a chain of 100 operations on 16 elements: what a tape costs."""

import importlib

import libraries
import numpy as np
import samples
from measure import Case, Contender

import pytensor as pt

TURNS = 25  # of four operations each


def chain(x, tanh):
    """The sum of x after 25 turns of: multiply, add, tanh, subtract."""
    for _ in range(TURNS):
        x = tanh(x * 0.9 + 0.1) - 0.05
    return x.sum()


def by_hand(x):
    """The gradient of the chain in NumPy, derived on paper."""
    slopes = []
    for _ in range(TURNS):
        t = np.tanh(x * 0.9 + 0.1)
        slopes.append(t)
        x = t - 0.05
    g = np.full_like(x, 1)
    for t in reversed(slopes):
        g = g * (1 - t * t) * 0.9
    return [x.sum(), g]


def torch_chain(array):
    """The same in PyTorch, eagerly."""
    torch = libraries.torch()
    x = torch.from_numpy(array).requires_grad_()

    def value_and_gradient():
        value = chain(x, torch.tanh)
        return [value.detach(), *torch.autograd.grad(value, x)]

    return Contender("torch", "f()", {"f": value_and_gradient})


def jax_chains(array):
    """The same in JAX: compiled, and step by step."""
    jax = libraries.jax()
    x = jax.numpy.asarray(array)
    eager = jax.value_and_grad(lambda x: chain(x, jax.numpy.tanh))
    names = {"x": x, "wait": jax.block_until_ready}
    return [Contender("jax", "wait(f(x))", {"f": jax.jit(eager), **names}),
            Contender("jax eager", "wait(f(x))", {"f": eager, **names})]


def test_chain(compare):
    """(value, gradient) of the chain of 100 operations."""
    x = samples.uniform(16)
    ours = pt.value_and_grad(lambda x: chain(x, pt.tanh))
    contenders = [Contender("pytensor", "f(x)", {"f": ours, "x": pt.asarray(x)}),
                  Contender("numpy", "f(x)", {"f": by_hand, "x": x})]
    if "autograd" in libraries.chosen:
        autograd = importlib.import_module("autograd")
        tanh = importlib.import_module("autograd.numpy").tanh
        f = autograd.value_and_grad(lambda x: chain(x, tanh))
        contenders.append(Contender("autograd", "f(x)", {"f": f, "x": x}))
    if "torch" in libraries.chosen:
        contenders.append(torch_chain(x))
    if "jax" in libraries.chosen:
        contenders += jax_chains(x)
    compare(Case("autodiff", "chain of 100 operations", 16, rtol=1e-4), contenders)
