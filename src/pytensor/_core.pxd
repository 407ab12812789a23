"""The C-level face of the core: the tensor, and the calls that the generated functions make."""

from pytensor._kernels cimport PT_MAX_NDIM


cdef class Tensor:
    cdef char *data
    cdef readonly int ndim
    cdef readonly Py_ssize_t size
    cdef int type                           # pt_dtype
    cdef bint contiguous                    # in C order
    cdef bint readonly
    cdef bint traced                        # a stand-in: a function that uses it is being recorded
    cdef int buffer                         # of a root: its buffer in the trace ...
    cdef unsigned long long trace           # with this serial number
    cdef Py_ssize_t dims[PT_MAX_NDIM]
    cdef Py_ssize_t steps[PT_MAX_NDIM]      # strides, in bytes
    cdef size_t owned                       # bytes of data that this tensor frees; 0: none
    cdef Tensor root                        # the tensor that this one is a view of, or None
    cdef object exporter                    # keeps foreign memory alive, or None
    cdef unsigned long long version         # of a root: how often its elements have changed
    cdef unsigned long long tracked         # bits of the tapes that know this tensor
    cdef unsigned long long serial          # of one of these tapes, or of a former one
    cdef Py_ssize_t node                    # its node there
    cdef unsigned long long name            # by which other tapes know it; 0: none
    cdef object __weakref__


cdef object elementwise_call(int row, object x, object y, object z, object out)
cdef object reduce_call(int row, object x, object axis, object keepdims,
                        object dtype=*)
