"""Equations with their weights bound, as simulations want them."""

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from ._bound import bound, bound_force
from ._layers import Params
from ._structure import field_from_gradient

if TYPE_CHECKING:
    from ._equations import Equations

Function = Callable[[Any], Any]


def bound_field(equations: "Equations", params: Params) -> Callable[[np.ndarray], np.ndarray]:
    """x -> dx/dt, for x of shape (k,) or (n, k), inputs and parameters behind the state."""
    of, structure, known = equations.layout, equations.structure, equations.known
    n_terms, n = len(equations.terms), of.n_state
    pairs, c, e = list(equations.split(params)), equations.c, equations.e
    is_plain = structure.is_canonical and of.n_columns == n
    gradient = bound(
        pairs[:n_terms], range(of.n_columns), c, e, _canonical if is_plain else _itself
    )

    def of_energies(x: np.ndarray) -> np.ndarray:
        return np.asarray(structure.apply(x[..., :n], gradient(x)[..., :n]))

    learned = gradient if is_plain else of_energies
    has_known = bool(known) or equations.input_matrix is not None
    if not (has_known or equations.forces):
        return learned
    force = None
    if equations.forces:
        force = bound_force(pairs[n_terms:], of.n_rates, of.n_pushed, c, e)

    def field(x: np.ndarray) -> np.ndarray:
        f = learned(x)
        if has_known:  # what users write gets rows
            f += equations.known_field(x.reshape(-1, of.n_columns)).reshape(f.shape)
        if force is not None:
            f[..., n - of.n_pushed :] += force(x, f[..., : of.n_rates])
        return f

    return field


def bound_halves(
    equations: "Equations", params: Params, xp: ModuleType
) -> tuple[Function, Function] | None:
    """p -> dq/dt and q -> dp/dt, (n, d) -> (n, d), where H = T(p) + V(q); None for others."""
    n, d = equations.n_columns, equations.n_columns // 2
    of_learned = [columns for term in equations.terms
                  for columns in ([term.columns] if term.n_hidden else term.reads)]  # fmt: skip
    of_known = [known.columns for known in equations.known]
    is_plain = equations.structure.is_canonical and not equations.forces and n == equations.n_state
    if not is_plain or any(min(b) < d <= max(b) for b in (*of_learned, *of_known)):
        return None
    if xp is not np:

        def half(x: Any, of_p: bool) -> Any:
            field = equations.field(params, xp.concatenate([x, x], axis=-1), xp)
            return field[..., :d] if of_p else field[..., d:]

        return lambda p: half(p, True), lambda q: half(q, False)
    c, e = equations.c, equations.e
    of_p = [(t, part) for t, part in equations.split(params) if max(t.columns) >= d]
    of_q = [(t, part) for t, part in equations.split(params) if min(t.columns) < d]
    velocity = bound(of_p, range(d, 2 * d), c, e, _itself)
    force = bound(of_q, range(d), c, e, lambda g: -g)
    if not equations.known:
        return velocity, force

    def known(x: np.ndarray) -> np.ndarray:
        both = np.concatenate([x, x], axis=-1)
        return equations.known_field(both.reshape(-1, n)).reshape(both.shape)

    return (
        lambda p: velocity(p) + known(p)[..., :d],
        lambda q: force(q) + known(q)[..., d:],
    )


def _itself(g: np.ndarray) -> np.ndarray:
    return g


def _canonical(g: np.ndarray) -> np.ndarray:
    """J g."""
    return np.asarray(field_from_gradient(g))
