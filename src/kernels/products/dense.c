/* dense.c: the products of a dense layer, without BLAS.
 *
 * BLAS would need the rows and columns in use copied side by side first, and another pass over
 * memory for bias and relu. Here the index lists are followed while operands are packed, which is
 * necessary anyway, and bias and relu are applied to a tile as it is computed.
 *
 * An element of C is summed over k in blocks of K_BLOCK, in order, for any tiles and tasks, so the
 * result has the same bits for any number of threads. */
#include "dense.h"

#include <stdatomic.h>

/* A strip of B and a block of k stay in the L2 cache while all rows of A pass: 160 KiB at most
 * (rows of 256 bytes), out of 256 KiB to 2 MiB. */
enum { K_BLOCK = 640 };

/* For less work BLAS is as fast, and a second pass is short. */
#define MIN_WORK ((double)(1 << 20))

/* A strip is worth its dispatch (see matmul.c). With more threads than strips of columns, the rows
 * are shared too, at least this many strips at once: packing the strip of B takes as long as
 * multiplying it by 4 to 8 rows. */
enum { MIN_STRIPS_OF_ROWS = 16, TASKS_PER_THREAD = 2 };

typedef struct {
    pt_gathered_product product;
    const pt_dense_loops_of *loops;
    size_t n_row_strips, n_column_strips, row_parts, strip_bytes;
    atomic_bool is_out_of_memory;
} job;

static const pt_dense_loops_of *loops_of(pt_dtype dtype) {
    const pt_dense_table *table = PT_SELECT(pt_dense_loops);

    return dtype == PT_FLOAT32 ? &table->f32 : &table->f64;
}

bool pt_dense_pays(pt_dtype dtype, size_t m, size_t n, size_t k) {
    const pt_dense_loops_of *loops = loops_of(dtype);

#if defined(__x86_64__)
    if (pt_isa_level() == 0) { /* without fused multiply-add BLAS's kernels are 1.3 times faster */
        return false;
    }
#endif
    return m >= loops->rows && n >= loops->columns && (double)m * (double)n * (double)k >= MIN_WORK;
}

/* Strips of A in one task: 16 Ki elements take 5 us. */
static size_t strips_per_pack(const job *j) {
    const size_t strips = (16 << 10) / (j->loops->rows * j->product.k + 1);

    return strips > 0 ? strips : 1;
}

static void pack_task(void *context, size_t i) {
    const job *j = context;
    const size_t strips = strips_per_pack(j), first = i * strips;

    for (size_t strip = first; strip < first + strips && strip < j->n_row_strips; strip++) {
        j->loops->pack_a(&j->product, strip);
    }
}

static void strip_task(void *context, size_t i) {
    job *j = context;
    const size_t part = i % j->row_parts, length = pt_ceil_div(j->n_row_strips, j->row_parts);
    const size_t first = part * length;
    const size_t end = first + length < j->n_row_strips ? first + length : j->n_row_strips;
    void *packed_b = pt_alloc(j->strip_bytes);

    if (!packed_b) {
        atomic_store_explicit(&j->is_out_of_memory, true, memory_order_relaxed);
        return;
    }
    j->loops->strip(&j->product, i / j->row_parts, first, end, packed_b);
    pt_free(packed_b, j->strip_bytes);
}

static pt_status compute(pt_dtype dtype, pt_gathered_product product) {
    const pt_dense_loops_of *loops = loops_of(dtype);
    const size_t size = pt_dtype_size[dtype];
    job j = {.product = product,
             .loops = loops,
             .n_row_strips = pt_ceil_div(product.m, loops->rows),
             .n_column_strips = pt_ceil_div(product.n, loops->columns),
             .row_parts = 1};
    const size_t a_bytes = j.n_row_strips * loops->rows * product.k * size;

    /* Blocks of equal length: a short last one would load and store the tile for little work. */
    j.product.k_block = pt_ceil_div(product.k, pt_ceil_div(product.k, K_BLOCK));
    j.strip_bytes = j.product.k_block * loops->columns * size;
    j.product.packed_a = pt_alloc(a_bytes);
    if (!j.product.packed_a) {
        return PT_NO_MEMORY;
    }
    const size_t wanted = TASKS_PER_THREAD * (size_t)pt_get_num_threads();
    if (j.n_column_strips < wanted && pt_get_num_threads() > 1) {
        const size_t most = pt_ceil_div(j.n_row_strips, MIN_STRIPS_OF_ROWS);
        const size_t parts = pt_ceil_div(wanted, j.n_column_strips);
        j.row_parts = parts < most ? parts : most;
    }
    pt_parallel_for(pack_task, &j, pt_ceil_div(j.n_row_strips, strips_per_pack(&j)));
    const pt_status status =
        pt_parallel_for_interruptible(strip_task, &j, j.n_column_strips * j.row_parts);
    pt_free(j.product.packed_a, a_bytes);
    /* An interruption comes first: it has set an exception, which must not be replaced. */
    if (status == PT_OK && atomic_load_explicit(&j.is_out_of_memory, memory_order_relaxed)) {
        return PT_NO_MEMORY;
    }
    return status;
}

pt_status pt_dense(pt_dtype dtype, size_t m, size_t n, size_t k, const void *x,
                   ptrdiff_t x_row_stride, const void *w, ptrdiff_t w_row_stride,
                   const int64_t *columns, const void *bias, bool relu, void *out) {
    return compute(dtype, (pt_gathered_product){.m = m,
                                                .n = n,
                                                .k = k,
                                                .a = x,
                                                .a_row_stride = x_row_stride,
                                                .a_column_stride = 1,
                                                .a_columns = columns,
                                                .b = w,
                                                .b_row_stride = w_row_stride,
                                                .b_rows = columns,
                                                .c = out,
                                                .bias = bias,
                                                .relu = relu});
}

pt_status pt_dense_weight_gradient(pt_dtype dtype, size_t m, size_t n, size_t k, const void *x,
                                   ptrdiff_t x_row_stride, const void *dout,
                                   ptrdiff_t dout_row_stride, const int64_t *columns, void *dw) {
    return compute(dtype, (pt_gathered_product){.m = k,
                                                .n = n,
                                                .k = m,
                                                .a = x,
                                                .a_row_stride = 1,
                                                .a_column_stride = x_row_stride,
                                                .a_rows = columns,
                                                .b = dout,
                                                .b_row_stride = dout_row_stride,
                                                .c = dw});
}
