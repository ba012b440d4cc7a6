"""The hidden layers of a network: values, slopes, and what follows from them in closed form."""

from types import ModuleType
from typing import Any

from ._activations import ACTIVATIONS
from ._base import Params


class Layers:
    r"""Hidden layers evaluated at the rows of x, for a function f = h_L v + ... of their outputs.

    Forwards a_l = h_{l-1} W_l + b_l, h_l = sigma(a_l), h_0 = x. With v, (m_L,) or one for every row
    (n, m_L), the gradient of h_L v follows backwards from g_L = v by u_l = sigma'(a_l) * g_l and
    g_{l-1} = u_l W_l^T; it is g_0. Differentiating these lines once more, forwards along a
    direction or backwards from a residual, gives the rest.

    Parameters
    ----------
    hidden : list of arrays
        W_1, b_1, ..., W_L, b_L.
    activation : str
        The name of sigma.
    x : (n, k) or (k,) array
        The inputs.
    xp : module
        numpy or torch.
    order : {0, 1, 2}
        How many derivatives of sigma are wanted.
    """

    def __init__(self, hidden: Params, activation: str, x: Any, xp: ModuleType, order: int):
        sigma = ACTIVATIONS[activation]
        self.weights, self.xp = hidden[::2], xp
        h, derivatives = [x], []
        for W, b in zip(self.weights, hidden[1::2], strict=True):
            a = h[-1] @ W
            a += b
            h_l, *rest = sigma(a, xp, order)
            h.append(h_l)
            derivatives.append(rest)
        self.h: list[Any] = h
        self.slopes: list[Any] = [rest[0] for rest in derivatives] if order >= 1 else []
        self.curvatures: list[Any] = [rest[1] for rest in derivatives] if order >= 2 else []

    @property
    def output(self) -> Any:
        """h_L."""
        return self.h[-1]

    def backward(self, v: Any) -> tuple[list[Any], list[Any]]:
        """g_0..g_L and u_1..u_L."""
        g, u = [v], []
        for W, slope in zip(self.weights[::-1], self.slopes[::-1], strict=True):
            u.append(slope * g[-1])
            g.append(u[-1] @ W.T)
        return g[::-1], u[::-1]

    def tangents(self) -> list[Any]:
        """The derivatives of a_1..a_L by each of the k inputs, (n, k, m_l)."""
        tangents = [self.weights[0]]  # (k, m_1): the same for all rows
        for W, slope in zip(self.weights[1:], self.slopes, strict=False):
            tangents.append((tangents[-1] * slope[..., None, :]) @ W)
        return tangents

    def output_jacobian(self) -> Any:
        """The derivatives of h_L by each of the k inputs, (n, k, m_L)."""
        return self.tangents()[-1] * self.slopes[-1][..., None, :]

    def pullback(self, V: Any, g: list[Any], u: list[Any], h_bar: Any = None) -> tuple[Params, Any]:
        """The derivative of sum(V * g_0) + sum(h_bar * h_L) by the hidden weights, h_bar constant.

        The second result is t_L, the derivative of h_L in the direction V.
        """
        ones = self.xp.ones_like(self.h[0][:, 0])  # numpy sums rows in a third of the time by @
        # Forwards: t_l is the derivative of h_l in the direction V.
        t, tangents, d_weights = V, [], []
        for W, slope, u_l in zip(self.weights, self.slopes, u, strict=True):
            d_weights.append(t.T @ u_l)
            tangents.append(t @ W)
            t = tangents[-1] * slope
        # Backwards: through sigma' (by its derivative sigma'') and through h.
        d_hidden: Params = []
        for layer in range(len(self.weights) - 1, -1, -1):
            a_bar = tangents[layer]
            a_bar *= g[layer + 1]
            a_bar *= self.curvatures[layer]
            if h_bar is not None:
                a_bar += h_bar * self.slopes[layer]
            d_hidden = [d_weights[layer] + self.h[layer].T @ a_bar, ones @ a_bar, *d_hidden]
            if layer:
                h_bar = a_bar @ self.weights[layer].T
        return d_hidden, t

    def jacobian(self, D: Any, g: list[Any], u: list[Any], h_bar: Any = 0.0) -> Any:
        """``pullback`` of several V and h_bar for every row apart, (n, r, n_weights).

        ``D``, (r, k), has the r directions V, the same for all rows; ``h_bar`` is (n, r, m_L).
        """
        t: list[Any] = [D[None]]
        tangents = []
        for W, slope in zip(self.weights, self.slopes, strict=True):
            tangents.append(t[-1] @ W)
            t.append(tangents[-1] * slope[:, None, :])
        n, r = len(self.h[0]), len(D)
        blocks: list[Any] = []
        for layer in range(len(self.weights) - 1, -1, -1):
            a_bar = tangents[layer] * (g[layer + 1] * self.curvatures[layer])[:, None, :]
            a_bar = a_bar + h_bar * self.slopes[layer][:, None, :]
            d_weights = t[layer][..., None] * u[layer][:, None, None, :]
            d_weights = d_weights + self.h[layer][:, None, :, None] * a_bar[:, :, None, :]
            blocks = [d_weights.reshape(n, r, -1), a_bar, *blocks]
            h_bar = a_bar @ self.weights[layer].T
        return self.xp.concatenate(blocks, axis=2)

    def hessian(self, g: list[Any]) -> Any:
        """The second derivatives of h_L v by the inputs, (n, k, k), symmetric."""
        # One forward pass along the k unit vectors at once, (n, k, m_l) ...
        tangents = self.tangents()
        # ... and its reverse: the derivative of g_{l-1} = (sigma' * g_l) W_l^T, from g_L = const.
        g_dot: Any = 0.0
        for layer in range(len(self.weights) - 1, -1, -1):
            u_dot = tangents[layer] * (g[layer + 1] * self.curvatures[layer])[..., None, :]
            g_dot = (u_dot + g_dot * self.slopes[layer][..., None, :]) @ self.weights[layer].T
        return g_dot
