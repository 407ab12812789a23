"""What `python -m pytensor.train` shows: the lines before and after the training, and --plot."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pytensor import _functions as pt
from pytensor import callbacks, models
from pytensor._commands import OutputError, UsageError, check_writable, grouped
from pytensor._commands.training_data import kind_of, sample_weights, samples_to_train_with
from pytensor._commands.training_options import flag
from pytensor._support.files import as_model_path
from pytensor.datasets.files import LabelledData

if TYPE_CHECKING:
    from pytensor.distributed import DataParallel


def check_outputs(options: argparse.Namespace) -> None:
    """Find out before the training whether the files it makes can be written.

    Raises:
        UsageError: one cannot.
    """
    for option in ("save", "log", "plot"):
        path = getattr(options, option)
        if path is not None:
            check_writable(flag(option), path)
    if options.save is not None:
        try:
            as_model_path("--save", options.save)
        except ValueError as error:
            raise UsageError(str(error)) from error
    if options.plot is not None:
        from pytensor import plot

        try:
            plot.check_path(options.plot)
        except (ImportError, ValueError, OSError) as error:
            raise UsageError(f"--plot: {error}") from error


def describe(
    options: argparse.Namespace,
    name: str,
    data: LabelledData,
    network: models.Sequential,
    distribution: DataParallel | None = None,
) -> str:
    """Return the lines that say what is about to be trained on what."""
    sizes = "-".join(
        map(str, (math.prod(data.x_train.shape[1:]), *options.hidden, len(data.classes) or 1))
    )
    threads = pt.get_num_threads()
    ranks = 1 if distribution is None else distribution.size
    lines = [
        f"{name}: {grouped(len(data.x_train))} training and {grouped(len(data.x_test))} test "
        f"{kind_of(data)}",
        f"network {sizes}: {grouped(network.count_params())} parameters, {options.optimizer}, "
        f"batches of {options.batch_size}, {f'{ranks} processes of ' * (ranks > 1)}"
        f"{threads} thread{'s' * (threads > 1)}",
    ]
    if data.encoding is not None:
        kinds = [column["kind"] for column in data.encoding.columns]
        texts = len(kinds) - kinds.count("number")
        lines.append(
            f"{'classes' if data.classes else 'values'} of {data.encoding.target} from "
            f"{len(kinds)} column{'s' * (len(kinds) != 1)}"
            f"{f', {texts} of them text' * bool(texts)}"
        )
        lines += [f"left out: {left}: {why}" for left, why in data.encoding.left_out.items()]
    return "\n".join(lines)


def result(
    options: argparse.Namespace,
    network: models.Sequential,
    data: LabelledData,
    epochs: float,
    seconds: float,
) -> str:
    """Evaluate the network on the test set and return the line with the result."""
    loss, metric = network.evaluate(
        data.x_test,
        data.y_test,
        batch_size=options.batch_size,
        sample_weight=sample_weights(data, data.y_test),
        verbose=0,
    )
    if epochs:
        rate = grouped(round(epochs * samples_to_train_with(options, data) / seconds))
        work = f"{epochs:g} epoch{'s' * (epochs != 1)} in {seconds:.1f} s, {rate} {kind_of(data)}/s"
    else:
        work = "nothing was left to train"
    found = (
        f"test accuracy {metric:.4f}"
        if data.classes
        else f"mean absolute error {callbacks.shown(metric)}"
    )
    return f"test loss {callbacks.shown(loss)}, {found}; {work}"


def draw(
    options: argparse.Namespace, name: str, network: models.Sequential, data: LabelledData
) -> None:
    """Draw the report about the trained network to the file of --plot.

    Raises:
        OutputError: the file cannot be written.
    """
    from pytensor import plot

    figure = _figure(options, name, network, data)
    try:
        plot.save(figure, options.plot)
    except OSError as error:
        raise OutputError("--plot", options.plot, error) from error


def _figure(
    options: argparse.Namespace, name: str, network: models.Sequential, data: LabelledData
) -> Any:
    """The report of a classifier; the curves of a regression."""
    from pytensor import plot

    if not data.classes:
        history: Any = network.history
        return plot.curves(history)
    return plot.report(
        network,
        data.x_test,
        data.y_test,
        class_names=data.classes,
        image_shape=_image_shape(data.x_test),
        title=f"{name}: {'-'.join(map(str, options.hidden))} hidden units, {options.optimizer}",
    )


def _image_shape(x: np.ndarray) -> tuple[int, ...] | None:
    """The shape in which to draw a sample as an image; None for one that is not an image."""
    if x.ndim != 2:
        return x.shape[1:]
    side = math.isqrt(x.shape[1])
    is_square = x.dtype == np.uint8 and side >= 8 and side**2 == x.shape[1]
    return (side, side) if is_square else None
