"""pytensor.schedules: learning rates after a number of steps."""

import numpy as np
import pytest

from pytensor import schedules
from pytensor.serialization import deserialize, serialize

pytestmark = pytest.mark.once

CASES = [
    ("ExponentialDecay", (0.1, 10, 0.5)),
    ("ExponentialDecay", (0.1, 10, 0.5, True)),
    ("InverseTimeDecay", (0.1, 7, 0.5)),
    ("InverseTimeDecay", (0.1, 7, 0.5, True)),
    ("PiecewiseConstantDecay", ([3, 10], [0.1, 0.01, 0.001])),
    ("PolynomialDecay", (0.1, 10)),
    ("PolynomialDecay", (0.1, 10, 0.01, 2.0)),
    ("PolynomialDecay", (0.1, 10, 0.01, 0.5, True)),
    ("CosineDecay", (0.1, 20)),
    ("CosineDecay", (0.1, 20, 0.2)),
    ("CosineDecay", (0.01, 20, 0.1, None, 0.1, 5)),
    ("CosineDecayRestarts", (0.1, 5)),
    ("CosineDecayRestarts", (0.1, 5, 1.0, 0.5)),
    ("CosineDecayRestarts", (0.1, 5, 3.0, 0.8, 0.1)),
]


@pytest.mark.parametrize(
    ("schedule", "step", "rate"),
    [
        (schedules.ExponentialDecay(0.1, 10, 0.5), 20, 0.025),
        (schedules.ExponentialDecay(0.1, 10, 0.5, staircase=True), 19, 0.05),
        (schedules.InverseTimeDecay(0.1, 10, 1.0), 10, 0.05),
        (schedules.PiecewiseConstantDecay([3, 10], [3, 2, 1]), 3, 3),
        (schedules.PiecewiseConstantDecay([3, 10], [3, 2, 1]), 4, 2),
        (schedules.PiecewiseConstantDecay([3, 10], [3, 2, 1]), 11, 1),
        (schedules.PolynomialDecay(0.2, 10, 0.0, 2.0), 5, 0.05),
        (schedules.PolynomialDecay(0.2, 10, 0.1), 99, 0.1),
        (schedules.PolynomialDecay(0.2, 10, 0.0, cycle=True), 15, 0.05),
        (schedules.CosineDecay(0.2, 10), 5, 0.1),
        (schedules.CosineDecay(0.2, 10, alpha=0.5), 99, 0.1),
        (schedules.CosineDecay(0.0, 10, warmup_target=0.2, warmup_steps=4), 2, 0.1),
        (schedules.CosineDecay(0.0, 10, warmup_target=0.2, warmup_steps=4), 9, 0.1),
        (schedules.CosineDecayRestarts(0.2, 10), 10, 0.2),
        (schedules.CosineDecayRestarts(0.2, 10), 20, 0.1),
        (schedules.CosineDecayRestarts(0.2, 10, 1.0, 0.5), 10, 0.1),
    ],
    ids=lambda value: value.name if hasattr(value, "name") else str(value),
)
def test_values(schedule, step, rate):
    assert schedule(step) == pytest.approx(rate)
    assert deserialize(serialize(schedule))(step) == schedule(step)


@pytest.mark.oracle
@pytest.mark.parametrize(("name", "arguments"), CASES, ids=str)
def test_values_match_keras(keras, name, arguments):
    ours = getattr(schedules, name)(*arguments)
    # Keras takes a name where it calls this None.
    theirs = getattr(keras.optimizers.schedules, name)(
        *("n" if value is None else value for value in arguments)
    )
    found = [ours(step) for step in range(40)]
    expected = [float(theirs(step)) for step in range(40)]
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: schedules.ExponentialDecay(0.1, 0, 0.5),
            "decay_steps: found 0: expected more than 0",
        ),
        (lambda: schedules.ExponentialDecay(-0.1, 1, 0.5), "initial_learning_rate: found -0.1"),
        (lambda: schedules.PiecewiseConstantDecay([1], [0.1]), "values: found 1: expected 2"),
        (lambda: schedules.PiecewiseConstantDecay([2, 1], [1, 2, 3]), "expected them to rise"),
        (lambda: schedules.CosineDecay(0.1, 5, warmup_steps=-1), "warmup_steps: found -1"),
        (lambda: schedules.CosineDecayRestarts(0.1, 5, 0.5), "t_mul: found 0.5"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("t_mul", "first"),
    [(3.0, 16), (3.0, 1), (2.0, 1000), (5.0, 7), (1.5, 16), (1.1, 1000), (10.0, 3), (1.0, 7)],
)
def test_every_restart_happens(t_mul, first):
    schedule = schedules.CosineDecayRestarts(1.0, first, t_mul, 0.5)
    step = 0.0
    for restarts in range(12):
        if abs(step - round(step)) > 1e-6 or step > 1e8:
            break
        step = round(step)
        assert schedule(step) == pytest.approx(0.5**restarts, abs=1e-9)
        if step and first * t_mul ** (restarts - 1) > 2:
            assert schedule(step - 1) < 0.6 * 0.5**restarts
        step += first * t_mul**restarts
    assert restarts >= 2


def test_a_restart_that_a_logarithm_misses():
    assert schedules.CosineDecayRestarts(1.0, 16, t_mul=3.0)(1936) == 1.0


def test_stairs_of_a_fraction():
    """1 // 0.1 is 9."""
    assert schedules.ExponentialDecay(1.0, 0.1, 0.5, staircase=True)(1) == 0.5**10
    assert schedules.InverseTimeDecay(1.0, 0.1, 1.0, staircase=True)(1) == 1 / 11
