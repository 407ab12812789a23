/* reduce_loop.h: the loops of one reduction for one dtype; see reduce.h.
 *
 * Included by rows_reduce.h with OP and
 *     EXPRESSION   the new acc, from acc and x; or, for ops that choose one of the elements,
 *     BETTER       whether x replaces acc (a NaN always does)
 *     IDENTITY     the result of no elements; or, if the result is a position,
 *     IS_SEARCH
 *     IS_CUMULATED if the results of the first elements are wanted too
 */
#define LANES PT_REDUCE_LANES(sizeof(T))
#define BLOCK PT_REDUCE_BLOCK(sizeof(T))
#define NAME(function) F_PASTE(OP, F(function))
#define row_number F(row_number)

#if KIND == 'f'
#define IS_NAN(x) ((x) != (x))
#else
#define IS_NAN(x) ((void)(x), 0)
#endif

#if defined(BETTER)
static inline bool NAME(is_better)(T acc, T x) { return BETTER; }
static inline T NAME(choose)(T acc, T x) { return BETTER ? x : acc; }
#endif

#if defined(BETTER) && KIND == 'f'
#define CHOOSES_FLOATS 1
#else
#define CHOOSES_FLOATS 0
#endif

static inline T NAME(combine)(T acc, T x) {
#if defined(EXPRESSION)
    return (T)EXPRESSION;
#else
    return IS_NAN(x) ? x : NAME(choose)(acc, x); /* nothing is better than a NaN in acc */
#endif
}

/* acc[i] = acc[i] combined with x[i]. */
static inline void NAME(accumulate)(T *restrict acc, const T *restrict x, size_t n) {
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        acc[i] = NAME(combine)(acc[i], x[i]);
}

/* ------------------------------------------------------------------ contiguous elements */

/* n <= LANES elements. */
static inline T NAME(sequence)(const T *x, size_t n) {
    T acc = x[0];
#if CHOOSES_FLOATS
    T sum = x[0]; /* see block */
    for (size_t i = 1; i < n; i++) {
        sum += x[i];
        acc = NAME(choose)(acc, x[i]);
    }
    if (!IS_NAN(sum))
        return acc;
    acc = x[0];
#endif
    for (size_t i = 1; i < n; i++)
        acc = NAME(combine)(acc, x[i]);
    return acc;
}

/* Reduces n > LANES elements as one block. Not inlined: in longer functions the compiler does not
 * always keep the lanes in registers. */
static __attribute__((noinline)) T NAME(exact_block)(const T *x, size_t n) {
    T acc[LANES];
    memcpy(acc, x, sizeof acc);
    size_t i = LANES;
    for (; i + LANES <= n; i += LANES)
        NAME(accumulate)(acc, x + i, LANES);
#pragma GCC unroll 6
    for (size_t half = LANES / 2; half > 0; half /= 2) {
        NAME(accumulate)(acc, acc + half, half);
        if (n & half) {
            NAME(accumulate)(acc, x + i, half);
            i += half;
        }
    }
    return acc[0];
}

#if defined(BETTER)

/* acc[i] = acc[i] or x[i], whichever is better, neither being NaN; sum[i] += x[i]. */
static inline void NAME(choose_and_add)(T *restrict acc, T *restrict sum, const T *restrict x,
                                        size_t n) {
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        sum[i] += x[i];
        acc[i] = NAME(choose)(acc[i], x[i]);
    }
}

#endif

#if CHOOSES_FLOATS

/* The same with fewer operations if no element is NaN, which the sum of all elements shows: if it
 * is NaN (also because infinities cancelled), the block is computed again. */
