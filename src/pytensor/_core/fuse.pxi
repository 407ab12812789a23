# fuse: traces a function of tensors, and computes it in one pass over memory.
#
# The function runs once on stand-ins, tensors with a shape and a dtype but without elements. An
# element-wise call on a stand-in adds a node to the trace instead of computing; so do astype and
# broadcast_to; everything else rejects stand-ins (refuse_traced). The trace becomes a program of
# stages, one per shape that occurs, each one call of pt_fused. So values smaller than the result
# are computed once, before it, and a fused function never does more work than the original.
#
# Programs are cached by the shapes and dtypes of the arguments: the function may inspect them, and
# users see its own errors about them.

from functools import update_wrapper

from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy

cdef extern from *:
    """
    static _Thread_local PyObject *innermost_trace;
    """
    PyObject *innermost_trace       # borrowed from the call that traces

cdef enum:
    CONVERSION = -1                 # pt_fused's number for it
    INPUT = -2
    # The programs that a fused function keeps, the most recently used ones. Checking one takes a
    # few ns, tracing again about 10 us.
    MAX_PROGRAMS = 32


cdef inline int refuse_traced(Tensor t, str name) except -1:
    """Rejects stand-ins; called by everything that fuse can't trace."""
    if t.traced:
        raise TypeError(f"fuse: {name} is not element-wise (while fuse traces a function, its "
                        "tensors have a shape and a dtype, but no elements)")
    return 0


# ------------------------------------------------------------------------------- the trace


cdef class _Node:
    """One value of the function: an op's result, a conversion, or an input as some dtype."""

    cdef int row                    # or CONVERSION, INPUT
    cdef int type
    cdef tuple operands             # numbers of nodes, all of the loop's dtype
    cdef tuple shape
    cdef Py_ssize_t source          # of an input: its number among the tensors of a run


cdef class _Trace:
    """What a function computes. A run numbers its tensors: arguments, captured ones, results."""

    cdef list nodes
    cdef dict known                 # definition of a node -> its number: equal values are one node
    cdef dict numbers               # id of a tensor -> number of its node
    cdef list kept                  # keeps these ids valid
    cdef list types                 # dtype of each source
    cdef list captured              # tensors and numbers that are not arguments

    def __cinit__(self):
        self.nodes = []
        self.known = {}
        self.numbers = {}
        self.kept = []
        self.types = []
        self.captured = []

    cdef Py_ssize_t add(self, int row, int type, tuple operands, tuple shape,
                        Py_ssize_t source=-1) except -1:
        cdef _Node node
        key = (row, type, operands, shape, source)
        number = self.known.get(key)
        if number is None:
            node = _Node.__new__(_Node)
            node.row = row
            node.type = type
            node.operands = operands
            node.shape = shape
            node.source = source
            number = self.known[key] = len(self.nodes)
            self.nodes.append(node)
        return number

    cdef Tensor stand_in(self, Py_ssize_t number, int type, int ndim, const Py_ssize_t *dims):
        """A new stand-in for a node, of any shape that the node's shape broadcasts to."""
        cdef Tensor t = Tensor.__new__(Tensor)
        cdef int d
        t.size = count_elements(ndim, dims, pt_dtype_size[type])
        t.traced = True
        t.contiguous = False        # keeps it off the fast paths
        t.type = type
        t.ndim = ndim
        for d in range(ndim):
            t.dims[d] = dims[d]     # the strides are 0
        self.numbers[<uintptr_t><PyObject *>t] = number
        self.kept.append(t)
        return t

    cdef object argument(self, object value):
        """The object to call the function with for the next argument."""
        cdef Tensor t
        cdef Py_ssize_t source = len(self.types)
        if not isinstance(value, Tensor):
            self.types.append(None)
            return value
        t = <Tensor>value
        check_real_trace(t)
        self.types.append(t.type)
        return self.stand_in(self.add(INPUT, t.type, (), t.shape, source), t.type, t.ndim, t.dims)

    cdef Py_ssize_t capture(self, Tensor t) except -1:
        """The number of a new node for a tensor from outside the function."""
        cdef Py_ssize_t source = len(self.types)
        check_real_trace(t)
        self.types.append(t.type)
        self.captured.append(t)
        return self.add(INPUT, t.type, (), t.shape, source)

    cdef Py_ssize_t number_of(self, Tensor t) except -1:
        number = self.numbers.get(<uintptr_t><PyObject *>t)
        if number is None:
            if t.traced:
                raise stray_error()
            number = self.numbers[<uintptr_t><PyObject *>t] = self.capture(t)
            self.kept.append(t)
        return number

    cdef Py_ssize_t number_of_scalar(self, int type, const char *at) except -1:
        """The number of the node for a Python number, stored at at."""
        cdef Tensor t
        key = (type, at[:pt_dtype_size[type]])
        number = self.known.get(key)
        if number is None:
            t = new_tensor(type, 0, NULL)
            memcpy(t.data, at, pt_dtype_size[type])
            number = self.known[key] = self.capture(t)
        return number

    cdef Py_ssize_t convert(self, Py_ssize_t number, int type) except -1:
        cdef _Node node = <_Node>self.nodes[number]
        if node.type == type:
            return number
        if node.row == INPUT and node.type == self.types[node.source]:
            return self.add(INPUT, type, (), node.shape, node.source)  # converted when loaded
        return self.add(CONVERSION, type, (number,), node.shape)

    cdef Py_ssize_t output(self, Tensor t) except -1:
        """The number of a node for a result: of t's shape, and not an input."""
        cdef Py_ssize_t number = self.number_of(t)
        cdef _Node node = <_Node>self.nodes[number]
        if node.row == INPUT or node.shape != t.shape:
            number = self.add(CONVERSION, t.type, (number,), t.shape)
        return number


