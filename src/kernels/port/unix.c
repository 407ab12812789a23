/* unix.c: what Linux and macOS have in common, which is POSIX. */
#define _GNU_SOURCE      /* dladdr, MADV_HUGEPAGE */
#define _DARWIN_C_SOURCE /* the same on macOS */
#include "port.h"

#include <dlfcn.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* ------------------------------------------------------------------------ memory */

static char *map(size_t bytes) {
    void *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return block == MAP_FAILED ? NULL : block;
}

/* Maps alignment more bytes than requested, and unmaps what lies before and after the first aligned
 * block. */
void *port_map(size_t bytes, size_t alignment) {
    const size_t length = bytes + alignment;
    char *mapped = map(length);

    if (mapped == NULL) {
        return NULL;
    }
    const size_t before = -(uintptr_t)mapped % alignment;
    char *block = mapped + before;
    if (before > 0) {
        munmap(mapped, before);
    }
    munmap(block + bytes, length - before - bytes);
#if defined(MADV_HUGEPAGE)
    madvise(block, bytes, MADV_HUGEPAGE); /* a hint: it works without huge pages too */
#endif
    return block;
}

void port_unmap(void *block, size_t bytes) {
    /* This fails if it would cut a mapping in two and the process is at its limit of mappings. Then
     * the pages are returned, and only their addresses are lost. */
    if (munmap(block, bytes) != 0) {
        madvise(block, bytes, MADV_DONTNEED);
    }
}

bool port_can_map(size_t bytes) {
    void *block = map(bytes);

    return block != NULL && munmap(block, bytes) == 0;
}

void *port_aligned_alloc(size_t bytes, size_t alignment) {
    void *block = NULL;
    return posix_memalign(&block, alignment, bytes) == 0 ? block : NULL;
}

void port_aligned_free(void *block) { free(block); }

/* -------------------------------------------------------------------------- time */

int64_t port_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void port_sleep(int64_t nanoseconds) {
    nanosleep(&(struct timespec){.tv_sec = (time_t)(nanoseconds / 1000000000),
                                 .tv_nsec = (long)(nanoseconds % 1000000000)},
              NULL);
}

void port_sleep_forever(void) { pause(); }

void port_yield(void) { sched_yield(); }

/* --------------------------------------------------------------- processes, libraries */

bool port_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void)) {
    return pthread_atfork(before, in_parent, in_child) == 0;
}

bool port_at_exit(void (*function)(void)) { return atexit(function) == 0; }

bool port_set_environment(const char *name, const char *value) {
    return (value != NULL ? setenv(name, value, 1) : unsetenv(name)) == 0;
}

char *port_copy_string(const char *text) { return strdup(text); }

bool port_path_beside(const void *inside, const char *file, char path[PORT_MAX_PATH]) {
    Dl_info here;
    if (dladdr((void *)(uintptr_t)inside, &here) == 0) {
        return false;
    }
    const char *slash = strrchr(here.dli_fname, '/');
    const int directory = slash == NULL ? 0 : (int)(slash - here.dli_fname) + 1;
    snprintf(path, PORT_MAX_PATH, "%.*s%s", directory, here.dli_fname, file);
    return true;
}

void *port_open_library(const char *path, char *error, size_t error_bytes) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    if (library == NULL) {
        snprintf(error, error_bytes, "%s", dlerror());
    }
    return library;
}

void *port_symbol(void *library, const char *name) { return dlsym(library, name); }

/* ----------------------------------------------------------------------- threads */

port_handle port_this_thread(void) { return pthread_self(); }
