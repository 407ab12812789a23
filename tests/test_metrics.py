"""pytensor.metrics."""

import inspect

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
            metric.update_state(
                convert(targets[start : start + 16]), convert(PREDICTIONS[start : start + 16])
            )
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
    values = metrics.sparse_categorical_accuracy(
        LABELS.reshape(shape), PREDICTIONS.reshape((*shape, 4))
    )
    assert values.shape == shape
    assert np.asarray(values).mean() == SHARE
    values = metrics.categorical_accuracy(
        ONE_HOT.reshape((*shape, 4)), PREDICTIONS.reshape((*shape, 4))
    )
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


MATRIX = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


@pytest.mark.parametrize(
    ("weights", "total", "mean"),
    [
        (None, 21, 3.5),
        (2.0, 42, 3.5),
        ([1, 3], 51, 51 / 12),
        ([[1], [3]], 51, 51 / 12),
        ([[1, 0, 2]], 1 + 6 + 4 + 12, 23 / 6),
        ([[1, 0, 0], [0, 2, 1]], 17, 17 / 4),
        ([0, 0], 0, 0),
    ],
)
def test_weights_of_all_shapes_that_broadcast(weights, total, mean):
    assert metrics.Sum()(MATRIX, weights) == total
    assert metrics.Mean()(MATRIX, weights) == pytest.approx(mean)


def test_a_mean_counts_samples():
    """Whatever the number of a sample's values, as Keras does."""
    mean = metrics.Mean()
    mean.update_state(MATRIX)
    assert mean(8.0) == pytest.approx((2 + 5 + 8) / 3)
    mse = metrics.MeanSquaredError()
    mse.update_state([1.0, 2.0, 3.0], [1.0, 2.0, 6.0])  # three samples of one output
    assert mse([1.0], [2.0]) == pytest.approx(10 / 4)


PER_OUTPUT = [
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "Hinge",
    "LogCoshError",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "RootMeanSquaredError",
    "SquaredHinge",
    "binary_focal_crossentropy",
    "huber",
    "log_cosh",
]


@pytest.mark.parametrize("name", PER_OUTPUT)
def test_weights_of_single_outputs(name):
    """As if each output was a sample; of weight 0, as if it was not there."""
    y, p = YES_NO, PREDICTIONS.round() if name == "Accuracy" else PREDICTIONS
    weights = RNG.integers(0, 3, y.shape)
    places = np.repeat(np.arange(y.size), weights.ravel())
    repeated = metrics.get(name)(y.reshape(-1, 1)[places], p.reshape(-1, 1)[places])
    assert repeated > 0
    ones = np.ones(y.size)
    for shape in (y.shape, (-1, 1), (-1,), (5, -1, 2)):
        found = metrics.get(name)(y.reshape(shape), p.reshape(shape), weights.reshape(shape))
        assert found == pytest.approx(repeated, rel=1e-5)
    flat = [
        metrics.get(name)(*arrays)
        for arrays in (
            (y.ravel(), p.ravel()),
            (y.ravel(), p.ravel(), ones),
            (y.reshape(-1, 1), p.ravel(), ones),
            (y.ravel(), p.reshape(-1, 1), ones),
            (y.ravel(), p.reshape(-1, 1), ones[:, None]),
        )
    ]
    np.testing.assert_allclose(flat, metrics.get(name)(y.reshape(-1, 1), p.reshape(-1, 1)), 1e-5)
    with pytest.raises(ValueError, match=r"sample_weight: found shape \(3,\)"):
        metrics.get(name)(y, p, [1, 2, 3])


@pytest.mark.parametrize("make", [metrics.Precision, metrics.AUC, metrics.F1Score, metrics.R2Score])
def test_weights_of_samples_broadcast_in_counts(make):
    expected = make()(YES_NO, PREDICTIONS, WEIGHTS)
    for weights in (WEIGHTS[:, None], np.repeat(WEIGHTS[:, None], 4, axis=1)):
        np.testing.assert_array_equal(make()(YES_NO, PREDICTIONS, weights), expected)


NAN = np.nan


