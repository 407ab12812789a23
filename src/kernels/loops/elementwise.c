/* elementwise.c: walks shapes and strides, converts and gathers operands that a loop cannot read in
 * place, and shares the work among threads.
 *
 * There is one loop per op and dtype, over contiguous elements (elementwise_loop.h). An operand
 * that is strided, broadcast or of another dtype passes through a buffer of PT_BLOCK elements in
 * the L1 cache: no operand is ever copied as a whole, and every element goes through the same
 * vector code.
 */
#include "elementwise.h"

#include <stdatomic.h>
#include <string.h>

#include "port.h"
#include "transpose.h"

#define MAX_OPERANDS 4 /* three inputs and the result */
/* Elements of one task: enough to hide its dispatch (about 0.1 us), few enough that every thread
 * gets several if possible (with four tasks of 32 Ki for 100 000 elements, two threads ran two
 * each, and since the last was short, the second one lost a third of its time), and no more than
 * stay in the L2 cache. An element's result does not depend on its task. */
#define MIN_TASK ((size_t)4 << 10)
#define MAX_TASK ((size_t)32 << 10)
#define TASKS_PER_THREAD 4
/* The shortest row of the innermost axis that is worth a call of the loop; shorter rows are
 * gathered into full blocks. */
#define MIN_ROW 64
/* Elements of a block that repeats one element, for an operand that is constant along a row:
 * filling the block takes as long as an addition. */
#define REPEATED_BLOCK 256
/* A tile, in which operands that run along another axis than the result are transposed: small
 * enough to stay in the L1 cache, large enough that its rows and columns are several cache lines
 * long, most of them used whole. MIN_TILE is the fewest elements that are worth the overhead. */
#define TILE_BYTES ((size_t)16 << 10)
#define TILE_COLUMN_BYTES 256
#define MAX_TILE_ROWS 128
#define MIN_TILE 64
/* The most rows or columns of a copy that is transposed straight into the result: more cache lines,
 * a power of two apart, would evict each other before they are full. */
#define MAX_STRAIGHT 8
#define CACHE_LINE 64
/* Bytes of the largest element that loops and conversions take, and of the largest that is copied.
 * */
#define MAX_ITEM 8
#define MAX_COPIED_ITEM 16

/* One call, after its axes have been merged. */
typedef struct {
    pt_loop loop; /* NULL: copy operand 0 to the result */
    const pt_cast (*casts)[PT_N_DTYPES];
    pt_dtype compute; /* the dtype of the loop's inputs */
    int n_inputs;
    int ndim;
    size_t size, task; /* elements of all, of one task */
    ptrdiff_t shape[PT_MAX_NDIM];
    char *data[MAX_OPERANDS];
    pt_dtype dtype[MAX_OPERANDS];
    ptrdiff_t item[MAX_OPERANDS];
    ptrdiff_t strides[MAX_OPERANDS][PT_MAX_NDIM];
    bool flat[MAX_OPERANDS]; /* contiguous over all axes */
    size_t block;            /* elements of a row done at a time; 0: all, in place */
} plan;

/* Buffers of n elements for the operands of one call. A copy has two operands, of large elements;
 * an op may have four, of smaller ones: both fit into the same space. */
#define BUFFERS_BYTES(n) ((n) * MAX_OPERANDS * MAX_ITEM)
_Static_assert(2 * MAX_COPIED_ITEM <= MAX_OPERANDS * MAX_ITEM, "a copy's operands fit");

static char *buffer_of(const plan *p, char *buffers, int k, size_t n) {
    return buffers + (size_t)k * n * (p->n_inputs == 1 ? MAX_COPIED_ITEM : MAX_ITEM);
}

#if defined(__x86_64__)
/* AVX-512's loops, and AVX2's for dtypes that it has none for. */
static pt_elementwise_table merged;

static const pt_elementwise_table *choose_table(void) {
    const pt_elementwise_table *avx2 = &pt_elementwise_loops_avx2;
    if (pt_isa_level() < 2)
        return PT_SELECT(pt_elementwise_loops);
    merged = pt_elementwise_loops_avx512;
    for (int dtype = 0; dtype < PT_N_DTYPES; dtype++) {
        for (int op = 0; op < PT_OP_COUNT; op++) {
            if (merged.loops[op][dtype] == NULL)
                merged.loops[op][dtype] = avx2->loops[op][dtype];
        }
        for (int to = 0; to < PT_N_DTYPES; to++) {
            if (merged.casts[dtype][to] == NULL)
                merged.casts[dtype][to] = avx2->casts[dtype][to];
        }
    }
    return &merged;
}
#else
static const pt_elementwise_table *choose_table(void) { return PT_SELECT(pt_elementwise_loops); }
#endif

