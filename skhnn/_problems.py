"""The rows of a fit, and the problem that they and the parameters of an estimator make."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._asked_for import check_structure, input_matrix_asked_for, structure_asked_for
from ._data import Problem
from ._scaling import Scaling
from .hamiltonians import EulerLagrange, Hamiltonian, Layout
from .hamiltonians._base import Declaration

# Rows at which the gradient of a known energy is compared with its differences.
_ROWS_TO_CHECK = 50


@dataclass
class Rows:
    """The rows of a fit, and those of them that are trained on and held out; None are all."""

    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    groups: np.ndarray | None
    trained_on: np.ndarray | None
    held_out: np.ndarray | None

    @property
    def seen(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """X, y and the weights of those that are trained on."""
        rows = self.trained_on
        if rows is None:
            return self.X, self.y, self.weight
        return self.X[rows], self.y[rows], self.weight[rows]


def problem_of(
    estimator: Any, hamiltonian: Hamiltonian, layout: Layout, rows: Rows, goes_on: bool
) -> tuple[Problem, np.ndarray | None]:
    """All rows less what is known of their rates, and the known G."""
    X, y, n = rows.X, rows.y, rows.y.shape[1]
    structure = structure_asked_for(estimator, layout)
    check_structure(structure, X[:, :n])
    declared = hamiltonian.declare(layout)
    some = np.asarray(X[:_ROWS_TO_CHECK])
    for known in declared.known:
        known.check(some)
        known.check_periods(some, layout.periods)
        _refuse_unless_finite(known.gradient_at(some, np), some)
    if layout.has_velocities:
        return _problem_of_velocities(estimator, declared, layout, rows, goes_on)
    if declared.known and not declared.forces:  # with forces, the true rates are needed
        slopes = sum(known.gradient_at(np.asarray(X), np) for known in declared.known)[:, :n]
        _refuse_unless_finite(slopes, X)
        y = y - structure.apply(np.asarray(X[:, :n]), slopes)
    G = input_matrix_asked_for(estimator, layout)
    if G is not None:
        y = np.array(y)
        y[:, n - layout.n_pushed :] -= X[:, n : n + layout.n_inputs] @ G.T
    if goes_on:
        scaling = estimator._scaling
    else:
        of = slice(None) if rows.trained_on is None else rows.trained_on
        scaling = Scaling.from_data(
            X[of], y[of], rows.weight[of], declared.periods, declared.absolute, structure
        )
    problem = Problem(X, y, rows.weight, rows.groups, scaling, layout=layout, structure=structure)
    return problem, G


def _refuse_unless_finite(slopes: np.ndarray, X: np.ndarray) -> None:
    wrong = np.flatnonzero(~np.isfinite(slopes).all(axis=1))
    if len(wrong):
        raise ValueError(
            f"The derivatives of a known energy are not finite at {len(wrong)} of {len(X)} rows, "
            f"first at row {wrong[0]}, {np.asarray(X[wrong[0]]).tolist()}. Give a function that "
            "holds wherever there are data."
        )


def _problem_of_velocities(
    estimator: Any, declared: Declaration, layout: Layout, rows: Rows, goes_on: bool
) -> tuple[Problem, np.ndarray | None]:
    """The same of positions and velocities: what is known stays in the equations."""
    G = input_matrix_asked_for(estimator, layout)
    scaling = estimator._scaling if goes_on else None
    if scaling is None:
        X, y, weight = rows.seen
        e = _unit_of_energy(declared, G, X, layout)
        scaling = Scaling.from_velocities(X, y, weight, declared.periods, declared.absolute, e)
    problem = Problem(
        rows.X, rows.y, rows.weight, rows.groups, scaling, layout=layout,
        structure=EulerLagrange(), input_matrix=G,
    )  # fmt: skip
    return problem, G


def _unit_of_energy(
    declared: Declaration, G: np.ndarray | None, X: np.ndarray, layout: Layout
) -> float | None:
    """The size of what is known of a Lagrangian; None where nothing is, and it has no unit."""
    some = np.asarray(X[:: -(-len(X) // _ROWS_TO_CHECK)])
    sizes = [float(np.std(known.value_at(some, np))) for known in declared.known]
    if G is not None:
        force = some[:, layout.inputs] @ G.T
        sizes.append(float(np.abs(force * some[:, : layout.n_pushed].std(axis=0)).mean()))
    return max(sizes) or None if sizes else None
