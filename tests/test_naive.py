"""pytensor.naive: the loops against NumPy, and what they refuse."""

import numpy as np
import pytest

import pytensor as pt
from pytensor import naive

RNG = np.random.default_rng(0)
M = RNG.standard_normal((4, 5))
N = RNG.standard_normal((4, 5))
V = RNG.standard_normal(5)

CASES = {
    "relu": ((M,), np.maximum(M, 0)),
    "add": ((M, N), M + N),
    "add_matrix_and_vector": ((M, V), M + V),
    "vector_dot": ((V, M[0]), V @ M[0]),
    "matrix_vector_dot": ((M, V), M @ V),
    "matrix_dot": ((M, N.T), M @ N.T),
}
FORMS = {
    "arrays": np.asarray,
    "float32": np.float32,
    "tensors": pt.asarray,
    "lists": lambda array: array.tolist(),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", CASES)
def test_agrees_with_numpy(name, form):
    arguments, expected = CASES[name]
    result = getattr(naive, name)(*map(FORMS[form], arguments))
    assert isinstance(result, np.ndarray | np.generic)
    assert result.dtype == (np.float32 if form == "float32" else np.float64)
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, rtol=1e-5 if form == "float32" else 1e-13)


def test_integers_and_mixtures_keep_the_promoted_type():
    assert naive.matrix_dot([[1, 2]], [[3], [4]]).tolist() == [[11]]
    assert naive.matrix_dot([[1, 2]], [[3], [4]]).dtype == np.int64
    assert naive.add(np.float32([[1]]), np.float64([[2]])).dtype == np.float64


def test_arguments_stay_as_they_are():
    before = M.copy()
    naive.relu(M)
    np.testing.assert_array_equal(M, before)
    assert (before < 0).any()


def test_empty():
    assert naive.relu(np.zeros((0, 3))).shape == (0, 3)
    assert naive.matrix_dot(np.zeros((2, 0)), np.zeros((0, 3))).tolist() == [[0] * 3] * 2
    assert naive.vector_dot(np.zeros(0), np.zeros(0)) == 0


@pytest.mark.parametrize(
    ("name", "shapes", "message"),
    [
        ("relu", [(3,)], r"relu: \(3,\): expected 2 dimensions"),
        ("add", [(2, 3), (3,)], r"add: \(3,\): expected 2 dimensions"),
        ("add", [(2, 3), (3, 2)], r"add: \(2, 3\) and \(3, 2\): the shapes differ"),
        ("add_matrix_and_vector", [(2, 3), (1, 3)], r"\(1, 3\): expected 1 dimension$"),
        ("add_matrix_and_vector", [(2, 3), (2,)], "3 columns against 2 elements"),
        ("vector_dot", [(2, 3), (3,)], r"vector_dot: \(2, 3\): expected 1 dimension$"),
        ("vector_dot", [(3,), (4,)], r"\(3,\) and \(4,\): 3 elements against 4 elements"),
        ("matrix_vector_dot", [(2, 3), (2,)], "3 columns against 2 elements"),
        ("matrix_dot", [(300, 20), (30, 4)], r"\(300, 20\) and \(30, 4\): 20 columns against 30"),
        ("matrix_dot", [(2, 3), (3,)], r"matrix_dot: \(3,\): expected 2 dimensions"),
    ],
)
def test_refuses_shapes(name, shapes, message):
    with pytest.raises(ValueError, match=message):
        getattr(naive, name)(*map(np.zeros, shapes))
