"""What ``simulate`` says of trajectories that failed or left the data."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ._dynamics import Dynamics
from ._errors import ExtrapolationWarning, SimulationError, warn
from ._record import Record, written
from ._result import message_of
from ._status import ADVICE, Status

_OF_ANGLES = " (an angle that turns needs periodic=)"


def warn_of_extrapolation(dynamics: Dynamics, record: Record, is_single: bool) -> None:
    support = dynamics.support
    assert support is not None
    y, n_times = record.y, record.n_times
    # States that are looked at for the warning that a trajectory has left the data.
    states_to_look_at = 100_000
    # The times first: the last one of each trajectory is always among them.
    every = max(1, -(-y.shape[1] * min(len(y), 1000) // states_to_look_at))
    before_last = np.arange(y.shape[1] - 1, -1, -every)[::-1] - (y.shape[1] - 1)
    rows = np.arange(0, len(y), max(1, -(-len(y) * len(before_last) // states_to_look_at)))
    columns = np.maximum(n_times[rows, None] - 1 + before_last, 0)
    distance = support.distance(y[rows[:, None], columns])
    outside = distance > support.reach
    if not outside.any():
        return
    leave = outside.any(axis=1)
    first = columns[np.arange(len(rows)), np.argmax(outside, axis=1)]  # of those that leave
    k = int(np.argmin(np.where(leave, record.elapsed[rows, first], np.inf)))
    time = written(record.times[rows[k], first[k]], record.end[rows[k]])
    farthest = float(np.nanmax(distance[outside]))
    who = "The trajectory leaves the training data at "
    if not is_single:
        about = "" if len(rows) == len(y) else f" looked at (every {rows[1]}th)"
        who = (
            f"{leave.sum()} of {len(rows)} trajectories{about} leave the training data, the first "
            f"(row {rows[k]} of x0) at "
        )
    # Beyond so many standard deviations something runs away.
    far = 10.0
    warn(
        f"{who}t={time} and comes to {farthest:.3g} standard deviations from the nearest of them "
        f"(neighbours among them are within {support.reach:.3g}). Far from the data a learned "
        "Hamiltonian means nothing. Start closer to them, shorten t, or fit on more data"
        + (f"{_OF_ANGLES}." if farthest > far and not support.box.any() else "."),
        ExtrapolationWarning,
    )


def answer_failures(record: Record, is_single: bool, on_failure: str) -> None:
    """Raise, or warn of, what did not come to its end."""
    failed = np.flatnonzero(~np.isin(record.status, (Status.FINISHED, Status.TERMINATED)))
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
        warn(message, RuntimeWarning)
        return
    reached: Any = record.t_reached
    t, y = record.times[0].copy(), record.y
    if record.has_own_times:
        t, y = (record.of_each(values, record.n_times) for values in (record.times.copy(), y))
    if is_single:
        n, reached = int(record.n_done[0]), float(reached[0])
        t, y = t[:n], y[0, :n]
        if reached != t[-1]:  # the last step too, to go on from
            t, y = np.append(t, reached), np.vstack([y, record.x_reached])
    advice = ADVICE.get(int(record.status[first]), "")
    error = SimulationError(message, reached, t, y, advice)
    raise error from (KeyboardInterrupt() if Status.INTERRUPTED in record.status else None)


def warn_of_masses(are_positive: Callable[[np.ndarray], bool], record: Record) -> None:
    """Warn where a mass matrix that was learned is none at states of a trajectory."""
    states = record.y.reshape(-1, record.y.shape[2])
    states = states[np.isfinite(states).all(axis=1)]
    # States of all trajectories together at which masses are looked at.
    rows_of_masses = 1000
    if not are_positive(states[:: -(-len(states) // rows_of_masses)]):
        warn(
            "The mass matrix that was learned is not positive definite at states of this "
            "simulation, where it means nothing: the training data do not reach there. Start "
            "closer to them, shorten t, or fit on more data (angles that turn need periodic=).",
            ExtrapolationWarning,
        )
