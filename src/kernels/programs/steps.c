/* steps.c: runs a recorded program, a list of kernel calls on numbered buffers.
 *
 * The floor above plans the list once: which calls, in which order, and where each buffer lies. What
 * is left for a run is to look the addresses up and to make the calls.
 */
#include "pt.h"

/* The places of one call with their addresses. */
static void find_operands(const pt_step *s, char *const *buffers, pt_operand *operands) {
    for (int k = 0; k < s->n_in + s->n_out; k++) {
        const pt_place *p = &s->places[k];
        operands[k].data = buffers[p->buffer] + p->offset;
        operands[k].strides = p->strides;
        operands[k].dtype = p->dtype;
    }
}

static pt_status run_products(const pt_step *s, const pt_operand *o) {
    const ptrdiff_t *n = s->sizes; /* m, n, k, strides of rows and columns of x and y in bytes */
    const pt_matrices x = {o[0].data, n[3], n[4], o[0].strides};
    const pt_matrices y = {o[1].data, n[5], n[6], o[1].strides};
    return pt_products(s->dtype, s->ndim, s->shape, (size_t)n[0], (size_t)n[1], (size_t)n[2], &x,
                       &y, o[s->n_in].data, s->n_in > 2 ? o[2].data : NULL, s->op != 0);
}

/* Row numbers as int64 in [0, n): negative ones count from the end. */
static pt_status check_rows(const pt_step *s, const pt_operand *o) {
    const size_t count = (size_t)s->sizes[0];
    const int64_t n = s->sizes[1], from_end = s->sizes[2];
    int64_t *rows = (int64_t *)o[1].data;
    const pt_operand from = {o[0].data, o[0].strides, o[0].dtype};
    const pt_operand to = {o[1].data, o[1].strides, PT_INT64};
    bool is_out = false;
    pt_copy(s->ndim, s->shape, &from, &to);
    for (size_t i = 0; i < count; i++) {
        rows[i] += (rows[i] >> 63) & from_end;
        is_out |= (uint64_t)rows[i] >= (uint64_t)n;
    }
    return is_out ? PT_OUT_OF_RANGE : PT_OK;
}

static pt_status run_call(const pt_step *s, const pt_operand *o) {
    const pt_operand *out = &o[s->n_in];
    const ptrdiff_t *n = s->sizes;
    switch (s->kind) {
    case PT_STEP_ELEMENTWISE:
        pt_elementwise((pt_elementwise_op)s->op, s->dtype, s->ndim, s->shape, o, out);
        return PT_OK;
    case PT_STEP_COPY:
        pt_copy(s->ndim, s->shape, &o[0], out);
        return PT_OK;
    case PT_STEP_FUSED: {
        char *results[PT_FUSE_MAX_OUTPUTS];
        for (int k = 0; k < s->n_out; k++)
            results[k] = out[k].data;
        pt_fused(s->fused, s->ndim, s->shape, o, results);
        return PT_OK;
    }
    case PT_STEP_REDUCE:
        return pt_reduce((pt_reduce_op)s->op, s->dtype, s->ndim, s->n_reduced, s->shape, &o[0],
                         out);
    case PT_STEP_MATMUL:
        return run_products(s, o);
    case PT_STEP_DENSE: /* strides of rows in elements */
        return pt_dense(s->dtype, (size_t)n[0], (size_t)n[1], (size_t)n[2], o[0].data, n[3],
                        o[1].data, n[4], NULL, s->n_in > 2 ? o[2].data : NULL, s->op != 0,
                        out->data);
    case PT_STEP_DENSE_GRADIENT:
        return pt_dense_weight_gradient(s->dtype, (size_t)n[0], (size_t)n[1], (size_t)n[2],
                                        o[0].data, n[3], o[1].data, n[4], NULL, out->data);
    case PT_STEP_CUMULATE:
        pt_cumulate((pt_reduce_op)s->op, s->dtype, (size_t)n[0], (size_t)n[1], (size_t)n[2],
                    o[0].data, n[3] != 0, out->data);
        return PT_OK;
    case PT_STEP_SOFTMAX:
        pt_softmax(s->dtype, (size_t)n[0], (size_t)n[1], o[0].data, out->data);
        return PT_OK;
    case PT_STEP_LOG_SOFTMAX:
        pt_log_softmax(s->dtype, (size_t)n[0], (size_t)n[1], o[0].data, out->data);
        return PT_OK;
    case PT_STEP_CROSS_ENTROPY:
        pt_softmax_cross_entropy(s->dtype, (size_t)n[0], (size_t)n[1], o[0].data, o[1].data,
                                 out->data);
        return PT_OK;
    case PT_STEP_SPARSE_CROSS_ENTROPY:
        pt_sparse_softmax_cross_entropy(s->dtype, (size_t)n[0], (size_t)n[1], o[0].data,
                                        (const int64_t *)o[1].data, out->data);
        return PT_OK;
    case PT_STEP_CHECK_ROWS:
        return check_rows(s, o);
    case PT_STEP_GATHER:
        pt_gather_rows(o[0].dtype, o[0].data, (size_t)n[0], (const int64_t *)o[1].data,
                       (size_t)n[1], out->dtype, s->number, out->data);
        return PT_OK;
    case PT_STEP_KERNEL:
    case PT_STEP_CALL:
        return s->run(s->parameters, o);
    }
    return PT_OK;
}

