"""Explicit Runge-Kutta methods with a step of its own for every trajectory.

The formulas, the error estimate, the choice of the step and the interpolation are those of scipy's
``DOP853``, ``RK45`` and ``RK23``, written for the rows of an array: every trajectory takes the
steps that it would take alone, and is as accurate, while the field is evaluated for all at once.

References
----------
E. Hairer, S. P. Nørsett, G. Wanner, "Solving Ordinary Differential Equations I", 2nd ed., Springer
1993, sections II.4 (step sizes, starting step) and II.5-6 (DOP853, dense output).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.integrate import DOP853

from ._record import Record
from ._status import Status

# Trajectories under way at once: enough to share the cost of a call, few enough for the cache.
ROWS_AT_ONCE = 1000


class AdaptiveStepper:
    """Trajectories on their way, each with its time t since its start and its next step h.

    Parameters
    ----------
    method : type
        ``scipy.integrate.DOP853``, ``RK45`` or ``RK23``; its class attributes are the coefficients.
    field : callable
        (k, 2d) -> (k, 2d).
    record : Record
        Whose starts are advanced.
    rtol, atol : float and (m, 2d) array
        Tolerances.
    max_step, first_step : float, float or None
        Bounds of the steps; first_step None chooses one for each trajectory.
    max_nfev : float
        Evaluations that a trajectory may take.
    n_rows : int
        Trajectories under way at once.

    Attributes
    ----------
    rows : (k,) array of int
        The trajectories under way, as rows of the record.
    t_old, x_old, t, x : arrays
        The last step of each.
    problem : (k,) array of int
        Status.RUNNING, or what ended the trajectory.
    """

    def __init__(
        self,
        method: Any,
        field: Callable[[np.ndarray], np.ndarray],
        record: Record,
        *,
        rtol: float,
        atol: np.ndarray,
        max_step: float,
        first_step: float | None,
        max_nfev: float,
        n_rows: int = ROWS_AT_ONCE,
    ):
        self.method, self.field, self.record = method, field, record
        self.rtol, self.atol, self.max_step, self.max_nfev = rtol, atol, max_step, max_nfev
        self.first_step, self.n_rows = first_step, n_rows
        self.exponent = -1.0 / (method.error_estimator_order + 1)
        self.A = [np.ascontiguousarray(a[:s]) for s, a in enumerate(method.A)]
        self.waiting = np.flatnonzero(record.status == Status.RUNNING)
        n = record.y.shape[2]
        self.rows = np.zeros(0, dtype=int)
        self.t = self.t_old = self.h = self.direction = self.end = np.zeros(0)
        self.x = self.x_old = self.f = np.zeros((0, n))
        self.K = np.zeros((method.n_stages + 1, 0, n))
        self.was_rejected = self.not_finite = np.zeros(0, dtype=bool)
        self.problem = np.zeros(0, dtype=int)

    def fill(self) -> bool:
        """Take waiting trajectories where there is room; whether any is under way."""
        new = self.waiting[: max(self.n_rows - len(self.rows), 0)]
        # not in dribs and drabs: a start costs two evaluations of its own
        if len(new) and (len(new) >= self.n_rows // 8 or not len(self.rows)):
            self.waiting = self.waiting[len(new) :]
            x = self.record.y[new, 0]
            f = self.field(x)
            is_finite = np.isfinite(f).all(axis=1)
            self._append(new, x, f, self._first_steps(new, x, f))
            self.record.nfev[new] += 1.0 if self.first_step is not None else 2.0
            self.problem[len(self.rows) - len(new) :][~is_finite] = Status.NOT_FINITE
        return len(self.rows) > 0

    def step(self) -> np.ndarray:
        """One attempt for all that are under way; which of them have moved, (k,) of bool."""
        t, x, record = self.t, self.x, self.record
        t_new = self._next_times()
        h = (t_new - t)[:, None]
        K = self._stages(x, self.f, h)
        x_new = x + h * _combine(self.method.B, K[:-1])
        K[-1] = self.field(x_new)
        record.nfev[self.rows] += self.method.n_stages
        scale = self.atol[self.rows] + np.maximum(np.abs(x), np.abs(x_new)) * self.rtol
        error = self._error(K, h, scale)
        moved = (error < 1) & (self.problem == Status.RUNNING)
        self._choose_next_steps(np.abs(h[:, 0]), error, moved)
        self.K, self._h, self.t_old, self.x_old = K, h[:, 0], t, x
        self.t = np.where(moved, t_new, t)
        self.x = np.where(moved[:, None], x_new, x)
        self.f = np.where(moved[:, None], K[-1], self.f)
        return moved

    def _next_times(self) -> np.ndarray:
        """Where the next step of each is to end; notes a problem where there must be none."""
        t, direction = self.t, self.direction
        least = 10 * np.spacing(np.abs(t))
        # A step that follows another may be raised to the least one, a rejected one may not.
        h = np.where(self.was_rejected, self.h, np.clip(self.h, least, self.max_step))
        running = self.problem == Status.RUNNING
        why = np.where(self.not_finite, Status.NOT_FINITE, Status.STEP_TOO_SMALL)
        self.problem = np.where(running & (h < least), why, self.problem)
        spent = self.record.nfev[self.rows] + self.method.n_stages > self.max_nfev
        self.problem[running & spent] = Status.BUDGET
        t_new = t + direction * h
        return np.where(direction * (t_new - self.end) > 0, self.end, t_new)

    def _choose_next_steps(self, h: np.ndarray, error: np.ndarray, moved: np.ndarray) -> None:
        """Lengths that aim at the tolerance, from those tried and their errors."""
        # scipy's constants: the next step aims at 0.9 of the step that meets the tolerance exactly.
        safety, least_factor, most_factor = 0.9, 0.2, 10.0
        factor = safety * error**self.exponent
        factor = np.where(np.isnan(factor), least_factor, factor)  # not finite: a shorter step
        least = np.where(moved, 0.0, least_factor)
        most = np.where(self.was_rejected | ~moved, 1.0, most_factor)
        self.h = h * np.clip(factor, least, most)
        self.was_rejected, self.not_finite = ~moved, ~np.isfinite(error)

    def interpolant(self, index: np.ndarray) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        """Within the last step of the trajectories ``index``: (which of them, times) -> states."""
        coefficients = self._coefficients(index)
        t_old, x_old, h = self.t_old[index], self.x_old[index], self._h[index]

        def states(which: np.ndarray, times: np.ndarray) -> np.ndarray:
            theta = ((times - t_old[which]) / h[which])[:, None]
            if self.method is DOP853:
                x: Any = 0.0
                for k, F in enumerate(coefficients[::-1]):
                    x = (x + F[which]) * (theta if k % 2 == 0 else 1 - theta)
                return x + x_old[which]
            powers = theta ** np.arange(1, len(coefficients) + 1)
            return x_old[which] + np.einsum("nj,jnd->nd", powers, coefficients[:, which])

        return states

    def keep(self, kept: np.ndarray) -> None:
        """Leave the other trajectories."""
        if kept.all():
            return
        for name in ("rows", "t", "t_old", "h", "direction", "end", "x", "x_old", "f",
                     "was_rejected", "not_finite", "problem"):  # fmt: skip
            setattr(self, name, getattr(self, name)[kept])

    def _append(self, rows: np.ndarray, x: np.ndarray, f: np.ndarray, h: np.ndarray) -> None:
        t = np.zeros(len(rows))
        direction, end = self.record.direction[rows], self.record.end[rows]
        zero = np.zeros(len(rows), dtype=bool)
        running = np.full(len(rows), Status.RUNNING)
        new = {"rows": rows, "t": t, "t_old": t, "h": h, "direction": direction, "end": end,
               "x": x, "x_old": x, "f": f, "was_rejected": zero, "not_finite": zero,
               "problem": running}  # fmt: skip
        for name, values in new.items():
            setattr(self, name, np.concatenate([getattr(self, name), values]))

    def _stages(self, x: np.ndarray, f: np.ndarray, h: np.ndarray) -> np.ndarray:
        K = np.empty((self.method.n_stages + 1, *x.shape))
        K[0] = f
        for s in range(1, self.method.n_stages):
            K[s] = self.field(x + h * _combine(self.A[s], K[:s]))
        return K

    def _error(self, K: np.ndarray, h: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """The root mean square over the columns of the estimated errors in tolerances, (k,)."""
        n, h_abs = scale.shape[1], np.abs(h[:, 0])
        if self.method is not DOP853:
            error = h * _combine(self.method.E, K) / scale
            return np.sqrt(np.einsum("ij,ij->i", error, error) / n)
        fifth, third = (_combine(E, K) / scale for E in (self.method.E5, self.method.E3))
        fifth, third = (np.einsum("ij,ij->i", e, e) for e in (fifth, third))
        both = fifth + 0.01 * third
        return h_abs * fifth / np.sqrt(np.where(both == 0, 1.0, both) * n)

    def _coefficients(self, index: np.ndarray) -> np.ndarray:
        """Of the interpolating polynomials, (degree, n, 2d)."""
        m, h = self.method, self._h[index][:, None]
        if m is not DOP853:
            return h * np.einsum("snd,sj->jnd", self.K[:, index], m.P)
        K = np.empty((m.n_stages + 1 + len(m.A_EXTRA), len(index), self.x.shape[1]))
        K[: m.n_stages + 1] = self.K[:, index]
        x, x_new = self.x_old[index], self.x[index]
        for s, a in enumerate(m.A_EXTRA, start=m.n_stages + 1):
            K[s] = self.field(x + h * _combine(np.ascontiguousarray(a[:s]), K[:s]))
        self.record.nfev[self.rows[index]] += len(m.A_EXTRA)
        difference, f_old, f_new = x_new - x, K[0], K[m.n_stages]
        ends = [difference, h * f_old - difference, 2 * difference - h * (f_new + f_old)]
        return np.stack([*ends, *(h * _combine(d, K) for d in m.D)])

    def _first_steps(self, rows: np.ndarray, x: np.ndarray, f: np.ndarray) -> np.ndarray:
        """Hairer's starting step for each trajectory, as in ``solve_ivp``."""
        if self.first_step is not None:
            return np.full(len(x), self.first_step)
        span, direction = np.abs(self.record.end[rows]), self.record.direction[rows]
        scale = self.atol[rows] + np.abs(x) * self.rtol
        d0, d1 = _rms(x / scale), _rms(f / scale)
        small = (d0 < 1e-5) | (d1 < 1e-5)
        h0 = np.where(small, 1e-6, 0.01 * d0 / np.where(small, 1.0, d1))
        h0 = np.minimum(h0, span)
        ahead = self.field(x + (direction * h0)[:, None] * f)
        d2 = _rms((ahead - f) / scale) / h0
        steepest = np.maximum(d1, d2)
        flat = steepest <= 1e-15
        power = 1.0 / (self.method.error_estimator_order + 1)
        h1 = np.where(
            flat, np.maximum(1e-6, 1e-3 * h0), (0.01 / np.where(flat, 1.0, steepest)) ** power
        )
        h = np.minimum(np.minimum(100 * h0, h1), np.minimum(span, self.max_step))
        return np.where(np.isfinite(h), h, 1e-6)


def _combine(weights: np.ndarray, K: np.ndarray) -> np.ndarray:
    """sum_s weights_s K_s, for stages K (s, k, 2d)."""
    return (weights @ K.reshape(len(K), -1)).reshape(K.shape[1:])


def _rms(values: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean(values * values, axis=1))
