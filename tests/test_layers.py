"""pytensor.layers: each layer alone, custom layers, errors."""

import inspect
import threading

import numpy as np
import pytest

import pytensor as pt
from pytensor import activations, initializers, layers, models, optimizers, random

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
    np.testing.assert_allclose(
        out, activations.get(activation)(pt.asarray(product)), rtol=1e-5, atol=1e-6
    )
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
    np.testing.assert_allclose(
        out, np.maximum(x @ np.asarray(layer.kernel), 0), rtol=1e-5, atol=1e-6
    )
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

    @pytest.mark.parametrize("shape", [(40,), (7, 9), (300, 500), (3, 100, 200), (1, 10**6)])
    @pytest.mark.parametrize("rate", [0.01, 0.3, 0.9])
    def test_share_of_zeros_for_any_size(self, shape, rate):
        """Within five standard deviations of the binomial distribution."""
        n = np.prod(shape)
        for x in (1.0, 1e-38, 1e30):
            out = np.asarray(layers.Dropout(rate, seed=5)(np.full(shape, x, "f4"), training=True))
            deviation = (n * rate * (1 - rate)) ** 0.5
            assert abs((out == 0).sum() - n * rate) <= 5 * deviation
            np.testing.assert_array_equal(out[out != 0], np.float32(x) * np.float32(1 / (1 - rate)))

    @pytest.mark.parametrize("make", [layers.Dropout, layers.AlphaDropout])
    def test_dropped_elements_are_0_whatever_they_were(self, make):
        """Infinities, NaN and infinite gradients too."""
        ones = np.ones((40, 50), np.float32)
        out = np.asarray(make(0.5, seed=2)(ones, training=True))
        kept = out == out.max()
        for value in (np.inf, -np.inf, np.nan):
            x = pt.asarray(value * ones)
            with pt.GradientTape() as tape:
                tape.watch(x)
                y = make(0.5, seed=2)(x, training=True)
                loss = (y * pt.asarray(np.inf * ones)).sum()
            np.testing.assert_array_equal(np.asarray(y)[kept], np.float32(value))
            np.testing.assert_array_equal(np.asarray(y)[~kept], out[~kept])
            np.testing.assert_array_equal(tape.gradient(loss, x), np.where(kept, np.inf, 0))

    @pytest.mark.parametrize("make", [layers.GaussianDropout, layers.GaussianNoise])
    def test_noise_of_infinities_is_infinite(self, make):
        x = np.array([[np.inf, -np.inf, np.nan, 1.0]] * 50, np.float32)
        out = np.asarray(make(0.5, seed=2)(x, training=True))
        assert np.isinf(out[:, :2]).all()
        assert np.isnan(out[:, 2]).all()
        assert np.isfinite(out[:, 3]).all()

    @pytest.mark.parametrize("rate", [0, 1])
    def test_none_and_all(self, rate):
        out = np.asarray(layers.Dropout(rate)(X, training=True))
        np.testing.assert_array_equal(out, X * (1 - rate))

    def test_dropping_all_of_inf_and_nan(self):
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
        np.testing.assert_array_equal(
            draw(layers.Dropout(0.5, seed=1)), draw(layers.Dropout(0.5, seed=1))
        )
        own = layers.Dropout(0.5, seed=1)
        assert (draw(own) != draw(own)).any()


# -------------------------------------------------------------------------- what all have alike


