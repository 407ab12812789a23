/* reduce.c: walks shapes and strides, fetches elements that the loops cannot read in place,
 * combines the results of blocks and shares the work among threads. reduce.h defines the order in
 * which elements are combined, and the error of a sum; nothing here may change that order.
 *
 * Results are computed in bundles, up to PT_REDUCE_COLUMNS neighbours along one kept axis, in one
 * of two ways:
 *   run    the elements of each result are contiguous, or made so in a buffer of one block;
 *   rows   neighbouring results have neighbouring elements: the loop goes down the reduced axis and
 *          computes all results of the bundle side by side.
 */
#include "reduce.h"

#include <string.h>

#include "elementwise.h"

/* Blocks of one result that are reduced by one call of the loop. */
#define RUN_BLOCKS ((size_t)32)
/* Costs are in bytes at 100 GB/s, see cost_of_element. Below PARALLEL_BYTES, 10 us, a second thread
 * saves less than the 5 us that waking it can take. Tasks of TASK_BYTES, 1.3 us, hide their
 * dispatch (about 0.1 us) and can still be balanced. */
#define PARALLEL_BYTES ((size_t)1 << 20)
#define TASK_BYTES ((size_t)128 << 10)
/* Shorter pieces of rows are not read at full speed. */
#define ROW_PIECE_BYTES 512
#define TASKS_PER_THREAD 4

/* The results of a bundle, over all elements or some. */
typedef struct {
    _Alignas(64) char values[PT_REDUCE_COLUMNS(4) * 4]; /* (width,) of the dtype compute */
    int64_t at[PT_REDUCE_COLUMNS(4)];                   /* argmax, argmin: their positions */
} partial;

/* One call. The kept axes come first, from the widest stride to the narrowest, then the reduced
 * ones in their order. Neighbours of a kind are merged if possible; there is at least one axis of
 * each. */
typedef struct {
    const pt_reduce_loops *loops;
    pt_dtype compute;
    pt_operand in;
    char *out;
    bool is_search;       /* argmax, argmin */
    bool any_order;       /* the loop over runs takes more than one block at once */
    int absorbing;        /* any, all: the element that decides the result; otherwise -1 */
    bool by_rows, direct; /* direct: the loop reads the input in place */
    ptrdiff_t item, out_item;
    int n_kept, n_reduced;
    ptrdiff_t shape[PT_MAX_NDIM + 2];
    ptrdiff_t strides[PT_MAX_NDIM + 2];
    ptrdiff_t out_strides[PT_MAX_NDIM + 1];
    size_t n_outputs, n;
    size_t inner; /* length of the innermost kept axis */
    size_t width; /* results in a bundle */
    size_t n_bundles;
    size_t block; /* of PT_REDUCE_BLOCK */
    size_t leaf;  /* elements of each result that one call of the loop takes */
    size_t bundles_per_task;
    size_t group; /* elements of each result that one task takes */
    size_t n_groups;
    partial *partials; /* (n_bundles, n_groups), if n_groups > 1 */
} plan;

/* Neighbours along the innermost kept axis. */
typedef struct {
    size_t first; /* number of the first result */
    size_t width;
    char *x; /* its first element */
    char *out;
} bundle;

static const pt_reduce_loops *loops_of(pt_reduce_op op, pt_dtype compute) {
    const pt_reduce_loops *loops = &PT_SELECT(pt_reduce_loops_of)->loops[op][compute];
#if defined(__x86_64__)
    if (loops->run == NULL && pt_isa_level() == 2) {
        loops = &pt_reduce_loops_of_avx2.loops[op][compute];
    }
#endif
    return loops;
}

bool pt_reduce_has(pt_reduce_op op, pt_dtype compute) { return loops_of(op, compute)->run != NULL; }

/* ------------------------------------------------------------------------- axes */

static ptrdiff_t magnitude(ptrdiff_t stride) { return stride < 0 ? -stride : stride; }

/* The order of the kept axes: stride 0, where the input repeats, then from wide to narrow. */
static bool goes_before(ptrdiff_t stride, ptrdiff_t other) {
    return other != 0 && (stride == 0 || stride > other);
}

/* Sets the kept axes. Results may be computed in any order, so axes are flipped to run forward
 * through the input, and sorted. */
