"""pytensor.layers.merging, masks, and the layers that pass them on."""

import types

import numpy as np
import pytest

import pytensor as pt
from pytensor import layers, models, optimizers, random

RNG = np.random.default_rng(0)
X, Y = (RNG.normal(size=(5, 4, 3)).astype(np.float32) for _ in range(2))
Z = RNG.normal(size=(5, 3)).astype(np.float32)

NUMPY = {
    "Add": lambda *x: sum(x),
    "Subtract": lambda x, y: x - y,
    "Multiply": lambda *x: np.prod(np.broadcast_arrays(*x), axis=0),
    "Average": lambda *x: sum(x) / len(x),
    "Maximum": lambda *x: np.max(np.broadcast_arrays(*x), axis=0),
    "Minimum": lambda *x: np.min(np.broadcast_arrays(*x), axis=0),
}


@pytest.mark.parametrize("name", NUMPY)
def test_element_by_element(name):
    layer = getattr(layers, name)()
    function = getattr(layers, name.lower())
    several = [X, Y] if name == "Subtract" else [X, Y, X - Y]
    expected = NUMPY[name](*several)
    np.testing.assert_allclose(layer(several), expected, rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(function(several), layer(several))
    # A shorter one gets its axes after that of the batch.
    np.testing.assert_allclose(layer([X, Z]), NUMPY[name](X, Z[:, None]), rtol=1e-6, atol=1e-7)
    assert layer.compute_output_shape([(None, 4, 3), (None, 3)]) == (None, 4, 3)
    assert function([layers.Input((4, 3)), layers.Input((1, 3))], name="m").shape == (None, 4, 3)
    args = [pt.asarray(x[:2].astype("f8")) for x in (X, Z)]
    pt.check_grads(lambda x, z: layer.call([x, z]), args, order=2)


def test_concatenate():
    np.testing.assert_array_equal(
        layers.Concatenate(1)([X, Y[:, :2], X]), np.concatenate([X, Y[:, :2], X], 1)
    )
    np.testing.assert_array_equal(layers.concatenate([X, Y]), np.concatenate([X, Y], -1))
    found = layers.Concatenate(1)([layers.Input((None, 3)), layers.Input((4, 3))])
    assert found.shape == (None, None, 3)


@pytest.mark.parametrize(
    ("axes", "equation", "shapes"),
    [
        (1, "ai,ai->a", [(5, 3), (5, 3)]),
        (-1, "abi,api->abp", [(5, 4, 3), (5, 2, 3)]),
        ((2, 1), "abi,aip->abp", [(5, 4, 3), (5, 3, 2)]),
        ((1, 2), "aib,api->abp", [(5, 3, 4), (5, 2, 3)]),
        ((1, 1), "ai,aip->ap", [(5, 3), (5, 3, 2)]),
        ((3, 1), "abci,aip->abcp", [(5, 2, 4, 3), (5, 3, 2)]),
    ],
)
def test_dot(axes, equation, shapes):
    x, y = (RNG.normal(size=shape).astype(np.float32) for shape in shapes)
    layer = layers.Dot(axes)
    expected = np.einsum(equation, x, y)
    expected = expected[:, None] if expected.ndim == 1 else expected
    found = layer([x, y])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert (5, *layer.compute_output_shape([(None, *s[1:]) for s in shapes])[1:]) == found.shape
    np.testing.assert_array_equal(layers.dot([x, y], axes=axes), found)
    cosines = layers.Dot(1, normalize=True)([Z, 2 * Z])
    np.testing.assert_allclose(cosines, np.ones((5, 1)), rtol=1e-6)
    args = [pt.asarray(part[:2].astype("f8")) for part in (x, y)]
    pt.check_grads(lambda x, y: layer.call([x, y]), args, order=2)


def oracle_cases(k):
    """Layers on two inputs (None, 4, 3), of this package or Keras's."""
    return {
        "Add": lambda x, y: k.Add()([x, y, x]),
        "Subtract": lambda x, y: k.Subtract()([x, y]),
        "Multiply": lambda x, y: k.Multiply()([x, y]),
        "Average": lambda x, y: k.Average()([x, y]),
        "Maximum": lambda x, y: k.Maximum()([x, y]),
        "Minimum": lambda x, y: k.Minimum()([x, y]),
        "Concatenate": lambda x, y: k.Concatenate(axis=1)([x, y]),
        "Dot": lambda x, y: k.Dot(axes=(2, 2))([x, y]),
        "Dot, normalized": lambda x, y: k.Dot(axes=(1, 1), normalize=True)([x, y]),
        "Permute": lambda x, y: k.Permute((2, 1))(k.Add()([x, y])),
        "RepeatVector": lambda x, y: k.RepeatVector(3)(k.Flatten()(k.Add()([x, y]))),
        "Identity": lambda x, y: k.Identity()(k.Add()([x, y])),
    }


@pytest.mark.oracle
@pytest.mark.parametrize("name", oracle_cases(layers))
def test_trains_as_in_keras(keras, name):
    def network(k, model):
        x, y = k.Input((4, 3)), k.Input((4, 3))
        kernel = k.Dense(3, name="kernel")
        h = oracle_cases(k)[name](kernel(x), kernel(y))
        return model([x, y], k.Dense(2, name="last")(k.Flatten()(h)))

    random.seed(0)
    ours, theirs = network(layers, models.Model), network(keras.layers, keras.Model)
    theirs.set_weights(ours.get_weights())
    ours.compile(optimizers.SGD(0.01), "mse")
    theirs.compile(keras.optimizers.SGD(0.01), "mse")
    target = np.ones((5, 2), np.float32)
    options = {"epochs": 3, "batch_size": 2, "shuffle": False, "verbose": 0}
    found = ours.fit([X, Y], target, **options).history["loss"]
    expected = theirs.fit([X, Y], target, **options).history["loss"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-6)


# ------------------------------------------------------------------------------- shaping, Lambda


def test_permute_and_repeat():
    images = RNG.normal(size=(2, 3, 4, 5)).astype(np.float32)
    np.testing.assert_array_equal(layers.Permute((3, 1, 2))(images), images.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(layers.RepeatVector(4)(Z), np.repeat(Z[:, None], 4, axis=1))
    assert layers.Permute((2, 1))(layers.Input((None, 3))).shape == (None, 3, None)
    pt.check_grads(layers.RepeatVector(4).call, [pt.asarray(Z.astype("f8"))], order=2)
    images = pt.asarray(images.astype("f8"))
    pt.check_grads(lambda x: layers.Permute((3, 1, 2)).call(x) ** 2, [images], order=2)


def test_lambda():
    def shifted(x, by=1.0, training=False):
        return x + (by if not training else 10.0)

    layer = layers.Lambda(shifted, arguments={"by": 2.0})
    np.testing.assert_allclose(layer(Z), Z + 2)
    np.testing.assert_allclose(layer(Z, training=True), Z + 10)
    assert layers.Lambda(lambda x: x[:, :2])(layers.Input((3,))).shape == (None, 2)
    assert layers.Lambda(lambda x: x, output_shape=(7,))(layers.Input((3,))).shape == (None, 7)
    pair = layers.Lambda(lambda x: x[0] * x[1])([Z, Z])
    np.testing.assert_allclose(pair, Z * Z)
    m = models.Sequential([layers.Input((3,)), layers.Lambda(pt.exp), layers.Lambda("tanh")])
    again = models.Model.from_json(m.to_json())
    np.testing.assert_array_equal(again(Z), np.tanh(pt.exp(pt.asarray(Z))))
    with pytest.raises(TypeError, match="cannot be written as JSON"):
        models.Sequential([layers.Input((3,)), layers.Lambda(lambda x: x)]).to_json()


# ----------------------------------------------------------------------------------------- masks


class Seen(layers.Layer):
    """Keeps the mask that it was called with."""

    supports_masking = True

    def __init__(self, **options):
        super().__init__(**options)
        self.mask = None

    def call(self, x, mask=None):
        self.mask = mask
        return x


TOKENS = np.array([[1, 2, 0, 0], [3, 4, 5, 0], [6, 0, 0, 0]])


def test_masks_flow():
    seen, other = Seen(), Seen()
    ids = layers.Input((4,))
    h = layers.Embedding(9, 3, mask_zero=True)(ids)
    h = seen(layers.Dropout(0.5)(layers.Dense(3, activation="relu")(h)))
    h = other(layers.Lambda(lambda x: x * 1.0, mask=lambda x, mask: mask)(h))
    m = models.Model(ids, h)
    m.predict(TOKENS, verbose=0)
    np.testing.assert_array_equal(seen.mask, TOKENS != 0)
    np.testing.assert_array_equal(other.mask, TOKENS != 0)
    chain = models.Sequential([layers.Input((4, 3)), layers.Masking(), m.layers[2], seen])
    padded = RNG.normal(size=(2, 4, 3)).astype(np.float32)
    padded[1, 2:] = 0
    chain(padded)
    np.testing.assert_array_equal(seen.mask, [[True] * 4, [True, True, False, False]])
    # Outside a model it is passed by hand.
    explicit = np.array([[True, False, True, True]] * 2)
    seen(padded, mask=explicit)
    np.testing.assert_array_equal(seen.mask, explicit)
    seen(padded)
    assert seen.mask is None


def test_masks_in_custom_layers_and_models():
    class Encoder(layers.Layer):
        def __init__(self):
            super().__init__()
            self.embedding = layers.Embedding(9, 3, mask_zero=True)
            self.seen = Seen()

        def call(self, x):
            return self.seen(self.embedding(x))

    outside = Seen()
    encoder = Encoder()
    m = models.Sequential([layers.Input((4,)), encoder, outside])
    m.predict(TOKENS, verbose=0)
    for layer in (encoder.seen, outside):
        np.testing.assert_array_equal(layer.mask, TOKENS != 0)
    inner = models.Sequential([layers.Input((4,)), layers.Embedding(9, 3, mask_zero=True)])
    ids = layers.Input((4,))
    models.Model(ids, outside(inner(ids))).predict(TOKENS[:2], verbose=0)
    np.testing.assert_array_equal(outside.mask, TOKENS[:2] != 0)


def test_masks_of_merged_inputs():
    seen = Seen()
    a, b = layers.Input((4,)), layers.Input((4,))
    table = layers.Embedding(9, 3, mask_zero=True)
    other = np.array([[1, 2, 3, 0], [0, 4, 0, 0], [6, 0, 1, 0]])
    for merge, expected in (
        (layers.Add(), (TOKENS != 0) | (other != 0)),
        (layers.Concatenate(1), np.concatenate([TOKENS != 0, other != 0], 1)),
        (layers.Concatenate(), (TOKENS != 0) | (other != 0)),
    ):
        models.Model([a, b], seen(merge([table(a), table(b)]))).predict([TOKENS, other], verbose=0)
        np.testing.assert_array_equal(seen.mask, expected)
    x = layers.Input((4, 3))
    models.Model([a, x], seen(layers.Add()([table(a), x]))).predict([TOKENS, X[:3]], verbose=0)
    assert seen.mask is None


def test_a_layer_without_support_ends_a_mask():
    seen = Seen()
    h = layers.Embedding(9, 3, mask_zero=True)
    m = models.Sequential([layers.Input((4,)), h, layers.Reshape((4, 3)), seen])
    with pytest.warns(UserWarning, match="reshape: a Reshape does not support masks"):
        m.predict(TOKENS, verbose=0)
    assert seen.mask is None


def test_named_masks():
    class Attend(layers.Layer):
        def call(self, query, value, query_mask=None, value_mask=None):
            self.masks = query_mask, value_mask
            return query

    attend = Attend()
    a, x = layers.Input((4,)), layers.Input((4, 3))
    h = layers.Embedding(9, 3, mask_zero=True)(a)
    models.Model([x, a], attend(x, value=h)).predict([X[:3], TOKENS], verbose=0)
    assert attend.masks[0] is None
    np.testing.assert_array_equal(attend.masks[1], TOKENS != 0)


def masked_network(k, model):
    ids = k.Input((4,), dtype="int32", name="ids")
    table = k.Embedding(9, 3, mask_zero=True, name="table")
    h = k.Maximum()([k.Dense(3, name="d")(table(ids)), k.Dense(3, name="e")(table(ids))])
    return model(ids, [k.Dense(2, name="p")(h), k.Dense(5, activation="softmax", name="q")(h)])


@pytest.mark.oracle
def test_losses_and_metrics_leave_masked_steps_out_as_in_keras(keras):
    random.seed(0)
    ours = masked_network(layers, models.Model)
    theirs = masked_network(keras.layers, keras.Model)
    theirs.set_weights(ours.get_weights())
    p = RNG.normal(size=(3, 4, 2)).astype(np.float32)
    q = RNG.integers(0, 5, (3, 4))
    for k, m in ((types.SimpleNamespace(SGD=optimizers.SGD), ours), (keras.optimizers, theirs)):
        m.compile(
            k.SGD(0.1),
            ["mse", "sparse_categorical_crossentropy"],
            metrics=[["mae"], ["sparse_categorical_accuracy"]],
            weighted_metrics=[["mse"], []],
        )
    for weights in (None, [RNG.random((3, 4)).astype(np.float32) for _ in range(2)]):
        options = {"batch_size": 2, "epochs": 2, "shuffle": False, "verbose": 0}
        found = ours.fit(TOKENS, [p, q], sample_weight=weights, **options).history
        expected = theirs.fit(TOKENS, [p, q], sample_weight=weights, **options).history
        for name, values in found.items():
            if name != "p_mse" or weights is None:  # there Keras has scaled the weights in place
                np.testing.assert_allclose(values, expected[name], rtol=1e-5, err_msg=name)
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-6)


def test_masked_losses():
    m = models.Sequential(
        [layers.Input((4,)), layers.Embedding(9, 2, mask_zero=True), layers.Dense(1)]
    )
    m.compile("sgd", "mse", metrics=["mae", "mse"])
    y = RNG.normal(size=(3, 4, 1)).astype(np.float32)
    steps = TOKENS != 0
    errors = (np.asarray(m.predict(TOKENS, verbose=0)) - y)[steps]
    expected = [np.mean(errors**2), np.mean(abs(errors)), np.mean(errors**2)]
    np.testing.assert_allclose(m.evaluate(TOKENS, y, verbose=0), expected, rtol=1e-5)
    np.testing.assert_allclose(m.test_on_batch(TOKENS, y), expected, rtol=1e-5)
    nothing = np.zeros((3, 4))
    assert m.test_on_batch(nothing, y)[0] == 0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: layers.Add()(X), ValueError, "add: found a single input: expected a list"),
        (lambda: layers.Add()(layers.Input((3,))), ValueError, "add: found a single input"),
        (lambda: layers.Subtract()([X, Y, X]), ValueError, "subtract: found 3 inputs: expected 2"),
        (lambda: layers.Add()([X, Z[:, :2]]), ValueError, r"add: input shapes \(5, 4, 3\), \(5, 2"),
        (lambda: layers.Concatenate(0)([X, Y]), ValueError, "concatenate: axis: found 0"),
        (
            lambda: layers.Dot(1)([X, Z]),
            ValueError,
            r"dot: input shapes \(5, 4, 3\) and \(5, 3\): expected the same length along axes",
        ),
        (lambda: layers.Dot(0)([X, Z]), ValueError, "dot: axes: found 0"),
        (lambda: layers.Dot((1, 2, 3)), ValueError, "dot: axes: found"),
        (lambda: layers.Permute((1, 3)), ValueError, r"permute: dims: found \(1, 3\)"),
        (lambda: layers.Permute((2, 1))(Z), ValueError, r"permute: input shape \(5, 3\)"),
        (lambda: layers.RepeatVector(0), ValueError, "repeat_vector: n: found 0"),
        (lambda: layers.RepeatVector(2)(X), ValueError, "repeat_vector: input shape"),
        (lambda: layers.Lambda(3), TypeError, "lambda: function: found 3"),
        (lambda: layers.Masking(None), TypeError, "masking: mask_value: found None"),
        (lambda: layers.Masking()(layers.Input((3,))), ValueError, "masking: input shape"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
