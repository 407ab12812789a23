/* math_f32.h: the elementary functions of float32, at most 1 ULP off for each of the 2^32 inputs
 * (most 0.51; exp 0.99, logarithms, tanh 0.9); tools/accuracy.c measures it. Subnormal results and
 * arguments, signed zeros, infinities and NaN come out as C99's Annex F asks.
 *
 * Most compute in double: polynomials of a relative error about 2^-30 then need no tricks against
 * rounding, nothing overflows or underflows before the last conversion, and that rounds subnormal
 * results properly. exp, tanh, the logarithms, asin, acos, atan, sinh and cosh are in float, which
 * measures 1.4 to 2 times faster in spite of the roundings they have to take back.
 *
 * f_rare(x) and f_slow(x): functions whose fast path does not cover all inputs. The loop computes
 * every element with f and then, in a second pass over the block, replaces those for which
 * f_rare(x) with f_slow(x). There is no other difference.
 *
 * Polynomials are minimax approximations made with Sollya (fpminimax, or remez where a weight is
 * given); each comment gives the interval and the error.
 */
#ifndef PT_MATH_F32_H
#define PT_MATH_F32_H

#include "math_common.h"
#include "math_f64.h"

/* ------------------------------------------------------------ rounding, signs, comparisons */

#if defined(__SSE4_1__) || defined(__aarch64__)
static inline float round_f32(float x) { return __builtin_rintf(x); }
static inline float floor_f32(float x) { return __builtin_floorf(x); }
static inline float ceil_f32(float x) { return __builtin_ceilf(x); }
static inline float trunc_f32(float x) { return __builtin_truncf(x); }
#else
/* SSE2 has no rounding instruction: adding and subtracting 2^23 rounds any |x| < 2^23; larger ones
 * are integers already. */
static inline float round_f32(float x) {
    float a = fabsf(x), r = (a + 0x1p23f) - 0x1p23f;
    return copysignf(a < 0x1p23f ? r : a, x);
}
static inline float floor_f32(float x) {
    float r = round_f32(x);
    return r > x ? r - 1.0f : r;
}
static inline float ceil_f32(float x) {
    float r = round_f32(x);
    return copysignf(r < x ? r + 1.0f : r, x);
}
static inline float trunc_f32(float x) { return copysignf(floor_f32(fabsf(x)), x); }
#endif

/* -1, 0, 1 or NaN; sign_f32(-0.0f) is +0. */
static inline float sign_f32(float x) {
    float s = x < 0.0f ? -1.0f : x;
    return x > 0.0f ? 1.0f : s + 0.0f;
}

static inline float copysign_f32(float x, float y) { return copysignf(x, y); }

/* The bits of a number count as its magnitude does. */
static inline float nextafter_f32(float x, float y) {
    float more = from_bits_f32(bits_f32(x) + 1), less = from_bits_f32(bits_f32(x) - 1);
    float r = (y > x) == (x > 0.0f) ? more : less;
    r = x == 0.0f ? copysignf(0x1p-149f, y) : r;
    r = x == y ? y : r;
    return (x != x) | (y != y) ? x + y : r;
}

/* NaN if either is NaN. */
static inline float maximum_f32(float x, float y) { return (x >= y) | (x != x) ? x : y; }
static inline float minimum_f32(float x, float y) { return (x <= y) | (x != x) ? x : y; }
/* NaN if any is NaN. Not minimum of maximum: the compiler would make branches of that. */
static inline float clip_f32(float x, float low, float high) {
    float v = x < low ? low : x;
    v = v > high ? high : v;
    return (low == low) & (high == high) ? v : low + high;
}

static inline bool isnan_f32(float x) { return x != x; }
static inline bool isinf_f32(float x) { return fabsf(x) == INFINITY; }
static inline bool isfinite_f32(float x) { return fabsf(x) < INFINITY; }

/* ------------------------------------------------------------------- exponential functions */

/* x = n ln 2 + r, |r| <= ln(2)/2 (Cody & Waite; one constant is enough in double). */
typedef struct {
    double r, scale; /* scale: 2^n */
} exp_parts;

/* |x| < 700 */
static inline exp_parts exp_reduce(double x) {
    /* 1023 more than an integer multiple of 2^11: the low bits of z are the exponent of 2^n. */
    double z = FMA64(x, LOG2_E, ROUND_64 + 1023.0);
    double n = z - (ROUND_64 + 1023.0);
    return (exp_parts){NFMA64(n, LN_2, x), from_bits_f64(bits_f64(z) << 52)};
}

