/* math_quick_f32.h: a first stage for functions of float32 with AVX-512, sixteen floats at a time.
 *
 * quick_NAME_f32(x), with QUICK_NAME_f32 defined as 1, computes in float: the result is a float and
 * a rest, hi + lo, off by some 2^-32 of it. Where the largest and the smallest number that this may
 * stand for round to the same float, that is the right one. What is left, one in 50 to 200, and all
 * special cases are in doubt: elementwise_loop.h collects them and asks vector_NAME_f32, which
 * computes in double and is itself in doubt of one in thousands.
 *
 * The bounds of the errors are the largest found among all inputs, and a margin; tools/accuracy.py
 * shows that no result that is not in doubt is wrong. What counts for the time is the number of
 * instructions, twelve of which are the test: a function that needs more than about 45 in all gains
 * nothing over double, and is not here.
 */
#ifndef PT_MATH_QUICK_F32_H
#define PT_MATH_QUICK_F32_H

#include "math_vector.h"

typedef struct {
    __m512 value;
    __mmask16 in_doubt;
} quick_vector;

static inline __m512 fma_ps(__m512 a, __m512 b, float c) {
    return _mm512_fmadd_ps(a, b, _mm512_set1_ps(c));
}
static inline __m512 lookup_32(const float *table, __m512i index) { /* low 5 bits */
    return _mm512_permutex2var_ps(_mm512_loadu_ps(table), index, _mm512_loadu_ps(table + 16));
}
/* y with its sign bit set where that of x is. */
static inline __m512 with_sign_f32(__m512 y, __m512 x) {
    __m512i sign = _mm512_set1_epi32((int)0x80000000);
    return _mm512_castsi512_ps(
        _mm512_ternarylogic_epi32(_mm512_castps_si512(y), _mm512_castps_si512(x), sign, 0xf8));
}
static inline __mmask16 not_below_ps(__m512 a, float limit) { /* or NaN */
    return _mm512_cmp_ps_mask(a, _mm512_set1_ps(limit), _CMP_NLT_UQ);
}

/* The positions of the bits that are set in (count,) bits, then 7 times the first, so that at can be
 * read in eights; their number, at least 1. The first three of a word come without a branch, which
 * would be mispredicted half of the time. count: a multiple of 16. */
static inline size_t indices_of_bits(const uint64_t *words, size_t count, uint16_t *at) {
    size_t n = 0;
    for (size_t i = 0; i < count; i += 64) {
        uint64_t word = words[i / 64];
        word &= count - i < 64 ? ((uint64_t)1 << (count - i)) - 1 : ~(uint64_t)0;
        for (int k = 0; k < 3; k++) {
            at[n] = (uint16_t)(i + (size_t)__builtin_ctzll(word | (uint64_t)1 << 63));
            n += word != 0;
            word &= word - 1;
        }
        for (; UNLIKELY(word); word &= word - 1)
            at[n++] = (uint16_t)(i + (size_t)__builtin_ctzll(word));
    }
    for (int k = 0; k < 7; k++)
        at[n + (size_t)k] = at[0];
    return n;
}

/* hi + lo, off by less than off. NaN is in doubt. */
static inline quick_vector quick_round(__m512 hi, __m512 lo, __m512 off) {
    __m512 up = _mm512_add_ps(hi, _mm512_add_ps(lo, off));
    __m512 down = _mm512_add_ps(hi, _mm512_sub_ps(lo, off));
    return (quick_vector){up, _mm512_cmp_ps_mask(up, down, _CMP_NEQ_UQ)};
}

/* Off by less than error |hi| and, from the roundings of lo, lo_error |lo|. */
static inline quick_vector quick_sum(__m512 hi, __m512 lo, float error, float lo_error) {
    __m512 off = _mm512_mul_ps(_mm512_abs_ps(hi), _mm512_set1_ps(error));
    return quick_round(hi, lo, _mm512_fmadd_ps(_mm512_abs_ps(lo), _mm512_set1_ps(lo_error), off));
}

/* The same for lo so small that its roundings do not matter. */
static inline quick_vector quick_small_sum(__m512 hi, __m512 lo, float error) {
    return quick_round(hi, lo, _mm512_mul_ps(hi, _mm512_set1_ps(error)));
}

/* -------------------------------------------------------------------------------- exponentials */

/* 2^(i/32) */
/* clang-format off */
static const float quick_exp2_high[32] = {0x1p0f, 0x1.059b0ep0f, 0x1.0b5586p0f, 0x1.11301ep0f,
    0x1.172b84p0f, 0x1.1d4874p0f, 0x1.2387a6p0f, 0x1.29e9ep0f, 0x1.306fep0f, 0x1.371a74p0f,
    0x1.3dea64p0f, 0x1.44e086p0f, 0x1.4bfdaep0f, 0x1.5342b6p0f, 0x1.5ab07ep0f, 0x1.6247ecp0f,
    0x1.6a09e6p0f, 0x1.71f75ep0f, 0x1.7a1148p0f, 0x1.82589ap0f, 0x1.8ace54p0f, 0x1.93737cp0f,
    0x1.9c4918p0f, 0x1.a5503cp0f, 0x1.ae89fap0f, 0x1.b7f77p0f, 0x1.c199bep0f, 0x1.cb720ep0f,
    0x1.d5818ep0f, 0x1.dfc974p0f, 0x1.ea4afap0f, 0x1.f50766p0f};
static const float quick_exp2_low[32] = {0, -0x1.9d4f52p-25f, 0x1.9f3122p-25f, -0x1.fdb496p-25f,
    -0x1.c15742p-27f, -0x1.d2e8cap-25f, 0x1.ceac48p-25f, -0x1.5c0424p-25f, 0x1.4636e2p-25f,
    -0x1.18aac6p-25f, 0x1.824684p-25f, 0x1.8624b4p-30f, -0x1.593abcp-25f, -0x1.2c561p-25f,
    -0x1.5bd5ecp-27f, -0x1.f8b55p-25f, 0x1.9fcef4p-26f, 0x1.1d8beep-25f, -0x1.829fdp-25f,
    -0x1.accc7cp-26f, 0x1.15506ep-27f, -0x1.e64744p-25f, 0x1.51f848p-27f, -0x1.b83b54p-25f,
    -0x1.a94b14p-26f, -0x1.a09438p-25f, -0x1.3d56b2p-27f, -0x1.8837ccp-27f, -0x1.822dbcp-27f,
    -0x1.908c94p-25f, 0x1.52486cp-27f, -0x1.246ebp-26f};
/* clang-format on */

/* x = n ln 2 + r, n a multiple of 1/32, whose five bits after the point are the low bits of z; n
 * times the first part of ln 2 is subtracted exactly. e^x is 2^n times 1 + r, which is exact as
 * hi + lost, and e^r - 1 - r, degree 3: 2^-32.7. Beyond 87 it may be subnormal or infinite. */
