/* math_vector_f64.h: the functions of float64 of math_vector.h, which includes this. */
#ifndef PT_MATH_VECTOR_F64_H
#define PT_MATH_VECTOR_F64_H

#include "math_vector.h"

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
static inline vector_f64 vector_exp_f64(vector_f64 x) {
    const vector_f64 round = v_set1(0x1.8p48), half = v_set1(0.5);
    /* These two return their second operand if it is NaN. */
    vector_f64 v = v_min(v_set1(710.0), v_max(v_set1(-746.0), x));
    vector_f64 z = v_fmadd(v, v_set1(LOG2_E), round), n = v_sub(z, round);
    vector_f64 r = v_fnmadd(n, v_set1(LN_2), v);
    r = v_fnmadd(n, v_set1(LN_2_LO), r);
    vector_f64 square = v_mul(r, r);
    vector_f64 even = v_fmadd(v_set1(0x1.a01b3ac3bed66p-13), square, v_set1(0x1.11111110ca928p-7));
    vector_f64 odd = v_fmadd(v_set1(0x1.6c17bc396a10ap-10), square, v_set1(0x1.5555555518ddbp-5));
    even = v_fmadd(even, square, v_set1(0x1.5555555555556p-3));
    vector_f64 p = v_fmadd(v_fmadd(odd, r, even), r, half);
    p = v_fmadd(p, square, r);
    vector_i64 index = v_bits(z);
    vector_f64 exact = lookup_f64(exp2_high_f64, index);
    p = v_add(exact, v_fmadd(exact, p, lookup_f64(exp2_low_f64, index)));
    return v_scalef(p, n); /* by 2^floor(n) */
}

/* e^v = (s + s_low) (1 + u + u_low) 2^floor(n), as in vector_exp_f64; |v| < 750. */
typedef struct {
    vector_f64 n, s, s_low, u, u_low;
} exp_split_f64;

static inline exp_split_f64 split_exp_f64(vector_f64 v) {
    const vector_f64 round = v_set1(0x1.8p48), ln_2_low = v_set1(LN_2_LO);
    vector_f64 z = v_fmadd(v, v_set1(LOG2_E), round), n = v_sub(z, round);
    vector_f64 r_high = v_fnmadd(n, v_set1(LN_2), v);
    vector_f64 r = v_fnmadd(n, ln_2_low, r_high);
    vector_f64 r_low = v_fnmadd(n, ln_2_low, v_sub(r_high, r));
    vector_f64 square = v_mul(r, r);
    vector_f64 even = v_fmadd(v_set1(0x1.a01b3ac3bed66p-13), square, v_set1(0x1.11111110ca928p-7));
    vector_f64 odd = v_fmadd(v_set1(0x1.6c17bc396a10ap-10), square, v_set1(0x1.5555555518ddbp-5));
    even = v_fmadd(even, square, v_set1(0x1.5555555555556p-3));
    vector_f64 p = v_fmadd(v_fmadd(odd, r, even), r, v_set1(0.5));
    p = v_fmadd(p, square, r_low);
    vector_f64 u = v_add(r, p);
    vector_i64 index = v_bits(z);
    return (exp_split_f64){n, lookup_f64(exp2_high_f64, index), lookup_f64(exp2_low_f64, index), u,
                           v_sub(p, v_sub(u, r))};
}

/* (above + above_low) / (below + below_low), 1 <= below <= 2. The quotient's remainder is divided by
 * a line that is within 9 % of below. */
static inline vector_f64 quotient_f64(vector_f64 above, vector_f64 above_low, vector_f64 below,
                                      vector_f64 below_low) {
    vector_f64 q = v_div(above, below);
    vector_f64 rest = v_add(v_fnmadd(q, below, above), above_low);
    vector_f64 inverse = v_fnmadd(v_set1(0.5), below, v_set1(1.4571));
    return v_fmadd(v_fnmadd(q, below_low, rest), inverse, q);
}

/* 1/(1 + e^-x), with t + t_low = e^-|x|: 1/(1 + t + t_low), or for negative x the same times e^x,
 * whose power of 2 comes last, so that nothing is lost below 2^-1022. e^-746 counts as zero. v is
 * -|x|, or NaN. */
