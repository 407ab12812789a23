"""pytensor._training: data.py and batches.py, from what fit is given to batches."""

import numpy as np
import pytest

import pytensor as pt
from pytensor import layers, models, random
from pytensor._training.batches import Batches, Samples, Stream
from pytensor._training.data import as_source, is_stream, weights_of_classes

X = np.arange(20, dtype=np.uint8).reshape(10, 2)
Y = np.arange(10)


def batches(x=X, y=Y, y_dtype=pt.int64, **options):
    weights = options.pop("weights", None)
    samples = Samples(
        as_source("x", x),
        None if y is None else as_source("y", y),
        None if weights is None else as_source("weights", weights),
        y_dtype,
    )
    return Batches(samples, **options)


def test_in_order():
    found = list(batches(batch_size=4))
    assert [y.tolist() for _, y, _ in found] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    for x, y, _ in found:
        assert (x.dtype, y.dtype) == (pt.float32, pt.int64)
        np.testing.assert_array_equal(x, X[np.asarray(y)])
    assert batches(batch_size=4).steps == 3
    assert [batches(batch_size=size).steps for size in (1, 5, 10, 11)] == [10, 2, 1, 1]


def test_shuffled():
    random.seed(0)
    data = batches(batch_size=4, shuffle=True)
    orders = []
    for _ in range(2):
        found = list(data)
        assert [len(y) for _, y, _ in found] == [4, 4, 2]
        for x, y, _ in found:
            assert (x.dtype, y.dtype) == (pt.float32, pt.int64)
            np.testing.assert_array_equal(x, X[np.asarray(y)])
        orders.append([label for _, y, _ in found for label in y.tolist()])
        assert sorted(orders[-1]) == list(range(10))
    assert orders[0] != orders[1]
    random.seed(0)
    assert [label for _, y, _ in batches(batch_size=4, shuffle=True) for label in y.tolist()] == (
        orders[0]
    )


def test_without_targets():
    assert [(x.shape, y) for x, y, _ in batches(y=None, y_dtype=None, batch_size=6)] == [
        ((6, 2), None),
        ((4, 2), None),
    ]


def test_memory_is_the_users():
    source = as_source("x", X)
    assert np.shares_memory(np.asarray(source), X)
    assert source.dtype == pt.uint8
    floats = X.astype(np.float32)
    x, _, _ = next(iter(batches(floats, batch_size=4)))
    assert np.shares_memory(np.asarray(x), floats)
    turned = as_source("x", X.T)  # not in C order: copied once
    np.testing.assert_array_equal(turned, X.T)
    assert np.asarray(turned).flags.c_contiguous


def test_weights_go_with_their_samples():
    found = list(batches(weights=Y / 10, batch_size=4, shuffle=True))
    for _, y, weights in found:
        np.testing.assert_array_equal(weights, np.asarray(y) / 10)
    assert [w.tolist() for _, _, w in batches(weights=Y, batch_size=6)] == [
        [0, 1, 2, 3, 4, 5],
        [6, 7, 8, 9],
    ]


class Items:
    """Has a length and items, as data sets of other libraries."""

    def __len__(self):
        return 3

    def __getitem__(self, i):
        return i


class Again:
    """Can be iterated over again."""

    def __iter__(self):
        return iter(range(3))


def stream(source, steps=None):
    return Stream("x", source, lambda number: Samples(pt.asarray([number])), steps)


def numbers(stream):
    """The numbers in an epoch of batches of one number each."""
    return [int(x) for x, _, _ in stream]


@pytest.mark.parametrize("make", [Items, Again])
def test_streams_that_start_again(make):
    data = stream(make())
    assert data.steps is None
    assert [numbers(data), numbers(data)] == [[0, 1, 2]] * 2
    assert data.steps == 3
    data = stream(make(), 2)
    assert [numbers(data) for _ in range(3)] == [[0, 1], [2, 0], [1, 2]]
    data = stream(make(), 4)
    assert [numbers(data) for _ in range(2)] == [[0, 1, 2, 0], [1, 2, 0, 1]]


def test_iterators():
    data = stream(iter(range(7)), 3)
    assert [numbers(data) for _ in range(2)] == [[0, 1, 2], [3, 4, 5]]
    with pytest.warns(UserWarning, match="x: 1 batches: expected 3, as asked for"):
        assert numbers(data) == [6]
    assert data.ran_out
    with pytest.raises(ValueError, match="x: no batches left"):
        list(data)
    data = stream(iter([1, 2]))
    assert numbers(data) == [1, 2]
    with pytest.raises(ValueError, match="x: no batches left"):
        list(data)


