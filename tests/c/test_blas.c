/* test_blas.c: forks and exits beside the calls of OpenBLAS, for which no library is loaded. Exits
 * 0 when all holds. */
#define _GNU_SOURCE
#include "../../src/kernels/services/blas.c"
#include "check.h"

#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SECONDS = 10 };

/* What a thread does that arrives during the fork: before and after it sees that the door is
 * closed. Handlers before a fork run in reverse order of registration, so these run after blas.c's
 * has found no thread inside. */
static void come(void) { atomic_fetch_add(&n_inside, 1); }

static void go(void) { atomic_fetch_sub(&n_inside, 1); }

/* What the exiting thread does after blas.c's handler: this one, registered earlier, runs later. */
static void at_exit(void);

__attribute__((constructor(1000))) static void register_a_late_comer(void) {
    CHECK(pthread_atfork(come, go, NULL) == 0 && atexit(at_exit) == 0);
}

static int result_of(pid_t child) {
    int status = 0;

    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return status;
}

static void test_a_child_forks(void) {
    const pid_t child = fork();

    if (child == 0) {
        alarm(SECONDS); /* ends a child that waits for a thread of its parent */
        pt_enter_blas();
        pt_leave_blas();
        const pid_t grandchild = fork();
        _exit(grandchild == 0 ? 0 : result_of(grandchild) != 0);
    }
    CHECK(result_of(child) == 0);
    CHECK(atomic_load(&n_inside) == 0);
    puts("a child forked while a product starts can fork again");
}

static void *enter_and_leave(void *unused) {
    (void)unused;
    pt_enter_blas();
    pt_leave_blas();
    return NULL;
}

static void test_several_are_inside(void) {
    pthread_t thread;

    pt_enter_blas();
    CHECK(atomic_load(&n_buffers) == 1);
    CHECK(pthread_create(&thread, NULL, enter_and_leave, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(atomic_load(&n_buffers) == 2);
    pt_leave_blas();
    CHECK(atomic_load(&n_inside) == 0);
    puts("several threads may be inside, and memory is checked for each");
}

static atomic_bool has_left, is_watched;

static void *stay_a_while(void *entered) {
    pt_enter_blas();
    atomic_store((atomic_bool *)entered, true);
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    atomic_store(&has_left, true);
    pt_leave_blas();
    pt_enter_blas(); /* never, as the process ends */
    _Exit(1);
}

static void at_exit(void) {
    if (!atomic_load(&is_watched)) {
        return;
    }
    CHECK(atomic_load(&has_left));
    pt_enter_blas();
    pt_leave_blas();
    const pid_t child = fork();
    if (child == 0) {
        pt_enter_blas();
        _exit(0);
    }
    CHECK(result_of(child) == 0);
}

static void test_an_exit(void) {
    const pid_t child = fork();

    if (child == 0) {
        static atomic_bool has_entered;
        pthread_t thread;

        alarm(SECONDS);
        atomic_store(&is_watched, true);
        CHECK(pthread_create(&thread, NULL, stay_a_while, &has_entered) == 0);
        while (!atomic_load(&has_entered)) {
            sched_yield();
        }
        exit(0);
    }
    CHECK(result_of(child) == 0);
    puts("an exit waits for the threads inside, and then lets in only the exiting thread");
}

int main(void) {
    setvbuf(stdout, NULL, _IONBF, 0); /* or children would print what their parent had buffered */
    test_several_are_inside();
    test_a_child_forks();
    test_an_exit();
    return 0;
}
