"""The nearest of some states, where columns may be periodic."""

import numpy as np
from scipy.spatial import cKDTree


class Nearest:
    """A tree of states (n, 2d); ``box``, (2d,), has the periods of columns, zero for none."""

    def __init__(self, states: np.ndarray, box: np.ndarray):
        self.box = box
        self.tree = cKDTree(self._inside(states), boxsize=box if box.any() else None)

    def query(self, states: np.ndarray, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Distances and indices of the k nearest."""
        distance, index = self.tree.query(self._inside(states), k)
        return np.asarray(distance), np.asarray(index)

    def _inside(self, states: np.ndarray) -> np.ndarray:
        """The states, periodic columns in [0, period)."""
        around = self.box > 0
        if not around.any():
            return states
        states = np.array(states, dtype=float)
        states[:, around] %= self.box[around]
        states[:, around] *= states[:, around] < self.box[around]  # rounding may reach the period
        return states
