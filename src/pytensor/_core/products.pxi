# Matrix products, the fused kernels of networks, and the optimizers' steps.


cdef pt_matrix matrix_of(const char *data, Py_ssize_t row_step, Py_ssize_t column_step,
                         int dtype) noexcept nogil:
    cdef Py_ssize_t item = <Py_ssize_t>pt_dtype_size[dtype]
    cdef pt_matrix m
    m.data = data
    m.row_stride = row_step // item
    m.column_stride = column_step // item
    return m


cdef int check_memory(pt_status status, str name) except -1:
    if status != PT_OK:
        raise MemoryError(f"{name}: no memory to pack the operands")
    return 0


cdef struct Factor:                     # one operand of a product
    const char *data
    Py_ssize_t row, column              # strides of its matrices, in bytes; 0 for a vector
    int n_batch                         # axes before the matrices
    Py_ssize_t steps[PT_MAX_NDIM]       # over the axes of the batch, in bytes


cdef struct Product:                    # (..., m, k) @ (..., k, n)
    int dtype
    Py_ssize_t m, n, k
    int n_batch
    Py_ssize_t dims[PT_MAX_NDIM]        # of the batch: the axes before the matrices, broadcast
    Factor x, y


cdef Tensor product(str name, Tensor x, Tensor y):
    """The matrix product over the last two axes. Vectors count as a row (x) and a column (y); the
    axes before the matrices broadcast."""
    cdef Product p
    if x.ndim == 0 or y.ndim == 0:
        raise ValueError(f"{name}: shapes {x.shape} and {y.shape}: a 0-d tensor has no axis to sum "
                         "over")
    p.dtype = promote(name, x.type, y.type)
    x = x if x.type == p.dtype else converted(x, p.dtype)
    y = y if y.type == p.dtype else converted(y, p.dtype)
    if kind_of(p.dtype) == KIND_COMPLEX:
        if innermost_trace != NULL:
            return traced_call(name, lambda x, y: product(name, x, y), [x, y])
        return complex_call(name, np.matmul, numpy_view(x), numpy_view(y))
    read_matrices(&p, name, x, y)
    broadcast_batch(&p, name, x, y)
    cdef Tensor out = new_result(&p, name, x, y)
    if out.size > 0:
        stack_matrices(&p)
        merge_batch(&p)
        check_memory(run_products(&p, out.data), name)
        if innermost_trace != NULL:
            trace_product(&p, x, y, out)
    return out


cdef int read_matrices(Product *p, str name, Tensor x, Tensor y) except -1:
    """Reads the lengths and strides of the last two axes; vectors as in product."""
    cdef int last_x = x.ndim - 1, last_y = y.ndim - 1
    cdef Py_ssize_t length = y.dims[max(last_y - 1, 0)]
    p.m = p.n = 1
    p.x.row = p.y.column = 0
    p.x.data = x.data
    p.y.data = y.data
    p.k = x.dims[last_x]
    p.x.column = x.steps[last_x]
    p.y.row = y.steps[max(last_y - 1, 0)]
    if x.ndim > 1:
        p.m = x.dims[last_x - 1]
        p.x.row = x.steps[last_x - 1]
    if y.ndim > 1:
        p.n = y.dims[last_y]
        p.y.column = y.steps[last_y]
    if p.k != length:
        raise ValueError(f"{name}: {x.shape} and {y.shape}: {p.k} columns against {length} rows")
    return 0


cdef int broadcast_batch(Product *p, str name, Tensor x, Tensor y) except -1:
    """Sets the axes before the matrices: their common lengths, and both operands' strides."""
    cdef int d, axis
    p.x.n_batch = max(x.ndim - 2, 0)
    p.y.n_batch = max(y.ndim - 2, 0)
    p.n_batch = max(p.x.n_batch, p.y.n_batch)
    for d in range(p.n_batch):
        p.dims[d] = 1
        p.x.steps[d] = p.y.steps[d] = 0
        axis = d - (p.n_batch - p.x.n_batch)
        if axis >= 0 and x.dims[axis] != 1:
            p.dims[d] = x.dims[axis]
            p.x.steps[d] = x.steps[axis]
        axis = d - (p.n_batch - p.y.n_batch)
        if axis >= 0 and y.dims[axis] != 1:
            if p.dims[d] != 1 and p.dims[d] != y.dims[axis]:
                raise ValueError(f"{name}: shapes {x.shape} and {y.shape} do not broadcast before "
                                 "the last two axes")
            p.dims[d] = y.dims[axis]
            p.y.steps[d] = y.steps[axis]
    return 0


cdef Tensor new_result(const Product *p, str name, Tensor x, Tensor y):
    """A tensor for the products: (..., m, n), without m or n for a vector."""
    cdef Py_ssize_t dims[PT_MAX_NDIM + 2]
    cdef int ndim
    for ndim in range(p.n_batch):
        dims[ndim] = p.dims[ndim]
    ndim = p.n_batch
    if x.ndim > 1:
        dims[ndim] = p.m
        ndim += 1
    if y.ndim > 1:
        dims[ndim] = p.n
        ndim += 1
    if ndim > PT_MAX_NDIM:
        raise ValueError(f"{name}: the result would have {ndim} axes: at most {PT_MAX_NDIM}")
    return new_tensor(p.dtype, ndim, dims)


cdef void stack_matrices(Product *p) noexcept:
    """Combines evenly spaced matrices of x that multiply the same y into one taller matrix."""
    cdef Py_ssize_t length = p.x.row * p.m
    cdef int d
    if p.y.n_batch > 0:
        return
    for d in range(p.n_batch - 1, -1, -1):
        if p.dims[d] != 1:
            if p.x.steps[d] != length:
                return
            length = p.x.steps[d] * p.dims[d]
    for d in range(p.n_batch):
        p.m *= p.dims[d]
    p.n_batch = 0


cdef void merge_batch(Product *p) noexcept:
    """Merges axes of the batch over which matrices are evenly spaced."""
    cdef int last = -1, d
    for d in range(p.n_batch):
        if p.dims[d] == 1:
            continue
        if (last >= 0 and p.x.steps[last] == p.dims[d] * p.x.steps[d]
                and p.y.steps[last] == p.dims[d] * p.y.steps[d]):
            p.dims[last] *= p.dims[d]
        else:
            last += 1
            p.dims[last] = p.dims[d]
        p.x.steps[last] = p.x.steps[d]
        p.y.steps[last] = p.y.steps[d]
    p.n_batch = last + 1


