"""Layers along the axes between batch and channels: convolutions, pooling, padding, enlarging."""

import inspect

import numpy as np
import pytest

import pytensor as pt
from pytensor import layers, models

LENGTHS = (9, 8, 7)

# Class and arguments; (batch, ..., 4) goes in.
CASES = [
    ("Conv1D", {"filters": 6, "kernel_size": 3}),
    ("Conv1D", {"filters": 6, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}),
    ("Conv1D", {"filters": 6, "kernel_size": 2, "strides": 2, "padding": "same", "groups": 2}),
    ("Conv2D", {"filters": 6, "kernel_size": 3, "activation": "relu"}),
    ("Conv2D", {"filters": 6, "kernel_size": (3, 2), "strides": (2, 1), "padding": "same"}),
    ("Conv2D", {"filters": 8, "kernel_size": 3, "groups": 4, "use_bias": False}),
    ("Conv2D", {"filters": 5, "kernel_size": 2, "dilation_rate": (2, 1), "activation": "tanh"}),
    ("Conv3D", {"filters": 3, "kernel_size": 2, "strides": 2, "padding": "same"}),
    ("Conv1DTranspose", {"filters": 6, "kernel_size": 3, "strides": 2, "padding": "same"}),
    ("Conv2DTranspose", {"filters": 6, "kernel_size": 3, "strides": 2, "activation": "relu"}),
    ("Conv2DTranspose", {"filters": 6, "kernel_size": 3, "strides": 2, "output_padding": 1}),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": 2, "strides": 3, "padding": "same"}),
    ("Conv3DTranspose", {"filters": 2, "kernel_size": 2, "dilation_rate": 2}),
    ("DepthwiseConv1D", {"kernel_size": 3, "depth_multiplier": 2}),
    ("DepthwiseConv2D", {"kernel_size": 3, "strides": 2, "padding": "same"}),
    ("SeparableConv1D", {"filters": 6, "kernel_size": 3, "padding": "same"}),
    ("SeparableConv2D", {"filters": 6, "kernel_size": 3, "depth_multiplier": 2}),
    *(
        (f"MaxPooling{n}D", options)
        for n in (1, 2, 3)
        for options in ({}, {"pool_size": 3, "strides": 2, "padding": "same"})
    ),
    *(
        (f"AveragePooling{n}D", {"pool_size": 3, **options})
        for n in (1, 2, 3)
        # Keras on PyTorch repeats the edge where "same" needs more elements after than before.
        for options in ({"strides": 2}, {"strides": 1, "padding": "same"})
    ),
    *((f"GlobalMaxPooling{n}D", {"keepdims": n == 2}) for n in (1, 2, 3)),
    *((f"GlobalAveragePooling{n}D", {"keepdims": n == 1}) for n in (1, 2, 3)),
    ("ZeroPadding1D", {"padding": (2, 1)}),
    ("ZeroPadding1D", {"padding": 2}),
    ("ZeroPadding2D", {"padding": ((1, 0), (2, 3))}),
    ("ZeroPadding2D", {"padding": (1, 2)}),
    ("ZeroPadding3D", {}),
    ("UpSampling1D", {"size": 3}),
    ("UpSampling2D", {"size": (2, 3)}),
    ("UpSampling2D", {"size": (2, 3), "interpolation": "bilinear"}),
    ("UpSampling3D", {}),
]
IDS = [f"{name} {' '.join(map(str, options.values()))}".strip() for name, options in CASES]


def batch(layer):
    shape = (3, *LENGTHS[: layer.n_axes], 4)
    return np.random.default_rng(1).standard_normal(shape).astype("f4")


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_shapes_and_configs(name, options):
    layer = getattr(layers, name)(**options)
    x = batch(layer)
    shape = (None, *x.shape[1:])
    before = None if name.startswith("Depthwise") else layer.compute_output_shape(shape)
    out = layer(x)
    assert layer.compute_output_shape(shape) == (None, *out.shape[1:])
    assert before in (None, (None, *out.shape[1:]))
    open_shape = (None, *(None,) * layer.n_axes, 4)
    assert len(layer.compute_output_shape(open_shape)) == out.ndim
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    again.ensure_built(shape)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(x), out)
    empty = layer(x[:0])
    assert empty.shape == (0, *out.shape[1:])


