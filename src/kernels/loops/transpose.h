/* transpose.h: called by elementwise.c for operands that run along another axis than the result. */
#ifndef TRANSPOSE_H
#define TRANSPOSE_H

#include <stdbool.h>
#include <stddef.h>

/* to[r * pitch + c * size] = from[r * row_stride + c * column_stride], in bytes, for r < n_rows and
 * c < n_columns: elements of size bytes, 1, 2, 4, 8 or 16, of any alignment. Fast where row_stride
 * is size. The two do not overlap. */
void pt_transpose(char *to, ptrdiff_t pitch, const char *from, ptrdiff_t row_stride,
                  ptrdiff_t column_stride, size_t n_rows, size_t n_columns, size_t size);

#endif
