/* blas.c: loads OpenBLAS's shared library, which lies in the package beside the extension module.
 *
 * It is loaded here rather than by the linker because two of its settings can only be made in the
 * environment, before its constructor runs:
 *   one thread   it would start a thread per core at once, to lie idle beside the pool's
 *   the kernels  where PYTENSOR_ISA asks for an older instruction set, OpenBLAS follows
 */
#define _GNU_SOURCE
#include "blas.h"

#include "at_load.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "pt.h"

pt_blas blas;
static bool has_handlers;

/* The kernels to ask OpenBLAS for, NULL to leave it to its own detection. */
static const char *core_type(void) {
#if defined(__x86_64__)
    static const char *const of_level[] = {"Prescott", "Haswell", "SkylakeX"};
    const char *forced = getenv("PYTENSOR_ISA");
    if (forced != NULL && *forced != '\0')
        return of_level[pt_isa_level()];
#endif
    return NULL;
}

/* Sets a variable unless the user has; whether it did. */
static bool set_default(const char *name, const char *value) {
    return value != NULL && getenv(name) == NULL && setenv(name, value, 0) == 0;
}

static void *symbol(void *library, const char *name, bool *complete) {
    void *address = dlsym(library, name);
    *complete = *complete && address != NULL;
    return address;
}

const char *pt_load_blas(void) {
    static char error[PATH_MAX + 256];
    static bool loaded;
    if (loaded)
        return NULL;
    if (!has_handlers)
        return "no memory to register OpenBLAS's fork and exit handlers";
    Dl_info here;
    char path[PATH_MAX];
    if (dladdr((void *)(uintptr_t)&pt_load_blas, &here) == 0)
        return "the package has no path";
    const char *slash = strrchr(here.dli_fname, '/');
    int directory = slash == NULL ? 0 : (int)(slash - here.dli_fname) + 1;
    snprintf(path, sizeof path, "%.*s%s", directory, here.dli_fname, PT_BLAS_FILE);

    /* Not the user's setting of threads: with OpenBLAS's own, the same product would have other
     * bits for another number of them. */
    const char *users_threads = getenv("OPENBLAS_NUM_THREADS");
    char *threads = users_threads == NULL ? NULL : strdup(users_threads);
    if ((users_threads != NULL && threads == NULL) || setenv("OPENBLAS_NUM_THREADS", "1", 1) != 0) {
        free(threads);
        return "no memory to load OpenBLAS";
    }
    bool set_core = set_default("OPENBLAS_CORETYPE", core_type());
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (set_core)
        unsetenv("OPENBLAS_CORETYPE");
    const bool is_restored = threads != NULL ? setenv("OPENBLAS_NUM_THREADS", threads, 1) == 0
                                             : unsetenv("OPENBLAS_NUM_THREADS") == 0;
    free(threads);
    if (library == NULL) {
        snprintf(error, sizeof error, "OpenBLAS, a part of the package, does not load: %s",
                 dlerror());
        return error;
    }
    if (!is_restored)
        return "no memory to load OpenBLAS";
    bool complete = true;
    blas.sgemm = (__typeof__(blas.sgemm))symbol(library, "scipy_cblas_sgemm", &complete);
    blas.dgemm = (__typeof__(blas.dgemm))symbol(library, "scipy_cblas_dgemm", &complete);
    blas.sgemv = (__typeof__(blas.sgemv))symbol(library, "scipy_cblas_sgemv", &complete);
    blas.dgemv = (__typeof__(blas.dgemv))symbol(library, "scipy_cblas_dgemv", &complete);
    blas.sdot = (__typeof__(blas.sdot))symbol(library, "scipy_cblas_sdot", &complete);
    blas.ddot = (__typeof__(blas.ddot))symbol(library, "scipy_cblas_ddot", &complete);
    blas.get_num_threads = (__typeof__(blas.get_num_threads))symbol(
        library, "scipy_openblas_get_num_threads", &complete);
    blas.set_num_threads = (__typeof__(blas.set_num_threads))symbol(
        library, "scipy_openblas_set_num_threads", &complete);
    blas.get_config =
        (__typeof__(blas.get_config))symbol(library, "scipy_openblas_get_config", &complete);
    blas.get_corename =
        (__typeof__(blas.get_corename))symbol(library, "scipy_openblas_get_corename", &complete);
    if (!complete) {
        snprintf(error, sizeof error, "%s is no OpenBLAS of the expected version", path);
        return error;
    }
    loaded = true;
    return NULL;
}

