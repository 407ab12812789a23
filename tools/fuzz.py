"""Fuzz what takes bytes, objects and arguments from outside: the targets of tests/fuzz_targets.py.

    pip install ".[fuzz]"
    python tools/fuzz.py [--seconds 30] [--seed N] [--keep] [target...]

The engine is libFuzzer, by way of Atheris, which makes pytensor's Python code report the branches
that it takes and what it compares. Each target runs in a process of its own, for its share of the
time, from its corpus in tests/corpus. Exit status 1 where one has failed: the traceback and the
input are shown, and the input stays in a file, which belongs into the corpus once the fault is
repaired. `tools/sanitize.sh fuzz` does the same with the C code instrumented too.

--keep adds to the corpus the inputs that reach what no other one does, the smallest for each, and
takes away those that no longer do; files with names of their own stay.
"""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent / "tests"
CORPUS = TESTS / "corpus"
SLOWEST = 20  # seconds for one input; longer is a fault
HASH = re.compile(r"[0-9a-f]{40}")  # how libFuzzer names files


def main(argv=None):
    """Run the targets in turn; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("targets", nargs="*", metavar="target")
    add("--seconds", type=int, default=30, help="for all of them together (%(default)s)")
    add("--seed", type=int, default=0, help="of the mutations; 0, as by default: another each time")
    add("--keep", action="store_true", help="add what is found to the corpus")
    add(
        "--failures",
        type=Path,
        metavar="DIRECTORY",
        help="where to leave inputs that fail; by default a temporary one",
    )
    add("--module", default="fuzz_targets", help="the targets' module (%(default)s)")
    add("--corpus", type=Path, default=CORPUS, metavar="DIRECTORY", help="(%(default)s)")
    options = parser.parse_args(argv)
    try:
        import atheris  # noqa: F401
    except ImportError:
        print(
            "fuzz: needs Atheris: pip install '.[fuzz]' (CPython on x86-64 Linux)", file=sys.stderr
        )
        return 2
    sys.path.insert(0, str(TESTS))
    known = importlib.import_module(options.module).TARGETS
    unknown = set(options.targets) - set(known)
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: expected some of {', '.join(known)}")
    chosen = options.targets or list(known)
    failures = options.failures or Path(tempfile.mkdtemp(prefix="fuzz-"))
    failures.mkdir(parents=True, exist_ok=True)
    good = True
    for name in chosen:
        with tempfile.TemporaryDirectory() as work:
            run = Run(options.module, name, options.corpus / name, Path(work))
            run.write_words(known[name].words)
            good &= run.fuzz(max(1, round(options.seconds / len(chosen))), failures, options.seed)
            if options.keep:
                run.keep()
    if options.failures is None and good:
        failures.rmdir()
    return 0 if good else 1


class Run:
    """One target in processes of its own: libFuzzer ends the one that it runs in."""

    def __init__(self, module, name, corpus, work):
        """corpus: a directory; work: one for what is found."""
        self.module, self.name, self.corpus, self.work = module, name, corpus, work
        self.found = work / "found"
        self.found.mkdir()
        self.old = [str(corpus)] if corpus.is_dir() else []

    def write_words(self, words):
        """Write down what libFuzzer puts into inputs besides what it sees compared."""
        lines = ['"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in words]
        (self.work / "words").write_text("# libFuzzer takes no empty file\n" + "".join(lines))

    def start(self, timeout, *arguments):
        """Run libFuzzer with these arguments; return the exit code and what it said."""
        with open(self.work / "log", "w+") as log:
            command = [sys.executable, __file__, "--child", self.module, self.name, *arguments]
            try:
                code = subprocess.run(
                    command, stdout=log, stderr=subprocess.STDOUT, check=False, timeout=timeout
                ).returncode
            except subprocess.TimeoutExpired:  # libFuzzer's own alarm waits for a lock of malloc's
                code = "none: it hangs"
            log.seek(0)
            return code, log.read()

    def fuzz(self, seconds, failures, seed=0):
        """Fuzz for a time; print what came of it, and return whether all was well."""
        before = set(failures.iterdir())
        prefix = f"{failures}/{self.name}-"
        code, log = self.start(
            seconds + 3 * SLOWEST,
            f"-max_total_time={seconds}",
            f"-timeout={SLOWEST}",
            f"-seed={seed}",
            f"-dict={self.work / 'words'}",
            f"-artifact_prefix={prefix}",
            "-print_final_stats=1",
            str(self.found),
            *self.old,
        )
        states = re.findall(r"^#\d+\s.* cov: (\d+) ft: (\d+) corp: (\d+)/", log, re.MULTILINE)
        inputs = re.findall(r"number_of_executed_units: (\d+)", log)
        if states and inputs:
            coverage, features, corpus = states[-1]
            print(
                f"{self.name:13} {int(inputs[-1]):9,} inputs; {coverage:>5} branches, "
                f"{features:>5} features; corpus of {corpus:>3}, "
                f"{len(list(self.found.iterdir()))} new",
                flush=True,
            )
        if code == 0:
            return True
        print(
            "\n".join(
                line
                for line in log.splitlines()
                if not line.startswith(("INFO:", "WARNING: Failed to find", "#"))
            )
        )
        print(f"fuzz: {self.name}: exit code {code}")
        for path in sorted(set(failures.iterdir()) - before):
            data = path.read_bytes()
            print(f"fuzz: {path}: {len(data)} bytes: {data!r}", flush=True)
        return False

    def keep(self):
        """Make the corpus the smallest one that reaches all that it and what was found reach."""
        self.corpus.mkdir(parents=True, exist_ok=True)
        new = self.work / "new"
        new.mkdir()
        for path in self.corpus.iterdir():
            if not HASH.fullmatch(path.name):
                shutil.copy(path, new)
        code, log = self.start(
            None,
            "-set_cover_merge=1",
            f"-timeout={SLOWEST}",
            str(new),
            str(self.corpus),
            str(self.found),
        )
        if code:
            raise SystemExit(f"{log}\nfuzz: {self.name}: merging failed: exit code {code}")
        for path in self.corpus.iterdir():
            if HASH.fullmatch(path.name):
                path.unlink()
        for path in new.iterdir():
            if HASH.fullmatch(path.name):
                shutil.copy(path, self.corpus)
        files = list(self.corpus.iterdir())
        print(
            f"{self.corpus}: {len(files)} files, "
            f"{sum(path.stat().st_size for path in files):,} bytes"
        )


def child(module, name, *arguments):
    """The process of one target: hand its bytes to libFuzzer, which does not return."""
    import atheris

    with atheris.instrument_imports(include=["pytensor", module]):
        targets = importlib.import_module(module)
    target = targets.TARGETS[name]

    @atheris.instrument_func
    def run(data):
        target.accepts(data)

    # To merge, libFuzzer starts itself again, by a shell.
    itself = shlex.join([sys.executable, __file__, "--child", module, name])
    atheris.Setup([itself, *arguments], run)
    from fuzz_targets import limited_memory

    with limited_memory():
        atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        sys.path.insert(0, str(TESTS))
        child(*sys.argv[2:])
    else:
        sys.exit(main())
