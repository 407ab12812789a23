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


def test_mean():
    metric = metrics.Mean()
    metric.update_state(2.0, 3)
    metric.update_state(6.0)
    assert metric.result() == 3
    assert metric.name == "mean"


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
         r"unknown metric 'acuracy': known are .*accuracy.*binary_accuracy"),
        (lambda: metrics.get(3), TypeError, "metric: found 3"),
        (lambda: metrics.BinaryAccuracy(threshold="a"), TypeError,
         "binary_accuracy: threshold: found 'a': expected a number"),
        (lambda: metrics.get("accuracy"), ValueError, "'accuracy' depends on the shapes"),
        (lambda: metrics.binary_accuracy(np.zeros(3), np.zeros((4, 1))), ValueError,
         r"binary_accuracy: targets of shape \(3,\): expected \(4, 1\)"),
        (lambda: metrics.Metric().update_state(0, 0), NotImplementedError, "update_state"),
        (lambda: metrics.Metric().result(), NotImplementedError, "result"),
        (lambda: metrics.Metric().reset_state(), NotImplementedError, "reset_state"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
