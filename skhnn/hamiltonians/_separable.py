"""H = T(p) + V(q): two networks, one for each half of the state."""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from ._base import Hamiltonian, Params
from ._mlp import MLPHamiltonian
from ._quadratic import n_terms
from ._structure import field_from_halves, q_and_p


class SeparableHamiltonian(Hamiltonian):
    """H(q, p) = T(p) + V(q), with a perceptron beside linear and quadratic terms for each.

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
    ``params`` is ``[W_1, b_1, ..., W_L, b_L of T, the same of V, w, [b, c]]``, with all last
    weights of T, its linear and quadratic terms among them, above those of V in w; q and p are
    counted from the centre c (2d,).
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
        self,
        X: np.ndarray,
        rng: np.random.RandomState,
        method: str,
        scale: float,
        reads: np.ndarray | None = None,
    ) -> Params:
        (q, p), (of_q, of_p) = q_and_p(X), (None, None) if reads is None else q_and_p(reads)
        T = self._part.sample_params(p, rng, method, scale, of_p)
        V = self._part.sample_params(q, rng, method, scale, of_q)
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
        T, V = _split(params, xp)
        q, p = q_and_p(X)
        return self._part.value(T, p, xp) + self._part.value(V, q, xp) - params[-1][0]

    def gradient(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        T, V = _split(params, xp)
        q, p = q_and_p(X)
        parts = [self._part.gradient(V, q, xp), self._part.gradient(T, p, xp)]
        return xp.concatenate(parts, axis=-1)

    def gradient_pullback(
        self, params: Params, X: Any, xp: ModuleType = np
    ) -> tuple[Any, Callable[[Any], Params]]:
        T, V = _split(params, xp)
        q, p = q_and_p(X)
        gradient_p, pullback_p = self._part.gradient_pullback(T, p, xp)
        gradient_q, pullback_q = self._part.gradient_pullback(V, q, xp)

        def pullback(R: Any) -> Params:
            R_q, R_p = q_and_p(R)
            return _join(pullback_p(R_p), pullback_q(R_q), xp)

        return xp.concatenate([gradient_q, gradient_p], axis=-1), pullback

    def hessian(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        T, V = _split(params, xp)
        q, p = q_and_p(X)
        return _block_diagonal(self._part.hessian(V, q, xp), self._part.hessian(T, p, xp), xp)

    def basis(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        T, V = _split(params, xp)
        q, p = q_and_p(X)
        return _by_params(self._part.basis(V, q, xp), self._part.basis(T, p, xp), xp)

    def last_of_quadratic(self, params: Params, g: np.ndarray, Q: np.ndarray) -> np.ndarray:
        T, V = _split(params)
        (g_q, g_p), d = q_and_p(g), len(g) // 2
        of_T = self._part.last_of_quadratic(T, g_p, Q[d:, d:])
        return np.vstack([of_T, self._part.last_of_quadratic(V, g_q, Q[:d, :d])])

    def blocks(self, params: Params) -> list[tuple[slice, slice]]:
        d, n = params[0].shape[0], len(_split(params)[0][-2])
        return [(slice(d, None), slice(n)), (slice(d), slice(n, None))]

    def jacobian(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        T, V = _split(params, xp)
        q, p = q_and_p(X)
        return _by_params(self._part.jacobian(V, q, xp), self._part.jacobian(T, p, xp), xp)

    def vector_field(self, params: Params) -> Callable[[np.ndarray], np.ndarray]:
        return field_from_halves(*self.halves(params))

    def halves(
        self, params: Params, xp: ModuleType = np
    ) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
        T, V = _split(params, xp)
        if xp is not np:
            return (
                lambda p: self._part.gradient(T, p, xp),
                lambda q: -self._part.gradient(V, q, xp),
            )
        minus_V = [*V[:-2], -V[-2], V[-1]]
        return self._part.bound_gradient(T), self._part.bound_gradient(minus_V)

    def rescaled(self, params: Params, s: np.ndarray, e: float) -> Params:
        T, V = _split(params)
        s_q, s_p = q_and_p(s)
        return _join(self._part.rescaled(T, s_p, e), self._part.rescaled(V, s_q, e))


def _split(params: Params, xp: ModuleType = np) -> tuple[Params, Params]:
    """The params of T and of V, each with the constant of H."""
    *hidden, w, last = params
    k, d = len(hidden) // 2, hidden[0].shape[0]
    n = hidden[k - 1].shape[0] + n_terms(d)  # last weights of T
    last_of_T = xp.concatenate([last[:1], last[1 + d :]])
    return [*hidden[:k], w[:n], last_of_T], [*hidden[k:], w[n:], last[: 1 + d]]


def _join(T: Params, V: Params, xp: ModuleType = np) -> Params:
    """The inverse of ``_split``; the constant is that of T."""
    w = xp.concatenate([T[-2], V[-2]], axis=0)
    last = xp.concatenate([T[-1][:1], V[-1][1:], T[-1][1:]])
    return [*T[:-2], *V[:-2], w, last]


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
