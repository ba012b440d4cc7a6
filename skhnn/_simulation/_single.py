"""One trajectory, by ``scipy.integrate.solve_ivp`` with any of its methods or ours."""

import contextlib
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.integrate import BDF, DOP853, LSODA, RK23, RK45, Radau, solve_ivp

from ..integrators import FixedStepSolver
from ..integrators._system import System
from ._dynamics import Dynamics
from ._guard import Guard
from ._record import Record, in_own_time
from ._status import Status

_EXPLICIT, _TAKE_A_JACOBIAN = (DOP853, RK45, RK23), (Radau, BDF, LSODA)


class _NotFiniteError(ArithmeticError):
    """The vector field returned NaN or inf."""


class _BudgetError(ArithmeticError):
    """The field was evaluated more often than allowed."""


class _NoProgressError(ArithmeticError):
    """The guard has ended the trajectory."""


def integrate_one(
    dynamics: Dynamics,
    record: Record,
    row: int,
    *,
    method: Any,
    rtol: float,
    atol: np.ndarray,
    max_step: float,
    first_step: float | None,
    max_nfev: float,
    events: Sequence[Callable[..., Any]] = (),
    dense_output: bool = False,
    guard: Guard | None = None,
) -> None:
    """Advance one trajectory of the record to the last time, or as far as it goes."""
    t0, end = float(record.t0[row]), float(record.end[row])
    right_hand_side = _RightHandSide(dynamics.since(t0), method, max_nfev)
    if issubclass(method, FixedStepSolver):
        assert record.step_size is not None
        system = _counted(dynamics.system(t0), max_nfev)
        options: dict[str, Any] = {"step_size": float(record.step_size[row]), "system": system}
    else:
        options = {"rtol": rtol, "atol": atol, "max_step": max_step}
        if first_step is not None:
            options["first_step"] = first_step
    if issubclass(method, _TAKE_A_JACOBIAN) and dynamics.jacobian is not None:
        jacobian = dynamics.jacobian
        options["jac"] = lambda _, x: jacobian(x[None])[0]

    # solve_ivp keeps its results to itself until the end. To lose nothing when something is
    # raised from within, the states asked for are taken here, in an event that never fires:
    # solve_ivp calls events after every accepted step. The class makes the running solver known
    # to it.
    run = _Run(record, row, guard)

    class Watched(method):
        def __init__(self, *args: Any, **kwargs: Any):
            super().__init__(*args, **kwargs)
            run.solver = self

    solution: Any = None
    try:
        with np.errstate(all="ignore"):  # overflow makes a value that is not finite
            solution = solve_ivp(
                right_hand_side.checked_at(record.y[row, 0]),
                (0.0, end),
                record.y[row, 0].copy(),
                t_eval=None if dense_output else [end],
                dense_output=dense_output,
                method=Watched,
                events=[run.after_step, *(in_own_time(g, t0) for g in events)],
                **options,
            )
    except _NotFiniteError:
        record.status[row] = Status.NOT_FINITE
    except _BudgetError:
        record.status[row] = Status.BUDGET
    except _NoProgressError:
        record.status[row] = Status.NO_PROGRESS
    except KeyboardInterrupt:
        record.status[row] = Status.INTERRUPTED
    run.finish()
    if solution is not None:
        _conclude(record, row, method, solution, run, right_hand_side)
    if run.solver is not None:
        record.nfev[row] += run.solver.nfev


class _RightHandSide:
    """The field as solve_ivp calls it, with as little around it as can be."""

    def __init__(self, field: Callable[..., np.ndarray], method: type, max_nfev: float):
        self.field, self.max_nfev = field, max_nfev
        self.latest, self.n_evaluations = np.zeros(0), 0
        # The explicit methods try a shorter step where a value is not finite, so that nobody needs
        # to look at every value; the others may hang.
        self.retries = issubclass(method, _EXPLICIT)

    def checked_at(self, x: np.ndarray) -> Callable[[float, np.ndarray], np.ndarray]:
        """The function to integrate, after a look at the start."""
        if not np.isfinite(self.field(0.0, x)).all():
            raise _NotFiniteError
        return self.plain if self.retries and self.max_nfev == np.inf else self.watched

    def plain(self, tau: float, x: np.ndarray) -> np.ndarray:
        self.latest = dx = self.field(tau, x)
        return dx

    def watched(self, tau: float, x: np.ndarray) -> np.ndarray:
        self.latest = dx = self.field(tau, x)
        self.n_evaluations += 1
        if not self.retries and not math.isfinite(dx @ dx):
            raise _NotFiniteError
        if self.n_evaluations > self.max_nfev:
            raise _BudgetError
        return dx

    @property
    def is_finite(self) -> bool:
        """Whether the latest value was."""
        return bool(np.isfinite(self.latest).all())


