/* stress_pool.c: what pt.h promises about the thread pool, under load; run it plain and with the
 * thread, address and undefined-behaviour sanitizers. Exits 0 on success. */
#define _GNU_SOURCE
#include "check.h"
#include "port.h"
#include "pt.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if HAS_PROCESSES
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t main_process;

/* Hooks of the sanitizers: the leak check is for the main process only, since it mistakes threads
 * lost in a fork for running ones; and no process waits a second for others at its exit. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) { return getpid() != main_process; }

const char *__tsan_default_options(void);
const char *__tsan_default_options(void) { return "atexit_sleep_ms=0"; }
#endif

#define MAX_TASKS 3000

/* ------------------------------------------------------------------------ tasks */

/* counts: how often each task ran. Plain integers, so that the thread sanitizer sees whether the
 * pool orders a task's writes before the owner's reads. On the stack, since the address sanitizer's
 * malloc does not survive a fork while another thread is in it. */
typedef struct {
    unsigned counts[MAX_TASKS];
    long work; /* rounds of a loop in each task */
} run;

static void spend(long work) {
    for (volatile long i = 0; i < work; i++) {
    }
}

static void count(void *context, size_t i) {
    run *r = context;

    r->counts[i]++;
    spend(r->work);
}

static bool each_ran_once(const run *r, size_t n) {
    for (size_t i = 0; i < MAX_TASKS; i++) {
        if (r->counts[i] != (i < n)) {
            return false;
        }
    }
    return true;
}

static void check_job(size_t n, long work) {
    run r = {.work = work};

    pt_parallel_for(count, &r, n);
    CHECK(each_ran_once(&r, n));
}

/* ------------------------------------------------------------------------ tests */

static void test_each_task_once(void) {
    const size_t sizes[] = {0, 1, 2, 3, 7, 64, MAX_TASKS};

    for (int n_threads = 1; n_threads <= 9; n_threads++) {
        const int most = port_most_threads();
        pt_set_num_threads(n_threads);
        CHECK(pt_get_num_threads() == (n_threads < most ? n_threads : most));
        for (int round = 0; round < 40; round++) {
            for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
                check_job(sizes[i], round % 3 == 0 ? 200 : 0);
            }
        }
    }
    puts("every task ran exactly once, with 1 to 9 threads");
}

/* Gaps shorter and longer than the time that idle workers spin. */
static void test_gaps(void) {
    const long gaps[] = {0, 1000, 30000, 50000, 60000, 300000};

    for (int n_threads = 2; n_threads <= 4; n_threads++) {
        pt_set_num_threads(n_threads);
        for (size_t i = 0; i < sizeof gaps / sizeof gaps[0]; i++) {
            for (int round = 0; round < 150; round++) {
                check_job(5, 100);
                if (gaps[i] > 0) {
                    port_sleep(gaps[i]);
                }
            }
        }
    }
    puts("nothing is lost when workers park and wake");
}

static void nest(void *context, size_t i) {
    check_job(50 + i, 0);
    count(context, i);
}

static void set_threads(void *context, size_t i) {
    pt_set_num_threads(1 + (int)i % 4);
    count(context, i);
}

static void test_nested(void) {
    for (int round = 0; round < 50; round++) {
        run r = {.work = 0};
        pt_set_num_threads(3);
        pt_parallel_for(nest, &r, 20);
        CHECK(each_ran_once(&r, 20));
        run s = {.work = 0};
        pt_parallel_for(set_threads, &s, 20);
        CHECK(each_ran_once(&s, 20));
        check_job(100, 0);
    }
    puts("calls from inside a task run, and do not hang");
}

static void submit(void *rounds) {
    for (long i = 0; i < (long)(intptr_t)rounds; i++) {
        check_job(1 + (size_t)i % 40, i % 5 == 0 ? 2000 : 0);
    }
}

static void start_callers(port_thread *callers, int n, intptr_t rounds) {
    for (int i = 0; i < n; i++) {
        callers[i] = (port_thread){.run = submit, .argument = (void *)rounds};
        CHECK(port_start_thread(&callers[i]));
    }
}

