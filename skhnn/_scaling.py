r"""The units that a fit computes in, so that it does not depend on those of the data.

States are x' = (x - c) / s, energies h = H / e and rates y' = y / f. For canonical states

    f_j = e / s_k,    k the column conjugate to j,    so that    y' = J grad' h.

That field is Hamiltonian for any s. (Scaling the columns of X and y in front of the estimator is
not the same thing: a different scale for q and p destroys the relation dp/dt = -dH/dq.)
"""

from collections.abc import Collection, Mapping
from dataclasses import astuple, dataclass, replace

import numpy as np

from ._columns import Columns, fastest_rate, is_constant
from .hamiltonians import Canonical, Structure, Units, gradient_from_field

# Beyond this ratio of the energies of two columns the squares leave the range of floats.
_LARGEST_SPREAD = 1e70
_TINY = np.finfo(float).tiny


@dataclass(frozen=True)
class Scaling:
    """Means mu and scales s of the columns of X, the unit of energy e, and what follows.

    Of all columns as well: ``c`` is mu, but of a periodic column the nearest multiple of its
    period, and zero where H needs the column itself; ``box`` has the periods of x', and zero for
    other columns. Of the D columns of the state: ``f`` are the units of the rates; ``w`` the
    weights of the columns of the field y' in the loss; ``constant`` has the columns of y' that are
    constant up to rounding, and NaN for others (for all, with a structure that is not canonical).
    """

    mu: np.ndarray
    s: np.ndarray
    e: float
    c: np.ndarray
    f: np.ndarray
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
        absolute: Collection[int] = (),
        structure: Structure | None = None,
    ) -> "Scaling":
        """Mean and standard deviation of X, e = rms(s * G), w = 1 / (m Var(y')).

        G = S^-1 y is grad H, and m is the number of derivatives that vary. With these w the loss is
        1 - R^2.

        A column of X that never varies has no scale of its own. It takes the one at which its
        derivative of H is of the common size, s_j = e / rms(G_j), so that units still cancel. A
        derivative that is constant up to rounding is weighted as if it had the spread that a motion
        at the fastest rate would give it.
        """
        n = y.shape[1]
        of_X, of_y = Columns.of(X, weight), Columns.of(y, weight)
        of_state = Columns(*(of_all[:n] for of_all in astuple(of_X)))
        periods, structure = periods or {}, structure or Canonical()
        s = of_X.spread.copy()
        for k, period in periods.items():
            s[k] = _spread_of_angle(X[:, k], weight, period)
        s[n:] = np.where(s[n:] > 0.0, s[n:], np.maximum(of_X.largest[n:], _TINY))
        size = np.hypot(of_y.mean, of_y.spread)  # rms of every derivative
        if structure.is_canonical:
            s[:n], e = _canonical_units(s[:n], np.abs(gradient_from_field(size)))
            f = np.roll(e / s[:n], n // 2)  # of y, for a derivative of h of size one
        else:
            s[:n], e, f = _units_of_structure(s[:n], size, structure, X[:, :n])
        constant = is_constant(of_state, of_y)
        natural = np.maximum(of_state.spread * fastest_rate(of_state, of_y), size)
        spread = np.where(constant, natural, of_y.spread)
        spread = np.where(spread > 0, spread / f, 1.0)
        spread = np.clip(spread, 1.0 / _LARGEST_SPREAD, _LARGEST_SPREAD)
        w = 1.0 / (max((~constant).sum(), 1) * spread**2)
        c, box = of_X.mean.copy(), np.zeros(len(s))
        c[list(absolute)] = 0.0
        for k, period in periods.items():
            c[k], box[k] = period * np.round(c[k] / period), period / s[k]
        if not structure.is_canonical:  # then it says nothing of single derivatives of H
            constant = np.full(n, False)
        constant = np.where(constant, of_y.mean / f, np.nan)
        return cls(of_X.mean, s, e, c, f, w, constant, box)

    @classmethod
    def from_velocities(
        cls,
        X: np.ndarray,
        y: np.ndarray,
        weight: np.ndarray,
        periods: Mapping[int, float] | None = None,
        absolute: Collection[int] = (),
        e: float | None = None,
    ) -> "Scaling":
        """Units of positions and velocities: s of q, tau of time, s / tau of v, s / tau^2 of a.

        Velocities and inputs are counted from zero. The velocities in y are none of the equations,
        and ``w`` is 1 / (d Var(a')). Without ``e`` the unit of energy is that of a mass of one.
        """
        n = y.shape[1]
        d = n // 2
        of_X, of_y = Columns.of(X, weight), Columns.of(y, weight)
        s, mu, periods = of_X.spread.copy(), of_X.mean.copy(), periods or {}
        for k, period in periods.items():
            s[k] = _spread_of_angle(X[:, k], weight, period)
        s[n:] = np.where(s[n:] > 0.0, s[n:], np.maximum(of_X.largest[n:], _TINY))
        v, a = np.hypot(mu, of_X.spread)[d:n], np.hypot(of_y.mean, of_y.spread)[d:]
        moves = s[:d] > 0.0
        rates = np.array(
            [(size[moves] / s[:d][moves]) @ (size[moves] / s[:d][moves]) for size in (v, a)]
        )
        tau = np.sqrt(rates[0] / rates[1]) if rates.all() else 1.0
        if not rates.all() and rates.any():
            tau = rates[0] ** -0.5 if rates[0] else rates[1] ** -0.25
        still = np.maximum(v * tau, a * tau**2)
        s[:d] = np.where(moves, s[:d], np.where(still > 0.0, still, 1.0))
        s[d:n] = s[:d] / tau
        f = np.concatenate([s[d:n], s[d:n] / tau])
        of_v = Columns(mu[d:n], of_X.spread[d:n], of_X.largest[d:n])
        of_a = Columns(of_y.mean[d:], of_y.spread[d:], of_y.largest[d:])
        constant = is_constant(of_v, of_a)
        spread = np.where(
            constant, np.maximum(a, of_v.spread * fastest_rate(of_v, of_a)), of_a.spread
        )
        spread = np.where(spread > 0.0, spread / f[d:], 1.0)
        spread = np.clip(spread, 1.0 / _LARGEST_SPREAD, _LARGEST_SPREAD)
        w = np.concatenate([np.zeros(d), 1.0 / (max((~constant).sum(), 1) * spread**2)])
        mu[d:n] = 0.0
        c, box = mu.copy(), np.zeros(len(s))
        c[list(absolute)] = c[n:] = 0.0
        for k, period in periods.items():
            c[k], box[k] = period * np.round(c[k] / period), period / s[k]
        stays = ~moves & (v == 0.0) & (a == 0.0)  # H need not know of it
        known = np.concatenate([np.zeros(d), np.where(stays, 0.0, np.nan)])
        return cls(mu, s, float(s[d] ** 2) if e is None else e, c, f, w, known, box)

    @property
    def units(self) -> Units:
        """What states, energies and rates are divided by."""
        return Units(self.s, self.c, self.e, self.f)

    @property
    def n_state(self) -> int:
        """The number of columns of the state."""
        return len(self.f)

    @property
    def range_of_energies(self) -> float:
        """The largest ratio of the energies s_j rms(dH/dx_j) that the columns stand for."""
        w = self.w[self.w > 0.0]
        return float(np.sqrt(w.max() / w.min()))

    @property
    def weights_of_gradient(self) -> np.ndarray:
        """The weights of the columns of grad h, (2d,): those of the field, of the conjugates."""
        return np.roll(self.w, len(self.w) // 2)

    @property
    def reads(self) -> np.ndarray:
        """The columns of canonical states that H depends on not only linearly; of bool."""
        found = np.full(len(self.s), True)
        found[: self.n_state] = np.isnan(gradient_from_field(self.constant))
        return found

    @property
    def mean(self) -> np.ndarray:
        """The mean of x': zero but for columns that are periodic, or needed themselves."""
        return (self.mu - self.c) / self.s

    @property
    def unit_of_time(self) -> np.ndarray:
        """dx'/dt = y' times these, (D,)."""
        return self.f / self.s[: self.n_state]

    def states(self, X: np.ndarray) -> np.ndarray:
        """x' of rows x."""
        return (X - self.c) / self.s

    def with_constant(self, which: np.ndarray, values: np.ndarray) -> "Scaling":
        """The same, where more derivatives y', (D,) of bool, are taken for constant."""
        n_before, n = np.isnan(self.constant).sum(), len(self.f)
        spread = 1.0 / np.sqrt(n_before * self.w)
        constant = self.constant.copy()
        constant[which] = values
        varies = np.isnan(constant)
        rates = self.f * spread / self.s[:n]
        natural = self.s[:n] * rates[varies].max(initial=0.0) / self.f
        spread[which] = np.maximum(natural, spread)[which]
        return replace(self, w=1.0 / (max(varies.sum(), 1) * spread**2), constant=constant)

    def field(self, y: np.ndarray) -> np.ndarray:
        """y' of a field y."""
        return y / self.f


def _canonical_units(s: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, float]:
    """The scales of all columns, and e, for derivatives of H of these sizes."""
    moves = s > 0
    e = float(np.sqrt(np.mean((s * g)[moves] ** 2))) if moves.any() else 1.0
    e = e or 1.0  # all derivatives zero: H is constant, at any scale
    s = s.copy()
    least = e / np.finfo(float).max  # of a derivative that is rounding of nothing
    s[~moves] = np.divide(e, g[~moves], out=np.ones((~moves).sum()), where=g[~moves] > least)
    return s, e


def _units_of_structure(
    s: np.ndarray, size: np.ndarray, structure: Structure, X: np.ndarray
) -> tuple[np.ndarray, float, np.ndarray]:
    """Scales, e and the units of rates, at which S' has entries of size one."""
    s = np.where(s > 0, s, np.where(s.max(initial=0.0) > 0, s.max(initial=0.0), 1.0))
    rate = float(np.sqrt(np.mean((size / s) ** 2))) or 1.0
    f = rate * s
    # Rows, evenly spaced, at which a structure is looked at.
    rows_of_structure = 200
    some = np.asarray(X[:: -(-len(X) // rows_of_structure)])
    S = structure.at(some) / (f[:, None] * s)
    largest = float(np.sqrt(np.mean(np.max(S**2, axis=(1, 2)))))
    return s, 1.0 / largest if largest > 0 else 1.0, f


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
