/* math_avx512_f64.h: the functions of float64 of math_avx512.h, which includes this. */
#ifndef PT_MATH_AVX512_F64_H
#define PT_MATH_AVX512_F64_H

#include "math_avx512.h"

/* -------------------------------------------------------------------------------- exponentials */

/* 2^(i/16) */
/* clang-format off */
static const double exp2_high_f64[16] = {0x1p0, 0x1.0b5586cf9890fp0, 0x1.172b83c7d517bp0,
    0x1.2387a6e756238p0, 0x1.306fe0a31b715p0, 0x1.3dea64c123422p0, 0x1.4bfdad5362a27p0,
    0x1.5ab07dd485429p0, 0x1.6a09e667f3bcdp0, 0x1.7a11473eb0187p0, 0x1.8ace5422aa0dbp0,
    0x1.9c49182a3f09p0, 0x1.ae89f995ad3adp0, 0x1.c199bdd85529cp0, 0x1.d5818dcfba487p0,
    0x1.ea4afa2a490dap0};
static const double exp2_low_f64[16] = {0, 0x1.8a62e4adc610bp-54, -0x1.19041b9d78a76p-55,
    0x1.9b07eb6c70573p-54, 0x1.6f46ad23182e4p-55, 0x1.ada0911f09ebcp-55, 0x1.d4397afec42e2p-56,
    0x1.6324c054647adp-54, -0x1.bdd3413b26456p-54, -0x1.41577ee04992fp-55, 0x1.6e9f156864b27p-54,
    0x1.c7c46b071f2bep-56, 0x1.7a1cd345dcc81p-54, 0x1.11065895048ddp-55, 0x1.2ed02d75b3707p-55,
    -0x1.e9c23179c2893p-54};
/* clang-format on */

/* x = n ln 2 + r, n a multiple of 1/16, whose four bits after the point are the low bits of z.
 * x - n LN_2 is exact: a multiple of 2^-57 below 2^-5. (e^r - 1 - r - r^2/2)/r^3 for |r| < 0.0217,
 * degree 4: 2^-63 of the result. The bounds: e^710 is infinite, e^-746 zero. */
#define VECTOR_exp_f64 1
static inline __m512d vector_exp_f64(__m512d x) {
    const __m512d round = _mm512_set1_pd(0x1.8p48), half = _mm512_set1_pd(0.5);
    /* These two return their second operand if it is NaN. */
    __m512d v = _mm512_min_pd(_mm512_set1_pd(710.0), _mm512_max_pd(_mm512_set1_pd(-746.0), x));
    __m512d z = _mm512_fmadd_pd(v, _mm512_set1_pd(LOG2_E), round), n = _mm512_sub_pd(z, round);
    __m512d r = _mm512_fnmadd_pd(n, _mm512_set1_pd(LN_2), v);
    r = _mm512_fnmadd_pd(n, _mm512_set1_pd(LN_2_LO), r);
    __m512d square = _mm512_mul_pd(r, r);
    __m512d even = _mm512_fmadd_pd(_mm512_set1_pd(0x1.a01b3ac3bed66p-13), square,
                                   _mm512_set1_pd(0x1.11111110ca928p-7));
    __m512d odd = _mm512_fmadd_pd(_mm512_set1_pd(0x1.6c17bc396a10ap-10), square,
                                  _mm512_set1_pd(0x1.5555555518ddbp-5));
    even = _mm512_fmadd_pd(even, square, _mm512_set1_pd(0x1.5555555555556p-3));
    __m512d p = _mm512_fmadd_pd(_mm512_fmadd_pd(odd, r, even), r, half);
    p = _mm512_fmadd_pd(p, square, r);
    __m512i index = _mm512_castpd_si512(z);
    __m512d exact = lookup_f64(exp2_high_f64, index);
    p = _mm512_add_pd(exact, _mm512_fmadd_pd(exact, p, lookup_f64(exp2_low_f64, index)));
    return _mm512_scalef_pd(p, n); /* by 2^floor(n) */
}

/* e^v = (s + s_low) (1 + u + u_low) 2^floor(n), as in vector_exp_f64; |v| < 750. */
typedef struct {
    __m512d n, s, s_low, u, u_low;
} exp_split_f64;

static inline exp_split_f64 split_exp_f64(__m512d v) {
    const __m512d round = _mm512_set1_pd(0x1.8p48), ln_2_low = _mm512_set1_pd(LN_2_LO);
    __m512d z = _mm512_fmadd_pd(v, _mm512_set1_pd(LOG2_E), round), n = _mm512_sub_pd(z, round);
    __m512d r_high = _mm512_fnmadd_pd(n, _mm512_set1_pd(LN_2), v);
    __m512d r = _mm512_fnmadd_pd(n, ln_2_low, r_high);
    __m512d r_low = _mm512_fnmadd_pd(n, ln_2_low, _mm512_sub_pd(r_high, r));
    __m512d square = _mm512_mul_pd(r, r);
    __m512d even = _mm512_fmadd_pd(_mm512_set1_pd(0x1.a01b3ac3bed66p-13), square,
                                   _mm512_set1_pd(0x1.11111110ca928p-7));
    __m512d odd = _mm512_fmadd_pd(_mm512_set1_pd(0x1.6c17bc396a10ap-10), square,
                                  _mm512_set1_pd(0x1.5555555518ddbp-5));
    even = _mm512_fmadd_pd(even, square, _mm512_set1_pd(0x1.5555555555556p-3));
    __m512d p = _mm512_fmadd_pd(_mm512_fmadd_pd(odd, r, even), r, _mm512_set1_pd(0.5));
    p = _mm512_fmadd_pd(p, square, r_low);
    __m512d u = _mm512_add_pd(r, p);
    __m512i index = _mm512_castpd_si512(z);
    return (exp_split_f64){n, lookup_f64(exp2_high_f64, index), lookup_f64(exp2_low_f64, index), u,
                           _mm512_sub_pd(p, _mm512_sub_pd(u, r))};
}

/* (above + above_low) / (below + below_low), 1 <= below <= 2. The quotient's remainder is divided by
 * a line that is within 9 % of below. */
static inline __m512d quotient_f64(__m512d above, __m512d above_low, __m512d below,
                                   __m512d below_low) {
    __m512d q = _mm512_div_pd(above, below);
    __m512d rest = _mm512_add_pd(_mm512_fnmadd_pd(q, below, above), above_low);
    __m512d inverse = _mm512_fnmadd_pd(_mm512_set1_pd(0.5), below, _mm512_set1_pd(1.4571));
    return _mm512_fmadd_pd(_mm512_fnmadd_pd(q, below_low, rest), inverse, q);
}

/* As vector_sigmoid_f32. e^-746 counts as zero. */
#define VECTOR_sigmoid_f64 1
static inline __m512d vector_sigmoid_f64(__m512d x) {
    const __m512d one = _mm512_set1_pd(1.0), minus_zero = _mm512_set1_pd(-0.0);
    __m512d v =
        _mm512_max_pd(_mm512_set1_pd(-746.0), _mm512_or_pd(x, minus_zero)); /* -|x|, or NaN */
    exp_split_f64 f = split_exp_f64(v);
    __m512d e = _mm512_fmadd_pd(f.s, f.u, f.s);
    __m512d e_low = _mm512_fmadd_pd(f.s, f.u, _mm512_sub_pd(f.s, e));
    e_low = _mm512_add_pd(e_low, _mm512_fmadd_pd(f.s, f.u_low, f.s_low));
    __m512d t = _mm512_scalef_pd(e, f.n), t_low = _mm512_scalef_pd(e_low, f.n);
    __m512d below = _mm512_add_pd(one, t);
    __m512d below_low = _mm512_add_pd(_mm512_sub_pd(t, _mm512_sub_pd(below, one)), t_low);
    __mmask8 negative = _mm512_cmp_pd_mask(x, _mm512_setzero_pd(), _CMP_LT_OQ);
    __m512d q = quotient_f64(_mm512_mask_mov_pd(one, negative, e),
                             _mm512_maskz_mov_pd(negative, e_low), below, below_low);
    return _mm512_mask_scalef_pd(q, negative, q, f.n);
}

