"""The thread pool for threadpoolctl: threadpool_info() lists it, threadpool_limits() limits it.

It is registered where threadpoolctl was imported before pytensor, and otherwise by

    import pytensor.threadpools

threadpoolctl is not a dependency of pytensor.
"""

from __future__ import annotations

import threadpoolctl

from pytensor import _core
from pytensor._support.version import __version__


class Controller(threadpoolctl.LibController):
    """What threadpoolctl finds pytensor's pool by and limits it with; user_api "pytensor".

    >>> import pytensor.threadpools
    >>> import threadpoolctl
    >>> with threadpoolctl.threadpool_limits(1, user_api="pytensor"):
    ...     pt.get_num_threads()
    ...
    1
    """

    user_api = "pytensor"
    internal_api = "pytensor"
    filename_prefixes = ("_core",)
    check_symbols = ("pt_get_num_threads",)

    def get_num_threads(self) -> int:
        """Return the number of threads of the pool."""
        return _core.get_num_threads()

    def set_num_threads(self, num_threads: int) -> None:
        """Set the number of threads; see pytensor.set_num_threads."""
        _core.set_num_threads(num_threads)

    def get_version(self) -> str:
        """Return the version of pytensor."""
        return __version__


threadpoolctl.register(Controller)
