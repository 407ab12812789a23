"""pytensor.models: how a Sequential is put together, built, called and shown."""

import numpy as np
import pytest

import pytensor as pt
from pytensor import layers, models, random

X = np.random.default_rng(0).normal(size=(5, 784)).astype(np.float32)


def chapter():
    """The first network of the book."""
    network = models.Sequential()
    network.add(layers.Dense(512, activation="relu", input_shape=(28 * 28,)))
    network.add(layers.Dense(10, activation="softmax"))
    return network


def shapes(network):
    return [weight.shape for weight in network.weights]


EXPECTED = [(784, 512), (512,), (512, 10), (10,)]


@pytest.mark.parametrize(
    "make",
    [
        chapter,
        lambda: models.Sequential([layers.Input((784,)), layers.Dense(512), layers.Dense(10)]),
        lambda: models.Sequential(
            [layers.Flatten(input_shape=(28, 28)), layers.Dense(512), layers.Dense(10)]
        ),
    ],
)
def test_built_at_once(make):
    network = make()
    assert network.built
    assert shapes(network) == EXPECTED
    assert network.count_params() == 407_050
    assert network.output_shape == (None, 10)


def test_built_late():
    for how in (lambda network: network.build((None, 784)), lambda network: network(X)):
        network = models.Sequential([layers.Dense(512), layers.Dropout(0.5), layers.Dense(10)])
        assert not network.built
        assert network.weights == []
        assert network.output_shape is None
        how(network)
        assert network.built
        assert shapes(network) == EXPECTED
        assert network.input_shape == (None, 784)
    network.build((None, 784))  # again: nothing happens
    assert shapes(network) == EXPECTED


def test_call():
    network = chapter()
    w1, b1, w2, b2 = (np.asarray(weight, dtype=np.float64) for weight in network.weights)
    logits = np.maximum(X @ w1 + b1, 0) @ w2 + b2
    expected = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    out = network(X)
    assert isinstance(out, pt.Tensor)
    assert out.dtype == pt.float32
    np.testing.assert_allclose(out, expected, rtol=1e-4)
    np.testing.assert_array_equal(network(X.astype(np.float64)), out)
    np.testing.assert_array_equal(network(X.tolist()), out)


def test_training_reaches_layers():
    network = models.Sequential([layers.Dropout(0.5)])
    np.testing.assert_array_equal(network(X), X)
    assert (np.asarray(network(X, training=True)) != X).any()


def test_add_and_pop():
    network = chapter()
    network.add(layers.Activation("tanh"))
    assert [layer.name for layer in network.layers] == ["dense", "dense_1", "activation"]
    assert network.pop().name == "activation"
    assert network.pop().name == "dense_1"
    assert network.output_shape == (None, 512)
    assert network(X).shape == (5, 512)
    network.pop()
    assert (network.layers, network.built) == ([], False)
    network.add(layers.Dense(3, input_shape=(4,)))
    assert network.output_shape == (None, 3)


def test_names_count_within_the_model():
    for _ in range(2):
        assert [layer.name for layer in chapter().layers] == ["dense", "dense_1"]
    network = models.Sequential(
        [layers.Dense(1, name="dense_1"), layers.Dense(1), layers.Dense(1)], name="tower"
    )
    assert [layer.name for layer in network.layers] == ["dense_1", "dense", "dense_2"]
    assert network.name == "tower"
    assert chapter().name == "sequential"


def test_model_in_a_model():
    inner = models.Sequential([layers.Dense(6, activation="relu"), layers.Dropout(0.5)], name="in")
    network = models.Sequential([inner, layers.Dense(2)])
    out = network(X[:, :3])
    assert out.shape == (5, 2)
    assert [path for path, _, _ in network.named_weights()] == [
        "in/dense/kernel",
        "in/dense/bias",
        "dense/kernel",
        "dense/bias",
    ]
    np.testing.assert_array_equal(network(X[:, :3]), out)
    assert (np.asarray(network(X[:, :3], training=True)) != np.asarray(out)).any()
    inner.trainable = False
    assert len(network.trainable_weights) == 2


