# Element-wise ops and reductions: promotion, broadcasting, results.


cdef str row_name(int row):
    return ROW_NAMES[row]


cdef enum:
    MAX_INPUTS = 3

# The inputs of an element-wise call, parsed once. The Python objects are still needed where NumPy
# computes and where a result is recorded.
cdef struct Inputs:
    int n
    int n_conditions                                    # the first ones: bool
    int dtype                                           # the dtype that the others promote to
    Scalar kinds[MAX_INPUTS]                            # NOT_SCALAR: a tensor
    unsigned long long tracked                          # bits of the tapes that know one
    bint traced                                         # whether one is a stand-in
    int ndim                                            # of the shape that they broadcast to
    Py_ssize_t common[PT_MAX_NDIM]                      # that shape
    pt_operand operands[MAX_INPUTS]
    int ndims[MAX_INPUTS]
    const Py_ssize_t *dims[MAX_INPUTS]
    double scalars[MAX_INPUTS]                          # storage for Python numbers
    Py_ssize_t steps[MAX_INPUTS][PT_MAX_NDIM]           # broadcast strides


cdef inline int result_dtype(int row, int compute) noexcept:
    return PT_BOOL if pt_elementwise_info[row].result == PT_RESULT_BOOL else compute


cdef object elementwise_call(int row, object x, object y, object z, object out):
    """out = row(x, y, z), element by element; y and z are None where the row has fewer inputs."""
    cdef Tensor a, b, result
    cdef pt_operand operands[2]
    cdef pt_operand target
    cdef int n_inputs = pt_elementwise_info[row].n_inputs
    if innermost_trace != NULL:
        return elementwise_general(row, x, y, z, out)
    # Fast path: tensors of one shape and dtype, in C order.
    if type(x) is Tensor and out is None and n_inputs < 3:
        a = <Tensor>x
        b = <Tensor>y if n_inputs == 2 and type(y) is Tensor else a
        if (a.contiguous and pt_elementwise_info[row].kinds & kind_of(a.type)
                and not a.traced and not b.traced
                and (n_inputs == 1 or type(y) is Tensor and b.contiguous and a.type == b.type
                     and a.ndim == b.ndim and same_dims(a, b))):
            result = new_tensor(result_dtype(row, a.type), a.ndim, a.dims)
            operands[0] = operand_of(a)
            operands[1] = operand_of(b)
            target = operand_of(result)
            run_elementwise(row, a.type, result.ndim, result.dims, operands, &target, result.size)
            if recording_mask & (a.tracked | b.tracked):
                record(row, (x,) if n_inputs == 1 else (x, y), result, None)
            return result
    # Fast path: a floating-point tensor in C order and a Python number, on either side.
    if out is None and n_inputs == 2:
        a = <Tensor>x if type(x) is Tensor else <Tensor>y if type(y) is Tensor else None
        if (a is not None and a.contiguous and not a.traced and kind_of(a.type) == KIND_FLOAT
                and pt_elementwise_info[row].kinds & KIND_FLOAT):
            number = y if type(x) is Tensor else x
            if type(number) is float or type(number) is int:
                return elementwise_with_number(row, a, number, x, y)
    return elementwise_general(row, x, y, z, out)


cdef Py_ssize_t NO_STEPS[PT_MAX_NDIM]   # all 0: a number repeated along every axis


cdef object elementwise_with_number(int row, Tensor t, object number, object x, object y):
    """row(x, y), where one operand is t and the other the number, which takes the dtype of t."""
    cdef pt_operand operands[2]
    cdef pt_operand target
    cdef double element
    cdef int place = 0 if type(x) is Tensor else 1
    store(t.type, <char *>&element, number)
    cdef Tensor result = new_tensor(result_dtype(row, t.type), t.ndim, t.dims)
    operands[place] = operand_of(t)
    operands[1 - place].data = <char *>&element
    operands[1 - place].strides = NO_STEPS
    operands[1 - place].dtype = <pt_dtype>t.type
    target = operand_of(result)
    run_elementwise(row, t.type, result.ndim, result.dims, operands, &target, result.size)
    if recording_mask & t.tracked:
        record(row, (x, y), result, None)
    return result


