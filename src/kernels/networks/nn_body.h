/* nn_body.h: the fused neural-network loops for one dtype; included by isa_nn.c with T, KIND and
 * F(name) set.
 *
 * Rows are walked in blocks of PT_LANES elements, the last one padded with a neutral value. Element
 * j of a row goes to lane j % PT_LANES of a sum, and lanes are added in a fixed order: the result
 * depends neither on a row's position nor on the width of the machine's vectors.
 *
 * Infinities and NaN: -inf among other numbers has probability 0; a single +inf has 1 and the
 * others 0, the limit. A row with several +inf, with NaN, or of -inf only has no limit and becomes
 * NaN, as exp(x - max) / sum(exp(x - max)) does in NumPy.
 */
static void F_PASTE(F(scaled_cast), f32)(size_t n, const void *x, double scale, void *out) {
    const T *restrict from = x;
    float *restrict to = out;
    const float factor = (float)scale;

#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        to[i] = factor * (float)from[i];
    }
}

static void F_PASTE(F(scaled_cast), f64)(size_t n, const void *x, double scale, void *out) {
    const T *restrict from = x;
    double *restrict to = out;

#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        to[i] = scale * (double)from[i];
    }
}

#if KIND == 'f'

/* ---------------------------------------------------------------------------- lanes */

/* A block that is entirely in a row is used in place; only the last, incomplete one goes through a
 * padded copy. (Copying every block takes up to five times as long: the compiler copies in halves,
 * and the processor cannot forward two narrow stores to one wide load.) */

/* block (PT_LANES,) = x (n,), then padding. */
static inline void F(pad)(T *block, const T *x, size_t n, T padding) {
#pragma omp simd
    for (size_t l = 0; l < PT_LANES; l++) {
        block[l] = l < n ? x[l] : padding;
    }
}

/* x (n,) = the first of block (PT_LANES,). */
static inline void F(unpad)(T *x, const T *block, size_t n) {
#pragma omp simd
    for (size_t l = 0; l < PT_LANES; l++) {
        if (l < n) {
            x[l] = block[l];
        }
    }
}

/* Adds up lanes (PT_LANES,), which it overwrites. */
static inline T F(sum_lanes)(T *lanes) {
    for (size_t width = PT_LANES / 2; width > 0; width /= 2) {
        for (size_t l = 0; l < width; l++) {
            lanes[l] += lanes[l + width];
        }
    }
    return lanes[0];
}

/* ------------------------------------------------------------------------- softmax */

static inline void F(max_block)(T *lanes, const T *x) {
#pragma omp simd
    for (size_t l = 0; l < PT_LANES; l++) {
        lanes[l] = x[l] > lanes[l] ? x[l] : lanes[l]; /* ignores NaN, which exp will return */
    }
}

static inline T F(max_of_row)(size_t n, const T *x) {
    T lanes[PT_LANES], padded[PT_LANES];
    size_t j = 0;

    for (size_t l = 0; l < PT_LANES; l++) {
        lanes[l] = F(lowest);
    }
    for (; j + PT_LANES <= n; j += PT_LANES) {
        F(max_block)(lanes, x + j);
    }
    if (j < n) {
        F(pad)(padded, x + j, n - j, F(lowest));
        F(max_block)(lanes, padded);
    }
    for (size_t width = PT_LANES / 2; width > 0; width /= 2) {
        for (size_t l = 0; l < width; l++) {
            lanes[l] = lanes[l + width] > lanes[l] ? lanes[l + width] : lanes[l];
        }
    }
    return lanes[0];
}

/* out (PT_LANES,) = exp(x - max); sums (PT_LANES,) += out. */
static inline void F(exp_block)(T *sums, const T *x, T max, T *out) {
#pragma omp simd
    for (size_t l = 0; l < PT_LANES; l++) {
        T e = F(exp)(x[l] - max);

        out[l] = e;
        sums[l] += e;
    }
}

