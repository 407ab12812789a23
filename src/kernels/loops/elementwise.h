/* elementwise.h: what the element-wise family shares with its loops and with the reductions. */
#ifndef ELEMENTWISE_H
#define ELEMENTWISE_H

#include "pt.h"

/* operands: the inputs, then the result; see elementwise_loop.h. */
typedef void (*pt_loop)(char *const *operands, size_t n);
typedef void (*pt_cast)(const void *in, void *out, size_t n);
/* Fills out with n copies of an element of size bytes, 1, 2, 4, 8 or 16. */
typedef void (*pt_repeat)(const void *element, void *out, size_t n, size_t size);

typedef struct {
    pt_loop loops[PT_OP_COUNT][PT_N_DTYPES]; /* NULL where the row has none for the dtype */
    pt_cast casts[PT_N_DTYPES][PT_N_DTYPES]; /* [from][to] */
    pt_repeat repeat;
} pt_elementwise_table;

PT_DECLARE_PER_ISA(const pt_elementwise_table, pt_elementwise_loops);
/* The table for this machine's instruction set. */
const pt_elementwise_table *pt_elementwise_table_here(void);

/* Work that touches fewer bytes stays on the caller: two threads save at most half of the 15 us
 * that it takes at 20 GB/s, and waking a parked worker can cost as much. */
#define PT_PARALLEL_BYTES ((size_t)256 << 10)

/* Copies elements start..start+n of src, in C order over shape, converted to dtype, to out,
 * contiguous. Splits start into indices at every call, so it suits hundreds of elements or more. */
void pt_gather_block(const pt_operand *src, int ndim, const ptrdiff_t *shape, size_t start,
                     size_t n, pt_dtype dtype, void *out);

/* The address of an element of src, given by its number in C order over shape, which has at least
 * one axis. Sets *left to the number of elements left in its row, itself included. */
char *pt_element(const pt_operand *src, int ndim, const ptrdiff_t *shape, size_t number,
                 size_t *left);

/* Merges axes that every operand walks as one and drops those of length 1: fewer axes, longer rows.
 * Fills in the shape merged, the strides[k] of operand k over it, and flat[k], whether operand k is
 * contiguous over all of it. Returns the number of axes, at least 1. */
int pt_merge_axes(int ndim, const ptrdiff_t *shape, int n_operands, const pt_operand *operands,
                  ptrdiff_t *merged, ptrdiff_t (*strides)[PT_MAX_NDIM], bool *flat);

/* The number of elements, out of size, that make a task for the pool: a multiple of PT_BLOCK. */
size_t pt_task_size(size_t size);

#endif