#define QUICK_exp_f32 1
static inline quick_vector quick_exp_f32(__m512 x) {
    const __m512 round = _mm512_set1_ps(0x1.8p18f), ln_2_low = _mm512_set1_ps(-0x1.05c61p-29f);
    __m512 z = _mm512_fmadd_ps(x, _mm512_set1_ps((float)LOG2_E), round);
    __m512 n = _mm512_sub_ps(z, round);
    __m512 r_high = _mm512_fnmadd_ps(n, _mm512_set1_ps(0x1.62e43p-1f), x);
    __m512 r = _mm512_fnmadd_ps(n, ln_2_low, r_high);
    __m512 r_low = _mm512_fnmadd_ps(n, ln_2_low, _mm512_sub_ps(r_high, r));
    __m512i index = _mm512_castps_si512(z);
    __m512 s = lookup_32(quick_exp2_high, index), lo = lookup_32(quick_exp2_low, index);
    __m512 p = fma_ps(_mm512_set1_ps(0x1.5555d8p-3f), r, 0x1.00007cp-1f);
    p = _mm512_fmadd_ps(p, _mm512_mul_ps(r, r), r_low);
    __m512 hi = _mm512_fmadd_ps(s, r, s), lost = _mm512_fmadd_ps(s, r, _mm512_sub_ps(s, hi));
    lo = _mm512_add_ps(_mm512_fmadd_ps(lo, r, lo), lost);
    quick_vector y = quick_small_sum(hi, _mm512_fmadd_ps(s, p, lo), 0x1.0p-32f);
    y.value = _mm512_scalef_ps(y.value, n);
    y.in_doubt |= not_below_ps(_mm512_abs_ps(x), 87.0f);
    return y;
}

/* ---------------------------------------------------------------------- polynomials by interval */

/* 32 intervals of a: [0, 1/16), quarters of binades. */
static inline __m512i quick_interval(__m512 a) {
    __m512i index = _mm512_srli_epi32(_mm512_castps_si512(a), 21); /* 2^-4: 123 binades */
    index = _mm512_sub_epi32(index, _mm512_set1_epi32(4 * 123 - 1));
    return _mm512_max_epi32(index, _mm512_setzero_si512());
}

/* An odd function by the interval of |x|: at center it is a float to 2^-34, and slope + slope_low and
 * higher are the coefficients of the powers of |x| - center, to 2^-33 of the result. */
typedef struct {
    float center[32], at_center[32], slope[32], slope_low[32], higher[6][32];
} quick_intervals;

/* The function at x, a being |x| or where it has ended. */
static inline quick_vector quick_by_interval(__m512 x, __m512 a, const quick_intervals *f) {
    __m512i index = quick_interval(a);
    __m512 t = _mm512_sub_ps(a, lookup_32(f->center, index));
    __m512 base = lookup_32(f->at_center, index), c = lookup_32(f->slope, index);
    __m512 hi = _mm512_fmadd_ps(c, t, base);
    __m512 lost = _mm512_fmadd_ps(c, t, _mm512_sub_ps(base, hi));
    lost = _mm512_fmadd_ps(lookup_32(f->slope_low, index), t, lost);
    __m512 square = _mm512_mul_ps(t, t);
    __m512 p = _mm512_fmadd_ps(lookup_32(f->higher[5], index), t, lookup_32(f->higher[4], index));
    __m512 q = _mm512_fmadd_ps(lookup_32(f->higher[3], index), t, lookup_32(f->higher[2], index));
    __m512 r = _mm512_fmadd_ps(lookup_32(f->higher[1], index), t, lookup_32(f->higher[0], index));
    p = _mm512_fmadd_ps(_mm512_fmadd_ps(p, square, q), square, r);
    quick_vector y = quick_sum(hi, _mm512_fmadd_ps(p, square, lost), 0x1p-32f, 0x1.6p-23f);
    y.value = with_sign_f32(y.value, x);
    return y;
}

