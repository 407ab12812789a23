"""pytensor.losses: values against the formulas, gradients against finite differences."""

import inspect
import math

import numpy as np
import pytest

import pytensor as pt
from pytensor import layers, losses, models

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(0, 2, (6, 4))
LABELS = RNG.integers(0, 4, 6)
ONE_HOT = np.eye(4)[LABELS]
PROBABILITIES = RNG.random((6, 4)) + 0.05
YES_NO = (RNG.random((6, 4)) > 0.5).astype(float)


def log_softmax(x):
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def log_clipped(p):
    return np.log(np.clip(p, 1e-7, 1 - 1e-7))


def normalised(p):
    return p / p.sum(-1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def binary(t, p):
    return -(t * log_clipped(p) + (1 - t) * log_clipped(1 - p)).mean(-1)


def sparse_logits(labels, x):
    return losses.sparse_categorical_crossentropy(labels, x, from_logits=True)


def categorical_logits(t, x):
    return losses.categorical_crossentropy(t, x, from_logits=True)


def binary_logits(t, x):
    return losses.binary_crossentropy(t, x, from_logits=True)


NUMBERS = RNG.normal(0, 2, (6, 4))
COUNTS = RNG.integers(0, 5, (6, 4)).astype(float)
# name, its arguments, targets, predictions
KERAS_CASES = [
    ("mean_squared_error", {}, LOGITS, NUMBERS),
    ("mean_absolute_error", {}, LOGITS, NUMBERS),
    ("mean_absolute_percentage_error", {}, LOGITS, NUMBERS),
    ("mean_squared_logarithmic_error", {}, COUNTS, NUMBERS),
    ("cosine_similarity", {}, LOGITS, NUMBERS),
    ("huber", {}, LOGITS, NUMBERS),
    ("huber", {"delta": 0.3}, LOGITS, NUMBERS),
    ("log_cosh", {}, LOGITS, 40 * NUMBERS),
    ("kl_divergence", {}, ONE_HOT, PROBABILITIES),
    ("poisson", {}, COUNTS, PROBABILITIES),
    ("hinge", {}, YES_NO, NUMBERS),
    ("hinge", {}, 2 * YES_NO - 1, NUMBERS),
    ("squared_hinge", {}, YES_NO, NUMBERS),
    ("categorical_hinge", {}, ONE_HOT, NUMBERS),
    ("binary_crossentropy", {}, YES_NO, PROBABILITIES / 2),
    ("binary_crossentropy", {"from_logits": True, "label_smoothing": 0.2}, YES_NO, LOGITS),
    ("binary_crossentropy", {"label_smoothing": 0.1}, YES_NO, PROBABILITIES / 2),
    ("binary_focal_crossentropy", {}, YES_NO, PROBABILITIES / 2),
    (
        "binary_focal_crossentropy",
        {
            "apply_class_balancing": True,
            "alpha": 0.3,
            "gamma": 1.5,
            "label_smoothing": 0.1,
            "from_logits": True,
        },
        YES_NO,
        LOGITS,
    ),
    ("categorical_crossentropy", {"label_smoothing": 0.1}, ONE_HOT, PROBABILITIES),
    ("categorical_crossentropy", {"from_logits": True, "label_smoothing": 0.2}, ONE_HOT, LOGITS),
    ("categorical_focal_crossentropy", {}, ONE_HOT, PROBABILITIES),
    (
        "categorical_focal_crossentropy",
        {"alpha": 0.5, "gamma": 1.0, "from_logits": True, "label_smoothing": 0.1},
        ONE_HOT,
        LOGITS,
    ),
    ("sparse_categorical_crossentropy", {}, LABELS, PROBABILITIES),
    ("sparse_categorical_crossentropy", {"from_logits": True}, LABELS, LOGITS),
]


def class_of(module, name):
    return {cls: getattr(module, cls) for cls in dir(module) if cls[0].isupper()}[
        "".join(part.capitalize() for part in name.split("_")).replace("Kl", "KL")
    ]


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("name", "options", "targets", "predictions"),
    KERAS_CASES,
    ids=[f"{name} {options}" for name, options, _, _ in KERAS_CASES],
)
def test_values_and_weighted_means_are_those_of_keras(keras, name, options, targets, predictions):
    predictions = predictions.astype("f4")
    targets = targets if name.startswith("sparse") else targets.astype("f4")
    y, p = keras.ops.convert_to_tensor(targets), keras.ops.convert_to_tensor(predictions)
    expected = keras.ops.convert_to_numpy(getattr(keras.losses, name)(y, p, **options))
    found = getattr(losses, name)(targets, predictions, **options)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    weights = np.array([0, 1, 2, 0.5, 3, 1], "f4")
    for reduction in ("sum_over_batch_size", "sum", "mean_with_sample_weight", None):
        ours = class_of(losses, name)(**options, reduction=reduction)
        theirs = class_of(keras.losses, name)(**options, reduction=reduction)
        for w in (None, weights, weights[:, None]):
            expected = keras.ops.convert_to_numpy(theirs(y, p, sample_weight=w))
            np.testing.assert_allclose(
                np.asarray(ours(targets, predictions, w)).ravel(),
                expected.ravel(),
                rtol=1e-5,
                atol=1e-6,
            )


