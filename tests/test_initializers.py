"""pytensor.initializers: shapes, dtypes, distributions, seeds."""

import math

import numpy as np
import pytest

import pytensor as pt
from pytensor import initializers, random

SHAPE = (300, 200)
FAN_IN, FAN_OUT, FAN_AVG = 300, 200, 250

# name: (variance, the largest absolute value that can be drawn)
CUT = 2 / 0.8796256610342398  # truncated normals end at two standard deviations before truncation
DISTRIBUTIONS = {
    "glorot_uniform": (1 / FAN_AVG, math.sqrt(3 / FAN_AVG)),
    "glorot_normal": (1 / FAN_AVG, CUT * math.sqrt(1 / FAN_AVG)),
    "he_uniform": (2 / FAN_IN, math.sqrt(6 / FAN_IN)),
    "he_normal": (2 / FAN_IN, CUT * math.sqrt(2 / FAN_IN)),
    "lecun_uniform": (1 / FAN_IN, math.sqrt(3 / FAN_IN)),
    "lecun_normal": (1 / FAN_IN, CUT * math.sqrt(1 / FAN_IN)),
    "random_normal": (0.05**2, math.inf),
    "random_uniform": (0.05**2 / 3, 0.05),
    "truncated_normal": ((0.05 * 0.8796256610342398) ** 2, 0.1),
    "variance_scaling": (1 / FAN_IN, CUT * math.sqrt(1 / FAN_IN)),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_distribution(name):
    random.seed(0)
    variance, largest = DISTRIBUTIONS[name]
    values = initializers.get(name)(SHAPE)
    assert isinstance(values, pt.Tensor)
    assert values.shape == SHAPE
    assert values.dtype == pt.float32
    values = np.asarray(values)
    n = values.size
    assert abs(values.mean()) < 5 * math.sqrt(variance / n)
    assert abs(values.var() / variance - 1) < 5 * math.sqrt(2 / n)
    assert abs(values).max() <= largest * (1 + 1e-6)
    if math.isfinite(largest):
        assert abs(values).max() > 0.97 * largest


@pytest.mark.oracle
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_distribution_is_that_of_keras(keras, name):
    """The same share of numbers lies below each of nine bounds, up to chance."""
    random.seed(0)
    ours = np.asarray(initializers.get(name)(SHAPE)).ravel()
    theirs = keras.ops.convert_to_numpy(type(keras.initializers.get(name))(seed=0)(SHAPE)).ravel()
    bounds = np.quantile(theirs, np.linspace(0.1, 0.9, 9))
    shares = [(values[:, None] < bounds).mean(axis=0) for values in (ours, theirs)]
    np.testing.assert_allclose(*shares, atol=5 * math.sqrt(0.25 * 2 / ours.size))
    np.testing.assert_allclose(ours.std(), theirs.std(), rtol=0.02)


@pytest.mark.oracle
@pytest.mark.parametrize("name", sorted({cls.__name__ for cls in initializers._CLASSES}))
def test_configs_are_those_of_keras(keras, name):
    ours = getattr(initializers, name)().get_config()
    theirs = getattr(keras.initializers, name)().get_config()
    theirs["seed"] = None  # Keras draws one
    assert ours == {name: theirs.get(name, 1.0) for name in ours}  # 1.0: the gain of Identity


@pytest.mark.parametrize("shape", [(4, 4), (6, 3), (3, 6), (2, 3, 4)])
def test_orthogonal(shape):
    random.seed(0)
    values = np.asarray(initializers.Orthogonal(gain=2.0)(shape)).reshape(-1, shape[-1])
    rows = values if values.shape[0] <= values.shape[1] else values.T
    np.testing.assert_allclose(rows @ rows.T, 4 * np.eye(len(rows)), atol=1e-5)


def test_identity():
    np.testing.assert_array_equal(initializers.Identity(3.0)((2, 3)), 3 * np.eye(2, 3))
    with pytest.raises(ValueError, match=r"Identity: found shape \(3,\): expected a matrix"):
        initializers.Identity()((3,))
    with pytest.raises(ValueError, match=r"Orthogonal: found shape .*: expected two axes"):
        initializers.Orthogonal()((3,))


def test_untruncated_and_fan_out():
    random.seed(0)
    values = np.asarray(initializers.VarianceScaling(3.0, "fan_out", "untruncated_normal")(SHAPE))
    assert abs(values.var() / (3 / FAN_OUT) - 1) < 0.05
    assert abs(values).max() > 3 * math.sqrt(3 / FAN_OUT)


@pytest.mark.parametrize(("shape", "fans"), [((), 1), ((4,), 4), ((0, 3), 1), ((2, 3, 5, 7), 30)])
def test_fans_of_other_shapes(shape, fans):
    """The fan_in of a vector is its length, that of a convolution its receptive field's inputs."""
    random.seed(0)
    values = np.asarray(initializers.LecunUniform()(shape))
    assert values.shape == shape
    assert (abs(values) <= math.sqrt(3 / fans)).all()


def test_constants():
    assert initializers.get("zeros")((2, 2)).tolist() == [[0, 0], [0, 0]]
    assert initializers.get("Ones")((2,)).tolist() == [1, 1]
    halves = initializers.Constant(0.5)((3,), dtype=pt.float64)
    assert halves.tolist() == [0.5] * 3
    assert halves.dtype == pt.float64
    assert initializers.RandomNormal(mean=1000.0)((2,), dtype="float64").dtype == pt.float64


def test_seeds():
    random.seed(1)
    first, second = (np.asarray(initializers.GlorotUniform()((4, 4))) for _ in range(2))
    assert (first != second).any()
    random.seed(1)
    np.testing.assert_array_equal(initializers.GlorotUniform()((4, 4)), first)
    own = initializers.HeNormal(seed=3)
    np.testing.assert_array_equal(own((4, 4)), own((4, 4)))


def test_get():
    assert isinstance(initializers.get(initializers.HeNormal), initializers.HeNormal)
    own = lambda shape: pt.zeros(shape)  # noqa: E731
    assert initializers.get(own) is own


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: initializers.get("gloriot"),
            ValueError,
            r"^unknown initializer 'gloriot': did you mean 'glorot_normal' or 'glorot_uniform'\?$",
        ),
        (
            lambda: initializers.get("Xavier"),
            ValueError,
            r"unknown initializer 'Xavier': known are Constant.*GlorotUniform",
        ),
        (lambda: initializers.get(1), TypeError, "initializer: found 1"),
        (lambda: initializers.VarianceScaling(scale=0), ValueError, "scale: found 0"),
        (
            lambda: initializers.VarianceScaling(mode="fan"),
            ValueError,
            "unknown mode 'fan': known are fan_avg, fan_in, fan_out",
        ),
        (
            lambda: initializers.VarianceScaling(distribution="cauchy"),
            ValueError,
            "unknown distribution 'cauchy'",
        ),
        (lambda: initializers.RandomNormal(stddev=-1), ValueError, "stddev: found -1"),
        (
            lambda: initializers.VarianceScaling("a"),
            TypeError,
            "^VarianceScaling: scale: found 'a': expected a number",
        ),
        (lambda: initializers.TruncatedNormal(mean="a"), TypeError, "^TruncatedNormal: mean: fou"),
        (
            lambda: initializers.RandomUniform(5, 1),
            ValueError,
            "^RandomUniform: minval 5 and maxval 1: expected minval <= maxval",
        ),
        (lambda: initializers.RandomUniform("a", 1), TypeError, "^RandomUniform: minval: found"),
        (lambda: initializers.HeNormal(seed="a")((2, 2)), TypeError, "^HeNormal: seed: found 'a'"),
        (
            lambda: initializers.Initializer()((2,)),
            NotImplementedError,
            "Initializer does not define __call__",
        ),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
