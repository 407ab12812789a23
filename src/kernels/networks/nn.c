/* nn.c: fused neural-network kernels: shares rows and elements among threads, in pieces that do not
 * depend on the number of threads. */
#include "nn.h"

#include <math.h>
#include <string.h>

/* A task must be worth its dispatch, about 1 us to a worker that still spins. With AVX-512 on Zen
 * 5, softmax and cross-entropy take 0.45 ns an element: 7 us for 16 Ki. Optimizer steps take 0.08
 * (SGD) to 0.5 ns (Adam) a float32 parameter, copied rows 0.05 to 0.3 ns an element: 1 to 8 us for
 * the 16 Ki elements of 64 KiB. */
enum { SOFTMAX_TASK = 16 << 10, STEP_TASK_BYTES = 64 << 10 };

static const pt_nn_loops_of *loops_of(pt_dtype dtype) {
    const pt_nn_table *table = PT_SELECT(pt_nn_loops);

    return &table->loops[dtype];
}

/* The address of element i of an array of elements of size bytes; NULL stays NULL. */
static void *at(const void *array, size_t i, size_t size) {
    /* Arrays that are only read become const again in the loop's parameters. */
    return array ? (char *)(uintptr_t)array + i * size : NULL;
}

/* Runs task over n elements in pieces of piece; a single piece runs on the caller. */
static void for_pieces(pt_task task, void *context, size_t n, size_t piece) {
    pt_parallel_for(task, context, (n + piece - 1) / piece);
}

static size_t length_of(size_t i, size_t n, size_t piece) {
    return n - i * piece < piece ? n - i * piece : piece;
}

/* -------------------------------------------------------------- softmax and cross-entropy */

typedef struct {
    const pt_nn_loops_of *loops;
    size_t size, rows, columns, piece;
    const void *x, *t, *target_sums, *g;
    const int64_t *labels;
    void *out, *loss;
} softmax_job;

/* The rows of a piece of about so many elements (or bytes), at least one. */
static size_t rows_per_piece(size_t columns, size_t elements) {
    const size_t rows = columns ? elements / columns : elements;

    return rows ? rows : 1;
}

static softmax_job prepare(pt_dtype dtype, size_t rows, size_t columns, const void *x) {
    return (softmax_job){.loops = loops_of(dtype),
                         .size = pt_dtype_size[dtype],
                         .rows = rows,
                         .columns = columns,
                         .piece = rows_per_piece(columns, SOFTMAX_TASK),
                         .x = x};
}

static void softmax_task(void *context, size_t i) {
    const softmax_job *job = context;
    const size_t first = i * job->piece * job->columns;

    job->loops->softmax(length_of(i, job->rows, job->piece), job->columns,
                        at(job->x, first, job->size), at(job->out, first, job->size));
}

static void log_softmax_task(void *context, size_t i) {
    const softmax_job *job = context;
    const size_t first = i * job->piece * job->columns;

    job->loops->log_softmax(length_of(i, job->rows, job->piece), job->columns,
                            at(job->x, first, job->size), at(job->out, first, job->size));
}

static void cross_entropy_task(void *context, size_t i) {
    const softmax_job *job = context;
    const size_t row = i * job->piece, first = row * job->columns;

    job->loops->cross_entropy(length_of(i, job->rows, job->piece), job->columns,
                              at(job->x, first, job->size), at(job->t, first, job->size),
                              job->labels ? job->labels + row : NULL,
                              at(job->loss, row, job->size));
}

static void cross_entropy_gradient_task(void *context, size_t i) {
    const softmax_job *job = context;
    const size_t row = i * job->piece, first = row * job->columns;

    job->loops->cross_entropy_gradient(length_of(i, job->rows, job->piece), job->columns,
                                       at(job->x, first, job->size), at(job->t, first, job->size),
                                       at(job->target_sums, row, job->size),
                                       job->labels ? job->labels + row : NULL,
                                       at(job->g, row, job->size), at(job->out, first, job->size));
}

void pt_softmax(pt_dtype dtype, size_t rows, size_t columns, const void *x, void *out) {
    softmax_job job = prepare(dtype, rows, columns, x);

    job.out = out;
    for_pieces(softmax_task, &job, rows, job.piece);
}

void pt_log_softmax(pt_dtype dtype, size_t rows, size_t columns, const void *x, void *out) {
    softmax_job job = prepare(dtype, rows, columns, x);

    job.out = out;
    for_pieces(log_softmax_task, &job, rows, job.piece);
}

void pt_softmax_cross_entropy(pt_dtype dtype, size_t rows, size_t columns, const void *x,
                              const void *t, void *loss) {
    softmax_job job = prepare(dtype, rows, columns, x);

    job.t = t;
    job.loss = loss;
    for_pieces(cross_entropy_task, &job, rows, job.piece);
}

void pt_sparse_softmax_cross_entropy(pt_dtype dtype, size_t rows, size_t columns, const void *x,
                                     const int64_t *labels, void *loss) {
    softmax_job job = prepare(dtype, rows, columns, x);

    job.labels = labels;
    job.loss = loss;
    for_pieces(cross_entropy_task, &job, rows, job.piece);
}

