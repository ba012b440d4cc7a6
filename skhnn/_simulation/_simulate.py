"""``simulate``: options in, trajectories out."""

from typing import Any

import numpy as np
from scipy.integrate import DOP853, RK23, RK45

from .._threads import one_blas_thread
from .._validation import check_flag, check_initial_states, check_times
from ._adaptive import ROWS_AT_ONCE, AdaptiveStepper
from ._batch import integrate_many
from ._driving import Driving, times_of
from ._dynamics import Dynamics
from ._fixed_step import FixedStepper, choose_step_sizes
from ._guard import Guard, guard_for
from ._held import samples_of, simulate_held
from ._models import dynamics_of, look_at_start, quiet
from ._options import RTOL, check_separable, warn_of_conservation
from ._outcome import answer_failures, warn_of_extrapolation, warn_of_masses
from ._record import Record
from ._result import make_result
from ._settings import Settings
from ._single import integrate_one
from ._status import Status

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
    time_dependent: bool | None = None,
    u: Any = None,
    parameters: Any = None,
    between: str = "linear",
) -> Any:
    """Trajectories of dx/dt = f(x) or f(t, x), f the field of a fitted model or a function.

    Parameters
    ----------
    model : estimator, system or callable
        A fitted :class:`HNNRegressor`, or any fitted regressor that maps states (n, 2d) to their
        derivatives (n, 2d): a Pipeline or a search that holds one, an ``MLPRegressor``, a forest. A
        system of :mod:`skhnn.systems`. Or a function f(x) or f(t, x) that returns derivatives: x is
        always an array of rows (n, 2d), with n = 1 for a single trajectory, the result has its
        shape, and t is always a number, the same for all rows.
    x0 : array-like of shape (2d,) or (m, 2d)
        The state at ``t[0]``, or m of them.
    t : array-like of shape (n_times,) or (m, n_times), or list of m array-likes
        The times at which to return states, increasing or decreasing (backward in time). A single
        time returns x0. Two axes, or a list, are times of its own for each trajectory, which starts
        at the first of them. The origin of t does not matter, nor its size but for rounding.
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
        Functions (t, x) -> float, x (2d,), whose zeros are looked for along each trajectory, as in
        ``solve_ivp``, with the attributes ``terminal`` (a count needs scipy 1.12) and
        ``direction``. After a terminal event the states are NaN. The zeros are in the result
        object.
    dense_output : bool, default=False
        Whether the result object has a function ``sol`` of the time. Each trajectory is integrated
        on its own.
    max_nfev : int, default=None
        Evaluations of the field that one trajectory may take. With None there is no bound, but a
        trajectory of an HNNRegressor ends where its steps become absurdly short: where 5000
        evaluations do not do what a thirtieth of them does along the training data. A number puts
        the bound in the place of that.
    on_failure : {"raise", "nan", "truncate"}, default="raise"
        What to do if a trajectory ends early: raise :class:`SimulationError` after all were tried;
        or warn, and return NaN for what is missing, or only the times that all have reached (of
        times of its own, those that each has).
    return_solution : bool, default=False
        Whether to return a :class:`SimulationResult` in place of the states.
    verbose : bool, default=False
        Whether to print the progress, every other second.
    time_dependent : bool, default=None
        Whether a function is one of (t, x). None looks at its signature: two arguments that must be
        given by position mean (t, x). A function that does not tell its arguments, or takes any
        number of them, is one of x. Trajectories of f(t, x) are integrated one by one, except
        for methods with fixed steps and times in common. A default ``step_size`` does not see how
        fast f varies with t.
    u, parameters : array-like, callable or None, default=None
        The inputs and the parameters of a model that has such columns: constants, or one row for
        each time of ``t``, or a function of the time that returns them; the same for all
        trajectories.
    between : {"linear", "hold", "cubic"}, default="linear"
        What inputs and parameters given at the times ``t`` are between them: linear, constant from
        each time on, or a cubic spline. Held samples are simulated piece by piece, and the states
        alone are returned.

    Returns
    -------
    ndarray of shape (n_times, 2d) or (m, n_times, 2d), list of ndarray, or SimulationResult
        The states at ``t``; a list of arrays (n_times, 2d) where the trajectories have times of
        their own and not equally many. Every trajectory of a batch is as accurate as if it were
        alone: the explicit methods of scipy give each its own steps, while the field is evaluated
        for all at once.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    ValueError, TypeError
        If an argument is invalid, if the model returns another shape than that of the states, or if
        an explicit splitting method is asked for and the field is not separable (near x0, where it
        is not a network of ours); before any work.
    SimulationError
        If an integration ended early (a field that is not finite, steps that become too small or,
        on a learned field, absurdly many, ``max_nfev``, Ctrl-C). It carries what was computed.

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

    Each start with its own times:

    >>> a, b = simulate(model, [[1.0, 0.0], [0.5, 0.0]], [np.arange(5), np.arange(100, 130)])
    >>> a.shape, b.shape
    ((5, 2), (30, 2))

    The learned pendulum under a known force:

    >>> def forced(t, x):
    ...     return model.predict(x) + np.array([0.0, 0.1 * np.cos(2 * t)])
    >>> simulate(forced, [1.0, 0.0], np.linspace(0, 10, 21)).shape
    (21, 2)
    """
    if time_dependent is not None:
        check_flag("time_dependent", time_dependent)
    options: dict[str, Any] = {
        "method": method, "rtol": rtol, "atol": atol, "max_step": max_step,
        "first_step": first_step, "step_size": step_size, "max_nfev": max_nfev, "events": events,
        "dense_output": dense_output, "return_solution": return_solution,
        "on_failure": on_failure, "verbose": verbose,
    }  # fmt: skip
    behind = {"u": u, "parameters": parameters}
    samples: dict[str, np.ndarray] = {}

    def driving(n_columns: dict[str, int]) -> Driving | None:
        times = times_of(t)
        found = Driving.of(behind, n_columns, times, between)
        if between == "hold":
            samples.update(samples_of(behind, n_columns, times.size))
        return found

    dynamics = dynamics_of(model, x0, time_dependent, driving)
    if samples:
        times = np.asarray(check_times(t))
        return simulate_held(simulate, model, x0, times, behind, samples, options)
    X0, is_single = check_initial_states(x0, dynamics.n_features, dynamics.check)
    t = check_times(t, None if is_single else len(X0))
    settings = Settings.checked(dynamics, X0, **options)
    view = dynamics.canonical if settings.is_fixed else None
    with quiet(), one_blas_thread(dynamics.is_network):
        Z0 = X0 if view is None else view.enter(X0)
        record = Record(Z0, t, len(settings.events), settings.verbose, on_grid=settings.is_fixed)
        look_at_start(dynamics, model, record.t0[0], X0[:1])
        if view is None:
            _integrate(dynamics, record, settings, X0)
        else:
            _integrate(view.dynamics, record, view.settings(settings), Z0)
            view.restore(record)
    if dynamics.support is not None:
        warn_of_extrapolation(dynamics, record, is_single)
    if dynamics.has_positive_masses is not None:
        warn_of_masses(dynamics.has_positive_masses, record)
    n_times = record.n_times
    if on_failure == "truncate":
        n_done = record.n_done
        n_times = n_done if record.has_own_times else np.full(len(X0), n_done.min())
    answer_failures(record, is_single, on_failure)
    if return_solution:
        return make_result(record, dynamics, n_times, is_single, settings.dense_output)
    return record.y[0, : n_times[0]] if is_single else record.of_each(record.y, n_times)


