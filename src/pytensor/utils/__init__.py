"""Small helpers around training."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np

from pytensor import _functions as pt
from pytensor import random
from pytensor._autodiff.trees import leaves
from pytensor._support.arguments import integer
from pytensor._support.names import missing

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike

    from pytensor._core import Tensor

__all__ = [
    "TimeseriesDataset",
    "clear_session",
    "pad_sequences",
    "plot_model",
    "set_random_seed",
    "timeseries_dataset_from_array",
    "to_categorical",
]


def to_categorical(labels: ArrayLike, num_classes: SupportsIndex | None = None) -> Tensor:
    """Turn class numbers into one-hot rows: label k becomes a row of zeros with a 1 at k.

    Args:
        labels: integers >= 0, of shape (n,).
        num_classes: the length of a row, an integer >= 1; by default the largest label plus 1.

    Returns:
        A float32 Tensor of shape (n, num_classes).

    Raises:
        TypeError: the labels or num_classes are not integers.
        ValueError: the labels are not one-dimensional or are out of range; num_classes is below 1,
            or missing although there are no labels.

    >>> pt.utils.to_categorical([0, 2, 1])
    Tensor([[1., 0., 0.],
            [0., 0., 1.],
            [0., 1., 0.]], dtype=float32)
    """
    numbers = np.asarray(labels)
    if numbers.dtype.kind not in "iu" and numbers.size:
        raise TypeError(f"to_categorical: labels of {numbers.dtype}: expected integers")
    if numbers.ndim != 1:
        raise ValueError(f"to_categorical: labels of shape {numbers.shape}: expected (n,)")
    if num_classes is None:
        if not numbers.size:
            raise ValueError("to_categorical: no labels: num_classes is needed")
        length = int(numbers.max()) + 1
    else:
        length = integer("to_categorical: num_classes", num_classes, 1)
    if numbers.size and (numbers.min() < 0 or numbers.max() >= length):
        wrong = numbers.min() if numbers.min() < 0 else numbers.max()
        raise ValueError(f"to_categorical: label {wrong}: expected 0 ... {length - 1}")
    rows = np.zeros((len(numbers), length), np.float32)
    rows[np.arange(len(numbers)), numbers.astype(np.intp)] = 1
    return pt.asarray(rows)


def clear_session() -> None:
    """Do nothing: models share no state, and names of layers count within each model.

    Programs for Keras call it between models.

    >>> pt.utils.clear_session()
    """


def plot_model(
    model: Any,
    to_file: Any = "model.png",
    show_shapes: bool = False,
    show_layer_names: bool = True,
    show_dtype: bool = False,
) -> Any:
    """Draw the layers of a model and how they are connected, as a picture.

    Args:
        model: A Model from inputs to outputs, or a Sequential whose input shape is known.
        to_file: The file, in a format of Matplotlib by its ending; None for none.
        show_shapes: Whether to write the shapes of the outputs.
        show_layer_names: Whether to write the names of the layers.
        show_dtype: Whether to write the dtypes of the outputs.

    Returns:
        The picture, a matplotlib.figure.Figure.

    Raises:
        ImportError: Matplotlib is missing.
        AttributeError: The model has no graph of layers yet.

    >>> model = pt.models.Sequential([pt.layers.Dense(2, input_shape=(3,))])
    >>> figure = pt.utils.plot_model(model, None, show_shapes=True)
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError(
            "plot_model needs Matplotlib: pip install 'pytensor-kernels[plot]'"
        ) from None
    first = [tensor.node for tensor in model.inputs]
    depths: dict[Any, int] = dict.fromkeys(first, 0)
    for node in model.calls:
        depths[node] = 1 + max((depths.get(t.node, 0) for t in node.inputs), default=0)
    rows: list[list[Any]] = [[] for _ in range(max(depths.values()) + 1)]
    for node, depth in depths.items():
        rows[depth].append(node)
    texts = {node: _caption(node, show_shapes, show_layer_names, show_dtype) for node in depths}
    width = max(len(line) for text in texts.values() for line in text.splitlines()) * 0.11 + 0.4
    height = 0.3 + 0.2 * max(len(text.splitlines()) for text in texts.values())
    across = max(map(len, rows))
    figure = Figure(figsize=(across * (width + 0.4), len(rows) * (height + 0.5)), layout="tight")
    axes = figure.add_subplot()
    axes.axis("off")
    places = {
        node: ((k + 0.5 + (across - len(row)) / 2) * (width + 0.4), -depth * (height + 0.5))
        for depth, row in enumerate(rows)
        for k, node in enumerate(row)
    }
    for node, (x, y) in places.items():
        axes.text(
            x,
            y,
            texts[node],
            ha="center",
            va="center",
            fontsize=9,
            bbox={"boxstyle": "round", "facecolor": "white"},
        )
        for source in {id(t.node): t.node for t in node.inputs}.values():
            above = places[source]
            axes.annotate(
                "",
                (x, y + height / 2),
                (above[0], above[1] - height / 2),
                arrowprops={"arrowstyle": "->"},
            )
    axes.set_xlim(0, across * (width + 0.4))
    axes.set_ylim(-len(rows) * (height + 0.5) + 0.3, height)
    if to_file is not None:
        figure.savefig(to_file, dpi=96)
    return figure


