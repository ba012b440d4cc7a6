"""Whether states are (q, p) or (q, v), and what is said of velocities after a fit."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ._asked_for import input_matrix_asked_for, layout_asked_for
from ._data import Problem
from ._masses import sentence_of, undetermined_masses
from ._scaling import Scaling
from ._selection import compare, unit_masses_fit
from ._threads import one_blas_thread
from .hamiltonians import (
    EulerLagrange,
    Hamiltonian,
    LagrangianEquations,
    Layout,
    Natural,
    WithForces,
)

# Differences that are rounding, relative to the largest velocity.
_ROUNDING = 1e-9
# Hamiltonians by name that say what momenta are in them.
_OF_MOMENTA = ("separable", "mlp")
# 1 - R^2 of the velocities in y by those in X, from which on they are not the same.
_NOT_THE_SAME = 1e-3
_ROWS = 5000


def coordinates_of(
    estimator: Any, X: np.ndarray, y: np.ndarray, weight: np.ndarray, groups: np.ndarray | None
) -> str:
    """Return "canonical" or "velocities", as asked for or found.

    Velocities are looked for only where the rate of every q is the column after the q, and are
    taken for momenta where masses of one fit as well as a regression.
    """
    asked_for, hamiltonian = estimator.coordinates, estimator.hamiltonian
    if estimator.structure is not None:
        if asked_for == "velocities":
            raise ValueError("coordinates='velocities' and a structure exclude each other.")
        return "canonical"
    if asked_for != "auto":
        return str(asked_for)
    if isinstance(hamiltonian, Natural):
        return "velocities"
    d = y.shape[1] // 2
    if y.shape[1] % 2 or not _have_velocities(X, y):
        return "canonical"
    layout = layout_asked_for(estimator, X.shape[1], "velocities")
    if names_momenta(hamiltonian, layout):
        return "canonical"
    scaling = Scaling.from_velocities(X, y, weight, layout.periods)
    problem = Problem(
        X, y, weight, groups, scaling, layout=layout, structure=EulerLagrange(),
        input_matrix=input_matrix_asked_for(estimator, layout),
    )  # fmt: skip
    if np.ptp(y[:, d:], axis=0).max() == 0.0:
        return "canonical"
    with one_blas_thread():
        return "canonical" if unit_masses_fit(problem) else "velocities"


def _have_velocities(X: np.ndarray, y: np.ndarray) -> bool:
    d = y.shape[1] // 2
    step = -(-len(X) // _ROWS)
    v, rates = np.asarray(X[::step, d : 2 * d]), np.asarray(y[::step, :d])
    largest = np.abs(v).max(axis=0)
    return bool((np.abs(v - rates).max(axis=0) <= _ROUNDING * largest).all() and largest.any())


def names_momenta(hamiltonian: Hamiltonian | str, layout: Layout) -> bool:
    """Whether it has no meaning for velocities, a network of it reading momenta."""
    if isinstance(hamiltonian, str):
        return hamiltonian in _OF_MOMENTA
    d = layout.n_rates
    networks = hamiltonian.declare(layout).networks
    return any(d <= k < 2 * d for network in networks for k in network.on)


def of_rates(X: np.ndarray, y: np.ndarray, label: Sequence[str]) -> list[str]:
    """A sentence where the velocities recorded are not the rates of the positions recorded."""
    d = y.shape[1] // 2
    step = -(-len(X) // _ROWS)
    v, rates = np.asarray(X[::step, d : 2 * d]), np.asarray(y[::step, :d])
    variance = rates.var(axis=0)
    varies = variance > 0.0
    left = np.mean((rates - v) ** 2, axis=0)
    wrong = np.flatnonzero(varies & (left > _NOT_THE_SAME * variance))
    if not len(wrong) or len(v) < 2 * d:
        return []
    A, *_ = np.linalg.lstsq(v, rates, rcond=None)
    better = np.mean((rates - v @ A) ** 2, axis=0)
    mixed = [int(j) for j in wrong if better[j] < 0.5 * left[j]]
    if not mixed:
        return []
    relations = "; ".join(
        f"d{label[j]}/dt = "
        + " ".join(f"{A[k, j]:+.3g} {label[d + k]}" for k in range(d) if abs(A[k, j]) > 0.01)
        for j in mixed
    )
    return [
        f"The velocities in X are not the rates of the positions in y: {relations}. The motion is "
        "taken from X, so simulated positions will be off. Pass the rates of the positions as "
        "velocities, or momenta with coordinates='canonical'"
    ]


def of_masses(
    problem: Problem, equations: LagrangianEquations, params: Any, label: Sequence[str]
) -> tuple[list[np.ndarray], list[str]]:
    """Changes of the masses that the data do not show, and sentences on them, each once."""
    if equations.is_linear:
        return [], []
    with one_blas_thread():
        changes = undetermined_masses(problem, equations, params)
    return changes, list(dict.fromkeys(sentence_of(change, label) for change in changes))


def without_mechanics(
    problem: Problem, equations: LagrangianEquations, params: Any, label: Sequence[str]
) -> str | None:
    """A sentence where a regression predicts accelerations far better than the Lagrangian."""
    with one_blas_thread():
        found = compare(problem, (equations, params))
    if not found.is_beaten:
        return None
    has_forces = isinstance(equations.hamiltonian, WithForces)
    friction = "" if has_forces else "friction (dissipation='auto')? "
    X = problem.X[:: -(-problem.n_samples // _ROWS)]
    d = equations.layout.n_rates
    turns = [
        label[k] for k in range(d)
        if k not in equations.layout.periods and np.ptp(X[:, k]) > 2.0 * np.pi
    ]  # fmt: skip
    angle = f" an angle ({', '.join(turns)} range over more than 2 pi: periodic=)?" if turns else ""
    return (
        f"No natural Lagrangian of these columns was found: accelerations are typically predicted "
        f"to {found.with_mechanics:.1%} of their spread, without mechanics to {found.without:.1%}, "
        f"on rows left out: {friction}a drive? a missing coordinate? forces without reaction?"
        f"{angle}"
    )
