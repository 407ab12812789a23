"""pytensor.naive: the loops against NumPy, and what they refuse."""

import numpy as np
import pytest

import pytensor as pt
from pytensor import losses, naive, optimizers

RNG = np.random.default_rng(0)
M = RNG.standard_normal((4, 5))
N = RNG.standard_normal((4, 5))
V = RNG.standard_normal(5)

IMAGE = RNG.standard_normal((5, 6, 2))
FILTERS = RNG.standard_normal((2, 3, 2, 4))

CASES = {
    "conv": (
        (IMAGE, FILTERS),
        np.einsum(
            "ijcab,abcf->ijf",
            np.lib.stride_tricks.sliding_window_view(IMAGE, (2, 3), axis=(0, 1)),
            FILTERS,
        ),
    ),
    "relu": ((M,), np.maximum(M, 0)),
    "add": ((M, N), M + N),
    "add_matrix_and_vector": ((M, V), M + V),
    "vector_dot": ((V, M[0]), V @ M[0]),
    "matrix_vector_dot": ((M, V), M @ V),
    "matrix_dot": ((M, N.T), M @ N.T),
    "softmax": ((M,), np.exp(M) / np.exp(M).sum(axis=1, keepdims=True)),
    "categorical_crossentropy": (
        (np.abs(N), np.abs(M)),
        -(np.abs(N) * np.log(np.abs(M))).sum(axis=1),
    ),
    "sgd_step": ((V, M[0], 0.1), V - 0.1 * M[0]),
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
    result = getattr(naive, name)(
        *(x if isinstance(x, float) else FORMS[form](x) for x in arguments)
    )
    assert isinstance(result, np.ndarray | np.generic)
    assert result.dtype == (np.float32 if form == "float32" else np.float64)
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, rtol=1e-5 if form == "float32" else 1e-13)


def test_max_pool_agrees_with_the_kernel():
    assert np.array_equal(naive.max_pool(IMAGE, 2), pt.nn.max_pool(IMAGE[None], 2)[0])


def test_a_kernel_must_fit_the_image():
    with pytest.raises(ValueError, match="conv: the kernel covers 2 elements of an axis of 1"):
        naive.conv(IMAGE[:1], FILTERS)
    with pytest.raises(ValueError, match="2 channels against 1 channels"):
        naive.conv(IMAGE, FILTERS[:, :, :1])


def test_softmax_of_large_numbers():
    np.testing.assert_allclose(naive.softmax([[1000.0, 1000.0]]), [[0.5, 0.5]])
    assert naive.softmax([[1, 2]]).dtype == np.float64


def test_momentum_keeps_a_part_of_the_velocity():
    w, velocity = naive.momentum_step(V, M[0], N[0], 0.1, 0.9)
    np.testing.assert_allclose(velocity, 0.9 * N[0] - 0.1 * M[0])
    np.testing.assert_allclose(w, V + velocity)


def test_gradient_agrees_with_the_tape():
    found = naive.gradient(lambda x: np.sum(np.sin(x) * x[0]), V)
    expected = pt.grad(lambda x: pt.sum(pt.sin(x) * x[0]))(pt.asarray(V))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_steps_agree_with_the_optimizer(momentum):
    optimizer = optimizers.SGD(0.1, momentum)
    w, kept, velocity = pt.array(V), V, np.zeros(5)
    for dw in M:
        optimizer.apply([pt.asarray(dw)], [w])
        if momentum:
            kept, velocity = naive.momentum_step(kept, dw, velocity, 0.1, momentum)
        else:
            kept = naive.sgd_step(kept, dw, 0.1)
    np.testing.assert_allclose(w, kept, rtol=1e-12)


def test_losses_agree_with_the_kernels():
    y_pred, y_true = naive.softmax(M), np.eye(5)[[0, 1, 2, 0]]
    np.testing.assert_allclose(pt.softmax(pt.asarray(M)), y_pred, rtol=1e-6)
    np.testing.assert_allclose(
        losses.categorical_crossentropy(y_true, y_pred),
        naive.categorical_crossentropy(y_true, y_pred),
        rtol=1e-6,
    )


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
        ("softmax", [(3,)], r"softmax: \(3,\): expected 2 dimensions"),
        ("categorical_crossentropy", [(2, 3), (3, 2)], "the shapes differ"),
        ("sgd_step", [(3,), (2,), ()], r"sgd_step: \(3,\) and \(2,\): the shapes differ"),
        ("momentum_step", [(3,), (3,), (2,), (), ()], r"\(3,\) and \(2,\): the shapes differ"),
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


def test_a_recurrence_is_that_of_the_layer():
    layer = pt.layers.SimpleRNN(4, return_sequences=True)
    expected = np.asarray(layer(M[None]))[0]
    found = naive.simple_rnn(M, *layer.get_weights())
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=r"recurrent_kernel \(2, 2\), bias \(4,\): expected"):
        naive.simple_rnn(M, N.T, np.eye(2), np.zeros(4))
    with pytest.raises(ValueError, match="5 inputs against 4 rows"):
        naive.simple_rnn(M, N, np.eye(5), np.zeros(5))