cdef inline bint same_dims(Tensor a, Tensor b) noexcept:
    cdef int i
    for i in range(a.ndim):
        if a.dims[i] != b.dims[i]:
            return False
    return True


cdef inline void run_elementwise(int row, int compute, int ndim, const Py_ssize_t *dims,
                                 const pt_operand *operands, const pt_operand *out,
                                 Py_ssize_t size) noexcept:
    if size < NOGIL_ELEMENTS:
        pt_elementwise(<pt_elementwise_op>row, <pt_dtype>compute, ndim, dims, operands, out)
    else:
        with nogil:
            pt_elementwise(<pt_elementwise_op>row, <pt_dtype>compute, ndim, dims, operands, out)


cdef bint is_in_place(int row, Tensor x, Tensor y) noexcept:
    """Whether x = row(x, y) needs no checks: writable tensors of one shape and dtype, in C order,
    that share all of their memory or none, while nothing is recorded."""
    return (innermost_trace == NULL and recording_mask == 0 and not x.traced and not y.traced
            and x.contiguous and y.contiguous and x.type == y.type and x.ndim == y.ndim
            and same_dims(x, y) and not x.readonly
            and pt_elementwise_info[row].kinds & kind_of(x.type)
            and result_dtype(row, x.type) == x.type
            and (x.data == y.data or not overlap(x, y)))


cdef Tensor computed_in_place(int row, Tensor x, Tensor y):
    """x = row(x, y), without checks."""
    cdef pt_operand operands[2]
    operands[0] = operand_of(x)
    operands[1] = operand_of(y)
    run_elementwise(row, x.type, x.ndim, x.dims, operands, &operands[0], x.size)
    bump_version(x)
    return x


cdef int compute_dtype(int row, int dtype, int kinds) except -1:
    """The dtype whose loop serves inputs of dtype: see the column types of the op table."""
    if kinds & kind_of(dtype):
        return dtype
    if kinds == KIND_FLOAT:
        return DEFAULT_FLOAT
    if kinds == KIND_BOOL:
        return PT_BOOL
    raise TypeError(f"{row_name(row)}: no rule for dtype {DTYPES[dtype]}")


cdef int with_scalar(int dtype, Scalar kind) noexcept:
    """The dtype of a tensor of dtype together with a weak Python scalar."""
    if kind == SCALAR_COMPLEX:
        return pt_promotion[dtype][<int>PT_COMPLEX64]
    if kind == SCALAR_FLOAT and kind_of(dtype) < KIND_FLOAT:
        return DEFAULT_FLOAT
    if kind == SCALAR_INT and dtype == PT_BOOL:
        return DEFAULT_INT
    return dtype


cdef object elementwise_general(int row, object x, object y, object z, object out):
    cdef Inputs inputs
    cdef list values = [x, y, z]
    cdef int compute, to
    cdef Tensor result
    if out is not None and not isinstance(out, Tensor):
        raise TypeError(f"{row_name(row)}: out is a {type(out).__name__}: expected a Tensor")
    read_inputs(row, values, &inputs)
    if inputs.traced:
        check_traced(values)
    if kind_of(inputs.dtype) == KIND_COMPLEX:
        return complex_elementwise(row, values, inputs.n, inputs.dtype, out, inputs.tracked)
    compute = compute_dtype(row, inputs.dtype, pt_elementwise_info[row].kinds)
    to = result_dtype(row, compute)
    if out is not None:
        check_in_place(row, to, <Tensor>out, &inputs)
    take_operands(compute, values, &inputs)
    broadcast_inputs(row, values, &inputs)
    if out is not None:
        return compute_into(row, compute, to, values, &inputs, <Tensor>out)
    result = result_like(values, inputs.n, to, inputs.ndim, inputs.common)
    compute_inputs(row, compute, &inputs, result)
    if innermost_trace != NULL:
        trace_elementwise(row, compute, values, &inputs, result)
    if recording_mask & inputs.tracked:
        record(row, tuple(values[:inputs.n]), result, None)
    return result


