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
    size_t image;
} F(window);

static inline F(window) F(window_of)(const pt_conv_geometry *s, size_t position) {
    F(window) window;

    for (int d = PT_CONV_AXES - 1; d >= 0; d--) {
        const ptrdiff_t first =
            (ptrdiff_t)(position % s->out_dims[d] * s->strides[d]) - s->before[d];
        const ptrdiff_t end = first + (ptrdiff_t)s->w_dims[d];

        position /= s->out_dims[d];
        window.first[d] = first > 0 ? (size_t)first : 0;
        window.end[d] = end <= 0 ? 0 : (size_t)end < s->x_dims[d] ? (size_t)end : s->x_dims[d];
    }
    window.image = position;
    return window;
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
    for (size_t c = 0; c < n_stored; c++) {
        to[c] = most[c];
    }
}

static void F(pool)(const pt_conv_geometry *s, const void *x, const void *t, size_t first,
                    size_t end, void *out) {
    for (size_t position = first; position < end; position++) {
        const F(window) window = F(window_of)(s, position);
        size_t n;

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
    }
}

/* Adds g (n,), at the largest of the window, to dx. */
static inline __attribute__((always_inline)) void F(spread_window)(const pt_conv_geometry *s,
                                                                   const F(window) * window,
                                                                   size_t n, const T *x,
                                                                   const T *restrict g, T *dx) {
    T most[PT_POOL_CHANNELS];
    INDEX at[PT_POOL_CHANNELS];

    F(find)(s, window, n, x, most, at);
    FOR_EACH_ELEMENT(s, *window, number, offset) {
        T *restrict to = dx + offset;

#pragma omp simd
        for (size_t c = 0; c < n; c++) {
            to[c] += at[c] == (INDEX)number ? g[c] : 0;
        }
    }
}

static void F(spread)(const pt_conv_geometry *s, const void *x, const void *g, size_t image,
                      size_t start, size_t n, void *dx) {
    const size_t n_out = s->out_dims[0] * s->out_dims[1] * s->out_dims[2];
    const size_t n_x = s->x_dims[0] * s->x_dims[1] * s->x_dims[2];
    const T *from = (const T *)x + start;
    T *to = (T *)dx + start;

    for (size_t i = 0; i < n_x; i++) {
        memset(to + (image * n_x + i) * s->x_channels, 0, n * sizeof(T));
    }
    for (size_t position = 0; position < n_out; position++) {
        const F(window) window = F(window_of)(s, image * n_out + position);
        const T *gs = (const T *)g + (image * n_out + position) * s->x_channels + start;

        for (size_t c = 0, width; c < n; c += width) {
            width = n - c >= PT_POOL_CHANNELS ? PT_POOL_CHANNELS : n - c >= F(few) ? F(few) : n - c;
            if (width == PT_POOL_CHANNELS) {
                F(spread_window)(s, &window, PT_POOL_CHANNELS, from + c, gs + c, to + c);
            } else if (width == F(few)) {
                F(spread_window)(s, &window, F(few), from + c, gs + c, to + c);
            } else if (width == s->x_channels && F(has_more)(s, &window, image + 1, start)) {
                T padded[F(few)] = {0}; /* what is added to the neighbours, of the same image */

                memcpy(padded, gs, n * sizeof(T));
                F(spread_window)(s, &window, F(few), from, padded, to);
            } else {
                F(spread_window)(s, &window, width, from + c, gs + c, to + c);
            }
        }
    }
}

#undef FOR_EACH_ELEMENT
#undef INDEX

#endif
