"""pytensor.layers.recurrent, and the recurrence in C."""

import numpy as np
import pytest
from conftest import output_of

import pytensor as pt
from pytensor import _core, layers, serialization
from pytensor.layers import _recurrence

NAMES = ["SimpleRNN", "LSTM", "GRU"]
OPTIONS = [
    {},
    {"return_sequences": True},
    {"return_state": True},
    {"return_sequences": True, "return_state": True, "go_backwards": True},
    {"zero_output_for_mask": True, "return_sequences": True},
    {"use_bias": False},
    {"activation": "relu"},
]
X = np.random.default_rng(0).normal(size=(4, 6, 3)).astype(np.float32)
MASKS = {
    "none": None,
    "some": np.random.default_rng(1).random((4, 6)) > 0.4,
    "at the beginning": np.arange(6) >= np.array([[0], [2], [6], [5]]),
    "at the end": np.arange(6) < np.array([[6], [2], [0], [5]]),
}


@pytest.fixture(scope="module")
def keras():
    return pytest.importorskip("keras")


def parts(result):
    """A result, or several, as a list of ndarrays."""
    several = result if isinstance(result, (list, tuple)) else [result]
    return [
        part.detach().numpy() if hasattr(part, "detach") else np.array(part) for part in several
    ]


def with_weights(layer, x, seed=2):
    """Build a layer and give it weights that are all different."""
    layer(x)
    random = np.random.default_rng(seed)
    layer.set_weights([0.6 * random.normal(size=w.shape) for w in layer.get_weights()])
    return layer


@pytest.mark.oracle
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", [*NAMES, "GRU without reset_after"])
def test_layers_are_those_of_keras(keras, name, options, mask):
    name, *rest = name.split()
    if rest:
        options = {**options, "reset_after": False}
    mine = with_weights(getattr(layers, name)(5, **options), X)
    theirs = with_weights(getattr(keras.layers, name)(5, **options), X)
    given = MASKS[mask]
    found = mine(X, mask=given)
    wanted = theirs(X, mask=None if given is None else keras.ops.convert_to_tensor(given))
    assert len(parts(found)) == len(parts(wanted))
    for one, other in zip(parts(found), parts(wanted), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    shapes = mine.compute_output_shape((4, 6, 3))
    assert [part.shape for part in parts(found)] == (
        [tuple(shape) for shape in shapes] if isinstance(shapes, list) else [shapes]
    )


@pytest.mark.oracle
@pytest.mark.parametrize("name", NAMES)
def test_training_is_that_of_keras(keras, name):
    y = np.random.default_rng(3).normal(size=(4, 1)).astype(np.float32)
    histories = []
    for library in (pt, keras):
        model = (pt.models if library is pt else keras).Sequential(
            [
                library.layers.Embedding(9, 4, mask_zero=True),
                getattr(library.layers, name)(5, return_sequences=True),
                getattr(library.layers, name)(3),
                library.layers.Dense(1),
            ]
        )
        model.compile(library.optimizers.SGD(0.1), "mse")
        x = np.array([[1, 2, 3, 0, 0], [4, 5, 6, 7, 8], [1, 0, 0, 0, 0], [2, 2, 0, 3, 0]])
        with_weights(model, x)
        history = model.fit(x, y, epochs=5, batch_size=4, shuffle=False, verbose=0)
        histories.append(history.history["loss"])
    np.testing.assert_allclose(*histories, rtol=2e-5)


def test_initial_weights():
    lstm = layers.LSTM(4)
    lstm(X)
    kernel, recurrent, bias = lstm.get_weights()
    assert kernel.shape == (3, 16) and recurrent.shape == (4, 16)
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(4), atol=1e-5)
    assert bias.tolist() == [0] * 4 + [1] * 4 + [0] * 8
    assert layers.LSTM(2, unit_forget_bias=False)(X).shape == (4, 2)
    gru = layers.GRU(4)
    gru(X)
    assert [w.shape for w in gru.get_weights()] == [(3, 12), (4, 12), (2, 12)]


