"""How a fit runs: valid data in, fitted attributes out."""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from ._callbacks import FitTasks
from ._model import Model
from ._scaling import Scaling
from ._score import field_score
from ._selection import SOLVERS
from ._solvers import (
    NEEDS_TORCH,
    WITHOUT_EFFECT,
    FitResult,
    Monitor,
    Objective,
    Place,
    Problem,
    SolverOptions,
    Start,
    equations_of,
    filled,
    initial_params,
    run_solver,
)
from ._support import Support
from ._threads import one_blas_thread
from ._torch import resolve_device, sensible_threads
from ._validation import check_activation, check_hidden_layer_sizes
from .hamiltonians import HAMILTONIANS, Equations, Hamiltonian, Params, periods_of

# A fit that has converged with a larger loss, R2 below 0.8, is worth a word.
_POOR_LOSS = 0.1
_DEFAULT_SIZES = (64, 64)
# Rows, evenly spaced, over which the mean of H is set to zero: enough for a constant.
_ROWS_FOR_THE_MEAN = 2**16
# Rows, evenly spaced, on which the loss of the result is evaluated.
_ROWS_FOR_THE_LOSS = 2**20
# Rows at which the gradient of a known energy is compared with its differences.
_ROWS_TO_CHECK = 50


def train(
    estimator: Any,
    X: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
    groups: np.ndarray | None,
    *,
    goes_on: bool,
    one_epoch: bool = False,
) -> FitResult:
    """Train on valid data and set what ``predict`` needs on the estimator, at the very end.

    ``goes_on`` starts from the weights, the scaling and the solver's state of the last training;
    ``one_epoch`` is a call of ``partial_fit``.
    """
    solver = estimator.solver
    if solver == "auto" and goes_on:
        solver = estimator.solver_
    place, device = _place(estimator, solver)
    rng = estimator._random_state if goes_on else check_random_state(estimator.random_state)
    rows, hold_out = None, None
    holds_out = solver != "auto" and "early_stopping" not in WITHOUT_EFFECT[solver]
    if estimator.early_stopping and holds_out and not one_epoch:
        rows, hold_out = split(estimator, len(X), groups, rng)
    hamiltonian, is_open = _asked_for(estimator, goes_on)
    periods = periods_of(by_index(estimator.periodic, estimator))
    if not all(0 <= k < X.shape[1] for k in periods):
        raise ValueError(
            f"periodic must name columns of X, 0 to {X.shape[1] - 1}; got {sorted(periods)}."
        )
    declared = hamiltonian.declare(X.shape[1], periods)
    for known in declared.known:
        known.check(np.asarray(X[:_ROWS_TO_CHECK]))
    learned = y - sum(known.field_at(X) for known in declared.known) if declared.known else y
    if goes_on:
        scaling = estimator._scaling
    else:
        of = slice(None) if rows is None else rows
        scaling = Scaling.from_data(X[of], learned[of], weight[of], declared.periods)
    everything = Problem(X, learned, weight, groups, scaling, periods=periods)
    problem = everything if rows is None else everything.subset(rows)
    start = _start(estimator, hamiltonian, problem, rng, goes_on, is_open)

    def fitted(equations: Equations, params: Params) -> dict[str, Any]:
        """The attributes of a model with these weights, ready to predict."""
        step = -(-problem.n_samples // _ROWS_FOR_THE_MEAN)
        X, _, weight = problem.rows(slice(None, None, step))
        equations = equations.in_units_of_the_data(scaling.s, scaling.c, scaling.e, declared.known)
        model = Model(equations, params).centred(X, weight)
        return attributes_of(model) | {
            "_scaling": scaling,
            "_device": device,
            "_random_state": rng,
        }

    options = _options(estimator, place, rng, problem, one_epoch)
    monitor = Monitor(estimator.tol, estimator.n_iter_no_change, bool(estimator.verbose))
    monitor.deadline = options.deadline
    if hold_out is not None:
        monitor.validation_score = _score_on(everything.subset(hold_out), place)
    sees: dict[str, Any] = {"X": X, "y": y, "metadata": {"sample_weight": weight}}
    if rows is not None:
        sees = {"X": X[rows], "y": y[rows], "metadata": {"sample_weight": weight[rows]}}
    tasks = FitTasks(estimator, 1 if one_epoch else estimator.max_iter, **sees)
    with tasks, one_blas_thread(), sensible_threads(start.equations.width, place):
        monitor.end_iteration = lambda equations, params, goes_on: tasks.end_iteration(
            lambda: fitted(equations, params), goes_on
        )
        result = run_solver(solver, SOLVERS[solver], problem, start, monitor, options)
    attributes = fitted(result.equations, result.params)
    attributes["loss_"] = _final_loss(attributes["_model"], X, y, weight, rows)
    seen = getattr(estimator, "_support", None) if one_epoch and goes_on else None
    before = None if seen is None else Support(seen[0], seen[1], scaling.mu, scaling.s, scaling.box)
    support = Support.from_data(X, scaling.mu, scaling.s, scaling.box, before)
    estimator.__dict__.update(
        attributes,
        _solver_state=result.state,
        _support=(support.points, support.reach),
        solver_=result.solver,
        fit_report_=result.report,
    )
    tasks.end_fit(lambda: attributes)
    return result


def attributes_of(model: Model) -> dict[str, Any]:
    """What an estimator says of its model."""
    layers = model.hamiltonian.layers()
    return {
        "_model": model,
        "hamiltonian_": model.hamiltonian,
        "params_": model.params,
        "hidden_layer_sizes_": tuple(layers[0].hidden_layer_sizes) if layers else (),
        "activation_": layers[0].activation if layers else None,
        "n_dof_": model.equations.n_columns // 2,
    }


def _score_on(problem: Problem, place: Place) -> Callable[[Equations, Params], float]:
    """(equations, params) -> R^2 on the rows of a problem."""

    def score(equations: Equations, params: Params) -> float:
        objective = Objective(problem, equations, place=place)
        return 1.0 - 2.0 * objective.loss([place.array(p) for p in params])

    return score


def _options(
    estimator: Any, place: Place, rng: np.random.RandomState, problem: Problem, one_epoch: bool
) -> SolverOptions:
    """The parameters of the estimator as solvers take them; ``max_time`` counts from here."""
    max_time = None if one_epoch else estimator.max_time
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
        deadline=np.inf if max_time is None else time.perf_counter() + max_time,
        verbose=bool(estimator.verbose),
    )


