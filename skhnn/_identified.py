r"""Coefficients of forces in physical units, with their standard errors; friction is not negative.

With the hidden layers as they are, the last weights w are those of a least squares, A w = t, of
which M = (A^T A + prior)^-1 A^T is the inverse. A coefficient gamma = T w has the variance of
T M r, r what is left, added up by clusters, the runs or blocks of neighbouring rows, within which
errors may be alike ("sandwich").

A matrix Gamma of a damping that is not positive semi-definite is replaced by the nearest that is,
in the metric of its own covariance C, and the other weights follow:

    minimise (g - gamma)^T C^-1 (g - gamma),    w_o <- w_o + C_og C_gg^-1 (g - gamma).

References
----------
K.-Y. Liang, S. L. Zeger, "Longitudinal data analysis using generalized linear models", Biometrika
73 (1986) 13-22 (standard errors by clusters).
"""

from typing import Any

import numpy as np
from scipy import linalg
from scipy.optimize import least_squares

from ._data import DerivativeFit, Problem, clusters_of, known_last_weights, some
from ._solvers._evidence import covariance
from .hamiltonians import Equations, LagrangianEquations, Params
from .hamiltonians._functions import Functions

# What users read, by the labels of forces, and masses.
_NAMES = {
    "damping": "damping_", "quadratic_drag": "quadratic_drag_", "cubic_damping": "cubic_damping_",
    "inputs": "input_matrix_", "masses": "masses_",
}  # fmt: skip
#: The attributes that an estimator has where its model has such forces, or masses.
IDENTIFIED = [attribute for name in _NAMES.values() for attribute in (name, f"{name[:-1]}_std_")]


