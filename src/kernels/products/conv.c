/* conv.c: convolutions along up to three axes, their transposes and their gradients, as products of
 * tiles.
 *
 * A row of the result, all channels at one position, is a row of A times B: the row of A consists of
 * the pixels that the kernel covers there, and B is the kernel. A is never stored: a strip of a few
 * rows is gathered into the L1 cache, which also takes care of strides, dilation and padding, and is
 * multiplied by all panels of B. bias and relu are applied to a tile as it is computed.
 *
 * A transposed convolution, which is also the gradient by the data, is the same product with source
 * and result exchanged. With a stride, positions of the result differ in which elements of the
 * kernel reach them; those that agree form a phase, and each phase is a product without a stride.
 *
 * An element is summed over k in blocks, and the gradient by the kernel over positions in boxes and
 * parts of them, whose sizes depend on the shapes alone: same bits for any number of threads. */
#include "conv.h"
#include "tiles.h"
#include "transpose.h"

#include <stdatomic.h>
#include <string.h>

/* A task must be worth its dispatch, and rows share the part of B that is in the L2 cache; see
 * TASK_WORK in matmul.c. */
enum { TASK_WORK = 300 << 10, LONG_TASK_WORK = 8 << 20, MIN_ROWS = 192, TASKS_PER_THREAD = 4 };

/* Copied lines stay in the L1 cache if they can; a k for which they pay even if a third of the rows
 * is not used. */
enum { LINES_BYTES = 32 << 10, SHORT_K = 64 };

/* Elements of the kernel worth packing on several threads. */
enum { LARGE_KERNEL = 64 << 10 };

/* The window of a box stays in the L2 cache beside the packed part of g. */
enum { WINDOW_BYTES = 256 << 10 };

/* Parts of the gradient by the kernel that are summed separately: enough for eight cores, as long as
 * their sums need not be many times the memory of a large kernel. */
enum { MAX_PARTS = 8, PARTS_BYTES = 64 << 20 };

/* Multiply-adds of one task of a round: 10 to 50 ms. Interruptions are noticed between rounds. */
#define ROUND_WORK ((double)(1u << 30))

static const pt_conv_loops_of *loops_of(pt_dtype dtype) {
    const pt_conv_table *table = PT_SELECT(pt_conv_loops);

    return dtype == PT_FLOAT32 ? &table->f32 : &table->f64;
}

static size_t product_of(const size_t dims[PT_CONV_AXES]) { return dims[0] * dims[1] * dims[2]; }

/* ------------------------------------------------- results from the source and the kernel */

typedef struct {
    pt_conv_product product;
    const pt_conv_loops_of *loops;
    size_t item_size, n_phases, n_panels, rows_per_task;
    pt_conv_phase *phases;
    size_t *first_tasks; /* (n_phases + 1,) */
    bool is_depthwise;   /* groups have one channel and one column */
    atomic_bool is_out_of_memory;
} job;

/* The phases of one axis, in axes. taps, shifts: (w_length,) each, which the phases share. Returns
 * their number. */
static size_t phases_of_axis(const pt_conv_geometry *s, int d, bool transposed, pt_conv_axis *axes,
                             size_t *taps, ptrdiff_t *shifts) {
    const ptrdiff_t stride = (ptrdiff_t)s->strides[d], dilation = (ptrdiff_t)s->dilation[d];
    const ptrdiff_t before = s->before[d];
    const size_t w_length = s->w_dims[d];

    if (!transposed) {
        for (size_t t = 0; t < w_length; t++) {
            taps[t] = t;
            shifts[t] = (ptrdiff_t)t * dilation - before;
        }
        axes[0] = (pt_conv_axis){.n_positions = s->out_dims[d],
                                 .step = 1,
                                 .n_taps = w_length,
                                 .taps = taps,
                                 .shifts = shifts,
                                 .source_step = stride,
                                 .source_length = s->x_dims[d]};
        return 1;
    }
    const size_t n_phases = pt_min(s->strides[d], s->x_dims[d]);
    for (size_t first = 0; first < n_phases; first++) {
        size_t n = 0;

        for (size_t i = w_length; i-- > 0;) { /* so that shifts ascend */
            const ptrdiff_t distance = (ptrdiff_t)first + before - (ptrdiff_t)i * dilation;

            if (distance % stride == 0) {
                taps[n] = i;
                shifts[n++] = distance / stride;
            }
        }
        axes[first] =
            (pt_conv_axis){.n_positions = pt_ceil_div(s->x_dims[d] - first, (size_t)stride),
                           .first = first,
                           .step = (size_t)stride,
                           .n_taps = n,
                           .taps = taps,
                           .shifts = shifts,
                           .source_step = 1,
                           .source_length = s->out_dims[d]};
        taps += n;
        shifts += n;
    }
    return n_phases;
}

