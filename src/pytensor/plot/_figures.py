"""Shared by all pictures: figures without pyplot, files, colours, and grids of images."""

from __future__ import annotations

import functools
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pytensor._support.arguments import integer
from pytensor._support.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure
    from numpy.typing import ArrayLike

# The palette of Okabe and Ito (2008), made for any colour vision.
BLUE, ORANGE, GREEN, PURPLE, SKY, YELLOW = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#E69F00",
)
GREY = "#767676"
SIGNED = "PuOr_r"  # purple below 0, orange above, white at 0
INK = "gray_r"  # images of digits: 0 is paper, the largest value ink

FORMATS = (".png", ".svg", ".pdf")


def new_figure(figure: Figure | SubFigure | None, width: float, height: float) -> Any:
    """Return figure, or if it is None a new one of this size in inches."""
    if figure is not None:
        return figure
    return _figure_class()(figsize=(width, height), layout="constrained")


@functools.cache
def _figure_class() -> type[Figure]:
    """matplotlib's Figure, which a notebook shows without %matplotlib inline."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "pytensor.plot: matplotlib is missing: pip install 'pytensor-kernels[plot]'"
        ) from error

    def _repr_png_(self: Figure) -> bytes:
        content = io.BytesIO()
        self.savefig(content, format="png", dpi=100)
        return content.getvalue()

    return type("Figure", (Figure,), {"__module__": __name__, "_repr_png_": _repr_png_})


def __getattr__(name: str) -> Any:
    if name == "Figure":  # where pickle looks for the class
        return _figure_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def check_path(path: str | os.PathLike[str]) -> None:
    """Check, before there is a picture, that one can be drawn and written to path.

    Raises:
        ImportError: matplotlib is missing; the message names the extra.
        ValueError: the name does not end in .png, .svg or .pdf.
        OSError: path exists and is not a regular file, or its directory does not exist.

    >>> pt.plot.check_path("picture.png")
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise ValueError(
            f"{path}: found a name that ends in {path.suffix!r}: expected one of "
            f"{', '.join(FORMATS)}"
        )
    if path.exists() and not path.is_file():
        raise OSError(f"{path}: exists and is not a regular file")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no directory {path.parent}")
    _figure_class()


def save(figure: Figure, path: str | os.PathLike[str], dpi: float = 100) -> None:
    """Write a figure to a file, completely or not at all.

    The same figure makes the same bytes: no date is written.

    Args:
        figure: the figure.
        path: a name that ends in .png, .svg or .pdf.
        dpi: dots per inch, for a PNG.

    Raises:
        ImportError, ValueError: see check_path.
        OSError: the file cannot be written.

    >>> from tempfile import mkdtemp
    >>> pt.plot.save(pt.plot.vector_sum([1.0, 2.0], [2.0, 0.5]), f"{mkdtemp()}/sum.png")
    """
    check_path(path)
    format = Path(path).suffix.lower()[1:]
    date = {"svg": "Date", "pdf": "CreationDate"}.get(format)
    content = io.BytesIO()
    import matplotlib

    with matplotlib.rc_context({"svg.hashsalt": "pytensor"}):  # else names inside are random
        figure.savefig(content, format=format, dpi=dpi, metadata={date: None} if date else None)
    write_atomically(path, content.getvalue())


def images(
    x: ArrayLike,
    captions: Sequence[str] | None = None,
    *,
    columns: int | None = None,
    figure: Figure | SubFigure | None = None,
    title: str | None = None,
    cmap: str = INK,
    limits: tuple[float, float] | None = None,
    image_shape: Sequence[int] | None = None,
) -> Figure | SubFigure:
    """Show samples as a grid of images.

    Args:
        x: (n, height, width), (n, height, width, 3 or 4), or rows (n, length): with image_shape
            those become images, without they are drawn as bars from 0.
        captions: n texts, one below each image.
        columns: images side by side; by default about twice as many as there are rows.
        title: above the grid.
        cmap: a colour map; by default 0 is paper and the largest value ink.
        limits: the values (low, high) at the ends of the colour map; by default the smallest and
            the largest of x.
        image_shape: (height, width) of a row.

    Raises:
        ValueError: x is empty or of another rank, captions are not n, or image_shape has another
            number of elements than a row.

    >>> figure = pt.plot.images(np.random.default_rng(0).random((6, 8, 8)), columns=3)
    """
    x = as_images("images", x, image_shape)
    n = len(x)
    if captions is not None and len(captions) != n:
        raise ValueError(f"images: {len(captions)} captions: expected {n}, one for each image")
    columns = (
        min(n, max(1, round((2 * n) ** 0.5)))
        if columns is None
        else integer("images: columns", columns, 1)
    )
    rows = -(-n // columns)
    low, high = (x.min(), x.max()) if limits is None else limits
    ratio = 0.6 if x.ndim == 2 else x.shape[1] / x.shape[2]  # height of a tile of width 1
    lines = 0 if captions is None else max(caption.count("\n") + 1 for caption in captions)
    down = ratio + 0.12 + 0.19 * lines
    figure = new_figure(figure, 0.9 * columns, 0.82 * rows * down + (0.4 if title else 0.1))
    axes = figure.add_subplot()
    axes.set_axis_off()
    for i, image in enumerate(x):
        left, top = 1.12 * (i % columns), down * (i // columns)
        extent = (left, left + 1, top + ratio, top)
        if image.ndim == 1:
            _bars(axes, image, extent, low, high)
        else:
            axes.imshow(image, cmap=cmap, vmin=low, vmax=high, extent=extent)
        axes.plot(
            [left, left + 1, left + 1, left, left],
            [top, top, top + ratio, top + ratio, top],
            color="#d0d0d0",
            linewidth=0.6,
        )
        if captions is not None:
            axes.text(
                left + 0.5,
                top + ratio + 0.05,
                captions[i],
                ha="center",
                va="top",
                fontsize=8,
                linespacing=1.1,
            )
    axes.set(xlim=(-0.03, 1.12 * columns - 0.09), ylim=(down * rows, -0.05), aspect="equal")
    if title:
        axes.set_title(title, fontsize=10)
    return figure


def as_images(name: str, x: ArrayLike, image_shape: Sequence[int] | None = None) -> np.ndarray:
    """Samples as an ndarray that can be drawn: (n, length), (n, h, w) or (n, h, w, 3 or 4)."""
    x = np.asarray(x)
    if image_shape is not None:
        if x.ndim < 2 or x[:1].size != np.prod(image_shape) * len(x[:1]):
            raise ValueError(
                f"{name}: image_shape {tuple(image_shape)}: found x of shape {x.shape}"
            )
        x = x.reshape(len(x), *image_shape)
    if x.ndim == 4 and x.shape[3] == 1:
        x = x[..., 0]
    coloured = x.ndim == 4 and x.shape[3] in (3, 4)
    if x.size == 0 or not (x.ndim in (2, 3) or coloured):
        raise ValueError(
            f"{name}: x of shape {x.shape}: expected images (n, height, width) or rows (n, length)"
        )
    return x


def _bars(axes, row, extent, low, high):
    """A row of numbers as bars in a tile, from the line of 0."""
    left, right, bottom, top = extent
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (bottom - top) / ((high - low) or 1.0)
    zero = bottom + low * scale
    # one shape for the row: a Rectangle for each of 784 numbers would take a second
    axes.stairs(
        zero - scale * row,
        np.linspace(left, right, len(row) + 1),
        baseline=zero,
        fill=True,
        color=BLUE,
    )
