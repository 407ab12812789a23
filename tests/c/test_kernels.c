/* test_kernels.c: what the kernels compute, on any system and instruction set, against golden.h.
 *
 *   test_kernels           exits 0 if all agree
 *   test_kernels --write   prints golden.h: after a change of the table of ops, on a build that the
 *                          Python tests, which know the true values, have passed
 *
 * Floats may differ by what the published bounds allow two instruction sets, all else not at all.
 * Results without a row in golden.h are counted; only missing kinds of kernels are an error. */
#include "check.h"
#include "pt.h"

#include <math.h>
#include <string.h>

enum { N_SAMPLES = 8, N = 100, MAX_N = 140 * 140 };

typedef struct {
    const char *name;
    double values[N_SAMPLES];
} row;

#include "golden.h"

static bool writes;
static size_t n_checked, n_unknown, n_wrong;

/* ----------------------------------------------------------------------- numbers */

static double element(pt_dtype dtype, const void *data, size_t i) {
    switch (dtype) {
    case PT_BOOL:
    case PT_UINT8:
        return ((const uint8_t *)data)[i];
    case PT_INT32:
        return ((const int32_t *)data)[i];
    case PT_INT64:
        return (double)((const int64_t *)data)[i];
    case PT_FLOAT32:
        return ((const float *)data)[i];
    case PT_FLOAT64:
        return ((const double *)data)[i];
    default:
        CHECK(!"a dtype that this test has");
        return 0;
    }
}

static void set(pt_dtype dtype, void *data, size_t i, double value) {
    switch (dtype) {
    case PT_BOOL:
        ((uint8_t *)data)[i] = value > 0;
        break;
    case PT_UINT8:
        ((uint8_t *)data)[i] = (uint8_t)(int)fabs(value);
        break;
    case PT_INT32:
        ((int32_t *)data)[i] = (int32_t)value;
        break;
    case PT_INT64:
        ((int64_t *)data)[i] = (int64_t)value;
        break;
    case PT_FLOAT32:
        ((float *)data)[i] = (float)value;
        break;
    case PT_FLOAT64:
        ((double *)data)[i] = value;
        break;
    default:
        CHECK(!"a dtype that this test has");
    }
}

/* Multiples of 1/8 in [-6.25, 6.25], which all dtypes' conversions keep or round alike. */
static double number(size_t i, size_t factor) { return ((double)(i * factor % 101) - 50) / 8; }

static void *filled(pt_dtype dtype, size_t n, size_t factor) {
    void *data = pt_alloc(n * pt_dtype_size[dtype]);

    CHECK(data != NULL);
    for (size_t i = 0; i < n; i++) {
        set(dtype, data, i, number(i, factor));
    }
    return data;
}

static void print_number(double x) {
    if (isnan(x)) {
        printf("NAN");
    } else if (isinf(x)) {
        printf("%sINFINITY", x < 0 ? "-" : "");
    } else if (x == floor(x) && fabs(x) < 1e6) {
        printf("%.0f", x == 0 ? 0 : x); /* -0 is equal to 0, and no constant */
    } else {
        printf("%a", x);
    }
}

/* Some of the n numbers that a kernel for the dtype `compute` left, evenly spaced; ulps: how many
 * units in the last place, of the largest number if of_largest, a float may be off. */
