"""pytensor.random."""

import subprocess
import sys

import pytest

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
