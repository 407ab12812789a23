/* max_pool.c: the largest elements of sliding windows, and where they are.
 *
 * Nothing is stored for the derivatives: the windows are searched again, which costs less than
 * writing and reading where the elements were. */
#include "max_pool.h"

/* Elements compared in one task: 10 us or more. */
enum { TASK_WORK = 64 << 10 };

typedef struct {
    const pt_conv_geometry *geometry;
    const pt_max_pool_loops_of *loops;
    const void *x, *t;
    void *out;
    size_t n_positions, positions_per_task, images_per_task;
} job;

static const pt_max_pool_loops_of *loops_of(pt_dtype dtype) {
    const pt_max_pool_table *table = PT_SELECT(pt_max_pool_loops);

    return dtype == PT_FLOAT32 ? &table->f32 : &table->f64;
}

static void pool_task(void *context, size_t i) {
    const job *j = context;
    const size_t first = i * j->positions_per_task, end = first + j->positions_per_task;

    j->loops->pool(j->geometry, j->x, j->t, first, end < j->n_positions ? end : j->n_positions,
                   j->out);
}

static void spread_task(void *context, size_t i) {
    const job *j = context;
    const pt_conv_geometry *s = j->geometry;
    const size_t blocks = pt_ceil_div(s->x_channels, PT_POOL_CHANNELS);
    const size_t start = i % blocks * PT_POOL_CHANNELS, rest = s->x_channels - start;
    const size_t first = i / blocks * j->images_per_task, end = first + j->images_per_task;

    for (size_t image = first; image < end && image < s->n_images; image++) {
        j->loops->spread(s, j->x, j->t, image, start,
                         rest < PT_POOL_CHANNELS ? rest : PT_POOL_CHANNELS, j->out);
    }
}

/* How many pieces of `work` comparisons make a task. */
static size_t pieces_per_task(double work) {
    return work < TASK_WORK ? (size_t)(TASK_WORK / (work + 1)) + 1 : 1;
}

static double window_work(const pt_conv_geometry *s) {
    return (double)s->w_dims[0] * (double)s->w_dims[1] * (double)s->w_dims[2] *
           ((double)s->x_channels + 16);
}

static void run(pt_dtype dtype, const pt_conv_geometry *s, const void *x, const void *t,
                void *out) {
    job j = {.geometry = s, .loops = loops_of(dtype), .x = x, .t = t, .out = out};

    j.n_positions = s->n_images * s->out_dims[0] * s->out_dims[1] * s->out_dims[2];
    if (j.n_positions > 0 && s->x_channels > 0) {
        j.positions_per_task = pieces_per_task(window_work(s));
        pt_parallel_for(pool_task, &j, pt_ceil_div(j.n_positions, j.positions_per_task));
    }
}

void pt_max_pool(pt_dtype dtype, const pt_conv_geometry *s, const void *x, void *out) {
    run(dtype, s, x, NULL, out);
}

void pt_max_pool_pick(pt_dtype dtype, const pt_conv_geometry *s, const void *x, const void *t,
                      void *out) {
    run(dtype, s, x, t, out);
}

void pt_max_pool_spread(pt_dtype dtype, const pt_conv_geometry *s, const void *x, const void *g,
                        void *dx) {
    job j = {.geometry = s, .loops = loops_of(dtype), .x = x, .t = g, .out = dx};
    const double n_positions =
        (double)s->out_dims[0] * (double)s->out_dims[1] * (double)s->out_dims[2];

    if (s->n_images > 0 && s->x_channels > 0) {
        j.images_per_task = pieces_per_task(n_positions * window_work(s));
        pt_parallel_for(spread_task, &j,
                        pt_ceil_div(s->n_images, j.images_per_task) *
                            pt_ceil_div(s->x_channels, PT_POOL_CHANNELS));
    }
}