static void check(const char *kind, const char *name, pt_dtype compute, pt_dtype dtype, size_t n,
                  const void *data, double ulps, bool of_largest) {
    static const char *const names[PT_N_DTYPES] = {
        [PT_BOOL] = "bool",   [PT_UINT8] = "uint8",     [PT_INT32] = "int32",
        [PT_INT64] = "int64", [PT_FLOAT32] = "float32", [PT_FLOAT64] = "float64"};
    char full_name[80];
    double values[N_SAMPLES], largest = 0;
    const row *expected = NULL;

    snprintf(full_name, sizeof full_name, "%s %s %s", kind, name, names[compute]);
    for (size_t i = 0; i < N_SAMPLES; i++) {
        values[i] = element(dtype, data, i * (n - 1) / (N_SAMPLES - 1));
        largest = fmax(largest, fabs(values[i]));
    }
    if (writes) {
        printf("    {\"%s\", {", full_name);
        for (size_t i = 0; i < N_SAMPLES; i++) {
            printf(i > 0 ? ", " : "");
            print_number(values[i]);
        }
        printf("}},\n");
        return;
    }
    for (size_t i = 0; i < sizeof golden / sizeof golden[0] && expected == NULL; i++) {
        expected = strcmp(golden[i].name, full_name) == 0 ? &golden[i] : NULL;
    }
    if (expected == NULL) {
        n_unknown++;
        return;
    }
    n_checked++;
    const double epsilon = dtype == PT_FLOAT32 ? 0x1p-23 : dtype == PT_FLOAT64 ? 0x1p-52 : 0;
    for (size_t i = 0; i < N_SAMPLES; i++) {
        const double found = values[i], wanted = expected->values[i];
        const double room = ulps * epsilon * (of_largest ? largest : fabs(wanted));
        const bool is_equal = found == wanted || (isnan(found) && isnan(wanted));
        if (!is_equal && !(fabs(found - wanted) <= room)) {
            fprintf(stderr, "%s: sample %zu: found %.17g: expected %.17g\n", full_name, i, found,
                    wanted);
            n_wrong++;
            break;
        }
    }
}

/* --------------------------------------------------------- element by element */

static const pt_dtype dtypes[] = {PT_BOOL, PT_UINT8, PT_INT32, PT_INT64, PT_FLOAT32, PT_FLOAT64};
enum { N_TESTED = sizeof dtypes / sizeof dtypes[0] };

static void test_elementwise(void) {
    static const size_t factors[] = {37, 23, 11};
    const ptrdiff_t shape[] = {N};

    for (int op = 0; op < PT_OP_COUNT; op++) {
        const pt_row_info *info = &pt_elementwise_info[op];
        const bool is_shift = strstr(info->name, "shift") != NULL;
        for (size_t d = 0; d < N_TESTED; d++) {
            const pt_dtype dtype = dtypes[d];
            if (!pt_elementwise_has((pt_elementwise_op)op, dtype) || dtype == PT_INT64) {
                continue; /* what holds of int32 holds of int64: the samples would be the same */
            }
            const pt_dtype result = info->result == PT_RESULT_BOOL ? PT_BOOL : dtype;
            const ptrdiff_t step = (ptrdiff_t)pt_dtype_size[dtype],
                            out_step = (ptrdiff_t)pt_dtype_size[result], one = 1;
            void *inputs[3], *out = pt_alloc(N * pt_dtype_size[result]);
            pt_operand in[3], to = {out, &out_step, result};
            CHECK(out != NULL && info->n_inputs <= 3);
            for (int i = 0; i < info->n_inputs; i++) {
                const bool is_condition = i < info->n_conditions;
                const pt_dtype type = is_condition ? PT_BOOL : dtype;
                inputs[i] = filled(type, N, factors[i]);
                for (size_t k = 0; is_shift && i == 1 && k < N; k++) {
                    set(type, inputs[i], k, (double)(k % 7));
                }
                in[i] = (pt_operand){inputs[i], is_condition ? &one : &step, type};
            }
            pt_elementwise((pt_elementwise_op)op, dtype, 1, shape, in, &to);
            check("op", info->name, dtype, result, N, out, 2, false);
            for (int i = 0; i < info->n_inputs; i++) {
                const bool is_condition = i < info->n_conditions;
                pt_free(inputs[i], N * pt_dtype_size[is_condition ? PT_BOOL : dtype]);
            }
            pt_free(out, N * pt_dtype_size[result]);
        }
    }
}

/* Every second element, backwards, of each dtype to each. */
static void test_conversions(void) {
    const ptrdiff_t shape[] = {N / 2};
    char name[40];

    for (size_t a = 0; a < N_TESTED; a++) {
        for (size_t b = 0; b < N_TESTED; b++) {
            const pt_dtype from = dtypes[a], to = dtypes[b];
            if (to == PT_UINT8 && from != PT_BOOL) {
                continue; /* of negative numbers: C leaves it to the machine */
            }
            const ptrdiff_t step = -2 * (ptrdiff_t)pt_dtype_size[from];
            const ptrdiff_t out_step = (ptrdiff_t)pt_dtype_size[to];
            char *data = filled(from, N, 37), *out = pt_alloc(N / 2 * pt_dtype_size[to]);
            CHECK(out != NULL);
            pt_copy(1, shape, &(pt_operand){data + (N - 1) * pt_dtype_size[from], &step, from},
                    &(pt_operand){out, &out_step, to});
            snprintf(name, sizeof name, "from %d to", (int)from);
            check("copy", name, to, to, N / 2, out, 0, false);
            pt_free(data, N * pt_dtype_size[from]);
            pt_free(out, N / 2 * pt_dtype_size[to]);
        }
    }
}

