/* windows_threads.c: threads of Windows. */
#define WIN32_LEAN_AND_MEAN
#include "port.h"

#include <windows.h>

#include <limits.h>

/* Kernels need up to 0.3 MB of it; the default is what the program's linker was told. */
#define STACK_BYTES ((size_t)1 << 20)

int port_most_threads(void) { return INT_MAX; }

static DWORD WINAPI run(void *its_thread) {
    const port_thread *thread = its_thread;

    thread->run(thread->argument);
    return 0;
}

bool port_start_thread(port_thread *thread) {
    thread->handle =
        CreateThread(NULL, STACK_BYTES, run, thread, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    return thread->handle != NULL;
}

void port_join_thread(port_thread *thread) {
    WaitForSingleObject(thread->handle, INFINITE);
    CloseHandle(thread->handle);
}
