r"""Random forces on the states (process noise), and the noise of instruments beside them.

With densities q_j the defect of an interval of length h has the variance q_j h. The states then
follow noise in part, so that the level of noise is not the size of the residuals r. Both are those
of the restricted likelihood, at which

    sum r_j^2 = sum (1 - leverage),

r being in units of its deviation; leverages are known by a few draws of noise, which are further
right-hand sides of the one linear system.
"""

import numpy as np

from ._collocation import Linearised
from ._measured import Shown
from ._runs import Grid

# Draws; over hundreds of rows they give the sums to some percent.
_DRAWS = 8


class RandomForces:
    """Densities q, (D,), zero where nothing pushes; ``moved`` is by what log q has changed."""

    def __init__(self, q: np.ndarray, grid: Grid, n_columns: int):
        rng = np.random.RandomState(0)
        none = 1e-8
        self.q, self.least, self.h, self.moved = q, none * q, grid.h[:, None], np.inf
        self.of_rows, self.of_defects = (
            2.0 * rng.randint(2, size=(n, k, _DRAWS)) - 1.0
            for n, k in ((len(grid.t), n_columns), (len(grid.h), len(q)))
        )

    @property
    def variances(self) -> np.ndarray:
        """Of every defect, (n, D)."""
        return self.q * self.h

    @property
    def by_draws(self) -> np.ndarray:
        """The derivatives of defects by the draws, (n, D, k)."""
        return -np.sqrt(self.variances)[..., None] * self.of_defects

    def with_draws(self, shown: Shown, precision: np.ndarray) -> Shown:
        """What is measured, with the draws as further unknowns."""
        with np.errstate(divide="ignore"):
            sigma = np.where(precision > 0.0, 1.0 / np.sqrt(precision), 0.0)
        by_draws = -sigma[..., None] * self.of_rows
        return shown._replace(by_unknowns=np.concatenate([shown.by_unknowns, by_draws], axis=2))

    def look(
        self,
        local: Linearised,
        shown: Shown,
        precision: np.ndarray,
        left: np.ndarray,
        pushes: np.ndarray,
        n_weights: float,
    ) -> np.ndarray:
        """Change the densities; by what every sigma^2 is to be multiplied, (K,).

        ``left``, (N, K), are residuals and ``pushes``, (n, D), defects, both in units of their
        deviations, after a step in which the weights took ``n_weights`` values.
        """
        moves = shown.by_x @ local.Psi[..., -_DRAWS:] * np.sqrt(precision)[..., None]
        is_there = (precision > 0.0)[..., None]
        free = np.mean(np.sum(is_there * self.of_rows * (self.of_rows - moves), axis=0), axis=-1)
        of_forces = np.mean(np.sum(-self.of_defects * local.push[..., -_DRAWS:], axis=0), axis=-1)
        lost = 1.0 - n_weights / max(free.sum() + of_forces.sum(), n_weights + 1.0)
        factor = _ratio(np.sum(pushes**2, axis=0), lost * of_forces)
        before, self.q = self.q, np.maximum(self.q * factor, self.least)
        pushed = before > 0.0
        self.moved = float(np.abs(np.log(self.q[pushed] / before[pushed])).max())
        return _ratio(np.nansum(left**2, axis=0), lost * free)


def _ratio(squares: np.ndarray, free: np.ndarray) -> np.ndarray:
    found = squares / np.maximum(free, np.finfo(float).tiny)
    # The most by which a step changes a variance, and the density that is none, as part of the
    # first.
    most = 10.0
    return np.where(squares > 0.0, np.clip(found, 1.0 / most, most), 1.0)
