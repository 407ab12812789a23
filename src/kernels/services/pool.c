/* pool.c: the thread pool that all kernels share.
 *
 * A job is n tasks. Its owner, the thread that called pt_parallel_for, claims them one by one from
 * the front, the workers from the back: two threads find in their caches what they left there in
 * the job before. One atomic word, the gate, decides who may work on the job:
 * the owner opens it, workers enter and leave, and when no task is left the owner closes it and
 * waits for those inside. A worker that comes late finds the gate closed, and nobody waits for it.
 * Idle workers spin briefly, then park on a condition variable. */
#include "at_load.h"
#include "port.h"
#include "pt.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* How long an idle thread spins before it parks. Waking a parked worker costs its owner 2 to 7 us
 * for the signal, and the worker starts 25 to 50 us later (measured on a virtual machine, where a
 * halted processor wakes slowly). The ski-rental rule, wait as long as the cost avoided, suggests
 * 50 us; but then a worker that starts late makes its owner park, whose late start makes the worker
 * park, and so on: a product of 570 us took 800 us, call after call. Twice that time stops it. The
 * serial gap between two parallel operations of a training step is usually below 30 us. */
#define SPIN_NS 100000

/* How long an interruptible job runs before it asks whether to continue. To ask, it stops its
 * workers and waits for the interpreter, 5 ms if another Python thread is busy. */
#define ASK_NS 100000000

#define NO_END INT64_MAX

/* ------------------------------------------------------------------------ state */

/* A thread and where it runs; see bar_from_here. */
typedef struct {
    port_thread thread;
    int slept_on; /* the processor on which it parked, or -1 if it is not parked */
    bool is_barred;
} place;

static _Thread_local enum { OUTSIDE, OWNER, WORKER } role;
static _Thread_local place *self; /* of a worker */

/* Held by the owner of the running job, and by a thread that changes the set of workers. */
static port_mutex ownership = PORT_MUTEX;

/* Guarded by ownership: */
static place workers[PT_MAX_THREADS];
static int n_workers;      /* running threads */
static int n_prepared_for; /* the number of threads they were started for, or 0 */
static int64_t spin_ns;

/* Written by the owner while the gate is closed, read by those inside. */
static struct {
    pt_task task;
    void *context;
    size_t first, n; /* tasks first to first + n - 1 */
} job;

/* Each has its own cache line (two lines, since processors prefetch pairs): workers that spin on
 * the gate do not disturb threads that claim tasks. */
static _Alignas(128) _Atomic uint64_t claimed;
static _Alignas(128) _Atomic uint64_t gate;

/* The gate's fields. They share one word, so that "is the job open?" and "count me in" are one
 * step, as are "open the job" and "how many are parked?": no worker can slip in between. */
#define INSIDE ((uint64_t)1)            /* bits 0 to 15: workers inside */
#define PARKED ((uint64_t)1 << 16)      /* bits 16 to 31: workers to be woken */
#define OPEN ((uint64_t)1 << 32)        /* there is a job */
#define OWNER_WAITS ((uint64_t)1 << 33) /* the last one out must wake the owner */
#define STOP ((uint64_t)1 << 34)        /* workers must end */
#define GENERATION ((uint64_t)1 << 35)  /* bits 35 to 63: number of the job */
#define N_INSIDE(seen) ((size_t)((seen) & (PARKED - 1)))
#define N_PARKED(seen) ((size_t)((seen) / PARKED & (PARKED - 1)))

/* The fields of claimed. Both also count the claims that failed, at most one for each thread. */
#define FROM_FRONT ((uint64_t)1)      /* bits 0 to 31 */
#define FROM_BACK ((uint64_t)1 << 32) /* bits 32 to 63 */
#define N_FROM_FRONT(seen) ((size_t)((seen) & (FROM_BACK - 1)))
#define N_FROM_BACK(seen) ((size_t)((seen) / FROM_BACK))
#define MOST_TASKS ((size_t)1 << 31) /* of a job */

/* Makes "look at the gate, then wait" one step for a thread that parks. Held only for an instant.
 * Also guards where workers parked and which processor they are barred from. */