cdef int check_real_trace(Tensor t) except -1:
    if kind_of(t.type) == KIND_COMPLEX:
        raise TypeError(f"fuse: a tensor of dtype {t.dtype}: expected real numbers or booleans")
    return 0


cdef object stray_error():
    return TypeError("fuse: leaked tensor: it was made while fuse traced a function, and is used "
                     "outside the traced function")


cdef _Trace current_trace():
    if innermost_trace == NULL:
        raise stray_error()
    return <_Trace><object>innermost_trace


cdef Tensor trace_elementwise(int row, int compute, int type, int ndim, const Py_ssize_t *dims,
                              const Inputs *inputs, list values):
    """A stand-in for the result of an element-wise call; see elementwise_general."""
    cdef _Trace trace = current_trace()
    cdef Py_ssize_t number
    cdef int i
    operands = []
    for i in range(inputs.n):
        if isinstance(values[i], Tensor):
            number = trace.number_of(<Tensor>values[i])
        else:
            number = trace.number_of_scalar(inputs.operands[i].dtype, inputs.operands[i].data)
        operands.append(trace.convert(number, compute))
    number = trace.add(row, type, tuple(operands), shape_tuple(ndim, dims))
    return trace.stand_in(number, type, ndim, dims)


cdef Tensor trace_conversion(Tensor t, int type):
    """A stand-in for t converted to another dtype."""
    cdef _Trace trace = current_trace()
    return trace.stand_in(trace.convert(trace.number_of(t), type), type, t.ndim, t.dims)


cdef Tensor trace_again(Tensor t, int ndim, const Py_ssize_t *dims):
    """Another stand-in for the same elements, broadcast to a shape."""
    cdef _Trace trace = current_trace()
    return trace.stand_in(trace.number_of(t), t.type, ndim, dims)


# ------------------------------------------------------------------------------- the stages


