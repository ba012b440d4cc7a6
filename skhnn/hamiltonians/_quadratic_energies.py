r"""Linear and quadratic energies, which every Hamiltonian has beside its networks.

    E(z) = g . z + 1/2 z^T Q z,    z = (x - mu) / s,

linear in its coefficients u (m, 1): those of z_i, then those of z_i^2 and 2^(1/2) z_i z_j, for the
coordinates and products that the structure of H admits. A constant rate of change is a linear
energy and an oscillator a quadratic one; a network would have to imitate them.

With these factors the sum of the squares of u is a norm of Q that does not depend on the directions
of the axes. Data that lie in a plane, such as two bodies about their centre, leave parts of Q open,
and the smallest u then has no curvature across it. (Of equal spreads of z_i^2 and z_i z_j a
curvature of either sign is left there, and simulations went off the plane.)
"""

from collections.abc import Iterable
from types import ModuleType
from typing import Any

import numpy as np

from ._layers import Outer, Params
from ._maps import Standardised, as_like


class QuadraticEnergies:
    """E of the admitted ``pairs`` (i, j), i <= j; every column of the state in them has a z_i.

    Parameters
    ----------
    n_columns : int
        The number of columns of x.
    pairs : iterable of (int, int)
        The products z_i z_j admitted, of 0 <= i <= j < n_columns.
    n_state : int, default=None
        The number of columns of the state, which come first; None for all.
    """

    #: A network's hidden arrays; here there are none.
    n_hidden = 0

    def __init__(
        self, n_columns: int, pairs: Iterable[tuple[int, int]], n_state: int | None = None
    ):
        self.n_columns = n_columns
        self.n_state = n_columns if n_state is None else n_state
        self.pairs = sorted({(min(pair), max(pair)) for pair in pairs})
        self.columns = sorted({k for pair in self.pairs for k in pair if k < self.n_state})
        self.map = Standardised(np.zeros(n_columns), np.ones(n_columns))
        self._i = [i for i, _ in self.pairs]
        self._j = [j for _, j in self.pairs]
        self.n_weights = len(self.columns) + len(self.pairs)
        # Where the coefficients of g and of the upper triangle of Q are in u, with a zero behind
        # it; and, flat, where the products are in Q.
        self._of_g = np.full(n_columns, self.n_weights)
        self._of_g[self.columns] = np.arange(len(self.columns))
        self._of_half = np.full((n_columns, n_columns), self.n_weights)
        self._of_half[self._i, self._j] = len(self.columns) + np.arange(len(self.pairs))
        self._of_linear = np.array(self.columns, dtype=int)
        self._of_products = np.array([i * n_columns + j for i, j in self.pairs], dtype=int)
        # 2^(1/2) of the products of two columns.
        self._factor = np.where(np.equal(self._i, self._j), 1.0, np.sqrt(2.0))
        self._factors = np.concatenate([np.ones(len(self.columns)), self._factor, [0.0]])

    @property
    def reads(self) -> list[tuple[int, ...]]:
        """The columns that each of the functions reads."""
        return [*((k,) for k in self.columns), *self.pairs]

    def standardised(self, mu: np.ndarray, s: np.ndarray) -> "QuadraticEnergies":
        """The same with z = (x - mu) / s."""
        other = QuadraticEnergies(self.n_columns, self.pairs, self.n_state)
        other.map = Standardised(mu, s)
        return other

    def rescaled(self, s: np.ndarray) -> "QuadraticEnergies":
        """The same function of x' = x / s."""
        other = QuadraticEnergies(self.n_columns, self.pairs, self.n_state)
        other.map = self.map.rescaled(s)
        return other

    def init(self, rng: np.random.RandomState) -> Params:
        """Coefficients of zero."""
        return [np.zeros((self.n_weights, 1))]

    def magnitudes(self, X: np.ndarray, energy: np.ndarray) -> Params:
        """Typical sizes of the coefficients: the smaller of the energies of their columns."""
        of_products = np.minimum(energy[self._i], energy[self._j])
        return [np.concatenate([energy[self.columns], of_products])[:, None]]

    def sample(self, X: np.ndarray, rng: np.random.RandomState, *_: Any) -> Params:
        """Coefficients of zero: there is nothing to draw."""
        return self.init(rng)

    def widen(
        self, params: Params, X: np.ndarray, rng: np.random.RandomState, n_units: int
    ) -> tuple["QuadraticEnergies", Params]:
        """Itself: it has no units."""
        return self, params

    def last_of(self, g: np.ndarray, Q: np.ndarray) -> np.ndarray:
        """The coefficients (m,) of g . z + 1/2 z^T Q z; what is not admitted is left out."""
        return self.monomials(g, Q) / self._factors[:-1]

    def monomials(self, g: np.ndarray, Q: np.ndarray) -> np.ndarray:
        """The same of z_i and z_i z_j themselves."""
        half = Q - 0.5 * np.diag(np.diag(Q))
        return np.concatenate([g[self.columns], half[self._i, self._j]])

    def folded(self, params: Params, e: float) -> tuple[np.ndarray, np.ndarray]:
        """g (D,) and Q (D, D) of e E = g . (x - c) + 1/2 (x - c)^T Q (x - c) + constant."""
        g, Q = self.matrices(params, np)
        mu, s = (a + np.zeros(self.n_columns) for a in self.map.constants.values())
        Q = e * (Q / s[:, None] / s)
        return e * g / s - Q @ mu, Q

    def matrices(self, params: Params, xp: ModuleType) -> tuple[Any, Any]:
        """g (D,) and Q (D, D)."""
        u = params[0][:, 0]
        u = xp.concatenate([u, u[:1]]) * as_like(self._factors, u, xp)
        half = _taken(u, self._of_half, xp)
        return _taken(u, self._of_g, xp), half + half.T

    def at(self, params: Params, X: Any, xp: ModuleType, order: int = 1) -> "_At":
        """Evaluated at the rows of X."""
        return _At(self, params, X, xp)


