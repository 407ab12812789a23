/* accuracy.c: measures the errors of the op table's loops for float32 and float64, in ULP, on the
 * instruction set it is compiled for, and of the functions of math_f32.h and math_f64.h that no row
 * uses yet. The loops are the library's own, from the same sources.
 *
 *   python tools/generate.py DIRECTORY
 *   cc -std=gnu11 -O3 -fopenmp-simd -ffp-contract=off -fno-math-errno -fno-trapping-math \
 *      -Isrc/kernels -IDIRECTORY tools/accuracy.c -o accuracy -lmpfr -lgmp -lm -lpthread
 *
 * Add -mavx2 -mfma, or -mavx512f -mavx512bw -mavx512cd -mavx512dq -mavx512vl -mfma
 * -mprefer-vector-width=512, for the other sets; -DUSE_LIBMVEC ... -lmvec for glibc's vector
 * functions as the float32 reference (their 4 ULP of double are 2^-27 of float), five times faster
 * (not for sin, cos and tan, which the loops call themselves).
 *
 *   accuracy [--stride N] [--samples N] [--threads N] [--seed N] [function...]
 *
 * float32, one argument:  every N-th of the 2^32 inputs (default 1: all) against double.
 * Everything else:        N random inputs (default 10^7), half of them uniform over the interval
 *                         where the function is interesting, half random bit patterns, and all
 *                         combinations of special values; float32 against double, float64 against
 *                         long double.
 * What counts is settled by MPFR: whenever an input sets a new maximum, its error is computed anew
 * with 300 bits. Infinity counts as 2^128 (2^1024), so that a wrong overflow is an error of one ULP
 * or more; a wrong NaN or sign of zero is an error of infinity. Exit status 1 if any maximum
 * exceeds 1 ULP.
 */
#include <errno.h>
#include <float.h>
#include <math.h>
#include <mpfr.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dtype_functions.h"
#include "elementwise.h"

#define FLOATS_ONLY
#define BODY "rows_elementwise.h"
#include "for_each_dtype.h"
#undef BODY

#define BLOCK 1024
#define MPFR_BITS 300
#define INLINE static inline __attribute__((always_inline))

#if defined(USE_LIBMVEC)
#define VECTOR __attribute__((simd("notinbranch")))
VECTOR double exp(double);
VECTOR double exp2(double);
VECTOR double expm1(double);
VECTOR double log(double);
VECTOR double log2(double);
VECTOR double log10(double);
VECTOR double log1p(double);
VECTOR double asin(double);
VECTOR double acos(double);
VECTOR double atan(double);
VECTOR double sinh(double);
VECTOR double cosh(double);
VECTOR double tanh(double);
VECTOR double asinh(double);
VECTOR double acosh(double);
VECTOR double atanh(double);
VECTOR double erf(double);
VECTOR double cbrt(double);
#endif

/* ------------------------------------------------------------------------ references */

static inline double sigmoid(double x) { return 1.0 / (1.0 + exp(-x)); }
static inline long double sigmoidl(long double x) {
    long double e = expl(-fabsl(x));
    return x < 0.0L ? e / (1.0L + e) : 1.0L / (1.0L + e);
}
static int mpfr_sigmoid(mpfr_t out, const mpfr_t x, mpfr_rnd_t round) {
    mpfr_neg(out, x, round);
    mpfr_exp(out, out, round);
    mpfr_add_ui(out, out, 1, round);
    return mpfr_ui_div(out, 1, out, round);
}