# --- the recurrence in C --------------------------------------------------------------------


def recurrence(name, dtype, units, batch, *, steps=7, masked=False, dropped=False, seed=0):
    """A cell, and the arguments of _recurrence.run, with tensors that are all watched."""
    random = np.random.default_rng(seed)

    def normal(*shape):
        return pt.asarray(random.normal(size=shape).astype(dtype))

    cell = getattr(layers, name)(units).cell
    width = cell.gates * units
    cell.recurrent_kernel = normal(units, width) * 0.5
    if name == "GRU":
        cell.bias = normal(2, width)
    states = [normal(batch, units) for _ in range(2 if name == "LSTM" else 1)]
    mask = pt.asarray(random.random((batch, steps)) > 0.4) if masked else None
    factors = pt.asarray((random.random((batch, units)) > 0.3).astype(dtype)) * 1.5
    arguments = normal(batch, steps, width), states, mask, factors if dropped else None
    return cell, arguments, [normal(batch, steps, units), *(normal(batch, units) for _ in states)]


def differentiated(run, cell, arguments, weights):
    """The results of a recurrence, and the gradients of their sum by these weights."""
    z, states, *_ = arguments
    inputs = [z, cell.recurrent_kernel, *states] + ([] if cell.bias is None else [cell.bias])
    with pt.GradientTape() as tape:
        tape.watch(inputs)
        sequence, last = run(cell, *arguments)
        loss = sum(pt.sum(a * b) for a, b in zip([sequence, *last], weights, strict=True))
    return [sequence, *last, *tape.gradient(loss, inputs)]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("dropped", [False, True])
@pytest.mark.parametrize(("units", "batch"), [(1, 1), (6, 5), (17, 30), (32, 12), (33, 13)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_c_computes_what_the_steps_do(name, dtype, units, batch, dropped, masked):
    cell, arguments, weights = recurrence(name, dtype, units, batch, masked=masked, dropped=dropped)
    assert cell.in_c
    in_c = differentiated(_recurrence.run, cell, arguments, weights)
    by_steps = differentiated(_recurrence.by_steps, cell, arguments, weights)
    tolerance = 1e-3 if dtype == "float32" else 1e-11
    for one, other in zip(in_c, by_steps, strict=True):
        assert one.dtype == other.dtype and str(one.dtype) == dtype
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("result", ["the sequence", "the last states"])
@pytest.mark.parametrize("name", NAMES)
def test_gradients_of_one_result_only(name, result):
    cell, arguments, weights = recurrence(name, "float64", 4, 3)
    found = []
    for run in (_recurrence.run, _recurrence.by_steps):
        with pt.GradientTape() as tape:
            tape.watch(arguments[0])
            sequence, last = run(cell, *arguments)
            used = sequence * weights[0] if result == "the sequence" else last[-1] * weights[-1]
            loss = pt.sum(used)
        found.append(tape.gradient(loss, arguments[0]))
    np.testing.assert_allclose(*found, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_derivatives_to_order_two(name):
    cell, (z, states, mask, dropped), _ = recurrence(
        name, "float64", 3, 2, steps=4, masked=True, dropped=True
    )
    bias = cell.bias

    def f(z, kernel, *rest):
        cell.recurrent_kernel = kernel
        if bias is not None:
            cell.bias = pt.stack([bias[0], rest[-1]])
        sequence, last = _recurrence.run(cell, z, rest[: len(states)], mask, dropped)
        return pt.sum(sequence**2) + sum(pt.sum(pt.sin(state)) for state in last)

    inputs = [z, cell.recurrent_kernel, *states] + ([] if bias is None else [bias[1]])
    pt.check_grads(f, inputs, order=2)


@pytest.mark.parametrize("name", NAMES)
def test_any_number_of_threads_gives_the_same_bits(name):
    cell, arguments, weights = recurrence(name, "float32", 20, 50, masked=True)
    before = pt.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 3):
            pt.set_num_threads(threads)
            found.append(differentiated(_recurrence.run, cell, arguments, weights))
    finally:
        pt.set_num_threads(before)
    for others in found[1:]:
        for one, other in zip(found[0], others, strict=True):
            assert np.asarray(one).tobytes() == np.asarray(other).tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_has_the_same_bits_in_any_batch(name):
    cell, (z, states, *_), _ = recurrence(name, "float32", 9, 31)
    whole, _ = _recurrence.run(cell, z, states, None, None)
    for rows in (slice(0, 1), slice(5, 18), slice(30, 31)):
        part, _ = _recurrence.run(cell, z[rows], [s[rows] for s in states], None, None)
        assert np.asarray(part).tobytes() == np.asarray(whole[rows]).tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_nan_stays_with_its_sample(name):
    cell, (z, states, *_), _ = recurrence(name, "float32", 4, 15)
    z = pt.set_at(z, (3, 2, 0), np.nan)
    sequence, last = _recurrence.run(cell, z, states, None, None)
    found = np.isnan(np.asarray(sequence))
    assert found[3, 2:].any(axis=1).all() and not found[3, :2].any()
    assert not np.delete(found, 3, axis=0).any() and np.isnan(np.asarray(last[0])[3]).any()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0, 0)])
