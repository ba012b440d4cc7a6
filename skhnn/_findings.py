"""What a fit finds in its data: columns, noise, friction, masses that do not show."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ._attributes import model_in_units_of_the_data
from ._convergence import POOR_LOSS, loss_that_counts
from ._coordinates import (
    angles_of,
    are_noisy_velocities,
    of_masses,
    of_rates,
    say_angles,
    without_mechanics,
)
from ._data import Problem
from ._diagnosis import another_order, departure_from_hamiltonian, smooth_remainder
from ._identified import identify
from ._layout import label_of_columns, still_inputs, suspicions
from ._model import Model
from ._scaling import Scaling
from ._selection import Comparison
from ._solvers import FitResult
from ._threads import one_blas_thread
from .hamiltonians import LagrangianEquations, Layout

TrainingData = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]


@dataclass
class Findings:
    """Sentences to warn of, and those that may be why a fit is poor."""

    to_say: list[str] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)
    undetermined_masses: list[np.ndarray] | None = None

    def add(self, sentence: str | None) -> None:
        """Warn of it, and name it where the fit is poor."""
        if sentence is not None:
            self.to_say.append(sentence)
            self.causes.append(sentence)


def of_columns(data: TrainingData, layout: Layout, names: Sequence[str] | None) -> list[str]:
    """Sentences on columns that cannot mean what they are taken for; before training."""
    X, y, _, groups = data
    label = label_of_columns(X.shape[1], names)
    states, of_states = X[:, : layout.n_state], None if names is None else names[: layout.n_state]
    found = []
    if layout.has_halves:
        found = suspicions(states, y, of_states, layout.periods, groups)
    if layout.has_velocities:
        found += of_rates(states, y, label)
    return found + still_inputs(X, layout.inputs, label)


def of_fit(
    model: Model,
    result: FitResult,
    data: TrainingData,
    scaling: Scaling,
    names: Sequence[str] | None,
    *,
    known_causes: Sequence[str],
    by_default: bool,
    without_forces: bool,
) -> Findings:
    """What a fit shows of its data.

    ``by_default`` are fits of solver="auto"; ``without_forces`` those of which a departure from
    every Hamiltonian would be a finding. ``known_causes`` have been warned of already.
    """
    found = Findings(causes=list(known_causes))
    label = label_of_columns(data[0].shape[1], names)
    layout = model.equations.layout
    is_done = result.status in ("completed", "converged")
    is_poor = by_default and loss_that_counts(result)[0] > POOR_LOSS
    has_momenta = layout.is_canonical or _has_equal_masses(model, data[0])
    if is_done and has_momenta and without_forces and not known_causes:
        rows = _rows_without_forces(model, data, scaling)
        departure = _departure(model, rows, label, by_default)
        meaning = _of_degrees(data[0], layout, label) if is_poor else None
        if meaning is None and layout.is_canonical and (is_poor or departure is not None):
            with one_blas_thread():
                angles = angles_of(rows)
            meaning = _other_meaning(rows, angles, label, names)
            found.add(say_angles(angles, label) if angles and meaning is None else None)
        found.add(meaning or departure)
    if layout.has_velocities and result.status != "diverged":
        equations, params = result.equations, result.params
        assert isinstance(equations, LagrangianEquations)
        if is_done and is_poor and not known_causes:
            with one_blas_thread():
                angles = angles_of(result.problem)
            found.add(_of_degrees(data[0], layout, label))
            found.add(say_angles(angles, label) if angles else None)
        if is_done and by_default and not found.causes:
            with one_blas_thread():
                compared = Comparison(result.problem, equations, params)
            found.add(
                _friction_of_velocities(compared, label) or without_mechanics(compared, label)
            )
        changes, sentences = of_masses(
            result.problem, equations, params, label, predicts=not found.causes
        )
        found.undetermined_masses = changes
        found.to_say += sentences
    if result.gains_energy:
        found.add(
            "Friction that is negative, a gain of energy, fits these data, and damping_ is bounded "
            "to none there: the fit is worse than without the bound. There may be a drive, or a "
            "feedback, that was not recorded"
        )
    if is_done and by_default and not found.causes:
        found.add(_of_remainder(model, data, scaling, label))
    if result.noise.any():
        found.to_say.append(_of_noise(result.noise, scaling, label))
    return found


def _of_degrees(X: np.ndarray, layout: Layout, label: Sequence[str]) -> str | None:
    """A sentence on angles of the period 2 pi that seem to be in degrees."""
    # A swing of 30 degrees has ten periods of 2 pi.
    turns_of_degrees = 4.0
    for k, period in layout.periods.items():
        turns = np.ptp(X[:, k]) / period
        if np.isclose(period, 2.0 * np.pi) and turns > turns_of_degrees:
            return (
                f"Column {label[k]} spans {turns:.0f} times its period 2 pi: is it in degrees? "
                f"Then say periodic={{{k}: 360}}"
            )
    return None


def _of_remainder(
    model: Model, data: TrainingData, scaling: Scaling, label: Sequence[str]
) -> str | None:
    """A sentence on what the model leaves, where that is no noise."""
    X, y, _, groups = data
    first = slice(20_000)  # rows one after another
    X, y = np.asarray(X[first]), np.asarray(y[first])
    with one_blas_thread():
        remainder = y - model.equations.field(model.params, X)
    remainder[:, scaling.w == 0.0] = 0.0
    return smooth_remainder(remainder, y, None if groups is None else groups[first], label)


def _of_noise(noise: np.ndarray, scaling: Scaling, label: Sequence[str]) -> str:
    """A sentence on derivatives that were taken for noise about a constant."""
    means = scaling.constant * scaling.f
    which = ", ".join(f"{label[j]} (about {means[j]:.3g})" for j in np.flatnonzero(noise).tolist())
    return (
        f"The rate of column {which} is noise: no function of the columns explains it, and it is "
        "taken for constant (a momentum that is conserved?). Set it to that number in y, so that "
        "score does not count its noise"
    )


def _has_equal_masses(model: Model, X: np.ndarray) -> bool:
    """Whether these are velocities of equal masses, which are momenta as well."""
    equations = model.equations
    if not (isinstance(equations, LagrangianEquations) and equations.is_linear):
        return False
    M = equations.masses(model.params, np.asarray(X[:1]))[0]
    return bool(np.allclose(M, M[0, 0] * np.eye(len(M))))


def _friction_of_velocities(compared: Comparison, label: Sequence[str]) -> str | None:
    """Friction that a Lagrangian leaves out, with its size; None where there is none.

    Nor where velocities gain energy: damping that is bounded at zero has no standard error.
    """
    problem, equations = compared.problem, compared.equations
    if equations.forces:
        return None
    with one_blas_thread():
        damped = compared.with_friction()
        if damped is None:
            return None
        (damped_equations, params), error = damped
        model = model_in_units_of_the_data(damped_equations, params, problem, problem.input_matrix)
        _, found, _ = identify(problem, damped_equations, model.params, model.equations)
    std = np.diag(found["damping_std_"])
    if not np.isfinite(std).all():
        return None
    sizes = zip(np.diag(found["damping_"]), std, strict=True)
    unit = " where the first mass is one" if equations.has_free_scale else ""
    d = problem.layout.n_rates
    each = ", ".join(
        f"{size:.3g} +- {e:.1g} (of column {label[d + k]})" for k, (size, e) in enumerate(sizes)
    )
    return (
        f"The accelerations have friction, which no Lagrangian has: a damping of {each}, force per "
        f"velocity{unit}. With it they are predicted to {error:.2g} of their "
        "spread on rows left out. The model leaves it out; dissipation='linear' finds it"
    )


def _rows_without_forces(model: Model, data: TrainingData, scaling: Scaling) -> Problem:
    """The states, and what inputs leave of their derivatives."""
    X, y, weight, groups = data
    n, layout = y.shape[1], model.equations.layout
    states = X[:, :n]
    if X.shape[1] > n:
        y = y - model.forces_at(np.asarray(X))
    if X.shape[1] > n or layout.has_velocities:
        scaling = Scaling.from_data(states, y, weight, layout.periods)
    return Problem(states, y, weight, groups, scaling, layout=Layout(n, periods=layout.periods))


def _departure(model: Model, rows: Problem, label: Sequence[str], by_default: bool) -> str | None:
    """What no Hamiltonian has."""
    n, equations = rows.n_targets, model.equations

    def of_energies(x: np.ndarray) -> np.ndarray:
        more = np.pad(x, ((0, 0), (0, equations.layout.n_columns - n)))
        return np.asarray(equations.field_of_energies(model.params, more))

    with one_blas_thread():
        return departure_from_hamiltonian(
            rows,
            of_energies,
            label[:n],
            # Velocities are compared with what knows no mechanics anyway.
            is_thorough=by_default and equations.layout.is_canonical,
        )


def _other_meaning(
    rows: Problem, angles: Sequence[int], label: Sequence[str], names: Sequence[str] | None
) -> str | None:
    """What the columns seem to be instead of (q, p) in that order."""
    with one_blas_thread():
        if are_noisy_velocities(rows, angles):
            periodic = f", periodic={list(angles)}" if angles else ""
            return (
                "The rate y of the first half of X is its second half but for noise, and masses "
                "other than one, or a rotating frame, fit far better: these are velocities, and no "
                f"momenta. Pass coordinates='velocities'{periodic}"
            )
        return None if angles else another_order(rows, label, names)
