"""Trainer: compile, fit, evaluate and predict, what a user does with a model.

What they are given is checked and cut into batches in data.py; loop.py runs over the batches;
steps.py does the work on one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pytensor import _functions as pt
from pytensor import losses, metrics, optimizers, serialization
from pytensor._core import Tensor
from pytensor._support.arguments import integer, number
from pytensor._training import data
from pytensor._training.batches import Batches, Stream
from pytensor._training.distribution import SINGLE_PROCESS, Distribution
from pytensor._training.loop import Loop
from pytensor._training.model import Model, Run
from pytensor._training.results import Results
from pytensor._training.steps import LossNotFinite, Steps, predict_step, test_step, train_step
from pytensor.callbacks import Callback, CallbackList, History, listed, progress

Callbacks = Callback | Sequence[Callback] | None


class Trainer(Model):
    """What a model inherits besides its layers.

    Attributes:
        history: The History of the last fit, None before it.
    """

    history: History | None = None
    _results: Results | None = None
    _is_running = False

    def __init__(self, **options: Any) -> None:
        """Keep the options, which are those of Layer."""
        super().__init__(**options)
        self._steps = Steps()

    def __getstate__(self) -> dict[str, Any]:
        """Return all but the compiled steps, which belong to these very weights, and the run."""
        return {**vars(self), "_steps": Steps(), "run": None}

    # ----------------------------------------------------------------------------------- compile

    def compile(
        self,
        optimizer: str | optimizers.Optimizer | type[optimizers.Optimizer] = "rmsprop",
        loss: str | losses.Loss | type[losses.Loss] | Callable[..., Any] | None = None,
        metrics: Sequence[Any] | None = None,
        weighted_metrics: Sequence[Any] | None = None,
    ) -> None:
        """Choose how to train.

        Args:
            optimizer: A name ("sgd", "rmsprop", "adam", ...) or an Optimizer.
            loss: A name ("categorical_crossentropy", ...), a Loss, or a function (y_true, y_pred).
            metrics: Names ("accuracy", ...), Metrics or functions (y_true, y_pred).
            weighted_metrics: The same, for metrics that use the weights of samples and classes.

        Raises:
            ValueError: A name is unknown (the message lists the known ones), two metrics have one
                name, or no loss is given.
            TypeError: Something is neither a name nor of the right class.
            RuntimeError: A callback calls it.
        """
        if self._is_running:
            raise RuntimeError(
                "compile: the model is running: call it before or after, not in a callback"
            )
        if loss is None:
            raise ValueError("compile: loss: missing: expected a name, a Loss or a function")
        optimizer = optimizers.get(optimizer)
        loss = losses.get(loss)
        if loss.reduction in (None, "none"):
            raise ValueError(
                f"compile: loss: {loss.name} has reduction={loss.reduction!r}: "
                "expected one that returns a number"
            )
        for name, value in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            if isinstance(value, str) or not isinstance(value, (list, tuple, type(None))):
                raise TypeError(f"compile: {name}: found {value!r}: expected a list")
        asked = list(metrics or ()), list(weighted_metrics or ())
        Results(*asked, (1, 1), (1, 1))  # for its errors; the real shapes come with the data
        self.optimizer = optimizer
        self.loss = loss
        self.stop_training = False
        self._metrics_asked, self._weighted_asked = asked
        self._results = None
        self._steps = Steps()

    def get_compile_config(self) -> dict[str, Any] | None:
        """Return what compile was given, in types that JSON can hold; None if it was not called.

        Raises:
            TypeError: A function among them has no name.
        """
        if self.loss is None:
            return None
        return {
            "optimizer": serialization.serialize(self.optimizer),
            "loss": serialization.serialize(self.loss),
            **{
                name: [
                    metric
                    if isinstance(metric, str)
                    else serialization.serialize(metrics.get(metric))
                    for metric in asked
                ]
                for name, asked in (
                    ("metrics", self._metrics_asked),
                    ("weighted_metrics", self._weighted_asked),
                )
            },
        }

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Call compile with what get_compile_config returned."""
        self.compile(
            serialization.deserialize(config["optimizer"]),
            serialization.deserialize(config["loss"]),
            *(
                [
                    metric if isinstance(metric, str) else serialization.deserialize(metric)
                    for metric in config[name]
                ]
                for name in ("metrics", "weighted_metrics")
            ),
        )

    def _check_compiled(self, function: str) -> None:
        if self.loss is None:
            raise RuntimeError(
                f"{function}: the model is not compiled: call compile(optimizer, loss) first"
            )

    @property
    def accumulated(self) -> list[Any]:
        """The metrics of a run, the mean loss first; empty before the first data."""
        return list(self._results or ())

    @property
    def metrics_names(self) -> list[str]:
        """The names in logs and history, "loss" first."""
        return [metric.name for metric in self.accumulated] or ["loss"]

    # --------------------------------------------------------------------------------------- fit

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = 32,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Callbacks = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        distribution: Distribution | None = None,
    ) -> History:
        """Train.

        Args:
            x: Samples (n, ...): a tensor, a NumPy array, a data frame or a list, of any dtype. It
                is not copied; batches become float32 one by one. Or x yields batches (x, y) or
                (x, y, sample_weight): a generator or another iterator, or an object that can be
                iterated over again in every epoch, or that has a length and items.
            y: The targets of the samples, as x.
            batch_size: The samples in one step; the last step of an epoch takes what is left.
            epochs: The number of the last epoch.
            verbose: 0, nothing; 1, a bar per epoch; 2, a line per epoch; "auto", a bar on a
                terminal.
            callbacks: A list of callbacks.Callback.
            validation_split: In [0, 1), the share of x and y, taken from their end, to validate
                with.
            validation_data: (x, y) or (x, y, sample_weight) to validate with, instead of
                validation_split; or batches, as x.
            shuffle: Take the samples of arrays in a new random order in every epoch.
            class_weight: {class number: weight} for the losses of samples; 1 for classes not
                listed. It does not apply to the validation.
            sample_weight: Weights for the losses of samples, (n,), instead.
            initial_epoch: How many of the epochs are done already.
            steps_per_epoch: How many batches to take from an iterator; by default all it has.
            validation_steps: The same for validation_data.
            validation_batch_size: By default batch_size.
            distribution: A distributed.DataParallel, to share each batch among several processes.

        Returns:
            A callbacks.History. The loss of an epoch is the mean over its samples, each at the step
            it was used in; that of the validation data comes from the weights after the epoch.

        Raises:
            RuntimeError: The model is not compiled.
            ValueError: Data, shapes, labels or numbers do not fit; the message says which.
            TypeError: The data holds no real numbers, or an argument has the wrong type.
            FloatingPointError: The loss is NaN or infinite; the message names epoch and step. The
                weights are those before that step. (With callbacks.TerminateOnNaN, fit returns.)
        """
        self._check_compiled("fit")
        batch_size = data.checked_batch_size("fit: batch_size", batch_size)
        epochs = integer("fit: epochs", epochs, 0)
        initial_epoch = integer("fit: initial_epoch", initial_epoch, 0)
        validation_split = number("fit: validation_split", validation_split, 0, 1, below_high=True)
        validation_size = data.checked_batch_size(
            "fit: validation_batch_size", validation_batch_size or batch_size
        )
        if distribution is None or not distribution.shares:
            distribution = SINGLE_PROCESS
        batches, validation = data.batches_to_fit(
            self,
            x,
            y,
            sample_weight,
            class_weight=class_weight,
            batch_size=batch_size,
            steps=steps_per_epoch,
            shuffle=bool(shuffle),
            validation_split=validation_split,
            validation_data=validation_data,
            validation_batch_size=validation_size,
            validation_steps=validation_steps,
            distribution=distribution,
        )
        self.history = History()
        given = sorted(
            [*listed(callbacks), self.history],
            key=lambda callback: getattr(callback, "runs_last", False),
        )
        used = [*progress(verbose), *given]
        if not distribution.is_first:
            used = [callback for callback in used if not callback.only_shows]
        runner = CallbackList(used, self)
        runner.set_params(verbose=verbose, epochs=epochs, steps=batches.steps)
        self.run = Run(batches.position, given, batches.about(), distribution)
        try:
            with self._running(), distribution.fitting(self):
                loop = self._loop(runner, batches, validation)
                loop.train(batches, validation, initial_epoch, epochs)
        finally:
            self.run = None
            for callback in runner.callbacks:
                callback.close()
        return self.history

    @contextlib.contextmanager
    def _running(self) -> Iterator[None]:
        """While callbacks are called: they must not compile again."""
        self._is_running = True
        try:
            yield
        finally:
            self._is_running = False

    def _loop(self, runner: CallbackList, *batches: Batches | Stream | None) -> Loop:
        for known in batches:
            if known is not None and known.targets_shape:  # else the first batch will tell it
                self._results_for(known.targets_shape)
        return Loop(self, self._steps, self._results_for, runner)

    def _results_for(self, targets_shape: tuple[int, ...]) -> Results:
        """The Results of the model, made for the first targets since compile."""
        if self._results is None:
            predictions = data.predictions_shape(self, targets_shape[0])
            self._results = Results(
                self._metrics_asked, self._weighted_asked, targets_shape, predictions
            )
        return self._results

    def train_on_batch(
        self,
        x: Any,
        y: Any,
        sample_weight: Any = None,
        class_weight: dict[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Train one step on one batch.

        Args:
            x: Samples (n, ...), anything array-like.
            y: Their targets.
            sample_weight: As for fit.
            class_weight: As for fit.
            return_dict: Return a dictionary by name.

        Returns:
            The loss, or [loss, *metrics], of this batch before the step.

        Raises:
            RuntimeError, ValueError, TypeError, FloatingPointError: As fit.
        """
        return self._on_batch(
            "train_on_batch", train_step, x, y, sample_weight, class_weight, return_dict
        )

    def test_on_batch(
        self, x: Any, y: Any, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Evaluate one batch: as train_on_batch, but without a step."""
        return self._on_batch("test_on_batch", test_step, x, y, sample_weight, None, return_dict)

    def _on_batch(
        self,
        function: str,
        make_step: Callable[..., Any],
        x: Any,
        y: Any,
        sample_weight: Any,
        class_weight: Any,
        return_dict: bool,
    ) -> Any:
        self._check_compiled(function)
        samples = data.samples(function, self, x, y, sample_weight, class_weight)
        results = self._results_for(samples.targets_shape)
        results.reset()
        step = self._steps.get(make_step, self, results, SINGLE_PROCESS)
        try:
            step(*samples.batch())
        except LossNotFinite as error:
            raise FloatingPointError(f"{function}: {error}") from None
        return _values(results.logs(), return_dict)

    # ------------------------------------------------------------------------ evaluate, predict

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = 32,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Callbacks = None,
        return_dict: bool = False,
    ) -> Any:
        """Compute loss and metrics, the weights unchanged.

        Args:
            x: As for fit.
            y: As for fit.
            batch_size: As for fit; it changes the results by rounding alone.
            verbose: As for fit.
            sample_weight: As for fit.
            steps: As steps_per_epoch of fit.
            callbacks: As for fit.
            return_dict: Return a dictionary by name.

        Returns:
            The loss, or [loss, *metrics].

        Raises:
            RuntimeError: The model is not compiled.
            ValueError, TypeError: Data or numbers do not fit.
        """
        self._check_compiled("evaluate")
        batches = data.batches("evaluate", self, x, y, sample_weight, batch_size, steps)
        loop = self._loop(self._runner(batches, verbose, callbacks), batches)
        with self._running():
            return _values(loop.evaluate(batches), return_dict)

    def predict(
        self,
        x: Any,
        batch_size: int | None = 32,
        verbose: int | str = "auto",
        steps: int | None = None,
        callbacks: Callbacks = None,
    ) -> Tensor:
        """Compute the outputs for samples.

        Args:
            x: As for fit; or it yields batches of samples alone.
            batch_size: The samples in one step.
            verbose: As for fit.
            steps: As steps_per_epoch of fit.
            callbacks: As for fit.

        Returns:
            A tensor (n, ...), the outputs for all samples.

        Raises:
            ValueError, TypeError: x or a number does not fit.
        """
        batches = data.batches_to_predict(self, x, batch_size, steps)
        return pt.concat(self._loop(self._runner(batches, verbose, callbacks)).predict(batches))

    def predict_on_batch(self, x: Any) -> Tensor:
        """Compute the outputs for one batch, a tensor; raises as predict."""
        x = data.inputs("predict_on_batch", self, x)
        step = self._steps.get(predict_step, self, None, SINGLE_PROCESS)
        return step(x.astype(pt.float32, copy=False))

    def _runner(
        self, batches: Batches | Stream, verbose: int | str, callbacks: Callbacks
    ) -> CallbackList:
        """The callbacks of evaluate and predict."""
        runner = CallbackList([*progress(verbose), *listed(callbacks)], self)
        runner.set_params(verbose=verbose, epochs=1, steps=batches.steps)
        return runner


def _values(logs: dict[str, float], as_dictionary: bool) -> Any:
    """What evaluate and the like return."""
    if as_dictionary:
        return logs
    return list(logs.values()) if len(logs) > 1 else logs["loss"]
