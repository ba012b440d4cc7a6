"""A comparison with a regression that knows no mechanics."""

import numpy as np

from ..hamiltonians._sampling import sample_layer
from ._functions import KINDS
from ._regression import crossfit
from ._rows import Rows
from ._words import causes


def beaten_without_mechanics(
    rows: Rows,
    remainder: np.ndarray,
    by_more_units: float,
    rng: np.random.RandomState,
) -> str | None:
    """A sentence where a regression without mechanics is far better; both on rows left out.

    ``remainder`` is what H leaves of every equation.
    """
    n, d2 = rows.Z.shape
    units_without_mechanics, rows_per_unit = 300, 3
    n_units = min(units_without_mechanics, n // rows_per_unit)
    # The weights of columns are constants, which the regression of each column may ignore.
    target, root, fold = rows.target.reshape(n, d2), rows.root[:, :1], rows.fold[::d2]
    left_by_H, best = typical(rows, remainder), np.inf
    for scale in (scale for reads, scale in KINDS if reads == "x"):
        W, b = sample_layer(rows.Z, n_units, rng, "hinge", scale)
        values = np.column_stack([np.ones(n), rows.Z, np.tanh(rows.Z @ W + b)])
        best = min(best, typical(rows, crossfit(values * root, target, fold).ravel()))
    # A regression without mechanics has to come below this part of the mean squared error; where
    # the second half of X is exactly the rate of the first one, H = v^2/2 + V(q) is known to be
    # meant. What a default fit leaves of canonical data without noise was 9 % (three bodies) and
    # below 2 % of others; of velocities in place of momenta at least 8 %.
    without_mechanics, without_mechanics_of_velocities = 0.25, 0.5
    limit = without_mechanics_of_velocities if rows.have_velocities else without_mechanics
    if best >= limit * left_by_H or best >= (1.0 - by_more_units) * left_by_H:
        return None
    return (
        f"No Hamiltonian of these columns was found: it leaves {np.sqrt(left_by_H):.1%} of the "
        f"derivatives (root mean square in a typical block of rows), a regression without "
        f"mechanics {np.sqrt(best):.1%}, on rows left out. {causes(rows)}"
    )


def typical(rows: Rows, remainder: np.ndarray) -> float:
    """The geometric mean over blocks of mean squared errors, relative to the variance.

    A mean would be decided by the worst: of a charge that gains energy one run went far away, and
    there regressions left as much as H.
    """
    in_blocks = np.bincount(rows.block, remainder**2) / np.bincount(rows.block)
    tiny = np.finfo(float).tiny
    return float(np.exp(np.log(in_blocks + tiny).mean()) * len(remainder))