static port_once table_once = PORT_ONCE;
static const pt_elementwise_table *_Atomic table_here; /* read by every call, faster than a once */

static void set_table(void) {
    atomic_store_explicit(&table_here, choose_table(), memory_order_release);
}

const pt_elementwise_table *pt_elementwise_table_here(void) {
    const pt_elementwise_table *found = atomic_load_explicit(&table_here, memory_order_acquire);
    if (found != NULL)
        return found;
    port_call_once(&table_once, set_table);
    return atomic_load_explicit(&table_here, memory_order_acquire);
}

bool pt_elementwise_has(pt_elementwise_op op, pt_dtype compute) {
    return pt_elementwise_table_here()->loops[op][compute] != NULL;
}

/* ------------------------------------------------------------- moving single runs */

/* Copies n elements of size bytes, stride bytes apart, to consecutive addresses. */
static void pack(char *restrict to, const char *restrict from, ptrdiff_t stride, size_t n,
                 size_t size) {
    if (stride == (ptrdiff_t)size) {
        memcpy(to, from, n * size);
        return;
    }
    if (stride == 0) {
        pt_elementwise_table_here()->repeat(from, to, n, size);
        return;
    }
    switch (size) {
    case 1:
        for (size_t i = 0; i < n; i++)
            to[i] = from[(ptrdiff_t)i * stride];
        break;
    case 2:
        for (size_t i = 0; i < n; i++)
            memcpy(to + 2 * i, from + (ptrdiff_t)i * stride, 2);
        break;
    case 4:
        for (size_t i = 0; i < n; i++)
            memcpy(to + 4 * i, from + (ptrdiff_t)i * stride, 4);
        break;
    case 8:
        for (size_t i = 0; i < n; i++)
            memcpy(to + 8 * i, from + (ptrdiff_t)i * stride, 8);
        break;
    default:
        for (size_t i = 0; i < n; i++)
            memcpy(to + 16 * i, from + (ptrdiff_t)i * stride, 16);
    }
}

/* The reverse of pack. */
static void unpack(char *restrict to, ptrdiff_t stride, const char *restrict from, size_t n,
                   size_t size) {
    if (stride == (ptrdiff_t)size) {
        memcpy(to, from, n * size);
        return;
    }
    switch (size) {
    case 1:
        for (size_t i = 0; i < n; i++)
            to[(ptrdiff_t)i * stride] = from[i];
        break;
    case 2:
        for (size_t i = 0; i < n; i++)
            memcpy(to + (ptrdiff_t)i * stride, from + 2 * i, 2);
        break;
    case 4:
        for (size_t i = 0; i < n; i++)
            memcpy(to + (ptrdiff_t)i * stride, from + 4 * i, 4);
        break;
    case 8:
        for (size_t i = 0; i < n; i++)
            memcpy(to + (ptrdiff_t)i * stride, from + 8 * i, 8);
        break;
    default:
        for (size_t i = 0; i < n; i++)
            memcpy(to + (ptrdiff_t)i * stride, from + 16 * i, 16);
    }
}

/* A position in an N-d index space, with one operand's offset there. */
typedef struct {
    ptrdiff_t index[PT_MAX_NDIM];
    ptrdiff_t offset;
} cursor;

static void cursor_at(cursor *c, size_t start, int ndim, const ptrdiff_t *shape,
                      const ptrdiff_t *strides) {
    c->offset = 0;
    if (start == 0) { /* small calls begin here; the divisions would take a tenth of their time */
        memset(c->index, 0, (size_t)ndim * sizeof c->index[0]);
        return;
    }
    for (int d = ndim - 1; d >= 0; d--) {
        c->index[d] = (ptrdiff_t)(start % (size_t)shape[d]);
        start /= (size_t)shape[d];
        c->offset += c->index[d] * strides[d];
    }
}

/* Advances by n elements, not beyond the end of the innermost axis; by n rows if ndim is one less
 * than the number of axes. */
static void cursor_advance(cursor *c, ptrdiff_t n, int ndim, const ptrdiff_t *shape,
                           const ptrdiff_t *strides) {
    int d = ndim - 1;
    c->index[d] += n;
    c->offset += n * strides[d];
    while (d > 0 && c->index[d] == shape[d]) {
        c->offset += strides[d - 1] - shape[d] * strides[d];
        c->index[d] = 0;
        c->index[--d]++;
    }
}