def test_nan_is_never_right():
    """Keras counts it as 0 for a threshold, and as the largest of its row."""
    assert metrics.BinaryAccuracy()([[0.0], [1.0], [0.0]], [[NAN], [NAN], [0.1]]) == 1 / 3
    rows = np.array([[NAN, 0.2, 0.3], [0.1, NAN, 0.9], [NAN] * 3, [0.1, 0.2, 0.7]], np.float32)
    for labels in (np.argmax(rows, -1), [1, 2, 0, 0], [0, 0, 1, 1]):
        one_hot = np.eye(3)[labels]
        hit = np.array([False, False, False, labels[3] == 2])
        np.testing.assert_array_equal(metrics.sparse_categorical_accuracy(labels, rows), hit)
        np.testing.assert_array_equal(metrics.categorical_accuracy(one_hot, rows), hit)
        np.testing.assert_array_equal(metrics.top_k_categorical_accuracy(one_hot, rows, 1), hit)
        for k in (3, 5):  # a number is among the k, NaN never
            hit = np.isfinite(rows[np.arange(4), labels])
            np.testing.assert_array_equal(
                metrics.sparse_top_k_categorical_accuracy(labels, rows, k), hit
            )
    assert metrics.CategoricalAccuracy()([[NAN, 1.0]], [[0.9, 0.1]]) == 0
    assert metrics.SparseCategoricalAccuracy()([NAN, 1.5, 1.0], [[0.1, 0.9]] * 3) == 1 / 3


@pytest.mark.parametrize(
    "make",
    [
        metrics.TruePositives,
        metrics.FalseNegatives,
        metrics.Precision,
        lambda: metrics.Recall([0.3, 0.5]),
        metrics.AUC,
        lambda: metrics.AUC(curve="PR"),
        metrics.F1Score,
    ],
)
def test_nothing_is_counted_where_a_target_is_nan(make):
    y, p = [[NAN], [1.0], [0.0]], [[0.9], [0.9], [0.1]]
    assert np.isnan(make()(y, p)).all()
    assert np.isfinite(make()(y[1:], p[1:])).all()


def test_nan_is_above_no_threshold():
    y, p = [1, 1, 0], np.array([NAN, 0.7, NAN], np.float32)
    for thresholds in (0.5, [0.2, 0.5]):
        n = np.size(thresholds)
        for name, expected in (
            ("TruePositives", 1),
            ("FalsePositives", 0),
            ("TrueNegatives", 1),
            ("FalseNegatives", 1),
        ):
            found = getattr(metrics, name)(thresholds)(y, p)
            np.testing.assert_array_equal(found, [expected] * n if n > 1 else expected)
    for from_logits in (False, True):
        with pytest.raises(ValueError, match="auc: predictions from nan to nan"):
            metrics.AUC(from_logits=from_logits)(y, p)
    assert metrics.F1Score(threshold=0.5)([[1.0], [1.0]], [[NAN], [0.7]])[0] == pytest.approx(2 / 3)


def test_thresholds_in_any_order_and_in_the_dtype_of_the_predictions():
    thresholds = [0.9, 0.2, 0.5, 0.2]
    found = metrics.Recall(thresholds)(YES_NO, PREDICTIONS)
    np.testing.assert_array_equal(
        found, [metrics.Recall(t)(YES_NO, PREDICTIONS) for t in thresholds]
    )
    for k in range(200):
        t = k / 199  # as AUC's
        for dtype in (np.float32, np.float64):
            p = np.array([t, np.nextafter(dtype(t), dtype(2))], dtype)
            assert metrics.TruePositives(t)([1, 1], p) == 1
            assert metrics.TruePositives([t, 1.0])([1, 1], p)[0] == 1
            assert metrics.BinaryAccuracy(threshold=t)([0, 1], p) == 1
    found = metrics.AUC(thresholds=[0.3, 0.6])([0, 1, 1], np.float32([0.3, 0.3, 0.6]))
    assert found == metrics.AUC(thresholds=[0.3, 0.6])([0, 1, 1], [0.2, 0.2, 0.5])
    # No overflow of the exponential.
    assert metrics.AUC(from_logits=True)([0, 1], np.array([-1e4, 1e4])) == pytest.approx(1)


