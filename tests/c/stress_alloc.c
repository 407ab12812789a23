/* stress_alloc.c: what pt.h promises about the allocator, idle and under load; run it plain and
 * with the thread, address and undefined-behaviour sanitizers. Exits 0 on success. */
#define _GNU_SOURCE
#include "check.h"
#include "port.h"
#include "pt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if HAS_PROCESSES
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t main_process;
#endif

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* Hooks of the sanitizers: malloc must return NULL for requests that are too large, as it does
 * without them. The leak check is for the main process only: it mistakes threads lost in a fork for
 * running ones. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "allocator_may_return_null=1"; }

const char *__tsan_default_options(void);
const char *__tsan_default_options(void) { return "allocator_may_return_null=1:atexit_sleep_ms=0"; }

#if HAS_PROCESSES
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) { return getpid() != main_process; }
#endif

#define MIB ((size_t)1 << 20)

static pt_memory_stats stats(void) {
    pt_memory_stats s;
    pt_memory_get_stats(&s);
    return s;
}

/* Marsaglia's xorshift64. */
static uint64_t next_random(uint64_t *x) {
    *x ^= *x << 13;
    *x ^= *x >> 7;
    return *x ^= *x << 17;
}

/* Mostly small, some large, some at the edges of a size class. */
static size_t random_size(uint64_t *x) {
    const uint64_t r = next_random(x);
    const size_t size = (size_t)(r >> 32) % ((size_t)1 << (r % 23));

    return r % 5 == 0 ? (size + 63) / 64 * 64 : size;
}

#if HAS_PROCESSES
static void expect_success(pid_t child) {
    int status = 0;

    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
#endif

/* ------------------------------------------------------- one block, one property */

static void test_size_classes(void) {
    for (size_t bytes = 0; bytes < 5 * MIB; bytes += 1 + bytes / 61) {
        pt_memory_trim();
        char *block = pt_alloc(bytes);
        CHECK(block != NULL && (uintptr_t)block % 64 == 0);
        CHECK(bytes < 2 * MIB || (uintptr_t)block % (2 * MIB) == 0);
        memset(block, 1, bytes);
        pt_free(block, bytes);
        const size_t size = stats().cached;
        CHECK(size >= bytes && size >= 64);
        CHECK(size - bytes <= 64 || size - bytes < bytes / 4 + 1);
        CHECK(pt_alloc(bytes) == block); /* the block just freed, still in the processor's cache */
        pt_free(block, bytes);
    }
    pt_memory_trim();
    CHECK(stats().cached == 0);
    puts("blocks are aligned, are reused, and exceed their size by less than 64 bytes or 1/4");
}

static void test_statistics(void) {
    const pt_memory_stats before = stats();
    void *a = pt_alloc(1000), *b = pt_alloc(3 * MIB);

    CHECK(a != NULL && b != NULL);
    CHECK(stats().in_use == before.in_use + 1000 + 3 * MIB);
    CHECK(stats().misses == before.misses + 2);
    pt_free(a, 1000);
    pt_free(b, 3 * MIB);
    pt_free(NULL, 5);
    CHECK(stats().in_use == before.in_use && stats().peak >= before.in_use + 1000 + 3 * MIB);
    CHECK(stats().cached == 1024 + 3 * MIB);
    pt_memory_reset_peak();
    CHECK(stats().peak == stats().in_use);
    a = pt_alloc(1001); /* of the same class */
    CHECK(stats().hits == before.hits + 1 && stats().peak == before.in_use + 1001);
    pt_free(a, 1001);
    pt_memory_trim();
    puts("in_use, peak, cached, hits and misses are exact");
}

static void test_refusals(void) {
    const size_t sizes[] = {SIZE_MAX,         SIZE_MAX - 64, SIZE_MAX / 2, SIZE_MAX / 4 * 3,
                            SIZE_MAX / 4 + 1, SIZE_MAX / 4,  SIZE_MAX / 8, (size_t)1 << 48};
    const pt_memory_stats before = stats();

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        CHECK(pt_alloc(sizes[i]) == NULL);
    }
    CHECK(stats().in_use == before.in_use && stats().peak == before.peak);
    CHECK(stats().misses == before.misses);

    pt_memory_set_limit(before.in_use + 1000);
    void *block = pt_alloc(600);
    CHECK(block != NULL && pt_alloc(401) == NULL && pt_alloc(SIZE_MAX) == NULL);
    void *rest = pt_alloc(400);
    CHECK(rest != NULL && pt_alloc(1) == NULL);
    pt_memory_set_limit(0); /* below what is in use */
    CHECK(pt_alloc(1) == NULL);
    pt_free(rest, 400);
    pt_free(block, 600);
    pt_memory_set_limit(SIZE_MAX);
    CHECK((block = pt_alloc(1000)) != NULL);
    pt_free(block, 1000);
    puts("huge sizes and sizes over the limit are refused");

    for (long k = 1; k < 5; k++) {
        pt_memory_fail_after(k);
        for (long i = 1; i < 8; i++) {
            block = pt_alloc(100);
            CHECK((block == NULL) == (i == k));
            pt_free(block, 100);
        }
    }
    pt_memory_fail_after(1);
    pt_memory_fail_after(-1);
    CHECK((block = pt_alloc(100)) != NULL);
    pt_free(block, 100);
    CHECK(stats().in_use == before.in_use);
    puts("the k-th allocation fails on request, and no other");
}