/* Calls pack or unpack for every piece of a row in elements start..start+n. */
static void move_block(char *strided, const ptrdiff_t *strides, int ndim, const ptrdiff_t *shape,
                       size_t start, size_t n, size_t size, char *contiguous, bool to_strided) {
    if (ndim == 0) { /* one element */
        memcpy(to_strided ? strided : contiguous, to_strided ? contiguous : strided, size);
        return;
    }
    cursor c;
    cursor_at(&c, start, ndim, shape, strides);
    ptrdiff_t inner = strides[ndim - 1];
    while (n > 0) {
        size_t piece = (size_t)(shape[ndim - 1] - c.index[ndim - 1]);
        if (piece > n)
            piece = n;
        if (to_strided) {
            unpack(strided + c.offset, inner, contiguous, piece, size);
        } else {
            pack(contiguous, strided + c.offset, inner, piece, size);
        }
        contiguous += piece * size;
        n -= piece;
        cursor_advance(&c, (ptrdiff_t)piece, ndim, shape, strides);
    }
}

char *pt_element(const pt_operand *src, int ndim, const ptrdiff_t *shape, size_t number,
                 size_t *left) {
    cursor c;
    cursor_at(&c, number, ndim, shape, src->strides);
    *left = (size_t)(shape[ndim - 1] - c.index[ndim - 1]);
    return src->data + c.offset;
}

void pt_gather_block(const pt_operand *src, int ndim, const ptrdiff_t *shape, size_t start,
                     size_t n, pt_dtype dtype, void *out) {
    size_t size = pt_dtype_size[src->dtype];
    if (src->dtype == dtype) {
        move_block(src->data, src->strides, ndim, shape, start, n, size, out, false);
        return;
    }
    pt_cast cast = pt_elementwise_table_here()->casts[src->dtype][dtype];
    _Alignas(64) char staging[PT_BLOCK * MAX_ITEM];
    for (size_t done = 0; done < n;) {
        size_t part = n - done < PT_BLOCK ? n - done : PT_BLOCK;
        move_block(src->data, src->strides, ndim, shape, start + done, part, size, staging, false);
        cast(staging, (char *)out + done * pt_dtype_size[dtype], part);
        done += part;
    }
}

/* ----------------------------------------------------------------- running the loop */

/* Calls the loop on n elements, any n. The last n % PT_LANES are computed as the end of a vector of
 * PT_LANES, some of it for the second time. If n is below PT_LANES, or the result overwrites an
 * input, they go through padded buffers instead. */
static void run_loop(const plan *p, char *const *operands, size_t n) {
    size_t whole = n & ~(size_t)(PT_LANES - 1);
    if (whole > 0)
        p->loop(operands, whole);
    if (whole == n)
        return;
    _Alignas(64) char padded[MAX_OPERANDS][PT_LANES * 8];
    char *pointers[MAX_OPERANDS];
    size_t rest = n - whole, in_size = pt_dtype_size[p->compute];
    bool again = whole > 0;
    for (int k = 0; k < p->n_inputs; k++) {
        again = again && operands[k] != operands[p->n_inputs];
        pointers[k] = operands[k] + (n - PT_LANES) * in_size;
    }
    if (again) {
        size_t out_size = (size_t)p->item[p->n_inputs];
        pointers[p->n_inputs] = operands[p->n_inputs] + (n - PT_LANES) * out_size;
        p->loop(pointers, PT_LANES);
        return;
    }
    for (int k = 0; k < p->n_inputs; k++) {
        memset(padded[k], 0, sizeof padded[k]);
        memcpy(padded[k], operands[k] + whole * in_size, rest * in_size);
        pointers[k] = padded[k];
    }
    pointers[p->n_inputs] = padded[p->n_inputs];
    p->loop(pointers, PT_LANES);
    size_t out_size = (size_t)p->item[p->n_inputs];
    memcpy(operands[p->n_inputs] + whole * out_size, padded[p->n_inputs], rest * out_size);
}

/* Returns n elements of operand k at from, stride bytes apart, as contiguous elements of the loop's
 * dtype: from itself, or to, a buffer of n elements that it fills. */
