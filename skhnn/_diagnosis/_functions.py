"""The known functions that the derivatives are regressed on."""

import numpy as np

from ..hamiltonians._sampling import sample_layer
from ._regression import crossfit, squares
from ._rows import FOLDS, Rows

# The fewest equations for every unknown.
EQUATIONS_PER_UNKNOWN = 10
# Kinds of units for H, the best of which is taken by rows left out: functions of q or of all of x,
# by the scale of ``sample_layer``.
KINDS = (("q", 0.4), ("q", 1.0), ("x", 0.2), ("x", 0.6))


def units_for(rows: Rows) -> int | None:
    """The number of sampled units that so many rows allow; None where they are too few to tell."""
    d2 = rows.Z.shape[1]
    n_units = min(120, len(rows.target) // EQUATIONS_PER_UNKNOWN - d2 * (d2 + 3))
    # With fewer units than this for each column H is no H to compare with: of 80 rows on two Kepler
    # orbits, with one unit a column, a false alarm.
    fewest_units = 4
    return None if n_units < fewest_units * d2 or len(np.unique(rows.fold)) < FOLDS else n_units


def energies_of(rows: Rows, n_units: int, rng: np.random.RandomState) -> np.ndarray:
    """Columns of linear, quadratic and sampled energies, of the kind that leaves the least."""
    d2 = rows.Z.shape[1]
    quadratic = rows.equations(quadratic_energies(rows.Z))
    kinds = []
    for reads, scale in KINDS:
        used = slice(d2 // 2) if reads == "q" else slice(None)
        W = np.zeros((d2, n_units))
        W[used], b = sample_layer(rows.Z[:, used], n_units, rng, "hinge", scale)
        slopes = 1.0 - np.tanh(rows.Z @ W + b) ** 2
        kinds.append(np.hstack([quadratic, rows.equations(W * slopes[:, None, :])]))
    errors = [squares(crossfit(A, rows.target[:, None], rows.fold)) for A in kinds]
    return kinds[int(np.argmin(errors))]


def quadratic_energies(Z: np.ndarray) -> np.ndarray:
    """The gradients of z_i and of z_i z_j, i <= j, (n, 2d, m)."""
    n, d2 = Z.shape
    i, j = np.triu_indices(d2)
    columns = np.zeros((n, d2, d2 + len(i)))
    columns[:, np.arange(d2), np.arange(d2)] = 1.0
    k = d2 + np.arange(len(i))
    columns[:, i, k] += Z[:, j]
    columns[:, j, k] += Z[:, i]
    return columns


def antisymmetric(Z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A z for A = e_i e_j^T - e_j e_i^T, i < j, (n, 2d, k), with i and j, (k,).

    Of many columns only the pairs (q_i, p_i), which make up the divergence.
    """
    n, d2 = Z.shape
    i, j = np.triu_indices(d2, 1)
    if len(i) * EQUATIONS_PER_UNKNOWN > Z.size // 4:
        i, j = np.arange(d2 // 2), np.arange(d2 // 2, d2)
    columns = np.zeros((n, d2, len(i)))
    k = np.arange(len(i))
    columns[:, i, k] = Z[:, j]
    columns[:, j, k] = -Z[:, i]
    return columns, i, j
