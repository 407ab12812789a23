"""The graph that a tape records, and the steps of a program, as pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pytensor import _core
from pytensor._autodiff.graph import Value, graph
from pytensor._functions.programs import buffer_name, results_of
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
    tensors = {value.name for value in values}
    texts = {}
    for value in values:
        numbers = [name for name in value.inputs if name not in tensors]
        texts[value.name] = _lines(value.name, " ".join([value.op, *numbers]), str(value.shape))
    return _drawn(values, texts, set(returned), figure, title)


def program(
    recorded: Callable[..., Any],
    *,
    figure: Figure | SubFigure | None = None,
    title: str | None = None,
) -> Figure | SubFigure:
    """Draw the program of a function that jit or fuse made, the one that was used last.

    Every step is a box with its results, named as in program_text, what it computes, and their
    shapes; arrows lead to the steps that read them. A fused step lists its operations, which run
    block by block in the L1 cache. `@` is where in the program's memory a temporary result starts,
    in bytes: later steps use the place of what nobody reads any more. Arguments have blue frames,
    results orange ones, constants and tensors from outside grey ones. Loops and branches are one
    box.

    Args:
        recorded: the function, called at least once.
        title: above the picture.

    Raises:
        TypeError: the function was made by something else.
        ValueError: it has not been called yet.

    >>> f = pt.jit(lambda x: pt.sum(pt.exp(x) * 2))
    >>> y = f(pt.ones(3))
    >>> figure = pt.plot.program(f)
    """
    programs = _core.programs_of(recorded)
    if not programs:
        raise ValueError("plot.program: found no recording: expected a function that was called")
    _, _, buffers, steps = programs[0]
    values, texts, results = [], {}, set()
    makers: dict[int, str] = {}  # of each buffer, the last box that wrote to it

    def add(
        names: list[str], lines: list[str], shape: Any, dtype: str, op: str, inputs: Any
    ) -> str:
        name = ", ".join(names)
        while name in texts:  # written again, in place
            name += "'"
        texts[name] = _lines(name, *lines)
        values.append(Value(name, shape, dtype, op, tuple(dict.fromkeys(inputs))))
        return name

    for step, shape, reads, writes, operations, parts in steps:
        for k in reads:
            if k not in makers:
                _, dtype, dims, _ = buffers[k]
                makers[k] = add([buffer_name(buffers, k)], [dtype, str(dims)], dims, dtype, "", ())
        written = results_of(writes, parts)
        names = [buffer_name(buffers, k) for k in written] or [step]
        ops = [row for row, _, _ in operations] or [step]
        if len(ops) > MOST_OPERATIONS:
            ops = [*ops[:MOST_OPERATIONS], f"and {len(ops) - MOST_OPERATIONS} more"]
        dims = buffers[written[0]][2] if written else shape
        offsets = [str(buffers[k][3]) for k in written if buffers[k][3] >= 0]
        places = f"@ {', '.join(offsets)}" if offsets else ""
        name = add(
            names,
            [*ops, str(dims), places],
            dims,
            buffers[written[0]][1] if written else "",
            step,
            [makers[k] for k in reads],
        )
        makers.update(dict.fromkeys(written, name))
        if any(buffers[k][0] == "result" for k in written):
            results.add(name)
    return _drawn(values, texts, results, figure, title)


MOST_OPERATIONS = 8  # of a fused step that are named


def _lines(*parts: str) -> str:
    return "\n".join(filter(None, parts))


def _drawn(
    values: list[Value],
    texts: dict[str, str],
    results: set[str],
    figure: Figure | SubFigure | None,
    title: str | None,
) -> Figure | SubFigure:
    """The values as boxes with their texts, and arrows between them."""
    places = _places(values)
    n_columns = max((x for x, _ in places.values()), default=0) + 1
    n_lines = max((text.count("\n") + 1 for text in texts.values()), default=1)
    row = max(1.3, 0.18 * n_lines + 0.3)  # inches
    top = max((abs(y) for _, y in places.values()), default=0) + 0.6
    figure = new_figure(figure, 1.5 * n_columns, 0.5 + row * top + (0.3 if title else 0))
    axes = figure.add_subplot()
    axes.set_axis_off()
    boxes = {}
    for value in values:
        colour = (
            ORANGE
            if value.name in results
            else "black"
            if value.op
            else GREY
            if value.name.startswith("c")
            else BLUE
        )
        box = {"boxstyle": "round", "facecolor": "white", "edgecolor": colour, "linewidth": 1.5}
        boxes[value.name] = axes.text(
            *places[value.name],
            texts[value.name],
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


def _places(values: list[Value]) -> dict[str, tuple[int, float]]:
    """(column, height) of each value by name: a column right of all that goes in, and near it."""
    columns: dict[int, list[Value]] = {}
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

        def height(value: Value) -> float:
            ys = [places[name][1] for name in value.inputs if name in places]
            return sum(ys) / len(ys) if ys else -1e9  # what is given stands below

        members = sorted(columns[column], key=height)
        for k, value in enumerate(members):
            places[value.name] = (column, k - (len(members) - 1) / 2)
    return places
