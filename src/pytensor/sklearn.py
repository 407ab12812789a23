"""Multi-layer perceptrons with the interface of scikit-learn (the extra [sklearn]).

    from pytensor.sklearn import MLPClassifier

    model = make_pipeline(StandardScaler(), MLPClassifier(random_state=0)).fit(X, y)

The classes take the arguments of sklearn.neural_network's, in the same order, and have the same
attributes. With the same random_state they begin with the same weights, take the same batches and
do the same steps, so that losses, weights and the number of iterations agree. They compute in the
dtype of X, or in `dtype`, the only additional argument: float32 takes half the time of float64.
The solver "lbfgs" is not supported.
"""

from __future__ import annotations

import math
import warnings
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from pytensor import _functions as pt
from pytensor import activations, losses, optimizers
from pytensor._core import GradientTape, gather_rows
from pytensor._support.arguments import integer, lookup, number
from pytensor.nn import linear, sparse_softmax_cross_entropy

try:
    import scipy.sparse
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.metrics import accuracy_score, r2_score
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import LabelBinarizer
    from sklearn.utils import check_random_state, column_or_1d, shuffle
    from sklearn.utils.multiclass import type_of_target, unique_labels
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
except ImportError as error:
    raise ImportError(
        "pytensor.sklearn needs scikit-learn >= 1.6: pip install "
        f"'pytensor-kernels[sklearn]' ({error})"
    ) from error

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import ArrayLike

__all__ = ["MLPClassifier", "MLPRegressor"]

_ACTIVATIONS = {
    "identity": activations.linear,
    "logistic": activations.sigmoid,
    "tanh": activations.tanh,
    "relu": activations.relu,
}
# Samples predicted at once: few enough to stay in the cache, and the same bits for any number.
_CHUNK = 1024


