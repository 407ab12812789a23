/* cast_loop.h: the conversion of (n,) contiguous elements from T to U, any n.
 *
 * Included with U and U_SUFFIX set. To bool: whether the element is not 0. A floating-point number
 * outside the range of an integer gives what the machine gives, as in NumPy; but wherever it stands
 * the same: the last elements pass through the vector code too. U_IS_FLOAT: whether U is a
 * floating-point dtype; where FLOATS_ONLY is defined, only such a T or U has a conversion.
 */
#if U_IS_FLOAT || KIND == 'f' || !defined FLOATS_ONLY
static inline void F_PASTE(F(convert), U_SUFFIX)(const T *x, U *result, size_t n) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
#if U_IS_BOOL
        result[i] = x[i] != 0;
#else
        result[i] = (U)x[i];
#endif
    }
}

static void F_PASTE(F(cast), U_SUFFIX)(const void *in, void *out, size_t n) {
#if KIND == 'f'
    if ((U)0.5f == 0) { /* an integer */
        T x[PT_LANES] = {0};
        U result[PT_LANES];
        const size_t whole = n & ~(size_t)(PT_LANES - 1), rest = n - whole;
        F_PASTE(F(convert), U_SUFFIX)(in, out, whole);
        memcpy(x, (const T *)in + whole, rest * sizeof(T));
        F_PASTE(F(convert), U_SUFFIX)(x, result, PT_LANES);
        memcpy((U *)out + whole, result, rest * sizeof(U));
        return;
    }
#endif
    F_PASTE(F(convert), U_SUFFIX)(in, out, n);
}
#endif

#undef U
#undef U_SUFFIX
#undef U_IS_BOOL
#undef U_IS_FLOAT