def test_same_seed_same_weights():
    random.seed(5)
    first = chapter().get_weights()
    random.seed(5)
    for found, expected in zip(chapter().get_weights(), first, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_set_weights():
    network, other = chapter(), chapter()
    other.set_weights(network.get_weights())
    np.testing.assert_array_equal(network(X), other(X))


def test_summary(capsys):
    network = chapter()
    network.layers[0].trainable = False
    network.summary()
    text = capsys.readouterr().out
    assert (
        text
        == """\
Model: "sequential"
__________________________________________
 Layer (type)      Output shape    Params
==========================================
 dense (Dense)     (None, 512)    401,920
 dense_1 (Dense)   (None, 10)       5,130
==========================================
 Total params: 407,050 (1.55 MB)
 Trainable params: 5,130 (20.04 KB)
 Non-trainable params: 401,920 (1.53 MB)
__________________________________________
"""
    )
    lines = []
    network.summary(print_fn=lines.append)
    assert "\n".join(lines) + "\n" == text


def test_summary_before_building():
    lines = []
    models.Sequential([layers.Dense(3)]).summary(print_fn=lines.append)
    assert lines[4].split() == ["dense", "(Dense)", "?", "0", "(not", "built)"]
    assert lines[6] == " Total params: 0 (0.00 B)"


DENSE = layers.Dense(3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: models.Sequential(
                [layers.Dense(4, input_shape=(3,)), layers.Dense(2, input_shape=(5,))]
            ),
            ValueError,
            r"add: 'dense' has input_shape=\(5,\): expected \(4,\), the output shape of the layers",
        ),
        (
            lambda: models.Sequential([layers.Dense(4), layers.Dense(2, input_shape=(5,))]),
            ValueError,
            "expected none",
        ),
        (
            lambda: models.Sequential([layers.Dense]),
            TypeError,
            "add: found .*Dense.*: make one by calling it: expected a Layer",
        ),
        (lambda: models.Sequential(["dense"]), TypeError, "add: found 'dense': expected a Layer"),
        (
            lambda: models.Sequential([DENSE, DENSE]),
            ValueError,
            "add: the layer 'dense' is in the model already",
        ),
        (
            lambda: models.Sequential([layers.Dense(1, name="a"), layers.Dense(1, name="a")]),
            ValueError,
            "add: the name 'a' is taken",
        ),
        (
            lambda: models.Sequential([layers.Dense(1), layers.Input((3,))]),
            ValueError,
            "add: an Input comes first",
        ),
        (lambda: models.Sequential().pop(), IndexError, "pop: the model has no layers"),
        (lambda: models.Sequential()(X), ValueError, "sequential: the model has no layers"),
        (lambda: models.Sequential().build((None, 3)), ValueError, "has no layers"),
        (
            lambda: chapter().build((None, 3)),
            ValueError,
            r"found input shape \(None, 3\): built for \(None, 784\)",
        ),
        (
            lambda: models.Sequential([layers.Dense(1)]).build((None, None)),
            TypeError,
            r"input_shape: found \(None,\)",
        ),
        (
            lambda: chapter()(X[:, :700]),
            ValueError,
            r"sequential: x has shape \(5, 700\): expected \(None, 784\)",
        ),
        (lambda: chapter().set_weights([]), ValueError, "0 arrays: 'sequential' has 4 weights"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_refuses_itself():
    network = models.Sequential(name="a")
    outer = models.Sequential([models.Sequential([network], name="b")], name="c")
    for layer in (network, outer):
        with pytest.raises(ValueError, match=f"add: '{layer.name}' is the model itself or"):
            network.add(layer)
    assert network.layers == []


def test_refuses_a_layer_built_for_another_shape():
    layer = layers.Dense(2)
    layer(np.zeros((1, 3)))
    with pytest.raises(ValueError, match=r"dense_1: input shape \(None, 4\): expected .* 3\)"):
        models.Sequential([layers.Dense(4, input_shape=(9,)), layer])
