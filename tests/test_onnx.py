"""pytensor.onnx: what onnxruntime computes from the exported file."""

import numpy as np
import pytest

import pytensor as pt
from pytensor import activations, layers, models, onnx, utils

pytest.importorskip("onnx", reason="needs pytensor-kernels[oracles]")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs pytensor-kernels[oracles]")

pytestmark = [pytest.mark.once, pytest.mark.oracle]

SHAPE = (4, 6)
LAYERS = [
    layers.LayerNormalization(),
    layers.LayerNormalization(axis=[1, 2], center=False),
    layers.UnitNormalization(),
    layers.UnitNormalization(axis=[1, 2]),
    layers.Softmax(axis=1),
    layers.Softmax(axis=[1, 2]),
    layers.Dense(3, use_bias=False, activation="gelu"),
    layers.Flatten(),
    layers.Reshape((3, -1)),
    layers.PReLU("uniform"),
    layers.PReLU("uniform", shared_axes=[1]),
    layers.ReLU(),
    layers.ReLU(1.0, 0.1, 0.2),
    layers.ReLU(max_value=0.5),
    layers.ReLU(threshold=0.5),
    layers.LeakyReLU(),
    layers.LeakyReLU(0.0),
    layers.ELU(0.5),
    layers.Rescaling([1, 2, 3, 4, 5, 6.0], 0.5),
    layers.Rescaling(1 / 255),
    layers.Dropout(0.5),
    layers.AlphaDropout(0.5),
    layers.GaussianDropout(0.5),
    layers.GaussianNoise(0.5),
    layers.ActivityRegularization(0.1),
    layers.BatchNormalization(),
    layers.BatchNormalization(axis=1, scale=False),
    layers.BatchNormalization(center=False),
    layers.Permute((2, 1)),
    layers.Identity(),
    layers.Masking(),
]


MERGING = ("Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract")


RECURRENT = ("SimpleRNN", "LSTM", "GRU")


