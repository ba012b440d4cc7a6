"""Integration of a learned vector field, with failures that say what happened and lose nothing."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
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
        The times of ``y``: those asked for that were reached. If the run was cut off within a call
        (Ctrl-C, a field that is not finite), the steps of the integrator instead. For a batch, all
        times asked for.
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
    if len(t) == 1:
        return x0[np.newaxis].copy()

    def fun(_: float, x: np.ndarray) -> np.ndarray:
        dx = field(x)
        if not math.isfinite(dx @ dx):
            raise _NotFiniteError
        return dx

    # solve_ivp calls an event after every accepted step. This one never fires: it keeps the
    # steps, so that they are not lost if something is raised from within.
    steps: list[tuple[float, np.ndarray]] = [(t[0], x0)]

    def record(time: float, x: np.ndarray) -> float:
        steps.append((time, x))
        return 1.0

    options: Any = {"jac": lambda _, x: jacobian(x)} if _is_implicit(method) else {}
    try:
        with np.errstate(all="ignore"):  # overflow is found by the test above
            solution = solve_ivp(
                fun,
                (t[0], t[-1]),
                x0,
                t_eval=t,
                method=method,
                rtol=rtol,
                atol=atol,
                max_step=max_step,
                events=record,
                **options,
            )
    except _NotFiniteError:
        raise _error(
            "the vector field is not finite there. The trajectory has left the region that the "
            "training data cover: start closer to them, shorten t, or fit on more data.",
            steps,
        ) from None
    except KeyboardInterrupt:
        raise _error("interrupted by the user.", steps) from None
    if solution.status != 0:
        reached = np.asarray(solution.t)
        y = np.reshape(np.transpose(solution.y), (len(reached), len(x0)))
        raise SimulationError(
            f"The simulation stopped at t={steps[-1][0]:.6g} of {t[-1]:.6g}: {solution.message} "
            "The field changes too fast for the tolerances: loosen rtol and atol, try "
            "method='Radau', or fit on more data around this state.",
            float(steps[-1][0]),
            reached,
            y,
        )
    return np.ascontiguousarray(solution.y.T)


def integrate_each(X0: np.ndarray, t: np.ndarray, integrate_one: Callable[..., Any]) -> np.ndarray:
    """The states (m, n_times, 2d) of every row of X0; a failure does not stop the others.

    Raises
    ------
    SimulationError
        After all have been tried, if any of them failed.
    """
    y = np.full((len(X0), len(t), X0.shape[1]), np.nan)
    t_reached = np.full(len(X0), t[-1])
    failures: list[tuple[int, SimulationError]] = []
    for k, x0 in enumerate(X0):
        try:
            y[k] = integrate_one(x0, t)
        except SimulationError as error:
            failures.append((k, error))
            t_reached[k] = error.t_reached
            y[k, : len(error.t)] = error.y if _are_first_of(error.t, t) else np.nan
            if isinstance(error.__context__, KeyboardInterrupt):
                t_reached[k + 1 :] = t[0]
                break
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


def _is_implicit(method: str | type[OdeSolver]) -> bool:
    names = [cls.__name__ for cls in _IMPLICIT]
    return method in names if isinstance(method, str) else issubclass(method, _IMPLICIT)


def _error(reason: str, steps: list[tuple[float, np.ndarray]]) -> SimulationError:
    t, y = (np.array(column) for column in zip(*steps, strict=True))
    return SimulationError(f"The simulation stopped at t={t[-1]:.6g}: {reason}", float(t[-1]), t, y)


def _are_first_of(part: np.ndarray, t: np.ndarray) -> bool:
    return len(part) <= len(t) and np.array_equal(part, t[: len(part)])