class TestBatchNormalization:
    def test_training_uses_the_batch_and_keeps_moving_means(self):
        layer = layers.BatchNormalization(momentum=0.75, epsilon=0.0)
        out = np.asarray(layer(X, training=True))
        np.testing.assert_allclose(out.mean(axis=0), 0, atol=1e-6)
        np.testing.assert_allclose(out.var(axis=0), 1, rtol=1e-5)
        np.testing.assert_allclose(layer.moving_mean, 0.25 * X.mean(axis=0), rtol=1e-5)
        np.testing.assert_allclose(layer.moving_variance, 0.75 + 0.25 * X.var(axis=0), rtol=1e-5)

    def test_inference_uses_the_moving_means(self):
        layer = layers.BatchNormalization(epsilon=0.0)
        layer.build((None, 3))
        layer.set_weights([[2, 2, 2], [1, 1, 1], [3, 3, 3], [4, 4, 4]])
        np.testing.assert_allclose(layer(X), (X - 3) / 2 * 2 + 1, rtol=1e-5)
        assert [len(layer.weights), len(layer.trainable_weights)] == [4, 2]

    def test_a_frozen_layer_uses_the_moving_means(self):
        layer = layers.BatchNormalization(trainable=False)
        layer(X, training=True)
        np.testing.assert_array_equal(layer.moving_mean, np.zeros(3))

    def test_moving_means_are_not_recorded(self):
        layer = layers.BatchNormalization()
        layer.build((None, 3))
        x = pt.asarray(X)
        with pt.GradientTape() as tape:
            tape.watch(x)
            layer(x, training=True)
            assert tape.gradient(layer.moving_mean.sum(), [x]) == [None]

    @pytest.mark.parametrize("axis", [1, -2])
    def test_another_axis(self, axis):
        x = RNG.normal(size=(6, 2, 4)).astype("f4")
        layer = layers.BatchNormalization(axis=axis)
        out = np.asarray(layer(x, training=True))
        np.testing.assert_allclose(out.mean(axis=(0, 2)), 0, atol=1e-6)
        assert layer.gamma.shape == (2,)


@pytest.mark.parametrize("axis", [-1, 1, [1, 2], [-1]])
def test_layer_normalization(axis):
    x = RNG.normal(size=(6, 2, 4)).astype("f4")
    layer = layers.LayerNormalization(axis=axis, epsilon=0.0)
    out = np.asarray(layer(x))
    axes = tuple(axis) if isinstance(axis, list) else axis
    np.testing.assert_allclose(out.mean(axis=axes), 0, atol=1e-6)
    np.testing.assert_allclose(out.var(axis=axes), 1, rtol=1e-4)


def test_embedding():
    layer = layers.Embedding(5, 3)
    found = layer([[0, 4], [2, 2]])
    np.testing.assert_array_equal(found, np.asarray(layer.embeddings)[[[0, 4], [2, 2]]])
    assert layer.compute_output_shape((None, 2)) == (None, 2, 3)
    with pytest.raises(ValueError, match=r"embedding: index 5.0 at position 1: expected .*, 5\)"):
        layer([0, 5])
    with pytest.raises(ValueError, match="embedding: index 0"):
        layer([0.5])


def test_reshape():
    assert layers.Reshape((2, -1))(np.ones((3, 2, 4))).shape == (3, 2, 4)
    assert layers.Reshape((-1, 2)).compute_output_shape((None, 2, 4)) == (None, 4, 2)
    with pytest.raises(ValueError, match=r"reshape: target_shape \(3, -1\): expected one of 8 el"):
        layers.Reshape((3, -1)).compute_output_shape((None, 8))
    with pytest.raises(ValueError, match="target_shape: found -1"):
        layers.Reshape((-1, -1))


@pytest.mark.parametrize(
    ("make", "mean", "std"),
    [
        (lambda: layers.AlphaDropout(0.3, seed=1), 0, 1),
        (lambda: layers.GaussianNoise(0.5, seed=1), 0, 1.25**0.5),
        (lambda: layers.GaussianDropout(0.5, seed=1), 0, 2**0.5),
    ],
)
def test_noise(make, mean, std):
    x = pt.asarray(np.random.default_rng(1).standard_normal((400, 250)).astype("f4"))
    layer = make()
    assert layer(x) is x
    out = np.asarray(layer(x, training=True))
    assert out.mean() == pytest.approx(mean, abs=0.01)
    assert out.std() == pytest.approx(std, abs=0.01)
    np.testing.assert_array_equal(make()(x, training=True), out)


