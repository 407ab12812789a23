/* math_avx512_f32.h: the functions of float32 of math_vector.h, which includes this: eight floats at
 * a time in double, as in math_f32.h, but with tables, which leave short polynomials. Results are
 * in doubt as there, so that nothing but the time depends on the formula.
 */
#ifndef PT_MATH_AVX512_F32_H
#define PT_MATH_AVX512_F32_H

#include "math_vector.h"

typedef struct {
    __m256 value;
    __mmask8 in_doubt;
} rounded_vector;

static inline __m512d fma_pd(__m512d a, __m512d b, double c) {
    return _mm512_fmadd_pd(a, b, _mm512_set1_pd(c));
}
static inline __m512d times_pd(__m512d a, double b) { return _mm512_mul_pd(a, _mm512_set1_pd(b)); }
static inline __m512d plus_pd(__m512d a, double b) { return _mm512_add_pd(a, _mm512_set1_pd(b)); }
static inline __mmask8 below_pd(__m512d a, double b) {
    return _mm512_cmp_pd_mask(a, _mm512_set1_pd(b), _CMP_LT_OQ);
}
static inline __m256 clamp_ps(__m256 x, float low, float high) { /* NaN stays */
    return _mm256_min_ps(_mm256_set1_ps(high), _mm256_max_ps(_mm256_set1_ps(low), x));
}
static inline __m256 abs_ps(__m256 x) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x); }

/* c[0] + c[1] x + ... + c[n] x^n, the even and the odd powers in a chain each, as in math_common.h.
 * The compiler unrolls it. */
static inline __attribute__((always_inline)) __m512d poly_pd(__m512d x, int n, const double *c) {
    __m512d square = _mm512_mul_pd(x, x);
    __m512d high = _mm512_set1_pd(c[n]), next = _mm512_set1_pd(c[n - 1]);
    for (int i = n - 2; i >= 0; i -= 2) {
        high = fma_pd(high, square, c[i]);
        if (i > 0)
            next = fma_pd(next, square, c[i - 1]);
    }
    return n % 2 == 0 ? _mm512_fmadd_pd(next, x, high) : _mm512_fmadd_pd(high, x, next);
}

/* reach: a power of two. */
static inline __mmask8 near_tie(__m512d d, long long reach) {
    __m512i moved = _mm512_add_epi64(_mm512_castpd_si512(d), _mm512_set1_epi64(0x10000000 + reach));
    return _mm512_testn_epi64_mask(moved, _mm512_set1_epi64(0x1fffffff & ~(2 * reach - 1)));
}

static inline rounded_vector round_normal(__m512d d, long long reach) {
    return (rounded_vector){_mm512_cvtpd_ps(d), near_tie(d, reach)};
}
static inline rounded_vector round_any(__m512d d, long long reach) {
    rounded_vector r = round_normal(d, reach);
    __m512d a = _mm512_abs_pd(d);
    __mmask8 subnormal = below_pd(a, 0x1p-126);
    if (UNLIKELY(subnormal)) {
        r.in_doubt = near_tie(_mm512_mask_add_pd(a, subnormal, a, _mm512_set1_pd(0x1p-126)), reach);
    }
    return r;
}

/* -------------------------------------------------------------------------------- exponentials */

/* 2^(i/16) and 2^(-i/16), their bits less or more by i 2^48: the low bits of z, added or subtracted
 * as an exponent, are n and not its floor. */
/* clang-format off */
static const uint64_t exp2_up[16] = {0x3ff0000000000000, 0x3fefb5586cf9890f, 0x3fef72b83c7d517b,
    0x3fef387a6e756238, 0x3fef06fe0a31b715, 0x3feedea64c123422, 0x3feebfdad5362a27,
    0x3feeab07dd485429, 0x3feea09e667f3bcd, 0x3feea11473eb0187, 0x3feeace5422aa0db,
    0x3feec49182a3f090, 0x3feee89f995ad3ad, 0x3fef199bdd85529c, 0x3fef5818dcfba487,
    0x3fefa4afa2a490da};
static const uint64_t exp2_down[16] = {0x3ff0000000000000, 0x3fefa4afa2a490da, 0x3fef5818dcfba487,
    0x3fef199bdd85529c, 0x3feee89f995ad3ad, 0x3feec49182a3f090, 0x3feeace5422aa0db,
    0x3feea11473eb0187, 0x3feea09e667f3bcd, 0x3feeab07dd485429, 0x3feebfdad5362a27,
    0x3feedea64c123422, 0x3fef06fe0a31b715, 0x3fef387a6e756238, 0x3fef72b83c7d517b,
    0x3fefb5586cf9890f};
