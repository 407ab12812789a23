# Creating tensors: memory, dtypes, views, and conversion from and to Python and NumPy.

# ------------------------------------------------------------------------------------ dtypes

# In Python, dtypes are NumPy's.
cdef tuple DTYPES = tuple(np.dtype(name) for name in DTYPE_NAMES)
cdef dict DTYPE_NUMBERS = {dtype: number for number, dtype in enumerate(DTYPES)}
DTYPE_NUMBERS.update({dtype.name: number for number, dtype in enumerate(DTYPES)})
cdef int DEFAULT_FLOAT = PT_FLOAT32
cdef int DEFAULT_INT = PT_INT64

cdef enum Kind:                     # as in pt_dtype_kind
    KIND_BOOL = 1
    KIND_SIGNED = 2
    KIND_UNSIGNED = 4
    KIND_FLOAT = 8
    KIND_COMPLEX = 16               # stored here, computed by NumPy: see numpy.pxi


cdef inline int kind_of(int dtype) noexcept:
    return pt_dtype_kind[dtype]


cdef int dtype_number(object dtype) except -1:
    """The number of a dtype, given as anything that NumPy accepts."""
    number = (DTYPE_NUMBERS.get(dtype)
              if isinstance(dtype, str) or isinstance(dtype, np.dtype) else None)
    if number is None:
        try:
            # by name: NumPy has two dtypes called int64, of C's long and long long
            number = DTYPE_NUMBERS.get(np.dtype(float32_for_float(dtype)).name)
        except (TypeError, ValueError, SyntaxError):  # NumPy parses some names as Python literals
            raise TypeError(f"not a dtype: {dtype!r}") from None
        if number is None:
            raise TypeError(f"no tensor has dtype {dtype!r}: expected one of "
                            f"{', '.join(DTYPE_NAMES)}")
    return number


cdef object float32_for_float(object dtype):
    """Python's float and complex mean the default dtypes, as they do for Python numbers."""
    if dtype is complex:
        return DTYPES[PT_COMPLEX64]
    return DTYPES[DEFAULT_FLOAT] if dtype is float else dtype


cdef int promote(str name, int a, int b) except -1:
    if a == b:
        return a
    cdef int result = pt_promotion[a][b]
    if result < 0:
        raise TypeError(f"{name}: no integer dtype holds both {DTYPES[a]} and {DTYPES[b]}; "
                        "convert one with astype")
    return result


# ------------------------------------------------------------------------------------ memory

cdef double ZERO = 0.0  # the element of a tensor made by Tensor.__new__ only


cdef str shape_text(int ndim, const Py_ssize_t *dims):
    return str(shape_tuple(ndim, dims))


cdef tuple shape_tuple(int ndim, const Py_ssize_t *dims):
    # without a loop for the most common ranks: shape is read often
    if ndim == 1:
        return (dims[0],)
    if ndim == 2:
        return (dims[0], dims[1])
    cdef tuple shape = PyTuple_New(ndim)
    cdef object length
    cdef int i
    for i in range(ndim):
        length = dims[i]
        Py_INCREF(length)               # the tuple steals the reference
        PyTuple_SET_ITEM(shape, i, length)
    return shape


cdef Py_ssize_t count_elements(int ndim, const Py_ssize_t *dims, size_t item) except -1:
    """The product of dims; ValueError if one is negative or the bytes exceed the address space."""
    cdef Py_ssize_t size = 1, most = <Py_ssize_t>(<size_t>-1 >> 1)
    cdef bint empty = False
    cdef int i
    for i in range(ndim):
        if dims[i] < 0:
            raise ValueError(f"shape {shape_text(ndim, dims)}: axis {i} is negative")
        empty = empty or dims[i] == 0
    for i in range(ndim):
        if dims[i] == 0:  # the others still count: strides must fit, as in NumPy
            continue
        # divisions are slow, and products of numbers below 2^28 are small enough
        if (size | dims[i]) >> 28 and size > most // <Py_ssize_t>item // dims[i]:
            raise ValueError(f"shape {shape_text(ndim, dims)} has more elements than memory has "
                             "addresses")
        size *= dims[i]
    return 0 if empty else size


