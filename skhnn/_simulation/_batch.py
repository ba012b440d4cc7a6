"""Many trajectories side by side: what happens after every step, whoever takes it."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from ._guard import Guard
from ._record import Events, Record
from ._status import Status


class Stepper(Protocol):
    """Advances the trajectories ``rows`` of a record; see ``AdaptiveStepper``.

    Times t are those since the start of each trajectory.
    """

    rows: np.ndarray
    t: np.ndarray
    t_old: np.ndarray
    x: Any
    problem: np.ndarray

    def fill(self) -> bool:
        """Take waiting trajectories where there is room; whether any is under way."""

    def step(self) -> np.ndarray:
        """One attempt for all that are under way; which of them have moved."""

    def interpolant(self, index: np.ndarray) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        """Within the last step of the trajectories ``index``: (which of them, times) -> states."""

    def keep(self, kept: np.ndarray) -> None:
        """Leave the other trajectories."""


def integrate_many(
    stepper: Stepper,
    record: Record,
    events: Sequence[Callable[..., Any]] = (),
    guard: Guard | None = None,
) -> None:
    """Advance all trajectories to the last time, or as far as they go, and fill the record."""
    watch = Events(events, record) if events else None
    try:
        with np.errstate(all="ignore"):  # the steppers look for what is not finite
            while stepper.fill():
                moved = stepper.step()
                if guard is not None:
                    guard.look_at(stepper)
                _after_step(stepper, record, watch, moved)
                record.tell()
    except KeyboardInterrupt:
        record.status[record.status == Status.RUNNING] = Status.INTERRUPTED
    record.tell()


def _after_step(stepper: Stepper, record: Record, watch: Events | None, moved: np.ndarray) -> None:
    t, rows = stepper.t.copy(), stepper.rows
    status = np.where(moved & (t == record.end[rows]), Status.FINISHED, stepper.problem)
    if watch is not None:
        x = _states(stepper, np.flatnonzero(moved))
        for i, x_i in zip(np.flatnonzero(moved), x, strict=True):
            end = watch.after_step(
                int(rows[i]), float(stepper.t_old[i]), float(t[i]), x_i, _of_one(stepper, int(i))
            )
            if end is not None:
                t[i], status[i] = end, Status.TERMINATED
    _take_outputs(stepper, record, t)
    record.tau_reached[rows] = t
    ended = status != Status.RUNNING
    if ended.any():
        index = np.flatnonzero(ended)
        record.x_reached[rows[index]] = _states(stepper, index)
        for i in index[status[index] == Status.TERMINATED]:
            record.x_reached[rows[i]] = _of_one(stepper, int(i))(float(t[i]))
        record.status[rows[index]] = status[index]
        stepper.keep(~ended)


def _take_outputs(stepper: Stepper, record: Record, t: np.ndarray) -> None:
    """States at the times asked for that the last step has passed."""
    rows = stepper.rows
    first = record.n_done[rows]
    due = first < record.n_times[rows]
    due[due] = record.elapsed[rows[due], first[due]] <= np.abs(t[due])
    index = np.flatnonzero(due)
    if not len(index):
        return
    counts = record.n_passed(rows[index], t[index]) - first[index]
    which = np.repeat(np.arange(len(index)), counts)
    within = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    columns = np.repeat(first[index], counts) + within
    due_rows = rows[index[which]]
    times = record.direction[due_rows] * record.elapsed[due_rows, columns]
    record.y[due_rows, columns] = stepper.interpolant(index)(which, times)
    record.n_done[rows[index]] += counts


def _states(stepper: Stepper, index: np.ndarray) -> np.ndarray:
    x = stepper.x if len(index) == len(stepper.rows) else stepper.x[index]
    return x if isinstance(x, np.ndarray) else x.cpu().double().numpy()


def _of_one(stepper: Stepper, i: int) -> Callable[[float], np.ndarray]:
    """Within the last step of one trajectory: time -> state; prepared when it is first called."""
    found: list[Callable[..., np.ndarray]] = []

    def state(time: float) -> np.ndarray:
        if not found:
            found.append(stepper.interpolant(np.array([i])))
        return found[0](np.zeros(1, dtype=int), np.array([time]))[0]

    return state
