"""MNIST: 70 000 handwritten digits of 28 x 28 pixels.

Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from . import _image_sets

if TYPE_CHECKING:
    from pytensor._core import Tensor


def load_data(
    path: str | os.PathLike[str] | None = None,
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Load MNIST from the disk or, the first time, from the network.

    The files are looked for in these places, in this order:

    1. `path`, if given, and nowhere else;
    2. the directory `mnist` in the one that the environment variable PYTENSOR_DATA names;
    3. the user's cache: the directory that PYTENSOR_CACHE names, else `pytensor` where the system
       keeps caches (`~/.cache` on Linux);
    4. the network: several mirrors in turn, into the cache.

    They are the four published IDX files (`train-images-idx3-ubyte` and so on), compressed (`.gz`)
    or not, or Keras's `mnist.npz`. What the user keeps in 1 or 2 may be any well-formed set of
    such images, a smaller one, say; what comes from the network is held to the published SHA-256.

    Args:
        path: a directory with the files, or with a directory `mnist` that has them, or the path of
            a `.npz` file.

    Returns:
        ((train_images, train_labels), (test_images, test_labels)): uint8 Tensors of shapes
        (60000, 28, 28) and (60000,), (10000, 28, 28) and (10000,); 0 is the background.

    Raises:
        ValueError: a file is truncated, corrupt or not what its name says.
        FileNotFoundError: `path` has no such files, or a directory has some of them only.
        DownloadError: no place has the files and they cannot be downloaded.

    >>> (x, y), (x_test, y_test) = pt.datasets.mnist.load_data()  # doctest: +SKIP
    >>> x.shape  # doctest: +SKIP
    """
    return _image_sets.load("mnist", path)
