"""Objects as JSON and back."""

import inspect
import json

import numpy as np
import pytest

import pytensor as pt
from pytensor import (
    activations,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    regularizers,
    schedules,
    serialization,
)
from pytensor.serialization import deserialize, serialize

pytestmark = pytest.mark.once

# The arguments of constructors that have no default.
REQUIRED = {
    "Dense": {"units": 3},
    "Embedding": {"input_dim": 4, "output_dim": 2},
    "AlphaDropout": {"rate": 0.5},
    "GaussianDropout": {"rate": 0.5},
    "GaussianNoise": {"stddev": 0.5},
    "Reshape": {"target_shape": (2, -1)},
    "Activation": {"activation": "tanh"},
    "Dropout": {"rate": 0.5},
    "SimpleRNNCell": {"units": 3},
    "LSTMCell": {"units": 3},
    "GRUCell": {"units": 3},
    "SimpleRNN": {"units": 3},
    "LSTM": {"units": 3},
    "GRU": {"units": 3},
    "RNN": {"cell": layers.GRUCell(3)},
    "StackedRNNCells": {"cells": [layers.GRUCell(3), layers.LSTMCell(2)]},
    "Bidirectional": {"layer": layers.GRU(3)},
    "TimeDistributed": {"layer": layers.Flatten()},
    "MultiHeadAttention": {"num_heads": 2, "key_dim": 3},
    "ExponentialDecay": {"initial_learning_rate": 0.1, "decay_steps": 5, "decay_rate": 0.5},
    "InverseTimeDecay": {"initial_learning_rate": 0.1, "decay_steps": 5, "decay_rate": 0.5},
    "PolynomialDecay": {"initial_learning_rate": 0.1, "decay_steps": 5},
    "CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": 5},
    "CosineDecayRestarts": {"initial_learning_rate": 0.1, "first_decay_steps": 5},
    "PiecewiseConstantDecay": {"boundaries": [3], "values": [0.1, 0.2]},
    "Rescaling": {"scale": 2.0},
    "Dot": {"axes": 1},
    **{
        name: {"filters": 4, "kernel_size": 3}
        for name in layers.__all__
        if name.startswith(("Conv1", "Conv2", "Conv3", "SeparableConv"))
    },
    "DepthwiseConv1D": {"kernel_size": 3},
    "DepthwiseConv2D": {"kernel_size": 3},
    "CategoryEncoding": {"num_tokens": 4},
    "Discretization": {"num_bins": 3},
    "Lambda": {"function": "sigmoid"},
    "Operation": {"function": "sigmoid"},
    "Permute": {"dims": (2, 1)},
    "RepeatVector": {"n": 2},
    "Input": {"shape": (3,)},
    "MeanFunction": {"function": "mse"},
}
BASES = {
    "Layer",
    "Loss",
    "Optimizer",
    "Metric",
    "Initializer",
    "Configurable",
    "LearningRateSchedule",
    "Constraint",
    "Regularizer",
}
CLASSES = [
    cls
    for module in (
        layers,
        initializers,
        regularizers,
        constraints,
        losses,
        optimizers,
        metrics,
        schedules,
    )
    for name, cls in sorted(vars(module).items())
    if inspect.isclass(cls)
    and issubclass(cls, serialization.Configurable)
    and not name.startswith("_")
    and name not in BASES
    and name != "FunctionLoss"
    and cls.__module__.startswith(module.__name__)
]


def round_trip(obj):
    """The object that JSON keeps."""
    return serialization.from_json(serialization.to_json(obj))


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
def test_every_class_comes_back_from_json(cls):
    first = cls(**REQUIRED.get(cls.__name__, {}))
    again = round_trip(first)
    assert type(again) is cls
    assert again.get_config() == first.get_config()
    assert first.get_config() or cls in (initializers.Zeros, initializers.Ones, constraints.NonNeg)


def test_arguments_other_than_defaults_come_back():
    layer = layers.Dense(
        3,
        activation="relu",
        use_bias=False,
        name="first",
        trainable=False,
        kernel_initializer=initializers.HeNormal(seed=5),
        input_shape=(4,),
    )
    config = layer.get_config()
    assert config["units"] == 3
    assert config["activation"] == "relu"
    assert config["kernel_initializer"]["config"] == {"seed": 5}
    again = round_trip(layer)
    assert again.activation is activations.relu
    assert (again.name, again.trainable, again.use_bias) == ("first", False, False)
    assert again.declared_shape == (4,)
    np.testing.assert_array_equal(
        again.kernel_initializer((4, 3)), layer.kernel_initializer((4, 3))
    )


def test_configs_hold_current_values():
    optimizer = optimizers.SGD(0.1, momentum=0.5)
    optimizer.learning_rate = 0.02
    assert round_trip(optimizer).get_config() == {
        "learning_rate": 0.02,
        "momentum": 0.5,
        "nesterov": False,
        "name": "sgd",
        "weight_decay": None,
        "clipnorm": None,
        "clipvalue": None,
        "global_clipnorm": None,
        "use_ema": False,
        "ema_momentum": 0.99,
        "ema_overwrite_frequency": None,
        "gradient_accumulation_steps": None,
    }


def small_model():
    inner = models.Sequential([layers.Dense(4, activation="tanh")], name="inner")
    return models.Sequential(
        [
            layers.Input((3, 2)),
            layers.Flatten(),
            inner,
            layers.Dropout(0.1),
            layers.Dense(2, activation="softmax"),
        ],
        name="outer",
    )


