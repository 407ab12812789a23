# The class Tensor: attributes, operators, methods.


cdef object binary_operator(int row, object x, object y):
    """x op y, or NotImplemented if an operand is not numeric: Python then tries the other one."""
    if not is_operand(x) or not is_operand(y):
        return NotImplemented
    return elementwise_call(row, x, y, None, None)


cdef inline bint is_operand(object value) except -1:
    return type(value) is Tensor or scalar_kind(value) != NOT_SCALAR or is_numpys(value)


cdef bint is_numpys(object value) except -1:
    return isinstance(value, np.ndarray) or isinstance(value, np.generic)


cdef object in_place(int row, Tensor x, object y):
    if not is_operand(y):
        return NotImplemented
    if type(y) is Tensor and is_in_place(row, x, <Tensor>y):
        return computed_in_place(row, x, <Tensor>y)
    return elementwise_general(row, x, y, None, x)


cdef int refuse_leaving(Tensor t) except -1:
    """Raises an error if another library's result would silently have no gradient."""
    if recording_mask & t.tracked and is_recorded(t):
        raise RuntimeError("a GradientTape records this tensor, and what another library computes "
                           "with it has no gradient: use functions of pytensor, or x.numpy() where "
                           "none should flow")
    return 0


cdef object only_element(Tensor t, str name):
    refuse_reading(t, name)
    if t.size != 1:
        raise ValueError(f"{name}: a tensor of shape {t.shape}: expected a single element")
    return load(t.type, t.data)