cdef int read_inputs(int row, list values, Inputs *inputs) except -1:
    """Reads the kinds of the values and the dtype that they promote to. Values that are neither
    tensors nor Python numbers become tensors, in values too."""
    cdef int i
    cdef Tensor t
    inputs.n = pt_elementwise_info[row].n_inputs
    inputs.n_conditions = pt_elementwise_info[row].n_conditions
    inputs.dtype = -1
    inputs.tracked = 0
    inputs.traced = False
    for i in range(inputs.n):
        inputs.kinds[i] = scalar_kind(values[i])
        if inputs.kinds[i] != NOT_SCALAR and not isinstance(values[i], np.generic):
            continue
        inputs.kinds[i] = NOT_SCALAR
        t = values[i] if type(values[i]) is Tensor else as_tensor(values[i], row_name(row))
        if i < inputs.n_conditions and t.type != PT_BOOL:
            t = astype_recorded(t, PT_BOOL)
        values[i] = t
        inputs.tracked |= t.tracked
        inputs.traced = inputs.traced or t.traced
        if i >= inputs.n_conditions:
            inputs.dtype = (t.type if inputs.dtype < 0 else
                            promote(row_name(row), inputs.dtype, t.type))
    for i in range(inputs.n_conditions, inputs.n):
        if inputs.kinds[i] != NOT_SCALAR:
            inputs.dtype = (scalar_dtype(inputs.kinds[i]) if inputs.dtype < 0 else
                            with_scalar(inputs.dtype, inputs.kinds[i]))
    if pt_elementwise_info[row].compares and kind_of(inputs.dtype) in (KIND_SIGNED, KIND_UNSIGNED):
        for i in range(inputs.n):
            if inputs.kinds[i] == SCALAR_INT and not in_range(values[i], inputs.dtype):
                # It compares with every number of that dtype like an infinity.
                values[i] = float("inf") if values[i] > 0 else float("-inf")
                inputs.kinds[i] = SCALAR_FLOAT
                inputs.dtype = PT_FLOAT64
    return 0


cdef int check_traced(list values) except -1:
    """Raises TypeError for a leaked stand-in."""
    for value in values:
        if isinstance(value, Tensor) and (<Tensor>value).traced:
            owner_of(<Tensor>value)
    return 0


cdef int check_in_place(int row, int dtype, Tensor out, const Inputs *inputs) except -1:
    """Raises an error unless a result of that dtype may be written to out."""
    if innermost_trace != NULL:
        current_trace().check_write(row_name(row), out)
    elif out.traced:
        owner_of(out)
    check_dtype_into(row, dtype, out)
    refuse_recorded(row, inputs.tracked, out)
    return 0


cdef int refuse_recorded(int row, unsigned long long tracked, Tensor out) except -1:
    """Raises RuntimeError where a result would be written to out and a tape records that."""
    if recording_mask & (tracked | out.tracked | root_of(out).tracked):
        raise RuntimeError(f"{row_name(row)}: a GradientTape records these tensors, and a "
                           "result written in place has no gradient; use the form that "
                           "returns a new tensor (a = a + b)")
    return 0


cdef int take_operands(int compute, list values, Inputs *inputs) except -1:
    """Sets the operands of the kernel: the tensors' memory, or numbers stored in inputs."""
    cdef int i
    cdef Tensor t
    for i in range(inputs.n):
        if inputs.kinds[i] == NOT_SCALAR:
            t = <Tensor>values[i]
            inputs.operands[i] = operand_of(t)
            inputs.ndims[i] = t.ndim
            inputs.dims[i] = t.dims
        else:
            inputs.operands[i].data = <char *>&inputs.scalars[i]
            inputs.operands[i].dtype = <pt_dtype>(
                PT_BOOL if i < inputs.n_conditions else
                scalar_store_dtype(compute, inputs.kinds[i]))
            store(inputs.operands[i].dtype, inputs.operands[i].data, values[i])
            inputs.ndims[i] = 0
    return 0


