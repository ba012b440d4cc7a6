r"""The Euler-Lagrange operator on the terms of a Lagrangian, evaluated at some rows.

    E = d/dt L_v - L_q = L_vv a + L_vq v - L_q,

L a sum of terms h(phi(q)) W psi(v), linear in their last weights W. With directions V = (v, a) and
U = (u, 0), P = (0, u) of the columns (q, v, ...),

    u . E = (h.V W) psi'P + h W psi''[V, P] - (h.U W) psi,    h.V = h' phi' V,

and the derivatives by the weights of hidden layers are two pullbacks, of the tangents along V and
along U.
"""

from typing import Any

import numpy as np

from ._functions import Functions
from ._layers import Outer, Params
from ._maps import bent
from ._network import Network, as_slice, spread


def reads_velocities(term: Any, d: int) -> bool:
    """Whether a term depends on the columns d to 2d."""
    return any(d <= k < 2 * d for k in term.columns)


def rest(at: Any, d: int, V: Any) -> Any:
    """E without accelerations, (..., d); V are the directions (v, 0)."""
    term = at.term
    if not reads_velocities(term, d):
        return -at.gradient()[..., :d]
    if not isinstance(term, Network):
        return at.hessian_along(V)[..., d : 2 * d] - at.gradient()[..., :d]
    t, _ = at.layers.along(at.f.jvp(V[..., term._on]))
    n_columns = at.X.shape[-1]
    first = spread(at.m.vjp(t[-1] @ at.W), term.psi_on, n_columns, at.xp)[..., d : 2 * d]
    return first - spread(at.f.vjp(at.g[0]), term.on, n_columns, at.xp)[..., :d]


def inertia(at: Any, d: int) -> Any:
    """L_vv, (..., d, d); zero where a term does not read velocities."""
    term, xp = at.term, at.xp
    if not reads_velocities(term, d):
        return 0.0
    eye = xp.diag(xp.ones_like(at.X[(0,) * (at.X.ndim - 1)]))[d : 2 * d]
    if at.X.ndim > 1:
        eye = eye.reshape(d, *[1] * (at.X.ndim - 1), -1) + xp.zeros_like(at.X)
    if not isinstance(term, Network):
        rows = at.hessian_along(eye)[..., d : 2 * d]
    else:
        C = at.layers.output @ at.W
        curved = at.m.curve(eye[..., term._psi_on], C + 0.0 * eye[..., :1])
        if curved is None:  # linear in v
            return 0.0
        rows = spread(curved, term.psi_on, at.X.shape[-1], xp)[..., d : 2 * d]
    return xp.moveaxis(rows, 0, -2)


def by_last(at: Any, d: int, V: Any, U: Any, P: Any) -> Any:
    """The derivatives of u . E by the last weights, (..., n, m)."""
    term = at.term
    if isinstance(term, Network):
        t_U, _ = at.layers.along(at.f.jvp(U[..., term._on]))
        if at.m is None:
            return -at._of_copies(t_U[-1])
        found = -t_U[-1][..., :, None] * at.m.z[..., None, :]
        if reads_velocities(term, d):
            t_V, _ = at.layers.along(at.f.jvp(V[..., term._on]))
            along, bend = _of_psi(at, V, P)
            found = found + t_V[-1][..., :, None] * along[..., None, :]
            if bend is not None:
                found = found + at.layers.output[..., :, None] * bend[..., None, :]
        return at._of_copies(found.reshape(*found.shape[:-2], -1))
    if isinstance(term, Functions):
        on = as_slice(term.on)
        found = -at.point.jvp(U[..., on])
        if reads_velocities(term, d):
            bend = bent(at.point, V[..., on], P[..., on])
            found = found if bend is None else found + bend
        found = found / at.size
        copies = term.phi.copies
        return found if copies == 1 else found.reshape(*U.shape[:-1], copies, -1).sum(-2)
    along_V, along_U, along_P = (at.point.jvp(direction) for direction in (V, U, P))
    products = at.products(along_V, along_P) - at.products(along_U, at.point.z)
    return at.xp.concatenate([-along_U[..., term.columns], products], -1)


def pullback(at: Any, d: int, V: Any, U: Any, P: Any, outer: Outer) -> Params:
    """The derivative of sum(u . E) by the params; of every row apart by ``row_by_row``."""
    term = at.term
    if not isinstance(term, Network):
        return [outer(by_last(at, d, V, U, P), None)]
    t_U, tangents = at.layers.along(at.f.jvp(U[..., term._on]))
    hidden, _ = at.layers.pullback(t_U, tangents, at.g, at.u, None, outer, False)
    last = outer(t_U[-1], None if at.m is None else at.m.z)
    if not reads_velocities(term, d):
        return [*(-p for p in hidden), -last]
    along, bend = _of_psi(at, V, P)
    t_V, tangents = at.layers.along(at.f.jvp(V[..., term._on]))
    g, u = at.layers.backward(along @ at.W.T)
    h_bar = None if bend is None else bend @ at.W.T
    more, _ = at.layers.pullback(t_V, tangents, g, u, h_bar, outer, False)
    last = outer(t_V[-1], along) - last
    if bend is not None:
        last = last + outer(at.layers.output, bend)
    return [*(b - a for a, b in zip(hidden, more, strict=True)), last]


def _of_psi(at: Any, V: Any, P: Any) -> tuple[Any, Any]:
    """psi'P and psi''[V, P]."""
    on = at.term._psi_on
    return at.m.jvp(P[..., on]), bent(at.m, V[..., on], P[..., on])


def directions(X: Any, d: int, u: Any, xp: Any = np) -> tuple[Any, Any]:
    """U = (u, 0) and P = (0, u) for u (..., n, d) of rows X."""
    zero = xp.zeros_like(u)
    behind = [xp.zeros_like(X[..., 2 * d :]) + 0.0 * u[..., :1]] if X.shape[-1] > 2 * d else []
    return xp.concatenate([u, zero, *behind], -1), xp.concatenate([zero, u, *behind], -1)
