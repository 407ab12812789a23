/* tiles_body.h: the loops of tiles.c for one floating-point dtype; included by isa_tiles.c with T,
 * F(name), VARIANT(name), the F(name) of this inclusion, and EACH_TILE set, and with ONLY_MULTIPLY
 * if the rest has been included before. */
#if KIND == 'f'

#define LANES (VECTOR_BYTES / sizeof(T))
#define EACH _Pragma("GCC unroll 16")

#ifndef ONLY_MULTIPLY
typedef T F(simd) __attribute__((vector_size(VECTOR_BYTES)));

static inline F(simd) F(load_vector)(const T *from) {
    F(simd) x;
    memcpy(&x, from, sizeof x);
    return x;
}
#endif

/* The innermost loop of all products. rows and vectors are constants in each of its copies below,
 * so that the sums stay in registers. What a step reads is used several times: a number of a by a
 * row of the tile, a vector of b by a column. */
static inline __attribute__((always_inline)) void
VARIANT(multiply)(const size_t rows, const size_t vectors, size_t length, const T *restrict a,
                  ptrdiff_t a_row_stride, ptrdiff_t a_step, const T *restrict b, ptrdiff_t b_step,
                  T *restrict c, ptrdiff_t c_row_stride, bool continues) {
    F(simd) sums[PT_TILE_MAX_ROWS][PT_TILE_MAX_VECTORS], x[PT_TILE_MAX_VECTORS];

    EACH for (size_t r = 0; r < rows; r++) {
        const T *row = c + (ptrdiff_t)r * c_row_stride;
        EACH for (size_t v = 0; v < vectors; v++) {
            sums[r][v] = continues ? F(load_vector)(row + v * LANES) : (F(simd)){0};
        }
    }
    /* Addresses of few registers: one for four rows, and multiples of the stride by 1, 2 and 3. */
    const T *fours[] = {a, a + 4 * a_row_stride, a + 8 * a_row_stride, a + 12 * a_row_stride};
    for (ptrdiff_t at = 0; length > 0; length--, at += a_step, b += b_step) {
        EACH for (size_t v = 0; v < vectors; v++) {
            x[v] = F(load_vector)(b + v * LANES);
            __builtin_prefetch(b + PREFETCH * b_step + v * LANES);
        }
        EACH for (size_t r = 0; r < rows; r++) {
            const F(simd) factor =
                F(broadcast)(fours[r / 4][at + (ptrdiff_t)(r % 4) * a_row_stride]);
            EACH for (size_t v = 0; v < vectors; v++) {
                sums[r][v] = VARIANT(fma)(factor, x[v], sums[r][v]);
            }
        }
    }
    EACH for (size_t r = 0; r < rows; r++) {
        EACH for (size_t v = 0; v < vectors; v++) {
            memcpy(c + (ptrdiff_t)r * c_row_stride + v * LANES, &sums[r][v], VECTOR_BYTES);
        }
    }
}

#define TILE(ROWS, VECTORS)                                                                        \
    static void VARIANT(multiply_##ROWS##x##VECTORS)(                                              \
        size_t length, const void *a, ptrdiff_t a_row_stride, ptrdiff_t a_step, const void *b,     \
        ptrdiff_t b_step, void *c, ptrdiff_t c_row_stride, bool continues) {                       \
        VARIANT(multiply)                                                                          \
        (ROWS, VECTORS, length, a, a_row_stride, a_step, b, b_step, c, c_row_stride, continues);   \
    }
EACH_TILE(TILE)
#undef TILE

#ifdef FACTORS
#define INLINED static inline __attribute__((always_inline)) void

/* sums (rows,) = column j of c and `steps` terms more. */
INLINED F(add_terms)(const size_t rows, const size_t steps, const F(simd) (*factors)[8], const T *b,
                     ptrdiff_t b_step, const T *c, ptrdiff_t c_row_stride, size_t j,
                     F(simd) * sums) {
    EACH for (size_t r = 0; r < rows; r++) {
        sums[r] = F(load_vector)(c + (ptrdiff_t)r * c_row_stride + j);
    }
    EACH for (size_t q = 0; q < steps; q++) {
        F(simd) x = F(load_vector)(b + (ptrdiff_t)q * b_step + j);
        if (rows > 1) {
            IN_REGISTER(x); /* or the compiler reads it from memory again for every row */
        }
        EACH for (size_t r = 0; r < rows; r++) { sums[r] = F(fma)(factors[r][q], x, sums[r]); }
    }
}

INLINED F(store_sums)(const size_t rows, const F(simd) * sums, T *c, ptrdiff_t c_row_stride,
                      size_t j) {
    EACH for (size_t r = 0; r < rows; r++) {
        memcpy(c + (ptrdiff_t)r * c_row_stride + j, &sums[r], VECTOR_BYTES);
    }
}

/* Few rows use a number of b only a few times, so reading b is what counts, and the caches fetch
 * ahead best what is read along its lines: `steps` terms pass over all columns at once. Whole
 * vectors begin at column `start`. Those at both ends may overlap them; they are computed before
 * their columns of c change. */
