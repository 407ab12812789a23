/* transpose_loop.h: transposes whole blocks, for one size of elements.
 *
 * Included by transpose.c with T, an unsigned integer of that size, N, how many fill a vector of 16
 * bytes, and the indices LOW and HIGH, which interleave the lower (upper) halves of two vectors.
 */
static void F_PASTE(transpose, T)(char *to, ptrdiff_t pitch, const char *from, ptrdiff_t stride,
                                  size_t n_rows, size_t n_columns) {
    typedef T vector __attribute__((vector_size(16)));
    for (size_t column = 0; column < n_columns; column += N) {
        if (column + N > n_columns)
            column = n_columns - N;
        const char *block = from + (ptrdiff_t)column * stride;
        for (size_t row = 0; row < n_rows; row += N) {
            if (row + N > n_rows)
                row = n_rows - N;
            vector x[N], y[N];
            for (int i = 0; i < N; i++)
                memcpy(&x[i], block + i * stride + row * sizeof(T), 16);
            /* Each pass interleaves vectors i and i + N / 2 of x. After log2(N) passes the index in
             * the vector and the index of the vector have been exchanged. */
            for (int pass = 1; pass < N; pass *= 2) {
                for (int i = 0; i < N / 2; i++) {
                    y[2 * i] = SHUFFLE(x[i], x[i + N / 2], LOW);
                    y[2 * i + 1] = SHUFFLE(x[i], x[i + N / 2], HIGH);
                }
                for (int i = 0; i < N; i++)
                    x[i] = y[i];
            }
            char *result = to + (ptrdiff_t)row * pitch + column * sizeof(T);
            for (int i = 0; i < N; i++)
                memcpy(result + i * pitch, &x[i], 16);
        }
    }
}

#undef T
#undef N
#undef LOW
#undef HIGH
