"""pytensor.constraints."""

import numpy as np
import pytest

import pytensor as pt
from pytensor import constraints

pytestmark = pytest.mark.once

W = np.array([[3.0, -2.0, 0.1], [-4.0, 0.0, 0.2]])
CASES = [
    ("NonNeg", {}),
    ("UnitNorm", {}),
    ("UnitNorm", {"axis": 1}),
    ("UnitNorm", {"axis": [0, 1]}),
    ("MaxNorm", {}),
    ("MaxNorm", {"max_value": 0.5, "axis": 1}),
    ("MinMaxNorm", {}),
    ("MinMaxNorm", {"min_value": 0.5, "max_value": 3.0, "rate": 0.3}),
]


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        (constraints.NonNeg(), [[3, 0, 0.1], [0, 0, 0.2]]),
        (constraints.MaxNorm(2.5), [[1.5, -2, 0.1], [-2, 0, 0.2]]),
        (constraints.MinMaxNorm(2.0, 2.5), [[1.5, -2, 2 / 5**0.5], [-2, 0, 4 / 5**0.5]]),
    ],
)
def test_values(constraint, expected):
    np.testing.assert_allclose(constraint(pt.asarray(W)), expected, rtol=1e-6)


@pytest.mark.oracle
@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_values_are_those_of_keras(keras, name, options):
    w = keras.ops.convert_to_tensor(W, "float32")
    expected = getattr(keras.constraints, name)(**options)(w)
    found = getattr(constraints, name)(**options)(pt.asarray(W, dtype="float32"))
    np.testing.assert_allclose(found, keras.ops.convert_to_numpy(expected), rtol=2e-6)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: constraints.get("Max"), ValueError, "unknown constraint 'Max': known are MaxNorm"),
        (lambda: constraints.get(3), TypeError, "constraint: found 3"),
        (lambda: constraints.MaxNorm(-1), ValueError, "MaxNorm: max_value: found -1"),
        (
            lambda: constraints.MinMaxNorm(2, 1),
            ValueError,
            "max_value: found 1: expected at least 2",
        ),
        (lambda: constraints.MinMaxNorm(rate=2), ValueError, "rate: found 2"),
        (lambda: constraints.Constraint()(pt.ones(3)), NotImplementedError, "does not define"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_get():
    assert constraints.get(None) is None
    assert constraints.get("max_norm").max_value == 2
    assert constraints.get(abs) is abs


@pytest.mark.parametrize(
    "constraint",
    [
        constraints.UnitNorm(),
        constraints.MaxNorm(2),
        constraints.MinMaxNorm(0.5, 1.0),
        constraints.MinMaxNorm(0.5, 1.0, axis=[0, 1]),
    ],
    ids=lambda one: type(one).__name__,
)
def test_large_weights(constraint):
    w = pt.asarray(W + 10, dtype="float32")
    for scale in (1e20, 1e37):
        np.testing.assert_allclose(constraint(w * scale), constraint(w), rtol=1e-6)
