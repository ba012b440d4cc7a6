"""What the parameters of the estimator ask for: columns, Hamiltonian, forces, rows held out."""

import time
from collections.abc import Mapping
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from ._selection import SOLVERS
from ._validation import check_activation, check_hidden_layer_sizes
from .forces import Damping, Force, Inputs
from .hamiltonians import (
    Canonical,
    Constant,
    EulerLagrange,
    Hamiltonian,
    Layout,
    Pairwise,
    Poisson,
    Structure,
    WithForces,
    named,
    periods_of,
    periods_of_parts,
)


def deadline_asked_for(estimator: Any) -> float:
    """When ``max_time``, from now on, will be over; infinity without it."""
    limit = estimator.max_time
    return float("inf") if limit is None else time.perf_counter() + float(limit)


def layout_asked_for(estimator: Any, n_columns: int, coordinates: str = "canonical") -> Layout:
    """What the columns of X are, (q, p) or "velocities" in the place of p.

    A column is an angle for everything that reads it, wherever that was said.
    """
    n_inputs, n_parameters = int(estimator.n_inputs), int(estimator.n_parameters)
    periods = periods_of(_by_index(estimator.periodic, estimator))
    n_state = n_columns - n_inputs - n_parameters
    legal = [k for k in range(n_columns) if not n_state <= k < n_state + n_inputs]
    if not set(periods) <= set(legal):
        raise ValueError(
            f"periodic must name columns of X, {legal[0]} to {legal[-1]}, but no inputs; got "
            f"{sorted(periods)}."
        )
    if isinstance(estimator.hamiltonian, Hamiltonian):
        of_parts = periods_of_parts(estimator.hamiltonian)
        periods = {k: period for k, period in of_parts.items() if k in legal} | periods
    has_velocities = coordinates == "velocities"
    is_canonical = estimator.structure is None and not has_velocities
    return Layout(n_state, n_inputs, n_parameters, periods, is_canonical, has_velocities)


def structure_asked_for(estimator: Any, layout: Layout) -> Structure:
    """S, a constant matrix or a function of states; J where nothing is said."""
    if layout.has_velocities:
        return EulerLagrange()
    given = estimator.structure
    if given is None:
        return Canonical()
    return Poisson(given) if callable(given) else Constant(given)


def check_structure(structure: Structure, X: np.ndarray) -> None:
    """Raise ValueError unless S has its shape at states X (n, D), and is skew there."""
    if isinstance(structure, EulerLagrange):
        return
    n = X.shape[1]
    # Rows at which a structure is looked at.
    rows_to_check = 50
    S = structure.at(np.array(X[:rows_to_check]))
    if S.shape[1:] != (n, n) or S.ndim != 3:
        raise ValueError(
            f"structure must be a matrix ({n}, {n}), or a function of states (n, {n}) that returns "
            f"one for each, (n, {n}, {n}); got shape {S.shape}."
        )
    size = np.abs(S).max()
    if not np.isfinite(size) or size == 0.0 or np.abs(S + np.swapaxes(S, 1, 2)).max() > 1e-9 * size:
        raise ValueError(
            "structure must be finite, not zero and skew, S^T = -S: then H is conserved; at row 0 "
            f"of X it is {S[0].tolist()}."
        )


def input_matrix_asked_for(estimator: Any, layout: Layout) -> np.ndarray | None:
    """The known G (n_pushed, n_inputs) of a force G u; None where it is to be learned."""
    if estimator.input_matrix is None:
        return None
    G = np.asarray(estimator.input_matrix, dtype=float)
    if layout.n_inputs and G.ndim < 2 and G.size == layout.n_pushed * layout.n_inputs:
        G = G.reshape(layout.n_pushed, layout.n_inputs)
    if G.shape != (layout.n_pushed, layout.n_inputs) or not np.isfinite(G).all():
        raise ValueError(
            f"input_matrix must be G of shape ({layout.n_pushed}, {layout.n_inputs}), the force on "
            f"each of {layout.n_pushed} rates by each of n_inputs={layout.n_inputs}, finite; got "
            f"{G.tolist() if G.size < 20 else f'shape {G.shape}'}."
        )
    return G


def forces_asked_for(estimator: Any, layout: Layout) -> list[Force]:
    """The forces of the parameters ``dissipation`` and ``n_inputs``, that have to be learned."""
    found, given = [], estimator.dissipation
    if isinstance(given, Force):
        found.append(given)
    elif isinstance(given, str) and given in ("linear", "mlp"):
        found.append(Damping(depends_on_q=given == "mlp"))
    if layout.n_inputs and estimator.input_matrix is None:
        found.append(Inputs())
    return found