/* tanh |x| = m / (2 - m), m = 1 - e^(-2|x|). With s + s_low times 2^floor(n) in place of s + s_low, m
 * is (1 - s) - s u and what is lost there; for small |x|, s is 1 and m exactly -u - u_low. At 40
 * tanh is 1. */
#define VECTOR_tanh_f64 1
static inline __m512d vector_tanh_f64(__m512d x) {
    const __m512d one = _mm512_set1_pd(1.0), two = _mm512_set1_pd(2.0);
    __m512d v = _mm512_or_pd(_mm512_add_pd(x, x), _mm512_set1_pd(-0.0));
    exp_split_f64 f = split_exp_f64(_mm512_max_pd(_mm512_set1_pd(-80.0), v)); /* NaN stays */
    __m512d s = _mm512_scalef_pd(f.s, f.n), s_low = _mm512_scalef_pd(f.s_low, f.n);
    __m512d a = _mm512_sub_pd(one, s), b = _mm512_fnmadd_pd(s, f.u, a);
    __m512d lost = _mm512_sub_pd(_mm512_sub_pd(one, a), s);
    lost = _mm512_add_pd(lost, _mm512_fnmadd_pd(s, f.u, _mm512_sub_pd(a, b)));
    lost = _mm512_sub_pd(lost, _mm512_fmadd_pd(s, f.u_low, s_low));
    __m512d m = _mm512_add_pd(b, lost), m_low = _mm512_sub_pd(lost, _mm512_sub_pd(m, b));
    __m512d below = _mm512_sub_pd(two, m);
    __m512d below_low = _mm512_sub_pd(_mm512_sub_pd(_mm512_sub_pd(two, below), m), m_low);
    return with_sign_f64(quotient_f64(m, m_low, below, below_low), x);
}

/* ---------------------------------------------------------------------------------- logarithms */

/* x = 2^k m, 1 - 17/64 <= m < 2 - 17/32, for x > 0, normal. Counted from the lower bound, the first
 * four bits of the mantissa number 16 intervals; number 8, around 1, is [1 - 1/64, 1 + 1/32). */
typedef struct {
    __m512d k, m;
    __m512i index;
} log_split_f64;

static inline log_split_f64 split_normal_f64(__m512d x) {
    const __m512i lowest = _mm512_set1_epi64(0x3fe7800000000000); /* 1 - 17/64 */
    const __m512i exponent_bits = _mm512_set1_epi64((long long)0xfff0000000000000);
    __m512i bits = _mm512_castpd_si512(x), u = _mm512_sub_epi64(bits, lowest);
    __m512i m = _mm512_sub_epi64(bits, _mm512_and_si512(u, exponent_bits));
    return (log_split_f64){_mm512_cvtepi64_pd(_mm512_srai_epi64(u, 52)), _mm512_castsi512_pd(m),
                           _mm512_srli_epi64(u, 48)};
}

/* |x|, which may be subnormal. */
static inline log_split_f64 split_any_f64(__m512d x) {
    __mmask8 subnormal = _mm512_fpclass_pd_mask(x, CLASS_SUBNORMAL);
    __m512d a = _mm512_abs_pd(x);
    log_split_f64 s = split_normal_f64(_mm512_mask_mul_pd(a, subnormal, a, _mm512_set1_pd(0x1p54)));
    s.k = _mm512_mask_sub_pd(s.k, subnormal, s.k, _mm512_set1_pd(54.0));
    return s;
}

/* About 1/m for each interval, with so few bits that r = m inverse - 1 is exact; |r| < 0.0342, and
 * below 1/32 around 1. */
/* clang-format off */
static const double inverse_f64[16] = {0x1.58p0, 0x1.48p0, 0x1.38p0, 0x1.3p0, 0x1.28p0, 0x1.18p0,
    0x1.1p0, 0x1.08p0, 0x1p0, 0x1.ep-1, 0x1.c8p-1, 0x1.bp-1, 0x1.98p-1, 0x1.88p-1, 0x1.7p-1,
    0x1.6p-1};
/* clang-format on */

/* log_b x = k step + (-log_b inverse) + scale r + scale (log(1 + r) - r), for the base b: step is
 * log_b 2, scale 1/ln b, high and low are -log_b inverse. The sum of k step and high is exact.
 * quotient: scale (log(1 + r) - r)/r^2, |r| < 0.0342, degree 8: 2^-60 of the logarithm. */
typedef struct {
    double step, step_low, scale, scale_low, quotient[9], high[16], low[16];
} log_base_f64;

/* clang-format off */
static const log_base_f64 base_e_f64 = {
    0x1.62e42fefa38p-1, 0x1.ef35793c7673p-45, 1.0, 0.0,
    {-0x1p-1, 0x1.55555555554e9p-2, -0x1.ffffffffffd9fp-3, 0x1.9999999bf38a7p-3,
     -0x1.555555597f12ep-3, 0x1.24922ce64d236p-3, -0x1.ffffb53b5c87p-4, 0x1.c817c07a4ccbep-4,
     -0x1.9aa7c6d3d955bp-4},
    .high = {-0x1.2e8e2bae12p-2, -0x1.fb9186d5e4p-3, -0x1.9525a9cf46p-3, -0x1.5ff3070a7ap-3,
        -0x1.29552f82p-3, -0x1.6f0d28ae58p-4, -0x1.f0a30c0118p-5, -0x1.f829b0e78p-6, 0,
        0x1.08598b59e4p-4, 0x1.da72763844p-4, 0x1.5bf406b544p-3, 0x1.d1037f2656p-3,
        0x1.1178e8227ep-2, 0x1.522ae0738ap-2, 0x1.7fafa3bd81p-2},
    .low = {0x1.67b1e99b72bd8p-45, 0x1.d572aab993c87p-47, 0x1.297137d9f158fp-44,
        0x1.8586f183bebf2p-44, 0x1.5b967f4471dfcp-44, 0x1.4b4641b664613p-44, 0x1.d599e83368e91p-45,
        -0x1.980267c7e09e4p-45, 0, -0x1.7e5dd7009902cp-46, 0x1.a89401fa71733p-46,
        -0x1.27023eb68981cp-46, -0x1.84a7e75b6f6e4p-47, 0x1.1ef78ce2d07f2p-44,
        0x1.ebe708164c759p-45, 0x1.46fb79bf6d4cbp-44},
};

static const log_base_f64 base_2_f64 = {
    1.0, 0.0, 0x1.71547652b82fep0, 0x1.777d0ffda0d24p-56,
    {-0x1.71547652b82fep-1, 0x1.ec709dc3a0362p-2, -0x1.71547652b8971p-2, 0x1.2776c510aae92p-2,
     -0x1.ec709dbd5c5b7p-3, 0x1.a61739f499287p-3, -0x1.715477089902cp-3, 0x1.490046bff6dbfp-3,
     -0x1.27e88cf16b5eap-3},
    .high = {-0x1.b47ebf7388p-2, -0x1.6e221cd9d1p-2, -0x1.24407ab0ep-2, -0x1.fbc16b9026p-3,
        -0x1.acf5e2db4ep-3, -0x1.08c588cda8p-3, -0x1.663f6fac9p-4, -0x1.6bad3758fp-5, 0,
        0x1.7d60496cfcp-4, 0x1.563dc29ffap-3, 0x1.f5fd8a9064p-3, 0x1.4f6fbb2cecp-2,
        0x1.8a8980abfcp-2, 0x1.e7df5fe539p-2, 0x1.14c560fe688p-1},
    .low = {-0x1.50520a377c7ecp-45, 0x1.90d43956fa5d8p-45, -0x1.ce60916e52e91p-44,
        -0x1.0144751b3314fp-44, -0x1.927dfc23d978p-44, 0x1.871a7610e40bdp-45,
        -0x1.3167ccc538261p-44, 0x1.3c6764fc87b4ap-48, 0, -0x1.2ce6312ebb81dp-46,
        0x1.964190e41bca7p-44, -0x1.cb6f70109b0f1p-47, 0x1.661e393a16b95p-44, -0x1.66cccab240e9p-45,
        -0x1.532c412ba94dbp-44, 0x1.7c407050799bfp-44},
};

