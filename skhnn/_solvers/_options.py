"""The options that solvers take, resolved: nothing is None or "auto" any more."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SolverOptions:
    """See ``HNNRegressor`` for the meaning of each."""

    max_iter: int
    batch_size: int
    learning_rate_init: float
    shuffle: bool
    rng: np.random.RandomState
    state: dict[str, np.ndarray] | None = None  # a ``FitResult.state`` of the same solver
