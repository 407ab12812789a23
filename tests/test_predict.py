"""python -m pytensor.predict: what it tells, and which models and images it refuses."""

import re
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest

from pytensor import layers, models, predict, train
from pytensor.datasets import digits

Image = pytest.importorskip("PIL.Image", reason="needs pytensor-kernels[image]")

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A network trained on drawn digits, in a file."""
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    (x, y), (x_test, y_test) = digits.load_data(4000, 10)
    np.savez(path.with_name("digits.npz"), x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    assert (
        train.main(
            [
                "--dataset",
                str(path.with_name("digits.npz")),
                "--epochs",
                "12",
                "--hidden",
                "128",
                "--batch-size",
                "32",
                "--quiet",
                "--save",
                str(path),
            ]
        )
        == 0
    )
    return path


@pytest.fixture(scope="module")
def samples():
    (_, _), (images, labels) = digits.load_data(0, 20)
    return np.asarray(images), np.asarray(labels)


def told(capsys, *arguments):
    """The lines that the command prints."""
    assert predict.main([*map(str, arguments)]) == 0
    return capsys.readouterr().out.splitlines()


def refused(capsys, *arguments):
    """The one line with which it refuses."""
    assert predict.main([*map(str, arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    return captured.err


def test_digits_and_probabilities(model, samples, tmp_path, capsys):
    paths = []
    for k, image in enumerate(samples[0]):
        paths.append(tmp_path / f"{k}.png")
        Image.fromarray(image).save(paths[-1])
    lines = told(capsys, model, *paths)
    right = 0
    for path, line, label in zip(paths, lines, samples[1], strict=True):
        found = re.fullmatch(
            r"(.*\.png): (\d), probability ([01]\.\d{4}); then "
            r"(\d) \(([01]\.\d{4})\), (\d) \(([01]\.\d{4})\)",
            line,
        )
        assert found[1] == str(path)
        assert float(found[3]) >= float(found[5]) >= float(found[7])
        assert len({found[2], found[4], found[6]}) == 3
        right += found[2] == str(label)
    assert right >= 18
    assert re.fullmatch(
        r".*: \d, probability \d\.\d{4}", told(capsys, model, paths[0], "--top", 1)[0]
    )


def test_fit_makes_a_photograph_fit(model, samples, tmp_path, capsys):
    right = 0
    for k, (image, label) in enumerate(zip(*samples, strict=True)):
        # Dark blue ink on paper in uneven light, off the centre, five times as large.
        ink = np.asarray(Image.fromarray(image).resize((140, 140))) / 255
        page = np.full((300, 400, 3), (235.0, 230, 215)) - np.linspace(0, 12, 400)[:, None]
        page[90:230, 40:180] -= ink[..., None] * (200, 190, 120)
        Image.fromarray(page.astype(np.uint8)).save(tmp_path / f"{k}.jpg")
        (line,) = told(capsys, model, tmp_path / f"{k}.jpg", "--fit")
        right += f": {label}, " in line
    assert right >= 17
    page = Image.new("RGBA", (50, 50))  # transparent, but for a stroke
    page.paste("black", (22, 5, 27, 45))
    page.save(tmp_path / "one.png")
    assert ": 1, " in told(capsys, model, tmp_path / "one.png", "--fit")[0]


def test_class_names_and_rows(tmp_path, capsys):
    network = models.Sequential([layers.Dense(2, "softmax", input_shape=(16,))])
    models.save_model(network, tmp_path / "model", notes={"classes": ["cat", "dog"]})
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    assert told(capsys, tmp_path / "model", tmp_path / "a.png") == [
        f"{tmp_path / 'a.png'}: dog, probability 0.5000; then cat (0.5000)"
    ]


@pytest.mark.parametrize(
    ("mode", "size", "found"),
    [
        ("L", (28, 27), "8-bit grey, 28 x 27"),
        ("RGB", (28, 28), "colour, 28 x 28"),
        ("1", (28, 28), "black and white, 28 x 28"),
        ("I;16", (28, 28), "16-bit grey, 28 x 28"),
        ("RGBA", (28, 28), "colour with transparency, 28 x 28"),
        ("P", (640, 480), "colours of a palette, 640 x 480"),
    ],
)
def test_an_image_of_another_size_or_mode(model, tmp_path, capsys, mode, size, found):
    path = tmp_path / "image.png"
    Image.new(mode, size).save(path)
    assert refused(capsys, model, path) == (
        f"pytensor.predict: {path}: is {found}: expected 8-bit grey, 28 x 28; --fit makes that of "
        "it\n"
    )


def png(width, height):
    """A PNG file that claims a size."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(bytes(100)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "content",
    [None, b"", b"no image", png(28, 28), png(28, 28)[:40], png(60000, 60000), png(12000, 12000)],
    ids=["missing", "empty", "text", "truncated", "cut", "bomb", "warning"],
)
def test_files_that_are_no_images(model, tmp_path, capsys, content):
    path = tmp_path / "image.png"
    if content is not None:
        path.write_bytes(content)
    line = refused(capsys, model, path)
    assert line.startswith(f"pytensor.predict: {path}: not an image that can be read: ")


