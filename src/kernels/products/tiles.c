/* tiles.c: products of floats by our own tiles, without BLAS.
 *
 * A tile of C is computed in registers, from a strip of rows of A and a strip of columns of B. The
 * strips are packed: the numbers that a step of k needs lie side by side. Packing follows strides
 * and index lists, so operands of any layout, and parts of them, cost the same; bias and relu are
 * applied to a tile while it is in the L1 cache.
 *
 * Every element of C is one chain of multiply-adds over k, in order, for any shape of tiles, any
 * blocks and any number of threads. So these are chosen by what the processor and the number of
 * threads suggest, and the bits do not depend on the choice. docs/performance.md has the rules. */
#include "tiles.h"

#include "blas.h"
#include "port.h"
#include "transpose.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Terms of k that pass at once: a strip of B, at most 256 bytes a term, and a block of rows of A
 * stay in the L2 cache meanwhile. Tiles are loaded and stored once for so many steps. */
enum { K_BLOCK = 640 };

/* Packed operands in use at a time, so that large products need little memory. */
#define SPAN_BYTES ((size_t)32 << 20)

/* A task must be worth its dispatch (see matmul.c), in multiply-adds; packing, in elements. */
#define TASK_WORK ((double)(300 << 10))
enum { PACK_ELEMENTS = 16 << 10 };

/* The share of the threads' time that must be in use. */
#define BALANCED 0.9

/* With more rows than this, packing B pays: tiles read it as often as there are rows for them. */
enum { FEW_ROWS = 16, ROWS_IN_PLACE = 128, PAGE_BYTES = 4096 };

enum { TALLEST = 12 };

/* Products of at most so many rows stream: B is read along its lines. A piece of C stays in the L1
 * cache, a piece of so many lines of B in the L2 cache, and no thread's piece of a line is shorter
 * than what makes prefetching worth its start. */
enum {
    STREAM_ROWS = 7,
    STREAM_VECTORS = 4,
    STREAM_BYTES = 16 << 10,
    STREAM_TERMS = 32,
    STREAM_LINE_BYTES = 1 << 10
};

/* A stream waits for memory: 4 bytes take as long as four multiply-adds (see matmul.c). */
enum { STREAM_WEIGHT = 4 };

/* Smaller products are as fast or faster with BLAS, which has kernels for them. */
#define MIN_WORK ((double)(1 << 20))
enum { MIN_ROWS = 8, MIN_ROW_BYTES = 128 };

typedef struct {
    const pt_tiled_product *product;
    const pt_tile_loops_of *loops;
    size_t item;          /* bytes of an element */
    size_t rows, columns; /* of a tile */
    size_t k_block;
    bool streams;

    /* A task computes block_rows rows by group_columns columns of C, or, with many products, whole
     * ones. */
    size_t block_rows, group_columns, n_blocks, n_groups;
    size_t batch_per_task; /* 0: all tasks belong to one product */

    /* What only one task needs, it packs itself; what several do is packed before, for terms
     * [start, end) of k: by blocks of k, then by strips. */
    enum { IN_PLACE, BY_TASK, SHARED } a_home, b_home;
    size_t start, end;
    const char *a_data, *b_data; /* of the current product */
    char *c_data;
    size_t c_row_stride; /* elements */
    char *packed_a, *packed_b;
    atomic_bool is_out_of_memory;
} job;

static size_t round_up(size_t n, size_t unit) { return pt_ceil_div(n, unit) * unit; }

/* ------------------------------------------------------------------------- settings */

static port_once once = PORT_ONCE;
static size_t forced_rows, forced_vectors; /* PYTENSOR_TILE, or 0 */
static char error[160];
static atomic_bool is_reproducible;

static const pt_tile_loops_of *loops_of(pt_dtype dtype, bool is_fused) {
    const pt_tile_table *table = PT_SELECT(pt_tile_loops);

    if (is_fused && table->fused_f32 != NULL) {
        return dtype == PT_FLOAT32 ? table->fused_f32 : table->fused_f64;
    }
    return dtype == PT_FLOAT32 ? &table->f32 : &table->f64;
}

static void read_tile(void) {
    const char *wanted = getenv("PYTENSOR_TILE");
    const pt_tile_loops_of *loops = loops_of(PT_FLOAT32, false);
    char *end = NULL;

    if (wanted == NULL || wanted[0] == '\0') {
        return;
    }
    const unsigned long rows = strtoul(wanted, &end, 10);
    const unsigned long vectors = *end == 'x' ? strtoul(end + 1, &end, 10) : 0;
    if (*end == '\0' && rows <= PT_TILE_MAX_ROWS && vectors >= 1 &&
        vectors <= PT_TILE_MAX_VECTORS && loops->multiply[rows][vectors - 1] != NULL) {
        forced_rows = rows;
        forced_vectors = vectors;
        return;
    }
    snprintf(error, sizeof error,
             "PYTENSOR_TILE=%.32s: expected rows x vectors of a tile with %s, such as 4x2", wanted,
             pt_isa_name());
}

