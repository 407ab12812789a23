"""The class Tensor: creation, conversion, sharing of memory, attributes, operators, promotion."""

import array
import collections
import copy
import ctypes
import gc
import inspect
import itertools
import math
import operator
import pickle
import struct

import numpy as np
import pytest
from conftest import DTYPES, KINDS, LAYOUTS, output_of

import pytensor as pt
from pytensor import _core

COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
BINARY = (
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "and_",
    "or_",
    "xor",
    "lshift",
    "rshift",
    *COMPARISONS,
)
UNARY = ("neg", "pos", "abs", "invert")


def same_memory(a, b):
    return np.asarray(a).__array_interface__["data"] == np.asarray(b).__array_interface__["data"]


# --------------------------------------------------------------------------- from Python's objects


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (3, "int64"),
        (-(2**63), "int64"),
        (2.5, "float32"),
        (True, "bool"),
        ([1, 2], "int64"),
        ([1, 2.5], "float32"),
        ([True, False], "bool"),
        ([], "float32"),
        ([[1.0]], "float32"),
        ((1, 2), "int64"),
        ([True, 2], "int64"),
        ([2**63], "uint64"),
        ([2**63, 5], "uint64"),
        ([[5, 2**64 - 1], [0, 1]], "uint64"),
        ([2**63, -5], "float32"),
        ([2**63, 0.5], "float32"),
        (range(3), "int64"),
        (np.float64(2.5), "float64"),
        (np.int8(3), "int8"),
        (np.bool_(True), "bool"),
        ([np.float64(1.5)], "float64"),
        ([np.int16(4), np.int16(5)], "int16"),
    ],
)
def test_asarray_of_python_values(value, dtype):
    t = pt.asarray(value)
    assert t.dtype == dtype
    np.testing.assert_array_equal(t, np.asarray(value, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_lists_there_and_back(dtype):
    info = None if dtype == "bool" or dtype.startswith("f") else np.iinfo(dtype)
    values = [[1, 0, 1], [0, 1, 1]] if info is None else [[info.min, 0, 1], [2, 3, info.max]]
    t = pt.asarray(values, dtype=dtype)
    assert (t.dtype, t.shape, t.tolist()) == (dtype, (2, 3), values)
    assert {type(x) for x in t.tolist()[0]} == {type(np.dtype(dtype).type(0).item())}
    assert pt.asarray(t.tolist(), dtype=dtype).tolist() == values
    assert pt.asarray(values[1][2], dtype=dtype).item() == values[1][2]
    assert pt.asarray(values[1][2], dtype=dtype).tolist() == values[1][2]


def test_float64_keeps_its_digits():
    assert pt.asarray([0.1], dtype="float64").tolist() == [0.1]
    assert pt.asarray(0.1, dtype="float64").item() == 0.1
    assert pt.full((2,), 0.1, dtype=pt.float64).tolist() == [0.1, 0.1]
    assert pt.asarray([0.1]).tolist() == [float(np.float32(0.1))]


@pytest.mark.parametrize(
    ("value", "dtype", "error", "message"),
    [
        ("12", None, TypeError, "asarray: str has elements of dtype <U2: expected numbers"),
        (["1"], "float32", TypeError, "no tensor has dtype <U1"),
        (None, None, TypeError, "asarray: NoneType has elements of dtype object"),
        ([1, None], None, TypeError, "asarray: list has elements of dtype object"),
        ([2**70], None, TypeError, "asarray: list has elements of dtype object"),
        ({1: 2}, None, TypeError, "asarray: dict has elements of dtype object"),
        (b"abc", None, TypeError, "asarray: bytes has elements of dtype"),
        ([[1, 2], [3]], None, ValueError, "asarray: .*inhomogeneous"),
        (2**63, None, OverflowError, "9223372036854775808 is out of the range of int64"),
        (300, "uint8", OverflowError, "300 is out of the range of uint8: 0 to 255"),
        (-1, "uint64", OverflowError, "-1 is out of the range of uint64"),
        ([300], "int8", OverflowError, "300 out of bounds for int8"),
        ([1, -1], "uint16", OverflowError, "^asarray: .*-1 out of bounds for uint16"),
        (range(254, 257), "uint8", OverflowError, "256 out of bounds for uint8"),
        (collections.deque([300]), "int8", OverflowError, "300 out of bounds for int8"),
        ([2**64], "uint64", OverflowError, "^asarray: "),
        (math.nan, "int32", ValueError, "NaN to integer"),
        ([1], "float16", TypeError, "no tensor has dtype 'float16': expected one of bool, int8"),
        ([1j], "float32", TypeError, "complex128 elements do not become float32"),
        ([1], "no dtype", TypeError, "not a dtype: 'no dtype'"),
        ([1], "=,", TypeError, "not a dtype: '=,'"),  # which NumPy reads as Python
        (np.zeros(2, "datetime64[s]"), None, TypeError, r"dtype datetime64\[s\]"),
        (np.zeros(2, "float16"), None, TypeError, "no tensor has dtype float16"),
        (np.zeros(2, "i4,f4"), None, TypeError, "elements of dtype"),
        (np.zeros((1,) * 17), None, ValueError, "17 axes: a tensor has at most 16"),
    ],
)
def test_asarray_refuses(value, dtype, error, message):
    with pytest.raises(error, match=message):
        pt.asarray(value, dtype=dtype)


def test_asarray_of_hostile_sequences():
    nested = []
    nested.append(nested)
    with pytest.raises((ValueError, TypeError), match=r"^asarray: .*(dimension|object)"):
        pt.asarray(nested)

    class Shrinking(list):
        def __len__(self):
            self.clear()
            return 3

    class Endless:
        def __array__(self, dtype=None, copy=None):
            return pt.asarray(self)

    class Growing(list):
        def __iter__(self):
            return iter([1] * 1000)

    with pytest.raises(RecursionError):
        pt.asarray(Endless())
    with pytest.raises(IndexError):
        pt.asarray(Shrinking([1.0, 2.0, 3.0]))
    with pytest.raises(ValueError, match="has 1000 axes: at most 16"):
        pt.zeros(Growing([1, 2]))


# --------------------------------------------------------------------------------- creation


def test_creation():
    assert (pt.zeros((2, 3)).dtype, pt.zeros((2, 3)).tolist()) == (pt.float32, [[0.0] * 3] * 2)
    assert pt.ones(2, dtype="int8").tolist() == [1, 1]
    assert pt.full((), 7).item() == 7 and pt.full((), 7).dtype == pt.int64
    assert pt.full((2,), True).dtype == pt.bool
    assert pt.empty((0, 3)).shape == (0, 3)
    assert pt.zeros(()).shape == () and pt.zeros([2, 1]).shape == (2, 1)
    x = pt.asarray([[1, 2]], dtype="int16")
    for like in (pt.zeros_like, pt.ones_like, pt.empty_like):
        assert (like(x).shape, like(x).dtype) == ((1, 2), pt.int16)
    assert pt.full_like(x, 5, dtype=float).dtype == pt.float32
    for n, m, k in ((3, 4, 1), (3, None, 0), (4, 2, -1), (2, 5, 4), (2, 2, -2), (2, 2, 9)):
        np.testing.assert_array_equal(pt.eye(n, m, k=k), np.eye(n, m, k))
    assert pt.eye(2, k=2**70).tolist() == pt.eye(2, k=-(2**70)).tolist() == [[0, 0], [0, 0]]
    assert pt.eye(2).dtype == pt.eye(2, dtype=float).dtype == pt.float32
    assert pt.eye(2, dtype="bool").tolist() == [[True, False], [False, True]]
    np.testing.assert_allclose(pt.linspace(0, 1, 5), np.linspace(0, 1, 5))
    assert pt.linspace(0, 1, 0).shape == (0,)
    assert pt.arange(3, -1, -1, dtype="uint8").tolist() == [3, 2, 1, 0]
    top = 2**64 - 1  # whose neighbours float64 does not tell apart
    assert pt.arange(top - 2, top, dtype="uint64").tolist() == [top - 2, top - 1]
    half = 2**63
    assert pt.arange(half, half - 2, -1, dtype="uint64").tolist() == [half, half - 1]
    assert pt.arange(0, 2 * half, half // 2, dtype="float64").tolist() == [
        k * half / 2 for k in range(4)
    ]
    for dtype in KINDS["i"]:  # rounded down, as NumPy's
        np.testing.assert_array_equal(pt.linspace(-2.5, 2.5, 4, dtype=dtype), [-3, -1, 0, 2])


@pytest.mark.parametrize("arguments", [(5,), (2, 9, 3), (5, -5, -2), (0, 1, 0.25), (3, 3)])
def test_arange(arguments):
    t = pt.arange(*arguments)
    np.testing.assert_allclose(t, np.arange(*arguments))
    assert t.dtype == (pt.float32 if 0.25 in arguments else pt.int64)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: pt.zeros((2, -1)), ValueError, r"shape \(2, -1\): axis 1 is negative"),
        (
            lambda: pt.empty((2**40, 2**40)),
            ValueError,
            r"shape \(1099511627776, 1099511627776\) has"
            " more elements than memory has addresses",
        ),
        (lambda: pt.zeros((2**62,), dtype="float64"), ValueError, "more elements than memory"),
        (lambda: pt.zeros((0, 2**40, 2**40)), ValueError, "more elements than memory"),
        (lambda: pt.zeros((2**70,)), ValueError, "axis 0 is out of range"),
        (lambda: pt.zeros((1,) * 17), ValueError, "has 17 axes: at most 16"),
        (lambda: pt.zeros(2.0), TypeError, r"shape \(2.0,\): expected integers, found 2.0"),
        (lambda: pt.zeros("ab"), TypeError, "expected integers, found 'a'"),
        (lambda: pt.zeros((2, None)), TypeError, "expected integers, found None"),
        (lambda: pt.full((2,), [1, 2]), ValueError, r"full: the fill value has shape \(2,\)"),
        (lambda: pt.full((2,), 256, dtype="uint8"), OverflowError, "256 is out of the range"),
        (lambda: pt.arange(0, 5, 0), ValueError, "arange: step is 0"),
        (lambda: pt.arange(None), TypeError, "^arange: stop: found None: expected a number"),
        (lambda: pt.arange("a", 3), TypeError, "^arange: start: found 'a': expected a number"),
        (lambda: pt.arange(0, float("inf")), ValueError, "^arange: from 0 to inf by 1: expected"),
        (lambda: pt.arange(0, float("nan")), ValueError, "^arange: from 0 to nan by 1: expected"),
        (lambda: pt.arange(1e30), ValueError, r"^arange: from 0 to 1e\+30 by 1: expected not more"),
        (lambda: pt.arange(2**70), ValueError, "^arange: from 0 to 1180591620717411303424 by 1"),
        (lambda: pt.linspace(0, 1, -1), ValueError, "^linspace: num: found -1: expected at lea"),
        (lambda: pt.linspace(0, 1, 2.5), TypeError, "^linspace: num: found 2.5: expected an int"),
        (lambda: pt.linspace(0, 1, 2**62), ValueError, "^linspace: num: found 4611686018427387904"),
        (
            lambda: pt.arange(-3, 3, dtype="uint8"),
            OverflowError,
            "^arange: -3 is out of the range of uint8: 0 to 255",
        ),
        (lambda: pt.arange(3, -2, -1, dtype="uint16"), OverflowError, "^arange: -1 is out of"),
        (lambda: pt.arange(2**63, 2**63 + 2), OverflowError, "^arange: 9223372036854775808 is out"),
        (lambda: pt.arange(0.0, 300.0, dtype="int8"), OverflowError, "^arange: 299.0 is out of"),
        (lambda: pt.linspace(0, 300, 4, dtype="int8"), OverflowError, "^linspace: 300.0 is out of"),
        (lambda: pt.linspace(-0.5, 3, 4, dtype="uint8"), OverflowError, "^linspace: -1.0 is out"),
        (lambda: pt.linspace("a", 1, 3), TypeError, "^linspace: start: found 'a': expected a num"),
        (lambda: pt.eye(2**40), ValueError, r"^eye: shape \(1099511627776, 1099511627776\) has mo"),
        (lambda: pt.eye(2.5), TypeError, "^eye: n_rows: found 2.5: expected an integer"),
        (lambda: pt.eye(2, -1), ValueError, "^eye: n_columns: found -1: expected at least 0"),
        (lambda: pt.eye(2, k="a"), TypeError, "^eye: k: found 'a': expected an integer"),
        (lambda: pt.eye(2, dtype="foo"), TypeError, "^eye: not a dtype: 'foo'"),
        (
            lambda: pt.Tensor([1]),
            TypeError,
            "Tensor has no constructor: make tensors with pt.asarray",
        ),
    ],
)
def test_creation_refuses(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_memory_error_names_shape_and_bytes():
    with pytest.raises(MemoryError, match=r"shape \(4611686018427387904,\) .*int8"):
        pt.empty(2**62, dtype="int8")


def test_new_alone_gives_a_harmless_tensor():
    t = pt.Tensor.__new__(pt.Tensor)
    assert (t.shape, t.item()) == ((), 0.0)
    with pytest.raises(ValueError, match="read-only"):
        t[...] = 1


# ------------------------------------------------------------------------------ shared memory


@pytest.mark.parametrize("dtype", DTYPES)
def test_ndarray_and_tensor_share_memory_both_ways(dtype):
    a = np.arange(24).astype(dtype).reshape(2, 3, 4)
    for view in (a, a.T, a[::-1, 1:, ::2], a[0, 0, 0], np.broadcast_to(a[0], (5, 3, 4))):
        view = np.asarray(view)
        t = pt.asarray(view)
        assert (t.shape, t.strides, t.dtype) == (view.shape, view.strides, view.dtype)
        assert np.array_equal(t.tolist(), view.tolist())
    t, b = pt.asarray(a), np.asarray(pt.asarray(a))
    assert same_memory(a, t) and same_memory(a, b)
    a[0, 0, 0] = 1 - a[0, 0, 0]
    assert t[0, 0, 0].item() == a[0, 0, 0]
    t[1, 2, 3] = 1 - int(a[1, 2, 3] != 0)
    assert a[1, 2, 3] == t[1, 2, 3].item()
    zero_d = pt.full((), 1, dtype=dtype)
    np.asarray(zero_d)[...] = 0
    assert zero_d.item() == 0


@pytest.mark.parametrize("layout", LAYOUTS)
def test_views_reach_numpy_as_they_are(layout, rng):
    a = rng.standard_normal((3, 4, 5))
    t = LAYOUTS[layout](a)
    b = np.asarray(t)
    assert (b.shape, b.strides) == (t.shape, t.strides)
    np.testing.assert_array_equal(b, a)
    np.testing.assert_array_equal(memoryview(t).tolist(), a)
    assert t.numpy().base is not None and not b.flags.owndata


def test_memory_outlives_its_first_owner():
    t = pt.asarray(np.arange(1000) * 3)[10:20]
    b = np.asarray(pt.arange(1000))[5:]
    gc.collect()
    _ = [pt.zeros(1000, dtype="int64") for _ in range(8)]
    assert t.tolist() == list(range(30, 60, 3)) and b[0] == 5


def test_copies_when_asked_and_only_then():
    a = np.arange(4.0)
    t = pt.asarray(a)
    assert pt.asarray(t) is t and pt.asarray(t, dtype="float64") is t
    for other in (
        pt.asarray(a, copy=True),
        pt.array(a),
        pt.array(t),
        t.copy(),
        copy.copy(t),
        copy.deepcopy(t),
        np.array(t),
        t.astype("float64"),
        t.__array__(copy=True),
    ):
        assert not same_memory(other, a)
        np.testing.assert_array_equal(other, a)
    assert pt.asarray(a, copy=False).strides == (8,) and same_memory(pt.asarray(a, copy=False), a)
    assert t.astype("float64", copy=False) is t
    for source, dtype in (
        ([1.0], None),
        (a, "float32"),
        (1.0, "float32"),
        (a[::-1].astype(">f8"), None),
    ):
        with pytest.raises(ValueError, match=r"^asarray: .*copy=False"):
            pt.asarray(source, dtype=dtype, copy=False)
    with pytest.raises(ValueError, match="no float32 array of a float64 tensor without a copy"):
        t.__array__("float32", copy=False)
    assert np.asarray(t, "float32").dtype == np.float32


def test_read_only_memory_stays_read_only():
    a = np.arange(3.0)
    a.flags.writeable = False
    for t in (pt.asarray(a), pt.asarray(memoryview(bytes(8)).cast("d")), pt.asarray(a)[1:]):
        with pytest.raises(ValueError, match="read-only"):
            t[0] = 1
        with pytest.raises(ValueError, match="read-only"):
            t += 1
        with pytest.raises(ValueError, match="read-only"):
            t.fill(2)
        assert not np.asarray(t).flags.writeable
    assert a.tolist() == [0, 1, 2]
    w = pt.zeros(3, dtype="float64")
    state = {id(w): (w, (pt.asarray(a),))}
    with pytest.raises(ValueError, match="rmsprop_step: the tensor is read-only"):
        _core.update_weights("rmsprop", [w], [w.copy()], state, (0.1, 0.9, 0.1, 1e-7))


BUFFERS = {
    "bytearray": (bytearray(b"\x01\x02\x03"), "uint8"),
    "array": (array.array("h", [1, 2, 3]), "int16"),
    "array of long": (array.array("l", [1, 2, 3]), "int64"),
    "ctypes": ((ctypes.c_float * 3)(1, 2, 3), "float32"),
    "ctypes matrix": (((ctypes.c_int * 2) * 3)((1, 2), (3, 4), (5, 6)), "int32"),
    "cast memoryview": (
        memoryview(bytearray(struct.pack("6d", *range(6)))).cast("d", (2, 3)),
        "float64",
    ),
    "strided memoryview": (memoryview(bytearray(range(6)))[::-2], "uint8"),
    "memoryview of bool": (memoryview(bytearray(b"\x00\x01")).cast("?"), "bool"),
}


@pytest.mark.parametrize("name", BUFFERS)
def test_buffers_are_shared(name):
    buffer, dtype = BUFFERS[name]
    t = pt.asarray(buffer)
    assert t.dtype == dtype
    before = np.array(buffer)
    np.testing.assert_array_equal(t, before)
    t[0] = t[-1].tolist() if t.ndim == 1 else 0
    np.testing.assert_array_equal(buffer, t)
    assert t.tolist() != before.tolist()


def test_buffers_that_cannot_be_shared_are_copied_or_refused():
    swapped = np.arange(5, dtype=">i4")
    assert (pt.asarray(swapped).dtype, pt.asarray(swapped).tolist()) == (pt.int32, [0, 1, 2, 3, 4])
    raw = np.zeros(41, "u1")
    unaligned = raw[1:].view("f8")
    unaligned[:] = [1, 2, 3, 4, 5]
    assert pt.asarray(unaligned).tolist() == [1, 2, 3, 4, 5]
    fields = np.zeros(3, [("a", "i1"), ("b", "f8")])
    fields["b"] = [1, 2, 3]
    assert pt.asarray(fields["b"]).tolist() == [1, 2, 3]  # strides of 9 bytes
    assert pt.asarray(np.arange(3, dtype=np.longlong)).dtype == pt.int64
    for refused in (memoryview(b"abc").cast("c"), (ctypes.c_char * 3)(), np.zeros(3, "V2")):
        with pytest.raises(TypeError, match=r"^asarray: .* has elements of dtype"):
            pt.asarray(refused)
    assert pt.asarray(np.empty((0, 3), "f4")).shape == (0, 3)
    assert pt.asarray(bytearray()).shape == (0,)


def test_pinned_buffer_is_released_with_the_tensor():
    data = bytearray(8)
    t = pt.asarray(data)[2:]
    with pytest.raises(BufferError, match="exports"):
        data.append(1)
    del t
    data.append(1)
    assert len(data) == 9


def request(t, flags):
    """Ask for t's buffer as a C extension does, and give it back."""
    view = (ctypes.c_byte * 256)()
    if ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(t), view, flags) == 0:
        ctypes.pythonapi.PyBuffer_Release(view)
        return True
    return False


