# The tape: an append-only list of records, replayed backwards.
#
# A tensor carries one bit per tape that knows it (Tensor.tracked), so an op outside any tape pays
# one test. A tape numbers the tensors that it knows, its nodes; a record says which nodes went in
# and which came out, and saves no more than the derivative reads.

cdef extern from *:
    """
    static _Thread_local unsigned long long recording_mask;
    static _Thread_local PyObject *innermost_tape;
    """
    unsigned long long recording_mask  # bits of the tapes that record in this thread
    PyObject *innermost_tape           # borrowed from thread_tapes

# Holds the innermost tape of each thread, and it the others: with the thread they end.
cdef object thread_tapes = threading.local()

# How each input gets its gradient, by row: set by set_rules() before the first tape is made.
cdef list ROW_NAMES = [None] * N_ROWS
cdef list RULES = [None] * N_ROWS
cdef unsigned long long free_bits = ~<unsigned long long>0
# Tapes are numbered; the last six bits of a number say which bit the tape has.
cdef unsigned long long live_serials[64]
cdef unsigned long long n_tapes = 0
cdef object load_rules = None

cdef enum:
    SAVE_OUT = -1
    SAVE_X_SHAPE = -2
    SAVE_Y_SHAPE = -3


cdef class _Rule:
    """The derivatives of one row. functions: one per input, called with the gradient of the result
    and the saved values, or None where no gradient flows. saves: what to save, in order: k >= 0
    is input k, SAVE_OUT the result, SAVE_X_SHAPE and SAVE_Y_SHAPE shapes, -10 - i parameter i.
    each: a single function serves every input and is told its number first."""

    cdef tuple functions
    cdef tuple saves
    cdef bint each

    def __init__(self, tuple functions, tuple saves, bint each):
        self.functions = functions
        self.saves = saves
        self.each = each


def set_names(list names):
    """The rows' names, in order."""
    ROW_NAMES[:] = names


def add_row(str name):
    """The number of a further row, for record_call."""
    ROW_NAMES.append(name)
    RULES.append(None)
    return len(ROW_NAMES) - 1


def set_rules(dict rules):
    """Rules by row number: the arguments of _Rule."""
    for row, arguments in rules.items():
        RULES[row] = _Rule(*arguments)


def set_rule_loader(function):
    """function is called once, before the first tape records: import stays light."""
    global load_rules
    load_rules = function


cdef class _Record:
    cdef int row
    cdef tuple saved
    cdef list guarded            # [tensor, version, ...]: saved tensors as they were
    cdef tuple inputs            # node of each input, -1 for what the tape does not know
    cdef list shapes             # per input: None if it is like the result; None if all are
    cdef Py_ssize_t out


cdef inline bint is_like(object value, Tensor out) noexcept:
    """Whether a gradient of out's shape and dtype fits value, or value needs none."""
    return not isinstance(value, Tensor) or (
        (<Tensor>value).ndim == out.ndim and same_dims(<Tensor>value, out)
        and (<Tensor>value).type == out.type)


cdef inline int guard(list guarded, object value) except -1:
    cdef Tensor t
    if isinstance(value, Tensor):
        t = root_of(<Tensor>value)
        guarded.append(t)
        guarded.append(t.version)
    return 0


