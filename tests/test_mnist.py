"""pytensor.datasets.mnist: where the files are looked for, what is accepted, what is refused."""

import functools
import gzip
import hashlib
import http.server
import io
import os
import socket
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

import pytensor as pt
from pytensor.datasets import (
    DownloadError,
    _download,
    _image_sets,
    digits,
    fashion_mnist,
    idx,
    kmnist,
    mnist,
)

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
SHELF = os.environ.get("PYTENSOR_DATA")
PUBLISHED = _image_sets.IMAGE_SETS["mnist"]
KEYS = ("x_train", "y_train", "x_test", "y_test")


@functools.cache
def small(seed=0):
    """Four arrays like MNIST's, of 30 and 20 images."""
    return [np.asarray(part) for pair in digits.load_data(30, 20, seed) for part in pair]


def digest(array):
    """Return the SHA-256 of an array's IDX file."""
    return hashlib.sha256(idx.header(array) + array.tobytes()).hexdigest()


def lay_out(directory, arrays=None, ending=".gz"):
    """Write the four files into a directory and return it."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, array in zip(FILES, arrays or small(), strict=True):
        idx.write(directory / (name + ending), array)
    return directory


def check(loaded, arrays=None):
    """Compare what load_data returned with four arrays."""
    parts = [part for pair in loaded for part in pair]
    for part, expected in zip(parts, arrays or small(), strict=True):
        assert isinstance(part, pt.Tensor) and str(part.dtype) == "uint8"
        np.testing.assert_array_equal(np.asarray(part), expected)


@pytest.fixture(autouse=True)
def publish(tmp_path, monkeypatch):
    """Make the small arrays the published ones and give a function that sets the mirrors.

    No test sees the user's files or comes to the network: there are no mirrors at first.
    """
    for name in ("PYTENSOR_DATA", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTENSOR_CACHE", str(tmp_path / "cache"))
    hashes = tuple(map(digest, small()))

    def publish(*mirrors):
        row = _image_sets.ImageSet(mirrors, hashes)
        monkeypatch.setitem(_image_sets.IMAGE_SETS, "mnist", row)

    publish()
    return publish


@pytest.fixture
def cache(tmp_path):
    """The directory of the cached files, not yet there."""
    return tmp_path / "cache" / "mnist"


# --- where ----------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_in_the_directory_of_the_variable(tmp_path, monkeypatch, ending):
    lay_out(tmp_path / "shelf" / "mnist", ending=ending)
    monkeypatch.setenv("PYTENSOR_DATA", str(tmp_path / "shelf"))
    check(mnist.load_data())


def test_compressed_and_plain_files_side_by_side(tmp_path):
    lay_out(tmp_path)
    plain = gzip.decompress((tmp_path / f"{FILES[2]}.gz").read_bytes())
    (tmp_path / f"{FILES[2]}.gz").unlink()
    (tmp_path / FILES[2]).write_bytes(plain)
    check(mnist.load_data(tmp_path))


def test_path_goes_before_the_variable(tmp_path, monkeypatch):
    lay_out(tmp_path / "shelf" / "mnist")
    monkeypatch.setenv("PYTENSOR_DATA", str(tmp_path / "shelf"))
    check(mnist.load_data(lay_out(tmp_path / "other", small(1))), small(1))


def test_path_of_the_directory_above(tmp_path):
    lay_out(tmp_path / "mnist")
    check(mnist.load_data(str(tmp_path)))


@pytest.mark.parametrize("place", ["archive.npz", "mnist.npz", "mnist/mnist.npz"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_archive(tmp_path, place, save):
    path = tmp_path / place
    path.parent.mkdir(exist_ok=True)
    save(path, **dict(zip(KEYS, small(), strict=True)))
    check(mnist.load_data(path if place == "archive.npz" else tmp_path))


def test_the_variable_goes_before_the_cache(tmp_path, monkeypatch, publish):
    lay_out(tmp_path / "cache" / "mnist")
    check(mnist.load_data())
    lay_out(tmp_path / "shelf" / "mnist", small(1))
    monkeypatch.setenv("PYTENSOR_DATA", str(tmp_path / "shelf"))
    check(mnist.load_data(), small(1))


def test_a_variable_without_the_files_leads_on_to_the_cache(tmp_path, monkeypatch, publish):
    lay_out(tmp_path / "cache" / "mnist")
    monkeypatch.setenv("PYTENSOR_DATA", str(tmp_path / "nowhere"))
    check(mnist.load_data())


def test_default_cache(monkeypatch):
    monkeypatch.delenv("PYTENSOR_CACHE")
    assert _download.cache_directory().parts[-1] == "pytensor"


# --- refused --------------------------------------------------------------------------------


def test_path_without_the_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere: mnist is not there: expected train-im"):
        mnist.load_data(tmp_path / "nowhere")


def test_incomplete(tmp_path):
    lay_out(tmp_path)
    (tmp_path / f"{FILES[3]}.gz").unlink()
    with pytest.raises(FileNotFoundError, match="incomplete: t10k-labels-idx1-ubyte is not there"):
        mnist.load_data(tmp_path)


def altered(number, array):
    """Return the small arrays with one of them replaced."""
    arrays = list(small())
    arrays[number] = array
    return arrays


X, Y, U, V = small()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ([Y, X, U, V], "train-images-idx3-ubyte.gz: found 1 dimensions, expected 3"),
        ([X, Y, V, U], "t10k-images-idx3-ubyte.gz: found 1 dimensions, expected 3"),
        ([X, V, U, Y], "train-labels-idx1-ubyte.gz: found 20 labels, expected 30, one for each"),
        (altered(0, X[:, 1:]), r"found shape \(30, 27, 28\), expected \(n, 28, 28\), n >= 1"),
        (altered(2, U[:0]), r"t10k-images-.*: found shape \(0, 28, 28\), expected"),
        (altered(1, Y + np.uint8(1)), "train-labels-.*: found label 10, expected 0 ... 9"),
        (altered(0, X.astype("f4")), "found elements of type float32, expected uint8"),
    ],
    ids=["swapped", "swapped test", "crossed", "size", "empty", "label", "type"],
)
def test_mislabelled(tmp_path, arrays, message):
    with pytest.raises(ValueError, match=message):
        mnist.load_data(lay_out(tmp_path, arrays))


def test_truncated_file(tmp_path):
    path = lay_out(tmp_path, ending="") / FILES[2]
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ValueError, match=f"{FILES[2]}: found 15691 bytes, expected 15696 bytes"):
        mnist.load_data(tmp_path)


def test_truncated_gzip(tmp_path):
    path = lay_out(tmp_path) / f"{FILES[1]}.gz"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ValueError, match=f"{FILES[1]}.gz: corrupt gzip"):
        mnist.load_data(tmp_path)


def archive(**arrays):
    """Return the bytes of an .npz archive."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def patched(offset, value):
    """Return an archive with a byte of its directory's first record replaced."""
    content = bytearray(archive(**WHOLE))
    content[content.index(b"PK\1\2") + offset] = value
    return bytes(content)


