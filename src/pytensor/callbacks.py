"""Callbacks: what happens besides training, at the start and end of runs, epochs and batches.

Logs are dictionaries of floats: loss, the metrics by name, and in an epoch's logs the same of the
validation data with val_ in front. The trainer calls the batch hooks only of callbacks that define
them.
"""

from __future__ import annotations

import math
import sys
import time

from pytensor._arguments import integer, lookup, number

__all__ = ["Callback", "CallbackList", "EarlyStopping", "History", "LambdaCallback", "ProgressBar",
           "ProgressLine", "TerminateOnNaN"]

HOOKS = (
    "on_train_begin", "on_train_end", "on_epoch_begin", "on_epoch_end",
    "on_train_batch_begin", "on_train_batch_end",
    "on_test_begin", "on_test_end", "on_test_batch_begin", "on_test_batch_end",
    "on_predict_begin", "on_predict_end", "on_predict_batch_begin", "on_predict_batch_end",
)


class Callback:
    """Base class: every hook does nothing.

    model: the model that runs. params: a dictionary with "epochs", "steps" (batches per epoch or
    run) and "verbose". runs_last: whether fit calls it after all that do not say so. kept: the
    names of the attributes that a checkpoint keeps, since they change while training.
    """

    model = None
    params = None
    runs_last = False
    kept = ()

    def set_model(self, model):
        """Keep the model that runs."""
        self.model = model

    def set_params(self, params):
        """Keep the numbers of the run."""
        self.params = params

    def on_train_begin(self, logs=None):
        """Called at the start of fit."""

    def on_train_end(self, logs=None):
        """Called at the end of fit, with the last epoch's logs; not if it ends by an error."""

    def close(self):
        """Called last by fit, also if it ends by an error."""

    def on_epoch_begin(self, epoch, logs=None):
        """Called at the start of an epoch; epochs count from 0."""

    def on_epoch_end(self, epoch, logs=None):
        """Called at the end of an epoch, after the validation."""

    def on_train_batch_begin(self, batch, logs=None):
        """Called before a step of training; batches count from 0."""

    def on_train_batch_end(self, batch, logs=None):
        """Called after a step of training, with the means over the epoch so far."""

    def on_test_begin(self, logs=None):
        """Called at the start of evaluate and of a validation."""

    def on_test_end(self, logs=None):
        """Called at the end of evaluate and of a validation."""

    def on_test_batch_begin(self, batch, logs=None):
        """Called before a batch is evaluated."""

    def on_test_batch_end(self, batch, logs=None):
        """Called after a batch was evaluated, with the means so far."""

    def on_predict_begin(self, logs=None):
        """Called at the start of predict."""

    def on_predict_end(self, logs=None):
        """Called at the end of predict."""

    def on_predict_batch_begin(self, batch, logs=None):
        """Called before a batch is predicted."""

    def on_predict_batch_end(self, batch, logs=None):
        """Called after a batch was predicted."""


def listed(callbacks):
    """The callbacks given to fit and the like, as a list; one alone will do, as in Keras."""
    if callbacks is None:
        return []
    if isinstance(callbacks, Callback):
        return [callbacks]
    if not isinstance(callbacks, (list, tuple)):
        raise TypeError(f"callbacks: found {callbacks!r}: expected a list of callbacks")
    return list(callbacks)


class CallbackList:
    """Several callbacks as one; hooks[name] lists the methods that do anything."""

    def __init__(self, callbacks, model):
        """Tell every callback its model."""
        self.callbacks = list(callbacks)
        for callback in self.callbacks:
            if not isinstance(callback, Callback):
                raise TypeError(f"callbacks: found {callback!r}: expected objects of a subclass of "
                                "callbacks.Callback")
            callback.set_model(model)
        self.ends_at_nan = any(isinstance(callback, TerminateOnNaN) for callback in self.callbacks)
        self.hooks = {hook: [getattr(callback, hook) for callback in self.callbacks
                             if _defines(callback, hook)] for hook in HOOKS}

    def set_params(self, **params):
        """Tell every callback the numbers of the run."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def run(self, hook, *arguments):
        """Call a hook of all callbacks."""
        for method in self.hooks[hook]:
            method(*arguments)


def _defines(callback, hook):
    return getattr(getattr(callback, hook), "__func__", None) is not getattr(Callback, hook)


class History(Callback):
    """What fit returns: history maps each name in the logs to its values, epoch by epoch."""

    kept = ("epoch", "history")

    def __init__(self):
        """No arguments."""
        self.epoch = []
        self.history = {}

    def on_epoch_end(self, epoch, logs=None):
        """Append the epoch's values."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)


