/* math_avx512_f32.h: the functions of float32 of math_avx512.h, which includes this. */
#ifndef PT_MATH_AVX512_F32_H
#define PT_MATH_AVX512_F32_H

#include "math_avx512.h"

/* -------------------------------------------------------------------------------- exponentials */

/* 2^(i/16) */
/* clang-format off */
static const float exp2_high_f32[16] = {0x1p0f, 0x1.0b5586p0f, 0x1.172b84p0f, 0x1.2387a6p0f,
    0x1.306fep0f, 0x1.3dea64p0f, 0x1.4bfdaep0f, 0x1.5ab07ep0f, 0x1.6a09e6p0f, 0x1.7a1148p0f,
    0x1.8ace54p0f, 0x1.9c4918p0f, 0x1.ae89fap0f, 0x1.c199bep0f, 0x1.d5818ep0f, 0x1.ea4afap0f};
static const float exp2_low_f32[16] = {0, 0x1.9f3122p-25f, -0x1.c15742p-27f, 0x1.ceac48p-25f,
    0x1.4636e2p-25f, 0x1.824684p-25f, -0x1.593abcp-25f, -0x1.5bd5ecp-27f, 0x1.9fcef4p-26f,
    -0x1.829fdp-25f, 0x1.15506ep-27f, 0x1.51f848p-27f, -0x1.a94b14p-26f, -0x1.3d56b2p-27f,
    -0x1.822dbcp-27f, 0x1.52486cp-27f};
/* clang-format on */

/* e^v = (s + s_low) e^(r + r_low) 2^floor(n), as in vector_exp_f64; e^(r + r_low) is 1 + r + p.
 * (e^r - 1 - r)/r^2 for |r| < 0.0218, degree 2: 2^-31. */
typedef struct {
    __m512 n, s, s_low, r, p;
} exp_split_f32;

static inline exp_split_f32 split_exp_f32(__m512 v) {
    const __m512 round = _mm512_set1_ps(0x1.8p19f), ln_2_low = _mm512_set1_ps(-0x1.05c61p-29f);
    __m512 z = _mm512_fmadd_ps(v, _mm512_set1_ps((float)LOG2_E), round);
    __m512 n = _mm512_sub_ps(z, round);
    __m512 r_high = _mm512_fnmadd_ps(n, _mm512_set1_ps((float)LN_2), v);
    __m512 r = _mm512_fnmadd_ps(n, ln_2_low, r_high);
    __m512 r_low = _mm512_fnmadd_ps(n, ln_2_low, _mm512_sub_ps(r_high, r));
    __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(0x1.55569ap-5f), r, _mm512_set1_ps(0x1.5556e4p-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.5f));
    p = _mm512_fmadd_ps(p, _mm512_mul_ps(r, r), r_low);
    __m512i index = _mm512_castps_si512(z);
    return (exp_split_f32){n, lookup_f32(exp2_high_f32, index), lookup_f32(exp2_low_f32, index), r,
                           p};
}

/* With s + s_low times 2^floor(n) in place of s + s_low, e^x - 1 is (s - 1) + s r +
 * (s_low (1 + r) + s p), and what the first two terms' roundings lose. At -30 it is -1. Above 88 the
 * plain function computes it: s may overflow before the result does. */
#define VECTOR_expm1_f32 1
static inline __m512 vector_expm1_f32(__m512 x) {
    const __m512 one = _mm512_set1_ps(1.0f);
    exp_split_f32 f = split_exp_f32(_mm512_max_ps(_mm512_set1_ps(-30.0f), x)); /* NaN stays */
    __m512 r = f.r, p = f.p, s = _mm512_scalef_ps(f.s, f.n), s_low = _mm512_scalef_ps(f.s_low, f.n);
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
    return with_sign_f32(y, x); /* expm1(-0.0) is -0.0 */
}

/* 1/(1 + e^-x), with t + t_low = e^-|x|: 1/(1 + t + t_low), or for negative x the same times e^x,
 * whose power of 2 comes last, so that nothing is lost below 2^-126. e^-110 counts as zero. The quotient's remainder is divided by a line
 * that is within 9 % of 1 + t. v is -|x|, or NaN. */
#define VECTOR_sigmoid_f32 1
static inline __m512 vector_sigmoid_f32(__m512 x) {
    const __m512 one = _mm512_set1_ps(1.0f);
    __m512 v = _mm512_max_ps(_mm512_set1_ps(-110.0f), _mm512_or_ps(x, _mm512_set1_ps(-0.0f)));
    exp_split_f32 f = split_exp_f32(v);
    __m512 n = f.n, r = f.r, p = f.p, s = f.s, s_low = f.s_low;
    __m512 u = _mm512_add_ps(r, p), u_low = _mm512_sub_ps(p, _mm512_sub_ps(u, r));
    __m512 e = _mm512_fmadd_ps(s, u, s);
    __m512 e_low = _mm512_fmadd_ps(s, u, _mm512_sub_ps(s, e));
    e_low = _mm512_add_ps(e_low, _mm512_fmadd_ps(s, u_low, s_low));
    __m512 t = _mm512_scalef_ps(e, n), t_low = _mm512_scalef_ps(e_low, n); /* by 2^floor(n) */
    __m512 below = _mm512_add_ps(one, t);
    __m512 below_low = _mm512_add_ps(_mm512_sub_ps(t, _mm512_sub_ps(below, one)), t_low);
    __mmask16 negative = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ);
    __m512 above = _mm512_mask_mov_ps(one, negative, e);
    __m512 q = _mm512_div_ps(above, below);
    __m512 rest = _mm512_fnmadd_ps(q, below, above);
    rest = _mm512_fnmadd_ps(q, below_low, _mm512_mask_add_ps(rest, negative, rest, e_low));
    __m512 inverse = _mm512_fnmadd_ps(_mm512_set1_ps(0.5f), below, _mm512_set1_ps(1.4571f));
    q = _mm512_fmadd_ps(rest, inverse, q);
    return _mm512_mask_scalef_ps(q, negative, q, n);
}

/* tanh around 30 centers in intervals of |x|: [0, 1/16), quarters of binades up to 8, [8, 10).
 * tanh(center) is a float to 2^-33; the coefficients of (x - center)^1 ... ^6 are minimax: 2^-29.2
 * in [4, 5), 2^-31 elsewhere. */
/* clang-format off */
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
/* clang-format on */

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
    return with_sign_f32(p, x);
}

/* erf likewise: [0, 1/16), quarters of binades up to 4, where it is 1 - 2^-26. In the first interval
 * erf x is x + x q(x), elsewhere erf(center) + t q(t), t = x - center; q has degree 5: 2^-29.7 of the
 * result. */
