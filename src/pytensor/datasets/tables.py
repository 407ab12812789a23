"""Tables of text, such as CSV files, as the numbers that a network takes.

A column of numbers stays one; missing numbers become the median, and another column marks them. A
column of categories becomes one column of 0 and 1 for each category; a column of texts that hardly
repeat, one for each frequent word. The Encoding is learnt from the training rows alone and kept
with the model, so that other tables can be read the same way.

Rows are counted from 0, as everywhere; "line" is the line of the file, from 1, as editors count.
"""

from __future__ import annotations

import csv
import math
import os
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pytensor._support.arguments import known

MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "<na>", "#n/a", "?"))
LARGEST = float(np.finfo(np.float32).max)
# The most columns of 0 and 1 for one column of the table.
MOST_CATEGORIES, MOST_WORDS = 200, 100


@dataclass(frozen=True)
class Table:
    """Cells of text, stripped.

    Attributes:
        path: where they come from, for messages.
        names: of the columns; their numbers, "0", "1" ..., where the file has none.
        has_names: whether it has.
        rows: lists of texts, one for each column.
        lines: the line of the file that each row ends in.
    """

    path: object
    names: list[str]
    has_names: bool
    rows: list[list[str]]
    lines: list[int]

    def place(self, row: int) -> str:
        """Return what messages call a row."""
        return f"row {row} (line {self.lines[row]})"

    def column(self, name: str | int) -> int:
        """Return the number of a column, found by its name, in any case, or by its number.

        Raises:
            ValueError: there is no such column.
        """
        lower = [other.lower() for other in self.names]
        wanted = str(name)
        if wanted in self.names:
            return self.names.index(wanted)
        if wanted.lower() in lower:
            return lower.index(wanted.lower())
        if wanted.isdecimal() and int(wanted) < len(self.names):
            return int(wanted)
        many = len(self.names) > 20
        expected = (
            f"one of {', '.join(self.names)}"
            if self.has_names and not many
            else f"one of 0 ... {len(self.names) - 1}"
        )
        hint = known(wanted, self.names) if self.has_names and many else ""
        hint = f" ({hint})" if hint.startswith("did") else ""
        raise ValueError(f"{self.path}: there is no column {wanted}: expected {expected}{hint}")


def head(path: str | os.PathLike[str]) -> tuple[str, list[str], bool]:
    """Return the delimiter, the cells of the first line, and whether they are names.

    Raises:
        ValueError: the file has no rows.
        OSError: it cannot be read.
    """
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as file:
        first = file.readline()
        delimiter = max(",;\t", key=first.count)
        names = [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
        has_names = not any(_number(name) is not None for name in names)
        if not first.strip() or (has_names and not file.readline().strip()):
            raise ValueError(f"{path}: found no rows of numbers: expected text in columns")
    return delimiter, names, has_names


def read(path: str | os.PathLike[str]) -> Table:
    """Return the Table in a text file.

    Raises:
        ValueError: the file has no rows, or one has another number of cells than the first line.
        OSError: it cannot be read.
    """
    delimiter, names, has_names = head(path)
    rows, lines = [], []
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as file:
        reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True)
        try:
            for cells in reader:
                if cells:
                    rows.append([cell.strip() for cell in cells])
                    lines.append(reader.line_num)
        except csv.Error as error:
            raise ValueError(f"{path}: line {reader.line_num}: {error}") from None
    if has_names:
        del rows[0], lines[0]
    else:
        names = [str(k) for k in range(len(names))]
    table = Table(path, names, has_names, rows, lines)
    for k, row in enumerate(rows):
        if len(row) != len(names):
            raise ValueError(
                f"{path}: {table.place(k)}: found {len(row)} cells: expected {len(names)}"
            )
    return table


def _number(text: str) -> float | None:
    """A text as a number, or None."""
    try:
        return float(text)
    except ValueError:
        return None


def _is_missing(cell: str) -> bool:
    return cell.lower() in MISSING