def _integrate(dynamics: Dynamics, record: Record, settings: Settings, X0: np.ndarray) -> None:
    """Fill the record, by the engine that is right for it."""
    solver, is_fixed = settings.solver, settings.is_fixed
    if is_fixed:
        warn_of_conservation(dynamics, solver)
    if is_fixed and solver.scheme.is_splitting:
        times = record.times[0, : record.n_times[0]]
        for time in times[[0, len(times) // 2]] if dynamics.depends_on_time else times[:1]:
            check_separable(dynamics, X0, solver.__name__, time)
    if is_fixed and record.end.any():
        system = dynamics.system(record.t0[0])
        record.step_size = choose_step_sizes(
            solver, system, record, settings.step_size, settings.max_step
        )
    # functions f(t, x) are given one time for all rows
    common = (is_fixed or solver in _SIDE_BY_SIDE) and not settings.dense_output
    if dynamics.depends_on_time:
        common = common and is_fixed and not record.has_own_times
    guard = guard_for(
        dynamics, record, solver, settings.step_size, settings.options["max_nfev"],
        rtol=settings.options["rtol"], atol=settings.options["atol"], max_step=settings.max_step,
    )  # fmt: skip
    engine = _side_by_side if common and len(X0) > 1 else _one_by_one
    engine(dynamics, record, settings, guard)


def _one_by_one(
    dynamics: Dynamics, record: Record, settings: Settings, guard: Guard | None
) -> None:
    options = settings.options
    for row in np.flatnonzero(record.status == Status.RUNNING).tolist():
        integrate_one(
            dynamics, record, row, method=settings.solver, events=settings.events,
            dense_output=settings.dense_output, guard=guard,
            **options | {"atol": options["atol"][row]},
        )  # fmt: skip
        if record.status[row] == Status.INTERRUPTED:
            record.status[record.status == Status.RUNNING] = Status.INTERRUPTED
            break


def _side_by_side(
    dynamics: Dynamics, record: Record, settings: Settings, guard: Guard | None
) -> None:
    m, solver, options = len(record.y), settings.solver, settings.options
    stepper: Any
    if settings.is_fixed:
        system, on_device = dynamics.system(record.t0[0]), dynamics.place(m)
        stepper = FixedStepper(solver, system, record, options["max_nfev"], on_device=on_device)
    else:
        field, n_rows = dynamics.field, ROWS_AT_ONCE
        if dynamics.field_of_many is not None:
            field, n_rows = dynamics.field_of_many(m)
        stepper = AdaptiveStepper(solver, field, record, n_rows=n_rows, **options)
    integrate_many(stepper, record, settings.events, guard)