def test_no_samples_or_no_steps(name, shape):
    layer = getattr(layers, name)(4, return_sequences=True, return_state=True)
    layer(X)
    sequence, *states = layer(np.zeros((*shape, 3), np.float32))
    assert sequence.shape == (*shape, 4) and all(s.shape == (shape[0], 4) for s in states)
    last = getattr(layers, name)(4)
    last(X)
    assert last(np.zeros((*shape, 3), np.float32)).tolist() == [[0.0] * 4] * shape[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "elman"}, "elman"),
        ({"z": pt.zeros((2, 3, 7))}, r"products of shape \(2, 3, 7\).*expected \(2, 3, 8\)"),
        ({"z": pt.zeros((2, 3, 8), dtype="int64")}, "expected .* of floats"),
        ({"z": pt.zeros((2, 8))}, "expected .batch, steps"),
        ({"kernel": pt.zeros((2, 8), dtype="float64")}, "recurrent kernel of .* float64"),
        ({"kernel": pt.zeros((8,))}, "products of shape"),
        ({"bias": pt.zeros((7,))}, r"bias of shape \(7,\)"),
        ({"states": [pt.zeros((2, 2))]}, "1 states: expected 2"),
        ({"states": [pt.zeros((2, 2)), pt.zeros((3, 2))]}, r"state of shape \(3, 2\)"),
        ({"mask": pt.zeros((2, 3))}, "mask of shape .* float32"),
        ({"dropped": pt.zeros((2, 3))}, r"dropped of shape \(2, 3\)"),
    ],
)
def test_the_core_refuses_what_does_not_match(change, message):
    arguments = {
        "kind": "lstm",
        "z": pt.zeros((2, 3, 8)),
        "kernel": pt.zeros((2, 8)),
        "bias": None,
        "states": [pt.zeros((2, 2))] * 2,
        "mask": None,
        "dropped": None,
    }
    _core.recurrence(*arguments.values())
    with pytest.raises((ValueError, KeyError), match=message):
        _core.recurrence(*{**arguments, **change}.values())


def test_the_core_refuses_other_gradients():
    _, _, kept = _core.recurrence(
        "simple", pt.zeros((2, 3, 4)), pt.zeros((4, 4)), None, [pt.zeros((2, 4))], None, None
    )
    with pytest.raises(ValueError, match="2 gradients: expected 1"):
        _core.recurrence_gradient(kept, None, [None, None])
    with pytest.raises(ValueError, match="gradient of shape"):
        _core.recurrence_gradient(kept, pt.zeros((2, 3, 5)), [None])
    with pytest.raises(TypeError):
        _core.recurrence_gradient(None, None, [None])


