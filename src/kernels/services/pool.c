/* pool.c: one thread pool for everything.
 *
 * A job is n tasks. Its owner, the thread that called pt_parallel_for, and the workers claim them
 * one by one from an atomic counter. Who may work on the job is settled by one atomic word, the
 * gate: the owner opens it, workers enter and leave, the owner closes it when no task is left and
 * waits for those inside. A worker that is late finds the gate closed; nobody waits for it. Idle
 * workers spin for a moment, then park on a condition variable. */
#define _GNU_SOURCE /* sched_getcpu, pthread_setaffinity_np */
#include "at_load.h"
#include "pt.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* How long an idle thread spins before it parks. To wake a parked worker costs its owner 2 to 7 us
 * for the signal, and the worker starts 25 to 50 us later (measured on a virtual machine, where a
 * halted processor wakes slowly). The rule of rented skis, to wait as long as the thing avoided
 * costs, would say 50 us; but then a worker that starts late makes its owner park, whose late start
 * makes the worker park, and so on: a product of 570 us took 800 us, call after call. Twice that
 * ends it. The serial gap between two parallel operations of a training step is mostly below
 * 30 us. */
#define SPIN_NS 100000

/* How long an interruptible job goes on before it asks whether to. To ask, it lets its workers come
 * to rest, and waits for the interpreter, for 5 ms where another thread of Python is busy. */
#define ASK_NS 100000000

#define NO_END INT64_MAX

/* ------------------------------------------------------------------------ state */

/* A thread, and where it runs; see bar_from_here. */
typedef struct {
    pthread_t thread;
    int slept_on; /* the processor on which it parked; -1: it is not parked */
    bool is_barred;
} place;

static _Thread_local enum { OUTSIDE, OWNER, WORKER } role;
static _Thread_local place *self; /* of a worker */

/* Held by the owner of the running job, and by whoever changes the set of workers. */
static pthread_mutex_t ownership = PTHREAD_MUTEX_INITIALIZER;

/* Under ownership: */
static place workers[PT_MAX_THREADS];
static int n_workers;      /* threads that run */
static int n_prepared_for; /* number of threads for which they were started; 0: none were */
static int64_t spin_ns;

/* Written by the owner while the gate is closed, read by those inside. */
static struct {
    pt_task task;
    void *context;
    size_t n;
} job;

/* Each on a line of its own (two lines: processors prefetch pairs): spinning workers read the gate
 * without disturbing those who claim tasks. */
static _Alignas(128) _Atomic size_t next_task;
static _Alignas(128) _Atomic uint64_t gate;

/* The gate's fields. All in one word, so that "is the job open?" and "count me in" are one step,
 * as are "open the job" and "who is parked?": no worker can slip between the two. */
#define INSIDE ((uint64_t)1)            /* bits 0 to 15: workers inside */
#define PARKED ((uint64_t)1 << 16)      /* bits 16 to 31: workers that must be woken */
#define OPEN ((uint64_t)1 << 32)        /* there is a job */
#define OWNER_WAITS ((uint64_t)1 << 33) /* the last one out must wake the owner */
#define STOP ((uint64_t)1 << 34)        /* workers must end */
#define GENERATION ((uint64_t)1 << 35)  /* bits 35 to 63: number of the job */
#define N_INSIDE(seen) ((size_t)((seen) & (PARKED - 1)))
#define N_PARKED(seen) ((size_t)((seen) / PARKED & (PARKED - 1)))

/* Makes "look at the gate, then wait" one step for those who park. Held for an instant only. Also
 * guards where workers parked, and what they are barred from. */
static pthread_mutex_t parking = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t job_open = PTHREAD_COND_INITIALIZER; /* workers wait */
static pthread_cond_t all_left = PTHREAD_COND_INITIALIZER; /* the owner waits */

static pthread_once_t once = PTHREAD_ONCE_INIT;
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

static int64_t nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

typedef bool (*condition)(uint64_t seen, uint64_t served);

/* What a worker waits for; served: number of the last job it worked on. */
static bool is_wanted(uint64_t seen, uint64_t served) {
    return (seen & STOP) || ((seen & OPEN) && seen / GENERATION != served);
}

