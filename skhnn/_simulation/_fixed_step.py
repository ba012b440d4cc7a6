"""Methods of ``skhnn.integrators`` for many trajectories: one clock, on numpy or on a device."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..integrators import FixedStepSolver
from ..integrators._scheme import NotConvergedError
from ..integrators._step_size import default_step_size
from ..integrators._system import System
from ._record import BUDGET, NOT_FINITE, NOT_SOLVED, RUNNING, Record

# Trajectories under way at once, which bounds the memory of a step; on a device, all that fit.
_ROWS_AT_ONCE, _ROWS_ON_A_DEVICE = 1000, 200_000
# The step and the constants of a method are chosen by at most so many trajectories.
_ROWS_TO_LOOK_AT = 1000


def choose_step_size(
    method: type[FixedStepSolver],
    system: System,
    X0: np.ndarray,
    t: np.ndarray,
    step_size: float | None,
    max_step: float,
) -> float:
    """The step: as asked for, or from the field, rounded down so that steps end at the times ``t``.

    That is possible where the times are evenly spaced; otherwise, and where a step asked for spans
    several of them, they are interpolated.
    """
    span = abs(t[-1] - t[0])
    if step_size is None:
        starts = X0[:: -(-len(X0) // _ROWS_TO_LOOK_AT)]
        h = default_step_size(method.scheme, system, t[0], starts, span)
    else:
        h = step_size
    h = min(h, max_step)
    interval = span / (len(t) - 1)
    is_even = np.allclose(np.diff(t), (t[-1] - t[0]) / (len(t) - 1), rtol=1e-9, atol=0.0)
    if is_even and (step_size is None or h < interval):
        span = interval
    return float(span / max(1.0, np.ceil(span / h - 1e-9)))


class FixedStepper:
    """Trajectories that advance together, by steps of one length.

    Parameters
    ----------
    method : type
        A subclass of ``FixedStepSolver``.
    system, on_device : System, System or None
        The equations on numpy, and on tensors where the steps shall be taken there.
    record : Record
        Whose starts are advanced; its ``step_size`` is the step.
    max_nfev : float
        Evaluations that a trajectory may take.

    Attributes
    ----------
    rows, t_old, x_old, t, x, problem
        As in ``AdaptiveStepper``; x_old and x are arrays of the place where the steps are taken.
    """

    def __init__(
        self,
        method: type[FixedStepSolver],
        system: System,
        record: Record,
        max_nfev: float,
        on_device: System | None = None,
    ):
        assert record.step_size is not None
        self.record, self.max_nfev = record, max_nfev
        self.system = system if on_device is None else on_device
        self.n_rows = _ROWS_AT_ONCE if on_device is None else _ROWS_ON_A_DEVICE
        starts = record.y[:, 0]
        looked_at = starts[:: -(-len(starts) // _ROWS_TO_LOOK_AT)]
        self.scheme = method.scheme.prepare(system, record.t[0], looked_at)
        record.nfev += system.n_evaluations
        self.n_steps = round(abs(record.t[-1] - record.t[0]) / record.step_size)
        self.waiting = np.arange(len(starts))
        self.rows = self.waiting[:0]

    def fill(self) -> bool:
        """Take the next lot when one has come to its end; whether any is under way."""
        if len(self.rows) or not len(self.waiting):
            return len(self.rows) > 0
        self.rows, self.waiting = self.waiting[: self.n_rows], self.waiting[self.n_rows :]
        self.clock, self.n_done = self.record.t[0], 0
        self.x = self._placed(self.record.y[self.rows, 0])
        self.memory: Any = None
        self.problem = np.full(len(self.rows), RUNNING)
        self.t = self.t_old = np.full(len(self.rows), self.clock)
        return True

    def step(self) -> np.ndarray:
        """One step for all that are under way; which of them have moved, (k,) of bool."""
        record, span = self.record, self.record.t[-1] - self.record.t[0]
        h = span / self.n_steps
        x, running, before = self.x, self.problem == RUNNING, self.system.n_evaluations
        self.t_old, self.x_old = self.t, x
        try:
            x_new, self.memory = self.scheme.advance(self.system, self.clock, x, h, self.memory)
        except NotConvergedError as error:
            rows = error.rows if error.rows.any() else np.ones(len(x), dtype=bool)
            self.problem[rows] = NOT_FINITE if error.not_finite else NOT_SOLVED
            return np.zeros(len(x), dtype=bool)
        finally:
            record.nfev[self.rows] += self.system.n_evaluations - before
        finite = _all_finite(x_new)
        self.problem[running & ~finite] = NOT_FINITE
        self.problem[(self.problem == RUNNING) & (record.nfev[self.rows] > self.max_nfev)] = BUDGET
        moved = self.problem == RUNNING
        self.n_done += 1
        self.clock = self._snapped(record.t[0] + self.n_done * h)
        self.t = np.where(moved, self.clock, self.t)
        self.x = x_new
        return moved

    def interpolant(self, index: np.ndarray) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        """Within the last step of the trajectories ``index``: (which of them, times) -> states.

        A state within the step is that of one shorter step from its start.
        """
        x_old, x, t_old = self._some(self.x_old, index), self._some(self.x, index), self.t_old[0]

        def states(which: np.ndarray, times: np.ndarray) -> np.ndarray:
            found = np.empty((len(which), self.record.y.shape[2]))
            for time in np.unique(times):
                now = times == time
                if time == self.clock:
                    ahead = self._some(x, which[now])
                else:
                    start = self._some(x_old, which[now])
                    ahead, _ = self.scheme.advance(self.system, t_old, start, time - t_old, None)
                found[now] = _to_numpy(ahead)
            return found

        return states

    def keep(self, kept: np.ndarray) -> None:
        """Leave the other trajectories."""
        if kept.all():
            return
        index = np.flatnonzero(kept)
        if self.memory is not None:
            at = self._index(index)
            self.memory = self.scheme.select(self.memory, at)
        self.x = self._some(self.x, index)
        self.rows, self.problem, self.t = self.rows[index], self.problem[index], self.t[index]

    def _snapped(self, time: float) -> float:
        """The time asked for that differs by rounding only, or the time itself."""
        t, direction = self.record.t, self.record.direction
        tiny = 1e-9 * self.record.step_size  # type: ignore[operator]
        k = min(int(np.searchsorted(direction * t, direction * time - tiny)), len(t) - 1)
        return float(t[k]) if abs(t[k] - time) <= tiny else time

    def _placed(self, x: np.ndarray) -> Any:
        if self.system.xp is np:
            return x
        return self.system.xp.as_tensor(x, dtype=self.system.dtype, device=self.system.device)

    def _index(self, index: np.ndarray) -> Any:
        if self.system.xp is np:
            return index
        return self.system.xp.as_tensor(index, device=self.system.device)

    def _some(self, x: Any, index: np.ndarray) -> Any:
        """Rows of x; x itself, and no copy, where these are all."""
        return x if len(index) == len(x) else x[self._index(index)]


def _all_finite(x: Any) -> np.ndarray:
    if isinstance(x, np.ndarray):
        return np.asarray(np.isfinite(x).all(axis=1))
    # A sum is not finite if any part of it is not: one number comes from the device, as a rule.
    if np.isfinite(float(x.sum())):
        return np.ones(len(x), dtype=bool)
    return np.isfinite(x.sum(dim=1).cpu().numpy())


def _to_numpy(x: Any) -> np.ndarray:
    return x if isinstance(x, np.ndarray) else x.cpu().double().numpy()