/* clang-format off */
static const quick_intervals quick_tanh = {
    .center = {0, 0x1.1ff6p-4f, 0x1.60b78p-4f, 0x1.a0758p-4f,
    0x1.df7cp-4f, 0x1.1eb8p-3f, 0x1.60f28p-3f, 0x1.a0118p-3f, 0x1.dfbc8p-3f, 0x1.21548p-2f,
    0x1.602d8p-2f, 0x1.9f0e8p-2f, 0x1.e029p-2f, 0x1.212d8p-1f, 0x1.5efcp-1f, 0x1.a0e78p-1f,
    0x1.ddd2p-1f, 0x1.1f51p0f, 0x1.607p0f, 0x1.9feep0f, 0x1.dfe98p0f, 0x1.1fa3p1f, 0x1.5fc18p1f,
    0x1.a033p1f, 0x1.dfbep1f, 0x1.1ecep2f, 0x1.606dp2f, 0x1.9f84p2f, 0x1.e0d5p2f, 0x1.1546p3f,
    0x1.1546p3f, 0x1.1546p3f},
    .at_center = {0, 0x1.1f7ccap-4f, 0x1.5fd8f8p-4f, 0x1.9f07a2p-4f,
    0x1.dd4e5ep-4f, 0x1.1cdc3p-3f, 0x1.5d7e7cp-3f, 0x1.9a6fe8p-3f, 0x1.d7267p-3f, 0x1.19de6ap-2f,
    0x1.52eb4ap-2f, 0x1.89ba28p-2f, 0x1.bfcf94p-2f, 0x1.05e74ep-1f, 0x1.30b026p-1f, 0x1.58082p-1f,
    0x1.76d61ap-1f, 0x1.9de3bp-1f, 0x1.c2ab2cp-1f, 0x1.d9c1cep-1f, 0x1.e87494p-1f, 0x1.f4afap-1f,
    0x1.fbd0fap-1f, 0x1.fe77b2p-1f, 0x1.ff6e82p-1f, 0x1.ffde6cp-1f, 0x1.fffbaep-1f, 0x1.ffff66p-1f,
    0x1.ffffecp-1f, 0x1.fffffep-1f, 0x1.fffffep-1f, 0x1.fffffep-1f},
    .slope = {0x1p0f, 0x1.fd7a4ep-1f, 0x1.fc38d6p-1f, 0x1.fabe4cp-1f,
    0x1.f90c26p-1f, 0x1.f61836p-1f, 0x1.f116fp-1f, 0x1.eb6faap-1f, 0x1.e4e70cp-1f, 0x1.d934cp-1f,
    0x1.c7e9bcp-1f, 0x1.b44e5ep-1f, 0x1.9e152ep-1f, 0x1.7a0744p-1f, 0x1.4aae96p-1f, 0x1.18d514p-1f,
    0x1.db29b8p-2f, 0x1.62d79p-2f, 0x1.cd438ep-3f, 0x1.268484p-3f, 0x1.700d5ap-4f, 0x1.660bf4p-5f,
    0x1.0aa972p-6f, 0x1.87b7b4p-8f, 0x1.22d2a8p-9f, 0x1.0c973p-11f, 0x1.147ecap-14f,
    0x1.34007cp-17f, 0x1.4007b4p-20f, 0x1.ff88d4p-24f, 0x1.ff88d4p-24f, 0x1.ff88d4p-24f},
    .slope_low = {0x1.8dp-39f, -0x1.3ab0ep-29f, 0x1.3f8d4p-26f,
    0x1.027f7cp-26f, -0x1.109268p-27f, -0x1.f3828p-28f, -0x1.c74198p-26f, 0x1.bd9eecp-26f,
    0x1.4a9768p-27f, -0x1.7ab328p-26f, -0x1.ed9fb8p-26f, -0x1.939c7p-26f, 0x1.a8facp-29f,
    0x1.e6c078p-26f, 0x1.475e4p-27f, 0x1.bd3ec8p-26f, 0x1.e55d9cp-27f, -0x1.2fda68p-27f,
    -0x1.65db88p-29f, 0x1.c6e8bp-30f, 0x1.b97d9p-29f, 0x1.6da098p-31f, 0x1.ddbb18p-32f,
    0x1.0b583p-33f, 0x1.c85db8p-35f, 0x1.68d5bcp-36f, -0x1.c6aa8p-43f, -0x1.8d3dap-45f,
    0x1.ec8a4p-46f, -0x1.78815p-49f, -0x1.78815p-49f, -0x1.78815p-49f},
    .higher = {
        {0, -0x1.1e12d4p-4f, -0x1.5d4102p-4f, -0x1.9ac628p-4f,
    -0x1.d6d29ap-4f, -0x1.17590ap-3f, -0x1.5350dp-3f, -0x1.89f4p-3f, -0x1.be36fcp-3f,
    -0x1.04830ap-2f, -0x1.2dcae4p-2f, -0x1.4f84b8p-2f, -0x1.6a2b4cp-2f, -0x1.82bfp-2f,
    -0x1.8992e4p-2f, -0x1.79673ep-2f, -0x1.5bde2ep-2f, -0x1.1ed8aep-2f, -0x1.96029ap-3f,
    -0x1.1084e2p-3f, -0x1.5f2088p-4f, -0x1.5e227ap-5f, -0x1.087b94p-6f, -0x1.868bbap-8f,
    -0x1.228034p-9f, -0x1.0c85f6p-11f, -0x1.147baep-14f, -0x1.341916p-17f, -0x1.411ccp-20f,
    -0x1.fa4288p-24f, -0x1.fa4288p-24f, -0x1.fa4288p-24f},
        {-0x1.555556p-2f, -0x1.4ea11cp-2f, -0x1.4b5034p-2f,
    -0x1.476e5p-2f, -0x1.42fda2p-2f, -0x1.3b4ec2p-2f, -0x1.2e71a8p-2f, -0x1.202528p-2f,
    -0x1.0ff2d2p-2f, -0x1.e78662p-3f, -0x1.981be8p-3f, -0x1.43b8cp-3f, -0x1.d6b0bep-4f,
    -0x1.b17a86p-5f, 0x1.b8314cp-7f, 0x1.097aap-4f, 0x1.8126cep-4f, 0x1.c66798p-4f, 0x1.973df2p-4f,
    0x1.33fafcp-4f, 0x1.a896d8p-5f, 0x1.be18b4p-6f, 0x1.5adeacp-7f, 0x1.02cdcp-8f, 0x1.827912p-10f,
    0x1.65d752p-12f, 0x1.70a0aap-15f, 0x1.9aad3ap-18f, 0x1.aa77a6p-21f, 0x1.539ccap-24f,
    0x1.539ccap-24f, 0x1.539ccap-24f},
        {0, 0x1.232784p-4f, 0x1.59df6p-4f, 0x1.f58d1ep-4f,
    0x1.b5147ap-5f, 0x1.4e080ep-4f, 0x1.a64d0ep-4f, 0x1.fbe978p-4f, 0x1.135024p-3f, 0x1.347c4cp-3f,
    0x1.51ee4p-3f, 0x1.5abc8ep-3f, 0x1.56c864p-3f, 0x1.396866p-3f, 0x1.ec59fcp-4f, 0x1.44d3dcp-4f,
    0x1.6bd824p-5f, 0x1.e49a34p-9f, -0x1.5f0b4p-6f, -0x1.9d509p-6f, -0x1.55f788p-6f,
    -0x1.95a7dap-7f, -0x1.4f761cp-8f, -0x1.ff45b2p-10f, -0x1.809f3ap-11f, -0x1.65479cp-13f,
    -0x1.708d08p-16f, -0x1.965104p-19f, -0x1.7bff9p-22f, -0x1.78939ap-25f, -0x1.78939ap-25f,
    -0x1.78939ap-25f},
        {0x1.11141cp-3f, 0x1.998868p-6f, 0x1.28ffd8p-2f,
    0x1.3b05aep-1f, 0x1.0479bap-1f, 0x1.954ea6p-3f, 0x1.dd3bf4p-4f, 0x1.0f7ce4p-4f, 0x1.0efc1ap-3f,
    0x1.f5cc4p-5f, 0x1.db0a02p-6f, 0x1.890598p-10f, -0x1.2b05c4p-6f, -0x1.70974ap-5f,
    -0x1.eefc9p-5f, -0x1.01000cp-4f, -0x1.b9bdb4p-5f, -0x1.09f148p-5f, -0x1.30f454p-7f,
    0x1.922cbp-10f, 0x1.32e134p-8f, 0x1.065224p-8f, 0x1.f45eaap-10f, 0x1.8f3966p-11f,
    0x1.311586p-12f, 0x1.1d9074p-14f, 0x1.2682b4p-17f, 0x1.476f66p-20f, 0x1.68a804p-23f,
    0x1.35c368p-26f, 0x1.35c368p-26f, 0x1.35c368p-26f},
        {0, -0x1.0fb90ep8f, -0x1.362afcp8f, -0x1.36245ap9f,
    0x1.dcff88p7f, 0x1.2cd982p4f, 0x1.b9067p2f, -0x1.331e3p3f, -0x1.f63e4cp0f, -0x1.2110cep-2f,
    -0x1.40926p-1f, 0x1.9e0a6cp-2f, 0x1.e30202p-2f, -0x1.8c3a9ep-5f, -0x1.a2860cp-6f,
    0x1.d31ba8p-8f, 0x1.bc8ad4p-7f, 0x1.2e40cep-6f, 0x1.5d5698p-7f, 0x1.220ce2p-8f, 0x1.5657a2p-11f,
    -0x1.77a31ap-11f, -0x1.1b9ab6p-11f, -0x1.02ffcap-12f, -0x1.9cbca6p-14f, -0x1.870ab4p-16f,
    -0x1.91decap-19f, -0x1.0e3094p-21f, -0x1.6f9fe4p-23f, -0x1.0f25d8p-29f, -0x1.0f25d8p-29f,
    -0x1.0f25d8p-29f},
        {-0x1.c0cf0ap-5f, 0x1.10c03cp10f, -0x1.dd9496p11f,
    -0x1.d6eec8p12f, -0x1.34277cp12f, -0x1.41442ap8f, -0x1.a6c7d8p-1f, 0x1.b8d192p5f,
    -0x1.ed7582p6f, -0x1.281714p1f, 0x1.767f5cp0f, 0x1.ad7f02p0f, 0x1.abdc48p-1f, 0x1.09fb2cp-3f,
    -0x1.088ce2p-3f, 0x1.69c70cp-6f, 0x1.21779cp-4f, 0x1.37a8aap-8f, -0x1.d1e48ep-9f,
    -0x1.5fd5ep-8f, -0x1.8f4506p-9f, -0x1.06395ep-13f, 0x1.d61eeep-14f, 0x1.022a2ap-14f,
    0x1.b9114ap-16f, 0x1.ab75ep-18f, 0x1.d544a6p-21f, 0x1.1f58dp-23f, -0x1.5dc502p-26f,
    -0x1.170ac8p-30f, -0x1.170ac8p-30f, -0x1.170ac8p-30f},
    },
};
/* clang-format on */

