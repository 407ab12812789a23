/* attention.c: softmax(scale * q k^T) v and its gradients, for each sequence and head.
 *
 * A task takes some queries of one head at a time: their scores stay in the L2 cache from the
 * product that makes them to the one that uses them. The gradients compute them again. Those by keys
 * and values are summed over blocks of queries in order, and parts of the queries separately, where
 * there are few heads: blocks and parts depend on the shapes alone, so the bits do not depend on the
 * number of threads. */
#include "nn.h"
#include "tiles.h"

#include <stdatomic.h>
#include <string.h>

/* The scores of a block, and those beside them, leave room for keys and values in the L2 cache. */
enum { SCORES_BYTES = 128 << 10, MIN_ROWS = 8 };

/* Enough tasks for eight cores, with parts of as many bytes at most. */
enum { ENOUGH_TASKS = 16, PARTS_BYTES = 64 << 20 };

/* Not -inf: where a query sees no key, all weights are then equal instead of NaN. */
#define HIDDEN (-1e30)

typedef struct {
    const pt_attention *shape;
    const pt_nn_loops_of *loops;
    pt_scaled_cast scaled;
    size_t item, block, n_blocks; /* queries in a block */
    const char *q, *k, *v, *g;
    const uint8_t *mask;
    char *out;      /* or the gradient by q */
    char *dk, *dv;  /* (batch, keys, heads, size) */
    size_t n_parts; /* of the queries */
    char *parts;    /* (tasks, keys, size + value_size), if n_parts > 1 */
    size_t part_bytes;
    _Atomic pt_status status;
} job;

/* Some queries of one head. */
typedef struct {
    size_t image, head, first, n_queries, n_keys;
} block;

/* Room for n elements, in whole cache lines. */
static size_t room(const job *j, size_t n) { return pt_ceil_div(n * j->item, 64) * 64; }

/* The rows of one head in an array (batch, length, heads, size), from number `first` on. */
static const char *rows_of(const job *j, const char *array, const block *b, size_t length,
                           size_t size, size_t first) {
    return array + ((b->image * length + first) * j->shape->heads + b->head) * size * j->item;
}

/* Rows of a head, as rows or as columns of a product. */
static pt_factor lines_of(const job *j, const char *rows, size_t size) {
    return (pt_factor){rows, .line_stride = (ptrdiff_t)(j->shape->heads * size), .term_stride = 1};
}

static pt_factor terms_of(const job *j, const char *rows, size_t size) {
    return (pt_factor){rows, .line_stride = 1, .term_stride = (ptrdiff_t)(j->shape->heads * size)};
}

static void multiply(job *j, size_t m, size_t n, size_t k, pt_factor a, pt_factor b, void *c) {
    const pt_status status = pt_tiles(&(pt_tiled_product){
        .dtype = j->shape->dtype, .n_batch = 1, .m = m, .n = n, .k = k, .a = a, .b = b, .c = c});

    if (status != PT_OK) {
        atomic_store_explicit(&j->status, status, memory_order_relaxed);
    }
}

/* rows (n, size) of a head, to where they are in an array (batch, length, heads, size). */
static void store(const job *j, const char *rows, size_t n, size_t size, const char *array) {
    char *to = (char *)(uintptr_t)array;

    for (size_t r = 0; r < n; r++) {
        memcpy(to + r * j->shape->heads * size * j->item, rows + r * size * j->item,
               size * j->item);
    }
}

/* x (queries, keys) = value where a query does not see a key. */
static void hide(const job *j, const block *b, double value, char *x) {
    static const uint8_t hidden = 0;
    const ptrdiff_t *strides = j->shape->mask_strides;

    for (size_t r = 0; r < b->n_queries; r++) {
        char *row = x + r * b->n_keys * j->item;
        const size_t seen = b->first + r + 1;

        if (j->mask) {
            j->loops->hide(b->n_keys,
                           j->mask + (ptrdiff_t)b->image * strides[0] +
                               (ptrdiff_t)b->head * strides[1] +
                               (ptrdiff_t)(b->first + r) * strides[2],
                           strides[3], value, row);
        }
        if (j->shape->is_causal && seen < b->n_keys) {
            j->loops->hide(b->n_keys - seen, &hidden, 0, value, row + seen * j->item);
        }
    }
}

static block block_of(const job *j, size_t head, size_t number) {
    const pt_attention *s = j->shape;
    block b = {.image = head / s->heads, .head = head % s->heads, .first = number * j->block};

    b.n_queries = pt_min(j->block, s->queries - b.first);
    /* What no query sees is left out, but with a mask one may see nothing and take the mean of all. */
    b.n_keys = s->is_causal && !j->mask ? pt_min(s->keys, b.first + b.n_queries) : s->keys;
    return b;
}