/* clang-format on */

/* x = n ln 2 + r, n a multiple of 1/16, whose four bits after the point are the low bits of z. */
typedef struct {
    __m512i z;
    __m512d r;
} exp_split;

static inline exp_split split_exp(__m512d x) {
    const double round = 0x1.8p48;
    __m512d z = _mm512_fmadd_pd(x, _mm512_set1_pd(LOG2_E), _mm512_set1_pd(round));
    __m512d n = plus_pd(z, -round);
    return (exp_split){_mm512_castpd_si512(z), _mm512_fnmadd_pd(n, _mm512_set1_pd(LN_2), x)};
}

static inline __m512i lookup_bits(const uint64_t *table, __m512i index) {
    return _mm512_permutex2var_epi64(_mm512_loadu_si512(table), index,
                                     _mm512_loadu_si512(table + 8));
}

/* 2^n */
static inline __m512d power_of_2(__m512i z) {
    return _mm512_castsi512_pd(_mm512_add_epi64(lookup_bits(exp2_up, z), _mm512_slli_epi64(z, 48)));
}

/* (e^r - 1)/r, |r| < 0.0217, degree 4: 2^-41. */
static inline __m512d exp_quotient(__m512d r) {
    static const double c[] = {0x1.fffffffffffe3p-1, 0x1.fffffffe5b9e2p-2, 0x1.55555556bed79p-3,
                               0x1.55570abd34df2p-5, 0x1.11111093ca4bbp-7};
    return poly_pd(r, 4, c);
}

/* e^x to 2^-46, |x| < 700. */
static inline __m512d exp_pd(__m512d x) {
    exp_split s = split_exp(x);
    __m512d scale = power_of_2(s.z);
    return _mm512_fmadd_pd(_mm512_mul_pd(s.r, scale), exp_quotient(s.r), scale);
}

/* e^x - 1 to 2^-41. */
static inline __m512d expm1_pd(__m512d x) {
    exp_split s = split_exp(x);
    __m512d scale = power_of_2(s.z);
    return _mm512_fmadd_pd(_mm512_mul_pd(s.r, scale), exp_quotient(s.r), plus_pd(scale, -1.0));
}

#define VECTOR_exp_f32 1
static inline rounded_vector vector_exp_f32(__m256 x) {
    return round_any(exp_pd(_mm512_cvtps_pd(clamp_ps(x, -104.0f, 89.0f))), 0x100);
}

#define VECTOR_expm1_f32 1
static inline rounded_vector vector_expm1_f32(__m256 x) {
    __m512d v = _mm512_cvtps_pd(clamp_ps(x, -30.0f, 89.0f));
    return round_normal(with_sign_f64(expm1_pd(v), v), 0x2000);
}

#define VECTOR_sigmoid_f32 1
static inline rounded_vector vector_sigmoid_f32(__m256 x) {
    __m256 v = _mm256_xor_ps(clamp_ps(x, -104.0f, 89.0f), _mm256_set1_ps(-0.0f));
    __m512d below = plus_pd(exp_pd(_mm512_cvtps_pd(v)), 1.0);
    return round_any(_mm512_div_pd(_mm512_set1_pd(1.0), below), 0x100);
}

/* As in math_f32.h; x = n ln 2 + r, n a multiple of 1/16. cosh(r) and sinh(r)/r in r^2, degree 2:
 * 2^-47. */
typedef struct {
    __m512d cosh_n, sinh_n, cosh_r, sinh_r;
} hyperbolic_split;

static inline hyperbolic_split split_hyperbolic(__m256 x) {
    exp_split e = split_exp(_mm512_cvtps_pd(x));
    const __m512i one = _mm512_set1_epi64(1LL << 52);
    __m512i n = _mm512_slli_epi64(e.z, 48);
    __m512i up = _mm512_add_epi64(lookup_bits(exp2_up, e.z), n);
    __m512i down = _mm512_sub_epi64(lookup_bits(exp2_down, e.z), n);
    __m512d u = _mm512_castsi512_pd(_mm512_sub_epi64(up, one));
    __m512d d = _mm512_castsi512_pd(_mm512_sub_epi64(down, one)), q = _mm512_mul_pd(e.r, e.r);
    __m512d c = fma_pd(_mm512_set1_pd(0x1.555761debb976p-5), q, 0x1.fffffffd0cfd3p-2);
    __m512d s = fma_pd(_mm512_set1_pd(0x1.11123dcb22cbdp-7), q, 0x1.555555547b3cp-3);
    return (hyperbolic_split){_mm512_add_pd(u, d), _mm512_sub_pd(u, d), fma_pd(c, q, 1.0),
                              _mm512_mul_pd(fma_pd(s, q, 1.0), e.r)};
}

