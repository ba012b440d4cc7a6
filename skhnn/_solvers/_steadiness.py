"""Whether simulations that start from the data stay with the data.

A small error of the field on the data does not make a good model. Data on a thin set, such as one
orbit, leave the Hamiltonian beside them undetermined; what the model has there decides whether a
small deviation from the orbit stays small or grows with every revolution. No error on rows of the
orbit shows that, but a simulation does: one starts a little beside the data, follows the model for
many revolutions, and looks how far from the data it has come.
"""

from collections.abc import Callable

import numpy as np
from scipy.integrate import solve_ivp
from scipy.spatial import cKDTree

from ..hamiltonians import Hamiltonian, Params, field_from_gradient
from ._folds import some
from ._problem import Problem

# Lengths are in standard deviations of the columns, times in characteristic times.
_STEP_ASIDE = 0.03  # how far beside the data two models are compared
_PERTURBATION = 1e-3  # how far beside the data simulations start
_N_STARTS, _N_TIMES, _DURATION = 8, 100, 30.0
_ROWS = 4000
_MOST_EVALUATIONS = 20_000
# A deviation of at most this many perturbations, beyond the gaps of the data, is steady.
_STEADY = 30.0
# Models that agree on the data and differ beside them by this many times more are undetermined.
_UNDETERMINED = 10.0

Model = tuple[Hamiltonian, Params]


def determined_beside(
    first: Model, second: Model, problem: Problem, rng: np.random.RandomState
) -> bool:
    """Whether two models that were fitted to the same data agree beside them as well.

    On data that fill their space two good models still agree a small step aside. On a thin set
    they agree on the data, and aside they do not.
    """
    Z, _, _ = problem.take(some(np.arange(problem.n_samples), 500, rng))
    aside = Z + _STEP_ASIDE * rng.standard_normal(Z.shape) / np.sqrt(Z.shape[1])
    w = problem.scaling.w

    def difference(X: np.ndarray) -> float:
        a, b = (h.gradient(params, X) for h, params in (first, second))
        return float(np.sqrt(np.median((a - b) ** 2 @ w)))

    return difference(aside) <= _UNDETERMINED * difference(Z) or difference(aside) < 1e-12


def deviation(model: Model, problem: Problem, rng: np.random.RandomState) -> float:
    """The distance from the data of simulations that start beside them, in perturbations.

    The median over the simulations of the largest distance on the way, less the gaps between the
    data; infinite where the simulation fails. At most 1 / perturbation counts.
    """
    hamiltonian, params = model
    s = problem.scaling.s
    Z, _, _ = problem.take(some(np.arange(problem.n_samples), _ROWS, rng))
    starts = Z[rng.choice(len(Z), min(_N_STARTS, len(Z)), replace=False)]
    starts = starts + _PERTURBATION * rng.standard_normal(starts.shape)
    # dx/dt = J grad H with H = e h(z): dz/dt = J grad h(z) up to e / (s_q s_p), column by column.
    d = len(s) // 2
    speed = np.tile(1.0 / (s[:d] * s[d:]), 2)

    def field(Z: np.ndarray) -> np.ndarray:
        return field_from_gradient(hamiltonian.gradient(params, Z)) * speed

    duration = _DURATION * _characteristic_time(field, Z)
    if duration == 0.0 or np.isnan(duration):  # nothing varies, or nothing moves
        return 0.0
    states = _simulate(field, starts, duration)
    if states is None:
        return np.inf
    tree = cKDTree(Z)
    gaps = np.median(np.asarray(tree.query(Z, k=2)[0])[:, 1])
    distance = np.asarray(tree.query(states.reshape(-1, Z.shape[1]))[0]).reshape(len(starts), -1)
    largest = np.clip(distance.max(axis=1) - 2 * gaps, _PERTURBATION, 1.0)
    return float(np.median(largest) / _PERTURBATION)


def is_steady(deviation: float) -> bool:
    """Whether a deviation is as small as it should be."""
    return deviation <= _STEADY


def _characteristic_time(field: Callable[[np.ndarray], np.ndarray], Z: np.ndarray) -> float:
    """2 pi rms(z) / rms(dz/dt): the period of an oscillation about the mean."""
    speed = np.sqrt(np.mean(field(Z) ** 2))
    return 2 * np.pi * float(np.sqrt(np.mean(Z**2)) / speed) if speed else 0.0


def _simulate(
    field: Callable[[np.ndarray], np.ndarray], starts: np.ndarray, duration: float
) -> np.ndarray | None:
    """States (n_starts, n_times, 2d), or None if the integration failed or would not end."""
    shape = starts.shape
    n_evaluations = 0

    def flat_field(_: float, z: np.ndarray) -> np.ndarray:
        nonlocal n_evaluations
        n_evaluations += 1
        dz = field(z.reshape(shape)).ravel()
        # A start that has left for good must not hold up the others.
        far = np.abs(z.reshape(shape)).max(axis=1) > 30.0
        if far.any():
            dz.reshape(shape)[far] = 0.0
        if n_evaluations > _MOST_EVALUATIONS or not np.isfinite(dz).all():
            raise FloatingPointError
        return dz

    t = np.linspace(0.0, duration, _N_TIMES)
    try:
        result = solve_ivp(
            flat_field, (0.0, duration), starts.ravel(), "DOP853", t, rtol=1e-5, atol=1e-7
        )
    except FloatingPointError:
        return None
    if result.status:
        return None
    return np.moveaxis(result.y.reshape(*shape, -1), 2, 1)