/* ---------------------------------------------------------------------- memory */

/* OpenBLAS packs operands into buffers of its own, as many as calls ever were under way at a time,
 * and ends the process when the system has no memory for one more. So before more threads are
 * inside than ever were, we look whether it has; if not, they wait for each other. */
#if defined(__x86_64__)
#define BUFFER_BYTES ((size_t)32 << 20)
#else
#define BUFFER_BYTES ((size_t)128 << 20) /* the largest of any architecture */
#endif
static atomic_int n_buffers;

/* Whether there is memory for n buffers; all but one are known to be there. */
static bool has_memory_for(int n) {
    const size_t bytes = BUFFER_BYTES + ((size_t)1 << 20); /* and something for others meanwhile */
    void *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED)
        return false;
    munmap(block, bytes);
    for (int seen = atomic_load(&n_buffers); seen < n;) {
        if (atomic_compare_exchange_weak(&n_buffers, &seen, n))
            break;
    }
    return true;
}

bool pt_blas_has_memory(void) {
    enum { SIZE = 128 }; /* smaller products do without a buffer, and a later one would miss it */
    if (atomic_load(&n_buffers) > 0)
        return true;
    float *matrices = calloc(3 * SIZE * SIZE, sizeof *matrices);
    const bool is_there = matrices != NULL && has_memory_for(1);
    if (is_there) {
        pt_enter_blas();
        blas.sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, SIZE, SIZE, SIZE, 1, matrices, SIZE,
                   matrices + SIZE * SIZE, SIZE, 0, matrices + 2 * SIZE * SIZE, SIZE);
        pt_leave_blas();
    }
    free(matrices);
    return is_there;
}

/* --------------------------------------------------------------- fork and exit */

/* OpenBLAS has a lock of its own around its buffers, and a child forked while another thread holds
 * it would wait for ever. It offers no way to that lock: so a fork waits until nobody is inside. */
static atomic_int n_inside;
enum { FORK = 1, EXIT = 2 };
static atomic_int closed_for;
static pthread_mutex_t door = PTHREAD_MUTEX_INITIALIZER; /* held while a fork is under way */
static _Thread_local bool is_exiting;

void pt_enter_blas(void) {
    for (;;) {
        const int n = atomic_fetch_add(&n_inside, 1) + 1;
        int closed = atomic_load(&closed_for);
        if (closed && is_exiting)
            closed &= ~EXIT;
        if (!closed && (n <= atomic_load(&n_buffers) || has_memory_for(n)))
            break;
        atomic_fetch_sub(&n_inside, 1);
        if (closed & FORK) {
            pthread_mutex_lock(&door);
            pthread_mutex_unlock(&door);
        } else if (closed & EXIT) {
            pause(); /* until the process is gone */
        } else {
            nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
        }
    }
    /* Who finds the library all the same, by its symbols say, changes no bit of a product either. */
    if (blas.get_num_threads != NULL && blas.get_num_threads() != 1)
        blas.set_num_threads(1);
}

void pt_leave_blas(void) { atomic_fetch_sub(&n_inside, 1); }

static void close_door(int reason) {
    atomic_fetch_or(&closed_for, reason);
    while (atomic_load(&n_inside) > 0)
        sched_yield();
}

static void before_fork(void) {
    pthread_mutex_lock(&door);
    close_door(FORK);
}

static void after_fork(void) {
    atomic_fetch_and(&closed_for, ~FORK);
    pthread_mutex_unlock(&door);
}

/* Who comes to the door while the process forks counts as inside for an instant; in the child it
 * never leaves, as it is not there. Nor is a thread that exits, unless it forked. */
static void after_fork_in_child(void) {
    atomic_store(&n_inside, 0);
    atomic_store(&closed_for, 0);
    after_fork();
}

/* OpenBLAS's destructor unmaps its buffers, in which daemon threads may be at work: so they leave
 * before, and come no more. Handlers of atexit run before all destructors. The thread that exits
 * may enter still, from handlers that come later, but without workers. */
static void before_exit(void) {
    pt_pool_shut_down();
    is_exiting = true;
    close_door(EXIT);
}

void pt_blas_at_load(void) {
    has_handlers = pthread_atfork(before_fork, after_fork, after_fork_in_child) == 0 &&
                   atexit(before_exit) == 0;
}

const char *pt_blas_config(void) {
    static char text[256];
    snprintf(text, sizeof text, "%s, kernels for %s", blas.get_config(), blas.get_corename());
    return text;
}
