"""KMNIST: 70 000 handwritten characters of old Japanese of 28 x 28 pixels, in the form of MNIST.

Source: T. Clanuwat, M. Bober-Irizar, A. Kitamoto, A. Lamb, K. Yamamoto, D. Ha, "Deep Learning for
Classical Japanese Literature" (2018).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from . import _image_sets

if TYPE_CHECKING:
    from pytensor._core import Tensor

CLASSES = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")


def load_data(
    path: str | os.PathLike[str] | None = None,
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Load KMNIST from the disk or, the first time, from the network.

    The places, result and errors are those of `mnist.load_data`, with `kmnist` for `mnist`;
    `CLASSES` has the names of the labels.

    >>> (x, y), (x_test, y_test) = pt.datasets.kmnist.load_data()  # doctest: +SKIP
    """
    return _image_sets.load("kmnist", path)
