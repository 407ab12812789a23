/* math_f64.h: the elementary functions of float64, at most 1 ULP off; tools/accuracy.c measures it
 * against MPFR. Subnormals, signed zeros, infinities and NaN come out as C99's Annex F asks.
 *
 * Where one rounding too many would cost the last bit, a value is carried as a pair (hi + lo); see
 * math_common.h. No tables: a gather costs more than the two or three multiply-adds by which a
 * smaller interval would shorten a polynomial.
 *
 * f_rare(x) and f_slow(x): functions whose fast path does not cover all inputs. The loop computes
 * every element with f and then, in a second pass over the block, replaces those for which
 * f_rare(x) with f_slow(x).
 *
 * Polynomials are minimax approximations made with Sollya (fpminimax, or remez where a weight is
 * given); each comment gives the interval and the error.
 */
#ifndef PT_MATH_F64_H
#define PT_MATH_F64_H

#include "math_common.h"

/* ------------------------------------------------------------ rounding, signs, comparisons */

#if defined(__SSE4_1__) || defined(__aarch64__)
static inline double round_f64(double x) { return __builtin_rint(x); }
static inline double floor_f64(double x) { return __builtin_floor(x); }
static inline double ceil_f64(double x) { return __builtin_ceil(x); }
static inline double trunc_f64(double x) { return __builtin_trunc(x); }
#else
/* SSE2 has no rounding instruction: adding and subtracting 2^52 rounds any |x| < 2^52; larger ones
 * are integers already. */
static inline double round_f64(double x) {
    double a = fabs(x), r = (a + 0x1p52) - 0x1p52;
    return copysign(a < 0x1p52 ? r : a, x);
}
static inline double floor_f64(double x) {
    double r = round_f64(x);
    return r > x ? r - 1.0 : r;
}
static inline double ceil_f64(double x) {
    double r = round_f64(x);
    return copysign(r < x ? r + 1.0 : r, x);
}
static inline double trunc_f64(double x) { return copysign(floor_f64(fabs(x)), x); }
#endif

/* -1, 0, 1 or NaN; sign_f64(-0.0) is +0. */
static inline double sign_f64(double x) {
    double s = x < 0.0 ? -1.0 : x;
    return x > 0.0 ? 1.0 : s + 0.0;
}

static inline double copysign_f64(double x, double y) { return copysign(x, y); }

/* The bits of a number count as its magnitude does. */
static inline double nextafter_f64(double x, double y) {
    double more = from_bits_f64(bits_f64(x) + 1), less = from_bits_f64(bits_f64(x) - 1);
    double r = (y > x) == (x > 0.0) ? more : less;
    r = x == 0.0 ? copysign(0x1p-1074, y) : r;
    r = x == y ? y : r;
    return (x != x) | (y != y) ? x + y : r;
}

/* NaN if either is NaN. */
static inline double maximum_f64(double x, double y) { return (x >= y) | (x != x) ? x : y; }
static inline double minimum_f64(double x, double y) { return (x <= y) | (x != x) ? x : y; }
/* NaN if any is NaN. Not minimum of maximum: the compiler would make branches of that. */
static inline double clip_f64(double x, double low, double high) {
    double v = x < low ? low : x;
    v = v > high ? high : v;
    return (low == low) & (high == high) ? v : low + high;
}

static inline bool isnan_f64(double x) { return x != x; }
static inline bool isinf_f64(double x) { return fabs(x) == (double)INFINITY; }
static inline bool isfinite_f64(double x) { return fabs(x) < (double)INFINITY; }

/* ------------------------------------------------------------------- exponential functions */

/* ln 2 = LN_2_A + LN_2_B to 2^-97; LN_2_A has 42 bits, so that n LN_2_A is exact for |n| < 2^11
 * (Cody & Waite). */
#define LN_2_A 0x1.62e42fefa38p-1
#define LN_2_B 0x1.ef35793c7673p-45
#define LN_2_LO 0x1.abc9e3b39803fp-56

/* x = n ln 2 + r + lo, |r| <= ln(2)/2. The low bits of z are n + 2046. */
typedef struct {
    double n, z, r, lo;
} exp_parts_f64;

#define EXP_ROUND (ROUND_64 + 2046.0)

/* |x| < 800 */
static inline exp_parts_f64 exp_reduce_f64(double x) {
    double z = FMA64(x, LOG2_E, EXP_ROUND), n = z - EXP_ROUND;
    double t = NFMA64(n, LN_2_A, x), r = NFMA64(n, LN_2_B, t);
    return (exp_parts_f64){n, z, r, NFMA64(n, LN_2_B, t - r)};
}

/* 2^n, n from -1100 to 1100, as two factors: neither overflows nor is subnormal, and a subnormal
 * product is rounded once, in the last multiplication. */
static inline double times_power_of_2(double p, double n, double z) {
    uint64_t half = bits_f64(FMA64(n, 0.5, ROUND_64 + 1023.0));
    return p * from_bits_f64(half << 52) * from_bits_f64((bits_f64(z) - half) << 52);
}

/* (e^r - 1 - r - r^2/2)/r^3 for |r| <= ln(2)/2: the coefficients of (e^r - 1 - r)/r^2, degree 10:
 * 2^-58, whose first is 1/2. */
static inline double exp_cubic_f64(double r) {
    return poly_9(r, 0x1.5555555555557p-3, 0x1.5555555555552p-5, 0x1.1111111110054p-7,
                  0x1.6c16c16c1892ep-10, 0x1.a01a01ac1be2dp-13, 0x1.a01a0197bf4cap-16,
                  0x1.71de01b37eb94p-19, 0x1.27e500d834d01p-22, 0x1.af4ebda277035p-26,
                  0x1.1f32fdb611c47p-29);
}

/* e^(r + lo) - 1 - r for |r| <= ln(2)/2 and small lo. */
static inline double exp_tail_f64(double r, double lo) {
    return FMA64(r * r, FMA64(exp_cubic_f64(r), r, 0.5), lo);
}