#define VECTOR_sigmoid_f64 1
static inline vector_f64 vector_sigmoid_f64(vector_f64 x) {
    const vector_f64 one = v_set1(1.0), minus_zero = v_set1(-0.0);
    vector_f64 v = v_max(v_set1(-746.0), v_or(x, minus_zero)); /* -|x|, or NaN */
    exp_split_f64 f = split_exp_f64(v);
    vector_f64 e = v_fmadd(f.s, f.u, f.s);
    vector_f64 e_low = v_fmadd(f.s, f.u, v_sub(f.s, e));
    e_low = v_add(e_low, v_fmadd(f.s, f.u_low, f.s_low));
    vector_f64 t = v_scalef(e, f.n), t_low = v_scalef(e_low, f.n);
    vector_f64 below = v_add(one, t);
    vector_f64 below_low = v_add(v_sub(t, v_sub(below, one)), t_low);
    mask_f64 negative = v_compare(x, v_setzero(), LT);
    vector_f64 q =
        quotient_f64(v_mask_mov(one, negative, e), v_maskz_mov(negative, e_low), below, below_low);
    return v_mask_scalef(q, negative, q, f.n);
}

/* tanh |x| = m / (2 - m), m = 1 - e^(-2|x|). With s + s_low times 2^floor(n) in place of s + s_low, m
 * is (1 - s) - s u and what is lost there; for small |x|, s is 1 and m exactly -u - u_low. At 40
 * tanh is 1. */
#define VECTOR_tanh_f64 1
static inline vector_f64 vector_tanh_f64(vector_f64 x) {
    const vector_f64 one = v_set1(1.0), two = v_set1(2.0);
    vector_f64 v = v_or(v_add(x, x), v_set1(-0.0));
    exp_split_f64 f = split_exp_f64(v_max(v_set1(-80.0), v)); /* NaN stays */
    vector_f64 s = v_scalef(f.s, f.n), s_low = v_scalef(f.s_low, f.n);
    vector_f64 a = v_sub(one, s), b = v_fnmadd(s, f.u, a);
    vector_f64 lost = v_sub(v_sub(one, a), s);
    lost = v_add(lost, v_fnmadd(s, f.u, v_sub(a, b)));
    lost = v_sub(lost, v_fmadd(s, f.u_low, s_low));
    vector_f64 m = v_add(b, lost), m_low = v_sub(lost, v_sub(m, b));
    vector_f64 below = v_sub(two, m);
    vector_f64 below_low = v_sub(v_sub(v_sub(two, below), m), m_low);
    return with_sign_f64(quotient_f64(m, m_low, below, below_low), x);
}

/* ---------------------------------------------------------------------------------- logarithms */

/* x = 2^k m, 1 - 17/64 <= m < 2 - 17/32, for x > 0, normal. Counted from the lower bound, the first
 * four bits of the mantissa number 16 intervals; number 8, around 1, is [1 - 1/64, 1 + 1/32). */
typedef struct {
    vector_f64 k, m;
    vector_i64 index;
} log_split_f64;

static inline log_split_f64 split_normal_f64(vector_f64 x) {
    const vector_i64 lowest = v_set1_bits(0x3fe7800000000000); /* 1 - 17/64 */
    const vector_i64 exponent_bits = v_set1_bits((long long)0xfff0000000000000);
    vector_i64 bits = v_bits(x), u = v_sub_bits(bits, lowest);
    vector_i64 m = v_sub_bits(bits, v_and_bits(u, exponent_bits));
    return (log_split_f64){v_exponent(u), v_from_bits(m), v_srli_bits(u, 48)};
}

