/* cpu.c: the machine's instruction sets, processors and memory. */
#include "port.h"
#include "pt.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static port_once isa_once = PORT_ONCE;
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
    port_call_once(&isa_once, decide_isa);
    return isa_level;
}

const char *pt_isa_name(void) { return isa_names[pt_isa_level()]; }

const char *pt_isa_error(void) {
    (void)pt_isa_level();
    return isa_error[0] != '\0' ? isa_error : NULL;
}

/* ---------------------------------------------------------- caches and FMA units */

enum { DEFAULT_L2_BYTES = 512 << 10 };

#if defined(__x86_64__)
static bool is_amd(void) {
    uint32_t a, b, c, d;
    return __get_cpuid(0, &a, &b, &c, &d) && b == signature_AMD_ebx;
}

/* The caches are listed in leaf 4, on AMD's processors in one of their own. */
static size_t cache_bytes(uint32_t level) {
    const uint32_t leaf = is_amd() ? 0x8000001d : 4;
    uint32_t a, b, c, d;

    for (uint32_t i = 0; __get_cpuid_count(leaf, i, &a, &b, &c, &d) && (a & 31) != 0; i++) {
        if ((a >> 5 & 7) == level && (a & 31) != 2) { /* 2: instructions */
            return ((size_t)(b >> 22) + 1) * ((b >> 12 & 0x3ff) + 1) * ((b & 0xfff) + 1) *
                   ((size_t)c + 1);
        }
    }
    return 0;
}

/* CPUID does not tell. With AVX2 all have two. With AVX-512, Intel's servers have two (some of the
 * smaller ones of the first generations one), AMD's Zen 4 one, that is two of half the width. */
static int count_fma_units(void) {
    enum { ZEN_4_FAMILY = 0x19 };
    uint32_t a, b, c, d;

    if (pt_isa_level() == 2 && is_amd() && __get_cpuid(1, &a, &b, &c, &d)) {
        return (a >> 8 & 15) + (a >> 20 & 255) <= ZEN_4_FAMILY ? 1 : 2;
    }
    return 2;
}
#else
static size_t cache_bytes(uint32_t level) {
    (void)level;
    return 0;
}

static int count_fma_units(void) { return 2; }
#endif

/* Asked once: on a virtual machine CPUID takes microseconds. */
static port_once core_once = PORT_ONCE;
static size_t l2_bytes;
static int fma_units;

static void look_at_core(void) {
    const size_t bytes = cache_bytes(2);

    l2_bytes = bytes > 0 ? bytes : DEFAULT_L2_BYTES;
    fma_units = count_fma_units();
}

size_t pt_l2_bytes(void) {
    port_call_once(&core_once, look_at_core);
    return l2_bytes;
}

int pt_fma_units(void) {
    port_call_once(&core_once, look_at_core);
    return fma_units;
}

/* ------------------------------------------------------------ processors and memory */

int pt_cpu_count(void) {
    /* Rounded up: on 1.5 processors, two threads finish sooner than one. */
    const double count = ceil(port_processors());

    return count < 1 ? 1 : count < INT_MAX ? (int)count : INT_MAX;
}

size_t pt_memory_size(void) {
    const double bytes = port_memory();

    return bytes >= 1 && bytes < (double)SIZE_MAX ? (size_t)bytes : 0;
}
