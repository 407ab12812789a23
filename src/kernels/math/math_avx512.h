/* math_avx512.h: elementary functions on whole AVX-512 vectors, where the loops that the compiler
 * makes of math_f32.h and math_f64.h are slower than need be: what AVX-512 has and no C expression
 * says is a table of 16 or 32 numbers in registers, looked up by one permutation.
 *
 * vector_NAME_SUFFIX(x) with VECTOR_NAME_SUFFIX defined as 1 takes the place of the op table's
 * expression in elementwise_loop.h. The promises are those of math_f32.h and math_f64.h: at most
 * 1 ULP, special cases by C99's Annex F, and an element's result depends on nothing but itself. The
 * last is why special cases, which are computed by a second formula when any lane of a vector has
 * one, give ordinary lanes the same bits as the first.
 *
 * Polynomials are minimax approximations made with Sollya (fpminimax). Tables come as a high part
 * short enough that sums with it are exact, and a low part.
 */
#ifndef PT_MATH_AVX512_H
#define PT_MATH_AVX512_H
#if defined(__AVX512F__) && defined(__AVX512DQ__)

#include <immintrin.h>

#include "math_f32.h"
#include "math_f64.h"

#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* What vfpclass tests for. */
enum {
    CLASS_NAN = 0x81,
    CLASS_ZERO = 0x06,
    CLASS_PLUS_INFINITY = 0x08,
    CLASS_INFINITY = 0x18,
    CLASS_SUBNORMAL = 0x20,
    CLASS_MINUS = 0x50, /* finite or not, but no zero */
    CLASS_NOT_POSITIVE_NORMAL = 0xff
};

#define NEAREST_INTEGER (_MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)

static inline __m512 load_f32(const float *x) { return _mm512_loadu_ps(x); }
static inline __m512d load_f64(const double *x) { return _mm512_loadu_pd(x); }
static inline void store_f32(float *out, __m512 x) { _mm512_storeu_ps(out, x); }
static inline void store_f64(double *out, __m512d x) { _mm512_storeu_pd(out, x); }

/* y with its sign bit set where that of x is: y | (x & sign). */
static inline __m512 with_sign_f32(__m512 y, __m512 x) {
    __m512i sign = _mm512_set1_epi32((int)0x80000000);
    return _mm512_castsi512_ps(
        _mm512_ternarylogic_epi32(_mm512_castps_si512(y), _mm512_castps_si512(x), sign, 0xf8));
}
static inline __m512d with_sign_f64(__m512d y, __m512d x) {
    __m512i sign = _mm512_set1_epi64((long long)0x8000000000000000);
    return _mm512_castsi512_pd(
        _mm512_ternarylogic_epi64(_mm512_castpd_si512(y), _mm512_castpd_si512(x), sign, 0xf8));
}

/* ------------------------------------------------------------------------- tables, other lanes */

static inline __m512d lookup_f64(const double *table, __m512i index) { /* the low 4 bits count */
    return _mm512_permutex2var_pd(_mm512_loadu_pd(table), index, _mm512_loadu_pd(table + 8));
}

static inline __m512 lookup_f32(const float *table, __m512i index) {
    return _mm512_permutexvar_ps(index, _mm512_loadu_ps(table));
}

static inline __m512 lookup_fine_f32(const float *table, __m512i index) { /* 32 entries */
    return _mm512_permutex2var_ps(_mm512_loadu_ps(table), index, _mm512_loadu_ps(table + 16));
}

/* y, and f(x) for some lanes. */
static inline __m512d each_lane_f64(double (*f)(double), __m512d x, __m512d y, __mmask8 lanes) {
    double in[8], out[8];
    store_f64(in, x);
    store_f64(out, y);
    for (int i = 0; i < 8; i++) {
        out[i] = lanes >> i & 1 ? f(in[i]) : out[i];
    }
    return load_f64(out);
}

static inline __m512 each_lane_f32(float (*f)(float), __m512 x, __m512 y, __mmask16 lanes) {
    float in[16], out[16];
    store_f32(in, x);
    store_f32(out, y);
    for (int i = 0; i < 16; i++) {
        out[i] = lanes >> i & 1 ? f(in[i]) : out[i];
    }
    return load_f32(out);
}

#include "math_avx512_f64.h"

#include "math_avx512_f32.h"

#undef UNLIKELY
#endif
#endif
