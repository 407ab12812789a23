"""Pictures of a training's result: curves, confusions, mistakes, weights, and all on one page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pytensor._support.arguments import integer
from pytensor.plot._figures import BLUE, GREY, ORANGE, SIGNED, as_images, images, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.patches import Rectangle
    from numpy.typing import ArrayLike

    from pytensor.callbacks import History
    from pytensor.models import Sequential


def curves(
    history: History | Mapping[str, Sequence[float]],
    names: Iterable[str] | None = None,
    *,
    figure: Figure | SubFigure | None = None,
) -> Figure | SubFigure:
    """Draw loss and metrics by epoch, of training and validation.

    Args:
        history: the History that fit returns, or its dictionary {name: [value of each epoch]}.
        names: what to draw, a list of names without "val_"; by default all.

    Raises:
        ValueError: the history is empty or has no such name.

    >>> figure = pt.plot.curves({"loss": [0.9, 0.5, 0.4], "val_loss": [0.8, 0.6, 0.6]})
    """
    values: Any = getattr(history, "history", history)
    known = [name for name in values if not name.startswith("val_")]
    names = known if names is None else list(names)
    missing = [name for name in names if name not in values]
    if missing or not names or not len(values[names[0]]):
        raise ValueError(
            f"curves: history: found no values of "
            f"{', '.join(missing) or 'any epoch'}: it has "
            f"{', '.join(known) or 'nothing'}"
        )
    count = len(values[names[0]])
    epochs = [epoch + 1 for epoch in getattr(history, "epoch", ())] or range(1, count + 1)
    figure = new_figure(figure, 4.2 * len(names), 3.2)
    for axes, name in zip(np.atleast_1d(figure.subplots(1, len(names))), names, strict=True):
        axes.plot(epochs, values[name], "o-", color=BLUE, markersize=4, label="training")
        if f"val_{name}" in values:
            axes.plot(
                epochs, values[f"val_{name}"], "s--", color=ORANGE, markersize=4, label="validation"
            )
        axes.legend(frameon=False)
        axes.set(xlabel="epoch", title=name.replace("_", " "))
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def confusion_matrix(
    labels: ArrayLike,
    predicted: ArrayLike,
    class_names: Sequence[str] | None = None,
    *,
    figure: Figure | SubFigure | None = None,
) -> Figure | SubFigure:
    """Show how many samples of each class (rows) a network predicts as each class (columns).

    Args:
        labels: the true class numbers, integers (n,) from 0.
        predicted: the predicted class numbers, integers (n,).
        class_names: a text for each class; by default its number.

    Raises:
        ValueError: the lengths differ, there are no samples, or a class has no name.

    >>> figure = pt.plot.confusion_matrix([0, 1, 1], [0, 1, 0])
    """
    labels, predicted = np.asarray(labels), np.asarray(predicted)
    if labels.shape != predicted.shape or labels.ndim != 1 or labels.size == 0:
        raise ValueError(
            f"confusion_matrix: labels {labels.shape} and predicted "
            f"{predicted.shape}: expected class numbers of the same samples, (n,)"
        )
    n = int(max(labels.max(), predicted.max())) + 1
    _check_range("confusion_matrix", np.minimum(labels, predicted), n)
    class_names = _names("confusion_matrix", class_names, n)
    n = len(class_names)
    counts = np.bincount(labels.astype(np.intp) * n + predicted, minlength=n * n).reshape(n, n)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    np.fill_diagonal(shares, 0)  # correct counts would hide the errors
    figure = new_figure(figure, 5.4, 5.2)
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Oranges", vmin=0, vmax=max(0.01, 1.3 * shares.max()))
    if n <= 20:
        for i, j in np.ndindex(n, n):
            if counts[i, j]:
                axes.text(
                    j,
                    i,
                    str(counts[i, j]),
                    ha="center",
                    va="center",
                    fontsize=9 if n <= 10 else 6,
                    fontweight="bold" if i == j else None,
                )
    for i in range(n):
        axes.add_patch(_square(i))
    every = max(1, n // 20)
    axes.set_xticks(range(0, n, every), class_names[::every])
    axes.set_yticks(range(0, n, every), class_names[::every])
    axes.tick_params(length=0)
    if max(map(len, class_names)) > 3:
        axes.tick_params(axis="x", rotation=40)
        for label in axes.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")
    right = counts.trace()
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.set_title(
        f"Confusion matrix: {right:,} of {labels.size:,} right ({100 * right / labels.size:.2f} %)",
        fontsize=10,
    )
    return figure


def _square(i: int) -> Rectangle:
    from matplotlib.patches import Rectangle

    return Rectangle((i - 0.5, i - 0.5), 1, 1, facecolor="none", edgecolor=GREY, linewidth=0.8)


def mistakes(
    x: ArrayLike,
    labels: ArrayLike,
    probabilities: ArrayLike,
    count: int = 18,
    *,
    image_shape: Sequence[int] | None = None,
    class_names: Sequence[str] | None = None,
    figure: Figure | SubFigure | None = None,
) -> Figure | SubFigure:
    """Show the samples that a network got wrong most confidently: the lowest probability of the
    true class comes first.

    Args:
        x: the samples, as `images` takes them.
        labels: their true class numbers, integers (n,) from 0.
        probabilities: the network's outputs, (n, classes).
        count: how many to show at most.
        image_shape: (height, width) of a row of x.
        class_names: a text for each class; by default its number.

    Raises:
        ValueError: the lengths or the classes do not fit.

    >>> x, labels = np.zeros((2, 8, 8)), [0, 1]
    >>> figure = pt.plot.mistakes(x, labels, [[0.2, 0.8], [0.1, 0.9]])
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    samples: Any = x
    if (
        probabilities.ndim != 2
        or labels.shape != probabilities.shape[:1]
        or len(samples) != len(labels)
    ):
        raise ValueError(
            f"mistakes: x {np.shape(x)}, labels {labels.shape} and probabilities "
            f"{probabilities.shape}: expected (n, ...), (n,) and (n, classes)"
        )
    _check_range("mistakes", labels, probabilities.shape[1])
    names = _names("mistakes", class_names, probabilities.shape[1])
    guessed = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(guessed != labels)
    worst = wrong[np.argsort(probabilities[wrong, labels[wrong]], kind="stable")]
    worst = worst[: integer("mistakes: count", count, 1)]
    if not worst.size:
        figure = new_figure(figure, 5.4, 1)
        return _note(figure, f"No mistakes among {labels.size:,} samples")
    captions = [
        f"{names[guessed[i]]} ({100 * probabilities[i, guessed[i]]:.0f} %)\nis {names[labels[i]]}"
        for i in worst
    ]
    # np.stack: x may be a tensor, which does not take arrays of integers as an index
    return images(
        np.stack([np.asarray(samples[int(i)]) for i in worst]),
        captions,
        columns=6,
        figure=figure,
        image_shape=image_shape,
        title=f"The worst of {wrong.size:,} mistakes: predicted class (probability), true class",
    )


