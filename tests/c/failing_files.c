/* failing_files.c: preloaded (LD_PRELOAD) by tests/test_file_faults.py, it lets the k-th system
 * call on files below a directory fail, or ends the process there. Reads are left alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    FAIL,      /* the k-th call, with an errno */
    FAIL_FROM, /* it and all later ones; a full disk first writes half, and files can be removed */
    HALF,      /* the k-th call, if it is a write, writes half and says so */
    KILL_BEFORE,
    KILL_AFTER,
    KILL_HALF, /* the k-th call, if it is a write, writes half and is the last */
};

enum { MAX_FILES = 1024 };
static char directory[PATH_MAX];
static char paths[MAX_FILES][PATH_MAX]; /* of open files below it; else empty */
static char calls[1 << 16];             /* lines: the call and its path */
static size_t calls_length;
static long count, due;
static int how, error;
static bool is_paused;
static void (*on_rename)(const char *to);

void faults_watch(const char *path, void (*renamed)(const char *to)) {
    snprintf(directory, sizeof directory, "%s", path);
    on_rename = renamed;
}

/* k < 1: nothing fails. */
void faults_arm(long k, int its_way, int its_error) {
    due = k;
    how = its_way;
    error = its_error;
    count = 0;
    calls_length = 0;
    calls[0] = '\0';
}

const char *faults_calls(void) { return calls; }

static const char *path_of(int fd) { return fd >= 0 && fd < MAX_FILES ? paths[fd] : ""; }

static bool is_watched(const char *path) {
    const size_t length = strlen(directory);

    return length > 0 && !is_paused && strncmp(path, directory, length) == 0 &&
           (path[length] == '/' || path[length] == '\0');
}

static void kill_here(void) {
    kill(getpid(), SIGKILL);
    pause();
}

/* Notes a call. Returns whether it must fail, with errno set. */
static bool fails(const char *call, const char *path) {
    const bool removes = strncmp(call, "unlink", 6) == 0;
    int written =
        snprintf(calls + calls_length, sizeof calls - calls_length, "%s %s\n", call, path);

    if (written > 0 && calls_length + (size_t)written < sizeof calls)
        calls_length += (size_t)written;
    count++;
    if (count == due && how == KILL_BEFORE)
        kill_here();
    if (due < 1 || !((how == FAIL && count == due) || (how == FAIL_FROM && count >= due)) ||
        (how == FAIL_FROM && error == ENOSPC && removes)) {
        return false;
    }
    errno = error;
    return true;
}

