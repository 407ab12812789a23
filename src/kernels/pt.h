/* pt.h: everything the kernels offer to the floor above. C11, independent of Python.
 *
 *   port/      port.h: what the kernels ask of the operating system, a file for each
 *   services/  cpu.c  pool.c  alloc.c  blas.c: the machine, threads, memory, OpenBLAS
 *   math/      exp, tanh, sin and their like, as inline functions
 *   loops/     elementwise.c  fuse.c  reduce.c  transpose.c: element-wise ops and reductions
 *   products/  matmul.c  tiles.c  columns.c: products of matrices; conv.c: convolutions
 *   networks/  nn.c: softmax, cross-entropy, optimizer steps, mini-batches; max_pool.c
 *   programs/  steps.c: recorded programs, lists of calls of the others
 *
 * The named files walk shapes and strides, and share the work among threads. The loops that they
 * call are in isa_*.c beside them, compiled once per instruction set; see PT_ISA_SYMBOL.
 */
#ifndef PT_H
#define PT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pt_ops.h" /* generated from src/pytensor/_tables: dtypes and ops */

/* a / b, rounded up. */
static inline size_t pt_ceil_div(size_t a, size_t b) { return (a + b - 1) / b; }

static inline size_t pt_min(size_t a, size_t b) { return a < b ? a : b; }
static inline size_t pt_max(size_t a, size_t b) { return a > b ? a : b; }

/* Returned by functions that can fail. */
typedef enum {
    PT_OK = 0,
    PT_NO_MEMORY = -1,
    PT_INTERRUPTED = -2,
    PT_OUT_OF_RANGE = -3,
    PT_UNMET = -4, /* what a program relies on does not hold */
} pt_status;

/* The most axes that the floor above accepts. */
#define PT_MAX_NDIM 16

/* Cython's nogil blocks may call everything in this header. */

/* ------------------------------------------------------- instruction sets (cpu.c) */

/* 0: the baseline of the architecture (SSE2 on x86-64, NEON on aarch64), 1: AVX2 and FMA
 * (x86-64-v3), 2: AVX-512 F BW CD DQ VL (x86-64-v4). Decided once, at the first call, from CPUID
 * and XGETBV, or from PYTENSOR_ISA=baseline|avx2|avx512. */
int pt_isa_level(void);
/* "baseline", "avx2", "avx512" or "neon". */
const char *pt_isa_name(void);
/* NULL, or why PYTENSOR_ISA has no effect (unknown, or not on this machine). */
const char *pt_isa_error(void);

/* A table or function that exists once per instruction set is defined as PT_ISA_SYMBOL(name) in a
 * file compiled with -DPT_ISA=baseline, avx2 or avx512, and picked with PT_SELECT(name). */
