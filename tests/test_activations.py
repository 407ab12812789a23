"""pytensor.activations."""

import math

import numpy as np
import pytest

import pytensor as pt
from pytensor import activations

X = np.array([[-3.0, -0.5, 0.0], [0.5, 2.0, 30.0]], np.float32)
ERF = np.vectorize(math.erf)
SELU = 1.0507009873554805, 1.6732632423543772


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


REFERENCES = {
    "celu": elu,
    "elu": elu,
    "exponential": np.exp,
    "gelu": lambda x: x * (1 + ERF(x / math.sqrt(2))) / 2,
    "hard_shrink": lambda x: x * (abs(x) > 0.5),
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "hard_silu": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "hard_swish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "log_sigmoid": lambda x: -np.logaddexp(0, -x),
    "log_softmax": lambda x: x - np.log(np.exp(x).sum(-1, keepdims=True)),
    "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "relu6": lambda x: np.clip(x, 0, 6),
    "selu": lambda x: SELU[0] * elu(x, SELU[1]),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "soft_shrink": lambda x: np.sign(x) * np.maximum(abs(x) - 0.5, 0),
    "softplus": lambda x: np.logaddexp(0, x),
    "softsign": lambda x: x / (1 + abs(x)),
    "squareplus": lambda x: (x + np.sqrt(x * x + 4)) / 2,
    "swish": lambda x: x / (1 + np.exp(-x)),
    "tanh_shrink": lambda x: x - np.tanh(x),
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softmax": lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
    "tanh": np.tanh,
}


@pytest.mark.parametrize("name", REFERENCES)
def test_values(name):
    out = activations.get(name)(pt.asarray(X))
    assert out.dtype == pt.float32
    np.testing.assert_allclose(out, REFERENCES[name](X.astype(np.float64)), rtol=1e-6, atol=1e-7)


@pytest.mark.once
def test_every_name_has_a_reference():
    assert REFERENCES.keys() == activations._BY_NAME.keys()


POINTS = np.array([[-40.0, -3.3, -1.2], [-0.3, 0.2, 0.9], [2.2, 5.7, 45.0]])


@pytest.mark.once
@pytest.mark.parametrize("name", REFERENCES)
def test_gradients(name):
    """Against the quotient of differences; far from 0 nothing overflows."""
    f = activations.get(name)
    weights = np.arange(1.0, 10.0).reshape(3, 3)
    if name == "exponential":
        weights = weights * [[1, 1, 1], [1, 1, 1], [1, 1, 0]]
    found = np.asarray(pt.grad(lambda x: (f(x) * weights).sum())(pt.asarray(POINTS)))
    step = 1e-5
    for i in np.ndindex(3, 3):
        points = np.stack([POINTS, POINTS])
        points[(0, *i)] -= step
        points[(1, *i)] += step
        low, high = (np.asarray(f(pt.asarray(x)) * weights) for x in points)
        expected = (high - low).sum() / (2 * step)
        np.testing.assert_allclose(found[i], expected, rtol=1e-5, atol=1e-5)


ARGUMENTS = [
    ("relu", {"negative_slope": 0.1}),
    ("relu", {"max_value": 1.5}),
    ("relu", {"threshold": 1.0, "negative_slope": 0.5}),
    ("relu", {"threshold": 1.0}),
    ("leaky_relu", {"negative_slope": 0.5}),
    ("elu", {"alpha": 0.3}),
    ("celu", {"alpha": 0.3}),
    ("gelu", {"approximate": True}),
    ("squareplus", {"b": 1}),
    ("soft_shrink", {"threshold": 1.0}),
    ("hard_shrink", {"threshold": 1.0}),
]


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("name", "arguments"), [(name, {}) for name in REFERENCES] + ARGUMENTS, ids=str
)
def test_values_are_those_of_keras(keras, name, arguments):
    x = np.linspace(-6, 6, 48, dtype=np.float32).reshape(6, 8)
    expected = keras.ops.convert_to_numpy(
        keras.activations.get(name)(keras.ops.convert_to_tensor(x), **arguments)
    )
    found = activations.get(name)(pt.asarray(x), **arguments)
    np.testing.assert_allclose(found, expected, rtol=3e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "arguments"), [(name, {}) for name in REFERENCES] + ARGUMENTS, ids=str
)
def test_nan_stays_nan(name, arguments):
    """So does its derivative, and nothing else of the tensor changes."""
    f = lambda x: activations.get(name)(x, **arguments)  # noqa: E731
    x = np.linspace(-3, 3, 37, dtype=np.float32)[:, None]  # softmax's rows are on their own
    poisoned = x.copy()
    poisoned[::3] = np.nan
    for g in (f, pt.grad(lambda x: f(x).sum())):
        expected = np.array(g(pt.asarray(x)))
        if name != "linear" or g is f:
            expected[::3] = np.nan
        np.testing.assert_array_equal(g(pt.asarray(poisoned)), expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("elu", 1.0), ("celu", 1.0), ("selu", SELU[0] * SELU[1]), ("leaky_relu", 0.2), ("relu", 0.0)],
)
def test_slopes_at_0_are_those_from_below(name, expected):
    assert pt.grad(activations.get(name))(pt.asarray(0.0)).item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("f", "small"),
    [
        (activations.squareplus, [1 / 3e38, 1e-20]),  # 1 / |x|, where x + sqrt(x * x + 4) cancels
        (lambda x: activations.gelu(x, approximate=True), [0, 0]),
    ],
)
def test_squares_and_cubes_do_not_overflow(f, small):
    x = pt.asarray([-3e38, -1e20, 1e13, 1e20, 1.5e38])
    np.testing.assert_allclose(f(x), [*small, *np.asarray(x)[2:]], rtol=1e-6, atol=1e-44)
    slope = pt.grad(lambda x: f(x).sum())(x)
    np.testing.assert_allclose(slope, [0, 0, 1, 1, 1], rtol=1e-6, atol=1e-39)


