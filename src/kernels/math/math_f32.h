/* math_f32.h: the elementary functions of float32, correctly rounded; docs/accuracy.md says for which
 * inputs that has been checked. Subnormal results and arguments, signed zeros, infinities and NaN
 * come out as C99's Annex F asks.
 *
 * rounded_f computes in double, to about 2^-40: polynomials then need no tricks against rounding,
 * and nothing overflows or underflows before the last conversion, which rounds subnormal results
 * properly too. Where the double is so close to a tie between two floats that its error decides, in
 * one case of some thousands, the result is in doubt, and elementwise_loop.h asks exact_f32.c. As
 * the correct rounding is one number, all instruction sets agree, whatever they compute with.
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

/* ------------------------------------------------------------------- correct rounding */

/* A result rounded from a double, and whether that is so close to a tie between two floats that the
 * double's error decides. */
typedef struct {
    float value;
    uint32_t in_doubt;
} rounded;

/* The 29 bits that a float has not are within reach, a power of two, of their middle. A relative
 * error of 2^-k reaches 2^(53 - k). Subnormal floats have fewer bits: adding 2^-126 to the magnitude moves them
 * to where the others are, and does not change their distance from a tie. */
static inline rounded rounded_normal(double d, uint32_t reach) {
    uint32_t moved = (uint32_t)bits_f64(d) + 0x10000000u + reach;
    return (rounded){(float)d, (moved & 0x1fffffff & ~(2 * reach - 1)) == 0};
}
static inline rounded rounded_any(double d, uint32_t reach) {
    double a = fabs(d), shift = a < 0x1p-126 ? 0x1p-126 : 0.0;
    return (rounded){(float)d, rounded_normal(a + shift, reach).in_doubt};
}

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

/* e^x for |x| < 700, error 2^-39. (e^r - 1)/r on |r| <= ln(2)/2, degree 7: 2^-37.7. */
static inline double exp_wide(double x) {
    exp_parts e = exp_reduce(x);
    double q = poly_7(e.r, 0x1.fffffffff643ap-1, 0x1.000000001a816p-1, 0x1.5555557e1d203p-3,
                      0x1.555554f30845cp-5, 0x1.1110a696d815bp-7, 0x1.6c175b1597928p-10,
                      0x1.a17d5104cf19p-13, 0x1.a019ed91e98dap-16);
    return FMA64(e.r * e.scale, q, e.scale);
}

/* e^x - 1 for |x| < 700, relative error 2^-42. The same quotient, degree 8: 2^-43.5. */
static inline double expm1_wide(double x) {
    exp_parts e = exp_reduce(x);
    double q = poly_8(e.r, 0x1.fffffffffff9dp-1, 0x1.fffffffff7369p-2, 0x1.555555556d7e7p-3,
                      0x1.55555573f3764p-5, 0x1.111110d91df5cp-7, 0x1.6c164e636edcdp-10,
                      0x1.a01a8d8c6408fp-13, 0x1.a159cb5c5dfcap-16, 0x1.71ddf5f12a799p-19);
    return FMA64(e.r * e.scale, q, e.scale - 1.0);
}

/* 2^x for |x| < 1000, error 2^-39. (2^r - 1)/r on |r| <= 1/2, degree 7: 2^-37.7. */
static inline double exp2_wide(double x) {
    double z = x + (ROUND_64 + 1023.0);
    double r = x - (z - (ROUND_64 + 1023.0));
    double scale = from_bits_f64(bits_f64(z) << 52);
    double q = poly_7(r, 0x1.62e42fef9cdcbp-1, 0x1.ebfbdff85f5dep-3, 0x1.c6b08da6ad3c2p-5,
                      0x1.3b2ab6a0c52c8p-7, 0x1.5d8776121c84cp-10, 0x1.43099b6a822c3p-13,
                      0x1.00c09754423a8p-16, 0x1.62c01071585bp-20);
    return FMA64(r * scale, q, scale);
}

