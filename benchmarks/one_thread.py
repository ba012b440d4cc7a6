"""One thread for what skhnn is compared with: skhnn limits its threads by itself."""

import contextlib

import torch
from threadpoolctl import threadpool_limits


@contextlib.contextmanager
def one_thread():
    """One thread for BLAS and torch; also as a decorator, ``@one_thread()``."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)
