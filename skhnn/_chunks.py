"""Evaluation of row-wise functions in pieces that fit the cache."""

from collections.abc import Callable

import numpy as np

from ._threads import one_blas_thread

# Below, matrix products become slow. Up to so many rows it takes less time to evaluate equations
# as they are than to multiply out first what is known: half to nine tenths.
FEW_ROWS = 64


def rows_at_once(width: int, bytes_per_value: int = 8) -> int:
    """Rows of a piece on the CPU, for a network whose widest layer has ``width`` units."""
    # Larger temporaries do not only leave the cache: the allocator fetches them from the system and
    # gives them back every time. Measured on 4383 rows of a (64, 64) network, loss and gradient in
    # torch: 12 ms in pieces of 192 rows, 24 ms in pieces of 512 and more.
    bytes_per_layer = 96 * 1024
    return max(bytes_per_layer // (width * bytes_per_value), FEW_ROWS)


def evaluate_in_chunks(
    function: Callable[[np.ndarray], np.ndarray], X: np.ndarray, out: np.ndarray, width: int
) -> np.ndarray:
    """Fill ``out`` with function(X), both by rows; ``width`` is that of the widest layer."""
    n_rows = rows_at_once(width)
    with one_blas_thread(len(X) > FEW_ROWS):  # below, BLAS uses one by itself
        for start in range(0, len(X), n_rows):
            rows = slice(start, start + n_rows)
            out[rows] = function(X[rows])
    return out
