"""One thread for BLAS while the small matrices of this package are worked on.

A QR or SVD of some hundred columns is a long chain of small products. Shared out between threads,
each of them waits for the slowest, and on a busy machine the slowest waits for its turn. Two cores
in light use, two threads against one: QR of 1000 x 200 and 5000 x 1000 take 2.2 and 2.5 times the
time, SVD of 200, 500 and 1000 columns 13, 5 and 7 times, and only products gain, by up to 1.6. With
both cores busy QR is 4 to 9 times slower. More cores are better used by several fits at once.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import ClassVar

from threadpoolctl import ThreadpoolController


@lru_cache(maxsize=1)
def _blas() -> ThreadpoolController:
    """The BLAS libraries of numpy and scipy; finding them takes 10 to 20 ms, so once."""
    # Imported first, since only a library that is loaded is found.
    import scipy.linalg  # noqa: F401

    return ThreadpoolController().select(user_api="blas")


class _OneThread(threading.local):
    """How deep the calling thread is inside; shared by all: how many threads, and what they found.

    The number of threads of BLAS belongs to the process. If each thread set back what it had found,
    the one that came second and left last would set it to one for good.
    """

    lock = threading.Lock()
    n_threads: ClassVar[int] = 0
    before: ClassVar[list[int]] = []
    depth = 0

    def enter(self) -> None:
        self.depth += 1
        if self.depth > 1:
            return
        with self.lock:
            libraries = _blas().lib_controllers
            if _OneThread.n_threads == 0:
                _OneThread.before = [library.num_threads for library in libraries]
                _set([1] * len(libraries))
            _OneThread.n_threads += 1

    def leave(self) -> None:
        self.depth -= 1
        if self.depth > 0:
            return
        with self.lock:
            _OneThread.n_threads -= 1
            if _OneThread.n_threads == 0:
                _set(self.before)
            # Whoever sets OpenBLAS is, for threadpoolctl 3.8, the only thread that may do so until
            # the end of its "with". Without this one, nobody else could set it again.
            with _blas().limit(limits=None):
                pass


def _set(numbers: list[int]) -> None:
    for library, number in zip(_blas().lib_controllers, numbers, strict=True):
        library.set_num_threads(number)


_ONE_THREAD = _OneThread()


@contextmanager
def one_blas_thread(wanted: bool = True) -> Iterator[None]:
    """One thread for BLAS inside, if ``wanted``; afterwards as before, whatever happens.

    Of several threads that are inside at once, the last one to leave sets it back. Where another
    thread is in a ``with threadpool_limits(...)`` of its own, its number holds.
    """
    if not wanted:
        yield
        return
    _ONE_THREAD.enter()
    try:
        yield
    finally:
        _ONE_THREAD.leave()
