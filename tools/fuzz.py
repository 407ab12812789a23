"""Fuzz what reads bytes or objects from outside: files, buffers, DLPack capsules, indices.

    python tools/fuzz.py [--seconds 30] [--seed N] [target...]

Inputs are mutations of a small corpus, kept when they reach lines of Python that none reached
before (coverage by sys.monitoring or sys.settrace, no instrumentation needed; C is reached through
what calls it: run it under tools/sanitize.sh's environment to see its faults). What is wrong may be
refused with ValueError, TypeError, IndexError, OSError, MemoryError or BufferError, and with
nothing else; whatever is accepted must agree with NumPy. Memory may not exceed what the input
justifies: a file that claims 2**60 elements costs nothing. Exit status 1 with the input that
failed, which becomes a test.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import random
import resource
import struct
import sys
import tempfile
import time
import traceback
from pathlib import Path

import numpy as np

import pytensor as pt

REFUSALS = (ValueError, TypeError, IndexError, OSError, MemoryError, BufferError)
MOST_MEMORY = 1 << 30  # bytes of address space beyond the start

# ------------------------------------------------------------------------------------ targets


class Files:
    """A reader of files: seeds are their bytes."""

    def __init__(self, suffix, seeds, read):
        """read: a function of a path."""
        self.suffix, self.seeds, self.read = suffix, seeds, read
        self.path = Path(tempfile.mkdtemp()) / f"input{suffix}"

    def run(self, data):
        """One input."""
        self.path.write_bytes(data)
        self.read(self.path)


class Bytes:
    """Something that is derived from bytes."""

    def __init__(self, seeds, function):
        """function: of bytes."""
        self.seeds, self.run = seeds, function


def idx_file(shape=(2, 3), code=8, data=None):
    """An IDX file."""
    size = int(np.prod(shape))
    return (struct.pack(f">BBBB{len(shape)}I", 0, 0, code, len(shape), *shape)
            + (bytes(range(size)) if data is None else data))


def read_idx(path):
    """An IDX file, gzipped or not."""
    from pytensor.datasets import idx

    array = idx.read(path)
    assert array.nbytes <= 2000 * (16 + path.stat().st_size), "more elements than bytes"


def read_table(path):
    """Labelled data: CSV or npz."""
    from pytensor.datasets import files

    files.load(path)


def read_model(path):
    """A model's file."""
    from pytensor import models

    models.load_model(path)


def model_json(data):
    """A config."""
    from pytensor import serialization

    serialization.deserialize(json.loads(data.decode("utf-8", "strict")))


def a_model():
    """A small model's file and its JSON."""
    from pytensor import layers, models, saving, serialization

    model = models.Sequential([layers.Dense(2, activation="relu", input_shape=(3,))])
    model.compile(optimizer="sgd", loss="mse")
    path = Path(tempfile.mkdtemp()) / "model.safetensors"
    saving.save_model(model, path)
    return path.read_bytes(), json.dumps(serialization.serialize(model)).encode()


def npz():
    """An archive."""
    out = io.BytesIO()
    np.savez(out, x_train=np.eye(4, dtype="f4"), y_train=np.arange(4), x_test=np.eye(4),
             y_test=[0, 1, 2, 3])
    return out.getvalue()


INDEXED = np.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)


class Choices:
    """Numbers out of bytes."""

    def __init__(self, data):
        """data: bytes; zeros follow."""
        self.data = iter(data)

    def number(self, n):
        """From 0 to n - 1."""
        return next(self.data, 0) % n

    def integer(self):
        """Mostly near an axis's length, at times huge."""
        kind = self.number(8)
        return (2**62, -2**63, 2**70)[self.number(3)] if kind == 7 else self.number(14) - 7

    def part(self, depth=0):
        """One part of an index."""
        kind = self.number(12)
        if kind < 3:
            return self.integer()
        if kind < 6:
            def bound():
                return None if self.number(3) == 0 else self.integer()
            step = bound()
            return slice(bound(), bound(), step)
        if kind == 6:
            return None
        if kind == 7:
            return Ellipsis
        if kind == 8:
            return [self.number(9) - 4 for _ in range(self.number(4))]
        if kind == 9:
            return np.array([self.number(9) - 4 for _ in range(4)]).reshape(2, 2)
        if kind == 10:
            return (True, False, np.bool_(True))[self.number(3)]
        shape = [INDEXED.shape, INDEXED.shape[:2], (3,), (2, 3, 9)][self.number(4)]
        return np.array([self.number(2) for _ in range(int(np.prod(shape)))], bool).reshape(shape)