#define QUICK_tanh_f32 1
static inline quick_vector quick_tanh_f32(__m512 x) {                          /* from 10 on 1 */
    __m512 a = _mm512_min_ps(_mm512_set1_ps(0x1.3ffffep3f), _mm512_abs_ps(x)); /* NaN stays */
    return quick_by_interval(x, a, &quick_tanh);
}

/* clang-format off */
static const quick_intervals quick_erf = {
    .center = {0, 0x1.1f498p-4f, 0x1.608fp-4f, 0x1.9fffp-4f,
    0x1.e0548p-4f, 0x1.20238p-3f, 0x1.5fb48p-3f, 0x1.a14cp-3f, 0x1.df9bp-3f, 0x1.1f8bp-2f,
    0x1.60cd8p-2f, 0x1.a021p-2f, 0x1.dfc58p-2f, 0x1.1fe5p-1f, 0x1.6058p-1f, 0x1.9f9b8p-1f,
    0x1.e03bp-1f, 0x1.207f8p0f, 0x1.5ebap0f, 0x1.9fe3p0f, 0x1.dffp0f, 0x1.2002p1f, 0x1.60e78p1f,
    0x1.9fcap1f, 0x1.df3a8p1f, 0x1.df3a8p1f, 0x1.df3a8p1f, 0x1.df3a8p1f, 0x1.df3a8p1f, 0x1.df3a8p1f,
    0x1.df3a8p1f, 0x1.df3a8p1f},
    .at_center = {0, 0x1.43a354p-4f, 0x1.8cd6eap-4f, 0x1.d3cadap-4f,
    0x1.0dc296p-3f, 0x1.42ff42p-3f, 0x1.88fd5ap-3f, 0x1.d06edcp-3f, 0x1.09b8e6p-2f, 0x1.3c20aap-2f,
    0x1.7ee39p-2f, 0x1.bcef7ep-2f, 0x1.f83aacp-2f, 0x1.25a274p-1f, 0x1.56d022p-1f, 0x1.7f7f1cp-1f,
    0x1.a170bcp-1f, 0x1.c72bcep-1f, 0x1.e506b6p-1f, 0x1.f4f1e8p-1f, 0x1.fbe50cp-1f, 0x1.ff4056p-1f,
    0x1.fff358p-1f, 0x1.ffff6ep-1f, 0x1.fffffcp-1f, 0x1.fffffcp-1f, 0x1.fffffcp-1f, 0x1.fffffcp-1f,
    0x1.fffffcp-1f, 0x1.fffffcp-1f, 0x1.fffffcp-1f, 0x1.fffffcp-1f},
    .slope = {0x1.20dd76p0f, 0x1.1f729p0f, 0x1.1ebb9cp0f, 0x1.1de69cp0f,
    0x1.1ceb7ap0f, 0x1.1b341p0f, 0x1.18786cp0f, 0x1.151e2p0f, 0x1.11732ap0f, 0x1.0af674p0f,
    0x1.00885ep0f, 0x1.e9c8d6p-1f, 0x1.cfdcf4p-1f, 0x1.a52048p-1f, 0x1.67cad6p-1f, 0x1.2aed0ep-1f,
    0x1.df6282p-2f, 0x1.447cep-2f, 0x1.61b19p-3f, 0x1.4a16b4p-4f, 0x1.130f22p-5f, 0x1.d3f354p-8f,
    0x1.27a618p-11f, 0x1.eefba2p-16f, 0x1.ef14c8p-21f, 0x1.ef14c8p-21f, 0x1.ef14c8p-21f,
    0x1.ef14c8p-21f, 0x1.ef14c8p-21f, 0x1.ef14c8p-21f, 0x1.ef14c8p-21f, 0x1.ef14c8p-21f},
    .slope_low = {-0x1.f7b2d8p-25f, 0x1.92891p-27f, 0x1.04c2ep-25f,
    -0x1.eb068p-26f, 0x1.4b4e7cp-25f, -0x1.20afe8p-26f, -0x1.6e5d54p-25f, 0x1.b49658p-26f,
    0x1.0f55d4p-25f, -0x1.3eb88p-29f, -0x1.6fb5ep-26f, -0x1.b9c458p-26f, 0x1.b97ap-30f,
    0x1.2d7a7p-28f, 0x1.5525cp-28f, -0x1.5486dcp-26f, -0x1.256df4p-27f, -0x1.afc2p-28f,
    -0x1.8180fcp-28f, 0x1.b754p-35f, 0x1.65123p-32f, -0x1.20ab18p-33f, -0x1.3d9ea8p-36f,
    0x1.7faa78p-41f, -0x1.7a9dp-50f, -0x1.7a9dp-50f, -0x1.7a9dp-50f, -0x1.7a9dp-50f, -0x1.7a9dp-50f,
    -0x1.7a9dp-50f, -0x1.7a9dp-50f, -0x1.7a9dp-50f},
    .higher = {
        {0, -0x1.429324p-4f, -0x1.8ae112p-4f, -0x1.d093a4p-4f,
    -0x1.0b4b78p-3f, -0x1.3ec1bep-3f, -0x1.8152a4p-3f, -0x1.c3b7f6p-3f, -0x1.00263ep-2f,
    -0x1.2bdb4ap-2f, -0x1.618984p-2f, -0x1.8e12b8p-2f, -0x1.b2aa02p-2f, -0x1.d997dep-2f,
    -0x1.ef3296p-2f, -0x1.e54bd8p-2f, -0x1.c1a398p-2f, -0x1.6dae18p-2f, -0x1.e491c2p-3f,
    -0x1.0c1fbap-3f, -0x1.01d58ap-4f, -0x1.073a7cp-6f, -0x1.978f42p-10f, -0x1.91fc5ep-14f,
    -0x1.cd9d08p-19f, -0x1.cd9d08p-19f, -0x1.cd9d08p-19f, -0x1.cd9d08p-19f, -0x1.cd9d08p-19f,
    -0x1.cd9d08p-19f, -0x1.cd9d08p-19f, -0x1.cd9d08p-19f},
        {-0x1.812746p-2f, -0x1.7b7d62p-2f, -0x1.78a358p-2f,
    -0x1.755656p-2f, -0x1.71712ep-2f, -0x1.6aa7fep-2f, -0x1.5fe664p-2f, -0x1.52cd8cp-2f,
    -0x1.44a0e2p-2f, -0x1.2bcedcp-2f, -0x1.04d624p-2f, -0x1.b55c08p-3f, -0x1.5af56ep-3f,
    -0x1.9ce44ap-4f, -0x1.95930ep-7f, 0x1.fab244p-5f, 0x1.e57512p-4f, 0x1.4d245ap-3f, 0x1.44af4p-3f,
    0x1.d6bfp-4f, 0x1.1468a2p-4f, 0x1.63db9cp-6f, 0x1.5debb2p-9f, 0x1.9ea00cp-13f, 0x1.16bd7cp-17f,
    0x1.16bd7cp-17f, 0x1.16bd7cp-17f, 0x1.16bd7cp-17f, 0x1.16bd7cp-17f, 0x1.16bd7cp-17f,
    0x1.16bd7cp-17f, 0x1.16bd7cp-17f},
        {0, 0x1.39f092p-8f, 0x1.cfa4eep-9f, -0x1.acd474p-6f,
    0x1.39c76cp-5f, 0x1.3212dcp-4f, 0x1.671bdap-4f, 0x1.95fe9cp-4f, 0x1.091f2ep-3f, 0x1.1cf948p-3f,
    0x1.475ea8p-3f, 0x1.61b14cp-3f, 0x1.7023aap-3f, 0x1.7594e6p-3f, 0x1.52e40cp-3f, 0x1.100b1ap-3f,
    0x1.73e274p-4f, 0x1.c097a8p-6f, -0x1.e6fdc4p-6f, -0x1.97518ap-5f, -0x1.5a618p-5f,
    -0x1.38aeeap-6f, -0x1.9e758ap-9f, -0x1.2ed52cp-12f, -0x1.f566dcp-17f, -0x1.f566dcp-17f,
    -0x1.f566dcp-17f, -0x1.f566dcp-17f, -0x1.f566dcp-17f, -0x1.f566dcp-17f, -0x1.f566dcp-17f,
    -0x1.f566dcp-17f},
        {0x1.ce289p-4f, 0x1.1438f8p-2f, -0x1.82e95p-2f, 0x1.f24a52p-4f,
    -0x1.0b37a2p-4f, 0x1.b1cacap-4f, 0x1.3f008ap-4f, -0x1.e12a32p-7f, 0x1.bbd8a8p-3f,
    0x1.c3e5acp-5f, 0x1.94550ap-5f, 0x1.40cab4p-5f, 0x1.ceed12p-6f, -0x1.156ea6p-7f,
    -0x1.573cd8p-5f, -0x1.fa5978p-5f, -0x1.1cff7cp-4f, -0x1.f42204p-5f, -0x1.009f18p-5f,
    -0x1.16943p-9f, 0x1.76756ep-7f, 0x1.5d4a72p-7f, 0x1.601458p-9f, 0x1.4bacbcp-12f, 0x1.43e6dp-16f,
    0x1.43e6dp-16f, 0x1.43e6dp-16f, 0x1.43e6dp-16f, 0x1.43e6dp-16f, 0x1.43e6dp-16f, 0x1.43e6dp-16f,
    0x1.43e6dp-16f},
        {0, 0x1.7a3092p8f, 0x1.e75a5cp8f, 0x1.c28bcap9f, 0x1.204dfcp8f,
    0x1.684a7ap2f, 0x1.8c5104p3f, 0x1.6a2d34p4f, -0x1.860eb8p4f, -0x1.630e64p-2f, -0x1.4e8ce4p-1f,
    0x1.13a026p-3f, 0x1.d9924p-1f, -0x1.f7b8dep-6f, -0x1.33ddd8p-5f, -0x1.9a126ep-7f,
    -0x1.f81b82p-9f, 0x1.fa54b6p-7f, 0x1.64e55ep-6f, 0x1.e3117ap-7f, 0x1.2841a8p-8f,
    -0x1.6cc2d2p-9f, -0x1.aba922p-10f, -0x1.20c78p-12f, -0x1.f97e1p-17f, -0x1.f97e1p-17f,
    -0x1.f97e1p-17f, -0x1.f97e1p-17f, -0x1.f97e1p-17f, -0x1.f97e1p-17f, -0x1.f97e1p-17f,
    -0x1.f97e1p-17f},
        {-0x1.a776fap-6f, -0x1.0968fp12f, 0x1.ca3834p12f,
    -0x1.b09688p7f, 0x1.429624p11f, -0x1.62aap2f, 0x1.9ccd2cp4f, 0x1.896afep8f, -0x1.07bc14p8f,
    0x1.4bfc5p3f, 0x1.c9d84p0f, -0x1.d616p0f, -0x1.d0d972p2f, -0x1.59025ep-2f, 0x1.9d661p-6f,
    0x1.09cdb2p-5f, 0x1.71d644p-7f, 0x1.96c564p-8f, 0x1.1dc70ep-10f, -0x1.041734p-7f,
    -0x1.fb4e5p-9f, -0x1.7ca67ep-11f, 0x1.4e9446p-11f, 0x1.6cb7e6p-13f, 0x1.c98baap-17f,
    0x1.c98baap-17f, 0x1.c98baap-17f, 0x1.c98baap-17f, 0x1.c98baap-17f, 0x1.c98baap-17f,
    0x1.c98baap-17f, 0x1.c98baap-17f},
    },
};
/* clang-format on */