def weights(
    kernel: ArrayLike,
    count: int = 40,
    *,
    image_shape: Sequence[int] | None = None,
    figure: Figure | SubFigure | None = None,
) -> Figure | SubFigure:
    """Show the weights of the units of a first layer, one image for each unit.

    Args:
        kernel: (inputs, units), the layer's kernel.
        count: how many units to show at most, those with the largest weights (Euclidean norm).
        image_shape: (height, width) of a sample; without it, weights are drawn as bars.

    Raises:
        ValueError: kernel is not a matrix, or image_shape does not have `inputs` elements.

    >>> kernel = np.random.default_rng(0).normal(size=(64, 4))
    >>> figure = pt.plot.weights(kernel, image_shape=(8, 8))
    """
    kernel = np.asarray(kernel)
    if kernel.ndim != 2:
        raise ValueError(f"weights: kernel of shape {kernel.shape}: expected (inputs, units)")
    norms = np.linalg.norm(kernel, axis=0)
    largest = np.argsort(-norms, kind="stable")[: integer("weights: count", count, 1)]
    chosen = as_images("weights", kernel.T[largest], image_shape)
    limit = float(np.quantile(np.abs(chosen), 0.998)) or 1.0
    if chosen.ndim == 4:  # colours: grey is 0
        chosen = np.clip(0.5 + chosen / (2 * limit), 0, 1)
    which = "" if len(largest) == len(norms) else f" {len(largest)} of"
    colours = ": orange > 0, purple < 0" if chosen.ndim == 3 else ""
    return images(
        chosen,
        columns=8,
        figure=figure,
        cmap=SIGNED,
        limits=(-limit, limit),
        title=f"First layer,{which} {len(norms)} units{colours}",
    )


