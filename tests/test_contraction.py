"""einsum by products of matrices, against np.einsum."""

import numpy as np
import pytest

import pytensor as pt
from pytensor._functions import contraction

# subscripts: shapes
CASES = {
    "ij,jk->ik": [(14, 15), (15, 16)],
    "ij,jk": [(14, 15), (15, 16)],
    "ij , jk -> ki": [(4, 5), (5, 6)],
    "ij,jk->": [(4, 5), (5, 6)],
    "ij,jk->j": [(4, 5), (5, 6)],
    "bij,bjk->bik": [(3, 4, 5), (3, 5, 6)],
    "bij,bjk->ik": [(3, 4, 5), (3, 5, 6)],
    "bij,bjk->kbi": [(3, 4, 5), (3, 5, 6)],
    "...ij,...jk->...ik": [(3, 1, 4, 5), (2, 5, 6)],
    "ij...,jk...->ik...": [(2, 3, 4), (3, 5, 4)],
    "ij,kj,j->ik": [(4, 5), (3, 5), (5,)],
    "ij,jk,kl->il": [(4, 5), (5, 6), (6, 3)],
    "ij,jk,ik->": [(4, 5), (5, 6), (4, 6)],
    "ab,bc,cd,de,ef->af": [(3, 3)] * 5,
    "i,j->ij": [(6,), (7,)],
    "i,j->ji": [(6,), (7,)],
    "a,b,c->abc": [(3,), (4,), (5,)],
    "ij,ij->ij": [(4, 1), (4, 5)],
    "ij,jl": [(4, 1), (3, 4)],
    "ij,j,k->ki": [(3, 4), (1,), (5,)],
    "...i,...i->...": [(1, 5), (4, 1)],
    "ii,i": [(6, 6), (6,)],
    "iij,jk->ik": [(4, 4, 3), (3, 5)],
    "iij->j": [(4, 4, 3)],
    "iii->": [(4, 4, 4)],
    "ij->": [(6, 7)],
    "ij->j": [(6, 7)],
    "ijk->ki": [(3, 4, 5)],
    "ijk->kji": [(3, 4, 5)],
    "ii->i": [(5, 5)],
    "ij,kl->i": [(3, 4), (2, 5)],
    "ij,kl->": [(3, 4), (2, 5)],
    "i,i": [(9,), (9,)],
    "i,i,i->i": [(9,), (9,), (9,)],
    "abcd,dcbe->ea": [(2, 3, 4, 5), (5, 4, 3, 2)],
    "bhqd,bkhd->bhqk": [(2, 3, 4, 5), (2, 6, 3, 5)],
    "ij,->ij": [(4, 5), ()],
}
KINDS = ("bool", "int8", "uint8", "int64", "float32", "float64", "complex64", "complex128")


def sample(shape, dtype, rng):
    values = rng.integers(-9, 10, shape)
    if dtype == "bool":
        return values > 5
    return (values + 1j * rng.integers(-3, 4, shape) if dtype[0] == "c" else values).astype(dtype)


@pytest.fixture
def by_products(monkeypatch):
    """Contractions of any size as products of matrices."""
    monkeypatch.setattr(contraction, "_MIN_PRODUCTS", 0)
    monkeypatch.setattr(contraction, "_MIN_PASSES", 0)
    contraction._plan.cache_clear()
    yield
    contraction._plan.cache_clear()


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("subscripts", CASES)
def test_contractions(subscripts, dtype, by_products, rng):
    """Of whole numbers, so that every order of adding gives the same."""
    arrays = [sample(shape, dtype, rng) for shape in CASES[subscripts]]
    expected = np.einsum(subscripts, *arrays)
    found = pt.einsum(subscripts, *map(pt.asarray, arrays))
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("subscripts", CASES)
def test_views_into_contractions(subscripts, by_products, rng):
    arrays = [sample(shape[::-1], "float32", rng).T for shape in CASES[subscripts]]
    np.testing.assert_array_equal(
        pt.einsum(subscripts, *map(pt.asarray, arrays)), np.einsum(subscripts, *arrays)
    )


@pytest.mark.parametrize("subscripts", CASES)
def test_gradients(subscripts, by_products, rng):
    """einsum is linear in each operand: <g, einsum(.., t, ..)> is <gradient, t>."""
    tensors = [pt.asarray(rng.standard_normal(shape)) for shape in CASES[subscripts]]
    out, pull_back = pt.vjp(lambda *a: pt.einsum(subscripts, *a), *tensors)
    g = pt.asarray(rng.standard_normal(out.shape))
    gradients = pull_back(g)
    for i, gradient in enumerate(gradients if isinstance(gradients, tuple) else (gradients,)):
        t = pt.asarray(rng.standard_normal(tensors[i].shape))
        there = pt.einsum(subscripts, *tensors[:i], t, *tensors[i + 1 :])
        np.testing.assert_allclose(
            pt.sum(there * g).item(), pt.sum(gradient * t).item(), 1e-10, 1e-10
        )


def test_large_ones_are_products_of_matrices(rng):
    x, y = (pt.asarray(rng.standard_normal((70, 70))) for _ in range(2))
    np.testing.assert_array_equal(pt.einsum("ij,jk->ik", x, y), x @ y)
    np.testing.assert_allclose(pt.einsum("ij,kj,kl->il", x, y, x), x @ y.T @ x, 1e-12)


@pytest.mark.parametrize(
    "subscripts, shapes",
    [
        ("ij,jk->ik", [(200, 300), (400, 200)]),
        ("ij,jk->ii", [(200, 200)] * 2),
        ("ij,jk->il", [(200, 200)] * 2),
        ("ij->ik", [(400, 400)]),
        ("ijk,jk", [(200, 200)] * 2),
        ("ij,jk,kl", [(200, 200)] * 2),
        ("ii,i", [(200, 300), (200,)]),
        ("i..j,jk", [(200, 200)] * 2),
        ("ij,j?->i", [(200, 200)] * 2),
        ("ij,jk->i->k", [(200, 200)] * 2),
        ("...i,...i", [(200,), (201,)]),
    ],
)
def test_errors_are_numpys(subscripts, shapes, by_products):
    arrays = [np.ones(shape) for shape in shapes]
    with pytest.raises(ValueError) as expected:
        np.einsum(subscripts, *arrays)
    with pytest.raises(ValueError) as found:
        pt.einsum(subscripts, *map(pt.asarray, arrays))
    assert str(found.value) == f"einsum: {expected.value}"


def test_what_numpy_takes_a_view_of_shares_memory():
    x = pt.ones((300, 300))
    pt.einsum("ii->i", x)[3] = 7
    assert x[3, 3].item() == 7
