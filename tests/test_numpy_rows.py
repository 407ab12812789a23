"""The functions that NumPy computes: every row of the table against NumPy's own function, and the
derivatives that the table gives against differences.
"""

import ast
import inspect
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import pytensor as pt
from pytensor._functions import by_numpy
from pytensor._tables.numpy_rows import COMPLEX, TABLE
from pytensor._tables.ops import ROWS

pytestmark = pytest.mark.once

RNG = np.random.default_rng(11)
VECTOR = RNG.uniform(0.1, 0.9, 7)
MATRIX = RNG.standard_normal((3, 4, 4))
POSITIVE = MATRIX @ MATRIX.swapaxes(-1, -2) + 4 * np.eye(4)
NUMBERS = np.array([[3, 1, 2, 1], [0, 1, 0, 3]])
HERMITIAN = POSITIVE + 1j * (MATRIX - MATRIX.swapaxes(-1, -2))


def wide(x):
    """The dtype of sums of x's elements."""
    return x.dtype if x.dtype.kind in "fc" else np.int64


# name -> calls: the arguments, and NumPy's function of the same ones
CASES = {
    "conj": [((VECTOR,), {}, np.conj), ((VECTOR - 2j,), {}, np.conj)],
    "imag": [((VECTOR - 2j,), {}, np.imag)],
    "real": [((VECTOR - 2j,), {}, np.real), ((NUMBERS,), {}, np.real)],
    "argsort": [
        ((VECTOR,), {}, np.argsort),
        ((NUMBERS,), {"axis": 0}, lambda x, axis: np.argsort(x, axis, stable=True)),
        ((NUMBERS,), {"descending": True}, lambda x, descending: np.argsort(-x, stable=True)),
    ],
    "sort": [
        ((VECTOR,), {}, np.sort),
        ((NUMBERS,), {"axis": 0}, np.sort),
        ((NUMBERS,), {"descending": True}, lambda x, descending: -np.sort(-x)),
    ],
    "isin": [((NUMBERS, [1, 7]), {}, np.isin), ((NUMBERS, 1), {"invert": True}, np.isin)],
    "nonzero": [((NUMBERS,), {}, np.nonzero)],
    "searchsorted": [
        ((np.sort(VECTOR), VECTOR), {"side": "right"}, np.searchsorted),
        ((VECTOR, VECTOR), {"sorter": np.argsort(VECTOR)}, np.searchsorted),
    ],
    "unique_all": [((NUMBERS,), {}, np.unique_all)],
    "unique_counts": [((NUMBERS,), {}, np.unique_counts)],
    "unique_inverse": [((NUMBERS,), {}, np.unique_inverse)],
    "unique_values": [((NUMBERS,), {}, np.unique), ((np.array([9, 3, 70, 3]),), {}, np.unique)],
    "einsum": [
        (("i,i", VECTOR, VECTOR), {}, np.einsum),
        (("bij,bjk->ik", MATRIX, MATRIX), {}, np.einsum),
        (("ij->j", NUMBERS), {}, np.einsum),
    ],
    "linalg.cholesky": [
        ((POSITIVE,), {}, np.linalg.cholesky),
        ((HERMITIAN,), {"upper": True}, np.linalg.cholesky),
    ],
    "linalg.det": [((MATRIX,), {}, np.linalg.det)],
    "linalg.eig": [((HERMITIAN,), {}, np.linalg.eig)],
    "linalg.eigvals": [((HERMITIAN,), {}, np.linalg.eigvals)],
    "linalg.eigh": [((POSITIVE,), {}, np.linalg.eigh)],
    "linalg.eigvalsh": [((HERMITIAN,), {}, np.linalg.eigvalsh)],
    "linalg.inv": [((MATRIX,), {}, np.linalg.inv)],
    "linalg.matrix_norm": [
        ((MATRIX,), {}, np.linalg.matrix_norm),
        ((MATRIX,), {"ord": "nuc", "keepdims": True}, np.linalg.matrix_norm),
    ],
    "linalg.matrix_power": [
        ((MATRIX, 3), {}, np.linalg.matrix_power),
        ((MATRIX, -2), {}, np.linalg.matrix_power),
    ],
    "linalg.matrix_rank": [((np.ones((4, 4)),), {}, np.linalg.matrix_rank)],
    "linalg.pinv": [((MATRIX[:, :3],), {"rtol": 1e-9}, np.linalg.pinv)],
    "linalg.qr": [
        ((MATRIX[:, :, :2],), {}, np.linalg.qr),
        ((MATRIX[:, :, :2],), {"mode": "complete"}, np.linalg.qr),
    ],
    "linalg.slogdet": [((MATRIX,), {}, np.linalg.slogdet)],
    "linalg.solve": [
        ((MATRIX, MATRIX[:, :, :2]), {}, np.linalg.solve),
        ((MATRIX, VECTOR[:4]), {}, np.linalg.solve),
    ],
    "linalg.svd": [((MATRIX[:, :3],), {"full_matrices": False}, np.linalg.svd)],
    "linalg.svdvals": [((MATRIX,), {}, np.linalg.svdvals)],
    "linalg.vector_norm": [((MATRIX,), {"axis": (0, 2), "ord": 3}, np.linalg.vector_norm)],
    **{
        f"fft.{name}": [((VECTOR,), {"n": 6, "norm": "ortho"}, getattr(np.fft, name))]
        for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
    },
    **{
        f"fft.{name}": [
            ((MATRIX,), {"axes": (0, 1)}, getattr(np.fft, name)),
            (
                (MATRIX,),
                {"s": (3, 5)},
                lambda x, s, name=name: getattr(np.fft, name)(x, s=s, axes=(-2, -1)),
            ),
        ]
        for name in ("fftn", "ifftn", "rfftn", "irfftn")
    },
}