static const log_base_f64 base_10_f64 = {
    0x1.34413509f78p-2, 0x1.fef311f12b358p-46, 0x1.bcb7b1526e50ep-2, 0x1.95355baaafad3p-57,
    {-0x1.bcb7b1526e50ep-3, 0x1.287a7636f4301p-3, -0x1.bcb7b1526f49cp-4, 0x1.63c627772f24ep-4,
     -0x1.287a762d545e2p-4, 0x1.fc3f750d5c7f8p-5, -0x1.bcb7e64bee3edp-5, 0x1.8c282c88e15d4p-5,
     -0x1.6401ccb4e52edp-5},
    .high = {-0x1.06cbd67a6cp-3, -0x1.b8de4d3ab4p-4, -0x1.5fe80488bp-4, -0x1.31b3055c48p-4,
        -0x1.02428c1f08p-4, -0x1.3ed1199a6p-5, -0x1.af5f92b01p-6, -0x1.b5e908eb1p-7, 0,
        0x1.cb38fccd88p-6, 0x1.9c197abfp-5, 0x1.2e3a740b78p-4, 0x1.93e7de0fc4p-4, 0x1.db11ed766ap-4,
        0x1.25ba8215afp-3, 0x1.4d43f8275ap-3},
    .low = {-0x1.db2a2c6287ecp-46, 0x1.340511b402e0ap-47, 0x1.606adb567e739p-45,
        0x1.dcffc97be8c9cp-45, -0x1.5ea6bc2bc8c2cp-52, 0x1.bdafc8ad828b8p-45, 0x1.9f05921f59258p-46,
        -0x1.bc807cba7f8dap-46, 0, 0x1.fedb4b594a31bp-45, 0x1.badcf3d6e4566p-46,
        0x1.d288560689912p-53, -0x1.80743406505e6p-48, 0x1.7e865b8783768p-45, 0x1.ff081a4e81f0bp-45,
        0x1.20ca9a2bcc728p-45},
};
/* clang-format on */

/* The logarithm of 2^k (1 + r + r_low) / inverse. */
static inline __m512d log_sum_f64(__m512d k, __m512d r, __m512d r_low, __m512i index,
                                  const log_base_f64 *base) {
    const double *q = base->quotient;
    __m512d scale = _mm512_set1_pd(base->scale);
    __m512d sum = _mm512_fmadd_pd(k, _mm512_set1_pd(base->step), lookup_f64(base->high, index));
    __m512d low = _mm512_fmadd_pd(k, _mm512_set1_pd(base->step_low), lookup_f64(base->low, index));
    low = _mm512_add_pd(low, r_low);
    /* sum + scale r, and exactly what its rounding lost: sum is 0 or more than twice scale r. */
    __m512d high = _mm512_fmadd_pd(r, scale, sum);
    __m512d lost = _mm512_fmadd_pd(r, scale, _mm512_sub_pd(sum, high));
    /* Two chains, as in math_common.h. */
    __m512d square = _mm512_mul_pd(r, r);
    __m512d even = _mm512_fmadd_pd(_mm512_set1_pd(q[8]), square, _mm512_set1_pd(q[6]));
    __m512d odd = _mm512_fmadd_pd(_mm512_set1_pd(q[7]), square, _mm512_set1_pd(q[5]));
    even = _mm512_fmadd_pd(even, square, _mm512_set1_pd(q[4]));
    odd = _mm512_fmadd_pd(odd, square, _mm512_set1_pd(q[3]));
    even = _mm512_fmadd_pd(even, square, _mm512_set1_pd(q[2]));
    odd = _mm512_fmadd_pd(odd, square, _mm512_set1_pd(q[1]));
    even = _mm512_fmadd_pd(even, square, _mm512_set1_pd(q[0]));
    __m512d p = _mm512_fmadd_pd(odd, r, even);
    p = _mm512_fmadd_pd(p, r, _mm512_set1_pd(base->scale_low));
    low = _mm512_add_pd(low, _mm512_fmadd_pd(p, r, lost));
    return _mm512_add_pd(high, low);
}

/* Annex F for x that are not positive and normal. */
static inline __m512d log_special_vector_f64(__m512d x, __m512d log_x) {
    __mmask8 zero = _mm512_fpclass_pd_mask(x, CLASS_ZERO);
    __mmask8 minus = _mm512_fpclass_pd_mask(x, CLASS_MINUS);
    __mmask8 itself = _mm512_fpclass_pd_mask(x, CLASS_PLUS_INFINITY | CLASS_NAN);
    log_x = _mm512_mask_mov_pd(log_x, zero, _mm512_set1_pd(-__builtin_inf()));
    log_x = _mm512_mask_mov_pd(log_x, minus, _mm512_set1_pd(__builtin_nan("")));
    return _mm512_mask_mov_pd(log_x, itself, x);
}

static inline __m512d log_in_base_f64(__m512d x, const log_base_f64 *base) {
    __mmask8 special = _mm512_fpclass_pd_mask(x, CLASS_NOT_POSITIVE_NORMAL);
    log_split_f64 s = split_normal_f64(x);
    if (UNLIKELY(special)) {
        s = split_any_f64(x);
    }
    __m512d r = _mm512_fmsub_pd(s.m, lookup_f64(inverse_f64, s.index), _mm512_set1_pd(1.0));
    __m512d y = log_sum_f64(s.k, r, _mm512_setzero_pd(), s.index, base);
    return UNLIKELY(special) ? log_special_vector_f64(x, y) : y;
}

#define VECTOR_log_f64 1
static inline __m512d vector_log_f64(__m512d x) { return log_in_base_f64(x, &base_e_f64); }

#define VECTOR_log2_f64 1
static inline __m512d vector_log2_f64(__m512d x) { return log_in_base_f64(x, &base_2_f64); }

#define VECTOR_log10_f64 1
static inline __m512d vector_log10_f64(__m512d x) { return log_in_base_f64(x, &base_10_f64); }

/* The logarithm of u + u_low = 1 + x. Where 1 + x needs no scaling, r + r_low is x itself. */
#define VECTOR_log1p_f64 1
static inline __m512d vector_log1p_f64(__m512d x) {
    const __m512d one = _mm512_set1_pd(1.0);
    __m512d u = _mm512_add_pd(one, x), t = _mm512_sub_pd(u, one);
    __m512d u_low = _mm512_add_pd(_mm512_sub_pd(one, _mm512_sub_pd(u, t)), _mm512_sub_pd(x, t));
    __mmask8 special = _mm512_fpclass_pd_mask(u, CLASS_NOT_POSITIVE_NORMAL);
    log_split_f64 s = split_normal_f64(u);
    __m512d inverse = lookup_f64(inverse_f64, s.index);
    __m512d r_high = _mm512_fmsub_pd(s.m, inverse, one);
    /* u_low / 2^k: for k = 1024, 2^-k alone is subnormal. */
    __m512d r_low =
        _mm512_scalef_pd(_mm512_mul_pd(u_low, inverse), _mm512_sub_pd(_mm512_setzero_pd(), s.k));
    __m512d r = _mm512_add_pd(r_high, r_low);
    r_low = _mm512_add_pd(_mm512_sub_pd(r_high, r), r_low);
    __m512d y = log_sum_f64(s.k, r, r_low, s.index, &base_e_f64);
    if (UNLIKELY(special)) {
        y = log_special_vector_f64(u, y);
    }
    return with_sign_f64(y, x); /* log1p(-0.0) is -0.0 */
}

