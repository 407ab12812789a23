/* isa_max_pool.c: the loops of max_pool.c of one instruction set (-DPT_ISA=...). */
#include "dtype_functions.h"
#include "few.h"
#include "max_pool.h"

#include <string.h>

#define BODY "max_pool_body.h"
#include "for_each_dtype.h"
#undef BODY

const pt_max_pool_table PT_ISA_SYMBOL(pt_max_pool_loops) = {
    .f32 = {.pool = pool_f32, .spread = spread_f32},
    .f64 = {.pool = pool_f64, .spread = spread_f64},
};
