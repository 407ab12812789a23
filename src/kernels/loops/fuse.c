/* fuse.c: runs a program of element-wise ops in one pass over memory.
 *
 * All ops run on one block of elements before the next block, by the loops of elementwise_loop.h,
 * so intermediate values stay in the L1 cache. Blocks are runs of elements in C order. An input
 * that is contiguous and of the right dtype is read in place, any other is gathered; outputs are
 * written in place.
 */
#include "elementwise.h"

#include <string.h>

/* Bytes of a block in a slot. An op reads its block at once, and nothing more of that input is
 * loaded while the others run: shorter blocks give steadier streams of inputs, but more calls of
 * loops. On one thread, a * b + c * exp(d) of 16 M float32 took 12.5 ms with 512 bytes, 14 with
 * 1024, 18 with 2048; of 100 000, in the L2 cache, 65, 58 and 57 us. */
#define BLOCK_BYTES 1024
/* Buffers of one task, for gathered inputs and temporaries. They leave room in a 32 KiB L1 cache
 * for the data that streams through. If there are more buffers than fit, blocks are shorter. */
#define SCRATCH_BYTES ((size_t)24 << 10)
#define MAX_BUFFERS (PT_FUSE_MAX_INPUTS + PT_FUSE_MAX_TEMPORARIES)
#define MAX_SLOTS (MAX_BUFFERS + PT_FUSE_MAX_OUTPUTS)
#define TAIL_BYTES (PT_LANES * 8) /* of a slot for the last elements: one run of PT_LANES */
_Static_assert(SCRATCH_BYTES / (MAX_BUFFERS * 8) >= PT_LANES, "a block has room for one vector");
_Static_assert(SCRATCH_BYTES >= MAX_SLOTS * TAIL_BYTES, "the tail's slots fit into the scratch");

/* How an input's elements are obtained. */
typedef enum {
    IN_PLACE,  /* contiguous, of the required dtype */
    CONVERTED, /* contiguous, of another dtype */
    ROWS,      /* like IN_PLACE, but only within a row of the innermost axis */
    COLUMN,    /* one element for each such row */
    GATHERED,
    REPEATED, /* a single element: loaded once per task */
} source;

/* One call. */
typedef struct {
    const pt_program *program;
    const pt_elementwise_table *table;
    int ndim;
    size_t size, task, block; /* elements of all, of one task, of one block */
    size_t row; /* length of the rows of ROWS and COLUMN, or 0 if they are too short to use */
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
        for (int k = 0; k < n_operands; k++)
            operands[k] = slots[op->slots[k]];
        c->table->loops[op->op][op->compute](operands, n);
    }
}

/* Copies elements start..start+n of input k, converted, to a buffer. */
static void load(const call *c, int k, size_t start, size_t n, char *to) {
    const pt_operand *in = &c->in[k];
    if (c->sources[k] <= CONVERTED) {
        const char *from = in->data + start * pt_dtype_size[in->dtype];
        c->table->casts[in->dtype][c->program->inputs[k]](from, to, n);
    } else {
        pt_gather_block(in, c->ndim, c->shape, start, n, c->program->inputs[k], to);
    }
}

/* Computes the last n < PT_LANES elements through slots in scratch that have room for PT_LANES. */
static void run_tail(const call *c, size_t start, size_t n, char *scratch, char **slots) {
    const pt_program *p = c->program;
    int n_slots = p->n_inputs + p->n_outputs + p->n_temporaries;
    for (int k = 0; k < n_slots; k++)
        slots[k] = scratch + k * TAIL_BYTES;
    for (int k = 0; k < p->n_inputs; k++) {
        memset(slots[k], 0, TAIL_BYTES);
        load(c, k, start, n, slots[k]);
    }
    run_ops(c, slots, PT_LANES);
    for (int k = 0; k < p->n_outputs; k++) {
        size_t item = pt_dtype_size[p->outputs[k]];
        memcpy(c->out[k] + start * item, slots[p->n_inputs + k], n * item);
    }
}

/* A buffer of one task. */
typedef struct {
    char *bytes;
    size_t filled; /* for a COLUMN: 1 + the number of the row whose element fills it, or 0 */
} buffer;

/* Returns the buffer, filled with the element of a COLUMN's row. */
static char *fill(const call *c, int k, size_t row, char *element, buffer *b) {
    if (b->filled != row + 1) {
        ptrdiff_t length = (ptrdiff_t)c->block, stride = 0;
        pt_operand repeated = {element, &stride, c->in[k].dtype};
        pt_gather_block(&repeated, 1, &length, 0, c->block, c->program->inputs[k], b->bytes);
        b->filled = row + 1;
    }
    return b->bytes;
}

/* Returns elements start..start+n of input k: in place if they can be read there, else in the
 * buffer. */
static char *find(const call *c, int k, size_t start, size_t n, buffer *b) {
    const pt_operand *in = &c->in[k];
    if (c->sources[k] == IN_PLACE)
        return in->data + start * pt_dtype_size[in->dtype];
    if (c->sources[k] == REPEATED)
        return b->bytes; /* loaded before */
    if (c->row > 0 && (c->sources[k] == ROWS || c->sources[k] == COLUMN)) {
        size_t left;
        char *place = pt_element(in, c->ndim, c->shape, start, &left);
        if (n <= left) {
            return c->sources[k] == ROWS ? place : fill(c, k, start / c->row, place, b);
        }
    }
    load(c, k, start, n, b->bytes);
    b->filled = 0;
    return b->bytes;
}

