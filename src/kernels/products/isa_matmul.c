/* isa_matmul.c: the loops of the products of one instruction set (-DPT_ISA=...). */
#include "dtype_functions.h"
#include "matmul.h"

#define BODY "matmul_body.h"
#include "for_each_dtype.h"
#undef BODY

#define INTEGER(suffix) {.product = product_##suffix}
#define FLOATING(suffix) {.accumulate = accumulate_##suffix}

const pt_matmul_table PT_ISA_SYMBOL(pt_matmul_loops) = {
    .of =
        {
            [PT_BOOL] = INTEGER(b8),
            [PT_INT8] = INTEGER(i8),
            [PT_INT16] = INTEGER(i16),
            [PT_INT32] = INTEGER(i32),
            [PT_INT64] = INTEGER(i64),
            [PT_UINT8] = INTEGER(u8),
            [PT_UINT16] = INTEGER(u16),
            [PT_UINT32] = INTEGER(u32),
            [PT_UINT64] = INTEGER(u64),
            [PT_FLOAT32] = FLOATING(f32),
            [PT_FLOAT64] = FLOATING(f64),
        },
};
