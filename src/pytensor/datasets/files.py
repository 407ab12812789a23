"""Any labelled data: a directory of IDX files, a .npz archive, a table such as a CSV file.

>>> data = files.load("iris.csv")
>>> data.x_train.shape, data.classes
((120, 4), ('setosa', 'versicolor', 'virginica'))
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pytensor._support.arguments import integer, lookup, number

from . import _archive, idx, tables

# Likely names of the column of the labels, in any case.
LABEL_NAMES = ("label", "labels", "class", "target", "species", "y")
_KEYS = [
    ("x_train", "y_train", "x_test", "y_test"),
    ("x", "y"),
    ("X", "y"),
    ("data", "target"),
    ("images", "labels"),
]


# Samples, labels, and the file that messages name.
_Part = tuple[np.ndarray, np.ndarray, Path]


@dataclass(frozen=True)
class LabelledData:
    """Samples and their labels, class numbers or values to predict, as NumPy arrays.

    Attributes:
        x_train, x_test: (n, ...), uint8 or float32.
        y_train, y_test: (n,), integers 0 ... len(classes) - 1; values: float32.
        classes: the names of the classes, as in the labels; empty for regression.
        encoding: for a table, the tables.Encoding that turned its columns into numbers.

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
    encoding: tables.Encoding | None = None


def load(
    path: str | os.PathLike[str],
    label: str | int | None = None,
    test_split: float = 0.2,
    seed: int = 0,
    *,
    columns: Iterable[str | int] | None = None,
    drop: Iterable[str | int] = (),
    categorical: Iterable[str | int] = (),
    task: Literal["classification", "regression"] | None = None,
) -> LabelledData:
    """Load labelled data.

    - A directory: IDX files, compressed (.gz) or not, whose names have "idx" and "image" or "label"
      in them; those with "test" or "t10k" as well are the test set.
    - A .npz archive: x_train, y_train, x_test, y_test, or x and y (X and y, data and target, images
      and labels).
    - Any other file: text in columns, separated by commas, semicolons or tabs, with or without a
      line of names. Columns of numbers, categories and texts become numbers as `tables` describes;
      cells may be missing: empty, NA, NaN, null, None or ?.

    Args:
        path: the directory or file.
        label: for text, the column of the labels: its name or number, from 0; by default one
            named label, class, target, species or y, else the last one.
        columns: for text, the columns to predict from; by default all others.
        drop: for text, columns to leave out.
        categorical: for text, columns that hold categories though their cells look like numbers.
        task: "classification" or "regression"; by default regression if labels are numbers with a
            fraction, or whole ones of which there are more than 100 or hardly two alike.
        test_split: in (0, 1), the share of samples, drawn at random, to test with if the data
            have no test set.
        seed: of this draw, an integer >= 0.

    Returns:
        LabelledData. Numbers that are whole and within 0 ... 255 are uint8, all others float32.

    Raises:
        ValueError: the data are damaged, empty or not finite, or samples and labels do not match;
            the message names the file and what is wrong.
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
    encoding = None
    if task is not None:
        lookup("files.load: task", task, dict.fromkeys(("classification", "regression")))
    if path.is_dir():
        parts = _read_directory(path)
    elif path.suffix == ".npz":
        parts = _read_archive(path)
    else:
        parts, encoding = _read_text(path, label, test_split, seed, columns, drop, categorical)
    parts = [(_checked(x, source), np.asarray(y), source) for x, y, source in parts]
    for x, y, source in parts:
        if y.ndim != 1 or len(x) != len(y):
            raise ValueError(
                f"{source}: found samples {x.shape} and labels {y.shape}: expected "
                "(n, ...) and (n,)"
            )
        if x.shape[1:] != parts[0][0].shape[1:]:
            raise ValueError(
                f"{source}: found samples of shape {x.shape[1:]}, expected "
                f"{parts[0][0].shape[1:]} as in {parts[0][2]}"
            )
    found = [(y, source) for _, y, source in parts]
    task = task or ("regression" if _are_quantities(found[0][0]) else "classification")
    classes, labels = _classes(found) if task == "classification" else ((), _values(found))
    if len(parts) == 2:
        return LabelledData(parts[0][0], labels[0], parts[1][0], labels[1], classes)
    x, y = parts[0][0], labels[0]
    train, test = _split(path, len(x), test_split, seed)
    return LabelledData(x[train], y[train], x[test], y[test], classes, encoding)


def _split(path: Path, n: int, test_split: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows to train and to test with."""
    n_test = round(n * test_split)
    if not 0 < n_test < n:
        raise ValueError(
            f"{path}: {n} samples: a test set of {test_split:g} of them leaves "
            "none to train or none to test with"
        )
    order = np.random.default_rng(seed).permutation(n)
    return order[n_test:], order[:n_test]


