"""Callbacks: what happens besides training, at the start and end of runs, epochs and batches.

Logs are dictionaries of floats: the loss and the metrics by name, and in the logs of an epoch the
same for the validation data, with val_ in front. The trainer calls a batch hook only where a
callback defines it.
"""

from __future__ import annotations

import csv
import functools
import importlib.util
import inspect
import io
import math
import os
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict, Unpack

import numpy as np

from pytensor._support import html
from pytensor._support.arguments import integer, lookup, number
from pytensor._support.files import as_model_path, as_path, check_writable, write_atomically
from pytensor._support.names import missing
from pytensor._support.packages import needed

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgressBar",
    "ProgressLine",
    "ReduceLROnPlateau",
    "TensorBoard",
    "TerminateOnNaN",
]

Logs = dict[str, Any] | None

_OfRun: TypeAlias = Callable[[dict[str, float]], object] | None
_OfPart: TypeAlias = (
    Callable[[int, dict[str, float]], object] | None
)  # the number of the epoch or batch


class Hooks(TypedDict, total=False):
    """The hooks, and the functions that LambdaCallback takes for them."""

    on_train_begin: _OfRun
    on_train_end: _OfRun
    on_epoch_begin: _OfPart
    on_epoch_end: _OfPart
    on_train_batch_begin: _OfPart
    on_train_batch_end: _OfPart
    on_test_begin: _OfRun
    on_test_end: _OfRun
    on_test_batch_begin: _OfPart
    on_test_batch_end: _OfPart
    on_predict_begin: _OfRun
    on_predict_end: _OfRun
    on_predict_batch_begin: _OfPart
    on_predict_batch_end: _OfPart


HOOKS = tuple(Hooks.__annotations__)


class Callback:
    """Base class: every hook does nothing.

    Attributes:
        model: The model that runs.
        params: A dictionary with "epochs", "steps" (batches per epoch or run) and "verbose".
        runs_last: Whether fit calls it after all callbacks for which this is False.
        only_shows: Whether it only writes files or to the screen, so that of many ranks (see
            distributed) only rank 0 calls it.
        kept: The names of the attributes that a checkpoint keeps, since they change in training.

    >>> class Stop(pt.callbacks.Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         self.model.stop_training = logs["loss"] < 0.1
    ...
    >>> model = pt.models.Sequential([pt.layers.Dense(1, input_shape=(2,))])
    >>> model.compile("sgd", "mse")
    >>> history = model.fit(np.zeros((8, 2)), np.zeros(8), epochs=9, verbose=0,
    ...                     callbacks=[Stop()])
    >>> history.epoch
    [0]
    """

    model: Any = None
    params: Any = None
    runs_last: bool = False
    only_shows: bool = False
    kept: tuple[str, ...] = ()

    def set_model(self, model: Any) -> None:
        """Keep the model that runs."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Keep the numbers of the run."""
        self.params = params

    def on_train_begin(self, logs: Logs = None) -> None:
        """Called at the start of fit."""

    def on_train_end(self, logs: Logs = None) -> None:
        """Called at the end of fit, with the last epoch's logs; not if it ends with an error."""

    def close(self) -> None:
        """Called last by fit, even if it ends with an error."""

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Called at the start of an epoch; epochs count from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Called at the end of an epoch, after the validation."""

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Called before a step of training; batches count from 0."""

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Called after a step of training, with the means over the epoch so far."""

    def on_test_begin(self, logs: Logs = None) -> None:
        """Called at the start of evaluate and of a validation."""

    def on_test_end(self, logs: Logs = None) -> None:
        """Called at the end of evaluate and of a validation."""

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Called before a batch is evaluated."""

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Called after a batch was evaluated, with the means so far."""

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Called at the start of predict."""

    def on_predict_end(self, logs: Logs = None) -> None:
        """Called at the end of predict."""

    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Called before a batch is predicted."""

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Called after a batch was predicted; logs["outputs"] are its outputs."""


def listed(callbacks: Any) -> list[Any]:
    """Return the callbacks given to fit and the like as a list; one alone will do, as in Keras.

    Raises:
        TypeError: It is neither a callback nor a list or tuple.
    """
    if callbacks is None:
        return []
    if isinstance(callbacks, Callback):
        return [callbacks]
    if not isinstance(callbacks, (list, tuple)):
        raise TypeError(f"callbacks: found {callbacks!r}: expected a list of callbacks")
    return list(callbacks)


