"""pytensor.optimizers: several steps against the formulas, written in NumPy."""

import pickle

import numpy as np
import pytest

import pytensor as pt
from pytensor import _core, layers, models, optimizers, random
from pytensor._tables.optimizers import RULES

RNG = np.random.default_rng(0)
STEPS = 7
W = RNG.normal(size=(5, 3))
GRADIENTS = RNG.normal(size=(STEPS, 5, 3))


def sgd(w, gradients, rate=0.01):
    for g in gradients:
        w = w - rate * g
    return w


def momentum(w, gradients, rate, decay, nesterov):
    v = np.zeros_like(w)
    for g in gradients:
        v = decay * v - rate * g
        w = w + (decay * v - rate * g if nesterov else v)
    return w


def rmsprop(w, gradients, rate=0.001, rho=0.9, epsilon=1e-7):
    s = np.zeros_like(w)
    for g in gradients:
        s = rho * s + (1 - rho) * g * g
        w = w - rate * g / np.sqrt(s + epsilon)
    return w


def adagrad(w, gradients, rate=0.001, start=0.1, epsilon=1e-7):
    s = np.full_like(w, start)
    for g in gradients:
        s = s + g * g
        w = w - rate * g / np.sqrt(s + epsilon)
    return w


def adam(w, gradients, rate=0.001, b1=0.9, b2=0.999, epsilon=1e-7):
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients, 1):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g * g
        w = w - rate * np.sqrt(1 - b2**t) / (1 - b1**t) * m / (np.sqrt(v) + epsilon)
    return w


CASES = {
    "sgd": (optimizers.SGD(), sgd(W, GRADIENTS)),
    "momentum": (optimizers.SGD(0.1, momentum=0.9), momentum(W, GRADIENTS, 0.1, 0.9, False)),
    "nesterov": (optimizers.SGD(0.1, 0.8, nesterov=True), momentum(W, GRADIENTS, 0.1, 0.8, True)),
    "nesterov without momentum": (optimizers.SGD(nesterov=True), sgd(W, GRADIENTS)),
    "rmsprop": (optimizers.RMSprop(), rmsprop(W, GRADIENTS)),
    "rmsprop, all set": (
        optimizers.RMSprop(0.1, rho=0.5, epsilon=0.01),
        rmsprop(W, GRADIENTS, 0.1, 0.5, 0.01),
    ),
    "adagrad": (optimizers.Adagrad(), adagrad(W, GRADIENTS)),
    "adagrad, all set": (
        optimizers.Adagrad(0.2, initial_accumulator_value=0.0, epsilon=0.01),
        adagrad(W, GRADIENTS, 0.2, 0.0, 0.01),
    ),
    "adam": (optimizers.Adam(), adam(W, GRADIENTS)),
    "adam, all set": (
        optimizers.Adam(0.1, 0.5, 0.9, 0.01),
        adam(W, GRADIENTS, 0.1, 0.5, 0.9, 0.01),
    ),
}


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 3e-6), ("float64", 1e-13)])
@pytest.mark.parametrize("name", CASES)
def test_several_steps(name, dtype, tolerance):
    optimizer, expected = CASES[name]
    w = pt.asarray(W).astype(dtype)
    before = optimizer.iterations
    optimizer.iterations = 0
    for gradient in GRADIENTS:
        optimizer.apply([pt.asarray(gradient).astype(dtype)], [w])
    assert optimizer.iterations == STEPS or before
    np.testing.assert_allclose(w, expected, rtol=tolerance, atol=tolerance)


