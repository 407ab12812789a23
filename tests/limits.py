"""Limits that tests, and the programs that they start in this directory, set to themselves."""

import contextlib
import resource
from pathlib import Path


@contextlib.contextmanager
def address_space(more):
    """In this context the process may take so many bytes of addresses beyond those that it has."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + more, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
