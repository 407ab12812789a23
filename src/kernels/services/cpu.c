/* cpu.c: the machine's instruction sets, processors and memory. */
#define _GNU_SOURCE /* sched_getaffinity, CPU_COUNT */
#include "pt.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__x86_64__)
#include <cpuid.h>
#endif

/* --------------------------------------------------------------- instruction sets */

#if defined(__x86_64__)
static const char *const isa_names[] = {"baseline", "avx2", "avx512"};

static uint64_t extended_control_register(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static bool has_all(uint64_t bits, uint64_t wanted) { return (bits & wanted) == wanted; }

/* CPUID reports the processor's features; XGETBV, which registers the operating system saves when
 * it switches threads. An instruction is usable only if both allow it. */
static int detect_level(void) {
    /* Bits of XCR0: 1 XMM, 2 upper halves of YMM, 5 mask registers, 6 and 7 the parts of ZMM. */
    const uint64_t ymm_state = 1u << 1 | 1u << 2;
    const uint64_t zmm_state = ymm_state | 1u << 5 | 1u << 6 | 1u << 7;
    /* LZCNT and MOVBE are part of x86-64-v3 too: the compiler may use them, so check them. */
    const uint64_t v3_leaf1_c = bit_FMA | bit_F16C | bit_MOVBE | bit_AVX | bit_OSXSAVE;
    const uint64_t v3_leaf7_b = bit_AVX2 | bit_BMI | bit_BMI2;
    const uint64_t v4_leaf7_b =
        bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | (uint64_t)bit_AVX512VL;
    uint32_t a, b, c, d;

    if (!__get_cpuid(1, &a, &b, &c, &d) || !has_all(c, v3_leaf1_c)) {
        return 0;
    }
    const uint64_t state = extended_control_register(); /* allowed: OSXSAVE is set */
    if (!__get_cpuid(0x80000001, &a, &b, &c, &d) || !has_all(c, bit_LZCNT)) {
        return 0;
    }
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !has_all(b, v3_leaf7_b) ||
        !has_all(state, ymm_state)) {
        return 0;
    }
    return has_all(b, v4_leaf7_b & UINT32_MAX) && has_all(state, zmm_state) ? 2 : 1;
}
#else
#if defined(__aarch64__)
static const char *const isa_names[] = {"neon"};
#else
static const char *const isa_names[] = {"baseline"};
#endif

static int detect_level(void) { return 0; }
#endif

static pthread_once_t isa_once = PTHREAD_ONCE_INIT;
static int isa_level;
static char isa_error[160];

static void decide_isa(void) {
    const int n_levels = (int)(sizeof isa_names / sizeof isa_names[0]);
    const char *wanted = getenv("PYTENSOR_ISA");

    isa_level = detect_level();
    if (wanted == NULL || wanted[0] == '\0') {
        return;
    }
    int level = strcmp(wanted, "baseline") == 0 ? 0 : n_levels;
    for (int i = 0; i < n_levels; i++) {
        if (strcmp(wanted, isa_names[i]) == 0) {
            level = i;
        }
    }
    if (level <= isa_level) {
        isa_level = level;
        return;
    }
    snprintf(isa_error, sizeof isa_error,
             "PYTENSOR_ISA=%.32s: not an instruction set of this machine; using %s", wanted,
             isa_names[isa_level]);
}

int pt_isa_level(void) {
    pthread_once(&isa_once, decide_isa);
    return isa_level;
}

const char *pt_isa_name(void) { return isa_names[pt_isa_level()]; }

const char *pt_isa_error(void) {
    (void)pt_isa_level();
    return isa_error[0] != '\0' ? isa_error : NULL;
}

/* --------------------------------------------- limits of the Linux control groups */

/* A container sees all processors and all memory of its host; its control group's files say how
 * much it may use. HUGE_VAL means no limit, and so do invalid contents, a negative limit or a
 * period of 0. tests/c/test_cgroups.c puts the files elsewhere. */
#ifndef CGROUP_MOUNT
#define CGROUP_MOUNT "/sys/fs/cgroup"
#define CGROUP_OF_PROCESS "/proc/self/cgroup"
#endif
enum { MAX_PATH = 4096 }; /* Linux's limit */