static void set_kept_axes(plan *p, int n, const ptrdiff_t *shape, const ptrdiff_t *strides,
                          const ptrdiff_t *out_strides) {
    int count = 0;
    p->n_outputs = 1;
    for (int d = 0; d < n; d++) {
        p->n_outputs *= (size_t)shape[d];
        if (shape[d] == 1 || p->n_outputs == 0)
            continue;
        ptrdiff_t stride = strides[d], out_stride = out_strides[d];
        if (stride < 0) {
            p->in.data += (shape[d] - 1) * stride;
            p->out += (shape[d] - 1) * out_stride;
            stride = -stride;
            out_stride = -out_stride;
        }
        int k = count++;
        for (; k > 0 && goes_before(stride, p->strides[k - 1]); k--) {
            p->shape[k] = p->shape[k - 1];
            p->strides[k] = p->strides[k - 1];
            p->out_strides[k] = p->out_strides[k - 1];
        }
        p->shape[k] = shape[d];
        p->strides[k] = stride;
        p->out_strides[k] = out_stride;
    }
    int last = 0;
    for (int k = 1; k < count; k++) {
        if (p->strides[last] == p->shape[k] * p->strides[k] &&
            p->out_strides[last] == p->shape[k] * p->out_strides[k]) {
            p->shape[last] *= p->shape[k];
        } else {
            p->shape[++last] = p->shape[k];
        }
        p->strides[last] = p->strides[k];
        p->out_strides[last] = p->out_strides[k];
    }
    if (count == 0) {
        p->shape[0] = 1;
        p->strides[0] = 0;
        p->out_strides[0] = p->out_item;
    }
    p->n_kept = last + 1;
    p->inner = (size_t)p->shape[last];
}

/* Sets the reduced axes, in the given order. */
static void set_reduced_axes(plan *p, int n, const ptrdiff_t *shape, const ptrdiff_t *strides) {
    ptrdiff_t *lengths = p->shape + p->n_kept, *steps = p->strides + p->n_kept;
    int last = -1;
    p->n = 1;
    for (int d = 0; d < n; d++) {
        p->n *= (size_t)shape[d];
        if (shape[d] == 1)
            continue;
        if (last >= 0 && steps[last] == shape[d] * strides[d]) {
            lengths[last] *= shape[d];
        } else {
            lengths[++last] = shape[d];
        }
        steps[last] = strides[d];
    }
    if (last < 0) {
        lengths[++last] = 1;
        steps[0] = (ptrdiff_t)pt_dtype_size[p->in.dtype];
    }
    p->n_reduced = last + 1;
}

static void set_width(plan *p, size_t width) {
    p->width = width;
    p->n_bundles = p->inner == width ? p->n_outputs / width
                                     : p->n_outputs / p->inner * ((p->inner - 1) / width + 1);
}

/* Decides how the loops access the elements. */
static void choose_way(plan *p) {
    const ptrdiff_t within = p->item - 1; /* of an element; sizes are powers of two */
    ptrdiff_t kept = p->strides[p->n_kept - 1];
    ptrdiff_t reduced = p->strides[p->n_kept + p->n_reduced - 1];
    p->by_rows = p->n > 0 && p->inner > 1 && kept != 0 && kept < magnitude(reduced);
    p->direct = p->in.dtype == p->compute && p->n_reduced == 1 &&
                (p->by_rows ? kept : reduced) == p->item &&
                ((p->by_rows ? reduced : kept) & within) == 0 &&
                ((uintptr_t)p->in.data & (uintptr_t)within) == 0;
    for (int d = 0; d < p->n_kept; d++)
        p->direct = p->direct && (p->strides[d] & within) == 0;
    size_t width = !p->by_rows && p->n > p->block ? 1 : p->inner;
    size_t most = p->by_rows && !p->direct ? PT_REDUCE_FLAT_COLUMNS : PT_REDUCE_COLUMNS(p->item);
    set_width(p, width < most ? width : most);
    p->leaf = p->block;
    if (p->is_search && (p->by_rows || p->direct))
        p->leaf = SIZE_MAX;
    if (!p->is_search && !p->by_rows && p->direct)
        p->leaf = RUN_BLOCKS * p->block;
}

static bundle bundle_at(const plan *p, size_t i) {
    size_t column = 0, outer = 0;
    if (i > 0) { /* small calls have one; the divisions would take a tenth of their time */
        size_t per_axis = (p->inner - 1) / p->width + 1;
        column = i % per_axis * p->width;
        outer = i / per_axis;
    }
    int last = p->n_kept - 1;
    bundle b = {.first = outer * p->inner + column,
                .width = p->inner - column < p->width ? p->inner - column : p->width,
                .x = p->in.data + (ptrdiff_t)column * p->strides[last],
                .out = p->out + (ptrdiff_t)column * p->out_strides[last]};
    for (int d = last - 1; d >= 0 && outer > 0; d--) {
        ptrdiff_t index = (ptrdiff_t)(outer % (size_t)p->shape[d]);
        outer /= (size_t)p->shape[d];
        b.x += index * p->strides[d];
        b.out += index * p->out_strides[d];
    }
    return b;
}