class _Perceptron(BaseEstimator):
    """Shared by classifier and regressor, which define _targets, _set_outputs, _loss and _score."""

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dtype: Any = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.dtype = dtype

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    @property
    def coefs_(self) -> list[np.ndarray]:
        """The kernels, a list of arrays (inputs, units); they are the model's memory."""
        return [np.asarray(w) for w in self._known_weights()[::2]]

    @property
    def intercepts_(self) -> list[np.ndarray]:
        """The biases, a list of arrays (units,); they are the model's memory."""
        return [np.asarray(w) for w in self._known_weights()[1::2]]

    def _input_dtypes(self):
        """What validate_data may give X as."""
        if self.dtype is None:
            return np.float64, np.float32
        return self.dtype

    def _known_weights(self):
        try:
            return vars(self)["_weights"]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} is not fitted") from None

    # -------------------------------------------------------------------------------- arguments

    def _check_arguments(self):
        """Check the arguments; the error names the one that is not supported."""
        name = type(self).__name__
        if self.solver == "lbfgs":
            raise ValueError(
                f"{name}: solver: found 'lbfgs', which only scikit-learn has: "
                "expected 'adam' or 'sgd'"
            )
        for argument, known in (
            ("solver", ("adam", "sgd")),
            ("activation", _ACTIVATIONS),
            ("learning_rate", ("constant", "invscaling", "adaptive")),
        ):
            lookup(f"{name}: {argument}", getattr(self, argument), dict.fromkeys(known))
        for argument, low, high, is_open in (
            ("alpha", 0, math.inf, False),
            ("learning_rate_init", 0, math.inf, False),
            ("power_t", 0, math.inf, False),
            ("tol", 0, math.inf, False),
            ("momentum", 0, 1, False),
            ("validation_fraction", 0, 1, True),
            ("beta_1", 0, 1, True),
            ("beta_2", 0, 1, True),
            ("epsilon", 0, math.inf, False),
        ):
            number(f"{name}: {argument}", getattr(self, argument), low, high, below_high=is_open)
        integer(f"{name}: max_iter", self.max_iter, 1)
        if self.dtype is not None and np.dtype(self.dtype) not in (np.float32, np.float64):
            raise ValueError(f"{name}: dtype: found {self.dtype}: expected float32 or float64")
        if self.n_iter_no_change != math.inf:
            integer(f"{name}: n_iter_no_change", self.n_iter_no_change, 1)
        if self.batch_size != "auto":
            integer(f"{name}: batch_size", self.batch_size, 1)
        sizes = self.hidden_layer_sizes
        return [
            integer(f"{name}: hidden_layer_sizes", size, 1)
            for size in (sizes if hasattr(sizes, "__iter__") else (sizes,))
        ]

    # ---------------------------------------------------------------------------------- fitting

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train until the loss, or the score of the validation set, stops improving.

        Args:
            X: numbers, (n_samples, n_features), an array or a sparse matrix.
            y: (n_samples,) or (n_samples, n_outputs).
            sample_weight: (n_samples,), how much each sample counts; by default, equally.

        Returns:
            self.

        Raises:
            TypeError, ValueError: an argument is not supported, or the data do not match.
        """
        return self._fit(X, y, sample_weight, incremental=False)

    def _fit(self, X, y, sample_weight, incremental):
        sizes = self._check_arguments()
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        is_first = "_weights" not in vars(self) or not (self.warm_start or incremental)
        X, y = self._targets(X, y, incremental, is_first)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, dtype=X.dtype)
        self._random_state = check_random_state(self.random_state)
        if is_first:
            self._set_outputs(y)
            self._begin([X.shape[1], *sizes, self.n_outputs_], X.dtype)
        if not incremental or "_optimizer" not in vars(self):
            self._optimizer = self._new_optimizer()
        validation = None
        if self.early_stopping:
            X, y, sample_weight, validation = self._split(X, y, sample_weight)
        try:
            converged = self._run(
                X, y, sample_weight, validation, 1 if incremental else self.max_iter
            )
            if not (converged or incremental):
                warnings.warn(
                    f"{type(self).__name__}: after {self.max_iter} iterations, max_iter, "
                    "it still improves",
                    ConvergenceWarning,
                    stacklevel=3,
                )
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=3)
        if self.early_stopping:
            self._put_back(self._best)
        if not all(np.isfinite(w).all() for w in (*self.coefs_, *self.intercepts_)):
            raise ValueError(
                f"{type(self).__name__}: the weights are no longer finite: expected "
                "smaller numbers in X and y (scale them), or a smaller learning rate"
            )
        return self

    def _begin(self, sizes, dtype):
        """Make the weights and what counts the iterations."""
        self.n_layers_ = len(sizes)
        factor = 2.0 if self.activation == "logistic" else 6.0
        self._weights = []
        for fan_in, fan_out in pairwise(sizes):
            bound = math.sqrt(factor / (fan_in + fan_out))  # Glorot, Bengio 2010
            for shape in ((fan_in, fan_out), (fan_out,)):
                drawn = self._random_state.uniform(-bound, bound, shape)
                self._weights.append(pt.asarray(drawn, dtype=dtype).copy())
        self.t_ = 0
        self.n_iter_ = 0
        self.loss_curve_ = []
        self._n_without_improvement = 0
        self.best_loss_: Any = None if self.early_stopping else math.inf
        self.validation_scores_: Any = [] if self.early_stopping else None
        self.best_validation_score_ = -math.inf if self.early_stopping else None
        self._best = self._copies()

    def _new_optimizer(self):
        rate = self.learning_rate_init
        if self.solver == "adam":
            return optimizers.Adam(rate, self.beta_1, self.beta_2, self.epsilon)
        return optimizers.SGD(rate, self.momentum, self.nesterovs_momentum)

    def _split(self, X, y, sample_weight):
        """Set a part aside for validation, in scikit-learn's way."""
        stratify = y if self._stratifies() else None
        indices = np.arange(X.shape[0])
        train, test = train_test_split(
            indices,
            random_state=self._random_state,
            test_size=self.validation_fraction,
            stratify=stratify,
        )
        if len(test) < 2:
            raise ValueError(
                f"{type(self).__name__}: validation_fraction: "
                f"{self.validation_fraction:g} of {len(indices)} samples leaves "
                f"{len(test)} to validate with: expected at least 2"
            )
        weights = (
            (None, None) if sample_weight is None else (sample_weight[train], sample_weight[test])
        )
        return X[train], y[train], weights[0], (X[test], y[test], weights[1])

    def _run(self, X, y, sample_weight, validation, max_iter):
        """Run epochs until there is no improvement: True; or max_iter: False."""
        n = X.shape[0]
        if self.batch_size != "auto" and self.batch_size > n:
            warnings.warn(
                f"{type(self).__name__}: batch_size: {self.batch_size} is more than the "
                f"{n} samples, and is taken as {n}",
                stacklevel=4,
            )
        size = min(200 if self.batch_size == "auto" else self.batch_size, n)
        rows = _Rows(X, self._weights[0].dtype)
        targets = pt.asarray(y)
        weights = None if sample_weight is None else pt.asarray(sample_weight)
        order = np.arange(n)
        self.n_iter_ = 0
        while self.n_iter_ < max_iter:
            if self.shuffle:
                order = shuffle(order, random_state=self._random_state)
            taken = pt.asarray(order)
            total = 0.0
            for start in range(0, n, size):
                batch = taken[start : start + size]
                weight = None if weights is None else gather_rows(weights, batch)
                total += len(batch) * self._step(
                    rows.take(batch), gather_rows(targets, batch), weight
                )
            self.n_iter_ += 1
            self.t_ += n
            self.loss_ = total / n
            self.loss_curve_.append(self.loss_)
            if self.verbose:
                print(f"Iteration {self.n_iter_}, loss = {self.loss_:.8f}")
            self._compare(validation)
            if self.solver == "sgd" and self.learning_rate == "invscaling":
                self._optimizer.learning_rate = (
                    self.learning_rate_init / (self.t_ + 1) ** self.power_t
                )
            if self._n_without_improvement > self.n_iter_no_change and self._stops():
                return True
        return False

    def _step(self, x, y, weight):
        """Train with one batch. Returns its loss as scikit-learn counts it."""
        weights = self._weights
        with GradientTape() as tape:
            tape.watch(*weights)
            each = self._loss(y, self._outputs(x, weights))  # (n,), summed over the outputs
            if weight is None:
                total = len(y)
                loss = each.mean()
            else:
                total = weight.sum().item()
                loss = (each * weight).sum() / total
        gradients = tape.gradient(loss, weights)
        value = loss.item() / self._loss_outputs
        if self.alpha:
            decay = self.alpha / total
            squares = 0.0
            for k in range(0, len(weights), 2):
                kernel = weights[k]
                squares += pt.square(kernel).sum().item()
                gradients[k] += kernel * decay
            value += 0.5 * decay * squares
        self._optimizer.apply(gradients, weights)
        return value

    def _outputs(self, x, weights):
        """The last layer before its activation."""
        is_relu = self.activation == "relu"
        function = _ACTIVATIONS[self.activation]
        for k in range(0, len(weights) - 2, 2):
            x = (
                linear(x, weights[k], weights[k + 1], relu=True)
                if is_relu
                else function(linear(x, weights[k], weights[k + 1]))
            )
        return linear(x, weights[-2], weights[-1])

    def _compare(self, validation):
        """Count the iterations without improvement."""
        if validation is None:
            current, best = -self.loss_, -self.best_loss_
        else:
            X, y, weight = validation
            current, best = self._score(X, y, weight), self.best_validation_score_
            self.validation_scores_.append(current)
            if self.verbose:
                print(f"Validation score: {current:f}")
        if current < best + self.tol if validation else current <= best + self.tol:
            self._n_without_improvement += 1
        else:
            self._n_without_improvement = 0
        if current > best:
            if validation is None:
                self.best_loss_ = self.loss_
            else:
                self.best_validation_score_ = current
                self._best = self._copies()

    def _stops(self):
        """Whether this is the end; with an adaptive rate, a smaller one comes first."""
        what = "validation score" if self.early_stopping else "training loss"
        message = (
            f"{what} did not improve more than tol={self.tol:f} for {self.n_iter_no_change} "
            "consecutive epochs"
        )
        adapts = self.solver == "sgd" and self.learning_rate == "adaptive"
        if adapts and self._optimizer.learning_rate > 1e-6:
            self._optimizer.learning_rate /= 5
            self._n_without_improvement = 0
            if self.verbose:
                print(f"{message}: learning rate {self._optimizer.learning_rate:g}")
            return False
        if self.verbose:
            print(f"{message}: stopping")
        return True

    def _copies(self):
        return [np.array(w) for w in self._weights]

    def _put_back(self, copies):
        for w, copied in zip(self._weights, copies, strict=True):
            w[...] = pt.asarray(copied)

    # ------------------------------------------------------------------------------- predicting

    def _checked(self, X):
        """X of a fitted model's features."""
        check_is_fitted(self)
        return validate_data(
            self, X, accept_sparse=["csr"], dtype=self._input_dtypes(), reset=False
        )

    def _predictions(self, X):
        """The network's outputs, an array (n, n_outputs) of X's dtype."""
        rows = _Rows(X, self._weights[0].dtype)
        parts = [
            self._activation(self._outputs(rows.slice(start, start + _CHUNK), self._weights))
            for start in range(0, X.shape[0], _CHUNK)
        ]
        return np.concatenate([np.asarray(part) for part in parts]).astype(X.dtype)