/* The bounds: e^710 is infinite, e^-746 zero. */
static inline double exp_f64(double x) {
    exp_parts_f64 e = exp_reduce_f64(clamp_f64(x, -746.0, 710.0));
    return times_power_of_2(1.0 + (e.r + exp_tail_f64(e.r, e.lo)), e.n, e.z);
}

/* x = n + r, 2^x = 2^n e^(r ln 2). */
static inline double exp2_f64(double x) {
    double v = clamp_f64(x, -1076.0, 1025.0);
    double z = v + EXP_ROUND, n = z - EXP_ROUND;
    pair r = two_product(v - n, LN_2);
    r = fast_two_sum(r.hi, FMA64(v - n, LN_2_LO, r.lo));
    return times_power_of_2(1.0 + (r.hi + exp_tail_f64(r.hi, r.lo)), n, z);
}

/* (e^x - 1) / 4 as a pair, for -700 < x <= EXP_HIGH, by which e^x/2 is infinite. A quarter, because
 * 2^n alone would overflow. */
#define EXP_HIGH 710.5
static inline pair quarter_expm1_f64(double x) {
    exp_parts_f64 e = exp_reduce_f64(x);
    double scale = from_bits_f64((bits_f64(e.z) - 1025) << 52); /* 2^(n - 2) */
    pair a = fast_two_sum(scale, -0.25), h = fast_two_sum(a.hi, scale * e.r);
    /* 2^n and 1 may cancel: r^2/2 counts with all its bits. */
    pair square = two_product(e.r, e.r);
    pair g = fast_two_sum(h.hi, 0.5 * scale * square.hi);
    double cubic = FMA64(e.r * square.hi, exp_cubic_f64(e.r), FMA64(0.5, square.lo, e.lo));
    return fast_two_sum(g.hi, FMA64(scale, cubic, g.lo + (h.lo + a.lo)));
}

static inline double expm1_f64(double x) {
    double r = 4.0 * quarter_expm1_f64(clamp_f64(x, -50.0, EXP_HIGH)).hi;
    return fabs(x) < 0x1p-54 ? x : r;
}

/* With p 2^n = e^-|x|: 1/(1 + p 2^n), or p 2^n / (1 + p 2^n) for negative x. */
static inline double sigmoid_f64(double x) {
    exp_parts_f64 e = exp_reduce_f64(-at_most_f64(fabs(x), 746.0));
    pair h = fast_two_sum(1.0, e.r);
    pair p = fast_two_sum(h.hi, h.lo + exp_tail_f64(e.r, e.lo));
    double scale = times_power_of_2(1.0, e.n, e.z);
    pair below = fast_two_sum(1.0, p.hi * scale);
    below.lo = FMA64(p.lo, scale, below.lo);
    bool negative = x < 0.0;
    pair above = {negative ? p.hi : 1.0, negative ? p.lo : 0.0};
    pair q = pair_over_pair(above, below);
    double r = q.hi + q.lo;
    return negative ? times_power_of_2(r, e.n, e.z) : r;
}

/* ------------------------------------------------------------------------------ logarithms */

/* v = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt(2), for v > 0 finite and normal; exponent: k + 1024.
 * k is shifted by shift: see log_reduce_f64. */
typedef struct {
    double k, f;
    uint64_t exponent;
} log_parts_f64;

static inline log_parts_f64 log_reduce_shifted_f64(double v, double shift) {
    /* Counted from sqrt(1/2), the exponent field changes where 1 + f wraps around. The exponent is
     * converted by placing it in the low bits of 2^52. */
    const uint64_t sqrt_half = 0x3fe6a09e667f3bcd, two_52 = 0x4330000000000000;
    uint64_t u = bits_f64(v) - sqrt_half + ((uint64_t)1024 << 52), exponent = u >> 52;
    double m = from_bits_f64((u & 0x000fffffffffffff) + sqrt_half);
    return (log_parts_f64){from_bits_f64(exponent | two_52) - shift, m - 1.0, exponent};
}

#define LOG_SHIFT (0x1p52 + 1024.0)

static inline log_parts_f64 log_reduce_normal_f64(double v) {
    return log_reduce_shifted_f64(v, LOG_SHIFT);
}

/* The same for a v that may be subnormal, which is scaled first. */
static inline log_parts_f64 log_reduce_f64(double v) {
    bool subnormal = v < 0x1p-1022;
    double scale = subnormal ? 0x1p54 : 1.0;
    return log_reduce_shifted_f64(v * scale, subnormal ? LOG_SHIFT + 54.0 : LOG_SHIFT);
}

/* log(1 + f) = f - half_square + rest, from 2 atanh(s) = f - (f^2/2 - s (f^2/2 + 2 s^2 R)) with
 * s = f / (2 + f), |s| <= 0.1716. 2R(s^2) = 2 (atanh(s) - s)/s^3, degree 6: 2^-51, or 2^-57.6 of
 * the whole. */
typedef struct {
    double half_square, rest;
} log_tail_f64;

static inline log_tail_f64 log_tail_of(double f) {
    double s = f / (2.0 + f), z = s * s, half_square = 0.5 * f * f;
    double p = poly_6(z, 0x1.5555555555558p-1, 0x1.9999999995314p-2, 0x1.2492492df0bf3p-2,
                      0x1.c71c62e3d0f51p-3, 0x1.7462b577374c8p-3, 0x1.39fe404ed4082p-3,
                      0x1.2b59fe57a5ad1p-3);
    return (log_tail_f64){half_square, s * FMA64(z, p, half_square)};
}

/* What a logarithm gives where its fast path does not hold: x <= 0, infinite, NaN. */
static inline double log_special_f64(double x, double log_x) {
    double outside = x == 0.0 ? -(double)INFINITY : (double)NAN;
    double r = x > 0.0 ? log_x : outside;
    return x == (double)INFINITY ? x : r;
}