cdef int broadcast_inputs(int row, list values, Inputs *inputs) except -1:
    """Sets the shape that the operands broadcast to."""
    cdef int i, d, shift
    cdef Py_ssize_t length
    inputs.ndim = 0
    for i in range(inputs.n):
        inputs.ndim = max(inputs.ndim, inputs.ndims[i])
    for d in range(inputs.ndim):
        inputs.common[d] = 1
    for i in range(inputs.n):
        shift = inputs.ndim - inputs.ndims[i]
        for d in range(inputs.ndims[i]):
            length = inputs.dims[i][d]
            if length == 1 or length == inputs.common[d + shift]:
                continue
            if inputs.common[d + shift] != 1:
                raise no_broadcast(row, values[:inputs.n])
            inputs.common[d + shift] = length
    return 0


cdef void compute_inputs(int row, int compute, Inputs *inputs, Tensor out) noexcept:
    """Runs the kernel on the operands, broadcast to their common shape."""
    cdef pt_operand target = operand_of(out)
    cdef int i
    for i in range(inputs.n):
        broadcast_steps(&inputs.operands[i], inputs.ndims[i], inputs.dims[i], inputs.ndim,
                        inputs.common, inputs.steps[i])
    run_elementwise(row, compute, inputs.ndim, inputs.common, inputs.operands, &target, out.size)


cdef Tensor compute_into(int row, int compute, int dtype, list values, Inputs *inputs, Tensor out):
    """The same with the result in out, through new memory if it can't be computed in place."""
    cdef Tensor result = check_out(row, out, dtype, inputs.ndim, inputs.common, values, inputs.n)
    compute_inputs(row, compute, inputs, result)
    if innermost_trace != NULL:
        trace_elementwise(row, compute, values, inputs, result)
    if result is not out:
        copy_into(result, out)
    bump_version(out)
    return out


cdef int scalar_store_dtype(int compute, Scalar kind) noexcept:
    """A Python number is stored as the loop's dtype; True and False as bool."""
    return PT_BOOL if kind == SCALAR_BOOL else compute


cdef object no_broadcast(int row, list values):
    cdef list shapes = []
    for value in values:
        shapes.append(str(value.shape) if isinstance(value, Tensor) else "()")
    return ValueError(f"{row_name(row)}: shapes {' and '.join(shapes)} do not broadcast")


cdef void broadcast_steps(pt_operand *operand, int own_ndim, const Py_ssize_t *own_dims, int ndim,
                          const Py_ssize_t *dims, Py_ssize_t *steps) noexcept:
    """Sets an operand's strides over the common shape: 0 along the axes where it is repeated.
    steps: storage for them."""
    cdef int shift = ndim - own_ndim, d
    for d in range(ndim):
        if d < shift or own_dims[d - shift] != dims[d]:
            steps[d] = 0
        else:
            steps[d] = operand.strides[d - shift]
    operand.strides = steps


cdef Tensor result_like(list values, int n, int dtype, int ndim, const Py_ssize_t *dims):
    """A new tensor for the result. If all inputs have the same order other than C's, it is kept:
    a.T + b.T walks memory like a + b."""
    cdef Tensor model = None, t
    cdef int i
    for i in range(n):
        if not isinstance(values[i], Tensor):
            continue
        t = <Tensor>values[i]
        if t.contiguous or t.ndim != ndim:
            return new_tensor(dtype, ndim, dims)
        if model is None:
            model = t
        elif not (same_dims(t, model) and same_order(t, model)):
            return new_tensor(dtype, ndim, dims)
    return new_tensor(dtype, ndim, dims) if model is None else new_in_order(model, dtype)


cdef bint same_order(Tensor a, Tensor b) noexcept:
    cdef int d
    for d in range(a.ndim):
        if a.steps[d] * <Py_ssize_t>pt_dtype_size[b.type] != (
                b.steps[d] * <Py_ssize_t>pt_dtype_size[a.type]):
            return False
    return True


