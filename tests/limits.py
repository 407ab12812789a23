"""Limits that tests and the programs they start set on their own process."""

import contextlib
import resource
from pathlib import Path


@contextlib.contextmanager
def address_space(more):
    """Return a context in which the process may use `more` bytes of additional address space."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + more, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
