"""H quadratic in the momenta: kinetic energy with a mass matrix, potential, gyroscopic terms."""

from collections.abc import Callable, Sequence
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from . import _quadratic as quadratic
from ._activations import ACTIVATIONS
from ._base import Hamiltonian, Params
from ._layers import Layers
from ._mlp import MLPHamiltonian, mean_of_last
from ._monomials import Monomials, factor_of_monomials, factors, n_monomials
from ._quadratic import Quadratic
from ._structure import field_from_gradient, q_and_p


class NaturalHamiltonian(Hamiltonian):
    r"""H(q, p) = 1/2 p^T A(q) p + b(q) . p + V(q), with one perceptron for all coefficients.

    The energy of a mechanical system: A is the inverse of the mass matrix, b comes with magnetic
    fields and rotating frames, V is the potential. With P = (1, p_1, ..., p_d) and the K = (d + 1)
    (d + 2) / 2 monomials m = (P_i P_j, i <= j),

        H(q, p) = m(p) . y(q) + E(q, p),    y(q) = h_L(q) W,

    h_L the last hidden layer of a network of q alone, E linear and quadratic: the constant parts of
    A and b are in E, and a b that is linear in q. The dependence on p is known, so that there are d
    coordinates to resolve and not 2d, and H goes on rightly where p is larger than in the data. The
    set of such H is closed under x -> (x - mu) / s.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int
        The number of units of each hidden layer.
    activation : {"tanh", "softplus", "silu", "sin", "logistic"}
        The activation.

    Notes
    -----
    ``params`` is ``[W_1, b_1, ..., W_L, b_L, w, [b, c]]`` with w = [W; U], W (m_L, K). The rows of
    U have the coefficients of E, of 0, p_i and p_i p_j in the first, as the columns of W, of 0, q_i
    and q_i q_j in the second, and of the products q_i p_j in what follows, filled up with zeros.
    (SOAP turns columns; in an order that mixed them it left 1.4 times the error.) q and p are
    counted from the centre c (2d,).

    The derivative of m . y in a direction (V_q, V_p) is m'.y + m.(t_L W), m' that of m along V_p
    and t_L that of h_L along V_q: as for the network of one output, with v = W m for every row and
    h_bar = W m'.
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
        hidden = self._network.init_params(d, rng)[:-2]
        shape = len(hidden[-1]), n_monomials(d)
        bound = np.sqrt(6.0 / sum(shape))
        return _with_quadratic(hidden, rng.uniform(-bound, bound, shape))

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
        hidden = self._network.sample_params(X[:, :d], rng, method, scale, of_q)[:-2]
        return _with_quadratic(hidden, np.zeros((len(hidden[-1]), n_monomials(d))))

    def widen(
        self, params: Params, X: np.ndarray, rng: np.random.RandomState, n_units: int
    ) -> tuple["NaturalHamiltonian", Params]:
        Z, d = X - params[-1][1:], X.shape[1] // 2
        form, hidden = self._network.widen_hidden(params[:-2], Z[:, :d], rng, n_units)
        W, U = _split(params)
        w = np.vstack([W, np.zeros((n_units, W.shape[1])), U])
        return self._like(form), [*hidden, w, params[-1]]

    def mean(
        self, several: Sequence[Params], weights: np.ndarray
    ) -> tuple["NaturalHamiltonian", Params]:
        form, hidden = self._network.side_by_side([params[:-2] for params in several])
        parts = [_split(params) for params in several]
        networks = [weight * W for weight, (W, _) in zip(weights, parts, strict=True)]
        U = sum(weight * U for weight, (_, U) in zip(weights, parts, strict=True))
        w = np.vstack([*networks, U])
        return self._like(form), [*hidden, w, mean_of_last(several, weights)]

    def value(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        z, layers, W, m, E = self._evaluated(params, X, xp, order=0)
        return (m.values * (layers.output @ W)).sum(-1) + E.value(z) + params[-1][0]

    def gradient(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        z, layers, W, m, E = self._evaluated(params, X, xp, order=1)
        g, _ = layers.backward(m.values @ W.T)
        gradient = xp.concatenate([g[0], m.gradient(layers.output @ W)], axis=-1)
        return gradient + E.gradient(z)

    def gradient_pullback(
        self, params: Params, X: Any, xp: ModuleType = np
    ) -> tuple[Any, Callable[[Any], Params]]:
        z, layers, W, m, E = self._evaluated(params, X, xp, order=2)
        g, u = layers.backward(m.values @ W.T)
        gradient = xp.concatenate([g[0], m.gradient(layers.output @ W)], axis=-1)
        d = X.shape[1] // 2

        def pullback(V: Any) -> Params:
            m_dot = m.along(V[:, d:])
            d_hidden, t = layers.pullback(V[:, :d], g, u, m_dot @ W.T)
            d_W = layers.output.T @ m_dot + t.T @ m.values
            d_U = _in_rows(quadratic.pullback(V, z, xp), d, xp)
            return [*d_hidden, xp.concatenate([d_W, d_U]), xp.zeros_like(params[-1])]

        return gradient + E.gradient(z), pullback

    def hessian(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        _, layers, W, m, E = self._evaluated(params, X, xp, order=2)
        g, _ = layers.backward(m.values @ W.T)
        H_qq = layers.hessian(g)
        H_qp = (layers.output_jacobian() @ W) @ m.jacobian()
        H_pp = m.hessian(layers.output @ W)
        upper = xp.concatenate([H_qq, H_qp], axis=-1)
        lower = xp.concatenate([xp.swapaxes(H_qp, -1, -2), H_pp], axis=-1)
        return xp.concatenate([upper, lower], axis=-2) + E.Q

    def basis(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        z, layers, _, m, _ = self._evaluated(params, X, xp, order=1)
        # The parts of d/dq and d/dp are (..., d, m_L, K).
        of_q = layers.output_jacobian()[..., None] * m.values[..., None, None, :]
        along_p = xp.swapaxes(m.jacobian(), -1, -2)
        of_p = layers.output[..., None, :, None] * along_p[..., None, :]
        both = xp.concatenate([of_q, of_p], axis=-3)
        of_W, of_E = both.reshape(*both.shape[:-2], -1), quadratic.basis(z, xp)
        _, filled = _places(X.shape[-1] // 2)
        of_U = xp.concatenate([of_E, xp.zeros_like(of_E[..., :1])], axis=-1)[..., filled]
        return xp.concatenate([of_W, of_U], axis=-1)

    def last_of_quadratic(self, params: Params, g: np.ndarray, Q: np.ndarray) -> np.ndarray:
        W, _ = _split(params)
        u = quadratic.coefficients(g, Q)
        return np.vstack([np.zeros_like(W), _in_rows(u, len(g) // 2, np)])

    def jacobian(self, params: Params, X: Any, xp: ModuleType = np) -> Any:
        _, layers, W, m, _ = self._evaluated(params, X, xp, order=2)
        g, u = layers.backward(m.values @ W.T)
        d = X.shape[1] // 2
        along_p = xp.swapaxes(m.jacobian(), -1, -2) @ W.T  # (n, d, m_L)
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
        W, _ = _split(params)
        minus_W_T = np.ascontiguousarray(-W.T)
        E = _quadratic(params, np)
        Q, constant = field_from_gradient(E.Q), field_from_gradient(E.l)
        c = params[-1][1:]
        first, second = (E for E in factors(d))
        (first_0, first_p), (second_0, second_p) = ((E[0], E[1:]) for E in (first, second))
        first_back, second_back = (np.ascontiguousarray(E.T) for E in (first_p, second_p))

        def field(x: np.ndarray) -> np.ndarray:
            z = x - c
            h, p = z[..., :d], z[..., d:]
            slopes = []
            for W_l, b in layers:
                a = h @ W_l
                a += b
                h, slope = activation(a, np, 1)
                slopes.append(slope)
            y = h @ W
            P_i = p @ first_p
            P_i += first_0
            P_j = p @ second_p
            P_j += second_0
            g = (P_i * P_j) @ minus_W_T
            for W_T in back:
                u = slopes.pop()
                u *= g
                g = u @ W_T
            dx = z @ Q
            dx += constant
            dx[..., :d] += (y * P_j) @ first_back
            dx[..., :d] += (y * P_i) @ second_back
            dx[..., d:] += g
            return dx

        return field

    def rescaled(self, params: Params, s: np.ndarray, e: float) -> Params:
        first, *others, _, constant_and_centre = params
        s_q, s_p = q_and_p(s)
        W, _ = _split(params)
        u = quadratic.rescaled(_coefficients(params), s, e)
        w = np.vstack([W * (e / factor_of_monomials(s_p)), _in_rows(u, len(s_q), np)])
        return [first / s_q[:, None], *others, w, constant_and_centre]

    def _evaluated(
        self, params: Params, X: Any, xp: ModuleType, order: int
    ) -> tuple[Any, Layers, Any, Monomials, Quadratic]:
        """z, the layers, W, m and E."""
        z, d = X - params[-1][1:], X.shape[-1] // 2
        layers = Layers(params[:-2], self.activation, z[..., :d], xp, order)
        m = Monomials(z[..., d:], params[-1], xp)
        return z, layers, _split(params)[0], m, _quadratic(params, xp)

    def _like(self, form: MLPHamiltonian) -> "NaturalHamiltonian":
        return NaturalHamiltonian(form.hidden_layer_sizes, form.activation)


def _split(params: Params) -> tuple[Any, Any]:
    """W and U."""
    w, n_units = params[-2], params[-3].shape[0]
    return w[:n_units], w[n_units:]


def _coefficients(params: Params) -> Any:
    """The coefficients of E, (n_terms, 1)."""
    places, _ = _places(params[0].shape[0])
    return _split(params)[1].reshape(-1)[places][:, None]


def _quadratic(params: Params, xp: ModuleType) -> Quadratic:
    return Quadratic(_coefficients(params), len(params[-1]) - 1, xp)


def _in_rows(u: Any, d: int, xp: ModuleType) -> Any:
    """U of the coefficients u."""
    _, filled = _places(d)
    return xp.concatenate([u[:, 0], xp.zeros_like(u[:1, 0])])[filled].reshape(-1, n_monomials(d))


@cache
def _places(d: int) -> tuple[list[int], list[int]]:
    """Where every coefficient is in U, row by row, and which one is at every place.

    The number of coefficients stands for none.
    """
    K, n = n_monomials(d), quadratic.n_terms(2 * d)
    i, j = np.triu_indices(2 * d)
    products = np.where(j < d, K, 0) + d + 1  # of the q in the second row, of the p in the first
    of_d = np.zeros((d, d), dtype=int)
    of_d[np.triu_indices(d)] = np.arange(d * (d + 1) // 2)
    products += of_d[i % d, j % d]
    products = np.where((i < d) & (j >= d), 2 * K + i * d + j - d, products)
    linear = np.concatenate([K + 1 + np.arange(d), 1 + np.arange(d)])
    places = np.concatenate([linear, products])
    filled = np.full(-(-(2 * K + d * d) // K) * K, n)
    filled[places] = np.arange(n)
    return places.tolist(), filled.tolist()


def _with_quadratic(hidden: Params, W: np.ndarray) -> Params:
    """Params with the last weights W and an E of zero, centred at zero."""
    n_features = 2 * len(hidden[0])
    U = _in_rows(np.zeros((quadratic.n_terms(n_features), 1)), n_features // 2, np)
    return [*hidden, np.vstack([W, U]), np.zeros(1 + n_features)]
