/* isa_tiles.c: the loops of tiles of one instruction set (-DPT_ISA=...). */
#include "dtype_functions.h"
#include "tiles.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

/* A tile of C must fit the registers beside a row of vectors of B and a number of A: AVX-512 and
 * NEON have 32 registers, AVX2 and SSE2 16 (SSE2 also needs one for a product). Where tiles end at
 * the edges of C, smaller ones compute the rest, so there is one for each power of two of rows. */
#if defined(__AVX512F__)
enum { VECTOR_BYTES = 64 };
/* clang-format off */
#define EACH_TILE(TILE) \
    TILE(1, 1) TILE(1, 2) TILE(1, 3) TILE(1, 4) TILE(2, 1) TILE(2, 2) TILE(2, 3) TILE(2, 4) \
    TILE(4, 1) TILE(4, 2) TILE(4, 3) TILE(4, 4) TILE(8, 1) TILE(8, 2) TILE(8, 3) TILE(12, 1) \
    TILE(12, 2) TILE(14, 1) TILE(14, 2)
/* clang-format on */
#elif defined(__AVX2__)
enum { VECTOR_BYTES = 32 };
/* clang-format off */
#define EACH_TILE(TILE) \
    TILE(1, 1) TILE(1, 2) TILE(1, 3) TILE(2, 1) TILE(2, 2) TILE(2, 3) TILE(4, 1) TILE(4, 2) \
    TILE(4, 3) TILE(6, 1) TILE(6, 2)
/* clang-format on */
#elif defined(__aarch64__)
enum { VECTOR_BYTES = 16 };
/* clang-format off */
#define EACH_TILE(TILE) \
    TILE(1, 1) TILE(1, 2) TILE(1, 3) TILE(1, 4) TILE(2, 1) TILE(2, 2) TILE(2, 3) TILE(2, 4) \
    TILE(4, 1) TILE(4, 2) TILE(4, 3) TILE(4, 4) TILE(8, 1) TILE(8, 2) TILE(8, 3)
/* clang-format on */
#else
enum { VECTOR_BYTES = 16 };
/* clang-format off */
#define EACH_TILE(TILE) \
    TILE(1, 1) TILE(1, 2) TILE(2, 1) TILE(2, 2) TILE(4, 1) TILE(4, 2)
/* clang-format on */
#endif

/* Registers for the factors of a stream, beside its sums and a vector of b. */
#if defined(__AVX512F__)
#define FACTORS 24
#define IN_REGISTER(x) __asm__("" : "+v"(x))
#elif defined(__AVX2__)
#define FACTORS 12
#define IN_REGISTER(x) __asm__("" : "+x"(x))
#elif defined(__aarch64__)
#define FACTORS 24
#define IN_REGISTER(x) __asm__("" : "+w"(x))
#endif

/* Steps of k ahead: what comes from the L3 cache, 50 ns away, is there in time. */
enum { PREFETCH = 8 };

#if defined(__AVX512F__)
static inline __m512 broadcast_f32(float x) { return _mm512_set1_ps(x); }
static inline __m512d broadcast_f64(double x) { return _mm512_set1_pd(x); }
static inline __m512 fma_f32(__m512 a, __m512 b, __m512 c) { return _mm512_fmadd_ps(a, b, c); }
static inline __m512d fma_f64(__m512d a, __m512d b, __m512d c) { return _mm512_fmadd_pd(a, b, c); }
#elif defined(__AVX2__)
static inline __m256 broadcast_f32(float x) { return _mm256_set1_ps(x); }
static inline __m256d broadcast_f64(double x) { return _mm256_set1_pd(x); }
static inline __m256 fma_f32(__m256 a, __m256 b, __m256 c) { return _mm256_fmadd_ps(a, b, c); }
static inline __m256d fma_f64(__m256d a, __m256d b, __m256d c) { return _mm256_fmadd_pd(a, b, c); }
#elif defined(__aarch64__)
static inline float32x4_t broadcast_f32(float x) { return vdupq_n_f32(x); }
static inline float64x2_t broadcast_f64(double x) { return vdupq_n_f64(x); }
static inline float32x4_t fma_f32(float32x4_t a, float32x4_t b, float32x4_t c) {
    return vfmaq_f32(c, a, b);
}
static inline float64x2_t fma_f64(float64x2_t a, float64x2_t b, float64x2_t c) {
    return vfmaq_f64(c, a, b);
}
#else
typedef float floats __attribute__((vector_size(16)));
typedef double doubles __attribute__((vector_size(16)));
static inline floats broadcast_f32(float x) { return (floats){x, x, x, x}; }
static inline doubles broadcast_f64(double x) { return (doubles){x, x}; }
static inline floats fma_f32(floats a, floats b, floats c) { return a * b + c; }
static inline doubles fma_f64(doubles a, doubles b, doubles c) { return a * b + c; }
#define ROUNDS_TWICE
#endif

