"""California housing: 20 640 districts, 8 features, the median price of a house in dollars.

Source: R. K. Pace, R. Barry, "Sparse Spatial Autoregressions" (1997), from the census of 1990; the
file is the one that Keras publishes. The features: median income, age, rooms, bedrooms, residents,
residents a household, latitude, longitude.
"""

from __future__ import annotations

import os

import numpy as np

from . import _housing, _synthetic


def load_data(
    version: str = "large",
    path: str | os.PathLike[str] | None = None,
    test_split: float = 0.2,
    seed: int = 113,
) -> _housing.Split:
    """Load California housing from the disk or, the first time, from the network.

    The file, `california_housing.npz`, is looked for as by `imdb.load_data`, with
    `california_housing` for `imdb`; the errors are the same.

    Args:
        version: "large", or "small" for the first 600 rows.
        path: the file, or a directory with it, or with a directory `california_housing` that has
            it.
        test_split: the share of the rows that is kept for the test, in [0, 1).
        seed: of the order of the rows.

    Returns:
        ((x_train, y_train), (x_test, y_test)): float32 Tensors of shapes (16512, 8) and (16512,),
        (4128, 8) and (4128,); the small version has 480 and 120 rows.

    >>> (x, y), _ = pt.datasets.california_housing.load_data("small")  # doctest: +SKIP
    """
    if version not in ("large", "small"):
        raise ValueError(
            f"california_housing.load_data: version: found {version!r}: expected 'large' or 'small'"
        )
    most = 600 if version == "small" else None
    return _housing.load("california_housing", path, 8, test_split, seed, most)


def synthetic_data(n_train: int = 480, n_test: int = 120, seed: int = 0) -> _housing.Split:
    """Make up a table in the form of `load_data`, that needs no file.

    Args:
        n_train: number of training rows.
        n_test: number of test rows.
        seed: the same seed gives the same rows.

    >>> (x, y), (x_test, y_test) = pt.datasets.california_housing.synthetic_data()
    >>> x.shape, y_test.shape
    ((480, 8), (120,))
    """
    return _synthetic.table(
        "california_housing.synthetic_data",
        n_train,
        n_test,
        seed,
        features=8,
        low=60_000,
        high=500_000,
        dtype=np.float32,
    )