def index(data):
    """Indexing and assignment, compared with NumPy."""
    choices = Choices(data)
    parts = tuple(choices.part() for _ in range(choices.number(6)))
    key = parts[0] if len(parts) == 1 else parts
    ours = theirs = None
    try:
        theirs = INDEXED[key]
    except Exception as error:
        theirs = error
    t = pt.asarray(INDEXED.copy())
    try:
        ours = t[tuple(pt.asarray(p) if isinstance(p, np.ndarray) and choices.number(2) else p
                       for p in parts) if isinstance(key, tuple) else key]
    except REFUSALS as error:
        ours = error
    if isinstance(ours, Exception):
        return  # less than NumPy accepts is no fault
    assert not isinstance(theirs, Exception), f"{key!r}: accepted, NumPy says {theirs}"
    np.testing.assert_array_equal(np.asarray(ours), theirs, err_msg=repr(key))
    array = INDEXED.copy()
    try:
        array[key] = 7
    except Exception:
        return
    try:
        t[key] = 7
    except REFUSALS:
        return
    np.testing.assert_array_equal(np.asarray(t), array, err_msg=repr(key))


class Lying:
    """An object whose array interface says what the bytes say."""

    def __init__(self, **interface):
        """interface: of NumPy's array protocol."""
        self.__array_interface__ = interface


def buffers(data):
    """Buffers of all formats, shapes and strides; each must be what NumPy makes of it."""
    choices = Choices(data)
    dtypes = "?bBhHiIlLqQefdgFDGSUVMmO"
    dtype = np.dtype((">", "<", "=")[choices.number(3)] + dtypes[choices.number(len(dtypes))]) \
        if choices.number(4) else np.dtype([("a", "f4"), ("b", "i2")])
    shape = tuple(choices.number(5) for _ in range(choices.number(5)))
    array = np.zeros(shape, dtype)
    for _ in range(choices.number(3)):
        if array.ndim:
            axis = choices.number(array.ndim)
            array = np.swapaxes(array, axis, 0)[::choices.number(5) - 2 or 1]
    if choices.number(3) == 0:
        array = np.lib.stride_tricks.as_strided(
            array, strides=tuple(0 for _ in array.strides))
    if choices.number(3) == 0 and array.dtype.hasobject is False:
        array = array.copy()
        array.flags.writeable = False
    source = array
    if choices.number(2):
        try:
            source = memoryview(array)
        except ValueError:
            source = array
    t = pt.asarray(source)
    np.testing.assert_array_equal(np.asarray(t), np.asarray(array, dtype=t.dtype))


def dlpack(data):
    """from_dlpack of NumPy arrays, and of objects whose protocol lies."""
    choices = Choices(data)
    from_dlpack = getattr(pt, "from_dlpack", None)
    if from_dlpack is None:
        return
    dtypes = "?bBhHiIqQefdFD"
    array = np.zeros([choices.number(4) for _ in range(choices.number(4))],
                     dtypes[choices.number(len(dtypes))])
    if array.ndim:
        array = array[::(-2, -1, 1, 2)[choices.number(4)]].T

    class Wrapped:
        def __dlpack_device__(self):
            return ((1, 0), (2, 0), None, (1,))[choices.number(8) % 4 if choices.number(2) else 0]

        def __dlpack__(self, **options):
            kind = choices.number(6)
            if kind == 0:
                return None
            if kind == 1:
                capsule = array.__dlpack__()
                np.from_dlpack(type("Once", (), {
                    "__dlpack__": lambda s, **o: capsule,
                    "__dlpack_device__": lambda s: (1, 0)})())
                return capsule  # used already
            if kind == 2:
                raise BufferError("no")
            try:
                return array.__dlpack__(**options)
            except (TypeError, BufferError):
                return array.__dlpack__()

    t = from_dlpack(Wrapped())
    np.testing.assert_array_equal(np.asarray(t), array)


