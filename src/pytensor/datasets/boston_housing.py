"""Boston housing: 506 districts, 13 features, the median price of a house in 1000 dollars.

Source: D. Harrison, D. L. Rubinfeld, "Hedonic Housing Prices and the Demand for Clean Air" (1978);
the file is the one that Keras publishes. One feature is built on the share of Black residents; for
that reason other libraries have dropped the set, and `california_housing` takes its place.
"""

from __future__ import annotations

import os

import numpy as np

from . import _housing, _synthetic


def load_data(
    path: str | os.PathLike[str] | None = None, test_split: float = 0.2, seed: int = 113
) -> _housing.Split:
    """Load Boston housing from the disk or, the first time, from the network.

    The file, `boston_housing.npz`, is looked for as by `imdb.load_data`, with `boston_housing` for
    `imdb`; the errors are the same.

    Args:
        path: the file, or a directory with it, or with a directory `boston_housing` that has it.
        test_split: the share of the rows that is kept for the test, in [0, 1).
        seed: of the order of the rows.

    Returns:
        ((x_train, y_train), (x_test, y_test)): float64 Tensors of shapes (404, 13) and (404,),
        (102, 13) and (102,).

    >>> (x, y), (x_test, y_test) = pt.datasets.boston_housing.load_data()  # doctest: +SKIP
    """
    return _housing.load("boston_housing", path, 13, test_split, seed)


def synthetic_data(n_train: int = 404, n_test: int = 102, seed: int = 0) -> _housing.Split:
    """Make up a table in the form of `load_data`, that needs no file.

    Args:
        n_train: number of training rows.
        n_test: number of test rows.
        seed: the same seed gives the same rows.

    >>> (x, y), (x_test, y_test) = pt.datasets.boston_housing.synthetic_data()
    >>> x.shape, y_test.shape
    ((404, 13), (102,))
    """
    return _synthetic.table(
        "boston_housing.synthetic_data",
        n_train,
        n_test,
        seed,
        features=13,
        low=5,
        high=50,
        dtype=np.float64,
    )
