/* windows.c: everything but threads on Windows 8 and later. */
#define WIN32_LEAN_AND_MEAN
#if !defined(_WIN32_WINNT)
#define _WIN32_WINNT 0x0602
#endif
#include "port.h"

#include <windows.h>

#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------ memory */

/* A reservation is released as a whole, so it must begin at the aligned address: that is found in a
 * larger one, which is released first. If another thread takes the place meanwhile, look again. */
void *port_map(size_t bytes, size_t alignment) {
    for (int i = 0; i < 100; i++) {
        char *reserved = VirtualAlloc(NULL, bytes + alignment, MEM_RESERVE, PAGE_NOACCESS);
        if (reserved == NULL) {
            return NULL;
        }
        char *aligned = reserved + -(uintptr_t)reserved % alignment;
        VirtualFree(reserved, 0, MEM_RELEASE);
        char *block = VirtualAlloc(aligned, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
        if (block != NULL) {
            return block;
        }
        if (GetLastError() != ERROR_INVALID_ADDRESS) {
            return NULL;
        }
    }
    return NULL;
}

void port_unmap(void *block, size_t bytes) {
    (void)bytes;
    VirtualFree(block, 0, MEM_RELEASE);
}

bool port_can_map(size_t bytes) {
    void *block = VirtualAlloc(NULL, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);

    return block != NULL && VirtualFree(block, 0, MEM_RELEASE);
}

void *port_aligned_alloc(size_t bytes, size_t alignment) {
    return _aligned_malloc(bytes > 0 ? bytes : 1, alignment);
}

void port_aligned_free(void *block) { _aligned_free(block); }

/* -------------------------------------------------------------------------- time */

int64_t port_nanoseconds(void) {
    LARGE_INTEGER frequency, ticks;

    QueryPerformanceFrequency(&frequency); /* a constant, read from a page of the process */
    QueryPerformanceCounter(&ticks);
    const int64_t seconds = ticks.QuadPart / frequency.QuadPart;
    const int64_t rest = ticks.QuadPart % frequency.QuadPart;
    return seconds * 1000000000 + rest * 1000000000 / frequency.QuadPart;
}

void port_sleep(int64_t nanoseconds) { Sleep((DWORD)((nanoseconds + 999999) / 1000000)); }

void port_sleep_forever(void) { Sleep(INFINITE); }

void port_yield(void) { SwitchToThread(); }

/* ------------------------------------------------------------- the process's share */

/* What a job object, Windows's control group, allows of the machine. */
double port_processors(void) {
    DWORD_PTR ours = 0, all = 0;
    JOBOBJECT_CPU_RATE_CONTROL_INFORMATION rate = {0};
    double count = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);

    /* 0 where the process has threads in several groups, of 64 processors each */
    if (GetProcessAffinityMask(GetCurrentProcess(), &ours, &all) && ours != 0 && ours != all) {
        count = __builtin_popcountll(ours);
    }
    if (QueryInformationJobObject(NULL, JobObjectCpuRateControlInformation, &rate, sizeof rate,
                                  NULL) &&
        (rate.ControlFlags & JOB_OBJECT_CPU_RATE_CONTROL_ENABLE) &&
        (rate.ControlFlags & JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP)) {
        const double machine = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
        count = fmin(count, machine * rate.CpuRate / 10000); /* in hundredths of a per cent */
    }
    return count;
}

double port_memory(void) {
    MEMORYSTATUSEX status = {.dwLength = sizeof status};
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION job = {0};
    double bytes = GlobalMemoryStatusEx(&status) ? (double)status.ullTotalPhys : HUGE_VAL;

    if (QueryInformationJobObject(NULL, JobObjectExtendedLimitInformation, &job, sizeof job,
                                  NULL)) {
        const DWORD flags = job.BasicLimitInformation.LimitFlags;
        if (flags & JOB_OBJECT_LIMIT_PROCESS_MEMORY) {
            bytes = fmin(bytes, (double)job.ProcessMemoryLimit);
        }
        if (flags & JOB_OBJECT_LIMIT_JOB_MEMORY) {
            bytes = fmin(bytes, (double)job.JobMemoryLimit);
        }
    }
    return bytes;
}

int port_sme_bits(void) { return 0; }

/* --------------------------------------------------------------- processes, libraries */

