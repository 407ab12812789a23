"""Data sets: images (`mnist`, `fashion_mnist`, `kmnist`, `cifar10`), texts (`imdb`, `reuters`),
tables (`boston_housing`, `california_housing`), the `digits` that the package draws itself; any
labelled `files`, the file format `idx`, and `Shards`, larger than memory.

>>> from pytensor.datasets import mnist
>>> (train_images, train_labels), (test_images, test_labels) = mnist.load_data()
"""

from . import (
    boston_housing,
    california_housing,
    cifar10,
    digits,
    fashion_mnist,
    files,
    idx,
    imdb,
    kmnist,
    mnist,
    reuters,
)
from ._download import DownloadError
from .shards import Shards

__all__ = [
    "DownloadError",
    "Shards",
    "boston_housing",
    "california_housing",
    "cifar10",
    "digits",
    "fashion_mnist",
    "files",
    "idx",
    "imdb",
    "kmnist",
    "mnist",
    "reuters",
]