/* Whether rows of A are made by copying lines, and for how many positions at once. A line's last
 * tile has some unused rows, a strip has none; a strip costs more, which counts for a short k. */
static size_t line_positions(const job *j, const pt_conv_phase *phase) {
    const pt_conv_axis *last = &phase->axes[2];
    const size_t n = last->n_positions, step = (size_t)last->source_step;
    const size_t unit = pt_max(j->loops->rows / 3, 1), used = pt_ceil_div(n, unit) * unit;

    if (!phase->has_lines || j->is_depthwise || phase->k == 0 || phase->k > j->loops->most_k ||
        step > 4 || (used * 4 > n * 5 && phase->k > SHORT_K)) {
        return 0;
    }
    const size_t per_position = phase->k / last->n_taps * step * j->item_size;
    const size_t fitting = LINES_BYTES / per_position / j->loops->rows * j->loops->rows;

    return pt_min(n, pt_max(fitting, 2 * j->loops->rows));
}

static bool has_neighbours(const pt_conv_axis *axis) {
    for (size_t t = 1; t < axis->n_taps; t++) {
        if (axis->shifts[t] != axis->shifts[t - 1] + 1) {
            return false;
        }
    }
    return true;
}

/* Fills in the phases, for each of every axis. */
static void make_phases(job *j, const pt_conv_axis *const axes[PT_CONV_AXES],
                        const size_t n_phases[PT_CONV_AXES], char *packed_b) {
    const pt_conv_product *p = &j->product;

    j->n_phases = 0;
    for (size_t a = 0; a < n_phases[0]; a++) {
        for (size_t b = 0; b < n_phases[1]; b++) {
            for (size_t c = 0; c < n_phases[2]; c++) {
                pt_conv_phase *phase = &j->phases[j->n_phases++];

                *phase = (pt_conv_phase){.axes = {axes[0][a], axes[1][b], axes[2][c]},
                                         .n_rows = p->n_images,
                                         .k = p->channels,
                                         .packed_b = packed_b};
                for (int d = 0; d < PT_CONV_AXES; d++) {
                    phase->n_rows *= phase->axes[d].n_positions;
                    phase->k *= phase->axes[d].n_taps;
                }
                phase->has_lines = p->groups == 1 && has_neighbours(&phase->axes[2]);
                phase->line_positions = line_positions(j, phase);
                packed_b += p->groups * p->group_size * phase->k;
            }
        }
    }
}

/* Shares the rows among tasks. */
static void make_tasks(job *j) {
    const pt_conv_product *p = &j->product;
    double work = 0;
    size_t n_rows = 0, n_tasks = 0;

    for (size_t i = 0; i < j->n_phases; i++) {
        work += (double)j->phases[i].n_rows * (double)j->phases[i].k;
        n_rows += j->phases[i].n_rows;
    }
    /* A row takes some time even if there is little to multiply. */
    const double columns = (double)(j->is_depthwise ? p->groups : p->columns);
    const size_t groups = j->is_depthwise ? 1 : p->groups; /* of tasks */
    const double row_work = work / (double)pt_max(n_rows, 1) * columns + 200;
    const double wanted =
        (double)n_rows * (double)groups / (TASKS_PER_THREAD * (double)pt_get_num_threads());
    double rows = LONG_TASK_WORK / row_work;
    rows = rows < MIN_ROWS ? MIN_ROWS : rows;
    rows = rows > wanted ? wanted : rows;
    rows = rows < TASK_WORK / row_work ? TASK_WORK / row_work : rows;
    const size_t line = j->phases[0].axes[2].n_positions;
    const size_t unit = j->phases[0].line_positions == line ? line : j->loops->rows;
    j->rows_per_task = pt_ceil_div((size_t)rows + 1, unit) * unit;
    for (size_t i = 0; i < j->n_phases; i++) {
        j->first_tasks[i] = n_tasks;
        n_tasks += pt_ceil_div(j->phases[i].n_rows, j->rows_per_task) * groups;
    }
    j->first_tasks[j->n_phases] = n_tasks;
}