def _place(estimator: Any, solver: str) -> tuple[Place, str]:
    """Where the solver that runs computes, and the name of the device."""
    dtype = estimator.dtype
    if dtype == "auto":  # minibatches are noisier than single precision
        single = solver in ("adam", "soap") or str(estimator.device).startswith("mps")
        dtype = "float32" if single else "float64"
    if solver not in NEEDS_TORCH and str(estimator.device) == "cpu":
        return Place.on_numpy(dtype), "cpu"
    device = resolve_device(estimator.device, dtype)
    if solver not in NEEDS_TORCH and device.type == "cpu":
        return Place.on_numpy(dtype), "cpu"
    return Place.on_torch(device, dtype), str(device)


def _final_loss(
    model: Model, X: np.ndarray, y: np.ndarray, weight: np.ndarray, rows: np.ndarray | None
) -> float:
    """(1 - R^2) / 2 of the fitted model on the rows that were trained on."""
    rows = np.arange(len(X)) if rows is None else rows
    rows = rows[:: -(-len(rows) // _ROWS_FOR_THE_LOSS)]
    if len(rows) < 2:
        return float("nan")
    X = np.asarray(X[rows])
    return 0.5 * (1.0 - field_score(X, np.asarray(y[rows]), model.field(X), weight[rows]))


def split(
    estimator: Any, n_samples: int, groups: np.ndarray | None, rng: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """The rows to train on and the rows held out; no group is on both sides."""
    # Imported here: it takes longer than all the rest of the package.
    from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit

    if groups is not None and len(np.unique(groups)) < 2:
        raise ValueError(
            "early_stopping sets whole groups aside and needs at least two; got one. Pass "
            "groups=None to split by rows, or early_stopping=False."
        )
    fraction = estimator.validation_fraction
    n_units, unit = (n_samples, "rows") if groups is None else (len(np.unique(groups)), "groups")
    if np.ceil(fraction * n_units) >= n_units:
        raise ValueError(
            f"validation_fraction={fraction:g} of {n_units} {unit} (of positive weight) leaves "
            "nothing to train on; lower it, or set early_stopping=False."
        )
    splitter = ShuffleSplit if groups is None else GroupShuffleSplit
    shuffle = splitter(n_splits=1, test_size=fraction, random_state=rng)
    return next(shuffle.split(np.empty((n_samples, 1)), groups=groups))


def _asked_for(estimator: Any, goes_on: bool) -> tuple[Hamiltonian, bool]:
    """The Hamiltonian that the parameters ask for, and whether it is an outcome.

    Layers and activations that are the solver's to choose are None.
    """
    hamiltonian, sizes = estimator.hamiltonian, estimator.hidden_layer_sizes
    is_auto = isinstance(hamiltonian, str) and hamiltonian == "auto"
    is_open = is_auto and estimator.solver == "auto" and sizes is None
    if is_auto and goes_on:
        hamiltonian, is_open = estimator.hamiltonian_.map_layers(lambda *_: (None, None)), False
    elif isinstance(hamiltonian, str):
        hamiltonian = HAMILTONIANS["mlp" if is_auto else hamiltonian]
    sizes = None if sizes is None else check_hidden_layer_sizes(sizes)
    activation = None if estimator.activation == "auto" else estimator.activation

    def filled_in(own_sizes: Any, own_activation: Any) -> tuple[Any, Any]:
        if own_activation in (None, "auto"):
            own_activation = activation
        else:
            check_activation(own_activation)
        return sizes if own_sizes is None else check_hidden_layer_sizes(own_sizes), own_activation

    return hamiltonian.map_layers(filled_in), is_open


def by_index(periodic: Any, estimator: Any) -> Any:
    """The parameter ``periodic`` with indices in place of the names of columns."""
    names = {name: k for k, name in enumerate(getattr(estimator, "feature_names_in_", ()))}
    if periodic is None or not names or isinstance(periodic, str):
        return periodic
    if isinstance(periodic, Mapping):
        return {names.get(k, k): period for k, period in periodic.items()}
    return [names.get(k, k) for k in np.atleast_1d(np.asarray(periodic, object))]


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
        equations = equations_of(filled(hamiltonian, _DEFAULT_SIZES), problem)
        params = initial_params(equations, problem, rng)
        return Start(hamiltonian, equations, params, hamiltonian_is_open=is_open)
    model = estimator._model
    before = model.equations.n_columns, repr(model.hamiltonian)
    # What the parameters leave open is what was found.
    layers = [(n.hidden_layer_sizes, n.activation) for n in model.hamiltonian.layers()]
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
    equations = model.equations.in_units_of(problem.scaling.s)
    return Start(hamiltonian, equations, model.params, goes_on=True, state=estimator._solver_state)


def warn_unless_converged(estimator: Any, result: FitResult, found: Sequence[str] = ()) -> None:
    """Say how training ended, if not well, and what to do.

    What was ``found`` out about the data, and told, is the likeliest cause of a poor fit.
    """
    loss, where = estimator.loss_, "trained on"
    if result.validation_scores:
        left_out = 0.5 * (1.0 - max(result.validation_scores))
        if left_out > loss or loss <= _POOR_LOSS:
            loss, where = left_out, "left out"
    solver = estimator.solver_
    strays = result.report[-1].get("strays", 0.0) if result.report else 0.0
    if strays:
        far = "cannot be finished"
        if np.isfinite(strays):
            far = f"leave them by {strays:.2g} standard deviations"
        warnings.warn(
            "The data are thin, like an orbit, and do not determine H beside them: of all models "
            f"tried, simulations that start on the data {far} within ten characteristic times, and "
            "fit chose by the error. The derivatives on the "
            "data may be right and its simulations are not to be trusted. More orbits help, of "
            "other energies or shapes, or a simpler Hamiltonian (hamiltonian='mechanical' if the "
            "masses are constant).",
            stacklevel=4,
        )
    if result.status == "max_iter":
        what = (
            f"stopped at max_iter={result.n_iter} while the loss, now {estimator.loss_:.2e} (1 - "
            f"R2 = {2 * estimator.loss_:.1e}), still fell by more than the fraction "
            f"tol={estimator.tol:g} in {estimator.n_iter_no_change} iterations. If this is not "
            "good enough, increase max_iter or fit again with warm_start=True; if it is, a larger "
            "tol stops earlier"
        )
    elif result.status == "max_time":
        what = (
            f"stopped at max_time={estimator.max_time:g} s with the best model so far, R2 = "
            f"{1 - 2 * loss:.6g} on the rows {where}; fit_report_ has what was tried. If this is "
            "not good enough, increase max_time"
            + (" or fit again with warm_start=True to go on" if solver != "least_squares" else "")
            + "; if it is, nothing has to be done"
        )
    elif result.status == "interrupted":
        what = (
            f"was interrupted after {result.n_iter} iterations. The model has the weights reached "
            "so far; fit again with warm_start=True to go on"
        )
    elif result.status == "diverged":
        advice = dict.fromkeys(("adam", "soap"), "lower learning_rate_init, or use 'lbfgs'")
        what = (
            f"stopped after {result.n_iter} iterations because the loss was no longer finite. The "
            "model has the last finite weights; "
            f"{advice.get(solver, 'alpha may be too large for these sample weights')}"
        )
    elif result.status == "completed" and loss > _POOR_LOSS and solver in ("soap", "adam"):
        what = (
            f"came to the end of its {result.n_iter} epochs at R2 = {1 - 2 * loss:.2f} on the rows "
            f"{where}. {_causes(found)}, or this "
            "was too short: increase max_iter, or leave it to the solver with max_iter=None"
        )
    elif result.status in ("converged", "completed") and loss > _POOR_LOSS:
        what = (
            f"stopped improving at R2 = {1 - 2 * loss:.2f} on the rows {where}. {_causes(found)}, "
            + (
                f"or {estimator.hamiltonian_!r} leaves out what matters"
                if solver == "least_squares"
                else "or this is a plateau of the loss: try a larger n_iter_no_change, another "
                "random_state or more units"
            )
        )
    else:
        return
    warnings.warn(f"solver={solver!r} {what}.", ConvergenceWarning, stacklevel=4)


def _causes(found: Sequence[str]) -> str:
    """The beginning of a sentence about what may be behind a poor fit."""
    if found:
        what = found[0].split(". ")[0]  # all of it was said before
        return f"The likely cause: {what}. Otherwise the rest of the derivatives is noise"
    return (
        "Either the rest of the derivatives is noise or not Hamiltonian (friction, a drive, "
        "columns in another order than q, p)"
    )
