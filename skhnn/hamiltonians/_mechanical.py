"""H with a constant mass matrix: kinetic energy quadratic in p, and a network V(q)."""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from . import _quadratic as quadratic
from ._base import Hamiltonian, Params
from ._mlp import MLPHamiltonian
from ._quadratic import Quadratic
from ._structure import field_from_halves, q_and_p


class MechanicalHamiltonian(Hamiltonian):
    r"""H(q, p) = T(p) + V(q), T linear and quadratic, V a perceptron beside such terms.

    With T = 1/2 p^T A p + b . p the energy of particles in a potential, in Cartesian coordinates: A
    is the inverse of the mass matrix, and b is there so that momenta may be counted from anywhere.
    What is left to learn is a function of d coordinates. H is separable, so that explicit splitting
    methods apply.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int
        The number of units of each hidden layer of V.
    activation : {"tanh", "softplus", "silu", "sin", "logistic"}
        The activation.

    Notes
    -----
    ``params`` is ``[W_1, b_1, ..., W_L, b_L, [w; u], [b, c]]`` with w the last weights of V, its
    linear and quadratic terms among them, and u (n_terms, 1) the coefficients of T, those of
    p_1..p_d and of the products p_i p_j, i <= j (``_quadratic.py``); q and p are counted from the
    centre c (2d,).
    """

    name = "mechanical"

    @property
    def _potential(self) -> MLPHamiltonian:
        return MLPHamiltonian(self.hidden_layer_sizes, self.activation)

    def init_params(self, n_features: int, rng: np.random.RandomState) -> Params:
        d = n_features // 2
        kinetic = np.zeros((quadratic.n_terms(d), 1))
        return _join(self._potential.init_params(d, rng), kinetic, np.zeros(d))

    def sample_params(
        self,
        X: np.ndarray,
        rng: np.random.RandomState,
        method: str,
        scale: float,
        reads: np.ndarray | None = None,
    ) -> Params:
        d = X.shape[1] // 2
        of_q = None if reads is None else reads[:d]
        V = self._potential.sample_params(X[:, :d], rng, method, scale, of_q)
        return _join(V, np.zeros((quadratic.n_terms(d), 1)), np.zeros(d))

    def widen(
        self, params: Params, X: np.ndarray, rng: np.random.RandomState, n_units: int
    ) -> tuple["MechanicalHamiltonian", Params]:
        V, *T = _split(params)
        form, V = self._potential.widen(V, X[:, : X.shape[1] // 2], rng, n_units)
        return self._like(form), _join(V, *T)

    def mean(
        self, several: Sequence[Params], weights: np.ndarray
    ) -> tuple["MechanicalHamiltonian", Params]:
        parts = [_split(params) for params in several]
        form, V = self._potential.mean([V for V, _, _ in parts], weights)
        u = sum(weight * u for weight, (_, u, _) in zip(weights, parts, strict=True))
        return self._like(form), _join(V, u, parts[0][2])

    def value(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        V, T, c = _parts(params, xp)
        q, p = q_and_p(X)
        return self._potential.value(V, q, xp) + T.value(p - c)

    def gradient(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        V, T, c = _parts(params, xp)
        q, p = q_and_p(X)
        return xp.concatenate([self._potential.gradient(V, q, xp), T.gradient(p - c)], axis=-1)

    def gradient_pullback(
        self, params: Params, X: Any, xp: ModuleType = np
    ) -> tuple[Any, Callable[[Any], Params]]:
        V, T, c = _parts(params, xp)
        q, p = q_and_p(X)
        gradient_q, pullback_q = self._potential.gradient_pullback(V, q, xp)

        def pullback(R: Any) -> Params:
            R_q, R_p = q_and_p(R)
            d_u = quadratic.pullback(R_p, p - c, xp)
            return _join(pullback_q(R_q), d_u, xp.zeros_like(c), xp)

        return xp.concatenate([gradient_q, T.gradient(p - c)], axis=-1), pullback

    def hessian(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        V, T, _ = _parts(params, xp)
        q, _ = q_and_p(X)
        H_qq = self._potential.hessian(V, q, xp)
        zero = xp.zeros_like(H_qq)
        upper = xp.concatenate([H_qq, zero], axis=-1)
        lower = xp.concatenate([zero, zero + T.Q], axis=-1)
        return xp.concatenate([upper, lower], axis=-2)

    def basis(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        V, _, c = _split(params)
        q, p = q_and_p(X)
        of_V = self._potential.basis(V, q, xp)
        of_T = quadratic.basis(p - c, xp)
        upper = xp.concatenate([of_V, xp.zeros_like(of_T)], axis=-1)
        lower = xp.concatenate([xp.zeros_like(of_V), of_T], axis=-1)
        return xp.concatenate([upper, lower], axis=-2)

    def last_of_quadratic(self, params: Params, g: np.ndarray, Q: np.ndarray) -> np.ndarray:
        V, *_ = _split(params)
        (g_q, g_p), d = q_and_p(g), len(g) // 2
        of_V = self._potential.last_of_quadratic(V, g_q, Q[:d, :d])
        return np.vstack([of_V, quadratic.coefficients(g_p, Q[d:, d:])])

    def blocks(self, params: Params) -> list[tuple[slice, slice]]:
        d, n = params[0].shape[0], len(_split(params)[0][-2])
        return [(slice(d), slice(n)), (slice(d, None), slice(n, None))]

    def jacobian(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        V, *_ = _split(params)
        q, _ = q_and_p(X)
        of_V = self._potential.jacobian(V, q, xp)
        return xp.concatenate([of_V, xp.zeros_like(of_V)], axis=-2)

    def vector_field(self, params: Params) -> Callable[[np.ndarray], np.ndarray]:
        return field_from_halves(*self.halves(params))

    def halves(
        self, params: Params, xp: ModuleType = np
    ) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
        V, T, c = _parts(params, xp)

        def velocity(p: Any) -> Any:
            return T.gradient(p - c)

        if xp is not np:
            return velocity, lambda q: -self._potential.gradient(V, q, xp)
        return velocity, self._potential.bound_gradient([*V[:-2], -V[-2], V[-1]])

    def rescaled(self, params: Params, s: np.ndarray, e: float) -> Params:
        V, u, c = _split(params)
        s_q, s_p = q_and_p(s)
        return _join(self._potential.rescaled(V, s_q, e), quadratic.rescaled(u, s_p, e), c)

    @staticmethod
    def _like(form: MLPHamiltonian) -> "MechanicalHamiltonian":
        return MechanicalHamiltonian(form.hidden_layer_sizes, form.activation)


def _split(params: Params) -> tuple[Params, Any, Any]:
    """The params of V, and the coefficients (n_terms, 1) and the centre (d,) of T."""
    *hidden, w, last = params
    d = hidden[0].shape[0]
    n = hidden[-1].shape[0] + quadratic.n_terms(d)
    return [*hidden, w[:n], last[: 1 + d]], w[n:], last[1 + d :]


def _parts(params: Params, xp: ModuleType) -> tuple[Params, Quadratic, Any]:
    """The params of V, and T with its centre."""
    V, u, c = _split(params)
    return V, Quadratic(u, len(c), xp), c


def _join(V: Params, u: Any, c: Any, xp: ModuleType = np) -> Params:
    """The inverse of ``_split``."""
    return [*V[:-2], xp.concatenate([V[-2], u]), xp.concatenate([V[-1], c])]
