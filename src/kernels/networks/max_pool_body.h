/* max_pool_body.h: the loops of max_pool.c for one floating-point dtype; included by isa_max_pool.c
 * with T, KIND, BITS and F(name) set. */
#if KIND == 'f'

#if BITS == 32
#define INDEX int32_t /* as wide as T, so that both fit vectors of one length */
#else
#define INDEX int64_t
#endif

/* The elements of x in one window: those in [first, end) along each axis. */
typedef struct {
    size_t first[PT_CONV_AXES], end[PT_CONV_AXES];
    size_t image, at; /* at: the position along the last axis */
} F(window);

static inline void F(place_window)(const pt_conv_geometry *s, int d, size_t at,
                                   F(window) * window) {
    const ptrdiff_t first = (ptrdiff_t)(at * s->strides[d]) - s->before[d];
    const ptrdiff_t end = first + (ptrdiff_t)s->w_dims[d];

    window->first[d] = first > 0 ? (size_t)first : 0;
    window->end[d] = end <= 0 ? 0 : (size_t)end < s->x_dims[d] ? (size_t)end : s->x_dims[d];
}

static inline F(window) F(window_of)(const pt_conv_geometry *s, size_t position) {
    F(window) window = {.at = position % s->out_dims[2]};

    for (int d = PT_CONV_AXES - 1; d >= 0; d--) {
        F(place_window)(s, d, position % s->out_dims[d], &window);
        position /= s->out_dims[d];
    }
    window.image = position;
    return window;
}

/* Moves the window on from a position to another, at most one line further; along a line, without a
 * division. */
static inline void F(move_window)(const pt_conv_geometry *s, size_t position, size_t count,
                                  F(window) * window) {
    if (window->at + count < s->out_dims[2]) {
        window->at += count;
        F(place_window)(s, 2, window->at, window);
    } else {
        *window = F(window_of)(s, position + count);
    }
}

/* Walks the elements of the window in order: their number, and where in x their channels begin. */
#define FOR_EACH_ELEMENT(s, window, number, offset)                                                \
    for (size_t i_ = (window).first[0], number = 0; i_ < (window).end[0]; i_++)                    \
        for (size_t j_ = (window).first[1]; j_ < (window).end[1]; j_++)                            \
            for (size_t l_ = (window).first[2],                                                    \
                        offset = ((((window).image * (s)->x_dims[0] + i_) * (s)->x_dims[1] + j_) * \
                                      (s)->x_dims[2] +                                             \
                                  l_) *                                                            \
                                 (s)->x_channels;                                                  \
                 l_ < (window).end[2]; l_++, number++, offset += (s)->x_channels)

/* most (n,), at (n,): the largest element of the window for n channels from x on, and its number;
 * lowest and -1 for an empty window. */
static inline __attribute__((always_inline)) void F(find)(const pt_conv_geometry *s,
                                                          const F(window) * window, size_t n,
                                                          const T *restrict x, T *restrict most,
                                                          INDEX *restrict at) {
    for (size_t c = 0; c < n; c++) {
        most[c] = F(lowest);
        at[c] = -1;
    }
    FOR_EACH_ELEMENT(s, *window, number, offset) {
        const T *restrict element = x + offset;

#pragma omp simd
        for (size_t c = 0; c < n; c++) {
            const T y = element[c], known = most[c];
            const bool takes = (y > known) | ((y != y) & (known == known)) | (at[c] < 0);

            most[c] = takes ? y : known;
            at[c] = takes ? (INDEX)number : at[c];
        }
    }
}

/* The loops are compiled for 64, 16 and any number of channels. Fewer than 16 are taken as 16, with
 * what is next to them in memory: vectors of a number that is known stay in registers, others go
 * through memory each time. */
enum { F(few) = 16 };

static size_t F(channels_at)(const pt_conv_geometry *s, size_t start) {
    const size_t rest = s->x_channels - start;

    return rest >= PT_POOL_CHANNELS ? PT_POOL_CHANNELS : rest >= F(few) ? F(few) : rest;
}

