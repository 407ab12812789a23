"""pytensor.saving: weights to disk and back."""

import os
import stat

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from pytensor import layers, models, saving


def network(units=4, **options):
    return models.Sequential([layers.Dense(units, input_shape=(3,)), layers.Dense(2, **options)])


def test_round_trip(tmp_path):
    first, second = network(), network()
    path = tmp_path / "weights.safetensors"
    first.save_weights(path)
    second.load_weights(str(path))
    for found, expected in zip(second.get_weights(), first.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert os.listdir(tmp_path) == ["weights.safetensors"]


def test_file_is_plain_safetensors(tmp_path):
    path = tmp_path / "weights"
    model = network()
    model.save_weights(path)
    stored = load_file(path)
    assert sorted(stored) == ["dense/bias", "dense/kernel", "dense_1/bias", "dense_1/kernel"]
    np.testing.assert_array_equal(stored["dense/kernel"], model.layers[0].kernel)
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


def test_overwriting_is_all_or_nothing(tmp_path, monkeypatch):
    path = tmp_path / "weights"
    model = network()
    model.save_weights(path)
    before = path.read_bytes()

    def fails(*arguments):
        raise OSError("no space left")

    model.set_weights([weight + 1 for weight in model.get_weights()])
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails)
        with pytest.raises(OSError, match="no space left"):
            model.save_weights(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["weights"]
    model.save_weights(path)
    assert path.read_bytes() != before


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real" / "file")
    saving.write_atomically(link, b"content")
    assert link.is_symlink()
    assert (tmp_path / "real" / "file").read_bytes() == b"content"


def test_a_pipe_is_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="not a regular file"):
        saving.write_atomically(pipe, b"content")
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (network(units=5), r"dense/bias: float32 \(5,\) in the file, float32 \(4,\) in the model; "
                           r"dense/kernel: float32 \(3, 5\) in the file.*; dense_1/kernel: "),
        (network(use_bias=False), "dense_1/bias: not in the file"),
        (network(name="out"), "dense_1/bias: not in the file; .* out/bias: not in the model"),
    ],
)
def test_refuses_what_differs(tmp_path, stored, message):
    path = tmp_path / "weights"
    stored.save_weights(path)
    model = network()
    before = model.get_weights()
    with pytest.raises(ValueError, match=f"load_weights: .*weights: .*{message}"):
        model.load_weights(path)
    for found, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_refuses_another_dtype(tmp_path):
    path = tmp_path / "weights"
    model = network()
    save_file({name: np.asarray(weight).astype(np.float64)
               for name, weight, _ in model.named_weights()}, path)
    with pytest.raises(ValueError, match=r"dense/bias: float64 \(4,\) in the file, float32 \(4,\)"):
        model.load_weights(path)


@pytest.mark.parametrize("length", [0, 4, 50, -1])
def test_refuses_a_truncated_file(tmp_path, length):
    path = tmp_path / "weights"
    network().save_weights(path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match=r"load_weights: .*weights: not a whole safetensors file"):
        network().load_weights(path)


def test_refuses_paths(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        network().load_weights(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"/nowhere/weights'$"):
        network().save_weights(tmp_path / "nowhere" / "weights")
    with pytest.raises(IsADirectoryError, match=f"'{tmp_path}'$"):
        network().save_weights(tmp_path)
    assert os.listdir(tmp_path) == []
    for method in ("save_weights", "load_weights"):
        with pytest.raises(TypeError, match=f"^{method}: path: found None: expected a str or a Pa"):
            getattr(network(), method)(None)


def test_refuses_an_unbuilt_model(tmp_path):
    model = models.Sequential([layers.Dense(2)])
    for method in (model.save_weights, model.load_weights):
        with pytest.raises(ValueError, match=r"_weights: 'sequential' is not built"):
            method(tmp_path / "weights")
