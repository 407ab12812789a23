"""pytensor.layers: each layer alone, custom layers, errors."""

import threading

import numpy as np
import pytest

import pytensor as pt
from pytensor import activations, initializers, layers, random

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 3)).astype(np.float32)


class Scale(layers.Layer):
    """A layer as users write them: it does not say what shape its output has."""

    def build(self, input_shape):
        self.factor = self.add_weight((input_shape[-1],), "ones", name="factor")

    def call(self, x):
        return x * self.factor


class Block(layers.Layer):
    """A layer made of layers, in an attribute and in a list."""

    def __init__(self):
        super().__init__()
        self.first = layers.Dense(4, activation="relu")
        self.more = [layers.Dropout(0.5), layers.Dense(2)]
        self.last = Scale()

    def call(self, x):
        x = self.first(x)
        for layer in self.more:
            x = layer(x)
        return self.last(x)


# --------------------------------------------------------------------------------------- Dense


@pytest.mark.parametrize("activation", [None, "relu", "sigmoid", "softmax", "tanh", pt.square])
def test_dense(activation):
    layer = layers.Dense(4, activation=activation, bias_initializer="random_normal")
    out = layer(X)
    product = X @ np.asarray(layer.kernel) + np.asarray(layer.bias)
    np.testing.assert_allclose(out, activations.get(activation)(pt.asarray(product)), rtol=1e-5,
                               atol=1e-6)
    assert (out.shape, out.dtype) == ((5, 4), pt.float32)
    assert layer.compute_output_shape((None, 3)) == (None, 4)
    assert layer.count_params() == 16


def test_dense_defaults():
    random.seed(0)
    layer = layers.Dense(200)
    layer.build((None, 300))
    assert layer.activation is activations.linear
    assert layer.bias.tolist() == [0] * 200
    random.seed(0)
    np.testing.assert_array_equal(layer.kernel, initializers.GlorotUniform()((300, 200)))


def test_dense_without_bias():
    layer = layers.Dense(4, use_bias=False)
    np.testing.assert_allclose(layer(X), X @ np.asarray(layer.kernel), rtol=1e-5, atol=1e-6)
    assert layer.bias is None
    assert len(layer.weights) == 1


def test_dense_with_more_axes():
    layer = layers.Dense(4, activation="relu")
    x = RNG.normal(size=(2, 5, 3)).astype(np.float32)
    out = layer(x)
    np.testing.assert_allclose(out, np.maximum(x @ np.asarray(layer.kernel), 0), rtol=1e-5,
                               atol=1e-6)
    assert layer.compute_output_shape((None, 5, 3)) == (None, 5, 4)


@pytest.mark.parametrize("activation", [None, "relu", "softmax"])
def test_gradient_of_dense(activation):
    layer = layers.Dense(4, activation=activation)
    x = pt.asarray(X)
    weighing = pt.asarray(RNG.normal(size=(5, 4)).astype(np.float32))

    def value():
        return (layer(x) * weighing).sum()

    value()
    with pt.GradientTape() as tape:
        tape.watch(*layer.weights, x)
        out = value()
    gradients = tape.gradient(out, [*layer.weights, x])
    h = 1e-2
    for w, gradient in zip([*layer.weights, x], gradients, strict=True):
        numeric = np.empty(w.shape)
        for i in np.ndindex(w.shape):
            before = w[i].item()
            w[i] = before + h
            up = value().item()
            w[i] = before - h
            numeric[i] = (up - value().item()) / (2 * h)
            w[i] = before
        np.testing.assert_allclose(gradient, numeric, rtol=0.02, atol=5e-3)


# ------------------------------------------------------------------------------ the other ones


def test_activation():
    layer = layers.Activation("tanh")
    np.testing.assert_allclose(layer(X), np.tanh(X), rtol=1e-6)
    assert layer.compute_output_shape((None, 3)) == (None, 3)