class CallbackList:
    """Several callbacks as one.

    Attributes:
        callbacks: The list of them.
        hooks: For each hook, the list of the methods that do anything.
        ends_at_nan: Whether one of them ends training at a loss that is not finite.

    >>> model = pt.models.Sequential([pt.layers.Dense(1, input_shape=(2,))])
    >>> pt.callbacks.CallbackList([pt.callbacks.History()], model).hooks["on_train_begin"]
    []
    """

    params: Any = None

    def __init__(self, callbacks: Iterable[Callback], model: Any) -> None:
        """Give every callback the model.

        Raises:
            TypeError: One is not a Callback.
        """
        self.callbacks = list(callbacks)
        for callback in self.callbacks:
            if not isinstance(callback, Callback):
                raise TypeError(
                    f"callbacks: found {callback!r}: expected objects of a subclass of "
                    "callbacks.Callback"
                )
            callback.set_model(model)
        self.ends_at_nan = any(isinstance(callback, TerminateOnNaN) for callback in self.callbacks)
        self.hooks = {
            hook: [
                getattr(callback, hook) for callback in self.callbacks if _defines(callback, hook)
            ]
            for hook in HOOKS
        }

    def set_params(self, **params: Any) -> None:
        """Give every callback the numbers of the run."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def run(self, hook: str, *arguments: Any) -> None:
        """Call a hook of all callbacks."""
        for method in self.hooks[hook]:
            method(*arguments)


def _defines(callback: Callback, hook: str) -> bool:
    return getattr(getattr(callback, hook), "__func__", None) is not getattr(Callback, hook)


class History(Callback):
    """What fit returns: the logs of all epochs.

    Attributes:
        epoch: The numbers of the epochs, from 0.
        history: Maps each name in the logs to its values, epoch by epoch.

    >>> model = pt.models.Sequential([pt.layers.Dense(1, input_shape=(2,))])
    >>> model.compile("sgd", "mse")
    >>> history = model.fit(np.zeros((8, 2)), np.zeros(8), epochs=2, verbose=0)
    >>> history.history
    {'loss': [0.0, 0.0]}
    """

    kept = ("epoch", "history")

    def __init__(self) -> None:
        """Start empty."""
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}

    def _repr_html_(self) -> str:
        return html.history(self.epoch, self.history)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Append the epoch's values."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)


class LambdaCallback(Callback):
    """Functions as a callback: LambdaCallback(on_epoch_end=lambda epoch, logs: print(logs)).

    >>> model = pt.models.Sequential([pt.layers.Dense(1, input_shape=(2,))])
    >>> model.compile("sgd", "mse")
    >>> show = pt.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs))
    >>> history = model.fit(np.zeros((8, 2)), np.zeros(8), epochs=2, verbose=0, callbacks=[show])
    0 {'loss': 0.0}
    1 {'loss': 0.0}
    """

    def __init__(self, **hooks: Unpack[Hooks]) -> None:
        """Take functions by the name of their hook.

        Raises:
            TypeError: A name is not that of a hook.
        """
        for hook, function in hooks.items():
            if hook not in HOOKS:
                raise TypeError(
                    f"LambdaCallback: unknown hook {hook!r}: known are {', '.join(HOOKS)}"
                )
            if function is not None:
                setattr(self, hook, function)


class TerminateOnNaN(Callback):
    """Ends training at a loss that is NaN or infinite, where fit would raise FloatingPointError.

    >>> model = pt.models.Sequential([pt.layers.Dense(1, input_shape=(1,))])
    >>> model.compile("sgd", "mse")
    >>> end = pt.callbacks.TerminateOnNaN()
    >>> history = model.fit([[np.inf]], [[0.0]], epochs=5, verbose=0, callbacks=[end])
    Batch 0: the loss is inf: training ends
    >>> history.epoch
    [0]
    """

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Stop if the loss is not finite."""
        loss = (logs or {}).get("loss", 0)
        if not math.isfinite(loss):
            print(f"Batch {batch}: the loss is {loss}: training ends")
            self.model.stop_training = True


# -------------------------------------------------------------------------------- checkpoints


