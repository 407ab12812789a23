/* unix_threads.c: threads of POSIX. */
#define _GNU_SOURCE      /* pthread_sigmask */
#define _DARWIN_C_SOURCE /* the same on macOS */
#include "port.h"

#include <limits.h>
#include <signal.h>

/* Kernels need up to 0.3 MB, for the partial results of a long reduction. Some systems give a
 * thread less by default (musl: 128 KB). */
#define MIN_STACK_BYTES ((size_t)1 << 20)

int port_most_threads(void) { return INT_MAX; }

static void *run(void *its_thread) {
    const port_thread *thread = its_thread;

    thread->run(thread->argument);
    return NULL;
}

/* Attributes for threads, or NULL if the system's defaults will do. */
static pthread_attr_t *attributes_in(pthread_attr_t *attributes) {
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

bool port_start_thread(port_thread *thread) {
    sigset_t blocked, before;
    pthread_attr_t storage, *attributes = attributes_in(&storage);
    /* Signals are for Python's main thread, except those raised by a fault of the thread itself,
     * which a fault handler reports. */
    sigfillset(&blocked);
    sigdelset(&blocked, SIGSEGV);
    sigdelset(&blocked, SIGBUS);
    sigdelset(&blocked, SIGFPE);
    sigdelset(&blocked, SIGILL);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    const bool is_started = pthread_create(&thread->handle, attributes, run, thread) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (attributes != NULL) {
        pthread_attr_destroy(attributes);
    }
    return is_started;
}

void port_join_thread(port_thread *thread) { pthread_join(thread->handle, NULL); }