static void test_many_callers(void) {
    port_thread callers[6];

    pt_set_num_threads(4);
    start_callers(callers, 6, 400);
    for (int i = 0; i < 120; i++) {
        pt_set_num_threads(1 + i % 5);
        port_sleep(100000);
    }
    for (int i = 0; i < 6; i++) {
        port_join_thread(&callers[i]);
    }
    puts("six threads share the pool while a seventh changes its size");
}

/* ------------------------------------------------------------------------- fork */

#if HAS_PROCESSES
/* The thread sanitizer does not know threads that a child of a process with threads starts. */
static void enter_child(void) {
#if defined(__SANITIZE_THREAD__)
    pt_set_num_threads(1);
#endif
}

/* Fails, instead of hanging, if the child does not end within a minute. */
static void expect_success(pid_t child) {
    int status = 0;

    CHECK(child > 0);
    for (int i = 0; i < 6000; i++) {
        if (waitpid(child, &status, WNOHANG) == child) {
            CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
            return;
        }
        port_sleep(10000000);
    }
    kill(child, SIGKILL);
    CHECK(!"the child hangs");
}

static void work_in_child(void) {
    enter_child();
    for (int i = 0; i < 20; i++) {
        check_job(30, 100);
    }
    const pid_t grandchild = fork();
    if (grandchild == 0) {
        check_job(30, 100);
        _Exit(0);
    }
    expect_success(grandchild);
    check_job(30, 0);
}

static void test_fork_while_busy(void) {
    port_thread callers[2];

    pt_set_num_threads(3);
    start_callers(callers, 2, 1500);
    for (int i = 0; i < 25; i++) {
        const pid_t child = fork();
        if (child == 0) {
            work_in_child();
            if (i % 2 == 0) {
                exit(0); /* with what runs at exit */
            }
            _Exit(0);
        }
        check_job(10, 0);
        expect_success(child);
    }
    for (int i = 0; i < 2; i++) {
        port_join_thread(&callers[i]);
    }
    puts("children of a busy pool compute, fork and exit");
}

typedef struct {
    run r;
    pthread_t owner;
    bool from_owner;
    _Atomic int n_forks; /* forks so far, at most 1 */
    _Atomic pid_t child;
} fork_inside;

static void fork_in_task(void *context, size_t i) {
    fork_inside *f = context;
    const bool is_owner = pthread_equal(pthread_self(), f->owner);

    count(&f->r, i);
    if (getpid() == main_process && is_owner == f->from_owner &&
        atomic_fetch_add(&f->n_forks, 1) == 0) {
        const pid_t child = fork();
        if (child == 0) {
            enter_child();
            check_job(20, 0);
        } else {
            f->child = child;
        }
    }
}

/* The owner's child ends the job on its own, with every task done once; a worker's child has lost
 * the job's owner and ends, with success, when the task returns. */
static void test_fork_in_task(void) {
    for (int round = 0; round < 40; round++) {
        fork_inside f = {.r.work = 3000, .owner = pthread_self(), .from_owner = round % 2 == 0};
        pt_set_num_threads(3);
        pt_parallel_for(fork_in_task, &f, 200);
        CHECK(each_ran_once(&f.r, 200));
        if (getpid() != main_process) {
            check_job(100, 100);
            exit(0);
        }
        if (f.child > 0) { /* on a busy machine possibly no worker came in time */
            expect_success(f.child);
        }
        check_job(100, 100);
    }
    puts("a task may fork, on the owner and on a worker");
}

#endif

/* ------------------------------------------------------------ signals and failure */

#if HAS_PROCESSES
static _Atomic int n_signals;

static void on_signal(int number) {
    (void)number;
    n_signals++;
}

/* While the main thread blocks it, a signal to the process goes to any thread that does not. */
static void test_signals(void) {
    sigset_t user_signal;

    sigemptyset(&user_signal);
    sigaddset(&user_signal, SIGUSR1);
    signal(SIGUSR1, on_signal);
    pt_set_num_threads(4);
    check_job(10, 0);
    for (int i = 0; i < 100; i++) {
        n_signals = 0;
        pthread_sigmask(SIG_BLOCK, &user_signal, NULL);
        kill(getpid(), SIGUSR1);
        check_job(10, 500);
        CHECK(n_signals == 0);
        pthread_sigmask(SIG_UNBLOCK, &user_signal, NULL);
        CHECK(n_signals == 1);
    }
    puts("signals go to the main thread");
}
#endif