#define VECTOR_sinh_f32 1
static inline rounded_vector vector_sinh_f32(__m256 x) {
    __m256 v = clamp_ps(x, -90.0f, 90.0f);
    hyperbolic_split h = split_hyperbolic(v);
    __m512d y = _mm512_fmadd_pd(h.sinh_n, h.cosh_r, _mm512_mul_pd(h.cosh_n, h.sinh_r));
    return round_normal(with_sign_f64(y, _mm512_cvtps_pd(x)), 0x1000);
}

#define VECTOR_cosh_f32 1
static inline rounded_vector vector_cosh_f32(__m256 x) {
    hyperbolic_split h = split_hyperbolic(clamp_ps(x, -90.0f, 90.0f));
    __m512d y = _mm512_fmadd_pd(h.cosh_n, h.cosh_r, _mm512_mul_pd(h.sinh_n, h.sinh_r));
    return round_normal(y, 0x1000);
}

#define VECTOR_tanh_f32 1
static inline rounded_vector vector_tanh_f32(__m256 x) {
    __m512d v = _mm512_cvtps_pd(clamp_ps(x, -10.0f, 10.0f));
    __m512d e = expm1_pd(_mm512_add_pd(v, v));
    return round_normal(with_sign_f64(_mm512_div_pd(e, plus_pd(e, 2.0)), v), 0x4000);
}

/* ---------------------------------------------------------------------------------- logarithms */

/* log(1 + r)/r, |r| < 0.0343, degree 6: 2^-43. */
static inline __m512d log_quotient(__m512d r) {
    static const double c[] = {0x1.ffffffffffff3p-1, -0x1.00000000310bfp-1, 0x1.555555560e368p-2,
                               -0x1.ffffeba5eb64p-3, 0x1.999980be7d94cp-3,  -0x1.55dc6d0b99d72p-3,
                               0x1.25195a37dfa23p-3};
    return poly_pd(r, 6, c);
}

/* The logarithm of normal x to 2^-39.5: of the table, only the high part, to 2^-44. */
static inline __m512d log_pd(__m512d x, const log_base_f64 *base) {
    log_split_f64 s = split_normal_f64(x);
    __m512d r = _mm512_fmsub_pd(s.m, lookup_f64(inverse_f64, s.index), _mm512_set1_pd(1.0));
    __m512d sum = _mm512_fmadd_pd(s.k, _mm512_set1_pd(base->step), lookup_f64(base->high, s.index));
    return _mm512_fmadd_pd(times_pd(r, base->scale), log_quotient(r), sum);
}

/* With subnormal floats, which are normal doubles, in place. */
static inline rounded_vector log_in_base_f32(__m256 x, const log_base_f64 *base, long long reach) {
    __m512d v = _mm512_cvtps_pd(x), y = log_pd(v, base);
    __mmask8 special = _mm512_fpclass_pd_mask(v, CLASS_NOT_POSITIVE_NORMAL);
    if (UNLIKELY(special)) {
        y = log_special_vector_f64(v, y);
    }
    return round_normal(y, reach);
}

#define VECTOR_log_f32 1
static inline rounded_vector vector_log_f32(__m256 x) {
    return log_in_base_f32(x, &base_e_f64, 0x4000);
}

#define VECTOR_log2_f32 1
static inline rounded_vector vector_log2_f32(__m256 x) {
    return log_in_base_f32(x, &base_2_f64, 0x4000);
}

/* scale r has its own rounding: 2^-38. */
#define VECTOR_log10_f32 1
static inline rounded_vector vector_log10_f32(__m256 x) {
    return log_in_base_f32(x, &base_10_f64, 0x10000);
}