static void pack_task(void *context, size_t i) {
    job *j = context;
    const pt_conv_product *p = &j->product;
    const size_t panel = i % j->n_panels, group = i / j->n_panels % p->groups;
    const pt_conv_phase *phase = &j->phases[i / j->n_panels / p->groups];

    j->loops->pack_b(p, phase, group, panel,
                     phase->packed_b + group * p->group_size * phase->k +
                         panel * j->loops->columns * phase->k * j->item_size);
}

static void product_task(void *context, size_t i) {
    job *j = context;
    size_t low = 0, high = j->n_phases; /* the phase is in [low, high) */

    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;

        if (j->first_tasks[middle] <= i) {
            low = middle;
        } else {
            high = middle;
        }
    }
    const pt_conv_phase *phase = &j->phases[low];
    const size_t task = i - j->first_tasks[low];
    const size_t blocks = pt_ceil_div(phase->n_rows, j->rows_per_task);
    const size_t first = task % blocks * j->rows_per_task;
    const size_t end = pt_min(first + j->rows_per_task, phase->n_rows);

    if (j->is_depthwise) {
        j->loops->depthwise(&j->product, phase, first, end);
        return;
    }
    const bool by_lines = phase->line_positions > 0;
    const size_t size = by_lines ? phase->axes[0].n_taps * phase->axes[1].n_taps *
                                       pt_conv_line_size(phase, j->product.channels, j->loops->rows)
                                 : j->loops->a_size;
    void *buffer = pt_alloc(size * j->item_size);
    if (!buffer) {
        atomic_store_explicit(&j->is_out_of_memory, true, memory_order_relaxed);
        return;
    }
    if (by_lines) {
        j->loops->lines(&j->product, phase, first, end, buffer);
    } else {
        j->loops->product(&j->product, phase, task / blocks, first, end, buffer);
    }
    pt_free(buffer, size * j->item_size);
}

/* Packs the kernel and runs the tasks. */
static pt_status run(job *j) {
    const size_t n_panels = j->n_phases * j->product.groups * j->n_panels;
    const size_t size = product_of(j->product.w_dims) * j->product.channels * j->product.columns *
                        j->product.groups;

    make_tasks(j);
    if (j->is_depthwise) {
        /* as it is */
    } else if (size >= LARGE_KERNEL) {
        pt_parallel_for(pack_task, j, n_panels);
    } else {
        for (size_t i = 0; i < n_panels; i++) {
            pack_task(j, i);
        }
    }
    const pt_status status =
        pt_parallel_for_interruptible(product_task, j, j->first_tasks[j->n_phases]);
    /* An interruption comes first: it has set an exception, which must not be replaced. */
    if (status == PT_OK && atomic_load_explicit(&j->is_out_of_memory, memory_order_relaxed)) {
        return PT_NO_MEMORY;
    }
    return status;
}

/* Whether the kernel has one element that meets all of x: then it is a product of matrices. */
static bool is_product(const pt_conv_geometry *s) {
    for (int d = 0; d < PT_CONV_AXES; d++) {
        if (s->w_dims[d] != 1 || s->strides[d] != 1 || s->before[d] != 0 ||
            s->out_dims[d] != s->x_dims[d]) {
            return false;
        }
    }
    return s->groups == 1;
}

