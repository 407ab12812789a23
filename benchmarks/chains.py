"""A chain of operations with its derivatives, in every library: for bench_autodiff.py."""

from __future__ import annotations

import tracemalloc

import numpy as np

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


def torch_value_and_grad(torch):
    """Value and gradient in PyTorch, eagerly: a function of a tensor."""

    def value_and_gradient(x):
        x = x.requires_grad_()
        value = chain(x, torch.tanh)
        return [value.detach(), *torch.autograd.grad(value, x)]

    return value_and_gradient


def torch_hvp(torch):
    """The Hessian times a vector in PyTorch: a backward pass through the backward pass."""

    def product(x, v):
        x = x.requires_grad_()
        (g,) = torch.autograd.grad(chain(x, torch.tanh), x, create_graph=True)
        return torch.autograd.grad(g, x, v)[0]

    return product


def jax_hvp(jax):
    """The Hessian times a vector in JAX: forward over reverse mode."""
    gradient = jax.grad(lambda x: chain(x, jax.numpy.tanh))
    return lambda x, v: jax.jvp(gradient, (x,), (v,))[1]


def long_chain(pt):
    """Value and gradient of a chain ten times as long."""
    return pt.value_and_grad(lambda x: chain(x, pt.tanh, 10 * TURNS))


def long_chain_in_pieces(pt):
    """The same in ten checkpoints."""

    def piece(x):
        for _ in range(TURNS):
            x = turn(x, pt.tanh)
        return x

    def in_pieces(x):
        for _ in range(10):
            x = pt.checkpoint(piece)(x)
        return x.sum()

    return pt.value_and_grad(in_pieces)


def peak(pt, f, x):
    """The most bytes that tensors held at a time during f(x), beyond those before."""
    before = pt.memory.stats()["in_use"]
    pt.memory.reset_peak()
    f(x)
    return pt.memory.stats()["peak"] - before


def numpy_peak(f, *arguments):
    """The most bytes that NumPy held at a time during a call."""
    tracemalloc.start()
    f(*arguments)
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def recurrence(numeric, scan):
    """The sum of the squares of all states of a recurrence, a function of the weights and inputs.

    Args:
        numeric: a module with tanh and sum.
        scan: the library's loop.
    """

    def loss(w, u, b, xs, start):
        def step(h, x):
            h = numeric.tanh(x @ w + h @ u + b)
            return h, h

        return numeric.sum(scan(step, start, xs)[1] ** 2)

    return loss


def recurrence_by_hand(w, u, b, xs, start):
    """(value, gradients by the weights) of the recurrence in NumPy, derived on paper."""
    states = [start]
    for x in xs:
        states.append(np.tanh(x @ w + states[-1] @ u + b))
    g, dz = np.zeros_like(start), np.empty((len(xs), *start.shape), start.dtype)
    for i in reversed(range(len(xs))):
        h = states[i + 1]
        dz[i] = (g + 2 * h) * (1 - h * h)
        g = dz[i] @ u.T
    n = w.shape[0]
    rows = dz.reshape(-1, n)
    before = np.stack(states[:-1]).reshape(-1, n)
    value = np.sum(np.stack(states[1:]) ** 2)
    return [value, [xs.reshape(-1, n).T @ rows, before.T @ rows, rows.sum(axis=0)]]
