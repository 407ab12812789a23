/* isa_dense.c: the loops of dense layers' products of one instruction set (-DPT_ISA=...). */
#include "dense.h"
#include "dtype_functions.h"

/* A tile of C must fit the registers beside a row of B and one element of A: AVX-512 has 32 of 64
 * bytes (16 for the tile), AVX2 16 of 32 bytes (12), NEON 32 and SSE2 16 of 16 bytes (16 and 8).
 * The wider a tile, the fewer cache lines its strip of B is gathered from. */
#if defined(__AVX512F__)
enum { TILE_ROWS = 4, TILE_BYTES = 256 };
#elif defined(__AVX2__)
enum { TILE_ROWS = 6, TILE_BYTES = 64 };
#elif defined(__aarch64__)
enum { TILE_ROWS = 4, TILE_BYTES = 64 };
#else
enum { TILE_ROWS = 4, TILE_BYTES = 32 };
#endif

static inline float multiply_add_f32(float a, float b, float c) { return FMA32(a, b, c); }
static inline double multiply_add_f64(double a, double b, double c) { return FMA64(a, b, c); }

#define BODY "dense_body.h"
#include "for_each_dtype.h"
#undef BODY

#define LOOPS(T, suffix)                                                                           \
    {.rows = TILE_ROWS,                                                                            \
     .columns = TILE_BYTES / sizeof(T),                                                            \
     .pack_a = pack_a_##suffix,                                                                    \
     .strip = strip_##suffix}

const pt_dense_table PT_ISA_SYMBOL(pt_dense_loops) = {
    .f32 = LOOPS(float, f32),
    .f64 = LOOPS(double, f64),
};