def test_a_slope_of_0_at_infinity():
    x = pt.asarray([-np.inf, np.inf])
    assert activations.leaky_relu(x, negative_slope=0.0).tolist() == [0, np.inf]
    assert activations.relu(x, threshold=1.0).tolist() == [0, np.inf]
    assert activations.hard_shrink(x).tolist() == [-np.inf, np.inf]


INF = float("inf")
# Limits of the function and of its derivative at -inf and inf.
LIMITS = {
    "celu": (-1, INF, 0, 1),
    "elu": (-1, INF, 0, 1),
    "exponential": (0, INF, 0, INF),
    "gelu": (0, INF, 0, 1),
    "hard_shrink": (-INF, INF, 1, 1),
    "hard_sigmoid": (0, 1, 0, 0),
    "hard_silu": (0, INF, 0, 1),
    "hard_tanh": (-1, 1, 0, 0),
    "leaky_relu": (-INF, INF, 0.2, 1),
    "linear": (-INF, INF, 1, 1),
    "log_sigmoid": (-INF, 0, 1, 0),
    "mish": (0, INF, 0, 1),
    "relu": (0, INF, 0, 1),
    "relu6": (0, 6, 0, 0),
    "selu": (-SELU[0] * SELU[1], INF, 0, SELU[0]),
    "sigmoid": (0, 1, 0, 0),
    "silu": (0, INF, 0, 1),
    "soft_shrink": (-INF, INF, 1, 1),
    "softplus": (0, INF, 0, 1),
    "softsign": (-1, 1, 0, 0),
    "squareplus": (0, INF, 0, 1),
    "tanh": (-1, 1, 0, 0),
    "tanh_shrink": (-INF, INF, 1, 1),
}


@pytest.mark.once
def test_every_function_of_one_element_has_limits():
    assert LIMITS.keys() == {*activations.__all__} - {"get", "softmax", "log_softmax"}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("name", "arguments"), [*((name, {}) for name in LIMITS), ("gelu", {"approximate": True})]
)
def test_limits_at_infinity(name, arguments, dtype):
    """Of values and derivatives, in both modes; the largest numbers are as good as infinite."""
    f = lambda x: getattr(activations, name)(x, **arguments)  # noqa: E731
    low, high, slope_low, slope_high = LIMITS[name]
    x = pt.asarray([-INF, INF], dtype=dtype)
    expected = np.array([low, high], dtype)
    slopes = np.array([slope_low, slope_high], dtype)
    np.testing.assert_allclose(f(x), expected, rtol=1e-6)
    np.testing.assert_allclose(pt.grad(lambda x: f(x).sum())(x), slopes, rtol=1e-6)
    np.testing.assert_allclose(pt.jvp(f, (x,), (pt.ones_like(x),))[1], slopes, rtol=1e-6)
    largest = np.finfo(dtype).max
    x = pt.asarray([-largest, largest], dtype=dtype)
    finite = np.where(abs(expected) == INF, np.sign(expected) * largest, expected)
    if name == "leaky_relu":
        finite[0] = 0.2 * -largest
    if name not in ("exponential", "selu"):  # which overflow
        np.testing.assert_allclose(f(x), finite, rtol=1e-6, atol=1e-30)
        np.testing.assert_allclose(pt.grad(lambda x: f(x).sum())(x), slopes, rtol=1e-6, atol=1e-30)


@pytest.mark.parametrize("name", ["gelu", "hard_silu", "mish", "silu"])
def test_a_tape_and_fusion_leave_the_bits(name):
    f = getattr(activations, name)
    x = pt.asarray([-INF, -1e30, -1001.0, -20.5, -0.0, 0.3, 7.1, 1001.0, 1e30, INF, math.nan])
    expected = f(x).numpy().tobytes()
    assert pt.vjp(f, x)[0].numpy().tobytes() == expected
    assert pt.fuse(f)(x).numpy().tobytes() == expected


def test_squareplus_does_not_cancel():
    x = np.array([-1e4, -1e2, -1.0, 0.0, 1.0, 1e4])
    for b in (1.0, 4.0):
        expected = np.where(x < 0, b / 2 / (np.sqrt(x * x + b) - x), (x + np.sqrt(x * x + b)) / 2)
        found = activations.squareplus(pt.asarray(x, dtype="float32"), b)
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        slope = pt.grad(lambda x, b=b: activations.squareplus(x, b).sum())(pt.asarray(x))
        np.testing.assert_allclose(slope, (1 + x / np.sqrt(x * x + b)) / 2, rtol=1e-7, atol=1e-9)
    np.testing.assert_array_equal(activations.squareplus(pt.asarray(x), 0), np.maximum(x, 0))


def test_get():
    assert activations.get(None) is activations.linear
    assert activations.get("relu") is activations.relu
    assert activations.get(pt.relu) is activations.relu
    own = lambda x: x * x  # noqa: E731
    assert activations.get(own) is own


def test_refuses():
    with pytest.raises(ValueError, match=r"^unknown activation 'rellu': did you mean 'relu'\?$"):
        activations.get("rellu")
    with pytest.raises(
        ValueError,
        match=r"unknown activation 'x': known are celu, elu, "
        r"exponential, .*, softmax, .*, tanh, tanh_shrink$",
    ):
        activations.get("x")
    with pytest.raises(TypeError, match="activation: found 3: expected a name"):
        activations.get(3)
