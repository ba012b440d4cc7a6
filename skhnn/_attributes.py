"""What a fit leaves: the model in the units of the data, and the attributes of an estimator."""

from typing import Any

import numpy as np

from ._data import Problem
from ._model import Model
from ._scaling import Scaling
from ._score import field_score
from ._solvers import in_units_of_the_data
from ._support import Support
from .hamiltonians import Equations, LagrangianEquations, Params

# Rows, evenly spaced, over which the mean of H is set to zero: enough for a constant.
_ROWS_FOR_THE_MEAN = 2**16


def model_in_units_of_the_data(
    equations: Equations, params: Params, problem: Problem, input_matrix: np.ndarray | None
) -> Model:
    """The model with these weights, in the units of the data."""
    step = -(-problem.n_samples // _ROWS_FOR_THE_MEAN)
    X, _, weight = problem.rows(slice(None, None, step))
    if isinstance(equations, LagrangianEquations):
        params = equations.in_unit(params, problem.scaling.states(X))
    equations = in_units_of_the_data(equations, problem, input_matrix)
    return Model(equations, params).centred(X, weight)


def attributes_of(model: Model) -> dict[str, Any]:
    """What an estimator says of its model."""
    layers = model.hamiltonian.layers()
    return {
        "_model": model,
        "hamiltonian_": model.hamiltonian.with_periods(model.equations.layout),
        "params_": model.params,
        "hidden_layer_sizes_": tuple(layers[0].hidden_layer_sizes) if layers else (),
        "activation_": layers[0].activation if layers else None,
        "n_dof_": model.equations.n_state // 2,
    }


def support_of(
    X: np.ndarray, scaling: Scaling, before: tuple[np.ndarray, float] | None
) -> tuple[np.ndarray, float]:
    """The points and the reach of the region of the data, and of rows seen ``before``."""
    n = scaling.n_state
    mu, s, box = scaling.mu[:n], scaling.s[:n], scaling.box[:n]
    support = Support.from_data(X[:, :n], mu, s, box, before and Support(*before, mu, s, box))
    return support.points, support.reach


def range_of_parameters(values: np.ndarray, before: np.ndarray | None = None) -> np.ndarray | None:
    """The smallest and the largest values (n, k) of parameters, (2, k); None where there are none.

    ``before`` are those of rows seen before.
    """
    if not values.shape[1]:
        return None
    found = np.stack([values.min(axis=0), values.max(axis=0)])
    if before is None:
        return found
    return np.stack([np.minimum(found[0], before[0]), np.maximum(found[1], before[1])])


def final_loss(model: Model, X: np.ndarray, y: np.ndarray, weight: np.ndarray) -> float:
    """(1 - R^2) / 2 of the fitted model on the rows that were trained on."""
    # Rows, evenly spaced, on which the loss of the result is evaluated.
    rows_for_the_loss = 2**20
    rows = slice(None, None, -(-len(X) // rows_for_the_loss))
    X, y, weight = np.asarray(X[rows]), np.asarray(y[rows]), weight[rows]
    if len(X) < 2:
        return float("nan")
    with np.errstate(over="ignore"):
        return 0.5 * (1.0 - field_score(X[:, : y.shape[1]], y, model.field(X), weight))
