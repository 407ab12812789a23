"""Any labelled data: a directory of IDX files, a .npz archive, a CSV file.

>>> data = files.load("iris.csv")
>>> data.x_train.shape, data.classes
((120, 4), ('setosa', 'versicolor', 'virginica'))
"""

from __future__ import annotations

import csv
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pytensor._arguments import integer, number

from . import _archive, idx

# What the column of the labels is likely to be called, in any case of letters.
LABEL_NAMES = ("label", "labels", "class", "target", "species", "y")
_KEYS = [("x_train", "y_train", "x_test", "y_test"), ("x", "y"), ("X", "y"), ("data", "target"),
         ("images", "labels")]


@dataclass(frozen=True)
class LabelledData:
    """Samples of numbers and the number of each one's class, as NumPy arrays.

    Attributes:
        x_train, x_test: (n, ...), uint8 or float32.
        y_train, y_test: (n,), integers 0 ... len(classes) - 1.
        classes: the names of the classes, as the labels have them.

    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp(), "table.csv")
    >>> _ = path.write_text("a,b,label\\n" + "1,2,0\\n3,4,1\\n" * 10)
    >>> type(pt.datasets.files.load(path)).__name__
    'LabelledData'
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    classes: tuple[str, ...]


def load(path, label=None, test_split=0.2, seed=0):
    """Load labelled data.

    - A directory: IDX files, compressed (.gz) or not, whose names have "idx" and "image" or "label"
      in them; those with "test" or "t10k" as well are the test set.
    - A .npz archive: x_train, y_train, x_test, y_test, or x and y (X and y, data and target, images
      and labels).
    - Any other file: text in columns, separated by commas, semicolons or tabs, with or without a
      line of names; all columns but that of the labels are numbers.

    Args:
        path: the directory or file.
        label: for text, the column of the labels: its name or number, from 0; by default one that
            is called label, class, target, species or y, or else the last one.
        test_split: in (0, 1), the share of samples, taken at random, to test with where the data
            have no test set.
        seed: of their choice, an integer >= 0.

    Returns:
        LabelledData. Numbers that are whole and within 0 ... 255 are uint8, all others float32.

    Raises:
        ValueError: the data are damaged, empty, not finite, or do not go together; the message
            names the file and what is wrong.
        OSError: they cannot be read.

    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp(), "table.csv")
    >>> _ = path.write_text("a,b,label\\n" + "1,2,0\\n3,4,1\\n" * 10)
    >>> data = pt.datasets.files.load(path)
    >>> data.x_train.shape, data.x_test.shape
    ((16, 2), (4, 2))
    """
    path = Path(path)
    integer("files.load: seed", seed, 0)
    test_split = number("files.load: test_split", test_split, 0, 1)
    if path.is_dir():
        parts = _read_directory(path)
    elif path.suffix == ".npz":
        parts = _read_archive(path)
    else:
        parts = _read_text(path, label)
    parts = [(_checked(x, source), np.asarray(y), source) for x, y, source in parts]
    for x, y, source in parts:
        if y.ndim != 1 or len(x) != len(y):
            raise ValueError(f"{source}: found samples {x.shape} and labels {y.shape}: expected "
                             "(n, ...) and (n,)")
        if x.shape[1:] != parts[0][0].shape[1:]:
            raise ValueError(f"{source}: found samples of shape {x.shape[1:]}, expected "
                             f"{parts[0][0].shape[1:]} as in {parts[0][2]}")
    classes, labels = _classes([(y, source) for _, y, source in parts])
    if len(parts) == 2:
        return LabelledData(parts[0][0], labels[0], parts[1][0], labels[1], classes)
    x, y = parts[0][0], labels[0]
    n_test = round(len(x) * test_split)
    if not 0 < n_test < len(x):
        raise ValueError(f"{path}: {len(x)} samples: a test set of {test_split:g} of them leaves "
                         "none to train or none to test with")
    order = np.random.default_rng(seed).permutation(len(x))
    test, train = order[:n_test], order[n_test:]
    return LabelledData(x[train], y[train], x[test], y[test], classes)


# ------------------------------------------------------------------------------------- reading
# Each reader returns a list of (samples, labels, source): the training set, then a test set if
# the data have one; source is what messages call it.


def _read_directory(path):
    found = {}
    for file in sorted(path.iterdir()):
        name = file.name.lower()
        kind = next((kind for kind in ("image", "label") if kind in name), None)
        if kind and "idx" in name and file.is_file():
            part = "test" if "test" in name or "t10k" in name else "train"
            found.setdefault((part, kind), []).append(file)
    parts = ["train", "test"] if any(part == "test" for part, _ in found) else ["train"]
    read = []
    for part in parts:
        for kind in ("image", "label"):
            files = found.get((part, kind), [])
            if len(files) != 1:
                names = ", ".join(file.name for file in files) or "none"
                example = f"{part}-{kind}s-idx{3 if kind == 'image' else 1}-ubyte[.gz]"
                raise ValueError(f"{path}: {kind}s to {part} with: found {names}: expected one IDX "
                                 f"file, such as {example}")
        images, labels = found[part, "image"][0], found[part, "label"][0]
        read.append((idx.read(images), idx.read(labels), images))
    return read


def _read_archive(path):
    arrays = list(_archive.read(path, _KEYS).values())
    return [(x, y, path) for x, y in zip(arrays[::2], arrays[1::2], strict=True)]


def _read_text(path, label):
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as file:
        first = file.readline()
        delimiter = max(",;\t", key=first.count)
        names = next(csv.reader([first], delimiter=delimiter), [])
        has_names = not any(map(_is_number, names))
        if not first.strip() or (has_names and not file.readline().strip()):
            raise ValueError(f"{path}: found no rows of numbers: expected text in columns")
    if len(names) < 2:
        raise ValueError(f"{path}: found one column in the first line: expected numbers and a "
                         "label, separated by commas, semicolons or tabs")
    column = _label_column(path, label, names, has_names)
    options = {"delimiter": delimiter, "skiprows": int(has_names), "quotechar": '"',
               "comments": None, "encoding": "utf-8-sig"}
    others = [k for k in range(len(names)) if k != column]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy's, of files without rows: an error below
            x = np.loadtxt(path, np.float32, usecols=others, ndmin=2, **options)
            y = np.loadtxt(path, str, usecols=[column], ndmin=1, **options)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    y = np.char.strip(y)
    if not y.all():
        raise ValueError(f"{path}: row {int(np.argmin(y.astype(bool))) + 1} has no label")
    return [(x, y, path)]


def _label_column(path, label, names, has_names):
    """The number of the column that holds the labels."""
    lower = [name.strip().lower() for name in names]
    if label is None:
        named = [name for name in LABEL_NAMES if has_names and name in lower]
        return lower.index(named[0]) if named else len(names) - 1
    wanted = str(label)
    if has_names and wanted.lower() in lower:
        return lower.index(wanted.lower())
    if wanted.isdecimal() and int(wanted) < len(names):
        return int(wanted)
    known = ", ".join(names) if has_names and len(names) <= 20 else f"0 ... {len(names) - 1}"
    raise ValueError(f"{path}: there is no column {wanted}: expected one of {known}")


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


# ------------------------------------------------------------------------------------ checking


def _checked(x, source):
    """Samples as uint8 or finite float32, (n, ...) with n >= 1."""
    x = np.asarray(x)
    if x.dtype.kind not in "fiub" or x.ndim < 2 or not x.size:
        raise ValueError(f"{source}: found samples of shape {x.shape} and type {x.dtype}: expected "
                         "numbers, (n, ...), n >= 1")
    if x.dtype == np.uint8:
        return np.ascontiguousarray(x)
    if x.dtype.kind == "f":
        wrong = np.argwhere(~np.isfinite(x))
        if len(wrong):
            at = tuple(map(int, wrong[0]))
            raise ValueError(f"{source}: found {x[at]} in sample {at[0]}, element "
                             f"{', '.join(map(str, at[1:]))}: expected finite numbers")
    bytes_ = x.astype(np.uint8) if x.min() >= 0 and x.max() <= 255 else None
    if bytes_ is not None and np.array_equal(bytes_, x):
        return bytes_
    return np.ascontiguousarray(x, np.float32)


def _classes(parts):
    """The names of the classes, and the labels of each part as their numbers."""
    kinds = [_as_classes(y, source) for y, source in parts]
    known, first = np.unique(kinds[0]), parts[0][1]
    if len(known) == 1:
        raise ValueError(f"{first}: all labels are {known[0]}: expected at least two classes")
    if len(known) == len(kinds[0]) > 2:
        raise ValueError(f"{first}: each of the {len(known)} samples has a label of its own: "
                         "expected classes (is it another column that has the labels?)")
    labels = []
    for y, (_, source) in zip(kinds, parts, strict=True):
        at = np.searchsorted(known, y).clip(max=len(known) - 1)
        unknown = known[at] != y
        if unknown.any():
            raise ValueError(f"{source}: found label {y[unknown][0]}: expected one of the classes "
                             f"in {first}")
        labels.append(at.astype(np.uint8 if len(known) <= 256 else np.int32))
    return tuple(map(str, known)), labels


def _as_classes(y, source):
    """Labels as integers, if they are, or else as text."""
    if y.dtype.kind in "iub":
        return y
    if y.dtype.kind not in "fU":
        raise ValueError(f"{source}: found labels of type {y.dtype}: expected integers or text")
    try:
        numbers = y.astype(np.float64)
    except ValueError:
        return y
    wrong = numbers[~(numbers == np.floor(numbers)) | (np.abs(numbers) > 2**53)]
    if len(wrong):
        raise ValueError(f"{source}: found label {wrong[0]:g}: expected classes, whole numbers or "
                         "names")
    return numbers.astype(np.int64)