class LambdaCallback(Callback):
    """Functions as a callback: LambdaCallback(on_epoch_end=lambda epoch, logs: print(logs))."""

    def __init__(self, **hooks):
        """Functions by the name of their hook."""
        for hook, function in hooks.items():
            if hook not in HOOKS:
                raise TypeError(f"LambdaCallback: unknown hook {hook!r}: known are "
                                f"{', '.join(HOOKS)}")
            if function is not None:
                setattr(self, hook, function)


class TerminateOnNaN(Callback):
    """Ends training at a loss that is NaN or infinite, where fit would raise FloatingPointError."""

    def on_train_batch_end(self, batch, logs=None):
        """Stop if the loss is not finite."""
        if not math.isfinite((logs or {}).get("loss", 0)):
            print(f"Batch {batch}: the loss is {logs['loss']}: training ends")
            self.model.stop_training = True


class EarlyStopping(Callback):
    """Stops training when a monitored value has not improved for `patience` epochs (0 is as 1).

    An improvement is a change by more than min_delta in the right direction: mode "min", "max", or
    "auto", up for names that end in "acc" or "accuracy" and down for all others.
    """

    kept = ("wait", "stopped_epoch", "best", "best_epoch", "best_weights")

    def __init__(self, monitor="val_loss", min_delta=0, patience=0, verbose=0, mode="auto",
                 baseline=None, restore_best_weights=False, start_from_epoch=0):
        """monitor: a name in the logs. baseline: a value to be better than, or None.

        restore_best_weights: at the end, go back to the weights of the best epoch.
        start_from_epoch: what happens before this epoch does not count.
        """
        if not isinstance(monitor, str):
            raise TypeError(f"EarlyStopping: monitor: found {monitor!r}: expected a name in the "
                            "logs")
        self.monitor = monitor
        self.min_delta = abs(number("EarlyStopping: min_delta", min_delta))
        self.patience = integer("EarlyStopping: patience", patience, 0)
        self.verbose = verbose
        self.baseline = None if baseline is None else number("EarlyStopping: baseline", baseline)
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = integer("EarlyStopping: start_from_epoch", start_from_epoch,
                                        0)
        rises = monitor.endswith(("acc", "accuracy"))
        self._sign = lookup("mode", mode, {"min": -1, "max": 1, "auto": 1 if rises else -1})
        self.on_train_begin()

    def on_train_begin(self, logs=None):
        """Start anew."""
        self.wait = 0
        self.stopped_epoch = 0
        self.best = -self._sign * math.inf
        self.best_epoch = 0
        self.best_weights = None

    def on_epoch_end(self, epoch, logs=None):
        """Compare, and stop the model if there was no improvement for too long.

        Raises:
            ValueError: the logs do not have what is monitored.
        """
        if self.monitor not in (logs or {}):
            raise ValueError(f"EarlyStopping: monitor {self.monitor!r} is not in the logs: known "
                             f"are {', '.join(logs or {})} (val_ needs validation data)")
        current = logs[self.monitor]
        if epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep(epoch)
        self.wait += 1
        if self._improves(current, self.best):
            self.best = current
            self._keep(epoch)
            if self.baseline is None or self._improves(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        """Go back to the best weights, if asked to."""
        if self.stopped_epoch and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                print(f"Restoring the weights of the best epoch, {self.best_epoch + 1}")
            self.model.set_weights(self.best_weights)

    def _improves(self, value, reference):
        return self._sign * value > self._sign * reference + self.min_delta

    def _keep(self, epoch):
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()


# ---------------------------------------------------------------------------------- progress


def progress(verbose):
    """Return the callbacks that show a run, [] or one.

    verbose: 0, nothing; 1, a bar; 2, a line per epoch; "auto", a bar on a terminal, else a line.
    Where there is no stdout at all (sys.stdout is None), nothing.
    """
    if verbose == "auto":
        # What stands in for stdout may not have isatty.
        verbose = 1 if getattr(sys.stdout, "isatty", bool)() else 2
    if verbose not in (0, 1, 2):
        raise ValueError(f"verbose: found {verbose!r}: expected 0, 1, 2 or 'auto'")
    if sys.stdout is None:
        return ()
    return [(), (ProgressBar(),), (ProgressLine(),)][verbose]


class ProgressLine(Callback):
    """Prints a line per epoch, evaluation or prediction: steps, seconds, loss and metrics."""

    def __init__(self):
        """No arguments."""
        self._training = False

    def begin(self, title):
        """Start to measure a part of the run."""
        self._title = title
        self._start = time.perf_counter()

    def finish(self, logs):
        """Print the line of the part that ends."""
        seconds = time.perf_counter() - self._start
        steps = self.params["steps"]
        parts = [self._title, f"{steps}/{steps} steps", f"{seconds:.1f} s"]
        print(" - ".join([part for part in parts if part] + _formatted(logs)), flush=True)

    def on_train_begin(self, logs=None):
        """From here on, an evaluation is a part of an epoch."""
        self._training = True

    def on_train_end(self, logs=None):
        """Evaluations stand for themselves again."""
        self._training = False

    def on_epoch_begin(self, epoch, logs=None):
        """Start an epoch."""
        self.begin(f"Epoch {epoch + 1}/{self.params['epochs']}")

    def on_epoch_end(self, epoch, logs=None):
        """Show the epoch."""
        self.finish(logs)

    def on_test_begin(self, logs=None):
        """Start an evaluation."""
        if not self._training:
            self.begin("")

    def on_test_end(self, logs=None):
        """Show the evaluation."""
        if not self._training:
            self.finish(logs)

    def on_predict_begin(self, logs=None):
        """Start a prediction."""
        self.begin("")

    def on_predict_end(self, logs=None):
        """Show the prediction."""
        self.finish(logs)


class ProgressBar(ProgressLine):
    """A bar per epoch, evaluation or prediction that moves with every step (tqdm)."""

    # tqdm's own interval between two drawings; texts are made no more often
    INTERVAL = 0.1

    _bar = None

    def close(self):
        """Leave the bar of an epoch that ended by an error."""
        if self._bar is not None:
            self._bar.close()

    def begin(self, title):
        """Draw an empty bar."""
        from tqdm import tqdm

        run = self.model.run
        self._bar = tqdm(total=self.params["steps"], desc=title, unit=" steps", file=sys.stdout,
                         initial=0 if run is None else run.position.step,
                         mininterval=self.INTERVAL, dynamic_ncols=True)
        self._drawn = 0.0

    def finish(self, logs):
        """Leave the full bar with the final values."""
        self._bar.set_postfix_str(", ".join(_formatted(logs)))
        self._bar.close()

    def on_train_batch_end(self, batch, logs=None):
        """Move the bar."""
        now = time.perf_counter()
        if now - self._drawn > self.INTERVAL:
            self._bar.set_postfix_str(", ".join(_formatted(logs)), refresh=False)
            self._drawn = now
        self._bar.update()

    def on_test_batch_end(self, batch, logs=None):
        """Move the bar."""
        if not self._training:
            self.on_train_batch_end(batch, logs)

    def on_predict_batch_end(self, batch, logs=None):
        """Move the bar."""
        self.on_train_batch_end(batch, logs)


def _formatted(logs):
    """["loss: 0.2567", ...], as Keras shows them."""
    return [f"{name}: {value:.4f}" if abs(value) > 1e-3 or value == 0 else f"{name}: {value:.4e}"
            for name, value in (logs or {}).items()]