/* -------------------------------------------------------------------- the cache */

static void test_cap(void) {
    const size_t default_cap = stats().cache_cap;
    void *blocks[200];

    pt_memory_trim();
    pt_memory_set_cache_cap(8 * MIB);
    for (int i = 0; i < 4; i++) {
        CHECK((blocks[i] = pt_alloc(4 * MIB)) != NULL);
    }
    for (int i = 0; i < 3; i++) {
        pt_free(blocks[i], 4 * MIB);
    }
    CHECK(stats().cached == 8 * MIB); /* the oldest, block 0, had to go */
    CHECK(pt_alloc(4 * MIB) == blocks[2] && pt_alloc(4 * MIB) == blocks[1]);
    CHECK(stats().cached == 0);
    for (int i = 1; i < 4; i++) {
        pt_free(blocks[i], 4 * MIB);
    }
    void *larger = pt_alloc(9 * MIB);
    pt_free(larger, 9 * MIB); /* larger than the cap: must not evict the others */
    CHECK(stats().cached == 8 * MIB);

    for (int i = 0; i < 200; i++) {
        CHECK((blocks[i] = pt_alloc(64 << 10)) != NULL);
    }
    for (int i = 0; i < 200; i++) {
        pt_free(blocks[i], 64 << 10);
    }
    const size_t hits = stats().hits;
    CHECK(stats().cached == 8 * MIB); /* half of it small blocks, the other half a large one */
    void *large = pt_alloc(4 * MIB);
    CHECK(stats().hits == hits + 1 && stats().cached == 4 * MIB);
    pt_free(large, 4 * MIB);
    pt_memory_set_cache_cap(5 * MIB);
    CHECK(stats().cached <= 5 * MIB);
    pt_memory_set_cache_cap(0);
    CHECK(stats().cached == 0);
    pt_memory_set_cache_cap(default_cap);
    puts("the cache stays within its cap and evicts the oldest large blocks first");
}

#if HAS_PROCESSES
static void test_no_faults_on_reuse(void) {
    const size_t bytes = 64 * MIB;
    struct rusage before, after;

    for (int round = 0; round < 5; round++) {
        getrusage(RUSAGE_SELF, &before);
        char *block = pt_alloc(bytes);
        CHECK(block != NULL);
        memset(block, round, bytes);
        pt_free(block, bytes);
        getrusage(RUSAGE_SELF, &after);
        CHECK(SANITIZED || round == 0 || after.ru_minflt - before.ru_minflt < 8);
    }
    pt_memory_trim();
    puts(SANITIZED ? "(not checked here, the sanitizer causes page faults: reuse causes none)"
                   : "64 MiB, taken again from the cache, are mapped already");
}

/* In a child, since a lowered limit stays. */
static void test_exhaustion(void) {
    if (SANITIZED) {
        puts("(not checked here, the sanitizer needs the address space: exhaustion)");
        return;
    }
    const pid_t child = fork();
    if (child == 0) {
        const rlim_t room = 1024 * MIB;
        CHECK(setrlimit(RLIMIT_AS, &(struct rlimit){room, room}) == 0);
        pt_memory_set_cache_cap(SIZE_MAX);
        void *blocks[10];
        for (int i = 0; i < 10; i++) {
            CHECK((blocks[i] = pt_alloc(64 * MIB)) != NULL);
        }
        for (int i = 0; i < 10; i++) {
            pt_free(blocks[i], 64 * MIB);
        }
        CHECK(stats().cached == 640 * MIB);
        void *large = pt_alloc(700 * MIB); /* fits only when the cache has been given back */
        CHECK(large != NULL && stats().cached == 0);
        CHECK(pt_alloc(700 * MIB) == NULL && stats().in_use == 700 * MIB);
        pt_free(large, 700 * MIB);
        _Exit(0);
    }
    expect_success(child);
    puts("when the system has no more, the cache is given back before a request fails");
}
#endif

/* ------------------------------------------------------------------ many threads */

#define N_SLOTS 64
#define N_THREADS 6
#define N_ROUNDS (SANITIZED ? 1000 : 4000)

/* A block with all bytes of one value. Blocks move between threads through these slots. */
typedef struct {
    unsigned char *bytes;
    size_t n;
} parcel;

static parcel slots[N_SLOTS];
static port_mutex slot_locks[N_SLOTS];

