/* cast_rows.h: the conversions of T to every dtype; included once per T. */
#define U uint8_t
#define U_SUFFIX b8
#define U_IS_BOOL 1
#define U_IS_FLOAT 0
#include "cast_loop.h"
#define U int8_t
#define U_SUFFIX i8
#define U_IS_BOOL 0
#define U_IS_FLOAT 0
#include "cast_loop.h"
#define U int16_t
#define U_SUFFIX i16
#define U_IS_BOOL 0
#define U_IS_FLOAT 0
#include "cast_loop.h"
#define U int32_t
#define U_SUFFIX i32
#define U_IS_BOOL 0
#define U_IS_FLOAT 0
#include "cast_loop.h"
#define U int64_t
#define U_SUFFIX i64
#define U_IS_BOOL 0
#define U_IS_FLOAT 0
#include "cast_loop.h"
#define U uint8_t
#define U_SUFFIX u8
#define U_IS_BOOL 0
#define U_IS_FLOAT 0
#include "cast_loop.h"
#define U uint16_t
#define U_SUFFIX u16
#define U_IS_BOOL 0
#define U_IS_FLOAT 0
#include "cast_loop.h"
#define U uint32_t
#define U_SUFFIX u32
#define U_IS_BOOL 0
#define U_IS_FLOAT 0
#include "cast_loop.h"
#define U uint64_t
#define U_SUFFIX u64
#define U_IS_BOOL 0
#define U_IS_FLOAT 0
#include "cast_loop.h"
#define U float
#define U_SUFFIX f32
#define U_IS_BOOL 0
#define U_IS_FLOAT 1
#include "cast_loop.h"
#define U double
#define U_SUFFIX f64
#define U_IS_BOOL 0
#define U_IS_FLOAT 1
#include "cast_loop.h"