#define PT_CONCAT_(a, b) a##_##b
#define PT_CONCAT(a, b) PT_CONCAT_(a, b)
#define PT_ISA_SYMBOL(name) PT_CONCAT(name, PT_ISA)
#if defined(__x86_64__)
#define PT_SELECT(name)                                                                            \
    (pt_isa_level() == 2 ? &name##_avx512 : pt_isa_level() == 1 ? &name##_avx2 : &name##_baseline)
#define PT_DECLARE_PER_ISA(type, name) extern type name##_baseline, name##_avx2, name##_avx512
#else
#define PT_SELECT(name) (&name##_baseline)
#define PT_DECLARE_PER_ISA(type, name) extern type name##_baseline
#endif

/* Of the L2 cache of one core; 512 KiB if it is not known. */
size_t pt_l2_bytes(void);
/* How many multiply-adds of the longest vectors a core starts in a cycle, as far as is known. */
int pt_fma_units(void);

/* The processors (at least 1) and bytes of memory (0 if unknown) that this process may use, limited
 * by the machine, the affinity and the control group. */
int pt_cpu_count(void);
size_t pt_memory_size(void);

/* ----------------------------------------------------------- thread pool (pool.c) */

/* For tools that look for thread pools in shared libraries, such as threadpoolctl. */
#define PT_VISIBLE __attribute__((visibility("default")))

/* Runs task(context, i) exactly once for every i in [0, n), on the caller and the pool's workers,
 * and returns when all have ended. A call from inside a task, or while another Python thread has
 * the pool, runs all of them on the caller, so it cannot deadlock. Tasks must not depend on their
 * order or on the number of threads. */
typedef void (*pt_task)(void *context, size_t i);
void pt_parallel_for(pt_task task, void *context, size_t n);
/* The same for work that may take long and writes only to new memory: every 0.1 s it asks (see
 * pt_pool_ask) whether to continue. Returns PT_INTERRUPTED if not; some tasks were then not run. */
__attribute__((warn_unused_result)) pt_status pt_parallel_for_interruptible(pt_task task,
                                                                            void *context,
                                                                            size_t n);
/* Called between the jobs of one operation, each of which may be too short to ask: asks when it is
 * time to. *due must be 0 at first. */
__attribute__((warn_unused_result)) pt_status pt_ask_between(int64_t *due);
/* is_for_this_thread: whether this thread handles interruptions. is_interrupted: whether it must
 * stop. It is called outside all tasks and without any lock, may wait, and may call anything in
 * this header. */
typedef struct {
    int (*is_for_this_thread)(void);
    int (*is_interrupted)(void);
} pt_pool_question;
/* The question must stay valid. NULL, the initial value, asks no one. */
void pt_pool_ask(const pt_pool_question *question);
PT_VISIBLE int pt_get_num_threads(void);
/* n >= 1, at most PT_MAX_THREADS. Waits for running work to end. */
PT_VISIBLE void pt_set_num_threads(int n);
/* At exit: ends the workers if no job is running; later jobs run on their callers alone. */
void pt_pool_shut_down(void);
/* PYTENSOR_NUM_THREADS, or else pt_cpu_count(). */
int pt_default_num_threads(void);
/* NULL, or why PYTENSOR_NUM_THREADS has no effect. */
const char *pt_pool_error(void);
/* Sets the function that is called when the system refuses to start as many threads as requested,
 * with that number, on the thread whose work they were to share. The existing threads do the work.
 * */
typedef void pt_pool_warning(int n);
void pt_pool_on_failure(pt_pool_warning *function);
#define PT_MAX_THREADS 256

/* ------------------------------------------------------------- allocator (alloc.c) */

/* Returns memory aligned to 64 bytes, or NULL when memory or the limit is exhausted. 0 bytes are
 * valid. pt_free needs the same number of bytes: blocks have no header. */
void *pt_alloc(size_t bytes);
void pt_free(void *block, size_t bytes);

typedef struct {
    size_t in_use;       /* bytes in blocks that callers hold, as requested */
    size_t peak;         /* the maximum of in_use since the start or pt_memory_reset_peak */
    size_t cached;       /* bytes in freed blocks that are kept for reuse */
    size_t limit;        /* cap on in_use; SIZE_MAX for no limit */
    size_t cache_cap;    /* cap on cached */
    size_t hits, misses; /* allocations served from the cache, and not */
} pt_memory_stats;
void pt_memory_get_stats(pt_memory_stats *stats);
void pt_memory_trim(void); /* returns every cached block to the system */
void pt_memory_set_limit(size_t bytes);
void pt_memory_set_cache_cap(size_t bytes);
void pt_memory_reset_peak(void);
bool pt_memory_is_system(void); /* PYTENSOR_ALLOCATOR=system: no cache, plain malloc and free */
/* NULL, or why PYTENSOR_ALLOCATOR has no effect. */
const char *pt_memory_error(void);
/* For tests of running out of memory: the k-th allocation from now on fails, once (1 is the next);
 * k < 1 cancels that. */
void pt_memory_fail_after(long k);

/* ------------------------------------------------- element-wise ops (elementwise.c) */

/* Loops take runs of a multiple of PT_LANES elements, contiguous and of one dtype: every element
 * goes through the same vector code, wherever it is in the array. */
#define PT_LANES 16
/* Elements in one block: five buffers of 8-byte elements stay within a 32 KiB L1 cache. */
#define PT_BLOCK 512

typedef struct {
    char *data;               /* first element */
    const ptrdiff_t *strides; /* (ndim,) in bytes; 0 along broadcast axes */
    pt_dtype dtype;
} pt_operand;

/* out[...] = op(in[0][...], ...) for every index of shape. Inputs are converted to compute, the
 * dtype whose loop runs; the loop's result dtype must be the dtype of out. Inputs may be out itself
 * (same data and strides) but must not overlap it otherwise. Needs no memory. */
void pt_elementwise(pt_elementwise_op op, pt_dtype compute, int ndim, const ptrdiff_t *shape,
                    const pt_operand *in, const pt_operand *out);
/* Whether op has a loop for compute. */
bool pt_elementwise_has(pt_elementwise_op op, pt_dtype compute);
/* dst[...] = src[...], converted. The same rule on overlap applies. */
void pt_copy(int ndim, const ptrdiff_t *shape, const pt_operand *src, const pt_operand *dst);

/* ------------------------------------------- several element-wise ops at once (fuse.c) */

/* A program works on slots, each a run of elements of one dtype: first the inputs, then the
 * outputs, then the temporaries. */
#define PT_FUSE_MAX_INPUTS 32
#define PT_FUSE_MAX_OUTPUTS 32
#define PT_FUSE_MAX_TEMPORARIES 64
#define PT_FUSE_MAX_OPERANDS 4 /* three operands and the result */

typedef struct {
    int op;           /* a pt_elementwise_op that has a loop for compute, or -1: a conversion */
    pt_dtype compute; /* dtype of the operands */
    pt_dtype result;
    int slots[PT_FUSE_MAX_OPERANDS]; /* operands, then the result, whose slot is not an input's, and
                                      * an operand's only if both dtypes have the same size */
} pt_fused_op;

typedef struct {
    int n_inputs, n_outputs, n_temporaries, n_ops; /* n_inputs, n_outputs at least 1 */
    size_t item;                                   /* bytes of the largest element in any slot */
    pt_dtype inputs[PT_FUSE_MAX_INPUTS];           /* the dtype each input is converted to */
    pt_dtype outputs[PT_FUSE_MAX_OUTPUTS];
    const pt_fused_op *ops; /* (n_ops,), in order; every output is some op's result */
} pt_program;

/* Runs the program for every index of shape, in one pass. in: (n_inputs,), strides over shape. out:
 * (n_outputs,) contiguous elements in C order each, which no input overlaps. The bits are those of
 * one pt_elementwise per op. */
void pt_fused(const pt_program *program, int ndim, const ptrdiff_t *shape, const pt_operand *in,
              char *const *out);

/* ----------------------------------------------------- recorded programs (steps.c) */

typedef enum {
    PT_STEP_ELEMENTWISE,
    PT_STEP_COPY,
    PT_STEP_FUSED,
    PT_STEP_REDUCE,
    PT_STEP_MATMUL,
    PT_STEP_DENSE,
    PT_STEP_DENSE_GRADIENT,
    PT_STEP_CUMULATE,
    PT_STEP_SOFTMAX,
    PT_STEP_LOG_SOFTMAX,
    PT_STEP_CROSS_ENTROPY,
    PT_STEP_SPARSE_CROSS_ENTROPY,
    PT_STEP_CHECK_ROWS,
    PT_STEP_GATHER,
    PT_STEP_KERNEL, /* any other: see run */
    PT_STEP_CALL,   /* of Python: the same, which the plan leaves where it is */
} pt_step_kind;

/* Where an operand of a step is. */
typedef struct {
    int buffer;
    pt_dtype dtype;
    ptrdiff_t offset;         /* bytes from the buffer's beginning */
    const ptrdiff_t *strides; /* over the step's shape, in bytes */
    const ptrdiff_t *loop;    /* over the step's loop, in bytes */
} pt_place;

#define PT_STEP_MAX_PLACES (PT_FUSE_MAX_INPUTS + PT_FUSE_MAX_OUTPUTS)
#define PT_STEP_SIZES 7

/* A buffer with memory of its own while a run needs it; or, if from >= 0, in that of another. */
typedef struct {
    int buffer, from;
    size_t n_bytes;
} pt_memory_use;

/* One call: the arguments of its function, with places for addresses. */
typedef struct {
    pt_step_kind kind;
    int op; /* the row of an element-wise op or a reduction; of a product: whether relu follows */
    pt_dtype dtype; /* that the function computes in */
    int ndim, n_reduced;
    int n_in, n_out;
    int n_loop;             /* axes over which the call is repeated, with all its places advanced */
    const ptrdiff_t *loop;  /* (n_loop,) */
    const ptrdiff_t *shape; /* (ndim,) */
    const pt_place *places; /* the inputs, then the results */
    ptrdiff_t sizes[PT_STEP_SIZES]; /* m, n, k and strides of a product; rows, columns */
    double number;                  /* the factor of PT_STEP_GATHER */
    const pt_program *fused;        /* of PT_STEP_FUSED */
    pt_status (*run)(const void *parameters, const pt_operand *operands); /* of PT_STEP_KERNEL */
    const void *parameters;
    int n_begins, n_ends;
    const pt_memory_use *begins, *ends; /* buffers that need memory from, and up to, this step */
} pt_step;

/* Runs n steps in order on the buffers, whose addresses are in buffers. If one fails, *failed is
 * its number, and buffers with memory of their own may still have it. */
pt_status pt_run_steps(const pt_step *steps, size_t n, char **buffers, size_t *failed);
/* What it does before and after a step. */
pt_status pt_begin_step(const pt_step *step, char **buffers);
void pt_end_step(const pt_step *step, char **buffers);
/* Frees the memory that buffers still have of their own. */
void pt_free_buffers(const pt_memory_use *uses, size_t n, char **buffers);

/* -------------------------------------------- loops and branches of programs (loops.c) */

/* Steps on buffers of their own: the body of a loop, or a branch. */
typedef struct {
    const pt_step *steps;
    size_t n_steps, n_buffers;
    size_t n_bytes;           /* of its memory */
    char *const *fixed;       /* (n_buffers,) the addresses of constants, otherwise NULL */
    const ptrdiff_t *offsets; /* (n_buffers,) in its memory, or -1 */
    int n_arguments, n_results;
    const int *arguments; /* (n_arguments,) the buffer of each, or -1 if no step reads it */
    const int *results;   /* (n_results,) */
} pt_part;

/* At the beginning of a run's scratch memory: where a run that failed did. */
typedef struct {
    const pt_part *part;
    size_t failed;        /* the number of its step */
    char *const *buffers; /* of the part */
} pt_failure;

/* An argument of a body that is another one at each step: at step i it is at data + i * step. If
 * first >= 0, it belongs to what the step before made: it lags one step behind, and begins with
 * operand number first of those that are firsts. */
typedef struct {
    ptrdiff_t step;
    int first;
} pt_stream;

/* A loop over a body, whose arguments are the carries, the streams and the constants, and whose
 * results are the next carries and the values to keep. It ends after n steps, or when a test of the
 * carries and constants of its own is false.
 *
 * Operands of its run: the first carries, the streams, the constants, those of the test, the firsts;
 * the last carries, where to keep the values, pt_loop_bytes of scratch memory. All in C order. */
typedef struct {
    pt_part body;
    pt_part test; /* its result is a bool; of a loop of n steps: empty */
    bool is_while;
    bool reverse; /* from step n - 1 to 0 */
    ptrdiff_t n;
    ptrdiff_t n_between; /* the steps between two looks whether to stop */
    int n_carries, n_streams, n_constants, n_test_constants, n_firsts, n_kept;
    const ptrdiff_t *carry_bytes; /* (n_carries,) */
    const int *kept_in;           /* (n_carries,) the kept value that is the next carry, or -1 */
    const pt_stream *streams;     /* (n_streams,) */
    const ptrdiff_t *kept_steps;  /* (n_kept,) in bytes */
} pt_repetition;

size_t pt_loop_bytes(const pt_repetition *loop);
/* A kernel of PT_STEP_KERNEL; parameters: a pt_repetition. */
pt_status pt_run_loop(const void *parameters, const pt_operand *operands);

/* One of two parts, with the same results, whose first arguments are the same.
 *
 * Operands of its run: a bool, which chooses the second part if true; these arguments, the further
 * ones of the first part, those of the second; the results, pt_branch_bytes of scratch memory. All
 * in C order. */
typedef struct {
    pt_part parts[2];
    int n_shared;
} pt_branch;

size_t pt_branch_bytes(const pt_branch *branch);
pt_status pt_run_branch(const void *parameters, const pt_operand *operands);

/* ----------------------------------------------------------- reductions (reduce.c) */

/* Reduces the last n_reduced axes of shape; the caller permutes the axes accordingly. compute: the
 * dtype in which elements are combined (inputs are converted to it). out has the kept axes
 * (shape[:ndim - n_reduced]). Its dtype is compute for sum, prod, max, min; bool for any, all;
 * int64 for argmax, argmin (the position in C order over the reduced axes of the first NaN if there
 * is one, else of the first of equals). An empty reduction returns the identity; the caller rejects
 * it if there is no identity. The result has the same bits for any strides and any number of
 * threads. */
pt_status pt_reduce(pt_reduce_op op, pt_dtype compute, int ndim, int n_reduced,
                    const ptrdiff_t *shape, const pt_operand *in, const pt_operand *out);
bool pt_reduce_has(pt_reduce_op op, pt_dtype compute);
/* Sums or products (op PT_REDUCE_SUM, PT_REDUCE_PROD) of the first, the first two, ... of n elements
 * along the middle axis of x (outer, n, inner), one after the other; initial: the result of none
 * comes before them. out: (outer, n, inner) or (outer, n + 1, inner); it may be x without initial.
 * Both in C order and of dtype, one with a loop for op. */
void pt_cumulate(pt_reduce_op op, pt_dtype dtype, size_t outer, size_t n, size_t inner,
                 const void *x, bool initial, void *out);

/* ------------------------------------------------------------- products (matmul.c) */

/* C = A B for each of a batch, in C also "+ bias, then relu" when asked (float dtypes only).
 * a: (m, k), b: (k, n); strides in elements, any sign or value, zero included; matrix i of n_batch
 * starts at a.data + i * a_step bytes, and b likewise. c: (n_batch, m, n) in C order, must not
 * overlap a or b. bias: (n,) contiguous or NULL. Any dtype; sums of integers wrap, bool combines by
 * "or". Tiles depend on shapes alone: same bits for any number of threads. */
typedef struct {
    const void *data;
    ptrdiff_t row_stride, column_stride;
} pt_matrix;
pt_status pt_matmul(pt_dtype dtype, size_t n_batch, size_t m, size_t n, size_t k, pt_matrix a,
                    ptrdiff_t a_step, pt_matrix b, ptrdiff_t b_step, void *c, const void *bias,
                    bool relu);
/* The same for factors with any axes before their matrices: dims (n_batch,), over which steps are
 * the strides in bytes. row, column: the strides of a matrix in bytes. c is contiguous. */
typedef struct {
    const char *data;
    ptrdiff_t row, column;
    const ptrdiff_t *steps;
} pt_matrices;
pt_status pt_products(pt_dtype dtype, int n_batch, const ptrdiff_t *dims, size_t m, size_t n,
                      size_t k, const pt_matrices *a, const pt_matrices *b, char *c,
                      const void *bias, bool relu);
/* Loads OpenBLAS; call it once before any product. NULL, or why it could not be loaded. */
const char *pt_load_blas(void);
const char *pt_blas_config(void); /* OpenBLAS's version and core name */

/* Reproducible: every product of floats is computed by tiles.c, whose bits are the same on all
 * processors, never by OpenBLAS. Off at first, unless PYTENSOR_REPRODUCIBLE=machines. */
bool pt_is_reproducible(void);
void pt_set_reproducible(bool on);
/* NULL, or why PYTENSOR_TILE or PYTENSOR_REPRODUCIBLE has no effect. PYTENSOR_TILE=12x2 forces tiles
 * of 12 rows by 2 vectors. */
const char *pt_tiles_error(void);

/* -------------------------------------------------- dense layers (tiles.c, columns.c) */

/* float dtypes; columns of all matrices contiguous, rows x_row_stride (and so on) elements apart.
 * columns: (k,), which columns of x, and rows of w, take part; NULL: the first k.
 * out (m, n) = x[:, columns] w[columns, :] (+ bias, then relu); bias: (n,) or NULL. Same bits for
 * any number of threads. */
pt_status pt_dense(pt_dtype dtype, size_t m, size_t n, size_t k, const void *x,
                   ptrdiff_t x_row_stride, const void *w, ptrdiff_t w_row_stride,
                   const int64_t *columns, const void *bias, bool relu, void *out);
/* dw (k, n) = x[:, columns]^T dout, x with m rows, dout: (m, n). */
pt_status pt_dense_weight_gradient(pt_dtype dtype, size_t m, size_t n, size_t k, const void *x,
                                   ptrdiff_t x_row_stride, const void *dout,
                                   ptrdiff_t dout_row_stride, const int64_t *columns, void *dw);
/* Whether tiles.c computes a product of these lengths, rather than OpenBLAS; pt_matmul asks it. */
bool pt_tiles_pay(pt_dtype dtype, size_t m, size_t n, size_t k);
/* x: (m, k), columns contiguous, rows row_stride bytes apart. Sets *count to the number of columns
 * that have an element other than +0. If that is at most limit, stores their numbers, ascending, in
 * columns: (limit,); above the limit *count may be too low. */
pt_status pt_nonzero_columns(pt_dtype dtype, size_t m, size_t k, const void *x,
                             ptrdiff_t row_stride, size_t limit, int64_t *columns, size_t *count);
/* out: (n, row_length): row rows[i] is src[i], the others zero. rows: (n_rows,), ascending. */
void pt_scatter_rows(pt_dtype dtype, size_t n, size_t row_length, const int64_t *rows,
                     size_t n_rows, const void *src, void *out);
/* The position in rows: (n_rows,), ascending, of the first that is at least row. */
size_t pt_first_row_from(const int64_t *rows, size_t n_rows, size_t row);

/* ------------------------------------------------------------ convolutions (conv.c) */

/* One convolution along up to PT_CONV_AXES axes; missing ones come first and have length 1.
 * x: (n_images, x_dims, x_channels), w: (w_dims, x_channels / groups, out_channels),
 * out: (n_images, out_dims, out_channels), all contiguous and of one float dtype. Along each axis,
 * out[j] = sum over t of x[strides * j + dilation * t - before] * w[t]; x is 0 outside of its
 * length. groups divides both numbers of channels: part i of the outputs sees part i of x.
 * All lengths of w, strides and dilations are at least 1. Same bits for any number of threads. */
#define PT_CONV_AXES 3
typedef struct {
    size_t n_images, groups, x_channels, out_channels;
    size_t x_dims[PT_CONV_AXES], w_dims[PT_CONV_AXES], out_dims[PT_CONV_AXES];
    size_t strides[PT_CONV_AXES], dilation[PT_CONV_AXES];
    ptrdiff_t before[PT_CONV_AXES]; /* zeros before the first element */
} pt_conv_geometry;
/* out (+ bias (out_channels,) unless NULL, then relu). */
pt_status pt_conv(pt_dtype dtype, const pt_conv_geometry *geometry, const void *x, const void *w,
                  const void *bias, bool relu, void *out);
/* The transpose of that map of x, at g, of the shape of out: dx, of the shape of x (+ bias
 * (x_channels,), then relu). */
pt_status pt_conv_transpose(pt_dtype dtype, const pt_conv_geometry *geometry, const void *g,
                            const void *w, const void *bias, bool relu, void *dx);
/* The transpose of that map of w, at g: dw, of the shape of w. */
pt_status pt_conv_weights(pt_dtype dtype, const pt_conv_geometry *geometry, const void *x,
                          const void *g, void *dw);

/* ------------------------------------------------------- largest of windows (max_pool.c) */

/* Of the geometry: groups is not read, dilation is 1, x_channels == out_channels, and at most
 * INT32_MAX elements are in a window. An element's window is along the axes between images and
 * channels; its maximum is the first of equals, and the first NaN if there is one. Elements outside
 * of x do not take part. */
/* out = the largest element of each window, -inf for an empty one. */
void pt_max_pool(pt_dtype dtype, const pt_conv_geometry *geometry, const void *x, void *out);
/* out = the element of t, of the shape of x, where x has the largest; 0 for an empty window. */
void pt_max_pool_pick(pt_dtype dtype, const pt_conv_geometry *geometry, const void *x,
                      const void *t, void *out);
/* The transpose of that map of t, at g, of the shape of out: dx, of the shape of x. */
void pt_max_pool_spread(pt_dtype dtype, const pt_conv_geometry *geometry, const void *x,
                        const void *g, void *dx);

/* -------------------------------------------------------- fused kernels (nn.c) */

/* dtype: PT_FLOAT32 or PT_FLOAT64; everything contiguous, in C order. x, out: (rows, columns). out
 * may be x. Where one element is +inf, the result is its limit: 1 there and 0 elsewhere; a row with
 * several +inf, with NaN, or of -inf only, becomes NaN. The result has the same bits for any number
 * of threads. */
void pt_softmax(pt_dtype dtype, size_t rows, size_t columns, const void *x, void *out);
void pt_log_softmax(pt_dtype dtype, size_t rows, size_t columns, const void *x, void *out);
/* loss[i] = -sum_j t[i, j] * log_softmax(x[i])[j]; loss: (rows,), t: (rows, columns). Terms with t
 * of 0 are 0, even if log_softmax is -inf. */
void pt_softmax_cross_entropy(pt_dtype dtype, size_t rows, size_t columns, const void *x,
                              const void *t, void *loss);
/* The same with t given as class numbers, labels: (rows,) int64, each in [0, columns). */
void pt_sparse_softmax_cross_entropy(pt_dtype dtype, size_t rows, size_t columns, const void *x,
                                     const int64_t *labels, void *loss);
/* dx: (rows, columns), the gradient of the sum of the losses times g: (rows,), with respect to x:
 * g * (softmax(x) * target_sums - t), target_sums (rows,) being the sums of t; or, where t is NULL,
 * that of the loss with labels. */
void pt_cross_entropy_gradient(pt_dtype dtype, size_t rows, size_t columns, const void *x,
                               const void *t, const void *target_sums, const int64_t *labels,
                               const void *g, void *dx);

/* out[i, :] = scale * src[rows[i], :] converted to out_dtype (a float dtype, or that of src with
 * scale 1): one pass for a mini-batch. Every row number must be in range. */
void pt_gather_rows(pt_dtype src_dtype, const void *src, size_t row_length, const int64_t *rows,
                    size_t n_rows, pt_dtype out_dtype, double scale, void *out);

/* out: (n, row_length): the sum of the rows src[i] with rows[i] the row's number, in order. src:
 * (n_rows, row_length). dtype: PT_FLOAT32 or PT_FLOAT64. Every row number must be in range. */
void pt_add_rows(pt_dtype dtype, size_t n, size_t row_length, const int64_t *rows, size_t n_rows,
                 const void *src, void *out);

/* ------------------------------------------------------- attention (attention.c) */

/* softmax(scale * q k^T) v for each sequence and head. q: (batch, queries, heads, size), k: (batch,
 * keys, heads, size), v: (batch, keys, heads, value_size), of dtype, PT_FLOAT32 or PT_FLOAT64, in C
 * order. Query i sees only keys up to i if is_causal. */
typedef struct {
    pt_dtype dtype;
    bool is_causal;
    size_t batch, heads, queries, keys, size, value_size;
    double scale;
    /* Of the mask, 0 where a query does not see a key: bytes from one sequence, head, query and key
     * to the next. A query that sees none takes the mean of all values. */
    ptrdiff_t mask_strides[4];
} pt_attention;
/* out: (batch, queries, heads, value_size). mask: or NULL. Same bits for any number of threads. */
pt_status pt_attention_forward(const pt_attention *attention, const void *q, const void *k,
                               const void *v, const uint8_t *mask, void *out);
/* The gradients by q, k and v, one after the other in gradients, from that by out, g. */
pt_status pt_attention_gradient(const pt_attention *attention, const void *q, const void *k,
                                const void *v, const uint8_t *mask, const void *g, void *gradients);

/* ------------------------------------------------ recurrent layers (recurrent.c) */

typedef enum { PT_RECURRENCE_SIMPLE, PT_RECURRENCE_LSTM, PT_RECURRENCE_GRU } pt_recurrence_kind;

/* A recurrence over all time steps; gates: 1, 4 or 3. Formulas: src/pytensor/layers/recurrent.py.
 * Everything of dtype, PT_FLOAT32 or PT_FLOAT64, contiguous, in C order. NULL where it says so. */
typedef struct {
    pt_recurrence_kind kind;
    pt_dtype dtype;
    size_t batch, steps, units;
    const void *z;         /* (batch, steps, gates * units): the inputs' products */
    const void *kernel;    /* (units, gates * units) */
    const void *bias;      /* (gates * units,), of the states' product, of GRU; or NULL */
    const void *states[2]; /* (batch, units): before the first step; the second one: of LSTM */
    const uint8_t *mask;   /* (batch, steps): 0 where the states stay as they are; or NULL */
    const void *dropped;   /* (batch, units): factors of the state in the product; or NULL */

    /* What the forward pass writes and the backward pass reads. */
    void *sequence; /* (batch, steps, units): the first state after each step */
    void *gates;    /* (batch, steps, gates * units); NULL for simple ones */
    void *extra;    /* (batch, steps, units): LSTM's second state, a part of GRU's; else NULL */
    void *last[2];  /* (batch, units): the states after the last step */

    /* The gradients of sequence and last, or NULL for zeros, and what follows from them. */
    const void *d_sequence, *d_last[2];
    void *dz, *d_states[2];
    void *dm; /* the gradient of the states' product, where it is not dz: of GRU; else NULL */
} pt_recurrence;
/* Same bits for any number of threads. */
pt_status pt_recurrence_forward(const pt_recurrence *recurrence);
pt_status pt_recurrence_backward(const pt_recurrence *recurrence);

/* ---------------------------------------------------- optimizer steps (update.c) */

/* Which rows of a weight its gradient holds; the others are zero. */
typedef struct {
    const int64_t
        *rows; /* NULL: all. Else (n_rows,), ascending; the gradient: (n_rows, row_length) */
    size_t n_rows;
    size_t row_length; /* w: (n / row_length, row_length) */
} pt_gradient_rows;

/* A step of one weight, by a rule of src/pytensor/_tables/optimizers.py. The state of an element
 * changes even where the gradient has no row for it. */
typedef struct {
    pt_rule rule;
    pt_dtype dtype; /* PT_FLOAT32 or PT_FLOAT64, of all arrays */
    size_t n;
    void *w, *state[PT_MAX_STATES]; /* (n,) */
    double numbers[PT_MAX_NUMBERS];
    double keep; /* first w *= keep, */
    double scale,
        limit; /* and dw = scale * dw, limited to [-limit, limit]: 1, 1, INFINITY for none */
} pt_update;
/* dw: (n,) if rows is NULL, or the rows that it has. */
void pt_update_weight(const pt_update *update, const void *dw, const pt_gradient_rows *rows);
/* The same in parts, for who computes the gradient: columns [column, column + n) of its rows [row,
 * row + n_rows), dw_stride elements apart; and of the rows of w that it has not, from its row `row`,
 * or the first of w, up to its row row_end, or the last of w. rows->rows may be NULL. */
void pt_update_tile(const pt_update *update, const pt_gradient_rows *rows, size_t row,
                    size_t n_rows, size_t column, size_t n, const void *dw, size_t dw_stride);
void pt_update_between(const pt_update *update, const pt_gradient_rows *rows, size_t row,
                       size_t row_end, size_t column, size_t n);
/* Fetches what pt_update_tile will read besides dw. */
void pt_update_prefetch(const pt_update *update, const pt_gradient_rows *rows, size_t row,
                        size_t n_rows, size_t column, size_t n);
/* w's step by the gradient dw = x[:, rows]^T dout of pt_dense_weight_gradient, which is used tile by
 * tile and written nowhere; the same bits as both calls in turn. Only if it can be (of the same
 * arguments); PT_NO_MEMORY, and nothing has changed, if memory is exhausted. */
bool pt_dense_can_update(pt_dtype dtype, size_t m, size_t n, size_t k);
__attribute__((warn_unused_result)) pt_status pt_dense_update(
    const pt_update *update, size_t m, size_t n, size_t k, const void *x, ptrdiff_t x_row_stride,
    const void *dout, ptrdiff_t dout_row_stride, const pt_gradient_rows *rows);

/* ------------------------------------------ kernels of PT_STEP_KERNEL (training.c) */

/* PT_UNMET unless its operand, a bool, is true. No parameters. */
pt_status pt_check_true(const void *parameters, const pt_operand *operands);

/* A dense layer that leaves out columns of zeros, or the gradient of its weights. What columns x
 * has in use is in `columns`, (limit + 1,) of int64: how many, then their numbers; -1 for all. */
typedef struct {
    pt_dtype dtype;
    size_t m, n, k;
    ptrdiff_t x_row_stride; /* in elements; columns of x and all operands but w are contiguous */
    ptrdiff_t w_row_stride, w_column_stride; /* in bytes */
    size_t limit;                            /* more columns in use are as good as all */
    bool has_bias, relu;
    bool has_columns; /* of the gradient and the update; otherwise all are in use */
} pt_columns_layer;
/* Operands: x (m, k), w (k, n), w in C order, the bias (n,) if there is one; the result (m, n),
 * columns. */
pt_status pt_run_columns_layer(const void *parameters, const pt_operand *operands);
/* Operands: x (m, k), dout (m, n), columns if there are any; the result (k, n). */
pt_status pt_run_columns_gradient(const void *parameters, const pt_operand *operands);

/* A step of an optimizer. */
typedef struct {
    pt_update update;       /* but for its addresses and numbers */
    bool has_scale, decays; /* whether the weight decays */
    bool is_product;        /* the gradient is that of layer, not yet computed */
    pt_columns_layer layer;
} pt_update_step;
/* Operands: w, its states; dw, or x, dout and columns if there are any; the numbers of the rule,
 * then `keep`, float64; the factor of the gradient, float64, if there is one; the results, w and
 * its states. */
pt_status pt_run_update(const void *parameters, const pt_operand *operands);

#endif
