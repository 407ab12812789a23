/* math_avx512.h: elementary functions on whole AVX-512 vectors, where the loops that the compiler
 * makes of math_f32.h and math_f64.h are slower than need be: what AVX-512 has and no C expression
 * says is a table of 16 or 32 numbers in registers, looked up by one permutation.
 *
 * vector_NAME_SUFFIX(x) with VECTOR_NAME_SUFFIX defined as 1 takes the place of the op table's
 * expression in elementwise_loop.h. The promises are those of math_f32.h and math_f64.h: at most
 * 1 ULP, special cases by C99's Annex F, and an element's result depends on nothing but itself. The
 * last is why special cases, which are computed by a second formula when any lane of a vector has
 * one, give ordinary lanes the same bits as the first.
 *
 * Polynomials are minimax approximations made with Sollya (fpminimax). Tables come as a high part
 * short enough that sums with it are exact, and a low part.
 */
#ifndef PT_MATH_AVX512_H
#define PT_MATH_AVX512_H
#if defined(__AVX512F__) && defined(__AVX512DQ__)

#include <immintrin.h>

#include "math_f32.h"
#include "math_f64.h"

#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

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

#define NEAREST_INTEGER (_MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)

static inline __m512 load_f32(const float *x) { return _mm512_loadu_ps(x); }
static inline __m512d load_f64(const double *x) { return _mm512_loadu_pd(x); }
static inline void store_f32(float *out, __m512 x) { _mm512_storeu_ps(out, x); }
static inline void store_f64(double *out, __m512d x) { _mm512_storeu_pd(out, x); }

/* ---------------------------------------------------------------------------------- tables */

static inline __m512d lookup_f64(const double *table, __m512i index) { /* the low 4 bits count */
    return _mm512_permutex2var_pd(_mm512_loadu_pd(table), index, _mm512_loadu_pd(table + 8));
}

static inline __m512 lookup_f32(const float *table, __m512i index) {
    return _mm512_permutexvar_ps(index, _mm512_loadu_ps(table));
}

static inline __m512 lookup_fine_f32(const float *table, __m512i index) { /* 32 entries */
    return _mm512_permutex2var_ps(_mm512_loadu_ps(table), index, _mm512_loadu_ps(table + 16));
}

/* y, and f(x) for some lanes. */
static inline __m512d each_lane_f64(double (*f)(double), __m512d x, __m512d y, __mmask8 lanes) {
    double in[8], out[8];
    store_f64(in, x);
    store_f64(out, y);
    for (int i = 0; i < 8; i++) {
        out[i] = lanes >> i & 1 ? f(in[i]) : out[i];
    }
    return load_f64(out);
}

static inline __m512 each_lane_f32(float (*f)(float), __m512 x, __m512 y, __mmask16 lanes) {
    float in[16], out[16];
    store_f32(in, x);
    store_f32(out, y);
    for (int i = 0; i < 16; i++) {
        out[i] = lanes >> i & 1 ? f(in[i]) : out[i];
    }
    return load_f32(out);
}

/* 2^(i/16) */
static const float exp2_high_f32[16] = {0x1p0f, 0x1.0b5586p0f, 0x1.172b84p0f, 0x1.2387a6p0f,
    0x1.306fep0f, 0x1.3dea64p0f, 0x1.4bfdaep0f, 0x1.5ab07ep0f, 0x1.6a09e6p0f, 0x1.7a1148p0f,
    0x1.8ace54p0f, 0x1.9c4918p0f, 0x1.ae89fap0f, 0x1.c199bep0f, 0x1.d5818ep0f, 0x1.ea4afap0f};
static const float exp2_low_f32[16] = {0, 0x1.9f3122p-25f, -0x1.c15742p-27f, 0x1.ceac48p-25f,
    0x1.4636e2p-25f, 0x1.824684p-25f, -0x1.593abcp-25f, -0x1.5bd5ecp-27f, 0x1.9fcef4p-26f,
    -0x1.829fdp-25f, 0x1.15506ep-27f, 0x1.51f848p-27f, -0x1.a94b14p-26f, -0x1.3d56b2p-27f,
    -0x1.822dbcp-27f, 0x1.52486cp-27f};
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

/* --------------------------------------------------------------------------- exponentials */

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

/* s + s_low = 2^n, e^x - 1 = (s - 1) + s r + (s_low (1 + r) + s (e^r - 1 - r)), with what the
 * roundings of the first two terms lose. (e^r - 1 - r)/r^2 for |r| < 0.0218, degree 2: 2^-31. At
 * -30 it is -1. Above 88 the plain function computes it: s may overflow before the result does. */
