"""The result object of a simulation."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ._dynamics import Dynamics
from ._record import FINISHED, REASONS, TERMINATED, Record


class DenseSolution:
    """States at any times: t (n,) -> (n, 2d), or (m, n, 2d) for a batch; NaN where not computed."""

    def __init__(self, solutions: list[Any], is_single: bool, n_features: int):
        self.solutions, self.is_single, self.n_features = solutions, is_single, n_features

    def __call__(self, t: Any) -> np.ndarray:
        """The states at t, a number or (n,)."""
        times = np.asarray(t, dtype=float)
        found = np.full((len(self.solutions), times.size, self.n_features), np.nan)
        for states, solution in zip(found, self.solutions, strict=True):
            if solution is not None:
                low, high = sorted((solution.t_min, solution.t_max))
                inside = (times.ravel() >= low) & (times.ravel() <= high)
                if inside.any():
                    states[inside] = solution(times.ravel()[inside]).T
        found = found.reshape(len(self.solutions), *times.shape, self.n_features)
        return found[0] if self.is_single else found


@dataclass(repr=False)
class SimulationResult:
    """What ``simulate(..., return_solution=True)`` returns.

    Attributes
    ----------
    t : ndarray of shape (n_times,)
        The times asked for; with ``on_failure="truncate"`` those that every trajectory reached.
    y : ndarray of shape (n_times, 2d) or (m, n_times, 2d)
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
    energy : ndarray of shape (n_times,) or (m, n_times), or None
        H along the trajectory, for models that have one; in its unit.
    energy_drift : float or ndarray of shape (m,), or None
        The largest change of H since the start, ``max(abs(H(t) - H(t[0])))``.
    distance : ndarray of shape (n_times,) or (m, n_times), or None
        How far the state is from the nearest training state that was kept, in standard deviations
        of the columns, at the times ``t``. None for models that do not know their data.
    extrapolates : ndarray of bool, of the shape of ``distance``, or None
        Whether that is farther than other training states are, so that the model extrapolates.
    t_events, y_events : list
        For each event the times of its zeros, (k,), and the states there, (k, 2d); for a batch, a
        list of such lists.
    sol : callable or None
        With ``dense_output``: t (n,) -> states (n, 2d) or (m, n, 2d).
    step_size : float or None
        The step of a method with fixed steps.

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

    t: np.ndarray
    y: np.ndarray
    success: Any
    status: Any
    message: Any
    t_reached: Any
    y_reached: np.ndarray
    nfev: Any
    energy: np.ndarray | None = None
    energy_drift: Any = None
    distance: np.ndarray | None = None
    extrapolates: np.ndarray | None = None
    t_events: list[Any] = field(default_factory=list)
    y_events: list[Any] = field(default_factory=list)
    sol: Any = None
    step_size: float | None = None

    def __repr__(self) -> str:
        """The attributes, of arrays the shapes."""
        lines = []
        for name, value in vars(self).items():
            text = f"array{value.shape}" if isinstance(value, np.ndarray) else repr(value)
            lines.append(f"{name:>13}: {text if len(text) < 80 else text[:76] + ' ...'}")
        return "\n".join(lines)


def message_of(record: Record, row: int) -> str:
    """How a trajectory ended, in words."""
    reason, advice = REASONS[int(record.status[row])]
    reason = record.notes.get(row, reason)
    if record.status[row] in (FINISHED, TERMINATED):
        return reason
    return (
        f"stopped at t={record.t_reached[row]:.6g} of {record.t[-1]:.6g}: {reason} {advice}".strip()
    )


def make_result(
    record: Record, dynamics: Dynamics, n_times: int, is_single: bool, dense_output: bool
) -> SimulationResult:
    """The result object of a record, cut to the first ``n_times``."""
    m = len(record.y)
    y = record.y[:, :n_times]
    status = np.where(record.status <= TERMINATED, record.status, -1)
    energy = drift = distance = extrapolates = None
    if dynamics.energy is not None:
        energy = np.asarray(dynamics.energy(y.reshape(-1, y.shape[2]))).reshape(y.shape[:2])
        drift = np.nanmax(np.abs(energy - energy[:, :1]), axis=1)
    if dynamics.support is not None:
        distance = dynamics.support.distance(y)
        extrapolates = distance > dynamics.support.reach
    events = [
        [[np.asarray(values) for values in of_row] for of_row in found]
        for found in (record.t_events, record.y_events)
    ]
    sol = None
    if dense_output:
        sol = DenseSolution(record.solutions, is_single, y.shape[2])
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
        "t_events": events[0],
        "y_events": events[1],
    }
    if is_single:
        batch = {name: None if value is None else value[0] for name, value in batch.items()}
        for name, kind in (("success", bool), ("status", int), ("nfev", int), ("t_reached", float)):
            batch[name] = kind(batch[name])
        if drift is not None:
            batch["energy_drift"] = float(drift[0])
    return SimulationResult(t=record.t[:n_times], sol=sol, step_size=record.step_size, **batch)
