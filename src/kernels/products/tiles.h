/* tiles.h: shared by tiles.c and its loops. */
#ifndef TILES_H
#define TILES_H

#include "pt.h"

/* The sides that a tile may have: rows, and vectors of columns. A tile of C is summed in registers,
 * so not every pair fits; see isa_tiles.c. */
enum { PT_TILE_MAX_ROWS = 14, PT_TILE_MAX_VECTORS = 4 };

/* The rows that a stream may have. */
enum { PT_STREAM_MAX_ROWS = 4 };

/* c (rows, columns) = a b, or c + a b if it continues: each element is one chain of multiply-adds
 * over length, in order. a: (rows, length), any strides; b: (length, columns), contiguous along its
 * columns, terms b_step apart. Strides in elements. */
typedef void pt_tile_loop(size_t length, const void *a, ptrdiff_t a_row_stride, ptrdiff_t a_step,
                          const void *b, ptrdiff_t b_step, void *c, ptrdiff_t c_row_stride,
                          bool continues);

/* c (rows, n) += a b with the same chains: b is read once, line by line, and c stays in the L1 cache.
 * n is at least the lanes. */
typedef void pt_stream_loop(size_t n, size_t length, const void *a, ptrdiff_t a_row_stride,
                            ptrdiff_t a_step, const void *b, ptrdiff_t b_step, void *c,
                            ptrdiff_t c_row_stride);

/* The loops of one dtype. */
typedef struct {
    size_t lanes; /* elements in a vector */
    /* By rows and vectors - 1; NULL where there is none. A tile of any number of rows is computed
     * by several of them, since 1 and 1 exist. */
    pt_tile_loop *multiply[PT_TILE_MAX_ROWS + 1][PT_TILE_MAX_VECTORS];
    /* By rows; NULL without fused multiply-adds. */
    pt_stream_loop *stream[PT_STREAM_MAX_ROWS + 1];
    /* to (length, width) = from (length, n), n <= width: rows of contiguous elements side by side,
     * zeros up to the next whole vector. Row i is rows[i], or i if rows is NULL. */
    void (*copy)(size_t length, size_t n, const void *from, ptrdiff_t row_stride,
                 const int64_t *rows, void *to, size_t width);
    /* c (m, n) += bias (n,) unless NULL, then relu if asked. */
    void (*finish)(size_t m, size_t n, void *c, ptrdiff_t c_row_stride, const void *bias,
                   bool relu);
} pt_tile_loops_of;

typedef struct {
    pt_tile_loops_of f32, f64;
    /* The same with multiply-adds that are rounded once, where f32 and f64 round twice. NULL: they
     * don't. */
    const pt_tile_loops_of *fused_f32, *fused_f64;
} pt_tile_table;

PT_DECLARE_PER_ISA(const pt_tile_table, pt_tile_loops);
/* Those in use now: with multiply-adds that are rounded once where results must be reproducible. */
const pt_tile_loops_of *pt_tile_loops_for(pt_dtype dtype);

/* An operand: element p of line i is data[line(i) * line_stride + term(p) * term_stride]. The lines
 * of A are its rows, those of B its columns. Strides in elements. */
typedef struct {
    const void *data;
    ptrdiff_t line_stride, term_stride;
    const int64_t *lines, *terms; /* index lists, or NULL: all, in order */
} pt_factor;

/* C (m, n) = A B for each of a batch, then bias and relu. */
typedef struct {
    pt_dtype dtype; /* a float dtype */
    size_t n_batch, m, n, k;
    pt_factor a, b;
    ptrdiff_t a_step, b_step; /* bytes from one product of the batch to the next */
    void *c;                  /* (n_batch, m, n) in C order */
    const void *bias;         /* (n,) or NULL */
    bool relu;
    /* NULL, or the step that uses each tile of C, the gradient, while it is in the L1 cache, and c
     * is not used; update_rows: which rows of the weight those of C are. */
    const pt_update *update;
    const pt_gradient_rows *update_rows;
} pt_tiled_product;

__attribute__((warn_unused_result)) pt_status pt_tiles(const pt_tiled_product *product);
/* Whether its rows are few and pt_tiles reads B faster than BLAS does. */
bool pt_tiles_stream(const pt_tiled_product *product);
/* Computes a small product of whole vectors without packing or tasks, or returns false. */
bool pt_tiles_at_once(const pt_tiled_product *product);
/* c (m, n) += bias (n,) unless NULL, then relu if asked. */
void pt_tiles_finish(pt_dtype dtype, size_t m, size_t n, void *c, ptrdiff_t c_row_stride,
                     const void *bias, bool relu);

#endif
