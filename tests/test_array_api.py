"""The namespace of the Array API standard: what it tells of itself, its special cases, interchange
with others, and the page about it.
"""

import copy
import pickle
import re
from itertools import product
from math import copysign, inf, nan, pi
from pathlib import Path

import numpy as np
import pytest

import pytensor as pt
from pytensor import linalg
from pytensor._functions import (
    creation,
    elementwise,
    indexing,
    joining,
    products,
    shapes,
    statistics,
)
from pytensor._tables.numpy_rows import COMPLEX, TABLE

pytestmark = pytest.mark.once

PAGE = Path(__file__).resolve().parents[1] / "docs" / "array-api.md"


def test_namespace():
    t = pt.ones(2)
    assert t.__array_namespace__() is pt is t.__array_namespace__(api_version="2025.12")
    with pytest.raises(ValueError, match=r"^__array_namespace__: api_version: found '2030.12'"):
        t.__array_namespace__(api_version="2030.12")
    info = pt.__array_namespace_info__()
    assert info.capabilities() == {
        "boolean indexing": True,
        "data-dependent shapes": True,
        "max dimensions": 16,
    }
    assert (info.devices(), info.default_device()) == (("cpu",), "cpu")
    assert info.default_dtypes()["real floating"] == pt.asarray(1.0).dtype == np.float32
    assert info.default_dtypes()["complex floating"] == pt.asarray(1j).dtype == np.complex64
    assert info.default_dtypes()["integral"] == pt.asarray(1).dtype == np.int64
    assert list(info.dtypes(kind=("bool", "complex floating"))) == [
        "bool",
        "complex64",
        "complex128",
    ]
    assert all(getattr(pt, name) == dtype for name, dtype in info.dtypes().items())
    assert t.to_device("cpu") is t
    for call in (
        lambda: pt.zeros(1, device="gpu"),
        lambda: t.to_device("gpu"),
        lambda: info.dtypes(device="gpu"),
        lambda: pt.from_dlpack(t, device="gpu"),
    ):
        with pytest.raises(ValueError, match=r"device: found 'gpu': expected 'cpu'"):
            call()


def test_dtype_functions():
    assert pt.isdtype(pt.int8, ("bool", "integral")) and not pt.isdtype(pt.int8, "real floating")
    assert pt.isdtype(np.float32, pt.float32)
    with pytest.raises(ValueError, match=r"^isdtype: unknown kind 'real'"):
        pt.isdtype(pt.int8, "real")
    assert pt.can_cast(pt.uint8, pt.int16) and not pt.can_cast(pt.ones(1, dtype="uint64"), "int64")
    assert not pt.can_cast("float64", "float32") and pt.can_cast("float64", "complex128")
    assert pt.finfo("complex64").max == pt.finfo(pt.ones(1)).max == float(np.finfo("f4").max)
    assert (pt.iinfo("uint8").max, pt.iinfo(pt.ones(1, dtype="int8")).min) == (255, -128)
    with pytest.raises(TypeError, match=r"^finfo: found dtype int64"):
        pt.finfo("int64")
    with pytest.raises(TypeError, match=r"^iinfo: found dtype bool"):
        pt.iinfo("bool")
    assert pt.result_type(pt.float64, pt.complex64) == pt.complex128
    assert pt.result_type(pt.int32, 1j) == pt.complex64
    assert pt.sum(pt.ones(300, dtype="uint8"), dtype="uint8").item() == 300 % 256
    assert pt.prod(pt.ones(3, dtype="int32"), dtype="float64").dtype == pt.float64


# ------------------------------------------------------------------------------- special cases


def names(text):
    return text.split()