def test_top_k_chooses_k():
    """Of equal ones the first; predictions of one axis are those of one sample."""
    assert metrics.Precision(top_k=2)([0, 0, 1, 1], [1, 1, 1, 1]) == 0
    assert metrics.Precision(top_k=4)([0, 0, 1, 1], [1, 1, 1, 1]) == 0.5
    assert metrics.Recall(top_k=2)([0, 0, 1, 1], [0.1, 0.5, 0.3, 0.2]) == 0.5
    assert metrics.Recall(top_k=9)([0, 0, 1, 1], [0.1, 0.5, 0.3, 0.2]) == 1
    ties = np.array([[0.5, 0.5, 0.5, 0.1], [0.2, 0.7, 0.7, 0.7]], np.float32)
    y = np.array([[1, 0, 1, 0], [0, 0, 1, 1]])
    assert metrics.Precision(top_k=1)(y, ties) == 1 / 2
    assert metrics.Precision(top_k=2)(y, ties) == 2 / 4
    assert metrics.Recall(top_k=2)(y, ties, [1, 3]) == (1 + 3) / (2 + 6)
    assert metrics.Precision(top_k=2)(y, (ties * 10).astype(np.uint8)) == 2 / 4
    assert metrics.Recall(top_k=3)([1, 1, 1], [NAN, 0.2, -np.inf]) == pytest.approx(1 / 3)


R2_CASES = {
    "constant, perfect": ([0.1] * 3, [0.1] * 3, 1.0),
    "constant": ([0.1] * 3, [0.1, 0.2, 0.3], 0.0),
    "nearly constant": ([0.1, 0.1, 0.1 + 1e-9], [0.1, 0.1, 0.1 + 5e-10], None),
    "an offset": (1e8 + np.arange(100.0), 1e8 + np.arange(100.0) + np.sin(np.arange(100)), None),
    "a large offset": (1e12 + np.arange(9.0) % 4, 1e12 + np.arange(9.0) % 3, None),
    "far too high": ([1.0, 2.0, 3.0], [1e9, 1e9, 1e9], None),
    "one sample": ([1.0], [1.0], NAN),
}


@pytest.mark.oracle
@pytest.mark.parametrize("name", R2_CASES)
@pytest.mark.parametrize("size", [1, 2, 50, 100])
def test_r2_of_batches_is_that_of_scikit_learn(name, size):
    r2_score = pytest.importorskip("sklearn.metrics").r2_score
    y, p, expected = R2_CASES[name]
    y, p = np.array(y), np.array(p)
    weights = np.random.default_rng(3).random(len(y))
    for w in (None, weights):
        metric = metrics.R2Score()
        for start in range(0, len(y), size):
            rows = slice(start, start + size)
            metric.update_state(y[rows], p[rows], None if w is None else w[rows])
        # What is rounded in the mean of the same numbers is no variance, as scikit-learn has it.
        value = r2_score(y, p, sample_weight=w) if expected is None else expected
        assert metric.result() == pytest.approx(value, rel=1e-6, nan_ok=True)


@pytest.mark.oracle
@pytest.mark.parametrize("constant", [(), (1,), (0, 1, 2)])
@pytest.mark.parametrize("ours", ["uniform_average", "variance_weighted_average", None])
def test_r2_of_several_outputs_is_that_of_scikit_learn(ours, constant):
    r2_score = pytest.importorskip("sklearn.metrics").r2_score
    y, p = RNG.normal(7, 1, (2, 60, 3))
    y[:, list(constant)] = 0.5
    p[:, 0] = y[:, 0]
    theirs = {None: "raw_values", "variance_weighted_average": "variance_weighted"}.get(ours, ours)
    metric = metrics.R2Score(ours)
    for start in range(0, 60, 7):
        metric.update_state(y[start : start + 7], p[start : start + 7])
    np.testing.assert_allclose(metric.result(), r2_score(y, p, multioutput=theirs), rtol=1e-9)


def test_r2_is_merged_from_parts():
    """As processes that share an epoch do; None is a part without samples."""
    y, p = 1e8 + RNG.normal(0, 1, (2, 60))
    whole, left, right = (metrics.R2Score() for _ in range(3))
    whole.update_state(y, p)
    left.update_state(y[:20], p[:20])
    right.update_state(y[20:], p[20:])
    merged = metrics.R2Score()
    merged._moments = whole.merged(None, whole.merged(left._moments, right._moments))
    assert merged.result() == pytest.approx(whole.result(), rel=1e-9)


