"""pytensor.random."""

import math
import subprocess
import sys

import numpy as np
import pytest

import pytensor as pt
from pytensor import random


def test_same_seed_same_numbers():
    random.seed(7)
    first = random.generator().integers(0, 1 << 40, 8).tolist()
    random.seed(7)
    assert random.generator().integers(0, 1 << 40, 8).tolist() == first
    random.seed(8)
    assert random.generator().integers(0, 1 << 40, 8).tolist() != first


def test_one_generator_for_all():
    assert random.generator() is random.generator()


def test_unpredictable_without_a_seed():
    script = "from pytensor import random; print(random.generator().integers(0, 1 << 60))"
    runs = [
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
        ).stdout
        for _ in range(2)
    ]
    assert runs[0] != runs[1]


@pytest.mark.parametrize(("value", "error"), [(-1, ValueError), (1.5, TypeError), ("a", TypeError)])
def test_refuses(value, error):
    with pytest.raises(error, match=f"^random.seed: found {value!r}: expected an integer >= 0"):
        random.seed(value)


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normal_numbers_have_the_mean_and_deviation_asked_for(dtype):
    x = random.normal((400, 500), mean=3, std=2, dtype=dtype, generator=rng())
    assert (x.shape, x.dtype) == ((400, 500), np.dtype(dtype))
    assert abs(x.mean().item() - 3) < 0.03 and abs(x.std().item() - 2) < 0.03
    standard = random.normal((400, 500), dtype=dtype, generator=rng())
    np.testing.assert_array_equal(x, standard.numpy() * np.dtype(dtype).type(2) + 3, strict=True)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normal_numbers_are_normally_distributed(dtype):
    n = 200_000
    x = np.asarray(random.normal(n, dtype=dtype, generator=rng(7)), "f8")
    # Kolmogorov's statistic, below this with probability 1 - 1e-4
    expected = [(1 + math.erf(v / math.sqrt(2))) / 2 for v in np.sort(x)]
    assert np.abs(expected - (np.arange(n) + 0.5) / n).max() < 2.23 / math.sqrt(n)
    for power, moment in ((3, 0), (4, 3), (6, 15)):
        assert abs((x**power).mean() - moment) < 5 * np.sqrt((x ** (2 * power)).mean() / n)
    first, second = np.split(x, 2)  # the cosines and the sines
    for a, b in ((first, second), (first**2, second**2), (x[1:], x[:-1])):
        assert abs(np.corrcoef(a, b)[0, 1]) < 5 / math.sqrt(len(a))
    assert np.abs(random.normal(10**6, generator=rng(1))).max() > 4.5


def test_normal_numbers_are_the_same_everywhere():
    """What was drawn when this was written; tools/digests.py compares the bits."""
    expected = [-0.7431203, 0.3774469, -2.3715765, 0.1357540, 0.2849357]
    for dtype in ("float32", "float64"):
        x = random.normal((400, 500), dtype=dtype, generator=rng())
        np.testing.assert_allclose(x[0, :5], expected, rtol=1e-5)
    assert random.normal((), generator=rng()).shape == ()
    assert random.normal((3, 0), generator=rng()).shape == (3, 0)
    odd = random.normal(7, generator=rng())
    assert odd.shape == (7,) and np.isfinite(odd).all()


def test_normal_numbers_of_extreme_uniform_ones():
    class Generator(np.random.Generator):
        def random(self, shape):
            return np.array([[0.0, 0.0, 1 - 2**-53], [0.0, 0.25, 0.5]])

    numbers = random.normal(6, dtype="float64", generator=Generator(np.random.PCG64(0)))
    furthest = math.sqrt(108 * math.log(2))
    np.testing.assert_allclose(numbers, [furthest, 0, 0, 0, furthest, 0], atol=1e-7)
    assert np.isfinite(numbers).all()


def test_normal_numbers_inside_fuse_are_constants():
    fused = pt.fuse(lambda x: x * random.normal(3, generator=rng()))
    np.testing.assert_array_equal(fused(pt.ones(3)), random.normal(3, generator=rng()))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniform_numbers_stay_below_high(dtype):
    x = random.uniform(200_000, low=-1, high=1, dtype=dtype, generator=rng())
    assert x.dtype == np.dtype(dtype) and x.min().item() >= -1 and x.max().item() < 1
    assert abs(x.mean().item()) < 0.01
    near = random.uniform(10_000, low=1, high=1 + 2**-22, generator=rng())
    assert near.max().item() < 1 + 2**-22
    assert random.uniform(3, low=2, high=2).tolist() == [2, 2, 2]


def test_integers_and_permutations():
    x = random.integers(-2, 3, (50, 20), dtype="int8", generator=rng())
    assert x.dtype == np.dtype("int8") and set(x.reshape(-1).tolist()) == {-2, -1, 0, 1, 2}
    assert random.integers(0, 10).shape == ()
    assert sorted(random.permutation(100, generator=rng()).tolist()) == list(range(100))
    rows = pt.asarray(np.arange(12).reshape(6, 2))
    shuffled = random.permutation(rows, generator=rng())
    assert sorted(shuffled.tolist()) == rows.tolist()
    np.testing.assert_array_equal(shuffled, rng().permutation(rows.numpy()))


def test_distributions_draw_from_the_one_generator_by_default():
    random.seed(5)
    first = [random.normal(3).tolist(), random.uniform(3).tolist(), random.permutation(9).tolist()]
    random.seed(5)
    again = [random.normal(3).tolist(), random.uniform(3).tolist(), random.permutation(9).tolist()]
    assert first == again


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: random.normal(2, std=-1), ValueError, "normal: std: found -1"),
        (lambda: random.normal(-1), ValueError, "normal: shape: found -1"),
        (lambda: random.normal("a"), TypeError, "normal: shape: found 'a'"),
        (lambda: random.normal(2, dtype="int64"), TypeError, "normal: dtype: found int64"),
        (lambda: random.normal(2, generator=3), TypeError, "normal: generator: found 3"),
        (lambda: random.uniform(2, low=1, high=0), ValueError, "uniform: low, high: found 1"),
        (lambda: random.integers(3, 3), ValueError, "integers: low 3, high 3"),
        (lambda: random.integers(0, 300, 2, dtype="int8"), ValueError, "integers: low 0, high 300"),
        (lambda: random.integers(0, 3, dtype="float32"), TypeError, "integers: dtype"),
        (lambda: random.permutation(-1), ValueError, "permutation: x: found -1"),
        (lambda: random.permutation(2.5), ValueError, "permutation: x: found a 0-d tensor"),
    ],
)
def test_distributions_refuse(call, error, message):
    with pytest.raises(error, match=f"^{message}"):
        call()