static inline double log_f64(double x) {
    log_parts_f64 p = log_reduce_f64(x);
    pair h = fast_two_sum(p.k * LN_2_A, p.f);
    log_tail_f64 t = log_tail_of(p.f);
    double lo = FMA64(p.k, LN_2_B, h.lo) - (t.half_square - t.rest);
    return log_special_f64(x, h.hi + lo);
}

/* k a + c log(1 + f), where c has the parts c_hi (26 bits, so that its product with the upper half
 * of f - f^2/2 is exact) and c_lo, and k a the parts k_a and k_a_lo. */
static inline double log_scaled_f64(double x, double f, double k_a, double k_a_lo, double c_hi,
                                    double c_lo) {
    log_tail_f64 t = log_tail_of(f);
    double upper = from_bits_f64(bits_f64(f - t.half_square) & 0xfffffffff8000000);
    double lower = ((f - upper) - t.half_square) + t.rest;
    pair h = fast_two_sum(k_a, upper * c_hi);
    double lo = FMA64(lower, c_hi + c_lo, FMA64(upper, c_lo, k_a_lo));
    return log_special_f64(x, h.hi + (h.lo + lo));
}

static inline double log2_f64(double x) {
    log_parts_f64 p = log_reduce_f64(x);
    return log_scaled_f64(x, p.f, p.k, 0.0, 0x1.7154768p0, -0x1.6a3e80f444178p-27);
}

static inline double log10_f64(double x) {
    log_parts_f64 p = log_reduce_f64(x);
    return log_scaled_f64(x, p.f, p.k * 0x1.34413509f78p-2, p.k * 0x1.fef311f12b358p-46,
                          0x1.bcb7b18p-2, -0x1.6c8d78e6acaa4p-29);
}

/* log(1 + t.hi + t.lo) for t.hi > -1, finite, as a pair. Where 1 + t needs no scaling, f is t.hi
 * itself; else f_lo carries the rounding of 1 + t, and its factor 1/(1 + f) is taken to a few
 * bits: 1 - 2s + 2s^2 with s about f/2 - f^2/4. */
static inline pair log1p_pair_f64(pair t) {
    pair u = two_sum(1.0, t.hi);
    log_parts_f64 p = log_reduce_normal_f64(u.hi);
    double scale = from_bits_f64((2559 - p.exponent) << 52); /* 2^(512 - k): k may be 1024 */
    bool unscaled = p.k == 0.0;
    double f = unscaled ? t.hi : p.f;
    double f_lo = (unscaled ? t.lo : u.lo + t.lo) * 0x1p-512 * scale;
    f_lo = FMA64(f_lo, f * (f - 1.0), f_lo);
    log_tail_f64 tail = log_tail_of(f);
    pair g = fast_two_sum(f, -tail.half_square), h = fast_two_sum(p.k * LN_2_A, g.hi);
    double lo = FMA64(p.k, LN_2_B, h.lo) + (f_lo + g.lo);
    return fast_two_sum(h.hi, lo + tail.rest);
}

static inline double log1p_f64(double x) {
    double r = log1p_pair_f64((pair){x, 0.0}).hi;
    r = x < (double)INFINITY ? r : x;
    r = x < -1.0 ? (double)NAN : r;
    r = x == -1.0 ? -(double)INFINITY : r;
    return fabs(x) < 0x1p-54 ? x : r;
}

/* -------------------------------------------------------------------------- trigonometric */

/* Below it, no double comes closer to a multiple of pi/2 than 2^-60 or so. */
#define TRIG_LIMIT_F64 0x1p20

/* x = n pi/2 + hi + lo, |hi| <= pi/4 and a bit (Cody & Waite); the error of hi + lo is 2^-119. The
 * low bits of z are n. */
typedef struct {
    double hi, lo;
    uint64_t n;
} trig_parts;

#if PT_HAS_FMA
/* pi/2 = A + B + C. x - n A is exact: a multiple of 2^-53 below 1. B has 30 bits, so that either
 * n B is exact on a grid that holds the difference too, or smaller than half of x - n A; both ways
 * what the second subtraction loses is had exactly. It holds for parts of pi/16 as well. */
#define HALF_PI_A 0x1.921fb54442d18p0
#define HALF_PI_B 0x1.1a62633p-54
#define HALF_PI_C 0x1.45c06e0e68948p-86

static inline trig_parts trig_reduce(double x) {
    const double two_over_pi = 0x1.45f306dc9c883p-1;
    double z = FMA64(x, two_over_pi, ROUND_64), n = z - ROUND_64;
    double a = NFMA64(n, HALF_PI_A, x), b = NFMA64(n, HALF_PI_B, a);
    pair r = fast_two_sum(b, NFMA64(n, HALF_PI_C, NFMA64(n, HALF_PI_B, a - b)));
    return (trig_parts){r.hi, r.lo, bits_f64(z)};
}
#else
/* pi/2 in parts of 31 to 33 bits and a last one of 53: n times any of the first three is exact for
 * |n| < 2^20. */
#define HALF_PI_A 0x1.921fb544p0
#define HALF_PI_B 0x1.0b4611a6p-34
#define HALF_PI_C 0x1.3198a2ep-69
#define HALF_PI_D 0x1.b839a252049c1p-104

static inline trig_parts trig_reduce(double x) {
    const double two_over_pi = 0x1.45f306dc9c883p-1;
    double z = FMA64(x, two_over_pi, ROUND_64), n = z - ROUND_64;
    pair b = two_sum(NFMA64(n, HALF_PI_A, x), -(n * HALF_PI_B));
    pair c = two_sum(b.hi, -(n * HALF_PI_C));
    pair r = fast_two_sum(c.hi, b.lo + (c.lo - n * HALF_PI_D));
    return (trig_parts){r.hi, r.lo, bits_f64(z)};
}
#endif