/* ln 2 in float: LN_2_A has 16 bits, n LN_2_A is exact for |n| < 2^8. */
#define LN_2_A_F32 0x1.62e4p-1f
#define LN_2_B_F32 0x1.7f7d1cp-20f

/* For softmax, in float and at most 1 ULP off. (e^r - 1 - r)/r^2 on |r| <= ln(2)/2, degree 4:
 * 2^-26.6 of the whole. The power of two comes in two factors: a subnormal result is rounded once.
 * e^89 is infinite, e^-104 zero. */
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

/* e^89 is infinite, e^-104 zero. */
#define ROUNDED_exp_f32 1
static inline rounded rounded_exp_f32(float x) {
    return rounded_any(exp_wide(clamp_f32(x, -104.0f, 89.0f)), 0x8000);
}

#define ROUNDED_expm1_f32 1
static inline rounded rounded_expm1_f32(float x) {
    rounded r = rounded_normal(expm1_wide(clamp_f32(x, -30.0f, 89.0f)), 0x2000);
    r.value = copysignf(r.value, x);
    return r;
}

/* 1 / (1 + e^-x) */
#define ROUNDED_sigmoid_f32 1
static inline rounded rounded_sigmoid_f32(float x) {
    return rounded_any(1.0 / (1.0 + exp_wide(-clamp_f32(x, -104.0f, 89.0f))), 0x8000);
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

/* log(1 + f) = 2 atanh(s), s = f / (2 + f), |s| <= 0.1716. 2 atanh(s)/s in s^2, degree 5: 2^-45. A
 * direct polynomial in f of the same error has degree 16; the division overlaps with the rest. */
static inline double log1p_of_fraction(double f) {
    double s = f / (2.0 + f);
    return s * poly_5(s * s, 0x1.fffffffffff1p0, 0x1.55555556730cep-1, 0x1.999996283d15fp-2,
                      0x1.2494398b3e071p-2, 0x1.c6207e83a8177p-3, 0x1.9198e8d1ede71p-3);
}

/* The same, degree 6: 2^-50. */
static inline double log1p_of_fraction_fine(double f) {
    double s = f / (2.0 + f);
    return s * poly_6(s * s, 0x1.0000000000001p1, 0x1.55555555529b8p-1, 0x1.999999a4b384ap-2,
                      0x1.2492407d434efp-2, 0x1.c722e7b59ec1bp-3, 0x1.73203b18d2852p-3,
                      0x1.58f49a126e285p-3);
}

/* What a logarithm gives where its fast path does not hold: x <= 0, infinite, NaN. */
static inline float log_special_f32(float x, float log_x) {
    float outside = x == 0.0f ? -INFINITY : NAN;
    float r = x > 0.0f ? log_x : outside;
    return x == INFINITY ? x : r;
}

static inline double log_wide(double x) {
    log_parts p = log_reduce(x);
    return FMA64(p.k, LN_2, log1p_of_fraction(p.f));
}

#define ROUNDED_log_f32 1
static inline rounded rounded_log_f32(float x) {
    rounded r = rounded_normal(log_wide(x), 0x1000);
    r.value = log_special_f32(x, r.value);
    return r;
}

static inline float log_f32(float x) { return rounded_log_f32(x).value; }

#define ROUNDED_log2_f32 1
static inline rounded rounded_log2_f32(float x) {
    log_parts p = log_reduce(x);
    rounded r = rounded_normal(FMA64(log1p_of_fraction(p.f), LOG2_E, p.k), 0x1000);
    r.value = log_special_f32(x, r.value);
    return r;
}

#define ROUNDED_log10_f32 1
static inline rounded rounded_log10_f32(float x) {
    log_parts p = log_reduce(x);
    double whole = p.k * 0x1.34413509f79ffp-2;
    rounded r = rounded_normal(FMA64(log1p_of_fraction(p.f), 0x1.bcb7b1526e50ep-2, whole), 0x1000);
    r.value = log_special_f32(x, r.value);
    return r;
}

/* log(1 + t) for t > -1, finite: where 1 + t needs no scaling, f is t itself, without the rounding
 * of 1 + t. */
static inline double log1p_wide(double t) {
    log_parts p = log_reduce(1.0 + t);
    return FMA64(p.k, LN_2, log1p_of_fraction(p.k == 0.0 ? t : p.f));
}

#define ROUNDED_log1p_f32 1
static inline rounded rounded_log1p_f32(float x) {
    rounded r = rounded_normal(log1p_wide(x), 0x1000);
    float outside = x == -1.0f ? -INFINITY : NAN;
    r.value = x > -1.0f ? r.value : outside;
    r.value = x == INFINITY ? x : r.value;
    r.value = copysignf(r.value, x);
    return r;
}

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|); above sqrt(2) the logarithm's argument is halved. */
#define ROUNDED_softplus_f32 1
static inline rounded rounded_softplus_f32(float x) {
    double e = exp_wide(-at_most_f32(fabsf(x), 104.0f));
    bool halved = e > 0x1.a827999fcef32p-2;
    double r = log1p_of_fraction(halved ? 0.5 * e - 0.5 : e) + (halved ? LN_2 : 0.0);
    return rounded_any(r + (x < 0.0f ? 0.0f : x), 0x10000);
}