def test_flatten():
    layer = layers.Flatten()
    assert layer(np.zeros((2, 3, 4))).shape == (2, 12)
    assert layer(np.zeros(2)).shape == (2, 1)
    assert layer(np.zeros((0, 3, 4))).shape == (0, 12)
    assert layer.compute_output_shape((None, 3, 4)) == (None, 12)


def test_rescaling():
    layer = layers.Rescaling(1 / 255, offset=-0.5)
    np.testing.assert_allclose(layer(np.array([[0, 255]], np.uint8)), [[-0.5, 0.5]], atol=1e-7)
    assert layers.Rescaling(2)([[1, 2]]).tolist() == [[2, 4]]


class TestDropout:
    def test_only_while_training(self):
        layer = layers.Dropout(0.5)
        np.testing.assert_array_equal(layer(X), X)
        np.testing.assert_array_equal(layer(X, training=False), X)
        assert (np.asarray(layer(X, training=True)) != X).any()

    def test_share_and_expectation(self):
        random.seed(0)
        out = np.asarray(layers.Dropout(0.2)(np.ones((1000, 100)), training=True))
        assert set(np.unique(out)) == {np.float32(0), np.float32(1.25)}
        assert abs((out == 0).mean() - 0.2) < 0.01

    @pytest.mark.parametrize("rate", [0, 1])
    def test_none_and_all(self, rate):
        out = np.asarray(layers.Dropout(rate)(X, training=True))
        np.testing.assert_array_equal(out, X * (1 - rate))

    def test_all_of_what_is_not_finite(self):
        x = pt.asarray([np.inf, -np.inf, np.nan, 1.0])
        with pt.GradientTape() as tape:
            tape.watch(x)
            out = layers.Dropout(1.0)(x, training=True)
        assert (out.tolist(), out.dtype) == ([0.0] * 4, pt.float32)
        assert tape.gradient(out, x).tolist() == [0.0] * 4

    def test_gradient_uses_the_same_mask(self):
        x = pt.ones((50, 10))
        with pt.GradientTape() as tape:
            tape.watch(x)
            out = layers.Dropout(0.5)(x, training=True)
        np.testing.assert_array_equal(tape.gradient(out, x), out)

    def test_seeds(self):
        def draw(layer):
            return np.asarray(layer(np.ones((20, 20)), training=True))

        random.seed(3)
        first = draw(layers.Dropout(0.5))
        assert (draw(layers.Dropout(0.5)) != first).any()
        random.seed(3)
        np.testing.assert_array_equal(draw(layers.Dropout(0.5)), first)
        np.testing.assert_array_equal(draw(layers.Dropout(0.5, seed=1)),
                                      draw(layers.Dropout(0.5, seed=1)))
        own = layers.Dropout(0.5, seed=1)
        assert (draw(own) != draw(own)).any()


# -------------------------------------------------------------------------- what all have alike


def test_names():
    assert layers.Dense(1).name == "dense"
    assert layers.Rescaling(1, name="bytes").name == "bytes"
    assert Scale().name == "scale"


def test_weights():
    layer = layers.Dense(2, name="out")
    assert layer.weights == []
    layer(X)
    assert [path for path, _, _ in layer.named_weights("a/")] == ["a/kernel", "a/bias"]
    before = layer.get_weights()
    layer.set_weights([np.ones((3, 2)), [5.0, 6.0]])
    assert layer.bias.tolist() == [5, 6]
    assert before[1].tolist() == [0, 0]  # a copy
    assert layer(np.ones((1, 3))).tolist() == [[8, 9]]


def test_freezing():
    layer = layers.Dense(2, trainable=False)
    layer(X)
    assert layer.trainable_weights == []
    layer.trainable = True
    assert len(layer.trainable_weights) == 2

    class Counter(layers.Layer):
        def build(self, input_shape):
            self.count = self.add_weight((), "zeros", trainable=False)
            self.other = self.add_weight((), "zeros")

    counter = Counter()
    counter.build((None, 1))
    assert [path for path, _, _ in counter.named_weights()] == ["weight", "weight_1"]
    assert [trained for _, _, trained in counter.named_weights()] == [False, True]


