# The tape: an append-only list of records, replayed backwards.
#
# A tensor has the bit of each tape that knows it (Tensor.tracked), so an op outside any tape costs
# one test. Tapes that are 64 places apart share a bit: it says that a tape may know a tensor, and
# node_of whether it does. A tape numbers the tensors that it knows, its nodes; a record holds the
# nodes of a call's inputs and results, and only those values that the derivative reads.
#
# A tape records in one thread, but threads may share the tensors that their tapes know, and any
# thread may ask any tape for gradients. A tensor's bits are set atomically; its fields serial and
# node go to one tape at a time, under a critical section on the tensor; what changes of a tape, its
# records, nodes and outer tape, is read and written under one on the tape.

cdef extern from *:
    """
    static _Thread_local unsigned long long recording_mask;
    static _Thread_local PyObject *innermost_tape;
    static _Thread_local PyObject *observer;
    """
    unsigned long long recording_mask  # bits of the tapes that record in this thread
    PyObject *innermost_tape           # borrowed from thread_tapes
    PyObject *observer                 # borrowed from observed(): the list that calls are added to

# Holds the innermost tape of each thread, which holds the outer ones, until the thread ends.
cdef object thread_tapes = threading.local()

# The rule of each row, set by set_rules() before the first tape is made.
cdef list ROW_NAMES = [None] * N_ROWS
cdef dict ROW_NUMBERS = {}             # of the names
cdef list RULES = [None] * N_ROWS
cdef object ADDING_A_ROW = object()    # for a critical section

cdef enum:
    MAX_TAPES = 65536       # alive at a time
    N_WORDS = 1024          # of 64 bits, one for each of them

# A living tape has a place, whose last six bits are the position of its bit; the last 16 bits of
# its serial number are the place.
cdef unsigned long long free_places[N_WORDS]       # as bits
cdef unsigned long long live_serials[MAX_TAPES]
cdef unsigned long long n_tapes = 0
cdef unsigned long long n_names = 0
for _number in range(N_WORDS):
    free_places[_number] = ~<unsigned long long>0

cdef enum:
    SAVE_OUT = -1
    SAVE_X_SHAPE = -2
    SAVE_Y_SHAPE = -3
    SAVE_OUT_SHAPE = -4


@cython.final
cdef class _Rule:
    """The derivatives of one row.

    functions: one per input, called with the gradient of the result and the saved values; None if
    no gradient flows. forward: the same for forward mode, called with the tangent of the input;
    None if functions must be transposed instead. saves: what to save, in order: k >= 0 is input k,
    SAVE_OUT the result, SAVE_X_SHAPE and similar ones shapes, -10 - i parameter i. needs: for each
    of saves the inputs, as bits, whose derivatives read it. each: one function serves every input
    and receives its number as second argument. joint: one function returns the gradients of all
    inputs, and one, from the tangents of all inputs, None where there is none, the tangents of all
    results.
    """

    cdef tuple functions
    cdef tuple forward
    cdef tuple saves
    cdef tuple needs
    cdef bint each
    cdef bint joint

    def __init__(self, tuple functions, tuple forward, tuple saves, tuple needs, bint each,
                 bint joint):
        self.functions = functions
        self.forward = forward
        self.saves = saves
        self.needs = needs
        self.each = each
        self.joint = joint


def set_names(list names):
    """Sets the names of the rows, in order."""
    ROW_NAMES[:] = names
    ROW_NUMBERS.update({name: row for row, name in enumerate(names)})


def add_row(str name, tuple rule not None):
    """Adds a row with its rule, given as the arguments of _Rule, unless there is one of that name.
    """
    made = _Rule(*rule)
    with cython.critical_section(ADDING_A_ROW):
        if name not in ROW_NUMBERS:
            ROW_NAMES.append(name)
            RULES.append(made)
            ROW_NUMBERS[name] = len(RULES) - 1  # from here on calls are recorded


def set_rules(dict rules):
    """Sets rules, given as row number -> arguments of _Rule."""
    for row, arguments in rules.items():
        RULES[row] = _Rule(*arguments)


def add_rules(row):
    """Gives the tape the rules of a row of _tables/numpy_rows.py, before it is first recorded."""
    HANDED_DOWN["add_rules"](row)


