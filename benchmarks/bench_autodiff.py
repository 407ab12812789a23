"""Derivatives of a chain of operations: value and gradient, Hessian times a vector, memory; and the
gradients of each sample of a network."""

import per_sample
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


def found(functions, inputs):
    """The contenders that take part; a call of JAX ends when its result is there."""
    names = ", ".join(inputs)
    return present(
        *(
            Contender(
                library,
                f"jax.block_until_ready(f({names}))" if "jax" in library else f"f({names})",
                inputs,
                f"import chains; f = {function}",
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
