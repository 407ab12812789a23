/* elementwise_loop.h: the loop of one element-wise row for one dtype.
 *
 * Included by rows_elementwise.h with OP, EXPRESSION (in x, y, z), N_INPUTS, where the result is
 * not T, RESULT, and, if EXPRESSION may not cover every x or (x, y), HAS_RARE. operands: the
 * inputs, then the result, each (n,) contiguous. n is a multiple of PT_LANES: no element is
 * computed by a scalar tail, so its bits do not depend on its position. The result may be one of
 * the inputs.
 *
 * If VECTOR_OP_SUFFIX is 1 (math_vector.h), vector_OP_SUFFIX replaces EXPRESSION; it covers every
 * input. If ROUNDED_OP_SUFFIX is 1 (math_f32.h), rounded_OP_SUFFIX does, and pt_exact_OP_SUFFIX
 * (exact_f32.h) computes again what is in doubt. If QUICK_OP_SUFFIX is 1 (math_quick_f32.h),
 * quick_OP_SUFFIX comes before these two.
 */
#ifndef RESULT
#define RESULT T
#endif

#if F_PASTE(F_PASTE(VECTOR, OP), SUFFIX) || F_PASTE(F_PASTE(ROUNDED, OP), SUFFIX)
#undef HAS_RARE
#endif

#if F_PASTE(F_PASTE(ROUNDED, OP), SUFFIX)
#if N_INPUTS == 1
#define ARGUMENTS(of, i) (of[0][i])
#define VECTORS(of, i) (_mm256_loadu_ps(of[0] + i))
#else
#define ARGUMENTS(of, i) (of[0][i], of[1][i])
#define VECTORS(of, i) (_mm256_loadu_ps(of[0] + i), _mm256_loadu_ps(of[1] + i))
#endif
/* In blocks that stay in the L1 cache. The inputs are saved if the result overwrites them. */
static void F_PASTE(OP, F(loop))(char *const *operands, size_t n) {
    T kept[N_INPUTS][PT_BLOCK];
    for (size_t start = 0; start < n; start += PT_BLOCK) {
        size_t count = n - start < PT_BLOCK ? n - start : PT_BLOCK;
        count &= ~(size_t)(PT_LANES - 1);
        if (count < PT_LANES)
            __builtin_unreachable(); /* nor is a scalar loop needed for few */
        T *out = (T *)operands[N_INPUTS] + start;
        const T *in[N_INPUTS];
        for (int k = 0; k < N_INPUTS; k++) {
            in[k] = (const T *)operands[k] + start;
            if (in[k] == out)
                in[k] = memcpy(kept[k], in[k], count * sizeof(T));
        }
        uint32_t any = 0;
#if F_PASTE(F_PASTE(QUICK, OP), SUFFIX)
        uint64_t in_doubt[PT_BLOCK / 64];
        for (size_t i = 0; i < count; i += 16) {
            quick_vector r = F_PASTE(quick, F(OP))(_mm512_loadu_ps(in[0] + i));
            _mm512_storeu_ps(out + i, r.value);
            any |= r.in_doubt;
            memcpy((char *)in_doubt + i / 8, &r.in_doubt, sizeof r.in_doubt);
        }
        if (any == 0)
            continue;
        uint16_t at[PT_BLOCK + 8];
        size_t n_in_doubt = indices_of_bits(in_doubt, count, at);
        for (size_t i = 0; i < n_in_doubt; i += 8) {
            T x[8], value[8];
            for (int k = 0; k < 8; k++)
                x[k] = in[0][at[i + k]];
#if F_PASTE(F_PASTE(VECTOR, OP), SUFFIX)
            rounded_vector r = F_PASTE(vector, F(OP))(_mm256_loadu_ps(x));
            _mm256_storeu_ps(value, r.value);
            any = r.in_doubt;
#else
            any = 0;
#pragma omp simd reduction(| : any)
            for (int k = 0; k < 8; k++) {
                rounded r = F_PASTE(rounded, F(OP))(x[k]);
                value[k] = r.value;
                any |= r.in_doubt << k;
            }
#endif
            for (int k = 0; k < 8; k++)
                out[at[i + k]] = value[k];
            for (int k = 0; any && k < 8; k++) {
                if (any >> k & 1)
                    out[at[i + k]] = F_PASTE(pt_exact, F(OP))(x[k]);
            }
        }
#elif F_PASTE(F_PASTE(VECTOR, OP), SUFFIX)
        uint8_t in_doubt[PT_BLOCK / 8];
        for (size_t i = 0; i < count; i += 8) {
            rounded_vector r = F_PASTE(vector, F(OP)) VECTORS(in, i);
            _mm256_storeu_ps(out + i, r.value);
            any |= in_doubt[i / 8] = r.in_doubt;
        }
        for (size_t i = 0; any && i < count; i++) {
            if (in_doubt[i / 8] >> i % 8 & 1)
                out[i] = F_PASTE(pt_exact, F(OP)) ARGUMENTS(in, i);
        }
#else
        uint32_t in_doubt[PT_BLOCK];
#pragma omp simd reduction(| : any)
        for (size_t i = 0; i < count; i++) {
            rounded r = F_PASTE(rounded, F(OP)) ARGUMENTS(in, i);
            out[i] = r.value;
            any |= in_doubt[i] = r.in_doubt;
        }
        for (size_t i = 0; any && i < count; i++) {
            if (in_doubt[i])
                out[i] = F_PASTE(pt_exact, F(OP)) ARGUMENTS(in, i);
        }
#endif
    }
}
#undef VECTORS
#undef ARGUMENTS
#else