/* From 4 on it is 1. What is lost may be subnormal where x is tiny. */
#define QUICK_erf_f32 1
static inline quick_vector quick_erf_f32(__m512 x) {
    __m512 a = _mm512_min_ps(_mm512_set1_ps(4.0f), _mm512_abs_ps(x));
    quick_vector y = quick_by_interval(x, a, &quick_erf);
    y.in_doubt |= _mm512_cmp_ps_mask(a, _mm512_set1_ps(0x1p-90f), _CMP_LT_OQ);
    return y;
}

/* ---------------------------------------------------------------------------------- logarithms */

/* As in math_vector_f64.h, with 32 intervals from 1 - 33/128 on: |r| < 0.0199, and exact. */
/* clang-format off */
static const float quick_inverse[32] = {0x1.54p0f, 0x1.5p0f, 0x1.48p0f, 0x1.4p0f, 0x1.3cp0f,
    0x1.34p0f, 0x1.3p0f, 0x1.28p0f, 0x1.24p0f, 0x1.2p0f, 0x1.1cp0f, 0x1.14p0f, 0x1.1p0f, 0x1.0cp0f,
    0x1.08p0f, 0x1.04p0f, 0x1p0f, 0x1.fp-1f, 0x1.ep-1f, 0x1.d4p-1f, 0x1.c8p-1f, 0x1.b8p-1f,
    0x1.bp-1f, 0x1.a4p-1f, 0x1.98p-1f, 0x1.9p-1f, 0x1.88p-1f, 0x1.7cp-1f, 0x1.74p-1f, 0x1.6cp-1f,
    0x1.64p-1f, 0x1.5cp-1f};
