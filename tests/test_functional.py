"""pytensor.models.Model from inputs to outputs: how it is put together, trained, kept and shown."""

import copy
import pickle
import types

import numpy as np
import pytest

import pytensor as pt
from pytensor import checkpoints, layers, models, optimizers, random

RNG = np.random.default_rng(0)
A = RNG.normal(size=(24, 3)).astype(np.float32)
B = RNG.normal(size=(24, 4)).astype(np.float32)
P = (RNG.random((24, 1)) < 0.5).astype(np.float32)
Q = np.eye(3, dtype=np.float32)[RNG.integers(0, 3, 24)]

OURS = types.SimpleNamespace(Input=layers.Input, layers=layers, Model=models.Model)


def two_and_two(k):
    """Two inputs, a layer that is called twice, a residual connection, two outputs."""
    a, b = k.Input((3,), name="a"), k.Input((4,), name="b")
    shared = k.layers.Dense(6, activation="tanh", name="shared")
    h = k.layers.Concatenate()([k.layers.Dense(5, name="left")(a), k.layers.Dense(5, name="r")(b)])
    h = shared(h)
    more = k.layers.Dense(10, activation="relu", name="more")(h)
    h = k.layers.add([h, shared(more)])
    p = k.layers.Dense(1, activation="sigmoid", name="p")(h)
    q = k.layers.Dense(3, activation="softmax", name="q")(k.layers.Dropout(0.0)(h))
    return k.Model([a, b], [p, q])


def compiled(model, optimizer=None, **options):
    model.compile(
        optimizer or optimizers.SGD(0.1, momentum=0.5),
        {"p": "binary_crossentropy", "q": "categorical_crossentropy"},
        loss_weights={"p": 0.5, "q": 2.0},
        metrics={"p": ["mae"], "q": ["accuracy", "mae"]},
        **options,
    )
    return model


def model():
    random.seed(0)
    return compiled(two_and_two(OURS))


FIT = {"batch_size": 8, "epochs": 2, "shuffle": False, "verbose": 0}
NAMES = ["loss", "p_loss", "q_loss", "p_mae", "q_accuracy", "q_mae"]


def weights_equal(a, b):
    for mine, other in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_shapes_and_names():
    m = model()
    assert m.input_shape == [(None, 3), (None, 4)]
    assert m.output_shape == [(None, 1), (None, 3)]
    assert (m.input_names, m.output_names) == (["a", "b"], ["p", "q"])
    assert [tensor.name for tensor in m.inputs] == ["a", "b"]
    assert m.get_layer("shared").count_params() == 66
    assert m.get_layer(index=0).name == "a"
    assert m.count_params() == sum(weight.size for weight in m.weights)
    assert len(m.weights) == 12  # the shared layer's once


def test_computes_what_its_layers_do():
    m = model()
    left, right, shared, more, p, q = (
        m.get_layer(name) for name in ("left", "r", "shared", "more", "p", "q")
    )
    h = shared(pt.concat([left(A), right(B)], axis=1))
    h = h + shared(more(h))
    for found, expected in zip(m([A, B]), (p(h), q(h)), strict=True):
        np.testing.assert_array_equal(found, expected)
    for x in ({"b": B, "a": A}, (A, B), [A.tolist(), pt.asarray(B)]):
        for found, expected in zip(
            m.predict(x, verbose=0), m.predict([A, B], verbose=0), strict=True
        ):
            np.testing.assert_array_equal(found, expected)


