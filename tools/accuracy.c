/* accuracy.c: what tools/accuracy.py needs in C: the library's own loops, for each instruction set,
 * and a judge of results, which tells their largest error in ULP. Meson builds it, not by default,
 * as a shared library with the same static libraries that the extension is linked from:
 *
 *   meson setup build/accuracy && ninja -C build/accuracy tools/libaccuracy.so
 *
 * float32 of ours: every result must be the float nearest to the true value. glibc's function of
 * double, or its vector form, is taken to be within 2^-44 of it: 512 ULP of double, where glibc
 * documents 4 (for logaddexp, 2^-44 of each term). Where all numbers within that distance round to
 * the same float, the rounding is decided; elsewhere, in one case of 2^19, and wherever a result is
 * not that float, MPFR decides with 640 bits. So a wrong result could pass only where glibc is wrong
 * by 512 ULP, to the same side. Sums, products, quotients and square roots of floats need no margin:
 * rounded to double and then to float they are correct (Figueroa 1995).
 *
 * All else: the largest error. The true value comes in the next larger type, float32's in double,
 * float64's in long double. What counts is settled by MPFR: wherever an input sets a new maximum,
 * its error is computed again. Infinity counts as 2^128 (2^1024), so that a wrong overflow is an
 * error of one ULP or more; a wrong NaN or sign of zero is an error of infinity.
 */
#include <float.h>
#include <math.h>
#include <mpfr.h>
#include <stdlib.h>
#include <string.h>

#include "elementwise.h"

#define API __attribute__((visibility("default")))
#define BLOCK 1024
#define MPFR_BITS 640 /* atan2: y/x may be a tie of subnormal floats, and the angle 2^-300 less */

#if defined(__x86_64__)
#define VECTOR __attribute__((simd("notinbranch"))) /* libmvec has it */
VECTOR double exp(double);
VECTOR double expm1(double);
VECTOR double log(double);
VECTOR double log2(double);
VECTOR double log10(double);
VECTOR double log1p(double);
VECTOR double tanh(double);
VECTOR double erf(double);
VECTOR double acos(double);
VECTOR double acosh(double);
VECTOR double asin(double);
VECTOR double asinh(double);
VECTOR double atan(double);
VECTOR double atanh(double);
VECTOR double cosh(double);
VECTOR double sinh(double);
#endif

/* ------------------------------------------------------------------------ references */

/* The vector functions fall back to scalar ones beyond their range; where float32's result has long
 * overflowed or vanished they need not go. NaN passes. */
static inline double inner(double x) { return x < -300.0 ? -300.0 : x > 300.0 ? 300.0 : x; }

static inline double exp_true(double x) { return exp(inner(x)); }
static inline double expm1_true(double x) { return expm1(inner(x)); }
static inline double sigmoid_true(double x) { return 1.0 / (1.0 + exp(-inner(x))); }
static inline double softplus_true(double x) {
    double e = exp(-fabs(inner(x)));
    return (x < 0.0 ? 0.0 : x) + log1p(e);
}
static inline double reciprocal_true(double x) { return 1.0 / x; }
static inline double square_true(double x) { return x * x; }
static inline double sign_true(double x) { return x != x ? x : (double)((x > 0.0) - (x < 0.0)); }
/* -0 stays -0 in the kernel: x < 0 ? 0 : x. */
static inline double relu_true(double x) { return x < 0.0 ? 0.0 : x; }
static inline double positive_true(double x) { return x; }
static inline double negative_true(double x) { return -x; }
static inline double add_true(double x, double y) { return x + y; }
static inline double subtract_true(double x, double y) { return x - y; }
static inline double multiply_true(double x, double y) { return x * y; }
static inline double divide_true(double x, double y) { return x / y; }
static inline double maximum_true(double x, double y) { return x != x || x > y ? x : y; }
static inline double minimum_true(double x, double y) { return x != x || x < y ? x : y; }
static inline double sinh_true(double x) { return sinh(inner(x)); }
static inline double cosh_true(double x) { return cosh(inner(x)); }
/* The sum keeps infinities that are equal, whose difference is NaN. */
static inline double logaddexp_true(double x, double y) {
    return x == y ? x + M_LN2 : maximum_true(x, y) + log1p(exp(-fabs(x - y)));
}
/* Where the type itself matters, what is a float comes as one. */
static inline double nextafter_true(double x, double y) {
    return (double)nextafterf((float)x, (float)y);
}
/* fmod is exact; a result with y's sign asks for one more addition. */
static inline double remainder_true(double x, double y) {
    double r = fmod(x, y);
    return r == 0.0 ? copysign(r, y) : (r < 0.0) != (y < 0.0) ? r + y : r;
}