/* clang-format off */
static const float erf_center[32] = {0, 0x1.1ffdd2p-4f, 0x1.5ffffap-4f, 0x1.9fffp-4f,
    0x1.e000d4p-4f, 0x1.1ffee4p-3f, 0x1.5fff78p-3f, 0x1.a001a6p-3f, 0x1.dff83ep-3f,
    0x1.200196p-2f, 0x1.5fff8cp-2f, 0x1.a0028ap-2f, 0x1.dfff9cp-2f, 0x1.20016p-1f, 0x1.60015ep-1f,
    0x1.a0004cp-1f, 0x1.dffcc8p-1f, 0x1.2000c2p0f, 0x1.5ffe1ep0f, 0x1.a00288p0f, 0x1.dffec8p0f,
    0x1.2001bap1f, 0x1.600084p1f, 0x1.a00c94p1f, 0x1.df38dp1f, 0x1p2f, 0x1p2f, 0x1p2f, 0x1p2f,
    0x1p2f, 0x1p2f, 0x1p2f};
static const float erf_at_center[32] = {0, 0x1.446dccp-4f, 0x1.8c36b8p-4f, 0x1.d3cadap-4f,
    0x1.0d9406p-3f, 0x1.42d6c2p-3f, 0x1.894f7cp-3f, 0x1.cf0936p-3f, 0x1.09eab2p-2f, 0x1.3c9c5p-2f,
    0x1.7e152p-2f, 0x1.bcd25ap-2f, 0x1.f86f5p-2f, 0x1.25b9cap-1f, 0x1.56933ap-1f, 0x1.7fb9ecp-1f,
    0x1.a15398p-1f, 0x1.c6db4ep-1f, 0x1.e575e8p-1f, 0x1.f4f6fcp-1f, 0x1.fbe60ap-1f,
    0x1.ff4054p-1f, 0x1.fff2dp-1f, 0x1.ffff7p-1f, 0x1.fffffcp-1f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f,
    0x1p0f, 0x1p0f, 0x1p0f};
static const float erf_1[32] = {0x1.06eba8p-3f, 0x1.1f70cap0f, 0x1.1ebd56p0f, 0x1.1de69cp0f,
    0x1.1cecd8p0f, 0x1.1b357cp0f, 0x1.1874e4p0f, 0x1.153052p0f, 0x1.116d56p0f, 0x1.0ae514p0f,
    0x1.00abe4p0f, 0x1.e9d4acp-1f, 0x1.cfc448p-1f, 0x1.a50608p-1f, 0x1.681eap-1f, 0x1.2a8d86p-1f,
    0x1.dfcfcep-2f, 0x1.45e77p-2f, 0x1.5ceca4p-3f, 0x1.4992bp-4f, 0x1.12d39cp-5f, 0x1.d3f788p-8f,
    0x1.335c36p-11f, 0x1.e88f62p-16f, 0x1.ef8474p-21f, 0, 0, 0, 0, 0, 0, 0};
static const float erf_2[32] = {0, -0x1.435c06p-4f, -0x1.8a4344p-4f, -0x1.d093ap-4f,
    -0x1.0b1e5ap-3f, -0x1.3e9adap-3f, -0x1.81a08ap-3f, -0x1.c2705cp-3f, -0x1.005252p-2f,
    -0x1.2c436ep-2f, -0x1.60ebf6p-2f, -0x1.8dff3p-2f, -0x1.b2c7b6p-2f, -0x1.d9a916p-2f,
    -0x1.ef2c02p-2f, -0x1.e52668p-2f, -0x1.c1cfd8p-2f, -0x1.6ea556p-2f, -0x1.dfc2dap-3f,
    -0x1.0bc8d2p-3f, -0x1.01a5b4p-4f, -0x1.073ca6p-6f, -0x1.a69d12p-10f, -0x1.8cfdb2p-14f,
    -0x1.cf9118p-19f, 0, 0, 0, 0, 0, 0, 0};
static const float erf_3[32] = {-0x1.8126f8p-2f, -0x1.7dfb1ap-2f, -0x1.7a9a8p-2f, -0x1.76def2p-2f,
    -0x1.7181bep-2f, -0x1.6a6f7ap-2f, -0x1.5faf12p-2f, -0x1.53c5f6p-2f, -0x1.4519c2p-2f,
    -0x1.2b8918p-2f, -0x1.05813p-2f, -0x1.b577fcp-3f, -0x1.5a7c0ap-3f, -0x1.9c2d7p-4f,
    -0x1.a414d4p-7f, 0x1.fe3542p-5f, 0x1.e4c9e8p-4f, 0x1.4cb3fcp-3f, 0x1.4376fap-3f,
    0x1.d65bf6p-4f, 0x1.1440dep-4f, 0x1.63e844p-6f, 0x1.697ffep-9f, 0x1.98880cp-13f,
    0x1.14f682p-17f, 0, 0, 0, 0, 0, 0, 0};
static const float erf_4[32] = {0, 0x1.6b8612p-6f, 0x1.084e56p-8f, -0x1.b9c8eap-6f,
    0x1.aab54ap-5f, 0x1.328828p-4f, 0x1.9bc9cp-4f, 0x1.ba7cbcp-4f, 0x1.e704fep-4f, 0x1.1dc758p-3f,
    0x1.469904p-3f, 0x1.616558p-3f, 0x1.7424c6p-3f, 0x1.75f76cp-3f, 0x1.5301eap-3f,
    0x1.10156ep-3f, 0x1.74f7e4p-4f, 0x1.ca4caap-6f, -0x1.f3773cp-6f, -0x1.974a94p-5f,
    -0x1.5a3a92p-5f, -0x1.38b67ap-6f, -0x1.aaf114p-9f, -0x1.2b37dap-12f, -0x1.e2fd9ep-17f, 0, 0,
    0, 0, 0, 0, 0};
static const float erf_5[32] = {0x1.ccbfcap-4f, 0x1.cd9f46p4f, 0x1.62b79ep4f, 0x1.1a11dp4f,
    0x1.25e556p-1f, -0x1.2dbb6ap-1f, -0x1.805e8p-2f, 0x1.06d132p1f, 0x1.bbb1e4p0f, 0x1.c41764p-5f,
    0x1.50892p-3f, 0x1.1ca692p-6f, -0x1.ff75fcp-6f, -0x1.aab52ep-7f, -0x1.4d8244p-5f,
    -0x1.0c7f66p-4f, -0x1.23a5e4p-4f, -0x1.f49c36p-5f, -0x1.f64b28p-6f, -0x1.2aafcep-9f,
    0x1.741c76p-7f, 0x1.5abb62p-7f, 0x1.7254dep-9f, 0x1.5bd822p-12f, 0x1.5fbefcp-16f, 0, 0, 0, 0,
    0, 0, 0};
static const float erf_6[32] = {0, 0x1.759a6ep7f, 0x1.e1de8cp8f, 0x1.c739dcp9f, 0x1.11b7bep7f,
    0x1.4d76f4p2f, -0x1.68ad9ep4f, -0x1.5eea44p1f, 0x1.30c5eep2f, -0x1.fb3e6ep-2f,
    -0x1.140694p-1f, 0x1.bc153ep-3f, -0x1.9d785ep-2f, -0x1.0e119ap-4f, -0x1.885446p-6f,
    -0x1.d2c988p-5f, -0x1.5b3466p-6f, 0x1.f61c02p-7f, 0x1.626b16p-6f, 0x1.d72058p-7f,
    0x1.17028p-8f, -0x1.6ac174p-9f, -0x1.b5aa42p-10f, -0x1.20cfd8p-12f, -0x1.5e2ddap-16f, 0, 0, 0,
    0, 0, 0, 0};
