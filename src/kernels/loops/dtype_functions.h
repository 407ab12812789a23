/* dtype_functions.h: the functions that the op table's expressions may call: F(name), per dtype. */
#ifndef DTYPE_FUNCTIONS_H
#define DTYPE_FUNCTIONS_H

#include <float.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "exact_f32.h"
#include "math_f32.h"
#include "math_f64.h"
#include "math_vector.h"

#define F_PASTE_(name, suffix) name##_##suffix
#define F_PASTE(name, suffix) F_PASTE_(name, suffix)
#define F(name) F_PASTE(name, SUFFIX)

/* The identities of max and min: no element is below lowest or above highest. */
enum { lowest_b8 = 0, highest_b8 = 1 };
#define lowest_i8 INT8_MIN
#define highest_i8 INT8_MAX
#define lowest_i16 INT16_MIN
#define highest_i16 INT16_MAX
#define lowest_i32 INT32_MIN
#define highest_i32 INT32_MAX
#define lowest_i64 INT64_MIN
#define highest_i64 INT64_MAX
#define lowest_u8 0
#define highest_u8 UINT8_MAX
#define lowest_u16 0
#define highest_u16 UINT16_MAX
#define lowest_u32 0
#define highest_u32 UINT32_MAX
#define lowest_u64 0
#define highest_u64 UINT64_MAX
#define infinity_f32 ((float)__builtin_inff())
#define lowest_f32 (-infinity_f32)
#define highest_f32 infinity_f32
#define infinity_f64 __builtin_inf()
#define lowest_f64 (-infinity_f64)
#define highest_f64 infinity_f64

static inline float fabs_f32(float x) { return __builtin_fabsf(x); }
static inline double fabs_f64(double x) { return __builtin_fabs(x); }
static inline float sqrt_f32(float x) { return __builtin_sqrtf(x); }
static inline double sqrt_f64(double x) { return __builtin_sqrt(x); }

#define BODY "math_int.h"
#include "for_each_dtype.h"
#undef BODY

#endif
