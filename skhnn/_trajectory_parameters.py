"""What the parameters of HNNTrajectoryRegressor ask for, checked."""

from numbers import Integral, Real
from types import SimpleNamespace
from typing import Any

import numpy as np

from ._asked_for import layout_asked_for
from ._coordinates import names_momenta
from ._noisy_states import noise_asked_for
from ._trajectories import BETWEEN, Reading, readings_of, runs_of
from ._validation import check_choice, check_flag, check_number
from .forces import Force
from .hamiltonians import HAMILTONIANS, Hamiltonian, Layout, Natural

_COORDINATES = ("auto", "canonical", "velocities", "positions")
#: What ``noise`` says of random forces; with None the evidence decides.
RANDOM_FORCES = {"white": False, "process": True, "auto": None}


def check_parameters(estimator: Any) -> None:
    """Raise ValueError or TypeError for a parameter that makes no sense."""
    if not isinstance(estimator.hamiltonian, Hamiltonian):
        check_choice("hamiltonian", estimator.hamiltonian, ["auto", *HAMILTONIANS])
    check_choice("coordinates", estimator.coordinates, _COORDINATES)
    check_choice("between", estimator.between, ("auto", *BETWEEN))
    check_choice("noise", estimator.noise, [*RANDOM_FORCES])
    for name in ("n_inputs", "n_parameters"):
        check_number(name, getattr(estimator, name), Integral, 0)
    if estimator.dissipation is not None and not isinstance(estimator.dissipation, Force):
        check_choice("dissipation", estimator.dissipation, ("linear", "mlp", "auto"))
    for name in ("robust", "verbose"):
        check_flag(name, getattr(estimator, name))
    check_number("time_step", estimator.time_step, Real, 0, inclusive=False)
    for name in ("horizon", "max_time"):
        if getattr(estimator, name) is not None:
            check_number(name, getattr(estimator, name), Real, 0, inclusive=False)
    if estimator.input_matrix is not None and not estimator.n_inputs:
        raise ValueError("input_matrix needs n_inputs, the number of columns u of X.")


def as_regressor(estimator: Any) -> Any:
    """The parameters as ``HNNRegressor`` has them."""
    names = getattr(estimator, "feature_names_in_", ())
    return SimpleNamespace(
        hamiltonian=estimator.hamiltonian,
        periodic=estimator.periodic,
        dissipation=None if friction_is_optional(estimator) else estimator.dissipation,
        n_inputs=estimator.n_inputs,
        input_matrix=estimator.input_matrix,
        n_parameters=estimator.n_parameters,
        structure=None,
        hidden_layer_sizes=None,
        activation="auto",
        solver="auto",
        feature_names_in_=names,
    )


def friction_is_optional(estimator: Any) -> bool:
    """Whether the evidence decides about it."""
    return isinstance(estimator.dissipation, str) and estimator.dissipation == "auto"


def n_measured_of(estimator: Any, n_columns: int) -> int:
    """How many of the columns are measured ones of the state."""
    return n_columns - int(estimator.n_inputs) - int(estimator.n_parameters)


def layout_of(estimator: Any, n_columns: int, coordinates: str) -> Layout:
    """What the columns are, positions with the velocities that they have not."""
    n_measured = n_measured_of(estimator, n_columns)
    n_state = 2 * n_measured if estimator.coordinates == "positions" else n_measured
    if n_state % 2:
        raise ValueError(
            f"X must have as many columns of momenta or velocities as of positions; got "
            f"{n_measured} columns of the state. With positions alone say "
            "coordinates='positions'; inputs are counted by n_inputs."
        )
    behind = int(estimator.n_inputs) + int(estimator.n_parameters)
    return layout_asked_for(as_regressor(estimator), n_state + behind, coordinates)


def readings_asked_for(
    estimator: Any, X: np.ndarray, t: np.ndarray, groups: np.ndarray
) -> tuple[list[Reading], bool]:
    """What the columns of the state may be, and whether one fit will do unless it is poor."""
    if estimator.coordinates == "positions":
        return [("velocities", None)], False
    n_columns = X.shape[1]
    are_momenta = estimator.coordinates == "auto" and names_momenta(
        estimator.hamiltonian, layout_of(estimator, n_columns, "velocities")
    )
    if estimator.coordinates == "canonical" or are_momenta:
        return [("canonical", None)], False
    periods = layout_of(estimator, n_columns, "canonical").periods
    n = n_measured_of(estimator, n_columns)
    runs = runs_of(X, t, groups, n, n, periods, BETWEEN[0], has_to_say=False)
    return readings_of(runs, estimator.coordinates, isinstance(estimator.hamiltonian, Natural))


def noise_of(estimator: Any, n_measured: int, n_state: int) -> np.ndarray:
    """The noise that is given, (n_state,), or NaN."""
    found = np.full(n_state, np.nan)
    if estimator.noise_std is None:
        return found
    found[:n_measured] = noise_asked_for(estimator.noise_std, n_measured)
    return found
