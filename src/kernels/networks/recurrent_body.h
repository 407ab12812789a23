/* recurrent_body.h: the loops of recurrent.c for one floating-point dtype; included by
 * isa_recurrent.c with T, KIND and F(name) set.
 *
 * F(gate) is the sigmoid, F(squash) tanh. Formulas and names of gates are those of
 * src/pytensor/layers/recurrent.py. `a` is what goes into the gates' activations, da its gradient. */
#if KIND == 'f'

/* c (rows, width) += a b. a: (rows, length), rows a_step apart; b: (length, width); width is a
 * multiple of the vectors' length. */
static void F(add_product)(const pt_tile_loops_of *tiles, size_t rows, size_t length, const T *a,
                           size_t a_step, const T *b, size_t width, T *c) {
    const size_t lanes = tiles->lanes;

    for (size_t column = 0; column < width;) {
        const size_t vectors = width - column >= 2 * lanes ? 2 : 1;

        for (size_t row = 0; row < rows;) {
            size_t height = rows - row;

            while (tiles->multiply[height][vectors - 1] == NULL) {
                height--;
            }
            tiles->multiply[height][vectors - 1](length, a + row * a_step, (ptrdiff_t)a_step, 1,
                                                 b + column, (ptrdiff_t)width,
                                                 c + row * width + column, (ptrdiff_t)width, true);
            row += height;
        }
        column += vectors * lanes;
    }
}

/* array + i, or NULL. */
static inline T *F(from)(const void *array, size_t i) {
    /* Arrays that are only read become const again where they are used. */
    return array ? (T *)(uintptr_t)array + i : NULL;
}

/* ------------------------------------------------------------------ one sample, one step */

/* h (n,) = tanh(a). */
static inline void F(simple_forward)(size_t n, const T *restrict a, T *restrict h) {
#pragma omp simd
    for (size_t j = 0; j < n; j++) {
        h[j] = F(squash)(a[j]);
    }
}

/* da (n,) from h and its gradient. */
static inline void F(simple_backward)(size_t n, const T *restrict h, const T *restrict dh,
                                      T *restrict da) {
#pragma omp simd
    for (size_t j = 0; j < n; j++) {
        da[j] = dh[j] * (1 - h[j] * h[j]);
    }
}

/* From a (4, padded) and the c before: gates (4, n), c and h (n,). */
static inline void F(lstm_forward)(size_t n, size_t padded, const T *restrict a,
                                   const T *restrict before, T *restrict gates, T *restrict c,
                                   T *restrict h) {
#pragma omp simd
    for (size_t j = 0; j < n; j++) {
        const T i = F(gate)(a[j]), f = F(gate)(a[padded + j]);
        const T g = F(squash)(a[2 * padded + j]), o = F(gate)(a[3 * padded + j]);
        const T kept = f * before[j];
        const T new = (i * g) + kept;

        gates[j] = i;
        gates[n + j] = f;
        gates[2 * n + j] = g;
        gates[3 * n + j] = o;
        c[j] = new;
        h[j] = o * F(squash)(new);
    }
}

/* From gates, both c, and the gradients of h and c: da (4, padded), and dc of the c before. */
static inline void F(lstm_backward)(size_t n, size_t padded, const T *restrict gates,
                                    const T *restrict before, const T *restrict c,
                                    const T *restrict dh, T *restrict dc, T *restrict da) {
#pragma omp simd
    for (size_t j = 0; j < n; j++) {
        const T i = gates[j], f = gates[n + j], g = gates[2 * n + j], o = gates[3 * n + j];
        const T shown = F(squash)(c[j]);
        const T d = dc[j] + dh[j] * o * (1 - shown * shown);

        da[j] = d * g * i * (1 - i);
        da[padded + j] = d * before[j] * f * (1 - f);
        da[2 * padded + j] = d * i * (1 - g * g);
        da[3 * padded + j] = dh[j] * shown * o * (1 - o);
        dc[j] = d * f;
    }
}

/* From z (3, n), the states' product m (3, padded) and the h before: gates (3, n), the candidate's
 * part of m (n,), and h. */
