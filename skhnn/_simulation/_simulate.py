"""``simulate``: options in, trajectories out."""

import warnings
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import scipy.integrate
from scipy.integrate import DOP853, RK23, RK45, OdeSolver

from .. import integrators
from .._validation import (
    check_choice,
    check_flag,
    check_initial_states,
    check_number,
    check_times,
    check_tolerances,
)
from ..integrators import FixedStepSolver
from ._adaptive import AdaptiveStepper
from ._batch import integrate_many
from ._dynamics import Dynamics
from ._errors import ExtrapolationWarning, SimulationError
from ._fixed_step import FixedStepper, choose_step_size
from ._models import dynamics_of, quiet
from ._record import FINISHED, INTERRUPTED, REASONS, RUNNING, TERMINATED, Record
from ._result import make_result, message_of
from ._single import integrate_one

#: The names of methods: those of scipy, then our own.
METHODS = (
    "DOP853", "RK45", "RK23", "Radau", "BDF", "LSODA",
    *(name for name in integrators.__all__ if name != "FixedStepSolver"),
)  # fmt: skip

_RTOL = 1e-9
# solve_ivp warns below 100 times the rounding of a float, and uses that instead.
_SMALLEST_RTOL = 2.3e-14
# Methods that exist for many trajectories with steps of their own.
_SIDE_BY_SIDE = (DOP853, RK45, RK23)
# States that are looked at for the warning that a trajectory has left the data.
_STATES_TO_LOOK_AT = 100_000
# A field that changes by less than this fraction does not depend on a coordinate.
_INDEPENDENT = 1e-9


