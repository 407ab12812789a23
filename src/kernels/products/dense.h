/* dense.h: shared by dense.c and its loops. */
#ifndef DENSE_H
#define DENSE_H

#include "pt.h"

/* C (m, n) = A (m, k) B (k, n), with A and B indexed by lists. Strides in elements. */
typedef struct {
    size_t m, n, k;
    /* A[i, p] = a[a_row(i) * a_row_stride + a_column(p) * a_column_stride] */
    const void *a;
    ptrdiff_t a_row_stride, a_column_stride;
    const int64_t *a_rows, *a_columns; /* (m,), (k,); NULL: all, in order */
    /* B[p, j] = b[b_row(p) * b_row_stride + j] */
    const void *b;
    ptrdiff_t b_row_stride;
    const int64_t *b_rows; /* (k,) or NULL */
    void *c;               /* (m, n), contiguous */
    const void *bias;      /* (n,) or NULL */
    bool relu;

    size_t k_block; /* the most of k that is packed at once */
    char *packed_a; /* by blocks of k, then by strips of rows: (rows, k) for each */
} pt_gathered_product;

/* The loops of one dtype. A strip is `rows` rows of A, or `columns` columns of B: a tile of C that
 * fits the registers is the product of two strips. */
typedef struct {
    size_t rows, columns;
    /* Packs strip i of A, all of k. */
    void (*pack_a)(const pt_gathered_product *p, size_t i);
    /* Computes strip j of the columns of C for strips [first, end) of its rows; packed_b: room for
     * (k_block, columns). */
    void (*strip)(const pt_gathered_product *p, size_t j, size_t first, size_t end, void *packed_b);
} pt_dense_loops_of;

typedef struct {
    pt_dense_loops_of f32, f64;
} pt_dense_table;

PT_DECLARE_PER_ISA(const pt_dense_table, pt_dense_loops);

#endif
