/* network.c: the chapter's network on the package's kernels, compiled to WebAssembly.
 *
 * Products, softmax, cross-entropy, mini-batches and optimizer steps are the functions of pt.h that
 * the Python package calls. There is one network; browser.js makes it, feeds it and reads it. */
#include "pt.h"

#include <math.h>
#include <string.h>

#define EXPORT(name) __attribute__((export_name(#name))) name

enum { MOST_LAYERS = 6 };

enum { SGD, MOMENTUM, RMSPROP, ADAM };

/* One dense layer: relu follows all but the last. Arrays are float32. */
typedef struct {
    size_t inputs, units;
    float *w, *b;       /* (inputs, units), (units,) */
    float *dw, *db;     /* their gradients */
    float *state[2][2]; /* what the optimizer keeps: for w and for b, up to two arrays each */
    float *turned;      /* w transposed, for the gradient of the input */
    float *out, *d_out; /* (batch, units): the output and its gradient */
} layer;

static layer layers[MOST_LAYERS];
static size_t n_layers, most_rows;
static float *input, *ones, *losses;
static int optimizer;
static uint64_t step;
static uint32_t random_state;
static double last_loss, last_accuracy;

static float *new_floats(size_t n) {
    float *values = pt_alloc(n * sizeof(float));
    if (values) {
        memset(values, 0, n * sizeof(float));
    }
    return values;
}

static void free_floats(float *values, size_t n) { pt_free(values, n * sizeof(float)); }

/* xorshift32, as a number in [-1, 1) */
static float uniform(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return (float)(random_state >> 8) / (float)(1 << 23) - 1;
}

static void free_layers(void) {
    for (size_t l = 0; l < n_layers; l++) {
        layer *it = &layers[l];
        const size_t weights = it->inputs * it->units, outputs = most_rows * it->units;
        free_floats(it->w, weights);
        free_floats(it->b, it->units);
        free_floats(it->dw, weights);
        free_floats(it->db, it->units);
        for (int i = 0; i < 2; i++) {
            free_floats(it->state[0][i], weights);
            free_floats(it->state[1][i], it->units);
        }
        free_floats(it->turned, weights);
        free_floats(it->out, outputs);
        free_floats(it->d_out, outputs);
    }
    free_floats(input, most_rows * layers[0].inputs);
    free_floats(ones, most_rows);
    free_floats(losses, most_rows);
    n_layers = 0;
}

/* Makes the network: widths of n + 1 layers, inputs first; Glorot's uniform weights. */
int EXPORT(network_make)(size_t n, const int32_t *widths, size_t rows, int kind, uint32_t seed) {
    if (n < 1 || n > MOST_LAYERS) {
        return -1;
    }
    free_layers();
    memset(layers, 0, sizeof layers);
    n_layers = n;
    most_rows = rows;
    optimizer = kind;
    step = 0;
    random_state = seed ? seed : 1;
    input = new_floats(rows * (size_t)widths[0]);
    ones = new_floats(rows);
    losses = new_floats(rows);
    bool complete = input && ones && losses;
    for (size_t i = 0; complete && i < rows; i++) {
        ones[i] = 1;
    }
    for (size_t l = 0; l < n; l++) {
        layer *it = &layers[l];
        const size_t inputs = (size_t)widths[l], units = (size_t)widths[l + 1];
        const float limit = sqrtf(6.0f / (float)(inputs + units));
        *it = (layer){.inputs = inputs, .units = units};
        it->w = new_floats(inputs * units);
        it->b = new_floats(units);
        it->dw = new_floats(inputs * units);
        it->db = new_floats(units);
        for (int i = 0; i < 2; i++) {
            it->state[0][i] = new_floats(inputs * units);
            it->state[1][i] = new_floats(units);
        }
        it->turned = new_floats(inputs * units);
        it->out = new_floats(rows * units);
        it->d_out = new_floats(rows * units);
        complete = complete && it->w && it->b && it->dw && it->db && it->state[0][0] &&
                   it->state[0][1] && it->state[1][0] && it->state[1][1] && it->turned && it->out &&
                   it->d_out;
        for (size_t i = 0; complete && i < inputs * units; i++) {
            it->w[i] = limit * uniform();
        }
    }
    return complete ? 0 : -1;
}

static void forward(const uint8_t *images, const int64_t *rows, size_t n) {
    const float *x = input;
    pt_gather_rows(PT_UINT8, images, layers[0].inputs, rows, n, PT_FLOAT32, 1.0 / 255, input);
    for (size_t l = 0; l < n_layers; l++) {
        const layer *it = &layers[l];
        pt_dense(PT_FLOAT32, n, it->units, it->inputs, x, (ptrdiff_t)it->inputs, it->w,
                 (ptrdiff_t)it->units, NULL, it->b, l + 1 < n_layers, it->out);
        x = it->out;
    }
}

