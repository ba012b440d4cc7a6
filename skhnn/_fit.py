"""How a fit runs: valid data in, a fitted model out."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from ._asked_for import (
    hamiltonian_asked_for,
    layout_asked_for,
    rows_held_out,
)
from ._attributes import (
    attributes_of,
    final_loss,
    model_in_units_of_the_data,
    range_of_parameters,
    support_of,
)
from ._callbacks import FitTasks
from ._charges import with_charges
from ._data import DerivativeFit, Place, Problem
from ._identified import identify
from ._model import Model
from ._problems import Rows, problem_of
from ._selection import SOLVERS, noise_columns
from ._solvers import (
    FitResult,
    Monitor,
    Solver,
    SolverOptions,
    Start,
    equations_of,
    filled,
    initial_params,
    run_solver,
)
from ._threads import one_blas_thread
from ._torch import resolve_device, sensible_threads
from .forces import Damping
from .hamiltonians import (
    Equations,
    Hamiltonian,
    Params,
)


def train(
    estimator: Any,
    X: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
    groups: np.ndarray | None,
    *,
    goes_on: bool,
    one_epoch: bool = False,
    deadline: float = np.inf,
) -> tuple[dict[str, Any], FitResult]:
    """The attributes of the estimator after training on valid data, and how training went.

    ``goes_on`` starts from the weights, the scaling and the solver's state of the last training;
    ``one_epoch`` is a call of ``partial_fit``. Solvers end at the ``deadline``, by
    ``time.perf_counter``.
    """
    solver = _solver(estimator, goes_on)
    place, device = _place(estimator, solver)
    rng = estimator._random_state if goes_on else check_random_state(estimator.random_state)
    split: tuple[np.ndarray | None, np.ndarray | None] = None, None
    if estimator.early_stopping and solver.holds_out and not one_epoch:
        split = rows_held_out(estimator, len(X), groups, rng)
    rows = Rows(X, y, weight, groups, *split)
    layout = layout_asked_for(estimator, X.shape[1], estimator.coordinates_)
    hamiltonian, is_open = hamiltonian_asked_for(estimator, layout, goes_on)
    before = estimator.hamiltonian_ if goes_on else None
    hamiltonian = with_charges(hamiltonian, *rows.seen[:2], layout, before)
    everything, input_matrix = problem_of(estimator, hamiltonian, layout, rows, goes_on)
    noise = np.zeros(everything.n_targets, dtype=bool)
    with one_blas_thread():
        if not (goes_on or one_epoch):
            noise = noise_columns(everything)
            everything = everything.with_constant(noise)
            noise &= ~_has_known_part(y, everything)  # what is left beside it says nothing of y
        problem = everything if split[0] is None else everything.subset(split[0])
        start = _start(estimator, hamiltonian, problem, rng, goes_on, is_open)
    of_all = {"_scaling": everything.scaling, "_device": device, "_random_state": rng}

    def fitted(equations: Equations, params: Params) -> dict[str, Any]:
        """The attributes of a model with these weights, ready to predict."""
        return (
            attributes_of(model_in_units_of_the_data(equations, params, problem, input_matrix))
            | of_all
        )

    result = _run(
        estimator, solver, problem, everything, rows, start, fitted,
        _options(estimator, place, rng, problem, one_epoch, deadline),
    )  # fmt: skip
    attributes = fitted(result.equations, result.params)
    result.params, result.problem, result.noise = attributes["params_"], problem, noise
    if result.status != "diverged" and (result.equations.forces or layout.has_velocities):
        with one_blas_thread():
            attributes |= _identified(problem, result, attributes["_model"], fitted)
    before = getattr(estimator, "_support", None) if one_epoch and goes_on else None
    seen_before = getattr(estimator, "_parameter_range", None) if before else None
    X_seen, y_seen, weight_seen = rows.seen
    loss = result.loss = final_loss(attributes["_model"], X_seen, y_seen, weight_seen)
    if noise.any():
        y_seen = np.where(noise, everything.scaling.constant * everything.scaling.f, y_seen)
        result.loss = final_loss(attributes["_model"], X_seen, y_seen, weight_seen)
    return attributes | {
        "loss_": loss,
        "solver_": result.solver,
        "fit_report_": result.report,
        "_solver_state": result.state,
        "_support": support_of(X, everything.scaling, before),
        "_parameter_range": range_of_parameters(X[:, layout.parameters], seen_before),
    }, result


def _has_known_part(y: np.ndarray, problem: Problem) -> np.ndarray:
    """Of which derivatives a part that varies is known, (D,); ``problem`` is without it."""
    if problem.y is y:
        return np.zeros(y.shape[1], dtype=bool)
    most_rows = 2**16  # evenly spaced
    some = slice(None, None, -(-len(y) // most_rows))
    return np.ptp(y[some] - problem.y[some], axis=0) > 0.0


def _solver(estimator: Any, goes_on: bool) -> Solver:
    """The one asked for; what goes on stays with the one that was chosen."""
    is_chosen = goes_on and estimator.solver == "auto"
    return SOLVERS[estimator.solver_ if is_chosen else estimator.solver]


def _run(
    estimator: Any,
    solver: Solver,
    problem: Problem,
    everything: Problem,
    rows: Rows,
    start: Start,
    fitted: Callable[[Equations, Params], dict[str, Any]],
    options: SolverOptions,
) -> FitResult:
    """Run the solver under the eyes of a monitor and of callbacks."""
    monitor = Monitor(estimator.tol, estimator.n_iter_no_change, bool(estimator.verbose))
    monitor.deadline = options.deadline
    if rows.held_out is not None:
        held_out = everything.subset(rows.held_out)
        monitor.validation_score = _score_on(held_out, options.place)
    X, y, weight = rows.seen
    max_iter = 1 if options.one_epoch else estimator.max_iter
    tasks = FitTasks(estimator, max_iter, X=X, y=y, metadata={"sample_weight": weight})
    with tasks, one_blas_thread(), sensible_threads(start.equations.width, options.place):
        monitor.end_iteration = lambda equations, params, goes_on: tasks.end_iteration(
            lambda: fitted(equations, params), goes_on
        )
        result = run_solver(solver, problem, start, monitor, options)
    tasks.end_fit(lambda: fitted(result.equations, result.params))
    return result


def _identified(
    problem: Problem, result: FitResult, model: Model, fitted: Callable[..., dict[str, Any]]
) -> dict[str, Any]:
    """The coefficients of forces, and the model again where friction had to be bounded."""
    params, found, result.gains_energy = identify(
        problem, result.equations, result.params, model.equations
    )
    if params is not result.params:
        result.params = params
        found |= fitted(result.equations, params)
    return found


def _start(
    estimator: Any,
    hamiltonian: Hamiltonian,
    problem: Problem,
    rng: np.random.RandomState,
    goes_on: bool,
    is_open: bool,
) -> Start:
    """Where training starts."""
    if not goes_on:
        equations = equations_of(filled(hamiltonian, (64, 64)), problem)
        initial = partial(initial_params, equations, equations.init_params(rng), problem)
        asked_for = estimator.dissipation
        optional = Damping() if isinstance(asked_for, str) and asked_for == "auto" else None
        return Start(
            hamiltonian, equations, initial, hamiltonian_is_open=is_open, optional=optional
        )
    model = estimator._model
    found = model.equations.hamiltonian
    before = model.equations.n_columns, repr(found)
    # What the parameters leave open is what was found.
    layers = [(n.hidden_layer_sizes, n.activation) for n in found.layers()]
    if len(layers) == len(hamiltonian.layers()):
        hamiltonian = hamiltonian.with_layers(
            [
                (n.hidden_layer_sizes or sizes, n.activation or activation)
                for n, (sizes, activation) in zip(hamiltonian.layers(), layers, strict=True)
            ]
        )
    now = problem.n_features, repr(hamiltonian)
    if before != now:
        raise ValueError(
            f"warm_start and partial_fit go on with a model of {before[0]} columns, {before[1]}; "
            f"got {now[0]} columns, {now[1]}. Use a new estimator, or fit with warm_start=False."
        )
    equations = model.equations.in_units_of(problem.scaling.units)
    return Start(
        hamiltonian, equations, lambda: model.params, goes_on=True, state=estimator._solver_state
    )


def _score_on(problem: Problem, place: Place) -> Callable[[Equations, Params], float]:
    """(equations, params) -> R^2 on the rows of a problem."""

    def score(equations: Equations, params: Params) -> float:
        data = DerivativeFit(problem, equations, place=place)
        return 1.0 - 2.0 * data.loss([place.array(p) for p in params])

    return score


def _options(
    estimator: Any,
    place: Place,
    rng: np.random.RandomState,
    problem: Problem,
    one_epoch: bool,
    deadline: float,
) -> SolverOptions:
    """The parameters of the estimator as solvers take them."""
    return SolverOptions(
        place=place,
        rng=rng,
        penalty=estimator.alpha / problem.total_weight,
        max_iter=estimator.max_iter,
        batch_size=None if estimator.batch_size == "auto" else estimator.batch_size,
        learning_rate_init=estimator.learning_rate_init,
        annealed=estimator.learning_rate == "cosine",
        shuffle=bool(estimator.shuffle),
        optimizer=estimator.optimizer,
        one_epoch=one_epoch,
        deadline=deadline,
        verbose=bool(estimator.verbose),
    )


def _place(estimator: Any, solver: Solver) -> tuple[Place, str]:
    """Where the solver that runs computes, and the name of the device."""
    dtype = estimator.dtype
    if dtype == "auto":  # minibatches are noisier than single precision
        single = solver.in_batches or str(estimator.device).startswith("mps")
        dtype = "float32" if single else "float64"
    if not solver.needs_torch and str(estimator.device) == "cpu":
        return Place.on_numpy(dtype), "cpu"
    device = resolve_device(estimator.device, dtype)
    if not solver.needs_torch and device.type == "cpu":
        return Place.on_numpy(dtype), "cpu"
    return Place.on_torch(device, dtype), str(device)