cdef Tensor new_tensor(int dtype, int ndim, const Py_ssize_t *dims):
    """A tensor in C order with new memory, its elements not set."""
    cdef size_t item = pt_dtype_size[dtype]
    cdef Py_ssize_t size = count_elements(ndim, dims, item)
    cdef Tensor t = Tensor.__new__(Tensor)
    cdef char *data = <char *>pt_alloc(<size_t>size * item)
    if data == NULL:
        raise MemoryError(f"no memory for a tensor of shape {shape_text(ndim, dims)} and dtype "
                          f"{DTYPES[dtype]} ({<size_t>size * item} bytes)")
    # pt_free needs the number of bytes; 0 would mean "not owned", so an empty tensor has 1
    t.data = data
    t.owned = <size_t>size * item if size > 0 else 1
    t.readonly = False
    t.type = dtype
    t.ndim = ndim
    t.size = size
    t.contiguous = True
    cdef Py_ssize_t step = <Py_ssize_t>item
    cdef int i
    for i in range(ndim - 1, -1, -1):
        t.dims[i] = dims[i]
        t.steps[i] = step
        step *= dims[i]
    if innermost_trace != NULL:
        trace_birth(t)
    return t


cdef bint is_contiguous(int ndim, const Py_ssize_t *dims, const Py_ssize_t *steps,
                        Py_ssize_t item, bint fortran=False) noexcept:
    """Whether the elements are contiguous in C order, or in Fortran order."""
    cdef int i, k
    cdef bint result = True
    for k in range(ndim):
        i = k if fortran else ndim - 1 - k
        if dims[i] == 0:
            return True
        if dims[i] != 1:
            result = result and steps[i] == item
            item *= dims[i]
    return result


cdef Tensor new_view(Tensor t, char *data, int ndim, const Py_ssize_t *dims,
                     const Py_ssize_t *steps):
    """A tensor that shares t's memory."""
    cdef Tensor v = Tensor.__new__(Tensor)
    cdef int i
    v.root = t if t.root is None else t.root
    v.data = data
    v.type = t.type
    v.readonly = t.readonly
    v.traced = t.traced
    if innermost_trace != NULL and (not t.traced or root_of(t).trace != current_trace().serial):
        current_trace().outside[<uintptr_t><PyObject *>t] = t
    v.ndim = ndim
    v.size = 1
    for i in range(ndim):
        v.dims[i] = dims[i]
        v.steps[i] = steps[i]
        v.size *= dims[i]
    v.contiguous = is_contiguous(ndim, dims, steps, <Py_ssize_t>pt_dtype_size[t.type])
    return v


cdef inline pt_operand operand_of(Tensor t) noexcept:
    cdef pt_operand operand
    operand.data = t.data
    operand.strides = t.steps
    operand.dtype = <pt_dtype>t.type
    return operand


cdef inline Tensor root_of(Tensor t):
    return t if t.root is None else t.root


cdef inline void bump_version(Tensor t) noexcept:
    """Notes that elements of t have changed in place: a tape that saved them must not use them."""
    cdef Tensor root = root_of(t)
    add_shared(&root.version, 1)


# The number of elements from which releasing the GIL is worth it.
cdef Py_ssize_t NOGIL_ELEMENTS = 16384


cdef int copy_into(Tensor src, Tensor dst) except -1:
    """dst[...] = src, converted; the shapes are equal and the memory does not overlap."""
    cdef pt_operand a = operand_of(src), b = operand_of(dst)
    if src.type != dst.type and (kind_of(src.type) == KIND_COMPLEX
                                 or kind_of(dst.type) == KIND_COMPLEX):
        if innermost_trace != NULL:
            dtype = dst.type
            copy_into(traced_call("astype", lambda t: converted(t, dtype), [src]), dst)
            return 0
        np.copyto(numpy_view(dst), numpy_view(src), casting="unsafe")
        return 0
    if dst.size < NOGIL_ELEMENTS:
        pt_copy(dst.ndim, dst.dims, &a, &b)
    else:
        with nogil:
            pt_copy(dst.ndim, dst.dims, &a, &b)
    if innermost_trace != NULL:
        trace_copy(src, dst)
    return 0


