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
static inline void F(find)(const pt_conv_geometry *s, const F(window) * window, size_t n,
                           const T *restrict x, T *restrict most, INDEX *restrict at) {
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

static void F(pool)(const pt_conv_geometry *s, const void *x, const void *t, size_t first,
                    size_t end, void *out) {
    T most[PT_POOL_CHANNELS];
    INDEX at[PT_POOL_CHANNELS];

    for (size_t position = first; position < end; position++) {
        const F(window) window = F(window_of)(s, position);
        T *to = (T *)out + position * s->x_channels;

        for (size_t start = 0; start < s->x_channels; start += PT_POOL_CHANNELS) {
            const size_t rest = s->x_channels - start;
            const size_t n = rest < PT_POOL_CHANNELS ? rest : PT_POOL_CHANNELS;

            if (!t) { /* without the numbers */
                for (size_t c = 0; c < n; c++) {
                    most[c] = F(lowest);
                }
                FOR_EACH_ELEMENT(s, window, number, offset) {
                    const T *restrict element = (const T *)x + offset + start;

                    (void)number;
#pragma omp simd
                    for (size_t c = 0; c < n; c++) {
                        const T y = element[c], known = most[c];
                        most[c] = (y > known) | (y != y) ? y : known;
                    }
                }
                memcpy(to + start, most, n * sizeof(T));
                continue;
            }
            F(find)(s, &window, n, (const T *)x + start, most, at);
            for (size_t c = 0; c < n; c++) {
                most[c] = 0;
            }
            FOR_EACH_ELEMENT(s, window, number, offset) {
                const T *restrict element = (const T *)t + offset + start;

#pragma omp simd
                for (size_t c = 0; c < n; c++) {
                    most[c] = at[c] == (INDEX)number ? element[c] : most[c];
                }
            }
            memcpy(to + start, most, n * sizeof(T));
        }
    }
}

static void F(spread)(const pt_conv_geometry *s, const void *x, const void *g, size_t image,
                      size_t start, size_t n, void *dx) {
    const size_t n_out = s->out_dims[0] * s->out_dims[1] * s->out_dims[2];
    const size_t n_x = s->x_dims[0] * s->x_dims[1] * s->x_dims[2];
    T most[PT_POOL_CHANNELS];
    INDEX at[PT_POOL_CHANNELS];

    for (size_t i = 0; i < n_x; i++) {
        memset((T *)dx + (image * n_x + i) * s->x_channels + start, 0, n * sizeof(T));
    }
    for (size_t position = 0; position < n_out; position++) {
        const F(window) window = F(window_of)(s, image * n_out + position);
        const T *restrict from = (const T *)g + (image * n_out + position) * s->x_channels + start;

        F(find)(s, &window, n, (const T *)x + start, most, at);
        FOR_EACH_ELEMENT(s, window, number, offset) {
            T *restrict to = (T *)dx + offset + start;

#pragma omp simd
            for (size_t c = 0; c < n; c++) {
                to[c] += at[c] == (INDEX)number ? from[c] : 0;
            }
        }
    }
}

#undef FOR_EACH_ELEMENT
#undef INDEX

#endif
