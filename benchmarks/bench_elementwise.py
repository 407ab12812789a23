"""Every element-wise row of the op table: naive loop, kernel, NumPy, peers."""

import pytest
import samples
from contenders import naive_loop, of_row
from harness import Case

from pytensor._tables.ops import ELEMENTWISE

NAIVE_SIZE = 1_000  # elements, of which a plain loop needs some 0.1 us for each


@pytest.mark.parametrize(("row", "dtype"), samples.cells(ELEMENTWISE), ids=samples.label)
def test_elementwise(row, dtype, size, compare):
    """out = f(x, y, z) on one-dimensional arrays in C order."""
    inputs = samples.inputs(row, size, dtype)
    found = of_row(row, inputs)
    if size == NAIVE_SIZE and dtype == samples.dtypes(row)[0]:
        found.append(naive_loop(row, inputs))
    out_bytes = size if row.result == "bool" else inputs[row.inputs[-1]].nbytes
    compare(
        Case(
            "element-wise",
            row.name,
            size,
            dtype,
            bytes=sum(a.nbytes for a in inputs.values()) + out_bytes,
        ),
        found,
    )