static inline double logaddexp(double x, double y) {
    return x == y ? x + log(2.0) : (x > y ? x : y) + log1p(exp(-fabs(x - y)));
}
static inline long double logaddexpl(long double x, long double y) {
    return x == y ? x + logl(2.0L) : (x > y ? x : y) + log1pl(expl(-fabsl(x - y)));
}
static int mpfr_logaddexp(mpfr_t out, const mpfr_t x, const mpfr_t y, mpfr_rnd_t round) {
    mpfr_t e;
    mpfr_init2(e, 4 * MPFR_BITS);
    mpfr_sub(e, x, y, round);
    mpfr_abs(e, e, round);
    mpfr_neg(e, e, round);
    mpfr_exp(e, e, round);
    mpfr_log1p(e, e, round);
    mpfr_max(out, x, y, round);
    int inexact = mpfr_add(out, out, e, round);
    mpfr_clear(e);
    return inexact;
}
static int mpfr_nearest(mpfr_t out, const mpfr_t x, mpfr_rnd_t round) {
    return mpfr_rint(out, x, round);
}
static int mpfr_down(mpfr_t out, const mpfr_t x, mpfr_rnd_t round) {
    return mpfr_rint_floor(out, x, round);
}
static int mpfr_up(mpfr_t out, const mpfr_t x, mpfr_rnd_t round) {
    return mpfr_rint_ceil(out, x, round);
}
static int mpfr_to_zero(mpfr_t out, const mpfr_t x, mpfr_rnd_t round) {
    return mpfr_rint_trunc(out, x, round);
}

/* ------------------------------------------------------------------ rows, one per function */

INLINE void each_f32(float (*f)(float), const float *restrict x, float *restrict out, size_t n) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        out[i] = f(x[i]);
    }
}

INLINE void each_f64(double (*f)(double), const double *restrict x, double *restrict out,
                     size_t n) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        out[i] = f(x[i]);
    }
}

INLINE void each_pair_f32(float (*f)(float, float), const float *restrict x,
                          const float *restrict y, float *restrict out, size_t n) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        out[i] = f(x[i], y[i]);
    }
}

INLINE void each_pair_f64(double (*f)(double, double), const double *restrict x,
                          const double *restrict y, double *restrict out, size_t n) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        out[i] = f(x[i], y[i]);
    }
}

INLINE void each_reference(double (*f)(double), const float *restrict x, double *restrict out) {
#pragma omp simd
    for (size_t i = 0; i < BLOCK; i++) {
        out[i] = f(x[i]);
    }
}

typedef struct {
    const char *name;
    pt_loop f32, f64;
    void (*reference)(const float *, double *);
    long double (*reference_l)(long double);
    int (*mpfr)(mpfr_t, const mpfr_t, mpfr_rnd_t);
    double low, high; /* the interval for uniform float64 samples */
} unary_row;

typedef struct {
    const char *name;
    pt_loop f32, f64;
    double (*reference)(double, double);
    long double (*reference_l)(long double, long double);
    int (*mpfr)(mpfr_t, const mpfr_t, const mpfr_t, mpfr_rnd_t);
    double low_x, high_x, low_y, high_y;
} binary_row;

/* ROW: functions of the op table. LOOSE: others, which get a loop here. */
#define UNARY_ROWS(ROW, LOOSE)                              \
    ROW(exp, exp, mpfr_exp, -750, 712)                      \
    LOOSE(exp2, exp2, mpfr_exp2, -1080, 1026)               \
    ROW(expm1, expm1, mpfr_expm1, -3, 3)                    \
    ROW(sigmoid, sigmoid, mpfr_sigmoid, -40, 40)            \
    ROW(log, log, mpfr_log, 0, 4)                           \
    ROW(log2, log2, mpfr_log2, 0, 4)                        \
    ROW(log10, log10, mpfr_log10, 0, 4)                     \
    ROW(log1p, log1p, mpfr_log1p, -1, 3)                    \
    ROW(sin, sin, mpfr_sin, -100, 100)                      \
    ROW(cos, cos, mpfr_cos, -100, 100)                      \
    ROW(tan, tan, mpfr_tan, -100, 100)                      \
    LOOSE(asin, asin, mpfr_asin, -1, 1)                     \
    LOOSE(acos, acos, mpfr_acos, -1, 1)                     \
    LOOSE(atan, atan, mpfr_atan, -5, 5)                     \
    LOOSE(sinh, sinh, mpfr_sinh, -5, 5)                     \
    LOOSE(cosh, cosh, mpfr_cosh, -5, 5)                     \
    ROW(tanh, tanh, mpfr_tanh, -3, 3)                       \
    LOOSE(asinh, asinh, mpfr_asinh, -5, 5)                  \
    LOOSE(acosh, acosh, mpfr_acosh, 1, 5)                   \
    LOOSE(atanh, atanh, mpfr_atanh, -1, 1)                  \
    ROW(erf, erf, mpfr_erf, -6, 6)                          \
    LOOSE(cbrt, cbrt, mpfr_cbrt, -8, 8)                     \
    ROW(round, rint, mpfr_nearest, -9, 9)                   \
    ROW(floor, floor, mpfr_down, -9, 9)                     \
    ROW(ceil, ceil, mpfr_up, -9, 9)                         \
    ROW(trunc, trunc, mpfr_to_zero, -9, 9)