cdef pt_matrices factor_of(Factor *f) noexcept:
    cdef pt_matrices factor
    factor.data = f.data
    factor.row = f.row
    factor.column = f.column
    factor.steps = f.steps
    return factor


cdef pt_status run_products(const Product *p, char *out) except PT_INTERRUPTED:
    cdef pt_matrices x = factor_of(<Factor *>&p.x), y = factor_of(<Factor *>&p.y)
    cdef pt_status status
    with nogil:
        status = pt_products(<pt_dtype>p.dtype, p.n_batch, p.dims, p.m, p.n, p.k, &x, &y, out,
                             NULL, False)
    return status


cdef object product_recorded(str name, object left, object right):
    cdef Tensor x = as_tensor(left, name), y = as_tensor(right, name)
    cdef Tensor out = product(name, x, y)
    if recording_mask & (x.tracked | y.tracked) and kind_of(out.type) >= KIND_FLOAT:
        record(ROW_MATMUL, (x, y), out, None)
    return out


def matmul(x, y, /):
    """The matrix product x @ y, as in the Array API standard.

    Args:
        x: A tensor of shape (..., m, k) or (k,).
        y: A tensor of shape (..., k, n) or (k,); the axes before the last two broadcast.

    Returns:
        A tensor of shape (..., m, n), without m or n for a vector. Sums of integers wrap.

    Raises:
        ValueError: For a 0-d tensor, or if k differs between x and y.

    >>> pt.matmul([[1.0, 2.0]], [[3.0], [4.0]])
    Tensor([[11.]], dtype=float32)
    """
    return product_recorded("matmul", x, y)