class Resuming(Callback):
    """Base of the callbacks that write checkpoints and put a run back to one. fit calls them after
    the others."""

    runs_last = True
    _rate: float | None = None
    _steps = 0

    def write(self) -> None:
        """Write the checkpoint."""
        raise NotImplementedError

    def _write_every(self, name: str, save_freq: int | str) -> None:
        """Write after every epoch, and after every save_freq steps unless it is "epoch"."""
        if save_freq != "epoch":
            self._every = save_freq = integer(f"{name}: save_freq", save_freq, 1)
            self.on_train_batch_end = self._count_step  # type: ignore[method-assign]
        self.save_freq = save_freq

    def _resume(self, name: str, path: Path, may_be_missing: bool) -> None:
        """Put the model back to a checkpoint."""
        found = self.model.read_checkpoint(f"{name}: {path}", path, may_be_missing)
        if found and self.model.run.position.step:
            self._rate = self.model.optimizer.learning_rate

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """In the middle of an epoch, undo what a schedule has done a second time."""
        if self._rate is not None and self.model.optimizer.learning_rate != self._rate:
            self.model.optimizer.learning_rate = self._rate
        self._rate = None

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write the checkpoint."""
        self.write()

    def _count_step(self, batch: int, logs: Logs = None) -> None:
        self._steps += 1
        if self._steps % self._every == 0:
            self.write()


class BackupAndRestore(Resuming):
    """Keeps a checkpoint while fit runs, and goes on from it if fit was interrupted.

    So fit, called again in the same way, ends with the weights of a run without an interruption.
    With checkpoints.Checkpoint the file and when it is written can be chosen.

    >>> from tempfile import mkdtemp
    >>> model = pt.models.Sequential([pt.layers.Dense(1, input_shape=(2,))])
    >>> model.compile("sgd", "mse")
    >>> keep = pt.callbacks.BackupAndRestore(mkdtemp())
    >>> model.fit(np.zeros((8, 2)), np.zeros(8), epochs=2, verbose=0, callbacks=[keep]).epoch
    [0, 1]
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: int | str = "epoch",
        *,
        delete_checkpoint: bool = True,
    ) -> None:
        """Choose the directory.

        Args:
            backup_dir: Where to keep the checkpoint; it is made if it does not exist.
            save_freq: "epoch", or an integer n: after every n steps as well.
            delete_checkpoint: Whether to delete the checkpoint at the end of fit.

        Raises:
            TypeError: backup_dir is not a path, or save_freq has the wrong type.
            ValueError: save_freq is below 1.
        """
        self.backup_dir = as_path("BackupAndRestore", backup_dir)
        self.path = self.backup_dir / "latest.safetensors"
        self._write_every("BackupAndRestore", save_freq)
        self.delete_checkpoint = bool(delete_checkpoint)

    def on_train_begin(self, logs: Logs = None) -> None:
        """Go back to where the run was.

        Raises:
            OSError: The checkpoint cannot be read, or the directory cannot be made.
            ValueError: The checkpoint is not one of this model, data or optimizer.
        """
        self.backup_dir.mkdir(parents=True, exist_ok=True)
        self._resume("BackupAndRestore", self.path, may_be_missing=True)

    def write(self) -> None:
        """Write the checkpoint."""
        self.model.write_checkpoint("BackupAndRestore", self.path)

    def on_train_end(self, logs: Logs = None) -> None:
        """Delete the checkpoint, if that was asked for."""
        if self.delete_checkpoint and self.model.run.distribution.is_first:
            self.path.unlink(missing_ok=True)


# -------------------------------------------------------------------- by the value of a metric


class _Monitor(Callback):
    """Base class for callbacks that watch a value in the logs, which should fall or rise."""

    kept: tuple[str, ...] = ("best",)

    def __init__(self, monitor: str, mode: str, min_delta: float = 0) -> None:
        if not isinstance(monitor, str):
            raise TypeError(
                f"{type(self).__name__}: monitor: found {monitor!r}: expected a name in the logs"
            )
        self.monitor = monitor
        self.mode = lookup("mode", mode, {name: name for name in ("auto", "min", "max")})
        self.min_delta = abs(number(f"{type(self).__name__}: min_delta", min_delta))
        self.best: float | None = None

    def current(self, logs: Logs) -> float:
        """Return the monitored value.

        Raises:
            ValueError: The logs do not have it.
        """
        if logs is None or self.monitor not in logs:
            raise ValueError(
                f"{type(self).__name__}: monitor {self.monitor!r} is not in the logs: "
                f"known are {', '.join(logs or {})} (val_ needs validation data)"
            )
        return logs[self.monitor]

    def improves(self, value: float, reference: float | None) -> bool:
        """Return whether value is better than reference by more than min_delta.

        Any number is better than None.
        """
        if reference is None:
            return not math.isnan(value)
        sign = 1 if self._rises() else -1
        return sign * value > sign * reference + self.min_delta

    def _rises(self) -> bool:
        """Whether more is better."""
        if self.mode != "auto":
            return self.mode == "max"
        name = self.monitor.removeprefix("val_")
        return name.endswith(("acc", "accuracy")) or any(
            metric.rises for metric in getattr(self.model, "accumulated", ()) if metric.name == name
        )


