/* training.c: what recorded steps of training call besides the kernels as they are. Which columns a
 * batch has in use is found at each run, as are the numbers of an optimizer's step.
 */
#include <string.h>

#include "pt.h"

/* In how many parts a gradient is computed that is only used, and the least of one. */
enum { PARTS = 2, PART_BYTES = 128 << 10 };

pt_status pt_check_true(const void *parameters, const pt_operand *operands) {
    (void)parameters;
    return *(const bool *)operands[0].data ? PT_OK : PT_UNMET;
}

pt_status pt_run_columns_layer(const void *parameters, const pt_operand *o) {
    const pt_columns_layer *p = parameters;
    const ptrdiff_t item = (ptrdiff_t)pt_dtype_size[p->dtype];
    const char *x = o[0].data, *w = o[1].data, *bias = p->has_bias ? o[3].data : NULL;
    char *out = o[3 + p->has_bias].data;
    int64_t *columns = (int64_t *)o[4 + p->has_bias].data;
    const pt_matrices a = {x, p->x_row_stride * item, item, NULL};
    const pt_matrices b = {w, p->w_row_stride, p->w_column_stride, NULL};
    size_t count = 0;
    const pt_status status =
        pt_nonzero_columns(p->dtype, p->m, p->k, x, a.row, p->limit, columns + 1, &count);

    if (status != PT_OK) {
        return status;
    }
    columns[0] = count > p->limit ? -1 : (int64_t)count;
    if (columns[0] > 0) {
        return pt_dense(p->dtype, p->m, p->n, count, x, p->x_row_stride, o[2].data, (ptrdiff_t)p->n,
                        columns + 1, bias, p->relu, out);
    }
    if (columns[0] < 0 && p->w_column_stride == item && pt_tiles_pay(p->dtype, p->m, p->n, p->k)) {
        return pt_dense(p->dtype, p->m, p->n, p->k, x, p->x_row_stride, w, p->w_row_stride / item,
                        NULL, bias, p->relu, out);
    }
    return pt_products(p->dtype, 0, NULL, p->m, p->n, columns[0] < 0 ? p->k : 0, &a, &b, out, bias,
                       p->relu);
}

/* The numbers of the columns in use, NULL for all; *n: how many. */
static const int64_t *columns_of(const pt_columns_layer *p, const pt_operand *o, size_t *n) {
    const int64_t *columns = p->has_columns ? (const int64_t *)o->data : NULL;

    *n = p->k;
    if (!columns || columns[0] < 0) {
        return NULL;
    }
    *n = (size_t)columns[0];
    return columns + 1;
}

/* Whether the whole gradient is a product as others are. */
static bool is_by_blas(const pt_columns_layer *p, const int64_t *columns) {
    return p->has_columns && !columns && !pt_tiles_pay(p->dtype, p->k, p->n, p->m);
}

/* The rows of the gradient that are in use, one after another. */
static pt_status run_gradient(const pt_columns_layer *p, const char *x, const char *dout,
                              const int64_t *columns, size_t n_columns, char *out) {
    if (is_by_blas(p, columns)) {
        const ptrdiff_t item = (ptrdiff_t)pt_dtype_size[p->dtype];
        const pt_matrices a = {x, item, p->x_row_stride * item, NULL};
        const pt_matrices b = {dout, (ptrdiff_t)p->n * item, item, NULL};

        return pt_products(p->dtype, 0, NULL, p->k, p->n, p->m, &a, &b, out, NULL, false);
    }
    if (n_columns == 0) {
        return PT_OK;
    }
    return pt_dense_weight_gradient(p->dtype, p->m, p->n, n_columns, x, p->x_row_stride, dout,
                                    (ptrdiff_t)p->n, columns, out);
}

pt_status pt_run_columns_gradient(const void *parameters, const pt_operand *o) {
    const pt_columns_layer *p = parameters;
    char *out = o[2 + p->has_columns].data, *rows;
    size_t n_rows, n_bytes;
    const int64_t *columns = columns_of(p, &o[2], &n_rows);
    pt_status status;

    if (!columns) {
        return run_gradient(p, o[0].data, o[1].data, NULL, n_rows, out);
    }
    n_bytes = n_rows * p->n * pt_dtype_size[p->dtype];
    rows = pt_alloc(n_bytes);
    if (!rows) {
        return PT_NO_MEMORY;
    }
    status = run_gradient(p, o[0].data, o[1].data, columns, n_rows, rows);
    if (status == PT_OK) {
        pt_scatter_rows(p->dtype, p->k, p->n, columns, n_rows, rows, out);
    }
    pt_free(rows, n_bytes);
    return status;
}

