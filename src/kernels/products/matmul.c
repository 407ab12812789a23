/* matmul.c: products of matrices, cut into fixed tiles of C that run on the pool.
 *
 * The tiles depend only on the shapes, so the result has the same bits for any number of threads.
 * Tiles of float dtypes go to OpenBLAS, which runs on one thread, unless tiles.c computes the
 * product; the others to our loops. */
#include "matmul.h"

#include "blas.h"
#include "tiles.h"

#include <limits.h>
#include <string.h>

/* Work is measured in multiply-adds of a large float32 product. A core does 60 of them per ns with
 * AVX2, 100 with AVX-512 (Zen 5). A matrix times a vector waits for memory, 4 bytes at about 110
 * GB/s (L2 and L3), as long as four take. Our integer loops do 4 (int64) to 45 (uint8). */
enum { VECTOR_WEIGHT = 4, INTEGER_WEIGHT = 8 };

/* A task must be worth its dispatch: 3 us, three times what that costs when the workers still spin.
 * Two tiles of 128 x 10 x 512 take 10.7 us on two cores where one takes 19.9 (AVX2 kernels,
 * Zen 5). */
#define TASK_WORK ((double)(300 << 10))

/* How many tiles one product is worth. Each packs its share of A and B, which takes as long as
 * about 8 more rows and 8 more columns (measured with OpenBLAS on Zen 5: 128 x 512 x 784 in 485 us
 * as one tile, 518 us as four of 128 x 128, 612 us as sixteen of 128 x 32). So sides are no shorter
 * than 128 (64 if the other is shorter than 128, as little is packed twice then), there are eight
 * tiles for eight cores, and beyond that only until the sides are at most 512, where packing costs
 * 3 %. */
enum { MIN_SIDE = 128, MIN_THIN_SIDE = 64, MANY_TILES = 8, LONG_SIDE = 512 };

/* If C is too small to cut but k is long, k is cut into parts no shorter than this, and their
 * products are added up in order. */
enum { MIN_PART = 1024 };

typedef struct {
    pt_dtype dtype;
    size_t item_size;
    size_t m, n, k;
    pt_matrix a, b;
    bool a_transposed, b_transposed; /* rows, not columns, have stride 1 */
    ptrdiff_t a_step, b_step;        /* bytes from one product of the batch to the next */
    char *c;                         /* (n_batch, m, n) in C order */
    const char *bias;                /* (n,) or NULL */
    bool relu;

    size_t tile_m, tile_n, tile_k;
    size_t call_k; /* the most of k that BLAS takes at once */
    size_t m_tiles, n_tiles, k_parts;
    size_t n_batch, batch_per_task;
    char *parts; /* (k_parts - 1, m, n): the products of all parts of k but the first */

    const pt_matmul_loops_of *loops;
} product;

static bool is_float(pt_dtype dtype) { return dtype == PT_FLOAT32 || dtype == PT_FLOAT64; }

static const char *element(const pt_matrix *matrix, size_t i, size_t j, size_t item_size) {
    return (const char *)matrix->data +
           ((ptrdiff_t)i * matrix->row_stride + (ptrdiff_t)j * matrix->column_stride) *
               (ptrdiff_t)item_size;
}

/* ------------------------------------------------------------- operands as BLAS takes them */

static bool is_row_major(size_t rows, size_t columns, ptrdiff_t row_stride,
                         ptrdiff_t column_stride) {
    return (column_stride == 1 || columns == 1) && (row_stride >= (ptrdiff_t)columns || rows == 1);
}

/* The distance of lines, as BLAS expects it: it checks the number even if there is one line. */
static int leading_dimension(size_t n_lines, size_t line_length, ptrdiff_t stride) {
    return n_lines > 1 ? (int)stride : (int)line_length;
}

static size_t packed_bytes(size_t n_batch, ptrdiff_t step, size_t rows, size_t columns,
                           size_t item_size) {
    return (step ? n_batch : 1) * rows * columns * item_size;
}

/* Copies the matrices of one operand into a contiguous block and points the operand there. Returns
 * the block, or NULL if there is no memory. */
