"""The pool as threadpoolctl sees it: threadpool_info() lists it, threadpool_limits() steers it.

It is registered where threadpoolctl was imported before pytensor, and by

    import pytensor.threadpools

in any case. threadpoolctl is none of pytensor's dependencies.
"""

import threadpoolctl

from pytensor import _core
from pytensor._support.version import __version__


class Controller(threadpoolctl.LibController):
    """How threadpoolctl finds and steers pytensor's pool, user_api "pytensor".

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

    def get_num_threads(self):
        """The number of threads of the pool."""
        return _core.get_num_threads()

    def set_num_threads(self, num_threads):
        """See pytensor.set_num_threads."""
        _core.set_num_threads(num_threads)

    def get_version(self):
        """The version of pytensor."""
        return __version__


threadpoolctl.register(Controller)
