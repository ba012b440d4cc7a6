r"""The units that a fit computes in, so that it does not depend on those of the data.

States are x' = (x - c) / s and energies h = H / e, hence the field of h is

    y'_j = (J grad' h)_j = y_j s_k / e,    k the column conjugate to j.

That field is Hamiltonian for any s. (Scaling the columns of X and y in front of the estimator is
not the same thing: a different scale for q and p destroys the relation dp/dt = -dH/dq.)
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ._columns import Columns, fastest_rate, is_constant
from .hamiltonians import gradient_from_field

# Beyond this ratio of the energies of two columns the squares leave the range of floats.
_LARGEST_SPREAD = 1e70


@dataclass(frozen=True)
class Scaling:
    """Means mu and scales s of the states, both (2d,), the unit of energy e, and what follows.

    These are (2d,) as well: ``c`` is mu, but of a periodic column the nearest multiple of its
    period; ``box`` has the periods of x', and zero for other columns; ``w`` are the weights of the
    columns of the field y' in the loss; ``constant`` has the columns of y' that are constant up to
    rounding, and NaN for others.
    """

    mu: np.ndarray
    s: np.ndarray
    e: float
    c: np.ndarray
    w: np.ndarray
    constant: np.ndarray
    box: np.ndarray

    @classmethod
    def from_data(
        cls,
        X: np.ndarray,
        y: np.ndarray,
        weight: np.ndarray,
        periods: Mapping[int, float] | None = None,
    ) -> "Scaling":
        """Mean and standard deviation of X, e = rms(s * G), w = 1 / (m Var(y')).

        G = J^T y is grad H, and m is the number of derivatives that vary. With these w the loss is
        1 - R^2.

        A column of X that never varies has no scale of its own. It takes the one at which its
        derivative of H is of the common size, s_j = e / rms(G_j), so that units still cancel. A
        derivative that is constant up to rounding is weighted as if it had the spread that a motion
        at the fastest rate would give it.
        """
        of_X, of_y = Columns.of(X, weight), Columns.of(y, weight)
        periods = periods or {}
        s = of_X.spread.copy()
        for k, period in periods.items():
            s[k] = _spread_of_angle(X[:, k], weight, period)
        size = np.hypot(of_y.mean, of_y.spread)  # rms of every derivative
        g = np.abs(gradient_from_field(size))
        moves = s > 0
        e = float(np.sqrt(np.mean((s * g)[moves] ** 2))) if moves.any() else 1.0
        e = e or 1.0  # all derivatives zero: H is constant, at any scale
        s[~moves] = np.divide(e, g[~moves], out=np.ones((~moves).sum()), where=g[~moves] > 0)
        constant = is_constant(of_X, of_y)
        natural = np.maximum(of_X.spread * fastest_rate(of_X, of_y), size)
        spread = np.where(constant, natural, of_y.spread)
        unit = np.roll(e / s, len(s) // 2)  # of y, for a derivative of h of size one
        spread = np.where(spread > 0, spread / unit, 1.0)
        spread = np.clip(spread, 1.0 / _LARGEST_SPREAD, _LARGEST_SPREAD)
        w = 1.0 / (max((~constant).sum(), 1) * spread**2)
        c, box = of_X.mean.copy(), np.zeros(len(s))
        for k, period in periods.items():
            c[k], box[k] = period * np.round(c[k] / period), period / s[k]
        constant = np.where(constant, of_y.mean / unit, np.nan)
        return cls(of_X.mean, s, e, c, w, constant, box)

    @property
    def range_of_energies(self) -> float:
        """The largest ratio of the energies s_j rms(dH/dx_j) that the columns stand for."""
        return float(np.sqrt(self.w.max() / self.w.min()))

    @property
    def weights_of_gradient(self) -> np.ndarray:
        """The weights of the columns of grad h, (2d,): those of the field, of the conjugates."""
        return np.roll(self.w, len(self.w) // 2)

    @property
    def reads(self) -> np.ndarray:
        """The columns that H depends on not only linearly, (2d,) of bool."""
        return np.isnan(gradient_from_field(self.constant))

    @property
    def mean(self) -> np.ndarray:
        """The mean of x', (2d,): zero but for periodic columns."""
        return (self.mu - self.c) / self.s

    @property
    def unit_of_time(self) -> np.ndarray:
        """dx'/dt = y' times these, (2d,)."""
        return np.roll(self.e / self.s, len(self.s) // 2) / self.s

    def states(self, X: np.ndarray) -> np.ndarray:
        """x' of states x."""
        return (X - self.c) / self.s

    def field(self, y: np.ndarray) -> np.ndarray:
        """y' of a field y."""
        return y * np.roll(self.s / self.e, len(self.s) // 2)


def shortest(difference: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Differences of states (..., 2d), modulo the periods ``box``, (2d,), that are not zero."""
    turns = np.divide(difference, box, out=np.zeros_like(difference), where=box > 0)
    return difference - box * np.round(turns)


def _spread_of_angle(x: np.ndarray, weight: np.ndarray, period: float) -> float:
    """The standard deviation of cosine and sine together, as a length of arc.

    It does not know how many turns the data go around.
    """
    rate, step = 2.0 * np.pi / period, 2**14
    sums = np.zeros(2)
    for k in range(0, len(x), step):
        angle, c = rate * np.asarray(x[k : k + step]), weight[k : k + step]
        sums += c @ np.cos(angle), c @ np.sin(angle)
    left = 1.0 - float(sums @ sums) / weight.sum() ** 2
    return float(np.sqrt(left) / rate) if left > 1e-12 else 0.0