static char *load(const plan *p, int k, char *from, ptrdiff_t stride, size_t n, char *to) {
    bool contiguous = stride == p->item[k];
    if (p->dtype[k] == p->compute) {
        if (contiguous)
            return from;
        pack(to, from, stride, n, (size_t)p->item[k]);
        return to;
    }
    pt_cast cast = p->casts[p->dtype[k]][p->compute];
    if (contiguous) {
        cast(from, to, n);
        return to;
    }
    _Alignas(64) char staging[PT_BLOCK * MAX_ITEM];
    pack(staging, from, stride, n, (size_t)p->item[k]);
    cast(staging, to, n);
    return to;
}

/* Computes n elements of one row; operand k starts at base[k]. */
static void run_row(const plan *p, char *const *base, size_t n) {
    int last = p->ndim - 1, out = p->n_inputs;
    ptrdiff_t out_stride = p->strides[out][last];
    if (p->block == 0) {
        run_loop(p, base, n);
        return;
    }
    _Alignas(64) char buffers[BUFFERS_BYTES(PT_BLOCK)];
    char *operands[MAX_OPERANDS];
    for (size_t done = 0; done < n; done += p->block) {
        size_t part = n - done < p->block ? n - done : p->block;
        char *to = base[out] + (ptrdiff_t)done * out_stride;
        operands[out] = out_stride == p->item[out] ? to : buffer_of(p, buffers, out, PT_BLOCK);
        for (int k = 0; k < p->n_inputs; k++) {
            ptrdiff_t stride = p->strides[k][last];
            char *buffer = p->loop == NULL ? operands[out] : buffer_of(p, buffers, k, PT_BLOCK);
            if (stride == 0 && done > 0) {
                operands[k] = buffer; /* filled by the first block, at least as long */
                if (p->loop != NULL)
                    continue;
            }
            operands[k] = load(p, k, base[k] + (ptrdiff_t)done * stride, stride, part, buffer);
        }
        if (p->loop != NULL) {
            run_loop(p, operands, part);
        } else if (operands[0] != operands[out]) {
            memcpy(operands[out], operands[0], part * (size_t)p->item[out]);
        }
        if (operands[out] != to) {
            unpack(to, out_stride, operands[out], part, (size_t)p->item[out]);
        }
    }
}

/* Computes elements start..end row by row. */
static void run_rows(const plan *p, size_t start, size_t end) {
    int n_operands = p->n_inputs + 1, last = p->ndim - 1;
    const bool is_copy = p->loop == NULL && p->dtype[0] == p->dtype[1] &&
                         p->strides[0][last] == p->item[0] && p->strides[1][last] == p->item[1];
    cursor cursors[MAX_OPERANDS];
    for (int k = 0; k < n_operands; k++) {
        cursor_at(&cursors[k], start, p->ndim, p->shape, p->strides[k]);
    }
    while (start < end) {
        size_t n = (size_t)(p->shape[last] - cursors[0].index[last]);
        if (n > end - start)
            n = end - start;
        char *base[MAX_OPERANDS];
        for (int k = 0; k < n_operands; k++)
            base[k] = p->data[k] + cursors[k].offset;
        size_t rows = 0; /* whole rows, which need no cursor until the end of their axis */
        if (last > 0 && n == (size_t)p->shape[last]) {
            rows = (size_t)(p->shape[last - 1] - cursors[0].index[last - 1]);
            if (rows > (end - start) / n)
                rows = (end - start) / n;
        }
        for (size_t i = 0; i < rows || i == 0; i++) {
            if (is_copy) {
                memcpy(base[1], base[0], n * (size_t)p->item[0]);
            } else {
                run_row(p, base, n);
            }
            for (int k = 0; k < n_operands && last > 0; k++)
                base[k] += p->strides[k][last - 1];
        }
        for (int k = 0; k < n_operands; k++) {
            cursor_advance(&cursors[k], (ptrdiff_t)(rows > 0 ? rows : n), p->ndim - (rows > 0),
                           p->shape, p->strides[k]);
        }
        start += rows > 0 ? rows * n : n;
    }
}

/* The number of elements after which operand k repeats, like a bias that is added to every row; the
 * number of all elements if it does not. */
static size_t period_of(const plan *p, int k) {
    size_t period = p->size;
    for (int d = 0; d < p->ndim && p->strides[k][d] == 0; d++)
        period /= (size_t)p->shape[d];
    return period;
}

/* Computes elements start..end in blocks that are gathered across short rows. An operand that
 * repeats within a block is gathered once, as two blocks, which contain every block that is needed.
 * */