/* exp(a b) + a in one pass. */
static void test_fuse(void) {
    for (pt_dtype dtype = PT_FLOAT32; dtype <= PT_FLOAT64; dtype++) {
        const size_t bytes = 3000 * pt_dtype_size[dtype];
        const ptrdiff_t shape[] = {3000}, step = (ptrdiff_t)pt_dtype_size[dtype];
        const pt_fused_op ops[] = {{PT_OP_MULTIPLY, dtype, dtype, {0, 1, 3}},
                                   {PT_OP_EXP, dtype, dtype, {3, 3}},
                                   {PT_OP_ADD, dtype, dtype, {3, 0, 2}}};
        const pt_program program = {.n_inputs = 2,
                                    .n_outputs = 1,
                                    .n_temporaries = 1,
                                    .n_ops = 3,
                                    .item = pt_dtype_size[dtype],
                                    .inputs = {dtype, dtype},
                                    .outputs = {dtype},
                                    .ops = ops};
        char *a = filled(dtype, 3000, 37), *b = filled(dtype, 3000, 23), *out = pt_alloc(bytes);
        CHECK(out != NULL);
        pt_fused(&program, 1, shape, (pt_operand[]){{a, &step, dtype}, {b, &step, dtype}}, &out);
        check("fuse", "exp(a b) + a", dtype, dtype, 3000, out, 4, false);
        pt_free(a, bytes);
        pt_free(b, bytes);
        pt_free(out, bytes);
    }
}

/* The last axis, then the first, which is strided. */
static void test_reductions(void) {
    enum { ROWS = 30, COLUMNS = 200 };
    static const pt_dtype reduced[] = {PT_BOOL, PT_UINT8, PT_INT32, PT_FLOAT32, PT_FLOAT64};

    for (int op = 0; op < PT_REDUCE_COUNT; op++) {
        for (size_t d = 0; d < sizeof reduced / sizeof reduced[0]; d++) {
            const pt_dtype dtype = reduced[d];
            const pt_row_info *info = &pt_reduce_info[op];
            if (!pt_reduce_has((pt_reduce_op)op, dtype)) {
                continue;
            }
            const pt_dtype result = info->result == PT_RESULT_BOOL    ? PT_BOOL
                                    : info->result == PT_RESULT_INDEX ? PT_INT64
                                                                      : dtype;
            const ptrdiff_t size = (ptrdiff_t)pt_dtype_size[dtype];
            const ptrdiff_t out_step = (ptrdiff_t)pt_dtype_size[result];
            char *data = filled(dtype, ROWS * COLUMNS, 37);
            char *out = pt_alloc(COLUMNS * pt_dtype_size[result]);
            CHECK(out != NULL);
            for (int axis = 0; axis < 2; axis++) {
                const ptrdiff_t by_rows[] = {COLUMNS * size, size};
                const ptrdiff_t by_columns[] = {size, COLUMNS * size};
                const ptrdiff_t shapes[][2] = {{ROWS, COLUMNS}, {COLUMNS, ROWS}};
                CHECK(pt_reduce((pt_reduce_op)op, dtype, 2, 1, shapes[axis],
                                &(pt_operand){data, axis == 0 ? by_rows : by_columns, dtype},
                                &(pt_operand){out, &out_step, result}) == PT_OK);
                check(axis == 0 ? "reduce rows" : "reduce columns", info->name, dtype, result,
                      axis == 0 ? ROWS : COLUMNS, out, 32, true);
            }
            pt_free(data, ROWS * COLUMNS * pt_dtype_size[dtype]);
            pt_free(out, COLUMNS * pt_dtype_size[result]);
        }
    }
}