/* -------------------------------------------------------------------- combining */

/* into = left combined with right; into may be one of them. */
static void merge(const plan *p, size_t width, const partial *left, const partial *right,
                  partial *into) {
    /* As two rows, some way apart. */
    ptrdiff_t distance = (ptrdiff_t)((uintptr_t)right - (uintptr_t)left);
    pt_rows rows = {.data = left->values, .stride = distance / p->item};
    if (!p->is_search) {
        p->loops->rows(&rows, 2, width, into->values, NULL);
        return;
    }
    int64_t which[PT_REDUCE_COLUMNS(4)];
    p->loops->rows(&rows, 2, width, which, into->values);
    for (size_t c = 0; c < width; c++)
        into->at[c] = (which[c] == 0 ? left : right)->at[c];
}

/* Combines parts pairwise into the first, 0 with 1, 2 with 3 and so on, until one is left. This is
 * the tree of reduce.h: every subtree but the last is full. */
static void merge_all(const plan *p, size_t width, partial *parts, size_t count) {
    for (; count > 1; count = (count + 1) / 2) {
        for (size_t i = 0; i < count / 2; i++) {
            merge(p, width, parts + 2 * i, parts + 2 * i + 1, parts + i);
        }
        if (count % 2 == 1)
            parts[count / 2] = parts[count - 1];
    }
}

/* ------------------------------------------------- calling the loops: one leaf each */

/* Reduces elements first..first+n of the result of b, contiguous; n may exceed one block. */
static void run_blocks(const plan *p, const bundle *b, size_t first, size_t n, partial *to) {
    const char *x = b->x + (ptrdiff_t)first * p->item;
    size_t whole = n / p->block, rest = n % p->block, count = whole + (rest > 0);
    _Alignas(64) char results[RUN_BLOCKS * 8]; /* (count,) */
    if (p->any_order) {
        p->loops->run(x, 0, 1, n, to->values, NULL);
        return;
    }
    p->loops->run(x, (ptrdiff_t)p->block, whole, p->block, results, NULL);
    if (rest > 0) {
        p->loops->run(x + whole * p->block * (size_t)p->item, 0, 1, rest,
                      results + whole * (size_t)p->item, NULL);
    }
    for (; count > 1; count = (count + 1) / 2) { /* as in merge_all */
        p->loops->run(results, 2, count / 2, 2, results, NULL);
        if (count % 2 == 1) {
            memmove(results + count / 2 * (size_t)p->item, results + (count - 1) * (size_t)p->item,
                    (size_t)p->item);
        }
    }
    memcpy(to->values, results, (size_t)p->item);
}

/* The same through a buffer; n <= p->block, any width. */
static void run_gathered(const plan *p, const bundle *b, size_t first, size_t n, partial *to) {
    _Alignas(64) char buffer[PT_REDUCE_BLOCK(1)]; /* (per_call, n) */
    size_t per_call = n == p->n ? p->block / n : 1;
    for (size_t o = 0; o < b->width; o += per_call) {
        size_t count = b->width - o < per_call ? b->width - o : per_call;
        char *values = to->values + o * (size_t)p->item;
        pt_gather_block(&p->in, p->n_kept + p->n_reduced, p->shape, (b->first + o) * p->n + first,
                        count * n, p->compute, buffer);
        p->loops->run(buffer, (ptrdiff_t)n, count, n, p->is_search ? (void *)(to->at + o) : values,
                      values);
    }
}

/* Provides the loop over rows with rows that it cannot read in place. */
typedef struct {
    pt_operand x;
    int ndim;
    ptrdiff_t shape[PT_MAX_NDIM + 2], strides[PT_MAX_NDIM + 2]; /* reduced axes, then the width */
    size_t first;
    pt_dtype compute;
    _Alignas(64) char rows[PT_REDUCE_LANES(8) * PT_REDUCE_FLAT_COLUMNS * 8]; /* (count, width) */
} row_source;

static const void *fetch_rows(void *context, size_t first, size_t count) {
    row_source *source = context;
    size_t width = (size_t)source->shape[source->ndim - 1];
    pt_gather_block(&source->x, source->ndim, source->shape, (source->first + first) * width,
                    count * width, source->compute, source->rows);
    return source->rows;
}

