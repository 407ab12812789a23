"""Derivatives of a chain of operations: value and gradient, Hessian times a vector, memory."""

import importlib
import tracemalloc

import libraries
import numpy as np
import samples
from measure import Case, Contender

import pytensor as pt

TURNS = 25  # of four operations each


def chain(x, tanh, turns=TURNS):
    """The sum of x after so many turns of: multiply, add, tanh, subtract."""
    for _ in range(turns):
        x = turn(x, tanh)
    return x.sum()


def turn(x, tanh):
    """The four operations."""
    return tanh(x * 0.9 + 0.1) - 0.05


def by_hand(x, turns=TURNS):
    """The value and the gradient of the chain in NumPy, derived on paper."""
    slopes = []
    for _ in range(turns):
        t = np.tanh(x * 0.9 + 0.1)
        slopes.append(t)
        x = t - 0.05
    g = np.full_like(x, 1)
    while slopes:
        t = slopes.pop()
        g = g * (1 - t * t) * 0.9
    return [x.sum(), g]


def hessian_by_hand(x, dx):
    """The Hessian of the chain times dx, derived on paper: the tangent of every line of by_hand."""
    slopes = []
    for _ in range(TURNS):
        t = np.tanh(x * 0.9 + 0.1)
        dt = (1 - t * t) * (0.9 * dx)
        slopes.append((t, dt))
        x, dx = t - 0.05, dt
    g, dg = np.full_like(x, 1), np.zeros_like(x)
    for t, dt in reversed(slopes):
        slope = 1 - t * t
        g, dg = g * slope * 0.9, (dg * slope - 2 * g * t * dt) * 0.9
    return dg


def torch_chain(array):
    """Value and gradient in PyTorch, eagerly."""
    torch = libraries.torch()
    x = torch.from_numpy(array).requires_grad_()

    def value_and_gradient():
        value = chain(x, torch.tanh)
        return [value.detach(), *torch.autograd.grad(value, x)]

    return Contender("torch", "f()", {"f": value_and_gradient})


def torch_hessian(array, vector):
    """The Hessian times a vector in PyTorch: a backward pass through the backward pass."""
    torch = libraries.torch()
    x, v = torch.from_numpy(array).requires_grad_(), torch.from_numpy(vector)

    def product():
        (g,) = torch.autograd.grad(chain(x, torch.tanh), x, create_graph=True)
        return torch.autograd.grad(g, x, v)[0]

    return Contender("torch", "f()", {"f": product})


def jax_contenders(f, **arrays):
    """f of JAX, compiled and step by step."""
    jax = libraries.jax()
    names = {name: jax.numpy.asarray(array) for name, array in arrays.items()}
    call = f"wait(f({', '.join(arrays)}))"
    names["wait"] = jax.block_until_ready
    return [Contender("jax", call, {"f": jax.jit(f), **names}),
            Contender("jax eager", call, {"f": f, **names})]


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
        jax = libraries.jax()
        contenders += jax_contenders(jax.value_and_grad(lambda x: chain(x, jax.numpy.tanh)), x=x)
    compare(Case("autodiff", "chain of 100 operations", 16, rtol=1e-4), contenders)


def test_hessian_times_vector(compare):
    """The Hessian of the chain of 100 operations times a vector; at most four gradients' time."""
    x, v = samples.uniform(16), samples.uniform(16, seed=1)
    ours = pt.hvp(lambda x: chain(x, pt.tanh))
    contenders = [Contender("pytensor", "f(x, v)",
                            {"f": ours, "x": pt.asarray(x), "v": pt.asarray(v)}),
                  Contender("numpy", "f(x, v)", {"f": hessian_by_hand, "x": x, "v": v})]
    if "autograd" in libraries.chosen:
        autograd = importlib.import_module("autograd")
        tanh = importlib.import_module("autograd.numpy").tanh
        f = autograd.hessian_vector_product(lambda x: chain(x, tanh))
        contenders.append(Contender("autograd", "f(x, v)", {"f": f, "x": x, "v": v}))
    if "torch" in libraries.chosen:
        contenders.append(torch_hessian(x, v))
    if "jax" in libraries.chosen:
        jax = libraries.jax()
        gradient = jax.grad(lambda x: chain(x, jax.numpy.tanh))
        contenders += jax_contenders(lambda x, v: jax.jvp(gradient, (x,), (v,))[1], x=x, v=v)
    compare(Case("autodiff", "its Hessian times a vector", 16, rtol=1e-4), contenders)


def test_memory(compare):
    """(value, gradient) of a chain of 1 000 operations; the most memory at a time goes along."""
    x = samples.uniform(100_000)
    turns = 10 * TURNS
    tensor = pt.asarray(x)
    ours = pt.value_and_grad(lambda x: chain(x, pt.tanh, turns))

    def piece(x):
        for _ in range(TURNS):
            x = turn(x, pt.tanh)
        return x

    def in_pieces(x):
        for _ in range(10):
            x = pt.checkpoint(piece)(x)
        return x.sum()

    pieces = pt.value_and_grad(in_pieces)
    peaks = {"pytensor": peak(ours, tensor), "pytensor checkpoint": peak(pieces, tensor)}
    tracemalloc.start()
    by_hand(x, turns)
    peaks["numpy"] = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    contenders = [Contender("pytensor", "f(x)", {"f": ours, "x": tensor}),
                  Contender("pytensor checkpoint", "f(x)", {"f": pieces, "x": tensor}),
                  Contender("numpy", "f(x, turns)", {"f": by_hand, "x": x, "turns": turns})]
    compare(Case("autodiff", "chain of 1000 operations", x.size, rtol=1e-3), contenders,
            peak_bytes=peaks, operand_bytes=x.nbytes)


def peak(f, x):
    """The most bytes that tensors held at a time during f(x), beyond those before."""
    before = pt.memory.stats()["in_use"]
    pt.memory.reset_peak()
    f(x)
    return pt.memory.stats()["peak"] - before