/* p (queries, keys): the weights. scaled: room for (queries, size). */
static void compute_weights(job *j, const block *b, char *scaled, char *p) {
    const pt_attention *s = j->shape;
    const char *q = rows_of(j, j->q, b, s->queries, s->size, b->first);

    for (size_t r = 0; r < b->n_queries; r++) {
        j->scaled(s->size, q + r * s->heads * s->size * j->item, s->scale,
                  scaled + r * s->size * j->item);
    }
    multiply(j, b->n_queries, b->n_keys, s->size,
             (pt_factor){scaled, .line_stride = (ptrdiff_t)s->size, .term_stride = 1},
             lines_of(j, rows_of(j, j->k, b, s->keys, s->size, 0), s->size), p);
    hide(j, b, HIDDEN, p);
    if (b->n_keys > 0) {
        j->loops->softmax(b->n_queries, b->n_keys, p, p);
    }
}

static void forward_task(void *context, size_t i) {
    job *j = context;
    const pt_attention *s = j->shape;
    const block b = block_of(j, i / j->n_blocks, i % j->n_blocks);
    const size_t of_rows = room(j, j->block * pt_max(s->size, s->value_size));
    const size_t of_p = room(j, j->block * s->keys), bytes = of_rows + of_p;
    char *rows = pt_alloc(bytes), *p = rows + of_rows;

    if (!rows) {
        atomic_store_explicit(&j->status, PT_NO_MEMORY, memory_order_relaxed);
        return;
    }
    compute_weights(j, &b, rows, p);
    multiply(j, b.n_queries, s->value_size, b.n_keys,
             (pt_factor){p, .line_stride = (ptrdiff_t)b.n_keys, .term_stride = 1},
             terms_of(j, rows_of(j, j->v, &b, s->keys, s->value_size, 0), s->value_size), rows);
    store(j, rows, b.n_queries, s->value_size,
          rows_of(j, j->out, &b, s->queries, s->value_size, b.first));
    pt_free(rows, bytes);
}

/* sum (keys, size) += weights^T rows over the block's queries; weights: (queries, keys). */
static void add_product(job *j, const block *b, const char *weights, const char *rows, size_t size,
                        bool is_first, char *part, char *sum) {
    multiply(j, b->n_keys, size, b->n_queries,
             (pt_factor){weights, .line_stride = 1, .term_stride = (ptrdiff_t)b->n_keys},
             terms_of(j, rows, size), is_first ? sum : part);
    if (is_first) {
        memset(sum + b->n_keys * size * j->item, 0, (j->shape->keys - b->n_keys) * size * j->item);
    } else {
        j->loops->add(b->n_keys * size, part, sum);
    }
}

/* One part of the queries of a head. */
static void gradient_task(void *context, size_t i) {
    job *j = context;
    const pt_attention *s = j->shape;
    const size_t size = s->size, value_size = s->value_size, widest = pt_max(size, value_size);
    const size_t of_rows = room(j, pt_max(j->block, s->keys) * widest);
    const size_t of_p = room(j, j->block * s->keys);
    const size_t of_dk = room(j, s->keys * size), of_dv = room(j, s->keys * value_size);
    const bool is_alone = j->n_parts == 1;
    const size_t bytes = of_rows + 2 * of_p + (is_alone ? of_dk + of_dv : 0);
    char *rows = pt_alloc(bytes), *p = rows + of_rows, *d = p + of_p;
    char *dk = is_alone ? d + of_p : j->parts + i * j->part_bytes, *dv = dk + of_dk;
    const size_t part = i % j->n_parts, head = i / j->n_parts;
    const size_t first = j->n_blocks * part / j->n_parts;
    const size_t end = j->n_blocks * (part + 1) / j->n_parts;
    block b = block_of(j, head, 0);

    if (!rows) {
        atomic_store_explicit(&j->status, PT_NO_MEMORY, memory_order_relaxed);
        return;
    }
    for (size_t number = first; number < end; number++) {
        b = block_of(j, head, number);
        const char *q = rows_of(j, j->q, &b, s->queries, size, b.first);
        const char *k = rows_of(j, j->k, &b, s->keys, size, 0);
        const char *v = rows_of(j, j->v, &b, s->keys, value_size, 0);
        const char *g = rows_of(j, j->g, &b, s->queries, value_size, b.first);

        compute_weights(j, &b, rows, p);
        add_product(j, &b, p, g, value_size, number == first, rows, dv);
        multiply(j, b.n_queries, b.n_keys, value_size, lines_of(j, g, value_size),
                 lines_of(j, v, value_size), d);
        j->loops->softmax_gradient(b.n_queries, b.n_keys, p, s->scale, d);
        if (j->mask) { /* a query that sees nothing has weights, but they do not change */
            hide(j, &b, 0, d);
        }
        multiply(j, b.n_queries, size, b.n_keys,
                 (pt_factor){d, .line_stride = (ptrdiff_t)b.n_keys, .term_stride = 1},
                 terms_of(j, k, size), rows);
        store(j, rows, b.n_queries, size, rows_of(j, j->out, &b, s->queries, size, b.first));
        add_product(j, &b, d, q, size, number == first, rows, dk);
    }
    if (is_alone) {
        store(j, dk, s->keys, size, rows_of(j, j->dk, &b, s->keys, size, 0));
        store(j, dv, s->keys, value_size, rows_of(j, j->dv, &b, s->keys, value_size, 0));
    }
    pt_free(rows, bytes);
}