cdef Tensor new_in_order(Tensor model, int dtype):
    """A tensor of model's shape with its axes in memory in model's order, without gaps."""
    cdef int order[PT_MAX_NDIM]
    cdef int i, j, axis
    cdef Tensor t
    cdef Py_ssize_t step = <Py_ssize_t>pt_dtype_size[dtype]
    for i in range(model.ndim):
        if model.steps[i] <= 0:
            return new_tensor(dtype, model.ndim, model.dims)
        j = i
        while j > 0 and model.steps[order[j - 1]] < model.steps[i]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = i
    t = new_tensor(dtype, model.ndim, model.dims)
    for i in range(model.ndim - 1, -1, -1):
        axis = order[i]
        t.steps[axis] = step
        step *= model.dims[axis]
    t.contiguous = is_contiguous(t.ndim, t.dims, t.steps, <Py_ssize_t>pt_dtype_size[dtype])
    if innermost_trace != NULL:
        (<_Buffer>current_trace().buffers[t.buffer]).strides = t.strides
    return t


cdef int check_dtype_into(int row, int result, Tensor out) except -1:
    """Raises TypeError unless a result of that dtype fits into out: as in NumPy, out may have
    another size but not a lower kind (bool, unsigned, signed, floating-point)."""
    cdef int kind = kind_of(result), into = kind_of(out.type)
    if (kind == into or kind == KIND_BOOL or into == KIND_COMPLEX
            or (into == KIND_FLOAT and kind != KIND_COMPLEX)
            or (kind == KIND_UNSIGNED and into == KIND_SIGNED)):
        return 0
    raise TypeError(f"{row_name(row)}: the result has dtype {DTYPES[result]}, which does not go "
                    f"into a tensor of {DTYPES[out.type]}")


cdef Tensor check_out(int row, Tensor out, int dtype, int ndim, const Py_ssize_t *dims,
                      list values, int n):
    """Where to compute the result for out: out itself, or new memory if its dtype differs or an
    input overlaps it."""
    cdef int i
    cdef Tensor t
    cdef bint fits = out.ndim == ndim
    for i in range(ndim):
        fits = fits and out.dims[i] == dims[i]
    if not fits:
        raise ValueError(f"{row_name(row)}: the result has shape {shape_text(ndim, dims)}, which "
                         f"does not fit into a tensor of shape {out.shape}")
    check_writable(out, row_name(row))
    if out.type != dtype:
        return new_tensor(dtype, ndim, dims)
    for i in range(n):
        if isinstance(values[i], Tensor):
            t = <Tensor>values[i]
            if overlap(t, out) and not (t.data == out.data and t.ndim == out.ndim
                                        and t.type == out.type
                                        and same_dims(t, out) and same_order(t, out)):
                return new_tensor(out.type, ndim, dims)
    return out


cdef int check_writable(Tensor t, str name) except -1:
    if t.readonly:
        raise ValueError(f"{name}: the tensor is read-only")
    return 0


cdef bint overlap(Tensor a, Tensor b) noexcept:
    """Whether the address ranges of a and b meet: a cheap test that may return True too often."""
    cdef char *low_a = a.data
    cdef char *high_a = a.data
    cdef char *low_b = b.data
    cdef char *high_b = b.data
    cdef int d
    if a.size == 0 or b.size == 0:
        return False
    for d in range(a.ndim):
        if a.steps[d] < 0:
            low_a += (a.dims[d] - 1) * a.steps[d]
        else:
            high_a += (a.dims[d] - 1) * a.steps[d]
    for d in range(b.ndim):
        if b.steps[d] < 0:
            low_b += (b.dims[d] - 1) * b.steps[d]
        else:
            high_b += (b.dims[d] - 1) * b.steps[d]
    return (low_a < high_b + pt_dtype_size[b.type]) and (low_b < high_a + pt_dtype_size[a.type])


# ------------------------------------------------------------------------------- reductions


cdef int read_axis(object axis, int ndim, str name) except -1:
    """An axis as a number from 0 to ndim - 1."""
    cdef Py_ssize_t number
    try:
        number = operator.index(axis)
    except TypeError:
        raise TypeError(f"{name}: axis is {axis!r}: expected an integer") from None
    except OverflowError:
        number = <Py_ssize_t>(<size_t>-1 >> 1)
    if not -ndim <= number < ndim:
        raise IndexError(f"{name}: axis {axis} is out of range for {ndim} "
                         f"{'axis' if ndim == 1 else 'axes'}")
    return <int>(number + ndim if number < 0 else number)