/* log(e^x + e^y) = max + log(1 + e^-|x - y|). The sum may cancel: only float64's accuracy leaves
 * enough of it, and little sums are always in doubt. */
#define ROUNDED_logaddexp_f32 1
static inline rounded rounded_logaddexp_f32(float x, float y) {
    double high = maximum_f32(x, y), d = fabs((double)x - (double)y);
    double sum = high + log1p_f64(exp_f64(-d));
    rounded r = rounded_normal(sum, 0x1000);
    r.in_doubt |= fabs(sum) < 0x1p-8;
    r.value = (x == y) & (fabsf(x) == INFINITY) ? x : r.value;
    return r;
}

/* -------------------------------------------------------------------------- trigonometric */

/* pi = PI_A + PI_B. With FMA, x - n PI_A is exact where it is small; without, PI_A has 31 bits, so
 * that n PI_A is exact for |n| < 2^21. */
#if PT_HAS_FMA
#define PI_A 0x1.921fb54442d18p1
#define PI_B 0x1.1a62633145c07p-53
#else
#define PI_A 0x1.921fb544p1
#define PI_B 0x1.0b4611a626331p-33
#endif
/* Beyond it every result is in doubt, and the reduction is that of float64. */
#define TRIG_LIMIT_F32 0x1p20f

/* sin(r), |r| <= pi/2. sin(r)/r in r^2, degree 6: 2^-43.9. */
static inline double sin_wide(double r) {
    return r * poly_6(r * r, 0x1.ffffffffffdcdp-1, -0x1.5555555540b4dp-3, 0x1.111111090dae4p-7,
                      -0x1.a019fce8e06edp-13, 0x1.71dce58de089ep-19, -0x1.ae00f79b8f673p-26,
                      0x1.52ac7f5c72abdp-33);
}

/* x = n pi + r: sin x = (-1)^n sin r. */
#define ROUNDED_sin_f32 1
static inline rounded rounded_sin_f32(float x) {
    const double inverse_pi = 0x1.45f306dc9c883p-2;
    double v = x, z = FMA64(v, inverse_pi, ROUND_64), n = z - ROUND_64;
    double r = NFMA64(n, PI_B, NFMA64(n, PI_A, v));
    double s = from_bits_f64(bits_f64(sin_wide(r)) ^ bits_f64(z) << 63);
    rounded result = rounded_normal(s, 0x1000);
    result.in_doubt |= fabsf(x) > TRIG_LIMIT_F32;
    return result;
}