@pytest.mark.parametrize(
    "make",
    [
        layers.ReLU,
        lambda: layers.ReLU(6.0),
        lambda: layers.ReLU(threshold=1.0),
        lambda: layers.ReLU(2.0, 0.1, 0.5),
        layers.LeakyReLU,
        lambda: layers.LeakyReLU(0.0),
        layers.ELU,
        layers.PReLU,
        lambda: layers.PReLU("ones"),
        layers.Softmax,
        lambda: layers.Activation("hard_shrink"),
        lambda: layers.Dense(3, "relu"),
        lambda: layers.Dense(3, "hard_sigmoid"),
        layers.BatchNormalization,
        layers.LayerNormalization,
        layers.UnitNormalization,
        layers.Flatten,
        lambda: layers.Rescaling(2.0),
    ],
)
def test_nan_stays_nan(make):
    """In the rows with NaN all that depends on it is NaN, and the gradients with respect to it."""
    x = X.copy()
    x[1] = np.nan
    layer = make()
    out = np.asarray(layer(x))
    assert np.isnan(out[1]).all()
    assert np.isfinite(out[2]).all()
    gradient = np.asarray(pt.grad(lambda x: pt.square(layer(x)).sum())(pt.asarray(x)))
    assert np.isnan(gradient[1]).all()
    assert np.isfinite(gradient[2]).all()
    for weight in layer.trainable_weights:
        with pt.GradientTape() as tape:
            tape.watch(weight)
            loss = pt.square(layer(x)).sum()
        assert pt.isnan(tape.gradient(loss, weight)).all()


@pytest.mark.oracle
@pytest.mark.parametrize("name", sorted(layers.__all__))
def test_arguments_by_position_are_those_of_keras(keras, name):
    """An argument that stands elsewhere there must be named."""
    ours, theirs = (
        [
            p.name
            for p in inspect.signature(getattr(module, name)).parameters.values()
            if p.kind is p.POSITIONAL_OR_KEYWORD
        ]
        for module in (layers, keras.layers)
    )
    assert ours == theirs[: len(ours)]


def test_activation_layers():
    np.testing.assert_allclose(layers.LeakyReLU(0.1)(X), np.where(X > 0, X, 0.1 * X))
    np.testing.assert_allclose(layers.ReLU(max_value=1)(X), np.clip(X, 0, 1))
    np.testing.assert_allclose(layers.ELU(2.0)(X), np.where(X > 0, X, 2 * np.expm1(X)), rtol=1e-6)
    prelu = layers.PReLU("ones")
    np.testing.assert_allclose(prelu(-X), -X)
    assert prelu.alpha.shape == (3,)
    np.testing.assert_allclose(np.asarray(layers.Softmax(axis=0)(X)).sum(axis=0), 1, rtol=1e-6)


# ------------------------------------------------------------------ regularizers and constraints


def test_losses_of_layers():
    class Own(layers.Layer):
        def call(self, x):
            self.add_loss(x.sum())
            return x

    block = models.Sequential(
        [
            layers.Dense(
                2,
                kernel_regularizer="l2",
                bias_regularizer=lambda b: b.sum(),
                bias_initializer="ones",
                activity_regularizer="l1",
            ),
            Own(),
        ]
    )
    out = block(X)
    kernel = np.asarray(block.layers[0].kernel)
    expected = [
        0.01 * (kernel**2).sum(),
        2,
        0.01 * abs(np.asarray(out)).sum() / 5,
        np.asarray(out).sum(),
    ]
    np.testing.assert_allclose([value.item() for value in block.losses], expected, rtol=1e-5)
    block.layers[0].trainable = False
    assert len(block.losses) == 2
    block(X)
    assert len(block.losses) == 2


def test_constraints_hold_after_each_step():
    network = models.Sequential(
        [
            layers.Dense(
                4, kernel_constraint="unit_norm", bias_constraint=lambda b: pt.maximum(b, 0.0)
            )
        ]
    )
    network.compile("sgd", "mse")
    network.fit(X, np.ones((5, 4)), epochs=2, verbose=0)
    kernel, bias = network.get_weights()
    np.testing.assert_allclose(np.linalg.norm(kernel, axis=0), 1, rtol=1e-5)
    assert (bias >= 0).all()
    network.layers[0].kernel[...] = 5.0
    network.apply_constraints()
    np.testing.assert_allclose(np.linalg.norm(network.get_weights()[0], axis=0), 1, rtol=1e-5)


# --------------------------------------------------------------------------------- beside Keras