@cython.final
@cython.freelist(64)
@cython.no_gc
@cython.binding(False)
@cython.embedsignature(True)
cdef class Tensor:
    """An N-dimensional array of numbers of one dtype, on the CPU.

    Create tensors with pt.asarray, pt.zeros and other functions. Slices, transposes and reshapes
    are views of the same memory. Dtypes are NumPy's: t.dtype == np.float32. NumPy reads the memory
    without a copy: np.asarray(t).

    >>> x = pt.asarray([[1.0, 2.0], [3.0, 4.0]])
    >>> x.shape, x.ndim, x.dtype
    ((2, 2), 2, dtype('float32'))
    >>> x[0] + 2 * x.T
    Tensor([[ 3.,  8.],
            [ 5., 10.]], dtype=float32)
    >>> x.sum(axis=1).tolist()
    [3.0, 7.0]
    >>> np.asarray(x).base is not None  # NumPy sees the same memory
    True
    """

    def __cinit__(self):
        self.data = <char *>&ZERO
        self.type = PT_FLOAT64
        self.size = 1
        self.contiguous = True
        self.readonly = True

    def __init__(self, *args, **kwargs):
        raise TypeError("Tensor has no constructor: make tensors with pt.asarray, pt.zeros, ...")

    def __dealloc__(self):
        if self.owned:
            pt_free(self.data, self.owned if self.size > 0 else 0)

    # ---------------------------------------------------------------------------- attributes

    @property
    def shape(self):
        """The lengths of the axes."""
        return shape_tuple(self.ndim, self.dims)

    @property
    def strides(self):
        """The bytes from one element to the next along each axis."""
        return shape_tuple(self.ndim, self.steps)

    @property
    def dtype(self):
        """The dtype of the elements, a NumPy dtype."""
        return DTYPES[self.type]

    @property
    def itemsize(self):
        """The size of an element in bytes."""
        return pt_dtype_size[self.type]

    @property
    def nbytes(self):
        """The size of all elements in bytes."""
        return self.size * <Py_ssize_t>pt_dtype_size[self.type]

    @property
    def T(self):
        """A view with the axes reversed; for a matrix, its transpose."""
        return reversed_axes(self)

    @property
    def mT(self):
        """A view with the last two axes exchanged."""
        if self.ndim < 2:
            raise ValueError(f"mT: a tensor of shape {self.shape}: expected at least two axes")
        order = list(range(self.ndim))
        order[-1], order[-2] = order[-2], order[-1]
        return permute_dims(self, order)

    @property
    def device(self):
        """Always "cpu"."""
        return "cpu"

    def to_device(self, device, /, *, stream=None):
        """Returns the tensor itself: "cpu" is the only device."""
        check_device("to_device", device)
        if stream is not None:
            raise ValueError(f"to_device: stream: found {stream!r}: expected None on a CPU")
        return self

    def __array_namespace__(self, *, api_version=None):
        pytensor = HANDED_DOWN["namespace"]
        known = ("2021.12", "2022.12", "2023.12", "2024.12", pytensor.__array_api_version__)
        if api_version is not None and api_version not in known:
            raise ValueError(f"__array_namespace__: api_version: found {api_version!r}: expected "
                             f"one of {', '.join(known)}")
        return pytensor

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        refuse_leaving(self)
        # The ndarray on our memory implements the protocol, and keeps the tensor alive.
        return numpy_view(self).__dlpack__(stream=stream, max_version=max_version,
                                           dl_device=dl_device, copy=copy)

    def __dlpack_device__(self):
        return (1, 0)  # kDLCPU

    # ------------------------------------------------------------------------------ operators

    def __add__(self, other):
        return binary_operator(ROW_ADD, self, other)

    def __radd__(self, other):
        return binary_operator(ROW_ADD, other, self)

    def __iadd__(self, other):
        return in_place(ROW_ADD, self, other)

    def __sub__(self, other):
        return binary_operator(ROW_SUBTRACT, self, other)

    def __rsub__(self, other):
        return binary_operator(ROW_SUBTRACT, other, self)

    def __isub__(self, other):
        return in_place(ROW_SUBTRACT, self, other)

    def __mul__(self, other):
        return binary_operator(ROW_MULTIPLY, self, other)

    def __rmul__(self, other):
        return binary_operator(ROW_MULTIPLY, other, self)

    def __imul__(self, other):
        return in_place(ROW_MULTIPLY, self, other)

    def __truediv__(self, other):
        return binary_operator(ROW_DIVIDE, self, other)

    def __rtruediv__(self, other):
        return binary_operator(ROW_DIVIDE, other, self)

    def __itruediv__(self, other):
        return in_place(ROW_DIVIDE, self, other)

    def __floordiv__(self, other):
        return binary_operator(ROW_FLOOR_DIVIDE, self, other)

    def __rfloordiv__(self, other):
        return binary_operator(ROW_FLOOR_DIVIDE, other, self)

    def __ifloordiv__(self, other):
        return in_place(ROW_FLOOR_DIVIDE, self, other)

    def __mod__(self, other):
        return binary_operator(ROW_REMAINDER, self, other)

    def __rmod__(self, other):
        return binary_operator(ROW_REMAINDER, other, self)

    def __imod__(self, other):
        return in_place(ROW_REMAINDER, self, other)

    def __pow__(self, other, modulo):
        if modulo is not None:
            return NotImplemented
        if type(other) is int and other == 2 and self.type != PT_BOOL:
            return elementwise_call(ROW_SQUARE, self, None, None, None)
        return binary_operator(ROW_POW, self, other)

    def __rpow__(self, other, modulo):
        return NotImplemented if modulo is not None else binary_operator(ROW_POW, other, self)

    def __ipow__(self, other):
        return in_place(ROW_POW, self, other)

    def __matmul__(self, other):
        return product_recorded("matmul", self, other) if is_operand(other) else NotImplemented

    def __rmatmul__(self, other):
        return product_recorded("matmul", other, self) if is_operand(other) else NotImplemented

    def __imatmul__(self, other):
        self[...] = product_recorded("matmul", self, other)
        return self

    def __and__(self, other):
        return binary_operator(ROW_BITWISE_AND, self, other)

    def __rand__(self, other):
        return binary_operator(ROW_BITWISE_AND, other, self)

    def __iand__(self, other):
        return in_place(ROW_BITWISE_AND, self, other)

    def __or__(self, other):
        return binary_operator(ROW_BITWISE_OR, self, other)

    def __ror__(self, other):
        return binary_operator(ROW_BITWISE_OR, other, self)

    def __ior__(self, other):
        return in_place(ROW_BITWISE_OR, self, other)

    def __xor__(self, other):
        return binary_operator(ROW_BITWISE_XOR, self, other)

    def __rxor__(self, other):
        return binary_operator(ROW_BITWISE_XOR, other, self)

    def __ixor__(self, other):
        return in_place(ROW_BITWISE_XOR, self, other)

    def __lshift__(self, other):
        return binary_operator(ROW_BITWISE_LEFT_SHIFT, self, other)

    def __rlshift__(self, other):
        return binary_operator(ROW_BITWISE_LEFT_SHIFT, other, self)

    def __ilshift__(self, other):
        return in_place(ROW_BITWISE_LEFT_SHIFT, self, other)

    def __rshift__(self, other):
        return binary_operator(ROW_BITWISE_RIGHT_SHIFT, self, other)

    def __rrshift__(self, other):
        return binary_operator(ROW_BITWISE_RIGHT_SHIFT, other, self)

    def __irshift__(self, other):
        return in_place(ROW_BITWISE_RIGHT_SHIFT, self, other)

    def __neg__(self):
        return elementwise_call(ROW_NEGATIVE, self, None, None, None)

    def __pos__(self):
        return elementwise_call(ROW_POSITIVE, self, None, None, None)

    def __abs__(self):
        return elementwise_call(ROW_ABS, self, None, None, None)

    def __invert__(self):
        return elementwise_call(ROW_BITWISE_INVERT, self, None, None, None)

    def __eq__(self, other):
        return binary_operator(ROW_EQUAL, self, other)

    def __ne__(self, other):
        return binary_operator(ROW_NOT_EQUAL, self, other)

    def __lt__(self, other):
        return binary_operator(ROW_LESS, self, other)

    def __le__(self, other):
        return binary_operator(ROW_LESS_EQUAL, self, other)

    def __gt__(self, other):
        return binary_operator(ROW_GREATER, self, other)

    def __ge__(self, other):
        return binary_operator(ROW_GREATER_EQUAL, self, other)

    __hash__ = None

    # ----------------------------------------------------------- conversion to Python numbers

    def __bool__(self):
        refuse_reading(self, "bool")
        if self.size != 1:
            raise ValueError(f"the truth of a tensor of shape {self.shape} is ambiguous: use "
                             "any() or all()")
        return bool(load(self.type, self.data))

    def __float__(self):
        return float(only_element(self, "float"))

    def __int__(self):
        return int(only_element(self, "int"))

    def __index__(self):
        refuse_reading(self, "index")
        if self.ndim != 0 or kind_of(self.type) not in (KIND_SIGNED, KIND_UNSIGNED):
            raise TypeError(f"a tensor of shape {self.shape} and dtype {self.dtype} as an index: "
                            "expected a 0-d integer")
        return load(self.type, self.data)

    def __complex__(self):
        return complex(only_element(self, "complex"))

    def __round__(self, ndigits=None):
        return namesake("round")(self, 0 if ndigits is None else ndigits)

    def item(self):
        """The only element as a Python number; ValueError unless there is exactly one."""
        return only_element(self, "item")

    def tolist(self):
        """The elements as nested lists of Python numbers; for a 0-d tensor, a number."""
        return numpy_view(self).tolist()

    # ------------------------------------------------------------------------------ container

    def __len__(self):
        if self.ndim == 0:
            raise TypeError("a 0-d tensor has no length")
        return self.dims[0]

    def __iter__(self):
        if self.ndim == 0:
            raise TypeError("a 0-d tensor can't be iterated")
        return (get_item(self, i) for i in range(self.dims[0]))

    def __contains__(self, value):
        return bool(reduce_call(ROW_ANY, elementwise_call(ROW_EQUAL, self, value, None, None),
                                None, False))

    def __getitem__(self, key):
        return get_item(self, key)

    def __setitem__(self, key, value):
        set_item(self, key, value)

    def __repr__(self):
        if self.traced and not owner_of(self).elementwise:
            return f"Tensor(shape={self.shape}, dtype={self.dtype}, being recorded)"
        text = np.array2string(numpy_view(self), separator=", ", prefix="Tensor(")
        if self.size == 0 or self.size > np.get_printoptions()["threshold"]:
            return f"Tensor({text}, shape={self.shape}, dtype={self.dtype})"
        return f"Tensor({text}, dtype={self.dtype})"

    def __str__(self):
        return str(numpy_view(self))

    def _repr_html_(self):
        return None if self.traced else HANDED_DOWN["html"]().tensor(self)

    def __format__(self, str spec not None):
        return format(self.item() if self.ndim == 0 else str(self), spec)

    # ---------------------------------------------------------------------------- interchange

    def __getbuffer__(self, Py_buffer *view, int flags):
        refuse_reading(self, "reading the elements")
        refuse_leaving(self)
        if flags & PyBUF_WRITABLE and self.readonly:
            raise BufferError("the tensor is read-only")
        cdef bint in_c = self.contiguous, in_fortran = is_contiguous(
            self.ndim, self.dims, self.steps, <Py_ssize_t>pt_dtype_size[self.type], True)
        if (not in_c and (flags & PyBUF_STRIDES != PyBUF_STRIDES
                          or flags & PyBUF_C_CONTIGUOUS == PyBUF_C_CONTIGUOUS)
                or not in_fortran and flags & PyBUF_F_CONTIGUOUS == PyBUF_F_CONTIGUOUS
                or not (in_c or in_fortran)
                and flags & PyBUF_ANY_CONTIGUOUS == PyBUF_ANY_CONTIGUOUS):
            raise BufferError("the tensor is not contiguous in the order asked for")
        view.buf = self.data
        view.obj = self
        view.len = self.size * <Py_ssize_t>pt_dtype_size[self.type]
        view.itemsize = <Py_ssize_t>pt_dtype_size[self.type]
        view.readonly = self.readonly
        view.ndim = self.ndim
        view.format = <char *>BUFFER_FORMATS[self.type] if flags & PyBUF_FORMAT else NULL
        # the protocol requires NULL if there is no axis
        view.shape = self.dims if flags & PyBUF_ND == PyBUF_ND and self.ndim else NULL
        view.strides = (self.steps if flags & PyBUF_STRIDES == PyBUF_STRIDES and self.ndim
                        else NULL)
        view.suboffsets = NULL
        view.internal = NULL

    def __array__(self, dtype=None, copy=None):
        refuse_leaving(self)
        array = numpy_view(self)
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise ValueError(f"no {np.dtype(dtype)} array of a {self.dtype} tensor without a "
                                 "copy")
            return array.astype(dtype)
        return array.copy() if copy else array

    def __array_ufunc__(self, ufunc, str method, *inputs, **keywords):
        return HANDED_DOWN["call_ufunc"](HANDED_DOWN["namespace"], ufunc, method, inputs, keywords)

    def __copy__(self):
        return astype_recorded(self, self.type)

    def __deepcopy__(self, memo):
        return astype_recorded(self, self.type)

    def __reduce_ex__(self, protocol):
        refuse_reading(self, "pickling")
        cdef Tensor t = as_contiguous(self, self.type)
        if protocol < 5:
            return from_pickle, (numpy_view(t).tobytes(), self.dtype.str, self.shape)
        # with a buffer_callback the memory itself goes out of band, without a copy
        return from_pickle, (PickleBuffer(t), self.dtype.str, self.shape)

    # -------------------------------------------------------------------------------- methods

    def astype(self, dtype, *, copy=True):
        """The elements converted to dtype; with copy=False, the tensor itself if possible."""
        cdef int target = dtype_number(dtype)
        if target == self.type and not copy:
            return self
        return astype_recorded(self, target)

    def copy(self):
        """A copy in C order."""
        return astype_recorded(self, self.type)

    def numpy(self):
        """An ndarray on the same memory. No gradient flows through it."""
        return numpy_view(self)

    def reshape(self, *shape, order="C", copy=None):
        """The elements in another shape; see pt.reshape.

        Args:
            shape: A tuple or integers.
            order: "C", or "F" to read and fill the elements with the first axis changing fastest.
            copy: True always copies, False never does; by default only if necessary.
        """
        if len(shape) == 1:
            shape = shape[0]
        if order == "F":
            turned = shape[::-1] if isinstance(shape, (tuple, list)) else shape
            return reversed_axes(reshape(reversed_axes(self), turned, copy=copy))
        if order != "C":
            raise ValueError(f"reshape: order: found {order!r}: expected 'C' or 'F'")
        return reshape(self, shape, copy=copy)

    def flatten(self):
        """A copy with a single axis."""
        return reshape(self, -1, copy=True)

    def ravel(self):
        """The elements along a single axis, as a view if possible."""
        return reshape(self, -1)

    def transpose(self, *axes):
        """A view with the axes in another order; reversed by default."""
        if len(axes) == 1 and not isinstance(axes[0], int):
            axes = () if axes[0] is None else axes[0]
        return permute_dims(self, axes) if axes else reversed_axes(self)

    def dot(self, other):
        """pt.dot(self, other)."""
        return dot(self, other)

    def fill(self, value):
        """Writes value to every element, in place."""
        set_item(self, Ellipsis, value)

    def sum(self, axis=None, *, keepdims=False, dtype=None, out=None):
        """The sum of the elements along axes; see pt.sum."""
        return write_to(reduce_call(ROW_SUM, self, axis, keepdims, dtype), out)

    def prod(self, axis=None, *, keepdims=False, dtype=None, out=None):
        """The product of the elements along axes; see pt.prod."""
        return write_to(reduce_call(ROW_PROD, self, axis, keepdims, dtype), out)

    def mean(self, axis=None, *, keepdims=False, dtype=None, out=None):
        """The mean of the elements along axes; see pt.mean."""
        return write_to(mean(self, axis, keepdims=keepdims, dtype=dtype), out)

    def var(self, axis=None, *, correction=0.0, ddof=None, keepdims=False, dtype=None, out=None):
        """The variance along axes; see pt.var. ddof: NumPy's name of correction."""
        return spread("var", self, axis, correction if ddof is None else ddof, keepdims, dtype, out)

    def std(self, axis=None, *, correction=0.0, ddof=None, keepdims=False, dtype=None, out=None):
        """The standard deviation along axes; see pt.std. ddof: NumPy's name of correction."""
        return spread("std", self, axis, correction if ddof is None else ddof, keepdims, dtype, out)

    def max(self, axis=None, *, keepdims=False, out=None):
        """The largest element along axes; see pt.max."""
        return write_to(reduce_call(ROW_MAX, self, axis, keepdims), out)

    def min(self, axis=None, *, keepdims=False, out=None):
        """The smallest element along axes; see pt.min."""
        return write_to(reduce_call(ROW_MIN, self, axis, keepdims), out)

    def argmax(self, axis=None, *, keepdims=False, out=None):
        """The position of the largest element; see pt.argmax."""
        return write_to(reduce_call(ROW_ARGMAX, self, axis, keepdims), out)

    def argmin(self, axis=None, *, keepdims=False, out=None):
        """The position of the smallest element; see pt.argmin."""
        return write_to(reduce_call(ROW_ARGMIN, self, axis, keepdims), out)

    def any(self, axis=None, *, keepdims=False, out=None):
        """Whether any element is true; see pt.any."""
        return write_to(reduce_call(ROW_ANY, self, axis, keepdims), out)

    def all(self, axis=None, *, keepdims=False, out=None):
        """Whether all elements are true; see pt.all."""
        return write_to(reduce_call(ROW_ALL, self, axis, keepdims), out)

    def cumsum(self, axis=None, *, dtype=None, out=None):
        """The sums up to each element along an axis; without one, of the flattened tensor; see
        pt.cumulative_sum."""
        return cumulated(cumulative_sum, self, axis, dtype, out)

    def cumprod(self, axis=None, *, dtype=None, out=None):
        """The products up to each element along an axis; without one, of the flattened tensor; see
        pt.cumulative_prod."""
        return cumulated(cumulative_prod, self, axis, dtype, out)

    def clip(self, min=None, max=None, *, out=None):
        """The elements limited to the range from min to max; see pt.clip."""
        return write_to(namesake("clip")(self, min, max), out)

    def round(self, decimals=0, *, out=None):
        """The elements rounded to a number of decimals; see pt.round."""
        return write_to(namesake("round")(self, decimals), out)

    def squeeze(self, axis=None):
        """A view without axes of length 1; see pt.squeeze."""
        return namesake("squeeze")(self, axis)

    def sort(self, axis=-1, *, descending=False, stable=True, kind=None, order=None):
        """A sorted copy; see pt.sort. kind and order are NumPy's; every kind is a stable sort."""
        check_order("sort", order)
        return namesake("sort")(self, axis=axis, descending=descending, stable=stable)

    def argsort(self, axis=-1, *, descending=False, stable=True, kind=None, order=None):
        """The positions that sort the elements; see pt.argsort. kind, order: see sort."""
        check_order("argsort", order)
        return namesake("argsort")(self, axis=axis, descending=descending, stable=stable)