static void reduce_rows(const plan *p, const bundle *b, size_t first, size_t n, partial *to) {
    void *out = p->is_search ? (void *)to->at : to->values;
    const ptrdiff_t *strides = p->strides + p->n_kept;
    if (p->direct) {
        pt_rows rows = {.data = b->x + (ptrdiff_t)first * strides[0],
                        .stride = strides[0] / p->item};
        p->loops->rows(&rows, n, b->width, out, to->values);
        return;
    }
    row_source source;
    memcpy(source.shape, p->shape + p->n_kept, (size_t)p->n_reduced * sizeof *p->shape);
    memcpy(source.strides, strides, (size_t)p->n_reduced * sizeof *strides);
    source.shape[p->n_reduced] = (ptrdiff_t)b->width;
    source.strides[p->n_reduced] = p->strides[p->n_kept - 1];
    source.ndim = p->n_reduced + 1;
    source.x = (pt_operand){.data = b->x, .strides = source.strides, .dtype = p->in.dtype};
    source.first = first;
    source.compute = p->compute;
    pt_rows rows = {.fetch = fetch_rows, .context = &source};
    p->loops->rows(&rows, n, b->width, out, to->values);
}

static void reduce_leaf(const plan *p, const bundle *b, size_t first, size_t n, partial *to) {
    if (p->by_rows) {
        reduce_rows(p, b, first, n, to);
    } else if (!p->direct && n > 0) {
        run_gathered(p, b, first, n, to);
    } else if (n > p->block && !p->is_search) {
        run_blocks(p, b, first, n, to);
    } else {
        const char *x = b->x + (ptrdiff_t)first * p->item;
        p->loops->run(x, p->strides[p->n_kept - 1] / p->item, b->width, n,
                      p->is_search ? (void *)to->at : to->values, to->values);
    }
    if (p->is_search && first > 0) {
        for (size_t c = 0; c < b->width; c++)
            to->at[c] += (int64_t)first;
    }
}

/* Reduces elements first..first+n of the results of b; first is the start of a subtree. */
static void reduce_part(const plan *p, const bundle *b, size_t first, size_t n, partial *to) {
    if (n <= p->leaf) {
        reduce_leaf(p, b, first, n, to);
        return;
    }
    size_t left = p->leaf;
    while (2 * left < n)
        left *= 2;
    reduce_part(p, b, first, left, to);
    if (b->width == 1 && (unsigned char)to->values[0] == p->absorbing)
        return;
    partial right;
    reduce_part(p, b, first + left, n - left, &right);
    merge(p, b->width, to, &right, to);
}

/* ---------------------------------------------------------------------- results */

/* NaNs of different origin differ in sign and payload, and the compiler decides which of two a sum
 * passes on. So every NaN result becomes the same NaN. */
static void unify_nans(pt_dtype dtype, size_t n, char *values) {
    if (dtype == PT_FLOAT32) {
        float *x = (float *)values;
        for (size_t i = 0; i < n; i++)
            x[i] = x[i] != x[i] ? __builtin_nanf("") : x[i];
    } else if (dtype == PT_FLOAT64) {
        double *x = (double *)values;
        for (size_t i = 0; i < n; i++)
            x[i] = x[i] != x[i] ? __builtin_nan("") : x[i];
    }
}

static void store(const plan *p, const bundle *b, partial *from) {
    ptrdiff_t step = p->out_strides[p->n_kept - 1];
    const char *results = p->is_search ? (const char *)from->at : from->values;
    if (!p->is_search)
        unify_nans(p->compute, b->width, from->values);
    if (step == p->out_item) {
        memcpy(b->out, results, b->width * (size_t)p->out_item);
        return;
    }
    for (size_t c = 0; c < b->width; c++) {
        memcpy(b->out + (ptrdiff_t)c * step, results + c * (size_t)p->out_item,
               (size_t)p->out_item);
    }
}

/* ----------------------------------------------------------------------- threads */