class EarlyStopping(_Monitor):
    """Stops training when a monitored value has not improved for `patience` epochs.

    An improvement is a change by more than min_delta in the right direction.

    >>> model = pt.models.Sequential([pt.layers.Dense(1, input_shape=(2,))])
    >>> model.compile("sgd", "mse")
    >>> stop = pt.callbacks.EarlyStopping("loss", patience=2)
    >>> history = model.fit(np.zeros((8, 2)), np.zeros(8), epochs=9, verbose=0, callbacks=[stop])
    >>> history.epoch
    [0, 1, 2]
    """

    kept = ("wait", "stopped_epoch", "best", "best_epoch", "best_weights")

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        """Choose what to watch.

        Args:
            monitor: A name in the logs.
            min_delta: What an improvement must exceed.
            patience: The epochs without an improvement; 0 behaves like 1.
            verbose: 1 prints a line when training stops.
            mode: "min" or "max" is best; or "auto", which asks the metric, and else takes "min".
            baseline: A value to be better than, or None.
            restore_best_weights: At the end, go back to the weights of the best epoch.
            start_from_epoch: Epochs before this one do not count.

        Raises:
            TypeError: monitor is not a name, or a number has the wrong type.
            ValueError: mode is unknown, or a number is out of range.
        """
        super().__init__(monitor, mode, min_delta)
        self.patience = integer("EarlyStopping: patience", patience, 0)
        self.verbose = verbose
        self.baseline = None if baseline is None else number("EarlyStopping: baseline", baseline)
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = integer("EarlyStopping: start_from_epoch", start_from_epoch, 0)
        self.on_train_begin()

    def on_train_begin(self, logs: Logs = None) -> None:
        """Start again."""
        self.wait = 0
        self.stopped_epoch = 0
        self.best = None
        self.best_epoch = 0
        self.best_weights: list[np.ndarray] | None = None

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Stop the model if there was no improvement for too long.

        Raises:
            ValueError: The logs do not have the monitored value.
        """
        current = self.current(logs)
        if epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep(epoch)
        self.wait += 1
        if self.improves(current, self.best):
            self.best = current
            self._keep(epoch)
            if self.baseline is None or self.improves(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs = None) -> None:
        """Go back to the best weights, if asked to."""
        if self.stopped_epoch and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                print(f"Restoring the weights of the best epoch, {self.best_epoch + 1}")
            self.model.set_weights(self.best_weights)

    def _keep(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()


class ModelCheckpoint(_Monitor):
    """Writes the model, or its weights, after every epoch, every best epoch or every n batches.

    For a run that can be resumed after an interruption, see checkpoints.Checkpoint.

    >>> import os
    >>> from tempfile import mkdtemp
    >>> folder = mkdtemp()
    >>> model = pt.models.Sequential([pt.layers.Dense(1, input_shape=(2,))])
    >>> model.compile("sgd", "mse")
    >>> keep = pt.callbacks.ModelCheckpoint(f"{folder}/{{epoch}}.safetensors")
    >>> history = model.fit(np.zeros((8, 2)), np.zeros(8), epochs=2, verbose=0, callbacks=[keep])
    >>> sorted(os.listdir(folder))
    ['1.safetensors', '2.safetensors']
    """

    only_shows = True

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: int | str = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        """Choose what to write, and when.

        Args:
            filepath: The path; it may name the epoch, from 1, the batch and the logs:
                "model.{epoch:02d}-{val_loss:.2f}.safetensors".
            monitor: As for EarlyStopping; for save_best_only.
            verbose: 1 prints a line for each file.
            save_best_only: Write only if the monitored value has improved.
            save_weights_only: Write the weights without the architecture.
            mode: As for EarlyStopping.
            save_freq: "epoch", or an integer: write after this many batches.
            initial_value_threshold: What the first value must be better than.

        Raises:
            TypeError: filepath is not a path, or a number has the wrong type.
            ValueError: The file's ending is that of another format, or a number is out of range.
        """
        super().__init__(monitor, mode)
        self.filepath = str(as_model_path("ModelCheckpoint", filepath))
        self.verbose = verbose
        self.save_best_only = bool(save_best_only)
        self.save_weights_only = bool(save_weights_only)
        self.best = (
            None
            if initial_value_threshold is None
            else number("ModelCheckpoint: initial_value_threshold", initial_value_threshold)
        )
        self.save_freq = save_freq
        if save_freq != "epoch":
            self._every = self.save_freq = integer("ModelCheckpoint: save_freq", save_freq, 1)
            self.on_train_batch_end = self._count_batch  # type: ignore[method-assign]
        self._epoch = self._batches = 0

    def on_train_begin(self, logs: Logs = None) -> None:
        """Check that there is a directory to write to.

        Raises:
            OSError: There is none, or it cannot be written to.
        """
        check_writable(self.filepath)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Keep the number of the epoch."""
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write, unless that is done after batches."""
        if self.save_freq == "epoch":
            self._write(logs)

    def _count_batch(self, batch: int, logs: Logs = None) -> None:
        self._batches += 1
        if self._batches % self._every == 0:
            self._write(logs, batch + 1)

    def _write(self, logs: Logs, batch: int | None = None) -> None:
        if self.save_best_only:
            current = self.current(logs)
            if not self.improves(current, self.best):
                return
            self.best = current
        names = {"epoch": self._epoch + 1, **({} if batch is None else {"batch": batch})}
        names |= logs or {}
        try:
            path = self.filepath.format(**names)
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(
                f"ModelCheckpoint: filepath {self.filepath!r}: {error}: expected one "
                f"of {', '.join(names)}"
            ) from None
        (self.model.save_weights if self.save_weights_only else self.model.save)(path)
        if self.verbose:
            print(f"Epoch {self._epoch + 1}: written to {path}")


class ReduceLROnPlateau(_Monitor):
    """Multiplies the learning rate by `factor` when a value has not improved for `patience` epochs.

    After that it waits for `cooldown` epochs before it counts again.

    >>> model = pt.models.Sequential([pt.layers.Dense(1, input_shape=(2,))])
    >>> model.compile("sgd", "mse")
    >>> plateau = pt.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1)
    >>> history = model.fit(np.zeros((8, 2)), np.zeros(8), epochs=3, verbose=0,
    ...                     callbacks=[plateau])
    >>> model.optimizer.learning_rate
    0.0025
    """

    kept = ("best", "wait", "cooldown_counter")

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        """Choose what to watch.

        Args:
            monitor: As for EarlyStopping, as are verbose, mode and min_delta.
            factor: In [0, 1).
            patience: The epochs without an improvement; 0 behaves like 1.
            verbose: 1 prints a line when the rate falls.
            mode: "min", "max" or "auto".
            min_delta: What an improvement must exceed.
            cooldown: The epochs to wait after the rate has fallen.
            min_lr: The rate never falls below it.

        Raises:
            TypeError: monitor is not a name, or a number has the wrong type.
            ValueError: mode is unknown, or a number is out of range.
        """
        super().__init__(monitor, mode, min_delta)
        self.factor = number("ReduceLROnPlateau: factor", factor, 0, 1, below_high=True)
        self.patience = integer("ReduceLROnPlateau: patience", patience, 0)
        self.verbose = verbose
        self.cooldown = integer("ReduceLROnPlateau: cooldown", cooldown, 0)
        self.min_lr = number("ReduceLROnPlateau: min_lr", min_lr, 0)
        self.on_train_begin()

    def on_train_begin(self, logs: Logs = None) -> None:
        """Start again."""
        self.best = None
        self.wait = self.cooldown_counter = 0

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Lower the rate if there was no improvement for too long.

        Raises:
            ValueError: The logs do not have the monitored value.
        """
        current, optimizer = self.current(logs), self.model.optimizer
        rate = _log_rate(optimizer, logs)
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.wait = 0
        if self.improves(current, self.best):
            self.best = current
            self.wait = 0
        elif self.cooldown_counter <= 0:
            self.wait += 1
            if self.wait >= self.patience and rate > self.min_lr:
                optimizer.learning_rate = max(rate * self.factor, self.min_lr)
                self.cooldown_counter = self.cooldown
                self.wait = 0
                if self.verbose:
                    print(
                        f"Epoch {epoch + 1}: the learning rate falls to {optimizer.learning_rate:g}"
                    )