cdef int check_real(int dtype, int target) except -1:
    """Raises TypeError for an implicit conversion from complex to real numbers."""
    if kind_of(dtype) == KIND_COMPLEX and kind_of(target) not in (KIND_COMPLEX, KIND_BOOL):
        raise TypeError(f"{DTYPES[dtype]} elements do not become {DTYPES[target]}: take their "
                        "real, imag or abs")
    return 0


cdef Tensor converted(Tensor t, int dtype):
    """A copy of t in C order with the given dtype."""
    check_real(t.type, dtype)
    cdef Tensor out = new_tensor(dtype, t.ndim, t.dims)
    copy_into(t, out)
    return out


cdef Tensor as_contiguous(Tensor t, int dtype):
    """t itself if it is in C order and of that dtype, else a copy that is."""
    return t if t.contiguous and t.type == dtype else converted(t, dtype)


cdef int read_shape(object shape, Py_ssize_t *dims) except -1:
    """Fills dims from an int or a sequence of ints; returns their number."""
    cdef int ndim
    if isinstance(shape, int) or not (isinstance(shape, tuple) or hasattr(shape, "__len__")):
        shape = (shape,)
    shape = tuple(shape)
    if len(shape) > PT_MAX_NDIM:
        raise ValueError(f"shape {shape} has {len(shape)} axes: at most {PT_MAX_NDIM}")
    for ndim, length in enumerate(shape):
        try:
            dims[ndim] = length if type(length) is int else operator.index(length)
        except TypeError:
            raise TypeError(f"shape {shape}: expected integers, found {length!r}") from None
        except OverflowError:
            raise ValueError(f"shape {shape}: axis {ndim} is out of range") from None
    return len(shape)


# ---------------------------------------------------------------------------- Python numbers

cdef enum Scalar:
    NOT_SCALAR
    SCALAR_BOOL
    SCALAR_INT
    SCALAR_FLOAT
    SCALAR_COMPLEX


cdef inline Scalar scalar_kind(object value) noexcept:
    """The kind of a weak Python scalar. np.float64 is a float, and counts as one."""
    if type(value) is float:
        return SCALAR_FLOAT
    if type(value) is int:
        return SCALAR_INT
    if type(value) is bool:
        return SCALAR_BOOL
    if isinstance(value, float):
        return SCALAR_FLOAT
    if isinstance(value, int):
        return SCALAR_INT
    return SCALAR_COMPLEX if isinstance(value, complex) else NOT_SCALAR


cdef int store(int dtype, char *to, object value) except -1:
    """Writes a Python number as one element; OverflowError if an integer dtype can't hold it."""
    cdef int64_t signed
    cdef uint64_t unsigned
    if dtype == PT_FLOAT32:
        (<float *>to)[0] = <float><double>value
    elif dtype == PT_FLOAT64:
        (<double *>to)[0] = <double>value
    elif dtype == PT_BOOL:
        to[0] = 1 if value else 0
    elif dtype == PT_COMPLEX64:
        (<float *>to)[0] = <float><double>value.real
        (<float *>to)[1] = <float><double>value.imag
    elif dtype == PT_COMPLEX128:
        (<double *>to)[0] = <double>value.real
        (<double *>to)[1] = <double>value.imag
    elif dtype == PT_UINT64:
        unsigned = exact_int(value, dtype)
        (<uint64_t *>to)[0] = unsigned
    else:
        signed = exact_int(value, dtype)
        if dtype == PT_INT64:
            (<int64_t *>to)[0] = signed
        elif dtype == PT_INT32 or dtype == PT_UINT32:
            (<uint32_t *>to)[0] = <uint32_t>signed
        elif dtype == PT_INT16 or dtype == PT_UINT16:
            (<uint16_t *>to)[0] = <uint16_t>signed
        else:
            (<uint8_t *>to)[0] = <uint8_t>signed
    return 0