@pytest.mark.oracle
def test_trains_as_in_keras(keras):
    theirs = two_and_two(
        types.SimpleNamespace(Input=keras.Input, layers=keras.layers, Model=keras.Model)
    )
    ours = model()
    assert [layer.name for layer in ours.layers[:4]] == [layer.name for layer in theirs.layers[:4]]
    theirs.set_weights(ours.get_weights())
    compiled(theirs, keras.optimizers.SGD(0.1, momentum=0.5))
    data = {"x": {"a": A, "b": B}, "y": {"p": P, "q": Q}}
    validation = ([A[:6], B[:6]], [P[:6], Q[:6]])
    weights = {"p": RNG.random(24).astype("f4"), "q": RNG.random(24).astype("f4")}
    for extra in ({}, {"sample_weight": weights}):
        history = ours.fit(**data, **FIT, **extra, validation_data=validation).history
        if extra:  # which Keras takes in a list only
            extra = {"sample_weight": [weights["p"], weights["q"]]}
        expected = theirs.fit(data["x"], [P, Q], **FIT, **extra, validation_data=validation).history
        assert sorted(history) == sorted(expected)
        assert list(history)[:6] == NAMES
        for name, values in history.items():
            np.testing.assert_allclose(values, expected[name], rtol=2e-5, err_msg=name)
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=2e-4, atol=5e-6)
    found = ours.evaluate([A, B], [P, Q], verbose=0)
    np.testing.assert_allclose(found, theirs.evaluate([A, B], [P, Q], verbose=0), rtol=2e-5)


def test_forms_of_data_train_alike():
    weights = [RNG.random(24).astype("f4"), None]
    first = model()
    first.fit([A, B], [P, Q], sample_weight=weights, **FIT)

    def batches():
        for k in range(0, 24, 8):
            rows = slice(k, k + 8)
            yield (
                {"a": A[rows], "b": B[rows]},
                {"p": P[rows], "q": Q[rows]},
                {"p": weights[0][rows]},
            )

    class Again:
        def __iter__(self):
            return batches()

    for x, y, w in (
        ({"a": A, "b": B}, {"q": Q, "p": P}, {"p": weights[0]}),
        ((A, B), (P, Q), (weights[0], None)),
        (Again(), None, None),
    ):
        other = model()
        options = FIT if y is not None else {"epochs": 2, "verbose": 0}
        other.fit(x, y, sample_weight=w, **options)
        weights_equal(first, other)
    other = model()
    for _ in range(2):
        for x, y, w in batches():
            logs = other.train_on_batch(x, y, w, return_dict=True)
    assert list(logs) == NAMES
    weights_equal(first, other)
    tested = other.test_on_batch([A, B], [P, Q])
    np.testing.assert_allclose(tested, other.evaluate([A, B], [P, Q], verbose=0), rtol=1e-5)
    parts = other.predict_on_batch({"a": A, "b": B})
    np.testing.assert_array_equal(parts[1], other.predict([A, B], verbose=0)[1])


def test_validation_split():
    history = model().fit([A, B], [P, Q], validation_split=0.25, **FIT).history
    assert list(history) == [*NAMES, *(f"val_{name}" for name in NAMES)]


def test_dictionaries_of_inputs_and_outputs():
    a, b = layers.Input((3,)), layers.Input((4,))
    h = layers.Concatenate()([a, b])
    m = models.Model({"left": a, "right": b}, {"u": layers.Dense(1)(h), "v": layers.Dense(2)(h)})
    m.compile("sgd", {"u": "mse"}, metrics={"v": ["mae"]})
    x = {"right": B, "left": A}
    with pytest.warns(UserWarning, match="the loss does not depend on 2 of 4 weights"):
        history = m.fit(x, {"u": P, "v": Q[:, :2]}, verbose=0).history
    assert list(history) == ["loss", "v_mae"]
    assert {name: part.shape for name, part in m.predict(x, verbose=0).items()} == {
        "u": (24, 1),
        "v": (24, 2),
    }
    assert m(x)["u"].shape == (24, 1)
    with pytest.warns(UserWarning, match="not trained"):
        assert m.fit(x, {"u": P}, verbose=0).history["loss"]  # v takes no part


def test_one_output_of_two_is_trained():
    m = two_and_two(OURS)
    m.compile("sgd", ["mse", None], metrics=[["mae"], None])
    with pytest.warns(UserWarning, match="the loss does not depend on 2 of 12 weights"):
        assert list(m.fit([A, B], [P], verbose=0).history) == ["loss", "p_mae"]
    assert m.evaluate([A, B], P, verbose=0)[0] > 0


