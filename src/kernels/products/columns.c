/* columns.c: finds the columns of x that are zero in every row, and writes a gradient's rows of
 * zeros.
 *
 * In x (m, k) times w (k, n) a column of zeros contributes nothing, and in x^T dout it makes a row
 * of zeros. Images with empty borders, one-hot rows and bags of words have many: of MNIST's 784
 * columns a mini-batch of 128 uses 529. The products in tiles.c skip them. */
#include <string.h>

#include "pt.h"

/* What a task reads or writes, enough to be worth its dispatch; see nn.c. */
enum { TASK_BYTES = 64 << 10, SCAN_COLUMNS = 256, FIRST_ROWS = 8 };

typedef struct {
    size_t size, m, k;
    const char *x;        /* (m, k), columns contiguous */
    ptrdiff_t row_stride; /* bytes */
    uint64_t *marks;      /* (k,): not 0 where a column has an element other than +0 */
} scan_job;

typedef struct {
    size_t n, row_bytes, piece; /* out: (n, row_bytes); rows in one task */
    const int64_t *rows;        /* (n_rows,), ascending */
    size_t n_rows;
    const char *src; /* (n_rows, row_bytes) */
    char *out;
} scatter_job;

/* marks[j] |= the bits of x[i, j], for rows [first, end) and columns [start, stop). */
static void scan(const scan_job *j, size_t first, size_t end, size_t start, size_t stop) {
    for (size_t i = first; i < end; i++) {
        const char *row = j->x + (ptrdiff_t)i * j->row_stride;
        if (j->size == 4) {
            const uint32_t *bits = (const uint32_t *)(const void *)row;
            for (size_t c = start; c < stop; c++)
                j->marks[c] |= bits[c];
        } else {
            const uint64_t *bits = (const uint64_t *)(const void *)row;
            for (size_t c = start; c < stop; c++)
                j->marks[c] |= bits[c];
        }
    }
}

static void scan_task(void *context, size_t i) {
    const scan_job *j = context;
    size_t start = i * SCAN_COLUMNS, stop = start + SCAN_COLUMNS;
    scan(j, FIRST_ROWS, j->m, start, stop < j->k ? stop : j->k);
}

static size_t count_marks(const scan_job *j) {
    size_t n = 0;
    for (size_t c = 0; c < j->k; c++)
        n += j->marks[c] != 0;
    return n;
}

pt_status pt_nonzero_columns(pt_dtype dtype, size_t m, size_t k, const void *x,
                             ptrdiff_t row_stride, size_t limit, int64_t *columns, size_t *count) {
    scan_job j = {.size = pt_dtype_size[dtype],
                  .m = m,
                  .k = k,
                  .x = x,
                  .row_stride = row_stride,
                  .marks = pt_alloc(k * sizeof(uint64_t))};
    if (j.marks == NULL)
        return PT_NO_MEMORY;
    memset(j.marks, 0, k * sizeof(uint64_t));
    /* Dense data is recognised by its first rows: the rest is then not scanned. */
    scan(&j, 0, m < FIRST_ROWS ? m : FIRST_ROWS, 0, k);
    *count = count_marks(&j);
    if (*count <= limit && m > FIRST_ROWS) {
        pt_parallel_for(scan_task, &j, (k + SCAN_COLUMNS - 1) / SCAN_COLUMNS);
        *count = count_marks(&j);
    }
    if (*count <= limit) {
        size_t n = 0;
        for (size_t c = 0; c < k; c++) {
            if (j.marks[c] != 0)
                columns[n++] = (int64_t)c;
        }
    }
    pt_free(j.marks, k * sizeof(uint64_t));
    return PT_OK;
}

size_t pt_first_row_from(const int64_t *rows, size_t n_rows, size_t row) {
    size_t low = 0, high = n_rows;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if ((size_t)rows[middle] < row) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void scatter_task(void *context, size_t i) {
    const scatter_job *j = context;
    size_t first = i * j->piece, end = first + j->piece;
    size_t next = pt_first_row_from(j->rows, j->n_rows, first);
    for (size_t r = first; r < end && r < j->n; r++) {
        char *to = j->out + r * j->row_bytes;
        if (next < j->n_rows && (size_t)j->rows[next] == r) {
            memcpy(to, j->src + next++ * j->row_bytes, j->row_bytes);
        } else {
            memset(to, 0, j->row_bytes);
        }
    }
}

void pt_scatter_rows(pt_dtype dtype, size_t n, size_t row_length, const int64_t *rows,
                     size_t n_rows, const void *src, void *out) {
    scatter_job j = {.n = n,
                     .row_bytes = row_length * pt_dtype_size[dtype],
                     .rows = rows,
                     .n_rows = n_rows,
                     .src = src,
                     .out = out};
    j.piece = j.row_bytes < TASK_BYTES ? TASK_BYTES / (j.row_bytes + 1) + 1 : 1;
    pt_parallel_for(scatter_task, &j, (n + j.piece - 1) / j.piece);
}
