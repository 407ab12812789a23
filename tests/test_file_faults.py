"""Every system call that a writer of files makes may fail, or be the last of its process: what was
in the file before is still there, or the new content is whole.

A library that is preloaded (c/failing_files.c) counts the calls on a directory. Each operation is
run with the k-th call failing, for every k until it is done, in a fork for each; so SQLite is
tested. This file is the program of that process as well."""

import contextlib
import ctypes
import errno
import http.server
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest
from conftest import preloading

from pytensor import callbacks, checkpoints, layers, models, onnx, plot, train, utils
from pytensor.datasets import _download, idx

pytestmark = pytest.mark.once

ERRORS = (errno.EIO, errno.ENOSPC, errno.EROFS, errno.EDQUOT)
# As failing_files.c numbers them.
FAIL, FAIL_FROM, HALF, KILL_BEFORE, KILL_AFTER, KILL_HALF = range(6)
WAYS = [
    (FAIL, None),
    (FAIL_FROM, errno.ENOSPC),
    (FAIL_FROM, errno.EROFS),
    (HALF, 0),
    (KILL_BEFORE, 0),
    (KILL_AFTER, 0),
    (KILL_HALF, 0),
]
TEMPORARY = re.compile(r"\.(.+)\.[0-9a-f]{16}\.tmp")


# --------------------------------------------------------------------------- what writes files
# Each takes the directory and whether it is to write other content than the first time.