/* --------------------------------------------------------------------- products */

static void test_matmul(void) {
    static const struct {
        const char *name;
        size_t n_batch, m, n, k;
        bool a_transposed, b_transposed, has_bias;
    } cases[] = {
        {"plain", 1, 70, 50, 130, false, false, false},
        {"transposed", 1, 70, 50, 130, true, true, false},
        {"bias and relu", 1, 33, 65, 100, false, false, true},
        {"batch", 5, 17, 9, 40, false, true, false},
        {"column", 1, 130, 1, 140, false, false, false},
        {"row", 1, 1, 130, 140, false, false, false},
        {"no terms", 1, 5, 6, 0, false, false, true},
        {"many terms", 1, 4, 6, 3000, false, false, false},
    };
    static const pt_dtype multiplied[] = {PT_UINT8, PT_INT32, PT_FLOAT32, PT_FLOAT64};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t d = 0; d < sizeof multiplied / sizeof multiplied[0]; d++) {
            const pt_dtype dtype = multiplied[d];
            const bool is_float = dtype >= PT_FLOAT32;
            const size_t size = pt_dtype_size[dtype], n_batch = cases[i].n_batch;
            const size_t m = cases[i].m, n = cases[i].n, k = cases[i].k;
            const ptrdiff_t rows = (ptrdiff_t)m, columns = (ptrdiff_t)n, terms = (ptrdiff_t)k;
            if (cases[i].has_bias && !is_float) {
                continue;
            }
            void *a = filled(dtype, n_batch * m * k, 37), *b = filled(dtype, n_batch * k * n, 23);
            void *bias = filled(dtype, n, 11), *c = pt_alloc(n_batch * m * n * size);
            CHECK(c != NULL);
            const pt_matrix of_a =
                cases[i].a_transposed ? (pt_matrix){a, 1, rows} : (pt_matrix){a, terms, 1};
            const pt_matrix of_b =
                cases[i].b_transposed ? (pt_matrix){b, 1, terms} : (pt_matrix){b, columns, 1};
            CHECK(pt_matmul(dtype, n_batch, m, n, k, of_a, (ptrdiff_t)(m * k * size), of_b,
                            (ptrdiff_t)(k * n * size), c, cases[i].has_bias ? bias : NULL,
                            cases[i].has_bias) == PT_OK);
            check("matmul", cases[i].name, dtype, dtype, n_batch * m * n, c, 64, true);
            pt_free(a, n_batch * m * k * size);
            pt_free(b, n_batch * k * n * size);
            pt_free(bias, n * size);
            pt_free(c, n_batch * m * n * size);
        }
    }
}

static void test_dense(void) {
    enum { M = 40, UNITS = 70, K = 90 };
    int64_t columns[K / 2];
    size_t count = 0;

    for (pt_dtype dtype = PT_FLOAT32; dtype <= PT_FLOAT64; dtype++) {
        const size_t size = pt_dtype_size[dtype];
        void *x = filled(dtype, M * K, 37), *w = filled(dtype, K * UNITS, 23);
        void *bias = filled(dtype, UNITS, 11), *out = pt_alloc(K * UNITS * size);
        CHECK(out != NULL);
        for (size_t i = 0; i < M * K; i++) {
            if (i % K % 2 == 0) {
                set(dtype, x, i, 0);
            }
        }
        CHECK(pt_nonzero_columns(dtype, M, K, x, (ptrdiff_t)(K * size), K / 2, columns, &count) ==
              PT_OK);
        CHECK(count == K / 2 && columns[0] == 1 && columns[K / 2 - 1] == K - 1);
        CHECK(pt_dense(dtype, M, UNITS, K / 2, x, K, w, UNITS, columns, bias, true, out) == PT_OK);
        check("dense", "columns", dtype, dtype, M * UNITS, out, 64, true);
        CHECK(pt_dense_weight_gradient(dtype, M, UNITS, K, x, K, w, UNITS, NULL, out) == PT_OK);
        check("dense", "weight gradient", dtype, dtype, K * UNITS, out, 64, true);
        pt_free(x, M * K * size);
        pt_free(w, K * UNITS * size);
        pt_free(bias, UNITS * size);
        pt_free(out, K * UNITS * size);
    }
}

