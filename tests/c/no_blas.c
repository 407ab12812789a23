/* no_blas.c: in place of blas.c in programs that call no OpenBLAS. The thread sanitizer ends a
 * thread before the exit handlers run that the last thread of a process calls, and blas.c registers
 * one. */
#include "../../src/kernels/services/at_load.h"

void pt_blas_at_load(void) {}
