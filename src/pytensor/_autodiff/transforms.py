"""Derivatives of functions, on top of the tape: grad, vjp, jvp, jacobian, hessian, hvp.

All of them run a function under a GradientTape, which replays its records backwards (gradient) or
forwards (jvp). The tape itself is _core/tape.pxi; its rules are the tables' columns d and jvp,
compiled by rules.py. What is computed from a tape can be recorded by a tape around it, so all
functions here can be applied to each other's results.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar, overload

from pytensor import _core
from pytensor._autodiff.trees import is_variable, leaves, map_leaves, new_variables, spread
from pytensor._core import GradientTape, Tensor, stop_gradient
from pytensor._tables.ops import ELEMENTWISE, REDUCTIONS, TABLE

if TYPE_CHECKING:
    from pytensor._autodiff.signatures import Argnums, Derivative, Function, ValueAndDerivative
    from pytensor._tables import numpy_rows

__all__ = [
    "GradientTape",
    "check_grads",
    "checkpoint",
    "custom_gradient",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "stop_gradient",
    "tape_text",
    "value_and_grad",
    "vjp",
]

_Arguments = ParamSpec("_Arguments")
_Value = TypeVar("_Value")

_ROWS = ELEMENTWISE + REDUCTIONS + [row for row in TABLE if row.kind == "other"]


def _load_rules() -> None:
    from pytensor._autodiff import rules

    rules.load(_ROWS)


def _add_rules(row: numpy_rows.Row) -> None:
    from pytensor._autodiff import rules

    rules.add(row)


_core.set_names([row.name for row in _ROWS])


def _record_program(*arguments: Any) -> Any:
    from pytensor._autodiff import programs

    _core.hand_down(record_program=programs.record_program)  # the next call goes there
    return programs.record_program(*arguments)


_core.hand_down(load_rules=_load_rules, add_rules=_add_rules, record_program=_record_program)


# -------------------------------------------------------------------------------- gradients


@overload
def value_and_grad(
    f: Function,
    argnums: Literal[0] = 0,
    has_aux: Literal[False] = False,
    *,
    holomorphic: bool = False,
) -> ValueAndDerivative: ...
@overload
def value_and_grad(
    f: Callable[..., Tensor],
    argnums: int,
    has_aux: Literal[False] = False,
    *,
    holomorphic: bool = False,
) -> Callable[..., tuple[Tensor, Any]]: ...
@overload
def value_and_grad(
    f: Callable[..., Tensor],
    argnums: Sequence[int],
    has_aux: Literal[False] = False,
    *,
    holomorphic: bool = False,
) -> Callable[..., tuple[Tensor, tuple[Any, ...]]]: ...
@overload
def value_and_grad(
    f: Callable[..., tuple[Tensor, Any]],
    argnums: Argnums,
    has_aux: Literal[True],
    *,
    holomorphic: bool = False,
) -> Callable[..., tuple[tuple[Tensor, Any], Any]]: ...
@overload
def value_and_grad(
    f: Callable[..., tuple[Tensor, Any]],
    argnums: Argnums = 0,
    *,
    has_aux: Literal[True],
    holomorphic: bool = False,
) -> Callable[..., tuple[tuple[Tensor, Any], Any]]: ...
def value_and_grad(
    f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, *, holomorphic: bool = False
) -> Callable[..., Any]:
    """Return the function that computes f's value and its gradient.

    Args:
        f: a function of tensors (and of anything else) that returns a tensor with one element.
        argnums: the position, or tuple of positions, of the arguments to differentiate by. Python
            floats there count as 0-d tensors; nested lists, tuples and dictionaries of tensors are
            allowed.
        has_aux: f returns a pair, the tensor and anything else, which is passed on.
        holomorphic: f has a complex derivative, and its arguments and value are complex; otherwise
            the value has to be real.

    Returns:
        A function of f's arguments that returns (value, gradient), or ((value, aux), gradient). The
        gradient has the form of the argument (for a tuple of positions: a tuple), and zeros where
        the value does not depend on it. By a complex x + iy it is, as in JAX, df/dx - i df/dy: the
        derivative where f is holomorphic, and the conjugate of the direction of steepest ascent
        where the value is real.

    Raises:
        TypeError: argnums is something else, an argument is neither floating-point nor complex, the
            value is no tensor, or is complex without holomorphic.
        ValueError: the value has more than one element.

    >>> value, gradient = pt.value_and_grad(lambda x: x ** 2)(3.0)
    >>> value.item(), gradient.item()
    (9.0, 6.0)
    """
    several, positions = _positions("grad", argnums)

    @wraps(f)
    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        arguments, variables = _watchable("grad", args, positions)
        if holomorphic:
            _check_complex("grad", variables)
        with GradientTape() as tape:
            tape.watch(variables)
            result = f(*arguments, **kwargs)
        value, aux = _pair("grad", result) if has_aux else (result, None)
        if not isinstance(value, Tensor):
            raise TypeError(
                f"grad: the function returned a {type(value).__name__}: expected a tensor"
            )
        if value.size != 1:
            raise ValueError(
                f"grad: the function returned a tensor of shape {value.shape}: "
                "expected one element (use sum or mean)"
            )
        if holomorphic != (value.dtype.kind == "c"):
            raise TypeError(
                f"grad: the function returned {_described(value)}: expected a complex one for a "
                "holomorphic function, a real one for others (see holomorphic)"
            )
        gradients = _filled(tape.gradient(value, variables), variables)
        return ((value, aux) if has_aux else value, tuple(gradients) if several else gradients[0])

    return value_and_gradient


@overload
def grad(
    f: Function,
    argnums: Literal[0] = 0,
    has_aux: Literal[False] = False,
    *,
    holomorphic: bool = False,
) -> Derivative: ...
@overload
def grad(
    f: Callable[..., Tensor],
    argnums: int,
    has_aux: Literal[False] = False,
    *,
    holomorphic: bool = False,
) -> Callable[..., Any]: ...
@overload
def grad(
    f: Callable[..., Tensor],
    argnums: Sequence[int],
    has_aux: Literal[False] = False,
    *,
    holomorphic: bool = False,
) -> Callable[..., tuple[Any, ...]]: ...
@overload
def grad(
    f: Callable[..., tuple[Tensor, Any]],
    argnums: Argnums,
    has_aux: Literal[True],
    *,
    holomorphic: bool = False,
) -> Callable[..., tuple[Any, Any]]: ...
@overload
def grad(
    f: Callable[..., tuple[Tensor, Any]],
    argnums: Argnums = 0,
    *,
    has_aux: Literal[True],
    holomorphic: bool = False,
) -> Callable[..., tuple[Any, Any]]: ...
def grad(
    f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, *, holomorphic: bool = False
) -> Callable[..., Any]:
    """Return the function that computes the gradient of f, or with has_aux (gradient, aux).

    See value_and_grad for the arguments. grad(grad(f)) is the second derivative.

    >>> pt.grad(lambda x: pt.sum(x ** 3))(pt.asarray([1.0, 2.0]))
    Tensor([ 3., 12.], dtype=float32)
    """
    with_value: Callable[..., Any] = value_and_grad(f, argnums, has_aux, holomorphic=holomorphic)  # type: ignore[call-overload]

    @wraps(f)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, g = with_value(*args, **kwargs)
        return (g, value[1]) if has_aux else g

    return gradient


# ---------------------------------------------------------------- products with the Jacobian


@overload
def vjp(
    f: Callable[..., _Value], *primals: Any, has_aux: Literal[False] = False
) -> tuple[_Value, Callable[[Any], tuple[Any, ...]]]: ...
@overload
def vjp(
    f: Callable[..., tuple[_Value, Any]], *primals: Any, has_aux: Literal[True]
) -> tuple[_Value, Callable[[Any], tuple[Any, ...]], Any]: ...
def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Return f's value and the function that multiplies a vector by the Jacobian: reverse mode.

    Args:
        f: a function of floating-point or complex tensors that returns a tensor; arguments and
            value may be nested lists, tuples and dictionaries of them.
        *primals: its arguments.
        has_aux: f returns a pair, the value and anything else.

    Returns:
        (value, pullback), or (value, pullback, aux). pullback(g), g of the form and the shapes of
        the value, is a tuple of g times the derivative by each argument. It may be called often,
        and keeps the memory of the tape.

    >>> value, pull = pt.vjp(pt.exp, pt.asarray([0.0, 1.0]))
    >>> pull(pt.asarray([1.0, 0.0]))
    (Tensor([1., 0.], dtype=float32),)
    """
    variables = new_variables("vjp", primals)
    with GradientTape(persistent=True) as tape:
        tape.watch(variables)
        result = f(*variables)
    value, aux = _pair("vjp", result) if has_aux else (result, None)

    def pullback(g: Any) -> tuple[Any, ...]:
        return _filled(tape.gradient(value, variables, output_gradient=g), variables)

    return (value, pullback, aux) if has_aux else (value, pullback)


