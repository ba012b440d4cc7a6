r"""Standardisation inside the Hamiltonian.

The network is trained as h(z) on z = (x - mu) / s and the Hamiltonian is H(x) = e h(z). Any s keeps
the field Hamiltonian, because H is scaled and not the field: grad H = (e / s) * grad h, so the
targets of grad h are (s / e) * grad H. After the fit, ``Hamiltonian.fold`` moves mu, s and e into
the first and the last layer. (Scaling the columns of X and y in front of the estimator is not the
same thing: a different scale for q and p destroys the relation dp/dt = -dH/dq.)
"""

from dataclasses import dataclass

import numpy as np

from ._columns import Columns, fastest_rate, is_constant
from .hamiltonians import gradient_from_field

# Beyond this ratio of the energies of two columns the squares leave the range of floats.
_LARGEST_SPREAD = 1e70


@dataclass(frozen=True)
class Scaling:
    """mu and s of the states, both (2d,), the energy scale e, and the loss weights w (2d,).

    ``constant``, (2d,), has the targets of h that are constant up to rounding, and NaN for others.
    """

    mu: np.ndarray
    s: np.ndarray
    e: float
    w: np.ndarray
    constant: np.ndarray

    @classmethod
    def from_data(cls, X: np.ndarray, y: np.ndarray, weight: np.ndarray) -> "Scaling":
        """Mean and standard deviation of X, e = rms(s * G), w = (e / s)^2 / (m Var(G)).

        G = J^T y, and m is the number of targets that vary. With these w the loss is 1 - R^2.

        A column of X that never varies has no scale of its own. It takes the one at which its
        target is of the common size, s_j = e / rms(G_j), so that units still cancel. A target that
        is constant up to rounding is weighted as if it had the spread that a motion at the fastest
        rate would give it.
        """
        of_X, of_y = Columns.of(X, weight), Columns.of(y, weight)
        s = of_X.spread.copy()
        size = np.hypot(of_y.mean, of_y.spread)  # rms of every derivative
        g = np.abs(gradient_from_field(size))
        moves = s > 0
        e = float(np.sqrt(np.mean((s * g)[moves] ** 2))) if moves.any() else 1.0
        e = e or 1.0  # all targets zero: H is constant, at any scale
        s[~moves] = np.divide(e, g[~moves], out=np.ones((~moves).sum()), where=g[~moves] > 0)
        constant = is_constant(of_X, of_y)
        natural = np.maximum(of_X.spread * fastest_rate(of_X, of_y), size)
        spread = np.abs(gradient_from_field(np.where(constant, natural, of_y.spread))) * (s / e)
        n_varying = max((~constant).sum(), 1)
        spread[spread == 0] = 1.0
        w = 1.0 / (n_varying * np.clip(spread, 1.0 / _LARGEST_SPREAD, _LARGEST_SPREAD) ** 2)
        target = gradient_from_field(of_y.mean) * (s / e)
        return cls(of_X.mean, s, e, w, np.where(np.roll(constant, len(s) // 2), target, np.nan))

    @property
    def range_of_energies(self) -> float:
        """The largest ratio of the energies s_j rms(dH/dx_j) that the columns stand for."""
        return float(np.sqrt(self.w.max() / self.w.min()))

    def states(self, X: np.ndarray) -> np.ndarray:
        """z = (x - mu) / s."""
        return (X - self.mu) / self.s

    def targets(self, G: np.ndarray) -> np.ndarray:
        """The gradient targets of h, s G / e."""
        return G * (self.s / self.e)
