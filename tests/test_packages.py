"""What works without the packages that are installed along: pooch, safetensors and tqdm."""

import os
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.once

BLOCKED = """
import sys

class Without:  # a finder that finds none of these packages
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("pooch", "requests", "safetensors", "tqdm"):
            return None
        return self.finder.find_spec(name, path, target)

sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
"""


def run(code, **environment):
    """What a program prints in which these packages cannot be imported."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", BLOCKED + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_tensors_gradients_and_training_work_without_them():
    code = """
        import numpy as np
        import pytensor as pt

        a = pt.asarray([1.0, 2.0])
        print((a @ a).item(), np.asarray(pt.grad(lambda x: pt.sum(x * x))(a)).tolist())
        model = pt.models.Sequential([pt.layers.Dense(1, input_shape=(2,))])
        model.compile("sgd", "mse")
        history = model.fit(np.ones((8, 2)), np.zeros(8), epochs=3, batch_size=4)
        print(len(history.history["loss"]), model.predict(np.ones((3, 2)), verbose=0).shape)
        (x, y), _ = pt.datasets.digits.load_data(n_train=10, n_test=2)
        print(x.shape)
        print(sorted({"pooch", "safetensors", "tqdm"} & set(sys.modules)))
    """
    first, *shown, last, digits, loaded = run(code).splitlines()
    assert first == "5.0 [2.0, 4.0]"
    assert len(shown) == 3 and shown[0].startswith("Epoch 1/3 - 2/2 steps")
    assert last == "3 (3, 1)" and digits == "(10, 28, 28)"
    assert loaded == "[]"


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("model.save_weights('w.safetensors')", "save_weights: needs safetensors: pip install"),
        ("model.save('m.safetensors')", "save_model: needs safetensors: pip install safetensors"),
        ("pt.datasets.mnist.load_data()", "needs pooch: pip install pooch"),
    ],
)
def test_the_message_names_the_package(statement, message, tmp_path):
    code = f"""
        import os
        import pytensor as pt

        os.chdir({str(tmp_path)!r})
        model = pt.models.Sequential([pt.layers.Dense(1, input_shape=(2,))])
        try:
            {statement}
        except ImportError as error:
            print(error)
    """
    environment = {"PYTENSOR_DATA": str(tmp_path), "PYTENSOR_CACHE": str(tmp_path / "cache")}
    assert message in run(code, **environment)


def test_a_bar_without_tqdm_becomes_lines_with_a_warning():
    code = """
        import warnings
        import numpy as np
        import pytensor as pt

        model = pt.models.Sequential([pt.layers.Dense(1, input_shape=(2,))])
        model.compile("sgd", "mse")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(np.ones((8, 2)), np.zeros(8), verbose=1)
        print(caught[0].message)
    """
    line, warning = run(code).splitlines()
    assert line.startswith("Epoch 1/1 - 1/1 steps")
    assert warning == "verbose=1: a bar needs tqdm: pip install tqdm; showing lines"