def simulate(
    model: Any,
    x0: Any,
    t: Any,
    *,
    method: Any = "DOP853",
    rtol: float = _RTOL,
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
        ``solve_ivp``, with the attributes ``terminal`` and ``direction``. After a terminal event
        the states are NaN. The zeros are in the result object.
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
        an explicit splitting method is asked for and the field is not separable; before any work.
    SimulationError
        If an integration ended early (a field that is not finite, steps that become too small,
        ``max_nfev``, Ctrl-C). It carries what was computed.

    Warns
    -----
    ExtrapolationWarning
        If a trajectory leaves the region of the training data.
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
    solver = _check_method(method)
    rtol, atol, max_step = check_tolerances(rtol, atol, max_step, X0.shape[1])
    functions = _check_events(events)
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
    _check_options(solver, is_fixed, rtol, atol, first_step, step_size)
    options: dict[str, Any] = {
        "rtol": _at_least_rounding(rtol),
        "atol": _default_atol(dynamics, X0, rtol) if atol is None else np.tile(atol, (len(X0), 1)),
        "max_step": max_step,
        "first_step": first_step,
        "max_nfev": np.inf if max_nfev is None else max_nfev,
    }
    with quiet():
        dynamics.field(X0[:1])  # a wrong shape is an error before any work
        if is_fixed and solver.scheme.is_splitting:
            _check_separable(dynamics, X0, solver.__name__)
        record = Record(X0, t, len(functions), bool(verbose))
        if is_fixed and len(t) > 1:
            record.step_size = choose_step_size(
                solver, dynamics.system(), X0, t, step_size, max_step
            )
        if len(t) == 1:
            record.status[:] = FINISHED
        elif is_single or dense_output or not (is_fixed or solver in _SIDE_BY_SIDE):
            _one_by_one(dynamics, record, solver, options, functions, bool(dense_output))
        else:
            _side_by_side(dynamics, record, solver, options, functions)
    if dynamics.support is not None:
        _warn_of_extrapolation(dynamics, record, is_single)
    n_times = int(record.n_done.min()) if on_failure == "truncate" else len(t)
    _answer_failures(record, is_single, on_failure)
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
        field = dynamics.field
        if dynamics.field_of_many is not None:
            field = dynamics.field_of_many(m)
        stepper = AdaptiveStepper(solver, field, record, **options)
    integrate_many(stepper, record, events)


def _check_method(method: Any) -> Any:
    """A solver class, from a name or a class."""
    if isinstance(method, type) and issubclass(method, OdeSolver):
        return method
    for name in METHODS:
        if isinstance(method, str) and _plain(method) == _plain(name):
            return getattr(integrators, name, None) or getattr(scipy.integrate, name)
    raise ValueError(
        f"Unknown method {method!r}; choose one of {list(METHODS)} or pass a subclass of "
        "scipy.integrate.OdeSolver."
    )


def _plain(name: str) -> str:
    """Upper case and underscores do not matter: "gauss_legendre4" is GaussLegendre4."""
    return name.lower().replace("_", "").replace("-", "")


def _check_events(events: Any) -> list[Callable[..., Any]]:
    if events is None:
        return []
    functions = [events] if callable(events) else events
    if not isinstance(functions, Sequence) or not all(map(callable, functions)):
        raise TypeError(f"events must be a function (t, x) -> float or several; got {events!r}.")
    return list(functions)


def _check_options(
    solver: type, is_fixed: bool, rtol: float, atol: Any, first_step: Any, step_size: Any
) -> None:
    """Refuse or name options that the method does not have."""
    if not is_fixed and step_size is not None:
        raise ValueError(
            f"step_size is for methods with fixed steps; {solver.__name__} chooses its steps. Use "
            "max_step and rtol, or a method of skhnn.integrators."
        )
    if is_fixed:
        given = {"rtol": rtol != _RTOL, "atol": atol is not None, "first_step": first_step}
        idle = [name for name, value in given.items() if value]
        if idle:
            warnings.warn(
                f"{', '.join(idle)} {'has' if len(idle) == 1 else 'have'} no effect with "
                f"{solver.__name__}, whose steps have one length: step_size sets the accuracy.",
                stacklevel=4,
            )


def _at_least_rounding(rtol: float) -> float:
    if rtol >= _SMALLEST_RTOL:
        return rtol
    warnings.warn(
        f"rtol={rtol:g} is below the rounding of floating-point numbers; {_SMALLEST_RTOL:g} is "
        "used.",
        stacklevel=3,
    )
    return _SMALLEST_RTOL


def _default_atol(dynamics: Dynamics, X0: np.ndarray, rtol: float) -> np.ndarray:
    """Absolute tolerances, (m, 2d), so that a trajectory does not depend on the others."""
    if dynamics.scale is not None:
        return np.tile(0.01 * rtol * dynamics.scale, (len(X0), 1))
    largest = np.abs(X0).max(axis=1, keepdims=True)
    return np.tile(0.01 * rtol * np.where(largest > 0, largest, 1.0), X0.shape[1])


def _check_separable(dynamics: Dynamics, X0: np.ndarray, name: str) -> None:
    """Refuse a splitting method unless dq/dt depends on p alone and dp/dt on q alone."""
    if dynamics.halves is not None:
        return
    alternative = (
        "Take an implicit method, 'GaussLegendre4' or 'ImplicitMidpoint', or 'Tao', which is "
        "explicit"
    )
    if dynamics.is_network:
        raise ValueError(
            f"{name} splits H into T(p) + V(q), and a network H(q, p) is not separable: the result "
            f"would be wrong. {alternative}; or fit with HNNRegressor(hamiltonian='separable') if "
            "the system is of that form."
        )
    d = X0.shape[1] // 2
    x = X0[:: -(-len(X0) // 10)]
    size = np.abs(x).max() or 1.0
    f = dynamics.field(x)
    aside = 1e-3 * size * np.cos(1.0 + np.arange(x.size)).reshape(x.shape)
    for half in (slice(None, d), slice(d, None)):
        other = x.copy()
        other[:, half] += aside[:, half]
        change = np.abs(dynamics.field(other) - f)
        # dq/dt must not change with q, nor dp/dt with p
        if change[:, half].max() > _INDEPENDENT * max(np.abs(f).max(), change.max()):
            raise ValueError(
                f"{name} needs a field whose dq/dt depends on p alone and whose dp/dt on q alone, "
                f"H = T(p) + V(q); this one is not separable: the result would be wrong. "
                f"{alternative}."
            )


def _warn_of_extrapolation(dynamics: Dynamics, record: Record, is_single: bool) -> None:
    support = dynamics.support
    assert support is not None
    y = record.y
    # The times first: the last one is always among them.
    every = max(1, -(-y.shape[1] * min(len(y), 1000) // _STATES_TO_LOOK_AT))
    columns = np.arange(y.shape[1] - 1, -1, -every)[::-1]
    rows = np.arange(0, len(y), max(1, -(-len(y) * len(columns) // _STATES_TO_LOOK_AT)))
    distance = support.distance(y[np.ix_(rows, columns)])
    outside = distance > support.reach
    if not outside.any():
        return
    leave = outside.any(axis=1)
    first = np.argmax(outside, axis=1)  # for those that leave, the first time
    order = record.direction * record.t[columns[first]]
    k = int(np.argmin(np.where(leave, order, np.inf)))
    where = f"t={record.t[columns[first[k]]]:.6g}, {distance[k, first[k]]:.2g} standard deviations"
    who = "The trajectory leaves the training data at "
    if not is_single:
        about = "" if len(rows) == len(y) else f" looked at (every {rows[1]}th)"
        who = (
            f"{leave.sum()} of {len(rows)} trajectories{about} leave the training data, the first "
            f"(row {rows[k]} of x0) at "
        )
    warnings.warn(
        f"{who}{where} from the nearest of them (others are within {support.reach:.2g}). A learned "
        "Hamiltonian means nothing there. Start closer to the data, shorten t, or fit on more "
        "data.",
        ExtrapolationWarning,
        stacklevel=3,
    )


def _answer_failures(record: Record, is_single: bool, on_failure: str) -> None:
    """Raise, or warn of, what did not come to its end."""
    failed = np.flatnonzero((record.status != FINISHED) & (record.status != TERMINATED))
    if not len(failed):
        return
    first = int(failed[0])
    what = message_of(record, first)
    message = f"The simulation {what}"
    if not is_single:
        message = (
            f"{len(failed)} of {len(record.y)} trajectories were not completed; the first is row "
            f"{first} of x0. It {what}"
        )
    if on_failure != "raise":
        warnings.warn(message, RuntimeWarning, stacklevel=3)
        return
    t, y = record.t, record.y
    reached: Any = record.t_reached
    if is_single:
        n, reached = int(record.n_done[0]), float(record.t_reached[0])
        t, y = t[:n], y[0, :n]
        if reached != t[-1]:  # the last step too, to go on from
            t, y = np.append(t, reached), np.vstack([y, record.x_reached])
    advice = REASONS[int(record.status[first])][1]
    error = SimulationError(message, reached, t, y, advice)
    raise error from (KeyboardInterrupt() if INTERRUPTED in record.status else None)
