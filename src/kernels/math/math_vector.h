/* math_vector.h: elementary functions on whole vectors, where the loops that the compiler makes of
 * math_f32.h and math_f64.h are slower than need be: what no C expression says is a table of 16
 * numbers, which AVX-512 looks up in registers with one permutation and other processors read from
 * memory.
 *
 * vector_NAME_SUFFIX(x) with VECTOR_NAME_SUFFIX defined as 1 takes the place of the op table's
 * expression in elementwise_loop.h. The promises are those of math_f32.h and math_f64.h, and an
 * element's result depends on nothing but itself. The last is why special cases, which are computed
 * by a second formula when any lane of a vector has one, give ordinary lanes the same bits as the
 * first.
 *
 * float64 (math_vector_f64.h) is written once, in the operations below, for every instruction set
 * with fused multiply-add. Each operation gives the same bits everywhere, and so does every
 * function. float32 (math_avx512_f32.h, math_quick_f32.h) is for AVX-512 alone: it is correctly
 * rounded with any formula.
 *
 * Polynomials are minimax approximations made with Sollya (fpminimax). Tables come as a high part
 * short enough that sums with it are exact, and a low part.
 */
#ifndef PT_MATH_VECTOR_H
#define PT_MATH_VECTOR_H

#include "math_f32.h"
#include "math_f64.h"

#if PT_HAS_FMA

#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* ------------------------------------------------------------------------------- operations
 *
 * v_NAME(a, b) is what the operator or C function of that name is in each lane; v_mask_NAME(c, m, a,
 * b) has c where the mask m is not set, v_maskz_NAME 0. v_min and v_max give b where either is NaN.
 * v_compare's relations are LT, GT, GE, EQ, NEQ, UNORD, and NLT for "not LT". v_NAME_bits: 64-bit
 * integers. */
#if defined(__AVX512F__) && defined(__AVX512DQ__)

#include <immintrin.h>

typedef __m512d vector_f64;
typedef __m512i vector_i64;
typedef __mmask8 mask_f64;
#define VECTOR_F64_LANES 8
#define NO_LANES 0

#define v_set1 _mm512_set1_pd
#define v_setzero _mm512_setzero_pd
#define v_add _mm512_add_pd
#define v_sub _mm512_sub_pd
#define v_mul _mm512_mul_pd
#define v_div _mm512_div_pd
#define v_fmadd _mm512_fmadd_pd
#define v_fmsub _mm512_fmsub_pd
#define v_fnmadd _mm512_fnmadd_pd
#define v_sqrt _mm512_sqrt_pd
#define v_min _mm512_min_pd
#define v_max _mm512_max_pd
#define v_abs _mm512_abs_pd
#define v_and _mm512_and_pd
#define v_or _mm512_or_pd
#define v_mask_mov _mm512_mask_mov_pd
#define v_mask_add _mm512_mask_add_pd
#define v_mask_sub _mm512_mask_sub_pd
#define v_mask_mul _mm512_mask_mul_pd
#define v_mask_or _mm512_mask_or_pd
#define v_maskz_mov _mm512_maskz_mov_pd
#define v_scalef _mm512_scalef_pd /* a 2^floor(b), rounded once */
#define v_mask_scalef _mm512_mask_scalef_pd
#define v_bits _mm512_castpd_si512
#define v_from_bits _mm512_castsi512_pd
#define v_set1_bits _mm512_set1_epi64
#define v_add_bits _mm512_add_epi64
#define v_sub_bits _mm512_sub_epi64
#define v_and_bits _mm512_and_si512
#define v_max_bits _mm512_max_epi64
#define v_slli_bits _mm512_slli_epi64
#define v_srli_bits _mm512_srli_epi64
#define v_class _mm512_fpclass_pd_mask
#define v_compare(a, b, relation) _mm512_cmp_pd_mask(a, b, RELATION_##relation)
#define RELATION_LT _CMP_LT_OQ
#define RELATION_GT _CMP_GT_OQ
#define RELATION_GE _CMP_GE_OQ
#define RELATION_EQ _CMP_EQ_OQ
#define RELATION_NEQ _CMP_NEQ_UQ
#define RELATION_NLT _CMP_NLT_UQ
#define RELATION_NLE _CMP_NLE_UQ
#define RELATION_NGT _CMP_NGT_UQ
#define RELATION_NGE _CMP_NGE_UQ
#define RELATION_UNORD _CMP_UNORD_Q

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