/* e^x for |x| < 700, error 2^-28. (e^r - 1)/r on |r| <= ln(2)/2, degree 5: 2^-26.5. */
static inline double exp_quick(double x) {
    exp_parts e = exp_reduce(x);
    double q = poly_5(e.r, 0x1.0000002dac903p0, 0x1.fffffebda68ecp-2, 0x1.55547de61b21p-3,
                      0x1.555651841bfaap-5, 0x1.123ce53b578aep-7, 0x1.6c16a618ff2bbp-10);
    return FMA64(e.r * e.scale, q, e.scale);
}

/* e^x - 1 for |x| < 700, relative error 2^-31. The same quotient, degree 6: 2^-32. */
static inline double expm1_quick(double x) {
    exp_parts e = exp_reduce(x);
    double q = poly_6(e.r, 0x1.0000000022542p0, 0x1.00000028190ep-1, 0x1.555554c5f3f18p-3,
                      0x1.5554ada56cefcp-5, 0x1.1111a683ea02ep-7, 0x1.6d7491fbea135p-10,
                      0x1.a019e88934ceep-13);
    return FMA64(e.r * e.scale, q, e.scale - 1.0);
}

/* 2^x for |x| < 1000, error 2^-33. (2^r - 1)/r on |r| <= 1/2, degree 6: 2^-32. */
static inline double exp2_quick(double x) {
    double z = x + (ROUND_64 + 1023.0);
    double r = x - (z - (ROUND_64 + 1023.0));
    double scale = from_bits_f64(bits_f64(z) << 52);
    double q = poly_6(r, 0x1.62e42fefd33f9p-1, 0x1.ebfbe04547a95p-3, 0x1.c6b08cb12da0bp-5,
                      0x1.3b2a1c16bd4bp-7, 0x1.5d88bdd849745p-10, 0x1.443f81c542f53p-13,
                      0x1.ffcbdd9717e61p-17);
    return FMA64(r * scale, q, scale);
}

/* ln 2 in float: LN_2_A has 16 bits, n LN_2_A is exact for |n| < 2^8. */
#define LN_2_A_F32 0x1.62e4p-1f
#define LN_2_B_F32 0x1.7f7d1cp-20f

/* In float. (e^r - 1 - r)/r^2 on |r| <= ln(2)/2, degree 4: 2^-26.6 of the whole. The power of two
 * comes in two factors: a subnormal result is rounded once. e^89 is infinite, e^-104 zero. */
static inline float exp_f32(float x) {
    float v = clamp_f32(x, -104.0f, 89.0f);
    float z = FMA32(v, (float)LOG2_E, ROUND_32 + 254.0f), n = z - (ROUND_32 + 254.0f);
    float t = NFMA32(n, LN_2_A_F32, v), r = NFMA32(n, LN_2_B_F32, t);
    float lo = NFMA32(n, LN_2_B_F32, t - r);
    float p =
        poly_4_f32(r, 0x1p-1f, 0x1.5554dep-3f, 0x1.55556cp-5f, 0x1.120ac2p-7f, 0x1.6ca992p-10f);
    float e = 1.0f + (r + FMA32(r * r, p, lo));
    uint32_t half = bits_f32(FMA32(n, 0.5f, ROUND_32 + 127.0f));
    return e * from_bits_f32(half << 23) * from_bits_f32((bits_f32(z) - half) << 23);
}

/* 2^129 converts to infinity, 2^-151 to zero. */
static inline float exp2_f32(float x) { return (float)exp2_quick(clamp_f64(x, -151.0, 129.0)); }

static inline float expm1_f32(float x) {
    return copysignf((float)expm1_quick(clamp_f64(x, -30.0, 89.0)), x);
}

/* 1 / (1 + e^-x) */
static inline float sigmoid_f32(float x) {
    return (float)(1.0 / (1.0 + exp_quick(-clamp_f64(x, -104.0, 89.0))));
}

/* ------------------------------------------------------------------------------ logarithms */

/* v = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt(2). v > 0, finite and a normal double. */
typedef struct {
    double k, f;
} log_parts;

static inline log_parts log_reduce(double v) {
    /* Counted from sqrt(1/2), the exponent field changes where 1 + f wraps around. The exponent is
     * converted by placing it in the low bits of 2^52. */
    const uint64_t sqrt_half = 0x3fe6a09e667f3bcd, two_52 = 0x4330000000000000;
    uint64_t u = bits_f64(v) - sqrt_half + ((uint64_t)1024 << 52);
    double m = from_bits_f64((u & 0x000fffffffffffff) + sqrt_half);
    return (log_parts){from_bits_f64(u >> 52 | two_52) - (0x1p52 + 1024.0), m - 1.0};
}

/* log(1 + f) = 2 atanh(s), s = f / (2 + f), |s| <= 0.1716. 2 atanh(s)/s in s^2, degree 4: 2^-37.8.
 * A direct polynomial in f of the same error has degree 13; the division overlaps with the rest. */