cdef int read_axes(object axis, int ndim, str name, bint *reduced) except -1:
    """Marks the axes to reduce: None means all, an int one, a tuple several."""
    cdef int d
    for d in range(ndim):
        reduced[d] = axis is None
    if axis is None:
        return 0
    for one in axis if isinstance(axis, (tuple, list)) else (axis,):
        d = read_axis(one, ndim, name)
        if reduced[d]:
            raise ValueError(f"{name}: axis {d} appears twice in {axis}")
        reduced[d] = True
    return 0


cdef object reduce_call(int row, object x, object axis, object keepdims, object dtype=None):
    """Reduces the elements of x along axes by a row of the table."""
    cdef Tensor t = as_tensor(x, row_name(row))
    cdef Tensor out
    cdef int reduce_op = reduction(row), compute
    if dtype is not None:
        if t.type != dtype_number(dtype):
            t = astype_recorded(t, dtype_number(dtype))
        out = reduce_call(row, t, axis, keepdims)  # of integers in 64 bits
        return out if out.type == t.type else astype_recorded(out, t.type)
    if kind_of(t.type) == KIND_COMPLEX:
        axes = fixed_axes(axis)
        out = complex_reduction(row_name(row), t, axes, bool(keepdims))
        if recording_mask & t.tracked:
            record(row, (t,), out, (axes, bool(keepdims)))
        return out
    compute = compute_dtype(row, t.type, pt_reduce_info[reduce_op].kinds | (
        KIND_BOOL if pt_reduce_info[reduce_op].wide else 0))
    if pt_reduce_info[reduce_op].wide:
        if kind_of(compute) == KIND_UNSIGNED:
            compute = PT_UINT64
        elif kind_of(compute) != KIND_FLOAT:
            compute = PT_INT64
    if pt_reduce_info[reduce_op].result == PT_RESULT_INDEX and isinstance(axis, (tuple, list)):
        raise TypeError(f"{row_name(row)}: axis is {axis!r}: expected an integer or None")
    out = reduce_tensor(row_name(row), row, t, axis, keepdims, compute)
    if recording_mask & t.tracked and kind_of(out.type) == KIND_FLOAT:
        record(row, (t,), out, (fixed_axes(axis), bool(keepdims)))
    return out


cdef object fixed_axes(object axis):
    """The axes as a tape keeps them: a list could change, and so could an array used as an integer.
    """
    if axis is None or type(axis) is int:
        return axis
    if not isinstance(axis, (tuple, list)):
        return operator.index(axis)
    axes = []
    for one in axis:
        axes.append(operator.index(one))
    return tuple(axes)


cdef inline int reduction(int row) noexcept:
    """The pt_reduce_op of a row: reductions are numbered behind the element-wise rows."""
    return row - PT_OP_COUNT


cdef struct Reduction:
    int n_reduced
    Py_ssize_t dims[PT_MAX_NDIM]            # of the input, kept axes first
    Py_ssize_t steps[PT_MAX_NDIM]
    int out_ndim
    Py_ssize_t out_dims[PT_MAX_NDIM]
    Py_ssize_t n                            # elements of one result


cdef void sort_axes(Tensor t, const bint *reduced, bint keepdims, Reduction *r) noexcept:
    """Splits the axes of t into the kept and the reduced ones, and sets the shape of the result."""
    cdef int d, k = 0, is_reduced
    r.n = 1
    for is_reduced in range(2):  # kept axes first
        for d in range(t.ndim):
            if reduced[d] == is_reduced:
                r.dims[k] = t.dims[d]
                r.steps[k] = t.steps[d]
                k += 1
                if is_reduced:
                    r.n *= t.dims[d]
        if not is_reduced:
            r.n_reduced = t.ndim - k
    r.out_ndim = 0
    for d in range(t.ndim):
        if keepdims or not reduced[d]:
            r.out_dims[r.out_ndim] = 1 if reduced[d] else t.dims[d]
            r.out_ndim += 1


cdef inline int reduced_dtype(int reduce_op, int compute) noexcept:
    if pt_reduce_info[reduce_op].result == PT_RESULT_BOOL:
        return PT_BOOL
    return PT_INT64 if pt_reduce_info[reduce_op].result == PT_RESULT_INDEX else compute