@pytest.mark.once
@pytest.mark.parametrize(
    ("name", "options", "targets", "predictions"),
    KERAS_CASES,
    ids=[f"{name} {options}" for name, options, _, _ in KERAS_CASES],
)
def test_gradients_of_all(name, options, targets, predictions):
    weights = np.arange(1.0, 7.0)

    def total(x):
        return (getattr(losses, name)(targets, x, **options) * weights).sum()

    found = np.asarray(pt.grad(total)(pt.asarray(predictions)))
    step = 1e-6
    for i in np.ndindex(predictions.shape):
        points = np.stack([predictions, predictions])
        points[(0, *i)] -= step
        points[(1, *i)] += step
        low, high = (total(pt.asarray(x)).item() for x in points)
        assert found[i] == pytest.approx((high - low) / (2 * step), rel=2e-5, abs=1e-5)


@pytest.mark.once
def test_weights_of_more_axes():
    loss = losses.MeanSquaredError(reduction=None)
    y, p = np.zeros((2, 3, 4)), np.ones((2, 3, 4))
    assert loss(y, p, [1, 2]).tolist() == [[1] * 3, [2] * 3]
    assert loss(y, p, [[1, 2, 3], [4, 5, 6]]).tolist() == [[1, 2, 3], [4, 5, 6]]
    with pytest.raises(ValueError, match=r"sample_weight: found shape \(3,\): expected \(2, 3\)"):
        loss(y, p, [1, 2, 3])
    assert loss(y, p, [[1, 2, 3]]).tolist() == [[1, 2, 3]] * 2


@pytest.mark.once
@pytest.mark.parametrize(
    "name",
    [
        "BinaryCrossentropy",
        "BinaryFocalCrossentropy",
        "Hinge",
        "Huber",
        "LogCosh",
        "MeanAbsoluteError",
        "MeanAbsolutePercentageError",
        "MeanSquaredError",
        "MeanSquaredLogarithmicError",
        "Poisson",
        "SquaredHinge",
        "mse of a function",
    ],
)
def test_weights_of_single_outputs(name):
    """As if each was a sample. Keras refuses them, or multiplies each with the losses of all."""
    make = (
        getattr(losses, name)
        if name in losses.__all__
        else lambda reduction: losses.FunctionLoss(losses.mean_squared_error)
    )
    rng = np.random.default_rng(4)
    y, p, weights = (rng.random((3, 4)) > 0.5) * 1.0, rng.random((3, 4)), rng.random((3, 4))
    for reduction in ("sum_over_batch_size", "sum", "mean_with_sample_weight"):
        loss = make(reduction=reduction)
        expected = loss(y.reshape(-1, 1), p.reshape(-1, 1), weights.ravel()).item()
        assert expected > 0
        for shape in ((3, 4), (-1,), (-1, 1), (2, 3, 2)):
            found = loss(y.reshape(shape), p.reshape(shape), weights.reshape(shape))
            assert found.item() == pytest.approx(expected, rel=1e-6)
    one = np.where(np.arange(12).reshape(3, 4) == 5, 2.0, 0.0)
    gradient = pt.grad(lambda p: make(reduction="sum")(y, p, one))(pt.asarray(p))
    others = np.delete(np.asarray(gradient).ravel(), 5)
    assert not others.any()


