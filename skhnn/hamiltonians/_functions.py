r"""Known functions of the state, each with a coefficient: the kinetic energies of bodies.

    E(x) = sum_k u_k z_k(x) / size_k,    z a known map,

linear in the coefficients u (m, 1), and added up over the copies of a row that z makes, as of pairs
of bodies. Like linear and quadratic energies they are what a Hamiltonian has beside its networks.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from ._distances import Squares
from ._layers import Outer, Params
from ._maps import Chain, Linear, Map, Products, as_like
from ._network import as_slice, spread


class Functions:
    """The term of the module; params are [u].

    Parameters
    ----------
    on : sequence of int
        The columns of x that the map reads.
    phi : Map
        The functions.
    reads : sequence of sequences of int
        The columns of x that each function depends on.
    size : (m,) array
        The sizes of the functions.
    label : str
        What the coefficients are, where that is asked for later.
    """

    #: A network's hidden arrays; here there are none.
    n_hidden = 0

    def __init__(
        self,
        on: Sequence[int],
        phi: Map,
        reads: Sequence[Sequence[int]],
        size: np.ndarray | None = None,
        label: str = "",
    ):
        self.label = label
        self.on, self.phi, self.reads = list(on), phi, [list(columns) for columns in reads]
        self.size = np.ones(len(reads)) if size is None else size
        self.columns = sorted({k for columns in self.reads for k in columns})
        self.n_weights = len(self.reads)

    def fit(self, X: np.ndarray, weight: np.ndarray, mu: np.ndarray, s: np.ndarray) -> "Functions":
        """The same with sizes such that each has a gradient of size one by the columns x / s."""
        # Sizes are taken from evenly spaced rows, so many that the slopes of all functions are at
        # most as many numbers as this.
        numbers = 2**22
        some = slice(None, None, -(-self.n_weights * X.size // numbers))
        X, weight = X[some], weight[some]
        at = _At(self, self.init(np.random.RandomState(0)), X, np)
        squares = sum((at.by(k) * self.size * s[k]) ** 2 for k in self.on)
        size = np.sqrt(np.average(squares, axis=0, weights=weight))
        return Functions(self.on, self.phi, self.reads, np.where(size > 0.0, size, 1.0), self.label)

    def rescaled(self, s: np.ndarray) -> "Functions":
        """The same function of x' = x / s."""
        return Functions(self.on, self.phi.rescaled(s[self.on]), self.reads, self.size, self.label)

    def init(self, rng: np.random.RandomState) -> Params:
        """Coefficients of zero."""
        return [np.zeros((self.n_weights, 1))]

    def magnitudes(self, X: np.ndarray, energy: np.ndarray) -> Params:
        """Typical sizes of the coefficients: ones."""
        return [np.ones((self.n_weights, 1))]

    def sample(self, X: np.ndarray, rng: np.random.RandomState, *_: Any) -> Params:
        """Coefficients of zero: there is nothing to draw."""
        return self.init(rng)

    def widen(
        self, params: Params, X: np.ndarray, rng: np.random.RandomState, n_units: int
    ) -> tuple["Functions", Params]:
        """Itself: it has no units."""
        return self, params

    def last_of(self, g: np.ndarray, Q: np.ndarray) -> np.ndarray:
        """Zeros (m,): these functions are none of the quadratic energies that are meant."""
        return np.zeros(self.n_weights)

    def folded(self, params: Params, e: float, n_columns: int) -> np.ndarray | None:
        """Q (D, D) of e E = 1/2 x^T Q x, where it is that."""
        if not isinstance(self.phi, Squares):
            return None
        Q = np.zeros((n_columns, n_columns))
        of_squares = self.phi.constants["M"] @ (2.0 * e * params[0][:, 0] / self.size)
        Q[self.on, self.on] = of_squares
        return Q

    def force_matrix(
        self, params: Params, e: float, first: int, n_pushed: int
    ) -> np.ndarray | None:
        """M (first, n_pushed) of a force F = y M, if pi . F is that, or None.

        y are the columns before pi, which are the last ``n_pushed``, from ``first`` on.
        """
        phi: Map = self.phi
        C = np.eye(self.n_weights)
        if isinstance(phi, Chain) and isinstance(phi.g, Linear):
            C, phi = phi.g.constants["C"], phi.f
        if not isinstance(phi, Products):
            return None
        A, a, B, b = phi.constants.values()
        of_y, of_pi = np.zeros((2, first + n_pushed, len(a)))
        of_y[self.on], of_pi[self.on] = A, B
        if a.any() or b.any() or of_y[first:].any() or of_pi[:first].any():
            return None
        coefficients = C @ (e * params[0][:, 0] / self.size)
        return np.asarray((of_y[:first] * coefficients) @ of_pi[first:].T)

    def at(self, params: Params, X: Any, xp: ModuleType, order: int = 1) -> "_At":
        """Evaluated at the rows of X."""
        return _At(self, params, X, xp)


class _At:
    def __init__(self, term: Functions, params: Params, X: Any, xp: ModuleType):
        self.term, self.xp, self.X = term, xp, X
        self.point = term.phi.at(X[..., as_slice(term.on)], xp)
        self.size = as_like(term.size, X, xp)
        self.u = params[0][:, 0] / self.size

    def value(self) -> Any:
        return self._of_copies(self.point.z) @ self.u

    def gradient(self) -> Any:
        """(n, D)."""
        return self._spread(self.point.vjp(self._same(self.u)))

    def basis(self, n_last: int | None = None) -> Any:
        """The gradients of the functions, (n, D, m), perhaps by the last columns only."""
        n_columns = self.X.shape[-1]
        first = 0 if n_last is None else n_columns - n_last
        columns = [self.by(k)[..., None, :] for k in range(first, n_columns)]
        return self.xp.concatenate(columns, -2)

    def by(self, k: int) -> Any:
        """The derivatives of the functions by x_k, (n, m)."""
        if k not in self.term.on:
            return self.xp.zeros_like(self._of_copies(self.point.z))
        along = self.xp.zeros_like(self.X[..., as_slice(self.term.on)])
        along[..., self.term.on.index(k)] = 1.0
        return self._of_copies(self.point.jvp(along)) / self.size

    def _of_copies(self, z: Any) -> Any:
        """The sum over the copies of every row: (n c, m) as (n, m)."""
        copies = self.term.phi.copies
        return z if copies == 1 else z.reshape(*self.X.shape[:-1], copies, -1).sum(-2)

    def pullback(self, V: Any, outer: Outer) -> Params:
        """The derivative of sum(V * gradient) by u."""
        along = self.point.jvp(V[..., as_slice(self.term.on)]) / self.size
        return [outer(along, None)]

    def hessian_along(self, V: Any) -> Any:
        curved = self.point.curve(V[..., as_slice(self.term.on)], self._same(self.u))
        return self._spread(curved)

    def _same(self, u: Any) -> Any:
        """u for every row."""
        return u + self.xp.zeros_like(self.point.z)

    def _spread(self, g: Any) -> Any:
        return spread(g, self.term.on, self.X.shape[-1], self.xp)
