"""Fashion-MNIST: 70 000 images of clothes of 28 x 28 pixels, in the form of MNIST.

Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking
Machine Learning Algorithms" (2017).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from . import _image_sets

if TYPE_CHECKING:
    from pytensor._core import Tensor

CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


def load_data(
    path: str | os.PathLike[str] | None = None,
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Load Fashion-MNIST from the disk or, the first time, from the network.

    The places, result and errors are those of `mnist.load_data`, with `fashion-mnist` for `mnist`;
    `CLASSES` has the names of the labels.

    >>> (x, y), (x_test, y_test) = pt.datasets.fashion_mnist.load_data()  # doctest: +SKIP
    """
    return _image_sets.load("fashion-mnist", path)