static void read_settings(void) {
    const char *wanted = getenv("PYTENSOR_REPRODUCIBLE");

    read_tile();
    if (wanted != NULL && strcmp(wanted, "machines") == 0) {
        atomic_store_explicit(&is_reproducible, true, memory_order_relaxed);
    } else if (wanted != NULL && wanted[0] != '\0' && strcmp(wanted, "threads") != 0) {
        snprintf(error, sizeof error,
                 "PYTENSOR_REPRODUCIBLE=%.32s: expected \"threads\" or \"machines\"", wanted);
    }
}

const char *pt_tiles_error(void) {
    port_call_once(&once, read_settings);
    return error[0] != '\0' ? error : NULL;
}

bool pt_is_reproducible(void) {
    port_call_once(&once, read_settings);
    return atomic_load_explicit(&is_reproducible, memory_order_relaxed);
}

const pt_tile_loops_of *pt_tile_loops_for(pt_dtype dtype) {
    return loops_of(dtype, pt_is_reproducible());
}

void pt_set_reproducible(bool on) {
    port_call_once(&once, read_settings);
    atomic_store_explicit(&is_reproducible, on, memory_order_relaxed);
}

/* ------------------------------------------------------------------------ the plan */

static bool has_tile(const pt_tile_loops_of *loops, size_t rows, size_t vectors) {
    return loops->multiply[rows][vectors - 1] != NULL;
}

/* The rows of a tile that asks at most 16 bytes a cycle of the L2 cache: half of what it can give. */
static size_t preferred_rows(void) { return pt_fma_units() == 1 ? 4 : 12; }

/* Sets the shape of the tiles. A step of k takes a vector of B for each of its columns from the L2
 * cache, and as many multiply-adds for each as it has rows: tall tiles ask less of that cache, wide
 * ones read B in longer runs. */
static void choose_tile(job *j) {
    const size_t needed = pt_ceil_div(j->product->n, j->loops->lanes);
    size_t rows = forced_rows, vectors = forced_vectors;

    if (rows == 0) {
        const size_t m = j->product->m;

        rows = m <= 4 ? 4 : m <= 8 ? 8 : preferred_rows();
        while (!has_tile(j->loops, rows, 1)) {
            rows--;
        }
        vectors = pt_min(needed, PT_TILE_MAX_VECTORS);
        while (!has_tile(j->loops, rows, vectors)) {
            vectors--;
        }
        if (vectors == needed) { /* one strip: as tall as it may be */
            for (size_t taller = rows + 1; taller <= TALLEST; taller++) {
                rows = taller <= m && has_tile(j->loops, taller, vectors) ? taller : rows;
            }
        }
    }
    j->rows = rows;
    j->columns = pt_min(vectors, needed) * j->loops->lanes;
}

/* How much of the threads' time n tasks of equal length use. */
static double balance(size_t n) {
    const size_t n_threads = (size_t)pt_get_num_threads();

    return (double)n / (double)(pt_ceil_div(n, n_threads) * n_threads);
}

/* Sets the tasks of one product: strips of columns, for all rows if half of the L2 cache holds a
 * block of k of them. More tasks, each with some of the rows, only if the threads were not all busy
 * otherwise: then a strip of B serves several. */
static void choose_tasks(job *j) {
    const pt_tiled_product *p = j->product;
    const double work = (double)p->m * (double)p->n * (double)p->k / TASK_WORK;
    const size_t worth = work > 1 ? (size_t)work : 1;
    const size_t n_strips = pt_ceil_div(p->n, j->columns);
    const size_t fitting = pt_l2_bytes() / 2 / (j->k_block * j->item);
    const size_t most = pt_min(pt_ceil_div(p->m, 2 * j->rows), pt_ceil_div(worth, n_strips));

    j->n_blocks = pt_ceil_div(p->m, pt_max(fitting / j->rows, 1) * j->rows);
    while (balance(n_strips * j->n_blocks) < BALANCED && j->n_blocks < most) {
        j->n_blocks++;
    }
    j->n_groups = pt_min(n_strips, pt_max(worth / j->n_blocks, 1));
    j->group_columns = pt_ceil_div(n_strips, j->n_groups) * j->columns;
    j->n_groups = pt_ceil_div(p->n, j->group_columns);
    j->block_rows = round_up(pt_ceil_div(p->m, j->n_blocks), j->rows);
    j->n_blocks = pt_ceil_div(p->m, j->block_rows);
}