# ------------------------------------------------------------------------------ parts of models


def test_models_inside_models():
    def twins():
        random.seed(1)
        tower = models.Sequential(
            [layers.Input((4,)), layers.Dense(6, activation="relu"), layers.Dense(2)], name="tower"
        )
        left, right = layers.Input((4,)), layers.Input((4,))
        joined = layers.Subtract()([tower(left), tower(right)])
        inner = models.Model([left, right], joined, name="twins")
        x, y = layers.Input((4,), name="x"), layers.Input((4,), name="y")
        return models.Model([x, y], layers.Dense(1)(inner([x, y]))), tower

    m, tower = twins()
    assert [path for path, _, _ in m.named_weights()] == [
        "twins/tower/dense/kernel",
        "twins/tower/dense/bias",
        "twins/tower/dense_1/kernel",
        "twins/tower/dense_1/bias",
        "dense/kernel",
        "dense/bias",
    ]
    dense = m.layers[-1]
    np.testing.assert_array_equal(m([B, 2 * B]), dense(tower(B) - tower(2 * B)))
    m.compile("adam", "mse")
    before = tower.get_weights()
    m.fit([B, 2 * B], P, verbose=0)
    assert (before[0] != tower.get_weights()[0]).any()
    tower.trainable = False
    assert len(m.trainable_weights) == 2


def test_a_model_of_a_part():
    whole = models.Sequential(
        [layers.Input((4,)), layers.Dense(6, activation="relu"), layers.Dense(2)]
    )
    features = models.Model(whole.inputs, [layer.output for layer in whole.layers])
    first, second = features(B)
    np.testing.assert_array_equal(second, whole(B))
    assert first.shape == (24, 6)
    head = models.Model(whole.layers[0].output, whole.output)
    np.testing.assert_array_equal(head(first), second)
    again = models.Model.from_json(head.to_json())
    again.set_weights(head.get_weights())
    np.testing.assert_array_equal(again(first), second)
    assert pickle.loads(pickle.dumps(head))(first).shape == (24, 2)
    with pytest.raises(AttributeError, match="dense: output: the layer was called with 0 symbolic"):
        _ = layers.Dense(1).output


def test_operators_and_indices():
    x = layers.Input((4, 3))
    y = (2.0 - x[:, 1:, :2] * 3) / 2 + x[:, :1, 0:2] ** 2 - abs(-x[:, 0, 1:])[:, None]
    z = pt.asarray([1.0, 2.0]) + y @ np.array([[1.0, 0.0], [2.0, 1.0]], np.float32)
    assert z.shape == (None, 3, 2)
    m = models.Model(x, z)
    data = RNG.normal(size=(5, 4, 3)).astype(np.float32)
    v = (2.0 - data[:, 1:, :2] * 3) / 2 + data[:, :1, 0:2] ** 2 - abs(-data[:, 0, 1:])[:, None]
    expected = np.array([1.0, 2.0], np.float32) + v @ np.array([[1, 0], [2, 1]], np.float32)
    np.testing.assert_allclose(m(data), expected, rtol=1e-5)
    again = models.Model.from_json(m.to_json())
    np.testing.assert_array_equal(again(data), m(data))
    with pytest.raises(TypeError, match=r"symbolic tensor .* has no elements"):
        bool(x)
    with pytest.raises(TypeError, match="has no elements"):
        np.asarray(y)


def test_open_lengths():
    tokens = layers.Input((None,), dtype="int32")
    m = models.Model(tokens, layers.Dense(2)(layers.Embedding(9, 3)(tokens)))
    assert m.output_shape == (None, None, 2)
    m.compile("sgd", "mse")
    for length in (4, 7):
        x = RNG.integers(0, 9, (6, length))
        m.fit(x, np.ones((6, length, 2)), verbose=0)
        assert m.predict(x, verbose=0).shape == (6, length, 2)
    with pytest.raises(ValueError, match=r"y: targets of shape \(6, 3, 2\): expected \(6, 7, 2\)"):
        m.fit(x, np.ones((6, 3, 2)))
    flat = models.Sequential([layers.Input((None, 3)), layers.Dense(2), layers.ReLU()])
    assert flat.output_shape == (None, None, 2)