static pt_status compute(pt_dtype dtype, const pt_conv_geometry *s, bool transposed,
                         pt_conv_product product) {
    job j = {.product = product, .loops = loops_of(dtype), .item_size = pt_dtype_size[dtype]};
    const size_t tail = product.columns % j.loops->columns;
    const size_t padding = tail == 0                ? 0
                           : tail <= j.loops->lanes ? j.loops->lanes - tail
                                                    : j.loops->columns - tail;
    size_t n_phases[PT_CONV_AXES], n_axes = 0, n_taps = 0;

    if (product.n_images == 0 || product_of(product.out_dims) == 0 || product.groups == 0 ||
        product.columns == 0) {
        return PT_OK;
    }
    if (is_product(s)) {
        return pt_tiles(&(pt_tiled_product){.dtype = dtype,
                                            .n_batch = 1,
                                            .m = product.n_images * product_of(product.out_dims),
                                            .n = product.columns,
                                            .k = product.channels,
                                            .a = {.data = product.source,
                                                  .line_stride = (ptrdiff_t)product.channels,
                                                  .term_stride = 1},
                                            .b = {.data = product.w,
                                                  .line_stride = (ptrdiff_t)product.w_column,
                                                  .term_stride = (ptrdiff_t)product.w_channel},
                                            .c = product.out,
                                            .bias = product.bias,
                                            .relu = product.relu});
    }
    j.is_depthwise = product.channels == 1 && product.columns == 1;
    j.n_panels = pt_ceil_div(product.columns, j.loops->columns);
    j.product.group_size = (product.columns + padding) * j.item_size;
    j.n_phases = 1;
    for (int d = 0; d < PT_CONV_AXES; d++) {
        n_phases[d] = transposed ? pt_min(s->strides[d], s->x_dims[d]) : 1;
        j.n_phases *= n_phases[d];
        n_axes += n_phases[d];
        n_taps += s->w_dims[d];
    }
    const size_t packed_bytes = j.is_depthwise ? 0
                                               : product.groups * j.product.group_size *
                                                     product_of(product.w_dims) * product.channels;
    const size_t phase_bytes = j.n_phases * sizeof(pt_conv_phase);
    const size_t task_bytes = (j.n_phases + 1) * sizeof(size_t);
    const size_t axis_bytes = n_axes * sizeof(pt_conv_axis);
    const size_t tap_bytes = n_taps * (sizeof(size_t) + sizeof(ptrdiff_t));
    char *packed_b = pt_alloc(packed_bytes), *tables;
    pt_status status = PT_NO_MEMORY;

    tables = pt_alloc(phase_bytes + task_bytes + axis_bytes + tap_bytes);
    if (packed_b && tables) {
        pt_conv_axis *axes = (void *)(tables + phase_bytes + task_bytes);
        size_t *taps = (void *)(tables + phase_bytes + task_bytes + axis_bytes);
        ptrdiff_t *shifts = (ptrdiff_t *)(void *)(taps + n_taps);
        const pt_conv_axis *of_axis[PT_CONV_AXES];

        j.phases = (void *)tables;
        j.first_tasks = (void *)(tables + phase_bytes);
        for (int d = 0; d < PT_CONV_AXES; d++) {
            of_axis[d] = axes;
            axes += phases_of_axis(s, d, transposed, axes, taps, shifts);
            taps += s->w_dims[d];
            shifts += s->w_dims[d];
        }
        make_phases(&j, of_axis, n_phases, packed_b);
        status = run(&j);
    }
    pt_free(packed_b, packed_bytes);
    pt_free(tables, phase_bytes + task_bytes + axis_bytes + tap_bytes);
    return status;
}

/* ------------------------------------------------- transposes as products that are added
 *
 * A result of few channels leaves most of a vector empty, and one that is not padded has edges where
 * most factors are zeros. There, all taps of a position of the source are one row of a product,
 * (taps, channels of the result), which is added to where its taps are. An image is one task, so
 * that nobody else adds to it. */

enum { FEW_CHANNELS = 8, SOME_CHANNELS = 64, ENOUGH_IMAGES = 8, SCATTER_BYTES = 64 << 10 };

