# Attention: the calls of the kernels in networks/attention.c. The functions' module makes one
# operation of the two; nothing here is recorded on tapes.

cdef struct AttentionCall:              # a call of a kernel, for recorded programs
    bint with_mask, is_gradient
    pt_attention shape


cdef pt_status run_attention(const void *parameters, const pt_operand *o) noexcept nogil:
    """Operands: q, k, v, the mask if there is one, g if it is the gradient, the result."""
    cdef const AttentionCall *call = <const AttentionCall *>parameters
    cdef int next_one = 4 if call.with_mask else 3
    cdef const uint8_t *mask = <const uint8_t *>o[3].data if call.with_mask else NULL
    if call.is_gradient:
        return pt_attention_gradient(&call.shape, o[0].data, o[1].data, o[2].data, mask,
                                     o[next_one].data, o[next_one + 1].data)
    return pt_attention_forward(&call.shape, o[0].data, o[1].data, o[2].data, mask,
                                o[next_one].data)


cdef Tensor attention_call(str name, Tensor g, Tensor q, Tensor k, Tensor v, Tensor mask,
                           double scale, bint is_causal):
    """The result, or, if g is not None, the gradients."""
    cdef AttentionCall call
    cdef pt_operand operands[6]
    cdef int dtype = q.type, n = 0, d
    cdef Py_ssize_t dims[PT_MAX_NDIM]
    cdef Tensor t, out
    cdef list inputs
    cdef pt_status status
    if (kind_of(dtype) != KIND_FLOAT or k.type != dtype or v.type != dtype or q.ndim != 4
            or k.ndim != 4 or v.ndim != 4 or k.shape[:3] != v.shape[:3] or q.shape[0] != k.shape[0]
            or q.shape[2:] != k.shape[2:]):
        raise ValueError(f"{name}: shapes {q.shape}, {k.shape} and {v.shape} of {q.dtype}, "
                         f"{k.dtype} and {v.dtype}: expected (batch, length, heads, size) of one "
                         "floating-point dtype")
    memset(&call, 0, sizeof(call))
    call.is_gradient = g is not None
    call.shape.dtype = <pt_dtype>dtype
    call.shape.is_causal = is_causal
    call.shape.batch, call.shape.queries = q.dims[0], q.dims[1]
    call.shape.heads, call.shape.size = q.dims[2], q.dims[3]
    call.shape.keys, call.shape.value_size = k.dims[1], v.dims[3]
    call.shape.scale = scale
    inputs = [as_contiguous(q, dtype), as_contiguous(k, dtype), as_contiguous(v, dtype)]
    if mask is not None:
        if mask.ndim > 4:
            raise ValueError(f"{name}: mask of shape {mask.shape}: expected at most 4 axes")
        full = (q.shape[0], q.shape[2], q.shape[1], k.shape[1])
        mask = as_contiguous(mask, PT_BOOL)
        stride = 1
        for d in range(mask.ndim - 1, -1, -1):
            length = full[4 - mask.ndim + d]
            if mask.dims[d] not in (1, length):
                raise ValueError(f"{name}: mask of shape {mask.shape}: expected one that "
                                 f"broadcasts to {full}")
            call.shape.mask_strides[4 - mask.ndim + d] = 0 if mask.dims[d] == 1 else stride
            stride *= mask.dims[d]
        call.with_mask = True
        inputs.append(mask)
    if call.is_gradient:
        if g.shape != (*q.shape[:3], v.shape[3]):
            raise ValueError(f"{name}: gradient of shape {g.shape}: expected "
                             f"{(*q.shape[:3], v.shape[3])}")
        inputs.append(as_contiguous(g, dtype))
        dims[0] = q.size + k.size + v.size
        out = new_tensor(dtype, 1, dims)
    else:
        dims[0], dims[1], dims[2], dims[3] = q.dims[0], q.dims[1], q.dims[2], v.dims[3]
        out = new_tensor(dtype, 4, dims)
    for t in inputs:
        operands[n].data = t.data
        n += 1
    operands[n].data = out.data
    with nogil:
        status = run_attention(&call, operands)
    check_memory(status, name)
    if innermost_trace != NULL:
        trace_kernel(name, run_attention, <const char *>&call, sizeof(call), inputs, out)
    return out


def attention(Tensor q not None, Tensor k not None, Tensor v not None, Tensor mask,
              double scale, bint is_causal):
    """softmax(scale * q k^T) v, (batch, queries, heads, value size), for each sequence and head.

    Args:
        q: Queries, (batch, queries, heads, size), of a floating-point dtype.
        k: Keys, (batch, keys, heads, size), of the same.
        v: Values, (batch, keys, heads, value size), of the same.
        mask: Bool, broadcastable to (batch, heads, queries, keys), or None.
        scale: A factor.
        is_causal: Whether query i sees only keys up to i.

    Raises:
        ValueError: If shapes or dtypes do not match.
    """
    return attention_call("attention", None, q, k, v, mask, scale, is_causal)


def attention_gradients(Tensor g not None, Tensor q not None, Tensor k not None,
                        Tensor v not None, Tensor mask, double scale, bint is_causal):
    """The gradients of attention by q, k and v, flat, one after the other.

    g: That by the result; the others as for attention.
    """
    return attention_call("attention_gradients", g, q, k, v, mask, scale, is_causal)