INLINED F(pass)(const size_t rows, const size_t steps, size_t start, size_t n, const T *a,
                ptrdiff_t a_row_stride, ptrdiff_t a_step, const T *b, ptrdiff_t b_step, T *c,
                ptrdiff_t c_row_stride) {
    F(simd) factors[PT_STREAM_MAX_ROWS][8], sums[PT_STREAM_MAX_ROWS];
    F(simd) first[PT_STREAM_MAX_ROWS], last[PT_STREAM_MAX_ROWS];
    const bool overlaps = start != 0 || n % LANES != 0;

    EACH for (size_t r = 0; r < rows; r++) {
        EACH for (size_t q = 0; q < steps; q++) {
            factors[r][q] = F(broadcast)(a[(ptrdiff_t)r * a_row_stride + (ptrdiff_t)q * a_step]);
        }
    }
    if (overlaps) {
        F(add_terms)(rows, steps, factors, b, b_step, c, c_row_stride, 0, first);
        F(add_terms)(rows, steps, factors, b, b_step, c, c_row_stride, n - LANES, last);
    }
    for (size_t j = start; j + LANES <= n; j += LANES) {
        F(add_terms)(rows, steps, factors, b, b_step, c, c_row_stride, j, sums);
        F(store_sums)(rows, sums, c, c_row_stride, j);
    }
    if (overlaps) {
        F(store_sums)(rows, first, c, c_row_stride, 0);
        F(store_sums)(rows, last, c, c_row_stride, n - LANES);
    }
}

/* Passes of as many terms as there are registers for their factors, at most 8. Lines a multiple of
 * 4096 bytes apart share the few places of the L1 cache: then of at most 4. A vector that crosses
 * lines of the cache is read twice, so they are read aligned where that is the same in all lines. */
INLINED F(stream)(const size_t rows, size_t n, size_t length, const T *a, ptrdiff_t a_row_stride,
                  ptrdiff_t a_step, const T *b, ptrdiff_t b_step, T *c, ptrdiff_t c_row_stride) {
    const size_t few = rows * 4 <= FACTORS ? 4 : 2;
    const bool strays = (size_t)b_step * sizeof(T) % 4096 == 0;
    const bool is_alike = (size_t)b_step * sizeof(T) % VECTOR_BYTES == 0;
    const size_t start = is_alike ? -(uintptr_t)b / sizeof(T) % LANES : 0;

#define PASSES(STEPS)                                                                              \
    for (; length >= (STEPS); length -= (STEPS)) {                                                 \
        F(pass)(rows, STEPS, start, n, a, a_row_stride, a_step, b, b_step, c, c_row_stride);       \
        a += (ptrdiff_t)(STEPS) * a_step;                                                          \
        b += (ptrdiff_t)(STEPS) * b_step;                                                          \
    }
    if (rows * 8 <= FACTORS && !strays) {
        PASSES(8)
    }
    PASSES(few)
    PASSES(1)
#undef PASSES
}

#define STREAM(ROWS)                                                                               \
    static void F(stream_##ROWS)(size_t n, size_t length, const void *a, ptrdiff_t a_row_stride,   \
                                 ptrdiff_t a_step, const void *b, ptrdiff_t b_step, void *c,       \
                                 ptrdiff_t c_row_stride) {                                         \
        F(stream)(ROWS, n, length, a, a_row_stride, a_step, b, b_step, c, c_row_stride);           \
    }
STREAM(1)
STREAM(2)
STREAM(3)
STREAM(4)
#undef STREAM
#undef INLINED
#endif

#ifndef ONLY_MULTIPLY
static void F(copy)(size_t length, size_t n, const void *from, ptrdiff_t row_stride,
                    const int64_t *rows, void *to, size_t width) {
    T *restrict dst = to;

    for (size_t q = 0; q < length; q++, dst += width) {
        const T *src = (const T *)from + (ptrdiff_t)(rows ? (size_t)rows[q] : q) * row_stride;
        size_t l = 0;

        for (; l + LANES <= n; l += LANES) {
            memcpy(dst + l, src + l, VECTOR_BYTES);
        }
        for (; l + 16 / sizeof(T) <= n; l += 16 / sizeof(T)) {
            memcpy(dst + l, src + l, 16);
        }
        for (; l < n; l++) {
            dst[l] = src[l];
        }
        for (; l % LANES != 0 && l < width; l++) {
            dst[l] = 0;
        }
    }
}

static void F(finish)(size_t m, size_t n, void *c, ptrdiff_t c_row_stride, const void *bias,
                      bool relu) {
    const T *restrict addend = bias; /* (n,) */

    for (size_t i = 0; i < m; i++) {
        T *restrict row = (T *)c + (ptrdiff_t)i * c_row_stride; /* (n,) */

        if (bias && relu) {
#pragma omp simd
            for (size_t j = 0; j < n; j++) {
                T x = row[j] + addend[j];
                row[j] = x < 0 ? 0 : x; /* so that NaN stays NaN */
            }
        } else if (bias) {
#pragma omp simd
            for (size_t j = 0; j < n; j++) {
                row[j] += addend[j];
            }
        } else if (relu) {
#pragma omp simd
            for (size_t j = 0; j < n; j++) {
                row[j] = row[j] < 0 ? 0 : row[j];
            }
        }
    }
}
#endif

#undef EACH
#undef LANES

#endif