/* Task i: one group of elements of bundles_per_task bundles. */
static void run_task(void *context, size_t i) {
    const plan *p = context;
    size_t group = 0, chunk = i;
    if (p->n_groups > 1) {
        group = i % p->n_groups;
        chunk = i / p->n_groups;
    }
    size_t first = group * p->group, n = p->n - first < p->group ? p->n - first : p->group;
    size_t begin = chunk * p->bundles_per_task, end = begin + p->bundles_per_task;
    if (end > p->n_bundles)
        end = p->n_bundles;
    for (size_t k = begin; k < end; k++) {
        bundle b = bundle_at(p, k);
        if (p->n_groups > 1) {
            reduce_part(p, &b, first, n, p->partials + k * p->n_groups + group);
        } else {
            partial result;
            reduce_part(p, &b, 0, n, &result);
            store(p, &b, &result);
        }
    }
}

/* The cost of an element, as bytes read from the caches at 100 GB/s. Elements of runs too short for
 * vectors, or that are gathered and converted first, take about 0.2 ns instead. */
static size_t cost_of_element(const plan *p) {
    bool vectors = p->direct && (p->by_rows || p->n > PT_REDUCE_LANES(1));
    return vectors ? (size_t)p->item : 20;
}

/* Shares the work among bundles if there are enough; otherwise makes them narrower, or also shares
 * each among groups of blocks. Groups are subtrees of reduce.h's tree, so the order is the same. */
static void share(plan *p, size_t cost) {
    size_t wanted = TASKS_PER_THREAD * (size_t)pt_get_num_threads();
    size_t n_blocks = p->by_rows || p->width == 1 ? (p->n + p->block - 1) / p->block : 1;
    if (p->n_bundles * n_blocks < wanted) {
        size_t pieces = (wanted - 1) / (p->n_outputs / p->inner * n_blocks) + 1;
        size_t width = (p->inner - 1) / pieces + 1;
        size_t least = p->by_rows ? ROW_PIECE_BYTES / (size_t)p->item : 1;
        if (width < least)
            width = least;
        if (width < TASK_BYTES / (cost * p->n))
            width = TASK_BYTES / (cost * p->n);
        if (width < p->width)
            set_width(p, width);
    }
    size_t bundle_cost = p->width * p->n * cost;
    p->bundles_per_task = bundle_cost < TASK_BYTES ? TASK_BYTES / bundle_cost : 1;
    if (p->n_bundles >= wanted || p->bundles_per_task > 1)
        return;
    p->group = p->block;
    while (p->group * p->width * cost < TASK_BYTES || p->group * wanted < p->n * p->n_bundles) {
        p->group *= 2;
    }
    p->n_groups = (p->n + p->group - 1) / p->group;
}

/* any and all of many elements are often decided by the first ones, which is not worth waking
 * threads. Stores the result in that case. */
static bool is_settled_by_first_block(const plan *p) {
    bundle b = bundle_at(p, 0);
    partial result;
    reduce_part(p, &b, 0, p->n < p->block ? p->n : p->block, &result);
    if ((unsigned char)result.values[0] != p->absorbing)
        return false;
    store(p, &b, &result);
    return true;
}

static pt_status run_plan(plan *p) {
    size_t cost = cost_of_element(p);
    p->bundles_per_task = p->n_bundles;
    p->group = p->n > 0 ? p->n : 1;
    p->n_groups = 1;
    if (p->n_outputs * p->n * cost < PARALLEL_BYTES || pt_get_num_threads() == 1) {
        run_task(p, 0);
        return PT_OK;
    }
    if (p->absorbing >= 0 && p->n_outputs == 1 && is_settled_by_first_block(p))
        return PT_OK;
    share(p, cost);
    size_t n_chunks = (p->n_bundles - 1) / p->bundles_per_task + 1;
    size_t partial_bytes = p->n_bundles * p->n_groups * sizeof(partial);
    if (p->n_groups > 1 && (p->partials = pt_alloc(partial_bytes)) == NULL)
        return PT_NO_MEMORY;
    pt_parallel_for(run_task, p, n_chunks * p->n_groups);
    if (p->n_groups > 1) {
        for (size_t i = 0; i < p->n_bundles; i++) {
            bundle b = bundle_at(p, i);
            partial *parts = p->partials + i * p->n_groups;
            merge_all(p, b.width, parts, p->n_groups);
            store(p, &b, parts);
        }
        pt_free(p->partials, partial_bytes);
    }
    return PT_OK;
}