def photograph(image, rng, noise=0.0, shadow=0.0, kind="edge", inverted=False, specks=0):
    """A digit on a page of 300 x 400 pixels, as a camera sees it.

    noise: the standard deviation of each pixel's. shadow: the share of the light that is taken, to
    one side of an edge, on a slope across the page or in a spot. specks: spots of 3 x 3 pixels.
    """
    side = round(28 * rng.uniform(2.5, 6))
    ink = np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)) / 255
    page = np.full((300, 400, 3), (235.0, 230, 215))
    top, left = rng.integers(5, 295 - side), rng.integers(5, 395 - side)
    page[top : top + side, left : left + side] -= ink[..., None] * (190, 180, 120)
    for y, x in rng.integers(3, 297, (specks, 2)):
        page[y - 1 : y + 2, x - 1 : x + 2] = 60
    y, x = np.mgrid[:300, :400]
    angle = rng.uniform(0, 2 * np.pi)
    along = (x - 200) * np.cos(angle) + (y - 150) * np.sin(angle)
    dark = {
        "edge": lambda: 1 / (1 + np.exp(-(along - rng.uniform(-60, 60)) / 4)),
        "slope": lambda: (along - along.min()) / np.ptp(along),
        "spot": lambda: np.exp(
            -((x - rng.uniform(0, 400)) ** 2 + (y - rng.uniform(0, 300)) ** 2) / 80**2
        ),
    }[kind]()
    page *= (1 - shadow * dark)[..., None]
    if inverted:
        page = 255 - page
    page += noise * rng.standard_normal(page.shape)
    return Image.fromarray(np.clip(page, 0, 255).astype(np.uint8))


@pytest.mark.parametrize(
    "conditions",
    [
        {"noise": 10},
        {"noise": 30},
        {"shadow": 0.3},
        {"shadow": 0.3, "kind": "slope"},
        {"shadow": 0.4, "kind": "spot"},
        {"noise": 15, "shadow": 0.3, "specks": 30},
        {"noise": 15, "inverted": True},
    ],
    ids=lambda conditions: " ".join(f"{key}={value}" for key, value in conditions.items()),
)
def test_photographs(model, samples, tmp_path, capsys, conditions):
    pytest.importorskip("scipy", reason="needs pytensor-kernels[image]")
    rng = np.random.default_rng(7)
    paths = [tmp_path / f"{k}.jpg" for k in range(len(samples[0]))]
    for image, path in zip(samples[0], paths, strict=True):
        photograph(image, rng, **conditions).save(path, quality=85)
    lines = told(capsys, model, *paths, "--fit")
    right = sum(f": {label}, " in line for line, label in zip(lines, samples[1], strict=True))
    assert right >= 19


