"""pytensor.layers.rescaling: Normalization. (Rescaling is in test_layers.py.)"""

import numpy as np
import pytest

import pytensor as pt
from pytensor import layers


@pytest.fixture(scope="module")
def keras():
    return pytest.importorskip("keras")


def data(*shape):
    random = np.random.default_rng(0)
    return (random.normal(size=shape) * random.uniform(0.1, 100, shape[-1]) + 50).astype("float32")


@pytest.mark.oracle
@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("axis", [-1, None, 1, (1, 2), (-1, 1)])
def test_normalization_is_that_of_keras(keras, axis, invert):
    x = data(200, 3, 4)
    mine = layers.Normalization(axis, invert=invert)
    theirs = keras.layers.Normalization(axis, invert=invert)
    mine.adapt(x)
    theirs.adapt(x)
    np.testing.assert_allclose(mine(x), np.asarray(theirs(x)), rtol=2e-4, atol=2e-4)


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("axis", "mean", "variance"),
    [(-1, 3.0, 4.0), (-1, [1, 2, 3, 4], [1, 1, 2, 4]), ((1, 2), np.ones((3, 4)), np.ones((3, 4)))],
)
def test_given_mean_and_variance(keras, axis, mean, variance):
    x = data(5, 3, 4)
    mine = layers.Normalization(axis, mean, variance)(x)
    theirs = keras.layers.Normalization(axis, mean, variance)(x)
    np.testing.assert_allclose(mine, np.asarray(theirs), rtol=1e-6)


@pytest.mark.parametrize("form", ["array", "tensor", "list", "batches", "pairs"])
def test_forms_of_data(form):
    x = data(100, 4)
    parts = np.split(x, [7, 7, 50])
    given = {
        "array": x,
        "tensor": pt.asarray(x),
        "list": x.tolist(),
        "batches": iter(parts),
        "pairs": ((part, None) for part in parts),
    }[form]
    layer = layers.Normalization()
    layer.adapt(given)
    mean, variance, count = layer.get_weights()
    np.testing.assert_allclose(mean, x.mean(0, np.float64), rtol=1e-6)
    np.testing.assert_allclose(variance, x.var(0, np.float64), rtol=1e-5)
    assert count == 100


def test_large_means_keep_the_variance():
    x = (data(1000, 2) % 1 + 1e6).astype(np.float64)
    layer = layers.Normalization()
    layer.adapt(iter(np.split(x, 10)))
    np.testing.assert_allclose(layer.get_weights()[1], x.var(0), rtol=1e-6)


def test_constant_features_become_0():
    layer = layers.Normalization()
    layer.adapt(np.full((10, 2), 7.0))
    assert layer([[7.0, 7.0]]).tolist() == [[0, 0]]


def test_adapting_again_starts_afresh():
    layer = layers.Normalization()
    layer.adapt(np.zeros((10, 2)))
    layer.adapt([[1.0, 2.0], [3.0, 6.0]])
    assert [w.tolist() for w in layer.get_weights()] == [[2, 4], [1, 4], 2]


def test_it_is_saved_with_the_model_and_not_trained(tmp_path):
    x = data(64, 3)
    y = x.sum(1, keepdims=True)
    layer = layers.Normalization()
    layer.adapt(x)
    before = layer.get_weights()
    model = pt.models.Sequential([layer, layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x, y, epochs=2, verbose=0)
    for weight, value in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, value)
    assert len(model.trainable_weights) == 2
    model.save(tmp_path / "model.safetensors")
    again = pt.models.load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: layers.Normalization()([[1.0]]), ValueError, "no mean yet: call adapt"),
        (lambda: layers.Normalization(mean=1), ValueError, "expected both, of one shape"),
        (
            lambda: layers.Normalization(mean=[1], variance=[1, 2]),
            ValueError,
            r"mean of shape \(1,\), variance of shape \(2,\)",
        ),
        (
            lambda: layers.Normalization(mean=[[1]], variance=[[1]]),
            ValueError,
            r"mean of shape \(1, 1\): expected at most 1 axes",
        ),
        (lambda: layers.Normalization(axis="x"), TypeError, "axis: found 'x'"),
        (lambda: layers.Normalization(2).adapt([[1.0]]), ValueError, "axis 2: expected axes of"),
        (lambda: layers.Normalization(0).adapt([[1.0]]), ValueError, "its length is open in"),
        (lambda: layers.Normalization().adapt(iter([])), ValueError, "adapt: no data"),
        (lambda: layers.Normalization().adapt([["a"]]), TypeError, "adapt: found <U1"),
        (
            lambda: layers.Normalization(mean=1, variance=1).adapt([[1.0]]),
            ValueError,
            "mean and variance were given",
        ),
        (
            lambda: layers.Normalization().adapt(iter([np.ones((2, 3)), np.ones((2, 4))])),
            ValueError,
            r"data of shape \(2, 4\): expected \(None, 3\)",
        ),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