def _by_index(periodic: Any, estimator: Any) -> Any:
    """The parameter ``periodic`` with indices in place of the names of columns."""
    names = {name: k for k, name in enumerate(getattr(estimator, "feature_names_in_", ()))}
    if periodic is None or not names or isinstance(periodic, str):
        return periodic
    unknown = [k for k in periodic if isinstance(k, str) and k not in names]
    if unknown:
        raise ValueError(f"periodic names {unknown}, and the columns of X are {list(names)}.")
    if isinstance(periodic, Mapping):
        return {names.get(k, k): period for k, period in periodic.items()}
    return [names.get(k, k) for k in np.atleast_1d(np.asarray(periodic, object))]


def hamiltonian_asked_for(
    estimator: Any, layout: Layout, goes_on: bool
) -> tuple[Hamiltonian, bool]:
    """What the parameters ask for, with forces, and whether the Hamiltonian is an outcome.

    Layers and activations that are the solver's to choose are None.
    """
    hamiltonian, sizes = estimator.hamiltonian, estimator.hidden_layer_sizes
    is_auto = isinstance(hamiltonian, str) and hamiltonian == "auto"
    is_open = is_auto and SOLVERS[estimator.solver].chooses and sizes is None
    if is_auto and goes_on:
        hamiltonian, is_open = estimator.hamiltonian_.map_layers(lambda *_: (None, None)), False
    elif isinstance(hamiltonian, str):
        known, name = named(layout), hamiltonian
        if layout.has_velocities:  # of one coordinate any constant mass is as good as one
            known = {"mechanical": known["unit"]} | known
        if is_auto:
            name = "natural" if layout.has_velocities else "mlp"
        if name not in known and layout.has_velocities:
            raise ValueError(
                f"hamiltonian={name!r} has no meaning for velocities: their energies are "
                "1/2 v' M(q) v + V(q). Use 'auto', 'mechanical' (M constant), 'natural' (M of q) "
                "or skhnn.hamiltonians.Natural(...)."
            )
        if name not in known:
            raise ValueError(
                f"hamiltonian={name!r} is one of q and p, which a structure of one's own does not "
                "have. Use 'mlp', or an object of skhnn.hamiltonians that names columns by indices."
            )
        hamiltonian = known[name]
    forces = forces_asked_for(estimator, layout)
    if forces:
        hamiltonian = WithForces(hamiltonian, reduce(add, forces))
    sizes = None if sizes is None else check_hidden_layer_sizes(sizes)
    activation = None if estimator.activation == "auto" else estimator.activation

    def filled_in(own_sizes: Any, own_activation: Any) -> tuple[Any, Any]:
        if own_activation in (None, "auto"):
            own_activation = activation
        else:
            check_activation(own_activation)
        return sizes if own_sizes is None else check_hidden_layer_sizes(own_sizes), own_activation

    return hamiltonian.map_layers(filled_in), is_open


def refuse_unless_solved_for(hamiltonian: Hamiltonian, layout: Layout) -> None:
    """Raise ValueError for what joint fits of states and last weights cannot learn."""
    for part in hamiltonian.layers():
        if isinstance(part, Pairwise) and part.has_charges_to_learn:
            raise ValueError(
                "charges='learned' needs derivatives and states without much noise. Fit "
                "HNNRegressor to skhnn.preprocessing.derivatives(X, t, groups) first, and give the "
                "charges of its hamiltonian_."
            )
    if not all(network.has_last_weights for network in hamiltonian.declare(layout).networks):
        raise ValueError(
            "Masses that are positive by construction are not linear in any weights, and noisy "
            f"states need Hamiltonians that are; got {hamiltonian!r}. Use 'natural'."
        )


def rows_held_out(
    estimator: Any, n_samples: int, groups: np.ndarray | None, rng: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """The rows to train on and the rows held out; no group is on both sides."""
    # Imported here: it takes longer than all the rest of the package.
    from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit

    if groups is not None and len(np.unique(groups)) < 2:
        raise ValueError(
            "early_stopping sets whole groups aside and needs at least two; got one. Pass "
            "groups=None to split by rows, or early_stopping=False."
        )
    fraction = estimator.validation_fraction
    n_units, unit = (n_samples, "rows") if groups is None else (len(np.unique(groups)), "groups")
    if np.ceil(fraction * n_units) >= n_units:
        raise ValueError(
            f"validation_fraction={fraction:g} of {n_units} {unit} (of positive weight) leaves "
            "nothing to train on; lower it, or set early_stopping=False."
        )
    splitter = ShuffleSplit if groups is None else GroupShuffleSplit
    shuffle = splitter(n_splits=1, test_size=fraction, random_state=rng)
    return next(shuffle.split(np.empty((n_samples, 1)), groups=groups))
