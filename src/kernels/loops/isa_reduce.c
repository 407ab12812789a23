/* isa_reduce.c: the loops of the reductions of one instruction set (-DPT_ISA=...). */
#include <string.h>

#include "dtype_functions.h"
#include "reduce.h"

/* Unsigned integers as wide as the dtype: row numbers that fit beside its elements in vectors. */
typedef uint8_t row_number_b8, row_number_i8, row_number_u8;
typedef uint16_t row_number_i16, row_number_u16;
typedef uint32_t row_number_i32, row_number_u32, row_number_f32;
typedef uint64_t row_number_i64, row_number_u64, row_number_f64;

/* Rows i..i+count of elements of size bytes. */
static inline const void *rows_at(const pt_rows *rows, size_t i, size_t count, size_t size) {
    if (rows->fetch != NULL)
        return rows->fetch(rows->context, i, count);
    return (const char *)rows->data + (ptrdiff_t)i * rows->stride * (ptrdiff_t)size;
}

/* With AVX-512 only floating-point dtypes have loops; reduce.c uses AVX2's for the others. Integers
 * and booleans are narrow or wait for memory, and this saves 0.2 MB. */
#ifdef PT_FLOATS_ONLY
#define FLOATS_ONLY
#endif

#define BODY "rows_reduce.h"
#include "for_each_dtype.h"
#undef BODY

const pt_reduce_table PT_ISA_SYMBOL(pt_reduce_loops_of) = {
    .loops =
        {
#include "table_reduce.h"
        },
};
