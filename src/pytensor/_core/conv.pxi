# Convolutions and pooling: the calls of the kernels in products/conv.c and networks/max_pool.c.
# Arguments as users give them, such as "same", are read by _functions/convolution.py.
#
# A geometry is a tuple (strides, dilation, before, groups): a tuple of integers for each axis of
# the first three, where `before` counts the zeros before the first element. The three functions are
# bilinear, and each is a derivative of the others, so they differentiate each other to any order.

cdef Py_ssize_t LONGEST = <Py_ssize_t>1 << 40      # so that no product of positions overflows


cdef Py_ssize_t geometry_number(str name, object value, Py_ssize_t least) except? -1:
    cdef Py_ssize_t number = value
    if not least <= number <= LONGEST:
        raise ValueError(f"{name}: found {number}: expected {least} to {LONGEST}")
    return number


cdef int read_geometry(pt_conv_geometry *s, str name, tuple x, tuple w, tuple out,
                       tuple geometry) except -1:
    """Fills s from the shapes of data, kernel and result, and the geometry; checks all of them."""
    strides, dilation, before, groups = geometry
    cdef int n_axes = <int>len(x) - 2, d, axis
    cdef double covered = 1
    if not (1 <= n_axes <= PT_CONV_AXES and len(w) == len(out) == len(x)
            and len(strides) == len(dilation) == len(before) == n_axes):
        raise ValueError(f"{name}: shapes {x}, {w} and {out}: expected (batch, ..., channels), "
                         f"(..., channels, filters) and (batch, ..., filters) with 1 to "
                         f"{PT_CONV_AXES} axes between")
    s.n_images = x[0]
    s.x_channels = x[n_axes + 1]
    s.out_channels = w[n_axes + 1]
    s.groups = geometry_number(f"{name}: groups", groups, 1)
    for d in range(PT_CONV_AXES):
        axis = d - (PT_CONV_AXES - n_axes)
        s.x_dims[d] = s.w_dims[d] = s.out_dims[d] = s.strides[d] = s.dilation[d] = 1
        s.before[d] = 0
        if axis >= 0:
            s.x_dims[d] = geometry_number(name, x[axis + 1], 0)
            s.w_dims[d] = geometry_number(f"{name}: length of the kernel", w[axis], 1)
            s.out_dims[d] = geometry_number(name, out[axis + 1], 0)
            s.strides[d] = geometry_number(f"{name}: strides", strides[axis], 1)
            s.dilation[d] = geometry_number(f"{name}: dilation", dilation[axis], 1)
            s.before[d] = geometry_number(f"{name}: padding", before[axis], -LONGEST)
            covered *= <double>s.w_dims[d] * <double>s.dilation[d]
    if (out[0] != x[0] or out[n_axes + 1] != s.out_channels or s.x_channels % s.groups
            or s.out_channels % s.groups or w[n_axes] * s.groups != x[n_axes + 1]):
        raise ValueError(f"{name}: shapes {x}, {w} and {out} with groups {groups}: expected "
                         "(batch, ..., channels), (..., channels / groups, filters) and (batch, "
                         "..., filters)")
    if covered * <double>max(s.x_channels, 1) > <double>LONGEST:
        raise ValueError(f"{name}: a kernel of shape {w} with dilation {dilation} covers more than "
                         f"{LONGEST} elements")
    return 0


cdef Tensor conv_operand(str name, object value, int dtype=-1):
    """A floating-point tensor in C order; of that dtype unless it is negative."""
    cdef Tensor t = as_tensor(value, name)
    if kind_of(t.type) != KIND_FLOAT or dtype >= 0 and t.type != dtype:
        expected = "a floating-point one" if dtype < 0 else f"{DTYPES[dtype]}, that of the others"
        raise TypeError(f"{name}: a tensor of dtype {t.dtype}: expected {expected}")
    return t


cdef Tensor conv_bias(str name, object b, Py_ssize_t n, int dtype):
    cdef Tensor bias = None if b is None else conv_operand(name, b, dtype)
    if bias is not None and (bias.ndim != 1 or bias.dims[0] != n):
        raise ValueError(f"{name}: b has shape {bias.shape}: expected ({n},)")
    return bias


cdef Tensor new_of_shape(int dtype, tuple shape):
    cdef Py_ssize_t dims[PT_MAX_NDIM]
    return new_tensor(dtype, read_shape(shape, dims), dims)


cdef int record_conv(int row, Tensor x, Tensor w, Tensor bias, tuple geometry, bint relu,
                     Tensor out) except -1:
    """As record_linear."""
    cdef unsigned long long tracked = x.tracked | w.tracked
    if bias is not None:
        tracked |= bias.tracked
    if not recording_mask & tracked:
        return 0
    cdef Tensor before = new_view(out, out.data, out.ndim, out.dims, out.steps) if relu else out
    record(row, (x, w) if bias is None else (x, w, bias), before, (geometry,))
    if relu:
        record(ROW_RELU, (before,), out, None)
    return 0


