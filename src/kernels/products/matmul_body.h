/* matmul_body.h: the loops of the products for one dtype; included by isa_matmul.c with T, KIND and
 * F(name) set. */
#if KIND == 'f'

static void F(accumulate)(size_t n, void *c, const void *part) {
    T *restrict sums = c;
    const T *restrict addends = part;

#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        sums[i] += addends[i];
    }
}

#else

/* c (m, 1): sums along the rows of A. */
static void F(product_with_column)(size_t m, size_t k, pt_matrix a, const T *restrict column, T *c,
                                   ptrdiff_t c_row_stride) {
    for (size_t i = 0; i < m; i++) {
        const T *restrict row = (const T *)a.data + (ptrdiff_t)i * a.row_stride;
        T sum = 0;

#if KIND == 'b'
#pragma omp simd reduction(| : sum)
        for (size_t p = 0; p < k; p++) {
            sum |= row[p] & column[p];
        }
#else
#pragma omp simd reduction(+ : sum)
        for (size_t p = 0; p < k; p++) {
            sum = (T)(sum + row[p] * column[p]);
        }
#endif
        c[(ptrdiff_t)i * c_row_stride] = sum;
    }
}

/* Four rows of C at a time share each row of B; a strip of 1 KiB of each stays in the L1 cache for
 * all of k. */
static void F(product)(size_t m, size_t n, size_t k, pt_matrix a, pt_matrix b, void *c,
                       ptrdiff_t c_row_stride) {
    enum { ROWS = 4, STRIP = 1024 / sizeof(T) };
    const T *as = a.data, *bs = b.data;
    T sums[ROWS][STRIP];

    if (n == 1 && a.column_stride == 1 && b.row_stride == 1) {
        F(product_with_column)(m, k, a, bs, c, c_row_stride);
        return;
    }
    for (size_t j = 0; j < n; j += STRIP) {
        const size_t width = n - j < STRIP ? n - j : STRIP;

        for (size_t i = 0; i < m; i += ROWS) {
            const size_t n_rows = m - i < ROWS ? m - i : ROWS;

            for (size_t r = 0; r < n_rows; r++) {
                for (size_t l = 0; l < width; l++) {
                    sums[r][l] = 0;
                }
            }
            for (size_t p = 0; p < k; p++) {
                const T *restrict row = bs + (ptrdiff_t)p * b.row_stride + (ptrdiff_t)j;

                for (size_t r = 0; r < n_rows; r++) {
                    T *restrict sum = sums[r];
                    const T factor =
                        as[(ptrdiff_t)(i + r) * a.row_stride + (ptrdiff_t)p * a.column_stride];

#pragma omp simd
                    for (size_t l = 0; l < width; l++) {
#if KIND == 'b'
                        sum[l] |= factor & row[l];
#else
                        sum[l] = (T)(sum[l] + factor * row[l]);
#endif
                    }
                }
            }
            for (size_t r = 0; r < n_rows; r++) {
                T *out = (T *)c + (ptrdiff_t)(i + r) * c_row_stride + (ptrdiff_t)j;

                for (size_t l = 0; l < width; l++) {
                    out[l] = sums[r][l];
                }
            }
        }
    }
}

#endif
