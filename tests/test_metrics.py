"""pytensor.metrics."""

import numpy as np
import pytest

import pytensor as pt
from pytensor import losses, metrics

RNG = np.random.default_rng(0)
PREDICTIONS = RNG.random((50, 4)).astype(np.float32)
LABELS = RNG.integers(0, 4, 50)
ONE_HOT = np.eye(4, dtype=np.float32)[LABELS]
SHARE = (PREDICTIONS.argmax(-1) == LABELS).mean()


@pytest.mark.parametrize("convert", [np.asarray, pt.asarray, np.ndarray.tolist])
def test_accuracies(convert):
    for metric, targets in (
        (metrics.CategoricalAccuracy(), ONE_HOT),
        (metrics.SparseCategoricalAccuracy(), LABELS),
        (metrics.SparseCategoricalAccuracy(), LABELS.reshape(-1, 1)),
        (metrics.SparseCategoricalAccuracy(), LABELS.astype(np.float32)),
    ):
        assert metric.result() == 0
        for start in range(0, 50, 16):  # the last batch is smaller and must weigh less
            metric.update_state(convert(targets[start:start + 16]),
                                convert(PREDICTIONS[start:start + 16]))
        assert metric.result() == SHARE
        metric.reset_state()
        assert metric.result() == 0


def test_binary_accuracy():
    metric = metrics.BinaryAccuracy()
    metric.update_state([1, 0, 1, 0], [[0.6], [0.6], [0.5], [0.1]])  # 0.5 is not above 0.5
    assert metric.result() == 0.5
    metric = metrics.BinaryAccuracy(threshold=0.05)
    metric.update_state([[1, 0], [1, 1]], [[0.6, 0.6], [0.5, 0.1]])
    assert metric.result() == 0.75


def test_functions_keep_more_axes():
    shape = (5, 10)
    values = metrics.sparse_categorical_accuracy(LABELS.reshape(shape),
                                                 PREDICTIONS.reshape((*shape, 4)))
    assert values.shape == shape
    assert np.asarray(values).mean() == SHARE
    values = metrics.categorical_accuracy(ONE_HOT.reshape((*shape, 4)),
                                          PREDICTIONS.reshape((*shape, 4)))
    assert np.asarray(values).mean() == SHARE


def test_mean_and_sum():
    metric = metrics.Mean()
    metric.update_state(2.0, 3)
    metric.update_state(6.0)
    assert metric.result() == 3
    assert metric.name == "mean"
    assert metric([[1.0, 3.0], [5.0, 7.0]], [0, 1]) == 3.6
    total = metrics.Sum()
    assert total([1.0, 2.0, 4.0]) == 7
    assert total([1.0, 2.0], [2, 0]) == 9


YES_NO = (RNG.random((50, 4)) > 0.6).astype(np.float32)
WEIGHTS = RNG.random(50).astype(np.float32)
NUMBERS = RNG.normal(0, 2, (50, 4)).astype(np.float32)
ROWS = PREDICTIONS / PREDICTIONS.sum(-1, keepdims=True)
KERAS_CASES = [
    ("Accuracy", {}, LABELS, PREDICTIONS.argmax(-1)),
    ("BinaryAccuracy", {}, YES_NO, PREDICTIONS),
    ("BinaryAccuracy", {"threshold": 0.3}, YES_NO, ROWS),
    ("CategoricalAccuracy", {}, ONE_HOT, ROWS), ("SparseCategoricalAccuracy", {}, LABELS, ROWS),
    ("TopKCategoricalAccuracy", {"k": 2}, ONE_HOT, ROWS),
    ("SparseTopKCategoricalAccuracy", {"k": 3}, LABELS, ROWS),
    ("MeanSquaredError", {}, YES_NO, NUMBERS), ("MeanAbsoluteError", {}, YES_NO, NUMBERS),
    ("RootMeanSquaredError", {}, YES_NO, NUMBERS),
    ("MeanAbsolutePercentageError", {}, NUMBERS, PREDICTIONS),
    ("MeanSquaredLogarithmicError", {}, YES_NO, PREDICTIONS),
    ("CosineSimilarity", {}, NUMBERS, PREDICTIONS), ("LogCoshError", {}, YES_NO, NUMBERS),
    ("KLDivergence", {}, ONE_HOT, ROWS), ("Poisson", {}, YES_NO, PREDICTIONS),
    ("Hinge", {}, YES_NO, NUMBERS), ("SquaredHinge", {}, YES_NO, NUMBERS),
    ("CategoricalHinge", {}, ONE_HOT, NUMBERS), ("BinaryCrossentropy", {}, YES_NO, PREDICTIONS),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, YES_NO, NUMBERS),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, ONE_HOT, ROWS),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, LABELS, NUMBERS),
    *[(name, options, YES_NO, PREDICTIONS)
      for name in ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives",
                   "Precision", "Recall")
      for options in ({}, {"thresholds": 0.3}, {"thresholds": [0.2, 0.5, 0.9]})],
    ("Precision", {"top_k": 2}, ONE_HOT, ROWS), ("Recall", {"top_k": 2}, ONE_HOT, ROWS),
    ("Precision", {"class_id": 2}, YES_NO, PREDICTIONS),
    ("Recall", {"class_id": 1, "top_k": 3}, ONE_HOT, ROWS),
    ("AUC", {}, YES_NO, PREDICTIONS), ("AUC", {"curve": "PR"}, YES_NO, PREDICTIONS),
    ("AUC", {"num_thresholds": 7, "summation_method": "minoring"}, YES_NO, PREDICTIONS),
    ("AUC", {"curve": "PR", "summation_method": "majoring"}, YES_NO, PREDICTIONS),
    ("AUC", {"thresholds": [0.25, 0.75]}, YES_NO, PREDICTIONS),
    ("AUC", {"from_logits": True}, YES_NO, NUMBERS),
    ("F1Score", {}, ONE_HOT, ROWS), ("F1Score", {"average": "macro"}, ONE_HOT, ROWS),
    ("F1Score", {"average": "micro", "threshold": 0.3}, YES_NO, PREDICTIONS),
    ("FBetaScore", {"average": "weighted", "beta": 2.0}, ONE_HOT, ROWS),
    ("R2Score", {}, YES_NO, NUMBERS), ("R2Score", {"class_aggregation": None}, YES_NO, NUMBERS),
    ("R2Score", {"class_aggregation": "variance_weighted_average"}, YES_NO, NUMBERS),
]


