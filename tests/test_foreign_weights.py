"""Weights that PyTorch and Keras wrote, and what is refused."""

import numpy as np
import pytest

from pytensor import layers, models

save_file = pytest.importorskip("safetensors.numpy", reason="needs safetensors").save_file

pytestmark = pytest.mark.once


def network(**options):
    """A network with every kind of layer that has weights, 6 -> 3."""
    return models.Sequential(
        [
            layers.Dense(8, activation="relu", input_shape=(6,)),
            layers.BatchNormalization(epsilon=1e-5),
            layers.Dropout(0.5),
            layers.Dense(7, activation="tanh", use_bias=False),
            layers.LayerNormalization(epsilon=1e-5),
            layers.PReLU(),
            layers.Dense(3, **options),
        ]
    )


@pytest.fixture
def x(rng):
    return rng.standard_normal((20, 6), dtype=np.float32)


# --- against the libraries ------------------------------------------------------------------


@pytest.mark.oracle
@pytest.mark.parametrize("as_file", [True, False])
def test_pytorch(tmp_path, x, as_file):
    torch = pytest.importorskip("torch", reason="needs pytensor-kernels[peers]")
    from safetensors.torch import save_file as save

    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Linear(6, 8),
        torch.nn.ReLU(),
        torch.nn.BatchNorm1d(8),
        torch.nn.Dropout(),
        torch.nn.Linear(8, 7, bias=False),
        torch.nn.Tanh(),
        torch.nn.LayerNorm(7),
        torch.nn.PReLU(7),
        torch.nn.Linear(7, 3),
    )
    for _ in range(5):
        net(torch.randn(30, 6))  # moves the means
    for parameter in net.parameters():
        with torch.no_grad():
            parameter.copy_(torch.randn_like(parameter) / 2)
    net.eval()
    expected = net(torch.from_numpy(x)).detach().numpy()
    source = net.state_dict()
    if as_file:
        source = tmp_path / "net.safetensors"
        save(net.state_dict(), source)
    model = network()
    models.load_torch_weights(model, source)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.oracle
def test_pytorch_with_more_than_ten_layers(tmp_path, x):
    torch = pytest.importorskip("torch", reason="needs pytensor-kernels[peers]")
    from safetensors.torch import save_file as save

    net = torch.nn.Sequential(*(torch.nn.Linear(6, 6) for _ in range(12)))
    save(net.state_dict(), tmp_path / "net")
    model = models.Sequential([layers.Input((6,)), *(layers.Dense(6) for _ in range(12))])
    models.load_torch_weights(model, tmp_path / "net")
    np.testing.assert_allclose(
        model.predict(x, verbose=0), net(torch.from_numpy(x)).detach(), rtol=1e-5, atol=1e-6
    )


def keras_network(keras, rng):
    net = keras.Sequential(
        [
            keras.layers.Input((6,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.BatchNormalization(epsilon=1e-5),
            keras.layers.Dropout(0.5, seed=1),
            keras.layers.Dense(7, activation="tanh", use_bias=False),
            keras.layers.LayerNormalization(epsilon=1e-5),
            keras.layers.PReLU(),
            keras.layers.Dense(3),
        ]
    )
    net.set_weights(
        [
            rng.uniform(0.3, 1, w.shape) if w.ndim == 1 else rng.normal(0, 0.5, w.shape)
            for w in net.get_weights()
        ]
    )
    return net


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")  # Keras's own
@pytest.mark.parametrize("form", ["w.weights.h5", "model.h5", "safetensors", "dictionary"])
def test_keras(tmp_path, monkeypatch, rng, x, form):
    keras = pytest.importorskip("keras", reason="needs pytensor-kernels[oracles]")
    net = keras_network(keras, rng)
    source = tmp_path / form
    if form == "w.weights.h5":
        net.save_weights(source)
    elif form == "model.h5":
        net.save(source)
    else:
        source = {f"{w.path.split('/')[-2]}/{w.name}": np.asarray(w) for w in net.weights}
        if form == "safetensors":
            save_file(source, tmp_path / form)
            source = tmp_path / form
        else:  # names that Keras has numbered on
            source = {key.replace("/", "_9/"): value for key, value in source.items()}
    model = network()
    models.load_keras_weights(model, source)
    np.testing.assert_allclose(
        model.predict(x, verbose=0), net.predict(x, verbose=0), rtol=1e-5, atol=1e-5
    )


@pytest.mark.oracle
def test_a_damaged_hdf5_file(tmp_path):
    h5py = pytest.importorskip("h5py", reason="needs pytensor-kernels[oracles]")
    path = tmp_path / "w.weights.h5"
    with h5py.File(path, "w") as file:
        file["layers/dense/vars/0"] = np.zeros((6, 9))
    with pytest.raises(ValueError, match=r"layers/dense/vars/0: float64 \(6, 9\) in the file, flo"):
        models.load_keras_weights(network(), path)
    path.write_bytes(path.read_bytes()[:-100])
    for content in (path.read_bytes()[:-100], b"", b"no HDF5"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"load_keras_weights: .*: not a whole file of Keras"):
            models.load_keras_weights(network(), path)
    with pytest.raises(FileNotFoundError):
        models.load_keras_weights(network(), tmp_path / "nowhere.h5")


# --- refused --------------------------------------------------------------------------------

TORCH = {"0.weight": np.ones((2, 3)), "0.bias": np.ones(2)}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "found 0 layers with weights, none: expected 1, dense"),
        (TORCH | {"1.bias": np.ones(2)}, "found 2 layers with weights, 0, 1: expected 1, dense"),
        (
            {"0.weight": np.ones((3, 2)), "0.bias": np.ones(2)},
            r"0.weight: float64 \(2, 3\) in the file, float32 \(3, 2\) in the model "
            r"\(dense/kernel\)",
        ),
        ({"0.weight": np.ones((2, 3))}, "dense/bias: not in the file"),
        (TORCH | {"0.gate": np.ones(2)}, "0.gate: not in the model"),
        ({"0.weight": np.ones((2, 3), int), "0.bias": np.ones(2)}, "0.weight: int64"),
    ],
)
def test_a_state_dict_of_another_network(tmp_path, arrays, message):
    model = models.Sequential([layers.Dense(2, input_shape=(3,))])
    before = model.get_weights()
    for source in (arrays, tmp_path / "file"):
        save_file(arrays, tmp_path / "file")
        with pytest.raises(ValueError, match=f"^load_torch_weights: .*{message}"):
            models.load_torch_weights(model, source)
    assert all(map(np.array_equal, model.get_weights(), before))


def test_other_wrong_sources(tmp_path):
    model = models.Sequential([layers.Dense(2, input_shape=(3,))])
    for load in (models.load_torch_weights, models.load_keras_weights):
        (tmp_path / "file").write_bytes(b"nothing")
        with pytest.raises(ValueError, match=r"file: not a whole safetensors file"):
            load(model, tmp_path / "file")
        with pytest.raises(TypeError, match="path: found 3: expected a str or a Path"):
            load(model, 3)
        with pytest.raises(ValueError, match="'sequential' is not built"):
            load(models.Sequential([layers.Dense(2)]), TORCH)
    with pytest.raises(ValueError, match=r"m\.keras: expected weights: write them with"):
        models.load_keras_weights(model, tmp_path / "m.keras")
    models.load_torch_weights(model, TORCH)
    assert model.get_weights()[0].shape == (3, 2)
