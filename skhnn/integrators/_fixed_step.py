"""Fixed-step methods as solvers of scipy."""

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from scipy.integrate import DenseOutput, OdeSolver

from ._scheme import NotConvergedError, Scheme
from ._step_size import default_step_size
from ._system import System

# How exactly the difference of two times is known, as a fraction of them: two roundings of each.
# A time this close to the end of a step is the end.
_ROUNDING = 4 * np.finfo(float).eps


class FixedStepSolver(OdeSolver):
    """A method with steps of one length, for ``scipy.integrate.solve_ivp(fun, ..., method=...)``.

    The length is rounded down so that a whole number of steps fits into the interval: symplectic
    methods owe their merits to steps that do not vary. Between steps, the solution is that of one
    shorter step, as accurate as the others.

    Parameters
    ----------
    fun : callable
        (t, y) -> dy/dt with y = (q, p), of shape (2d,); with ``n_trajectories``, all of them one
        after the other, (m * 2d,).
    t0 : float
        The time of the start.
    y0 : array-like of shape (2d,) or (m * 2d,)
        The state at the start.
    t_bound : float
        The last time; smaller than t0 to go backward.
    vectorized : bool, default=False
        As in :class:`scipy.integrate.OdeSolver`.
    step_size : float, default=None
        The length of the steps. None takes a fraction of the period of the fastest oscillation that
        the field has near the start, see ``Scheme.steps_per_period``; the attribute ``step_size``
        tells it.
    n_trajectories : int, default=1
        How many independent systems y consists of.
    jac : callable or array, default=None
        The Jacobian of ``fun``, (t, y) -> (2d, 2d), of one trajectory. Implicit methods use it
        where their fixed-point iteration is slow.
    system : System, default=None
        The equations in vectorised form, in place of ``fun`` and ``jac``.
    max_step : float, default=inf
        A bound on the step.
    **options : object
        ``rtol``, ``atol`` and ``first_step``, which ``solve_ivp`` passes on, have no effect.

    Raises
    ------
    ValueError, TypeError
        If an option is invalid or unknown.

    Examples
    --------
    >>> from scipy.integrate import solve_ivp
    >>> from skhnn.integrators import FixedStepSolver, StormerVerlet
    >>> issubclass(StormerVerlet, FixedStepSolver)
    True
    >>> solver = StormerVerlet(lambda t, x: [x[1], -x[0]], 0.0, [1.0, 0.0], 10.0, step_size=0.3)
    >>> solver.n_steps, solver.step_size
    (34, 0.29411764705882354)
    """

    scheme: ClassVar[Scheme]
    failure = ""  # what the scheme said, without the time

    def __init__(
        self,
        fun: Callable[..., Any],
        t0: float,
        y0: Any,
        t_bound: float,
        vectorized: bool = False,
        *,
        step_size: Any = None,
        n_trajectories: Any = 1,
        jac: Any = None,
        system: System | None = None,
        max_step: float = np.inf,
        **options: Any,
    ):
        unknown = set(options) - {"rtol", "atol", "first_step"}
        if unknown:
            raise TypeError(f"{type(self).__name__} has no options {sorted(unknown)}.")
        super().__init__(fun, t0, y0, t_bound, vectorized)
        if not isinstance(n_trajectories, Integral) or n_trajectories < 1:
            raise ValueError(
                f"n_trajectories must be an integer of at least 1; got {n_trajectories}."
            )
        m = int(n_trajectories)
        if self.n % (2 * m if self.scheme.needs_halves else m):
            what = "(q, p), an even number of values each" if self.scheme.needs_halves else "alike"
            raise ValueError(f"y must consist of {m} states {what}; got {self.n} values.")
        self._shape = (m, self.n // m)
        self._system = system or System(self._rows_of_fun, _rows_of(jac))
        span = abs(t_bound - t0)
        x0 = self.y.reshape(self._shape)
        if step_size is None:
            step_size = default_step_size(self.scheme, self._system, t0, x0, span)
        elif isinstance(step_size, bool) or not isinstance(step_size, Real) or not step_size > 0:  # type: ignore[operator]
            raise ValueError(f"step_size must be a positive number or None; got {step_size!r}.")
        # A span that exceeds a whole number of steps by the rounding of large times does not need
        # one more.
        known = span - _ROUNDING * max(abs(t0), abs(t_bound))
        self.n_steps = max(1, int(np.ceil(known / min(step_size, max_step) - 1e-9)))
        self._length = span / self.n_steps
        self._scheme = self.scheme.prepare(self._system, t0, x0)
        self._start, self._done, self._memory = t0, 0, None
        self._before: tuple[float, np.ndarray] | None = None

    @property
    def step_size(self) -> float:  # type: ignore[override]
        """The length of the steps."""
        return self._length

    def _rows_of_fun(self, t: Any, X: np.ndarray) -> np.ndarray:
        if X.ndim == 2:
            return np.asarray(self.fun(t, X.ravel())).reshape(X.shape)
        times = np.broadcast_to(np.asarray(t).reshape(-1), len(X))
        return np.stack([self._rows_of_fun(t, x) for t, x in zip(times, X, strict=True)])

    def _step_impl(self) -> tuple[bool, str | None]:
        x = self.y.reshape(self._shape)
        h = self._length * self.direction
        try:
            ahead, self._memory = self._scheme.advance(self._system, self.t, x, h, self._memory)
        except NotConvergedError as error:
            self.failure = str(error)
            return False, f"At t={self.t:.6g} {error}"
        finally:
            self.nfev = int(np.ceil(self._system.n_evaluations))
        if not np.isfinite(ahead).all():
            return False, f"At t={self.t:.6g} the vector field is not finite."
        self._before = (self._done * h, x)
        self._done += 1
        is_last = self._done == self.n_steps
        self.t = self.t_bound if is_last else self._start + self._done * h
        self.y = ahead.reshape(-1)
        return True, None

    def _dense_output_impl(self) -> DenseOutput:
        assert self._before is not None
        assert self.t_old is not None
        return _Between(
            self._scheme, self._system, self._start, *self._before, self.t_old, self.t, self.y
        )


class _Between(DenseOutput):
    """The solution within a step: one shorter step from its start.

    The start is at t_first + elapsed, which is known better than its rounded value t_old.
    """

    def __init__(
        self,
        scheme: Scheme,
        system: System,
        t_first: float,
        elapsed: float,
        x_old: np.ndarray,
        t_old: float,
        t: float,
        y: np.ndarray,
    ):
        super().__init__(t_old, t)
        self.scheme, self.system, self.x_old, self.y = scheme, system, x_old, y
        self.t_first, self.elapsed = t_first, elapsed

    def _call_impl(self, t: Any) -> np.ndarray:
        if t.ndim:
            return np.stack([self._call_impl(time) for time in t], axis=-1)
        tiny = _ROUNDING * max(abs(self.t), abs(self.t_old))
        if abs(t - self.t) <= tiny:
            return self.y
        if abs(t - self.t_old) <= tiny:
            return self.x_old.reshape(-1)
        h = float((t - self.t_first) - self.elapsed)
        x, _ = self.scheme.advance(self.system, self.t_old, self.x_old, h, None)
        return x.reshape(-1)


def _rows_of(jac: Any) -> Callable[[Any, Any], Any] | None:
    """A Jacobian of one state as one of rows."""
    if jac is None:
        return None
    if not callable(jac):
        matrix = np.asarray(jac, dtype=float)
        return lambda t, X: np.broadcast_to(matrix, (len(X), *matrix.shape))
    return lambda t, X: np.stack([np.asarray(jac(t, x), dtype=float) for x in X])