/* Below 2^-20, x - x^2/2; from there on 1 + x is exact. */
#define VECTOR_log1p_f32 1
static inline rounded_vector vector_log1p_f32(__m256 x) {
    __m512d v = _mm512_cvtps_pd(x), u = plus_pd(v, 1.0), y = log_pd(u, &base_e_f64);
    __mmask8 special = _mm512_fpclass_pd_mask(u, CLASS_NOT_POSITIVE_NORMAL);
    if (UNLIKELY(special)) {
        y = log_special_vector_f64(u, y);
    }
    __mmask8 small = below_pd(_mm512_abs_pd(v), 0x1p-20);
    y = _mm512_mask_mov_pd(y, small, _mm512_fmadd_pd(times_pd(v, -0.5), v, v));
    return round_normal(y, 0x4000);
}

/* The square root to 2^-40, for v > 0. */
static inline __m512d root_pd(__m512d v) {
    __m512d inverse = _mm512_rsqrt14_pd(v), root = _mm512_mul_pd(v, inverse);
    __m512d e = _mm512_fnmadd_pd(root, inverse, _mm512_set1_pd(1.0));
    return _mm512_fmadd_pd(_mm512_mul_pd(root, e), fma_pd(e, _mm512_set1_pd(0.375), 0.5), root);
}

#define VECTOR_asinh_f32 1
static inline rounded_vector vector_asinh_f32(__m256 x) {
    __m512d v = _mm512_cvtps_pd(x), a = _mm512_abs_pd(v), q = _mm512_mul_pd(a, a);
    __m512d y = log_pd(_mm512_add_pd(a, root_pd(plus_pd(q, 1.0))), &base_e_f64);
    static const double c[] = {0x1.ffffffffffe9ep-1, -0x1.5555555100f39p-3, 0x1.333321d705317p-4,
                               -0x1.6d9e770b7f5d5p-5, 0x1.e3be4eabfae4cp-6};
    __m512d p = _mm512_mul_pd(poly_pd(q, 4, c), a);
    y = _mm512_mask_mov_pd(y, below_pd(a, 0.125), p);
    __mmask8 special = _mm512_fpclass_pd_mask(a, CLASS_INFINITY | CLASS_NAN);
    if (UNLIKELY(special)) {
        y = _mm512_mask_mov_pd(y, special, a);
    }
    return round_normal(with_sign_f64(y, v), 0x8000);
}

#define VECTOR_acosh_f32 1
static inline rounded_vector vector_acosh_f32(__m256 x) {
    __m512d v = _mm512_cvtps_pd(x), t = plus_pd(v, -1.0);
    __m512d square = _mm512_max_pd(_mm512_mul_pd(t, plus_pd(v, 1.0)), _mm512_set1_pd(0x1p-200));
    __m512d y = log_pd(plus_pd(_mm512_add_pd(t, root_pd(square)), 1.0), &base_e_f64);
    __mmask8 inside = _mm512_cmp_pd_mask(v, _mm512_set1_pd(1.0), _CMP_GT_OQ);
    __mmask8 special = (__mmask8)~inside | _mm512_fpclass_pd_mask(v, CLASS_INFINITY);
    if (UNLIKELY(special)) {
        __mmask8 one = _mm512_cmp_pd_mask(v, _mm512_set1_pd(1.0), _CMP_EQ_OQ);
        y = _mm512_mask_mov_pd(y, (__mmask8)~inside, _mm512_set1_pd(__builtin_nan("")));
        y = _mm512_mask_mov_pd(y, _mm512_fpclass_pd_mask(v, CLASS_PLUS_INFINITY), v);
        y = _mm512_mask_mov_pd(y, one, _mm512_setzero_pd());
    }
    return round_normal(y, 0x8000);
}

