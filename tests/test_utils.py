"""pytensor.utils."""

import numpy as np
import pytest

import pytensor as pt
from pytensor.utils import pad_sequences, set_random_seed, to_categorical
from pytensor.utils import timeseries_dataset_from_array as windows


@pytest.mark.parametrize("form", [list, np.array, np.uint8, pt.asarray])
def test_one_hot_rows(form):
    rows = to_categorical(form([2, 0, 1, 2]))
    assert isinstance(rows, pt.Tensor)
    assert str(rows.dtype) == "float32"
    assert rows.tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_more_classes_than_labels():
    assert to_categorical([1], num_classes=4).tolist() == [[0, 1, 0, 0]]
    assert to_categorical([], num_classes=4).shape == (0, 4)


@pytest.mark.parametrize(
    ("labels", "classes", "error", "message"),
    [
        ([0, -1], None, ValueError, "label -1: expected 0 ... 0"),
        ([0, -3], 5, ValueError, "label -3: expected 0 ... 4"),
        ([0, 5], 5, ValueError, "label 5: expected 0 ... 4"),
        (np.uint64([2**63]), 5, ValueError, "label 9223372036854775808: expected 0 ... 4"),
        ([1.0, 2.0], None, TypeError, "labels of float64: expected integers"),
        (["1"], None, TypeError, "labels of <U1: expected integers"),
        ([True], None, TypeError, "labels of bool: expected integers"),
        ([[1, 2]], None, ValueError, r"labels of shape \(1, 2\): expected \(n,\)"),
        (3, None, ValueError, r"labels of shape \(\): expected \(n,\)"),
        ([], None, ValueError, "no labels: num_classes is needed"),
        ([0], 0, ValueError, "num_classes: found 0: expected at least 1"),
        ([0], 2.0, TypeError, "num_classes: found 2.0: expected an integer"),
    ],
)
def test_refuses(labels, classes, error, message):
    with pytest.raises(error, match=message):
        to_categorical(labels, classes)


def test_the_seed_determines_the_random_numbers():
    draws = []
    for seed in (1, 1, 2):
        set_random_seed(seed)
        draws.append(pt.random.generator().random(100))
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (draws[0] != draws[2]).any()


# --- sequences ------------------------------------------------------------------------------

SEQUENCES = [
    [[1], [2, 3], [4, 5, 6], []],
    [np.ones((2, 3)), np.zeros((4, 3))],
    [["a", "b"], ["c"]],
    [],
]


@pytest.mark.oracle
@pytest.mark.parametrize("truncating", ["pre", "post"])
@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("maxlen", [None, 2, 5])
@pytest.mark.parametrize("sequences", SEQUENCES[:3])
def test_padded_sequences_are_those_of_keras(sequences, maxlen, padding, truncating):
    keras = pytest.importorskip("keras")
    texts = sequences is SEQUENCES[2]
    options = {
        "maxlen": maxlen,
        "padding": padding,
        "truncating": truncating,
        "dtype": object if texts else "float32",
        "value": "-" if texts else 7,
    }
    mine = pad_sequences(sequences, **options)
    theirs = keras.utils.pad_sequences(sequences, **options)
    assert mine.dtype == theirs.dtype and mine.tolist() == theirs.tolist()


def test_padding_of_nothing():
    assert pad_sequences([]).shape == (0, 0)
    assert pad_sequences([[], []], maxlen=3).tolist() == [[0, 0, 0]] * 2
    assert pad_sequences([[1, 2]], maxlen=0).shape == (1, 0)
    assert pad_sequences([[1]]).dtype == np.int32


@pytest.mark.parametrize(
    ("sequences", "options", "error", "message"),
    [
        ([[1]], {"padding": "left"}, ValueError, "padding: found 'left': expected 'pre' or 'post'"),
        ([[1]], {"truncating": 1}, ValueError, "truncating: found 1"),
        ([[1], 2], {}, TypeError, "sequence 1: found 2: expected a list"),
        ([[1], "ab"], {}, TypeError, "sequence 1: found 'ab': expected a list"),
        ([[1]], {"maxlen": 1.5}, TypeError, "maxlen: found 1.5"),
        ([np.ones((2, 3)), np.ones((2, 4))], {}, ValueError, r"sequence 1: elements of shape \(4,"),
    ],
)
def test_sequences_that_cannot_be_padded(sequences, options, error, message):
    with pytest.raises(error, match=message):
        pad_sequences(sequences, **options)


