/* conv_body.h: the loops of conv.c for one floating-point dtype; included by isa_conv.c with T,
 * F(name), TILE_ROWS and VECTOR_BYTES set. */
#if KIND == 'f'

#define LANES (VECTOR_BYTES / sizeof(T))
#define COLUMNS (2 * LANES)
#define A_STRIDE (A_STRIDE_BYTES / sizeof(T))
#define A_MOST (A_BYTES / sizeof(T)) /* of k at once */

/* ---------------------------------------------------------------------------- tiles */

/* Not F(vector): math_vector.h has types of that name, which are aligned. */
typedef T F(simd) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T)), may_alias));

/* sum + a * b, and sum + factor * b. A fused multiply-add of vectors is written by elements, which
 * the compiler joins; without one, elements would stay apart where code is made small. */
static inline F(simd) F(plus_product)(F(simd) sum, F(simd) a, F(simd) b) {
#if PT_HAS_FMA
    for (size_t l = 0; l < LANES; l++) {
        sum[l] = F(multiply_add)(a[l], b[l], sum[l]);
    }
    return sum;
#else
    return a * b + sum;
#endif
}

static inline F(simd) F(plus_scaled)(F(simd) sum, T factor, F(simd) b) {
#if PT_HAS_FMA
    for (size_t l = 0; l < LANES; l++) {
        sum[l] = F(multiply_add)(factor, b[l], sum[l]);
    }
    return sum;
#else
    return factor * b + sum;
#endif
}

/* Where the elements of a run of k begin in A, and in B in units of its rows. */
typedef struct {
    ptrdiff_t a;
    size_t b;
} F(run);

/* tile (rows, COLUMNS) = A B, each element summed in order, in registers. k comes in n_runs runs of
 * `length` steps; element (r, q) of run i is a[runs[i].a + r * a_row + q * a_step], and row q of B
 * there b[(runs[i].b + q) * width]. rows, width and one of A's strides are constants of each call. */
static inline __attribute__((always_inline)) void
F(multiply)(size_t rows, size_t width, size_t n_runs, const F(run) * runs, size_t length,
            const T *restrict a, ptrdiff_t a_row, ptrdiff_t a_step, const T *restrict b,
            T tile[restrict TILE_ROWS][COLUMNS]) {
    const size_t n_vectors = width / LANES;
    F(simd) sums[TILE_ROWS][2];

#pragma GCC unroll 16
    for (size_t r = 0; r < rows; r++) {
#pragma GCC unroll 2
        for (size_t v = 0; v < n_vectors; v++) {
            sums[r][v] = (F(simd)){0};
        }
    }
    for (size_t i = 0; i < n_runs; i++) {
        const T *restrict x = a + runs[i].a, *restrict y = b + runs[i].b * width;

        for (size_t q = 0; q < length; q++, x += a_step, y += width) {
#pragma GCC unroll 16
            for (size_t r = 0; r < rows; r++) {
                const T factor = x[(ptrdiff_t)r * a_row];
#pragma GCC unroll 2
                for (size_t v = 0; v < n_vectors; v++) {
                    const F(simd) column = *(const F(simd) *)(y + v * LANES);
                    sums[r][v] = F(plus_scaled)(sums[r][v], factor, column);
                }
            }
        }
    }
#pragma GCC unroll 16
    for (size_t r = 0; r < rows; r++) {
#pragma GCC unroll 2
        for (size_t v = 0; v < n_vectors; v++) {
            *(F(simd) *)(tile[r] + v * LANES) = sums[r][v];
        }
    }
}

/* to (n,) = from (n,), of mostly a few elements: without a call. */
static inline void F(copy)(size_t n, T *restrict to, const T *restrict from) {
    size_t i = 0;

    for (; i + LANES <= n; i += LANES) {
        *(F(simd) *)(to + i) = *(const F(simd) *)(from + i);
        __asm__ volatile(""); /* or the compiler calls memcpy */
    }
    F(copy_few)(LANES, n - i, to + i, from + i);
}

/* to (n,) = 0. */
static inline void F(clear)(size_t n, T *restrict to) {
    size_t i = 0;

    for (; i + LANES <= n; i += LANES) {
        *(F(simd) *)(to + i) = (F(simd)){0};
    }
    if (i < n) {
        const F(simd) zeros = {0};
        F(copy)(n - i, to + i, (const T *)&zeros);
    }
}

/* to (n,) = elements [start, start + n) of from, a line of `length`; zeros outside of it. */
static inline void F(copy_clipped)(ptrdiff_t start, size_t n, ptrdiff_t length, T *restrict to,
                                   const T *restrict from) {
    const ptrdiff_t end = start + (ptrdiff_t)n;

    if (start >= 0 && end <= length) {
        F(copy)(n, to, from + start);
        return;
    }
    const ptrdiff_t first = start > 0 ? start : 0, last = end < length ? end : length;
    if (first >= last) {
        F(clear)(n, to);
        return;
    }
    F(clear)((size_t)(first - start), to);
    F(copy)((size_t)(last - first), to + (first - start), from + first);
    F(clear)((size_t)(end - last), to + (last - start));
}

static size_t F(width_of)(size_t columns, size_t panel) {
    return columns - panel * COLUMNS <= LANES ? LANES : COLUMNS;
}

