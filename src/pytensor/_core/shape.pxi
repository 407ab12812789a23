# Views: reshape, permute_dims, broadcast_to, indexing; and copies where no view is possible.


cdef Tensor recorded_view(int row, Tensor t, Tensor view, object parameters):
    if recording_mask & t.tracked:
        record(row, (t,), view, parameters)
    return view


def reshape(x, /, shape, *, copy=None):
    """The elements of x, in C order, in another shape; a view if the strides allow it.

    Args:
        x: A tensor or array-like.
        shape: An int or a tuple. One length may be -1 and follows from the others.
        copy: True always copies, False never does; by default only if necessary.

    Returns:
        A tensor of the shape and the dtype of x.

    Raises:
        ValueError: If the shape has another number of elements, or if copy is False and a copy is
            necessary.

    >>> pt.reshape(pt.arange(6), (2, -1))
    Tensor([[0, 1, 2],
            [3, 4, 5]], dtype=int64)
    """
    cdef Tensor t = as_tensor(x, "reshape")
    cdef Py_ssize_t dims[PT_MAX_NDIM]
    cdef Py_ssize_t steps[PT_MAX_NDIM]
    cdef int ndim = read_shape(shape, dims), d, unknown = -1
    cdef Py_ssize_t known = 1
    for d in range(ndim):
        if dims[d] == -1 and unknown < 0:
            unknown = d
        elif dims[d] < 0:
            raise ValueError(f"reshape: shape {shape_text(ndim, dims)}: axis {d} is negative")
        elif known != 0 and dims[d] > (<Py_ssize_t>(<size_t>-1 >> 1)) // known:
            known = -1
            break
        else:
            known *= dims[d]
    if unknown >= 0 and known > 0 and t.size % known == 0:
        dims[unknown] = t.size // known
        known = t.size
    if known != t.size or (unknown >= 0 and dims[unknown] == -1):
        raise ValueError(f"reshape: {t.size} elements of shape {t.shape} do not fit into shape "
                         f"{shape_text(ndim, dims)}")
    count_elements(ndim, dims, pt_dtype_size[t.type])
    cdef Tensor source = t, view
    if copy or not view_steps(t, ndim, dims, steps):
        if copy is False:
            raise ValueError(f"reshape: shape {t.shape} with strides {t.strides} can't become "
                             f"{shape_text(ndim, dims)} without a copy (copy=False)")
        source = converted(t, t.type)
        view_steps(source, ndim, dims, steps)
    view = new_view(source, source.data, ndim, dims, steps)
    return recorded_view(ROW_RESHAPE, t, view, None)


cdef bint view_steps(Tensor t, int ndim, const Py_ssize_t *dims, Py_ssize_t *steps) noexcept:
    """Fills in the strides of t in the new shape; returns False if no strides can express it.

    Walks groups of old axes that merge into one run, and cuts each run into new axes.
    """
    cdef Py_ssize_t step = <Py_ssize_t>pt_dtype_size[t.type]
    cdef int d, old = t.ndim - 1, new = ndim - 1
    cdef Py_ssize_t run, run_step
    if t.contiguous or t.size == 0:
        for d in range(ndim - 1, -1, -1):
            steps[d] = step
            step *= dims[d]
        return True
    while new >= 0:
        while old >= 0 and t.dims[old] == 1:
            old -= 1
        if dims[new] == 1:
            steps[new] = step
            new -= 1
            continue
        if old < 0:
            return False
        run = t.dims[old]
        run_step = t.steps[old]
        old -= 1
        while True:  # cut new axes off the run, and lengthen it if necessary
            if run % dims[new] == 0 and run >= dims[new]:
                steps[new] = run_step
                run_step *= dims[new]
                run //= dims[new]
                new -= 1
                if run == 1:
                    break
                if new < 0:
                    return False
                continue
            while old >= 0 and t.dims[old] == 1:
                old -= 1
            if old < 0 or not follows(t, old):
                return False
            run *= t.dims[old]
            old -= 1
    return True


cdef bint follows(Tensor t, int axis) noexcept:
    """Whether axis and the next axis longer than 1 can be walked as one."""
    cdef int next = axis + 1
    while next < t.ndim and t.dims[next] == 1:
        next += 1
    return next < t.ndim and t.steps[axis] == t.steps[next] * t.dims[next]