/* Reads the first line of directory/name as integers. Returns how many it found, at most 2: "max",
 * which means no limit, is not an integer. Integers out of range become the nearest one in range.
 * */
static int read_integers(const char *directory, const char *name, long long values[2]) {
    char path[2 * MAX_PATH], line[128];
    int n_read = 0;

    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return 0;
    }
    if (fgets(line, sizeof line, file) != NULL) {
        for (char *next = line, *end; n_read < 2; n_read++, next = end) {
            const long long value = strtoll(next, &end, 10); /* scanf: undefined out of range */
            if (end == next) {
                break;
            }
            values[n_read] = value;
        }
    }
    fclose(file);
    return n_read;
}

static double cpu_limit(const char *directory) {
    long long values[2], period[2];

    if (read_integers(directory, "cpu.max", values) == 2 && values[0] > 0 &&
        values[1] > 0) { /* version 2 */
        return (double)values[0] / (double)values[1];
    }
    if (read_integers(directory, "cpu.cfs_quota_us", values) == 1 && values[0] > 0 &&
        read_integers(directory, "cpu.cfs_period_us", period) == 1 && period[0] > 0) {
        return (double)values[0] / (double)period[0];
    }
    return HUGE_VAL;
}

static double memory_limit(const char *directory) {
    long long values[2];

    if ((read_integers(directory, "memory.max", values) == 1 || /* version 2 */
         read_integers(directory, "memory.limit_in_bytes", values) == 1) &&
        values[0] >= 0) {
        return (double)values[0];
    }
    return HUGE_VAL;
}

/* Whether name is in a list such as "cpu,cpuacct". */
static bool in_list(const char *list, const char *name) {
    const size_t length = strlen(name);

    for (const char *item = list; item != NULL; item = strchr(item, ',')) {
        item += *item == ',';
        if (strncmp(item, name, length) == 0 && (item[length] == ',' || item[length] == '\0')) {
            return true;
        }
    }
    return false;
}

/* The lowest limit of our control group and its ancestors, all of which apply. Inside a container
 * the group's path may be the host's; then only the root exists here, and holds our limit. */
static double least_limit(const char *controller, double (*limit_of)(const char *directory)) {
    double least = HUGE_VAL;
    char line[MAX_PATH + 256], directory[2 * MAX_PATH];
    FILE *groups = fopen(CGROUP_OF_PROCESS, "re");

    while (groups != NULL && fgets(line, sizeof line, groups) != NULL) {
        /* id:controllers:path. Version 2 lists no controllers; version 1 has a tree for each. */
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *path = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
        if (path == NULL) {
            continue;
        }
        *path++ = '\0';
        controllers++;
        const bool version_2 = controllers[0] == '\0';
        if (!version_2 && !in_list(controllers, controller)) {
            continue;
        }
        const int root = snprintf(directory, sizeof directory, "%s%s%s", CGROUP_MOUNT,
                                  version_2 ? "" : "/", version_2 ? "" : controller);
        snprintf(directory + root, sizeof directory - (size_t)root, "%s", path);
        for (char *end = directory; end != NULL;) {
            least = fmin(least, limit_of(directory));
            end = strrchr(directory + root, '/');
            if (end != NULL) {
                *end = '\0';
            }
        }
    }
    if (groups != NULL) {
        fclose(groups);
    }
    return least;
}

int pt_cpu_count(void) {
    double count = (double)sysconf(_SC_NPROCESSORS_ONLN);
#if defined(__linux__)
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) { /* fails above 1024 processors */
        count = CPU_COUNT(&allowed);
    }
#endif
    /* Rounded up: on 1.5 processors, two threads finish sooner than one. */
    count = fmin(count, ceil(least_limit("cpu", cpu_limit)));
    return count < 1 ? 1 : (int)count;
}

size_t pt_memory_size(void) {
    const double pages = (double)sysconf(_SC_PHYS_PAGES);
    const double bytes =
        fmin(pages * (double)sysconf(_SC_PAGESIZE), least_limit("memory", memory_limit));

    return bytes < 1 ? 0 : (size_t)bytes;
}