/* The call at every index of the loop's axes from `axis` on. */
static pt_status run_loop(const pt_step *s, pt_operand *o, int axis) {
    pt_status status = PT_OK;
    if (axis == s->n_loop)
        return run_call(s, o);
    for (ptrdiff_t i = 0; i < s->loop[axis] && status == PT_OK; i++) {
        status = run_loop(s, o, axis + 1);
        for (int k = 0; k < s->n_in + s->n_out; k++)
            o[k].data += s->places[k].loop[axis];
    }
    for (int k = 0; k < s->n_in + s->n_out; k++)
        o[k].data -= s->loop[axis] * s->places[k].loop[axis];
    return status;
}

/* A step with more operands than fit on the stack. */
static pt_status run_wide(const pt_step *s, char *const *buffers) {
    const size_t n_bytes = (size_t)(s->n_in + s->n_out) * sizeof(pt_operand);
    pt_operand *o = pt_alloc(n_bytes);
    if (o == NULL)
        return PT_NO_MEMORY;
    find_operands(s, buffers, o);
    const pt_status status = run_loop(s, o, 0);
    pt_free(o, n_bytes);
    return status;
}

static pt_status run_step(const pt_step *s, char *const *buffers) {
    pt_operand o[PT_STEP_MAX_PLACES];
    if (s->n_in + s->n_out > PT_STEP_MAX_PLACES)
        return run_wide(s, buffers);
    find_operands(s, buffers, o);
    return s->n_loop == 0 ? run_call(s, o) : run_loop(s, o, 0);
}

pt_status pt_begin_step(const pt_step *s, char **buffers) {
    for (int k = 0; k < s->n_begins; k++) {
        const pt_memory_use *use = &s->begins[k];
        char *memory = use->from >= 0 ? buffers[use->from] : pt_alloc(use->n_bytes);
        if (memory == NULL)
            return PT_NO_MEMORY;
        buffers[use->buffer] = memory;
    }
    return PT_OK;
}

void pt_free_buffers(const pt_memory_use *uses, size_t n, char **buffers) {
    for (size_t k = 0; k < n; k++) {
        pt_free(buffers[uses[k].buffer], uses[k].n_bytes);
        buffers[uses[k].buffer] = NULL;
    }
}

void pt_end_step(const pt_step *s, char **buffers) {
    pt_free_buffers(s->ends, (size_t)s->n_ends, buffers);
}

pt_status pt_run_steps(const pt_step *steps, size_t n, char **buffers, size_t *failed) {
    for (size_t i = 0; i < n; i++) {
        const pt_step *s = &steps[i];
        pt_status status = s->n_begins > 0 ? pt_begin_step(s, buffers) : PT_OK;
        if (status == PT_OK)
            status = run_step(s, buffers);
        if (status != PT_OK) {
            *failed = i;
            return status;
        }
        if (s->n_ends > 0)
            pt_end_step(s, buffers);
    }
    return PT_OK;
}