def test_r2_weights_of_0_and_nan():
    metric = metrics.R2Score()
    metric.update_state([5.0, 6.0], [0.0, 0.0], [0, 0])
    metric.update_state([1.0, 2.0, 3.0], [1.0, 2.0, 2.5])
    assert metric.result() == pytest.approx(1 - 0.25 / 2)
    assert np.isnan(metric([NAN, 1.0], [0.0, 1.0]))
    assert np.isnan(metric([1.0, 1.0], [NAN, 1.0]))  # also where all targets are the same
    several = metrics.R2Score(None)([[1.0, 1.0], [1.0, 2.0]], [[NAN, 1.0], [1.0, 2.0]])
    np.testing.assert_array_equal(several, [NAN, 1.0])


@pytest.mark.oracle
@pytest.mark.parametrize("n", [3, 5, 10])
def test_adjusted_r2_is_that_of_keras(keras, n):
    """For one output; for several, Keras takes samples times outputs for the samples."""
    y, p = YES_NO[:10, :1], NUMBERS[:10, :1]
    ours, theirs = (module.R2Score("uniform_average", n) for module in (metrics, keras.metrics))
    theirs.update_state(y, p)
    if n == 10:
        with pytest.warns(UserWarning, match="r2_score: num_regressors: found 10 for 10 samples"):
            value = ours(y, p)
        with pytest.warns(UserWarning):
            expected = theirs.result()
        assert value == metrics.R2Score()(y, p)
    else:
        value, expected = ours(y, p), theirs.result()
    assert value == pytest.approx(float(expected), rel=1e-4)
    several = metrics.R2Score(num_regressors=2)(YES_NO, NUMBERS)
    plain = metrics.R2Score()(YES_NO, NUMBERS)
    assert several == pytest.approx(1 - (1 - plain) * 49 / 47)


@pytest.mark.oracle
@pytest.mark.parametrize("name", [name for name in metrics.__all__ if name[0].isupper()])
def test_arguments_by_position_are_those_of_keras(keras, name):
    """An argument that stands elsewhere there must be named."""

    def positional(cls):
        return [
            p.name
            for p in inspect.signature(cls).parameters.values()
            if p.kind is p.POSITIONAL_OR_KEYWORD
        ]

    theirs = getattr(keras.metrics, name, None)
    if name == "MeanFunction":  # Keras has none
        assert theirs is None
        return
    ours = positional(getattr(metrics, name))
    assert ours == positional(theirs)[: len(ours)]


YES_NO = (RNG.random((50, 4)) > 0.6).astype(np.float32)
WEIGHTS = RNG.random(50).astype(np.float32)
NUMBERS = RNG.normal(0, 2, (50, 4)).astype(np.float32)
ROWS = PREDICTIONS / PREDICTIONS.sum(-1, keepdims=True)
KERAS_CASES = [
    ("Accuracy", {}, LABELS, PREDICTIONS.argmax(-1)),
    ("BinaryAccuracy", {}, YES_NO, PREDICTIONS),
    ("BinaryAccuracy", {"threshold": 0.3}, YES_NO, ROWS),
    ("CategoricalAccuracy", {}, ONE_HOT, ROWS),
    ("SparseCategoricalAccuracy", {}, LABELS, ROWS),
    ("TopKCategoricalAccuracy", {"k": 2}, ONE_HOT, ROWS),
    ("SparseTopKCategoricalAccuracy", {"k": 3}, LABELS, ROWS),
    ("MeanSquaredError", {}, YES_NO, NUMBERS),
    ("MeanAbsoluteError", {}, YES_NO, NUMBERS),
    ("RootMeanSquaredError", {}, YES_NO, NUMBERS),
    ("MeanAbsolutePercentageError", {}, NUMBERS, PREDICTIONS),
    ("MeanSquaredLogarithmicError", {}, YES_NO, PREDICTIONS),
    ("CosineSimilarity", {}, NUMBERS, PREDICTIONS),
    ("LogCoshError", {}, YES_NO, NUMBERS),
    ("KLDivergence", {}, ONE_HOT, ROWS),
    ("Poisson", {}, YES_NO, PREDICTIONS),
    ("Hinge", {}, YES_NO, NUMBERS),
    ("SquaredHinge", {}, YES_NO, NUMBERS),
    ("CategoricalHinge", {}, ONE_HOT, NUMBERS),
    ("BinaryCrossentropy", {}, YES_NO, PREDICTIONS),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, YES_NO, NUMBERS),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, ONE_HOT, ROWS),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, LABELS, NUMBERS),
    *[
        (name, options, YES_NO, PREDICTIONS)
        for name in (
            "TruePositives",
            "FalsePositives",
            "TrueNegatives",
            "FalseNegatives",
            "Precision",
            "Recall",
        )
        for options in ({}, {"thresholds": 0.3}, {"thresholds": [0.2, 0.5, 0.9]})
    ],
    ("Precision", {"top_k": 2}, ONE_HOT, ROWS),
    ("Recall", {"top_k": 2}, ONE_HOT, ROWS),
    ("Precision", {"class_id": 2}, YES_NO, PREDICTIONS),
    ("Recall", {"class_id": 1, "top_k": 3}, ONE_HOT, ROWS),
    ("AUC", {}, YES_NO, PREDICTIONS),
    ("AUC", {"curve": "PR"}, YES_NO, PREDICTIONS),
    ("AUC", {"num_thresholds": 7, "summation_method": "minoring"}, YES_NO, PREDICTIONS),
    ("AUC", {"curve": "PR", "summation_method": "majoring"}, YES_NO, PREDICTIONS),
    ("AUC", {"thresholds": [0.25, 0.75]}, YES_NO, PREDICTIONS),
    ("AUC", {"from_logits": True}, YES_NO, NUMBERS),
    ("F1Score", {}, ONE_HOT, ROWS),
    ("F1Score", {"average": "macro"}, ONE_HOT, ROWS),
    ("F1Score", {"average": "micro", "threshold": 0.3}, YES_NO, PREDICTIONS),
    ("FBetaScore", {"average": "weighted", "beta": 2.0}, ONE_HOT, ROWS),
    ("R2Score", {}, YES_NO, NUMBERS),
    ("R2Score", {"class_aggregation": None}, YES_NO, NUMBERS),
    ("R2Score", {"class_aggregation": "variance_weighted_average"}, YES_NO, NUMBERS),
]