cdef Tensor conv_call(int row, object x, object w, object b, tuple geometry, tuple shape,
                      bint relu):
    """conv or conv_transpose, by the row."""
    cdef str name = row_name(row)
    cdef Tensor data = conv_operand(name, x), kernel = conv_operand(name, w, data.type)
    cdef bint transposed = row == ROW_CONV_TRANSPOSE
    cdef pt_conv_geometry s
    if transposed:
        read_geometry(&s, name, shape, kernel.shape, data.shape, geometry)
    else:
        read_geometry(&s, name, data.shape, kernel.shape, shape, geometry)
    cdef Tensor bias = conv_bias(name, b, s.x_channels if transposed else s.out_channels, data.type)
    cdef Tensor from_data = as_contiguous(data, data.type)
    cdef Tensor from_kernel = as_contiguous(kernel, data.type)
    cdef Tensor from_bias = None if bias is None else as_contiguous(bias, data.type)
    cdef const char *bias_data = NULL if bias is None else from_bias.data
    cdef Tensor out = new_of_shape(data.type, shape)
    cdef pt_status status
    with nogil:
        if transposed:
            status = pt_conv_transpose(<pt_dtype>data.type, &s, from_data.data, from_kernel.data,
                                       bias_data, relu, out.data)
        else:
            status = pt_conv(<pt_dtype>data.type, &s, from_data.data, from_kernel.data, bias_data,
                             relu, out.data)
    check_memory(status, name)
    if innermost_trace != NULL:
        inputs = [from_data, from_kernel]
        if bias is not None:
            inputs.append(from_bias)
        trace_conv(row, &s, relu, inputs, out)
    record_conv(row, data, kernel, bias, geometry, relu, out)
    return out


def conv(x, w, b, tuple geometry not None, tuple shape not None, bint relu=False):
    """The convolution of x with w (+ b, then relu), of a shape.

    Args:
        x: A tensor of shape (batch, ..., channels), with one to three axes between.
        w: A kernel of shape (..., channels / groups, filters), of the same floating-point dtype.
        b: A bias of shape (filters,), or None.
        geometry: See the head of this file.
        shape: That of the result, (batch, ..., filters).
        relu: Replace negative results by 0.
    """
    return conv_call(ROW_CONV, x, w, b, geometry, shape, relu)


def conv_transpose(x, w, b, tuple geometry not None, tuple shape not None, bint relu=False):
    """The transpose of the map x -> conv(x, w), (+ b, then relu).

    Args:
        x: A tensor of shape (batch, ..., filters), that of conv's result.
        w: A kernel of shape (..., channels / groups, filters), of the same floating-point dtype.
        b: A bias of shape (channels,), or None.
        geometry: As for conv.
        shape: That of the result, (batch, ..., channels).
        relu: Replace negative results by 0.
    """
    return conv_call(ROW_CONV_TRANSPOSE, x, w, b, geometry, shape, relu)


def conv_weights(x, g, tuple geometry not None, tuple shape not None):
    """The transpose of the map w -> conv(x, w), at g.

    Args:
        x: A tensor of shape (batch, ..., channels).
        g: A tensor of the shape of conv's result, (batch, ..., filters), of the same dtype.
        geometry: As for conv.
        shape: That of the kernel.
    """
    cdef str name = row_name(ROW_CONV_WEIGHTS)
    cdef Tensor data = conv_operand(name, x), gradient = conv_operand(name, g, data.type)
    cdef pt_conv_geometry s
    read_geometry(&s, name, data.shape, shape, gradient.shape, geometry)
    cdef Tensor from_data = as_contiguous(data, data.type)
    cdef Tensor from_gradient = as_contiguous(gradient, data.type)
    cdef Tensor out = new_of_shape(data.type, shape)
    cdef pt_status status
    with nogil:
        status = pt_conv_weights(<pt_dtype>data.type, &s, from_data.data, from_gradient.data,
                                 out.data)
    check_memory(status, name)
    if innermost_trace != NULL:
        trace_conv(ROW_CONV_WEIGHTS, &s, False, [from_data, from_gradient], out)
    if recording_mask & (data.tracked | gradient.tracked):
        record(ROW_CONV_WEIGHTS, (data, gradient), out, (geometry,))
    return out


cdef struct ConvCall:                   # a call of a kernel, for recorded programs
    int row
    pt_dtype dtype
    bint relu, with_bias
    pt_conv_geometry geometry


cdef pt_status run_conv(const void *parameters, const pt_operand *o) noexcept nogil:
    cdef const ConvCall *call = <const ConvCall *>parameters
    cdef const char *bias = o[2].data if call.with_bias else NULL
    cdef char *out = o[3].data if call.with_bias else o[2].data
    if call.row == ROW_CONV:
        return pt_conv(call.dtype, &call.geometry, o[0].data, o[1].data, bias, call.relu, out)
    if call.row == ROW_CONV_TRANSPOSE:
        return pt_conv_transpose(call.dtype, &call.geometry, o[0].data, o[1].data, bias, call.relu,
                                 out)
    if call.row == ROW_CONV_WEIGHTS:
        return pt_conv_weights(call.dtype, &call.geometry, o[0].data, o[1].data, out)
    if call.row == ROW_MAX_POOL:
        pt_max_pool(call.dtype, &call.geometry, o[0].data, o[1].data)
    elif call.row == ROW_MAX_POOL_PICK:
        pt_max_pool_pick(call.dtype, &call.geometry, o[0].data, o[1].data, out)
    else:
        pt_max_pool_spread(call.dtype, &call.geometry, o[0].data, o[1].data, out)
    return PT_OK


