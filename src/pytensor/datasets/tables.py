"""Tables of text, such as CSV files, as the numbers that a network takes.

A column of numbers stays one; where some are missing, they become the median, and another column
tells where. A column of categories becomes a column of 0 and 1 for each of them; a column of texts,
which hardly repeat, one for each frequent word. What they are made of is learnt from the training
rows alone (Encoding) and kept with the model, so that other tables can be read the same way.

Rows are counted from 0, as everywhere; "line" is the line of the file, from 1, as editors count.
"""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from pytensor._support.arguments import known

MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "<na>", "#n/a", "?"))
LARGEST = float(np.finfo(np.float32).max)
# At most so many columns of 0 and 1 for one column of the table.
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
    names: list
    has_names: bool
    rows: list
    lines: list

    def place(self, row):
        """Return what messages call a row."""
        return f"row {row} (line {self.lines[row]})"

    def column(self, name):
        """Return the number of a column, of its name in any case of letters, or of its number.

        Raises:
            ValueError: there is none.
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


def head(path):
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


def read(path):
    """Return the Table in a text file: head tells how it is read, and the errors.

    Raises:
        ValueError: a row has another number of cells than the first line.
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


def _number(text):
    """The number that a text is, or None."""
    try:
        return float(text)
    except ValueError:
        return None


def _is_missing(cell):
    return cell.lower() in MISSING


def _words(cell):
    return set(re.findall(r"[^\W_]+", cell.lower()))


# ------------------------------------------------------------------------------------- encoding


@dataclass
class Encoding:
    """How the columns of a table become numbers.

    Attributes:
        columns: a dictionary for each column that is used: name; kind, "number", "category" or
            "words"; fill, what stands for a missing number; missing, whether a column tells where;
            values, the categories or words.
        target: the name of the column that is predicted.
        left_out: {name: reason} of columns that say nothing.
    """

    columns: list
    target: str
    left_out: dict = field(default_factory=dict)

    def get_config(self):
        """Return what JSON can hold."""
        return {"columns": self.columns, "target": self.target}

    @classmethod
    def from_config(cls, config):
        """Return the Encoding that get_config described.

        Raises:
            ValueError: it describes none.
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

    def is_measured(self):
        """Return for each column of the result whether it is a quantity, not 0 or 1 by kind."""
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

    def numbers(self, table, positions=None):
        """Return the rows of a table as float32, (rows, columns of the result).

        positions: of the columns in the table; by default they are found by their names.
        Raises:
            ValueError: a column is not there, or a cell of a column of numbers is none.
        """
        if positions is None:
            positions = [table.column(column["name"]) for column in self.columns]
        parts = [
            _encoded(column, table, k) for column, k in zip(self.columns, positions, strict=True)
        ]
        return np.concatenate(parts, axis=1)


def _encoded(column, table, k):
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


def _column_of_numbers(table, k, cells):
    """Cells as float64, NaN where one is missing."""
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


def learn(table, target, features, training, categorical=()):
    """Return the Encoding of a table's columns.

    target, features: numbers of columns. training: the rows to learn from, integers. categorical:
    numbers of columns whose cells are names, even if they look like numbers.
    Raises:
        ValueError: a column holds numbers and texts, or no column says anything.
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


def _learnt(table, k, training, is_categorical):
    """How one column becomes numbers, or why it does not."""
    cells = [row[k] for row in table.rows]
    present = [cell for cell in cells if not _is_missing(cell)]
    numbers = sum(_number(cell) is not None for cell in present)
    if not present:
        return "all cells are empty"
    if 2 * numbers >= len(present) and not is_categorical:
        values = _column_of_numbers(table, k, cells)  # which tells what is none
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
        # In the order of their frequency, then of the alphabet: the same for any order of rows.
        values = sorted(counts, key=lambda value: (-counts[value], value))[:MOST_CATEGORIES]
        return (
            {"kind": "category", "values": sorted(values)}
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