/* Whether F(few) elements can be read at all elements of the window, of the first n_images. */
static bool F(has_more)(const pt_conv_geometry *s, const F(window) * window, size_t n_images,
                        size_t start) {
    const size_t size = s->x_dims[0] * s->x_dims[1] * s->x_dims[2] * s->x_channels;
    size_t last = window->image;

    for (int d = 0; d < PT_CONV_AXES; d++) {
        if (window->end[d] <= window->first[d]) {
            return false;
        }
        last = last * s->x_dims[d] + window->end[d] - 1;
    }
    return last * s->x_channels + start + F(few) <= n_images * size;
}

/* ------------------------------------------------------------------ few channels, side by side
 *
 * A few channels leave most of a vector empty, and one window waits for its comparisons. So the
 * channels of neighbouring windows are copied side by side, a row for each element of a window. */

enum { F(most_rows) = 16 };

typedef struct {
    size_t count, width, step; /* windows; elements of a row in use; from a window to the next */
    size_t n_rows, offsets[F(most_rows)]; /* of the first window's elements */
    T rows[F(most_rows)][PT_POOL_CHANNELS + F(few)];
} F(neighbours);

/* Finds how many windows, from this one on and at most `most`, are whole along the last axis and can
 * be taken together; false if there is nothing to gain. */
static bool F(find_neighbours)(const pt_conv_geometry *s, const F(window) * window, size_t most,
                               F(neighbours) * all) {
    const size_t n = s->x_channels,
                 lines = (window->end[0] - window->first[0]) * (window->end[1] - window->first[1]);
    const ptrdiff_t first = (ptrdiff_t)(window->at * s->strides[2]) - s->before[2];
    const ptrdiff_t room = (ptrdiff_t)s->x_dims[2] - (ptrdiff_t)s->w_dims[2] - first;

    if (n >= F(few) || first < 0 || room < 0 || window->end[0] <= window->first[0] ||
        window->end[1] <= window->first[1] || s->w_dims[2] > F(most_rows) / lines) {
        return false;
    }
    all->count = (size_t)room / s->strides[2] + 1;
    all->count = all->count < most ? all->count : most;
    all->count = all->count < PT_POOL_CHANNELS / n ? all->count : PT_POOL_CHANNELS / n;
    all->width = all->count * n;
    all->step = s->strides[2] * n;
    all->n_rows = 0;
    FOR_EACH_ELEMENT(s, *window, number, offset) {
        all->offsets[number] = offset;
        all->n_rows = number + 1;
    }
    return all->count > 1;
}

/* Fills the rows with the elements of x: in wholes of F(few) if that much can be read, each of which
 * overwrites what was too much of the one before. What is past the width is never used. */
static void F(gather)(const pt_conv_geometry *s, F(neighbours) * all, const T *x) {
    typedef T whole __attribute__((vector_size(F(few) * sizeof(T)), aligned(sizeof(T)), may_alias));
    const size_t size = s->n_images * s->x_dims[0] * s->x_dims[1] * s->x_dims[2] * s->x_channels;
    const size_t n = s->x_channels, last = all->offsets[all->n_rows - 1];

    if (last + (all->count - 1) * all->step + F(few) <= size) {
        for (size_t i = 0; i < all->n_rows; i++) {
            const T *from = x + all->offsets[i];
            T *to = all->rows[i];

            for (size_t q = all->count; q-- > 0; to += n, from += all->step) {
                *(whole *)to = *(const whole *)from;
            }
        }
        return;
    }
    for (size_t i = 0; i < all->n_rows; i++) {
        const T *from = x + all->offsets[i];

        for (size_t q = 0; q < all->width; q += n, from += all->step) {
            F(copy_few)(F(few), n, all->rows[i] + q, from);
        }
    }
}

/* most, at (PT_POOL_CHANNELS,): the largest of each column, and in which row it is. */
static void F(find_in_rows)(const F(neighbours) * all, T *restrict most, INDEX *restrict at) {
    for (size_t c = 0; c < PT_POOL_CHANNELS; c++) {
        most[c] = all->rows[0][c];
        at[c] = 0;
    }
    for (size_t i = 1; i < all->n_rows; i++) {
#pragma omp simd
        for (size_t c = 0; c < PT_POOL_CHANNELS; c++) {
            const T y = all->rows[i][c], known = most[c];
            const bool takes = (y > known) | ((y != y) & (known == known));

            most[c] = takes ? y : known;
            at[c] = takes ? (INDEX)i : at[c];
        }
    }
}