#define VECTOR_expm1_f32 1
static inline __m512 vector_expm1_f32(__m512 x) {
    const __m512 round = _mm512_set1_ps(0x1.8p19f), one = _mm512_set1_ps(1.0f);
    const __m512 ln_2_low = _mm512_set1_ps(-0x1.05c61p-29f);
    __m512 v = _mm512_max_ps(_mm512_set1_ps(-30.0f), x); /* x if it is NaN */
    __m512 z = _mm512_fmadd_ps(v, _mm512_set1_ps((float)LOG2_E), round);
    __m512 n = _mm512_sub_ps(z, round);
    __m512 r_high = _mm512_fnmadd_ps(n, _mm512_set1_ps((float)LN_2), v);
    __m512 r = _mm512_fnmadd_ps(n, ln_2_low, r_high);
    __m512 r_low = _mm512_fnmadd_ps(n, ln_2_low, _mm512_sub_ps(r_high, r));
    __m512i index = _mm512_castps_si512(z);
    __m512 s = _mm512_scalef_ps(lookup_f32(exp2_high_f32, index), n); /* by 2^floor(n) */
    __m512 s_low = _mm512_scalef_ps(lookup_f32(exp2_low_f32, index), n);
    __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(0x1.55569ap-5f), r, _mm512_set1_ps(0x1.5556e4p-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.5f));
    p = _mm512_fmadd_ps(p, _mm512_mul_ps(r, r), r_low);
    __m512 a = _mm512_sub_ps(s, one), y = _mm512_fmadd_ps(s, r, a);
    __mmask16 below_1 = _mm512_cmp_ps_mask(s, one, _CMP_LT_OQ);
    __m512 low = _mm512_sub_ps(_mm512_sub_ps(s, a), one);
    low = _mm512_mask_sub_ps(low, below_1, s, _mm512_add_ps(a, one));
    low = _mm512_add_ps(low, _mm512_fmadd_ps(s, r, _mm512_sub_ps(a, y)));
    low = _mm512_add_ps(low, _mm512_fmadd_ps(s, p, _mm512_fmadd_ps(s_low, r, s_low)));
    y = _mm512_add_ps(y, low);
    __mmask16 large = _mm512_cmp_ps_mask(x, _mm512_set1_ps(88.0f), _CMP_GT_OQ);
    if (UNLIKELY(large)) {
        y = each_lane_f32(expm1_f32, x, y, large);
    }
    return _mm512_or_ps(y, _mm512_and_ps(x, _mm512_set1_ps(-0.0f))); /* expm1(-0.0) is -0.0 */
}

/* tanh around 30 centers in intervals of |x|: [0, 1/16), quarters of binades up to 8, [8, 10).
 * tanh(center) is a float to 2^-33; the coefficients of (x - center)^1 ... ^6 are minimax: 2^-29.2
 * in [4, 5), 2^-31 elsewhere. */
static const float tanh_center[32] = {0, 0x1.1ffdeep-4f, 0x1.5ffff6p-4f, 0x1.a0003p-4f,
    0x1.e000c2p-4f, 0x1.200278p-3f, 0x1.5fff58p-3f, 0x1.9fff9ap-3f, 0x1.e0061ep-3f, 0x1.1ffe3ap-2f,
    0x1.600068p-2f, 0x1.9fff82p-2f, 0x1.e000eap-2f, 0x1.2000dcp-1f, 0x1.5ffe5ap-1f, 0x1.a00154p-1f,
    0x1.e0029ap-1f, 0x1.1ffeb6p0f, 0x1.5ffd8p0f, 0x1.9fff1p0f, 0x1.e00076p0f, 0x1.1ffe52p1f,
    0x1.5ffe74p1f, 0x1.a0006ep1f, 0x1.e001ecp1f, 0x1.2000dcp2f, 0x1.6005f2p2f, 0x1.9fef28p2f,
    0x1.e0d5c4p2f, 0x1.154246p3f, 0x1.154246p3f, 0x1.154246p3f};
static const float tanh_at_center[32] = {0, 0x1.1f84aep-4f, 0x1.5f22c8p-4f, 0x1.9e9386p-4f,
    0x1.ddd152p-4f, 0x1.1e203cp-3f, 0x1.5c9264p-3f, 0x1.9a5ebap-3f, 0x1.d76c28p-3f, 0x1.18a1f6p-2f,
    0x1.52c322p-2f, 0x1.8a8776p-2f, 0x1.bfaf28p-2f, 0x1.050912p-1f, 0x1.3156dp-1f, 0x1.5789bap-1f,
    0x1.77d96cp-1f, 0x1.9e5bd2p-1f, 0x1.c27784p-1f, 0x1.d9c6b6p-1f, 0x1.e878b4p-1f, 0x1.f4bf8cp-1f,
    0x1.fbd4fp-1f, 0x1.fe767cp-1f, 0x1.ff6f1cp-1f, 0x1.ffdfa8p-1f, 0x1.fffbap-1f, 0x1.ffff68p-1f,
    0x1.ffffecp-1f, 0x1.fffffep-1f, 0x1.fffffep-1f, 0x1.fffffep-1f};
static const float tanh_1[32] = {0x1p0f, 0x1.fd7a2ap-1f, 0x1.fc3ccp-1f, 0x1.fac13ep-1f,
    0x1.f90854p-1f, 0x1.f601ap-1f, 0x1.f12b0ep-1f, 0x1.eb7164p-1f, 0x1.e4df06p-1f, 0x1.d98baap-1f,
    0x1.c7f704p-1f, 0x1.b3ff58p-1f, 0x1.9e235cp-1f, 0x1.7aea4p-1f, 0x1.49e804p-1f, 0x1.197ed2p-1f,
    0x1.d8314cp-2f, 0x1.6152e4p-2f, 0x1.ceaf38p-3f, 0x1.266032p-3f, 0x1.6fce64p-4f, 0x1.6419aep-5f,
    0x1.09ae06p-6f, 0x1.88ecc8p-8f, 0x1.219fp-9f, 0x1.02b84p-11f, 0x1.17ff48p-14f, 0x1.300052p-17f,
    0x1.400078p-20f, 0x1.fff7f2p-24f, 0x1.fff7f2p-24f, 0x1.fff7f2p-24f};