class LearningRateScheduler(Callback):
    """Sets the learning rate at the start of every epoch.

    For a rate that changes from step to step, give the optimizer one of `schedules`.

    >>> model = pt.models.Sequential([pt.layers.Dense(1, input_shape=(2,))])
    >>> model.compile("sgd", "mse")
    >>> halve = pt.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    >>> history = model.fit(np.zeros((8, 2)), np.zeros(8), epochs=2, verbose=0, callbacks=[halve])
    >>> model.optimizer.learning_rate
    0.0025
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        """Take the schedule.

        Args:
            schedule: A function of the epoch, from 0, and the rate before, or of the epoch alone.
            verbose: 1 prints a line for each epoch.

        Raises:
            TypeError: schedule is not a function.
        """
        if not callable(schedule):
            raise TypeError(
                f"LearningRateScheduler: schedule: found {schedule!r}: expected a "
                "function of the epoch and the learning rate"
            )
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Set the rate."""
        rate = self.model.optimizer.learning_rate
        try:
            inspect.signature(self.schedule).bind(epoch, rate)
        except TypeError:
            rate = self.schedule(epoch)
        else:
            rate = self.schedule(epoch, rate)
        self.model.optimizer.learning_rate = rate
        if self.verbose:
            print(f"Epoch {epoch + 1}: the learning rate is {rate:g}")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Add the rate to the logs."""
        _log_rate(self.model.optimizer, logs)


def _log_rate(optimizer: Any, logs: Logs) -> float:
    """The learning rate, which goes into the logs as well."""
    rate = optimizer.learning_rate
    if logs is not None:
        logs["learning_rate"] = rate
    return rate


# --------------------------------------------------------------------------------- into files


class CSVLogger(Callback):
    """Writes the logs of each epoch to a file, as a line of comma-separated values.

    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp(), "log.csv")
    >>> model = pt.models.Sequential([pt.layers.Dense(1, input_shape=(2,))])
    >>> model.compile("sgd", "mse")
    >>> history = model.fit(np.ones((8, 2)), np.ones(8), verbose=0,
    ...                     callbacks=[pt.callbacks.CSVLogger(path)])
    >>> path.read_text().splitlines()[0]
    'epoch,loss'
    """

    only_shows = True
    kept = ("_rows", "_before")

    def __init__(self, filename: Any, separator: str = ",", append: bool = False) -> None:
        """Choose the file.

        Args:
            filename: Its path.
            separator: What separates the values.
            append: Keep the lines that are there, instead of replacing the file. A value for which
                a line has no column is NA.

        Raises:
            TypeError: filename is not a path.
        """
        self.filename = as_path("CSVLogger", filename)
        self.separator = separator
        self.append = bool(append)
        self._before: list[list[str]] = []  # of the file: its names of columns, then its rows
        self._rows: list[dict[str, Any]] = []

    def on_train_begin(self, logs: Logs = None) -> None:
        """Begin, or read the lines to append to.

        Raises:
            OSError: The file cannot be read or written.
            ValueError: The file to append to is not a table with a column epoch.
        """
        check_writable(self.filename)
        self._rows = []
        self._before = []
        if self.append and self.filename.exists():
            with open(self.filename, encoding="utf-8", newline="") as file:
                self._before = [row for row in csv.reader(file, delimiter=self.separator) if row]
            if self._before and "epoch" not in self._before[0]:
                raise ValueError(
                    f"CSVLogger: {self.filename}: the first line is "
                    f"{self._before[0]}: expected names of columns, epoch among them, "
                    f"separated by {self.separator!r}"
                )

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Add a line. The whole file is written each time, so that it never ends in half a line."""
        self._rows.append({"epoch": epoch, **(logs or {})})
        known, *before = self._before or [[]]
        names = list(dict.fromkeys([*known, *(name for row in self._rows for name in row)]))
        text = io.StringIO()
        table = csv.writer(text, delimiter=self.separator, lineterminator="\n")
        table.writerow(names)
        table.writerows([*row, *["NA"] * (len(names) - len(row))] for row in before)
        table.writerows([row.get(name, "NA") for name in names] for row in self._rows)
        write_atomically(self.filename, text.getvalue().encode())