static port_mutex parking = PORT_MUTEX;
static port_condition job_open = PORT_CONDITION; /* workers wait */
static port_condition all_left = PORT_CONDITION; /* the owner waits */

static port_once once = PORT_ONCE;
static int default_threads;
static _Atomic int n_threads;
static const char *_Atomic error;
static pt_pool_warning *_Atomic warning;
static const pt_pool_question *_Atomic question;

/* -------------------------------------------------------------- spin and park */

static void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb"); /* a short stall; "yield" is a no-op on most cores */
#endif
}

typedef bool (*condition)(uint64_t seen, uint64_t served);

/* What a worker waits for. served: the number of the last job it worked on. */
static bool is_wanted(uint64_t seen, uint64_t served) {
    return (seen & STOP) || ((seen & OPEN) && seen / GENERATION != served);
}

/* What the owner waits for. */
static bool is_empty(uint64_t seen, uint64_t unused) {
    (void)unused;
    return N_INSIDE(seen) == 0;
}

/* Spins until the gate meets the condition or time is up; returns the gate as last seen. Yields
 * about once a microsecond: a worker woken on its owner's processor must not spin in its place
 * (without this, one call in ten took 55 us longer), and other processes get their share. */
static uint64_t spin(condition is_so, uint64_t served) {
    uint64_t seen = atomic_load_explicit(&gate, memory_order_acquire);
    const int64_t end = is_so(seen, served) ? 0 : port_nanoseconds() + spin_ns;
    for (unsigned i = 1; !is_so(seen, served); i++) {
        if (i % 32 == 0) { /* a pause takes about 25 ns */
            if (port_nanoseconds() >= end) {
                break;
            }
            port_yield();
        }
        pause_briefly();
        seen = atomic_load_explicit(&gate, memory_order_acquire);
    }
    return seen;
}

/* Where a woken thread runs. Linux looks for an idle processor only if that seems worthwhile. On a
 * small machine that was busy a moment ago, and on a virtual machine, whose halted processors count
 * as busy, it often picks the waking thread's own. Worker and owner then share one processor until
 * the load is balanced, about 100 ms later: after a rest of 50 ms, a product of 128 x 784 x 512
 * took 1130 us on two processors instead of 570, call after call. So a thread is barred from the
 * waking thread's processor before it is woken, and lifts the bar itself once it runs; this also
 * makes workers follow the affinity of the thread that calls them. With many workers, a few
 * misplaced ones do not matter (the others take their tasks), and a system call for each would take
 * as long as waking it, so only those that parked on this processor are barred. The caller holds
 * the parking lock. */
enum { MANY_WORKERS = 8 };
static place owner = {.slept_on = -1};

static void bar(place *sleeper, int here) {
    sleeper->is_barred = port_bar(sleeper->thread.handle, here);
}

static void bar_from_here(void) {
    const int here = port_processor();

    if (role == WORKER) {
        if (owner.slept_on >= 0) { /* otherwise it woke by itself, and may have ended */
            bar(&owner, here);
        }
        return;
    }
    bool is_noted = false;
    for (int i = 0; i < n_workers; i++) {
        if (workers[i].slept_on >= 0 && (workers[i].slept_on == here || n_workers < MANY_WORKERS)) {
            if (!is_noted) {
                port_note_allowed();
                is_noted = true;
            }
            bar(&workers[i], here);
        }
    }
}

static void park(port_condition *signal) {
    place *mine = role == WORKER ? self : &owner;

    if (role != WORKER) {
        port_note_allowed();
        owner.thread.handle = port_this_thread();
    }
    mine->slept_on = port_processor();
    port_wait(signal, &parking);
    mine->slept_on = -1;
    if (mine->is_barred) {
        mine->is_barred = false;
        port_lift_bar();
    }
}

/* Waits until the gate meets the condition and returns it as seen then. A thread that parks adds
 * mark to the gate, so that the thread that changes it knows to send a signal. */
