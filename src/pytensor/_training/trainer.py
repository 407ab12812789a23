"""compile, fit, evaluate, predict: what a model does with data.

There is one step of training (_train_step) for every model, layer and loss: forward under a tape,
the loss, the gradients, the optimizer, the metrics.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from dataclasses import dataclass

import numpy as np

from pytensor import _functions as pt
from pytensor import losses, metrics, optimizers, serialization
from pytensor._core import GradientTape
from pytensor._support.arguments import integer, number
from pytensor._training.batches import (
    Batches,
    Position,
    Stream,
    as_source,
    count_to_train_with,
    is_stream,
    refuse_list_of_batches,
    weights_of_classes,
)
from pytensor.activations import softmax
from pytensor.callbacks import CallbackList, History, listed, progress
from pytensor.layers.layer import mode, structure


class _LossNotFinite(FloatingPointError):
    """The loss of a step is NaN or infinite; fit adds where that happened."""

    def __init__(self, value, **data):
        """Data: the tensors of the batch by name, or None."""
        self.value = value
        self._data = data
        super().__init__(self.told())

    def told(self, rows=None):
        """Say so, and whether the data are to blame.

        rows: the row in the data set of each row of the batch, None where there is no such thing.
        """
        text = f"the loss is {self.value}"
        for name, tensor in self._data.items():
            values = np.asarray(0.0 if tensor is None else tensor)
            wrong = ~np.isfinite(values)
            if wrong.any():
                place = tuple(int(i[0]) for i in wrong.nonzero())
                count, shown = int(wrong.sum()), list(place)
                if rows is not None and shown:
                    shown[0] = int(rows[shown[0]])
                of = " of the batch" if rows is None else ", in the rows of this step,"
                text += (
                    f": {name}{of} has {count} element{'s' * (count > 1)} that "
                    f"{'are' if count > 1 else 'is'} not finite, the first is {values[place]} "
                    f"at {shown}"
                )
        return text


@dataclass
class Run:
    """What fit is doing, for checkpoints. data: what must be the same for another run to go on.
    distribution: a distributed.DataParallel, or None."""

    position: Position
    callbacks: list
    data: dict
    distribution: object = None


class Trainer:
    """What a model inherits beside its layers. run: a Run while fit runs, else None.

    stop_training, stop_evaluating, stop_predicting: set to True, by a callback, they end fit,
    evaluate or predict after the batch at hand; where several ranks share batches, after the epoch.

    The model provides: built, build(input_shape), input_shape, output_shape,
    stages(training, logits), output_activation, trainable_weights.
    """

    optimizer = None
    loss = None
    stop_training = stop_evaluating = stop_predicting = False
    history = None
    run = None
    _is_running = False
    _without_layers = ("_steps",)  # whose keys may hold an activation that is a layer

    def __init__(self, **options):
        """Options: those of the class that comes next, Layer."""
        super().__init__(**options)
        self._steps = {}  # what _cached_step made

    def __getstate__(self):
        """For copy and pickle: all but the compiled steps, which belong to these very weights."""
        return {**vars(self), "_steps": {}, "run": None}

    # ----------------------------------------------------------------------------------- compile

    def compile(self, optimizer="rmsprop", loss=None, metrics=None, weighted_metrics=None):
        """Choose how to train.

        optimizer: a name ("sgd", "rmsprop", "adam", ...) or an Optimizer.
        loss: a name ("categorical_crossentropy", ...), a Loss, or a function (y_true, y_pred).
        metrics: a list of names ("accuracy", ...), Metrics or functions (y_true, y_pred).
        weighted_metrics: the same, of those that heed the weights of samples and classes.

        Raises:
            ValueError: a name is unknown (the message lists the known ones), two metrics have one
                name, or no loss is given.
            TypeError: something is neither a name nor of the right class.
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
                "expected one that gives a number"
            )
        for name, value in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            if isinstance(value, str) or not isinstance(value, (list, tuple, type(None))):
                raise TypeError(f"compile: {name}: found {value!r}: expected a list")
        _checked_metrics([*(metrics or ()), *(weighted_metrics or ())], (1, 1), (1, 1))
        self.optimizer = optimizer
        self.loss = loss
        self.stop_training = False
        self._metrics_asked = list(metrics or ())
        self._weighted_asked = list(weighted_metrics or ())
        self._metrics = None
        self._steps = {}

    def get_compile_config(self):
        """Return what compile was given, of a kind that JSON can hold; None if it was not called.

        Raises:
            TypeError: a function among them has no name.
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

    def compile_from_config(self, config):
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

    def _check_compiled(self, function):
        if self.loss is None:
            raise RuntimeError(
                f"{function}: the model is not compiled: call compile(optimizer, loss) first"
            )

    @property
    def metrics_names(self):
        """The names in logs and history, "loss" first."""
        return ["loss", *(metric.name for metric in self._metrics or ())]

    # ---------------------------------------------------------------------------------- the data

    def _inputs(self, function, x):
        """x as a source of samples of the model's input shape; builds the model if that is open."""
        x = as_source(f"{function}: x", x)
        given = x.shape
        if x.ndim == 1:
            x = x.reshape((x.shape[0], 1))
        if not self.built:
            self.build((None, *x.shape[1:]))
        if x.shape[1:] != self.input_shape[1:]:
            raise ValueError(
                f"{function}: x has shape {given}: expected {_shape_text(self.input_shape)}"
            )
        return x

    def _data(self, function, x, y, sample_weight=None, class_weight=None):
        """x, y and weights as checked sources, and the dtype of batches of y."""
        x = self._inputs(function, x)
        y = as_source(f"{function}: y", y)
        if len(x) != len(y):
            raise ValueError(
                f"{function}: x has {len(x)} samples and y {len(y)}: expected the same number"
            )
        predictions_shape = (len(x), *self.output_shape[1:])
        try:
            y = self.loss.targets(y, predictions_shape)
        except ValueError as error:
            raise ValueError(f"{function}: {error}") from None
        if self._metrics is None:
            self._metrics = _checked_metrics(
                [*self._metrics_asked, *self._weighted_asked], y.shape, predictions_shape
            )
            self._loss_mean = metrics.Mean("loss")
        dtype = self.loss.dtype
        if dtype is None:
            dtype = pt.float32 if y.dtype.kind == "f" else y.dtype
        if class_weight is not None:
            _refuse_both(function, sample_weight, class_weight)
            sample_weight = weights_of_classes(function, y, class_weight)
        elif sample_weight is not None:
            sample_weight = as_source(f"{function}: sample_weight", sample_weight)
            if len(sample_weight) != len(x):
                raise ValueError(
                    f"{function}: x has {len(x)} samples and sample_weight "
                    f"{len(sample_weight)}: expected the same number"
                )
            sample_weight = sample_weight.astype(pt.float32, copy=False)
        return x, y, sample_weight, dtype

    def _batch(self, function, batch, class_weight=None):
        """A batch of a stream, (x, y) or (x, y, sample_weight), as a step takes it."""
        if not isinstance(batch, (list, tuple)) or len(batch) not in (2, 3):
            raise ValueError(
                f"{function}: x: found a batch {_described(batch)}: expected (x, y) "
                "or (x, y, sample_weight)"
            )
        x, y, weights, dtype = self._data(function, *batch, class_weight=class_weight)
        return x.astype(pt.float32, copy=False), y.astype(dtype, copy=False), weights

    def _batches(
        self,
        function,
        x,
        y,
        weights,
        batch_size,
        steps,
        steps_name,
        shuffle=False,
        class_weight=None,
    ):
        """The batches of arrays x, y, weights or of a stream x."""
        if is_stream(x):
            if y is not None or weights is not None:
                raise ValueError(
                    f"{function}: x gives batches: expected y and sample_weight in "
                    "them, as (x, y, sample_weight)"
                )
            steps = None if steps is None else integer(f"{function}: {steps_name}", steps, 1)
            return Stream(
                f"{function}: x", x, lambda batch: self._batch(function, batch, class_weight), steps
            )
        if steps is not None:
            raise ValueError(
                f"{function}: {steps_name}: found {steps} for an array x: expected "
                "None (it is for iterators of batches)"
            )
        if y is None:
            refuse_list_of_batches(function, x)
        size = _batch_size(f"{function}: batch_size", batch_size)
        return Batches(*self._data(function, x, y, weights, class_weight), size, shuffle)

    # ----------------------------------------------------------------------------------- the step

    def _forward(self, training):
        """Everything between a batch and its metrics.

        Returns: the stages to run in turn, the loss of (y, outputs, weights), and update(value, y,
        outputs, weights) for the metrics. Where the last activation belongs to the loss, outputs
        are logits: the loss of those is the same function, but stable and fused.
        """
        loss = self.loss
        activation = self.output_activation
        logits = (
            not loss.from_logits and loss.activation is not None and loss.activation is activation
        )
        if logits:
            loss = loss.on_logits()
        loss_mean = self._loss_mean
        n_unweighted = len(self._metrics_asked)
        unweighted = self._metrics[:n_unweighted]
        on_outputs = [
            metric.update_state for metric in unweighted if not logits or metric.takes_logits
        ]
        on_predictions = [
            metric.update_state for metric in unweighted if logits and not metric.takes_logits
        ]
        weighted = [metric.update_state for metric in self._metrics[n_unweighted:]]

        def update(value, y, outputs, weights):
            n = len(y)
            loss_mean.add(value * n, n)
            for update_state in on_outputs:
                update_state(y, outputs)
            if on_predictions or weighted:
                predictions = activation(outputs) if logits else outputs
                for update_state in on_predictions:
                    update_state(y, predictions)
                for update_state in weighted:
                    update_state(y, predictions, weights)

        return self.stages(training, logits), loss, update

    def _train_step(self):
        """Return step(x, y, weights of samples or None): one update of the weights."""
        stages, loss_of, update = self._forward(training=True)
        weights = self.trainable_weights
        if not weights:
            raise ValueError(f"fit: {self.name!r} has no weights to train")
        if self.output_activation is softmax and self.output_shape[-1] == 1:
            warnings.warn(
                "fit: softmax of one output is 1 whatever the input: expected a sigmoid, "
                "or one output for each class",
                stacklevel=4,
            )
        optimizer = self.optimizer
        optimizer.build(weights)
        regularizers = self.attached("regularizers")
        constraints = self.attached("constraints")

        distribution = self.sharing
        by_rows = optimizer.takes_row_gradients and distribution is None

        def differentiate(x, y, sample_weight):
            mode.training = True
            mode.losses = added = []
            try:
                with GradientTape() as tape:
                    tape.watch(*weights)
                    outputs = x
                    for stage in stages:
                        outputs = stage(outputs)
                    loss = loss_of(y, outputs, sample_weight)
                    for regularizer, w in regularizers:
                        loss = loss + regularizer(w)
                    for term in added:
                        loss = loss + term
            finally:
                mode.training = False
                mode.losses = None
            value = loss.item()
            gradients = (
                tape.gradient(loss, weights, row_gradients=by_rows) if math.isfinite(value) else ()
            )
            return value, gradients, outputs

        def apply(gradients):
            optimizer.apply(gradients, weights)
            for constraint, w in constraints:
                w[...] = constraint(w)

        def step(x, y, sample_weight=None):
            value, gradients, outputs = differentiate(x, y, sample_weight)
            if not math.isfinite(value):
                raise _LossNotFinite(value, x=x, y=y, sample_weight=sample_weight)
            apply(gradients)
            update(value, y, outputs, sample_weight)

        if distribution is None:
            return step
        step_of_all = distribution.train_step(self, differentiate, apply, update)

        def shared_step(*parts):
            value = step_of_all(*parts)
            if not math.isfinite(value):
                raise _LossNotFinite(
                    value,
                    **{
                        name: pt.concat(list(tensors))
                        for name, tensors in zip(("x", "y"), parts, strict=False)
                    },
                )

        return shared_step

    def _test_step(self):
        """Return step(x, y, weights of samples or None): the metrics of a batch."""
        stages, loss_of, update = self._forward(training=False)
        regularizers = self.attached("regularizers")

        def step(x, y, sample_weight=None):
            mode.losses = added = []
            try:
                outputs = x
                for stage in stages:
                    outputs = stage(outputs)
            finally:
                mode.losses = None
            value = loss_of(y, outputs, sample_weight).item()
            for regularizer, w in regularizers:
                value += regularizer(w).item()
            for term in added:
                value += term.item()
            update(value, y, outputs, sample_weight)

        distribution = self.sharing
        return step if distribution is None else distribution.test_step(step)

    def _predict_step(self):
        """Return step(x): the predictions of a batch."""
        stages = self.stages(training=False, logits=False)

        def step(x):
            for stage in stages:
                x = stage(x)
            return x

        return step

    def _cached_step(self, make):
        """Return what make() returned last, anew when what it is made of has changed."""
        made_of = (
            structure.version,
            self.optimizer,
            self.loss,
            self.output_activation,
            self.sharing,
        )
        known, step = self._steps.get(make.__name__, (None, None))
        if known is None or any(a is not b and a != b for a, b in zip(known, made_of, strict=True)):
            step = make()
            self._steps[make.__name__] = made_of, step
        return step

    @property
    def sharing(self):
        """What shares the batches of this run among ranks, or None."""
        distribution = None if self.run is None else self.run.distribution
        return distribution if distribution is not None and distribution.shares else None

    @property
    def accumulated(self):
        """The metrics of a run, the mean loss first."""
        return [self._loss_mean, *self._metrics]

    def _reset_metrics(self):
        self._loss_mean.reset_state()
        for metric in self._metrics:
            metric.reset_state()

    def _logs(self):
        logs = {"loss": self._loss_mean.result()}
        for metric in self._metrics:
            logs[metric.name] = metric.result()
        return logs

    # --------------------------------------------------------------------------------------- fit

    def fit(
        self,
        x=None,
        y=None,
        batch_size=32,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        class_weight=None,
        sample_weight=None,
        initial_epoch=0,
        steps_per_epoch=None,
        validation_steps=None,
        validation_batch_size=None,
        distribution=None,
    ):
        """Train.

        x, y: samples (n, ...) and their targets: tensors, NumPy arrays or lists, of any dtype; they
            are not copied, batches become float32 one by one. Or x gives batches (x, y) or (x, y,
            sample_weight): a generator or another iterator, or an object that can be iterated over
            anew in every epoch, or that has a length and items.
        batch_size: samples in one step; the last step of an epoch takes what is left.
        epochs: number of the last epoch; initial_epoch: how many of them are done already.
        verbose: 0, nothing; 1, a bar per epoch; 2, a line per epoch; "auto", a bar on a terminal.
        callbacks: a list of callbacks.Callback.
        validation_split: in [0, 1), the share of x and y, taken from their end, to validate with.
        validation_data: (x, y) or (x, y, sample_weight) to validate with, instead of
            validation_split; or batches, as x.
        shuffle: take the samples of arrays in a new random order in every epoch.
        class_weight: {class number: weight} for the losses of samples; 1 for what is not listed.
            Those to validate with have no weights by it.
        sample_weight: weights for the losses of samples, (n,), instead.
        steps_per_epoch, validation_steps: how many batches to take from an iterator; by default all
            that it has.
        validation_batch_size: by default batch_size.
        distribution: a distributed.DataParallel, to share each batch among several processes.

        Returns: a callbacks.History. The loss of an epoch is the mean over its samples, each at the
        step it was used in; that of the validation data comes from the weights after the epoch.

        Raises:
            RuntimeError: the model is not compiled.
            ValueError: data, shapes, labels or numbers do not fit; the message says which.
            FloatingPointError: the loss is NaN or infinite; the message names epoch and step. The
                weights are those before that step. (With callbacks.TerminateOnNaN, fit returns.)
        """
        self._check_compiled("fit")
        batch_size = _batch_size("fit: batch_size", batch_size)
        epochs = integer("fit: epochs", epochs, 0)
        initial_epoch = integer("fit: initial_epoch", initial_epoch, 0)
        validation_split = number("fit: validation_split", validation_split, 0, 1, below_high=True)
        validation_size = _batch_size(
            "fit: validation_batch_size", validation_batch_size or batch_size
        )
        validation = None
        if validation_split > 0 and validation_data is None:
            if is_stream(x):
                raise ValueError("fit: validation_split: x gives batches: expected validation_data")
            if y is None:
                refuse_list_of_batches("fit", x)
            _refuse_both("fit", sample_weight, class_weight)
            *data, dtype = self._data("fit", x, y, sample_weight)
            n_train = count_to_train_with(len(data[0]), validation_split)
            if n_train == 0:
                raise ValueError(
                    f"fit: validation_split: {validation_split:g} of {len(data[0])} "
                    "samples leaves none to train with"
                )
            held_out = [None if part is None else part[n_train:] for part in data]
            data = [None if part is None else part[:n_train] for part in data]
            if class_weight is not None:
                data[2] = weights_of_classes("fit", data[1], class_weight)
            batches = Batches(*data, dtype, batch_size, bool(shuffle))
            validation = Batches(*held_out, dtype, validation_size)
        else:
            batches = self._batches(
                "fit",
                x,
                y,
                sample_weight,
                batch_size,
                steps_per_epoch,
                "steps_per_epoch",
                bool(shuffle),
                class_weight,
            )
        if validation_data is not None:
            validation = self._batches(
                "fit: validation_data",
                *_parts(validation_data),
                validation_size,
                validation_steps,
                "validation_steps",
            )
        self.history = History()
        callbacks = sorted(
            [*listed(callbacks), self.history],
            key=lambda callback: getattr(callback, "runs_last", False),
        )
        used = [*progress(verbose), *callbacks]
        if distribution is not None and not distribution.is_first:
            used = [callback for callback in used if not callback.only_shows]
        runner = CallbackList(used, self)
        runner.set_params(verbose=verbose, epochs=epochs, steps=batches.steps)
        self.run = Run(batches.position, callbacks, batches.about(), distribution)
        if self.sharing is not None:
            batches.cut = distribution.cut
            if validation is not None:
                validation.cut = distribution.cut
        try:
            with (
                self._running(),
                contextlib.nullcontext() if distribution is None else distribution.fitting(self),
            ):
                self._run_epochs(batches, validation, initial_epoch, epochs, runner)
        finally:
            self.run = None
            for callback in runner.callbacks:
                callback.close()
        return self.history

    @contextlib.contextmanager
    def _running(self):
        """While callbacks are called: they must not compile anew."""
        self._is_running = True
        try:
            yield
        finally:
            self._is_running = False

    def _run_epochs(self, batches, validation, initial_epoch, epochs, runner):
        self.stop_training = False
        position = batches.position
        position.epoch = initial_epoch
        logs = {}
        runner.run("on_train_begin", logs)  # where a Checkpoint may move the position
        while position.epoch < epochs and not self.stop_training and not batches.ran_out:
            epoch = position.epoch
            runner.run("on_epoch_begin", epoch, {})
            try:
                logs = self._run_batches(self._train_step, batches, runner, "train")
            except FloatingPointError as error:
                raise FloatingPointError(f"fit: epoch {epoch + 1}, {error}") from None
            if validation is not None:
                found = self._run_evaluation(validation, runner)
                logs |= {f"val_{name}": value for name, value in found.items()}
            position.epoch, position.step = epoch + 1, 0
            runner.run("on_epoch_end", epoch, logs)
            if self.sharing is not None:
                self.run.distribution.end_epoch(self)
        runner.run("on_train_end", logs)

    def _run_batches(self, make_step, batches, runner, kind):
        """Run the step on every batch, with the hooks of that kind. Returns the logs."""
        step = None
        before = runner.hooks[f"on_{kind}_batch_begin"]
        after = runner.hooks[f"on_{kind}_batch_end"]
        position, is_training = batches.position, kind == "train"
        done = first = position.step
        distribution = self.sharing
        if distribution is not None:
            distribution.begin_epoch(position)
        for i, (x, y, weights) in enumerate(batches, first):
            if step is None:  # the first batch of a stream says what to build
                step = self._cached_step(make_step)
                if first == 0:
                    self._reset_metrics()
                if distribution is not None:
                    distribution.begin_metrics(self.accumulated)
            for hook in before:
                hook(i, {})
            try:
                step(x, y, weights)
            except _LossNotFinite as error:
                if runner.ends_at_nan:
                    logs = self._logs() | {"loss": error.value}
                    for hook in after:
                        hook(i, logs)
                    return logs
                of = "" if batches.steps is None else f" of {batches.steps}"
                raise FloatingPointError(
                    f"step {i + 1}{of}: {error.told(batches.rows(i))}"
                ) from None
            done = i + 1
            if is_training:
                position.step = done
            if after:
                logs = self._logs()
                for hook in after:
                    hook(i, logs)
            # Ranks that share batches must agree, which they do after the epoch.
            if distribution is None and (
                self.stop_training if is_training else self.stop_evaluating
            ):
                break
        if runner.params["steps"] is None:
            runner.params["steps"] = batches.steps or done
        with contextlib.nullcontext() if distribution is None else distribution.whole_metrics():
            return self._logs()

    def train_on_batch(self, x, y, sample_weight=None, class_weight=None, return_dict=False):
        """Train one step on one batch.

        Returns: the loss, or [loss, *metrics], of this batch before the step; with return_dict a
        dictionary by name.
        Raises: as fit.
        """
        return self._on_batch(
            "train_on_batch", self._train_step, x, y, sample_weight, class_weight, return_dict
        )

    def test_on_batch(self, x, y, sample_weight=None, return_dict=False):
        """Evaluate one batch. Returns: as train_on_batch. Raises: as evaluate."""
        return self._on_batch(
            "test_on_batch", self._test_step, x, y, sample_weight, None, return_dict
        )

    def _on_batch(self, function, make_step, x, y, sample_weight, class_weight, return_dict):
        self._check_compiled(function)
        x, y, weights, dtype = self._data(function, x, y, sample_weight, class_weight)
        self._reset_metrics()
        try:
            self._cached_step(make_step)(
                x.astype(pt.float32, copy=False), y.astype(dtype, copy=False), weights
            )
        except _LossNotFinite as error:
            raise FloatingPointError(f"{function}: {error}") from None
        return _values(self._logs(), return_dict)

    # ------------------------------------------------------------------------ evaluate, predict

    def evaluate(
        self,
        x=None,
        y=None,
        batch_size=32,
        verbose="auto",
        sample_weight=None,
        steps=None,
        callbacks=None,
        return_dict=False,
    ):
        """Compute loss and metrics, the weights unchanged.

        x, y, batch_size, verbose, sample_weight, callbacks: as for fit; steps: as steps_per_epoch.
        Returns: the loss, or [loss, *metrics]; with return_dict a dictionary by name.
        Raises: RuntimeError: the model is not compiled. ValueError: data or numbers do not fit.
        """
        self._check_compiled("evaluate")
        batches = self._batches("evaluate", x, y, sample_weight, batch_size, steps, "steps")
        runner = self._runner(batches, verbose, callbacks)
        with self._running():
            logs = self._run_evaluation(batches, runner)
        return _values(logs, return_dict)

    def _run_evaluation(self, batches, runner):
        self.stop_evaluating = False
        runner.run("on_test_begin", {})
        logs = self._run_batches(self._test_step, batches, runner, "test")
        runner.run("on_test_end", logs)
        return logs

    def predict(self, x, batch_size=32, verbose="auto", steps=None, callbacks=None):
        """Compute the outputs for samples.

        x, batch_size, verbose, callbacks: as for fit, but x may give batches of samples alone, too;
        steps: as steps_per_epoch.
        Returns: a tensor (n, ...), the outputs for all samples.
        Raises: ValueError: x or a number does not fit.
        """
        if is_stream(x):
            steps = None if steps is None else integer("predict: steps", steps, 1)
            batches = Stream("predict: x", x, self._samples, steps)
        else:
            batches = Batches(
                self._inputs("predict", x),
                None,
                None,
                None,
                _batch_size("predict: batch_size", batch_size),
            )
        runner = self._runner(batches, verbose, callbacks)
        outputs = []
        self.stop_predicting = False
        runner.run("on_predict_begin", {})
        for i, (batch, _, _) in enumerate(batches):
            runner.run("on_predict_batch_begin", i, {})
            outputs.append(self._cached_step(self._predict_step)(batch))
            runner.run("on_predict_batch_end", i, {"outputs": outputs[-1]})
            if self.stop_predicting:
                break
        if runner.params["steps"] is None:
            runner.params["steps"] = batches.steps or len(outputs)
        runner.run("on_predict_end", {})
        return pt.concat(outputs)

    def _samples(self, batch):
        """A batch of a stream, x or (x, ...), as a triple."""
        x = self._inputs("predict", batch[0] if isinstance(batch, (list, tuple)) else batch)
        return x.astype(pt.float32, copy=False), None, None

    def predict_on_batch(self, x):
        """Compute the outputs for one batch, a tensor. Raises: as predict."""
        x = self._inputs("predict_on_batch", x)
        return self._cached_step(self._predict_step)(x.astype(pt.float32, copy=False))

    def _runner(self, batches, verbose, callbacks):
        """The callbacks of a run that is no training."""
        runner = CallbackList([*progress(verbose), *listed(callbacks)], self)
        runner.set_params(verbose=verbose, epochs=1, steps=batches.steps)
        return runner