/* dst (k, width): a panel of columns of the kernel, zeros beyond the last. */
static void F(pack_b)(const pt_conv_product *p, const pt_conv_phase *phase, size_t group,
                      size_t panel, void *dst) {
    const pt_conv_axis *axes = phase->axes;
    const size_t first = panel * COLUMNS, width = F(width_of)(p->columns, panel);
    const size_t n = p->columns - first < width ? p->columns - first : width;
    const T *w = (const T *)p->w + group * p->w_group + first * p->w_column;
    T *restrict to = dst;

    for (size_t i = 0; i < axes[0].n_taps; i++) {
        for (size_t j = 0; j < axes[1].n_taps; j++) {
            for (size_t l = 0; l < axes[2].n_taps; l++) {
                const size_t tap =
                    (axes[0].taps[i] * p->w_dims[1] + axes[1].taps[j]) * p->w_dims[2] +
                    axes[2].taps[l];
                const T *from = w + tap * p->w_tap;

                for (size_t c = 0; c < p->channels; c++, to += width, from += p->w_channel) {
                    for (size_t column = 0; column < width; column++) {
                        to[column] = column < n ? from[column * p->w_column] : 0;
                    }
                }
            }
        }
    }
}

/* ------------------------------------------------- results from the source and the kernel */

/* A part of a row of A that is contiguous in the source: `length` elements of the line at the row's
 * position plus shifts along the first axes, from `element` past the row's position in it. */
typedef struct {
    ptrdiff_t shifts[2], line, element;
    size_t length;
} F(piece);

/* The pieces of elements [start, end) of each row of A; returns their number. */
static size_t F(pieces_of)(const pt_conv_product *p, const pt_conv_phase *phase, size_t group,
                           size_t start, size_t end, F(piece) * pieces) {
    const pt_conv_axis *axes = phase->axes;
    const size_t all_channels = p->groups * p->channels;
    const size_t length = phase->has_lines ? axes[2].n_taps * p->channels : p->channels;
    size_t n = 0;

    while (start < end) {
        const size_t line = start / length, skipped = start % length;
        const size_t taps = phase->has_lines ? line * axes[2].n_taps : line;
        const size_t at = taps % axes[2].n_taps, before = taps / axes[2].n_taps;
        F(piece) *piece = &pieces[n++];

        piece->shifts[0] = axes[0].shifts[before / axes[1].n_taps];
        piece->shifts[1] = axes[1].shifts[before % axes[1].n_taps];
        piece->line = (piece->shifts[0] * (ptrdiff_t)p->source_dims[1] + piece->shifts[1]) *
                      (ptrdiff_t)(p->source_dims[2] * all_channels);
        piece->element = axes[2].shifts[at] * (ptrdiff_t)all_channels +
                         (ptrdiff_t)(group * p->channels + skipped);
        piece->length = length - skipped < end - start ? length - skipped : end - start;
        start += piece->length;
    }
    return n;
}

/* One row of A, and where its row of the result is. */
typedef struct {
    ptrdiff_t positions[2]; /* in the source, along the first axes, without the taps' shifts */
    ptrdiff_t line, element;
    T *out;
} F(row);

/* rows (TILE_ROWS,): rows number `first` ...; those beyond the last are copies of it. */
static void F(rows_from)(const pt_conv_product *p, const pt_conv_phase *phase, size_t group,
                         size_t first, F(row) * rows) {
    const pt_conv_axis *axes = phase->axes;
    const size_t all_channels = p->groups * p->channels;
    size_t at[PT_CONV_AXES], rest = first;

    for (int d = PT_CONV_AXES - 1; d >= 0; d--) {
        at[d] = rest % axes[d].n_positions;
        rest /= axes[d].n_positions;
    }
    for (size_t r = 0; r < TILE_ROWS; r++) {
        F(row) *row = &rows[r];
        size_t place = rest;

        for (int d = 0; d < PT_CONV_AXES; d++) {
            place = place * p->out_dims[d] + axes[d].first + axes[d].step * at[d];
        }
        row->out = (T *)p->out + (place * p->groups + group) * p->columns;
        row->positions[0] = axes[0].source_step * (ptrdiff_t)at[0];
        row->positions[1] = axes[1].source_step * (ptrdiff_t)at[1];
        row->line = (((ptrdiff_t)(rest * p->source_dims[0]) + row->positions[0]) *
                         (ptrdiff_t)p->source_dims[1] +
                     row->positions[1]) *
                    (ptrdiff_t)(p->source_dims[2] * all_channels);
        row->element = axes[2].source_step * (ptrdiff_t)(at[2] * all_channels);
        if (first + r + 1 == phase->n_rows) {
            for (size_t other = r + 1; other < TILE_ROWS; other++) {
                rows[other] = *row;
            }
            return;
        }
        for (int d = PT_CONV_AXES - 1; ++at[d] == axes[d].n_positions;) {
            at[d] = 0;
            if (--d < 0) {
                rest++;
                break;
            }
        }
    }
}

