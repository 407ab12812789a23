/* alloc.c: a caching allocator.
 *
 * The first access to a fresh page costs a page fault. For large tensors these faults take several
 * times as long as the operation that fills the tensor. So freed blocks are kept, in one list per
 * size class, for the next request of that class.
 *
 * Blocks below 2 MiB come from malloc, larger ones from mmap, on huge pages where the system has
 * them: one fault instead of 512, and fewer TLB misses. */
#include "at_load.h"
#include "port.h"
#include "pt.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 64                /* a cache line, and the widest vector register */
#define HUGE_PAGE ((size_t)2 << 20) /* x86-64, and aarch64 with pages of 4 KiB */
#define MAX_BYTES (SIZE_MAX / 4)    /* beyond any address space, so sums cannot overflow */

/* ---------------------------------------------------------------- size classes */

/* Multiples of 64 up to 256; above that, each doubling has four equal steps: 320, 384, 448, 512,
 * 640, ... So a block exceeds the request by less than 64 bytes or less than a quarter. The surplus
 * of a large block is usually never touched, and then takes no memory. */
typedef struct {
    unsigned index;
    size_t bytes;
} size_class;

#define N_CLASSES (4 * (sizeof(size_t) * 8 - 8))

static size_class class_of(size_t bytes) {
    const size_t last = bytes > 0 ? bytes - 1 : 0;

    if (last < 256) {
        const unsigned index = (unsigned)(last / 64);
        return (size_class){index, 64 * ((size_t)index + 1)};
    }
    const unsigned log2 = 63 - (unsigned)__builtin_clzll(last);
    const unsigned shift = log2 - 2;
    const size_t step = last >> shift; /* 4 to 7 */
    return (size_class){4 * (log2 - 8) + (unsigned)step, (step + 1) << shift};
}

/* ------------------------------------------------------------------------ state */

/* Stored in the cached block itself. */
typedef struct cached_block {
    struct cached_block *next; /* in its class, the block freed before it. Last in, first out: the
                                  newest may still be in the processor's cache. */
    /* Large blocks only; a small one may be no longer than a cache line. */
    struct cached_block *previous;        /* in its class */
    struct cached_block *older, *younger; /* among all large blocks, by time of release */
    size_class size;
} cached_block;

static struct {
    cached_block *classes[N_CLASSES];
    cached_block *oldest, *youngest; /* large blocks */
    size_t small_cached;             /* part of stats.cached in blocks below HUGE_PAGE */
    long fail_in;                    /* see pt_memory_fail_after */
    pt_memory_stats stats;
} state;

/* One lock guards all of it, held for about twenty instructions and never during a system call. It
 * is a spin lock, since a mutex takes a pair of pt_alloc and pt_free from 15 to 30 ns (measured);
 * where a mutex would sleep, it sleeps too. Per-thread caches would be no faster while the limit
 * and the statistics stay exact. */
static _Atomic bool is_locked;

static port_once once = PORT_ONCE;
static bool is_system;
static char error[160];

static void initialise(void) {
    const char *wanted = getenv("PYTENSOR_ALLOCATOR");

    state.stats.limit = SIZE_MAX;
    /* An eighth of the memory: many times the temporaries of a training step, and several processes
     * (data workers, a test runner's) can fill their caches without exhausting the machine. 256 MiB
     * if the size is unknown. */
    const size_t memory = pt_memory_size();
    state.stats.cache_cap = memory > 0 ? memory / 8 : (size_t)256 << 20;
    if (wanted == NULL || wanted[0] == '\0' || strcmp(wanted, "caching") == 0) {
        return;
    }
    is_system = strcmp(wanted, "system") == 0;
    if (!is_system) {
        snprintf(error, sizeof error,
                 "PYTENSOR_ALLOCATOR=%.32s: expected caching or system; using caching", wanted);
    }
}

static void lock(void) {
    unsigned n_looks = 0;

    while (atomic_exchange_explicit(&is_locked, true, memory_order_acquire)) {
        while (atomic_load_explicit(&is_locked, memory_order_relaxed)) {
            /* A thousand looks take about 1 us, far longer than the holder needs, so it has lost
             * its processor. Sleeping, unlike yielding, lets it run even if our priority is higher.
             */
            if (++n_looks % 1000 == 0) {
                port_sleep(50000);
            }
        }
    }
}

static void release(void) { atomic_store_explicit(&is_locked, false, memory_order_release); }

static void acquire(void) {
    port_call_once(&once, initialise);
    lock();
}

/* Holds the lock during a fork, so that the child finds the lists intact. */
void pt_alloc_at_load(void) {
    if (!port_at_fork(lock, release, release)) {
        snprintf(error, sizeof error, "no memory to register the allocator's fork handlers");
    }
}

/* ------------------------------------------------------------------- the system */

static void *system_alloc(size_t bytes) {
    return !is_system && bytes >= HUGE_PAGE ? port_map(bytes, HUGE_PAGE)
                                            : port_aligned_alloc(bytes, ALIGNMENT);
}

static void system_free(void *block, size_t bytes) {
    if (!is_system && bytes >= HUGE_PAGE) {
        port_unmap(block, bytes);
    } else {
        port_aligned_free(block);
    }
}

/* --------------------------------------- the cache; the caller holds the lock */