def check(model, x, path, nan=True):
    """Compare the file's outputs with the model's, for batches of two sizes and with NaN."""
    onnx.export(model, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for batch in (x, x[:1]):
        found = session.run(["output"], {"input": batch})[0]
        expected = np.asarray(model.predict(batch, verbose=0))
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    assert np.ptp(expected) > 0
    if not nan:
        return
    poisoned = x.copy()
    poisoned.reshape((len(x), -1))[::2, ::5] = np.nan
    found = session.run(["output"], {"input": poisoned})[0]
    expected = np.asarray(model.predict(poisoned, verbose=0))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    assert np.isnan(expected[::2]).any()
    assert np.isfinite(expected[1::2]).all()


@pytest.mark.parametrize("name", [name for name in activations.__all__ if name != "get"])
def test_activations(tmp_path, rng, name):
    x = 4 * rng.standard_normal((50, 9), dtype=np.float32)
    check(models.Sequential([layers.Activation(name, input_shape=(9,))]), x, tmp_path / "m.onnx")


def test_squareplus_of_large_numbers(tmp_path):
    x = np.array([[-1e20, -3.0, 0.0, 5.0, 1e20, 1e38]], np.float32)
    model = models.Sequential([layers.Activation("squareplus", input_shape=(6,))])
    check(model, x, tmp_path / "m.onnx", nan=False)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_layers(tmp_path, rng, layer):
    utils.set_random_seed(0)
    model = models.Sequential([layers.Input(SHAPE), layer])
    for weight in model.weights:  # other than they begin, and variances above 0
        weight[...] = pt.asarray(rng.uniform(0.5, 2, weight.shape).astype(np.float32))
    check(model, rng.standard_normal((20, *SHAPE), dtype=np.float32), tmp_path / "m.onnx")


@pytest.mark.parametrize("magnitude", [1e18, 1e20, 1e37])
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_layers_with_numbers_whose_squares_overflow(tmp_path, rng, layer, magnitude):
    model = models.Sequential([layers.Input(SHAPE), layer])
    x = rng.standard_normal((20, *SHAPE), dtype=np.float32)
    x[::2] *= magnitude  # small numbers beside them must stay accurate
    check(model, x, tmp_path / "m.onnx")


def test_every_layer_is_tried():
    tried = {type(layer).__name__ for layer in LAYERS} | {
        "Activation",
        "Embedding",
        "RepeatVector",
        *RECURRENT,
        *("Bidirectional", "TimeDistributed", "MultiHeadAttention"),
        *MERGING,
        # in test_spatial.py
        *(name for name in layers.__all__ if hasattr(getattr(layers, name), "n_axes")),
    }
    classes = {name for name in layers.__all__ if isinstance(getattr(layers, name), type)}
    # Those that prepare data run before the model.
    prepare = {name for name in classes if hasattr(getattr(layers, name), "adapt")}
    cells = {name for name in classes if name.endswith(("Cell", "Cells"))}
    assert classes - tried - prepare - cells == {
        *("Layer", "Input", "Lambda", "CategoryEncoding", "RNN")
    }


def check_several(model, x, path):
    """Compare the file's outputs with the model's, of several inputs and outputs."""
    onnx.export(model, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = model.input_names if len(x) > 1 else ["input"]
    feed = dict(zip(names, x, strict=True))
    expected = model.predict(x if len(x) > 1 else x[0], verbose=0)
    expected = expected if isinstance(expected, list) else [expected]
    for found, part in zip(session.run(None, feed), expected, strict=True):
        np.testing.assert_allclose(found, part, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("name", MERGING)
def test_merging(tmp_path, rng, name):
    x, y = layers.Input((4, 6), name="x"), layers.Input((4, 6), name="y")
    z = layers.Input((6,), name="z")
    data = [rng.standard_normal((5, *t.shape[1:]), dtype=np.float32) for t in (x, y, z)]
    if name == "Dot":
        outputs = [layers.Dot((2, 1))([x, layers.Permute((2, 1))(y)]), layers.Dot(-1)([z, z])]
    elif name == "Concatenate":
        outputs = [layers.Concatenate(1)([x, y, x]), layers.Concatenate()([z, z])]
    elif name == "Subtract":
        outputs = [layers.Subtract()([x, y]), layers.Subtract()([x, z])]
    else:
        outputs = [getattr(layers, name)()([x, y, z]), getattr(layers, name)()([z, z])]
    check_several(models.Model([x, y, z], outputs), data, tmp_path / "m.onnx")


OPTIONS = [
    {},
    {"return_sequences": True, "go_backwards": True},
    {"return_state": True, "use_bias": False, "activation": "relu"},
    {"return_state": True, "return_sequences": True, "activation": "softsign"},
    {"recurrent_activation": "linear"},
    {"reset_after": False},
]


@pytest.mark.parametrize("name", RECURRENT)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_recurrence(tmp_path, rng, name, options):
    if ("reset_after" in options and name != "GRU") or (
        "recurrent_activation" in options and name == "SimpleRNN"
    ):
        pytest.skip("not an argument of this layer")
    utils.set_random_seed(0)
    x = layers.Input((None, 3), name="x")
    layer = getattr(layers, name)(4, bias_initializer="normal", **options)
    model = models.Model(x, layer(x))
    for shape in ((5, 7, 3), (2, 1, 3)):
        check_several(model, [rng.standard_normal(shape, dtype=np.float32)], tmp_path / "m.onnx")


@pytest.mark.parametrize("merge_mode", ["concat", "sum", "mul", "ave", None])
@pytest.mark.parametrize("options", [{}, {"return_sequences": True}, {"return_state": True}])
def test_both_directions(tmp_path, rng, merge_mode, options):
    x = layers.Input((None, 3), name="x")
    both = layers.Bidirectional(layers.GRU(4, **options), merge_mode)
    data = rng.standard_normal((5, 7, 3), dtype=np.float32)
    check_several(models.Model(x, both(x)), [data], tmp_path / "m.onnx")


def test_encoder_and_decoder(tmp_path, rng):
    source, target = layers.Input((None, 3), name="a"), layers.Input((6, 2), name="b")
    _, *states = layers.LSTM(4, return_state=True)(source)
    sequence = layers.LSTM(4, return_sequences=True)(target, initial_state=states)
    outputs = layers.TimeDistributed(layers.Dense(3, "softmax"))(sequence)
    data = [rng.standard_normal(shape, dtype=np.float32) for shape in ((5, 7, 3), (5, 6, 2))]
    check_several(models.Model([source, target], outputs), data, tmp_path / "m.onnx")
    images = layers.Input((None, 4, 4, 2), name="images")
    pooled = layers.TimeDistributed(layers.MaxPooling2D())(images)
    data = [rng.standard_normal((2, 3, 4, 4, 2), dtype=np.float32)]
    check_several(models.Model(images, pooled), data, tmp_path / "n.onnx")


def test_attention(tmp_path, rng):
    x, y = layers.Input((None, 6), name="x"), layers.Input((5, 4), name="y")
    h = x + layers.MultiHeadAttention(2, 3, bias_initializer="normal")(x, x, use_causal_mask=True)
    crossed = layers.MultiHeadAttention(2, 3, value_dim=5, output_shape=7, use_bias=False)
    outputs = crossed(layers.LayerNormalization()(h), y, return_attention_scores=True)
    data = [rng.standard_normal(shape, dtype=np.float32) for shape in ((2, 8, 6), (2, 5, 4))]
    check_several(models.Model([x, y], outputs), data, tmp_path / "m.onnx")


def test_masks_are_refused(tmp_path):
    model = models.Sequential(
        [layers.Embedding(10, 3, mask_zero=True, input_shape=(4,)), layers.LSTM(2)]
    )
    with pytest.raises(TypeError, match="lstm: a mask has no counterpart"):
        onnx.export(model, tmp_path / "m.onnx")
    stateful = models.Sequential([layers.Input((4, 3)), layers.LSTM(2, stateful=True)])
    with pytest.raises(TypeError, match="found stateful=True"):
        onnx.export(stateful, tmp_path / "m.onnx")
    gelu = models.Sequential([layers.Input((4, 3)), layers.LSTM(2, activation="gelu")])
    with pytest.raises(TypeError, match="has no counterpart in LSTM: known are tanh, "):
        onnx.export(gelu, tmp_path / "m.onnx")


def test_graphs(tmp_path, rng):
    a, b = layers.Input((None, 3), name="a"), layers.Input((3,), name="b")
    tower = models.Sequential([layers.Input((3,)), layers.Dense(3, activation="tanh")])
    inner = models.Model(b, layers.add([tower(b), b]), name="inner")
    h = layers.Masking()(a) * 2.0 - pt.ones((3,)) / 4
    h = layers.Add()([h, layers.RepeatVector(1)(inner(b))])
    model = models.Model([a, b], [layers.Dense(2)(h), abs(inner(b)) ** 2.0])
    for length in (1, 4):
        x = [rng.standard_normal((5, length, 3), dtype=np.float32), np.ones((5, 3), np.float32)]
        x[0][2, 0] = 0
        check_several(model, x, tmp_path / "m.onnx")
    ids = layers.Input((4,), dtype="int32")
    numbers = models.Model(ids, layers.Flatten()(layers.Embedding(10, 3)(ids)))
    onnx.export(numbers, tmp_path / "n.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "n.onnx", providers=["CPUExecutionProvider"])
    data = rng.integers(0, 10, (6, 4)).astype(np.int32)
    np.testing.assert_array_equal(session.run(None, {"input": data})[0], numbers.predict(data))


def test_networks(tmp_path, rng):
    inner = models.Sequential(
        [
            layers.Dense(32, activation="relu"),
            layers.BatchNormalization(),
            layers.Dense(16, activation="tanh"),
        ]
    )
    model = models.Sequential(
        [
            layers.Flatten(input_shape=(28, 28)),
            layers.Rescaling(1 / 255),
            inner,
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    images = rng.integers(0, 256, (30, 28, 28)).astype(np.float32)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(images, np.arange(30) % 10, epochs=3, verbose=0)
    check(model, images, tmp_path / "m.onnx")
    numbers = models.Sequential(
        [layers.Embedding(10, 3, input_shape=(4,)), layers.Flatten(), layers.Dense(2)]
    )
    repeated = models.Sequential([layers.Input((4,)), layers.RepeatVector(3)])
    check(repeated, rng.standard_normal((6, 4), dtype=np.float32), tmp_path / "r.onnx", nan=False)
    check(numbers, rng.integers(0, 10, (20, 4)).astype(np.float32), tmp_path / "n.onnx", nan=False)


def test_the_same_model_gives_the_same_file(tmp_path):
    model = models.Sequential([layers.Dense(2, activation="selu", input_shape=(3,))])
    onnx.export(model, tmp_path / "a")
    onnx.export(model, tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_refuses(tmp_path):
    class Own(layers.Dense):
        pass

    path = tmp_path / "m.onnx"
    with pytest.raises(TypeError, match="own: a Own has no counterpart: known are Activation, "):
        onnx.export(models.Sequential([Own(2, input_shape=(3,))]), path)
    with pytest.raises(TypeError, match=r"dense: the activation <function .* has no counterpart"):
        onnx.export(models.Sequential([layers.Dense(2, lambda x: x, input_shape=(3,))]), path)
    with pytest.raises(ValueError, match="'sequential' is not built"):
        onnx.export(models.Sequential([layers.Dense(2)]), path)
    with pytest.raises(FileNotFoundError, match=r"nowhere/m.onnx"):
        onnx.export(
            models.Sequential([layers.Dense(2, input_shape=(3,))]), tmp_path / "nowhere" / "m.onnx"
        )
    assert not path.exists()