/* log((1 + |x|) / (1 - |x|)) / 2; below 1/32 atanh(x)/x in x^2, degree 3: 2^-44. */
#define VECTOR_atanh_f32 1
static inline rounded_vector vector_atanh_f32(__m256 x) {
    const __m512d one = _mm512_set1_pd(1.0);
    __m512d v = _mm512_cvtps_pd(x), a = _mm512_abs_pd(v), q = _mm512_mul_pd(a, a);
    __m512d ratio = _mm512_div_pd(_mm512_add_pd(one, a), _mm512_sub_pd(one, a));
    __m512d y = times_pd(log_pd(ratio, &base_e_f64), 0.5);
    static const double c[] = {0x1.ffffffffffff9p-1, 0x1.55555555c6cf1p-2, 0x1.999987d38ee7dp-3,
                               0x1.25041efcd7413p-3};
    __m512d p = _mm512_mul_pd(poly_pd(q, 3, c), a);
    y = _mm512_mask_mov_pd(y, below_pd(a, 0x1p-5), p);
    __mmask8 special = _mm512_cmp_pd_mask(a, one, _CMP_NLT_UQ);
    if (UNLIKELY(special)) {
        y = _mm512_mask_mov_pd(y, special, _mm512_set1_pd(__builtin_nan("")));
        y = _mm512_mask_mov_pd(y, _mm512_cmp_pd_mask(a, one, _CMP_EQ_OQ),
                               _mm512_set1_pd(__builtin_inf()));
    }
    return round_normal(with_sign_f64(y, v), 0x8000);
}

/* log2 |x| to 2^-50, and 2^(n + t), |t| <= 1/32, where n, a multiple of 1/16, has four bits after
 * the point in the low bits of z. */
#define VECTOR_pow_f32 1
static inline rounded_vector vector_pow_f32(__m256 x, __m256 y) {
    const double round = 0x1.8p48;
    __m512d v = _mm512_cvtps_pd(x), u = _mm512_cvtps_pd(y);
    log_split_f64 s = split_normal_f64(_mm512_abs_pd(v));
    __m512d r = _mm512_fmsub_pd(s.m, lookup_f64(inverse_f64, s.index), _mm512_set1_pd(1.0));
    __m512d sum = _mm512_add_pd(s.k, lookup_f64(base_2_f64.high, s.index));
    static const double c[] = {0x1.ffffffffffff1p-1,  -0x1.fffffffffff91p-2, 0x1.555555561ca38p-2,
                               -0x1.000000013edebp-2, 0x1.99997fc0dd1fep-3,  -0x1.555536d54c6c8p-3,
                               0x1.251b89e3fc37cp-3,  -0x1.00894359e98cfp-3};
    __m512d p = poly_pd(r, 7, c);
    __m512d low = lookup_f64(base_2_f64.low, s.index);
    low = _mm512_fmadd_pd(times_pd(r, base_2_f64.scale), p, low);
    __m512d whole = _mm512_mul_pd(u, _mm512_add_pd(sum, low));
    __m512d w = _mm512_max_pd(_mm512_set1_pd(-160.0), whole);
    w = _mm512_min_pd(_mm512_set1_pd(140.0), w);
    __m512d z = plus_pd(w, round), t = times_pd(_mm512_sub_pd(w, plus_pd(z, -round)), LN_2);
    __m512d scale = power_of_2(_mm512_castpd_si512(z));
    __m512d e = _mm512_fmadd_pd(_mm512_mul_pd(t, scale), exp_quotient(t), scale);
    __mmask8 special =
        _mm512_fpclass_pd_mask(v, CLASS_NOT_POSITIVE_NORMAL) |
        _mm512_cmp_pd_mask(_mm512_abs_pd(whole), _mm512_set1_pd(1000.0), _CMP_NLE_UQ);
    if (UNLIKELY(special)) {
        e = pow_special_f64(e, v, u, whole);
    }
    return round_any(e, 0x1000);
}

/* ---------------------------------------------------------------------------------- trigonometric */

/* As in math_f32.h. */
static inline rounded_vector sin_of_turned(__m256 x, __m512d v, __m512d z, __m512d n) {
    __m512d r = _mm512_fnmadd_pd(n, _mm512_set1_pd(PI_A), v);
    r = _mm512_fnmadd_pd(n, _mm512_set1_pd(PI_B), r);
    __m512d q = _mm512_mul_pd(r, r);
    static const double c[] = {
        0x1.ffffffffffdcdp-1,  -0x1.5555555540b4dp-3,  0x1.111111090dae4p-7, -0x1.a019fce8e06edp-13,
        0x1.71dce58de089ep-19, -0x1.ae00f79b8f673p-26, 0x1.52ac7f5c72abdp-33};
    __m512d p = poly_pd(q, 6, c);
    __m512i sign = _mm512_slli_epi64(_mm512_castpd_si512(z), 63);
    r = _mm512_castsi512_pd(_mm512_xor_si512(_mm512_castpd_si512(r), sign));
    rounded_vector y = round_normal(_mm512_mul_pd(p, r), 0x1000);
    y.in_doubt |= _mm256_cmp_ps_mask(abs_ps(x), _mm256_set1_ps(TRIG_LIMIT_F32), _CMP_GT_OQ);
    return y;
}