def targets():
    """By name."""
    model, config = a_model()
    table = b"a,b,label\n1,2,x\n3,4,y\n5,6,x\n7,8,y\n"
    images = idx_file((3, 4, 4), data=bytes(48))
    return {
        "idx": Files("", [idx_file(), images, gzip.compress(idx_file()),
                          idx_file((2,), 13, bytes(8)), idx_file((2**31, 2**29), data=b"")],
                     read_idx),
        "npz": Files(".npz", [npz()], read_table),
        "csv": Files(".csv", [table, table.replace(b",", b";"), b"1,0\n2,1\n3,0\n4,1\n"],
                      read_table),
        "safetensors": Files(".safetensors", [model], read_model),
        "json": Bytes([config], model_json),
        "index": Bytes([bytes([3, 0, 0, 5, 1, 3, 4, 2, 1, 9] * 4), bytes(range(60))], index),
        "buffer": Bytes([bytes(range(1, 30)), bytes([2, 12, 3, 2, 3, 4])], buffers),
        "dlpack": Bytes([bytes([3, 2, 3, 2, 11, 1, 0, 0, 5]), bytes(range(20))], dlpack),
    }


# ------------------------------------------------------------------------------------ the fuzzer

WORDS = [b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", struct.pack("<Q", 2**60),
         struct.pack(">Q", 2**60), b"-1", b"nan", b"1e999", b"null", b"[]", b"{}", b'"', b"\n",
         b",", b"1152921504606846976", b"\x80", b"true", b"-0"]


def mutated(data, rng, others):
    """The bytes with some faults."""
    data = bytearray(data)
    for _ in range(1 << rng.randrange(4)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(7)
        if kind == 0 and data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
        elif kind == 1 and data:
            data[at % len(data)] = rng.randrange(256)
        elif kind == 2:
            del data[at:at + rng.randrange(1, 9)]
        elif kind == 3:
            data[at:at] = rng.choice(WORDS)
        elif kind == 4:
            word = rng.choice(WORDS)
            data[at:at + len(word)] = word
        elif kind == 5:
            data[at:at] = data[at:at + rng.randrange(1, 33)]
        else:
            other = rng.choice(others)
            data[at:] = other[rng.randrange(len(other) + 1):]
    return bytes(data[:1 << 16])


class Lines:
    """Which lines of the package ran since the last look."""

    TOOL = 4

    def __init__(self):
        """Begin to listen."""
        self.new = False
        package = str(Path(pt.__file__).parent)
        if hasattr(sys, "monitoring"):
            sys.monitoring.use_tool_id(self.TOOL, "fuzz")

            def line(code, number):
                self.new = self.new or code.co_filename.startswith(package)
                return sys.monitoring.DISABLE  # once each: nearly free

            sys.monitoring.register_callback(self.TOOL, sys.monitoring.events.LINE, line)
            sys.monitoring.set_events(self.TOOL, sys.monitoring.events.LINE)
        else:
            seen = set()

            def local(frame, event, argument):
                place = (frame.f_code, frame.f_lineno)
                if place not in seen:
                    seen.add(place)
                    self.new = True
                return local

            def traced(frame, event, argument):
                return local if frame.f_code.co_filename.startswith(package) else None

            sys.settrace(traced)

    def found(self):
        """Whether there were new ones."""
        new, self.new = self.new, False
        return new


def fuzz(name, target, seconds, rng, lines):
    """Run one target for a time; the number of inputs, and how many of them reached new lines."""
    corpus = list(target.seeds)
    end, count, data = time.monotonic() + seconds, 0, b""
    queue = list(target.seeds)
    while time.monotonic() < end or queue:
        data = queue.pop() if queue else mutated(rng.choice(corpus), rng, corpus)
        try:
            target.run(data)
        except REFUSALS as error:
            if isinstance(error, UnicodeDecodeError) and name != "json":
                raise
        except RecursionError:
            pass  # of the JSON parser
        except BaseException:
            traceback.print_exc()
            print(f"fuzz: {name}: {len(data)} bytes: {data!r}")
            raise SystemExit(1) from None
        count += 1
        if lines.found():
            corpus.append(data)
    return count, len(corpus) - len(target.seeds)


def main(argv=None):
    """All targets in turn, each for its share of the time."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args(argv)
    known = targets()
    unknown = set(options.targets) - set(known)
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: expected some of {', '.join(known)}")
    seed = options.seed if options.seed is not None else int.from_bytes(os.urandom(4), "little")
    rng = random.Random(seed)
    print(f"seed {seed}")
    chosen = {name: known[name] for name in options.targets or known}
    with open("/proc/self/statm") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    if "asan" not in os.environ.get("LD_PRELOAD", ""):
        resource.setrlimit(resource.RLIMIT_AS, (size + MOST_MEMORY,) * 2)
    lines = Lines()
    import warnings

    warnings.simplefilter("ignore")
    for name, target in chosen.items():
        count, kept = fuzz(name, target, options.seconds / len(chosen), rng, lines)
        print(f"{name:12} {count:8,} inputs, {kept} that reached new lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