/* clang-format on */

typedef struct {
    __m512 k, m;
    __m512i index;
} quick_log_split;

static inline quick_log_split quick_split_log(__m512 x) {
    const __m512i exponent_bits = _mm512_set1_epi32((int)0xff800000);
    __m512i bits = _mm512_castps_si512(x);
    __m512i u = _mm512_sub_epi32(bits, _mm512_set1_epi32(0x3f3e0000)); /* 1 - 33/128 */
    __m512i m = _mm512_sub_epi32(bits, _mm512_and_si512(u, exponent_bits));
    return (quick_log_split){_mm512_cvtepi32_ps(_mm512_srai_epi32(u, 23)), _mm512_castsi512_ps(m),
                             _mm512_srli_epi32(u, 18)};
}

/* quotient: scale (log(1 + r) - r)/r^2, degree 3: 2^-33 of the logarithm. */
typedef struct {
    float step, step_low, scale, scale_low, quotient[4], high[32], low[32];
} quick_base;

/* clang-format off */
static const quick_base quick_base_e = {
    0x1.62e4p-1f, 0x1.7f7d1cp-20f, 1.0f, 0.0f,
    {-0x1p-1f, 0x1.555554p-2f, -0x1.000e6cp-2f, 0x1.99d3fep-3f},
    .high = {-0x1.2298p-2f, -0x1.1678p-2f, -0x1.fb9p-3f, -0x1.c9p-3f, -0x1.af4p-3f, -0x1.7acp-3f,
        -0x1.5ffp-3f, -0x1.295p-3f, -0x1.0d7p-3f, -0x1.e28p-4f, -0x1.a92p-4f, -0x1.342p-4f,
        -0x1.f0cp-5f, -0x1.774p-5f, -0x1.f8p-6f, -0x1.fcp-7f, 0, 0x1.04p-5f, 0x1.086p-4f,
        0x1.7p-4f, 0x1.da8p-4f, 0x1.366p-3f, 0x1.5bfp-3f, 0x1.95ap-3f, 0x1.d1p-3f, 0x1.f99p-3f,
        0x1.1178p-2f, 0x1.315p-2f, 0x1.4718p-2f, 0x1.5d58p-2f, 0x1.742p-2f, 0x1.8b6p-2f},
    .low = {0x1.f02184p-17f, 0x1.1aa2a2p-17f, -0x1.86d5e4p-19f, 0x1.070cacp-20f, 0x1.b58bfap-18f,
        0x1.dbf7bcp-17f, -0x1.83853cp-18f, -0x1.4be08p-17f, -0x1.f9f342p-17f, 0x1.f123aap-17f,
        -0x1.b4e92cp-18f, 0x1.434f22p-19f, 0x1.cf3feep-17f, -0x1.63d8ccp-19f, -0x1.4d873cp-17f,
        -0x1.5161f8p-20f, 0, 0x1.5d89e8p-17f, -0x1.9d2988p-18f, 0x1.a615d6p-17f,
        -0x1.b138f8p-17f, -0x1.a7f538p-22f, 0x1.01ad5p-17f, 0x1.6b73dcp-17f, 0x1.bf932ap-18f,
        0x1.c6cb3cp-19f, 0x1.d044fcp-19f, -0x1.c3c594p-19f, 0x1.b84e38p-19f, 0x1.eefacap-17f,
        -0x1.3c49ccp-17f, 0x1.cd445ap-17f},
};

static const quick_base quick_base_2 = {
    1.0f, 0.0f, 0x1.715476p0f, 0x1.4ae0cp-26f,
    {-0x1.715476p-1f, 0x1.ec709cp-2f, -0x1.7171c4p-2f, 0x1.279ed2p-2f},
    .high = {-0x1.a338p-2f, -0x1.91b8p-2f, -0x1.6e2p-2f, -0x1.49a8p-2f, -0x1.371p-2f, -0x1.113p-2f,
        -0x1.fbcp-3f, -0x1.acfp-3f, -0x1.84cp-3f, -0x1.5cp-3f, -0x1.32bp-3f, -0x1.bc8p-4f,
        -0x1.664p-4f, -0x1.0ecp-4f, -0x1.6bcp-5f, -0x1.6e8p-6f, 0, 0x1.774p-5f, 0x1.7d6p-4f,
        0x1.098p-3f, 0x1.564p-3f, 0x1.bfcp-3f, 0x1.f6p-3f, 0x1.24ap-2f, 0x1.4f7p-2f, 0x1.6cbp-2f,
        0x1.8a88p-2f, 0x1.b878p-2f, 0x1.d7e8p-2f, 0x1.f808p-2f, 0x1.0c6cp-1f, 0x1.1d38p-1f},
    .low = {0x1.3eb014p-19f, -0x1.d448f8p-17f, -0x1.0e6ce8p-17f, 0x1.ed0cbap-20f, -0x1.267526p-17f,
        -0x1.f6b4c2p-20f, -0x1.6b9026p-19f, -0x1.78b6d4p-17f, -0x1.5e8178p-18f, -0x1.a39fbep-19f,
        0x1.61d876p-19f, -0x1.0902b6p-18f, 0x1.20a6dep-21f, 0x1.8ec0bap-17f, 0x1.2c8a72p-17f,
        0x1.a5e8f4p-20f, 0, -0x1.acd89ap-19f, 0x1.25b3eep-22f, -0x1.c731ap-19f, -0x1.1eb002p-18f,
        0x1.9eap-17f, -0x1.3ab7cep-18f, -0x1.96a762p-17f, -0x1.134c4ep-20f, 0x1.ed0cbap-19f,
        0x1.80abfcp-18f, -0x1.d42728p-21f, -0x1.3f543cp-18f, -0x1.a8b97ap-17f, 0x1.55e18ap-18f,
        -0x1.7d694ap-17f},
};

