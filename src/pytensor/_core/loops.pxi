# Loops and branches: parts of a program that C runs many times, or not at all.
#
# A body is recorded like a program, on stand-ins, but what it reads from outside becomes an
# argument of it, after the others. So a loop is one step of the program around it, with operands
# like any other, and its body may contain loops. The derivative of a body is recorded together with
# it; the steps that read no gradient run in the loop forward, the others in the loop backward, and
# what these read of the former is kept at each step.


@cython.final
cdef class _Part:
    """Steps with arguments and results: a body, a test, a branch."""

    cdef _Program program
    cdef pt_part c
    cdef bint draws                 # calls back into Python even if nobody reads the result

    @staticmethod
    cdef _Part of(_Trace trace, list steps, list arguments, list results):
        """The part that computes buffers of the trace from others."""
        cdef _Part part = _Part.__new__(_Part)
        cdef _Trace copy = _Trace.__new__(_Trace, trace.name, False)
        cdef _Buffer buffer
        cdef _Step step
        cdef int *numbers
        cdef Py_ssize_t k
        for buffer in trace.buffers:
            copy.buffers.append(buffer.copied())
        for k in range(len(arguments)):
            buffer = <_Buffer>copy.buffers[arguments[k]]
            buffer.kind = ARGUMENT
            buffer.argument = <int>k
            buffer.tensor = None
        for step in steps:
            add_like(copy, step, step.shape, list(step.ins), list(step.outs), step.sizes)
            part.draws = part.draws or step.keep
            for place in step.outs:
                (<_Buffer>copy.buffers[place[0]]).n_writes += 1
        part.program = _Program.of(copy, results, in_one=True)
        part.c.steps = part.program.steps
        part.c.n_steps = part.program.n_steps
        part.c.n_buffers = part.program.n_buffers
        part.c.n_bytes = part.program.n_bytes
        part.c.fixed = part.program.fixed
        part.c.offsets = part.program.offsets
        part.c.n_arguments = <int>len(arguments)
        part.c.n_results = <int>len(results)
        numbers = <int *>part.program.memory.take(len(arguments) * sizeof(int))
        part.c.arguments = numbers
        for k in range(len(arguments)):
            numbers[k] = -1
        for k in range(part.program.n_buffers):
            if part.program.arguments[k] >= 0:
                numbers[part.program.arguments[k]] = <int>k
        numbers = <int *>part.program.memory.take(len(results) * sizeof(int))
        part.c.results = numbers
        for k in range(len(results)):
            numbers[k] = part.program.outs[k][0]
        return part


@cython.final
cdef class _Body:
    """A function as recorded by record_body."""

    cdef _Trace trace
    cdef list arguments             # the buffers of its arguments
    cdef list results               # of its results
    cdef list roots, root_buffers   # the tensors from outside, as owners of memory
    cdef readonly list outside      # these tensors, and views of them, as the function has them
    cdef readonly list forms        # (shape, dtype) of the results

    cdef _Part part(self, list steps, list arguments, list results):
        """These steps as a part, with what they may read from outside as further arguments."""
        global innermost_trace
        cdef PyObject *trace = innermost_trace
        innermost_trace = NULL
        try:
            return _Part.of(self.trace, steps, arguments + self.root_buffers, results)
        finally:
            innermost_trace = trace