def permute_dims(x, /, axes):
    """A view of x with its axes in another order: axis i of the result is axis axes[i] of x.

    Args:
        x: A tensor or array-like.
        axes: A sequence that contains each axis once.

    Returns:
        A tensor on the memory of x.

    Raises:
        ValueError: If axes does not contain each axis once.

    >>> pt.permute_dims(pt.zeros((2, 3, 4)), (2, 0, 1)).shape
    (4, 2, 3)
    """
    cdef Tensor t = as_tensor(x, "permute_dims")
    cdef Py_ssize_t dims[PT_MAX_NDIM]
    cdef Py_ssize_t steps[PT_MAX_NDIM]
    cdef bint seen[PT_MAX_NDIM]
    cdef int d, axis
    try:
        axes = tuple(axes)
    except TypeError:
        raise TypeError(f"permute_dims: axes is {axes!r}: expected a sequence of "
                        "integers") from None
    if len(axes) != t.ndim:
        raise ValueError(f"permute_dims: {len(axes)} axes in {axes} for shape {t.shape}")
    order = []
    for d in range(t.ndim):
        seen[d] = False
    for d in range(t.ndim):
        axis = read_axis(axes[d], t.ndim, "permute_dims")
        if seen[axis]:
            raise ValueError(f"permute_dims: axis {axis} appears twice in {axes}")
        seen[axis] = True
        dims[d] = t.dims[axis]
        steps[d] = t.steps[axis]
        order.append(axis)
    return recorded_view(ROW_PERMUTE_DIMS, t, new_view(t, t.data, t.ndim, dims, steps),
                         (tuple(order),))


cdef Tensor reversed_axes(Tensor t):
    refuse_traced(t, "permute_dims")
    cdef Py_ssize_t dims[PT_MAX_NDIM]
    cdef Py_ssize_t steps[PT_MAX_NDIM]
    cdef int d, last = t.ndim - 1
    for d in range(t.ndim):
        dims[d] = t.dims[last - d]
        steps[d] = t.steps[last - d]
    cdef Tensor view = new_view(t, t.data, t.ndim, dims, steps)
    if recording_mask & t.tracked:
        record(ROW_PERMUTE_DIMS, (t,), view, (tuple(range(last, -1, -1)),))
    return view


def broadcast_to(x, /, shape):
    """A read-only view of x repeated to the shape, without copying elements.

    Args:
        x: A tensor or array-like. Each of its axes, from the last, must have length 1 or that of
            the shape.
        shape: An int or a tuple.

    Returns:
        A tensor of the shape, on the memory of x.

    Raises:
        ValueError: If x does not broadcast to the shape.

    >>> pt.broadcast_to([1, 2], (2, 2))
    Tensor([[1, 2],
            [1, 2]], dtype=int64)
    """
    cdef Tensor t = x if type(x) is Tensor else as_tensor(x, "broadcast_to")
    cdef Py_ssize_t dims[PT_MAX_NDIM]
    cdef Py_ssize_t steps[PT_MAX_NDIM]
    cdef int ndim = read_shape(shape, dims), d, shift = ndim - t.ndim
    cdef bint fits = shift >= 0
    count_elements(ndim, dims, pt_dtype_size[t.type])
    for d in range(ndim):
        if d < shift:
            steps[d] = 0
        elif fits and t.dims[d - shift] == dims[d]:
            steps[d] = t.steps[d - shift]
        else:
            fits = fits and t.dims[d - shift] == 1
            steps[d] = 0
    if not fits:
        raise ValueError(f"broadcast_to: shape {t.shape} does not broadcast to "
                         f"{shape_text(ndim, dims)}")
    if t.traced:
        owner_of(t)
    cdef Tensor view = new_view(t, t.data, ndim, dims, steps)
    view.readonly = True
    return recorded_view(ROW_BROADCAST_TO, t, view, None)


cdef Tensor astype_recorded(Tensor t, int dtype):
    cdef Tensor out
    if kind_of(dtype) == KIND_COMPLEX:
        refuse_traced(t, "a conversion to complex numbers")
    if t.traced:
        owner_of(t)
    out = converted(t, dtype)
    if recording_mask & t.tracked and kind_of(dtype) >= KIND_FLOAT:
        record(ROW_ASTYPE, (t,), out, None)
    return out


# ---------------------------------------------------------------------------------- indexing