def test_buffer_requests():
    simple, nd, strides, c_order, fortran, any_order = 0, 0x8, 0x18, 0x38, 0x58, 0x98
    matrix = pt.zeros((2, 3))
    for t, flags in (
        (matrix, simple),
        (matrix, nd),
        (matrix, c_order),
        (matrix.T, fortran),
        (matrix.T, any_order),
        (matrix[:, ::2], strides),
        (matrix[0], fortran),
    ):
        assert request(t, flags)
    for t, flags in (
        (matrix.T, simple),
        (matrix.T, nd),
        (matrix.T, c_order),
        (matrix, fortran),
        (matrix[:, ::2], any_order),
    ):
        with pytest.raises(BufferError, match="not contiguous in the order"):
            request(t, flags)


def test_consumers_of_contiguous_bytes():
    matrix = pt.asarray([[1, 2], [3, 4]], dtype="uint8")
    assert bytes(matrix) == b"\x01\x02\x03\x04"
    assert bytearray(b"x").join([matrix[0], matrix[1]]) == b"\x01\x02x\x03\x04"
    with pytest.raises(BufferError, match="not contiguous"):
        struct.unpack_from("4B", matrix.T)
    with pytest.raises(TypeError, match="not writable"):
        (ctypes.c_uint8 * 4).from_buffer(pt.broadcast_to(matrix, (2, 2)))