/* clang-format on */

#define VECTOR_erf_f32 1
static inline __m512 vector_erf_f32(__m512 x) {
    const __m512i zero = _mm512_setzero_si512();
    __m512 a = _mm512_min_ps(_mm512_set1_ps(4.0f), _mm512_abs_ps(x)); /* NaN stays */
    __m512i index = _mm512_srli_epi32(_mm512_castps_si512(a), 21);    /* 2^-4: 123 quarters */
    index = _mm512_max_epi32(_mm512_sub_epi32(index, _mm512_set1_epi32(4 * 123 - 1)), zero);
    __m512 t = _mm512_sub_ps(a, lookup_fine_f32(erf_center, index));
    __m512 q = lookup_fine_f32(erf_6, index);
    q = _mm512_fmadd_ps(q, t, lookup_fine_f32(erf_5, index));
    q = _mm512_fmadd_ps(q, t, lookup_fine_f32(erf_4, index));
    q = _mm512_fmadd_ps(q, t, lookup_fine_f32(erf_3, index));
    q = _mm512_fmadd_ps(q, t, lookup_fine_f32(erf_2, index));
    q = _mm512_fmadd_ps(q, t, lookup_fine_f32(erf_1, index));
    __mmask16 first = _mm512_testn_epi32_mask(index, index);
    __m512 base = _mm512_mask_mov_ps(lookup_fine_f32(erf_at_center, index), first, a);
    return with_sign_f32(_mm512_fmadd_ps(t, q, base), x);
}

/* ---------------------------------------------------------------------------------- logarithms */

/* The method is that of math_avx512_f64.h. */
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

/* The 16 intervals and inverses of float64. */
#define LOWEST_F32 0x3f3c0000 /* 1 - 17/64 */
/* clang-format off */
static const float inverse_f32[16] = {0x1.58p0f, 0x1.48p0f, 0x1.38p0f, 0x1.3p0f, 0x1.28p0f,
    0x1.18p0f, 0x1.1p0f, 0x1.08p0f, 0x1p0f, 0x1.ep-1f, 0x1.c8p-1f, 0x1.bp-1f, 0x1.98p-1f,
    0x1.88p-1f, 0x1.7p-1f, 0x1.6p-1f};
/* clang-format on */

/* As log_base_f64; quotient: degree 3, 2^-30. */
typedef struct {
    float step, step_low, scale, scale_low, quotient[4], high[16], low[16];
} log_base_f32;

/* clang-format off */
static const log_base_f32 base_e_f32 = {
    0x1.62e4p-1f, 0x1.7f7d1cp-20f, 1.0f, 0.0f,
    {-0x1.fffffep-2f, 0x1.55554ep-2f, -0x1.003386p-2f, 0x1.9a2346p-3f},
    .high = {-0x1.2e9p-2f, -0x1.fb9p-3f, -0x1.9528p-3f, -0x1.5ffp-3f, -0x1.2958p-3f, -0x1.6f1p-4f,
        -0x1.f0ap-5f, -0x1.f84p-6f, 0, 0x1.086p-4f, 0x1.da7p-4f, 0x1.5bf8p-3f, 0x1.d1p-3f,
        0x1.1178p-2f, 0x1.522cp-2f, 0x1.7fbp-2f},
    .low = {0x1.d451eep-18f, -0x1.86d5e4p-19f, 0x1.2b185ep-18f, -0x1.83853cp-18f, 0x1.683fp-18f,
        0x1.6ba8d4p-19f, -0x1.86008cp-20f, 0x1.64f188p-18f, 0, -0x1.9d2988p-18f, 0x1.3b1c22p-19f,
        -0x1.fca55ep-18f, 0x1.bf932ap-18f, 0x1.d044fcp-19f, -0x1.1f8c76p-18f, -0x1.7109fap-20f},
};

static const log_base_f32 base_2_f32 = {
    1.0f, 0.0f, 0x1.715476p0f, 0x1.4ae0cp-26f,
    {-0x1.715474p-1f, 0x1.ec7094p-2f, -0x1.71a6a2p-2f, 0x1.27d6a4p-2f},
    .high = {-0x1.b48p-2f, -0x1.6e24p-2f, -0x1.244p-2f, -0x1.fbcp-3f, -0x1.acf8p-3f, -0x1.08c8p-3f,
        -0x1.664p-4f, -0x1.6bap-5f, 0, 0x1.7d6p-4f, 0x1.564p-3f, 0x1.f6p-3f, 0x1.4f7p-2f,
        0x1.8a88p-2f, 0x1.e7ep-2f, 0x1.14c6p-1f},
    .low = {0x1.408c78p-18f, 0x1.e3263p-18f, -0x1.eac382p-20f, -0x1.6b9026p-19f, 0x1.0e9258p-18f,
        0x1.3b992cp-18f, 0x1.20a6dep-21f, -0x1.a6eb1ep-18f, 0, 0x1.25b3eep-22f, -0x1.1eb002p-18f,
        -0x1.3ab7cep-18f, -0x1.134c4ep-20f, 0x1.80abfcp-18f, -0x1.40358ep-19f, -0x1.3e032ep-18f},
};

static const log_base_f32 base_10_f32 = {
    0x1.3442p-2f, -0x1.95ec1p-19f, 0x1.bcb7b2p-2f, -0x1.5b235ep-27f,
    {-0x1.bcb7bp-3f, 0x1.287a7p-3f, -0x1.bd0d8p-4f, 0x1.643c92p-4f},
    .high = {-0x1.06ccp-3f, -0x1.b8ep-4f, -0x1.5fe8p-4f, -0x1.31bp-4f, -0x1.024p-4f, -0x1.3edp-5f,
        -0x1.af6p-6f, -0x1.b6p-7f, 0, 0x1.cb4p-6f, 0x1.9c2p-5f, 0x1.2e38p-4f, 0x1.93e8p-4f,
        0x1.db1p-4f, 0x1.25bcp-3f, 0x1.4d44p-3f},
    .low = {0x1.4c2c9ep-22f, 0x1.b2c54cp-20f, -0x1.222bd4p-26f, -0x1.82ae24p-19f, -0x1.460f84p-19f,
        -0x1.199a5ep-21f, 0x1.b53fc6p-24f, 0x1.6f714ep-19f, 0, -0x1.c0cc9ep-20f, -0x1.a1504p-19f,
        0x1.3a05bcp-19f, -0x1.0f81ep-23f, 0x1.ed766ap-20f, -0x1.7dea5p-19f, -0x1.f6296ep-25f},
};
/* clang-format on */

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
    __m512 r_low =
        _mm512_scalef_ps(_mm512_mul_ps(u_low, inverse), _mm512_sub_ps(_mm512_setzero_ps(), s.k));
    __m512 r = _mm512_add_ps(r_high, r_low);
    r_low = _mm512_add_ps(_mm512_sub_ps(r_high, r), r_low);
    __m512 y = log_sum_f32(s.k, r, r_low, s.index, &base_e_f32);
    if (UNLIKELY(special)) {
        y = log_special_vector_f32(u, y);
    }
    return with_sign_f32(y, x); /* log1p(-0.0) is -0.0 */
}