#define BODY "tiles_body.h"
#define VARIANT(name) F(name)
#include "for_each_dtype.h"
#undef VARIANT

#ifdef FACTORS
#define STREAMS(suffix)                                                                            \
    {NULL, stream_1_##suffix, stream_2_##suffix, stream_3_##suffix, stream_4_##suffix}
#else
#define STREAMS(suffix) {NULL}
#endif

#define LOOPS(T, suffix, entry)                                                                    \
    {.lanes = VECTOR_BYTES / sizeof(T),                                                            \
     .multiply = {EACH_TILE(entry)},                                                               \
     .stream = STREAMS(suffix),                                                                    \
     .copy = copy_##suffix,                                                                        \
     .finish = finish_##suffix}

#ifdef ROUNDS_TWICE
/* A product of two floats is exact in double. The sum is then rounded to odd, after which a second
 * rounding is harmless (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums: proved
 * algorithms using rounding to odd", 2008). */
static inline float fused_f32(float a, float b, float c) {
    const pair sum = two_sum((double)a * b, c);
    uint64_t bits = bits_f64(sum.hi);

    if ((sum.lo > 0 || sum.lo < 0) && (bits & 1) == 0) { /* not if it is NaN */
        bits += (sum.lo > 0) == (sum.hi > 0) ? 1 : (uint64_t)-1;
    }
    return (float)from_bits_f64(bits);
}
static inline floats fused_fma_f32(floats a, floats b, floats c) {
    for (size_t i = 0; i < 4; i++) {
        c[i] = fused_f32(a[i], b[i], c[i]);
    }
    return c;
}
static inline doubles fused_fma_f64(doubles a, doubles b, doubles c) {
    return (doubles){__builtin_fma(a[0], b[0], c[0]), __builtin_fma(a[1], b[1], c[1])};
}

#define ONLY_MULTIPLY
#define VARIANT(name) F(fused_##name)
#include "for_each_dtype.h"
#undef VARIANT

#define FUSED_f32(ROWS, VECTORS) [ROWS][VECTORS - 1] = fused_multiply_##ROWS##x##VECTORS##_f32,
#define FUSED_f64(ROWS, VECTORS) [ROWS][VECTORS - 1] = fused_multiply_##ROWS##x##VECTORS##_f64,
static const pt_tile_loops_of fused_loops_f32 = LOOPS(float, f32, FUSED_f32);
static const pt_tile_loops_of fused_loops_f64 = LOOPS(double, f64, FUSED_f64);
#endif

#define ENTRY_f32(ROWS, VECTORS) [ROWS][VECTORS - 1] = multiply_##ROWS##x##VECTORS##_f32,
#define ENTRY_f64(ROWS, VECTORS) [ROWS][VECTORS - 1] = multiply_##ROWS##x##VECTORS##_f64,

const pt_tile_table PT_ISA_SYMBOL(pt_tile_loops) = {
    .f32 = LOOPS(float, f32, ENTRY_f32),
    .f64 = LOOPS(double, f64, ENTRY_f64),
#ifdef ROUNDS_TWICE
    .fused_f32 = &fused_loops_f32,
    .fused_f64 = &fused_loops_f64,
#endif
};
