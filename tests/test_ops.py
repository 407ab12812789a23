"""pytensor.ops, the names of Keras at the top, and those of older editions."""

import subprocess
import sys

import numpy as np
import pytest

import pytensor as pt
from pytensor import backend, callbacks, layers, losses, metrics, models, ops, optimizers, utils

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 3)).astype(np.float32)


def test_names_at_the_top():
    assert (pt.Sequential, pt.Model) == (models.Sequential, models.Model)
    assert (pt.Input, pt.Layer) == (layers.Input, layers.Layer)
    assert pt.ops is ops
    code = "import pytensor, sys; assert 'pytensor.layers' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


CASES = {
    "absolute": lambda k, x: k.absolute(x),
    "arctan": lambda k, x: k.arctan(x),
    "expand_dims": lambda k, x: k.expand_dims(x, -1),
    "mean": lambda k, x: k.mean(x, axis=-1, keepdims=True),
    "sum": lambda k, x: k.sum(x, axis=1),
    "concatenate": lambda k, x: k.concatenate([x, x], axis=1),
    "maximum": lambda k, x: k.maximum(x, 0.5),
    "where": lambda k, x: k.where(x > 0, x, 0.0),
    "clip": lambda k, x: k.clip(x, -0.5, 0.5),
    "relu": lambda k, x: k.relu(x),
    "softmax": lambda k, x: k.softmax(x),
    "sqrt": lambda k, x: k.sqrt(k.square(x)),
    "matmul": lambda k, x: k.matmul(x, np.ones((3, 2), np.float32)),
    "divide_no_nan": lambda k, x: k.divide_no_nan(x, k.relu(x)),
    "cast": lambda k, x: k.cast(k.cast(x * 4, "int32"), "float32"),
    "stack": lambda k, x: k.stack([x, x], axis=1),
    "reshape": lambda k, x: k.reshape(x, (-1, 3, 1)),
    "take": lambda k, x: k.take(x, np.array([2, 0]), axis=1),
}


@pytest.mark.parametrize("name", CASES)
def test_on_symbolic_tensors(name):
    x = layers.Input((3,))
    out = CASES[name](ops, x)
    model = models.Model(x, out)
    expected = np.asarray(CASES[name](ops, pt.asarray(X)))
    found = model(X)
    np.testing.assert_array_equal(found, expected)
    assert (out.shape[1:], out.dtype) == (expected.shape[1:], found.dtype)
    again = models.Model.from_json(model.to_json())
    np.testing.assert_array_equal(again(X), expected)


@pytest.mark.oracle
@pytest.mark.parametrize("name", CASES)
def test_values_are_those_of_keras(keras, name):
    expected = np.asarray(CASES[name](keras.ops, keras.ops.convert_to_tensor(X)))
    found = CASES[name](ops, pt.asarray(X))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def test_other_names():
    np.testing.assert_array_equal(ops.one_hot([[0, 2]], 3), [[[1, 0, 0], [0, 0, 1]]])
    assert ops.shape(layers.Input((None, 3))) == (None, None, 3)
    assert isinstance(ops.convert_to_numpy(pt.ones(2)), np.ndarray)
    loss = ops.sparse_categorical_crossentropy([1], [[0.2, 0.8]])
    np.testing.assert_allclose(loss, [-np.log(0.8)], rtol=1e-6)


def test_operations_of_files_are_functions():
    for name in ("set_num_threads", "asarray_", "Tensor", "__import__", "float32"):
        with pytest.raises((AttributeError, TypeError, ValueError)):
            layers.Operation(name)


def older_import():
    from pytensor.utils.np_utils import to_categorical

    assert to_categorical is utils.to_categorical


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pt.regularizers.l1(0.1), r"regularizers.l1: write regularizers.L1"),
        (lambda: pt.regularizers.l2(0.1), r"regularizers.l2: write regularizers.L2"),
        (lambda: pt.regularizers.l1_l2(l1=0.1, l2=0.2), "l1_l2: write regularizers.L1L2"),
        (lambda: optimizers.RMSprop(lr=0.1), "RMSprop: lr: write learning_rate"),
        (lambda: optimizers.SGD(0.1, decay=0.5), "SGD: decay: write learning_rate=schedules"),
        (lambda: utils.np_utils.to_categorical([1]), "utils.np_utils: write utils.to_categorical"),
        (older_import, "utils.np_utils: write utils.to_categorical"),
        (lambda: backend.clear_session(), "backend.clear_session: write utils.clear_session"),
        (lambda: metrics.get("acc", (1,), (1, 3)), '"acc": write "accuracy"'),
    ],
)
def test_older_names(call, message):
    with pytest.warns(DeprecationWarning, match=message):
        call()


def test_older_names_mean_the_same():
    with pytest.warns(DeprecationWarning):
        optimizer = optimizers.SGD(lr=0.5, decay=0.1)
    w = pt.asarray([0.0])
    for k in range(3):
        assert optimizer.learning_rate == pytest.approx(0.5 / (1 + 0.1 * k))
        optimizer.apply([pt.asarray([1.0])], [w])
    assert layers.Dense(2, input_dim=3).declared_shape == (3,)
    assert models.Sequential([layers.Dense(2, input_dim=3)]).output_shape == (None, 2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: layers.Dens, AttributeError, "no attribute 'Dens': did you mean 'Dense'"),
        (lambda: layers.ConvLSTM2D, AttributeError, "'ConvLSTM2D' yet: docs/keras.md lists"),
        (lambda: losses.Tversky, AttributeError, "'Tversky' yet: docs/keras.md"),
        (lambda: optimizers.Adamm, AttributeError, "did you mean 'Adam"),
        (lambda: callbacks.EarlyStoping, AttributeError, "did you mean 'EarlyStopping'"),
        (lambda: ops.sofmax, AttributeError, "did you mean 'softmax'"),
        (lambda: backend.dot, AttributeError, "functions on tensors are in pytensor.ops"),
        (
            lambda: layers.Dense(2, activaton="relu"),
            TypeError,
            "Dense: got an unexpected keyword argument 'activaton': did you mean 'activation'",
        ),
        (lambda: optimizers.Adam(learning_rat=1), TypeError, "did you mean 'learning_rate'"),
    ],
)
def test_missing_names(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_plot_model(tmp_path):
    pytest.importorskip("matplotlib", reason="needs pytensor-kernels[plot]")
    a, b = layers.Input((3,), name="a"), layers.Input((3,), name="b")
    shared = layers.Dense(2, name="shared")
    model = models.Model([a, b], layers.add([shared(a), shared(b)]))
    figure = utils.plot_model(model, tmp_path / "m.png", show_shapes=True, show_dtype=True)
    assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert "shared (Dense)\n(None, 2) float32" in texts
    assert len([text for text in texts if text]) == 5
    with pytest.raises(AttributeError, match="found no graph"):
        utils.plot_model(models.Sequential([layers.Dense(2)]), None)