static void run_gathered(const plan *p, size_t start, size_t end) {
    int out = p->n_inputs;
    _Alignas(64) char storage[BUFFERS_BYTES(2 * PT_BLOCK)];
    char *operands[MAX_OPERANDS], *buffers[MAX_OPERANDS];
    size_t periods[MAX_OPERANDS];
    size_t out_size = (size_t)p->item[out], in_size = pt_dtype_size[p->compute];
    buffers[out] = buffer_of(p, storage, out, 2 * PT_BLOCK);
    for (int k = 0; k < p->n_inputs; k++) {
        buffers[k] = buffer_of(p, storage, k, 2 * PT_BLOCK);
        periods[k] = period_of(p, k);
        if (periods[k] > PT_BLOCK || end - start <= PT_BLOCK) {
            periods[k] = 0;
            continue;
        }
        pt_operand src = {p->data[k], p->strides[k], p->dtype[k]};
        pt_gather_block(&src, p->ndim, p->shape, 0, periods[k], p->compute, buffers[k]);
        for (size_t filled = periods[k]; filled < 2 * PT_BLOCK;) {
            size_t more = 2 * PT_BLOCK - filled < filled ? 2 * PT_BLOCK - filled : filled;
            memcpy(buffers[k] + filled * in_size, buffers[k], more * in_size);
            filled += more;
        }
    }
    while (start < end) {
        size_t n = end - start < PT_BLOCK ? end - start : PT_BLOCK;
        for (int k = 0; k < p->n_inputs; k++) {
            if (p->flat[k] && p->dtype[k] == p->compute) {
                operands[k] = p->data[k] + start * (size_t)p->item[k];
                continue;
            }
            operands[k] = buffers[k];
            if (periods[k] > 0) {
                operands[k] += start % periods[k] * in_size;
                continue;
            }
            pt_operand src = {p->data[k], p->strides[k], p->dtype[k]};
            pt_gather_block(&src, p->ndim, p->shape, start, n, p->compute, buffers[k]);
        }
        char *to = p->flat[out] ? p->data[out] + start * out_size : buffers[out];
        if (p->loop != NULL) {
            operands[out] = to;
            run_loop(p, operands, n);
        } else if (p->flat[out]) {
            memcpy(to, operands[0], n * out_size);
        } else {
            to = operands[0];
        }
        if (!p->flat[out]) {
            move_block(p->data[out], p->strides[out], p->ndim, p->shape, start, n, out_size, to,
                       true);
        }
        start += n;
    }
}

static void run_part(const plan *p, size_t start, size_t end) {
    if (p->ndim == 1 && p->block == 0) { /* contiguous */
        char *operands[MAX_OPERANDS];
        for (int k = 0; k <= p->n_inputs; k++)
            operands[k] = p->data[k] + start * (size_t)p->item[k];
        run_loop(p, operands, end - start);
    } else if (p->ndim == 1 || p->shape[p->ndim - 1] >= MIN_ROW) {
        run_rows(p, start, end);
    } else {
        run_gathered(p, start, end);
    }
}

/* See block in plan. */
static size_t block_of_rows(const plan *p) {
    int last = p->ndim - 1, out = p->n_inputs;
    bool in_place = p->loop != NULL && p->strides[out][last] == p->item[out];
    bool repeated = false;
    for (int k = 0; k < p->n_inputs; k++) {
        if (p->strides[k][last] == 0) {
            repeated = true;
        } else {
            in_place = in_place && p->dtype[k] == p->compute && p->strides[k][last] == p->item[k];
        }
    }
    return !in_place ? PT_BLOCK : repeated ? REPEATED_BLOCK : 0;
}

static void run_task(void *context, size_t i) {
    const plan *p = context;
    size_t start = i * p->task, end = start + p->task;
    run_part(p, start, end < p->size ? end : p->size);
}

/* ------------------------------------------------------------------------ transposing */

/* How a call is cut into tiles: rows along an axis that inputs run along, columns along the last
 * axis, which the result runs along. Without tiles, each element of such an input would load a
 * cache line, which would be evicted before the next row needs its next element. */
typedef struct {
    const plan *p;
    int axis;                  /* of the rows */
    bool across[MAX_OPERANDS]; /* whether an operand runs along that axis, not the last one */
    bool is_copy;              /* to contiguous columns, without a conversion */
    size_t n_rows, n_columns;  /* of a tile, unless it is at an edge */
    size_t tiles_down, tiles_along, n_tiles, per_task;
} tiling;

