"""pytensor.utils."""

import numpy as np
import pytest

import pytensor as pt
from pytensor.utils import set_random_seed, to_categorical


@pytest.mark.parametrize("form", [list, np.array, np.uint8, pt.asarray])
def test_one_hot_rows(form):
    rows = to_categorical(form([2, 0, 1, 2]))
    assert isinstance(rows, pt.Tensor)
    assert str(rows.dtype) == "float32"
    assert rows.tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_more_classes_than_labels():
    assert to_categorical([1], num_classes=4).tolist() == [[0, 1, 0, 0]]
    assert to_categorical([], num_classes=4).shape == (0, 4)


@pytest.mark.parametrize(
    ("labels", "classes", "error", "message"),
    [
        ([0, -1], None, ValueError, "label -1: expected 0 ... 0"),
        ([0, -3], 5, ValueError, "label -3: expected 0 ... 4"),
        ([0, 5], 5, ValueError, "label 5: expected 0 ... 4"),
        (np.uint64([2**63]), 5, ValueError, "label 9223372036854775808: expected 0 ... 4"),
        ([1.0, 2.0], None, TypeError, "labels of float64: expected integers"),
        (["1"], None, TypeError, "labels of <U1: expected integers"),
        ([True], None, TypeError, "labels of bool: expected integers"),
        ([[1, 2]], None, ValueError, r"labels of shape \(1, 2\): expected \(n,\)"),
        (3, None, ValueError, r"labels of shape \(\): expected \(n,\)"),
        ([], None, ValueError, "no labels: num_classes is needed"),
        ([0], 0, ValueError, "num_classes: found 0: expected at least 1"),
        ([0], 2.0, TypeError, "num_classes: found 2.0: expected an integer"),
    ],
)
def test_refuses(labels, classes, error, message):
    with pytest.raises(error, match=message):
        to_categorical(labels, classes)


def test_the_seed_determines_the_random_numbers():
    draws = []
    for seed in (1, 1, 2):
        set_random_seed(seed)
        draws.append(pt.random.generator().random(100))
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (draws[0] != draws[2]).any()
