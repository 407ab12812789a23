"""Data sets: `mnist`, the `digits` that the package draws itself, and the file format `idx`.

>>> from pytensor.datasets import mnist
>>> (train_images, train_labels), (test_images, test_labels) = mnist.load_data()
"""

from . import digits, idx, mnist
from ._download import DownloadError

__all__ = ["DownloadError", "digits", "idx", "mnist"]
