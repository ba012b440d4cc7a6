"""Methods of ``skhnn.integrators`` for many trajectories side by side, on numpy or on a device."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..integrators import FixedStepSolver
from ..integrators._scheme import NotConvergedError
from ..integrators._step_size import default_step_size
from ..integrators._system import System
from ._record import Record, rounding_of
from ._status import Status

# The step and the constants of a method are chosen by at most so many trajectories.
_ROWS_TO_LOOK_AT = 1000


def choose_step_sizes(
    method: type[FixedStepSolver],
    system: System,
    record: Record,
    step_size: float | None,
    max_step: float,
) -> np.ndarray:
    """The step of each trajectory, (m,): as asked for, or from the field near the starts.

    It is rounded down so that steps end at the times asked for. That is possible where these are
    evenly spaced; otherwise, and where a step asked for spans several of them, they are
    interpolated.
    """
    starts = record.y[:, 0]
    if step_size is None:
        some = slice(None, None, -(-len(starts) // _ROWS_TO_LOOK_AT))
        tau_end = record.end[np.argmax(np.abs(record.end))]
        h = default_step_size(method.scheme, system, 0.0, starts[some], abs(tau_end))
    else:
        h = step_size
    h = min(h, max_step)
    if not record.has_own_times:
        return np.full(len(starts), _fitting_step(record, 0, h, step_size is None))
    return np.array([_fitting_step(record, k, h, step_size is None) for k in range(len(starts))])


def _fitting_step(record: Record, row: int, h: float, is_default: bool) -> float:
    """At most h, up to the rounding of the times, and a fraction of the interval, if there is one.

    NaN for a trajectory that has no time but its start.
    """
    n = int(record.n_times[row])
    if n == 1:
        return np.nan
    elapsed, rounding = record.elapsed[row, :n], rounding_of(record.times[row, :n])
    span = float(elapsed[-1])
    interval = span / (n - 1)
    is_even = np.allclose(np.diff(elapsed), interval, rtol=1e-9, atol=0.0)
    if is_even and (is_default or h < interval):
        span, rounding = interval, rounding / (n - 1)
    return float(span / max(1.0, np.ceil((span - rounding) / h - 1e-9)))


class FixedStepper:
    """Trajectories that advance together, each by steps of one length.

    Parameters
    ----------
    method : type
        A subclass of ``FixedStepSolver``.
    system, on_device : System, System or None
        The equations on numpy, and on tensors where the steps shall be taken there. They may depend
        on the time only where all trajectories have their times in common.
    record : Record
        Whose starts are advanced, by the steps ``step_size``.
    max_nfev : float
        Evaluations that a trajectory may take.

    Attributes
    ----------
    rows, t_old, x_old, t, x, problem
        As in ``AdaptiveStepper``; x_old and x are arrays of the place where the steps are taken.
    h : (k,) array
        The steps, with the signs of the directions.
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
        # Trajectories under way at once, which bounds the memory of a step; on a device, all that
        # fit.
        rows_at_once, rows_on_a_device = 1000, 200_000
        self.n_rows = rows_at_once if on_device is None else rows_on_a_device
        starts = record.y[:, 0]
        looked_at = starts[:: -(-len(starts) // _ROWS_TO_LOOK_AT)]
        self.scheme = method.scheme.prepare(system, 0.0, looked_at)
        record.nfev += system.n_evaluations
        self.waiting = np.flatnonzero(record.status == Status.RUNNING)
        self.rows = self.waiting[:0]
        self.memory: Any = None

    def fill(self) -> bool:
        """Take the next lot when one has come to its end; whether any is under way."""
        if len(self.rows) or not len(self.waiting):
            return len(self.rows) > 0
        self.rows, self.waiting = self.waiting[: self.n_rows], self.waiting[self.n_rows :]
        record, rows = self.record, self.rows
        assert record.step_size is not None
        self.n_steps = np.round(np.abs(record.end[rows]) / record.step_size[rows])
        self.h = record.end[rows] / self.n_steps
        self.x, self.memory = self._placed(record.y[rows, 0]), None
        self.problem = np.full(len(rows), Status.RUNNING)
        self.t = self.t_old = np.zeros(len(rows))
        self._length, self._clock, self._n_done = self._as_lengths(self.h), 0.0, 0
        return True

    def step(self) -> np.ndarray:
        """One step for all that are under way; which of them have moved, (k,) of bool."""
        record, x = self.record, self.x
        running, before = self.problem == Status.RUNNING, self.system.n_evaluations
        self.t_old, self.x_old = self.t, x
        try:
            x_new, self.memory = self.scheme.advance(
                self.system, self._clock, x, self._length, self.memory
            )
        except NotConvergedError as error:
            rows = error.rows if error.rows.any() else np.ones(len(x), dtype=bool)
            self.problem[rows] = Status.NOT_FINITE if error.not_finite else Status.NOT_SOLVED
            return np.zeros(len(x), dtype=bool)
        finally:
            record.nfev[self.rows] += self.system.n_evaluations - before
        finite = _all_finite(x_new)
        self.problem[running & ~finite] = Status.NOT_FINITE
        spent = record.nfev[self.rows] > self.max_nfev
        self.problem[(self.problem == Status.RUNNING) & spent] = Status.BUDGET
        moved = self.problem == Status.RUNNING
        self._n_done += 1
        times = self._snapped(self._n_done * self.h)
        self._clock = float(times[0])  # all have the same where the system asks for the time
        self.t = np.where(moved, times, self.t)
        self.x = x_new
        return moved

    def interpolant(self, index: np.ndarray) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        """Within the last step of the trajectories ``index``: (which of them, times) -> states.

        A state within the step is that of one shorter step from its start.
        """
        x_old, x = self._some(self.x_old, index), self._some(self.x, index)
        t_old, t = self.t_old[index], self.t[index]

        def states(which: np.ndarray, times: np.ndarray) -> np.ndarray:
            found = np.empty((len(which), self.record.y.shape[2]))
            ends = times == t[which]
            if ends.any():
                found[ends] = _to_numpy(self._some(x, which[ends]))
            between = np.flatnonzero(~ends)
            lengths = times[between] - t_old[which[between]]
            for piece in self._pieces(lengths):
                start = self._some(x_old, which[between[piece]])
                h = self._as_lengths(lengths[piece])
                ahead, _ = self.scheme.advance(self.system, float(t_old[0]), start, h, None)
                found[between[piece]] = _to_numpy(ahead)
            return found

        return states

    def _pieces(self, lengths: np.ndarray) -> Iterator[np.ndarray]:
        """Steps to take at once: of one length where there is one clock, else any so many."""
        if self.record.has_own_times:
            for start in range(0, len(lengths), self.n_rows):
                yield np.arange(start, min(start + self.n_rows, len(lengths)))
            return
        for length in np.unique(lengths):
            yield np.flatnonzero(lengths == length)

    def keep(self, kept: np.ndarray) -> None:
        """Leave the other trajectories."""
        if kept.all():
            return
        index = np.flatnonzero(kept)
        if self.memory is not None:
            at = self._index(index)
            self.memory = self.scheme.select(self.memory, at)
        self.x = self._some(self.x, index)
        for name in ("rows", "problem", "t", "h", "n_steps"):
            setattr(self, name, getattr(self, name)[index])
        self._length = self._as_lengths(self.h)

    def _snapped(self, t: np.ndarray) -> np.ndarray:
        """The times asked for that differ by rounding only, or the times themselves."""
        record, rows = self.record, self.rows
        t = np.where(self._n_done >= self.n_steps, record.end[rows], t)
        next_one = np.minimum(record.n_done[rows], record.n_times[rows] - 1)
        due = record.direction[rows] * record.elapsed[rows, next_one]
        return np.where(np.abs(due - t) <= 1e-9 * np.abs(self.h), due, t)

    def _as_lengths(self, h: np.ndarray) -> Any:
        """Steps (k,) as a scheme takes them: a number, or (k, 1) where they differ."""
        if not len(h) or (h == h[0]).all():
            return float(h[0]) if len(h) else 0.0
        return self._placed(h[:, None])

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
        is_all = len(index) == len(x) and np.array_equal(index, np.arange(len(x)))
        return x if is_all else x[self._index(index)]


def _all_finite(x: Any) -> np.ndarray:
    if isinstance(x, np.ndarray):
        return np.asarray(np.isfinite(x).all(axis=1))
    # A sum is not finite if any part of it is not: one number comes from the device, as a rule.
    if np.isfinite(float(x.sum())):
        return np.ones(len(x), dtype=bool)
    return np.isfinite(x.sum(dim=1).cpu().numpy())


def _to_numpy(x: Any) -> np.ndarray:
    return x if isinstance(x, np.ndarray) else x.cpu().double().numpy()
