"""Functions of bytes for fuzzing: tools/fuzz.py invents the bytes, test_fuzz.py has a corpus.

A target reads its bytes as a file in some format, or as a series of choices. It may refuse them
with the errors that the called function documents, and no others. Results of accepted inputs must
be right: equal to NumPy's if NumPy has the function. Memory use must be in proportion to the input:
a file that claims 2**60 elements costs nothing.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import math
import os
import shutil
import tempfile
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from limits import address_space
from safetensors.numpy import save

import pytensor as pt
from pytensor import datasets, layers, models, predict, serialization
from pytensor._autodiff import transforms
from pytensor._commands import UsageError
from pytensor._tables import ops
from pytensor._training import foreign_weights, model_files
from pytensor.datasets import Shards, _archive

# Modules that pytensor imports on first use: imported here so that tools/fuzz.py instruments them.
for _name in (
    "checkpoints",
    "_autodiff.fourier_rules",
    "_autodiff.linalg_rules",
    "_autodiff.rules",
    "_functions.by_numpy",
):
    importlib.import_module(f"pytensor.{_name}")

MOST_MEMORY = 1 << 30  # bytes of address space beyond those at the start
# Raised for a wrong argument; the Array API standard leaves open which of them.
ARGUMENT_ERRORS = (ValueError, TypeError, IndexError)


@dataclass(frozen=True)
class Target:
    """A function of bytes."""

    function: object
    refusals: tuple  # the errors it may raise
    words: tuple  # byte strings that are likely to matter: the fuzzer's dictionary

    def accepts(self, data):
        """Run it; return whether it accepts the bytes. Errors other than refusals are faults."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy's, about overflow and the like
            try:
                self.function(data)
            except self.refusals:
                return False
            return True


TARGETS = {}


def target(*refusals, words=()):
    """Return a decorator that registers a function of bytes as a target under its name."""

    def register(function):
        TARGETS[function.__name__] = Target(function, refusals, words)
        return function

    return register


def limited_memory():
    """Return a context in which the process may use at most MOST_MEMORY more."""
    if "san" in os.environ.get("LD_PRELOAD", ""):  # sanitizers take terabytes of address space
        return contextlib.nullcontext()
    return address_space(MOST_MEMORY)


# -------------------------------------------------------------------------------------- files


@contextlib.contextmanager
def file_of(data, suffix=""):
    """Yield the path of a file with these bytes, in shared memory if the system has it."""
    shared = Path("/dev/shm")
    directory = Path(tempfile.mkdtemp(dir=shared if os.access(shared, os.W_OK) else None))
    try:
        path = directory / f"input{suffix}"
        path.write_bytes(data)
        yield path
    finally:
        shutil.rmtree(directory)


def any_of(refusal, *readers):
    """Read with each of several functions; raise the refusal if all of them refuse."""
    errors = []
    for read in readers:
        try:
            read()
        except refusal as error:
            errors.append(error)
    if len(errors) == len(readers):
        raise errors[-1]


BINARY_WORDS = (
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\0\0\0\0\0\0\0\x10",
    b"\x10\0\0\0\0\0\0\0",
)


@target(ValueError, words=(*BINARY_WORDS, b"\x1f\x8b\x08", b"\0\0\x08\x01", b"\0\0\x0d\x03"))
def idx(data):
    """An IDX file, compressed or not."""
    with file_of(data) as path:
        array = datasets.idx.read(path)
        # Deflate expands a byte to at most 1032.
        assert array.nbytes <= 1032 * len(data), "more elements than bytes"
        if data[:2] != b"\x1f\x8b":
            np.testing.assert_array_equal(datasets.idx.mapped(path), array)
            datasets.idx.write(path, array)
            assert path.read_bytes() == data, "written differently than read"