# loss, targets, predictions, the value of each sample
CASES = [
    (
        losses.categorical_crossentropy,
        ONE_HOT,
        PROBABILITIES,
        -(ONE_HOT * log_clipped(normalised(PROBABILITIES))).sum(-1),
    ),
    (categorical_logits, ONE_HOT, LOGITS, -(ONE_HOT * log_softmax(LOGITS)).sum(-1)),
    (
        losses.sparse_categorical_crossentropy,
        LABELS,
        PROBABILITIES,
        -log_clipped(normalised(PROBABILITIES))[np.arange(6), LABELS],
    ),
    (sparse_logits, LABELS, LOGITS, -log_softmax(LOGITS)[np.arange(6), LABELS]),
    (
        losses.binary_crossentropy,
        YES_NO,
        normalised(PROBABILITIES),
        binary(YES_NO, normalised(PROBABILITIES)),
    ),
    (binary_logits, YES_NO, LOGITS, binary(YES_NO, sigmoid(LOGITS))),
    (losses.mean_squared_error, YES_NO, LOGITS, ((YES_NO - LOGITS) ** 2).mean(-1)),
]
IDS = [case[0].__name__ for case in CASES]


@pytest.mark.parametrize(("loss", "targets", "predictions", "expected"), CASES, ids=IDS)
class TestEveryLoss:
    @pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-6), ("float64", 1e-12)])
    def test_values(self, loss, targets, predictions, expected, dtype, tolerance):
        values = loss(targets, pt.asarray(predictions, dtype=dtype))
        assert values.dtype == dtype
        np.testing.assert_allclose(values, expected, rtol=tolerance, atol=tolerance)

    def test_more_axes(self, loss, targets, predictions, expected):
        values = loss(targets.reshape((2, 3, *targets.shape[1:])), predictions.reshape((2, 3, 4)))
        np.testing.assert_allclose(values, expected.reshape((2, 3)), rtol=1e-12)

    def test_gradient(self, loss, targets, predictions, expected):
        x = pt.asarray(predictions)
        with pt.GradientTape() as tape:
            tape.watch(x)
            value = loss(targets, x).mean()
        gradient = np.asarray(tape.gradient(value, x))
        h = 1e-6
        for i in np.ndindex(predictions.shape):
            step = np.zeros_like(predictions)
            step[i] = h
            up, down = (float(loss(targets, predictions + sign * step).mean()) for sign in (1, -1))
            assert abs((up - down) / (2 * h) - gradient[i]) < 1e-7


def test_lists():
    assert losses.mean_squared_error([[0.0, 1.0]], [[1, 1]]).tolist() == [0.5]
    assert (
        abs(losses.sparse_categorical_crossentropy([1], [[0.2, 0.8]]).item() + np.log(0.8)) < 1e-6
    )


def test_certain_and_wrong():
    """Keras's clipping: probability 0 costs -log(1e-7), not infinity."""
    expected = -np.log(np.float32(1e-7))
    for value in (
        losses.categorical_crossentropy([[1.0, 0.0]], [[0.0, 1.0]]),
        losses.sparse_categorical_crossentropy([0], [[0.0, 1.0]]),
        losses.binary_crossentropy([[1.0]], [[0.0]]),
    ):
        np.testing.assert_allclose(value, [expected], rtol=1e-6)


def test_huge_logits():
    """From logits nothing is clipped, and nothing overflows."""
    assert losses.categorical_crossentropy(
        [[1.0, 0.0]], [[-500.0, 500.0]], from_logits=True
    ).tolist() == [1000]
    assert losses.sparse_categorical_crossentropy(
        [0], [[-500.0, 500.0]], from_logits=True
    ).tolist() == [1000]
    assert losses.binary_crossentropy(
        [[1.0], [0.0]], [[-500.0], [500.0]], from_logits=True
    ).tolist() == [500, 500]


def test_gradient_of_binary_logits_at_zero():
    """What a network with zero weights starts from: the formula's corners must cancel."""
    x = pt.zeros((2, 1))
    with pt.GradientTape() as tape:
        tape.watch(x)
        value = losses.BinaryCrossentropy(from_logits=True)([[0.0], [1.0]], x)
    assert tape.gradient(value, x).tolist() == [[0.25], [-0.25]]