cdef int record(int row, tuple inputs, Tensor out, object parameters) except -1:
    """Tells every recording tape that knows an input."""
    cdef _Rule rule = RULES[row]
    cdef GradientTape tape
    cdef unsigned long long mask = 0
    cdef list saved, guarded, shapes = None
    cdef _Record entry
    cdef int k
    if rule is None:  # constant almost everywhere: floor, sign
        return 0
    for value in inputs:
        if isinstance(value, Tensor):
            mask |= (<Tensor>value).tracked
    mask &= recording_mask
    saved = []
    guarded = []
    for k in rule.saves:
        if k >= 0:
            saved.append(inputs[k])
        elif k == SAVE_OUT:
            saved.append(out)
        elif k == SAVE_X_SHAPE:
            saved.append(inputs[0].shape)
        elif k == SAVE_Y_SHAPE:
            saved.append(inputs[1].shape)
        else:
            saved.append(parameters[-10 - k])
        if k >= 0 or k == SAVE_OUT:
            guard(guarded, saved[-1])
        elif type(saved[-1]) is Tensor:  # another result
            guard(guarded, saved[-1])
        elif type(saved[-1]) is tuple:   # the operands of a function that takes any number
            for value in saved[-1]:
                guard(guarded, value)
    for value in inputs:
        if not is_like(value, out):
            shapes = [None if is_like(value, out) else
                      ((<Tensor>value).shape, (<Tensor>value).type) for value in inputs]
            break
    tape = <GradientTape><object>innermost_tape
    while tape is not None:
        if tape.bit & mask and tape.recording:
            entry = _Record.__new__(_Record)
            entry.row = row
            entry.saved = tuple(saved)
            entry.guarded = guarded
            entry.shapes = shapes
            entry.inputs = tuple([tape.node_of(value) for value in inputs])
            entry.out = tape.new_node(out)
            tape.records.append(entry)
        tape = tape.outer
    return 0


cdef GradientTape innermost():
    return None if innermost_tape == NULL else <GradientTape><object>innermost_tape


cdef int record_from(GradientTape tape) except -1:
    """Lets this tape and the outer ones record in this thread, but for those that were left."""
    global recording_mask, innermost_tape
    while tape is not None and not tape.recording:
        tape = tape.outer
    thread_tapes.innermost = tape
    innermost_tape = NULL if tape is None else <PyObject *>tape
    recording_mask = 0
    while tape is not None:
        recording_mask |= tape.bit
        while tape.outer is not None and not tape.outer.recording:
            tape.outer = tape.outer.outer
        tape = tape.outer
    return 0


