#!/usr/bin/env bash
# Builds pytensor for aarch64 on another machine and runs it there under qemu.
#
#   tools/aarch64.sh [build]             builds; the first time it downloads Python and NumPy (150 MB)
#   tools/aarch64.sh digests [OPTION...] builds, then runs tools/digests.py
#   tools/aarch64.sh tests [ARGUMENT...] builds, then runs pytest; all tests take hours
#   tools/aarch64.sh python ARGUMENT...  the emulated Python, with what has been built last
#
# Needs Debian or a relative, and there gcc-aarch64-linux-gnu, qemu-user-static (7.0 or later) and
# pkg-config, and in the Python of $PYTHON (default: python3) what pyproject.toml builds with. Takes
# the directory $AARCH64 (default: build/aarch64). Python comes from Debian 12, the
# packages that pytensor needs from PyPI; nothing is installed outside that directory.
set -euo pipefail
cd "$(dirname "$0")/.."
checkout=$PWD
directory=${AARCH64:-$checkout/build/aarch64}
host_python=${PYTHON:-python3}
root=$directory/root
packages=$root/usr/local/lib/python3.11/dist-packages
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
path=$(dirname "$(command -v "$host_python")"):$PATH # meson, ninja and cython

for tool in aarch64-linux-gnu-gcc qemu-aarch64-static pkg-config apt-get; do
    command -v "$tool" > /dev/null || { echo "aarch64.sh: $tool: not found" >&2; exit 69; }
done

# A root file system of packages that are unpacked but not set up: programs and headers suffice.
download() {
    local apt=$directory/apt
    mkdir -p "$apt"/{etc/apt/{apt.conf.d,preferences.d},var/lib/apt/lists/partial,var/lib/dpkg} \
        "$apt/var/cache/apt/archives/partial" "$root"
    touch "$apt/var/lib/dpkg/status"
    echo "deb [signed-by=$keyring] http://deb.debian.org/debian bookworm main" \
        > "$apt/etc/apt/sources.list"
    cat > "$apt/apt.conf" <<- END
		Dir "$apt";
		Dir::State::status "$apt/var/lib/dpkg/status";
		APT::Architecture "arm64";
		APT::Architectures { "arm64"; };
		APT::Install-Recommends "false";
		APT::Sandbox::User "$(id -un)";
	END
    export APT_CONFIG=$apt/apt.conf
    apt-get update -qq
    apt-get install -qq --download-only python3-dev libstdc++6 libatomic1
    unset APT_CONFIG
    for package in "$apt"/var/cache/apt/archives/*.deb; do
        dpkg-deb -x "$package" "$root"
    done
    local platforms=()
    for version in _2_28 _2_27 _2_17 2014; do
        platforms+=(--platform "manylinux${version}_aarch64")
    done
    "$host_python" -m pip install -q --target "$packages" "${platforms[@]}" --python-version 3.11 \
        --only-binary=:all: "numpy>=2.1" "pooch>=1.8" "safetensors>=0.4" "tqdm>=4.66" \
        "scipy-openblas32>=0.3.31" "pytest>=8" "hypothesis>=6"
}

# The emulated Python under a name of its own, which is sys.executable: tests start it again. qemu's
# default processor lacks nothing, but makes OpenBLAS choose kernels that compute wrong under qemu.
write_scripts() {
    cat > "$directory/python" <<- END
		#!/bin/sh
		export QEMU_CPU=\${QEMU_CPU:-neoverse-n1} QEMU_LD_PREFIX=$root PYTHONHOME=$root/usr
		exec qemu-aarch64-static -0 $directory/python $root/usr/bin/python3.11 "\$@"
	END
    chmod +x "$directory/python"
    cat > "$directory/cross.ini" <<- END
		[binaries]
		c = 'aarch64-linux-gnu-gcc'
		ar = 'aarch64-linux-gnu-ar'
		strip = 'aarch64-linux-gnu-strip'
		pkg-config = 'pkg-config'
		python = '$directory/python'
		[properties]
		sys_root = '$root'
		pkg_config_libdir = '$root/usr/lib/aarch64-linux-gnu/pkgconfig'
		[built-in options]
		c_args = ['-isystem', '$root/usr/include']
		[host_machine]
		system = 'linux'
		cpu_family = 'aarch64'
		cpu = 'aarch64'
		endian = 'little'
	END
}

build() {
    if [ ! -e "$packages/hypothesis" ]; then
        echo "aarch64.sh: downloading Python and packages"
        download
    fi
    [ -e "$directory/cross.ini" ] || write_scripts
    if [ ! -e "$directory/build/build.ninja" ]; then
        rm -rf "$directory/build"
        PATH=$path meson setup "$directory/build" "$checkout" --cross-file "$directory/cross.ini" \
            -Dpython.platlibdir="$packages" -Dpython.purelibdir="$packages" > "$directory/setup.log"
    fi
    PATH=$path ninja --quiet -C "$directory/build"
    PATH=$path meson install -C "$directory/build" --quiet --no-rebuild
}

command=${1:-build}
shift || true
case $command in
build) build ;;
digests)
    build
    "$directory/python" tools/digests.py "$@"
    ;;
tests)
    build
    "$directory/python" -m pytest -q -p no:cacheprovider "$@"
    ;;
python) exec "$directory/python" "$@" ;;
*)
    sed -n '2,/^set/{/^#/s/^# \?//p}' "$0" >&2
    exit 64
    ;;
esac