static inline double log1p_quick(double f) {
    double s = f / (2.0 + f);
    return s * poly_4(s * s, 0x1.0000000004a2dp1, 0x1.555554dab8d67p-1, 0x1.999a9cb6379bep-2,
                      0x1.2432b6ce17ffap-2, 0x1.e3b1118196479p-3);
}

/* The logarithms themselves are in float. v = 2^k (1 + f), 2/3 <= 1 + f < 4/3, for v > 0 finite; a
 * subnormal v is scaled first. At the smaller |f| the rounding of f^2/2 matters less. */
typedef struct {
    float k, f;
} log_parts_f32;

static inline log_parts_f32 log_reduce_normal_f32(float v) {
    const uint32_t two_thirds = 0x3f2aaaab;
    uint32_t u = bits_f32(v) - two_thirds;
    float m = from_bits_f32((u & 0x007fffff) + two_thirds);
    return (log_parts_f32){(float)((int32_t)u >> 23), m - 1.0f};
}

static inline log_parts_f32 log_reduce_f32(float v) {
    bool subnormal = v < 0x1p-126f;
    float scale = subnormal ? 0x1p24f : 1.0f, k_of_scale = subnormal ? 24.0f : 0.0f;
    log_parts_f32 p = log_reduce_normal_f32(v * scale);
    p.k -= k_of_scale;
    return p;
}

/* log(1 + f) = f - half_square + cubic, cubic = f^3 P; P on [-1/3, 1/3], degree 8: 2^-28.6 of the
 * logarithm. */
typedef struct {
    float half_square, cubic;
} log_tail_f32;

static inline log_tail_f32 log_tail(float f) {
    float p =
        poly_8_f32(f, 0x1.555556p-2f, -0x1.ffffb4p-3f, 0x1.999896p-3f, -0x1.55787ep-3f,
                   0x1.24cd4p-3f, -0x1.f74e12p-4f, 0x1.bc6c4ap-4f, -0x1.fd05f2p-4f, 0x1.db5f6ap-4f);
    float square = f * f;
    return (log_tail_f32){0.5f * square, f * square * p};
}

/* What a logarithm gives where its fast path does not hold: x <= 0, infinite, NaN. */
static inline float log_special_f32(float x, float log_x) {
    float outside = x == 0.0f ? -INFINITY : NAN;
    float r = x > 0.0f ? log_x : outside;
    return x == INFINITY ? x : r;
}

static inline float log_f32(float x) {
    log_parts_f32 p = log_reduce_f32(x);
    float whole = p.k * LN_2_A_F32, sum = whole + p.f, rest = p.f - (sum - whole);
    log_tail_f32 t = log_tail(p.f);
    float lo = FMA32(p.k, LN_2_B_F32, rest) - (t.half_square - t.cubic);
    return log_special_f32(x, sum + lo);
}

/* k a + c log(1 + f), where c has the parts c_hi (12 bits, so that its product with the upper half
 * of f - f^2/2 is exact) and c_lo, and k a the parts k_a and k_a_lo. */
static inline float log_scaled_f32(float x, float f, float k_a, float k_a_lo, float c_hi,
                                   float c_lo) {
    log_tail_f32 t = log_tail(f);
    float upper = from_bits_f32(bits_f32(f - t.half_square) & 0xfffff000);
    float lower = ((f - upper) - t.half_square) + t.cubic;
    float product = upper * c_hi, sum = k_a + product, rest = product - (sum - k_a);
    return log_special_f32(x, sum + (rest + FMA32(lower, c_hi + c_lo, FMA32(upper, c_lo, k_a_lo))));
}

static inline float log2_f32(float x) {
    log_parts_f32 p = log_reduce_f32(x);
    return log_scaled_f32(x, p.f, p.k, 0.0f, 0x1.716p0f, -0x1.7135a8p-13f);
}

static inline float log10_f32(float x) {
    log_parts_f32 p = log_reduce_f32(x);
    return log_scaled_f32(x, p.f, p.k * 0x1.344p-2f, p.k * 0x1.3509f8p-18f, 0x1.bccp-2f,
                          -0x1.09d5b2p-15f);
}

/* As log, with the rounding of 1 + x carried along; its factor 1/(1 + f) is taken as 1 - f + f^2.
 * Where 1 + x needs no scaling, f is x itself. */