static void run_part(const call *c, size_t start, size_t end) {
    const pt_program *p = c->program;
    _Alignas(64) char scratch[SCRATCH_BYTES];
    char *slots[MAX_SLOTS], *next = scratch;
    buffer buffers[PT_FUSE_MAX_INPUTS];
    size_t whole = start + ((end - start) & ~(size_t)(PT_LANES - 1));
    size_t longest = whole - start < c->block ? whole - start : c->block;
    for (int k = 0; k < p->n_inputs; k++) {
        if (c->sources[k] == IN_PLACE)
            continue;
        buffers[k] = (buffer){next, 0};
        if (c->sources[k] == REPEATED && longest > 0)
            load(c, k, start, longest, next);
        next += c->block * p->item;
    }
    for (int k = 0; k < p->n_temporaries; k++) {
        slots[p->n_inputs + p->n_outputs + k] = next;
        next += c->block * p->item;
    }
    for (size_t n; start < whole; start += n) {
        n = whole - start < c->block ? whole - start : c->block;
        if (c->row > 0) {
            size_t left = (c->row - start % c->row) & ~(size_t)(PT_LANES - 1);
            if (left > 0 && left < n)
                n = left;
        }
        for (int k = 0; k < p->n_inputs; k++)
            slots[k] = find(c, k, start, n, &buffers[k]);
        for (int k = 0; k < p->n_outputs; k++) {
            slots[p->n_inputs + k] = c->out[k] + start * pt_dtype_size[p->outputs[k]];
        }
        run_ops(c, slots, n);
    }
    if (whole < end)
        run_tail(c, whole, end - whole, scratch, slots);
}

static void run_task(void *context, size_t i) {
    const call *c = context;
    size_t start = i * c->task, end = start + c->task;
    run_part(c, start, end < c->size ? end : c->size);
}

/* The source of input k, over the merged axes. */
static source source_of(const call *c, int k, bool flat) {
    if (flat)
        return c->in[k].dtype == c->program->inputs[k] ? IN_PLACE : CONVERTED;
    bool repeated = true;
    for (int d = 0; d < c->ndim; d++)
        repeated = repeated && c->strides[k][d] == 0;
    if (repeated)
        return REPEATED;
    if (c->strides[k][c->ndim - 1] == 0)
        return COLUMN;
    return c->in[k].dtype == c->program->inputs[k] &&
                   c->strides[k][c->ndim - 1] == (ptrdiff_t)pt_dtype_size[c->in[k].dtype]
               ? ROWS
               : GATHERED;
}

/* Fills in where the inputs come from. Returns how many of them need a buffer. */
static int find_sources(call *c, const pt_operand *in, const bool *flat) {
    int n_buffers = 0;
    c->row = 0;
    for (int k = 0; k < c->program->n_inputs; k++) {
        c->in[k] = (pt_operand){in[k].data, c->strides[k], in[k].dtype};
        c->sources[k] = source_of(c, k, flat[k]);
        n_buffers += c->sources[k] != IN_PLACE;
        if (c->sources[k] == ROWS || c->sources[k] == COLUMN)
            c->row = (size_t)c->shape[c->ndim - 1];
    }
    return n_buffers;
}

static void choose_block(call *c, int n_buffers, bool alone) {
    const size_t item = c->program->item, buffers = (size_t)n_buffers;
    c->block = BLOCK_BYTES / item;
    /* The data of one thread's work may be in the cache, which needs no steady streams. */
    if (alone || c->block > PT_BLOCK)
        c->block = PT_BLOCK;
    if (buffers * c->block * item > SCRATCH_BYTES)
        c->block = SCRATCH_BYTES / (buffers * item) & ~(size_t)(PT_LANES - 1);
    if (c->row < c->block)
        c->row = 0; /* most blocks are longer than a row, so they are gathered */
}

/* What the program touches. The memory that a task touches decides whether to share it; an op in
 * the L1 cache counts as much as one float of that, 0.2 ns. */
static size_t bytes_of(const call *c) {
    const pt_program *p = c->program;
    size_t per_element = (size_t)p->n_ops * sizeof(float);
    for (int k = 0; k < p->n_inputs; k++)
        per_element += pt_dtype_size[c->in[k].dtype];
    for (int k = 0; k < p->n_outputs; k++)
        per_element += pt_dtype_size[p->outputs[k]];
    return c->size * per_element;
}

void pt_fused(const pt_program *program, int ndim, const ptrdiff_t *shape, const pt_operand *in,
              char *const *out) {
    call c;
    bool flat[PT_FUSE_MAX_INPUTS];
    c.program = program;
    c.table = pt_elementwise_table_here();
    c.out = out;
    c.ndim = pt_merge_axes(ndim, shape, program->n_inputs, in, c.shape, c.strides, flat);
    c.size = 1;
    for (int d = 0; d < c.ndim; d++)
        c.size *= (size_t)c.shape[d];
    if (c.size == 0)
        return;
    const int n_buffers = program->n_temporaries + find_sources(&c, in, flat);
    const bool alone = bytes_of(&c) < PT_PARALLEL_BYTES;
    choose_block(&c, n_buffers, alone);
    if (alone) {
        run_part(&c, 0, c.size);
        return;
    }
    c.task = pt_task_size(c.size);
    pt_parallel_for(run_task, &c, pt_ceil_div(c.size, c.task));
}
