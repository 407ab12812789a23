/* isa_recurrent.c: the loops of recurrences of one instruction set (-DPT_ISA=...). */
#include "dtype_functions.h"
#include "recurrent.h"

#include <string.h>

/* sigmoid and tanh. Of float32 some results, almost halfway between two floats, may be the farther
 * one: gates need no more. */
static inline float gate_f32(float x) { return rounded_sigmoid_f32(x).value; }
static inline float squash_f32(float x) { return rounded_tanh_f32(x).value; }
static inline double gate_f64(double x) { return sigmoid_f64(x); }
static inline double squash_f64(double x) { return tanh_f64(x); }

#define BODY "recurrent_body.h"
#include "for_each_dtype.h"
#undef BODY

const pt_recurrent_table PT_ISA_SYMBOL(pt_recurrent_loops) = {
    .f32 = {.forward = forward_f32, .backward = backward_f32},
    .f64 = {.forward = forward_f64, .backward = backward_f64},
};