typedef struct {
    pt_dtype dtype;
    const pt_conv_geometry *geometry;
    const pt_conv_loops_of *loops;
    const char *g;
    char *dx;
    const void *bias;
    bool relu;
    const char *turned;            /* (filters, width): the kernel, zeros beyond its columns */
    size_t item, n_columns, width; /* of a position's row: taps, channels; whole vectors of them */
    size_t n_lines;                /* of g, multiplied at once */
    _Atomic pt_status status;
} scatter_job;

/* Adds a line of rows of products to where their taps are in an image of dx. */
static void scatter_line(const scatter_job *j, size_t line, const char *rows, char *image) {
    const pt_conv_geometry *s = j->geometry;
    const size_t channels = s->x_channels, at[] = {line / s->out_dims[1], line % s->out_dims[1]};
    const bool are_neighbours = s->dilation[2] == 1;
    const size_t taps = are_neighbours ? s->w_dims[2] : 1;

    for (size_t t = 0; t < product_of(s->w_dims); t += taps) {
        const size_t tap[] = {t / s->w_dims[2] / s->w_dims[1], t / s->w_dims[2] % s->w_dims[1],
                              t % s->w_dims[2]};
        size_t place[2];
        bool is_inside = true;

        for (int d = 0; d < 2; d++) {
            place[d] = at[d] * s->strides[d] + tap[d] * s->dilation[d] - (size_t)s->before[d];
            is_inside = is_inside && place[d] < s->x_dims[d];
        }
        if (is_inside) {
            j->loops->scatter(
                s->out_dims[2], taps * channels, rows + t * channels * j->item, j->width,
                image + (place[0] * s->x_dims[1] + place[1]) * s->x_dims[2] * channels * j->item,
                ((ptrdiff_t)(tap[2] * s->dilation[2]) - s->before[2]) * (ptrdiff_t)channels,
                s->strides[2] * channels, s->x_dims[2] * channels);
        }
    }
}

static void scatter_task(void *context, size_t i) {
    scatter_job *j = context;
    const pt_conv_geometry *s = j->geometry;
    const size_t all_lines = s->out_dims[0] * s->out_dims[1], positions = product_of(s->x_dims);
    const size_t line_bytes = s->out_dims[2] * j->width * j->item;
    const char *g = j->g + i * all_lines * s->out_dims[2] * s->out_channels * j->item;
    char *image = j->dx + i * positions * s->x_channels * j->item;
    char *rows = pt_alloc(j->n_lines * line_bytes);
    pt_status status = rows ? PT_OK : PT_NO_MEMORY;

    memset(image, 0, positions * s->x_channels * j->item);
    for (size_t line = 0; line < all_lines && status == PT_OK; line += j->n_lines) {
        const size_t n = pt_min(j->n_lines, all_lines - line);

        status = pt_tiles(&(pt_tiled_product){
            .dtype = j->dtype,
            .n_batch = 1,
            .m = n * s->out_dims[2],
            .n = j->width,
            .k = s->out_channels,
            .a = {.data = g + line * s->out_dims[2] * s->out_channels * j->item,
                  .line_stride = (ptrdiff_t)s->out_channels,
                  .term_stride = 1},
            .b = {.data = j->turned, .line_stride = 1, .term_stride = (ptrdiff_t)j->width},
            .c = rows});
        for (size_t of = 0; of < n && status == PT_OK; of++) {
            scatter_line(j, line + of, rows + of * line_bytes, image);
        }
    }
    pt_tiles_finish(j->dtype, positions, s->x_channels, image, (ptrdiff_t)s->x_channels, j->bias,
                    j->relu);
    if (rows) {
        pt_free(rows, j->n_lines * line_bytes);
    }
    if (status != PT_OK) {
        atomic_store_explicit(&j->status, status, memory_order_relaxed);
    }
}

/* Whether the shapes are such that this is faster: they alone decide, so the bits do not depend on
 * the processor. */
