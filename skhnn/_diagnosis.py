"""What the residuals of a fit say about the data."""

import warnings

import numpy as np

# An error to talk about, and the part of it that a linear function of the states must explain. The
# residuals of a Hamiltonian fit to friction are linear in the momenta; those of noise or of a
# network that is too small are not.
_WORTH_A_WORD = 1e-4
_LINEAR_PART = 0.5
_ROWS_PER_COLUMN = 10


def warn_if_not_hamiltonian(X: np.ndarray, y: np.ndarray, predicted: np.ndarray) -> None:
    """Warn where what the best Hamiltonian leaves of the derivatives is linear in the states."""
    n, n_columns = X.shape
    spread = y.std(axis=0)
    if n < _ROWS_PER_COLUMN * n_columns or not spread.all():
        return
    residual = (y - predicted) / spread
    missing = float(np.mean(residual**2))
    if not missing > _WORTH_A_WORD:
        return
    scale = X.std(axis=0)
    A = np.column_stack([np.ones(n), (X - X.mean(axis=0)) / np.where(scale > 0, scale, 1.0)])
    rest = residual - A @ np.linalg.lstsq(A, residual, rcond=None)[0]
    explained = 1.0 - float(np.mean(rest**2)) / missing
    if explained > _LINEAR_PART:
        warnings.warn(
            f"The derivatives do not look like those of a Hamiltonian system: {missing:.1%} of "
            f"their variance is left, and {explained:.0%} of that is linear in the states, as with "
            "friction or a drive. No Hamiltonian can fit it. Check that the columns are q then p, "
            "with p the momentum that belongs to q; subtract a friction that you know from y.",
            stacklevel=4,
        )
