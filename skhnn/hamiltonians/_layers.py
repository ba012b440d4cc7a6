"""The hidden layers of a network: values, slopes, and what follows from them in closed form."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from ._activations import ACTIVATIONS

Params = list[Any]  # arrays, all of numpy or all of torch
Outer = Callable[[Any, Any], Any]


class Layers:
    r"""Hidden layers evaluated at the rows of z, for a function h_L v of their outputs.

    Forwards a_l = h_{l-1} W_l + b_l, h_l = sigma(a_l), h_0 = z. With v, (m_L,) or one for every row
    (n, m_L), the gradient of h_L v follows backwards from g_L = v by u_l = sigma'(a_l) * g_l and
    g_{l-1} = u_l W_l^T; it is g_0. Differentiating these lines once more, forwards along directions
    or backwards, gives the rest. Directions are (..., n, k), or (..., 1, k) for all rows alike.

    Parameters
    ----------
    hidden : list of arrays
        W_1, b_1, ..., W_L, b_L.
    activation : str
        The name of sigma.
    z : (n, k) or (k,) array
        The inputs.
    xp : module
        numpy or torch.
    order : {0, 1, 2}
        How many derivatives of sigma are wanted.
    """

    def __init__(self, hidden: Params, activation: str, z: Any, xp: ModuleType, order: int):
        sigma = ACTIVATIONS[activation]
        self.weights, self.xp = hidden[::2], xp
        h, derivatives = [z], []
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

    def along(self, V: Any) -> tuple[list[Any], list[Any]]:
        """The derivatives t_0..t_L of h_0..h_L along V, and those of a_1..a_L."""
        t, tangents = [V], []
        for W, slope in zip(self.weights, self.slopes, strict=True):
            tangents.append(t[-1] @ W)
            t.append(tangents[-1] * slope)
        return t, tangents

    def pullback(
        self, t: list[Any], tangents: list[Any], g: list[Any], u: list[Any], h_bar: Any,
        outer: Outer | None, by_input: bool,
    ) -> tuple[Params, Any]:  # fmt: skip
        """The derivative of sum(V * g_0) + sum(h_bar * h_L) by the hidden weights and by z.

        V are the directions of ``along``, h_bar, (..., n, m_L) or None, and g_L are constant.
        ``outer(a, b)`` is a^T b summed over the rows, or for every row apart; without it only the
        derivative by z is computed, and that ``by_input`` only.
        """
        d_hidden: Params = []
        for layer in range(len(self.weights) - 1, -1, -1):
            # through sigma', by its derivative sigma'', and through h
            a_bar, through_slope = tangents[layer], g[layer + 1] * self.curvatures[layer]
            if a_bar.shape == through_slope.shape:
                a_bar *= through_slope  # in place: it is not needed any more
            else:
                a_bar = a_bar * through_slope
            if h_bar is not None:
                a_bar += h_bar * self.slopes[layer]
            if outer is not None:
                d_W = outer(t[layer], u[layer]) + outer(self.h[layer], a_bar)
                d_hidden = [d_W, outer(None, a_bar), *d_hidden]
            h_bar = a_bar @ self.weights[layer].T if layer or by_input else None
        return d_hidden, h_bar


def summed_over_rows(xp: ModuleType) -> Outer:
    """``outer`` of (n, a) and (n, b): the sum over the rows, (a, b); None stands for ones."""

    def outer(a: Any, b: Any) -> Any:
        if a is None:
            return xp.ones_like(b[:, 0]) @ b  # numpy sums rows in a third of the time by @
        return (xp.ones_like(a[:, 0]) @ a)[:, None] if b is None else a.T @ b

    return outer


def row_by_row(n_rows: int) -> Outer:
    """``outer`` of (..., n c, a) and (..., n c, b): every one of n rows apart, flat, (..., n, a b).

    Copies of a row, one after another, are added up.
    """

    def outer(a: Any, b: Any) -> Any:
        if a is None or b is None:
            product = b if a is None else a
        else:
            product = a[..., :, None] * b[..., None, :]
            product = product.reshape(*product.shape[:-2], -1)
        if product.shape[-2] == n_rows:
            return product
        return product.reshape(*product.shape[:-2], n_rows, -1, product.shape[-1]).sum(-2)

    return outer
