/* transpose.c: transposes a small matrix of elements of any size.
 *
 * If the columns of the source are contiguous, blocks of 16 bytes by 16 bytes / size go through
 * vectors of 16 bytes, which every machine has: each cache line is read and written as a whole for
 * any strides, and a byte costs as little as a double.
 */
#include "transpose.h"

#include <stdint.h>
#include <string.h>

#if defined(__clang__) || __GNUC__ >= 12
#define SHUFFLE(x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#else
#define SHUFFLE(x, y, ...) __builtin_shuffle(x, y, (vector){__VA_ARGS__})
#endif
#define F_PASTE_(name, suffix) name##_##suffix
#define F_PASTE(name, suffix) F_PASTE_(name, suffix)

#define T uint8_t
#define N 16
#define LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#include "transpose_loop.h"
#define T uint16_t
#define N 8
#define LOW 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH 4, 12, 5, 13, 6, 14, 7, 15
#include "transpose_loop.h"
#define T uint32_t
#define N 4
#define LOW 0, 4, 1, 5
#define HIGH 2, 6, 3, 7
#include "transpose_loop.h"
#define T uint64_t
#define N 2
#define LOW 0, 2
#define HIGH 1, 3
#include "transpose_loop.h"

/* Copies element by element, along the longer axis. */
static inline void copy_elements(char *to, ptrdiff_t to_outer, ptrdiff_t to_inner, const char *from,
                                 ptrdiff_t from_outer, ptrdiff_t from_inner, size_t n_outer,
                                 size_t n_inner, size_t size) {
    for (size_t i = 0; i < n_outer; i++) {
        for (size_t j = 0; j < n_inner; j++) {
            memcpy(to + (ptrdiff_t)j * to_inner, from + (ptrdiff_t)j * from_inner, size);
        }
        to += to_outer;
        from += from_outer;
    }
}

static inline void copy_sized(char *to, ptrdiff_t pitch, const char *from, ptrdiff_t row_stride,
                              ptrdiff_t column_stride, size_t n_rows, size_t n_columns,
                              size_t size) {
    if (n_columns >= n_rows) {
        copy_elements(to, pitch, (ptrdiff_t)size, from, row_stride, column_stride, n_rows,
                      n_columns, size);
    } else {
        copy_elements(to, (ptrdiff_t)size, pitch, from, column_stride, row_stride, n_columns,
                      n_rows, size);
    }
}

void pt_transpose(char *to, ptrdiff_t pitch, const char *from, ptrdiff_t row_stride,
                  ptrdiff_t column_stride, size_t n_rows, size_t n_columns, size_t size) {
    const size_t per_vector = 16 / size;
    const bool in_blocks = row_stride == (ptrdiff_t)size && n_rows >= per_vector &&
                           n_columns >= per_vector && per_vector > 1;
    switch (size) { /* a constant in each case, for the compiler */
    case 1:
        if (in_blocks)
            transpose_uint8_t(to, pitch, from, column_stride, n_rows, n_columns);
        else
            copy_sized(to, pitch, from, row_stride, column_stride, n_rows, n_columns, 1);
        break;
    case 2:
        if (in_blocks)
            transpose_uint16_t(to, pitch, from, column_stride, n_rows, n_columns);
        else
            copy_sized(to, pitch, from, row_stride, column_stride, n_rows, n_columns, 2);
        break;
    case 4:
        if (in_blocks)
            transpose_uint32_t(to, pitch, from, column_stride, n_rows, n_columns);
        else
            copy_sized(to, pitch, from, row_stride, column_stride, n_rows, n_columns, 4);
        break;
    case 8:
        if (in_blocks)
            transpose_uint64_t(to, pitch, from, column_stride, n_rows, n_columns);
        else
            copy_sized(to, pitch, from, row_stride, column_stride, n_rows, n_columns, 8);
        break;
    default:
        copy_sized(to, pitch, from, row_stride, column_stride, n_rows, n_columns, 16);
    }
}
