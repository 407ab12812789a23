/* failing_memory.c: a library to preload. It counts the calls by which pytensor's extension module
 * requests memory, threads and files from the system, and makes one of them fail. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef __GLIBC__ /* its dlsym may allocate, so the real functions are called by their other names */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t n, size_t bytes);
#define REAL_MALLOC __libc_malloc
#define REAL_CALLOC __libc_calloc
#else
#define REAL_MALLOC REAL(malloc)
#define REAL_CALLOC REAL(calloc)
#endif

static int due;          /* the call that fails; 0: none */
static atomic_int count; /* the calls so far */
static char failed[64];  /* the function whose call failed */

/* Lets the k-th call from now on fail. */
void faults_arm(int k);
void faults_arm(int k) {
    due = k;
    count = 0;
}

/* The function whose call failed, or an empty string. */
const char *faults_failed(void);
const char *faults_failed(void) { return failed; }

/* Whether the call from this address is to fail. dladdr allocates nothing. */
static bool fails(const char *name, const void *caller) {
    Dl_info from;
    if (due == 0 || dladdr(caller, &from) == 0 || from.dli_fname == NULL ||
        strstr(from.dli_fname, "/pytensor/_core.") == NULL) {
        return false;
    }
    if (atomic_fetch_add(&count, 1) + 1 != due)
        return false;
    snprintf(failed, sizeof failed, "%s", name);
    errno = ENOMEM;
    return true;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FAILS(name) fails(#name, __builtin_return_address(0))

void *malloc(size_t bytes) { return FAILS(malloc) ? NULL : REAL_MALLOC(bytes); }

void *calloc(size_t n, size_t bytes) { return FAILS(calloc) ? NULL : REAL_CALLOC(n, bytes); }

int posix_memalign(void **block, size_t alignment, size_t bytes) {
    return FAILS(posix_memalign) ? ENOMEM : REAL(posix_memalign)(block, alignment, bytes);
}

void *mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset) {
    return FAILS(mmap) ? MAP_FAILED : REAL(mmap)(at, bytes, protection, flags, fd, offset);
}

char *strdup(const char *text) { return FAILS(strdup) ? NULL : REAL(strdup)(text); }

int setenv(const char *name, const char *value, int overwrite) {
    return FAILS(setenv) ? -1 : REAL(setenv)(name, value, overwrite);
}

FILE *fopen(const char *path, const char *mode) {
    return FAILS(fopen) ? NULL : REAL(fopen)(path, mode);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                   void *argument) {
    return FAILS(pthread_create) ? EAGAIN
                                 : REAL(pthread_create)(thread, attributes, start, argument);
}

#ifdef __GLIBC__
void *mmap64(void *at, size_t bytes, int protection, int flags, int fd, off64_t offset) {
    return FAILS(mmap) ? MAP_FAILED : REAL(mmap64)(at, bytes, protection, flags, fd, offset);
}

FILE *fopen64(const char *path, const char *mode) {
    return FAILS(fopen) ? NULL : REAL(fopen64)(path, mode);
}

/* What pthread_atfork, a part of each library, calls. */
int __register_atfork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void),
                      void *library);
int __register_atfork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void),
                      void *library) {
    return fails("pthread_atfork", __builtin_return_address(0))
               ? ENOMEM
               : REAL(__register_atfork)(before, in_parent, in_child, library);
}
#else
int pthread_atfork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void)) {
    return FAILS(pthread_atfork) ? ENOMEM : REAL(pthread_atfork)(before, in_parent, in_child);
}
#endif