/* to (width,) = the largest of each window, or the elements of t. */
static void F(pool_neighbours)(const pt_conv_geometry *s, F(neighbours) * all, const T *x,
                               const T *t, T *restrict to) {
    T most[PT_POOL_CHANNELS];
    INDEX at[PT_POOL_CHANNELS];

    F(gather)(s, all, x);
    if (!t) {
        for (size_t c = 0; c < PT_POOL_CHANNELS; c++) {
            most[c] = all->rows[0][c];
        }
        for (size_t i = 1; i < all->n_rows; i++) {
#pragma omp simd
            for (size_t c = 0; c < PT_POOL_CHANNELS; c++) {
                const T y = all->rows[i][c], known = most[c];
                most[c] = (y > known) | (y != y) ? y : known;
            }
        }
    } else {
        F(find_in_rows)(all, most, at);
        F(gather)(s, all, t);
        for (size_t i = 0; i < all->n_rows; i++) {
#pragma omp simd
            for (size_t c = 0; c < PT_POOL_CHANNELS; c++) {
                most[c] = at[c] == (INDEX)i ? all->rows[i][c] : most[c];
            }
        }
    }
    memcpy(to, most, all->width * sizeof(T));
}

/* Adds g (width,), at the largest of each window, to dx. An element takes them in the order of the
 * windows, and so in the reverse one of its places in them. */
static void F(spread_neighbours)(const pt_conv_geometry *s, F(neighbours) * all, const T *x,
                                 const T *g, T *restrict dx) {
    T most[PT_POOL_CHANNELS], gs[PT_POOL_CHANNELS] = {0};
    INDEX at[PT_POOL_CHANNELS];

    F(gather)(s, all, x);
    memcpy(gs, g, all->width * sizeof(T));
    F(find_in_rows)(all, most, at);
    for (size_t i = 0; i < all->n_rows; i++) {
#pragma omp simd
        for (size_t c = 0; c < PT_POOL_CHANNELS; c++) {
            all->rows[i][c] = at[c] == (INDEX)i ? gs[c] : 0;
        }
    }
    for (size_t i = all->n_rows; i-- > 0;) {
        T *to = dx + all->offsets[i];

        for (size_t q = 0; q < all->width; q += s->x_channels, to += all->step) {
            F(add_few)(F(few), s->x_channels, to, all->rows[i] + q);
        }
    }
}

/* ------------------------------------------------------------------------ one window at a time */

/* to (n_stored,) = the largest of the window, of n >= n_stored channels, or the elements of t. */
static inline __attribute__((always_inline)) void F(pool_window)(const pt_conv_geometry *s,
                                                                 const F(window) * window, size_t n,
                                                                 size_t n_stored, const T *x,
                                                                 const T *t, T *restrict to) {
    T most[PT_POOL_CHANNELS];
    INDEX at[PT_POOL_CHANNELS];

    if (!t) { /* without the numbers */
        for (size_t c = 0; c < n; c++) {
            most[c] = F(lowest);
        }
        FOR_EACH_ELEMENT(s, *window, number, offset) {
            const T *restrict element = x + offset;

            (void)number;
#pragma omp simd
            for (size_t c = 0; c < n; c++) {
                const T y = element[c], known = most[c];
                most[c] = (y > known) | (y != y) ? y : known;
            }
        }
    } else {
        F(find)(s, window, n, x, most, at);
        for (size_t c = 0; c < n; c++) {
            most[c] = 0;
        }
        FOR_EACH_ELEMENT(s, *window, number, offset) {
            const T *restrict element = t + offset;

#pragma omp simd
            for (size_t c = 0; c < n; c++) {
                most[c] = at[c] == (INDEX)number ? element[c] : most[c];
            }
        }
    }
    if (n_stored == n) {
        for (size_t c = 0; c < n; c++) {
            to[c] = most[c];
        }
    } else {
        F(copy_few)(F(few), n_stored, to, most);
    }
}