static __attribute__((noinline)) T NAME(block)(const T *x, size_t n) {
    T acc[LANES], sum[LANES];
    memcpy(acc, x, sizeof acc);
    memcpy(sum, x, sizeof sum);
    size_t i = LANES;
    for (; i + LANES <= n; i += LANES)
        NAME(choose_and_add)(acc, sum, x + i, LANES);
#pragma GCC unroll 6
    for (size_t half = LANES / 2; half > 0; half /= 2) {
        for (size_t l = 0; l < half; l++) {
            sum[l] += sum[l + half];
            acc[l] = NAME(choose)(acc[l], acc[l + half]);
        }
        if (n & half) {
            NAME(choose_and_add)(acc, sum, x + i, half);
            i += half;
        }
    }
    return IS_NAN(sum[0]) ? NAME(exact_block)(x, n) : acc[0];
}

#else

static inline T NAME(block)(const T *x, size_t n) { return NAME(exact_block)(x, n); }

#endif

/* --------------------------------------------------------------- rows side by side */

#if !defined(IS_SEARCH)

/* accumulate, not inlined, since its code for any n is long. */
static __attribute__((noinline)) void NAME(accumulate_row)(T *acc, const T *x, size_t n) {
    NAME(accumulate)(acc, x, n);
}

/* Combines n rows of columns elements in order. out may be the first row of x. */
static __attribute__((noinline)) void NAME(sequence_rows)(const T *x, ptrdiff_t stride, size_t n,
                                                          size_t columns, T *out) {
    size_t r = 1;
    memmove(out, x, columns * sizeof(T));
    for (; r + 4 <= n; r += 4) { /* four at a time, so out is loaded and stored once for them */
        const T *a = x + (ptrdiff_t)r * stride, *b = a + stride, *c = b + stride, *d = c + stride;
#pragma omp simd
        for (size_t i = 0; i < columns; i++) {
            T acc = NAME(combine)(NAME(combine)(out[i], a[i]), b[i]);
            out[i] = NAME(combine)(NAME(combine)(acc, c[i]), d[i]);
        }
    }
    for (; r < n; r++)
        NAME(accumulate_row)(out, x + (ptrdiff_t)r * stride, columns);
}

#if KIND == 'f'
/* Combines every count-th lane from l on, of n > LANES rows. Lanes are visited in the order in
 * which they are combined, so that only log2(LANES) rows of results are live, in the L1 cache. */
static void NAME(combine_lanes)(const T *x, ptrdiff_t stride, size_t n, size_t columns,
                                size_t count, size_t l, T *out) {
    if (count == LANES) {
        NAME(sequence_rows)
        (x + (ptrdiff_t)l * stride, (ptrdiff_t)LANES * stride, n / LANES, columns, out);
        return;
    }
    _Alignas(64) T upper[PT_REDUCE_COLUMNS(sizeof(T))];
    NAME(combine_lanes)(x, stride, n, columns, 2 * count, l, out);
    NAME(combine_lanes)(x, stride, n, columns, 2 * count, l + count, upper);
    NAME(accumulate_row)(out, upper, columns);
    if (n & count) {
        size_t i = (n & ~(2 * count - 1)) + l;
        NAME(accumulate_row)(out, x + (ptrdiff_t)i * stride, columns);
    }
}
#endif

static __attribute__((noinline)) void NAME(rows)(const pt_rows *rows, size_t n, size_t columns,
                                                 void *out, void *values) {
    bool flat = rows->fetch != NULL || rows->stride == (ptrdiff_t)columns;
    (void)values;
    if (n <= LANES) {
        const T *x = rows_at(rows, 0, n, sizeof(T));
        NAME(sequence_rows)(x, flat ? (ptrdiff_t)columns : rows->stride, n, columns, out);
        return;
    }
    if (!flat || columns > PT_REDUCE_FLAT_COLUMNS) {
#if KIND == 'f'
        NAME(combine_lanes)(rows->data, rows->stride, n, columns, 1, 0, out);
#else
        NAME(sequence_rows)
        (rows->data, rows->stride, n, columns, out); /* the order does not matter */
#endif
        return;
    }
    /* Rows without gaps: LANES of them are one long row, however few the columns. */
    _Alignas(64) T acc[LANES * PT_REDUCE_FLAT_COLUMNS]; /* (LANES, columns) */
    size_t i = n & ~(LANES - 1);
    if (rows->fetch == NULL) {
        NAME(sequence_rows)
        (rows->data, (ptrdiff_t)(LANES * columns), n / LANES, LANES * columns, acc);
    } else {
        memcpy(acc, rows_at(rows, 0, LANES, sizeof(T)), LANES * columns * sizeof(T));
        for (size_t r = LANES; r < i; r += LANES) {
            NAME(accumulate_row)(acc, rows_at(rows, r, LANES, sizeof(T)), LANES * columns);
        }
    }
    for (size_t half = LANES / 2; half > 0; half /= 2) {
        NAME(accumulate_row)(acc, acc + half * columns, half * columns);
        if (n & half) {
            NAME(accumulate_row)(acc, rows_at(rows, i, half, sizeof(T)), half * columns);
            i += half;
        }
    }
    memcpy(out, acc, columns * sizeof(T));
}

