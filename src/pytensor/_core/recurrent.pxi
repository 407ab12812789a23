# Recurrent layers: all time steps in one call, forward and backward. The layers' module makes one
# operation of the two; no tape records them here.

cdef dict RECURRENCES = {"simple": (PT_RECURRENCE_SIMPLE, 1), "lstm": (PT_RECURRENCE_LSTM, 4),
                         "gru": (PT_RECURRENCE_GRU, 3)}


cdef class _Recurrence:
    """A recurrence and the tensors that it points to."""
    cdef pt_recurrence in_c
    cdef int gates, n_states
    cdef Tensor z, kernel, bias, mask, dropped
    cdef Tensor sequence, gates_of, extra
    cdef list states, last

    cdef Tensor operand(self, str what, object value, tuple shape, int dtype):
        """A tensor of that dtype and shape, in C order; None stays None."""
        cdef Tensor t = value
        if t is None:
            return None
        if t.shape != shape or t.type != dtype:
            raise ValueError(f"recurrence: {what} of shape {t.shape} and {t.dtype}: expected "
                             f"{shape} and {DTYPES[dtype]}")
        return as_contiguous(t, dtype)

    cdef Tensor new(self, tuple shape):
        """A new tensor, its elements not set."""
        cdef Py_ssize_t dims[PT_MAX_NDIM]
        cdef int d
        for d in range(len(shape)):
            dims[d] = shape[d]
        return new_tensor(<int>self.in_c.dtype, len(shape), dims)

    cdef list inputs(self):
        """What the recurrence reads, in the order of a step's operands."""
        return [self.z, self.kernel, *without_none([self.bias, self.mask, self.dropped]),
                *self.states]

    cdef list results(self):
        """What it writes, and the way back reads."""
        return [self.sequence, *self.last, *without_none([self.gates_of, self.extra])]

    cdef RecurrenceCall call(self):
        """The call without addresses."""
        cdef RecurrenceCall call
        memset(&call, 0, sizeof(call))          # programs compare its bytes
        call.in_c.kind, call.in_c.dtype = self.in_c.kind, self.in_c.dtype
        call.in_c.batch, call.in_c.steps = self.in_c.batch, self.in_c.steps
        call.in_c.units = self.in_c.units
        call.n_states = self.n_states
        call.has_bias = self.bias is not None
        call.has_mask = self.mask is not None
        call.has_dropped = self.dropped is not None
        return call


cdef list without_none(list values):
    return [value for value in values if value is not None]


cdef struct RecurrenceCall:             # a call of a recurrence, for programs
    pt_recurrence in_c
    int n_states
    bint has_bias, has_mask, has_dropped, has_d_sequence
    bint has_d_last[2]


cdef const pt_operand *set_recurrence(pt_recurrence *r, const RecurrenceCall *call,
                                      const pt_operand *o) noexcept nogil:
    """Fills in the addresses of what goes forward; returns the operands that follow."""
    cdef int k
    r[0] = call.in_c
    r.z, r.kernel = o[0].data, o[1].data
    o += 2
    if call.has_bias:
        r.bias = o.data
        o += 1
    if call.has_mask:
        r.mask = <const uint8_t *>o.data
        o += 1
    if call.has_dropped:
        r.dropped = o.data
        o += 1
    for k in range(call.n_states):
        r.states[k] = o[k].data
        r.last[k] = o[call.n_states + 1 + k].data
    r.sequence = o[call.n_states].data
    o += 2 * call.n_states + 1
    if r.kind != PT_RECURRENCE_SIMPLE:
        r.gates, r.extra = o[0].data, o[1].data
        o += 2
    return o


cdef pt_status run_recurrence_step(const void *parameters, const pt_operand *o) noexcept nogil:
    cdef pt_recurrence r
    set_recurrence(&r, <const RecurrenceCall *>parameters, o)
    return pt_recurrence_forward(&r)


cdef pt_status run_recurrence_gradient(const void *parameters,
                                       const pt_operand *o) noexcept nogil:
    cdef const RecurrenceCall *call = <const RecurrenceCall *>parameters
    cdef pt_recurrence r
    cdef int k
    o = set_recurrence(&r, call, o)
    if call.has_d_sequence:
        r.d_sequence = o.data
        o += 1
    for k in range(call.n_states):
        if call.has_d_last[k]:
            r.d_last[k] = o.data
            o += 1
    r.dz = o.data
    o += 1
    if r.kind == PT_RECURRENCE_GRU:
        r.dm = o.data
        o += 1
    for k in range(call.n_states):
        r.d_states[k] = o[k].data
    return pt_recurrence_backward(&r)


cdef pt_status run_recurrence(pt_recurrence *in_c, bint is_backward) except PT_INTERRUPTED:
    cdef pt_status status = PT_OK
    if in_c.batch > 0 and in_c.units > 0:
        with nogil:
            status = (pt_recurrence_backward(in_c) if is_backward
                      else pt_recurrence_forward(in_c))
    return status


cdef const void *data_of(Tensor t) noexcept:
    return NULL if t is None else t.data