def record_body(str name, function, list tensors, Py_ssize_t n_carries=0, *, bint again=False):
    """Records function(*tensors) -> a list of tensors, by running it.

    Args:
        name: For errors.
        function: Sees stand-ins, and no tapes.
        tensors: Its arguments, in C order.
        n_carries: So many of the results come first. A tensor may be one of these and one of the
            others, but is copied where it is one of them twice.
        again: The function ran before and must compute the same, so it must not draw numbers.

    Returns:
        The body, for the functions below.
    """
    global innermost_trace
    cdef PyObject *outer_trace = innermost_trace
    cdef GradientTape outer_tape = innermost()
    cdef _Trace trace = _Trace.__new__(_Trace, name, False)
    cdef _Body body = _Body.__new__(_Body)
    cdef _Buffer buffer
    cdef Tensor t
    cdef list arguments = [], seen = []
    if outer_trace != NULL:
        trace.outer = current_trace()
        if trace.outer.elementwise:
            raise TypeError(f"fuse: {name} is not element-wise")
    trace.is_body = trace.is_supposed = True
    trace.is_repeated = again or trace.outer is not None and trace.outer.is_repeated
    body.trace = trace
    for t in tensors:
        arguments.append(trace.stand_in(t))
    body.arguments = list(range(len(tensors)))
    body.results = []
    body.forms = []
    record_from(None)
    innermost_trace = <PyObject *>trace
    try:
        for k, value in enumerate(function(*arguments)):
            t = whole_in_trace(trace, <Tensor?>value, seen[0 if k < n_carries else n_carries:])
            seen.append(t)
            body.forms.append((t.shape, t.dtype))
        for t in seen:
            trace.place(t, t.ndim, t.steps)     # an error unless it was recorded
            body.results.append(root_of(t).buffer)
    finally:
        innermost_trace = outer_trace
        record_from(outer_tape)
        put_back(trace)
    trace.stand_ins = []
    body.outside = list(trace.outside.values())
    body.roots = []
    body.root_buffers = []
    for number in trace.captured.values():
        buffer = <_Buffer>trace.buffers[number]
        body.root_buffers.append(number)
        body.roots.append(buffer.tensor)
        buffer.tensor = None
    return body


cdef Tensor whole_in_trace(_Trace trace, Tensor t, list others):
    """t as the only tensor in its memory, in C order; a copy if it is not, or if the trace did not
    compute it, or is one of the others."""
    cdef Tensor root = root_of(t), other
    cdef bint fits = (root.trace == trace.serial and t.contiguous and t.size == root.size
                      and (<_Buffer>trace.buffers[root.buffer]).kind == TEMPORARY)
    for other in others:
        fits = fits and root_of(other) is not root
    return t if fits else converted_in_trace(t)


