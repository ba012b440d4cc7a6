r"""A kinetic energy whose masses depend on q and are positive definite whatever the weights are.

    T = 1/2 |L(q)^T p|^2 = 1/2 p^T M(q)^{-1} p,    M^{-1} = L L^T,

with L lower triangular: its entries are those of Y = h(q) W, h a network, on the diagonal
g(Y_k) > 0,

    g(y) = (y + (y^2 + 4)^(1/2)) / 2,    g' = g / (y^2 + 4)^(1/2),    g'' = 2 / (y^2 + 4)^(3/2),

with g(0) = 1 and g(y) g(-y) = 1; an exponential, which grows faster, made masses of 1e10 far from
the data. In units of the data's own M is the identity where W is zero. With P_k = p_i and
S_k = (L^T p)_j for the entry k = (i, j), l_k = L_ij, and ' the derivative by Y_k,

    gradient   by p  L L^T p,    by Y  l' P S
    along V    sum_j S_j S._j,   S. = L^T V_p + L.^T p
    pullback   by Y  l' (P S. + V_p S) + l'' Y. P S,    by Y.  l' P S

so that the hidden layers see what they see of a network times known functions.
"""

from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np

from ._layers import Layers, Outer, Params
from ._maps import as_like
from ._network import Evaluated, Network


class Inertia(Network):
    """The term of the module; params are [W_1, b_1, ..., W_L, b_L, W].

    It is not linear in any of them, so all count as hidden.
    """

    has_last_weights = False

    @cached_property
    def entries(self) -> tuple[list[int], list[int]]:
        """The rows and the columns of the entries of L."""
        i, j = np.tril_indices(len(self.psi_on))
        return i.tolist(), j.tolist()

    @property
    def n_factors(self) -> int:
        """The number of entries of L."""
        return len(self.entries[0])

    @property
    def n_hidden(self) -> int:
        """The number of hidden arrays."""
        return 2 * len(self.sizes) + 1

    @property
    def n_weights(self) -> int:
        """None of the weights is a last one."""
        return 0

    def fit(self, X: np.ndarray, weight: np.ndarray, mu: np.ndarray, s: np.ndarray) -> "Network":
        """The same with the constants of its maps; momenta count from zero."""
        mu = mu.copy()
        mu[self.psi_on] = 0.0
        return super().fit(X, weight, mu, s)

    def init(self, rng: np.random.RandomState) -> Params:
        """Random hidden layers; M begins near the identity, as fits from farther off may stay."""
        *hidden, W = super().init(rng)
        return [*hidden, 0.1 * rng.standard_normal(W.shape) / np.sqrt(len(W))]

    def sample(self, X: np.ndarray, rng: np.random.RandomState, *how: Any) -> Params:
        """Hidden layers drawn from data, and W that is not solved for."""
        return [*super().sample(X, rng, *how)[:-1], self.init(rng)[-1]]

    def magnitudes(self, X: np.ndarray, energy: np.ndarray) -> Params:
        """Typical sizes of the params."""
        *hidden, W = super().magnitudes(X, np.ones_like(energy))
        return [*hidden, np.ones((len(W), self.n_factors))]

    def widen(
        self, params: Params, X: np.ndarray, rng: np.random.RandomState, n_units: int
    ) -> tuple["Network", Params]:
        """Itself: more units would have no last weights to be fitted."""
        return self, params

    def at(self, params: Params, X: Any, xp: ModuleType, order: int = 1) -> "_At":
        """Evaluated at the rows of X."""
        return _At(self, params, X, xp, order)


class _At(Evaluated):
    term: Inertia

    def __init__(self, term: Inertia, params: Params, X: Any, xp: ModuleType, order: int):
        *hidden, self.W = params
        self.term, self.xp, self.X, self.n_columns = term, xp, X, X.shape[-1]
        self.f = term.phi.at(X[..., term._on], xp)
        self.layers = Layers(hidden, term.activation, self.f.z, xp, order)
        assert term.psi is not None
        self.m = self.p = term.psi.at(X[..., term._psi_on], xp)
        self.rows, self.columns = term.entries
        i, j = np.array(term.entries)
        is_diagonal = as_like(1.0 * (i == j), X, xp)
        self.to_rows, self.to_columns = (as_like(np.eye(i[-1] + 1)[k], X, xp) for k in (i, j))
        Y = self.layers.output @ self.W
        root = xp.sqrt(Y * Y + 4.0)
        g = 0.5 * (xp.abs(Y) + root)
        g = xp.where(Y < 0.0, 1.0 / g, g)  # without cancelling
        self.L = is_diagonal * g + (1.0 - is_diagonal) * Y
        self.slope = is_diagonal * g / root + (1.0 - is_diagonal)
        self.curvature = is_diagonal * 2.0 / root**3
        self.P = self.p.z[..., self.rows]
        self.s = (self.L * self.P) @ self.to_columns
        self.S = self.s[..., self.columns]
        if order:
            self.g, self.u = self.layers.backward((self.slope * self.P * self.S) @ self.W.T)

    def value(self) -> Any:
        return 0.5 * (self.s * self.s).sum(-1)

    def gradient(self) -> Any:
        """(n, D)."""
        return self._spread(self.f.vjp(self.g[0]), self.p.vjp((self.L * self.S) @ self.to_rows))

    def basis(self, n_last: int | None = None) -> Any:
        """No functions, (n, D, 0)."""
        columns = self.X if n_last is None else self.X[..., -n_last:]
        return columns[..., None][..., :0]

    def hessian_along(self, V: Any) -> Any:
        """The Hessian times V (..., n, D)."""
        term, along = self.term, self._cotangents(V)
        _, by_z, t = self._pullback(along, None, True)
        by_phi, curved = self.f.vjp(by_z), self.f.curve(V[..., term._on], self.g[0])
        by_phi = by_phi if curved is None else by_phi + curved
        L_dot, S_dot, _ = self._along(t[-1], along[1])
        by_p = (self.L * S_dot + L_dot * self.S) @ self.to_rows
        return self._spread(by_phi, self.p.vjp(by_p))

    def _pullback(self, along: Any, outer: Outer | None, by_input: bool) -> tuple[Params, Any, Any]:
        V_phi, V_p = along
        t, tangents = self.layers.along(V_phi)
        _, S_dot, V_P = self._along(t[-1], V_p)
        PS = self.P * self.S
        Y_dot = t[-1] @ self.W
        by_Y = self.slope * (self.P * S_dot + V_P * self.S) + self.curvature * Y_dot * PS
        h_bar = by_Y @ self.W.T
        d_hidden, by_z = self.layers.pullback(t, tangents, self.g, self.u, h_bar, outer, by_input)
        if outer is None:
            return [], by_z, t
        of_W = outer(t[-1], self.slope * PS) + outer(self.layers.output, by_Y)
        return [*d_hidden, of_W], by_z, t

    def _along(self, t: Any, V_p: Any) -> tuple[Any, Any, Any]:
        """The derivatives of the entries L, of S and of P along directions of h and p."""
        L_dot, V_P = self.slope * (t @ self.W), V_p[..., self.rows]
        s_dot = (self.L * V_P + L_dot * self.P) @ self.to_columns
        return L_dot, s_dot[..., self.columns], V_P