static const float tanh_2[32] = {0, -0x1.1e1ap-4f, -0x1.5c8e2cp-4f, -0x1.9a5442p-4f,
    -0x1.d750bcp-4f, -0x1.188a82p-3f, -0x1.52796ap-3f, -0x1.89e4b8p-3f, -0x1.be719ap-3f,
    -0x1.038e2cp-2f, -0x1.2dafd8p-2f, -0x1.4ff6dap-2f, -0x1.6a1d8cp-2f, -0x1.825e4p-2f,
    -0x1.897d4cp-2f, -0x1.79c05ep-2f, -0x1.5aa0ap-2f, -0x1.1df164p-2f, -0x1.971402p-3f,
    -0x1.10661ep-3f, -0x1.5ee76cp-4f, -0x1.5c464ap-5f, -0x1.07845p-6f, -0x1.87becap-8f,
    -0x1.214d0ap-9f, -0x1.02a81cp-11f, -0x1.17fd22p-14f, -0x1.300024p-17f, -0x1.4001aep-20f,
    -0x1.ff331ap-24f, -0x1.ff331ap-24f, -0x1.ff331ap-24f};
static const float tanh_3[32] = {-0x1.55554ep-2f, -0x1.4dad14p-2f, -0x1.4cef7cp-2f, -0x1.495dc8p-2f,
    -0x1.41cc64p-2f, -0x1.3b3b5ap-2f, -0x1.2ef27cp-2f, -0x1.20659ep-2f, -0x1.0f80f4p-2f,
    -0x1.e925c2p-3f, -0x1.982c1ap-3f, -0x1.4269bcp-3f, -0x1.d7755cp-4f, -0x1.bce37cp-5f,
    0x1.d6b13p-7f, 0x1.07481ep-4f, 0x1.844728p-4f, 0x1.c68c5p-4f, 0x1.97db8ap-4f, 0x1.33e128p-4f,
    0x1.a85954p-5f, 0x1.bbd872p-6f, 0x1.599d3p-7f, 0x1.0395c4p-8f, 0x1.80ddb6p-10f, 0x1.58785ep-12f,
    0x1.7508e2p-15f, 0x1.950cbap-18f, 0x1.aa603ep-21f, 0x1.55cf1cp-24f, 0x1.55cf1cp-24f,
    0x1.55cf1cp-24f};
static const float tanh_4[32] = {0, 0x1.779c68p-5f, 0x1.cc1068p-5f, 0x1.0c00ecp-4f, 0x1.346136p-4f,
    0x1.6a9996p-4f, 0x1.afe222p-4f, 0x1.ed1d0ap-4f, 0x1.1299e4p-3f, 0x1.32fefp-3f, 0x1.50189p-3f,
    0x1.5c4b7p-3f, 0x1.586dbep-3f, 0x1.3a4892p-3f, 0x1.e984bcp-4f, 0x1.471762p-4f, 0x1.6257fcp-5f,
    0x1.ace442p-9f, -0x1.5dcaf8p-6f, -0x1.9d2d4ep-6f, -0x1.55d6b8p-6f, -0x1.93d4eap-7f,
    -0x1.4e432ep-8f, -0x1.007514p-9f, -0x1.7f2a4ap-11f, -0x1.581e94p-13f, -0x1.74f6dcp-16f,
    -0x1.950d3cp-19f, -0x1.aa0618p-22f, -0x1.607f1p-25f, -0x1.607f1p-25f, -0x1.607f1p-25f};
static const float tanh_5[32] = {0x1.10a18ap-3f, -0x1.82f1e8p3f, 0x1.45bc48p4f, 0x1.89a822p4f,
    -0x1.d11326p3f, 0x1.3c67a2p-1f, 0x1.14e85p0f, 0x1.aa3b9p-1f, -0x1.13994ap0f, 0x1.1030d6p-4f,
    -0x1.2bba7ep-5f, -0x1.04dadep-7f, 0x1.a9347ap-5f, -0x1.7d7332p-5f, -0x1.dd5aa8p-5f,
    -0x1.13d6dap-4f, -0x1.ca8f0ap-5f, -0x1.061a26p-5f, -0x1.37f45ap-7f, 0x1.66fc2ap-10f,
    0x1.3001ecp-8f, 0x1.04beccp-8f, 0x1.f5bc38p-10f, 0x1.9374acp-11f, 0x1.3269f4p-12f,
    0x1.1ccbf4p-14f, 0x1.35551cp-17f, 0x1.50025ap-20f, 0x1.61a696p-23f, 0x1.17081cp-26f,
    0x1.17081cp-26f, 0x1.17081cp-26f};
static const float tanh_6[32] = {0, 0x1.58b478p2f, -0x1.2b89a6p-1f, 0x1.0c0c1ep2f, -0x1.2a05dcp1f,
    0x1.60c174p-2f, -0x1.8f93cep-3f, 0x1.0fce24p-2f, -0x1.27ae02p0f, -0x1.4255bep-5f,
    -0x1.989cb8p-6f, -0x1.8a4d8ep-4f, -0x1.19a616p-4f, -0x1.25fe12p-5f, -0x1.739a82p-7f,
    0x1.a8a37ap-8f, 0x1.1e68c8p-6f, 0x1.2d8808p-6f, 0x1.6648ep-7f, 0x1.0f59ep-8f, 0x1.5a151ep-11f,
    -0x1.78b038p-11f, -0x1.1e026cp-11f, -0x1.fee554p-13f, -0x1.90d37cp-14f, -0x1.7a1a92p-16f,
    -0x1.9c6e66p-19f, -0x1.bf2fcap-22f, -0x1.e246eap-25f, -0x1.d83748p-29f, -0x1.d83748p-29f,
    -0x1.d83748p-29f};

