/* math_common.h: what the elementary functions of both precisions share.
 *
 * Everything here and in math_f32.h, math_f64.h is free of branches, calls and table look-ups, so
 * that a loop `#pragma omp simd ... out[i] = exp_f32(x[i])` vectorises for any instruction set:
 * tests are ternaries over values that were computed anyway, and 64-bit integers are only added,
 * subtracted and shifted (SSE2 can neither compare nor convert them).
 *
 * The file is compiled with -ffp-contract=off: a fused multiply-add appears where FMA64 says so and
 * nowhere else. Every error bound holds with and without it.
 */
#ifndef PT_MATH_COMMON_H
#define PT_MATH_COMMON_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* FMA: a * b + c; NFMA: c - a * b. */
#if defined(__FMA__) || defined(__aarch64__)
#define PT_HAS_FMA 1
#define FMA64(a, b, c) __builtin_fma(a, b, c)
#define NFMA64(a, b, c) __builtin_fma(-(a), b, c)
#define FMA32(a, b, c) __builtin_fmaf(a, b, c)
#define NFMA32(a, b, c) __builtin_fmaf(-(a), b, c)
#else
#define PT_HAS_FMA 0
#define FMA64(a, b, c) ((a) * (b) + (c))
#define NFMA64(a, b, c) ((c) - (a) * (b))
#define FMA32(a, b, c) ((a) * (b) + (c))
#define NFMA32(a, b, c) ((c) - (a) * (b))
#endif

/* Adding ROUND_64 to a double below 2^51 rounds it to an integer (half to even), which then stands
 * in the low bits of the sum. ROUND_32 does the same for floats below 2^22. */
#define ROUND_64 0x1.8p52
#define ROUND_32 0x1.8p23f

#define LOG2_E 0x1.71547652b82fep0
#define LN_2 0x1.62e42fefa39efp-1

