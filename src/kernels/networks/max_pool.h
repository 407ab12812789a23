/* max_pool.h: shared by max_pool.c and its loops. */
#ifndef MAX_POOL_H
#define MAX_POOL_H

#include "pt.h"

/* The loops of one dtype. */
typedef struct {
    /* Positions [first, end) of out: images, positions. If t is NULL, elements of x, else of t. */
    void (*pool)(const pt_conv_geometry *geometry, const void *x, const void *t, size_t first,
                 size_t end, void *out);
    /* All of one image, of channels [start, start + n), n <= PT_POOL_CHANNELS. */
    void (*spread)(const pt_conv_geometry *geometry, const void *x, const void *g, size_t image,
                   size_t start, size_t n, void *dx);
} pt_max_pool_loops_of;

typedef struct {
    pt_max_pool_loops_of f32, f64;
} pt_max_pool_table;

PT_DECLARE_PER_ISA(const pt_max_pool_table, pt_max_pool_loops);

/* Channels that are taken at once. */
enum { PT_POOL_CHANNELS = 64 };

#endif
