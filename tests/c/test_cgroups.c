/* test_cgroups.c: what linux.c reads of control groups, from made-up trees of both versions. Exits 0
 * on success. */
static char mount[64], of_process[80]; /* instead of /sys/fs/cgroup and /proc/self/cgroup */
#define CGROUP_MOUNT mount
#define CGROUP_OF_PROCESS of_process
#include "../../src/kernels/port/linux.c"
#include "check.h"
#include "pt.h"

#include <ftw.h>
#include <sys/stat.h>

#define NONE HUGE_VAL
#define LONG_PATH 3000

typedef struct {
    const char *name;
    const char *groups;       /* of the process */
    const char *files[10][2]; /* path below the mount, content */
    double processors, bytes; /* the limits expected */
} tree;

static const tree trees[] = {
    {"version 2",
     "0::/a\n",
     {{"a/cpu.max", "150000 100000\n"}, {"a/memory.max", "1048576\n"}},
     1.5,
     1048576},
    {"version 2, no limit",
     "0::/a\n",
     {{"a/cpu.max", "max 100000\n"}, {"a/memory.max", "max\n"}},
     NONE,
     NONE},
    {"the tighter parent binds",
     "0::/a/b/c\n",
     {{"a/cpu.max", "100000 100000\n"},
      {"a/b/cpu.max", "max 100000\n"},
      {"a/b/c/cpu.max", "400000 100000\n"},
      {"a/memory.max", "max\n"},
      {"a/b/memory.max", "5000\n"},
      {"a/b/c/memory.max", "6000\n"}},
     1,
     5000},
    {"the tighter child binds",
     "0::/a/b\n",
     {{"a/cpu.max", "300000 100000\n"},
      {"a/b/cpu.max", "50000 100000\n"},
      {"a/memory.max", "6000\n"},
      {"a/b/memory.max", "5000\n"}},
     0.5,
     5000},
    {"a sibling does not",
     "0::/a/b\n",
     {{"a/c/cpu.max", "50000 100000\n"},
      {"a/b/cpu.max", "max 100000\n"},
      {"a/bc/memory.max", "5\n"}},
     NONE,
     NONE},
    {"in a container the path may be the host's: the root holds the limits",
     "0::/docker/0123456789abcdef\n",
     {{"cpu.max", "200000 100000\n"}, {"memory.max", "4096\n"}},
     2,
     4096},
    {"the group is the root",
     "0::/\n",
     {{"cpu.max", "200000 100000\n"}, {"memory.max", "4096\n"}},
     2,
     4096},
    {"outside of its namespace's root", "0::/../../a\n", {{"cpu.max", "200000 100000\n"}}, 2, NONE},
    {"version 1",
     "12:cpu,cpuacct:/a\n9:memory:/b\n3:cpuset:/\n",
     {{"cpu/a/cpu.cfs_quota_us", "250000\n"},
      {"cpu/a/cpu.cfs_period_us", "100000\n"},
      {"memory/b/memory.limit_in_bytes", "8192\n"}},
     2.5,
     8192},
    {"version 1, no limit",
     "4:cpuacct,cpu:/a\n5:memory:/\n",
     {{"cpu/a/cpu.cfs_quota_us", "-1\n"},
      {"cpu/a/cpu.cfs_period_us", "100000\n"},
      {"memory/memory.limit_in_bytes", "9223372036854771712\n"}},
     NONE,
     9223372036854771712.0},
    {"version 1, the parent is tighter",
     "2:memory:/a/b\n1:cpu:/a/b\n",
     {{"cpu/a/cpu.cfs_quota_us", "100000\n"},
      {"cpu/a/cpu.cfs_period_us", "50000\n"},
      {"cpu/a/b/cpu.cfs_quota_us", "300000\n"},
      {"cpu/a/b/cpu.cfs_period_us", "100000\n"},
      {"memory/a/memory.limit_in_bytes", "7\n"},
      {"memory/a/b/memory.limit_in_bytes", "8\n"}},
     2,
     7},
    {"both versions, as systemd's hybrid mode has them",
     "3:cpu:/a\n1:name=systemd:/x\n0::/x\n",
     {{"cpu/a/cpu.cfs_quota_us", "70000\n"},
      {"cpu/a/cpu.cfs_period_us", "100000\n"},
      {"unified/x/memory.max", "5\n"}},
     0.7,
     NONE},
    {"controllers whose names contain the name",
     "3:cpuset,cpuacct:/a\n4:memoryx:/a\n5:xmemory:/a\n",
     {{"cpu/a/cpu.cfs_quota_us", "70000\n"},
      {"cpu/a/cpu.cfs_period_us", "100000\n"},
      {"memory/a/memory.limit_in_bytes", "5\n"}},
     NONE,
     NONE},
    {"spaces, colons, backslashes, percent signs, bytes of UTF-8",
     "0::/a b:c\\040%s\xc3\xa4\n",
     {{"a b:c\\040%s\xc3\xa4/cpu.max", "300000 100000\n"},
      {"a b:c\\040%s\xc3\xa4/memory.max", "9\n"}},
     3,
     9},
    {"a group that was removed",
     "0::/a/b (deleted)\n",
     {{"a/cpu.max", "300000 100000\n"}},
     3,
     NONE},
    {"empty files",
     "0::/a\n1:cpu:/\n",
     {{"a/cpu.max", ""},
      {"a/memory.max", ""},
      {"cpu/cpu.cfs_quota_us", ""},
      {"cpu/cpu.cfs_period_us", ""}},
     NONE,
     NONE},
    {"words",
     "0::/a\n",
     {{"a/cpu.max", "many processors\n"}, {"a/memory.max", "much\n"}},
     NONE,
     NONE},
    {"half a line", "0::/a\n", {{"a/cpu.max", "100000"}, {"a/memory.max", "77"}}, NONE, 77},
    {"a period of 0",
     "0::/a\n1:cpu:/\n",
     {{"a/cpu.max", "100000 0\n"},
      {"cpu/cpu.cfs_quota_us", "100000\n"},
      {"cpu/cpu.cfs_period_us", "0\n"}},
     NONE,
     NONE},
    {"negative ones",
     "0::/a\n",
     {{"a/cpu.max", "-100000 100000\n"}, {"a/memory.max", "-1\n"}},
     NONE,
     NONE},
    {"no memory at all", "0::/a\n", {{"a/memory.max", "0\n"}}, NONE, 0},
    {"huge ones",
     "0::/a\n",
     {{"a/cpu.max", "99999999999999999999999999 1\n"},
      {"a/memory.max", "99999999999999999999999999\n"}},
     9223372036854775807.0,
     9223372036854775807.0},
    {"no period", "1:cpu:/a\n", {{"cpu/a/cpu.cfs_quota_us", "100000\n"}}, NONE, NONE},
    {"no files", "0::/a\n1:cpu,memory:/b\n", {{0}}, NONE, NONE},
    {"no group", "", {{"cpu.max", "100000 100000\n"}}, NONE, NONE},
    {"no such file", NULL, {{"cpu.max", "100000 100000\n"}}, NONE, NONE},
    {"lines in another format",
     "nonsense\n0:\n\n:\n::\n0::/a\n",
     {{"a/cpu.max", "200000 100000\n"}},
     2,
     NONE},
    {"no end of line", "0::/a", {{"a/cpu.max", "200000 100000\n"}}, 2, NONE},
};