#define VECTOR_tanh_f32 1
static inline __m512 vector_tanh_f32(__m512 x) {
    const __m512i zero = _mm512_setzero_si512();
    __m512 a = _mm512_min_ps(_mm512_set1_ps(0x1.3ffffep3f), _mm512_abs_ps(x)); /* NaN stays */
    __m512i index = _mm512_srli_epi32(_mm512_castps_si512(a), 21); /* 2^-4: 123 quarters */
    index = _mm512_max_epi32(_mm512_sub_epi32(index, _mm512_set1_epi32(4 * 123 - 1)), zero);
    __m512 t = _mm512_sub_ps(a, lookup_fine_f32(tanh_center, index)), t2 = _mm512_mul_ps(t, t);
    __m512 p = lookup_fine_f32(tanh_6, index);
    p = _mm512_fmadd_ps(p, t, lookup_fine_f32(tanh_5, index));
    p = _mm512_fmadd_ps(p, t, lookup_fine_f32(tanh_4, index));
    p = _mm512_fmadd_ps(p, t, lookup_fine_f32(tanh_3, index));
    p = _mm512_fmadd_ps(p, t, lookup_fine_f32(tanh_2, index));
    p = _mm512_fmadd_ps(p, t2, _mm512_mul_ps(t, lookup_fine_f32(tanh_1, index)));
    p = _mm512_add_ps(lookup_fine_f32(tanh_at_center, index), p);
    return _mm512_or_ps(p, _mm512_and_ps(x, _mm512_set1_ps(-0.0f)));
}

/* ------------------------------------------------------------------------ logarithms, float64 */

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
    log_split_f64 s =
        split_normal_f64(_mm512_mask_mul_pd(a, subnormal, a, _mm512_set1_pd(0x1p54)));
    s.k = _mm512_mask_sub_pd(s.k, subnormal, s.k, _mm512_set1_pd(54.0));
    return s;
}

/* About 1/m for each interval, with so few bits that r = m inverse - 1 is exact; |r| < 0.0342, and
 * below 1/32 around 1. */
static const double inverse_f64[16] = {0x1.58p0, 0x1.48p0, 0x1.38p0, 0x1.3p0, 0x1.28p0, 0x1.18p0,
    0x1.1p0, 0x1.08p0, 0x1p0, 0x1.ep-1, 0x1.c8p-1, 0x1.bp-1, 0x1.98p-1, 0x1.88p-1, 0x1.7p-1,
    0x1.6p-1};

/* log_b x = k step + (-log_b inverse) + scale r + scale (log(1 + r) - r), for the base b: step is
 * log_b 2, scale 1/ln b, high and low are -log_b inverse. The sum of k step and high is exact.
 * quotient: scale (log(1 + r) - r)/r^2, |r| < 0.0342, degree 8: 2^-60 of the logarithm. */
typedef struct {
    double step, step_low, scale, scale_low, quotient[9], high[16], low[16];
} log_base_f64;

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
        0x1.ebe708164c759p-45, 0x1.46fb79bf6d4cbp-44}};

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
        -0x1.532c412ba94dbp-44, 0x1.7c407050799bfp-44}};

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
        0x1.20ca9a2bcc728p-45}};

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
    __m512d r_low = _mm512_scalef_pd(_mm512_mul_pd(u_low, inverse),
                                     _mm512_sub_pd(_mm512_setzero_pd(), s.k));
    __m512d r = _mm512_add_pd(r_high, r_low);
    r_low = _mm512_add_pd(_mm512_sub_pd(r_high, r), r_low);
    __m512d y = log_sum_f64(s.k, r, r_low, s.index, &base_e_f64);
    if (UNLIKELY(special)) {
        y = log_special_vector_f64(u, y);
    }
    return _mm512_or_pd(y, _mm512_and_pd(x, _mm512_set1_pd(-0.0))); /* log1p(-0.0) is -0.0 */
}

/* ------------------------------------------------------------------------ logarithms, float32 */

/* As for float64. */
typedef struct {
    __m512 k, m;
    __m512i index;
} log_split_f32;

/* Counted from lowest. index: the first mantissa bits, as many as index_bits. */
static inline log_split_f32 split_normal_f32(__m512 x, int lowest_bits, int index_bits) {
    const __m512i exponent_bits = _mm512_set1_epi32((int)0xff800000);
    __m512i bits = _mm512_castps_si512(x);
    __m512i u = _mm512_sub_epi32(bits, _mm512_set1_epi32(lowest_bits));
    __m512i m = _mm512_sub_epi32(bits, _mm512_and_si512(u, exponent_bits));
    return (log_split_f32){_mm512_cvtepi32_ps(_mm512_srai_epi32(u, 23)), _mm512_castsi512_ps(m),
                           _mm512_srli_epi32(u, 23 - (unsigned)index_bits)};
}

static inline log_split_f32 split_any_f32(__m512 x, int lowest_bits, int index_bits) {
    __mmask16 subnormal = _mm512_fpclass_ps_mask(x, CLASS_SUBNORMAL);
    __m512 a = _mm512_abs_ps(x);
    a = _mm512_mask_mul_ps(a, subnormal, a, _mm512_set1_ps(0x1p24f));
    log_split_f32 s = split_normal_f32(a, lowest_bits, index_bits);
    s.k = _mm512_mask_sub_ps(s.k, subnormal, s.k, _mm512_set1_ps(24.0f));
    return s;
}

