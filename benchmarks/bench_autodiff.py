"""Derivatives of a chain of operations: value and gradient, Hessian times a vector, memory; and the
gradients of each sample of a network."""

import per_sample
import pytest
import samples
from contenders import present
from harness import Case, Contender

# Each library's function for the chain, and for its Hessian times a vector; see chains.py.
VALUE_AND_GRADIENT = {
    "pytensor": "pt.value_and_grad(lambda x: chains.chain(x, pt.tanh))",
    "pytensor jit": "pt.jit(pt.value_and_grad(lambda x: chains.chain(x, pt.tanh)))",
    "numpy": "chains.by_hand",
    "torch": "chains.torch_value_and_grad(torch)",
    "jax": "jax.jit(jax.value_and_grad(lambda x: chains.chain(x, jnp.tanh)))",
    "jax eager": "jax.value_and_grad(lambda x: chains.chain(x, jnp.tanh))",
    "autograd": "autograd.value_and_grad(lambda x: chains.chain(x, anp.tanh))",
}
HESSIAN_TIMES_VECTOR = {
    "pytensor": "pt.hvp(lambda x: chains.chain(x, pt.tanh))",
    "pytensor jit": "pt.jit(pt.hvp(lambda x: chains.chain(x, pt.tanh)))",
    "numpy": "chains.hessian_by_hand",
    "torch": "chains.torch_hvp(torch)",
    "jax": "jax.jit(chains.jax_hvp(jax))",
    "jax eager": "chains.jax_hvp(jax)",
    "autograd": "autograd.hessian_vector_product(lambda x: chains.chain(x, anp.tanh))",
}
# The recurrence of a network over 1000 steps, by its weights.
RECURRENCE = {
    "pytensor": "pt.jit(pt.value_and_grad(chains.recurrence(pt, pt.scan), (0, 1, 2)))",
    "pytensor eager": "pt.value_and_grad(chains.recurrence(pt, pt.scan), (0, 1, 2))",
    "numpy": "chains.recurrence_by_hand",
    "jax": "jax.jit(jax.value_and_grad(chains.recurrence(jnp, jax.lax.scan), (0, 1, 2)))",
}


def found(functions, inputs, result="{}"):
    """The contenders that take part; a call of JAX ends when its result is there.

    result: what to compare, where {} is the call.
    """
    names = ", ".join(inputs)
    return present(
        *(
            Contender(
                library,
                f"jax.block_until_ready(f({names}))" if "jax" in library else f"f({names})",
                inputs,
                f"import chains; f = {function}",
                result.format(f"f({names})"),
            )
            for library, function in functions.items()
        )
    )


def test_chain(compare):
    """(value, gradient) of the chain of 100 operations."""
    compare(
        Case("autodiff", "chain of 100 operations", 16, rtol=1e-4),
        found(VALUE_AND_GRADIENT, {"x": samples.uniform(16)}),
    )


def test_hessian_times_vector(compare):
    """The Hessian of the chain of 100 operations times a vector; at most four gradients' time."""
    compare(
        Case("autodiff", "its Hessian times a vector", 16, rtol=1e-4),
        found(HESSIAN_TIMES_VECTOR, {"x": samples.uniform(16), "v": samples.uniform(16, seed=1)}),
    )


@pytest.mark.parametrize("batch", [(), (1,), (32,)], ids=["vector", "batch of 1", "batch of 32"])
def test_recurrence(compare, batch):
    """(value, gradients) of 1000 steps of tanh(x @ w + h @ u + b) with 32 units."""
    w, u = (samples.uniform((32, 32), seed=k) * 0.1 for k in (1, 2))
    inputs = {
        "w": w,
        "u": u,
        "b": samples.uniform(32, seed=3),
        "xs": samples.uniform((1000, *batch, 32), seed=4),
        "start": samples.uniform((*batch, 32), seed=5),
    }
    size = "x".join(map(str, (1000, *batch, 32)))
    compare(
        Case("autodiff", "recurrence", size, rtol=1e-3, atol=1e-2),
        found(RECURRENCE, inputs, "(lambda found: (found[0], *found[1]))({})"),
    )


def test_memory(compare):
    """(value, gradient) of a chain of 1 000 operations; the most memory at a time goes along."""
    x = samples.uniform(100_000)
    ours = "{'peak_bytes': chains.peak(pt, f, x)}"
    compare(
        Case("autodiff", "chain of 1000 operations", x.size, rtol=1e-3),
        [
            Contender(
                "pytensor", "f(x)", {"x": x}, "import chains; f = chains.long_chain(pt)", extra=ours
            ),
            Contender(
                "pytensor checkpoint",
                "f(x)",
                {"x": x},
                "import chains; f = chains.long_chain_in_pieces(pt)",
                extra=ours,
            ),
            Contender(
                "numpy",
                "f(x, turns)",
                {"x": x},
                "import chains; f, turns = chains.by_hand, 10 * chains.TURNS",
                extra="{'peak_bytes': chains.numpy_peak(f, x, turns)}",
            ),
        ],
        operand_bytes=x.nbytes,
    )


def test_gradients_of_samples(compare):
    """The gradient of each of 128 samples by all weights of a network 784-512-10: 205 MB."""
    inputs = per_sample.inputs()
    names = ", ".join(inputs)
    functions = {"pytensor": "pytensor(pt)", "torch": "torch(torch)", "jax": "jax(jax)"}
    compare(
        Case("autodiff", "gradients of 128 samples", "784-512-10", rtol=1e-3, atol=1e-5),
        present(
            Contender("numpy", f"f({names})", inputs, "import per_sample; f = per_sample.by_hand"),
            *(
                Contender(
                    library,
                    f"jax.block_until_ready(f({names}))" if library == "jax" else f"f({names})",
                    inputs,
                    f"import per_sample; f = per_sample.{function}",
                )
                for library, function in functions.items()
            ),
        ),
    )