@pytest.mark.parametrize("inverted", [False, True])
def test_a_picture_cropped_to_the_digit(model, samples, tmp_path, capsys, inverted):
    pytest.importorskip("scipy", reason="needs pytensor-kernels[image]")
    paths = []
    for k, image in enumerate(samples[0]):
        rows, columns = (np.flatnonzero((image > 60).any(axis=axis)) for axis in (1, 0))
        ink = Image.fromarray(image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
        ink = ink.resize((6 * ink.width, 6 * ink.height), Image.Resampling.BICUBIC)
        page = np.asarray(ink) * 0.7 + 40 if inverted else 230 - np.asarray(ink) * 0.7
        paths.append(tmp_path / f"{k}.png")
        Image.fromarray(page.astype(np.uint8)).save(paths[-1])
    lines = told(capsys, model, *paths, "--fit")
    right = sum(f": {label}, " in line for line, label in zip(lines, samples[1], strict=True))
    assert right >= 17


def test_nothing_to_see(model, tmp_path, capsys):
    pytest.importorskip("scipy", reason="needs pytensor-kernels[image]")
    rng = np.random.default_rng(0)
    blank = np.zeros((28, 28), np.uint8)
    slope = np.linspace(120, 230, 400).astype(np.uint8) * np.ones((300, 1), np.uint8)
    pages = {
        "white": Image.new("RGB", (100, 100), "white"),
        "black": Image.new("L", (28, 28)),
        "dot": Image.new("L", (1, 1)),
        "slope": Image.fromarray(slope),
        "noise": Image.fromarray(rng.integers(0, 256, (300, 400), dtype=np.uint8)),
        "small noise": Image.fromarray(rng.integers(0, 256, (28, 28), dtype=np.uint8)),
        **{
            f"{kind}{noise}": photograph(blank, rng, noise=noise, shadow=0.3, kind=kind)
            for kind in ("edge", "slope", "spot")
            for noise in (0, 10, 40)
        },
        "specks": photograph(blank, rng, noise=10, specks=30),
    }
    for name, page in pages.items():
        page.save(tmp_path / f"{name}.png")
        assert f"{name}.png: no digit found: " in refused(
            capsys, model, tmp_path / f"{name}.png", "--fit"
        )


def test_a_bad_file_does_not_lose_the_others(model, samples, tmp_path, capsys):
    Image.fromarray(samples[0][0]).save(tmp_path / "a.png")
    (tmp_path / "bad.png").write_bytes(b"no image")
    Image.fromarray(samples[0][1]).save(tmp_path / "z.png")
    paths = [tmp_path / name for name in ("a.png", "bad.png", "nowhere.png", "z.png")]
    assert predict.main([str(model), *map(str, paths)]) == 2
    out, err = capsys.readouterr()
    assert [line.partition(":")[0] for line in out.splitlines()] == [str(paths[0]), str(paths[3])]
    assert [line.split(": ")[1] for line in err.splitlines()] == [str(paths[1]), str(paths[2])]


@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_more_than_8_bits_of_grey(model, samples, tmp_path, capsys, mode):
    pytest.importorskip("scipy", reason="needs pytensor-kernels[image]")
    page = np.full((80, 80), 60000.0)
    page[26:54, 26:54] -= samples[0][0] * 200.0
    image = Image.fromarray(page.astype({"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]))
    image.save(tmp_path / "a.tiff")
    assert f": {samples[1][0]}, " in told(capsys, model, tmp_path / "a.tiff", "--fit")[0]


def test_models_that_tell_no_classes(tmp_path, capsys):
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    path = tmp_path / "model"
    for network, message in (
        (models.Sequential([layers.Dense(1, input_shape=(16,))]), "expected (None, classes)"),
        (models.Sequential([layers.Dense(2, input_shape=(15,))]), "expected grey images"),
        (
            models.Sequential([layers.Dense(2, bias_initializer="ones", input_shape=(16,))]),
            "its outputs are not probabilities: expected a network that ends in a softmax",
        ),
    ):
        models.save_model(network, path)
        line = refused(capsys, path, tmp_path / "a.png")
        assert line.startswith(f"pytensor.predict: {path}: ") and message in line
    network.save_weights(path)
    assert "weights without an architecture" in refused(capsys, path, tmp_path / "a.png")
    path.write_bytes(path.read_bytes()[:50])
    assert "not a whole safetensors file" in refused(capsys, path, tmp_path / "a.png")
    path.unlink()
    assert "No such file" in refused(capsys, path, tmp_path / "a.png")


def test_without_pillow(model, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert "pip install 'pytensor-kernels[image]'" in refused(capsys, model, tmp_path / "a.png")


def test_as_a_command(model, tmp_path):
    process = subprocess.run(
        [sys.executable, "-m", "pytensor.predict", str(model)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 2
    assert process.stderr == ("pytensor.predict: the following arguments are required: FILE\n")
