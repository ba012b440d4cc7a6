"""Where the training data are: a few states that stand for all, and how close is close.

A learned Hamiltonian means nothing far from the data. The support is kept as up to 300 of the
training states (fewer if they have more than 20 columns), in half precision, spread out by
farthest-point sampling: each is the row farthest from those taken before, so that they cover thin
curves, rings and boxes alike. A state belongs to the data if the nearest of them is within
``reach``: what 99.9 % of other training rows keep to, and a quarter more, but at least a tenth of a
standard deviation. It costs some milliseconds in ``fit`` and at most 12 kB in the pickle.

References
----------
T. F. Gonzalez, "Clustering to minimize the maximum intercluster distance", Theoret. Comput. Sci. 38
(1985) 293-306 (farthest-point sampling).
"""

from dataclasses import dataclass

import numpy as np

from ._nearest import Nearest
from ._scaling import shortest


@dataclass(frozen=True)
class Support:
    """Training states in standard deviations from the mean, (k, 2d), and the reach around them.

    ``mu`` and ``s``, both (2d,), take a state x to (x - mu) / s; ``box``, (2d,), has the periods of
    that, zero for columns without one.
    """

    points: np.ndarray
    reach: float
    mu: np.ndarray
    s: np.ndarray
    box: np.ndarray

    @classmethod
    def from_data(
        cls,
        X: np.ndarray,
        mu: np.ndarray,
        s: np.ndarray,
        box: np.ndarray | None = None,
        before: "Support | None" = None,
    ) -> "Support":
        """The support of the rows of X, (n, 2d), and of those that were seen before."""
        box = np.zeros_like(s) if box is None else box
        # Rows looked at: some to choose from, others to see how close the rest is.
        rows = 2000
        step = -(-len(X) // (2 * rows))
        Z = _standardised(X[::step], mu, s, box)
        if before is not None:
            Z = np.concatenate([before.points.astype(float), Z])
        chosen, others = (Z, Z) if len(Z) < rows else (Z[::2], Z[1::2])
        most_points, most_values = 300, 6000
        n_points = min(most_points, max(most_values // X.shape[1], 1))
        points = chosen[_farthest_points(chosen, n_points, box)].astype(np.float16)
        tree = Nearest(points.astype(float), box)
        reach = np.quantile(tree.query(others)[0], 0.999)
        if len(points) > 1:  # few rows: each is the nearest to itself, so ask for the next one
            to_next = tree.query(points.astype(float), k=2)[0][:, 1]
            reach = max(reach, np.quantile(to_next, 0.999))
        margin, smallest_reach = 1.25, 0.1
        return cls(points, float(max(margin * reach, smallest_reach)), mu, s, box)

    def distance(self, X: np.ndarray) -> np.ndarray:
        """How far states (..., 2d) are from the nearest one kept, in standard deviations, (...)."""
        Z = _standardised(X, self.mu, self.s, self.box)
        finite = ~np.isnan(Z).any(axis=-1)
        distance = np.full(Z.shape[:-1], np.nan)
        distance[finite] = Nearest(self.points.astype(float), self.box).query(Z[finite])[0]
        return distance


def _standardised(X: np.ndarray, mu: np.ndarray, s: np.ndarray, box: np.ndarray) -> np.ndarray:
    """z, of periodic columns the smallest one, within the range of half precision."""
    Z = shortest((np.asarray(X, dtype=float) - mu) / s, box)
    largest = 6e4
    return np.clip(Z, -largest, largest)


def _farthest_points(Z: np.ndarray, n_points: int, box: np.ndarray) -> list[int]:
    """Rows of Z, (n, 2d), each the farthest from those before; the first is that at the edge."""
    index = int(np.argmax(np.einsum("ij,ij->i", Z, Z)))
    chosen, squares = [index], np.full(len(Z), np.inf)
    while len(chosen) < n_points:
        difference = shortest(Z - Z[index], box)
        np.minimum(squares, np.einsum("ij,ij->i", difference, difference), out=squares)
        index = int(np.argmax(squares))
        if squares[index] == 0.0:  # all different rows are taken
            break
        chosen.append(index)
    return chosen