class TensorBoard(Callback):
    """Writes loss, metrics and learning rate for TensorBoard (needs pytensor-kernels[tensorboard]):
    tensorboard --logdir logs.

    >>> from tempfile import mkdtemp
    >>> board = pt.callbacks.TensorBoard(mkdtemp())  # then: fit(..., callbacks=[board])
    """

    only_shows = True

    def __init__(
        self, log_dir: Any = "logs", histogram_freq: int = 0, update_freq: int | str = "epoch"
    ) -> None:
        """Choose what to write.

        Args:
            log_dir: The directory in which to make the directories train and validation.
            histogram_freq: Write histograms of the weights every n epochs; 0: never.
            update_freq: "epoch"; or "batch" or a number of batches, to write the training's results
                after these, too.

        Raises:
            TypeError: log_dir is not a path, or a number has the wrong type.
            ValueError: A number is out of range.
        """
        self.log_dir = as_path("TensorBoard", log_dir)
        self.histogram_freq = integer("TensorBoard: histogram_freq", histogram_freq, 0)
        self.update_freq = update_freq
        if update_freq != "epoch":
            self._every = self.update_freq = (
                1 if update_freq == "batch" else integer("TensorBoard: update_freq", update_freq, 1)
            )
            self.on_train_batch_end = self._count_batch  # type: ignore[method-assign]
        self._writers: dict[str, Any] = {}
        self._summary: Any = None

    def on_train_begin(self, logs: Logs = None) -> None:
        """Open the files.

        Raises:
            ModuleNotFoundError: TensorBoard is not installed.
        """
        try:
            from tensorboard.compat.proto import event_pb2, summary_pb2
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"TensorBoard: {error}: pip install 'pytensor-kernels[tensorboard]'"
            ) from None
        self._event, self._summary = event_pb2.Event, summary_pb2.Summary
        self._open = EventFileWriter

    def _write(self, kind: str, step: int, *values: Any) -> None:
        """Write values, at a step, to the file of the training or of the validation."""
        if kind not in self._writers:
            self._writers[kind] = self._open(str(self.log_dir / kind))
        self._writers[kind].add_event(
            self._event(wall_time=time.time(), step=step, summary=self._summary(value=values))
        )

    def _scalars(self, prefix: str, logs: Logs) -> list[Any]:
        return [
            self._summary.Value(tag=f"{prefix}_{name}", simple_value=value)
            for name, value in (logs or {}).items()
        ]

    def _count_batch(self, batch: int, logs: Logs = None) -> None:
        step = self.model.optimizer.iterations
        if step % self._every == 0:
            self._write("train", step, *self._scalars("batch", logs))

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write the epoch's values."""
        logs = logs or {}
        training = {name: value for name, value in logs.items() if not name.startswith("val_")}
        training.setdefault("learning_rate", self.model.optimizer.learning_rate)
        self._write("train", epoch, *self._scalars("epoch", training))
        validation = {
            name.removeprefix("val_"): value
            for name, value in logs.items()
            if name.startswith("val_")
        }
        if validation:
            self._write("validation", epoch, *self._scalars("epoch", validation))
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write(
                "train",
                epoch,
                *(
                    self._histogram(path, np.asarray(weight))
                    for path, weight, _ in self.model.named_weights()
                ),
            )

    def _histogram(self, name: str, values: np.ndarray) -> Any:
        counts, edges = np.histogram(values, bins=30)
        proto = self._summary.Value(tag=f"{name}/histogram")
        proto.histo.min, proto.histo.max = float(values.min()), float(values.max())
        proto.histo.num, proto.histo.sum = values.size, float(values.sum())
        proto.histo.sum_squares = float((values**2).sum())
        proto.histo.bucket_limit.extend(edges[1:].tolist())
        proto.histo.bucket.extend(counts.tolist())
        return proto

    def close(self) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()
        self._writers = {}