/* The 16 intervals of float64. */
#define LOWEST_F32 0x3f3c0000 /* 1 - 17/64 */
static const float inverse_f32[16] = {0x1.58p0f, 0x1.48p0f, 0x1.38p0f, 0x1.3p0f, 0x1.28p0f,
    0x1.18p0f, 0x1.1p0f, 0x1.08p0f, 0x1p0f, 0x1.ep-1f, 0x1.c8p-1f, 0x1.bp-1f, 0x1.98p-1f,
    0x1.88p-1f, 0x1.7p-1f, 0x1.6p-1f};

/* As log_base_f64. quotient: degree 3, 2^-30. */
typedef struct {
    float step, step_low, scale, scale_low, quotient[4], high[16], low[16];
} log_base_f32;

static const log_base_f32 base_e_f32 = {
    0x1.62e4p-1f, 0x1.7f7d1cp-20f, 1.0f, 0.0f,
    {-0x1.fffffep-2f, 0x1.55554ep-2f, -0x1.003386p-2f, 0x1.9a2346p-3f},
    .high = {-0x1.2e9p-2f, -0x1.fb9p-3f, -0x1.9528p-3f, -0x1.5ffp-3f, -0x1.2958p-3f, -0x1.6f1p-4f,
        -0x1.f0ap-5f, -0x1.f84p-6f, 0, 0x1.086p-4f, 0x1.da7p-4f, 0x1.5bf8p-3f, 0x1.d1p-3f,
        0x1.1178p-2f, 0x1.522cp-2f, 0x1.7fbp-2f},
    .low = {0x1.d451eep-18f, -0x1.86d5e4p-19f, 0x1.2b185ep-18f, -0x1.83853cp-18f, 0x1.683fp-18f,
        0x1.6ba8d4p-19f, -0x1.86008cp-20f, 0x1.64f188p-18f, 0, -0x1.9d2988p-18f, 0x1.3b1c22p-19f,
        -0x1.fca55ep-18f, 0x1.bf932ap-18f, 0x1.d044fcp-19f, -0x1.1f8c76p-18f, -0x1.7109fap-20f}};

static const log_base_f32 base_2_f32 = {
    1.0f, 0.0f, 0x1.715476p0f, 0x1.4ae0cp-26f,
    {-0x1.715474p-1f, 0x1.ec7094p-2f, -0x1.71a6a2p-2f, 0x1.27d6a4p-2f},
    .high = {-0x1.b48p-2f, -0x1.6e24p-2f, -0x1.244p-2f, -0x1.fbcp-3f, -0x1.acf8p-3f, -0x1.08c8p-3f,
        -0x1.664p-4f, -0x1.6bap-5f, 0, 0x1.7d6p-4f, 0x1.564p-3f, 0x1.f6p-3f, 0x1.4f7p-2f,
        0x1.8a88p-2f, 0x1.e7ep-2f, 0x1.14c6p-1f},
    .low = {0x1.408c78p-18f, 0x1.e3263p-18f, -0x1.eac382p-20f, -0x1.6b9026p-19f, 0x1.0e9258p-18f,
        0x1.3b992cp-18f, 0x1.20a6dep-21f, -0x1.a6eb1ep-18f, 0, 0x1.25b3eep-22f, -0x1.1eb002p-18f,
        -0x1.3ab7cep-18f, -0x1.134c4ep-20f, 0x1.80abfcp-18f, -0x1.40358ep-19f, -0x1.3e032ep-18f}};

static const log_base_f32 base_10_f32 = {
    0x1.3442p-2f, -0x1.95ec1p-19f, 0x1.bcb7b2p-2f, -0x1.5b235ep-27f,
    {-0x1.bcb7bp-3f, 0x1.287a7p-3f, -0x1.bd0d8p-4f, 0x1.643c92p-4f},
    .high = {-0x1.06ccp-3f, -0x1.b8ep-4f, -0x1.5fe8p-4f, -0x1.31bp-4f, -0x1.024p-4f, -0x1.3edp-5f,
        -0x1.af6p-6f, -0x1.b6p-7f, 0, 0x1.cb4p-6f, 0x1.9c2p-5f, 0x1.2e38p-4f, 0x1.93e8p-4f,
        0x1.db1p-4f, 0x1.25bcp-3f, 0x1.4d44p-3f},
    .low = {0x1.4c2c9ep-22f, 0x1.b2c54cp-20f, -0x1.222bd4p-26f, -0x1.82ae24p-19f, -0x1.460f84p-19f,
        -0x1.199a5ep-21f, 0x1.b53fc6p-24f, 0x1.6f714ep-19f, 0, -0x1.c0cc9ep-20f, -0x1.a1504p-19f,
        0x1.3a05bcp-19f, -0x1.0f81ep-23f, 0x1.ed766ap-20f, -0x1.7dea5p-19f, -0x1.f6296ep-25f}};