/* Decides where operands are read: where they are if k (A) or columns (B) are contiguous, since
 * packing moves what one core packs to the caches of the others. But lines a multiple of 4 KiB apart
 * fall on the same few lines of the caches: then what is read often is packed. */
static void choose_homes(job *j) {
    const pt_tiled_product *p = j->product;
    const bool is_alone = j->batch_per_task > 0;
    const bool strays = (size_t)p->b.term_stride * j->item % PAGE_BYTES == 0;

    if (j->streams) {
        j->a_home = j->b_home = IN_PLACE;
        return;
    }
    if (p->update) { /* no task may run out of memory: others have changed the weight */
        j->a_home = j->b_home = SHARED;
        return;
    }
    if (p->a.term_stride == 1 && !p->a.lines && !p->a.terms &&
        (j->rows <= 8 || (size_t)p->a.line_stride * j->item % PAGE_BYTES != 0)) {
        j->a_home = IN_PLACE;
    } else {
        j->a_home = j->n_groups > 1 && !is_alone ? SHARED : BY_TASK;
    }
    if (p->b.line_stride == 1 && !p->b.lines && !p->b.terms &&
        (p->m <= (strays ? FEW_ROWS : ROWS_IN_PLACE) ||
         p->b.term_stride == (ptrdiff_t)j->columns)) {
        j->b_home = IN_PLACE;
    } else {
        j->b_home = j->n_blocks > 1 && !is_alone ? SHARED : BY_TASK;
    }
}

/* Sets the tasks of a product that streams: columns for each thread, as few as keep all busy. */
static void choose_streams(job *j) {
    const pt_tiled_product *p = j->product;
    const double work = (double)p->m * (double)p->n * (double)p->k * STREAM_WEIGHT;
    const size_t worth = work > TASK_WORK ? (size_t)(work / TASK_WORK) : 1;
    const size_t n_threads = (size_t)pt_get_num_threads();
    const size_t most =
        pt_min(pt_max(p->n * j->item / STREAM_LINE_BYTES, 1), n_threads > 1 ? 2 * n_threads : 1);

    j->n_groups = pt_min(worth, most);
    j->group_columns = round_up(pt_ceil_div(p->n, j->n_groups), j->loops->lanes);
    j->n_groups = pt_max(p->n / j->group_columns, 1); /* what is left belongs to the last one */
    j->n_blocks = 1;
    j->block_rows = p->m;
}

/* Whether few rows, read along the lines of B, are computed by streams. */
static bool streams(const pt_tile_loops_of *loops, const pt_tiled_product *p) {
    return loops->stream[1] != NULL && p->m <= STREAM_ROWS &&
           p->n >= STREAM_VECTORS * loops->lanes && p->b.line_stride == 1 && !p->a.lines &&
           !p->a.terms && !p->b.lines && !p->b.terms && !p->update && forced_rows == 0;
}

static void plan(job *j) {
    const pt_tiled_product *p = j->product;
    const double work = (double)p->m * (double)p->n * (double)p->k;

    /* Blocks of equal length: a short last one would load and store tiles for little work. */
    j->k_block = pt_ceil_div(p->k, pt_ceil_div(p->k, K_BLOCK));
    choose_tile(j);
    j->streams = streams(j->loops, p);
    if (j->streams) {
        choose_streams(j);
    } else {
        choose_tasks(j);
    }
    if (p->n_batch > 1 && (p->n_batch >= (size_t)(2 * pt_get_num_threads()) || work < TASK_WORK)) {
        j->batch_per_task = work < TASK_WORK ? (size_t)(TASK_WORK / work) + 1 : 1;
    }
    choose_homes(j);
}

/* ------------------------------------------------------------------------- packing */

/* to (n_terms, width) = terms [term, term + n_terms) of lines [line, line + n), where both follow
 * each other without a list. */
static void pack_run(const job *j, const pt_factor *factor, const char *data, size_t line, size_t n,
                     size_t term, size_t n_terms, char *to, size_t width) {
    const ptrdiff_t item = (ptrdiff_t)j->item;

    pt_transpose(
        to, (ptrdiff_t)width * item,
        data +
            ((ptrdiff_t)line * factor->line_stride + (ptrdiff_t)term * factor->term_stride) * item,
        factor->term_stride * item, factor->line_stride * item, n_terms, n, j->item);
}

/* The end of the run of consecutive numbers in list that starts at i. */
static size_t end_of_run(const int64_t *list, size_t i, size_t end) {
    for (i++; i < end && list[i] == list[i - 1] + 1; i++) {
    }
    return i;
}