static void write_file(const char *path, const char *content) {
    FILE *file = fopen(path, "w");

    CHECK(file != NULL && fputs(content, file) >= 0 && fclose(file) == 0);
}

/* The file, and the directories that it lies in. */
static void write_below_mount(const char *name, const char *content) {
    char path[sizeof mount + LONG_PATH + 64];

    snprintf(path, sizeof path, "%s/%s", mount, name);
    for (char *end = path + strlen(mount) + 1; (end = strchr(end, '/')) != NULL; *end++ = '/') {
        *end = '\0';
        CHECK(mkdir(path, 0700) == 0 || access(path, X_OK) == 0);
    }
    write_file(path, content);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *at) {
    (void)status, (void)type, (void)at;
    return remove(path);
}

static void make_place(void) {
    snprintf(mount, sizeof mount, "/tmp/pytensor-cgroups-XXXXXX");
    CHECK(mkdtemp(mount) != NULL);
    snprintf(of_process, sizeof of_process, "%s/process", mount);
}

static void remove_place(void) { CHECK(nftw(mount, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0); }

static void check_limits(const char *name, double processors, double bytes) {
    const double physical = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    const double found_processors = least_limit("cpu", cpu_limit);
    const double found_bytes = least_limit("memory", memory_limit);

    if (found_processors != processors || found_bytes != bytes) {
        fprintf(stderr, "%s: found %g processors and %g bytes: expected %g and %g\n", name,
                found_processors, found_bytes, processors, bytes);
        _Exit(1);
    }
    CHECK(pt_cpu_count() >= 1 && pt_cpu_count() <= fmax(1, ceil(processors)));
    CHECK(pt_memory_size() == (size_t)fmin(bytes, physical));
}

int main(void) {
    for (size_t i = 0; i < sizeof trees / sizeof trees[0]; i++) {
        const tree *t = &trees[i];
        make_place();
        if (t->groups != NULL) {
            write_file(of_process, t->groups);
        }
        for (size_t f = 0; f < 10 && t->files[f][0] != NULL; f++) {
            write_below_mount(t->files[f][0], t->files[f][1]);
        }
        check_limits(t->name, t->processors, t->bytes);
        remove_place();
    }

    /* A path of maximal length; a name in it has at most 255 bytes. */
    char path[LONG_PATH + 16], line[sizeof path + 16];
    make_place();
    for (size_t i = 0; i < LONG_PATH; i++) {
        path[i] = i % 200 == 199 ? '/' : 'x';
    }
    snprintf(line, sizeof line, "0::/%.*s\n", LONG_PATH - 1, path);
    write_file(of_process, line);
    snprintf(path + LONG_PATH, sizeof path - LONG_PATH, "cpu.max");
    write_below_mount(path, "300000 100000\n");
    check_limits("a long path", 3, NONE);
    remove_place();
    puts("limits of control groups are read, and other contents mean no limit");
    return 0;
}
