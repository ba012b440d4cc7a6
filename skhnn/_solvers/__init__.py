"""Solvers: how the weights of a Hamiltonian are found.

A solver is a function ``solve(problem, start, monitor, options) -> state``. It gets the rows
(``Problem``), where to start (``Start``: a Hamiltonian and its params) and the parameters of the
estimator (``SolverOptions``), and tells the monitor the loss and the weights of every iteration;
when the monitor returns True, it stops. What is kept is the monitor's affair, so that an
interrupted or diverging run leaves the best it had. A solver that chooses another architecture says
so by ``monitor.start``. The state it returns lets a later call go on where it ended.

To add one: write it in a file of its own and name it in ``SOLVERS``.
"""

from collections.abc import Callable

import numpy as np

from ._adam import solve_adam
from ._effects import WITHOUT_EFFECT, without_effect
from ._gauss_newton import solve_gauss_newton
from ._layers import equations_of, filled, name_of
from ._lbfgs import solve_lbfgs
from ._least_squares import solve_least_squares
from ._monitor import FitResult, Monitor
from ._objective import Objective, Place
from ._options import SolverOptions, Start
from ._problem import Problem
from ._quadratic_start import initial_params
from ._soap import solve_soap

__all__ = [
    "NEEDS_TORCH",
    "SOLVERS",
    "WITHOUT_EFFECT",
    "FitResult",
    "Monitor",
    "Objective",
    "Place",
    "Problem",
    "SolverOptions",
    "Start",
    "equations_of",
    "filled",
    "initial_params",
    "name_of",
    "run_solver",
    "without_effect",
]

State = dict[str, np.ndarray] | None
Solver = Callable[[Problem, Start, Monitor, SolverOptions], State]

SOLVERS: dict[str, Solver] = {
    "least_squares": solve_least_squares,
    "soap": solve_soap,
    "adam": solve_adam,
    "lbfgs": solve_lbfgs,
    "gauss_newton": solve_gauss_newton,
}

#: Those that train a torch network whatever the device; the others compute with numpy on a CPU.
NEEDS_TORCH = ("soap", "adam", "lbfgs")


def run_solver(
    name: str,
    solve: Solver,
    problem: Problem,
    start: Start,
    monitor: Monitor,
    options: SolverOptions,
) -> FitResult:
    """Run a solver; an interruption (Ctrl-C) or the deadline ends it early with what it had."""
    monitor.solver = name
    monitor.start(start.equations, start.params)
    state = None
    try:
        state = solve(problem, start, monitor, options)
    except KeyboardInterrupt:
        monitor.status = "interrupted"
    if monitor.status == "max_time":
        options.tell({"chosen": monitor.solver, "why": "the best when max_time was over"})
    if monitor.status == "diverged":
        state = start.state  # that of the run is not finite
    assert monitor.equations is not None
    return FitResult(
        equations=monitor.equations,
        params=monitor.params,
        solver=monitor.solver,
        status=monitor.status,
        n_iter=len(monitor.loss_curve),
        loss_curve=monitor.loss_curve,
        validation_scores=monitor.validation_scores or None,
        state=state,
        report=options.report,
    )