def recurrence(str kind, Tensor z not None, Tensor kernel not None, bias, states, mask, dropped):
    """Go through all time steps.

    Args:
        kind: "simple", "lstm" or "gru"; of 1, 4 and 3 gates.
        z: The inputs' products, (batch, steps, gates * units).
        kernel: The recurrent kernel, (units, gates * units).
        bias: What is added to the states' product, (gates * units,), of "gru"; or None.
        states: Those before the first step, each (batch, units).
        mask: Bool, (batch, steps): the steps that change the states; or None.
        dropped: Factors of the first state where it enters the product, (batch, units); or None.

    Returns:
        The first state after each step, (batch, steps, units); the list of last states; and what
        recurrence_gradient needs.

    Raises:
        ValueError: If shapes or dtypes do not match.
    """
    cdef _Recurrence r = _Recurrence.__new__(_Recurrence)
    cdef RecurrenceCall call
    cdef int dtype = z.type, k
    refuse_traced(z, "a recurrence")
    r.in_c.kind, r.gates = RECURRENCES[kind]
    r.n_states = 2 if r.in_c.kind == PT_RECURRENCE_LSTM else 1
    if kind_of(dtype) != KIND_FLOAT or z.ndim != 3 or kernel.ndim != 2:
        raise ValueError(f"recurrence: products of shape {z.shape} and {z.dtype}: expected "
                         "(batch, steps, gates * units) of floats")
    cdef Py_ssize_t batch = z.dims[0], steps = z.dims[1], units = kernel.dims[0]
    cdef Py_ssize_t width = r.gates * units
    r.in_c.dtype = <pt_dtype>dtype
    r.in_c.batch, r.in_c.steps, r.in_c.units = batch, steps, units
    r.z = r.operand("products", z, (batch, steps, width), dtype)
    r.kernel = r.operand("recurrent kernel", kernel, (units, width), dtype)
    r.bias = r.operand("bias", bias, (width,), dtype)
    r.mask = r.operand("mask", mask, (batch, steps), PT_BOOL)
    r.dropped = r.operand("dropped", dropped, (batch, units), dtype)
    if len(states) != r.n_states:
        raise ValueError(f"recurrence: {len(states)} states: expected {r.n_states}")
    r.states, r.last = [], []
    for state in states:
        r.states.append(r.operand("state", state, (batch, units), dtype))
        r.last.append(r.new((batch, units)))
    r.sequence = r.new((batch, steps, units))
    if r.in_c.kind != PT_RECURRENCE_SIMPLE:
        r.gates_of = r.new((batch, steps, width))
        r.extra = r.new((batch, steps, units))
    r.in_c.z, r.in_c.kernel, r.in_c.bias = r.z.data, r.kernel.data, data_of(r.bias)
    r.in_c.mask, r.in_c.dropped = <const uint8_t *>data_of(r.mask), data_of(r.dropped)
    r.in_c.sequence = r.sequence.data
    r.in_c.gates, r.in_c.extra = <void *>data_of(r.gates_of), <void *>data_of(r.extra)
    for k in range(r.n_states):
        r.in_c.states[k] = (<Tensor>r.states[k]).data
        r.in_c.last[k] = (<Tensor>r.last[k]).data
    if innermost_trace != NULL and batch > 0:
        call = r.call()
        current_trace().run_kernel("recurrence", run_recurrence_step, <const char *>&call,
                                   sizeof(call), r.inputs(), r.results())
    else:
        check_memory(run_recurrence(&r.in_c, False), "recurrence")
    return r.sequence, r.last, r


def recurrence_gradient(_Recurrence r not None, d_sequence, d_last):
    """Go back through all time steps.

    Args:
        r: What recurrence returned last.
        d_sequence: The gradient of the first state after each step, or None for zeros.
        d_last: Those of the last states, each may be None.

    Returns:
        The gradients of z, of the states' product (which is that of z but for "gru"), and a list of
        those of the states before the first step.
    """
    cdef pt_recurrence c = r.in_c  # a copy: threads may go back through one recurrence
    cdef RecurrenceCall call
    cdef int dtype = <int>c.dtype, k
    cdef Py_ssize_t batch = c.batch, steps = c.steps, units = c.units
    cdef Tensor dz = r.new((batch, steps, r.gates * units)), dm = dz
    cdef list d_states = [], kept = []
    cdef Tensor g = r.operand("gradient", d_sequence, (batch, steps, units), dtype)
    if len(d_last) != r.n_states:
        raise ValueError(f"recurrence_gradient: {len(d_last)} gradients: expected {r.n_states}")
    c.d_sequence = data_of(g)
    c.dz, c.dm = dz.data, NULL
    if c.kind == PT_RECURRENCE_GRU:
        dm = r.new((batch, steps, r.gates * units))
        c.dm = dm.data
    for k in range(r.n_states):
        kept.append(r.operand("gradient", d_last[k], (batch, units), dtype))
        c.d_last[k] = data_of(kept[k])
        d_states.append(r.new((batch, units)))
        c.d_states[k] = (<Tensor>d_states[k]).data
    if innermost_trace != NULL and batch > 0:
        call = r.call()
        call.has_d_sequence = g is not None
        for k in range(r.n_states):
            call.has_d_last[k] = kept[k] is not None
        current_trace().run_kernel("recurrence's gradient", run_recurrence_gradient,
                                   <const char *>&call, sizeof(call),
                                   r.inputs() + r.results() + without_none([g, *kept]),
                                   [dz] + ([] if dm is dz else [dm]) + d_states)
    else:
        check_memory(run_recurrence(&c, True), "recurrence")
    return dz, dm, d_states
