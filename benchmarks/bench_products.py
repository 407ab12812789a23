"""dot and matmul: what networks multiply, squares, transposed operands, vectors, stacks."""

import math

import numpy as np
import pytest
import samples
from contenders import contenders
from harness import Case

# name: the shapes. "t": the operand is a transposed view, so the shape is the one before.
PRODUCTS = {
    # the network 784-512-10 with batches of 128: gradients of the weights and of the hidden layer
    "layer 1, dw": ["128x784t by 128x512"],
    "layer 2, dw": ["128x512t by 128x10"],
    "layer 2, dx": ["128x10 by 512x10t"],
    "dense layer": [
        f"{batch}x{layer.partition('x')[0]} by {layer}"
        for layer in ("784x512", "512x10", "512x512", "2000x2000", "64x64")
        for batch in (1, 8, 32, 64, 128, 256, 1024)
    ],
    "square": [f"{n}x{n} by {n}x{n}" for n in (16, 64, 128, 256, 512, 1024, 2048, 4096)],
    "transposed": [
        "512x512t by 512x512",
        "512x512 by 512x512t",
        "512x512t by 512x512t",
        "784x128t by 784x512",
        "128x784 by 512x784t",
        "784x128t by 512x784t",
    ],
    "skinny, wide": [
        "3000x64 by 64x64",
        "64x300 by 300x300",
        "10000x16 by 16x16",
        "2000x32 by 32x2000",
        "32x8000 by 8000x32",
        "16x256 by 256x8000",
    ],
    "matrix, vector": ["1000x1000 by 1000", "32x32 by 32"],
    "vectors": ["1000000 by 1000000", "100 by 100"],
    "N-D": ["2x3x40x50 by 50", "2x3x40x50 by 50x60"],
}
NAIVE = {
    "16x16 by 16x16": "naive.matrix_dot(x, y)",
    "32x32 by 32": "naive.matrix_vector_dot(x, y)",
    "100 by 100": "naive.vector_dot(x, y)",
}
QUICK_FLOPS = 3e8


def shape_of(text):
    """The shape in text, of an array before it is transposed where there is a t at its end."""
    return [int(n) for n in text.rstrip("t").split("x")]


def operand(text, dtype, seed):
    """A random array of the shape in text; with a t at its end, transposed."""
    array = samples.uniform(shape_of(text), dtype, seed=seed)
    return array.T if text.endswith("t") else array


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("name", "shapes"), [(name, shapes) for name, several in PRODUCTS.items() for shapes in several]
)
def test_dot(name, shapes, dtype, threads, compare, quick):
    """The product of the last axis of x with the first or the last but one of y."""
    left, right = shapes.split(" by ")
    n_terms = shape_of(left)[0 if left.endswith("t") else -1]
    flops = 2 * math.prod(shape_of(left)) * math.prod(shape_of(right)) // n_terms
    if quick and flops > QUICK_FLOPS:
        pytest.skip("takes long")
    x, y = operand(left, dtype, 0), operand(right, dtype, 1)
    eps = np.finfo(dtype).eps
    compare(
        Case(
            "products",
            name,
            shapes,
            dtype,
            threads,
            flops=flops,
            rtol=1e3 * eps,
            atol=eps * n_terms,
        ),
        contenders(
            {"x": x, "y": y},
            pytensor="pt.dot(x, y)",
            numpy="np.dot(x, y)",
            torch="torch.dot(x, y)" if x.ndim == 1 else "torch.matmul(x, y)",
            jax="jnp.dot(x, y)",
            naive=NAIVE.get(shapes),
        ),
    )