/* --------------------------------------------------------------------------------------- power */

/* Beyond it, powers of two are 0 or infinite. */
#define POW_LIMIT_F64 1100.0

static inline __m512d pow_special_f64(__m512d e, __m512d x, __m512d y, __m512d w) {
    const __m512d infinity = _mm512_set1_pd(__builtin_inf()), zero = _mm512_setzero_pd();
    const __m512d limit = _mm512_set1_pd(POW_LIMIT_F64), sign = _mm512_set1_pd(-0.0);
    e = _mm512_mask_mov_pd(e, _mm512_cmp_pd_mask(w, limit, _CMP_GT_OQ), infinity);
    e = _mm512_mask_mov_pd(e, _mm512_cmp_pd_mask(w, _mm512_sub_pd(zero, limit), _CMP_LT_OQ), zero);
    __mmask8 x_zero = _mm512_fpclass_pd_mask(x, CLASS_ZERO);
    __mmask8 x_infinite = _mm512_fpclass_pd_mask(x, CLASS_INFINITY);
    __mmask8 y_minus = _mm512_fpclass_pd_mask(y, CLASS_MINUS);
    __m512d beyond = _mm512_maskz_mov_pd((__mmask8) ~(x_zero ^ y_minus), infinity);
    e = _mm512_mask_mov_pd(e, x_zero | x_infinite, beyond);
    e = _mm512_mask_add_pd(e, _mm512_cmp_pd_mask(x, y, _CMP_UNORD_Q), x, y);
    __m512d half = _mm512_mul_pd(y, _mm512_set1_pd(0.5)), one = _mm512_set1_pd(1.0);
    __mmask8 is_one = _mm512_cmp_pd_mask(y, zero, _CMP_EQ_OQ) |
                      _mm512_cmp_pd_mask(_mm512_abs_pd(x), one, _CMP_EQ_OQ);
    e = _mm512_mask_mov_pd(e, is_one, one);
    __mmask8 is_integer =
        _mm512_cmp_pd_mask(_mm512_roundscale_pd(y, NEAREST_INTEGER), y, _CMP_EQ_OQ);
    __mmask8 is_odd = is_integer & _mm512_cmp_pd_mask(_mm512_roundscale_pd(half, NEAREST_INTEGER),
                                                      half, _CMP_NEQ_OQ);
    __mmask8 x_minus = _mm512_fpclass_pd_mask(x, CLASS_MINUS);
    e = _mm512_mask_mov_pd(e, x_minus & (__mmask8) ~(x_infinite | is_integer),
                           _mm512_set1_pd(__builtin_nan("")));
    return _mm512_mask_or_pd(e, is_odd, e, _mm512_and_pd(x, sign));
}

/* As vector_pow_f32; log2 |x| to 2^-64.5 of it, |w| < 1075. The terms to r^2 are kept in full. */
#define VECTOR_pow_f64 1
static inline __m512d vector_pow_f64(__m512d x, __m512d y) {
    const __m512d scale = _mm512_set1_pd(base_2_f64.scale), half = _mm512_set1_pd(0.5);
    __mmask8 special = _mm512_fpclass_pd_mask(x, CLASS_NOT_POSITIVE_NORMAL);
    log_split_f64 s = split_normal_f64(x);
    if (UNLIKELY(special)) {
        s = split_any_f64(x);
    }
    __m512d r = _mm512_fmsub_pd(s.m, lookup_f64(inverse_f64, s.index), _mm512_set1_pd(1.0));
    __m512d sum = _mm512_add_pd(s.k, lookup_f64(base_2_f64.high, s.index));
    /* (log(1 + r) - r + r^2/2)/r^3 for |r| < 0.0342, degree 9: 2^-68 of the logarithm. */
    __m512d square = _mm512_mul_pd(r, r), square_low = _mm512_fmsub_pd(r, r, square);
    __m512d even = _mm512_fmadd_pd(_mm512_set1_pd(0x1.741d320542bcbp-4), square,
                                   _mm512_set1_pd(0x1.c71cfe0ee7d3fp-4));
    __m512d odd = _mm512_fmadd_pd(_mm512_set1_pd(-0x1.5652e1da37aa8p-4), square,
                                  _mm512_set1_pd(-0x1.99994b434dfb8p-4));
    even = _mm512_fmadd_pd(even, square, _mm512_set1_pd(0x1.249249112da84p-3));
    odd = _mm512_fmadd_pd(odd, square, _mm512_set1_pd(-0x1.0000000507118p-3));
    even = _mm512_fmadd_pd(even, square, _mm512_set1_pd(0x1.999999999b5d5p-3));
    odd = _mm512_fmadd_pd(odd, square, _mm512_set1_pd(-0x1.55555555551d2p-3));
    even = _mm512_fmadd_pd(even, square, _mm512_set1_pd(0x1.5555555555555p-2));
    odd = _mm512_fmadd_pd(odd, square, _mm512_set1_pd(-0x1p-2));
    __m512d p = _mm512_fmadd_pd(odd, r, even);
    /* log(1 + r) = a + a_low */
    __m512d a = _mm512_fnmadd_pd(half, square, r);
    __m512d a_low = _mm512_fnmadd_pd(half, square, _mm512_sub_pd(r, a));
    a_low = _mm512_fnmadd_pd(half, square_low, a_low);
    a_low = _mm512_fmadd_pd(_mm512_mul_pd(r, square), p, a_low);
    __m512d high = _mm512_fmadd_pd(a, scale, sum);
    __m512d lost = _mm512_fmadd_pd(a, scale, _mm512_sub_pd(sum, high));
    __m512d low = _mm512_fmadd_pd(a, _mm512_set1_pd(base_2_f64.scale_low),
                                  lookup_f64(base_2_f64.low, s.index));
    low = _mm512_add_pd(low, _mm512_fmadd_pd(a_low, scale, lost));
    sum = _mm512_add_pd(high, low);
    low = _mm512_sub_pd(low, _mm512_sub_pd(sum, high));
    __m512d w = _mm512_mul_pd(y, sum);
    __m512d w_low = _mm512_fmadd_pd(y, low, _mm512_fmsub_pd(y, sum, w));
    /* w = n + t, n a multiple of 1/16, whose four bits after the point are the low bits of z.
     * (2^t - 1)/t for |t| <= 1/32, degree 6: 2^-62 of the power. */
    const __m512d round = _mm512_set1_pd(0x1.8p48);
    __m512d z = _mm512_add_pd(w, round), n = _mm512_sub_pd(z, round);
    __m512d t = _mm512_add_pd(_mm512_sub_pd(w, n), w_low), t2 = _mm512_mul_pd(t, t);
    even = _mm512_fmadd_pd(_mm512_set1_pd(0x1.03b6cfdea7f19p-16), t2,
                           _mm512_set1_pd(0x1.5d87f7cb1bdd7p-10));
    odd = _mm512_fmadd_pd(_mm512_set1_pd(0x1.430a4dfc0ac93p-13), t2,
                          _mm512_set1_pd(0x1.3b2ab6fb0353dp-7));
    even = _mm512_fmadd_pd(even, t2, _mm512_set1_pd(0x1.c6b08d7050ba4p-5));
    odd = _mm512_fmadd_pd(odd, t2, _mm512_set1_pd(0x1.ebfbdff82c594p-3));
    even = _mm512_fmadd_pd(even, t2, _mm512_set1_pd(0x1.62e42fefa39efp-1));
    __m512d e = _mm512_mul_pd(_mm512_fmadd_pd(odd, t, even), t);
    __m512i index = _mm512_castpd_si512(z);
    __m512d exact = lookup_f64(exp2_high_f64, index);
    e = _mm512_add_pd(exact, _mm512_fmadd_pd(exact, e, lookup_f64(exp2_low_f64, index)));
    e = _mm512_scalef_pd(e, n); /* by 2^floor(n) */
    special |= _mm512_cmp_pd_mask(_mm512_abs_pd(w), _mm512_set1_pd(POW_LIMIT_F64), _CMP_NLE_UQ);
    return UNLIKELY(special) ? pow_special_f64(e, x, y, w) : e;
}