static size_t magnitude(ptrdiff_t stride) { return stride < 0 ? -(size_t)stride : (size_t)stride; }

/* Whether operand k has its elements closer together along axis than along the last one. */
static bool runs_along(const plan *p, int k, int axis) {
    return magnitude(p->strides[k][axis]) - 1 < magnitude(p->strides[k][p->ndim - 1]) - 1 &&
           p->strides[k][p->ndim - 1] != 0;
}

/* Fills in t; returns whether transposing pays. */
static bool choose_tiles(const plan *p, tiling *t) {
    const int last = p->ndim - 1;
    size_t item = 1, length;
    t->p = p;
    t->axis = -1;
    for (int k = 0; k < p->n_inputs && t->axis < 0; k++) {
        for (int d = 0; d < last; d++) {
            if (runs_along(p, k, d) &&
                (t->axis < 0 || magnitude(p->strides[k][d]) < magnitude(p->strides[k][t->axis]))) {
                t->axis = d;
            }
        }
    }
    if (t->axis < 0)
        return false;
    for (int k = 0; k < p->n_inputs; k++) {
        t->across[k] = runs_along(p, k, t->axis);
        if (t->across[k] && (size_t)p->item[k] > item)
            item = (size_t)p->item[k];
    }
    t->across[p->n_inputs] = false;
    t->is_copy = p->loop == NULL && p->dtype[0] == p->dtype[1] && p->strides[1][last] == p->item[1];
    const size_t elements = TILE_BYTES / item;
    t->n_rows = TILE_COLUMN_BYTES / item < MAX_TILE_ROWS ? TILE_COLUMN_BYTES / item : MAX_TILE_ROWS;
    length = (size_t)p->shape[t->axis];
    if (t->n_rows > length)
        t->n_rows = length;
    t->n_columns = elements / t->n_rows;
    length = (size_t)p->shape[last];
    if (t->n_columns > length) { /* so use more rows */
        t->n_columns = length;
        t->n_rows = elements / length;
        length = (size_t)p->shape[t->axis];
        if (t->n_rows > length)
            t->n_rows = length;
    }
    t->tiles_down = pt_ceil_div((size_t)p->shape[t->axis], t->n_rows);
    t->tiles_along = pt_ceil_div((size_t)p->shape[last], t->n_columns);
    t->n_tiles = p->size / (size_t)p->shape[t->axis] / (size_t)p->shape[last] * t->tiles_down *
                 t->tiles_along;
    t->per_task = pt_ceil_div(pt_task_size(p->size), t->n_rows * t->n_columns);
    return t->n_rows * t->n_columns >= MIN_TILE;
}

/* Prefetches a matrix with contiguous columns into the L2 cache. The columns are too short and too
 * far apart for the processor's own prefetching. */
static void prefetch_columns(const char *from, ptrdiff_t column_stride, size_t column_bytes,
                             size_t n_columns) {
    for (size_t column = 0; column < n_columns; column++) {
        for (size_t i = 0; i < column_bytes; i += CACHE_LINE)
            __builtin_prefetch(from + i, 0, 2);
        from += column_stride;
    }
}

/* Where a tile is, and its operands there: axis 0 along the tiling's axis, axis 1 along the last.
 * */
typedef struct {
    size_t column;
    ptrdiff_t shape[2];
    char *data[MAX_OPERANDS];
    ptrdiff_t strides[MAX_OPERANDS][2];
} tile_place;

static ptrdiff_t shorter(ptrdiff_t length, size_t most) {
    return (size_t)length < most ? length : (ptrdiff_t)most;
}

static void find_tile(const tiling *t, size_t i, tile_place *place) {
    const plan *p = t->p;
    const int last = p->ndim - 1;
    const size_t row = i / t->tiles_along % t->tiles_down * t->n_rows;
    size_t outer = i / t->tiles_along / t->tiles_down;
    ptrdiff_t index[PT_MAX_NDIM];

    place->column = i % t->tiles_along * t->n_columns;
    for (int d = last; d >= 0; d--) {
        if (d == last) {
            index[d] = (ptrdiff_t)place->column;
        } else if (d == t->axis) {
            index[d] = (ptrdiff_t)row;
        } else {
            index[d] = (ptrdiff_t)(outer % (size_t)p->shape[d]);
            outer /= (size_t)p->shape[d];
        }
    }
    place->shape[0] = shorter(p->shape[t->axis] - (ptrdiff_t)row, t->n_rows);
    place->shape[1] = shorter(p->shape[last] - (ptrdiff_t)place->column, t->n_columns);
    for (int k = 0; k <= p->n_inputs; k++) {
        const ptrdiff_t *steps = p->strides[k];
        place->data[k] = p->data[k];
        for (int d = 0; d <= last; d++)
            place->data[k] += index[d] * steps[d];
        place->strides[k][0] = steps[t->axis];
        place->strides[k][1] = steps[last];
    }
}