# (lowest, highest) of each integer dtype, as Python's integers: C's would overflow
cdef list INTEGER_RANGES = [(int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
                            if dtype.kind in "iu" else None for dtype in DTYPES]


cdef bint in_range(object value, int dtype) except -1:
    low, high = INTEGER_RANGES[dtype]
    return low <= value <= high


cdef object exact_int(object value, int dtype):
    value = int(value)
    low, high = INTEGER_RANGES[dtype]
    if not in_range(value, dtype):
        raise OverflowError(f"{value} is out of the range of {DTYPES[dtype]}: {low} to {high}")
    return value


cdef object load(int dtype, const char *at):
    """One element as a Python number."""
    if dtype == PT_FLOAT32:
        return <double>(<const float *>at)[0]
    if dtype == PT_FLOAT64:
        return (<const double *>at)[0]
    if dtype == PT_BOOL:
        return at[0] != 0
    if dtype == PT_INT8:
        return (<const int8_t *>at)[0]
    if dtype == PT_INT16:
        return (<const int16_t *>at)[0]
    if dtype == PT_INT32:
        return (<const int32_t *>at)[0]
    if dtype == PT_INT64:
        return (<const int64_t *>at)[0]
    if dtype == PT_UINT8:
        return (<const uint8_t *>at)[0]
    if dtype == PT_UINT16:
        return (<const uint16_t *>at)[0]
    if dtype == PT_UINT32:
        return (<const uint32_t *>at)[0]
    if dtype == PT_UINT64:
        return (<const uint64_t *>at)[0]
    if dtype == PT_COMPLEX64:
        return complex((<const float *>at)[0], (<const float *>at)[1])
    return complex((<const double *>at)[0], (<const double *>at)[1])


cdef int scalar_dtype(Scalar kind) noexcept:
    if kind == SCALAR_COMPLEX:
        return PT_COMPLEX64
    if kind == SCALAR_FLOAT:
        return DEFAULT_FLOAT
    return DEFAULT_INT if kind == SCALAR_INT else PT_BOOL


cdef Tensor scalar_tensor(object value, int dtype):
    cdef Tensor t = new_tensor(dtype, 0, NULL)
    store(dtype, t.data, value)
    if innermost_trace != NULL:
        trace_constant(t)
    return t


# ------------------------------------------------------------------------- foreign memory

cdef class _Exporter:
    """Holds a buffer of another object while a tensor uses its memory."""

    cdef Py_buffer view
    cdef bint held

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.view)


cdef int format_dtype(const Py_buffer *view) noexcept:
    """The dtype of a buffer's elements, or -1 if no tensor has it."""
    cdef const char *format = view.format
    cdef char kind
    if format == NULL:
        return PT_UINT8
    if format[0] == b"@" or format[0] == b"=" or format[0] == b"<":  # little-endian machines only
        format += 1
    if format[0] == b"Z":
        return dtype_of(KIND_COMPLEX, view.itemsize) if format[1] in b"fd" else -1
    if format[0] == 0 or format[1] != 0:
        return -1
    kind = format[0]
    if kind == b"?":
        return dtype_of(KIND_BOOL, view.itemsize)
    if kind == b"f" or kind == b"d":
        return dtype_of(KIND_FLOAT, view.itemsize)
    if kind in b"bhilqn":
        return dtype_of(KIND_SIGNED, view.itemsize)
    return dtype_of(KIND_UNSIGNED, view.itemsize) if kind in b"BHILQN" else -1