/* --------------------------------------------------------------------------------------- power */

/* 32 intervals from 1 - 33/128 on; |r| < 0.0198, and below 1/64 around 1. -log2(inverse). */
#define FINE_LOWEST_F32 0x3f3e0000
/* clang-format off */
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
/* clang-format on */

/* Beyond it, powers of two are 0 or infinite. */
#define POW_LIMIT_F32 200.0f

/* Annex F, where x is not positive and normal or w = y log2 |x| is beyond the limit; else e. */
static inline __m512 pow_special_f32(__m512 e, __m512 x, __m512 y, __m512 w) {
    const __m512 infinity = _mm512_set1_ps(__builtin_inff()), zero = _mm512_setzero_ps();
    const __m512 limit = _mm512_set1_ps(POW_LIMIT_F32), sign = _mm512_set1_ps(-0.0f);
    e = _mm512_mask_mov_ps(e, _mm512_cmp_ps_mask(w, limit, _CMP_GT_OQ), infinity);
    e = _mm512_mask_mov_ps(e, _mm512_cmp_ps_mask(w, _mm512_sub_ps(zero, limit), _CMP_LT_OQ), zero);
    __mmask16 x_zero = _mm512_fpclass_ps_mask(x, CLASS_ZERO);
    __mmask16 x_infinite = _mm512_fpclass_ps_mask(x, CLASS_INFINITY);
    __mmask16 y_minus = _mm512_fpclass_ps_mask(y, CLASS_MINUS);
    __m512 beyond = _mm512_maskz_mov_ps((__mmask16) ~(x_zero ^ y_minus), infinity);
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
    e = _mm512_mask_mov_ps(e, x_minus & (__mmask16) ~(x_infinite | is_integer),
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

/* ------------------------------------------------------------------------------------- tangent */

static inline float tan_of_large_f32(float x) {
    return tan_f32_rare(x) ? tan_f32_slow(x) : tan_f32(x);
}

/* In float. x = n pi/2 + r + r_low, reduced as in math_f64.h, for |x| < 2^12: x - n A is exact, B
 * has 11 bits and is positive, so that r is -0.0 where x is. t + t_low is tan r plus
 * (1 + 1.5 r^2) r_low, the factor for the derivative 1 + tan^2 r; the result, or for odd n
 * -1 / (t + t_low). (tan(r)/r - 1)/r^2 in r^2, |r| < 0.7863, degree 6: 2^-27.7. */
#define VECTOR_tan_f32 1
static inline __m512 vector_tan_f32(__m512 x) {
    const __m512 round = _mm512_set1_ps(ROUND_32), b = _mm512_set1_ps(0x1.444p-24f);
    const __m512 one = _mm512_set1_ps(1.0f);
    __m512 z = _mm512_fmadd_ps(x, _mm512_set1_ps(0x1.45f306p-1f), round);
    __m512 n = _mm512_sub_ps(z, round);
    __m512 r_a = _mm512_fnmadd_ps(n, _mm512_set1_ps(0x1.921fb4p0f), x);
    __m512 r = _mm512_fnmadd_ps(n, b, r_a);
    __m512 r_low = _mm512_fnmadd_ps(n, b, _mm512_sub_ps(r_a, r));
    r_low = _mm512_fnmadd_ps(n, _mm512_set1_ps(0x1.68c234p-39f), r_low);
    __m512 u = _mm512_mul_ps(r, r), u2 = _mm512_mul_ps(u, u);
    r_low = _mm512_fmadd_ps(_mm512_mul_ps(u, _mm512_set1_ps(1.5f)), r_low, r_low);
    __m512 even =
        _mm512_fmadd_ps(_mm512_set1_ps(0x1.174bf2p-10f), u2, _mm512_set1_ps(0x1.61ca1cp-6f));
    __m512 odd =
        _mm512_fmadd_ps(_mm512_set1_ps(0x1.001894p-8f), u2, _mm512_set1_ps(0x1.4931cap-7f));
    even = _mm512_fmadd_ps(even, u2, _mm512_set1_ps(0x1.111066p-3f));
    odd = _mm512_fmadd_ps(odd, u2, _mm512_set1_ps(0x1.ba5b62p-5f));
    __m512 p = _mm512_fmadd_ps(odd, u, even);
    p = _mm512_fmadd_ps(p, u, _mm512_set1_ps(0x1.555556p-2f));
    /* r^3 in full: its roundings would count for 0.3 ULP. */
    __m512 cube = _mm512_mul_ps(r, u), cube_low = _mm512_fmsub_ps(r, u, cube);
    cube_low = _mm512_fmadd_ps(r, _mm512_fmsub_ps(r, r, u), cube_low);
    __m512 tail = _mm512_fmadd_ps(cube, p, _mm512_fmadd_ps(cube_low, p, r_low));
    __m512 t = _mm512_add_ps(r, tail), t_low = _mm512_sub_ps(tail, _mm512_sub_ps(t, r));
    __m512 q = _mm512_div_ps(_mm512_set1_ps(-1.0f), t);
    __m512 rest = _mm512_fmadd_ps(q, t_low, _mm512_fmadd_ps(q, t, one));
    t = with_sign_f32(t, r); /* tan(-0.0) is -0.0 */
    __mmask16 is_odd = _mm512_test_epi32_mask(_mm512_castps_si512(z), _mm512_set1_epi32(1));
    __m512 y = _mm512_mask_mov_ps(t, is_odd, _mm512_fmadd_ps(q, rest, q));
    __mmask16 large = _mm512_cmp_ps_mask(_mm512_abs_ps(x), _mm512_set1_ps(0x1p12f), _CMP_GT_OQ);
    return UNLIKELY(large) ? each_lane_f32(tan_of_large_f32, x, y, large) : y;
}

/* ------------------------------------------------------------------------- inverse tangents */

/* Turned by an angle of a table: atan(y / x) = angle + atan(q),
 * q = (y cosine - x sine) / (x cosine + y sine). cosine is 1 but from 12 on, where the angle is the
 * float next to pi/2; the sines, tangents indeed, are such that the angles are floats to 2^-33. By
 * y / x there are 32 intervals: [0, 1/16), quarters of binades up to 12, the rest; |q| < 1/11.8,
 * and where the angle is not 0, |q| is less than an eighth of the result, so that its roundings
 * matter little. atan(q) = q + q^3 P(q^2), degree 1: 2^-29 of the result. */
/* clang-format off */
static const float atan_sine_f32[32] = {0, 0x1.1ffb3p-4f, 0x1.5ffa22p-4f, 0x1.9ff996p-4f,
    0x1.dff71p-4f, 0x1.1fee9cp-3f, 0x1.5fe8d6p-3f, 0x1.9fedb8p-3f, 0x1.dfe2e2p-3f, 0x1.1fc59p-2f,
    0x1.5fb06p-2f, 0x1.9fa64p-2f, 0x1.df9e06p-2f, 0x1.1f251ap-1f, 0x1.5f1332p-1f, 0x1.9f071p-1f,
    0x1.defdfp-1f, 0x1.1e04d4p0f, 0x1.5e18b4p0f, 0x1.9e3808p0f, 0x1.de5708p0f, 0x1.1d0adep1f,
    0x1.5d6d68p1f, 0x1.9dbfd4p1f, 0x1.de0106p1f, 0x1.1c9d12p2f, 0x1.5d2c2cp2f, 0x1.9d98ap2f,
    0x1.dde6fp2f, 0x1.1c7a18p3f, 0x1.5d26ep3f, 0x1p0f};
static const float atan_cosine_f32[32] = {0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f,
    0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f,
    0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f,
    -0x1.777a5cp-25f};
static const float atan_angle_f32[32] = {0, 0x1.1f8212p-4f, 0x1.5f1d52p-4f, 0x1.9e8dbcp-4f,
    0x1.ddc946p-4f, 0x1.1e0ea2p-3f, 0x1.5c8192p-3f, 0x1.9a59p-3f, 0x1.d761c4p-3f, 0x1.188932p-2f,
    0x1.52c3a2p-2f, 0x1.8ad7c8p-2f, 0x1.c08af6p-2f, 0x1.05b182p-1f, 0x1.33be12p-1f, 0x1.5cc282p-1f,
    0x1.81139p-1f, 0x1.ae7384p-1f, 0x1.e0fb7ap-1f, 0x1.0468dp0f, 0x1.14538p0f, 0x1.261306p0f,
    0x1.383bd2p0f, 0x1.45512p0f, 0x1.4f24c2p0f, 0x1.597ffcp0f, 0x1.63b774p0f, 0x1.6ad272p0f,
    0x1.700b2p0f, 0x1.75729cp0f, 0x1.7aba06p0f, 0x1.921fb6p0f};
/* clang-format on */

/* ratio: about y / x, at most 12. */
static inline __m512i atan_index_f32(__m512 ratio) {
    __m512i index = _mm512_srli_epi32(_mm512_castps_si512(ratio), 21); /* 2^-4: 123 quarters */
    index = _mm512_sub_epi32(index, _mm512_set1_epi32(4 * 123 - 1));
    return _mm512_max_epi32(index, _mm512_setzero_si512());
}

static inline __m512 atan_of_small_f32(__m512 q, __m512 q_low) {
    __m512 z = _mm512_mul_ps(q, q);
    __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(0x1.974fbp-3f), z, _mm512_set1_ps(-0x1.5554d4p-2f));
    return _mm512_add_ps(q, _mm512_fmadd_ps(_mm512_mul_ps(q, z), p, q_low));
}

#define VECTOR_atan_f32 1
static inline __m512 vector_atan_f32(__m512 x) {
    __m512 a = _mm512_min_ps(_mm512_set1_ps(0x1p60f), _mm512_abs_ps(x)); /* NaN stays */
    __m512i index = atan_index_f32(_mm512_min_ps(a, _mm512_set1_ps(12.0f)));
    __m512 sine = lookup_fine_f32(atan_sine_f32, index);
    __m512 cosine = lookup_fine_f32(atan_cosine_f32, index);
    __m512 q = _mm512_div_ps(_mm512_fmsub_ps(a, cosine, sine), _mm512_fmadd_ps(a, sine, cosine));
    __m512 rest = atan_of_small_f32(q, _mm512_setzero_ps());
    return with_sign_f32(_mm512_add_ps(lookup_fine_f32(atan_angle_f32, index), rest), x);
}

#define ATAN2_LOW_F32 0x1p-90f
#define ATAN2_HIGH_F32 0x1p120f

/* |y| and |x| brought between those bounds, as far as it matters, in the lanes where the larger is
 * beyond: zeros become (0, 1), infinities 1 and 0 or both 1. */
static inline void atan2_scale_f32(__m512 *y, __m512 *x, __m512 larger) {
    const __m512 one = _mm512_set1_ps(1.0f), zero = _mm512_setzero_ps();
    __mmask16 low = _mm512_cmp_ps_mask(larger, _mm512_set1_ps(ATAN2_LOW_F32), _CMP_LT_OQ);
    __mmask16 high = _mm512_cmp_ps_mask(larger, _mm512_set1_ps(ATAN2_HIGH_F32), _CMP_GT_OQ);
    __mmask16 none = _mm512_cmp_ps_mask(larger, zero, _CMP_EQ_OQ);
    __mmask16 y_infinite = _mm512_fpclass_ps_mask(*y, CLASS_INFINITY);
    __mmask16 x_infinite = _mm512_fpclass_ps_mask(*x, CLASS_INFINITY);
    *y = _mm512_mask_mul_ps(*y, low, *y, _mm512_set1_ps(0x1p100f));
    *x = _mm512_mask_mul_ps(*x, low, *x, _mm512_set1_ps(0x1p100f));
    *y = _mm512_mask_mul_ps(*y, high, *y, _mm512_set1_ps(0x1p-10f));
    *x = _mm512_mask_mul_ps(*x, high, *x, _mm512_set1_ps(0x1p-10f));
    __mmask16 nan = _mm512_cmp_ps_mask(*y, *x, _CMP_UNORD_Q);
    __mmask16 infinite = (y_infinite | x_infinite) & (__mmask16)~nan;
    *y = _mm512_mask_mov_ps(*y, infinite, _mm512_maskz_mov_ps(y_infinite, one));
    *x = _mm512_mask_mov_ps(*x, infinite, _mm512_maskz_mov_ps(x_infinite, one));
    *x = _mm512_mask_mov_ps(*x, none, one);
}

/* For x < 0 pi minus the angle, pi as a pair. */
#define VECTOR_atan2_f32 1
static inline __m512 vector_atan2_f32(__m512 y, __m512 x) {
    const __m512 pi = _mm512_set1_ps(2.0f * HALF_PI_F32);
    const __m512 pi_low = _mm512_set1_ps(2.0f * HALF_PI_LO_F32);
    __m512 ay = _mm512_abs_ps(y), ax = _mm512_abs_ps(x), larger = _mm512_max_ps(ay, ax);
    __mmask16 special = _mm512_cmp_ps_mask(larger, _mm512_set1_ps(ATAN2_LOW_F32), _CMP_NGE_UQ) |
                        _mm512_cmp_ps_mask(larger, _mm512_set1_ps(ATAN2_HIGH_F32), _CMP_NLE_UQ);
    if (UNLIKELY(special)) {
        atan2_scale_f32(&ay, &ax, larger);
    }
    __m512 ratio = _mm512_mul_ps(ay, _mm512_rcp14_ps(ax));
    __m512i index = atan_index_f32(_mm512_min_ps(ratio, _mm512_set1_ps(12.0f)));
    __m512 sine = lookup_fine_f32(atan_sine_f32, index);
    __m512 cosine = lookup_fine_f32(atan_cosine_f32, index);
    __m512 above = _mm512_fnmadd_ps(ax, sine, _mm512_mul_ps(ay, cosine));
    __m512 below = _mm512_fmadd_ps(ay, sine, _mm512_mul_ps(ax, cosine));
    /* Where the angle is 0, the quotient's rounding would count for a whole ULP. */
    __m512 q = _mm512_div_ps(above, below);
    __m512 q_low = _mm512_mul_ps(_mm512_fnmadd_ps(q, below, above), _mm512_rcp14_ps(below));
    __m512 angle = lookup_fine_f32(atan_angle_f32, index), rest = atan_of_small_f32(q, q_low);
    __mmask16 left = _mm512_movepi32_mask(_mm512_castps_si512(x));
    __m512 turned = _mm512_sub_ps(pi, angle);
    __m512 lost = _mm512_add_ps(_mm512_sub_ps(_mm512_sub_ps(pi, turned), angle), pi_low);
    rest = _mm512_mask_sub_ps(rest, left, lost, rest);
    angle = _mm512_mask_mov_ps(angle, left, turned);
    return with_sign_f32(_mm512_add_ps(angle, rest), y);
}

/* ----------------------------------------------------------------------- hyperbolic functions */

/* |x| = n ln 2 + shift + r, n a multiple of 1/16. shift depends on n's fraction i/16 and is below
 * 2^-12: it makes up = e^(n ln 2 + shift) / 4 and down = e^-(n ln 2 + shift) / 4 floats to 2^-31.
 * Their sum and difference are cosh and sinh of |x| - r, halved; the addition theorems do the rest.
 * (cosh(r) - 1)/r^2 for |r| < 0.0219: 2^-29; (sinh(r) - r)/r^3 for |r| < 1/8, degree 1: 2^-32.
 *
 * In the tables the bits of up are less by i 2^19 and those of down more: the low bits of z, added
 * or subtracted as an exponent, are n and not its floor. */
/* clang-format off */
static const float hyperbolic_shift_f32[16] = {0, 0x1.94p-21f, -0x1.068p-19f, -0x1.6eep-17f,
    0x1.56p-17f, -0x1.47p-19f, -0x1.0548p-14f, -0x1.2348p-14f, 0x1.d322p-13f, 0x1.2348p-14f,
    0x1.0548p-14f, 0x1.47p-19f, -0x1.56p-17f, 0x1.6eep-17f, 0x1.068p-19f, -0x1.94p-21f};
static const float hyperbolic_up_f32[16] = {0x1p-2f, 0x1.fb5594p-3f, 0x1.f72b6p-3f, 0x1.f386d6p-3f,
    0x1.f070acp-3f, 0x1.edea32p-3f, 0x1.ebf862p-3f, 0x1.eaaa54p-3f, 0x1.ea1e8cp-3f, 0x1.ea18p-3f,
    0x1.ead4ap-3f, 0x1.ec495ap-3f, 0x1.ee88dap-3f, 0x1.f19bp-3f, 0x1.f581cap-3f, 0x1.fa4ae2p-3f};
static const float hyperbolic_down_f32[16] = {0x1p-2f, 0x1.fa4ae2p-3f, 0x1.f581cap-3f, 0x1.f19bp-3f,
    0x1.ee88dap-3f, 0x1.ec495ap-3f, 0x1.ead4ap-3f, 0x1.ea18p-3f, 0x1.e9f542p-3f, 0x1.eaaa54p-3f,
    0x1.ebf862p-3f, 0x1.edea32p-3f, 0x1.f070acp-3f, 0x1.f386d6p-3f, 0x1.f72b6p-3f, 0x1.fb5594p-3f};
/* clang-format on */

typedef struct {
    __m512 up, down, cosh_tail, sinh; /* of r */
} hyperbolic_split_f32;

/* In the lanes small n is 0. */
static inline hyperbolic_split_f32 split_hyperbolic_f32(__m512 a, __mmask16 small) {
    const __m512 round = _mm512_set1_ps(0x1.8p19f);
    __m512 v = _mm512_min_ps(_mm512_set1_ps(90.0f), a); /* infinite by then; NaN stays */
    __m512 z = _mm512_fmadd_ps(v, _mm512_set1_ps((float)LOG2_E), round);
    z = _mm512_mask_mov_ps(z, small, round);
    __m512 n = _mm512_sub_ps(z, round);
    __m512i index = _mm512_castps_si512(z);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps((float)LN_2), v);
    r = _mm512_sub_ps(r, lookup_f32(hyperbolic_shift_f32, index));
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-0x1.05c61p-29f), r);
    __m512 q = _mm512_mul_ps(r, r);
    __m512 s = _mm512_fmadd_ps(_mm512_set1_ps(0x1.112a08p-7f), q, _mm512_set1_ps(0x1.555554p-3f));
    __m512i up = _mm512_castps_si512(lookup_f32(hyperbolic_up_f32, index));
    __m512i down = _mm512_castps_si512(lookup_f32(hyperbolic_down_f32, index));
    __m512i scale = _mm512_slli_epi32(index, 19), zero = _mm512_setzero_si512();
    return (hyperbolic_split_f32){
        _mm512_castsi512_ps(_mm512_add_epi32(up, scale)),
        _mm512_castsi512_ps(_mm512_max_epi32(_mm512_sub_epi32(down, scale), zero)),
        _mm512_mul_ps(q, _mm512_set1_ps(0x1.00022p-1f)),
        _mm512_fmadd_ps(_mm512_mul_ps(r, q), s, r)};
}

