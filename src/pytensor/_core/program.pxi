# Programs: records what a function computes, and replays it in C.
#
# The function runs once, for real, on stand-ins: tensors on the memory of its arguments. Meanwhile
# every call of a kernel adds a step to the trace, with the places of its operands: a buffer, and
# offset and strides in it. So views cost nothing, whatever calls the kernels (a tape, too) can be
# recorded, and the first call returns what the function itself returned. Every tensor made during a
# trace has a buffer. One that is read although no step wrote it comes from code that was not
# recorded: an error, never a wrong number.
#
# A trace becomes a program: dead and repeated steps are removed, steps that read constants alone
# are run once, runs of element-wise steps of one shape are fused, and the rest of the buffers get
# places in one block of memory, reused as soon as nobody reads them. fuse() is a case of it that
# accepts element-wise steps only.
#
# Programs are cached by the shapes, dtypes and strides of the arguments: the function may inspect
# them, and users see its own errors about them.

import sys
from functools import update_wrapper
from types import MethodType

from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy

cdef extern from *:
    """
    static _Thread_local PyObject *innermost_trace;
    static _Thread_local PyObject *already_called;
    """
    PyObject *innermost_trace       # borrowed from the call that traces
    # A list, borrowed: what call_each_time returned in a run that was given up, and returns again
    # when the function itself runs.
    PyObject *already_called

cdef enum:
    CONVERSION = -1                 # pt_fused's number for it
    # The programs that a function keeps, the most recently used ones. Checking one takes a few ns,
    # tracing again some 10 us and more.
    MAX_PROGRAMS = 32
    MAX_STACK_BUFFERS = 128         # more are listed in memory of their own
    # Temporaries from this size on have memory only while they are in use, as those of the function
    # itself do: asking for it takes some 50 ns, computing that many more. What a kernel allocates
    # itself then finds the memory of those that are not in use.
    LARGE_BYTES = 8 << 10

cdef enum BufferKind:
    ARGUMENT                        # the memory of an argument
    CAPTURED                        # of a tensor from outside the function, read at each call
    CONSTANT                        # the same at each call
    TEMPORARY                       # of the program
    RESULT                          # of a new tensor, which is returned

ctypedef pt_status (*kernel_function)(const void *parameters,
                                      const pt_operand *operands) noexcept nogil

cdef unsigned long long n_traces = 0
# Who records: the last three bits of a trace's serial number.
cdef tuple TRACERS = ("jit", "fuse", "vmap", "scan", "while_loop", "cond")


# ------------------------------------------------------------------------------- the trace


@cython.final
cdef class _Buffer:
    """Memory that steps read and write."""

    cdef BufferKind kind
    cdef Py_ssize_t n_bytes
    cdef Tensor tensor              # holds the memory, unless it is the program's; of the type ...
    cdef bint foreign               # from outside pytensor, made a tensor in the function
    cdef Py_ssize_t n_writes
    cdef int argument               # its number among the arguments' tensors
    cdef int type                   # of its root: dtype, lengths and strides
    cdef tuple dims, strides

    cdef _Buffer copied(self):
        """The same before any step."""
        cdef _Buffer buffer = _Buffer.__new__(_Buffer)
        buffer.kind = self.kind
        buffer.n_bytes = self.n_bytes
        buffer.tensor = self.tensor
        buffer.foreign = self.foreign
        buffer.type = self.type
        buffer.dims = self.dims
        buffer.strides = self.strides
        return buffer


@cython.final
cdef class _Step:
    """One call of a kernel. A place is a tuple (buffer, offset, dtype, strides)."""

    cdef int kind, op, type, n_reduced
    cdef str name                   # of PT_STEP_KERNEL
    cdef tuple shape, sizes
    cdef double number
    cdef list ins, outs
    cdef _Call call                 # of PT_STEP_CALL
    cdef kernel_function run        # of PT_STEP_KERNEL, with
    cdef bytes parameters
    cdef object check               # raises the error of a failed step, given its input
    cdef tuple loop                 # lengths of axes over which the call is repeated, and
    cdef list loop_strides          # the strides of each place, inputs first, over them
    cdef bint is_update             # of an optimizer
    cdef list parts                 # of a loop or a branch; its last result is scratch memory
    cdef bint keep                  # even if nobody reads the result


@cython.final
cdef class _Call:
    """A step that calls back into Python: function(*tensors) -> a tensor or a tuple of them."""

    cdef object function
    cdef str name
    cdef list inputs                # (buffer, offset, dtype, dims, strides)
    cdef list results               # (buffer, dtype, dims)
    # (mapped, ndims) -> None, or function and together for inputs of which those that are mapped
    # have one more axis in front
    cdef object together


@cython.final
cdef class _Trace:
    """What a function computes."""

    cdef unsigned long long serial
    cdef bint elementwise           # for fuse: refuses anything else
    cdef bint one_of_many           # for vmap: the call for one sample
    cdef str name                   # of the function, for errors
    cdef list buffers, steps
    cdef list stand_ins             # of the arguments
    cdef dict captured              # id of a root from outside -> its buffer
    cdef dict outside               # id of a tensor from outside -> the tensor
    cdef dict numbers               # (dtype, bytes) -> buffer of a number
    cdef list drawn_from            # functions that return generators, and their states before
    cdef bint has_effects           # a step writes to a captured tensor
    cdef bint has_outer             # a captured tensor is a stand-in of an outer trace
    cdef bint relies                # a step checks what the function relies on
    cdef bint relies_within         # or a step of a part
    cdef bint is_exceptional        # what programs rely on does not hold: not to be kept
    cdef dict undo                  # id of a root from outside -> (root, copy from before a change)
    cdef bint is_final              # something was changed that can't be undone
    cdef list called                # what call_each_time returned
    cdef bint is_body               # of a loop or a branch
    cdef bint is_repeated           # of a body that has run before: must compute the same
    # It is of steps that may never run on what they are recorded on: those of a body, or of no
    # sample at all. So loops in it do not run, and nothing fails because of a value.
    cdef bint is_supposed
    cdef _Trace outer

    def __cinit__(self, str name, bint elementwise):
        self.serial = add_shared(&n_traces, 1) << 3 | <unsigned long long>TRACERS.index(
            "fuse" if elementwise else name.partition(":")[0])
        self.elementwise = elementwise
        self.is_supposed = innermost_trace != NULL and current_trace().is_supposed
        self.name = name
        self.buffers = []
        self.steps = []
        self.stand_ins = []
        self.captured = {}
        self.outside = {}
        self.numbers = {}
        self.drawn_from = []
        self.undo = {}
        self.called = []

    cdef int new_buffer(self, BufferKind kind, Tensor root, bint hold) except -1:
        """The number of a new buffer, for the memory of a root."""
        cdef _Buffer buffer = _Buffer.__new__(_Buffer)
        buffer.kind = kind
        buffer.n_bytes = root.size * <Py_ssize_t>pt_dtype_size[root.type]
        buffer.type = root.type
        buffer.dims = root.shape
        buffer.strides = root.strides
        if hold:
            buffer.tensor = root
        self.buffers.append(buffer)
        return <int>len(self.buffers) - 1

    cdef Tensor stand_in(self, Tensor t):
        """A stand-in on the memory of an argument."""
        cdef Tensor s = Tensor.__new__(Tensor)
        cdef int d
        if self.elementwise and kind_of(t.type) == KIND_COMPLEX:
            raise TypeError(f"fuse: a tensor of dtype {t.dtype}: expected real numbers or booleans")
        if t.traced:
            owner_of(t)
        s.data = t.data
        s.size = t.size
        s.exporter = t              # keeps the memory alive
        s.readonly = t.readonly
        s.contiguous = t.contiguous
        s.type = t.type
        s.ndim = t.ndim
        for d in range(t.ndim):
            s.dims[d] = t.dims[d]
            s.steps[d] = t.steps[d]
        s.traced = True
        s.trace = self.serial
        s.buffer = self.new_buffer(ARGUMENT, s, False)
        (<_Buffer>self.buffers[s.buffer]).argument = <int>len(self.stand_ins)
        self.stand_ins.append(s)
        return s

    cdef int buffer_of(self, Tensor t) except -1:
        """The number of the buffer that t is in."""
        cdef Tensor root = root_of(t)
        if root.trace == self.serial:
            return root.buffer
        number = self.captured.get(<uintptr_t><PyObject *>root)
        if number is None:
            if root.traced:
                owner_of(root)
                self.has_outer = True
            number = self.captured[<uintptr_t><PyObject *>root] = self.new_buffer(CAPTURED, root,
                                                                                  True)
        return number

    cdef tuple place(self, Tensor t, int ndim, const Py_ssize_t *strides):
        """The place of an operand that a step reads."""
        cdef int number = self.buffer_of(t)
        cdef _Buffer buffer = <_Buffer>self.buffers[number]
        if buffer.kind == CAPTURED:
            self.outside[<uintptr_t><PyObject *>t] = t
        if buffer.kind == TEMPORARY and buffer.n_writes == 0 and t.size > 0:
            raise TypeError(f"{self.name}: {user_line()} uses a tensor that was computed in a way "
                            "that can't be recorded")
        return (number, t.data - root_of(t).data, t.type, shape_tuple(ndim, strides))

    cdef int check_write(self, str name, Tensor t, bint can_undo=True) except -1:
        """Raises TypeError where a step must not write to t."""
        cdef _Buffer buffer
        cdef Tensor root
        if self.elementwise:
            raise in_place_error(name)
        buffer = <_Buffer>self.buffers[self.buffer_of(t)]
        if buffer.kind == ARGUMENT:
            raise TypeError(f"{self.name}: {user_line()}: {name} changes an argument in place: use "
                            "the form that returns a new tensor (a = a + b), and return it")
        if buffer.foreign:
            raise TypeError(f"{self.name}: {user_line()}: {name} changes the memory of another "
                            "library's array in place, which later calls would not do")
        if buffer.kind == CAPTURED and (self.is_body or self.one_of_many
                                        or self.outer is not None):
            raise TypeError(f"{self.name}: {user_line()}: {name} changes a tensor from outside the "
                            "function in place: return the new value instead")
        if buffer.kind == CAPTURED and can_undo:
            root = root_of(t)
            if <uintptr_t><PyObject *>root not in self.undo:
                self.undo[<uintptr_t><PyObject *>root] = (root, untraced_copy(root))
        return 0

    cdef tuple result_place(self, Tensor t, int ndim, const Py_ssize_t *strides):
        """The place of an operand that a step writes. A tensor that is written anew as a whole gets
        another buffer: then most buffers are written once."""
        cdef int number = self.buffer_of(t)
        cdef _Buffer buffer = <_Buffer>self.buffers[number]
        cdef Tensor root = root_of(t)
        if buffer.kind == CONSTANT or (buffer.kind == TEMPORARY and buffer.n_writes > 0
                                       and t.size == root.size and t.data == root.data
                                       and is_dense(t)):
            if buffer.kind == CONSTANT and t.size != root.size:
                raise TypeError(f"{self.name}: {user_line()} changes a part of a constant in place")
            number = root.buffer = self.new_buffer(TEMPORARY, root, False)
            buffer = <_Buffer>self.buffers[number]
        buffer.n_writes += 1
        if buffer.kind == CAPTURED:
            self.has_effects = True
        return (number, t.data - root.data, t.type, shape_tuple(ndim, strides))

    cdef tuple number_place(self, int type, const char *at, int ndim):
        """The place of a Python number, stored at at."""
        cdef Tensor t
        cdef bytes content = at[:pt_dtype_size[type]]
        number = self.numbers.get((type, content))
        if number is None:
            t = untraced_scalar(type, content)
            number = self.numbers[(type, content)] = self.new_buffer(CONSTANT, t, True)
        return (number, 0, type, (0,) * ndim)

    cdef _Step add(self, int kind, int op, int type, tuple shape, list ins, list outs,
                   tuple sizes=()):
        cdef _Step step = _Step.__new__(_Step)
        step.kind = kind
        step.op = op
        step.type = type
        step.shape = shape
        step.ins = ins
        step.outs = outs
        step.sizes = sizes
        step.loop = ()
        self.steps.append(step)
        return step

    cdef int run_kernel(self, str name, kernel_function run, const char *parameters,
                        size_t n_bytes, list inputs, list results) except -1:
        """Runs a kernel of PT_STEP_KERNEL and adds its step. Results may be inputs, too."""
        cdef pt_operand operands[PT_STEP_MAX_PLACES]
        cdef list ins = [], outs = []
        cdef _Step step
        cdef pt_status status
        cdef Tensor t
        cdef int n = 0
        for t in inputs:
            ins.append(self.place(t, t.ndim, t.steps))
        for t in inputs + results:
            operands[n] = operand_of(t)
            n += 1
        with nogil:
            status = run(parameters, operands)
        check_memory(status, name)
        for t in results:
            outs.append(self.result_place(t, t.ndim, t.steps))
        step = self.add(PT_STEP_KERNEL, 0, 0, (), ins, outs)
        step.name = name
        step.run = run
        step.parameters = parameters[:n_bytes]
        return 0