static inline long double sigmoid_long(long double x) {
    long double e = expl(-fabsl(x));
    return x < 0.0L ? e / (1.0L + e) : 1.0L / (1.0L + e);
}
static inline long double softplus_long(long double x) {
    return (x < 0.0L ? 0.0L : x) + log1pl(expl(-fabsl(x)));
}
static inline long double reciprocal_long(long double x) { return 1.0L / x; }
static inline long double square_long(long double x) { return x * x; }
static inline long double sign_long(long double x) { return x != x ? x : (x > 0.0L) - (x < 0.0L); }
static inline long double relu_long(long double x) { return x < 0.0L ? 0.0L : x; }
static inline long double positive_long(long double x) { return x; }
static inline long double negative_long(long double x) { return -x; }
static inline long double add_long(long double x, long double y) { return x + y; }
static inline long double subtract_long(long double x, long double y) { return x - y; }
static inline long double multiply_long(long double x, long double y) { return x * y; }
static inline long double divide_long(long double x, long double y) { return x / y; }
static inline long double maximum_long(long double x, long double y) {
    return x != x || x > y ? x : y;
}
static inline long double minimum_long(long double x, long double y) {
    return x != x || x < y ? x : y;
}
static inline long double logaddexp_long(long double x, long double y) {
    return x == y ? x + logl(2.0L) : maximum_long(x, y) + log1pl(expl(-fabsl(x - y)));
}
static inline long double nextafter_long(long double x, long double y) {
    return nextafter((double)x, (double)y);
}
static inline long double remainder_long(long double x, long double y) {
    long double r = fmodl(x, y);
    return r == 0.0L ? copysignl(r, y) : (r < 0.0L) != (y < 0.0L) ? r + y : r;
}

static int mpfr_sigmoid(mpfr_t out, const mpfr_t x, mpfr_rnd_t round) {
    mpfr_neg(out, x, round);
    mpfr_exp(out, out, round);
    mpfr_add_ui(out, out, 1, round);
    return mpfr_ui_div(out, 1, out, round);
}
static int mpfr_softplus(mpfr_t out, const mpfr_t x, mpfr_rnd_t round) {
    mpfr_t positive;
    mpfr_init2(positive, 4 * MPFR_BITS);
    mpfr_abs(positive, x, round);
    mpfr_neg(positive, positive, round);
    mpfr_exp(positive, positive, round);
    mpfr_log1p(positive, positive, round);
    if (mpfr_sgn(x) > 0) {
        mpfr_add(positive, positive, x, round);
    }
    int inexact = mpfr_set(out, positive, round);
    mpfr_clear(positive);
    return inexact;
}
/* At 4 MPFR_BITS: max and log1p may cancel. */
static int mpfr_logaddexp(mpfr_t out, const mpfr_t x, const mpfr_t y, mpfr_rnd_t round) {
    mpfr_t sum;
    mpfr_init2(sum, 4 * MPFR_BITS);
    mpfr_sub(sum, x, y, round);
    mpfr_abs(sum, sum, round);
    mpfr_neg(sum, sum, round);
    mpfr_exp(sum, sum, round);
    mpfr_log1p(sum, sum, round);
    mpfr_add(sum, sum, mpfr_greater_p(x, y) ? x : y, round);
    int inexact = mpfr_set(out, sum, round);
    mpfr_clear(sum);
    return inexact;
}
static int mpfr_reciprocal(mpfr_t out, const mpfr_t x, mpfr_rnd_t round) {
    return mpfr_ui_div(out, 1, x, round);
}

typedef struct {
    const char *name;
    void (*unary)(const float *, double *); /* over BLOCK elements */
    void (*binary)(const float *, const float *, double *);
    long double (*unary_long)(long double);
    long double (*binary_long)(long double, long double);
    int (*unary_mpfr)(mpfr_t, const mpfr_t, mpfr_rnd_t); /* NULL: long double is enough */
    int (*binary_mpfr)(mpfr_t, const mpfr_t, const mpfr_t, mpfr_rnd_t);
} reference;

/* row of the op table, true value in double and in long double, MPFR's, which is NULL where double,
 * of float32, and long double are enough */