static const quick_base quick_base_10 = {
    0x1.344p-2f, 0x1.3509f8p-18f, 0x1.bcb7b2p-2f, -0x1.5b235ep-27f,
    {-0x1.bcb7b2p-3f, 0x1.287a76p-3f, -0x1.bcbeeap-4f, 0x1.63e2ecp-4f},
    .high = {-0x1.f8cp-4f, -0x1.e3cp-4f, -0x1.b8ep-4f, -0x1.8dp-4f, -0x1.76ap-4f, -0x1.49p-4f,
        -0x1.31cp-4f, -0x1.024p-4f, -0x1.d4p-5f, -0x1.a3p-5f, -0x1.714p-5f, -0x1.0bcp-5f,
        -0x1.af8p-6f, -0x1.46p-6f, -0x1.b6p-7f, -0x1.bap-8f, 0, 0x1.c4p-7f, 0x1.cbp-6f,
        0x1.3fcp-5f, 0x1.9cp-5f, 0x1.0dap-4f, 0x1.2e4p-4f, 0x1.606p-4f, 0x1.93ep-4f, 0x1.b72p-4f,
        0x1.db2p-4f, 0x1.093p-3f, 0x1.1c2p-3f, 0x1.2f7p-3f, 0x1.433p-3f, 0x1.577p-3f},
    .low = {-0x1.2d068ep-17f, 0x1.f2a79p-19f, 0x1.b2c54cp-20f, 0x1.cf8ef4p-17f, 0x1.d7ebb6p-17f,
        0x1.825c42p-17f, 0x1.9f5478p-17f, -0x1.460f84p-19f, -0x1.d5165p-17f, -0x1.53ac14p-18f,
        -0x1.0684fap-18f, 0x1.fe57e8p-17f, 0x1.036a8p-17f, 0x1.614a68p-19f, 0x1.6f714ep-19f,
        0x1.712b6p-17f, 0, -0x1.7be444p-18f, 0x1.c7e66cp-17f, -0x1.08399cp-17f, 0x1.97abfp-17f,
        -0x1.326736p-17f, -0x1.62fd22p-18f, -0x1.19422cp-17f, 0x1.f783fp-18f, 0x1.cd1716p-20f,
        -0x1.c25132p-17f, 0x1.2d0cccp-22f, -0x1.8b3552p-18f, 0x1.80e7a8p-18f, 0x1.c73782p-17f,
        -0x1.c4f422p-19f},
};
/* clang-format on */

/* The logarithm of 2^k (1 + r) / inverse, plus low. Inlined, so that what base 2 and base e do not
 * need is left out. */
static inline __attribute__((always_inline)) quick_vector quick_log_sum(__m512 k, __m512 r,
                                                                        __m512 low, __m512i index,
                                                                        const quick_base *base,
                                                                        float error,
                                                                        float lo_error) {
    const float *q = base->quotient;
    __m512 sum = lookup_32(base->high, index), hi, lost;
    low = _mm512_add_ps(low, lookup_32(base->low, index));
    if (base->step == 1.0f) {
        sum = _mm512_add_ps(k, sum);
    } else {
        sum = _mm512_fmadd_ps(k, _mm512_set1_ps(base->step), sum);
        low = _mm512_fmadd_ps(k, _mm512_set1_ps(base->step_low), low);
    }
    __m512 p = fma_ps(fma_ps(_mm512_set1_ps(q[3]), r, q[2]), r, q[1]);
    p = fma_ps(p, r, q[0]);
    if (base->scale == 1.0f) {
        hi = _mm512_add_ps(sum, r);
        lost = _mm512_add_ps(_mm512_sub_ps(sum, hi), r);
        p = _mm512_mul_ps(p, r);
    } else {
        __m512 scale = _mm512_set1_ps(base->scale);
        hi = _mm512_fmadd_ps(r, scale, sum);
        lost = _mm512_fmadd_ps(r, scale, _mm512_sub_ps(sum, hi));
        p = fma_ps(p, r, base->scale_low);
    }
    return quick_sum(hi, _mm512_fmadd_ps(p, r, _mm512_add_ps(low, lost)), error, lo_error);
}

static inline __attribute__((always_inline)) quick_vector quick_log(__m512 x,
                                                                    const quick_base *base,
                                                                    float error, float lo_error) {
    quick_log_split s = quick_split_log(x);
    __m512 inverse = lookup_32(quick_inverse, s.index);
    __m512 r = _mm512_fmsub_ps(s.m, inverse, _mm512_set1_ps(1.0f));
    quick_vector y = quick_log_sum(s.k, r, _mm512_setzero_ps(), s.index, base, error, lo_error);
    y.in_doubt |= _mm512_fpclass_ps_mask(x, CLASS_NOT_POSITIVE_NORMAL);
    return y;
}

#define QUICK_log_f32 1
static inline quick_vector quick_log_f32(__m512 x) {
    return quick_log(x, &quick_base_e, 0x1p-33f, 0x1.4p-23f);
}

#define QUICK_log2_f32 1
static inline quick_vector quick_log2_f32(__m512 x) {
    return quick_log(x, &quick_base_2, 0x1p-33f, 0x1.4p-23f);
}

#define QUICK_log10_f32 1
static inline quick_vector quick_log10_f32(__m512 x) {
    return quick_log(x, &quick_base_10, 0x1.1p-31f, 0x1.8p-23f);
}

