"""Lists of arrays as one vector and back: what optimisers see and what Hamiltonians see."""

from typing import Any

import numpy as np

from ..hamiltonians import Params


def flatten(params: Params) -> np.ndarray:
    """All numpy params in one float64 vector (a copy)."""
    return np.concatenate([np.ravel(p) for p in params]).astype(float, copy=False)


def views(theta: Any, shapes: list[tuple[int, ...]]) -> Params:
    """The params as views into ``theta``, a vector of numpy or torch."""
    params, start = [], 0
    for shape in shapes:
        size = int(np.prod(shape))
        params.append(theta[start : start + size].reshape(shape))
        start += size
    return params