cdef int dtype_of(Kind kind, Py_ssize_t size) noexcept:
    """The dtype of a kind with elements of size bytes, or -1 if there is none."""
    cdef int dtype
    for dtype in range(PT_N_STORED):
        if pt_dtype_kind[dtype] == kind and <Py_ssize_t>pt_dtype_size[dtype] == size:
            return dtype
    return -1


cdef Tensor from_buffer(object source):
    """A tensor that shares the memory of a buffer, or None if that is impossible: no tensor has the
    dtype, elements are not aligned, or booleans are bytes other than 0 and 1."""
    cdef _Exporter exporter = _Exporter.__new__(_Exporter)
    cdef Py_buffer *view = &exporter.view
    try:
        PyObject_GetBuffer(source, view, PyBUF_FULL_RO)
    except (BufferError, ValueError, NotImplementedError):
        return None  # NumPy raises them for what the protocol can't express, such as datetimes
    exporter.held = True
    cdef int dtype = format_dtype(view), i
    if dtype < 0 or view.ndim > PT_MAX_NDIM or view.suboffsets != NULL:
        return None
    cdef Py_ssize_t item = view.itemsize, step = item
    cdef Py_ssize_t unit = item // 2 if kind_of(dtype) == KIND_COMPLEX else item
    if <uintptr_t>view.buf % <uintptr_t>unit != 0:
        return None
    cdef Tensor t = Tensor.__new__(Tensor)
    t.data = <char *>view.buf
    t.type = dtype
    t.ndim = view.ndim
    t.readonly = view.readonly
    t.size = 1
    for i in range(view.ndim - 1, -1, -1):
        t.dims[i] = view.shape[i]
        t.steps[i] = view.strides[i] if view.strides != NULL else step
        if t.steps[i] % unit != 0:
            return None
        t.size *= t.dims[i]
        step *= t.dims[i]
    t.contiguous = is_contiguous(t.ndim, t.dims, t.steps, item)
    if dtype == PT_BOOL and not holds_booleans(t):
        return None
    cdef Tensor owner = tensor_behind(source)
    if owner is None:
        t.exporter = exporter
        if innermost_trace != NULL:
            trace_foreign(t)
    else:
        t.root = root_of(owner)
    return t


cdef bint holds_booleans(Tensor t) except -1:
    """Whether every byte is 0 or 1, as the kernels assume."""
    global innermost_trace
    cdef PyObject *trace = innermost_trace
    if t.size == 0:
        return True
    t.type = PT_UINT8
    innermost_trace = NULL
    cdef Tensor highest
    try:
        highest = reduce_tensor("asarray", ROW_MAX, t, None, False, PT_UINT8)
    finally:
        innermost_trace = trace
    t.type = PT_BOOL
    return <unsigned char>highest.data[0] <= 1


cdef Tensor tensor_behind(object source):
    """The tensor whose memory an ndarray or a memoryview shows, or None.

    Holding that tensor instead avoids chains of conversions, and lets a tape notice changes through
    any of them. The base of a subclass of ndarray may be anything.
    """
    while True:
        if type(source) is Tensor:
            return source
        if type(source) is np.ndarray:
            source = source.base
        elif type(source) is memoryview:
            source = source.obj
        else:
            return None


cdef Tensor shared_with(object source):
    """A tensor on the memory of source, or None if that is impossible without a copy."""
    if isinstance(source, Tensor):
        return source
    if not PyObject_CheckBuffer(source) and hasattr(source, "__array__"):
        try:
            source = np.asarray(source, copy=False)
        except ValueError:
            return None
    if (not PyObject_CheckBuffer(source) or isinstance(source, bytes)
            or isinstance(source, np.generic)):
        return None
    return from_buffer(source)


cdef object first_leaf(object values):
    """The first leaf of a nested sequence; an empty sequence if there is none."""
    cdef int depth
    for depth in range(PT_MAX_NDIM):  # deeper ones can't become tensors
        if not isinstance(values, (list, tuple)) or len(values) == 0:
            break
        values = values[0]
    return values