def test_a_stream_resumes_in_the_middle_of_an_epoch():
    data = stream(Again())
    data.position.step = 2
    assert numbers(data) == [2]


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        ([1], False),
        ((1,), False),
        (np.ones(2), False),
        (pt.ones(2), False),
        (b"ab", False),
        ({}, False),
        (iter([1]), True),
        (Items(), True),
        (Again(), True),
        (3, False),
        (None, False),
    ],
)
def test_is_stream(x, expected):
    assert is_stream(x) is expected


@pytest.mark.parametrize("y", [[0, 1, 2, 1], [[0], [1], [2], [1]], np.eye(3)[[0, 1, 2, 1]]])
def test_weights_of_classes(y):
    weights = weights_of_classes("fit", y, {1: 0.5, 2: 3})
    assert weights.tolist() == [1, 0.5, 3, 0.5]
    assert weights.dtype == pt.float32


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ([1, 2], TypeError, "fit: class_weight: found .*: expected a dictionary"),
        ({"a": 1}, TypeError, "fit: class_weight: found 'a'"),
        ({0: -1}, ValueError, r"fit: class_weight\[0\]: found -1"),
    ],
)
def test_refuses_class_weights(weights, error, message):
    with pytest.raises(error, match=message):
        weights_of_classes("fit", [0, 1], weights)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (None, ValueError, "x: missing"),
        (np.zeros((0, 3)), ValueError, r"x: found shape \(0, 3\): expected at least one sample"),
        (np.zeros((3, 0)), ValueError, r"x: found shape \(3, 0\)"),
        ([], ValueError, r"x: found shape \(0,\)"),
        (5.0, ValueError, r"x: found shape \(\)"),
        (["a", "b"], TypeError, "expected numbers"),
        (np.zeros(3, complex), TypeError, "complex128"),
    ],
)
def test_refuses(data, error, message):
    with pytest.raises(error, match=message):
        as_source("x", data)


@pytest.mark.oracle
@pytest.mark.once
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames(library):
    frames = pytest.importorskip(library)
    data = {"a": [1, 2, 3, 4], "b": [0.5, 1.5, 2.5, 3.5], "c": [True, False, True, False]}
    frame = frames.DataFrame(data)
    expected = np.array(list(data.values()), float).T
    np.testing.assert_array_equal(as_source("x", frame), expected)
    assert as_source("x", frame["a"]).dtype == pt.int64
    assert not is_stream(frame)
    network = models.Sequential([layers.Dense(1, input_shape=(3,))])
    network.compile("sgd", "mse", metrics=["mae"])
    history = network.fit(
        frame,
        frame["a"],
        epochs=2,
        validation_split=0.5,
        verbose=0,
        validation_data=(frame, frame["a"]),
        sample_weight=frame["b"],
    )
    assert len(history.history["val_mae"]) == 2
    assert network.predict(frame, verbose=0).shape == (4, 1)
    for wrong, error, message in (
        (
            {"a": [1, 2], "sex": ["m", "f"]},
            TypeError,
            r"^fit: x: column 'sex': found str \('m'\): expected numbers: leave .*get_dummies",
        ),
        (
            {"a": [1, 2], "b": [1.0, None]},
            ValueError,
            "^fit: x: column 'b': found nothing in row 1: expected a number: fill",
        ),
        ({"b": [None, 1]}, ValueError, "^fit: x: column 'b': found nothing in row 0"),
    ):
        with pytest.raises(error, match=message):
            network.fit(frames.DataFrame(wrong), frame["a"], verbose=0)
    with pytest.raises(TypeError, match=r"^fit: y: column 'kind': found str \('u'\): expected num"):
        network.fit(frame, frames.DataFrame({"kind": list("uvuv")})["kind"], verbose=0)


@pytest.mark.oracle
@pytest.mark.once
def test_columns_of_pandas():
    pandas = pytest.importorskip("pandas")
    for values in (pandas.array([1, 2], dtype="Int64"), pandas.array([True, False], "boolean")):
        found = as_source("x", pandas.DataFrame({"a": values}))
        np.testing.assert_array_equal(found, np.array(values, float)[:, None])
    for values, found in (
        (["a", 1], "str"),
        (pandas.to_datetime(["2024-01-01"] * 2), "datetime"),
        (pandas.Categorical(["u", "v"]), "str"),
    ):
        with pytest.raises(TypeError, match=f"^x: column 'a': found {found}"):
            as_source("x", pandas.DataFrame({"a": values}))
    with pytest.raises(ValueError, match=r"^x: column 'a': found 2 columns of that name"):
        as_source("x", pandas.DataFrame([[1, 2]], columns=["a", "a"]))
