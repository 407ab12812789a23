# cython: auto_pickle=False, embedsignature.format=clinic
"""The core: Tensor, and the calls of the kernels.

One extension module, in parts by kind:

    storage.pxi    making tensors: memory, dtypes, views, conversion to and from Python and NumPy
    calls.pxi      element-wise ops and reductions: promotion, broadcasting, results
    numpy.pxi      what goes through NumPy: complex numbers, and the rows of _tables/numpy_rows.py
    shape.pxi      reshape, permute_dims, broadcast_to, indexing
    products.pxi   matmul, dot, linear; the fused kernels of networks; optimizer steps
    conv.pxi       convolutions
    recurrent.pxi  recurrent layers
    attention.pxi  attention
    tape.pxi       the tape: recording, and replaying backwards
    program.pxi    jit and fuse: recording what a function computes, and replaying it
    loops.pxi      scan, while_loop and cond: parts of programs that run many times or not at all
    batching.pxi   vmap: the program of many samples from the recording of one
    tensor.pxi     the class Tensor itself: attributes, operators, methods

The core contains no derivative and no layer, and imports nothing from this package: the floors
above hand down what it needs from them.

Code that may run when memory is exhausted avoids two forms that Cython 3.3 compiles wrongly for
that case: a comprehension of computed elements (the element is freed twice if the list can't grow),
and isinstance() with a literal tuple of classes of which Cython does not know one (its error is
ignored).

The classes have methods like those of CPython's built-in classes (binding=False): Cython's
functions do not check their self, and Tensor.item(3) would take the integer for a tensor. No class
is pickled by its members, which could be forged.
"""

cimport cython
from cpython.buffer cimport (PyBUF_ANY_CONTIGUOUS, PyBUF_C_CONTIGUOUS, PyBUF_F_CONTIGUOUS,
                             PyBUF_FORMAT, PyBUF_ND, PyBUF_STRIDES, PyBUF_WRITABLE,
                             PyBUF_FULL_RO, PyBuffer_Release, PyObject_CheckBuffer,
                             PyObject_GetBuffer)
from cpython.ref cimport Py_INCREF, PyObject
from cpython.slice cimport PySlice_AdjustIndices, PySlice_Unpack
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from libc.stdint cimport (int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t,
                          intptr_t, uintptr_t)
from libc.string cimport memset

import collections.abc
import contextvars
import itertools
import numbers
import operator
import os
import threading
import warnings
from pickle import PickleBuffer

import numpy as np

from pytensor._kernels cimport *

# Numbers that several threads change. Where a GIL keeps threads apart, these are plain operations.
# The attributes of objects that threads share are guarded by critical sections, which then are
# nothing at all.
cdef extern from *:
    """
    #ifdef Py_GIL_DISABLED
    #define PT_LOAD(at) __atomic_load_n(at, __ATOMIC_ACQUIRE)
    #define PT_STORE(at, value) __atomic_store_n(at, value, __ATOMIC_RELEASE)
    #define PT_ADD(at, n) __atomic_add_fetch(at, n, __ATOMIC_RELAXED)
    #define PT_SET_BITS(at, bits) __atomic_or_fetch(at, bits, __ATOMIC_RELEASE)
    #define PT_CLEAR_BITS(at, bits) __atomic_fetch_and(at, ~(bits), __ATOMIC_ACQUIRE)
    #else
    static inline unsigned long long pt_clear_bits(unsigned long long *at,
                                                   unsigned long long bits) {
        const unsigned long long before = *at;
        *at &= ~bits;
        return before;
    }
    #define PT_LOAD(at) (*(at))
    #define PT_STORE(at, value) (*(at) = (value))
    #define PT_ADD(at, n) (*(at) += (n))
    #define PT_SET_BITS(at, bits) (*(at) |= (bits))
    #define PT_CLEAR_BITS(at, bits) pt_clear_bits(at, bits)
    #endif
    """
    ctypedef unsigned long long number "unsigned long long"
    number load_shared "PT_LOAD"(number *at) noexcept
    void store_shared "PT_STORE"(number *at, number value) noexcept
    number add_shared "PT_ADD"(number *at, number n) noexcept           # the sum
    void set_bits "PT_SET_BITS"(number *at, number bits) noexcept
    number clear_bits "PT_CLEAR_BITS"(number *at, number bits) noexcept  # as they were before

# What the floors above hand down when they are imported, since the core imports none of them:
#   namespace                      the module pytensor, which Tensor.__array_namespace__ returns
#   complex_function(name)         the function that computes a row for complex numbers
#   html()                         the module that draws objects for notebooks
#   call_ufunc(namespace, ufunc, method, inputs, keywords)
#                                  Tensor.__array_ufunc__
#   load_rules()                   calls set_rules before the first tape records: import stays light
#   record_program(...)            records a call of a recorded function on the tapes
#   add_rules(row)                 the same for a row of the functions that NumPy computes
cdef dict HANDED_DOWN = {}


def hand_down(**parts):
    """Store the objects of the floors above that the core calls; see HANDED_DOWN."""
    HANDED_DOWN.update(parts)


include "_rows.pxi"
include "storage.pxi"
include "calls.pxi"
include "numpy.pxi"
include "shape.pxi"
include "products.pxi"
include "recurrent.pxi"
include "conv.pxi"
include "attention.pxi"
include "tape.pxi"
include "program.pxi"
include "batching.pxi"
include "loops.pxi"
include "tensor.pxi"
