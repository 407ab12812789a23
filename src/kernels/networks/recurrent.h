/* recurrent.h: shared by recurrent.c and its loops. */
#ifndef RECURRENT_H
#define RECURRENT_H

#include "pt.h"
#include "tiles.h"

/* A state of so many samples at a time is carried through all time steps by one task. */
enum { PT_RECURRENT_ROWS = 12 };

/* What the tasks of a recurrence share. Gates are padded to whole vectors in `kernel` and in the
 * scratch memory: each takes `padded` elements. */
typedef struct {
    const pt_recurrence *r;
    const pt_tile_loops_of *tiles;
    size_t gates, padded;
    const void *kernel;     /* forward: (units, gates * padded) */
    const void *transposed; /* backward: (gates * padded, padded) */
    const void *bias;       /* (gates * padded,), of the states' product */
} pt_recurrence_job;

typedef struct {
    /* Both go through all time steps of samples [first, first + rows); scratch: as many elements as
     * pt_recurrent_scratch says. */
    void (*forward)(const pt_recurrence_job *job, size_t first, size_t rows, void *scratch);
    void (*backward)(const pt_recurrence_job *job, size_t first, size_t rows, void *scratch);
} pt_recurrent_loops_of;

typedef struct {
    pt_recurrent_loops_of f32, f64;
} pt_recurrent_table;

PT_DECLARE_PER_ISA(const pt_recurrent_table, pt_recurrent_loops);

/* Elements of scratch memory of a task: the gates of its samples, and three states. */
static inline size_t pt_recurrent_scratch(const pt_recurrence_job *job) {
    return PT_RECURRENT_ROWS * (job->gates + 3) * job->padded;
}

#endif
