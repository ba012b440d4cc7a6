"""What the data sets share: checks of parameters, integration, noise, the returned Bunch."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp
from sklearn.utils import Bunch, check_scalar

from ..systems import FloatArray, HamiltonianSystem

TOLERANCE = 1e-12  # of a trajectory, relative and absolute
SMALLEST_RTOL = 2.3e-14  # solve_ivp warns below 100 eps


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


def integrate(system: HamiltonianSystem, X0: FloatArray, t: FloatArray) -> FloatArray:
    """Trajectories from the initial states X0.

    Parameters
    ----------
    system : HamiltonianSystem
        What to integrate.
    X0 : ndarray of shape (n_trajectories, 2d)
        States at t[0].
    t : ndarray of shape (n_times,)
        Increasing times.

    Returns
    -------
    ndarray of shape (n_trajectories, n_times, 2d)
        The states. What is left of the error, about 1e-11 for the pendulum, is that of the
        solver's interpolation between its steps.
    """
    if len(t) == 1:  # nothing to do, and solve_ivp returns lists
        return X0[:, np.newaxis]
    # All trajectories in one call, which is many times faster than one call for each. The
    # solver bounds the root mean square of the errors, so 1 / sqrt(n_trajectories) of the
    # tolerance bounds that of each trajectory as if it were alone.
    tolerance = TOLERANCE / np.sqrt(len(X0))
    result = solve_ivp(
        lambda _, x: system.vector_field(x.reshape(X0.shape)).ravel(),
        (t[0], t[-1]),
        X0.ravel(),
        method="DOP853",
        t_eval=t,
        rtol=max(tolerance, SMALLEST_RTOL),
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
    system: HamiltonianSystem,
    states: FloatArray,
    t: FloatArray,
    *,
    description: str,
    noise: float,
    target_noise: float,
    rng: np.random.RandomState,
    return_X_y: bool,
) -> Any:
    """Bunch of a simulated data set.

    Parameters
    ----------
    system : HamiltonianSystem
        The truth.
    states : ndarray of shape (n_trajectories, n_times, 2d)
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
    """
    noise, target_noise = check_std("noise", noise), check_std("target_noise", target_noise)
    n_trajectories, n_times, width = states.shape
    data = states.reshape(-1, width)
    target = system.vector_field(data)
    data = data + noise * rng.standard_normal(data.shape)
    target = target + target_noise * rng.standard_normal(data.shape)
    if return_X_y:
        return data, target
    n = len(data)
    return Bunch(
        data=data,
        target=target,
        groups=np.repeat(np.arange(n_trajectories), n_times),
        t=np.tile(t, n_trajectories),
        feature_names=system.feature_names,
        system=system,
        DESCR=f"""{description.strip()}

System: {system}
data ({n}, {width}): states {", ".join(system.feature_names)}; Gaussian noise of std {noise:g}
target ({n}, {width}): exact time derivatives (dq/dt, dp/dt) = (dH/dp, -dH/dq) at the states
    without noise; Gaussian noise of std {target_noise:g} added
groups ({n},): index of the trajectory, {n_trajectories} of {n_times} row(s) each
t ({n},): times
""",
    )