KERAS_CASES = {
    "dense": [("Dense", {"units": 4, "activation": "tanh"})],
    "no bias": [("Dense", {"units": 4, "use_bias": False})],
    "regularized": [
        (
            "Dense",
            {
                "units": 4,
                "kernel_regularizer": "l2",
                "bias_regularizer": "l1",
                "activity_regularizer": "l2",
            },
        )
    ],
    "constrained": [
        ("Dense", {"units": 4, "kernel_constraint": "max_norm", "bias_constraint": "non_neg"})
    ],
    "frozen": [("Dense", {"units": 4, "kernel_regularizer": "l2", "trainable": False})],
    "activity": [("Dense", {"units": 4}), ("ActivityRegularization", {"l1": 0.1, "l2": 0.2})],
    "batch normalization": [
        ("Dense", {"units": 4}),
        ("BatchNormalization", {}),
        ("Activation", {"activation": "relu"}),
    ],
    "batch normalization, options": [
        (
            "BatchNormalization",
            {"momentum": 0.5, "epsilon": 0.1, "center": False, "gamma_regularizer": "l2"},
        )
    ],
    "layer normalization": [("Dense", {"units": 4}), ("LayerNormalization", {})],
    "layer normalization, options": [
        ("LayerNormalization", {"epsilon": 0.1, "scale": False, "beta_regularizer": "l2"})
    ],
    "normalization of more axes": [
        ("Reshape", {"target_shape": (3, 2)}),
        ("LayerNormalization", {"axis": [1, 2]}),
        ("BatchNormalization", {"axis": 1}),
        ("Flatten", {}),
    ],
    "unit normalization": [("Dense", {"units": 4}), ("UnitNormalization", {})],
    "prelu": [("Dense", {"units": 4}), ("PReLU", {"alpha_initializer": "ones"})],
    "activations": [
        ("Dense", {"units": 4}),
        ("LeakyReLU", {}),
        ("Dense", {"units": 4}),
        ("ELU", {"alpha": 0.5}),
        ("ReLU", {"max_value": 1.0, "threshold": 0.1, "negative_slope": 0.2}),
    ],
    "rescaling": [("Rescaling", {"scale": 0.5, "offset": 1.0}), ("Dense", {"units": 4})],
}
for name in (
    "elu",
    "selu",
    "gelu",
    "silu",
    "softplus",
    "mish",
    "softsign",
    "sigmoid",
    "softmax",
    "hard_sigmoid",
    "exponential",
    "log_softmax",
):
    KERAS_CASES[f"activation {name}"] = [("Dense", {"units": 4, "activation": name})]


def beside_keras(keras, specification, input_shape):
    """Our model and Keras's, of the same layers and weights, compiled alike."""
    specification = [*specification, ("Dense", {"units": 2})]
    random.seed(0)
    ours = models.Sequential(
        [layers.Input(input_shape)]
        + [getattr(layers, name)(**options) for name, options in specification]
    )
    theirs = keras.Sequential(
        [keras.Input(input_shape)]
        + [getattr(keras.layers, name)(**options) for name, options in specification]
    )
    theirs.set_weights(ours.get_weights())
    ours.compile(optimizers.SGD(0.1, momentum=0.5), "mse")
    theirs.compile(keras.optimizers.SGD(0.1, momentum=0.5), "mse")
    return ours, theirs


def assert_train_alike(ours, theirs, x, y):
    options = {
        "batch_size": 8,
        "epochs": 3,
        "shuffle": False,
        "verbose": 0,
        "validation_data": (x[:6], y[:6]),
    }
    found = ours.fit(x, y, **options).history
    expected = theirs.fit(x, y, **options).history
    for name, values in found.items():
        np.testing.assert_allclose(values, expected[name], rtol=2e-5)
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=2e-4, atol=5e-6)
    np.testing.assert_allclose(
        ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=1e-4, atol=1e-5
    )


@pytest.mark.oracle
@pytest.mark.parametrize("name", KERAS_CASES)
def test_layers_train_as_those_of_keras(keras, name):
    x = np.random.default_rng(1).normal(size=(24, 6)).astype("f4")
    y = np.random.default_rng(2).normal(size=(24, 2)).astype("f4")
    assert_train_alike(*beside_keras(keras, KERAS_CASES[name], (6,)), x, y)


@pytest.mark.oracle
def test_embedding_trains_as_that_of_keras(keras):
    x = np.random.default_rng(1).integers(0, 9, size=(24, 3))
    y = np.random.default_rng(2).normal(size=(24, 2)).astype("f4")
    specification = [
        ("Embedding", {"input_dim": 9, "output_dim": 4, "embeddings_regularizer": "l2"}),
        ("Flatten", {}),
    ]
    assert_train_alike(*beside_keras(keras, specification, (3,)), x, y)


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
        "dense/kernel",
        "dense/bias",
        "dense_1/kernel",
        "dense_1/bias",
        "scale/factor",
    ]
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