/* packed (TILE_ROWS, A_STRIDE): the pieces of the rows. */
static void F(pack_a)(const pt_conv_product *p, const F(row) * rows, const F(piece) * pieces,
                      size_t n_pieces, T *restrict packed) {
    const ptrdiff_t line_length = (ptrdiff_t)(p->source_dims[2] * p->groups * p->channels);
    const T *source = p->source;

    for (size_t r = 0; r < TILE_ROWS; r++) {
        T *restrict to = packed + r * A_STRIDE;

        for (size_t i = 0; i < n_pieces; i++) {
            const F(piece) *piece = &pieces[i];

            if ((size_t)(rows[r].positions[0] + piece->shifts[0]) < p->source_dims[0] &&
                (size_t)(rows[r].positions[1] + piece->shifts[1]) < p->source_dims[1]) {
                F(copy_clipped)
                (rows[r].element + piece->element, piece->length, line_length, to,
                 source + (rows[r].line + piece->line));
            } else {
                for (size_t q = 0; q < piece->length; q++) {
                    to[q] = 0;
                }
            }
            to += piece->length;
        }
    }
}

/* Adds the tile to the first n columns of the rows of the result, or writes it there if it is the
 * first of k; then bias, (COLUMNS,) or NULL, and relu. Each choice is a branch: as a masked load, a
 * bias of NULL would be read, and the processor takes 100 ns to ignore that. */
static void F(finish)(const F(row) * rows, size_t n_rows, size_t column, size_t n, bool is_first,
                      const T *restrict bias, bool relu, T tile[restrict TILE_ROWS][COLUMNS]) {
    for (size_t r = 0; r < n_rows; r++) {
        T *restrict out = rows[r].out + column;

        for (size_t l = 0; l < n; l += LANES) {
            F(simd) x = *(const F(simd) *)(tile[r] + l);

            if (!is_first && l + LANES <= n) {
                x += *(const F(simd) *)(out + l);
            } else if (!is_first) {
                F(simd) known = {0};
                F(copy)(n - l, (T *)&known, out + l);
                x += known;
            }
            if (bias) {
                x += *(const F(simd) *)(bias + l);
            }
            if (relu) {
                for (size_t i = 0; i < LANES; i++) {
                    x[i] = x[i] < 0 ? 0 : x[i]; /* so that NaN stays NaN */
                }
            }
            if (l + LANES <= n) {
                *(F(simd) *)(out + l) = x;
            } else {
                F(copy)(n - l, out + l, (const T *)&x);
            }
        }
    }
}

static void F(product)(const pt_conv_product *p, const pt_conv_phase *phase, size_t group,
                       size_t first, size_t end, void *packed_a) {
    static const F(run) whole = {0, 0};
    const size_t k = phase->k, k_block = k ? pt_ceil_div(k, pt_ceil_div(k, A_MOST)) : 1;
    const size_t n_panels = pt_ceil_div(p->columns, COLUMNS);
    const T *b = (const T *)(const void *)(phase->packed_b + group * p->group_size * k);
    F(piece) pieces[A_MOST];
    F(row) rows[TILE_ROWS];
    T tile[TILE_ROWS][COLUMNS], bias[PANELS_AT_ONCE * COLUMNS] = {0};

    for (size_t panels = 0; panels < n_panels; panels += PANELS_AT_ONCE) {
        const size_t panels_end =
            panels + PANELS_AT_ONCE < n_panels ? panels + PANELS_AT_ONCE : n_panels;
        size_t start = 0;

        if (p->bias) {
            const size_t rest = p->columns - panels * COLUMNS;
            F(copy)
            (rest < PANELS_AT_ONCE * COLUMNS ? rest : PANELS_AT_ONCE * COLUMNS, bias,
             (const T *)p->bias + group * p->columns + panels * COLUMNS);
        }
        do { /* once if k is 0 */
            const size_t length = k - start < k_block ? k - start : k_block;
            const bool is_last = start + length == k;
            const size_t n_pieces = F(pieces_of)(p, phase, group, start, start + length, pieces);

            for (size_t i = first; i < end; i += TILE_ROWS) {
                const size_t n_rows = end - i < TILE_ROWS ? end - i : TILE_ROWS;

                F(rows_from)(p, phase, group, i, rows);
                F(pack_a)(p, rows, pieces, n_pieces, packed_a);
                for (size_t panel = panels; panel < panels_end; panel++) {
                    const size_t column = panel * COLUMNS;
                    const size_t width = F(width_of)(p->columns, panel);
                    const size_t n = p->columns - column < width ? p->columns - column : width;
                    const T *of_panel = b + column * k + start * width;

                    if (width == COLUMNS) {
                        F(multiply)
                        (TILE_ROWS, COLUMNS, 1, &whole, length, packed_a, A_STRIDE, 1, of_panel,
                         tile);
                    } else {
                        F(multiply)
                        (TILE_ROWS, LANES, 1, &whole, length, packed_a, A_STRIDE, 1, of_panel,
                         tile);
                    }
                    F(finish)
                    (rows, n_rows, column, n, start == 0,
                     p->bias && is_last ? bias + (panel - panels) * COLUMNS : NULL,
                     p->relu && is_last, tile);
                }
            }
            start += length;
        } while (start < k);
    }
}

