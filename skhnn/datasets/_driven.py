"""Forced systems: states and inputs, drawn independently or along trajectories."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_random_state, check_scalar

from ..systems import Forced
from ..systems._checks import FloatArray
from ._base import check_interval, check_n_times, check_std, integrate, simulated, time_grid
from ._sampling import Draw, check_sampling, describe, warn_of_no_effect


def driven(
    system: Forced,
    draw: Draw,
    n_samples: int,
    *,
    sampling: str,
    u_range: Sequence[float],
    drive_frequency: float,
    n_trajectories: int,
    t_span: Sequence[float],
    description: str,
    coordinates: str,
    noise: float,
    target_noise: float,
    random_state: int | np.random.RandomState | None,
    return_X_y: bool,
) -> Any:
    """Make a data set of a system with inputs, which stand behind the states.

    Parameters
    ----------
    system : Forced
        The truth, with m inputs.
    draw : Draw
        Draws states, or the initial states of trajectories.
    description : str
        First part of DESCR, without the sampling.
    n_samples, sampling, u_range, drive_frequency, n_trajectories, t_span, coordinates, noise, \
target_noise, random_state, return_X_y
        As in :func:`make_damped_pendulum`.
    """
    low, high = check_interval("u_range", u_range, may_be_empty=True)
    check_sampling(sampling)
    check_scalar(n_samples, "n_samples", Integral, min_val=1)
    frequency = _check_frequency(drive_frequency)
    start, end = check_interval("t_span", t_span)
    rng = check_random_state(random_state)
    m = system.n_inputs
    if sampling == "box":
        warn_of_no_effect(n_trajectories, (start, end), stacklevel=3)
        t = np.zeros(1)
        states = draw.states(rng, n_samples)[:, np.newaxis]
        inputs = rng.uniform(low, high, size=(n_samples, 1, m))
    else:
        t = time_grid((start, end), check_n_times(n_samples, n_trajectories))
        starts = draw.states(rng, n_trajectories)
        phase = rng.uniform(0, 2 * np.pi, size=(n_trajectories, m))

        def drive(time: float) -> FloatArray:
            return (low + high) / 2 + (high - low) / 2 * np.sin(frequency * time + phase)

        states = integrate(system, starts, t, inputs=drive)
        inputs = np.stack([drive(time) for time in t], axis=1)
    return simulated(
        system,
        states,
        t,
        description=describe(description, sampling, draw.words),
        coordinates=coordinates,
        inputs=inputs,
        noise=noise,
        target_noise=target_noise,
        rng=rng,
        return_X_y=return_X_y,
    )


def _check_frequency(value: float) -> float:
    """Return a frequency as a float; it must be positive and finite."""
    frequency = check_std("drive_frequency", value)
    if frequency == 0:
        raise ValueError(
            "drive_frequency must be positive; got 0. For a constant torque set u_range to two "
            "equal numbers."
        )
    return frequency
