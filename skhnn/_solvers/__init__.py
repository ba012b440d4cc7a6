"""Solvers: how the weights of a Hamiltonian are found.

A solver is a function ``solve(objective, params, monitor, options) -> None``. It starts from
``params``, lowers ``objective`` (one loss, shared by all iterative solvers) and calls ``monitor``
once per iteration with the loss and the weights; when the monitor returns True, it stops. What is
kept is the monitor's affair, so that an interrupted or diverging run leaves the best it had.

To add one: write it in a file of its own and name it in ``SOLVERS``.
"""

from collections.abc import Callable

from ..hamiltonians import Params
from ._adam import solve_adam
from ._flat import flatten, views
from ._lbfgs import solve_lbfgs
from ._monitor import FitResult, Monitor
from ._objective import Objective
from ._options import SolverOptions

__all__ = ["SOLVERS", "FitResult", "Monitor", "Objective", "SolverOptions", "minimize", "views"]

Solver = Callable[[Objective, Params, Monitor, SolverOptions], None]

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
    try:
        SOLVERS[solver](objective, params, monitor, options)
    except KeyboardInterrupt:
        monitor.status = "interrupted"
    return FitResult(
        params=views(monitor.theta, [p.shape for p in params]),
        status=monitor.status,
        n_iter=len(monitor.loss_curve),
        loss_curve=monitor.loss_curve,
        validation_scores=monitor.validation_scores or None,
    )
