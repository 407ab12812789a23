"""pytensor.layers.wrappers: Bidirectional, TimeDistributed."""

import numpy as np
import pytest
from test_recurrent import MASKS, X, parts, with_weights

import pytensor as pt
from pytensor import layers, serialization


@pytest.fixture(scope="module")
def keras():
    return pytest.importorskip("keras")


@pytest.mark.oracle
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("merge_mode", ["concat", "sum", "mul", "ave", None])
@pytest.mark.parametrize(
    "options", [{}, {"return_sequences": True}, {"return_sequences": True, "return_state": True}]
)
@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_bidirectional_is_that_of_keras(keras, name, options, merge_mode, mask):
    results = []
    for library in (layers, keras.layers):
        layer = library.Bidirectional(getattr(library, name)(4, **options), merge_mode)
        with_weights(layer, X)
        given = MASKS[mask]
        if library is not layers and given is not None:
            given = keras.ops.convert_to_tensor(given)
        results.append(parts(layer(X, mask=given)))
        if library is layers:
            shapes = layer.compute_output_shape(X.shape)
            shapes = shapes if isinstance(shapes, list) else [shapes]
            assert [tuple(shape) for shape in shapes] == [part.shape for part in results[0]]
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_initial_states_of_both_directions():
    layer = with_weights(layers.Bidirectional(layers.LSTM(4, return_state=True)), X)
    states = [np.full((4, 4), k, np.float32) for k in range(4)]
    found = layer(X, initial_state=states)
    forward = layer.forward_layer(X, initial_state=states[:2])
    backward = layer.backward_layer(X, initial_state=states[2:])
    np.testing.assert_array_equal(found[0], np.concatenate([forward[0], backward[0]], axis=-1))
    np.testing.assert_array_equal(found[-1], backward[-1])


def test_the_layer_itself_is_not_changed():
    inner = layers.GRU(3, name="mine")
    layer = layers.Bidirectional(inner)
    layer(X)
    assert not inner.built and not inner.weights
    assert layer.forward_layer.name == "forward_mine"
    assert layer.backward_layer.name == "backward_mine" and layer.backward_layer.go_backwards
    again = serialization.from_json(serialization.to_json(layer))
    again(X)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(X), layer(X))


@pytest.mark.oracle
def test_time_distributed_is_that_of_keras(keras):
    x = np.random.default_rng(0).normal(size=(2, 5, 3, 4)).astype(np.float32)
    results = []
    for library in (layers, keras.layers):
        layer = with_weights(library.TimeDistributed(library.Dense(6, activation="tanh")), x)
        results.append(parts(layer(x))[0])
    np.testing.assert_allclose(*results, rtol=1e-5, atol=1e-6)


def test_time_distributed_shapes():
    layer = layers.TimeDistributed(layers.Flatten())
    assert layer(np.zeros((2, 5, 3, 4))).shape == (2, 5, 12)
    assert layer.compute_output_shape((None, 5, 3, 4)) == (None, 5, 12)
    again = serialization.from_json(serialization.to_json(layer))
    assert isinstance(again.layer, layers.Flatten)


def test_in_a_model(tmp_path):
    pt.utils.set_random_seed(0)
    model = pt.models.Sequential(
        [
            layers.Bidirectional(layers.LSTM(3, return_sequences=True), input_shape=(6, 3)),
            layers.TimeDistributed(layers.Dense(2)),
        ]
    )
    y = np.random.default_rng(1).normal(size=(4, 6, 2))
    model.compile("adam", "mse")
    losses = model.fit(X, y, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "model.safetensors")
    again = pt.models.load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: layers.Bidirectional(layers.Dense(3)), TypeError, "expected a recurrent layer"),
        (
            lambda: layers.Bidirectional(layers.GRU(3), "max"),
            ValueError,
            "merge_mode: found 'max': expected one of 'concat'",
        ),
        (
            lambda: layers.Bidirectional(layers.GRU(3), backward_layer=layers.GRU(3)),
            ValueError,
            "both layers have go_backwards=False",
        ),
        (
            lambda: layers.Bidirectional(
                layers.GRU(3),
                backward_layer=layers.GRU(3, go_backwards=True, return_sequences=True),
            ),
            ValueError,
            "return_sequences: found False and True",
        ),
        (lambda: layers.TimeDistributed("dense"), TypeError, "layer: found 'dense'"),
        (
            lambda: layers.TimeDistributed(layers.Dense(2))(np.zeros((2, 3))),
            ValueError,
            r"input shape \(None, 3\): expected \(batch, steps, ...\)",
        ),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