static bool is_scattered(const pt_conv_geometry *s) {
    const size_t to = product_of(s->x_dims), from = product_of(s->out_dims);
    /* Without padding, a kernel meets more zeros than elements at the result's edges. */
    const bool meets_zeros = product_of(s->strides) == 1 && 4 * to > 5 * from;

    return s->groups == 1 && s->x_channels <= (meets_zeros ? SOME_CHANNELS : FEW_CHANNELS) &&
           s->n_images >= ENOUGH_IMAGES && s->out_channels > 0 && product_of(s->w_dims) > 1 &&
           from > 0 && to > 0;
}

static pt_status scatter(pt_dtype dtype, const pt_conv_geometry *s, const void *g, const void *w,
                         const void *bias, bool relu, void *dx) {
    scatter_job j = {.dtype = dtype,
                     .geometry = s,
                     .loops = loops_of(dtype),
                     .g = g,
                     .dx = dx,
                     .bias = bias,
                     .relu = relu,
                     .item = pt_dtype_size[dtype],
                     .n_columns = product_of(s->w_dims) * s->x_channels};

    j.width = pt_ceil_div(j.n_columns, j.loops->lanes) * j.loops->lanes;
    j.n_lines = pt_max(SCATTER_BYTES / (s->out_dims[2] * j.width * j.item), 1);
    const size_t bytes = s->out_channels * j.width * j.item;
    char *turned = pt_alloc(bytes);
    if (!turned) {
        return PT_NO_MEMORY;
    }
    j.turned = memset(turned, 0, bytes);
    pt_transpose(turned, (ptrdiff_t)(j.width * j.item), w, (ptrdiff_t)j.item,
                 (ptrdiff_t)(s->out_channels * j.item), s->out_channels, j.n_columns, j.item);
    const pt_status status = pt_parallel_for_interruptible(scatter_task, &j, s->n_images);
    pt_free(turned, bytes);
    return status == PT_OK ? atomic_load_explicit(&j.status, memory_order_relaxed) : status;
}

#define DIMS(dims) {(dims)[0], (dims)[1], (dims)[2]}

pt_status pt_conv(pt_dtype dtype, const pt_conv_geometry *s, const void *x, const void *w,
                  const void *bias, bool relu, void *out) {
    const size_t channels = s->x_channels / s->groups, columns = s->out_channels / s->groups;

    return compute(dtype, s, false,
                   (pt_conv_product){.n_images = s->n_images,
                                     .groups = s->groups,
                                     .channels = channels,
                                     .columns = columns,
                                     .source = x,
                                     .source_dims = DIMS(s->x_dims),
                                     .w = w,
                                     .w_dims = DIMS(s->w_dims),
                                     .w_tap = channels * s->out_channels,
                                     .w_channel = s->out_channels,
                                     .w_column = 1,
                                     .w_group = columns,
                                     .out = out,
                                     .out_dims = DIMS(s->out_dims),
                                     .bias = bias,
                                     .relu = relu});
}

pt_status pt_conv_transpose(pt_dtype dtype, const pt_conv_geometry *s, const void *g, const void *w,
                            const void *bias, bool relu, void *dx) {
    const size_t channels = s->out_channels / s->groups, columns = s->x_channels / s->groups;

    if (is_scattered(s)) {
        return scatter(dtype, s, g, w, bias, relu, dx);
    }
    return compute(dtype, s, true,
                   (pt_conv_product){.n_images = s->n_images,
                                     .groups = s->groups,
                                     .channels = channels,
                                     .columns = columns,
                                     .source = g,
                                     .source_dims = DIMS(s->out_dims),
                                     .w = w,
                                     .w_dims = DIMS(s->w_dims),
                                     .w_tap = columns * s->out_channels,
                                     .w_channel = 1,
                                     .w_column = s->out_channels,
                                     .w_group = channels,
                                     .out = dx,
                                     .out_dims = DIMS(s->x_dims),
                                     .bias = bias,
                                     .relu = relu});
}

/* ------------------------------------------------------------ gradient by the kernel */

typedef struct {
    pt_conv_weights_product product;
    const pt_conv_loops_of *loops;
    size_t item_size, n_boxes, n_parts, boxes_per_part, n_lines, n_shares;
    size_t first, end; /* boxes of each part in this round */
    char *dw, *parts;  /* of the first part; of the others */
    size_t dw_size;    /* elements */
    atomic_bool is_out_of_memory;
} weights_job;

