"""Subclasses of Model: their call, and steps of their own."""

import numpy as np
import pytest

import pytensor as pt
from pytensor import layers, losses, metrics, models, optimizers, random, serialization

RNG = np.random.default_rng(0)
X = RNG.normal(size=(32, 4)).astype(np.float32)
Y = (X[:, :1] > 0).astype(np.float32)
FIT = {"batch_size": 8, "epochs": 2, "shuffle": False, "verbose": 0}


@serialization.register_serializable("test_subclassing")
class Perceptron(models.Model):
    """A model as users write them."""

    def __init__(self, units=6, **options):
        super().__init__(**options)
        self.units = units
        self.hidden = layers.Dense(units, activation="relu")
        self.dropout = layers.Dropout(0.0)
        self.out = layers.Dense(1, activation="sigmoid")

    def call(self, x, training=False):
        return self.out(self.dropout(self.hidden(x), training=training))


def functional(cls=models.Model):
    x = layers.Input((4,))
    y = layers.Dense(1, activation="sigmoid")(layers.Dense(6, activation="relu")(x))
    return cls(x, y)


def compiled(model, **options):
    options = {"loss": "binary_crossentropy", "metrics": ["mae"]} | options
    model.compile(optimizers.SGD(0.1), **options)
    return model


def test_trains_like_a_graph(tmp_path):
    random.seed(0)
    expected = compiled(functional())
    own = compiled(Perceptron())
    own.build((None, 4))
    assert own.output_shape == (None, 1)
    own.set_weights(expected.get_weights())
    # Without knowing the last activation, the loss is that of probabilities.
    found = own.fit(X, Y, validation_split=0.25, **FIT).history
    for name, values in expected.fit(X, Y, validation_split=0.25, **FIT).history.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5)
    assert [layer.name for layer in own.layers] == ["dense", "dropout", "dense"]
    assert own.get_layer("dense") is own.hidden
    lines = []
    own.summary(print_fn=lines.append)
    assert any("dense_1 (Dense)" in line for line in lines)
    own.save(tmp_path / "m.safetensors")
    again = models.load_model(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again.predict(X, verbose=0), own.predict(X, verbose=0))
    assert again.units == 6


def test_structures():
    class Pair(models.Model):
        def __init__(self):
            super().__init__()
            self.a, self.b = layers.Dense(2), layers.Dense(3)

        def call(self, x):
            return [self.a(x["left"]), self.b(x["right"])]

    m = Pair()
    m.compile("sgd", ["mse", "mse"], metrics=[["mae"], []])
    x = {"left": X, "right": X[:, :2]}
    y = [np.ones((32, 2)), np.ones((32, 3))]
    assert list(m.fit(x, y, verbose=0).history) == [
        "loss",
        "output_1_loss",
        "output_2_loss",
        "output_1_mae",
    ]
    assert [part.shape for part in m.predict(x, verbose=0)] == [(32, 2), (32, 3)]

    class Sum(models.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x):
            return self.dense(x[0] + x[1])

    m = Sum()
    m.compile("sgd", "mse")
    m.fit([X, X], Y, verbose=0)
    assert m.predict([X, X], verbose=0).shape == (32, 1)


def test_as_a_layer():
    tower = Perceptron(3, name="tower")
    x = layers.Input((4,))
    m = models.Model(x, layers.Dense(2)(tower(x)))
    assert m.output_shape == (None, 2)
    assert len(m.trainable_weights) == 6
    assert next(path for path, _, _ in m.named_weights()) == "tower/dense/kernel"


class Own(models.Model):
    """A step as in Keras's guides."""

    def train_step(self, data):
        x, y = data
        weights = self.trainable_variables
        with pt.GradientTape() as tape:
            tape.watch(weights)
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred)
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, y_pred)
        return {metric.name: metric.result() for metric in self.metrics}