static void *pack(const product *p, size_t rows, size_t columns, pt_matrix *matrix,
                  ptrdiff_t *step) {
    const size_t bytes = packed_bytes(p->n_batch, *step, rows, columns, p->item_size);
    const ptrdiff_t size = (ptrdiff_t)p->item_size;
    const ptrdiff_t packed_step = *step ? (ptrdiff_t)(rows * columns) * size : 0;
    const ptrdiff_t shape[3] = {*step ? (ptrdiff_t)p->n_batch : 1, (ptrdiff_t)rows,
                                (ptrdiff_t)columns};
    const ptrdiff_t from[3] = {*step, matrix->row_stride * size, matrix->column_stride * size};
    const ptrdiff_t to[3] = {packed_step, (ptrdiff_t)columns * size, size};
    char *block = pt_alloc(bytes);

    if (!block) {
        return NULL;
    }
    /* pt_copy reads through a pointer to mutable data, but only reads. */
    pt_copy(3, shape, &(pt_operand){(char *)(uintptr_t)matrix->data, from, p->dtype},
            &(pt_operand){block, to, p->dtype});
    *matrix = (pt_matrix){block, (ptrdiff_t)columns, 1};
    *step = packed_step;
    return block;
}

/* ------------------------------------------------------------------------------------ tiles */

/* Cuts length into at most n pieces of equal size, a multiple of unit. Returns their number. */
static size_t cut(size_t length, size_t n, size_t unit, size_t *piece) {
    *piece = pt_ceil_div(pt_ceil_div(length, n), unit) * unit;
    return pt_ceil_div(length, *piece);
}

/* Halves the longer side of the tiles while there are too few and no side becomes shorter than
 * min_side. */
static void choose_tiles(product *p) {
    const bool is_vector = p->m == 1 || p->n == 1;
    const double weight = !is_float(p->dtype) ? INTEGER_WEIGHT : is_vector ? VECTOR_WEIGHT : 1;
    const double work =
        weight * (double)p->m * (double)p->n * (double)p->k * (double)p->item_size / 4;
    const bool is_thin = p->m < MIN_SIDE || p->n < MIN_SIDE;
    const size_t min_side = is_thin ? MIN_THIN_SIDE : MIN_SIDE;
    const double worth = work / TASK_WORK;

    p->tile_m = p->m;
    p->tile_n = p->n;
    p->m_tiles = p->n_tiles = p->k_parts = 1;
    for (;;) {
        const bool cut_rows = p->tile_m > p->tile_n;
        const size_t side = cut_rows ? p->tile_m : p->tile_n;
        const double n_tiles = (double)p->m_tiles * (double)p->n_tiles;

        if (side < 2 * min_side || n_tiles * 2 > worth ||
            (n_tiles * (double)p->n_batch >= MANY_TILES && side <= LONG_SIDE)) {
            break;
        }
        /* OpenBLAS's kernels take 16 columns and 4 or 8 rows at once. */
        if (cut_rows) {
            p->m_tiles = cut(p->m, p->m_tiles * 2, 8, &p->tile_m);
        } else {
            p->n_tiles = cut(p->n, p->n_tiles * 2, 16, &p->tile_n);
        }
    }

    p->tile_k = p->k;
    if (p->n_batch * p->m_tiles * p->n_tiles == 1 && is_float(p->dtype) && p->k >= 2 * MIN_PART) {
        size_t n_parts = pt_min(p->k / MIN_PART, MANY_TILES);

        if ((double)n_parts > worth) {
            n_parts = worth > 1 ? (size_t)worth : 1;
        }
        p->k_parts = cut(p->k, n_parts, 16, &p->tile_k);
    }

    p->batch_per_task = 1;
    if (p->m_tiles * p->n_tiles == 1 && work < TASK_WORK) {
        p->batch_per_task = work > 0 ? (size_t)(TASK_WORK / work) + 1 : p->n_batch;
    }
}

/* BLAS takes ints. The sides of tiles fit, since longer ones are cut; lines too far apart are
 * passed one at a time. */
static void respect_int(product *p) {
    p->call_k = 1 << 30;
    if (p->n > INT_MAX || (!p->a_transposed && p->a.row_stride > INT_MAX)) {
        p->tile_m = 1;
        p->m_tiles = p->m;
    }
    if (p->b_transposed && p->b.column_stride > INT_MAX) {
        p->tile_n = 1;
        p->n_tiles = p->n;
    }
    if ((p->a_transposed && p->a.column_stride > INT_MAX) ||
        (!p->b_transposed && p->b.row_stride > INT_MAX)) {
        p->call_k = 1;
    }
}