def lying():
    """Return an archive whose first array claims 2^60 elements."""
    header = io.BytesIO()
    description = {"descr": "|u1", "fortran_order": False, "shape": (2**30, 2**30)}
    np.lib.format.write_array_header_1_0(header, description)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as members:
        for key in KEYS:
            members.writestr(f"{key}.npy", header.getvalue() + bytes(100))
    return file.getvalue()


WHOLE = dict(zip(KEYS, small(), strict=True))
OBJECTS = np.array([print, None])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "npz: found no .npz archive"),
        (archive(**WHOLE)[:-30], "npz: found no .npz archive"),
        (archive(x_train=X, y_train=Y, x_test=U), "npz: found x_train.*x_test: expected.*y_test$"),
        (archive(**(WHOLE | {"y_test": OBJECTS})), "npz: corrupt or no such .*allow_pickle=False"),
        (archive(**WHOLE).replace(bytes(40), b"\1" * 40, 1), "npz: corrupt or no such .*: Bad CRC"),
        (lying(), "npz: corrupt or no such archive: "),
        (patched(10, 99), "npz: corrupt or no such archive: That compression method is not supp"),
        (patched(8, 1), "npz: corrupt or no such archive: .*encrypted"),
        (patched(45, 255), "npz: corrupt or no such archive: "),
        (archive(**(WHOLE | {"x_test": U / 255})), r"npz\[x_test\]: found 3 dim.* of float64"),
        (archive(**(WHOLE | {"y_train": X})), r"npz\[y_train\]: found 3 dim.* expected 1"),
    ],
    ids=[
        "empty",
        "truncated",
        "key",
        "pickle",
        "bits",
        "2^60",
        "compression",
        "encrypted",
        "offset",
        "type",
        "rank",
    ],
)
def test_bad_archive(tmp_path, content, message):
    (tmp_path / "mnist.npz").write_bytes(content)
    with pytest.raises(ValueError, match=f"mnist.{message}"):
        mnist.load_data(tmp_path)


