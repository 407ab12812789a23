/* conv.h: shared by conv.c and its loops. Lengths and strides in elements. */
#ifndef CONV_H
#define CONV_H

#include "pt.h"

/* One axis of a gathered product. Position j of n_positions takes the kernel's element taps[t] with
 * position source_step * j + shifts[t] of the source, which is zero outside [0, source_length). */
typedef struct {
    size_t n_positions, first, step; /* in the result: first + step * j */
    size_t n_taps;
    const size_t *taps;
    const ptrdiff_t *shifts;
    ptrdiff_t source_step;
    size_t source_length;
} pt_conv_axis;

/* The positions of a result that take the same taps. Each is a row of a product A B: its row of A
 * is gathered from the source, (taps, channels), B is the kernel's (taps, channels; columns). */
typedef struct {
    pt_conv_axis axes[PT_CONV_AXES];
    size_t n_rows;  /* images, positions */
    size_t k;       /* taps, channels */
    bool has_lines; /* taps along the last axis are neighbours in the source, in order */
    char *packed_b; /* (groups, panels of columns): (k, width) each */
    /* Positions of a line whose part of the source is copied at once; 0: by strips of rows. */
    size_t line_positions;
} pt_conv_phase;

/* Elements of one copied line; a tile may take more rows than there are positions. */
static inline size_t pt_conv_line_size(const pt_conv_phase *phase, size_t channels, size_t rows) {
    return ((phase->line_positions + rows - 1) * (size_t)phase->axes[2].source_step +
            phase->axes[2].n_taps) *
           channels;
}

typedef struct {
    size_t n_images, groups, channels, columns; /* channels and columns of one group */
    const void *source;                         /* (n_images, ..., groups * channels) */
    size_t source_dims[PT_CONV_AXES];
    const void *w;
    size_t w_dims[PT_CONV_AXES];
    size_t w_tap, w_channel, w_column, w_group; /* strides */
    void *out;                                  /* (n_images, ..., groups * columns) */
    size_t out_dims[PT_CONV_AXES];
    const void *bias; /* (groups * columns,) or NULL */
    bool relu;
    size_t group_size; /* bytes of one group's panels, for k = 1 */
} pt_conv_product;

/* The gradient by the kernel: dw[tap, channel, column] = sum of x * g over positions. They are
 * taken in boxes of neighbours, (images, positions), whose part of x is copied to a window, with
 * zeros for what is outside of x. */
typedef struct {
    const pt_conv_geometry *geometry;
    size_t channels, columns; /* of one group */
    const void *x, *g;
    size_t box[1 + PT_CONV_AXES];     /* images and positions, at most */
    size_t n_boxes[1 + PT_CONV_AXES]; /* along each axis */
    size_t window[PT_CONV_AXES];      /* positions of x, at most */
    size_t window_size, packed_size;  /* of the buffers, in elements */
} pt_conv_weights_product;

/* The loops of one dtype. */
typedef struct {
    size_t rows, columns, lanes; /* of a tile; the last columns are a tile of lanes if they fit */
    size_t a_size;               /* elements for a strip of A */
    size_t most_k;               /* that product and lines take at once */
    /* Packs a panel of B. */
    void (*pack_b)(const pt_conv_product *p, const pt_conv_phase *phase, size_t group, size_t panel,
                   void *dst);
    /* Computes rows [first, end) of one group. packed_a: room for a_size. */
    void (*product)(const pt_conv_product *p, const pt_conv_phase *phase, size_t group,
                    size_t first, size_t end, void *packed_a);
    /* The same if phase->line_positions is not 0; buffer: room for pt_conv_line_size of each line of
     * taps. */
    void (*lines)(const pt_conv_product *p, const pt_conv_phase *phase, size_t first, size_t end,
                  void *buffer);
    /* The same if groups have one channel and one column: for all of them, without packing. */
    void (*depthwise)(const pt_conv_product *p, const pt_conv_phase *phase, size_t first,
                      size_t end);
    /* Adds the box's part to lines [first, end) of taps of dw, or writes it if is_first. */
    void (*weights)(const pt_conv_weights_product *p, size_t group, size_t box, size_t first,
                    size_t end, bool is_first, void *window, void *packed, void *dw);
    /* dw for channels [start, start + n), n <= 2 columns, over positions [first, end) of g, if groups
     * have one channel and one column. */
    void (*depthwise_weights)(const pt_conv_geometry *geometry, const void *x, const void *g,
                              size_t first, size_t end, size_t start, size_t n, void *dw);
    /* sums (n,) += part (n,). */
    void (*add)(size_t n, void *sums, const void *part);
    /* Adds row q of part (n, run), rows part_step apart, to the elements of a line that begin at
     * first + q * step; those outside of [0, length) are left out. */
    void (*scatter)(size_t n, size_t run, const void *part, size_t part_step, void *line,
                    ptrdiff_t first, size_t step, size_t length);
} pt_conv_loops_of;

typedef struct {
    pt_conv_loops_of f32, f64;
} pt_conv_table;

PT_DECLARE_PER_ISA(const pt_conv_table, pt_conv_loops);

/* The most positions in a box. */
enum { PT_CONV_BOX = 512 };

#endif