cdef bint of_python_numbers(object values) except -1:
    """Whether the first leaf of a nested sequence is a Python number: then defaults apply."""
    leaf = first_leaf(values)
    return type(leaf) in (bool, int, float, complex) or (
        isinstance(leaf, (list, tuple)) and len(leaf) == 0)


cdef bint is_untyped(object values) except -1:
    """Whether values are a sequence without a dtype, such as a list, a tuple or a range."""
    return isinstance(values, (list, tuple)) or (
        not PyObject_CheckBuffer(values) and not hasattr(values, "__array__")
        and isinstance(values, collections.abc.Sequence) and not isinstance(values, str))


cdef bint of_integers(object array) except -1:
    """Whether an array of objects has only Python integers, as it does beyond 64 bits."""
    if array.dtype.kind != "O" or array.size == 0:
        return False
    for element in array.flat:
        if type(element) is not int:
            return False
    return True


cdef Tensor from_sequence(object values, int dtype, str name):
    """A tensor of an untyped sequence, converted directly to dtype: through float32 a float64 would
    lose digits, and an integer out of range would wrap."""
    array = np.asarray(values)
    if kind_of(dtype) in (KIND_SIGNED, KIND_UNSIGNED) or of_integers(array):
        try:
            array = np.asarray(values, dtype=DTYPES[dtype])
        except OverflowError as error:
            raise OverflowError(f"{name}: {error}") from None
    cdef Tensor t = from_numpy(array)
    if innermost_trace != NULL:
        trace_constant(t)
    return t if t.type == dtype else converted(t, dtype)


cdef Tensor from_numpy(object array):
    """A tensor on an ndarray's memory, or of a copy if that can't be shared."""
    cdef Tensor t = from_buffer(array)
    if t is None:
        native = array.dtype.newbyteorder("=")
        if native.name not in DTYPE_NUMBERS:
            raise TypeError(f"no tensor has dtype {array.dtype}: expected one of "
                            f"{', '.join(DTYPE_NAMES)}")
        if array.ndim > PT_MAX_NDIM:
            raise ValueError(f"{array.ndim} axes: a tensor has at most {PT_MAX_NDIM}")
        if native == bool:  # bytes other than 0 and 1 are true
            array = array.view(np.uint8) != 0
        t = from_buffer(np.array(array, dtype=native, order="C"))
    return t


cdef Tensor as_tensor(object value, str name="asarray"):
    """Any array-like as a tensor, sharing its memory if possible."""
    cdef Tensor t
    cdef Scalar kind
    if isinstance(value, Tensor):
        refuse_traced(<Tensor>value, name)
        return value
    kind = scalar_kind(value)
    if kind != NOT_SCALAR and not isinstance(value, np.generic):
        return scalar_tensor(value, scalar_dtype(kind))
    if (PyObject_CheckBuffer(value) and not isinstance(value, bytes)
            and not isinstance(value, np.generic)):
        t = from_buffer(value)
        if t is not None:
            return t
    if recording_mask and holds_recorded(value):
        raise TypeError(f"{name}: a GradientTape records a tensor in this {type(value).__name__}; "
                        "stack keeps its gradient")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    except RecursionError:
        raise
    except RuntimeError as error:  # NumPy's, for a buffer whose format is inconsistent
        raise TypeError(f"{name}: {error}") from None
    if array.dtype.kind not in "biufc":
        raise TypeError(f"{name}: {type(value).__name__} has elements of dtype {array.dtype}: "
                        "expected numbers or booleans")
    if array.dtype == np.float64 and holds_large_integers(value, array):
        try:
            array = np.asarray(value, dtype=np.uint64)
        except OverflowError:  # one is negative, or beyond 64 bits: floating-point numbers, then
            pass
    t = from_numpy(array)
    if innermost_trace != NULL:
        trace_constant(t)
    if (t.type in (PT_FLOAT64, PT_COMPLEX128) and isinstance(value, (list, tuple))
            and of_python_numbers(value)):
        t = converted(t, DEFAULT_FLOAT if t.type == PT_FLOAT64 else PT_COMPLEX64)
    return t


