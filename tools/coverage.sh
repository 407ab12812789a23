#!/usr/bin/env bash
# Measure which lines and branches of the C kernels and of Python the tests run; print both tables.
#
#   tools/coverage.sh [arguments of pytest]
#
# Needs GCC's gcov and what `pip install ".[test]" coverage` needs. The build stays in
# build/coverage. The generated Cython code is not counted: its lines are not ours.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$PWD/build/coverage
[ -d "$build/environment" ] || python3 -m venv "$build/environment"
"$build/environment/bin/pip" install -q coverage
"$build/environment/bin/pip" install -q -Cbuild-dir="$build/meson" -Csetup-args=-Db_coverage=true \
    -Csetup-args=-Dbuildtype=debug -Csetup-args=-Db_lundef=false ".[test]"
find "$build" -name '*.gcda' -delete
package=$("$build/environment/bin/python" -c 'import pathlib, pytensor; print(pathlib.Path(pytensor.__file__).parent)')
"$build/environment/bin/coverage" run --branch --source="$package" --data-file="$build/python" \
    -m pytest -q -p no:cacheprovider -m "not oracle" "$@"
"$build/environment/bin/coverage" report --data-file="$build/python" --skip-covered
cd "$build/meson"
for object in src/kernels/*.p/*.gcda; do
    gcov -b -n "$object" 2> /dev/null || true
done | "$build/environment/bin/python" -c '
import re, sys
best = {}
for name, lines, branches in re.findall(
        r"File .(?:.*/)?src/kernels/([a-z_0-9]+\.[ch]).\nLines executed:([\d.]+)% of \d+\n"
        r"(?:Branches executed:([\d.]+)% of \d+)?", sys.stdin.read()):
    old = best.get(name, (0.0, 0.0))
    best[name] = max(old[0], float(lines)), max(old[1], float(branches or 0))
print("\nC kernels, each file on the instruction set that ran most of it")
for name, (lines, branches) in sorted(best.items()):
    print(f"{name:28} lines {lines:6.2f} %   branches {branches:6.2f} %")'
