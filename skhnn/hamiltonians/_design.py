"""The equations of the last weights at some rows, A w = t, kept where A is not zero."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# A column of the field and weights that are in its equation -> A of these, (n, k).
Entries = Callable[[int, np.ndarray], np.ndarray]


@dataclass
class Design:
    """A (n, D, m) and t (n, D).

    Parameters
    ----------
    t : (n, D) array
        What the weights at which they start leave of the targets.
    n_last : int
        The number of the last weights, m.
    dense : (n, D, k) array
        A of some of them.
    places : (k,) integer array
        Their places.
    sparse : function or None
        A of the others, each of which is in the equations of two columns at most.
    """

    t: np.ndarray
    n_last: int
    dense: np.ndarray
    places: np.ndarray
    sparse: Entries | None = None

    def __post_init__(self) -> None:
        self._in_dense = np.full(self.n_last, -1)
        self._in_dense[self.places] = np.arange(len(self.places))

    def entries(self, columns: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """A of weights that are in the equations of all these columns, (n, n_columns, k)."""
        where = self._in_dense[weights]
        if (where >= 0).all():
            return self.dense[:, columns[:, None], where]
        assert self.sparse is not None
        found = np.empty((len(self.t), len(columns), len(weights)))
        found[..., where >= 0] = self.dense[:, columns[:, None], where[where >= 0]]
        for k, column in enumerate(columns.tolist()):
            found[:, k, where < 0] = self.sparse(column, weights[where < 0])
        return found