def test_input_dtype():
    x = layers.Input((2,), dtype="int64", name="n")
    seen = []
    m = models.Model(x, layers.Lambda(lambda t: seen.append(t.dtype) or t * 1.0)(x))
    seen.clear()
    m.predict(np.ones((3, 2)), verbose=0)
    assert seen == [pt.int64]
    with pytest.raises(TypeError, match="input: dtype: found 'complex64'"):
        layers.Input((2,), dtype="complex64")


def test_arguments_of_calls():
    class Scaled(layers.Layer):
        def call(self, x, factor, shift=0.0, training=False):
            return x * factor + shift + (100.0 if training else 0.0)

    a, b = layers.Input((3,)), layers.Input((3,))
    m = models.Model([a, b], Scaled()(a, b, shift=1.0))
    np.testing.assert_allclose(m([A, 2 * A]), 2 * A * A + 1, rtol=1e-6)
    fixed = models.Model([a, b], Scaled()(a, factor=b, training=True))
    np.testing.assert_allclose(fixed([A, A]), A * A + 100, rtol=1e-6)
    np.testing.assert_allclose(Scaled()(A, A), A * A, rtol=1e-6)
    np.testing.assert_allclose(Scaled()(x=A, factor=2.0), A * 2, rtol=1e-6)
    with pytest.raises(TypeError, match="scaled: found 5 arguments"):
        Scaled()(A, A, 0.0, False, 1)
    with pytest.raises(TypeError, match="scaled: found no 'x'"):
        Scaled()(factor=2.0)


def test_layers_with_several_outputs():
    class Split(layers.Layer):
        def call(self, x):
            return x[:, :1], {"rest": x[:, 1:]}

    x = layers.Input((3,))
    first, others = Split()(x)
    assert (first.shape, others["rest"].shape) == ((None, 1), (None, 2))
    m = models.Model(x, layers.Concatenate()([others["rest"], first]))
    np.testing.assert_array_equal(m(A), A[:, [1, 2, 0]])
    with pytest.raises(ValueError, match="add: 'split' returns 2 tensors: expected one"):
        models.Sequential([layers.Input((3,)), Split()])


# --------------------------------------------------------------------------------------- keeping


def test_saved_and_loaded(tmp_path):
    m = model()
    m.fit([A, B], [P, Q], **FIT)
    m.save(tmp_path / "m.safetensors")
    again = models.load_model(tmp_path / "m.safetensors")
    weights_equal(m, again)
    assert again.get_config() == m.get_config()
    assert again.get_compile_config() == m.get_compile_config()
    for found in (m, again):
        found.fit([A, B], [P, Q], **FIT)
    weights_equal(m, again)
    m.save_weights(tmp_path / "w.safetensors")
    other = model()
    other.load_weights(tmp_path / "w.safetensors")
    weights_equal(m, other)