/* x = (m - 1/2) pi + r: cos x = (-1)^m sin r. */
#define ROUNDED_cos_f32 1
static inline rounded rounded_cos_f32(float x) {
    const double inverse_pi = 0x1.45f306dc9c883p-2;
    double v = x, z = FMA64(v, inverse_pi, 0.5) + ROUND_64, n = (z - ROUND_64) - 0.5;
    double r = NFMA64(n, PI_B, NFMA64(n, PI_A, v));
    double s = from_bits_f64(bits_f64(sin_wide(r)) ^ bits_f64(z) << 63);
    rounded result = rounded_normal(s, 0x1000);
    result.in_doubt |= fabsf(x) > TRIG_LIMIT_F32;
    return result;
}

/* x = n pi/2 + r: tan x = tan r, or -1/tan r for odd n. tan(r)/r is N/D in r^2 on |r| <= pi/4:
 * 2^-45. */
#define ROUNDED_tan_f32 1
static inline rounded rounded_tan_f32(float x) {
    const double two_over_pi = 0x1.45f306dc9c883p-1;
    double v = x, z = FMA64(v, two_over_pi, ROUND_64), n = z - ROUND_64;
    double r = NFMA64(n, 0.5 * PI_B, NFMA64(n, 0.5 * PI_A, v)), q = r * r;
    double s = r * poly_2(q, 0x1.fffffffffff29p-1, -0x1.f106eafc6700ap-4, 0x1.0a73221846bbp-9);
    double c = poly_3(q, 1.0, -0x1.d19710147a917p-2, 0x1.4beb86df1e194p-6, -0x1.98d6f583af84p-14);
    uint64_t odd = 0 - (bits_f64(z) & 1);
    rounded result = rounded_normal(select_f64(odd, -c, s) / select_f64(odd, s, c), 0x1000);
    result.in_doubt |= fabsf(x) > TRIG_LIMIT_F32;
    return result;
}

/* ---------------------------------------------------------------------- inverse trigonometric */

/* atan(r), |r| <= tan(pi/8). atan(r)/r in r^2, degree 7: 2^-40. */
static inline double atan_wide(double r) {
    return r * poly_7(r * r, 0x1.fffffffffe687p-1, -0x1.5555554bf1e19p-2, 0x1.9999907eb239fp-3,
                      -0x1.249098d4b9e0ep-3, 0x1.c6cd28fc80594p-4, -0x1.705e07c6827dep-4,
                      0x1.1dcc9c80fdcdp-4, -0x1.34ebc837bd506p-5);
}

/* atan(y / x) for y, x >= 0, not both zero or infinite: turned by multiples of pi/4 until the
 * quotient is below tan(pi/8), which leaves one division. */
static inline double atan_quotient_wide(double y, double x) {
    bool high = y > 0x1.3504f333f9de6p1 * x, low = y <= 0x1.a827999fcef32p-2 * x;
    double numerator = high ? -x : y - x, denominator = high ? y : y + x;
    double offset = high ? HALF_PI : 0.5 * HALF_PI;
    numerator = low ? y : numerator;
    denominator = low ? x : denominator;
    offset = low ? 0.0 : offset;
    return offset + atan_wide(numerator / denominator);
}

#define ROUNDED_atan_f32 1
static inline rounded rounded_atan_f32(float x) {
    double r = atan_quotient_wide(at_most_f32(fabsf(x), 0x1p60f), 1.0);
    rounded result = rounded_normal(r, 0x4000);
    result.value = copysignf(result.value, x);
    return result;
}

#define ROUNDED_atan2_f32 1
static inline rounded rounded_atan2_f32(float y, float x) {
    /* Infinity becomes 2^1000, which every finite float vanishes against; two of them make pi/4. */
    double v = x, ay = at_most_f64(fabsf(y), 0x1p1000), ax = at_most_f64(fabs(v), 0x1p1000);
    double angle = atan_quotient_wide(ay, ay + ax == 0.0 ? 1.0 : ax);
    angle = copysign(1.0, v) < 0.0 ? 2.0 * HALF_PI - angle : angle;
    rounded result = rounded_any(angle, 0x4000);
    result.value = copysignf(result.value, y);
    return result;
}

