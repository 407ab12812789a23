/* at_load.h: what pool.c's constructor calls, in this order, when the library is loaded. */
#ifndef AT_LOAD_H
#define AT_LOAD_H

/* Each registers the fork handlers of its file; blas.c's also its exit handler. */
void pt_alloc_at_load(void);
void pt_blas_at_load(void);

#endif