def _checked_metrics(identifiers, targets_shape, predictions_shape):
    """The metrics as objects, no name twice."""
    found = []
    for identifier in identifiers:
        metric = metrics.get(identifier, targets_shape, predictions_shape)
        if metric.name == "loss" or any(metric.name == other.name for other in found):
            raise ValueError(
                f"compile: metrics: the name {metric.name!r} is taken: expected each once"
            )
        found.append(metric)
    return found


def _refuse_both(function, sample_weight, class_weight):
    if sample_weight is not None and class_weight is not None:
        raise ValueError(f"{function}: found sample_weight and class_weight: expected one of them")


def _batch_size(name, value):
    """The number of samples in a batch; None means 32."""
    return integer(name, 32 if value is None else value, 1)


def _parts(data):
    """What validation_data may be, as x, y and weights."""
    if is_stream(data):
        return data, None, None
    if not isinstance(data, (list, tuple)) or len(data) not in (2, 3):
        raise ValueError(
            f"fit: validation_data: found {_described(data)}: expected a pair (x, y), "
            "a triple (x, y, sample_weight) or an iterator of such batches"
        )
    return (*data, None)[:3]


def _described(data):
    """What something is, in a few words."""
    return (
        f"of {len(data)} parts"
        if isinstance(data, (list, tuple))
        else f"of type {type(data).__name__}"
    )


def _values(logs, as_dictionary):
    """What evaluate and the like return."""
    if as_dictionary:
        return logs
    return list(logs.values()) if len(logs) > 1 else logs["loss"]


def _shape_text(shape):
    """(None, 784) as (n, 784)."""
    return f"(n, {', '.join(map(str, shape[1:]))})" if len(shape) > 1 else "(n,)"