/* A product of one tile, with the lengths that BLAS takes. */
typedef struct {
    const product *p;
    const void *a, *b;
    int m, n, k;
    int lda, ldb, ldc;
    int a_step, b_step; /* along k, where A is a row or B a column */
    double beta;        /* c = a b + beta c */
    void *c;
} blas_product;

static pt_blas_transpose transposition(bool is_transposed) {
    return is_transposed ? CblasTrans : CblasNoTrans;
}

/* A row times a column. */
static void multiply_vectors(const blas_product *t) {
    if (t->p->dtype == PT_FLOAT32) {
        float *sum = t->c;
        const float product = blas.sdot(t->k, t->a, t->a_step, t->b, t->b_step);
        *sum = t->beta == 0 ? product : *sum + product;
    } else {
        double *sum = t->c;
        const double product = blas.ddot(t->k, t->a, t->a_step, t->b, t->b_step);
        *sum = t->beta == 0 ? product : *sum + product;
    }
}

/* c = op(matrix) vector + beta c; rows, columns: of the matrix as stored. */
static void multiply_vector(const blas_product *t, bool is_transposed, int rows, int columns,
                            const void *matrix, int ld, const void *vector, int step, int c_step) {
    const pt_blas_transpose op = transposition(is_transposed);

    if (t->p->dtype == PT_FLOAT32) {
        blas.sgemv(CblasRowMajor, op, rows, columns, 1, matrix, ld, vector, step, (float)t->beta,
                   t->c, c_step);
    } else {
        blas.dgemv(CblasRowMajor, op, rows, columns, 1, matrix, ld, vector, step, t->beta, t->c,
                   c_step);
    }
}

static void multiply_matrices(const blas_product *t) {
    const pt_blas_transpose op_a = transposition(t->p->a_transposed);
    const pt_blas_transpose op_b = transposition(t->p->b_transposed);

    if (t->p->dtype == PT_FLOAT32) {
        blas.sgemm(CblasRowMajor, op_a, op_b, t->m, t->n, t->k, 1, t->a, t->lda, t->b, t->ldb,
                   (float)t->beta, t->c, t->ldc);
    } else {
        blas.dgemm(CblasRowMajor, op_a, op_b, t->m, t->n, t->k, 1, t->a, t->lda, t->b, t->ldb,
                   t->beta, t->c, t->ldc);
    }
}

/* c (m, n) = a (m, k) b (k, n) + beta c. */
static void blas_call(const product *p, const pt_matrix *a, const pt_matrix *b, size_t m, size_t n,
                      size_t k, double beta, void *c, ptrdiff_t c_row_stride) {
    const blas_product t = {.p = p,
                            .a = a->data,
                            .b = b->data,
                            .m = (int)m,
                            .n = (int)n,
                            .k = (int)k,
                            .lda = p->a_transposed ? leading_dimension(k, m, a->column_stride)
                                                   : leading_dimension(m, k, a->row_stride),
                            .ldb = p->b_transposed ? leading_dimension(n, k, b->column_stride)
                                                   : leading_dimension(k, n, b->row_stride),
                            .ldc = leading_dimension(m, n, c_row_stride),
                            .a_step = leading_dimension(k, 1, a->column_stride),
                            .b_step = leading_dimension(k, 1, b->row_stride),
                            .beta = beta,
                            .c = c};

    if (p->m == 1 && p->n == 1) {
        multiply_vectors(&t);
    } else if (p->n == 1) { /* A times a column */
        const bool transposed = p->a_transposed;
        multiply_vector(&t, transposed, transposed ? t.k : t.m, transposed ? t.m : t.k, t.a, t.lda,
                        t.b, t.b_step, t.ldc);
    } else if (p->m == 1) { /* a row times B: (B^T x^T)^T */
        const bool transposed = p->b_transposed;
        multiply_vector(&t, !transposed, transposed ? t.n : t.k, transposed ? t.k : t.n, t.b, t.ldb,
                        t.a, t.a_step, 1);
    } else {
        multiply_matrices(&t);
    }
}

