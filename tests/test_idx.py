"""pytensor.datasets.idx: what it writes it reads; what is damaged it refuses by name."""

import gzip
import os
import struct

import numpy as np
import pytest

from pytensor.datasets import idx

# Two rows of three int16: the format spelled out, independent of the code under test.
BYTES = bytes.fromhex("00000b02 00000002 00000003 0001 0002 fffd 0004 0005 7fff")
ARRAY = np.array([[1, 2, -3], [4, 5, 32767]], np.int16)


def claim(*shape, code=8):
    """A header that claims this shape."""
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, code, len(shape), *shape)


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["raw", "gzip"])
def test_reads_the_format_as_specified(tmp_path, compress):
    path = tmp_path / "file"
    path.write_bytes(compress(BYTES))
    array = idx.read(path)
    assert array.dtype == np.int16 and array.dtype.isnative
    assert array.flags.writeable
    np.testing.assert_array_equal(array, ARRAY)


def test_writes_the_format_as_specified(tmp_path):
    idx.write(tmp_path / "raw", ARRAY)
    idx.write(tmp_path / "packed.gz", ARRAY)
    idx.write(tmp_path / "swapped", ARRAY.astype(">i2"))
    idx.write(tmp_path / "strided", np.repeat(ARRAY, 2, axis=1)[:, ::2])
    assert (tmp_path / "raw").read_bytes() == BYTES
    assert gzip.decompress((tmp_path / "packed.gz").read_bytes()) == BYTES
    assert (tmp_path / "swapped").read_bytes() == BYTES
    assert (tmp_path / "strided").read_bytes() == BYTES


@pytest.mark.parametrize("dtype", idx.DTYPES.values(), ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (7,), (2, 3, 4, 5), (1,) * 64], ids=len)
@pytest.mark.parametrize("name", ["file", "file.gz"])
def test_round_trip(tmp_path, dtype, shape, name):
    array = np.asarray(np.random.default_rng(0).uniform(0, 100, shape)).astype(dtype)
    idx.write(tmp_path / name, array)
    back = idx.read(tmp_path / name, dtype=dtype, ndim=len(shape))
    assert back.dtype == dtype and back.shape == shape
    np.testing.assert_array_equal(back, array)


def test_compression_gives_the_same_bytes_each_time(tmp_path):
    for name in ("a.gz", "b.gz"):
        idx.write(tmp_path / name, ARRAY)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


DAMAGED = {
    "empty": (b"", "found 0 bytes, expected an IDX header"),
    "magic cut": (BYTES[:3], "found 3 bytes, expected an IDX header"),
    "header cut": (BYTES[:9], "found a header of 9 bytes, expected one of 12"),
    "elements cut": (BYTES[:-1], r"found 23 bytes, expected 24 bytes for shape \(2, 3\) of int16"),
    "one byte more": (BYTES + b"\0", "found more than 24 bytes, expected 24 bytes"),
    "not IDX": (b"\x93NUMPY..", "found the first bytes 93 4e 55 4d, expected an IDX file"),
    "unknown type": (claim(1, code=0x0A) + b"1", "found the first bytes 00 00 0a 01"),
    "2^60 elements": (claim(2**30, 2**30) + b"1", f"expected {2**60 + 12} bytes"),
    "2^128 elements": (claim(*[2**32 - 1] * 4) + b"1", "found 21 bytes, expected 3402823"),
    "65 dimensions": (claim(*[1] * 65) + b"1", "maximum supported dimension"),
    "too large though empty": (claim(0, *[2**32 - 1] * 4), "shape .0, 4294967295, .*: "),
}


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["raw", "gzip"])
@pytest.mark.parametrize("case", DAMAGED)
def test_refuses(tmp_path, case, compress):
    content, message = DAMAGED[case]
    path = tmp_path / "some-file"
    path.write_bytes(compress(content))
    if compress is gzip.compress:  # the size on the disk is another one
        message = message.replace("found 21 bytes", r"found \d+ compressed bytes")
    with pytest.raises(ValueError, match=f"some-file: .*{message}"):
        idx.read(path)


PACKED = gzip.compress(BYTES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (PACKED[:-9], "ended before the end-of-stream marker"),
        (PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:], "CRC check failed"),
        (PACKED[:12] + b"\xff\xff" + PACKED[14:], "Error -3 while decompressing"),
        (PACKED + b"rest", "Not a gzipped file"),
        (PACKED[:5], "ended before the end-of-stream marker"),
    ],
    ids=["truncated", "checksum", "bits", "rest", "header"],
)
def test_refuses_corrupt_gzip(tmp_path, content, message):
    path = tmp_path / "some-file"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"some-file: corrupt gzip: .*{message}"):
        idx.read(path)


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["raw", "gzip"])
def test_allocates_nothing_for_what_the_file_cannot_hold(tmp_path, compress, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(compress(claim(100_000, 28, 28) + bytes(100)))

    def empty(*_):
        raise AssertionError("allocated")

    monkeypatch.setattr(np, "empty", empty)
    with pytest.raises(ValueError, match=r"expected 78400016 bytes for shape \(100000, 28, 28\)"):
        idx.read(path)


def test_refuses_another_type_or_rank_than_asked_for(tmp_path):
    path = tmp_path / "some-file"
    path.write_bytes(BYTES)
    with pytest.raises(ValueError, match="some-file: found elements of type int16, expected uint8"):
        idx.read(path, dtype="uint8")
    with pytest.raises(ValueError, match="some-file: found 2 dimensions, expected 3"):
        idx.read(path, ndim=3)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        idx.read(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        idx.write(tmp_path / "nowhere" / "file", ARRAY)


@pytest.mark.parametrize("dtype", [bool, np.int64, np.uint32, np.complex64])
def test_does_not_write_what_the_format_lacks(tmp_path, dtype):
    with pytest.raises(TypeError, match=f"idx: {np.dtype(dtype)}: expected one of uint8, int8"):
        idx.write(tmp_path / "file", np.zeros(3, dtype))
    assert not list(tmp_path.iterdir())


def test_does_not_write_a_dimension_of_2_to_the_32(tmp_path):
    array = np.broadcast_to(np.uint8(0), (0, 2**32))
    with pytest.raises(ValueError, match=r"idx: \(0, 4294967296\): a dimension is at most"):
        idx.write(tmp_path / "file", array)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        idx.write(path, ARRAY)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