static inline float log1p_f32(float x) {
    float u = 1.0f + x, t = u - 1.0f, u_lo = (1.0f - (u - t)) + (x - t);
    log_parts_f32 p = log_reduce_normal_f32(u);
    /* 2^(64 - k): k may be 128. */
    float scale = from_bits_f32((191u << 23) - ((uint32_t)(int32_t)p.k << 23));
    bool unscaled = p.k == 0.0f;
    float f = unscaled ? x : p.f, f_lo = unscaled ? 0.0f : u_lo * 0x1p-64f * scale;
    f_lo = FMA32(f_lo, f * (f - 1.0f), f_lo);
    float whole = p.k * LN_2_A_F32, sum = whole + f, rest = f - (sum - whole);
    log_tail_f32 tail = log_tail(f);
    float lo = FMA32(p.k, LN_2_B_F32, rest) + f_lo;
    float r = sum + (lo - (tail.half_square - tail.cubic));
    float outside = x == -1.0f ? -INFINITY : NAN;
    r = x > -1.0f ? r : outside;
    r = x == INFINITY ? x : r;
    return copysignf(r, x);
}

/* log(1 + t) for t > -1, finite: where 1 + t needs no scaling, f is t itself, without the rounding
 * of 1 + t. */
static inline double log1p_wide_quick(double t) {
    log_parts p = log_reduce(1.0 + t);
    return FMA64(p.k, LN_2, log1p_quick(p.k == 0.0 ? t : p.f));
}

/* -------------------------------------------------------------------------- trigonometric */

/* pi = PI_A + PI_B to 2^-86; PI_A has 31 bits, so that n PI_A is exact for |n| < 2^21. */
#define PI_A 0x1.921fb544p1
#define PI_B 0x1.0b4611a626331p-33
/* Below it the reductions here are exact enough: no float comes closer to a multiple of pi/2 than
 * 2^-30, and the error of r is 2^-62. */
#define TRIG_LIMIT_F32 0x1p20f

/* sin(r), |r| <= pi/2. sin(r)/r in r^2, degree 5: 2^-35.5. */
static inline double sin_quick(double r) {
    return r * poly_5(r * r, 0x1.ffffffffd175bp-1, -0x1.5555554173041p-3, 0x1.11110b7417cd1p-7,
                      -0x1.a017a8cf56025p-13, 0x1.716b9f16176e8p-19, -0x1.9a0d9442767bfp-26);
}

/* x = n pi + r: sin x = (-1)^n sin r. */
static inline float sin_f32(float x) {
    const double inverse_pi = 0x1.45f306dc9c883p-2;
    double v = x, z = FMA64(v, inverse_pi, ROUND_64), n = z - ROUND_64;
    double r = NFMA64(n, PI_B, NFMA64(n, PI_A, v));
    return (float)from_bits_f64(bits_f64(sin_quick(r)) ^ bits_f64(z) << 63);
}

/* x = (m - 1/2) pi + r: cos x = (-1)^m sin r. */
static inline float cos_f32(float x) {
    const double inverse_pi = 0x1.45f306dc9c883p-2;
    double v = x, z = FMA64(v, inverse_pi, 0.5) + ROUND_64, n = (z - ROUND_64) - 0.5;
    double r = NFMA64(n, PI_B, NFMA64(n, PI_A, v));
    return (float)from_bits_f64(bits_f64(sin_quick(r)) ^ bits_f64(z) << 63);
}

/* x = n pi/2 + r: tan x = tan r, or -1/tan r for odd n. tan(r)/r in r^2 on |r| <= pi/4, degree 7:
 * 2^-29.7. */
static inline float tan_f32(float x) {
    const double two_over_pi = 0x1.45f306dc9c883p-1;
    double v = x, z = FMA64(v, two_over_pi, ROUND_64), n = z - ROUND_64;
    double r = NFMA64(n, 0.5 * PI_B, NFMA64(n, 0.5 * PI_A, v));
    double t = r * poly_7(r * r, 0x1.fffffff5e7c4ep-1, 0x1.55556593816fp-2, 0x1.110cceecd1706p-3,
                          0x1.baf3846f6abf4p-5, 0x1.5bf0cd1232ac2p-6, 0x1.664922894ceaep-7,
                          -0x1.2c929b11682e1p-16, 0x1.21e146ab16c2ep-8);
    return (float)select_f64(0 - (bits_f64(z) & 1), -1.0 / t, t);
}

static inline bool sin_f32_rare(float x) { return fabsf(x) > TRIG_LIMIT_F32; }
static inline bool cos_f32_rare(float x) { return fabsf(x) > TRIG_LIMIT_F32; }
static inline bool tan_f32_rare(float x) { return fabsf(x) > TRIG_LIMIT_F32; }
static inline float sin_f32_slow(float x) { return (float)sin((double)x); }
static inline float cos_f32_slow(float x) { return (float)cos((double)x); }
static inline float tan_f32_slow(float x) { return (float)tan((double)x); }

/* ---------------------------------------------------------------------- inverse trigonometric */

#define HALF_PI_F32 0x1.921fb6p0f
#define HALF_PI_LO_F32 -0x1.777a5cp-25f