def _words(cell: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", cell.lower()))


# ------------------------------------------------------------------------------------- encoding


@dataclass
class Encoding:
    """How the columns of a table become numbers.

    Attributes:
        columns: a dictionary for each column in use: name; kind: "number", "category" or "words";
            fill: the number used for a missing one; missing: whether another column marks the
            missing ones; values: the categories or words.
        target: the name of the target column.
        left_out: {name: reason} of columns without information.
    """

    columns: list[dict[str, Any]]
    target: str
    left_out: dict[str, str] = field(default_factory=dict)

    def get_config(self) -> dict[str, Any]:
        """Return a description that JSON can hold."""
        return {"columns": self.columns, "target": self.target}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Encoding:
        """Return the Encoding that get_config described.

        Raises:
            ValueError: config is not such a description.
        """
        try:
            for column in config["columns"]:
                width = {
                    "number": 1 + bool(column.get("missing")),
                    "category": len(column.get("values", ())),
                    "words": len(column.get("values", ())),
                }[column["kind"]]
                if not isinstance(column["name"], str) or not width:
                    raise TypeError
                if column["kind"] == "number":
                    column["fill"] = float(column["fill"])
            return cls(list(config["columns"]), str(config["target"]))
        except (AttributeError, KeyError, TypeError, ValueError):
            raise ValueError("found no description of a table's columns") from None

    def is_measured(self) -> np.ndarray:
        """Return for each column of the result whether it is a quantity, not a mark of 0 or 1."""
        return np.array(
            [
                measured
                for column in self.columns
                for measured in (
                    [True] + [False] * bool(column["missing"])
                    if column["kind"] == "number"
                    else [False] * len(column["values"])
                )
            ]
        )

    def numbers(self, table: Table, positions: Sequence[int] | None = None) -> np.ndarray:
        """Return the rows of a table as float32, (rows, columns of the result).

        Args:
            table: the table.
            positions: of the columns in the table; by default they are found by their names.

        Raises:
            ValueError: a column is missing, or a cell of a column of numbers is not a number.
        """
        if positions is None:
            positions = [table.column(column["name"]) for column in self.columns]
        parts = [
            _encoded(column, table, k) for column, k in zip(self.columns, positions, strict=True)
        ]
        return np.concatenate(parts, axis=1)


def _encoded(column: dict[str, Any], table: Table, k: int) -> np.ndarray:
    """One column of a table as numbers, (rows, 1 or more)."""
    cells = [row[k] for row in table.rows]
    if column["kind"] == "number":
        values = _column_of_numbers(table, k, cells)
        empty = np.isnan(values)
        values[empty] = column["fill"]
        return np.stack((values, empty)[: 1 + column["missing"]], axis=1).astype(np.float32)
    at = {value: j for j, value in enumerate(column["values"])}
    found = np.zeros((len(cells), len(at)), np.float32)
    for i, cell in enumerate(cells):
        if column["kind"] == "words":
            found[i, [at[word] for word in _words(cell) if word in at]] = 1
        elif (j := at.get("" if _is_missing(cell) else cell)) is not None:
            found[i, j] = 1
    return found


def _column_of_numbers(table: Table, k: int, cells: list[str]) -> np.ndarray:
    """Cells as float64, missing ones as NaN."""
    values = np.empty(len(cells))
    for i, cell in enumerate(cells):
        value = math.nan if _is_missing(cell) else _number(cell)
        if value is None:
            raise ValueError(
                f"{table.path}: column {table.names[k]}: {table.place(i)}: found {cell!r} among "
                "numbers: expected numbers alone: correct the cell, take the column as categories "
                "(categorical), or leave it out (drop)"
            )
        if abs(value) > LARGEST:
            raise ValueError(
                f"{table.path}: column {table.names[k]}: {table.place(i)}: found "
                f"{cell}: expected finite numbers"
            )
        values[i] = value
    return values


def learn(
    table: Table,
    target: int,
    features: Sequence[int],
    training: np.ndarray,
    categorical: Collection[int] = (),
) -> Encoding:
    """Return the Encoding of a table's columns.

    Args:
        table: all rows.
        target, features: numbers of columns.
        training: the rows to learn from, integers.
        categorical: numbers of columns whose cells are names, even if they look like numbers.

    Raises:
        ValueError: a column mixes numbers and texts, or no column holds information.
    """
    encoding = Encoding([], table.names[target])
    for k in features:
        column = _learnt(table, k, training, k in categorical)
        if isinstance(column, str):
            encoding.left_out[table.names[k]] = column
        else:
            encoding.columns.append({"name": table.names[k], **column})
    if not encoding.columns:
        raise ValueError(
            f"{table.path}: no column says anything about {encoding.target}: "
            + "; ".join(f"{name}: {why}" for name, why in encoding.left_out.items())
        )
    return encoding


def _learnt(
    table: Table, k: int, training: np.ndarray, is_categorical: bool
) -> dict[str, Any] | str:
    """How one column becomes numbers, or the reason to leave it out."""
    cells = [row[k] for row in table.rows]
    present = [cell for cell in cells if not _is_missing(cell)]
    numbers = sum(_number(cell) is not None for cell in present)
    if not present:
        return "all cells are empty"
    if 2 * numbers >= len(present) and not is_categorical:
        values = _column_of_numbers(
            table, k, cells
        )  # whose error names a cell that is not a number
        values = values[training]
        known_values = values[~np.isnan(values)]
        if not len(known_values):
            return "all cells of the training rows are empty"
        return {
            "kind": "number",
            "fill": float(np.median(known_values)),
            "missing": bool(len(known_values) < len(values)),
        }
    cells = [cells[i] for i in training]
    counts = Counter("" if _is_missing(cell) else cell for cell in cells)
    if is_categorical or len(counts) <= max(20, len(cells) // 5):
        # By frequency, then by alphabet: the same for any order of rows.
        categories = sorted(counts, key=lambda value: (-counts[value], value))[:MOST_CATEGORIES]
        return (
            {"kind": "category", "values": sorted(categories)}
            if len(counts) > 1
            else (f"all cells are {cells[0]!r}")
        )
    counts = Counter(word for cell in cells if not _is_missing(cell) for word in _words(cell))
    least = max(2, len(cells) // 200)
    words = sorted(
        (word for word in counts if least <= counts[word] < len(cells)),
        key=lambda word: (-counts[word], word),
    )[:MOST_WORDS]
    return (
        {"kind": "words", "values": sorted(words)}
        if words
        else ("its texts have nothing in common")
    )