cdef bint is_basic(object key) except -1:
    """Whether an index of one axis is basic: an integer, a slice, an ellipsis or None."""
    if type(key) is int or type(key) is slice or key is None or key is Ellipsis:
        return True
    return (not isinstance(key, (bool, Tensor, list, tuple)) and not isinstance(key, np.bool_)
            and not isinstance(key, np.ndarray) and hasattr(key, "__index__"))


cdef bint all_basic(tuple keys) except -1:
    for key in keys:
        if not is_basic(key):
            return False
    return True


cdef Tensor basic_index(Tensor t, tuple keys):
    """The view t[keys], where every key is basic."""
    cdef Py_ssize_t dims[2 * PT_MAX_NDIM + 1]   # the most keys, and every axis of t
    cdef Py_ssize_t steps[2 * PT_MAX_NDIM + 1]
    cdef char *data = t.data
    cdef int axis = 0, ndim = 0, n_indexed = 0
    cdef Py_ssize_t start, stop, step, length, i
    cdef bint has_ellipsis = False
    for key in keys:
        if key is Ellipsis:
            if has_ellipsis:
                raise IndexError("an index can have only one ellipsis ('...')")
            has_ellipsis = True
        elif key is not None:
            n_indexed += 1
    if n_indexed > t.ndim:
        raise IndexError(f"{n_indexed} indices for a tensor of shape {t.shape}")
    if len(keys) > PT_MAX_NDIM + 1:
        raise IndexError(f"the result would have more than {PT_MAX_NDIM} axes")
    for key in keys:
        if key is None:
            dims[ndim] = 1
            steps[ndim] = 0
            ndim += 1
        elif key is Ellipsis:
            for i in range(t.ndim - n_indexed):
                dims[ndim] = t.dims[axis]
                steps[ndim] = t.steps[axis]
                ndim += 1
                axis += 1
        elif isinstance(key, slice):
            PySlice_Unpack(key, &start, &stop, &step)
            length = PySlice_AdjustIndices(t.dims[axis], &start, &stop, step)
            dims[ndim] = length
            steps[ndim] = t.steps[axis] * step if length > 1 else t.steps[axis]
            if length > 0:
                data += start * t.steps[axis]
            ndim += 1
            axis += 1
        else:
            try:
                i = operator.index(key)
            except OverflowError:
                i = <Py_ssize_t>(<size_t>-1 >> 1)
            if not -t.dims[axis] <= i < t.dims[axis]:
                raise IndexError(f"index {key} is out of range for axis {axis} with length "
                                 f"{t.dims[axis]}")
            data += (i + t.dims[axis] if i < 0 else i) * t.steps[axis]
            axis += 1
    while axis < t.ndim:  # the axes without a key
        dims[ndim] = t.dims[axis]
        steps[ndim] = t.steps[axis]
        ndim += 1
        axis += 1
    if ndim > PT_MAX_NDIM:
        raise IndexError(f"the result would have {ndim} axes: at most {PT_MAX_NDIM}")
    return new_view(t, data, ndim, dims, steps)


cdef object numpy_key(object key, int depth=0):
    """An index for NumPy, with tensors as ndarrays."""
    if isinstance(key, tuple):
        check_depth(depth, "index")
        parts = []
        for part in key:
            parts.append(numpy_key(part, depth + 1))
        return tuple(parts)
    return numpy_view(<Tensor>key) if isinstance(key, Tensor) else key


cdef inline bint names_rows(object key, int ndim) noexcept:
    """Whether an index of a tensor with ndim axes is a tensor of row numbers."""
    return (isinstance(key, Tensor) and ndim > 0 and 0 < (<Tensor>key).ndim <= PT_MAX_NDIM - ndim
            and kind_of((<Tensor>key).type) in (KIND_SIGNED, KIND_UNSIGNED))


cdef Tensor take_rows(Tensor t, Tensor rows):
    """t[rows] for a tensor of row numbers, in parallel."""
    cdef Py_ssize_t dims[PT_MAX_NDIM]
    cdef Py_ssize_t row_length = 1
    cdef Tensor numbers = checked_rows(rows, t.dims[0])
    cdef int d
    for d in range(rows.ndim):
        dims[d] = rows.dims[d]
    for d in range(1, t.ndim):
        dims[rows.ndim + d - 1] = t.dims[d]
        row_length *= t.dims[d]
    cdef Tensor out = new_tensor(t.type, rows.ndim + t.ndim - 1, dims)
    if out.size > 0:
        with nogil:
            pt_gather_rows(<pt_dtype>t.type, t.data, row_length, <int64_t *>numbers.data,
                           numbers.size, <pt_dtype>t.type, 1.0, out.data)
    if innermost_trace != NULL:
        trace_gather(t, numbers, row_length, 1.0, out)
    return out


