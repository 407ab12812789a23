"""Operands of different shapes, and expressions of several operations."""

import pytest
import samples
from contenders import contenders, present
from harness import Case, Contender

# name: the shapes of x and y, and the call in pytensor, NumPy, PyTorch and JAX
CASES = {
    "relu(m + v)": (
        (1000, 1000),
        (1000,),
        "pt.relu(x + y)",
        "np.maximum(x + y, 0)",
        "torch.relu(x + y)",
        "jnp.maximum(x + y, 0)",
    ),
    "matrix + vector": ((1000, 1000), (1000,), *["x + y"] * 4),
    "small matrix + vector": ((20, 50), (50,), *["x + y"] * 4),
    "matrix + column": ((1000, 1000), (1000, 1), *["x + y"] * 4),
    "short rows": ((250_000, 4), (4,), *["x * y"] * 4),
    "outer": ((1000, 1), (1, 1000), *["x * y"] * 4),
    "maximum": (
        (64, 3, 32, 10),
        (32, 10),
        "pt.maximum(x, y)",
        "np.maximum(x, y)",
        "torch.maximum(x, y)",
        "jnp.maximum(x, y)",
    ),
    "matrix * number": ((1000, 1000), (1,), *["x * 2.5"] * 4),
    "transposed + matrix": ((1000, 1000), (1000, 1000), *["x.T + y"] * 4),
    "every other row": ((1000, 1000), (500, 1000), *["x[::2] + y"] * 4),
}
NAIVE = {"small matrix + vector": "naive.add_matrix_and_vector(x, y)"}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_broadcasting(name, dtype, compare):
    """x op y where one of them is repeated along an axis, or lies in memory in steps."""
    x_shape, y_shape, ours, numpy, torch, jax = CASES[name]
    inputs = {"x": samples.uniform(x_shape, dtype), "y": samples.uniform(y_shape, dtype, seed=1)}
    size = " ".join("x".join(map(str, shape)) for shape in (x_shape, y_shape))
    compare(
        Case("broadcasting", name, size, dtype),
        contenders(inputs, pytensor=ours, numpy=numpy, torch=torch, jax=jax, naive=NAIVE.get(name)),
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_expression(size, dtype, compare):
    """a * b + c * exp(d): what temporaries cost, against libraries that make one pass of it."""
    inputs = {name: samples.uniform(size, dtype, seed=i) for i, name in enumerate("abcd")}
    found = contenders(
        inputs,
        **{
            library: f"a * b + c * {module}.exp(d)"
            for library, module in (
                ("pytensor", "pt"),
                ("numpy", "np"),
                ("torch", "torch"),
                ("jax", "jnp"),
            )
        },
    )
    found += present(
        Contender(
            "pytensor fused",
            "f(a, b, c, d)",
            inputs,
            "f = pt.fuse(lambda a, b, c, d: a * b + c * pt.exp(d))",
        ),
        Contender("numexpr", "numexpr.evaluate('a * b + c * exp(d)')", inputs),
    )
    compare(Case("expressions", "a*b + c*exp(d)", size, dtype, bytes=5 * inputs["a"].nbytes), found)