# ---------------------------------------------------------------------------------- progress


def progress(verbose: int | str) -> tuple[Callback, ...]:
    """Return the callbacks that show a run: none or one.

    Args:
        verbose: 0, nothing; 1, a bar; 2, a line per epoch; "auto", a bar on a terminal and in a
            notebook, else a line. Without a stdout (sys.stdout is None), nothing. Where tqdm is
            not installed, a terminal gets lines, and if it was asked for a bar, a warning.

    Raises:
        ValueError: verbose is something else.
    """
    asked = verbose
    if verbose == "auto":
        # A replacement for stdout may not have isatty.
        verbose = 1 if getattr(sys.stdout, "isatty", bool)() or html.in_notebook() else 2
    if verbose not in (0, 1, 2):
        raise ValueError(f"verbose: found {verbose!r}: expected 0, 1, 2 or 'auto'")
    if sys.stdout is None or verbose == 0:
        return ()
    if verbose == 1 and not html.in_notebook() and importlib.util.find_spec("tqdm") is None:
        if asked == 1:
            warnings.warn(
                "verbose=1: a bar needs tqdm: pip install tqdm; showing lines", stacklevel=3
            )
        verbose = 2
    return (ProgressBar() if verbose == 1 else ProgressLine(),)


class ProgressLine(Callback):
    """Prints a line per epoch, evaluation or prediction: steps, seconds, loss and metrics.

    >>> model = pt.models.Sequential([pt.layers.Dense(1, input_shape=(2,))])
    >>> model.compile("sgd", "mse")
    >>> history = model.fit(np.zeros((8, 2)), np.zeros(8), verbose=2)
    Epoch 1/1 - 1/1 steps - ... s - loss: 0.0000
    """

    only_shows = True

    def __init__(self) -> None:
        """Start outside of a run."""
        self._training = False

    def begin(self, title: str) -> None:
        """Start to measure a part of the run."""
        self._title = title
        self._start = time.perf_counter()

    def finish(self, logs: Logs) -> None:
        """Print the line of the part that ends."""
        seconds = time.perf_counter() - self._start
        steps = self.params["steps"]
        parts = [self._title, f"{steps}/{steps} steps", f"{seconds:.1f} s"]
        print(" - ".join([part for part in parts if part] + _formatted(logs)), flush=True)

    def on_train_begin(self, logs: Logs = None) -> None:
        """Treat evaluations as parts of epochs from here on."""
        self._training = True

    def on_train_end(self, logs: Logs = None) -> None:
        """Show evaluations by themselves again."""
        self._training = False

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Start an epoch."""
        self.begin(f"Epoch {epoch + 1}/{self.params['epochs']}")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Show the epoch."""
        self.finish(logs)

    def on_test_begin(self, logs: Logs = None) -> None:
        """Start an evaluation."""
        if not self._training:
            self.begin("")

    def on_test_end(self, logs: Logs = None) -> None:
        """Show the evaluation."""
        if not self._training:
            self.finish(logs)

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Start a prediction."""
        self.begin("")

    def on_predict_end(self, logs: Logs = None) -> None:
        """Show the prediction."""
        self.finish(logs)


class ProgressBar(ProgressLine):
    """A bar per epoch, evaluation or prediction that moves with every step.

    On a terminal it is tqdm's, with the metrics first: where the line is too short, the bar, the
    remaining time and the rate give way. In a notebook it is a bar in the cell's output.

    >>> model = pt.models.Sequential([pt.layers.Dense(1, input_shape=(2,))])
    >>> model.compile("sgd", "mse")
    >>> history = model.fit(np.zeros((8, 2)), np.zeros(8), verbose=1)  # doctest: +SKIP
    """

    # tqdm's own interval between two drawings; texts are made no more often
    INTERVAL = 0.1

    _bar: Any = None

    def close(self) -> None:
        """Leave the bar of an epoch that ended with an error."""
        if self._bar is not None:
            self._bar.close()

    def begin(self, title: str) -> None:
        """Draw an empty bar."""
        run = self.model.run
        done = 0 if run is None else run.position.step
        self._title = title
        self._drawn = 0.0
        if html.in_notebook():
            self._bar = html.Bar(self.params["steps"], title, done)
            self._show: Callable[[str], Any] = self._bar.show
            return
        self._bar = needed("tqdm", "ProgressBar").tqdm(
            total=self.params["steps"],
            desc=title,
            unit=" steps",
            file=sys.stdout,
            initial=done,
            mininterval=self.INTERVAL,
            dynamic_ncols=True,
            bar_format="{desc} {n_fmt}/{total_fmt} |{bar}| {remaining}, {rate_fmt}",
        )
        self._show = functools.partial(self._bar.set_description_str, refresh=False)

    def finish(self, logs: Logs) -> None:
        """Leave the full bar with the final values."""
        self._show(self._text(logs))
        self._bar.close()

    def _text(self, logs: Logs) -> str:
        """The title and the values, with as many digits as the line has room for."""
        width = shutil.get_terminal_size().columns
        for digits in (4, 3, 2):
            values = ", ".join(_formatted(logs, digits, " "))
            text = f"{self._title}: {values}" if self._title and values else self._title + values
            if len(text) < width:
                break
        return text

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Move the bar."""
        now = time.perf_counter()
        if now - self._drawn > self.INTERVAL:
            self._show(self._text(logs))
            self._drawn = now
        self._bar.update()

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Move the bar."""
        if not self._training:
            self.on_train_batch_end(batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Move the bar."""
        self.on_train_batch_end(batch)


def _formatted(logs: Logs, digits: int = 4, colon: str = ": ") -> list[str]:
    """["loss: 0.2567", ...]."""
    return [f"{name}{colon}{shown(value, digits)}" for name, value in (logs or {}).items()]


def shown(value: float, digits: int = 4) -> str:
    """Return a loss or metric as a short text: 0.2567 as Keras shows it, 4.1000e-05, 1.3000e+22."""
    is_plain = value == 0 or 1e-3 < abs(value) < 1e6
    return f"{value:.{digits}{'f' if is_plain else 'e'}}"


if not TYPE_CHECKING:  # type checkers would take any name for one of the module

    def __getattr__(name):
        raise missing("callbacks", name, globals())
