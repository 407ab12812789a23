/* exact_f32.h: the functions of float32 that are in doubt, one number at a time. */
#ifndef PT_EXACT_F32_H
#define PT_EXACT_F32_H

/* clang-format off */
#define PT_EXACT_UNARY(ROW) \
    ROW(exp) ROW(expm1) ROW(sigmoid) ROW(softplus) ROW(log) ROW(log1p) ROW(log2) ROW(log10) \
    ROW(sin) ROW(cos) ROW(tan) ROW(asin) ROW(acos) ROW(atan) ROW(sinh) ROW(cosh) ROW(tanh) \
    ROW(asinh) ROW(acosh) ROW(atanh) ROW(erf)
/* clang-format on */
#define PT_EXACT_BINARY(ROW) ROW(atan2) ROW(hypot) ROW(logaddexp) ROW(pow)

/* f(x) and f(x, y), rounded to the nearest float, halves to even. */
#define PT_DECLARE_UNARY(f) float pt_exact_##f##_f32(float x);
#define PT_DECLARE_BINARY(f) float pt_exact_##f##_f32(float x, float y);
PT_EXACT_UNARY(PT_DECLARE_UNARY)
PT_EXACT_BINARY(PT_DECLARE_BINARY)

#endif
