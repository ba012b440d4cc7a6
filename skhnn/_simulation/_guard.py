"""Simulations of learned fields that hardly move: noticed in seconds, not after minutes.

Beside thin data a learned field may vary a hundred times faster than on them, and an integrator
follows it faithfully. To tell this from an honest long run, the evaluations are compared with those
that the method needs for a motion as fast as the training data.
"""

from typing import Any

import numpy as np
from scipy.integrate import BDF, DOP853, LSODA, RK23, RK45, Radau

from ..integrators import FixedStepSolver
from ._dynamics import Dynamics
from ._record import Record
from ._status import Status

# Evaluations of a trajectory after which its progress is looked at, again and again: one trajectory
# spends 0.1 to 1 s on them.
_WINDOW = 5000


class Guard:
    """Ends trajectories whose steps have become absurdly short.

    Parameters
    ----------
    dynamics : Dynamics
        A learned field.
    record : Record
        Whose trajectories are watched; its ``step_size`` is set for methods with fixed steps.
    method : type
        The solver class.
    rtol, atol : float and (m, 2d) array
        Tolerances.
    max_step : float
        The longest step allowed.
    """

    def __init__(
        self,
        dynamics: Dynamics,
        record: Record,
        method: type,
        rtol: float,
        atol: np.ndarray,
        max_step: float,
    ):
        self.dynamics, self.record, self.method = dynamics, record, method
        self.rtol, self.atol, self.max_step = rtol, atol, max_step
        self.nfev, self.tau = np.zeros(len(record.y)), np.zeros(len(record.y))
        self._limit: float | None = None

    def look(self, rows: np.ndarray, tau: np.ndarray, nfev: np.ndarray) -> np.ndarray:
        """Which of the trajectories, now at tau (k,), are to end, (k,) of bool; notes why."""
        spent = nfev - self.nfev[rows]
        is_due = spent >= _WINDOW
        if not is_due.any():
            return is_due
        if self._limit is None:  # of no cost to simulations that end before
            self.time = characteristic_time(
                self.dynamics, self.record.y[:, 0], float(self.record.t0[0])
            )
            self._limit = self._most_evaluations() / self.time
        progress = np.abs(tau - self.tau[rows])
        is_absurd = is_due & (spent > self._limit * progress)
        for row, n, by in zip(rows[is_absurd], spent[is_absurd], progress[is_absurd], strict=True):
            self.record.notes[int(row)] = (
                f"the last {n:.0f} evaluations of the field advanced it by {by:.2g} only, while "
                f"the training data change within {self.time:.2g}: the learned field varies far "
                "faster here than they do."
            )
        self.nfev[rows[is_due]], self.tau[rows[is_due]] = nfev[is_due], tau[is_due]
        return is_absurd

    def ends(self, row: int, tau: float, nfev: int) -> bool:
        """Whether one trajectory is to end."""
        if nfev - self.nfev[row] < _WINDOW:
            return False
        return bool(self.look(np.array([row]), np.array([tau]), np.array([float(nfev)]))[0])

    def look_at(self, stepper: Any) -> None:
        """Mark those of a stepper."""
        is_absurd = self.look(stepper.rows, stepper.t, self.record.nfev[stepper.rows])
        stepper.problem[is_absurd & (stepper.problem == Status.RUNNING)] = Status.NO_PROGRESS

    def _most_evaluations(self) -> float:
        """The evaluations in one characteristic time that are not absurd yet."""
        # So many times the evaluations expected are absurd. Measured over windows: at most 5 for
        # Kepler orbits of eccentricity 0.5 to 0.999, pendulums, a double pendulum, Henon-Heiles and
        # oscillators with frequencies of 1 and 300, methods of scipy, rtol 1e-3 to 1e-12 (the
        # largest are RK23 next to a collision); 65 to 500 for a network fitted to one plane of
        # orbits and simulated beside it.
        absurd = 30.0
        if issubclass(self.method, FixedStepSolver):
            # What a step costs varies, but its length does not: the default one may be short, and
            # so may the interval between two times asked for.
            record = self.record
            assert record.step_size is not None
            steps = self.method.scheme.steps_per_period / (2 * np.pi)
            shortest = np.nanmin(record.step_size)
            asked_for = np.nanmin(np.abs(record.end) / (record.n_times - 1))
            is_absurd = self.time / shortest > absurd * steps and shortest < 0.99 * asked_for
            return 0.0 if is_absurd else np.inf
        return absurd * max(self._expected(), self._stages() * self.time / self.max_step)

    def _expected(self) -> float:
        """Evaluations in one characteristic time: their stages times rtol^(-1/order)."""
        rtol = self.rtol
        if self.dynamics.scale is not None:  # the default atol is 0.01 rtol scale
            rtol = min(rtol, 100.0 * float((self.atol / self.dynamics.scale).min()))
        # The tolerances for which the expectation was compared with measurements.
        largest_rtol, smallest_rtol = 1e-3, 1e-14
        rtol = min(max(rtol, smallest_rtol), largest_rtol)
        order = getattr(self.method, "error_estimator_order", 3) + 1
        return float(self._stages() * rtol ** (-1.0 / order))

    def _stages(self) -> float:
        """Evaluations in a step; of the implicit methods about so many."""
        return float(getattr(self.method, "n_stages", 10.0))


def guard_for(
    dynamics: Dynamics,
    record: Record,
    method: type,
    step_size: float | None,
    max_nfev: float,
    *,
    rtol: float,
    atol: np.ndarray,
    max_step: float,
) -> Guard | None:
    """A guard, where the field was learned and nobody asked for a number of evaluations."""
    is_known = issubclass(method, (DOP853, RK45, RK23, Radau, BDF, LSODA, FixedStepSolver))
    if not dynamics.is_network or not is_known or max_nfev < np.inf or step_size is not None:
        return None
    return Guard(dynamics, record, method, rtol, atol, max_step)


def characteristic_time(dynamics: Dynamics, X0: np.ndarray, t0: float = 0.0) -> float:
    """The time in which the training data change by their spread; that of the fastest column.

    1 / max_j rms(f_j) / s_j over the training states that were kept, or over the starts X0 (m, 2d)
    where none were.
    """
    assert dynamics.scale is not None
    support = dynamics.support
    X = X0 if support is None else support.mu + support.s * support.points.astype(float)
    rate = np.sqrt(np.mean(dynamics.since(t0)(0.0, X) ** 2, axis=0)) / dynamics.scale
    return float(1.0 / max(rate.max(), np.finfo(float).tiny))