/* sin(r + lo) - r, |r| <= pi/4. (sin(r)/r - 1)/r^2 in r^2, degree 5: 2^-52.7. */
static inline double sin_tail(double r, double lo) {
    double z = r * r;
    double p = poly_5(z, -0x1.5555555555555p-3, 0x1.1111111110c79p-7, -0x1.a01a019e9ec92p-13,
                      0x1.71de37aee3f0ep-19, -0x1.ae601e3dfb35cp-26, 0x1.5e10a50fc16fap-33);
    return FMA64(r * z, p, lo * NFMA64(0.5, z, 1.0));
}

/* cos(r + lo) as a pair. (cos(r) - 1 + r^2/2)/r^4 in r^2, degree 5: 2^-54. */
static inline pair cos_pair(double r, double lo) {
    double z = r * r, half = 0.5 * z;
    double p = poly_5(z, 0x1.5555555555555p-5, -0x1.6c16c16c168c9p-10, 0x1.a01a019f37fc6p-16,
                      -0x1.27e4fa0298e7fp-22, 0x1.1eeb578884a2ap-29, -0x1.90735193a2f26p-37);
    pair h = fast_two_sum(1.0, -half);
    return (pair){h.hi, h.lo + NFMA64(r, lo, z * z * p)};
}

/* The sine of t's angle and quarter_turns pi/2. */
static inline double sin_of_parts(trig_parts t, uint64_t quarter_turns) {
    pair c = cos_pair(t.hi, t.lo);
    double s = t.hi + sin_tail(t.hi, t.lo);
    uint64_t n = t.n + quarter_turns;
    double r = select_f64(0 - (n & 1), c.hi + c.lo, s);
    return from_bits_f64(bits_f64(r) ^ (n & 2) << 62);
}

static inline double sin_f64(double x) {
    double r = sin_of_parts(trig_reduce(x), 0);
    return x == 0.0 ? x : r;
}

static inline double cos_f64(double x) { return sin_of_parts(trig_reduce(x), 1); }

static inline double tan_of_parts(trig_parts t) {
    pair s = fast_two_sum(t.hi, sin_tail(t.hi, t.lo)), c = cos_pair(t.hi, t.lo);
    /* The quotient has errors enough: the rounding of r^2, in -r^2/2 and in -r r^2/6, shall not add
     * to them. */
    double square_lo = two_product(t.hi, t.hi).lo;
    c = fast_two_sum(c.hi, NFMA64(0.5, square_lo, c.lo));
    s.lo = NFMA64(t.hi * (1.0 / 6.0), square_lo, s.lo);
    uint64_t odd = 0 - (t.n & 1);
    pair above = {select_f64(odd, -c.hi, s.hi), select_f64(odd, -c.lo, s.lo)};
    pair below = {select_f64(odd, s.hi, c.hi), select_f64(odd, s.lo, c.lo)};
    pair q = pair_over_pair(above, below);
    return q.hi + q.lo;
}

static inline double tan_f64(double x) {
    double r = tan_of_parts(trig_reduce(x));
    return x == 0.0 ? x : r;
}

/* The same parts for any |x| >= 2^20, one at a time (Payne & Hanek): x = m 2^e times the 192 bits of
 * 2/pi that decide; what stands above them gives multiples of 4. No double comes closer to a
 * multiple of pi/2 than 2^-61, and the product is off by 2^-126. The C library's own sin and cos
 * err there by 8 ULP (glibc 2.36, at 0x1.6ac5b262ca1ffp+849). */
static inline trig_parts trig_reduce_large(double x) {
    static const uint64_t two_over_pi[] = {
        0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561,
        0xb7246e3a424dd2e0, 0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484,
        0xe99c7026b45f7e41, 0x3991d639835339f4, 0x9c845f8bbdf9283b, 0x1ff897ffde05980f,
        0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d, 0x7527bac7ebe5f17b,
        0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab};
    __extension__ typedef unsigned __int128 wide;
    __extension__ typedef __int128 wide_signed;
    if (!(fabs(x) < (double)INFINITY)) {
        return (trig_parts){x - x, 0.0, 0};
    }
    uint64_t u = bits_f64(fabs(x)), m = (u & 0x000fffffffffffff) | 0x0010000000000000;
    int e = (int)(u >> 52) - 1075, skipped = e > 2 ? e - 2 : 0;
    uint64_t g[3];
    for (int i = 0; i < 3; i++) {
        const uint64_t *w = two_over_pi + skipped / 64 + i;
        g[i] = (uint64_t)(((wide)w[0] << 64 | w[1]) << skipped % 64 >> 64);
    }
    wide low = (wide)m * g[2], middle = (wide)m * g[1] + (uint64_t)(low >> 64);
    wide high = (wide)m * g[0] + (uint64_t)(middle >> 64);
    /* x 2/pi modulo 4, in units of 2^-126 */
    int shift = 2 - (e - skipped);
    wide turns = high << (64 - shift) | (wide)(uint64_t)middle >> shift;
    uint64_t n = (uint64_t)((turns + ((wide)1 << 125)) >> 126);
    wide_signed rest = (wide_signed)(turns - ((wide)n << 126));
    double hi = (double)rest, lo = (double)(rest - (wide_signed)hi);
    pair r = two_product(hi * 0x1p-126, 0x1.921fb54442d18p0);
    r.lo += hi * 0x1p-126 * 0x1.1a62633145c07p-54 + lo * 0x1p-126 * 0x1.921fb54442d18p0;
    r = fast_two_sum(r.hi, r.lo);
    return x < 0.0 ? (trig_parts){-r.hi, -r.lo, 0 - n} : (trig_parts){r.hi, r.lo, n};
}

static inline bool sin_f64_rare(double x) { return fabs(x) > TRIG_LIMIT_F64; }
static inline bool cos_f64_rare(double x) { return fabs(x) > TRIG_LIMIT_F64; }
static inline bool tan_f64_rare(double x) { return fabs(x) > TRIG_LIMIT_F64; }
static inline double sin_f64_slow(double x) { return sin_of_parts(trig_reduce_large(x), 0); }
static inline double cos_f64_slow(double x) { return sin_of_parts(trig_reduce_large(x), 1); }
static inline double tan_f64_slow(double x) { return tan_of_parts(trig_reduce_large(x)); }

