"""What the residuals of a fit say about the data."""

import warnings

import numpy as np

from .hamiltonians import field_from_gradient, gradient_from_field

# An error to talk about, and the part of it that must be linear and not Hamiltonian. Noise, or what
# a network has not learned yet, is neither.
_WORTH_A_WORD = 1e-4
_PART = 0.3
_ROWS_PER_COLUMN = 10
# The spread of a constant column, relative to its size.
_ROUNDING = 1e-12


def warn_if_not_hamiltonian(X: np.ndarray, y: np.ndarray, predicted: np.ndarray) -> None:
    r"""Warn where what is left of the derivatives is linear in the states and not Hamiltonian.

    The residuals are regressed on the states, y - J grad H = M x. A linear field M x is Hamiltonian
    if J^T M is symmetric; friction is not, and is what the antisymmetric part measures.
    """
    n, n_columns = X.shape
    spread = y.std(axis=0)
    varies = spread > _ROUNDING * np.abs(y).max(axis=0)
    if n < _ROWS_PER_COLUMN * n_columns or not varies.all():
        return
    residual = y - predicted
    missing = float(np.mean((residual / spread) ** 2))
    if not missing > _WORTH_A_WORD:
        return
    x = X - X.mean(axis=0)
    M_T = np.linalg.lstsq(np.column_stack([x, np.ones(n)]), residual, rcond=None)[0][:-1]
    S = gradient_from_field(M_T).T  # J^T M
    part = field_from_gradient(x @ (0.5 * (S - S.T)).T)
    explained = 1.0 - float(np.mean(((residual - part) / spread) ** 2)) / missing
    if explained > _PART:
        warnings.warn(
            f"The derivatives do not look like those of a Hamiltonian system: {missing:.1%} of "
            f"their variance is left, and {explained:.0%} of that is linear in the states and not "
            "Hamiltonian, as friction is. No Hamiltonian can fit it. Check that the columns are q "
            "then p, with p the momentum that belongs to q; subtract a friction that you know from "
            "y.",
            stacklevel=4,
        )