def in_numpy(row, w, dw, state, numbers):
    """The row's statements, run by NumPy in the arrays' dtype, which rounds each operation."""
    functions = {"sqrt": np.sqrt, "fabs": np.abs, "sign": np.sign, "maximum": np.maximum}
    names = {"w": w, "dw": dw, "F": lambda f: f, **functions}
    names |= dict(zip(row.state, state, strict=True))
    names |= {name: w.dtype.type(x) for name, x in zip(row.numbers, numbers, strict=True)}
    for statement in row.c:
        exec(statement, names)
    return [names["w"], *(names[name] for name in row.state)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", [{}, {"keep": 0.9, "scales": [0.3], "limit": 0.2}], ids=str)
@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_computed_as_it_stands_in_the_table(rule, options, dtype, rng):
    """Bit for bit, with what comes before any rule."""
    row = RULES[rule]
    numbers = tuple(rng.uniform(0.05, 0.95, len(row.numbers)))
    w, dw, *state = (
        rng.standard_normal((37, 301)).astype(dtype) for _ in range(2 + len(row.state))
    )
    state = [np.abs(s) + 1 for s in state]  # roots of them, less a square, are real
    dw[0, :4] = np.nan, np.inf, 0.0, -0.0
    number = w.dtype.type
    before = w * number(options.get("keep", 1))
    limit = number(options.get("limit", np.inf))
    given = np.clip(dw * number(options.get("scales", [1])[0]), -limit, limit)
    tensors = [pt.asarray(a.copy()) for a in (w, *state)]
    _core.update_weights(
        rule,
        tensors[:1],
        [pt.asarray(dw)],
        {id(tensors[0]): (tensors[0], tuple(tensors[1:]))},
        numbers,
        **options,
    )
    with np.errstate(invalid="ignore"):
        expected = in_numpy(row, before, given, state, numbers)
    for found, e in zip(tensors, expected, strict=True):
        np.testing.assert_array_equal(found, e)


def test_weights_that_a_rule_leaves_out():
    """Excluded from decay, or without a gradient."""
    w, v, u = (pt.asarray([1.0]) for _ in range(3))
    states = {id(t): (t, ()) for t in (w, v, u)}
    n = _core.update_weights(
        "sgd", [w, v, u], [pt.ones(1), pt.ones(1), None], states, (0.25,), keep=0.5, undecayed=[v]
    )
    assert (n, w.item(), v.item(), u.item()) == (1, 0.25, 0.75, 1.0)


def test_steps_count_from_one():
    optimizer = optimizers.Adam()
    optimizer.iterations = -1
    with pytest.raises(ValueError, match=r"^adam: iterations: found 0 in a step: expected at"):
        optimizer.apply([pt.ones(3)], [pt.ones(3)])


def test_each_weight_has_its_own_state():
    optimizer = optimizers.SGD(0.1, momentum=0.9)
    both = [pt.asarray(W.copy()), pt.asarray(2 * W)]
    for gradient in GRADIENTS:
        gradient = pt.asarray(gradient)
        optimizer.apply_gradients(zip([gradient, -gradient], both, strict=True))
    np.testing.assert_allclose(both[0], momentum(W, GRADIENTS, 0.1, 0.9, False), rtol=1e-13)
    np.testing.assert_allclose(both[1], momentum(2 * W, -GRADIENTS, 0.1, 0.9, False), rtol=1e-13)


def test_gradients_that_are_views():
    """A gradient may be a transpose or a broadcast, as custom layers make them."""
    w = pt.asarray(W.copy())
    optimizer = optimizers.SGD(1.0)
    optimizer.apply([pt.asarray(GRADIENTS[0].T.copy()).T], [w])
    optimizer.apply([pt.broadcast_to(pt.asarray([1.0, 2.0, 3.0], dtype="float64"), (5, 3))], [w])
    np.testing.assert_allclose(w, W - GRADIENTS[0] - [1, 2, 3], rtol=1e-13)


def test_learning_rate_can_change():
    w = pt.asarray([1.0])
    optimizer = optimizers.SGD(0.5)
    optimizer.apply([pt.ones(1)], [w])
    optimizer.learning_rate = 0.25
    assert optimizer.learning_rate == 0.25
    optimizer.apply([pt.ones(1)], [w])
    assert w.tolist() == [0.25]


def test_custom_optimizer():
    class Sign(optimizers.Optimizer):
        def initial_state(self, w):
            return (pt.zeros_like(w),)

        def update(self, w, dw, count):
            count += 1
            w -= self.learning_rate * pt.sign(dw)

    w = pt.asarray([1.0, 1.0])
    optimizer = Sign(0.5)
    for _ in range(2):
        optimizer.apply([pt.asarray([3.0, -2.0])], [w])
    assert w.tolist() == [0, 2]
    assert optimizer.name == "sign"


def test_missing_gradients():
    w, other = pt.asarray([1.0]), pt.asarray([1.0])
    optimizer = optimizers.SGD(1.0)
    with pytest.warns(UserWarning, match="does not depend on 1 of 2 weights"):
        optimizer.apply([None, pt.ones(1)], [w, other])
    assert (w.item(), other.item()) == (1, 0)
    with pytest.raises(ValueError, match="sgd: no gradients: the loss depends on none of the 2"):
        optimizer.apply([None, None], [w, other])


@pytest.mark.parametrize("identifier", ["RMSprop", "rmsprop", "RMSPROP", optimizers.RMSprop])
def test_get(identifier):
    optimizer = optimizers.get(identifier)
    assert type(optimizer) is optimizers.RMSprop
    assert optimizers.get(optimizer) is optimizer


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: optimizers.get("rmsprob"),
            ValueError,
            r"^unknown optimizer 'rmsprob': did you mean 'rmsprop'\?$",
        ),
        (
            lambda: optimizers.get("lbfgs"),
            ValueError,
            "unknown optimizer 'lbfgs': known are adadelta, adagrad, "
            "adam, adamax, adamw, lion, nadam, rmsprop, sgd",
        ),
        (lambda: optimizers.get(3), TypeError, "optimizer: found 3"),
        (lambda: optimizers.SGD(-0.1), ValueError, "learning_rate: found -0.1: expected at least"),
        (lambda: optimizers.SGD(float("nan")), ValueError, "learning_rate: found nan"),
        (lambda: optimizers.SGD("fast"), TypeError, "learning_rate: found 'fast'"),
        (lambda: optimizers.SGD("0.1"), TypeError, "learning_rate: found '0.1': expected a number"),
        (
            lambda: optimizers.Adam(float("inf")),
            ValueError,
            "^adam: learning_rate: found inf: expected a finite number",
        ),
        (lambda: optimizers.Adam(10**400), ValueError, "^adam: learning_rate: found inf"),
        (
            lambda: optimizers.SGD(momentum=1.5),
            ValueError,
            r"momentum: found 1.5: expected a number in \[0, 1\]",
        ),
        (lambda: optimizers.RMSprop(rho=1), ValueError, r"rho: found 1: expected .* in \[0, 1\)"),
        (lambda: optimizers.RMSprop(epsilon=-1), ValueError, "epsilon: found -1"),
        (
            lambda: optimizers.Adagrad(initial_accumulator_value=-1),
            ValueError,
            "initial_accumulator_value: found -1",
        ),
        (lambda: optimizers.Adam(beta_1=-0.1), ValueError, "beta_1: found -0.1"),
        (lambda: optimizers.Adam(beta_2=1.0), ValueError, "beta_2: found 1"),
        (lambda: optimizers.RMSprop(momentum=-1), ValueError, "momentum: found -1"),
        (
            lambda: optimizers.Lion(beta_1=0),
            ValueError,
            r"^lion: beta_1: found 0: expected .*\(0, 1",
        ),
        (lambda: optimizers.Adam(clipnorm=-1), ValueError, "adam: clipnorm: found -1"),
        (
            lambda: optimizers.Adam(clipnorm=1, clipvalue=1),
            ValueError,
            "found clipnorm and clipvalue: expected one of them",
        ),
        (lambda: optimizers.SGD(decays=0.1), TypeError, "SGD: got an unexpected .* 'decays'"),
        (
            lambda: optimizers.SGD().apply([pt.ones(2)], [pt.ones(3)]),
            ValueError,
            r"\(3,\) and \(2,\)",
        ),
        (
            lambda: optimizers.SGD().apply_gradients([]),
            ValueError,
            r"^sgd: apply_gradients: found no pairs: expected at least one \(gradient, weight\)",
        ),
        (lambda: optimizers.SGD().apply([], [pt.ones(3)]), ValueError, "zip"),
        (
            lambda: optimizers.Optimizer(0.1).apply([pt.ones(3)], [pt.ones(3)]),
            NotImplementedError,
            "Optimizer does not define update",
        ),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_schedule_sets_the_learning_rate():
    optimizer = optimizers.SGD(optimizers.schedules.ExponentialDecay(1.0, 1, 0.5))
    w = pt.asarray([0.0])
    rates = []
    for _ in range(3):
        rates.append(optimizer.learning_rate)
        optimizer.apply([pt.ones(1)], [w])
    assert rates == [1, 0.5, 0.25]
    assert w.item() == -1.75
    with pytest.raises(TypeError, match="the schedule ExponentialDecay sets it"):
        optimizer.learning_rate = 0.1
    again = optimizers.SGD.from_config(optimizer.get_config())
    assert again.learning_rate == 1.0


