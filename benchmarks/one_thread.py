"""One thread for what skhnn is compared with: skhnn limits its threads by itself."""

import contextlib

import torch
from threadpoolctl import threadpool_limits


class one_thread(contextlib.ContextDecorator):  # noqa: N801 - it reads as a function
    """One thread for BLAS and torch; also as a decorator, ``@one_thread()``, that is pickled."""

    def __init__(self):
        self.before = []

    def __enter__(self):
        self.before.append((torch.get_num_threads(), threadpool_limits(1)))
        torch.set_num_threads(1)

    def __exit__(self, *args):
        threads, limits = self.before.pop()
        limits.restore_original_limits()
        torch.set_num_threads(threads)