static void finish(void) {
    const int before = errno;
    if (count == due && how == KILL_AFTER)
        kill_here();
    errno = before;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* A call that fails or is done. */
#define WRAP(name, parameters, arguments, path)                                                    \
    int name parameters {                                                                          \
        if (!is_watched(path))                                                                     \
            return REAL(name) arguments;                                                           \
        if (fails(#name, path))                                                                    \
            return -1;                                                                             \
        const int result = REAL(name) arguments;                                                   \
        finish();                                                                                  \
        return result;                                                                             \
    }

#define WRAP_SYNC(name)                                                                            \
    int name(int fd) {                                                                             \
        if (!is_watched(path_of(fd)))                                                              \
            return REAL(name)(fd);                                                                 \
        if (fails(#name, path_of(fd)))                                                             \
            return -1;                                                                             \
        finish(); /* no power is lost here: the test checks that the sync was requested */         \
        return 0;                                                                                  \
    }

WRAP_SYNC(fsync)
WRAP_SYNC(fdatasync)
WRAP(ftruncate, (int fd, off_t length), (fd, length), path_of(fd))
WRAP(truncate, (const char *path, off_t length), (path, length), path)
WRAP(unlink, (const char *path), (path), path)
WRAP(unlinkat, (int at, const char *path, int flags), (at, path, flags), path)
WRAP(link, (const char *from, const char *to), (from, to), to)
WRAP(symlink, (const char *from, const char *to), (from, to), to)
WRAP(mkdir, (const char *path, mode_t mode), (path, mode), path)
WRAP(rmdir, (const char *path), (path), path)

#define WRAP_RENAME(name, parameters, arguments)                                                   \
    int name parameters {                                                                          \
        if (!is_watched(to))                                                                       \
            return REAL(name) arguments;                                                           \
        char both[2 * PATH_MAX];                                                                   \
        snprintf(both, sizeof both, "%s %s", from, to);                                            \
        if (fails("rename", both))                                                                 \
            return -1;                                                                             \
        const int result = REAL(name) arguments;                                                   \
        finish();                                                                                  \
        if (result == 0 && on_rename != NULL) {                                                    \
            is_paused = true;                                                                      \
            on_rename(to);                                                                         \
            is_paused = false;                                                                     \
        }                                                                                          \
        return result;                                                                             \
    }

WRAP_RENAME(rename, (const char *from, const char *to), (from, to))
WRAP_RENAME(renameat, (int at, const char *from, int to_at, const char *to), (at, from, to_at, to))
WRAP_RENAME(renameat2, (int at, const char *from, int to_at, const char *to, unsigned int flags),
            (at, from, to_at, to, flags))

/* A call that writes `bytes`, and may write half of them. */
#define WRAP_WRITE(name, parameters, arguments, half_arguments)                                    \
    ssize_t name parameters {                                                                      \
        if (!is_watched(path_of(fd)))                                                              \
            return REAL(name) arguments;                                                           \
        const bool is_half =                                                                       \
            count + 1 == due && bytes > 1 &&                                                       \
            (how == HALF || how == KILL_HALF || (how == FAIL_FROM && error == ENOSPC));            \
        if (fails("write", path_of(fd)) && !is_half)                                               \
            return -1;                                                                             \
        const ssize_t written = is_half ? REAL(name) half_arguments : REAL(name) arguments;        \
        if (is_half && how == KILL_HALF)                                                           \
            kill_here();                                                                           \
        finish();                                                                                  \
        return written;                                                                            \
    }

WRAP_WRITE(write, (int fd, const void *from, size_t bytes), (fd, from, bytes),
           (fd, from, bytes / 2))
WRAP_WRITE(pwrite, (int fd, const void *from, size_t bytes, off_t at), (fd, from, bytes, at),
           (fd, from, bytes / 2, at))
WRAP_WRITE(writev, (int fd, const struct iovec *from, int bytes), (fd, from, bytes),
           (fd, from, bytes / 2))

/* A directory is opened to be synced. */
static bool only_reads(const char *path, int flags) {
    struct stat found;
    return (flags & (O_WRONLY | O_RDWR | O_CREAT)) == 0 &&
           (stat(path, &found) != 0 || !S_ISDIR(found.st_mode));
}

#define WRAP_OPEN(name, parameters, arguments)                                                     \
    int name parameters {                                                                          \
        mode_t mode = 0;                                                                           \
        if (flags & (O_CREAT | O_TMPFILE)) {                                                       \
            va_list rest;                                                                          \
            va_start(rest, flags);                                                                 \
            mode = (mode_t)va_arg(rest, int);                                                      \
            va_end(rest);                                                                          \
        }                                                                                          \
        if (!is_watched(path) || only_reads(path, flags))                                          \
            return REAL(name) arguments;                                                           \
        if (fails("open", path))                                                                   \
            return -1;                                                                             \
        const int fd = REAL(name) arguments;                                                       \
        if (fd >= 0 && fd < MAX_FILES)                                                             \
            snprintf(paths[fd], PATH_MAX, "%s", path);                                             \
        finish();                                                                                  \
        return fd;                                                                                 \
    }

WRAP_OPEN(open, (const char *path, int flags, ...), (path, flags, mode))
WRAP_OPEN(openat, (int at, const char *path, int flags, ...), (at, path, flags, mode))

/* Other C libraries have only one name for each of these. */
#ifdef __GLIBC__
WRAP(ftruncate64, (int fd, off64_t length), (fd, length), path_of(fd))
WRAP(truncate64, (const char *path, off64_t length), (path, length), path)
WRAP_WRITE(pwrite64, (int fd, const void *from, size_t bytes, off64_t at), (fd, from, bytes, at),
           (fd, from, bytes / 2, at))
WRAP_OPEN(open64, (const char *path, int flags, ...), (path, flags, mode))
WRAP_OPEN(openat64, (int at, const char *path, int flags, ...), (at, path, flags, mode))
#endif

/* On Linux, a close that fails has closed the file nevertheless. */
int close(int fd) {
    if (!is_watched(path_of(fd)))
        return REAL(close)(fd);
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", paths[fd]);
    paths[fd][0] = '\0';
    const bool has_failed = fails("close", path);
    const int its_error = errno, result = REAL(close)(fd);
    finish();
    if (has_failed)
        errno = its_error;
    return has_failed ? -1 : result;
}
