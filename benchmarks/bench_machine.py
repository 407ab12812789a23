"""What the machine can do, the limits that the report holds the other figures against; how the
threads scale; what an import takes."""

import machine
import pytest
import samples
from contenders import contenders, taking_part
from harness import Case, Contender

FLOPS = 3 * 2**23  # of a call: whole numbers of passes, for vectors of any width


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fma_rate(dtype, compare):
    """Fused multiply-adds on one core, in registers."""
    try:
        machine.fma_kernel(dtype)
    except OSError as error:
        pytest.skip(f"the report derives the rate from products: {error}")
    compare(
        Case("machine", "fma", dtype=dtype, threads=1, flops=FLOPS),
        [Contender("C", f"f({FLOPS})", setup=f"import machine; f = machine.fma_kernel({dtype!r})")],
    )


def test_copy_bandwidth(threads, compare, quick):
    """memcpy of 256 MiB into memory that is mapped; ours beside it.

    A copy reads and writes every byte: that counts as two.
    """
    source = samples.uniform((4 if quick else 64) * 2**20)
    found = contenders({"x": source}, pytensor="pt.positive(x)", numpy="copies.copy()")
    found[1].setup = f"import machine; copies = machine.Copies(x, {threads})"
    compare(Case("machine", "copy", source.size, threads=threads, bytes=2 * source.nbytes), found)


@pytest.mark.parametrize("name", ["add", "exp", "sum"])
def test_threads(name, threads, compare):
    """Work of different kinds with each number of threads (products have their own table)."""
    arguments = "x, x" if name == "add" else "x"
    compare(
        Case("threads", f"{name} 1024x1024", "", threads=threads, rtol=1e-4, atol=1e-2),
        contenders(
            {"x": samples.uniform((1024, 1024))},
            **{
                library: f"{module}.{name}({arguments})"
                for library, module in (
                    ("pytensor", "pt"),
                    ("numpy", "np"),
                    ("torch", "torch"),
                    ("jax", "jnp"),
                )
            },
        ),
    )


def test_import(compare):
    """The start of an interpreter that imports a library; "python" imports nothing.

    In an editable install of ours the import looks whether something has to be rebuilt: only a
    regular install has a figure that counts.
    """
    distributions = {
        "pytensor": "pytensor-kernels",
        "numpy": "numpy",
        "torch": "torch",
        "jax": "jaxlib",
    }
    found = [
        Contender(
            library,
            f"machine.run('import {library}')",
            setup="import machine",
            result="",
            process="python",
            extra=f"{{'installed_bytes': machine.module_bytes({distribution!r})}}",
        )
        for library, distribution in distributions.items()
        if library in taking_part
    ]
    found.append(Contender("python", "machine.run('')", setup="import machine", result=""))
    compare(
        Case("import", "import", "", "", limit=30),
        found,
        editable=machine.module_bytes("pytensor-kernels") is None,
    )