cdef Tensor reduce_tensor(str name, int row, Tensor t, object axis, bint keepdims, int compute):
    cdef bint reduced[PT_MAX_NDIM]
    cdef Py_ssize_t out_steps[PT_MAX_NDIM]  # of the result, over the kept axes alone
    cdef Reduction r
    cdef int reduce_op = reduction(row), d, k = 0
    read_axes(axis, t.ndim, name, reduced)
    sort_axes(t, reduced, keepdims, &r)
    cdef Tensor out = new_tensor(reduced_dtype(reduce_op, compute), r.out_ndim, r.out_dims)
    if r.n == 0 and out.size > 0 and pt_reduce_info[reduce_op].chooses:
        raise ValueError(f"{name}: no element to choose from: shape {t.shape}, "
                         f"axis {axis}")
    for d in range(r.out_ndim):
        if not (keepdims and reduced[d]):
            out_steps[k] = out.steps[d]
            k += 1
    cdef pt_operand source = operand_of(t), target = operand_of(out)
    source.strides = r.steps
    target.strides = out_steps
    cdef pt_status status
    if t.size < NOGIL_ELEMENTS:
        status = pt_reduce(<pt_reduce_op>reduce_op, <pt_dtype>compute, t.ndim, r.n_reduced, r.dims,
                           &source, &target)
    else:
        with nogil:
            status = pt_reduce(<pt_reduce_op>reduce_op, <pt_dtype>compute, t.ndim, r.n_reduced,
                               r.dims, &source, &target)
    if status != PT_OK:
        raise MemoryError(f"{name}: no memory for partial results")
    if innermost_trace != NULL:
        trace_reduction(reduce_op, compute, t, &r, out, out_steps)
    return out