cdef dict NAMESAKES = {}    # name -> the function of the namespace, for methods that call it


cdef object namesake(str name):
    """The function of the same name as a method."""
    function = NAMESAKES.get(name)
    if function is None:
        function = NAMESAKES[name] = getattr(HANDED_DOWN["namespace"], name)
    return function


cdef object spread(str name, Tensor t, object axis, object correction, object keepdims,
                   object dtype, object out):
    """var or std, computed in dtype."""
    if dtype is not None:
        t = t.astype(dtype, copy=False)
    return write_to(namesake(name)(t, axis, correction=correction, keepdims=keepdims), out)


cdef object cumulated(object function, Tensor t, object axis, object dtype, object out):
    """cumulative_sum or cumulative_prod."""
    if axis is None:
        t, axis = reshape(t, -1), 0
    return write_to(function(t, axis=axis, dtype=dtype), out)


cdef int check_order(str name, object order) except -1:
    if order is not None:
        raise ValueError(f"{name}: order: found {order!r}: expected None (no fields)")
    return 0


def from_pickle(buffer, dtype, shape):
    """The tensor that was pickled as a buffer, on its memory if that is writable."""
    cdef Tensor t = from_numpy(np.frombuffer(buffer, dtype).reshape(shape))
    return converted(t, t.type) if isinstance(buffer, bytes) else t