@pytest.mark.oracle
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize(("name", "options", "targets", "predictions"), KERAS_CASES,
                         ids=[f"{name} {options}" for name, options, _, _ in KERAS_CASES])
def test_results_are_those_of_keras(keras, name, options, targets, predictions, weighted):
    ours, theirs = getattr(metrics, name)(**options), getattr(keras.metrics, name)(**options)
    for start in range(0, 50, 16):
        rows = slice(start, start + 16)
        weights = WEIGHTS[rows] if weighted else None
        ours.update_state(targets[rows], predictions[rows], weights)
        theirs.update_state(keras.ops.convert_to_tensor(targets[rows]),
                            keras.ops.convert_to_tensor(predictions[rows]),
                            None if weights is None else keras.ops.convert_to_tensor(weights))
    expected = keras.ops.convert_to_numpy(theirs.result())
    np.testing.assert_allclose(ours.result(), expected, rtol=2e-5, atol=1e-6)
    ours.reset_state()
    ours.update_state(targets, predictions)
    assert np.isfinite(ours.result()).all()


def test_confusion_by_hand():
    y, p = [0, 1, 1, 0, 1], [0.1, 0.6, 0.4, 0.8, 0.9]
    for name, expected in (("TruePositives", 2), ("FalsePositives", 1), ("TrueNegatives", 1),
                           ("FalseNegatives", 1), ("Precision", 2 / 3), ("Recall", 2 / 3),
                           ("AUC", 4 / 6)):
        assert getattr(metrics, name)()(y, p) == pytest.approx(expected, abs=1e-6), name
    assert metrics.Precision()([0], [0.1]) == 0  # nothing is predicted
    with pytest.raises(ValueError, match="auc: predictions from -1 to 2: expected probabilities"):
        metrics.AUC()([0, 1], [-1, 2])


@pytest.mark.parametrize(
    ("targets", "predictions", "expected"),
    [
        ((8,), (8, 1), metrics.BinaryAccuracy),
        ((8, 1), (8, 1), metrics.BinaryAccuracy),
        ((8,), (8, 4), metrics.SparseCategoricalAccuracy),
        ((8, 1), (8, 4), metrics.SparseCategoricalAccuracy),
        ((8, 4), (8, 4), metrics.CategoricalAccuracy),
    ],
)
def test_accuracy_by_shapes(targets, predictions, expected):
    metric = metrics.get("accuracy", targets, predictions)
    assert type(metric) is expected
    assert metric.name == "accuracy"


def test_get():
    assert type(metrics.get("binary_accuracy")) is metrics.BinaryAccuracy
    assert type(metrics.get("CategoricalAccuracy")) is metrics.CategoricalAccuracy
    assert type(metrics.get(metrics.Mean)) is metrics.Mean
    own = metrics.get(lambda y_true, y_pred: 7)
    own.update_state(None, None)
    assert own.result() == 7
    assert metrics.get(own) is own
    mse = metrics.get("mse")
    mse.update_state(np.zeros((2, 2)), np.ones((2, 2)))
    assert (mse.name, mse.result()) == ("mse", 1)
    assert metrics.get(losses.mean_squared_error).name == "mean_squared_error"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: metrics.get("acuracy"), ValueError,
         r"^unknown metric 'acuracy': did you mean 'accuracy'\?$"),
        (lambda: metrics.get("right"), ValueError,
         r"unknown metric 'right': known are .*accuracy.*binary_accuracy"),
        (lambda: metrics.get(3), TypeError, "metric: found 3"),
        (lambda: metrics.BinaryAccuracy(threshold="a"), TypeError,
         "binary_accuracy: threshold: found 'a': expected a number"),
        (lambda: metrics.get("accuracy"), ValueError, "'accuracy' depends on the shapes"),
        (lambda: metrics.binary_accuracy(np.zeros(3), np.zeros((4, 1))), ValueError,
         r"binary_accuracy: targets of shape \(3,\): expected \(4, 1\)"),
        (lambda: metrics.AUC(num_thresholds=1), ValueError, "auc: num_thresholds: found 1"),
        (lambda: metrics.AUC(curve="roc"), ValueError, "unknown curve 'roc'"),
        (lambda: metrics.Precision(thresholds=2), ValueError, "precision: thresholds: found 2"),
        (lambda: metrics.Recall(class_id=4)(ONE_HOT, ROWS), ValueError,
         "recall: class_id: found 4: expected one of 4 classes"),
        (lambda: metrics.F1Score("all"), ValueError, "unknown average 'all'"),
        (lambda: metrics.R2Score("all"), ValueError, "class_aggregation: found 'all'"),
        (lambda: metrics.TopKCategoricalAccuracy(0), ValueError, "k: found 0"),
        (lambda: metrics.Metric().update_state(0, 0), NotImplementedError, "update_state"),
        (lambda: metrics.Metric().result(), NotImplementedError, "result"),
        (lambda: metrics.Metric().reset_state(), NotImplementedError, "reset_state"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