/* What the owner waits for. */
static bool is_empty(uint64_t seen, uint64_t unused) {
    (void)unused;
    return N_INSIDE(seen) == 0;
}

/* Spins until the gate is as wanted or the time is over; returns it as last seen. Yields about once
 * a microsecond: a worker that is woken on its owner's processor must not spin there in its place
 * (55 us at one call in ten, without), and other processes get their share. */
static uint64_t spin(condition is_so, uint64_t served) {
    uint64_t seen = atomic_load_explicit(&gate, memory_order_acquire);
    const int64_t end = is_so(seen, served) ? 0 : nanoseconds() + spin_ns;
    for (unsigned i = 1; !is_so(seen, served); i++) {
        if (i % 32 == 0) { /* a pause takes some 25 ns */
            if (nanoseconds() >= end) {
                break;
            }
            sched_yield();
        }
        pause_briefly();
        seen = atomic_load_explicit(&gate, memory_order_acquire);
    }
    return seen;
}

/* Where a woken thread runs. Linux looks for an idle processor only where that seems worth it; on
 * a small machine that was busy a moment ago, and on a virtual one, whose halted processors count as
 * taken, it may well choose the waking thread's own. Then worker and owner share one processor until
 * the load is balanced, some 100 ms later: after a rest of 50 ms, a product of 128 x 784 x 512 took
 * 1130 us on two processors instead of 570, call after call. So a thread is barred from the waking
 * one's processor before it is woken, and lifts the bar itself once it runs; workers thereby follow
 * the affinity of the thread that calls them. Of many workers, the few that are misplaced do not
 * matter (the others take their tasks): only those that slept here are barred, as a system call for
 * each would take as long as to wake them. All with the parking lock. */
#if defined(__linux__)
enum { MANY_WORKERS = 8 };
static place owner = {.slept_on = -1};
static cpu_set_t allowed; /* the processors that the owner may use */

static void note_allowed(void) {
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) { /* fails above 1024 processors */
        CPU_ZERO(&allowed);
    }
}

static void bar(place *sleeper, int here) {
    cpu_set_t elsewhere = allowed;

    CPU_CLR(here, &elsewhere);
    sleeper->is_barred = CPU_COUNT(&elsewhere) > 0 &&
                         pthread_setaffinity_np(sleeper->thread, sizeof elsewhere, &elsewhere) == 0;
}

static void bar_from_here(void) {
    const int here = sched_getcpu();

    if (role == WORKER) {
        if (owner.slept_on >= 0) { /* or it woke by itself: it may even have ended */
            bar(&owner, here);
        }
        return;
    }
    bool is_noted = false;
    for (int i = 0; i < n_workers; i++) {
        if (workers[i].slept_on == here || (workers[i].slept_on >= 0 && n_workers < MANY_WORKERS)) {
            if (!is_noted) {
                note_allowed();
                is_noted = true;
            }
            bar(&workers[i], here);
        }
    }
}

static void park(pthread_cond_t *signal) {
    place *mine = role == WORKER ? self : &owner;

    if (role != WORKER) {
        note_allowed();
        owner.thread = pthread_self();
    }
    mine->slept_on = sched_getcpu();
    pthread_cond_wait(signal, &parking);
    mine->slept_on = -1;
    if (mine->is_barred) {
        mine->is_barred = false;
        sched_setaffinity(0, sizeof allowed, &allowed);
    }
}
#else
static void bar_from_here(void) {}

static void park(pthread_cond_t *signal) { pthread_cond_wait(signal, &parking); }
#endif

/* Waits until the gate is as wanted; returns it as seen then. Who parks adds mark to the gate, so
 * that whoever changes it knows that somebody is to be signalled. */
static uint64_t wait_until(condition is_so, uint64_t served, uint64_t mark,
                           pthread_cond_t *signal) {
    for (;;) {
        /* After a wake-up too: a worker may be late for its job, but the next one is near. */
        uint64_t seen = spin(is_so, served);
        if (is_so(seen, served)) {
            return seen;
        }
        pthread_mutex_lock(&parking);
        while (!is_so(seen, served)) {
            if (atomic_compare_exchange_weak_explicit(&gate, &seen, seen + mark,
                                                      memory_order_relaxed, memory_order_relaxed)) {
                park(signal);
                atomic_fetch_sub_explicit(&gate, mark, memory_order_relaxed);
                break;
            }
        }
        pthread_mutex_unlock(&parking);
    }
}