pt_status pt_reduce(pt_reduce_op op, pt_dtype compute, int ndim, int n_reduced,
                    const ptrdiff_t *shape, const pt_operand *in, const pt_operand *out) {
    plan p;
    int n_kept = ndim - n_reduced;
    p.loops = loops_of(op, compute);
    p.compute = compute;
    p.in = *in;
    p.in.strides = p.strides;
    p.out = out->data;
    const pt_row_info *row = &pt_reduce_info[op];
    p.is_search = row->result == PT_RESULT_INDEX;
    p.any_order = row->chooses || (compute != PT_FLOAT32 && compute != PT_FLOAT64);
    p.absorbing = row->absorbing;
    p.item = (ptrdiff_t)pt_dtype_size[compute];
    p.block = PT_REDUCE_BLOCK(p.item);
    p.out_item = (ptrdiff_t)pt_dtype_size[out->dtype];
    set_kept_axes(&p, n_kept, shape, in->strides, out->strides);
    if (p.n_outputs == 0)
        return PT_OK;
    set_reduced_axes(&p, n_reduced, shape + n_kept, in->strides + n_kept);
    choose_way(&p);
    return run_plan(&p);
}

/* ------------------------------------------------------------------------- cumulative */

/* One call of pt_cumulate: x (outer, n, inner), out the same or with n + 1, both in C order. */
typedef struct {
    const pt_reduce_loops *loops;
    size_t outer, n, inner, item;
    const char *x;
    char *out;
    bool initial;
    size_t width;  /* columns that one call of the loop takes */
    size_t pieces; /* of the inner columns; or, where they are lines, of the outer ones */
    size_t pieces_per_task;
} cumulation;

/* Piece i: some columns of one matrix (n, inner); or some of the lines, if inner is 1. */
static void cumulate_piece(const cumulation *c, size_t i) {
    bool lines = c->inner == 1;
    size_t all = lines ? c->outer : c->inner;
    size_t first = i % c->pieces * c->width, outer = i / c->pieces;
    size_t columns = all - first < c->width ? all - first : c->width;
    size_t rows = c->n + c->initial; /* of out */
    const char *x = c->x + (outer * c->n * c->inner + first * (lines ? c->n : 1)) * c->item;
    char *out = c->out + (outer * rows * c->inner + first * (lines ? rows : 1)) * c->item;
    if (c->initial) {
        for (size_t k = 0; k < columns; k += lines ? 1 : columns)
            c->loops->run(NULL, 0, lines ? 1 : columns, 0, out + k * rows * c->item, NULL);
        out += c->inner * c->item;
    }
    if (c->n > 0) {
        c->loops->scan(x, columns, c->n, lines ? (ptrdiff_t)c->n : 1, (ptrdiff_t)c->inner, out,
                       lines ? (ptrdiff_t)rows : 1);
    }
}

static void cumulate_task(void *context, size_t i) {
    const cumulation *c = context;
    size_t n_pieces = c->pieces * (c->inner == 1 ? 1 : c->outer);
    size_t end = (i + 1) * c->pieces_per_task;
    for (size_t k = i * c->pieces_per_task; k < end && k < n_pieces; k++)
        cumulate_piece(c, k);
}

void pt_cumulate(pt_reduce_op op, pt_dtype dtype, size_t outer, size_t n, size_t inner,
                 const void *x, bool initial, void *out) {
    size_t item = pt_dtype_size[dtype], threads = (size_t)pt_get_num_threads();
    cumulation c = {.loops = loops_of(op, dtype),
                    .outer = outer,
                    .n = n,
                    .inner = inner,
                    .item = item,
                    .x = x,
                    .out = out,
                    .initial = initial};
    if (outer == 0 || inner == 0)
        return;
    /* Elements of up to 4 columns wait for each other: about 1 ns each, as long as 100 bytes. */
    size_t cost = (n + 1) * (inner <= 4 ? 100 : item);
    bool shared = threads > 1 && cost * outer * inner >= PARALLEL_BYTES;
    c.width = inner == 1 ? 4 : PT_REDUCE_COLUMNS(item);
    if (shared && inner > 4 && inner < c.width * threads * TASKS_PER_THREAD) {
        size_t least = ROW_PIECE_BYTES / item;
        c.width = (inner - 1) / (threads * TASKS_PER_THREAD) + 1;
        c.width = c.width < least ? least : c.width;
    }
    c.pieces = ((inner == 1 ? outer : inner) - 1) / c.width + 1;
    size_t n_pieces = c.pieces * (inner == 1 ? 1 : outer);
    c.pieces_per_task = n_pieces;
    if (shared) {
        c.pieces_per_task = TASK_BYTES / (cost * (c.width < inner ? c.width : inner)) + 1;
        pt_parallel_for(cumulate_task, &c, (n_pieces - 1) / c.pieces_per_task + 1);
    } else {
        cumulate_task(&c, 0);
    }
}
