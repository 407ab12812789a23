/* exact_f32.c: the functions of float32 that are in doubt, one number at a time.
 *
 * float64's kernel is at most 1 ULP of double off, which decides all but a few numbers in 10^8. For
 * these few the function is computed as a pair, to about 2^-90: with series, and for inverse
 * functions with a Newton step from float64's result. No float but those that are exact comes so
 * close to a tie; tools/accuracy.py has tried all of them.
 *
 * Compiled once, without flags for an instruction set: the correct rounding is the same everywhere.
 */
#include "exact_f32.h"

#include "math_f32.h"

/* ------------------------------------------------------------------------------ arithmetic */

static pair add(pair a, pair b) {
    pair hi = two_sum(a.hi, b.hi), lo = two_sum(a.lo, b.lo);
    hi = fast_two_sum(hi.hi, hi.lo + lo.hi);
    return fast_two_sum(hi.hi, hi.lo + lo.lo);
}

static pair times(pair a, pair b) {
    pair p = two_product(a.hi, b.hi);
    return fast_two_sum(p.hi, p.lo + (a.hi * b.lo + a.lo * b.hi));
}

static pair over(pair a, pair b) {
    pair q = pair_over_pair(a, b);
    return fast_two_sum(q.hi, q.lo);
}

static pair root(pair a) {
    pair s = pair_sqrt(a);
    return fast_two_sum(s.hi, s.lo);
}

static pair of(double x) { return (pair){x, 0.0}; }
static pair minus(pair a) { return (pair){-a.hi, -a.lo}; }
static pair scaled(pair a, double power_of_2) {
    return (pair){a.hi * power_of_2, a.lo * power_of_2};
}

/* 1 + x/d(1) (1 + x/d(2) (1 + ...)) with d(k) = (a k + b) (c k + d): n terms. */
static pair series(pair x, int n, int a, int b, int c, int d) {
    pair sum = of(1.0);
    for (int k = n; k > 0; k--) {
        sum = add(of(1.0), over(times(sum, x), of((double)(a * k + b) * (double)(c * k + d))));
    }
    return sum;
}

/* --------------------------------------------------------------- exponentials and logarithms */

static const pair log2_e = {LOG2_E, 0x1.777d0ffda0d24p-56},
                  log10_e = {0x1.bcb7b1526e50ep-2, 0x1.95355baaafad3p-57};

/* n ln 2 */
static pair times_ln_2(double n) { return add(of(n * LN_2_A), two_product(n, LN_2_B)); }

static double power_of_2(double n) { return from_bits_f64((uint64_t)(1023 + (int)n) << 52); }

/* e^x - 1, x = n ln 2 + r, |x| < 600 */
static pair expm1_pair(pair x) {
    double n = round_f64(x.hi * LOG2_E);
    pair r = add(x, minus(times_ln_2(n)));
    pair e = times(r, series(r, 24, 0, 1, 1, 1));
    double scale = power_of_2(n);
    return add(scaled(e, scale), two_sum(scale, -1.0));
}

static pair exp_pair(pair x) {
    double n = round_f64(x.hi * LOG2_E);
    pair r = add(x, minus(times_ln_2(n)));
    return scaled(series(r, 24, 0, 1, 1, 0), power_of_2(n));
}

/* log(1 + x), |x| < 1/2: a Newton step from l. */
static pair log1p_small(pair x) {
    double l = log1p_f64(x.hi);
    pair t = add(times(x, exp_pair(of(-l))), expm1_pair(of(-l)));
    return add(of(l), add(t, of(-0.5 * t.hi * t.hi)));
}

static pair log_of_pair(pair x) {
    log_parts_f64 p = log_reduce_normal_f64(x.hi);
    pair m = scaled(x, power_of_2(-p.k));
    return add(times_ln_2(p.k), log1p_small(add(of(-1.0), m)));
}

static pair log1p_of_pair(pair x) {
    return fabs(x.hi) < 0.25 ? log1p_small(x) : log_of_pair(add(of(1.0), x));
}

/* ---------------------------------------------------------------- trigonometry and the error function */

typedef struct {
    pair sine, cosine;
} sine_and_cosine;

static sine_and_cosine sine_and_cosine_of(double x) {
    trig_parts t = fabs(x) < TRIG_LIMIT_F64 ? trig_reduce(x) : trig_reduce_large(x);
    pair r = {t.hi, t.lo}, z = minus(times(r, r));
    pair s = times(r, series(z, 14, 2, 0, 2, 1)), c = series(z, 14, 2, -1, 2, 0);
    bool odd = t.n & 1, turned = t.n & 2;
    pair sine = odd ? c : s, cosine = odd ? minus(s) : c;
    return turned ? (sine_and_cosine){minus(sine), minus(cosine)} : (sine_and_cosine){sine, cosine};
}

/* The angle of (x, y): a Newton step from a. */
static pair angle(pair y, pair x) {
    double a = atan2_f64(y.hi, x.hi);
    sine_and_cosine t = sine_and_cosine_of(a);
    pair across = add(times(y, t.cosine), minus(times(x, t.sine)));
    pair along = add(times(x, t.cosine), times(y, t.sine));
    return add(of(a), over(across, along));
}

/* 2/sqrt(pi) e^-x^2 x (1 + 2x^2/3 (1 + 2x^2/5 (1 + ...))), |x| <= 4 */
static pair erf_pair(double x) {
    const pair two_over_root_pi = {0x1.20dd750429b6dp0, 0x1.1ae3a914fed80p-56};
    pair square = two_product(x, x), sum = series(scaled(square, 2.0), 100, 0, 1, 2, 1);
    pair e = times(exp_pair(minus(square)), two_over_root_pi);
    return times(times(e, of(x)), sum);
}

