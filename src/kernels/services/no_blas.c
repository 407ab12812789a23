/* no_blas.c: in place of blas.c in builds without OpenBLAS. */
#include "at_load.h"
#include "blas.h"
#include "pt.h"

#include <stddef.h>

pt_blas blas;

bool pt_blas_is_there(void) { return false; }

const char *pt_load_blas(void) { return NULL; }

const char *pt_blas_config(void) { return "none: products are computed by pytensor's own loops"; }

bool pt_blas_has_memory(void) { return false; }

void pt_enter_blas(void) {}

void pt_leave_blas(void) {}

void pt_blas_at_load(void) {}
