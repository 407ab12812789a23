"""pytensor.datasets.files: what is read, how classes are found, what is refused."""

import numpy as np
import pytest

from pytensor.datasets import files, idx

pytestmark = pytest.mark.once

IRIS = """length,width,species
5.1,3.5,setosa
6.2,2.9,virginica
5.0,3.3,setosa
6.3,3.0,virginica
"""


@pytest.fixture
def written(tmp_path):
    """A function that writes a text and returns its path."""

    def write(text, name="data.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def everything(data):
    """All samples and labels, sorted by the samples."""
    x = np.concatenate((data.x_train, data.x_test))
    y = np.concatenate((data.y_train, data.y_test))
    order = np.lexsort(x.reshape(len(x), -1).T)
    return x[order].tolist(), y[order].tolist()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: text.replace(",", ";"),
        lambda text: text.replace(",", "\t"),
        lambda text: "\ufeff" + text.replace("\n", "\r\n"),
        lambda text: text.replace(",", " , "),
        lambda text: text.partition("\n")[2],
        lambda text: text.replace("setosa", '"setosa"'),
    ],
)
def test_text(written, change):
    data = files.load(written(change(IRIS)), test_split=0.5)
    assert data.classes == ("setosa", "virginica")
    assert data.x_train.dtype == np.float32 and data.x_train.shape == data.x_test.shape == (2, 2)
    x, y = everything(data)
    np.testing.assert_allclose(x, [[6.2, 2.9], [6.3, 3], [5, 3.3], [5.1, 3.5]], rtol=1e-6)
    assert y == [1, 1, 0, 0]


@pytest.mark.parametrize(
    ("text", "label", "classes"),
    [
        ("label,a\n3,200\n7,0\n", None, ("3", "7")),
        ("a,Target,b\n1,3,0\n2,7,0\n", None, ("3", "7")),
        ("a,b\n1,3\n2,7\n", "A", ("1", "2")),
        ("a,b\n1,3\n2,7\n", "0", ("1", "2")),
        ("1,3.0\n2,-7.0\n", None, ("-7", "3")),
    ],
)
def test_which_column_has_the_labels(written, text, label, classes):
    data = files.load(written(text), label, test_split=0.5)
    assert data.classes == classes
    assert data.x_train.dtype == data.y_train.dtype == np.uint8


def test_the_seed_decides_who_is_in_the_test_set(written):
    path = written("".join(f"{k},{k % 2}\n" for k in range(50)))
    data = files.load(path, seed=1)
    assert (len(data.x_train), len(data.x_test)) == (40, 10)
    np.testing.assert_array_equal(data.x_test, files.load(path, seed=1).x_test)
    assert not np.array_equal(data.x_test, files.load(path, seed=2).x_test)
    x, y = everything(data)
    assert x == [[k] for k in range(50)] and y == [k % 2 for k in range(50)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found no rows of numbers"),
        ("a,b\n", "found no rows of numbers"),
        ("abc\n1\n", "found one column in the first line"),
        ("1,2,x\n3,4\n", "row 1 (line 2): found 2 cells: expected 3"),
        (
            "a,b,c\n1,2,x\n\n3,oops,y\n",
            "column b: row 1 (line 4): found 'oops' among numbers: expected "
            "numbers alone: correct the cell, take the column as categories (categorical), or "
            "leave it",
        ),
        ("1,2,x\n3,inf,y\n", "column 1: row 1 (line 2): found inf: expected finite numbers"),
        ("1,2,x\n3,1e39,y\n", "column 1: row 1 (line 2): found 1e39: expected finite numbers"),
        ("1,2,x\n3,4,\n", "row 1 (line 2) has no label"),
        ("1,2,x\n3,4,x\n", "all labels are x: expected at least two classes"),
        ("1,2.5\n3,2.5\n5,2.5\n", "all labels are 2.5: expected numbers that differ"),
        ("a,b\n,x\n,y\nNA,x\n", "no column says anything about b: a: all cells are empty"),
        ("1,2.5\n3,1e39\n", "found label 1e+39 in row 1: expected finite numbers"),
        ("1,a\n2,b\n3,c\n", "each of the 3 samples has a different label"),
        (b"\xff\xfe\x00,\x81\n1,2\n", "data.csv: "),
    ],
)
def test_text_that_is_refused(written, text, message):
    path = written(text)
    with pytest.raises(ValueError) as caught:
        files.load(path, test_split=0.5)
    assert str(caught.value).startswith(f"{path}: ") and message in str(caught.value)