/* Wakes n of n_parked threads, after a change of the gate. */
static void wake(pthread_cond_t *signal, size_t n, size_t n_parked) {
    /* Who is about to park holds the lock from the last look at the gate until it waits: once we
     * have had the lock, it either saw the change or hears the signal. */
    pthread_mutex_lock(&parking);
    bar_from_here();
    pthread_mutex_unlock(&parking);
    if (n >= n_parked) {
        pthread_cond_broadcast(signal);
        return;
    }
    for (; n > 0; n--) {
        pthread_cond_signal(signal);
    }
}

/* ---------------------------------------------------------------------- the job */

/* Until no task is left, or it is late; whether none is left. */
static bool run_tasks(int64_t end) {
    for (size_t i; (i = atomic_fetch_add_explicit(&next_task, 1, memory_order_relaxed)) < job.n;) {
        job.task(job.context, i);
        if (end != NO_END && nanoseconds() >= end) {
            return false;
        }
    }
    return true;
}

/* Owner: lets workers in. Wakes only as many as there are tasks beyond those that the owner and
 * the workers still spinning can take. */
static void open_gate(void) {
    const uint64_t seen = atomic_fetch_add_explicit(&gate, OPEN + GENERATION, memory_order_release);
    const size_t n_ready = 1 + (size_t)n_workers - N_PARKED(seen);
    if (job.n > n_ready && N_PARKED(seen) > 0) {
        wake(&job_open, job.n - n_ready, N_PARKED(seen));
    }
}

/* Owner: lets nobody in any more and waits until those inside have left. If that takes long, one of
 * them may have lost its processor, which our spinning would keep from it: hence parks as well. */
static void close_gate(void) {
    atomic_fetch_and_explicit(&gate, ~OPEN, memory_order_relaxed);
    wait_until(is_empty, 0, OWNER_WAITS, &all_left);
}

/* Owner: leaves the tasks that nobody has claimed to nobody, and waits for the others to end.
 * Returns the first of those left, or more than there are. */
static size_t suspend(void) {
    const size_t next = atomic_exchange_explicit(&next_task, job.n, memory_order_relaxed);
    close_gate();
    return next;
}

static void leave_gate(void) {
    const uint64_t seen = atomic_fetch_sub_explicit(&gate, INSIDE, memory_order_release);
    if (N_INSIDE(seen) == 1 && (seen & OWNER_WAITS)) {
        wake(&all_left, 1, 1);
    }
}

static void *work(void *its_place) {
    role = WORKER;
    self = its_place;
    for (uint64_t served = 0;;) {
        uint64_t seen = wait_until(is_wanted, served, PARKED, &job_open);
        if (seen & STOP) {
            return NULL;
        }
        if (atomic_compare_exchange_weak_explicit(&gate, &seen, seen + INSIDE, memory_order_acquire,
                                                  memory_order_relaxed)) {
            served = seen / GENERATION;
            run_tasks(NO_END);
            leave_gate();
        }
    }
}

/* ------------------------------------------------------ workers; under ownership */

/* What the kernels need at most is 0.3 MB, for the partial results of a long reduction; some systems
 * give a thread less than that by default (musl 128 KB). */
#define MIN_STACK_BYTES ((size_t)1 << 20)

/* Attributes of the workers' threads; NULL where the system's defaults will do. */
static pthread_attr_t *worker_attributes(pthread_attr_t *attributes) {
    size_t bytes = 0;

    if (pthread_attr_init(attributes) != 0) {
        return NULL;
    }
    if (pthread_attr_getstacksize(attributes, &bytes) == 0 && bytes < MIN_STACK_BYTES &&
        pthread_attr_setstacksize(attributes, MIN_STACK_BYTES) == 0) {
        return attributes;
    }
    pthread_attr_destroy(attributes);
    return NULL;
}

