r"""Standardisation inside the Hamiltonian.

The network is trained as h(z) on z = (x - mu) / s and the Hamiltonian is H(x) = e h(z). Any s keeps
the field Hamiltonian, because H is scaled and not the field: grad H = (e / s) * grad h, so the
targets of grad h are (s / e) * grad H. After the fit, ``Hamiltonian.fold`` moves mu, s and e into
the first and the last layer. (Scaling the columns of X and y in front of the estimator is not the
same thing: a different scale for q and p destroys the relation dp/dt = -dH/dq.)
"""

from dataclasses import dataclass

import numpy as np

from .hamiltonians import gradient_from_field

_ROWS_OF_A_PIECE = 2**14
# Columns of the targets whose spread is below this fraction of the common scale carry rounding
# errors, not information; they must not get a weight of 1 / (rounding error)^2.
_SMALLEST_SPREAD = 1e-6


@dataclass(frozen=True)
class Scaling:
    """mu and s of the states, both (2d,), the energy scale e, and the loss weights w (2d,)."""

    mu: np.ndarray
    s: np.ndarray
    e: float
    w: np.ndarray

    @classmethod
    def from_data(cls, X: np.ndarray, y: np.ndarray, weight: np.ndarray) -> "Scaling":
        """Mean and standard deviation of X, e = rms(s * G), w = 1 / (2d Var(s G / e)).

        G = J^T y. With these w the loss is 1 - R^2.

        A column of X that never varies has no scale of its own. It takes the one at which its
        target is of the common size, s_j = e / rms(G_j), so that units still cancel. A target that
        varies by rounding only is weighted as if it had the common scale, one.
        """
        mu, s = _mean_and_spread(X, weight)
        mean, spread = (gradient_from_field(a) for a in _mean_and_spread(y, weight))
        spread = np.abs(spread)
        g = np.hypot(mean, spread)  # rms of every target column
        varies = s > 0
        e = float(np.sqrt(np.mean((s * g)[varies] ** 2))) if varies.any() else 1.0
        e = e or 1.0  # all targets zero: H is constant, at any scale
        s[~varies] = np.divide(e, g[~varies], out=np.ones((~varies).sum()), where=g[~varies] > 0)
        spread = spread * (s / e)
        spread[spread < _SMALLEST_SPREAD] = 1.0
        return cls(mu, s, e, 1.0 / (X.shape[1] * spread**2))

    def states(self, X: np.ndarray) -> np.ndarray:
        """z = (x - mu) / s."""
        return (X - self.mu) / self.s

    def targets(self, G: np.ndarray) -> np.ndarray:
        """The gradient targets of h, s G / e."""
        return G * (self.s / self.e)


def _mean_and_spread(X: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean and standard deviation per column; a spread that is rounding error is zero.

    In pieces, since X may be larger than the memory.
    """
    pieces = [slice(k, k + _ROWS_OF_A_PIECE) for k in range(0, len(X), _ROWS_OF_A_PIECE)]
    total = weight.sum()
    mean = sum(weight[rows] @ X[rows] for rows in pieces) / total
    square = sum(weight[rows] @ (X[rows] - mean) ** 2 for rows in pieces) / total
    largest = np.max([np.abs(X[rows]).max(axis=0) for rows in pieces], axis=0)
    spread = np.sqrt(square)
    spread[spread <= 10 * np.finfo(float).eps * largest] = 0.0
    return np.asarray(mean), spread
