r"""States that were measured with noise of a known size, in no order: orthogonal regression.

The true states s_i are unknown beside the last weights w, and

    sum_ij (x_ij - s_ij)^2 / sigma_j^2 + sum_ij (y_ij - f_j(s_i; w))^2 / tau_j^2

is least, where regression on x takes the noise for motion and finds a field that is too flat. It is
the joint fit of ``_trajectories`` with every row a run, whose rates are measured.

References
----------
W. A. Fuller, "Measurement Error Models", Wiley (1987).
"""

from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array

from ._asked_for import layout_asked_for
from ._attributes import final_loss
from ._callbacks import FitTasks
from ._joint_attributes import attributes_of_joint_fit
from ._solvers import FitResult
from ._threads import one_blas_thread
from ._trajectories import AsMeasured, Choice, Inputs, Runs


def train_with_noisy_states(
    estimator: Any, X: np.ndarray, y: np.ndarray, weight: np.ndarray, *, deadline: float
) -> tuple[dict[str, Any], FitResult]:
    """The attributes of the estimator, and how the fit went; see the module."""
    layout = layout_asked_for(estimator, X.shape[1], estimator.coordinates_)
    noise, n = noise_asked_for(estimator.noise_std, layout.n_state), layout.n_state
    rng = check_random_state(estimator.random_state)
    is_optional = isinstance(estimator.dissipation, str) and estimator.dissipation == "auto"
    choice = Choice(
        estimator, _rows_as_runs(X, y, n), layout, rng, noise=noise, robust=False,
        optional=is_optional, calibration=None, between="linear", deadline=deadline,
        verbose=bool(estimator.verbose), start=lambda runs: AsMeasured(runs, noise),
        weight=weight,
    )  # fmt: skip
    tasks = FitTasks(estimator, 1, X=X, y=y, metadata={"sample_weight": weight})
    with tasks, one_blas_thread():
        chosen = choice.run()
        attributes = attributes_of_joint_fit(chosen, layout, len(X))
    tasks.end_fit(lambda: attributes)
    joint, race = chosen.candidate.joint, chosen.candidate.entry.race
    seen = np.concatenate(chosen.runs.rows)
    loss = final_loss(attributes["_model"], X[seen], y[seen], weight[seen])
    result = FitResult(
        joint.equations.in_units_of(race.problem.scaling.units), attributes["params_"],
        "least_squares", joint.status, joint.n_steps, [loss], report=chosen.report,
        problem=race.problem, loss=loss,
    )  # fmt: skip
    return attributes | {
        "derivative_noise_std_": joint.sigma[n:],
        "loss_": loss,
        "solver_": result.solver,
        "fit_report_": chosen.report,
        "_solver_state": None,
        "_random_state": rng,
    }, result


def noise_asked_for(given: Any, n: int) -> np.ndarray:
    """The standard deviation of the noise of n columns of the state, from one or n numbers."""
    noise = check_array(
        np.atleast_1d(given), dtype=np.float64, ensure_2d=False, input_name="noise_std"
    )
    if noise.shape not in [(1,), (n,)] or (noise <= 0.0).any():
        raise ValueError(
            f"noise_std must be positive, a number or one for each of the {n} measured columns; "
            f"got {given!r}."
        )
    return np.broadcast_to(noise, n).copy()


def _rows_as_runs(X: np.ndarray, y: np.ndarray, n: int) -> Runs:
    values, t = np.concatenate([X[:, :n], y], axis=1), np.zeros(1)
    inputs = None
    if X.shape[1] > n:
        inputs = [Inputs(t, row[None, n:], "linear") for row in X]
    every = np.arange(len(X))
    return Runs([t] * len(X), list(values[:, None]), n, inputs, list(every[:, None]))