/* atan(r), |r| <= tan(pi/8). atan(r)/r in r^2, degree 5: 2^-30.6. */
static inline double atan_quick(double r) {
    return r * poly_5(r * r, 0x1.fffffffad086dp-1, -0x1.55554412cc5b2p-2, 0x1.99903f911b27bp-3,
                      -0x1.23a2fbcd754ffp-3, 0x1.b1160787c0a87p-4, -0x1.ee59d75a32333p-5);
}

/* atan(y / x) for y, x >= 0, not both zero or infinite: turned by multiples of pi/4 until the
 * quotient is below tan(pi/8), which leaves one division. */
static inline double atan_quotient_quick(double y, double x) {
    bool high = y > 0x1.3504f333f9de6p1 * x, low = y <= 0x1.a827999fcef32p-2 * x;
    double numerator = high ? -x : y - x, denominator = high ? y : y + x;
    double offset = high ? 0.5 * PI_A : 0.25 * PI_A;
    double offset_lo = high ? 0.5 * PI_B : 0.25 * PI_B;
    numerator = low ? y : numerator;
    denominator = low ? x : denominator;
    offset = low ? 0.0 : offset + offset_lo;
    return offset + atan_quick(numerator / denominator);
}

/* In float, turned as there; lost is what the roundings of numerator, denominator and quotient lose,
 * times the denominator. (atan(q)/q - 1)/q^2 in q^2, degree 4: 2^-30.5 of the whole. */
static inline float atan_f32(float x) {
    float a = at_most_f32(fabsf(x), 0x1p60f);
    bool low = a <= 0x1.a8279ap-2f, high = a > 0x1.3504f4p1f;
    float less = a - 1.0f, more = a + 1.0f;
    float numerator = high ? -1.0f : less, denominator = high ? a : more;
    float less_lo = high ? 0.0f : a - (less + 1.0f), more_lo = high ? 0.0f : a - (more - 1.0f);
    float from = high ? HALF_PI_F32 : 0.5f * HALF_PI_F32;
    float from_lo = high ? HALF_PI_LO_F32 : 0.5f * HALF_PI_LO_F32;
    numerator = low ? a : numerator;
    denominator = low ? 1.0f : denominator;
    less_lo = low ? 0.0f : less_lo;
    more_lo = low ? 0.0f : more_lo;
    from = low ? 0.0f : from;
    from_lo = low ? 0.0f : from_lo;
    float inverse = 1.0f / denominator, q = numerator * inverse, z = q * q;
    float lost = residual_f32(numerator, q, denominator) + NFMA32(q, more_lo, less_lo);
    float p = poly_4_f32(z, -0x1.55554ap-2f, 0x1.9991e8p-3f, -0x1.23ba4p-3f, 0x1.b22e86p-4f,
                         -0x1.f31b2ep-5f);
    float sum = from + q, rest = q - (sum - from);
    return copysignf(sum + (rest + FMA32(q * z, p, FMA32(lost, inverse, from_lo))), x);
}

static inline float atan2_f32(float y, float x) {
    const double pi = 0x1.921fb54442d18p1;
    /* Infinity becomes 2^1000, which every finite float vanishes against; two of them make pi/4. */
    double v = x, ay = at_most_f64(fabsf(y), 0x1p1000), ax = at_most_f64(fabs(v), 0x1p1000);
    double angle = atan_quotient_quick(ay, ay + ax == 0.0 ? 1.0 : ax);
    angle = copysign(1.0, v) < 0.0 ? pi - angle : angle;
    return copysignf((float)angle, y);
}

/* asin(a) - a for |a| <= 1/2, z = a^2. (asin(a)/a - 1)/a^2 in z, degree 5: 2^-31.7 of the whole. */
static inline float asin_tail_f32(float a, float z) {
    return a * z *
           poly_5_f32(z, 0x1.55554cp-3f, 0x1.3338a2p-4f, 0x1.6ca9fep-5f, 0x1.04b534p-5f,
                      0x1.d73bb8p-7f, 0x1.33f0c8p-5f);
}

/* What is lost of sqrt(v) when it is rounded to s. */
static inline float sqrt_rest_f32(float v, float s) {
    float lo = residual_f32(v, s, s) / (s + s);
    return s == 0.0f ? 0.0f : lo;
}

/* Above 1/2: asin a = pi/2 - 2 asin(sqrt((1 - a)/2)). The square root of a negative number is the
 * NaN of |x| > 1. */
static inline float asin_f32(float x) {
    float a = fabsf(x), h = 0.5f - 0.5f * a, s = __builtin_sqrtf(h);
    bool small = a <= 0.5f;
    float b = small ? a : s, tail = asin_tail_f32(b, small ? a * a : h);
    float twice = b + b, sum = HALF_PI_F32 - twice, rest = (HALF_PI_F32 - sum) - twice;
    float large = sum + (rest + (HALF_PI_LO_F32 - 2.0f * (sqrt_rest_f32(h, s) + tail)));
    return copysignf(small ? b + tail : large, x);
}

