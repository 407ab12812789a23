"""The long tail: functions of the namespace that NumPy computes, on tensors' memory without a copy.

One row per function. by_numpy.py makes the functions from the rows when they are first used, and
the build (tools/generate.py) writes type stubs of them. Functions with kernels are in ops.py,
functions composed of others in the modules of _functions/.

This module imports nothing but the standard library: it runs before anything is built.

Columns
    name        the public name; "linalg.qr" is pytensor.linalg.qr
    signature   as Python writes it. The names x, y, z and *operands are tensors, array-likes or
                numbers; all others are parameters, whose types are in PARAMETER_TYPES
    types       kinds of dtype that are taken: b bool, i signed, u unsigned, f floating-point,
                c complex. Where f is listed and i is not, others than those of c become float32;
                otherwise another kind is a TypeError
    doc         one line; the first sentence of the docstring
    numpy       the expression that computes it from ndarrays, in terms of np, math, the names of
                the signature, and the functions at the end of by_numpy.py; by default the
                function np.<name> with all the names of the signature
    d, jvp      as in ops.py: one expression per input, the gradient with respect to it, in
                terms of g, the inputs, out and the parameters (of any number of inputs: operands,
                the tuple of them); None for an input: no gradient flows there. None instead of the
                tuple: no derivative is known, and a call that a GradientTape would have to record
                raises
    returns     the fields of the named tuple that is returned, "Q, R"; "..." for a plain tuple of
                tensors; "" for one tensor
    promoting   False where the inputs keep their own dtypes
    changes     True where the expression changes x, a copy, which is the result where it returns
                None
    warns       False where NumPy only compares: it never warns then
    stacks      True where all axes before those that the function reads are a batch; where it has
                an axis, if that counts from the end. vmap then calls it once for all samples
    example     as in ops.py: a call and its result
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ALL = "biufc"
NUMBERS = "iufc"


@dataclass(frozen=True)
class Row:
    """One function. See the module's docstring for the columns."""

    name: str
    kind: str  # "unary", "binary": element by element; "other"
    signature: str
    types: str
    doc: str
    numpy: str
    d: tuple[str | None, ...] | str | None
    jvp: tuple[str | None, ...] | str | None
    promoting: bool
    warns: bool = True
    example: tuple[str, str] | tuple[()] = ()
    returns: str = ""
    changes: bool = False
    stacks: bool = False

    @property
    def arguments(self) -> tuple[str, ...]:
        """All names of the signature, in order."""
        return tuple(re.findall(r"(?:^|, )\*?([a-z_]\w*)", self.signature))

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the tensors: x, y, z; none where there may be any number of them."""
        return tuple(name for name in self.arguments if name in ("x", "y", "z"))

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the other arguments; operands, the tensors of any number, is one."""
        return tuple(name for name in self.arguments if name not in self.inputs)

    @property
    def typed_signature(self) -> str:
        """The signature with the types of the arguments."""
        return ", ".join(map(self._typed, self.signature.split(", ")))

    def _typed(self, argument: str) -> str:
        if argument in ("/", "*"):
            return argument
        name, _, default = argument.partition("=")
        if argument == "axis=None" and "keepdims" in self.arguments:
            kind = "_Axis"
        else:
            kind = PARAMETER_TYPES.get(argument) or PARAMETER_TYPES.get(name, "_Operand")
        return f"{name}: {kind}{default and f' = {default}'}"

    @property
    def result_type(self) -> str:
        """The type of the result; the name of a named tuple is that of the function: QrResult."""
        if not self.returns:
            return "Tensor"
        if self.returns == "...":
            return "tuple[Tensor, ...]"
        short = self.name.rpartition(".")[2]
        return f"{''.join(map(str.capitalize, short.split('_')))}Result"


