"""pytensor.regularizers."""

import numpy as np
import pytest

import pytensor as pt
from pytensor import regularizers

pytestmark = pytest.mark.once

X = np.array([[1.0, -2.0, 0.5], [-3.0, 0.0, 2.0]])
CASES = [
    ("L1", {}),
    ("L1", {"l1": 0.5}),
    ("L2", {}),
    ("L2", {"l2": 0.5}),
    ("L1L2", {}),
    ("L1L2", {"l1": 0.1, "l2": 0.2}),
    ("L1L2", {"l1": 0.1}),
    ("OrthogonalRegularizer", {}),
    ("OrthogonalRegularizer", {"factor": 0.3, "mode": "columns"}),
]


@pytest.mark.parametrize(
    ("regularizer", "expected"),
    [
        (regularizers.L1(0.1), 0.85),
        (regularizers.L2(0.1), 1.825),
        (regularizers.L1L2(0.1, 0.1), 2.675),
    ],
)
def test_values(regularizer, expected):
    assert regularizer(pt.asarray(X)).item() == pytest.approx(expected)


def test_orthogonal_rows_cost_nothing():
    regularizer = regularizers.OrthogonalRegularizer(1.0)
    assert regularizer(pt.asarray([[1.0, 1.0], [1.0, -1.0]])).item() < 1e-7
    assert regularizer(pt.asarray([[2.0, 0.0], [3.0, 0.0]])).item() == pytest.approx(1)


@pytest.mark.oracle
@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_values_are_those_of_keras(keras, name, options):
    x = keras.ops.convert_to_tensor(X, "float32")
    expected = getattr(keras.regularizers, name)(**options)(x)
    found = getattr(regularizers, name)(**options)(pt.asarray(X, dtype="float32"))
    np.testing.assert_allclose(found, keras.ops.convert_to_numpy(expected), rtol=1e-6, atol=1e-7)


def test_get():
    assert regularizers.get(None) is None
    assert regularizers.get("l2").l2 == 0.01
    assert regularizers.get("L1").l1 == 0.01
    assert regularizers.get(pt.sum) is pt.sum


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: regularizers.get("L3"), ValueError, "unknown regularizer 'L3': known are L1"),
        (lambda: regularizers.get(3), TypeError, "regularizer: found 3"),
        (lambda: regularizers.L2(-1), ValueError, "L2: l2: found -1"),
        (lambda: regularizers.L1("a"), TypeError, "L1: l1: found 'a'"),
        (lambda: regularizers.OrthogonalRegularizer(mode="x"), ValueError, "unknown mode 'x'"),
        (lambda: regularizers.OrthogonalRegularizer()(pt.ones(3)), ValueError, "expected a matrix"),
        (lambda: regularizers.Regularizer()(pt.ones(3)), NotImplementedError, "does not define"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_large_rows_are_orthogonal_or_not():
    regularizer = regularizers.OrthogonalRegularizer(1.0)
    assert regularizer(pt.asarray([[1e20, 1e20], [1e20, -1e20]])).item() < 1e-7
    assert regularizer(pt.asarray([[2e20, 0.0], [3e20, 0.0]])).item() == pytest.approx(1)


@pytest.mark.parametrize("name", ["l1l2", "L1L2", "l1_l2"])
def test_names_of_l1l2(name):
    assert type(regularizers.get(name)) is regularizers.L1L2
