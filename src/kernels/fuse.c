/* fuse.c: runs a program of element-wise ops in one pass over memory.
 *
 * The ops of one block of elements follow each other before the next block's turn comes, on the
 * loops of elementwise_loop.h: what lies between the ops stays in the L1 cache. Blocks are runs of
 * elements in C order. An input that is contiguous and of the right dtype is read where it stands,
 * any other one is gathered; the outputs are written where they belong.
 */
#include "elementwise.h"

#include <string.h>

/* Buffers of one task, for gathered inputs and temporaries: six blocks of 8-byte elements leave
 * room in a 32 KiB L1 cache for what streams through. More buffers get shorter blocks. */
#define SCRATCH_BYTES ((size_t)6 * PT_BLOCK * 8)
#define MAX_BUFFERS (PT_FUSE_MAX_INPUTS + PT_FUSE_MAX_TEMPORARIES)
#define MAX_SLOTS (MAX_BUFFERS + PT_FUSE_MAX_OUTPUTS)
_Static_assert(SCRATCH_BYTES / (MAX_BUFFERS * 8) >= PT_LANES, "a block has room for one vector");

/* Where an input's elements come from. */
typedef enum {
    IN_PLACE,  /* contiguous, of the dtype wanted */
    CONVERTED, /* contiguous, of another dtype */
    GATHERED,
    REPEATED, /* a single element: loaded once per task */
} source;

/* One call. */
typedef struct {
    const pt_program *program;
    const pt_elementwise_table *table;
    int ndim;
    size_t size, task, block; /* elements of all, of one task, of one block */
    ptrdiff_t shape[PT_MAX_NDIM];
    ptrdiff_t strides[PT_FUSE_MAX_INPUTS][PT_MAX_NDIM];
    pt_operand in[PT_FUSE_MAX_INPUTS]; /* over the merged axes */
    source sources[PT_FUSE_MAX_INPUTS];
    char *const *out;
} call;

static void run_ops(const call *c, char *const *slots, size_t n) {
    for (int i = 0; i < c->program->n_ops; i++) {
        const pt_fused_op *op = &c->program->ops[i];
        if (op->op < 0) {
            c->table->casts[op->compute][op->result](slots[op->slots[0]], slots[op->slots[1]], n);
            continue;
        }
        int n_operands = pt_elementwise_info[op->op].n_inputs + 1;
        char *operands[PT_FUSE_MAX_OPERANDS];
        for (int k = 0; k < n_operands; k++) operands[k] = slots[op->slots[k]];
        c->table->loops[op->op][op->compute](operands, n);
    }
}

/* Elements start..start+n of input k, converted, to a buffer. */
static void load(const call *c, int k, size_t start, size_t n, char *to) {
    const pt_operand *in = &c->in[k];
    if (c->sources[k] <= CONVERTED) {
        const char *from = in->data + start * pt_dtype_size[in->dtype];
        c->table->casts[in->dtype][c->program->inputs[k]](from, to, n);
    } else {
        pt_gather_block(in, c->ndim, c->shape, start, n, c->program->inputs[k], to);
    }
}

/* The last n < PT_LANES elements, by way of buffers that have room for a whole vector. */
static void run_tail(const call *c, size_t start, size_t n) {
    const pt_program *p = c->program;
    int n_slots = p->n_inputs + p->n_outputs + p->n_temporaries;
    _Alignas(64) char buffers[MAX_SLOTS][PT_LANES * 8];
    char *slots[MAX_SLOTS];
    for (int k = 0; k < n_slots; k++) slots[k] = buffers[k];
    for (int k = 0; k < p->n_inputs; k++) {
        memset(buffers[k], 0, sizeof buffers[k]);
        load(c, k, start, n, buffers[k]);
    }
    run_ops(c, slots, PT_LANES);
    for (int k = 0; k < p->n_outputs; k++) {
        size_t item = pt_dtype_size[p->outputs[k]];
        memcpy(c->out[k] + start * item, buffers[p->n_inputs + k], n * item);
    }
}

