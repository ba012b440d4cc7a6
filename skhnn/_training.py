"""How a fit runs: valid data in, fitted attributes out."""

import warnings
from functools import partial
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from ._callbacks import FitTasks
from ._chunks import evaluate_in_chunks
from ._scaling import Scaling
from ._solvers import FitResult, Monitor, Objective, SolverOptions, minimize, views
from ._torch import resolve_device, sensible_threads
from ._validation import check_hidden_layer_sizes
from .hamiltonians import MLPHamiltonian, Params, gradient_from_field

# A fit that has converged with a larger loss, R2 below 0.8, is worth a word.
_POOR_LOSS = 0.1
_DEFAULT_SIZES = (64, 64)
_DEFAULT_BATCH = 256


def train(
    estimator: Any,
    X: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
    groups: np.ndarray | None,
    *,
    goes_on: bool,
    max_iter: int,
    early_stopping: bool,
) -> FitResult:
    """Train on valid data and set what ``predict`` needs on the estimator, at the very end.

    ``goes_on`` starts from the weights, the scaling and the solver's state of the last training.
    """
    device = resolve_device(estimator.device, estimator.dtype)
    rng = estimator._random_state if goes_on else check_random_state(estimator.random_state)
    rows, hold_out = (
        split(estimator, len(X), groups, rng) if early_stopping else (slice(None), None)
    )
    G = gradient_from_field(y)
    row_weight = weight[rows] / weight[rows].sum()
    if goes_on:
        scaling, state = Scaling(*estimator._scaling), estimator._solver_state
    else:
        scaling, state = Scaling.from_data(X[rows], G[rows], row_weight), None
    hamiltonian, params = _start(estimator, X.shape[1], scaling, rng, goes_on)
    shapes = [p.shape for p in params]
    Z, T = scaling.states(X), scaling.targets(G)

    def objective(rows: Any, penalty: float) -> Objective:
        c = weight[rows] / weight[rows].sum()
        return Objective.on_torch(
            hamiltonian, Z[rows], T[rows], c, scaling.w, penalty, device, estimator.dtype
        )

    def fitted(theta: np.ndarray) -> dict[str, Any]:
        """The attributes of a model with these weights, ready to predict."""
        params = hamiltonian.fold(views(theta, shapes), scaling.mu, scaling.s, scaling.e)
        energies = np.empty(len(row_weight))
        value = partial(hamiltonian.value, params)
        evaluate_in_chunks(value, X[rows], energies, hamiltonian.width)
        params[-1] = -(row_weight @ energies)[None]
        return {
            "coefs_": params[::2],
            "intercepts_": params[1::2],
            "hidden_layer_sizes_": hamiltonian.hidden_layer_sizes,
            "n_dof_": X.shape[1] // 2,
            "_activation": hamiltonian.activation,
            "_scaling": (scaling.mu, scaling.s, scaling.e, scaling.w),
            "_device": str(device),
            "_random_state": rng,
        }

    monitor = Monitor(estimator.tol, estimator.n_iter_no_change, bool(estimator.verbose))
    if hold_out is not None:
        validation = objective(hold_out, 0.0)

        def validation_score(theta: np.ndarray) -> float:
            return 1.0 - 2.0 * validation.loss(views(validation.array(theta), shapes))

        monitor.validation_score = validation_score

    training = objective(rows, estimator.alpha / weight[rows].sum())
    options = SolverOptions(
        max_iter=max_iter,
        batch_size=_DEFAULT_BATCH if estimator.batch_size == "auto" else estimator.batch_size,
        learning_rate_init=estimator.learning_rate_init,
        shuffle=bool(estimator.shuffle),
        rng=rng,
        state=state,
    )
    metadata = {"sample_weight": weight[rows]}
    tasks = FitTasks(estimator, max_iter, X=X[rows], y=y[rows], metadata=metadata)
    with tasks, sensible_threads(hamiltonian.width, device):
        monitor.end_iteration = lambda theta, goes_on: tasks.end_iteration(
            lambda: fitted(theta), goes_on
        )
        result = minimize(estimator.solver, training, params, monitor, options)
    attributes = fitted(result.theta)
    estimator.__dict__.update(attributes, _solver_state=result.state)
    tasks.end_fit(lambda: attributes)
    return result


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


def _start(
    estimator: Any, n_features: int, scaling: Scaling, rng: np.random.RandomState, goes_on: bool
) -> tuple[MLPHamiltonian, Params]:
    """The Hamiltonian and its initial params in standardised coordinates."""
    sizes: tuple[int, ...] = _DEFAULT_SIZES
    if estimator.hidden_layer_sizes is not None:
        sizes = check_hidden_layer_sizes(estimator.hidden_layer_sizes)
    hamiltonian = MLPHamiltonian(sizes, estimator.activation)
    if not goes_on:
        return hamiltonian, hamiltonian.init_params(n_features, rng)
    before = (estimator.coefs_[0].shape[0], estimator.hidden_layer_sizes_, estimator._activation)
    now = (n_features, sizes, estimator.activation)
    if before != now:
        raise ValueError(
            "warm_start and partial_fit go on with a model of (columns, layers, activation) "
            f"{before}; got {now}. Use a new estimator, or fit with warm_start=False."
        )
    params = estimator._params()
    return hamiltonian, hamiltonian.unfold(params, scaling.mu, scaling.s, scaling.e)


def warn_unless_converged(estimator: Any, result: FitResult) -> None:
    """Say how training ended, if not well, and what to do."""
    loss = estimator.loss_
    if result.status == "max_iter":
        what = (
            f"stopped at max_iter={estimator.max_iter} while the loss, now {loss:.2e} (1 - R2 = "
            f"{2 * loss:.1e}), still fell by more than the fraction tol={estimator.tol:g} in "
            f"{estimator.n_iter_no_change} iterations. If this is not good enough, increase "
            "max_iter or fit again with warm_start=True; if it is, a larger tol stops earlier"
        )
    elif result.status == "interrupted":
        what = (
            f"was interrupted after {result.n_iter} iterations. The model has the weights reached "
            "so far; fit again with warm_start=True to go on"
        )
    elif result.status == "diverged":
        advice = {"adam": "lower learning_rate_init, or use solver='lbfgs'"}
        what = (
            f"stopped after {result.n_iter} iterations because the loss was no longer finite. The "
            "model has the last finite weights; "
            f"{advice.get(estimator.solver, 'alpha may be too large for these sample weights')}"
        )
    elif result.status == "converged" and loss > _POOR_LOSS:
        what = (
            f"stopped improving at R2 = {1 - 2 * loss:.2f} on the rows trained on. Either the rest "
            "of the derivatives is noise or not Hamiltonian (friction, a drive, columns in another "
            "order than q, p), or this is a plateau of the loss: try a larger n_iter_no_change, "
            "another random_state or more units"
        )
    else:
        return
    warnings.warn(f"solver={estimator.solver!r} {what}.", ConvergenceWarning, stacklevel=4)