static uint64_t wait_until(condition is_so, uint64_t served, uint64_t mark,
                           port_condition *signal) {
    for (;;) {
        /* After a wake-up too: a worker may be late for its job, but the next comes soon. */
        uint64_t seen = spin(is_so, served);
        if (is_so(seen, served)) {
            return seen;
        }
        port_lock(&parking);
        while (!is_so(seen, served)) {
            if (atomic_compare_exchange_weak_explicit(&gate, &seen, seen + mark,
                                                      memory_order_relaxed, memory_order_relaxed)) {
                park(signal);
                atomic_fetch_sub_explicit(&gate, mark, memory_order_relaxed);
                break;
            }
        }
        port_unlock(&parking);
    }
}

/* Wakes n of n_parked threads after the gate has changed. */
static void wake(port_condition *signal, size_t n, size_t n_parked) {
    /* A thread about to park holds the lock from its last look at the gate until it waits. Once we
     * have held the lock, it has either seen the change or will receive the signal. */
    port_lock(&parking);
    bar_from_here();
    port_unlock(&parking);
    if (n >= n_parked) {
        port_wake_all(signal);
        return;
    }
    for (; n > 0; n--) {
        port_wake_one(signal);
    }
}

/* ---------------------------------------------------------------------- the job */

static bool is_left(uint64_t seen) { return N_FROM_FRONT(seen) + N_FROM_BACK(seen) < job.n; }

/* Runs tasks until none is left or end has passed; returns whether none is left. */
static bool run_tasks(uint64_t side, int64_t end) {
    for (;;) {
        const uint64_t seen = atomic_fetch_add_explicit(&claimed, side, memory_order_relaxed);
        if (!is_left(seen)) {
            return true;
        }
        job.task(job.context, job.first + (side == FROM_FRONT ? N_FROM_FRONT(seen)
                                                              : job.n - 1 - N_FROM_BACK(seen)));
        if (end != NO_END && port_nanoseconds() >= end) {
            return false;
        }
    }
}

/* Owner: lets workers in. Wakes only as many as there are tasks beyond one each for the owner and
 * the workers that still spin. */
static void open_gate(void) {
    const uint64_t seen = atomic_fetch_add_explicit(&gate, OPEN + GENERATION, memory_order_release);
    const size_t n_ready = 1 + (size_t)n_workers - N_PARKED(seen);
    if (job.n > n_ready && N_PARKED(seen) > 0) {
        wake(&job_open, job.n - n_ready, N_PARKED(seen));
    }
}

/* Owner: closes the gate and waits until the workers inside have left. Parks if that takes long:
 * one of them may have lost its processor, and spinning would keep it from getting it back. */
static void close_gate(void) {
    atomic_fetch_and_explicit(&gate, ~OPEN, memory_order_relaxed);
    wait_until(is_empty, 0, OWNER_WAITS, &all_left);
}

/* Owner: stops the claiming of tasks and waits for the claimed ones to end. Returns what was
 * claimed. */
static uint64_t suspend(void) {
    const uint64_t seen = atomic_exchange_explicit(&claimed, job.n, memory_order_relaxed);
    close_gate();
    return seen;
}

static void leave_gate(void) {
    const uint64_t seen = atomic_fetch_sub_explicit(&gate, INSIDE, memory_order_release);
    if (N_INSIDE(seen) == 1 && (seen & OWNER_WAITS)) {
        wake(&all_left, 1, 1);
    }
}

static void work(void *its_place) {
    role = WORKER;
    self = its_place;
    for (uint64_t served = 0;;) {
        uint64_t seen = wait_until(is_wanted, served, PARKED, &job_open);
        if (seen & STOP) {
            return;
        }
        if (atomic_compare_exchange_weak_explicit(&gate, &seen, seen + INSIDE, memory_order_acquire,
                                                  memory_order_relaxed)) {
            served = seen / GENERATION;
            run_tasks(FROM_BACK, NO_END);
            leave_gate();
        }
    }
}

/* --------------------------------------- workers; the caller holds the ownership */

static void start_workers(int n) {
    /* With more threads than processors, a spinning thread delays the one it waits for. */
    spin_ns = n <= pt_cpu_count() ? SPIN_NS : 0;
    n_prepared_for = n; /* even on failure, which is not retried at every call */
    while (n_workers < n - 1) {
        place *next = &workers[n_workers];
        *next = (place){.slept_on = -1, .thread = {.run = work, .argument = next}};
        if (!port_start_thread(&next->thread)) {
            break;
        }
        n_workers++;
    }
    if (n_workers < n - 1) {
        pt_pool_warning *warn = atomic_load_explicit(&warning, memory_order_acquire);
        if (warn != NULL)
            warn(n);
    }
}