# The types of parameters by name, or by name and default; all else is a tensor, array or number.
PARAMETER_TYPES = {
    "axes": "Sequence[int] | None",
    "axis": "int",
    "axis=None": "int | None",
    "descending": "bool",
    "dtype": "DTypeLike | None",
    "full_matrices": "bool",
    "include_initial": "bool",
    "invert": "bool",
    "keepdims": "bool",
    "mode": "Literal['reduced', 'complete']",
    "n": "int",
    "n=None": "int | None",
    "norm": "Literal['backward', 'ortho', 'forward'] | None",
    "ord": "float",
    "ord='fro'": "float | Literal['fro', 'nuc']",
    "rtol": "_Operand | None",
    "s": "Sequence[int] | None",
    "side": "Literal['left', 'right']",
    "sorter": "_Operand | None",
    "stable": "bool",
    "subscripts": "str",
    "upper": "bool",
}

TABLE: dict[str, Row] = {}
Rules = tuple[str | None, ...] | str | None  # the columns d and jvp
Example = tuple[str, str] | tuple[()]


def unary(
    name: str,
    types: str,
    doc: str,
    numpy: str | None = None,
    *,
    d: Rules = None,
    example: Example = (),
) -> None:
    """A row for out = f(x), element by element."""
    TABLE[name] = Row(
        *(name, "unary", "x, /", types, doc, numpy or f"np.{name}(x)", d, None, True),
        example=example,
        stacks=True,
    )


def other(
    name: str,
    signature: str,
    types: str,
    doc: str,
    numpy: str,
    *,
    d: Rules = None,
    jvp: Rules = None,
    promoting: bool = True,
    warns: bool = True,
    example: Example = (),
    returns: str = "",
    changes: bool = False,
    stacks: bool = False,
) -> None:
    """A row for any other function."""
    TABLE[name] = Row(
        *(name, "other", signature, types, doc, numpy, d, jvp, promoting, warns, example, returns),
        changes,
        stacks,
    )


# The rows of the op table that take complex numbers as well: by their reference there, or by the
# expression here.
COMPLEX = dict.fromkeys(
    (
        "abs",
        "acos",
        "acosh",
        "add",
        "all",
        "any",
        "asin",
        "asinh",
        "atan",
        "atanh",
        "cos",
        "cosh",
        "divide",
        "equal",
        "exp",
        "isfinite",
        "isinf",
        "isnan",
        "log",
        "log10",
        "log1p",
        "log2",
        "logical_and",
        "logical_not",
        "logical_or",
        "logical_xor",
        "matmul",
        "mean",
        "multiply",
        "negative",
        "not_equal",
        "positive",
        "pow",
        "prod",
        "reciprocal",
        "round",
        "sign",
        "sin",
        "sinh",
        "sqrt",
        "square",
        "subtract",
        "sum",
        "tan",
        "where",
    ),
    "",
) | {
    # keepdims: include_initial
    "cumulative_prod": "np.cumulative_prod(x, axis=axis, include_initial=keepdims)",
    "cumulative_sum": "np.cumulative_sum(x, axis=axis, include_initial=keepdims)",
    "expm1": "complex_expm1(x)",
    "tanh": "complex_tanh(x)",
}


def complex_reference(name: str) -> str | None:
    """The NumPy expression of a row of the op table for complex numbers, or None."""
    if name not in COMPLEX:
        return None
    from pytensor._tables.ops import ROWS

    return COMPLEX[name] or ROWS[name].numpy or f"np.{name}(x, axis=axis, keepdims=keepdims)"


# fmt: off
# ------------------------------------------------------------------------- element by element
unary("conj", NUMBERS, "x with the sign of the imaginary part turned.", "np.conj(x)",
      d=("conj(g)",),
      example=("pt.conj([1 + 2j])", "Tensor([1.-2.j], dtype=complex64)"))
unary("imag", "c", "The imaginary part, a view.", "x.imag",
      d=("g * -1j",),
      example=("pt.imag([1 + 2j])", "Tensor([2.], dtype=float32)"))
unary("real", NUMBERS, "The real part, a view; of a real number, itself.", "x.real",
      d=("g",),
      example=("pt.real([1 + 2j])", "Tensor([1.], dtype=float32)"))

