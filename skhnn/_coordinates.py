"""Whether states are (q, p) or (q, v), and what is said of velocities after a fit."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ._asked_for import hamiltonian_asked_for, input_matrix_asked_for, layout_asked_for
from ._charges import with_charges
from ._data import Problem
from ._masses import (
    other_constant_masses,
    sentences_of,
    std_if_undetermined,
    undetermined_masses,
)
from ._problems import Rows, problem_of
from ._scaling import Scaling
from ._selection import Comparison, angles_among, better_as_velocities, unit_masses_fit
from ._threads import one_blas_thread
from .hamiltonians import (
    Equations,
    EulerLagrange,
    Hamiltonian,
    Kinetic,
    LagrangianEquations,
    Layout,
    Natural,
    Pairwise,
    Radial,
    WithForces,
    natural_of,
)

# Hamiltonians by name that say what momenta are in them.
_OF_MOMENTA = ("separable", "mlp")
_ROWS = 5000


def coordinates_of(
    estimator: Any,
    X: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
    groups: np.ndarray | None,
    *,
    deadline: float = np.inf,
) -> str:
    """Return "canonical" or "velocities", as asked for or found.

    Velocities are looked for only where the rate of every q is the column after the q, and are
    taken for momenta unless other masses fit far better than those of one. A Hamiltonian of
    distances is read both ways. Coordinates that turn are not tried as angles here: the places of
    Jupiter are none.
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
    if np.ptp(y[:, d:], axis=0).max() == 0.0:
        return "canonical"
    G = input_matrix_asked_for(estimator, layout)
    if _is_of_distances(hamiltonian):
        differ = _fits_velocities(estimator, Rows(X, y, weight, groups, None, None), deadline)
    else:
        differ = _masses_differ(X, y, weight, groups, layout, G, deadline)
    return "velocities" if differ else "canonical"