static inline __m512 log_special_vector_f32(__m512 x, __m512 log_x) {
    __mmask16 zero = _mm512_fpclass_ps_mask(x, CLASS_ZERO);
    __mmask16 minus = _mm512_fpclass_ps_mask(x, CLASS_MINUS);
    __mmask16 itself = _mm512_fpclass_ps_mask(x, CLASS_PLUS_INFINITY | CLASS_NAN);
    log_x = _mm512_mask_mov_ps(log_x, zero, _mm512_set1_ps(-__builtin_inff()));
    log_x = _mm512_mask_mov_ps(log_x, minus, _mm512_set1_ps(__builtin_nanf("")));
    return _mm512_mask_mov_ps(log_x, itself, x);
}

static inline __m512 log_sum_f32(__m512 k, __m512 r, __m512 r_low, __m512i index,
                                 const log_base_f32 *base) {
    const float *q = base->quotient;
    __m512 scale = _mm512_set1_ps(base->scale);
    __m512 sum = _mm512_fmadd_ps(k, _mm512_set1_ps(base->step), lookup_f32(base->high, index));
    __m512 low = _mm512_fmadd_ps(k, _mm512_set1_ps(base->step_low), lookup_f32(base->low, index));
    low = _mm512_add_ps(low, r_low);
    __m512 high = _mm512_fmadd_ps(r, scale, sum);
    __m512 lost = _mm512_fmadd_ps(r, scale, _mm512_sub_ps(sum, high));
    __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(q[3]), r, _mm512_set1_ps(q[2]));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(q[1]));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(q[0]));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(base->scale_low));
    low = _mm512_add_ps(low, _mm512_fmadd_ps(p, r, lost));
    return _mm512_add_ps(high, low);
}

static inline __m512 log_in_base_f32(__m512 x, const log_base_f32 *base) {
    __mmask16 special = _mm512_fpclass_ps_mask(x, CLASS_NOT_POSITIVE_NORMAL);
    log_split_f32 s = split_normal_f32(x, LOWEST_F32, 4);
    if (UNLIKELY(special)) {
        s = split_any_f32(x, LOWEST_F32, 4);
    }
    __m512 r = _mm512_fmsub_ps(s.m, lookup_f32(inverse_f32, s.index), _mm512_set1_ps(1.0f));
    __m512 y = log_sum_f32(s.k, r, _mm512_setzero_ps(), s.index, base);
    return UNLIKELY(special) ? log_special_vector_f32(x, y) : y;
}

#define VECTOR_log_f32 1
static inline __m512 vector_log_f32(__m512 x) { return log_in_base_f32(x, &base_e_f32); }

#define VECTOR_log2_f32 1
static inline __m512 vector_log2_f32(__m512 x) { return log_in_base_f32(x, &base_2_f32); }

#define VECTOR_log10_f32 1
static inline __m512 vector_log10_f32(__m512 x) { return log_in_base_f32(x, &base_10_f32); }

#define VECTOR_log1p_f32 1
static inline __m512 vector_log1p_f32(__m512 x) {
    const __m512 one = _mm512_set1_ps(1.0f);
    __m512 u = _mm512_add_ps(one, x), t = _mm512_sub_ps(u, one);
    __m512 u_low = _mm512_add_ps(_mm512_sub_ps(one, _mm512_sub_ps(u, t)), _mm512_sub_ps(x, t));
    __mmask16 special = _mm512_fpclass_ps_mask(u, CLASS_NOT_POSITIVE_NORMAL);
    log_split_f32 s = split_normal_f32(u, LOWEST_F32, 4);
    __m512 inverse = lookup_f32(inverse_f32, s.index);
    __m512 r_high = _mm512_fmsub_ps(s.m, inverse, one);
    __m512 r_low = _mm512_scalef_ps(_mm512_mul_ps(u_low, inverse),
                                    _mm512_sub_ps(_mm512_setzero_ps(), s.k));
    __m512 r = _mm512_add_ps(r_high, r_low);
    r_low = _mm512_add_ps(_mm512_sub_ps(r_high, r), r_low);
    __m512 y = log_sum_f32(s.k, r, r_low, s.index, &base_e_f32);
    if (UNLIKELY(special)) {
        y = log_special_vector_f32(u, y);
    }
    return _mm512_or_ps(y, _mm512_and_ps(x, _mm512_set1_ps(-0.0f)));
}

/* --------------------------------------------------------------------------- power, float32 */

/* 32 intervals from 1 - 33/128 on; |r| < 0.0198, and below 1/64 around 1. -log2(inverse). */
#define FINE_LOWEST_F32 0x3f3e0000
static const float fine_inverse_f32[32] = {0x1.54p0f, 0x1.5p0f, 0x1.48p0f, 0x1.4p0f, 0x1.3cp0f,
    0x1.34p0f, 0x1.3p0f, 0x1.28p0f, 0x1.24p0f, 0x1.2p0f, 0x1.1cp0f, 0x1.14p0f, 0x1.1p0f, 0x1.0cp0f,
    0x1.08p0f, 0x1.04p0f, 0x1p0f, 0x1.fp-1f, 0x1.ep-1f, 0x1.d4p-1f, 0x1.c8p-1f, 0x1.b8p-1f,
    0x1.bp-1f, 0x1.a4p-1f, 0x1.98p-1f, 0x1.9p-1f, 0x1.88p-1f, 0x1.7cp-1f, 0x1.74p-1f, 0x1.6cp-1f,
    0x1.64p-1f, 0x1.5cp-1f};
