/* isa_conv.c: the loops of convolutions of one instruction set (-DPT_ISA=...). */
#include "conv.h"
#include "dtype_functions.h"
#include "few.h"

#include <string.h>

/* A tile of C is TILE_ROWS rows of two vectors, which stay in registers: 24 of AVX-512's 32, 12 of
 * AVX2's 16, 16 of NEON's 32, 8 of SSE2's 16. A step takes one element of A per row from the L1
 * cache, and two vectors of B from the L2: with AVX-512, 128 bytes in 12 to 24 cycles. */
#if defined(__AVX512F__)
enum { TILE_ROWS = 12, VECTOR_BYTES = 64 };
#elif defined(__AVX2__)
enum { TILE_ROWS = 6, VECTOR_BYTES = 32 };
#elif defined(__aarch64__)
enum { TILE_ROWS = 8, VECTOR_BYTES = 16 };
#else
enum { TILE_ROWS = 4, VECTOR_BYTES = 16 };
#endif

/* A strip of A, TILE_ROWS rows of up to A_BYTES, stays in the L1 and L2 caches while the panels of B
 * pass; it takes a tile one cache line in 2 TILE_ROWS steps. Its rows are an odd number of cache
 * lines apart, so that they do not compete for the same ones. */
enum { A_BYTES = 3072, A_STRIDE_BYTES = A_BYTES + 64 };

/* Columns of B that are multiplied by a strip before the next one: their part of k stays in the L2
 * cache, 384 KiB of float32. */
enum { PANELS_AT_ONCE = 4 };

static inline float multiply_add_f32(float a, float b, float c) { return FMA32(a, b, c); }
static inline double multiply_add_f64(double a, double b, double c) { return FMA64(a, b, c); }

#define BODY "conv_body.h"
#include "for_each_dtype.h"
#undef BODY

#define LOOPS(T, suffix)                                                                           \
    {.rows = TILE_ROWS,                                                                            \
     .columns = 2 * VECTOR_BYTES / sizeof(T),                                                      \
     .lanes = VECTOR_BYTES / sizeof(T),                                                            \
     .a_size = TILE_ROWS * A_STRIDE_BYTES / sizeof(T),                                             \
     .most_k = A_BYTES / sizeof(T),                                                                \
     .pack_b = pack_b_##suffix,                                                                    \
     .product = product_##suffix,                                                                  \
     .lines = lines_##suffix,                                                                      \
     .depthwise = depthwise_##suffix,                                                              \
     .weights = weights_##suffix,                                                                  \
     .depthwise_weights = depthwise_weights_##suffix,                                              \
     .add = add_##suffix,                                                                          \
     .scatter = scatter_##suffix}

const pt_conv_table PT_ISA_SYMBOL(pt_conv_loops) = {
    .f32 = LOOPS(float, f32),
    .f64 = LOOPS(double, f64),
};