/* tile = A B for one of three numbers of rows. */
static inline void F(multiply_rows)(size_t rows, size_t width, size_t n_runs, const F(run) * runs,
                                    size_t length, const T *a, ptrdiff_t a_row, const T *b,
                                    T tile[restrict TILE_ROWS][COLUMNS]) {
    enum { MIDDLE = TILE_ROWS * 2 / 3, FEW = TILE_ROWS / 3 };

    if (width == COLUMNS) {
        if (rows > MIDDLE) {
            F(multiply)(TILE_ROWS, COLUMNS, n_runs, runs, length, a, a_row, 1, b, tile);
        } else if (rows > FEW) {
            F(multiply)(MIDDLE, COLUMNS, n_runs, runs, length, a, a_row, 1, b, tile);
        } else {
            F(multiply)(FEW, COLUMNS, n_runs, runs, length, a, a_row, 1, b, tile);
        }
    } else if (rows > MIDDLE) {
        F(multiply)(TILE_ROWS, LANES, n_runs, runs, length, a, a_row, 1, b, tile);
    } else if (rows > FEW) {
        F(multiply)(MIDDLE, LANES, n_runs, runs, length, a, a_row, 1, b, tile);
    } else {
        F(multiply)(FEW, LANES, n_runs, runs, length, a, a_row, 1, b, tile);
    }
}

/* The same as product for a short k with neighbouring taps and one group: positions of a line
 * overlap in the source, so that copies of the lines they need, with zeros at the ends, serve all
 * of them as rows of A. Lines that are outside of the source are left out. */
static void F(lines)(const pt_conv_product *p, const pt_conv_phase *phase, size_t first, size_t end,
                     void *buffer) {
    const pt_conv_axis *axes = phase->axes;
    const size_t channels = p->channels, n_panels = pt_ceil_div(p->columns, COLUMNS);
    const size_t n_inner = axes[1].n_taps, n_lines = axes[0].n_taps * n_inner;
    const size_t length = axes[2].n_taps * channels; /* of k, in each line */
    const size_t step = (size_t)axes[2].source_step * channels;
    const size_t line_size = pt_conv_line_size(phase, channels, TILE_ROWS);
    T *const copies = buffer;
    T tile[TILE_ROWS][COLUMNS];
    F(row) rows[TILE_ROWS];
    F(run) runs[A_MOST];

    for (size_t i = first; i < end;) {
        const size_t at[] = {i / axes[2].n_positions / axes[1].n_positions % axes[0].n_positions,
                             i / axes[2].n_positions % axes[1].n_positions,
                             i % axes[2].n_positions};
        const size_t image = i / axes[2].n_positions / axes[1].n_positions / axes[0].n_positions;
        size_t n = axes[2].n_positions - at[2], n_runs = 0;

        n = n < phase->line_positions ? n : phase->line_positions;
        n = n < end - i ? n : end - i;
        for (size_t line = 0; line < n_lines; line++) {
            const ptrdiff_t row =
                axes[0].source_step * (ptrdiff_t)at[0] + axes[0].shifts[line / n_inner];
            const ptrdiff_t inner =
                axes[1].source_step * (ptrdiff_t)at[1] + axes[1].shifts[line % n_inner];

            if ((size_t)row < p->source_dims[0] && (size_t)inner < p->source_dims[1]) {
                const size_t place =
                    (image * p->source_dims[0] + (size_t)row) * p->source_dims[1] + (size_t)inner;
                const ptrdiff_t from = axes[2].source_step * (ptrdiff_t)at[2] + axes[2].shifts[0];

                F(copy_clipped)
                (from * (ptrdiff_t)channels, (n + TILE_ROWS - 1) * step + length,
                 (ptrdiff_t)(p->source_dims[2] * channels), copies + n_runs * line_size,
                 (const T *)p->source + place * p->source_dims[2] * channels);
                runs[n_runs] = (F(run)){(ptrdiff_t)(n_runs * line_size), line * length};
                n_runs++;
            }
        }
        const size_t place =
            ((image * p->out_dims[0] + axes[0].first + axes[0].step * at[0]) * p->out_dims[1] +
             axes[1].first + axes[1].step * at[1]) *
                p->out_dims[2] +
            axes[2].first;
        for (size_t panel = 0; panel < n_panels; panel++) {
            const size_t column = panel * COLUMNS, width = F(width_of)(p->columns, panel);
            const size_t n_columns = p->columns - column < width ? p->columns - column : width;
            const T *b = (const T *)(const void *)phase->packed_b + column * phase->k;
            T bias[COLUMNS] = {0};

            if (p->bias) {
                F(copy)(n_columns, bias, (const T *)p->bias + column);
            }
            for (size_t q = 0; q < n; q += TILE_ROWS) {
                const size_t n_rows = n - q < TILE_ROWS ? n - q : TILE_ROWS;

                F(multiply_rows)
                (n_rows, width, n_runs, runs, length, copies + q * step, (ptrdiff_t)step, b, tile);
                for (size_t r = 0; r < n_rows; r++) {
                    rows[r].out =
                        (T *)p->out + (place + axes[2].step * (at[2] + q + r)) * p->columns;
                }
                F(finish)
                (rows, n_rows, column, n_columns, true, p->bias ? bias : NULL, p->relu, tile);
            }
        }
        i += n;
    }
}

/* -------------------------------------------------- one channel and one column in a group */

/* The elements of the source and of the kernel that one position takes, without those outside. */
typedef struct {
    const T *x, *w;
} F(term);

/* Neighbours that take the same terms, each x_step further in the source and out_step in the result:
 * their sums are added to out unless is_first; then bias and relu. */
typedef struct {
    size_t n_terms, count;
    const F(term) * terms;
    ptrdiff_t x_step, out_step;
    bool is_first, relu;
    const T *bias;
    T *out; /* of the first neighbour */
} F(neighbours);