static const float fine_log2_high[32] = {-0x1.a338p-2f, -0x1.91bcp-2f, -0x1.6e24p-2f, -0x1.49a8p-2f,
    -0x1.3714p-2f, -0x1.113p-2f, -0x1.fbcp-3f, -0x1.acf8p-3f, -0x1.84cp-3f, -0x1.5cp-3f,
    -0x1.32bp-3f, -0x1.bc8p-4f, -0x1.664p-4f, -0x1.0ebp-4f, -0x1.6bap-5f, -0x1.6e8p-6f, 0,
    0x1.774p-5f, 0x1.7d6p-4f, 0x1.098p-3f, 0x1.564p-3f, 0x1.bfc8p-3f, 0x1.f6p-3f, 0x1.249cp-2f,
    0x1.4f7p-2f, 0x1.6cbp-2f, 0x1.8a88p-2f, 0x1.b878p-2f, 0x1.d7e8p-2f, 0x1.f804p-2f, 0x1.0c6cp-1f,
    0x1.1d36p-1f};
static const float fine_log2_low[32] = {0x1.3eb014p-19f, 0x1.5db83ap-20f, 0x1.e3263p-18f,
    0x1.ed0cbap-20f, 0x1.b315b4p-18f, -0x1.f6b4c2p-20f, -0x1.6b9026p-19f, 0x1.0e9258p-18f,
    -0x1.5e8178p-18f, -0x1.a39fbep-19f, 0x1.61d876p-19f, -0x1.0902b6p-18f, 0x1.20a6dep-21f,
    -0x1.c4fd14p-19f, -0x1.a6eb1ep-18f, 0x1.a5e8f4p-20f, 0, -0x1.acd89ap-19f, 0x1.25b3eep-22f,
    -0x1.c731ap-19f, -0x1.1eb002p-18f, -0x1.858p-19f, -0x1.3ab7cep-18f, 0x1.a5627ap-19f,
    -0x1.134c4ep-20f, 0x1.ed0cbap-19f, 0x1.80abfcp-18f, -0x1.d42728p-21f, -0x1.3f543cp-18f,
    0x1.5d1a1ap-19f, 0x1.55e18ap-18f, 0x1.052d6ap-18f};

/* Beyond them, powers of two are 0 or infinite. */
#define POW_LIMIT_F32 200.0f
#define POW_LIMIT_F64 1100.0

/* Annex F, where x is not positive and normal or w = y log2 |x| is beyond the limit; else e. */
static inline __m512 pow_special_f32(__m512 e, __m512 x, __m512 y, __m512 w) {
    const __m512 infinity = _mm512_set1_ps(__builtin_inff()), zero = _mm512_setzero_ps();
    const __m512 limit = _mm512_set1_ps(POW_LIMIT_F32), sign = _mm512_set1_ps(-0.0f);
    e = _mm512_mask_mov_ps(e, _mm512_cmp_ps_mask(w, limit, _CMP_GT_OQ), infinity);
    e = _mm512_mask_mov_ps(e, _mm512_cmp_ps_mask(w, _mm512_sub_ps(zero, limit), _CMP_LT_OQ), zero);
    __mmask16 x_zero = _mm512_fpclass_ps_mask(x, CLASS_ZERO);
    __mmask16 x_infinite = _mm512_fpclass_ps_mask(x, CLASS_INFINITY);
    __mmask16 y_minus = _mm512_fpclass_ps_mask(y, CLASS_MINUS);
    __m512 beyond = _mm512_maskz_mov_ps((__mmask16)~(x_zero ^ y_minus), infinity);
    e = _mm512_mask_mov_ps(e, x_zero | x_infinite, beyond);
    e = _mm512_mask_add_ps(e, _mm512_cmp_ps_mask(x, y, _CMP_UNORD_Q), x, y);
    __m512 half = _mm512_mul_ps(y, _mm512_set1_ps(0.5f)), one = _mm512_set1_ps(1.0f);
    /* x^0 and (+-1)^y are 1, also where 0 times infinity or NaN stood. */
    __mmask16 is_one = _mm512_cmp_ps_mask(y, zero, _CMP_EQ_OQ) |
                       _mm512_cmp_ps_mask(_mm512_abs_ps(x), one, _CMP_EQ_OQ);
    e = _mm512_mask_mov_ps(e, is_one, one);
    __mmask16 is_integer =
        _mm512_cmp_ps_mask(_mm512_roundscale_ps(y, NEAREST_INTEGER), y, _CMP_EQ_OQ);
    __mmask16 is_odd = is_integer & _mm512_cmp_ps_mask(_mm512_roundscale_ps(half, NEAREST_INTEGER),
                                                       half, _CMP_NEQ_OQ);
    __mmask16 x_minus = _mm512_fpclass_ps_mask(x, CLASS_MINUS);
    e = _mm512_mask_mov_ps(e, x_minus & (__mmask16)~(x_infinite | is_integer),
                           _mm512_set1_ps(__builtin_nanf("")));
    return _mm512_mask_or_ps(e, is_odd, e, _mm512_and_ps(x, sign));
}