/* to (length, width) = terms [start, start + length) of lines [first, first + n); zeros up to the
 * next whole vector. */
static void pack(const job *j, const pt_factor *factor, const char *data, size_t first, size_t n,
                 size_t start, size_t length, char *to, size_t width) {
    const size_t item = j->item, end = start + length;
    const size_t padded = pt_min(round_up(n, j->loops->lanes), width);
    const int64_t *lines = factor->lines;

    if (factor->line_stride == 1 && (!lines || end_of_run(lines, first, first + n) == first + n)) {
        const size_t line = lines ? (size_t)lines[first] : first;
        const ptrdiff_t term = factor->terms ? 0 : (ptrdiff_t)start * factor->term_stride;
        j->loops->copy(length, n, data + ((ptrdiff_t)line + term) * (ptrdiff_t)item,
                       factor->term_stride, factor->terms ? factor->terms + start : NULL, to,
                       width);
        return;
    }
    for (size_t p = start; p < end;) {
        const size_t stop = factor->terms ? end_of_run(factor->terms, p, end) : end;
        const size_t term = factor->terms ? (size_t)factor->terms[p] : p;
        char *const row = to + (p - start) * width * item;

        for (size_t l = 0; l < n;) {
            const size_t next = lines ? end_of_run(lines, first + l, first + n) - first : n;
            pack_run(j, factor, data, lines ? (size_t)lines[first + l] : first + l, next - l, term,
                     stop - p, row + l * item, width);
            l = next;
        }
        p = stop;
    }
    if (padded > n) {
        for (size_t q = 0; q < length; q++) {
            memset(to + (q * width + n) * item, 0, (padded - n) * item);
        }
    }
}

/* Packs strips [strip, end) of a shared operand, terms [j->start, j->end). */
static void pack_strips(const job *j, const pt_factor *factor, const char *data, size_t n_lines,
                        size_t strip, size_t end, char *to, size_t width) {
    const size_t all = round_up(n_lines, width);

    for (; strip < end && strip * width < n_lines; strip++) {
        for (size_t start = j->start; start < j->end; start += j->k_block) {
            const size_t length = pt_min(j->k_block, j->end - start);
            pack(j, factor, data, strip * width, pt_min(width, n_lines - strip * width), start,
                 length, to + ((start - j->start) * all + strip * width * length) * j->item, width);
        }
    }
}

/* Strips of an operand in one task of packing; about 5 us. */
static size_t strips_per_pack(const job *j, size_t width) {
    return pt_max(PACK_ELEMENTS / (width * (j->end - j->start)), 1);
}

/* The tasks of packing one operand. */
static size_t n_packs(const job *j, size_t n_lines, size_t width) {
    return pt_ceil_div(pt_ceil_div(n_lines, width), strips_per_pack(j, width));
}

static void pack_task(void *context, size_t i) {
    const job *j = context;
    const pt_tiled_product *p = j->product;
    const size_t of_a = j->a_home == SHARED ? n_packs(j, p->m, j->rows) : 0;

    if (i < of_a) {
        const size_t strips = strips_per_pack(j, j->rows), first = i * strips;
        pack_strips(j, &p->a, j->a_data, p->m, first, first + strips, j->packed_a, j->rows);
    } else {
        const size_t strips = strips_per_pack(j, j->columns), first = (i - of_a) * strips;
        pack_strips(j, &p->b, j->b_data, p->n, first, first + strips, j->packed_b, j->columns);
    }
}

/* ------------------------------------------------------------------------ the tiles */

/* Lines of an operand over a block of k, packed or in place. Strides in elements. */
typedef struct {
    const char *data;
    ptrdiff_t line_stride, step; /* from one line, or term, to the next */
} strip;

static strip packed_strip(const char *data, size_t width) {
    return (strip){data, 1, (ptrdiff_t)width};
}

static strip strip_in_place(const job *j, const pt_factor *factor, const char *data, size_t line,
                            size_t term) {
    return (strip){
        data + ((ptrdiff_t)line * factor->line_stride + (ptrdiff_t)term * factor->term_stride) *
                   (ptrdiff_t)j->item,
        factor->line_stride, factor->term_stride};
}

/* Rows of at most a tile of C, by the tiles that there are. */
static void multiply(const pt_tile_loops_of *loops, size_t item, size_t n_rows, size_t vectors,
                     size_t length, strip a, strip b, char *c, size_t c_row_stride,
                     bool continues) {
    for (size_t r = 0, taken; r < n_rows; r += taken) {
        taken = n_rows - r;
        while (!has_tile(loops, taken, vectors)) {
            taken--;
        }
        loops->multiply[taken][vectors - 1](
            length, a.data + (ptrdiff_t)(r * item) * a.line_stride, a.line_stride, a.step, b.data,
            b.step, c + r * c_row_stride * item, (ptrdiff_t)c_row_stride, continues);
    }
}