def test_one_output():
    """Targets (n,) for predictions (n, 1) are taken as (n, 1), not broadcast to (n, n)."""
    assert losses.mean_squared_error([1.0, 2.0], [[1.0], [4.0]]).tolist() == [0, 4]
    assert losses.binary_crossentropy([1.0, 0.0], [[0.5], [0.5]]).shape == (2,)
    np.testing.assert_array_equal(
        losses.sparse_categorical_crossentropy(LABELS.reshape(-1, 1), PROBABILITIES),
        losses.sparse_categorical_crossentropy(LABELS, PROBABILITIES),
    )


def test_classes_are_means():
    for identifier, targets, predictions, expected in [
        ("categorical_crossentropy", ONE_HOT, PROBABILITIES, CASES[0][3]),
        (losses.SparseCategoricalCrossentropy, LABELS, PROBABILITIES, CASES[2][3]),
        (losses.SparseCategoricalCrossentropy(from_logits=True), LABELS, LOGITS, CASES[3][3]),
        (losses.binary_crossentropy, YES_NO, normalised(PROBABILITIES), CASES[4][3]),
        ("mse", YES_NO, LOGITS, CASES[6][3]),
    ]:
        value = losses.get(identifier)(targets, predictions)
        assert value.shape == ()
        assert abs(float(value) - expected.mean()) < 1e-12


def test_custom_losses():
    def distance(y_true, y_pred):
        return abs(y_true - y_pred).mean(-1)

    class Fourth(losses.Loss):
        def call(self, y_true, y_pred):
            return ((y_true - y_pred) ** 4).mean(-1)

    x = pt.asarray([[1.0, 3.0]])
    assert losses.get(distance)(pt.zeros((1, 2)), x).item() == 2
    assert losses.get(distance).name == "distance"
    assert losses.get(Fourth)(pt.zeros((1, 2)), x).item() == 41
    assert losses.get(Fourth).name == "fourth"
    with pytest.raises(NotImplementedError, match="Loss does not define call"):
        losses.Loss()(x, x)


def test_labels_of_other_dtypes():
    expected = losses.sparse_categorical_crossentropy(LABELS, PROBABILITIES).tolist()
    for dtype in ("uint8", "int32", "uint64", "float32", "float64"):
        labels = pt.asarray(LABELS).astype(dtype)
        assert losses.sparse_categorical_crossentropy(labels, PROBABILITIES).tolist() == expected


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: losses.get("crossentropy"),
            ValueError,
            r"^unknown loss 'crossentropy': did you mean 'binary_crossentropy', "
            r"'categorical_crossentropy' or 'binary_focal_crossentropy'\?$",
        ),
        (
            lambda: losses.get("total"),
            ValueError,
            r"unknown loss 'total': known are .*binary_crossentropy.*mse",
        ),
        (lambda: losses.get(3), TypeError, "loss: found 3"),
        (
            lambda: losses.Hinge("total"),
            ValueError,
            "hinge: reduction: found 'total': expected one of 'sum_over_batch_size', ",
        ),
        (
            lambda: losses.CategoricalCrossentropy(label_smoothing=2),
            ValueError,
            "categorical_crossentropy: label_smoothing: found 2",
        ),
        (lambda: losses.Huber(-1), ValueError, "huber_loss: delta: found -1"),
        (
            lambda: losses.mean_squared_error(np.zeros((3, 2)), np.zeros((3, 4))),
            ValueError,
            r"mean_squared_error: targets of shape \(3, 2\): expected \(3, 4\)",
        ),
        (
            lambda: losses.mean_squared_error(np.zeros(4), np.zeros((3, 1))),
            ValueError,
            r"targets of shape \(4,\): expected \(3, 1\)",
        ),
        (
            lambda: losses.categorical_crossentropy(LABELS, PROBABILITIES),
            ValueError,
            r"targets of shape \(6,\): expected \(6, 4\)",
        ),
        (
            lambda: losses.sparse_categorical_crossentropy(ONE_HOT, PROBABILITIES),
            ValueError,
            r"labels of shape \(6, 4\): expected \(6,\), integers, for predictions of "
            r"shape \(6, 4\)",
        ),
        (
            lambda: losses.sparse_categorical_crossentropy([0, 4], PROBABILITIES[:2]),
            ValueError,
            r"label 4 at position 1: expected an integer in \[0, 4\), one of 4 classes",
        ),
        (
            lambda: losses.sparse_categorical_crossentropy([0, -1], PROBABILITIES[:2]),
            ValueError,
            "label -1 at position 1",
        ),
        (
            lambda: losses.sparse_categorical_crossentropy([0, 1.5], PROBABILITIES[:2]),
            ValueError,
            "label 1.5 at position 1",
        ),
        (
            lambda: losses.sparse_categorical_crossentropy([np.nan, 1], PROBABILITIES[:2]),
            ValueError,
            "label nan at position 0",
        ),
        (
            lambda: losses.sparse_categorical_crossentropy(
                np.array([2**63], "u8"), PROBABILITIES[:1]
            ),
            ValueError,
            "label 9223372036854775808 at position 0",
        ),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