cdef class GradientTape:
    """Records operations on watched tensors, to differentiate what comes of them.

        with pt.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        dy_dx = tape.gradient(y, x)

    persistent: allow more than one call of gradient(); otherwise the first one frees the records.
    Tapes nest: a gradient computed inside another tape is itself recorded by that tape.
    """

    cdef list records
    cdef dict nodes              # id of a tensor -> its node, if it does not stand in the tensor
    cdef list watched            # keeps the ids of watched tensors valid
    cdef Py_ssize_t n_nodes
    cdef unsigned long long bit, serial
    cdef bint persistent, used, recording
    cdef GradientTape outer

    def __cinit__(self, *, bint persistent=False):
        global free_bits, load_rules, n_tapes
        cdef int position = 0
        if load_rules is not None:
            loader = load_rules
            load_rules = None
            loader()
        if free_bits == 0:
            raise RuntimeError("more than 64 tapes at once: keep fewer of them alive")
        self.bit = free_bits & (~free_bits + 1)  # the lowest that is set
        free_bits ^= self.bit
        while self.bit >> position != 1:
            position += 1
        n_tapes += 1
        self.serial = n_tapes << 6 | position
        live_serials[position] = self.serial
        self.records = []
        self.nodes = {}
        self.watched = []
        self.persistent = persistent

    def __dealloc__(self):
        global free_bits, recording_mask, innermost_tape
        free_bits |= self.bit
        live_serials[self.serial & 63] = 0
        if innermost_tape == <PyObject *>self:  # its thread ends
            innermost_tape = NULL
            recording_mask = 0

    def __enter__(self):
        if self.recording:
            raise RuntimeError("this GradientTape is recording already")
        self.recording = True
        self.outer = innermost()
        record_from(self)
        return self

    def __exit__(self, *exception):
        cdef GradientTape last = innermost(), tape = last
        while tape is not None and tape is not self:
            tape = tape.outer
        self.recording = False  # in any case: what was left must not record
        record_from(last)
        if tape is self:
            self.outer = None
        if last is not self:
            raise RuntimeError("GradientTapes are left in the reverse of the order in which they "
                               "were entered, and in the thread that entered them")

    def watch(self, *tensors):
        """Treat these tensors (or lists, tuples, dictionaries of them) as variables.

        Raises: TypeError for what is no floating-point tensor.
        """
        for value in tensors:
            if isinstance(value, (list, tuple)):
                self.watch(*value)
            elif isinstance(value, dict):
                self.watch(*value.values())
            elif isinstance(value, Tensor) and kind_of((<Tensor>value).type) == KIND_FLOAT:
                if self.node_of(value) < 0:
                    self.watched.append(value)
                    self.new_node(<Tensor>value)
            else:
                raise TypeError(f"watch: found {describe(value)}: expected a floating-point tensor")

    cdef Py_ssize_t node_of(self, object value) except -2:
        if not isinstance(value, Tensor) or not (<Tensor>value).tracked & self.bit:
            return -1
        if (<Tensor>value).serial == self.serial:
            return (<Tensor>value).node
        # the bit may be a former tape's: the dictionary decides
        node = self.nodes.get(<uintptr_t><PyObject *>value)
        return -1 if node is None else node

    cdef Py_ssize_t new_node(self, Tensor t) except -1:
        t.tracked |= self.bit
        if live_serials[t.serial & 63] != t.serial or t.serial == self.serial:
            t.serial = self.serial
            t.node = self.n_nodes
        else:  # another tape has the place in the tensor
            self.nodes[<uintptr_t><PyObject *>t] = self.n_nodes
        self.n_nodes += 1
        return self.n_nodes - 1

    def gradient(self, target, sources, *, output_gradient=None, row_gradients=False):
        """The gradient of target with respect to sources.

        target: a tensor computed while the tape recorded. If it has more than one element, the
        gradient of their sum, or of their sum weighted with output_gradient (of target's shape).
        sources: a tensor or a nested list, tuple, dictionary of tensors.
        row_gradients: True lets a gradient with many rows of zeros be a RowGradient.
        Returns: as sources, each a tensor of its source's shape and dtype, or None where target
        does not depend on the source.
        Raises: RuntimeError when a tensor that the derivative needs was changed in place, or at the
        second call unless the tape is persistent.
        """
        cdef Py_ssize_t node
        if not isinstance(target, Tensor):
            raise TypeError(f"gradient: the target is {describe(target)}: expected a tensor")
        if self.used and not self.persistent:
            raise RuntimeError("gradient: this tape was used already; only a "
                               "GradientTape(persistent=True) allows more than one call")
        if output_gradient is None:
            seed = full(target.shape, 1, dtype=target.dtype)
        else:
            seed = as_tensor(output_gradient, "gradient")
            if seed.dtype != target.dtype:
                seed = astype_recorded(seed, (<Tensor>target).type)
            if seed.shape != target.shape:
                raise ValueError(f"gradient: output_gradient has shape {seed.shape}: expected that "
                                 f"of the target, {target.shape}")
        wanted = set()
        self.collect(sources, wanted)
        node = self.node_of(target)
        self.used = True
        gradients = {} if node < 0 else self.replay(node, seed, wanted)
        if not row_gradients:
            gradients = {node: as_dense(g) for node, g in gradients.items()}
        return self.pick(sources, gradients)

    cdef int collect(self, object sources, set wanted, int depth=0) except -1:
        check_depth(depth, "gradient")
        if isinstance(sources, (list, tuple)):
            for source in sources:
                self.collect(source, wanted, depth + 1)
        elif isinstance(sources, dict):
            for source in sources.values():
                self.collect(source, wanted, depth + 1)
        elif isinstance(sources, Tensor):
            wanted.add(self.node_of(sources))
        else:
            raise TypeError(f"gradient: a source is {describe(sources)}: expected a tensor")
        return 0

    cdef object pick(self, object sources, dict gradients):
        # no deeper than collect, which came first
        if isinstance(sources, (list, tuple)):
            picked = [self.pick(source, gradients) for source in sources]
            if isinstance(sources, list):
                return picked
            return type(sources)(*picked) if hasattr(sources, "_fields") else tuple(picked)
        if isinstance(sources, dict):
            return {key: self.pick(source, gradients) for key, source in sources.items()}
        return gradients.get(self.node_of(sources))

    cdef dict replay(self, Py_ssize_t target, Tensor seed, set wanted):
        """Gradients of the wanted nodes, the records walked from the last to the first."""
        cdef list gradients = [None] * self.n_nodes
        cdef dict results = {}
        cdef _Record entry
        cdef _Rule rule
        cdef Py_ssize_t i, k, node
        cdef list records = self.records
        gradients[target] = seed
        i = len(records)
        if not self.persistent:
            self.records = []
        while i > 0:
            i -= 1
            entry = <_Record>records[i]
            if not self.persistent:
                records[i] = None  # its saved tensors are freed as the walk goes on
            g = gradients[entry.out]
            if g is None:
                continue
            gradients[entry.out] = None
            g = as_dense(g)
            if entry.out in wanted:
                results[entry.out] = g
            rule = <_Rule>RULES[entry.row]
            check_unchanged(entry)
            for k in range(len(entry.inputs)):
                node = entry.inputs[k]
                if node < 0:
                    continue
                function = rule.functions[0 if rule.each else k]
                if function is None:
                    continue
                part = function(g, k, *entry.saved) if rule.each else function(g, *entry.saved)
                if (entry.shapes is not None and entry.shapes[k] is not None
                        and type(part) is not RowGradient):
                    part = fitted(<Tensor?>part, entry.shapes[k][0], entry.shapes[k][1])
                known = gradients[node]
                gradients[node] = part if known is None else elementwise_call(
                    ROW_ADD, as_dense(known), as_dense(part), None, None)
        for node in wanted:
            if node >= 0 and gradients[node] is not None:
                results[node] = gradients[node]
        return results