def _have_velocities(X: np.ndarray, y: np.ndarray) -> bool:
    d = y.shape[1] // 2
    step = -(-len(X) // _ROWS)
    v, rates = np.asarray(X[::step, d : 2 * d]), np.asarray(y[::step, :d])
    largest = np.abs(v).max(axis=0)
    # Differences that are rounding, of single precision too, relative to the largest velocity.
    rounding = 5e-7
    return bool((np.abs(v - rates).max(axis=0) <= rounding * largest).all() and largest.any())


def rates_are_the_second_half(rows: Problem) -> bool:
    """Whether dq/dt is the second half of the states but for noise, each of its own coordinate."""
    d = rows.n_targets // 2
    step = -(-len(rows.X) // _ROWS)
    v, rates = np.asarray(rows.X[::step, d : 2 * d]), np.asarray(rows.y[::step, :d])
    v, rates = v - v.mean(axis=0), rates - rates.mean(axis=0)
    # Slopes of the rates along the velocities that are those of the same but for noise, and how
    # much of the variance of the rates the noise may have.
    nearly_one, mostly_noise = 0.05, 0.25
    if (np.mean((rates - v) ** 2, axis=0) > mostly_noise * rates.var(axis=0)).any():
        return False
    A, *_ = np.linalg.lstsq(v, rates, rcond=None)
    return bool(np.abs(A - np.eye(d)).max() <= nearly_one)


def have_other_masses(rows: Problem, angles: Collection[int] = ()) -> bool:
    """Whether rows (q, v), taken for canonical states, do not have masses of one.

    The ``angles`` are those that ``angles_of`` found in them.
    """
    periods = rows.layout.periods | dict.fromkeys(angles, 2.0 * np.pi)
    layout = Layout(rows.n_targets, periods=periods, is_canonical=False, has_velocities=True)
    return _masses_differ(rows.X, rows.y, rows.weight, rows.groups, layout, None)


def angles_of(rows: Problem) -> list[int]:
    """Coordinates that fit better as angles, if one of them turns, and are not known to be such."""
    X, y, weight, periods = rows.X, rows.y, rows.weight, rows.layout.periods

    def as_angles(angles: Collection[int]) -> Problem:
        found = periods | dict.fromkeys(angles, 2.0 * np.pi)
        layout = replace(rows.layout, periods=found)
        of_columns = Scaling.from_velocities if layout.has_velocities else Scaling.from_data
        return Problem(
            X, y, weight, rows.groups, of_columns(X, y, weight, found),
            layout=layout, structure=rows.structure, input_matrix=rows.input_matrix,
        )  # fmt: skip

    turns = _that_turn(X, rows.layout)
    swing = [k for k in range(rows.layout.n_rates) if k not in turns and k not in periods]
    return angles_among(as_angles, turns, swing) if turns else []


def say_angles(angles: Sequence[int], label: Sequence[str]) -> str:
    """What to do about coordinates that seem to be angles."""
    one = len(angles) == 1
    return (
        f"With the period 2 pi of column{'' if one else 's'} "
        f"{' and '.join(label[k] for k in angles)} the rows are fitted better: "
        f"{'an angle' if one else 'angles'} that no one declared? Pass periodic={list(angles)}"
    )


def _that_turn(X: np.ndarray, layout: Layout) -> list[int]:
    """Coordinates that turn, by more than 2 pi and not more often than there are rows to tell by.

    Those that are known to be angles are left out, and all where rows are few.
    """
    q = np.asarray(X[:: -(-len(X) // _ROWS), : layout.n_rates])
    turns = np.ptp(q, axis=0) / (2.0 * np.pi)
    # Rows for each column that tell angles from positions; of 6 in all chance did.
    fewest_rows = 20
    if len(q) < fewest_rows * X.shape[1]:
        return []
    return [k for k in range(layout.n_rates) if k not in layout.periods and 1.0 < turns[k] < len(q)]


def _masses_differ(
    X: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
    groups: np.ndarray | None,
    layout: Layout,
    input_matrix: np.ndarray | None,
    deadline: float = np.inf,
) -> bool:
    """Whether velocities are no momenta: other masses than one fit (q, v) better.

    What is not known at the ``deadline`` is taken for momenta.
    """
    problem = Problem(
        X, y, weight, groups, Scaling.from_velocities(X, y, weight, layout.periods),
        layout=layout, structure=EulerLagrange(), input_matrix=input_matrix,
    )  # fmt: skip
    with one_blas_thread():
        return not unit_masses_fit(problem, deadline)


def _fits_velocities(estimator: Any, rows: Rows, deadline: float) -> bool:
    """Whether the Hamiltonian of the estimator fits (q, v) far better where v are no momenta."""
    momenta, velocities = (_reading(estimator, rows, name) for name in ("canonical", "velocities"))
    if momenta is None or velocities is None:
        return velocities is not None
    step = -(-len(rows.y) // _ROWS)
    with one_blas_thread():
        spread = np.std(rows.y[::step], axis=0)
        return better_as_velocities(momenta, velocities, spread, deadline)


def _reading(estimator: Any, rows: Rows, coordinates: str) -> tuple[Problem, Hamiltonian] | None:
    """The problem and the Hamiltonian where columns are these coordinates; None if none is."""
    layout = layout_asked_for(estimator, rows.X.shape[1], coordinates)
    try:
        hamiltonian, _ = hamiltonian_asked_for(estimator, layout, goes_on=False)
        hamiltonian = with_charges(hamiltonian, rows.X, rows.y, layout)
        return problem_of(estimator, hamiltonian, layout, rows, goes_on=False)[0], hamiltonian
    except ValueError:  # it is raised again by the fit, where that is of these columns
        return None


def names_momenta(hamiltonian: Hamiltonian | str, layout: Layout) -> bool:
    """Whether it has no meaning for velocities, a network of it reading momenta."""
    if isinstance(hamiltonian, str):
        return hamiltonian in _OF_MOMENTA
    if any(isinstance(part, Kinetic) for part in hamiltonian.layers()):  # masses of q, for (q, p)
        return True
    d = layout.n_rates
    networks = hamiltonian.declare(layout).networks
    return any(d <= k < 2 * d for network in networks for k in network.on)


def _is_of_distances(hamiltonian: Hamiltonian | str) -> bool:
    """Whether what it learns beside coefficients, such as masses, are functions of distances."""
    return not isinstance(hamiltonian, str) and all(
        isinstance(part, (Pairwise, Radial)) for part in hamiltonian.layers()
    )


def of_rates(X: np.ndarray, y: np.ndarray, label: Sequence[str]) -> list[str]:
    """A sentence where the velocities recorded are not the rates of the positions recorded."""
    d = y.shape[1] // 2
    step = -(-len(X) // _ROWS)
    v, rates = np.asarray(X[::step, d : 2 * d]), np.asarray(y[::step, :d])
    variance = rates.var(axis=0)
    varies = variance > 0.0
    left = np.mean((rates - v) ** 2, axis=0)
    # 1 - R^2 of the velocities in y by those in X, from which on they are not the same.
    not_the_same = 1e-3
    wrong = np.flatnonzero(varies & (left > not_the_same * variance))
    if not len(wrong) or len(v) < 2 * d:
        return []
    A, *_ = np.linalg.lstsq(v, rates, rcond=None)
    better = np.mean((rates - v @ A) ** 2, axis=0)
    mixed = [int(j) for j in wrong if better[j] < 0.5 * left[j]]
    if not mixed:
        return []
    # Smaller parts of the largest velocity are not told.
    to_speak_of = 0.01 * np.abs(A).max(axis=0)
    parts = {j: np.flatnonzero(np.abs(A[:, j]) > to_speak_of[j]).tolist() for j in mixed}
    relations = "; ".join(
        f"d[{label[j]}]/dt = " + " ".join(f"{A[k, j]:+.3g} [{label[d + k]}]" for k in parts[j])
        for j in mixed
    )
    is_factor = all(parts[j] == [j] for j in mixed)
    why = " (factors alone: of units, or of a scaler in front of the estimator?)"
    return [
        f"The velocities in X are not the rates of the positions in y: {relations}"
        f"{why if is_factor else ''}. The motion is taken from X, so simulated positions will be "
        "off. Pass the rates of the positions as velocities, or momenta with "
        "coordinates='canonical'"
    ]


def of_masses(
    problem: Problem,
    equations: LagrangianEquations,
    params: Any,
    label: Sequence[str],
    *,
    predicts: bool,
    is_chosen: bool,
) -> tuple[list[np.ndarray], list[str]]:
    """Changes of the masses that the data do not show, and sentences on them, each once.

    ``predicts`` says whether nothing was found that speaks against the model, ``is_chosen`` whether
    its masses are the simplest that fit: others may do so as well.
    """
    changes: list[np.ndarray] = []
    with one_blas_thread():
        if not equations.is_linear:
            changes = undetermined_masses(problem, equations, params)
        sentences = sentences_of(changes, label, predicts=predicts)
        natural = natural_of(equations.hamiltonian)
        if is_chosen and predicts and natural is not None and natural.mass in (1.0, "diagonal"):
            others = other_constant_masses(problem, equations, params)
            if len(others) > len(changes):
                sentences.append(_of_other_masses(natural))
    return changes, sentences


def _of_other_masses(chosen: Natural) -> str:
    """A sentence on the simplest masses that fit, where they are not the only ones."""
    one_each = isinstance(chosen.mass, str)
    which = "a mass for each coordinate" if one_each else "masses of one"
    known = f"Natural({chosen.mass!r})"
    return (
        f"Of all constant masses that fit, the simplest were chosen, {which}, and others predict "
        "the same accelerations (a normal mode of a linear system, or a body that touches none, "
        "has any mass): predictions hold, energies and masses only if the true masses are like "
        f"this. If they are, pass hamiltonian={known}; 'mechanical' asks for all constant masses"
    )


def with_infinite_std(estimator: Any, equations: Equations) -> np.ndarray:
    """``masses_std_`` of an estimator, infinite for those that the data do not determine."""
    assert isinstance(equations, LagrangianEquations)
    return std_if_undetermined(
        estimator.masses_, estimator.masses_std_, estimator.undetermined_masses_,
        has_free_scale=equations.has_free_scale,
    )  # fmt: skip


def without_mechanics(compared: Comparison, label: Sequence[str]) -> str | None:
    """A sentence where a regression predicts far better than a Lagrangian, or H with friction."""
    with one_blas_thread():
        without = compared.without_mechanics()
    if without is None:
        return None
    problem, equations = compared.problem, compared.equations
    hamiltonian = equations.hamiltonian
    what = "a drive, a missing coordinate or forces without reaction"
    if isinstance(hamiltonian, WithForces):
        hamiltonian = hamiltonian.hamiltonian
    else:
        what = f"friction (dissipation='auto'), {what}"
    if isinstance(hamiltonian, Pairwise) and hamiltonian.kinds is None:
        what = f"bodies that are not alike (kinds=), {what}"
    system, rates = "natural Lagrangian of these columns", "accelerations"
    if problem.layout.is_canonical:
        system, rates = "Hamiltonian of these columns with the friction asked for", "derivatives"
        if rates_are_the_second_half(problem):
            what = f"velocities of unknown masses (coordinates='velocities'), {what}"
    turns = [label[k] for k in _that_turn(problem.X, equations.layout)]
    angle = f", or an angle ({', '.join(turns)}, over more than 2 pi: periodic=)" if turns else ""
    return (
        f"No {system} was found: {rates} are typically predicted to "
        f"{compared.error:.1%} of their spread, without mechanics to {without:.1%}, on rows left "
        f"out. The cause may be {what}{angle}"
    )