@pytest.mark.parametrize("how", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies(how):
    m = model()
    m.fit([A, B], [P, Q], **FIT)
    again = how(m)
    for found in (m, again):
        found.fit([A, B], [P, Q], **FIT)
    weights_equal(m, again)
    assert again.get_layer("shared") is not m.get_layer("shared")
    chain = models.Sequential([layers.Dense(1) for _ in range(400)])  # no recursion along a chain
    chain.build((None, 1))
    assert how(chain).output_shape == (None, 1)
    assert how(models.Sequential([layers.Input((3,))])).output_shape == (None, 3)
    assert how(models.Sequential([layers.Dense(3)])).output_shape is None


def test_resumed_bit_by_bit(tmp_path):
    def run(epochs, stop_after=None):
        random.seed(3)
        m = model()
        keep = checkpoints.Checkpoint(tmp_path / "c.safetensors", save_freq=2, resume=True)
        count = iter(range(100))

        def stop(*_):
            if next(count) == stop_after:
                raise KeyboardInterrupt

        end = pt.callbacks.LambdaCallback(on_train_batch_end=stop)
        m.fit([A, B], [P, Q], batch_size=5, epochs=epochs, verbose=0, callbacks=[keep, end])
        return m

    whole = run(3)
    (tmp_path / "c.safetensors").unlink()
    with pytest.raises(KeyboardInterrupt):
        run(3, stop_after=7)
    random.seed(99)
    resumed = run(3)
    weights_equal(whole, resumed)
    assert resumed.history.history == whole.history.history


def test_threads(threads):
    found = []
    for n in (1, 2):
        threads(n)
        m = model()
        m.fit([A, B], [P, Q], **FIT)
        found.append(m)
    weights_equal(*found)


def test_not_finite():
    bad = B.copy()
    bad[13, 2] = np.nan
    with pytest.raises(
        FloatingPointError,
        match=r"step 2 of 3: the loss is nan: x\[1\], in the rows of this step, has 1 element that "
        r"is not finite, the first is nan at \[13, 2\]",
    ):
        model().fit([A, bad], [P, Q], **FIT)


# --------------------------------------------------------------------------------------- showing


def test_summary():
    lines = []
    model().summary(print_fn=lines.append)
    assert lines[2:6] == [
        " Layer (type)                Output shape   Params   Connected to",
        "=" * 71,
        " a (Input)                   (None, 3)           0   -",
        " b (Input)                   (None, 4)           0   -",
    ]
    assert " shared (Dense)              (None, 6)          66   concatenate, more" in lines
    x = layers.Input((3,), name="a_rather_long_name_for_an_input_of_a_model_that_is_no_longer_than")
    y = layers.Dense(3, name="a_rather_long_name_for_a_layer")(x)
    wide = models.Model(x, layers.add([x, y]))
    for length in (None, 60):
        lines.clear()
        wide.summary(length, print_fn=lines.append)
        assert max(map(len, lines)) <= (length or 80)
        assert "a_rather_long" in "".join(lines)
    with pytest.raises(ValueError, match="summary: line_length: found 10"):
        wide.summary(10)
    chain = models.Model(x, y)
    lines.clear()
    chain.summary(print_fn=lines.append)
    assert "Connected" not in lines[2]


# ------------------------------------------------------------------------------------- bad input


def connected(*shape):
    x = layers.Input(shape)
    return x, layers.Dense(2)(x)


def fit(x, y):
    model().fit(x, y, verbose=0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: models.Model(layers.Input((3,), name="in"), connected(4)[1]),
            ValueError,
            r"model: not connected: the output 'dense' \(None, 2\) depends on the input 'input' "
            r"\(None, 4\): found the inputs \['in'\]: expected it among them",
        ),
        (
            lambda: models.Model([A], connected(4)[1]),
            TypeError,
            "model: inputs: found .*: expected symbolic tensors",
        ),
        (lambda: models.Model([], connected(4)[1]), ValueError, "model: inputs: found none"),
        (lambda: models.Model(layers.Input((3,))), TypeError, "model: outputs: missing"),
        (
            lambda: models.Model([connected(4)[0]] * 2, connected(4)[1]),
            ValueError,
            "model: inputs: found .*expected each once",
        ),
        (
            lambda: models.Model(
                layers.Input((3,), name="x"), layers.Dense(2, name="x")(layers.Input((3,)))
            ),
            ValueError,
            "not connected",
        ),
        (lambda: models.Model()(A), TypeError, "model: found neither inputs and outputs nor"),
        (
            lambda: layers.Concatenate(axis=1)([layers.Input((3, 2)), layers.Input((3, 4))]),
            ValueError,
            r"concatenate: input shapes \(None, 3, 2\), \(None, 3, 4\): expected shapes that "
            "differ in axis 1 alone",
        ),
        (
            lambda: layers.LayerNormalization(axis=3)(layers.Input((3,))),
            ValueError,
            "layer_normalization: axis: found 3",
        ),
        (lambda: fit([A], [P, Q]), ValueError, "fit: x: found a list of 1: expected 2, .*'a', 'b'"),
        (lambda: fit({"a": A}, [P, Q]), ValueError, "fit: x: found nothing for the input 'b'"),
        (
            lambda: fit({"a": A, "bb": B}, [P, Q]),
            ValueError,
            "fit: x: found 'bb', which is no input: known are a, b",
        ),
        (lambda: fit(A, [P, Q]), ValueError, r"fit: x: found shape \(24, 3\): expected a list or"),
        (
            lambda: fit([B, A], [P, Q]),
            ValueError,
            r"fit: x of 'a' has shape \(24, 4\): expected \(n, 3\)",
        ),
        (
            lambda: fit([A, B[:9]], [P, Q]),
            ValueError,
            "fit: x: found inputs of 24, 9 samples for 'a', 'b': expected the same number",
        ),
        (
            lambda: fit([A, B], [P, P]),
            ValueError,
            r"fit: y of 'q': shape \(24, 1\): expected \(24, 3\)",
        ),
        (lambda: fit([A, B], [P, Q[:5]]), ValueError, "x has 24 samples and y of 'q' 5"),
        (lambda: fit([A, B], {"p": P}), ValueError, "fit: y: found nothing for the output 'q'"),
        (
            lambda: model().fit([A, B], [P, Q], sample_weight={"z": P}),
            ValueError,
            "fit: sample_weight: found 'z', which is no output",
        ),
        (
            lambda: model().fit([A, B], [P, Q], class_weight={0: 1.0}),
            ValueError,
            "fit: class_weight: found a model with 2 outputs",
        ),
        (
            lambda: model().compile("sgd", {"p": "mse", "r": "mse"}),
            ValueError,
            "compile: loss: found 'r', which is no output: known are p, q",
        ),
        (lambda: model().compile("sgd", ["mse"]), ValueError, "compile: loss: found a list of 1"),
        (
            lambda: model().compile("sgd", "mse", loss_weights=[1, "2"]),
            TypeError,
            "compile: loss_weights: found '2'",
        ),
        (lambda: model().get_layer("sharde"), ValueError, "no layer 'sharde': did you mean 'share"),
        (lambda: model().get_layer(index=99), ValueError, "get_layer: index: found 99"),
        (lambda: model().get_layer(), ValueError, "get_layer: expected either name or index"),
        (lambda: model()([A, A]), ValueError, r"model: x of 'b' has shape \(24, 3\): expected"),
        (
            lambda: model()([layers.Input((3,)), layers.Input((3,))]),
            ValueError,
            r"model: input shape \(None, 3\) of 'b': expected \(None, 4\)",
        ),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_refuses_a_layer_reused_with_another_shape():
    for make in (lambda: layers.Dense(2, name="d"), lambda: layers.BatchNormalization(name="d")):
        layer = make()
        layer(layers.Input((3,)))
        with pytest.raises(ValueError, match=r"d: input shape \(None, 4\)"):
            layer(layers.Input((4,)))

    class Own(layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight((input_shape[-1], 2))

        def call(self, x):
            return pt.dot(x, self.w)

    layer = Own()
    layer(layers.Input((3,)))
    message = r"own: input shape \(None, 4\) \(it was built for \(None, 3\)\): dot: "
    with pytest.raises(ValueError, match=message):
        layer(layers.Input((4,)))


def test_refuses_configs_with_cycles():
    config = model().get_config()
    last = len(config["nodes"]) - 1
    config["nodes"][3]["x"] = {"tensor": [last, 0]}
    with pytest.raises(ValueError, match=f"depends on node {last}, which comes later"):
        models.Model.from_config(config)
    for broken in ({}, {"layers": [], "nodes": [{}], "inputs": None, "outputs": None}):
        with pytest.raises(TypeError):
            models.Model.from_config({**broken, "nodes": broken.get("nodes", 3)})
