"""pytensor.batches."""

import numpy as np
import pytest

import pytensor as pt
from pytensor import random
from pytensor.batches import Batches, as_source

X = np.arange(20, dtype=np.uint8).reshape(10, 2)
Y = np.arange(10)


def batches(x=X, y=Y, y_dtype=pt.int64, **options):
    return Batches(as_source("x", x), None if y is None else as_source("y", y), y_dtype, **options)


def test_in_order():
    found = list(batches(batch_size=4))
    assert [y.tolist() for _, y in found] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    for x, y in found:
        assert (x.dtype, y.dtype) == (pt.float32, pt.int64)
        np.testing.assert_array_equal(x, X[np.asarray(y)])
    assert batches(batch_size=4).steps == 3
    assert [batches(batch_size=size).steps for size in (1, 5, 10, 11)] == [10, 2, 1, 1]


def test_shuffled():
    random.seed(0)
    data = batches(batch_size=4, shuffle=True)
    orders = []
    for _ in range(2):
        found = list(data)
        assert [len(y) for _, y in found] == [4, 4, 2]
        for x, y in found:
            assert (x.dtype, y.dtype) == (pt.float32, pt.int64)
            np.testing.assert_array_equal(x, X[np.asarray(y)])
        orders.append([label for _, y in found for label in y.tolist()])
        assert sorted(orders[-1]) == list(range(10))
    assert orders[0] != orders[1]
    random.seed(0)
    assert [label for _, y in batches(batch_size=4, shuffle=True) for label in y.tolist()] == (
        orders[0])


def test_without_targets():
    assert [(x.shape, y) for x, y in batches(y=None, y_dtype=None, batch_size=6)] == [
        ((6, 2), None), ((4, 2), None)]


def test_memory_is_the_users():
    source = as_source("x", X)
    assert np.shares_memory(np.asarray(source), X)
    assert source.dtype == pt.uint8
    floats = X.astype(np.float32)
    x, _ = next(iter(batches(floats, batch_size=4)))
    assert np.shares_memory(np.asarray(x), floats)
    turned = as_source("x", X.T)  # not in C order: copied once
    np.testing.assert_array_equal(turned, X.T)
    assert np.asarray(turned).flags.c_contiguous


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (None, ValueError, "x: missing"),
        (np.zeros((0, 3)), ValueError, r"x: found shape \(0, 3\): expected at least one sample"),
        (np.zeros((3, 0)), ValueError, r"x: found shape \(3, 0\)"),
        ([], ValueError, r"x: found shape \(0,\)"),
        (5.0, ValueError, r"x: found shape \(\)"),
        (["a", "b"], TypeError, "expected numbers"),
        (np.zeros(3, complex), TypeError, "complex128"),
    ],
)
def test_refuses(data, error, message):
    with pytest.raises(error, match=message):
        as_source("x", data)