/* sqrt(v) to 2^-47, for v >= 0 within float's range: a division and a square root of floats take
 * half of the time of a square root of doubles. NaN for v < 0. */
static inline double sqrt_wide(double v) {
    float s = __builtin_sqrtf((float)v), half_inverse = s > 0.0f ? 0.5f / s : 0.0f;
    double root = s;
    return FMA64(NFMA64(root, root, v), half_inverse, root);
}

/* b and asin(b) for b = |x| up to 1/2, and above it b = sqrt((1 - |x|)/2), by which
 * asin |x| = pi/2 - 2 asin(b). asin(b)/b in b^2, degree 8: 2^-40. */
static inline double asin_part_wide(float a) {
    float h = 0.5f - 0.5f * a;
    double v = a, b = a <= 0.5f ? v : sqrt_wide(h), z = a <= 0.5f ? v * v : h;
    return b * poly_8(z, 0x1.0000000001029p0, 0x1.55555541520aap-3, 0x1.3333437d8fe71p-4,
                      0x1.6db1c501f6c41p-5, 0x1.f291a9adf937cp-6, 0x1.65c9311562f45p-6,
                      0x1.5443f67c78babp-6, 0x1.bdb96ba61b30cp-10, 0x1.0fc3bff5a17e9p-5);
}

/* The square root of a negative number is the NaN of |x| > 1. */
#define ROUNDED_asin_f32 1
static inline rounded rounded_asin_f32(float x) {
    float a = fabsf(x);
    double part = asin_part_wide(a);
    rounded r = rounded_normal(a <= 0.5f ? part : HALF_PI - 2.0 * part, 0x8000);
    r.value = copysignf(r.value, x);
    return r;
}

/* pi/2 - asin x, pi - 2 asin b or 2 asin b */
#define ROUNDED_acos_f32 1
static inline rounded rounded_acos_f32(float x) {
    float a = fabsf(x), turned = x < 0.0f ? 2.0f : 0.0f, times = x < 0.0f ? 2.0f : -2.0f;
    bool small = a <= 0.5f;
    turned = small ? 1.0f : turned;
    times = small ? -0.5f * times : times;
    double part = asin_part_wide(a);
    return rounded_normal(turned * HALF_PI - times * part, 0x8000);
}

/* ------------------------------------------------------------------------------ hyperbolic */

/* |x| = n ln 2 + r, |r| <= ln(2)/2: cosh(n ln 2), sinh(n ln 2), cosh(r), sinh(r). By these neither
 * sinh nor cosh needs a division, and sinh is exact near 0, where n is 0. From 90 on both are
 * infinite. cosh(r) in r^2, degree 4: 2^-46; sinh(r)/r, degree 4: 2^-49. */
typedef struct {
    double cosh_n, sinh_n, cosh_r, sinh_r;
} hyperbolic_parts;

static inline hyperbolic_parts hyperbolic_reduce(float a) {
    double v = at_most_f32(a, 90.0f), z = FMA64(v, LOG2_E, ROUND_64 + 1023.0);
    double r = NFMA64(z - (ROUND_64 + 1023.0), LN_2, v), q = r * r;
    uint64_t bits = bits_f64(z) << 52; /* of 2^n */
    double up = from_bits_f64(bits - ((uint64_t)1 << 52));
    double down = from_bits_f64(((uint64_t)2045 << 52) - bits);
    double c = poly_4(q, 0x1.000000000003bp0, 0x1.ffffffffe7c38p-2, 0x1.5555558820699p-5,
                      0x1.6c162cb513096p-10, 0x1.a17ce90b840d4p-16);
    double s = poly_4(q, 0x1.0000000000005p0, 0x1.5555555550f98p-3, 0x1.111111237bff8p-7,
                      0x1.a019958ccb62ep-13, 0x1.72e04ad825d21p-19);
    return (hyperbolic_parts){up + down, up - down, c, r * s};
}

