"""Downloads into the user's cache."""

from __future__ import annotations

import io
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from pytensor._support.files import write_atomically
from pytensor._support.packages import needed

# Seconds in which a mirror must answer. Without a network the caller waits no longer than this,
# whatever is wrong; a name server that does not answer would take far longer to time out.
ANSWER_SECONDS = 4
# Seconds without a byte after which a download has failed.
STALL_SECONDS = 15


class DownloadError(OSError):
    """A data set is neither on this machine nor can it be downloaded.

    >>> issubclass(pt.datasets.DownloadError, OSError)
    True
    """


def cache_directory() -> Path:
    """Return $PYTENSOR_CACHE or the directory where this system keeps caches."""
    chosen = os.environ.get("PYTENSOR_CACHE")
    if chosen:
        return Path(chosen)
    pooch = needed("pooch", "the cache of data sets without PYTENSOR_CACHE")
    return pooch.os_cache("pytensor")


def cached(
    mirrors: Sequence[str],
    files: Sequence[Path],
    take: Callable[[int, BinaryIO], None],
    stacklevel: int,
) -> None:
    """Read the files of a set from the cache; download those that are missing or damaged there.

    Args:
        mirrors: as for fetch.
        files: the files in the cache.
        take: as for fetch, with the numbers of the files.
        stacklevel: of the warning about a damaged file: 1 is this function.

    Raises:
        DownloadError: as fetch.
    """
    missing = {}
    for number, file in enumerate(files):
        try:
            with open(file, "rb") as content:
                take(number, content)
        except (FileNotFoundError, NotADirectoryError):
            missing[number] = file
        except ValueError as error:
            warnings.warn(f"{error}; it is downloaded again", stacklevel=stacklevel)
            missing[number] = file
    if missing:
        fetch(mirrors, missing, take)


def fetch(
    mirrors: Sequence[str], files: dict[int, Path], take: Callable[[int, BinaryIO], None]
) -> None:
    """Download the files of a set from the first mirror that has all of them intact.

    Args:
        mirrors: addresses of directories.
        files: {key: path}; the file's name at the mirror is its name here.
        take: called with the key of each file and its content, an open binary file; raises
            ValueError to refuse it, else it is kept.

    Raises:
        DownloadError: no mirror answers or has the right files, or the place is not writable.
    """
    pooch = needed("pooch", "downloading a data set")
    import requests

    # On a terminal pooch shows a progress bar.
    get = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(), chunk_size=2**16, timeout=(ANSWER_SECONDS, STALL_SECONDS)
    )
    waiting = dict(files)
    problems = _problems([mirror + next(iter(waiting.values())).name for mirror in mirrors])
    for number, mirror in enumerate(mirrors):
        if problems[number]:
            continue
        try:
            for key, path in list(waiting.items()):
                content = io.BytesIO()
                get(mirror + path.name, content, None)
                take(key, content)
                path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(path, content.getbuffer())
                del waiting[key]
            return
        except requests.RequestException as error:
            problems[number] = type(error).__name__
        except ValueError as error:
            problems[number] = str(error)
        except OSError as error:
            raise DownloadError(f"a download cannot be kept: {error}") from error
    first, *others = waiting.values()
    more = f" and {len(others)} more" if others else ""
    reasons = "; ".join(
        f"{urlsplit(mirror).hostname}: {problem}"
        for mirror, problem in zip(mirrors, problems, strict=True)
    )
    raise DownloadError(f"{first}{more}: not there, and no mirror has it: {reasons}")


def _problems(urls: Sequence[str]) -> list[str | None]:
    """Ask all addresses at once. Returns None or what is wrong, for each."""
    import requests

    problems: list[str | None] = ["no answer"] * len(urls)

    def ask(number: int) -> None:
        try:
            response = requests.head(urls[number], timeout=ANSWER_SECONDS, allow_redirects=True)
        except requests.RequestException as error:
            problems[number] = type(error).__name__
        else:
            problems[number] = None if response.ok else f"{response.status_code} {response.reason}"

    threads = [threading.Thread(target=ask, args=(k,), daemon=True) for k in range(len(urls))]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + ANSWER_SECONDS
    for thread in threads:
        thread.join(max(0, deadline - time.monotonic()))
    return list(problems)
