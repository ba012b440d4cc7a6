"""The result object of a simulation."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ._dynamics import Dynamics
from ._record import Record, written
from ._status import ADVICE, REASONS, Status


class DenseSolution:
    """States at any times: t (n,) -> (n, 2d), or (m, n, 2d) for a batch; NaN where not computed."""

    def __init__(self, solutions: list[Any], t0: np.ndarray, is_single: bool, n_features: int):
        self.solutions, self.t0 = solutions, t0
        self.is_single, self.n_features = is_single, n_features

    def __call__(self, t: Any) -> np.ndarray:
        """The states at t, a number or (n,)."""
        times = np.asarray(t, dtype=float)
        found = np.full((len(self.solutions), times.size, self.n_features), np.nan)
        for states, solution, t0 in zip(found, self.solutions, self.t0, strict=True):
            if solution is not None:
                low, high = sorted((solution.t_min, solution.t_max))
                tau = times.ravel() - t0  # solutions are functions of the time since the start
                inside = (tau >= low) & (tau <= high)
                if inside.any():
                    states[inside] = solution(tau[inside]).T
        found = found.reshape(len(self.solutions), *times.shape, self.n_features)
        return found[0] if self.is_single else found


@dataclass(repr=False)
class SimulationResult:
    """What ``simulate(..., return_solution=True)`` returns.

    Where each trajectory has its own times, ``t``, ``y``, ``energy``, ``distance`` and
    ``extrapolates`` are arrays with a first axis of m if all have equally many, and lists of m
    arrays otherwise.

    Attributes
    ----------
    t : ndarray of shape (n_times,) or (m, n_times), or list of ndarray
        The times asked for; with ``on_failure="truncate"`` those that every trajectory reached (of
        times of its own, those that each reached itself).
    y : ndarray of shape (n_times, 2d) or (m, n_times, 2d), or list of ndarray
        The states; NaN after a failure or a terminal event. (Time is the last axis but one, where
        ``solve_ivp`` has it last.)
    success : bool or ndarray of shape (m,)
        Whether the last time or a terminal event was reached.
    status : int or ndarray of shape (m,)
        0: the last time was reached; 1: a terminal event; -1: it failed.
    message : str or list of str
        How it ended, and what to do if it failed.
    t_reached : float or ndarray of shape (m,)
        The time up to which the integration succeeded.
    y_reached : ndarray of shape (2d,) or (m, 2d)
        The state there, from where a new simulation can go on.
    nfev : int or ndarray of shape (m,)
        Evaluations of the vector field. A splitting method that evaluates one half of the field
        counts a half.
    energy : ndarray of shape (n_times,) or (m, n_times), list of ndarray, or None
        H along the trajectory, for models that have one; in its unit.
    energy_drift : float or ndarray of shape (m,), or None
        The largest change of H since the start, ``max(abs(H(t) - H(t[0])))``.
    distance : ndarray of shape (n_times,) or (m, n_times), list of ndarray, or None
        How far the state is from the nearest training state that was kept, in standard deviations
        of the columns, at the times ``t``. None for models that do not know their data.
    extrapolates : ndarray of bool, of the shape of ``distance``, or None
        Whether that is farther than other training states are, so that the model extrapolates.
    t_events, y_events : list
        For each event the times of its zeros, (k,), and the states there, (k, 2d); for a batch, a
        list of such lists.
    sol : callable or None
        With ``dense_output``: t (n,) -> states (n, 2d) or (m, n, 2d).
    step_size : float, ndarray of shape (m,) or None
        The step of a method with fixed steps; where each trajectory has its own times, that of
        each (NaN for one that has no time but its start).

    Examples
    --------
    >>> from skhnn import simulate
    >>> from skhnn.systems import Pendulum
    >>> result = simulate(Pendulum(), [1.0, 0.0], [0.0, 10.0, 20.0], return_solution=True)
    >>> result.y.shape, result.status, result.message
    ((3, 2), 0, 'The last time was reached.')
    >>> bool(result.energy_drift < 1e-7)
    True
    """

    t: Any
    y: Any
    success: Any
    status: Any
    message: Any
    t_reached: Any
    y_reached: np.ndarray
    nfev: Any
    energy: Any = None
    energy_drift: Any = None
    distance: Any = None
    extrapolates: Any = None
    t_events: list[Any] = field(default_factory=list)
    y_events: list[Any] = field(default_factory=list)
    sol: Any = None
    step_size: Any = None

    def __repr__(self) -> str:
        """The attributes, of arrays the shapes."""
        lines = []
        for name, value in vars(self).items():
            text = f"array{value.shape}" if isinstance(value, np.ndarray) else repr(value)
            lines.append(f"{name:>13}: {text if len(text) < 80 else text[:76] + ' ...'}")
        return "\n".join(lines)


def message_of(record: Record, row: int) -> str:
    """How a trajectory ended, in words."""
    status = int(record.status[row])
    reason, advice = record.notes.get(row, REASONS[status]), ADVICE.get(status, "")
    if status in (Status.FINISHED, Status.TERMINATED):
        return reason
    last = record.times[row, record.n_times[row] - 1]
    reached, last = (written(t, record.end[row]) for t in (record.t_reached[row], last))
    return f"stopped at t={reached} of {last}: {reason} {advice}".strip()


def make_result(
    record: Record, dynamics: Dynamics, n_times: np.ndarray, is_single: bool, dense_output: bool
) -> SimulationResult:
    """The result object of a record, cut to the first ``n_times`` (m,) of each trajectory."""
    m = len(record.y)
    y = record.y[:, : n_times.max()]
    status = np.where(record.status <= Status.TERMINATED, record.status, -1)
    energy = drift = distance = extrapolates = None
    if dynamics.energy is not None:
        energy = np.asarray(dynamics.energy(y.reshape(-1, y.shape[2]))).reshape(y.shape[:2])
        drift = np.nanmax(np.abs(energy - energy[:, :1]), axis=1)
    if dynamics.support is not None:
        distance = dynamics.support.distance(y)
        extrapolates = distance > dynamics.support.reach
    tau_events = [[np.asarray(values) for values in of_row] for of_row in record.tau_events]
    # some methods evaluate one half of the field at a time
    nfev = np.ceil(record.nfev).astype(int)
    batch: dict[str, Any] = {
        "y": y,
        "success": status >= 0,
        "status": status,
        "message": [message_of(record, row) for row in range(m)],
        "t_reached": record.t_reached,
        "y_reached": record.x_reached,
        "nfev": nfev,
        "energy": energy,
        "energy_drift": drift,
        "distance": distance,
        "extrapolates": extrapolates,
        "t_events": [
            [t0 + values for values in of_row]
            for t0, of_row in zip(record.t0, tau_events, strict=True)
        ],
        "y_events": [[np.asarray(values) for values in of_row] for of_row in record.y_events],
    }
    t: Any = record.times[0, : n_times[0]].copy()  # users may write to it
    step_size: Any = record.step_size
    if record.has_own_times:
        t = record.of_each(record.times.copy(), n_times)
        for name in ("y", "energy", "distance", "extrapolates"):
            batch[name] = None if batch[name] is None else record.of_each(batch[name], n_times)
    elif step_size is not None:
        step_size = float(step_size[0])
    if is_single:
        batch = {name: None if value is None else value[0] for name, value in batch.items()}
        for name, kind in (("success", bool), ("status", int), ("nfev", int), ("t_reached", float)):
            batch[name] = kind(batch[name])
        if drift is not None:
            batch["energy_drift"] = float(drift[0])
    sol = DenseSolution(record.solutions, record.t0, is_single, y.shape[2])
    return SimulationResult(t=t, sol=sol if dense_output else None, step_size=step_size, **batch)