#define ROUNDED_sinh_f32 1
static inline rounded rounded_sinh_f32(float x) {
    hyperbolic_parts h = hyperbolic_reduce(fabsf(x));
    rounded r = rounded_normal(FMA64(h.sinh_n, h.cosh_r, h.cosh_n * h.sinh_r), 0x1000);
    r.value = copysignf(r.value, x);
    return r;
}

#define ROUNDED_cosh_f32 1
static inline rounded rounded_cosh_f32(float x) {
    hyperbolic_parts h = hyperbolic_reduce(fabsf(x));
    return rounded_normal(FMA64(h.cosh_n, h.cosh_r, h.sinh_n * h.sinh_r), 0x1000);
}

/* (e^2|x| - 1) / (e^2|x| + 1); at 10 it is 1 - 2^-28. */
#define ROUNDED_tanh_f32 1
static inline rounded rounded_tanh_f32(float x) {
    double e = expm1_wide(2.0f * at_most_f32(fabsf(x), 10.0f));
    rounded r = rounded_normal(e / (e + 2.0), 0x2000);
    r.value = copysignf(r.value, x);
    return r;
}

/* asinh |x| = log(|x| + sqrt(1 + x^2)); from 2^30 on log(2 |x|). Below 1/8: asinh(x)/x in x^2,
 * degree 4: 2^-44. */
#define ROUNDED_asinh_f32 1
static inline rounded rounded_asinh_f32(float x) {
    double a = fabsf(x), v = at_most_f32(fabsf(x), 0x1p30f), q = v * v;
    double u = (a > v ? a : sqrt_wide(q + 1.0)) + a;
    double small = a * poly_4(q, 0x1.ffffffffffe9ep-1, -0x1.5555555100f39p-3, 0x1.333321d705317p-4,
                              -0x1.6d9e770b7f5d5p-5, 0x1.e3be4eabfae4cp-6);
    rounded r = rounded_normal(a < 0.125 ? small : log_wide(u), 0x1000);
    r.value = copysignf(fabsf(x) < INFINITY ? r.value : fabsf(x), x);
    return r;
}

/* acosh x = log(1 + t), t = x - 1 + sqrt((x - 1)(x + 1)); from 2^30 on log(2x). */
#define ROUNDED_acosh_f32 1
static inline rounded rounded_acosh_f32(float x) {
    double v = at_most_f32(x, 0x1p30f), t = (double)x - 1.0;
    double more = x > 0x1p30f ? x : sqrt_wide((v - 1.0) * (v + 1.0));
    rounded r = rounded_normal(log1p_wide(t + more), 0x1000);
    r.value = x < INFINITY ? r.value : x;
    r.value = x < 1.0f ? NAN : r.value;
    return r;
}

/* atanh |x| = log(u / v) / 2, u = 1 + |x|, v = 1 - |x|. u / v = 2^k (1 + s) / (1 - s) where
 * s = (u - v 2^k) / (u + v 2^k) needs one division. Subtracting the bits of v from those of u finds
 * a k for which |s| <= 0.2004. 2 atanh(s)/s in s^2, degree 5: 2^-42. */
