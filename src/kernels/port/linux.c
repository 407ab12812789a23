/* linux.c: what Linux does in its own way: control groups, and where threads run. */
#define _GNU_SOURCE /* sched_getaffinity, sched_getcpu, pthread_setaffinity_np */
#include "port.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

/* -------------------------------------------------------- limits of control groups */

/* A container sees all processors and all memory of its host; its control group's files say how
 * much it may use. HUGE_VAL means no limit, and so do invalid contents, a negative limit or a
 * period of 0. tests/c/test_cgroups.c puts the files elsewhere. */
#ifndef CGROUP_MOUNT
#define CGROUP_MOUNT "/sys/fs/cgroup"
#define CGROUP_OF_PROCESS "/proc/self/cgroup"
#endif

/* Reads the first line of directory/name as integers. Returns how many it found, at most 2: "max",
 * which means no limit, is not an integer. Integers out of range become the nearest one in range.
 * */
static int read_integers(const char *directory, const char *name, long long values[2]) {
    char path[2 * PORT_MAX_PATH], line[128];
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
    char line[PORT_MAX_PATH + 256], directory[2 * PORT_MAX_PATH];
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

double port_processors(void) {
    double count = (double)sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t usable;

    if (sched_getaffinity(0, sizeof usable, &usable) == 0) { /* fails above 1024 processors */
        count = CPU_COUNT(&usable);
    }
    return fmin(count, least_limit("cpu", cpu_limit));
}

double port_memory(void) {
    const double pages = (double)sysconf(_SC_PHYS_PAGES);

    return fmin(pages * (double)sysconf(_SC_PAGESIZE), least_limit("memory", memory_limit));
}

int port_sme_bits(void) {
#if defined(__aarch64__)
    enum { HAS_SME = 1 << 23, GET_LENGTH = 64, LENGTH = 0xffff }; /* younger than some headers */
    if (getauxval(AT_HWCAP2) & HAS_SME) {
        const int length = prctl(GET_LENGTH, 0, 0, 0, 0); /* in bytes, and flags */
        return length > 0 ? (length & LENGTH) * 8 : 0;
    }
#endif
    return 0;
}

/* ------------------------------------------------------- where woken threads run */

static cpu_set_t allowed;

int port_processor(void) { return sched_getcpu(); }

void port_note_allowed(void) {
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) { /* fails above 1024 processors */
        CPU_ZERO(&allowed);
    }
}

bool port_bar(port_handle thread, int processor) {
    cpu_set_t others = allowed;

    CPU_CLR(processor, &others);
    return CPU_COUNT(&others) > 0 && pthread_setaffinity_np(thread, sizeof others, &others) == 0;
}

void port_lift_bar(void) { sched_setaffinity(0, sizeof allowed, &allowed); }
