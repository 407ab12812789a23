/* recurrent.c: recurrent layers. The time steps of a sample depend on each other, the samples do
 * not: a task takes some samples through all steps, so threads never wait for each other. */
#include "recurrent.h"

#include <stdatomic.h>
#include <string.h>

typedef struct {
    pt_recurrence_job job;
    void (*run)(const pt_recurrence_job *job, size_t first, size_t rows, void *scratch);
    size_t item;
    atomic_bool is_out_of_memory;
} recurrence;

static size_t gates_of(pt_recurrence_kind kind) {
    return kind == PT_RECURRENCE_LSTM ? 4 : kind == PT_RECURRENCE_GRU ? 3 : 1;
}

static void task(void *context, size_t i) {
    recurrence *of = context;
    const size_t first = i * PT_RECURRENT_ROWS, left = of->job.r->batch - first;
    const size_t bytes = pt_recurrent_scratch(&of->job) * of->item;
    void *scratch = pt_alloc(bytes);

    if (scratch == NULL) {
        atomic_store(&of->is_out_of_memory, true);
        return;
    }
    of->run(&of->job, first, left < PT_RECURRENT_ROWS ? left : PT_RECURRENT_ROWS, scratch);
    pt_free(scratch, bytes);
}

/* to[(i * padded_outer + k)...]: copies n contiguous elements; the rest of the padding is zero. */
static void copy_padded(char *to, const char *from, size_t count, size_t n, size_t padded,
                        size_t item) {
    for (size_t i = 0; i < count; i++, from += n * item, to += padded * item) {
        memcpy(to, from, n * item);
        memset(to + n * item, 0, (padded - n) * item);
    }
}

/* to (gates * padded, padded) = from (units, gates * units)^T, gate by gate. */
static void transpose_padded(char *to, const char *from, size_t gates, size_t n, size_t padded,
                             size_t item) {
    memset(to, 0, gates * padded * padded * item);
    for (size_t gate = 0; gate < gates; gate++) {
        for (size_t j = 0; j < n; j++) {
            for (size_t k = 0; k < n; k++) {
                memcpy(to + ((gate * padded + j) * padded + k) * item,
                       from + (k * gates * n + gate * n + j) * item, item);
            }
        }
    }
}

static pt_status run(const pt_recurrence *r, bool is_backward) {
    const pt_recurrent_table *table = PT_SELECT(pt_recurrent_loops);
    const bool is_float = r->dtype == PT_FLOAT32;
    const pt_recurrent_loops_of *loops = is_float ? &table->f32 : &table->f64;
    recurrence of = {.job = {.r = r, .tiles = pt_tile_loops_for(r->dtype)},
                     .run = is_backward ? loops->backward : loops->forward,
                     .item = pt_dtype_size[r->dtype]};
    const size_t n = r->units, gates = gates_of(r->kind), lanes = of.job.tiles->lanes;
    const size_t padded = pt_ceil_div(n, lanes) * lanes;
    const size_t kernel = is_backward ? gates * padded * padded : n * gates * padded;
    const size_t bytes = (kernel + gates * padded) * of.item;
    char *packed = pt_alloc(bytes);

    if (packed == NULL) {
        return PT_NO_MEMORY;
    }
    of.job.gates = gates;
    of.job.padded = padded;
    if (is_backward) {
        transpose_padded(packed, r->kernel, gates, n, padded, of.item);
        of.job.transposed = packed;
    } else {
        copy_padded(packed, r->kernel, n * gates, n, padded, of.item);
        of.job.kernel = packed;
    }
    if (r->bias) {
        copy_padded(packed + kernel * of.item, r->bias, gates, n, padded, of.item);
        of.job.bias = packed + kernel * of.item;
    }
    pt_status status =
        pt_parallel_for_interruptible(task, &of, pt_ceil_div(r->batch, PT_RECURRENT_ROWS));

    pt_free(packed, bytes);
    return atomic_load(&of.is_out_of_memory) ? PT_NO_MEMORY : status;
}

pt_status pt_recurrence_forward(const pt_recurrence *r) { return run(r, false); }

pt_status pt_recurrence_backward(const pt_recurrence *r) { return run(r, true); }