/* One tile of one product of the batch, over one part of k. */
static void run_tile(const product *p, size_t i_batch, size_t tile, size_t part) {
    const size_t i = tile / p->n_tiles * p->tile_m, j = tile % p->n_tiles * p->tile_n;
    const size_t m = pt_min(p->tile_m, p->m - i), n = pt_min(p->tile_n, p->n - j);
    const size_t k_start = part * p->tile_k, k_end = pt_min(k_start + p->tile_k, p->k);
    const ptrdiff_t a_offset = (ptrdiff_t)i_batch * p->a_step;
    const ptrdiff_t b_offset = (ptrdiff_t)i_batch * p->b_step;
    const ptrdiff_t c_row_stride = (ptrdiff_t)p->n;
    char *c = p->c + ((i_batch * p->m + i) * p->n + j) * p->item_size;
    pt_matrix a = p->a, b = p->b;

    if (part > 0) { /* C is one tile then */
        c = p->parts + (part - 1) * p->m * p->n * p->item_size;
    }
    if (!is_float(p->dtype)) {
        a.data = element(&p->a, i, 0, p->item_size) + a_offset;
        b.data = element(&p->b, 0, j, p->item_size) + b_offset;
        p->loops->product(m, n, p->k, a, b, c, c_row_stride);
        return;
    }
    for (size_t k = k_start; k < k_end; k += p->call_k) {
        a.data = element(&p->a, i, k, p->item_size) + a_offset;
        b.data = element(&p->b, k, j, p->item_size) + b_offset;
        blas_call(p, &a, &b, m, n, pt_min(p->call_k, k_end - k), k > k_start, c, c_row_stride);
    }
    if (p->k == 0) {
        for (size_t row = 0; row < m; row++) {
            memset(c + (ptrdiff_t)row * c_row_stride * (ptrdiff_t)p->item_size, 0,
                   n * p->item_size);
        }
    }
    if (p->k_parts == 1 && (p->bias || p->relu)) {
        pt_tiles_finish(p->dtype, m, n, c, c_row_stride,
                        p->bias ? p->bias + j * p->item_size : NULL, p->relu);
    }
}

/* Task of a job: a tile (the parts of k run fastest), or some products of a batch. */
static void run_task(void *context, size_t task) {
    const product *p = context;
    const size_t part = task % p->k_parts;
    const size_t tile = task / p->k_parts % (p->m_tiles * p->n_tiles);
    const size_t first = task / p->k_parts / (p->m_tiles * p->n_tiles) * p->batch_per_task;
    const size_t end = pt_min(first + p->batch_per_task, p->n_batch);

    if (is_float(p->dtype))
        pt_enter_blas();
    for (size_t i_batch = first; i_batch < end; i_batch++) {
        run_tile(p, i_batch, tile, part);
    }
    if (is_float(p->dtype))
        pt_leave_blas();
}

/* ---------------------------------------------------------------------------------- products */

/* Packs the operands that the loops cannot take; *packed_a and *packed_b: the blocks, or NULL.
 * Returns false if there is no memory. */
static bool pack_operands(product *p, void **packed_a, void **packed_b) {
    const bool floats = is_float(p->dtype);

    p->a_transposed = p->b_transposed = false;
    if (floats && p->k && !is_row_major(p->m, p->k, p->a.row_stride, p->a.column_stride)) {
        p->a_transposed = is_row_major(p->k, p->m, p->a.column_stride, p->a.row_stride);
        if (!p->a_transposed && !(*packed_a = pack(p, p->m, p->k, &p->a, &p->a_step))) {
            return false;
        }
    }
    if (p->k && !is_row_major(p->k, p->n, p->b.row_stride, p->b.column_stride)) {
        p->b_transposed = floats && is_row_major(p->n, p->k, p->b.column_stride, p->b.row_stride);
        if (!p->b_transposed && !(*packed_b = pack(p, p->k, p->n, &p->b, &p->b_step))) {
            return false;
        }
    }
    return true;
}

/* Runs the tiles of packed operands, and adds up the parts of k. */
static pt_status run_tiles(product *p) {
    const size_t part_bytes = p->m * p->n * p->item_size;
    const size_t parts_bytes = (p->k_parts - 1) * part_bytes;
    const size_t n_tasks =
        pt_ceil_div(p->n_batch, p->batch_per_task) * p->m_tiles * p->n_tiles * p->k_parts;

    if (p->k_parts == 1) {
        return pt_parallel_for_interruptible(run_task, p, n_tasks);
    }
    p->parts = pt_alloc(parts_bytes);
    if (!p->parts) {
        return PT_NO_MEMORY;
    }
    const pt_status status = pt_parallel_for_interruptible(run_task, p, n_tasks);
    if (status == PT_OK) {
        for (size_t part = 1; part < p->k_parts; part++) {
            p->loops->accumulate(p->m * p->n, p->c, p->parts + (part - 1) * part_bytes);
        }
        pt_tiles_finish(p->dtype, p->m, p->n, p->c, (ptrdiff_t)p->n, p->bias, p->relu);
    }
    pt_free(p->parts, parts_bytes);
    return status;
}

