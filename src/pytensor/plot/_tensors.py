"""Pictures of tensors: their axes, their memory, and what operations do to points of the plane."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from pytensor.plot._figures import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, YELLOW, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure
    from numpy.typing import ArrayLike

    from pytensor.models import Sequential

# Tints that dark text is read on; neighbours differ in lightness too.
TINTS = ("#cfe3f2", "#f9d9c4", "#c4e8dc", "#f3dfee", "#fbe9bf", "#dedede")
# The offset of each sheet of a rank-3 tensor from the one in front of it, in cells.
BEHIND = 0.75
RANKS = ("a scalar", "a vector", "a matrix", "a rank-3 tensor")


def anatomy(*tensors: ArrayLike, figure: Figure | SubFigure | None = None) -> Figure | SubFigure:
    """Draw small tensors cell by cell, with their axes, shape, dtype and strides.

    Args:
        tensors: of at most three axes.
        figure: the figure to draw into; by default a new one.

    Raises:
        ValueError: a tensor has more axes, or there is none.

    >>> figure = pt.plot.anatomy(pt.asarray(3.0), pt.arange(4))
    """
    if not tensors:
        raise ValueError("anatomy: no tensors: expected at least one")
    arrays = [_small("anatomy", tensor) for tensor in tensors]
    widths = [_extent(array)[0] + 1.6 for array in arrays]
    height = max(_extent(array)[1] for array in arrays) + 3.4
    figure = new_figure(figure, 0.44 * sum(widths), 0.44 * height)
    panels = figure.subplots(1, len(arrays), width_ratios=widths, squeeze=False)[0]
    for axes, array, width in zip(panels, arrays, widths, strict=True):
        _cells(axes, array)
        across, down = _extent(array)
        facts = f"ndim {array.ndim}\nshape {array.shape}\n{array.dtype}\nstrides {array.strides}"
        axes.text(across / 2, down + 0.4, facts, ha="center", va="top", fontsize=8.5)
        axes.text(across / 2, -1.1, RANKS[array.ndim], ha="center", va="bottom", fontsize=10)
        axes.set(
            xlim=((across - width) / 2 - 0.3, (across + width) / 2 - 0.3),
            ylim=(height - 1.6, -1.8),
            aspect="equal",
        )
        axes.set_axis_off()
    return figure


def memory(
    base: ArrayLike,
    views: Mapping[str, ArrayLike] | None = None,
    *,
    figure: Figure | SubFigure | None = None,
) -> Figure | SubFigure:
    """Draw a tensor and its memory, and which elements each view reads, in which order.

    Args:
        base: a small tensor of at most three axes, contiguous.
        views: {title: tensor}, tensors that share the memory of base, or copies.

    >>> m = pt.reshape(pt.arange(6), (2, 3))
    >>> figure = pt.plot.memory(m, {"m": m, "m.T": m.T})
    """
    views = {"base": base} if views is None else views
    buffer = _small("memory", base)
    arrays = {title: _small("memory", view) for title, view in views.items()}
    left = max(_extent(array)[0] for array in arrays.values()) + 2.2
    heights = [max(_extent(array)[1], 1.6) + 1.6 for array in arrays.values()]
    figure = new_figure(figure, 0.4 * (left + 1.12 * buffer.size), 0.4 * sum(heights))
    rows = figure.subplots(len(arrays), 1, height_ratios=heights, squeeze=False)[:, 0]
    for axes, height, (title, array) in zip(rows, heights, arrays.items(), strict=True):
        _cells(axes, array)
        start = array.__array_interface__["data"][0] - buffer.__array_interface__["data"][0]
        offsets = _offsets(array) + start
        inside = bool(offsets.size) and offsets.min() >= 0 and offsets.max() < buffer.nbytes
        places = offsets.reshape(-1) // buffer.itemsize if inside else np.arange(array.size)
        strip = buffer.reshape(-1) if inside else array.reshape(-1)
        tints = dict(zip(places.tolist(), _tint_of(array), strict=True))
        order = {place: i for i, place in enumerate(places.tolist())}
        for i, value in enumerate(strip):
            _cell(axes, left + 1.12 * i, 0, value, tints.get(i, "white"), 1.12)
            if i in order:
                axes.text(
                    left + 1.12 * (i + 0.5),
                    1.35,
                    str(order[i]),
                    ha="center",
                    va="center",
                    fontsize=7,
                    color=GREY,
                )
        where = "other memory: a copy"
        if inside:
            where = (
                "its memory; below, the order in which it is read"
                if axes is rows[0]
                else "the same memory"
            )
        axes.text(left, -0.75, where, fontsize=8.5)
        axes.text(0, -0.75, f"{title}: shape {array.shape}, strides {array.strides}", fontsize=8.5)
        axes.set(
            xlim=(-0.9, left + 1.12 * buffer.size + 0.1),
            ylim=(height - 1.45, -1.15),
            aspect="equal",
        )
        axes.set_axis_off()
    return figure


def _small(function: str, tensor: ArrayLike) -> np.ndarray:
    array = np.asarray(tensor)
    if array.ndim > 3 or array.size > 200:
        raise ValueError(
            f"{function}: found a tensor of shape {array.shape}: expected at most 3 "
            "axes and 200 elements, to have room for each"
        )
    return array


def _offsets(array):
    """Where each element lies, in bytes from the first."""
    offsets = np.zeros(array.shape, np.intp)
    for indices, step in zip(np.indices(array.shape), array.strides, strict=True):
        offsets += indices * step
    return offsets


def _extent(array):
    """Width and height of a tensor's drawing, in cells."""
    shape = (1,) * (2 - array.ndim) + array.shape
    back = BEHIND * (shape[0] - 1) if array.ndim == 3 else 0
    return shape[-1] + back, shape[-2] + back