@overload
def jvp(
    f: Callable[..., _Value],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    *,
    has_aux: Literal[False] = False,
) -> tuple[_Value, _Value]: ...
@overload
def jvp(
    f: Callable[..., tuple[_Value, Any]],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    *,
    has_aux: Literal[True],
) -> tuple[_Value, _Value, Any]: ...
def jvp(
    f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], *, has_aux: bool = False
) -> tuple[Any, ...]:
    """Return f's value and the Jacobian times a vector: forward mode.

    Args:
        f: a function as for vjp.
        primals: a tuple of its arguments.
        tangents: a tuple of the same form and shapes: the direction of the derivative.
        has_aux: f returns a pair, the value and anything else.

    Returns:
        (value, tangent), or (value, tangent, aux); the tangent has the form of the value.

    >>> value, tangent = pt.jvp(pt.sin, (pt.asarray(0.0),), (pt.asarray(2.0),))
    >>> tangent
    Tensor(2., dtype=float32)
    """
    if not isinstance(primals, (tuple, list)):
        raise TypeError(
            f"jvp: primals: found a {type(primals).__name__}: expected a tuple of arguments"
        )
    variables = new_variables("jvp", tuple(primals))
    with GradientTape() as tape:
        tape.watch(variables)
        result = f(*variables)
    value, aux = _pair("jvp", result) if has_aux else (result, None)
    tangent = _filled(tape.jvp(value, variables, tangents), value)
    return (value, tangent, aux) if has_aux else (value, tangent)


