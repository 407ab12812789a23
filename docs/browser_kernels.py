"""The page browser.md's network: the package's C kernels as WebAssembly, and its own digits.

    python docs/browser_kernels.py DIRECTORY

writes kernels.js there: the compiled program and the pictures as text, so that the page works from
the disk, without a server. Zig's compiler (`pip install ziglang`, part of the extra [docs]) knows
the target. The build of the site calls write().
"""

from __future__ import annotations

import base64
import importlib.util
import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
KERNELS = ROOT / "src" / "kernels"
SOURCES = [
    HERE / "browser" / "network.c",
    *(
        KERNELS / name
        for name in (
            "products/tiles.c",
            "products/isa_tiles.c",
            "loops/transpose.c",
            "networks/nn.c",
            "networks/update.c",
            "networks/isa_nn.c",
            "products/columns.c",
            "services/alloc.c",
            "services/cpu.c",
            "services/pool.c",
            "services/no_blas.c",
            "port/wasm.c",
            "port/no_threads.c",
        )
    ),
]
N_TRAIN, N_TEST, PER_ROW = 3000, 500, 50


def compiled() -> bytes:
    """The kernels and network.c as a WebAssembly module with SIMD.

    Raises:
        ImportError: ziglang is not installed.
        subprocess.CalledProcessError: the compiler failed; its messages are on stderr.
    """
    if importlib.util.find_spec("ziglang") is None:
        raise ImportError("browser_kernels: ziglang is not installed: pip install ziglang")
    with tempfile.TemporaryDirectory() as directory:
        generated = Path(directory, "generated")
        generated.mkdir()
        subprocess.run([sys.executable, ROOT / "tools" / "generate.py", generated], check=True)
        folders = [KERNELS, *(path for path in KERNELS.iterdir() if path.is_dir()), generated]
        target = Path(directory, "network.wasm")
        options = "-O3 -msimd128 -std=c11 -ffp-contract=off -fno-math-errno -fno-trapping-math "
        options += "-fwrapv -fopenmp-simd -w -DPT_ISA=baseline -mexec-model=reactor -Wl,--strip-all"
        subprocess.run(
            [sys.executable, "-m", "ziglang", "cc", "--target=wasm32-wasi", *options.split(),
             *(f"-I{folder}" for folder in folders), *SOURCES, "-o", target],
            check=True,
        )  # fmt: skip
        return target.read_bytes()


def pictures() -> tuple[bytes, list[int]]:
    """The digits that the package draws, side by side in one PNG, and their labels."""
    from matplotlib import image

    from pytensor.datasets import digits

    (x_train, y_train), (x_test, y_test) = digits.load_data(n_train=N_TRAIN, n_test=N_TEST)
    images = np.concatenate([np.asarray(x_train), np.asarray(x_test)])
    side = images.shape[1]
    sheet = images.reshape(-1, PER_ROW, side, side).swapaxes(1, 2).reshape(-1, PER_ROW * side)
    file = io.BytesIO()
    image.imsave(file, sheet, cmap="gray", vmin=0, vmax=255, format="png")
    return smaller(file.getvalue()), [*map(int, y_train), *map(int, y_test)]


def smaller(png: bytes) -> bytes:
    """The same picture with 16 grey levels in four bits each."""
    from PIL import Image

    file = io.BytesIO()
    grey = Image.open(io.BytesIO(png)).convert("L")
    grey.quantize(16).save(file, "PNG", optimize=True, bits=4)
    return file.getvalue()


def write(directory: Path) -> None:
    """Write kernels.js, unless it is newer than all that it is made of."""
    target = Path(directory) / "kernels.js"
    made_of = [
        *SOURCES,
        Path(__file__),
        *KERNELS.rglob("*.h"),
        *(ROOT / "src/pytensor/_tables").glob("*.py"),
    ]
    if target.exists() and all(p.stat().st_mtime < target.stat().st_mtime for p in made_of):
        return
    png, labels = pictures()
    content = {
        "wasm": base64.b64encode(compiled()).decode(),
        "png": base64.b64encode(png).decode(),
        "labels": "".join(map(str, labels)),
        "train": N_TRAIN,
    }
    target.write_text(f"const PYTENSOR = {json.dumps(content)};\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
