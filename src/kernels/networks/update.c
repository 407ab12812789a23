/* update.c: optimizer steps, shared among threads in pieces that do not depend on their number. */
#include <math.h>

#include "nn.h"

/* A task must be worth its dispatch, about 1 us to a worker that still spins: steps take 0.08 (SGD)
 * to 0.5 ns (Adam) a float32 weight, 1 to 8 us for the 16 Ki weights of 64 KiB. */
enum { TASK_BYTES = 64 << 10 };

/* What is prepared before the rule's loop reads it stays in the L1 cache, as does the gradient of
 * rows that have none. */
enum { BLOCK_BYTES = 4 << 10 };
static const _Alignas(64) char zeros[BLOCK_BYTES];

typedef struct {
    const pt_update *update;
    const pt_gradient_rows *rows;
    const char *dw;
    size_t piece; /* elements, or rows, in one task */
} update_job;

static const pt_nn_loops_of *loops_of(const pt_update *u) {
    const pt_nn_table *table = PT_SELECT(pt_nn_loops);

    return &table->loops[u->dtype];
}

/* Updates n_rows runs of n elements, from first on, stride elements apart. dw: those of their
 * gradient, dw_stride elements apart. */
static void update_runs(const pt_update *u, size_t first, size_t n_rows, size_t n, size_t stride,
                        const char *dw, size_t dw_stride) {
    const size_t offset = first * pt_dtype_size[u->dtype];
    void *state[PT_MAX_STATES];

    for (size_t k = 0; k < pt_rules[u->rule].n_states; k++) {
        state[k] = (char *)u->state[k] + offset;
    }
    loops_of(u)->update[u->rule](n_rows, n, (char *)u->w + offset, stride, dw, dw_stride, state,
                                 u->numbers);
}

/* Updates elements [first, first + n); dw: (n,). */
static void update_run(const pt_update *u, size_t first, size_t n, const char *dw) {
    const size_t size = pt_dtype_size[u->dtype], most = BLOCK_BYTES / size;
    _Alignas(64) char prepared[BLOCK_BYTES];

    if (u->keep == 1 && u->scale == 1 && u->limit == (double)INFINITY) {
        update_runs(u, first, 1, n, 0, dw, 0);
        return;
    }
    for (size_t done = 0; done < n; done += most) {
        const size_t length = n - done < most ? n - done : most;

        loops_of(u)->prepare(length, (char *)u->w + (first + done) * size, u->keep,
                             dw + done * size, u->scale, u->limit, prepared);
        update_runs(u, first + done, 1, length, 0, prepared, 0);
    }
}

/* The same with a gradient of zeros. */
static void update_by_zeros(const pt_update *u, size_t first, size_t n) {
    const size_t most = BLOCK_BYTES / pt_dtype_size[u->dtype];

    if (pt_rules[u->rule].rests && u->keep == 1 &&
        isfinite(u->numbers[0])) { /* 0 * the rate is 0 */
        return;
    }
    for (size_t done = 0; done < n; done += most) {
        update_run(u, first + done, n - done < most ? n - done : most, zeros);
    }
}

static void update_task(void *context, size_t i) {
    const update_job *job = context;
    const size_t first = i * job->piece, rest = job->update->n - first;

    update_run(job->update, first, rest < job->piece ? rest : job->piece,
               job->dw + first * pt_dtype_size[job->update->dtype]);
}

static void update_rows_task(void *context, size_t i) {
    const update_job *job = context;
    const pt_gradient_rows *rows = job->rows;
    const size_t length = rows->row_length, n_rows = job->update->n / length;
    const size_t first = i * job->piece;
    const size_t end = n_rows - first < job->piece ? n_rows : first + job->piece;
    size_t next = pt_first_row_from(rows->rows, rows->n_rows, first);

    for (size_t row = first; row < end; row++) {
        if (next < rows->n_rows && (size_t)rows->rows[next] == row) {
            update_run(job->update, row * length, length,
                       job->dw + next++ * length * pt_dtype_size[job->update->dtype]);
        } else {
            update_by_zeros(job->update, row * length, length);
        }
    }
}

void pt_update_weight(const pt_update *update, const void *dw, const pt_gradient_rows *rows) {
    update_job job = {.update = update, .rows = rows, .dw = dw};
    const size_t size = pt_dtype_size[update->dtype];

    if (!rows || !rows->rows) {
        job.piece = TASK_BYTES / size;
        pt_parallel_for(update_task, &job, pt_ceil_div(update->n, job.piece));
    } else if (update->n > 0) {
        job.piece = pt_ceil_div(TASK_BYTES / size, rows->row_length);
        pt_parallel_for(update_rows_task, &job,
                        pt_ceil_div(update->n / rows->row_length, job.piece));
    }
}

/* ------------------------------------------------------------------ tiles of a gradient */

static size_t row_of(const int64_t *rows, size_t i) { return rows ? (size_t)rows[i] : i; }

void pt_update_tile(const pt_update *u, const pt_gradient_rows *of, size_t row, size_t n_rows,
                    size_t column, size_t n, const void *dw, size_t dw_stride) {
    const size_t size = pt_dtype_size[u->dtype], length = of->row_length;
    const bool is_plain = u->keep == 1 && u->scale == 1 && u->limit == (double)INFINITY;
    const char *from = dw;

    for (size_t i = 0, count; i < n_rows; i += count) {
        const size_t first = row_of(of->rows, row + i);

        for (count = 1; is_plain && i + count < n_rows &&
                        row_of(of->rows, row + i + count) == first + count;) {
            count++; /* rows that lie one after another */
        }
        if (is_plain) {
            update_runs(u, first * length + column, count, n, length, from, dw_stride);
        } else {
            update_run(u, first * length + column, n, from);
        }
        from += count * dw_stride * size;
    }
}

void pt_update_prefetch(const pt_update *u, const pt_gradient_rows *of, size_t row, size_t n_rows,
                        size_t column, size_t n) {
    const size_t size = pt_dtype_size[u->dtype];

    for (size_t i = 0; i < n_rows; i++) {
        const size_t at = (row_of(of->rows, row + i) * of->row_length + column) * size;

        for (size_t byte = 0; byte < n * size; byte += 64) {
            __builtin_prefetch((char *)u->w + at + byte, 1);
            for (size_t k = 0; k < pt_rules[u->rule].n_states; k++) {
                __builtin_prefetch((char *)u->state[k] + at + byte, 1);
            }
        }
    }
}

void pt_update_between(const pt_update *u, const pt_gradient_rows *of, size_t row, size_t row_end,
                       size_t column, size_t n) {
    const size_t n_rows = u->n / of->row_length;

    if (!of->rows) {
        return;
    }
    size_t w_row = row == 0 ? 0 : (size_t)of->rows[row];
    const size_t w_end = row_end == of->n_rows ? n_rows : (size_t)of->rows[row_end];
    for (size_t next = row; w_row < w_end; w_row++) {
        if (next < row_end && (size_t)of->rows[next] == w_row) {
            next++;
        } else {
            update_by_zeros(u, w_row * of->row_length + column, n);
        }
    }
}