def test_tensors_of_arrays_of_tensors_do_not_pile_up():
    """A long chain of conversions must not end in a deep recursion when it is freed."""
    code = """
        import numpy as np, pytensor as pt
        t = pt.arange(5)
        for _ in range(200_000):
            t = pt.asarray(np.asarray(t))
        t[1] = 7
        del t
        print("alive")
    """
    assert output_of(code) == "alive"


def test_pickle(rng):
    for t in (pt.asarray(rng.standard_normal((3, 4))), pt.arange(6)[::-2], pt.asarray(2.5)):
        other = pickle.loads(pickle.dumps(t))
        assert (other.dtype, other.tolist()) == (t.dtype, t.tolist())
        other[...] = 1


# -------------------------------------------------------------------------------- attributes


def test_attributes():
    t = pt.zeros((2, 3, 4), dtype="int16")
    assert (t.shape, t.ndim, t.size, t.itemsize, t.nbytes) == ((2, 3, 4), 3, 24, 2, 48)
    assert (t.strides, t.dtype, t.device) == ((24, 8, 2), np.int16, "cpu")
    assert (t.T.shape, t.mT.shape) == ((4, 3, 2), (2, 4, 3))
    assert len(t) == 2 and [x.shape for x in t] == [(3, 4)] * 2
    with pytest.raises(ValueError, match=r"mT: a tensor of shape \(3,\): expected at least two"):
        _ = pt.zeros(3).mT
    for f, message in ((len, "has no length"), (iter, "can't be iterated")):
        with pytest.raises(TypeError, match=message):
            f(pt.zeros(()))


