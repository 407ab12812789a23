"""Wrong uses of data sets and utilities."""

from __future__ import annotations

from pytensor import datasets, models
from pytensor.datasets import digits, mnist
from pytensor.utils import to_categorical

(train, labels), test = mnist.load_data()

mnist.load()  # error
mnist.load_data(3)  # error
digits.load_data("many")  # error
to_categorical([0, 1], classes=2)  # error
to_categorical([0, 1], "two")  # error
models.load_model()  # error
models.load_model(3.0)  # error
datasets.Shards()  # error
cifar = datasets.cifar100  # error