#else

static void NAME(rows)(const pt_rows *rows, size_t n, size_t columns, void *out, void *values);

/* Whether x replaces acc, which comes before it. */
static inline bool NAME(replaces)(T acc, T x) { return (BETTER) | (IS_NAN(x) & !IS_NAN(acc)); }

/* For contiguous rows with too few columns for vectors: takes as many rows as fit as one long row,
 * searches its columns, then chooses the best for each column among them. */
static inline void NAME(narrow_rows)(const T *x, size_t n, size_t columns, int64_t *result,
                                     T *best) {
    T found[PT_REDUCE_FLAT_COLUMNS]; /* (together, columns) */
    int64_t at[PT_REDUCE_FLAT_COLUMNS];
    size_t together = PT_REDUCE_FLAT_COLUMNS / columns, length = together * columns;
    pt_rows rows = {.data = x, .stride = (ptrdiff_t)length};
    NAME(rows)(&rows, n / together, length, at, found);
    for (size_t k = 0; k < length; k++) {
        size_t c = k % columns;
        int64_t i = at[k] * (int64_t)together + (int64_t)(k / columns);
        bool ties = k >= columns && i < result[c] && !NAME(replaces)(found[k], best[c]);
        if (k >= columns && !ties && !NAME(replaces)(best[c], found[k]))
            continue;
        best[c] = found[k];
        result[c] = i;
    }
    for (size_t i = n / together * together; i < n; i++) {
        for (size_t c = 0; c < columns; c++) {
            if (!NAME(replaces)(best[c], x[i * columns + c]))
                continue;
            best[c] = x[i * columns + c];
            result[c] = (int64_t)i;
        }
    }
}

static __attribute__((noinline)) void NAME(rows)(const pt_rows *rows, size_t n, size_t columns,
                                                 void *out, void *values) {
    int64_t *result = out;
    ptrdiff_t stride = rows->fetch != NULL ? (ptrdiff_t)columns : rows->stride;
    _Alignas(64) T best[PT_REDUCE_COLUMNS(sizeof(T))];
    _Alignas(64) row_number at[PT_REDUCE_COLUMNS(sizeof(T))]; /* in the group, from 1; or 0 */
    if (rows->fetch == NULL && stride == (ptrdiff_t)columns &&
        columns <= PT_REDUCE_FLAT_COLUMNS / 4 && n >= PT_REDUCE_FLAT_COLUMNS) {
        NAME(narrow_rows)(rows->data, n, columns, result, best);
        n = 0;
    }
    for (size_t i = 0, count; i < n; i += count) {
        count = n - i < LANES ? n - i : LANES;
        const T *x = rows_at(rows, i, count, sizeof(T));
        if (i == 0) {
            memcpy(best, x, columns * sizeof(T));
            memset(result, 0, columns * sizeof *result);
        }
        memset(at, 0, columns * sizeof *at);
        for (size_t r = 0; r < count; r++, x += stride) {
            row_number number = (row_number)(r + 1);
#pragma omp simd
            for (size_t c = 0; c < columns; c++) {
                bool replaces = NAME(replaces)(best[c], x[c]);
                best[c] = replaces ? x[c] : best[c];
                at[c] = replaces ? number : at[c];
            }
        }
        for (size_t c = 0; c < columns; c++) {
            if (at[c] != 0)
                result[c] = (int64_t)(i + at[c] - 1);
        }
    }
    if (values != NULL)
        memcpy(values, best, columns * sizeof(T));
}