def test_repr():
    assert repr(pt.asarray([1, 2])) == "Tensor([1, 2], dtype=int64)"
    assert repr(pt.asarray(2.5)) == "Tensor(2.5, dtype=float32)"
    assert repr(pt.asarray([[True], [False]])) == "Tensor([[ True],\n        [False]], dtype=bool)"
    assert repr(pt.zeros((0, 2))) == "Tensor([], shape=(0, 2), dtype=float32)"
    assert "shape=(2000,)" in repr(pt.zeros(2000)) and len(repr(pt.zeros(2000))) < 200
    assert str(pt.asarray([1, 2])) == "[1 2]"
    assert f"{pt.asarray(2.5):.2f} {pt.asarray([1])}" == "2.50 [1]"


def test_python_numbers():
    assert (int(pt.asarray([3.7])), float(pt.asarray(2)), complex(pt.asarray(1.5))) == (3, 2.0, 1.5)
    assert [10, 20, 30][pt.asarray(1)] == 20
    assert bool(pt.asarray([1])) and not bool(pt.asarray(0.0))
    assert 2 in pt.asarray([1, 2]) and 3 not in pt.asarray([1, 2])
    for f, error, message in (
        (bool, ValueError, r"the truth of a tensor of shape \(2,\) is ambiguous"),
        (float, ValueError, r"float: a tensor of shape \(2,\): expected a single element"),
        (lambda t: t.item(), ValueError, "item: a tensor of shape"),
        (operator.index, TypeError, r"shape \(2,\) and dtype int64 as an index"),
        (hash, TypeError, "unhashable"),
    ):
        with pytest.raises(error, match=message):
            f(pt.asarray([1, 2]))
    with pytest.raises(TypeError, match="dtype float32 as an index"):
        operator.index(pt.asarray(1.0))