/* Computes one tile of C at most. */
static void compute_tile(const job *j, size_t n_rows, size_t n_columns, size_t length, strip a,
                         strip b, char *c, bool continues) {
    _Alignas(64) char edge[PT_TILE_MAX_ROWS * PT_TILE_MAX_VECTORS * 64];
    const size_t vectors = pt_ceil_div(n_columns, j->loops->lanes), item = j->item;
    const bool is_whole = n_columns % j->loops->lanes == 0;
    const size_t c_row = j->c_row_stride * item, row_bytes = n_columns * item;
    const size_t stride = is_whole ? j->c_row_stride : vectors * j->loops->lanes;
    char *to = is_whole ? c : edge;

    if (!is_whole && continues) {
        for (size_t r = 0; r < n_rows; r++) {
            memcpy(edge + r * stride * item, c + r * c_row, row_bytes);
            memset(edge + r * stride * item + row_bytes, 0, stride * item - row_bytes);
        }
    }
    multiply(j->loops, item, n_rows, vectors, length, a, b, to, stride, continues);
    for (size_t r = 0; !is_whole && r < n_rows; r++) {
        memcpy(c + r * c_row, edge + r * stride * item, row_bytes);
    }
}

/* Reads ahead what a tile of C is added to. */
static inline void prefetch_tile(const job *j, size_t n_rows, size_t n, const char *c) {
    for (size_t r = 0; r < n_rows; r++, c += j->product->n * j->item) {
        for (size_t at = 0; at < n * j->item; at += 64) {
            __builtin_prefetch(c + at, 1);
        }
    }
}

/* Computes columns [column, column + n) of rows [row, row_end), at most a tile wide, over a block
 * of k. a_packed: strips of these rows, NULL if A is in place. */
static void compute_strip(const job *j, size_t row, size_t row_end, size_t column, size_t n,
                          size_t start, size_t length, const char *a_packed, strip b) {
    const pt_tiled_product *p = j->product;
    const bool finishes = start + length == p->k && (p->bias || p->relu);
    const char *bias = p->bias ? (const char *)p->bias + column * j->item : NULL;
    _Alignas(64) char tile[PT_TILE_MAX_ROWS * PT_TILE_MAX_VECTORS * 64];
    char *c = p->update ? tile : j->c_data + (row * p->n + column) * j->item;

    for (size_t i = row; i < row_end; i += j->rows) {
        const size_t n_rows = pt_min(j->rows, row_end - i);
        const strip a = a_packed ? packed_strip(a_packed + (i - row) * length * j->item, j->rows)
                                 : strip_in_place(j, &p->a, j->a_data, i, start);
        char *next = c + j->rows * p->n * j->item;

        if (p->update) {
            pt_update_prefetch(p->update, p->update_rows, i, n_rows, column, n);
            compute_tile(j, n_rows, n, length, a, b, c, false);
            pt_update_tile(p->update, p->update_rows, i, n_rows, column, n, c, j->c_row_stride);
            continue;
        }
        if (i + n_rows < row_end) {
            prefetch_tile(j, pt_min(j->rows, row_end - i - n_rows), n, next);
        }
        compute_tile(j, n_rows, n, length, a, b, c, start > 0);
        if (finishes) {
            j->loops->finish(n_rows, n, c, (ptrdiff_t)p->n, bias, p->relu);
        }
        c = next;
    }
}

/* Computes a group of columns of a product that streams. */
static void compute_stream(const job *j, size_t group) {
    const pt_tiled_product *p = j->product;
    const size_t lanes = j->loops->lanes, item = j->item;
    const size_t width = STREAM_BYTES / (pt_min(p->m, PT_STREAM_MAX_ROWS) * lanes * item) * lanes;
    const size_t first = group * j->group_columns;
    const size_t end = group + 1 < j->n_groups ? first + j->group_columns : p->n;

    for (size_t column = first, n; column < end; column += n) {
        char *c = j->c_data + column * item;

        n = end - column < width + lanes ? end - column : width;
        for (size_t r = 0; r < p->m; r++) {
            memset(c + r * p->n * item, 0, n * item);
        }
        for (size_t start = 0, length; start < p->k; start += length) {
            const strip b = strip_in_place(j, &p->b, j->b_data, column, start);

            length = pt_min(STREAM_TERMS, p->k - start);
            for (size_t r = 0, taken; r < p->m; r += taken) {
                const strip a = strip_in_place(j, &p->a, j->a_data, r, start);

                taken = pt_min(PT_STREAM_MAX_ROWS, p->m - r);
                j->loops->stream[taken](n, length, a.data, a.line_stride, a.step, b.data, b.step,
                                        c + r * p->n * item, (ptrdiff_t)p->n);
            }
        }
        if (p->bias || p->relu) {
            j->loops->finish(p->m, n, c, (ptrdiff_t)p->n,
                             p->bias ? (const char *)p->bias + column * item : NULL, p->relu);
        }
    }
}