/* Below 1/8 the result is sinh r. From 1/8 on, r is less than a fifth of it. */
#define VECTOR_sinh_f32 1
static inline __m512 vector_sinh_f32(__m512 x) {
    __m512 a = _mm512_abs_ps(x);
    __mmask16 small = _mm512_cmp_ps_mask(a, _mm512_set1_ps(0.125f), _CMP_LT_OQ);
    hyperbolic_split_f32 h = split_hyperbolic_f32(a, small);
    __m512 c = _mm512_add_ps(h.up, h.down), s = _mm512_sub_ps(h.up, h.down);
    __m512 s_low = _mm512_sub_ps(_mm512_sub_ps(h.up, s), h.down);
    __m512 tail = _mm512_fmadd_ps(c, h.sinh, _mm512_fmadd_ps(s, h.cosh_tail, s_low));
    __m512 y = _mm512_add_ps(s, tail);
    return with_sign_f32(_mm512_mask_mov_ps(_mm512_add_ps(y, y), small, h.sinh), x);
}

#define VECTOR_cosh_f32 1
static inline __m512 vector_cosh_f32(__m512 x) {
    hyperbolic_split_f32 h = split_hyperbolic_f32(_mm512_abs_ps(x), 0);
    __m512 c = _mm512_add_ps(h.up, h.down), s = _mm512_sub_ps(h.up, h.down);
    __m512 rest = _mm512_fmadd_ps(s, h.sinh, _mm512_fmadd_ps(c, h.cosh_tail, h.down));
    __m512 y = _mm512_add_ps(h.up, rest);
    return _mm512_add_ps(y, y);
}

