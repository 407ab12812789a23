"""pytensor.datasets.digits: the digits that the package draws itself."""

import numpy as np
import pytest

import pytensor as pt
from pytensor import layers, models, utils
from pytensor.datasets import digits


def arrays(*arguments, **keywords):
    return [np.asarray(part) for pair in digits.load_data(*arguments, **keywords) for part in pair]


def test_shapes_and_types():
    (images, labels), (test_images, test_labels) = digits.load_data(n_train=123, n_test=45)
    assert images.shape == (123, 28, 28) and labels.shape == (123,)
    assert test_images.shape == (45, 28, 28) and test_labels.shape == (45,)
    for part in (images, labels, test_images, test_labels):
        assert isinstance(part, pt.Tensor) and str(part.dtype) == "uint8"


def test_looks_like_ink_on_paper():
    images, labels, _, _ = arrays(2000, 0)
    assert images.min() == 0 and images.max() == 255
    assert 0.05 < (images > 127).mean() < 0.25
    assert images.reshape(2000, -1).max(axis=1).min() > 150  # no digit is missing
    border = np.ones((28, 28), bool)
    border[2:-2, 2:-2] = False
    assert images[:, border].mean() < 3
    # Digits of one kind differ, and their means differ from each other's.
    means = np.stack([images[labels == k].mean(axis=0) for k in range(10)])
    assert images[labels == 3].std(axis=0).max() > 50
    apart = np.abs(means[:, None] - means).mean(axis=(2, 3))
    assert apart[~np.eye(10, dtype=bool)].min() > 5


def test_ten_consecutive_ones_are_ten_different_ones():
    _, labels, _, test_labels = arrays(50, 25)
    assert (np.sort(labels.reshape(-1, 10), axis=1) == np.arange(10)).all()
    assert sorted(test_labels[:10]) == sorted(test_labels[10:20]) == list(range(10))
    assert (labels[:10] != labels[10:20]).any()


def test_same_seed_same_digits():
    for first, second in zip(arrays(70, 30, seed=3), arrays(70, 30, seed=3), strict=True):
        np.testing.assert_array_equal(first, second)
    assert (arrays(70, 30, seed=3)[0] != arrays(70, 30, seed=4)[0]).any()


def test_training_and_test_digits_differ():
    images, _, test_images, _ = arrays(100, 100)
    assert len(np.unique(np.concatenate((images, test_images)), axis=0)) == 200


def test_more_digits_begin_with_the_same_ones():
    few, many = arrays(1503, 20), arrays(2600, 40)
    for first, second in zip(few, many, strict=True):
        np.testing.assert_array_equal(first, second[: len(first)])


def test_none():
    images, labels, _, _ = arrays(0, 0)
    assert images.shape == (0, 28, 28) and labels.shape == (0,)


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"n_train": -1}, ValueError, "load_data: n_train: found -1: expected at least 0"),
        ({"n_test": 2.5}, TypeError, "load_data: n_test: found 2.5: expected an integer"),
        ({"seed": -1}, ValueError, "load_data: seed: found -1: expected at least 0"),
        ({"seed": None}, TypeError, "load_data: seed: found None: expected an integer"),
    ],
)
def test_refuses(keywords, error, message):
    with pytest.raises(error, match=message):
        digits.load_data(**keywords)


@pytest.mark.training
def test_the_first_network_learns_them():
    utils.set_random_seed(0)
    (images, labels), (test_images, test_labels) = digits.load_data()
    network = models.Sequential()
    network.add(layers.Dense(512, activation="relu", input_shape=(28 * 28,)))
    network.add(layers.Dense(10, activation="softmax"))
    network.compile(
        optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    rows, test_rows = (
        part.reshape((len(part), 28 * 28)).astype("float32") / 255 for part in (images, test_images)
    )
    network.fit(rows, labels, epochs=5, batch_size=128, verbose=0)
    _, accuracy = network.evaluate(test_rows, test_labels, verbose=0)
    assert accuracy > 0.97
