"""Integration of a learned vector field, with failures that say what happened and lose nothing."""

import contextlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.integrate
from scipy.integrate import BDF, DOP853, LSODA, RK23, RK45, OdeSolver, Radau, solve_ivp

_IMPLICIT = (Radau, BDF, LSODA)

# solve_ivp warns below 100 times the rounding of a float, and uses that instead.
_SMALLEST_RTOL = 2.3e-14

# Bounds the memory of a step, about 20 states of all trajectories, and the loss of speed where
# trajectories differ in the steps that they need.
_ROWS_TOGETHER = 1000


class SimulationError(RuntimeError):
    """A simulation ended before the last time asked for.

    Parameters
    ----------
    message : str
        What happened, and what to do.
    t_reached : float or ndarray of shape (m,)
        The time up to which the integration succeeded; for a batch, that of every trajectory.
    t : ndarray of shape (n,)
        The times of ``y``: those asked for that were reached, then ``t_reached``, from where a new
        simulation can go on. For a batch, all times asked for.
    y : ndarray of shape (n, 2d) or (m, n, 2d)
        The states at ``t``. For a batch, states that were not computed are NaN.

    Attributes
    ----------
    t_reached, t, y
        As above.

    Examples
    --------
    >>> from skhnn import SimulationError
    >>> try:
    ...     raise SimulationError("stopped at t=1", t_reached=1.0, t=[0.0], y=[[0.0, 1.0]])
    ... except SimulationError as error:
    ...     error.t_reached
    1.0
    """

    def __init__(self, message: str, t_reached: Any, t: Any, y: Any):
        # All go into args, so that the error survives a pickle (joblib workers).
        super().__init__(message, t_reached, t, y)
        self.t_reached, self.t, self.y = t_reached, t, y

    def __str__(self) -> str:
        return str(self.args[0])


class _NotFiniteError(ArithmeticError):
    """The vector field returned NaN or inf."""


def integrate(
    field: Callable[[np.ndarray], np.ndarray],
    jacobian: Callable[[np.ndarray], np.ndarray],
    x0: np.ndarray,
    t: np.ndarray,
    *,
    method: Any,
    rtol: float,
    atol: np.ndarray,
    max_step: float,
) -> np.ndarray:
    """Integrate dx/dt = field(x) from x0 (2d,) at t[0]; return the states at t, (n_times, 2d).

    Raises
    ------
    SimulationError
        If the integration ends before t[-1].
    """
    output = np.full((len(t), len(x0)), np.nan)
    output[0] = x0
    if len(t) == 1:
        return output

    def fun(_: float, x: np.ndarray) -> np.ndarray:
        dx = field(x)
        if not math.isfinite(dx @ dx):
            raise _NotFiniteError
        return dx

    # solve_ivp keeps its results to itself until the end. To lose nothing when something is
    # raised from within, the states asked for are taken here, in an event that never fires:
    # solve_ivp calls events after every accepted step. The class makes the running solver known
    # to it.
    class Watched(_solver_class(method)):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any):
            super().__init__(*args, **kwargs)
            run.solver = self

    run = _Run(output, t)
    options: Any = {"jac": lambda _, x: jacobian(x)} if issubclass(Watched, _IMPLICIT) else {}
    try:
        with np.errstate(all="ignore"):  # overflow is found by the test above
            solution = solve_ivp(
                fun,
                (t[0], t[-1]),
                x0,
                t_eval=t[-1:],
                method=Watched,
                rtol=rtol,
                atol=atol,
                max_step=max_step,
                events=run.after_step,
                **options,
            )
    except _NotFiniteError:
        raise run.error(
            "the vector field is not finite there. The trajectory has left the region that the "
            "training data cover: start closer to them, shorten t, or fit on more data."
        ) from None
    except KeyboardInterrupt:
        raise run.error("interrupted by the user.") from KeyboardInterrupt()
    if solution.status != 0:
        raise run.error(
            f"{solution.message} The field changes too fast for the tolerances: loosen rtol and "
            "atol, try method='Radau', or fit on more data around this state."
        )
    return output