#define BINARY_ROWS(ROW, LOOSE)                             \
    ROW(pow, mpfr_pow, 0, 4, -200, 200)                     \
    ROW(pow, mpfr_pow, 0.96, 1.04, -9000, 9000)             \
    LOOSE(atan2, mpfr_atan2, -4, 4, -4, 4)                  \
    LOOSE(hypot, mpfr_hypot, -4, 4, -4, 4)                  \
    LOOSE(logaddexp, mpfr_logaddexp, 0, 30, 0, 30)

#define UNARY_REFERENCE(op, ref, mpfr, low, high)                                               \
    static void op##_reference(const float *x, double *out) { each_reference(ref, x, out); }
#define UNARY_ROW(op, ref, mpfr, low, high)                                                     \
    {#op, op##_loop_f32, op##_loop_f64, op##_reference, ref##l, mpfr, low, high},
#define BINARY_ROW(op, mpfr, low_x, high_x, low_y, high_y)                                      \
    {#op, op##_loop_f32, op##_loop_f64, op, op##l, mpfr, low_x, high_x, low_y, high_y},

#define UNARY_LOOPS(op, ref, mpfr, low, high)                                                   \
    static void op##_loop_f32(char *const *operands, size_t n) {                                \
        each_f32(op##_f32, (const float *)operands[0], (float *)operands[1], n);                \
    }                                                                                           \
    static void op##_loop_f64(char *const *operands, size_t n) {                                \
        each_f64(op##_f64, (const double *)operands[0], (double *)operands[1], n);              \
    }
#define BINARY_LOOPS(op, mpfr, low_x, high_x, low_y, high_y)                                    \
    static void op##_loop_f32(char *const *operands, size_t n) {                                \
        each_pair_f32(op##_f32, (const float *)operands[0], (const float *)operands[1],         \
                      (float *)operands[2], n);                                                 \
    }                                                                                           \
    static void op##_loop_f64(char *const *operands, size_t n) {                                \
        each_pair_f64(op##_f64, (const double *)operands[0], (const double *)operands[1],       \
                      (double *)operands[2], n);                                                \
    }
#define NOTHING(...)

UNARY_ROWS(UNARY_REFERENCE, UNARY_REFERENCE)
UNARY_ROWS(NOTHING, UNARY_LOOPS)
BINARY_ROWS(NOTHING, BINARY_LOOPS)

static const unary_row unary_rows[] = {UNARY_ROWS(UNARY_ROW, UNARY_ROW)};
static const binary_row binary_rows[] = {BINARY_ROWS(BINARY_ROW, BINARY_ROW)};

/* loop over BLOCK elements */
static void call_1(pt_loop loop, void *x, void *out) {
    loop((char *const[]){x, out}, BLOCK);
}
static void call_2(pt_loop loop, void *x, void *y, void *out) {
    loop((char *const[]){x, y, out}, BLOCK);
}

/* ------------------------------------------------------------------------------- errors */

/* The error of got in ULP of float32 at the true value. */
INLINE double error_f32(float got, double truth) {
    double magnitude = fabs(truth);
    double g = fabsf(got) < INFINITY ? (double)got : copysign(0x1p128, got);
    double binade = from_bits_f64(bits_f64(magnitude) & 0x7ff0000000000000);
    double ulp = (binade > 0x1p-126 ? binade : 0x1p-126) * 0x1p-23;
    double clipped = magnitude < 0x1p128 ? truth : copysign(0x1p128, truth);
    double error = fabs(g - clipped) / (ulp < 0x1p104 ? ulp : 0x1p104);
    error = got == 0.0f && copysignf(1.0f, got) != (float)copysign(1.0, truth) ? INFINITY : error;
    error = got != got || truth != truth ? INFINITY : error;
    return got != got && truth != truth ? 0.0 : error;
}

