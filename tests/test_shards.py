"""Samples in many files, read by memory map."""

import gzip
import threading

import numpy as np
import pytest

import pytensor as pt
from pytensor import datasets, layers, models
from pytensor._training import batches
from pytensor.datasets import idx

pytestmark = pytest.mark.once


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (23, 4, 3)).astype(np.uint8)


def written(directory, array, sizes, kind="npy"):
    """Write an array to files of so many samples each. Returns their pattern."""
    start = 0
    for k, size in enumerate(sizes):
        part = array[start : start + size]
        start += size
        if kind == "npy":
            np.save(directory / f"x-{k}.npy", part)
        else:
            idx.write(directory / f"x-{k}.idx", part)
    return directory / f"x-*.{kind}"


@pytest.mark.parametrize("kind", ["npy", "idx"])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "int16"])
def test_shards_act_like_one_array(tmp_path, images, kind, dtype):
    images = images.astype(dtype)
    x = datasets.Shards(written(tmp_path, images, (5, 1, 0, 17), kind))
    assert (len(x), x.shape, x.dtype, x.ndim) == (23, (23, 4, 3), np.dtype(dtype), 3)
    rows = np.array([22, 0, 5, 4, -1, 5])
    assert np.array_equal(x[rows], images[rows]) and x[rows].dtype == x.dtype
    assert np.array_equal(x[3:20][2:][rows[1:4]], images[5:20][rows[1:4]])
    for part in (slice(None), slice(4, None), slice(2, 6), slice(5, 6), slice(7, 3)):
        whole = np.asarray(x[part])
        assert np.array_equal(whole, images[part]) and whole.dtype == x.dtype
    assert np.asarray(x, dtype="float64").dtype == np.float64
    assert len(x[9:2]) == 0


def test_training_matches_that_on_an_array(tmp_path, images):
    labels = (images.sum((1, 2)) % 2).astype(np.uint8)
    shards = datasets.Shards(written(tmp_path, images, (5, 18)))
    weights = []
    for x in (images, shards):
        pt.random.seed(0)
        model = models.Sequential(
            [
                layers.Flatten(),
                layers.Dense(4, activation="relu"),
                layers.Dense(2, activation="softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        history = model.fit(x, labels, epochs=3, batch_size=4, validation_split=0.2, verbose=0)
        weights.append(
            [
                *model.get_weights(),
                np.asarray(model.predict(x, verbose=0)),
                model.evaluate(x, labels, verbose=0),
                history.history["val_loss"],
            ]
        )
    for a, b in zip(*weights, strict=True):
        assert np.array_equal(a, b)


def test_a_thread_reads_ahead_and_ends(images):
    read, threads = [], set()

    def items():
        for i in range(10):
            read.append(i)
            threads.add(threading.current_thread())
            yield i

    ahead = batches._prefetched(items(), 2)
    assert next(ahead) == 0
    ahead.close()
    assert len(read) <= 4 and threading.current_thread() not in threads
    assert not any(thread.is_alive() for thread in threads)
    assert list(batches._prefetched(iter(range(7)))) == list(range(7))


def test_an_error_of_the_reader_is_raised():
    def items():
        yield 1
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        list(batches._prefetched(items()))


def test_errors(tmp_path, images):
    with pytest.raises(ValueError, match="found no such files"):
        datasets.Shards(tmp_path / "*.npy")
    np.save(tmp_path / "a.npy", images)
    np.save(tmp_path / "b.npy", images[:, :2])
    with pytest.raises(
        ValueError,
        match=r"b\.npy: found uint8 \(23, 2, 3\): expected uint8 \(n, "
        r"4, 3\)",
    ):
        datasets.Shards([tmp_path / "a.npy", tmp_path / "b.npy"])
    np.save(tmp_path / "empty.npy", np.empty((2**40, 0), np.uint8))
    for paths in ([], [tmp_path / "empty.npy"]):
        with pytest.raises(ValueError, match="no samples"):
            datasets.Shards(paths)
    idx.write(tmp_path / "c.idx", images)
    whole = (tmp_path / "c.idx").read_bytes()
    for content, message in (
        (whole[:-1], "bytes"),
        (whole + b"0", "bytes"),
        (gzip.compress(whole), "compressed"),
        (b"abc", "IDX"),
    ):
        (tmp_path / "d").write_bytes(content)
        with pytest.raises(ValueError, match=message):
            datasets.Shards([tmp_path / "d"])
    whole = (tmp_path / "a.npy").read_bytes()
    for good, bad in ((b"(23, 4, 3),", b"(%d,), " % 2**70), (b"'shape'", b"'sha\n   ")):
        assert good in whole  # NumPy says OverflowError and TokenError
        changed = whole.replace(good, bad)
        start = changed.index(b"{")
        changed = (
            changed[:8] + (changed.index(b"}") + 1 - start).to_bytes(2, "little") + changed[start:]
        )
        (tmp_path / "d").write_bytes(changed)
        with pytest.raises(ValueError, match=r"Shards: .*d: "):
            datasets.Shards([tmp_path / "d"])
    x = datasets.Shards([tmp_path / "a.npy"])
    with pytest.raises(ValueError, match="step 2"):
        x[::2]
    with pytest.raises(IndexError, match="row 23"):
        x[[23]]
