"""Sampled hidden layers and one linear least squares: no iterations."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..hamiltonians import SAMPLING_SCALES, Equations, Hamiltonian, Params
from ._flat import flatten
from ._folds import make_folds, some
from ._known import known_last_weights, nothing_known
from ._layers import equations_of, filled, name_and_layers, units_for
from ._monitor import Monitor
from ._options import SolverOptions, Start
from ._problem import Problem
from ._ridge import Fold, RidgeFit, fit_ridge, reduce, union

_FOLDS = 5
# Widths tried, with the number of (method, scale) pairs tried at each; the next one only if the
# last brought the error down by _WORTH_IT and left it above _SMALL.
_WIDTHS = ((200, 9), (500, 1), (1000, 1))
_WORTH_IT = 1.3
_SMALL = 1e-8
# Equations per unknown while candidates are compared.
_EQUATIONS_PER_UNIT = 6
# With so many equations the first fold says which pairs are worth a full cross-validation.
_EQUATIONS_TO_SIFT, _LEADING = 800, 3
_ROWS_TO_SAMPLE = 10_000


@dataclass
class Sampled:
    """Equations with sampled hidden layers and the weights that solve the least squares."""

    equations: Equations
    params: Params
    fit: RidgeFit
    method: str
    scale: float


def solve_least_squares(
    problem: Problem, start: Start, monitor: Monitor, options: SolverOptions
) -> dict[str, np.ndarray]:
    """Fit the last weights on sampled hidden layers, with all rows; one call of the monitor.

    Going on from an earlier fit, the hidden layers stay. After ``partial_fit`` the factors of the
    rows seen before are in the state, and the result is that of all rows together.
    """
    equations, params, known = start.equations, start.params, None
    if not start.goes_on:
        found = search(problem, start.hamiltonian, options)
        equations, params = found[0].equations, found[0].params
        if options.is_out_of_time and not options.one_epoch:
            # It has seen few of the rows; the error on others says more.
            fit = found[0].fit
            error = fit.error if np.isfinite(fit.error) else fit.training_error
            fit = replace(fit, training_error=error)
            take_sampled(equations, params, fit, monitor)
            monitor.status = "max_time"
            return {}
        if not options.one_epoch:
            known = known_last_weights(equations, params, problem.scaling)
    rows = make_folds(problem, _FOLDS, options.rng)
    folds = [reduce(equations, params, problem, part, known) for part in rows]
    if options.one_epoch and start.state is not None:
        folds = _together(_from_state(start.state, equations), folds)
    fit = fit_ridge(folds, options.alpha(problem))
    take_sampled(equations, equations.with_last(params, fit.w), fit, monitor)
    return _to_state(folds)


def take_sampled(equations: Equations, params: Params, fit: RidgeFit, monitor: Monitor) -> None:
    """Tell the monitor of a model, as the one iteration there is."""
    monitor.start(equations, params)
    monitor(0.5 * fit.training_error**2, flatten(params))
    monitor.complete()


def search(
    problem: Problem,
    hamiltonian: Hamiltonian,
    options: SolverOptions,
    in_reach: float = np.inf,
    hopeless: float = np.inf,
) -> list[Sampled]:
    """Sampled layers of several kinds, scales and, unless given, widths; the best one first.

    The largest width is left out where its error is not expected to come below ``in_reach``, and
    all but the first where that is left with an error above ``hopeless``. Out of time, there is one
    model at least.
    """
    rng, alpha = options.rng, options.alpha(problem)
    X, _, _ = problem.take(some(np.arange(problem.n_samples), _ROWS_TO_SAMPLE, rng))
    rows = make_folds(problem, _FOLDS, rng)
    # What comes in pieces may vary later.
    scaling = problem.scaling
    if options.one_epoch:
        scaling = replace(scaling, constant=np.full(problem.n_features, np.nan))
    layers_given = all(n.hidden_layer_sizes is not None for n in hamiltonian.layers())
    choices = [(method, scale) for method, scales in SAMPLING_SCALES.items() for scale in scales]
    found: list[Sampled] = []
    for width, n_choices in _WIDTHS:
        before = found[0].fit.error if found else np.inf
        units = units_for(hamiltonian, width, problem)
        equations = equations_of(filled(hamiltonian, (units,)), problem)
        drawn: list[tuple[str, float, Params, list[Fold]]] = []
        for method, scale in choices[:n_choices]:
            if options.is_out_of_time and (drawn or found):
                break
            params = equations.sample_params(X, rng, method, scale, scaling.reads)
            known = known_last_weights(equations, params, scaling)
            n_equations = _EQUATIONS_PER_UNIT * equations.n_last
            n_rows = n_equations // (problem.n_features * len(rows)) + 1
            parts = [some(part, n_rows, rng) for part in rows]
            folds = [reduce(equations, params, problem, part, known) for part in parts]
            drawn.append((method, scale, params, folds))
        if len(drawn) > _LEADING and problem.n_samples * problem.n_features >= _EQUATIONS_TO_SIFT:
            by_first_fold = {
                (method, scale): fit_ridge(folds, alpha, refit=False, first_only=True).error
                for method, scale, _, folds in drawn
            }
            drawn = sorted(drawn, key=lambda one: by_first_fold[one[:2]])[:_LEADING]
        for method, scale, params, folds in drawn:
            if options.is_out_of_time and found:
                break
            fit = fit_ridge(folds, alpha, refit=False)
            params = equations.with_last(params, fit.w)
            found.append(Sampled(equations, params, fit, method, scale))
            options.tell(describe(found[-1]))
        found.sort(key=lambda sampled: sampled.fit.error)
        choices = list(dict.fromkeys((sampled.method, sampled.scale) for sampled in found))
        error = found[0].fit.error
        gain = before / error if error else np.inf
        if layers_given or gain < _WORTH_IT or error < _SMALL or error > hopeless:
            break
        if np.isfinite(gain) and error / gain**0.75 > in_reach:
            break
    return found


def describe(sampled: Sampled) -> dict[str, Any]:
    """An entry of the report."""
    return {
        "solver": "least_squares",
        **name_and_layers(sampled.equations),
        "features": f"{sampled.method} {sampled.scale:g}",
        "ridge": sampled.fit.ridge,
        "error": sampled.fit.error,
    }


def _together(before: list[Fold], now: list[Fold]) -> list[Fold]:
    paired = [union(list(pair)) for pair in zip(before, now, strict=False)]
    longer = max(before, now, key=len)
    return paired + longer[len(paired) :]


def _to_state(folds: list[Fold]) -> dict[str, np.ndarray]:
    state = {f"R_{k}": fold.R for k, fold in enumerate(folds)}
    state["weight"] = np.array([fold.weight for fold in folds])
    state["n_equations"] = np.array([fold.n_equations for fold in folds])
    return state


def _from_state(state: dict[str, np.ndarray], equations: Equations) -> list[Fold]:
    sizes = zip(state["weight"], state["n_equations"], strict=True)
    known = nothing_known(equations)
    return [Fold(state[f"R_{k}"], float(w), int(n), known) for k, (w, n) in enumerate(sizes)]