#if !HAS_PROCESSES
#elif defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
static void test_too_few_threads(void) {
    puts("(not checked here, the sanitizer needs the memory: failure to start threads)");
}
#else
static int n_warnings;

static void count_warning(int n) { n_warnings += n == PT_MAX_THREADS; }

/* Must run before any thread has started: the C library keeps stacks for reuse. */
static void test_too_few_threads(void) {
    /* Address space for no thread's stack, and for a few of them: 8 MiB each, as a rule. */
    const rlim_t rooms[] = {0, (rlim_t)20 << 20};

    for (int i = 0; i < 2; i++) {
        const pid_t child = fork();
        if (child == 0) { /* since a lowered limit stays */
            long n_pages = 0;
            FILE *file = fopen("/proc/self/statm", "r");
            CHECK(file != NULL && fscanf(file, "%ld", &n_pages) == 1);
            fclose(file);
            const rlim_t bytes = (rlim_t)n_pages * (rlim_t)sysconf(_SC_PAGESIZE) + rooms[i];
            CHECK(setrlimit(RLIMIT_AS, &(struct rlimit){bytes, bytes}) == 0);
            pt_pool_on_failure(count_warning);
            pt_set_num_threads(PT_MAX_THREADS);
            for (int round = 0; round < 100; round++) {
                run r = {.work = 0};
                pt_parallel_for(count, &r, 100);
                CHECK(each_ran_once(&r, 100));
            }
            CHECK(n_warnings == 1);
            exit(0);
        }
        expect_success(child);
    }
    puts("with too few threads, or none, all tasks run, and there is one warning");
}
#endif

static int n_questions;
static int interrupted_at;

static int always(void) { return true; }

/* Does what a signal handler may do: runs jobs, and changes the number of threads. */
static int compute_and_answer(void) {
    check_job(100, 0);
    pt_set_num_threads(1 + (n_questions + 1) % 4);
    return ++n_questions == interrupted_at;
}

static void sleep_and_count(void *context, size_t i) {
    port_sleep(20000000);
    count(context, i);
}

static void test_interruptible(void) {
    const pt_pool_question question = {always, compute_and_answer};

    pt_pool_ask(&question);
    for (interrupted_at = 0; interrupted_at < 3; interrupted_at++) {
        run r = {.work = 0};
        n_questions = 0;
        pt_set_num_threads(2);
        const pt_status status = pt_parallel_for_interruptible(sleep_and_count, &r, 60);
        CHECK(status == (interrupted_at > 0 ? PT_INTERRUPTED : PT_OK));
        CHECK(interrupted_at > 0 ? n_questions == interrupted_at : n_questions > 1);
        size_t n_run = 0;
        for (size_t i = 0; i < MAX_TASKS; i++) {
            CHECK(r.counts[i] == 0 || (r.counts[i] == 1 && i < 60));
            n_run += (size_t)r.counts[i];
        }
        CHECK(interrupted_at > 0 ? n_run < 60 : n_run == 60);
        check_job(100, 0);
    }
    pt_pool_ask(NULL);
    puts("an interruptible job asks, then continues or ends");
}

int main(void) {
    setvbuf(stdout, NULL, _IONBF, 0); /* or children would print what their parent had buffered */
    port_set_environment("PYTENSOR_NUM_THREADS", "many");
    CHECK(pt_pool_error() != NULL && strstr(pt_pool_error(), "PYTENSOR_NUM_THREADS=many") != NULL);
    CHECK(pt_default_num_threads() >= 1 && pt_get_num_threads() == pt_default_num_threads());
    puts("a bad PYTENSOR_NUM_THREADS is reported");
#if HAS_PROCESSES
    main_process = getpid();
    test_too_few_threads();
#endif
    test_each_task_once();
    test_gaps();
    test_nested();
    if (port_most_threads() > 1) {
        test_many_callers();
    }
#if HAS_PROCESSES
    test_fork_while_busy();
    test_fork_in_task();
    test_signals();
#endif
    test_interruptible();
    return 0;
}