@pytest.mark.oracle
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize(
    ("name", "options", "targets", "predictions"),
    KERAS_CASES,
    ids=[f"{name} {options}" for name, options, _, _ in KERAS_CASES],
)
def test_results_are_those_of_keras(keras, name, options, targets, predictions, weighted):
    ours, theirs = getattr(metrics, name)(**options), getattr(keras.metrics, name)(**options)
    for start in range(0, 50, 16):
        rows = slice(start, start + 16)
        weights = WEIGHTS[rows] if weighted else None
        ours.update_state(targets[rows], predictions[rows], weights)
        theirs.update_state(
            keras.ops.convert_to_tensor(targets[rows]),
            keras.ops.convert_to_tensor(predictions[rows]),
            None if weights is None else keras.ops.convert_to_tensor(weights),
        )
    expected = keras.ops.convert_to_numpy(theirs.result())
    np.testing.assert_allclose(ours.result(), expected, rtol=2e-5, atol=1e-6)
    ours.reset_state()
    ours.update_state(targets, predictions)
    assert np.isfinite(ours.result()).all()


def test_confusion_by_hand():
    y, p = [0, 1, 1, 0, 1], [0.1, 0.6, 0.4, 0.8, 0.9]
    for name, expected in (
        ("TruePositives", 2),
        ("FalsePositives", 1),
        ("TrueNegatives", 1),
        ("FalseNegatives", 1),
        ("Precision", 2 / 3),
        ("Recall", 2 / 3),
        ("AUC", 4 / 6),
    ):
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


@pytest.mark.once
@pytest.mark.parametrize("name", [name for name in metrics.__all__ if name[0].isupper()])
def test_get_knows_every_default_name(name):
    cls = getattr(metrics, name)
    if name in ("Metric", "MeanFunction"):  # a base class, and one that needs a function
        return
    if name == "Accuracy":  # whose name stands for the one that suits the shapes
        assert type(metrics.get("Accuracy")) is cls
    else:
        assert type(metrics.get(cls().name)) is cls
        assert metrics.get(cls().name).name == cls().name


@pytest.mark.oracle
@pytest.mark.once
def test_get_knows_the_short_names_of_keras(keras):
    for name in ("bce", "mse", "mae", "mape", "msle"):
        for form in (name, name.upper()):
            theirs = type(keras.metrics.get(form)).__name__
            assert type(metrics.get(form)).__name__ == theirs


class LargestProbability(metrics.CategoricalAccuracy):
    def values(self, y_true, y_pred):
        return y_pred.max(axis=-1)


