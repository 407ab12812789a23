/* isa_nn.c: the fused neural-network loops of one instruction set (-DPT_ISA=...). */
#include "dtype_functions.h"
#include "nn.h"

/* The loops in nn_body.h exist for floating-point dtypes; the casts for all. */
#define BODY "nn_body.h"
#include "for_each_dtype.h"
#undef BODY

#define LOOPS(dtype, suffix, unused)                                                               \
    [PT_##dtype] = {                                                                               \
        .softmax = softmax_##suffix,                                                               \
        .log_softmax = log_softmax_##suffix,                                                       \
        .softmax_gradient = softmax_gradient_##suffix,                                             \
        .hide = hide_##suffix,                                                                     \
        .cross_entropy = cross_entropy_##suffix,                                                   \
        .cross_entropy_gradient = cross_entropy_gradient_##suffix,                                 \
        .add = add_##suffix,                                                                       \
        .prepare = prepare_##suffix,                                                               \
        .update = {PT_EACH_RULE(UPDATE, suffix)},                                                  \
    },
#define UPDATE(rule, name, suffix) [PT_RULE_##rule] = F_PASTE(name, update_##suffix),
#define CAST(dtype, to, from) [PT_##dtype] = scaled_cast_##from##_##to,
#define CASTS(dtype, from, unused) [PT_##dtype] = {PT_TO_EACH_FLOAT(CAST, from)},

const pt_nn_table PT_ISA_SYMBOL(pt_nn_loops) = {
    .loops = {PT_EACH_FLOAT(LOOPS, )},
    .casts = {PT_EACH_OTHER(CASTS, ) PT_EACH_FLOAT(CASTS, )},
};