/* The sum of exp(x - max) over a row; stores the terms in out unless it is NULL. */
static inline T F(sum_exp_of_row)(size_t n, const T *x, T max, T *out) {
    T sums[PT_LANES] = {0}, padded[PT_LANES], dropped[PT_LANES];
    size_t j = 0;

    for (; j + PT_LANES <= n; j += PT_LANES) {
        F(exp_block)(sums, x + j, max, out ? out + j : dropped);
    }
    if (j < n) {
        T rest[PT_LANES] = {0};

        /* Padded with max. With -inf, which needs no mask, a row of 10 takes 49 ns instead of 20,
         * because the processor is slow for results too small for a normal number. */
        F(pad)(padded, x + j, n - j, max);
        F(exp_block)(rest, padded, max, padded);
#pragma omp simd
        for (size_t l = 0; l < PT_LANES; l++) {
            sums[l] += l < n - j ? rest[l] : 0;
        }
        if (out) {
            F(unpad)(out + j, padded, n - j);
        }
    }
    return F(sum_lanes)(sums);
}

/* The position of the only +inf of a row, or n if there are several or a NaN. */
static size_t F(infinity_of_row)(size_t n, const T *x) {
    size_t found = n;

    for (size_t j = 0; j < n; j++) {
        if (x[j] != x[j] || (x[j] == (T)INFINITY && found < n)) {
            return n;
        }
        if (x[j] == (T)INFINITY) {
            found = j;
        }
    }
    return found;
}

/* The softmax of a row whose largest element is +inf, or its logarithm: hit for that one, miss for
 * the others. */
static void F(infinite_row)(size_t n, const T *x, T hit, T miss, T *out) {
    const size_t at = F(infinity_of_row)(n, x);

    for (size_t j = 0; j < n; j++) {
        out[j] = at == n ? (T)NAN : j == at ? hit : miss;
    }
}

/* Rows of at most PT_LANES columns are taken PT_LANES at a time, row r in lane r, which leaves no
 * lane without work: a row of 4 takes 9 ns instead of 28. Column j of row r is in [j][r]. */
typedef T F(columns)[PT_LANES][PT_LANES];

/* columns = x (n_rows, n), n_rows <= PT_LANES; the other rows are 0. */
static inline void F(turn)(size_t n_rows, size_t n, const T *x, F(columns) columns) {
    T padded[PT_LANES * PT_LANES];

    if (n_rows < PT_LANES) {
        memset(padded, 0, sizeof padded);
        memcpy(padded, x, n_rows * n * sizeof(T));
        x = padded;
    }
    for (size_t j = 0; j < n; j++) {
        for (size_t r = 0; r < PT_LANES; r++) {
            columns[j][r] = x[r * n + j];
        }
    }
}

/* x (n_rows, n) = columns. */
static inline void F(turn_back)(size_t n_rows, size_t n, F(columns) columns, T *x) {
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t j = 0; j < n; j++) {
            x[r * n + j] = columns[j][r];
        }
    }
}

/* sums (PT_LANES,) of n columns, which it overwrites, in the order of sum_lanes. */
static inline void F(sum_columns)(size_t n, F(columns) columns, T *sums) {
    for (size_t width = PT_LANES / 2; width > 0; width /= 2) {
        for (size_t j = 0; j < width && j + width < n; j++) {
#pragma omp simd
            for (size_t r = 0; r < PT_LANES; r++) {
                columns[j][r] += columns[j + width][r];
            }
        }
        n = n < width ? n : width;
    }
    memcpy(sums, columns[0], sizeof columns[0]);
}

/* The largest of each row, ignoring NaN. Returns whether one is +inf. */
static inline bool F(max_of_rows)(size_t n, F(columns) columns, T *maxima) {
    bool is_infinite = false;

    for (size_t r = 0; r < PT_LANES; r++) {
        maxima[r] = F(lowest);
    }
    for (size_t j = 0; j < n; j++) {
        F(max_block)(maxima, columns[j]);
    }
    for (size_t r = 0; r < PT_LANES; r++) {
        is_infinite |= maxima[r] == (T)INFINITY;
    }
    return is_infinite;
}

