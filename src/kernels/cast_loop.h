/* cast_loop.h: the conversion of (n,) contiguous elements from T to U, any n.
 *
 * Included with U and U_SUFFIX set. To bool: whether the element is not 0. A floating-point number
 * outside the range of an integer gives what the machine gives, as in NumPy.
 */
static void F_PASTE(F(cast), U_SUFFIX)(const void *in, void *out, size_t n) {
    const T *x = in;
    U *result = out;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
#if U_IS_BOOL
        result[i] = x[i] != 0;
#else
        result[i] = (U)x[i];
#endif
    }
}

#undef U
#undef U_SUFFIX
#undef U_IS_BOOL