/* The table's inverse for u, times 2^-k: about 1 / u. */
static inline __m512 log_inverse_f32(__m512 u, log_split_f32 s) {
    __m512i exponent = _mm512_sub_epi32(_mm512_castps_si512(u), _mm512_castps_si512(s.m));
    __m512i inverse = _mm512_castps_si512(lookup_f32(inverse_f32, s.index));
    return _mm512_castsi512_ps(_mm512_sub_epi32(inverse, exponent));
}

/* log(u + u_low), exact relative to u + u_low - 1 where that is small, for 1/2 <= u < 2^100; in the
 * lanes large, of 2^61 times the number. */
static inline __m512 log_pair_f32(__m512 u, __m512 u_low, __mmask16 large) {
    const __m512 one = _mm512_set1_ps(1.0f);
    log_split_f32 s = split_normal_f32(u, LOWEST_F32, 4);
    __m512 inverse = log_inverse_f32(u, s);
    __m512 r_high = _mm512_fmsub_ps(u, inverse, one), r_low = _mm512_mul_ps(u_low, inverse);
    __m512 r = _mm512_add_ps(r_high, r_low);
    r_low = _mm512_add_ps(_mm512_sub_ps(r_high, r), r_low);
    if (UNLIKELY(large)) {
        s.k = _mm512_mask_add_ps(s.k, large, s.k, _mm512_set1_ps(61.0f));
    }
    return log_sum_f32(s.k, r, r_low, s.index, &base_e_f32);
}