def network(new, units=5):
    utils.set_random_seed(int(new))
    model = models.Sequential(
        [
            layers.Dense(units, activation="relu", input_shape=(3,)),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def fit(new, *used, epochs=1):
    model = network(new)
    x = np.random.default_rng(0).standard_normal((12, 3)).astype(np.float32)
    model.fit(x, np.arange(12) % 2, epochs=epochs, batch_size=12, verbose=0, callbacks=list(used))


def write_plot(directory, new):
    figure = plot.images(np.eye(3)[None] + new * np.eye(3)[::-1])
    plot.save(figure, directory / "picture.svg", dpi=20)


def download(directory, new):
    content = b"new content" if new else b"old"
    os.environ["no_proxy"] = "*"
    mirror = f"http://127.0.0.1:{SERVER.server_port}/{content.hex()}/"
    _download.fetch([mirror], {0: directory / "cache" / "file"}, lambda key, file: None)


def command(directory, new):
    """The whole of `python -m pytensor.train`, as its user sees it."""
    table = directory.parent / "table.csv"
    rows = np.random.default_rng(int(new)).integers(0, 9, (24, 3))
    table.write_text("a,b,label\n" + "".join(f"{a},{b},{c % 2}\n" for a, b, c in rows))
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = train.main(
            [
                "--dataset",
                str(table),
                "--epochs",
                "1",
                "--hidden",
                "4",
                "--quiet",
                "--save",
                str(directory / "model"),
                "--log",
                str(directory / "log.csv"),
            ]
        )
    if code:
        line = said.getvalue()
        if code not in (1, 2) or not re.fullmatch(r"pytensor\.train: (--\w+: )?/.*\n", line):
            raise AssertionError(f"exit code {code}: {line}")
        raise OSError(line)


OPERATIONS = {
    "save_weights": lambda to, new: network(new).save_weights(to / "weights"),
    "a large model": lambda to, new: network(new, 9000).save(to / "model.safetensors"),
    "save_model": lambda to, new: network(new).save(to / "model.safetensors"),
    "checkpoint": lambda to, new: fit(new, checkpoints.Checkpoint(to / "run")),
    "ModelCheckpoint": lambda to, new: fit(
        new, callbacks.ModelCheckpoint(to / "best.{epoch}", monitor="loss", save_best_only=True)
    ),
    "CSVLogger": lambda to, new: fit(
        new, callbacks.CSVLogger(to / "log.csv", append=True), epochs=2
    ),
    "IDX": lambda to, new: idx.write(to / "images.gz", np.full((3, 4), new, np.uint8)),
    "ONNX": lambda to, new: onnx.export(network(new), to / "net.onnx"),
    "picture": write_plot,
    "download": download,
    "command": command,
}
NEEDS = {"ONNX": ("onnx", "onnx"), "picture": ("matplotlib", "plot")}  # library, extra


# ------------------------------------------------------------------------------- the driver


class Mirror(http.server.BaseHTTPRequestHandler):
    """Gives what the address says."""

    def do_GET(self):
        content = bytes.fromhex(self.path.split("/")[1])
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    do_HEAD = do_GET

    def log_message(self, *arguments):
        pass


def contents(directory):
    """All files below a directory, with what is in them."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


class Driver:
    """Runs one operation with every fault."""

    def __init__(self, name, directory):
        self.operation, self.directory = OPERATIONS[name], directory / "files"
        self.faults = ctypes.CDLL(None)
        self.faults.faults_calls.restype = ctypes.c_char_p
        self.directory.mkdir()
        self.operation(self.directory, False)
        self.before = contents(self.directory)
        self.versions = {name: {content} for name, content in self.before.items()}
        self.last = None

    def calls(self):
        return [line.split() for line in self.faults.faults_calls().decode().splitlines()]

    def restart(self):
        shutil.rmtree(self.directory)
        for name, content in self.before.items():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def run(self, k, how, number):
        """The operation in a child; how it ended, and what it said."""
        self.restart()
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            self.faults.faults_arm(k, how, number)
            try:
                self.operation(self.directory, True)
                outcome, text = "done", ""
            except OSError as error:
                outcome, text = "OSError", str(error)
            except BaseException as error:
                outcome, text = "wrong", repr(error)
            os.write(writer, json.dumps([outcome, text]).encode())
            os._exit(0)
        os.close(writer)
        with open(reader, "rb") as file:
            said = file.read()
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL and how >= KILL_BEFORE, status
            return "killed", ""
        return json.loads(said)

    def watch(self):
        """The operation without a fault: the contents that its files have in turn, and its calls,
        whose order must leave no moment in which a loss of power costs both contents."""
        kept = []
        see = ctypes.CFUNCTYPE(None, ctypes.c_char_p)(
            lambda to: kept.append((Path(os.fsdecode(to)), Path(os.fsdecode(to)).read_bytes()))
        )
        self.faults.faults_watch(os.fsencode(self.directory), see)
        self.faults.faults_arm(0, FAIL, 0)
        self.operation(self.directory, True)
        calls = self.calls()
        self.faults.faults_watch(os.fsencode(self.directory), None)
        self.last = contents(self.directory)
        assert self.last != self.before, "the operation changes nothing"
        for path, content in kept:
            self.versions.setdefault(str(path.relative_to(self.directory)), set()).add(content)
        for name, content in self.last.items():
            assert content in self.versions.get(name, ()), f"{name} was not renamed into place"
        final = {str(self.directory / name) for name in self.last}
        renamed = 0
        for i, (call, *paths) in enumerate(calls):
            if call == "rename":
                source, target = paths
                of_source = [c for c, *at in calls[:i] if at == [source]]
                assert of_source[-2:] == ["fsync", "close"] and "write" in of_source, of_source
                after = calls[i + 1 : i + 4]
                parent = os.path.dirname(target)
                assert after == [["open", parent], ["fsync", parent], ["close", parent]], after
                renamed += 1
            else:
                assert call == "close" or not final & set(paths) or call == "open", (call, paths)
        assert renamed >= len(self.last), calls
        return calls

    def check(self, k, call, how, number, outcome, text):
        """What must hold after a fault."""
        case = f"call {k}, {call}, {how}, {errno.errorcode.get(number, 0)}: {outcome} {text}"
        found = contents(self.directory)
        assert outcome != "wrong", case
        for name in self.before:
            assert found.get(name) in self.versions[name], f"{name} is damaged; {case}"
        for name in found.keys() - self.before.keys():
            if not (match := TEMPORARY.fullmatch(os.path.basename(name))):
                assert found[name] in self.versions.get(name, ()), f"{name} is damaged; {case}"
            else:
                # Where nothing can be removed any more, or nobody is left to do it.
                assert outcome == "killed" or (how, number) == (FAIL_FROM, errno.EROFS), case
                assert match[1] in {os.path.basename(name) for name in self.last}, case
        if outcome == "done":
            assert found == self.last, f"reported as done, and is not; {case}"
            # Who opens a file or makes a directory may have another way; all else has lost data.
            assert how in (HALF, KILL_HALF) or call in ("open", "mkdir"), f"not reported; {case}"
        if outcome == "OSError":
            assert f"{self.directory}/" in text, case
            assert ".tmp" not in text, case

    def drive(self):
        calls = self.watch()
        cases = 0
        for how, number in WAYS:
            for k, (call, *_) in enumerate(calls, 1):
                if how in (HALF, KILL_HALF) and call != "write":
                    continue
                numbers = (
                    (number,)
                    if number is not None
                    else (ERRORS if len(calls) < 12 else (ERRORS[k % len(ERRORS)],))
                )
                for failing in numbers:
                    self.check(k, call, how, failing, *self.run(k, how, failing))
                    cases += 1
        return len(calls), cases


if __name__ == "__main__":
    SERVER = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    threading.Thread(target=SERVER.serve_forever, daemon=True).start()
    print(*Driver(sys.argv[1], Path(sys.argv[2])).drive())
    SERVER.shutdown()


# --------------------------------------------------------------------------------- the tests


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    return preloading("failing_files", tmp_path_factory.mktemp("compiled"))


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_system_call_may_fail_or_be_the_last(name, tmp_path, environment):
    if name in NEEDS:
        library, extra = NEEDS[name]
        pytest.importorskip(library, reason=f"needs pytensor-kernels[{extra}]")
    process = subprocess.run(
        [sys.executable, __file__, name, str(tmp_path)],
        timeout=120,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    calls, cases = map(int, process.stdout.split())
    assert calls >= 7 and cases > 5 * calls
    print(f"{name}: {calls} system calls, {cases} faults")


def in_a_namespace(code, *, options):
    """Run code, in which DIRECTORY is a file system of its own; what it prints."""
    unshare = shutil.which("unshare")
    command = [
        unshare or "unshare",
        "-rm",
        "sh",
        "-c",
        f'mount -t tmpfs -o {options} tmpfs "$0" && exec "$@"',
    ]
    with tempfile.TemporaryDirectory() as directory:
        if (
            unshare is None
            or subprocess.run(
                [*command, directory, "true"], capture_output=True, check=False
            ).returncode
        ):
            pytest.skip("no file system can be mounted here")
        code = f"DIRECTORY = {directory!r}\n" + textwrap.dedent(code)
        process = subprocess.run(
            [*command, directory, sys.executable, "-c", code],
            timeout=60,
            capture_output=True,
            text=True,
            check=False,
        )
    assert process.returncode == 0, process.stderr
    return process.stdout.replace(directory, "DIRECTORY").splitlines()


BEGIN = """
    import os, subprocess, sys
    from pytensor import layers, models, train

    def network(units):
        return models.Sequential([layers.Dense(units, input_shape=(4,))])

    os.chdir(DIRECTORY)
    path = DIRECTORY + "/model.safetensors"
    network(100).save_weights(path)
    before = open(path, "rb").read()
"""


def test_a_disk_that_is_really_full():
    lines = in_a_namespace(
        BEGIN
        + """
    try:
        network(100_000).save_weights(path)
    except OSError as error:
        print(error)
    print(open(path, "rb").read() == before, os.listdir())
    open("filling", "wb").write(bytes(52 << 10))
    network(101).save_weights(path)
    print(open(path, "rb").read() != before)
    command = ["--dataset", "digits", "--epochs", "1", "--hidden", "8", "--quiet", "--save", path]
    print(train.main(command), sorted(os.listdir()))
    """,
        options="size=64k",
    )
    assert lines == [
        "[Errno 28] No space left on device: 'DIRECTORY/model.safetensors'",
        "True ['model.safetensors']",
        "True",
        "1 ['filling', 'model.safetensors']",
    ]


def test_a_disk_that_becomes_read_only():
    lines = in_a_namespace(
        BEGIN
        + """
    os.chdir("/")
    subprocess.run(["mount", "-o", "remount,ro", DIRECTORY], check=True)
    try:
        network(101).save_weights(path)
    except OSError as error:
        print(error)
    print(open(path, "rb").read() == before, os.listdir(DIRECTORY))
    sys.stderr = sys.stdout
    print(train.main(["--dataset", "digits", "--save", path]))
    """,
        options="size=1m",
    )
    refusal = "[Errno 30] Read-only file system: 'DIRECTORY/model.safetensors'"
    assert lines == [
        refusal,
        "True ['model.safetensors']",
        f"pytensor.train: --save: DIRECTORY/model.safetensors: cannot write in "
        f"DIRECTORY: {refusal}",
        "2",
    ]