def test_documented_windows():
    data = np.arange(99)
    batches = list(windows(data, None, 10, sequence_stride=3, sampling_rate=2, batch_size=100))
    assert len(batches) == 1
    x = batches[0]
    assert x[0].tolist() == list(range(0, 20, 2)) and x[-1].tolist() == list(range(78, 98, 2))
    assert len(x) == 27


def naive_windows(data, targets, length, stride, rate, start, end):
    """One window after another, in plain loops."""
    data = data[start:end]
    targets = None if targets is None else targets[start:end]
    found = []
    for first in range(0, len(data), stride):
        steps = [first + k * rate for k in range(length)]
        if steps[-1] < len(data) and (targets is None or first < len(targets)):
            found.append(
                (data[steps].tolist(), None if targets is None else targets[first].tolist())
            )
    return found


@pytest.mark.parametrize("with_targets", [False, True])
@pytest.mark.parametrize(("start", "end"), [(None, None), (3, None), (None, 30), (5, 31)])
@pytest.mark.parametrize(("length", "stride", "rate"), [(1, 1, 1), (4, 1, 1), (3, 2, 4), (5, 5, 2)])
def test_windows_are_those_of_loops(length, stride, rate, start, end, with_targets):
    data = np.random.default_rng(0).normal(size=(40, 2))
    targets = np.arange(38) if with_targets else None
    expected = naive_windows(data, targets, length, stride, rate, start, end)
    batches = windows(data, targets, length, stride, rate, 7, False, None, start, end)
    assert len(batches) == -(-len(expected) // 7)
    for _ in range(2):  # it can be iterated over again
        found = list(batches)
        assert [len(batch[0] if with_targets else batch) for batch in found[:-1]] == [7] * (
            len(found) - 1
        )
        x = np.concatenate([batch[0] if with_targets else batch for batch in found])
        assert x.tolist() == [window for window, _ in expected]
        if with_targets:
            y = np.concatenate([batch[1] for batch in found])
            assert y.tolist() == [target for _, target in expected]


def test_single_windows():
    x = list(windows(np.arange(5), None, 3, batch_size=None))
    assert [window.tolist() for window in x] == [[0, 1, 2], [1, 2, 3], [2, 3, 4]]


def test_shuffled_windows():
    data = np.arange(50)
    one, two = (windows(data, data, 3, batch_size=8, shuffle=True, seed=4) for _ in range(2))
    first = np.concatenate([y for _, y in one])
    assert sorted(first) == list(range(48)) and list(first) != sorted(first)
    np.testing.assert_array_equal(first, np.concatenate([y for _, y in two]))
    assert (first != np.concatenate([y for _, y in one])).any()
    for x, y in one:
        np.testing.assert_array_equal(x, y[:, None] + [0, 1, 2])
    set_random_seed(3)
    mine = np.concatenate(list(windows(data, None, 1, shuffle=True)))
    set_random_seed(3)
    np.testing.assert_array_equal(mine, np.concatenate(list(windows(data, None, 1, shuffle=True))))


def test_windows_are_trained_on():
    set_random_seed(0)
    series = np.sin(np.arange(300) * 0.3).astype(np.float32)
    batches = windows(series[:-8], series[8:], 8, batch_size=32, shuffle=True)
    model = pt.models.Sequential([pt.layers.Dense(1)])
    model.compile(pt.optimizers.Adam(0.05), "mse")
    history = model.fit(batches, epochs=15, verbose=0)
    assert history.history["loss"][-1] < 0.01
    assert model.evaluate(batches, verbose=0) < 0.01


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((np.float32(1), None, 1), ValueError, "data: found a scalar"),
        ((np.arange(5), None, 0), ValueError, "sequence_length: found 0"),
        ((np.arange(5), None, 6), ValueError, "no window fits into 5 steps"),
        ((np.arange(5), [], 2), ValueError, "no window fits into 5 steps with 0 targets"),
        ((np.arange(5), None, 2, 0), ValueError, "sequence_stride: found 0"),
        ((np.arange(5), None, 2, 1, 1.5), TypeError, "sampling_rate: found 1.5"),
        ((np.arange(5), None, 2, 1, 1, 0), ValueError, "batch_size: found 0"),
        (
            (np.arange(5), None, 2, 1, 1, 2, False, None, 4, 3),
            ValueError,
            "start_index 4, end_index 3",
        ),
        ((np.arange(5), None, 2, 1, 1, 2, False, None, 0, 6), ValueError, "end <= 5, the length"),
    ],
)
def test_windows_that_do_not_fit(arguments, error, message):
    with pytest.raises(error, match=message):
        windows(*arguments)
