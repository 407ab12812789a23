/* cast_loop.h: converts (n,) contiguous elements from T to U, any n.
 *
 * Included with U and U_SUFFIX set. To bool, the result is whether the element is not 0. A
 * floating-point number outside an integer's range becomes what the machine makes of it, as in
 * NumPy, but the same at every position: the last elements go through the vector code too.
 * U_IS_FLOAT says whether U is a floating-point dtype; if FLOATS_ONLY is defined, only such a T or
 * U is converted.
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