/* terms = exp(columns - maxima), and their sums over each row. */
static inline void F(sum_exp_of_rows)(size_t n, F(columns) columns, const T *maxima,
                                      F(columns) terms, T *sums) {
    F(columns) added;

    for (size_t j = 0; j < n; j++) {
#pragma omp simd
        for (size_t r = 0; r < PT_LANES; r++) {
            const T e = F(exp)(columns[j][r] - maxima[r]);

            terms[j][r] = e;
            added[j][r] = e;
        }
    }
    F(sum_columns)(n, added, sums);
}

/* softmax of rows (n_rows, n), n_rows and n <= PT_LANES. Returns false, with nothing written, if
 * one has an infinity. */
static bool F(narrow_softmax)(size_t n_rows, size_t n, const T *x, T *out) {
    F(columns) columns, terms;
    T maxima[PT_LANES], sums[PT_LANES];

    F(turn)(n_rows, n, x, columns);
    if (F(max_of_rows)(n, columns, maxima)) {
        return false;
    }
    F(sum_exp_of_rows)(n, columns, maxima, terms, sums);
    for (size_t r = 0; r < PT_LANES; r++) {
        sums[r] = 1 / sums[r];
    }
    for (size_t j = 0; j < n; j++) {
#pragma omp simd
        for (size_t r = 0; r < PT_LANES; r++) {
            terms[j][r] *= sums[r];
        }
    }
    F(turn_back)(n_rows, n, terms, out);
    return true;
}

static void F(softmax)(size_t rows, size_t columns, const void *x, void *out) {
    size_t narrow = 0; /* rows done */

    while (columns <= PT_LANES && narrow < rows) {
        const size_t at = narrow * columns, rest = rows - narrow;
        const size_t n_rows = rest < PT_LANES ? rest : PT_LANES;

        if (!F(narrow_softmax)(n_rows, columns, (const T *)x + at, (T *)out + at)) {
            break;
        }
        narrow += n_rows;
    }
    for (size_t i = narrow; i < rows; i++) {
        T *row = (T *)out + i * columns;
        const T *from = (const T *)x + i * columns;
        const T max = F(max_of_row)(columns, from);

        if (max == (T)INFINITY) {
            F(infinite_row)(columns, from, 1, 0, row);
            continue;
        }

        const T sum = F(sum_exp_of_row)(columns, from, max, row);
        const T factor = 1 / sum; /* sum >= 1: the largest element gives 1 */

#pragma omp simd
        for (size_t j = 0; j < columns; j++) {
            row[j] *= factor;
        }
    }
}

/* d = p * (d - sum of p * d) * scale, row by row. */
static void F(softmax_gradient)(size_t rows, size_t columns, const void *p, double scale, void *d) {
    const T factor = (T)scale;

    for (size_t i = 0; i < rows; i++) {
        const T *restrict weights = (const T *)p + i * columns;
        T *restrict row = (T *)d + i * columns, sums[PT_LANES] = {0};
        size_t j = 0;

        for (; j + PT_LANES <= columns; j += PT_LANES) {
#pragma omp simd
            for (size_t l = 0; l < PT_LANES; l++) {
                sums[l] += weights[j + l] * row[j + l];
            }
        }
        for (size_t l = 0; j + l < columns; l++) {
            sums[l] += weights[j + l] * row[j + l];
        }
        const T mean = F(sum_lanes)(sums);
#pragma omp simd
        for (size_t c = 0; c < columns; c++) {
            row[c] = weights[c] * (row[c] - mean) * factor;
        }
    }
}

static void F(hide)(size_t n, const uint8_t *mask, ptrdiff_t step, double value, void *x) {
    T *restrict to = x;

    if (step == 1) {
#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            to[i] = mask[i] ? to[i] : (T)value;
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        to[i] = mask[(ptrdiff_t)i * step] ? to[i] : (T)value;
    }
}

