"""What has been computed so far: the engines write it as they go, so that nothing is lost."""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.optimize import brentq

from ._status import Status


class Record:
    """States at the times asked for, and how far each trajectory has come.

    The engines integrate on the time tau = t - t[0] since the start of a trajectory: the rounding
    of large times then does not reach the steps, and trajectories that start at different times
    have one beginning. What users see is in their own t.

    Parameters
    ----------
    X0 : (m, 2d) array
        The states at the start.
    t : (n_times,) array, or list of m such arrays
        The times asked for, increasing or decreasing; a list has those of each trajectory.
    n_events : int
        The number of event functions.
    verbose : bool
        Whether to print the progress.
    on_grid : bool
        Whether times that are evenly spaced up to rounding are to be so exactly.

    Attributes
    ----------
    times : (m, n_times) array
        The times asked for; NaN after the last one of a trajectory that has fewer.
    elapsed : (m, n_times) array
        |t - t[0]|, increasing; inf after the last one.
    n_times : (m,) array of int
        How many times were asked for.
    t0, direction, end : (m,) arrays
        The first time, the sign of tau, and the last tau.
    y : (m, n_times, 2d) array
        The states at ``times``, NaN where not computed.
    n_done : (m,) array of int
        How many of them are.
    tau_reached, x_reached : (m,) and (m, 2d) arrays
        Where the trajectory stands.
    status : (m,) array of int
        How it ended, see above.
    notes : dict
        Row -> a remark that replaces the reason of its status.
    nfev : (m,) array of float
        Evaluations of the field.
    tau_events, y_events : list
        For each trajectory a list with, for each event, its times and states.
    step_size : (m,) array or None
        The steps of a method with fixed steps.
    """

    def __init__(
        self,
        X0: np.ndarray,
        t: np.ndarray | list[np.ndarray],
        n_events: int = 0,
        verbose: bool = False,
        on_grid: bool = False,
    ):
        m = len(X0)
        self.has_own_times = isinstance(t, list)
        each = t if isinstance(t, list) else [t]
        lengths = np.array([len(one) for one in each])
        times = np.full((len(each), lengths.max()), np.nan)
        elapsed = np.full(times.shape, np.inf)
        for k, one in enumerate(each):
            times[k, : len(one)] = one
            elapsed[k, : len(one)] = _since_start(one, on_grid)
        # times in common are kept once
        self.times = np.broadcast_to(times, (m, times.shape[1]))
        self.elapsed = np.broadcast_to(elapsed, self.times.shape)
        self.n_times = np.broadcast_to(lengths, m)
        self.t0 = self.times[:, 0]
        last = np.arange(m), self.n_times - 1
        self.direction = np.where(self.times[last] >= self.t0, 1.0, -1.0)
        self.end = self.direction * self.elapsed[last]
        self.y = np.full((*self.times.shape, X0.shape[1]), np.nan)
        self.y[:, 0] = X0
        self.n_done = np.ones(m, dtype=int)
        self.tau_reached, self.x_reached = np.zeros(m), X0.copy()
        self.status = np.where(self.n_times == 1, Status.FINISHED, Status.RUNNING)
        self.nfev = np.zeros(m)
        self.notes: dict[int, str] = {}
        self.tau_events: list[list[list[float]]] = [[[] for _ in range(n_events)] for _ in X0]
        self.y_events: list[list[list[np.ndarray]]] = [[[] for _ in range(n_events)] for _ in X0]
        self.solutions: list[Any] = [None] * m
        self.step_size: np.ndarray | None = None
        self._progress = _Progress() if verbose else None

    @property
    def t_reached(self) -> np.ndarray:
        """Where the trajectories stand, as times of the user, (m,)."""
        done = np.arange(len(self.y)), self.n_done - 1
        is_asked_for = self.elapsed[done] == np.abs(self.tau_reached)
        # t[0] + (t - t[0]) may differ from t by rounding
        return np.where(is_asked_for, self.times[done], self.t0 + self.tau_reached)

    def n_passed(self, rows: np.ndarray, tau: np.ndarray) -> np.ndarray:
        """How many of the times of each of some trajectories are not later than tau, (k,)."""
        since = np.abs(tau)
        if not self.has_own_times:
            return np.searchsorted(self.elapsed[0], since, "right")
        low, high = np.zeros(len(rows), dtype=int), self.n_times[rows]
        while (low < high).any():  # bisection, for all of them at once
            middle = (low + high) // 2
            passed = (low < high) & (self.elapsed[rows, np.minimum(middle, high - 1)] <= since)
            low = np.where(passed, middle + 1, low)
            high = np.where(passed, high, np.minimum(middle, high))
        return low

    def times_passed(self, row: int, tau: float) -> slice:
        """The times asked for that are not done yet and not later than ``tau``."""
        n = np.searchsorted(self.elapsed[row], abs(tau), "right")
        return slice(int(self.n_done[row]), max(int(n), int(self.n_done[row])))

    def of_each(self, values: np.ndarray, n: np.ndarray) -> Any:
        """The first n[k] of the values (m, n_times, ...) of trajectory k.

        An array where these are equally many, else a list of arrays.
        """
        if (n == n[0]).all():
            return values[:, : n[0]]
        return [of_one[:k] for of_one, k in zip(values, n, strict=True)]

    @property
    def is_verbose(self) -> bool:
        """Whether the progress is printed."""
        return self._progress is not None

    def tell(self) -> None:
        """Print the progress, now and then."""
        if self._progress is not None:
            self._progress(self)