def test_labels_that_do_not_suit_the_task(written):
    with pytest.raises(ValueError, match=r"found label 2\.5: expected classes, whole numbers"):
        files.load(written("1,2.5\n3,4.5\n5,2.5\n"), test_split=0.5, task="classification")
    with pytest.raises(ValueError, match="found label x: expected numbers, for regression"):
        files.load(written("1,x\n3,y\n5,x\n"), test_split=0.5, task="regression")
    with pytest.raises(ValueError, match=r"unknown files\.load: task 'guess': known are class"):
        files.load(written("1,x\n3,y\n5,x\n"), task="guess")


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["a", "b"], "classes"),
        ([0, 1], "classes"),
        ([1.5, 2.5], "values"),
        (range(90), "values"),
        ([k % 40 for k in range(90)], "classes"),
        ([k % 150 for k in range(900)], "values"),
        (["1.0", "2.0"], "classes"),
    ],
)
def test_classes_or_values(written, labels, expected):
    rows = list(labels) * (20 if len(labels) == 2 else 1)
    path = written("".join(f"{k},{label}\n" for k, label in enumerate(rows)))
    data = files.load(path)
    assert ("classes" if data.classes else "values") == expected
    if expected == "values":
        assert data.y_train.dtype == np.float32
        x, y = everything(data)
        assert y == [np.float32(rows[int(k)]) for (k,) in x]


def test_refused_arguments(written):
    path = written(IRIS)
    with pytest.raises(ValueError, match=r"there is no column size: expected one of length, width"):
        files.load(path, "size")
    with pytest.raises(ValueError, match=r"a test set of 0\.01 of them leaves none"):
        files.load(path, test_split=0.01)
    with pytest.raises(ValueError, match=r"test_split: found 2: expected a number in \[0, 1\]"):
        files.load(path, test_split=2)
    with pytest.raises(FileNotFoundError):
        files.load(path.with_name("other.csv"))


@pytest.mark.parametrize("keys", [("x", "y"), ("X", "y"), ("data", "target")])
def test_archives(tmp_path, keys):
    x, y = np.arange(20.0).reshape(10, 2) / 7, np.array(["no", "yes"] * 5)
    np.savez(tmp_path / "data.npz", **dict(zip(keys, (x, y), strict=True)))
    data = files.load(tmp_path / "data.npz")
    assert data.classes == ("no", "yes") and len(data.x_test) == 2
    np.testing.assert_allclose(everything(data)[0], x, rtol=1e-6)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"x": np.zeros((4, 2))},
            "found x: expected x_train, y_train, x_test, y_test or x, y or X, y",
        ),
        (
            {"x": np.zeros((4, 2)), "y": np.zeros(3, int)},
            r"found samples \(4, 2\) and labels \(3,\)",
        ),
        ({"x": np.zeros((0, 2)), "y": np.zeros(0, int)}, r"found samples of shape \(0, 2\)"),
        ({"x": np.zeros(4), "y": np.zeros(4, int)}, r"found samples of shape \(4,\)"),
        ({"x": np.full((4, 2), np.nan), "y": np.arange(4) % 2}, r"found nan in row 0, at \[0, 0\]"),
        ({"x": np.zeros((4, 2), "U3"), "y": np.arange(4) % 2}, "and type <U3: expected numbers"),
        ({"x": np.zeros((4, 2)), "y": np.zeros(4, complex)}, "labels of type complex128"),
        (
            {
                "x_train": np.zeros((4, 2)),
                "y_train": np.arange(4) % 2,
                "x_test": np.zeros((2, 2)),
                "y_test": np.array([0, 2]),
            },
            "found label 2: expected one of the classes in",
        ),
        (
            {
                "x_train": np.zeros((4, 2)),
                "y_train": np.arange(4) % 2,
                "x_test": np.zeros((2, 3)),
                "y_test": np.array([0, 1]),
            },
            r"found samples of shape \(3,\), expected \(2,\)",
        ),
    ],
)
def test_archives_that_are_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "data.npz", **arrays)
    with pytest.raises(ValueError, match=rf"data\.npz: .*{message}"):
        files.load(tmp_path / "data.npz")


def test_directories(tmp_path, rng):
    images, labels = rng.integers(0, 256, (10, 3, 2), dtype=np.uint8), np.arange(10) % 3 + 1
    idx.write(tmp_path / "emnist-train-images-idx3-ubyte.gz", images[:6])
    idx.write(tmp_path / "emnist-train-labels-idx1-ubyte.gz", labels[:6].astype(np.uint8))
    idx.write(tmp_path / "emnist-test-images-idx3-ubyte", images[6:])
    idx.write(tmp_path / "emnist-test-labels-idx1-ubyte", labels[6:].astype(np.uint8))
    (tmp_path / "images.txt").touch()
    data = files.load(tmp_path)
    np.testing.assert_array_equal(data.x_train, images[:6])
    np.testing.assert_array_equal(data.x_test, images[6:])
    assert data.classes == ("1", "2", "3")
    np.testing.assert_array_equal(data.y_test, labels[6:] - 1)
    idx.write(tmp_path / "other-train-images-idx3-ubyte", images)
    with pytest.raises(ValueError, match=r"images to train with: found emnist-train-i.*, other-t"):
        files.load(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty: images to train with: found none: expected one"):
        files.load(tmp_path / "empty")