/* sqrt(v + v_low) - its rounding w. */
static inline __m512 sqrt_low_f32(__m512 v, __m512 v_low, __m512 w) {
    __m512 half_inverse = _mm512_mul_ps(_mm512_set1_ps(0.5f), _mm512_rcp14_ps(w));
    return _mm512_mul_ps(_mm512_add_ps(_mm512_fnmadd_ps(w, w, v), v_low), half_inverse);
}

/* asinh |x| = log(|x| + sqrt(x^2 + 1)), both as pairs. Below 2^-12 it is |x|; from 2^60 on
 * log(2 |x|). */
#define VECTOR_asinh_f32 1
static inline __m512 vector_asinh_f32(__m512 x) {
    const __m512 one = _mm512_set1_ps(1.0f);
    __m512 a = _mm512_abs_ps(x);
    __m512 v = _mm512_fmadd_ps(a, a, one);
    __m512 v_low = _mm512_fmadd_ps(a, a, _mm512_sub_ps(one, v));
    __m512 w = _mm512_sqrt_ps(v), w_low = sqrt_low_f32(v, v_low, w);
    __m512 u = _mm512_add_ps(w, a);
    __m512 u_low = _mm512_add_ps(_mm512_sub_ps(a, _mm512_sub_ps(u, w)), w_low);
    __mmask16 special = _mm512_cmp_ps_mask(a, _mm512_set1_ps(0x1p60f), _CMP_NLT_UQ);
    if (UNLIKELY(special)) {
        u = _mm512_mask_mul_ps(u, special, a, _mm512_set1_ps(0x1p-60f));
        u_low = _mm512_maskz_mov_ps((__mmask16)~special, u_low);
    }
    __m512 y = log_pair_f32(u, u_low, special);
    __mmask16 itself = _mm512_cmp_ps_mask(a, _mm512_set1_ps(0x1p-12f), _CMP_LT_OQ);
    if (UNLIKELY(special)) {
        itself |= _mm512_fpclass_ps_mask(a, CLASS_INFINITY | CLASS_NAN);
    }
    return with_sign_f32(_mm512_mask_mov_ps(y, itself, a), x);
}

/* log(x + sqrt(x^2 - 1)), likewise; x^2 - 1 has its rounding, half of which the root keeps. */
#define VECTOR_acosh_f32 1
static inline __m512 vector_acosh_f32(__m512 x) {
    const __m512 one = _mm512_set1_ps(1.0f);
    __m512 v = _mm512_fmsub_ps(x, x, one);
    /* Not the square root of 0: its inverse is multiplied. */
    v = _mm512_max_ps(v, _mm512_set1_ps(0x1p-80f));
    __m512 w = _mm512_sqrt_ps(v), w_low = sqrt_low_f32(v, _mm512_setzero_ps(), w);
    __m512 u = _mm512_add_ps(x, w);
    __m512 u_low = _mm512_add_ps(_mm512_sub_ps(w, _mm512_sub_ps(u, x)), w_low);
    __mmask16 special = _mm512_cmp_ps_mask(x, one, _CMP_NGT_UQ) |
                        _mm512_cmp_ps_mask(x, _mm512_set1_ps(0x1p60f), _CMP_GE_OQ);
    if (UNLIKELY(special)) {
        u = _mm512_mask_mul_ps(u, special, x, _mm512_set1_ps(0x1p-60f));
        u_low = _mm512_maskz_mov_ps((__mmask16)~special, u_low);
    }
    __m512 y = log_pair_f32(u, u_low, special);
    if (UNLIKELY(special)) {
        y = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, one, _CMP_NEQ_UQ), y);
        y = _mm512_mask_mov_ps(y, _mm512_cmp_ps_mask(x, one, _CMP_NGE_UQ),
                               _mm512_set1_ps(__builtin_nanf("")));
        y = _mm512_mask_mov_ps(y, _mm512_fpclass_ps_mask(x, CLASS_PLUS_INFINITY), x);
    }
    return y;
}

/* From 1/8 on log((1 + |x|) / (1 - |x|)) / 2. The quotient is near 1/c, 2^k over the table's
 * inverse: the logarithm's r is ((1 + |x|) c - (1 - |x|)) / (1 - |x|). The dividend is rounded once:
 * below 1/2 it is |x| (c + 1) + (c - 1), where both sums are exact, and from there on
 * |x| c + (c - (1 - |x|)), where that difference is. Below 1/8: (atanh(x)/x - 1)/x^2 in x^2, degree
 * 2: 2^-33 of the whole. */
