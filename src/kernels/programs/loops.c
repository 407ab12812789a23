/* loops.c: loops and branches inside recorded programs.
 *
 * A body is a list of steps on buffers of its own. Before each run only the addresses change of what
 * moves: the carries, the slices of streams, and the places where values are kept. So nothing is
 * copied between two steps of a loop: a body reads a carry where the step before wrote it, which is
 * one of two spare places in turn, or the place where it is kept.
 */
#include <string.h>

#include "pt.h"

#define ALIGNED(n) (((n) + 63) & ~(size_t)63)

/* The scratch memory: the failure, addresses, and after them memory for elements. */

static size_t addresses_bytes(size_t n) { return ALIGNED(sizeof(pt_failure) + n * sizeof(char *)); }

static size_t loop_addresses(const pt_repetition *l) {
    return addresses_bytes(l->body.n_buffers + l->test.n_buffers + (size_t)l->n_carries);
}

size_t pt_loop_bytes(const pt_repetition *l) {
    size_t n = loop_addresses(l) + pt_max(l->body.n_bytes, l->test.n_bytes);
    for (int k = 0; k < l->n_carries; k++)
        n += 2 * ALIGNED((size_t)l->carry_bytes[k]);
    return n;
}

size_t pt_branch_bytes(const pt_branch *b) {
    return addresses_bytes(pt_max(b->parts[0].n_buffers, b->parts[1].n_buffers)) +
           pt_max(b->parts[0].n_bytes, b->parts[1].n_bytes);
}

/* Fills in the addresses of what stays. */
static void place_part(const pt_part *p, char *memory, char **buffers) {
    for (size_t i = 0; i < p->n_buffers; i++)
        buffers[i] = p->offsets[i] >= 0 ? memory + p->offsets[i] : p->fixed[i];
}

static void set_argument(const pt_part *p, char **buffers, int k, char *address) {
    if (p->arguments[k] >= 0)
        buffers[p->arguments[k]] = address;
}

static pt_status run_part(const pt_part *p, char **buffers, pt_failure *failure) {
    failure->part = p;
    failure->buffers = buffers;
    return pt_run_steps(p->steps, p->n_steps, buffers, &failure->failed);
}

/* The addresses of one loop. */
typedef struct {
    const pt_repetition *loop;
    const pt_operand *streams, *firsts, *last, *kept;
    pt_failure *failure;
    char **body, **test; /* buffers */
    char **carries;
    char *spare; /* two places for each carry */
} loop_run;

static char *stream_at(const loop_run *r, int k, ptrdiff_t i) {
    const pt_repetition *l = r->loop;
    const pt_stream *s = &l->streams[k];
    if (s->first < 0)
        return r->streams[k].data + i * s->step;
    if (i == (l->reverse ? 0 : l->n - 1))
        return r->firsts[s->first].data;
    return r->streams[k].data + (l->reverse ? i - 1 : i + 1) * s->step;
}

/* Step i of the loop, the turn-th of its steps. */
static pt_status run_body(const loop_run *r, ptrdiff_t i, ptrdiff_t turn) {
    const pt_repetition *l = r->loop;
    const pt_part *body = &l->body;
    char *spare = r->spare;
    for (int k = 0; k < l->n_carries; k++) {
        const size_t size = ALIGNED((size_t)l->carry_bytes[k]);
        const bool is_last = !l->is_while && turn == l->n - 1;
        set_argument(body, r->body, k, r->carries[k]);
        if (l->kept_in[k] < 0)
            r->body[body->results[k]] = is_last ? r->last[k].data : spare + (turn & 1 ? size : 0);
        spare += 2 * size;
    }
    for (int k = 0; k < l->n_streams; k++)
        set_argument(body, r->body, l->n_carries + k, stream_at(r, k, i));
    for (int k = 0; k < l->n_kept; k++)
        r->body[body->results[l->n_carries + k]] = r->kept[k].data + i * l->kept_steps[k];
    const pt_status status = run_part(body, r->body, r->failure);
    for (int k = 0; k < l->n_carries; k++)
        r->carries[k] = r->body[body->results[k]];
    return status;
}

