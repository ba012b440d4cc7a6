r"""Accelerations with the weights bound, as simulations want them.

L is a sum of h_k(q) (1/2 v^T M_k v + b_k . v + c_k), h the functions of a network or known ones,
and of linear and quadratic energies. With T = [M_k, b_k, c_k] as one matrix,

    h T = (M, b, .),    h.v T = (dM/dt, db/dt, .),    L_q = h'^T T (v v^T / 2, v, 1),
    a = M^-1 (L_q - dM/dt v - db/dt + F),

one pass forwards, with a tangent along v, and one backwards.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ._activations import ACTIVATIONS
from ._bound import bound, bound_force
from ._euler_lagrange import reads_velocities
from ._functions import Functions
from ._kinetic import KineticEnergy
from ._layers import Params
from ._maps import Beside, Chain, Map, Products, Standardised
from ._network import Network, as_slice
from ._quadratic_energies import QuadraticEnergies

if TYPE_CHECKING:
    from ._lagrangian import LagrangianEquations

Function = Callable[[np.ndarray], np.ndarray]
# Of q, v and v v^T / 2, v, 1: h T, its rate along v, and L_q.
_Block = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]


def bound_accelerations(equations: "LagrangianEquations", params: Params) -> Function | None:
    """x -> (v, a), for x of shape (k,) or (n, k); None where a term is of another kind."""
    n, d = equations.n_state, equations.n_state // 2
    pairs, n_terms = list(equations.split(params)), len(equations.terms)
    parts = _sorted(equations, pairs[:n_terms])
    if parts is None:
        return None
    force = _forces(equations, pairs[n_terms:], parts)
    M0, blocks, c = parts.M, parts.blocks, equations.c
    if not blocks:
        inverse = np.linalg.inv(M0).T
        return lambda x: np.concatenate([x[..., d:n], force(x) @ inverse], axis=-1)

    def field(x: np.ndarray) -> np.ndarray:
        v, F, z, M = x[..., d:n], force(x), x - c, M0
        half = (0.5 * v[..., :, None] * v[..., None, :]).reshape(*v.shape[:-1], d * d)
        monomials = np.concatenate([half, v, np.ones_like(v[..., :1])], axis=-1)
        for block in blocks:
            y, rate, slope = block(z, v, monomials)
            M = M + y[..., : d * d].reshape(*v.shape, d)
            turning = rate[..., : d * d].reshape(*v.shape, d) @ v[..., None]
            F = F + slope - turning[..., 0] - rate[..., d * d : -1]
        return np.concatenate([v, _solved(M, F, d)], axis=-1)

    return field


@dataclass
class _Parts:
    """The terms of a Lagrangian by what they are to the equations of motion."""

    M: np.ndarray  # (d, d), the masses that do not depend on q
    C: np.ndarray  # (d, d), gyroscopic: v reads C^T
    blocks: list[_Block]  # masses and b that depend on q
    rest: list[tuple[Any, Params]]  # energies of q


def _sorted(equations: "LagrangianEquations", pairs: list[tuple[Any, Params]]) -> _Parts | None:
    """None where a term is of another kind."""
    n, d, c, e = equations.n_state, equations.n_state // 2, equations.c, equations.e
    parts = _Parts(np.zeros((d, d)), np.zeros((d, d)), [], [])
    for term, own in pairs:
        if not reads_velocities(term, d):
            parts.rest.append((term, own))
            continue
        Q = None
        if isinstance(term, QuadraticEnergies):
            Q = term.folded(own, e)[1]
        elif isinstance(term, Functions):
            Q = term.folded(own, e, equations.n_columns)
        if Q is not None:
            parts.C += Q[d:n, :d]
            parts.M += Q[d:n, d:n]
            parts.rest.append((term, own))
            continue
        block = _block(term, own, e, d)
        if block is None:
            return None
        parts.blocks.append(block)
    for known in equations.known:
        if known.sign_in_lagrangian > 0.0:
            if not isinstance(known, KineticEnergy):
                return None
            parts.M += known.inertia_at(c[None], d, np)[0]
    return parts


def _forces(
    equations: "LagrangianEquations", of_forces: list[tuple[Any, Params]], parts: _Parts
) -> Function:
    """x -> all that does not depend on masses of q, (..., d)."""
    n, d, n_columns = equations.n_state, equations.n_state // 2, equations.n_columns
    c, e = equations.c, equations.e
    potential = [known for known in equations.known if known.sign_in_lagrangian < 0.0]
    gradient = bound(parts.rest, range(n_columns), c, e, lambda g: g) if parts.rest else None
    G = None if equations.input_matrix is None else equations.input_matrix.T
    force = bound_force(of_forces, d, d, c, e) if of_forces else None
    C_T = parts.C.T if parts.C.any() else None

    def all_of_them(x: np.ndarray) -> np.ndarray:
        v = x[..., d:n]
        F: Any = gradient(x)[..., :d] if gradient is not None else np.zeros_like(v)
        if C_T is not None:
            F = F - v @ C_T
        for known in potential:
            rows = x.reshape(-1, n_columns)
            F = F - known.gradient_at(rows, np)[:, :d].reshape(v.shape)
        if G is not None:
            F = F + x[..., n : n + len(G)] @ G
        if force is not None:
            F = F + force(x, v)
        return F

    return all_of_them


def _solved(M: np.ndarray, F: np.ndarray, d: int) -> np.ndarray:
    if d == 1:
        return F / M[..., 0]
    if d == 2:
        a, b, c = M[..., 0, 0], M[..., 0, 1], M[..., 1, 1]
        first, second = F[..., 0], F[..., 1]
        both = [c * first - b * second, a * second - b * first]
        return np.stack(both, axis=-1) / (a * c - b * b)[..., None]
    return np.linalg.solve(M, F[..., None])[..., 0]


def _block(term: Any, params: Params, e: float, d: int) -> _Block | None:
    if isinstance(term, Network):
        if term.psi is None or term.phi.copies > 1:
            return None
        T = _polynomials(term.psi, term.psi_on, d)
        return None if T is None else _of_network(term, params[:-1], e * params[-1] @ T, d)
    phi = term.phi
    if not (isinstance(phi, Chain) and isinstance(phi.f, Beside) and isinstance(phi.g, Products)):
        return None
    both = phi.f
    T = _polynomials(both.g, [term.on[k] for k in both.of_g], d)
    if T is None:
        return None
    W = (e * params[0][:, 0] / term.size).reshape(-1, len(T))
    return _of_functions(both.f, [term.on[k] for k in both.of_f], W @ T, d)


def _polynomials(psi: Map, on: list[int], d: int) -> np.ndarray | None:
    """The coefficients of monomials of v, (K, d d + d + 1), as of 1/2 v^T M v + b . v + c."""
    if not (isinstance(psi, Chain) and isinstance(psi.f, Standardised)):
        return None
    mu, s = (a + np.zeros(len(on)) for a in psi.f.constants.values())
    if not isinstance(psi.g, Products) or mu.any() or on != list(range(d, 2 * d)):
        return None
    A, a, B, b = psi.g.constants.values()
    A, B = A / s[:, None], B / s[:, None]
    M = np.einsum("ik,jk->kij", A, B)
    M = M + np.swapaxes(M, 1, 2)
    return np.hstack([M.reshape(-1, d * d), (a * B + b * A).T, (a * b)[:, None]])


def _of_network(term: Network, hidden: Params, T: np.ndarray, d: int) -> _Block:
    on, activation, phi = as_slice(term.on), ACTIVATIONS[term.activation], term.phi
    layers = list(zip(hidden[::2], hidden[1::2], strict=True))
    back, T_T = [W.T for W in hidden[::2]][::-1], T.T
    reads_q = all(k < d for k in term.on)
    whole = term.on == list(range(d))

    def block(
        z: np.ndarray, v: np.ndarray, parts: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        point = phi.at(z[..., on], np)
        h, t, slopes = point.z, point.jvp(_rates(v, on, term.on, d, reads_q)), []
        for W, b in layers:
            h, slope = activation(h @ W + b, np, 1)
            t = (t @ W) * slope
            slopes.append(slope)
        g = parts @ T_T
        for W_T, slope in zip(back, slopes[::-1], strict=True):
            g = (g * slope) @ W_T
        return h @ T, t @ T, _on_q(point.vjp(g), term.on, d, whole)

    return block


def _of_functions(phi: Map, on: list[int], T: np.ndarray, d: int) -> _Block:
    columns, T_T, reads_q = as_slice(on), T.T, all(k < d for k in on)
    whole = on == list(range(d))

    def block(
        z: np.ndarray, v: np.ndarray, parts: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        point = phi.at(z[..., columns], np)
        rate = point.jvp(_rates(v, columns, on, d, reads_q))
        return point.z @ T, rate @ T, _on_q(point.vjp(parts @ T_T), on, d, whole)

    return block


def _rates(v: np.ndarray, columns: Any, on: list[int], d: int, reads_q: bool) -> np.ndarray:
    """The rates of the columns that a term reads; those of parameters are zero."""
    if reads_q:
        return v[..., columns]
    own = [k for k in on if k < d]
    none = np.zeros((*v.shape[:-1], len(on) - len(own)))
    return np.concatenate([v[..., own], none], axis=-1)


def _on_q(g: np.ndarray, on: list[int], d: int, whole: bool) -> np.ndarray:
    """Derivatives by the columns that are read as derivatives by q."""
    if whole:
        return g
    found = np.zeros((*g.shape[:-1], d))
    own = [k for k, column in enumerate(on) if column < d]
    found[..., [on[k] for k in own]] = g[..., own]
    return found
