"""What the figures were measured on: the machine and the versions, without names and paths."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from pathlib import Path

import libraries
import numpy as np


def describe():
    """The machine, the versions and our build, a dictionary of what JSON can hold."""
    pt = libraries.pytensor()
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "caches": caches(),
        "memory": memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {"pytensor": pt.__version__, "numpy": np.__version__,
                     **{name: version(name) for name in sorted(libraries.chosen)}},
        "numpy blas": numpy_blas(),
        "build_config": pt.build_config(),
    }


def header():
    """The same as lines of text."""
    found = describe()
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    config = ", ".join(f"{name}: {value}" for name, value in found["build_config"].items())
    return [
        f"machine: {found['processor']}, {found['cores']} cores in use, {found['caches']}, "
        f"{found['memory']}",
        f"versions: python {found['python']}, {versions}; numpy's BLAS: {found['numpy blas']}",
        f"pytensor.build_config(): {config}",
    ]


def version(name):
    """The version of an installed distribution."""
    return importlib.metadata.version(name)


def processor():
    """The processor's name."""
    text = _read("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in text.splitlines()
             if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def caches():
    """The data caches of the first core, such as "L1 48K, L2 1024K, L3 32768K"."""
    found = []
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        if _read(index / "type") != "Instruction":
            found.append(f"L{_read(index / 'level')} {_read(index / 'size')}")
    return ", ".join(found) or "caches unknown"


def memory():
    """The size of the memory."""
    try:
        n_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return "memory unknown"
    return f"{n_bytes / 2**30:.0f} GiB"


def numpy_blas():
    """Name and version of the BLAS that NumPy multiplies with."""
    try:
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    except (KeyError, TypeError):
        return "unknown"
    return f"{blas.get('name', '?')} {blas.get('version', '?')}"


def peak_kib():
    """The most memory that this process has had resident, KiB.

    getrusage will not do: its figure starts with that of the process that started this one.
    """
    lines = _read("/proc/self/status").splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), None)


def module_bytes(name):
    """The size in bytes of an installed package's files, or None if they are not known."""
    files = importlib.metadata.files(name) or ()
    sizes = [file.locate().stat().st_size for file in files if file.locate().is_file()]
    editable = any(str(file).endswith("direct_url.json") and '"editable": true' in file.read_text()
                   for file in files)
    return None if editable or not sizes else sum(sizes)


def command(code):
    """The command line of a fresh interpreter that runs code."""
    return [sys.executable, "-c", code]


def _read(path):
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