#define VECTOR_atanh_f32 1
static inline __m512 vector_atanh_f32(__m512 x) {
    const __m512 one = _mm512_set1_ps(1.0f);
    __m512 a = _mm512_abs_ps(x), below = _mm512_sub_ps(one, a);
    /* As the latency is what counts, no division: 1/below to 2^-23.5. */
    __m512 inverse = _mm512_rcp14_ps(below);
    __m512 about = _mm512_mul_ps(_mm512_add_ps(one, a), inverse);
    inverse = _mm512_mul_ps(inverse, _mm512_fnmadd_ps(below, inverse, _mm512_set1_ps(2.0f)));
    log_split_f32 s = split_normal_f32(about, LOWEST_F32, 4);
    __m512 c = log_inverse_f32(about, s);
    __mmask16 below_half = _mm512_cmp_ps_mask(a, _mm512_set1_ps(0.5f), _CMP_LT_OQ);
    __m512 factor = _mm512_mask_add_ps(c, below_half, c, one);
    __m512 rest = _mm512_sub_ps(c, _mm512_mask_mov_ps(below, below_half, one));
    __m512 r = _mm512_mul_ps(_mm512_fmadd_ps(a, factor, rest), inverse);
    __m512 y = log_sum_f32(s.k, r, _mm512_setzero_ps(), s.index, &base_e_f32);
    y = _mm512_mul_ps(y, _mm512_set1_ps(0.5f));
    __m512 z = _mm512_mul_ps(a, a);
    __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(0x1.2b5d5cp-3f), z, _mm512_set1_ps(0x1.998a5ap-3f));
    p = _mm512_fmadd_ps(p, z, _mm512_set1_ps(0x1.55555ap-2f));
    __mmask16 small = _mm512_cmp_ps_mask(a, _mm512_set1_ps(0.125f), _CMP_LT_OQ);
    y = _mm512_mask_mov_ps(y, small, _mm512_fmadd_ps(_mm512_mul_ps(a, z), p, a));
    __mmask16 special = _mm512_cmp_ps_mask(a, one, _CMP_NLT_UQ);
    if (UNLIKELY(special)) {
        y = _mm512_mask_mov_ps(y, special, _mm512_set1_ps(__builtin_nanf("")));
        y = _mm512_mask_mov_ps(y, _mm512_cmp_ps_mask(a, one, _CMP_EQ_OQ),
                               _mm512_set1_ps(__builtin_inff()));
    }
    return with_sign_f32(y, x);
}

/* ----------------------------------------------------------------------- arc sine and cosine */

/* As asin_f32 and acos_f32 in math_f32.h, of which they have the polynomial: b = |x| up to 1/2,
 * above it sqrt((1 - |x|)/2) with b_low; tail is asin(b + b_low) - b. */
typedef struct {
    __m512 b, tail;
    __mmask16 small;
} asin_split_f32;

static inline asin_split_f32 split_asin_f32(__m512 a) {
    const __m512 half = _mm512_set1_ps(0.5f);
    __mmask16 small = _mm512_cmp_ps_mask(a, half, _CMP_LE_OQ);
    __m512 h = _mm512_fnmadd_ps(half, a, half);
    /* No square root: 1/sqrt(h) to 2^-14 and a Newton step. The inverse of 0 is multiplied by 0;
     * NaN stays. */
    __m512 inverse = _mm512_min_ps(_mm512_set1_ps(0x1p100f), _mm512_rsqrt14_ps(h));
    __m512 b = _mm512_mul_ps(h, inverse);
    __m512 b_low = _mm512_mul_ps(_mm512_fnmadd_ps(b, b, h), _mm512_mul_ps(half, inverse));
    __m512 z = _mm512_mask_mul_ps(h, small, a, a), sum = _mm512_add_ps(b, b_low);
    b_low = _mm512_maskz_add_ps((__mmask16)~small, _mm512_sub_ps(b, sum), b_low);
    b = _mm512_mask_mov_ps(sum, small, a);
    __m512 z2 = _mm512_mul_ps(z, z);
    __m512 even =
        _mm512_fmadd_ps(_mm512_set1_ps(0x1.d73bb8p-7f), z2, _mm512_set1_ps(0x1.6ca9fep-5f));
    __m512 odd =
        _mm512_fmadd_ps(_mm512_set1_ps(0x1.33f0c8p-5f), z2, _mm512_set1_ps(0x1.04b534p-5f));
    even = _mm512_fmadd_ps(even, z2, _mm512_set1_ps(0x1.55554cp-3f));
    odd = _mm512_fmadd_ps(odd, z2, _mm512_set1_ps(0x1.3338a2p-4f));
    __m512 p = _mm512_fmadd_ps(odd, z, even);
    return (asin_split_f32){b, _mm512_fmadd_ps(_mm512_mul_ps(b, z), p, b_low), small};
}

/* from + from_low + times (b + tail) */
static inline __m512 asin_sum_f32(__m512 from, __m512 from_low, __m512 times, asin_split_f32 s) {
    __m512 sum = _mm512_fmadd_ps(times, s.b, from);
    __m512 rest = _mm512_fmadd_ps(times, s.b, _mm512_sub_ps(from, sum));
    rest = _mm512_add_ps(rest, from_low);
    return _mm512_add_ps(sum, _mm512_fmadd_ps(times, s.tail, rest));
}

#define VECTOR_asin_f32 1
static inline __m512 vector_asin_f32(__m512 x) {
    asin_split_f32 s = split_asin_f32(_mm512_abs_ps(x));
    __mmask16 large = (__mmask16)~s.small;
    __m512 times = _mm512_mask_mov_ps(_mm512_set1_ps(1.0f), large, _mm512_set1_ps(-2.0f));
    __m512 y = asin_sum_f32(_mm512_maskz_mov_ps(large, _mm512_set1_ps(HALF_PI_F32)),
                            _mm512_maskz_mov_ps(large, _mm512_set1_ps(HALF_PI_LO_F32)), times, s);
    return with_sign_f32(y, x);
}

/* pi/2 - asin x, pi - 2 asin b or 2 asin b */
#define VECTOR_acos_f32 1
static inline __m512 vector_acos_f32(__m512 x) {
    asin_split_f32 s = split_asin_f32(_mm512_abs_ps(x));
    __mmask16 minus = _mm512_movepi32_mask(_mm512_castps_si512(x));
    /* -1 or 1 where s.small, else 2 or -2: as the sign of x. */
    __m512 times = _mm512_mask_mov_ps(_mm512_set1_ps(2.0f), s.small, _mm512_set1_ps(-1.0f));
    times = _mm512_xor_ps(times, _mm512_and_ps(x, _mm512_set1_ps(-0.0f)));
    __mmask16 turned = s.small | minus;
    __m512 from = _mm512_maskz_mov_ps(turned, _mm512_set1_ps(2.0f * HALF_PI_F32));
    __m512 from_low = _mm512_maskz_mov_ps(turned, _mm512_set1_ps(2.0f * HALF_PI_LO_F32));
    from = _mm512_mask_mov_ps(from, s.small, _mm512_set1_ps(HALF_PI_F32));
    from_low = _mm512_mask_mov_ps(from_low, s.small, _mm512_set1_ps(HALF_PI_LO_F32));
    return asin_sum_f32(from, from_low, times, s);
}

#endif