@overload
def jacobian(
    f: Function,
    argnums: Literal[0] = 0,
    *,
    mode: Literal["fwd", "rev"] | None = None,
    holomorphic: bool = False,
) -> Derivative: ...
@overload
def jacobian(
    f: Callable[..., Any],
    argnums: Argnums = 0,
    *,
    mode: Literal["fwd", "rev"] | None = None,
    holomorphic: bool = False,
) -> Callable[..., Any]: ...
def jacobian(
    f: Callable[..., Any],
    argnums: Argnums = 0,
    *,
    mode: Literal["fwd", "rev"] | None = None,
    holomorphic: bool = False,
) -> Callable[..., Any]:
    """Return the function that computes the derivative of every element of f's value.

    Args:
        f: a function that returns a floating-point or complex tensor, or nested ones.
        argnums: as for grad.
        mode: "fwd" costs one push per element of the arguments, "rev" one backward pass per element
            of the value; by default whichever are fewer.
        holomorphic: as for grad. Without it, "fwd" needs real arguments and "rev" a real value.

    Returns:
        A function of f's arguments. For a value of shape S and an argument of shape X its result
        has shape S + X; for nested ones, it has the form of the value with the form of the argument
        in place of each tensor.

    >>> pt.jacobian(lambda x: x ** 2)(pt.asarray([1.0, 2.0]))
    Tensor([[2., 0.],
            [0., 4.]], dtype=float32)
    """
    several, positions = _positions("jacobian", argnums)
    if mode not in (None, "fwd", "rev"):
        raise ValueError(f"jacobian: mode: found {mode!r}: expected 'fwd', 'rev' or None")

    @wraps(f)
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        arguments, variables = _watchable("jacobian", args, positions)
        if holomorphic:
            _check_complex("jacobian", variables)
        with GradientTape(persistent=True) as tape:
            tape.watch(variables)
            value = f(*arguments, **kwargs)
        outs, inputs = leaves(value), leaves(variables)
        for out in outs:
            if not is_variable(out) or (holomorphic and out.dtype.kind != "c"):
                raise TypeError(
                    f"jacobian: the function returned {_described(out)}: expected a "
                    f"{'complex' if holomorphic else 'floating-point'} tensor"
                )
        forward = mode == "fwd" or (mode is None and _size(inputs) < _size(outs))
        if not holomorphic:
            forward = _chosen_mode(mode, forward, inputs, outs)
        blocks = iter((_by_columns if forward else _by_rows)(tape, outs, inputs))
        by = tuple(variables) if several else variables[0]
        return map_leaves(lambda out: map_leaves(lambda _: next(blocks), by), value)

    return jacobian_of