cdef int trace_conv(int row, const pt_conv_geometry *s, bint relu, list inputs,
                    Tensor out) except -1:
    """Adds the step of a call of a recorded function."""
    cdef ConvCall call
    memset(&call, 0, sizeof(call))
    call.row = row
    call.dtype = <pt_dtype>out.type
    call.relu = relu
    call.with_bias = len(inputs) == 3
    call.geometry = s[0]
    return trace_kernel(row_name(row), run_conv, <const char *>&call, sizeof(call), inputs, out)


cdef int read_windows(pt_conv_geometry *s, str name, tuple x, tuple out, tuple windows) except -1:
    """The same for windows, a tuple (size, strides, before)."""
    size, strides, before = windows
    cdef Py_ssize_t channels = x[-1] if x else 0, groups = max(channels, 1)
    read_geometry(s, name, x, tuple(size) + (channels // groups, channels), out,
                  (strides, (1,) * len(size), before, groups))
    if s.w_dims[0] * s.w_dims[1] * s.w_dims[2] > 0x7fffffff:
        raise ValueError(f"{name}: windows of {size}: expected fewer elements than 2**31")
    return 0


def max_pool(x, tuple windows not None, tuple shape not None):
    """The largest element of each window of x.

    Args:
        x: A floating-point tensor of shape (batch, ..., channels), with one to three axes between.
        windows: (size, strides, before), a tuple of integers each.
        shape: That of the result, (batch, ..., channels).
    """
    cdef str name = row_name(ROW_MAX_POOL)
    cdef Tensor data = conv_operand(name, x)
    cdef pt_conv_geometry s
    read_windows(&s, name, data.shape, shape, windows)
    cdef Tensor source = as_contiguous(data, data.type), out = new_of_shape(data.type, shape)
    with nogil:
        pt_max_pool(<pt_dtype>data.type, &s, source.data, out.data)
    if innermost_trace != NULL:
        trace_conv(ROW_MAX_POOL, &s, False, [source], out)
    if recording_mask & data.tracked:
        record(ROW_MAX_POOL, (data,), out, (windows,))
    return out


def max_pool_pick(t, x, tuple windows not None, tuple shape not None):
    """The elements of t where x has the largest of each window; linear in t.

    Args:
        t: A tensor of the shape and dtype of x.
        x: As for max_pool.
        windows: As for max_pool.
        shape: As for max_pool.
    """
    cdef str name = row_name(ROW_MAX_POOL_PICK)
    cdef Tensor data = conv_operand(name, x), tangent = conv_operand(name, t, data.type)
    cdef pt_conv_geometry s
    read_windows(&s, name, data.shape, shape, windows)
    if tangent.shape != data.shape:
        raise ValueError(f"{name}: shapes {tangent.shape} and {data.shape}: expected the same")
    cdef Tensor source = as_contiguous(data, data.type), values = as_contiguous(tangent, data.type)
    cdef Tensor out = new_of_shape(data.type, shape)
    with nogil:
        pt_max_pool_pick(<pt_dtype>data.type, &s, source.data, values.data, out.data)
    if innermost_trace != NULL:
        trace_conv(ROW_MAX_POOL_PICK, &s, False, [source, values], out)
    if recording_mask & tangent.tracked:
        record(ROW_MAX_POOL_PICK, (tangent, data), out, (windows,))
    return out


def max_pool_spread(g, x, tuple windows not None):
    """The transpose of the map t -> max_pool_pick(t, x): the gradient of max_pool.

    Args:
        g: A tensor of the shape of max_pool's result, of the dtype of x.
        x: As for max_pool.
        windows: As for max_pool.
    """
    cdef str name = row_name(ROW_MAX_POOL_SPREAD)
    cdef Tensor data = conv_operand(name, x), gradient = conv_operand(name, g, data.type)
    cdef pt_conv_geometry s
    read_windows(&s, name, data.shape, gradient.shape, windows)
    cdef Tensor source = as_contiguous(data, data.type), values = as_contiguous(gradient, data.type)
    cdef Tensor out = new_tensor(data.type, data.ndim, data.dims)
    with nogil:
        pt_max_pool_spread(<pt_dtype>data.type, &s, source.data, values.data, out.data)
    if innermost_trace != NULL:
        trace_conv(ROW_MAX_POOL_SPREAD, &s, False, [source, values], out)
    if recording_mask & gradient.tracked:
        record(ROW_MAX_POOL_SPREAD, (gradient, data), out, (windows,))
    return out
