"""pytensor.sklearn: scikit-learn's own checks, and its classes step by step."""

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs pytensor-kernels[oracles]")

import scipy.sparse
from sklearn import datasets, neural_network
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import check_estimator

from pytensor.sklearn import MLPClassifier, MLPRegressor

pytestmark = [
    pytest.mark.once,
    pytest.mark.oracle,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

DIGITS = datasets.load_digits(return_X_y=True)
DIGITS = DIGITS[0][:600] / 16, DIGITS[1][:600]
NUMBERS = datasets.make_regression(200, 5, n_targets=2, random_state=0)
NUMBERS = NUMBERS[0], NUMBERS[1] / 50
SETS = {
    "classes": DIGITS,
    "binary": (DIGITS[0], np.where(DIGITS[1] > 4, "large", "small")),
    "labels": datasets.make_multilabel_classification(200, 10, random_state=0),
    "number": (NUMBERS[0], NUMBERS[1][:, 0]),
    "numbers": NUMBERS,
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_check_estimator(cls):
    results = check_estimator(cls(), on_skip=None)
    assert len(results) > 50
    assert {result["status"] for result in results} <= {"passed", "skipped"}


def pair(data, **options):
    """Ours and scikit-learn's, fitted in the same way."""
    X, y = SETS[data]
    name = "MLPRegressor" if data.startswith("number") else "MLPClassifier"
    ours = {"MLPRegressor": MLPRegressor, "MLPClassifier": MLPClassifier}[name]
    options = {"random_state": 3, "hidden_layer_sizes": (12, 7), "max_iter": 8, **options}
    return ours(**options).fit(X, y), getattr(neural_network, name)(**options).fit(X, y), X, y


@pytest.mark.parametrize(
    ("data", "options"),
    [
        ("classes", {}),
        ("classes", {"solver": "sgd"}),
        ("classes", {"solver": "sgd", "nesterovs_momentum": False, "alpha": 0.1, "shuffle": False}),
        ("classes", {"solver": "sgd", "learning_rate": "invscaling", "momentum": 0.5}),
        (
            "classes",
            {
                "solver": "sgd",
                "learning_rate": "adaptive",
                "n_iter_no_change": 1,
                "tol": 0.1,
                "max_iter": 40,
            },
        ),
        ("classes", {"activation": "logistic", "batch_size": 33}),
        ("classes", {"early_stopping": True, "n_iter_no_change": 2, "max_iter": 60}),
        ("classes", {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-4, "learning_rate_init": 0.02}),
        ("classes", {"hidden_layer_sizes": ()}),
        ("binary", {"activation": "tanh"}),
        ("binary", {"early_stopping": True, "validation_fraction": 0.2}),
        ("labels", {"activation": "identity"}),
        ("number", {}),
        ("number", {"early_stopping": True, "max_iter": 30}),
        ("number", {"max_iter": 300, "tol": 0.01}),
        ("numbers", {"batch_size": 10}),
    ],
)
def test_same_steps_as_scikit_learn(data, options):
    ours, theirs, X, _ = pair(data, **options)
    assert ours.n_iter_ == theirs.n_iter_
    for name in ("coefs_", "intercepts_", "loss_curve_"):
        for found, expected in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    for name in (
        "loss_",
        "best_loss_",
        "best_validation_score_",
        "validation_scores_",
        "t_",
        "n_layers_",
        "n_outputs_",
        "out_activation_",
        "n_features_in_",
    ):
        found, expected = getattr(ours, name), getattr(theirs, name)
        assert found == expected or found == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(
        ours._predictions(X), theirs._forward_pass_fast(X), rtol=1e-6, atol=1e-9
    )
    if hasattr(ours, "classes_"):
        np.testing.assert_array_equal(ours.classes_, theirs.classes_)
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
        for method in ("predict_proba", "predict_log_proba"):
            np.testing.assert_allclose(
                getattr(ours, method)(X), getattr(theirs, method)(X), rtol=1e-6, atol=1e-9
            )


def test_sample_weights_and_poisson(rng):
    X, y = SETS["number"]
    weights = rng.uniform(0.1, 3, len(X))
    for loss, targets in (("squared_error", y), ("poisson", np.exp(y / 3))):
        options = {"random_state": 0, "max_iter": 5, "loss": loss}
        ours = MLPRegressor(**options).fit(X, targets, sample_weight=weights)
        theirs = neural_network.MLPRegressor(**options).fit(X, targets, sample_weight=weights)
        np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-6)
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-6)