def _tint_of(array):
    """A tint per element in C order: each row of the last axis has one."""
    rows = max(1, array.size // max(1, array.shape[-1] if array.ndim else 1))
    of_row = [TINTS[i % len(TINTS)] for i in range(rows)]
    return np.repeat(of_row, array.shape[-1] if array.ndim else 1).tolist()


def _cells(axes, array):
    """The elements, the last axis to the right, the one before down, the first to the back."""
    shape = (1,) * (3 - array.ndim) + array.shape
    values = array.reshape(shape)
    tints = np.array(_tint_of(array), object).reshape(shape)
    for k in reversed(range(shape[0])):
        # the sheet with index 0 is in front, at the lower left
        for i, j in np.ndindex(shape[1:]):
            _cell(
                axes,
                j + BEHIND * k,
                i + BEHIND * (shape[0] - 1 - k),
                values[k, i, j],
                tints[k, i, j],
                1,
            )
    style = {"fontsize": 7.5, "color": GREY, "ha": "center", "va": "center"}
    back = BEHIND * (shape[0] - 1)
    if array.ndim:
        last = array.ndim - 1
        axes.text(back + shape[2] / 2, -0.3, f"axis {last}: {shape[2]}", **style)
    if array.ndim > 1:
        axes.text(
            -0.35, back + shape[1] / 2, f"axis {array.ndim - 2}: {shape[1]}", rotation=90, **style
        )
    if array.ndim == 3:
        axes.text(
            back / 2 - 0.35,
            back / 2 - 0.35,
            f"axis 0: {shape[0]}",
            rotation=45,
            rotation_mode="anchor",
            **style,
        )


def _cell(axes, left, top, value, tint, width):
    from matplotlib.patches import Rectangle

    axes.add_patch(
        Rectangle(
            (left, top), width, 1, facecolor=tint, edgecolor="#555555", linewidth=0.7, zorder=2
        )
    )
    axes.text(
        left + width / 2,
        top + 0.5,
        f"{value:.3g}" if value.dtype.kind == "f" else value,
        ha="center",
        va="center",
        fontsize=8,
        zorder=2,
    )


# ------------------------------------------------------------------------------- the plane


def vector_sum(
    a: ArrayLike, b: ArrayLike, *, figure: Figure | SubFigure | None = None
) -> Figure | SubFigure:
    """Draw a, b and a + b as arrows: b starts at the tip of a.

    Args:
        a, b: vectors of two numbers.
        figure: the figure to draw into; by default a new one.

    Raises:
        ValueError: a vector has another shape.

    >>> figure = pt.plot.vector_sum([1.0, 2.0], [2.0, 0.5])
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    if a.shape != (2,) or b.shape != (2,):
        raise ValueError(f"vector_sum: found shapes {a.shape} and {b.shape}: expected (2,) twice")
    figure = new_figure(figure, 5, 4)
    axes = figure.add_subplot()
    zero = np.zeros(2)
    for start, end, colour, width, text in (
        (zero, a, BLUE, 0.011, "a"),
        (zero, b, ORANGE, 0.011, "b"),
        (a, a + b, "#f0b48f", 0.008, "b, from the tip of a"),
        (zero, a + b, GREEN, 0.011, "a + b"),
    ):
        axes.quiver(
            *start,
            *(end - start),
            color=colour,
            width=width,
            angles="xy",
            scale_units="xy",
            scale=1,
            zorder=3,
        )
        along = end - start
        aside = np.array([-along[1], along[0]]) / (np.hypot(*along) or 1)
        x, y = (start + end) / 2 + 0.22 * aside
        axes.text(
            x,
            y,
            text,
            color=colour if colour[1] != "f" else "#b0602c",
            ha="center",
            va="center",
            fontsize=9,
            rotation_mode="anchor",
            rotation=np.degrees(np.arctan2(along[1], along[0])) if along[0] >= 0 else 0,
        )
    corners = np.stack((zero, a, b, a + b))
    axes.set(
        xlim=(corners[:, 0].min() - 0.6, corners[:, 0].max() + 0.6),
        ylim=(corners[:, 1].min() - 0.6, corners[:, 1].max() + 0.6),
    )
    _plane(axes)
    return figure


# A letter without any symmetry.
LETTER = np.array(
    [
        (0, 0),
        (0, 1.5),
        (1, 1.5),
        (1, 1.2),
        (0.3, 1.2),
        (0.3, 0.9),
        (0.8, 0.9),
        (0.8, 0.6),
        (0.3, 0.6),
        (0.3, 0),
        (0, 0),
    ]
)


def plane_maps(
    maps: Mapping[str, Callable[[np.ndarray], ArrayLike]],
    *,
    figure: Figure | SubFigure | None = None,
) -> Figure | SubFigure:
    """Draw what functions do to the plane: to a grid, a letter F, and the two unit vectors.

    Args:
        maps: {title: function}; each function takes points (n, 2) and returns as many.
        figure: the figure to draw into; by default a new one.

    Raises:
        ValueError: a function returns another shape.

    >>> figure = pt.plot.plane_maps({"twice as large": lambda points: 2 * points})
    """
    results = {"before": lambda points: points, **maps}
    is_new = figure is None
    figure = new_figure(figure, 2.4 * len(results), 2.9)
    panels = figure.subplots(1, len(results), squeeze=False, sharex=True, sharey=True)[0]
    parts = []
    for axes, (title, function) in zip(panels, results.items(), strict=True):

        def moved(points, title=title, function=function):
            result = np.asarray(function(points.astype(np.float32)))
            if result.shape != points.shape:
                raise ValueError(
                    f"plane_maps: {title}: found {result.shape} for points "
                    f"{points.shape}: expected as many points"
                )
            return result

        parts.append(_grid(axes, moved, 2))
        letter = moved(_dense(LETTER))
        axes.fill(*letter.T, facecolor=SKY, alpha=0.75, edgecolor=BLUE, zorder=3)
        origin, *tips = moved(np.array([(0, 0), (1, 0), (0, 1)], float))
        for tip, colour in zip(tips, (ORANGE, PURPLE), strict=True):
            axes.quiver(
                *origin,
                *(tip - origin),
                color=colour,
                angles="xy",
                scale_units="xy",
                scale=1,
                width=0.018,
                zorder=4,
            )
        axes.set_title(title, fontsize=10)
    ends = np.concatenate(parts)
    if is_new:
        width, height = np.ptp(ends, axis=0) + 0.6
        figure.set_figheight(2.2 * height / width + 0.6)  # type: ignore[union-attr]
    for axes in panels:
        axes.set(
            xlim=(ends[:, 0].min() - 0.3, ends[:, 0].max() + 0.3),
            ylim=(ends[:, 1].min() - 0.3, ends[:, 1].max() + 0.3),
        )
        _plane(axes)
    return figure


def _dense(points, steps=12):
    """More points on the lines between the points, so that a bent line is seen to be bent."""
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    return np.concatenate([a + t * (b - a) for a, b in itertools.pairwise(points)] + [points[-1:]])


def _grid(axes, moved, half, step=1.0, centre=(0, 0)):
    """Lines of a grid of squares, moved; returns all their points."""
    ends = []
    for position in np.arange(-half, half + step / 2, step):
        run = np.linspace(-half, half, 121)
        for line in (
            np.stack((np.full_like(run, position), run), axis=1),
            np.stack((run, np.full_like(run, position)), axis=1),
        ):
            ends.append(moved(line + np.asarray(centre)))
            axes.plot(*ends[-1].T, color="#b5b5b5", linewidth=0.8, zorder=1)
    return np.concatenate(ends)


def _plane(axes):
    """The axes of a plane, drawn through 0."""
    axes.axhline(0, color=GREY, linewidth=0.8, zorder=0)
    axes.axvline(0, color=GREY, linewidth=0.8, zorder=0)
    axes.set_aspect("equal")
    axes.tick_params(labelsize=8, length=2, color=GREY)
    axes.spines[:].set_color("#d0d0d0")


def through_layers(
    model: Sequential, x: ArrayLike, labels: ArrayLike, *, figure: Figure | SubFigure | None = None
) -> Figure | SubFigure:
    """Draw two or more classes of points as they come out of each layer of a model, with the grid
    of the input plane bent along.

    Args:
        model: a Sequential, built; its input is (n, 2). Of an output of more than two numbers, the
            two directions of the largest variance are drawn; one number is drawn along a line.
        x: points (n, 2).
        labels: their class numbers (n,).

    Raises:
        ValueError: the shapes differ from these.

    >>> model = pt.models.Sequential([pt.layers.Dense(2, "tanh", input_shape=(2,))])
    >>> points = np.random.default_rng(0).normal(size=(20, 2))
    >>> figure = pt.plot.through_layers(model, points, [0, 1] * 10)
    """
    x, labels = np.asarray(x, np.float32), np.asarray(labels)
    if x.ndim != 2 or x.shape[1] != 2 or labels.shape != x.shape[:1]:
        raise ValueError(
            f"through_layers: found x {x.shape} and labels {labels.shape}: expected (n, 2) and (n,)"
        )
    stages = [("input", lambda points: points)]
    for i, layer in enumerate(model.layers):

        def output(points, last=i):
            for layer in model.layers[: last + 1]:
                points = layer(points)
            return np.asarray(points)

        stages.append((f"after {layer.name}", output))
    rows = -(-len(stages) // 5)
    columns = -(-len(stages) // rows)
    figure = new_figure(figure, 2.4 * columns, 2.6 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    low, high = x.min(axis=0), x.max(axis=0)
    half = float((high - low).max()) / 2 * 1.05
    for axes, (title, function) in zip(panels, stages, strict=False):
        flat, note = _flattened(function(x), labels)
        if flat is not None:
            _grid(
                axes,
                lambda points, f=function, flat=flat: flat(f(points.astype(np.float32))),
                half,
                half / 6,
                (low + high) / 2,
            )
            spots = flat(function(x))
        else:
            spots = _beside(function(x), labels)
        for k, (colour, marker) in enumerate(
            zip((BLUE, ORANGE, GREEN, YELLOW), "o^sD", strict=True)
        ):
            axes.scatter(
                *spots[labels == k].T, s=9, color=colour, marker=marker, zorder=3, linewidths=0
            )
        axes.set_title(title + note, fontsize=9.5)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_color("#d0d0d0")
    for axes in panels[len(stages) :]:
        axes.set_axis_off()
    return figure


def _flattened(output, labels):
    """A function that brings outputs like this one to the plane, or None for single numbers; and
    what to say about it."""
    if output.shape[1] == 1:
        return None, " (one number)"
    if output.shape[1] == 2:
        return lambda values: values, ""
    mean = output.mean(axis=0)
    directions = np.linalg.svd(output - mean, full_matrices=False)[2][:2]
    return lambda values: (values - mean) @ directions.T, f" ({output.shape[1]} numbers)"


def _beside(output, labels):
    """Single numbers along a line, the classes a little apart so that all are seen."""
    within = np.linspace(0, 1, len(output))
    return np.stack((output[:, 0], labels + 0.8 * within), axis=1)
