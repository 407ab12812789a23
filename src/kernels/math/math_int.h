/* math_int.h: the integer functions of the op table, for one dtype; see for_each_dtype.h.
 *
 * No operand traps: what has no answer (division by zero, the one overflowing quotient) gets one.
 */
#if KIND == 'i' || KIND == 'u'

static inline T F(floor_divide)(T x, T y) {
    if (y == 0)
        return 0;
#if KIND == 'i'
    if (y == -1)
        return (T)-x; /* the lowest integer has no negative: it wraps to itself */
    T quotient = (T)(x / y);
    return (T)(quotient - ((x % y != 0) & ((x < 0) != (y < 0))));
#else
    return (T)(x / y);
#endif
}

/* x - floor_divide(x, y) * y: the sign is that of y. */
static inline T F(remainder)(T x, T y) {
    if (y == 0)
        return 0;
#if KIND == 'i'
    if (y == -1)
        return 0;
    T rest = (T)(x % y);
    return (rest != 0) & ((rest < 0) != (y < 0)) ? (T)(rest + y) : rest;
#else
    return (T)(x % y);
#endif
}

/* By squaring; wraps. x**y for y < 0 is 1 / x**-y truncated: 0 unless x is 1 or -1. */
static inline T F(pow)(T x, T y) {
#if KIND == 'i'
    if (y < 0)
        return (T)(x == 1 ? 1 : x == -1 ? (y & 1 ? -1 : 1) : 0);
#endif
    T result = 1;
    while (y != 0) {
        if (y & 1)
            result = (T)(result * x);
        x = (T)(x * x);
        y = (T)(y >> 1);
    }
    return result;
}

/* C leaves shifts by the width or more undefined; here the bits have all gone. A negative y is a
 * large one. Words of 32 bits have a vector instruction for a shift of each by its own number; those
 * of 64 take two to four times as long. */
#if BITS == 64
#define WORD uint64_t
#else
#define WORD uint32_t
#endif
static inline T F(left_shift)(T x, T y) {
    WORD by = (WORD)y;
    return by < BITS ? (T)((WORD)x << (by & (8 * sizeof(WORD) - 1))) : (T)0;
}

static inline T F(right_shift)(T x, T y) {
    WORD by = (WORD)y;
#if KIND == 'i'
    return (T)(x >> (by < BITS ? by : BITS - 1));
#else
    return by < BITS ? (T)((WORD)x >> (by & (8 * sizeof(WORD) - 1))) : (T)0;
#endif
}
#undef WORD

#endif
