"""The handwritten functions that have a row in the op table: products, views, softmax and the rest.

Views cost their call, so they are measured on a small tensor; what moves memory on a large one.
"""

import numpy as np
import pytest
import samples
from contenders import contenders
from harness import Case

from pytensor._tables.ops import TABLE

SOFTMAX = "(e := np.exp(x - x.max(-1, keepdims=True))) / e.sum(-1, keepdims=True)"
LOG_SOFTMAX = "(s := x - x.max(-1, keepdims=True)) - np.log(np.exp(s).sum(-1, keepdims=True))"
SMALL = samples.uniform((4, 4))
ROWS = samples.uniform((1000, 1000), seed=1)
LOGITS = samples.uniform((1000, 10), seed=2)
COLUMNS = (slice(None), slice(None, None, 2))
CLASSES = samples.uniform(1000, "int64", 0, 9)
ORDER = np.random.default_rng(3).permutation(1000)
IMAGES = samples.uniform((32, 28, 28, 8), seed=4)
HEADS = samples.uniform((8, 128, 4, 16), seed=5)
ONE_HOT = (CLASSES[:, None] == range(10)).astype("float32")


# name of the row: what it is measured on, and the call in pytensor, NumPy, PyTorch and JAX
CASES = {
    "mean": [
        ("1M", {"x": ROWS}, "pt.mean(x)", "x.mean()", "x.mean()", "x.mean()"),
        (
            "rows 1000x1000",
            {"x": ROWS},
            "pt.mean(x, axis=1)",
            "x.mean(1)",
            "x.mean(1)",
            "x.mean(1)",
        ),
    ],
    "matmul": [
        ("4x4", {"x": SMALL}, "x @ x", "x @ x", "x @ x", "x @ x"),
        (
            "batch 64x32x32",
            {"x": ROWS.reshape(-1)[:65536].reshape(64, 32, 32)},
            "x @ x",
            "x @ x",
            "x @ x",
            "x @ x",
        ),
    ],
    "reshape": [
        ("view 4x4", {"x": SMALL}, *["x.reshape((2, 8))"] * 3, None),
        ("copy of 1000x1000 transposed", {"x": ROWS}, *["x.T.reshape((-1,))"] * 4),
    ],
    "permute_dims": [
        (
            "4x4",
            {"x": SMALL},
            "pt.permute_dims(x, (1, 0))",
            "np.transpose(x, (1, 0))",
            "torch.permute(x, (1, 0))",
            None,
        )
    ],
    "broadcast_to": [
        (
            "4x4",
            {"x": SMALL},
            "pt.broadcast_to(x, (3, 4, 4))",
            "np.broadcast_to(x, (3, 4, 4))",
            "torch.broadcast_to(x, (3, 4, 4))",
            None,
        )
    ],
    "astype": [
        (
            "float64 1M",
            {"x": ROWS},
            "x.astype('float64')",
            "x.astype('float64')",
            "x.to(torch.float64)",
            "x.astype('float64')",
        ),
        (
            "uint8 to float32 1M",
            {"x": samples.uniform((1000, 1000), "uint8", 0, 255)},
            "x.astype('float32')",
            "x.astype('float32')",
            "x.to(torch.float32)",
            "x.astype('float32')",
        ),
    ],
    "getitem": [
        ("view 4x4", {"x": SMALL}, *["x[1:3, ::2]"] * 3, None),
        ("1000 rows of 1000x1000", {"x": ROWS, "rows": CLASSES * 100}, *["x[rows]"] * 4),
    ],
    "scatter": [
        (
            "columns of 1000x1000",
            {"x": ROWS[:, :500].copy(), "columns": COLUMNS, "zeros_but": samples.zeros_but},
            "pt._core.scatter(x, columns, (1000, 1000))",
            "zeros_but(np.zeros, columns, x)",
            "zeros_but(torch.zeros, columns, x)",
            None,
        )
    ],
    "set_at": [
        (
            "1000 rows of 1000x1000",
            {"x": ROWS, "rows": ORDER, "y": ROWS[::-1].copy()},
            "pt.set_at(x, rows, y)",
            "(z := x.copy()).__setitem__(rows, y) or z",
            "(z := x.clone()).__setitem__(rows, y) or z",
            "x.at[rows].set(y)",
        )
    ],
    "concat": [
        (
            "two of 1000x1000",
            {"x": ROWS},
            "pt.concat([x, x], axis=1)",
            "np.concatenate([x, x], axis=1)",
            "torch.cat([x, x], 1)",
            "jnp.concatenate([x, x], 1)",
        )
    ],
    "linear": [
        (
            "relu 128x784x512",
            {"x": ROWS[:128, :784].copy(), "w": ROWS[:784, :512].copy(), "b": ROWS[0, :512].copy()},
            "pt.nn.linear(x, w, b, relu=True)",
            "np.maximum(x @ w + b, 0)",
            "torch.relu(torch.addmm(b, x, w))",
            "jnp.maximum(x @ w + b, 0)",
        )
    ],
    "softmax": [
        (
            "rows 1000x1000",
            {"x": ROWS},
            "pt.softmax(x)",
            SOFTMAX,
            "torch.softmax(x, -1)",
            "jax.nn.softmax(x)",
        ),
        (
            "rows 1000x10",
            {"x": LOGITS},
            "pt.softmax(x)",
            SOFTMAX,
            "torch.softmax(x, -1)",
            "jax.nn.softmax(x)",
        ),
    ],
    "logsumexp": [
        (
            "rows 1000x1000",
            {"x": ROWS},
            "pt.logsumexp(x, axis=-1)",
            "(m := x.max(-1)) + np.log(np.exp(x - m[:, None]).sum(-1))",
            "torch.logsumexp(x, -1)",
            "jax.nn.logsumexp(x, -1)",
        )
    ],
    **{
        f"cumulative_{name}": [
            (
                f"axis {axis} of 1000x1000",
                {"x": ROWS},
                f"pt.cumulative_{name}(x, axis={axis})",
                f"np.cumulative_{name}(x, axis={axis})",
                f"torch.cum{name}(x, {axis})",
                f"jnp.cum{name}(x, {axis})",
            )
            for axis in (0, 1)
        ]
        for name in ("sum", "prod")
    },
    "max_pool": [
        (
            "2x2 of 32x28x28x8",
            {"x": IMAGES},
            "pt.nn.max_pool(x, 2)",
            "x.reshape((32, 14, 2, 14, 2, 8)).max((2, 4))",
            "F.max_pool2d(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)",
            "jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, *[(1, 2, 2, 1)] * 2, 'VALID')",
        )
    ],
    "attention": [
        (
            "8x128x4x16",
            {"x": HEADS},
            "pt.nn.dot_product_attention(x, x, x)",
            None,
            "F.scaled_dot_product_attention(*[x.transpose(1, 2)] * 3).transpose(1, 2)",
            "jax.nn.dot_product_attention(x, x, x)",
        )
    ],
    "log_softmax": [
        (
            "rows 1000x1000",
            {"x": ROWS},
            "pt.log_softmax(x)",
            LOG_SOFTMAX,
            "torch.log_softmax(x, -1)",
            "jax.nn.log_softmax(x)",
        )
    ],
    "softmax_cross_entropy": [
        (
            "1000x10",
            {"x": LOGITS, "y": ONE_HOT},
            "pt.nn.softmax_cross_entropy(x, y)",
            f"-(y * ({LOG_SOFTMAX})).sum(-1)",
            "F.cross_entropy(x, y, reduction='none')",
            "-(y * jax.nn.log_softmax(x)).sum(-1)",
        )
    ],
    "sparse_softmax_cross_entropy": [
        (
            "1000x10",
            {"x": LOGITS, "y": CLASSES},
            "pt.nn.sparse_softmax_cross_entropy(x, y)",
            f"-({LOG_SOFTMAX})[np.arange(len(y)), y]",
            "F.cross_entropy(x, y, reduction='none')",
            "-jax.nn.log_softmax(x)[jnp.arange(len(y)), y]",
        )
    ],
}

# Convolutions have a file of their own, what picks and spreads is a gradient of max_pool; programs,
# loops and branches take what is in them, as bench_autodiff.py measures, and custom_gradient is
# whatever its user writes.
ELSEWHERE = {
    *("program", "scan", "while_loop", "cond"),
    *("conv", "conv_transpose", "conv_weights"),
    *("max_pool_pick", "max_pool_spread"),
    "custom_gradient",
    *("complex_abs", "complex_sign"),  # NumPy's
}


def test_every_row_has_a_case():
    """A handwritten row of the op table without a benchmark is an error."""
    rows = {row.name for row in TABLE if row.kind == "other"}
    assert rows - ELSEWHERE == set(CASES)


@pytest.mark.parametrize(
    ("name", "case"),
    [(name, case) for name in CASES for case in CASES[name]],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_function(name, case, compare):
    """A handwritten function."""
    what, inputs, ours, numpy, torch, jax = case
    compare(
        Case("functions", name, what, rtol=1e-4, atol=1e-4),
        contenders(inputs, pytensor=ours, numpy=numpy, torch=torch, jax=jax),
    )