/* Chooses boxes of about PT_CONV_BOX positions whose windows fit. */
static void choose_boxes(weights_job *j) {
    pt_conv_weights_product *p = &j->product;
    const pt_conv_geometry *s = p->geometry;
    const size_t most = WINDOW_BYTES / j->item_size / pt_max(p->channels, 1);
    size_t room = PT_CONV_BOX, n_positions = 1;

    for (int d = PT_CONV_AXES; d >= 0; d--) {
        const size_t length = d == 0 ? s->n_images : s->out_dims[d - 1];
        size_t box = pt_min(length, room);

        if (d > 0) {
            const size_t stride = s->strides[d - 1];
            const size_t covered = (s->w_dims[d - 1] - 1) * s->dilation[d - 1] + 1;
            size_t inner = 1; /* positions in the window along the axes after this one */

            for (int other = d; other < PT_CONV_AXES; other++) {
                inner *= p->window[other];
            }
            const size_t fitting = most / inner;
            const size_t fit = fitting > covered ? (fitting - covered) / stride + 1 : 1;
            box = pt_min(box, fit);
        } else {
            box = pt_max(pt_min(box, most / pt_max(product_of(p->window), 1)), 1);
        }
        box = pt_ceil_div(length, pt_ceil_div(length, box)); /* of about equal lengths */
        if (d > 0) {
            p->window[d - 1] =
                (box - 1) * s->strides[d - 1] + (s->w_dims[d - 1] - 1) * s->dilation[d - 1] + 1;
        }
        p->box[d] = box;
        p->n_boxes[d] = pt_ceil_div(length, box);
        room /= box;
        room = pt_max(room, 1);
        n_positions *= box;
    }
    /* A tile may read past the last element of the window, which it ignores. */
    p->window_size = p->box[0] * product_of(p->window) * p->channels + j->loops->rows;
    p->packed_size = n_positions * pt_ceil_div(p->columns, j->loops->columns) * j->loops->columns;
}

static void weights_task(void *context, size_t i) {
    weights_job *j = context;
    const pt_conv_weights_product *p = &j->product;
    const size_t share = i % j->n_shares, group = i / j->n_shares % p->geometry->groups;
    const size_t part = i / j->n_shares / p->geometry->groups;
    const size_t first_line = j->n_lines * share / j->n_shares;
    const size_t end_line = j->n_lines * (share + 1) / j->n_shares;
    const size_t first_box = j->n_boxes * part / j->n_parts;
    const size_t n_boxes = j->n_boxes * (part + 1) / j->n_parts - first_box;
    const size_t bytes = (p->window_size + p->packed_size) * j->item_size;
    char *buffer = pt_alloc(bytes);
    char *dw = part == 0 ? j->dw : j->parts + (part - 1) * j->dw_size * j->item_size;

    if (!buffer) {
        atomic_store_explicit(&j->is_out_of_memory, true, memory_order_relaxed);
        return;
    }
    for (size_t box = j->first; box < pt_min(j->end, n_boxes); box++) {
        j->loops->weights(p, group, first_box + box, first_line, end_line, box == 0, buffer,
                          buffer + p->window_size * j->item_size, dw);
    }
    pt_free(buffer, bytes);
}

enum { ADD_BLOCK = 16 << 10 };

static void add_task(void *context, size_t i) {
    const weights_job *j = context;
    const size_t first = i * ADD_BLOCK, n = pt_min(ADD_BLOCK, j->dw_size - first);

    for (size_t part = 1; part < j->n_parts; part++) {
        j->loops->add(n, j->dw + first * j->item_size,
                      j->parts + ((part - 1) * j->dw_size + first) * j->item_size);
    }
}

/* A task of the gradient by a kernel with one channel and one column in each group: a part of the
 * positions, and some channels. */