# --------------------------------------------------------------------------------- operators


def operands(name, dtype):
    a = np.array([[5, 3, 7], [1, 2, 6]]).astype(dtype)
    b = np.array([2, 3, 1]).astype(dtype)
    return a, b


def allowed(name, dtype):
    if name in (*COMPARISONS, "add", "mul", "truediv"):
        return True
    if name in ("and_", "or_", "xor"):
        return not dtype.startswith("f")
    if name in ("lshift", "rshift"):
        return dtype != "bool" and not dtype.startswith("f")
    return dtype != "bool"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BINARY)
def test_binary_operators(name, dtype):
    op = getattr(operator, name)
    a, b = operands(name, dtype)
    x, y = pt.asarray(a), pt.asarray(b)
    if not allowed(name, dtype):
        with pytest.raises(TypeError, match=f"no rule for dtype {dtype}"):
            op(x, y)
        return
    expected = op(a, b)
    if name == "truediv" and not dtype.startswith("f"):
        expected = a.astype("f4") / b.astype("f4")
    if name == "pow" and dtype.startswith("int"):
        expected = np.power(a, b)
    scalar = b[1]
    for result in (op(x, y), op(x, b), op(a, y)):
        assert isinstance(result, pt.Tensor)
        assert result.dtype == expected.dtype
        np.testing.assert_allclose(result, expected, rtol=1e-6)
    left, right = op(scalar, y), op(x, scalar)
    assert isinstance(left, pt.Tensor) and isinstance(right, pt.Tensor)
    np.testing.assert_allclose(left, op(pt.asarray(scalar), y), rtol=1e-6)
    assert left.dtype == right.dtype == expected.dtype
    np.testing.assert_allclose(op(x, scalar.item()), op(x, pt.asarray(scalar)), rtol=1e-6)
    np.testing.assert_allclose(op(scalar.item(), y), left, rtol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [n for n in BINARY if n not in COMPARISONS])
def test_in_place_operators(name, dtype):
    op = getattr(operator, "i" + name.rstrip("_"))
    a, b = operands(name, dtype)
    x = before = pt.asarray(a.copy())
    y = pt.asarray(b)
    if not allowed(name, dtype) or (name == "truediv" and not dtype.startswith("f")):
        with pytest.raises(TypeError, match=f"no rule for dtype {dtype}|does not go into"):
            op(x, y)
        np.testing.assert_array_equal(x, a)
        return
    expected = getattr(operator, name)(pt.asarray(a), y)
    view = x[1:]
    x = op(x, y)
    assert x is before
    np.testing.assert_array_equal(x, expected)
    np.testing.assert_array_equal(view, expected[1:])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", UNARY)
def test_unary_operators(name, dtype):
    a, _ = operands(name, dtype)
    allow = {"invert": "biu"}.get(name, "iuf")
    if np.dtype(dtype).kind not in allow:
        with pytest.raises(TypeError, match=f"no rule for dtype {dtype}"):
            getattr(operator, name)(pt.asarray(a))
        return
    result = getattr(operator, name)(pt.asarray(a))
    np.testing.assert_array_equal(result, getattr(operator, name)(a))
    assert result.dtype == dtype and not same_memory(result, a)


def test_power_of_two_is_a_power_like_others():
    assert (pt.asarray([True, False]) ** 2).tolist() == [1, 0]
    assert (pt.asarray([3, -4]) ** 2).tolist() == [9, 16]
    assert (pt.asarray([3, 4]) ** pt.asarray([2, 2])).tolist() == [9, 16]
    with pytest.raises(TypeError, match="unsupported operand"):
        pow(pt.asarray(2), 2, 3)


def test_foreign_operands():
    t = pt.asarray([1.0, 2.0])
    for other in ([1, 2], "a", None, {}):
        with pytest.raises(TypeError, match="unsupported operand"):
            t + other
        with pytest.raises(TypeError, match="unsupported operand"):
            other - t
    assert (t == None) is False and (t != "a") is True  # noqa: E711

    class Other:
        def __radd__(self, left):
            return "radd"

        def __eq__(self, other):
            return "eq"

    assert t + Other() == "radd" and (t == Other()) == "eq"


@pytest.mark.parametrize(
    ("name", "left", "right", "result"),
    [  # the dtype of the tensor on the left, the other operand, the dtype that does not go into it
        ("iadd", "int32", 1.5, "float32"),
        ("iadd", "bool", 1, "int64"),
        ("itruediv", "int64", 2, "float32"),
        ("iadd", "uint8", np.int8(1), "int16"),
        ("iadd", "int8", np.float64(1), "float64"),
        ("imul", "uint16", np.int64(1), "int64"),
    ],
)
def test_in_place_never_changes_the_kind(name, left, right, result):
    x = pt.ones(3, dtype=left)
    with pytest.raises(TypeError, match=f"dtype {result}, which does not go into .* of {left}"):
        getattr(operator, name)(x, pt.asarray(right) if isinstance(right, np.generic) else right)
    assert x.tolist() == [1, 1, 1]


@pytest.mark.parametrize("name", ["add", "floor_divide", "remainder", "maximum", "minimum", "pow"])
@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("int8", "int64"),
        ("uint8", "uint32"),
        ("float32", "float64"),
        ("int64", "int8"),
        ("float64", "int32"),
        ("int16", "uint8"),
    ],
)
def test_results_go_into_another_size_as_in_numpy(name, left, right):
    a, b = np.array([100, 7, 50, 3], left), np.array([300, 2, 120, 5]).astype(right)
    np_name = {"pow": "power"}.get(name, name)
    expected = a.copy()
    with np.errstate(all="ignore"):
        getattr(np, np_name)(a, b, out=expected, casting="same_kind")
    x = pt.asarray(a.copy())
    getattr(pt, name)(x, pt.asarray(b), out=x)
    np.testing.assert_array_equal(x, expected)


