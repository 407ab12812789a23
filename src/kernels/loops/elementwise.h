/* elementwise.h: what the element-wise family shares with its loops and with the reductions. */
#ifndef ELEMENTWISE_H
#define ELEMENTWISE_H

#include "pt.h"

/* operands: the inputs, then the result; see elementwise_loop.h. */
typedef void (*pt_loop)(char *const *operands, size_t n);
typedef void (*pt_cast)(const void *in, void *out, size_t n);
/* out: n times the same element of size bytes, 1, 2, 4, 8 or 16. */
typedef void (*pt_repeat)(const void *element, void *out, size_t n, size_t size);

typedef struct {
    pt_loop loops[PT_OP_COUNT][PT_N_DTYPES]; /* NULL where the row has none for the dtype */
    pt_cast casts[PT_N_DTYPES][PT_N_DTYPES]; /* [from][to] */
    pt_repeat repeat;
} pt_elementwise_table;

PT_DECLARE_PER_ISA(const pt_elementwise_table, pt_elementwise_loops);
/* The table for this machine's instruction set. */
const pt_elementwise_table *pt_elementwise_table_here(void);

/* Below this many bytes touched, work stays on the caller: two threads save at most half of the
 * 15 us that it takes at 20 GB/s, which is what waking a parked worker can cost. */
#define PT_PARALLEL_BYTES ((size_t)256 << 10)

/* Elements start..start+n, in C order over shape, of src, converted to dtype, into out, contiguous.
 * Splits start into indices at every call: made for hundreds of elements and more. */
void pt_gather_block(const pt_operand *src, int ndim, const ptrdiff_t *shape, size_t start,
                     size_t n, pt_dtype dtype, void *out);

/* Where an element of src stands, by its number in C order over shape, of at least one axis; left:
 * how many are left of its row, itself included. */
char *pt_element(const pt_operand *src, int ndim, const ptrdiff_t *shape, size_t number,
                 size_t *left);

/* Fewer axes, longer rows: merges those that every operand walks as one, and leaves out those of
 * length 1. Fills in merged, the shape; strides[k], those of operand k over it; flat[k], whether
 * operand k is contiguous over all of it. Returns the number of axes, at least 1. */
int pt_merge_axes(int ndim, const ptrdiff_t *shape, int n_operands, const pt_operand *operands,
                  ptrdiff_t *merged, ptrdiff_t (*strides)[PT_MAX_NDIM], bool *flat);

/* How many of size elements make a task for the pool: a multiple of PT_BLOCK. */
size_t pt_task_size(size_t size);

#endif
