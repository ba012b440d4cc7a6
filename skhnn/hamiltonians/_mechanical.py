"""H with a constant mass matrix: kinetic energy quadratic in p, and a network V(q)."""

from collections.abc import Callable, Sequence
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from ._base import Hamiltonian, Params
from ._mlp import MLPHamiltonian
from ._monomials import Monomials, in_other_momenta, momentum_transform, n_monomials
from ._structure import field_from_halves, q_and_p


class MechanicalHamiltonian(Hamiltonian):
    r"""H(q, p) = 1/2 p^T A p + b . p + V(q), with a constant matrix A and a perceptron V.

    The energy of particles in a potential, in Cartesian coordinates: A is the inverse of the mass
    matrix, and b is there so that momenta may be counted from anywhere. What is left to learn is a
    function of d coordinates. H is separable, so that explicit splitting methods apply.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int
        The number of units of each hidden layer of V.
    activation : {"tanh", "softplus", "silu", "sin", "logistic"}
        The activation.

    Notes
    -----
    ``params`` is ``[W_1, b_1, ..., W_L, b_L, w, b]`` with w (m_L + K - 1, 1): the last weights of
    V, then the coefficients of p_1..p_d and of the products p_i p_j, i <= j, K - 1 in all.
    """

    name = "mechanical"

    @property
    def _potential(self) -> MLPHamiltonian:
        return MLPHamiltonian(self.hidden_layer_sizes, self.activation)

    def init_params(self, n_features: int, rng: np.random.RandomState) -> Params:
        d = n_features // 2
        kinetic = np.zeros(n_monomials(d))
        first, second = np.triu_indices(d + 1)
        kinetic[(first == second) & (first > 0)] = 0.5  # of unit masses
        return _join(self._potential.init_params(d, rng), kinetic[1:, None])

    def sample_params(
        self, X: np.ndarray, rng: np.random.RandomState, method: str, scale: float
    ) -> Params:
        d = X.shape[1] // 2
        V = self._potential.sample_params(X[:, :d], rng, method, scale)
        return _join(V, np.zeros((n_monomials(d) - 1, 1)))

    def widen(
        self, params: Params, X: np.ndarray, rng: np.random.RandomState, n_units: int
    ) -> tuple["MechanicalHamiltonian", Params]:
        V, kinetic = _split(params)
        form, V = self._potential.widen(V, X[:, : X.shape[1] // 2], rng, n_units)
        return self._like(form), _join(V, kinetic)

    def mean(
        self, several: Sequence[Params], weights: np.ndarray
    ) -> tuple["MechanicalHamiltonian", Params]:
        parts = [_split(params) for params in several]
        form, V = self._potential.mean([V for V, _ in parts], weights)
        kinetic = sum(w * kinetic for w, (_, kinetic) in zip(weights, parts, strict=True))
        return self._like(form), _join(V, kinetic)

    def value(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        V, kinetic = _split(params)
        q, p = q_and_p(X)
        A, b = _mass(kinetic, p.shape[-1], xp)
        return self._potential.value(V, q, xp) + (p * (0.5 * (p @ A) + b)).sum(-1)

    def gradient(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        V, kinetic = _split(params)
        q, p = q_and_p(X)
        A, b = _mass(kinetic, p.shape[-1], xp)
        return xp.concatenate([self._potential.gradient(V, q, xp), p @ A + b], axis=-1)

    def gradient_pullback(
        self, params: Params, X: Any, xp: ModuleType = np
    ) -> tuple[Any, Callable[[Any], Params]]:
        V, kinetic = _split(params)
        q, p = q_and_p(X)
        d = p.shape[-1]
        A, b = _mass(kinetic, d, xp)
        gradient_q, pullback_q = self._potential.gradient_pullback(V, q, xp)

        def pullback(R: Any) -> Params:
            R_q, R_p = q_and_p(R)
            S = R_p.T @ p  # of p_i p_j: the sum of R_i p_j + p_i R_j
            i, j = _pairs(d)
            d_kinetic = xp.concatenate([xp.ones_like(p[:, 0]) @ R_p, (S + S.T)[i, j]])
            return _join(pullback_q(R_q), d_kinetic[:, None], xp)

        return xp.concatenate([gradient_q, p @ A + b], axis=-1), pullback

    def hessian(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        V, kinetic = _split(params)
        q, p = q_and_p(X)
        H_qq = self._potential.hessian(V, q, xp)
        zero = xp.zeros_like(H_qq)
        upper = xp.concatenate([H_qq, zero], axis=-1)
        lower = xp.concatenate([zero, zero + _mass(kinetic, p.shape[-1], xp)[0]], axis=-1)
        return xp.concatenate([upper, lower], axis=-2)

    def basis(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        V, kinetic = _split(params)
        q, p = q_and_p(X)
        of_V = self._potential.basis(V, q, xp)
        of_T = xp.swapaxes(Monomials(p, kinetic[:, 0], xp).jacobian()[..., 1:, :], -1, -2)
        upper = xp.concatenate([of_V, xp.zeros_like(of_T)], axis=-1)
        lower = xp.concatenate([xp.zeros_like(of_V), of_T], axis=-1)
        return xp.concatenate([upper, lower], axis=-2)

    def blocks(self, params: Params) -> list[tuple[slice, slice]]:
        d, n = params[0].shape[0], params[-3].shape[0]
        return [(slice(d), slice(n)), (slice(d, None), slice(n, None))]

    def jacobian(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        V, _ = _split(params)
        q, _ = q_and_p(X)
        of_V = self._potential.jacobian(V, q, xp)
        return xp.concatenate([of_V, xp.zeros_like(of_V)], axis=-2)

    def vector_field(self, params: Params) -> Callable[[np.ndarray], np.ndarray]:
        return field_from_halves(*self.halves(params))

    def halves(
        self, params: Params, xp: ModuleType = np
    ) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
        V, kinetic = _split(params)
        A, b = _mass(kinetic, params[0].shape[0], xp)

        def velocity(p: Any) -> Any:
            return p @ A + b

        if xp is not np:
            return velocity, lambda q: -self._potential.gradient(V, q, xp)
        return velocity, self._potential.bound_gradient([*V[:-2], -V[-2], V[-1]])

    def fold(self, params: Params, mu: np.ndarray, s: np.ndarray, e: float) -> Params:
        V, kinetic = _split(params)
        d = len(mu) // 2
        T = momentum_transform(-mu[d:] / s[d:], 1.0 / s[d:])
        return _join(self._potential.fold(V, mu[:d], s[:d], e), _moved(kinetic, T) * e)

    def unfold(self, params: Params, mu: np.ndarray, s: np.ndarray, e: float) -> Params:
        V, kinetic = _split(params)
        d = len(mu) // 2
        T = momentum_transform(mu[d:], s[d:])
        return _join(self._potential.unfold(V, mu[:d], s[:d], e), _moved(kinetic, T) / e)

    @staticmethod
    def _like(form: MLPHamiltonian) -> "MechanicalHamiltonian":
        return MechanicalHamiltonian(form.hidden_layer_sizes, form.activation)


def _split(params: Params) -> tuple[Params, Any]:
    """The params of V, and the coefficients (K - 1, 1) of the kinetic energy."""
    *hidden, w, b = params
    n = hidden[-1].shape[0]
    return [*hidden, w[:n], b], w[n:]


def _join(V: Params, kinetic: Any, xp: ModuleType = np) -> Params:
    """The inverse of ``_split``."""
    return [*V[:-2], xp.concatenate([V[-2], kinetic]), V[-1]]


@cache
def _pairs(d: int) -> tuple[list[int], list[int]]:
    """i <= j of the products p_i p_j, in the order of their coefficients."""
    i, j = np.triu_indices(d)
    return i.tolist(), j.tolist()


def _mass(kinetic: Any, d: int, xp: ModuleType) -> tuple[Any, Any]:
    """A, (d, d), and b, (d,), of T = 1/2 p^T A p + b . p."""
    i, j = _pairs(d)
    eye = xp.diag(xp.ones_like(kinetic[:d, 0]))  # of the kind of the coefficients, on their device
    half = eye[i].T @ (kinetic[d:] * eye[j])
    return half + half.T, kinetic[:d, 0]


def _moved(kinetic: np.ndarray, T: np.ndarray) -> np.ndarray:
    """The coefficients of the same T for other momenta, (1, p) T in place of (1, p)."""
    row = np.concatenate([[0.0], kinetic[:, 0]])
    return in_other_momenta(row[None], T)[0, 1:, None]
