/* matmul.h: shared by matmul.c and its loops. */
#ifndef MATMUL_H
#define MATMUL_H

#include "pt.h"

/* Strides in elements. */
typedef struct {
    /* c (m, n) = a b; columns of b and c contiguous. For the dtypes that BLAS lacks. */
    void (*product)(size_t m, size_t n, size_t k, pt_matrix a, pt_matrix b, void *c,
                    ptrdiff_t c_row_stride);
    /* c (n,) += part (n,), contiguous. */
    void (*accumulate)(size_t n, void *c, const void *part);
} pt_matmul_loops_of;

typedef struct {
    pt_matmul_loops_of of[PT_N_DTYPES];
} pt_matmul_table;

PT_DECLARE_PER_ISA(const pt_matmul_table, pt_matmul_loops);

#endif
