"""``simulate``: options in, trajectories out."""

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy.integrate import DOP853, RK23, RK45, OdeSolver

from .._threads import one_blas_thread
from .._validation import (
    check_choice,
    check_flag,
    check_initial_states,
    check_number,
    check_times,
    check_tolerances,
)
from ..integrators import FixedStepSolver
from ._adaptive import ROWS_AT_ONCE, AdaptiveStepper
from ._batch import integrate_many
from ._dynamics import Dynamics
from ._fixed_step import FixedStepper, choose_step_size
from ._models import dynamics_of, quiet
from ._options import (
    RTOL,
    at_least_rounding,
    check_events,
    check_method,
    check_options,
    check_separable,
    check_shown,
    default_atol,
)
from ._outcome import answer_failures, warn_of_extrapolation
from ._record import FINISHED, INTERRUPTED, RUNNING, Record
from ._result import make_result
from ._single import integrate_one

# Methods that exist for many trajectories with steps of their own.
_SIDE_BY_SIDE = (DOP853, RK45, RK23)


def simulate(
    model: Any,
    x0: Any,
    t: Any,
    *,
    method: Any = "DOP853",
    rtol: float = RTOL,
    atol: Any = None,
    max_step: float = np.inf,
    first_step: float | None = None,
    step_size: float | None = None,
    events: Any = None,
    dense_output: bool = False,
    max_nfev: int | None = None,
    on_failure: str = "raise",
    return_solution: bool = False,
    verbose: bool = False,
) -> Any:
    """Trajectories of dx/dt = f(x), f the field of a fitted model or a function.

    Parameters
    ----------
    model : estimator, system or callable
        A fitted :class:`HNNRegressor`, or any fitted regressor that maps states (n, 2d) to their
        derivatives (n, 2d): a Pipeline or a search that holds one, an ``MLPRegressor``, a forest. A
        system of :mod:`skhnn.systems`. Or a function of states (n, 2d) that returns derivatives.
    x0 : array-like of shape (2d,) or (m, 2d)
        The state at ``t[0]``, or m of them.
    t : array-like of shape (n_times,)
        The times at which to return states, increasing or decreasing (backward in time). A single
        time returns x0.
    method : str or OdeSolver class, default="DOP853"
        A method of :func:`scipy.integrate.solve_ivp`, "DOP853", "RK45", "RK23", "Radau", "BDF",
        "LSODA", or the name of one of :mod:`skhnn.integrators`, such as "GaussLegendre4".
    rtol : float, default=1e-9
        Relative tolerance of a step, of methods that choose their steps.
    atol : float or array-like of shape (2d,), default=None
        Absolute tolerance of a step, per column. None means ``rtol / 100`` times the standard
        deviation of the column in the training data, so that units do not matter; for models that
        do not know their data, ``rtol / 100`` times the largest number in the initial state.
    max_step : float, default=inf
        The longest step.
    first_step : float, default=None
        The first step; None lets the method choose.
    step_size : float, default=None
        The step of the methods of :mod:`skhnn.integrators`, rounded down so that steps end at
        evenly spaced times ``t``. None chooses it from the field near the start; the result object
        tells it.
    events : callable or list of callable, default=None
        Functions (t, x) -> float whose zeros are looked for along each trajectory, as in
        ``solve_ivp``, with the attributes ``terminal`` (a count needs scipy 1.12) and
        ``direction``. After a terminal event the states are NaN. The zeros are in the result
        object.
    dense_output : bool, default=False
        Whether the result object has a function ``sol`` of the time. Each trajectory is integrated
        on its own.
    max_nfev : int, default=None
        Evaluations of the field that one trajectory may take.
    on_failure : {"raise", "nan", "truncate"}, default="raise"
        What to do if a trajectory ends early: raise :class:`SimulationError` after all were tried;
        or warn, and return NaN for what is missing, or only the times that all have reached.
    return_solution : bool, default=False
        Whether to return a :class:`SimulationResult` in place of the states.
    verbose : bool, default=False
        Whether to print the progress, every other second.

    Returns
    -------
    ndarray of shape (n_times, 2d) or (m, n_times, 2d), or SimulationResult
        The states at ``t``. Every trajectory of a batch is as accurate as if it were alone: the
        explicit methods of scipy give each its own steps, while the field is evaluated for all at
        once.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    ValueError, TypeError
        If an argument is invalid, if the model returns another shape than that of the states, or if
        an explicit splitting method is asked for and the field is not separable (near x0, where it
        is not a network of ours); before any work.
    SimulationError
        If an integration ended early (a field that is not finite, steps that become too small,
        ``max_nfev``, Ctrl-C). It carries what was computed.

    Warns
    -----
    ExtrapolationWarning
        If a trajectory is outside of the region of the training data at one of the times ``t``.
    RuntimeWarning
        If a trajectory ended early and ``on_failure`` is not "raise".
    UserWarning
        If the steps of a Pipeline make the field of an HNNRegressor one that is not Hamiltonian, or
        if an option has no effect.

    See Also
    --------
    scipy.integrate.solve_ivp : Integrates a single trajectory.

    Examples
    --------
    >>> import numpy as np
    >>> from skhnn import HNNRegressor, simulate
    >>> from skhnn.datasets import make_pendulum
    >>> X, y = make_pendulum(200, random_state=0, return_X_y=True)
    >>> model = HNNRegressor(random_state=0).fit(X, y)
    >>> simulate(model, [[1.0, 0.0], [0.5, 0.0]], np.linspace(0, 10, 21)).shape
    (2, 21, 2)
    """
    dynamics = dynamics_of(model, x0)
    X0, is_single = check_initial_states(x0, dynamics.n_features, dynamics.check)
    t = check_times(t)
    solver = check_method(method)
    rtol, atol, max_step = check_tolerances(rtol, atol, max_step, X0.shape[1])
    functions = check_events(events)
    check_choice("on_failure", on_failure, ("raise", "nan", "truncate"))
    for name, flag in (("dense_output", dense_output), ("return_solution", return_solution),
                       ("verbose", verbose)):  # fmt: skip
        check_flag(name, flag)
    for name, length in (("first_step", first_step), ("step_size", step_size)):
        if length is not None:
            check_number(name, length, Real, 0, inclusive=False)
    if max_nfev is not None:
        check_number("max_nfev", max_nfev, Integral, 1)
    is_fixed = issubclass(solver, FixedStepSolver)
    check_options(solver, is_fixed, rtol, atol, first_step, step_size)
    if not return_solution:
        check_shown(functions, bool(dense_output))
    options: dict[str, Any] = {
        "rtol": at_least_rounding(rtol),
        "atol": default_atol(dynamics, X0, rtol) if atol is None else np.tile(atol, (len(X0), 1)),
        "max_step": max_step,
        "first_step": first_step,
        "max_nfev": np.inf if max_nfev is None else max_nfev,
    }
    with quiet(), one_blas_thread(dynamics.is_network):
        dynamics.field(X0[:1])  # a wrong shape is an error before any work
        if is_fixed and solver.scheme.is_splitting:
            check_separable(dynamics, X0, solver.__name__)
        record = Record(X0, t, len(functions), bool(verbose))
        if is_fixed and len(t) > 1:
            record.step_size = choose_step_size(
                solver, dynamics.system(), X0, t, step_size, max_step
            )
        if len(t) == 1:
            record.status[:] = FINISHED
        elif len(X0) == 1 or dense_output or not (is_fixed or solver in _SIDE_BY_SIDE):
            _one_by_one(dynamics, record, solver, options, functions, bool(dense_output))
        else:
            _side_by_side(dynamics, record, solver, options, functions)
    if dynamics.support is not None:
        warn_of_extrapolation(dynamics, record, is_single)
    n_times = int(record.n_done.min()) if on_failure == "truncate" else len(t)
    answer_failures(record, is_single, on_failure)
    if return_solution:
        return make_result(record, dynamics, n_times, is_single, bool(dense_output))
    return record.y[0, :n_times] if is_single else record.y[:, :n_times]


