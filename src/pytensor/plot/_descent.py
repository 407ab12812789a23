"""Pictures of functions and of descents on them: tangents, and paths of optimizers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pytensor import _functions as pt
from pytensor._autodiff.transforms import value_and_grad
from pytensor.plot._figures import BLUE, GREEN, GREY, ORANGE, PURPLE, YELLOW, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure
    from numpy.typing import ArrayLike

    from pytensor._core import Tensor

# The paths differ in colour, marker and line style.
STYLES = (
    (ORANGE, "o", "-"),
    (BLUE, "s", "--"),
    (GREEN, "^", "-."),
    (PURPLE, "D", ":"),
    (YELLOW, "v", "-"),
)
LABEL = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}


def tangent(
    f: Callable[[Tensor], Tensor],
    xs: ArrayLike,
    low: float,
    high: float,
    *,
    figure: Figure | SubFigure | None = None,
) -> Figure | SubFigure:
    """Draw a function and its tangents, whose slopes are its derivatives there.

    Args:
        f: takes a tensor and works element by element.
        xs: a number, or several: where the tangents touch.
        low, high: the interval to draw.

    >>> figure = pt.plot.tangent(pt.sin, [0.0, 1.0], low=-3, high=3)
    """
    figure = new_figure(figure, 6, 3.6)
    axes = figure.add_subplot()
    bottom, top = _curve(axes, f, low, high)
    reach = (high - low) / 7
    for i, x in enumerate(np.atleast_1d(np.asarray(xs, float))):
        value, slope = (part.item() for part in value_and_grad(f)(float(x)))
        colour = STYLES[i % len(STYLES)][0]
        ends = np.array([x - reach, x + reach])
        axes.plot(ends, value + slope * (ends - x), color=colour, linewidth=2, zorder=3)
        axes.plot(x, value, "o", color=colour, zorder=4)
        # above the line, to the side where it falls
        flat = abs(slope) * reach < 0.05 * (top - bottom)
        aside, align = (0, "center") if flat else (-9, "right") if slope > 0 else (9, "left")
        axes.annotate(
            f"slope {slope:.2f}",
            (x, value),
            xytext=(aside, 6),
            textcoords="offset points",
            ha=align,
            color=colour,
            fontsize=9,
            bbox=LABEL,
        )
    axes.set(ylim=(bottom - 0.1 * (top - bottom), top + 0.15 * (top - bottom)))
    return figure


def descent(
    f: Callable[[Tensor], Tensor],
    paths: Mapping[str, ArrayLike],
    low: float,
    high: float,
    *,
    figure: Figure | SubFigure | None = None,
) -> Figure | SubFigure:
    """Draw a function of one variable and the steps of descents on it, one panel for each.

    Args:
        f: takes a tensor and works element by element.
        paths: {title: [x of each step]}.
        low, high: the interval to draw.

    >>> figure = pt.plot.descent(pt.square, {"three steps": [2.0, 1.0, 0.5]}, low=-2, high=2)
    """
    figure = new_figure(figure, (4.4 if len(paths) < 3 else 3.1) * len(paths) + 0.4, 3.2)
    panels = figure.subplots(1, len(paths), squeeze=False, sharey=True)[0]
    for axes, (title, path), style in zip(panels, paths.items(), STYLES, strict=False):
        _curve(axes, f, low, high)
        x = np.asarray(path, float).ravel()
        y = np.asarray(f(pt.asarray(x)))
        _steps(axes, x, y, style)
        to_the_right = x[min(1, len(x) - 1)] > x[0]  # where the curve falls, there is room above
        axes.annotate(
            "start",
            (x[0], y[0]),
            xytext=(8 if to_the_right else -8, 3),
            fontsize=9,
            textcoords="offset points",
            ha="left" if to_the_right else "right",
            bbox=LABEL,
        )
        axes.set_title(f"{title}: {len(x) - 1} steps", fontsize=10)
    for axes in panels[1:]:
        axes.set_ylabel("")
    return figure


def surface(
    f: Callable[[Tensor, Tensor], Tensor],
    path: ArrayLike,
    low: float | Sequence[float] = -2.0,
    high: float | Sequence[float] = 2.0,
    *,
    labels: Sequence[str] = ("x", "y", "f(x, y)"),
    figure: Figure | SubFigure | None = None,
) -> Figure | SubFigure:
    """Draw a function of two variables as a landscape and as a map, with a descent on it.

    Args:
        f: takes two tensors, x and y, and works element by element.
        path: points (steps, 2).
        low, high: the range to draw; numbers, or pairs for x and y.
        labels: of the three axes.

    >>> figure = pt.plot.surface(lambda x, y: x ** 2 + y ** 2, [[1.0, 1.0], [0.2, 0.2]])
    """
    x, y, z = _landscape(f, low, high)
    path = np.asarray(path, float)
    height = np.asarray(f(pt.asarray(path[:, 0]), pt.asarray(path[:, 1])))
    figure = new_figure(figure, 9.4, 4)
    left, right = figure.subfigures(  # type: ignore[misc]
        1, 2, width_ratios=(1.1, 1)
    )
    left = left.add_subplot(projection="3d")
    left.plot_surface(x, y, z, cmap="cividis", alpha=0.6, linewidth=0, rcount=60, ccount=60)
    left.plot(*path.T, height + 0.02 * np.ptp(z), "o-", color=ORANGE, markersize=3, zorder=10)
    left.set(xlabel=labels[0], ylabel=labels[1], zlabel=labels[2])
    left.view_init(40, -60)
    left.tick_params(labelsize=7)
    right = right.add_subplot()
    _map(right, x, y, z)
    right.set(xlabel=labels[0], ylabel=labels[1])
    _steps(right, path[:, 0], path[:, 1], STYLES[0])
    return figure


def race(
    f: Callable[[Tensor, Tensor], Tensor],
    paths: Mapping[str, ArrayLike],
    low: float | Sequence[float] = -2.0,
    high: float | Sequence[float] = 2.0,
    *,
    figure: Figure | SubFigure | None = None,
) -> Figure | SubFigure:
    """Draw a function of two variables as a map with several descents, and their heights by step.

    Args:
        f: takes two tensors, x and y, and works element by element; its values are positive.
        paths: {name: points (steps, 2)}.
        low, high: the range to draw; numbers, or pairs for x and y.

    >>> paths = {"a": [[-1.0, 1.0], [0.0, 0.0]], "b": [[-1.0, 1.0], [-0.5, 0.5]]}
    >>> figure = pt.plot.race(lambda x, y: x ** 2 + y ** 2, paths)
    """
    x, y, z = _landscape(f, low, high)
    figure = new_figure(figure, 9.6, 4.1)
    left, right = figure.subplots(1, 2)
    _map(left, x, y, z)
    for (name, path), (colour, mark, line) in zip(paths.items(), STYLES, strict=False):
        path = np.asarray(path, float)
        height = np.asarray(f(pt.asarray(path[:, 0]), pt.asarray(path[:, 1])))
        every = max(1, len(path) // 12)
        style = {
            "color": colour,
            "marker": mark,
            "linestyle": line,
            "markevery": every,
            "markersize": 4,
            "linewidth": 1.5,
            "label": name,
        }
        left.plot(*path.T, **style)
        right.plot(height, **style)
    left.set(xlim=(x.min(), x.max()), ylim=(y.min(), y.max()))
    right.set(yscale="log", xlabel="step", title="f, by step")
    right.title.set_fontsize(10)
    right.grid(alpha=0.3)
    right.legend(frameon=False, fontsize=9)
    right.spines[["top", "right"]].set_visible(False)
    return figure


def _curve(axes, f, low, high):
    """The function as a line; returns its least and its largest value."""
    x = np.linspace(low, high, 400)
    y = np.asarray(f(pt.asarray(x)))
    axes.plot(x, y, color="black", linewidth=1.2)
    axes.set(xlabel="x", ylabel="f(x)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    return y.min(), y.max()


def _steps(axes, x, y, style):
    """Points and the arrows between them; the last point is a star."""
    colour, mark, _ = style
    axes.quiver(
        x[:-1],
        y[:-1],
        np.diff(x),
        np.diff(y),
        angles="xy",
        scale_units="xy",
        scale=1,
        color=colour,
        width=0.004,
        headwidth=5,
        zorder=3,
        alpha=0.8,
    )
    axes.plot(x[:-1], y[:-1], mark, color=colour, markersize=3.5, zorder=4)
    axes.plot(x[-1], y[-1], "*", color=colour, markersize=13, markeredgecolor="black", zorder=5)


def _landscape(f, low, high):
    """x, y and f(x, y) on a grid."""
    (x_low, y_low), (x_high, y_high) = (np.broadcast_to(low, 2), np.broadcast_to(high, 2))
    x, y = np.meshgrid(np.linspace(x_low, x_high, 121), np.linspace(y_low, y_high, 121))
    return x, y, np.asarray(f(pt.asarray(x), pt.asarray(y)))


def _map(axes, x, y, z):
    """Lines of equal height; the darker, the lower."""
    low = z.min()
    levels = low + (z.max() - low) * np.linspace(0, 1, 15) ** 2  # more of them where it is flat
    axes.contourf(x, y, z, levels=levels, cmap="cividis", alpha=0.35)
    axes.contour(x, y, z, levels=levels, colors=GREY, linewidths=0.5)
    axes.set(xlabel="x", ylabel="y")
    if np.isclose(np.ptp(x), np.ptp(y)):
        axes.set_aspect("equal")  # then ways and lines of equal height meet at right angles
    axes.tick_params(labelsize=8)