@pytest.mark.once
def test_instruction_sets_agree():
    """To rounding: products are summed in the same order, but not with the same instructions."""
    code = """
    import numpy as np, pytensor as pt
    pt.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(20, 30, 5))
    print([float(pt.sum(getattr(pt.layers, n)(9)(x) ** 2)) for n in ("SimpleRNN", "LSTM", "GRU")])
    """
    found = []
    for name in ("baseline", "avx2", "avx512"):
        try:
            found.append(eval(output_of(code, PYTENSOR_ISA=name)))
        except Exception as error:
            if name not in str(error):
                raise
    np.testing.assert_allclose(found, [found[0]] * len(found), rtol=1e-5)


# --- dropout, states, cells -----------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_dropout_is_the_same_in_all_steps(name):
    layer = getattr(layers, name)(8, dropout=0.5, recurrent_dropout=0.5, seed=0)
    layer(X)
    np.testing.assert_array_equal(layer(X), layer(X))
    assert (np.asarray(layer(X, training=True)) != np.asarray(layer(X))).any()
    cell = layer.cell
    factors = np.asarray(cell.factors((1000, 8), 0.25, True))
    assert set(factors.ravel().tolist()) == {0.0, float(np.float32(1) / np.float32(0.75))}
    assert 0.22 < (factors == 0).mean() < 0.28
    assert cell.factors((2, 2), 0.25, False) is None
    # With all steps alike, and without a way from step to step, the outputs are alike too.
    layer = getattr(layers, name)(
        8, dropout=0.5, return_sequences=True, recurrent_initializer="zeros"
    )
    out = np.asarray(layer(np.ones((2, 5, 3)), training=True))
    if name == "SimpleRNN":
        np.testing.assert_array_equal(out, np.repeat(out[:, :1], 5, axis=1))


@pytest.mark.parametrize("name", NAMES)
def test_stateful_layers_go_on(name):
    layer = with_weights(getattr(layers, name)(5, stateful=True, return_sequences=True), X)
    layer.reset_state()
    halves = [layer(X[:, :2]), layer(X[:, 2:])]
    layer.reset_states()
    np.testing.assert_allclose(np.concatenate(halves, axis=1), layer(X), rtol=1e-6)
    with pytest.raises(ValueError, match=r"states of 4 samples, a batch of 2: .* reset_state"):
        layer(X[:2])