cdef Tensor checked_rows(Tensor rows, Py_ssize_t n):
    """Row numbers as contiguous int64 in [0, n): a copy, so that no other thread can change them
    between this check and the kernel that reads them."""
    if innermost_trace != NULL:
        return traced_rows(rows, n, 0 if rows.type == PT_UINT64 else n,
                           lambda t: checked_rows(t, n))
    cdef Tensor numbers = converted(rows, PT_INT64)
    cdef int64_t *at = <int64_t *>numbers.data
    # negative numbers count from the end; those of uint64 are above int64's range
    cdef int64_t from_end = 0 if rows.type == PT_UINT64 else n, number
    cdef bint is_out = False
    cdef object wrong
    cdef Py_ssize_t i
    with nogil:
        for i in range(numbers.size):   # without branches, as there may be millions
            number = at[i]
            number += (number >> 63) & from_end
            at[i] = number
            is_out |= <uint64_t>number >= <uint64_t>n
    if is_out:
        for i in range(numbers.size):
            if not 0 <= at[i] < n:
                wrong = at[i] - from_end if at[i] < 0 else at[i]
                if rows.type == PT_UINT64:
                    wrong = <uint64_t>at[i]
                raise IndexError(f"index {wrong} is out of range for axis 0 with length {n}")
    return numbers


cdef object get_item(Tensor t, object key):
    refuse_traced(t, "indexing")
    cdef tuple keys = key if isinstance(key, tuple) else (key,)
    cdef Tensor result, rows
    if all_basic(keys):
        result = basic_index(t, keys)
    else:
        if names_rows(key, t.ndim) and t.contiguous and kind_of(t.type) != KIND_COMPLEX:
            result = take_rows(t, <Tensor>key)
        else:
            # NumPy implements its other rules for index arrays
            if innermost_trace != NULL:
                result = traced_index(t, key)
            else:
                result = from_numpy(np.asarray(numpy_view(t)[numpy_key(key)], order="C"))
    if recording_mask & t.tracked:
        record(ROW_GETITEM, (t,), result, (fixed_key(key),))
    return result


cdef object fixed_key(object key, int depth=0):
    """An index as a tape keeps it: with copies of objects that could change."""
    if key is None or key is Ellipsis or type(key) in (int, bool):
        return key
    if isinstance(key, tuple):
        check_depth(depth, "index")
        parts = []
        for part in key:
            parts.append(fixed_key(part, depth + 1))
        return tuple(parts)
    if isinstance(key, slice):
        return slice(fixed_bound(key.start), fixed_bound(key.stop), fixed_bound(key.step))
    if is_basic(key):
        return operator.index(key)
    if isinstance(key, Tensor):
        return converted(key, (<Tensor>key).type)
    fixed = np.array(key)
    return fixed if fixed.size else fixed.astype(np.intp)  # [], as an index


cdef object fixed_bound(object bound):
    return None if bound is None else operator.index(bound)


cdef int set_item(Tensor t, object key, object value) except -1:
    cdef tuple keys = key if isinstance(key, tuple) else (key,)
    cdef Tensor view, source
    refuse_traced(t, "assignment")
    if innermost_trace != NULL:
        current_trace().check_write("assignment", t)
    check_writable(t, "assignment")
    if recording_mask & (t.tracked | root_of(t).tracked) or (
            isinstance(value, Tensor) and recording_mask & (<Tensor>value).tracked):
        raise RuntimeError("assignment: a GradientTape records these tensors, and an element "
                           "written in place has no gradient; build the result from where, concat "
                           "or stack")
    cdef bint basic = all_basic(keys)
    if scalar_kind(value) != NOT_SCALAR and (
            kind_of(t.type) >= KIND_FLOAT or scalar_kind(value) < SCALAR_FLOAT) and (
            kind_of(t.type) == KIND_COMPLEX or scalar_kind(value) != SCALAR_COMPLEX):
        source = scalar_tensor(value, t.type)
    elif (is_untyped(value) and kind_of(t.type) in (KIND_SIGNED, KIND_UNSIGNED)
            and of_integers(np.asarray(value, dtype=object))):
        source = from_sequence(value, t.type, "assignment")
    else:
        source = as_tensor(value, "assignment")
    if kind_of(source.type) > kind_of(t.type) and kind_of(source.type) >= KIND_FLOAT:
        raise TypeError(f"assignment: {DTYPES[source.type]} elements do not go into a tensor of "
                        f"{DTYPES[t.type]}; convert them with astype")
    if source.type != t.type and is_untyped(value):
        source = from_sequence(value, t.type, "assignment")
    if basic:
        view = basic_index(t, keys)
        if overlap(source, view):
            source = converted(source, source.type)
        try:
            source = broadcast_to(source, view.shape)
        except ValueError:
            raise ValueError(f"assignment: shape {source.shape} does not broadcast to "
                             f"{view.shape}") from None
        copy_into(source, view)
    elif innermost_trace != NULL:
        copy_into(traced_assignment(t, key, source), t)
    else:
        numpy_view(t)[numpy_key(key)] = numpy_view(source)
    bump_version(t)
    return 0


