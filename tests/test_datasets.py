"""imdb, reuters, the house prices and cifar10: what is read, what is refused, what is made up."""

import functools
import hashlib
import http.server
import io
import json
import pickle
import tarfile
import threading

import numpy as np
import pytest

import pytensor as pt
from pytensor.datasets import (
    DownloadError,
    _archive,
    _published,
    boston_housing,
    california_housing,
    cifar10,
    imdb,
    reuters,
)

TABLES = {"boston_housing": (boston_housing, 13), "california_housing": (california_housing, 8)}
MODULES = {
    "imdb": imdb,
    "reuters": reuters,
    "cifar10": cifar10,
    "boston_housing": boston_housing,
    "california_housing": california_housing,
}


def made_up_texts(n, seed=0):
    """Texts of 3 to 30 words with numbers from 1 to 200, and labels."""
    random = np.random.default_rng(seed)
    texts = np.empty(n, object)
    texts[:] = [random.integers(1, 200, random.integers(3, 31)).tolist() for _ in range(n)]
    return texts, random.integers(0, 2, n)


@functools.cache
def archive(name):
    """The content of a small file in the published form."""
    buffer = io.BytesIO()
    if name == "imdb":
        (x, y), (x_test, y_test) = made_up_texts(40), made_up_texts(20, 1)
        np.savez(buffer, x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    elif name == "reuters":
        x, y = made_up_texts(50)
        np.savez(buffer, x=x, y=y)
    elif name in TABLES:
        random = np.random.default_rng(0)
        np.savez(buffer, x=random.random((30, TABLES[name][1])), y=random.random(30))
    elif name == "cifar10":
        records = np.random.default_rng(0).integers(0, 256, (6, 4, 3073), np.uint8)
        records[:, :, 0] %= 10
        with tarfile.open(fileobj=buffer, mode="w:gz") as file:
            for number, rows in enumerate(records):
                base = f"data_batch_{number + 1}.bin" if number < 5 else "test_batch.bin"
                member = tarfile.TarInfo(f"cifar-10-batches-bin/{base}")
                member.size = rows.size
                file.addfile(member, io.BytesIO(rows.tobytes()))
    else:
        buffer.write(json.dumps({"the": 1, "film": 2}).encode())
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def closed_world(tmp_path, monkeypatch):
    """No test sees the user's files or the network; the published files are the small ones."""
    for name in ("PYTENSOR_DATA", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTENSOR_CACHE", str(tmp_path / "cache"))
    for name, row in list(_published.PUBLISHED.items()):
        digest = ("sha256", hashlib.sha256(archive(name)).hexdigest())
        monkeypatch.setitem(
            _published.PUBLISHED, name, _published.Published(row.file, digest, mirrors=())
        )


def put(directory, name, content=None):
    """Write a set's file into a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / _published.PUBLISHED[name].file
    file.write_bytes(archive(name) if content is None else content)
    return file


def parts(loaded):
    return [np.asarray(part) for pair in loaded for part in pair]


# --- places ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODULES)
def test_every_place_gives_the_same(tmp_path, monkeypatch, name):
    module = MODULES[name]
    file = put(tmp_path / "own" / name, name)
    expected = parts(module.load_data(path=file))
    for path in (file.parent, file.parent.parent, str(file)):
        for found, want in zip(parts(module.load_data(path=path)), expected, strict=True):
            np.testing.assert_array_equal(found, want)
    put(tmp_path / "cache" / name, name)
    for found, want in zip(parts(module.load_data()), expected, strict=True):
        np.testing.assert_array_equal(found, want)
    monkeypatch.setenv("PYTENSOR_DATA", str(tmp_path / "own"))
    (tmp_path / "cache" / name / file.name).unlink()
    for found, want in zip(parts(module.load_data()), expected, strict=True):
        np.testing.assert_array_equal(found, want)


@pytest.mark.parametrize("name", MODULES)
def test_without_file_and_network(tmp_path, name):
    with pytest.raises(DownloadError, match="no mirror has it") as caught:
        MODULES[name].load_data()
    (note,) = caught.value.__notes__
    assert f"{name}.load_data(path=directory)" in note and f"{name}.synthetic_data()" in note
    with pytest.raises(FileNotFoundError, match=f"{name} is not there: expected"):
        MODULES[name].load_data(path=tmp_path)
    with pytest.raises(FileNotFoundError):
        MODULES[name].load_data(path=tmp_path / "nothing")


def test_download_into_the_cache(tmp_path, monkeypatch):
    served = tmp_path / "served"
    put(served, "reuters")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(served))
    monkeypatch.setattr(handler.func, "log_message", lambda *_: None)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        row = _published.PUBLISHED["reuters"]
        mirror = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setitem(
            _published.PUBLISHED, "reuters", _published.Published(row.file, row.digest, (mirror,))
        )
        first = parts(reuters.load_data())
        cached = tmp_path / "cache" / "reuters" / row.file
        assert cached.read_bytes() == archive("reuters")
        cached.write_bytes(b"damaged")
        with pytest.warns(UserWarning, match="found SHA256 .* it is downloaded again"):
            again = parts(reuters.load_data())
        (served / row.file).write_bytes(b"another file")
        cached.unlink()
        with pytest.raises(DownloadError, match="found SHA256"):
            reuters.load_data()
        assert not cached.exists()
        server.shutdown()
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)


def test_the_published_digests_are_of_the_right_length():
    lengths = {"sha256": 64, "md5": 32}
    for row in _published.PUBLISHED.values():
        kind, value = row.digest
        assert len(value) == lengths[kind] and set(value) <= set("0123456789abcdef")


# --- texts ----------------------------------------------------------------------------------

TEXT_OPTIONS = [
    {},
    {"num_words": 100},
    {"num_words": 50, "skip_top": 10, "oov_char": None},
    {"num_words": 100, "maxlen": 20, "seed": 5},
    {"num_words": 100, "start_char": None},
    {"num_words": 90, "index_from": 0, "start_char": 7},
    {"num_words": 90, "index_from": None, "start_char": None, "oov_char": 9},
]


@pytest.mark.oracle
@pytest.mark.parametrize("options", TEXT_OPTIONS[1:])
@pytest.mark.parametrize("name", ["imdb", "reuters"])
def test_texts_are_as_in_keras(tmp_path, monkeypatch, name, options):
    keras = pytest.importorskip("keras")
    theirs = getattr(keras.datasets, name)
    file = put(tmp_path, name)
    source = __import__(f"keras.src.datasets.{name}", fromlist=[name])
    monkeypatch.setattr(source, "get_file", lambda *_, **__: str(file))
    wanted = parts(theirs.load_data(**options))
    for mine, their in zip(parts(MODULES[name].load_data(file, **options)), wanted, strict=True):
        assert mine.dtype == their.dtype and mine.shape == their.shape
        assert mine.tolist() == their.tolist()


@pytest.mark.parametrize("name", ["imdb", "reuters"])
def test_all_words_are_kept_without_num_words(tmp_path, name):
    file = put(tmp_path, name)
    x, _, x_test, _ = parts(MODULES[name].load_data(file))
    largest = max(max(text) for text in [*x, *x_test])
    raw, _ = made_up_texts(40 if name == "imdb" else 50)
    held, _ = made_up_texts(20, 1)
    everything = [*raw, *held] if name == "imdb" else raw
    assert largest == max(map(max, everything)) + 3
    assert sorted(map(len, [*x, *x_test])) == sorted(len(text) + 1 for text in everything)


def test_texts_of_one_length_stay_lists(tmp_path):
    texts = np.empty(4, object)
    texts[:] = [[1, 2]] * 4
    buffer = io.BytesIO()
    np.savez(buffer, x=texts, y=np.arange(4))
    (x, _), _ = reuters.load_data(put(tmp_path, "reuters", buffer.getvalue()), test_split=0)
    assert x.shape == (4,) and x[0] == [1, 4, 5]


@pytest.mark.parametrize("name", ["imdb", "reuters"])
def test_word_index(tmp_path, name):
    file = put(tmp_path / name, f"{name} words")
    assert MODULES[name].get_word_index(file) == {"the": 1, "film": 2}
    assert MODULES[name].get_word_index(tmp_path) == {"the": 1, "film": 2}
    for wrong in (b"[1]", b'{"a": "b"}', b"\xff", b"[" * 100_000):
        file.write_bytes(wrong)
        with pytest.raises(ValueError, match=r"word_index\.json: expected"):
            MODULES[name].get_word_index(file)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_words": -1}, "imdb.load_data: num_words: found -1: expected at least 1"),
        ({"skip_top": 1.5}, "imdb.load_data: skip_top: found 1.5: expected an integer"),
        ({"maxlen": 2}, "imdb.load_data: maxlen 2: no text is shorter"),
        ({"seed": -3}, "imdb.load_data: seed: found -3"),
        ({"oov_char": "x"}, "imdb.load_data: oov_char: found 'x'"),
    ],
)
def test_wrong_options(tmp_path, options, message):
    file = put(tmp_path, "imdb")
    with pytest.raises((TypeError, ValueError), match=message):
        imdb.load_data(file, **options)


class Harmful:
    """Pickles as a call."""

    def __init__(self, call, *arguments):
        self.parts = call, arguments

    def __reduce__(self):
        return self.parts


def pickled(content, n=1):
    """An archive of reuters' form whose x holds a pickle."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|O", "fortran_order": False, "shape": (n,)}
    )
    buffer = io.BytesIO()
    np.savez(buffer, y=np.zeros(n, np.int64))
    with __import__("zipfile").ZipFile(buffer, "a") as file:
        file.writestr("x.npy", header.getvalue() + content)
    return buffer.getvalue()


def array_of(*items):
    """The pickle of an array with these elements."""
    array = np.empty(len(items), object)
    array[:] = items
    return pickle.dumps(array, protocol=4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (array_of(Harmful(eval, "exit(3)")), "found builtins.eval in a pickle"),
        (array_of(Harmful(open, "made", "w")), "found .*open in a pickle"),
        (pickle.dumps(Harmful(print, "x")), "found builtins.print in a pickle"),
        (array_of([1, 2.5]), "element 0 is not a list of integers"),
        (array_of([1, True]), "element 0 is not a list of integers"),
        (array_of((1, 2)), "element 0 is not a list of integers"),
        (array_of([[1]]), "element 0 is not a list of integers"),
        (array_of([1], [2]), "something else than 1 lists"),
        (pickle.dumps([[1]]), "something else than 1 lists"),
        (pickle.dumps(np.zeros(3)), "something else than 1 lists"),
        (array_of([1])[:-3], "truncated|Ran out of input|exhausted"),
        (b"", "Ran out of input"),
    ],
)
def test_pickles_of_other_things_are_refused(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    file = put(tmp_path, "reuters", pickled(content))
    with pytest.raises(ValueError, match=rf"reuters\.npz: corrupt, or .*({message})"):
        reuters.load_data(file)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_of_every_protocol_are_read(protocol):
    array = np.empty(3, object)
    array[:] = [[1, 2], [], [2**40]]
    content = pickled(pickle.dumps(array, protocol=protocol), 3)
    assert _archive.members(io.BytesIO(content), ["x"], ["y"])["x"] == [[1, 2], [], [2**40]]


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04"])
def test_files_that_are_no_archive(tmp_path, content):
    for name, module in MODULES.items():
        with pytest.raises(ValueError, match="corrupt, or"):
            module.load_data(path=put(tmp_path, name, content))


# --- tables ---------------------------------------------------------------------------------


@pytest.mark.oracle
@pytest.mark.parametrize("options", [{}, {"test_split": 0.5, "seed": 3}, {"test_split": 0}])
@pytest.mark.parametrize("name", TABLES)
def test_tables_are_as_in_keras(tmp_path, monkeypatch, name, options):
    keras = pytest.importorskip("keras")
    file = put(tmp_path, name)
    source = __import__(f"keras.src.datasets.{name}", fromlist=[name])
    monkeypatch.setattr(source, "get_file", lambda *_, **__: str(file))
    wanted = parts(getattr(keras.datasets, name).load_data(**options))
    found = parts(MODULES[name].load_data(path=file, **options))
    for mine, their in zip(found, wanted, strict=True):
        assert mine.dtype == their.dtype
        np.testing.assert_array_equal(mine, their)


def test_the_small_version_is_the_first_600_rows(tmp_path):
    x = np.arange(700 * 8, dtype=np.float32).reshape(700, 8)
    buffer = io.BytesIO()
    np.savez(buffer, x=x, y=x[:, 0])
    file = put(tmp_path, "california_housing", buffer.getvalue())
    (train, _), (test, _) = california_housing.load_data("small", file)
    assert train.shape == (480, 8) and test.shape == (120, 8)
    assert max(np.asarray(train).max(), np.asarray(test).max()) == x[599].max()
    with pytest.raises(ValueError, match="version: found 'tiny': expected 'large' or 'small'"):
        california_housing.load_data("tiny", file)


@pytest.mark.parametrize(
    "arrays",
    [
        {"x": np.zeros((5, 12)), "y": np.zeros(5)},
        {"x": np.zeros((5, 13)), "y": np.zeros(4)},
        {"x": np.zeros((5, 13), int), "y": np.zeros(5)},
        {"x": np.zeros((5, 13)), "y": np.zeros((5, 1))},
    ],
)
def test_tables_of_another_shape(tmp_path, arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    file = put(tmp_path, "boston_housing", buffer.getvalue())
    with pytest.raises(ValueError, match=r"boston_housing\.npz: found x .* expected floats"):
        boston_housing.load_data(file)


def test_wrong_test_split(tmp_path):
    for module in (boston_housing, california_housing, reuters):
        with pytest.raises(ValueError, match=r"load_data: test_split: found 1: expected"):
            module.load_data(path=tmp_path, test_split=1)


# --- photographs ----------------------------------------------------------------------------


def test_pixels_and_channels(tmp_path):
    (x, y), (x_test, y_test) = cifar10.load_data(put(tmp_path, "cifar10"))
    assert x.shape == (20, 32, 32, 3) and y.shape == (20, 1) and x.dtype is pt.uint8
    assert x_test.shape == (4, 32, 32, 3) and y_test.shape == (4, 1)
    with tarfile.open(fileobj=io.BytesIO(archive("cifar10"))) as file:
        raw = file.extractfile("cifar-10-batches-bin/data_batch_2.bin").read()
    # The second record of the second file: its label, then red, green and blue planes.
    record = np.frombuffer(raw, np.uint8)[3073 : 2 * 3073]
    assert int(y[5, 0]) == record[0]
    assert int(x[5, 2, 3, 1]) == record[1 + 1024 + 2 * 32 + 3]


def test_incomplete_and_damaged_archives(tmp_path):
    def packed(**files):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as file:
            for name, content in files.items():
                member = tarfile.TarInfo(f"{name}.bin")
                member.size = len(content)
                file.addfile(member, io.BytesIO(content))
        return put(tmp_path, "cifar10", buffer.getvalue())

    names = [f"data_batch_{k}" for k in range(1, 6)] + ["test_batch"]
    whole = dict.fromkeys(names, bytes(3073))
    with pytest.raises(ValueError, match=r"incomplete: data_batch_2\.bin is not there"):
        cifar10.load_data(packed(**{n: c for n, c in whole.items() if n != "data_batch_2"}))
    with pytest.raises(ValueError, match=r"test_batch\.bin: found 3000 bytes"):
        cifar10.load_data(packed(**{**whole, "test_batch": bytes(3000)}))
    with pytest.raises(ValueError, match="found label 12"):
        cifar10.load_data(packed(**{**whole, "data_batch_1": b"\x0c" + bytes(3072)}))
    content = archive("cifar10")
    with pytest.raises(ValueError, match=r"cifar-10-binary\.tar\.gz: corrupt"):
        cifar10.load_data(put(tmp_path, "cifar10", content[: len(content) // 2]))


# --- made up --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODULES)
def test_synthetic_data_have_the_form_of_the_published(tmp_path, name):
    module = MODULES[name]
    published = module.load_data(path=put(tmp_path, name))
    made = module.synthetic_data(30, 7)
    for mine, their, n in zip(made, published, (30, 7), strict=True):
        for found, wanted in zip(mine, their, strict=True):
            assert type(found) is type(wanted) and found.shape == (n, *wanted.shape[1:])
            if name != "california_housing":  # the published one is float32, the test's float64
                assert found.dtype == wanted.dtype
    again = module.synthetic_data(30, 7)
    for one, two in zip(parts(made), parts(again), strict=True):
        np.testing.assert_array_equal(one, two)
    other = module.synthetic_data(30, 7, seed=1)
    assert not np.array_equal(parts(other)[0], parts(made)[0])
    with pytest.raises(ValueError, match=f"{name}.synthetic_data: n_train: found -1"):
        module.synthetic_data(-1)


def test_synthetic_texts_stay_below_num_words():
    (x, y), _ = reuters.synthetic_data(300, 0, num_words=250)
    assert max(map(max, x)) < 250 and set(y.tolist()) == set(range(46))


def test_a_network_learns_from_synthetic_texts():
    pt.utils.set_random_seed(0)
    (x, y), (x_test, y_test) = imdb.synthetic_data(600, 200, num_words=500)

    def many_hot(texts):
        rows = np.zeros((len(texts), 500), np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[text] = 1
        return rows

    model = pt.models.Sequential([pt.layers.Dense(1, activation="sigmoid")])
    model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["accuracy"])
    model.fit(many_hot(x), y, epochs=10, batch_size=64, verbose=0)
    assert model.evaluate(many_hot(x_test), y_test, verbose=0)[1] > 0.9