static inline void F(gru_forward)(size_t n, size_t padded, const T *restrict z, const T *restrict m,
                                  const T *restrict before, T *restrict gates, T *restrict inner,
                                  T *restrict h) {
#pragma omp simd
    for (size_t j = 0; j < n; j++) {
        const T u = F(gate)(z[j] + m[j]), r = F(gate)(z[n + j] + m[padded + j]);
        const T s = m[2 * padded + j];
        const T candidate = F(squash)(z[2 * n + j] + r * s);

        gates[j] = u;
        gates[n + j] = r;
        gates[2 * n + j] = candidate;
        inner[j] = s;
        h[j] = u * before[j] + (1 - u) * candidate;
    }
}

/* From gates, the candidate's part of m, the h before and dh: dz (3, n), dm (3, padded), and dh
 * times the update gate, the part of the gradient of the h before that passes by the product. */
static inline void F(gru_backward)(size_t n, size_t padded, const T *restrict gates,
                                   const T *restrict inner, const T *restrict before,
                                   T *restrict dh, T *restrict dz, T *restrict dm) {
#pragma omp simd
    for (size_t j = 0; j < n; j++) {
        const T u = gates[j], r = gates[n + j], candidate = gates[2 * n + j];
        const T du = dh[j] * (before[j] - candidate) * u * (1 - u);
        const T dcandidate = dh[j] * (1 - u) * (1 - candidate * candidate);
        const T dr = dcandidate * inner[j] * r * (1 - r);

        dz[j] = dm[j] = du;
        dz[n + j] = dm[padded + j] = dr;
        dz[2 * n + j] = dcandidate;
        dm[2 * padded + j] = dcandidate * r;
        dh[j] *= u;
    }
}

/* ----------------------------------------------------------------- all steps of some samples */

static void F(forward)(const pt_recurrence_job *job, size_t first, size_t rows, void *scratch) {
    const pt_recurrence *r = job->r;
    const size_t n = r->units, steps = r->steps, padded = job->padded, gates = job->gates;
    const size_t width = gates * padded, has_c = r->kind == PT_RECURRENCE_LSTM;
    T *const a = scratch;                               /* (rows, gates, padded) */
    T *const h = a + PT_RECURRENT_ROWS * width;         /* (rows, n) */
    T *const c = h + PT_RECURRENT_ROWS * padded;        /* (rows, n), of LSTM */
    T *const entering = c + PT_RECURRENT_ROWS * padded; /* (rows, n), if some are dropped */
    const T *const dropped = F(from)(r->dropped, first * n);
    const T *const bias = job->bias;

    memcpy(h, (const T *)r->states[0] + first * n, rows * n * sizeof(T));
    if (has_c) {
        memcpy(c, (const T *)r->states[1] + first * n, rows * n * sizeof(T));
    }
    for (size_t t = 0; t < steps; t++) {
        for (size_t j = 0; dropped && j < rows * n; j++) {
            entering[j] = h[j] * dropped[j];
        }
        for (size_t i = 0; i < rows; i++) {
            const T *z = (const T *)r->z + ((first + i) * steps + t) * gates * n;

            for (size_t gate = 0; gate < gates; gate++) {
                T *to = a + i * width + gate * padded;

                if (r->kind != PT_RECURRENCE_GRU) {
                    memcpy(to, z + gate * n, n * sizeof(T));
                } else if (bias) {
                    memcpy(to, bias + gate * padded, n * sizeof(T));
                } else {
                    memset(to, 0, n * sizeof(T));
                }
                memset(to + n, 0, (padded - n) * sizeof(T));
            }
        }
        F(add_product)(job->tiles, rows, n, dropped ? entering : h, n, job->kernel, width, a);
        for (size_t i = 0; i < rows; i++) {
            const size_t at = (first + i) * steps + t;
            T *const gates_out = F(from)(r->gates, at * gates * n);
            T *const extra = F(from)(r->extra, at * n), *const out = F(from)(r->sequence, at * n);

            if (r->mask && !r->mask[at]) { /* the backward pass does not read its gates */
                if (has_c) {
                    memcpy(extra, c + i * n, n * sizeof(T));
                }
                memcpy(out, h + i * n, n * sizeof(T));
                continue;
            }
            switch (r->kind) {
            case PT_RECURRENCE_SIMPLE:
                F(simple_forward)(n, a + i * width, out);
                break;
            case PT_RECURRENCE_LSTM:
                F(lstm_forward)(n, padded, a + i * width, c + i * n, gates_out, extra, out);
                memcpy(c + i * n, extra, n * sizeof(T));
                break;
            case PT_RECURRENCE_GRU:
                F(gru_forward)
                (n, padded, (const T *)r->z + at * gates * n, a + i * width, h + i * n, gates_out,
                 extra, out);
                break;
            }
            memcpy(h + i * n, out, n * sizeof(T));
        }
    }
    memcpy((T *)r->last[0] + first * n, h, rows * n * sizeof(T));
    if (has_c) {
        memcpy((T *)r->last[1] + first * n, c, rows * n * sizeof(T));
    }
}