static inline uint64_t bits_f64(double x) {
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline double from_bits_f64(uint64_t u) {
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static inline uint32_t bits_f32(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline float from_bits_f32(uint32_t u) {
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* mask ? a : b for a mask of all ones or all zeros. */
static inline double select_f64(uint64_t mask, double a, double b) {
    return from_bits_f64((bits_f64(a) & mask) | (bits_f64(b) & ~mask));
}

/* x, or the bound it is beyond; NaN stays. Both comparisons are with x: they need not wait for each
 * other. */
static inline double at_most_f64(double x, double high) { return x > high ? high : x; }
static inline float at_most_f32(float x, float high) { return x > high ? high : x; }
static inline double clamp_f64(double x, double low, double high) {
    double v = x < low ? low : x;
    return x > high ? high : v;
}
static inline float clamp_f32(float x, float low, float high) {
    float v = x < low ? low : x;
    return x > high ? high : v;
}

/* c0 + c1 x + c2 x^2 + ..., the even and the odd powers in a chain each: what holds such a loop up
 * is the latency of its multiply-adds, as the processor can look ahead a few iterations only. The
 * chains measure 1.2 times faster than Horner's rule. */
static inline double poly_1(double x, double c0, double c1) { return FMA64(c1, x, c0); }
static inline double poly_2(double x, double c0, double c1, double c2) {
    return FMA64(FMA64(c2, x, c1), x, c0);
}
static inline double poly_3(double x, double c0, double c1, double c2, double c3) {
    double x2 = x * x;
    return FMA64(poly_1(x2, c1, c3), x, poly_1(x2, c0, c2));
}
static inline double poly_4(double x, double c0, double c1, double c2, double c3, double c4) {
    double x2 = x * x;
    return FMA64(poly_1(x2, c1, c3), x, poly_2(x2, c0, c2, c4));
}
static inline double poly_5(double x, double c0, double c1, double c2, double c3, double c4,
                            double c5) {
    double x2 = x * x;
    return FMA64(poly_2(x2, c1, c3, c5), x, poly_2(x2, c0, c2, c4));
}
static inline double poly_6(double x, double c0, double c1, double c2, double c3, double c4,
                            double c5, double c6) {
    double x2 = x * x;
    return FMA64(poly_2(x2, c1, c3, c5), x, poly_3(x2, c0, c2, c4, c6));
}
static inline double poly_7(double x, double c0, double c1, double c2, double c3, double c4,
                            double c5, double c6, double c7) {
    double x2 = x * x;
    return FMA64(poly_3(x2, c1, c3, c5, c7), x, poly_3(x2, c0, c2, c4, c6));
}
static inline double poly_8(double x, double c0, double c1, double c2, double c3, double c4,
                            double c5, double c6, double c7, double c8) {
    double x2 = x * x;
    return FMA64(poly_3(x2, c1, c3, c5, c7), x, poly_4(x2, c0, c2, c4, c6, c8));
}
static inline double poly_9(double x, double c0, double c1, double c2, double c3, double c4,
                            double c5, double c6, double c7, double c8, double c9) {
    double x2 = x * x;
    return FMA64(poly_4(x2, c1, c3, c5, c7, c9), x, poly_4(x2, c0, c2, c4, c6, c8));
}
static inline double poly_10(double x, double c0, double c1, double c2, double c3, double c4,
                             double c5, double c6, double c7, double c8, double c9, double c10) {
    double x2 = x * x;
    return FMA64(poly_4(x2, c1, c3, c5, c7, c9), x, poly_5(x2, c0, c2, c4, c6, c8, c10));
}
static inline double poly_12(double x, double c0, double c1, double c2, double c3, double c4,
                             double c5, double c6, double c7, double c8, double c9, double c10,
                             double c11, double c12) {
    double x2 = x * x;
    return FMA64(poly_5(x2, c1, c3, c5, c7, c9, c11), x, poly_6(x2, c0, c2, c4, c6, c8, c10, c12));
}

/* The same for floats. */
static inline float poly_2_f32(float x, float c0, float c1, float c2) {
    return FMA32(FMA32(c2, x, c1), x, c0);
}
static inline float poly_4_f32(float x, float c0, float c1, float c2, float c3, float c4) {
    float x2 = x * x;
    return FMA32(FMA32(c3, x2, c1), x, poly_2_f32(x2, c0, c2, c4));
}
static inline float poly_5_f32(float x, float c0, float c1, float c2, float c3, float c4,
                               float c5) {
    float x2 = x * x;
    return FMA32(poly_2_f32(x2, c1, c3, c5), x, poly_2_f32(x2, c0, c2, c4));
}
static inline float poly_8_f32(float x, float c0, float c1, float c2, float c3, float c4, float c5,
                               float c6, float c7, float c8) {
    float x2 = x * x;
    float odd = FMA32(poly_2_f32(x2, c3, c5, c7), x2, c1);
    return FMA32(odd, x, poly_4_f32(x2, c0, c2, c4, c6, c8));
}

/* A number as the sum of two doubles, |lo| at most half an ulp of hi (or nearly so). */
typedef struct {
    double hi, lo;
} pair;

/* The sum of a and b, exactly (Knuth). */
static inline pair two_sum(double a, double b) {
    double s = a + b, t = s - a;
    return (pair){s, (a - (s - t)) + (b - t)};
}

/* The same when |a| >= |b| or a == 0 (Dekker). */
static inline pair fast_two_sum(double a, double b) {
    double s = a + b;
    return (pair){s, b - (s - a)};
}

/* The product of a and b, exactly; without FMA by Dekker's splitting, for |a|, |b| < 2^990. */
static inline pair two_product(double a, double b) {
    double p = a * b;
#if PT_HAS_FMA
    return (pair){p, __builtin_fma(a, b, -p)};
#else
    double a_big = a * 0x1.0000002p27, b_big = b * 0x1.0000002p27;
    double a_hi = a_big - (a_big - a), b_hi = b_big - (b_big - b);
    double a_lo = a - a_hi, b_lo = b - b_hi;
    return (pair){p, ((a_hi * b_hi - p) + a_hi * b_lo + a_lo * b_hi) + a_lo * b_lo};
#endif
}

/* c - a b, rounded once, where a b is close to c. */
static inline double residual(double c, double a, double b) {
#if PT_HAS_FMA
    return __builtin_fma(-a, b, c);
#else
    pair p = two_product(a, b);
    return (c - p.hi) - p.lo;
#endif
}

/* The same for floats, whose product is exact in double. */
static inline float residual_f32(float c, float a, float b) {
#if PT_HAS_FMA
    return __builtin_fmaf(-a, b, c);
#else
    return (float)((double)c - (double)a * (double)b);
#endif
}

/* (a.hi + a.lo) / (b.hi + b.lo) to about 2^-100, b.hi normal and finite. */
static inline pair pair_over_pair(pair a, pair b) {
    double inverse = 1.0 / b.hi, q = a.hi * inverse;
    return (pair){q, (residual(a.hi, q, b.hi) + NFMA64(q, b.lo, a.lo)) * inverse};
}

#endif
