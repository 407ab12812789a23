/* no_threads.c: for builds without threads. The caller of a kernel does all of its work. */
#include "port.h"

int port_most_threads(void) { return 1; }

bool port_start_thread(port_thread *thread) {
    (void)thread;
    return false;
}

void port_join_thread(port_thread *thread) { (void)thread; }