@cython.final
cdef class _Products:
    """Sums that products add to at each step of a loop, and that are one product after it.

    The gradient of a weight is such a sum, of x^T g over the steps: the products of all steps are
    that of all x and all g, in a fraction of the time.
    """

    cdef list buffers
    cdef Py_ssize_t n_primal        # the arguments before the gradients, of which all steps exist
    cdef dict makers                # buffer -> the step that writes it, if only one does
    cdef list reads                 # of each buffer: how often it is read or returned
    cdef list found                 # (number of the sum, [(place of x, place of g, rows, m, n)])

    @staticmethod
    cdef _Products of(_Body body, list steps, Py_ssize_t n_primal, list sums):
        """sums: (buffer before, after) the step of each."""
        cdef _Products p = _Products.__new__(_Products)
        cdef _Step step
        p.buffers = body.trace.buffers
        p.n_primal = n_primal
        p.makers = {}
        p.found = []
        p.reads = [0] * len(p.buffers)
        for step in steps:
            for place in step.ins:
                p.reads[place[0]] += 1
            for place in step.outs:
                p.makers[place[0]] = None if place[0] in p.makers else step
        for number in body.results:
            p.reads[number] += 1
        for k, (before, after) in enumerate(sums):
            pairs = p.added(before, after)
            if pairs:
                p.found.append((k, pairs))
        return p

    cdef list added(self, int before, int after):
        """The pairs of matrices whose products are added; None if something else happens."""
        cdef _Step step
        cdef list pairs = []
        while after != before:
            step = self.makers.get(after)
            if (step is None or step.kind != PT_STEP_ELEMENTWISE or step.op != ROW_ADD or step.loop
                    or self.reads[after] != 1):
                return None
            pair = self.factors(step.ins[1], step)
            if pair is None:
                return None
            pairs.append(pair)
            after = step.ins[0][0]
        return pairs

    cdef tuple factors(self, tuple place, _Step add):
        """The product that is in a place, as (x, g, rows, m, n) with x (rows, m), g (rows, n)."""
        cdef _Step step = self.makers.get(place[0])
        cdef Py_ssize_t m, n, k, item
        if step is None or step.loop or len(step.ins) != 2:
            return None
        x, g = step.ins
        item = <Py_ssize_t>pt_dtype_size[step.type]
        if step.kind == PT_STEP_MATMUL and not step.shape and not step.op:
            m, n, k = step.sizes[:3]
            x_steps, g_steps = step.sizes[3:5], step.sizes[5:]
        elif step.kind == PT_STEP_DENSE_GRADIENT:
            k, n, m = step.sizes[:3]
            x_steps, g_steps = (item, step.sizes[3] * item), (step.sizes[4] * item, item)
        elif (step.kind == PT_STEP_ELEMENTWISE and step.op == ROW_MULTIPLY and len(step.shape) == 2
                and x[3][1] == 0 and g[3][0] == 0):
            m, n = step.shape
            k = 1
            x_steps, g_steps = (x[3][0], 0), (0, g[3][1])
        else:
            return None
        if (place[1] != 0 or place[3] != c_strides(add.shape, item) or add.type != step.type
                or self.bytes_at(place) != m * n * item or add.shape != (m, n)
                or not self.is_matrix(x, step.type, k, m, x_steps[1], x_steps[0])
                or not self.is_matrix(g, step.type, k, n, g_steps[0], g_steps[1])):
            return None
        return x[0], g[0], k, m, n

    cdef Py_ssize_t bytes_at(self, tuple place) except -1:
        return (<_Buffer>self.buffers[place[0]]).n_bytes

    cdef bint is_matrix(self, tuple place, int type, Py_ssize_t rows, Py_ssize_t columns,
                        Py_ssize_t row_step, Py_ssize_t column_step) except -1:
        """Whether a place is a whole buffer with these rows one after the other."""
        cdef Py_ssize_t item = <Py_ssize_t>pt_dtype_size[type]
        cdef _Buffer buffer = <_Buffer>self.buffers[place[0]]
        return (place[1] == 0 and place[2] == type and buffer.n_bytes == rows * columns * item
                and (buffer.kind == TEMPORARY
                     or buffer.kind == ARGUMENT and buffer.argument < self.n_primal)
                and (columns == 1 or column_step == item)
                and (rows == 1 or row_step == columns * item))


@cython.final
cdef class _Division:
    """A body that computes values and their gradients, divided in two parts."""

    cdef readonly _Part forward     # its results are the values, then residuals
    cdef readonly list forms        # of all of these
    cdef readonly _Part backward
    cdef readonly list inputs       # its arguments: argument n of the body, or -1 - n: of forward
    cdef readonly list late_forms   # of its results
    cdef readonly list products     # (number of a sum, [(x, g, rows, m, n)]): see divide_body