def test_excluded_weights_do_not_decay():
    w, bias = pt.asarray([1.0]), pt.asarray([1.0])
    optimizer = optimizers.SGD(0.5, weight_decay=0.5)
    optimizer.exclude_from_weight_decay([bias])
    optimizer.apply([pt.zeros(1), pt.zeros(1)], [w, bias])
    assert (w.item(), bias.item()) == (0.75, 1)


@pytest.mark.parametrize(
    ("make", "name", "value"),
    [
        (lambda: optimizers.SGD(), "momentum", 0.9),
        (lambda: optimizers.RMSprop(), "momentum", 0.9),
        (lambda: optimizers.RMSprop(), "centered", True),
        (lambda: optimizers.Adam(), "amsgrad", True),
    ],
)
def test_options_that_decide_the_state_may_change(make, name, value):
    """The state is made again, from the current weight."""
    optimizer, fresh = make(), make()
    w = pt.asarray(W.copy())
    optimizer.apply([pt.asarray(GRADIENTS[0])], [w])
    setattr(optimizer, name, value)
    setattr(fresh, name, value)
    fresh.iterations = 1
    expected = w.copy()
    optimizer.apply([pt.asarray(GRADIENTS[1])], [w])
    fresh.apply([pt.asarray(GRADIENTS[1])], [expected])
    np.testing.assert_array_equal(w, expected)