#endif

/* ------------------------------------------------------------------------ cumulative */

#if defined(IS_CUMULATED)

/* out[i] = elements 0..i of x combined, one after the other, for up to 4 lines side by side: alone,
 * each would wait for its last element. */
static inline void NAME(lines)(const T *x, size_t lines, size_t n, ptrdiff_t line, ptrdiff_t step,
                               T *out, ptrdiff_t out_line) {
    T acc[4];
    for (size_t l = 0; l < lines; l++)
        out[(ptrdiff_t)l * out_line] = acc[l] = x[(ptrdiff_t)l * line];
    for (size_t i = 1; i < n; i++) {
        x += step;
        out += step;
        for (size_t l = 0; l < lines; l++) {
            acc[l] = NAME(combine)(acc[l], x[(ptrdiff_t)l * line]);
            out[(ptrdiff_t)l * out_line] = acc[l];
        }
    }
}

static void NAME(scan)(const void *in, size_t columns, size_t n, ptrdiff_t line, ptrdiff_t step,
                       void *result, ptrdiff_t out_line) {
    const T *x = in;
    T *out = result;
    if (columns == 4 && step == 1) {
        NAME(lines)(x, 4, n, line, 1, out, out_line);
    } else if (columns == 1 && step == 1) {
        NAME(lines)(x, 1, n, line, 1, out, out_line);
    } else if (columns <= 4) {
        NAME(lines)(x, columns, n, line, step, out, out_line);
    } else {
        memmove(out, x, columns * sizeof(T));
        for (size_t i = 1; i < n; i++, out += step) {
            const T *row = x + (ptrdiff_t)i * step;
#pragma omp simd
            for (size_t c = 0; c < columns; c++)
                out[step + (ptrdiff_t)c] = NAME(combine)(out[c], row[c]);
        }
    }
}

#endif

/* ------------------------------------------------------------------------- many runs */

#if !defined(IS_SEARCH)

/* Reduces n > LANES elements. Integers and booleans may be combined in any order, so they are one
 * block. So are floating-point numbers of which one is chosen, unless the result is zero, whose
 * sign the first block with a zero decides. */
static inline T NAME(blocks)(const T *x, size_t n) {
    T acc = NAME(block)(x, n);
#if CHOOSES_FLOATS
    if (n > BLOCK && acc == 0) {
        for (;; x += BLOCK, n -= BLOCK) {
            size_t count = n < BLOCK ? n : BLOCK;
            acc = count > LANES ? NAME(block)(x, count) : NAME(sequence)(x, count);
            if (acc == 0)
                break;
        }
    }
#endif
    return acc;
}

static void NAME(run)(const void *in, ptrdiff_t stride, size_t n_outputs, size_t n, void *out,
                      void *values) {
    const T *x = in;
    T *result = out;
    (void)values;
    if (n == 0) {
        for (size_t o = 0; o < n_outputs; o++)
            result[o] = (T)IDENTITY;
    } else if (n <= LANES) {
        for (size_t o = 0; o < n_outputs; o++, x += stride)
            result[o] = NAME(sequence)(x, n);
    } else {
        for (size_t o = 0; o < n_outputs; o++, x += stride)
            result[o] = NAME(blocks)(x, n);
    }
}

#else

/* Searches n elements of any value, one by one. */
static size_t NAME(exact_search)(const T *x, size_t n) {
    size_t at = 0;
    for (size_t i = 1; i < n; i++) {
        if (NAME(replaces)(x[at], x[i]))
            at = i;
    }
    return at;
}