cdef bint holds_large_integers(object values, object array) except -1:
    """Whether values are Python integers that NumPy made float64, since some are beyond int64."""
    return (isinstance(values, (list, tuple)) and type(first_leaf(values)) is int
            and array.max() >= 2.0**63 and of_integers(np.asarray(values, dtype=object)))


cdef int check_depth(int depth, str name) except -1:
    """Guards functions that recurse in C: nested input must not overflow the stack."""
    if depth > 100:
        raise RecursionError(f"{name}: nested more than 100 deep")
    return 0


cdef bint holds_recorded(object value, int depth=0) except -1:
    """Whether a nested sequence contains a tensor that a recording tape knows."""
    if isinstance(value, Tensor):
        return is_recorded(<Tensor>value)
    if not isinstance(value, (list, tuple)):
        return False
    check_depth(depth, "asarray")
    for part in value:
        if holds_recorded(part, depth + 1):
            return True
    return False


cdef object as_ndarray = np.asarray     # looked up once


cdef object numpy_view(Tensor t):
    """The ndarray on t's memory."""
    if recording_mask & t.tracked:
        t = new_view(t, t.data, t.ndim, t.dims, t.steps)  # a view that the tape does not know
    view = memoryview(t)
    try:
        array = as_ndarray(view)
        is_view = array.base is not None
    except (NotImplementedError, TypeError):
        is_view = False
    if not is_view:  # out of memory, NumPy ignores the buffer and copies a sequence instead
        raise MemoryError("no memory for an ndarray")
    return array if t.ndim > 0 else array.reshape(())


# --------------------------------------------------------------------------------- creation

MAX_NDIM = PT_MAX_NDIM
ALL_DTYPES = DTYPES


def check_device(str name, object device):
    """Raises ValueError unless device is None or "cpu", the only device."""
    if device is not None and device != "cpu":
        raise ValueError(f"{name}: device: found {device!r}: expected 'cpu'")


def asarray(obj, /, *, dtype=None, device=None, copy=None):
    """Converts obj to a tensor.

    Without a copy the tensor shares obj's memory; a GradientTape does not notice changes made
    through obj or through another tensor made from it.

    Args:
        obj: A number, a nested sequence of numbers, an ndarray, or any object with a buffer.
        dtype: The dtype to convert to; by default that of obj. Python floats become float32, ints
            int64.
        device: "cpu" or None.
        copy: True always copies, False never does; by default only if necessary.

    Returns:
        A tensor.

    Raises:
        TypeError: If obj does not contain numbers, or no tensor has its dtype.
        ValueError: If copy is False and a copy is necessary.

    >>> pt.asarray([[1, 2], [3, 4]])
    Tensor([[1, 2],
            [3, 4]], dtype=int64)
    >>> pt.asarray([1, 2], dtype="float32")
    Tensor([1., 2.], dtype=float32)
    """
    cdef Tensor t
    cdef int target
    if device is not None:
        check_device("asarray", device)
    if dtype is not None:
        target = dtype_number(dtype)
    if copy is False:
        t = shared_with(obj)
        if t is None or dtype is not None and target != t.type:
            raise ValueError(f"asarray: {describe(obj)} can't become a tensor"
                             f"{'' if dtype is None else f' of {DTYPES[target]}'} without a copy "
                             "(copy=False)")
        return t
    if dtype is not None:
        if scalar_kind(obj) != NOT_SCALAR:
            return scalar_tensor(obj, target)
        if is_untyped(obj):
            return from_sequence(obj, target, "asarray")
    t = obj if type(obj) is Tensor else as_tensor(obj)
    if dtype is None:
        target = t.type
    if target != t.type or copy and (t is obj or t.exporter is not None or t.root is not None):
        return astype_recorded(t, target)
    return t