static void start_workers(int n) {
    sigset_t blocked, before;
    pthread_attr_t storage, *attributes = worker_attributes(&storage);
    /* Signals are for Python's main thread. Those that a fault of the thread itself raises stay
     * open, or a fault handler could not report them. */
    sigfillset(&blocked);
    sigdelset(&blocked, SIGSEGV);
    sigdelset(&blocked, SIGBUS);
    sigdelset(&blocked, SIGFPE);
    sigdelset(&blocked, SIGILL);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);

    /* With more threads than processors, who spins holds up the one that it waits for. */
    spin_ns = n <= pt_cpu_count() ? SPIN_NS : 0;
    n_prepared_for = n; /* in case of failure too: not tried again at every call */
    while (n_workers < n - 1) {
        place *next = &workers[n_workers];
        *next = (place){.slept_on = -1};
        if (pthread_create(&next->thread, attributes, work, next) != 0) {
            break;
        }
        n_workers++;
    }
    if (n_workers < n - 1) {
        pt_pool_warning *warn = atomic_load_explicit(&warning, memory_order_acquire);
        if (warn != NULL)
            warn(n);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (attributes != NULL) {
        pthread_attr_destroy(attributes);
    }
}

static void stop_workers(void) {
    atomic_fetch_or_explicit(&gate, STOP, memory_order_relaxed);
    wake(&job_open, 1, 1);
    while (n_workers > 0) {
        pthread_join(workers[--n_workers].thread, NULL);
    }
    atomic_fetch_and_explicit(&gate, ~STOP, memory_order_relaxed);
    n_prepared_for = 0;
}

/* ------------------------------------------------------------------------ fork */

/* Only the thread that forks lives on in the child. What it may find there:
 *   OUTSIDE  no job runs, since we waited for the ownership; the pool starts anew when needed.
 *   OWNER    a task of its own job forks. The workers finish the tasks that they have claimed
 *            before the fork; the child does those that are left alone.
 *   WORKER   the job's owner is gone in the child. Calls from the task run serially; when the task
 *            returns, the thread ends, and with it the child. */
static size_t suspended_at; /* next_task, while its owner forks */

static void before_fork(void) {
    if (role == OUTSIDE) {
        pthread_mutex_lock(&ownership);
    } else if (role == OWNER) {
        suspended_at = suspend();
    }
    pthread_mutex_lock(&parking);
}

static void after_fork_in_parent(void) {
    pthread_mutex_unlock(&parking);
    if (role == OUTSIDE) {
        pthread_mutex_unlock(&ownership);
    } else if (role == OWNER) {
        atomic_store_explicit(&next_task, suspended_at, memory_order_relaxed);
        open_gate();
    }
}

static void after_fork_in_child(void) {
    job_open = (pthread_cond_t)PTHREAD_COND_INITIALIZER; /* they count waiters that are gone */
    all_left = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    pthread_mutex_unlock(&parking);
    n_workers = 0;
    n_prepared_for = 0;
    atomic_store_explicit(&gate, role == WORKER ? INSIDE | STOP : 0, memory_order_relaxed);
    atomic_store_explicit(&next_task, role == OWNER ? suspended_at : job.n, memory_order_relaxed);
    if (role == OUTSIDE) {
        pthread_mutex_unlock(&ownership);
    }
}

/* At load, when no other thread can fork yet. The order matters, and the linker does not promise one
 * between constructors of several files, so this is the only one. Handlers that run before a fork do
 * so in reverse order of registration, and the pool's must run first: the tasks that it waits for
 * allocate memory and call OpenBLAS. */
__attribute__((constructor)) static void register_fork_handlers(void) {
    pt_alloc_at_load();
    pt_blas_at_load();
    if (pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child) != 0) {
        atomic_store_explicit(&error, "no memory to register the pool's fork handlers",
                              memory_order_release);
    }
}

/* At exit and dlclose: no thread must be left in code that goes away. If a job runs still, its
 * owner is in our code as well, and waiting for it could hang the exit. */
__attribute__((destructor)) void pt_pool_shut_down(void) {
    atomic_store_explicit(&n_threads, 1, memory_order_relaxed);
    if (role == OUTSIDE && pthread_mutex_trylock(&ownership) == 0) {
        stop_workers();
        pthread_mutex_unlock(&ownership);
    }
}

/* ------------------------------------------------------------------- interface */