/* The same for float64. */
static double error_f64(double got, long double truth) {
    if (got != got || truth != truth) {
        return got != got && truth != truth ? 0.0 : (double)INFINITY;
    }
    if (got == 0.0 && !signbit(got) != !signbit(truth)) {
        return INFINITY;
    }
    long double g = fabs(got) < (double)INFINITY ? got : copysignl(0x1p1024L, got);
    long double t = fabsl(truth) < 0x1p1024L ? truth : copysignl(0x1p1024L, truth);
    int exponent;
    frexpl(t, &exponent);
    exponent = exponent > DBL_MIN_EXP && t != 0.0L ? exponent : DBL_MIN_EXP;
    return (double)ldexpl(fabsl(g - t), DBL_MANT_DIG - (exponent < 1024 ? exponent : 1024));
}

/* |got - out| in ULP of a format of that many bits, or fallback where out is special. */
static double error_mpfr(mpfr_t out, double got, int bits, int min_exponent, double fallback) {
    if (!mpfr_regular_p(out) || !(fabs(got) < (double)INFINITY)) {
        return fallback;
    }
    long exponent = mpfr_get_exp(out) > min_exponent ? mpfr_get_exp(out) : min_exponent;
    mpfr_sub_d(out, out, got, MPFR_RNDN);
    mpfr_mul_2si(out, out, bits - exponent, MPFR_RNDN);
    return fabs(mpfr_get_d(out, MPFR_RNDN));
}

typedef struct {
    double error, x, y;
} worst_case;

static double settle_unary(const unary_row *row, double x, double got, bool f64, double estimate) {
    mpfr_t in, out;
    mpfr_init2(in, 64);
    mpfr_init2(out, MPFR_BITS);
    mpfr_set_d(in, x, MPFR_RNDN);
    row->mpfr(out, in, MPFR_RNDN);
    double error = error_mpfr(out, got, f64 ? DBL_MANT_DIG : FLT_MANT_DIG,
                              f64 ? DBL_MIN_EXP : FLT_MIN_EXP, estimate);
    mpfr_clears(in, out, NULL);
    return error;
}

static double settle_binary(const binary_row *row, double x, double y, double got, bool f64,
                            double estimate) {
    mpfr_t a, b, out;
    mpfr_init2(a, 64);
    mpfr_init2(b, 64);
    mpfr_init2(out, MPFR_BITS);
    mpfr_set_d(a, x, MPFR_RNDN);
    mpfr_set_d(b, y, MPFR_RNDN);
    row->mpfr(out, a, b, MPFR_RNDN);
    double error = error_mpfr(out, got, f64 ? DBL_MANT_DIG : FLT_MANT_DIG,
                              f64 ? DBL_MIN_EXP : FLT_MIN_EXP, estimate);
    mpfr_clears(a, b, out, NULL);
    return error;
}

/* ------------------------------------------------------------------------------ searches */

typedef struct {
    const unary_row *unary;
    const binary_row *binary;
    bool f64;
    uint64_t first, end, stride, seed;
    worst_case worst;
} job;

/* xorshift64* */
static uint64_t next_random(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1d;
}

static double uniform(uint64_t *state, double low, double high) {
    return low + (high - low) * (double)(next_random(state) >> 11) * 0x1p-53;
}

static const double specials[] = {
    0.0, 0x1p-1074, 0x1p-1022, 0x1p-149, 0x1p-126, 0x1p-60, 0.5, 0x1.fffffep-1, 1.0, 1.5, 2.0, 3.0,
    4.5, 0x1p24, 0x1.000002p24, 0x1p53, 0x1.0000000000001p53, 0x1.fffffep127,
    0x1.fffffffffffffp1023, INFINITY, NAN};