/* ------------------------------------------------------------------------------------- tangent */

/* sin(i pi/16) and cos(i pi/16) */
/* clang-format off */
static const double sin_high[16] = {0, 0x1.8f8b83c69a60bp-3, 0x1.87de2a6aea963p-2,
    0x1.1c73b39ae68c8p-1, 0x1.6a09e667f3bcdp-1, 0x1.a9b66290ea1a3p-1, 0x1.d906bcf328d46p-1,
    0x1.f6297cff75cbp-1, 0x1p0, 0x1.f6297cff75cbp-1, 0x1.d906bcf328d46p-1, 0x1.a9b66290ea1a3p-1,
    0x1.6a09e667f3bcdp-1, 0x1.1c73b39ae68c8p-1, 0x1.87de2a6aea963p-2, 0x1.8f8b83c69a60bp-3};
static const double sin_low[16] = {0, -0x1.26d19b9ff8d82p-57, -0x1.72cedd3d5a61p-57,
    0x1.b25dd267f66p-55, -0x1.bdd3413b26456p-55, 0x1.9f630e8b6dac8p-60, 0x1.457e610231ac2p-56,
    0x1.562172a361fd3p-56, 0, 0x1.562172a361fd3p-56, 0x1.457e610231ac2p-56, 0x1.9f630e8b6dac8p-60,
    -0x1.bdd3413b26456p-55, 0x1.b25dd267f66p-55, -0x1.72cedd3d5a61p-57, -0x1.26d19b9ff8d82p-57};
static const double cos_high[16] = {0x1p0, 0x1.f6297cff75cbp-1, 0x1.d906bcf328d46p-1,
    0x1.a9b66290ea1a3p-1, 0x1.6a09e667f3bcdp-1, 0x1.1c73b39ae68c8p-1, 0x1.87de2a6aea963p-2,
    0x1.8f8b83c69a60bp-3, 0, -0x1.8f8b83c69a60bp-3, -0x1.87de2a6aea963p-2, -0x1.1c73b39ae68c8p-1,
    -0x1.6a09e667f3bcdp-1, -0x1.a9b66290ea1a3p-1, -0x1.d906bcf328d46p-1, -0x1.f6297cff75cbp-1};
static const double cos_low[16] = {0, 0x1.562172a361fd3p-56, 0x1.457e610231ac2p-56,
    0x1.9f630e8b6dac8p-60, -0x1.bdd3413b26456p-55, 0x1.b25dd267f66p-55, -0x1.72cedd3d5a61p-57,
    -0x1.26d19b9ff8d82p-57, 0, 0x1.26d19b9ff8d82p-57, 0x1.72cedd3d5a61p-57, -0x1.b25dd267f66p-55,
    0x1.bdd3413b26456p-55, -0x1.9f630e8b6dac8p-60, -0x1.457e610231ac2p-56, -0x1.562172a361fd3p-56};
/* clang-format on */

/* x = n pi/16 + r + r_low: the tangent of the sum with t = tan r is
 * (sin + t cos) / (cos - t sin) of n pi/16, both as pairs; of the low parts of the tables only what
 * counts. The reduction is that of trig_reduce in math_f64.h. */
#define VECTOR_tan_f64 1
static inline __m512d vector_tan_f64(__m512d x) {
    const __m512d round = _mm512_set1_pd(ROUND_64), b = _mm512_set1_pd(0.125 * HALF_PI_B);
    __m512d z = _mm512_fmadd_pd(x, _mm512_set1_pd(0x1.45f306dc9c883p2), round);
    __m512d n = _mm512_sub_pd(z, round);
    __m512d r_a = _mm512_fnmadd_pd(n, _mm512_set1_pd(0.125 * HALF_PI_A), x);
    __m512d r = _mm512_fnmadd_pd(n, b, r_a);
    __m512d r_low = _mm512_fnmadd_pd(n, b, _mm512_sub_pd(r_a, r));
    r_low = _mm512_fnmadd_pd(n, _mm512_set1_pd(0.125 * HALF_PI_C), r_low);
    /* (tan(r)/r - 1)/r^2 in r^2 for |r| <= pi/32, degree 4: 2^-57. */
    __m512d square = _mm512_mul_pd(r, r);
    __m512d p = _mm512_fmadd_pd(_mm512_set1_pd(0x1.25491c161c225p-7), square,
                                _mm512_set1_pd(0x1.664c31a204854p-6));
    p = _mm512_fmadd_pd(p, square, _mm512_set1_pd(0x1.ba1ba317122f2p-5));
    p = _mm512_fmadd_pd(p, square, _mm512_set1_pd(0x1.11111110f61fep-3));
    p = _mm512_fmadd_pd(p, square, _mm512_set1_pd(0x1.555555555556p-2));
    __m512d tail = _mm512_fmadd_pd(_mm512_mul_pd(r, square), p, r_low);
    __m512d t = _mm512_add_pd(r, tail), t_low = _mm512_sub_pd(tail, _mm512_sub_pd(t, r));
    __m512i index = _mm512_castpd_si512(z);
    __m512d s = lookup_f64(sin_high, index), s_low = lookup_f64(sin_low, index);
    __m512d o = lookup_f64(cos_high, index), o_low = lookup_f64(cos_low, index);
    __m512d above = _mm512_fmadd_pd(o, t, s), below = _mm512_fnmadd_pd(s, t, o);
    __m512d above_low = _mm512_fmadd_pd(o, t_low, s_low);
    __m512d below_low = _mm512_fnmadd_pd(s, t_low, o_low);
    above_low = _mm512_add_pd(_mm512_fmadd_pd(o, t, _mm512_sub_pd(s, above)), above_low);
    below_low = _mm512_add_pd(_mm512_fnmadd_pd(s, t, _mm512_sub_pd(o, below)), below_low);
    __m512d inverse = _mm512_div_pd(_mm512_set1_pd(1.0), below);
    __m512d q = _mm512_mul_pd(above, inverse);
    __m512d rest = _mm512_add_pd(_mm512_fnmadd_pd(q, below, above), above_low);
    rest = _mm512_fnmadd_pd(q, below_low, rest);
    __m512d y = _mm512_fmadd_pd(rest, inverse, q);
    const __m512d limit = _mm512_set1_pd(TRIG_LIMIT_F64);
    __mmask8 large = _mm512_cmp_pd_mask(_mm512_abs_pd(x), limit, _CMP_GT_OQ);
    __mmask8 zero = _mm512_fpclass_pd_mask(x, CLASS_ZERO);
    if (UNLIKELY(large | zero)) {
        y = _mm512_mask_mov_pd(y, zero, x);
        y = large ? each_lane_f64(tan_f64_slow, x, y, large) : y;
    }
    return y;
}

/* ------------------------------------------------------------------------- inverse tangents */

/* As for float32, with 16 intervals: [0, 1/16), halves of binades up to 8, the rest; |q| < 1/8, and
 * where the angle is not 0, |q| is less than a quarter of the result. The angles are doubles to
 * 2^-62. (atan(q)/q - 1)/q^2 in q^2, degree 5: 2^-58.7 of q. */
