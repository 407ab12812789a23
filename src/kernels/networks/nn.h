/* nn.h: shared by nn.c and its loops. */
#ifndef NN_H
#define NN_H

#include "pt.h"

/* The numbers of an optimizer step: computed in double by nn.c, rounded to the dtype by the loop,
 * whose comment says which of them it uses. */
typedef struct {
    double rate; /* learning rate; Adam: corrected for the bias of the first steps */
    double decay_1, decay_2;
    double epsilon;
} pt_step_numbers;

/* All arrays are contiguous, in C order, as in pt.h. */
typedef struct {
    void (*softmax)(size_t rows, size_t columns, const void *x, void *out);
    void (*log_softmax)(size_t rows, size_t columns, const void *x, void *out);
    /* t or labels is NULL. */
    void (*cross_entropy)(size_t rows, size_t columns, const void *x, const void *t,
                          const int64_t *labels, void *loss);
    void (*sgd)(size_t n, void *w, const void *dw, const pt_step_numbers *numbers);
    void (*momentum)(size_t n, void *w, const void *dw, void *velocity,
                     const pt_step_numbers *numbers);
    void (*nesterov)(size_t n, void *w, const void *dw, void *velocity,
                     const pt_step_numbers *numbers);
    void (*rmsprop)(size_t n, void *w, const void *dw, void *mean_square,
                    const pt_step_numbers *numbers);
    void (*adagrad)(size_t n, void *w, const void *dw, void *sum_of_squares,
                    const pt_step_numbers *numbers);
    void (*adam)(size_t n, void *w, const void *dw, void *mean, void *variance,
                 const pt_step_numbers *numbers);
} pt_nn_loops_of;

/* out (n,) = scale * x (n,), converted to the dtype of out first. */
typedef void (*pt_scaled_cast)(size_t n, const void *x, double scale, void *out);

typedef struct {
    pt_nn_loops_of loops[PT_N_DTYPES];              /* of floating-point dtypes */
    pt_scaled_cast casts[PT_N_DTYPES][PT_N_DTYPES]; /* [from][to], to floating-point dtypes */
} pt_nn_table;

PT_DECLARE_PER_ISA(const pt_nn_table, pt_nn_loops);

#endif
