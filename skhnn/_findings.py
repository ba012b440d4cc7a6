"""What a fit finds in its data: columns, noise, friction, masses that do not show."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ._convergence import POOR_LOSS, loss_that_counts, of_few_rows
from ._coordinates import (
    angles_of,
    have_other_masses,
    of_masses,
    of_rates,
    rates_are_the_second_half,
    say_angles,
    without_mechanics,
)
from ._data import Problem
from ._diagnosis import another_order, departure_from_hamiltonian, smooth_remainder
from ._friction import friction_left_out, is_linear_alone, law_beside
from ._layout import at_rest, label_of_columns, still_inputs, suspicions
from ._model import Model
from ._scaling import Scaling
from ._selection import GOOD, SOMETHING, Comparison
from ._solvers import FitResult
from ._threads import one_blas_thread
from .hamiltonians import LagrangianEquations, Layout

TrainingData = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]


_GAINS_ENERGY = (
    "Friction that is negative, a gain of energy, fits these data, and damping_ is bounded to none "
    "there: the fit is worse than without the bound. There may be a drive, or a feedback, that was "
    "not recorded"
)


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


def of_rest(data: TrainingData, layout: Layout, names: Sequence[str] | None) -> list[str]:
    """A sentence on positions that never move, before training: it explains no poor fit."""
    X = data[0]
    label = label_of_columns(X.shape[1], names)
    return at_rest(X[:, : layout.n_state], label) if layout.has_velocities else []


@dataclass
class Fit:
    """A finished fit.

    ``by_default`` are fits of solver="auto"; ``without_forces`` those of which a departure from
    every Hamiltonian would be a finding; ``masses_are_chosen`` those whose form of masses is an
    outcome. ``known_causes`` have been warned of already.
    """

    model: Model
    result: FitResult
    data: TrainingData
    scaling: Scaling
    names: Sequence[str] | None
    known_causes: Sequence[str]
    by_default: bool
    without_forces: bool
    masses_are_chosen: bool

    @property
    def layout(self) -> Layout:
        return self.model.equations.layout

    @property
    def label(self) -> list[str]:
        return label_of_columns(self.data[0].shape[1], self.names)

    @property
    def is_done(self) -> bool:
        return self.result.status in ("completed", "converged")

    @property
    def is_poor(self) -> bool:
        return self.by_default and loss_that_counts(self.result)[0] > POOR_LOSS

    def findings(self) -> Findings:
        """What it shows of its data."""
        found, result = Findings(causes=list(self.known_causes)), self.result
        if result.gains_energy:
            found.add(self._with_law(_GAINS_ENERGY))
        if self.is_done and not self.known_causes:
            self._add_of_momenta(found)
            self._add_of_degrees_and_angles(found)
            self._add_of_no_mechanics(found)
        if self.is_done and self.by_default and not found.causes:
            found.add(self._law_in_place_of_linear() or self._of_remainder())
        if self.by_default and not found.causes:
            found.add(of_few_rows(result))
        if self.layout.has_velocities and result.status != "diverged":
            self._add_of_masses(found)
        if result.noise.any():
            found.to_say.append(_of_noise(result.noise, self.scaling, self.label))
        return found

    def _add_of_momenta(self, found: Findings) -> None:
        """What no Hamiltonian of these columns has, or another meaning of them."""
        has_momenta = self.layout.is_canonical or _has_equal_masses(self.model, self.data[0])
        if not (has_momenta and self.without_forces):
            return
        rows = _rows_without_forces(self.model, self.data, self.scaling)
        departure = _departure(self.model, rows, self.label, self.by_default)
        meaning = _of_degrees(self.data[0], self.layout, self.label) if self.is_poor else None
        if meaning is None and self.layout.is_canonical and (self.is_poor or departure):
            with one_blas_thread():
                angles = angles_of(rows)
            meaning = _other_meaning(rows, angles, self.label, self.names)
            found.add(say_angles(angles, self.label) if angles and meaning is None else None)
        found.add(meaning or self._with_law(departure))

    def _add_of_degrees_and_angles(self, found: Findings) -> None:
        """Of positions and velocities that are fitted poorly, what may be angles."""
        if self.layout.has_velocities and self.is_poor:
            with one_blas_thread():
                angles = angles_of(self.result.problem)
            found.add(_of_degrees(self.data[0], self.layout, self.label))
            found.add(say_angles(angles, self.label) if angles else None)

    def _add_of_no_mechanics(self, found: Findings) -> None:
        """What no Lagrangian has, or no Hamiltonian with the friction that was asked for."""
        result, layout = self.result, self.layout
        has_friction = layout.is_canonical and not self.without_forces and result.equations.forces
        if not (layout.has_velocities or has_friction) or not self.by_default or found.causes:
            return
        with one_blas_thread():
            compared = Comparison(result.problem, result.equations, result.params)
        friction = friction_left_out(compared, self.label) if layout.has_velocities else None
        found.add(self._with_law(friction or without_mechanics(compared, self.label)))

    def _add_of_masses(self, found: Findings) -> None:
        """Which masses do not show."""
        equations = self.result.equations
        assert isinstance(equations, LagrangianEquations)
        found.undetermined_masses, sentences = of_masses(
            self.result.problem, equations, self.result.params, self.label,
            predicts=not found.causes and self._predicts(), is_chosen=self.masses_are_chosen,
        )  # fmt: skip
        found.to_say += sentences

    def _predicts(self) -> bool:
        """Whether every acceleration that varies is predicted to half of its spread."""
        most_rows = 5000
        rows = slice(None, None, -(-len(self.data[0]) // most_rows))
        X, y = (np.asarray(a[rows]) for a in self.data[:2])
        first = self.layout.n_rates
        with one_blas_thread():
            left = (y - self.model.equations.field(self.model.params, X))[:, first:]
        squares, variance = np.mean(left**2, axis=0), y[:, first:].var(axis=0)
        return bool((squares <= SOMETHING**2 * variance)[variance > 0.0].all())

    def _law_in_place_of_linear(self) -> str | None:
        """A law of friction with which a fit would be right that has linear friction."""
        is_good = 2.0 * loss_that_counts(self.result)[0] <= GOOD**2
        if is_good or not is_linear_alone(self.result):
            return None
        return law_beside(self.result, has_linear=True)

    def _of_remainder(self) -> str | None:
        """A sentence on what the model leaves, where that is no noise."""
        X, y, _, groups = self.data
        first = slice(20_000)  # rows one after another
        X, y = np.asarray(X[first]), np.asarray(y[first])
        with one_blas_thread():
            remainder = y - self.model.equations.field(self.model.params, X)
        remainder[:, self.scaling.w == 0.0] = 0.0
        groups = None if groups is None else groups[first]
        return smooth_remainder(remainder, y, groups, self.label)

    def _with_law(self, departure: str | None) -> str | None:
        """The sentence, and one on the law of friction that would do, if one does."""
        if departure is None or not self.by_default:
            return departure
        is_named = "dissipation='linear'" in departure
        law = law_beside(self.result, has_linear=is_named or is_linear_alone(self.result))
        return departure if law is None else f"{departure}. {law}"


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
        if not rates_are_the_second_half(rows):
            return None if angles else another_order(rows, label, names)
        if not have_other_masses(rows, angles):  # and the order is known
            return None
    periodic = f", periodic={list(angles)}" if angles else ""
    return (
        "The rate y of the first half of X is its second half but for noise, and masses other than "
        "one, or a rotating frame, fit far better: these are velocities, and no momenta. Pass "
        f"coordinates='velocities'{periodic}"
    )
