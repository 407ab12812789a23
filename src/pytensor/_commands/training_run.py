"""A run of `python -m pytensor.train`: checkpoints, the log, and how Ctrl-C ends it."""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import threading
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from pytensor import _commands, callbacks, checkpoints, models
from pytensor import _functions as pt
from pytensor._commands import OutputError, UsageError
from pytensor._commands.training_data import sample_weights
from pytensor._commands.training_options import NAME, noted
from pytensor._support.files import write_atomically
from pytensor.datasets.files import LabelledData

if TYPE_CHECKING:
    from pytensor.distributed import DataParallel


def make_distribution(options: argparse.Namespace) -> DataParallel | None:
    """Return the DataParallel of --distributed, or None without it."""
    if options.distributed is None:
        return None
    from pytensor import distributed

    try:
        return distributed.DataParallel(deterministic=options.deterministic)
    except ImportError as error:
        raise UsageError(f"--distributed: {str(error).removeprefix('DataParallel: ')}") from error
    except ValueError as error:
        raise UsageError(f"--deterministic: {str(error).removeprefix('DataParallel: ')}") from error


def set_threads(count: int) -> None:
    """Set the number of threads; the error names the option."""
    try:
        pt.set_num_threads(count)
    except ValueError as error:
        raise UsageError(f"--threads: {str(error).removeprefix('set_num_threads: ')}") from error


def train(
    options: argparse.Namespace,
    network: models.Sequential,
    data: LabelledData,
    distribution: DataParallel | None = None,
) -> float:
    """Fit the network; save, log and stop as the options say.

    Returns:
        The number of epochs trained; the last may be a part of one.
    """
    used: list[callbacks.Callback] = []
    if options.patience is not None:
        used.append(
            callbacks.EarlyStopping(
                "val_loss", patience=options.patience, restore_best_weights=True
            )
        )
    if options.log is not None:
        used.append(EpochLog(options.log))
    checkpoint = None
    if options.save is not None:
        notes = {"classes": list(data.classes), "options": noted(options)}
        if data.encoding is not None:
            notes["table"] = data.encoding.get_config()
        checkpoint = Checkpoint(options, notes)
        used.append(checkpoint)
    with Interruption(options, checkpoint) as interruption:
        network.fit(
            data.x_train,
            data.y_train,
            epochs=options.epochs,
            batch_size=options.batch_size,
            sample_weight=sample_weights(data, data.y_train),
            validation_split=options.validation_split,
            callbacks=[*used, interruption],
            verbose=0 if options.quiet else "auto",
            distribution=distribution,
        )
    return interruption.steps / interruption.params["steps"]


class Checkpoint(checkpoints.Checkpoint):
    """Writes --save and reads --resume; its errors name the option."""

    model: Any

    def __init__(self, options: argparse.Namespace, notes: dict[str, Any]) -> None:
        """Take the paths from the options; notes are kept in the file."""
        super().__init__(options.save, options.save_every or "epoch", options.resume, notes)
        self._goes_on = options.goes_on

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Restore the run that --resume names."""
        try:
            super().on_train_begin(logs)
        except (OSError, ValueError) as error:
            raise UsageError(f"--resume: {str(error).removeprefix('Checkpoint: ')}") from error
        if self._goes_on:  # more epochs or patience: a run that has stopped early starts again
            self.model.stop_training = False

    def write(self) -> None:
        """Write the model and the state of the run."""
        try:
            super().write()
        except OSError as error:
            raise OutputError("--save", self.path, error) from error


class EpochLog(callbacks.CSVLogger):
    """Writes loss, metrics and learning rate of each epoch, from 1, to a .csv or .jsonl file.

    A checkpoint keeps the lines, so that a resumed run still has one for each epoch.
    """

    model: Any

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Add a line."""
        optimizer = self.model.optimizer
        optimizer.iterations -= 1  # a schedule's rate at the epoch's last step, not at the next
        logs["learning_rate"] = optimizer.learning_rate
        optimizer.iterations += 1
        try:
            if self.filename.suffix == ".csv":
                super().on_epoch_end(epoch + 1, logs)
                return
            self._rows.append({"epoch": epoch + 1, **logs})
            text = "".join(f"{json.dumps(row)}\n" for row in self._rows)
            write_atomically(self.filename, text.encode())
        except OSError as error:
            raise OutputError("--log", self.filename, error) from error


class Interruption(callbacks.Callback):
    """Ends the run on Ctrl-C or SIGTERM: the batch is finished, the checkpoint written, and
    Interrupted raised. A second Ctrl-C ends it at once.

    As a context manager, it installs the signal handlers. With several ranks, all end after the
    same step, because every step tells each rank whether another has had a signal.

    Attributes:
        steps: the number of steps trained.
    """

    model: Any
    params: Any
    runs_last = True

    def __init__(self, options: argparse.Namespace, checkpoint: Checkpoint | None) -> None:
        """Keep what to write and what to say."""
        self._options = options
        self._checkpoint = checkpoint
        self._signal: int | None = None
        self._before: dict[int, Any] = {}
        self.steps = 0

    def __enter__(self) -> Interruption:
        """Install the signal handlers, unless others have been installed."""
        self._before = {}
        if threading.current_thread() is threading.main_thread():
            for number, usual in (
                (signal.SIGINT, signal.default_int_handler),
                (signal.SIGTERM, signal.SIG_DFL),
            ):
                if signal.getsignal(number) == usual:
                    self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Restore the signal handlers."""
        for number, usual in self._before.items():
            signal.signal(number, usual)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self._signal is not None:
            raise KeyboardInterrupt
        self._signal = number

    def _is_over(self) -> bool:
        return self.model.run.distribution.any_signal(self._signal is not None)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Count the step; after a signal, write the checkpoint and end the run."""
        self.steps += 1
        if self._is_over():
            if self._checkpoint is not None:
                self._checkpoint.write()
            self._end()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """End the run after a signal; the checkpoint of the epoch has been written."""
        if self._is_over():
            self._end()

    def _end(self) -> None:
        position = self.model.run.position
        where = f"interrupted after epoch {position.epoch}"
        if position.step:
            where = (
                f"interrupted in epoch {position.epoch + 1} after step {position.step} of "
                f"{self.params['steps']}"
            )
        if self._checkpoint is None:
            kept = "nothing was kept; with --save PATH, the run could be resumed"
        else:
            kept = (
                f"the run is kept. To go on:\n  python -m {NAME} --resume "
                f"{shlex.quote(str(self._options.save))}"
            )
        raise _commands.Interrupted(f"{where}; {kept}", 128 + (self._signal or signal.SIGINT))