def _one_by_one(
    dynamics: Dynamics,
    record: Record,
    solver: type[OdeSolver],
    options: dict[str, Any],
    events: Sequence[Callable[..., Any]],
    dense_output: bool,
) -> None:
    for row in range(len(record.y)):
        integrate_one(
            dynamics, record, row, method=solver, events=events, dense_output=dense_output,
            **options | {"atol": options["atol"][row]},
        )  # fmt: skip
        if record.status[row] == INTERRUPTED:
            record.status[record.status == RUNNING] = INTERRUPTED
            break


def _side_by_side(
    dynamics: Dynamics,
    record: Record,
    solver: Any,
    options: dict[str, Any],
    events: Sequence[Callable[..., Any]],
) -> None:
    m = len(record.y)
    stepper: Any
    if issubclass(solver, FixedStepSolver):
        on_device = dynamics.place(m)
        stepper = FixedStepper(
            solver, dynamics.system(), record, options["max_nfev"], on_device=on_device
        )
    else:
        field, n_rows = dynamics.field, ROWS_AT_ONCE
        if dynamics.field_of_many is not None:
            field, n_rows = dynamics.field_of_many(m)
        stepper = AdaptiveStepper(solver, field, record, n_rows=n_rows, **options)
    integrate_many(stepper, record, events)
