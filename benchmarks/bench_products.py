"""dot and matmul: the shapes of the book's network, squares, vectors, stacks of matrices."""

import libraries
import numpy as np
import pytest
import samples
from measure import Case, Contender

from pytensor import naive

# The network 784-512-10 with batches of 128: forward, gradient of the weights, gradient of the
# hidden layer. "t": the operand is a transposed view, as it is there.
PRODUCTS = {
    "layer 1": ("128x784", "784x512"),
    "layer 1, dw": ("128x784t", "128x512"),
    "layer 2": ("128x512", "512x10"),
    "layer 2, dw": ("128x512t", "128x10"),
    "layer 2, dx": ("128x10", "512x10t"),
    "one sample": ("1x784", "784x512"),
    "square": ("1024x1024", "1024x1024"),
    "small square": ("16x16", "16x16"),
    "matrix, vector": ("1000x1000", "1000"),
    "small matrix, vector": ("32x32", "32"),
    "vectors": ("1000000", "1000000"),
    "small vectors": ("100", "100"),
    "N-D, vector": ("2x3x40x50", "50"),
    "N-D, matrix": ("2x3x40x50", "50x60"),
}
NAIVE = {"small square": naive.matrix_dot, "small matrix, vector": naive.matrix_vector_dot,
         "small vectors": naive.vector_dot}


def operand(text, dtype, seed):
    """A random array of the shape in text; with a t at its end, transposed."""
    array = samples.uniform([int(n) for n in text.rstrip("t").split("x")], dtype, seed=seed)
    return array.T if text.endswith("t") else array


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", PRODUCTS)
def test_dot(name, dtype, compare):
    """The product of the last axis of x with the first or the last but one of y."""
    shapes = PRODUCTS[name]
    x, y = operand(shapes[0], dtype, 0), operand(shapes[1], dtype, 1)
    arrays = {"x": x, "y": y}
    torch = "torch.dot(x, y)" if x.ndim == 1 else "torch.matmul(x, y)"
    contenders = [libraries.ours("pt.dot(x, y)", **arrays),
                  libraries.numpy("np.dot(x, y)", **arrays),
                  *libraries.peers(torch, "jnp.dot(x, y)", **arrays)]
    if name in NAIVE:
        contenders.append(Contender("naive", "f(x, y)", {"f": NAIVE[name], **arrays}))
    n_terms = x.shape[-1]
    eps = np.finfo(dtype).eps
    compare(Case("products", name, " by ".join(shapes), dtype,
                 flops=2 * x.size * (y.size // n_terms), rtol=1e3 * eps, atol=eps * n_terms),
            contenders)
