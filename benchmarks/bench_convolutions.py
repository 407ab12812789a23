"""Convolutions and their gradients: LeNet, a small VGG, kernels of size 1, single channels."""

import numpy as np
import pytest
import samples
from contenders import present
from harness import Case, Contender

# name: images, height and width, channels, filters, size of the kernel, padding, groups
CONVOLUTIONS = {
    "LeNet, first": (128, 28, 1, 6, 5, 2, 1),
    "LeNet, second": (128, 14, 6, 16, 5, 0, 1),
    "MNIST, first": (128, 28, 1, 32, 3, 0, 1),
    "MNIST, second": (128, 13, 32, 64, 3, 0, 1),
    "VGG, first": (32, 32, 3, 32, 3, 1, 1),
    "VGG, 32": (32, 32, 32, 32, 3, 1, 1),
    "VGG, 64": (32, 32, 64, 64, 3, 1, 1),
    "VGG, 128": (16, 16, 128, 128, 3, 1, 1),
    "VGG, 256": (16, 8, 256, 256, 3, 1, 1),
    "1x1, wider": (16, 32, 64, 256, 1, 0, 1),
    "1x1, narrower": (16, 32, 256, 64, 1, 0, 1),
    "depthwise": (16, 32, 64, 64, 3, 1, 64),
}
QUICK_FLOPS = 3e8

# PyTorch keeps images as (channels, height, width); it gets them in the order that is faster.
TORCH = """
x = x.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
w = w.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)
g = g.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
back = torch.ops.aten.convolution_backward
def gradient(dx, dw):
    return back(g, x, w, [0], [1, 1], [{p}] * 2, [1, 1], False, [0, 0], {groups}, [dx, dw, False])
"""
JAX = """
def conv(x, w):
    return jax.lax.conv_general_dilated(
        x, w, (1, 1), [({p}, {p})] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count={groups})
forward = jax.jit(conv)
by_x = jax.jit(lambda x, w, g: jax.vjp(lambda x: conv(x, w), x)[1](g)[0])
by_w = jax.jit(lambda x, w, g: jax.vjp(lambda w: conv(x, w), w)[1](g)[0])
"""
OURS = "from pytensor import _core; geometry = ((1, 1), (1, 1), ({p}, {p}), {groups})"
STATEMENTS = {
    "forward": {
        "pytensor": "_core.conv(x, w, None, geometry, g.shape)",
        "torch": "F.conv2d(x, w, padding={p}, groups={groups}).permute(0, 2, 3, 1)",
        "jax": "forward(x, w).block_until_ready()",
    },
    "gradient by the data": {
        "pytensor": "_core.conv_transpose(g, w, None, geometry, x.shape)",
        "torch": "gradient(True, False)[0].permute(0, 2, 3, 1)",
        "jax": "by_x(x, w, g).block_until_ready()",
    },
    "gradient by the kernel": {
        "pytensor": "_core.conv_weights(x, g, geometry, w.shape)",
        "torch": "gradient(False, True)[1].permute(2, 3, 1, 0)",
        "jax": "by_w(x, w, g).block_until_ready()",
    },
}


@pytest.mark.parametrize("what", STATEMENTS)
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution(name, what, threads, compare, quick):
    """A convolution of images, or one of its gradients."""
    images, side, channels, filters, size, p, groups = CONVOLUTIONS[name]
    n = side + 2 * p - size + 1
    terms = size * size * channels // groups
    flops = 2 * images * n * n * terms * filters
    if quick and flops > QUICK_FLOPS:
        pytest.skip("takes long")
    inputs = {
        "x": samples.uniform((images, side, side, channels), "float32", seed=0),
        "w": samples.uniform((size, size, channels // groups, filters), "float32", seed=1),
        "g": samples.uniform((images, n, n, filters), "float32", seed=2),
    }
    setups = {"pytensor": OURS, "torch": TORCH, "jax": JAX}
    numbers = {"p": p, "groups": groups}

    def filled(text):
        for key, value in numbers.items():
            text = text.replace("{" + key + "}", str(value))
        return text

    many = images * n * n if what == "gradient by the kernel" else size * size * filters
    compare(
        Case(
            "convolutions",
            what,
            name,
            threads=threads,
            flops=flops,
            rtol=1e-3,
            atol=np.finfo("float32").eps * max(many, terms),
        ),
        present(
            *(
                Contender(library, filled(statement), inputs, filled(setups[library]))
                for library, statement in STATEMENTS[what].items()
            )
        ),
    )
