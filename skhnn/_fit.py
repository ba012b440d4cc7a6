"""How a fit runs: valid data in, a fitted model out."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from ._asked_for import (
    check_structure,
    hamiltonian_asked_for,
    input_matrix_asked_for,
    layout_asked_for,
    rows_held_out,
    structure_asked_for,
)
from ._callbacks import FitTasks
from ._charges import with_charges
from ._data import DerivativeFit, Place, Problem
from ._identified import identify
from ._model import Model
from ._scaling import Scaling
from ._score import field_score
from ._selection import SOLVERS, noise_columns
from ._solvers import (
    FitResult,
    Monitor,
    Solver,
    SolverOptions,
    Start,
    equations_of,
    filled,
    in_units_of_the_data,
    initial_params,
    run_solver,
)
from ._support import Support
from ._threads import one_blas_thread
from ._torch import resolve_device, sensible_threads
from .forces import Damping
from .hamiltonians import (
    Equations,
    EulerLagrange,
    Hamiltonian,
    LagrangianEquations,
    Layout,
    Params,
)
from .hamiltonians._base import Declaration

# Rows, evenly spaced, over which the mean of H is set to zero: enough for a constant.
_ROWS_FOR_THE_MEAN = 2**16
# Rows at which the gradient of a known energy is compared with its differences.
_ROWS_TO_CHECK = 50


@dataclass
class Rows:
    """The rows of a fit, and those of them that are trained on and held out; None are all."""

    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    groups: np.ndarray | None
    trained_on: np.ndarray | None
    held_out: np.ndarray | None

    @property
    def seen(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """X, y and the weights of those that are trained on."""
        rows = self.trained_on
        if rows is None:
            return self.X, self.y, self.weight
        return self.X[rows], self.y[rows], self.weight[rows]


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
        "_support": _support(X, everything.scaling, before),
        "_parameter_range": range_of_parameters(X[:, layout.parameters], seen_before),
    }, result


def _has_known_part(y: np.ndarray, problem: Problem) -> np.ndarray:
    """Of which derivatives a part that varies is known, (D,); ``problem`` is without it."""
    if problem.y is y:
        return np.zeros(y.shape[1], dtype=bool)
    some = slice(None, None, -(-len(y) // _ROWS_FOR_THE_MEAN))
    return np.ptp(y[some] - problem.y[some], axis=0) > 0.0


def _solver(estimator: Any, goes_on: bool) -> Solver:
    """The one asked for; what goes on stays with the one that was chosen."""
    is_chosen = goes_on and estimator.solver == "auto"
    return SOLVERS[estimator.solver_ if is_chosen else estimator.solver]


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


def attributes_of(model: Model) -> dict[str, Any]:
    """What an estimator says of its model."""
    layers = model.hamiltonian.layers()
    return {
        "_model": model,
        "hamiltonian_": model.hamiltonian,
        "params_": model.params,
        "hidden_layer_sizes_": tuple(layers[0].hidden_layer_sizes) if layers else (),
        "activation_": layers[0].activation if layers else None,
        "n_dof_": model.equations.n_state // 2,
    }


def problem_of(
    estimator: Any, hamiltonian: Hamiltonian, layout: Layout, rows: Rows, goes_on: bool
) -> tuple[Problem, np.ndarray | None]:
    """All rows less what is known of their rates, and the known G."""
    X, y, n = rows.X, rows.y, rows.y.shape[1]
    structure = structure_asked_for(estimator, layout)
    check_structure(structure, X[:, :n])
    declared = hamiltonian.declare(layout)
    for known in declared.known:
        known.check(np.asarray(X[:_ROWS_TO_CHECK]))
    if layout.has_velocities:
        return _problem_of_velocities(estimator, declared, layout, rows, goes_on)
    if declared.known and not declared.forces:  # with forces, the true rates are needed
        slopes = sum(known.gradient_at(np.asarray(X), np) for known in declared.known)[:, :n]
        y = y - structure.apply(np.asarray(X[:, :n]), slopes)
    G = input_matrix_asked_for(estimator, layout)
    if G is not None:
        y = np.array(y)
        y[:, n - layout.n_pushed :] -= X[:, n : n + layout.n_inputs] @ G.T
    if goes_on:
        scaling = estimator._scaling
    else:
        of = slice(None) if rows.trained_on is None else rows.trained_on
        scaling = Scaling.from_data(
            X[of], y[of], rows.weight[of], declared.periods, declared.absolute, structure
        )
    problem = Problem(X, y, rows.weight, rows.groups, scaling, layout=layout, structure=structure)
    return problem, G


def _problem_of_velocities(
    estimator: Any, declared: Declaration, layout: Layout, rows: Rows, goes_on: bool
) -> tuple[Problem, np.ndarray | None]:
    """The same of positions and velocities: what is known stays in the equations."""
    G = input_matrix_asked_for(estimator, layout)
    scaling = estimator._scaling if goes_on else None
    if scaling is None:
        X, y, weight = rows.seen
        e = _unit_of_energy(declared, G, X, layout)
        scaling = Scaling.from_velocities(X, y, weight, declared.periods, declared.absolute, e)
    problem = Problem(
        rows.X, rows.y, rows.weight, rows.groups, scaling, layout=layout,
        structure=EulerLagrange(), input_matrix=G,
    )  # fmt: skip
    return problem, G


def _unit_of_energy(
    declared: Declaration, G: np.ndarray | None, X: np.ndarray, layout: Layout
) -> float | None:
    """The size of what is known of a Lagrangian; None where nothing is, and it has no unit."""
    some = np.asarray(X[:: -(-len(X) // _ROWS_TO_CHECK)])
    sizes = [float(np.std(known.value_at(some, np))) for known in declared.known]
    if G is not None:
        force = some[:, layout.inputs] @ G.T
        sizes.append(float(np.abs(force * some[:, : layout.n_pushed].std(axis=0)).mean()))
    return max(sizes) or None if sizes else None


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


def _support(
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