static void run_part(const call *c, size_t start, size_t end) {
    const pt_program *p = c->program;
    _Alignas(64) char scratch[SCRATCH_BYTES];
    char *slots[MAX_SLOTS], *next = scratch;
    size_t whole = start + ((end - start) & ~(size_t)(PT_LANES - 1));
    size_t longest = whole - start < c->block ? whole - start : c->block;
    for (int k = 0; k < p->n_inputs; k++) {
        if (c->sources[k] == IN_PLACE) continue;
        slots[k] = next;
        next += c->block * p->item;
        if (c->sources[k] == REPEATED && longest > 0) load(c, k, start, longest, slots[k]);
    }
    for (int k = 0; k < p->n_temporaries; k++) {
        slots[p->n_inputs + p->n_outputs + k] = next;
        next += c->block * p->item;
    }
    for (size_t n; start < whole; start += n) {
        n = whole - start < c->block ? whole - start : c->block;
        for (int k = 0; k < p->n_inputs; k++) {
            if (c->sources[k] == IN_PLACE) {
                slots[k] = c->in[k].data + start * pt_dtype_size[p->inputs[k]];
            } else if (c->sources[k] != REPEATED) {
                load(c, k, start, n, slots[k]);
            }
        }
        for (int k = 0; k < p->n_outputs; k++) {
            slots[p->n_inputs + k] = c->out[k] + start * pt_dtype_size[p->outputs[k]];
        }
        run_ops(c, slots, n);
    }
    if (whole < end) run_tail(c, whole, end - whole);
}

static void run_task(void *context, size_t i) {
    const call *c = context;
    size_t start = i * c->task, end = start + c->task;
    run_part(c, start, end < c->size ? end : c->size);
}

/* Where input k comes from; over the merged axes. */
static source source_of(const call *c, int k, bool flat) {
    if (flat) return c->in[k].dtype == c->program->inputs[k] ? IN_PLACE : CONVERTED;
    for (int d = 0; d < c->ndim; d++) {
        if (c->strides[k][d] != 0) return GATHERED;
    }
    return REPEATED;
}

void pt_fused(const pt_program *program, int ndim, const ptrdiff_t *shape, const pt_operand *in,
              char *const *out) {
    call c;
    bool flat[PT_FUSE_MAX_INPUTS];
    int n_buffers = program->n_temporaries;
    /* A task is worth sharing for the memory that it touches; an op in the L1 cache counts as much
     * as a float of that, 0.2 ns. */
    size_t bytes_per_element = (size_t)program->n_ops * sizeof(float);
    c.program = program;
    c.table = PT_SELECT(pt_elementwise_loops);
    c.out = out;
    c.ndim = pt_merge_axes(ndim, shape, program->n_inputs, in, c.shape, c.strides, flat);
    c.size = 1;
    for (int d = 0; d < c.ndim; d++) c.size *= (size_t)c.shape[d];
    if (c.size == 0) return;
    for (int k = 0; k < program->n_inputs; k++) {
        c.in[k] = (pt_operand){in[k].data, c.strides[k], in[k].dtype};
        c.sources[k] = source_of(&c, k, flat[k]);
        n_buffers += c.sources[k] != IN_PLACE;
        bytes_per_element += pt_dtype_size[in[k].dtype];
    }
    for (int k = 0; k < program->n_outputs; k++) {
        bytes_per_element += pt_dtype_size[program->outputs[k]];
    }
    c.block = PT_BLOCK;
    if (n_buffers * c.block * program->item > SCRATCH_BYTES) {
        c.block = SCRATCH_BYTES / (n_buffers * program->item) & ~(size_t)(PT_LANES - 1);
    }
    if (c.size * bytes_per_element < PT_PARALLEL_BYTES) {
        run_part(&c, 0, c.size);
        return;
    }
    c.task = pt_task_size(c.size);
    pt_parallel_for(run_task, &c, (c.size + c.task - 1) / c.task);
}
