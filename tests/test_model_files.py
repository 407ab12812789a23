"""pytensor._training.model_files: weights to disk and back."""

import errno
import json
import os
import stat

import numpy as np
import pytest

from pytensor import callbacks, checkpoints, layers, models, serialization
from pytensor._support.files import write_atomically
from pytensor._training import model_files

safe_open = pytest.importorskip("safetensors", reason="needs safetensors").safe_open
files = pytest.importorskip("safetensors.numpy")
load_file, save_file = files.load_file, files.save_file

pytestmark = pytest.mark.once


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
    write_atomically(link, b"content")
    assert link.is_symlink()
    assert (tmp_path / "real" / "file").read_bytes() == b"content"


def test_a_file_name_of_maximal_length(tmp_path):
    path = tmp_path / ("\N{SNOWMAN}" * 85)  # 255 bytes
    write_atomically(path, b"content")
    assert path.read_bytes() == b"content"


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_that_cannot_sync_directories(tmp_path, monkeypatch, number):
    sync = os.fsync

    def refuses(file):
        if stat.S_ISDIR(os.fstat(file).st_mode):
            raise OSError(number, os.strerror(number))
        sync(file)

    monkeypatch.setattr(os, "fsync", refuses)
    write_atomically(tmp_path / "file", b"content")
    assert (tmp_path / "file").read_bytes() == b"content"


def test_a_pipe_is_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="not a regular file"):
        write_atomically(pipe, b"content")
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (
            network(units=5),
            r"dense/bias: float32 \(5,\) in the file, float32 \(4,\) in the model; "
            r"dense/kernel: float32 \(3, 5\) in the file.*; dense_1/kernel: ",
        ),
        (network(use_bias=False), "dense_1/bias: not in the file"),
        (network(name="out"), "dense_1/bias: not in the file; .* out/bias: not in the model"),
    ],
)
def test_refuses_weights_of_another_model(tmp_path, stored, message):
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
    save_file(
        {name: np.asarray(weight).astype(np.float64) for name, weight, _ in model.named_weights()},
        path,
    )
    with pytest.raises(ValueError, match=r"dense/bias: float64 \(4,\) in the file, float32 \(4,\)"):
        model.load_weights(path)


def test_an_architecture_larger_than_the_file_is_not_built(tmp_path):
    """It would cost hundreds of gigabytes, and hours of random numbers."""
    path = tmp_path / "model.safetensors"
    model_files.save_model(network(), path)
    arrays = load_file(path)
    with safe_open(path, "numpy") as file:
        text = file.metadata()["pytensor"]
    save_file(arrays, path, {"pytensor": text.replace('"units": 4', f'"units": {10**11}')})
    with pytest.raises(
        ValueError,
        match=r"load_model: .*: layer 'dense': weight 'kernel' of shape "
        r"\(3, 100000000000\): more elements than are there",
    ):
        models.load_model(path)
    network(units=10**7)  # the limit was that file's alone


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


# --- whole models ---------------------------------------------------------------------------