cdef class _Stage:
    """Everything of one shape that a program computes, as one call of pt_fused."""

    cdef pt_program program
    cdef pt_fused_op *ops
    cdef Py_ssize_t sources[PT_FUSE_MAX_INPUTS]     # numbers of tensors of the run
    cdef int ndim
    cdef Py_ssize_t size
    cdef Py_ssize_t dims[PT_MAX_NDIM]

    def __dealloc__(self):
        free(self.ops)

    cdef int plan(self, _Trace trace, list members, dict places, list outputs) except -1:
        """members: the numbers of the nodes, in order. places: for results of earlier stages, node
        -> number of the tensor. outputs: the members to keep, in order."""
        cdef _Node node = <_Node>trace.nodes[members[0]]
        self.ndim = read_shape(node.shape, self.dims)
        self.size = count_elements(self.ndim, self.dims, 1)
        self.ops = <pt_fused_op *>malloc(len(members) * sizeof(pt_fused_op))
        if self.ops == NULL:
            raise MemoryError(f"fuse: no memory for a program of {len(members)} operations")
        self.program.ops = self.ops
        self.program.n_ops = <int>len(members)
        last_use = {}               # node -> index of the last member that reads it
        slots = self.take_inputs(trace, members, places, last_use)
        self.place_outputs(trace, outputs, slots)
        self.write_ops(trace, members, slots, last_use)
        return 0

    cdef dict take_inputs(self, _Trace trace, list members, dict places, dict last_use):
        """Assigns slots to values from outside the stage: node -> slot. Fills last_use too."""
        cdef _Node operand
        cdef Py_ssize_t i, number
        cdef int slot
        inputs = {}
        inside = set(members)
        for i, number in enumerate(members):
            for other in (<_Node>trace.nodes[number]).operands:
                last_use[other] = i
                if other not in inside and other not in inputs:
                    inputs[other] = len(inputs)
        check_limit(len(inputs), PT_FUSE_MAX_INPUTS, "inputs and numbers",
                    (<_Node>trace.nodes[members[0]]).shape)
        self.program.n_inputs = <int>len(inputs)
        for other, slot in inputs.items():
            operand = <_Node>trace.nodes[other]
            self.sources[slot] = operand.source if operand.row == INPUT else places[other]
            self.program.inputs[slot] = <pt_dtype>operand.type
            self.needs_room_for(operand.type)
        return inputs

    cdef int place_outputs(self, _Trace trace, list outputs, dict slots) except -1:
        """Assigns slots to the results that outlive the stage, after those of the inputs."""
        cdef Py_ssize_t i, number
        check_limit(len(outputs), PT_FUSE_MAX_OUTPUTS, "results", shape_tuple(self.ndim, self.dims))
        for i, number in enumerate(outputs):
            slots[number] = self.program.n_inputs + i
            self.program.outputs[i] = <pt_dtype>(<_Node>trace.nodes[number]).type
        self.program.n_outputs = <int>len(outputs)
        return 0

    cdef int write_ops(self, _Trace trace, list members, dict slots, dict last_use) except -1:
        """Writes the calls, each with a slot for its result: the slot of an operand that is no
        longer used, if there is one, otherwise another temporary."""
        cdef _Node node
        cdef pt_fused_op *op
        cdef int type, first = self.program.n_inputs + self.program.n_outputs
        cdef Py_ssize_t i, number
        unused = []                 # temporaries whose values are no longer used
        for i, number in enumerate(members):
            node = <_Node>trace.nodes[number]
            type = (<_Node>trace.nodes[node.operands[0]]).type
            op = &self.ops[i]
            op.op = node.row
            op.compute = <pt_dtype>type
            op.result = <pt_dtype>node.type
            self.needs_room_for(node.type)
            for k, other in enumerate(node.operands):
                op.slots[<int>k] = slots[other]
            done = {slots[other] for other in node.operands
                    if last_use[other] == i and slots[other] >= first}
            # the result may overwrite an operand if their elements have the same size
            if pt_dtype_size[type] == pt_dtype_size[node.type]:
                unused += done
                done = ()
            if number not in slots:
                if not unused:
                    unused.append(first + self.program.n_temporaries)
                    self.program.n_temporaries += 1
                slots[number] = unused.pop()
            unused += done
            op.slots[<int>len(node.operands)] = slots[number]
        check_limit(self.program.n_temporaries, PT_FUSE_MAX_TEMPORARIES, "temporaries",
                    node.shape)
        return 0

    cdef void needs_room_for(self, int type) noexcept:
        self.program.item = max(self.program.item, pt_dtype_size[type])

    cdef int run(self, list tensors) except -1:
        """Computes the stage and appends its results to the tensors of the run."""
        cdef pt_operand operands[PT_FUSE_MAX_INPUTS]
        cdef Py_ssize_t steps[PT_FUSE_MAX_INPUTS][PT_MAX_NDIM]
        cdef char *out[PT_FUSE_MAX_OUTPUTS]
        cdef Tensor t
        cdef int k, ndim = self.ndim
        cdef const Py_ssize_t *dims = self.dims
        cdef bint flat = True
        for k in range(self.program.n_inputs):
            t = <Tensor>tensors[self.sources[k]]
            operands[k] = operand_of(t)
            flat = flat and (t.contiguous and t.size == self.size or t.size == 1)
        if flat:                    # the common case: a single axis
            ndim = 1
            dims = &self.size
        for k in range(self.program.n_inputs):
            t = <Tensor>tensors[self.sources[k]]
            if flat:
                steps[k][0] = <Py_ssize_t>pt_dtype_size[t.type] if t.size == self.size else 0
                operands[k].strides = steps[k]
            else:
                broadcast_steps(&operands[k], t.ndim, t.dims, ndim, dims, steps[k])
        for k in range(self.program.n_outputs):
            t = new_tensor(self.program.outputs[k], self.ndim, self.dims)
            tensors.append(t)
            out[k] = t.data
        if self.size * self.program.n_ops < NOGIL_ELEMENTS:
            pt_fused(&self.program, ndim, dims, operands, out)
        else:
            with nogil:
                pt_fused(&self.program, ndim, dims, operands, out)
        return 0