def function(name):
    module, _, short = name.rpartition(".")
    return getattr(getattr(pt, module) if module else pt, short)


def as_tensors(arguments):
    return [pt.asarray(x) if isinstance(x, np.ndarray) else x for x in arguments]


def single(x):
    """Floating-point arrays in half the width."""
    if isinstance(x, np.ndarray) and x.dtype.kind in "fc":
        return x.astype({"f": np.float32, "c": np.complex64}[x.dtype.kind])
    return x


def test_every_row_is_tested():
    assert set(CASES) == set(TABLE)


@pytest.mark.parametrize("precision", [lambda x: x, single], ids=["double", "single"])
@pytest.mark.parametrize(
    "name, arguments, options, reference",
    [(name, *call) for name, calls in CASES.items() for call in calls],
    ids=[name for name, calls in CASES.items() for _ in calls],
)
def test_against_numpy(name, arguments, options, reference, precision):
    arguments = [precision(x) for x in arguments]
    found = function(name)(*as_tensors(arguments), **options)
    expected = reference(*arguments, **options)
    if isinstance(expected, tuple):
        assert isinstance(found, tuple) and getattr(found, "_fields", None) == getattr(
            expected, "_fields", None
        )
    else:
        found, expected = (found,), (expected,)
    for one, other in zip(found, expected, strict=True):
        other = np.asarray(other)
        assert type(one) is pt.Tensor and (one.shape, one.dtype) == (other.shape, other.dtype)
        tolerance = 1e-12 if precision is not single else 1e-5
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", TABLE)
def test_row_is_complete(name):
    row = TABLE[name]
    f = function(name)
    assert f is function(name) and f.__name__ == name.rpartition(".")[2]
    assert f.__doc__.startswith(row.doc) and "Computed by NumPy" in f.__doc__
    assert tuple(inspect.signature(f).parameters) == row.arguments
    assert f.__name__ in dir(pt if "." not in name else getattr(pt, name.split(".")[0]))
    if isinstance(row.d, tuple):
        assert len(row.d) == len(row.inputs)


def test_the_stubs_have_every_function(tmp_path):
    """What tools/generate.py writes for type checkers has the functions' own signatures."""
    generate = Path(__file__).resolve().parents[1] / "tools" / "generate.py"
    subprocess.run([sys.executable, generate, tmp_path], check=True)
    found = {}
    for module in ("functions", "linalg", "fft"):
        tree = ast.parse((tmp_path / f"numpy_{module}.pyi").read_text(encoding="utf-8"))
        prefix = "" if module == "functions" else f"{module}."
        classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                names = [a.arg for a in (*node.args.posonlyargs, *node.args.kwonlyargs)]
                names += [node.args.vararg.arg] if node.args.vararg else []
                returned = classes.get(ast.unparse(node.returns))
                found[prefix + node.name] = (
                    names,
                    returned and [field.target.id for field in returned.body],
                )
    assert found.keys() == TABLE.keys()
    for name, (names, fields) in found.items():
        signature = inspect.signature(function(name))
        assert names == list(signature.parameters), name
        annotations = [p.annotation for p in signature.parameters.values()]
        assert inspect.Signature.empty not in (*annotations, signature.return_annotation), name
        arguments, options, _ = CASES[name][0]
        result = function(name)(*as_tensors(arguments), **options)
        assert list(getattr(result, "_fields", ())) == (fields or []), name