static void push(cached_block *block, size_class size) {
    cached_block **head = &state.classes[size.index];

    block->next = *head;
    state.stats.cached += size.bytes;
    if (size.bytes < HUGE_PAGE) {
        state.small_cached += size.bytes;
    } else {
        block->size = size;
        block->previous = NULL;
        if (*head != NULL) {
            (*head)->previous = block;
        }
        block->younger = NULL;
        block->older = state.youngest;
        *(state.youngest != NULL ? &state.youngest->younger : &state.oldest) = block;
        state.youngest = block;
    }
    *head = block;
}

/* Removes a large block from both of its lists. */
static void unlink_large(cached_block *block) {
    *(block->previous != NULL ? &block->previous->next : &state.classes[block->size.index]) =
        block->next;
    if (block->next != NULL) {
        block->next->previous = block->previous;
    }
    *(block->older != NULL ? &block->older->younger : &state.oldest) = block->younger;
    *(block->younger != NULL ? &block->younger->older : &state.youngest) = block->older;
    state.stats.cached -= block->size.bytes;
}

static cached_block *pop(size_class size) {
    cached_block *block = state.classes[size.index];

    if (block == NULL) {
        return NULL;
    }
    if (size.bytes >= HUGE_PAGE) {
        unlink_large(block);
    } else {
        state.classes[size.index] = block->next;
        state.small_cached -= size.bytes;
        state.stats.cached -= size.bytes;
    }
    return block;
}

/* Unlinks the oldest large blocks until the cache is within its cap. Returns them as a list, to be
 * released without the lock. */
static cached_block *evict(void) {
    cached_block *evicted = NULL;

    while (state.stats.cached > state.stats.cache_cap && state.oldest != NULL) {
        cached_block *block = state.oldest;
        unlink_large(block);
        block->next = evicted;
        evicted = block;
    }
    return evicted;
}

static void release_all(cached_block *list, size_t small_bytes) {
    while (list != NULL) {
        cached_block *next = list->next;
        system_free(list, small_bytes > 0 ? small_bytes : list->size.bytes);
        list = next;
    }
}

static void raise_peak(void) {
    if (state.stats.in_use > state.stats.peak) {
        state.stats.peak = state.stats.in_use;
    }
}

/* ------------------------------------------------------------------- interface */

void *pt_alloc(size_t bytes) {
    if (bytes > MAX_BYTES) {
        return NULL;
    }
    const size_class size = class_of(bytes);

    acquire();
    pt_memory_stats *stats = &state.stats;
    if ((state.fail_in > 0 && --state.fail_in == 0) || stats->in_use > stats->limit ||
        bytes > stats->limit - stats->in_use) {
        release();
        return NULL;
    }
    void *block = pop(size);
    stats->in_use += bytes; /* under the lock: the limit holds across threads */
    if (block != NULL) {
        stats->hits++;
        raise_peak();
    }
    release();
    if (block != NULL) {
        return block;
    }

    /* malloc gets the exact size, so that a sanitizer notices the first byte beyond it. */
    const size_t fresh_bytes = !is_system ? size.bytes : bytes > 0 ? bytes : 1;
    block = system_alloc(fresh_bytes);
    if (block == NULL) {
        pt_memory_trim();
        block = system_alloc(fresh_bytes);
    }
    acquire();
    if (block != NULL) {
        stats->misses++;
        raise_peak();
    } else {
        stats->in_use -= bytes;
    }
    release();
    return block;
}

void pt_free(void *block, size_t bytes) {
    if (block == NULL) {
        return;
    }
    const size_class size = class_of(bytes);
    cached_block *evicted = NULL;

    acquire();
    state.stats.in_use -= bytes;
    /* Small blocks may fill at most half of the cache. They are not evicted, since each returns
     * little to the system, and must leave room for large ones, where caching pays most. */
    const bool is_kept =
        !is_system &&
        (size.bytes >= HUGE_PAGE ? size.bytes <= state.stats.cache_cap
                                 : size.bytes + state.small_cached <= state.stats.cache_cap / 2);
    if (is_kept) {
        push(block, size);
        evicted = evict();
    }
    release();
    if (!is_kept) {
        system_free(block, size.bytes);
    }
    release_all(evicted, 0);
}

void pt_memory_trim(void) {
    for (size_t bytes = 0; bytes <= MAX_BYTES; bytes++) {
        const size_class size = class_of(bytes);
        bytes = size.bytes;

        acquire();
        cached_block *list = NULL;
        for (cached_block *block; (block = pop(size)) != NULL;) {
            block->next = list;
            list = block;
        }
        release();
        release_all(list, size.bytes < HUGE_PAGE ? size.bytes : 0);
    }
}

void pt_memory_set_cache_cap(size_t bytes) {
    acquire();
    state.stats.cache_cap = bytes;
    const bool is_too_small = state.stats.cached > bytes || state.small_cached > bytes / 2;
    release();
    if (is_too_small) {
        pt_memory_trim(); /* simpler than choosing blocks, and rare */
    }
}

void pt_memory_set_limit(size_t bytes) {
    acquire();
    state.stats.limit = bytes;
    release();
}

void pt_memory_fail_after(long k) {
    acquire();
    state.fail_in = k;
    release();
}

void pt_memory_reset_peak(void) {
    acquire();
    state.stats.peak = state.stats.in_use;
    release();
}

void pt_memory_get_stats(pt_memory_stats *stats) {
    acquire();
    *stats = state.stats;
    release();
}

bool pt_memory_is_system(void) {
    port_call_once(&once, initialise);
    return is_system;
}

const char *pt_memory_error(void) {
    port_call_once(&once, initialise);
    return error[0] != '\0' ? error : NULL;
}
