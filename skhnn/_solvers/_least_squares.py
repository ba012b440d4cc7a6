"""Sampled hidden layers and one linear least squares: no iterations."""

import numpy as np

from .._data import DerivativeFit, Factor, Problem, flatten, known_last_weights, nothing_known
from ..hamiltonians import Equations, Hamiltonian, Params
from ._evidence import SMOOTH, LinearFit, solve
from ._last_weights import fit_last_weights
from ._monitor import Monitor
from ._options import SolverOptions, Start
from ._sampled import FINE, FIRST_UNITS, LAST_UNITS, Race, Sampled
from ._solver import Solver


def solve_least_squares(
    problem: Problem, start: Start, monitor: Monitor, options: SolverOptions
) -> dict[str, np.ndarray]:
    """Fit the last weights on sampled hidden layers, with all rows; one call of the monitor.

    Going on from an earlier fit, the hidden layers stay. After ``partial_fit`` the factors of the
    rows seen before are in the state, and the result is that of all rows together.
    """
    if not all(network.has_last_weights for network in start.equations.networks):
        raise ValueError(
            "solver='least_squares' trains nothing, and masses that are positive by construction "
            f"are not linear in any weights; got hamiltonian={start.hamiltonian!r}. Use "
            "solver='auto', 'soap' or 'gauss_newton', or MLP('q') * Quadratic('p')."
        )
    equations, params = start.equations, start.params
    if not start.goes_on:
        if options.one_epoch:  # what comes in pieces may vary later
            problem = problem.with_no_constant()
        found = sample(problem, start.hamiltonian, options)
        equations, params = found.model
        if options.is_out_of_time and not options.one_epoch:
            take(equations, params, found.fit, monitor)
            monitor.status = "max_time"
            return {}
    if not equations.is_linear:
        _refuse_pieces(options)
        everything = np.arange(problem.n_samples)
        fit = fit_last_weights(problem, equations, params, everything, alpha=options.alpha(problem))
        take(equations, equations.with_last(params, fit.w), fit, monitor)
        return {}
    known = known_last_weights(equations, params, problem.scaling)
    if options.one_epoch or start.goes_on:
        known = nothing_known(equations)
    everything = np.arange(problem.n_samples)
    factors = DerivativeFit(problem, equations).reduced(params, everything, known.w, known.free)
    if options.one_epoch and start.state is not None:
        before = _from_state(start.state)
        factors = [one.with_more(other) for one, other in zip(before, factors, strict=True)]
    alpha = options.alpha(problem)
    fit = solve(factors, equations.n_last, alpha=alpha, roughest=SMOOTH)
    take(equations, equations.with_last(params, fit.w + known.w), fit, monitor)
    return _to_state(factors)


def sample(problem: Problem, hamiltonian: Hamiltonian, options: SolverOptions) -> Sampled:
    """The winner of the race of one Hamiltonian, with as many units as bring anything."""
    race = Race(problem, hamiltonian, options)
    units, before = FIRST_UNITS, np.inf
    # Twice the units are worth it if they bring the error down by this factor, or are all used.
    worth_it = 1.1
    while True:
        race.run(units)
        options.tell(race.best.describe())
        error = race.best.fit.error
        is_enough = error <= FINE or 2 * units > LAST_UNITS
        is_enough |= error > before / worth_it and not race.best.uses_its_units
        if is_enough or race.layers_given or options.is_out_of_time:
            return race.best
        units, before = 2 * units, error


def _refuse_pieces(options: SolverOptions) -> None:
    if options.one_epoch:
        raise ValueError(
            "partial_fit by solver='least_squares' adds up equations that are linear in the last "
            "weights; those of masses and velocities are not. Use solver='soap' or 'adam'."
        )


def take(equations: Equations, params: Params, fit: LinearFit, monitor: Monitor) -> None:
    """Tell the monitor of a model, as the one iteration there is."""
    monitor.start(equations, params)
    monitor(0.5 * fit.left**2, flatten(params))
    monitor.complete()


def _to_state(factors: list[Factor]) -> dict[str, np.ndarray]:
    state: dict[str, np.ndarray] = {}
    for k, factor in enumerate(factors):
        state |= {
            f"R_{k}": factor.R,
            f"weights_{k}": factor.weights,
            f"counts_{k}": np.array([factor.n_wide, factor.n_equations]),
            f"size_{k}": np.array(factor.size),
        }
    return state


def _from_state(state: dict[str, np.ndarray]) -> list[Factor]:
    factors = []
    for k in range(len(state) // 4):
        n_wide, n_equations = state[f"counts_{k}"].tolist()
        size = float(state[f"size_{k}"])
        factors.append(Factor(state[f"R_{k}"], state[f"weights_{k}"], n_wide, n_equations, size))
    return factors


LEAST_SQUARES = Solver(
    "least_squares", solve_least_squares, frozenset({"alpha"}), takes_pieces=True, trains=False
)