def dot(x, y, /):
    """The product over the last axis of x and the second to last (or only) axis of y.

    (a, b, c, d) . (d,) -> (a, b, c); (a, b, c, d) . (d, e) -> (a, b, c, e). As in NumPy,
    (a, d) . (b, d, e) -> (a, b, e).

    Args:
        x: A tensor of any shape.
        y: A tensor of any shape. If x or y is 0-d, the result is their product x * y.

    Returns:
        A tensor; for two vectors, their inner product.

    Raises:
        ValueError: If the lengths of the summed axes differ.

    >>> pt.dot([[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0])
    Tensor([3., 7.], dtype=float32)
    """
    cdef Tensor a = as_tensor(x, "dot"), b = as_tensor(y, "dot")
    if a.ndim == 0 or b.ndim == 0:
        return elementwise_call(ROW_MULTIPLY, a, b, None, None)
    if b.ndim <= 2:
        return product_recorded("dot", a, b)
    if a.dims[a.ndim - 1] != b.dims[b.ndim - 2]:
        raise ValueError(f"dot: {a.shape} and {b.shape}: {a.dims[a.ndim - 1]} columns against "
                         f"{b.dims[b.ndim - 2]} rows")
    order = list(range(b.ndim))
    order.insert(0, order.pop(-2))
    lengths = b.shape[:-2] + b.shape[-1:]
    rows = reshape(permute_dims(b, order), (b.dims[b.ndim - 2], -1)) if b.size else (
        full((b.dims[b.ndim - 2], b.size // max(b.dims[b.ndim - 2], 1)), 0, dtype=b.dtype))
    if a.size == 0 or b.size == 0:
        return full(a.shape[:-1] + lengths, 0, dtype=DTYPES[promote("dot", a.type, b.type)])
    return reshape(product_recorded("dot", a, rows), a.shape[:-1] + lengths)


def linear(x, w, b=None, *, relu=False):
    """Computes x @ w + b, or max(x @ w + b, 0), in one pass over the product.

    Columns of a matrix x that are zero in every row are skipped if that pays; an infinity or NaN in
    the corresponding rows of w then has no effect.

    Args:
        x: A tensor of shape (..., inputs).
        w: Weights of shape (inputs, units), of the same floating-point dtype.
        b: A bias of shape (units,), of the same dtype, or None.
        relu: Replace negative results by 0.

    Returns:
        A tensor of shape (..., units).

    Raises:
        ValueError: If the shapes do not match.
        TypeError: If the dtypes differ or are not floating-point.

    >>> pt.nn.linear(pt.asarray([[1.0, 2.0]]), pt.asarray([[3.0], [4.0]]), pt.asarray([0.5]))
    Tensor([[11.5]], dtype=float32)
    """
    cdef Tensor data = as_tensor(x, "linear"), weights = as_tensor(w, "linear")
    cdef Tensor bias = None if b is None else as_tensor(b, "linear")
    check_linear(data, weights, bias)
    cdef Py_ssize_t dims[PT_MAX_NDIM]
    cdef int d, last = data.ndim - 1
    for d in range(last):
        dims[d] = data.dims[d]
    dims[last] = weights.dims[1]
    cdef Tensor out = new_tensor(weights.type, data.ndim, dims)
    cdef _ColumnsInUse columns = None
    if innermost_trace != NULL and looks_for_columns(data, weights.dims[1]):
        out, columns = traced_linear(data, weights, bias, relu)
    elif out.size > 0:
        columns = run_linear(data, weights, bias, relu, out)
    record_linear(data, weights, bias, columns, relu, out)
    return out


cdef int check_linear(Tensor data, Tensor weights, Tensor bias) except -1:
    if kind_of(weights.type) != KIND_FLOAT:
        raise TypeError(f"linear: weights of dtype {weights.dtype}: expected a floating-point one")
    if data.ndim < 1 or weights.ndim != 2 or data.dims[data.ndim - 1] != weights.dims[0]:
        raise ValueError(f"linear: x has shape {data.shape} and w {weights.shape}: expected "
                         "(..., inputs) and (inputs, units)")
    if bias is not None and (bias.ndim != 1 or bias.dims[0] != weights.dims[1]):
        raise ValueError(f"linear: b has shape {bias.shape}: expected ({weights.dims[1]},)")
    if data.type != weights.type or (bias is not None and bias.type != weights.type):
        raise TypeError(f"linear: x, w and b have dtypes {data.dtype}, {weights.dtype} and "
                        f"{None if bias is None else bias.dtype}: expected one")
    return 0


cdef _ColumnsInUse run_linear(Tensor data, Tensor weights, Tensor bias, bint relu, Tensor out):
    """Computes out, by pt_dense or pt_matmul. Returns the columns of data in use, or None."""
    cdef Tensor rows = data, used = weights
    cdef Tensor row_bias = None if bias is None else as_contiguous(bias, bias.type)
    cdef const char *bias_data = NULL if row_bias is None else row_bias.data
    cdef _ColumnsInUse columns = None
    cdef int last = data.ndim - 1
    cdef Py_ssize_t row_step = 0, item = <Py_ssize_t>pt_dtype_size[weights.type]
    cdef Py_ssize_t k = weights.dims[0], n = weights.dims[1], m = out.size // n
    cdef pt_status status
    if data.ndim == 2:
        row_step = data.steps[0]
    elif data.ndim > 2:
        rows = as_contiguous(data, data.type)
        row_step = rows.steps[last - 1]
    cdef bint in_rows = rows.steps[last] == item and row_step % item == 0
    cdef bint dense
    if looks_for_columns(data, n):
        columns = columns_in_use(data, n)
    if columns is not None:
        used = as_contiguous(weights, weights.type)
        k = columns.numbers.size
    dense = k > 0 and (columns is not None or in_rows and used.steps[1] == item
                       and pt_tiles_pay(<pt_dtype>used.type, m, n, k))
    if dense:
        with nogil:
            status = pt_dense(<pt_dtype>used.type, m, n, k, rows.data, row_step // item,
                              used.data, used.steps[0] // item,
                              NULL if columns is None else <int64_t *>columns.numbers.data,
                              bias_data, relu, out.data)
    else:
        with nogil:
            status = pt_matmul(<pt_dtype>used.type, 1, m, n, k,
                               matrix_of(rows.data, row_step, rows.steps[last], rows.type), 0,
                               matrix_of(used.data, used.steps[0], used.steps[1], used.type), 0,
                               out.data, bias_data, relu)
    check_memory(status, "linear")
    if innermost_trace != NULL:
        trace_linear(dense, m, n, k, rows, row_step, used, row_bias, relu, out)
    return columns


cdef bint looks_for_columns(Tensor x, Py_ssize_t n) noexcept:
    """Whether columns of zeros in x, a factor of a product with n columns, are worth a search."""
    cdef Py_ssize_t item = <Py_ssize_t>pt_dtype_size[x.type]
    return (x.ndim == 2 and x.steps[1] == item and x.steps[0] % item == 0
            and <double>x.dims[0] * x.dims[1] * n >= MIN_WORK_TO_LOOK)


cdef tuple traced_linear(Tensor data, Tensor weights, Tensor bias, bint relu):
    """linear while a function is recorded, where the columns in use are found at each call."""
    cdef _Trace trace = current_trace()
    cdef Py_ssize_t limit = data.dims[1] - data.dims[1] // 16, length = limit + 1
    cdef Py_ssize_t item = <Py_ssize_t>pt_dtype_size[weights.type]
    cdef _ColumnsInUse columns = _ColumnsInUse.__new__(_ColumnsInUse)
    cdef Tensor out = new_of_shape(weights.type, (data.dims[0], weights.dims[1]))
    cdef Tensor numbers = new_tensor(PT_INT64, 1, &length)
    cdef pt_columns_layer layer
    columns.numbers = numbers
    columns.k = data.dims[1]
    columns.counted = True
    memset(&layer, 0, sizeof(layer))
    layer.dtype = <pt_dtype>weights.type
    layer.m = data.dims[0]
    layer.n = weights.dims[1]
    layer.k = data.dims[1]
    layer.x_row_stride = data.steps[0] // item
    layer.w_row_stride = weights.steps[0]
    layer.w_column_stride = weights.steps[1]
    layer.limit = limit
    layer.has_bias = bias is not None
    layer.relu = relu
    inputs = [data, weights, as_contiguous(weights, weights.type)]
    if bias is not None:
        inputs.append(as_contiguous(bias, bias.type))
    if out.size > 0:
        trace.run_kernel("linear", pt_run_columns_layer, <const char *>&layer, sizeof(layer),
                         inputs, [out, numbers])
    else:
        numbers.fill(-1)
    return out, columns


cdef pt_columns_layer layer_of(RowGradient dw) noexcept:
    """The layer whose weights it is the gradient of, as its kernels take it."""
    cdef pt_columns_layer layer
    memset(&layer, 0, sizeof(layer))
    layer.dtype = <pt_dtype>dw.x.type
    layer.m = dw.x.dims[0]
    layer.n = dw.g.dims[1]
    layer.k = dw.x.dims[1]
    layer.x_row_stride = dw.x.steps[0] // <Py_ssize_t>pt_dtype_size[dw.x.type]
    layer.has_columns = dw.counted
    return layer


cdef Tensor traced_row_gradient(RowGradient dw):
    """The dense gradient, while a function is recorded."""
    cdef _Trace trace = current_trace()
    cdef pt_columns_layer layer = layer_of(dw)
    cdef Tensor out = new_of_shape(dw.x.type, dw.shape)
    if out.size == 0:
        return out
    if dw.counted:
        trace.run_kernel("linear's gradient", pt_run_columns_gradient, <const char *>&layer,
                         sizeof(layer), [dw.x, dw.g, dw.numbers], [out])
        return out
    cdef pt_status status
    with nogil:
        status = pt_dense_weight_gradient(layer.dtype, layer.m, layer.n, layer.k, dw.x.data,
                                          layer.x_row_stride, dw.g.data, layer.n, NULL, out.data)
    check_memory(status, "linear")
    trace.add(PT_STEP_DENSE_GRADIENT, 0, out.type, (),
              [trace.place(dw.x, 0, NULL), trace.place(dw.g, 0, NULL)],
              [trace.result_place(out, 2, out.steps)],
              (layer.m, layer.n, layer.k, layer.x_row_stride, layer.n))
    return out


cdef int record_linear(Tensor data, Tensor weights, Tensor bias, _ColumnsInUse columns, bint relu,
                       Tensor out) except -1:
    """Makes two records, of the product and of relu. relu's derivative needs to know where its
    input is above 0, which its result shows too, so the product need not be kept."""
    cdef unsigned long long tracked = data.tracked | weights.tracked
    if bias is not None:
        tracked |= bias.tracked
    if not recording_mask & tracked:
        return 0
    cdef Tensor before = new_view(out, out.data, out.ndim, out.dims, out.steps) if relu else out
    record(ROW_LINEAR, (data, weights) if bias is None else (data, weights, bias), before,
           (columns,))
    if relu:
        record(ROW_RELU, (before,), out, None)
    return 0


# The number of multiplications (about 40 us) from which searching for columns of zeros pays.
cdef double MIN_WORK_TO_LOOK = 4e6


@cython.final
cdef class _ColumnsInUse:
    """Which columns of a matrix (m, k) are not zero throughout."""

    cdef Tensor numbers     # (n_columns,), int64, ascending, in [0, k)
    cdef Py_ssize_t k
    cdef bint counted       # in a recording: numbers[0] is their number, or -1 for all columns


cdef _ColumnsInUse columns_in_use(Tensor x, Py_ssize_t n):
    """The columns of x that are not zero throughout; None if that is nearly all, or if a product
    with n columns is too small to gain from skipping the others."""
    cdef Py_ssize_t m = x.dims[0], k = x.dims[1], limit = k - k // 16
    cdef size_t count = 0
    cdef pt_status status
    if <double>m * k * n < MIN_WORK_TO_LOOK:
        return None
    cdef Tensor numbers = new_tensor(PT_INT64, 1, &limit)
    with nogil:
        status = pt_nonzero_columns(<pt_dtype>x.type, m, k, x.data, x.steps[0], limit,
                                    <int64_t *>numbers.data, &count)
    check_memory(status, "linear")
    if <Py_ssize_t>count > limit:
        return None
    cdef _ColumnsInUse columns = _ColumnsInUse.__new__(_ColumnsInUse)
    columns.numbers = basic_index(numbers, (slice(None, count),))
    columns.k = k
    return columns


def linear_weight_gradient(Tensor x not None, Tensor g not None, _ColumnsInUse columns):
    """x^T g, the gradient of linear's weights; not recorded by a GradientTape.

    Args:
        x: A tensor of shape (..., inputs); all axes but the last count as one.
        g: The gradient of linear's result, (..., units).
        columns: The columns of x in use, as linear found them, or None.

    Returns:
        A tensor of shape (inputs, units), or a RowGradient: if columns is given, since the other
        rows are zero, and where an optimizer can compute it better.
    """
    cdef Py_ssize_t m = 1, n, item = <Py_ssize_t>pt_dtype_size[x.type]
    cdef int d
    if x.ndim == 0 or g.ndim == 0:
        raise ValueError(f"linear: x has shape {x.shape} and g {g.shape}: expected (..., inputs) "
                         "and (..., units)")
    for d in range(x.ndim - 1):
        m *= x.dims[d]
    n = g.dims[g.ndim - 1]
    x = reshape(x, (m, x.dims[x.ndim - 1]))
    g = reshape(as_contiguous(g, g.type), (m, n))
    if g.type != x.type or kind_of(x.type) != KIND_FLOAT:
        raise TypeError(f"linear: x and g have dtypes {x.dtype} and {g.dtype}: expected one, "
                        "floating-point")
    cdef bint in_rows = x.steps[1] == item and x.steps[0] % item == 0
    if columns is not None and (columns.numbers is None or columns.k != x.dims[1] or not in_rows):
        raise ValueError(f"linear: columns in use of another matrix than x, of shape {x.shape}")
    if columns is None and not (in_rows and pt_tiles_pay(<pt_dtype>x.type, x.dims[1], n, m)):
        return product("linear", reversed_axes(x), g)
    cdef RowGradient result = RowGradient.__new__(RowGradient)
    result.x = x
    result.g = g
    result.counted = columns is not None and columns.counted
    result.x_version = root_of(x).version
    result.g_version = root_of(g).version
    result.numbers = None if columns is None else columns.numbers
    result.shape = (x.dims[1], n)
    # Its operands should not take more memory than it does itself, nor be kept for long products,
    # which must be interruptible.
    if (<double>m * (x.dims[1] + n) > 2.0 * x.dims[1] * n
            or <double>m * x.dims[1] * n > MOST_WORK_TO_PUT_OFF):
        result.compute()
        return result if columns is not None and not result.counted else result.known
    return result


cdef double MOST_WORK_TO_PUT_OFF = 4e9  # multiply-adds: 0.1 s on a core


@cython.final
@cython.binding(False)
@cython.embedsignature(True)
cdef class RowGradient:
    """The gradient of a linear layer's weights, which an optimizer computes as it uses it.

    GradientTape.gradient(..., row_gradients=True) may return such gradients. The optimizers accept
    them. Rows that are zero, those of inputs that are not in use, are neither written nor read, and
    until its values are asked for, the product that makes the gradient has not been computed: a
    step of an optimizer computes it tile by tile, and updates the weights by each tile at once.

    Attributes:
        shape: The shape of the matrix, (n, m).
        rows: The numbers of the stored rows, ascending: (n_rows,), int64.
        values: The stored rows, (n_rows, m).

    >>> kernel = pt.zeros((4, 2))
    >>> with pt.GradientTape() as tape:
    ...     tape.watch(kernel)
    ...     y = pt.nn.linear(pt.asarray([[1.0, 0.0, 0.0, 2.0]]), kernel, pt.zeros(2))
    ...
    >>> tape.gradient(y, kernel).shape
    (4, 2)
    """

    cdef Tensor known       # the values, None until they are asked for; then x and g are
    cdef Tensor x, g        # (m, n), columns contiguous; (m, units), contiguous
    cdef Py_ssize_t x_version, g_version
    cdef Tensor numbers     # None: all rows
    cdef bint counted       # in a recording: as in _ColumnsInUse; then known is dense
    cdef readonly tuple shape

    def __init__(self, *args, **kwargs):
        raise TypeError("RowGradient has no constructor: GradientTape.gradient makes them")

    def __reduce__(self):
        # row numbers from elsewhere would have to be checked
        raise TypeError("a RowGradient can't be pickled or copied: use dense() to get a tensor")

    @property
    def rows(self):
        """The numbers of the stored rows, ascending: (n_rows,), int64."""
        self.refuse_counted("rows")
        return asarray(np.arange(self.shape[0])) if self.numbers is None else self.numbers.copy()

    @property
    def values(self):
        """The stored rows, (n_rows, m), computed when they are first asked for.

        Raises:
            RuntimeError: The layer's input was changed in place since.
        """
        self.refuse_counted("values")
        return self.compute()

    @property
    def dtype(self):
        """The dtype of the values."""
        with cython.critical_section(self):
            return DTYPES[(self.x if self.known is None else self.known).type]

    def dense(self):
        """The whole matrix as a tensor, zeros included."""
        cdef Tensor values = self.compute()
        cdef Py_ssize_t dims[2]
        if self.numbers is None or self.counted:
            return values
        dims[0], dims[1] = self.shape
        cdef Tensor out = new_tensor(values.type, 2, dims)
        with nogil:
            pt_scatter_rows(<pt_dtype>out.type, dims[0], dims[1], <int64_t *>self.numbers.data,
                            self.numbers.size, values.data, out.data)
        return out

    cdef int refuse_counted(self, str name) except -1:
        if self.counted:
            raise TypeError(f"RowGradient: {name}: which rows are zero may differ in later calls "
                            "of the function that is being recorded: expected dense()")
        return 0

    cdef int check_operands(self, Tensor x, Tensor g) except -1:
        if root_of(x).version != self.x_version or root_of(g).version != self.g_version:
            raise RuntimeError("RowGradient: the input of its layer was changed in place since; "
                               "it can't be computed any more")
        return 0

    cdef bint reads(self, Tensor t) except -1:
        """Whether values that are still to be computed depend on t."""
        with cython.critical_section(self):
            return self.x is not None and (overlap(self.x, t) or overlap(self.g, t))

    cdef Tensor compute(self):
        """The values. The operands are dropped."""
        cdef Tensor x, g, out
        cdef Py_ssize_t dims[2]
        cdef Py_ssize_t item
        cdef pt_status status
        with cython.critical_section(self):
            out, x, g = self.known, self.x, self.g
        if out is not None:
            return out
        if x is None or g is None:
            raise TypeError("an empty RowGradient")  # made by __new__ only
        self.check_operands(x, g)
        if innermost_trace != NULL:
            self.known = traced_row_gradient(self)
            return self.known
        dims[0] = x.dims[1] if self.numbers is None else self.numbers.size
        dims[1] = g.dims[1]
        item = <Py_ssize_t>pt_dtype_size[x.type]
        out = new_tensor(x.type, 2, dims)
        if out.size > 0:
            with nogil:
                status = pt_dense_weight_gradient(
                    <pt_dtype>x.type, x.dims[0], dims[1], dims[0], x.data, x.steps[0] // item,
                    g.data, dims[1],
                    NULL if self.numbers is None else <int64_t *>self.numbers.data, out.data)
            check_memory(status, "linear")
        with cython.critical_section(self):
            if self.known is None:  # else another thread was faster
                self.known = out
                self.x = self.g = None
            return self.known


cdef object as_dense(object g):
    """The gradient g as a tensor."""
    return (<RowGradient>g).dense() if type(g) is RowGradient else g


# ------------------------------------------------------------------------------ softmax & co


cdef Tensor float_rows(object x, str name):
    """x as a floating-point tensor in C order with at least one axis."""
    cdef Tensor t = as_tensor(x, name)
    if kind_of(t.type) != KIND_FLOAT:
        t = converted(t, DEFAULT_FLOAT)
    if t.ndim == 0:
        raise ValueError(f"{name}: a 0-d tensor has no axis")
    return t


cdef object softmax_over(int row, Tensor t, object axes):
    """softmax along several axes, taken as one."""
    cdef bint chosen[PT_MAX_NDIM]
    cdef Py_ssize_t columns = 1
    cdef int d
    read_axes(axes, t.ndim, row_name(row), chosen)
    order, last = [], []
    for d in range(t.ndim):
        (last if chosen[d] else order).append(d)
        columns *= t.dims[d] if chosen[d] else 1
    kept = tuple([t.dims[d] for d in order])
    order += last
    moved = permute_dims(t, order)
    out = softmax_call(row, reshape(moved, (*kept, columns)), -1).reshape(moved.shape)
    return permute_dims(out, [order.index(d) for d in range(t.ndim)])


cdef object softmax_call(int row, object x, object axis):
    cdef Tensor t = float_rows(x, row_name(row)), source, out
    if isinstance(axis, (tuple, list)):
        return softmax_over(row, t, axis)
    cdef int number = read_axis(axis, t.ndim, row_name(row)), last = t.ndim - 1
    if number != last:
        order = list(range(t.ndim))
        order[number], order[last] = last, number
        return permute_dims(softmax_call(row, permute_dims(t, order), -1), order)
    source = as_contiguous(t, t.type)
    out = new_tensor(t.type, t.ndim, t.dims)
    cdef Py_ssize_t columns = t.dims[last], rows
    if out.size > 0:
        rows = t.size // columns
        with nogil:
            if row == ROW_SOFTMAX:
                pt_softmax(<pt_dtype>t.type, rows, columns, source.data, out.data)
            else:
                pt_log_softmax(<pt_dtype>t.type, rows, columns, source.data, out.data)
        if innermost_trace != NULL:
            trace_rows(PT_STEP_SOFTMAX if row == ROW_SOFTMAX else PT_STEP_LOG_SOFTMAX, rows,
                       columns, [source], out)
    if recording_mask & t.tracked:
        record(row, (t,), out, None)
    return out


def softmax(x, /, axis=-1):
    """exp(x) / sum(exp(x)) along one or several axes, computed without overflow from x - max(x).

    If one element is inf, its result is 1 and the others are 0, the limit.

    Args:
        x: A tensor of any shape; integers are converted to float32.
        axis: An axis or a tuple of axes.

    Returns:
        A tensor of the same shape.

    >>> pt.softmax([0.0, 1.0, 2.0])
    Tensor([0.09003057, 0.24472845, 0.6652409 ], dtype=float32)
    """
    return softmax_call(ROW_SOFTMAX, x, axis)


def log_softmax(x, /, axis=-1):
    """log(softmax(x)) along one or several axes, as x - max(x) - log(sum(exp(x - max(x)))).

    Args:
        x: A tensor of any shape; integers are converted to float32.
        axis: An axis or a tuple of axes.

    Returns:
        A tensor of the same shape.

    >>> pt.log_softmax([0.0, 0.0])
    Tensor([-0.6931472, -0.6931472], dtype=float32)
    """
    return softmax_call(ROW_LOG_SOFTMAX, x, axis)


def softmax_cross_entropy(logits, targets, /):
    """-sum(targets * log_softmax(logits)) along the last axis: categorical cross-entropy.

    Args:
        logits: A tensor of shape (..., classes).
        targets: One-hot rows or probabilities, of the same shape.

    Returns:
        A tensor of shape (...).

    Raises:
        ValueError: If the shapes differ or there is no class.

    >>> pt.nn.softmax_cross_entropy(pt.asarray([[0.0, 0.0]]), pt.asarray([[1.0, 0.0]]))
    Tensor([0.6931472], dtype=float32)
    """
    cdef Tensor x = float_rows(logits, "softmax_cross_entropy")
    cdef Tensor t = as_tensor(targets, "softmax_cross_entropy")
    if not (t.ndim == x.ndim and same_dims(x, t)):
        raise ValueError(f"softmax_cross_entropy: logits have shape {x.shape} and targets "
                         f"{t.shape}: expected the same")
    check_classes(x, "softmax_cross_entropy")
    cdef Tensor rows = as_contiguous(x, x.type), of = as_contiguous(t, x.type)
    cdef Tensor out = new_tensor(x.type, x.ndim - 1, x.dims)
    if out.size > 0:
        with nogil:
            pt_softmax_cross_entropy(<pt_dtype>x.type, out.size, x.dims[x.ndim - 1], rows.data,
                                     of.data, out.data)
        if innermost_trace != NULL:
            trace_rows(PT_STEP_CROSS_ENTROPY, out.size, x.dims[x.ndim - 1], [rows, of], out)
    if recording_mask & (x.tracked | t.tracked):
        record(ROW_SOFTMAX_CROSS_ENTROPY, (x, t), out, None)
    return out


cdef int check_classes(Tensor logits, str name) except -1:
    if logits.dims[logits.ndim - 1] == 0:
        raise ValueError(f"{name}: logits have shape {logits.shape}: expected at least one class")
    return 0


cdef Tensor class_numbers(Tensor labels, Py_ssize_t n_classes, str name):
    """The labels as contiguous int64, checked. A copy: see checked_rows."""
    if kind_of(labels.type) not in (KIND_SIGNED, KIND_UNSIGNED):
        raise TypeError(f"{name}: labels of dtype {labels.dtype}: expected integers")
    if innermost_trace != NULL:
        return traced_rows(labels, n_classes, 0, lambda t: class_numbers(t, n_classes, name))
    cdef Tensor numbers = converted(labels, PT_INT64)
    cdef int64_t *at = <int64_t *>numbers.data
    cdef Py_ssize_t i
    for i in range(numbers.size):
        if at[i] < 0 or at[i] >= n_classes:
            raise ValueError(f"{name}: label {at[i]} at position {i} is not one of {n_classes} "
                             f"classes (0 to {n_classes - 1})")
    return numbers


def sparse_softmax_cross_entropy(logits, labels, /):
    """-log_softmax(logits)[label] along the last axis: categorical cross-entropy of class numbers.

    Args:
        logits: A tensor of shape (..., classes).
        labels: Integers in [0, classes), of shape (...).

    Returns:
        A tensor of shape (...).

    Raises:
        ValueError: For a label out of range (the message has its position), or if the shapes do not
            match.

    >>> pt.nn.sparse_softmax_cross_entropy(pt.asarray([[0.0, 0.0]]), pt.asarray([1]))
    Tensor([0.6931472], dtype=float32)
    """
    cdef Tensor x = float_rows(logits, "sparse_softmax_cross_entropy")
    cdef Tensor labels_given = as_tensor(labels, "sparse_softmax_cross_entropy")
    check_classes(x, "sparse_softmax_cross_entropy")
    cdef Tensor numbers = class_numbers(labels_given, x.dims[x.ndim - 1],
                                        "sparse_softmax_cross_entropy")
    if labels_given.ndim != x.ndim - 1 or not same_dims(labels_given, x):
        raise ValueError(f"sparse_softmax_cross_entropy: logits have shape {x.shape} and labels "
                         f"{labels_given.shape}: expected {x.shape[:-1]}")
    cdef Tensor rows = as_contiguous(x, x.type)
    cdef Tensor out = new_tensor(x.type, x.ndim - 1, x.dims)
    if out.size > 0:
        with nogil:
            pt_sparse_softmax_cross_entropy(<pt_dtype>x.type, out.size, x.dims[x.ndim - 1],
                                            rows.data, <int64_t *>numbers.data, out.data)
        if innermost_trace != NULL:
            trace_rows(PT_STEP_SPARSE_CROSS_ENTROPY, out.size, x.dims[x.ndim - 1],
                       [rows, numbers], out)
    if recording_mask & x.tracked:
        record(ROW_SPARSE_SOFTMAX_CROSS_ENTROPY, (x, numbers), out, None)
    return out


def cross_entropy_gradient(Tensor g not None, Tensor logits not None, Tensor targets not None):
    """The gradient of both functions above with respect to the logits, in one pass.

    Not recorded by a GradientTape.

    Args:
        g: The gradient of the losses, (...).
        logits: (..., classes).
        targets: Of the dtype of the logits, (..., classes); or class numbers, (...), that were
            checked.

    Returns:
        A tensor like the logits.
    """
    cdef Tensor x = as_contiguous(logits, logits.type), losses = as_contiguous(g, x.type)
    cdef bint is_sparse = kind_of(targets.type) != KIND_FLOAT
    cdef Tensor t = as_contiguous(targets, PT_INT64 if is_sparse else x.type)
    cdef Tensor sums = None if is_sparse else as_contiguous(reduce_call(ROW_SUM, t, -1, False),
                                                            x.type)
    cdef Tensor out = new_tensor(x.type, x.ndim, x.dims)
    cdef Py_ssize_t columns = x.dims[x.ndim - 1] if x.ndim else 0
    if columns == 0 or losses.size * columns != x.size or t.size != (
            losses.size if is_sparse else x.size):
        raise ValueError(f"cross_entropy_gradient: shapes {g.shape}, {logits.shape} and "
                         f"{targets.shape}: expected (...), (..., classes) and one of them")
    if is_sparse:
        t = class_numbers(t, columns, "cross_entropy_gradient")
    if out.size > 0:
        with nogil:
            pt_cross_entropy_gradient(<pt_dtype>x.type, losses.size, columns, x.data,
                                      NULL if is_sparse else t.data,
                                      NULL if is_sparse else sums.data,
                                      <int64_t *>t.data if is_sparse else NULL, losses.data,
                                      out.data)
        if innermost_trace != NULL:
            trace_cross_entropy_gradient(x, t, losses, sums, out)
    return out


cdef struct CrossEntropyCall:           # a call of pt_cross_entropy_gradient, for programs
    pt_dtype dtype
    size_t rows, columns
    bint is_sparse


cdef pt_status run_cross_entropy_gradient(const void *parameters,
                                          const pt_operand *o) noexcept nogil:
    cdef const CrossEntropyCall *call = <const CrossEntropyCall *>parameters
    if call.is_sparse:
        pt_cross_entropy_gradient(call.dtype, call.rows, call.columns, o[0].data, NULL, NULL,
                                  <const int64_t *>o[2].data, o[1].data, o[3].data)
    else:
        pt_cross_entropy_gradient(call.dtype, call.rows, call.columns, o[0].data, o[2].data,
                                  o[3].data, NULL, o[1].data, o[4].data)
    return PT_OK


cdef int trace_cross_entropy_gradient(Tensor x, Tensor t, Tensor losses, Tensor sums,
                                      Tensor out) except -1:
    cdef CrossEntropyCall call
    memset(&call, 0, sizeof(call))
    call.dtype = <pt_dtype>x.type
    call.rows = losses.size
    call.columns = x.dims[x.ndim - 1]
    call.is_sparse = sums is None
    inputs = [x, losses, t]
    if sums is not None:
        inputs.append(sums)
    return trace_kernel("cross_entropy_gradient", run_cross_entropy_gradient,
                        <const char *>&call, sizeof(call), inputs, out)


# ----------------------------------------------------------------- mini-batches and optimizers


def gather_rows(src, rows, /, *, dtype=None, scale=1.0):
    """src[rows] converted to dtype and multiplied by scale, in one pass: a mini-batch.

    Not recorded by a GradientTape.

    Args:
        src: A tensor of shape (n, ...) and any dtype.
        rows: Integers in [-n, n), of shape (m,).
        dtype: The result's dtype; by default that of src. Must be floating-point if scale is not 1.
        scale: A factor.

    Returns:
        A tensor of shape (m, ...).
    """
    cdef Tensor t = as_tensor(src, "gather_rows"), numbers
    cdef Tensor row_numbers = as_tensor(rows, "gather_rows")
    cdef int target = t.type if dtype is None else dtype_number(dtype), d
    cdef double factor = scale
    cdef Py_ssize_t dims[PT_MAX_NDIM]
    cdef Py_ssize_t row_length = 1
    if t.ndim == 0 or row_numbers.ndim != 1 or kind_of(row_numbers.type) not in (
            KIND_SIGNED, KIND_UNSIGNED):
        raise ValueError(f"gather_rows: src has shape {t.shape}, rows {row_numbers.shape} and "
                         f"dtype {row_numbers.dtype}: expected (n, ...) and a vector of integers")
    if kind_of(target) != KIND_FLOAT and (target != t.type or factor != 1.0) or (
            kind_of(t.type) == KIND_COMPLEX):
        raise TypeError(f"gather_rows: from {t.dtype} to {DTYPES[target]} with scale {scale}: "
                        "expected a floating-point dtype, or that of src and scale 1")
    numbers = checked_rows(row_numbers, t.dims[0])
    t = as_contiguous(t, t.type)
    dims[0] = numbers.size
    for d in range(1, t.ndim):
        dims[d] = t.dims[d]
        row_length *= t.dims[d]
    cdef Tensor out = new_tensor(target, t.ndim, dims)
    if out.size > 0:
        with nogil:
            pt_gather_rows(<pt_dtype>t.type, t.data, row_length, <int64_t *>numbers.data,
                           numbers.size, <pt_dtype>target, factor, out.data)
        if innermost_trace != NULL:
            trace_gather(t, numbers, row_length, factor, out)
    return out


cdef dict UPDATE_RULES = {name: number for number, name in enumerate(RULE_NAMES)}


def update_weights(str rule, weights, gradients, dict states, numbers, *, double keep=1.0,
                   list undecayed=None, list scales=None, double limit=float("inf"),
                   bint fused=False):
    """One step of an optimizer, in place; each weight in one pass.

    Args:
        rule: The name of a row of _tables/optimizers.py.
        weights: Tensors of a floating-point dtype, in C order.
        gradients: One for each, of its shape and dtype: a tensor, a RowGradient, or None, which
            leaves its weight as it is.
        states: id(weight) -> (weight, state): the tensors kept for it, like the weight.
        numbers: The values of the row's numbers. While a function is recorded, a tensor of
            them, float64, followed by keep, which are read at each call.
        keep: What the weights are multiplied by before. While a function is recorded, 1, or any
            other number for what `numbers` ends with.
        undecayed: The weights that are not; None for none.
        scales: What each gradient is multiplied by; None for 1.
        limit: What the elements of the gradients are limited to, -limit to limit, after that.
        fused: Compute gradients that are still products tile by tile, and update the weights by
            each tile at once; by default only where that is known to be faster. The bits are the
            same.

    Returns:
        The number of gradients that were None.
    """
    cdef pt_update update
    cdef Py_ssize_t k
    cdef int n_missing = 0
    cdef str name = f"{rule}_step"
    update.rule = <pt_rule><int>UPDATE_RULES[rule]
    update.limit = limit
    if innermost_trace != NULL and not isinstance(numbers, Tensor):
        raise TypeError(f"{current_trace().name}: {user_line()}: {name}: a step of an optimizer "
                        "can't be recorded: apply it outside the function")
    if innermost_trace == NULL and len(numbers) != pt_rules[<int>update.rule].n_numbers:
        raise ValueError(f"{name}: {len(numbers)} numbers: expected "
                         f"{pt_rules[<int>update.rule].n_numbers}")
    for k in range(0 if innermost_trace != NULL else len(numbers)):
        update.numbers[k] = numbers[k]
    for dw in gradients:  # that of a product with one of the weights must not wait for their step
        if type(dw) is RowGradient:
            for w in weights:
                if (<RowGradient>dw).reads(<Tensor?>w):
                    (<RowGradient>dw).compute()
    for k, (w, dw) in enumerate(zip(weights, gradients, strict=True)):
        if dw is None:
            n_missing += 1
            continue
        update.keep = keep
        if undecayed is not None:
            for kept in undecayed:
                if w is kept:
                    update.keep = 1
        if innermost_trace != NULL:
            traced_update(name, &update, <Tensor?>w, dw, states[<uintptr_t><PyObject *>w][1],
                          <Tensor?>numbers, None if scales is None else <Tensor?>scales[k])
            continue
        update.scale = 1 if scales is None else scales[k]
        update_weight(name, &update, fused, w, dw, states[<uintptr_t><PyObject *>w][1])
    return n_missing


cdef int update_weight(str name, pt_update *update, bint fused, Tensor w, object dw,
                       tuple state) except -1:
    """Fills in the weight and its state, checked, and runs the step."""
    cdef pt_gradient_rows rows
    cdef RowGradient part
    cdef Tensor t, x, g
    cdef int k
    if len(state) != pt_rules[<int>update.rule].n_states:
        raise ValueError(f"{name}: a state of {len(state)} tensors: expected "
                         f"{pt_rules[<int>update.rule].n_states}")
    check_step_operand(name, w, w, w.contiguous)
    check_writable(w, name)
    for k in range(len(state)):
        t = <Tensor?>state[k]
        check_writable(t, name)
        check_step_operand(name, w, t, t.contiguous)
        update.state[k] = t.data
    update.dtype = <pt_dtype>w.type
    update.n = w.size
    update.w = w.data
    rows.rows = NULL
    rows.n_rows = rows.row_length = 0
    if type(dw) is RowGradient:
        part = <RowGradient>dw
        if part.shape is None:  # made by __new__ only
            raise TypeError(f"{name}: an empty RowGradient")
        if w.ndim != 2 or part.dtype != w.dtype or part.shape != w.shape:
            raise step_error(name, w, part.shape, dtype_number(part.dtype))
        rows.row_length = w.dims[1]
        rows.n_rows = w.dims[0]
        if part.numbers is not None:
            rows.rows = <int64_t *>part.numbers.data
            rows.n_rows = part.numbers.size
        # The pieces of rows that a tile is made of are read more slowly than whole arrays in turn:
        # a rule with state reads more of them than it saves, as does one without, for rows of
        # zeros; see docs/performance.md.
        fused = fused or pt_rules[<int>update.rule].n_states == 0 and part.numbers is None
        with cython.critical_section(part):
            x, g = part.x, part.g
        if fused and x is not None and pt_dense_can_update(
                update.dtype, x.dims[0], w.dims[1], rows.n_rows):
            part.check_operands(x, g)
            return update_by_product(name, update, w, x, g, &rows)
        t = part.compute()
    elif isinstance(dw, Tensor):
        check_step_operand(name, w, <Tensor>dw, True)
        t = as_contiguous(<Tensor>dw, w.type)
    else:
        raise TypeError(f"{name}: dw is a {type(dw).__name__}: expected a Tensor or a RowGradient")
    bump_version(w)
    if w.size < NOGIL_ELEMENTS:
        pt_update_weight(update, t.data, &rows)
        return 0
    with nogil:
        pt_update_weight(update, t.data, &rows)
    return 0


cdef int traced_update(str name, pt_update *update, Tensor w, object dw, tuple state,
                       Tensor numbers, Tensor scale) except -1:
    """The step of a weight while a function is recorded."""
    cdef _Trace trace = current_trace()
    cdef pt_update_step step
    cdef RowGradient part
    cdef Tensor t
    cdef list inputs = [w, *state]
    memset(&step, 0, sizeof(step))
    step.update = update[0]
    step.update.dtype = <pt_dtype>w.type
    step.update.n = w.size
    step.decays = update.keep != 1
    step.has_scale = scale is not None
    if len(state) != pt_rules[<int>update.rule].n_states:
        raise ValueError(f"{name}: a state of {len(state)} tensors: expected "
                         f"{pt_rules[<int>update.rule].n_states}")
    if numbers.type != PT_FLOAT64 or numbers.ndim != 1 or (
            numbers.size != pt_rules[<int>update.rule].n_numbers + 1):
        raise ValueError(f"{name}: found {numbers.size} numbers of dtype {numbers.dtype}: expected "
                         f"{pt_rules[<int>update.rule].n_numbers + 1} of float64")
    for t in inputs:
        check_step_operand(name, w, t, t.contiguous)
        check_writable(t, name)
        trace.check_write(name, t, False)
    trace.is_final = True
    if type(dw) is RowGradient and (<RowGradient>dw).known is None:
        part = <RowGradient>dw
        if w.ndim != 2 or part.dtype != w.dtype or part.shape != w.shape:
            raise step_error(name, w, part.shape, dtype_number(part.dtype))
        part.check_operands(part.x, part.g)
        step.is_product = True
        step.layer = layer_of(part)
        inputs += [part.x, part.g] + ([part.numbers] if part.counted else [])
    else:
        t = <Tensor?>as_dense(dw)
        check_step_operand(name, w, t, True)
        inputs.append(as_contiguous(t, w.type))
    inputs += [as_contiguous(numbers, PT_FLOAT64)] + ([] if scale is None else [scale])
    bump_version(w)
    if w.size > 0:
        trace.run_kernel(name, pt_run_update, <const char *>&step, sizeof(step), inputs,
                         [w, *state])
        (<_Step>trace.steps[-1]).is_update = True
    return 0


cdef int update_by_product(str name, pt_update *update, Tensor w, Tensor x, Tensor g,
                           const pt_gradient_rows *rows) except -1:
    """The step by a gradient x^T g that has not been computed, and is not kept."""
    cdef Py_ssize_t item = <Py_ssize_t>pt_dtype_size[w.type]
    cdef pt_status status
    bump_version(w)
    with nogil:
        status = pt_dense_update(update, x.dims[0], w.dims[1], rows.n_rows, x.data,
                                 x.steps[0] // item, g.data, g.dims[1], rows)
    return check_memory(status, name)


cdef inline int check_step_operand(str name, Tensor w, Tensor t, bint in_order) except -1:
    if (kind_of(t.type) != KIND_FLOAT or t.type != w.type or t.ndim != w.ndim
            or not same_dims(t, w) or not in_order):
        raise step_error(name, w, t.shape, t.type)
    return 0


cdef object step_error(str name, Tensor w, tuple shape, int dtype):
    return ValueError(f"{name}: shapes {w.shape} and {shape}, dtypes {w.dtype} and "
                      f"{DTYPES[dtype]}: expected equal ones, floating-point, in C order")