@pytest.mark.parametrize("data", SETS)
def test_partial_fit_and_pickle(data):
    X, y = SETS[data]
    _, theirs, *_ = pair(data)
    theirs, ours = clone(theirs), clone(pair(data)[0])
    classes = (
        {}
        if data.startswith("number")
        else {"classes": np.arange(y.shape[1]) if y.ndim == 2 else np.unique(y)}
    )
    for epoch in range(3):
        ours.partial_fit(X, y, **(classes if epoch == 0 else {}))
        theirs.partial_fit(X, y, **(classes if epoch == 0 else {}))
        ours = pickle.loads(pickle.dumps(ours))
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-6)
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=1e-6, atol=1e-9)


def test_warm_start():
    ours, theirs, X, y = pair("classes", warm_start=True)
    np.testing.assert_allclose(ours.fit(X, y).loss_curve_, theirs.fit(X, y).loss_curve_, rtol=1e-6)
    with pytest.raises(ValueError, match="y has the classes"):
        ours.fit(X, y + 1)


def test_sparse_and_float32():
    X, y = SETS["classes"]
    dense = MLPClassifier(random_state=0, max_iter=3).fit(X, y)
    sparse = MLPClassifier(random_state=0, max_iter=3).fit(scipy.sparse.csr_matrix(X), y)
    np.testing.assert_allclose(
        dense.predict_proba(X), sparse.predict_proba(scipy.sparse.csr_matrix(X)), rtol=1e-6
    )
    for model in (
        MLPClassifier(random_state=0, max_iter=3, dtype="float32").fit(X, y),
        MLPClassifier(random_state=0, max_iter=3).fit(X.astype("float32"), y),
    ):
        assert model.coefs_[0].dtype == np.float32
        np.testing.assert_allclose(
            model.predict_proba(X), dense.predict_proba(X), rtol=1e-3, atol=1e-5
        )


def test_in_a_grid_search():
    X, y = SETS["binary"]
    search = GridSearchCV(MLPClassifier(max_iter=5, random_state=0), {"alpha": [1e-4, 10.0]}, cv=2)
    assert search.fit(X, y).best_params_ == {"alpha": 1e-4}


def test_it_warns_when_it_has_not_converged():
    with pytest.warns(ConvergenceWarning, match="after 2 iterations, max_iter, it still improves"):
        MLPClassifier(max_iter=2).fit(*DIGITS)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"solver": "lbfgs"}, ValueError, "solver: found 'lbfgs', which only scikit-learn has"),
        (
            {"solver": "newton"},
            ValueError,
            "unknown MLPClassifier: solver 'newton': known are adam",
        ),
        ({"activation": "swish"}, ValueError, "unknown MLPClassifier: activation 'swish'"),
        ({"learning_rate": 0.1}, TypeError, "learning_rate: found 0.1: expected a name"),
        ({"alpha": -1}, ValueError, "alpha: found -1: expected at least 0"),
        ({"beta_1": 1}, ValueError, r"beta_1: found 1: expected a number in \[0, 1\)"),
        (
            {"hidden_layer_sizes": (3, 0)},
            ValueError,
            "hidden_layer_sizes: found 0: expected at least",
        ),
        (
            {"hidden_layer_sizes": "3"},
            TypeError,
            "hidden_layer_sizes: found '3': expected an integer",
        ),
        ({"max_iter": 0}, ValueError, "max_iter: found 0: expected at least 1"),
        ({"batch_size": 1.5}, TypeError, "batch_size: found 1.5: expected an integer"),
        ({"dtype": "int32"}, ValueError, "dtype: found int32: expected float32 or float64"),
    ],
)
def test_arguments_that_cannot_be_honoured(options, error, message):
    with pytest.raises(error, match=message):
        MLPClassifier(**options).fit(*DIGITS)


def test_wrong_use():
    X, y = DIGITS
    with pytest.raises(NotFittedError):
        MLPClassifier().predict(X)
    assert not hasattr(MLPClassifier(), "coefs_")
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        MLPClassifier().partial_fit(X, y)
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping"):
        MLPRegressor(early_stopping=True).partial_fit(X, y)
    with pytest.raises(ValueError, match=r"0\.1 of 10 samples leaves 1 to validate with"):
        MLPRegressor(early_stopping=True).fit(X[:10], y[:10])
    with pytest.raises(ValueError, match="loss='poisson' expects y >= 0"):
        MLPRegressor("poisson").fit(X, y - 5)
    with pytest.warns(UserWarning, match="batch_size: 1000 is more than the 600 samples"):
        MLPClassifier(batch_size=1000, max_iter=1).fit(X, y)
    with pytest.raises(ValueError, match="weights are no longer finite"), np.errstate(all="ignore"):
        MLPRegressor(solver="sgd", learning_rate_init=1e30, max_iter=9).fit(X, y * 1e9)
