"""pytensor.plot: what the pictures show, where they are written, what is refused."""

import subprocess
import sys

import numpy as np
import pytest

import pytensor as pt
from pytensor import layers, models, plot

pytestmark = pytest.mark.once

RNG = np.random.default_rng(0)
IMAGES = RNG.random((12, 5, 4)).astype(np.float32)
HISTORY = {"loss": [0.5, 0.25], "accuracy": [0.8, 0.9], "val_loss": [0.6, 0.3]}


@pytest.fixture
def matplotlib():
    return pytest.importorskip("matplotlib", reason="needs pytensor-kernels[plot]")


def classifier(n_classes=3, inputs=20, activation="softmax"):
    """A small compiled model, its weights random."""
    model = models.Sequential(
        [
            layers.Dense(7, activation="relu", input_shape=(inputs,)),
            layers.Dense(n_classes, activation=activation),
        ]
    )
    model.compile(
        "sgd",
        "sparse_categorical_crossentropy" if n_classes > 1 else "binary_crossentropy",
        ["accuracy"],
    )
    return model


def texts(figure):
    """Every text in a figure."""
    figure.draw_without_rendering()
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def test_curves_are_the_values(matplotlib):
    figure = plot.curves(HISTORY)
    loss, accuracy = figure.axes
    assert [list(line.get_ydata()) for line in loss.lines] == [[0.5, 0.25], [0.6, 0.3]]
    assert [list(line.get_xdata()) for line in loss.lines] == [[1, 2], [1, 2]]
    assert [list(line.get_ydata()) for line in accuracy.lines] == [[0.8, 0.9]]
    assert (loss.get_title(), accuracy.get_title()) == ("loss", "accuracy")
    assert len(plot.curves(HISTORY, ["accuracy"]).axes) == 1


def test_curves_of_a_resumed_fit_count_on(matplotlib):
    model = classifier()
    x, y = IMAGES.reshape(12, 20), np.arange(12) % 3
    history = model.fit(x, y, epochs=5, initial_epoch=3, verbose=0)
    assert list(plot.curves(history).axes[0].lines[0].get_xdata()) == [4, 5]


def test_confusion_matrix_counts(matplotlib):
    labels, predicted = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 2, 2, 0])
    axes = plot.confusion_matrix(labels, predicted, ["ant", "bee", "cat"]).axes[0]
    counts = {tuple(map(int, text.get_position())): text.get_text() for text in axes.texts}
    # position is (column, row)
    assert counts == {(0, 0): "1", (1, 0): "1", (1, 1): "1", (2, 2): "2", (0, 2): "1"}
    assert [label.get_text() for label in axes.get_yticklabels()] == ["ant", "bee", "cat"]
    assert "4 of 6 right" in axes.get_title()
    shares = axes.images[0].get_array()
    np.testing.assert_allclose(shares, [[0, 0.5, 0], [0, 0, 0], [1 / 3, 0, 0]])


@pytest.mark.parametrize("n", [1, 25, 60])
def test_confusion_matrix_of_few_and_many_classes(matplotlib, n, tmp_path):
    labels = np.arange(n)
    plot.save(plot.confusion_matrix(labels, labels), tmp_path / "a.png", dpi=40)


def test_mistakes_come_with_the_worst_first(matplotlib):
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.99, 0.01]])
    figure = plot.mistakes(IMAGES[:4], [0, 1, 1, 1], probabilities)
    assert [image.get_array().tolist() for image in figure.axes[0].images] == [
        IMAGES[3].tolist(),
        IMAGES[1].tolist(),
    ]
    assert texts(figure)[:2] == ["0 (99 %)\nis 1", "0 (60 %)\nis 1"]
    assert len(plot.mistakes(IMAGES[:4], [0, 1, 1, 1], probabilities, 1).axes[0].images) == 1


def test_no_mistakes(matplotlib):
    assert texts(plot.mistakes(IMAGES[:2], [0, 1], np.eye(2))) == ["No mistakes among 2 samples"]


def test_weights_are_the_largest_units_columns(matplotlib):
    kernel = RNG.standard_normal((20, 6)).astype(np.float32)
    kernel[:, 4] *= 10
    axes = plot.weights(pt.asarray(kernel), 3, image_shape=(5, 4)).axes[0]
    assert len(axes.images) == 3
    np.testing.assert_array_equal(axes.images[0].get_array(), kernel[:, 4].reshape(5, 4))
    low, high = axes.images[0].get_clim()
    assert low == -high < 0
    assert not plot.weights(kernel, 3).axes[0].images  # bars, without a shape
    plot.weights(RNG.standard_normal((60, 2)), image_shape=(5, 4, 3))