void pt_cross_entropy_gradient(pt_dtype dtype, size_t rows, size_t columns, const void *x,
                               const void *t, const void *target_sums, const int64_t *labels,
                               const void *g, void *dx) {
    softmax_job job = prepare(dtype, rows, columns, x);

    job.t = t;
    job.target_sums = target_sums;
    job.labels = labels;
    job.g = g;
    job.out = dx;
    for_pieces(cross_entropy_gradient_task, &job, rows, job.piece);
}

/* ---------------------------------------------------------------------------- gather */

typedef struct {
    const char *src;
    const int64_t *rows;
    size_t n_rows, row_length, piece;
    size_t src_row_bytes, out_row_bytes;
    pt_scaled_cast cast; /* NULL: a plain copy */
    double scale;
    char *out;
} gather_job;

/* Rows of a shuffled batch are anywhere in memory, and the processor prefetches only within a row.
 * So prefetch the row after the next: 128 random images of 784 bytes out of 47 MB take 14.5 us on
 * one core instead of 30. The first KiB is enough; in longer rows the processor's own prefetching
 * catches up. */
enum { AHEAD = 2, PREFETCHED = 1024 };

/* Gathers rows of one element, as when a vector is indexed. Without a call for each row, the
 * processor has many loads in flight by itself. size is a constant at each call. */
static inline void gather_elements(const gather_job *job, size_t first, size_t n, size_t size) {
    const int64_t *rows = job->rows + first;
    char *to = job->out + first * size;

    for (size_t r = 0; r < n; r++) {
        memcpy(to + r * size, job->src + (size_t)rows[r] * size, size);
    }
}

static void gather_task(void *context, size_t i) {
    const gather_job *job = context;
    const size_t first = i * job->piece, n = length_of(i, job->n_rows, job->piece);

    if (!job->cast) {
        switch (job->out_row_bytes) {
        case 1:
            gather_elements(job, first, n, 1);
            return;
        case 2:
            gather_elements(job, first, n, 2);
            return;
        case 4:
            gather_elements(job, first, n, 4);
            return;
        case 8:
            gather_elements(job, first, n, 8);
            return;
        default:
            break;
        }
    }
    const size_t prefetched = job->src_row_bytes < PREFETCHED ? job->src_row_bytes : PREFETCHED;

    for (size_t r = first; r < first + n; r++) {
        const char *from = job->src + (size_t)job->rows[r] * job->src_row_bytes;
        char *to = job->out + r * job->out_row_bytes;

        if (r + AHEAD < first + n) {
            const char *next = job->src + (size_t)job->rows[r + AHEAD] * job->src_row_bytes;

            for (size_t byte = 0; byte < prefetched; byte += 64) {
                __builtin_prefetch(next + byte);
            }
        }
        if (job->cast) {
            job->cast(job->row_length, from, job->scale, to);
        } else {
            memcpy(to, from, job->out_row_bytes);
        }
    }
}

void pt_gather_rows(pt_dtype src_dtype, const void *src, size_t row_length, const int64_t *rows,
                    size_t n_rows, pt_dtype out_dtype, double scale, void *out) {
    const pt_nn_table *table = PT_SELECT(pt_nn_loops);
    const bool is_copy = src_dtype == out_dtype && scale == 1;
    gather_job job = {.src = src,
                      .rows = rows,
                      .n_rows = n_rows,
                      .row_length = row_length,
                      .src_row_bytes = row_length * pt_dtype_size[src_dtype],
                      .out_row_bytes = row_length * pt_dtype_size[out_dtype],
                      .scale = scale,
                      .out = out};

    if (row_length == 0) {
        return;
    }
    if (!is_copy) {
        job.cast = table->casts[src_dtype][out_dtype];
    }
    job.piece = rows_per_piece(job.out_row_bytes, STEP_TASK_BYTES);
    for_pieces(gather_task, &job, n_rows, job.piece);
}

/* ------------------------------------------------------------------------ add rows */

typedef struct {
    const pt_nn_loops_of *loops;
    const int64_t *rows;
    size_t n, n_rows, row_length, size, piece;
    const char *src;
    char *out;
} add_job;

/* Adds up the rows of a piece of the result, in the order of src: each task looks for its own among
 * all row numbers, which costs little beside the rows themselves. */
static void add_rows_task(void *context, size_t i) {
    const add_job *job = context;
    const size_t first = i * job->piece, n = length_of(i, job->n, job->piece);
    const size_t row_bytes = job->row_length * job->size;

    memset(job->out + first * row_bytes, 0, n * row_bytes);
    for (size_t r = 0; r < job->n_rows; r++) {
        const size_t row = (size_t)job->rows[r];

        if (row - first < n) {
            job->loops->add(job->row_length, job->src + r * row_bytes, job->out + row * row_bytes);
        }
    }
}

void pt_add_rows(pt_dtype dtype, size_t n, size_t row_length, const int64_t *rows, size_t n_rows,
                 const void *src, void *out) {
    const size_t size = pt_dtype_size[dtype];
    const size_t pieces = (n + n_rows) * row_length * size / (4 * (size_t)STEP_TASK_BYTES) + 1;
    const size_t most = 4 * (size_t)pt_get_num_threads();
    add_job job = {.loops = loops_of(dtype),
                   .rows = rows,
                   .n = n,
                   .n_rows = n_rows,
                   .row_length = row_length,
                   .size = size,
                   .piece = pt_ceil_div(n, pieces < most ? pieces : most),
                   .src = src,
                   .out = out};

    for_pieces(add_rows_task, &job, n, job.piece);
}