static void F(pool)(const pt_conv_geometry *s, const void *x, const void *t, size_t first,
                    size_t end, void *out) {
    F(window) window = F(window_of)(s, first);

    for (size_t position = first, count; position < end; position += count) {
        const size_t left = end - position, of_line = s->out_dims[2] - window.at;
        F(neighbours) all;
        size_t n;

        if (F(find_neighbours)(s, &window, left < of_line ? left : of_line, &all)) {
            count = all.count;
            F(pool_neighbours)(s, &all, x, t, (T *)out + position * s->x_channels);
            F(move_window)(s, position, count, &window);
            continue;
        }
        count = 1;

        for (size_t start = 0; start < s->x_channels; start += n) {
            T *to = (T *)out + position * s->x_channels + start;
            const T *from = (const T *)x + start, *also = t ? (const T *)t + start : NULL;

            n = F(channels_at)(s, start);
            if (n == PT_POOL_CHANNELS) {
                F(pool_window)(s, &window, PT_POOL_CHANNELS, PT_POOL_CHANNELS, from, also, to);
            } else if (n == F(few) || F(has_more)(s, &window, s->n_images, start)) {
                F(pool_window)(s, &window, F(few), n, from, also, to);
            } else {
                F(pool_window)(s, &window, n, n, from, also, to);
            }
        }
        F(move_window)(s, position, 1, &window);
    }
}

/* Adds g (n_stored,), at the largest of the window, of n >= n_stored channels, to dx. */
static inline __attribute__((always_inline)) void
F(spread_window)(const pt_conv_geometry *s, const F(window) * window, size_t n, size_t n_stored,
                 const T *x, const T *restrict g, T *dx) {
    T most[PT_POOL_CHANNELS], padded[F(few)] = {0};
    INDEX at[PT_POOL_CHANNELS];

    F(find)(s, window, n, x, most, at);
    if (n_stored < n) {
        F(copy_few)(F(few), n_stored, padded, g);
        g = padded;
    }
    FOR_EACH_ELEMENT(s, *window, number, offset) {
        T *restrict to = dx + offset;

        if (n_stored == n) {
#pragma omp simd
            for (size_t c = 0; c < n; c++) {
                to[c] += at[c] == (INDEX)number ? g[c] : 0;
            }
        } else {
            T part[F(few)];

#pragma omp simd
            for (size_t c = 0; c < F(few); c++) {
                part[c] = at[c] == (INDEX)number ? g[c] : 0;
            }
            F(add_few)(F(few), n_stored, to, part);
        }
    }
}

static void F(spread)(const pt_conv_geometry *s, const void *x, const void *g, size_t image,
                      size_t start, size_t n, void *dx) {
    const size_t n_out = s->out_dims[0] * s->out_dims[1] * s->out_dims[2];
    const size_t n_x = s->x_dims[0] * s->x_dims[1] * s->x_dims[2];
    const T *from = (const T *)x + start;
    T *to = (T *)dx + start;

    if (n == s->x_channels) {
        memset(to + image * n_x * n, 0, n_x * n * sizeof(T));
    } else {
        for (size_t i = 0; i < n_x; i++) {
            memset(to + (image * n_x + i) * s->x_channels, 0, n * sizeof(T));
        }
    }
    if (n_out == 0) {
        return;
    }
    F(window) window = F(window_of)(s, image * n_out);
    for (size_t position = 0, count; position < n_out; position += count) {
        const T *gs = (const T *)g + (image * n_out + position) * s->x_channels + start;
        F(neighbours) all;

        if (F(find_neighbours)(s, &window, s->out_dims[2] - window.at, &all)) {
            count = all.count;
            F(spread_neighbours)(s, &all, x, gs, dx);
            F(move_window)(s, image * n_out + position, count, &window);
            continue;
        }
        count = 1;
        for (size_t c = 0, width; c < n; c += width) {
            width = n - c >= PT_POOL_CHANNELS ? PT_POOL_CHANNELS : n - c >= F(few) ? F(few) : n - c;
            if (width == PT_POOL_CHANNELS) {
                F(spread_window)
                (s, &window, PT_POOL_CHANNELS, PT_POOL_CHANNELS, from + c, gs + c, to + c);
            } else if (width == F(few)) {
                F(spread_window)(s, &window, F(few), F(few), from + c, gs + c, to + c);
            } else if (F(has_more)(s, &window, s->n_images, start + c)) {
                F(spread_window)(s, &window, F(few), width, from + c, gs + c, to + c);
            } else {
                F(spread_window)(s, &window, width, width, from + c, gs + c, to + c);
            }
        }
        F(move_window)(s, image * n_out + position, 1, &window);
    }
}

#undef FOR_EACH_ELEMENT
#undef INDEX

#endif