/* 2^(y log2 |x|), log2 |x| as a pair to 2^-32.5 of it, which |w| < 150 makes 2^-26 of the power. */
#define VECTOR_pow_f32 1
static inline __m512 vector_pow_f32(__m512 x, __m512 y) {
    const __m512 scale = _mm512_set1_ps(0x1.715476p0f), scale_low = _mm512_set1_ps(0x1.4ae0cp-26f);
    const __m512 minus_half_scale = _mm512_set1_ps(-0x1.715476p-1f);
    __mmask16 special = _mm512_fpclass_ps_mask(x, CLASS_NOT_POSITIVE_NORMAL);
    log_split_f32 s = split_normal_f32(x, FINE_LOWEST_F32, 5);
    if (UNLIKELY(special)) {
        s = split_any_f32(x, FINE_LOWEST_F32, 5);
    }
    __m512 inverse = lookup_fine_f32(fine_inverse_f32, s.index);
    __m512 r = _mm512_fmsub_ps(s.m, inverse, _mm512_set1_ps(1.0f));
    __m512 sum = _mm512_add_ps(s.k, lookup_fine_f32(fine_log2_high, s.index));
    __m512 high = _mm512_fmadd_ps(r, scale, sum);
    __m512 lost = _mm512_fmadd_ps(r, scale, _mm512_sub_ps(sum, high));
    __m512 low = _mm512_fmadd_ps(r, scale_low, lookup_fine_f32(fine_log2_low, s.index));
    low = _mm512_add_ps(low, lost);
    /* -scale r^2/2 in full, and r^3 times a polynomial: (log2(1 + r) - scale (r - r^2/2))/r^3 for
     * |r| < 0.0198, degree 2: 2^-32.8 of the logarithm. */
    __m512 square = _mm512_mul_ps(r, r), square_low = _mm512_fmsub_ps(r, r, square);
    __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(0x1.27870ep-2f), r, _mm512_set1_ps(-0x1.7167p-2f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0x1.ec709ep-2f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(-0x1.4ae0cp-27f));
    low = _mm512_fmadd_ps(p, square, low);
    low = _mm512_fmadd_ps(minus_half_scale, square_low, low);
    __m512 q = _mm512_mul_ps(minus_half_scale, square);
    low = _mm512_add_ps(low, _mm512_fmsub_ps(minus_half_scale, square, q));
    sum = _mm512_add_ps(high, q);
    low = _mm512_add_ps(low, _mm512_sub_ps(q, _mm512_sub_ps(sum, high)));
    __m512 w = _mm512_mul_ps(y, sum);
    __m512 w_low = _mm512_fmadd_ps(y, low, _mm512_fmsub_ps(y, sum, w));
    /* w = n + t, n a multiple of 1/16, whose four bits after the point are the low bits of z.
     * (2^t - 1)/t for |t| <= 1/32 + 0.058, degree 3: 2^-29.4 of the power. The addition is w_low,
     * as sum and low overlap: degree 3 costs less than normalising them. */
    const __m512 round = _mm512_set1_ps(0x1.8p19f);
    __m512 z = _mm512_add_ps(w, round), n = _mm512_sub_ps(z, round);
    __m512 t = _mm512_add_ps(_mm512_sub_ps(w, n), w_low);
    __m512 e = _mm512_fmadd_ps(_mm512_set1_ps(0x1.3b33e8p-7f), t, _mm512_set1_ps(0x1.c6c2c6p-5f));
    e = _mm512_fmadd_ps(e, t, _mm512_set1_ps(0x1.ebfbep-3f));
    e = _mm512_mul_ps(_mm512_fmadd_ps(e, t, _mm512_set1_ps(0x1.62e43p-1f)), t);
    __m512i index = _mm512_castps_si512(z);
    __m512 exact = lookup_f32(exp2_high_f32, index);
    e = _mm512_add_ps(exact, _mm512_fmadd_ps(exact, e, lookup_f32(exp2_low_f32, index)));
    e = _mm512_scalef_ps(e, n); /* by 2^floor(n) */
    special |= _mm512_cmp_ps_mask(_mm512_abs_ps(w), _mm512_set1_ps(POW_LIMIT_F32), _CMP_NLE_UQ);
    return UNLIKELY(special) ? pow_special_f32(e, x, y, w) : e;
}

/* --------------------------------------------------------------------------- power, float64 */

static inline __m512d pow_special_f64(__m512d e, __m512d x, __m512d y, __m512d w) {
    const __m512d infinity = _mm512_set1_pd(__builtin_inf()), zero = _mm512_setzero_pd();
    const __m512d limit = _mm512_set1_pd(POW_LIMIT_F64), sign = _mm512_set1_pd(-0.0);
    e = _mm512_mask_mov_pd(e, _mm512_cmp_pd_mask(w, limit, _CMP_GT_OQ), infinity);
    e = _mm512_mask_mov_pd(e, _mm512_cmp_pd_mask(w, _mm512_sub_pd(zero, limit), _CMP_LT_OQ), zero);
    __mmask8 x_zero = _mm512_fpclass_pd_mask(x, CLASS_ZERO);
    __mmask8 x_infinite = _mm512_fpclass_pd_mask(x, CLASS_INFINITY);
    __mmask8 y_minus = _mm512_fpclass_pd_mask(y, CLASS_MINUS);
    __m512d beyond = _mm512_maskz_mov_pd((__mmask8)~(x_zero ^ y_minus), infinity);
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
    e = _mm512_mask_mov_pd(e, x_minus & (__mmask8)~(x_infinite | is_integer),
                           _mm512_set1_pd(__builtin_nan("")));
    return _mm512_mask_or_pd(e, is_odd, e, _mm512_and_pd(x, sign));
}

/* As for float32; log2 |x| to 2^-64.5 of it, |w| < 1075. The terms to r^2 are carried in full. */
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

/* ------------------------------------------------------------------------- tangent, float64 */

/* sin(i pi/16) and cos(i pi/16) */
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

#undef UNLIKELY
#endif
#endif