def report(
    model: Sequential,
    x: ArrayLike,
    y: ArrayLike,
    history: History | Mapping[str, Sequence[float]] | None = None,
    *,
    image_shape: Sequence[int] | None = None,
    class_names: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw one page about a trained classifier: curves, confusion matrix, worst mistakes, and
    the weights of the first layer.

    Args:
        model: its outputs are probabilities, (n, classes), or (n, 1) for two classes.
        x: samples for the model, preferably ones it was not trained on.
        y: their class numbers (n,) or (n, 1), or one-hot rows (n, classes).
        history: a History or its dictionary; by default that of the model's last fit.
        image_shape: (height, width) of a sample, where x has rows: images are drawn, not bars.
        class_names: a text for each class; by default its number.
        title: above the page.

    Returns:
        A Figure; write it with `save`.

    Raises:
        ValueError: the data do not match the model.

    >>> model = pt.models.Sequential([pt.layers.Dense(2, "softmax", input_shape=(4,))])
    >>> figure = pt.plot.report(model, np.random.default_rng(0).random((6, 4)), [0, 1] * 3)
    """
    probabilities = np.asarray(model.predict(x, batch_size=1024, verbose=0))
    labels = _class_numbers(y, probabilities)
    if probabilities.ndim != 2:
        raise ValueError(f"report: the model gives {probabilities.shape}: expected (n, classes)")
    if probabilities.shape[1] == 1:
        probabilities = np.hstack((1 - probabilities, probabilities))
    _check_range("report", labels, probabilities.shape[1])
    class_names = _names("report", class_names, probabilities.shape[1])
    shown: Any = model.history if history is None else history
    kernel = next((w for w in model.weights if w.ndim == 2), None)
    figure = new_figure(None, 14, 10)
    if title:
        figure.suptitle(title, fontsize=13)
    upper, lower = figure.subfigures(2, 1, height_ratios=(1, 1.05))
    left, right = upper.subfigures(1, 2, width_ratios=(1.7, 1))
    values: Any = getattr(shown, "history", shown)
    if values:
        curves(shown, [name for name in values if not name.startswith("val_")][:2], figure=left)
    else:
        _note(left, "not trained in this run: no curves")
    confusion_matrix(labels, probabilities.argmax(axis=1), class_names, figure=right)
    left, right = lower.subfigures(1, 2)
    mistakes(
        x, labels, probabilities, image_shape=image_shape, class_names=class_names, figure=left
    )
    if kernel is None:
        _note(right, "no layer with a kernel")
    else:
        same = image_shape if image_shape and np.prod(image_shape) == kernel.shape[0] else None
        weights(kernel, image_shape=same, figure=right)
    return figure


def _class_numbers(y, probabilities):
    """The labels as integers (n,), from one-hot rows or numbers."""
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == probabilities.shape[-1] > 1:
        return y.argmax(axis=1)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1 or len(y) != len(probabilities) or (y.size and (y != np.floor(y)).any()):
        raise ValueError(
            f"report: y of shape {y.shape}: expected class numbers (n,) or one-hot "
            f"rows {probabilities.shape}"
        )
    return y.astype(np.intp)


def _check_range(function, labels, n):
    """Class numbers are 0 ... n - 1."""
    if labels.size == 0 or labels.min() < 0 or labels.max() >= n:
        found = [*labels[(labels < 0) | (labels >= n)], "none"][0]
        raise ValueError(f"{function}: labels: found {found}: expected class numbers 0 ... {n - 1}")


def _note(figure, text):
    """Say why there is no picture."""
    figure.text(0.5, 0.5, text, ha="center", va="center")
    return figure


def _names(function, names, n):
    """A text for each of n classes or more."""
    if names is None:
        return [str(i) for i in range(n)]
    if len(names) < n:
        raise ValueError(f"{function}: class_names: {len(names)} names: expected {n}")
    return [str(name) for name in names]