#define N_SPECIALS (2 * sizeof specials / sizeof *specials)
static double special(size_t i) { return i & 1 ? -specials[i / 2] : specials[i / 2]; }

static void search_all_f32(job *j) {
    static _Thread_local float x[BLOCK], got[BLOCK];
    static _Thread_local double truth[BLOCK], error[BLOCK];
    const unary_row *row = j->unary;
    for (uint64_t u = j->first; u < j->end; u += BLOCK * j->stride) {
        for (size_t i = 0; i < BLOCK; i++) {
            x[i] = from_bits_f32((uint32_t)(u + i * j->stride));
        }
        call_1(row->f32, x, got);
        row->reference(x, truth);
        double largest = 0.0;
#pragma omp simd reduction(max : largest)
        for (size_t i = 0; i < BLOCK; i++) {
            error[i] = error_f32(got[i], truth[i]);
            largest = error[i] > largest ? error[i] : largest;
        }
        for (size_t i = 0; largest > j->worst.error && i < BLOCK; i++) {
            if (error[i] > j->worst.error) {
                double settled = settle_unary(row, x[i], got[i], false, error[i]);
                if (settled > j->worst.error) {
                    j->worst = (worst_case){settled, x[i], 0.0};
                }
            }
        }
    }
}

static void search_unary_f64(job *j) {
    static _Thread_local double x[BLOCK], got[BLOCK];
    const unary_row *row = j->unary;
    uint64_t state = j->seed;
    for (uint64_t u = j->first; u < j->end; u += BLOCK) {
        for (size_t i = 0; i < BLOCK; i++) {
            x[i] = i & 1 ? uniform(&state, row->low, row->high)
                         : from_bits_f64(next_random(&state));
            x[i] = u == j->first && i < N_SPECIALS ? special(i) : x[i];
        }
        call_1(row->f64, x, got);
        for (size_t i = 0; i < BLOCK; i++) {
            double error = error_f64(got[i], row->reference_l(x[i]));
            if (error > j->worst.error) {
                error = settle_unary(row, x[i], got[i], true, error);
                if (error > j->worst.error) {
                    j->worst = (worst_case){error, x[i], 0.0};
                }
            }
        }
    }
}

static void search_binary(job *j) {
    static _Thread_local double x[BLOCK], y[BLOCK], got[BLOCK];
    static _Thread_local float xf[BLOCK], yf[BLOCK], got_f[BLOCK];
    const binary_row *row = j->binary;
    uint64_t state = j->seed, n = j->first;
    for (uint64_t u = j->first; u < j->end; u += BLOCK) {
        for (size_t i = 0; i < BLOCK; i++, n++) {
            x[i] = uniform(&state, row->low_x, row->high_x);
            y[i] = uniform(&state, row->low_y, row->high_y);
            if (n < N_SPECIALS * N_SPECIALS) {
                x[i] = special(n / N_SPECIALS);
                y[i] = special(n % N_SPECIALS);
            } else if (i & 1 && j->f64) {
                x[i] = from_bits_f64(next_random(&state));
                y[i] = from_bits_f64(next_random(&state));
            } else if (i & 1) {
                x[i] = from_bits_f32((uint32_t)next_random(&state));
                y[i] = from_bits_f32((uint32_t)next_random(&state));
            }
            x[i] = j->f64 ? x[i] : (double)(float)x[i];
            y[i] = j->f64 ? y[i] : (double)(float)y[i];
            xf[i] = (float)x[i];
            yf[i] = (float)y[i];
        }
        if (j->f64) {
            call_2(row->f64, x, y, got);
        } else {
            call_2(row->f32, xf, yf, got_f);
        }
        for (size_t i = 0; i < BLOCK; i++) {
            double error = j->f64 ? error_f64(got[i], row->reference_l(x[i], y[i]))
                                  : error_f32(got_f[i], row->reference(x[i], y[i]));
            if (error > j->worst.error) {
                error = settle_binary(row, x[i], y[i], j->f64 ? got[i] : got_f[i], j->f64, error);
                if (error > j->worst.error) {
                    j->worst = (worst_case){error, x[i], y[i]};
                }
            }
        }
    }
}

