"""The fused operations of neural networks: stable, one pass over memory, differentiable."""

from __future__ import annotations

from pytensor._core import (
    linear,
    log_softmax,
    softmax,
    softmax_cross_entropy,
    sparse_softmax_cross_entropy,
)
from pytensor._functions.attention import dot_product_attention
from pytensor._functions.convolution import avg_pool, conv, conv_transpose, max_pool
from pytensor._ops import relu, sigmoid, tanh

__all__ = [
    "avg_pool",
    "conv",
    "conv_transpose",
    "dot_product_attention",
    "linear",
    "log_softmax",
    "max_pool",
    "relu",
    "sigmoid",
    "softmax",
    "softmax_cross_entropy",
    "sparse_softmax_cross_entropy",
    "tanh",
]