@pytest.mark.oracle
@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_keras(name, options, keras):
    """Names, shapes of weights, values and gradients."""
    layer = getattr(layers, name)(**options)
    theirs = getattr(keras.layers, name)(**options)
    x = batch(layer)
    theirs.build(x.shape)
    layer.ensure_built((None, *x.shape[1:]))
    assert theirs.name.startswith(layer.name)
    names = [path for path, _, _ in layer.named_weights()]
    assert names == [weight.name for weight in theirs.weights]
    values = [
        np.random.default_rng(k).standard_normal(w.shape).astype("f4")
        for k, w in enumerate(theirs.weights)
    ]
    layer.set_weights(values)
    theirs.set_weights(values)
    out, expected = layer(x), theirs(x)
    np.testing.assert_allclose(out, keras.ops.convert_to_numpy(expected), rtol=1e-4, atol=1e-4)
    if keras.backend.backend() == "torch":
        import torch

        given = torch.tensor(x, requires_grad=True)
        theirs(given).square().sum().backward()
        found = pt.grad(lambda x: pt.square(layer(x)).sum())(pt.asarray(x))
        np.testing.assert_allclose(found, given.grad.numpy(), rtol=1e-3, atol=1e-3)
        with pt.GradientTape() as tape:
            tape.watch(*layer.weights)
            loss = pt.square(layer(x)).sum()
        for ours, weight in zip(tape.gradient(loss, layer.weights), theirs.weights, strict=True):
            scale = np.abs(ours).max()
            np.testing.assert_allclose(
                ours, weight.value.grad.numpy(), rtol=1e-3, atol=1e-5 * scale
            )


def test_every_layer_has_a_case():
    spatial = {name for name in layers.__all__ if hasattr(getattr(layers, name), "n_axes")}
    assert spatial == {name for name, _ in CASES}