static void *run(void *argument) {
    job *j = argument;
    if (j->binary) {
        search_binary(j);
    } else if (j->f64) {
        search_unary_f64(j);
    } else {
        search_all_f32(j);
    }
    mpfr_free_cache();
    return NULL;
}

#define MAX_THREADS 64

/* Splits n inputs among the threads; prints and returns the worst. */
static double measure(job whole, const char *name, uint64_t n, unsigned n_threads, uint64_t seed) {
    job jobs[MAX_THREADS];
    pthread_t threads[MAX_THREADS];
    for (unsigned t = 0; t < n_threads; t++) {
        jobs[t] = whole;
        jobs[t].first = n / n_threads * t;
        jobs[t].end = t + 1 == n_threads ? n : n / n_threads * (t + 1);
        jobs[t].seed = (seed + t) * 0x9e3779b97f4a7c15;
        if (pthread_create(&threads[t], NULL, run, &jobs[t])) {
            fprintf(stderr, "accuracy: cannot start a thread\n");
            exit(2);
        }
    }
    worst_case worst = {0.0, 0.0, 0.0};
    for (unsigned t = 0; t < n_threads; t++) {
        pthread_join(threads[t], NULL);
        worst = jobs[t].worst.error > worst.error ? jobs[t].worst : worst;
    }
    printf("%-9s %s  %.4f ULP at %a", name, whole.f64 ? "float64" : "float32", worst.error,
           worst.x);
    printf(whole.binary ? ", %a\n" : "\n", worst.y);
    fflush(stdout);
    return worst.error;
}

static bool wanted(const char *name, int n_names, char **names) {
    for (int i = 0; i < n_names; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return n_names == 0;
}

static uint64_t positive(const char *text, uint64_t largest) {
    char *end;
    errno = 0;
    unsigned long long value = text ? strtoull(text, &end, 10) : 0;
    if (value == 0 || errno || *end || value > largest) {
        fprintf(stderr, "accuracy: not a number from 1 to %llu: %s\n",
                (unsigned long long)largest, text ? text : "");
        exit(2);
    }
    return value;
}

int main(int argc, char **argv) {
    uint64_t stride = 1, samples = 10000000, n_threads = 1, seed = 1;
    int i = 1;
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        if (strcmp(argv[i], "--stride") == 0) {
            stride = positive(argv[i + 1], 1 << 20);
        } else if (strcmp(argv[i], "--samples") == 0) {
            samples = positive(argv[i + 1], UINT64_MAX / 2);
        } else if (strcmp(argv[i], "--threads") == 0) {
            n_threads = positive(argv[i + 1], MAX_THREADS);
        } else if (strcmp(argv[i], "--seed") == 0) {
            seed = positive(argv[i + 1], UINT64_MAX);
        } else {
            fprintf(stderr, "accuracy: unknown option %s\n", argv[i]);
            return 2;
        }
    }
    argc -= i;
    argv += i;
    double worst = 0.0;
    for (size_t r = 0; r < sizeof unary_rows / sizeof *unary_rows; r++) {
        const unary_row *row = &unary_rows[r];
        if (wanted(row->name, argc, argv)) {
            job f32 = {.unary = row, .stride = stride}, f64 = {.unary = row, .f64 = true};
            worst = fmax(worst, measure(f32, row->name, (uint64_t)1 << 32, n_threads, seed));
            worst = fmax(worst, measure(f64, row->name, samples, n_threads, seed));
        }
    }
    for (size_t r = 0; r < sizeof binary_rows / sizeof *binary_rows; r++) {
        const binary_row *row = &binary_rows[r];
        if (wanted(row->name, argc, argv)) {
            job f32 = {.binary = row}, f64 = {.binary = row, .f64 = true};
            worst = fmax(worst, measure(f32, row->name, samples, n_threads, seed));
            worst = fmax(worst, measure(f64, row->name, samples, n_threads, seed));
        }
    }
    return worst > 1.0;
}