def test_images(matplotlib):
    figure = plot.images(pt.asarray(IMAGES), [f"n{i}" for i in range(12)], columns=4, title="t")
    assert [image.get_array().tolist() for image in figure.axes[0].images] == IMAGES.tolist()
    assert [text.get_text() for text in figure.axes[0].texts] == [f"n{i}" for i in range(12)]
    assert figure.axes[0].get_title() == "t"
    assert len(plot.images(RNG.random((2, 4, 4, 3))).axes[0].images) == 2
    assert len(plot.images(RNG.random((2, 4, 4, 1))).axes[0].images) == 2


@pytest.mark.parametrize("n_classes", [3, 1])
@pytest.mark.parametrize("image_shape", [(5, 4), None])
@pytest.mark.parametrize("trained", [True, False])
def test_report(matplotlib, n_classes, image_shape, trained, tmp_path):
    n = 400
    x, y = RNG.random((n, 20)).astype(np.float32), np.arange(n) % max(2, n_classes)
    model = classifier(n_classes, activation="softmax" if n_classes > 1 else "sigmoid")
    if trained:
        model.fit(x, y, verbose=0, validation_split=0.5)
    figure = plot.report(model, x, y, image_shape=image_shape, title="a title")
    outputs = np.asarray(model.predict(x, verbose=0))
    right = (outputs.argmax(axis=1) if n_classes > 1 else outputs[:, 0] > 0.5) == y
    found = texts(figure)
    assert (
        f"Confusion matrix: {right.sum()} of 400 right ({right.mean():.2%})".replace("%)", " %)")
        in found
    )
    assert any(text.startswith(f"The worst of {n - right.sum()} mistakes") for text in found)
    assert ("loss" in found and "validation" in found) == trained
    assert "a title" in found
    path = tmp_path / "report.png"
    plot.save(figure, path, dpi=30)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_report_takes_one_hot_rows_and_any_history(matplotlib):
    x, y = RNG.random((9, 20)).astype(np.float32), np.arange(9) % 3
    model = classifier()
    one = texts(plot.report(model, x, y, HISTORY, class_names="abc"))
    assert one == texts(plot.report(model, x, np.eye(3)[y], HISTORY, class_names="abc"))
    assert one == texts(plot.report(model, x, y[:, None], HISTORY, class_names="abc"))
    assert "accuracy" in one and "c" in one


# ------------------------------------------------------------------------ tensors and functions


def cell_texts(axes):
    """What stands in the cells: texts on the grid, not the notes beside it."""
    return [text.get_text() for text in axes.texts if text.get_fontsize() == 8]


@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (2, 2, 3)])
def test_anatomy_shows_every_element_and_the_facts(matplotlib, shape):
    x = pt.reshape(pt.arange(int(np.prod(shape)), dtype=pt.float32), shape)
    axes = plot.anatomy(x).axes[0]
    assert sorted(map(float, cell_texts(axes))) == sorted(np.asarray(x).ravel().tolist())
    facts = axes.texts[-2].get_text()
    assert facts == f"ndim {x.ndim}\nshape {shape}\nfloat32\nstrides {x.strides}"
    lengths = [text.get_text() for text in axes.texts if text.get_text().startswith("axis")]
    assert sorted(lengths) == [f"axis {i}: {length}" for i, length in enumerate(shape)]


def test_memory_tells_views_from_copies(matplotlib):
    m = pt.reshape(pt.arange(6), (2, 3))
    views = {"m": m, "part": m[:, 1:], "transposed": m.T, "copy": pt.array(m.T)}
    panels = plot.memory(m, views).axes
    notes = [[text.get_text() for text in axes.texts] for axes in panels]
    assert "the same memory" in notes[1] and "the same memory" in notes[2]
    assert "other memory: a copy" in notes[3]
    assert "part: shape (2, 2), strides (24, 8)" in notes[1]
    # the strip holds all of the memory, and numbers below it in the order of reading
    order = [
        [int(text.get_text()) for text in axes.texts if text.get_fontsize() == 7] for axes in panels
    ]
    assert order == [[0, 1, 2, 3, 4, 5], [0, 1, 2, 3], [0, 2, 4, 1, 3, 5], [0, 1, 2, 3, 4, 5]]