/* No process is ever a copy of another. */
bool port_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void)) {
    (void)before, (void)in_parent, (void)in_child;
    return true;
}

/* When a library's exit handlers run, all other threads have been ended, wherever they were, and
 * none can be waited for. */
bool port_at_exit(void (*function)(void)) {
    (void)function;
    return true;
}

/* Changes the C library's copy of the environment and the process's: OpenBLAS reads the latter. */
bool port_set_environment(const char *name, const char *value) {
    return _putenv_s(name, value != NULL ? value : "") == 0;
}

char *port_copy_string(const char *text) { return _strdup(text); }

/* Paths are in UTF-8 here; the system takes UTF-16. */
bool port_path_beside(const void *inside, const char *file, char path[PORT_MAX_PATH]) {
    HMODULE module = NULL;
    wchar_t wide[PORT_MAX_PATH];
    const DWORD flags =
        GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;

    if (!GetModuleHandleExW(flags, (const wchar_t *)inside, &module)) {
        return false;
    }
    const DWORD length = GetModuleFileNameW(module, wide, PORT_MAX_PATH);
    if (length == 0 || length == PORT_MAX_PATH) {
        return false;
    }
    wchar_t *backslash = wcsrchr(wide, L'\\');
    *(backslash == NULL ? wide : backslash + 1) = L'\0';
    if (WideCharToMultiByte(CP_UTF8, 0, wide, -1, path, PORT_MAX_PATH, NULL, NULL) == 0) {
        return false;
    }
    const size_t directory = strlen(path);
    return snprintf(path + directory, PORT_MAX_PATH - directory, "%s", file) <
           (int)(PORT_MAX_PATH - directory);
}

void *port_open_library(const char *path, char *error, size_t error_bytes) {
    wchar_t wide[PORT_MAX_PATH];
    void *library = NULL;

    if (MultiByteToWideChar(CP_UTF8, 0, path, -1, wide, PORT_MAX_PATH) > 0) {
        library = (void *)LoadLibraryExW(
            wide, NULL, LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_DEFAULT_DIRS);
    }
    if (library == NULL) {
        snprintf(error, error_bytes, "%s: Windows's error %lu", path, GetLastError());
    }
    return library;
}

void *port_symbol(void *library, const char *name) {
    return (void *)(uintptr_t)GetProcAddress((HMODULE)library, name);
}

/* ------------------------------------------------------------------------- locks */

_Static_assert(sizeof(port_mutex) == sizeof(SRWLOCK), "a lock is one word");
_Static_assert(sizeof(port_condition) == sizeof(CONDITION_VARIABLE), "so is a condition");
_Static_assert(sizeof(port_once) == sizeof(INIT_ONCE), "and what is called once");

void port_lock(port_mutex *mutex) { AcquireSRWLockExclusive((SRWLOCK *)mutex); }

bool port_try_lock(port_mutex *mutex) { return TryAcquireSRWLockExclusive((SRWLOCK *)mutex); }

void port_unlock(port_mutex *mutex) { ReleaseSRWLockExclusive((SRWLOCK *)mutex); }

void port_wait(port_condition *condition, port_mutex *mutex) {
    SleepConditionVariableSRW((CONDITION_VARIABLE *)condition, (SRWLOCK *)mutex, INFINITE, 0);
}

void port_wake_one(port_condition *condition) {
    WakeConditionVariable((CONDITION_VARIABLE *)condition);
}

void port_wake_all(port_condition *condition) {
    WakeAllConditionVariable((CONDITION_VARIABLE *)condition);
}

static BOOL CALLBACK call(INIT_ONCE *once, void *function, void **unused) {
    (void)once, (void)unused;
    (*(void (**)(void))function)();
    return TRUE;
}

void port_call_once(port_once *once, void (*function)(void)) {
    InitOnceExecuteOnce((INIT_ONCE *)once, call, &function, NULL);
}

/* ----------------------------------------------------------------------- threads */

/* The scheduler spreads woken threads itself. */
int port_processor(void) { return -1; }

port_handle port_this_thread(void) { return NULL; }

void port_note_allowed(void) {}

bool port_bar(port_handle thread, int processor) {
    (void)thread, (void)processor;
    return false;
}

void port_lift_bar(void) {}