@cython.final
@cython.freelist(256)
cdef class _Record:
    cdef int row
    cdef tuple saved
    cdef list guarded            # [tensor, version, ...]: saved tensors and their versions; or None
    cdef tuple inputs            # node of each input, -1 if the tape does not know it
    cdef list shapes             # per input, None if it is like the result; None if all are
    cdef list outs               # (shape, dtype) of each result; None if all inputs are like it
    cdef Py_ssize_t out, n_outs  # nodes of the results: out, out + 1, ...


cdef inline bint is_like(object value, Tensor out) noexcept:
    """Whether a gradient of out's shape and dtype fits value, or value needs none."""
    return not isinstance(value, Tensor) or (
        (<Tensor>value).ndim == out.ndim and same_dims(<Tensor>value, out)
        and (<Tensor>value).type == out.type)


cdef int record(int row, tuple inputs, Tensor out, object parameters) except -1:
    """Records a call on every recording tape that knows an input."""
    return record_results(row, inputs, out, None, parameters)


cdef int record_results(int row, tuple inputs, Tensor out, tuple results,
                        object parameters) except -1:
    """The same for a call with several results, of which out is the first; None for one."""
    cdef _Rule rule = RULES[row]
    cdef GradientTape tape
    cdef unsigned long long mask = 0
    cdef list saved = None, guarded = None, shapes, outs
    cdef long watched = 0
    cdef int i
    if rule is None:  # constant almost everywhere: floor, sign
        return 0
    for i, value in enumerate(inputs):
        if isinstance(value, Tensor) and recording_mask & (<Tensor>value).tracked:
            mask |= (<Tensor>value).tracked
            if i < MAX_INPUTS:  # rules with more inputs need everything
                watched |= 1 << i
    mask &= recording_mask
    if rule.saves or rule.joint:
        saved = []
        guarded = []
        save_values(rule, watched, inputs, out, results, parameters, saved, guarded)
    shapes = other_shapes(inputs, out)
    outs = None
    if results is not None:
        outs = []
        for value in results:
            outs.append(((<Tensor>value).shape, (<Tensor>value).type))
    elif shapes is not None or rule.forward is None:
        outs = [(out.shape, out.type)]
    if observer != NULL:
        (<list>observer).append((ROW_NAMES[row], inputs, (out,) if results is None else results))
    tape = innermost()  # None if a garbage collection has exited the tapes meanwhile
    while tape is not None:
        if tape.bit & mask and tape.recording:
            append_record(tape, row, () if saved is None else tuple(saved), guarded, shapes, outs,
                          inputs, out, results)
        tape = tape.next_outer()
    return 0


cdef int save_values(_Rule rule, long watched, tuple inputs, Tensor out, tuple results,
                     object parameters, list saved, list guarded) except -1:
    """Collects the values that the derivatives with respect to the watched inputs read, and the
    tensors among them, which must not change until then."""
    cdef long needs
    cdef int i, k
    for i in range(len(rule.saves)):
        k = rule.saves[i]
        needs = rule.needs[i]
        if not needs & watched and needs != -1:
            saved.append(None)
            continue
        if k >= 0:
            saved.append(inputs[k])
        elif k == SAVE_OUT:
            saved.append(out if results is None else results)
        elif k == SAVE_X_SHAPE:
            saved.append(inputs[0].shape)
        elif k == SAVE_Y_SHAPE:
            saved.append(inputs[1].shape)
        elif k == SAVE_OUT_SHAPE:
            saved.append(out.shape)
        else:
            saved.append(parameters[-10 - k])
        if (k >= 0 or k == SAVE_OUT) and isinstance(saved[-1], Tensor):
            guard(guarded, <Tensor>saved[-1])
        elif k == SAVE_OUT:
            for value in results:
                guard(guarded, <Tensor>value)
    if rule.joint:  # its function may read any input
        for value in inputs:
            if isinstance(value, Tensor):
                guard(guarded, <Tensor>value)
    return 0


cdef list other_shapes(tuple inputs, Tensor out):
    """(shape, dtype) of each input, None for one that is like out; None if all are."""
    cdef list shapes
    for value in inputs:
        if not is_like(value, out):
            break
    else:
        return None
    shapes = []
    for value in inputs:
        shapes.append(None if is_like(value, out) else
                      ((<Tensor>value).shape, (<Tensor>value).type))
    return shapes