/* The step by a gradient that is a product. It is computed and used part by part, which needs less
 * memory; in few parts, since each packs dout again, and is a job of its own for the threads. */
static pt_status update_by_parts(const pt_update_step *p, const pt_update *update, const char *x,
                                 const char *dout, const int64_t *columns, size_t n_columns) {
    const pt_columns_layer *layer = &p->layer;
    const size_t item = pt_dtype_size[layer->dtype], row = layer->n * item;
    const size_t n_states = pt_rules[update->rule].n_states;
    const bool is_whole = is_by_blas(layer, columns);
    const size_t share = pt_ceil_div(n_columns, PARTS), least = pt_ceil_div(PART_BYTES, row);
    const size_t piece = is_whole ? n_columns : share > least ? share : least;
    const size_t n_bytes = piece * (row + sizeof(int64_t));
    char *dw = pt_alloc(n_bytes);
    int64_t *numbers = (int64_t *)(dw + piece * row); /* of the rows, in their part of the weight */
    pt_status status = dw ? PT_OK : PT_NO_MEMORY;
    size_t first = 0;

    for (bool is_last = false; !is_last && status == PT_OK; first += piece) {
        is_last = n_columns - first <= piece;
        const size_t count = is_last ? n_columns - first : piece, next = first + count;
        const size_t begin = !columns ? first : first > 0 ? (size_t)columns[first] : 0;
        const size_t end = is_last ? layer->k : columns ? (size_t)columns[next] : next;
        const pt_gradient_rows rows = {columns ? numbers : NULL, count, layer->n};
        pt_update part = *update;

        part.n = (end - begin) * layer->n;
        part.w = (char *)update->w + begin * row;
        for (size_t k = 0; k < n_states; k++) {
            part.state[k] = (char *)update->state[k] + begin * row;
        }
        for (size_t i = 0; columns && i < count; i++) {
            numbers[i] = columns[first + i] - (int64_t)begin;
        }
        status = run_gradient(layer, columns ? x : x + first * item, dout,
                              columns ? columns + first : NULL, count, dw);
        if (status == PT_OK) {
            pt_update_weight(&part, dw, &rows);
        }
    }
    pt_free(dw, n_bytes);
    return status;
}

pt_status pt_run_update(const void *parameters, const pt_operand *o) {
    const pt_update_step *p = parameters;
    const size_t n_states = pt_rules[p->update.rule].n_states;
    const size_t n_numbers = pt_rules[p->update.rule].n_numbers;
    const pt_columns_layer *layer = &p->layer;
    const pt_operand *gradient = &o[1 + n_states];
    const pt_operand *values = gradient + (p->is_product ? 2 + layer->has_columns : 1);
    const double *numbers = (const double *)values[0].data;
    pt_update update = p->update;
    pt_gradient_rows rows = {NULL, 0, layer->n};

    update.w = o[0].data;
    for (size_t k = 0; k < n_states; k++) {
        update.state[k] = o[1 + k].data;
    }
    memcpy(update.numbers, numbers, n_numbers * sizeof(double));
    update.keep = p->decays ? numbers[n_numbers] : 1;
    update.scale = p->has_scale ? *(const double *)values[1].data : 1;
    if (!p->is_product) {
        pt_update_weight(&update, gradient->data, NULL);
        return PT_OK;
    }
    rows.rows = columns_of(layer, &gradient[2], &rows.n_rows);
    if (n_states == 0 && !rows.rows && /* the rule of the core's update_weight */
        pt_dense_can_update(update.dtype, layer->m, layer->n, rows.n_rows)) {
        return pt_dense_update(&update, layer->m, layer->n, rows.n_rows, gradient[0].data,
                               layer->x_row_stride, gradient[1].data, (ptrdiff_t)layer->n, &rows);
    }
    return update_by_parts(p, &update, gradient[0].data, gradient[1].data, rows.rows, rows.n_rows);
}