class _At:
    def __init__(self, term: QuadraticEnergies, params: Params, X: Any, xp: ModuleType):
        self.term, self.xp, self.X = term, xp, X
        self.point = term.map.at(X, xp)
        self.g, self.Q = term.matrices(params, xp)

    def value(self) -> Any:
        z = self.point.z
        return (z * (0.5 * (z @ self.Q) + self.g)).sum(-1)

    def gradient(self) -> Any:
        """(n, D)."""
        return self.point.vjp(self.point.z @ self.Q + self.g)

    def basis(self) -> Any:
        """The gradients of z_i, z_i^2 and 2^(1/2) z_i z_j, (n, D, m)."""
        xp, z = self.xp, self.point.z
        eye = self.point.vjp(xp.diag(xp.ones_like(z[(0,) * (z.ndim - 1)])))  # d z_j / d x_k
        of_products = self.products(eye, z[..., None, :])
        zero = xp.zeros_like(of_products[..., :1])
        return xp.concatenate([zero + eye[:, self.term.columns], of_products], axis=-1)

    def basis_by(self, k: int, which: np.ndarray) -> Any:
        """The derivatives by x_k of some functions, (n, m), all of which read it."""
        term, n = self.term, len(self.term.columns)
        partner = np.full(len(which), -1)  # of linear energies
        of_products = which >= n
        pairs = np.array(term.pairs)[which[of_products] - n]
        partner[of_products] = pairs.sum(axis=1) - k
        factor = term._factors[which] * np.where(partner == k, 2.0, 1.0)
        z = np.concatenate([self.point.z, np.ones((len(self.X), 1))], axis=1)
        return z[:, partner] * (
            factor / np.broadcast_to(term.map.constants["s"], term.n_columns)[k]
        )

    def products(self, a: Any, b: Any) -> Any:
        """The derivatives of a . Q b by the coefficients of the products; a and b are (..., D)."""
        i, j = self.term._i, self.term._j
        return (a[..., i] * b[..., j] + b[..., i] * a[..., j]) * as_like(
            self.term._factor, b, self.xp
        )

    def pullback(self, V: Any, outer: Outer) -> Params:
        """The derivative of sum(V * gradient) by u."""
        t, z, term = self.point.jvp(V), self.point.z, self.term
        S = outer(t, z)  # of z_i z_j: the sum of t_i z_j + z_i t_j
        of_linear = _taken(outer(None, t), term._of_linear, self.xp)
        of_products = _taken(S + S.T, term._of_products, self.xp)
        of_products = of_products * as_like(term._factor, z, self.xp)
        return [self.xp.concatenate([of_linear, of_products])[:, None]]

    def hessian_along(self, V: Any) -> Any:
        return self.point.vjp(self.point.jvp(V) @ self.Q)


def _taken(a: Any, places: np.ndarray, xp: ModuleType) -> Any:
    """Entries of a, as if it were flat; torch takes longer to read a list than to use an array."""
    return np.take(a, places) if xp is np else xp.take(a, xp.as_tensor(places, device=a.device))
