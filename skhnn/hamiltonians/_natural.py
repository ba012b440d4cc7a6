"""H quadratic in the momenta: kinetic energy with a mass matrix, potential, gyroscopic terms."""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from ._activations import ACTIVATIONS
from ._base import Hamiltonian, Params
from ._layers import Layers
from ._mlp import MLPHamiltonian
from ._monomials import Monomials, factors, in_other_momenta, momentum_transform, n_monomials


class NaturalHamiltonian(Hamiltonian):
    r"""H(q, p) = 1/2 p^T A(q) p + b(q) . p + V(q), with one perceptron for all coefficients.

    The energy of a mechanical system: A is the inverse of the mass matrix, b comes with magnetic
    fields and rotating frames, V is the potential. With P = (1, p_1, ..., p_d) and the K = (d + 1)
    (d + 2) / 2 monomials m = (P_i P_j, i <= j),

        H(q, p) = m(p) . y(q),    y(q) = [h_L(q), 1] w,

    h_L the last hidden layer of a network of q alone. The dependence on p is known, so that there
    are d coordinates to resolve and not 2d, and H goes on rightly where p is larger than in the
    data. The set of such H is closed under x -> (x - mu) / s.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int
        The number of units of each hidden layer.
    activation : {"tanh", "softplus", "silu", "sin", "logistic"}
        The activation.

    Notes
    -----
    ``params`` is ``[W_1, b_1, ..., W_L, b_L, w, b]`` with w (m_L + 1, K). The last row of w has the
    constant parts of the coefficients; its first entry, a part of V, is zero, since b is there.

    The derivative of H in a direction (V_q, V_p) is m'.y + m.(t_L w), m' that of m along V_p and
    t_L that of h_L along V_q: as for the network of one output, with v = w m for every row and
    h_bar = w m'.
    """

    name = "natural"

    @property
    def _network(self) -> MLPHamiltonian:
        """A network of q with the same hidden layers."""
        return MLPHamiltonian(self.hidden_layer_sizes, self.activation)

    def units_for(self, n_weights: int, n_features: int) -> int:
        return max(n_weights // n_monomials(n_features // 2), 1)

    def init_params(self, n_features: int, rng: np.random.RandomState) -> Params:
        d = n_features // 2
        *hidden, w, b = self._network.init_params(d, rng)
        shape = len(w), n_monomials(d)
        bound = np.sqrt(6.0 / sum(shape))
        return [*hidden, _with_constants(rng.uniform(-bound, bound, shape)), b]

    def sample_params(
        self, X: np.ndarray, rng: np.random.RandomState, method: str, scale: float
    ) -> Params:
        d = X.shape[1] // 2
        *hidden, w, b = self._network.sample_params(X[:, :d], rng, method, scale)
        return [*hidden, np.zeros((len(w) + 1, n_monomials(d))), b]

    def widen(
        self, params: Params, X: np.ndarray, rng: np.random.RandomState, n_units: int
    ) -> tuple["NaturalHamiltonian", Params]:
        *hidden, w, b = params
        one_output = [*hidden, w[:-1, :1], b]
        q = X[:, : X.shape[1] // 2]
        form, wider = self._network.widen(one_output, q, rng, n_units)
        w = np.vstack([w[:-1], np.zeros((n_units, w.shape[1])), w[-1:]])
        return self._like(form), [*wider[:-2], w, b]

    def mean(
        self, several: Sequence[Params], weights: np.ndarray
    ) -> tuple["NaturalHamiltonian", Params]:
        one_output = [[*hidden, w[:-1, :1], b] for *hidden, w, b in several]
        form, joined = self._network.mean(one_output, weights)
        last = [weight * params[-2] for weight, params in zip(weights, several, strict=True)]
        w = np.vstack([*(w[:-1] for w in last), np.sum([w[-1] for w in last], axis=0)])
        return self._like(form), [*joined[:-2], w, joined[-1]]

    def value(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        layers, m = self._evaluated(params, X, xp, order=0)
        return (m.values * _coefficients(layers, params)).sum(-1) + params[-1][0]

    def gradient(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        layers, m = self._evaluated(params, X, xp, order=1)
        g, _ = layers.backward(m.values @ params[-2][:-1].T)
        return xp.concatenate([g[0], m.gradient(_coefficients(layers, params))], axis=-1)

    def gradient_pullback(
        self, params: Params, X: Any, xp: ModuleType = np
    ) -> tuple[Any, Callable[[Any], Params]]:
        layers, m = self._evaluated(params, X, xp, order=2)
        w = params[-2][:-1]
        g, u = layers.backward(m.values @ w.T)
        gradient_p = m.gradient(_coefficients(layers, params))
        d = gradient_p.shape[-1]

        def pullback(V: Any) -> Params:
            m_dot = m.along(V[:, d:])
            d_hidden, t = layers.pullback(V[:, :d], g, u, m_dot @ w.T)
            d_w = layers.output.T @ m_dot + t.T @ m.values
            d_constants = xp.ones_like(X[:, 0])[None] @ m_dot
            return [*d_hidden, xp.concatenate([d_w, d_constants]), xp.zeros_like(params[-1])]

        return xp.concatenate([g[0], gradient_p], axis=-1), pullback

    def hessian(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        layers, m = self._evaluated(params, X, xp, order=2)
        w = params[-2][:-1]
        g, _ = layers.backward(m.values @ w.T)
        H_qq = layers.hessian(g)
        H_qp = (layers.output_jacobian() @ w) @ m.jacobian()
        H_pp = m.hessian(_coefficients(layers, params))
        upper = xp.concatenate([H_qq, H_qp], axis=-1)
        lower = xp.concatenate([xp.swapaxes(H_qp, -1, -2), H_pp], axis=-1)
        return xp.concatenate([upper, lower], axis=-2)

    def basis(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        layers, m = self._evaluated(params, X, xp, order=1)
        # [h, 1] and its derivatives, (..., m_L + 1) and (..., d, m_L + 1); the parts of d/dq and
        # d/dp are (..., d, m_L + 1, K).
        dh = layers.output_jacobian()
        h = xp.concatenate([layers.output, xp.ones_like(layers.output[..., :1])], axis=-1)
        dh = xp.concatenate([dh, xp.zeros_like(dh[..., :1])], axis=-1)
        of_q = dh[..., None] * m.values[..., None, None, :]
        of_p = h[..., None, :, None] * xp.swapaxes(m.jacobian(), -1, -2)[..., None, :]
        both = xp.concatenate([of_q, of_p], axis=-3)
        return both.reshape(*both.shape[:-2], -1)

    def jacobian(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        layers, m = self._evaluated(params, X, xp, order=2)
        w = params[-2][:-1]
        g, u = layers.backward(m.values @ w.T)
        d = X.shape[1] // 2
        along_p = xp.swapaxes(m.jacobian(), -1, -2) @ w.T  # (n, d, m_L)
        eye = xp.eye(d)
        directions = xp.concatenate([eye, xp.zeros_like(eye)])
        return layers.jacobian(
            directions, g, u, xp.concatenate([xp.zeros_like(along_p), along_p], axis=1)
        )

    def vector_field(self, params: Params) -> Callable[[np.ndarray], np.ndarray]:
        d = params[0].shape[0]
        activation = ACTIVATIONS[self.activation]
        layers = list(zip(params[:-2:2], params[1:-2:2], strict=True))
        back = [np.ascontiguousarray(W.T) for W in params[:-2:2]][::-1]
        w, constants = params[-2][:-1], params[-2][-1]
        minus_w_T = np.ascontiguousarray(-w.T)
        first, second = (E for E in factors(d))
        (first_0, first_p), (second_0, second_p) = ((E[0], E[1:]) for E in (first, second))
        first_back, second_back = (np.ascontiguousarray(E.T) for E in (first_p, second_p))

        def field(x: np.ndarray) -> np.ndarray:
            h, p = x[..., :d], x[..., d:]
            slopes = []
            for W, b in layers:
                a = h @ W
                a += b
                h, slope = activation(a, np, 1)
                slopes.append(slope)
            y = h @ w
            y += constants
            P_i = p @ first_p
            P_i += first_0
            P_j = p @ second_p
            P_j += second_0
            g = (P_i * P_j) @ minus_w_T
            for W_T in back:
                u = slopes.pop()
                u *= g
                g = u @ W_T
            dx = np.empty(x.shape)
            dx[..., :d] = (y * P_j) @ first_back
            dx[..., :d] += (y * P_i) @ second_back
            dx[..., d:] = g
            return dx

        return field

    def fold(self, params: Params, mu: np.ndarray, s: np.ndarray, e: float) -> Params:
        d = len(mu) // 2
        *hidden, w, b = params
        *hidden, _, b = self._network.fold([*hidden, w[:-1, :1], b], mu[:d], s[:d], e)
        T = momentum_transform(-mu[d:] / s[d:], 1.0 / s[d:])
        return [*hidden, in_other_momenta(w, T) * e, b]

    def unfold(self, params: Params, mu: np.ndarray, s: np.ndarray, e: float) -> Params:
        d = len(mu) // 2
        *hidden, w, b = params
        *hidden, _, b = self._network.unfold([*hidden, w[:-1, :1], b], mu[:d], s[:d], e)
        T = momentum_transform(mu[d:], s[d:])
        return [*hidden, in_other_momenta(w, T) / e, b]

    def _evaluated(
        self, params: Params, X: Any, xp: ModuleType, order: int
    ) -> tuple[Layers, Monomials]:
        d = X.shape[-1] // 2
        layers = Layers(params[:-2], self.activation, X[..., :d], xp, order)
        return layers, Monomials(X[..., d:], params[-2][0], xp)

    def _like(self, form: MLPHamiltonian) -> "NaturalHamiltonian":
        return NaturalHamiltonian(form.hidden_layer_sizes, form.activation)


def _coefficients(layers: Layers, params: Params) -> Any:
    """y = [h_L, 1] w, (..., K)."""
    return layers.output @ params[-2][:-1] + params[-2][-1]


def _with_constants(w: np.ndarray) -> np.ndarray:
    return np.vstack([w, np.zeros((1, w.shape[1]))])
