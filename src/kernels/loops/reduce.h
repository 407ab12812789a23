/* reduce.h: shared by reduce.c and the reductions' loops.
 *
 * The order in which the n elements e_0 .. e_(n-1) of one result are combined depends only on n and
 * the size of the dtype, never on strides, threads or the instruction set:
 *
 *   n <= L       one after the other;
 *   n <= B       L lanes, lane l taking e_l, e_(l+L), e_(l+2L) ... one after the other, as long as
 *                there are L more. Then the upper half of the lanes is combined into the lower,
 *                until one is left; whenever h lanes remain and n has the bit h set, the next h
 *                elements are combined into them;
 *   otherwise    blocks of B (the last may be shorter), each as above; the results of the blocks
 *                pairwise, split at the largest power of two below their number.
 *
 * Rounding error of a sum: each element passes fewer than c = B/L + 2 log2(L) + ceil(log2(n/B))
 * additions, so |computed - exact| <= c u sum|e_i| to first order in the unit roundoff u (Higham,
 * Accuracy and Stability of Numerical Algorithms, 2nd ed., section 4.2). For a million float32,
 * c = 52; one after the other it would be a million.
 */
#ifndef REDUCE_H
#define REDUCE_H

#include "pt.h"

/* L: 128 bytes, two vectors of AVX-512, so that additions need not wait for each other; at most 64.
 * A compile-time constant of the dtype. */
#define PT_REDUCE_LANES(size) ((size) >= 2 ? 128 / (size_t)(size) : (size_t)64)
/* B: 4 KiB. Longer blocks combine lanes less often, shorter ones have a smaller error. */
#define PT_REDUCE_BLOCK(size) (4096 / (size_t)(size))
/* The most results that one call of a loop over rows computes side by side: a row of them takes
 * 4 KiB, its intermediate results a fraction of the L1 cache. */
#define PT_REDUCE_COLUMNS(size) ((size) == 8 ? (size_t)512 : (size_t)1024)
/* The same if all lanes of all results are live at once: 16 KiB. */
#define PT_REDUCE_FLAT_COLUMNS ((size_t)128)

/* n rows of elements to be combined column by column, the columns contiguous. */
typedef struct {
    const void *data;
    ptrdiff_t stride; /* from row to row, in elements */
    /* If not NULL: returns rows first..first+count, one after the other without gaps; called for
     * consecutive groups of at most L rows. data and stride are ignored. */
    const void *(*fetch)(void *context, size_t first, size_t count);
    void *context;
} pt_rows;

/* The loops of one row of the op table for one dtype T. For argmax and argmin, out is int64
 * (positions from 0) and values, if not NULL, receives the elements there; for the others out is T
 * and values is ignored. */
typedef struct {
    /* x: (n_outputs, n), the n contiguous, stride elements from output to output;
     * out: (n_outputs,). n == 0 gives the identity. n <= PT_REDUCE_BLOCK; but any n for integers,
     * for bool and for the ops that choose one of the elements. */
    void (*run)(const void *x, ptrdiff_t stride, size_t n_outputs, size_t n, void *out,
                void *values);
    /* x: (n, columns), n >= 1, columns <= PT_REDUCE_COLUMNS (with fetch: PT_REDUCE_FLAT_COLUMNS);
     * out: (columns,). n <= PT_REDUCE_BLOCK; but any n for argmax and argmin. */
    void (*rows)(const pt_rows *x, size_t n, size_t columns, void *out, void *values);
    /* Of sum and prod: all results on the way, of the first, the first two, ... of n >= 1 elements,
     * combined one after the other. Elements of a column are step apart in x and out, columns line
     * in x and out_line in out: 1, if there are more than 4. out may be x. */
    void (*scan)(const void *x, size_t columns, size_t n, ptrdiff_t line, ptrdiff_t step, void *out,
                 ptrdiff_t out_line);
} pt_reduce_loops;

typedef struct {
    pt_reduce_loops loops[PT_REDUCE_COUNT][PT_N_DTYPES]; /* NULL where the row has none */
} pt_reduce_table;

PT_DECLARE_PER_ISA(const pt_reduce_table, pt_reduce_loops_of);

#endif