# --------------------------------------------------------------------------------- promotion


def promoted(a, b):
    """The Array API's table, with the documented difference: a float dtype wins as it is."""
    if a[:4] in ("int3", "int6", "int8", "int1", "uint", "bool") and b.startswith("float"):
        return b
    if b[:4] in ("int3", "int6", "int8", "int1", "uint", "bool") and a.startswith("float"):
        return a
    result = np.promote_types(a, b).name
    return None if result.startswith("float") and "int" in a else result


@pytest.mark.parametrize(("a", "b"), list(itertools.product(DTYPES, DTYPES)))
def test_promotion_table(a, b):
    x, y = pt.ones(2, dtype=a), pt.ones(2, dtype=b)
    expected = promoted(a, b)
    if expected is None:
        for f in (
            lambda: x + y,
            lambda: pt.concat([x, y]),
            lambda: pt.result_type(x, y),
            lambda: pt.matmul(x, y),
            lambda: x == y,
        ):
            with pytest.raises(TypeError, match=f"no integer dtype holds both {a} and {b}"):
                f()
        return
    assert (x + y).dtype == (y + x).dtype == pt.result_type(a, b) == expected
    assert pt.concat([x, y]).dtype == (x @ y).dtype == expected
    assert (x == y).dtype == pt.bool
    assert pt.where(x == x, x, y).dtype == expected


@pytest.mark.parametrize("dtype", DTYPES)
def test_python_scalars_are_weak(dtype):
    x = pt.ones(2, dtype=dtype)
    is_float = dtype.startswith("float")
    assert (x + True).dtype == dtype
    assert (x + 2).dtype == (2 * x).dtype == ("int64" if dtype == "bool" else dtype)
    assert (x + 2.5).dtype == (dtype if is_float else "float32")
    assert (
        (x / 2).dtype == pt.exp(x).dtype == pt.mean(x).dtype == (dtype if is_float else "float32")
    )
    assert pt.result_type(x, 1.5) == (x * 1.5).dtype
    # NumPy's scalars are not
    assert (pt.ones(2) + np.float64(1)).dtype == "float64"


@pytest.mark.parametrize("dtype", KINDS["i"] + KINDS["u"])
def test_integers_out_of_range_are_refused(dtype):
    x = pt.ones(2, dtype=dtype)
    info = np.iinfo(dtype)
    assert (x * info.max).tolist() == [info.max] * 2
    x[0] = info.min
    assert x[0].item() == info.min
    for f in (
        lambda: x + (info.max + 1),
        lambda: x.fill(info.max + 1),
        lambda: operator.setitem(x, 0, info.min - 1),
        lambda: (info.min - 1) * x,
        lambda: operator.setitem(x, pt.asarray([True, False]), info.max + 1),
    ):
        with pytest.raises(OverflowError, match=f"out of the range of {dtype}: {info.min} to"):
            f()


@pytest.mark.parametrize(("source", "target"), list(itertools.product(DTYPES, DTYPES)))
def test_astype(source, target):
    a = np.array([[0, 1, 2, 100, 3]] * 7).astype(source)
    for array_ in (a, a.T, a[:, ::-1], np.tile(a, (3, 200))):
        result = pt.asarray(array_).astype(target)
        assert result.dtype == target
        np.testing.assert_array_equal(result, array_.astype(target))
    if source == "float64" and target == "float32":
        assert pt.asarray([1e300, -1e300], dtype=source).astype(target).tolist() == [
            math.inf,
            -math.inf,
        ]


MATRIX = np.array([[1.26, -2.5, 3.5], [0.5, 7, -1]])


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "bool"])
@pytest.mark.parametrize(
    "call",
    [
        np.sum,
        np.prod,
        np.max,
        np.min,
        np.any,
        np.all,
        np.mean,
        np.std,
        np.var,
        np.argmax,
        np.argmin,
        np.cumsum,
        np.cumprod,
        np.argsort,
        np.squeeze,
        np.transpose,
        np.exp,
        np.isnan,
        np.arctan,
        lambda x: np.sum(x, axis=1, keepdims=True),
        lambda x: np.max(x, axis=0),
        lambda x: np.mean(x, axis=-1, dtype="float64"),
        lambda x: np.std(x, axis=0, ddof=1),
        lambda x: np.var(x, axis=(0, 1), correction=1, keepdims=True),
        lambda x: np.any(x, axis=1),
        lambda x: np.argmax(x, axis=1, keepdims=True),
        lambda x: np.sum(x, dtype="float64"),
        lambda x: np.cumsum(x, axis=1),
        lambda x: np.cumprod(x, axis=0, dtype="float64"),
        lambda x: np.transpose(x, (1, 0)),
        lambda x: np.reshape(x, (3, 2)),
        lambda x: np.reshape(x, -1),
        lambda x: np.reshape(x, (3, -1), order="F"),
        lambda x: np.squeeze(x[None], axis=0),
        lambda x: np.add(x, 1),
        lambda x: np.add(2.5, x),
        lambda x: np.logical_and(x, x > 0),
        np.add.reduce,
        lambda x: np.add.outer(x, [1, 2]),
        lambda x: np.matmul(x, x.T),
        lambda x: np.ones((2, 3)) * x,
        lambda x: np.float64(3) * x,
        lambda x: np.greater(MATRIX, x),
        lambda x: MATRIX @ x.T,
    ],
)
def test_numpys_functions_of_tensors(call, dtype):
    """Where NumPy hands a call over, by a method or as a ufunc, the result is our tensor."""
    array = MATRIX.astype(dtype)
    found, expected = call(pt.asarray(array)), call(array)
    assert type(found) is pt.Tensor
    assert found.shape == np.shape(expected)
    rtol = {"float64": 1e-12, "bool": 2e-3}.get(dtype, 1e-5)  # NumPy's exp(bool) is float16
    np.testing.assert_allclose(
        np.asarray(found, dtype=np.float64), np.asarray(expected, dtype=np.float64), rtol=rtol
    )


