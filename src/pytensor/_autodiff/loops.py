"""Loops and branches whose bodies are recorded once: scan, while_loop, cond.

A body is recorded as a function of flat lists of tensors (_core/loops.pxi). Derivatives are loops
too. In reverse mode, the body is recorded together with its gradient, and divided: what does not
read gradients runs forward, the rest backward, with what it needs kept at each step. Where another
tape watches, the loop backward is a scan whose body runs the body again, so that it has derivatives
itself. In forward mode the carry is the pair of carry and tangent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pytensor import _core
from pytensor._autodiff.trees import is_variable, map_leaves, with_zeros
from pytensor._core import GradientTape, Tensor
from pytensor._support.arguments import integer

__all__ = ["cond", "scan", "while_loop"]

_Carry = TypeVar("_Carry")

# A body: (carries, slices) -> (carries, values), of lists of tensors.
_Step = Callable[[list[Tensor], list[Tensor]], tuple[list[Tensor], list[Tensor]]]


def scan(
    f: Callable[[_Carry, Any], tuple[_Carry, Any]],
    init: _Carry,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    *,
    checkpoint_every: int | None = None,
) -> tuple[_Carry, Any]:
    """Run a loop that carries tensors from step to step, recorded once and replayed in C.

    It computes the same, with the same bits, as

        ys = []
        for x in xs:
            carry, y = f(carry, x)
            ys.append(y)
        return carry, stack(ys)

    but f runs once, to be recorded; the steps have neither Python nor the interpreter's lock in
    between. f must do the same at each step: as for jit, it can't read a value, and tensors that
    it changes in place must be its own. Inside a recorded function, the loop is one step of the
    program; elsewhere f is recorded at each call.

    It has derivatives of any order in both modes, also by tensors that f uses but does not receive.
    In reverse mode each step keeps what its derivative reads.

    Args:
        f: A function (carry, slice of xs) -> (next carry, values).
        init: The first carry: a tensor, or nested lists, tuples and dictionaries of them. All
            carries have its shapes and dtypes.
        xs: Tensors of the same length along their first axis, which is cut into slices, or nested
            ones. None passes None to f.
        length: How many steps; needed if xs is None.
        reverse: Go from the last slice to the first; the values are in the order of xs.
        checkpoint_every: Keep the carry alone, at one of so many steps, and run the steps in
            between again for the derivative. About the square root of the length needs the least
            memory.

    Returns:
        (last carry, values), the values with a first axis of the number of steps.

    Raises:
        TypeError: f returns something else, a carry of another structure or dtype, or it does what
            can't be recorded.
        ValueError: A carry's shape changes, lengths differ, or there is none.

    >>> pt.scan(lambda total, x: (total + x, total * x), 0.0, pt.asarray([1.0, 2.0, 3.0]))
    (Tensor(6., dtype=float32), Tensor([0., 2., 9.], dtype=float32))
    """
    carries, carry_form = _flat("scan: init", init)
    streams, form = _flat("scan: xs", xs)
    n = _length(streams, length)
    if checkpoint_every is not None:
        checkpoint_every = integer("scan: checkpoint_every", checkpoint_every, 1)
    values_form: list[Any] = []

    def step(now: list[Tensor], slices: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        result = f(_filled(carry_form, now), _filled(form, slices))
        if not isinstance(result, tuple) or len(result) != 2:
            raise TypeError(
                f"scan: the function returned {_described(result)}: expected a pair "
                "(next carry, values)"
            )
        after = _as_before("scan", "the carry", carry_form, result[0], now)
        values, found = _flat("scan: the values", result[1])
        values_form[:] = [found]
        return after, values

    if checkpoint_every is not None and _core.is_recording() and checkpoint_every < n:
        last, kept = _in_pieces(step, carries, streams, n, reverse, checkpoint_every)
    else:
        last, kept = _scanned(step, carries, streams, n, reverse)
    return _filled(carry_form, last), _filled(values_form[0], kept)


def while_loop(
    cond_fun: Callable[[_Carry], Any], body_fun: Callable[[_Carry], _Carry], init: _Carry
) -> _Carry:
    """Run a loop while a condition holds, recorded once and replayed in C.

    It computes the same, with the same bits, as

        while cond_fun(carry):
            carry = body_fun(carry)
        return carry

    but both functions run once, to be recorded, and the condition is decided in C. They must do the
    same at each step, as for scan. The loop has derivatives in forward mode. For gradients use
    scan, whose number of steps is known.

    Args:
        cond_fun: A function of the carry that returns a tensor with one element, or a bool.
        body_fun: A function of the carry that returns the next one.
        init: The first carry: a tensor, or nested lists, tuples and dictionaries of them. All
            carries have its shapes and dtypes.

    Returns:
        The last carry.

    Raises:
        TypeError: A carry of another structure or dtype, or something that can't be recorded.
        ValueError: A carry's shape changes, or the condition has more than one element; when a
            gradient is computed.

    >>> pt.while_loop(lambda x: x < 100, lambda x: x * 3, 1.0)
    Tensor(243., dtype=float32)
    """
    carries, form = _flat("while_loop: init", init)

    def test(now: list[Tensor]) -> Tensor:
        return _as_condition("while_loop: cond_fun", cond_fun(_filled(form, now)))

    def body(now: list[Tensor]) -> list[Tensor]:
        return _as_before("while_loop", "the carry", form, body_fun(_filled(form, now)), now)

    return _filled(form, _repeated(test, body, carries))  # type: ignore[no-any-return]


def cond(
    pred: Any, true_fun: Callable[..., Any], false_fun: Callable[..., Any], *operands: Any
) -> Any:
    """Call one of two functions, as a tensor's value says.

    In a recorded function (jit, or the body of a loop) both are recorded, and each run of the
    program decides which one it computes. So both must return tensors of the same structure,
    shapes and dtypes. Elsewhere it is Python's `if`. It has derivatives of any order in both modes,
    also by tensors that the functions use but do not receive.

    Args:
        pred: A tensor with one element, or a bool.
        true_fun: The function that is called if pred is true, or not 0.
        false_fun: The other one.
        *operands: Their arguments: tensors, or nested lists, tuples and dictionaries of them.

    Returns:
        What the function returned.

    Raises:
        TypeError: The functions return different structures or dtypes.
        ValueError: They return different shapes, or pred has more than one element.

    >>> f = pt.jit(lambda x: pt.cond(pt.sum(x) > 0, pt.sqrt, pt.zeros_like, x))
    >>> f(pt.asarray([1.0, 4.0])), f(pt.asarray([1.0, -4.0]))
    (Tensor([1., 2.], dtype=float32), Tensor([0., 0.], dtype=float32))
    """
    condition = _as_condition("cond: pred", pred)
    if not _core.is_tracing():
        return (true_fun if condition.item() else false_fun)(*operands)
    inputs, form = _flat("cond: the operands", operands)
    forms: list[Any] = []

    def branch(function: Callable[..., Any]) -> Callable[[list[Tensor]], list[Tensor]]:
        def flat(tensors: list[Tensor]) -> list[Tensor]:
            results, found = _flat("cond: a result", function(*_filled(form, tensors)))
            forms.append(found)
            return results

        return flat

    results = _branched(condition, [branch(false_fun), branch(true_fun)], inputs)
    if forms[0] != forms[1]:
        raise TypeError(
            f"cond: true_fun returned {_described(forms[1])}, false_fun {_described(forms[0])}: "
            "expected the same structure"
        )
    return _filled(forms[0], results)


# ----------------------------------------------------------------------------------- scan


def _scanned(
    step: _Step,
    carries: list[Tensor],
    streams: list[Tensor],
    n: int,
    reverse: bool,
    *,
    again: bool = False,
    lean: bool = False,
) -> tuple[list[Tensor], list[Tensor]]:
    """A scan of lists of tensors, recorded on the tapes.

    Args:
        again: the body ran before, and must compute the same.
        lean: keep the carries alone for the derivative, which runs the body again.
    """
    starts = [_core.in_c_order(t) for t in carries]
    columns = [_core.in_c_order(t) for t in streams]
    slices = [_slice(t, n - 1 if reverse else 0) for t in columns]
    m = len(carries)

    def both(*tensors: Tensor) -> list[Tensor]:
        after, values = step(list(tensors[:m]), list(tensors[m:]))
        return [*after, *values]

    body = _core.record_body("scan", both, starts + slices, m, again=again)
    inputs = [*carries, *streams, *body.outside]
    if not _core.is_recording() or not _core.is_watched(inputs):
        part = _core.whole_body(body)
        firsts = [None] * len(columns)
        return _core.run_scan("scan", body, part, body.forms, starts, columns, firsts, n, reverse)
    loop = _Loop(step, carries, streams, body.outside, n, reverse, body.forms[m:])
    last, kept = loop.run(starts, columns, slices, again, lean)
    if last or kept:
        _core.record_call("scan", tuple(inputs), (*last, *kept), (loop.pull, loop.push))
    return last, kept[: len(body.forms) - m]


def _in_pieces(
    step: _Step, carries: list[Tensor], streams: list[Tensor], n: int, reverse: bool, size: int
) -> tuple[list[Tensor], list[Tensor]]:
    """The same as a scan over pieces of so many steps, each of which runs again backwards."""
    from pytensor._functions.joining import concat

    count = n // size
    whole = count * size
    rest = [t[whole:] for t in streams]
    pieces = [_core.reshape(t[:whole], (count, size, *t.shape[1:])) for t in streams]

    def piece(now: list[Tensor], slices: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        return _scanned(step, now, slices, size, reverse)

    def of_pieces(now: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        last, kept = _scanned(piece, now, pieces, count, reverse, lean=True)
        return last, [_core.reshape(t, (whole, *t.shape[2:])) for t in kept]

    def of_rest(now: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        return _scanned(step, now, rest, n - whole, reverse)

    if whole == n:
        return of_pieces(carries)
    if reverse:
        last, after = of_rest(carries)
        last, before = of_pieces(last)
    else:
        last, before = of_pieces(carries)
        last, after = of_rest(last)
    return last, [concat(pair) for pair in zip(before, after, strict=True)]


@dataclass(eq=False)
class _Loop:
    """A scan whose inputs tapes watch."""

    step: _Step
    carries: list[Tensor]
    streams: list[Tensor]
    outside: list[Tensor]  # what the body uses but does not receive
    n: int
    reverse: bool
    forms: list[tuple[tuple[int, ...], Any]]  # of the values
    moving: list[int] = field(init=False)  # the carries that have derivatives
    watched: list[int] = field(init=False)  # the streams
    weights: list[Tensor] = field(init=False)  # the tensors from outside
    kept_in: list[int] = field(default_factory=list)  # the value that is each next carry
    untouched: set[int] = field(default_factory=set)  # weights without a gradient
    kept: Any = None  # for the loop backwards: body, division, first carries, streams, values

    def __post_init__(self) -> None:
        self.moving = [k for k, t in enumerate(self.carries) if is_variable(t)]
        self.watched = [k for k, t in enumerate(self.streams) if _is_watched(t)]
        self.weights = list({id(t): t for t in self.outside if _is_watched(t)}.values())

    def keeping(self, now: list[Tensor], slices: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """The step, whose values have the next carries too."""
        after, values = self.step(now, slices)
        values = list(values)
        kept_in = []
        for t in after:
            same = [k for k, value in enumerate(values) if value is t]
            kept_in.append(same[0] if same else len(values))
            if not same:
                values.append(t)
        self.kept_in = kept_in
        return after, values

    def with_gradients(
        self,
        now: list[Tensor],
        slices: list[Tensor],
        of_after: list[Tensor],
        sums: list[Tensor],
        of_values: list[Tensor],
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]:
        """(next carries, values) of a step and, given their gradients, those of its inputs.

        Args:
            now, slices: the arguments of the step.
            of_after: the gradients of the next carries, as far as they have one.
            sums: those of the weights by the steps after this one, with which the tape begins.
            of_values: those of the first floating-point values.

        Returns:
            (next carries, values, the gradients of the carries and the sums, those of the slices).
        """
        moving = [now[k] for k in self.moving]
        watched = [slices[k] for k in self.watched]
        variables = moving + self.weights + watched
        with GradientTape() as tape:
            tape.watch(variables)
            after, values = self.keeping(now, slices)
        targets = [t for t in values if is_variable(t)][: len(of_values)]
        targets += [after[k] for k in self.moving] + self.weights
        found = tape.gradient(targets, variables, output_gradient=of_values + of_after + sums)
        gradients = with_zeros(found, variables)
        n, n_sums = len(moving), len(moving) + len(sums)
        self.untouched = {k for k, g in enumerate(gradients[n:n_sums]) if g is sums[k]}
        return after, values, gradients[:n_sums], gradients[n_sums:]

    def run(
        self,
        starts: list[Tensor],
        columns: list[Tensor],
        slices: list[Tensor],
        again: bool,
        lean: bool,
    ) -> tuple[list[Tensor], list[Tensor]]:
        """(last carries, values), the values with all carries."""
        division = None if lean else self.divided(starts, slices, again)
        m, n_slices = len(starts), len(slices)
        firsts: list[Tensor | None] = [None] * n_slices
        if division is None:

            def both(*tensors: Tensor) -> list[Tensor]:
                after, values = self.keeping(list(tensors[:m]), list(tensors[m:]))
                return [*after, *values]

            body = _core.record_body("scan", both, starts + slices, m, again=again)
            part, forms = _core.whole_body(body), body.forms
        else:
            body, parts, n_results = division
            part, forms = parts.forward, parts.forms
        last, kept = _core.run_scan(
            "scan", body, part, forms, starts, columns, firsts, self.n, self.reverse
        )
        if division is None:
            return last, kept
        self.kept = body, parts, starts, columns, kept
        return last, kept[: n_results - m]

    def divided(self, starts: list[Tensor], slices: list[Tensor], again: bool) -> Any:
        """The body with its gradient, and its division; how many results are the body's.

        None if it can't be divided.
        """
        m, n_slices, n_moving = len(starts), len(slices), len(self.moving)
        n_sums = n_moving + len(self.weights)

        def everything(*tensors: Tensor) -> list[Tensor]:
            given = list(tensors[m + n_slices :])
            after, values, g, of_slices = self.with_gradients(
                list(tensors[:m]),
                list(tensors[m : m + n_slices]),
                given[:n_moving],
                given[n_moving:n_sums],
                given[n_sums:],
            )
            return [*after, *values, *g, *of_slices]

        moving = [starts[k] for k in self.moving]
        seeds = [_zeros(t.shape, t.dtype) for t in (*moving, *self.weights)]
        seeds += [_zeros(shape, dtype) for shape, dtype in self.forms if dtype.kind in "fc"]
        body = _core.record_body("scan", everything, [*starts, *slices, *seeds], m, again=again)
        n_results = len(body.forms) - n_sums - len(self.watched)
        sums = [
            (m + n_slices + n_moving + k, n_results + n_moving + k)
            for k in range(len(self.weights))
        ]
        parts = _core.divide_body(body, m + n_slices, n_results, n_sums, sums)
        return None if parts is None else (body, parts, n_results)

    def backwards(
        self, sums: list[Tensor], of_values: list[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """The loop backwards, on what the loop forward kept."""
        body, parts, starts, columns, kept = self.kept
        m, n_moving = len(starts), len(self.moving)

        def stream(number: int) -> tuple[Tensor, Tensor | None]:
            """All steps of an argument of the body, or of a result; the first of what lags."""
            if number < 0:
                return kept[-1 - number - m], None
            if number < m:
                return kept[self.kept_in[number]], starts[number]
            return columns[number - m], None

        later = {n_moving + k: pairs for k, pairs in parts.products}
        carries = [_core.in_c_order(t) for k, t in enumerate(sums) if k not in later]
        streams: list[tuple[Tensor, Tensor | None]]
        streams = [(_core.in_c_order(t), None) for t in of_values]
        streams += [stream(number) for number in parts.inputs[len(carries) + len(of_values) :]]
        last, late = _core.run_scan(
            "scan",
            body,
            parts.backward,
            parts.late_forms,
            carries,
            [t for t, _ in streams],
            [first for _, first in streams],
            self.n,
            not self.reverse,
        )

        def rows(source: Any, length: int, width: int) -> Tensor:
            """A matrix of all steps."""
            if isinstance(source, tuple):
                matrix = late[source[0] - len(carries)]
            else:
                matrix, first = stream(source)
                if first is not None:
                    matrix = self.before(first, matrix)
            return _core.reshape(matrix, (self.n * length, width))

        found = iter(last)
        sums = [
            _total([rows(x, k, i).mT @ rows(g, k, j) for x, g, k, i, j in later[number]])
            if number in later
            else next(found)
            for number in range(len(sums))
        ]
        return sums, late[: len(self.watched)]

    def before(self, start: Tensor, kept: Tensor) -> Tensor:
        """The carries before each step, given those after it."""
        from pytensor._functions.joining import concat

        first = _core.reshape(start, (1, *start.shape))
        return concat([kept[1:], first] if self.reverse else [first, kept[:-1]])[: self.n]

    def pull(self, g: Any, out: Any) -> list[Tensor | None]:
        """The gradients of the inputs, given those of the results."""
        g, out = (g, out) if isinstance(g, tuple) else ((g,), (out,))
        m = len(self.carries)
        floats = [k for k in range(m, len(out)) if is_variable(out[k])]
        users = [k for k in floats if k < m + len(self.forms)]
        inputs = [*self.carries, *self.streams, *self.outside]
        given = [t for t in g if t is not None]
        sums = with_zeros([g[k] for k in self.moving], [out[k] for k in self.moving])
        # -0.0 + x is x, also for a zero
        sums += [_core.full(t.shape, -0.0, dtype=t.dtype) for t in self.weights]
        if (
            self.kept is None
            or any(g[k] is not None for k in floats[len(users) :])
            or (_core.is_recording() and _core.is_watched([*inputs, *given]))
        ):
            of_values = with_zeros([g[k] for k in floats], [out[k] for k in floats])
            last, of_streams = self.again_backwards(sums, of_values, out[m:])
        else:
            of_values = with_zeros([g[k] for k in users], [out[k] for k in users])
            last, of_streams = self.backwards(sums, of_values)
        found = dict(zip(self.moving, last, strict=False))
        found |= {m + k: t for k, t in zip(self.watched, of_streams, strict=True)}
        by_weight = {
            id(t): last[len(self.moving) + k]
            for k, t in enumerate(self.weights)
            if k not in self.untouched and self.n > 0
        }
        gradients = [found.get(k) for k in range(m + len(self.streams))]
        # once, if a view of it and the tensor itself are the same object
        return gradients + [by_weight.pop(id(t), None) for t in self.outside]

    def again_backwards(
        self, sums: list[Tensor], of_values: list[Tensor], values: Sequence[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """The loop backwards as a scan that tapes may record."""
        m, n_moving, n_values = len(self.carries), len(self.moving), len(of_values)
        befores = [
            self.before(t, values[k]) for t, k in zip(self.carries, self.kept_in, strict=True)
        ]

        def step(now: list[Tensor], slices: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
            _, _, g, of_slices = self.with_gradients(
                slices[n_values : n_values + m],
                slices[n_values + m :],
                now[:n_moving],
                now[n_moving:],
                slices[:n_values],
            )
            return g, of_slices

        streams = [*of_values, *befores, *self.streams]
        return _scanned(step, sums, streams, self.n, not self.reverse, again=True)

    def push(self, tangents: Sequence[Tensor | None]) -> list[Tensor | None]:
        """The tangents of the results, given those of the inputs."""
        m, n = len(self.carries), len(self.streams)
        watched = [k for k in range(n) if tangents[m + k] is not None]
        outside = zip(self.outside, tangents[m + n :], strict=True)
        weights = {id(t): (t, part) for t, part in outside if part is not None}
        of_carries = with_zeros(
            [tangents[k] for k in self.moving], [self.carries[k] for k in self.moving]
        )
        kinds: list[bool] = []

        def step(now: list[Tensor], slices: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
            variables = [now[k] for k in self.moving] + [slices[k] for k in watched]
            along = now[m:] + slices[n:]
            for t, part in weights.values():
                variables.append(t)
                along.append(part)
            with GradientTape() as tape:
                tape.watch(variables)
                after, values = self.keeping(now[:m], slices[:n])
            kinds[:] = [is_variable(t) for t in values]
            results = [after[k] for k in self.moving] + [t for t in values if is_variable(t)]
            found = with_zeros(tape.jvp(results, variables, along), results)
            return after + found[: len(self.moving)], found[len(self.moving) :]

        last, kept = _scanned(
            step,
            self.carries + of_carries,
            self.streams + [t for k in watched if (t := tangents[m + k]) is not None],
            self.n,
            self.reverse,
            again=True,
        )
        of_last = dict(zip(self.moving, last[m:], strict=True))
        of_values = iter(kept)
        return [
            *(of_last.get(k) for k in range(m)),
            *(next(of_values) if kind else None for kind in kinds),
        ]


# ------------------------------------------------------------------------------ while_loop


def _repeated(
    test: Callable[[list[Tensor]], Tensor],
    body: Callable[[list[Tensor]], list[Tensor]],
    carries: list[Tensor],
    again: bool = False,
) -> list[Tensor]:
    """A loop of lists of tensors, recorded on the tapes."""
    starts = [_core.in_c_order(t) for t in carries]
    m = len(carries)
    recorded = _core.record_body("while_loop", lambda *now: body([*now]), starts, m, again=again)
    tested = _core.record_body("while_loop", lambda *now: [test([*now])], starts, again=again)
    last: list[Tensor] = _core.run_while(recorded, tested, starts)
    inputs = [*carries, *recorded.outside]

    def pull(g: Any, out: Any) -> list[Tensor | None]:
        raise ValueError(
            "while_loop: it has no gradient, since the number of its steps is not known: use scan, "
            "or jvp, the derivative in forward mode"
        )

    def push(tangents: Sequence[Tensor | None]) -> list[Tensor | None]:
        moving = [k for k, t in enumerate(carries) if is_variable(t)]
        outside = zip(recorded.outside, tangents[m:], strict=True)
        weights = {id(t): (t, part) for t, part in outside if part is not None}

        def step(now: list[Tensor]) -> list[Tensor]:
            variables, along = [now[k] for k in moving], now[m:]
            for t, part in weights.values():
                variables.append(t)
                along.append(part)
            with GradientTape() as tape:
                tape.watch(variables)
                after = body(now[:m])
            results = [after[k] for k in moving]
            return after + with_zeros(tape.jvp(results, variables, along), results)

        starting = with_zeros([tangents[k] for k in moving], [carries[k] for k in moving])
        found = _repeated(lambda now: test(now[:m]), step, carries + starting, again=True)
        of_last = dict(zip(moving, found[m:], strict=True))
        return [of_last.get(k) for k in range(m)]

    if last and _core.is_recording() and _core.is_watched(inputs):
        _core.record_call("while_loop", tuple(inputs), tuple(last), (pull, push))
    return last


# ------------------------------------------------------------------------------------ cond

_Branch = Callable[[list[Tensor]], list[Tensor]]


def _branched(
    condition: Tensor, branches: Sequence[_Branch], inputs: list[Tensor], again: bool = False
) -> list[Tensor]:
    """The results of one of two functions of lists of tensors, recorded on the tapes."""
    inputs = [_core.identity(t) for t in inputs]  # one that is there twice is two variables
    starts = [_core.in_c_order(t) for t in inputs]
    bodies = [
        _core.record_body("cond", lambda *now, branch=branch: branch([*now]), starts, again=again)
        for branch in branches
    ]
    if bodies[0].forms != bodies[1].forms:
        of_false, of_true = (
            ", ".join(f"{dtype} {shape}" for shape, dtype in body.forms) for body in bodies
        )
        raise (ValueError if _dtypes(bodies[0]) == _dtypes(bodies[1]) else TypeError)(
            f"cond: true_fun returned {of_true}, false_fun {of_false}: expected the same shapes "
            "and dtypes"
        )
    results: list[Tensor] = _core.run_branch(condition, bodies, starts)
    outside = list({id(t): t for body in bodies for t in body.outside}.values())

    def derived(
        branch: _Branch,
        chosen: Sequence[Tensor],
        floats: Sequence[int],
        derive: Callable[..., list[Tensor]],
    ) -> _Branch:
        """The function from a branch's inputs and what follows them to the derivatives of its
        results of these numbers by the chosen ones of its inputs and the tensors from outside."""

        def flat(tensors: list[Tensor]) -> list[Tensor]:
            now, along = tensors[: len(inputs)], tensors[len(inputs) :]
            stand_ins = {id(t): stand_in for t, stand_in in zip(inputs, now, strict=True)}
            variables = [stand_ins.get(id(t), t) for t in chosen]
            with GradientTape() as tape:
                tape.watch(variables)
                values = branch(now)
            return derive(tape, [values[k] for k in floats], variables, along)

        return flat

    def pull(g: Any, out: Any) -> list[Tensor | None]:
        g, out = (g, out) if isinstance(g, tuple) else ((g,), (out,))
        floats = [k for k, t in enumerate(out) if is_variable(t)]
        given = with_zeros([g[k] for k in floats], [out[k] for k in floats])
        chosen = list({id(t): t for t in (*inputs, *outside) if is_variable(t)}.values())

        def gradients(
            tape: GradientTape, targets: Any, variables: Any, of_results: Any
        ) -> list[Tensor]:
            found = tape.gradient(targets, variables, output_gradient=of_results)
            return with_zeros(found, variables)

        found = _branched(
            condition,
            [derived(branch, chosen, floats, gradients) for branch in branches],
            [*inputs, *given],
            again=True,
        )
        by_id = dict(zip(map(id, chosen), found, strict=True))
        return [None, *(by_id.pop(id(t), None) for t in (*inputs, *outside))]

    def push(tangents: Sequence[Tensor | None]) -> list[Tensor | None]:
        pairs = zip((*inputs, *outside), tangents[1:], strict=True)
        along = {id(t): (t, part) for t, part in pairs if part is not None}
        chosen = [t for t, _ in along.values()]
        floats = [k for k, t in enumerate(results) if is_variable(t)]

        def moved(tape: GradientTape, targets: Any, variables: Any, parts: Any) -> list[Tensor]:
            return with_zeros(tape.jvp(targets, variables, parts), targets)

        found = _branched(
            condition,
            [derived(branch, chosen, floats, moved) for branch in branches],
            [*inputs, *(part for _, part in along.values())],
            again=True,
        )
        of_results = dict(zip(floats, found, strict=True))
        return [of_results.get(k) for k in range(len(results))]

    watched = [condition, *inputs, *outside]
    if results and _core.is_recording() and _core.is_watched(watched):
        _core.record_call("cond", tuple(watched), tuple(results), (pull, push))
    return results


def _dtypes(body: Any) -> list[Any]:
    return [dtype for _, dtype in body.forms]


# --------------------------------------------------------------------------- nested tensors


def _flat(name: str, tree: Any) -> tuple[list[Tensor], Any]:
    """The tensors of a tree, and the tree with their numbers in place of them."""
    tensors: list[Tensor] = []

    def number(leaf: Any) -> int | None:
        if leaf is None:
            return None
        tensors.append(_as_tensor(name, leaf))
        return len(tensors) - 1

    return tensors, map_leaves(number, tree)


def _as_tensor(name: str, leaf: Any, like: Tensor | None = None) -> Tensor:
    if isinstance(leaf, Tensor):
        return leaf
    if isinstance(leaf, (bool, int, float)) and like is not None:
        return _core.asarray(leaf, dtype=like.dtype)
    if isinstance(leaf, (bool, int, float, complex)) or hasattr(leaf, "__array__"):
        return _core.asarray(leaf)
    raise TypeError(
        f"{name}: found {_described(leaf)}: expected tensors, ndarrays and numbers, or nested "
        "lists, tuples and dictionaries of them"
    )


def _filled(form: Any, tensors: Sequence[Tensor]) -> Any:
    """The tree with tensors in place of their numbers."""
    return map_leaves(lambda number: None if number is None else tensors[number], form)


def _as_before(name: str, path: str, form: Any, tree: Any, before: list[Tensor]) -> list[Tensor]:
    """The tensors of a tree, which must have the form, the shapes and the dtypes of another."""
    if isinstance(form, (list, tuple, dict)):
        keys = list(form) if isinstance(form, dict) else range(len(form))
        if isinstance(form, dict):
            fits = isinstance(tree, dict) and set(tree) == set(form)
        else:
            fits = type(tree) is type(form) and len(tree) == len(form)
        if not fits:
            raise TypeError(
                f"{name}: the function returned {_described(tree)} as {path}: expected "
                f"{_described(form)} like that of init"
            )
        return [
            t
            for key in keys
            for t in _as_before(name, f"{path}[{key!r}]", form[key], tree[key], before)
        ]
    if form is None:
        if tree is not None:
            raise TypeError(
                f"{name}: the function returned {_described(tree)} as {path}: expected None like "
                "that of init"
            )
        return []
    model = before[form]
    if tree is None or isinstance(tree, (list, tuple, dict)):
        raise TypeError(
            f"{name}: the function returned {_described(tree)} as {path}: expected a tensor like "
            "that of init"
        )
    t = _as_tensor(f"{name}: {path}", tree, model)
    if t.shape != model.shape:
        raise ValueError(
            f"{name}: {path} has shape {t.shape} after a step: expected {model.shape}, that of init"
        )
    if t.dtype != model.dtype:
        raise TypeError(
            f"{name}: {path} has dtype {t.dtype} after a step: expected {model.dtype}, that of init"
        )
    return [t]


def _length(streams: list[Tensor], length: Any) -> int:
    """The number of steps of a scan."""
    n = None if length is None else integer("scan: length", length, 0)
    for k, t in enumerate(streams):
        if t.ndim == 0:
            raise ValueError(f"scan: xs: tensor {k} is 0-d: expected an axis of steps")
        if n is None:
            n = t.shape[0]
        if t.shape[0] != n:
            expected = f"length, {n}" if length is not None else f"that of the first one, {n}"
            raise ValueError(
                f"scan: xs: tensor {k} has length {t.shape[0]} along its first axis: expected "
                f"{expected}"
            )
    if n is None:
        raise ValueError("scan: xs has no tensor: expected length, the number of steps")
    return n


def _as_condition(name: str, value: Any) -> Tensor:
    """A 0-d tensor of bool."""
    t = _as_tensor(name, value)
    if t.size != 1:
        raise ValueError(f"{name}: found a tensor of shape {t.shape}: expected one element")
    t = _core.reshape(t, ())
    return t if t.dtype.kind == "b" else t != 0


def _described(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {value.shape}"
    if isinstance(value, dict):
        return f"a dictionary with the keys {list(value)}"
    if isinstance(value, (list, tuple)):
        return f"a {type(value).__name__} of length {len(value)}"
    return "None" if value is None else f"a {type(value).__name__}"


def _slice(t: Tensor, index: int) -> Tensor:
    """Element `index` along the first axis, unknown to tapes; zeros if there is none."""
    if t.shape[0] == 0:
        return _zeros(t.shape[1:], t.dtype)
    part: Tensor = _core.stop_gradient(t)[index]
    return part


def _zeros(shape: tuple[int, ...], dtype: Any) -> Tensor:
    return _core.full(shape, 0, dtype=dtype)


def _total(parts: list[Tensor]) -> Tensor:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _is_watched(t: Tensor) -> bool:
    return is_variable(t) and _core.is_watched([t])