def test_a_model_comes_back_built_with_its_names():
    model = small_model()
    again = models.Sequential.from_json(model.to_json())
    assert [path for path, _, _ in again.named_weights()] == [
        path for path, _, _ in model.named_weights()
    ]
    assert again.name == "outer"
    assert again.get_config() == model.get_config()
    again.set_weights(model.get_weights())
    x = np.ones((5, 3, 2), np.float32)
    np.testing.assert_array_equal(again(x), model(x))


def test_a_model_of_open_shape_stays_open():
    again = models.Sequential.from_json(models.Sequential([layers.Dense(2)]).to_json())
    assert not again.built
    assert again(np.ones((1, 5))).shape == (1, 2)


def test_compile_comes_back():
    model = small_model()
    assert model.get_compile_config() is None
    model.compile(
        optimizers.Adam(0.01),
        losses.CategoricalCrossentropy(from_logits=True),
        ["accuracy", metrics.BinaryAccuracy(threshold=0.7), "mse", my_loss],
    )
    config = json.loads(json.dumps(model.get_compile_config()))
    again = models.Sequential.from_json(model.to_json())
    with serialization.custom_object_scope({"my_loss": my_loss}):
        again.compile_from_config(config)
    assert again.get_compile_config() == model.get_compile_config()
    assert again.loss.from_logits


def my_loss(y_true, y_pred):
    """A custom function."""
    return pt.square(y_true - y_pred)


class Scale(layers.Layer):
    """A custom layer."""

    def __init__(self, factor, within=None, **options):
        super().__init__(**options)
        self.factor = factor
        self.within = within

    def call(self, x):
        """Return factor * x."""
        return self.factor * x


def test_a_custom_class_by_registration():
    registered = serialization.register_serializable("mine", "scale")(Scale)
    try:
        assert registered is Scale
        config = serialize(Scale(np.float32(2), within=Scale(3.0), name="s"))
        assert config["class_name"] == "mine>scale"
        again = deserialize(json.loads(json.dumps(config)))
        assert (again.factor, again.within.factor, again.name) == (2.0, 3.0, "s")
    finally:
        serialization._names.pop(serialization._registered.pop("mine>scale"))


def test_a_custom_class_by_custom_objects():
    model = models.Sequential([layers.Dense(2, activation=my_loss), Scale(2.0)])
    names = {"Scale": Scale, "my_loss": my_loss}
    again = models.Sequential.from_json(model.to_json(), custom_objects=names)
    assert again.layers[0].activation is my_loss
    assert again.layers[1].factor == 2.0
    with pytest.raises(ValueError, match="'Scale'"):
        models.Sequential.from_json(model.to_json(), custom_objects={"my_loss": my_loss})


class Forgetful(layers.Layer):
    """Does not keep its argument."""

    def __init__(self, factor):
        super().__init__()


def nested(depth):
    """A config inside a config."""
    config = 3
    for _ in range(depth):
        config = {"module": "layers", "class_name": "Dense", "config": {"units": config}}
    return config


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: serialize(3), TypeError, "serialize: found 3"),
        (lambda: serialize(layers.Dense), TypeError, "expected an object"),
        (lambda: Forgetful(2).get_config(), TypeError, "does not keep its argument 'factor'"),
        (
            lambda: layers.Activation(lambda x: x).get_config(),
            TypeError,
            "Activation: activation: .*cannot be written",
        ),
        (lambda: deserialize({"class_name": "Dense"}), TypeError, "class_name and config"),
        (
            lambda: deserialize({"class_name": "Dense", "config": {}}),
            ValueError,
            "'Dense'.*register",
        ),
        (
            lambda: deserialize({"module": "os", "class_name": "system", "config": {}}),
            ValueError,
            "module: found 'os'",
        ),
        (
            lambda: deserialize({"module": "losses", "class_name": "copy", "config": {}}),
            ValueError,
            "unknown class 'copy' in losses",
        ),
        (
            lambda: deserialize({"module": "losses", "class_name": "Hing", "config": {}}),
            ValueError,
            r"^deserialize: unknown class 'Hing' in losses: did you mean 'Hinge'\?$",
        ),
        (
            lambda: deserialize({"module": "layers", "class_name": "Dense", "config": [3]}),
            TypeError,
            "Dense: config: found",
        ),
        (
            lambda: deserialize(
                {"module": "layers", "class_name": "Dense", "config": {"units": -3}}
            ),
            ValueError,
            "units: found -3",
        ),
        (lambda: serialization.from_json("{"), ValueError, "not JSON"),
        (lambda: serialization.from_json("[" * 100_000), ValueError, "nested too deep"),
        (lambda: deserialize(nested(2000)), ValueError, "nested too deep"),
        (
            lambda: models.Sequential.from_json(serialization.to_json(optimizers.SGD())),
            TypeError,
            "found a SGD: expected a model",
        ),
        (lambda: models.Sequential.from_config({}), TypeError, "input_shape and layers"),
        (lambda: serialization.register_serializable()(int), TypeError, "int has no get_config"),
        (lambda: serialization.register_serializable()(3), TypeError, "a class or a function"),
    ],
)
def test_errors(make, error, message):
    with pytest.raises(error, match=message):
        make()
