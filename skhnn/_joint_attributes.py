"""What an estimator has of a joint fit of states and weights."""

from typing import Any

import numpy as np

from ._attributes import attributes_of, range_of_parameters
from ._data import some
from ._identified import coefficients, mean_slopes_of_masses, places_of_damping
from ._masses import sentences_of, undetermined_by_posterior
from ._model import Model
from ._support import Support
from ._trajectories import Chosen, Posterior, Weights
from .hamiltonians import LagrangianEquations, Layout


def posterior_of(chosen: Chosen, kappa: float) -> Posterior:
    """That of the model that was chosen, with covariances ``kappa`` times as large."""
    fits = chosen.candidate, chosen.compared, *chosen.others
    of_best, compared, *of_others = (Weights.of(fit.joint, kappa) for fit in fits)
    return Posterior(of_best, compared, of_others)


def attributes_of_joint_fit(
    chosen: Chosen, layout: Layout, n_rows: int, kappa: float = 1.0
) -> dict[str, Any]:
    """The attributes of the model, its states and coefficients.

    The covariance of the last weights is multiplied by ``kappa``.
    """
    joint, scaling = chosen.candidate.joint, chosen.candidate.entry.race.problem.scaling
    equations, params = joint.equations, joint.params
    root = joint.free.full(joint.root, joint.n_last)
    states = joint.x[chosen.grid.of_samples]
    X = states
    if layout.n_columns > layout.n_state:
        X = np.concatenate([states, chosen.more], axis=1)
    most_rows = 20_000
    spread = X[:: -(-len(X) // most_rows)]
    if isinstance(equations, LagrangianEquations) and equations.has_free_scale:
        # In units of the first mass, of which all others then have the error, too.
        w, by_last = equations.last(params), mean_slopes_of_masses(equations, params, spread)[0, 0]
        first = float(by_last @ w)
        params = equations.with_last(params, w / first)
        root = (root - np.outer(w, by_last @ root) / (by_last @ w)) / first
    C = kappa * root @ root.T
    is_held = not np.isin(places_of_damping(equations), joint.free.places).all()
    found = coefficients(equations, params, C, spread, at_bound=is_held)
    n = layout.n_state
    support = Support.from_data(states, scaling.mu[:n], scaling.s[:n], scaling.box[:n], None)
    all_states = np.full((n_rows, n), np.nan)
    all_states[np.concatenate(chosen.runs.rows)] = states
    found |= attributes_of(Model(equations, params).centred(X, np.ones(len(X))))
    return found | {
        "_scaling": scaling,
        "_device": "cpu",
        "_support": (support.points, support.reach),
        "_parameter_range": range_of_parameters(chosen.more[:, layout.n_inputs :]),
        "states_": all_states,
    }


def masses_not_shown(
    chosen: Chosen, kappa: float, label: list[str]
) -> tuple[list[np.ndarray], list[str]]:
    """Changes of masses that do not show in the data, and a sentence on each.

    ``kappa`` multiplies variances.
    """
    joint = chosen.candidate.joint
    if not isinstance(joint.equations, LagrangianEquations) or joint.equations.is_linear:
        return [], []
    most_rows = 600
    states = joint.x[chosen.grid.of_samples]
    rows = some(np.arange(len(states)), most_rows, np.random.RandomState(0))
    X = np.concatenate([states, chosen.more], axis=1)[rows]
    D = joint.equations.n_state
    present = ~np.isnan(joint.residuals[:, :D])
    noise = float(np.nanmin(joint.sigma[:D] / states.std(axis=0)))
    root = np.sqrt(kappa) * joint.free.full(joint.root, joint.n_last)
    changes = undetermined_by_posterior(
        joint.equations, joint.params, X, root, noise / np.sqrt(max(present.sum(), 1))
    )
    return changes, sentences_of(changes, label)