cdef int check_unchanged(_Record entry) except -1:
    cdef Py_ssize_t i
    for i in range(0, len(entry.guarded), 2):
        if (<Tensor>entry.guarded[i]).version != entry.guarded[i + 1]:
            raise RuntimeError(f"gradient: a tensor that {row_name(entry.row)} saved was changed "
                               "in place since; its derivative can't be computed any more")
    return 0


cdef object fitted(Tensor g, tuple shape, int dtype):
    """The gradient of what was broadcast or converted: summed over the repeated axes, converted
    back. The one place where broadcasting is undone."""
    cdef int extra = g.ndim - <int>len(shape), d
    if g.shape != shape:
        axes = tuple([d for d in range(g.ndim)
                      if d < extra or shape[d - extra] == 1 and g.dims[d] != 1])
        if axes:
            g = reduce_call(ROW_SUM, g, axes, True)
        g = reshape(g, shape)
    return g if g.type == dtype else astype_recorded(g, dtype)


cdef str describe(object value):
    if isinstance(value, Tensor):
        return f"a tensor of dtype {value.dtype}"
    return f"a {type(value).__name__}"


def is_recording():
    """Whether a tape records in this thread."""
    return recording_mask != 0


def stop_gradient(x, /):
    """x itself, as a tensor that no tape knows: no gradient flows back through it."""
    cdef Tensor t = x if type(x) is Tensor else as_tensor(x, "stop_gradient")
    if t.traced:
        return trace_again(t, t.ndim, t.dims)
    return new_view(t, t.data, t.ndim, t.dims, t.steps)


def identity(x, /):
    """x as another tensor on the same memory; gradients flow through."""
    cdef Tensor t = as_tensor(x, "identity")
    return recorded_view(ROW_RESHAPE, t, new_view(t, t.data, t.ndim, t.dims, t.steps), None)