#define VECTOR_sin_f32 1
static inline rounded_vector vector_sin_f32(__m256 x) {
    __m512d v = _mm512_cvtps_pd(x), z = fma_pd(v, _mm512_set1_pd(0x1.45f306dc9c883p-2), ROUND_64);
    return sin_of_turned(x, v, z, plus_pd(z, -ROUND_64));
}

#define VECTOR_cos_f32 1
static inline rounded_vector vector_cos_f32(__m256 x) {
    __m512d v = _mm512_cvtps_pd(x), z = fma_pd(v, _mm512_set1_pd(0x1.45f306dc9c883p-2), 0.5);
    z = plus_pd(z, ROUND_64);
    return sin_of_turned(x, v, z, plus_pd(plus_pd(z, -ROUND_64), -0.5));
}

#define VECTOR_tan_f32 1
static inline rounded_vector vector_tan_f32(__m256 x) {
    __m512d v = _mm512_cvtps_pd(x), z = fma_pd(v, _mm512_set1_pd(0x1.45f306dc9c883p-1), ROUND_64);
    __m512d n = plus_pd(z, -ROUND_64), r = _mm512_fnmadd_pd(n, _mm512_set1_pd(0.5 * PI_A), v);
    r = _mm512_fnmadd_pd(n, _mm512_set1_pd(0.5 * PI_B), r);
    __m512d q = _mm512_mul_pd(r, r);
    __m512d s = fma_pd(_mm512_set1_pd(0x1.0a73221846bbp-9), q, -0x1.f106eafc6700ap-4);
    s = _mm512_mul_pd(fma_pd(s, q, 0x1.fffffffffff29p-1), r);
    __m512d c = fma_pd(_mm512_set1_pd(-0x1.98d6f583af84p-14), q, 0x1.4beb86df1e194p-6);
    c = fma_pd(fma_pd(c, q, -0x1.d19710147a917p-2), q, 1.0);
    __mmask8 odd = _mm512_test_epi64_mask(_mm512_castpd_si512(z), _mm512_set1_epi64(1));
    __m512d above = _mm512_mask_sub_pd(s, odd, _mm512_setzero_pd(), c);
    rounded_vector y = round_normal(_mm512_div_pd(above, _mm512_mask_mov_pd(c, odd, s)), 0x1000);
    y.in_doubt |= _mm256_cmp_ps_mask(abs_ps(x), _mm256_set1_ps(TRIG_LIMIT_F32), _CMP_GT_OQ);
    return y;
}

/* atan(q)/q, |q| < 1/8, in q^2, degree 4: 2^-42. */
static inline __m512d atan_of_small(__m512d q) {
    __m512d z = _mm512_mul_pd(q, q);
    static const double c[] = {0x1.ffffffffffa64p-1, -0x1.5555554c8e405p-2, 0x1.9999766898c4fp-3,
                               -0x1.24798f4bf0a07p-3, 0x1.b8e0c5d815e93p-4};
    return _mm512_mul_pd(poly_pd(z, 4, c), q);
}

#define VECTOR_atan_f32 1
static inline rounded_vector vector_atan_f32(__m256 x) {
    __m512d v = _mm512_cvtps_pd(x), a = _mm512_min_pd(_mm512_set1_pd(0x1p60), _mm512_abs_pd(v));
    __m512i index = atan_index_f64(_mm512_min_pd(a, _mm512_set1_pd(8.0)));
    __m512d sine = lookup_f64(atan_sine_f64, index), cosine = lookup_f64(atan_cosine_f64, index);
    __m512d q = _mm512_div_pd(_mm512_fmsub_pd(a, cosine, sine), _mm512_fmadd_pd(a, sine, cosine));
    __m512d y = _mm512_add_pd(lookup_f64(atan_angle_f64, index), atan_of_small(q));
    return round_normal(with_sign_f64(y, v), 0x2000);
}