static void initialise(void) {
    static char message[160];
    const int n_cpus = pt_cpu_count();
    const char *wanted = getenv("PYTENSOR_NUM_THREADS");
    char *end = NULL;
    const long n = wanted != NULL ? strtol(wanted, &end, 10) : 0;
    default_threads = n_cpus < PT_MAX_THREADS ? n_cpus : PT_MAX_THREADS;
    if (n >= 1 && n <= PT_MAX_THREADS && *end == '\0') {
        default_threads = (int)n;
    } else if (wanted != NULL && wanted[0] != '\0') {
        snprintf(message, sizeof message,
                 "PYTENSOR_NUM_THREADS=%.32s: expected an integer from 1 to %d; using %d", wanted,
                 PT_MAX_THREADS, default_threads);
        atomic_store_explicit(&error, message, memory_order_release);
    }
    atomic_store_explicit(&n_threads, default_threads, memory_order_relaxed);
}

int pt_default_num_threads(void) {
    pthread_once(&once, initialise);
    return default_threads;
}

int pt_get_num_threads(void) {
    pthread_once(&once, initialise);
    return atomic_load_explicit(&n_threads, memory_order_relaxed);
}

const char *pt_pool_error(void) {
    pthread_once(&once, initialise);
    return atomic_load_explicit(&error, memory_order_acquire);
}

void pt_pool_on_failure(pt_pool_warning *function) {
    atomic_store_explicit(&warning, function, memory_order_release);
}

void pt_pool_ask(const pt_pool_question *asked) {
    atomic_store_explicit(&question, asked, memory_order_release);
}

void pt_set_num_threads(int n) {
    pthread_once(&once, initialise);
    n = n < 1 ? 1 : n > PT_MAX_THREADS ? PT_MAX_THREADS : n;
    if (role == OUTSIDE) { /* a task would wait for itself; then the next job sees to it */
        pthread_mutex_lock(&ownership);
        if (n != n_prepared_for) {
            stop_workers();
        }
    }
    atomic_store_explicit(&n_threads, n, memory_order_relaxed);
    if (role == OUTSIDE) {
        pthread_mutex_unlock(&ownership);
    }
}

/* Runs the tasks from first on, or those of them that are begun before the end. Returns the first
 * one that was not run: n when all were. */
static size_t run_job(pt_task task, void *context, size_t first, size_t n, int64_t end) {
    if (n - first < 2 || role != OUTSIDE || pt_get_num_threads() == 1 ||
        pthread_mutex_trylock(&ownership) != 0) {
        while (first < n) {
            task(context, first++);
            if (end != NO_END && nanoseconds() >= end) {
                break;
            }
        }
        return first;
    }
    const int wanted = pt_get_num_threads();
    if (wanted != n_prepared_for) {
        stop_workers();
        start_workers(wanted);
    }
    job.task = task;
    job.context = context;
    job.n = n;
    atomic_store_explicit(&next_task, first, memory_order_relaxed);
    role = OWNER;
    open_gate();
    if (run_tasks(end)) {
        first = n;
        close_gate();
    } else {
        first = suspend();
    }
    role = OUTSIDE;
    pthread_mutex_unlock(&ownership);
    return first < n ? first : n;
}

void pt_parallel_for(pt_task task, void *context, size_t n) {
    run_job(task, context, 0, n, NO_END);
}

/* NULL: nobody is to be asked. */
static const pt_pool_question *question_for_this_thread(void) {
    const pt_pool_question *asked = atomic_load_explicit(&question, memory_order_acquire);

    return role == OUTSIDE && asked != NULL && asked->is_for_this_thread() ? asked : NULL;
}

pt_status pt_parallel_for_interruptible(pt_task task, void *context, size_t n) {
    const pt_pool_question *asked = n > 1 ? question_for_this_thread() : NULL;

    for (size_t next = 0; next < n;) {
        next = run_job(task, context, next, n, asked != NULL ? nanoseconds() + ASK_NS : NO_END);
        /* No lock is held here. Whoever answers may wait for a lock of its own (Python's) whose
         * holder waits for this job to end, to fork say; and may run jobs. */
        if (next < n && asked->is_interrupted()) {
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
    const int64_t now = nanoseconds();
    const bool is_due = *due != 0 && now >= *due;
    if (is_due || *due == 0) {
        *due = now + ASK_NS;
    }
    return is_due && asked->is_interrupted() ? PT_INTERRUPTED : PT_OK;
}