static void F(backward)(const pt_recurrence_job *job, size_t first, size_t rows, void *scratch) {
    const pt_recurrence *r = job->r;
    const size_t n = r->units, steps = r->steps, padded = job->padded, gates = job->gates;
    const size_t width = gates * padded, has_c = r->kind == PT_RECURRENCE_LSTM;
    T *const dm = scratch;                           /* (rows, gates, padded) */
    T *const dh = dm + PT_RECURRENT_ROWS * width;    /* (rows, n) */
    T *const dc = dh + PT_RECURRENT_ROWS * padded;   /* (rows, n), of LSTM */
    T *const back = dc + PT_RECURRENT_ROWS * padded; /* (rows, padded): the product's part of dh */
    const T *const dropped = F(from)(r->dropped, first * n);

    for (size_t k = 0; k < 1 + has_c; k++) {
        T *to = k ? dc : dh;

        if (r->d_last[k]) {
            memcpy(to, (const T *)r->d_last[k] + first * n, rows * n * sizeof(T));
        } else {
            memset(to, 0, rows * n * sizeof(T));
        }
    }
    memset(dm, 0, rows * width * sizeof(T)); /* the padding stays zero */
    for (size_t t = steps; t-- > 0;) {
        for (size_t i = 0; i < rows; i++) {
            const size_t at = (first + i) * steps + t;
            const T *const gates_of = F(from)(r->gates, at * gates * n);
            const T *const extra = F(from)(r->extra, at * n);
            const T *const h_before =
                t ? F(from)(r->sequence, (at - 1) * n) : F(from)(r->states[0], (first + i) * n);
            T *const dz = F(from)(r->dz, at * gates * n), *const da = dm + i * width;

            if (r->d_sequence) {
                const T *restrict g = (const T *)r->d_sequence + at * n;
                T *restrict sum = dh + i * n;

                for (size_t j = 0; j < n; j++) {
                    sum[j] += g[j];
                }
            }
            if (r->mask && !r->mask[at]) {
                memset(dz, 0, gates * n * sizeof(T));
                memset(da, 0, width * sizeof(T));
                if (r->dm) {
                    memset((T *)r->dm + at * gates * n, 0, gates * n * sizeof(T));
                }
                continue;
            }
            switch (r->kind) {
            case PT_RECURRENCE_SIMPLE:
                F(simple_backward)(n, (const T *)r->sequence + at * n, dh + i * n, da);
                break;
            case PT_RECURRENCE_LSTM: {
                const T *c_before = t ? extra - n : F(from)(r->states[1], (first + i) * n);

                F(lstm_backward)
                (n, padded, gates_of, c_before, extra, dh + i * n, dc + i * n, da);
                break;
            }
            case PT_RECURRENCE_GRU:
                F(gru_backward)(n, padded, gates_of, extra, h_before, dh + i * n, dz, da);
                break;
            }
            for (size_t gate = 0; gate < gates; gate++) {
                T *to = r->dm ? (T *)r->dm + at * gates * n : dz;

                memcpy(to + gate * n, da + gate * padded, n * sizeof(T));
            }
            if (r->kind != PT_RECURRENCE_GRU) {
                memset(dh + i * n, 0, n * sizeof(T)); /* all of it went through the product */
            }
        }
        memset(back, 0, rows * padded * sizeof(T));
        F(add_product)(job->tiles, rows, width, dm, width, job->transposed, padded, back);
        for (size_t i = 0; i < rows; i++) {
            T *restrict to = dh + i * n;

            for (size_t j = 0; j < n; j++) {
                const T g = back[i * padded + j];

                to[j] += dropped ? g * dropped[i * n + j] : g;
            }
        }
    }
    memcpy((T *)r->d_states[0] + first * n, dh, rows * n * sizeof(T));
    if (has_c) {
        memcpy((T *)r->d_states[1] + first * n, dc, rows * n * sizeof(T));
    }
}

#endif