def classifier():
    model = models.Sequential(
        [
            layers.Rescaling([0.5, 1, 2], offset=-1.0, input_shape=(3,)),
            layers.Dense(4, activation="relu", name="hidden"),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    model.fit(x, np.arange(20) % 2, epochs=2, verbose=0)
    return model, x


def changed(path, change):
    """Rewrite what a model's file says of itself."""
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    about = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["pytensor"])
    change(about)
    save_file(load_file(path), path, {"pytensor": json.dumps(about)})


def test_a_loaded_model_equals_the_saved_one(tmp_path):
    model, x = classifier()
    path = tmp_path / "model.safetensors"
    models.save_model(model, path)
    first = path.read_bytes()
    model.save(str(path))
    assert path.read_bytes() == first
    loaded = models.load_model(path)
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    # Its training goes on with the same steps.
    for each in (model, loaded):
        each.fit(x, np.arange(20) % 2, shuffle=False, verbose=0)
    for found, expected in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert loaded.optimizer.iterations == model.optimizer.iterations


def test_without_the_optimizer_or_uncompiled(tmp_path):
    model, _ = classifier()
    models.save_model(model, tmp_path / "model", include_optimizer=False)
    assert sorted(load_file(tmp_path / "model")) == [
        "dense/bias",
        "dense/kernel",
        "hidden/bias",
        "hidden/kernel",
    ]
    assert models.load_model(tmp_path / "model").optimizer.iterations == 0
    assert models.load_model(tmp_path / "model", compile=False).loss is None
    models.save_model(network(), tmp_path / "uncompiled")
    assert models.load_model(tmp_path / "uncompiled").loss is None


def test_notes(tmp_path):
    models.save_model(network(), tmp_path / "model", notes={"classes": ["a", "b"]})
    assert model_files.read_notes(tmp_path / "model") == {"classes": ["a", "b"]}


class Doubled(layers.Layer):
    def call(self, x):
        return x * 2


def test_custom_layers(tmp_path):
    model = models.Sequential([Doubled(input_shape=(2,))])
    models.save_model(model, tmp_path / "model")
    with pytest.raises(ValueError, match=r"load_model: .*model: .*'Doubled'.*custom_obj"):
        models.load_model(tmp_path / "model")
    loaded = models.load_model(tmp_path / "model", custom_objects={"Doubled": Doubled})
    assert loaded(np.ones((1, 2))).tolist() == [[2, 2]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict.clear, "found version None of the format: expected 1"),
        (lambda about: about.pop("model"), "'model'"),
        (
            lambda about: about.update(
                model={"module": "os", "class_name": "system", "config": {}}
            ),
            "module: found 'os'",
        ),
        (
            lambda about: about.update(
                model={"module": "layers", "class_name": "Dense", "config": {"units": 3}}
            ),
            "found a Dense: expected a model",
        ),
        (lambda about: about["model"]["config"]["layers"].pop(), "dense/bias: not in the model"),
        (
            lambda about: about["compile"].update(optimizer={"class_name": "eval", "config": "1"}),
            "unknown class or function 'eval'",
        ),
        (
            lambda about: about["training"]["optimizer"]["state"].update({"dense/kernel": 1}),
            "found 1 tensors of optimizer state: expected 2",
        ),
    ],
)
def test_refuses_a_changed_model(tmp_path, change, message):
    path = tmp_path / "model"
    models.save_model(classifier()[0], path)
    changed(path, change)
    with pytest.raises(ValueError) as caught:
        models.load_model(path)
    assert str(caught.value).startswith(f"load_model: {path}: ") and message in str(caught.value)


