/* port.h: what the kernels ask of the operating system.
 *
 * Only the files of this folder know which system they run on; all others are standard C11.
 *   unix.c            what Linux and macOS have in common
 *   linux.c           processors, control groups, where woken threads run
 *   macos.c           processors and memory
 *   windows.c         all but threads
 *   wasm.c            WebAssembly, which has neither processes nor libraries
 *   unix_threads.c, windows_threads.c, no_threads.c: starting threads; the last for builds without
 * src/kernels/meson.build chooses among them. */
#ifndef PORT_H
#define PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ------------------------------------------------------------------------ memory */

/* Returns memory at a multiple of alignment (WebAssembly: of 64), on huge pages where the system
 * has them; NULL if there is none. */
void *port_map(size_t bytes, size_t alignment);
void port_unmap(void *block, size_t bytes);
/* Whether that much memory could be mapped now. */
bool port_can_map(size_t bytes);
/* malloc and free with an alignment. */
void *port_aligned_alloc(size_t bytes, size_t alignment);
void port_aligned_free(void *block);

/* -------------------------------------------------------------------------- time */

int64_t port_nanoseconds(void); /* since some moment; never set back */
void port_sleep(int64_t nanoseconds);
void port_sleep_forever(void);
void port_yield(void); /* lets another thread have the processor */

/* ------------------------------------------------------------- the process's share */

/* The processors (a fraction, if time on them is limited) and bytes of memory that this process may
 * use: the machine's, the affinity's and the control group's limits. HUGE_VAL if unknown. */
double port_processors(void);
double port_memory(void);
/* The bits of a vector of Arm's Scalable Matrix Extension; 0 without it. */
int port_sme_bits(void);

/* --------------------------------------------------------------- processes, libraries */

/* As pthread_atfork. Returns whether there was memory for it. */
bool port_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void));
/* Lets a function run at exit, while other threads still run; where the system ends them first, it
 * is not called. Returns whether there was memory for it. */
bool port_at_exit(void (*function)(void));
/* NULL as value removes the variable. Returns whether that worked. */
bool port_set_environment(const char *name, const char *value);
char *port_copy_string(const char *text); /* for free; NULL if there is no memory */

enum { PORT_MAX_PATH = 4096 };
/* The path of a file beside the library or program that holds the function `inside`. */
bool port_path_beside(const void *inside, const char *file, char path[PORT_MAX_PATH]);
/* NULL if it failed: then error says why. */
void *port_open_library(const char *path, char *error, size_t error_bytes);
void *port_symbol(void *library, const char *name); /* NULL if it has none of that name */

/* Runs when the library is loaded; when it is unloaded or the process ends. Not on Windows, which
 * has ended the other threads by then. */
#define PORT_AT_LOAD __attribute__((constructor))
#if defined(_WIN32)
#define PORT_AT_UNLOAD
#else
#define PORT_AT_UNLOAD __attribute__((destructor))
#endif

/* ------------------------------------------------------------------------- locks */

/* Initialised by PORT_MUTEX, PORT_CONDITION and PORT_ONCE. */
#if defined(_WIN32)
typedef struct {
    void *word;
} port_mutex, port_condition, port_once;
typedef void *port_handle;
#define PORT_MUTEX {NULL}
#define PORT_CONDITION {NULL}
#define PORT_ONCE {NULL}
void port_lock(port_mutex *mutex);
bool port_try_lock(port_mutex *mutex);
void port_unlock(port_mutex *mutex);
void port_wait(port_condition *condition, port_mutex *mutex);
void port_wake_one(port_condition *condition);
void port_wake_all(port_condition *condition);
void port_call_once(port_once *once, void (*function)(void));
#elif defined(__wasm__)
/* One thread: a lock is never held by another, and nobody could end a wait. */
typedef struct {
    bool is_done;
} port_mutex, port_condition, port_once;
typedef int port_handle;
#define PORT_MUTEX {false}
#define PORT_CONDITION {false}
#define PORT_ONCE {false}
static inline void port_lock(port_mutex *mutex) { (void)mutex; }
static inline bool port_try_lock(port_mutex *mutex) { return mutex != NULL; }
static inline void port_unlock(port_mutex *mutex) { (void)mutex; }
static inline void port_wait(port_condition *condition, port_mutex *mutex) {
    (void)condition, (void)mutex;
}
static inline void port_wake_one(port_condition *condition) { (void)condition; }
static inline void port_wake_all(port_condition *condition) { (void)condition; }
static inline void port_call_once(port_once *once, void (*function)(void)) {
    if (!once->is_done) {
        once->is_done = true;
        function();
    }
}
#else
#include <pthread.h>
typedef pthread_mutex_t port_mutex;
typedef pthread_cond_t port_condition;
typedef pthread_once_t port_once;
typedef pthread_t port_handle;
#define PORT_MUTEX PTHREAD_MUTEX_INITIALIZER
#define PORT_CONDITION PTHREAD_COND_INITIALIZER
#define PORT_ONCE PTHREAD_ONCE_INIT
static inline void port_lock(port_mutex *mutex) { pthread_mutex_lock(mutex); }
static inline bool port_try_lock(port_mutex *mutex) { return pthread_mutex_trylock(mutex) == 0; }
static inline void port_unlock(port_mutex *mutex) { pthread_mutex_unlock(mutex); }
static inline void port_wait(port_condition *condition, port_mutex *mutex) {
    pthread_cond_wait(condition, mutex);
}
static inline void port_wake_one(port_condition *condition) { pthread_cond_signal(condition); }
static inline void port_wake_all(port_condition *condition) { pthread_cond_broadcast(condition); }
static inline void port_call_once(port_once *once, void (*function)(void)) {
    pthread_once(once, function);
}
#endif

/* ----------------------------------------------------------------------- threads */

typedef struct {
    port_handle handle;
    void (*run)(void *argument);
    void *argument;
} port_thread;

/* The most threads a program can use, itself included; 1 in builds without threads. */
int port_most_threads(void);
/* Starts thread->run(thread->argument), where *thread stays until it has been joined. The thread
 * takes no signals but those of its own faults, and has a stack of a megabyte or more. Returns
 * false if the system refuses. */
bool port_start_thread(port_thread *thread);
void port_join_thread(port_thread *thread);

/* Where woken threads run: Linux's scheduler needs help (see pool.c). On other systems
 * port_processor returns -1, and the functions below are never called.
 *
 * The caller of these holds one lock for all. */
int port_processor(void); /* on which the calling thread runs */
port_handle port_this_thread(void);
/* Notes the processors that the calling thread may use; from then on they are the allowed ones. */
void port_note_allowed(void);
/* Restricts a thread to the allowed processors but one. Returns whether that left any. */
bool port_bar(port_handle thread, int processor);
void port_lift_bar(void); /* gives the calling thread all allowed processors again */

#endif