INF = float("inf")
ALL_BINARY = [losses.binary_crossentropy, losses.binary_focal_crossentropy]
ALL_CATEGORICAL = [losses.categorical_crossentropy, losses.categorical_focal_crossentropy]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", ALL_BINARY)
def test_infinite_logits_of_yes_or_no(loss, dtype):
    x = pt.asarray([[INF], [INF], [-INF], [-INF], [INF], [0.0], [float("nan")]], dtype=dtype)
    t = [[1], [0], [1], [0], [0.9], [0.0], [1.0]]
    found = loss(t, x, from_logits=True).tolist()
    assert found[:5] == [0, INF, INF, 0, INF]
    assert found[5:] == pytest.approx(
        [loss([[0.0]], [[0.0]], from_logits=True).item(), float("nan")], nan_ok=True
    )
    slope = pt.grad(lambda x: loss(t, x, from_logits=True).sum())(x).reshape(-1).tolist()
    assert [slope[0], slope[3]] == [0, 0]
    if loss is losses.binary_crossentropy:
        assert slope[:6] == pytest.approx([0, 1, -1, 0, 0.1, 0.5])


def test_focal_losses_of_logits_are_not_clipped():
    found = losses.binary_focal_crossentropy([[1.0], [0.0]], [[-200.0], [200.0]], from_logits=True)
    assert found.tolist() == [200, 200]
    for gamma in (0.0, 0.5, 2.0):

        def f(x, gamma=gamma):
            return losses.binary_focal_crossentropy(
                [[1.0], [0.0]], x, gamma=gamma, from_logits=True
            ).sum()

        assert pt.grad(f)(pt.asarray([[-200.0], [200.0]])).tolist() == [[-1], [1]]
        assert pt.grad(f)(pt.asarray([[200.0], [-200.0]])).tolist() == [[0], [0]]
    found = losses.categorical_focal_crossentropy(
        [[1.0, 0.0]], [[-100.0, 100.0]], alpha=0.5, from_logits=True
    )
    assert found.item() == pytest.approx(100)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", ALL_CATEGORICAL)
def test_infinite_logits_of_classes(loss, dtype):
    x = pt.asarray(
        [[INF, 0, 1], [INF, 0, 1], [-INF, 0, 0], [-INF, 0, 0], [INF, -INF, 0]], dtype=dtype
    )
    labels = [0, 2, 0, 1, 0]
    t = np.eye(3)[labels]
    found = loss(t, x, from_logits=True)
    assert np.array(found)[[0, 1, 2, 4]].tolist() == [0, INF, INF, 0]
    finite = loss([[1.0, 0.0]], [[0.0, 0.0]], from_logits=True)
    assert found[3].item() == pytest.approx(finite.item(), rel=1e-6)
    assert np.isnan(
        np.array(loss(t[:2], [[INF, INF, 0], [INF, float("nan"), 0]], from_logits=True))
    ).all()
    slope = pt.grad(lambda x: loss(t, x, from_logits=True).sum())(x).numpy()
    assert np.isfinite(slope).all()
    assert not slope[[0, 4]].any()
    if loss is losses.categorical_crossentropy:
        np.testing.assert_array_equal(
            slope, [[0, 0, 0], [1, 0, -1], [-1, 0.5, 0.5], [0, -0.5, 0.5], [0, 0, 0]]
        )
        np.testing.assert_array_equal(
            losses.sparse_categorical_crossentropy(labels, x, from_logits=True), found
        )