/* Computes one block of rows of one group of columns over terms [j->start, j->end). a_own, b_own:
 * room for a block of k of what this task packs itself. */
static void compute_block(const job *j, size_t block, size_t group, char *a_own, char *b_own) {
    const pt_tiled_product *p = j->product;
    const size_t row = block * j->block_rows, row_end = pt_min(row + j->block_rows, p->m);
    const size_t first = group * j->group_columns;
    const size_t end = pt_min(first + j->group_columns, p->n);
    const size_t all_a = round_up(p->m, j->rows), all_b = round_up(p->n, j->columns);

    if (j->streams) {
        compute_stream(j, group);
        return;
    }
    for (size_t start = j->start; start < j->end; start += j->k_block) {
        const size_t length = pt_min(j->k_block, j->end - start);
        const char *a = j->a_home == IN_PLACE ? NULL : a_own;

        if (j->a_home == SHARED) {
            a = j->packed_a + ((start - j->start) * all_a + row * length) * j->item;
        } else if (j->a_home == BY_TASK) {
            for (size_t i = row; i < row_end; i += j->rows) {
                pack(j, &p->a, j->a_data, i, pt_min(j->rows, row_end - i), start, length,
                     a_own + (i - row) * length * j->item, j->rows);
            }
        }
        for (size_t column = first; column < end; column += j->columns) {
            const size_t n = pt_min(j->columns, end - column);
            strip b = packed_strip(b_own, j->columns);

            if (j->b_home == SHARED) {
                b.data = j->packed_b + ((start - j->start) * all_b + column * length) * j->item;
            } else if (j->b_home == IN_PLACE && n % j->loops->lanes == 0) {
                b = strip_in_place(j, &p->b, j->b_data, column, start);
            } else {
                pack(j, &p->b, j->b_data, column, n, start, length, b_own, j->columns);
            }
            compute_strip(j, row, row_end, column, n, start, length, a, b);
        }
    }
    if (p->update) {
        pt_update_between(p->update, p->update_rows, row, row_end, first, end - first);
    }
}

static void compute_task(void *context, size_t i) {
    job *j = context;
    const pt_tiled_product *p = j->product;
    const size_t a_bytes = j->a_home == BY_TASK ? j->block_rows * j->k_block * j->item : 0;
    const size_t b_bytes =
        j->streams || j->b_home == SHARED ? 0 : j->columns * j->k_block * j->item;
    const bool packs = !p->update && !j->streams;
    char *own = packs ? pt_alloc(a_bytes + b_bytes) : NULL;

    if (packs && !own) {
        atomic_store_explicit(&j->is_out_of_memory, true, memory_order_relaxed);
        return;
    }
    if (j->batch_per_task == 0) {
        compute_block(j, i % j->n_blocks, i / j->n_blocks, own, own + a_bytes);
    } else {
        job mine = *j;
        const size_t first = i * j->batch_per_task;

        for (size_t of = first; of < pt_min(first + j->batch_per_task, p->n_batch); of++) {
            mine.a_data = (const char *)p->a.data + (ptrdiff_t)of * p->a_step;
            mine.b_data = (const char *)p->b.data + (ptrdiff_t)of * p->b_step;
            mine.c_data = (char *)p->c + of * p->m * p->n * j->item;
            for (size_t task = 0; task < j->n_blocks * j->n_groups; task++) {
                compute_block(&mine, task % j->n_blocks, task / j->n_blocks, own, own + a_bytes);
            }
        }
    }
    if (own) {
        pt_free(own, a_bytes + b_bytes);
    }
}

/* ------------------------------------------------------------------------- products */

