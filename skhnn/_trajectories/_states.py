"""The states of runs for weights that stay as they are, and their standard deviations."""

import numpy as np

from .._solvers._directions import Directions
from ..hamiltonians import Equations, Params
from ._collocation import linearised
from ._joint import MOST_STEPS, STILL
from ._measured import Measured
from ._noise import floored
from ._runs import Grid


def states_for(
    equations: Equations,
    params: Params,
    x: np.ndarray,
    sigma: np.ndarray,
    measured: Measured,
    grid: Grid,
    T: np.ndarray | None,
) -> tuple[np.ndarray, bool]:
    """The states at the nodes for weights that stay as they are, and whether that ended.

    T are the variances of random forces, (n, D), or None.
    """
    none, present = Directions.alone(np.zeros(0, dtype=int)), measured.present
    sigma = floored(sigma, measured.sizes(x), x.shape[1])
    precision = measured.precision(sigma)
    for _ in range(MOST_STEPS):
        shown = measured.shown(equations, params, x, grid, measured.E, none)
        dx = linearised(equations, params, x, grid, none, shown, precision, T=T).dx0
        if not np.isfinite(dx).all():
            return x, False
        x = x + dx
        with np.errstate(invalid="ignore"):
            moved = np.sqrt(np.nanmean(np.where(present, (dx / sigma) ** 2, np.nan)))
        if moved < STILL:
            return x, True
    return x, False


def std_of_states(
    equations: Equations,
    params: Params,
    x: np.ndarray,
    sigma: np.ndarray,
    measured: Measured,
    grid: Grid,
    free: Directions,
    root: np.ndarray,
    T: np.ndarray | None,
) -> np.ndarray:
    """The standard deviations of the states of ``states_for``, (N, D).

    They are those of noise and random forces, by draws of them, all of which are right-hand sides
    of one system, and those of weights along ``free``, whose covariance has the ``root``.
    """
    sigma = floored(sigma, measured.sizes(x), x.shape[1])
    precision = measured.precision(sigma)
    rng = np.random.RandomState(0)
    # Draws of the noise by which the spread of states is known to 7 %.
    most_draws = 100
    draws = rng.standard_normal((*precision.shape, most_draws))
    draws *= np.where(measured.present, sigma, 0.0)[..., None]
    shown = measured.shown(equations, params, x, grid, measured.E, free)
    shown = shown._replace(by_unknowns=-draws)
    pushes = None
    if T is not None:
        pushes = -np.sqrt(T)[..., None] * rng.standard_normal((*T.shape, most_draws))
    Psi = linearised(
        equations, params, x, grid, free, shown, precision, most_draws, T=T, of_more=pushes
    ).Psi
    of_weights = Psi[..., : len(free)] @ root
    variances = np.mean(Psi[..., len(free) :] ** 2, axis=-1) + np.sum(of_weights**2, axis=-1)
    return np.asarray(np.sqrt(variances))