cdef Tensor traced_index(Tensor t, object key):
    """t[key] by NumPy's rules while a function is recorded."""
    cdef list found = []
    frozen = without_tensors(key, found)
    return traced_call("indexing", lambda t, *tensors: get_item(t, with_tensors(frozen, tensors)),
                       [t, *found])


cdef Tensor traced_assignment(Tensor t, object key, Tensor source):
    """t after t[key] = source by NumPy's rules while a function is recorded."""
    cdef list found = []
    frozen = without_tensors(key, found)

    def assigned(t, source, *tensors):
        t = t.copy()
        set_item(t, with_tensors(frozen, tensors), source)
        return t

    return traced_call("assignment", assigned, [t, source, *found])


cpdef write_to(result, out):
    """Writes the elements of result to out and returns out; returns result if out is None.

    Args:
        result: A tensor.
        out: A tensor or an ndarray of the same shape, or None.

    Raises:
        ValueError: If the shapes differ.
        TypeError: If out's dtype is of a lower kind.
    """
    if out is None:
        return result
    if isinstance(out, np.ndarray):
        np.copyto(out, np.asarray(result), casting="same_kind")
        return out
    if not isinstance(out, Tensor):
        raise TypeError(f"out is a {type(out).__name__}: expected a Tensor or an ndarray")
    cdef Tensor source = result, target = out
    if target.ndim != source.ndim or not same_dims(source, target):
        raise ValueError(f"out has shape {target.shape}: the result has shape {source.shape}")
    set_item(target, Ellipsis, source)
    return out


def scatter(x, /, key, shape):
    """Zeros of the shape with x added at an index: the transpose of indexing.

    Args:
        x: A tensor of the shape of zeros(shape)[key].
        key: Any index. An element that it selects more than once becomes the sum.
        shape: The shape of the result.
    """
    cdef Tensor t = as_tensor(x, "scatter"), view, out
    cdef tuple keys = key if isinstance(key, tuple) else (key,)
    cdef list found = []
    if kind_of(t.type) == KIND_FLOAT and names_rows(key, len(shape)):
        out = add_rows(t, <Tensor>key, shape)
        if recording_mask & t.tracked:
            record(ROW_SCATTER, (t,), out, (fixed_key(key),))
        return out
    if innermost_trace != NULL and not all_basic(keys):
        frozen = without_tensors(key, found)
        out = traced_call("scatter", lambda x, *tensors: scatter(
            x, with_tensors(frozen, tensors), shape), [t, *found])
        if recording_mask & t.tracked:
            record(ROW_SCATTER, (t,), out, (fixed_key(key),))
        return out
    out = full(shape, 0, dtype=DTYPES[t.type])
    if all_basic(keys):
        view = basic_index(out, keys)
        copy_into(broadcast_to(t, view.shape), view)
    else:
        np.add.at(numpy_view(out), numpy_key(key), numpy_view(t))
    if recording_mask & t.tracked:
        record(ROW_SCATTER, (t,), out, (fixed_key(key),))
    return out


