"""Declarations of src/kernels/pt.h for Cython."""

from libc.stdint cimport int64_t, uint64_t, uint8_t


cdef extern from "pt.h" nogil:
    enum: PT_MAX_NDIM
    enum: PT_N_DTYPES
    enum: PT_N_STORED
    enum: PT_OP_COUNT
    enum: PT_REDUCE_COUNT
    ctypedef enum pt_dtype:         # its members: _rows.pxi, made from the table of dtypes
        pass
    ctypedef enum pt_elementwise_op:
        pass
    ctypedef enum pt_reduce_op:
        pass
    ctypedef enum pt_status:
        PT_OK, PT_NO_MEMORY, PT_INTERRUPTED, PT_OUT_OF_RANGE, PT_UNMET
    ctypedef struct pt_row_info:
        const char *name
        unsigned char n_inputs, n_conditions, kinds, result, compares, wide, chooses
    const pt_row_info pt_elementwise_info[PT_OP_COUNT]
    const pt_row_info pt_reduce_info[PT_REDUCE_COUNT]
    enum: PT_RESULT_SAME
    enum: PT_RESULT_BOOL
    enum: PT_RESULT_INDEX
    const size_t pt_dtype_size[PT_N_STORED]
    const unsigned char pt_dtype_kind[PT_N_STORED]
    const signed char pt_promotion[PT_N_STORED][PT_N_STORED]

    int pt_isa_level()
    const char *pt_isa_name()
    const char *pt_isa_error()

    int pt_get_num_threads()
    void pt_set_num_threads(int n)
    int pt_default_num_threads()
    const char *pt_pool_error()
    ctypedef void pt_pool_warning(int n) noexcept
    void pt_pool_on_failure(pt_pool_warning *function)
    ctypedef struct pt_pool_question:
        int (*is_for_this_thread)() noexcept
        int (*is_interrupted)() noexcept
    void pt_pool_ask(const pt_pool_question *question)
    pt_status pt_ask_between(int64_t *due) except PT_INTERRUPTED
    enum: PT_MAX_THREADS

    void *pt_alloc(size_t n_bytes)
    void pt_free(void *block, size_t n_bytes)
    ctypedef struct pt_memory_stats:
        size_t in_use, peak, cached, limit, cache_cap, hits, misses
    void pt_memory_get_stats(pt_memory_stats *stats)
    void pt_memory_trim()
    void pt_memory_set_limit(size_t n_bytes)
    void pt_memory_reset_peak()
    bint pt_memory_is_system()
    const char *pt_memory_error()
    void pt_memory_fail_after(long k)

    ctypedef struct pt_operand:
        char *data
        const Py_ssize_t *strides
        pt_dtype dtype
    void pt_elementwise(pt_elementwise_op op, pt_dtype compute, int ndim, const Py_ssize_t *shape,
                        const pt_operand *operands, const pt_operand *out)
    bint pt_elementwise_has(pt_elementwise_op op, pt_dtype compute)
    void pt_copy(int ndim, const Py_ssize_t *shape, const pt_operand *src, const pt_operand *dst)

    enum: PT_FUSE_MAX_INPUTS
    enum: PT_FUSE_MAX_OUTPUTS
    enum: PT_FUSE_MAX_TEMPORARIES
    enum: PT_FUSE_MAX_OPERANDS
    ctypedef struct pt_fused_op:
        int op
        pt_dtype compute, result
        int slots[PT_FUSE_MAX_OPERANDS]
    ctypedef struct pt_program:
        int n_inputs, n_outputs, n_temporaries, n_ops
        size_t item
        pt_dtype inputs[PT_FUSE_MAX_INPUTS]
        pt_dtype outputs[PT_FUSE_MAX_OUTPUTS]
        const pt_fused_op *ops
    void pt_fused(const pt_program *program, int ndim, const Py_ssize_t *shape,
                  const pt_operand *operands, char **out)

    ctypedef enum pt_step_kind:
        PT_STEP_ELEMENTWISE, PT_STEP_COPY, PT_STEP_FUSED, PT_STEP_REDUCE, PT_STEP_MATMUL
        PT_STEP_DENSE, PT_STEP_DENSE_GRADIENT, PT_STEP_CUMULATE, PT_STEP_SOFTMAX
        PT_STEP_LOG_SOFTMAX
        PT_STEP_CROSS_ENTROPY, PT_STEP_SPARSE_CROSS_ENTROPY, PT_STEP_CHECK_ROWS, PT_STEP_GATHER
        PT_STEP_KERNEL, PT_STEP_CALL
    ctypedef struct pt_place:
        int buffer
        pt_dtype dtype
        Py_ssize_t offset
        const Py_ssize_t *strides
        const Py_ssize_t *loop
    enum: PT_STEP_MAX_PLACES
    enum: PT_STEP_SIZES
    ctypedef struct pt_memory_use:
        int buffer, from_ "from"
        size_t n_bytes
    ctypedef struct pt_step:
        pt_step_kind kind
        int op
        pt_dtype dtype
        int ndim, n_reduced, n_in, n_out, n_loop
        const Py_ssize_t *loop
        const Py_ssize_t *shape
        const pt_place *places
        Py_ssize_t sizes[PT_STEP_SIZES]
        double number
        const pt_program *fused
        pt_status (*run)(const void *parameters, const pt_operand *operands) noexcept nogil
        const void *parameters
        int n_begins, n_ends
        const pt_memory_use *begins
        const pt_memory_use *ends
    pt_status pt_run_steps(const pt_step *steps, size_t n, char **buffers,
                           size_t *failed) except PT_INTERRUPTED
    pt_status pt_begin_step(const pt_step *step, char **buffers)
    void pt_end_step(const pt_step *step, char **buffers)
    void pt_free_buffers(const pt_memory_use *uses, size_t n, char **buffers)

    ctypedef struct pt_part:
        const pt_step *steps
        size_t n_steps, n_buffers, n_bytes
        char **fixed
        const Py_ssize_t *offsets
        int n_arguments, n_results
        const int *arguments
        const int *results
    ctypedef struct pt_failure:
        const pt_part *part
        size_t failed
        char **buffers
    ctypedef struct pt_stream:
        Py_ssize_t step
        int first
    ctypedef struct pt_repetition:
        pt_part body, test
        bint is_while, reverse
        Py_ssize_t n, n_between
        int n_carries, n_streams, n_constants, n_test_constants, n_firsts, n_kept
        const Py_ssize_t *carry_bytes
        const int *kept_in
        const pt_stream *streams
        const Py_ssize_t *kept_steps
    ctypedef struct pt_branch:
        pt_part parts[2]
        int n_shared
    size_t pt_loop_bytes(const pt_repetition *loop)
    size_t pt_branch_bytes(const pt_branch *branch)
    pt_status pt_run_loop(const void *parameters, const pt_operand *operands) noexcept
    pt_status pt_run_branch(const void *parameters, const pt_operand *operands) noexcept

    pt_status pt_reduce(pt_reduce_op op, pt_dtype compute, int ndim, int n_reduced,
                        const Py_ssize_t *shape, const pt_operand *x, const pt_operand *out)
    void pt_cumulate(pt_reduce_op op, pt_dtype dtype, size_t outer, size_t n, size_t inner,
                     const void *x, bint initial, void *out)

    ctypedef struct pt_matrix:
        const void *data
        Py_ssize_t row_stride, column_stride
    pt_status pt_matmul(pt_dtype dtype, size_t n_batch, size_t m, size_t n, size_t k, pt_matrix a,
                        Py_ssize_t a_step, pt_matrix b, Py_ssize_t b_step, void *c,
                        const void *bias, bint relu) except PT_INTERRUPTED
    ctypedef struct pt_matrices:
        const char *data
        Py_ssize_t row, column
        const Py_ssize_t *steps
    pt_status pt_products(pt_dtype dtype, int n_batch, const Py_ssize_t *dims, size_t m, size_t n,
                          size_t k, const pt_matrices *a, const pt_matrices *b, char *c,
                          const void *bias, bint relu) except PT_INTERRUPTED
    const char *pt_load_blas()
    const char *pt_blas_config()

    pt_status pt_dense(pt_dtype dtype, size_t m, size_t n, size_t k, const void *x,
                       Py_ssize_t x_row_stride, const void *w, Py_ssize_t w_row_stride,
                       const int64_t *columns, const void *bias, bint relu,
                       void *out) except PT_INTERRUPTED
    pt_status pt_dense_weight_gradient(pt_dtype dtype, size_t m, size_t n, size_t k,
                                       const void *x, Py_ssize_t x_row_stride, const void *dout,
                                       Py_ssize_t dout_row_stride, const int64_t *columns,
                                       void *dw) except PT_INTERRUPTED
    bint pt_is_reproducible()
    void pt_set_reproducible(bint on)
    const char *pt_tiles_error()
    bint pt_tiles_pay(pt_dtype dtype, size_t m, size_t n, size_t k)
    pt_status pt_nonzero_columns(pt_dtype dtype, size_t m, size_t k, const void *x,
                                 Py_ssize_t row_stride, size_t limit, int64_t *columns,
                                 size_t *count)
    void pt_scatter_rows(pt_dtype dtype, size_t n, size_t row_length, const int64_t *rows,
                         size_t n_rows, const void *src, void *out)

    enum: PT_CONV_AXES
    ctypedef struct pt_conv_geometry:
        size_t n_images, groups, x_channels, out_channels
        size_t x_dims[PT_CONV_AXES]
        size_t w_dims[PT_CONV_AXES]
        size_t out_dims[PT_CONV_AXES]
        size_t strides[PT_CONV_AXES]
        size_t dilation[PT_CONV_AXES]
        Py_ssize_t before[PT_CONV_AXES]
    pt_status pt_conv(pt_dtype dtype, const pt_conv_geometry *geometry, const void *x,
                      const void *w, const void *bias, bint relu, void *out) except PT_INTERRUPTED
    pt_status pt_conv_transpose(pt_dtype dtype, const pt_conv_geometry *geometry, const void *g,
                                const void *w, const void *bias, bint relu,
                                void *dx) except PT_INTERRUPTED
    pt_status pt_conv_weights(pt_dtype dtype, const pt_conv_geometry *geometry, const void *x,
                              const void *g, void *dw) except PT_INTERRUPTED
    void pt_max_pool(pt_dtype dtype, const pt_conv_geometry *geometry, const void *x, void *out)
    void pt_max_pool_pick(pt_dtype dtype, const pt_conv_geometry *geometry, const void *x,
                          const void *t, void *out)
    void pt_max_pool_spread(pt_dtype dtype, const pt_conv_geometry *geometry, const void *x,
                            const void *g, void *dx)

    void pt_softmax(pt_dtype dtype, size_t rows, size_t columns, const void *x, void *out)
    void pt_log_softmax(pt_dtype dtype, size_t rows, size_t columns, const void *x, void *out)
    void pt_softmax_cross_entropy(pt_dtype dtype, size_t rows, size_t columns, const void *x,
                                  const void *t, void *loss)
    void pt_sparse_softmax_cross_entropy(pt_dtype dtype, size_t rows, size_t columns,
                                         const void *x, const int64_t *labels, void *loss)
    void pt_cross_entropy_gradient(pt_dtype dtype, size_t rows, size_t columns, const void *x,
                                   const void *t, const void *target_sums, const int64_t *labels,
                                   const void *g, void *dx)
    ctypedef struct pt_attention:
        pt_dtype dtype
        bint is_causal
        size_t batch, heads, queries, keys, size, value_size
        double scale
        Py_ssize_t mask_strides[4]
    pt_status pt_attention_forward(const pt_attention *attention, const void *q, const void *k,
                                   const void *v, const uint8_t *mask, void *out)
    pt_status pt_attention_gradient(const pt_attention *attention, const void *q, const void *k,
                                    const void *v, const uint8_t *mask, const void *g,
                                    void *gradients)
    ctypedef enum pt_recurrence_kind:
        PT_RECURRENCE_SIMPLE
        PT_RECURRENCE_LSTM
        PT_RECURRENCE_GRU
    ctypedef struct pt_recurrence:
        pt_recurrence_kind kind
        pt_dtype dtype
        size_t batch, steps, units
        const void *z
        const void *kernel
        const void *bias
        const void *states[2]
        const uint8_t *mask
        const void *dropped
        void *sequence
        void *gates
        void *extra
        void *last[2]
        const void *d_sequence
        const void *d_last[2]
        void *dz
        void *d_states[2]
        void *dm
    pt_status pt_recurrence_forward(const pt_recurrence *recurrence)
    pt_status pt_recurrence_backward(const pt_recurrence *recurrence)

    void pt_gather_rows(pt_dtype src_dtype, const void *src, size_t row_length,
                        const int64_t *rows, size_t n_rows, pt_dtype out_dtype, double scale,
                        void *out)
    void pt_add_rows(pt_dtype dtype, size_t n, size_t row_length, const int64_t *rows,
                     size_t n_rows, const void *src, void *out)
    ctypedef struct pt_gradient_rows:
        const int64_t *rows
        size_t n_rows, row_length
    enum: PT_MAX_STATES
    enum: PT_MAX_NUMBERS
    enum: PT_RULE_COUNT
    ctypedef enum pt_rule:
        pass
    ctypedef struct pt_rule_info:
        unsigned char n_states, n_numbers
    const pt_rule_info pt_rules[PT_RULE_COUNT]
    ctypedef struct pt_update:
        pt_rule rule
        pt_dtype dtype
        size_t n
        void *w
        void *state[PT_MAX_STATES]
        double numbers[PT_MAX_NUMBERS]
        double keep, scale, limit
    void pt_update_weight(const pt_update *update, const void *dw, const pt_gradient_rows *rows)

    bint pt_dense_can_update(pt_dtype dtype, size_t m, size_t n, size_t k)
    pt_status pt_dense_update(const pt_update *update, size_t m, size_t n, size_t k, const void *x,
                              Py_ssize_t x_row_stride, const void *dout,
                              Py_ssize_t dout_row_stride,
                              const pt_gradient_rows *rows) except PT_INTERRUPTED

    pt_status pt_check_true(const void *parameters, const pt_operand *operands) noexcept
    ctypedef struct pt_columns_layer:
        pt_dtype dtype
        size_t m, n, k
        Py_ssize_t x_row_stride, w_row_stride, w_column_stride
        size_t limit
        bint has_bias, relu, has_columns
    pt_status pt_run_columns_layer(const void *parameters, const pt_operand *operands) noexcept
    pt_status pt_run_columns_gradient(const void *parameters, const pt_operand *operands) noexcept
    ctypedef struct pt_update_step:
        pt_update update
        bint has_scale, decays, is_product
        pt_columns_layer layer
    pt_status pt_run_update(const void *parameters, const pt_operand *operands) noexcept
