"""Run a training; fail if the test accuracy that it prints last is below the one promised.

python tools/check_accuracy.py python -m pytensor.train
"""

from __future__ import annotations

import re
import subprocess
import sys

LEAST = 0.975  # the README's network on MNIST reaches 0.979 on average


def main(command: list[str]) -> int:
    """Run the command and pass on what it prints.

    Returns:
        Its exit status, or 1 if the test accuracy is too low or missing.
    """
    accuracy = None
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            if match := re.search(r"test accuracy (\d\.\d+)", line):
                accuracy = float(match[1])
    if process.returncode == 0 and (accuracy is None or accuracy < LEAST):
        print(f"check_accuracy: found {accuracy}: expected at least {LEAST}", file=sys.stderr)
        return 1
    return process.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
