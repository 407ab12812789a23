/* for_each_dtype.h: includes BODY once per dtype, with
 *     T        the element type
 *     BITS     of the element type
 *     KIND     'b' bool, 'i' signed, 'u' unsigned, 'f' floating-point
 *     F(name)  name_SUFFIX, the function or constant of that name for T
 * set for it. To be included again and again; F is defined by dtype_functions.h.
 */
#define T uint8_t
#define SUFFIX b8
#define BITS 8
#define KIND 'b'
#include BODY
#undef T
#undef SUFFIX
#undef BITS
#undef KIND

#define T int8_t
#define SUFFIX i8
#define BITS 8
#define KIND 'i'
#include BODY
#undef T
#undef SUFFIX
#undef BITS
#undef KIND

#define T int16_t
#define SUFFIX i16
#define BITS 16
#define KIND 'i'
#include BODY
#undef T
#undef SUFFIX
#undef BITS
#undef KIND

#define T int32_t
#define SUFFIX i32
#define BITS 32
#define KIND 'i'
#include BODY
#undef T
#undef SUFFIX
#undef BITS
#undef KIND

#define T int64_t
#define SUFFIX i64
#define BITS 64
#define KIND 'i'
#include BODY
#undef T
#undef SUFFIX
#undef BITS
#undef KIND

#define T uint8_t
#define SUFFIX u8
#define BITS 8
#define KIND 'u'
#include BODY
#undef T
#undef SUFFIX
#undef BITS
#undef KIND

#define T uint16_t
#define SUFFIX u16
#define BITS 16
#define KIND 'u'
#include BODY
#undef T
#undef SUFFIX
#undef BITS
#undef KIND

#define T uint32_t
#define SUFFIX u32
#define BITS 32
#define KIND 'u'
#include BODY
#undef T
#undef SUFFIX
#undef BITS
#undef KIND

#define T uint64_t
#define SUFFIX u64
#define BITS 64
#define KIND 'u'
#include BODY
#undef T
#undef SUFFIX
#undef BITS
#undef KIND

#define T float
#define SUFFIX f32
#define BITS 32
#define KIND 'f'
#include BODY
#undef T
#undef SUFFIX
#undef BITS
#undef KIND

#define T double
#define SUFFIX f64
#define BITS 64
#define KIND 'f'
#include BODY
#undef T
#undef SUFFIX
#undef BITS
#undef KIND
