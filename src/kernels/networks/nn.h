/* nn.h: shared by nn.c and its loops. */
#ifndef NN_H
#define NN_H

#include "pt.h"

/* A rule on n_rows rows of n elements: of weights and their state, stride elements apart, and of
 * their gradient; numbers: the step's, which the loop rounds to the dtype. */
typedef void (*pt_update_loop)(size_t n_rows, size_t n, void *w, size_t stride, const void *dw,
                               size_t dw_stride, void *const *state, const double *numbers);

/* All arrays are contiguous, in C order, as in pt.h. */
typedef struct {
    void (*softmax)(size_t rows, size_t columns, const void *x, void *out);
    void (*log_softmax)(size_t rows, size_t columns, const void *x, void *out);
    /* t or labels is NULL. */
    void (*cross_entropy)(size_t rows, size_t columns, const void *x, const void *t,
                          const int64_t *labels, void *loss);
    void (*cross_entropy_gradient)(size_t rows, size_t columns, const void *x, const void *t,
                                   const void *target_sums, const int64_t *labels, const void *g,
                                   void *dx);
    /* d = p * (d - sum of the row of p * d) * scale: (rows, columns) each. */
    void (*softmax_gradient)(size_t rows, size_t columns, const void *p, double scale, void *d);
    /* x = value where mask, `step` bytes an element, is 0; x: (n,). */
    void (*hide)(size_t n, const uint8_t *mask, ptrdiff_t step, double value, void *x);
    void (*add)(size_t n, const void *x, void *out); /* out += x, both (n,) */
    void (*prepare)(size_t n, void *w, double keep, const void *dw, double scale, double limit,
                    void *prepared);
    pt_update_loop update[PT_RULE_COUNT];
} pt_nn_loops_of;

/* out (n,) = scale * x (n,), converted to the dtype of out first. */
typedef void (*pt_scaled_cast)(size_t n, const void *x, double scale, void *out);

typedef struct {
    pt_nn_loops_of loops[PT_N_DTYPES];              /* of floating-point dtypes */
    pt_scaled_cast casts[PT_N_DTYPES][PT_N_DTYPES]; /* [from][to], to floating-point dtypes */
} pt_nn_table;

PT_DECLARE_PER_ISA(const pt_nn_table, pt_nn_loops);

#endif