KERAS_CASES = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("SGD", {"weight_decay": 0.1}),
    ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.9}),
    ("RMSprop", {"centered": True}),
    ("RMSprop", {"momentum": 0.8, "centered": True, "rho": 0.7, "epsilon": 1e-3}),
    ("Adagrad", {}),
    ("Adagrad", {"initial_accumulator_value": 0.5}),
    ("Adadelta", {}),
    ("Adadelta", {"learning_rate": 1.0, "rho": 0.8}),
    ("Adam", {}),
    ("Adam", {"amsgrad": True}),
    ("Adam", {"amsgrad": True, "beta_2": 0.5}),
    ("Adam", {"weight_decay": 0.1}),
    ("Adam", {"clipnorm": 0.5}),
    ("Adam", {"clipvalue": 0.3}),
    ("SGD", {"clipnorm": 2.0}),
    ("SGD", {"clipvalue": 0.5}),
    ("SGD", {"global_clipnorm": 1.5}),
    ("SGD", {"global_clipnorm": 100.0}),
    ("SGD", {"clipnorm": 0.0}),
    ("AdamW", {}),
    ("AdamW", {"weight_decay": 0.2, "amsgrad": True}),
    ("Adamax", {}),
    ("Adamax", {"beta_2": 0.5}),
    ("Nadam", {}),
    ("Nadam", {"beta_1": 0.5}),
    ("Lion", {}),
    ("Lion", {"beta_1": 0.5, "weight_decay": 0.1}),
]