static parcel exchange(size_t i, parcel mine) {
    port_lock(&slot_locks[i]);
    const parcel found = slots[i];
    slots[i] = mine;
    port_unlock(&slot_locks[i]);
    return found;
}

/* Two live blocks that overlap would overwrite each other's value. */
static void check_and_free(parcel p) {
    for (size_t i = 0; i < p.n; i += 1 + p.n / 97) {
        CHECK(p.bytes[i] == p.bytes[0]);
    }
    CHECK(p.n == 0 || p.bytes[p.n - 1] == p.bytes[0]);
    pt_free(p.bytes, p.n);
}

static void trade(void *seed) {
    uint64_t random = (uint64_t)(uintptr_t)seed * 0x9E3779B97F4A7C15u;

    for (int round = 0; round < N_ROUNDS; round++) {
        parcel p = {.n = random_size(&random)};
        p.bytes = pt_alloc(p.n);
        CHECK(p.bytes != NULL && (uintptr_t)p.bytes % 64 == 0);
        memset(p.bytes, (int)next_random(&random), p.n);
        check_and_free(exchange(next_random(&random) % N_SLOTS, p));
        if (round % 500 == 0) {
            pt_memory_trim();
        }
    }
}

static void test_threads_and_forks(void) {
    port_thread threads[N_THREADS];
    const size_t default_cap = stats().cache_cap;

    for (int i = 0; i < N_SLOTS; i++) {
        slot_locks[i] = (port_mutex)PORT_MUTEX;
    }
    pt_memory_set_cache_cap(16 * MIB); /* small, so that blocks are evicted all the time */
    for (int i = 0; i < N_THREADS; i++) {
        threads[i] = (port_thread){.run = trade, .argument = (void *)(uintptr_t)(i + 1)};
        CHECK(port_start_thread(&threads[i]));
    }
#if HAS_PROCESSES
    for (int i = 0; i < 30; i++) {
        const pid_t child = fork();
        if (child == 0) {
            /* Only blocks from the cache or mmap: the sanitizers' malloc may have been locked by a
             * thread that does not exist here. */
            for (int k = 0; k < 100; k++) {
                void *block = pt_alloc(3 * MIB);
                CHECK(block != NULL);
                memset(block, k, 3 * MIB);
                pt_free(block, 3 * MIB);
            }
            _Exit(0);
        }
        expect_success(child);
    }
#endif
    for (int i = 0; i < N_THREADS; i++) {
        port_join_thread(&threads[i]);
    }
    for (size_t i = 0; i < N_SLOTS; i++) {
        check_and_free(exchange(i, (parcel){NULL, 0}));
    }
    CHECK(stats().in_use == 0 && stats().cached <= 16 * MIB);
    pt_memory_set_cache_cap(default_cap);
    pt_memory_trim();
    puts(HAS_PROCESSES
             ? "six threads pass blocks around while the process forks, and none is shared"
             : "six threads pass blocks around, and none is shared");
}

/* ------------------------------------------------------------------ environment */

#if HAS_PROCESSES
/* In children, before this process has decided. */
static void test_environment(void) {
    pid_t child = fork();
    if (child == 0) {
        setenv("PYTENSOR_ALLOCATOR", "system", 1);
        CHECK(pt_memory_is_system() && pt_memory_error() == NULL);
        for (size_t bytes = 0; bytes < 9 * MIB; bytes = 3 * bytes + 1) {
            void *block = pt_alloc(bytes);
            CHECK(block != NULL && (uintptr_t)block % 64 == 0 && stats().in_use == bytes);
            memset(block, 1, bytes);
            pt_free(block, bytes);
            CHECK(stats().in_use == 0 && stats().cached == 0);
        }
        CHECK(stats().hits == 0 && pt_alloc((size_t)1 << 48) == NULL);
        _Exit(0);
    }
    expect_success(child);
    child = fork();
    if (child == 0) {
        setenv("PYTENSOR_ALLOCATOR", "jemalloc", 1);
        CHECK(!pt_memory_is_system() && strstr(pt_memory_error(), "=jemalloc") != NULL);
        _Exit(0);
    }
    expect_success(child);
    unsetenv("PYTENSOR_ALLOCATOR");
    puts("PYTENSOR_ALLOCATOR is obeyed, or reported");
}
#endif

int main(void) {
    setvbuf(stdout, NULL, _IONBF, 0); /* or children would print what their parent had buffered */
#if HAS_PROCESSES
    main_process = getpid();
    test_environment();
#endif
    CHECK(!pt_memory_is_system() && pt_memory_error() == NULL);
    CHECK(stats().limit == SIZE_MAX && stats().cache_cap >= 64 * MIB);
    test_size_classes();
    test_statistics();
    test_refusals();
    test_cap();
#if HAS_PROCESSES
    test_no_faults_on_reuse();
    test_exhaustion();
#endif
    test_threads_and_forks();
    return 0;
}