def _caption(node: Any, shapes: bool, names: bool, dtypes: bool) -> str:
    """What the box of a call says."""
    layer = node.layer
    kind = type(layer).__name__
    lines = [f"{layer.name} ({kind})" if names else kind]
    for tensor in leaves(node.outputs):
        parts = [str(tensor.shape)] * shapes + [str(tensor.dtype)] * dtypes
        if parts:
            lines.append(" ".join(parts))
    return "\n".join(lines)


def set_random_seed(seed: int | Sequence[int]) -> None:
    """Seed everything random in this package: initial weights, shuffling, dropout, `pt.random`.

    Args:
        seed: an integer, at least 0, or a sequence of them.

    Raises:
        TypeError: seed is not an integer.
        ValueError: seed is negative.

    >>> pt.utils.set_random_seed(0)
    """
    random.seed(seed)


def pad_sequences(
    sequences: Sequence[Any],
    maxlen: SupportsIndex | None = None,
    dtype: DTypeLike = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0,
) -> np.ndarray:
    """Put sequences of different lengths into one array.

    Args:
        sequences: lists or arrays; elements may be numbers, or arrays of one shape.
        maxlen: the length of all rows; by default that of the longest sequence.
        dtype: the dtype of the array; object for strings.
        padding: where short sequences get `value`: "pre" (at the beginning) or "post".
        truncating: where long sequences are cut: "pre" or "post".
        value: what fills the rows.

    Returns:
        An ndarray of shape (len(sequences), maxlen, ...).

    Raises:
        TypeError: an element is not a sequence; maxlen is not an integer.
        ValueError: padding or truncating is something else; elements differ in shape.

    >>> pt.utils.pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2)
    array([[0, 1],
           [2, 3],
           [5, 6]], dtype=int32)
    """
    for name, where in (("padding", padding), ("truncating", truncating)):
        if where not in ("pre", "post"):
            raise ValueError(f"pad_sequences: {name}: found {where!r}: expected 'pre' or 'post'")
    for number, sequence in enumerate(sequences):
        if not hasattr(sequence, "__len__") or isinstance(sequence, (str, bytes)):
            raise TypeError(
                f"pad_sequences: sequence {number}: found {sequence!r:.80}: expected a list"
            )
    longest = max(map(len, sequences), default=0)
    length = longest if maxlen is None else integer("pad_sequences: maxlen", maxlen, 0)
    first: Any = next((sequence for sequence in sequences if len(sequence)), [])
    shape = np.asarray(first).shape[1:]
    rows = np.full((len(sequences), length, *shape), value, dtype)
    for number, (row, sequence) in enumerate(zip(rows, sequences, strict=True)):
        kept = np.asarray(sequence[-length:] if truncating == "pre" else sequence[:length], dtype)
        if not len(kept) or not length:
            continue
        if kept.shape[1:] != shape:
            raise ValueError(
                f"pad_sequences: sequence {number}: elements of shape {kept.shape[1:]}: "
                f"expected {shape}, as in those before"
            )
        if padding == "pre":
            row[length - len(kept) :] = kept
        else:
            row[: len(kept)] = kept
    return rows