def test_infinite_predictions():
    assert losses.log_cosh([[0.0], [0.0]], [[INF], [-INF]]).tolist() == [INF, INF]
    assert losses.poisson([[0.0], [2.0]], [[INF], [INF]]).tolist() == [INF, INF]
    assert losses.categorical_hinge(
        [[1, 0], [0, 1], [1, 0], [0, 1]], [[INF, 0], [INF, 0], [-INF, 0], [-INF, 0]]
    ).tolist() == [0, INF, INF, 1]


def test_cosine_of_large_vectors():
    y, p = np.array([[3, 4], [1, 0]], "f4"), np.array([[4, 3], [1, 1]], "f4")
    expected = losses.cosine_similarity(y, p)
    for scale in (1e20, 5e37):
        scale = np.float32(scale)
        np.testing.assert_allclose(
            losses.cosine_similarity(y * scale, p * scale), expected, rtol=1e-6
        )
        np.testing.assert_allclose(losses.cosine_similarity(y, p * scale), expected, rtol=1e-6)


def test_short_names():
    for name in ("bce", "BCE"):
        assert type(losses.get(name)) is losses.BinaryCrossentropy


CLASSES = [name for name in losses.__all__ if name[0].isupper()]


@pytest.mark.once
@pytest.mark.parametrize("name", [name for name in CLASSES if name != "Loss"])
def test_get_knows_every_default_name(name):
    cls = getattr(losses, name)
    assert type(losses.get(cls().name)) is cls


@pytest.mark.oracle
@pytest.mark.parametrize("name", [name for name in losses.__all__ if name != "get"])
def test_arguments_by_position_are_those_of_keras(keras, name):
    """An argument that stands elsewhere there must be named."""
    ours, theirs = (
        [
            p.name
            for p in inspect.signature(getattr(module, name)).parameters.values()
            if p.kind is p.POSITIONAL_OR_KEYWORD
        ]
        for module in (losses, keras.losses)
    )
    assert ours == theirs[: len(ours)]


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_cosine_similarity_along_an_axis(axis):
    y, p = RNG.normal(size=(2, 4, 3))
    expected = -(y * p).sum(axis) / np.linalg.norm(y, axis=axis) / np.linalg.norm(p, axis=axis)
    np.testing.assert_allclose(losses.cosine_similarity(y, p, axis), expected, rtol=1e-6)
    loss = losses.CosineSimilarity(axis, None)
    np.testing.assert_allclose(loss(y, p), expected, rtol=1e-6)
    assert losses.CosineSimilarity.from_config(loss.get_config()).axis == axis


class Brier(losses.CategoricalCrossentropy):
    """Needs probabilities, unlike the loss that it inherits from."""

    def call(self, y_true, y_pred):
        return pt.square(y_true - y_pred).sum(axis=-1)


class Halved(losses.CategoricalCrossentropy):
    """Passes logits on, and says so."""

    activation = staticmethod(pt.activations.softmax)

    def call(self, y_true, y_pred):
        return super().call(y_true, y_pred) / 2


def test_a_custom_subclass_gets_probabilities_unless_it_names_the_activation():
    x = RNG.normal(size=(6, 3)).astype(np.float32)
    y = np.eye(3)[[0, 1, 2, 0, 1, 2]]
    for loss in (Brier(), Halved()):
        network = pt.models.Sequential([pt.layers.Dense(3, "softmax", input_shape=(3,))])
        network.compile("sgd", loss)
        out = np.asarray(network.predict(x, verbose=0))
        expected = ((y - out) ** 2).sum(-1) if type(loss) is Brier else -np.log(out[y == 1]) / 2
        assert network.evaluate(x, y, verbose=0) == pytest.approx(expected.mean(), rel=1e-5)
    assert losses.CategoricalFocalCrossentropy.activation is None
    assert losses.BinaryCrossentropy.activation is pt.activations.sigmoid


@pytest.mark.parametrize("cls", [losses.Loss, losses.MeanSquaredError])
def test_a_loss_takes_lists(cls):
    """A custom one too: its call gets tensors."""

    class Own(cls):
        def call(self, y_true, y_pred):
            return abs(y_true - y_pred).mean(axis=-1)

    assert Own()([[0.0, 1.0]], [[2.0, 2.0]]).item() == 1.5