@pytest.mark.parametrize("dtype, size", [("float32", 1e30), ("float64", 1e300)])
@pytest.mark.parametrize("sign", [1, -1])
def test_norms_do_not_overflow(dtype, size, sign):
    x = np.array([[3.0, -4.0], [0.0, 0.0]], dtype) * np.dtype(dtype).type(size) ** sign
    close = {"rtol": 4 * np.finfo(dtype).eps}
    norm, unit = pt.linalg.vector_norm, float(size) ** sign
    np.testing.assert_allclose(norm(pt.asarray(x)), 5 * unit, **close)
    np.testing.assert_allclose(norm(x, axis=1), [5 * unit, 0], **close)
    np.testing.assert_allclose(norm(x, axis=(0, 1), keepdims=True), [[5 * unit]], **close)
    np.testing.assert_allclose(norm(x, axis=1, ord=3), [91 ** (1 / 3) * unit, 0], **close)
    np.testing.assert_allclose(norm(x * 1j), 5 * unit, **close)
    np.testing.assert_allclose(pt.linalg.matrix_norm(x), 5 * unit, **close)
    assert norm(pt.asarray([np.inf, size], dtype=dtype)).item() == np.inf
    assert np.isnan(norm(pt.asarray([np.nan, size], dtype=dtype)).item())


def test_no_name_stands_in_both_tables():
    assert not set(TABLE) & set(ROWS)
    assert set(ROWS) >= set(COMPLEX)


@pytest.mark.parametrize(
    "name",
    [name for name, row in TABLE.items() if row.d and row.kind != "other" and "f" in row.types],
)
def test_derivative(name):
    arguments, options, _ = CASES[name][0]
    inputs = [np.real(x) + np.zeros(VECTOR.shape) for x in arguments]
    f = function(name)
    with pt.GradientTape() as tape:
        tensors = as_tensors(inputs)
        tape.watch(tensors)
        out = f(*tensors, **options)
    for k, g in enumerate(tape.gradient(out, tensors)):
        if TABLE[name].d[k] is None:
            assert g is None
            continue
        step = 1e-6
        up, down = (
            [x + sign * step if i == k else x for i, x in enumerate(inputs)] for sign in (1, -1)
        )
        expected = (f(*up, **options) - f(*down, **options)) / (2 * step)
        np.testing.assert_allclose(g, expected, rtol=1e-6, atol=1e-7)


def test_second_derivative():
    x = pt.asarray(VECTOR)
    f = pt.grad(lambda x: pt.sum(pt.grad(lambda x: pt.sum(pt.sinh(x) * pt.atan(x)))(x)))
    a, b = np.arctan(VECTOR), 1 / (1 + VECTOR**2)
    expected = np.sinh(VECTOR) * a + 2 * np.cosh(VECTOR) * b - np.sinh(VECTOR) * 2 * VECTOR * b * b
    np.testing.assert_allclose(f(x), expected, rtol=1e-10)


def test_a_gradient_is_never_lost_silently():
    x = pt.asarray(VECTOR)
    for name in ("unique_values",):
        with pytest.raises(NotImplementedError, match=f"^{name}: no derivative is known"):
            pt.grad(lambda x, name=name: pt.sum(pt.abs(function(name)(x))))(x)
    ones = np.ones(x.shape)
    np.testing.assert_array_equal(
        pt.grad(lambda x: pt.sum(pt.real(x.astype("complex64"))))(x), ones
    )
    np.testing.assert_allclose(pt.grad(lambda x: pt.sum(pt.abs(x * 1j)))(x), ones)
    np.testing.assert_array_equal(  # no gradient flows through positions
        pt.grad(lambda x: pt.sum(x) + pt.sum(pt.argsort(x)) + pt.sum(pt.signbit(x)))(x),
        np.ones_like(VECTOR),
    )