def _chosen_mode(
    mode: str | None, forward: bool, inputs: Iterable[Tensor], outs: Iterable[Tensor]
) -> bool:
    """Whether to use forward mode, for real arguments; reverse mode is for a real value."""
    is_complex = [any(t.dtype.kind == "c" for t in tensors) for tensors in (outs, inputs)]
    if mode is None and any(is_complex):
        forward = is_complex[0]
    if is_complex[forward]:
        raise TypeError(
            f"jacobian: {'an argument' if forward else 'the value'} is complex: expected real "
            "arguments (mode='fwd'), a real value (mode='rev') or holomorphic=True"
        )
    return forward


def _check_complex(name: str, variables: Any) -> None:
    """Raise TypeError for variables of a holomorphic function that are real."""
    for t in leaves(variables):
        if t.dtype.kind != "c":
            raise TypeError(
                f"{name}: an argument has dtype {t.dtype}: expected a complex one for a "
                "holomorphic function"
            )


def _by_rows(tape: GradientTape, outs: list[Tensor], inputs: list[Tensor]) -> Iterator[Tensor]:
    """The blocks of the Jacobian, for each of outs and each of inputs, in reverse mode."""
    for out in outs:

        def pull(seed: Tensor, out: Tensor = out) -> list[Tensor]:
            return _filled(tape.gradient(out, inputs, output_gradient=seed), inputs)

        for x, rows in zip(inputs, _at_basis(pull, out, inputs, 0), strict=True):
            yield _core.reshape(rows, out.shape + x.shape)


def _by_columns(tape: GradientTape, outs: list[Tensor], inputs: list[Tensor]) -> Iterator[Tensor]:
    """The same in forward mode."""

    def push(seed: Tensor, x: Tensor) -> list[Tensor]:
        return _filled(tape.jvp(outs, [x], [seed]), outs)

    columns = [_at_basis(partial(push, x=x), x, outs, -1) for x in inputs]
    for i, out in enumerate(outs):
        for x, of_x in zip(inputs, columns, strict=True):
            yield _core.reshape(of_x[i], out.shape + x.shape)


# From how many passes recording one pays, and the most elements of a result of several at a time:
# a pass also has all intermediate results. Fewer passes are as fast one by one, also in a program,
# which has to have the bits of the function that it records.
_MIN_PASSES, _MAX_ELEMENTS = 12, 1 << 22