/* Whether the test is true. */
static pt_status run_test(const loop_run *r, bool *is_true) {
    const pt_part *test = &r->loop->test;
    for (int k = 0; k < r->loop->n_carries; k++)
        set_argument(test, r->test, k, r->carries[k]);
    const pt_status status = run_part(test, r->test, r->failure);
    *is_true = status == PT_OK && *r->test[test->results[0]] != 0;
    return status;
}

pt_status pt_run_loop(const void *parameters, const pt_operand *o) {
    const pt_repetition *l = parameters;
    const pt_operand *constants = o + l->n_carries + l->n_streams;
    loop_run r = {.loop = l, .streams = o + l->n_carries};
    int64_t due = 0;
    char truth = 0; /* the result of the test */
    const pt_operand *test_constants = constants + l->n_constants;
    r.firsts = test_constants + l->n_test_constants;
    r.last = r.firsts + l->n_firsts;
    r.kept = r.last + l->n_carries;
    char *scratch = r.kept[l->n_kept].data;
    r.failure = (pt_failure *)scratch;
    r.body = (char **)(r.failure + 1);
    r.test = r.body + l->body.n_buffers;
    r.carries = r.test + l->test.n_buffers;
    char *memory = scratch + loop_addresses(l);
    r.spare = memory + pt_max(l->body.n_bytes, l->test.n_bytes);

    place_part(&l->body, memory, r.body);
    place_part(&l->test, memory, r.test);
    if (l->is_while)
        r.test[l->test.results[0]] = &truth;
    for (int k = 0; k < l->n_carries; k++)
        r.carries[k] = o[k].data;
    for (int k = 0; k < l->n_constants; k++)
        set_argument(&l->body, r.body, l->n_carries + l->n_streams + k, constants[k].data);
    for (int k = 0; k < l->n_test_constants; k++)
        set_argument(&l->test, r.test, l->n_carries + k, test_constants[k].data);
    for (ptrdiff_t turn = 0; l->is_while || turn < l->n; turn++) {
        bool goes_on = true;
        pt_status status = turn % l->n_between == 0 ? pt_ask_between(&due) : PT_OK;
        if (status == PT_OK && l->is_while)
            status = run_test(&r, &goes_on);
        if (status == PT_OK && goes_on)
            status = run_body(&r, l->reverse ? l->n - 1 - turn : turn, turn);
        if (status != PT_OK)
            return status;
        if (!goes_on)
            break;
    }
    for (int k = 0; k < l->n_carries; k++)
        if (r.carries[k] != r.last[k].data)
            memcpy(r.last[k].data, r.carries[k], (size_t)l->carry_bytes[k]);
    return PT_OK;
}

pt_status pt_run_branch(const void *parameters, const pt_operand *o) {
    const pt_branch *b = parameters;
    const int second = *o->data != 0;
    const pt_part *p = &b->parts[second];
    const int n_own[2] = {b->parts[0].n_arguments - b->n_shared,
                          b->parts[1].n_arguments - b->n_shared};
    const pt_operand *shared = o + 1, *own = shared + b->n_shared + (second ? n_own[0] : 0);
    const pt_operand *results = shared + b->n_shared + n_own[0] + n_own[1];
    char *scratch = results[p->n_results].data;
    pt_failure *failure = (pt_failure *)scratch;
    char **buffers = (char **)(failure + 1);
    place_part(p, scratch + addresses_bytes(pt_max(b->parts[0].n_buffers, b->parts[1].n_buffers)),
               buffers);
    for (int k = 0; k < b->n_shared; k++)
        set_argument(p, buffers, k, shared[k].data);
    for (int k = 0; k < n_own[second]; k++)
        set_argument(p, buffers, b->n_shared + k, own[k].data);
    for (int k = 0; k < p->n_results; k++)
        buffers[p->results[k]] = results[k].data;
    return run_part(p, buffers, failure);
}
