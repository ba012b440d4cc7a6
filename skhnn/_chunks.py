"""Evaluation of row-wise functions in pieces that fit the cache."""

from collections.abc import Callable

import numpy as np

# Activations of a chunk: 2^15 doubles are 256 kB. Measured on (64, 64): 512 rows at once are twice
# as fast as 40,000, and wide layers do best with fewer rows.
_VALUES_PER_LAYER = 2**15


def evaluate_in_chunks(
    function: Callable[[np.ndarray], np.ndarray], X: np.ndarray, out: np.ndarray, width: int
) -> np.ndarray:
    """Fill ``out`` with function(X), both by rows; ``width`` is that of the widest layer."""
    n_rows = min(max(_VALUES_PER_LAYER // width, 64), 1024)
    for start in range(0, len(X), n_rows):
        rows = slice(start, start + n_rows)
        out[rows] = function(X[rows])
    return out
