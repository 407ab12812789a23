"""pytensor.activations."""

import numpy as np
import pytest

import pytensor as pt
from pytensor import activations

X = np.array([[-3.0, -0.5, 0.0], [0.5, 2.0, 30.0]], np.float32)
REFERENCES = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softmax": lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
    "tanh": np.tanh,
}


@pytest.mark.parametrize("name", REFERENCES)
def test_values(name):
    out = activations.get(name)(pt.asarray(X))
    assert out.dtype == pt.float32
    np.testing.assert_allclose(out, REFERENCES[name](X.astype(np.float64)), rtol=1e-6, atol=1e-7)


def test_get():
    assert activations.get(None) is activations.linear
    assert activations.get("relu") is activations.relu
    assert activations.get(pt.relu) is activations.relu
    own = lambda x: x * x  # noqa: E731
    assert activations.get(own) is own


def test_refuses():
    with pytest.raises(ValueError, match=r"unknown activation 'rellu': known are linear, relu, "
                                         r"sigmoid, softmax, tanh"):
        activations.get("rellu")
    with pytest.raises(TypeError, match="activation: found 3: expected a name"):
        activations.get(3)