/* clang-format off */
static const double atan_sine_f64[16] = {0, 0x1.3fec20499aacp-4, 0x1.bfe4566cb1406p-4,
    0x1.3fb1faabbf873p-3, 0x1.bf9535a9653c2p-3, 0x1.3edd6983a7224p-2, 0x1.be89019b51dcdp-2,
    0x1.3c6ef372fe8bp-1, 0x1.bc0e249480c13p-1, 0x1.3845118db58fdp0, 0x1.b9224dab8d6b2p0,
    0x1.3504f333f9e4cp1, 0x1.b78f34fc55e8ep1, 0x1.33b6101db3b22p2, 0x1.b70b2ceac5044p2, 0x1p0};
static const double atan_cosine_f64[16] = {0x1p0, 0x1p0, 0x1p0, 0x1p0, 0x1p0, 0x1p0, 0x1p0, 0x1p0,
    0x1p0, 0x1p0, 0x1p0, 0x1p0, 0x1p0, 0x1p0, 0x1p0, 0x1.1a62633145c07p-54};
static const double atan_angle_f64[16] = {0, 0x1.3f46300ccb7e3p-4, 0x1.be1e9605790b7p-4,
    0x1.3d22c4c923b59p-3, 0x1.b8a78a27d6da8p-3, 0x1.351ea1f3d8e6ap-2, 0x1.a514023a34db4p-2,
    0x1.1b6e192ebbdd1p-1, 0x1.6dcc57bb565dep-1, 0x1.c4a8393631162p-1, 0x1.0b833be165d16p0,
    0x1.2d97c7f3321fp0, 0x1.49952004c911bp0, 0x1.5da0a7c6d9b55p0, 0x1.6d114072b01dep0,
    0x1.921fb54442d18p0};
/* clang-format on */

/* ratio: about y / x, at most 8. */
static inline __m512i atan_index_f64(__m512d ratio) {
    __m512i index = _mm512_srli_epi64(_mm512_castpd_si512(ratio), 51); /* 2^-4: 1019 halves */
    index = _mm512_sub_epi64(index, _mm512_set1_epi64(2 * 1019 - 1));
    return _mm512_max_epi64(index, _mm512_setzero_si512());
}

static inline __m512d atan_of_small_f64(__m512d q, __m512d q_low) {
    __m512d z = _mm512_mul_pd(q, q);
    __m512d z2 = _mm512_mul_pd(z, z);
    __m512d even = _mm512_fmadd_pd(_mm512_set1_pd(-0x1.740ebfba1374ep-4), z2,
                                   _mm512_set1_pd(-0x1.2492489691063p-3));
    __m512d odd = _mm512_fmadd_pd(_mm512_set1_pd(0x1.2c997385f2b3p-4), z2,
                                  _mm512_set1_pd(0x1.c71ba034f191cp-4));
    even = _mm512_fmadd_pd(even, z2, _mm512_set1_pd(-0x1.55555555554c2p-2));
    odd = _mm512_fmadd_pd(odd, z2, _mm512_set1_pd(0x1.9999999941057p-3));
    __m512d p = _mm512_fmadd_pd(odd, z, even);
    return _mm512_add_pd(q, _mm512_fmadd_pd(_mm512_mul_pd(q, z), p, q_low));
}

#define VECTOR_atan_f64 1
static inline __m512d vector_atan_f64(__m512d x) {
    __m512d a = _mm512_min_pd(_mm512_set1_pd(0x1p60), _mm512_abs_pd(x)); /* NaN stays */
    __m512i index = atan_index_f64(_mm512_min_pd(a, _mm512_set1_pd(8.0)));
    __m512d sine = lookup_f64(atan_sine_f64, index);
    __m512d cosine = lookup_f64(atan_cosine_f64, index);
    __m512d q = _mm512_div_pd(_mm512_fmsub_pd(a, cosine, sine), _mm512_fmadd_pd(a, sine, cosine));
    __m512d rest = atan_of_small_f64(q, _mm512_setzero_pd());
    return with_sign_f64(_mm512_add_pd(lookup_f64(atan_angle_f64, index), rest), x);
}

#define ATAN2_LOW_F64 0x1p-900
#define ATAN2_HIGH_F64 0x1p1000

/* |y| and |x| brought between those bounds, as far as it matters, in the lanes where the larger is
 * beyond: zeros become (0, 1), infinities 1 and 0 or both 1. */
static inline void atan2_scale_f64(__m512d *y, __m512d *x, __m512d larger) {
    const __m512d one = _mm512_set1_pd(1.0), zero = _mm512_setzero_pd();
    __mmask8 low = _mm512_cmp_pd_mask(larger, _mm512_set1_pd(ATAN2_LOW_F64), _CMP_LT_OQ);
    __mmask8 high = _mm512_cmp_pd_mask(larger, _mm512_set1_pd(ATAN2_HIGH_F64), _CMP_GT_OQ);
    __mmask8 none = _mm512_cmp_pd_mask(larger, zero, _CMP_EQ_OQ);
    __mmask8 y_infinite = _mm512_fpclass_pd_mask(*y, CLASS_INFINITY);
    __mmask8 x_infinite = _mm512_fpclass_pd_mask(*x, CLASS_INFINITY);
    *y = _mm512_mask_mul_pd(*y, low, *y, _mm512_set1_pd(0x1p700));
    *x = _mm512_mask_mul_pd(*x, low, *x, _mm512_set1_pd(0x1p700));
    *y = _mm512_mask_mul_pd(*y, high, *y, _mm512_set1_pd(0x1p-10));
    *x = _mm512_mask_mul_pd(*x, high, *x, _mm512_set1_pd(0x1p-10));
    __mmask8 nan = _mm512_cmp_pd_mask(*y, *x, _CMP_UNORD_Q);
    __mmask8 infinite = (y_infinite | x_infinite) & (__mmask8)~nan;
    *y = _mm512_mask_mov_pd(*y, infinite, _mm512_maskz_mov_pd(y_infinite, one));
    *x = _mm512_mask_mov_pd(*x, infinite, _mm512_maskz_mov_pd(x_infinite, one));
    *x = _mm512_mask_mov_pd(*x, none, one);
}

/* For x < 0 pi minus the angle, pi as a pair. */
#define VECTOR_atan2_f64 1
static inline __m512d vector_atan2_f64(__m512d y, __m512d x) {
    const __m512d pi = _mm512_set1_pd(2.0 * HALF_PI);
    const __m512d pi_low = _mm512_set1_pd(2.0 * HALF_PI_LO);
    __m512d ay = _mm512_abs_pd(y), ax = _mm512_abs_pd(x), larger = _mm512_max_pd(ay, ax);
    __mmask8 special = _mm512_cmp_pd_mask(larger, _mm512_set1_pd(ATAN2_LOW_F64), _CMP_NGE_UQ) |
                       _mm512_cmp_pd_mask(larger, _mm512_set1_pd(ATAN2_HIGH_F64), _CMP_NLE_UQ);
    if (UNLIKELY(special)) {
        atan2_scale_f64(&ay, &ax, larger);
    }
    __m512d ratio = _mm512_mul_pd(ay, _mm512_rcp14_pd(ax));
    __m512i index = atan_index_f64(_mm512_min_pd(ratio, _mm512_set1_pd(8.0)));
    __m512d sine = lookup_f64(atan_sine_f64, index);
    __m512d cosine = lookup_f64(atan_cosine_f64, index);
    __m512d above = _mm512_fnmadd_pd(ax, sine, _mm512_mul_pd(ay, cosine));
    __m512d below = _mm512_fmadd_pd(ay, sine, _mm512_mul_pd(ax, cosine));
    /* Where the angle is 0, the quotient's rounding would count for a whole ULP. */
    __m512d q = _mm512_div_pd(above, below);
    __m512d q_low = _mm512_mul_pd(_mm512_fnmadd_pd(q, below, above), _mm512_rcp14_pd(below));
    __m512d angle = lookup_f64(atan_angle_f64, index), rest = atan_of_small_f64(q, q_low);
    __mmask8 left = _mm512_movepi64_mask(_mm512_castpd_si512(x));
    __m512d turned = _mm512_sub_pd(pi, angle);
    __m512d lost = _mm512_add_pd(_mm512_sub_pd(_mm512_sub_pd(pi, turned), angle), pi_low);
    rest = _mm512_mask_sub_pd(rest, left, lost, rest);
    angle = _mm512_mask_mov_pd(angle, left, turned);
    return with_sign_f64(_mm512_add_pd(angle, rest), y);
}