class _Rows:
    """Takes rows of X, an array or a sparse matrix, as tensors of a dtype."""

    def __init__(self, X, dtype):
        self._sparse = X.tocsr() if scipy.sparse.issparse(X) else None
        self._dense: Any = (
            None if self._sparse is not None else pt.asarray(np.ascontiguousarray(X, dtype))
        )
        self._dtype = dtype

    def take(self, numbers):
        """The rows of these numbers."""
        if self._sparse is None:
            return gather_rows(self._dense, numbers)
        return self._as_tensor(self._sparse[np.asarray(numbers)])

    def slice(self, start, stop):
        """The rows from start to stop."""
        if self._sparse is None:
            return self._dense[start:stop]
        return self._as_tensor(self._sparse[start:stop])

    def _as_tensor(self, rows):
        return pt.asarray(rows.toarray().astype(self._dtype))


class MLPClassifier(ClassifierMixin, _Perceptron):
    """A multi-layer perceptron that tells classes apart: of two, of several, or several at once
    (y a matrix of 0 and 1). Arguments and attributes: see sklearn.neural_network.MLPClassifier.

    >>> from pytensor.sklearn import MLPClassifier
    >>> x, y = np.random.default_rng(0).normal(size=(100, 4)), np.arange(100) % 2
    >>> model = MLPClassifier(hidden_layer_sizes=(16,), tol=1.0, random_state=0)
    >>> model.fit(x, y).predict(x).shape
    (100,)
    """

    def __sklearn_tags__(self) -> Any:
        """What the class can do, for scikit-learn."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
    ) -> Self:
        """Train one more epoch.

        Args:
            X, y, sample_weight: as in fit.
            classes: all classes; required in the first call only.

        Returns:
            self.
        """
        if "classes_" not in vars(self):
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            is_multilabel = type_of_target(y).startswith("multilabel")
            self._binarizer = LabelBinarizer().fit(y if is_multilabel else classes)
            self.classes_ = self._binarizer.classes_
        elif classes is not None and not np.array_equal(self.classes_, unique_labels(classes)):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to "
                f"partial_fit, was: {self.classes_!r}"
            )
        return self._fit(X, y, sample_weight, incremental=True)

    def _targets(self, X, y, incremental, is_first):
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=["csr"],
            multi_output=True,
            dtype=self._input_dtypes(),
            reset=is_first,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if "classes_" not in vars(self) or (is_first and not incremental):
            self._binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._binarizer.classes_
        else:
            classes = unique_labels(y)
            unknown = np.setdiff1d(classes, self.classes_)
            if len(unknown) or (self.warm_start and len(classes) != len(self.classes_)):
                raise ValueError(
                    f"{type(self).__name__}: y has the classes {classes}: expected "
                    f"those of the model, {self.classes_}"
                )
        if self._is_multiclass():
            return X, np.searchsorted(self.classes_, y)
        return X, self._binarizer.transform(y).astype(X.dtype)

    def _is_multiclass(self):
        return self._binarizer.y_type_ == "multiclass"

    def _set_outputs(self, y):
        if self._is_multiclass():
            self.n_outputs_ = len(self.classes_)
            self.out_activation_ = "softmax"
        else:
            self.n_outputs_ = y.shape[1]
            self.out_activation_ = "logistic"
        self._loss_outputs = 1

    def _stratifies(self):
        return self.n_outputs_ == 1

    def _loss(self, y, outputs):
        if self.out_activation_ == "softmax":
            return sparse_softmax_cross_entropy(outputs, y)
        return losses.binary_crossentropy(y, outputs, from_logits=True) * self.n_outputs_

    def _activation(self, outputs):
        return (activations.softmax if self.out_activation_ == "softmax" else activations.sigmoid)(
            outputs
        )

    def _classes_of(self, probabilities):
        if self._is_multiclass():
            return self.classes_[probabilities.argmax(axis=1)]
        chosen = (probabilities > 0.5).astype(int)
        return chosen if self._binarizer.y_type_ != "binary" else self.classes_[chosen.ravel()]

    def _score(self, X, y, weight):
        predicted = self._classes_of(self._predictions(X))
        if self._is_multiclass():
            y = self.classes_[y]
        elif self._binarizer.y_type_ == "binary":
            y = self.classes_[y.ravel().astype(int)]
        return accuracy_score(y, predicted, sample_weight=weight)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the classes of samples, (n_samples,), or 0 and 1 for each of several labels."""
        return self._classes_of(self._predictions(self._checked(X)))

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Return the probabilities of the classes, (n_samples, n_classes)."""
        found = self._predictions(self._checked(X))
        return np.hstack((1 - found, found)) if self._binarizer.y_type_ == "binary" else found

    def predict_log_proba(self, X: ArrayLike) -> np.ndarray:
        """Return the logarithms of predict_proba."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))