def test_layers_in_layers():
    block = Block()
    assert block.compute_output_shape((None, 3)) == (None, 2)
    assert [path for path, _, _ in block.named_weights()] == [
        "dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias", "scale/factor"]
    block.first.trainable = False
    assert len(block.trainable_weights) == 3
    block.trainable = False
    assert block.trainable_weights == []


def test_training_reaches_inner_layers():
    block = Block()
    still = np.asarray(block(X))
    np.testing.assert_array_equal(block(X), still)
    assert any((np.asarray(block(X, training=True)) != still).any() for _ in range(20))
    np.testing.assert_array_equal(block(X), still)


def test_training_mode_is_the_threads_own():
    entered, leave = threading.Event(), threading.Event()

    class Waiting(layers.Layer):
        def call(self, x):
            entered.set()
            assert leave.wait(30)
            return x

    thread = threading.Thread(target=Waiting(), args=(X,), kwargs={"training": True})
    thread.start()
    try:
        assert entered.wait(30)
        np.testing.assert_array_equal(layers.Dropout(0.5)(X), X)
    finally:
        leave.set()
        thread.join()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: layers.Dense(0), ValueError, "dense: units: found 0: expected at least 1"),
        (lambda: layers.Dense(-3), ValueError, "dense: units: found -3"),
        (lambda: layers.Dense(2.5), TypeError, "dense: units: found 2.5: expected an integer"),
        (lambda: layers.Dense(1, activation="rellu"), ValueError, "unknown activation 'rellu'"),
        (lambda: layers.Dense(1, kernel_initializer="one"), ValueError, "unknown initializer"),
        (lambda: layers.Dense(1, input_shape=784), TypeError,
         "dense: input_shape: found 784: expected a tuple of integers"),
        (lambda: layers.Dense(1, input_shape=(None,)), TypeError, "input_shape: found"),
        (lambda: layers.Dense(1, input_shape=(0,)), ValueError, "input_shape: found 0"),
        (lambda: layers.Dense(1, unit=3), TypeError, "unit"),
        (lambda: layers.Dense(1)(np.zeros(3)), ValueError,
         r"dense: input shape \(None,\): expected \(batch, ..., inputs\)"),
        (lambda: layers.Dropout(1.5), ValueError,
         r"dropout: rate: found 1.5: expected a number in \[0, 1\]"),
        (lambda: layers.Dropout(-0.1), ValueError, "dropout: rate: found -0.1"),
        (lambda: layers.Dropout(0.5, seed="a"), TypeError, "^dropout: seed: found 'a': expected"),
        (lambda: layers.Rescaling("a"), TypeError, "^rescaling: scale: found 'a': expected a num"),
        (lambda: layers.Rescaling(1, offset=None), TypeError, "^rescaling: offset: found None"),
        (lambda: layers.Flatten()(3.0), ValueError,
         r"^flatten: x has shape \(\): expected \(batch, ...\)"),
        (lambda: layers.Layer()(X), NotImplementedError, "Layer does not define call"),
        (lambda: layers.Input(784), TypeError, "input: input_shape: found 784"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_refuses_after_building():
    layer = layers.Dense(2)
    layer(X)
    with pytest.raises(ValueError, match=r"x has shape \(5, 4\) and w \(3, 2\)"):
        layer(np.zeros((5, 4)))
    with pytest.raises(ValueError, match=r"input shape \(None, 4\): expected .* 3\)"):
        layer.compute_output_shape((None, 4))
    with pytest.raises(ValueError, match="has a weight 'kernel' already: was it built twice"):
        layer.build((None, 3))
    with pytest.raises(ValueError, match="set_weights: 1 arrays: 'dense' has 2 weights"):
        layer.set_weights([np.zeros((3, 2))])
    before = layer.get_weights()
    with pytest.raises(ValueError, match=r"set_weights: bias: found shape \(3,\): expected \(2,\)"):
        layer.set_weights([np.zeros((3, 2)), np.zeros(3)])
    np.testing.assert_array_equal(layer.kernel, before[0])