cdef const char *BUFFER_FORMATS[PT_N_STORED]
BUFFER_FORMATS[:] = [b"?", b"b", b"h", b"i", b"l" if sizeof(long) == 8 else b"q", b"B", b"H", b"I",
                     b"L" if sizeof(long) == 8 else b"Q", b"f", b"d", b"Zf", b"Zd"]


# ----------------------------------------------------------------- threads, memory, signals


def get_num_threads():
    """The number of threads that kernels use.

    >>> pt.get_num_threads() >= 1
    True
    """
    return pt_get_num_threads()


def set_num_threads(n):
    """Sets the number of threads that kernels use. Results have the same bits for every number.

    Args:
        n: An integer from 1 to 256.

    Raises:
        ValueError: If n is out of range.

    >>> before = pt.get_num_threads()
    >>> pt.set_num_threads(1)
    >>> pt.get_num_threads()
    1
    >>> pt.set_num_threads(before)
    """
    number = operator.index(n)
    if not 1 <= number <= PT_MAX_THREADS:
        raise ValueError(f"set_num_threads: {number}: expected 1 to {PT_MAX_THREADS}")
    cdef int n_threads = number
    with nogil:
        pt_set_num_threads(n_threads)


def set_reproducible(scope):
    """Sets across what the results of products have the same bits.

    By default, across numbers of threads: products go to OpenBLAS where it is faster, whose order
    of summation depends on the processor. Across machines, all products of real floating-point
    tensors (`dot`, `matmul`, `linear`, `tensordot`, `einsum`, their gradients, the layers) are
    computed by pytensor alone: an element of the product of (m, k) and (k, n) is one chain of fused
    multiply-adds over k, in order, beginning with 0. This takes no longer where pytensor would not
    use OpenBLAS anyway, and most where a factor is a vector: see docs/performance.md. Processors
    without fused multiply-add compute the same bits, but slowly. Complex products and `linalg` go
    through NumPy, and are outside the promise.

    The environment variable PYTENSOR_REPRODUCIBLE sets it from the start, and `build_config` tells
    what is set. Applies to all threads.

    Args:
        scope: "threads" (the default) or "machines".

    Raises:
        ValueError: For any other scope.

    >>> pt.set_reproducible("machines")
    >>> pt.build_config()["reproducible"]
    'machines'
    >>> pt.set_reproducible("threads")
    """
    if scope not in ("threads", "machines"):
        raise ValueError(f"set_reproducible: scope is {scope!r}: expected 'threads' or 'machines'")
    pt_set_reproducible(scope == "machines")