/* LANES < n <= BLOCK: each lane keeps the number of the group of LANES elements with its best. */
static __attribute__((noinline)) size_t NAME(search_block)(const T *x, size_t n) {
    T acc[LANES], sum[LANES], before[LANES]; /* sum: see block */
    row_number at[LANES];
    size_t i = LANES;
    memcpy(acc, x, sizeof acc);
    memcpy(sum, x, sizeof sum);
    memset(at, 0, sizeof at);
    for (; i + LANES <= n; i += LANES) {
        row_number group = (row_number)(i / LANES);
        memcpy(before, acc, sizeof acc);
        NAME(choose_and_add)(acc, sum, x + i, LANES);
#pragma omp simd
        for (size_t l = 0; l < LANES; l++)
            at[l] = acc[l] == before[l] ? at[l] : group;
    }
    memcpy(before, acc, sizeof acc);
#pragma GCC unroll 6
    for (size_t half = LANES / 2; half > 0; half /= 2) {
        for (size_t l = 0; l < half; l++) {
            sum[l] += sum[l + half];
            acc[l] = NAME(choose)(acc[l], acc[l + half]);
        }
    }
    uint32_t first = UINT32_MAX;
#pragma omp simd reduction(min : first)
    for (size_t l = 0; l < LANES; l++) {
        uint32_t here = before[l] == acc[0] ? (uint32_t)(at[l] * LANES + l) : UINT32_MAX;
        first = here < first ? here : first;
    }
    for (; i < n; i++) {
        sum[0] += x[i];
        if (NAME(is_better)(acc[0], x[i])) {
            acc[0] = x[i];
            first = (uint32_t)i;
        }
    }
    return IS_NAN(sum[0]) ? NAME(exact_search)(x, n) : first;
}

/* The same for n <= LANES, without a branch that could be mispredicted. */
static inline size_t NAME(search_few)(const T *x, size_t n) {
    size_t at = 0;
    T acc = x[0];
    T sum = x[0]; /* see block */
    for (size_t i = 1; i < n; i++) {
        at ^= (at ^ i) & -(size_t)NAME(is_better)(acc, x[i]);
        acc = NAME(choose)(acc, x[i]);
        sum += x[i];
    }
    return IS_NAN(sum) ? NAME(exact_search)(x, n) : at;
}

/* Finds the part with the best element, then its position there. */
static size_t NAME(search)(const T *x, size_t n) {
    enum { PART = 4 * BLOCK };
    if (n <= BLOCK)
        return n > LANES ? NAME(search_block)(x, n) : NAME(search_few)(x, n);
    size_t at = 0;
    T acc = x[0];
    for (size_t i = 0; i < n && !IS_NAN(acc); i += PART) {
        size_t count = n - i < PART ? n - i : PART;
        T best = count > LANES ? NAME(block)(x + i, count) : NAME(sequence)(x + i, count);
        if (NAME(replaces)(acc, best)) {
            acc = best;
            at = i;
        }
    }
    for (;; at += BLOCK) {
        size_t i = at + NAME(search)(x + at, n - at < BLOCK ? n - at : BLOCK);
        if (x[i] == acc || IS_NAN(x[i]))
            return i;
    }
}

static void NAME(run)(const void *in, ptrdiff_t stride, size_t n_outputs, size_t n, void *out,
                      void *values) {
    const T *x = in;
    int64_t *result = out;
    T *chosen = values;
    for (size_t o = 0; o < n_outputs; o++, x += stride) {
        size_t at = NAME(search)(x, n);
        if (chosen != NULL)
            chosen[o] = x[at];
        result[o] = (int64_t)at;
    }
}

#endif

#undef IS_NAN
#undef CHOOSES_FLOATS
#undef NAME
#undef row_number
#undef LANES
#undef BLOCK
#undef OP
#undef EXPRESSION
#undef BETTER
#undef IDENTITY
#undef IS_SEARCH
#undef IS_CUMULATED