@pytest.mark.parametrize("dtype", ["float32", "int16"])
@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.clip(x, 0, 2),
        lambda x: np.clip(x, None, 1),
        np.round,
        np.abs,
        np.sign,
        lambda x: np.round(x, 1),
        lambda x: np.around(x, -1),
        lambda x: x.clip(min=1),
        lambda x: x.clip(-1, 1),
        lambda x: x.round(1),
        lambda x: x.std(0, ddof=1),
        lambda x: x.var(1),
        lambda x: x.cumsum(),
        lambda x: x.cumsum(axis=-1),
        lambda x: x.cumprod(0),
        lambda x: x[None].squeeze(),
        lambda x: x.argsort(0),
        lambda x: np.power(x, 2),
        np.cbrt,
        lambda x: np.divmod(x, 2)[1],
    ],
)
def test_numpys_methods(call, dtype):
    array = MATRIX.astype(dtype)
    found, expected = call(pt.asarray(array)), call(array)
    assert type(found) is pt.Tensor
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_sort_gives_a_copy():
    t = pt.asarray(MATRIX)
    np.testing.assert_array_equal(t.sort(), np.sort(MATRIX))
    np.testing.assert_array_equal(t.sort(0, descending=True), np.sort(MATRIX, axis=0)[::-1])
    np.testing.assert_array_equal(t, MATRIX)
    with pytest.raises(ValueError, match=r"^argsort: order: found 'a': expected None"):
        t.argsort(order="a")


@pytest.mark.parametrize(
    "call",
    [
        lambda x, out: np.add(x, 1, out=out),
        lambda x, out: np.cbrt(x, out=out),
        lambda x, out: np.exp(np.asarray(x), out=out),
        lambda x, out: np.round(x, 1, out=out),
        lambda x, out: np.clip(x, 0, 1, out=out),
        lambda x, out: np.cumsum(x[0], out=out[0]),
        lambda x, out: np.sum(x, axis=0, keepdims=True, out=out[:1]),
        lambda x, out: np.std(x, axis=1, out=out[:, 0]),
        lambda x, out: x.mean(out=out[0, 0, ...]),
        lambda x, out: np.sqrt(x, where=np.asarray(x) > 0, out=out),
    ],
)
def test_out(call):
    """It may be a tensor or an ndarray, is returned, and keeps its dtype."""
    expected = np.full((2, 3), 9, dtype="float64")
    call(MATRIX, expected)
    for out in (pt.full((2, 3), 9.0, dtype="float64"), np.full((2, 3), 9.0)):
        found = call(pt.asarray(MATRIX), out)
        assert type(found) is type(out) and np.shares_memory(found, out)
        np.testing.assert_allclose(out, expected, rtol=1e-14)


def test_out_is_checked():
    t = pt.asarray(MATRIX)
    with pytest.raises(ValueError, match=r"^out has shape \(3,\): the result has shape \(2, 3\)"):
        np.add(t, 1, out=pt.zeros(3))
    with pytest.raises(TypeError, match="float64 elements do not go into a tensor of int8"):
        t.sum(out=pt.zeros((), dtype="int8"))
    with pytest.raises(TypeError, match=r"^out is a list: expected a Tensor or an ndarray"):
        t.sum(axis=0, out=[1, 2, 3])
    with pytest.raises(ValueError, match="read-only"):
        np.add(t, 1, out=pt.broadcast_to(pt.zeros(3), (2, 3)))
    with pytest.raises(TypeError, match="Cannot cast"):
        np.add(t, 1, out=np.zeros((2, 3), "int8"))


def test_in_place_of_shared_memory():
    """Operands that are the same, or overlap, or stand in the way of a tape."""
    x = pt.arange(6.0)
    x += x
    np.testing.assert_array_equal(x, 2 * np.arange(6.0))
    x[1:] += x[:-1]
    np.testing.assert_array_equal(x, [0, 2, 6, 10, 14, 18])
    row = pt.arange(3.0)
    view = row.reshape(1, 3)
    row += view[0]
    np.testing.assert_array_equal(view, [[0, 2, 4]])
    with pt.GradientTape() as tape:
        tape.watch(row)
        square = row * row
    row += row
    with pytest.raises(RuntimeError):
        tape.gradient(square, row)


def test_ndarrays_in_place():
    a = same = np.ones(2)
    a += pt.asarray([1.0, 2.0])
    assert a is same and a.tolist() == [2, 3]
    np.add.at(pt.asarray(a), [0, 0], 1)
    assert a.tolist() == [4, 3]


def test_ufuncs_have_gradients_or_say_that_they_have_none():
    x = pt.asarray([0.0, 1.0, 2.0])
    slope = pt.grad(lambda x: np.sum(np.exp(x) * np.arange(3.0)))(x)
    np.testing.assert_allclose(slope, np.exp(x) * np.arange(3), rtol=1e-6)
    with pytest.raises(RuntimeError, match="use functions of pytensor"):
        pt.grad(lambda x: pt.sum(np.cbrt(x)))(x)
    with pt.GradientTape() as tape, pytest.raises(RuntimeError, match="no gradient"):
        tape.watch(x)
        np.add(1, 2, out=x[0, ...])


def test_who_brings_ufuncs_of_its_own_is_asked():
    class Unit:
        def __array_ufunc__(self, ufunc, method, *inputs, **keywords):
            return "asked"

    assert np.multiply(pt.ones(2), Unit()) == "asked"
    assert np.multiply(Unit(), pt.ones(2)) == "asked"


@pytest.mark.parametrize("dtype", KINDS["i"] + KINDS["u"])
@pytest.mark.parametrize("decimals", [-1, -2, 0, 1])
def test_round_integers(dtype, decimals):
    """Exactly, the even one of two as near, as Python's do."""
    info = np.iinfo(dtype)
    values = [
        v
        for v in (
            0,
            4,
            5,
            6,
            15,
            25,
            49,
            50,
            51,
            99,
            100,
            116,
            info.max // 2,
            info.min // 2,
            -5,
            -15,
            -25,
            -26,
            -50,
            -99,
            2**53 + 16,
            -(2**53) - 25,
        )
        if info.min + 99 <= v <= info.max - 99
    ]
    found = pt.asarray(values, dtype=dtype).round(decimals)
    assert found.dtype == dtype and found.tolist() == [round(v, decimals) for v in values]
    assert pt.round(pt.asarray(values, dtype=dtype), -30).tolist() == [0] * len(values)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
