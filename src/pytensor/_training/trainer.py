"""Trainer: compile, fit, evaluate and predict, what a user does with a model.

What they are given is checked and cut into batches in data.py; loop.py runs over the batches;
steps.py does the work on one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from pytensor import _functions as pt
from pytensor import metrics as metrics_module
from pytensor import optimizers, serialization
from pytensor._autodiff.trees import leaves, map_leaves
from pytensor._core import Tensor
from pytensor._support.arguments import integer, number
from pytensor._training import data
from pytensor._training.batches import Batches, Samples, Stream
from pytensor._training.distribution import SINGLE_PROCESS, Distribution
from pytensor._training.loop import Loop
from pytensor._training.model import Model, Run
from pytensor._training.objective import Objective, every, heads, resolved
from pytensor._training.results import OwnResults, Results
from pytensor._training.steps import (
    LossNotFinite,
    Steps,
    predict_step,
    test_step,
    total_of,
    train_step,
)
from pytensor.callbacks import Callback, CallbackList, History, listed, progress

Callbacks = Callback | Sequence[Callback] | None


class Asked(NamedTuple):
    """What compile was given besides the optimizer."""

    loss: Any
    loss_weights: Any
    metrics: Any
    weighted_metrics: Any


class _Known(NamedTuple):
    """Samples that are no Batches."""

    samples: Samples


class Trainer(Model):
    """What a model inherits besides its layers.

    Attributes:
        history: The History of the last fit, None before it.
    """

    history: History | None = None
    needs_loss = False  # whether compile has to be given one
    _asked: Asked | None = None
    _objective: Objective | None = None
    _results: Results | None = None
    _own_results: OwnResults | None = None
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
        loss: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        *,
        loss_weights: Any = None,
        run_eagerly: bool = False,
    ) -> None:
        """Choose how to train.

        Where a model has several outputs, loss, loss_weights and metrics may be lists in their
        order or dictionaries by their names (`output_names`).

        Args:
            optimizer: A name ("sgd", "rmsprop", "adam", ...) or an Optimizer.
            loss: A name ("categorical_crossentropy", ...), a Loss, or a function (y_true, y_pred);
                the same for each output. None for an output takes it out of the training; a model
                whose layers add losses, or that defines train_step, needs none.
            metrics: Names ("accuracy", ...), Metrics or functions (y_true, y_pred); a list, or one
                for each output.
            weighted_metrics: The same, for metrics that use the weights of samples and classes.
            loss_weights: A factor for the loss of each output, 1 by default.
            run_eagerly: Call the layers in each step, for debugging: fit, evaluate and predict
                otherwise record their steps, where all parts of the model come from this package,
                and replay them, with the same results.

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
        if loss is None and self.needs_loss and not self.steps_itself("train_step"):
            raise ValueError("compile: loss: missing: expected a name, a Loss or a function")
        optimizer = optimizers.get(optimizer)
        loss = resolved(loss)
        for name, value in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            if isinstance(value, str) or not isinstance(value, (list, tuple, dict, type(None))):
                raise TypeError(f"compile: {name}: found {value!r}: expected a list")
        asked = Asked(loss, loss_weights, metrics, weighted_metrics)
        names = self.output_names
        if names:
            found = heads(names, *asked)
            for head in found:  # for its errors; the real shapes come with the data
                Results([head], [(1, 1)], [(1, 1)])
        else:
            for identifier in (*every(metrics), *every(weighted_metrics)):
                metrics_module.get(identifier, (1, 1), (1, 1))
        self.optimizer = optimizer
        self.loss = loss
        self.stop_training = False
        self.run_eagerly = bool(run_eagerly)
        self._asked = asked
        self._objective = None
        self._results = None
        self._steps = Steps()

    def get_compile_config(self) -> dict[str, Any] | None:
        """Return what compile was given, in types that JSON can hold; None if it was not called.

        Raises:
            TypeError: A function among them has no name.
        """
        if self._asked is None:
            return None

        def metric(identifier: Any) -> Any:
            if identifier is None or isinstance(identifier, str):
                return identifier
            return serialization.serialize(metrics_module.get(identifier))

        def of(value: Any, encode: Callable[[Any], Any]) -> Any:
            if isinstance(value, dict):
                return {"by_name": {name: of(part, encode) for name, part in value.items()}}
            if isinstance(value, (list, tuple)):
                return [of(part, encode) for part in value]
            return encode(value)

        asked = self._asked
        config = {
            "optimizer": serialization.serialize(self.optimizer),
            "loss": of(asked.loss, lambda loss: loss and serialization.serialize(loss)),
            "metrics": of(asked.metrics or [], metric),
            "weighted_metrics": of(asked.weighted_metrics or [], metric),
        }
        if asked.loss_weights is not None:
            config["loss_weights"] = of(asked.loss_weights, lambda weight: weight)
        if self.run_eagerly:
            config["run_eagerly"] = True
        return config

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Call compile with what get_compile_config returned."""

        def of(value: Any) -> Any:
            if isinstance(value, dict):
                if value.keys() == {"by_name"}:
                    return {name: of(part) for name, part in value["by_name"].items()}
                return serialization.deserialize(value)
            return [of(part) for part in value] if isinstance(value, list) else value

        self.compile(
            serialization.deserialize(config["optimizer"]),
            of(config["loss"]),
            of(config["metrics"]),
            of(config["weighted_metrics"]),
            loss_weights=of(config.get("loss_weights")),
            run_eagerly=config.get("run_eagerly", False),
        )

    def _check_compiled(self, function: str) -> None:
        if self._asked is None:
            raise RuntimeError(
                f"{function}: the model is not compiled: call compile(optimizer, loss) first"
            )

    # ------------------------------------------------------------------- for a subclass to define

    def steps_itself(self, method: str) -> bool:
        """Whether a subclass defines train_step, test_step or predict_step."""
        return getattr(type(self), method) is not getattr(Trainer, method)

    def train_step(self, data: Any) -> dict[str, Any]:
        """Update the weights by one batch; a subclass may define what that means.

        A tape has to watch the weights: tape.watch(self.trainable_weights).

        Args:
            data: x, (x, y) or (x, y, sample_weight), as fit was given them.

        Returns:
            The results by name, numbers; those of an epoch are what its last step returned.
        """
        return self._default_step("train_step", train_step, data)

    def test_step(self, data: Any) -> dict[str, Any]:
        """Evaluate one batch; a subclass may define what that means. As train_step."""
        return self._default_step("test_step", test_step, data)

    def predict_step(self, x: Any) -> Any:
        """Return the outputs for one batch; a subclass may define what that means."""
        return self(x, training=False)

    def _default_step(self, function: str, make: Callable[..., Any], batch: Any) -> dict[str, Any]:
        """What train_step and test_step do where a subclass calls them from its own."""
        parts = batch if isinstance(batch, tuple) else (batch,)
        x, y, sample_weight = (*parts, None, None)[:3]
        samples = data.samples(function, self, x, y, sample_weight)
        results = self._standard_results(samples)
        make(self, results, SINGLE_PROCESS, own=False)(*samples.batch())
        return self.get_metrics_result()

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """Return the loss that compile was given, with what regularizers and layers add to it.

        Args:
            x: The samples; unused, for a subclass that defines the loss.
            y: Their targets.
            y_pred: What the model returned for them.
            sample_weight: Weights for their losses.
            training: Unused, for a subclass.

        Raises:
            RuntimeError: The model is not compiled.
            ValueError: There is no loss.
        """
        self._check_compiled("compute_loss")
        objective = self._objective_for(y_pred)
        _, judge = objective.compiled([None] * len(objective.heads))
        outputs, targets = _flat(y_pred), _flat(y)
        loss, _ = judge(targets, outputs, sample_weight)
        return total_of(loss, self.losses)

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Update the metrics that compile was given; return all results so far by name.

        Args:
            x: The samples; unused, for a subclass.
            y: Their targets.
            y_pred: What the model returned for them.
            sample_weight: Their weights, for weighted_metrics.
        """
        self._check_compiled("compute_metrics")
        objective = self._objective_for(y_pred)
        outputs, targets = _flat(y_pred), _flat(y)
        if self._results is None:
            several = len(objective.heads) > 1
            self._results = Results(
                objective.heads,
                [part.shape for part in targets] if several else [targets.shape],
                [part.shape for part in outputs] if several else [outputs.shape],
            )
        self._results.update(targets, outputs, sample_weight)
        return self.get_metrics_result()

    def _objective_for(self, y_pred: Any) -> Objective:
        """The Objective, also of a model whose outputs are known by these alone."""
        objective = self.objective
        if objective is None or not objective.heads:
            n = len(leaves(y_pred))
            assert self._asked is not None
            objective = Objective(heads([f"output_{k + 1}" for k in range(n)], *self._asked))
        return objective

    def get_metrics_result(self) -> dict[str, Any]:
        """Return the results of all metrics so far by name."""
        known = {} if self._results is None else self._results.logs()
        return known | {metric.name: metric.result() for metric in self._own_metrics()}

    def reset_metrics(self) -> None:
        """Start all metrics again; fit does so before each epoch."""
        for metric in self.metrics:
            metric.reset_state()

    @property
    def metrics(self) -> list[Any]:
        """The mean loss and the metrics of compile, once there are data; then those in attributes.

        A subclass may list its own, to be reset before each epoch.
        """
        return [*(self._results or ()), *self._own_metrics()]

    def _own_metrics(self) -> list[Any]:
        return [m for m in vars(self).values() if isinstance(m, metrics_module.Metric)]

    @property
    def objective(self) -> Objective | None:
        """The Objective, of what compile was given; None before that."""
        if self._objective is None and self._asked is not None:
            names = self.output_names
            if names:
                self._objective = Objective(heads(names, *self._asked))
        return self._objective

    @property
    def accumulated(self) -> list[Any]:
        """The metrics of a run, the mean loss first; empty before the first data."""
        return list(self.metrics)

    @property
    def metrics_names(self) -> list[str]:
        """The names in logs and history, "loss" first."""
        results = self._own_results if self.steps_itself("train_step") else self._results
        return list(results.names) if results is not None and results.names else ["loss"]

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
        validation_freq: int | Sequence[int] = 1,
        distribution: Distribution | None = None,
    ) -> History:
        """Train.

        Args:
            x: Samples (n, ...): a tensor, a NumPy array, a data frame or a list, of any dtype. It
                is not copied; batches become float32 one by one. Where the model has several
                inputs, a list of such, or a dictionary by name; likewise y, validation_data and
                sample_weight where it has several outputs. Or x yields batches (x, y) or
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
            validation_freq: After every how many epochs to validate; or a list of the numbers of
                the epochs, from 1.
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
        validates = _validates("fit: validation_freq", validation_freq)
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
                loop.train(batches, validation, initial_epoch, epochs, validates)
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
            if known is not None and known.samples is not None:  # else the first batch will tell
                self._results_for(known, "train" if known is batches[0] else "test")
        return Loop(self, self._steps, self._results_for, runner)

    def _results_for(self, batches: Any, kind: str) -> Any:
        """The Results of the model, made for the first targets since compile.

        Args:
            batches: Batches, or a Stream that has begun.
            kind: "train" or "test".
        """
        if self.steps_itself(f"{kind}_step"):
            if self._own_results is None:
                self._own_results = OwnResults(self)
            return self._own_results
        return self._standard_results(batches.samples)

    def _standard_results(self, samples: Samples) -> Results:
        """The Results of the metrics that compile was given."""
        if self._results is None:
            objective = self.objective
            assert objective is not None  # there are samples, so the model is built
            shapes = samples.targets_shape
            several = len(objective.heads) > 1
            self._results = Results(
                objective.heads,
                (shapes or [None] * len(objective.heads)) if several else [shapes or None],
                self.output_shapes(samples.x),
            )
        return self._results

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
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
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
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
        kind = "train" if make_step is train_step else "test"
        results = self._results_for(_Known(samples), kind)
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
    ) -> Any:
        """Compute the outputs for samples.

        Args:
            x: As for fit; or it yields batches of samples alone.
            batch_size: The samples in one step.
            verbose: As for fit.
            steps: As steps_per_epoch of fit.
            callbacks: As for fit.

        Returns:
            A tensor (n, ...), the outputs for all samples; or a list or dictionary of them, as the
            model returns several outputs.

        Raises:
            ValueError, TypeError: x or a number does not fit.
        """
        batches = data.batches_to_predict(self, x, batch_size, steps)
        found = self._loop(self._runner(batches, verbose, callbacks)).predict(batches)
        return map_leaves(lambda *parts: pt.concat(list(parts)), *found)

    def predict_on_batch(self, x: Any) -> Any:
        """Compute the outputs for one batch; returns and raises as predict."""
        (x, _, _) = data.samples_to_predict("predict_on_batch", self, x).batch()
        return self._steps.get(predict_step, self, None, SINGLE_PROCESS)(x)

    def _runner(
        self, batches: Batches | Stream, verbose: int | str, callbacks: Callbacks
    ) -> CallbackList:
        """The callbacks of evaluate and predict."""
        runner = CallbackList([*progress(verbose), *listed(callbacks)], self)
        runner.set_params(verbose=verbose, epochs=1, steps=batches.steps)
        return runner


def _validates(name: str, frequency: Any) -> Callable[[int], bool]:
    """What tells whether to validate after an epoch, by its number from 1."""
    if isinstance(frequency, (list, tuple, set)):
        epochs = {integer(name, epoch, 1) for epoch in frequency}
        return lambda epoch: epoch in epochs
    every = integer(name, frequency, 1)
    return lambda epoch: epoch % every == 0


def _flat(data: Any) -> Any:
    """What is in a structure, as a list; a single tensor as it is."""
    found = leaves(data)
    return found if len(found) > 1 else found[0]


def _values(logs: dict[str, float], as_dictionary: bool) -> Any:
    """What evaluate and the like return."""
    if as_dictionary:
        return logs
    return list(logs.values()) if len(logs) > 1 else logs["loss"]