/* Takes rows in groups, so that their logarithms are computed together. */
static void F(log_softmax)(size_t rows, size_t columns, const void *x, void *out) {
    for (size_t start = 0; start < rows; start += PT_LANES) {
        const size_t n_rows = rows - start < PT_LANES ? rows - start : PT_LANES;
        T maxima[PT_LANES], sums[PT_LANES];

        for (size_t r = 0; r < PT_LANES; r++) {
            maxima[r] = 0;
            sums[r] = 1;
        }
        for (size_t r = 0; r < n_rows; r++) {
            const T *from = (const T *)x + (start + r) * columns;

            maxima[r] = F(max_of_row)(columns, from);
            sums[r] = F(sum_exp_of_row)(columns, from, maxima[r], NULL);
        }
#pragma omp simd
        for (size_t r = 0; r < PT_LANES; r++) {
            sums[r] = F(log)(sums[r]);
        }
        for (size_t r = 0; r < n_rows; r++) {
            const T *from = (const T *)x + (start + r) * columns;
            T *row = (T *)out + (start + r) * columns;
            const T max = maxima[r], log_sum = sums[r];

            if (max == (T)INFINITY) {
                F(infinite_row)(columns, from, 0, -(T)INFINITY, row);
                continue;
            }
#pragma omp simd
            for (size_t j = 0; j < columns; j++) {
                row[j] = (from[j] - max) - log_sum;
            }
        }
    }
}

/* ------------------------------------------------------------------- cross-entropy */

/* target_sums += t and dots += t * (x - max), where 0 * -inf is 0; both (PT_LANES,). */
static inline void F(target_block)(T *target_sums, T *dots, const T *x, const T *t, T max) {
#pragma omp simd
    for (size_t l = 0; l < PT_LANES; l++) {
        T dot = t[l] * (x[l] - max);

        target_sums[l] += t[l];
        dots[l] += t[l] == 0 ? 0 : dot;
    }
}

/* The sum of t over a row; *dot: that of t * (x - max). */
static inline T F(target_of_row)(size_t n, const T *x, const T *t, T max, T *dot) {
    T target_sums[PT_LANES] = {0}, dots[PT_LANES] = {0};
    T padded_x[PT_LANES], padded_t[PT_LANES];
    size_t j = 0;

    for (; j + PT_LANES <= n; j += PT_LANES) {
        F(target_block)(target_sums, dots, x + j, t + j, max);
    }
    if (j < n) {
        F(pad)(padded_x, x + j, n - j, 0);
        F(pad)(padded_t, t + j, n - j, 0);
        F(target_block)(target_sums, dots, padded_x, padded_t, max);
    }
    *dot = F(sum_lanes)(dots);
    return F(sum_lanes)(target_sums);
}

/* The loss of a row whose largest element is +inf: any target on the others costs inf. */
static T F(infinite_loss)(size_t n, const T *x, const T *t, int64_t label) {
    const size_t at = F(infinity_of_row)(n, x);
    T loss = 0;

    if (at == n) {
        return (T)NAN;
    }
    if (!t) {
        return (size_t)label == at ? 0 : (T)INFINITY;
    }
    for (size_t j = 0; j < n; j++) {
        if (j != at && t[j] != 0) {
            loss += t[j] * (T)INFINITY;
        }
    }
    return loss;
}

/* What cross_entropy needs of rows (n_rows, n), n_rows and n <= PT_LANES; false as in
 * narrow_softmax. */
static bool F(narrow_terms)(size_t n_rows, size_t n, const T *x, const T *t, const int64_t *labels,
                            T *sums, T *target_sums, T *dots) {
    F(columns) columns, terms, targets;
    T maxima[PT_LANES];

    F(turn)(n_rows, n, x, columns);
    if (F(max_of_rows)(n, columns, maxima)) {
        return false;
    }
    F(sum_exp_of_rows)(n, columns, maxima, terms, sums);
    if (!t) {
        for (size_t r = 0; r < n_rows; r++) {
            dots[r] = x[r * n + (size_t)labels[r]] - maxima[r];
        }
        return true;
    }
    F(turn)(n_rows, n, t, targets);
    for (size_t j = 0; j < n; j++) {
#pragma omp simd
        for (size_t r = 0; r < PT_LANES; r++) {
            const T dot = targets[j][r] * (columns[j][r] - maxima[r]);

            terms[j][r] = targets[j][r] == 0 ? 0 : dot;
            targets[j][r] += 0; /* as in a sum that starts from 0 */
        }
    }
    F(sum_columns)(n, terms, dots);
    F(sum_columns)(n, targets, target_sums);
    return true;
}