def _since_start(t: np.ndarray, on_grid: bool) -> np.ndarray:
    """|t - t[0]|, and exactly even where it is so up to the rounding of the times."""
    elapsed = np.abs(t - t[0])
    if on_grid and len(t) > 1:
        even = np.linspace(0.0, elapsed[-1], len(t))
        if np.abs(elapsed - even).max() <= rounding_of(t):
            return even
    return elapsed


def rounding_of(t: np.ndarray) -> float:
    """How exactly times of this size are known: two roundings of each of two times."""
    return float(4 * np.finfo(float).eps * max(abs(t[0]), abs(t[-1])))


def written(t: float, span: float) -> str:
    """A time in words, with six digits of the span of a simulation."""
    size = max(abs(t), abs(span), np.finfo(float).tiny)
    lost = np.log10(size / abs(span)) if span else 0.0
    return f"{t:.{min(6 + int(np.ceil(lost)), 17)}g}"


class _Progress:
    """Prints a line every other second."""

    _SECONDS = 2.0

    def __init__(self) -> None:
        self.began = self.last = time.perf_counter()

    def __call__(self, record: Record) -> None:
        now = time.perf_counter()
        m, ended = len(record.y), int((record.status != Status.RUNNING).sum())
        if now - self.last < self._SECONDS and ended < m:
            return
        self.last = now
        span = np.maximum(np.abs(record.end), np.finfo(float).tiny)
        done = (np.abs(record.tau_reached) / span).mean()
        where = f"{ended} of {m} trajectories ended"
        if m == 1:
            last = record.times[0, record.n_times[0] - 1]
            reached, last = (written(t, span[0]) for t in (record.t_reached[0], last))
            where = f"t={reached} of {last}"
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
        self.values = np.array(
            [
                [float(g(t0, x)) for g in functions]
                for t0, x in zip(record.t0.tolist(), record.y[:, 0], strict=True)
            ]
        )

    def after_step(
        self,
        row: int,
        tau_old: float,
        tau: float,
        x: np.ndarray,
        interpolate: Callable[[float], np.ndarray],
    ) -> float | None:
        """Note the zeros between tau_old and tau; the tau of a terminal one, or None."""
        if not self.functions:
            return None
        t0, direction = float(self.record.t0[row]), self.record.direction[row]
        before = self.values[row]
        after = np.array([float(g(t0 + tau, x)) for g in self.functions])
        up, down = (before <= 0) & (after >= 0), (before >= 0) & (after <= 0)
        self.values[row] = after
        zeros = []
        for k, g in enumerate(self.functions):
            wanted = (up[k] and self.directions[k] >= 0) or (down[k] and self.directions[k] <= 0)
            if wanted:
                zero = _zero(in_own_time(g, t0), interpolate, tau_old, tau)
                zeros.append((direction * zero, k, zero))
        for _, k, zero in sorted(zeros):
            self.record.tau_events[row][k].append(zero)
            self.record.y_events[row][k].append(interpolate(zero))
            if self.limits[k] and len(self.record.tau_events[row][k]) >= self.limits[k]:
                return zero
        return None


def in_own_time(g: Callable[..., Any], t0: float) -> Callable[..., Any]:
    """g(t, x) of the user as a function of tau = t - t0, with what ``solve_ivp`` reads off it."""

    def of_tau(tau: float, x: np.ndarray) -> Any:
        return g(t0 + tau, x)

    for name in ("terminal", "direction"):
        if hasattr(g, name):
            setattr(of_tau, name, getattr(g, name))
    return of_tau


def _zero(
    g: Callable[..., Any], interpolate: Callable[[float], np.ndarray], a: float, b: float
) -> float:
    """The zero of g between a and b; a itself if g is zero there, as in ``solve_ivp``."""

    def value(tau: float) -> float:
        return float(g(tau, interpolate(tau)))

    if value(a) * value(b) > 0:  # the interpolation and the end of the step differ by rounding
        return b
    eps = 4 * np.finfo(float).eps
    return float(brentq(value, a, b, xtol=eps, rtol=eps))