/* Computes the current product, span by span of k. */
static pt_status compute_product(job *j) {
    const pt_tiled_product *p = j->product;
    const size_t a_lines = j->a_home == SHARED ? round_up(p->m, j->rows) : 0;
    const size_t b_lines = j->b_home == SHARED ? round_up(p->n, j->columns) : 0;
    const size_t per_term = (a_lines + b_lines) * j->item;
    size_t span = p->k;
    pt_status status = PT_OK;

    if (per_term * p->k > SPAN_BYTES) {
        span = pt_min(pt_max(SPAN_BYTES / per_term / j->k_block, 1) * j->k_block, p->k);
    }
    j->packed_a = pt_alloc(per_term * span);
    if (!j->packed_a) {
        return PT_NO_MEMORY;
    }
    j->packed_b = j->packed_a + a_lines * span * j->item;
    for (j->start = 0; j->start < p->k && status == PT_OK; j->start = j->end) {
        j->end = pt_min(j->start + span, p->k);
        pt_parallel_for(pack_task, j,
                        (a_lines > 0 ? n_packs(j, p->m, j->rows) : 0) +
                            (b_lines > 0 ? n_packs(j, p->n, j->columns) : 0));
        if (p->update) { /* half a step must not remain */
            pt_parallel_for(compute_task, j, j->n_blocks * j->n_groups);
        } else {
            status = pt_parallel_for_interruptible(compute_task, j, j->n_blocks * j->n_groups);
        }
    }
    pt_free(j->packed_a, per_term * span);
    return status;
}

/* A product of at most AT_ONCE multiply-adds costs OpenBLAS and a plan more than its arithmetic.
 * Multiply-adds that wait for each other take four times as long as others: with fewer than four sums
 * in a tile, k must be short. */
enum { AT_ONCE = 32 << 10, SUMS = 4, LATE_STEPS = 128, STREAMS_AT_ONCE = 3 };

bool pt_tiles_at_once(const pt_tiled_product *p) {
    const pt_tile_loops_of *loops = loops_of(p->dtype, pt_is_reproducible());
    const size_t m = p->m, n = p->n, k = p->k, item = pt_dtype_size[p->dtype];
    size_t vectors = n / loops->lanes;
    const size_t widest = pt_min(vectors, PT_TILE_MAX_VECTORS);

    if (p->n_batch != 1 || p->b.line_stride != 1 || n % loops->lanes != 0 || m * n * k > AT_ONCE ||
        m > PT_TILE_MAX_ROWS || k == 0 || p->update ||
        (m * widest < SUMS && k * (SUMS - m * widest) > LATE_STEPS)) {
        return false;
    }
#if defined(__x86_64__)
    if (pt_isa_level() == 0) {
        return false;
    }
#endif
    if (m <= STREAMS_AT_ONCE && vectors >= 2 * PT_TILE_MAX_VECTORS && loops->stream[m] != NULL) {
        memset(p->c, 0, m * n * item);
        loops->stream[m](n, k, p->a.data, p->a.line_stride, p->a.term_stride, p->b.data,
                         p->b.term_stride, p->c, (ptrdiff_t)n);
        vectors = 0;
    }
    for (size_t v = 0, wide; v < vectors; v += wide) {
        const size_t at = v * loops->lanes * item;

        wide = pt_min(vectors - v, PT_TILE_MAX_VECTORS);
        while (!has_tile(loops, 1, wide)) {
            wide--;
        }
        multiply(loops, item, m, wide, k, (strip){p->a.data, p->a.line_stride, p->a.term_stride},
                 (strip){(const char *)p->b.data + at, 1, p->b.term_stride}, (char *)p->c + at, n,
                 false);
    }
    if (p->bias || p->relu) {
        loops->finish(m, n, p->c, (ptrdiff_t)n, p->bias, p->relu);
    }
    return true;
}

/* C^T = B^T A^T, where C is a column. */
static pt_tiled_product turned(const pt_tiled_product *p) {
    pt_tiled_product row = *p;

    row.m = 1;
    row.n = p->m;
    row.a = p->b;
    row.b = p->a;
    row.a_step = p->b_step;
    row.b_step = p->a_step;
    row.bias = NULL;
    row.relu = false;
    return row;
}

bool pt_tiles_stream(const pt_tiled_product *p) {
    const pt_tile_loops_of *loops = loops_of(p->dtype, false);

    if (p->k == 0) {
        return false;
    }
    if (p->n == 1 && p->m > 1) {
        const pt_tiled_product row = turned(p);

        return streams(loops, &row);
    }
    return streams(loops, p);
}

