/* blas.c: loads OpenBLAS's shared library, which is in the package beside the extension module.
 *
 * It is loaded here rather than by the linker because two settings can only be made through the
 * environment, before its constructor runs:
 *   one thread   otherwise it starts a thread per core at once, which idle beside the pool's
 *   the kernels  if PYTENSOR_ISA asks for an older instruction set, OpenBLAS must follow
 */
#include "blas.h"

#include "at_load.h"
#include "port.h"
#include "pt.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

pt_blas blas;
static bool has_handlers;
static char config[256]; /* of the library, once it is loaded */

/* OpenBLAS 0.3.34's kernels for Arm's SME compute wrong products where vectors are shorter than on
 * the machines that they were made for. */
enum { MIN_SME_BITS = 512 };

static bool has_short_sme(void) {
    const int bits = port_sme_bits();
    return bits > 0 && bits < MIN_SME_BITS;
}

/* The kernels to request of OpenBLAS; NULL leaves the choice to its own detection. */
static const char *core_type(void) {
    if (has_short_sme())
        return "NEOVERSEN1"; /* any processor with SME has what that one has */
#if defined(__x86_64__)
    static const char *const of_level[] = {"Prescott", "Haswell", "SkylakeX"};
    const char *forced = getenv("PYTENSOR_ISA");
    if (forced != NULL && *forced != '\0')
        return of_level[pt_isa_level()];
#endif
    return NULL;
}

/* Sets an environment variable that the user has not set; returns whether it did. */
static bool set_default(const char *name, const char *value) {
    return value != NULL && getenv(name) == NULL && port_set_environment(name, value);
}

static bool load_symbols(void *library) {
    bool is_complete = true;
#define LOAD(name, symbol)                                                                         \
    (blas.name = (__typeof__(blas.name))port_symbol(library, "scipy_" symbol),                     \
     is_complete = is_complete && blas.name != NULL)
    LOAD(sgemm, "cblas_sgemm");
    LOAD(dgemm, "cblas_dgemm");
    LOAD(sgemv, "cblas_sgemv");
    LOAD(dgemv, "cblas_dgemv");
    LOAD(sdot, "cblas_sdot");
    LOAD(ddot, "cblas_ddot");
    LOAD(get_num_threads, "openblas_get_num_threads");
    LOAD(set_num_threads, "openblas_set_num_threads");
    LOAD(get_config, "openblas_get_config");
    LOAD(get_corename, "openblas_get_corename");
#undef LOAD
    return is_complete;
}

/* Opens the library with OpenBLAS's settings in the environment, which it restores. The user's own
 * setting of threads does not apply: with OpenBLAS's threads, the bits of a product would depend on
 * their number. Returns false if there is no memory for the environment; *library is NULL if it did
 * not load. */
static bool open_library(const char *path, void **library, char *error, size_t error_bytes) {
    const char *users_threads = getenv("OPENBLAS_NUM_THREADS");
    char *threads = users_threads == NULL ? NULL : port_copy_string(users_threads);
    if ((users_threads != NULL && threads == NULL) ||
        !port_set_environment("OPENBLAS_NUM_THREADS", "1")) {
        free(threads);
        return false;
    }
    bool set_core = set_default("OPENBLAS_CORETYPE", core_type());
    *library = port_open_library(path, error, error_bytes);
    if (set_core)
        port_set_environment("OPENBLAS_CORETYPE", NULL);
    const bool is_restored = port_set_environment("OPENBLAS_NUM_THREADS", threads);
    free(threads);
    return is_restored || *library == NULL;
}

bool pt_blas_is_there(void) { return true; }