/* Turns logits into probabilities, and reads loss and accuracy. */
static void assess(const int64_t *labels, size_t n) {
    const layer *last = &layers[n_layers - 1];
    size_t right = 0;
    pt_sparse_softmax_cross_entropy(PT_FLOAT32, n, last->units, last->out, labels, losses);
    pt_softmax(PT_FLOAT32, n, last->units, last->out, last->out);
    last_loss = 0;
    for (size_t i = 0; i < n; i++) {
        const float *p = last->out + i * last->units;
        size_t best = 0;
        for (size_t j = 1; j < last->units; j++) {
            best = p[j] > p[best] ? j : best;
        }
        right += (int64_t)best == labels[i];
        last_loss += losses[i];
    }
    last_loss /= (double)n;
    last_accuracy = (double)right / (double)n;
}

/* The numbers of each rule: those of src/pytensor/_tables/optimizers.py, with Keras's defaults. */
static void update(float *w, const float *dw, float *const state[2], size_t n, double rate) {
    const double t = (double)step;
    pt_update update = {.dtype = PT_FLOAT32,
                        .n = n,
                        .w = w,
                        .state = {state[0], state[1]},
                        .numbers = {rate},
                        .keep = 1,
                        .scale = 1,
                        .limit = INFINITY};
    if (optimizer == SGD) {
        update.rule = PT_RULE_SGD;
    } else if (optimizer == MOMENTUM) {
        update.rule = PT_RULE_MOMENTUM;
        update.numbers[1] = 0.9;
    } else if (optimizer == RMSPROP) {
        const double numbers[] = {rate, 0.9, 1 - 0.9, 1e-7};
        update.rule = PT_RULE_RMSPROP;
        memcpy(update.numbers, numbers, sizeof numbers);
    } else {
        const double corrected = rate * sqrt(1 - pow(0.999, t)) / (1 - pow(0.9, t));
        const double numbers[] = {corrected, 1 - 0.9, 1 - 0.999, 1e-7};
        update.rule = PT_RULE_ADAM;
        memcpy(update.numbers, numbers, sizeof numbers);
    }
    pt_update_weight(&update, dw, NULL);
}

/* The gradient of a layer's input: d_out w^T, and 0 where the layer below was cut off by relu. */
static void backward_input(const layer *it, const layer *below, size_t n) {
    for (size_t i = 0; i < it->inputs; i++) {
        for (size_t j = 0; j < it->units; j++) {
            it->turned[j * it->inputs + i] = it->w[i * it->units + j];
        }
    }
    pt_dense(PT_FLOAT32, n, it->inputs, it->units, it->d_out, (ptrdiff_t)it->units, it->turned,
             (ptrdiff_t)it->inputs, NULL, NULL, false, below->d_out);
    for (size_t i = 0; i < n * it->inputs; i++) {
        below->d_out[i] = below->out[i] > 0 ? below->d_out[i] : 0;
    }
}

/* One step of training on images[rows], labels[i] being that of rows[i]. */
void EXPORT(network_step)(const uint8_t *images, const int64_t *rows, const int64_t *labels,
                          size_t n, double rate) {
    layer *last = &layers[n_layers - 1];
    forward(images, rows, n);
    assess(labels, n);
    for (size_t i = 0; i < n; i++) { /* softmax and cross-entropy together: p - t */
        for (size_t j = 0; j < last->units; j++) {
            const float target = (int64_t)j == labels[i] ? 1.0f : 0.0f;
            last->d_out[i * last->units + j] = (last->out[i * last->units + j] - target) / (float)n;
        }
    }
    step++;
    for (size_t l = n_layers; l-- > 0;) {
        layer *it = &layers[l];
        const float *x = l ? layers[l - 1].out : input;
        pt_dense_weight_gradient(PT_FLOAT32, n, it->units, it->inputs, x, (ptrdiff_t)it->inputs,
                                 it->d_out, (ptrdiff_t)it->units, NULL, it->dw);
        pt_dense_weight_gradient(PT_FLOAT32, n, it->units, 1, ones, 1, it->d_out,
                                 (ptrdiff_t)it->units, NULL, it->db);
        if (l) {
            backward_input(it, &layers[l - 1], n);
        }
        update(it->w, it->dw, it->state[0], it->inputs * it->units, rate);
        update(it->b, it->db, it->state[1], it->units, rate);
    }
}

/* Loss, accuracy and probabilities of images[rows]; nothing is trained. */
const float *EXPORT(network_assess)(const uint8_t *images, const int64_t *rows,
                                    const int64_t *labels, size_t n) {
    forward(images, rows, n);
    assess(labels, n);
    return layers[n_layers - 1].out;
}

double EXPORT(network_loss)(void) { return last_loss; }

double EXPORT(network_accuracy)(void) { return last_accuracy; }

/* The first layer's weights, (inputs, units). */
const float *EXPORT(network_weights)(void) { return layers[0].w; }

void *EXPORT(network_alloc)(size_t n_bytes) { return pt_alloc(n_bytes); }