/* ---------------------------------------------------------------------- inverse trigonometric */

#define HALF_PI 0x1.921fb54442d18p0
#define HALF_PI_LO 0x1.1a62633145c07p-54

/* atan(y / x) as a pair, for y, x >= 0, below 2^1022, not both zero: turned by multiples of pi/4
 * until the quotient is below tan(pi/8), which leaves one division. (atan(r)/r - 1)/r^2 in r^2,
 * degree 10: 2^-53. */
static inline pair atan_quotient_f64(double y, double x) {
    bool high = y > 0x1.3504f333f9de6p1 * x, low = y <= 0x1.a827999fcef32p-2 * x;
    pair difference = two_sum(y, -x), sum = two_sum(y, x);
    pair above = {high ? -x : difference.hi, high ? 0.0 : difference.lo};
    pair below = {high ? y : sum.hi, high ? 0.0 : sum.lo};
    pair offset = {high ? HALF_PI : 0.5 * HALF_PI, high ? HALF_PI_LO : 0.5 * HALF_PI_LO};
    above.hi = low ? y : above.hi;
    above.lo = low ? 0.0 : above.lo;
    below.hi = low ? x : below.hi;
    below.lo = low ? 0.0 : below.lo;
    offset.hi = low ? 0.0 : offset.hi;
    offset.lo = low ? 0.0 : offset.lo;
    pair q = pair_over_pair(above, below);
    double r = q.hi, z = r * r;
    double p = poly_10(z, -0x1.5555555555555p-2, 0x1.9999999999429p-3, -0x1.249249243d5dbp-3,
                       0x1.c71c7188ab98fp-4, -0x1.745d0b99ded28p-4, 0x1.3b126bbc60faap-4,
                       -0x1.10fae2a77af5p-4, 0x1.dfecbcef0c954p-5, -0x1.a0b80a4b8352fp-5,
                       0x1.41b2dd156e1d1p-5, -0x1.3ae61322a5a5ap-6);
    pair h = fast_two_sum(offset.hi, r);
    return fast_two_sum(h.hi, h.lo + (offset.lo + FMA64(r * z, p, q.lo)));
}

static inline double atan_f64(double x) {
    /* From 2^55 on the result is that at 2^55. */
    double r = atan_quotient_f64(at_most_f64(fabs(x), 0x1p55), 1.0).hi;
    return fabs(x) < 0x1p-27 ? x : copysign(r, x);
}

static inline double atan2_f64(double y, double x) {
    const double infinity = (double)INFINITY;
    double ay = fabs(y), ax = fabs(x);
    bool both_infinite = ay == infinity && ax == infinity, both_zero = ay == 0.0 && ax == 0.0;
    bool y_tiny = ay < ax * 0x1p-60, x_tiny = ax < ay * 0x1p-60;
    /* Neither matters beyond a ratio of 2^60, and then large and small are both brought near 1. */
    double larger = ay > ax ? ay : ax;
    double scale = larger > 0x1p500 ? 0x1p-600 : larger < 0x1p-400 ? 0x1p600 : 1.0;
    double sy = x_tiny || both_infinite ? 1.0 : y_tiny ? 0.0 : ay * scale;
    double sx = y_tiny || both_infinite || both_zero ? 1.0 : x_tiny ? 0.0 : ax * scale;
    pair q = atan_quotient_f64(sy, sx);
    bool left = copysign(1.0, x) < 0.0;
    pair turned = fast_two_sum(2.0 * HALF_PI, -q.hi);
    double r = left ? turned.hi + (turned.lo + (2.0 * HALF_PI_LO - q.lo)) : q.hi;
    /* A tiny angle is the quotient itself. */
    r = y_tiny && !left ? ay / ax : r;
    r = copysign(r, y);
    r = y != y ? y : r;
    return x != x ? x : r;
}

/* asin(a) - a for |a| <= 1/2. (asin(a)/a - 1)/a^2 in a^2, degree 12: 2^-53. */
static inline double asin_tail(double a, double a2) {
    return a * a2 *
           poly_12(a2, 0x1.5555555555556p-3, 0x1.3333333332dcdp-4, 0x1.6db6db6e4397cp-5,
                   0x1.f1c71c14da09cp-6, 0x1.6e8bb2fe2329ap-6, 0x1.1c4d1bf9d28bap-6,
                   0x1.c9d1cecf332c7p-7, 0x1.780cd7fa32f42p-7, 0x1.52df0d2510ee1p-7,
                   0x1.60a47d90a2ccfp-8, 0x1.205df5d584023p-6, -0x1.f07d84df1aa11p-7,
                   0x1.da67301f2bbc8p-6);
}

/* sqrt(a.hi + a.lo), a.hi >= 0, as a pair; sqrt(0) is 0. */
static inline pair pair_sqrt(pair a) {
    double s = __builtin_sqrt(a.hi);
    double lo = (residual(a.hi, s, s) + a.lo) / (s + s);
    return (pair){s, s == 0.0 ? 0.0 : lo};
}

/* Above 1/2: asin a = pi/2 - 2 asin(sqrt((1 - a)/2)). The square root of a negative number is the
 * NaN of |x| > 1. */
static inline double asin_f64(double x) {
    double a = fabs(x), z = 0.5 - 0.5 * a;
    bool small = a <= 0.5;
    pair s = pair_sqrt((pair){z, 0.0});
    double b = small ? a : s.hi, tail = asin_tail(b, small ? a * a : z);
    pair h = fast_two_sum(HALF_PI, -2.0 * b);
    double large = h.hi + (h.lo + (HALF_PI_LO - 2.0 * (s.lo + tail)));
    return copysign(small ? b + tail : large, x);
}

