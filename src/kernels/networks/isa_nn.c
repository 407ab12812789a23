/* isa_nn.c: the fused neural-network loops of one instruction set (-DPT_ISA=...). */
#include "dtype_functions.h"
#include "nn.h"

/* The loops in nn_body.h exist for floating-point dtypes; the casts for all. */
#define BODY "nn_body.h"
#include "for_each_dtype.h"
#undef BODY

#define LOOPS(suffix)                                                                              \
    {                                                                                              \
        .softmax = softmax_##suffix, .log_softmax = log_softmax_##suffix,                          \
        .cross_entropy = cross_entropy_##suffix, .sgd = sgd_##suffix,                              \
        .momentum = momentum_##suffix, .nesterov = nesterov_##suffix, .rmsprop = rmsprop_##suffix, \
        .adagrad = adagrad_##suffix, .adam = adam_##suffix                                         \
    }
#define CASTS(to)                                                                               \
    {scaled_cast_b8_##to,  scaled_cast_i8_##to,  scaled_cast_i16_##to, scaled_cast_i32_##to,    \
     scaled_cast_i64_##to, scaled_cast_u8_##to,  scaled_cast_u16_##to, scaled_cast_u32_##to,    \
     scaled_cast_u64_##to, scaled_cast_f32_##to, scaled_cast_f64_##to}

const pt_nn_table PT_ISA_SYMBOL(pt_nn_loops) = {
    .f32 = LOOPS(f32),
    .f64 = LOOPS(f64),
    .to_f32 = CASTS(f32),
    .to_f64 = CASTS(f64),
};
