"""States of a system: drawn independently, or on trajectories from states that are drawn."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_random_state, check_scalar

from ..systems import PoissonSystem
from ..systems._checks import FloatArray
from ._base import (
    check_coordinates,
    check_interval,
    check_n_times,
    integrate,
    lines,
    simulated,
    time_grid,
)

N_TRAJECTORIES, T_SPAN = 10, (0.0, 10.0)  # the defaults of all data sets with sampling

Range = Sequence[float] | Sequence[Sequence[float]]


@dataclass(frozen=True)
class Draw:
    """How states are drawn.

    Parameters
    ----------
    states : callable
        (rng, n) to states (n, n_columns).
    words : str
        The same in words, behind "drawn ".
    """

    states: Callable[[np.random.RandomState, int], FloatArray]
    words: str


def box(n: int, **ranges: Range) -> Draw:
    """States drawn uniformly: for each name a pair (low, high) for n columns, or n pairs."""
    pairs = [pair for name, value in ranges.items() for pair in _pairs(name, value, n)]
    low, high = zip(*pairs, strict=True)
    return Draw(
        lambda rng, size: rng.uniform(low, high, size=(size, len(pairs))), "uniformly from a box"
    )


def _pairs(name: str, value: Range, n: int) -> list[tuple[float, float]]:
    values: Any = value
    if np.ndim(values) < 2:
        return n * [check_interval(name, values)]
    if len(values) != n:
        raise ValueError(
            f"{name} must be one pair (low, high), or {n} of them, one for each column; got "
            f"{value!r}."
        )
    return [check_interval(name, pair) for pair in values]


def check_sampling(sampling: str) -> None:
    """Refuse another kind of sampling than the two there are."""
    if sampling not in ("box", "trajectories"):
        raise ValueError(f"sampling must be 'box' or 'trajectories'; got {sampling!r}.")


def warn_of_no_effect(n_trajectories: int, t_span: tuple[float, float], stacklevel: int) -> None:
    """Warn of options that are for trajectories only."""
    if (n_trajectories, t_span) != (N_TRAJECTORIES, T_SPAN):
        warnings.warn(
            "n_trajectories and t_span have no effect with sampling='box'; set "
            "sampling='trajectories' or leave them out.",
            stacklevel=stacklevel + 1,
        )


def describe(description: str, sampling: str, words: str) -> str:
    """The first part of DESCR, with the sampling in words."""
    if sampling == "box":
        text = f"Sampling: states drawn {words}; each is a group of its own, with t = 0."
        return description + lines(text)
    return (
        f"{description}Sampling: trajectories integrated by DOP853 (rtol = atol = 1e-12) from "
        f"initial states\ndrawn {words}."
    )


def sampled(
    system: PoissonSystem,
    draw: Draw,
    n_samples: int,
    *,
    sampling: str,
    n_trajectories: int,
    t_span: Sequence[float],
    description: str,
    noise: float,
    target_noise: float,
    random_state: int | np.random.RandomState | None,
    return_X_y: bool,
    coordinates: str = "canonical",
) -> Any:
    """Make a data set of a system: the parameters of every ``make_*`` with ``sampling``.

    Parameters
    ----------
    system : PoissonSystem
        The truth.
    draw : Draw
        Draws states, or the initial states of trajectories.
    description : str
        First part of DESCR, without the sampling.
    n_samples, sampling, n_trajectories, t_span, noise, target_noise, random_state, return_X_y, \
coordinates
        As in :func:`make_pendulum`.
    """
    check_sampling(sampling)
    check_coordinates(coordinates)
    check_scalar(n_samples, "n_samples", Integral, min_val=1)
    start, end = check_interval("t_span", t_span)
    rng = check_random_state(random_state)
    if sampling == "box":
        warn_of_no_effect(n_trajectories, (start, end), stacklevel=3)
        t = np.zeros(1)
        states = draw.states(rng, n_samples)[:, np.newaxis]
    else:
        t = time_grid((start, end), check_n_times(n_samples, n_trajectories))
        states = integrate(system, draw.states(rng, n_trajectories), t)
    return simulated(
        system,
        states,
        t,
        description=describe(description, sampling, draw.words),
        coordinates=coordinates,
        noise=noise,
        target_noise=target_noise,
        rng=rng,
        return_X_y=return_X_y,
    )