class Tower(layers.Layer):
    """A custom layer around a normalization, in a dictionary."""

    def __init__(self, **options):
        super().__init__(**options)
        self.parts = {"norm": layers.BatchNormalization(), "more": [layers.Dense(2)]}

    def call(self, x):
        return self.parts["more"][0](self.parts["norm"](x))


def towers():
    """Containers around a BatchNormalization: the container, and that layer."""
    tower = Tower()
    yield tower, tower.parts["norm"]
    deep = models.Sequential([models.Sequential([layers.Dense(3), layers.BatchNormalization()])])
    yield deep, deep.layers[0].layers[1]
    mixed = models.Sequential([tower := Tower(), layers.Dense(2)])
    yield mixed, tower.parts["norm"]


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("how", ["called", "inner model"])
def test_a_frozen_container_does_not_change(how, number):
    container, norm = list(towers())[number]
    container(X)
    container.trainable = False
    assert not norm.trainable
    assert container.trainable_weights == []
    network = models.Sequential([container, layers.Dense(1)])
    network.compile("sgd", "mse")
    network(X)
    before, still = container.get_weights(), np.asarray(container(X))
    if how == "called":
        container(X, training=True)
        network(X, training=True)
    else:
        network.fit(X, X[:, :1], epochs=2, verbose=0)
    for found, expected in zip(container.get_weights(), before, strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(container(X, training=True), still)
    container.trainable = True
    assert norm.trainable
    network.fit(X, X[:, :1], verbose=0)
    assert (container.get_weights()[0] != before[0]).any()
    assert (np.asarray(norm.moving_mean) != before[2]).any()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Tower(trainable=False),  # before there are any inside
        lambda: models.Sequential([layers.BatchNormalization()], trainable=False),
    ],
    ids=["own", "model"],
)
def test_layers_added_to_a_frozen_container_are_frozen(make):
    container = make()
    container(X)
    before = container.get_weights()
    container(X, training=True)
    assert container.trainable_weights == []
    for found, expected in zip(container.get_weights(), before, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_mode_of_a_frozen_container_ends_with_it():
    norm = layers.BatchNormalization()
    network = models.Sequential([models.Sequential([layers.Dense(3)], trainable=False), norm])
    network(X, training=True)
    assert (np.asarray(norm.moving_mean) != 0).any()


def test_layers_in_dictionaries_are_trained():
    tower = Tower(name="tower")
    tower(X)
    assert [path for path, _, _ in tower.named_weights()] == [
        "batch_normalization/gamma",
        "batch_normalization/beta",
        "batch_normalization/moving_mean",
        "batch_normalization/moving_variance",
        "dense/kernel",
        "dense/bias",
    ]
    assert [path for path, _ in tower.named_layers("a/")] == ["a/batch_normalization", "a/dense"]


@pytest.mark.parametrize("layer", [layers.Dense(3, activation="tanh"), layers.Activation("tanh")])
def test_an_activation_that_changes(layer):
    network = models.Sequential([layers.Dense(3, input_shape=(3,)), layer])
    network.compile("sgd", "categorical_crossentropy")
    y = np.eye(3)[[0, 1, 2, 0, 1]]
    for activation in ("softmax", None, "relu", activations.softmax, "linear"):
        layer.activation = activation
        assert layer.activation is activations.get(activation)
        before = layer.pre_activation(network.layers[0](X))
        np.testing.assert_allclose(network(X), activations.get(activation)(before), rtol=1e-6)
        np.testing.assert_allclose(network.predict(X, verbose=0), network(X), rtol=1e-6)
        if layer.activation is activations.softmax:  # trained on its logits
            network.train_on_batch(X, y)
    with pytest.raises(ValueError, match="unknown activation 'no'"):
        layer.activation = "no"
    assert layer.activation is activations.linear


class Doubled(layers.Dense):
    """Computes something else than Dense, with the same activation."""

    def call(self, x):
        return activations.softmax(2 * super().pre_activation(x))


class DoubledLogits(layers.Dense):
    def pre_activation(self, x):
        return 2 * super().pre_activation(x)


class Mixin:
    def call(self, x):
        return activations.softmax(2 * self.pre_activation(x))


class Mixed(Mixin, layers.Dense):
    pass


class DoubledActivation(layers.Activation):
    def call(self, x):
        return activations.softmax(2 * x)


class DoubledSoftmax(layers.Softmax):
    def call(self, x):
        return activations.softmax(2 * x)


@pytest.mark.parametrize(
    ("layer", "separable"),
    [
        (lambda: Doubled(3, activation="softmax"), False),
        (lambda: Mixed(3, activation="softmax"), False),
        (lambda: DoubledActivation("softmax"), False),
        (lambda: DoubledSoftmax(), False),
        (lambda: DoubledLogits(3, activation="softmax"), True),
        (lambda: layers.Dense(3, activation="softmax"), True),
        (lambda: layers.Dense(3, activation="softmax", activity_regularizer="l2"), False),
        (lambda: layers.Dropout(0.5), False),
    ],
    ids=[
        "call",
        "mixin",
        "activation",
        "softmax",
        "pre_activation",
        "dense",
        "regularized",
        "dropout",
    ],
)
def test_a_subclass_is_trained_with_its_own_call(layer, separable):
    """The loss that training reports is that of the layer's output, also where it uses logits."""
    network = models.Sequential([layers.Dense(3, input_shape=(3,)), layer()])
    network.compile("sgd", "categorical_crossentropy")
    last = network.layers[-1]
    assert (last.separable_activation is activations.softmax) is separable
    assert network.output_activation is last.separable_activation
    y = np.eye(3)[[0, 1, 2, 0, 1]]
    out = np.asarray(network(X))
    expected = -np.log(np.clip(out[y == 1] / out.sum(-1), 1e-7, 1)).mean()
    if last.activity_regularizer is not None:
        expected += network.losses[0].item()
    if not isinstance(last, layers.Dropout):
        assert network.evaluate(X, y, verbose=0) == pytest.approx(expected, rel=1e-5)


def test_relu_uses_the_pre_activation_of_a_subclass():
    layer = DoubledLogits(4, activation="relu")
    np.testing.assert_array_equal(layer(X), activations.relu(layer.pre_activation(pt.asarray(X))))


@pytest.mark.once
def test_options_have_names():
    """As in Keras, what every layer takes is given by name."""
    for make in (lambda: layers.Input((3,), "name"), lambda: layers.Flatten("name")):
        with pytest.raises(TypeError, match="positional argument"):
            make()
    assert layers.Input((3,), name="images").name == "images"


def test_an_activity_regularizer_that_changes():
    layer = layers.Dense(3)
    layer.activity_regularizer = "l1"
    out = layer(X)
    np.testing.assert_allclose(
        layer.losses[0], 0.01 * abs(np.asarray(out)).sum() / len(X), rtol=1e-6
    )
    layer.activity_regularizer = None
    layer(X)
    assert layer.losses == []


@pytest.mark.parametrize("axis", [(1, 2), [-1, 1], (2,), [3, 1, 2]])
def test_softmax_over_several_axes(axis):
    x = RNG.normal(size=(4, 2, 3, 5)).astype("f4")
    powers = np.exp(x.astype("f8"))
    expected = powers / powers.sum(tuple(axis), keepdims=True)
    layer = layers.Softmax(axis)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-6)
    np.testing.assert_allclose(activations.softmax(x, axis), expected, rtol=1e-6)
    np.testing.assert_allclose(activations.log_softmax(x, axis), np.log(expected), rtol=1e-5)
    assert layers.Softmax.from_config(layer.get_config()).axis == list(axis)
    with pytest.raises(ValueError, match="softmax: axis 1 appears twice"):
        layers.Softmax([1, -3])(x)