def mean(x, /, axis=None, *, keepdims=False, dtype=None):
    """The mean of the elements along axes, by the blocked pairwise sum.

    Args:
        x: A tensor or array-like of any shape. The mean of integers and booleans is computed in
            float64 and returned as float32.
        axis: The axis or tuple of axes to reduce; all by default.
        keepdims: Keep the reduced axes with length 1.
        dtype: A floating-point dtype for the computation and the result.

    Returns:
        A floating-point tensor; NaN where there is no element.

    Raises:
        TypeError: If dtype is not floating-point.

    >>> pt.mean([[1.0, 2.0], [3.0, 4.0]], axis=0)
    Tensor([2., 3.], dtype=float32)
    """
    cdef Tensor t = as_tensor(x, "mean")
    cdef int result = t.type if kind_of(t.type) >= KIND_FLOAT else DEFAULT_FLOAT
    if dtype is not None:
        result = dtype_number(dtype)
        if kind_of(result) < KIND_FLOAT:
            raise TypeError(f"mean: dtype: found {DTYPES[result]}: expected a floating-point one")
        if (kind_of(t.type) == KIND_COMPLEX or kind_of(result) == KIND_COMPLEX
                or recording_mask & t.tracked):
            t = astype_recorded(t, result)
    cdef double count = float("nan")
    cdef Tensor out
    if kind_of(t.type) == KIND_COMPLEX:
        axes = fixed_axes(axis)
        out = complex_reduction("mean", t, axes, bool(keepdims))
        if recording_mask & t.tracked:
            record(ROW_MEAN, (t,), out, (axes, bool(keepdims), t.size / max(out.size, 1)))
        return out
    cdef int compute = result if kind_of(t.type) == KIND_FLOAT else PT_FLOAT64
    out = reduce_tensor("mean", ROW_SUM, t, axis, keepdims, compute)
    if out.size > 0:
        count = <double>(t.size // out.size)
    number = count if count > 0 else float("nan")
    if innermost_trace == NULL:
        elementwise_general(ROW_DIVIDE, out, number, None, out)
        out.version = 0
    else:
        out = elementwise_general(ROW_DIVIDE, out, number, None, None)
    if compute != result:
        return converted(out, result)
    if recording_mask & t.tracked:
        record(ROW_MEAN, (t,), out, (fixed_axes(axis), bool(keepdims), count))
    return out


# ------------------------------------------------------------------------------- cumulative


def cumulative_sum(x, /, *, axis=None, dtype=None, include_initial=False):
    """The sums of the elements up to each along an axis, added one after the other.

    Args:
        x: A tensor or array-like. Integers and booleans are added as 64-bit integers.
        axis: The axis; it may be left out if there is only one.
        dtype: Convert x to it first.
        include_initial: Whether the sum of no elements, 0, comes before the others.

    Returns:
        A tensor of x's shape, or one longer along the axis.

    Raises:
        IndexError: There is no such axis.
        ValueError: axis is missing.

    >>> pt.cumulative_sum([1, 2, 3])
    Tensor([1, 3, 6], dtype=int64)
    """
    return cumulate(ROW_CUMULATIVE_SUM, ROW_SUM, x, axis, dtype, include_initial)


def cumulative_prod(x, /, *, axis=None, dtype=None, include_initial=False):
    """The products of the elements up to each along an axis, multiplied one after the other.

    Args:
        x: A tensor or array-like. Integers and booleans are multiplied as 64-bit integers.
        axis: The axis; it may be left out if there is only one.
        dtype: Convert x to it first.
        include_initial: Whether the product of no elements, 1, comes before the others.

    Returns:
        A tensor of x's shape, or one longer along the axis.

    Raises:
        IndexError: There is no such axis.
        ValueError: axis is missing.

    >>> pt.cumulative_prod([1, 2, 3])
    Tensor([1, 2, 6], dtype=int64)
    """
    return cumulate(ROW_CUMULATIVE_PROD, ROW_PROD, x, axis, dtype, include_initial)


cdef object cumulate(int row, int combining, object x, object axis, object dtype,
                     bint include_initial):
    """All results on the way of the reduction of the row combining."""
    cdef str name = row_name(row)
    cdef Tensor t = as_tensor(x, name), elements, out
    cdef Py_ssize_t dims[PT_MAX_NDIM]
    cdef Py_ssize_t outer = 1, inner = 1
    cdef int op = reduction(combining), along, compute, d
    refuse_traced(t, name)
    if dtype is not None:
        if t.type != dtype_number(dtype):
            t = astype_recorded(t, dtype_number(dtype))
        out = cumulate(row, combining, t, axis, None, include_initial)
        return out if out.type == t.type else astype_recorded(out, t.type)
    if axis is None and t.ndim != 1:
        raise ValueError(f"{name}: x has shape {t.shape}: name the axis")
    along = 0 if axis is None else read_axis(axis, t.ndim, name)
    if kind_of(t.type) == KIND_COMPLEX:
        if innermost_trace != NULL:
            out = traced_call(name, lambda t: cumulate(row, combining, t, along, None,
                                                       include_initial), [t])
        else:
            out = complex_call(name, complex_function(name), numpy_view(t), None, None, along,
                               include_initial)
        if recording_mask & t.tracked:
            record(row, (t,), out, (along, include_initial))
        return out
    compute = t.type
    if kind_of(compute) != KIND_FLOAT:
        compute = PT_UINT64 if kind_of(compute) == KIND_UNSIGNED else PT_INT64
    for d in range(t.ndim):
        dims[d] = t.dims[d]
        if d < along:
            outer *= dims[d]
        elif d > along:
            inner *= dims[d]
    elements = as_contiguous(t, compute)
    out = elements
    if include_initial or elements is t:
        dims[along] += include_initial
        out = new_tensor(compute, t.ndim, dims)
    if out.size < NOGIL_ELEMENTS:
        pt_cumulate(<pt_reduce_op>op, <pt_dtype>compute, outer, t.dims[along], inner,
                    elements.data, include_initial, out.data)
    else:
        with nogil:
            pt_cumulate(<pt_reduce_op>op, <pt_dtype>compute, outer, t.dims[along], inner,
                        elements.data, include_initial, out.data)
    if innermost_trace != NULL:
        trace_cumulation(op, compute, outer, t.dims[along], inner, include_initial, elements, out)
    if recording_mask & t.tracked and kind_of(compute) == KIND_FLOAT:
        record(row, (t,), out, (along, include_initial))
    return out
