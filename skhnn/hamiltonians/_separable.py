"""H = T(p) + V(q): two networks, one for each half of the state."""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from ._base import Hamiltonian, Params
from ._mlp import MLPHamiltonian
from ._structure import field_from_halves, q_and_p


class SeparableHamiltonian(Hamiltonian):
    """H(q, p) = T(p) + V(q), with a multilayer perceptron for each.

    dq/dt depends on p alone and dp/dt on q alone, so that explicit splitting methods apply. All
    that a Hamiltonian offers follows from the two networks, each a function of d coordinates: their
    gradients side by side, their other derivatives in blocks.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int
        The number of units of each hidden layer, of T and of V.
    activation : {"tanh", "softplus", "silu", "sin", "logistic"}
        The activation of both.

    Notes
    -----
    ``params`` is ``[W_1, b_1, ..., W_L, b_L of T, the same of V, w, b]``, with the last weights of
    T above those of V in w.
    """

    name = "separable"

    @property
    def width(self) -> int:
        return 2 * max(self.hidden_layer_sizes)

    @property
    def _part(self) -> MLPHamiltonian:
        return MLPHamiltonian(self.hidden_layer_sizes, self.activation)

    def units_for(self, n_weights: int, n_features: int) -> int:
        return max(n_weights // 2, 1)

    def init_params(self, n_features: int, rng: np.random.RandomState) -> Params:
        d = n_features // 2
        return _join(self._part.init_params(d, rng), self._part.init_params(d, rng))

    def sample_params(
        self, X: np.ndarray, rng: np.random.RandomState, method: str, scale: float
    ) -> Params:
        q, p = q_and_p(X)
        T, V = (self._part.sample_params(half, rng, method, scale) for half in (p, q))
        return _join(T, V)

    def widen(
        self, params: Params, X: np.ndarray, rng: np.random.RandomState, n_units: int
    ) -> tuple["SeparableHamiltonian", Params]:
        T, V = _split(params)
        q, p = q_and_p(X)
        form, T = self._part.widen(T, p, rng, n_units // 2)
        _, V = self._part.widen(V, q, rng, n_units // 2)
        return SeparableHamiltonian(form.hidden_layer_sizes, self.activation), _join(T, V)

    def mean(
        self, several: Sequence[Params], weights: np.ndarray
    ) -> tuple["SeparableHamiltonian", Params]:
        parts = [_split(params) for params in several]
        form, T = self._part.mean([T for T, _ in parts], weights)
        _, V = self._part.mean([V for _, V in parts], weights)
        return SeparableHamiltonian(form.hidden_layer_sizes, self.activation), _join(T, V)

    def value(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        T, V = _split(params)
        q, p = q_and_p(X)
        return self._part.value(T, p, xp) + self._part.value(V, q, xp) - params[-1][0]

    def gradient(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        T, V = _split(params)
        q, p = q_and_p(X)
        parts = [self._part.gradient(V, q, xp), self._part.gradient(T, p, xp)]
        return xp.concatenate(parts, axis=-1)

    def gradient_pullback(
        self, params: Params, X: Any, xp: ModuleType = np
    ) -> tuple[Any, Callable[[Any], Params]]:
        T, V = _split(params)
        q, p = q_and_p(X)
        gradient_p, pullback_p = self._part.gradient_pullback(T, p, xp)
        gradient_q, pullback_q = self._part.gradient_pullback(V, q, xp)

        def pullback(R: Any) -> Params:
            R_q, R_p = q_and_p(R)
            return _join(pullback_p(R_p), pullback_q(R_q), xp)

        return xp.concatenate([gradient_q, gradient_p], axis=-1), pullback

    def hessian(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        T, V = _split(params)
        q, p = q_and_p(X)
        return _block_diagonal(self._part.hessian(V, q, xp), self._part.hessian(T, p, xp), xp)

    def basis(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        T, V = _split(params)
        q, p = q_and_p(X)
        return _by_params(self._part.basis(V, q, xp), self._part.basis(T, p, xp), xp)

    def blocks(self, params: Params) -> list[tuple[slice, slice]]:
        d, n = params[0].shape[0], params[-3].shape[0]
        return [(slice(d, None), slice(n)), (slice(d), slice(n, None))]

    def jacobian(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        T, V = _split(params)
        q, p = q_and_p(X)
        return _by_params(self._part.jacobian(V, q, xp), self._part.jacobian(T, p, xp), xp)

    def vector_field(self, params: Params) -> Callable[[np.ndarray], np.ndarray]:
        return field_from_halves(*self.halves(params))

    def halves(
        self, params: Params, xp: ModuleType = np
    ) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
        T, V = _split(params)
        if xp is not np:
            return (
                lambda p: self._part.gradient(T, p, xp),
                lambda q: -self._part.gradient(V, q, xp),
            )
        minus_V = [*V[:-2], -V[-2], V[-1]]
        return self._part.bound_gradient(T), self._part.bound_gradient(minus_V)

    def fold(self, params: Params, mu: np.ndarray, s: np.ndarray, e: float) -> Params:
        return self._scaled("fold", params, mu, s, e)

    def unfold(self, params: Params, mu: np.ndarray, s: np.ndarray, e: float) -> Params:
        return self._scaled("unfold", params, mu, s, e)

    def _scaled(
        self, direction: str, params: Params, mu: np.ndarray, s: np.ndarray, e: float
    ) -> Params:
        T, V = _split(params)
        d = len(mu) // 2
        move = getattr(self._part, direction)
        return _join(move(T, mu[d:], s[d:], e), move(V, mu[:d], s[:d], e))


def _split(params: Params) -> tuple[Params, Params]:
    """The params of T and of V, each with the constant of H."""
    *hidden, w, b = params
    k = len(hidden) // 2
    n = hidden[k - 1].shape[0]  # units of the last hidden layer of T
    return [*hidden[:k], w[:n], b], [*hidden[k:], w[n:], b]


def _join(T: Params, V: Params, xp: ModuleType = np) -> Params:
    """The inverse of ``_split``; the constant is that of T."""
    return [*T[:-2], *V[:-2], xp.concatenate([T[-2], V[-2]], axis=0), T[-1]]


def _by_params(of_V: Any, of_T: Any, xp: ModuleType) -> Any:
    """Rows d/dq above d/dp, from V and from T; columns: the params of T, then those of V."""
    upper = xp.concatenate([xp.zeros_like(of_T), of_V], axis=-1)
    lower = xp.concatenate([of_T, xp.zeros_like(of_V)], axis=-1)
    return xp.concatenate([upper, lower], axis=-2)


def _block_diagonal(A: Any, B: Any, xp: ModuleType) -> Any:
    """[[A, 0], [0, B]] for stacks of square matrices of one size."""
    upper = xp.concatenate([A, xp.zeros_like(A)], axis=-1)
    lower = xp.concatenate([xp.zeros_like(B), B], axis=-1)
    return xp.concatenate([upper, lower], axis=-2)
