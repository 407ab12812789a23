/* macos.c: what macOS does in its own way. */
#define _DARWIN_C_SOURCE
#include "port.h"

#include <math.h>
#include <sys/sysctl.h>
#include <sys/types.h>
#include <unistd.h>

double port_processors(void) { return (double)sysconf(_SC_NPROCESSORS_ONLN); }

double port_memory(void) {
    uint64_t bytes = 0;
    size_t length = sizeof bytes;

    return sysctlbyname("hw.memsize", &bytes, &length, NULL, 0) == 0 ? (double)bytes : HUGE_VAL;
}

int port_sme_bits(void) {
    uint64_t bytes = 0;
    size_t length = sizeof bytes;

    return sysctlbyname("hw.optional.arm.sme_max_svl_b", &bytes, &length, NULL, 0) == 0
               ? (int)bytes * 8
               : 0;
}

/* The system places threads itself, and lets no one restrict them to processors. */
int port_processor(void) { return -1; }

void port_note_allowed(void) {}

bool port_bar(port_handle thread, int processor) {
    (void)thread, (void)processor;
    return false;
}

void port_lift_bar(void) {}