REAL = [
    # element-wise functions, from the standard's lists: arguments, result
    *[
        (name, (nan,), nan)
        for name in names(
            "abs acos acosh asin asinh atan atanh ceil cos cosh exp expm1 floor log log1p log2 "
            "log10 "
            "negative positive reciprocal round sign sin sinh sqrt square tan tanh trunc"
        )
    ],
    *[
        (name, (zero,), zero)
        for zero in (0.0, -0.0)
        for name in names(
            "asin asinh atan atanh ceil expm1 floor log1p round sin sinh sqrt tan tanh trunc"
        )
    ],
    *[
        (name, (x,), x)
        for x in (inf, -inf)
        for name in names("asinh ceil floor round sinh trunc positive")
    ],
    *[(name, (inf,), inf) for name in names("acosh cosh exp expm1 log log1p log2 log10 sqrt")],
    *[(name, (x,), nan) for x in (inf, -inf) for name in names("acos asin atanh cos sin tan")],
    *[(name, (2.0,), nan) for name in names("acos asin atanh")],
    *[(name, (-2.0,), nan) for name in names("log log1p log2 log10 sqrt acosh")],
    *[(name, (0.0,), -inf) for name in names("log log2 log10")],
    *[(name, (-0.0,), -inf) for name in names("log log2 log10")],
    *[(name, (1.0,), 0.0) for name in names("acos acosh log log2 log10")],
    ("log1p", (-1.0,), -inf),
    ("exp", (-inf,), 0.0),
    ("expm1", (-inf,), -1.0),
    ("exp", (0.0,), 1.0),
    ("atanh", (1.0,), inf),
    ("atanh", (-1.0,), -inf),
    ("tanh", (inf,), 1.0),
    ("tanh", (-inf,), -1.0),
    ("atan", (inf,), pi / 2),
    ("atan", (-inf,), -pi / 2),
    ("cos", (-0.0,), 1.0),
    ("cosh", (0.0,), 1.0),
    ("cosh", (-inf,), inf),
    ("abs", (-0.0,), 0.0),
    ("abs", (-inf,), inf),
    ("round", (2.5,), 2.0),
    ("round", (-1.5,), -2.0),
    ("signbit", (-0.0,), True),
    ("signbit", (-nan,), True),
    ("trunc", (-0.5,), -0.0),
    ("ceil", (-0.5,), -0.0),
    # two arguments
    *[
        (name, (x, y), nan)
        for name in names(
            "add subtract multiply divide floor_divide remainder atan2 logaddexp maximum minimum"
        )
        for x, y in ((nan, 1.0), (1.0, nan), (nan, nan))
    ],
    ("add", (inf, -inf), nan),
    ("add", (inf, inf), inf),
    ("add", (inf, 1.0), inf),
    ("add", (-0.0, -0.0), -0.0),
    ("add", (-0.0, 0.0), 0.0),
    ("add", (1.0, -1.0), 0.0),
    ("subtract", (inf, inf), nan),
    ("multiply", (inf, 0.0), nan),
    ("multiply", (inf, -2.0), -inf),
    ("divide", (inf, inf), nan),
    ("divide", (0.0, 0.0), nan),
    ("divide", (1.0, -0.0), -inf),
    ("divide", (1.0, -inf), -0.0),
    ("divide", (-inf, 2.0), -inf),
    *[("floor_divide", (x * inf, y), x * y * inf) for x, y in product((1.0, -1.0), repeat=2)],
    *[("floor_divide", (x, y * inf), x * y * 0.0) for x, y in product((1.0, -1.0), repeat=2)],
    ("floor_divide", (inf, inf), nan),
    ("floor_divide", (0.0, 0.0), nan),
    ("floor_divide", (1.0, -0.0), -inf),
    ("remainder", (inf, 1.0), nan),
    ("remainder", (1.0, 0.0), nan),
    ("remainder", (1.0, inf), 1.0),
    ("remainder", (0.0, -2.0), -0.0),
    ("remainder", (-1.0, -inf), -1.0),
    *[
        ("atan2", args, result)
        for args, result in (
            ((1.0, 0.0), pi / 2),
            ((-1.0, -0.0), -pi / 2),
            ((0.0, 0.0), 0.0),
            ((-0.0, 0.0), -0.0),
            ((0.0, -0.0), pi),
            ((-0.0, -1.0), -pi),
            ((1.0, -inf), pi),
            ((-1.0, inf), -0.0),
            ((inf, 1.0), pi / 2),
            ((inf, inf), pi / 4),
            ((-inf, -inf), -3 * pi / 4),
        )
    ],
    ("hypot", (inf, nan), inf),
    ("hypot", (nan, -inf), inf),
    ("hypot", (3.0, nan), nan),
    ("hypot", (0.0, -0.0), 0.0),
    ("copysign", (nan, -1.0), nan),
    ("copysign", (2.0, -0.0), -2.0),
    ("logaddexp", (inf, nan), nan),
    ("nextafter", (0.0, -0.0), -0.0),
    ("nextafter", (nan, 1.0), nan),
    ("pow", (nan, 0.0), 1.0),
    ("pow", (1.0, nan), 1.0),
    ("pow", (2.0, inf), inf),
    ("pow", (0.5, inf), 0.0),
    ("pow", (-1.0, -inf), 1.0),
    ("pow", (-inf, 3.0), -inf),
    ("pow", (-inf, -3.0), -0.0),
    ("pow", (-0.0, -3.0), -inf),
    ("pow", (-0.0, -2.0), inf),
    ("pow", (-2.0, 0.5), nan),
    ("pow", (inf, -2.0), 0.0),
    ("pow", (-0.0, 3.0), -0.0),
    # reductions
    ("max", ([1.0, nan],), nan),
    ("min", ([nan, 1.0],), nan),
    ("sum", ([],), 0.0),
    ("prod", ([],), 1.0),
    ("mean", ([],), nan),
    ("any", ([],), False),
    ("all", ([],), True),
    ("any", ([nan],), True),
    ("sum", ([inf, -inf],), nan),
    ("var", ([1.0],), 0.0),
]
COMPLEX_CASES = [
    ("exp", complex(0, 0), complex(1, 0)),
    ("exp", complex(inf, 0), complex(inf, 0)),
    ("exp", complex(nan, 0), complex(nan, 0)),
    ("exp", complex(1, inf), complex(nan, nan)),
    ("expm1", complex(0, 0), 0j),
    ("expm1", complex(inf, 0), complex(inf, 0)),
    ("expm1", complex(-inf, inf), complex(-1, 0)),
    ("expm1", complex(-inf, nan), complex(-1, 0)),
    ("expm1", complex(nan, 0), complex(nan, 0)),
    ("expm1", complex(800, 0), complex(inf, 0)),
    ("log", complex(-0.0, 0.0), complex(-inf, pi)),
    ("log", complex(0, 0), complex(-inf, 0)),
    ("log", complex(-inf, 1), complex(inf, pi)),
    ("sqrt", complex(0, 0), 0j),
    ("sqrt", complex(nan, inf), complex(inf, inf)),
    ("sqrt", complex(-inf, 1), complex(0, inf)),
    ("asinh", complex(inf, inf), complex(inf, pi / 4)),
    ("acos", complex(1, inf), complex(pi / 2, -inf)),
    ("atanh", complex(1, 0), complex(inf, 0)),
    ("cosh", complex(0, 0), complex(1, 0)),
    ("sinh", complex(inf, 0), complex(inf, 0)),
    ("tanh", complex(inf, 1), complex(1, 0)),
    ("abs", complex(inf, nan), inf),
    ("abs", complex(nan, 1), nan),
    ("sign", 0j, 0j),
    ("sign", complex(3, 4), complex(0.6, 0.8)),
    ("isinf", complex(nan, inf), True),
    ("isfinite", complex(1, nan), False),
    ("isnan", complex(1, nan), True),
    ("conj", complex(1, nan), complex(1, nan)),
    ("round", complex(0.5, 1.5), complex(0, 2)),
]


