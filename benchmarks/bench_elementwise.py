"""Every element-wise row of the op table: naive loop, kernel, NumPy, peers."""

import libraries
import pytest
import samples
from loops import naive_loop
from measure import Case, Contender

from pytensor._tables.ops import ELEMENTWISE

NAIVE_LIMIT = 1_000  # elements: a plain loop needs some 0.1 us for each


@pytest.mark.parametrize(("row", "dtype"), samples.cells(ELEMENTWISE), ids=samples.label)
def test_elementwise(row, dtype, size, compare):
    """out = f(x, y, z) on one-dimensional arrays in C order."""
    arrays = samples.inputs(row, size, dtype)
    contenders = [
        libraries.ours(f"pt.{row.name}({', '.join(row.inputs)})", **arrays),
        libraries.numpy(row.numpy, **arrays),
        *libraries.peers(libraries.torch_expression(row), libraries.jax_expression(row), **arrays),
    ]
    if size <= NAIVE_LIMIT:
        loop = naive_loop(row, arrays[row.inputs[-1]].dtype.kind)
        contenders.append(Contender("naive", f"loop({', '.join(row.inputs)})",
                                    {"loop": loop, **arrays}))
    out_bytes = size if row.result == "bool" else arrays[row.inputs[-1]].nbytes
    compare(Case("element-wise", row.name, size, dtype,
                 bytes=sum(a.nbytes for a in arrays.values()) + out_bytes), contenders)