@pytest.mark.parametrize("dtype", ["bool", "int8", "int64", "float32", "float64"])
def test_sort_is_stable(dtype):
    """Zeros of either sign keep their order, NaN comes last, in long tensors too."""
    x = RNG.integers(-2, 3, 3000) * np.array([1, -1, 0.0])[RNG.integers(0, 3, 3000)]
    x = np.where(RNG.random(3000) < 0.1, np.nan, x) if dtype[0] == "f" else x
    x = x.astype(dtype)
    for shape, axis in (((3000,), 0), ((3, 1000), 1), ((1000, 3), 0)):
        found = pt.sort(pt.asarray(x.reshape(shape)), axis=axis).numpy()
        expected = np.sort(x.reshape(shape), axis=axis, stable=True)
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(
            np.signbit(found.astype("f8")), np.signbit(expected.astype("f8"))
        )


def test_a_call_obeys_no_error_state_and_leaves_it(recwarn):
    """NumPy's warnings are off inside, in threads and in calls within calls, and only there."""
    x = pt.asarray(np.array([2.0, np.nan]))
    with np.errstate(all="raise"):
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda _: pt.acos(x).numpy(), range(8)))
        assert np.isnan(pt.acos(x).numpy()).all() and np.geterr()["invalid"] == "raise"
        pt.exp(pt.asarray([1e9 + 0j]))
        with pytest.raises(FloatingPointError):
            np.arccos(np.array([2.0]))
    assert np.isnan(found).all() and not recwarn


def test_memory_is_shared_both_ways():
    x = pt.asarray(VECTOR + 1j)
    part = pt.real(x)
    x[0] = 7
    assert part[0].item() == 7 and part.strides == (16,)


@pytest.mark.parametrize("descending", [False, True])
def test_sort_works_on_a_copy_in_the_same_order(descending):
    x = pt.asarray(np.random.default_rng(0).standard_normal((4, 5, 6)))
    before = x.numpy().copy()
    for view in (x, x.T, pt.permute_dims(x, (1, 2, 0)), x[:, ::-2], x[1]):
        for axis in range(view.ndim):
            expected = np.sort(view.numpy(), axis=axis)
            result = pt.sort(view, axis=axis, descending=descending)
            np.testing.assert_array_equal(
                result, np.flip(expected, axis) if descending else expected
            )
    assert pt.sort(x.T, axis=0).strides == x.T.strides
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: pt.isin(pt.ones(2), "a"), TypeError, "^isin: str has elements"),
        (lambda: pt.sort(pt.ones(2), axis=1), IndexError, "^sort: axis 1 is out of bounds"),
        (lambda: pt.sort(pt.ones(2), axis=2**70), ValueError, "^sort: .*too large"),
        (lambda: pt.argsort(pt.asarray(1j)), TypeError, "^argsort: no rule for dtype complex64"),
        (lambda: pt.nonzero(pt.asarray(1)), ValueError, "^nonzero: a 0-d tensor"),
        (lambda: pt.einsum("ij,jk", pt.ones(3), pt.ones(3)), ValueError, "^einsum: "),
        (lambda: pt.einsum("i\0j", pt.ones(3)), ValueError, "^einsum: found a null character"),
        (lambda: pt.einsum([0], pt.ones(3)), TypeError, "^einsum: "),
        (lambda: pt.einsum("ii->i", pt.ones((0, 3))), ValueError, "^einsum: .*lengths 0 and 3"),
        (lambda: pt.einsum("i...i->...i", pt.ones((3, 2, 0))), ValueError, "^einsum: "),
        (lambda: pt.einsum("j...ii->...i", pt.ones((2, 1, 0, 3))), ValueError, "^einsum: "),
        (lambda: pt.linalg.inv(pt.zeros((2, 2))), np.linalg.LinAlgError, "^linalg.inv: Singular"),
        (lambda: pt.linalg.det(pt.zeros(2)), np.linalg.LinAlgError, "^linalg.det: 1-dim"),
        (lambda: pt.fft.fft(pt.zeros(2), norm="x"), ValueError, "^fft.fft: "),
        (lambda: pt.relu(pt.asarray(1j)), TypeError, "^relu: no rule for complex numbers"),
        (
            lambda: pt.no_such_function,
            AttributeError,
            "^module 'pytensor' has no .*no_such_function",
        ),
        (lambda: pt.linalg.nothing, AttributeError, "^module 'pytensor.linalg' has no"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_functions_are_made_when_used():
    assert set(by_numpy.names("fft")) <= set(dir(pt.fft))
    assert pt.sort is pt.sort and pt.sort.__module__ == "pytensor"
    assert pt.linalg.qr.__module__ == "pytensor.linalg"