/* `vectors` whole vectors, from channel c on, of one or two neighbours from number i on. */
static inline __attribute__((always_inline)) void
F(sum_vectors)(const F(neighbours) * all, size_t vectors, size_t positions, size_t c, size_t i) {
    T *out = all->out + (ptrdiff_t)i * all->out_step + c;
    F(simd) sums[2][4];

#pragma GCC unroll 2
    for (size_t q = 0; q < positions; q++) {
#pragma GCC unroll 4
        for (size_t v = 0; v < vectors; v++) {
            const T *known = out + (ptrdiff_t)q * all->out_step + v * LANES;
            sums[q][v] = all->is_first ? (F(simd)){0} : *(const F(simd) *)known;
        }
    }
    for (size_t t = 0; t < all->n_terms; t++) {
        const T *x = all->terms[t].x + ((ptrdiff_t)i * all->x_step + (ptrdiff_t)c);
        const T *w = all->terms[t].w + c;
#pragma GCC unroll 4
        for (size_t v = 0; v < vectors; v++) {
            const F(simd) weight = *(const F(simd) *)(w + v * LANES);
#pragma GCC unroll 2
            for (size_t q = 0; q < positions; q++) {
                const T *factor = x + (ptrdiff_t)q * all->x_step + v * LANES;
                sums[q][v] = F(plus_product)(sums[q][v], *(const F(simd) *)factor, weight);
            }
        }
    }
#pragma GCC unroll 2
    for (size_t q = 0; q < positions; q++) {
#pragma GCC unroll 4
        for (size_t v = 0; v < vectors; v++) {
            F(simd) sum = sums[q][v];

            if (all->bias) {
                sum += *(const F(simd) *)(all->bias + c + v * LANES);
            }
            if (all->relu) {
                for (size_t l = 0; l < LANES; l++) {
                    sum[l] = sum[l] < 0 ? 0 : sum[l];
                }
            }
            *(F(simd) *)(out + (ptrdiff_t)q * all->out_step + v * LANES) = sum;
        }
    }
}

/* The last n channels, fewer than a vector, from channel c on, of one neighbour. */
static void F(sum_rest)(const F(neighbours) * all, size_t n, size_t c, size_t i) {
    T *out = all->out + (ptrdiff_t)i * all->out_step + c, sums[LANES] = {0};

    if (!all->is_first) {
        F(copy)(n, sums, out);
    }
    for (size_t t = 0; t < all->n_terms; t++) {
        const T *x = all->terms[t].x + ((ptrdiff_t)i * all->x_step + (ptrdiff_t)c);
        const T *w = all->terms[t].w + c;

        for (size_t l = 0; l < n; l++) {
            sums[l] = F(multiply_add)(x[l], w[l], sums[l]);
        }
    }
    for (size_t l = 0; l < n; l++) {
        const T sum = all->bias ? sums[l] + all->bias[c + l] : sums[l];
        sums[l] = all->relu && sum < 0 ? 0 : sum;
    }
    F(copy)(n, out, sums);
}

static void F(sum_terms)(const F(neighbours) * all, size_t channels) {
    const size_t pairs = all->count / 2 * 2;
    size_t c = 0;

    for (; c + 4 * LANES <= channels; c += 4 * LANES) {
        for (size_t i = 0; i < pairs; i += 2) {
            F(sum_vectors)(all, 4, 2, c, i);
        }
        if (pairs < all->count) {
            F(sum_vectors)(all, 4, 1, c, pairs);
        }
    }
    for (; c + LANES <= channels; c += LANES) {
        for (size_t i = 0; i < pairs; i += 2) {
            F(sum_vectors)(all, 1, 2, c, i);
        }
        if (pairs < all->count) {
            F(sum_vectors)(all, 1, 1, c, pairs);
        }
    }
    for (size_t i = 0; c < channels && i < all->count; i++) {
        F(sum_rest)(all, channels - c, c, i);
    }
}

/* How many of `most` positions along the last axis, the first of them at element `at`, have all
 * their taps inside; 1 if the first has not. */
static size_t F(inside)(const pt_conv_axis *axis, ptrdiff_t at, size_t most) {
    ptrdiff_t low = 0, high = 0;

    for (size_t t = 0; t < axis->n_taps; t++) {
        low = axis->shifts[t] < low ? axis->shifts[t] : low;
        high = axis->shifts[t] > high ? axis->shifts[t] : high;
    }
    if (at + low < 0 || at + high >= (ptrdiff_t)axis->source_length) {
        return 1;
    }
    if (axis->source_step == 0) {
        return most;
    }
    const size_t n =
        (size_t)(((ptrdiff_t)axis->source_length - 1 - high - at) / axis->source_step) + 1;
    return n < most ? n : most;
}