static inline vector_f64 load_f64(const double *x) { return _mm512_loadu_pd(x); }
static inline void store_f64(double *out, vector_f64 x) { _mm512_storeu_pd(out, x); }
static inline bool any(mask_f64 m) { return m; }
static inline mask_f64 v_sign_mask(vector_f64 x) { return _mm512_movepi64_mask(v_bits(x)); }
static inline vector_f64 v_round(vector_f64 x) {
    return _mm512_roundscale_pd(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
/* The exponent in the upper 12 bits of u, as a number. */
static inline vector_f64 v_exponent(vector_i64 u) {
    return _mm512_cvtepi64_pd(_mm512_srai_epi64(u, 52));
}
/* y with its sign bit set where that of x is: y | (x & sign). */
static inline vector_f64 with_sign_f64(vector_f64 y, vector_f64 x) {
    vector_i64 sign = v_set1_bits((long long)0x8000000000000000);
    return v_from_bits(_mm512_ternarylogic_epi64(v_bits(y), v_bits(x), sign, 0xf8));
}
static inline vector_f64 lookup_f64(const double *table, vector_i64 index) { /* low 4 bits */
    return _mm512_permutex2var_pd(_mm512_loadu_pd(table), index, _mm512_loadu_pd(table + 8));
}

#else

#if defined(__AVX2__)
#include <immintrin.h>
#define VECTOR_F64_LANES 4
#else
#define VECTOR_F64_LANES 2
#endif

typedef double __attribute__((vector_size(8 * VECTOR_F64_LANES))) vector_f64;
typedef int64_t __attribute__((vector_size(8 * VECTOR_F64_LANES))) vector_i64;
typedef vector_i64 mask_f64; /* all ones or all zeros */
#define NO_LANES ((mask_f64){0})

enum {
    CLASS_NAN = 1,
    CLASS_ZERO = 2,
    CLASS_PLUS_INFINITY = 4,
    CLASS_INFINITY = 8,
    CLASS_SUBNORMAL = 16,
    CLASS_MINUS = 32,
    CLASS_NOT_POSITIVE_NORMAL = 64
};

static inline vector_f64 load_f64(const double *x) {
    vector_f64 v;
    memcpy(&v, x, sizeof v);
    return v;
}
static inline void store_f64(double *out, vector_f64 x) { memcpy(out, &x, sizeof x); }

static inline vector_f64 v_set1(double x) { return x - (vector_f64){0}; }
static inline vector_i64 v_set1_bits(int64_t x) { return x - (vector_i64){0}; }
static inline vector_f64 v_setzero(void) { return (vector_f64){0}; }
static inline vector_i64 v_bits(vector_f64 x) { return (vector_i64)x; }
static inline vector_f64 v_from_bits(vector_i64 x) { return (vector_f64)x; }
static inline vector_f64 v_add(vector_f64 a, vector_f64 b) { return a + b; }
static inline vector_f64 v_sub(vector_f64 a, vector_f64 b) { return a - b; }
static inline vector_f64 v_mul(vector_f64 a, vector_f64 b) { return a * b; }
static inline vector_f64 v_div(vector_f64 a, vector_f64 b) { return a / b; }
static inline vector_i64 v_add_bits(vector_i64 a, vector_i64 b) { return a + b; }
static inline vector_i64 v_sub_bits(vector_i64 a, vector_i64 b) { return a - b; }
static inline vector_i64 v_and_bits(vector_i64 a, vector_i64 b) { return a & b; }
static inline vector_i64 v_max_bits(vector_i64 a, vector_i64 b) {
    return (a & (a > b)) | (b & ~(a > b));
}
static inline vector_i64 v_slli_bits(vector_i64 a, int n) { return a << n; }
static inline vector_i64 v_srli_bits(vector_i64 a, int n) {
    typedef uint64_t __attribute__((vector_size(8 * VECTOR_F64_LANES))) vector_u64;
    return (vector_i64)((vector_u64)a >> n);
}

#if defined(__AVX2__)
static inline vector_f64 v_fmadd(vector_f64 a, vector_f64 b, vector_f64 c) {
    return _mm256_fmadd_pd(a, b, c);
}
static inline vector_f64 v_sqrt(vector_f64 x) { return _mm256_sqrt_pd(x); }
static inline vector_f64 v_round(vector_f64 x) {
    return _mm256_round_pd(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static inline vector_f64 v_floor(vector_f64 x) { return _mm256_floor_pd(x); }
static inline bool any(mask_f64 m) { return _mm256_movemask_pd((vector_f64)m); }
static inline vector_f64 v_mask_mov(vector_f64 c, mask_f64 m, vector_f64 a) {
    return _mm256_blendv_pd(c, a, (vector_f64)m);
}
static inline vector_f64 lookup_f64(const double *table, vector_i64 index) {
    return _mm256_i64gather_pd(table, (__m256i)(index & 15), 8);
}
#else
static inline vector_f64 v_fmadd(vector_f64 a, vector_f64 b, vector_f64 c) {
    return (vector_f64){__builtin_fma(a[0], b[0], c[0]), __builtin_fma(a[1], b[1], c[1])};
}
static inline vector_f64 v_sqrt(vector_f64 x) {
    return (vector_f64){__builtin_sqrt(x[0]), __builtin_sqrt(x[1])};
}
static inline vector_f64 v_round(vector_f64 x) {
    return (vector_f64){__builtin_rint(x[0]), __builtin_rint(x[1])};
}
static inline vector_f64 v_floor(vector_f64 x) {
    return (vector_f64){__builtin_floor(x[0]), __builtin_floor(x[1])};
}
static inline bool any(mask_f64 m) { return m[0] | m[1]; }
static inline vector_f64 v_mask_mov(vector_f64 c, mask_f64 m, vector_f64 a) {
    return (vector_f64)(((vector_i64)a & m) | ((vector_i64)c & ~m));
}
static inline vector_f64 lookup_f64(const double *table, vector_i64 index) {
    return (vector_f64){table[index[0] & 15], table[index[1] & 15]};
}
#endif

static inline vector_f64 v_fmsub(vector_f64 a, vector_f64 b, vector_f64 c) {
    return v_fmadd(a, b, -c);
}
static inline vector_f64 v_fnmadd(vector_f64 a, vector_f64 b, vector_f64 c) {
    return v_fmadd(-a, b, c);
}
static inline vector_f64 v_min(vector_f64 a, vector_f64 b) { return v_mask_mov(b, a < b, a); }
static inline vector_f64 v_max(vector_f64 a, vector_f64 b) { return v_mask_mov(b, a > b, a); }
static inline vector_f64 v_and(vector_f64 a, vector_f64 b) {
    return (vector_f64)((vector_i64)a & (vector_i64)b);
}
static inline vector_f64 v_or(vector_f64 a, vector_f64 b) {
    return (vector_f64)((vector_i64)a | (vector_i64)b);
}
static inline vector_f64 v_abs(vector_f64 x) {
    return (vector_f64)((vector_i64)x & 0x7fffffffffffffff);
}
static inline vector_f64 with_sign_f64(vector_f64 y, vector_f64 x) {
    return v_or(y, v_and(x, v_set1(-0.0)));
}
static inline mask_f64 v_sign_mask(vector_f64 x) { return (vector_i64)x < 0; }
static inline vector_f64 v_maskz_mov(mask_f64 m, vector_f64 a) {
    return (vector_f64)((vector_i64)a & m);
}
static inline vector_f64 v_mask_add(vector_f64 c, mask_f64 m, vector_f64 a, vector_f64 b) {
    return v_mask_mov(c, m, a + b);
}
static inline vector_f64 v_mask_sub(vector_f64 c, mask_f64 m, vector_f64 a, vector_f64 b) {
    return v_mask_mov(c, m, a - b);
}
static inline vector_f64 v_mask_mul(vector_f64 c, mask_f64 m, vector_f64 a, vector_f64 b) {
    return v_mask_mov(c, m, a * b);
}
static inline vector_f64 v_mask_or(vector_f64 c, mask_f64 m, vector_f64 a, vector_f64 b) {
    return v_mask_mov(c, m, v_or(a, b));
}

#define v_compare(a, b, relation) RELATION_##relation(a, b)
#define RELATION_LT(a, b) ((a) < (b))
#define RELATION_GT(a, b) ((a) > (b))
#define RELATION_GE(a, b) ((a) >= (b))
#define RELATION_EQ(a, b) ((a) == (b))
#define RELATION_NEQ(a, b) ((a) != (b))
#define RELATION_NLT(a, b) (~((a) < (b)))
#define RELATION_NLE(a, b) (~((a) <= (b)))
#define RELATION_NGT(a, b) (~((a) > (b)))
#define RELATION_NGE(a, b) (~((a) >= (b)))
#define RELATION_UNORD(a, b) (((a) != (a)) | ((b) != (b)))

static inline mask_f64 v_class(vector_f64 x, int classes) {
    const vector_f64 infinity = v_set1(__builtin_inf());
    vector_f64 a = v_abs(x);
    mask_f64 m = NO_LANES;
    m = classes & CLASS_NAN ? m | (x != x) : m;
    m = classes & CLASS_ZERO ? m | (x == 0.0) : m;
    m = classes & CLASS_PLUS_INFINITY ? m | (x == infinity) : m;
    m = classes & CLASS_INFINITY ? m | (a == infinity) : m;
    m = classes & CLASS_SUBNORMAL ? m | ((a < 0x1p-1022) & (a > 0.0)) : m;
    m = classes & CLASS_MINUS ? m | (x < 0.0) : m;
    return classes & CLASS_NOT_POSITIVE_NORMAL ? m | ~((x >= 0x1p-1022) & (x < infinity)) : m;
}

/* The upper 12 bits as a number: moved up by 2048, placed in the low bits of 2^52. */
static inline vector_f64 v_exponent(vector_i64 u) {
    const int64_t two_52 = 0x4330000000000000;
    vector_i64 moved = v_srli_bits(u + (int64_t)((uint64_t)1 << 63), 52) | two_52;
    return (vector_f64)moved - (0x1p52 + 2048.0);
}

/* In two factors, as times_power_of_2. |n| < 2000. */
static inline vector_f64 v_scalef(vector_f64 p, vector_f64 n) {
    vector_f64 whole = v_floor(n), half = v_floor(whole * 0.5);
    vector_i64 first = (vector_i64)(half + (ROUND_64 + 1023.0)) << 52;
    vector_i64 second = (vector_i64)((whole - half) + (ROUND_64 + 1023.0)) << 52;
    return p * (vector_f64)first * (vector_f64)second;
}
static inline vector_f64 v_mask_scalef(vector_f64 c, mask_f64 m, vector_f64 p, vector_f64 n) {
    return v_mask_mov(c, m, v_scalef(p, n));
}
#endif

/* ------------------------------------------------------------------------------ what they share */

/* 1/x to 2^-8.6, x > 0 normal: a line through the exponent, then Newton's step. Not an instruction,
 * whose result depends on the processor. */
static inline vector_f64 about_inverse(vector_f64 x) {
    vector_f64 y = v_from_bits(v_sub_bits(v_set1_bits(0x7fde623822835eeaLL), v_bits(x)));
    return v_mul(y, v_fnmadd(x, y, v_set1(2.0)));
}

/* y, and f(x) for some lanes. */
static inline vector_f64 each_lane_f64(double (*f)(double), vector_f64 x, vector_f64 y,
                                       mask_f64 lanes) {
    double in[VECTOR_F64_LANES], out[VECTOR_F64_LANES], take[VECTOR_F64_LANES];
    store_f64(in, x);
    store_f64(out, y);
    store_f64(take, v_maskz_mov(lanes, v_set1(1.0)));
    for (int i = 0; i < VECTOR_F64_LANES; i++) {
        out[i] = take[i] != 0.0 ? f(in[i]) : out[i];
    }
    return load_f64(out);
}

#include "math_vector_f64.h"

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#include "math_avx512_f32.h"
#include "math_quick_f32.h"
#endif

#undef UNLIKELY
#endif
#endif