/* With b as the argument there: pi/2 - asin b, pi - 2 asin b or 2 asin b. */
static inline float acos_f32(float x) {
    float a = fabsf(x), h = 0.5f - 0.5f * a, s = __builtin_sqrtf(h);
    bool small = a <= 0.5f;
    float b = small ? x : s, lo = sqrt_rest_f32(h, s);
    float tail = asin_tail_f32(b, small ? a * a : h) + (small ? 0.0f : lo);
    float times = x < 0.0f ? 2.0f : -2.0f, turned = x < 0.0f ? 2.0f : 0.0f;
    times = small ? 1.0f : times;
    turned = small ? 1.0f : turned;
    float from = turned * HALF_PI_F32, whole = times * b;
    float sum = from - whole, rest = (from - sum) - whole;
    return sum + (rest + NFMA32(times, tail, turned * HALF_PI_LO_F32));
}

/* ------------------------------------------------------------------------------ hyperbolic */

/* In float. Below 0.7: x + x^3 P(x^2), degree 5: 2^-29 of the whole. From there on
 * 1 - 2 / (e^2|x| + 1), the roundings of e^2|x| + 1 and of the difference taken back (without, it
 * would be 1.3 ULP); at 10 the quotient is 2^-28. */
static inline float tanh_f32(float x) {
    float a = fabsf(x), x2 = x * x, w = at_most_f32(a + a, 20.0f);
    float p = poly_5_f32(x2, -0x1.555554p-2f, 0x1.111056p-3f, -0x1.b9e452p-5f, 0x1.62e2b8p-6f,
                         -0x1.07f3cap-7f, 0x1.0877b8p-9f);
    float small = FMA32(x * x2, p, x);
    float z = FMA32(w, (float)LOG2_E, ROUND_32 + 127.0f), n = z - (ROUND_32 + 127.0f);
    float r = NFMA32(n, LN_2_B_F32, NFMA32(n, LN_2_A_F32, w));
    float q =
        poly_4_f32(r, 0x1p-1f, 0x1.5554dep-3f, 0x1.55556cp-5f, 0x1.120ac2p-7f, 0x1.6ca992p-10f);
    float scale = from_bits_f32(bits_f32(z) << 23);
    float part = scale * FMA32(r * r, q, r), e = scale + part, e_lo = part - (e - scale);
    float d = e + 1.0f, half_d_lo = 0.5f * (e_lo + (1.0f - (d - e))), quotient = 2.0f / d;
    float sum = 1.0f - quotient, rest = (1.0f - sum) - quotient;
    float large = sum + FMA32(quotient * quotient, half_d_lo, rest);
    return copysignf(a < 0.7f ? small : large, x);
}

/* a = n ln 2 + r + lo, |r| <= ln(2)/2, for a >= 0: halves of cosh(n ln 2) and sinh(n ln 2), each as
 * a pair; cosh(r) - 1; sinh(r) - r + lo. By these neither sinh nor cosh needs a division, and sinh is
 * exact near 0, where n is 0. From 89.5 on both are infinite. (cosh(r) - 1)/r^2 in r^2, degree 2:
 * 2^-33.2; (sinh(r) - r)/r^3, degree 2: 2^-34.3 of the whole. */
typedef struct {
    float cosh_n, cosh_n_lo, sinh_n, sinh_n_lo, r, cosh_tail, sinh_tail;
} hyperbolic_parts_f32;

static inline hyperbolic_parts_f32 hyperbolic_reduce_f32(float a) {
    float v = at_most_f32(a, 89.5f);
    float z = FMA32(v, (float)LOG2_E, ROUND_32 + 125.0f), n = z - (ROUND_32 + 125.0f);
    float t = NFMA32(n, LN_2_A_F32, v), r = NFMA32(n, LN_2_B_F32, t), q = r * r;
    uint32_t bits = bits_f32(z) << 23;                /* of 2^(n - 2) */
    int32_t inverse = (int32_t)((250u << 23) - bits); /* of 2^(-n - 2), if that is no subnormal */
    float up = from_bits_f32(bits);
    float down = from_bits_f32((uint32_t)(inverse > 0 ? inverse : 0));
    float cosh_n = up + down, sinh_n = up - down;
    float c = poly_2_f32(q, 0x1p-1f, 0x1.5554e6p-5f, 0x1.6d4f24p-10f);
    float s = poly_2_f32(q, 0x1.555556p-3f, 0x1.110fcp-7f, 0x1.a2dd8ep-13f);
    return (hyperbolic_parts_f32){cosh_n,
                                  (up - cosh_n) + down,
                                  sinh_n,
                                  (up - sinh_n) - down,
                                  r,
                                  q * c,
                                  FMA32(r * q, s, NFMA32(n, LN_2_B_F32, t - r))};
}

