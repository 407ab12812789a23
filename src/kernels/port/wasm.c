/* wasm.c: WebAssembly with WASI: one thread, one process, no libraries, 32-bit addresses. */
#define _GNU_SOURCE /* clock_gettime, setenv, strdup */
#include "port.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* There are no pages to share or to align with, so a cache line is enough. */
enum { ALIGNMENT = 64 };

void *port_map(size_t bytes, size_t alignment) {
    (void)alignment;
    void *block = port_aligned_alloc(bytes, ALIGNMENT);
    return block != NULL ? memset(block, 0, bytes) : NULL;
}

void port_unmap(void *block, size_t bytes) {
    (void)bytes;
    free(block);
}

bool port_can_map(size_t bytes) {
    void *block = malloc(bytes);

    free(block);
    return block != NULL;
}

void *port_aligned_alloc(size_t bytes, size_t alignment) {
    return bytes <= SIZE_MAX - alignment
               ? aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment)
               : NULL;
}

void port_aligned_free(void *block) { free(block); }

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

void port_sleep_forever(void) { abort(); } /* on one thread, nothing waits for another */

void port_yield(void) {}

double port_processors(void) { return 1; }

double port_memory(void) { return HUGE_VAL; }

int port_sme_bits(void) { return 0; }

bool port_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void)) {
    (void)before, (void)in_parent, (void)in_child;
    return true;
}

bool port_at_exit(void (*function)(void)) { return atexit(function) == 0; }

bool port_set_environment(const char *name, const char *value) {
    return (value != NULL ? setenv(name, value, 1) : unsetenv(name)) == 0;
}

char *port_copy_string(const char *text) { return strdup(text); }

bool port_path_beside(const void *inside, const char *file, char path[PORT_MAX_PATH]) {
    (void)inside, (void)file, (void)path;
    return false;
}

void *port_open_library(const char *path, char *error, size_t error_bytes) {
    snprintf(error, error_bytes, "%s: WebAssembly has no libraries to load", path);
    return NULL;
}

void *port_symbol(void *library, const char *name) {
    (void)library, (void)name;
    return NULL;
}

int port_processor(void) { return -1; }

port_handle port_this_thread(void) { return 0; }

void port_note_allowed(void) {}

bool port_bar(port_handle thread, int processor) {
    (void)thread, (void)processor;
    return false;
}

void port_lift_bar(void) {}