static void F(depthwise)(const pt_conv_product *p, const pt_conv_phase *phase, size_t first,
                         size_t end) {
    enum { MOST_TERMS = 256 };
    const pt_conv_axis *axes = phase->axes;
    const size_t channels = p->groups, n_taps = phase->k, n_line = axes[2].n_positions;
    const ptrdiff_t length = (ptrdiff_t)axes[2].source_length;
    F(term) terms[MOST_TERMS];
    F(row) rows[TILE_ROWS];

    for (size_t i = first, count; i < end; i += count) {
        F(rows_from)(p, phase, 0, i, rows);
        const ptrdiff_t place = rows->element / (ptrdiff_t)channels;
        const size_t line_end = n_line - i % n_line;
        size_t tap = 0;

        count = F(inside)(&axes[2], place, line_end < end - i ? line_end : end - i);
        do { /* once if there are no taps */
            const bool is_first = tap == 0;
            size_t n = 0;

            for (; tap < n_taps && n < MOST_TERMS; tap++) {
                const size_t t[] = {tap / axes[2].n_taps / axes[1].n_taps,
                                    tap / axes[2].n_taps % axes[1].n_taps, tap % axes[2].n_taps};
                const ptrdiff_t at[] = {rows->positions[0] + axes[0].shifts[t[0]],
                                        rows->positions[1] + axes[1].shifts[t[1]],
                                        place + axes[2].shifts[t[2]]};

                if ((size_t)at[0] >= axes[0].source_length ||
                    (size_t)at[1] >= axes[1].source_length || (size_t)at[2] >= (size_t)length) {
                    continue;
                }
                const ptrdiff_t line =
                    rows->line + (axes[0].shifts[t[0]] * (ptrdiff_t)axes[1].source_length +
                                  axes[1].shifts[t[1]]) *
                                     length * (ptrdiff_t)channels;
                const size_t of_w =
                    (axes[0].taps[t[0]] * p->w_dims[1] + axes[1].taps[t[1]]) * p->w_dims[2] +
                    axes[2].taps[t[2]];
                terms[n++] = (F(term)){
                    .x = (const T *)p->source + (line + at[2] * (ptrdiff_t)channels),
                    .w = (const T *)p->w + of_w * channels,
                };
            }
            const bool is_last = tap == n_taps;
            const F(neighbours) all = {.n_terms = n,
                                       .count = count,
                                       .terms = terms,
                                       .x_step = axes[2].source_step * (ptrdiff_t)channels,
                                       .out_step = (ptrdiff_t)(axes[2].step * channels),
                                       .is_first = is_first,
                                       .relu = is_last && p->relu,
                                       .bias = is_last ? p->bias : NULL,
                                       .out = rows->out};
            F(sum_terms)(&all, channels);
        } while (tap < n_taps);
    }
}

/* sums (vectors,) += x * g over n positions; vectors: a constant of each call. */
static inline __attribute__((always_inline)) void F(sum_positions)(size_t vectors, size_t n,
                                                                   const T *x, ptrdiff_t x_step,
                                                                   const T *g, ptrdiff_t g_step,
                                                                   T *restrict sums) {
    F(simd) parts[4];

#pragma GCC unroll 4
    for (size_t v = 0; v < vectors; v++) {
        parts[v] = *(const F(simd) *)(sums + v * LANES);
    }
    for (size_t q = 0; q < n; q++, x += x_step, g += g_step) {
#pragma GCC unroll 4
        for (size_t v = 0; v < vectors; v++) {
            parts[v] = F(plus_product)(parts[v], *(const F(simd) *)(x + v * LANES),
                                       *(const F(simd) *)(g + v * LANES));
        }
    }
#pragma GCC unroll 4
    for (size_t v = 0; v < vectors; v++) {
        *(F(simd) *)(sums + v * LANES) = parts[v];
    }
}

/* dw (taps, channels) = sum of x * g over positions [first, end), for channels [start, start + n),
 * n at most 4 vectors. */
static void F(depthwise_weights)(const pt_conv_geometry *s, const void *x, const void *g,
                                 size_t first, size_t end, size_t start, size_t n, void *dw) {
    const size_t channels = s->x_channels, length = s->out_dims[2];
    const size_t n_taps = s->w_dims[0] * s->w_dims[1] * s->w_dims[2];

    for (size_t tap = 0; tap < n_taps; tap++) {
        memset((T *)dw + tap * channels + start, 0, n * sizeof(T));
    }
    for (size_t i = first; i < end;) { /* lines of positions, or what is left of them */
        const size_t at = i % length, run = length - at < end - i ? length - at : end - i;
        const size_t line = i / length % s->out_dims[1];
        const size_t row = i / length / s->out_dims[1] % s->out_dims[0];
        const size_t image = i / length / s->out_dims[1] / s->out_dims[0];
        const T *from_g = (const T *)g + i * channels + start;

        for (size_t tap = 0; tap < n_taps; tap++) {
            const size_t t[] = {tap / s->w_dims[2] / s->w_dims[1],
                                tap / s->w_dims[2] % s->w_dims[1], tap % s->w_dims[2]};
            const ptrdiff_t x_row =
                (ptrdiff_t)(row * s->strides[0] + t[0] * s->dilation[0]) - s->before[0];
            const ptrdiff_t x_line =
                (ptrdiff_t)(line * s->strides[1] + t[1] * s->dilation[1]) - s->before[1];
            const ptrdiff_t x_first =
                (ptrdiff_t)(at * s->strides[2] + t[2] * s->dilation[2]) - s->before[2];
            const ptrdiff_t stride = (ptrdiff_t)s->strides[2];
            T sums[4 * LANES] = {0};
            size_t q = x_first < 0 ? (size_t)((stride - 1 - x_first) / stride) : 0, q_end = q;

            if ((size_t)x_row >= s->x_dims[0] || (size_t)x_line >= s->x_dims[1]) {
                continue;
            }
            if (x_first + (ptrdiff_t)q * stride < (ptrdiff_t)s->x_dims[2]) { /* those inside of x */
                q_end = (size_t)(((ptrdiff_t)s->x_dims[2] - 1 - x_first) / stride) + 1;
                q_end = q_end < run ? q_end : run;
            }
            const T *from_x =
                (const T *)x +
                ((((ptrdiff_t)(image * s->x_dims[0]) + x_row) * (ptrdiff_t)s->x_dims[1] + x_line) *
                     (ptrdiff_t)s->x_dims[2] +
                 x_first) *
                    (ptrdiff_t)channels +
                (ptrdiff_t)start;
            const ptrdiff_t x_step = stride * (ptrdiff_t)channels;

            if (q < q_end && n == 4 * LANES) {
                F(sum_positions)
                (4, q_end - q, from_x + (ptrdiff_t)q * x_step, x_step, from_g + q * channels,
                 (ptrdiff_t)channels, sums);
            } else {
                for (; q < q_end; q++) {
                    const T *xs = from_x + (ptrdiff_t)q * x_step, *gs = from_g + q * channels;

                    for (size_t l = 0; l < n; l++) {
                        sums[l] = F(multiply_add)(xs[l], gs[l], sums[l]);
                    }
                }
            }
            for (size_t l = 0; l < n; l++) {
                ((T *)dw)[tap * channels + start + l] += sums[l];
            }
        }
        i += run;
    }
}