/* 2 (a (1 + cosh_tail) + b (r + sinh_tail)), |a| >= |b r| */
static inline float hyperbolic_sum_f32(float a, float a_lo, float b, hyperbolic_parts_f32 h) {
    float p = b * h.r, p_lo = -residual_f32(p, b, h.r), sum = a + p, rest = p - (sum - a);
    float tails = FMA32(b, h.sinh_tail, a * h.cosh_tail);
    return 2.0f * (sum + (rest + ((p_lo + a_lo) + tails)));
}

static inline float sinh_f32(float x) {
    float a = fabsf(x);
    hyperbolic_parts_f32 h = hyperbolic_reduce_f32(a);
    float r = hyperbolic_sum_f32(h.sinh_n, h.sinh_n_lo, h.cosh_n, h);
    return copysignf(a < 0x1p-12f ? a : r, x); /* half of a subnormal would lose its last bit */
}

static inline float cosh_f32(float x) {
    hyperbolic_parts_f32 h = hyperbolic_reduce_f32(fabsf(x));
    return hyperbolic_sum_f32(h.cosh_n, h.cosh_n_lo, h.sinh_n, h);
}

/* asinh |x| = log(1 + t), t = |x| + x^2 / (1 + sqrt(1 + x^2)). */
static inline float asinh_f32(float x) {
    double a = fabsf(x), a2 = a * a;
    float r = (float)log1p_wide_quick(a + a2 / (1.0 + __builtin_sqrt(1.0 + a2)));
    return copysignf(a < (double)INFINITY ? r : fabsf(x), x);
}

/* acosh x = log(1 + t), t = x - 1 + sqrt((x - 1)(x + 1)). */
static inline float acosh_f32(float x) {
    double v = x, t = v - 1.0;
    float r = (float)log1p_wide_quick(t + __builtin_sqrt(t * (v + 1.0)));
    r = x < INFINITY ? r : x;
    return x < 1.0f ? NAN : r;
}

/* atanh |x| = log(1 + t) / 2, t = 2 |x| / (1 - |x|). */
static inline float atanh_f32(float x) {
    double a = fabsf(x);
    float r = (float)(0.5 * log1p_wide_quick((a + a) / (1.0 - a)));
    r = a == 1.0 ? INFINITY : r;
    r = a <= 1.0 ? r : NAN;
    return copysignf(r, x);
}

/* -------------------------------------------------------------------------- erf, roots, powers */

/* erf |x| = 1 - e^-P, P = -log(erfc |x|), which is smooth. P(a)/a on [0, 4], degree 9, weighted by
 * its effect on erf: 2^-31.2. At 4, erf is 1 - 2^-26. */
static inline float erf_f32(float x) {
    double a = at_most_f32(fabsf(x), 4.0f);
    double q = FMA64(poly_7(a, 0x1.a4f37ea77271fp-4, -0x1.39396cad284d6p-6, -0x1.095a7e421d433p-12,
                            0x1.d7b091aad5602p-10, -0x1.8455229f4086fp-11, 0x1.5f3b8f56cf9dp-13,
                            -0x1.664511df67548p-16, 0x1.40527a23f7ebdp-20),
                     a * a, FMA64(0x1.45f308f2f5e43p-1, a, 0x1.20dd75022789cp0));
    return copysignf((float)-expm1_quick(-a * q), x);
}

/* x = 2^(3j + i) m with i in {-1, 0, 1}: the root is 2^j 2^(i/3) m y^2 with y = m^(-1/3), from a
 * polynomial on [sqrt(1/2), sqrt(2)] of degree 4 and error 2^-14.7, and one step of third order. */
static inline float cbrt_f32(float x) {
    const double root_2 = 0x1.428a2f98d728bp0, root_half = 0x1.965fea53d6e3dp-1;
    log_parts p = log_reduce(fabsf(x));
    double m = 1.0 + p.f, z = FMA64(p.k, 1.0 / 3.0, ROUND_64 + 1023.0);
    double i = NFMA64(3.0, z - (ROUND_64 + 1023.0), p.k);
    double y = poly_4(m, 0x1.dfe0923135bcep0, -0x1.dca093e544c4dp0, 0x1.8fb01a4f17e77p0,
                      -0x1.679bc9cd3497dp-1, 0x1.06e2167615232p-3);
    double e = NFMA64(m * y, y * y, 1.0);
    y = FMA64(y * e, FMA64(e, 2.0 / 9.0, 1.0 / 3.0), y);
    double s = i > 0.5 ? root_2 : i < -0.5 ? root_half : 1.0;
    float r = (float)(m * y * y * s * from_bits_f64(bits_f64(z) << 52));
    return x == 0.0f || !(fabsf(x) < INFINITY) ? x : copysignf(r, x);
}