/* The logarithm of u + u_low = 1 + x. */
#define QUICK_log1p_f32 1
static inline quick_vector quick_log1p_f32(__m512 x) {
    const __m512 one = _mm512_set1_ps(1.0f);
    __m512 u = _mm512_add_ps(one, x), t = _mm512_sub_ps(u, one);
    __m512 u_low = _mm512_add_ps(_mm512_sub_ps(one, _mm512_sub_ps(u, t)), _mm512_sub_ps(x, t));
    quick_log_split s = quick_split_log(u);
    __m512 inverse = lookup_32(quick_inverse, s.index);
    __m512 r_high = _mm512_fmsub_ps(s.m, inverse, one);
    __m512 minus_k = _mm512_sub_ps(_mm512_setzero_ps(), s.k);
    __m512 r_low = _mm512_scalef_ps(_mm512_mul_ps(u_low, inverse), minus_k);
    __m512 r = _mm512_add_ps(r_high, r_low);
    r_low = _mm512_add_ps(_mm512_sub_ps(r_high, r), r_low);
    quick_vector y = quick_log_sum(s.k, r, r_low, s.index, &quick_base_e, 0x1p-33f, 0x1.6p-22f);
    y.in_doubt |= _mm512_fpclass_ps_mask(u, CLASS_NOT_POSITIVE_NORMAL);
    y.value = with_sign_f32(y.value, x); /* log1p(-0.0) is -0.0 */
    return y;
}

/* atan |x| = angle + atan(q), q = (|x| cosine - sine) / (|x| sine + cosine), by interval of |x|,
 * the last from 12 on. cosine is 1, and 0 in the last, so that the dividend is exact.
 * (atan(q)/q - 1)/q^2 in q^2, |q| < 1/11.7, degree 2: 2^-35. */
/* clang-format off */
static const float quick_atan_sine[32] = {0, 0x1.1ffb3p-4f, 0x1.5ffa22p-4f, 0x1.9ff996p-4f,
    0x1.dff71p-4f, 0x1.1fee9cp-3f, 0x1.5fe8d6p-3f, 0x1.9fedb8p-3f, 0x1.dfe2e2p-3f, 0x1.1fc59p-2f,
    0x1.5fb06p-2f, 0x1.9fa64p-2f, 0x1.df9e06p-2f, 0x1.1f251ap-1f, 0x1.5f1332p-1f, 0x1.9f071p-1f,
    0x1.defdfp-1f, 0x1.1e04d4p0f, 0x1.5e18b4p0f, 0x1.9e3808p0f, 0x1.de5708p0f, 0x1.1d0adep1f,
    0x1.5d6d68p1f, 0x1.9dbfd4p1f, 0x1.de0106p1f, 0x1.1c9d12p2f, 0x1.5d2c2cp2f, 0x1.9d98ap2f,
    0x1.dde6fp2f, 0x1.1c7a18p3f, 0x1.5d26ep3f, 0x1p0f};
static const float quick_atan_cosine[32] = {0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f,
    0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f,
    0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f, 0x1p0f,
    0};
static const float quick_atan_angle[32] = {0, 0x1.1f8212p-4f, 0x1.5f1d52p-4f, 0x1.9e8dbcp-4f,
    0x1.ddc946p-4f, 0x1.1e0ea2p-3f, 0x1.5c8192p-3f, 0x1.9a59p-3f, 0x1.d761c4p-3f, 0x1.188932p-2f,
    0x1.52c3a2p-2f, 0x1.8ad7c8p-2f, 0x1.c08af6p-2f, 0x1.05b182p-1f, 0x1.33be12p-1f, 0x1.5cc282p-1f,
    0x1.81139p-1f, 0x1.ae7384p-1f, 0x1.e0fb7ap-1f, 0x1.0468dp0f, 0x1.14538p0f, 0x1.261306p0f,
    0x1.383bd2p0f, 0x1.45512p0f, 0x1.4f24c2p0f, 0x1.597ffcp0f, 0x1.63b774p0f, 0x1.6ad272p0f,
    0x1.700b2p0f, 0x1.75729cp0f, 0x1.7aba06p0f, 0x1.921fb6p0f};
static const float quick_atan_angle_low[32] = {0, -0x1.575118p-43f, -0x1.aa49d4p-40f,
    0x1.7ed53ap-38f, 0x1.118c74p-39f, 0x1.5e56c8p-37f, -0x1.9afbd8p-39f, 0x1.66f2aep-36f,
    -0x1.42ba64p-36f, 0x1.f4b5dcp-38f, -0x1.45fc56p-35f, -0x1.6751aep-37f, 0x1.88512cp-35f,
    0x1.fd6d86p-36f, 0x1.d72f2ap-40f, -0x1.4dc8b8p-34f, -0x1.4dc0bep-35f, -0x1.bc7d2ep-35f,
    -0x1.60f7fp-36f, -0x1.b21dbp-35f, -0x1.0aae38p-35f, -0x1.b9f6f8p-34f, -0x1.585876p-34f,
    -0x1.039916p-34f, 0x1.305822p-38f, -0x1.f4a71cp-34f, 0x1.ca9e4ep-35f, 0x1.f6b206p-34f,
    0x1.5dc3f6p-34f, -0x1.1f83dp-33f, 0x1.518f8ap-33f, -0x1.777a5cp-25f};
/* clang-format on */

#define QUICK_atan_f32 1
static inline quick_vector quick_atan_f32(__m512 x) {
    const __m512 one = _mm512_set1_ps(1.0f);
    __m512 a = _mm512_abs_ps(x), low = _mm512_min_ps(a, _mm512_set1_ps(12.0f));
    __m512i index = quick_interval(low);
    __m512 s = lookup_32(quick_atan_sine, index), c = lookup_32(quick_atan_cosine, index);
    __m512 angle = lookup_32(quick_atan_angle, index);
    __m512 above = _mm512_fmsub_ps(a, c, s), below = _mm512_fmadd_ps(a, s, c);
    __m512 below_low = _mm512_fmadd_ps(a, s, _mm512_sub_ps(c, below));
    __m512 inverse = _mm512_rcp14_ps(below);
    inverse = _mm512_fmadd_ps(_mm512_fnmadd_ps(below, inverse, one), inverse, inverse);
    __m512 q = _mm512_mul_ps(above, inverse);
    __m512 rest = _mm512_fnmadd_ps(q, below_low, _mm512_fnmadd_ps(q, below, above));
    __m512 z = _mm512_mul_ps(q, q);
    __m512 p = fma_ps(_mm512_set1_ps(-0x1.237a72p-3f), z, 0x1.999b1ap-3f);
    p = fma_ps(p, z, -0x1.555556p-2f);
    __m512 hi = _mm512_add_ps(angle, q), lo = _mm512_add_ps(_mm512_sub_ps(angle, hi), q);
    lo = _mm512_add_ps(lo, lookup_32(quick_atan_angle_low, index));
    lo = _mm512_fmadd_ps(rest, inverse, lo);
    lo = _mm512_fmadd_ps(_mm512_mul_ps(q, z), p, lo);
    quick_vector y = quick_small_sum(hi, lo, 0x1.4p-32f);
    y.value = with_sign_f32(y.value, x);
    y.in_doubt |= not_below_ps(a, 0x1p60f);
    return y;
}

#endif