/* --------------------------------------------------------------------- networks */

static void test_networks(void) {
    enum { ROWS = 20, CLASSES = 11 };
    int64_t labels[ROWS];
    uint8_t images[ROWS * CLASSES];

    for (size_t i = 0; i < ROWS * CLASSES; i++) {
        images[i] = (uint8_t)(i * 37);
        labels[i / CLASSES] = (int64_t)(i % CLASSES * 7 % CLASSES);
    }
    for (pt_dtype dtype = PT_FLOAT32; dtype <= PT_FLOAT64; dtype++) {
        const size_t bytes = ROWS * CLASSES * pt_dtype_size[dtype];
        void *x = filled(dtype, ROWS * CLASSES, 37), *t = filled(dtype, ROWS * CLASSES, 23);
        void *out = pt_alloc(bytes);
        CHECK(out != NULL);
        pt_softmax(dtype, ROWS, CLASSES, x, out);
        check("network", "softmax", dtype, dtype, ROWS * CLASSES, out, 8, false);
        pt_log_softmax(dtype, ROWS, CLASSES, x, out);
        check("network", "log_softmax", dtype, dtype, ROWS * CLASSES, out, 8, true);
        pt_softmax_cross_entropy(dtype, ROWS, CLASSES, x, t, out);
        check("network", "softmax_cross_entropy", dtype, dtype, ROWS, out, 32, true);
        pt_sparse_softmax_cross_entropy(dtype, ROWS, CLASSES, x, labels, out);
        check("network", "sparse_softmax_cross_entropy", dtype, dtype, ROWS, out, 8, true);
        pt_gather_rows(PT_UINT8, images, CLASSES, labels, ROWS, dtype, 1.0 / 255, out);
        check("network", "gather_rows", dtype, dtype, ROWS * CLASSES, out, 1, false);
        for (int rule = 0; rule < PT_RULE_COUNT; rule++) {
            pt_update update = {.rule = (pt_rule)rule,
                                .dtype = dtype,
                                .n = ROWS * CLASSES,
                                .w = filled(dtype, ROWS * CLASSES, 37),
                                .keep = 0.99,
                                .scale = 0.5,
                                .limit = 2};
            char name[20];
            for (int i = 0; i < PT_MAX_NUMBERS; i++) {
                update.numbers[i] = 0.5 / (1 + i);
            }
            for (int i = 0; i < PT_MAX_STATES; i++) {
                update.state[i] = pt_alloc(bytes);
                CHECK(update.state[i] != NULL);
                for (size_t k = 0; k < ROWS * CLASSES; k++) {
                    set(dtype, update.state[i], k, 1 + (double)(k % 5));
                }
            }
            pt_update_weight(&update, t, &(pt_gradient_rows){.rows = NULL});
            snprintf(name, sizeof name, "rule %d", rule);
            check("update", name, dtype, dtype, ROWS * CLASSES, update.w, 16, true);
            pt_free(update.w, bytes);
            for (int i = 0; i < PT_MAX_STATES; i++) {
                pt_free(update.state[i], bytes);
            }
        }
        pt_free(x, bytes);
        pt_free(t, bytes);
        pt_free(out, bytes);
    }
}

int main(int argc, char **argv) {
    writes = argc > 1 && strcmp(argv[1], "--write") == 0;
    const char *error = pt_load_blas();
    if (error != NULL) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    if (writes) {
        puts("/* golden.h: written by test_kernels --write. */\n\nstatic const row golden[] = {");
        puts("    /* clang-format off */");
    }
    test_elementwise();
    test_conversions();
    test_fuse();
    test_reductions();
    test_matmul();
    test_dense();
    test_networks();
    if (writes) {
        puts("    /* clang-format on */\n};");
        return 0;
    }
    pt_memory_stats stats;
    pt_memory_get_stats(&stats);
    CHECK(stats.in_use == 0);
    printf("%zu results agree, %zu do not, %zu have no golden values; %s, %d threads, BLAS: %s\n",
           n_checked - n_wrong, n_wrong, n_unknown, pt_isa_name(), pt_get_num_threads(),
           pt_blas_config());
    CHECK(n_wrong == 0 && n_checked > 300 && n_unknown < n_checked / 4);
    return 0;
}