/* ---------------------------------------------------------------------------- the functions */

static pair pair_exp(double x) { return exp_pair(of(x)); }
static pair pair_expm1(double x) { return expm1_pair(of(x)); }
static pair pair_sigmoid(double x) { return over(of(1.0), add(of(1.0), exp_pair(of(-x)))); }
static pair pair_softplus(double x) {
    return add(of(x > 0.0 ? x : 0.0), log1p_of_pair(exp_pair(of(-fabs(x)))));
}
static pair pair_log(double x) { return log_of_pair(of(x)); }
static pair pair_log1p(double x) { return log1p_of_pair(of(x)); }
static pair pair_log2(double x) { return times(log_of_pair(of(x)), log2_e); }
static pair pair_log10(double x) { return times(log_of_pair(of(x)), log10_e); }
static pair pair_sin(double x) { return sine_and_cosine_of(x).sine; }
static pair pair_cos(double x) { return sine_and_cosine_of(x).cosine; }
static pair pair_tan(double x) {
    sine_and_cosine t = sine_and_cosine_of(x);
    return over(t.sine, t.cosine);
}
static pair cosine_of_sine(double x) { return root(add(of(1.0), minus(two_product(x, x)))); }
static pair pair_asin(double x) { return angle(of(x), cosine_of_sine(x)); }
static pair pair_acos(double x) { return angle(cosine_of_sine(x), of(x)); }
static pair pair_atan(double x) { return angle(of(x), of(1.0)); }
static pair pair_sinh(double x) {
    pair e = expm1_pair(of(x));
    return scaled(add(e, over(e, add(of(1.0), e))), 0.5);
}
static pair pair_cosh(double x) {
    pair e = exp_pair(of(x));
    return scaled(add(e, over(of(1.0), e)), 0.5);
}
static pair pair_tanh(double x) {
    pair e = expm1_pair(of(2.0 * x));
    return over(e, add(of(2.0), e));
}
/* asinh |x| = log(1 + |x| + x^2 / (1 + sqrt(1 + x^2))) */
static pair pair_asinh(double x) {
    pair square = two_product(x, x);
    pair below = add(of(1.0), root(add(of(1.0), square)));
    pair r = log1p_of_pair(add(of(fabs(x)), over(square, below)));
    return x < 0.0 ? minus(r) : r;
}
static pair pair_acosh(double x) {
    double t = x - 1.0;
    return log1p_of_pair(add(of(t), root(two_product(t, x + 1.0))));
}
static pair pair_atanh(double x) {
    double a = fabs(x);
    pair r = scaled(log1p_of_pair(over(of(a + a), of(1.0 - a))), x < 0.0 ? -0.5 : 0.5);
    return r;
}
static pair pair_erf(double x) { return erf_pair(x); }
static pair pair_atan2(double y, double x) { return angle(of(y), of(x)); }
static pair pair_hypot(double x, double y) {
    return root(add(two_product(x, x), two_product(y, y)));
}
static pair pair_logaddexp(double x, double y) {
    double high = x > y ? x : y, low = x > y ? y : x;
    return add(of(high), log1p_of_pair(exp_pair(two_sum(low, -high))));
}
/* A power that is a float or a tie is exact: what the pair says beyond 2^-85 are its own errors. */
static pair pair_pow(double x, double y) {
    pair r = exp_pair(times(log_of_pair(of(fabs(x))), of(y)));
    r.lo = fabs(r.lo) < 0x1p-85 * r.hi ? 0.0 : r.lo;
    return x < 0.0 && round_f64(0.5 * y) != 0.5 * y ? minus(r) : r;
}

/* The float nearest to p: that nearest to p.hi, unless p.hi is a tie. */
static float nearest(pair p) {
    double a = fabs(p.hi), places = a * 0x1p150;
    bool tie = a < 0x1p-126 ? places == trunc_f64(places) && fmod(places, 2.0) == 1.0
                            : (bits_f64(a) & 0x1fffffff) == 0x10000000;
    if (tie && p.lo != 0.0) {
        uint64_t bits = bits_f64(p.hi);
        p.hi = from_bits_f64((p.lo < 0.0) == (p.hi < 0.0) ? bits + 1 : bits - 1);
    }
    return (float)p.hi;
}

/* Whether no error below 8 ULP of double can change the float. */
static bool is_decided(double d) { return !(d - d == 0.0 && rounded_any(d, 8).in_doubt); }

#define LARGE_ANGLE(f)                                                                             \
    static double f##_any_f64(double x) { return f##_f64_rare(x) ? f##_f64_slow(x) : f##_f64(x); }
LARGE_ANGLE(sin)
LARGE_ANGLE(cos)
LARGE_ANGLE(tan)
#define sin_f64 sin_any_f64
#define cos_f64 cos_any_f64
#define tan_f64 tan_any_f64

#define DEFINE_UNARY(f)                                                                            \
    float pt_exact_##f##_f32(float x) {                                                            \
        double d = f##_f64(x);                                                                     \
        return is_decided(d) ? (float)d : nearest(pair_##f(x));                                    \
    }
#define DEFINE_BINARY(f)                                                                           \
    float pt_exact_##f##_f32(float x, float y) {                                                   \
        double d = f##_f64(x, y);                                                                  \
        return is_decided(d) ? (float)d : nearest(pair_##f(x, y));                                 \
    }
PT_EXACT_UNARY(DEFINE_UNARY)
PT_EXACT_BINARY(DEFINE_BINARY)
