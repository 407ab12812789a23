/* services.c: what the kernels ask of a system, for a browser: memory, and a pool of one thread. */
#include "pt.h"

#include <stdlib.h>

void *pt_alloc(size_t n_bytes) {
    return aligned_alloc(64, (n_bytes + 64) & ~(size_t)63); /* 0 bytes are a block too */
}

void pt_free(void *block, size_t n_bytes) {
    (void)n_bytes;
    free(block);
}

int pt_get_num_threads(void) { return 1; }

size_t pt_l2_bytes(void) { return 512 << 10; }

int pt_fma_units(void) { return 2; }

const char *pt_isa_name(void) { return "baseline"; }

void pt_parallel_for(pt_task task, void *context, size_t n) {
    for (size_t i = 0; i < n; i++) {
        task(context, i);
    }
}

pt_status pt_parallel_for_interruptible(pt_task task, void *context, size_t n) {
    pt_parallel_for(task, context, n);
    return PT_OK;
}