/* ------------------------------------------------------------ gradient by the kernel */

/* The box of positions with a number: images first. */
typedef struct {
    size_t starts[1 + PT_CONV_AXES], lengths[1 + PT_CONV_AXES];
    size_t window[PT_CONV_AXES]; /* positions of x along each axis */
} F(box);

static F(box) F(box_of)(const pt_conv_weights_product *p, size_t number) {
    const pt_conv_geometry *s = p->geometry;
    F(box) box;

    for (int d = PT_CONV_AXES; d >= 0; d--) {
        const size_t most = d == 0 ? s->n_images : s->out_dims[d - 1];

        box.starts[d] = number % p->n_boxes[d] * p->box[d];
        number /= p->n_boxes[d];
        box.lengths[d] = most - box.starts[d] < p->box[d] ? most - box.starts[d] : p->box[d];
        if (d > 0) {
            box.window[d - 1] = (box.lengths[d] - 1) * s->strides[d - 1] +
                                (s->w_dims[d - 1] - 1) * s->dilation[d - 1] + 1;
        }
    }
    return box;
}

/* window (images, *box.window, channels): the part of x that the box takes. */
static void F(copy_window)(const pt_conv_weights_product *p, const F(box) * box, size_t group,
                           T *restrict window) {
    const pt_conv_geometry *s = p->geometry;
    const ptrdiff_t all_channels = (ptrdiff_t)s->x_channels;
    ptrdiff_t from[PT_CONV_AXES];

    for (int d = 0; d < PT_CONV_AXES; d++) {
        from[d] = (ptrdiff_t)(box->starts[1 + d] * s->strides[d]) - s->before[d];
    }
    for (size_t image = 0; image < box->lengths[0]; image++) {
        for (size_t i = 0; i < box->window[0]; i++) {
            for (size_t j = 0; j < box->window[1]; j++) {
                const ptrdiff_t row = from[0] + (ptrdiff_t)i, line = from[1] + (ptrdiff_t)j;
                const size_t n = box->window[2] * p->channels;
                const ptrdiff_t length = (ptrdiff_t)s->x_dims[2];

                if ((size_t)row >= s->x_dims[0] || (size_t)line >= s->x_dims[1]) {
                    memset(window, 0, n * sizeof(T));
                    window += n;
                    continue;
                }
                const T *x =
                    (const T *)p->x +
                    ((((ptrdiff_t)(box->starts[0] + image) * (ptrdiff_t)s->x_dims[0] + row) *
                          (ptrdiff_t)s->x_dims[1] +
                      line) *
                     length) *
                        all_channels;
                if (s->groups == 1) {
                    F(copy_clipped)(from[2] * all_channels, n, length * all_channels, window, x);
                    window += n;
                    continue;
                }
                for (size_t l = 0; l < box->window[2]; l++, window += p->channels) {
                    F(copy_clipped)
                    ((from[2] + (ptrdiff_t)l) * all_channels + (ptrdiff_t)(group * p->channels),
                     p->channels, length * all_channels, window, x);
                }
            }
        }
    }
}

/* packed, by panels: (positions of the box, width): the columns of g there, anything beyond the last.
 * runs: where the box's lines begin in the window and in a panel. Returns their number. */