# ---------------------------------------------------------------- searching, sorting, sets
other("argsort", "x, /, *, axis=-1, descending=False, stable=True", "biuf",
      "The positions that sort x along an axis; NaN comes last, or first in descending order.",
      "argsort(x, axis, descending, stable)", warns=False,
      stacks=True,
      example=("pt.argsort([3, 1, 2])", "Tensor([1, 2, 0], dtype=int64)"))
other("sort", "x, /, *, axis=-1, descending=False, stable=True", "biuf",
      "x sorted along an axis; NaN comes last, or first in descending order.",
      "sort(x, axis, descending, stable)",
      d=("sort_gradient(g, x, axis, descending, stable)",),
      jvp=("sort_tangent(t, x, axis, descending, stable)",), warns=False, changes=True,
      stacks=True,
      example=("pt.sort([3, 1, 2], descending=True)", "Tensor([3, 2, 1], dtype=int64)"))
other("isin", "x, y, /, *, invert=False", "biufc", "Whether each element of x is among those of y.",
      "np.isin(x, y, invert=invert)", warns=False,
      example=("pt.isin([1, 2, 3], [2, 5])", "Tensor([False,  True, False], dtype=bool)"))
other("nonzero", "x, /", ALL, "For each axis, the indices of the elements that are not 0.",
      "nonzero(x)", warns=False,
      returns="...",
      example=("pt.nonzero([[1, 0], [0, 2]])",
               "(Tensor([0, 1], dtype=int64), Tensor([0, 1], dtype=int64))"))
other("searchsorted", "x, y, /, *, side='left', sorter=None", "biuf",
      "Where to insert y into the sorted vector x to keep it sorted.",
      "x.searchsorted(y, side=side, sorter=sorter)", warns=False,
      example=("pt.searchsorted([1.0, 2.0, 3.0], [2.5])", "Tensor([2], dtype=int64)"))
other("unique_all", "x, /", ALL,
      "The different elements, where each first stands, which one each element is, and how often "
      "each occurs.", "np.unique_all(x)", warns=False,
      returns="values, indices, inverse_indices, counts",
      example=("pt.unique_all([3, 1, 3]).values", "Tensor([1, 3], dtype=int64)"))
other("unique_counts", "x, /", ALL, "The different elements, and how often each occurs.",
      "np.unique_counts(x)", warns=False,
      returns="values, counts",
      example=("pt.unique_counts([3, 1, 3]).counts", "Tensor([1, 2], dtype=int64)"))
other("unique_inverse", "x, /", ALL, "The different elements, and which one each element is.",
      "np.unique_inverse(x)", warns=False,
      returns="values, inverse_indices",
      example=("pt.unique_inverse([3, 1, 3]).inverse_indices", "Tensor([1, 0, 1], dtype=int64)"))
other("unique_values", "x, /", ALL, "The different elements, sorted.",
      "np.unique(x, equal_nan=False)", warns=False,
      example=("pt.unique_values([3, 1, 3])", "Tensor([1, 3], dtype=int64)"))

# ---------------------------------------------------------------------- sums of products
other("einsum", "subscripts, /, *operands", NUMBERS + "b",
      "Sums of products over the axes that subscripts name, as in 'ij,jk->ik'; large ones as "
      "products of matrices.",
      "einsum(subscripts, operands)",
      d="einsum_gradient(g, i, subscripts, operands)",
      jvp="einsum_tangent(t, i, subscripts, operands)",
      example=('pt.einsum("ij,jk->ik", [[1.0, 2.0]], [[3.0], [4.0]])',
               "Tensor([[11.]], dtype=float32)"))

