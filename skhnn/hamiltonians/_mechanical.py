"""H with a constant mass matrix: kinetic energy quadratic in p, and a network V(q)."""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from ._base import Hamiltonian, Params
from ._mlp import MLPHamiltonian
from ._monomials import Monomials, in_other_momenta, momentum_transform, n_monomials


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

    def __init__(self, hidden_layer_sizes: Sequence[int] = (64, 64), activation: str = "tanh"):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation

    @property
    def width(self) -> int:
        return max(self.hidden_layer_sizes)

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
        q, m = _evaluated(X, kinetic, xp)
        return self._potential.value(V, q, xp) + (m.values[..., 1:] @ kinetic)[..., 0]

    def gradient(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        V, kinetic = _split(params)
        q, m = _evaluated(X, kinetic, xp)
        return xp.concatenate(
            [self._potential.gradient(V, q, xp), m.gradient(_row(kinetic, xp))], axis=-1
        )

    def gradient_pullback(
        self, params: Params, X: Any, xp: ModuleType = np
    ) -> tuple[Any, Callable[[Any], Params]]:
        V, kinetic = _split(params)
        q, m = _evaluated(X, kinetic, xp)
        gradient_q, pullback_q = self._potential.gradient_pullback(V, q, xp)
        gradient_p = m.gradient(_row(kinetic, xp))
        d = gradient_p.shape[-1]

        def pullback(R: Any) -> Params:
            d_kinetic = m.along(R[:, d:])[:, 1:].sum(0)
            return _join(pullback_q(R[:, :d]), d_kinetic[:, None], xp)

        return xp.concatenate([gradient_q, gradient_p], axis=-1), pullback

    def hessian(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        V, kinetic = _split(params)
        q, m = _evaluated(X, kinetic, xp)
        H_qq = self._potential.hessian(V, q, xp)
        H_pp = m.hessian(_row(kinetic, xp)) + xp.zeros_like(H_qq)
        upper = xp.concatenate([H_qq, xp.zeros_like(H_qq)], axis=-1)
        lower = xp.concatenate([xp.zeros_like(H_qq), H_pp], axis=-1)
        return xp.concatenate([upper, lower], axis=-2)

    def basis(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        V, kinetic = _split(params)
        q, m = _evaluated(X, kinetic, xp)
        of_V = self._potential.basis(V, q, xp)
        of_T = xp.swapaxes(m.jacobian()[..., 1:, :], -1, -2)
        upper = xp.concatenate([of_V, xp.zeros_like(of_T)], axis=-1)
        lower = xp.concatenate([xp.zeros_like(of_V), of_T], axis=-1)
        return xp.concatenate([upper, lower], axis=-2)

    def jacobian(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        V, _ = _split(params)
        of_V = self._potential.jacobian(V, X[..., : X.shape[-1] // 2], xp)
        return xp.concatenate([of_V, xp.zeros_like(of_V)], axis=-2)

    def vector_field(self, params: Params) -> Callable[[np.ndarray], np.ndarray]:
        velocity, force = self.halves(params)
        d = len(params[0])

        def field(x: np.ndarray) -> np.ndarray:
            dx = np.empty(x.shape)
            dx[..., :d] = velocity(x[..., d:])
            dx[..., d:] = force(x[..., :d])
            return dx

        return field

    def halves(
        self, params: Params, xp: ModuleType = np
    ) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
        V, kinetic = _split(params)
        m = Monomials(xp.zeros_like(params[0][:, 0]), kinetic[:, 0], xp)
        b, A = m.gradient(_row(kinetic, xp)), m.hessian(_row(kinetic, xp))

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


def _evaluated(X: Any, kinetic: Any, xp: ModuleType) -> tuple[Any, Monomials]:
    """q, and the monomials of p."""
    d = X.shape[-1] // 2
    return X[..., :d], Monomials(X[..., d:], kinetic[:, 0], xp)


def _row(kinetic: Any, xp: ModuleType) -> Any:
    """The coefficients of all monomials, (K,); that of 1 is zero."""
    column = kinetic[:, 0]
    return xp.concatenate([xp.zeros_like(column[:1]), column])


def _moved(kinetic: np.ndarray, T: np.ndarray) -> np.ndarray:
    return in_other_momenta(_row(kinetic, np)[None], T)[0, 1:, None]