def _conclude(
    record: Record, row: int, method: type, solution: Any, run: "_Run", seen: _RightHandSide
) -> None:
    """The status of a run that came to an end of its own, with its solution and its events."""
    record.solutions[row] = solution.sol
    _take_events(record, row, solution)
    record.status[row] = {0: Status.FINISHED, 1: Status.TERMINATED}.get(
        solution.status, Status.NOT_SOLVED
    )
    if solution.status != -1:
        return
    message = getattr(run.solver, "failure", "") or solution.message
    if not seen.is_finite or "not finite" in message:
        record.status[row] = Status.NOT_FINITE
        return
    is_ours = issubclass(method, FixedStepSolver)
    record.status[row] = Status.NOT_SOLVED if is_ours else Status.STEP_TOO_SMALL
    record.notes[row] = message


def _take_events(record: Record, row: int, solution: Any) -> None:
    times, states = solution.t_events[1:], solution.y_events[1:]  # the first one is ours
    record.tau_events[row] = [list(times_of_one) for times_of_one in times]
    record.y_events[row] = [list(states_of_one) for states_of_one in states]
    if solution.status == 1:
        latest = max(((abs(t[-1]), k) for k, t in enumerate(times) if len(t)), default=None)
        assert latest is not None
        k = latest[1]
        end = float(times[k][-1])
        # after_step has seen the whole last step, of which the part after the end does not count
        after = record.elapsed[row] > abs(end)
        record.y[row, after] = np.nan
        record.n_done[row] = int((~after).sum())
        record.tau_reached[row], record.x_reached[row] = end, states[k][-1]


def _counted(system: System, max_nfev: float) -> System:
    """The equations, with a bound on the evaluations."""
    field = system.field

    def counting(t: Any, X: np.ndarray) -> np.ndarray:
        if system.n_evaluations > max_nfev:
            raise _BudgetError
        return field(t, X)

    system.field = counting
    return system


class _Run:
    """The states at the times asked for, as far as a run of ``solve_ivp`` has come."""

    def __init__(self, record: Record, row: int, guard: Guard | None):
        self.record, self.row, self.direction = record, row, float(record.direction[row])
        self.guard = guard
        self.solver: Any = None
        self.due = self._next_due()

    def after_step(self, tau: float, x: np.ndarray) -> float:
        if abs(tau) >= self.due:
            self.take(tau, x)
        if self.record.is_verbose:
            self.arrive(tau, x)
            self.record.tell()
        if self.guard is not None and self.guard.ends(self.row, tau, self.solver.nfev):
            raise _NoProgressError
        return 1.0

    def take(self, tau: float, x: np.ndarray) -> None:
        """The states at the times that the last step has passed."""
        passed = self.record.times_passed(self.row, tau)
        times = self.direction * self.record.elapsed[self.row, passed]
        if len(times) == 1 and times[0] == tau:  # no need of an interpolation
            self.record.y[self.row, passed] = x
        else:
            self.record.y[self.row, passed] = self.solver.dense_output()(times).T
        self.record.n_done[self.row] = passed.stop
        self.due = self._next_due()

    def arrive(self, tau: float, x: np.ndarray) -> None:
        """Note where the trajectory stands."""
        self.record.tau_reached[self.row], self.record.x_reached[self.row] = tau, x

    def finish(self) -> None:
        """Take the last step too, which perhaps came before an interruption."""
        if self.solver is None:
            return
        tau, x = self.solver.t, self.solver.y
        with contextlib.suppress(ArithmeticError):  # interpolation evaluates the field too
            if abs(tau) >= self.due:
                self.take(tau, x)
        self.arrive(tau, x)
        self.record.tell()

    def _next_due(self) -> float:
        n_done = int(self.record.n_done[self.row])
        if n_done == self.record.n_times[self.row]:
            return np.inf
        return float(self.record.elapsed[self.row, n_done])