class Tracking(models.Model):
    """A step with metrics of its own, and without a loss of compile."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.tracker = metrics.Mean(name="loss")
        self.error = metrics.MeanAbsoluteError(name="error")
        self.loss_fn = losses.BinaryCrossentropy()

    @property
    def metrics(self):
        return [self.tracker, self.error]

    def train_step(self, data):
        x, y = data
        with pt.GradientTape() as tape:
            tape.watch(self.trainable_weights)
            y_pred = self(x, training=True)
            loss = self.loss_fn(y, y_pred)
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        self.tracker.update_state(loss)
        self.error.update_state(y, y_pred)
        return {"loss": self.tracker.result(), "error": self.error.result()}

    def test_step(self, data):
        x, y = data
        y_pred = self(x, training=False)
        self.tracker.update_state(self.loss_fn(y, y_pred))
        self.error.update_state(y, y_pred)
        return {m.name: m.result() for m in self.metrics}


class Super(models.Model):
    """A step that adds to the usual one."""

    def train_step(self, data):
        return super().train_step(data) | {"twice": 2.0}


@pytest.mark.parametrize("cls", [Own, Tracking, Super])
def test_steps_of_a_subclass(cls):
    random.seed(0)
    usual = compiled(functional())
    own = functional(cls)
    own.set_weights(usual.get_weights())
    own.compile(optimizers.SGD(0.1)) if cls is Tracking else compiled(own)
    expected = usual.fit(X, Y, validation_data=(X, Y), **FIT).history
    found = own.fit(X, Y, validation_data=(X, Y), **FIT).history
    for a, b in zip(usual.get_weights(), own.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
    names = {"mae": "error", "val_mae": "val_error"} if cls is Tracking else {}
    for name, values in expected.items():
        np.testing.assert_allclose(found[names.get(name, name)], values, rtol=1e-5)
    if cls is Super:
        assert found["twice"] == [2.0, 2.0]
    one = own.train_on_batch(X, Y, return_dict=True)
    assert one["loss"] > 0
    assert own.evaluate(X, Y, verbose=0, return_dict=True)["loss"] > 0


def test_a_model_of_steps_alone():
    """As the book's variational autoencoder and GAN: no call, and data without targets."""

    class Auto(models.Model):
        def __init__(self):
            super().__init__()
            self.encoder = models.Sequential([layers.Input((4,)), layers.Dense(2)])
            self.decoder = models.Sequential([layers.Input((2,)), layers.Dense(4)])
            self.total = metrics.Mean(name="total")

        def compile(self, own_optimizer):
            super().compile()
            self.own_optimizer = own_optimizer

        def train_step(self, x):
            weights = self.encoder.trainable_weights + self.decoder.trainable_weights
            with pt.GradientTape() as tape:
                tape.watch(weights)
                loss = pt.square(self.decoder(self.encoder(x)) - x).mean()
            self.own_optimizer.apply(tape.gradient(loss, weights), weights)
            self.total.update_state(loss)
            return {"total": self.total.result()}

        def predict_step(self, x):
            return self.encoder(x)

    m = Auto()
    m.compile(optimizers.Adam(0.05))
    history = m.fit(X, epochs=20, batch_size=8, verbose=0).history
    assert list(history) == ["total"]
    assert history["total"][-1] < history["total"][0] / 2
    assert m.predict(X, verbose=0).shape == (32, 2)


def test_losses_that_layers_add():
    class Decoded(layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight((input_shape[-1], input_shape[-1]), name="w")

        def call(self, x):
            self.add_loss(pt.square(pt.dot(x, self.w) - x).mean())
            return x

    x = layers.Input((4,))
    m = models.Model(x, Decoded()(x))
    m.compile("adam")
    history = m.fit(X, epochs=3, verbose=0).history["loss"]
    assert history[-1] < history[0]
    plain = functional()
    plain.compile("sgd")
    with pytest.raises(ValueError, match="fit: found no loss"):
        plain.fit(X, Y, verbose=0)


def test_refuses():
    class Wrong(models.Model):
        def train_step(self, data):
            return None

    m = compiled(functional(Wrong))
    with pytest.raises(TypeError, match="train_step: found None: expected a dictionary"):
        m.fit(X, Y, verbose=0)
    with pytest.raises(AttributeError, match="perceptron: input: found no graph"):
        _ = Perceptron().input
    with pytest.raises(RuntimeError, match="compute_loss: the model is not compiled"):
        functional().compute_loss(y=Y, y_pred=Y)