#define VECTOR_atan2_f32 1
static inline rounded_vector vector_atan2_f32(__m256 y, __m256 x) {
    __m512d v = _mm512_cvtps_pd(y), u = _mm512_cvtps_pd(x);
    __m512d ay = _mm512_abs_pd(v), ax = _mm512_abs_pd(u), larger = _mm512_max_pd(ay, ax);
    __mmask8 special = _mm512_fpclass_pd_mask(larger, CLASS_ZERO | CLASS_INFINITY | CLASS_NAN) |
                       _mm512_cmp_pd_mask(ay, ax, _CMP_UNORD_Q);
    if (UNLIKELY(special)) {
        atan2_scale_f64(&ay, &ax, larger);
    }
    __m512d ratio = _mm512_mul_pd(ay, _mm512_rcp14_pd(ax));
    __m512i index = atan_index_f64(_mm512_min_pd(ratio, _mm512_set1_pd(8.0)));
    __m512d sine = lookup_f64(atan_sine_f64, index), cosine = lookup_f64(atan_cosine_f64, index);
    __m512d above = _mm512_fnmadd_pd(ax, sine, _mm512_mul_pd(ay, cosine));
    __m512d below = _mm512_fmadd_pd(ay, sine, _mm512_mul_pd(ax, cosine));
    __m512d angle = lookup_f64(atan_angle_f64, index);
    angle = _mm512_add_pd(angle, atan_of_small(_mm512_div_pd(above, below)));
    __mmask8 left = _mm512_movepi64_mask(_mm512_castpd_si512(u));
    angle = _mm512_mask_sub_pd(angle, left, _mm512_set1_pd(2.0 * HALF_PI), angle);
    return round_any(with_sign_f64(angle, v), 0x2000);
}

/* As in math_f32.h. */
static inline __m512d asin_part(__m512d a, __mmask8 small) {
    const __m512d half = _mm512_set1_pd(0.5);
    __m512d h = _mm512_fnmadd_pd(half, a, half);
    __m512d z = _mm512_mask_mul_pd(h, small, a, a);
    __m512d b = _mm512_mask_mov_pd(root_pd(_mm512_max_pd(_mm512_set1_pd(0x1p-400), h)), small, a);
    static const double c[] = {0x1.0000000001029p0,  0x1.55555541520aap-3,  0x1.3333437d8fe71p-4,
                               0x1.6db1c501f6c41p-5, 0x1.f291a9adf937cp-6,  0x1.65c9311562f45p-6,
                               0x1.5443f67c78babp-6, 0x1.bdb96ba61b30cp-10, 0x1.0fc3bff5a17e9p-5};
    return _mm512_mul_pd(poly_pd(z, 8, c), b);
}

static inline rounded_vector nan_outside(__m512d y, __m512d a, long long reach) {
    __mmask8 outside = _mm512_cmp_pd_mask(a, _mm512_set1_pd(1.0), _CMP_NLE_UQ);
    if (UNLIKELY(outside)) {
        y = _mm512_mask_mov_pd(y, outside, _mm512_set1_pd(__builtin_nan("")));
    }
    return round_normal(y, reach);
}

#define VECTOR_asin_f32 1
static inline rounded_vector vector_asin_f32(__m256 x) {
    __m512d v = _mm512_cvtps_pd(x), a = _mm512_abs_pd(v);
    __mmask8 small = _mm512_cmp_pd_mask(a, _mm512_set1_pd(0.5), _CMP_LE_OQ);
    __m512d part = asin_part(a, small);
    __m512d y = _mm512_fnmadd_pd(_mm512_set1_pd(2.0), part, _mm512_set1_pd(HALF_PI));
    return nan_outside(with_sign_f64(_mm512_mask_mov_pd(y, small, part), v), a, 0x8000);
}

#define VECTOR_acos_f32 1
static inline rounded_vector vector_acos_f32(__m256 x) {
    __m512d v = _mm512_cvtps_pd(x), a = _mm512_abs_pd(v);
    __mmask8 small = _mm512_cmp_pd_mask(a, _mm512_set1_pd(0.5), _CMP_LE_OQ);
    __mmask8 minus = _mm512_movepi64_mask(_mm512_castpd_si512(v));
    __m512d part = with_sign_f64(asin_part(a, small), v);
    __m512d from = _mm512_maskz_mov_pd(minus, _mm512_set1_pd(2.0 * HALF_PI));
    from = _mm512_mask_mov_pd(from, small, _mm512_set1_pd(HALF_PI));
    __m512d times = _mm512_mask_mov_pd(_mm512_set1_pd(2.0), small, _mm512_set1_pd(-1.0));
    return nan_outside(_mm512_fmadd_pd(times, part, from), a, 0x8000);
}

#endif
