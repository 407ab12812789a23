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

/* to[...] = from[...], with these lengths and strides, in elements. */
static void copy(pt_dtype dtype, const size_t lengths[3], const void *from,
                 const size_t from_steps[3], void *to, const size_t to_steps[3]) {
    const size_t item = pt_dtype_size[dtype];
    ptrdiff_t shape[3], from_strides[3], to_strides[3];

    for (int d = 0; d < 3; d++) {
        shape[d] = (ptrdiff_t)lengths[d];
        from_strides[d] = (ptrdiff_t)(from_steps[d] * item);
        to_strides[d] = (ptrdiff_t)(to_steps[d] * item);
    }
    /* pt_copy reads through a pointer to mutable data, but only reads. */
    pt_copy(3, shape, &(pt_operand){(char *)(uintptr_t)from, from_strides, dtype},
            &(pt_operand){to, to_strides, dtype});
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
    memset(packed, 0, bytes);
    if (is_backward) { /* by gates, units before and after: transposed */
        copy(r->dtype, (size_t[]){gates, n, n}, r->kernel, (size_t[]){n, 1, gates * n}, packed,
             (size_t[]){padded * padded, padded, 1});
        of.job.transposed = packed;
    } else {
        copy(r->dtype, (size_t[]){n, gates, n}, r->kernel, (size_t[]){gates * n, n, 1}, packed,
             (size_t[]){gates * padded, padded, 1});
        of.job.kernel = packed;
    }
    if (r->bias) {
        of.job.bias = packed + kernel * of.item;
        copy(r->dtype, (size_t[]){1, gates, n}, r->bias, (size_t[]){0, n, 1},
             packed + kernel * of.item, (size_t[]){0, padded, 1});
    }
    pt_status status =
        pt_parallel_for_interruptible(task, &of, pt_ceil_div(r->batch, PT_RECURRENT_ROWS));

    pt_free(packed, bytes);
    return atomic_load(&of.is_out_of_memory) ? PT_NO_MEMORY : status;
}

pt_status pt_recurrence_forward(const pt_recurrence *r) { return run(r, false); }

pt_status pt_recurrence_backward(const pt_recurrence *r) { return run(r, true); }
