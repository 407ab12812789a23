"""Check a wheel: what is in it, and that it is at most 5.5 MB beside OpenBLAS when unpacked, 3.8 MB
of that compiled code. It is a hundredth of what PyTorch or JAX install.

    python tools/check_wheel.py dist/*.whl
"""

import sys
import zipfile

LIMIT, LIMIT_COMPILED = 5_500_000, 3_800_000  # bytes


def main(path):
    """Print the size of the wheel's files; exit with 1 if something is missing or too large."""
    sizes = {info.filename: info.file_size for info in zipfile.ZipFile(path).infolist()}
    blas = {name: size for name, size in sizes.items() if "openblas" in name}  # and its license
    own = sum(sizes.values()) - sum(blas.values())
    print(f"{path.rsplit('/', 1)[-1]}: {own:,} bytes and OpenBLAS with {sum(blas.values()):,}")
    for name, size in sorted(sizes.items(), key=lambda item: -item[1])[:6]:
        print(f"  {size:>12,}  {name}")
    missing = [
        name
        for name in (
            "pytensor/py.typed",
            "pytensor/_core.pyi",
            "pytensor/_ops.pyi",
            "pytensor/_functions/numpy_functions.pyi",
            "pytensor/_functions/numpy_linalg.pyi",
            "pytensor/_functions/numpy_fft.pyi",
            "pytensor/pytensor_openblas.so",
            "pytensor/LICENSE.openblas.txt",
        )
        if name not in sizes
    ]
    if missing:
        sys.exit(f"not in the wheel: {', '.join(missing)}")
    if len(blas) != 2:
        sys.exit(f"more than one OpenBLAS: {', '.join(sorted(blas))}")
    compiled = sum(
        size for name, size in sizes.items() if name.endswith(".so") and name not in blas
    )
    for what, size, limit in (
        ("beside OpenBLAS", own, LIMIT),
        ("of compiled code", compiled, LIMIT_COMPILED),
    ):
        if size > limit:
            sys.exit(f"{size:,} bytes {what}: expected at most {limit:,}")


if __name__ == "__main__":
    main(sys.argv[1])