/* |x|, which may be subnormal. */
static inline log_split_f64 split_any_f64(vector_f64 x) {
    mask_f64 subnormal = v_class(x, CLASS_SUBNORMAL);
    vector_f64 a = v_abs(x);
    log_split_f64 s = split_normal_f64(v_mask_mul(a, subnormal, a, v_set1(0x1p54)));
    s.k = v_mask_sub(s.k, subnormal, s.k, v_set1(54.0));
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
static inline vector_f64 log_sum_f64(vector_f64 k, vector_f64 r, vector_f64 r_low, vector_i64 index,
                                     const log_base_f64 *base) {
    const double *q = base->quotient;
    vector_f64 scale = v_set1(base->scale);
    vector_f64 sum = v_fmadd(k, v_set1(base->step), lookup_f64(base->high, index));
    vector_f64 low = v_fmadd(k, v_set1(base->step_low), lookup_f64(base->low, index));
    low = v_add(low, r_low);
    /* sum + scale r, and exactly what its rounding lost: sum is 0 or more than twice scale r. */
    vector_f64 high = v_fmadd(r, scale, sum);
    vector_f64 lost = v_fmadd(r, scale, v_sub(sum, high));
    /* Two chains, as in math_common.h. */
    vector_f64 square = v_mul(r, r);
    vector_f64 even = v_fmadd(v_set1(q[8]), square, v_set1(q[6]));
    vector_f64 odd = v_fmadd(v_set1(q[7]), square, v_set1(q[5]));
    even = v_fmadd(even, square, v_set1(q[4]));
    odd = v_fmadd(odd, square, v_set1(q[3]));
    even = v_fmadd(even, square, v_set1(q[2]));
    odd = v_fmadd(odd, square, v_set1(q[1]));
    even = v_fmadd(even, square, v_set1(q[0]));
    vector_f64 p = v_fmadd(odd, r, even);
    p = v_fmadd(p, r, v_set1(base->scale_low));
    low = v_add(low, v_fmadd(p, r, lost));
    return v_add(high, low);
}

/* Annex F for x that are not positive and normal. */
static inline vector_f64 log_special_vector_f64(vector_f64 x, vector_f64 log_x) {
    mask_f64 zero = v_class(x, CLASS_ZERO);
    mask_f64 minus = v_class(x, CLASS_MINUS);
    mask_f64 itself = v_class(x, CLASS_PLUS_INFINITY | CLASS_NAN);
    log_x = v_mask_mov(log_x, zero, v_set1(-__builtin_inf()));
    log_x = v_mask_mov(log_x, minus, v_set1(__builtin_nan("")));
    return v_mask_mov(log_x, itself, x);
}

static inline vector_f64 log_in_base_f64(vector_f64 x, const log_base_f64 *base) {
    mask_f64 special = v_class(x, CLASS_NOT_POSITIVE_NORMAL);
    log_split_f64 s = split_normal_f64(x);
    if (UNLIKELY(any(special))) {
        s = split_any_f64(x);
    }
    vector_f64 r = v_fmsub(s.m, lookup_f64(inverse_f64, s.index), v_set1(1.0));
    vector_f64 y = log_sum_f64(s.k, r, v_setzero(), s.index, base);
    return UNLIKELY(any(special)) ? log_special_vector_f64(x, y) : y;
}

#define VECTOR_log_f64 1
static inline vector_f64 vector_log_f64(vector_f64 x) { return log_in_base_f64(x, &base_e_f64); }

#define VECTOR_log2_f64 1
static inline vector_f64 vector_log2_f64(vector_f64 x) { return log_in_base_f64(x, &base_2_f64); }

#define VECTOR_log10_f64 1
static inline vector_f64 vector_log10_f64(vector_f64 x) { return log_in_base_f64(x, &base_10_f64); }

/* The logarithm of u + u_low = 1 + x. Where 1 + x needs no scaling, r + r_low is x itself. */
#define VECTOR_log1p_f64 1
static inline vector_f64 vector_log1p_f64(vector_f64 x) {
    const vector_f64 one = v_set1(1.0);
    vector_f64 u = v_add(one, x), t = v_sub(u, one);
    vector_f64 u_low = v_add(v_sub(one, v_sub(u, t)), v_sub(x, t));
    mask_f64 special = v_class(u, CLASS_NOT_POSITIVE_NORMAL);
    log_split_f64 s = split_normal_f64(u);
    vector_f64 inverse = lookup_f64(inverse_f64, s.index);
    vector_f64 r_high = v_fmsub(s.m, inverse, one);
    /* u_low / 2^k: for k = 1024, 2^-k alone is subnormal. */
    vector_f64 r_low = v_scalef(v_mul(u_low, inverse), v_sub(v_setzero(), s.k));
    vector_f64 r = v_add(r_high, r_low);
    r_low = v_add(v_sub(r_high, r), r_low);
    vector_f64 y = log_sum_f64(s.k, r, r_low, s.index, &base_e_f64);
    if (UNLIKELY(any(special))) {
        y = log_special_vector_f64(u, y);
    }
    return with_sign_f64(y, x); /* log1p(-0.0) is -0.0 */
}

/* --------------------------------------------------------------------------------------- power */

/* Beyond it, powers of two are 0 or infinite. */
#define POW_LIMIT_F64 1100.0

static inline vector_f64 pow_special_f64(vector_f64 e, vector_f64 x, vector_f64 y, vector_f64 w) {
    const vector_f64 infinity = v_set1(__builtin_inf()), zero = v_setzero();
    const vector_f64 limit = v_set1(POW_LIMIT_F64), sign = v_set1(-0.0);
    e = v_mask_mov(e, v_compare(w, limit, GT), infinity);
    e = v_mask_mov(e, v_compare(w, v_sub(zero, limit), LT), zero);
    mask_f64 x_zero = v_class(x, CLASS_ZERO);
    mask_f64 x_infinite = v_class(x, CLASS_INFINITY);
    mask_f64 y_minus = v_class(y, CLASS_MINUS);
    vector_f64 beyond = v_maskz_mov(~(x_zero ^ y_minus), infinity);
    e = v_mask_mov(e, x_zero | x_infinite, beyond);
    e = v_mask_add(e, v_compare(x, y, UNORD), x, y);
    vector_f64 half = v_mul(y, v_set1(0.5)), one = v_set1(1.0);
    mask_f64 is_one = v_compare(y, zero, EQ) | v_compare(v_abs(x), one, EQ);
    e = v_mask_mov(e, is_one, one);
    mask_f64 is_integer = v_compare(v_round(y), y, EQ);
    mask_f64 is_odd = is_integer & v_compare(v_round(half), half, NEQ);
    mask_f64 x_minus = v_class(x, CLASS_MINUS);
    e = v_mask_mov(e, x_minus & ~(x_infinite | is_integer), v_set1(__builtin_nan("")));
    return v_mask_or(e, is_odd, e, v_and(x, sign));
}

/* 2^(y log2 |x|); log2 |x| to 2^-64.5 of it, |w| < 1075. The terms to r^2 are kept in full. */
#define VECTOR_pow_f64 1
static inline vector_f64 vector_pow_f64(vector_f64 x, vector_f64 y) {
    const vector_f64 scale = v_set1(base_2_f64.scale), half = v_set1(0.5);
    mask_f64 special = v_class(x, CLASS_NOT_POSITIVE_NORMAL);
    log_split_f64 s = split_normal_f64(x);
    if (UNLIKELY(any(special))) {
        s = split_any_f64(x);
    }
    vector_f64 r = v_fmsub(s.m, lookup_f64(inverse_f64, s.index), v_set1(1.0));
    vector_f64 sum = v_add(s.k, lookup_f64(base_2_f64.high, s.index));
    /* (log(1 + r) - r + r^2/2)/r^3 for |r| < 0.0342, degree 9: 2^-68 of the logarithm. */
    vector_f64 square = v_mul(r, r), square_low = v_fmsub(r, r, square);
    vector_f64 even = v_fmadd(v_set1(0x1.741d320542bcbp-4), square, v_set1(0x1.c71cfe0ee7d3fp-4));
    vector_f64 odd = v_fmadd(v_set1(-0x1.5652e1da37aa8p-4), square, v_set1(-0x1.99994b434dfb8p-4));
    even = v_fmadd(even, square, v_set1(0x1.249249112da84p-3));
    odd = v_fmadd(odd, square, v_set1(-0x1.0000000507118p-3));
    even = v_fmadd(even, square, v_set1(0x1.999999999b5d5p-3));
    odd = v_fmadd(odd, square, v_set1(-0x1.55555555551d2p-3));
    even = v_fmadd(even, square, v_set1(0x1.5555555555555p-2));
    odd = v_fmadd(odd, square, v_set1(-0x1p-2));
    vector_f64 p = v_fmadd(odd, r, even);
    /* log(1 + r) = a + a_low */
    vector_f64 a = v_fnmadd(half, square, r);
    vector_f64 a_low = v_fnmadd(half, square, v_sub(r, a));
    a_low = v_fnmadd(half, square_low, a_low);
    a_low = v_fmadd(v_mul(r, square), p, a_low);
    vector_f64 high = v_fmadd(a, scale, sum);
    vector_f64 lost = v_fmadd(a, scale, v_sub(sum, high));
    vector_f64 low = v_fmadd(a, v_set1(base_2_f64.scale_low), lookup_f64(base_2_f64.low, s.index));
    low = v_add(low, v_fmadd(a_low, scale, lost));
    sum = v_add(high, low);
    low = v_sub(low, v_sub(sum, high));
    vector_f64 w = v_mul(y, sum);
    vector_f64 w_low = v_fmadd(y, low, v_fmsub(y, sum, w));
    /* w = n + t, n a multiple of 1/16, whose four bits after the point are the low bits of z.
     * (2^t - 1)/t for |t| <= 1/32, degree 6: 2^-62 of the power. */
    const vector_f64 round = v_set1(0x1.8p48);
    vector_f64 z = v_add(w, round), n = v_sub(z, round);
    vector_f64 t = v_add(v_sub(w, n), w_low), t2 = v_mul(t, t);
    even = v_fmadd(v_set1(0x1.03b6cfdea7f19p-16), t2, v_set1(0x1.5d87f7cb1bdd7p-10));
    odd = v_fmadd(v_set1(0x1.430a4dfc0ac93p-13), t2, v_set1(0x1.3b2ab6fb0353dp-7));
    even = v_fmadd(even, t2, v_set1(0x1.c6b08d7050ba4p-5));
    odd = v_fmadd(odd, t2, v_set1(0x1.ebfbdff82c594p-3));
    even = v_fmadd(even, t2, v_set1(0x1.62e42fefa39efp-1));
    vector_f64 e = v_mul(v_fmadd(odd, t, even), t);
    vector_i64 index = v_bits(z);
    vector_f64 exact = lookup_f64(exp2_high_f64, index);
    e = v_add(exact, v_fmadd(exact, e, lookup_f64(exp2_low_f64, index)));
    e = v_scalef(e, n); /* by 2^floor(n) */
    special |= v_compare(v_abs(w), v_set1(POW_LIMIT_F64), NLE);
    return UNLIKELY(any(special)) ? pow_special_f64(e, x, y, w) : e;
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
static inline vector_f64 vector_tan_f64(vector_f64 x) {
    const vector_f64 round = v_set1(ROUND_64), b = v_set1(0.125 * HALF_PI_B);
    vector_f64 z = v_fmadd(x, v_set1(0x1.45f306dc9c883p2), round);
    vector_f64 n = v_sub(z, round);
    vector_f64 r_a = v_fnmadd(n, v_set1(0.125 * HALF_PI_A), x);
    vector_f64 r = v_fnmadd(n, b, r_a);
    vector_f64 r_low = v_fnmadd(n, b, v_sub(r_a, r));
    r_low = v_fnmadd(n, v_set1(0.125 * HALF_PI_C), r_low);
    /* (tan(r)/r - 1)/r^2 in r^2 for |r| <= pi/32, degree 4: 2^-57. */
    vector_f64 square = v_mul(r, r);
    vector_f64 p = v_fmadd(v_set1(0x1.25491c161c225p-7), square, v_set1(0x1.664c31a204854p-6));
    p = v_fmadd(p, square, v_set1(0x1.ba1ba317122f2p-5));
    p = v_fmadd(p, square, v_set1(0x1.11111110f61fep-3));
    p = v_fmadd(p, square, v_set1(0x1.555555555556p-2));
    vector_f64 tail = v_fmadd(v_mul(r, square), p, r_low);
    vector_f64 t = v_add(r, tail), t_low = v_sub(tail, v_sub(t, r));
    vector_i64 index = v_bits(z);
    vector_f64 s = lookup_f64(sin_high, index), s_low = lookup_f64(sin_low, index);
    vector_f64 o = lookup_f64(cos_high, index), o_low = lookup_f64(cos_low, index);
    vector_f64 above = v_fmadd(o, t, s), below = v_fnmadd(s, t, o);
    vector_f64 above_low = v_fmadd(o, t_low, s_low);
    vector_f64 below_low = v_fnmadd(s, t_low, o_low);
    above_low = v_add(v_fmadd(o, t, v_sub(s, above)), above_low);
    below_low = v_add(v_fnmadd(s, t, v_sub(o, below)), below_low);
    vector_f64 inverse = v_div(v_set1(1.0), below);
    vector_f64 q = v_mul(above, inverse);
    vector_f64 rest = v_add(v_fnmadd(q, below, above), above_low);
    rest = v_fnmadd(q, below_low, rest);
    vector_f64 y = v_fmadd(rest, inverse, q);
    const vector_f64 limit = v_set1(TRIG_LIMIT_F64);
    mask_f64 large = v_compare(v_abs(x), limit, GT);
    mask_f64 zero = v_class(x, CLASS_ZERO);
    if (UNLIKELY(any(large | zero))) {
        y = v_mask_mov(y, zero, x);
        y = each_lane_f64(tan_f64_slow, x, y, large);
    }
    return y;
}

/* ------------------------------------------------------------------------- inverse tangents */

/* In 16 intervals: [0, 1/16), halves of binades up to 8, the rest; |q| < 1/8, and
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
static inline vector_i64 atan_index_f64(vector_f64 ratio) {
    vector_i64 index = v_srli_bits(v_bits(ratio), 51); /* 2^-4: 1019 halves */
    index = v_sub_bits(index, v_set1_bits(2 * 1019 - 1));
    return v_max_bits(index, v_set1_bits(0));
}

static inline vector_f64 atan_of_small_f64(vector_f64 q, vector_f64 q_low) {
    vector_f64 z = v_mul(q, q);
    vector_f64 z2 = v_mul(z, z);
    vector_f64 even = v_fmadd(v_set1(-0x1.740ebfba1374ep-4), z2, v_set1(-0x1.2492489691063p-3));
    vector_f64 odd = v_fmadd(v_set1(0x1.2c997385f2b3p-4), z2, v_set1(0x1.c71ba034f191cp-4));
    even = v_fmadd(even, z2, v_set1(-0x1.55555555554c2p-2));
    odd = v_fmadd(odd, z2, v_set1(0x1.9999999941057p-3));
    vector_f64 p = v_fmadd(odd, z, even);
    return v_add(q, v_fmadd(v_mul(q, z), p, q_low));
}

#define VECTOR_atan_f64 1
static inline vector_f64 vector_atan_f64(vector_f64 x) {
    vector_f64 a = v_min(v_set1(0x1p60), v_abs(x)); /* NaN stays */
    vector_i64 index = atan_index_f64(v_min(a, v_set1(8.0)));
    vector_f64 sine = lookup_f64(atan_sine_f64, index);
    vector_f64 cosine = lookup_f64(atan_cosine_f64, index);
    vector_f64 q = v_div(v_fmsub(a, cosine, sine), v_fmadd(a, sine, cosine));
    vector_f64 rest = atan_of_small_f64(q, v_setzero());
    return with_sign_f64(v_add(lookup_f64(atan_angle_f64, index), rest), x);
}

#define ATAN2_LOW_F64 0x1p-900
#define ATAN2_HIGH_F64 0x1p1000

/* |y| and |x| brought between those bounds, as far as it matters, in the lanes where the larger is
 * beyond: zeros become (0, 1), infinities 1 and 0 or both 1. */
static inline void atan2_scale_f64(vector_f64 *y, vector_f64 *x, vector_f64 larger) {
    const vector_f64 one = v_set1(1.0), zero = v_setzero();
    mask_f64 low = v_compare(larger, v_set1(ATAN2_LOW_F64), LT);
    mask_f64 high = v_compare(larger, v_set1(ATAN2_HIGH_F64), GT);
    mask_f64 none = v_compare(larger, zero, EQ);
    mask_f64 y_infinite = v_class(*y, CLASS_INFINITY);
    mask_f64 x_infinite = v_class(*x, CLASS_INFINITY);
    *y = v_mask_mul(*y, low, *y, v_set1(0x1p700));
    *x = v_mask_mul(*x, low, *x, v_set1(0x1p700));
    *y = v_mask_mul(*y, high, *y, v_set1(0x1p-10));
    *x = v_mask_mul(*x, high, *x, v_set1(0x1p-10));
    mask_f64 nan = v_compare(*y, *x, UNORD);
    mask_f64 infinite = (y_infinite | x_infinite) & ~nan;
    *y = v_mask_mov(*y, infinite, v_maskz_mov(y_infinite, one));
    *x = v_mask_mov(*x, infinite, v_maskz_mov(x_infinite, one));
    *x = v_mask_mov(*x, none, one);
}

/* For x < 0 pi minus the angle, pi as a pair. */
#define VECTOR_atan2_f64 1
static inline vector_f64 vector_atan2_f64(vector_f64 y, vector_f64 x) {
    const vector_f64 pi = v_set1(2.0 * HALF_PI);
    const vector_f64 pi_low = v_set1(2.0 * HALF_PI_LO);
    vector_f64 ay = v_abs(y), ax = v_abs(x), larger = v_max(ay, ax);
    mask_f64 special = v_compare(larger, v_set1(ATAN2_LOW_F64), NGE) |
                       v_compare(larger, v_set1(ATAN2_HIGH_F64), NLE);
    if (UNLIKELY(any(special))) {
        atan2_scale_f64(&ay, &ax, larger);
    }
    vector_f64 ratio = v_mul(ay, about_inverse(ax));
    vector_i64 index = atan_index_f64(v_min(ratio, v_set1(8.0)));
    vector_f64 sine = lookup_f64(atan_sine_f64, index);
    vector_f64 cosine = lookup_f64(atan_cosine_f64, index);
    vector_f64 above = v_fnmadd(ax, sine, v_mul(ay, cosine));
    vector_f64 below = v_fmadd(ay, sine, v_mul(ax, cosine));
    /* Where the angle is 0, the quotient's rounding would count for a whole ULP. */
    vector_f64 q = v_div(above, below);
    vector_f64 q_low = v_mul(v_fnmadd(q, below, above), about_inverse(below));
    vector_f64 angle = lookup_f64(atan_angle_f64, index), rest = atan_of_small_f64(q, q_low);
    mask_f64 left = v_sign_mask(x);
    vector_f64 turned = v_sub(pi, angle);
    vector_f64 lost = v_add(v_sub(v_sub(pi, turned), angle), pi_low);
    rest = v_mask_sub(rest, left, lost, rest);
    angle = v_mask_mov(angle, left, turned);
    return with_sign_f64(v_add(angle, rest), y);
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
    vector_f64 up, down, cosh_tail, sinh; /* of r */
} hyperbolic_split_f64;

/* In the lanes small n is 0. */
static inline hyperbolic_split_f64 split_hyperbolic_f64(vector_f64 a, mask_f64 small) {
    const vector_f64 round = v_set1(0x1.8p48);
    vector_f64 v = v_min(v_set1(710.6), a); /* infinite by then; NaN stays */
    vector_f64 z = v_fmadd(v, v_set1(LOG2_E), round);
    z = v_mask_mov(z, small, round);
    vector_f64 n = v_sub(z, round);
    vector_i64 index = v_bits(z);
    vector_f64 r = v_fnmadd(n, v_set1(LN_2), v);
    r = v_sub(r, lookup_f64(hyperbolic_shift_f64, index));
    r = v_fnmadd(n, v_set1(LN_2_LO), r);
    vector_f64 q = v_mul(r, r);
    vector_f64 c = v_fmadd(v_set1(0x1.6c183e368b79ap-10), q, v_set1(0x1.5555555484834p-5));
    vector_f64 s = v_fmadd(v_set1(0x1.71f07309e7921p-19), q, v_set1(0x1.a01a0118c69b3p-13));
    c = v_fmadd(c, q, v_set1(0x1.0000000000004p-1));
    s = v_fmadd(s, q, v_set1(0x1.1111111112986p-7));
    s = v_fmadd(s, q, v_set1(0x1.5555555555555p-3));
    vector_i64 up = v_bits(lookup_f64(hyperbolic_up_f64, index));
    vector_i64 down = v_bits(lookup_f64(hyperbolic_down_f64, index));
    vector_i64 scale = v_slli_bits(index, 48), zero = v_set1_bits(0);
    return (hyperbolic_split_f64){v_from_bits(v_add_bits(up, scale)),
                                  v_from_bits(v_max_bits(v_sub_bits(down, scale), zero)),
                                  v_mul(q, c), v_fmadd(v_mul(r, q), s, r)};
}

/* Below 1/8 the result is sinh r. From 1/8 on, r is less than a fifth of it. */
#define VECTOR_sinh_f64 1
static inline vector_f64 vector_sinh_f64(vector_f64 x) {
    vector_f64 a = v_abs(x);
    mask_f64 small = v_compare(a, v_set1(0.125), LT);
    hyperbolic_split_f64 h = split_hyperbolic_f64(a, small);
    vector_f64 c = v_add(h.up, h.down), s = v_sub(h.up, h.down);
    vector_f64 s_low = v_sub(v_sub(h.up, s), h.down);
    vector_f64 tail = v_fmadd(c, h.sinh, v_fmadd(s, h.cosh_tail, s_low));
    vector_f64 y = v_add(s, tail);
    return with_sign_f64(v_mask_mov(v_add(y, y), small, h.sinh), x);
}

#define VECTOR_cosh_f64 1
static inline vector_f64 vector_cosh_f64(vector_f64 x) {
    hyperbolic_split_f64 h = split_hyperbolic_f64(v_abs(x), NO_LANES);
    vector_f64 c = v_add(h.up, h.down), s = v_sub(h.up, h.down);
    vector_f64 c_low = v_add(v_sub(h.up, c), h.down);
    vector_f64 tail = v_fmadd(s, h.sinh, v_fmadd(c, h.cosh_tail, c_low));
    vector_f64 y = v_add(c, tail);
    return v_add(y, y);
}

/* The table's inverse for u, times 2^-k: about 1 / u. */
static inline vector_f64 log_inverse_f64(vector_f64 u, log_split_f64 s) {
    vector_i64 exponent = v_sub_bits(v_bits(u), v_bits(s.m));
    vector_i64 inverse = v_bits(lookup_f64(inverse_f64, s.index));
    return v_from_bits(v_sub_bits(inverse, exponent));
}

/* log(u + u_low), exact relative to u + u_low - 1 where that is small, for 1/2 <= u < 2^100; in the
 * lanes large, of 2^61 times the number. */
static inline vector_f64 log_pair_f64(vector_f64 u, vector_f64 u_low, mask_f64 large) {
    const vector_f64 one = v_set1(1.0);
    log_split_f64 s = split_normal_f64(u);
    vector_f64 inverse = log_inverse_f64(u, s);
    vector_f64 r_high = v_fmsub(u, inverse, one), r_low = v_mul(u_low, inverse);
    vector_f64 r = v_add(r_high, r_low);
    r_low = v_add(v_sub(r_high, r), r_low);
    if (UNLIKELY(any(large))) {
        s.k = v_mask_add(s.k, large, s.k, v_set1(61.0));
    }
    return log_sum_f64(s.k, r, r_low, s.index, &base_e_f64);
}

/* sqrt(v + v_low) - its rounding w. */
static inline vector_f64 sqrt_low_f64(vector_f64 v, vector_f64 v_low, vector_f64 w) {
    vector_f64 inverse = about_inverse(w);
    inverse = v_mul(inverse, v_fnmadd(w, inverse, v_set1(2.0)));
    inverse = v_mul(inverse, v_fnmadd(w, inverse, v_set1(2.0)));
    vector_f64 half_inverse = v_mul(v_set1(0.5), inverse);
    return v_mul(v_add(v_fnmadd(w, w, v), v_low), half_inverse);
}

/* asinh |x| = log(|x| + sqrt(x^2 + 1)), both as pairs. Below 2^-20 it is |x| - |x|^3/6; from
 * 2^60 on log(2 |x|). */
#define VECTOR_asinh_f64 1
static inline vector_f64 vector_asinh_f64(vector_f64 x) {
    const vector_f64 one = v_set1(1.0);
    vector_f64 a = v_abs(x);
    vector_f64 v = v_fmadd(a, a, one);
    vector_f64 v_low = v_fmadd(a, a, v_sub(one, v));
    vector_f64 w = v_sqrt(v), w_low = sqrt_low_f64(v, v_low, w);
    vector_f64 u = v_add(w, a);
    vector_f64 u_low = v_add(v_sub(a, v_sub(u, w)), w_low);
    mask_f64 special = v_compare(a, v_set1(0x1p60), NLT);
    if (UNLIKELY(any(special))) {
        u = v_mask_mul(u, special, a, v_set1(0x1p-60));
        u_low = v_maskz_mov(~special, u_low);
    }
    vector_f64 y = log_pair_f64(u, u_low, special);
    if (UNLIKELY(any(special))) {
        y = v_mask_mov(y, v_class(a, CLASS_INFINITY | CLASS_NAN), a);
    }
    mask_f64 small = v_compare(a, v_set1(0x1p-20), LT);
    vector_f64 sixth = v_mul(v_mul(a, a), v_set1(0x1.5555555555555p-3));
    return with_sign_f64(v_mask_mov(y, small, v_fnmadd(sixth, a, a)), x);
}

/* log(x + sqrt(x^2 - 1)), likewise. */
#define VECTOR_acosh_f64 1
static inline vector_f64 vector_acosh_f64(vector_f64 x) {
    const vector_f64 one = v_set1(1.0);
    vector_f64 v = v_fmsub(x, x, one);
    /* Not the square root of 0: its inverse is multiplied. */
    v = v_max(v, v_set1(0x1p-80));
    vector_f64 w = v_sqrt(v), w_low = sqrt_low_f64(v, v_setzero(), w);
    vector_f64 u = v_add(x, w);
    vector_f64 u_low = v_add(v_sub(w, v_sub(u, x)), w_low);
    mask_f64 special = v_compare(x, one, NGT) | v_compare(x, v_set1(0x1p60), GE);
    if (UNLIKELY(any(special))) {
        u = v_mask_mul(u, special, x, v_set1(0x1p-60));
        u_low = v_maskz_mov(~special, u_low);
    }
    vector_f64 y = log_pair_f64(u, u_low, special);
    if (UNLIKELY(any(special))) {
        y = v_maskz_mov(v_compare(x, one, NEQ), y);
        y = v_mask_mov(y, v_compare(x, one, NGE), v_set1(__builtin_nan("")));
        y = v_mask_mov(y, v_class(x, CLASS_PLUS_INFINITY), x);
    }
    return y;
}

/* As for float32, log((1 + |x|) / (1 - |x|)) / 2 for all |x|; the dividend and what the division
 * loses come as pairs. */
#define VECTOR_atanh_f64 1
static inline vector_f64 vector_atanh_f64(vector_f64 x) {
    const vector_f64 one = v_set1(1.0);
    vector_f64 a = v_abs(x), below = v_sub(one, a);
    vector_f64 below_low = v_sub(v_sub(one, below), a);
    vector_f64 inverse_below = about_inverse(below);
    vector_f64 about = v_mul(v_add(one, a), inverse_below);
    log_split_f64 s = split_normal_f64(about);
    vector_f64 c = log_inverse_f64(about, s);
    mask_f64 small = v_compare(a, v_set1(0.5), LT);
    vector_f64 factor = v_mask_add(c, small, c, one);
    vector_f64 rest = v_sub(c, v_mask_mov(below, small, one));
    vector_f64 product = v_mul(a, factor), above = v_add(rest, product);
    vector_f64 above_low = v_add(v_sub(rest, above), product);
    above_low = v_add(above_low, v_fmsub(a, factor, product));
    vector_f64 r = v_div(above, below);
    vector_f64 r_low = v_fnmadd(r, below_low, above_low);
    r_low = v_add(v_fnmadd(r, below, above), r_low);
    r_low = v_mul(r_low, inverse_below);
    vector_f64 y = log_sum_f64(s.k, r, r_low, s.index, &base_e_f64);
    y = v_mul(y, v_set1(0.5));
    mask_f64 special = v_compare(a, one, NLT);
    if (UNLIKELY(any(special))) {
        y = v_mask_mov(y, special, v_set1(__builtin_nan("")));
        y = v_mask_mov(y, v_compare(a, one, EQ), v_set1(__builtin_inf()));
    }
    return with_sign_f64(y, x);
}

#endif
