"""Solvers: how the weights of a Hamiltonian are found.

A solver is a function ``solve(objective, params, monitor, options) -> state``. It starts from
``params``, lowers ``objective`` (one loss, shared by all iterative solvers) and calls ``monitor``
once per iteration with the loss and the weights; when the monitor returns True, it stops. What is
kept is the monitor's affair, so that an interrupted or diverging run leaves the best it had. The
state it returns, if any, lets a later call go on with its moments (``options.state``).

To add one: write it in a file of its own and name it in ``SOLVERS``.
"""

from collections.abc import Callable

import numpy as np

from ..hamiltonians import Params
from ._adam import solve_adam
from ._flat import flatten, views
from ._lbfgs import solve_lbfgs
from ._monitor import FitResult, Monitor
from ._objective import Objective
from ._options import SolverOptions

__all__ = ["SOLVERS", "FitResult", "Monitor", "Objective", "SolverOptions", "minimize", "views"]

Solver = Callable[[Objective, Params, Monitor, SolverOptions], dict[str, np.ndarray] | None]

SOLVERS: dict[str, Solver] = {"lbfgs": solve_lbfgs, "adam": solve_adam}


def minimize(
    solver: str,
    objective: Objective,
    params: Params,
    monitor: Monitor,
    options: SolverOptions,
) -> FitResult:
    """Run a solver; an interruption (Ctrl-C) ends it early and keeps what it had."""
    monitor.theta = flatten(params)
    state = None
    try:
        state = SOLVERS[solver](objective, params, monitor, options)
    except KeyboardInterrupt:
        monitor.status = "interrupted"
    if monitor.status == "diverged":
        state = options.state  # that of the run is not finite
    return FitResult(
        theta=monitor.theta,
        status=monitor.status,
        n_iter=len(monitor.loss_curve),
        loss_curve=monitor.loss_curve,
        validation_scores=monitor.validation_scores or None,
        state=state,
    )