/* Adds up the parts of one head. */
static void sum_task(void *context, size_t head) {
    const job *j = context;
    const pt_attention *s = j->shape;
    const block b = block_of(j, head, 0);
    char *dk = j->parts + head * j->n_parts * j->part_bytes;
    char *dv = dk + room(j, s->keys * s->size);

    for (size_t part = 1; part < j->n_parts; part++) {
        j->loops->add(s->keys * s->size, dk + part * j->part_bytes, dk);
        j->loops->add(s->keys * s->value_size, dv + part * j->part_bytes, dv);
    }
    store(j, dk, s->keys, s->size, rows_of(j, j->dk, &b, s->keys, s->size, 0));
    store(j, dv, s->keys, s->value_size, rows_of(j, j->dv, &b, s->keys, s->value_size, 0));
}

static job prepare(const pt_attention *s, const void *q, const void *k, const void *v,
                   const uint8_t *mask, void *out) {
    const pt_nn_table *table = PT_SELECT(pt_nn_loops);
    const size_t item = pt_dtype_size[s->dtype];
    const size_t fitting = pt_max(SCORES_BYTES / pt_max(s->keys * item, 1), MIN_ROWS);
    const size_t n_blocks = pt_ceil_div(s->queries, fitting);
    const size_t rows = n_blocks > 0 ? pt_ceil_div(s->queries, n_blocks) : 1;

    return (job){.shape = s,
                 .loops = &table->loops[s->dtype],
                 .scaled = table->casts[s->dtype][s->dtype],
                 .item = item,
                 .block = rows,
                 .n_blocks = pt_ceil_div(s->queries, rows),
                 .q = q,
                 .k = k,
                 .v = v,
                 .mask = mask,
                 .out = out,
                 .n_parts = 1};
}

/* The status of the run, or of its tasks: an interruption comes first, it has set an exception. */
static pt_status status_of(const job *j, pt_status status) {
    return status == PT_OK ? atomic_load_explicit(&j->status, memory_order_relaxed) : status;
}

pt_status pt_attention_forward(const pt_attention *s, const void *q, const void *k, const void *v,
                               const uint8_t *mask, void *out) {
    job j = prepare(s, q, k, v, mask, out);

    if (s->value_size == 0) {
        return PT_OK;
    }
    return status_of(
        &j, pt_parallel_for_interruptible(forward_task, &j, s->batch * s->heads * j.n_blocks));
}

pt_status pt_attention_gradient(const pt_attention *s, const void *q, const void *k, const void *v,
                                const uint8_t *mask, const void *g, void *gradients) {
    job j = prepare(s, q, k, v, mask, gradients);
    const size_t n_heads = s->batch * s->heads;
    const size_t of_q = s->batch * s->queries * s->heads * s->size * j.item;
    const size_t of_k = s->batch * s->keys * s->heads * s->size * j.item;

    j.g = g;
    j.dk = j.out + of_q;
    j.dv = j.dk + of_k;
    if (n_heads == 0 || j.n_blocks == 0) {
        memset(j.dk, 0, of_k + s->batch * s->keys * s->heads * s->value_size * j.item);
        return PT_OK;
    }
    j.part_bytes = room(&j, s->keys * s->size) + room(&j, s->keys * s->value_size);
    if (n_heads < ENOUGH_TASKS) {
        const size_t most = PARTS_BYTES / pt_max(n_heads * j.part_bytes, 1);
        j.n_parts = pt_min(pt_min(pt_ceil_div(ENOUGH_TASKS, n_heads), j.n_blocks), pt_max(most, 1));
    }
    const size_t bytes = j.n_parts > 1 ? n_heads * j.n_parts * j.part_bytes : 0;
    j.parts = pt_alloc(bytes);
    if (!j.parts) {
        return PT_NO_MEMORY;
    }
    pt_status status =
        status_of(&j, pt_parallel_for_interruptible(gradient_task, &j, n_heads * j.n_parts));
    if (status == PT_OK && j.n_parts > 1) {
        pt_parallel_for(sum_task, &j, n_heads);
    }
    pt_free(j.parts, bytes);
    return status;
}
