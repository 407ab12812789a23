"""Tables of numbers with a number to predict: what the sets of house prices share."""

from __future__ import annotations

import os
from typing import BinaryIO

import numpy as np

from pytensor import _functions as pt
from pytensor._core import Tensor
from pytensor._support.arguments import integer, number

from . import _archive, _published

Split = tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]


def load(
    name: str,
    path: str | os.PathLike[str] | None,
    features: int,
    test_split: float,
    seed: int,
    most: int | None = None,
) -> Split:
    """Load a table, the first `most` rows of it, and split it as Keras does for a seed."""

    def read(content: BinaryIO) -> tuple[np.ndarray, np.ndarray]:
        found = _archive.members(content, (), ("x", "y"))
        x, y = found["x"], found["y"]
        if x.shape != (len(y), features) or y.ndim != 1 or {x.dtype.kind, y.dtype.kind} != {"f"}:
            raise ValueError(
                f"found x {x.shape} of {x.dtype} and y {y.shape} of {y.dtype}: "
                f"expected floats of shapes (n, {features}) and (n,)"
            )
        return x, y

    share = number(f"{name}.load_data: test_split", test_split, 0, 1, below_high=True)
    seed = integer(f"{name}.load_data: seed", seed, 0)
    instead = f"; or take a made-up table, {name}.synthetic_data()"
    x, y = _published.load(name, path, read, instead)
    return split(x[:most], y[:most], share, seed)


def split(x: np.ndarray, y: np.ndarray, test_split: float, seed: int) -> Split:
    """Shuffle the rows and keep the last ones for the test."""
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    x, y = x[order], y[order]
    train = int(len(x) * (1 - test_split))
    return (
        (pt.asarray(x[:train]), pt.asarray(y[:train])),
        (pt.asarray(x[train:]), pt.asarray(y[train:])),
    )