class _Run:
    """The states at the times asked for, as far as a run of ``solve_ivp`` has come."""

    def __init__(self, output: np.ndarray, t: np.ndarray):
        self.output, self.t = output, t
        self.n_done = 1
        self.solver: Any = None
        self.direction = np.sign(t[-1] - t[0])

    def after_step(self, time: float, x: np.ndarray) -> float:
        n_reached = int(np.searchsorted(self.direction * self.t, self.direction * time, "right"))
        if n_reached > self.n_done:
            wanted = slice(self.n_done, n_reached)
            self.output[wanted] = self.solver.dense_output()(self.t[wanted]).T
            self.n_done = n_reached
        return 1.0

    def error(self, reason: str) -> SimulationError:
        reached, state = self.t[self.n_done - 1], self.output[self.n_done - 1]
        if self.solver is not None:
            with contextlib.suppress(_NotFiniteError):  # interpolation evaluates the field too
                self.after_step(self.solver.t, self.solver.y)  # perhaps Ctrl-C came in between
                reached, state = self.solver.t, self.solver.y
        t, y = self.t[: self.n_done], self.output[: self.n_done]
        if reached != t[-1]:  # the last step too, to go on from
            t, y = np.append(t, reached), np.vstack([y, state])
        return SimulationError(
            f"The simulation stopped at t={reached:.6g} of {self.t[-1]:.6g}: {reason}",
            float(reached),
            t,
            y,
        )


def integrate_many(
    field: Callable[[np.ndarray], np.ndarray],
    jacobian: Callable[[np.ndarray], np.ndarray],
    X0: np.ndarray,
    t: np.ndarray,
    *,
    method: str | type[OdeSolver],
    rtol: float,
    atol: np.ndarray,
    max_step: float,
) -> np.ndarray:
    """The states (m, n_times, 2d) of every row of X0, each as accurate as if it were alone.

    The explicit methods of scipy advance many trajectories as one system, with common steps. Their
    error is the root mean square over all components, which bounds that of one of k trajectories by
    sqrt(k) times as much; so both tolerances are divided by sqrt(k).

    Raises
    ------
    SimulationError
        After all have been tried, if any of them failed.
    """
    y = np.full((len(X0), len(t), X0.shape[1]), np.nan)
    y[:, 0] = X0
    t_reached = np.full(len(X0), t[0])
    failures: list[tuple[int, SimulationError]] = []

    def advance(rows: slice) -> None:
        k = rows.stop - rows.start

        def stacked(x: np.ndarray) -> np.ndarray:
            return field(x.reshape(k, -1)).ravel()

        states = integrate(
            field if k == 1 else stacked,
            jacobian,
            X0[rows].ravel(),
            t,
            method=method,
            rtol=max(rtol / np.sqrt(k), _SMALLEST_RTOL),
            atol=np.tile(atol, k) / np.sqrt(k),
            max_step=max_step,
        )
        y[rows] = states.reshape(len(t), k, -1).swapaxes(0, 1)
        t_reached[rows] = t[-1]

    def keep(rows: slice, error: SimulationError) -> None:
        done = np.isin(error.t, t)
        states = error.y[done].reshape(done.sum(), rows.stop - rows.start, -1)
        y[rows, : done.sum()] = states.swapaxes(0, 1)
        t_reached[rows] = error.t_reached
        failures.append((rows.start, error))

    size = _rows_together(method, rtol)
    queue = [slice(a, min(a + size, len(X0))) for a in range(0, len(X0), size)][::-1]
    while queue:
        rows = queue.pop()
        try:
            advance(rows)
        except SimulationError as error:
            interrupted = isinstance(error.__cause__, KeyboardInterrupt)
            if rows.stop - rows.start > 1 and not interrupted:
                # One of them failed, and stopped the others: each on its own.
                queue += [slice(k, k + 1) for k in range(rows.stop - 1, rows.start - 1, -1)]
                continue
            keep(rows, error)
            if interrupted:
                break
    if failures:
        first, cause = failures[0]
        raise SimulationError(
            f"{int((t_reached != t[-1]).sum())} of {len(X0)} trajectories were not completed; the "
            f"first is row {first} of x0. {cause}",
            t_reached,
            t,
            y,
        ) from cause
    return y


def _rows_together(method: str | type[OdeSolver], rtol: float) -> int:
    """How many trajectories advance as one system."""
    if _solver_class(method) not in (DOP853, RK45, RK23):
        return 1  # implicit: the cost of a step grows with the square or more; others: unknown
    return max(1, min(_ROWS_TOGETHER, int((rtol / _SMALLEST_RTOL) ** 2)))


def _solver_class(method: str | type[OdeSolver]) -> type[OdeSolver]:
    return getattr(scipy.integrate, method) if isinstance(method, str) else method
