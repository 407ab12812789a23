/* update_loop.h: the loop of one optimizer's rule for one dtype.
 *
 * Included by rules_update.h with RULE, NUMBERS (declares the step's numbers, rounded to T), ARRAYS
 * (declares the arrays of the state), LOAD, UPDATE and STORE (of element i's state, in which the
 * update works as if on variables). */
static void F_PASTE(RULE, F(update))(size_t n, void *weights, const void *gradient,
                                     void *const *state, const double *numbers) {
    T *restrict const ws = weights;
    const T *restrict const dws = gradient;
    (void)state; /* some rules have none */
    NUMBERS
    ARRAYS

#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        const T dw = dws[i];
        T w = ws[i];
        LOAD UPDATE STORE ws[i] = w;
    }
}

#undef RULE
#undef NUMBERS
#undef ARRAYS
#undef LOAD
#undef UPDATE
#undef STORE