# ------------------------------------------------------------------------------------- reading
# Each reader returns a list of (samples, labels, source): the training set, then a test set if
# the data have one; source is what messages call it.


def _read_directory(path: Path) -> list[_Part]:
    found: dict[tuple[str, str], list[Path]] = {}
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
                raise ValueError(
                    f"{path}: {kind}s to {part} with: found {names}: expected one IDX "
                    f"file, such as {example}"
                )
        images, labels = found[part, "image"][0], found[part, "label"][0]
        read.append((idx.read(images), idx.read(labels), images))
    return read


def _read_archive(path: Path) -> list[_Part]:
    arrays = list(_archive.read(path, _KEYS).values())
    return [(x, y, path) for x, y in zip(arrays[::2], arrays[1::2], strict=True)]


def _read_text(
    path: Path,
    label: str | int | None,
    test_split: float,
    seed: int,
    columns: Iterable[str | int] | None,
    drop: Iterable[str | int],
    categorical: Iterable[str | int],
) -> tuple[list[_Part], tables.Encoding]:
    """The same list as the other readers, and the Encoding."""
    delimiter, names, has_names = tables.head(path)
    if len(names) < 2:
        raise ValueError(
            f"{path}: found one column in the first line: expected numbers and a "
            "label, separated by commas, semicolons or tabs"
        )
    # Without rows: it finds columns and names them in messages.
    table = tables.Table(
        path, names if has_names else [str(k) for k in range(len(names))], has_names, [], []
    )
    target = _label_column(table, label)
    features = _feature_columns(table, target, columns, drop)
    named = {table.column(name) for name in categorical}
    found = None if named else _read_numbers(path, delimiter, has_names, features, target)
    if found is None:
        table = tables.read(path)
        y = np.array([row[target] for row in table.rows])
        if not y.astype(bool).all():
            raise ValueError(f"{path}: {table.place(int(np.argmin(y.astype(bool))))} has no label")
        training = _split(path, len(y), test_split, seed)[0]
        encoding = tables.learn(table, target, features, training, named)
        x = encoding.numbers(table)
    else:
        x, y = found
        training = _split(path, len(y), test_split, seed)[0]
        medians = np.median(x[training], axis=0).tolist()
        encoding = tables.Encoding(
            [
                {"name": table.names[k], "kind": "number", "fill": fill, "missing": False}
                for k, fill in zip(features, medians, strict=True)
            ],
            table.names[target],
        )
    return [(x, y, path)], encoding