@pytest.mark.oracle
@pytest.mark.parametrize(("name", "options"), KERAS_CASES, ids=str)
def test_steps_match_keras(keras, name, options):
    options = {"learning_rate": 0.05} | options
    ours, theirs = getattr(optimizers, name)(**options), getattr(keras.optimizers, name)(**options)
    values = [W.astype("f4"), W[0].astype("f4")]
    weights = [pt.asarray(value.copy()) for value in values]
    variables = [keras.Variable(value) for value in values]
    for g in GRADIENTS.astype("f4"):
        ours.apply([pt.asarray(g), pt.asarray(g[1].copy())], weights)
        theirs.apply(
            [keras.ops.convert_to_tensor(g), keras.ops.convert_to_tensor(g[1].copy())], variables
        )
    for w, variable in zip(weights, variables, strict=True):
        expected = keras.ops.convert_to_numpy(variable)
        np.testing.assert_allclose(w, expected, rtol=5e-6, atol=5e-6)


@pytest.mark.oracle
@pytest.mark.parametrize(
    "name", ["SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "AdamW", "Adamax", "Nadam", "Lion"]
)
def test_defaults_match_keras(keras, name):
    ours = getattr(optimizers, name)().get_config()
    theirs = getattr(keras.optimizers, name)(name=name.lower()).get_config()
    theirs["learning_rate"] = pytest.approx(theirs["learning_rate"])  # a float32
    assert ours == {option: theirs[option] for option in ours}


class Plain(optimizers.SGD):
    """Its own update, which knows tensors only."""

    def update(self, w, dw):
        """w -= 0.01 * dw."""
        assert type(dw) is pt.Tensor
        w -= dw * 0.01


@pytest.mark.parametrize(
    "make",
    [
        optimizers.SGD,
        lambda: optimizers.SGD(momentum=0.9),
        lambda: optimizers.RMSprop(momentum=0.9, centered=True),
        lambda: optimizers.Adam(amsgrad=True),
        lambda: optimizers.AdamW(global_clipnorm=0.1),
        optimizers.RMSprop,
        optimizers.Adagrad,
        optimizers.Adam,
        Plain,
    ],
)
def test_row_gradients_train_the_same_bits(make):
    """Columns of zeros in the input: the gradient comes by rows to the optimizers that take it."""
    x = np.zeros((256, 600), "f4")
    rng = np.random.default_rng(3)
    x[:, 100:300] = rng.standard_normal((256, 200))
    y = rng.standard_normal((256, 40)).astype("f4")
    results = []
    for takes in (True, False):
        random.seed(1)
        optimizer = make()
        if not takes:
            optimizer.takes_row_gradients = False
        network = models.Sequential(
            [layers.Dense(128, activation="relu", input_shape=(600,)), layers.Dense(40)]
        )
        network.compile(optimizer, "mse")
        network.fit(x, y, batch_size=128, epochs=2, verbose=0)
        results.append([w.tobytes() for w in network.get_weights()])
    assert results[0] == results[1]
    assert optimizers.SGD.takes_row_gradients and not Plain.takes_row_gradients


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1e20, 3e38, 1e-30])
@pytest.mark.parametrize("option", ["clipnorm", "global_clipnorm"])
def test_norms_of_any_size(option, scale, dtype):
    """What overflows or underflows as a square is shortened all the same."""
    longest = scale if scale < 1 else 2.0
    unit = np.array([[0.6, 0.0], [0.0, -0.8]])
    w, v = pt.zeros((2, 2), dtype=dtype), pt.zeros(3, dtype=dtype)
    optimizer = optimizers.SGD(1.0, **{option: longest})
    dw, dv = (pt.asarray(g * scale, dtype=dtype) for g in (unit, np.zeros(3)))
    optimizer.apply([dw, dv], [w, v])
    np.testing.assert_allclose(w, -longest * unit, rtol=1e-6)
    assert v.tolist() == [0, 0, 0]
    w[...] = 0
    optimizer.apply([dw / 4, dv], [w, v])
    np.testing.assert_allclose(w, -min(longest, scale / 4) * unit, rtol=1e-6)