cdef Tensor untraced_scalar(int type, bytes content):
    """A 0-d tensor, also during a trace."""
    global innermost_trace
    cdef PyObject *trace = innermost_trace
    cdef Tensor t
    innermost_trace = NULL
    try:
        t = new_tensor(type, 0, NULL)
    finally:
        innermost_trace = trace
    memcpy(t.data, <const char *>content, pt_dtype_size[type])
    return t


cdef Tensor untraced_copy(Tensor t):
    """A copy in C order that no trace knows."""
    global innermost_trace
    cdef PyObject *trace = innermost_trace
    innermost_trace = NULL
    try:
        return converted(plain_view(t), t.type)
    finally:
        innermost_trace = trace


cdef bint is_dense(Tensor t) noexcept:
    """Whether t's elements fill its memory, in any order."""
    cdef int d
    cdef Py_ssize_t span = <Py_ssize_t>pt_dtype_size[t.type]
    if t.contiguous:
        return True
    for d in range(t.ndim):
        if t.steps[d] < 0:
            return False
        span += (t.dims[d] - 1) * t.steps[d]
    return span == t.size * <Py_ssize_t>pt_dtype_size[t.type]


cdef str user_line():
    """The line of the user's code that runs: "line 3 of f.py"."""
    try:
        frame = sys._getframe(0)
    except ValueError:
        return "it"
    while frame is not None and frame.f_globals.get("__name__", "").startswith("pytensor."):
        frame = frame.f_back
    if frame is None:
        return "it"
    return f"line {frame.f_lineno} of {os.path.basename(frame.f_code.co_filename)}"


cdef inline _Trace current_trace():
    return <_Trace><object>innermost_trace


cdef _Trace owner_of(Tensor t):
    """The running trace that a stand-in belongs to; TypeError if there is none."""
    cdef _Trace trace = None if innermost_trace == NULL else current_trace()
    cdef unsigned long long serial = root_of(t).trace
    while trace is not None and trace.serial != serial:
        trace = trace.outer
    if trace is None:
        raise TypeError(f"{TRACERS[serial & 7]}: leaked tensor: it was made while a "
                        "function was recorded, and is used outside the recorded function: return "
                        "it from there")
    return trace


cdef object in_place_error(str name):
    return TypeError(f"fuse: {name}: it can't follow a result written in place; use the form that "
                     "returns a new tensor (a = a + b)")


cdef int refuse_traced(Tensor t, str name) except -1:
    """Rejects what fuse does not accept, and leaked stand-ins; called by everything that is not
    element-wise and may get one."""
    if t.traced and owner_of(t).elementwise:
        raise TypeError(f"fuse: {name} is not element-wise (while fuse traces a function, its "
                        "tensors have a shape and a dtype, but no elements)")
    return 0


cdef int refuse_reading(Tensor t, str name) except -1:
    """Rejects stand-ins where Python would read their elements."""
    if t.traced:
        refuse_traced(t, name)
        raise TypeError(f"{owner_of(t).name}: {user_line()}: {name}: a value is read while the "
                        "function is recorded, and may differ in later calls: expected tensor "
                        "functions such as where, or a Python number as an argument")
    return 0


def holds(Tensor condition not None):
    """Whether a condition, a bool tensor of shape (), is true.

    A function that is being recorded may branch on it: its program relies on the condition, and
    checks it at each call; where it does not hold, the function itself runs.
    """
    cdef _Trace trace
    cdef bint value
    if condition.type != PT_BOOL or condition.ndim != 0:
        raise TypeError(f"holds: shape {condition.shape} and dtype {condition.dtype}: expected (), "
                        "bool")
    if innermost_trace == NULL:
        return condition.item()
    refuse_traced(condition, "a condition")
    trace = current_trace()
    while trace is not None:
        if trace.one_of_many or trace.is_body:  # it may differ
            refuse_reading(condition, "bool")
        trace = trace.outer
    trace = current_trace()
    value = condition.data[0]
    place = trace.place(condition, 0, NULL)
    if value:
        trace.add(PT_STEP_KERNEL, 0, 0, (), [place], []).name = "check"
        (<_Step>trace.steps[-1]).run = pt_check_true
        (<_Step>trace.steps[-1]).parameters = b""
    trace.relies = True
    while trace is not None:
        trace.relies_within = trace.relies_within or trace is not current_trace()
        trace.is_exceptional = trace.is_exceptional or not value
        trace = trace.outer
    return value


def is_tracing():
    """Whether a function is being recorded in this thread."""
    return innermost_trace != NULL


cdef int trace_birth(Tensor t) except -1:
    """Gives a new tensor its buffer."""
    cdef _Trace trace = current_trace()
    t.traced = True
    t.trace = trace.serial
    t.buffer = trace.new_buffer(TEMPORARY, t, False)
    return 0


cdef int trace_constant(Tensor t) except -1:
    """Notes that the elements of a tensor just made come from Python's numbers."""
    cdef _Trace trace = current_trace()
    cdef _Buffer buffer
    if t.trace == trace.serial and t.root is None:
        buffer = <_Buffer>trace.buffers[t.buffer]
    else:
        t.traced = True
        t.trace = trace.serial
        t.buffer = trace.new_buffer(CONSTANT, t, False)
        buffer = <_Buffer>trace.buffers[t.buffer]
    buffer.kind = CONSTANT
    buffer.tensor = untraced_copy(t)            # t may change
    return 0


cdef int trace_foreign(Tensor t) except -1:
    """Notes that a tensor just made is on the memory of another library's array."""
    cdef _Trace trace = current_trace()
    cdef int number
    if t.root is None:
        number = trace.buffer_of(t)
        (<_Buffer>trace.buffers[number]).foreign = True
    return 0


cdef int trace_unset(Tensor t) except -1:
    """Notes that the elements of a tensor just made are arbitrary."""
    (<_Buffer>current_trace().buffers[t.buffer]).n_writes += 1
    return 0


cdef Tensor plain_view(Tensor t):
    """A tensor on the same memory that no trace and no tape knows."""
    cdef Tensor v = Tensor.__new__(Tensor)
    cdef int d
    v.data = t.data
    v.size = t.size
    v.exporter = t
    v.readonly = True
    v.contiguous = t.contiguous
    v.type = t.type
    v.ndim = t.ndim
    for d in range(t.ndim):
        v.dims[d] = t.dims[d]
        v.steps[d] = t.steps[d]
    return v


cdef int trace_elementwise(int row, int compute, list values, const Inputs *inputs,
                           Tensor out) except -1:
    """Adds the step of an element-wise call; see elementwise_general."""
    cdef _Trace trace = current_trace()
    cdef list ins = []
    cdef int i
    for i in range(inputs.n):
        if isinstance(values[i], Tensor):
            ins.append(trace.place(<Tensor>values[i], inputs.ndim, inputs.operands[i].strides))
        else:
            ins.append(trace.number_place(inputs.operands[i].dtype, inputs.operands[i].data,
                                          inputs.ndim))
    trace.add(PT_STEP_ELEMENTWISE, row, compute, shape_tuple(inputs.ndim, inputs.common), ins,
              [trace.result_place(out, out.ndim, out.steps)])
    return 0


cdef int trace_copy(Tensor src, Tensor dst) except -1:
    cdef _Trace trace = current_trace()
    ins = [trace.place(src, src.ndim, src.steps)]
    trace.add(PT_STEP_COPY, CONVERSION, src.type, dst.shape, ins,
              [trace.result_place(dst, dst.ndim, dst.steps)])
    return 0


cdef int trace_fill(int type, const char *number, Tensor out) except -1:
    cdef _Trace trace = current_trace()
    ins = [trace.number_place(type, number, out.ndim)]
    trace.add(PT_STEP_COPY, CONVERSION, type, out.shape, ins,
              [trace.result_place(out, out.ndim, out.steps)])
    return 0


cdef int trace_reduction(int reduce_op, int compute, Tensor t, const Reduction *r, Tensor out,
                         const Py_ssize_t *out_steps) except -1:
    """Adds the step of a reduction. out_steps: over the kept axes."""
    cdef _Trace trace = current_trace()
    cdef _Step step
    ins = [trace.place(t, t.ndim, r.steps)]
    step = trace.add(PT_STEP_REDUCE, reduce_op, compute, shape_tuple(t.ndim, r.dims), ins,
                     [trace.result_place(out, t.ndim - r.n_reduced, out_steps)])
    step.n_reduced = r.n_reduced
    return 0


cdef int trace_cumulation(int op, int compute, Py_ssize_t outer, Py_ssize_t n, Py_ssize_t inner,
                          bint include_initial, Tensor t, Tensor out) except -1:
    cdef _Trace trace = current_trace()
    ins = [trace.place(t, t.ndim, t.steps)]
    trace.add(PT_STEP_CUMULATE, op, compute, out.shape, ins,
              [trace.result_place(out, out.ndim, out.steps)], (outer, n, inner, include_initial))
    return 0


cdef int trace_product(const Product *p, Tensor x, Tensor y, Tensor out) except -1:
    cdef _Trace trace = current_trace()
    ins = [trace.place(x, p.n_batch, p.x.steps), trace.place(y, p.n_batch, p.y.steps)]
    trace.add(PT_STEP_MATMUL, 0, p.dtype, shape_tuple(p.n_batch, p.dims), ins,
              [trace.result_place(out, out.ndim, out.steps)],
              (p.m, p.n, p.k, p.x.row, p.x.column, p.y.row, p.y.column))
    return 0