def test_vector_sum(matplotlib):
    axes = plot.vector_sum([1, 2], pt.asarray([3.0, -1.0])).axes[0]
    arrows = [(*quiver.get_offsets()[0], quiver.U[0], quiver.V[0]) for quiver in axes.collections]
    assert arrows == [(0, 0, 1, 2), (0, 0, 3, -1), (1, 2, 3, -1), (0, 0, 4, 1)]


def test_plane_maps_draws_images_of_the_unit_vectors(matplotlib):
    matrix = pt.asarray([[0.0, 2.0], [-1.0, 0.0]])
    figure = plot.plane_maps({"turned": lambda x: pt.dot(x, matrix) + 1.0})
    before, after = figure.axes
    arrows = [(*quiver.get_offsets()[0], quiver.U[0], quiver.V[0]) for quiver in after.collections]
    assert arrows == [(1, 1, 0, 2), (1, 1, -1, 0)]
    assert (before.get_title(), after.get_title()) == ("before", "turned")
    assert before.get_xlim() == after.get_xlim()


@pytest.mark.parametrize("units", [1, 2, 5])
def test_through_layers_has_a_panel_for_each(matplotlib, units):
    model = models.Sequential(
        [
            layers.Dense(3, activation="tanh", input_shape=(2,), name="a"),
            layers.Dense(units, name="b"),
        ]
    )
    x, labels = RNG.standard_normal((30, 2)).astype(np.float32), np.arange(30) % 2
    figure = plot.through_layers(model, x, labels)
    figure.draw_without_rendering()
    drawn = [axes for axes in figure.axes if axes.get_title()]
    assert [axes.get_title() for axes in drawn] == [
        "input",
        "after a (3 numbers)",
        "after b" + {1: " (one number)", 2: "", 5: " (5 numbers)"}[units],
    ]
    points = [np.concatenate([spots.get_offsets() for spots in axes.collections]) for axes in drawn]
    np.testing.assert_array_equal(points[0], np.concatenate((x[::2], x[1::2])))
    if units == 2:
        outputs = np.asarray(model(x))
        np.testing.assert_array_equal(points[2], np.concatenate((outputs[::2], outputs[1::2])))


def test_tangent_has_the_slope_of_the_derivative(matplotlib):
    axes = plot.tangent(lambda x: x**3, [1.0, -0.5, 0.0], -2, 2).axes[0]
    lines = [line for line in axes.lines if len(line.get_xdata()) == 2]
    for line, slope in zip(lines, (3, 0.75, 0), strict=True):
        run, rise = np.diff(line.get_xdata()), np.diff(line.get_ydata())
        np.testing.assert_allclose(rise / run, slope, atol=1e-6)
    assert [text.get_text() for text in axes.texts] == ["slope 3.00", "slope 0.75", "slope 0.00"]


def test_ways_down(matplotlib):
    path = [2.0, 1.0, pt.asarray(0.5)]
    axes = plot.descent(pt.square, {"a": path, "b": path[:2]}, -2, 2).axes
    assert [panel.get_title() for panel in axes] == ["a: 2 steps", "b: 1 steps"]
    assert axes[0].lines[1].get_ydata().tolist() == [4, 1]
    assert axes[0].lines[2].get_ydata().tolist() == [0.25]

    def f(x, y):
        return x * x + y * y

    points = [[1.0, 2.0], [0.5, 1.0]]
    landscape, chart = plot.surface(f, points, labels=("a", "b", "c")).axes
    assert (landscape.get_zlabel(), chart.get_ylabel()) == ("c", "b")
    chart, heights = plot.race(f, {"one": points, "two": np.array(points)}, -3, (3, 5)).axes
    assert chart.get_ylim() == (-3, 5)
    assert [line.get_ydata().tolist() for line in heights.lines] == [[5, 1.25]] * 2


@pytest.mark.parametrize(
    "suffix, start",
    [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF"), (".PNG", b"\x89PNG")],
)
def test_save_is_atomic_and_the_same_each_time(matplotlib, tmp_path, suffix, start):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"old")
    plot.save(plot.curves(HISTORY), path)
    first = path.read_bytes()
    assert first.startswith(start)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    plot.save(plot.curves(HISTORY), path)
    assert path.read_bytes() == first