#define UNARY_ROWS(ROW)                                                                            \
    ROW(exp, exp_true, expl, mpfr_exp)                                                             \
    ROW(expm1, expm1_true, expm1l, mpfr_expm1)                                                     \
    ROW(sigmoid, sigmoid_true, sigmoid_long, mpfr_sigmoid)                                         \
    ROW(softplus, softplus_true, softplus_long, mpfr_softplus)                                     \
    ROW(log, log, logl, mpfr_log)                                                                  \
    ROW(log2, log2, log2l, mpfr_log2)                                                              \
    ROW(log10, log10, log10l, mpfr_log10)                                                          \
    ROW(log1p, log1p, log1pl, mpfr_log1p)                                                          \
    ROW(sin, sin, sinl, mpfr_sin)                                                                  \
    ROW(cos, cos, cosl, mpfr_cos)                                                                  \
    ROW(tan, tan, tanl, mpfr_tan)                                                                  \
    ROW(tanh, tanh, tanhl, mpfr_tanh)                                                              \
    ROW(erf, erf, erfl, mpfr_erf)                                                                  \
    ROW(sqrt, sqrt, sqrtl, mpfr_sqrt)                                                              \
    ROW(reciprocal, reciprocal_true, reciprocal_long, mpfr_reciprocal)                             \
    ROW(square, square_true, square_long, mpfr_sqr)                                                \
    ROW(abs, fabs, fabsl, mpfr_abs)                                                                \
    ROW(negative, negative_true, negative_long, mpfr_neg)                                          \
    ROW(positive, positive_true, positive_long, mpfr_set)                                          \
    ROW(sign, sign_true, sign_long, NULL)                                                          \
    ROW(relu, relu_true, relu_long, NULL)                                                          \
    ROW(round, rint, rintl, NULL)                                                                  \
    ROW(floor, floor, floorl, NULL)                                                                \
    ROW(ceil, ceil, ceill, NULL)                                                                   \
    ROW(trunc, trunc, truncl, NULL)                                                                \
    ROW(acos, acos, acosl, mpfr_acos)                                                              \
    ROW(acosh, acosh, acoshl, mpfr_acosh)                                                          \
    ROW(asin, asin, asinl, mpfr_asin)                                                              \
    ROW(asinh, asinh, asinhl, mpfr_asinh)                                                          \
    ROW(atan, atan, atanl, mpfr_atan)                                                              \
    ROW(atanh, atanh, atanhl, mpfr_atanh)                                                          \
    ROW(cosh, cosh_true, coshl, mpfr_cosh)                                                         \
    ROW(sinh, sinh_true, sinhl, mpfr_sinh)

#define BINARY_ROWS(ROW)                                                                           \
    ROW(add, add_true, add_long, mpfr_add)                                                         \
    ROW(subtract, subtract_true, subtract_long, mpfr_sub)                                          \
    ROW(multiply, multiply_true, multiply_long, mpfr_mul)                                          \
    ROW(divide, divide_true, divide_long, mpfr_div)                                                \
    ROW(remainder, remainder_true, remainder_long, NULL)                                           \
    ROW(maximum, maximum_true, maximum_long, NULL)                                                 \
    ROW(minimum, minimum_true, minimum_long, NULL)                                                 \
    ROW(pow, pow, powl, mpfr_pow)                                                                  \
    ROW(atan2, atan2, atan2l, mpfr_atan2)                                                          \
    ROW(copysign, copysign, copysignl, NULL)                                                       \
    ROW(hypot, hypot, hypotl, mpfr_hypot)                                                          \
    ROW(logaddexp, logaddexp_true, logaddexp_long, mpfr_logaddexp)                                 \
    ROW(nextafter, nextafter_true, nextafter_long, NULL)

#define UNARY_BLOCK(row, f, long_f, mpfr_f)                                                        \
    static void row##_block(const float *restrict x, double *restrict out) {                       \
        _Pragma("omp simd")                                                                        \
        for (size_t i = 0; i < BLOCK; i++)                                                         \
            out[i] = f(x[i]);                                                                      \
    }
#define BINARY_BLOCK(row, f, long_f, mpfr_f)                                                       \
    static void row##_block(const float *restrict x, const float *restrict y,                      \
                            double *restrict out) {                                                \
        _Pragma("omp simd")                                                                        \
        for (size_t i = 0; i < BLOCK; i++)                                                         \
            out[i] = f(x[i], y[i]);                                                                \
    }