def _read_numbers(
    path: Path, delimiter: str, has_names: bool, features: Sequence[int], target: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """Samples and labels of a file whose features are all finite numbers, or None.

    This is fifty times as fast as cell by cell."""
    options: dict[str, Any] = {
        "delimiter": delimiter,
        "skiprows": int(has_names),
        "quotechar": '"',
        "comments": None,
        "encoding": "utf-8-sig",
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy's, of files without rows
            x = np.loadtxt(path, np.float32, usecols=features, ndmin=2, **options)
            y = np.char.strip(np.loadtxt(path, str, usecols=[target], ndmin=1, **options))
    except ValueError:
        return None
    return (x, y) if len(y) and y.astype(bool).all() and np.isfinite(x).all() else None


def _label_column(table: tables.Table, label: str | int | None) -> int:
    """The number of the column that holds the labels."""
    if label is not None:
        return table.column(label)
    lower = [name.lower() for name in table.names]
    named = [name for name in LABEL_NAMES if table.has_names and name in lower]
    return lower.index(named[0]) if named else len(table.names) - 1


def _feature_columns(
    table: tables.Table, target: int, columns: Iterable[str | int] | None, drop: Iterable[str | int]
) -> list[int]:
    """The numbers of the columns to predict from."""
    dropped = {table.column(name) for name in drop}
    wanted = list(range(len(table.names)))
    if columns is not None:
        wanted = list(dict.fromkeys(table.column(name) for name in columns))
    if columns is not None and target in wanted:
        raise ValueError(
            f"{table.path}: columns: found {table.names[target]}, which is the "
            "target: expected other columns"
        )
    features = [k for k in wanted if k != target and k not in dropped]
    if not features:
        raise ValueError(f"{table.path}: no column is left to predict {table.names[target]} from")
    return features


# ------------------------------------------------------------------------------------ checking


def _checked(x: np.ndarray, source: Path) -> np.ndarray:
    """Samples as uint8 or finite float32, (n, ...) with n >= 1."""
    x = np.asarray(x)
    if x.dtype.kind not in "fiub" or x.ndim < 2 or not x.size:
        raise ValueError(
            f"{source}: found samples of shape {x.shape} and type {x.dtype}: expected "
            "numbers, (n, ...), n >= 1"
        )
    if x.dtype == np.uint8:
        return np.ascontiguousarray(x)
    if x.dtype.kind == "f":
        wrong = np.argwhere(~np.isfinite(x))
        if len(wrong):
            at = tuple(map(int, wrong[0]))
            raise ValueError(
                f"{source}: found {x[at]} in row {at[0]}, at {list(at)}: expected finite numbers"
            )
    bytes_ = x.astype(np.uint8) if x.min() >= 0 and x.max() <= 255 else None
    if bytes_ is not None and np.array_equal(bytes_, x):
        return bytes_
    return np.ascontiguousarray(x, np.float32)


def _numbers(y: np.ndarray) -> np.ndarray | None:
    """Labels as float64, or None if they are not numbers."""
    if y.dtype.kind not in "iubfU":
        return None
    try:
        return y.astype(np.float64)
    except ValueError:
        return None


def _are_quantities(y: np.ndarray) -> bool:
    """Whether labels are quantities, not classes."""
    numbers = _numbers(y)
    if numbers is None or not np.isfinite(numbers).all():
        return False
    distinct = len(np.unique(numbers))
    return bool((numbers != np.floor(numbers)).any() or distinct > max(2, min(100, len(y) / 2)))


def _values(parts: list[tuple[np.ndarray, Path]]) -> list[np.ndarray]:
    """The target values of each part, float32."""
    values = []
    for y, source in parts:
        numbers = _numbers(y)
        if numbers is None:
            wrong = next((label for label in y if _numbers(np.array([label])) is None), y.dtype)
            raise ValueError(f"{source}: found label {wrong}: expected numbers, for regression")
        wrong = ~(abs(numbers) <= tables.LARGEST)  # NaN as well
        if wrong.any():
            raise ValueError(
                f"{source}: found label {numbers[wrong][0]} in row "
                f"{int(wrong.argmax())}: expected finite numbers"
            )
        values.append(numbers.astype(np.float32))
    if np.ptp(values[0]) == 0:
        raise ValueError(
            f"{parts[0][1]}: all labels are {values[0][0]:g}: expected numbers that differ"
        )
    return values


def _classes(parts: list[tuple[np.ndarray, Path]]) -> tuple[tuple[str, ...], list[np.ndarray]]:
    """The names of the classes, and the labels of each part as class numbers."""
    kinds = [_as_classes(y, source) for y, source in parts]
    known, first = np.unique(kinds[0]), parts[0][1]
    if len(known) == 1:
        raise ValueError(f"{first}: all labels are {known[0]}: expected at least two classes")
    if len(known) == len(kinds[0]) > 2:
        raise ValueError(
            f"{first}: each of the {len(known)} samples has a different label: "
            "expected classes (is it another column that has the labels?)"
        )
    labels = []
    for y, (_, source) in zip(kinds, parts, strict=True):
        at = np.searchsorted(known, y).clip(max=len(known) - 1)
        unknown = known[at] != y
        if unknown.any():
            raise ValueError(
                f"{source}: found label {y[unknown][0]}: expected one of the classes in {first}"
            )
        labels.append(at.astype(np.uint8 if len(known) <= 256 else np.int32))
    return tuple(map(str, known)), labels


def _as_classes(y: np.ndarray, source: Path) -> np.ndarray:
    """Labels as integers where they are whole numbers, else as text."""
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
        raise ValueError(
            f"{source}: found label {wrong[0]:g}: expected classes, whole numbers or names"
        )
    return numbers.astype(np.int64)