def test_a_figure_that_cannot_be_drawn_leaves_the_old_file(matplotlib, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    figure = plot.curves(HISTORY)
    figure.axes[0].set_title("$unknown\\command$")
    with pytest.raises(ValueError, match="Unknown symbol"):
        plot.save(figure, path)
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: plot.curves({}), "curves: history: found no values of any epoch: it has nothing"),
        (lambda: plot.curves({"loss": []}), "found no values of any epoch: it has loss"),
        (lambda: plot.curves(HISTORY, ["auc"]), "found no values of auc: it has loss, accuracy"),
        (lambda: plot.confusion_matrix([0, 1], [0]), r"labels \(2,\) and predicted \(1,\)"),
        (lambda: plot.confusion_matrix([0, 1], [0, 1], "a"), "class_names: 1 names: expected 2"),
        (
            lambda: plot.confusion_matrix([0, -1], [0, 1]),
            "found -1: expected class numbers 0 ... 1",
        ),
        (lambda: plot.mistakes(IMAGES, [0], np.eye(2)), r"x \(12, 5, 4\), labels \(1,\)"),
        (lambda: plot.mistakes(IMAGES[:2], [0, 2], np.eye(2)), "expected class numbers 0 ... 1"),
        (lambda: plot.weights([1.0]), r"kernel of shape \(1,\): expected \(inputs, units\)"),
        (lambda: plot.weights(np.ones((6, 2)), image_shape=(2, 2)), r"image_shape \(2, 2\)"),
        (lambda: plot.images(np.ones(3)), r"x of shape \(3,\): expected images"),
        (lambda: plot.images(np.ones((0, 2, 2))), "expected images"),
        (lambda: plot.images(IMAGES, ["one"]), "1 captions: expected 12"),
        (lambda: plot.report(classifier(), np.ones((2, 20)), [0.5, 1]), "report: y of shape"),
        (lambda: plot.report(classifier(), np.ones((2, 20)), [0, 1, 2]), "report: y of shape"),
        (
            lambda: plot.report(classifier(), np.ones((2, 20)), [0, 3]),
            "expected class numbers 0 ... 2",
        ),
        (lambda: plot.anatomy(), "anatomy: no tensors"),
        (lambda: plot.anatomy(np.ones((2, 2, 2, 2))), r"found a tensor of shape \(2, 2, 2, 2\)"),
        (lambda: plot.memory(np.ones(201)), r"memory: found a tensor of shape \(201,\)"),
        (lambda: plot.vector_sum([1, 2, 3], [1, 2]), r"found shapes \(3,\) and \(2,\)"),
        (lambda: plot.plane_maps({"f": lambda x: x[:, 0]}), r"plane_maps: f: found \(121,\)"),
        (lambda: plot.through_layers(classifier(), np.ones((2, 3)), [0, 1]), r"expected \(n, 2\)"),
        (lambda: plot.check_path("a.gif"), "ends in '.gif': expected one of .png, .svg, .pdf"),
    ],
)
def test_refused(matplotlib, call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_paths_that_cannot_be_written(matplotlib, tmp_path):
    (tmp_path / "d.png").mkdir()
    with pytest.raises(OSError, match="not a regular file"):
        plot.check_path(tmp_path / "d.png")
    with pytest.raises(FileNotFoundError, match="there is no directory"):
        plot.check_path(tmp_path / "missing" / "a.png")
    plot.check_path(tmp_path / "a.png")


def test_pyplot_takes_no_part_and_its_absence_names_the_extra(tmp_path):
    code = """
import sys
import pytensor as pt
pt.plot
assert not any(name.split(".")[0] == "matplotlib" for name in sys.modules)
sys.modules["matplotlib"] = None  # as if it were not installed
for draw in (lambda: pt.plot.curves({"loss": [1.0]}), lambda: pt.plot.check_path("a.png")):
    try:
        draw()
    except ImportError as error:
        assert "pip install 'pytensor-kernels[plot]'" in str(error), error
    else:
        raise AssertionError("drawn without matplotlib")
del sys.modules["matplotlib"]
try:
    pt.plot.save(pt.plot.curves({"loss": [1.0]}), sys.argv[1])
except ImportError:
    pass
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.png")], check=True)