/* ----------------------------------------------------------------------- hyperbolic functions */

/* As for float32, with i 2^48 in the tables; up and down are doubles to 2^-59. (cosh(r) - 1)/r^2 in
 * r^2 for |r| < 0.0217, degree 2: 2^-66; (sinh(r) - r)/r^3 in r^2 for |r| < 1/8, degree 3: 2^-57.9 of
 * the whole. */
/* clang-format off */
static const double hyperbolic_shift_f64[16] = {0, -0x1.5b4p-31, -0x1.e2p-35, 0x1.1e4p-30,
    -0x1.504p-32, -0x1.837p-30, -0x1.ap-37, -0x1.3p-30, 0x1.fff7ap-21, 0x1.3p-30, 0x1.ap-37,
    0x1.837p-30, 0x1.504p-32, -0x1.1e4p-30, 0x1.e2p-35, 0x1.5b4p-31};
static const double hyperbolic_up_f64[16] = {0x1p-2, 0x1.fb5586ccc3517p-3, 0x1.f72b83c79363bp-3,
    0x1.f387a6ec6e0d4p-3, 0x1.f06fe0a18b926p-3, 0x1.edea64b99eb07p-3, 0x1.ebfdad5351c69p-3,
    0x1.eab07dce167c4p-3, 0x1.ea09fd083417bp-3, 0x1.ea114745b3ea8p-3, 0x1.eace5422be1a3p-3,
    0x1.ec491833fee48p-3, 0x1.ee89f997e2bb9p-3, 0x1.f199bdd07a412p-3, 0x1.f5818dd028c83p-3,
    0x1.fa4afa2f7b2ap-3};
static const double hyperbolic_down_f64[16] = {0x1p-2, 0x1.fa4afa2f7b2ap-3, 0x1.f5818dd028c83p-3,
    0x1.f199bdd07a412p-3, 0x1.ee89f997e2bb9p-3, 0x1.ec491833fee48p-3, 0x1.eace5422be1a3p-3,
    0x1.ea114745b3ea8p-3, 0x1.ea09cfc7b4cbep-3, 0x1.eab07dce167c4p-3, 0x1.ebfdad5351c69p-3,
    0x1.edea64b99eb07p-3, 0x1.f06fe0a18b926p-3, 0x1.f387a6ec6e0d4p-3, 0x1.f72b83c79363bp-3,
    0x1.fb5586ccc3517p-3};
/* clang-format on */

typedef struct {
    __m512d up, down, cosh_tail, sinh; /* of r */
} hyperbolic_split_f64;

/* In the lanes small n is 0. */
static inline hyperbolic_split_f64 split_hyperbolic_f64(__m512d a, __mmask8 small) {
    const __m512d round = _mm512_set1_pd(0x1.8p48);
    __m512d v = _mm512_min_pd(_mm512_set1_pd(710.6), a); /* infinite by then; NaN stays */
    __m512d z = _mm512_fmadd_pd(v, _mm512_set1_pd(LOG2_E), round);
    z = _mm512_mask_mov_pd(z, small, round);
    __m512d n = _mm512_sub_pd(z, round);
    __m512i index = _mm512_castpd_si512(z);
    __m512d r = _mm512_fnmadd_pd(n, _mm512_set1_pd(LN_2), v);
    r = _mm512_sub_pd(r, lookup_f64(hyperbolic_shift_f64, index));
    r = _mm512_fnmadd_pd(n, _mm512_set1_pd(LN_2_LO), r);
    __m512d q = _mm512_mul_pd(r, r);
    __m512d c = _mm512_fmadd_pd(_mm512_set1_pd(0x1.6c183e368b79ap-10), q,
                                _mm512_set1_pd(0x1.5555555484834p-5));
    __m512d s = _mm512_fmadd_pd(_mm512_set1_pd(0x1.71f07309e7921p-19), q,
                                _mm512_set1_pd(0x1.a01a0118c69b3p-13));
    c = _mm512_fmadd_pd(c, q, _mm512_set1_pd(0x1.0000000000004p-1));
    s = _mm512_fmadd_pd(s, q, _mm512_set1_pd(0x1.1111111112986p-7));
    s = _mm512_fmadd_pd(s, q, _mm512_set1_pd(0x1.5555555555555p-3));
    __m512i up = _mm512_castpd_si512(lookup_f64(hyperbolic_up_f64, index));
    __m512i down = _mm512_castpd_si512(lookup_f64(hyperbolic_down_f64, index));
    __m512i scale = _mm512_slli_epi64(index, 48), zero = _mm512_setzero_si512();
    return (hyperbolic_split_f64){
        _mm512_castsi512_pd(_mm512_add_epi64(up, scale)),
        _mm512_castsi512_pd(_mm512_max_epi64(_mm512_sub_epi64(down, scale), zero)),
        _mm512_mul_pd(q, c), _mm512_fmadd_pd(_mm512_mul_pd(r, q), s, r)};
}

/* Below 1/8 the result is sinh r. From 1/8 on, r is less than a fifth of it. */
#define VECTOR_sinh_f64 1
static inline __m512d vector_sinh_f64(__m512d x) {
    __m512d a = _mm512_abs_pd(x);
    __mmask8 small = _mm512_cmp_pd_mask(a, _mm512_set1_pd(0.125), _CMP_LT_OQ);
    hyperbolic_split_f64 h = split_hyperbolic_f64(a, small);
    __m512d c = _mm512_add_pd(h.up, h.down), s = _mm512_sub_pd(h.up, h.down);
    __m512d s_low = _mm512_sub_pd(_mm512_sub_pd(h.up, s), h.down);
    __m512d tail = _mm512_fmadd_pd(c, h.sinh, _mm512_fmadd_pd(s, h.cosh_tail, s_low));
    __m512d y = _mm512_add_pd(s, tail);
    return with_sign_f64(_mm512_mask_mov_pd(_mm512_add_pd(y, y), small, h.sinh), x);
}

#define VECTOR_cosh_f64 1
static inline __m512d vector_cosh_f64(__m512d x) {
    hyperbolic_split_f64 h = split_hyperbolic_f64(_mm512_abs_pd(x), 0);
    __m512d c = _mm512_add_pd(h.up, h.down), s = _mm512_sub_pd(h.up, h.down);
    __m512d c_low = _mm512_add_pd(_mm512_sub_pd(h.up, c), h.down);
    __m512d tail = _mm512_fmadd_pd(s, h.sinh, _mm512_fmadd_pd(c, h.cosh_tail, c_low));
    __m512d y = _mm512_add_pd(c, tail);
    return _mm512_add_pd(y, y);
}

/* The table's inverse for u, times 2^-k: about 1 / u. */
static inline __m512d log_inverse_f64(__m512d u, log_split_f64 s) {
    __m512i exponent = _mm512_sub_epi64(_mm512_castpd_si512(u), _mm512_castpd_si512(s.m));
    __m512i inverse = _mm512_castpd_si512(lookup_f64(inverse_f64, s.index));
    return _mm512_castsi512_pd(_mm512_sub_epi64(inverse, exponent));
}

