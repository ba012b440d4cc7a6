"""What the parameters of the estimator ask for: a Hamiltonian, its angles, the rows held out."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ._selection import SOLVERS
from ._validation import check_activation, check_hidden_layer_sizes
from .hamiltonians import HAMILTONIANS, Hamiltonian, Periods, periods_of


def periods_asked_for(estimator: Any, n_columns: int) -> Periods:
    """{column: period} of the parameter ``periodic``."""
    periods = periods_of(_by_index(estimator.periodic, estimator))
    if not all(0 <= k < n_columns for k in periods):
        raise ValueError(
            f"periodic must name columns of X, 0 to {n_columns - 1}; got {sorted(periods)}."
        )
    return periods


def _by_index(periodic: Any, estimator: Any) -> Any:
    """The parameter ``periodic`` with indices in place of the names of columns."""
    names = {name: k for k, name in enumerate(getattr(estimator, "feature_names_in_", ()))}
    if periodic is None or not names or isinstance(periodic, str):
        return periodic
    if isinstance(periodic, Mapping):
        return {names.get(k, k): period for k, period in periodic.items()}
    return [names.get(k, k) for k in np.atleast_1d(np.asarray(periodic, object))]


def hamiltonian_asked_for(estimator: Any, goes_on: bool) -> tuple[Hamiltonian, bool]:
    """The Hamiltonian that the parameters ask for, and whether it is an outcome.

    Layers and activations that are the solver's to choose are None.
    """
    hamiltonian, sizes = estimator.hamiltonian, estimator.hidden_layer_sizes
    is_auto = isinstance(hamiltonian, str) and hamiltonian == "auto"
    is_open = is_auto and SOLVERS[estimator.solver].chooses and sizes is None
    if is_auto and goes_on:
        hamiltonian, is_open = estimator.hamiltonian_.map_layers(lambda *_: (None, None)), False
    elif isinstance(hamiltonian, str):
        hamiltonian = HAMILTONIANS["mlp" if is_auto else hamiltonian]
    sizes = None if sizes is None else check_hidden_layer_sizes(sizes)
    activation = None if estimator.activation == "auto" else estimator.activation

    def filled_in(own_sizes: Any, own_activation: Any) -> tuple[Any, Any]:
        if own_activation in (None, "auto"):
            own_activation = activation
        else:
            check_activation(own_activation)
        return sizes if own_sizes is None else check_hidden_layer_sizes(own_sizes), own_activation

    return hamiltonian.map_layers(filled_in), is_open


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
