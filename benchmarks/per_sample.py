"""The gradient of each sample of a network 784-512-10, in every library: for bench_autodiff.py."""

from __future__ import annotations

import numpy as np
import samples

BATCH, SIZES = 128, (784, 512, 10)


def inputs():
    """Weights, samples and labels by name."""
    first, second = samples.uniform(SIZES[:2], seed=1), samples.uniform(SIZES[1:], seed=2)
    return {
        "w": 0.05 * first,
        "b": samples.uniform(SIZES[1], seed=3),
        "v": 0.05 * second,
        "c": samples.uniform(SIZES[2], seed=4),
        "x": samples.uniform((BATCH, SIZES[0]), low=0),
        "y": np.random.default_rng(5).integers(0, SIZES[2], BATCH),
    }


def by_hand(w, b, v, c, x, y):
    """Derived on paper."""
    hidden = np.maximum(x @ w + b, 0)
    logits = hidden @ v + c
    g = np.exp(logits - logits.max(1, keepdims=True))
    g /= g.sum(1, keepdims=True)
    g[np.arange(len(y)), y] -= 1
    slope = g @ v.T * (hidden > 0)
    return [x[:, :, None] * slope[:, None], slope, hidden[:, :, None] * g[:, None], g]


def pytensor(pt):
    """A function of one sample, mapped."""

    def loss(w, b, v, c, x, y):
        hidden = pt.nn.linear(x, w, b, relu=True)
        return pt.nn.sparse_softmax_cross_entropy(pt.nn.linear(hidden, v, c), y)

    return pt.vmap(pt.grad(loss, (0, 1, 2, 3)), (None,) * 4 + (0, 0))


def jax(jax):
    """The same, compiled."""

    def loss(w, b, v, c, x, y):
        return -jax.nn.log_softmax(jax.nn.relu(x @ w + b) @ v + c)[y]

    return jax.jit(jax.vmap(jax.grad(loss, (0, 1, 2, 3)), (None,) * 4 + (0, 0)))


def torch(torch):
    """The same, eagerly."""

    def loss(w, b, v, c, x, y):
        logits = torch.relu(x @ w + b) @ v + c
        return torch.nn.functional.cross_entropy(logits, y)

    return torch.func.vmap(torch.func.grad(loss, (0, 1, 2, 3)), (None,) * 4 + (0, 0))
