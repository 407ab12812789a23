"""The HTML by which a notebook shows tensors, models, histories, tapes and progress.

Objects call this from their `_repr_html_`, which Jupyter looks for.
Tables inherit the notebook's style, light or dark.
"""

from __future__ import annotations

import html
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

ROWS, COLUMNS = 10, 12  # of a table of numbers; of longer ones only both ends are shown


def in_notebook() -> bool:
    """Return whether the program runs in a Jupyter kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return hasattr(shell, "kernel")


def display(thing: Any) -> None:
    """Show an object in the output of the notebook's current cell."""
    from IPython.display import display

    display(thing)


def table(
    rows: Iterable[Iterable[Any]], head: Sequence[Any] = (), caption: str = "", align: str = "right"
) -> str:
    """Return rows of texts as a table."""
    cell = f'style="text-align: {align}"'
    lines = ["<table>"]
    if caption:
        lines.append(
            f'<caption style="caption-side: top; text-align: left; white-space: nowrap">'
            f"{html.escape(caption)}</caption>"
        )
    if head:
        lines.append(
            "<thead><tr>"
            + "".join(f"<th {cell}>{html.escape(str(text))}</th>" for text in head)
            + "</tr></thead>"
        )
    lines.append("<tbody>")
    lines += [
        "<tr>" + "".join(f"<td {cell}>{html.escape(str(text))}</td>" for text in row) + "</tr>"
        for row in rows
    ]
    return "\n".join([*lines, "</tbody></table>"])


def tensor(x: Any) -> str:
    """Return a tensor's HTML: shape and dtype, then the numbers, of one or two axes as a table."""
    caption = f"Tensor {x.shape} {x.dtype}"
    if x.ndim not in (1, 2) or x.size == 0:
        return f"<div>{caption}</div><pre>{html.escape(str(x))}</pre>"
    values = np.atleast_2d(x.numpy())
    rows, columns = (
        _ends(length, most) for length, most in zip(values.shape, (ROWS, COLUMNS), strict=True)
    )
    shown = values[
        np.ix_([i for i in rows if i is not None], [j for j in columns if j is not None])
    ]
    texts = iter(_texts(shown).ravel())
    lines = [
        ["⋮" if i is None else "…" if j is None else next(texts) for j in columns] for i in rows
    ]
    return table(lines, caption=caption)


def _ends(length: int, most: int) -> list[int | None]:
    """The positions to show, None for a gap."""
    if length <= most:
        return list(range(length))
    half = most // 2
    return [*range(half), None, *range(length - half, length)]


def _texts(values: np.ndarray) -> np.ndarray:
    """Numbers as texts, with as many digits as NumPy prints."""
    if values.dtype.kind not in "fc":
        return values.astype(str)
    digits = np.get_printoptions()["precision"]
    return np.array([[f"{value:.{min(digits, 6)}g}" for value in row] for row in values])


def summary(
    name: str, head: Sequence[str], rows: Iterable[Iterable[Any]], totals: Iterable[str]
) -> str:
    """Return the HTML of a model's layers and how many numbers they have."""
    body = table(rows, head, f'Model: "{name}"', "left")
    return body + "<div>" + "<br>".join(map(html.escape, totals)) + "</div>"


def history(epochs: Sequence[int], values: Mapping[str, Sequence[float]]) -> str:
    """Return the HTML of what fit returns: a row for each epoch."""
    rows = [
        (epoch + 1, *(f"{values[name][i]:.4g}" for name in values))
        for i, epoch in enumerate(epochs)
    ]
    return table(rows, ("epoch", *values))


def records(names: Sequence[str], watched: int) -> str:
    """Return the HTML of a tape: what it has recorded."""
    head = f"GradientTape: {len(names)} operations on {watched} watched tensors"
    return table([(i + 1, name) for i, name in enumerate(names)], ("", "operation"), head, "left")


def fused(name: str, programs: Sequence[Iterable[Any]]) -> str:
    """Return the HTML of a fused function: the shapes and dtypes that it has programs for."""
    rows = [
        (", ".join(f"{x.dtype} {x.shape}" if hasattr(x, "shape") else repr(x) for x in arguments),)
        for arguments in programs
    ]
    return table(rows, ("arguments",), f"fused {name}: {len(programs)} programs", "left")


class Bar:
    """A progress bar in a notebook's output, with a text beside it."""

    def __init__(self, total: int | None, title: str, initial: int = 0) -> None:
        """Show the bar; total is how many steps there are, None where that is not known."""
        from IPython.display import display

        self.total, self.n, self.text = total, initial, title
        self._handle = display(self, display_id=True)

    def update(self) -> None:
        """Count a step."""
        self.n += 1

    def show(self, text: str) -> None:
        """Draw it again, with another text."""
        self.text = text
        if self._handle is not None:
            self._handle.update(self)

    def close(self) -> None:
        """Leave it as it is."""

    def __repr__(self) -> str:
        """Return what a terminal or a file shows."""
        return f"{self.text} {self.n}/{self.total or '?'}"

    def _repr_html_(self) -> str:
        done = f'max="{self.total}" value="{self.n}"' if self.total else ""
        return (
            f'<div style="font-family: monospace"><progress {done} style="width: 12em">'
            f"</progress> {self.n}/{self.total or '?'} {html.escape(self.text)}</div>"
        )