# --- the network ----------------------------------------------------------------------------


@pytest.fixture
def server(tmp_path):
    """Serve tmp_path/site; yield its address and the list of the paths asked for."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append((self.command, self.path))

    (tmp_path / "site").mkdir()
    handler = functools.partial(Handler, directory=str(tmp_path / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}/", asked
        httpd.shutdown()
        thread.join()


def test_downloads_once(cache, server, tmp_path, publish):
    address, asked = server
    lay_out(tmp_path / "site" / "good")
    publish(address + "good/")
    check(mnist.load_data())
    assert sorted(file.name for file in cache.iterdir()) == sorted(f"{file}.gz" for file in FILES)
    count = len(asked)
    check(mnist.load_data())
    assert len(asked) == count


def test_goes_on_to_the_next_mirror(cache, server, tmp_path, publish):
    address, asked = server
    lay_out(tmp_path / "site" / "good")
    lay_out(tmp_path / "site" / "wrong", altered(2, small(1)[2]))
    publish(address + "missing/", "http://127.0.0.1:9/", address + "wrong/", address + "good/")
    check(mnist.load_data())
    # What the wrong mirror had right was kept.
    assert ("GET", f"/wrong/{FILES[1]}.gz") in asked
    assert ("GET", f"/good/{FILES[1]}.gz") not in asked


def test_nothing_unverified_is_kept(cache, server, tmp_path, publish):
    address, _ = server
    lay_out(tmp_path / "site" / "wrong", small(1))
    publish(address + "wrong/")
    with pytest.raises(DownloadError, match=r"127.0.0.1: .*found SHA-256 .* expected "):
        mnist.load_data()
    assert not cache.exists()


def test_a_damaged_file_in_the_cache_is_downloaded_again(cache, server, tmp_path, publish):
    address, asked = server
    lay_out(tmp_path / "site" / "good")
    publish(address + "good/")
    lay_out(cache, altered(1, small(1)[1]))
    with pytest.warns(UserWarning, match=f"{FILES[1]}.gz: found SHA-256.*downloaded again"):
        check(mnist.load_data())
    assert [path for command, path in asked if command == "GET"] == [f"/good/{FILES[1]}.gz"]
    check(mnist.load_data())


def test_no_network(cache, publish):
    publish("http://127.0.0.1:9/a/", "http://localhost:9/b/")
    with pytest.raises(DownloadError, match=r"127.0.0.1: ConnectionError; localhost: Conn"):
        mnist.load_data()
    assert not cache.exists()


def test_a_cache_that_is_a_file_without_a_network(tmp_path, monkeypatch, publish):
    (tmp_path / "file").touch()
    monkeypatch.setenv("PYTENSOR_CACHE", str(tmp_path / "file"))
    publish("http://127.0.0.1:9/")
    with pytest.raises(DownloadError, match=r"file/mnist/.*: not there, and no mirror has it"):
        mnist.load_data()


def test_a_cache_that_is_a_file(tmp_path, server, monkeypatch, publish):
    lay_out(tmp_path / "site" / "good")
    (tmp_path / "file").touch()
    monkeypatch.setenv("PYTENSOR_CACHE", str(tmp_path / "file"))
    publish(server[0] + "good/")
    with pytest.raises(DownloadError, match=r"a download cannot be kept: .*file/mnist"):
        mnist.load_data()


def test_a_mirror_that_keeps_silent_does_not_hold_up(cache, publish, monkeypatch):
    monkeypatch.setattr(_download, "ANSWER_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        publish(f"http://127.0.0.1:{silent.getsockname()[1]}/")
        start = time.monotonic()
        with pytest.raises(DownloadError, match=r"127.0.0.1: (no answer|ReadTimeout)"):
            mnist.load_data()
        assert time.monotonic() - start < 3


def test_a_download_that_cannot_be_kept(cache, server, tmp_path, publish, monkeypatch):
    address, _ = server
    lay_out(tmp_path / "site" / "good")
    publish(address + "good/")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DownloadError, match=r"a download cannot be kept: .*No space left"):
        mnist.load_data()
    assert not list(cache.iterdir())


# --- the real files -------------------------------------------------------------------------


@pytest.mark.skipif(
    not SHELF or not (Path(SHELF) / "mnist").is_dir(), reason="PYTENSOR_DATA has no real MNIST"
)
def test_real_mnist_is_the_published_one():
    loaded = mnist.load_data(SHELF)
    parts = [np.asarray(part) for pair in loaded for part in pair]
    assert [part.shape for part in parts] == [(60000, 28, 28), (60000,), (10000, 28, 28), (10000,)]
    assert parts[1][:3].tolist() == [5, 0, 4]
    assert tuple(map(digest, parts)) == PUBLISHED.sha256


# --- the other sets -------------------------------------------------------------------------


@pytest.mark.parametrize("module", [fashion_mnist, kmnist])
def test_the_other_sets_are_pinned_by_their_compressed_files(tmp_path, monkeypatch, module):
    name = module.__name__.rpartition(".")[2].replace("_", "-")
    assert _image_sets.IMAGE_SETS[name].of_compressed
    lay_out(tmp_path / "cache" / name)
    hashes = [
        hashlib.sha256((tmp_path / "cache" / name / f"{file}.gz").read_bytes()).hexdigest()
        for file in FILES
    ]
    row = _image_sets.ImageSet((), tuple(hashes), of_compressed=True)
    monkeypatch.setitem(_image_sets.IMAGE_SETS, name, row)
    check(module.load_data())
    check(module.load_data(tmp_path / "cache"))
    monkeypatch.setitem(
        _image_sets.IMAGE_SETS,
        name,
        _image_sets.ImageSet((), tuple(hashes[::-1]), of_compressed=True),
    )
    with pytest.raises(DownloadError), pytest.warns(UserWarning, match="found SHA-256"):
        module.load_data()
    assert len(module.CLASSES) == 10


@pytest.mark.parametrize("form", ["files", "plain files", "archive"])
def test_the_files_of_another_set(tmp_path, form, monkeypatch):
    if form == "archive":
        np.savez(tmp_path / "fashion-mnist.npz", **dict(zip(KEYS, small(), strict=True)))
    else:
        lay_out(tmp_path, ending="" if form == "plain files" else ".gz")
        check(mnist.load_data(tmp_path))
    with pytest.raises(
        ValueError,
        match=r"found the labels of mnist, by their SHA-256: expected "
        r"those of fashion-mnist",
    ):
        fashion_mnist.load_data(tmp_path)
    if form == "files":  # and the other way round, where the compressed files have the sums
        lay_out(tmp_path, small(1))
        file = (tmp_path / f"{FILES[1]}.gz").read_bytes()
        row = _image_sets.ImageSet((), (hashlib.sha256(file).hexdigest(),) * 4, True)
        monkeypatch.setitem(_image_sets.IMAGE_SETS, "kmnist", row)
        with pytest.raises(ValueError, match="found the labels of kmnist"):
            mnist.load_data(tmp_path)


def test_without_data_it_says_how_to_go_on(tmp_path):
    with pytest.raises(DownloadError) as caught:
        mnist.load_data()
    assert any(
        "mnist.load_data(path)" in note and "digits.load_data(60000, 10000)" in note
        for note in caught.value.__notes__
    )