# ------------------------------------------------------------------------- linear algebra
other("linalg.cholesky", "x, /, *, upper=False", "fc",
      "The triangular matrix L with x = L L^H (or U with x = U^H U) of a positive definite x.",
      "np.linalg.cholesky(x, upper=upper)",
      d=("conj(cholesky_gradient(conj(g), out, upper))",),
      jvp=("cholesky_tangent(t, out, upper)",),
      stacks=True,
      example=("pt.linalg.cholesky([[4.0, 2.0], [2.0, 5.0]])",
               "Tensor([[2., 0.],\n        [1., 2.]], dtype=float32)"))
other("linalg.det", "x, /", "fc", "The determinants of the (..., n, n) matrices.",
      "np.linalg.det(x)",
      d=("as_matrices(g * out) * linalg.inv(x).mT",),
      jvp=("out * linalg.trace(linalg.solve(x, t))",),
      stacks=True,
      example=("pt.linalg.det([[1.0, 2.0], [3.0, 5.0]])", "Tensor(-1., dtype=float32)"))
other("linalg.eig", "x, /", "fc", "Eigenvalues and eigenvectors of square matrices, complex.",
      "as_complex(np.linalg.eig, x)",
      returns="eigenvalues, eigenvectors",
      d=("through(lambda t: eig_tangent(t, out), g, zeros_like(x))",),
      jvp=("eig_tangent(t, out)",),
      stacks=True,
      example=("pt.linalg.eig([[2.0, 0.0], [0.0, 3.0]]).eigenvalues",
               "Tensor([2.+0.j, 3.+0.j], dtype=complex64)"))
other("linalg.eigvals", "x, /", "fc", "The eigenvalues of square matrices, complex.",
      "as_complex(np.linalg.eigvals, x)",
      d=("eigvals_gradient(g, x)",),
      jvp=("eigvals_tangent(t, x)",),
      stacks=True,
      example=("pt.linalg.eigvals([[2.0, 0.0], [0.0, 3.0]])",
               "Tensor([2.+0.j, 3.+0.j], dtype=complex64)"))
other("linalg.eigh", "x, /", "fc",
      "Eigenvalues, ascending, and eigenvectors of symmetric or Hermitian matrices.",
      "np.linalg.eigh(x)",
      returns="eigenvalues, eigenvectors",
      d=("conj(eigh_gradient(conjugates(g), out))",),
      jvp=("eigh_tangent(t, out)",),
      stacks=True,
      example=("pt.linalg.eigh([[2.0, 0.0], [0.0, 3.0]]).eigenvalues",
               "Tensor([2., 3.], dtype=float32)"))
other("linalg.eigvalsh", "x, /", "fc",
      "The eigenvalues, ascending, of symmetric or Hermitian matrices.", "np.linalg.eigvalsh(x)",
      d=("conj(eigvalsh_gradient(g, x))",),
      jvp=("eigvalsh_tangent(t, x)",),
      stacks=True,
      example=("pt.linalg.eigvalsh([[2.0, 1.0], [1.0, 2.0]])", "Tensor([1., 3.], dtype=float32)"))
other("linalg.inv", "x, /", "fc", "The inverse of square matrices.", "np.linalg.inv(x)",
      d=("-out.mT @ g @ out.mT",),
      jvp=("-out @ t @ out",),
      stacks=True,
      example=("pt.linalg.inv([[2.0, 0.0], [0.0, 4.0]])",
               "Tensor([[0.5 , 0.  ],\n        [0.  , 0.25]], dtype=float32)"))
other("linalg.matrix_norm", "x, /, *, keepdims=False, ord='fro'", "fc",
      "The norm of matrices: 'fro', 'nuc', 1, -1, 2, -2, inf or -inf.",
      "matrix_norm(x, keepdims, ord)",
      d=("through(lambda x: matrix_norm_composed(x, keepdims, ord), g, x)",),
      stacks=True,
      example=("pt.linalg.matrix_norm([[3.0, 0.0], [0.0, 4.0]])", "Tensor(5., dtype=float32)"))
