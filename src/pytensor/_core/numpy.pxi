# Calls of NumPy: arithmetic of complex numbers, and the functions of numpy_rows.py. NumPy computes
# on views of our memory, and its results become tensors without a copy.

cdef dict COMPLEX_FUNCTIONS = {}    # name of a row -> the function for complex numbers


cdef object complex_function(str name):
    """The NumPy function that computes a row for complex numbers; TypeError if there is none."""
    function = COMPLEX_FUNCTIONS.get(name)
    if function is None:
        function = HANDED_DOWN["complex_function"](name)
        if function is None:
            raise TypeError(f"{name}: no rule for complex numbers")
        COMPLEX_FUNCTIONS[name] = function
    return function


@cython.final
cdef class _Quiet:
    """A context in which NumPy does not warn. Entering it costs a seventh of np.errstate, which
    takes longer than sorting ten elements."""

    cdef object run
    cdef bint is_entered

    def __init__(self):
        self.run = contextvars.Context().run
        self.run(np.seterr, all="ignore")


class _QuietHere(threading.local):
    """The _Quiet of each thread."""

    def __init__(self):
        self.quiet = _Quiet()


cdef object QUIET_HERE = _QuietHere()


cdef object quietly(object function, tuple arguments):
    """function(*arguments) without NumPy's warnings, as our kernels do not warn either."""
    cdef _Quiet quiet = QUIET_HERE.quiet
    if quiet.is_entered:
        return function(*arguments)
    quiet.is_entered = True
    try:
        return quiet.run(function, *arguments)
    finally:
        quiet.is_entered = False


@cython.final
cdef class NumpyCall:
    """What the function of one row of numpy_rows.py does.

    Args:
        row: The row.
        compute: Its expression, as a function of the inputs and then the parameters, as ndarrays.
        failed: Called with an exception of compute's; returns the one to raise.
        record: Called with a list of tensors, the parameters and the result if a tape knows one of
            the tensors.
        for_samples: Called with parameters, whether each input is mapped, and the numbers of axes
            of a sample's; returns the parameters for inputs with one more axis in front, or None
            where each sample needs a call of its own.
    """

    cdef str name, kinds
    cdef object compute, failed, record, for_samples
    cdef bint promoting, warns, changes, takes_any_number

    def __init__(self, row, compute, failed, record, for_samples):
        self.name, self.kinds = row.name, row.types
        self.promoting, self.warns, self.changes = row.promoting, row.warns, row.changes
        self.takes_any_number = "operands" in row.parameters  # the last one, then
        self.compute, self.failed, self.record = compute, failed, record
        self.for_samples = for_samples

    def __call__(self, tuple inputs not None, tuple parameters not None):
        """The result for the arguments of the function."""
        cdef list tensors
        if self.takes_any_number:
            tensors = operands(self.name, parameters[-1], self.kinds, self.promoting)
            parameters = (*parameters[:-1], tuple(tensors))
            result = self.computed([], parameters)
        else:
            tensors = operands(self.name, inputs, self.kinds, self.promoting)
            result = self.computed(tensors, parameters)
        if recording_mask and is_watched(tensors):
            self.record(tensors, parameters, result)
        return result

    cdef object computed(self, list tensors, tuple parameters):
        """What compute returns for the tensors and the parameters, as tensors."""
        cdef list arguments = []
        cdef Tensor t, copy = None
        if innermost_trace != NULL:
            return self.traced(tensors, parameters)
        for t in tensors:
            if self.changes:
                t = copy = copy_in_order(t)
            arguments.append(numpy_view(t))
        for value in parameters:
            if isinstance(value, Tensor):
                value = numpy_view(<Tensor>value)
            elif type(value) is tuple:
                value = numpy_key(value)
            arguments.append(value)
        try:
            result = (quietly(self.compute, tuple(arguments)) if self.warns
                      else self.compute(*arguments))
        except Exception as error:
            raise self.failed(error) from None
        if result is None:
            return copy
        if type(result) is np.ndarray:
            return from_numpy(result)
        return result if type(result) is Tensor else as_tensors(result)

    cdef object traced(self, list tensors, tuple parameters):
        """The same while a function is recorded: every tensor is an input of the recorded call."""
        cdef list found = []
        cdef Py_ssize_t n = len(tensors)
        frozen = without_tensors(parameters, found)
        return traced_call(self.name, self.with_parameters(frozen, n), tensors + found, False,
                           lambda mapped, ndims: self.together(frozen, n, mapped, ndims))

    cdef object with_parameters(self, tuple frozen, Py_ssize_t n):
        """The function of n inputs and then the tensors among the parameters."""
        return lambda *values: self.computed(list(values[:n]), with_tensors(frozen, values[n:]))

    cdef object together(self, tuple frozen, Py_ssize_t n, list mapped, list ndims):
        """See _Call."""
        parameters = self.for_samples(frozen, mapped, ndims)
        if parameters is None:
            return None
        return (self.with_parameters(parameters, n),
                lambda mapped, ndims: self.together(parameters, n, mapped, ndims))


cdef Tensor copy_in_order(Tensor t):
    """A copy with the axes in the same order in memory."""
    cdef Tensor copy = (new_tensor(t.type, t.ndim, t.dims) if t.contiguous
                        else new_in_order(t, t.type))
    copy_into(t, copy)
    return copy


def as_tensors(result):
    """What NumPy returned other than an array: its arrays and scalars as tensors."""
    cdef list parts
    if not isinstance(result, tuple):
        return from_numpy(np.asarray(result))
    parts = []
    for part in result:
        parts.append(from_numpy(part if type(part) is np.ndarray else np.asarray(part)))
    return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)