class MLPRegressor(RegressorMixin, _Perceptron):
    """A multi-layer perceptron that predicts numbers, one or several for each sample. Arguments and
    attributes: see sklearn.neural_network.MLPRegressor.

    >>> from pytensor.sklearn import MLPRegressor
    >>> x = np.random.default_rng(0).normal(size=(100, 4))
    >>> model = MLPRegressor(hidden_layer_sizes=(16,), tol=1.0, random_state=0)
    >>> model.fit(x, x[:, 0]).predict(x).shape
    (100,)
    """

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dtype: Any = None,
    ) -> None:
        """Keep the arguments; fit checks them."""
        super().__init__(
            hidden_layer_sizes,
            activation,
            solver=solver,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            power_t=power_t,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            verbose=verbose,
            warm_start=warm_start,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            n_iter_no_change=n_iter_no_change,
            max_fun=max_fun,
            dtype=dtype,
        )
        self.loss = loss

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train one more epoch; arguments, result and errors are those of fit."""
        return self._fit(X, y, sample_weight, incremental=True)

    def _check_arguments(self):
        lookup(
            f"{type(self).__name__}: loss", self.loss, dict.fromkeys(("squared_error", "poisson"))
        )
        return super()._check_arguments()

    def _targets(self, X, y, incremental, is_first):
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=["csr"],
            multi_output=True,
            y_numeric=True,
            dtype=self._input_dtypes(),
            reset=is_first,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if self.loss == "poisson" and (y < 0).any():
            raise ValueError(
                f"{type(self).__name__}: y: found {y.min():g}: loss='poisson' expects y >= 0"
            )
        if not is_first and (1 if y.ndim == 1 else y.shape[1]) != self.n_outputs_:
            raise ValueError(
                f"{type(self).__name__}: y has shape {y.shape}: expected {self.n_outputs_} outputs"
            )
        return X, np.ascontiguousarray(y.reshape(len(y), -1), X.dtype)

    def _set_outputs(self, y):
        self.n_outputs_ = y.shape[1]
        self.out_activation_ = "exp" if self.loss == "poisson" else "identity"
        self._loss_outputs = self.n_outputs_ if self.loss == "squared_error" else 1

    def _stratifies(self):
        return False

    def _loss(self, y, outputs):
        if self.loss == "squared_error":
            return (pt.square(outputs - y) * 0.5).sum(axis=-1)
        constant = pt.where(y > 0, y * pt.log(pt.maximum(y, 1e-30)), 0.0) - y
        return (pt.exp(outputs) - y * outputs + constant).sum(axis=-1)

    def _activation(self, outputs):
        return pt.exp(outputs) if self.loss == "poisson" else outputs

    def _score(self, X, y, weight):
        return r2_score(y, self._predictions(X), sample_weight=weight)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the numbers predicted for samples, (n_samples,) or (n_samples, n_outputs)."""
        found = self._predictions(self._checked(X))
        return found.ravel() if found.shape[1] == 1 else found