def empty(shape, *, dtype=None, device=None):
    """A tensor whose elements are not set.

    Args:
        shape: An int or a tuple.
        dtype: The dtype; float32 by default.
        device: "cpu" or None.

    Returns:
        A tensor of the shape and dtype.

    >>> pt.empty((2, 3)).shape
    (2, 3)
    """
    cdef Py_ssize_t dims[PT_MAX_NDIM]
    check_device("empty", device)
    cdef int ndim = read_shape(shape, dims)
    cdef Tensor out = new_tensor(DEFAULT_FLOAT if dtype is None else dtype_number(dtype), ndim,
                                 dims)
    if out.type == PT_BOOL:  # not every byte is a boolean
        memset(out.data, 0, out.size)
    if innermost_trace != NULL:
        trace_unset(out)
    return out


cdef Tensor filled(object shape, int dtype, object number):
    """A tensor of the shape with every element set to a Python number."""
    cdef Py_ssize_t dims[PT_MAX_NDIM]
    cdef Py_ssize_t steps[PT_MAX_NDIM]
    cdef pt_operand source, target
    cdef double element[2]      # room for one element of any dtype
    cdef int ndim = read_shape(shape, dims), d
    cdef Tensor out
    out = new_tensor(dtype, ndim, dims)
    store(dtype, <char *>element, number)
    for d in range(ndim):
        steps[d] = 0
    source.data = <char *>element
    source.strides = steps
    source.dtype = <pt_dtype>dtype
    target = operand_of(out)
    if out.size < NOGIL_ELEMENTS:
        pt_copy(ndim, dims, &source, &target)
    else:
        with nogil:
            pt_copy(ndim, dims, &source, &target)
    if innermost_trace != NULL:
        trace_fill(dtype, <char *>element, out)
    return out


def zeros(shape, *, dtype=None, device=None):
    """A tensor of zeros.

    Args:
        shape: An int or a tuple.
        dtype: The dtype; float32 by default.
        device: "cpu" or None.

    Returns:
        A tensor of the shape and dtype.

    >>> pt.zeros((2, 2), dtype="int64")
    Tensor([[0, 0],
            [0, 0]], dtype=int64)
    """
    check_device("zeros", device)
    return filled(shape, DEFAULT_FLOAT if dtype is None else dtype_number(dtype), 0)


def ones(shape, *, dtype=None, device=None):
    """A tensor of ones.

    Args:
        shape: An int or a tuple.
        dtype: The dtype; float32 by default.
        device: "cpu" or None.

    Returns:
        A tensor of the shape and dtype.

    >>> pt.ones((2, 2))
    Tensor([[1., 1.],
            [1., 1.]], dtype=float32)
    """
    check_device("ones", device)
    return filled(shape, DEFAULT_FLOAT if dtype is None else dtype_number(dtype), 1)


def full(shape, fill_value, *, dtype=None, device=None):
    """A tensor with every element set to fill_value.

    Args:
        shape: An int or a tuple.
        fill_value: A number or a 0-d tensor.
        dtype: The dtype; by default that of the value.
        device: "cpu" or None.

    Returns:
        A tensor of the shape and dtype.

    Raises:
        OverflowError: If the dtype can't represent the value.

    >>> pt.full((2, 2), 7)
    Tensor([[7, 7],
            [7, 7]], dtype=int64)
    """
    cdef Tensor value
    cdef Scalar kind = scalar_kind(fill_value)
    check_device("full", device)
    if kind != NOT_SCALAR and not isinstance(fill_value, np.generic):
        return filled(shape, scalar_dtype(kind) if dtype is None else dtype_number(dtype),
                      fill_value)
    if dtype is None:
        value = as_tensor(fill_value, "full")
    else:
        value = asarray(fill_value, dtype=dtype)
    if value.ndim != 0:
        raise ValueError(f"full: the fill value has shape {value.shape}: expected a number")
    return astype_recorded(broadcast_to(value, shape), value.type)
