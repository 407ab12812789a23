#!/usr/bin/env bash
# Measure which lines and branches of Python, Cython and C the tests run; write docs/coverage.md.
#
#   tools/coverage.sh [arguments of pytest]
#
# The whole suite runs once, with every library that it compares with, then what depends on the
# kernels once more for each other instruction set and with the plain allocator; child processes
# count. Takes 25 minutes, and needs GCC's gcov. With arguments, for a closer look, pytest
# runs once, and docs/coverage.md stays as it is. Lines not reached: build/coverage/missed.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$PWD/build/coverage
[ -d "$build/environment" ] || python3 -m venv "$build/environment"
. "$build/environment/bin/activate"
pip install -q 'coverage>=7.10' "${TORCH:-torch}" # TORCH: a release without CUDA
# -Og: lines are where they were written. Threads may lose each other's counts, since to count them
# all, atomically, takes ten times as long; that a line ran is hardly lost.
pip install -q -Cbuild-dir="$build/meson" -Csetup-args=-Db_coverage=true \
    -Csetup-args=-Db_lundef=false -Csetup-args=-Dbuildtype=debug \
    -Csetup-args=-Dc_args=-Og ".[test,oracles,plot,image,mpi,tensorboard]"
find "$build" -name '*.gcda' -delete
rm -rf "$build"/data*
export COVERAGE_FILE=$build/data
tests() { # of these markers, but not those that train for minutes here
    coverage run -m pytest -q -p no:cacheprovider -m "not training${1:+ and $1}" "${@:2}"
}
if [ $# -gt 0 ]; then
    tests "" "$@"
else
    tests
    for isa in avx2 baseline; do
        PYTENSOR_ISA=$isa tests "not once and not oracle"
    done
    PYTENSOR_ALLOCATOR=system tests "not once and not oracle" tests/test_memory.py
fi
coverage combine -q
coverage json -q -o "$build/python.json"
python tools/coverage_report.py "$build/meson" "$build/python.json" "$build/missed.txt" \
    > "$build/coverage.md"
[ $# -gt 0 ] || cp "$build/coverage.md" docs/coverage.md
cat "$build/coverage.md"