def identify(
    problem: Problem, trained: Equations, params: Params, equations: Equations
) -> tuple[Params, dict[str, Any], bool]:
    """The params with friction that is none negative, ``coefficients``, and ``gains_energy``.

    Parameters
    ----------
    problem : Problem
        The rows.
    trained, equations : Equations
        In the units of the problem, and in those of the data.
    params : list of ndarray
        The weights of both.
    """
    if not _labelled(equations) and not _has_masses(equations):
        return params, {}, False
    rng = np.random.RandomState(0)
    most_rows = 20_000
    rows = some(np.arange(problem.n_samples), most_rows // problem.n_targets, rng)
    free = known_last_weights(trained, params, problem.scaling).free
    C = covariance(DerivativeFit(problem, trained), params, rows, free)
    free_of_bounds = params
    params, met = with_friction_that_is_none_negative(equations, params, C)
    if met and not equations.is_linear:
        params = _as_far_as_good(problem, trained, free_of_bounds, params, rows)
    gains = False
    if met:
        spread = _scores(problem, trained, free_of_bounds, rows, C)
        gains = gains_energy(equations, free_of_bounds, spread)
    spread = _scores(problem, trained, params, rows, C)
    X = problem.rows(slice(None, None, -(-problem.n_samples // most_rows)))[0]
    return params, coefficients(equations, params, spread, X, at_bound=met), gains


def with_friction_that_is_none_negative(
    equations: Equations, params: Params, C: np.ndarray
) -> tuple[Params, bool]:
    """The params, and whether they had to change, for last weights of the covariance C, (m, m)."""
    w, met = equations.last(params), False
    for which, T in (pair for label, pair in _labelled(equations) if label == "damping"):
        own = C[np.ix_(which, which)]
        nearest = _semi_definite(T, w[which], own)
        if nearest is not None:
            w = w + C[:, which] @ linalg.pinvh(own) @ (nearest - w[which])
            w[which], met = nearest, True
    return equations.with_last(params, w), met


def _as_far_as_good(
    problem: Problem, equations: Equations, before: Params, after: Params, rows: np.ndarray
) -> Params:
    """Friction as it is ``after`` a bound, and of the way of all other weights the best part.

    The way is straight, and where accelerations are not linear in the masses it may lead off: a
    large gain of energy that is set to none had left masses near zero.
    """
    X, y, root = problem.equations(rows)
    w, bounded = equations.last(before), equations.last(after)
    friction = places_of_damping(equations)

    def part_of_the_way(part: float) -> Params:
        v = w + part * (bounded - w)
        v[friction] = bounded[friction]
        return equations.with_last(before, v)

    parts = [part_of_the_way(0.5**k) for k in range(6)] + [part_of_the_way(0.0)]
    return min(parts, key=lambda p: float(np.sum((y - equations.field(p, X)) ** 2 * root**2)))


def gains_energy(equations: Equations, params: Params, C: np.ndarray) -> bool:
    """Whether some damping is negative beyond doubt, and beside the positive part of it."""
    w = equations.last(params)
    # One that is negative by more than these standard errors, and this part of the largest, is
    # none: what hidden layers lack had taken the form of a friction, of an orbit without any.
    errors, small = 3.0, 0.1
    for which, T in (pair for label, pair in _labelled(equations) if label == "damping"):
        Gamma = np.einsum("a,aij->ij", w[which], T)
        eigenvalues, V = np.linalg.eigh(0.5 * (Gamma + Gamma.T))
        slope = np.einsum("i,aij,j->a", V[:, 0], T, V[:, 0])
        std = np.sqrt(slope @ C[np.ix_(which, which)] @ slope)
        if -eigenvalues[0] > max(errors * std, small * eigenvalues[-1]):
            return True
    return False


def places_of_damping(equations: Equations) -> np.ndarray:
    """The places of the coefficients of friction among the last weights."""
    found = [which for label, (which, _) in _labelled(equations) if label == "damping"]
    return np.concatenate([np.zeros(0, dtype=int), *found])


def coefficients(
    equations: Equations, params: Params, C: np.ndarray, X: np.ndarray, *, at_bound: bool
) -> dict[str, Any]:
    """The coefficients of forces, and masses as their mean over rows X, as attributes.

    Each, (n_pushed, k), has its standard errors beside it.
    C, (m, m), is the covariance of the last weights. Friction that is ``at_bound`` has no normal
    error where it is none: entries of coordinates that move along such a direction are NaN.
    """
    w, found = equations.last(params), dict(_labelled(equations))
    attributes: dict[str, Any] = {}
    if _has_masses(equations):
        slopes = mean_slopes_of_masses(equations, params, X)
        if equations.has_free_scale:  # type: ignore[attr-defined]
            slopes = slopes / (slopes[0, 0] @ w)  # of more rows the first mass may be nearly one
        found["masses"] = np.arange(len(w)), np.moveaxis(slopes, -1, 0)
    for label, (which, T) in found.items():
        value = np.einsum("a,aij->ij", w[which], T)
        slope = np.zeros((len(w), *value.shape))
        slope[which] = T
        if _has_masses(equations) and equations.has_free_scale:  # type: ignore[attr-defined]
            slope -= value * found["masses"][1][:, :1, :1]  # all of it is relative to M_11
        std = np.sqrt(np.einsum("aij,ab,bij->ij", slope, C, slope).clip(0.0))
        if at_bound and label == "damping":
            without = _along_no_friction(value, slope, C)
            std[without], std[:, without] = np.nan, np.nan
        name = _NAMES[label]
        attributes |= {name: value, f"{name[:-1]}_std_": std}
    return attributes


def mean_slopes_of_masses(equations: Any, params: Params, X: np.ndarray) -> np.ndarray:
    """The derivatives of M by the last weights, the mean over rows, (d, d, m)."""
    rows = max(2**22 // (equations.layout.n_rates**2 * equations.n_last), 1)
    parts = [equations.mass_slopes(params, X[k : k + rows]) for k in range(0, len(X), rows)]
    return np.asarray(sum(part.sum(axis=0) for part in parts) / len(X))


def _along_no_friction(Gamma: np.ndarray, slope: np.ndarray, C: np.ndarray) -> np.ndarray:
    """The coordinates that move along directions whose friction is zero, (d,) of bool.

    ``slope``, (m, d, d), are the derivatives of Gamma by the last weights, of the covariance C.
    """
    eigenvalues, V = np.linalg.eigh(0.5 * (Gamma + Gamma.T))
    along = np.einsum("aij,ik,jk->ak", slope, V, V)
    std = np.sqrt(np.einsum("ak,ab,bk->k", along, C, along).clip(0.0))
    none = eigenvalues <= 1e-3 * std
    return np.asarray((V[:, none] ** 2).sum(axis=1) > 1e-2)


def _has_masses(equations: Equations) -> bool:
    """Whether there are masses to find."""
    return isinstance(equations, LagrangianEquations) and not equations.is_linear


def _labelled(equations: Equations) -> list[tuple[str, tuple[np.ndarray, np.ndarray]]]:
    """Of forces with a label the places of their coefficients, and what these multiply."""
    layout, places, found = equations.layout, _places(equations), []
    # The force where one velocity, or one input, is one, and all else is zero.
    y = np.eye(layout.n_columns + layout.n_rates + layout.n_pushed)
    for k, term in enumerate(equations.forces):
        if not (isinstance(term, Functions) and term.label):
            continue
        which = places[len(equations.terms) + k]
        alone = y[layout.inputs] if term.label == "inputs" else y[layout.rates]
        of_each = np.moveaxis(term.at([np.ones((len(which), 1))], alone, np, 1).basis(), -1, 0)
        T = equations.e * np.swapaxes(of_each[..., layout.pushes], 1, 2)  # (m, n_pushed, k)
        found.append((term.label, (which, T if term.label == "inputs" else -T)))
    return found


def _places(equations: Equations) -> list[np.ndarray]:
    """The places of the last weights of each term among all."""
    terms = [*equations.terms, *equations.forces]
    ends = np.cumsum([term.n_weights for term in terms])
    return [np.arange(end - t.n_weights, end) for end, t in zip(ends, terms, strict=True)]


def _semi_definite(T: np.ndarray, gamma: np.ndarray, C: np.ndarray) -> np.ndarray | None:
    """Coefficients of the nearest matrix sum g_k T_k that is; None where it is already."""
    Gamma = np.einsum("a,aij->ij", gamma, T)
    eigenvalues, V = np.linalg.eigh(0.5 * (Gamma + Gamma.T))
    # An eigenvalue of a damping that is smaller, relative to the largest, is zero.
    zero = 1e-9
    if eigenvalues[0] >= -zero * max(abs(eigenvalues[-1]), abs(eigenvalues[0])):
        return None
    d = len(Gamma)
    inverse = np.linalg.pinv(T.reshape(len(T), -1)).T  # of sum g_k T_k -> g
    root = np.real(linalg.sqrtm(linalg.pinvh(C)))
    is_diagonal = len(gamma) == d

    def coefficients(x: np.ndarray) -> np.ndarray:
        L = np.diag(x) if is_diagonal else x.reshape(d, d)
        return np.asarray(inverse @ (L @ L.T).ravel())

    start = V * np.sqrt(eigenvalues.clip(1e-3 * np.abs(eigenvalues).max()))
    x0 = np.diag(start @ start.T) ** 0.5 if is_diagonal else start.ravel()
    scale = np.linalg.norm(root @ gamma) or 1.0

    def residuals(x: np.ndarray) -> np.ndarray:
        return np.asarray(root @ (coefficients(x) - gamma) / scale)

    return coefficients(least_squares(residuals, x0, xtol=1e-12).x)


def _scores(
    problem: Problem, equations: Equations, params: Params, rows: np.ndarray, C: np.ndarray
) -> np.ndarray:
    """The covariance of the last weights by clusters, for all rows, (m, m)."""
    clusters = clusters_of(problem)[rows]
    n_clusters = clusters.max() + 1
    of_cluster = np.zeros((n_clusters, len(C)))
    step = max(2**22 // (len(C) * problem.n_targets), 1)
    for k in range(0, len(rows), step):
        X, y, root = problem.equations(rows[k : k + step])
        J = equations.jacobian_by_last(params, X) * root[..., None]
        r = (y - equations.field(params, X)) * root
        np.add.at(of_cluster, clusters[k : k + step], np.einsum("ij,ijk->ik", r, J))
    M = of_cluster @ C
    part = problem.n_samples / len(rows)
    return np.asarray(M.T @ M) * n_clusters / max(n_clusters - 1, 1) / part


__all__ = [
    "IDENTIFIED",
    "coefficients",
    "gains_energy",
    "identify",
    "mean_slopes_of_masses",
    "places_of_damping",
    "with_friction_that_is_none_negative",
]