WRONG = [
    (lambda: layers.Conv2D(4, 3)(pt.zeros((2, 8, 8))), r"conv2d: input shape .*: expected \(batch"),
    (lambda: layers.Conv2D(4, 3, groups=3), "filters 4 with groups 3: expected a multiple"),
    (
        lambda: layers.Conv2D(6, 3, groups=3)(pt.zeros((2, 8, 8, 4))),
        r"input shape \(None, 8, 8, 4\) with groups 3: expected channels",
    ),
    (lambda: layers.Conv2D(4, 9)(pt.zeros((2, 8, 8, 1))), "conv2d: axes of lengths .8,.* covers 9"),
    (lambda: layers.Conv2D(4, 3, padding="causal"), "found 'causal': known are same, valid"),
    (lambda: layers.Conv1D(4, 3, data_format="channels_first"), "expected 'channels_last'"),
    (lambda: layers.Conv1D(0, 3), "filters: found 0: expected at least 1"),
    (lambda: layers.Conv2D(4, (3, 3, 3)), "kernel_size: found .* expected an integer, or 2"),
    (lambda: layers.MaxPooling2D(9)(pt.zeros((2, 8, 8, 1))), "max_pooling2d: axes of lengths"),
    (lambda: layers.GlobalMaxPooling1D()(pt.zeros((2, 8))), r"expected \(batch, steps, channels\)"),
    (lambda: layers.ZeroPadding2D((1, 2, 3)), "expected an integer, or 2 integers or pairs"),
    (lambda: layers.UpSampling2D(interpolation="cubic"), "known are bilinear, nearest"),
    (
        lambda: layers.Conv2DTranspose(1, 1, output_padding=0, padding="same")(
            pt.zeros((2, 0, 8, 1))
        ),
        "conv2d_transpose: axes of lengths .* nothing is left",
    ),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_errors_name_the_layer(number):
    call, message = WRONG[number]
    with pytest.raises(ValueError, match=message):
        call()


def test_a_built_layer_keeps_its_channels():
    layer = layers.Conv2D(4, 3)
    layer(pt.zeros((1, 8, 8, 3)))
    assert layer(pt.zeros((1, 5, 9, 3))).shape == (1, 3, 7, 4)
    with pytest.raises(ValueError, match=r"\(batch, height, width, 3\), as it was built"):
        layer(pt.zeros((1, 8, 8, 4)))


def test_names_are_those_of_keras():
    assert layers.Conv2DTranspose(1, 1).name == "conv2d_transpose"
    assert layers.GlobalAveragePooling1D().name == "global_average_pooling1d"
    assert layers.UpSampling2D().name == "up_sampling2d"


def test_arguments_come_in_the_order_of_keras():
    names = list(inspect.signature(layers.Conv2D).parameters)
    assert names[:9] == [
        "filters",
        "kernel_size",
        "strides",
        "padding",
        "data_format",
        "dilation_rate",
        "groups",
        "activation",
        "use_bias",
    ]


def lenet():
    return models.Sequential(
        [
            layers.Input((12, 12, 1)),
            layers.Conv2D(6, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(8, 3, activation="relu"),
            layers.AveragePooling2D(),
            layers.Flatten(),
            layers.Dense(2, "softmax"),
        ]
    )


def bars():
    """Images with a horizontal or a vertical bar."""
    rng = np.random.default_rng(0)
    x = rng.normal(0, 0.3, (300, 12, 12, 1)).astype("f4")
    y = rng.integers(0, 2, 300)
    for image, label in zip(x, y, strict=True):
        place = rng.integers(1, 11)
        (image if label else image.transpose(1, 0, 2))[place] += 1
    return x, y


def test_a_small_network_learns_and_is_saved(tmp_path):
    pt.utils.set_random_seed(1)
    model = lenet()
    model.compile(pt.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = bars()
    model.fit(x[:200], y[:200], epochs=12, batch_size=20, verbose=0)
    assert model.evaluate(x[200:], y[200:], verbose=0)[1] > 0.95
    path = tmp_path / "lenet.safetensors"
    model.save(path)
    again = models.load_model(path)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_weights_of_torch():
    torch = pytest.importorskip("torch", reason="needs pytensor-kernels[oracles]")
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 6, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.Conv2d(6, 8, 3, groups=2),
        torch.nn.ConvTranspose2d(8, 3, 2, stride=2),
    )
    model = models.Sequential(
        [
            layers.Conv2D(6, 3, padding="same", activation="relu", input_shape=(8, 8, 1)),
            layers.Conv2D(8, 3, groups=2),
            layers.Conv2DTranspose(3, 2, strides=2),
        ]
    )
    models.load_torch_weights(model, dict(net.state_dict()))
    x = np.random.default_rng(1).standard_normal((2, 8, 8, 1)).astype("f4")
    with torch.no_grad():
        expected = net(torch.tensor(np.moveaxis(x, -1, 1).copy())).numpy()
    np.testing.assert_allclose(model(x), np.moveaxis(expected, 1, -1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_onnx(name, options, tmp_path):
    pytest.importorskip("onnx", reason="needs pytensor-kernels[onnx]")
    runtime = pytest.importorskip("onnxruntime", reason="needs pytensor-kernels[oracles]")
    from pytensor import onnx

    layer = getattr(layers, name)(**options)
    x = batch(layer)
    model = models.Sequential([layers.Input(x.shape[1:]), layer])
    path = tmp_path / "model.onnx"
    onnx.export(model, path)
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"input": x})
    np.testing.assert_allclose(found, model(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("keepdims", [False, True])
def test_means_over_the_steps_that_a_mask_keeps(keepdims):
    x = np.random.default_rng(0).standard_normal((3, 4, 2)).astype("float32")
    mask = np.array([[1, 1, 0, 1], [0, 0, 1, 0], [1, 1, 1, 1]], bool)
    expected = np.stack([x[i, mask[i]].mean(0, keepdims=keepdims) for i in range(3)])
    x[~mask] = np.inf
    layer = layers.GlobalAveragePooling1D(keepdims=keepdims)
    np.testing.assert_allclose(layer(x, mask=mask), expected, rtol=1e-6)
    assert np.isnan(layer(x[:1], mask=np.zeros((1, 4), bool))).all()
    with pytest.raises(
        ValueError, match=r"mask of shape \(3, 3\): expected \(3, 4\), \(batch, steps\)"
    ):
        layer(x, mask=mask[:, :3])


def test_a_mean_over_words_leaves_padding_out():
    model = models.Sequential(
        [
            layers.Input((None,)),
            layers.Embedding(10, 3, mask_zero=True),
            layers.GlobalAveragePooling1D(),
            layers.Dense(2),
        ]
    )
    words = np.array([[3, 5, 0, 0], [1, 2, 3, 4]])
    np.testing.assert_allclose(model(words)[:1], model(words[:1, :2]), rtol=1e-6)
    model.compile("sgd", "mse")
    model.fit(words, np.zeros((2, 2)), verbose=0)