#ifdef HAS_RARE
#define LOOP common
#else
#define LOOP loop
#endif

static void F_PASTE(OP, F(LOOP))(char *const *operands, size_t n) {
    const T *xs = (const T *)operands[0];
#if N_INPUTS > 1
    const T *ys = (const T *)operands[1];
#endif
#if N_INPUTS > 2
    const T *zs = (const T *)operands[2];
#endif
    RESULT *out = (RESULT *)operands[N_INPUTS];
    n &= ~(size_t)(PT_LANES - 1); /* no change, but tells the compiler that no tail is needed */
#if F_PASTE(F_PASTE(VECTOR, OP), SUFFIX)
    for (size_t i = 0; i < n; i += VECTOR_F64_LANES) {
#if N_INPUTS == 1
        F(store)(out + i, F_PASTE(vector, F(OP))(F(load)(xs + i)));
#else
        F(store)(out + i, F_PASTE(vector, F(OP))(F(load)(xs + i), F(load)(ys + i)));
#endif
    }
#else
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        T x = xs[i];
#if N_INPUTS > 1
        T y = ys[i];
#endif
#if N_INPUTS > 2
        T z = zs[i];
#endif
        out[i] = (RESULT)EXPRESSION;
    }
#endif
}

/* Computes all elements by the common formula, then those that it does not cover by the slow one.
 * Blocks stay in the L1 cache; their inputs are saved, since the result may overwrite them. */
#ifdef HAS_RARE
#if N_INPUTS == 1
#define ARGUMENTS(of, i) (of[0][i])
#else
#define ARGUMENTS(of, i) (of[0][i], of[1][i])
#endif
static void F_PASTE(OP, F(loop))(char *const *operands, size_t n) {
    for (size_t start = 0; start < n; start += PT_BLOCK) {
        size_t count = n - start < PT_BLOCK ? n - start : PT_BLOCK;
        char *part[N_INPUTS + 1];
        for (int k = 0; k <= N_INPUTS; k++)
            part[k] = operands[k] + start * sizeof(T);
        const T *in[N_INPUTS];
        for (int k = 0; k < N_INPUTS; k++)
            in[k] = (const T *)part[k];
        int any = 0;
#pragma omp simd reduction(| : any)
        for (size_t i = 0; i < count; i++)
            any |= F_PASTE(F(OP), rare) ARGUMENTS(in, i);
        T kept[N_INPUTS][PT_BLOCK];
        for (int k = 0; any && k < N_INPUTS; k++)
            memcpy(kept[k], in[k], count * sizeof(T));
        F_PASTE(OP, F(common))(part, count);
        T *out = (T *)part[N_INPUTS];
        for (size_t i = 0; any && i < count; i++) {
            if (F_PASTE(F(OP), rare) ARGUMENTS(kept, i)) {
                out[i] = F_PASTE(F(OP), slow) ARGUMENTS(kept, i);
            }
        }
    }
}
#undef ARGUMENTS
#undef HAS_RARE
#endif
#undef LOOP
#endif

#undef OP
#undef EXPRESSION
#undef N_INPUTS
#undef RESULT