/* 2^(y log2 |x|), in double: |y log2 |x|| < 151 where the result is neither 0 nor infinite, so that
 * an error of 2^-37.8 in the logarithm makes one of 2^-31 in the power. Special cases: Annex F. */
static inline float pow_f32(float x, float y) {
    float ax = fabsf(x);
    log_parts p = log_reduce(ax);
    double w = (double)y * FMA64(log1p_quick(p.f), LOG2_E, p.k);
    float r = (float)exp2_quick(clamp_f64(w, -151.0, 129.0));
    float beyond = (ax == 0.0f) == (y < 0.0f) ? INFINITY : 0.0f;
    r = (ax == 0.0f) | (ax == INFINITY) ? beyond : r;
    r = (x != x) | (y != y) ? x + y : r;
    /* x^0 and (+-1)^y are 1, also where 0 times infinity or NaN stood. */
    r = (y == 0.0f) | (ax == 1.0f) ? 1.0f : r;
    float half = 0.5f * y;
    bool is_integer = round_f32(y) == y, is_odd = is_integer & (round_f32(half) != half);
    r = (x < 0.0f) & (ax < INFINITY) & !is_integer ? NAN : r;
    return is_odd ? copysignf(r, x) : r;
}

/* sqrt(x^2 + y^2): in double the squares are exact and cannot overflow. */
static inline float hypot_f32(float x, float y) {
    double a = x, b = y;
    float r = (float)__builtin_sqrt(a * a + b * b);
    return fabsf(x) == INFINITY || fabsf(y) == INFINITY ? INFINITY : r;
}

/* log(e^x + e^y) = max + log(1 + e^-|x - y|). The sum may cancel: only float64's accuracy leaves
 * enough of it. */
static inline float logaddexp_f32(float x, float y) {
    double high = maximum_f32(x, y), d = fabs((double)x - (double)y);
    float r = (float)(high + log1p_f64(exp_f64(-d)));
    return (x == y) & (fabsf(x) == INFINITY) ? x : r;
}

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|); above sqrt(2) the logarithm's argument is halved. */
static inline float softplus_f32(float x) {
    double e = exp_quick(-at_most_f64(fabs((double)x), 104.0));
    bool halved = e > 0x1.a827999fcef32p-2;
    double r = log1p_quick(halved ? 0.5 * e - 0.5 : e) + (halved ? LN_2 : 0.0);
    return (float)(r + (x < 0.0f ? 0.0 : (double)x));
}

/* ----------------------------------------------------------------- division and its remainder */

/* Python's and NumPy's: the quotient is rounded down, the remainder has the sign of y. In double
 * the quotient of two floats is off by less than one where it is below 2^29, and the remainder is
 * exact; it tells by its sign when the quotient has to be corrected. */
typedef struct {
    double quotient, remainder;
} division;

static inline division divide_floor_quick(double x, double y) {
    double q = x / y, n = (q + ROUND_64) - ROUND_64, r = NFMA64(n, y, x);
    bool wrong = y > 0.0 ? r < 0.0 : r > 0.0;
    return (division){wrong ? n - 1.0 : n, wrong ? r + y : r};
}

static inline float floor_divide_f32(float x, float y) {
    double q = divide_floor_quick(x, y).quotient;
    return q == 0.0 ? copysignf(0.0f, x / y) : (float)q;
}

static inline float remainder_f32(float x, float y) {
    float r = (float)divide_floor_quick(x, y).remainder;
    return r == 0.0f ? copysignf(r, y) : r;
}

static inline bool floor_divide_f32_rare(float x, float y) {
    return !(fabsf(x) < INFINITY && fabsf(y) < INFINITY &&
             fabs((double)x) < 0x1p28 * fabs((double)y));
}
static inline bool remainder_f32_rare(float x, float y) { return floor_divide_f32_rare(x, y); }

static inline float remainder_f32_slow(float x, float y) {
    float r = fmodf(x, y);
    if (r == 0.0f) {
        return copysignf(0.0f, y);
    }
    return (y < 0.0f) != (r < 0.0f) ? r + y : r;
}

static inline float floor_divide_f32_slow(float x, float y) {
    if (y == 0.0f || isinf(x) || isinf(y)) { /* the Array API standard's rule for infinities */
        return x / y;
    }
    float r = fmodf(x, y), q = (x - r) / y;
    if (r != 0.0f && (y < 0.0f) != (r < 0.0f)) {
        q -= 1.0f;
    }
    if (q == 0.0f) {
        return copysignf(0.0f, x / y);
    }
    float n = floorf(q);
    return q - n > 0.5f ? n + 1.0f : n;
}

#endif