cdef Tensor add_rows(Tensor t, Tensor rows, tuple shape):
    """Zeros of the shape with rows of t added to those of these numbers, in parallel."""
    cdef Py_ssize_t dims[PT_MAX_NDIM]
    cdef Py_ssize_t row_length = 1
    cdef Tensor numbers = checked_rows(rows, shape[0])
    cdef AddRowsCall call
    cdef int d
    memset(&call, 0, sizeof(call))      # programs compare its bytes
    for d in range(len(shape)):
        dims[d] = shape[d]
        row_length *= dims[d] if d > 0 else 1
    t = as_contiguous(broadcast_to(t, rows.shape + shape[1:]), t.type)
    cdef Tensor out = new_tensor(t.type, len(shape), dims)
    if out.size > 0:
        with nogil:
            pt_add_rows(<pt_dtype>t.type, dims[0], row_length, <int64_t *>numbers.data,
                        numbers.size, t.data, out.data)
        if innermost_trace != NULL:
            call.dtype = <pt_dtype>t.type
            call.n = dims[0]
            call.row_length = row_length
            call.n_rows = numbers.size
            trace_kernel("add rows", run_add_rows, <const char *>&call, sizeof(call), [t, numbers],
                         out)
    elif innermost_trace != NULL:
        trace_unset(out)
    return out


cdef struct AddRowsCall:                # a call of pt_add_rows, for programs
    pt_dtype dtype
    size_t n, row_length, n_rows


cdef pt_status run_add_rows(const void *parameters, const pt_operand *o) noexcept nogil:
    cdef const AddRowsCall *call = <const AddRowsCall *>parameters
    pt_add_rows(call.dtype, call.n, call.row_length, <const int64_t *>o[1].data, call.n_rows,
                o[0].data, o[2].data)
    return PT_OK


def set_at(x, key, values, /):
    """x with x[key] = values, as a new tensor; see pytensor.set_at."""
    cdef Tensor t = as_tensor(x, "set_at"), source = asarray(values, dtype=DTYPES[t.type])
    cdef Tensor out = converted(t, t.type)
    cdef bint is_recorded_here = recording_mask & (t.tracked | source.tracked)
    if is_recorded_here:
        # its gradient then has the shape of the indexed elements
        source = broadcast_to(source, get_item(out, key).shape)
    try:
        set_item(out, key, new_view(source, source.data, source.ndim, source.dims, source.steps))
    except (TypeError, ValueError):
        broadcast_to(source, get_item(out, key).shape)  # raises the specific error
        raise
    out.version = 0
    if is_recorded_here and kind_of(t.type) >= KIND_FLOAT:
        record(ROW_SET_AT, (t, source), out, (fixed_key(key),))
    return out


def concat(list tensors not None, position):
    """The tensors, at least one, one after another; see pytensor.concat."""
    cdef Tensor first = <Tensor?>tensors[0], t, out
    cdef Py_ssize_t dims[PT_MAX_NDIM]
    cdef int dtype = first.type, axis = read_axis(position, first.ndim, "concat"), d
    cdef unsigned long long tracked = 0
    for value in tensors:
        t = <Tensor?>value
        for d in range(first.ndim):
            if t.ndim != first.ndim or d != axis and t.dims[d] != first.dims[d]:
                raise ValueError(f"concat: shapes {first.shape} and {t.shape} differ in more than "
                                 f"axis {axis}")
    for d in range(first.ndim):
        dims[d] = first.dims[d]
    dims[axis] = 0
    for t in tensors:
        refuse_traced(t, "concat")
        dtype = promote("concat", dtype, t.type)
        if t.dims[axis] > (<Py_ssize_t>(<size_t>-1 >> 1)) - dims[axis]:
            raise ValueError("concat: the result has more elements than memory has addresses")
        dims[axis] += t.dims[axis]
        tracked |= t.tracked
    out = new_tensor(dtype, first.ndim, dims)
    cdef char *at = out.data
    starts = [0]
    for t in tensors:
        copy_into(t, new_view(out, at, t.ndim, t.dims, out.steps))
        at += t.dims[axis] * out.steps[axis]
        starts.append(starts[-1] + t.dims[axis])
    if recording_mask & tracked and kind_of(dtype) >= KIND_FLOAT:
        record(ROW_CONCAT, tuple(tensors), out, (axis, starts))
    return out


def promoted(list values):
    """The dtype that tensors and Python numbers promote to."""
    cdef int dtype = -1
    cdef Tensor t
    for value in values:
        if isinstance(value, Tensor):
            t = value
            dtype = t.type if dtype < 0 else promote("result_type", dtype, t.type)
    for value in values:
        if not isinstance(value, Tensor):
            dtype = (scalar_dtype(scalar_kind(value)) if dtype < 0
                     else with_scalar(dtype, scalar_kind(value)))
    return DTYPES[dtype]