static inline double acos_f64(double x) {
    double a = fabs(x), z = 0.5 - 0.5 * a;
    bool small = a <= 0.5, negative = x < 0.0;
    pair s = pair_sqrt((pair){z, 0.0});
    double b = small ? x : s.hi, tail = asin_tail(b, small ? x * x : z);
    tail = small ? tail : s.lo + tail;
    /* pi/2 - (b + tail), pi - 2 (b + tail) or 2 (b + tail) */
    double whole = small ? 1.0 : 2.0, from = small ? HALF_PI : 2.0 * HALF_PI;
    double from_lo = small ? HALF_PI_LO : 2.0 * HALF_PI_LO;
    pair h = fast_two_sum(from, -whole * b);
    double subtracted = h.hi + (h.lo + NFMA64(whole, tail, from_lo));
    return small || negative ? subtracted : 2.0 * (b + tail);
}

/* ------------------------------------------------------------------------------ hyperbolic */

/* tanh x = (e^2x - 1) / (e^2x + 1); at 20 it is 1 - 2^-56. */
static inline double tanh_f64(double x) {
    double a = fabs(x);
    pair e = quarter_expm1_f64(2.0 * at_most_f64(a, 20.0)), below = two_sum(0.5, e.hi);
    below.lo += e.lo;
    pair q = pair_over_pair(e, below);
    return copysign(a < 0x1p-28 ? a : q.hi + q.lo, x);
}

/* With h = (e^|x| - 1)/4: sinh |x| / 2 = h + (h/4) / (h + 1/4). */
static inline double sinh_f64(double x) {
    double a = fabs(x);
    pair h = quarter_expm1_f64(at_most_f64(a, EXP_HIGH));
    double v = at_most_f64(h.hi, 0x1p200); /* the quotient is 1/4 by then */
    pair below = two_sum(0.25, v);
    below.lo += h.lo;
    pair q = pair_over_pair((pair){0.25 * v, 0.25 * h.lo}, below);
    pair s = fast_two_sum(h.hi, q.hi);
    return copysign(a < 0x1p-28 ? a : 2.0 * (s.hi + (s.lo + (h.lo + q.lo))), x);
}

/* With E = e^|x| / 4: cosh x / 2 = E + 1 / (16 E), where the second term is never the larger: its
 * rounding counts for an eighth of an ULP at most. */
static inline double cosh_f64(double x) {
    exp_parts_f64 e = exp_reduce_f64(at_most_f64(fabs(x), EXP_HIGH));
    pair h = fast_two_sum(1.0, e.r);
    double scale = from_bits_f64((bits_f64(e.z) - 1025) << 52); /* 2^(n - 2) */
    pair p = fast_two_sum(h.hi, h.lo + exp_tail_f64(e.r, e.lo));
    p.hi *= scale;
    p.lo *= scale;
    pair s = fast_two_sum(p.hi, 0.0625 / p.hi);
    return 2.0 * (s.hi + (s.lo + p.lo));
}

/* asinh |x| = log(1 + t), t = |x| + (sqrt(1 + x^2) - 1); from 2^60 on 2 |x| is under the log. */
static inline double asinh_f64(double x) {
    double a = fabs(x), v = at_most_f64(a, 0x1p60);
    pair square = two_product(v, v), s = two_sum(1.0, square.hi);
    s.lo += square.lo;
    s = pair_sqrt(s);
    pair t = two_sum(v, s.hi - 1.0);
    t.lo += s.lo;
    bool large = a > 0x1p60;
    t.hi = large ? a : t.hi;
    t.lo = large ? 0.0 : t.lo;
    pair r = log1p_pair_f64(t);
    pair h = fast_two_sum(r.hi, large ? LN_2 : 0.0);
    double y = h.hi + (h.lo + r.lo);
    y = a < (double)INFINITY ? y : a;
    return copysign(a < 0x1p-28 ? a : y, x);
}

/* acosh x = log(1 + t), t = x - 1 + sqrt(x^2 - 1); from 2^60 on 2x is under the log. */
static inline double acosh_f64(double x) {
    double v = at_most_f64(x, 0x1p60);
    pair square = two_product(v, v), s = two_sum(square.hi, -1.0);
    s.lo += square.lo;
    s = pair_sqrt(fast_two_sum(s.hi, s.lo));
    pair t = two_sum(v - 1.0, s.hi);
    t.lo += s.lo;
    bool large = x > 0x1p60;
    t.hi = large ? x : t.hi;
    t.lo = large ? 0.0 : t.lo;
    pair r = log1p_pair_f64(t);
    pair h = fast_two_sum(r.hi, large ? LN_2 : 0.0);
    double y = h.hi + (h.lo + r.lo);
    y = x < (double)INFINITY ? y : x;
    return x < 1.0 ? (double)NAN : y;
}

/* atanh |x| = log(1 + t) / 2, t = 2 |x| / (1 - |x|). */
static inline double atanh_f64(double x) {
    double a = fabs(x);
    pair t = pair_over_pair((pair){a + a, 0.0}, two_sum(1.0, -a));
    t = fast_two_sum(t.hi, t.lo);
    pair r = log1p_pair_f64(t);
    double y = 0.5 * r.hi;
    y = a < 0x1p-28 ? a : y;
    y = a == 1.0 ? (double)INFINITY : y;
    return copysign(a <= 1.0 ? y : (double)NAN, x);
}

/* ------------------------------------------------------------------------ erf, roots, powers */

/* erf |x| below 27/32: a + a E(a^2), E = erf(a)/a - 1, degree 11: 2^-56 absolute. From there on:
 * 1 - e^-P(a - 1), P = -log(erfc a), which is smooth; on [27/32, 6], degree 19, weighted by its
 * effect on erf: 2^-58.2. At 6, erf is 1 - 2^-55. Where they meet, the roundings of both count for
 * less than at 1 and at 3/4. */