#define UNARY_ENTRY(row, f, long_f, mpfr_f)                                                        \
    {.name = #row, .unary = row##_block, .unary_long = long_f, .unary_mpfr = mpfr_f},
#define BINARY_ENTRY(row, f, long_f, mpfr_f)                                                       \
    {.name = #row, .binary = row##_block, .binary_long = long_f, .binary_mpfr = mpfr_f},

UNARY_ROWS(UNARY_BLOCK)
BINARY_ROWS(BINARY_BLOCK)
static const reference references[] = {UNARY_ROWS(UNARY_ENTRY) BINARY_ROWS(BINARY_ENTRY)};

/* Whether double's result, rounded to float, is the float nearest to the true value. */
static bool double_is_enough(const reference *ref) {
    static const char *const names[] = {"sqrt",     "reciprocal", "square",  "add",
                                        "subtract", "multiply",   "divide",  "remainder",
                                        "abs",      "negative",   "positive"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(ref->name, names[i]) == 0) {
            return true;
        }
    }
    return ref->unary ? ref->unary_mpfr == NULL : ref->binary_mpfr == NULL;
}

static const reference *find(const char *name) {
    for (size_t i = 0; i < sizeof references / sizeof *references; i++) {
        if (strcmp(references[i].name, name) == 0) {
            return &references[i];
        }
    }
    return NULL;
}

/* ------------------------------------------------------------------------------- errors */

static inline double as_double(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
static inline uint64_t as_bits(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* The number whose ULP counts: the true value or, where a sum may cancel, the largest of it, the
 * inputs and log 2. */
static inline double size_of(const reference *ref, double x, double y, double truth) {
    double size = fabs(truth), inputs = fmax(fmax(fabs(x), fabs(y)), M_LN2);
    bool cancels = ref->binary_mpfr == mpfr_logaddexp && inputs < (double)INFINITY;
    return cancels && inputs > size ? inputs : size;
}

/* The error of got in ULP of float32 at size, which is that of the true value or larger. */
static inline double error_f32(float got, double truth, double size) {
    double magnitude = fabs(truth);
    double g = fabsf(got) < INFINITY ? (double)got : copysign(0x1p128, got);
    double binade = as_double(as_bits(size) & 0x7ff0000000000000);
    double ulp = (binade > 0x1p-126 ? binade : 0x1p-126) * 0x1p-23;
    double clipped = magnitude < 0x1p128 ? truth : copysign(0x1p128, truth);
    double error = fabs(g - clipped) / (ulp < 0x1p104 ? ulp : 0x1p104);
    bool wrong_zero = got == 0.0f && copysignf(1.0f, got) != (float)copysign(1.0, truth);
    error = wrong_zero && size == magnitude ? INFINITY : error;
    error = got != got || truth != truth ? INFINITY : error;
    return got != got && truth != truth ? 0.0 : error;
}

/* The same for float64. */
static double error_f64(double got, long double truth, double size) {
    if (got != got || truth != truth) {
        return got != got && truth != truth ? 0.0 : (double)INFINITY;
    }
    if (got == 0.0 && !signbit(got) != !signbit(truth) && size == (double)fabsl(truth)) {
        return INFINITY;
    }
    long double g = fabs(got) < (double)INFINITY ? got : copysignl(0x1p1024L, got);
    long double t = fabsl(truth) < 0x1p1024L ? truth : copysignl(0x1p1024L, truth);
    int exponent;
    frexpl(fmaxl(fabsl(t), size < (double)INFINITY ? size : 0.0L), &exponent);
    exponent = exponent > DBL_MIN_EXP && t != 0.0L ? exponent : DBL_MIN_EXP;
    return (double)ldexpl(fabsl(g - t), DBL_MANT_DIG - (exponent < 1024 ? exponent : 1024));
}

/* MPFR's true value in out; false if there is none, or it is 0, infinite or NaN. */
static bool true_value(const reference *ref, double x, double y, mpfr_t out) {
    if (ref->unary ? ref->unary_mpfr == NULL : ref->binary_mpfr == NULL) {
        return false;
    }
    mpfr_t a, b;
    mpfr_init2(a, 64);
    mpfr_init2(b, 64);
    mpfr_set_d(a, x, MPFR_RNDN);
    mpfr_set_d(b, y, MPFR_RNDN);
    int off =
        ref->unary ? ref->unary_mpfr(out, a, MPFR_RNDN) : ref->binary_mpfr(out, a, b, MPFR_RNDN);
    mpfr_clears(a, b, NULL);
    if (!mpfr_regular_p(out)) {
        return false;
    }
    if (off > 0) { /* no tie where the true value is none */
        mpfr_nextbelow(out);
    } else if (off < 0) {
        mpfr_nextabove(out);
    }
    return true;
}

/* The error with MPFR's true value; the estimate where that is special or got is. */
static double settle(const reference *ref, double x, double y, double got, double size, bool f64,
                     double estimate) {
    if (!(fabs(got) < (double)INFINITY) || (got == 0.0 && isinf(estimate))) {
        return estimate;
    }
    const int bits = f64 ? DBL_MANT_DIG : FLT_MANT_DIG;
    int least = f64 ? DBL_MIN_EXP : FLT_MIN_EXP, exponent;
    frexp(size < (double)INFINITY ? size : 0.0, &exponent);
    least = exponent > least && size > 0.0 ? exponent : least;
    mpfr_t out;
    mpfr_init2(out, MPFR_BITS);
    if (true_value(ref, x, y, out)) {
        long larger = mpfr_get_exp(out) > least ? mpfr_get_exp(out) : least;
        mpfr_sub_d(out, out, got, MPFR_RNDN);
        mpfr_mul_2si(out, out, bits - larger, MPFR_RNDN);
        estimate = fabs(mpfr_get_d(out, MPFR_RNDN));
    }
    mpfr_clear(out);
    return estimate;
}

/* Whether got is the float nearest to MPFR's true value, or where there is none to truth. */
static bool is_nearest(const reference *ref, double x, double y, float got, double truth) {
    mpfr_t out;
    mpfr_init2(out, MPFR_BITS);
    float nearest = true_value(ref, x, y, out) ? mpfr_get_flt(out, MPFR_RNDN) : (float)truth;
    mpfr_clear(out);
    return memcmp(&nearest, &got, sizeof got) == 0 || (nearest != nearest && got != got);
}

typedef struct {
    double error, x, y;
    uint64_t misrounded; /* results of float32 that are not the nearest float */
} worst_case;

/* What is larger by less than MARGIN is not settled: where a function is nearly constant, all errors
 * are alike, and the estimates a little above the settled one. */
#define MARGIN 1e-5
static void raise_worst(worst_case *worst, const reference *ref, double x, double y, double got,
                        double size, bool f64, double error) {
    if (error > worst->error + MARGIN) {
        error = settle(ref, x, y, got, size, f64, error);
        if (error > worst->error) {
            worst->error = error, worst->x = x, worst->y = y;
        }
    }
}

/* The floats that low and high round to, which truth may be off by. */
typedef struct {
    uint32_t low[BLOCK], high[BLOCK];
} nearest_floats;

static void prove_f32(const reference *ref, const float *x, const float *y, const float *got,
                      const double *truth, const double *size, const nearest_floats *nearest,
                      worst_case *worst) {
    uint32_t bits[BLOCK], any = 0;
    memcpy(bits, got, sizeof bits);
#pragma omp simd reduction(| : any)
    for (size_t i = 0; i < BLOCK; i++) {
        any |= bits[i] = (bits[i] ^ nearest->low[i]) | (bits[i] ^ nearest->high[i]);
    }
    for (size_t i = 0; any && i < BLOCK; i++) {
        if (bits[i] == 0 || (got[i] != got[i] && truth[i] != truth[i])) {
            continue;
        }
        double b = y ? y[i] : 0.0, error = error_f32(got[i], truth[i], size[i]);
        worst->misrounded += !is_nearest(ref, x[i], b, got[i], truth[i]);
        error = settle(ref, x[i], b, got[i], size[i], false, error);
        if (error > worst->error) {
            worst->error = error, worst->x = x[i], worst->y = b;
        }
    }
}

/* n_own results are ours, the first ones. */
static void judge_f32(const reference *ref, const float *x, const float *y, size_t n_own,
                      size_t n_results, const float *const *results, size_t start,
                      worst_case *worst) {
    double truth[BLOCK], size[BLOCK], error[BLOCK];
    float low[BLOCK], high[BLOCK];
    nearest_floats nearest;
    const bool cancels = ref->binary_mpfr == mpfr_logaddexp, enough = double_is_enough(ref);
    const double slack = enough ? 0.0 : 0x1p-44;
    const float *ys = y ? y + start : NULL;
    x += start;
    if (ref->unary) {
        ref->unary(x, truth);
    } else {
        ref->binary(x, ys, truth);
    }
    for (size_t i = 0; i < BLOCK; i++) {
        size[i] = fabs(truth[i]);
    }
    for (size_t i = 0; cancels && i < BLOCK; i++) {
        size[i] = size_of(ref, x[i], ys ? ys[i] : 0.0, truth[i]);
    }
    for (size_t i = 0; i < BLOCK; i++) { /* zeros keep their signs */
        double of = fabs(truth[i]);
        if (cancels) {
            of += fabs(truth[i] - fmax(x[i], ys[i])); /* the logarithm; the rest is exact */
        }
        double reach = truth[i] == 0.0 ? 0.0 : of * slack;
        low[i] = (float)copysign(fabs(truth[i]) - reach, truth[i]);
        high[i] = (float)copysign(fabs(truth[i]) + reach, truth[i]);
    }
    memcpy(nearest.low, low, sizeof low);
    memcpy(nearest.high, high, sizeof high);
    for (size_t r = 0; r < n_results; r++) {
        const float *got = results[r] + start;
        if (r < n_own) {
            prove_f32(ref, x, ys, got, truth, size, &nearest, &worst[r]);
        }
        if (r < n_own && !enough) {
            continue;
        }
        double largest = 0.0;
#pragma omp simd reduction(max : largest)
        for (size_t i = 0; i < BLOCK; i++) {
            error[i] = error_f32(got[i], truth[i], size[i]);
            largest = error[i] > largest ? error[i] : largest;
        }
        for (size_t i = 0; largest > worst[r].error + MARGIN && i < BLOCK; i++) {
            raise_worst(&worst[r], ref, x[i], ys ? ys[i] : 0.0, got[i], size[i], false, error[i]);
        }
    }
}

static void judge_f64(const reference *ref, const double *x, const double *y, size_t n_results,
                      const double *const *results, size_t i, worst_case *worst) {
    long double truth = ref->unary ? ref->unary_long(x[i]) : ref->binary_long(x[i], y[i]);
    double size = size_of(ref, x[i], y ? y[i] : 0.0, (double)truth);
    for (size_t r = 0; r < n_results; r++) {
        double error = error_f64(results[r][i], truth, size);
        raise_worst(&worst[r], ref, x[i], y ? y[i] : 0.0, results[r][i], size, true, error);
    }
}

/* ---------------------------------------------------------------------------- interface */

/* 0: no reference for the row of this name; else its number of inputs. */
API int accuracy_inputs(const char *name) {
    const reference *ref = find(name);
    return ref == NULL ? 0 : ref->unary ? 1 : 2;
}

/* out = the library's loop over (n,) elements, n a multiple of PT_LANES; false if there is none.
 * isa: 0 baseline, 1 avx2, 2 avx512. */
API bool accuracy_loop(int isa, int op, bool f64, void *x, void *y, void *out, size_t n) {
#if defined(__x86_64__)
    const pt_elementwise_table *tables[] = {
        &pt_elementwise_loops_baseline, &pt_elementwise_loops_avx2, &pt_elementwise_loops_avx512};
#else
    const pt_elementwise_table *tables[] = {&pt_elementwise_loops_baseline};
#endif
    if (op < 0 || op >= PT_OP_COUNT || (size_t)isa >= sizeof tables / sizeof *tables ||
        tables[isa]->loops[op][f64 ? PT_FLOAT64 : PT_FLOAT32] == NULL) {
        return false;
    }
    tables[isa]->loops[op][f64 ? PT_FLOAT64 : PT_FLOAT32](pt_elementwise_info[op].n_inputs == 1
                                                              ? (char *const[]){x, out}
                                                              : (char *const[]){x, y, out},
                                                          n);
    return true;
}

/* Raises worst, (n_results,), by the errors of results, n_results times (n,) elements, n a multiple
 * of 1024, of the row of this name at x and y, (n,) each; y is not read where there is one input.
 * The first n_own results are ours: of float32, each must be the nearest float. */
API void accuracy_judge(const char *name, bool f64, const void *x, const void *y, size_t n_own,
                        size_t n_results, const void *const *results, size_t n, worst_case *worst) {
    const reference *ref = find(name);
    if (ref == NULL) {
        return;
    }
    y = ref->unary ? NULL : y;
    for (size_t i = 0; i < n; i += f64 ? 1 : BLOCK) {
        if (f64) {
            judge_f64(ref, x, y, n_results, (const double *const *)results, i, worst);
        } else {
            judge_f32(ref, x, y, n_own, n_results, (const float *const *)results, i, worst);
        }
    }
    mpfr_free_cache();
}
