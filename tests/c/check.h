/* check.h: what the test programs in C report failures with. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>

/* Systems with processes that fork, signals between them, and limits. */
#if defined(_WIN32) || defined(__wasm__)
#define HAS_PROCESSES 0
#else
#define HAS_PROCESSES 1
#endif

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                \
            _Exit(1);                                                                              \
        }                                                                                          \
    } while (0)

#endif