other("linalg.matrix_power", "x, n, /", "fc", "Square matrices to the power of an integer n.",
      "np.linalg.matrix_power(x, n)",
      d=("through(lambda x: power(x, n), g, x)",),
      stacks=True,
      example=("pt.linalg.matrix_power([[1.0, 1.0], [0.0, 1.0]], 3)",
               "Tensor([[1., 3.],\n        [0., 1.]], dtype=float32)"))
other("linalg.matrix_rank", "x, /, *, rtol=None", "fc",
      "How many singular values are above rtol times the largest.",
      "np.linalg.matrix_rank(x, rtol=rtol)",
      stacks=True,
      example=("pt.linalg.matrix_rank([[1.0, 2.0], [2.0, 4.0]])", "Tensor(1, dtype=int64)"))
other("linalg.pinv", "x, /, *, rtol=None", "fc",
      "The Moore-Penrose inverse, without singular values up to rtol times the largest.",
      "np.linalg.pinv(x, rtol=rtol)",
      d=("conj(pinv_gradient(conj(g), x, out))",),
      jvp=("pinv_tangent(t, x, out)",),
      stacks=True,
      example=("pt.linalg.pinv([[2.0, 0.0], [0.0, 0.0]])",
               "Tensor([[0.5, 0. ],\n        [0. , 0. ]], dtype=float32)"))
other("linalg.qr", "x, /, *, mode='reduced'", "fc",
      "Q, orthonormal columns, and upper triangular R, x = Q R; mode: 'reduced' or 'complete'.",
      "np.linalg.qr(x, mode=mode)",
      returns="Q, R",
      d=("conj(qr_gradient(conjugates(g), x, out, mode))",),
      stacks=True,
      example=("pt.linalg.qr([[0.0, 2.0], [1.0, 0.0]]).R",
               "Tensor([[-1.,  0.],\n        [ 0., -2.]], dtype=float32)"))
other("linalg.slogdet", "x, /", "fc",
      "The sign and the logarithm of the magnitude of determinants.",
      "np.linalg.slogdet(x)",
      returns="sign, logabsdet",
      d=("slogdet_gradient(g, x, out)",),
      jvp=("slogdet_tangent(t, x, out)",),
      stacks=True,
      example=("pt.linalg.slogdet([[2.0, 0.0], [0.0, 3.0]]).logabsdet",
               "Tensor(1.7917595, dtype=float32)"))
other("linalg.solve", "x, y, /", "fc", "The solution a of x a = y; y: (..., n, k) or (n,).",
      "solve(x, y)",
      d=("solve_gradient_x(g, x, y_shape, out)", "solve_gradient_y(g, x, y_shape)"),
      jvp=("solve_tangent_x(t, x, y_shape, out)", "linalg.solve(x, t)"),
      stacks=True,
      example=("pt.linalg.solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0])",
               "Tensor([1. , 0.5], dtype=float32)"))
other("linalg.svd", "x, /, *, full_matrices=True", "fc",
      "U, singular values S in descending order, and Vh, with x = U diag(S) Vh.",
      "np.linalg.svd(x, full_matrices=full_matrices)",
      returns="U, S, Vh",
      d=("conj(svd_gradient(conjugates(g), x, out))",),
      jvp=("svd_tangent(t, x, out)",),
      stacks=True,
      example=("pt.linalg.svd([[3.0, 0.0], [0.0, 2.0]]).S", "Tensor([3., 2.], dtype=float32)"))
other("linalg.svdvals", "x, /", "fc", "The singular values, in descending order.",
      "np.linalg.svdvals(x)",
      d=("conj(svdvals_gradient(g, x))",),
      jvp=("svdvals_tangent(t, x)",),
      stacks=True,
      example=("pt.linalg.svdvals([[3.0, 0.0], [0.0, 2.0]])", "Tensor([3., 2.], dtype=float32)"))