def test_refuses_files_that_are_not_models(tmp_path):
    path = tmp_path / "weights"
    network().save_weights(path)
    with pytest.raises(ValueError, match=r"load_model: .*weights: weights without an architecture"):
        models.load_model(path)
    save_file({}, path, {"pytensor": "no JSON"})
    with pytest.raises(ValueError, match=r"load_model: .*weights: the architecture: not JSON"):
        models.load_model(path)
    save_file({}, path, {"pytensor": "[" * 100_000})
    with pytest.raises(ValueError, match=r"weights: the architecture: .*nested too deep"):
        models.load_model(path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        models.load_model(tmp_path / "nowhere")


@pytest.mark.parametrize("length", [0, 8, 200, -1])
def test_refuses_a_truncated_model(tmp_path, length):
    path = tmp_path / "model"
    models.save_model(network(), path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match=r"load_model: .*model: not a whole safetensors file"):
        models.load_model(path)


def test_refuses_a_reserved_name(tmp_path):
    model = models.Sequential([layers.Dense(1, name="training:x", input_shape=(1,))])
    with pytest.raises(ValueError, match="save_model: a weight is called 'training:x/kernel'"):
        models.save_model(model, tmp_path / "model")
    assert os.listdir(tmp_path) == []


def test_paths_that_would_clash(tmp_path):
    def colliding():
        inner = models.Sequential(
            [layers.Dense(4, name="b"), layers.Dropout(0.5, name="c")], name="a"
        )
        return models.Sequential(
            [
                layers.Dense(3, name="a/b_1", input_shape=(3,)),
                inner,
                layers.Dense(4, name="a/b"),
                layers.Dropout(0.5, name="a/c"),
            ]
        )

    first = colliding()
    paths = [path for path, _, _ in first.named_weights()]
    assert paths == [
        "a/b_1/kernel",
        "a/b_1/bias",
        "a/b/kernel",
        "a/b/bias",
        "a/b/kernel_1",
        "a/b/bias_1",
    ]
    assert [path for path, _ in first.named_layers()] == [
        "a/b_1",
        "a",
        "a/b",
        "a/c",
        "a/b_2",
        "a/c_1",
    ]
    first.save_weights(tmp_path / "weights")
    first.save(tmp_path / "model")
    second = colliding()
    second.load_weights(tmp_path / "weights")
    for again in (second, models.load_model(tmp_path / "model")):
        assert len(again.get_weights()) == 6
        for found, expected in zip(again.get_weights(), first.get_weights(), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_names_with_a_slash_keep_their_paths(tmp_path):
    """Files of before, which hold them, are read as ever."""
    model = models.Sequential([layers.Dense(2, name="a/b", input_shape=(3,))])
    kernel, bias = np.ones((3, 2), "f4"), np.zeros(2, "f4")
    save_file({"a/b/kernel": kernel, "a/b/bias": bias}, tmp_path / "weights")
    model.load_weights(tmp_path / "weights")
    np.testing.assert_array_equal(model.layers[0].kernel, kernel)


@serialization.register_serializable()
class Tower(layers.Layer):
    """It makes its inner layers itself, so its config says nothing of them."""

    def build(self, input_shape):
        self.norm, self.dense = layers.BatchNormalization(), layers.Dense(2)

    def call(self, x):
        return self.dense(self.norm(x))


def frozen_models():
    def make(*parts):
        model = models.Sequential([layers.Input((3,)), *parts, layers.Dense(1)])
        model.compile("sgd", "mse")
        return model

    inner = models.Sequential([layers.Dense(3), layers.BatchNormalization()])
    model = make(inner)
    inner.trainable = False
    yield model, 2
    inner = models.Sequential([layers.Dense(3), layers.BatchNormalization()])
    model = make(inner)
    inner.layers[0].trainable = False
    yield model, 4
    model = make(Tower(trainable=False))
    yield model, 2
    model = make(tower := Tower())
    tower.norm.trainable = False
    yield model, 4
    yield make(Tower()), 6


@pytest.mark.parametrize("number", range(5))
def test_frozen_layers_stay_frozen(tmp_path, number):
    model, n_trainable = list(frozen_models())[number]
    model.save(tmp_path / "model")
    again = models.load_model(tmp_path / "model")
    x = np.random.default_rng(0).normal(size=(6, 3)).astype("f4")
    for network in (model, again):
        assert len(network.trainable_weights) == n_trainable
        network.fit(x, x[:, :1], epochs=3, verbose=0, shuffle=False)
    for found, expected in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)
    frozen = {path for path, layer in model.named_layers() if not layer.trainable}
    assert frozen == {path for path, layer in again.named_layers() if not layer.trainable}


def test_files_without_frozen_paths(tmp_path):
    """Those of earlier versions."""
    model, _ = next(frozen_models())
    model.save(tmp_path / "model")
    with safe_open(tmp_path / "model", "np") as file:
        about = json.loads(file.metadata()["pytensor"])
    assert about.pop("frozen") == [
        "sequential",
        "sequential/dense",
        "sequential/batch_normalization",
    ]
    save_file(load_file(tmp_path / "model"), tmp_path / "old", {"pytensor": json.dumps(about)})
    assert len(models.load_model(tmp_path / "old").trainable_weights) == 2
    about["frozen"] = 3
    save_file(load_file(tmp_path / "model"), tmp_path / "bad", {"pytensor": json.dumps(about)})
    with pytest.raises(ValueError, match=r"load_model: .*bad: "):
        models.load_model(tmp_path / "bad")


@pytest.mark.parametrize("ending", ["h5", "keras", "hdf5", "H5", "pt", "onnx", "npz"])
def test_endings_of_other_formats(tmp_path, ending):
    model = models.Sequential([layers.Dense(1, input_shape=(2,))])
    path = tmp_path / f"m.{ending}"
    for write in (
        model.save,
        model.save_weights,
        checkpoints.Checkpoint,
        callbacks.ModelCheckpoint,
    ):
        with pytest.raises(
            ValueError,
            match=rf"m\.{ending}: found the ending of another format, "
            r".*expected NAME\.safetensors",
        ):
            write(path)
    assert not path.exists()
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(ValueError, match=r"not a whole safetensors file.*load_keras_weights"):
        models.load_model(path)


def test_weights_without_axes(tmp_path):
    @serialization.register_serializable()
    class Gain(layers.Layer):
        def build(self, input_shape):
            self.gain = self.add_weight((), "ones", name="gain")

        def call(self, x):
            return x * self.gain

    model = models.Sequential([Gain(input_shape=(3,)), layers.Dense(1)])
    model.compile("adam", "mse")
    x, y = np.ones((8, 3), np.float32), np.zeros((8, 1), np.float32)
    model.fit(x, y, verbose=0)
    assert model.weights[0].shape == () and float(model.weights[0]) != 1
    model.save(tmp_path / "model.safetensors")
    again = models.load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    for one in (model, again):
        one.fit(x, y, verbose=0)
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])
    model.save_weights(tmp_path / "weights.safetensors")
    again.load_weights(tmp_path / "weights.safetensors")