static void depthwise_task(void *context, size_t i) {
    const weights_job *j = context;
    const pt_conv_geometry *s = j->product.geometry;
    const size_t width = 2 * j->loops->columns, blocks = pt_ceil_div(s->x_channels, width);
    const size_t part = i / blocks, start = i % blocks * width;
    const size_t n_positions = s->n_images * product_of(s->out_dims);
    char *dw = part == 0 ? j->dw : j->parts + (part - 1) * j->dw_size * j->item_size;

    j->loops->depthwise_weights(s, j->product.x, j->product.g, n_positions * part / j->n_parts,
                                n_positions * (part + 1) / j->n_parts, start,
                                pt_min(width, s->x_channels - start), dw);
}

static void add_parts(weights_job *j) {
    if (j->n_parts > 1) {
        pt_parallel_for(add_task, j, pt_ceil_div(j->dw_size, ADD_BLOCK));
    }
}

static pt_status run_depthwise(weights_job *j) {
    const size_t width = 2 * j->loops->columns;
    const pt_status status = pt_parallel_for_interruptible(
        depthwise_task, j, j->n_parts * pt_ceil_div(j->product.geometry->x_channels, width));

    if (status == PT_OK) {
        add_parts(j);
    }
    return status;
}

/* Runs the boxes, in rounds, and adds up the parts. */
static pt_status run_weights(weights_job *j) {
    const pt_conv_weights_product *p = &j->product;
    const pt_conv_geometry *s = p->geometry;
    const size_t n_tasks = j->n_parts * s->groups * j->n_shares;
    const size_t most = pt_ceil_div(j->n_boxes, j->n_parts);
    const double box_work = (double)j->dw_size / (double)s->groups / (double)j->n_shares *
                            (double)(p->box[0] * p->box[1] * p->box[2] * p->box[3]);
    const double per_round = ROUND_WORK / box_work + 1;
    const size_t step = per_round < (double)most ? (size_t)per_round : most;

    for (j->first = 0; j->first < most; j->first += step) {
        j->end = j->first + step;
        const pt_status status = pt_parallel_for_interruptible(weights_task, j, n_tasks);
        if (status != PT_OK) {
            return status;
        }
        if (atomic_load_explicit(&j->is_out_of_memory, memory_order_relaxed)) {
            return PT_NO_MEMORY;
        }
    }
    add_parts(j);
    return PT_OK;
}

pt_status pt_conv_weights(pt_dtype dtype, const pt_conv_geometry *s, const void *x, const void *g,
                          void *dw) {
    weights_job j = {.product = {.geometry = s,
                                 .channels = s->x_channels / s->groups,
                                 .columns = s->out_channels / s->groups,
                                 .x = x,
                                 .g = g},
                     .loops = loops_of(dtype),
                     .item_size = pt_dtype_size[dtype],
                     .dw = dw};

    j.dw_size = product_of(s->w_dims) * j.product.channels * s->out_channels;
    if (j.dw_size == 0) {
        return PT_OK;
    }
    if (s->n_images == 0 || product_of(s->out_dims) == 0) {
        memset(dw, 0, j.dw_size * j.item_size);
        return PT_OK;
    }
    const bool is_depthwise = j.product.channels == 1 && j.product.columns == 1;
    choose_boxes(&j);
    j.n_boxes =
        j.product.n_boxes[0] * j.product.n_boxes[1] * j.product.n_boxes[2] * j.product.n_boxes[3];
    j.n_parts = pt_min(pt_min(j.n_boxes, MAX_PARTS), PARTS_BYTES / (j.dw_size * j.item_size) + 1);
    j.n_lines = product_of(s->w_dims) / (s->dilation[2] == 1 ? s->w_dims[2] : 1);
    j.n_shares =
        pt_min(pt_ceil_div((size_t)pt_get_num_threads(), j.n_parts * s->groups), j.n_lines);

    const size_t bytes = (j.n_parts - 1) * j.dw_size * j.item_size;
    j.parts = pt_alloc(bytes);
    if (!j.parts) {
        return PT_NO_MEMORY;
    }
    const pt_status status = is_depthwise ? run_depthwise(&j) : run_weights(&j);
    pt_free(j.parts, bytes);
    return status;
}