def divide_body(_Body body, Py_ssize_t n_primal, Py_ssize_t n_values, Py_ssize_t n_carries,
                list sums):
    """Divides a body that computes values and their gradients in two.

    Args:
        body: Its arguments are those of the values, then the gradients; its results the values,
            then others.
        n_primal: How many arguments the values have.
        n_values: How many values.
        n_carries: How many of the others are carries of the loop backward.
        sums: (argument, result) of the gradients that add up over the steps, which are the last of
            these.

    Returns:
        A _Division; None if a value depends on a gradient. Sums that are products over all steps
        are no longer arguments and results of its backward part, but in products: for each step
        that is added the sources of x and g, as in inputs or, for a result n of backward, (n,), and
        the lengths of these matrices.
    """
    cdef _Division d = _Division.__new__(_Division)
    cdef _Plan plan = _Plan.__new__(_Plan)
    cdef _Products products
    cdef _Buffer buffer
    cdef _Step step
    cdef list early = [], late = [], values, both, kept = [], results = [], ends = [], sources = []
    cdef bint grown = True, is_late, is_constant
    plan.buffers = body.trace.buffers
    plan.steps = body.trace.steps
    plan.remove_repeated(body.results)
    plan.remove_dead(body.results)
    values = body.results[:n_values]
    gradients = set(body.arguments[n_primal:])      # and what depends on them
    while grown:
        grown = False
        for step in plan.steps:
            is_late = False
            for place in step.ins:
                is_late = is_late or place[0] in gradients
            for place in step.outs:
                if is_late and place[0] not in gradients:
                    gradients.add(place[0])
                    grown = True
    for number in values:
        if number in gradients:
            return None
    # What is left to the products after the loop, which read matrices of all steps.
    for argument, result in sums:
        ends.append((body.arguments[argument], body.results[result]))
    products = _Products.of(body, plan.steps, n_primal, ends)
    left_out = set()
    for k, _ in products.found:
        left_out.add(sums[k][0])
        left_out.add(-sums[k][1])
    for k in range(n_values, len(body.results)):
        if -k not in left_out:
            results.append(body.results[k])
            kept.append(body.forms[k])
    needed = values + results
    n_carries -= len(products.found)
    for _, pairs in products.found:
        for x, g, _, _, _ in pairs:
            for number in (x, g):
                if number not in body.arguments:
                    needed.append(number)
                if number in gradients and number not in results[n_carries:]:
                    buffer = <_Buffer>body.trace.buffers[number]
                    results.append(number)
                    kept.append((buffer.dims, DTYPES[buffer.type]))
    plan.remove_dead(needed)
    # Steps that read constants alone belong to both sides, as do those that write to memory where a
    # late one writes too.
    varying = set(body.arguments + body.root_buffers)
    grown = True
    while grown:
        grown = False
        for step in plan.steps:
            is_constant = step.kind != PT_STEP_CALL
            for place in step.ins + step.outs:
                is_constant = is_constant and place[0] not in varying
            for place in step.outs:
                if not is_constant and place[0] not in varying:
                    varying.add(place[0])
                    grown = True
    written = set()
    for step in plan.steps:
        is_late = is_constant = False
        for place in step.outs:
            is_late = is_late or place[0] in gradients
            is_constant = is_constant or place[0] not in varying
        if is_late or is_constant:
            late.append(step)
            for place in step.outs:
                written.add(place[0])
        is_late = False
        for place in step.ins:
            is_late = is_late or place[0] in gradients
        if not is_late:
            early.append(step)
    both = list(values)             # and residuals
    d.forms = body.forms[:n_values]
    d.inputs = []
    for k in range(n_primal, len(body.arguments)):
        if k not in left_out:
            d.inputs.append(k)
            sources.append(body.arguments[k])
    for step in late:
        for place in step.ins:
            number = place[0]
            buffer = <_Buffer>body.trace.buffers[number]
            if (number in written or number in sources or buffer.kind == CONSTANT
                    or buffer.kind == CAPTURED):
                continue
            sources.append(number)
            d.inputs.append(source_of(body, number, both, d.forms))
    d.products = []
    for k, pairs in products.found:
        parts = []
        for x, g, rows, m, n in pairs:
            ends = []
            for number in (x, g):
                if number in gradients:
                    ends.append((n_carries + results[n_carries:].index(number),))
                else:
                    ends.append(source_of(body, number, both, d.forms))
            parts.append((*ends, rows, m, n))
        d.products.append((k, parts))
    d.late_forms = kept
    d.forward = body.part(early, body.arguments[:n_primal], both)
    d.backward = body.part(late, sources, results)
    return d


cdef object source_of(_Body body, int number, list values, list forms):
    """Where a buffer is kept: argument n of the body, or -1 - n: a value, to which it may be
    added."""
    cdef _Buffer buffer = <_Buffer>body.trace.buffers[number]
    if number in body.arguments:
        return body.arguments.index(number)
    if number not in values:
        values.append(number)
        forms.append((buffer.dims, DTYPES[buffer.type]))
    # of several in one buffer the last, which is one that is kept
    return -len(values) + values[::-1].index(number)


def whole_body(_Body body):
    """The part that computes all results of a body."""
    return body.part(body.trace.steps, body.arguments, body.results)


def in_c_order(Tensor t):
    """t, or a copy of it in C order that no tape knows."""
    return as_contiguous(t, t.type)