class CountsProbabilities(metrics.SparseCategoricalAccuracy):
    def update_state(self, y_true, y_pred, sample_weight=None):
        self.add(float(y_pred.sum()), len(y_pred))


def test_a_custom_subclass_gets_predictions_not_logits():
    x = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    y = np.eye(3)[[0, 1, 2, 0, 1, 2]]
    network = pt.models.Sequential([pt.layers.Dense(3, "softmax", input_shape=(3,))])
    network.compile(
        "sgd", "categorical_crossentropy", metrics=[LargestProbability(), CountsProbabilities()]
    )
    _, largest, total = network.evaluate(x, y, verbose=0)
    out = np.asarray(network.predict(x, verbose=0))
    assert largest == pytest.approx(out.max(-1).mean(), rel=1e-5)
    assert total == pytest.approx(1, rel=1e-5)
    assert metrics.SparseTopKCategoricalAccuracy().takes_logits


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_cosine_similarity_along_an_axis(axis):
    y, p = RNG.normal(size=(2, 4, 3)).astype(np.float32)
    expected = (y * p).sum(axis) / np.linalg.norm(y, axis=axis) / np.linalg.norm(p, axis=axis)
    metric = metrics.CosineSimilarity(axis=axis)
    assert metric(y, p) == pytest.approx(expected.mean(), rel=1e-5)
    assert metrics.CosineSimilarity.from_config(metric.get_config()).axis == axis


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: metrics.get("acuracy"),
            ValueError,
            r"^unknown metric 'acuracy': did you mean 'accuracy'\?$",
        ),
        (
            lambda: metrics.get("right"),
            ValueError,
            r"unknown metric 'right': known are .*accuracy.*binary_accuracy",
        ),
        (lambda: metrics.get(3), TypeError, "metric: found 3"),
        (
            lambda: metrics.BinaryAccuracy(threshold="a"),
            TypeError,
            "binary_accuracy: threshold: found 'a': expected a number",
        ),
        (lambda: metrics.get("accuracy"), ValueError, "'accuracy' depends on the shapes"),
        (
            lambda: metrics.binary_accuracy(np.zeros(3), np.zeros((4, 1))),
            ValueError,
            r"binary_accuracy: targets of shape \(3,\): expected \(4, 1\)",
        ),
        (lambda: metrics.AUC(num_thresholds=1), ValueError, "auc: num_thresholds: found 1"),
        (lambda: metrics.AUC(curve="roc"), ValueError, "unknown curve 'roc'"),
        (lambda: metrics.Precision(thresholds=2), ValueError, "precision: thresholds: found 2"),
        (
            lambda: metrics.Recall(class_id=4)(ONE_HOT, ROWS),
            ValueError,
            "recall: class_id: found 4: expected one of 4 classes",
        ),
        (lambda: metrics.F1Score("all"), ValueError, "unknown average 'all'"),
        (lambda: metrics.R2Score("all"), ValueError, "class_aggregation: found 'all'"),
        (lambda: metrics.TopKCategoricalAccuracy(0), ValueError, "k: found 0"),
        (
            lambda: metrics.FBetaScore(beta=0),
            ValueError,
            "fbeta_score: beta: found 0: expected above 0",
        ),
        (lambda: metrics.FBetaScore(beta=-1.0), ValueError, "beta: found -1: expected above 0"),
        (lambda: metrics.FBetaScore(beta="1"), TypeError, "beta: found '1': expected a number"),
        (
            lambda: metrics.FBetaScore(threshold=0),
            ValueError,
            r"threshold: found 0: expected a number in \(0, 1\]",
        ),
        (lambda: metrics.F1Score(threshold=1.5), ValueError, "f1_score: threshold: found 1.5"),
        (lambda: metrics.R2Score(num_regressors=-1), ValueError, "num_regressors: found -1"),
        (lambda: metrics.R2Score("uniform_average", "r2"), TypeError, "num_regressors: found 'r2'"),
        (lambda: metrics.TruePositives([]), ValueError, "thresholds: found none"),
        (lambda: metrics.Metric().update_state(0, 0), NotImplementedError, "update_state"),
        (lambda: metrics.Metric().result(), NotImplementedError, "result"),
        (lambda: metrics.Metric().reset_state(), NotImplementedError, "reset_state"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