static void stop_workers(void) {
    atomic_fetch_or_explicit(&gate, STOP, memory_order_relaxed);
    wake(&job_open, 1, 1);
    while (n_workers > 0) {
        port_join_thread(&workers[--n_workers].thread);
    }
    atomic_fetch_and_explicit(&gate, ~STOP, memory_order_relaxed);
    n_prepared_for = 0;
}

/* ------------------------------------------------------------------------ fork */

/* Only the thread that forks survives in the child. Its role decides what it finds there:
 *   OUTSIDE  No job is running, since the fork waited for the ownership; the pool starts again when
 *            it is needed.
 *   OWNER    A task of its job forked. The workers finish the tasks they claimed before the fork;
 *            the child runs the remaining ones alone.
 *   WORKER   The job's owner does not exist in the child. Calls from the task run serially; when
 *            the task returns, the thread ends, and the child with it. */
static uint64_t suspended_at; /* claimed while its owner forks */

static void before_fork(void) {
    if (role == OUTSIDE) {
        port_lock(&ownership);
    } else if (role == OWNER) {
        suspended_at = suspend();
    }
    port_lock(&parking);
}

static void after_fork_in_parent(void) {
    port_unlock(&parking);
    if (role == OUTSIDE) {
        port_unlock(&ownership);
    } else if (role == OWNER) {
        atomic_store_explicit(&claimed, suspended_at, memory_order_relaxed);
        open_gate();
    }
}

static void after_fork_in_child(void) {
    job_open = (port_condition)PORT_CONDITION; /* they count waiters that are gone */
    all_left = (port_condition)PORT_CONDITION;
    port_unlock(&parking);
    n_workers = 0;
    n_prepared_for = 0;
    atomic_store_explicit(&gate, role == WORKER ? INSIDE | STOP : 0, memory_order_relaxed);
    atomic_store_explicit(&claimed, role == OWNER ? suspended_at : job.n, memory_order_relaxed);
    if (role == OUTSIDE) {
        port_unlock(&ownership);
    }
}

/* At load, when no other thread can fork yet. The order matters, and the linker does not promise
 * one between constructors of several files, so this is the only one. Handlers that run before a
 * fork do so in reverse order of registration, and the pool's must run first: the tasks that it
 * waits for allocate memory and call OpenBLAS. */
PORT_AT_LOAD static void register_fork_handlers(void) {
    pt_alloc_at_load();
    pt_blas_at_load();
    if (!port_at_fork(before_fork, after_fork_in_parent, after_fork_in_child)) {
        atomic_store_explicit(&error, "no memory to register the pool's fork handlers",
                              memory_order_release);
    }
}

/* At exit and dlclose no thread may remain in code that is about to be unloaded. If a job is still
 * running, its owner is in our code too, and waiting for it could hang the exit. */
PORT_AT_UNLOAD void pt_pool_shut_down(void) {
    atomic_store_explicit(&n_threads, 1, memory_order_relaxed);
    if (role == OUTSIDE && port_try_lock(&ownership)) {
        stop_workers();
        port_unlock(&ownership);
    }
}

/* ------------------------------------------------------------------- interface */

static int most_threads(void) {
    const int most = port_most_threads(); /* 1 in a build without threads */

    return most < PT_MAX_THREADS ? most : PT_MAX_THREADS;
}

static void initialise(void) {
    static char message[160];
    const int n_cpus = pt_cpu_count(), most = most_threads();
    const char *wanted = getenv("PYTENSOR_NUM_THREADS");
    char *end = NULL;
    const long n = wanted != NULL ? strtol(wanted, &end, 10) : 0;
    default_threads = n_cpus < most ? n_cpus : most;
    if (n >= 1 && n <= most && *end == '\0') {
        default_threads = (int)n;
    } else if (wanted != NULL && wanted[0] != '\0') {
        snprintf(message, sizeof message,
                 "PYTENSOR_NUM_THREADS=%.32s: expected an integer from 1 to %d; using %d", wanted,
                 most, default_threads);
        atomic_store_explicit(&error, message, memory_order_release);
    }
    atomic_store_explicit(&n_threads, default_threads, memory_order_relaxed);
}