cdef list run_part_step(str name, kernel_function run, bytes parameters, list parts,
                        list bodies, list operands, list results, Py_ssize_t n_scratch):
    """Runs a loop or a branch, and adds it to the trace.

    Args:
        run: The kernel, with
        parameters: its structure, whose memory the parts own.
        parts: What it runs, recorded as
        bodies: these.
        operands: Tensors in C order, and owners of memory.
        results: New tensors.
        n_scratch: The bytes of its scratch memory.
    """
    cdef Tensor t, scratch
    cdef Py_ssize_t dims[1]
    cdef pt_operand *places
    cdef pt_status status
    cdef _Trace trace
    cdef _Step step
    cdef _Part part
    cdef _Body body
    cdef Py_ssize_t k
    cdef const char *at = parameters
    cdef list ins = [], outs = []
    dims[0] = n_scratch
    scratch = new_tensor(PT_UINT8, 1, dims)
    places = <pt_operand *>malloc((len(operands) + len(results) + 1) * sizeof(pt_operand))
    if places == NULL:
        raise MemoryError(f"{name}: no memory for its operands")
    try:
        for k, value in enumerate(operands + results + [scratch]):
            places[k] = operand_of(<Tensor>value)
        if innermost_trace != NULL and current_trace().is_supposed:
            for t in results:       # their values do not matter; of some a loop might never end
                memset(t.data, 0, t.size * pt_dtype_size[t.type])
        else:
            with nogil:
                status = run(at, places)
            if status != PT_OK:
                raise_failure(status, name, scratch.data, parts)
    finally:
        free(places)
    if innermost_trace != NULL:
        trace = current_trace()
        for body in bodies:
            for t in body.outside:
                if root_of(t).trace != trace.serial:
                    trace.outside[<uintptr_t><PyObject *>t] = t
        for t in operands:
            ins.append(trace.place(t, t.ndim, t.steps))
        for t in results:
            outs.append(trace.result_place(t, t.ndim, t.steps))
        outs.append(trace.result_place(scratch, 1, scratch.steps))
        step = trace.add(PT_STEP_KERNEL, 0, PT_UINT8, (), ins, outs)
        step.name = name
        step.run = run
        step.parameters = parameters
        step.parts = parts
        for part in parts:
            step.keep = step.keep or part.draws
    return results


cdef extern from *:
    """
    static int pass_error(void) { return -1; }
    """
    int pass_error() except -1      # the exception is set already


cdef int raise_failure(pt_status status, str name, char *scratch, list parts) except -1:
    """Raises the error of a step inside a part."""
    cdef pt_failure *failure = <pt_failure *>scratch
    cdef _Part part
    if status == PT_INTERRUPTED:
        pass_error()
    if status == PT_OUT_OF_RANGE:
        for part in parts:
            if part.c.steps == failure.part.steps:
                part.program.explain(status, failure.failed, <char **>failure.buffers)
    raise MemoryError(f"{name}: no memory for the operands of a step")


cdef Tensor new_of_form(tuple form, tuple before):
    """A new tensor for a result, as (shape, dtype), of a body."""
    return new_of_shape(dtype_number(form[1]), before + form[0])


cdef Py_ssize_t bytes_of(tuple form) except -1:
    cdef Py_ssize_t n = <Py_ssize_t>pt_dtype_size[dtype_number(form[1])]
    for length in form[0]:
        n *= length
    return n


