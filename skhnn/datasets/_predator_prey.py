"""Predators and prey: an energy in columns that are not canonical."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..systems import PredatorPrey
from ._sampling import N_TRAJECTORIES, T_SPAN, Draw, Range, box, sampled

DESCRIPTION = """
Predators and prey
------------------
dx/dt = x (a - b y), dy/dt = y (c x - d): numbers x of prey and y of predators. In these columns
dx/dt = S(x) grad H with S = x y [[0, -1], [1, 0]] and H = c x - d log x + b y - a log y.
"""


def make_predator_prey(
    n_samples: int = 1000,
    *,
    sampling: str = "box",
    x_range: Range = (0.2, 3.0),
    n_trajectories: int = N_TRAJECTORIES,
    t_span: Sequence[float] = T_SPAN,
    growth: float = 1.0,
    predation: float = 1.0,
    conversion: float = 1.0,
    mortality: float = 1.0,
    noise: float = 0.0,
    target_noise: float = 0.0,
    random_state: int | np.random.RandomState | None = None,
    return_X_y: bool = False,
) -> Any:
    """Make states and derivatives of predators and prey, the equations of Lotka and Volterra.

    dx/dt = x (a - b y),  dy/dt = y (c x - d)

    :class:`~skhnn.systems.PredatorPrey` has the energy that is conserved.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of rows; for trajectories a multiple of ``n_trajectories``.
    sampling : {"box", "trajectories"}, default="box"
        "box" draws all states independently and uniformly from ``x_range``; each row is then a
        group of its own, at t = 0. "trajectories" draws ``n_trajectories`` initial states in the
        same way and follows them over ``t_span``.
    x_range : (float, float) or one for each column, default=(0.2, 3.0)
        Range of the numbers, positive. A pair for both columns, or a pair for each.
    n_trajectories : int, default=10
        Number of trajectories. Only for ``sampling="trajectories"``.
    t_span : (float, float), default=(0.0, 10.0)
        Times of the first sample of each trajectory and of the end, which is left out. Only for
        ``sampling="trajectories"``.
    growth, predation, conversion, mortality : float, default=1.0
        Rates a, b, c, d of :class:`~skhnn.systems.PredatorPrey`.
    noise : float, default=0.0
        Standard deviation of the Gaussian noise on the states. The targets stay those of the states
        without noise.
    target_noise : float, default=0.0
        Standard deviation of the Gaussian noise on the targets.
    random_state : int, RandomState instance or None, default=None
        Draws states and noise. Pass an int for reproducible output.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With ``data`` (n_samples, 2), ``target`` (n_samples, 2), ``groups`` (n_samples,) the index
        of the trajectory, ``t`` (n_samples,), ``feature_names``, ``system`` (a
        :class:`~skhnn.systems.PredatorPrey`) and ``DESCR``.
    (data, target) : tuple, if ``return_X_y``

    Raises
    ------
    ValueError
        If a parameter is out of its range, or ``n_samples`` no multiple of ``n_trajectories``.
    TypeError
        If a parameter is of another type.
    RuntimeError
        If a trajectory cannot be integrated.

    Examples
    --------
    >>> from skhnn.datasets import make_predator_prey
    >>> islands = make_predator_prey(sampling="trajectories", random_state=0)
    >>> islands.data.shape, islands.feature_names
    ((1000, 2), ['prey', 'predators'])
    >>> bool(islands.data.min() > 0)
    True
    """
    system = PredatorPrey(
        growth=growth, predation=predation, conversion=conversion, mortality=mortality
    )
    return sampled(
        system,
        _positive(x_range),
        n_samples,
        sampling=sampling,
        n_trajectories=n_trajectories,
        t_span=t_span,
        description=DESCRIPTION,
        noise=noise,
        target_noise=target_noise,
        random_state=random_state,
        return_X_y=return_X_y,
    )


def _positive(x_range: Range) -> Draw:
    """A box of positive numbers."""
    draw = box(2, x_range=x_range)
    if not np.min(x_range) > 0:
        raise ValueError(f"x_range must be positive, as numbers of animals are; got {x_range!r}.")
    return draw
