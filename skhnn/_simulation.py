"""Integration of a learned vector field, with failures that say what happened and lose nothing."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.integrate
from scipy.integrate import BDF, LSODA, OdeSolver, Radau, solve_ivp

_IMPLICIT = (Radau, BDF, LSODA)


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
        reached, state = self.t[0], self.output[0]
        if self.solver is not None:
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


def integrate_each(X0: np.ndarray, t: np.ndarray, integrate_one: Callable[..., Any]) -> np.ndarray:
    """The states (m, n_times, 2d) of every row of X0; a failure does not stop the others.

    Raises
    ------
    SimulationError
        After all have been tried, if any of them failed.
    """
    y = np.full((len(X0), len(t), X0.shape[1]), np.nan)
    y[:, 0] = X0
    t_reached = np.full(len(X0), t[-1])
    failures: list[tuple[int, SimulationError]] = []
    k = 0
    try:
        for k, x0 in enumerate(X0):
            try:
                y[k] = integrate_one(x0, t)
            except SimulationError as error:
                failures.append((k, error))
                t_reached[k] = error.t_reached
                y[k, np.isin(t, error.t)] = error.y[np.isin(error.t, t)]
                if isinstance(error.__cause__, KeyboardInterrupt):
                    raise KeyboardInterrupt from error
    except KeyboardInterrupt:
        t_reached[k + 1 :] = t[0]
        if not failures:  # between two trajectories
            failures.append((k, SimulationError("Interrupted by the user.", None, None, None)))
    if failures:
        k, first = failures[0]
        raise SimulationError(
            f"{int((t_reached != t[-1]).sum())} of {len(X0)} trajectories were not completed; the "
            f"first is row {k} of x0. {first}",
            t_reached,
            t,
            y,
        ) from first
    return y


def _solver_class(method: str | type[OdeSolver]) -> type[OdeSolver]:
    return getattr(scipy.integrate, method) if isinstance(method, str) else method