/* With s = sum_j exp(x_j - max):  loss = sum_j(t_j) * log(s) - sum_j t_j * (x_j - max). */
static void F(cross_entropy)(size_t rows, size_t columns, const void *x, const void *t,
                             const int64_t *labels, void *loss) {
    for (size_t start = 0; start < rows; start += PT_LANES) {
        const size_t n_rows = rows - start < PT_LANES ? rows - start : PT_LANES;
        T sums[PT_LANES], target_sums[PT_LANES], dots[PT_LANES];
        T *losses = (T *)loss + start;

        for (size_t r = 0; r < PT_LANES; r++) {
            sums[r] = target_sums[r] = 1;
            dots[r] = 0;
        }
        const bool is_done = columns <= PT_LANES &&
                             F(narrow_terms)(n_rows, columns, (const T *)x + start * columns,
                                             t ? (const T *)t + start * columns : NULL,
                                             t ? NULL : labels + start, sums, target_sums, dots);
        for (size_t r = 0; !is_done && r < n_rows; r++) {
            const size_t row = start + r;
            const T *from = (const T *)x + row * columns;
            const T max = F(max_of_row)(columns, from);

            if (max == (T)INFINITY) {
                dots[r] = -F(infinite_loss)(columns, from, t ? (const T *)t + row * columns : NULL,
                                            t ? 0 : labels[row]);
                continue;
            }
            if (t) {
                target_sums[r] =
                    F(target_of_row)(columns, from, (const T *)t + row * columns, max, &dots[r]);
            } else {
                dots[r] = from[labels[row]] - max;
            }
            sums[r] = F(sum_exp_of_row)(columns, from, max, NULL);
        }
#pragma omp simd
        for (size_t r = 0; r < PT_LANES; r++) {
            sums[r] = target_sums[r] * F(log)(sums[r]) - dots[r];
        }
        for (size_t r = 0; r < n_rows; r++) {
            losses[r] = sums[r];
        }
    }
}

/* dx = g * (softmax(x) * target_sums - t), or with labels g * (softmax(x) - 1 at the label). */
static void F(cross_entropy_gradient)(size_t rows, size_t columns, const void *x, const void *t,
                                      const void *target_sums, const int64_t *labels, const void *g,
                                      void *dx) {
    for (size_t start = 0; start < rows; start += PT_LANES) {
        const size_t end = rows - start < PT_LANES ? rows : start + PT_LANES;

        F(softmax)(end - start, columns, (const T *)x + start * columns, (T *)dx + start * columns);
        for (size_t i = start; i < end; i++) {
            T *restrict p = (T *)dx + i * columns;
            const T scale = ((const T *)g)[i];

            if (!t) {
                p[labels[i]] -= 1;
#pragma omp simd
                for (size_t j = 0; j < columns; j++) {
                    p[j] *= scale;
                }
                continue;
            }
            const T *restrict targets = (const T *)t + i * columns;
            const T sum = ((const T *)target_sums)[i];
#pragma omp simd
            for (size_t j = 0; j < columns; j++) {
                p[j] = scale * (p[j] * sum - targets[j]);
            }
        }
    }
}

/* ------------------------------------------------------------------------ add rows */

static void F(add)(size_t n, const void *x, void *out) {
    const T *restrict xs = x;
    T *restrict sums = out;

#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        sums[i] += xs[i];
    }
}

/* ---------------------------------------------------------------------- optimizers */

#include "rules_update.h"

/* What comes before any rule: w *= keep, and out = scale * dw, limited to [-limit, limit]. All
 * arrays (n,). */
static void F(prepare)(size_t n, void *weights, double keep, const void *gradient, double scale,
                       double limit, void *prepared) {
    const T factor = (T)scale, high = (T)limit, kept = (T)keep;
    T *restrict const ws = weights;
    T *restrict const out = prepared;
    const T *restrict const dws = gradient;

#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        out[i] = F(clip)(factor * dws[i], -high, high);
        ws[i] *= kept;
    }
}

#endif