def is_reproducible():
    """Whether products have the same bits on every machine."""
    return pt_is_reproducible()


def build_config():
    """The build and the configuration of the kernels, as a dictionary of strings and numbers.

    >>> "instruction set" in pt.build_config()
    True
    """
    return {
        "instruction set": pt_isa_name().decode(),
        "threads": pt_get_num_threads(),
        "default threads": pt_default_num_threads(),
        "blas": pt_blas_config().decode(),
        "reproducible": "machines" if pt_is_reproducible() else "threads",
        "allocator": "system" if pt_memory_is_system() else "caching",
    }


def memory_stats():
    """See pytensor.memory.stats."""
    cdef pt_memory_stats stats
    pt_memory_get_stats(&stats)
    return stats


def memory_trim():
    """See pytensor.memory.trim."""
    pt_memory_trim()


def memory_set_limit(size_t n_bytes):
    """See pytensor.memory.set_limit."""
    pt_memory_set_limit(n_bytes)


def memory_reset_peak():
    """See pytensor.memory.reset_peak."""
    pt_memory_reset_peak()


def memory_fail_after(long k):
    """For tests: makes the k-th allocation from now on fail, once; -1 cancels that."""
    pt_memory_fail_after(k)


ctypedef int (*pending_call)(void *) except -1