def assert_same_number(found, expected):
    assert (
        found == expected
        or (found != found and expected != expected)
        or (abs(found - expected) <= 1e-15 * abs(expected))
    ), (found, expected)
    if expected == 0:
        assert np.signbit(found) == np.signbit(expected)


@pytest.mark.parametrize("name, arguments, expected", REAL)
def test_special_cases(name, arguments, expected):
    arguments = [pt.asarray(x, dtype="float64") for x in arguments]
    assert_same_number(getattr(pt, name)(*arguments).item(), expected)


@pytest.mark.parametrize("name, x, expected", COMPLEX_CASES)
def test_special_cases_of_complex_numbers(name, x, expected):
    found = getattr(pt, name)(pt.asarray(x, dtype="complex128")).item()
    if not isinstance(expected, complex):
        return assert_same_number(found, expected)
    for one, other in ((found.real, expected.real), (found.imag, expected.imag)):
        assert abs(one) == abs(other) or abs(one - other) < 1e-15 or (one != one and other != other)


@pytest.mark.parametrize(
    "name, x, expected",
    [
        ("expm1", complex(-0.0, 0.0), complex(0.0, 0.0)),
        ("expm1", complex(0.0, -0.0), complex(0.0, -0.0)),
        ("expm1", complex(-0.0, -0.0), complex(0.0, -0.0)),
        *[
            ("tanh", complex(x, y), complex(copysign(1, x), copysign(0, y)))
            for x in (inf, -inf)
            for y in (0.0, 1.0, 2.0, -2.0, 4.0, 1e30, inf, -inf)
        ],
        ("tanh", complex(0.0, -0.0), complex(0.0, -0.0)),
    ],
)
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_signs_of_special_cases_of_complex_numbers(name, x, expected, dtype):
    for t in (pt.asarray(x, dtype=dtype), pt.asarray([x, 1j], dtype=dtype)[0]):
        found = getattr(pt, name)(t).item()
        assert repr(found) == repr(expected)


