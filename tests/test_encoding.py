"""pytensor.layers.encoding: CategoryEncoding, Discretization."""

import numpy as np
import pytest

import pytensor as pt
from pytensor import layers

INPUTS = {
    "row": np.array([0, 2, 2]),
    "matrix": np.array([[0, 1, 1], [3, 3, 0]]),
    "column": np.array([[2], [0]]),
    "cube": np.array([[[0, 1], [1, 1]], [[3, 2], [0, 0]]]),
}


@pytest.fixture(scope="module")
def keras():
    return pytest.importorskip("keras")


@pytest.mark.oracle
@pytest.mark.parametrize("mode", ["one_hot", "multi_hot", "count"])
@pytest.mark.parametrize("name", INPUTS)
def test_category_encoding_is_that_of_keras(keras, name, mode):
    if name == "cube" and mode != "one_hot":
        pytest.skip("Keras takes the second axis here, not the last one, as documented")
    x = INPUTS[name]
    mine = layers.CategoryEncoding(4, mode)
    theirs = keras.layers.CategoryEncoding(4, mode)(x)
    np.testing.assert_array_equal(mine(x), np.asarray(theirs))
    assert mine(x).dtype is pt.float32
    assert mine.compute_output_shape(x.shape) == mine(x).shape


def test_counts_of_the_last_axis():
    found = layers.CategoryEncoding(4, "count")(INPUTS["cube"])
    assert found.tolist() == [[[1, 1, 0, 0], [0, 2, 0, 0]], [[0, 0, 1, 1], [2, 0, 0, 0]]]


def test_weights_of_counts():
    layer = layers.CategoryEncoding(3, "count")
    found = layer([[0, 1, 1], [2, 2, 2]], count_weights=[[1, 2, 3], [0.5, 0.5, 1]])
    assert found.tolist() == [[1, 5, 0], [0, 0, 2]]
    with pytest.raises(ValueError, match=r"count_weights of shape \(2,\): expected \(1, 3\)"):
        layer([[0, 1, 1]], count_weights=[1, 2])
    with pytest.raises(ValueError, match="expected output_mode='count'"):
        layers.CategoryEncoding(3)([[0]], count_weights=[[1]])


@pytest.mark.parametrize("wrong", [-1, 4, 0.5, np.nan])
def test_integers_out_of_range(wrong):
    with pytest.raises(ValueError, match=r"category_encoding: integer .*expected an integer in"):
        layers.CategoryEncoding(4)([[0, wrong]])


@pytest.mark.oracle
@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count"])
def test_discretization_is_that_of_keras(keras, mode):
    x = np.float32([[-1.5, 1.0, 3.4, 0.5], [0.0, 3.0, 1.3, 0.0], [-np.inf, np.inf, 2, 1]])
    boundaries = [0.0, 1.0, 2.0]
    mine = layers.Discretization(boundaries, output_mode=mode)
    theirs = keras.layers.Discretization(boundaries, output_mode=mode)(x)
    np.testing.assert_array_equal(mine(x), np.asarray(theirs))
    assert mine.compute_output_shape(x.shape) == mine(x).shape


@pytest.mark.parametrize("form", ["array", "tensor", "list", "batches", "pairs"])
def test_adapted_bins_hold_equally_many(form):
    x = np.random.default_rng(0).permutation(1000).astype(np.float32)
    given = {
        "array": x,
        "tensor": pt.asarray(x),
        "list": x.tolist(),
        "batches": iter(np.split(x, 10)),
        "pairs": ((part, None) for part in np.split(x, 10)),
    }[form]
    layer = layers.Discretization(num_bins=4)
    layer.adapt(given)
    assert layer.bin_boundaries == [249.75, 499.5, 749.25]
    assert np.bincount(np.asarray(layer(x))).tolist() == [250] * 4


def test_equal_numbers_share_a_bin():
    layer = layers.Discretization(num_bins=4, output_mode="one_hot")
    layer.adapt([1.0, 1.0, 1.0, 5.0])
    assert layer([1.0, 5.0]).shape == (2, 4)


def test_steps_end_the_adaptation():
    layer = layers.Discretization(num_bins=2)
    layer.adapt((np.full(2, k, np.float32) for k in range(1000)), steps=2)
    assert layer.bin_boundaries == [0.5]


def test_boundaries_are_saved():
    layer = layers.Discretization(num_bins=3)
    layer.adapt(np.arange(9))
    again = layers.Discretization.from_config(layer.get_config())
    assert again([4.0]).tolist() == layer([4.0]).tolist() == [1]
    fixed = layers.Discretization([1.0, 2.0])
    assert layers.Discretization.from_config(fixed.get_config()).bin_boundaries == [1, 2]


def test_in_a_model(tmp_path):
    pt.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(400, 1)).astype(np.float32)
    y = (np.abs(x) < 0.6).astype(np.float32)
    bins = layers.Discretization(num_bins=10, output_mode="one_hot")
    bins.adapt(x)
    model = pt.models.Sequential([bins, layers.Dense(1, activation="sigmoid")])
    model.compile(pt.optimizers.Adam(0.1), "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=20, verbose=0)
    assert model.evaluate(x, y, verbose=0)[1] > 0.9  # a linear model has 0.55
    model.save(tmp_path / "bins.safetensors")
    again = pt.models.load_model(tmp_path / "bins.safetensors")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: layers.CategoryEncoding(0), ValueError, "num_tokens: found 0: expected at least"),
        (
            lambda: layers.CategoryEncoding(3, "int"),
            ValueError,
            "output_mode: found 'int': expected one of 'one_hot', 'multi_hot', 'count'",
        ),
        (lambda: layers.Discretization(), ValueError, "expected bin_boundaries or num_bins"),
        (lambda: layers.Discretization([2, 1]), ValueError, "expected ascending numbers"),
        (lambda: layers.Discretization(["a"]), TypeError, "bin_boundaries: found 'a'"),
        (lambda: layers.Discretization([1, 2], 2), ValueError, "expected at most num_bins - 1, 1"),
        (lambda: layers.Discretization([1]).adapt([1]), ValueError, "the boundaries were given"),
        (lambda: layers.Discretization(num_bins=2).adapt([]), ValueError, "found no numbers"),
        (
            lambda: layers.Discretization(num_bins=2).adapt([np.nan]),
            ValueError,
            "adapt: found NaN or inf",
        ),
        (lambda: layers.Discretization(num_bins=2).adapt(3), TypeError, "data: found 3: expected"),
        (lambda: layers.Discretization(num_bins=2)([1.0]), ValueError, "call adapt"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
