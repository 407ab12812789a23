"""The op table: one row per op, and everything that follows from a row.

The build reads this file (tools/generate.py) and makes of each row the C loops for every dtype and
instruction set, the kernel table, the Python function with its docstring and its type stub. At run
time the same rows give the tape its derivatives; the tests and the benchmarks walk them too.
docs/adding-an-op.md shows one op from formula to benchmark.

This module imports nothing but the standard library: it runs before anything is built.

Columns
    name      the public name, the Array API standard's where it has one
    doc       one line; the first sentence of the docstring
    types     kinds of dtype that have a loop: b bool, i signed, u unsigned, f floating-point.
              An input of another kind is converted: to the default floating-point dtype where only
              f is listed, to bool where only b is listed; otherwise it is a TypeError
    c         the C expression of one element in x, y, z; T is the element type and F(name) the
              function of that name for T (math_f32.h, math_f64.h, math_int.h). A dictionary where
              the kinds differ
    result    "same" (the dtype of the inputs), "bool", or "index": int64, a position
    d         one expression per input: the gradient with respect to it, in terms of g (the gradient
              of the result), the inputs x, y, z, the result out, and the row's parameters, written
              in the functions of this package. None: no gradient flows there (the derivative is 0
              almost everywhere, or the input is no number). A single string where a function takes
              any number of inputs: the gradient with respect to input number i or, where it does
              not name i, a sequence of all gradients. Where a call has several results, g and out
              are tuples. Of complex numbers the real part of the sum of g times the tangent
              counts: a rule that multiplies g by the slope is right for functions with a complex
              derivative, and what goes to a real number is made real elsewhere
    jvp       the derivative in forward mode, one expression per input: what the result gains from
              t, the tangent of the input, in terms of what d may name and out_shape; or a single
              string as for d. By default, of element-wise rows d with t for g (their Jacobian is
              diagonal), of others d transposed by the tape, which costs more
    numpy     the reference, in terms of np, x, y, z; by default the function np.<name>
    domain    (low, high) for each input: where tests and benchmarks sample
    identity  of a reduction: the result of no elements, None where the position is sought
    c         of a reduction: the new acc in terms of acc and x; with chooses=True, where the result
              is one of the elements, whether x takes the place of acc (a NaN does in any case)
    wide      True for a reduction of integers that is computed, and returned, in 64 bits
    chooses   True for a reduction whose result is one of the elements, or its position: it needs an
              element, and any order gives the same bits
    absorbing
              of a reduction: the element that decides the result whatever the others are
    conditions
              how many of the inputs, the first ones, are conditions: they are converted to bool and
              take no part in the promotion
    compares  True for a comparison: a Python integer beyond the dtype is compared by its value
    rare      True where the floating-point function in c covers common arguments only: the loop
              computes again with name_slow the elements for which name_rare holds
    example   a call, and what a Python session shows of its result: they end the docstring, and the
              tests run them
"""

from __future__ import annotations

from dataclasses import dataclass, field

NUMERIC = "iuf"
ALL = "biuf"


