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


# ------------------------------------------------------------------------------------- programs


def boxes_of(figure):
    """Return the lines of each box by its first line, and the number of arrows."""
    (axes,) = figure.axes
    lines = [t.get_text().split("\n") for t in axes.texts]
    found = {first: rest for first, *rest in lines if first}
    return found, len(lines) - len(found)


@pytest.fixture
def drawn():
    """Return a function that draws the program of a function of tensors."""
    pytest.importorskip("matplotlib", reason="needs pytensor-kernels[plot]")

    def draw(f, *args):
        recorded = pt.jit(f)
        recorded(*args)
        return boxes_of(plot.program(recorded))

    return draw


def test_picture_of_a_program_shows_its_steps(drawn):
    f = lambda x, w: pt.sum(pt.tanh(x @ w) * 2)  # noqa: E731
    boxes, n_arrows = drawn(f, pt.ones((2, 3)), pt.ones((3, 4)))
    assert boxes == {
        "a0": ["float32", "(2, 3)"],
        "a1": ["float32", "(3, 4)"],
        "t2": ["matmul", "(2, 4)", "@ 0"],
        "c3": ["float32", "()"],
        "t4": ["tanh", "multiply", "(2, 4)", "@ 0"],
        "r5": ["sum", "()"],
    }
    assert n_arrows == 5


def test_picture_of_a_program_cuts_long_lists_of_operations(drawn):
    def chain(x):
        for _ in range(10):
            x = pt.sin(x)
        return x

    boxes, _ = drawn(chain, pt.ones(3))
    assert boxes["r1"] == ["sin"] * 8 + ["and 2 more", "(3,)"]


def test_picture_of_a_program_has_a_box_for_each_change_in_place(drawn):
    def f(x):
        y = pt.zeros(3)
        y[0] = pt.sum(x)
        y[1] = pt.max(x)
        return y

    boxes, _ = drawn(f, pt.ones(4))
    assert sum(name.startswith("r") for name in boxes) == 3


def test_picture_of_a_program_has_one_box_for_a_loop(drawn):
    boxes, _ = drawn(lambda x: pt.scan(lambda c, v: (c + v, c), x[0], x), pt.ones((5, 2)))
    assert any("scan" in lines for lines in boxes.values())


def test_pictures_of_programs_need_a_program():
    with pytest.raises(TypeError, match="expected a function made by jit or fuse"):
        plot.program(len)
    with pytest.raises(ValueError, match="expected a function that was called"):
        plot.program(pt.jit(len))
