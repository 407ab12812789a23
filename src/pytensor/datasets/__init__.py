"""Data sets: `mnist`, `fashion_mnist`, `kmnist`, the `digits` that the package draws itself; any
labelled `files`, the file format `idx`, and `Shards`, larger than memory.

>>> from pytensor.datasets import mnist
>>> (train_images, train_labels), (test_images, test_labels) = mnist.load_data()
"""

from . import digits, fashion_mnist, files, idx, kmnist, mnist
from ._download import DownloadError
from .shards import Shards

__all__ = ["DownloadError", "Shards", "digits", "fashion_mnist", "files", "idx", "kmnist", "mnist"]
