"""What has been computed so far: the engines write it as they go, so that nothing is lost."""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.optimize import brentq

# How a trajectory ended. The messages of failures have a reason and an advice.
RUNNING, FINISHED, TERMINATED = -1, 0, 1
NOT_FINITE, STEP_TOO_SMALL, BUDGET, INTERRUPTED, NOT_SOLVED = 2, 3, 4, 5, 6
REASONS = {
    RUNNING: ("not started.", ""),
    FINISHED: ("The last time was reached.", ""),
    TERMINATED: ("A terminal event occurred.", ""),
    NOT_FINITE: (
        "the vector field is not finite there or within the next step.",
        "Where the field was learned, the trajectory has left the region that its training data "
        "cover: start closer to them, shorten t, or fit on more data.",
    ),
    STEP_TOO_SMALL: (
        "the required step is smaller than the spacing of floating-point numbers.",
        "The field changes too fast for the tolerances: loosen rtol and atol, try method='Radau', "
        "or fit on more data around this state.",
    ),
    BUDGET: (
        "max_nfev evaluations of the field were not enough.",
        "Raise max_nfev, loosen rtol and atol or take a larger step_size, or shorten t.",
    ),
    INTERRUPTED: ("interrupted by the user.", "Start again from the state at t_reached."),
    NOT_SOLVED: (
        "the equations of an implicit step were not solved.",
        "An explicit method, such as 'DOP853', has no equations to solve.",
    ),
}


class Record:
    """States at the times asked for, and how far each trajectory has come.

    Parameters
    ----------
    X0 : (m, 2d) array
        The states at t[0].
    t : (n_times,) array
        The times asked for, increasing or decreasing.
    n_events : int
        The number of event functions.
    verbose : bool
        Whether to print the progress.

    Attributes
    ----------
    y : (m, n_times, 2d) array
        The states at ``t``, NaN where not computed.
    n_done : (m,) array of int
        How many of them are.
    t_reached, x_reached : (m,) and (m, 2d) arrays
        Where the trajectory stands.
    status : (m,) array of int
        How it ended, see above.
    notes : dict
        Row -> a remark that replaces the reason of its status.
    nfev : (m,) array of float
        Evaluations of the field.
    t_events, y_events : list
        For each trajectory a list with, for each event, its times and states.
    """

    def __init__(self, X0: np.ndarray, t: np.ndarray, n_events: int = 0, verbose: bool = False):
        m = len(X0)
        self.t, self.direction = t, 1.0 if t[-1] >= t[0] else -1.0
        self.y = np.full((m, len(t), X0.shape[1]), np.nan)
        self.y[:, 0] = X0
        self.n_done = np.ones(m, dtype=int)
        self.t_reached, self.x_reached = np.full(m, t[0]), X0.copy()
        self.status = np.full(m, RUNNING)
        self.nfev = np.zeros(m)
        self.notes: dict[int, str] = {}
        self.t_events: list[list[list[float]]] = [[[] for _ in range(n_events)] for _ in X0]
        self.y_events: list[list[list[np.ndarray]]] = [[[] for _ in range(n_events)] for _ in X0]
        self.solutions: list[Any] = [None] * m
        self.step_size: float | None = None
        self._progress = _Progress(m, t) if verbose else None

    def times_passed(self, row: int, time: float) -> slice:
        """The times asked for that are not done yet and not later than ``time``."""
        n = np.searchsorted(self.direction * self.t, self.direction * time, "right")
        return slice(int(self.n_done[row]), max(int(n), int(self.n_done[row])))

    @property
    def is_verbose(self) -> bool:
        """Whether the progress is printed."""
        return self._progress is not None

    def tell(self) -> None:
        """Print the progress, now and then."""
        if self._progress is not None:
            self._progress(self)


class _Progress:
    """Prints a line every other second."""

    _SECONDS = 2.0

    def __init__(self, m: int, t: np.ndarray):
        self.m, self.t = m, t
        self.began = self.last = time.perf_counter()

    def __call__(self, record: Record) -> None:
        now = time.perf_counter()
        ended = int((record.status != RUNNING).sum())
        if now - self.last < self._SECONDS and ended < self.m:
            return
        self.last = now
        span = max(abs(self.t[-1] - self.t[0]), np.finfo(float).tiny)
        done = np.abs(record.t_reached - self.t[0]).mean() / span
        where = f"t={record.t_reached[0]:.6g} of {self.t[-1]:.6g}"
        if self.m > 1:
            where = f"{ended} of {self.m} trajectories ended"
        print(f"simulate: {where}, {100 * done:.0f} %, {now - self.began:.1f} s")
        sys.stdout.flush()


class Events:
    """Zeros of the users' functions g(t, x) along the steps of trajectories.

    The rules are those of ``solve_ivp``: a zero counts if g changes its sign within a step, in the
    direction of the attribute ``direction``; the attribute ``terminal`` (True, or how many) ends
    the trajectory there.
    """

    def __init__(self, functions: Sequence[Callable[..., Any]], record: Record):
        self.functions, self.record = functions, record
        self.directions = [float(getattr(g, "direction", 0) or 0) for g in functions]
        # True counts as one, None and False as never
        self.limits = [int(getattr(g, "terminal", 0) or 0) for g in functions]
        t0 = record.t[0]
        self.values = np.array([[float(g(t0, x)) for g in functions] for x in record.y[:, 0]])

    def after_step(
        self,
        row: int,
        t_old: float,
        t: float,
        x: np.ndarray,
        interpolate: Callable[[float], np.ndarray],
    ) -> float | None:
        """Note the zeros between t_old and t; the time of a terminal one, or None."""
        if not self.functions:
            return None
        before, after = self.values[row], np.array([float(g(t, x)) for g in self.functions])
        up, down = (before <= 0) & (after >= 0), (before >= 0) & (after <= 0)
        self.values[row] = after
        zeros = []
        for k, g in enumerate(self.functions):
            wanted = (up[k] and self.directions[k] >= 0) or (down[k] and self.directions[k] <= 0)
            if wanted:
                zero = _zero(g, interpolate, t_old, t)
                zeros.append((self.record.direction * zero, k, zero))
        for _, k, zero in sorted(zeros):
            self.record.t_events[row][k].append(zero)
            self.record.y_events[row][k].append(interpolate(zero))
            if self.limits[k] and len(self.record.t_events[row][k]) >= self.limits[k]:
                return zero
        return None


def _zero(
    g: Callable[..., Any], interpolate: Callable[[float], np.ndarray], a: float, b: float
) -> float:
    """The zero of g between a and b; a itself if g is zero there, as in ``solve_ivp``."""

    def value(t: float) -> float:
        return float(g(t, interpolate(t)))

    if value(a) * value(b) > 0:  # the interpolation and the end of the step differ by rounding
        return b
    eps = 4 * np.finfo(float).eps
    return float(brentq(value, a, b, xtol=eps, rtol=eps))