@dataclass(frozen=True)
class Row:
    """One op. See the module's docstring for the columns."""

    name: str
    kind: str
    doc: str
    types: str
    c: str | dict[str, str] | None
    result: str
    d: tuple[str | None, ...] | str
    numpy: str
    domain: tuple[tuple[float, float], ...]
    identity: str | None = None  # reductions: the C expression to start from
    parameters: tuple[str, ...] = field(default=())
    rare: bool = False
    wide: bool = False
    chooses: bool = False
    absorbing: int | None = None
    conditions: int = 0
    compares: bool = False
    jvp: tuple[str | None, ...] | str | None = None
    example: tuple[str, str] | tuple[()] = ()

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the tensor inputs, in order: x, y, z."""
        return () if isinstance(self.d, str) else tuple("xyz"[: len(self.d)])

    def c_for(self, kind: str) -> str | None:
        """The C expression for dtypes of this kind, or None if they have no loop."""
        if kind not in self.types or self.c is None:
            return None
        return self.c if isinstance(self.c, str) else self.c[kind]


TABLE: list[Row] = []


def unary(
    name,
    types,
    c,
    doc,
    *,
    d=None,
    result="same",
    numpy=None,
    domain=(-4, 4),
    rare=False,
    example=(),
):
    """A row for out = f(x), element by element."""
    TABLE.append(
        Row(
            name,
            "unary",
            doc,
            types,
            c,
            result,
            (d,),
            numpy or f"np.{name}(x)",
            (domain,),
            rare=rare,
            example=example,
        )
    )


def binary(
    name,
    types,
    c,
    doc,
    *,
    d=(None, None),
    result="same",
    numpy=None,
    domain=((-4, 4), (-4, 4)),
    rare=False,
    compares=False,
    example=(),
):
    """A row for out = f(x, y), element by element, with broadcasting."""
    TABLE.append(
        Row(
            name,
            "binary",
            doc,
            types,
            c,
            result,
            d,
            numpy or f"np.{name}(x, y)",
            domain,
            rare=rare,
            compares=compares,
            example=example,
        )
    )


def comparison(name, c, doc, *, example=()):
    """A row for out = whether x and y compare so, element by element, with broadcasting."""
    binary(name, ALL, c, doc, result="bool", compares=True, example=example)


def ternary(name, types, c, doc, *, d, numpy, domain, conditions=0, example=()):
    """A row for out = f(x, y, z), element by element, with broadcasting."""
    TABLE.append(
        Row(
            name,
            "ternary",
            doc,
            types,
            c,
            "same",
            d,
            numpy,
            domain,
            conditions=conditions,
            example=example,
        )
    )


def reduction(
    name,
    types,
    identity,
    c,
    doc,
    *,
    d=None,
    jvp=None,
    result="same",
    numpy=None,
    domain=(-4, 4),
    wide=False,
    chooses=False,
    absorbing=None,
    example=(),
):
    """A row for out = the elements of x along axes, combined."""
    TABLE.append(
        Row(
            name,
            "reduction",
            doc,
            types,
            c,
            result,
            (d,),
            numpy or f"np.{name}(x, axis=axis, keepdims=keepdims)",
            (domain,),
            identity,
            ("axis", "keepdims"),
            wide=wide,
            chooses=chooses,
            absorbing=absorbing,
            jvp=None if jvp is None else (jvp,),
            example=example,
        )
    )


def other(name, doc, *, d, jvp=None, numpy="", parameters=()):
    """A row for a handwritten function, for its derivative only."""
    TABLE.append(Row(name, "other", doc, "", None, "same", d, numpy, (), None, parameters, jvp=jvp))


# fmt: off
# --------------------------------------------------------------------------- arithmetic
binary("add", ALL, {"b": "x | y", "i": "x + y", "u": "x + y", "f": "x + y"},
       "x + y; for booleans, x or y.", d=("g", "g"),
       example=("pt.add([1.0, 2.0], [[10.0], [20.0]])",
                "Tensor([[11., 12.],\n        [21., 22.]], dtype=float32)"))
binary("subtract", NUMERIC, "x - y", "x - y.", d=("g", "-g"),
       example=("pt.subtract([5, 7], 2)", "Tensor([3, 5], dtype=int64)"))
binary("multiply", ALL, {"b": "x & y", "i": "x * y", "u": "x * y", "f": "x * y"},
       "x times y; for booleans, x and y.", d=("g * y", "g * x"),
       example=("pt.multiply([1.0, 2.0], [3.0, 4.0])", "Tensor([3., 8.], dtype=float32)"))
binary("divide", "f", "x / y", "x / y, the quotient as a floating-point number.",
       d=("g / y", "-g * out / y"), domain=((-4, 4), (0.5, 4)),
       example=("pt.divide([1, 2], 4)", "Tensor([0.25, 0.5 ], dtype=float32)"))
binary("floor_divide", NUMERIC, "F(floor_divide)(x, y)",
       "The largest integer not above x / y; x / y if one is infinite; for integers, 0 where y is "
       "0.",
       domain=((-9, 9), (1, 4)), rare=True,
       example=("pt.floor_divide([7, -7], 2)", "Tensor([ 3, -4], dtype=int64)"))
binary("remainder", NUMERIC, "F(remainder)(x, y)",
       "x - floor(x / y) * y: the remainder with the sign of y; for integers, 0 where y is 0.",
       d=("g", "-g * floor_divide(x, y)"), domain=((-9, 9), (1, 4)), rare=True,
       example=("pt.remainder([7, -7], 3)", "Tensor([1, 2], dtype=int64)"))
binary("pow", NUMERIC, "F(pow)(x, y)",
       "x to the power of y; integers wrap, and a negative integer power is truncated to an "
       "integer.",
       d=("g * pow_slope_x(x, y)", "g * pow_slope_y(x, out)"),
       numpy="np.power(x, y)", domain=((0.5, 3), (0, 3)),
       example=("pt.pow([1.0, 2.0, 3.0], 2)", "Tensor([1., 4., 9.], dtype=float32)"))
unary("negative", NUMERIC, "-x", "-x.", d="-g",
      example=("pt.negative([1, -2])", "Tensor([-1,  2], dtype=int64)"))
unary("positive", NUMERIC, "x", "x: a copy.", d="g",
      example=("pt.positive([1, -2])", "Tensor([ 1, -2], dtype=int64)"))
unary("abs", NUMERIC, {"i": "x < 0 ? -x : x", "u": "x", "f": "F(fabs)(x)"},
      "The absolute value of x. The derivative at 0 is 0.", d="g * sign(x)",
      example=("pt.abs([1.5, -2.5])", "Tensor([1.5, 2.5], dtype=float32)"))
unary("sign", NUMERIC, {"i": "(x > 0) - (x < 0)", "u": "x > 0", "f": "F(sign)(x)"},
      "-1, 0 or 1 for x below, at or above 0; NaN for NaN.",
      example=("pt.sign([-3.0, 0.0, 2.0])", "Tensor([-1.,  0.,  1.], dtype=float32)"))
binary("copysign", "f", "F(copysign)(x, y)", "The magnitude of x with the sign of y.",
       d=("g * sign(x) * copysign(ones_like(y), y)", None),
       example=("pt.copysign([1.0, 2.0], [-3.0, 4.0])", "Tensor([-1.,  2.], dtype=float32)"))
binary("nextafter", "f", "F(nextafter)(x, y)", "The next number after x on the way to y.",
       d=("g", None),
       example=("pt.nextafter([1.0], [2.0])", "Tensor([1.0000001], dtype=float32)"))
unary("square", NUMERIC, "x * x", "x times x.", d="g * (2 * x)",
      example=("pt.square([1, -3])", "Tensor([1, 9], dtype=int64)"))
unary("reciprocal", "f", "1 / x", "1 / x.", d="-g * out * out", domain=(0.5, 4),
      example=("pt.reciprocal([2.0, 4.0])", "Tensor([0.5 , 0.25], dtype=float32)"))
binary("maximum", ALL, {"b": "x | y", "i": "x > y ? x : y", "u": "x > y ? x : y",
                        "f": "F(maximum)(x, y)"},
       "The larger of x and y; NaN if either is, and so is the gradient. At ties each gets half.",
       d=("g * where(x == y, 0.5, where_positive(x - y, 1, 0))",
          "g * where(x == y, 0.5, where_positive(y - x, 1, 0))"),
       example=("pt.maximum([1.0, 5.0], [3.0, 2.0])", "Tensor([3., 5.], dtype=float32)"))
binary("minimum", ALL, {"b": "x & y", "i": "x < y ? x : y", "u": "x < y ? x : y",
                        "f": "F(minimum)(x, y)"},
       "The smaller of x and y; NaN if either is, and so is the gradient. At ties each gets half.",
       d=("g * where(x == y, 0.5, where_positive(y - x, 1, 0))",
          "g * where(x == y, 0.5, where_positive(x - y, 1, 0))"),
       example=("pt.minimum([1.0, 5.0], [3.0, 2.0])", "Tensor([1., 2.], dtype=float32)"))

# ------------------------------------------------------------- exponentials and powers
unary("sqrt", "f", "F(sqrt)(x)", "The square root of x.", d="g * 0.5 / out", domain=(0.1, 9),
      example=("pt.sqrt([1.0, 9.0])", "Tensor([1., 3.], dtype=float32)"))
unary("exp", "f", "F(exp)(x)", "e to the power of x.", d="g * out",
      example=("pt.exp([0.0, 1.0])", "Tensor([1.       , 2.7182817], dtype=float32)"))
unary("expm1", "f", "F(expm1)(x)", "exp(x) - 1, accurate near 0.", d="g * exp(x)",
      example=("pt.expm1([0.0, 1e-8])", "Tensor([0.e+00, 1.e-08], dtype=float32)"))
unary("log", "f", "F(log)(x)", "The natural logarithm of x.", d="g / x", domain=(0.1, 9),
      example=("pt.log([1.0, 10.0])", "Tensor([0.       , 2.3025851], dtype=float32)"))
unary("log1p", "f", "F(log1p)(x)", "log(1 + x), accurate near 0.", d="g / (1 + x)",
      domain=(-0.5, 9),
      example=("pt.log1p([0.0, 1.0])", "Tensor([0.       , 0.6931472], dtype=float32)"))
unary("log2", "f", "F(log2)(x)", "The logarithm of x to base 2.",
      d="g * 1.4426950408889634 / x", domain=(0.1, 9),
      example=("pt.log2([1.0, 8.0])", "Tensor([0., 3.], dtype=float32)"))
unary("log10", "f", "F(log10)(x)", "The logarithm of x to base 10.",
      d="g * 0.4342944819032518 / x", domain=(0.1, 9),
      example=("pt.log10([1.0, 1000.0])", "Tensor([0., 3.], dtype=float32)"))

binary("logaddexp", "f", "F(logaddexp)(x, y)", "log(exp(x) + exp(y)), without overflow.",
       d=("g * sigmoid(difference(x, y))", "g * sigmoid(difference(y, x))"),
       domain=((0, 4), (0, 4)),
       example=("pt.logaddexp([1000.0], [1000.0])", "Tensor([1000.6932], dtype=float32)"))

# ------------------------------------------------- trigonometric and hyperbolic functions
unary("sin", "f", "F(sin)(x)", "The sine of x radians.", d="g * cos(x)", rare=True,
      example=("pt.sin([0.0, 1.0])", "Tensor([0.        , 0.84147096], dtype=float32)"))
unary("cos", "f", "F(cos)(x)", "The cosine of x radians.", d="-g * sin(x)", rare=True,
      example=("pt.cos([0.0, 1.0])", "Tensor([1.       , 0.5403023], dtype=float32)"))
unary("tan", "f", "F(tan)(x)", "The tangent of x radians.", d="g * (1 + out * out)",
      domain=(-1.2, 1.2), rare=True,
      example=("pt.tan([0.0, 1.0])", "Tensor([0.       , 1.5574077], dtype=float32)"))
unary("asin", "f", "F(asin)(x)", "The angle whose sine is x, from -pi/2 to pi/2.",
      d="g / sqrt((1 - x) * (1 + x))", numpy="np.arcsin(x)", domain=(-0.9, 0.9),
      example=("pt.asin([0.0, 1.0])", "Tensor([0.       , 1.5707964], dtype=float32)"))
unary("acos", "f", "F(acos)(x)", "The angle whose cosine is x, from 0 to pi.",
      d="-g / sqrt((1 - x) * (1 + x))", numpy="np.arccos(x)", domain=(-0.9, 0.9),
      example=("pt.acos([1.0, 0.0])", "Tensor([0.       , 1.5707964], dtype=float32)"))
unary("atan", "f", "F(atan)(x)", "The angle whose tangent is x, from -pi/2 to pi/2.",
      d="g * turning(1, x)", numpy="np.arctan(x)",
      example=("pt.atan([0.0, 1.0])", "Tensor([0.       , 0.7853982], dtype=float32)"))
binary("atan2", "f", "F(atan2)(x, y)",
       "The angle of the point (y, x) on the plane, from -pi to pi.",
       d=("g * turning(y, x)", "-g * turning(x, y)"), numpy="np.arctan2(x, y)",
       domain=((0.5, 4), (-4, 4)),
       example=("pt.atan2([1.0, -1.0], [1.0, 1.0])",
                "Tensor([ 0.7853981, -0.7853981], dtype=float32)"))
binary("hypot", "f", "F(hypot)(x, y)", "sqrt(x**2 + y**2), without overflow.",
       d=("g * component(x, out)", "g * component(y, out)"),
       example=("pt.hypot([3.0], [4.0])", "Tensor([5.], dtype=float32)"))
unary("sinh", "f", "F(sinh)(x)", "The hyperbolic sine of x.", d="g * cosh(x)",
      example=("pt.sinh([0.0, 1.0])", "Tensor([0.       , 1.1752012], dtype=float32)"))
unary("cosh", "f", "F(cosh)(x)", "The hyperbolic cosine of x.", d="g * sinh(x)",
      example=("pt.cosh([0.0, 1.0])", "Tensor([1.       , 1.5430807], dtype=float32)"))
unary("tanh", "f", "F(tanh)(x)", "The hyperbolic tangent of x.", d="g * (1 - out * out)",
      example=("pt.tanh([0.0, 1.0])", "Tensor([0.       , 0.7615942], dtype=float32)"))
unary("asinh", "f", "F(asinh)(x)", "The number whose hyperbolic sine is x.",
      d="g / hypotenuse(x, 1)",
      numpy="np.arcsinh(x)",
      example=("pt.asinh([0.0, 1.0])", "Tensor([0.       , 0.8813736], dtype=float32)"))
unary("acosh", "f", "F(acosh)(x)", "The number >= 0 whose hyperbolic cosine is x.",
      d="g / (sqrt(x - 1) * sqrt(x + 1))", numpy="np.arccosh(x)", domain=(1.1, 4),
      example=("pt.acosh([1.0, 2.0])", "Tensor([0.      , 1.316958], dtype=float32)"))
unary("atanh", "f", "F(atanh)(x)", "The number whose hyperbolic tangent is x.",
      d="g / ((1 - x) * (1 + x))", numpy="np.arctanh(x)", domain=(-0.9, 0.9),
      example=("pt.atanh([0.0, 0.5])", "Tensor([0.        , 0.54930615], dtype=float32)"))

# ------------------------------------------------------------- of neural networks, of statistics
unary("relu", NUMERIC, {"i": "x > 0 ? x : 0", "u": "x", "f": "x < 0 ? 0 : x"},
      "max(x, 0); NaN stays NaN. The derivative at 0 is 0.", d="relu_gradient(g, x)",
      numpy="np.maximum(x, 0)",
      example=("pt.relu([-1.0, 0.0, 2.5])", "Tensor([0. , 0. , 2.5], dtype=float32)"))
binary("relu_gradient", "f", "y > 0 ? x : y == y ? 0 : y",
       "x where y > 0, else 0, NaN where y is NaN: what relu(y) passes on of the gradient x.",
       d=("relu_gradient(g, y)", None), numpy="np.where(y > 0, x, np.where(y == y, 0, y))",
       example=("pt.relu_gradient([1.0, 1.0], [-2.0, 3.0])", "Tensor([0., 1.], dtype=float32)"))
ternary("where_positive", "f", "x > 0 ? y : x == x ? z : x",
        "y where x > 0, z elsewhere, NaN where x is NaN: a function in two pieces.",
        d=(None, "where_positive(x, g, 0)", "where_positive(x, 0, g)"),
        numpy="np.where(x > 0, y, np.where(x == x, z, x))",
        domain=((-1, 1), (-4, 4), (-4, 4)),
        example=("pt.where_positive([-1.0, 0.0, 2.0], 1.0, 5.0)",
                 "Tensor([5., 5., 1.], dtype=float32)"))
unary("sigmoid", "f", "F(sigmoid)(x)", "The logistic function, 1 / (1 + exp(-x)).",
      d="g * out * (1 - out)", numpy="1 / (1 + np.exp(-x))",
      example=("pt.sigmoid([0.0, 2.0])", "Tensor([0.5      , 0.8807971], dtype=float32)"))
unary("softplus", "f", "F(softplus)(x)", "log(1 + exp(x)), without overflow.",
      d="g * sigmoid(x)", numpy="np.logaddexp(x, 0)",
      example=("pt.softplus([0.0, 100.0])", "Tensor([  0.6931472, 100.       ], dtype=float32)"))
unary("erf", "f", "F(erf)(x)", "The error function, 2 / sqrt(pi) times the integral of exp(-t**2) "
      "from 0 to x.", d="g * (1.1283791670955126 * exp(-x * x))",
      numpy="np.vectorize(math.erf, otypes=[x.dtype])(x)",
      example=("pt.erf([0.0, 1.0])", "Tensor([0.       , 0.8427008], dtype=float32)"))

# ---------------------------------------------------------------------------- rounding
unary("floor", NUMERIC, {"i": "x", "u": "x", "f": "F(floor)(x)"},
      "The largest integer not above x.",
      example=("pt.floor([1.5, -1.5])", "Tensor([ 1., -2.], dtype=float32)"))
unary("ceil", NUMERIC, {"i": "x", "u": "x", "f": "F(ceil)(x)"}, "The smallest integer not below x.",
      example=("pt.ceil([1.5, -1.5])", "Tensor([ 2., -1.], dtype=float32)"))
unary("trunc", NUMERIC, {"i": "x", "u": "x", "f": "F(trunc)(x)"},
      "x without its fractional part.",
      example=("pt.trunc([1.5, -1.5])", "Tensor([ 1., -1.], dtype=float32)"))
unary("round", NUMERIC, {"i": "x", "u": "x", "f": "F(round)(x)"},
      "The integer nearest to x; halves go to the even one.",
      example=("pt.round([0.5, 1.5, 2.6])", "Tensor([0., 2., 3.], dtype=float32)"))

# -------------------------------------------------------------------------- comparisons
comparison("equal", "x == y", "Whether x == y.",
           example=("pt.equal([1, 2], [1, 3])", "Tensor([ True, False], dtype=bool)"))
comparison("not_equal", "x != y", "Whether x != y.",
           example=("pt.not_equal([1, 2], [1, 3])", "Tensor([False,  True], dtype=bool)"))
comparison("less", "x < y", "Whether x < y.",
           example=("pt.less([1, 2, 3], 2)", "Tensor([ True, False, False], dtype=bool)"))
comparison("less_equal", "x <= y", "Whether x <= y.",
           example=("pt.less_equal([1, 2, 3], 2)", "Tensor([ True,  True, False], dtype=bool)"))
comparison("greater", "x > y", "Whether x > y.",
           example=("pt.greater([1, 2, 3], 2)", "Tensor([False, False,  True], dtype=bool)"))
comparison("greater_equal", "x >= y", "Whether x >= y.",
           example=("pt.greater_equal([1, 2, 3], 2)", "Tensor([False,  True,  True], dtype=bool)"))
unary("signbit", ALL, {"b": "x & 0", "i": "x < 0", "u": "x & 0", "f": "F(copysign)(1, x) < 0"},
      "Whether the sign is negative, of -0 and of NaN too.", result="bool",
      example=("pt.signbit([-0.0, 1.0])", "Tensor([ True, False], dtype=bool)"))
NEVER = dict.fromkeys("biu", "x & 0")  # of integers, which are neither NaN nor infinite
unary("isnan", ALL, {**NEVER, "f": "x != x"}, "Whether x is NaN.", result="bool",
      example=('pt.isnan([1.0, float("nan")])', "Tensor([False,  True], dtype=bool)"))
unary("isinf", ALL, {**NEVER, "f": "F(fabs)(x) == F(infinity)"}, "Whether x is an infinity.",
      result="bool",
      example=('pt.isinf([1.0, float("-inf")])', "Tensor([False,  True], dtype=bool)"))
unary("isfinite", ALL, {**dict.fromkeys("biu", "!(x & 0)"), "f": "F(fabs)(x) < F(infinity)"},
      "Whether x is neither NaN nor an infinity.", result="bool",
      example=('pt.isfinite([1.0, float("inf")])', "Tensor([ True, False], dtype=bool)"))

# --------------------------------------------------------------------- logic and bits
binary("logical_and", "b", "x & y", "Whether both x and y are true (not 0).",
       example=("pt.logical_and([True, True], [True, False])",
                "Tensor([ True, False], dtype=bool)"))
binary("logical_or", "b", "x | y", "Whether x or y is true (not 0).",
       example=("pt.logical_or([True, False], [False, False])",
                "Tensor([ True, False], dtype=bool)"))
binary("logical_xor", "b", "x ^ y", "Whether one of x and y is true and the other is not.",
       example=("pt.logical_xor([True, True], [True, False])",
                "Tensor([False,  True], dtype=bool)"))
unary("logical_not", "b", "!x", "Whether x is false (0).",
      example=("pt.logical_not([True, False])", "Tensor([False,  True], dtype=bool)"))
binary("bitwise_and", "biu", "x & y", "The bits that are set in both x and y.",
       example=("pt.bitwise_and(0b1100, 0b1010)", "Tensor(8, dtype=int64)"))
binary("bitwise_or", "biu", "x | y", "The bits that are set in x or y.",
       example=("pt.bitwise_or(0b1100, 0b1010)", "Tensor(14, dtype=int64)"))
binary("bitwise_xor", "biu", "x ^ y", "The bits that differ between x and y.",
       example=("pt.bitwise_xor(0b1100, 0b1010)", "Tensor(6, dtype=int64)"))
unary("bitwise_invert", "biu", {"b": "!x", "i": "~x", "u": "~x"}, "x with every bit turned over.",
      example=("pt.bitwise_invert([0, 1])", "Tensor([-1, -2], dtype=int64)"))
binary("bitwise_left_shift", "iu", "F(left_shift)(x, y)",
       "x shifted left by y bits; 0 once y reaches the width.", numpy="np.left_shift(x, y)",
       domain=((0, 9), (0, 4)),
       example=("pt.bitwise_left_shift(1, [0, 1, 2])", "Tensor([1, 2, 4], dtype=int64)"))
binary("bitwise_right_shift", "iu", "F(right_shift)(x, y)",
       "x shifted right by y bits, filled with the sign.", numpy="np.right_shift(x, y)",
       domain=((0, 99), (0, 4)),
       example=("pt.bitwise_right_shift(16, [0, 1, 2])", "Tensor([16,  8,  4], dtype=int64)"))

# ---------------------------------------------------------------------------- selection
ternary("clip", NUMERIC, {"i": "(x < y ? y : x) > z ? z : (x < y ? y : x)",
                          "u": "(x < y ? y : x) > z ? z : (x < y ? y : x)",
                          "f": "F(clip)(x, y, z)"},
        "x limited to the range from y to z; NaN stays NaN. Outside, x has no gradient; at NaN it "
        "is NaN.",
        d=("where((x >= y) & (x <= z), g, where(out == out, 0, out))",
           "where((x < y) & (y <= z), g, where(out == out, 0, out))",
           "where(maximum(x, y) > z, g, where(out == out, 0, out))"),
        numpy="np.clip(x, y, z)", domain=((-4, 4), (-2, -1), (1, 2)),
        example=("pt.clip([-5.0, 0.5, 5.0], -1.0, 1.0)",
                 "Tensor([-1. ,  0.5,  1. ], dtype=float32)"))
ternary("where", ALL, "x ? y : z",
        "y where x is true (not 0), z elsewhere. No gradient flows through what was not taken.",
        d=(None, "where(x, g, 0)", "where(x, 0, g)"), numpy="np.where(x, y, z)",
        domain=((-1, 1), (-4, 4), (-4, 4)), conditions=1,
        example=("pt.where([True, False], [1.0, 2.0], [10.0, 20.0])",
                 "Tensor([ 1., 20.], dtype=float32)"))

# --------------------------------------------------------------------------- reductions
reduction("sum", NUMERIC, "0", "acc + x",
          "The sum of the elements. Integers are added as 64-bit ones.", wide=True,
          d="broadcast_to(expand_axes(g, axis, keepdims), x_shape)",
          jvp="sum(t, axis=axis, keepdims=keepdims)",
          example=("pt.sum([[1.0, 2.0], [3.0, 4.0]], axis=0)", "Tensor([4., 6.], dtype=float32)"))
reduction("prod", NUMERIC, "1", "acc * x",
          "The product of the elements. Integers are multiplied as 64-bit ones.", wide=True,
          d="expand_axes(g, axis, keepdims) * prod_of_others(x, axis)", domain=(0.5, 2),
          jvp="sum(t * prod_of_others(x, axis), axis=axis, keepdims=keepdims)",
          example=("pt.prod([[1.0, 2.0], [3.0, 4.0]], axis=0)", "Tensor([3., 8.], dtype=float32)"))
reduction("max", ALL, "F(lowest)", "x > acc",
          "The largest element; NaN if one is NaN. Ties share the gradient equally.", chooses=True,
          d="expand_axes(g, axis, keepdims) * shares(x, out, axis, keepdims)",
          jvp="sum(t * shares(x, out, axis, keepdims), axis=axis, keepdims=keepdims)",
          example=("pt.max([[1.0, 2.0], [3.0, 4.0]], axis=1)", "Tensor([2., 4.], dtype=float32)"))
reduction("min", ALL, "F(highest)", "x < acc",
          "The smallest element; NaN if one is NaN. Ties share the gradient equally.", chooses=True,
          d="expand_axes(g, axis, keepdims) * shares(x, out, axis, keepdims)",
          jvp="sum(t * shares(x, out, axis, keepdims), axis=axis, keepdims=keepdims)",
          example=("pt.min([[1.0, 2.0], [3.0, 4.0]], axis=1)", "Tensor([1., 3.], dtype=float32)"))
reduction("any", "b", "0", "acc | x", "Whether any element is true (not 0).", result="bool",
          absorbing=1,
          example=("pt.any([[True, False], [False, False]], axis=1)",
                   "Tensor([ True, False], dtype=bool)"))
reduction("all", "b", "1", "acc & x", "Whether all elements are true (not 0).", result="bool",
          absorbing=0,
          example=("pt.all([[True, True], [True, False]], axis=1)",
                   "Tensor([ True, False], dtype=bool)"))
reduction("argmax", ALL, None, "x > acc",
          "The position of the largest element, the first of equals; of the first NaN if any.",
          chooses=True, result="index",
          example=("pt.argmax([3, 9, 4])", "Tensor(1, dtype=int64)"))
reduction("argmin", ALL, None, "x < acc",
          "The position of the smallest element, the first of equals; of the first NaN if any.",
          chooses=True, result="index",
          example=("pt.argmin([3, 9, 4])", "Tensor(0, dtype=int64)"))

# ------------------------------------------------- handwritten functions with a derivative
other("complex_abs", "abs of complex numbers. The derivative at 0 is 0.",
      d=("g * conj(x) / where(out == 0, 1, out)",), jvp=("t * conj(x) / where(out == 0, 1, out)",))
other("complex_sign", "sign of complex numbers: x / abs(x).",
      d=("(g - real(g * out) * conj(out)) / abs(x)",),
      jvp=("(t - real(t * conj(out)) * out) / abs(x)",))
other("mean", "The mean of the elements.", parameters=("axis", "keepdims", "count"),
      d=("broadcast_to(expand_axes(g / count, axis, keepdims), x_shape)",),
      jvp=("mean(t, axis=axis, keepdims=keepdims)",))
other("matmul", "The matrix product of the last two axes.",
      d=("matmul_gradient_x(g, x_shape, y)", "matmul_gradient_y(g, x, y_shape)"),
      jvp=("matmul(t, y)", "matmul(x, t)"))
other("reshape", "The elements in another shape.", d=("reshape(g, x_shape)",),
      jvp=("reshape(t, out_shape)",))
other("permute_dims", "The axes in another order.", parameters=("axes",),
      d=("permute_dims(g, inverse_permutation(axes))",), jvp=("permute_dims(t, axes)",))
other("broadcast_to", "Repeated along axes of length 1.", d=("g",), jvp=("t",))
other("astype", "Converted to another dtype.", d=("g",), jvp=("t",))
other("getitem", "Selected by index.", parameters=("key",),
      d=("scatter(g, key, x_shape)",), jvp=("t[key]",))
other("scatter", "Zeros, with x added at an index.", parameters=("key",), d=("g[key]",),
      jvp=("scatter(t, key, out_shape)",))
other("set_at", "x, with y at an index.", parameters=("key",),
      d=("set_at(g, key, 0)", "last_written(g, key, y_shape)"),
      jvp=("set_at(t, key, 0)", "set_at(full(x_shape, 0, dtype=t.dtype), key, t)"))
other("concat", "One after another along an axis.", parameters=("axis", "starts"),
      d="g[part_of_concat(i, axis, starts)]",
      jvp="scatter(t, part_of_concat(i, axis, starts), out_shape)")
other("linear", "x @ y + z, in one pass; columns: those of x that are not zero throughout.",
      parameters=("columns",),
      d=("g @ y.T", "linear_gradient_w(g, x, columns)", "g.sum(axis=tuple(range(g.ndim - 1)))"),
      jvp=("t @ y", "x @ t", "t"))
other("conv", "The convolution of x with the kernel y, + z.", parameters=("geometry",),
      d=("conv_transpose(g, y, None, geometry, x_shape)", "conv_weights(x, g, geometry, y_shape)",
         "g.sum(axis=tuple(range(g.ndim - 1)))"),
      jvp=("conv(t, y, None, geometry, out_shape)", "conv(x, t, None, geometry, out_shape)", "t"))
other("conv_transpose", "The transpose of the map that conv is of its first input, + z.",
      parameters=("geometry",),
      d=("conv(g, y, None, geometry, x_shape)", "conv_weights(g, x, geometry, y_shape)",
         "g.sum(axis=tuple(range(g.ndim - 1)))"),
      jvp=("conv_transpose(t, y, None, geometry, out_shape)",
           "conv_transpose(x, t, None, geometry, out_shape)", "t"))
other("conv_weights", "The transpose of the map that conv is of its second input.",
      parameters=("geometry",),
      d=("conv_transpose(y, g, None, geometry, x_shape)", "conv(x, g, None, geometry, y_shape)"),
      jvp=("conv_weights(t, y, geometry, out_shape)", "conv_weights(x, t, geometry, out_shape)"))
other("max_pool", "The largest element of each window.", parameters=("windows",),
      d=("max_pool_spread(g, x, windows)",), jvp=("max_pool_pick(t, x, windows, out_shape)",))
other("max_pool_pick", "The elements of x where y has the largest of each window.",
      parameters=("windows",), d=("max_pool_spread(g, y, windows)", None),
      jvp=("max_pool_pick(t, y, windows, out_shape)", None))
other("max_pool_spread", "The transpose of the map that max_pool_pick is of its first input.",
      parameters=("windows",), d=("max_pool_pick(g, y, windows, x_shape)", None),
      jvp=("max_pool_spread(t, y, windows)", None))
other("softmax", "exp(x) / sum(exp(x)) along the last axis.",
      d=("out * (g - sum(g * out, axis=-1, keepdims=True))",),
      jvp=("out * (t - sum(t * out, axis=-1, keepdims=True))",))
other("log_softmax", "log(softmax(x)) along the last axis.",
      d=("g - exp(out) * sum(g, axis=-1, keepdims=True)",),
      jvp=("t - sum(exp(out) * t, axis=-1, keepdims=True)",))
other("softmax_cross_entropy", "-sum(y * log_softmax(x)) along the last axis.",
      d=("cross_entropy_slope(g, x, y)",
         "-expand_axes(g, -1, False) * log_softmax(x)"),
      jvp=("sum(t * (softmax(x) * sum(y, axis=-1, keepdims=True) - y), axis=-1)",
           "-sum(t * log_softmax(x), axis=-1)"))
other("sparse_softmax_cross_entropy", "-log_softmax(x)[y] along the last axis, y a class number.",
      d=("sparse_cross_entropy_slope(g, x, y)", None),
      jvp=("sum(t * (softmax(x) - one_hot(y, x_shape[-1], t.dtype)), axis=-1)", None))
other("logsumexp", "log(sum(exp(x))) along axes.", parameters=("axis", "keepdims"),
      d=("expand_axes(g, axis, keepdims) * log_sum_weights(x, out, axis, keepdims)",),
      jvp=("sum(t * log_sum_weights(x, out, axis, keepdims), axis=axis, keepdims=keepdims)",))
other("cumulative_sum", "The sums of the elements up to each along an axis.",
      parameters=("axis", "include_initial"),
      d=("cumulative_sum_gradient(g, axis, include_initial)",),
      jvp=("cumulative_sum(t, axis=axis, include_initial=include_initial)",))
other("cumulative_prod", "The products of the elements up to each along an axis.",
      parameters=("axis", "include_initial"),
      d=("through(lambda x: cumulative_prod_composed(x, axis, include_initial), g, x)",))
other("attention", "softmax(scale * q k^T) v for q, k and v, block by block.",
      parameters=("operands", "mask", "scale", "is_causal"),
      d="attention_gradients(g, operands, mask, scale, is_causal)")
other("custom_gradient", "A function that brings its own derivative, or is computed again for it.",
      parameters=("pullback",), d="pullback(g)")
for _name, _doc in (("program", "A recorded function."),
                    ("scan", "A loop over the slices of tensors."),
                    ("while_loop", "A loop while a test is true."),
                    ("cond", "One of two functions.")):
    other(_name, _doc, parameters=("pullback", "pushforward"), d="pullback(g, out)",
          jvp="pushforward(t)")

# The kernels' enums number element-wise rows and reductions in this order.
# fmt: on

ELEMENTWISE = [row for row in TABLE if row.kind in ("unary", "binary", "ternary")]
REDUCTIONS = [row for row in TABLE if row.kind == "reduction"]
ROWS = {row.name: row for row in TABLE}
