"""What notebooks show: objects as HTML and PNG, progress; in a kernel if Jupyter is installed."""

import contextlib
import copy
import fcntl
import os
import pickle
import pty
import re
import struct
import subprocess
import sys
import termios

import numpy as np
import pytest

import pytensor as pt
from pytensor import callbacks, layers, models
from pytensor._support import html

pytestmark = pytest.mark.once


def trained(**options):
    pt.random.seed(0)
    model = models.Sequential([layers.Dense(2, input_shape=(3,), name="<first>")])
    model.compile("sgd", "mse")
    options = {"epochs": 2, "verbose": 0} | options
    return model, model.fit(np.zeros((64, 3)), np.zeros((64, 2)), **options)


def test_a_tensor_is_shown_as_a_table():
    shown = pt.asarray([[1.5, 2.0], [3.0, float("nan")]])._repr_html_()
    assert "Tensor (2, 2) float32" in shown and "<td" in shown
    assert [text in shown for text in ("1.5", "2", "nan")] == [True] * 3
    large = pt.reshape(pt.arange(10000), (100, 100))._repr_html_()
    assert large.count("<tr>") == html.ROWS + 1 and "⋮" in large and "…" in large
    assert ">0<" in large and ">9999<" in large and ">5050<" not in large
    for x in (
        pt.asarray(3.0),
        pt.zeros((2, 2, 2)),
        pt.zeros((0, 3)),
        pt.zeros((3, 0)),
        pt.asarray([1 + 2j]),
        pt.asarray([True]),
    ):
        assert f"Tensor {x.shape} {x.dtype}" in x._repr_html_()
    assert "1+2j" in pt.asarray([1 + 2j])._repr_html_()


def test_a_placeholder_of_fuse_has_no_html():
    def f(x):
        assert x._repr_html_() is None
        return x + 1

    pt.fuse(f)(pt.ones(3))


def test_models_and_histories_are_shown_as_html():
    model, history = trained()
    assert "&lt;first&gt; (Dense)" in model._repr_html_() and "<first>" not in model._repr_html_()
    assert "Total params: 8" in model._repr_html_()
    assert "not built" in models.Sequential([layers.Dense(1)])._repr_html_()
    assert "<th" in history._repr_html_() and "loss" in history._repr_html_()
    assert history._repr_html_().count("<tr>") == 3


def test_tapes_and_fused_functions_are_shown_as_html():
    x = pt.ones(3)
    with pt.GradientTape() as tape:
        tape.watch(x)
        y = pt.sum(pt.exp(x))
    shown = tape._repr_html_()
    assert "2 operations on 1 watched tensors" in shown
    assert shown.index("exp") < shown.index("sum")
    tape.gradient(y, x)
    assert "0 operations" in tape._repr_html_()
    text = pt.tape_text(lambda x: pt.exp(x), x)
    assert text == str(text) and "<pre>" in text._repr_html_()
    f = pt.fuse(lambda x, factor: x * factor)
    f(x, 2.0)
    f(pt.ones((2, 2)), 3)
    assert "2 programs" in f._repr_html_() and "float32 (2, 2), 3" in f._repr_html_()


def test_figures_are_shown_as_png():
    pytest.importorskip("matplotlib", reason="needs pytensor-kernels[plot]")
    from pytensor import plot

    figure = plot.vector_sum([1.0, 2.0], [2.0, 0.5])
    assert figure._repr_png_().startswith(b"\x89PNG")
    for same in (pickle.loads(pickle.dumps(figure)), copy.deepcopy(figure)):
        assert same._repr_png_().startswith(b"\x89PNG")


PROGRAM = """
import numpy as np
from pytensor import layers, models

x, y = np.zeros((64, 3), np.float32), np.zeros(64, np.float32)
model = models.Sequential([layers.Dense(1, activation="sigmoid", input_shape=(3,))])
model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=1, validation_split=0.5)
"""


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_metrics_stay_visible_on_a_terminal(columns):
    """In a process whose terminal has that many columns."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=its, env=environment)
    os.close(its)
    written = b""
    with contextlib.suppress(OSError):  # EIO: the other side is closed
        while part := os.read(ours, 4096):
            written += part
    os.close(ours)
    assert process.wait() == 0
    lines = written.decode().replace("\r", "\n").split("\n")
    last = [line.strip() for line in lines if line.strip()][-1]
    assert last.startswith("Epoch 1/1: loss 0.69")
    assert max(map(len, lines)) <= columns
    four_digits = re.search(r"val_loss 0\.69\d\d, val_accuracy 1\.0000", last)
    assert (four_digits is not None) == (columns >= 80)
    assert ("1/1 |" in last and "steps/s" in last) == (columns == 200)


def test_the_text_of_the_bar_fits_the_line(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    bar = callbacks.ProgressBar()
    bar._title = "Epoch 1/5"
    logs = {"loss": 0.123456, "accuracy": 0.987654, "val_loss": 0.5, "val_accuracy": 1.0}
    assert bar._text({"loss": 0.123456}) == "Epoch 1/5: loss 0.1235"
    assert bar._text(logs) == (
        "Epoch 1/5: loss 0.12, accuracy 0.99, val_loss 0.50, val_accuracy 1.00"
    )
    monkeypatch.setenv("COLUMNS", "80")
    assert "val_accuracy 1.0000" in bar._text(logs)
    bar._title = ""
    assert bar._text({}) == ""


CELLS = [
    "import numpy as np, pytensor as pt\n"
    "from pytensor import layers, models, plot\n"
    "plot.vector_sum([1.0, 2.0], [2.0, 0.5])",
    "pt.ones((2, 2))",
    "model = models.Sequential([layers.Dense(1, input_shape=(3,))])\n"
    "model.compile('sgd', 'mse')\n"
    "history = model.fit(np.zeros((64, 3)), np.zeros(64), epochs=2)",
    "model.summary()",
]


def test_a_jupyter_kernel_shows_objects_and_progress():
    pytest.importorskip("matplotlib", reason="needs pytensor-kernels[plot]")
    pytest.importorskip("ipykernel", reason="needs pytensor-kernels[docs]")
    nbclient = pytest.importorskip("nbclient", reason="needs pytensor-kernels[docs]")
    nbformat = pytest.importorskip("nbformat", reason="needs pytensor-kernels[docs]")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in CELLS])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    figure, tensor, fit, summary = (
        [output.data for output in cell.outputs if "data" in output] for cell in notebook.cells
    )
    assert [list(data) for data in figure] == [["text/plain", "image/png"]]
    assert ["<td" in data["text/html"] for data in tensor] == [True]
    assert ["Epoch 1/2: loss" in data["text/html"] for data in fit] == [True, False]
    assert ['max="2" value="2"' in data["text/html"] for data in fit] == [True, True]
    assert ["Total params" in data["text/html"] for data in summary] == [True]