@target(ValueError, words=(b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", *BINARY_WORDS))
def npz(data):
    """Labelled data in an archive."""
    with file_of(data, ".npz") as path:
        check_data(datasets.files.load(path))


@target(
    ValueError,
    words=(
        b"\x93NUMPY\x01\0",
        b"'descr': ",
        b"'fortran_order': True",
        b"'shape': (",
        b"1152921504606846976",
        b"-1",
        b"'<f4'",
        b"'|O'",
        b"'>c8'",
        b"(2,3)",
        b"[('a', '<f4')]",
        *BINARY_WORDS,
    ),
)
def npy(data):
    """An .npy file: mapped into memory, and in an archive whose checksums are right."""
    with file_of(data) as path, file_of(b"", ".npz") as packed:
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("x.npy", data)
            archive.writestr("y.npy", data)

        def mapped():
            shards = Shards([path])
            assert np.asarray(shards).nbytes <= len(data), "more elements than bytes"

        any_of(ValueError, mapped, lambda: check_data(datasets.files.load(packed)))


@target(
    ValueError,
    words=(
        b"\x93NUMPY\x01\0",
        b"{'descr': '|O', 'fortran_order': False, 'shape': (2,), }",
        b"\x80\x03",
        b"cnumpy.core.multiarray\n_reconstruct\n",
        b"cnumpy\nndarray\n",
        b"cbuiltins\neval\n",
        *(bytes([code]) for code in b"(tlaebR.KMJq\x85\x86\x87\x8a\x93\x96"),
        *BINARY_WORDS,
    ),
)
def lists(data):
    """Lists of integers, pickled in an archive."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("x.npy", data)
    found = _archive.members(packed, ["x"], [])["x"]
    assert type(found) is list and all(type(item) is list for item in found)


@target(
    ValueError,
    words=(
        b"label",
        b",",
        b";",
        b"\t",
        b"\n",
        b'"',
        b"nan",
        b"1e999",
        b"-0",
        b"0x1",
        b"1_0",
        b"\xef\xbb\xbf",
        b"\0",
        b"#",
        b"\xd9\xa1",
    ),
)
def csv(data):
    """Labelled data as text."""
    with file_of(data, ".csv") as path:
        check_data(datasets.files.load(path))


def check_data(data):
    """Check what files.load promises about labelled data."""
    assert len(data.x_train) == len(data.y_train) > 0
    assert len(data.x_test) == len(data.y_test) > 0
    for x, y in ((data.x_train, data.y_train), (data.x_test, data.y_test)):
        assert x.dtype in (np.uint8, np.float32) and np.isfinite(x).all()
        assert y.ndim == 1
        if data.classes:
            assert y.dtype.kind in "iu" and y.min() >= 0 and y.max() < len(data.classes)
        else:
            assert y.dtype == np.float32 and np.isfinite(y).all()
    assert all(isinstance(name, str) for name in data.classes)


# ------------------------------------------------------------------------------ model files

JSON_WORDS = (
    b"null",
    b"true",
    b"NaN",
    b"1e999",
    b"-1",
    b"0.5",
    b"1152921504606846976",
    b"[]",
    b"{}",
    b'""',
    b'"module": ',
    b'"class_name": ',
    b'"config": ',
    b'"layers"',
    b'"Dense"',
    b'"Sequential"',
    b'"Dropout"',
    b'"units": ',
    b'"input_shape": ',
    b'"dtype": ',
    b'"optimizers"',
    b'"losses"',
    b'"metrics"',
    b'"initializers"',
    b'"function"',
    b'"name": ',
)


def small_model():
    """Return a model with every kind of layer that has weights."""
    model = models.Sequential(
        [
            layers.Dense(2, activation="relu", input_shape=(3,)),
            layers.BatchNormalization(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    return model


@target(
    ValueError,
    words=(
        *BINARY_WORDS,
        b'"dtype":"F32"',
        b'"shape":[2,3]',
        b'"data_offsets":[',
        b'"__metadata__":',
        b'"pytensor":',
        b"training:",
        b"dense/kernel",
        b"0.weight",
        *JSON_WORDS,
    ),
)
def safetensors(data):
    """A model file, or a file of weights from pytensor, PyTorch or Keras."""
    model = small_model()
    with file_of(data, ".safetensors") as path:

        def reader(load):
            def read():
                before = [np.array(weight) for weight in model.weights]
                try:
                    load(model, path)
                except ValueError:  # all weights are loaded, or none
                    for weight, array in zip(model.weights, before, strict=True):
                        np.testing.assert_array_equal(weight, array)
                    raise

            return read

        any_of(
            ValueError,
            *map(
                reader,
                (
                    model_files.load_weights,
                    foreign_weights.load_torch_weights,
                    foreign_weights.load_keras_weights,
                ),
            ),
            lambda: models.load_model(path),
        )
        with contextlib.suppress(UsageError):
            predict.image_shape(path, predict.load_model(path)[0])


@target(
    ValueError,
    words=(
        *JSON_WORDS,
        b'"version": 1',
        b'"model": ',
        b'"compile": ',
        b'"training": ',
        b'"state": ',
        b'"iterations": ',
        b'"learning_rate": ',
    ),
)
def architecture(data):
    """The text in a model file that describes its layers, compile options and optimizer."""
    model = small_model()
    arrays = {path: np.array(weight) for path, weight, _ in model.named_weights()}
    arrays |= {
        f"{model_files.TRAINING}optimizer/{path}/{k}": array
        for path, array in arrays.items()
        for k in range(2)
    }
    text = data.decode(errors="replace")
    with file_of(save(arrays, {"pytensor": text}), ".safetensors") as path:
        check_config(models.load_model(path))


@target(ValueError, TypeError, MemoryError, words=JSON_WORDS)
def json(data):
    """The config of any object; a layer may have any number of units."""
    check_config(serialization.from_json(data.decode(errors="replace")))


def check_config(obj):
    """Check that an object that was read can be written and read again."""
    if isinstance(obj, serialization.Configurable):
        text = serialization.to_json(obj)
        assert serialization.to_json(serialization.from_json(text)) == text


@target(
    UsageError,
    words=(
        b"\x89PNG\r\n\x1a\n",
        b"IHDR",
        b"IDAT",
        b"IEND",
        b"GIF89a",
        b"P5\n",
        b"\xff\xd8\xff",
        b"II*\0",
        *BINARY_WORDS,
    ),
)
def image(data):
    """A picture of a digit."""
    import PIL.Image  # noqa: F401 (its absence is not a refusal)

    def fitted(shape):
        found = predict.read_image(path, shape, fit=True)
        assert found.shape == shape and found.dtype == np.uint8

    with file_of(data) as path:
        any_of(
            UsageError,
            lambda: predict.read_image(path, (28, 28)),
            lambda: fitted((28, 28)),
            lambda: fitted((3, 5)),
        )


# ------------------------------------------------------------------------- arguments of calls


class Choices:
    """A series of choices, made from bytes."""

    def __init__(self, data):
        """data: the bytes; zeros follow them."""
        self.data = iter(data)

    def number(self, n):
        """Return a number from 0 to n - 1."""
        return next(self.data, 0) % n

    def one(self, values):
        """Return one of the values."""
        return values[self.number(len(values))]

    def several(self, most, make):
        """Return a list of up to `most` results of make()."""
        return [make() for _ in range(self.number(most + 1))]

    def integer(self):
        """Return an integer, mostly about as large as an axis, sometimes huge."""
        kind = self.number(16)
        return self.one((2**62, -(2**63), 2**70)) if kind == 15 else self.number(14) - 7

    def axis(self):
        """Return an axis, mostly one that an array can have."""
        return self.number(6) - 3 if self.number(8) else self.integer()

    def axes(self):
        """Return None, one axis or a tuple of axes."""
        kind = self.number(4)
        if kind < 2:
            return (None, self.axis())[kind]
        return tuple(self.several(3, self.axis))

    def shape(self):
        """Return a shape."""
        return tuple(self.several(4, lambda: self.number(4)))

    def near(self, shape):
        """Return a shape that mostly broadcasts with the given one."""
        first = self.number(len(shape) + 1)
        return tuple(self.one((n, n, n, 1, 2)) for n in shape[first:])

    def array(self, dtypes="?bhilBHILfdFD", shape=None, nan=True):
        """Return an array of small whole numbers, in C order or another."""
        shape = self.shape() if shape is None else shape
        dtype = np.dtype(self.one(dtypes))
        steps = [self.one((1, 1, 2, -1)) for _ in shape]
        values = self.number(8) + self.number(8) * np.arange(int(np.prod([2 * n for n in shape])))
        values = (values % 5 - (0 if dtype.kind in "bu" else 2)).astype(dtype)
        if dtype.kind == "c":
            values += dtype.type(1j) * (values.real % 2)
        array = values.reshape([2 * n for n in shape])
        for axis, (n, step) in enumerate(zip(shape, steps, strict=True)):
            part = slice(None, None, 2) if step == 2 else slice(n)
            array = array[(slice(None),) * axis + (part,)]
            array = np.flip(array, axis) if step == -1 else array
        if all(step == 1 for step in steps):
            array = array.copy("CF"[self.number(2)])
        if dtype.kind == "f" and array.size and self.number(8) == 7 and nan:
            array[(0,) * array.ndim] = np.nan
        return array

    def part(self):
        """Return one part of an index."""
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
            return self.several(3, lambda: self.number(9) - 4)
        if kind == 9:
            return np.array([self.number(9) - 4 for _ in range(4)]).reshape(2, 2)
        if kind == 10:
            return self.one((True, False, np.bool_(True)))
        shape = self.one([INDEXED.shape, INDEXED.shape[:2], (3,), (2, 3, 9)])
        return np.array([self.number(2) for _ in range(int(np.prod(shape)))], bool).reshape(shape)


INDEXED = np.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)


@target(*ARGUMENT_ERRORS)
def index(data):
    """Indexing and assignment."""
    choices = Choices(data)
    parts = tuple(choices.several(5, choices.part))
    key = parts[0] if len(parts) == 1 else parts
    ours = tuple(
        pt.asarray(p) if isinstance(p, np.ndarray) and choices.number(2) else p for p in parts
    )
    ours = ours if isinstance(key, tuple) else ours[0]
    t = pt.asarray(INDEXED.copy())
    found = t[ours]  # pytensor may refuse what NumPy accepts
    np.testing.assert_array_equal(np.asarray(found), INDEXED[key], err_msg=repr(key))
    array = INDEXED.copy()
    array[key] = 7
    t[ours] = 7
    np.testing.assert_array_equal(np.asarray(t), array, err_msg=repr(key))


@target(*ARGUMENT_ERRORS, BufferError)
def buffer(data):
    """Buffers of all formats, shapes and strides: the tensor equals NumPy's array."""
    choices = Choices(data)
    dtype = (
        np.dtype([("a", "f4"), ("b", "i2")])
        if choices.number(4) == 0
        else np.dtype(choices.one("><=") + choices.one("?bBhHiIlLqQefdgFDGSUVMmO"))
    )
    array = np.zeros(choices.several(4, lambda: choices.number(5)), dtype)
    for _ in range(choices.number(3)):
        if array.ndim:
            axis = choices.number(array.ndim)
            array = np.swapaxes(array, axis, 0)[:: choices.number(5) - 2 or 1]
    if choices.number(3) == 0:
        array = np.lib.stride_tricks.as_strided(array, strides=tuple(0 for _ in array.strides))
    if choices.number(3) == 0 and array.dtype.hasobject is False:
        array = array.copy()
        array.flags.writeable = False
    source = memoryview(array) if choices.number(2) else array
    t = pt.asarray(source)
    np.testing.assert_array_equal(np.asarray(t), np.asarray(array, dtype=t.dtype))


@target(*ARGUMENT_ERRORS, BufferError)
def dlpack(data):
    """Arrays through DLPack, and objects that break the protocol."""
    choices = Choices(data)
    dtype = choices.one("?bBhHiIqQefdFD")
    array = np.zeros(choices.several(3, lambda: choices.number(4)), dtype)
    if array.ndim:
        array = array[:: choices.one((-2, -1, 1, 2))].T

    class Wrapped:
        def __dlpack_device__(self):
            return choices.one(((1, 0), (2, 0), None, (1,))) if choices.number(2) else (1, 0)

        def __dlpack__(self, **options):
            kind = choices.number(6)
            if kind == 0:
                return None
            if kind == 1:
                capsule = array.__dlpack__()
                np.from_dlpack(
                    type(
                        "Once",
                        (),
                        {
                            "__dlpack__": lambda s, **o: capsule,
                            "__dlpack_device__": lambda s: (1, 0),
                        },
                    )()
                )
                return capsule  # used already
            if kind == 2:
                raise BufferError("no")
            try:
                return array.__dlpack__(**options)
            except (TypeError, BufferError):
                return array.__dlpack__()

    t = pt.from_dlpack(Wrapped())
    np.testing.assert_array_equal(np.asarray(t), array)


@target(
    TypeError,
    words=(
        b"<",
        b">",
        b"=",
        b"|",
        b"float",
        b"int",
        b"complex",
        b"bool",
        b"64",
        b"32",
        b"8",
        b"16",
        b"u",
        b",",
        b"(2,3)",
        b"M8[ns]",
        b"{",
        b"}",
    ),
)
def dtype(data):
    """A dtype by name: one that tensors have, or refused."""
    text = data.decode("latin-1")
    t = pt.empty((2,), dtype=text)
    assert t.dtype == np.dtype(text).newbyteorder("="), text
    assert pt.asarray([0, 1], dtype=text).dtype == t.dtype


@target(ValueError, TypeError, words=(b"->", b"...", b"ij", b"jk", b"ii", b",", b" "))
def einsum(data):
    """Subscripts: first a byte for the number of operands and one for each axis, then the text.

    einsum is linear in each operand: its derivative is einsum itself.
    """
    choices = Choices(data)
    dtypes = choices.one(("d", "f", "l", "D", "fd"))
    operands = [choices.array(dtypes, nan=False) for _ in range(1 + choices.number(3))]
    text = "".join(map(chr, choices.data))
    expected = attempt(lambda: np.einsum(text, *operands))
    tensors = [pt.asarray(a.copy()) for a in operands]
    out = pt.einsum(text, *tensors)
    if not isinstance(expected, Exception):
        np.testing.assert_allclose(np.asarray(out), expected, 1e-5, 1e-5, err_msg=text)
    if dtypes != "d":
        return
    g = pt.cos(pt.reshape(pt.arange(float(out.size), dtype="float64"), out.shape))
    gradients = transforms.vjp(lambda *a: pt.einsum(text, *a), *tensors)[1](g)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    for i, (gradient, tensor) in enumerate(zip(gradients, tensors, strict=True)):
        assert gradient.shape == tensor.shape, text
        tangent = pt.sin(pt.reshape(pt.arange(float(tensor.size), dtype="float64"), tensor.shape))
        there = pt.einsum(text, *(tangent if k == i else t for k, t in enumerate(tensors)))
        np.testing.assert_allclose(
            pt.sum(there * g).item(), pt.sum(gradient * tangent).item(), 1e-9, 1e-9, err_msg=text
        )


def attempt(function):
    """Return what a function returns, or the exception it raises."""
    try:
        return function()
    except Exception as error:
        return error


# ------------------------------------------------------------------------------- operations


def of_list(function):
    """Return a function of several arrays that calls a function of a list of them."""
    return lambda *arrays, **options: function(arrays, **options)


def elementwise(row):
    """Return NumPy's computation for a row of the op table, in pytensor's dtype."""
    compute = eval(f"lambda {', '.join(row.inputs)}: {row.numpy}", {"np": np, "math": math})
    first = 1 if row.name == "where" else 0

    def function(*arrays):
        kind = pt.result_type(*map(pt.asarray, arrays[first:]))
        if kind.kind not in row.types:
            kind = np.dtype(np.float32 if "f" in row.types else bool)
        arrays = [*arrays[:first], *(a.astype(kind) for a in arrays[first:])]
        return compute(*(a.astype(bool) if k < first else a for k, a in enumerate(arrays)))

    return function


def several(choices, count, dtypes="?bhilBHILfd", nan=True):
    """Return arrays whose shapes mostly broadcast."""
    shape = choices.shape()
    return [choices.array(dtypes, choices.near(shape), nan) for _ in range(count)]


def factors(choices):
    """Return two arrays to multiply, without NaN: in NumPy its product with 0 may be 0."""
    return several(choices, 2, "ildfD", nan=False)


def operands(row):
    """Return a function of choices that returns arrays for a row of the op table."""

    def function(choices):
        arrays = several(choices, len(row.inputs))
        if row.name in ("floor_divide", "remainder", "pow") or "shift" in row.name:
            # For integers, pytensor differs from NumPy at 0 and at negative powers.
            arrays[1] = np.where(arrays[1] > 0, arrays[1], 1).astype(arrays[1].dtype)
        return arrays, {}

    return function


def reduced(choices):
    """Return an array and the options of a reduction."""
    return [choices.array()], {"axis": choices.axes(), "keepdims": bool(choices.number(2))}


def with_axis(choices):
    """Return an array and one axis."""
    return [choices.array("?bhilBHILfd")], {"axis": choices.axis()}


def with_axes(choices):
    """Return an array and one or several axes."""
    return [choices.array()], {"axis": choices.axes()}


def odd_shape(choices):
    """Return a shape that need not be valid."""
    return tuple(
        choices.several(
            5,
            lambda: (
                choices.one((1, 2, 3, 4, 6, 8, 0, -1, 12, 9))
                if choices.number(8)
                else choices.integer()
            ),
        )
    )


def indices(choices):
    """Return an array of integers, most of them in range."""
    shape = tuple(choices.several(2, lambda: choices.number(4)))
    dtype = np.dtype(choices.one("lbB"))
    least = 0 if dtype.kind == "u" else -3
    return np.array([choices.number(6) + least for _ in range(int(np.prod(shape)))], dtype).reshape(
        shape
    )


# name: (pytensor's function, NumPy's, a function of choices for the arrays and options)
OPERATIONS = {
    row.name: (getattr(pt, row.name), elementwise(row), operands(row)) for row in ops.ELEMENTWISE
}
OPERATIONS |= {
    name: (getattr(pt, name), getattr(np, name), reduced)
    for name in (*(row.name for row in ops.REDUCTIONS), "mean", "std", "var", "count_nonzero")
}
OPERATIONS |= {
    name: (getattr(pt, name), getattr(np, name), with_axis)
    for name in ("expand_dims", "flip", "sort", "argsort", "unstack")
}
OPERATIONS |= {
    "squeeze": (pt.squeeze, np.squeeze, with_axes),
    "expand_dims of several": (pt.expand_dims, np.expand_dims, with_axes),
    "flip of several": (pt.flip, np.flip, with_axes),
    "reshape": (pt.reshape, np.reshape, lambda c: ([c.array()], {"shape": odd_shape(c)})),
    "permute_dims": (
        pt.permute_dims,
        np.permute_dims,
        lambda c: ([c.array()], {"axes": c.several(4, c.axis)}),
    ),
    "broadcast_to": (
        pt.broadcast_to,
        np.broadcast_to,
        lambda c: ([c.array()], {"shape": odd_shape(c)}),
    ),
    "concat": (
        of_list(pt.concat),
        of_list(np.concat),
        lambda c: (
            several(c, 1 + c.number(3), c.one(("f", "l", "D"))),
            {"axis": c.axis() if c.number(5) else None},
        ),
    ),
    "stack": (
        of_list(pt.stack),
        of_list(np.stack),
        lambda c: (several(c, 1 + c.number(3), "f"), {"axis": c.axis()}),
    ),
    "meshgrid": (
        pt.meshgrid,
        np.meshgrid,
        lambda c: (
            [c.array("f", (c.number(4),)) for _ in range(c.number(4))],
            {"indexing": c.one(("xy", "ij"))},
        ),
    ),
    "roll": (
        pt.roll,
        np.roll,
        lambda c: (
            [c.array()],
            {
                "shift": c.integer() if c.number(2) else tuple(c.several(3, c.integer)),
                "axis": c.axes() or None,
            },
        ),
    ),
    "repeat": (
        lambda x, repeats, axis: pt.repeat(x, repeats, axis=axis),
        np.repeat,
        lambda c: (
            [c.array()],
            {
                "repeats": c.integer() if c.number(2) else c.several(4, lambda: c.number(4)),
                "axis": c.axis() if c.number(4) else None,
            },
        ),
    ),
    "tile": (
        lambda x, reps: pt.tile(x, reps),
        lambda x, reps: np.tile(x, reps),
        lambda c: ([c.array()], {"reps": tuple(c.several(3, lambda: c.number(4)))}),
    ),
    "moveaxis": (
        lambda x, a, b: pt.moveaxis(x, a, b),
        lambda x, a, b: np.moveaxis(x, a, b),
        lambda c: ([c.array()], {"a": c.axes() or 0, "b": c.axes() or 0}),
    ),
    "take": (pt.take, np.take, lambda c: ([c.array(), indices(c)], {"axis": c.axis()})),
    "take_along_axis": (
        pt.take_along_axis,
        np.take_along_axis,
        lambda c: ([c.array(), indices(c)], {"axis": c.axis()}),
    ),
    "diff": (
        pt.diff,
        np.diff,
        lambda c: ([c.array("ildfD")], {"axis": c.axis(), "n": c.number(6) - 1}),
    ),
    "cumulative_sum": (
        pt.cumulative_sum,
        np.cumulative_sum,
        lambda c: (
            [c.array()],
            {"axis": c.axis() if c.number(4) else None, "include_initial": bool(c.number(2))},
        ),
    ),
    "matmul": (pt.matmul, np.matmul, lambda c: (factors(c), {})),
    "vecdot": (pt.vecdot, np.vecdot, lambda c: (factors(c), {"axis": c.axis()})),
    "tensordot": (
        pt.tensordot,
        np.tensordot,
        lambda c: (
            factors(c),
            {"axes": c.number(6) - 1 if c.number(2) else (c.axes() or 0, c.axes() or 0)},
        ),
    ),
    "tril": (pt.tril, np.tril, lambda c: ([c.array()], {"k": c.integer()})),
    "triu": (pt.triu, np.triu, lambda c: ([c.array()], {"k": c.integer()})),
}


@target(*ARGUMENT_ERRORS, MemoryError)
def operations(data):
    """A call of any function on arrays of odd shapes, dtypes and layouts, with odd options."""
    choices = Choices(data)
    name = choices.one(list(OPERATIONS))
    ours, theirs, make = OPERATIONS[name]
    call = attempt(lambda: make(choices))
    assert not isinstance(call, Exception), f"{name}: {call!r}"
    arrays, options = call
    before = [array.copy() for array in arrays]
    text = f"{name}({', '.join(f'{a.dtype} {a.shape} {a.strides}' for a in arrays)}, {options})"
    found = ours(*map(pt.asarray, arrays), **options)
    with np.errstate(all="ignore"):
        expected = attempt(lambda: theirs(*arrays, **options))
    if isinstance(expected, OverflowError):  # of integers that fit in Python but not in C
        return
    if isinstance(expected, ValueError) and name in ops.ROWS and not found.size:
        return  # NumPy finds no extreme on an empty axis; an empty result needs none
    assert not isinstance(expected, Exception), f"{text}: accepted; NumPy: {expected!r}"
    if not isinstance(found, tuple | list):
        found, expected = [found], [expected]
    assert len(found) == len(expected), text
    for a, b in zip(found, expected, strict=True):
        b = np.asarray(b)
        assert a.shape == b.shape, f"{text}: {a.shape}; NumPy: {b.shape}"
        tolerance = 1e-4 if a.dtype.kind in "fc" else 0
        np.testing.assert_allclose(
            np.asarray(a), b.astype(a.dtype), tolerance, tolerance, err_msg=text
        )
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy, err_msg=f"{text}: changed its input")


@target(*ARGUMENT_ERRORS, OverflowError)  # for -1 with unsigned integers
def fuse(data):
    """A program of element-wise operations: the fused one returns the same bits."""
    choices = Choices(data)
    tensors = [pt.asarray(a) for a in several(choices, 1 + choices.number(3))]
    program = choices.several(
        8, lambda: (choices.one(ops.ELEMENTWISE), [choices.number(32) for _ in range(3)])
    )
    count = 1 + choices.number(3)

    def function(*values):
        values = list(values)
        for row, picks in program:
            values.append(
                getattr(pt, row.name)(
                    *(
                        values[pick % len(values)] if pick < 24 else (2, -1, 0.5, True)[pick % 4]
                        for pick in picks[: len(row.inputs)]
                    )
                )
            )
        return tuple(values[-count:])

    expected = function(*tensors)
    fused = pt.fuse(function)
    for _ in range(2):  # the first call records the program, the second runs it
        for a, b in zip(fused(*tensors), expected, strict=True):
            assert (a.shape, a.dtype) == (b.shape, b.dtype), program
            assert np.asarray(a).tobytes() == np.asarray(b).tobytes(), program
