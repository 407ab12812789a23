/* isa_elementwise.c: the element-wise loops and conversions of one instruction set (-DPT_ISA=...).
 */
#include "dtype_functions.h"
#include "elementwise.h"

/* With AVX-512 only floating-point dtypes have loops, and conversions from and to them;
 * elementwise.c uses AVX2's for the others. Integers and booleans are narrow or wait for memory,
 * and this saves 0.1 MB. */
#ifdef PT_FLOATS_ONLY
#define FLOATS_ONLY
#endif

#define BODY "rows_elementwise.h"
#include "for_each_dtype.h"
#undef BODY
#define BODY "cast_rows.h"
#include "for_each_dtype.h"
#undef BODY

/* Stores are as wide as the loads of the loop that follows: the processor does not forward narrow
 * stores to wide loads, which would have to wait. */
#define REPEAT(bits)                                                                               \
    do {                                                                                           \
        typedef uint##bits##_t __attribute__((may_alias, aligned(1))) word;                        \
        word value = *(const word *)element, *to = out;                                            \
        _Pragma("omp simd")                                                                        \
        for (size_t i = 0; i < n; i++)                                                             \
            to[i] = value;                                                                         \
    } while (0)

static void repeat(const void *element, void *out, size_t n, size_t size) {
    if (size == 16) {
        for (size_t i = 0; i < n; i++)
            memcpy((char *)out + 16 * i, element, 16);
    } else if (size == 8) {
        REPEAT(64);
    } else if (size == 4) {
        REPEAT(32);
    } else if (size == 2) {
        REPEAT(16);
    } else {
        memset(out, *(const char *)element, n);
    }
}

#define CAST(dtype, to, from) [PT_##dtype] = cast_##from##_##to,
#define CASTS_OF_FLOAT(dtype, from, unused) [PT_##dtype] = {PT_TO_EACH_DTYPE(CAST, from)},
#ifdef FLOATS_ONLY
#define CASTS_OF_OTHER(dtype, from, unused) [PT_##dtype] = {PT_TO_EACH_FLOAT(CAST, from)},
#else
#define CASTS_OF_OTHER CASTS_OF_FLOAT
#endif

const pt_elementwise_table PT_ISA_SYMBOL(pt_elementwise_loops) = {
    .loops =
        {
#include "table_elementwise.h"
        },
    .casts = {PT_EACH_OTHER(CASTS_OF_OTHER, ) PT_EACH_FLOAT(CASTS_OF_FLOAT, )},
    .repeat = repeat,
};