const char *pt_load_blas(void) {
    static char error[PORT_MAX_PATH + 512];
    static bool is_loaded;
    char path[PORT_MAX_PATH], why[PORT_MAX_PATH + 256];
    void *library = NULL;
    if (is_loaded)
        return NULL;
    if (!has_handlers)
        return "no memory to register OpenBLAS's fork and exit handlers";
    if (!port_path_beside((const void *)(uintptr_t)&pt_load_blas, PT_BLAS_FILE, path))
        return "the package has no path";
    if (!open_library(path, &library, why, sizeof why))
        return "no memory to load OpenBLAS";
    if (library == NULL) {
        snprintf(error, sizeof error, "OpenBLAS, a part of the package, does not load: %s", why);
        return error;
    }
    if (!load_symbols(library)) {
        snprintf(error, sizeof error, "%s is not the expected version of OpenBLAS", path);
        return error;
    }
    if (has_short_sme() && strcmp(blas.get_corename(), "armv9sme") == 0) {
        snprintf(error, sizeof error,
                 "OPENBLAS_CORETYPE=ARMV9SME: OpenBLAS computes wrong products with vectors of %d "
                 "bits: expected another core, such as NEOVERSEN1, or none",
                 port_sme_bits());
        return error;
    }
    snprintf(config, sizeof config, "%s, kernels for %s", blas.get_config(), blas.get_corename());
    is_loaded = true;
    return NULL;
}

/* ---------------------------------------------------------------------- memory */

/* OpenBLAS packs operands into buffers, as many as there ever were calls in progress at a time, and
 * ends the process if the system has no memory for another one. So before more threads enter than
 * ever before, check that there is memory; if not, they take turns. */
#if defined(__x86_64__)
#define BUFFER_BYTES ((size_t)32 << 20)
#else
#define BUFFER_BYTES ((size_t)128 << 20) /* the largest of any architecture */
#endif
static atomic_int n_buffers;

/* Whether there is memory for n buffers, of which all but one are known to exist. */
static bool has_memory_for(int n) {
    const size_t bytes = BUFFER_BYTES + ((size_t)1 << 20); /* and some for others meanwhile */
    if (!port_can_map(bytes))
        return false;
    for (int seen = atomic_load(&n_buffers); seen < n;) {
        if (atomic_compare_exchange_weak(&n_buffers, &seen, n))
            break;
    }
    return true;
}

bool pt_blas_has_memory(void) {
    enum { SIZE = 128 }; /* smaller products need no buffer, and would prove nothing */
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

/* OpenBLAS guards its buffers by an internal lock, and a child forked while another thread holds it
 * would wait forever. The lock is not accessible, so a fork waits until no thread is inside. */
static atomic_int n_inside;
enum { FORK = 1, EXIT = 2 };
static atomic_int closed_for;
static port_mutex door = PORT_MUTEX; /* held during a fork */
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
            port_lock(&door);
            port_unlock(&door);
        } else if (closed & EXIT) {
            port_sleep_forever(); /* the process ends */
        } else {
            port_sleep(50000);
        }
    }
    /* Code that finds the library by its symbols must not change the bits of a product either. */
    if (blas.get_num_threads != NULL && blas.get_num_threads() != 1)
        blas.set_num_threads(1);
}

void pt_leave_blas(void) { atomic_fetch_sub(&n_inside, 1); }

static void close_door(int reason) {
    atomic_fetch_or(&closed_for, reason);
    while (atomic_load(&n_inside) > 0)
        port_yield();
}

static void before_fork(void) {
    port_lock(&door);
    close_door(FORK);
}

static void after_fork(void) {
    atomic_fetch_and(&closed_for, ~FORK);
    port_unlock(&door);
}

/* A thread that arrives during a fork counts as inside for an instant. In the child it does not
 * exist and would never leave; nor does a thread that exits, unless it is the one that forked. */
static void after_fork_in_child(void) {
    atomic_store(&n_inside, 0);
    atomic_store(&closed_for, 0);
    after_fork();
}

/* OpenBLAS's destructor unmaps its buffers, which daemon threads may be using: so wait until they
 * have left, and let none in again. Handlers of atexit run before all destructors. The exiting
 * thread may still enter, from later handlers, but without workers. */
static void before_exit(void) {
    pt_pool_shut_down();
    is_exiting = true;
    close_door(EXIT);
}

void pt_blas_at_load(void) {
    has_handlers =
        port_at_fork(before_fork, after_fork, after_fork_in_child) && port_at_exit(before_exit);
}

const char *pt_blas_config(void) { return config; }