@pytest.mark.parametrize("name", NAMES)
def test_states_are_passed_on(name):
    layer = with_weights(getattr(layers, name)(5, return_state=True), X)
    _, *states = layer(X[:, :4])
    output, *_ = layer(X[:, 4:], initial_state=states if len(states) > 1 else states[0])
    np.testing.assert_allclose(output, layer(X)[0], rtol=1e-6)
    with pytest.raises(ValueError, match="initial_state: found 3 tensors: expected"):
        layer(X, initial_state=[states[0]] * 3)


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("cell", ["SimpleRNNCell", "LSTMCell", "GRUCell"])
def test_any_cell_goes_through_the_same_steps(cell, mask):
    """A subclass, which the layer knows nothing of, against the cell itself."""

    class Outer(layers.Layer):
        def __init__(self, inner):
            super().__init__()
            self.inner, self.state_size = inner, inner.state_size

        def build(self, input_shape):
            self.inner.ensure_built(input_shape)

        def call(self, x, states):
            return self.inner.call(x, states)

    inner = getattr(layers, cell)(5)
    layer = with_weights(layers.RNN(inner, return_sequences=True, return_state=True), X)
    slow = layers.RNN(Outer(inner), return_sequences=True, return_state=True)
    given = MASKS[mask]
    for one, other in zip(layer(X, mask=given), slow(X, mask=given), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.oracle
def test_stacked_cells_are_those_of_keras(keras):
    results = []
    for library in (layers, keras.layers):
        cells = [library.GRUCell(4), library.LSTMCell(3), library.SimpleRNNCell(5)]
        layer = with_weights(library.RNN(cells, return_sequences=True), X)
        results.append(parts(layer(X))[0])
    np.testing.assert_allclose(*results, rtol=1e-5, atol=1e-6)


def test_a_subclass_of_a_cell_is_computed_by_its_own_step():
    class Doubled(layers.SimpleRNNCell):
        def step(self, z, states, kernel, bias, dropped):
            return [2 * super().step(z, states, kernel, bias, dropped)[0]]

    cell = Doubled(3)
    assert not cell.in_c
    layer = with_weights(layers.RNN(cell, return_sequences=True), X)
    plain = layers.RNN(layers.SimpleRNNCell(3), return_sequences=True)
    plain(X)
    plain.set_weights(layer.get_weights())
    np.testing.assert_allclose(
        np.asarray(layer(X))[:, 0], 2 * np.asarray(plain(X))[:, 0], rtol=1e-6
    )


@pytest.mark.parametrize("name", NAMES)
def test_configs(name):
    layer = getattr(layers, name)(
        5,
        activation="relu",
        dropout=0.25,
        return_sequences=True,
        name="mine",
        input_shape=(None, 3),
    )
    config = layer.get_config()
    again = type(layer).from_config(config)
    assert again.get_config() == config and again.name == "mine"
    assert (again.units, again.dropout, again.return_sequences) == (5, 0.25, True)
    cell = layers.RNN([layers.GRUCell(3), layers.LSTMCell(2)])
    assert serialization.from_json(serialization.to_json(cell)).cell.state_size == [3, 2, 2]
    with pytest.raises(AttributeError, match="has no attribute '_nothing'"):
        assert layer._nothing


def test_models_of_recurrent_layers_are_saved(tmp_path):
    model = pt.models.Sequential(
        [layers.GRU(4, return_sequences=True, input_shape=(6, 3)), layers.LSTM(2), layers.Dense(1)]
    )
    model.compile("adam", "mse")
    model.fit(X, np.ones((4, 1)), verbose=0)
    model.save(tmp_path / "model.safetensors")
    again = pt.models.load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    for one in (model, again):
        one.fit(X, np.ones((4, 1)), shuffle=False, verbose=0)
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_an_lstm_learns_to_remember():
    """Whether the first number of a sequence was positive; the later ones are noise."""
    pt.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    x = random.normal(size=(512, 20, 1)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.float32)
    model = pt.models.Sequential([layers.LSTM(8), layers.Dense(1, activation="sigmoid")])
    model.compile(pt.optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=40, batch_size=64, verbose=0)
    assert model.evaluate(x, y, verbose=0)[1] > 0.9


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: layers.LSTM(0), ValueError, "units: found 0: expected at least 1"),
        (lambda: layers.GRU(3, dropout=1), ValueError, r"dropout: found 1: expected a number in"),
        (lambda: layers.LSTM(3, dropot=0.1), TypeError, "dropot"),
        (lambda: layers.LSTM(3)(np.zeros((2, 3))), ValueError, r"expected \(batch, steps, ...\)"),
        (lambda: layers.LSTM(3).cell(np.zeros((2, 3, 4))), ValueError, r"expected \(batch, inputs"),
        (lambda: layers.RNN(layers.Dense(3)), TypeError, "expected a layer with call"),
        (lambda: layers.RNN(3), TypeError, "cell: found 3"),
        (lambda: layers.RNN([]), ValueError, "no cells"),
        (
            lambda: layers.LSTM(3)(X, mask=np.ones((4, 5), bool)),
            ValueError,
            r"mask of shape \(4, 5\): expected \(4, 6\)",
        ),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_cell_that_returns_something_else():
    class Wrong(layers.Layer):
        state_size = 2

        def call(self, x, states):
            return states[0]

    with pytest.raises(TypeError, match=r"call returned Tensor: expected \(output, states\)"):
        layers.RNN(Wrong())(X)