cdef int check_limit(Py_ssize_t n, Py_ssize_t limit, str what, tuple shape) except -1:
    if n > limit:
        raise ValueError(f"fuse: the function has {n} {what} for its values of shape {shape}: "
                         f"expected at most {limit}")
    return 0


cdef class _Program:
    """The computation for arguments of certain shapes and dtypes."""

    cdef tuple arguments            # a stand-in for each tensor; the value of each other argument
    cdef tuple names                # names of the last ones, given by keyword
    cdef list captured
    cdef list stages
    cdef object result              # the function's result, with numbers in place of tensors

    cdef int plan(self, _Trace trace, object result) except -1:
        cdef _Node node
        cdef _Stage stage
        cdef list wanted = []
        self.captured = trace.captured
        collect_outputs(trace, result, wanted)
        live = set()
        waiting = list(wanted)
        while waiting:
            number = waiting.pop()
            node = <_Node>trace.nodes[number]
            if node.row != INPUT and number not in live:
                live.add(number)
                waiting += node.operands
        shapes = {}                 # shape -> its nodes, in order
        kept = set(wanted)          # the nodes that outlive their stage
        for number in sorted(live):
            node = <_Node>trace.nodes[number]
            shapes.setdefault(node.shape, []).append(number)
            kept.update([other for other in node.operands
                         if (<_Node>trace.nodes[other]).shape != node.shape and other in live])
        # A shape that broadcasts to another has fewer axes, or more axes of length 1.
        order = []
        for shape in shapes:
            order.append((len(shape), len(shape) - shape.count(1), shape))
        order.sort()
        places = {}
        n_tensors = len(trace.types)
        self.stages = []
        for _, _, shape in order:
            outputs = [number for number in shapes[shape] if number in kept]
            stage = _Stage.__new__(_Stage)
            stage.plan(trace, shapes[shape], places, outputs)
            self.stages.append(stage)
            places.update(zip(outputs, range(n_tensors, n_tensors + len(outputs))))
            n_tensors += len(outputs)
        self.result = replaced(result, {number: places[number] for number in wanted}, trace)
        return 0

    cdef bint serves(self, tuple args, tuple names):
        """Whether the program fits these arguments."""
        cdef Py_ssize_t i
        cdef Tensor t, known
        if len(args) != len(self.arguments) or names != self.names:
            return False
        for i in range(len(args)):
            if type(args[i]) is Tensor and type(self.arguments[i]) is Tensor:
                t = <Tensor>args[i]
                known = <Tensor>self.arguments[i]
                if t.type != known.type or t.ndim != known.ndim or not same_dims(t, known):
                    return False
            elif not same_value(args[i], self.arguments[i]):
                return False
        return True

    cdef object run(self, tuple args):
        cdef list tensors = list(args)
        tensors += self.captured
        for stage in self.stages:
            (<_Stage>stage).run(tensors)
        if type(self.result) is int:
            return tensors[self.result]
        return filled_in(self.result, tensors)


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


cdef int collect_outputs(_Trace trace, object result, list wanted, int depth=0) except -1:
    """Appends the numbers of the nodes that the function returns."""
    check_depth(depth, "fuse")
    if isinstance(result, Tensor):
        wanted.append(trace.output(<Tensor>result))
    elif isinstance(result, (list, tuple)):
        for part in result:
            collect_outputs(trace, part, wanted, depth + 1)
    elif isinstance(result, dict):
        for part in result.values():
            collect_outputs(trace, part, wanted, depth + 1)
    else:
        raise TypeError(f"fuse: the function returned {describe(result)}: expected a tensor, or a "
                        "tuple, list or dictionary of them")
    return 0


cdef object replaced(object result, dict places, _Trace trace):
    """result with numbers of tensors in place of stand-ins."""
    # no deeper than collect_outputs, which ran before
    if isinstance(result, Tensor):
        return places[trace.output(<Tensor>result)]
    if isinstance(result, dict):
        return {key: replaced(part, places, trace) for key, part in result.items()}
    parts = []
    for part in result:
        parts.append(replaced(part, places, trace))
    return rebuilt(result, parts)


cdef object filled_in(object result, list tensors):
    """result with tensors in place of their numbers."""
    if type(result) is int:
        return tensors[result]
    if isinstance(result, dict):
        return {key: filled_in(part, tensors) for key, part in result.items()}
    parts = []
    for part in result:
        parts.append(filled_in(part, tensors))
    return rebuilt(result, parts)