cdef int append_record(GradientTape tape, int row, tuple saved, list guarded, list shapes,
                       list outs, tuple inputs, Tensor out, tuple results) except -1:
    """Adds a record of the call to one tape that knows an input, and nodes for its results."""
    cdef _Record entry = _Record.__new__(_Record)
    cdef list nodes
    cdef bint known = False
    entry.row = row
    entry.saved = saved
    entry.guarded = guarded
    entry.shapes = shapes
    entry.outs = outs
    if len(inputs) == 1:
        entry.inputs = (tape.node_of(inputs[0]),)
    elif len(inputs) == 2:
        entry.inputs = (tape.node_of(inputs[0]), tape.node_of(inputs[1]))
    else:
        nodes = []
        for value in inputs:
            nodes.append(tape.node_of(value))
        entry.inputs = tuple(nodes)
    for node in entry.inputs:
        known = known or <Py_ssize_t>node >= 0
    if not known:  # the bit is another tape's
        return 0
    with cython.critical_section(tape):  # no other thread has the results yet
        entry.out = tape.new_node(out)
        entry.n_outs = 1
        if results is not None:
            entry.n_outs = len(results)
            for value in results[1:]:
                tape.new_node(<Tensor>value)
        tape.records.append(entry)
    return 0


cdef int guard(list guarded, Tensor t) except -1:
    t = root_of(t)
    guarded.append(t)
    guarded.append(t.version)
    return 0


def record_call(str name, tuple inputs, tuple results, tuple parameters):
    """Records a call that was computed elsewhere.

    Args:
        name: The name of its row.
        inputs: Tensors and any other objects.
        results: New tensors, which no tape knows yet.
        parameters: What the row's derivatives save besides inputs and results.
    """
    cdef unsigned long long tracked = 0
    for value in results:
        if not isinstance(value, Tensor):
            raise TypeError(f"{name}: a result is {describe(value)}: expected a tensor")
    if recording_mask:
        for value in inputs:
            if isinstance(value, Tensor):
                tracked |= (<Tensor>value).tracked
        # results that are neither floating-point nor complex are constants
        if recording_mask & tracked and results and (
                len(results) > 1 or kind_of((<Tensor>results[0]).type) >= KIND_FLOAT):
            record_results(ROW_NUMBERS[name], inputs, <Tensor>results[0],
                           None if len(results) == 1 else results, parameters)


def observed(function, *, bint forget):
    """Calls function() and returns what the tapes of this thread see of it.

    Args:
        function: Called without arguments.
        forget: Remove what the tapes recorded.

    Returns:
        (value, inputs, calls): the function's result; the tensors it read that a tape knew before;
        the recorded calls, each (name, inputs, results).
    """
    global observer
    cdef PyObject *outer = observer
    cdef GradientTape tape = innermost()
    cdef list calls = [], marks = []
    while tape is not None:
        marks.append((tape, len(tape.all_records()), tape.n_nodes))
        tape = tape.next_outer()
    observer = <PyObject *>calls
    try:
        value = function()
    finally:
        observer = outer
        if forget:
            for tape, n_records, _ in marks:
                del tape.all_records()[n_records:]
    inputs = {}
    for _, values, _ in calls:
        for t in values:
            if isinstance(t, Tensor):
                for tape, _, n_nodes in marks:
                    if 0 <= tape.node_of(t) < n_nodes:
                        inputs[id(t)] = t
    return value, list(inputs.values()), calls


cdef int taken_place() except -1:
    """The lowest free place, which is then taken; where possible, one whose bit no other tape that
    records in this thread has."""
    cdef unsigned long long free, bit
    cdef int i, position, take_any
    for take_any in range(2):
        for i in range(N_WORDS):
            while True:
                free = load_shared(&free_places[i]) & (~<unsigned long long>0 if take_any
                                                       else ~recording_mask)
                if free == 0:
                    break
                bit = free & (~free + 1)
                if clear_bits(&free_places[i], bit) & bit:  # else another thread was faster
                    position = 0
                    while bit >> position != 1:
                        position += 1
                    return 64 * i + position
    raise RuntimeError(f"GradientTape: more than {MAX_TAPES} tapes are alive: expected at most "
                       f"{MAX_TAPES}")


cdef GradientTape innermost():
    return None if innermost_tape == NULL else <GradientTape><object>innermost_tape