def _at_basis(
    linear: Callable[[Tensor], list[Tensor]], t: Tensor, results: list[Tensor], axis: int
) -> list[Tensor]:
    """The values of a linear function of tensors like t at their basis, joined along a new axis.

    Args:
        linear: the function, of which each value is like results.
        axis: the first or the last one, 0 or -1.
    """
    from pytensor._functions.creation import eye
    from pytensor._functions.joining import concat, stack

    n = t.size
    basis = _core.reshape(eye(n, dtype=t.dtype), (n, *t.shape))
    if n >= _MIN_PASSES:
        step = max(_MIN_PASSES, _MAX_ELEMENTS // max(_size(results), n))
        mapped = _core.vmap(linear, 0, axis)
        try:
            pieces = [mapped(basis[k : k + step]) for k in range(0, n, step)]
        except TypeError:  # a derivative of the user's that can't be recorded: see below
            pass
        else:
            joined = zip(*pieces, strict=True)
            return [parts[0] if n <= step else concat(parts, axis=axis) for parts in joined]
    values = [linear(seed) for seed in basis] if n else []
    if not values:
        shapes = [(n, *r.shape) if axis == 0 else (*r.shape, n) for r in results]
        return [_core.zeros(s, dtype=r.dtype) for s, r in zip(shapes, results, strict=True)]
    return [stack(parts, axis=axis) for parts in zip(*values, strict=True)]


def _size(tensors: Iterable[Tensor]) -> int:
    return sum(t.size for t in tensors)


@overload
def hessian(f: Function, argnums: Literal[0] = 0, *, holomorphic: bool = False) -> Derivative: ...
@overload
def hessian(
    f: Callable[..., Any], argnums: Argnums = 0, *, holomorphic: bool = False
) -> Callable[..., Any]: ...
def hessian(
    f: Callable[..., Any], argnums: Argnums = 0, *, holomorphic: bool = False
) -> Callable[..., Any]:
    """Return the function that computes f's second derivatives: forward mode over reverse mode.

    Args:
        f: a function as for jacobian.
        argnums: as for grad.
        holomorphic: as for grad; without it, the arguments have to be real.

    Returns:
        A function of f's arguments. For a value of shape S and an argument of shape X its result
        has shape S + X + X; for several arguments it is a tuple of tuples.

    >>> pt.hessian(lambda x: pt.sum(x ** 3))(pt.asarray([1.0, 2.0]))
    Tensor([[ 6.,  0.],
            [ 0., 12.]], dtype=float32)
    """
    slopes = jacobian(f, argnums, mode="rev", holomorphic=holomorphic)
    return jacobian(slopes, argnums, mode="fwd", holomorphic=holomorphic)


@overload
def hvp(f: Function, argnums: Literal[0] = 0) -> Derivative: ...
@overload
def hvp(f: Callable[..., Tensor], argnums: Argnums = 0) -> Callable[..., Any]: ...
def hvp(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """Return the function that computes f's second derivative times a vector, without the matrix.

    It costs some three gradients: forward mode over reverse mode.

    Args:
        f: a function as for grad.
        argnums: as for grad.

    Returns:
        A function of f's arguments and, after them, a vector of the form and the shapes of the
        argument (for a tuple of positions: a tuple).

    >>> pt.hvp(lambda x: pt.sum(x ** 3))(pt.asarray([1.0, 2.0]), pt.asarray([1.0, 1.0]))
    Tensor([ 6., 12.], dtype=float32)
    """
    several, positions = _positions("hvp", argnums)
    gradient: Callable[..., Any] = grad(f, argnums)  # type: ignore[call-overload]

    @wraps(f)
    def product(*args: Any, **kwargs: Any) -> Any:
        if not args:
            raise ValueError("hvp: found no arguments: expected those of the function and a vector")
        *primals, vector = args
        arguments, variables = _watchable("hvp", primals, positions)
        with GradientTape() as tape:
            tape.watch(variables)
            g = gradient(*arguments, **kwargs)
        return _filled(tape.jvp(g, variables, vector if several else [vector]), g)

    return product


# --------------------------------------------------------------------- custom derivatives


@overload
def custom_gradient(
    f: Callable[[Tensor], tuple[Tensor, Callable[[Tensor], Any]]],
) -> Callable[[Any], Tensor]: ...
@overload
def custom_gradient(
    f: Callable[_Arguments, tuple[_Value, Callable[..., Any]]],
) -> Callable[_Arguments, _Value]: ...
def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function of one that returns its derivative beside its value.

    Args:
        f: a function of tensors that returns (value, pullback). The value is a tensor, or nested
            ones. pullback(g), where g has the form of the value, returns the gradient with respect
            to f's positional argument, or a tuple of one for each of several; None stands for
            zeros. For higher derivatives or forward mode it has to be written in tensor functions
            that can be differentiated, and to be linear in g.

    Returns:
        A function of the same arguments that returns the value alone.

    Raises:
        TypeError: f reads a tensor that a tape records and that is no argument: its gradient would
            be lost (stop_gradient says that this is meant).

    Example:
        @pt.custom_gradient
        def log1pexp(x):
            e = pt.exp(x)
            return pt.log(1 + e), lambda g: g * (1 - 1 / (1 + e))

    >>> clipped = pt.custom_gradient(lambda x: (x * x, lambda g: g * pt.clip(2 * x, -1, 1)))
    >>> pt.grad(clipped)(3.0)
    Tensor(1., dtype=float32)
    """

    @wraps(f)
    def with_gradient(*args: Any, **kwargs: Any) -> Any:
        (value, pullback), read, _ = _core.observed(
            lambda: _pair("custom_gradient", f(*args, **kwargs)), forget=False
        )
        inputs = [x for x in leaves(args) if isinstance(x, Tensor)]
        if any(all(x is not other for other in inputs) for x in read):
            raise TypeError(
                "custom_gradient: the function reads a tensor that a tape records and "
                "that is no positional argument: give it as one, or stop_gradient of "
                "it"
            )

        def gradients(g: Any) -> list[Tensor | None]:
            parts = pullback(g)
            parts = (parts,) if len(args) == 1 else parts
            if not isinstance(parts, (tuple, list)) or len(parts) != len(args):
                raise TypeError(
                    "custom_gradient: the function's derivative returned "
                    f"{_described(parts)}: expected a tuple of {len(args)} gradients"
                )
            found: list[Any] = []
            for x, part in zip(args, parts, strict=True):
                map_leaves(
                    lambda leaf, g: found.append(g) if isinstance(leaf, Tensor) else None,
                    x,
                    spread(x, part),
                )
            return [
                None if g is None else _fitting(g, x) for g, x in zip(found, inputs, strict=True)
            ]

        return _recorded(value, inputs, gradients)

    return with_gradient


def checkpoint(f: Callable[_Arguments, _Value]) -> Callable[_Arguments, _Value]:
    """Return a function that does what f does and keeps nothing for its derivative.

    The tape notes the call alone, and the backward pass runs f again: of a long chain cut into
    sqrt(n) pieces only the pieces' inputs are kept, at the cost of one more run of each. Tensors
    that f reads besides its arguments get their gradients as well.

    Args:
        f: a function that does the same at each run; random numbers of pytensor.random repeat
            themselves.

    Raises:
        RuntimeError: f computed something else when it ran again, in the backward pass.

    >>> f = pt.checkpoint(lambda x: pt.sum(pt.sin(x) ** 2))
    >>> pt.grad(f)(pt.asarray([0.5]))
    Tensor([0.841471], dtype=float32)
    """

    @wraps(f)
    def checkpointed(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Value:
        from pytensor.random import generator

        # in a program, which keeps no tape, its plan of the memory takes the place of this
        if not _core.is_recording() or _core.is_tracing():
            return f(*args, **kwargs)
        state = generator().bit_generator.state
        value, read, calls = _core.observed(lambda: f(*args, **kwargs), forget=True)
        made = {id(t) for _, _, results in calls for t in results}
        places = [k for k, t in enumerate(leaves(value)) if id(t) in made]
        sums = _sums(value, places)

        def gradients(g: Any) -> list[Tensor | None]:
            now, generator().bit_generator.state = generator().bit_generator.state, state
            try:
                with GradientTape() as tape:
                    tape.watch(read)
                    again = f(*args, **kwargs)
            finally:
                generator().bit_generator.state = now
            if _sums(again, places) != sums:
                raise RuntimeError(
                    "checkpoint: the function computed something else when it was "
                    "run again for its derivative"
                )
            outs = leaves(again)
            return tape.gradient([outs[k] for k in places], read, output_gradient=leaves(g))

        return _recorded(value, read, gradients, made)

    return checkpointed


def _sums(value: Any, places: Iterable[int]) -> list[str]:
    """Sums by which the results of two runs are compared, NaN or not."""
    results = leaves(value)
    return [repr(stop_gradient(results[k]).sum().item()) for k in places]


def _recorded(
    value: Any,
    inputs: Iterable[Tensor],
    gradients: Callable[[Any], list[Tensor | None]],
    made: Iterable[int] | None = None,
) -> Any:
    """The value as new tensors, which the tapes take for the results of one call.

    Args:
        value: a tensor, or nested ones.
        inputs: of the call.
        gradients: the function from the gradients of the results (in the form of the value where
            made is None, otherwise a tuple of those whose ids it holds) to a list of those of the
            inputs.
        made: the ids of the tensors that are results; by default all that can vary.
    """
    results: list[Tensor] = []

    def result(leaf: Any) -> Any:
        if not is_variable(leaf) if made is None else id(leaf) not in made:
            return leaf
        results.append(stop_gradient(leaf))
        return results[-1]

    value = map_leaves(result, value)

    def pullback(g: Any) -> list[Tensor | None]:
        g = g if isinstance(g, tuple) else (g,)
        if made is not None:
            return gradients(g)
        parts = iter(g)
        return gradients(
            map_leaves(lambda leaf: next(parts) if any(leaf is r for r in results) else None, value)
        )

    _core.record_call("custom_gradient", tuple(inputs), tuple(results), (pullback,))
    return value


# ------------------------------------------------------------ looking at tapes, and checking


def tape_text(f: Callable[..., Any], *args: Any) -> str:
    """Return what a tape records of f(*args) as text, a line for each value.

    Each line has a name, the operation and what goes in, dtype and shape: gradient() walks the
    lines from the last to the first, jvp() from the first to the last. pytensor.plot.tape draws
    them.

    Args:
        f: a function of tensors that can vary, or nested lists, tuples and dictionaries of them.
        *args: its arguments.

    >>> print(pt.tape_text(lambda x: pt.sum(pt.exp(x)), pt.ones(3)))
    x             float32 (3,)
    t1 = exp(x)   float32 (3,)
    t2 = sum(t1)  float32 ()
    returns t2
    """
    from pytensor._autodiff import graph

    return graph.text(f, *args)


def check_grads(
    f: Callable[..., Any],
    args: Sequence[Any],
    order: int = 1,
    modes: Sequence[str] = ("fwd", "rev"),
    *,
    rtol: float = 1e-6,
    atol: float = 1e-6,
    eps: float = 6e-6,
) -> None:
    """Compare f's derivatives with central differences along random directions.

    Args:
        f: a function of tensors, nested ones, and anything else.
        args: a tuple of its arguments. All floating-point and complex tensors and numbers among
            them are varied, in float64 and complex128.
        order: how many derivatives to check.
        modes: "fwd" for jvp, "rev" for vjp; with order 2 also one over the other.
        rtol: the relative deviation that is allowed.
        atol: the absolute one.
        eps: the step; by default the one whose errors, of rounding and of the formula, are smallest
            in float64.

    Raises:
        AssertionError: a derivative deviates; the message says which and by how much.

    >>> pt.check_grads(pt.tanh, (np.linspace(-1, 1, 5),), order=2)
    """
    import numpy as np

    for mode in modes:
        if mode not in ("fwd", "rev"):
            raise ValueError(f"check_grads: modes: found {mode!r}: expected 'fwd' and 'rev'")
    args = map_leaves(
        lambda x: _core.asarray(x, dtype=_double(x)) if _varies(x) else x, tuple(args)
    )
    random = np.random.default_rng(0)

    def flat(*variables: Any) -> list[Tensor]:
        parts = iter(variables)
        value = f(*map_leaves(lambda x: next(parts) if _varies(x) else x, args))
        return [out for out in leaves(value) if is_variable(out)]

    def direction(tensors: Iterable[Tensor]) -> tuple[Tensor, ...]:
        numbers = (
            random.standard_normal((2 if t.dtype.kind == "c" else 1, *t.shape)) for t in tensors
        )
        return tuple(_core.asarray(x[0] if len(x) == 1 else x[0] + 1j * x[1]) for x in numbers)

    def compare(found: Iterable[Any], expected: Iterable[Any], name: str) -> None:
        for k, pair in enumerate(zip(found, expected, strict=True)):
            a, b = map(np.asarray, pair)
            if not np.allclose(a, b, rtol, atol, equal_nan=True):
                worst = np.nanargmax(np.where(np.isfinite(a - b), abs(a - b), np.inf))
                raise AssertionError(
                    f"check_grads: {name} of result {k}: found {a.flat[worst]!r}, by differences "
                    f"{b.flat[worst]!r} (element {worst} along a random direction)"
                )

    def check(g: Callable[..., Any], point: Sequence[Tensor], left: int, name: str) -> None:
        tangents = direction(point)
        ahead, behind = (
            g(*(x + step * t for x, t in zip(point, tangents, strict=True))) for step in (eps, -eps)
        )
        slopes = [(a - b) / (2 * eps) for a, b in zip(ahead, behind, strict=True)]
        weights = direction(slopes)
        for mode in modes:
            path = f"{name}{mode}"
            if mode == "fwd":
                compare(jvp(g, point, tangents)[1], slopes, path)
            else:
                pulled = vjp(g, *point)[1](list(weights))
                compare([_inner(pulled, tangents)], [_inner(weights, slopes)], path)
            if left > 1:
                check(_derivative(g, mode, tangents, weights), point, left - 1, f"{path} of ")

    check(flat, tuple(x for x in leaves(args) if _varies(x)), order, "")


def _derivative(
    g: Callable[..., Any], mode: str, tangents: Sequence[Tensor], weights: Sequence[Tensor]
) -> Callable[..., Any]:
    """The function of the point that is to be checked for the next order."""
    if mode == "fwd":
        return lambda *point: jvp(g, point, tangents)[1]
    return lambda *point: list(vjp(g, *point)[1](list(weights)))


def _inner(left: Iterable[Tensor], right: Iterable[Tensor]) -> float:
    """What vjp and jvp agree on; of complex numbers the real part."""
    return sum(complex((a * b).sum()).real for a, b in zip(left, right, strict=True))


def _varies(x: Any) -> bool:
    """Whether x is a number or an array that can vary."""
    return _kind(x) in ("f", "c")


def _double(x: Any) -> str:
    """The dtype in which x is varied."""
    return "complex128" if _kind(x) == "c" else "float64"


def _kind(x: Any) -> str:
    """The kind of a number's or an array's dtype, "" of anything else."""
    if isinstance(x, (float, complex)):
        return "c" if isinstance(x, complex) else "f"
    return getattr(getattr(x, "dtype", None), "kind", "")


# ------------------------------------------------------------------- arguments, nested values


def _positions(name: str, argnums: Any) -> tuple[bool, list[int]]:
    """Whether argnums is a sequence, and the positions in it."""
    several = isinstance(argnums, (list, tuple))
    try:
        return several, [operator.index(p) for p in (argnums if several else (argnums,))]
    except TypeError:
        raise TypeError(
            f"{name}: argnums: found {argnums!r}: expected an integer or a tuple of integers"
        ) from None


def _watchable(
    name: str, args: Sequence[Any], positions: Iterable[int]
) -> tuple[list[Any], list[Any]]:
    """The arguments with variables at the positions; and these variables."""
    arguments = list(args)
    for position in positions:
        if not -len(args) <= position < len(args):
            raise ValueError(f"{name}: argument {position} of {len(args)} arguments")
        arguments[position] = new_variables(name, args[position])
    return arguments, [arguments[position] for position in positions]


def _filled(gradients: Any, tensors: Any) -> Any:
    """The gradients, with zeros for None."""
    return map_leaves(
        lambda t, g: _core.full(t.shape, 0, dtype=t.dtype) if g is None else g, tensors, gradients
    )


def _pair(name: str, result: Any) -> tuple[Any, Any]:
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(f"{name}: the function returned {_described(result)}: expected a pair")
    return result


def _described(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of dtype {value.dtype}"
    return f"a {type(value).__name__}"


def _fitting(g: Any, x: Tensor) -> Tensor:
    """A gradient that a user's function returned for x."""
    g = _core.asarray(g)
    if g.shape != x.shape:
        raise ValueError(
            f"custom_gradient: a gradient has shape {g.shape}: expected that of the "
            f"argument, {x.shape}"
        )
    return g