cdef list run_loop(pt_repetition *loop, str name, list parts, list bodies, list forms,
                   list operands):
    """Runs a loop whose parts and counts are filled in; operands: those before the results."""
    cdef _Memory memory = (<_Part>parts[0]).program.memory
    cdef Py_ssize_t *lengths
    cdef int *kept_in
    cdef int k, j
    cdef list results = []
    lengths = <Py_ssize_t *>memory.take(loop.n_carries * sizeof(Py_ssize_t))
    kept_in = <int *>memory.take(loop.n_carries * sizeof(int))
    loop.carry_bytes = lengths
    loop.kept_in = kept_in
    for k in range(loop.n_carries):
        lengths[k] = bytes_of(forms[k])
        kept_in[k] = -1
        for j in range(loop.n_kept):
            if loop.body.results[loop.n_carries + j] == loop.body.results[k]:
                kept_in[k] = j
        results.append(new_of_form(forms[k], ()))
    lengths = <Py_ssize_t *>memory.take(loop.n_kept * sizeof(Py_ssize_t))
    loop.kept_steps = lengths
    for k in range(loop.n_kept):
        lengths[k] = bytes_of(forms[loop.n_carries + k])
        results.append(new_of_form(forms[loop.n_carries + k], (loop.n,)))
    # a look takes as long as some dozen elements; one in 0.1 ms is enough
    loop.n_between = max(1, 65536 // max(1, (<_Part>parts[0]).program.work))
    return run_part_step(name, pt_run_loop, (<char *>loop)[:sizeof(pt_repetition)], parts, bodies,
                         operands, results, pt_loop_bytes(loop))


def run_scan(str name, _Body body, _Part part, list forms, list carries, list streams, list firsts,
             Py_ssize_t n, bint reverse):
    """Runs a loop of n steps.

    Args:
        name: For errors and texts.
        body: What was recorded.
        part: The part of it to run: its arguments are the carries and the streams, its results the
            carries and the values to keep.
        forms: The shapes and dtypes of its results.
        carries: The first ones, tensors in C order.
        streams: Tensors in C order, with a first axis of length n.
        firsts: For each stream None, or the tensor with which it begins if it lags a step behind.
        n: The number of steps.
        reverse: From the last element of the streams to the first.

    Returns:
        (last carries, kept values): lists of new tensors; the values have a first axis of length n.
    """
    cdef pt_repetition loop
    cdef pt_stream *places
    cdef Tensor t
    cdef Py_ssize_t k
    cdef list first_tensors = []
    memset(&loop, 0, sizeof(loop))
    loop.body = part.c
    loop.reverse = reverse
    loop.n = n
    loop.n_carries = <int>len(carries)
    loop.n_streams = <int>len(streams)
    loop.n_constants = <int>len(body.roots)
    loop.n_kept = <int>(len(forms) - len(carries))
    places = <pt_stream *>part.program.memory.take(len(streams) * sizeof(pt_stream))
    loop.streams = places
    for k, t in enumerate(streams):
        places[k].step = t.steps[0]
        places[k].first = -1
        if firsts[k] is not None:
            places[k].first = <int>len(first_tensors)
            first_tensors.append(firsts[k])
    loop.n_firsts = <int>len(first_tensors)
    results = run_loop(&loop, name, [part], [body], forms,
                       carries + streams + body.roots + first_tensors)
    return results[:loop.n_carries], results[loop.n_carries:]


def run_while(_Body body, _Body test, list carries):
    """Runs a loop while a test of the carries, whose result is a bool, is true.

    Returns:
        The last carries, new tensors.
    """
    cdef pt_repetition loop
    cdef _Part part = whole_body(body), test_part = whole_body(test)
    memset(&loop, 0, sizeof(loop))
    loop.body = part.c
    loop.test = test_part.c
    loop.is_while = True
    loop.n_carries = <int>len(carries)
    loop.n_constants = <int>len(body.roots)
    loop.n_test_constants = <int>len(test.roots)
    return run_loop(&loop, "while_loop", [part, test_part], [body, test], body.forms,
                    carries + body.roots + test.roots)


def run_branch(Tensor second, list bodies, list operands):
    """Runs the first of two bodies, or the second if the bool says so.

    Returns:
        Its results, new tensors.
    """
    cdef pt_branch branch
    cdef _Body a = bodies[0], b = bodies[1]
    cdef _Part first = whole_body(a), other = whole_body(b)
    cdef list results = []
    branch.parts[0] = first.c
    branch.parts[1] = other.c
    branch.n_shared = <int>len(operands)
    for form in a.forms:
        results.append(new_of_form(form, ()))
    return run_part_step("cond", pt_run_branch, (<char *>&branch)[:sizeof(pt_branch)],
                         [first, other], bodies, [second] + operands + a.roots + b.roots, results,
                         pt_branch_bytes(&branch))