static size_t F(pack_g)(const pt_conv_weights_product *p, const F(box) * box, size_t group,
                        T *restrict packed, F(run) * runs) {
    const pt_conv_geometry *s = p->geometry;
    const size_t n_runs = box->lengths[0] * box->lengths[1] * box->lengths[2];
    const size_t n_positions = n_runs * box->lengths[3];
    const T *g_end = (const T *)p->g + s->n_images * s->out_dims[0] * s->out_dims[1] *
                                           s->out_dims[2] * s->out_channels;

    for (size_t i = 0; i < n_runs; i++) {
        const size_t line = i % box->lengths[2], row = i / box->lengths[2] % box->lengths[1];
        const size_t image = i / box->lengths[2] / box->lengths[1];
        const size_t place =
            (((box->starts[0] + image) * s->out_dims[0] + box->starts[1] + row) * s->out_dims[1] +
             box->starts[2] + line) *
                s->out_dims[2] +
            box->starts[3];
        const T *g = (const T *)p->g + (place * s->groups + group) * p->columns;

        runs[i].a = (ptrdiff_t)(((image * box->window[0] + row * s->strides[0]) * box->window[1] +
                                 line * s->strides[1]) *
                                box->window[2] * p->channels);
        runs[i].b = i * box->lengths[3];
        for (size_t column = 0; column < p->columns; column += COLUMNS) {
            const size_t width = F(width_of)(p->columns, column / COLUMNS);
            const size_t n = p->columns - column < width ? p->columns - column : width;
            T *restrict to = packed + column * n_positions + i * box->lengths[3] * width;

            for (size_t q = 0; q < box->lengths[3]; q++, to += width) {
                const T *from = g + q * s->out_channels + column;

                if (from + width <= g_end) { /* nobody looks at the columns beyond the last */
                    for (size_t l = 0; l < width; l += LANES) {
                        *(F(simd) *)(to + l) = *(const F(simd) *)(from + l);
                    }
                    continue;
                }
                for (size_t l = 0; l < width; l++) {
                    to[l] = l < n ? from[l] : 0;
                }
            }
        }
    }
    return n_runs;
}

static void F(weights)(const pt_conv_weights_product *p, size_t group, size_t number, size_t first,
                       size_t end, bool is_first, void *window, void *packed, void *dw) {
    enum { HALF = TILE_ROWS / 2 };
    const pt_conv_geometry *s = p->geometry;
    const F(box) box = F(box_of)(p, number);
    const bool has_lines = s->dilation[2] == 1;
    const size_t length = has_lines ? s->w_dims[2] * p->channels : p->channels;
    const ptrdiff_t step = (ptrdiff_t)(s->strides[2] * p->channels);
    F(run) runs[PT_CONV_BOX];
    T tile[TILE_ROWS][COLUMNS];

    F(copy_window)(p, &box, group, window);
    const size_t n_runs = F(pack_g)(p, &box, group, packed, runs);
    for (size_t column = 0; column < p->columns; column += COLUMNS) {
        const size_t width = F(width_of)(p->columns, column / COLUMNS);
        const size_t n = p->columns - column < width ? p->columns - column : width;
        const T *b = (const T *)packed + column * n_runs * box.lengths[3];

        for (size_t line = first; line < end; line++) {
            const size_t tap = has_lines ? line * s->w_dims[2] : line;
            const size_t at[] = {tap / s->w_dims[2] / s->w_dims[1],
                                 tap / s->w_dims[2] % s->w_dims[1], tap % s->w_dims[2]};
            const T *a =
                (const T *)window +
                ((at[0] * s->dilation[0] * box.window[1] + at[1] * s->dilation[1]) * box.window[2] +
                 at[2] * s->dilation[2]) *
                    p->channels;
            T *to = (T *)dw + tap * p->channels * s->out_channels + group * p->columns + column;

            for (size_t row = 0; row < length;) {
                const size_t rest = length - row, most = rest <= HALF ? HALF : TILE_ROWS;

                if (width == LANES && most == HALF) {
                    F(multiply)
                    (HALF, LANES, n_runs, runs, box.lengths[3], a + row, 1, step, b, tile);
                } else if (width == LANES) {
                    F(multiply)
                    (TILE_ROWS, LANES, n_runs, runs, box.lengths[3], a + row, 1, step, b, tile);
                } else if (most == HALF) {
                    F(multiply)
                    (HALF, COLUMNS, n_runs, runs, box.lengths[3], a + row, 1, step, b, tile);
                } else {
                    F(multiply)
                    (TILE_ROWS, COLUMNS, n_runs, runs, box.lengths[3], a + row, 1, step, b, tile);
                }
                for (size_t r = 0; r < most && r < rest; r++) {
                    T *restrict sums = to + (row + r) * s->out_channels;

                    for (size_t l = 0; l < n; l++) {
                        sums[l] = is_first ? tile[r][l] : sums[l] + tile[r][l];
                    }
                }
                row += most;
            }
        }
    }
}

/* Adds row q of part (n, run), rows part_step apart, to the elements of a line that begin at
 * first + q * step; those outside of [0, length) are left out. */
static void F(scatter)(size_t n, size_t run, const void *part, size_t part_step, void *line,
                       ptrdiff_t first, size_t step, size_t length) {
    const T *from = part;
    const ptrdiff_t end = (ptrdiff_t)length, size = (ptrdiff_t)run;

    for (size_t q = 0; q < n; q++, from += part_step, first += (ptrdiff_t)step) {
        T *to = (T *)line + first;
        const ptrdiff_t low = first < 0 ? -first : 0, rest = end - first;
        const ptrdiff_t high = rest < size ? rest : size;
        ptrdiff_t l = low;

        for (; l + (ptrdiff_t)LANES <= high; l += (ptrdiff_t)LANES) {
            *(F(simd) *)(to + l) += *(const F(simd) *)(from + l);
        }
        if (l < high) {
            F(add_few)(LANES, (size_t)(high - l), to + l, from + l);
        }
    }
}

static void F(add)(size_t n, void *sums, const void *part) {
    T *restrict to = sums;
    const T *restrict from = part;

#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        to[i] += from[i];
    }
}

#undef LANES
#undef COLUMNS
#undef A_STRIDE
#undef A_MOST

#endif
