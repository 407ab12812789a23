/* few.h: fewer elements than a vector has, in the largest pieces that fit, without a call or a loop
 * over elements. */
#ifndef FEW_H
#define FEW_H

#include <stddef.h>

#define FEW_PIECE(T, size, below, n, to, from, sign)                                               \
    if ((size) < (below) && ((n) & (size))) {                                                      \
        typedef T piece                                                                            \
            __attribute__((vector_size((size) * sizeof(T)), aligned(sizeof(T)), may_alias));       \
        *(piece *)(to)sign *(const piece *)(from);                                                 \
        (to) += (size);                                                                            \
        (from) += (size);                                                                          \
    }

#define DEFINE_FEW(T, suffix, name, sign)                                                          \
    static inline __attribute__((always_inline)) void name##_##suffix(                             \
        size_t below, size_t n, T *restrict to, const T *restrict from) {                          \
        FEW_PIECE(T, 8, below, n, to, from, sign)                                                  \
        FEW_PIECE(T, 4, below, n, to, from, sign)                                                  \
        FEW_PIECE(T, 2, below, n, to, from, sign)                                                  \
        FEW_PIECE(T, 1, below, n, to, from, sign)                                                  \
    }

/* to (n,) = from (n,), n < below: a power of two up to 16, a constant of each call. */
DEFINE_FEW(float, f32, copy_few, =)
DEFINE_FEW(double, f64, copy_few, =)

/* to (n,) += from (n,), likewise. */
DEFINE_FEW(float, f32, add_few, +=)
DEFINE_FEW(double, f64, add_few, +=)

#undef DEFINE_FEW

#endif