@pytest.mark.parametrize(
    ("name", "targets", "expected"),
    [
        (
            "binary_crossentropy",
            [[1.0], [2.0]],
            "found 2.0 in row 1: expected 0, 1 or a probability",
        ),
        ("binary_focal_crossentropy", [[-1.0], [1.0]], "found -1.0 in row 0: expected 0, 1 or"),
        ("categorical_crossentropy", [[0, 1], [5, 0]], "found 5 in row 1: expected 0, 1 or"),
        ("categorical_hinge", [[0, 1], [5, 0]], "found 5 in row 1: expected 0, 1 or"),
        ("kl_divergence", [[0.5, math.nan]], "found nan in row 0: expected 0, 1 or"),
        ("hinge", [[1], [2]], "found 2 in row 1: expected -1 or 1, or 0 or 1"),
        ("squared_hinge", [[1], [2]], "found 2 in row 1: expected -1 or 1, or 0 or 1"),
        ("poisson", [[3.0], [-1.0]], "found -1.0 in row 1: expected a count, at least 0"),
    ],
)
def test_refuses_invalid_targets(name, targets, expected):
    y = pt.asarray(targets)
    with pytest.raises(ValueError, match=f"^y: {expected}"):
        losses.get(name).targets(y, y.shape)


def test_accepts_valid_targets():
    for name, targets in (
        ("binary_crossentropy", [[0], [1]]),
        ("kl_divergence", [[0.2, 0.8]]),
        ("binary_crossentropy", [[True], [False]]),
        ("hinge", [[-1.0], [1.0]]),
        ("poisson", [[0], [300]]),
        ("mse", [[-5.0], [1e9]]),
    ):
        y = pt.asarray(targets)
        assert losses.get(name).targets(y, y.shape) is y


# ------------------------------------------------------------------------------------ ignore_class


@pytest.mark.parametrize("ignored", [-1, 2, 255])
@pytest.mark.parametrize("from_logits", [False, True])
def test_ignore_class(ignored, from_logits):
    rng = np.random.default_rng(0)
    scores = rng.random((6, 4, 3)).astype(np.float32)
    scores /= scores.sum(-1, keepdims=True)
    labels = rng.integers(0, 2, (6, 4))
    labels[rng.random((6, 4)) < 0.4] = ignored
    kept = labels != ignored
    probabilities = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    chosen = np.where(kept, labels, 0)[..., None]
    values = -np.log(
        np.take_along_axis(probabilities if from_logits else scores, chosen, -1)[..., 0]
    )
    loss = losses.SparseCategoricalCrossentropy(from_logits, ignore_class=ignored)
    np.testing.assert_allclose(loss(labels, scores), values[kept].mean(), rtol=1e-5)
    weights = rng.random((6, 4)).astype(np.float32)
    np.testing.assert_allclose(
        loss(labels, scores, weights), (values * weights)[kept].sum() / kept.sum(), rtol=1e-5
    )
    each = losses.sparse_categorical_crossentropy(labels, scores, from_logits, ignored)
    np.testing.assert_allclose(each, np.where(kept, values, 0), rtol=1e-5)


@pytest.mark.oracle
def test_ignore_class_as_in_keras(keras):
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(6, 4, 3)).astype(np.float32)
    labels = rng.integers(-1, 3, (6, 4))
    for reduction in ("sum_over_batch_size", "sum"):
        found, expected = (
            k.SparseCategoricalCrossentropy(True, ignore_class=-1, reduction=reduction)
            for k in (losses, keras.losses)
        )
        np.testing.assert_allclose(
            found(labels, scores), np.asarray(expected(labels, scores)), rtol=1e-5
        )


def test_ignored_labels_in_fit():
    model = models.Sequential([layers.Dense(3, activation="softmax", input_shape=(2,))])
    model.compile("sgd", losses.SparseCategoricalCrossentropy(ignore_class=-1))
    x, y = np.ones((4, 2)), np.array([0, -1, 2, -1])
    before = model.evaluate(x[[0, 2]], y[[0, 2]], verbose=0)
    assert model.evaluate(x, y, verbose=0) == pytest.approx(before, rel=1e-6)
    model.fit(x, y, verbose=0)
    with pytest.raises(ValueError, match="y: label -2"):
        model.fit(x, y - 1, verbose=0)
