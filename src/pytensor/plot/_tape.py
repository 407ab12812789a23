"""The graph that a tape records, as a picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pytensor._autodiff.graph import graph
from pytensor.plot._figures import BLUE, GREY, ORANGE, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure


def tape(
    f: Callable[..., Any],
    *args: Any,
    figure: Figure | SubFigure | None = None,
    title: str | None = None,
) -> Figure | SubFigure:
    """Draw what a tape records of f(*args): every value as a box, with arrows to where it is used.

    Values are computed from left to right; gradients flow back along the arrows. Arguments have
    blue frames, results of f orange ones, constants grey ones.

    Args:
        f: a function of floating-point tensors, nested lists, tuples and dictionaries of them.
        title: above the picture.

    >>> figure = pt.plot.tape(lambda x: pt.sum(pt.exp(x)), pt.ones(3))
    """
    values, returned = graph(f, *args)
    places = _places(values)
    n_columns = max((x for x, _ in places.values()), default=0) + 1
    top = max((abs(y) for _, y in places.values()), default=0) + 0.6
    figure = new_figure(figure, 1.5 * n_columns, 0.5 + 1.3 * top + (0.3 if title else 0))
    axes = figure.add_subplot()
    axes.set_axis_off()
    boxes = {}
    for value in values:
        colour = (
            ORANGE
            if value.name in returned
            else "black"
            if value.op
            else GREY
            if value.name.startswith("c")
            else BLUE
        )
        numbers = [name for name in value.inputs if name not in places]
        text = "\n".join(
            filter(None, (value.name, " ".join([value.op, *numbers]), str(value.shape)))
        )
        box = {"boxstyle": "round", "facecolor": "white", "edgecolor": colour, "linewidth": 1.5}
        boxes[value.name] = axes.text(
            *places[value.name],
            text,
            ha="center",
            va="center",
            fontsize=8,
            linespacing=1.15,
            bbox=box,
            zorder=2,
        )
    for value in values:
        for name in dict.fromkeys(value.inputs):
            if name in places:
                axes.annotate(
                    "",
                    places[value.name],
                    places[name],
                    zorder=1,
                    arrowprops={
                        "arrowstyle": "-|>",
                        "color": GREY,
                        "shrinkA": 0,
                        "shrinkB": 1,
                        "patchA": boxes[name].get_bbox_patch(),
                        "patchB": boxes[value.name].get_bbox_patch(),
                    },
                )
    axes.set(xlim=(-0.55, n_columns - 0.45), ylim=(-top, top))
    if title:
        axes.set_title(title)
    return figure


def _places(values: list[Any]) -> dict[str, tuple[int, float]]:
    """(column, height) of each value by name: a column right of all that goes in, and near it."""
    columns: dict[int, list[Any]] = {}
    depth: dict[str, int] = {}
    for value in values:
        depth[value.name] = max((depth[n] + 1 for n in value.inputs if n in depth), default=0)
    for value in values:  # arguments and constants stand just before what they go into
        if not value.op:
            users = [depth[v.name] for v in values if value.name in v.inputs]
            depth[value.name] = min(users, default=1) - 1
        columns.setdefault(depth[value.name], []).append(value)
    places: dict[str, tuple[int, float]] = {}
    for column in sorted(columns):

        def height(value: Any) -> float:
            ys = [places[name][1] for name in value.inputs if name in places]
            return sum(ys) / len(ys) if ys else -1e9  # what is given stands below

        members = sorted(columns[column], key=height)
        for k, value in enumerate(members):
            places[value.name] = (column, k - (len(members) - 1) / 2)
    return places
