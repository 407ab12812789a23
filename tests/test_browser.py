"""The network of docs/browser.md in headless Chromium: it trains, and reads what was drawn."""

import http.server
import importlib.util
import queue
import re
import shutil
import subprocess
import sys
import threading
import urllib.parse

import pytest
from conftest import TESTS

DOCS = TESTS.parent / "docs"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(not (DOCS / "browser").exists(), reason="not in a checkout"),
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in ("ziglang", "matplotlib", "PIL")),
        reason="needs pytensor-kernels[docs]",
    ),
]

# Trains for some epochs, draws a vertical line, and reports what the page shows.
DRIVER = """
<script>
const text = (name) => document.getElementById(`browser-${name}`).textContent;
const report = (kind, what) => fetch(`/report?${kind}=${encodeURIComponent(what)}`);
window.addEventListener("error", (event) => report("error", event.message));
const poll = setInterval(() => {
    const epoch = Number((text("status").match(/epoch ([0-9.]+)/) || [0, 0])[1]);
    if (epoch < 4) return;
    clearInterval(poll);
    document.getElementById("browser-run").click();
    const canvas = document.getElementById("browser-draw"), box = canvas.getBoundingClientRect();
    canvas.setPointerCapture = () => {};
    const send = (kind, y) => canvas.dispatchEvent(new PointerEvent(kind,
        { clientX: box.left + 126, clientY: box.top + y }));
    send("pointerdown", 40);
    for (let y = 50; y <= 210; y += 10) send("pointermove", y);
    send("pointerup", 210);
    report("shown", `${text("status")}; ${text("guess")}`);
}, 100);
</script>
"""


def test_the_network_trains_and_reads_a_digit(tmp_path):
    sys.path.insert(0, str(DOCS))
    try:
        browser_kernels = importlib.import_module("browser_kernels")
    finally:
        sys.path.remove(str(DOCS))
    (tmp_path / "_static").mkdir()
    browser_kernels.write(tmp_path / "_static")
    shutil.copy(DOCS / "_static" / "browser.js", tmp_path / "_static")
    markdown = (DOCS / "browser.md").read_text(encoding="utf-8")
    part = re.search(r"```\{raw\} html\n(.*?)```", markdown, flags=re.S).group(1)
    (tmp_path / "index.html").write_text(f"<!doctype html>{part}{DRIVER}", encoding="utf-8")
    reports = queue.Queue()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(tmp_path))

        def do_GET(self):
            if self.path.startswith("/report"):
                reports.put(urllib.parse.unquote(self.path.partition("?")[2]))
                self.send_response(204)
                self.end_headers()
            else:
                super().do_GET()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    browser = subprocess.Popen(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--disable-dev-shm-usage", f"--user-data-dir={tmp_path / 'profile'}",
         "--remote-debugging-port=0", f"http://127.0.0.1:{server.server_port}/index.html#train"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        found = reports.get(timeout=120)
    finally:
        browser.kill()
        browser.wait()
        server.shutdown()
        server.server_close()
    match = re.fullmatch(
        r"shown=epoch .*, test accuracy ([0-9.]+), .* images a second; (\d) .*", found
    )
    assert match, found
    assert float(match[1]) > 0.9
    assert match[2] == "1"


def test_every_kernel_that_the_page_names_is_called():
    page = (DOCS / "browser.md").read_text(encoding="utf-8")
    code = (DOCS / "browser" / "network.c").read_text(encoding="utf-8")
    named = set(re.findall(r"`(pt_\w+)`", page))
    assert named == set(re.findall(r"\b(pt_\w+)\(", code)) - {"pt_alloc", "pt_free"}
