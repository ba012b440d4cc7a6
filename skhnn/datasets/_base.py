"""What the data sets share: checks of parameters, integration, noise, the returned Bunch."""

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from textwrap import wrap
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp
from sklearn.utils import Bunch, check_scalar

from ..systems import Forced, HamiltonianSystem, PoissonSystem
from ..systems._checks import FloatArray

TOLERANCE = 1e-12  # of a trajectory, relative and absolute

System = PoissonSystem | Forced


def check_interval(
    name: str, value: Sequence[float], *, may_be_empty: bool = False
) -> tuple[float, float]:
    """Return (low, high) as floats; they must be finite and low < high."""
    try:
        low, high = (float(bound) for bound in value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a pair of numbers (low, high); got {value!r}.") from None
    in_order = low <= high if may_be_empty else low < high
    if not (in_order and np.isfinite([low, high]).all()):
        raise ValueError(f"{name} must be finite and increasing; got ({low!r}, {high!r}).")
    return low, high


def check_std(name: str, value: float) -> float:
    """Return a standard deviation as a float; it must be finite and not negative."""
    std = float(check_scalar(value, name, Real))
    if not 0 <= std < np.inf:
        raise ValueError(f"{name} must be finite and at least 0; got {value!r}.")
    return std


def check_n_times(n_samples: int, n_trajectories: int) -> int:
    """Return the number of samples of one trajectory; all are equally long."""
    check_scalar(n_samples, "n_samples", Integral, min_val=1)
    check_scalar(n_trajectories, "n_trajectories", Integral, min_val=1)
    n_times, rest = divmod(n_samples, n_trajectories)
    if rest or n_times == 0:
        raise ValueError(
            f"n_samples must be a multiple of n_trajectories, {n_trajectories}; got "
            f"{n_samples}. Try n_samples={max(n_times, 1) * n_trajectories}."
        )
    return int(n_times)


def time_grid(t_span: tuple[float, float], n_times: int) -> FloatArray:
    """t_k = low + (high - low) k / n for k = 0..n-1: the end is left out."""
    low, high = t_span
    return low + (high - low) * (np.arange(n_times) / n_times)


def integrate(
    system: System,
    X0: FloatArray,
    t: FloatArray,
    *,
    inputs: Callable[[float], FloatArray] | None = None,
    tolerance: float = TOLERANCE,
) -> FloatArray:
    """Trajectories from the initial states X0.

    Parameters
    ----------
    system : PoissonSystem or Forced
        What to integrate.
    X0 : ndarray of shape (n_trajectories, n_columns)
        States at t[0].
    t : ndarray of shape (n_times,)
        Increasing times.
    inputs : callable or None
        A time to the inputs (n_trajectories, m) of a Forced system.
    tolerance : float
        Of each trajectory, relative and absolute.

    Returns
    -------
    ndarray of shape (n_trajectories, n_times, n_columns)
        The states. What is left of the error, about 1e-11 for the pendulum, is that of the
        solver's interpolation between its steps.
    """
    if len(t) == 1:  # nothing to do, and solve_ivp returns lists
        return X0[:, np.newaxis]

    def field(time: float, x: FloatArray) -> FloatArray:
        X = x.reshape(X0.shape)
        if isinstance(system, Forced) and inputs is not None:
            return system.vector_field(X, inputs(time)).ravel()
        return system.vector_field(X).ravel()

    # All trajectories in one call, which is many times faster than one call for each. The
    # solver bounds the root mean square of the errors, so 1 / sqrt(n_trajectories) of the
    # tolerance bounds that of each trajectory as if it were alone.
    tolerance = tolerance / np.sqrt(len(X0))
    smallest_rtol = 2.3e-14  # solve_ivp warns below 100 eps
    result = solve_ivp(
        field,
        (t[0], t[-1]),
        X0.ravel(),
        method="DOP853",
        t_eval=t,
        rtol=max(tolerance, smallest_rtol),
        atol=tolerance,
    )
    if not result.success:
        raise RuntimeError(
            f"the integration of {system} from t={t[0]:g} to {t[-1]:g} failed: "
            f"{result.message} Try a shorter t_span or other initial states."
        )
    states: FloatArray = result.y.T.reshape(len(t), *X0.shape)  # time first
    return np.ascontiguousarray(states.swapaxes(0, 1))


def simulated(
    system: System,
    states: FloatArray,
    t: FloatArray,
    *,
    description: str,
    noise: float,
    target_noise: float,
    rng: np.random.RandomState,
    return_X_y: bool,
    coordinates: str = "canonical",
    inputs: FloatArray | None = None,
) -> Any:
    """Bunch of a simulated data set.

    Parameters
    ----------
    system : PoissonSystem or Forced
        The truth.
    states : ndarray of shape (n_trajectories, n_times, n_columns)
        States without noise.
    t : ndarray of shape (n_times,)
        Times of every trajectory.
    description : str
        First part of DESCR.
    noise, target_noise : float
        Standard deviations, added to data and target. The targets are derivatives at the
        states **without** noise: the noise stands for errors of measurement, not of motion.
    rng : RandomState
        Draws the noise.
    return_X_y : bool
        Return (data, target) alone.
    coordinates : {"canonical", "velocities"}
        Whether the states are returned as (q, p) or as (q, v).
    inputs : ndarray of shape (n_trajectories, n_times, m) or None
        Inputs of a Forced system, put behind the states without noise.
    """
    noise, target_noise = check_std("noise", noise), check_std("target_noise", target_noise)
    n_trajectories, n_times, width = states.shape
    u = None if inputs is None else inputs.reshape(n_trajectories * n_times, -1)
    data, target = states_and_derivatives(system, states.reshape(-1, width), u, coordinates)
    data = data + noise * rng.standard_normal(data.shape)
    target = target + target_noise * rng.standard_normal(data.shape)
    if u is not None:
        data = np.hstack([data, u])
    if return_X_y:
        return data, target
    n = len(data)
    names = getattr(system, "velocity_names" if coordinates == "velocities" else "feature_names")
    columns = f"states {', '.join(names)}; Gaussian noise of std {noise:g}"
    more: dict[str, Any] = {}
    if u is not None and isinstance(system, Forced):
        more["inputs"] = list(range(width, data.shape[1]))
        columns += f". Behind them inputs {', '.join(system.input_names)}, without noise"
        names = names + system.input_names
    return Bunch(
        data=data,
        target=target,
        groups=np.repeat(np.arange(n_trajectories), n_times),
        t=np.tile(t, n_trajectories),
        feature_names=names,
        system=system,
        DESCR=f"""{description.strip()}

{lines(f"System: {system}")}
{lines(f"data {data.shape}: {columns}")}
target {target.shape}: exact time derivatives {words_of_target(system, coordinates)} at the states
    without noise; Gaussian noise of std {target_noise:g} added
groups ({n},): index of the trajectory, {n_trajectories} of {n_times} row(s) each
t ({n},): times
""",
        **more,
    )


def check_coordinates(coordinates: str) -> None:
    """Refuse other coordinates than (q, p) and (q, v)."""
    if coordinates not in ("canonical", "velocities"):
        raise ValueError(f"coordinates must be 'canonical' or 'velocities'; got {coordinates!r}.")


def states_and_derivatives(
    system: System, X: FloatArray, u: FloatArray | None, coordinates: str
) -> tuple[FloatArray, FloatArray]:
    """Canonical states (n, 2d) in the coordinates asked for, and their time derivatives."""
    check_coordinates(coordinates)
    forces = () if u is None else (u,)
    if coordinates == "canonical":
        return X, system.vector_field(X, *forces)
    assert isinstance(system, HamiltonianSystem | Forced)
    return system.to_velocities(X), system.velocity_field(X, *forces)


def words_of_target(system: System, coordinates: str) -> str:
    """What the targets are, in a formula."""
    if coordinates == "velocities":
        return "(v, a) = (dq/dt, dv/dt)"
    if isinstance(system, Forced):
        return "(dq/dt, dp/dt)"
    return "(dq/dt, dp/dt) = (dH/dp, -dH/dq)" if is_canonical(system) else "S(x) grad H"


def is_canonical(system: System) -> bool:
    """Whether the states are (q, p)."""
    return isinstance(system, HamiltonianSystem | Forced)


def lines(text: str) -> str:
    """A long line as lines of at most 100 characters, all but the first indented."""
    return "\n".join(wrap(text, 100, subsequent_indent="    ", break_on_hyphens=False))