@cython.final
cdef class _Input:
    """The place of a tensor in a key or in parameters."""

    cdef Py_ssize_t number


cdef object without_tensors(object value, list found, int depth=0):
    """The value, a key or parameters, with _Inputs in place of tensors, which are appended to
    found."""
    cdef _Input place
    if isinstance(value, Tensor):
        place = _Input.__new__(_Input)
        place.number = len(found)
        found.append(value)
        return place
    if type(value) is tuple:
        check_depth(depth, "index")
        parts = []
        for part in value:
            parts.append(without_tensors(part, found, depth + 1))
        return tuple(parts)
    return value


cdef object with_tensors(object value, tuple tensors):
    """The reverse of without_tensors."""
    if type(value) is _Input:
        return tensors[(<_Input>value).number]
    if type(value) is tuple:
        parts = []
        for part in value:
            parts.append(with_tensors(part, tensors))
        return tuple(parts)
    return value


cdef Tensor complex_call(str name, object function, object x, object y=None, object z=None,
                         object axis=None, object keepdims=False):
    """The result of complex_function()'s function, or np.matmul, for ndarrays, as a tensor."""
    try:
        if y is None:
            result = quietly(function, (x, None, None, axis, keepdims))
        else:
            result = quietly(function, (x, y) if z is None else (x, y, z))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    return from_numpy(np.asarray(result))


cdef object complex_elementwise(int row, list values, int n, int dtype, object out,
                                unsigned long long tracked):
    """out = row(...), where the inputs promote to a complex dtype."""
    cdef Tensor result
    cdef list found = []
    if out is not None:
        refuse_recorded(row, tracked, <Tensor>out)
    if innermost_trace != NULL and not current_trace().elementwise:
        frozen = without_tensors(tuple(values), found)
        result = traced_call(row_name(row), lambda *tensors: complex_result(
            row, list(with_tensors(frozen, tensors)), n, dtype), found)
    else:
        result = complex_result(row, values, n, dtype)
    if out is None:
        if recording_mask & tracked and kind_of(result.type) >= KIND_FLOAT:
            record(ROW_COMPLEX_ABS if row == ROW_ABS else ROW_COMPLEX_SIGN if row == ROW_SIGN
                   else row, tuple(values[:n]), result, None)
        return result
    if innermost_trace != NULL:
        current_trace().check_write(row_name(row), <Tensor>out)
    check_dtype_into(row, result.type, <Tensor>out)
    check_out(row, <Tensor>out, result.type, result.ndim, result.dims, [], 0)
    copy_into(result, <Tensor>out)
    bump_version(<Tensor>out)
    return out


cdef Tensor complex_result(int row, list values, int n, int dtype):
    """The same as a new tensor that no tape knows."""
    cdef str name = row_name(row)
    cdef Tensor t
    cdef int i, first = pt_elementwise_info[row].n_conditions
    cdef list arrays = [None, None, None]
    function = complex_function(name)
    for i in range(n):
        t = values[i] if isinstance(values[i], Tensor) else (
            scalar_tensor(values[i], PT_BOOL if i < first else dtype))
        refuse_traced(t, name)
        arrays[i] = numpy_view(t if i < first or t.type == dtype else converted(t, dtype))
    return complex_call(name, function, arrays[0], arrays[1], arrays[2])


cdef Tensor complex_reduction(str name, Tensor t, object axis, bint keepdims):
    cdef bint reduced[PT_MAX_NDIM]
    read_axes(axis, t.ndim, name, reduced)  # for the errors
    if innermost_trace != NULL:
        return traced_call(name, lambda t: complex_reduction(name, t, axis, keepdims), [t])
    return complex_call(name, complex_function(name), numpy_view(t), None, None, axis,
                        keepdims)


# ------------------------------------------------------------------ the rows of numpy_rows.py


cdef list operands(str name, tuple values, str kinds, bint promoting):
    """The arguments of a NumPy function as tensors; kinds, promoting: as in numpy_rows.py."""
    cdef int dtype = -1, i
    cdef Tensor t
    cdef Scalar kind
    cdef list tensors = []
    for value in values:
        kind = scalar_kind(value)
        if kind != NOT_SCALAR and not isinstance(value, np.generic):
            tensors.append(None)
            continue
        t = as_tensor(value, name)
        tensors.append(t)
        if promoting:
            dtype = t.type if dtype < 0 else promote(name, dtype, t.type)
    for i in range(len(tensors)):
        if tensors[i] is None:
            kind = scalar_kind(values[i])
            if not promoting:
                tensors[i] = scalar_tensor(values[i], scalar_dtype(kind))
            else:
                dtype = scalar_dtype(kind) if dtype < 0 else with_scalar(dtype, kind)
    for i in range(len(tensors)):
        t = tensors[i]
        if t is None:
            tensors[i] = scalar_tensor(values[i], accepted_dtype(name, dtype, kinds))
            continue
        if not promoting:
            dtype = t.type
        if t.type != accepted_dtype(name, dtype, kinds):
            tensors[i] = astype_recorded(t, accepted_dtype(name, dtype, kinds))
    return tensors


cdef int accepted_dtype(str name, int dtype, str kinds) except -1:
    kind = DTYPES[dtype].kind
    if kind in kinds:
        return dtype
    if kind != "c" and "f" in kinds and "i" not in kinds:
        return DEFAULT_FLOAT
    raise TypeError(f"{name}: no rule for dtype {DTYPES[dtype]}")


def is_watched(list tensors):
    """Whether a recording tape knows any of the tensors."""
    cdef Tensor t
    if recording_mask:
        for t in tensors:
            if is_recorded(t):
                return True
    return False