/* Transposes operand k into staging, from where the tile then reads it. */
static void stage_operand(const tiling *t, tile_place *place, int k, char *staging) {
    const ptrdiff_t down = place->strides[k][0], along = place->strides[k][1];
    const ptrdiff_t item = t->p->item[k];
    const size_t n_rows = (size_t)place->shape[0], n_columns = (size_t)place->shape[1];
    const size_t bytes = n_rows * (size_t)item;

    if (down == item && bytes >= CACHE_LINE &&
        place->column + n_columns < (size_t)t->p->shape[t->p->ndim - 1]) {
        prefetch_columns(place->data[k] + place->shape[1] * along, along, bytes, n_columns);
    }
    place->strides[k][0] = place->shape[1] * item;
    place->strides[k][1] = item;
    pt_transpose(staging, place->strides[k][0], place->data[k], down, along, n_rows, n_columns,
                 (size_t)item);
    place->data[k] = staging;
}

/* Transposes the operands of one tile that run along the other axis; the rest is an ordinary call
 * with two axes. */
static void run_tile(const tiling *t, size_t i) {
    _Alignas(64) char staging[MAX_OPERANDS - 1][TILE_BYTES];
    const plan *p = t->p;
    pt_operand operands[MAX_OPERANDS];
    tile_place place;
    plan tile;

    find_tile(t, i, &place);
    if (t->is_copy && (place.shape[0] <= MAX_STRAIGHT || place.shape[1] <= MAX_STRAIGHT)) {
        pt_transpose(place.data[1], place.strides[1][0], place.data[0], place.strides[0][0],
                     place.strides[0][1], (size_t)place.shape[0], (size_t)place.shape[1],
                     (size_t)p->item[0]);
        return;
    }
    for (int k = 0; k <= p->n_inputs; k++) {
        if (t->across[k])
            stage_operand(t, &place, k, staging[k]);
        operands[k] = (pt_operand){place.data[k], place.strides[k], p->dtype[k]};
        tile.data[k] = place.data[k];
        tile.dtype[k] = p->dtype[k];
        tile.item[k] = p->item[k];
    }
    tile.loop = p->loop;
    tile.casts = p->casts;
    tile.compute = p->compute;
    tile.n_inputs = p->n_inputs;
    tile.size = (size_t)(place.shape[0] * place.shape[1]);
    tile.ndim = pt_merge_axes(2, place.shape, p->n_inputs + 1, operands, tile.shape, tile.strides,
                              tile.flat);
    tile.block = block_of_rows(&tile);
    run_part(&tile, 0, tile.size);
}

static void run_tiles(void *context, size_t i) {
    const tiling *t = context;
    size_t tile = i * t->per_task, end = tile + t->per_task;
    if (end > t->n_tiles)
        end = t->n_tiles;
    for (; tile < end; tile++)
        run_tile(t, tile);
}

/* ------------------------------------------------------------------------- planning */

int pt_merge_axes(int ndim, const ptrdiff_t *shape, int n_operands, const pt_operand *operands,
                  ptrdiff_t *merged, ptrdiff_t (*strides)[PT_MAX_NDIM], bool *flat) {
    int last = -1;
    for (int d = 0; d < ndim; d++) {
        if (shape[d] == 1)
            continue;
        bool merge = last >= 0;
        for (int k = 0; merge && k < n_operands; k++) {
            merge = strides[k][last] == shape[d] * operands[k].strides[d];
        }
        if (merge) {
            merged[last] *= shape[d];
        } else {
            merged[++last] = shape[d];
        }
        for (int k = 0; k < n_operands; k++)
            strides[k][last] = operands[k].strides[d];
    }
    if (last < 0) { /* a single element */
        last = 0;
        merged[0] = 1;
        for (int k = 0; k < n_operands; k++) {
            strides[k][0] = (ptrdiff_t)pt_dtype_size[operands[k].dtype];
        }
    }
    for (int k = 0; k < n_operands; k++) {
        ptrdiff_t expected = (ptrdiff_t)pt_dtype_size[operands[k].dtype];
        flat[k] = true;
        for (int d = last; d >= 0; d--) {
            flat[k] = flat[k] && strides[k][d] == expected;
            expected *= merged[d];
        }
    }
    return last + 1;
}

