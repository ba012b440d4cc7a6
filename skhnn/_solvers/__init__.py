"""Solvers: how the weights of a Hamiltonian are found.

A ``Solver`` has a function ``solve(problem, start, monitor, options) -> state``, and says what it
needs. The function gets the rows (``Problem``), where to start (``Start``: a Hamiltonian and its
params) and the parameters of the estimator (``SolverOptions``), and tells the monitor the loss and
the weights of every iteration; when the monitor returns True, it stops. What is kept is the
monitor's affair, so that an interrupted or diverging run leaves the best it had. A solver that
chooses another architecture says so by ``monitor.start``. The state it returns lets a later call go
on where it ended.

To add one: write it in a file of its own, which ends in its ``Solver``, and name that in
``SOLVERS``.
"""

from .._data import Problem
from ._adam import ADAM
from ._gauss_newton import GAUSS_NEWTON
from ._last_weights import initial_params
from ._layers import equations_of, filled, in_units_of_the_data, name_of
from ._lbfgs import LBFGS
from ._least_squares import LEAST_SQUARES
from ._monitor import FitResult, Monitor
from ._options import SolverOptions, Start
from ._soap import SOAP
from ._solver import EVERYTHING, Solver

__all__ = [
    "EVERYTHING",
    "SOLVERS",
    "FitResult",
    "Monitor",
    "Solver",
    "SolverOptions",
    "Start",
    "equations_of",
    "filled",
    "in_units_of_the_data",
    "initial_params",
    "name_of",
    "run_solver",
]

#: The solvers of one Hamiltonian.
SOLVERS = (LEAST_SQUARES, SOAP, ADAM, LBFGS, GAUSS_NEWTON)


def run_solver(
    solver: Solver, problem: Problem, start: Start, monitor: Monitor, options: SolverOptions
) -> FitResult:
    """Run a solver; an interruption (Ctrl-C) or the deadline ends it early with what it had."""
    monitor.solver = solver.name
    if not solver.chooses:
        monitor.start(start.equations, start.params)
    state = None
    try:
        state = solver.solve(problem, start, monitor, options)
    except KeyboardInterrupt:
        monitor.status = "interrupted"
        if monitor.equations is None:  # nothing was chosen so far
            monitor.start(start.equations, start.params)
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
        left_out=monitor.left_out,
    )