/* log(u + u_low), exact relative to u + u_low - 1 where that is small, for 1/2 <= u < 2^100; in the
 * lanes large, of 2^61 times the number. */
static inline __m512d log_pair_f64(__m512d u, __m512d u_low, __mmask8 large) {
    const __m512d one = _mm512_set1_pd(1.0);
    log_split_f64 s = split_normal_f64(u);
    __m512d inverse = log_inverse_f64(u, s);
    __m512d r_high = _mm512_fmsub_pd(u, inverse, one), r_low = _mm512_mul_pd(u_low, inverse);
    __m512d r = _mm512_add_pd(r_high, r_low);
    r_low = _mm512_add_pd(_mm512_sub_pd(r_high, r), r_low);
    if (UNLIKELY(large)) {
        s.k = _mm512_mask_add_pd(s.k, large, s.k, _mm512_set1_pd(61.0));
    }
    return log_sum_f64(s.k, r, r_low, s.index, &base_e_f64);
}

/* sqrt(v + v_low) - its rounding w. */
static inline __m512d sqrt_low_f64(__m512d v, __m512d v_low, __m512d w) {
    __m512d inverse = _mm512_rcp14_pd(w);
    inverse = _mm512_mul_pd(inverse, _mm512_fnmadd_pd(w, inverse, _mm512_set1_pd(2.0)));
    __m512d half_inverse = _mm512_mul_pd(_mm512_set1_pd(0.5), inverse);
    return _mm512_mul_pd(_mm512_add_pd(_mm512_fnmadd_pd(w, w, v), v_low), half_inverse);
}

/* asinh |x| = log(|x| + sqrt(x^2 + 1)), both as pairs. Below 2^-20 it is |x| - |x|^3/6; from
 * 2^60 on log(2 |x|). */
#define VECTOR_asinh_f64 1
static inline __m512d vector_asinh_f64(__m512d x) {
    const __m512d one = _mm512_set1_pd(1.0);
    __m512d a = _mm512_abs_pd(x);
    __m512d v = _mm512_fmadd_pd(a, a, one);
    __m512d v_low = _mm512_fmadd_pd(a, a, _mm512_sub_pd(one, v));
    __m512d w = _mm512_sqrt_pd(v), w_low = sqrt_low_f64(v, v_low, w);
    __m512d u = _mm512_add_pd(w, a);
    __m512d u_low = _mm512_add_pd(_mm512_sub_pd(a, _mm512_sub_pd(u, w)), w_low);
    __mmask8 special = _mm512_cmp_pd_mask(a, _mm512_set1_pd(0x1p60), _CMP_NLT_UQ);
    if (UNLIKELY(special)) {
        u = _mm512_mask_mul_pd(u, special, a, _mm512_set1_pd(0x1p-60));
        u_low = _mm512_maskz_mov_pd((__mmask8)~special, u_low);
    }
    __m512d y = log_pair_f64(u, u_low, special);
    if (UNLIKELY(special)) {
        y = _mm512_mask_mov_pd(y, _mm512_fpclass_pd_mask(a, CLASS_INFINITY | CLASS_NAN), a);
    }
    __mmask8 small = _mm512_cmp_pd_mask(a, _mm512_set1_pd(0x1p-20), _CMP_LT_OQ);
    __m512d sixth = _mm512_mul_pd(_mm512_mul_pd(a, a), _mm512_set1_pd(0x1.5555555555555p-3));
    return with_sign_f64(_mm512_mask_mov_pd(y, small, _mm512_fnmadd_pd(sixth, a, a)), x);
}

/* log(x + sqrt(x^2 - 1)), likewise. */
#define VECTOR_acosh_f64 1
static inline __m512d vector_acosh_f64(__m512d x) {
    const __m512d one = _mm512_set1_pd(1.0);
    __m512d v = _mm512_fmsub_pd(x, x, one);
    /* Not the square root of 0: its inverse is multiplied. */
    v = _mm512_max_pd(v, _mm512_set1_pd(0x1p-80));
    __m512d w = _mm512_sqrt_pd(v), w_low = sqrt_low_f64(v, _mm512_setzero_pd(), w);
    __m512d u = _mm512_add_pd(x, w);
    __m512d u_low = _mm512_add_pd(_mm512_sub_pd(w, _mm512_sub_pd(u, x)), w_low);
    __mmask8 special = _mm512_cmp_pd_mask(x, one, _CMP_NGT_UQ) |
                       _mm512_cmp_pd_mask(x, _mm512_set1_pd(0x1p60), _CMP_GE_OQ);
    if (UNLIKELY(special)) {
        u = _mm512_mask_mul_pd(u, special, x, _mm512_set1_pd(0x1p-60));
        u_low = _mm512_maskz_mov_pd((__mmask8)~special, u_low);
    }
    __m512d y = log_pair_f64(u, u_low, special);
    if (UNLIKELY(special)) {
        y = _mm512_maskz_mov_pd(_mm512_cmp_pd_mask(x, one, _CMP_NEQ_UQ), y);
        y = _mm512_mask_mov_pd(y, _mm512_cmp_pd_mask(x, one, _CMP_NGE_UQ),
                               _mm512_set1_pd(__builtin_nan("")));
        y = _mm512_mask_mov_pd(y, _mm512_fpclass_pd_mask(x, CLASS_PLUS_INFINITY), x);
    }
    return y;
}

/* As for float32, log((1 + |x|) / (1 - |x|)) / 2 for all |x|; the dividend and what the division
 * loses come as pairs. */
#define VECTOR_atanh_f64 1
static inline __m512d vector_atanh_f64(__m512d x) {
    const __m512d one = _mm512_set1_pd(1.0);
    __m512d a = _mm512_abs_pd(x), below = _mm512_sub_pd(one, a);
    __m512d below_low = _mm512_sub_pd(_mm512_sub_pd(one, below), a);
    __m512d inverse_below = _mm512_rcp14_pd(below);
    __m512d about = _mm512_mul_pd(_mm512_add_pd(one, a), inverse_below);
    log_split_f64 s = split_normal_f64(about);
    __m512d c = log_inverse_f64(about, s);
    __mmask8 small = _mm512_cmp_pd_mask(a, _mm512_set1_pd(0.5), _CMP_LT_OQ);
    __m512d factor = _mm512_mask_add_pd(c, small, c, one);
    __m512d rest = _mm512_sub_pd(c, _mm512_mask_mov_pd(below, small, one));
    __m512d product = _mm512_mul_pd(a, factor), above = _mm512_add_pd(rest, product);
    __m512d above_low = _mm512_add_pd(_mm512_sub_pd(rest, above), product);
    above_low = _mm512_add_pd(above_low, _mm512_fmsub_pd(a, factor, product));
    __m512d r = _mm512_div_pd(above, below);
    __m512d r_low = _mm512_fnmadd_pd(r, below_low, above_low);
    r_low = _mm512_add_pd(_mm512_fnmadd_pd(r, below, above), r_low);
    r_low = _mm512_mul_pd(r_low, inverse_below);
    __m512d y = log_sum_f64(s.k, r, r_low, s.index, &base_e_f64);
    y = _mm512_mul_pd(y, _mm512_set1_pd(0.5));
    __mmask8 special = _mm512_cmp_pd_mask(a, one, _CMP_NLT_UQ);
    if (UNLIKELY(special)) {
        y = _mm512_mask_mov_pd(y, special, _mm512_set1_pd(__builtin_nan("")));
        y = _mm512_mask_mov_pd(y, _mm512_cmp_pd_mask(a, one, _CMP_EQ_OQ),
                               _mm512_set1_pd(__builtin_inf()));
    }
    return with_sign_f64(y, x);
}

#endif