#define ROUNDED_atanh_f32 1
static inline rounded rounded_atanh_f32(float x) {
    const uint64_t two_52 = 0x4330000000000000, one = (uint64_t)1 << 52;
    double a = fabsf(x);
    uint64_t k = (bits_f64(1.0 + a) - bits_f64(1.0 - a) + one / 2) >> 52;
    double p = from_bits_f64((k + 1023) << 52);
    double s = FMA64(a, 1.0 + p, 1.0 - p) / FMA64(a, 1.0 - p, 1.0 + p);
    double q = poly_5(s * s, 0x1.ffffffffff97p0, 0x1.5555555b01f8ep-1, 0x1.99998ce48b62cp-2,
                      0x1.24977a724eb46p-2, 0x1.c533862e18c88p-3, 0x1.9d590ae5aa15p-3);
    double twice = FMA64(from_bits_f64(k | two_52) - 0x1p52, LN_2, s * q);
    rounded r = rounded_normal(0.5 * twice, 0x2000);
    r.value = a == 1.0 ? INFINITY : r.value;
    r.value = a <= 1.0 ? r.value : NAN;
    r.value = copysignf(r.value, x);
    return r;
}

/* -------------------------------------------------------------------------- erf, powers */

/* erf |x| = 1 - e^-P, P = -log(erfc |x|), which is smooth. P(a)/a on [0, 4], degree 14, weighted by
 * its effect on erf: 2^-41.8. At 4, erf is 1 - 2^-26. */
#define ROUNDED_erf_f32 1
static inline rounded rounded_erf_f32(float x) {
    double a = at_most_f32(fabsf(x), 4.0f), a2 = a * a, a4 = a2 * a2;
    double low = poly_6(a, 0x1.20dd75042a07ep0, 0x1.45f306dc0813cp-1, 0x1.a4f4e3530bc0cp-4,
                        -0x1.3966aecba1ebep-6, -0x1.b617beab2fcf2p-13, 0x1.bc4b073d8f15p-10,
                        -0x1.3340f886652d5p-11);
    double high = poly_7(a, 0x1.251159907d265p-16, 0x1.4223b6efe050ep-14, -0x1.67206f9f6f4e3p-15,
                         0x1.c78f9f9c1d0a3p-17, -0x1.7f699cc2b4d8dp-19, 0x1.a932003295069p-22,
                         -0x1.1ac80095a8fd9p-25, 0x1.5657c089ce863p-30);
    rounded r = rounded_any(-expm1_wide(-a * FMA64(a4 * a2 * a, high, low)), 0x8000);
    r.value = copysignf(r.value, x);
    return r;
}

/* 2^(y log2 |x|), in double: |y log2 |x|| < 151 where the result is neither 0 nor infinite, so that
 * an error of 2^-50 in the logarithm makes one of 2^-43 in the power. Special cases: Annex F. */
#define ROUNDED_pow_f32 1
static inline rounded rounded_pow_f32(float x, float y) {
    float ax = fabsf(x);
    log_parts p = log_reduce(ax);
    double w = (double)y * FMA64(log1p_of_fraction_fine(p.f), LOG2_E, p.k);
    rounded result = rounded_any(exp2_wide(clamp_f64(w, -151.0, 129.0)), 0x8000);
    float r = result.value, beyond = (ax == 0.0f) == (y < 0.0f) ? INFINITY : 0.0f;
    r = (ax == 0.0f) | (ax == INFINITY) ? beyond : r;
    r = (x != x) | (y != y) ? x + y : r;
    /* x^0 and (+-1)^y are 1, also where 0 times infinity or NaN stood. */
    r = (y == 0.0f) | (ax == 1.0f) ? 1.0f : r;
    float half = 0.5f * y;
    bool is_integer = round_f32(y) == y, is_odd = is_integer & (round_f32(half) != half);
    r = (x < 0.0f) & (ax < INFINITY) & !is_integer ? NAN : r;
    result.value = is_odd ? copysignf(r, x) : r;
    return result;
}

/* sqrt(x^2 + y^2): in double the squares are exact and cannot overflow. */
#define ROUNDED_hypot_f32 1
static inline rounded rounded_hypot_f32(float x, float y) {
    double a = x, b = y;
    rounded r = rounded_any(__builtin_sqrt(a * a + b * b), 2);
    r.value = fabsf(x) == INFINITY || fabsf(y) == INFINITY ? INFINITY : r.value;
    return r;
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