other("linalg.vector_norm", "x, /, *, axis=None, keepdims=False, ord=2", "fc",
      "The norm sum(abs(x)**ord)**(1/ord) along axes; inf, -inf: the largest, smallest; 0: count.",
      "vector_norm(x, axis, keepdims, ord)",
      d=("expand_axes(g, axis, keepdims) * vector_norm_slope(x, out, axis, keepdims, ord)",),
      jvp=("sum(t * vector_norm_slope(x, out, axis, keepdims, ord), axis=axis, "
           "keepdims=keepdims)",),
      example=("pt.linalg.vector_norm([3.0, 4.0])", "Tensor(5., dtype=float32)"))

# ------------------------------------------------------------------------ Fourier transforms
_NORM = "norm='backward'"
for _name, _types, _doc, _call, _result in (
        ("fft", "fc", "The discrete Fourier transform along an axis, of n points.",
         "[1.0, 2.0, 3.0, 4.0]",
         "Tensor([10.+0.j, -2.+2.j, -2.+0.j, -2.-2.j], dtype=complex64)"),
        ("ifft", "fc", "The inverse of fft.",
         "[4.0, 0.0, 0.0, 0.0]", "Tensor([1.+0.j, 1.+0.j, 1.+0.j, 1.+0.j], dtype=complex64)"),
        ("rfft", "f", "The Fourier transform of real numbers: the n // 2 + 1 terms that suffice.",
         "[1.0, 2.0, 3.0, 4.0]", "Tensor([10.+0.j, -2.+2.j, -2.+0.j], dtype=complex64)"),
        ("irfft", "fc", "The inverse of rfft: n real numbers.",
         "[10.0, -2 + 2j, -2.0]", "Tensor([1., 2., 3., 4.], dtype=float32)"),
        ("hfft", "fc", "The Fourier transform, real, of half a Hermitian signal.",
         "[1.0, 2.0, 3.0]", "Tensor([ 8., -2.,  0., -2.], dtype=float32)"),
        ("ihfft", "f", "The inverse of hfft.",
         "[8.0, -2.0, 0.0, -2.0]", "Tensor([1.-0.j, 2.-0.j, 3.-0.j], dtype=complex64)")):
    other(f"fft.{_name}", f"x, /, *, n=None, axis=-1, {_NORM}", _types, _doc,
          f"np.fft.{_name}(x, n=n, axis=axis, norm=norm)",
          d=(f"{_name}_gradient(g, x_shape, n, (axis,), norm)",),
          jvp=(f"fft.{_name}(t, n=n, axis=axis, norm=norm)",),
          stacks=True,
          example=(f"pt.fft.{_name}({_call})", _result))
for _name, _types, _doc, _call, _result in (
        ("fftn", "fc", "The Fourier transform along several axes, of s points.",
         "[[1.0, 2.0], [3.0, 4.0]]",
         "Tensor([[10.+0.j, -2.+0.j],\n        [-4.+0.j,  0.+0.j]], dtype=complex64)"),
        ("ifftn", "fc", "The inverse of fftn.", "[[10.0, -2.0], [-4.0, 0.0]]",
         "Tensor([[1.+0.j, 2.+0.j],\n        [3.+0.j, 4.+0.j]], dtype=complex64)"),
        ("rfftn", "f", "The Fourier transform of real numbers along several axes.",
         "[[1.0, 2.0], [3.0, 4.0]]",
         "Tensor([[10.+0.j, -2.+0.j],\n        [-4.+0.j,  0.+0.j]], dtype=complex64)"),
        ("irfftn", "fc", "The inverse of rfftn.", "[[10.0, -2.0], [-4.0, 0.0]]",
         "Tensor([[1., 2.],\n        [3., 4.]], dtype=float32)")):
    other(f"fft.{_name}", f"x, /, *, s=None, axes=None, {_NORM}", _types, _doc,
          f"transform_n(np.fft.{_name}, x, s, axes, norm)",
          d=(f"{_name[:-1]}_gradient(g, x_shape, s and s[-1], axes_of(x_shape, s, axes), norm)",),
          jvp=(f"fft.{_name}(t, s=s, axes=axes, norm=norm)",),
          example=(f"pt.fft.{_name}({_call})", _result))
# fmt: on