cdef extern from "Python.h":
    int Py_AddPendingCall(pending_call function, void *argument) noexcept nogil


cdef int tell_of_threads(void *argument) except -1:
    """Warns, in the main thread, that the system started fewer threads than requested."""
    warnings.warn(f"pytensor: set_num_threads({<intptr_t>argument}): the system started fewer "
                  "threads; continuing with those", RuntimeWarning, stacklevel=1)
    return 0


cdef void on_pool_failure(int n) noexcept nogil:
    Py_AddPendingCall(tell_of_threads, <void *><intptr_t>n)


cdef extern from "Python.h":
    ctypedef struct PyInterpreterState:
        pass
    int PyErr_CheckSignals() noexcept
    unsigned long PyThread_get_thread_ident() noexcept nogil
    PyInterpreterState *PyInterpreterState_Get() noexcept
    PyInterpreterState *PyInterpreterState_Main() noexcept

cdef unsigned long main_thread  # 0, which is no thread's number, in a subinterpreter


def note_main_thread():
    global main_thread
    # Signal handlers run in the main interpreter: their exceptions would be set there, not here.
    if PyInterpreterState_Get() == PyInterpreterState_Main():
        main_thread = threading.main_thread().ident


cdef int is_main_thread() noexcept nogil:
    return PyThread_get_thread_ident() == main_thread


cdef int is_interrupted() noexcept nogil:
    """Whether a signal handler raised an exception, which is then set."""
    with gil:
        return PyErr_CheckSignals() != 0

cdef pt_pool_question question = pt_pool_question(is_main_thread, is_interrupted)


cdef int start_kernels() except -1:
    """Loads OpenBLAS; ImportError if that fails or an environment variable is invalid."""
    cdef const char *errors[5]
    cdef int i
    pt_pool_on_failure(on_pool_failure)
    note_main_thread()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=note_main_thread)
    pt_pool_ask(&question)
    errors[:] = [pt_isa_error(), pt_pool_error(), pt_memory_error(), pt_tiles_error(),
                 pt_load_blas()]
    for i in range(5):
        if errors[i] != NULL:
            raise ImportError(errors[i].decode())
    return 0


start_kernels()