cdef int trace_linear(bint dense, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, Tensor x,
                      Py_ssize_t row_step, Tensor w, Tensor bias, bint relu, Tensor out) except -1:
    cdef _Trace trace = current_trace()
    cdef Py_ssize_t item = <Py_ssize_t>pt_dtype_size[w.type]
    ins = [trace.place(x, 0, NULL), trace.place(w, 0, NULL)]
    if bias is not None:
        ins.append(trace.place(bias, 0, NULL))
    outs = [trace.result_place(out, out.ndim, out.steps)]
    if dense:
        trace.add(PT_STEP_DENSE, relu, w.type, (), ins, outs,
                  (m, n, k, row_step // item, w.steps[0] // item))
    else:
        trace.add(PT_STEP_MATMUL, relu, w.type, (), ins, outs,
                  (m, n, k, row_step, x.steps[x.ndim - 1], w.steps[0], w.steps[1]))
    return 0


cdef Tensor traced_rows(Tensor rows, Py_ssize_t n, Py_ssize_t from_end, object check):
    """Row numbers as contiguous int64 in [0, n), checked at each call. check(rows) returns them, or
    raises the error."""
    global innermost_trace
    cdef _Trace trace = current_trace()
    cdef PyObject *this_trace = innermost_trace
    cdef Tensor numbers, out
    innermost_trace = NULL
    try:
        numbers = check(plain_view(rows))
    except IndexError:
        if not trace.is_supposed or n == 0:
            raise
        numbers = full(rows.shape, 0, dtype=DTYPES[PT_INT64])
    finally:
        innermost_trace = this_trace
    out = new_tensor(PT_INT64, rows.ndim, rows.dims)
    memcpy(out.data, numbers.data, out.size * sizeof(int64_t))
    ins = [trace.place(rows, rows.ndim, rows.steps)]
    trace.add(PT_STEP_CHECK_ROWS, 0, PT_INT64, rows.shape, ins,
              [trace.result_place(out, out.ndim, out.steps)], (rows.size, n, from_end)
              ).check = check
    return out


cdef int trace_gather(Tensor t, Tensor numbers, Py_ssize_t row_length, double scale,
                      Tensor out) except -1:
    cdef _Trace trace = current_trace()
    ins = [trace.place(t, 0, NULL), trace.place(numbers, 0, NULL)]
    trace.add(PT_STEP_GATHER, 0, out.type, (), ins,
              [trace.result_place(out, out.ndim, out.steps)],
              (row_length, numbers.size)).number = scale
    return 0


cdef int trace_rows(int kind, Py_ssize_t rows, Py_ssize_t columns, list inputs,
                    Tensor out) except -1:
    """Adds the step of a call on tensors in C order."""
    cdef _Trace trace = current_trace()
    cdef Tensor t
    cdef list ins = []
    for t in inputs:
        ins.append(trace.place(t, t.ndim, t.steps))
    trace.add(kind, 0, out.type, out.shape, ins, [trace.result_place(out, out.ndim, out.steps)],
              (rows, columns))
    return 0


cdef int trace_kernel(str name, kernel_function run, const char *parameters, size_t n_bytes,
                      list inputs, Tensor out) except -1:
    """Adds the step of any other kernel, on tensors in C order: run(parameters, operands), where
    the operands are the inputs' and the result's. parameters: a structure, which is copied."""
    cdef _Trace trace = current_trace()
    cdef _Step step
    cdef Tensor t
    cdef list ins = []
    for t in inputs:
        ins.append(trace.place(t, t.ndim, t.steps))
    step = trace.add(PT_STEP_KERNEL, 0, out.type, out.shape, ins,
                     [trace.result_place(out, out.ndim, out.steps)])
    step.name = name
    step.run = run
    step.parameters = parameters[:n_bytes]
    return 0


cdef object traced_call(str name, object function, list tensors, bint keep=False,
                        object together=None):
    """function(*tensors), recorded as a call back into Python. It returns a tensor or a tuple of
    tensors, and sees tensors that are not recorded. together: see _Call."""
    global innermost_trace
    cdef _Trace trace = current_trace()
    cdef PyObject *this_trace = innermost_trace
    cdef GradientTape tape = innermost()
    cdef _Call call = _Call.__new__(_Call)
    cdef _Step step
    cdef Tensor t, copy
    cdef pt_operand a, b
    cdef list ins = [], outs = [], results = [], plain = []
    if keep and trace.is_repeated:
        raise RuntimeError(f"{trace.name}: {name} draws random numbers in a body that is run again "
                           "for its derivative: draw them before, and pass them as xs")
    call.function = function
    call.name = name
    call.together = together
    call.inputs = []
    call.results = []
    for t in tensors:
        if trace.elementwise:
            refuse_traced(t, name)
        place = trace.place(t, t.ndim, t.steps)
        ins.append(place)
        call.inputs.append((place[1], t.type, t.shape, t.strides))
        plain.append(plain_view(t))
    innermost_trace = NULL
    record_from(None)
    try:
        try:
            result = function(*plain)
        except Exception:
            if not trace.is_supposed:
                raise
            try:
                result = function(*[harmless(<Tensor>t) for t in plain])
            except Exception:
                result = None
            if result is None:
                raise
    finally:
        innermost_trace = this_trace
        record_from(tape)
    if keep and not is_nothing(result):
        trace.called.append(result)
    for value in result if isinstance(result, tuple) else (result,):
        t = <Tensor?>value
        copy = new_tensor(t.type, t.ndim, t.dims) if t.contiguous else new_in_order(t, t.type)
        a = operand_of(t)
        b = operand_of(copy)
        pt_copy(t.ndim, t.dims, &a, &b)
        outs.append(trace.result_place(copy, copy.ndim, copy.steps))
        call.results.append((copy.type, copy.shape))
        results.append(copy)
    step = trace.add(PT_STEP_CALL, 0, 0, (), ins, outs)
    step.call = call
    step.keep = keep
    return rebuilt(result, results) if isinstance(result, tuple) else results[0]


cdef Tensor harmless(Tensor t):
    """A tensor of the same shape and dtype on which functions of NumPy do not fail: identity
    matrices, which have inverses, or zeros, which are indices of anything."""
    value = np.zeros(t.shape, t.dtype)
    if t.ndim >= 2 and t.dims[t.ndim - 1] == t.dims[t.ndim - 2] and t.dtype.kind in "fc":
        value += np.eye(t.dims[t.ndim - 1], dtype=t.dtype)
    return untraced_numpy(value)


cdef bint is_nothing(object result) except -1:
    """Whether a call was made for what it does: nobody asks for its results again."""
    return isinstance(result, tuple) and len(result) == 0


def do_each_time(str name, function):
    """Calls function(), which returns (), now and at each call of a function being recorded."""
    return function() if innermost_trace == NULL else traced_call(name, function, [], True)


def call_each_time(str name, function, *tensors, generator=None):
    """Calls function(*tensors) now and, if a function is being recorded, at each of its calls.

    Args:
        name: For errors.
        function: It returns a tensor or a tuple of tensors.
        *tensors: Its arguments.
        generator: Returns the numpy.random.Generator that it draws from, whose state is put back
            where the call only records, and where a derivative draws again.
    """
    cdef list known
    if innermost_trace == NULL:
        if already_called != NULL:
            known = <list><object>already_called
            if known:
                return known.pop(0)
        return function(*tensors)
    if generator is not None:
        current_trace().drawn_from.append((generator, generator().bit_generator.state))
    return traced_call(name, function, list(tensors), True)


# ------------------------------------------------------------------------------ the plan


@cython.final
@cython.no_gc                       # a collector would empty the list before __dealloc__ reads it
cdef class _Memory:
    """C arrays of a program, freed with it."""

    cdef list blocks                # addresses

    def __cinit__(self):
        self.blocks = []

    def __dealloc__(self):
        for address in self.blocks:
            free(<void *><uintptr_t>address)

    cdef void *take(self, size_t n_bytes) except NULL:
        cdef void *block = calloc(max(n_bytes, 1), 1)
        if block == NULL:
            raise MemoryError(f"no memory for a program ({n_bytes} bytes)")
        self.blocks.append(<uintptr_t>block)
        return block

    cdef const Py_ssize_t *lengths(self, tuple values) except NULL:
        cdef Py_ssize_t *at = <Py_ssize_t *>self.take(len(values) * sizeof(Py_ssize_t))
        for i in range(len(values)):
            at[i] = values[i]
        return at


cdef tuple c_strides(tuple shape, Py_ssize_t item):
    """The strides of contiguous elements in C order."""
    cdef list strides = []
    for length in reversed(shape):
        strides.append(item)
        item *= length
    strides.reverse()
    return tuple(strides)


@cython.final
cdef class _Member:
    """An element-wise step in canonical form: its result contiguous, its axes merged."""

    cdef _Step step
    cdef tuple shape
    cdef list strides               # of each input over shape
    cdef bint flat                  # every input is contiguous or a single element
    cdef Py_ssize_t size


cdef _Member as_member(_Step step):
    """The step as part of a fused run; None if its result is not contiguous in some order of the
    axes."""
    cdef _Member m = _Member.__new__(_Member)
    cdef tuple out = step.outs[0][3]
    cdef Py_ssize_t item = <Py_ssize_t>pt_dtype_size[step.outs[0][2]]
    cdef list axes, shape = [], strides = []
    cdef Py_ssize_t d, k, length
    m.step = step
    m.size = 1
    for length in step.shape:
        m.size *= length
    if m.size == 0:
        return None
    axes = [d for d in range(len(step.shape)) if step.shape[d] != 1]
    axes.sort(key=lambda d: -out[d])
    for place in step.ins:
        strides.append([])
    span = item
    for d in reversed(axes):
        if out[d] != span:
            return None
        span *= step.shape[d]
    for d in axes:
        for k in range(len(strides)):
            inner = step.ins[k][3][d]
            if not shape or (<list>strides[k])[-1] != inner * step.shape[d]:
                break
        else:
            if shape:
                shape[-1] *= step.shape[d]
                for k in range(len(strides)):
                    (<list>strides[k])[-1] = step.ins[k][3][d]
                continue
        shape.append(step.shape[d])
        for k in range(len(strides)):
            (<list>strides[k]).append(step.ins[k][3][d])
    if not shape:                   # a single element
        shape.append(1)
        for k in range(len(strides)):
            (<list>strides[k]).append(0)
    m.shape = tuple(shape)
    m.strides = strides
    m.flat = len(shape) == 1
    for k in range(len(strides)):
        step_k = (<list>strides[k])[0]
        m.flat = m.flat and (step_k == 0 or step_k == <Py_ssize_t>pt_dtype_size[step.ins[k][2]])
    return m


@cython.final
cdef class _Group:
    """Element-wise steps that run as one; it is not emitted yet."""

    cdef list members
    cdef Py_ssize_t size
    cdef tuple shape                # None while all members are flat
    cdef dict made                  # buffers of its results -> True
    cdef set read                   # buffers that it reads


@cython.final
cdef class _Plan:
    """Turns the steps of a trace into those of a program."""

    cdef list buffers, steps, emitted
    cdef dict groups                # size -> its open group
    cdef list reads                 # of each buffer: how many steps read it
    cdef list constants             # steps that are run once

    cdef int run(self, _Trace trace, list results) except -1:
        """results: the buffers that outlive the program's run."""
        self.buffers = trace.buffers
        self.steps = trace.steps
        self.constants = []
        self.remove_repeated(results)
        self.remove_dead(results)
        self.take_constants(results)
        self.remove_dead(results)
        self.count_reads(results)
        self.emitted = []
        self.groups = {}
        for step in self.steps:
            self.place_step(<_Step>step)
        self.emit_all()
        self.advance(results)
        return 0

    cdef int advance(self, list results) except -1:
        """Moves steps to the earliest place where that saves memory: those of optimizers, after
        which gradients are not needed, and those that let go of more than they make."""
        cdef _Step step, other
        cdef Py_ssize_t i, k
        cdef list order = []
        cdef dict last = {}
        for k, step in enumerate(self.emitted):
            for place in step.ins + step.outs:
                last[place[0]] = k
        for number in results:
            last[number] = len(self.emitted)
        for k, step in enumerate(self.emitted):
            i = len(order)
            reads = {place[0] for place in step.ins}
            writes = {place[0] for place in step.outs}
            freed = {number for number in reads - writes if last[number] == k}
            if step.is_update or step.outs and step.kind != PT_STEP_CALL and (
                    self.bytes_of(freed) > self.bytes_of(writes)):
                while i > 0:
                    other = order[i - 1]
                    if not other.outs or other.kind == PT_STEP_CALL:
                        break
                    if any([place[0] in reads or place[0] in writes for place in other.outs]):
                        break
                    if any([place[0] in writes or place[0] in freed and not step.is_update
                            for place in other.ins]):
                        break
                    i -= 1
            order.insert(i, step)
        self.emitted = order
        return 0

    cdef Py_ssize_t bytes_of(self, set numbers) except -1:
        """The memory of these temporary buffers."""
        cdef Py_ssize_t n_bytes = 0
        cdef _Buffer buffer
        for number in numbers:
            buffer = <_Buffer>self.buffers[number]
            n_bytes += buffer.n_bytes if buffer.kind == TEMPORARY else 0
        return n_bytes

    cdef int remove_repeated(self, list results) except -1:
        """Lets readers of a repeated step read the first one's result, readers of a copy what was
        copied, and readers of a repeated number the number itself."""
        cdef _Step step
        cdef _Buffer buffer
        cdef dict known = {}, alias = {}, single = {}
        cdef list versions = [0] * len(self.buffers), kept = []
        cdef bint repeatable
        wanted = set(results)
        for step in self.steps:
            for k in range(len(step.ins)):
                place = step.ins[k]
                number = place[0]
                if number in alias:
                    place = step.ins[k] = (alias[number], place[1], place[2], place[3])
                elif number in single and step.kind <= PT_STEP_REDUCE and not step.loop:
                    source = single[number]
                    step.ins[k] = (source[0], source[1], source[2], (0,) * len(place[3]))
            repeatable = len(step.outs) == 1 and step.kind != PT_STEP_CALL
            for place in step.outs:
                buffer = <_Buffer>self.buffers[place[0]]
                repeatable = (repeatable and buffer.n_writes == 1 and buffer.kind == TEMPORARY
                              and place[0] not in wanted)
            if repeatable:
                out = step.outs[0]
                if self.is_plain_copy(step):
                    alias[out[0]] = step.ins[0][0]
                    continue
                ins = []
                for place in step.ins:
                    ins.append((place, versions[place[0]]))
                key = (step.kind, step.op, step.type, step.n_reduced, step.shape, step.sizes,
                       step.number, <uintptr_t><void *>step.run, step.parameters, step.loop,
                       tuple(step.loop_strides or ()), tuple(ins), out[1:])
                first = known.get(key)
                if first is not None:
                    alias[out[0]] = first
                    continue
                known[key] = out[0]
                if (step.kind == PT_STEP_COPY and not step.loop and step.ins[0][2] == out[2]
                        and not any(step.ins[0][3])
                        and (<_Buffer>self.buffers[step.ins[0][0]]).kind == CONSTANT):
                    single[out[0]] = step.ins[0]
            for place in step.outs:
                versions[place[0]] += 1
            kept.append(step)
        self.steps = kept
        return 0

    cdef bint is_plain_copy(self, _Step step) except -1:
        """Whether a step copies a whole buffer, which nobody changes, as it is."""
        cdef _Buffer source, copy
        if step.kind != PT_STEP_COPY or step.loop or step.ins[0][1:] != step.outs[0][1:]:
            return False
        source = <_Buffer>self.buffers[step.ins[0][0]]
        copy = <_Buffer>self.buffers[step.outs[0][0]]
        return (source.n_bytes == copy.n_bytes and source.dims == copy.dims
                and source.strides == copy.strides and source.type == copy.type
                and step.shape == copy.dims
                and (source.kind == ARGUMENT or source.kind == CONSTANT
                     or source.kind == TEMPORARY and source.n_writes == 1))

    cdef int remove_dead(self, list results) except -1:
        cdef _Step step
        cdef list kept = []
        cdef bint needed
        live = set(results)
        for step in reversed(self.steps):
            needed = step.keep or not step.outs
            for place in step.outs:
                needed = (needed or place[0] in live
                          or (<_Buffer>self.buffers[place[0]]).kind == CAPTURED)
            if needed:
                kept.append(step)
                for place in step.ins:
                    live.add(place[0])
        kept.reverse()
        self.steps = kept
        return 0

    cdef int take_constants(self, list results) except -1:
        """Moves the steps that read constants alone to self.constants."""
        cdef _Step step
        cdef _Buffer buffer
        cdef list kept = []
        cdef bint grown = True, varies
        varying = set(results)
        for number, buffer in enumerate(self.buffers):
            if buffer.kind != CONSTANT and buffer.kind != TEMPORARY:
                varying.add(number)
        while grown:
            grown = False
            for step in self.steps:
                varies = step.kind == PT_STEP_CALL or step.parts is not None
                for place in step.ins:
                    varies = varies or place[0] in varying
                for place in step.outs:
                    varies = varies or place[0] in varying
                if varies:
                    for place in step.outs:
                        if place[0] not in varying:
                            varying.add(place[0])
                            grown = True
        for step in self.steps:
            varies = not step.outs and not step.ins     # called for what it does
            for place in step.outs or step.ins:
                varies = varies or place[0] in varying
            (kept if varies else self.constants).append(step)
        self.steps = kept
        return 0

    cdef int count_reads(self, list results) except -1:
        self.reads = [0] * len(self.buffers)
        for number in results:
            self.reads[number] += 1
        for step in self.steps:
            for place in (<_Step>step).ins:
                self.reads[place[0]] += 1
        return 0

    cdef int place_step(self, _Step step) except -1:
        """Adds a step to an open group or to the emitted ones."""
        cdef _Member m = None
        cdef _Group group
        cdef _Buffer buffer = None
        if step.kind <= PT_STEP_COPY and not step.loop:
            buffer = <_Buffer>self.buffers[step.outs[0][0]]
            if (buffer.n_writes == 1 and buffer.kind == TEMPORARY and step.outs[0][1] == 0
                    and kind_of(step.ins[0][2]) != KIND_COMPLEX
                    and kind_of(step.outs[0][2]) != KIND_COMPLEX):
                m = as_member(step)
                if m is not None and m.size * <Py_ssize_t>pt_dtype_size[step.outs[0][2]] != (
                        buffer.n_bytes):
                    m = None
        for size in list(self.groups):
            group = <_Group>self.groups[size]
            if self.conflicts(group, step, m):
                self.emit(group)
                del self.groups[size]
        if m is None:
            self.emitted.append(step)
            return 0
        group = self.groups.get(m.size)
        if group is not None and not m.flat and group.shape is not None and group.shape != m.shape:
            self.emit(group)
            group = None
        if group is None:
            group = self.groups[m.size] = _Group.__new__(_Group)
            group.members = []
            group.size = m.size
            group.made = {}
            group.read = set()
        if not m.flat:
            group.shape = m.shape
        group.members.append(m)
        group.made[step.outs[0][0]] = True
        for place in step.ins:
            group.read.add(place[0])
        return 0

    cdef bint conflicts(self, _Group group, _Step step, _Member m) except -1:
        """Whether the group has to run before the step, which can't be part of it."""
        cdef Py_ssize_t k
        for place in step.outs:
            if place[0] in group.read or place[0] in group.made:
                return True
        for k in range(len(step.ins)):
            place = step.ins[k]
            if place[0] not in group.made:
                continue
            if m is None or m.size != group.size:
                return True
            if place[1] != 0 or not m.flat and group.shape is not None and m.shape != group.shape:
                return True
            if (<list>m.strides[k]) != list(c_strides(m.shape, pt_dtype_size[place[2]])) and (
                    m.size > 1):
                return True
        return False

    cdef int emit_all(self) except -1:
        for group in self.groups.values():
            self.emit(<_Group>group)
        self.groups = {}
        return 0

    cdef int emit(self, _Group group) except -1:
        """Emits the steps of a group, as few calls of pt_fused as its limits allow."""
        cdef _Fused fused = None
        cdef _Member m
        cdef dict left = {}         # buffer -> how many members are still to read it
        for m in group.members:
            for place in m.step.ins:
                left[place[0]] = left.get(place[0], 0) + 1
        inside = dict(left)
        if len(group.members) == 1:
            m = group.members[0]
            self.emitted.append(m.step)
            return 0
        shape = (group.size,) if group.shape is None else group.shape
        for m in group.members:
            if fused is None or not fused.accepts(m):
                if fused is not None:
                    fused.close(self, left)
                fused = _Fused.__new__(_Fused)
                fused.open(shape)
            fused.append(m, left)
            out = m.step.outs[0][0]
            fused.note(out, self.reads[out] > inside.get(out, 0), left.get(out, 0) > 0)
        fused.close(self, left)
        return 0


@cython.final
cdef class _Fused:
    """A call of pt_fused that is being put together: operations on values."""

    cdef tuple shape
    cdef list ops                   # (row, compute, result, [keys of operands], key of the result)
    cdef dict inputs                # key of a value from outside -> its place over the shape
    cdef dict types                 # key -> dtype
    cdef dict made                  # buffer made here -> its key
    cdef dict live                  # of these: those that are read later -> whether outside, too
    cdef list members
    cdef Py_ssize_t n_converted
    cdef dict places                # number of a buffer in the trace -> in the program

    cdef int open(self, tuple shape) except -1:
        self.shape = shape
        self.ops = []
        self.inputs = {}
        self.types = {}
        self.made = {}
        self.live = {}
        self.members = []
        return 0

    cdef bint accepts(self, _Member m):
        """Whether another member fits the limits of pt_fused."""
        return (len(self.inputs) + len(m.step.ins) <= PT_FUSE_MAX_INPUTS
                and len(self.live) < PT_FUSE_MAX_OUTPUTS
                and len(self.live) + self.n_converted + 6 < PT_FUSE_MAX_TEMPORARIES)

    cdef int append(self, _Member m, dict left) except -1:
        cdef _Step step = m.step
        cdef int compute = step.type, source, k
        cdef list operands = [], strides
        self.members.append(m)
        for k in range(len(step.ins)):
            place = step.ins[k]
            source = place[2]
            key = self.made.get(place[0])
            if key is None:         # from outside: converted when loaded
                strides = <list>m.strides[k]
                if m.flat and len(self.shape) > 1:
                    strides = ([0] * len(self.shape) if strides[0] == 0 else
                               list(c_strides(self.shape, pt_dtype_size[source])))
                strides = list(strides)
                key = ("in", place[0], place[1], source, tuple(strides), compute)
                if key not in self.inputs:
                    self.inputs[key] = (place[0], place[1], source, tuple(strides))
                    self.types[key] = compute
            elif source != compute:
                converted_key = ("as", place[0], compute)
                if converted_key not in self.types:
                    self.ops.append((CONVERSION, source, compute, [key], converted_key))
                    self.types[converted_key] = compute
                    self.n_converted += 1
                key = converted_key
            operands.append(key)
            left[place[0]] -= 1
            if left[place[0]] == 0 and place[0] in self.live and not self.live[place[0]]:
                del self.live[place[0]]
        out = step.outs[0]
        key = ("value", out[0])
        self.ops.append((step.op, compute, out[2], operands, key))
        self.types[key] = out[2]
        self.made[out[0]] = key
        return 0

    cdef int note(self, int buffer, bint outside, bint later) except -1:
        if outside or later:
            self.live[buffer] = outside
        return 0

    cdef int close(self, _Plan plan, dict left) except -1:
        """Emits the call. What is still to be read becomes its results."""
        cdef _Step step, first = (<_Member>self.members[0]).step
        cdef list outs = []
        if len(self.members) == 1 and len(self.ops) == 1:
            plan.emitted.append(first)
            return 0
        step = _Step.__new__(_Step)
        step.kind = PT_STEP_FUSED
        step.shape = self.shape
        step.ins = list(self.inputs.values())
        for number in self.live:
            key = self.made[number]
            outs.append((number, 0, self.types[key],
                         c_strides(self.shape, pt_dtype_size[self.types[key]])))
        step.outs = outs
        step.sizes = ()
        step.loop = ()
        step.check = self           # for write_fused
        self.members = None
        plan.emitted.append(step)
        return 0


cdef int write_fused(_Fused fused, _Step step, pt_program *program, pt_fused_op *ops) except -1:
    """Fills in the calls of a fused step, each with a slot for its result: the slot of an operand
    that is no longer used, if there is one, otherwise another temporary."""
    cdef dict slots = {}, last_use = {}
    cdef pt_fused_op *op
    cdef int slot, first, k, compute, result
    cdef Py_ssize_t i
    program.ops = ops
    program.n_ops = <int>len(fused.ops)
    program.n_inputs = <int>len(fused.inputs)
    program.n_outputs = <int>len(step.outs)
    program.n_temporaries = 0
    program.item = 0
    for slot, key in enumerate(fused.inputs):
        slots[key] = slot
        program.inputs[slot] = <pt_dtype><int>fused.types[key]
        program.item = max(program.item, pt_dtype_size[<int>fused.types[key]])
    for k, place in enumerate(step.outs):
        slots[fused.made[place[0]]] = program.n_inputs + k
        program.outputs[k] = <pt_dtype><int>place[2]
    first = program.n_inputs + program.n_outputs
    for i in range(len(fused.ops)):
        for key in fused.ops[i][3]:
            last_use[key] = i
    unused = []                     # temporaries whose values are no longer used
    for i in range(len(fused.ops)):
        row, compute, result, operands, key = fused.ops[i]
        op = &ops[i]
        op.op = row
        op.compute = <pt_dtype>compute
        op.result = <pt_dtype>result
        program.item = max(program.item, pt_dtype_size[result])
        done = set()
        for k in range(len(operands)):
            op.slots[k] = slots[operands[k]]
            if last_use[operands[k]] == i and op.slots[k] >= first:
                done.add(op.slots[k])
        # the result may overwrite an operand if their elements have the same size
        if pt_dtype_size[compute] == pt_dtype_size[result]:
            unused += done
            done = ()
        if key not in slots:
            if not unused:
                unused.append(first + program.n_temporaries)
                program.n_temporaries += 1
            slots[key] = unused.pop()
            if key not in last_use:  # nobody reads it
                done = (*done, slots[key])
        unused += done
        op.slots[<int>len(operands)] = slots[key]
    return 0


# ---------------------------------------------------------------------------- the program


@cython.final
cdef class _Program:
    """Steps with their places in memory: what a run needs."""

    cdef _Memory memory
    cdef pt_step *steps
    cdef size_t n_steps
    cdef Py_ssize_t n_buffers
    cdef char **fixed               # the addresses of constant and captured buffers, or NULL
    cdef int *arguments             # of each buffer: the number of the argument, or -1
    cdef Py_ssize_t *offsets        # in the program's memory, or -1
    cdef size_t n_bytes             # of that memory
    cdef pt_memory_use *large       # buffers with memory of their own while they are in use
    cdef size_t n_large
    cdef size_t peak_bytes          # the most memory of temporaries
    cdef Py_ssize_t work            # a measure of the time, in elements
    cdef list held                  # tensors that own captured and constant memory, and calls
    cdef list captured              # tensors from outside that the function uses
    cdef list planned               # the steps, for printing
    cdef list outs                  # (buffer, dtype, dims, strides) of the new tensors of a run
    cdef bint calls                 # whether a step calls back into Python
    cdef bint writes                # whether a step writes to a captured tensor
    cdef str name                   # of the function
    cdef list kinds                 # of each buffer: (kind, dtype, lengths), for printing
    cdef list saved                 # roots from outside that steps change before the last check

    @staticmethod
    cdef _Program of(_Trace trace, list results, bint in_one=False):
        """The program that computes these buffers of a trace; in_one: in one block of memory."""
        cdef _Program program = _Program.__new__(_Program)
        cdef _Plan plan = _Plan.__new__(_Plan)
        plan.run(trace, results)
        compute_constants(trace, plan)
        program.name = trace.name
        program.planned = plan.emitted
        program.memory = _Memory.__new__(_Memory)
        program.held = []
        program.captured = list(trace.outside.values())
        program.writes = trace.has_effects
        uses = program.lay_out(trace, results, in_one)
        program.write_steps()
        program.list_uses(uses)
        return program

    cdef list lay_out(self, _Trace trace, list results, bint in_one):
        """Numbers the buffers that the steps use, and gives them places in memory. Returns those
        that have memory of their own: (buffer, owner of the memory, size, first, last step)."""
        cdef _Step step
        cdef _Buffer buffer
        cdef dict numbers = {}, first = {}, last = {}
        cdef list placed, blocks, uses = []
        cdef dict places
        cdef Py_ssize_t i
        cdef int k
        for i in range(len(self.planned)):
            step = <_Step>self.planned[i]
            for place in step.ins + step.outs:
                if place[0] not in numbers:
                    numbers[place[0]] = len(numbers)
                    first[place[0]] = i
                last[place[0]] = i
        for number in results:
            if number not in numbers:
                numbers[number] = len(numbers)
        names = list(numbers)
        self.list_saved(trace)
        self.n_buffers = len(numbers)
        self.fixed = <char **>self.memory.take(self.n_buffers * sizeof(char *))
        self.arguments = <int *>self.memory.take(self.n_buffers * sizeof(int))
        self.offsets = <Py_ssize_t *>self.memory.take(self.n_buffers * sizeof(Py_ssize_t))
        self.outs = []
        for number in results:
            buffer = <_Buffer>trace.buffers[number]
            buffer.kind = RESULT
            self.outs.append((numbers[number], buffer.type, buffer.dims, buffer.strides))
        self.kinds = []
        placed, places = [], {}
        for k, number in enumerate(names):
            buffer = <_Buffer>trace.buffers[number]
            self.kinds.append((buffer.kind, buffer.type, buffer.dims))
            self.arguments[k] = -1
            self.offsets[k] = -1
            if buffer.kind == ARGUMENT:
                self.arguments[k] = buffer.argument
            elif buffer.kind == CAPTURED or buffer.kind == CONSTANT:
                self.fixed[k] = buffer.tensor.data
                self.held.append(buffer.tensor)
            elif buffer.kind == TEMPORARY:
                placed.append(number)
        for i in range(len(self.planned)):
            step = <_Step>self.planned[i]
            for number, other in self.in_place_of(trace, step, last, i):
                other = places.get(other, other)
                places[number] = other
                last[other] = last[number]
        blocks = []
        for number in placed:
            other = places.get(number, number)
            buffer = <_Buffer>trace.buffers[number]
            if buffer.n_bytes >= LARGE_BYTES and not in_one:
                uses.append((numbers[number], numbers[other], buffer.n_bytes, first[number],
                             last[number]))
            elif number == other:
                blocks.append((-rounded(max(buffer.n_bytes, 1)), first[number], last[number],
                               numbers[number]))
        blocks.sort()
        self.place_blocks(blocks)
        for number, other in places.items():
            self.offsets[<Py_ssize_t>numbers[number]] = self.offsets[<Py_ssize_t>numbers[other]]
        self.number_places(numbers)
        return uses

    cdef int list_uses(self, list uses) except -1:
        """Tells the steps which buffers need memory of their own from, and up to, them."""
        cdef dict begins = {}, ends = {}
        cdef list owners = [], amounts = [0] * (self.n_steps + 1)
        cdef Py_ssize_t i, now = 0
        for buffer, owner, size, first, last in uses:
            begins.setdefault(first, []).append((buffer, owner if owner != buffer else -1, size))
            if owner == buffer:
                owners.append((buffer, -1, size))
                ends.setdefault(last, []).append(owners[-1])
                amounts[first] += size
                amounts[last + 1] -= size
        for i in range(self.n_steps):
            now += amounts[i]
            self.peak_bytes = max(self.peak_bytes, <size_t>now)
            self.steps[i].n_begins = <int>len(begins.get(i, ()))
            self.steps[i].n_ends = <int>len(ends.get(i, ()))
            self.steps[i].begins = self.written_uses(begins.get(i, []))
            self.steps[i].ends = self.written_uses(ends.get(i, []))
        self.peak_bytes += self.n_bytes
        self.n_large = len(owners)
        self.large = self.written_uses(owners)
        return 0

    cdef pt_memory_use *written_uses(self, list uses) except? NULL:
        cdef pt_memory_use *at
        cdef Py_ssize_t k
        if not uses:
            return NULL
        at = <pt_memory_use *>self.memory.take(len(uses) * sizeof(pt_memory_use))
        for k in range(len(uses)):
            at[k].buffer, at[k].from_, at[k].n_bytes = uses[k]
        return at

    cdef int place_blocks(self, list blocks) except -1:
        """Gives blocks (-size, first step, last step, buffer), the largest first, the lowest
        offsets at which no other block of the same time lies."""
        cdef Py_ssize_t n = 0, i, j, size, first, last, offset, n_blocks = len(blocks)
        cdef _Memory scratch = _Memory.__new__(_Memory)
        cdef Py_ssize_t *known = <Py_ssize_t *>scratch.take(n_blocks * 4 * sizeof(Py_ssize_t))
        for i in range(n_blocks):
            size, first, last, k = blocks[i]
            size = -size
            offset = 0
            for j in range(n):      # by offset: offset, end, first step, last step
                if known[4 * j + 2] <= last and known[4 * j + 3] >= first:
                    if offset + size <= known[4 * j]:
                        break
                    offset = max(offset, known[4 * j + 1])
            j = n
            while j > 0 and known[4 * (j - 1)] > offset:
                memcpy(&known[4 * j], &known[4 * (j - 1)], 4 * sizeof(Py_ssize_t))
                j -= 1
            known[4 * j] = offset
            known[4 * j + 1] = offset + size
            known[4 * j + 2] = first
            known[4 * j + 3] = last
            n += 1
            self.offsets[<Py_ssize_t>k] = offset
            self.n_bytes = max(self.n_bytes, <size_t>(offset + size))
        return 0

    cdef list in_place_of(self, _Trace trace, _Step step, dict last, Py_ssize_t i):
        """(result, operand) for the results of step i, if it is element-wise, that can be in the
        place of an operand which it is the last one to read."""
        cdef _Buffer result, buffer
        cdef dict made_at = {}, last_use = {}
        cdef list pairs = []
        if step.kind == PT_STEP_FUSED:
            for k, (_, _, _, operands, key) in enumerate((<_Fused>step.check).ops):
                made_at.setdefault((<tuple>key)[1], k)      # later ones are conversions of it
                for operand in operands:
                    last_use[(<tuple>operand)[1]] = k
        elif step.kind != PT_STEP_ELEMENTWISE or step.type != step.outs[0][2]:
            return pairs
        taken = set()
        for out in step.outs:
            result = <_Buffer>trace.buffers[out[0]]
            if result.kind != TEMPORARY or result.n_writes != 1 or out[1] != 0:
                continue
            for place in step.ins:
                buffer = <_Buffer>trace.buffers[place[0]]
                if (buffer.kind == TEMPORARY and last[place[0]] == i and place[0] != out[0]
                        and buffer.n_bytes == result.n_bytes and place[1:] == out[1:]
                        and place[0] not in taken
                        and last_use.get(place[0], -1) <= made_at.get(out[0], -1)
                        and not any([other[0] == place[0] and other[1:] != place[1:]
                                     for other in step.ins])):
                    taken.add(place[0])
                    pairs.append((out[0], place[0]))
                    break
        return pairs

    cdef int list_saved(self, _Trace trace) except -1:
        """Lists the tensors to restore where what the program relies on does not hold."""
        cdef _Buffer buffer
        cdef Py_ssize_t i, last = len(self.planned) if trace.relies_within else 0
        self.saved = []
        if trace.relies and not trace.relies_within:
            for i in range(len(self.planned)):
                if not (<_Step>self.planned[i]).outs:
                    last = i
        for i in range(last):
            for place in (<_Step>self.planned[i]).outs:
                buffer = <_Buffer>trace.buffers[place[0]]
                if buffer.kind == CAPTURED and not any([buffer.tensor is t for t in self.saved]):
                    self.saved.append(buffer.tensor)
        return 0

    cdef int number_places(self, dict numbers) except -1:
        cdef _Step step
        for step in self.planned:
            step.ins = [(numbers[p[0]], *p[1:]) for p in step.ins]
            if step.kind == PT_STEP_FUSED:
                (<_Fused>step.check).places = numbers
                (<_Fused>step.check).made = {numbers[number]: key for number, key
                                             in (<_Fused>step.check).made.items()
                                             if number in numbers}
            step.outs = [(numbers[p[0]], *p[1:]) for p in step.outs]
        return 0

    cdef int write_steps(self) except -1:
        """Writes the steps as C structures."""
        cdef _Step step
        cdef pt_step *s
        cdef pt_place *places
        cdef pt_program *fused
        cdef Py_ssize_t i, k, size
        self.n_steps = len(self.planned)
        self.steps = <pt_step *>self.memory.take(self.n_steps * sizeof(pt_step))
        for i in range(len(self.planned)):
            step = <_Step>self.planned[i]
            s = &self.steps[i]
            s.kind = <pt_step_kind>step.kind
            s.op = step.op
            s.dtype = <pt_dtype>step.type
            s.ndim = <int>len(step.shape)
            s.n_reduced = step.n_reduced
            s.n_in = <int>len(step.ins)
            s.n_out = <int>len(step.outs)
            s.shape = self.memory.lengths(step.shape)
            places = <pt_place *>self.memory.take((s.n_in + s.n_out) * sizeof(pt_place))
            for k, place in enumerate(step.ins + step.outs):
                places[k].buffer = place[0]
                places[k].offset = place[1]
                places[k].dtype = <pt_dtype><int>place[2]
                places[k].strides = self.memory.lengths(place[3])
                if step.loop:
                    places[k].loop = self.memory.lengths(step.loop_strides[k])
            s.places = places
            s.n_loop = <int>len(step.loop)
            s.loop = self.memory.lengths(step.loop)
            s.number = step.number
            for k in range(len(step.sizes)):
                s.sizes[k] = step.sizes[k]
            size = 1
            for length in step.shape:
                size *= length
            if step.kind == PT_STEP_KERNEL:
                s.run = step.run
                s.parameters = <const char *>step.parameters
                self.held.append(step.parameters)
                size = NOGIL_ELEMENTS
            elif step.kind == PT_STEP_FUSED:
                fused = <pt_program *>self.memory.take(sizeof(pt_program))
                s.fused = fused
                write_fused(<_Fused>step.check, step, fused, <pt_fused_op *>self.memory.take(
                    len((<_Fused>step.check).ops) * sizeof(pt_fused_op)))
                size *= fused.n_ops
            elif step.kind == PT_STEP_CALL:
                s.run = <kernel_function><void *>call_inside
                self.calls = True
                s.parameters = <void *>step         # held by self.planned
                size = NOGIL_ELEMENTS
            elif step.kind >= PT_STEP_MATMUL and step.kind <= PT_STEP_DENSE_GRADIENT:
                size *= step.sizes[0] * step.sizes[1] * step.sizes[2] // 8
            elif PT_STEP_CUMULATE < step.kind < PT_STEP_CHECK_ROWS or step.kind == PT_STEP_GATHER:
                size = step.sizes[0] * step.sizes[1]
            for length in step.loop:
                size *= length
            self.work += size
        return 0

    cdef list run(self, list arguments, list called):
        """Runs the steps. arguments: tensors. Returns new tensors, the results.

        If what the program relies on does not hold, it returns None, and no tensor from outside has
        changed; appends what call_each_time returned to called.
        """
        cdef char *on_stack[MAX_STACK_BUFFERS]
        cdef char **buffers = on_stack
        cdef list results = []
        cdef char *memory = NULL
        if self.n_buffers > MAX_STACK_BUFFERS:
            buffers = <char **>malloc(self.n_buffers * sizeof(char *))
            if buffers == NULL:
                raise MemoryError("no memory to run a program")
        try:
            if self.n_bytes > 0:
                memory = <char *>pt_alloc(self.n_bytes)
                if memory == NULL:
                    raise MemoryError(f"no memory for a tensor of a program ({self.n_bytes} bytes)")
            self.set_buffers(buffers, memory, arguments, results)
            return results if self.run_steps(buffers, called) else None
        finally:
            if memory != NULL:
                pt_free(memory, self.n_bytes)
            if buffers != on_stack:
                free(buffers)

    cdef int set_buffers(self, char **buffers, char *memory, list arguments,
                         list results) except -1:
        """Fills in the addresses of a run, and makes its results."""
        cdef Py_ssize_t k
        cdef Tensor t
        for k in range(self.n_buffers):
            if self.fixed[k] != NULL:
                buffers[k] = self.fixed[k]
            elif self.arguments[k] >= 0:
                buffers[k] = (<Tensor>arguments[self.arguments[k]]).data
            else:
                buffers[k] = memory + self.offsets[k] if self.offsets[k] >= 0 else NULL
        for out in self.outs:
            t = new_as(out)
            buffers[<Py_ssize_t>out[0]] = t.data
            results.append(t)
        return 0

    cdef bint run_steps(self, char **buffers, list called) except -1:
        """Whether what the program relies on holds; see run."""
        cdef Tensor t
        cdef list before = None
        cdef pt_status status
        cdef size_t failed = 0
        if self.saved:
            before = [untraced_copy(t) for t in self.saved]
        try:
            if self.calls:
                status = self.run_with_calls(buffers, called)
            elif self.work < NOGIL_ELEMENTS:
                status = pt_run_steps(self.steps, self.n_steps, buffers, &failed)
            else:
                with nogil:
                    status = pt_run_steps(self.steps, self.n_steps, buffers, &failed)
            if status == PT_UNMET:
                if before is not None:
                    restore(self.saved, before)
                return False
            if status != PT_OK:
                self.explain(status, failed, buffers)
        finally:                    # what a step that failed has left
            pt_free_buffers(self.large, self.n_large, buffers)
        return True

    cdef pt_status run_with_calls(self, char **buffers, list called) except? PT_INTERRUPTED:
        """The same for a program with steps that call back into Python, one step after the other:
        a call may run the program again."""
        cdef pt_status status
        cdef size_t i, n, failed = 0
        cdef _Step step
        i = 0
        while i < self.n_steps:
            if self.steps[i].kind == PT_STEP_CALL:
                step = <_Step>self.planned[i]
                if pt_begin_step(&self.steps[i], buffers) != PT_OK:
                    self.explain(PT_NO_MEMORY, i, buffers)
                result = call_back(step, buffers)
                pt_end_step(&self.steps[i], buffers)
                if step.keep and not is_nothing(result):
                    called.append(result)
                i += 1
                continue
            n = i
            while n < self.n_steps and self.steps[n].kind != PT_STEP_CALL:
                n += 1
            with nogil:
                status = pt_run_steps(self.steps + i, n - i, buffers, &failed)
            if status == PT_UNMET:
                return status
            if status != PT_OK:
                self.explain(status, i + failed, buffers)
            i = n
        return PT_OK

    cdef int explain(self, pt_status status, size_t failed, char **buffers) except -1:
        """Raises the error of a step that failed."""
        cdef _Step step = <_Step>self.planned[failed]
        if status == PT_OUT_OF_RANGE:
            if step.parts is not None:
                place = step.outs[len(step.outs) - 1]
                raise_failure(status, step.name, buffers[<Py_ssize_t>place[0]], step.parts)
            step.check(tensor_at(step.ins[0], step.shape, buffers))
        raise MemoryError(f"{self.name}: no memory for the operands of a step")


cdef int restore(list tensors, list copies) except -1:
    """Copies elements back."""
    cdef Tensor t, copy
    cdef pt_operand a, b
    for t, copy in zip(tensors, copies):
        a = operand_of(copy)
        b = operand_of(t)
        pt_copy(t.ndim, t.dims, &a, &b)
    return 0


cdef inline Py_ssize_t rounded(Py_ssize_t n_bytes) noexcept:
    """Blocks begin at multiples of 64 bytes."""
    return (n_bytes + 63) & ~63


cdef Tensor tensor_at(tuple place, tuple shape, char **buffers):
    """A tensor on the memory of a place, valid during the run."""
    return tensor_on(buffers[<Py_ssize_t>place[0]] + <Py_ssize_t>place[1], place, shape)


cdef Tensor tensor_on(char *data, tuple place, tuple shape):
    cdef Tensor t = Tensor.__new__(Tensor)
    cdef int d
    t.data = data
    t.type = place[2]
    t.ndim = <int>len(shape)
    t.size = 1
    for d in range(t.ndim):
        t.dims[d] = shape[d]
        t.steps[d] = place[3][d]
        t.size *= t.dims[d]
    t.contiguous = is_contiguous(t.ndim, t.dims, t.steps, <Py_ssize_t>pt_dtype_size[t.type])
    return t


cdef object call_back(_Step step, char **buffers):
    """Runs a step that calls a Python function; returns what that returns."""
    cdef list inputs = [], outputs = []
    cdef Py_ssize_t k
    for k in range(len(step.ins)):
        inputs.append(tensor_at(step.ins[k], step.call.inputs[k][2], buffers))
    for k in range(len(step.outs)):
        outputs.append(tensor_at(step.outs[k], step.call.results[k][1], buffers))
    return call_function(step.call, inputs, outputs)


cdef pt_status call_inside(const void *parameters,
                           const pt_operand *operands) except PT_INTERRUPTED nogil:
    """The same as a kernel, inside a loop or a branch; parameters: the step."""
    with gil:
        call_step(<_Step>parameters, operands)
    return PT_OK


cdef int call_step(_Step step, const pt_operand *operands) except -1:
    cdef list inputs = [], outputs = []
    cdef Py_ssize_t k, n = len(step.ins)
    for k in range(n):
        inputs.append(tensor_on(operands[k].data, step.ins[k], step.call.inputs[k][2]))
    for k in range(len(step.outs)):
        outputs.append(tensor_on(operands[n + k].data, step.outs[k], step.call.results[k][1]))
    call_function(step.call, inputs, outputs)
    return 0


cdef object call_function(_Call call, list inputs, list outputs):
    """The function's result, copied to the outputs."""
    global innermost_trace
    cdef PyObject *trace = innermost_trace
    cdef Tensor t
    cdef Py_ssize_t k
    cdef pt_operand a, b
    cdef list tensors = []
    innermost_trace = NULL          # a loop may run while the program around it is recorded
    try:
        for t in inputs:            # copies: the function may keep them, or return them
            tensors.append(converted(t, t.type))
        result = call.function(*tensors)
    finally:
        innermost_trace = trace
    results = result if isinstance(result, tuple) else (result,)
    if len(results) != len(call.results):
        raise ValueError(f"{call.name}: {len(results)} results: expected {len(call.results)}, as "
                         "when the function was recorded")
    for k in range(len(results)):
        t = <Tensor?>results[k]
        if (t.type, t.shape) != call.results[k]:
            raise ValueError(f"{call.name}: a result of shape {t.shape} and dtype {t.dtype}: "
                             f"expected {call.results[k][1]} and {DTYPES[call.results[k][0]]}, as "
                             "when the function was recorded (shapes must not depend on values)")
        a = operand_of(t)
        b = operand_of(<Tensor>outputs[k])
        pt_copy(t.ndim, t.dims, &a, &b)
    return result


cdef Tensor new_as(tuple out):
    """A new tensor of the dtype, the lengths and the strides of a root in the trace."""
    cdef Py_ssize_t dims[PT_MAX_NDIM]
    cdef int ndim = 0, d
    cdef tuple shape = out[2], strides = out[3]
    for d in range(<int>len(shape)):
        dims[d] = shape[d]
    cdef Tensor t = new_tensor(out[1], <int>len(shape), dims)
    for d in range(t.ndim):
        if t.steps[d] != strides[d]:
            ndim = 1
        t.steps[d] = strides[d]
    if ndim:
        t.contiguous = is_contiguous(t.ndim, t.dims, t.steps,
                                     <Py_ssize_t>pt_dtype_size[t.type])
    return t


cdef int compute_constants(_Trace trace, _Plan plan) except -1:
    """Runs the steps that read constants alone, and makes their results constants."""
    cdef _Trace part
    cdef _Buffer buffer
    cdef list wanted = []
    if not plan.constants:
        return 0
    made = set()
    for step in plan.constants:
        for place in (<_Step>step).outs:
            made.add(place[0])
    for step in plan.emitted:
        for place in (<_Step>step).ins:
            if place[0] in made and place[0] not in wanted:
                wanted.append(place[0])
    if not wanted:
        return 0
    part = _Trace.__new__(_Trace, trace.name, False)
    part.buffers = trace.buffers
    part.steps = plan.constants
    values = (_Program.of(part, wanted)).run([], [])
    for number, value in zip(wanted, values):
        buffer = <_Buffer>trace.buffers[number]
        buffer.kind = CONSTANT
        buffer.tensor = value
    return 0


# ------------------------------------------------------------------- arguments and results


@cython.final
cdef class _Leaf:
    """A tensor among the results of a function: a view of a new one."""

    cdef Py_ssize_t out             # the number of the new tensor
    cdef bint whole                 # the view is all of it
    cdef bint readonly
    cdef Py_ssize_t offset
    cdef tuple dims, strides


cdef Tensor outline(Tensor t):
    """A tensor like t without memory: its dtype, lengths and strides."""
    cdef Tensor model = plain_view(t)
    model.exporter = None
    model.data = <char *>&ZERO
    return model


cdef bint matches(object model, object value, list leaves, int depth=0) except -1:
    """Whether a program recorded for model fits an argument; appends its tensors to leaves."""
    cdef Tensor t, known
    cdef int d
    if type(model) is Tensor:
        if type(value) is not Tensor:
            return False
        t = <Tensor>value
        if t.traced:
            owner_of(t)
        known = <Tensor>model
        if (t.type != known.type or t.ndim != known.ndim or not same_dims(t, known)
                or t.contiguous != known.contiguous):
            return False
        if not t.contiguous:
            for d in range(t.ndim):
                if t.steps[d] != known.steps[d]:
                    return False
        leaves.append(value)
        return True
    if type(model) is not type(value):
        return False
    if isinstance(model, (list, tuple)):
        check_depth(depth, "jit")
        if len(model) != len(value):
            return False
        for k in range(len(model)):
            if not matches(model[k], value[k], leaves, depth + 1):
                return False
        return True
    if isinstance(model, dict):
        check_depth(depth, "jit")
        if len(model) != len(value):
            return False
        for (key, part), (other, other_part) in zip(model.items(), value.items()):
            if key != other or not matches(part, other_part, leaves, depth + 1):
                return False
        return True
    return same_value(value, model)


cdef object mapped(object value, object function, int depth=0):
    """The value with function(t) in place of each tensor t."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, (list, tuple)):
        check_depth(depth, "jit")
        parts = []
        for part in value:
            parts.append(mapped(part, function, depth + 1))
        return rebuilt(value, parts)
    if isinstance(value, dict):
        check_depth(depth, "jit")
        return {key: mapped(part, function, depth + 1) for key, part in value.items()}
    return value


cdef bint same_value(object a, object b) except -1:
    """Whether a function can't distinguish two arguments that are not tensors."""
    cdef double x, y
    if type(a) is not type(b):
        return False
    if isinstance(a, float):        # NaN equals NaN, and 0.0 differs from -0.0
        x = a
        y = b
        return memcmp(&x, &y, sizeof(double)) == 0
    if isinstance(a, complex):      # a function may inspect its parts
        return same_value(a.real, b.real) and same_value(a.imag, b.imag)
    return type(a) is not Tensor and a == b


cdef object as_argument(object value, str name, bint nested, int depth=0):
    """An argument with tensors in place of ndarrays; everything else is part of the program."""
    if type(value) is Tensor or value is None or isinstance(value, str):
        return value
    if scalar_kind(value) != NOT_SCALAR:
        return value
    if is_numpys(value):
        return as_tensor(value, name)
    if nested and isinstance(value, (list, tuple)):
        check_depth(depth, name)
        parts = []
        for part in value:
            parts.append(as_argument(part, name, nested, depth + 1))
        return rebuilt(value, parts)
    if nested and isinstance(value, dict):
        check_depth(depth, name)
        return {key: as_argument(part, name, nested, depth + 1) for key, part in value.items()}
    expected = "a tensor, an ndarray, a number, a string or None"
    if nested:
        expected += ", or nested lists, tuples and dictionaries of them"
    raise TypeError(f"{name}: an argument is {describe(value)}: expected {expected}")


cdef object collected(_Trace trace, object result, list wanted, list tensors, int depth=0):
    """The function's result with a _Leaf in place of each tensor. Appends the buffers to compute to
    wanted, and the tensors themselves to tensors."""
    cdef Tensor t
    cdef _Leaf leaf
    cdef _Buffer buffer
    check_depth(depth, "fuse" if trace.elementwise else "jit")
    if isinstance(result, Tensor):
        t = <Tensor>result
        if root_of(t).trace != trace.serial or (
                (<_Buffer>trace.buffers[root_of(t).buffer]).kind != TEMPORARY) or (
                trace.elementwise and (t.root is not None or not t.contiguous)):
            t = converted_in_trace(t)
        trace.place(t, t.ndim, t.steps)         # an error unless it was recorded
        number = root_of(t).buffer
        if number not in wanted:
            wanted.append(number)
        leaf = _Leaf.__new__(_Leaf)
        leaf.out = wanted.index(number)
        leaf.whole = t.root is None
        leaf.readonly = t.readonly
        leaf.offset = t.data - root_of(t).data
        leaf.dims = t.shape
        leaf.strides = t.strides
        tensors.append(t)
        return leaf
    if isinstance(result, (list, tuple)):
        parts = []
        for part in result:
            parts.append(collected(trace, part, wanted, tensors, depth + 1))
        return rebuilt(result, parts)
    if isinstance(result, dict):
        return {key: collected(trace, part, wanted, tensors, depth + 1)
                for key, part in result.items()}
    if not trace.elementwise and (result is None or isinstance(result, str)
                                  or scalar_kind(result) != NOT_SCALAR):
        return result
    raise TypeError(f"{trace.name}: the function returned {describe(result)}: expected a tensor, "
                    "or a tuple, list or dictionary of them")


cdef Tensor converted_in_trace(Tensor t):
    """A copy of t, as a step."""
    cdef Tensor out = new_tensor(t.type, t.ndim, t.dims)
    copy_into(t, out)
    return out


cdef object filled_in(object result, list tensors):
    """result with tensors in place of leaves."""
    cdef _Leaf leaf
    if type(result) is _Leaf:
        leaf = <_Leaf>result
        return tensors[leaf.out] if leaf.whole else view_of_leaf(leaf, <Tensor>tensors[leaf.out])
    if isinstance(result, dict):
        return {key: filled_in(part, tensors) for key, part in result.items()}
    if isinstance(result, (list, tuple)):
        parts = []
        for part in result:
            parts.append(filled_in(part, tensors))
        return rebuilt(result, parts)
    return result


cdef Tensor view_of_leaf(_Leaf leaf, Tensor root):
    cdef Py_ssize_t dims[PT_MAX_NDIM]
    cdef Py_ssize_t steps[PT_MAX_NDIM]
    cdef int ndim = 0
    cdef Tensor t
    for ndim in range(<int>len(leaf.dims)):
        dims[ndim] = leaf.dims[ndim]
        steps[ndim] = leaf.strides[ndim]
    t = new_view(root, root.data + leaf.offset, <int>len(leaf.dims), dims, steps)
    t.readonly = leaf.readonly
    return t


cdef object handed_out(object result, list tensors):
    """The function's own result of the call that was recorded: its tensors, in order, no longer
    stand-ins."""
    cdef Tensor t
    if type(result) is _Leaf:
        t = <Tensor>tensors.pop(0)
        t.traced = False
        root_of(t).traced = False
        root_of(t).trace = 0
        return t
    if isinstance(result, dict):
        return {key: handed_out(part, tensors) for key, part in result.items()}
    if isinstance(result, (list, tuple)):
        parts = []
        for part in result:
            parts.append(handed_out(part, tensors))
        return rebuilt(result, parts)
    return result


cpdef object rebuilt(object model, list parts):
    """The parts as an object of model's type: a list, a tuple or a named tuple."""
    if isinstance(model, list):
        return parts
    return type(model)(*parts) if hasattr(model, "_fields") else tuple(parts)


# -------------------------------------------------------------------- the recorded function


@cython.final
cdef class _Recording:
    """A program together with the arguments that it fits and the form of its result."""

    cdef tuple models               # the arguments, tensors without memory
    cdef tuple names                # names of the last ones, given by keyword
    cdef _Program program           # None: such a call has not been recorded
    cdef bint is_new                # it may be the next time
    cdef object result              # with leaves in place of tensors
    cdef tuple axes                 # of vmap: in the form of the arguments; of the results' tensors
    cdef list drawn_from            # (source of random numbers, its state before the recording)


cdef class _Recorded:
    """A function that is recorded at its first call with arguments of some shapes and dtypes."""

    cdef object function
    cdef object fallback            # what runs where function can't be recorded, or None
    cdef str name                   # for errors
    cdef bint elementwise
    cdef list recordings            # the most recently used comes first
    cdef str attribute              # of the class that has it as a method, or None
    cdef dict __dict__              # filled by update_wrapper
    cdef object __weakref__

    def __cinit__(self, function, str name, bint elementwise):
        self.function = function
        self.name = name
        self.elementwise = elementwise
        self.recordings = []

    def __set_name__(self, owner, str name):
        self.attribute = name

    def __get__(self, instance, owner):
        """The method of an object, which has recordings of its own; they live as long as it."""
        cdef dict attributes
        cdef _Recorded method
        if instance is None or self.attribute is None:
            return self
        try:
            attributes = vars(instance)
        except TypeError:
            raise TypeError(f"{self.name}: {type(instance).__name__} has no __dict__ for recordings"
                            " of a method: expected a class without __slots__") from None
        key = f"_recorded_{self.attribute}"
        method = attributes.get(key)
        if method is None or method.function.__self__ is not instance:  # one of a copied object
            method = _Recorded(MethodType(self.function, instance), self.name, self.elementwise)
            attributes[key] = update_wrapper(method, self.function)
        return method

    def __reduce__(self):
        """By name; a copied object gets its method from its class."""
        name = getattr(self, "__qualname__", None)
        if isinstance(self.function, MethodType):
            holder = self.function.__self__
            if isinstance(getattr(type(holder), self.__name__, None), _Recorded):
                return getattr, (holder, self.__name__)
        if name is None or isinstance(self.function, MethodType):
            raise TypeError(f"{self.name}: recordings can't be pickled: expected a function of a "
                            "module, or a decorated method")
        return name

    def __call__(self, *args, **kwargs):
        cdef tuple names = ()
        cdef list leaves = [], called = None, results
        cdef _Recording recording
        cdef unsigned long long tracked = 0
        if kwargs:
            names = tuple(kwargs)
            args += tuple(kwargs.values())
        if innermost_trace != NULL or self.fallback is not None and recording_mask:
            return self.original(self.converted(args), names, None)  # a part of what is recorded
        recording = self.find(args, names, leaves)
        if recording is None:
            args = self.converted(args)
            recording = self.find(args, names, leaves)
            if recording is None:
                if recording_mask & (recording_mask - 1):
                    return self.original(args, names, None)
                if self.fallback is None:
                    return self.record(args, names)
                recording = _Recording.__new__(_Recording)      # once may be all
                recording.models = mapped(args, outline)
                recording.names = names
                recording.is_new = True
                self.keep(recording)
                return self.original(args, names, None)
        if recording.program is None:
            if recording.is_new:
                recording.is_new = False
                self.drop(recording)
                return self.record(self.converted(args), names)
            return self.original(args, names, None)
        states = ()
        if recording_mask:
            tracked = self.tapes_of(recording.program, leaves)
            if tracked & (tracked - 1):         # a derivative of a derivative: the order in which
                return self.original(self.converted(args), names, None)  # gradients add up shows
            if tracked:
                states = states_now(recording.drawn_from)
        if recording.program.calls:
            called = []
        results = self.run(recording.program, leaves, called)
        if results is None:
            return self.original(self.converted(args), names, called)
        result = filled_in(recording.result, results)
        if tracked:
            return HANDED_DOWN["record_program"](self, self.function, self.converted(args), names,
                                                 recording.program.captured, result, None, states)
        return result

    def _repr_html_(self):
        cdef list programs = []
        for recording in list(self.recordings):
            programs.append((<_Recording>recording).models)
        return HANDED_DOWN["html"]().fused(getattr(self, "__name__", "function"), programs)

    cdef list run(self, _Program program, list leaves, list called):
        """The program's results; None if the function itself has to run."""
        cdef Tensor t, other
        if program.writes:
            for t in leaves:
                for other in program.captured:
                    if overlap(t, other):
                        if self.fallback is not None:
                            return None
                        raise ValueError(f"{self.name}: an argument shares its memory with a "
                                         "tensor that the function changes in place: pass a copy")
        results = program.run(leaves, called)
        if program.writes:
            for t in program.captured:
                bump_version(t)
        return results

    cdef object original(self, tuple args, tuple names, list called):
        """Calls the function itself. called: what call_each_time has returned to a run of the
        program that was given up, or None."""
        global already_called
        cdef PyObject *before = already_called
        cdef Py_ssize_t n = len(args) - len(names)
        function = self.function if self.fallback is None else self.fallback
        if called is not None:
            already_called = <PyObject *>called
        try:
            return function(*args[:n], **dict(zip(names, args[n:])))
        finally:
            already_called = before

    cdef tuple converted(self, tuple args):
        parts = []
        for value in args:
            parts.append(as_argument(value, self.name, not self.elementwise))
        return tuple(parts)

    cdef unsigned long long tapes_of(self, _Program program, list leaves) except? 1:
        """The bits of the recording tapes that know an argument or a captured tensor."""
        cdef Tensor t
        cdef unsigned long long tracked = 0
        for t in leaves:
            tracked |= t.tracked
        for t in program.captured:
            tracked |= t.tracked
        return recording_mask & tracked

    cdef _Recording find(self, tuple args, tuple names, list leaves):
        cdef _Recording recording
        cdef list recordings = self.recordings
        cdef Py_ssize_t i
        with cython.critical_section(self):
            i = 0
            while i < len(recordings):  # comparing arguments may let another thread in
                recording = <_Recording>recordings[i]
                if (len(args) == len(recording.models)
                        and (names is recording.names or names == recording.names)):
                    leaves.clear()
                    if matches_all(recording.models, args, leaves):
                        if 0 < i < len(recordings) and recordings[i] is recording:
                            recordings.insert(0, recordings.pop(i))
                        return recording
                i += 1
        leaves.clear()
        return None

    cdef int keep(self, _Recording recording) except -1:
        with cython.critical_section(self):
            self.recordings.insert(0, recording)
            del self.recordings[MAX_PROGRAMS:]
        return 0

    cdef int drop(self, _Recording recording) except -1:
        with cython.critical_section(self):
            self.recordings = [other for other in self.recordings if other is not recording]
        return 0

    cdef object record(self, tuple args, tuple names):
        """Calls the function and keeps a recording of it."""
        cdef _Recording recording = _Recording.__new__(_Recording)
        cdef _Trace trace = _Trace.__new__(_Trace, self.name, self.elementwise)
        cdef list wanted = [], tensors = [], leaves = []
        cdef unsigned long long tracked
        recording.models = mapped(args, outline)
        recording.names = names
        try:
            recording.result = traced_result(lambda arguments: self.call(arguments, names),
                                             trace, args, wanted, tensors)
            recording.drawn_from = first_states(trace)
            trace.stand_ins = []
            if not trace.is_exceptional:
                recording.program = _Program.of(trace, wanted)
        except Exception:
            if self.fallback is None and not trace.is_exceptional or trace.is_final:
                raise
            restore_all(trace.undo)
            result = self.original(args, names, trace.called)
            if self.fallback is not None:
                self.keep(recording)
            return result
        result = handed_out(recording.result, tensors)
        if trace.is_exceptional:
            if self.fallback is not None:
                self.keep(recording)    # the next call may be usual, but need not
            if not recording_mask:
                return result
            restore_all(trace.undo)
            return self.original(args, names, trace.called)
        self.keep(recording)
        if not recording_mask:
            return result
        matches_all(recording.models, args, leaves)
        tracked = self.tapes_of(recording.program, leaves)
        if not tracked:
            return result
        return HANDED_DOWN["record_program"](self, self.function, args, names,
                                             recording.program.captured, result, None,
                                             recording.drawn_from)

    cdef object call(self, tuple args, tuple names):
        cdef Py_ssize_t n = len(args) - len(names)
        return self.function(*args[:n], **dict(zip(names, args[n:])))


cdef int restore_all(dict undo) except -1:
    """Undoes the changes of a trace."""
    for root, copy in undo.values():
        restore([root], [copy])
    return 0


cdef list first_states(_Trace trace):
    """Where a function drew from while it was recorded, and the generators' states before."""
    cdef dict states = {}
    for generator, state in trace.drawn_from:
        states.setdefault(id(generator()), (generator, state))
    return list(states.values())


cdef list states_now(list drawn_from):
    """The same with the present states; in a recorded function, those at each of its calls."""
    cdef list states = []

    def note():
        states.clear()
        for generator, _ in drawn_from:
            states.append((generator, generator().bit_generator.state))
        return ()

    if drawn_from:
        do_each_time("random numbers", note)
    return states


cdef bint matches_all(tuple models, tuple args, list leaves) except -1:
    cdef Py_ssize_t k
    for k in range(len(models)):
        if not matches(models[k], args[k], leaves):
            return False
    return True


cdef object traced_result(object function, _Trace trace, tuple args, list wanted, list tensors):
    """Calls the function on stand-ins, given as a tuple; see collected."""
    global innermost_trace
    cdef PyObject *outer_trace = innermost_trace
    cdef GradientTape outer_tape = innermost()
    trace.outer = None if outer_trace == NULL else current_trace()
    arguments = mapped(args, trace.stand_in)
    record_from(None)               # tapes must not record a trace
    innermost_trace = <PyObject *>trace
    try:
        return collected(trace, function(arguments), wanted, tensors)
    finally:
        innermost_trace = outer_trace
        record_from(outer_tape)


def fuse(f, /):
    """Returns a function that computes the same as f, in one pass over memory.

    Temporary values stay in the L1 cache instead of passing through memory: `a * b + c * exp(d)` on
    large tensors takes half the time. While a GradientTape records a tensor that f reads, f itself
    runs, so gradients are those of f.

    f is recorded once for each combination of its arguments' shapes and dtypes, and must do the
    same each time. Printing and random numbers happen only then.
    Tensors that f uses but does not receive as arguments are captured: their elements are read at
    each call, but rebinding their names has no effect. Python numbers among the arguments are
    constants, and each value is another combination, of which the last 32 are kept; pass a value
    that changes often as a 0-d tensor.

    Args:
        f: A function of tensors of any shapes and dtypes and Python numbers, made of element-wise
            operations: functions of the op table, operators, astype, broadcast_to. It returns a
            tensor, or a tuple, list or dictionary of tensors.

    Returns:
        A function of the same arguments, with the same results bit for bit, as new tensors in C
        order.

    Raises:
        TypeError: At the first call, if f does anything else: sums, products of matrices, reshapes,
            indexing, bool() or item() of a tensor, writing in place.

    >>> f = pt.fuse(lambda x, y: pt.sqrt(x * x + y * y))
    >>> f(pt.asarray([3.0, 5.0]), pt.asarray([4.0, 12.0]))
    Tensor([ 5., 13.], dtype=float32)
    """
    if not callable(f):
        raise TypeError(f"fuse: found {describe(f)}: expected a function")
    return update_wrapper(_Recorded(f, "fuse", True), f)


def jit(f, /):
    """Returns a function that computes the same as f, from a recording of its kernel calls.

    The first call with arguments of some shapes and dtypes runs f and writes down which kernels it
    calls on which memory. Later calls replay that program in C: without Python in between, with
    element-wise operations fused, temporary values in one planned block of memory, and neither dead
    nor repeated nor constant steps. The bits are those of f. There is no compiler: recording takes
    about as long as a few calls of f.

    Whatever f does with tensors can be recorded: products, reductions, views, indexing, gradients.
    What NumPy computes calls back into Python. f must do the same each time: it is not called
    again, so printing and other side effects happen only then, except for what it writes in place
    to tensors from outside. Tensors that it uses but does not receive are read at each call, but
    rebinding their names has no effect.

    Args:
        f: A function of tensors and ndarrays, or nested lists, tuples and dictionaries of them.
            Numbers, strings and None among the arguments are constants: each value is another
            program, of which the last 32 are kept. Pass a number that changes often as a 0-d
            tensor. f returns a tensor, or nested ones. It may be a method: each object has
            recordings of its own, for which it is a constant.

    Returns:
        A function of the same arguments with the same results, as new tensors.

    Raises:
        TypeError: At the first call, if f reads a value (bool, float, item, numpy), changes an
            argument in place, or computes something in a way that can't be recorded. The message
            has the line.

    >>> f = pt.jit(lambda x, w: pt.sum(pt.tanh(x @ w), axis=1))
    >>> f(pt.ones((2, 3)), pt.ones((3, 1)))
    Tensor([0.9950547, 0.9950547], dtype=float32)
    """
    if not callable(f):
        raise TypeError(f"jit: found {describe(f)}: expected a function")
    return update_wrapper(_Recorded(f, f"jit: {getattr(f, '__name__', 'function')}", False), f)


def doubles(tuple numbers not None):
    """The numbers as a float64 tensor of one axis."""
    cdef Py_ssize_t k, n = len(numbers)
    cdef Tensor t = new_tensor(PT_FLOAT64, 1, &n)
    for k in range(n):
        (<double *>t.data)[k] = numbers[k]
    return t


def jit_or(f, fallback, /):
    """Returns a function that replays a recording of f, or calls fallback where f can't be.

    It does so where recording f raises an error, what the program relies on does not hold, or a
    tape records, and at the first call with arguments of some shapes and dtypes. fallback takes the
    same arguments; it is called as if f had not been: what f has changed is as it was, and what
    call_each_time has returned it returns again.
    """
    cdef _Recorded recorded = _Recorded(f, "jit", False)
    recorded.fallback = fallback
    return recorded


# -------------------------------------------------------------------------- batch after batch


cdef struct Source:                 # of an argument that differs from batch to batch
    int argument
    bint is_gathered                # by rows, otherwise a part of data
    char *data
    pt_dtype dtype, target
    Py_ssize_t row_length, row_bytes
    Py_ssize_t n_rows               # in a batch
    char *batch                     # where rows are gathered


cdef struct Term:                   # of a sum over batches: sum += value * factor / divisor
    const char *data                # NULL: a constant
    int type
    double value, factor, divisor, total


cdef extern from "Python.h":
    int let_signals_raise "PyErr_CheckSignals"() except -1


def run_batches(_Recorded recorded not None, tuple args, list data, order, Py_ssize_t start,
                Py_ssize_t n_rows, Py_ssize_t n_batches, terms, list progress not None):
    """Runs a function that jit_or made on batch after batch of some data.

    It stops before a batch in which something does not hold that the program relies on.

    Args:
        recorded: The function.
        args: Its arguments for the first batch. Its tensors are overwritten where order is given.
        data: For each tensor in args, the tensor (n, ...) that it is some rows of; or one with a
            row for each batch, if that is all of the argument.
        order: The row numbers, checked; None for 0, 1, 2 ...
        start: Where in the order the first batch begins.
        n_rows: The rows of a batch.
        n_batches: How many batches there are.
        terms: terms(result) returns what to add up over batches, a list of (value, factor, divisor,
            total): total += value * factor / divisor. Values are tensors in the result, or numbers.
        progress: A list that gets the number of batches done, then the totals, also if an error is
            raised.

    Returns:
        Whether it could be done; if not, nothing has happened.
    """
    cdef _Recording recording
    cdef _Program program
    cdef list leaves = [], results = [], found
    cdef _Memory scratch = _Memory.__new__(_Memory)
    cdef Source *sources
    cdef Term *sums
    cdef Py_ssize_t k, i, done = 0, n_sources, n_terms
    cdef const int64_t *rows = NULL
    cdef char **buffers
    cdef char *memory
    cdef Tensor t, source
    if innermost_trace != NULL or recording_mask:
        return False
    recording = recorded.find(args, (), leaves)
    if recording is None or recording.program is None or len(leaves) != len(data):
        return False
    program = recording.program
    if program.calls:
        return False
    if order is not None:
        if (<Tensor?>order).type != PT_INT64 or not (<Tensor>order).contiguous:
            return False
        rows = <int64_t *>(<Tensor>order).data
    n_sources = len(leaves)
    sources = <Source *>scratch.take(n_sources * sizeof(Source))
    for k in range(n_sources):
        t, source = leaves[k], data[k]
        if not (t.contiguous and source.contiguous and source.ndim > 0) or not set_source(
                &sources[k], t, source, n_rows, rows != NULL):
            return False
        for other in program.captured:
            if program.writes and (overlap(t, <Tensor>other) or overlap(source, <Tensor>other)):
                return False
        sources[k].argument = -1
        for i in range(program.n_buffers):
            if program.arguments[i] == k:
                sources[k].argument = <int>i
    buffers = <char **>scratch.take(program.n_buffers * sizeof(char *))
    memory = <char *>pt_alloc(max(program.n_bytes, 1))
    if memory == NULL:
        raise MemoryError(f"no memory for a tensor of a program ({program.n_bytes} bytes)")
    try:
        program.set_buffers(buffers, memory, leaves, results)
        found = terms(filled_in(recording.result, results))
        n_terms = len(found)
        sums = <Term *>scratch.take(n_terms * sizeof(Term))
        for k in range(n_terms):
            value, sums[k].factor, sums[k].divisor, sums[k].total = found[k]
            if isinstance(value, Tensor):
                t = <Tensor>value
                if t.size != 1 or t.type not in (PT_FLOAT32, PT_FLOAT64, PT_INT64):
                    return False
                sums[k].data = t.data
                sums[k].type = t.type
            else:
                sums[k].value = value
        try:
            while done < n_batches:
                for k in range(n_sources):
                    if sources[k].argument >= 0:
                        buffers[sources[k].argument] = batch_of(&sources[k], rows, start, n_rows,
                                                                done)
                if not program.run_steps(buffers, None):
                    break
                add_terms(sums, n_terms)
                done += 1
                let_signals_raise()
        finally:
            if program.writes:
                for t in program.captured:
                    bump_version(t)
            progress.append(done)
            for k in range(n_terms):
                progress.append(sums[k].total)
    finally:
        pt_free(memory, max(program.n_bytes, 1))
    return True


cdef bint set_source(Source *s, Tensor t, Tensor data, Py_ssize_t n_rows, bint in_order) noexcept:
    """Whether batches like t, which is one, can be made of data."""
    cdef Py_ssize_t item = <Py_ssize_t>pt_dtype_size[data.type], length = 1
    cdef int d
    for d in range(1, data.ndim):
        length *= data.dims[d]
    s.data = data.data
    s.dtype = <pt_dtype>data.type
    s.target = <pt_dtype>t.type
    s.row_length = length
    s.row_bytes = length * item
    s.batch = t.data
    s.n_rows = n_rows
    if t.size == length and t.ndim == data.ndim - 1:    # a row is what one batch gets
        s.n_rows = 0
        return t.type == data.type
    s.is_gathered = in_order
    return t.size == n_rows * length and t.ndim == data.ndim and (in_order or t.type == data.type)


cdef inline char *batch_of(const Source *s, const int64_t *rows, Py_ssize_t start,
                           Py_ssize_t n_rows, Py_ssize_t done) noexcept:
    """The address of an argument for a batch, whose rows are gathered if need be."""
    if s.n_rows == 0:
        return s.data + done * s.row_bytes
    start += done * n_rows
    if not s.is_gathered:
        return s.data + start * s.row_bytes
    with nogil:
        pt_gather_rows(s.dtype, s.data, s.row_length, rows + start, n_rows, s.target, 1.0, s.batch)
    return s.batch


cdef inline void add_terms(Term *terms, Py_ssize_t n) noexcept:
    cdef Py_ssize_t k
    cdef double value
    for k in range(n):
        if terms[k].data == NULL:
            value = terms[k].value
        elif terms[k].type == PT_FLOAT32:
            value = (<const float *>terms[k].data)[0]
        elif terms[k].type == PT_FLOAT64:
            value = (<const double *>terms[k].data)[0]
        else:
            value = <double>(<const int64_t *>terms[k].data)[0]
        terms[k].total += value * terms[k].factor / terms[k].divisor


# ------------------------------------------------------------------------ looking at programs

cdef tuple KIND_NAMES = ("argument", "captured", "constant", "temporary", "result")
cdef dict STEP_NAMES = {
    PT_STEP_COPY: "copy", PT_STEP_MATMUL: "matmul", PT_STEP_DENSE: "linear",
    PT_STEP_DENSE_GRADIENT: "linear's gradient", PT_STEP_SOFTMAX: "softmax",
    PT_STEP_LOG_SOFTMAX: "log_softmax", PT_STEP_CROSS_ENTROPY: "softmax_cross_entropy",
    PT_STEP_SPARSE_CROSS_ENTROPY: "sparse_softmax_cross_entropy",
    PT_STEP_CHECK_ROWS: "check indices", PT_STEP_GATHER: "take rows",
}


def programs_of(recorded):
    """The programs of a function made by jit or fuse, for those who show them.

    Returns:
        A list, the most recently used one first, of (arguments, memory, buffers, steps). memory: in
        bytes. buffers: (kind, dtype, shape, offset in the memory or -1). steps: (name, shape,
        numbers of the buffers it reads, of those it writes, operations of a fused step as (name,
        operands, result), parts of a loop or a branch as (memory, buffers, steps)); operands are
        (buffer or -1, number of an operation or -1).
    """
    cdef _Recording recording
    cdef list programs = []
    if not isinstance(recorded, _Recorded):
        raise TypeError(f"found {describe(recorded)}: expected a function made by jit or fuse")
    for recording in (<_Recorded>recorded).recordings:
        if (<_Recording>recording).program is None:
            continue
        programs.append((recording.models, *described_program(recording.program)))
    return programs


cdef tuple described_program(_Program program):
    cdef list buffers = [], steps = [], parts
    cdef _Step step
    cdef Py_ssize_t k
    for k in range(program.n_buffers):
        kind, dtype, dims = program.kinds[k]
        buffers.append((KIND_NAMES[kind], str(DTYPES[dtype]), dims, program.offsets[k]))
    for step in program.planned:
        parts = []
        for part in step.parts or ():
            parts.append(described_program((<_Part>part).program))
        steps.append((step_name(step), step.shape, [place[0] for place in step.ins],
                      [place[0] for place in step.outs],
                      fused_operations(<_Fused>step.check) if step.kind == PT_STEP_FUSED else [],
                      parts))
    return program.peak_bytes, buffers, steps


cdef str step_name(_Step step):
    if step.kind == PT_STEP_FUSED:
        return "fused"
    if step.kind == PT_STEP_KERNEL:
        return step.name
    if step.kind == PT_STEP_ELEMENTWISE:
        return row_name(step.op)
    if step.kind == PT_STEP_CUMULATE:
        return f"cumulative {row_name(step.op + PT_OP_COUNT)}"
    if step.kind == PT_STEP_REDUCE:
        return row_name(step.op + PT_OP_COUNT)
    if step.kind == PT_STEP_CALL:
        return f"{step.call.name} (Python)"
    if step.kind == PT_STEP_COPY and step.ins[0][2] != step.outs[0][2]:
        return f"as {DTYPES[step.outs[0][2]]}"
    return STEP_NAMES[step.kind]


cdef list fused_operations(_Fused fused):
    """(name, [(buffer, -1) or (-1, number of an earlier operation)], result buffer or -1)."""
    cdef list operations = [], operands
    cdef dict numbers = {}
    made = {key: number for number, key in fused.made.items()}
    for k, (row, compute, result, keys, out) in enumerate(fused.ops):
        operands = []
        for key in keys:
            operands.append((-1, numbers[key]) if key in numbers else (fused.places[key[1]], -1))
        numbers[out] = k
        operations.append((f"as {DTYPES[result]}" if row == CONVERSION else row_name(row),
                           operands, made.get(out, -1)))
    return operations