def test_global_norm_of_large_gradients():
    w, v = pt.zeros(1), pt.zeros(1)
    optimizers.SGD(1.0, global_clipnorm=1.0).apply([pt.asarray([3e20]), pt.asarray([4e20])], [w, v])
    np.testing.assert_allclose([w.item(), v.item()], [-0.6, -0.8], rtol=1e-6)


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_norms_of_gradients_that_are_not_finite(value):
    """It stays in sight."""
    w, v = pt.zeros(2), pt.zeros(1)
    optimizers.SGD(1.0, global_clipnorm=1.0).apply(
        [pt.asarray([value, 1e20]), pt.asarray([1e20])], [w, v]
    )
    assert np.isnan(w.numpy()[0])
    assert not abs(v.item()) > 0


# ------------------------------------------------------------ averages, gradients that are added up


EXTRA = {
    "use_ema": {"use_ema": True, "ema_momentum": 0.8},
    "ema_overwrite": {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 2},
    "accumulation": {"gradient_accumulation_steps": 3, "clipnorm": 1.0},
    "both": {"gradient_accumulation_steps": 2, "use_ema": True, "ema_momentum": 0.5},
}


def extra_model(k, m, options):
    model = m.Sequential([k.Input((3,)), k.Dense(4, activation="tanh"), k.Dense(1)])
    return model, options


@pytest.mark.oracle
@pytest.mark.parametrize("name", EXTRA)
def test_averages_and_added_gradients_as_in_keras(keras, name):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 3)).astype(np.float32)
    y = rng.normal(size=(20, 1)).astype(np.float32)
    ours, _ = extra_model(layers, models, {})
    theirs, _ = extra_model(keras.layers, keras, {})
    theirs.set_weights(ours.get_weights())
    ours.compile(optimizers.Adam(0.05, **EXTRA[name]), "mse")
    theirs.compile(keras.optimizers.Adam(0.05, **EXTRA[name]), "mse")
    options = {"batch_size": 4, "epochs": 3, "shuffle": False, "verbose": 0}
    found = ours.fit(x, y, **options).history["loss"]
    np.testing.assert_allclose(found, theirs.fit(x, y, **options).history["loss"], rtol=1e-4)
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-3, atol=1e-5)


def test_added_gradients_make_the_mean():
    w, v = pt.asarray([1.0, 2.0]), pt.asarray([1.0, 2.0])
    adding = optimizers.SGD(0.1, gradient_accumulation_steps=2)
    for dw in ([1.0, 0.0], [3.0, 2.0]):
        assert adding.iterations == 0
        adding.apply([pt.asarray(dw)], [w])
    optimizers.SGD(0.1).apply([pt.asarray([2.0, 1.0])], [v])
    np.testing.assert_array_equal(w, v)
    assert (adding.iterations, adding.waiting) == (1, 0)


@pytest.mark.parametrize("name", EXTRA)
def test_extra_state_is_kept(name, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 3)).astype(np.float32)
    y = rng.normal(size=(20, 1)).astype(np.float32)
    model, _ = extra_model(layers, models, {})
    model.compile(optimizers.SGD(0.1, momentum=0.9, **EXTRA[name]), "mse")
    for k in range(5):
        model.train_on_batch(x[k : k + 4], y[k : k + 4])
    model.save(tmp_path / "m.safetensors")
    others = [models.load_model(tmp_path / "m.safetensors"), pickle.loads(pickle.dumps(model))]
    for other in (model, *others):
        for k in range(5):
            other.train_on_batch(x[k : k + 4], y[k : k + 4])
        other.optimizer.finalize(other.weights)
    for other in others:
        for mine, kept in zip(model.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, kept)
