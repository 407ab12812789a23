"""The recorded graph of a function, as text and as a picture."""

import pytest

import pytensor as pt
from pytensor import plot

pytestmark = pytest.mark.once

X = pt.ones((4, 3))


def f(W1, W2, W3):
    """The chapter's chain: f(W1, W2, W3) = a(W1, b(W2, c(W3)))."""
    c = pt.relu(X @ W3)
    b = pt.relu(c @ W2)
    return pt.mean(b @ W1) * 0.5


WEIGHTS = pt.ones((2, 1)), pt.ones((5, 2)), pt.ones((3, 5))


def test_text():
    assert pt.tape_text(f, *WEIGHTS).splitlines() == [
        "W1                      float32 (2, 1)",
        "W2                      float32 (5, 2)",
        "W3                      float32 (3, 5)",
        "c1                      float32 (4, 3)",
        "t1 = matmul(c1, W3)     float32 (4, 5)",
        "t2 = relu(t1)           float32 (4, 5)",
        "t3 = matmul(t2, W2)     float32 (4, 2)",
        "t4 = relu(t3)           float32 (4, 2)",
        "t5 = matmul(t4, W1)     float32 (4, 1)",
        "t6 = mean(t5)           float32 ()",
        "t7 = multiply(t6, 0.5)  float32 ()",
        "returns t7",
    ]


def test_nested_arguments_and_several_results():
    def g(p, /, *more):
        return {"a": p["w"][0] * more[0], "b": pt.stop_gradient(p["w"][0]) + 1}

    lines = pt.tape_text(g, {"w": [2.0]}, 3.0).splitlines()
    assert [line.split("  ")[0] for line in lines] == [
        "p['w'][0]",
        "x2",
        "t1 = multiply(p['w'][0], x2)",
        "returns t1, 3",
    ]
    assert pt.tape_text(max, 1.0, 2.0).splitlines()[-1] == "returns x2"


def test_picture():
    pytest.importorskip("matplotlib", reason="needs pytensor-kernels[plot]")
    figure = plot.tape(f, *WEIGHTS, title="f")
    (axes,) = figure.axes
    texts = {t.get_text(): t for t in axes.texts if t.get_text()}
    assert {"W3\n(3, 5)", "c1\n(4, 3)", "t1\nmatmul\n(4, 5)", "t7\nmultiply 0.5\n()"} <= set(texts)
    assert len(texts) == 11 and len(axes.texts) == 11 + 10  # boxes, arrows
    column = {text.split("\n")[0]: t.get_position()[0] for text, t in texts.items()}
    assert column["W3"] < column["t1"] < column["t2"] < column["t3"] < column["t7"]
    assert len({t.get_position() for t in texts.values()}) == 11