static pt_status compute(product *p) {
    const size_t a_bytes = packed_bytes(p->n_batch, p->a_step, p->m, p->k, p->item_size);
    const size_t b_bytes = packed_bytes(p->n_batch, p->b_step, p->k, p->n, p->item_size);
    void *packed_a = NULL, *packed_b = NULL;
    pt_status status = PT_NO_MEMORY;

    if (is_float(p->dtype) && !pt_blas_has_memory()) {
        return status;
    }
    if (pack_operands(p, &packed_a, &packed_b)) {
        choose_tiles(p);
        if (is_float(p->dtype)) {
            respect_int(p);
        }
        status = run_tiles(p);
    }
    pt_free(packed_a, a_bytes);
    pt_free(packed_b, b_bytes);
    return status;
}

pt_status pt_matmul(pt_dtype dtype, size_t n_batch, size_t m, size_t n, size_t k, pt_matrix a,
                    ptrdiff_t a_step, pt_matrix b, ptrdiff_t b_step, void *c, const void *bias,
                    bool relu) {
    if (m == 0 || n == 0 || n_batch == 0) {
        return PT_OK;
    }
    if (is_float(dtype)) {
        const pt_tiled_product tiled = {
            .dtype = dtype,
            .n_batch = n_batch,
            .m = m,
            .n = n,
            .k = k,
            .a = {a.data, .line_stride = a.row_stride, .term_stride = a.column_stride},
            .b = {b.data, .line_stride = b.column_stride, .term_stride = b.row_stride},
            .a_step = a_step,
            .b_step = b_step,
            .c = c,
            .bias = bias,
            .relu = relu};

        if (pt_tiles_at_once(&tiled)) {
            return PT_OK;
        }
        if (pt_tiles_pay(dtype, m, n, k) || pt_tiles_stream(&tiled)) {
            return pt_tiles(&tiled);
        }
    }
    return compute(&(product){.dtype = dtype,
                              .item_size = pt_dtype_size[dtype],
                              .m = m,
                              .n = n,
                              .k = k,
                              .n_batch = n_batch,
                              .a = a,
                              .a_step = a_step,
                              .b = b,
                              .b_step = b_step,
                              .c = c,
                              .bias = bias,
                              .relu = relu,
                              .loops = &PT_SELECT(pt_matmul_loops)->of[dtype]});
}

static pt_matrix matrix_of(const pt_matrices *f, const char *data, pt_dtype dtype) {
    const ptrdiff_t item = (ptrdiff_t)pt_dtype_size[dtype];
    return (pt_matrix){data, f->row / item, f->column / item};
}

/* Runs of products along the last axis of the batch, one for each place on the others. */
pt_status pt_products(pt_dtype dtype, int n_batch, const ptrdiff_t *dims, size_t m, size_t n,
                      size_t k, const pt_matrices *a, const pt_matrices *b, char *c,
                      const void *bias, bool relu) {
    const int last = n_batch - 1;
    const ptrdiff_t run_length = last >= 0 ? dims[last] : 1;
    const ptrdiff_t a_step = last >= 0 ? a->steps[last] : 0,
                    b_step = last >= 0 ? b->steps[last] : 0;
    const size_t run_bytes = (size_t)run_length * m * n * pt_dtype_size[dtype];
    ptrdiff_t n_runs = 1;
    int64_t due = 0;
    for (int d = 0; d < last; d++)
        n_runs *= dims[d];
    for (ptrdiff_t run = 0; run < n_runs; run++) {
        const char *a_data = a->data, *b_data = b->data;
        ptrdiff_t rest = run;
        if (n_runs > 1 && pt_ask_between(&due) == PT_INTERRUPTED)
            return PT_INTERRUPTED;
        for (int d = last - 1; d >= 0; d--) {
            a_data += rest % dims[d] * a->steps[d];
            b_data += rest % dims[d] * b->steps[d];
            rest /= dims[d];
        }
        pt_status status =
            pt_matmul(dtype, (size_t)run_length, m, n, k, matrix_of(a, a_data, dtype), a_step,
                      matrix_of(b, b_data, dtype), b_step, c + (size_t)run * run_bytes, bias, relu);
        if (status != PT_OK)
            return status;
    }
    return PT_OK;
}