pt_status pt_tiles(const pt_tiled_product *p) {
    job j = {.product = p,
             .loops = loops_of(p->dtype, pt_is_reproducible()),
             .item = pt_dtype_size[p->dtype],
             .end = p->k};
    pt_status status = PT_OK;

    if (p->n_batch == 0 || p->m == 0 || p->n == 0) {
        return PT_OK;
    }
    if (p->k == 0) {
        memset(p->c, 0, p->n_batch * p->m * p->n * j.item);
        j.loops->finish(p->n_batch * p->m, p->n, p->c, (ptrdiff_t)p->n, p->bias, p->relu);
        return PT_OK;
    }
    if (p->n == 1 && p->m > 1) { /* a vector of elements of C, not one by one */
        const pt_tiled_product row = turned(p);

        status = pt_tiles(&row);
        j.loops->finish(p->n_batch * p->m, 1, p->c, 1, p->bias, p->relu);
        return status;
    }
    plan(&j);
    j.c_row_stride = p->update ? j.columns : p->n;
    if (j.batch_per_task > 0) {
        status = pt_parallel_for_interruptible(compute_task, &j,
                                               pt_ceil_div(p->n_batch, j.batch_per_task));
    }
    for (size_t of = 0; j.batch_per_task == 0 && of < p->n_batch && status == PT_OK; of++) {
        j.a_data = (const char *)p->a.data + (ptrdiff_t)of * p->a_step;
        j.b_data = (const char *)p->b.data + (ptrdiff_t)of * p->b_step;
        j.c_data = p->c ? (char *)p->c + of * p->m * p->n * j.item : NULL;
        status = compute_product(&j);
    }
    /* An interruption comes first: it has set an exception, which must not be replaced. */
    if (status == PT_OK && atomic_load_explicit(&j.is_out_of_memory, memory_order_relaxed)) {
        return PT_NO_MEMORY;
    }
    return status;
}

bool pt_dense_can_update(pt_dtype dtype, size_t m, size_t n, size_t k) {
    /* One block of terms, packed at once. */
    return m > 0 && n > 1 && k > 0 && m <= K_BLOCK &&
           (n + k + PT_TILE_MAX_ROWS + PT_TILE_MAX_VECTORS * 16) * m * pt_dtype_size[dtype] <=
               SPAN_BYTES;
}

pt_status pt_dense_update(const pt_update *update, size_t m, size_t n, size_t k, const void *x,
                          ptrdiff_t x_row_stride, const void *dout, ptrdiff_t dout_row_stride,
                          const pt_gradient_rows *rows) {
    return pt_tiles(&(pt_tiled_product){
        .dtype = update->dtype,
        .n_batch = 1,
        .m = k,
        .n = n,
        .k = m,
        .a = {x, .line_stride = 1, .term_stride = x_row_stride, .lines = rows->rows},
        .b = {dout, .line_stride = 1, .term_stride = dout_row_stride},
        .update = update,
        .update_rows = rows});
}

void pt_tiles_finish(pt_dtype dtype, size_t m, size_t n, void *c, ptrdiff_t c_row_stride,
                     const void *bias, bool relu) {
    loops_of(dtype, false)->finish(m, n, c, c_row_stride, bias, relu);
}

bool pt_tiles_pay(pt_dtype dtype, size_t m, size_t n, size_t k) {
    if (pt_is_reproducible() || !pt_blas_is_there()) {
        return true;
    }
#if defined(__x86_64__)
    if (pt_isa_level() == 0) { /* without fused multiply-add BLAS's kernels are 1.3 times faster */
        return false;
    }
#endif
    return m >= MIN_ROWS && n * pt_dtype_size[dtype] >= MIN_ROW_BYTES &&
           (double)m * (double)n * (double)k >= MIN_WORK;
}

pt_status pt_dense(pt_dtype dtype, size_t m, size_t n, size_t k, const void *x,
                   ptrdiff_t x_row_stride, const void *w, ptrdiff_t w_row_stride,
                   const int64_t *columns, const void *bias, bool relu, void *out) {
    return pt_tiles(&(pt_tiled_product){
        .dtype = dtype,
        .n_batch = 1,
        .m = m,
        .n = n,
        .k = k,
        .a = {x, .line_stride = x_row_stride, .term_stride = 1, .terms = columns},
        .b = {w, .line_stride = 1, .term_stride = w_row_stride, .terms = columns},
        .c = out,
        .bias = bias,
        .relu = relu});
}

pt_status pt_dense_weight_gradient(pt_dtype dtype, size_t m, size_t n, size_t k, const void *x,
                                   ptrdiff_t x_row_stride, const void *dout,
                                   ptrdiff_t dout_row_stride, const int64_t *columns, void *dw) {
    return pt_tiles(&(pt_tiled_product){
        .dtype = dtype,
        .n_batch = 1,
        .m = k,
        .n = n,
        .k = m,
        .a = {x, .line_stride = 1, .term_stride = x_row_stride, .lines = columns},
        .b = {dout, .line_stride = 1, .term_stride = dout_row_stride},
        .c = dw});
}