static inline double erf_f64(double x) {
    double a = fabs(x), t = at_most_f64(a, 6.0) - 1.0, t2 = t * t, t4 = t2 * t2, a2 = a * a;
    double low = poly_9(a2, 0x1.ce2f21a0437c7p-4, -0x1.b82ce312b29fcp-6, 0x1.565bcd134faa5p-8,
                        -0x1.c02db4a3f4842p-11, 0x1.f9a33204648acp-14, -0x1.f4d27e390517bp-17,
                        0x1.b9dce81b5ddf1p-20, -0x1.5e9c2724c0717p-23, 0x1.ebf433d7df693p-27,
                        -0x1.f4c967a888af4p-31);
    low = FMA64(FMA64(low, a2, -0x1.812746b0379ffp-2), a2, 0x1.06eba8214db69p-3);
    double small = FMA64(a, low, a);
    double lower = poly_8(t, 0x1.51c9b0006c23dp1, 0x1.afabc11a28f3bp-1, 0x1.5477f09ca8adbp-5,
                          -0x1.48c9d40c0962p-7, 0x1.033f6996dbb86p-9, -0x1.f1b4bc005e993p-13,
                          -0x1.b8be6d093e292p-16, 0x1.c75a961e4409dp-16, -0x1.415f7816a99dbp-17);
    double upper = poly_9(t, 0x1.0f0573f1fe345p-19, -0x1.bc2c5b577afb7p-24, -0x1.0fc99f9881e54p-23,
                          0x1.248eb5abd6dddp-24, -0x1.728e35123ee28p-26, 0x1.4fdb895409ad2p-28,
                          -0x1.bac0635f96654p-31, 0x1.95a9b95dd75a7p-34, -0x1.ce543df0c0158p-38,
                          0x1.ec9c818d762f1p-43);
    pair exponent = fast_two_sum(0x1.d97fbf27aa2a1p0, t * FMA64(t4 * t4 * t, upper, lower));
    exp_parts_f64 e = exp_reduce_f64(-exponent.hi);
    e.lo -= exponent.lo;
    double p = 1.0 + (e.r + exp_tail_f64(e.r, e.lo));
    double large = NFMA64(p, from_bits_f64((bits_f64(e.z) - 1023) << 52), 1.0);
    return copysign(a < 0.84375 ? small : large, x);
}

/* log x as a pair (not normalised) to 2^-66, for x > 0 finite: 2 atanh(s/2), s = 2f / (2 + f) as a
 * pair, plus k ln 2. 2 atanh(s/2) = s + s^3 (1/12 + s^2 Q), where s^2 Q is small enough against
 * 1/12 to add 2^-66 at most. Q(4z) = (atanh(r) - r - r^3/3)/r^5 / 16 in z = r^2, |r| <= 0.1716,
 * degree 7: 2^-54. Products of pairs are written out: normalising each would double the latency. */
static inline pair log_pair(double x) {
    log_parts_f64 p = log_reduce_f64(x);
    pair d = fast_two_sum(2.0, p.f);
    double inverse = 1.0 / d.hi, f = p.f + p.f, s = f * inverse;
    double s_lo = NFMA64(s, d.lo, residual(f, s, d.hi)) * inverse;
    pair z = two_product(s, s);
    z.lo = FMA64(s + s, s_lo, z.lo);
    double q = poly_7(z.hi, 0x1.999999999999ap-7, 0x1.24924924922fcp-9, 0x1.c71c71c74d238p-12,
                      0x1.745d173c4c2fap-14, 0x1.3b13aa0923f8ap-16, 0x1.11154490f96bap-18,
                      0x1.e01bf311dd386p-21, 0x1.da8c499cb956ep-23);
    pair v = fast_two_sum(0x1.5555555555555p-4, z.hi * q); /* 1/12 + s^2 Q */
    pair cube = two_product(s, z.hi);
    cube.lo = FMA64(s, z.lo, FMA64(s_lo, z.hi, cube.lo));
    pair t = two_product(cube.hi, v.hi);
    t.lo = FMA64(cube.hi, v.lo + 0x1.5555555555555p-58, FMA64(cube.lo, v.hi, t.lo));
    pair l = fast_two_sum(s, t.hi), h = fast_two_sum(p.k * LN_2_A, l.hi);
    return (pair){h.hi, h.lo + FMA64(p.k, LN_2_B, l.lo + (s_lo + t.lo))};
}

/* e^(y log |x|): where that is neither 0 nor infinite, |y log |x|| < 746, so that the error of the
 * logarithm makes one of 2^-56. Special cases (Annex F) are put in at the end, where no computation
 * has to wait for them. */
static inline double pow_f64(double x, double y) {
    const double infinity = (double)INFINITY;
    double ax = fabs(x);
    pair l = log_pair(ax), w = two_product(y, l.hi);
    w.lo = FMA64(y, l.lo, w.lo);
    double z = FMA64(w.hi, LOG2_E, EXP_ROUND), n = z - EXP_ROUND;
    pair r = fast_two_sum(NFMA64(n, LN_2_A, w.hi), NFMA64(n, LN_2_B, w.lo));
    double e = times_power_of_2(1.0 + (r.hi + exp_tail_f64(r.hi, r.lo)), n, z);
    e = w.hi < -746.0 ? 0.0 : e;
    e = w.hi > 710.0 ? infinity : e;
    double beyond = (ax == 0.0) == (y < 0.0) ? infinity : 0.0;
    e = (ax == 0.0) | (ax == infinity) ? beyond : e;
    e = __builtin_isunordered(x, y) ? x + y : e;
    /* x^0 and (+-1)^y are 1, also where 0 times infinity or NaN stood. */
    e = (y == 0.0) | (ax == 1.0) ? 1.0 : e;
    double half = 0.5 * y;
    bool is_integer = round_f64(y) == y, is_odd = is_integer & (round_f64(half) != half);
    e = (x < 0.0) & (ax < infinity) & !is_integer ? (double)NAN : e;
    return is_odd ? copysign(e, x) : e;
}

/* x = 2^(3j + i) m with i in {-1, 0, 1}: the root is 2^j (2^i m) y^2 with y = (2^i m)^(-1/3), from
 * a polynomial for m^(-1/3) on [sqrt(1/2), sqrt(2)] of degree 4 and error 2^-14.7, one step of
 * third order (2^-43) and a Newton step on the cube root itself. */
