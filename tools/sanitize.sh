#!/usr/bin/env bash
# Build the extension with a sanitizer, or with bounds checks, and run the tests on it.
#
#   tools/sanitize.sh address|thread|bounds|valgrind [arguments of pytest]
#   tools/sanitize.sh fuzz [arguments of tools/fuzz.py]
#
# address   AddressSanitizer and UndefinedBehaviorSanitizer; the plain allocator, so that every
#           tensor has an end of its own
# thread    ThreadSanitizer: the extension is instrumented, the interpreter is not, whose locks it
#           sees all the same
# bounds    the option -Dbounds_checks=true: an index outside a C array ends the process
# valgrind  an ordinary build with debugging symbols under memcheck; slow, so without arguments it
#           runs 2800 operations of tools/soak.py instead of the tests
#
# fuzz      as address, built by Clang ($CC, by default clang), which makes the C code tell the
#           fuzzers which branches it takes; runs tools/fuzz.py instead of the tests
#
# Findings end the process that has them; their reports are in build/sanitize-NAME/report.*, those
# of the fuzzers in what they print.
#
# Needs what `pip install ".[test]"` needs, and GCC's sanitizers, valgrind or Clang's sanitizers
# (Debian: clang, libclang-rt-dev). The build stays in build/sanitize-NAME and is brought up to date
# by the next run.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:-}
shift || true
build=build/sanitize-$kind
environment=$PWD/$build/environment
extra=test
debug=(-Csetup-args=-Dbuildtype=debugoptimized -Csetup-args=-Db_lundef=false)
tests=("$@")
preload() { # the shared libraries of these names, as the compiler finds them
    local paths=()
    for name in "$@"; do paths+=("$(realpath "$(${CC:-cc} -print-file-name="$name")")"); done
    echo "${paths[*]}"
}
rm -f "$build"/report.*
case $kind in
    address)
        options=("${debug[@]}" -Csetup-args=-Db_sanitize=address,undefined)
        # CPython leaves memory to the end of the process; what leaks is measured by the tests.
        export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:handle_segv=0:log_path=$PWD/$build/report
        export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1:log_path=$PWD/$build/report
        export PYTENSOR_ALLOCATOR=system
        # libstdc++ too, since the sanitizer looks for its exceptions before Python loads it
        libraries=$(preload libasan.so libubsan.so libstdc++.so) ;;
    thread)
        options=("${debug[@]}" -Csetup-args=-Db_sanitize=thread)
        export TSAN_OPTIONS=halt_on_error=1:exitcode=66:allocator_may_return_null=1:die_after_fork=0:report_signal_unsafe=0:log_path=$PWD/$build/report
        export TSAN_OPTIONS=$TSAN_OPTIONS:suppressions=$PWD/tools/tsan_suppressions.txt
        libraries=$(preload libtsan.so) ;;
    bounds)
        options=(-Csetup-args=-Dbounds_checks=true)
        libraries= ;;
    fuzz)
        export CC=${CC:-clang} PYTENSOR_ALLOCATOR=system
        extra=fuzz
        options=("${debug[@]}" -Csetup-args=-Db_sanitize=address,undefined
                 # not pointer-overflow: Cython adds 0 to the null pointer of no arguments
                 "-Csetup-args=-Dc_args=-fsanitize=fuzzer-no-link -fno-sanitize=pointer-overflow")
        export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:handle_segv=0
        export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 ;;
    valgrind)
        options=("${debug[@]}")
        export PYTHONMALLOC=malloc PYTENSOR_ALLOCATOR=system PYTENSOR_ISA=${PYTENSOR_ISA:-avx2}
        libraries=
        run=(-m pytest -q -p no:cacheprovider "${tests[@]}")
        [ $# -gt 0 ] || run=(tools/soak.py 2800) ;;
    *)
        echo "usage: tools/sanitize.sh address|thread|bounds|valgrind [arguments of pytest]" >&2
        echo "       tools/sanitize.sh fuzz [arguments of tools/fuzz.py]" >&2
        exit 2 ;;
esac
[ -d "$environment" ] || python3 -m venv "$environment"
"$environment/bin/pip" install -q -Cbuild-dir="$build/meson" "${options[@]}" ".[$extra]"
if [ "$kind" = fuzz ]; then # with the sanitizers' and libFuzzer's code that comes with Atheris
    libraries=$("$environment/bin/python" -c 'import atheris; print(atheris.path())')/asan_with_fuzzer.so
    LD_PRELOAD=$libraries exec "$environment/bin/python" tools/fuzz.py "$@"
fi
if [ "$kind" = valgrind ]; then
    exec valgrind --error-exitcode=99 --trace-children=no -q \
        --suppressions=tools/valgrind.supp \
        "$environment/bin/python" "${run[@]}"
fi
# Where a sanitizer keeps what is freed for a while, memory is not flat.
left_out=()
[ "$kind" = bounds ] ||
    left_out+=(--deselect tests/test_concurrency.py::test_memory_stays_flat_over_many_operations)
LD_PRELOAD=$libraries exec "$environment/bin/python" -m pytest -q -p no:cacheprovider \
    -m "not oracle and not training" "${left_out[@]}" "${tests[@]}"