LARGE = np.array([[1, 2, 3, 4], [4, 2, 3, 1], [1, 1, 1, 1]], "f4")


@pytest.mark.parametrize("scale", [1e20, 3e37, 8.5e37])
def test_normalizations_do_not_overflow(scale):
    x = np.float32(scale) * LARGE
    expected = (LARGE - 2.5) / 1.25**0.5
    expected[2] = 0
    layer = layers.LayerNormalization()
    np.testing.assert_allclose(layer(x), expected, rtol=1e-6)
    # What is beside it keeps its bits.
    beside = layer(np.concatenate([x, LARGE]))
    np.testing.assert_array_equal(beside[3:], layer(LARGE))
    columns = layers.BatchNormalization()
    np.testing.assert_allclose(columns(x[:2].T, training=True)[:, 0], expected[0], rtol=1e-6)
    assert np.isfinite(columns.get_weights()[2:]).all()
    np.testing.assert_allclose(columns.moving_mean, [0.01 * 2.5 * scale] * 2, rtol=1e-5)
    units = layers.UnitNormalization()(x[:2])
    np.testing.assert_allclose(units, LARGE[:2] / 30**0.5, rtol=1e-6)


def test_gradients_of_normalizations_that_would_overflow():
    x, weights = pt.asarray(LARGE[:2]), pt.asarray([[1.0, -2.0, 0.5, 3.0], [0.0, 1.0, 1.0, 2.0]])
    for layer in (
        layers.LayerNormalization(epsilon=0.0),
        layers.UnitNormalization(),
        layers.BatchNormalization(epsilon=0.0),
    ):
        layer(x)

        def f(x, layer=layer):
            return (layer(x, training=True) * weights).sum()

        np.testing.assert_allclose(pt.grad(f)(x * 1e20) * 1e20, pt.grad(f)(x), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_normalizations_propagate_inf_and_nan(value):
    x = LARGE.copy()
    x[0, 0] = value
    found = np.asarray(layers.LayerNormalization()(x))
    assert np.isnan(found[0]).any()
    np.testing.assert_array_equal(found[1:], layers.LayerNormalization()(LARGE[1:]))
    assert np.isnan(layers.BatchNormalization()(x, training=True).numpy()[:, 0]).any()


def test_training_mode_is_per_thread():
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
        (lambda: layers.Dense(1, kernel_initializer="once"), ValueError, "unknown initializer"),
        (
            lambda: layers.Dense(1, input_shape=784),
            TypeError,
            "dense: input_shape: found 784: expected a tuple of integers",
        ),
        (lambda: layers.Dense(1, input_shape=(None,)), TypeError, "input_shape: found"),
        (lambda: layers.Dense(1, input_shape=(0,)), ValueError, "input_shape: found 0"),
        (lambda: layers.Dense(1, unit=3), TypeError, "unit"),
        (
            lambda: layers.Dense(1)(np.zeros(3)),
            ValueError,
            r"dense: input shape \(None,\): expected \(batch, ..., inputs\)",
        ),
        (
            lambda: layers.Dropout(1.5),
            ValueError,
            r"dropout: rate: found 1.5: expected a number in \[0, 1\]",
        ),
        (lambda: layers.Dropout(-0.1), ValueError, "dropout: rate: found -0.1"),
        (lambda: layers.Dropout(0.5, seed="a"), TypeError, "^dropout: seed: found 'a': expected"),
        (lambda: layers.Rescaling("a"), TypeError, "^rescaling: scale: found 'a': expected a num"),
        (lambda: layers.Rescaling(1, offset=None), TypeError, "^rescaling: offset: found None"),
        (
            lambda: layers.Flatten()(3.0),
            ValueError,
            r"^flatten: x has shape \(\): expected \(batch, ...\)",
        ),
        (
            lambda: layers.LayerNormalization(axis=[1, 1])(X),
            ValueError,
            r"^layer_normalization: axis: found \[1, 1\]: expected axes of an input of 2 axes",
        ),
        (lambda: layers.BatchNormalization(axis=0)(X), ValueError, "axis: found 0: expected"),
        (lambda: layers.BatchNormalization(axis=[1]), TypeError, r"axis: found \[1\]"),
        (lambda: layers.BatchNormalization(momentum=2), ValueError, "momentum: found 2"),
        (lambda: layers.Embedding(0, 3), ValueError, "input_dim: found 0"),
        (lambda: layers.Embedding(2**25, 3), ValueError, "input_dim: found 33554432: expected"),
        (lambda: layers.Dense(1, kernel_regularizer="l3"), ValueError, "unknown regularizer 'l3'"),
        (lambda: layers.Dense(1, bias_constraint="l3"), ValueError, "unknown constraint 'l3'"),
        (lambda: layers.LeakyReLU(-1), ValueError, "leaky_re_lu: negative_slope: found -1"),
        (lambda: layers.GaussianNoise(-1), ValueError, "gaussian_noise: stddev: found -1"),
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