cdef bint is_recorded(Tensor t) except -1:
    """Whether a tape that records in this thread knows t."""
    cdef GradientTape tape
    if not t.tracked & recording_mask:
        return False
    tape = innermost()
    while tape is not None:
        if tape.recording and tape.node_of(t) >= 0:
            return True
        tape = tape.next_outer()
    return False


cdef int record_from(GradientTape tape) except -1:
    """Makes this tape and the outer ones record in this thread, except those already exited. An
    error (no memory at a thread's first call) changes nothing."""
    global recording_mask, innermost_tape
    cdef GradientTape outer
    while tape is not None and not tape.recording:
        tape = tape.next_outer()
    thread_tapes.innermost = tape
    innermost_tape = NULL if tape is None else <PyObject *>tape
    recording_mask = 0
    while tape is not None:
        recording_mask |= tape.bit
        outer = tape.next_outer()
        while outer is not None and not outer.recording:
            outer = outer.next_outer()
        tape.set_outer(outer)
        tape = outer
    return 0


@cython.binding(False)
@cython.embedsignature(True)
cdef class GradientTape:
    """Records operations on watched tensors, to differentiate their results.

        with pt.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        dy_dx = tape.gradient(y, x)

    Tapes nest: a gradient computed inside another tape is itself recorded by that tape.

    Args:
        persistent: Allow more than one call of gradient() or jvp(); otherwise the first one frees
            the records.

    >>> w = pt.asarray([1.0, 2.0])
    >>> with pt.GradientTape() as tape:
    ...     tape.watch(w)
    ...     loss = pt.sum(w ** 2)
    ...
    >>> tape.gradient(loss, w)
    Tensor([2., 4.], dtype=float32)
    """

    cdef list records
    cdef dict nodes              # name of a tensor -> its node, if the tensor does not store it
    cdef list watched
    cdef Py_ssize_t n_nodes
    cdef unsigned long long bit, serial
    cdef bint persistent, used, recording
    cdef GradientTape outer

    def __cinit__(self, *, bint persistent=False):
        cdef int place
        load_rules = HANDED_DOWN.get("load_rules")
        if load_rules is not None:
            load_rules()  # possibly by several threads: each must find the rules afterwards
            HANDED_DOWN["load_rules"] = None
        place = taken_place()
        self.bit = <unsigned long long>1 << (place & 63)
        self.serial = add_shared(&n_tapes, 1) * MAX_TAPES + place
        store_shared(&live_serials[place], self.serial)
        self.records = []
        self.nodes = {}
        self.watched = []
        self.persistent = persistent

    def _repr_html_(self):
        cdef list names = []
        for entry in list(self.all_records()):
            if entry is not None:  # freed by gradient()
                names.append(row_name((<_Record>entry).row))
        return HANDED_DOWN["html"]().records(names, len(self.watched))

    def __dealloc__(self):
        global recording_mask, innermost_tape
        if self.bit == 0:  # __cinit__ failed: serial is not this tape's
            return
        store_shared(&live_serials[self.serial % MAX_TAPES], 0)
        set_bits(&free_places[self.serial % MAX_TAPES // 64], self.bit)
        if innermost_tape == <PyObject *>self:  # its thread ends
            innermost_tape = NULL
            recording_mask = 0

    def __enter__(self):
        with cython.critical_section(self):
            if self.recording:
                raise RuntimeError("this GradientTape is recording already")
            self.recording = True
            self.outer = innermost()
        try:
            record_from(self)
        except BaseException:
            self.recording = False
            self.set_outer(None)
            raise
        return self

    # Not *exception: without memory for its tuple, the tape would go on recording.
    def __exit__(self, exception_type=None, exception=None, traceback=None, /):
        cdef GradientTape last = innermost(), tape = last
        while tape is not None and tape is not self:
            tape = tape.next_outer()
        self.recording = False  # in any case: a tape that was exited must not record
        record_from(last)
        if tape is self:
            self.set_outer(None)
        if last is not self:
            raise RuntimeError("GradientTapes must be exited in reverse order of entering, and in "
                               "the thread that entered them")

    def watch(self, *tensors):
        """Treat tensors as variables.

        Args:
            tensors: Tensors, or lists, tuples, dictionaries of them.

        Raises:
            TypeError: For anything but a floating-point or complex tensor.
        """
        for value in tensors:
            if isinstance(value, (list, tuple)):
                self.watch(*value)
            elif isinstance(value, dict):
                self.watch(*value.values())
            elif isinstance(value, Tensor) and kind_of((<Tensor>value).type) >= KIND_FLOAT:
                with cython.critical_section(self, value):
                    if self.node_of(value) < 0:
                        self.watched.append(value)
                        self.new_node(<Tensor>value)
            else:
                raise TypeError(f"watch: found {describe(value)}: expected a floating-point or "
                                "complex tensor")

    cdef Py_ssize_t node_of(self, object value) except -2:
        if not isinstance(value, Tensor) or not (<Tensor>value).tracked & self.bit:
            return -1
        if load_shared(&(<Tensor>value).serial) == self.serial:
            return (<Tensor>value).node
        # the bit may be from a former tape: the dictionary decides
        node = self.nodes.get((<Tensor>value).name)
        return -1 if node is None else node

    cdef Py_ssize_t new_node(self, Tensor t) except -1:
        """Call it under critical sections on the tape and, if other threads have it, on t."""
        set_bits(&t.tracked, self.bit)
        if load_shared(&live_serials[t.serial % MAX_TAPES]) != t.serial or t.serial == self.serial:
            t.node = self.n_nodes
            store_shared(&t.serial, self.serial)  # node_of, in another thread, then finds node set
        else:  # another tape uses the field of the tensor
            if t.name == 0:
                t.name = add_shared(&n_names, 1)
            self.nodes[t.name] = self.n_nodes
        self.n_nodes += 1
        return self.n_nodes - 1

    def gradient(self, target, sources, *, output_gradient=None, row_gradients=False):
        """The gradient of target with respect to sources.

        Args:
            target: A tensor computed while the tape recorded, or a nested list, tuple, dictionary
                of tensors. The gradient is that of the sum of all elements, weighted by
                output_gradient.
            sources: A tensor or a nested list, tuple, dictionary of tensors.
            output_gradient: Weights of target's structure and shapes, all 1 by default; None inside
                a nested one means zeros.
            row_gradients: Allow the gradient of a linear layer's weights to be a RowGradient.

        Returns:
            Gradients in the structure of sources, each a tensor of its source's shape and dtype, or
            None if target does not depend on the source.

        Raises:
            RuntimeError: If a tensor that the derivative needs was changed in place, or at the
                second call unless the tape is persistent.
        """
        cdef list gradients = [None] * self.n_nodes
        self.check_unused("gradient")
        self.place("gradient", "output_gradient", "target", target, output_gradient,
                   output_gradient is None, gradients)
        wanted = bytearray(len(gradients))
        self.collect("gradient: a source", sources, wanted)
        records = self.take_records("gradient")
        return self.pick(sources, self.replay(records, gradients, wanted, row_gradients))

    def jvp(self, target, sources, tangents):
        """The tangent of target: its derivative as the sources move along their tangents.

        Forward mode: tangents are pushed through the records, from the first to the last.

        Args:
            target: A tensor or a nested list, tuple, dictionary of tensors.
            sources: A tensor or a nested list, tuple, dictionary of tensors.
            tangents: Tensors in the structure of sources, each of its source's shape; None means
                zeros.

        Returns:
            Tangents in the structure of target, each a tensor of the same shape and dtype, or None
            if it does not depend on the sources.

        Raises:
            RuntimeError: As for gradient.
        """
        cdef list known = [None] * self.n_nodes
        self.check_unused("jvp")
        self.place("jvp", "tangents", "source", sources, tangents, False, known)
        wanted = bytearray(len(known))
        self.collect("jvp: the target", target, wanted)
        self.push(self.take_records("jvp"), known)
        return self.pick(target, {node: known[node] for node, flag in enumerate(wanted) if flag})

    cdef int check_unused(self, str name) except -1:
        if self.used and not self.persistent:
            raise RuntimeError(f"{name}: this tape was used already; only a "
                               "GradientTape(persistent=True) allows more than one call")
        return 0

    cdef list take_records(self, str name):
        """The records, which a tape that is not persistent forgets."""
        cdef list records
        with cython.critical_section(self):
            self.check_unused(name)
            self.used = True
            records = self.records
            if not self.persistent:
                self.records = []
        return records

    cdef list all_records(self):
        with cython.critical_section(self):
            return self.records

    cdef GradientTape next_outer(self):
        with cython.critical_section(self):
            return self.outer

    cdef int set_outer(self, GradientTape outer) except -1:
        with cython.critical_section(self):
            self.outer = outer
        return 0

    cdef int place(self, str name, str argument, str role, object tensors, object values,
                   bint ones, list known, int depth=0) except -1:
        """Adds the values, or ones, to known at the nodes of the tensors."""
        cdef Py_ssize_t node
        check_depth(depth, name)
        if isinstance(tensors, (list, tuple, dict)):
            for tensor, value in pairs(tensors, values, f"{name}: {argument}"):
                self.place(name, argument, role, tensor, value, ones, known, depth + 1)
            return 0
        if not isinstance(tensors, Tensor):
            raise TypeError(f"{name}: the {role} is {describe(tensors)}: expected a tensor")
        if ones:
            value = full(tensors.shape, 1, dtype=tensors.dtype)
        elif values is None:
            return 0
        else:
            value = as_tensor(values, name)
            if value.dtype != tensors.dtype:
                value = astype_recorded(value, (<Tensor>tensors).type)
            if value.shape != tensors.shape:
                raise ValueError(f"{name}: {argument} has shape {value.shape}: expected that of "
                                 f"the {role}, {tensors.shape}")
        node = self.node_of(tensors)
        if node >= 0:
            known[node] = value if known[node] is None else known[node] + value
        return 0

    cdef int collect(self, str role, object sources, bytearray wanted, int depth=0) except -1:
        """Marks the nodes of the sources."""
        cdef Py_ssize_t node
        check_depth(depth, role)
        if isinstance(sources, (list, tuple)):
            for source in sources:
                self.collect(role, source, wanted, depth + 1)
        elif isinstance(sources, dict):
            for source in sources.values():
                self.collect(role, source, wanted, depth + 1)
        elif isinstance(sources, Tensor):
            node = self.node_of(sources)
            if node >= 0:
                wanted[node] = 1
        else:
            raise TypeError(f"{role} is {describe(sources)}: expected a tensor")
        return 0

    cdef object pick(self, object sources, dict gradients):
        # no deeper than collect, which ran before
        if isinstance(sources, (list, tuple)):
            parts = []
            for source in sources:
                parts.append(self.pick(source, gradients))
            return rebuilt(sources, parts)
        if isinstance(sources, dict):
            return {key: self.pick(source, gradients) for key, source in sources.items()}
        return gradients.get(self.node_of(sources))

    cdef dict replay(self, list records, list gradients, bytearray wanted, bint row_gradients):
        """Walks the records backwards; returns the gradients of the wanted nodes, some as a
        RowGradient if they may be."""
        cdef dict results = {}
        cdef _Record entry
        cdef _Rule rule
        cdef Py_ssize_t i = len(records), k, node
        while i > 0:
            i -= 1
            entry = <_Record>records[i]
            if not self.persistent:
                records[i] = None  # frees its saved tensors during the walk
            if entry.out >= len(gradients):  # recorded later, by a gradient inside this tape
                continue
            if entry.n_outs == 1:
                g = gradients[entry.out]
            else:
                g = gradients_of_all(gradients, entry)
            if g is None:
                continue
            for k in range(entry.out, entry.out + entry.n_outs):
                if wanted[k] and gradients[k] is not None:
                    results[k] = gradients[k]
                gradients[k] = None
            if type(g) is RowGradient:
                g = as_dense(g)
            check_unchanged(entry)
            rule = <_Rule>RULES[entry.row]
            add_gradients(entry, rule, g, gradients, row_gradients)
        for node in range(len(wanted)):
            if wanted[node] and gradients[node] is not None:
                results[node] = gradients[node]
        return results

    cdef int push(self, list records, list tangents) except -1:
        """Walks the records forwards and fills in the tangents of all nodes."""
        cdef _Record entry
        cdef _Rule rule
        cdef Py_ssize_t i, k, node
        for i in range(len(records)):
            entry = <_Record>records[i]
            if not self.persistent:
                records[i] = None
            for node in entry.inputs:
                if 0 <= node < len(tangents) and tangents[node] is not None:
                    break
            else:
                continue
            if entry.out >= len(tangents):
                break
            check_unchanged(entry)
            rule = <_Rule>RULES[entry.row]
            if rule.forward is None:
                for k, part in enumerate(transposed(entry, tangents)):
                    add_to(tangents, entry.out + k, part)
                continue
            push_tangents(entry, rule, tangents)
        return 0


cdef object gradients_of_all(list gradients, _Record entry):
    """The gradients of a record's results as a tuple, None if all are missing. Some missing ones
    are zeros, unless the rule is for both modes."""
    cdef _Rule rule
    cdef Py_ssize_t k
    cdef list parts = []
    cdef bint known = False
    for k in range(entry.out, entry.out + entry.n_outs):
        parts.append(as_dense(gradients[k]))
        known = known or gradients[k] is not None
    if not known:
        return None
    rule = <_Rule>RULES[entry.row]
    for k in range(entry.n_outs if rule.joint and rule.forward is None else 0):
        if parts[k] is None:
            parts[k] = full(entry.outs[k][0], 0, dtype=DTYPES[entry.outs[k][1]])
    return tuple(parts)


cdef inline object part_of(_Record entry, _Rule rule, object g, Py_ssize_t k, object joint):
    """The gradient of input k, or None. joint: the gradients of all inputs, for a joint rule."""
    cdef object part, function
    if rule.joint:
        part = joint[k]
    elif rule.each:
        part = rule.functions[0](g, k, *entry.saved)
    else:
        function = rule.functions[k]
        part = None if function is None else function(g, *entry.saved)
    if (entry.shapes is not None and part is not None and entry.shapes[k] is not None
            and type(part) is not RowGradient):
        part = fitted(<Tensor?>part, entry.shapes[k][0], entry.shapes[k][1])
    return part


cdef int add_gradients(_Record entry, _Rule rule, object g, list gradients,
                       bint row_gradients) except -1:
    """Adds the gradients of a record's inputs, given that of its result or results."""
    cdef Py_ssize_t k, node
    joint = rule.functions[0](g, *entry.saved) if rule.joint else None
    for k in range(len(entry.inputs)):
        node = entry.inputs[k]
        if node < 0:
            continue
        part = part_of(entry, rule, g, k, joint)
        if part is None:
            continue
        if not row_gradients:
            part = as_dense(part)
        known = gradients[node]
        gradients[node] = part if known is None else elementwise_call(
            ROW_ADD, as_dense(known), as_dense(part), None, None)
    return 0


cdef int push_tangents(_Record entry, _Rule rule, list tangents) except -1:
    """Adds the tangents of a record's results, for a row with rules for forward mode."""
    cdef Py_ssize_t k, i, node
    total = None
    if rule.joint:
        parts = []
        for node in entry.inputs:
            parts.append(tangents[node] if 0 <= node < len(tangents) else None)
        for k, part in enumerate(rule.forward[0](tuple(parts), *entry.saved)):
            add_to(tangents, entry.out + k, part)
        return 0
    for k in range(len(entry.inputs)):
        node = entry.inputs[k]
        function = rule.forward[0 if rule.each else k]
        if node < 0 or tangents[node] is None or function is None:
            continue
        part = (function(tangents[node], k, *entry.saved) if rule.each
                else function(tangents[node], *entry.saved))
        if entry.n_outs > 1:  # a tuple
            for i, result in enumerate(part):
                if result is not None:
                    result = of_dtype(<Tensor?>result, entry.outs[i][1])
                add_to(tangents, entry.out + i, result)
            continue
        total = part if total is None else elementwise_call(ROW_ADD, total, part, None, None)
    if total is not None and entry.outs is not None:  # an input may be smaller than the result
        if total.shape != entry.outs[0][0]:
            total = broadcast_to(total, entry.outs[0][0])
        total = of_dtype(<Tensor?>total, entry.outs[0][1])
    return add_to(tangents, entry.out, total)


cdef object transposed(_Record entry, list tangents):
    """The tangents of a record's results, for a row without rules for forward mode.

    Its rules are a linear map from gradients of the results to gradients of the inputs. So the
    gradient of that map, weighted with the tangents of the inputs, is the transposed map.
    """
    cdef _Rule rule = <_Rule>RULES[entry.row]
    cdef Py_ssize_t k, node
    cdef list gradients = [], parts = [], weights = []
    for shape, type in entry.outs:
        gradients.append(full(shape, 0, dtype=DTYPES[type]))
    with GradientTape() as tape:
        tape.watch(gradients)
        g = gradients[0] if entry.n_outs == 1 else tuple(gradients)
        joint = rule.functions[0](g, *entry.saved) if rule.joint else None
        for k in range(len(entry.inputs)):
            node = entry.inputs[k]
            if node < 0 or tangents[node] is None:
                continue
            part = part_of(entry, rule, g, k, joint)
            if part is not None:
                parts.append(as_dense(part))
                weights.append(tangents[node])
    return tape.gradient(parts, gradients, output_gradient=weights)


cdef int add_to(list known, Py_ssize_t node, object value) except -1:
    if value is not None:
        known[node] = value if known[node] is None else known[node] + value
    return 0


cdef list pairs(object model, object values, str name):
    """Pairs each part of the model with its value, or None."""
    if values is None:
        return list(zip(model.values() if isinstance(model, dict) else model,
                        itertools.repeat(None)))
    if isinstance(model, dict):
        if not isinstance(values, dict) or set(values) != set(model):
            raise ValueError(f"{name}: found {describe(values)}: expected a dictionary with the "
                             f"keys {list(model)}")
        return list(zip(model.values(), map(values.__getitem__, model)))
    if not isinstance(values, (list, tuple)) or len(values) != len(model):
        raise ValueError(f"{name}: found {describe(values)}: expected a {type(model).__name__} of "
                         f"{len(model)} parts")
    return list(zip(model, values))


cdef int check_unchanged(_Record entry) except -1:
    cdef Py_ssize_t i
    if entry.guarded is None:
        return 0
    for i in range(0, len(entry.guarded), 2):
        if (<Tensor>entry.guarded[i]).version != entry.guarded[i + 1]:
            raise RuntimeError(f"gradient: a tensor that {row_name(entry.row)} saved was changed "
                               "in place since; its derivative can't be computed any more")
    return 0


cdef object fitted(Tensor g, tuple shape, int dtype):
    """The gradient of an input that was broadcast or converted: summed over the repeated axes and
    converted back. The only place where broadcasting is undone."""
    cdef int extra = g.ndim - <int>len(shape), d
    if g.shape != shape:
        axes = []
        for d in range(g.ndim):
            if d < extra or shape[d - extra] == 1 and g.dims[d] != 1:
                axes.append(d)
        if axes:
            g = reduce_call(ROW_SUM, g, tuple(axes), True)
        g = reshape(g, shape)
    return of_dtype(g, dtype)


cdef Tensor of_dtype(Tensor g, int dtype):
    """A gradient or a tangent with the dtype of what it belongs to: the real part for real numbers.

    For gradients g and tangents t of complex numbers the real part of the sum of g t counts, as in
    JAX. So a rule that multiplies g by the slope is the transpose of the one that multiplies t by
    it, whether the input or the result is real or complex: where it is real, the rest is cut off
    here.
    """
    if kind_of(g.type) == KIND_COMPLEX and kind_of(dtype) != KIND_COMPLEX:
        g = HANDED_DOWN["namespace"].real(g)
    return g if g.type == dtype else astype_recorded(g, dtype)


cdef str describe(object value):
    if isinstance(value, Tensor):
        return f"a tensor of dtype {value.dtype}"
    return f"a {type(value).__name__}"


def is_recording():
    """Whether a tape is recording in this thread."""
    return recording_mask != 0


def stop_gradient(x, /):
    """Returns x as a tensor that no tape knows: no gradient flows through it.

    Args:
        x: A tensor or array-like.

    Returns:
        A tensor on the memory of x.

    >>> pt.grad(lambda x: x * pt.stop_gradient(x))(3.0)
    Tensor(3., dtype=float32)
    """
    cdef Tensor t = x if type(x) is Tensor else as_tensor(x, "stop_gradient")
    if t.traced:
        owner_of(t)
    return new_view(t, t.data, t.ndim, t.dims, t.steps)


def identity(x, /):
    """Returns x as another tensor on the same memory; gradients flow through it."""
    cdef Tensor t = as_tensor(x, "identity")
    return recorded_view(ROW_RESHAPE, t, new_view(t, t.data, t.ndim, t.dims, t.steps), None)