class TimeseriesDataset:
    """Batches of windows of a series; see `timeseries_dataset_from_array`. It can be iterated over
    again and again, so it can be given to `fit`.

    >>> data = pt.utils.timeseries_dataset_from_array(np.arange(10), None, 3, batch_size=4)
    >>> len(data)
    2
    """

    def __init__(
        self,
        data: np.ndarray,
        targets: np.ndarray | None,
        starts: np.ndarray,
        offsets: np.ndarray,
        batch_size: int | None,
        shuffle: bool,
        seed: int | None,
    ) -> None:
        """Keep the series; `timeseries_dataset_from_array` checks the arguments.

        Args:
            data: the series, (steps, ...).
            targets: the target of the window that starts at each step, or None.
            starts: the first steps of the windows.
            offsets: the steps of a window, counted from its first one.
            batch_size: the number of windows in a batch; None for single windows.
            shuffle: whether each iteration takes the windows in a new order.
            seed: of these orders; None to draw them from `pt.random`.
        """
        self._data, self._targets = data, targets
        self._starts, self._offsets = starts, offsets
        self._batch_size, self._shuffle = batch_size, shuffle
        self._generator = None if seed is None else np.random.default_rng(seed)

    def __len__(self) -> int:
        """Return the number of batches."""
        return -(-len(self._starts) // (self._batch_size or 1))

    def __iter__(self) -> Iterator[Any]:
        """Yield the batches: x (batch, length, ...), or (x, targets)."""
        starts = self._starts
        if self._shuffle:
            starts = (self._generator or random.generator()).permutation(starts)
        size = self._batch_size
        for first in range(0, len(starts), size or 1):
            some = starts[first] if size is None else starts[first : first + size]
            x = self._data[some[..., None] + self._offsets]
            yield x if self._targets is None else (x, self._targets[some])


def timeseries_dataset_from_array(
    data: ArrayLike,
    targets: ArrayLike | None,
    sequence_length: SupportsIndex,
    sequence_stride: SupportsIndex = 1,
    sampling_rate: SupportsIndex = 1,
    batch_size: SupportsIndex | None = 128,
    shuffle: bool = False,
    seed: SupportsIndex | None = None,
    start_index: SupportsIndex | None = None,
    end_index: SupportsIndex | None = None,
) -> TimeseriesDataset:
    """Cut a series into windows, for `fit`, `evaluate` and `predict`.

    Args:
        data: the series, (steps, ...); the windows are copied batch by batch.
        targets: (steps, ...): targets[i] belongs to the window that starts at step i; None for
            windows without targets.
        sequence_length: the number of steps in a window.
        sequence_stride: the number of steps from the start of a window to that of the next one.
        sampling_rate: the number of steps from one element of a window to the next one.
        batch_size: the number of windows in a batch; None for single windows.
        shuffle: whether to take the windows in a new order in each epoch.
        seed: an integer that decides these orders; by default they come from `pt.random`.
        start_index: the first step in use; by default the first one.
        end_index: the step before which the windows end; by default behind the last one.

    Returns:
        An iterable of batches: ndarrays x (batch, sequence_length, ...), or pairs (x, targets).

    Raises:
        TypeError: an argument is not an integer.
        ValueError: an argument is out of range, or no window fits in.

    >>> batches = pt.utils.timeseries_dataset_from_array(np.arange(6), np.arange(6) + 3, 3)
    >>> for x, y in batches:
    ...     print(x.tolist(), y.tolist())
    [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5]] [3, 4, 5, 6]
    """
    name = "timeseries_dataset_from_array"
    series = np.asarray(data)
    if series.ndim == 0:
        raise ValueError(f"{name}: data: found a scalar: expected (steps, ...)")
    steps = len(series)
    length, stride, rate = (
        integer(f"{name}: {argument}", value, 1)
        for argument, value in (
            ("sequence_length", sequence_length),
            ("sequence_stride", sequence_stride),
            ("sampling_rate", sampling_rate),
        )
    )
    size = None if batch_size is None else integer(f"{name}: batch_size", batch_size, 1)
    start = 0 if start_index is None else integer(f"{name}: start_index", start_index, 0)
    end = steps if end_index is None else integer(f"{name}: end_index", end_index, 1)
    if not start < end <= steps:
        raise ValueError(
            f"{name}: start_index {start}, end_index {end}: expected 0 <= start < end <= {steps}, "
            "the length of data"
        )
    windows = end - start - (length - 1) * rate
    labels = None
    if targets is not None:
        labels = np.asarray(targets)[start:end]
        windows = min(windows, len(labels))
    if windows < 1:
        raise ValueError(
            f"{name}: sequence_length {length} at sampling_rate {rate}: no window fits into "
            f"{end - start} steps" + ("" if labels is None else f" with {len(labels)} targets")
        )
    return TimeseriesDataset(
        series[start:end],
        labels,
        np.arange(0, windows, stride),
        np.arange(length) * rate,
        size,
        bool(shuffle),
        None if seed is None else integer(f"{name}: seed", seed, 0),
    )


if not TYPE_CHECKING:  # type checkers would take any name for one of the module

    def __getattr__(name):
        if name == "np_utils":
            return importlib.import_module("pytensor.utils.np_utils")
        raise missing("utils", name, globals())