int pt_default_num_threads(void) {
    port_call_once(&once, initialise);
    return default_threads;
}

int pt_get_num_threads(void) {
    port_call_once(&once, initialise);
    return atomic_load_explicit(&n_threads, memory_order_relaxed);
}

const char *pt_pool_error(void) {
    port_call_once(&once, initialise);
    return atomic_load_explicit(&error, memory_order_acquire);
}

void pt_pool_on_failure(pt_pool_warning *function) {
    atomic_store_explicit(&warning, function, memory_order_release);
}

void pt_pool_ask(const pt_pool_question *asked) {
    atomic_store_explicit(&question, asked, memory_order_release);
}

void pt_set_num_threads(int n) {
    port_call_once(&once, initialise);
    n = n < 1 ? 1 : n > most_threads() ? most_threads() : n;
    if (role == OUTSIDE) { /* a task would wait for itself: there the next job applies it */
        port_lock(&ownership);
        if (n != n_prepared_for) {
            stop_workers();
        }
    }
    atomic_store_explicit(&n_threads, n, memory_order_relaxed);
    if (role == OUTSIDE) {
        port_unlock(&ownership);
    }
}

typedef struct {
    size_t first, end;
} tasks;

/* Runs the tasks, as far as they start before end. Returns those that were not run. */
static tasks run_job(pt_task task, void *context, tasks all, int64_t end) {
    const size_t n = all.end - all.first;
    if (n < 2 || n > MOST_TASKS || role != OUTSIDE || pt_get_num_threads() == 1 ||
        !port_try_lock(&ownership)) {
        while (all.first < all.end) {
            task(context, all.first++);
            if (end != NO_END && port_nanoseconds() >= end) {
                break;
            }
        }
        return all;
    }
    const int wanted = pt_get_num_threads();
    if (wanted != n_prepared_for) {
        stop_workers();
        start_workers(wanted);
    }
    job.task = task;
    job.context = context;
    job.first = all.first;
    job.n = n;
    atomic_store_explicit(&claimed, 0, memory_order_relaxed);
    role = OWNER;
    open_gate();
    uint64_t seen = n;
    if (run_tasks(FROM_FRONT, end)) {
        close_gate();
    } else {
        seen = suspend();
    }
    all = is_left(seen) ? (tasks){all.first + N_FROM_FRONT(seen), all.end - N_FROM_BACK(seen)}
                        : (tasks){all.end, all.end};
    role = OUTSIDE;
    port_unlock(&ownership);
    return all;
}

void pt_parallel_for(pt_task task, void *context, size_t n) {
    run_job(task, context, (tasks){0, n}, NO_END);
}

/* NULL if there is no one to ask. */
static const pt_pool_question *question_for_this_thread(void) {
    const pt_pool_question *asked = atomic_load_explicit(&question, memory_order_acquire);

    return role == OUTSIDE && asked != NULL && asked->is_for_this_thread() ? asked : NULL;
}

pt_status pt_parallel_for_interruptible(pt_task task, void *context, size_t n) {
    const pt_pool_question *asked = n > 1 ? question_for_this_thread() : NULL;

    for (tasks left = {0, n}; left.first < left.end;) {
        left = run_job(task, context, left, asked != NULL ? port_nanoseconds() + ASK_NS : NO_END);
        /* No lock is held here: the answer may have to wait for a lock (Python's) whose holder
         * waits for this job to end, to fork for example, and may itself run jobs. */
        if (left.first < left.end && asked->is_interrupted()) {
            return PT_INTERRUPTED;
        }
    }
    return PT_OK;
}

pt_status pt_ask_between(int64_t *due) {
    const pt_pool_question *asked = question_for_this_thread();

    if (asked == NULL) {
        return PT_OK;
    }
    const int64_t now = port_nanoseconds();
    const bool is_due = *due != 0 && now >= *due;
    if (is_due || *due == 0) {
        *due = now + ASK_NS;
    }
    return is_due && asked->is_interrupted() ? PT_INTERRUPTED : PT_OK;
}