static inline double cbrt_f64(double x) {
    const double root_2 = 0x1.428a2f98d728bp0, root_half = 0x1.965fea53d6e3dp-1;
    log_parts_f64 p = log_reduce_f64(fabs(x));
    double z = FMA64(p.k, 1.0 / 3.0, ROUND_64 + 1023.0);
    double i = NFMA64(3.0, z - (ROUND_64 + 1023.0), p.k), m = 1.0 + p.f;
    double y = poly_4(m, 0x1.dfe0923135bcep0, -0x1.dca093e544c4dp0, 0x1.8fb01a4f17e77p0,
                      -0x1.679bc9cd3497dp-1, 0x1.06e2167615232p-3);
    y *= i > 0.5 ? root_half : i < -0.5 ? root_2 : 1.0;
    m *= i > 0.5 ? 2.0 : i < -0.5 ? 0.5 : 1.0;
    double e = NFMA64(m * y, y * y, 1.0);
    y = FMA64(y * e, FMA64(e, 2.0 / 9.0, 1.0 / 3.0), y);
    double c = m * y * y;
    pair square = two_product(c, c);
    double rest = NFMA64(square.lo, c, residual(m, square.hi, c));
    double r = FMA64(rest * (1.0 / 3.0), y * y, c) * from_bits_f64(bits_f64(z) << 52);
    return x == 0.0 || !(fabs(x) < (double)INFINITY) ? x : copysign(r, x);
}

/* sqrt(x^2 + y^2), both scaled by a power of two so that no square overflows or is subnormal. */
static inline double hypot_f64(double x, double y) {
    const double infinity = (double)INFINITY;
    double ax = fabs(x), ay = fabs(y), larger = ax > ay ? ax : ay, smaller = ax > ay ? ay : ax;
    double scale = larger > 0x1p500 ? 0x1p-600 : larger < 0x1p-400 ? 0x1p600 : 1.0;
    double inverse = larger > 0x1p500 ? 0x1p600 : larger < 0x1p-400 ? 0x1p-600 : 1.0;
    double a = larger * scale, b = smaller * scale;
    pair a2 = two_product(a, a), b2 = two_product(b, b), sum = fast_two_sum(a2.hi, b2.hi);
    sum.lo += a2.lo + b2.lo;
    pair s = pair_sqrt(sum);
    double r = (s.hi + s.lo) * inverse;
    r = x != x || y != y ? x + y : r;
    return ax == infinity || ay == infinity ? infinity : r;
}

/* log(e^x + e^y) = max + log(1 + e^-|x - y|) */
static inline double logaddexp_f64(double x, double y) {
    double high = maximum_f64(x, y), low = minimum_f64(x, y);
    pair d = two_sum(low, -high);
    double v = d.hi < -746.0 ? -746.0 : d.hi;
    exp_parts_f64 e = exp_reduce_f64(v);
    pair h = fast_two_sum(1.0, e.r);
    pair p = fast_two_sum(h.hi, h.lo + exp_tail_f64(e.r, e.lo));
    p.lo = FMA64(v == d.hi ? d.lo : 0.0, p.hi, p.lo);
    p.hi = times_power_of_2(p.hi, e.n, e.z);
    p.lo = times_power_of_2(p.lo, e.n, e.z);
    pair l = log1p_pair_f64(p);
    pair s = two_sum(high, l.hi);
    double r = s.hi + (s.lo + l.lo);
    r = d.hi < -746.0 ? high + 0.0 : r;
    return x == y && fabs(x) == (double)INFINITY ? x : r;
}

static inline double softplus_f64(double x) { return logaddexp_f64(x, 0.0); }

/* ----------------------------------------------------------------- division and its remainder */

/* Python's and NumPy's: the quotient is rounded down, the remainder has the sign of y. Below 2^51
 * the quotient is off by less than one and the remainder is exact; it tells by its sign when the
 * quotient has to be corrected. */
typedef struct {
    double quotient, remainder;
} division_f64;

static inline division_f64 divide_floor_f64(double x, double y) {
    double q = x / y, n = (q + ROUND_64) - ROUND_64;
    double r = residual(x, n, y);
    bool wrong = y > 0.0 ? r < 0.0 : r > 0.0;
    return (division_f64){wrong ? n - 1.0 : n, wrong ? r + y : r};
}

static inline double floor_divide_f64(double x, double y) {
    double q = divide_floor_f64(x, y).quotient;
    return q == 0.0 ? copysign(0.0, x / y) : q;
}

static inline double remainder_f64(double x, double y) {
    double r = divide_floor_f64(x, y).remainder;
    return r == 0.0 ? copysign(r, y) : r;
}

/* The bounds on y keep the exact product within two_product's range. */
static inline bool floor_divide_f64_rare(double x, double y) {
    double ax = fabs(x), ay = fabs(y);
    return !(ay > 0x1p-900 && ay < 0x1p900 && ax < 0x1p51 * ay);
}
static inline bool remainder_f64_rare(double x, double y) { return floor_divide_f64_rare(x, y); }

static inline double remainder_f64_slow(double x, double y) {
    double r = fmod(x, y);
    if (r == 0.0) {
        return copysign(0.0, y);
    }
    return (y < 0.0) != (r < 0.0) ? r + y : r;
}

static inline double floor_divide_f64_slow(double x, double y) {
    if (y == 0.0 || isinf(x) || isinf(y)) { /* the Array API standard's rule for infinities */
        return x / y;
    }
    double r = fmod(x, y), q = (x - r) / y;
    if (r != 0.0 && (y < 0.0) != (r < 0.0)) {
        q -= 1.0;
    }
    if (q == 0.0) {
        return copysign(0.0, x / y);
    }
    double n = floor(q);
    return q - n > 0.5 ? n + 1.0 : n;
}

#endif