cpdef object rebuilt(object model, list parts):
    """The parts as an object of model's type: a list, a tuple or a named tuple."""
    if isinstance(model, list):
        return parts
    return type(model)(*parts) if hasattr(model, "_fields") else tuple(parts)


# ------------------------------------------------------------------------- the fused function


cdef class _Fused:
    """A fused function."""

    cdef object function
    cdef list programs              # the most recently used comes first
    cdef dict __dict__              # filled by update_wrapper
    cdef object __weakref__

    def __cinit__(self, function):
        self.function = function
        self.programs = []

    def __call__(self, *args, **kwargs):
        cdef _Program program
        cdef tuple names = ()
        cdef Tensor t
        cdef unsigned long long tracked = 0
        cdef bint traced = False
        if kwargs:
            names = tuple(kwargs)
            args += tuple(kwargs.values())
        for value in args:
            if type(value) is not Tensor:
                args = as_arguments(args)
                break
        for value in args:
            if type(value) is Tensor:
                tracked |= (<Tensor>value).tracked
                traced = traced or (<Tensor>value).traced
        if traced:                  # another fused function calls this one
            return self.original(args, names)
        program = self.program_for(args, names)
        if recording_mask:
            for t in program.captured:
                tracked |= t.tracked
            if recording_mask & tracked:
                return self.original(args, names)
        return program.run(args)

    def _repr_html_(self):
        cdef list programs = []
        for program in self.programs:
            programs.append((<_Program>program).arguments)
        return HANDED_DOWN["html"]().fused(getattr(self, "__name__", "function"), programs)

    cdef object original(self, tuple args, tuple names):
        cdef Py_ssize_t n = len(args) - len(names)
        return self.function(*args[:n], **dict(zip(names, args[n:])))

    cdef _Program program_for(self, tuple args, tuple names):
        cdef _Program program
        cdef Py_ssize_t i
        for i in range(len(self.programs)):
            program = <_Program>self.programs[i]
            if program.serves(args, names):
                if i > 0:
                    self.programs.insert(0, self.programs.pop(i))
                return program
        program = self.traced_program(args, names)
        self.programs.insert(0, program)
        del self.programs[MAX_PROGRAMS:]
        return program

    cdef _Program traced_program(self, tuple args, tuple names):
        global innermost_trace
        cdef _Trace trace = _Trace.__new__(_Trace)
        cdef _Program program = _Program.__new__(_Program)
        cdef PyObject *outer_trace = innermost_trace
        cdef GradientTape outer_tape = innermost()
        cdef list arguments = []
        for value in args:
            arguments.append(trace.argument(value))
        program.arguments = tuple(arguments)
        program.names = names
        record_from(None)           # tapes must not record a trace
        innermost_trace = <PyObject *>trace
        try:
            result = self.original(program.arguments, names)
            program.plan(trace, result)
        finally:
            innermost_trace = outer_trace
            record_from(outer_tape)
        return program


cdef tuple as_arguments(tuple values):
    cdef list arguments = []
    for value in values:
        arguments.append(as_argument(value))
    return tuple(arguments)


cdef object as_argument(object value):
    """An argument as a tensor or a constant of the program."""
    if type(value) is Tensor or value is None or isinstance(value, str):
        return value
    if scalar_kind(value) != NOT_SCALAR:
        return value
    if is_numpys(value):
        return as_tensor(value, "fuse")
    raise TypeError(f"fuse: an argument is {describe(value)}: expected a tensor, an ndarray, a "
                    "number, a string or None")


def fuse(f, /):
    """Returns a function that computes the same as f, in one pass over memory.

    Temporary values stay in the L1 cache instead of passing through memory: `a * b + c * exp(d)` on
    large tensors takes half the time. While a GradientTape records a tensor that f reads, f itself
    runs, so gradients are those of f.

    f is traced once for each combination of its arguments' shapes and dtypes: it runs on tensors
    without elements, and must do the same each time. Printing and random numbers happen only then.
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
        ValueError: At the first call, for more than 32 inputs and numbers, 16 results or 32
            temporaries of one shape.

    >>> f = pt.fuse(lambda x, y: pt.sqrt(x * x + y * y))
    >>> f(pt.asarray([3.0, 5.0]), pt.asarray([4.0, 12.0]))
    Tensor([ 5., 13.], dtype=float32)
    """
    if not callable(f):
        raise TypeError(f"fuse: found {describe(f)}: expected a function")
    return update_wrapper(_Fused(f), f)
