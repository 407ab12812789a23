/* blas.h: the functions of OpenBLAS that matmul.c calls. */
#ifndef BLAS_H
#define BLAS_H

#include <cblas.h>
#include <stdbool.h>

typedef struct {
    __typeof__(&scipy_cblas_sgemm) sgemm;
    __typeof__(&scipy_cblas_dgemm) dgemm;
    __typeof__(&scipy_cblas_sgemv) sgemv;
    __typeof__(&scipy_cblas_dgemv) dgemv;
    __typeof__(&scipy_cblas_sdot) sdot;
    __typeof__(&scipy_cblas_ddot) ddot;
    __typeof__(&scipy_openblas_get_num_threads) get_num_threads;
    __typeof__(&scipy_openblas_set_num_threads) set_num_threads;
    __typeof__(&scipy_openblas_get_config) get_config;
    __typeof__(&scipy_openblas_get_corename) get_corename;
} pt_blas;

/* Valid once pt_load_blas has returned NULL. OpenBLAS runs on one thread: ours. */
extern pt_blas blas;

/* Whether OpenBLAS has memory to work with. Check it before the calls of a product. */
bool pt_blas_has_memory(void);

/* Enclose all calls of these functions; do not nest. A fork waits until all threads have left. If
 * there is no memory for another thread inside, it waits for one to leave. Resets OpenBLAS to one
 * thread if other code has changed that. */
void pt_enter_blas(void);
void pt_leave_blas(void);

#endif
