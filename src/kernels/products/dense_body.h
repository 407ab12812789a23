/* dense_body.h: the loops of dense.c for one floating-point dtype; included by isa_dense.c with T,
 * F(name), TILE_ROWS and TILE_BYTES set. */
#if KIND == 'f'

#define ROWS TILE_ROWS
#define COLUMNS (TILE_BYTES / sizeof(T))

/* dst (k, ROWS): rows ROWS i ... of A side by side, zeros beyond the last. */
static void F(pack_a)(const pt_gathered_product *p, size_t i) {
    const T *a = p->a;
    const size_t n_strips = (p->m + ROWS - 1) / ROWS, first = i * ROWS;
    ptrdiff_t offsets[ROWS];

    for (size_t r = 0; r < ROWS; r++) {
        const size_t row = first + r < p->m ? first + r : first; /* any: blanked below */
        offsets[r] = (ptrdiff_t)(p->a_rows ? (size_t)p->a_rows[row] : row) * p->a_row_stride;
    }
    for (size_t start = 0; start < p->k; start += p->k_block) {
        const size_t length = p->k - start < p->k_block ? p->k - start : p->k_block;
        T *dst = (T *)(void *)p->packed_a + start * n_strips * ROWS + i * ROWS * length;

        for (size_t q = 0; q < length; q++) {
            const size_t column = start + q;
            const T *from = a + (ptrdiff_t)(p->a_columns ? (size_t)p->a_columns[column] : column) *
                                    p->a_column_stride;
#pragma GCC unroll 8
            for (size_t r = 0; r < ROWS; r++) {
                dst[q * ROWS + r] = from[offsets[r]];
            }
        }
        for (size_t r = p->m - first; r < ROWS; r++) {
            for (size_t q = 0; q < length; q++) {
                dst[q * ROWS + r] = 0;
            }
        }
    }
}

/* dst (length, COLUMNS): columns COLUMNS j ... of rows start ... of B, zeros beyond the last. */
static void F(pack_b)(const pt_gathered_product *p, size_t j, size_t start, size_t length,
                      T *restrict dst) {
    const T *b = (const T *)p->b + j * COLUMNS;
    const size_t width = p->n - j * COLUMNS < COLUMNS ? p->n - j * COLUMNS : COLUMNS;

    for (size_t q = 0; q < length; q++, dst += COLUMNS) {
        const size_t row = p->b_rows ? (size_t)p->b_rows[start + q] : start + q;
        const T *from = b + (ptrdiff_t)row * p->b_row_stride;

        if (width == COLUMNS) {
            memcpy(dst, from, sizeof(T) * COLUMNS);
            continue;
        }
        for (size_t l = 0; l < COLUMNS; l++) {
            dst[l] = l < width ? from[l] : 0;
        }
    }
}

/* tile (ROWS, COLUMNS) = a (length, ROWS)^T b (length, COLUMNS), each element summed in the order
 * of length. The tile's sums stay in registers. */
static void F(multiply)(size_t length, const T *restrict a, const T *restrict b,
                        T tile[restrict ROWS][COLUMNS]) {
    T sums[ROWS][COLUMNS];

    for (size_t r = 0; r < ROWS; r++) {
        for (size_t l = 0; l < COLUMNS; l++) {
            sums[r][l] = 0;
        }
    }
    for (size_t q = 0; q < length; q++, a += ROWS, b += COLUMNS) {
#pragma GCC unroll 8
        for (size_t r = 0; r < ROWS; r++) {
            const T x = a[r];
#pragma omp simd
            for (size_t l = 0; l < COLUMNS; l++) {
                sums[r][l] = F(multiply_add)(x, b[l], sums[r][l]);
            }
        }
    }
    memcpy(tile, sums, sizeof sums);
}

/* Adds the tile to C at (row, column), or writes it there if it is the first of k; after the last,
 * bias and relu. */
static void F(finish)(const pt_gathered_product *p, size_t row, size_t column, bool is_first,
                      bool is_last, T tile[restrict ROWS][COLUMNS]) {
    const size_t n_rows = p->m - row < ROWS ? p->m - row : ROWS;
    const size_t n = p->n - column < COLUMNS ? p->n - column : COLUMNS;
    const T *restrict bias = p->bias && is_last ? (const T *)p->bias + column : NULL;
    const bool relu = p->relu && is_last;

    for (size_t r = 0; r < n_rows; r++) {
        T *restrict c = (T *)p->c + (row + r) * p->n + column;
        const T *restrict sums = tile[r];

        for (size_t l = 0; l < n; l++) {
            T x = is_first ? sums[l] : c[l] + sums[l];
            x = bias ? x + bias[l] : x;
            c[l] = relu && x < 0 ? 0 : x; /* so that NaN stays NaN */
        }
    }
}

static void F(strip)(const pt_gathered_product *p, size_t j, size_t first, size_t end,
                     void *packed_b) {
    const size_t n_strips = (p->m + ROWS - 1) / ROWS;
    T *const b = packed_b;

    for (size_t start = 0; start < p->k; start += p->k_block) {
        const size_t length = p->k - start < p->k_block ? p->k - start : p->k_block;
        const T *a = (const T *)(const void *)p->packed_a + start * n_strips * ROWS;

        F(pack_b)(p, j, start, length, b);
        for (size_t i = first; i < end; i++) {
            T tile[ROWS][COLUMNS];
            F(multiply)(length, a + i * ROWS * length, b, tile);
            F(finish)(p, i * ROWS, j * COLUMNS, start == 0, start + length == p->k, tile);
        }
    }
}

#undef ROWS
#undef COLUMNS

#endif