size_t pt_task_size(size_t size) {
    size_t n_tasks = TASKS_PER_THREAD * (size_t)pt_get_num_threads();
    size_t task = (size / n_tasks / PT_BLOCK + 1) * PT_BLOCK;
    return task < MIN_TASK ? MIN_TASK : task > MAX_TASK ? MAX_TASK : task;
}

/* Sorts the axes from the result's widest stride to its narrowest, so that memory is walked in
 * order, as for the sum of two transposes. Fills in order; returns whether it changed anything. */
static bool order_axes(int ndim, const ptrdiff_t *shape, const ptrdiff_t *strides, int *order) {
    bool changed = false;
    for (int d = 0; d < ndim; d++) {
        int k = d;
        for (; k > 0 && shape[d] != 1 && shape[order[k - 1]] != 1 &&
               strides[order[k - 1]] < strides[d];
             k--) {
            order[k] = order[k - 1];
            changed = true;
        }
        order[k] = d;
    }
    return changed;
}

/* Shares the work of a finished plan; bytes: what it touches. Inlined: that saves small calls 10
 * ns. */
static inline __attribute__((always_inline)) void run_plan(plan *p, size_t bytes) {
    const bool is_small = bytes < PT_PARALLEL_BYTES;
    tiling t;

    if (p->ndim > 1 && choose_tiles(p, &t)) {
        if (is_small)
            t.per_task = t.n_tiles;
        pt_parallel_for(run_tiles, &t, pt_ceil_div(t.n_tiles, t.per_task));
    } else if (is_small) {
        run_part(p, 0, p->size);
    } else {
        p->task = pt_task_size(p->size);
        pt_parallel_for(run_task, p, pt_ceil_div(p->size, p->task));
    }
}

static void run(plan *p, int ndim, const ptrdiff_t *shape, const pt_operand *in,
                const pt_operand *out) {
    pt_operand operands[MAX_OPERANDS];
    ptrdiff_t sorted_shape[PT_MAX_NDIM], sorted[MAX_OPERANDS][PT_MAX_NDIM];
    int order[PT_MAX_NDIM];
    size_t bytes_per_element = 0;
    for (int k = 0; k <= p->n_inputs; k++) {
        operands[k] = k < p->n_inputs ? in[k] : *out;
        p->data[k] = operands[k].data;
        p->dtype[k] = operands[k].dtype;
        p->item[k] = (ptrdiff_t)pt_dtype_size[p->dtype[k]];
        bytes_per_element += (size_t)p->item[k];
    }
    if (ndim > 1 && order_axes(ndim, shape, out->strides, order)) {
        for (int d = 0; d < ndim; d++) {
            sorted_shape[d] = shape[order[d]];
            for (int k = 0; k <= p->n_inputs; k++)
                sorted[k][d] = operands[k].strides[order[d]];
        }
        for (int k = 0; k <= p->n_inputs; k++)
            operands[k].strides = sorted[k];
        shape = sorted_shape;
    }
    p->ndim = pt_merge_axes(ndim, shape, p->n_inputs + 1, operands, p->shape, p->strides, p->flat);
    p->size = 1;
    for (int d = 0; d < p->ndim; d++)
        p->size *= (size_t)p->shape[d];
    if (p->size == 0)
        return;
    p->block = block_of_rows(p);
    run_plan(p, p->size * bytes_per_element);
}

void pt_elementwise(pt_elementwise_op op, pt_dtype compute, int ndim, const ptrdiff_t *shape,
                    const pt_operand *in, const pt_operand *out) {
    const pt_elementwise_table *table = pt_elementwise_table_here();
    plan p;
    p.loop = table->loops[op][compute];
    p.casts = table->casts;
    p.compute = compute;
    p.n_inputs = pt_elementwise_info[op].n_inputs;
    run(&p, ndim, shape, in, out);
}

void pt_copy(int ndim, const ptrdiff_t *shape, const pt_operand *src, const pt_operand *dst) {
    plan p;
    p.loop = NULL;
    p.casts = pt_elementwise_table_here()->casts;
    p.compute = dst->dtype;
    p.n_inputs = 1;
    run(&p, ndim, shape, src, dst);
}