# ----------------------------------------------------------------------------------- functions


def test_functions_of_shapes():
    x = np.arange(24).reshape(2, 3, 4)
    t = pt.asarray(x)
    cases = [
        (pt.moveaxis(t, 0, -1), np.moveaxis(x, 0, -1)),
        (pt.moveaxis(t, (0, 1), (2, 0)), np.moveaxis(x, (0, 1), (2, 0))),
        (pt.roll(t, 5), np.roll(x, 5)),
        (pt.roll(t, (1, -2), axis=(0, 2)), np.roll(x, (1, -2), (0, 2))),
        (pt.repeat(t, pt.asarray([2, 0, 1]), axis=1), np.repeat(x, [2, 0, 1], 1)),
        (pt.repeat(t, 2), np.repeat(x, 2)),
        (pt.tile(t, (2, 1, 1, 3)), np.tile(x, (2, 1, 1, 3))),
        (pt.tile(t, 2), np.tile(x, 2)),
        (pt.diff(t, n=2), np.diff(x, n=2)),
        (pt.diff(t, axis=0, prepend=t[:1]), np.diff(x, axis=0, prepend=x[:1])),
        (pt.diff(pt.asarray([True, False])), np.diff([True, False])),
        (pt.vecdot(t, t), np.vecdot(x, x)),
        (pt.vecdot(t + 1j, t, axis=0), np.vecdot(x + 1j, x, axis=0)),
        (pt.matrix_transpose(t), np.matrix_transpose(x)),
        (pt.linalg.outer(t[0, 0], t[0, 1]), np.outer(x[0, 0], x[0, 1])),
        (pt.linalg.diagonal(t, offset=-1), np.linalg.diagonal(x, offset=-1)),
        (pt.linalg.trace(t, offset=1), np.linalg.trace(x, offset=1)),
        (pt.linalg.cross(t[..., :3], t[0, 0, :3]), np.cross(x[..., :3], x[0, 0, :3])),
        (pt.linalg.cross(t.T[:3], t[:1].T[:3], axis=0), np.cross(x.T[:3], x[:1].T[:3], axis=0)),
        (pt.clip(t, 3, None), np.clip(x, 3, None)),
        (pt.clip(t, max=5), np.clip(x, None, 5)),
        (pt.clip(t), x),
        (pt.fft.fftshift(t), np.fft.fftshift(x)),
        (pt.fft.ifftshift(t, axes=1), np.fft.ifftshift(x, axes=1)),
        (pt.fft.fftfreq(5, d=2.0), np.fft.fftfreq(5, 2.0)),
        (pt.fft.rfftfreq(4), np.fft.rfftfreq(4)),
    ]
    for found, expected in cases:
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    for found, expected in zip(
        pt.meshgrid(t[0, 0], t[0, 1, :2]), np.meshgrid(x[0, 0], x[0, 1, :2]), strict=True
    ):
        np.testing.assert_array_equal(found, expected)
    assert [part.shape for part in pt.unstack(t, axis=1)] == [(2, 4)] * 3
    z = pt.asarray([1 + 2j, 3 - 1j, -2j])
    for name in ("var", "std"):
        found = getattr(pt, name)(z)
        assert found.dtype == pt.float32
        np.testing.assert_allclose(found, getattr(np, name)(z), rtol=1e-6)
    assert pt.broadcast_shapes((2, 1), (3,)) == (2, 3)
    np.testing.assert_array_equal(
        pt.grad(lambda x: pt.sum(pt.roll(x, 1)[:1] ** 2))(pt.asarray([1.0, 2.0])), [0, 4]
    )


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda t: pt.roll(t, (1, 2, 3), axis=(0, 1)), ValueError, r"^roll: 3 shifts along 2 axes"),
        (lambda t: pt.moveaxis(t, (0, 1), 0), ValueError, r"^moveaxis: 2 axes to 1 positions"),
        (lambda t: pt.repeat(t, 1.5), TypeError, r"^repeat: repeats of dtype float64"),
        (lambda t: pt.repeat(t, -1), ValueError, r"^repeat: repeats: found -1"),
        (
            lambda t: pt.repeat(t, 2**62),
            ValueError,
            r"^repeat: repeats: found 46116860184273.*more",
        ),
        (lambda t: pt.repeat(t, [2**62, 2**62], axis=0), ValueError, r"^repeat: .*more elements"),
        (lambda t: pt.repeat(t, [1, 2, 3], axis=0), ValueError, r"^repeat: repeats of shape"),
        (lambda t: pt.tile(t, -1), ValueError, r"^tile: repetitions: found -1"),
        (
            lambda t: pt.take_along_axis(t, t),
            TypeError,
            r"^take_along_axis: indices of dtype float32",
        ),
        (lambda t: pt.take_along_axis(t, [1]), ValueError, r"^take_along_axis: .*as many axes"),
        (lambda t: pt.vecdot(t, t[:, :1]), ValueError, r"^vecdot: axis -1"),
        (lambda t: pt.linalg.cross(t, t), ValueError, r"^cross: axis 1 .* expected 3"),
        (
            lambda t: pt.linalg.cross(pt.ones((5, 3)), pt.ones((5, 1))),
            ValueError,
            r"^cross: axis 1 of shape \(5, 1\) has length 1: expected 3",
        ),
        (lambda t: pt.linalg.cross(pt.ones(1), pt.ones((5, 3))), ValueError, r"^cross: .*length 1"),
        (
            lambda t: pt.linalg.cross(pt.ones(3), pt.ones((3, 3)), axis=0),
            IndexError,
            r"^cross: axis -2 is out",
        ),
        (lambda t: pt.linalg.outer(t, t), ValueError, r"^outer: shapes"),
        (lambda t: pt.linalg.diagonal(t[0]), ValueError, r"^diagonal: "),
        (lambda t: pt.meshgrid(t), ValueError, r"^meshgrid: found a tensor of shape"),
        (
            lambda t: pt.meshgrid(t[0], indexing="ab"),
            ValueError,
            r"^meshgrid: indexing: found 'ab'",
        ),
        (lambda t: pt.broadcast_shapes((2,), (3,)), ValueError, r"^broadcast_shapes: shapes"),
        (
            lambda t: t.astype("complex64").astype("int32"),
            TypeError,
            r"^complex64 elements do not become",
        ),
        (
            lambda t: pt.fuse(lambda x: x + 1)(t + 1j),
            TypeError,
            r"^fuse: a tensor of dtype complex64",
        ),
        (lambda t: float(t[0, 0] + 1j), TypeError, "complex"),
        (
            lambda t: t.__setitem__(0, 1j),
            TypeError,
            r"^assignment: complex64 elements do not go into",
        ),
        (lambda t: t.__iadd__(1j), TypeError, r"^add: the result has dtype complex64"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call(pt.ones((2, 2)))


# --------------------------------------------------------------------------------- interchange


@pytest.mark.parametrize("dtype", pt.__array_namespace_info__().dtypes())
def test_dlpack_shares_memory_both_ways(dtype):
    t = pt.asarray(np.arange(6).reshape(2, 3).astype(dtype))
    array = np.from_dlpack(t.T)
    assert (array.shape, array.dtype) == ((3, 2), dtype) and np.shares_memory(array, t.numpy())
    back = pt.from_dlpack(array)
    assert np.shares_memory(back.numpy(), t.numpy()) and back.strides == t.T.strides
    assert not np.shares_memory(pt.from_dlpack(array, copy=True).numpy(), array)
    assert not np.shares_memory(np.from_dlpack(t, copy=True), t.numpy())
    assert t.__dlpack_device__() == (1, 0)
    assert "dltensor_versioned" in repr(t.__dlpack__(max_version=(1, 0)))
    assert "dltensor_versioned" not in repr(t.__dlpack__())


def test_dlpack_keeps_memory_alive_and_read_only():
    array = np.from_dlpack(pt.ones(1000))
    assert array.sum() == 1000
    fixed = pt.broadcast_to(pt.ones(3), (2, 3))
    assert not np.from_dlpack(fixed).flags.writeable
    with pytest.raises(BufferError):
        fixed.__dlpack__()  # the old protocol can't say so
    fixed = pt.from_dlpack(np.from_dlpack(fixed))
    with pytest.raises(ValueError, match=r"read-only"):
        fixed[0] = 1
    with pytest.raises(TypeError, match=r"^from_dlpack: found a list"):
        pt.from_dlpack([1])


def test_pickle_out_of_band():
    for t in (pt.asarray([[1, 2j]]), pt.ones((3, 4)).T, pt.asarray(True), pt.zeros((0, 2))):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            again = pickle.loads(pickle.dumps(t, protocol))
            np.testing.assert_array_equal(again, t)
            assert again.dtype == t.dtype
            again[...] = 0
    t = pt.ones(100)
    buffers = []
    data = pickle.dumps(t, 5, buffer_callback=buffers.append)
    assert len(data) < 200 and len(buffers) == 1
    again = pickle.loads(data, buffers=buffers)
    assert np.shares_memory(again.numpy(), t.numpy())
    for other in (copy.copy(t), copy.deepcopy([t])[0]):
        assert not np.shares_memory(other.numpy(), t.numpy())


def test_complex_tensors():
    x = np.array([[1 + 2j, 3 - 1j], [0, -1j]])
    t = pt.asarray(x)
    for found, expected in (
        (t * t.T, x * x.T),
        (t @ t, x @ x),
        (t**2, x**2),
        (t - 1, x - 1),
        (2j / (t + 1), 2j / (x + 1)),
        (pt.where(t == 0, 1, t), np.where(x == 0, 1, x)),
        (pt.concat([t, pt.ones((1, 2))]), np.concatenate([x, np.ones((1, 2))])),
        (t[pt.asarray([1, 0])], x[[1, 0]]),
        (pt.mean(t, axis=0), x.mean(0)),
        (pt.full((2,), 1j), np.full(2, 1j)),
        (t.reshape(4), x.reshape(4)),
        (pt.linspace(0, 1j, 3), np.linspace(0, 1j, 3)),
        (pt.dot(t, t), x @ x),
    ):
        assert found.dtype.kind == expected.dtype.kind
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    t += 1
    np.testing.assert_array_equal(t, x)  # the same memory
    t[0] = pt.asarray([1.0, 2.0])
    assert t[0, 1].item() == 2 and complex(t[1, 0]) == 1 and str(t[0, 0]) == "(1+0j)"
    assert pt.asarray([1, 2j]).dtype == pt.complex64 and pt.asarray(x).dtype == pt.complex128
    assert np.asarray(memoryview(t)).dtype == np.complex128


# ------------------------------------------------------------------------------------- the page


def test_page_lists_what_goes_through_numpy():
    """docs/array-api.md is checked against the tables."""
    text = PAGE.read_text(encoding="utf-8")
    section = text.split("## Functions that NumPy computes")[1].split("\n## ")[0]
    section = section.split("Main namespace:")[1]
    named = set(re.findall(r"`([\w.]+)`", section.split("Complex numbers")[0]))
    assert named == set(TABLE)
    assert set(re.findall(r"`(\w+)`", section.split("Complex numbers")[1])) == set(COMPLEX)
    assert pt.__array_api_version__ in text
    section = text.split("## Functions composed of others")[1].split("\n## ")[0]
    names = set(re.findall(r"`([\w.]+)`", section))
    for name in names:
        module, _, short = name.rpartition(".")
        assert hasattr(getattr(pt, module) if module else pt, short), name
        assert name not in TABLE
    assert {f"linalg.{name}" for name in linalg.__all__ if f"linalg.{name}" not in TABLE} <= names
    for part in (creation, elementwise, indexing, joining, products, shapes, statistics):
        assert set(part.__all__) <= names
