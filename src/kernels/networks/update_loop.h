/* update_loop.h: the loop of one optimizer's rule for one dtype.
 *
 * Included by rules_update.h with RULE, NUMBERS (declares the step's numbers, rounded to T), ARRAYS
 * (declares the rows of the state, from element row * stride on), LOAD, UPDATE and STORE (of element
 * i's state, in which the update works as if on variables). */
static void F_PASTE(RULE, F(update))(size_t n_rows, size_t n, void *weights, size_t stride,
                                     const void *gradient, size_t gradient_stride,
                                     void *const *state, const double *numbers) {
    (void)state; /* some rules have none */
    NUMBERS

    for (size_t row = 0; row < n_rows; row++) {
        T *restrict const ws = (T *)weights + row * stride;
        const T *restrict const dws = (const T *)gradient + row * gradient_stride;
        ARRAYS

#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            const T dw = dws[i];
            T w = ws[i];
            LOAD UPDATE STORE ws[i] = w;
        }
    }
}

#undef RULE
#undef NUMBERS
#undef ARRAYS
#undef LOAD
#undef UPDATE
#undef STORE