@pytest.mark.parametrize("decimals", [-2, -1, 0, 1, 2, 5])
def test_round_floats(dtype, decimals, rng):
    x = (rng.standard_normal((3, 50)) * 100).astype(dtype)
    np.testing.assert_array_equal(pt.round(pt.asarray(x), decimals), np.round(x, decimals))


def test_round_at_the_ends():
    t = pt.asarray([1e38, -math.inf, math.inf, math.nan, 1.25, -0.25])
    np.testing.assert_array_equal(round(t, 2), t)
    np.testing.assert_array_equal(round(t, 400), t)
    for decimals in (-38, -39, -400):
        found = round(t, decimals)
        expected = [1e38 if decimals == -38 else 0, -math.inf, math.inf, math.nan, 0, -0.0]
        np.testing.assert_array_equal(found, np.asarray(expected, dtype="f4"))
        assert np.signbit(np.asarray(found))[-1]
    np.testing.assert_array_equal(round(t), np.round(np.asarray(t)))
    with pytest.raises(TypeError, match=r"^round: decimals: found 1\.5: expected an integer"):
        t.round(1.5)


# --------------------------------------------------------------------- what has gone wrong once


def test_what_a_subclass_of_ndarray_calls_its_base_is_not_believed():
    class Liar(np.ndarray):
        base = property(lambda self: pt.zeros(3))

    array = np.ndarray.__new__(Liar, (1_000_000,), np.float64)
    array[...] = 1
    tensor = pt.asarray(array)
    del array
    assert tensor.sum().item() == 1_000_000


def test_an_index_that_changes_its_mind():
    class Fickle:
        def __init__(self, *values):
            self.values = list(values)

        def __index__(self):
            return self.values.pop(0) if len(self.values) > 1 else self.values[0]

    x = pt.permute_dims(pt.zeros((1, 1000)), (Fickle(0, 1), Fickle(1, 1)))
    assert x.shape == (1, 1000)


def test_booleans_of_other_bytes():
    array = np.array([[2, 1, 0], [255, 0, 1]], np.uint8).view(bool)
    truth = np.array([[True, True, False], [True, False, True]])
    for given, expected in ((array, truth), (array.T, truth.T), (array[:, ::2], truth[:, ::2])):
        x = pt.asarray(given)
        np.testing.assert_array_equal(np.asarray(x).view(np.uint8), expected)
        assert pt.sum(x).item() == expected.sum()
        np.testing.assert_array_equal(x & True, expected)
    with pytest.raises(ValueError, match="without a copy"):
        pt.asarray(array, copy=False)
    shared = pt.asarray(truth)
    truth[0, 0] = False  # of 0 and 1: shared, not copied
    assert not shared[0, 0]
    for _ in range(20):
        pt.full(1000, 255, dtype="uint8")
        assert set(np.asarray(pt.empty(1000, dtype="bool")).view(np.uint8)) <= {0, 1}


@pytest.mark.parametrize("target", ["int8", "int32", "int64", "uint8", "uint32", "uint64"])
@pytest.mark.parametrize("value", [np.nan, -np.inf, np.inf, -1e20, -1.0, 1e20])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_does_not_fit_is_the_same_everywhere(dtype, value, target):
    found = [
        np.asarray(pt.asarray(np.full(n, value, dtype)).astype(target)).tolist()
        for n in (1, 9, 101)
    ]
    assert len({element for elements in found for element in elements}) == 1


def test_a_sequence_without_end():
    class Endless(list):
        def __getitem__(self, i):
            return self

    assert pt.asarray(Endless([1.0])).tolist() == [1]


def test_a_buffer_that_contradicts_itself_is_refused():
    """Found by tools/fuzz.py: NumPy answers with a RuntimeError."""
    padded = np.zeros(2, np.dtype({"names": ["a", "b"], "formats": ["f4", "i2"], "itemsize": 8}))
    with pytest.raises(TypeError, match=r"^asarray: "):
        pt.asarray(memoryview(padded[::-1]))
    with pytest.raises(TypeError, match=r"^asarray: "):
        pt.asarray(memoryview(np.lib.stride_tricks.as_strided(padded, strides=(0,))))


class Odd:
    """An object that cannot be asked what it is."""

    @property
    def __class__(self):
        raise RuntimeError("asked for its class")


@pytest.mark.parametrize(
    "call",
    [
        lambda x, odd: x + odd,
        lambda x, odd: odd + x,
        lambda x, odd: operator.iadd(x, odd),
        lambda x, odd: x[odd],
        lambda x, odd: operator.setitem(x, odd, 1),
        lambda x, odd: pt.fuse(pt.add)(x, odd),
        lambda x, odd: pt.zeros(2, dtype=odd),
        lambda x, odd: x.astype(odd),
    ],
)
def test_errors_of_asking_for_a_class_are_passed_on(call):
    with pytest.raises(RuntimeError, match="asked for its class"):
        call(pt.ones(3), Odd())


@pytest.mark.parametrize("value", [3, "abc", np.ones(3), None, pt.GradientTape])
def test_methods_look_at_what_they_are_given_as_self(value):
    for kind in (pt.Tensor, pt.GradientTape, _core.RowGradient):
        for name, method in vars(kind).items():
            if inspect.isroutine(method) and name != "__new__":
                with pytest.raises(TypeError):
                    method(value)
    assert str(inspect.signature(pt.Tensor.sum)) == (
        "(self, /, axis=None, *, keepdims=False, dtype=None, out=None)"
    )


def test_a_format_is_a_string():
    assert f"{pt.asarray(1.5):.2f}" == pt.asarray(1.5).__format__(".2f") == "1.50"
    for wrong in (None, 3, b""):
        with pytest.raises(TypeError, match="'spec'"):
            pt.asarray(1.5).__format__(wrong)
