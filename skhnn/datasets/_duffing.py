"""The Duffing oscillator: two wells."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..systems import Duffing
from ._sampling import N_TRAJECTORIES, T_SPAN, box, sampled

DESCRIPTION = """
Duffing oscillator
------------------
H(q, p) = p^2 / 2 + alpha q^2 / 2 + beta q^4 / 4, in natural units.
"""


def make_duffing(
    n_samples: int = 1000,
    *,
    sampling: str = "box",
    q_range: Sequence[float] = (-2.0, 2.0),
    p_range: Sequence[float] = (-1.5, 1.5),
    n_trajectories: int = N_TRAJECTORIES,
    t_span: Sequence[float] = T_SPAN,
    alpha: float = -1.0,
    beta: float = 1.0,
    coordinates: str = "canonical",
    noise: float = 0.0,
    target_noise: float = 0.0,
    random_state: int | np.random.RandomState | None = None,
    return_X_y: bool = False,
) -> Any:
    """Make states and derivatives of Duffing's oscillator, H = p^2/2 + alpha q^2/2 + beta q^4/4.

    With the default alpha and beta there are two wells, and the default box covers motion in one of
    them and in both.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of rows; for trajectories a multiple of ``n_trajectories``.
    sampling : {"box", "trajectories"}, default="box"
        "box" draws all states independently and uniformly from ``q_range`` x ``p_range``; each row
        is then a group of its own, at t = 0. "trajectories" draws ``n_trajectories`` initial states
        in the same way and follows them over ``t_span``.
    q_range : (float, float), default=(-2.0, 2.0)
        Range of the coordinate.
    p_range : (float, float), default=(-1.5, 1.5)
        Range of the momentum.
    n_trajectories : int, default=10
        Number of trajectories. Only for ``sampling="trajectories"``.
    t_span : (float, float), default=(0.0, 10.0)
        Times of the first sample of each trajectory and of the end, which is left out. Only for
        ``sampling="trajectories"``.
    alpha : float, default=-1.0
        Coefficient of the linear force.
    beta : float, default=1.0
        Coefficient of the cubic force.
    coordinates : {"canonical", "velocities"}, default="canonical"
        "velocities" returns states (q, v) with v = dq/dt, and targets (v, a) with a = dv/dt, of the
        same motion.
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
        :class:`~skhnn.systems.Duffing`) and ``DESCR``.
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
    >>> from skhnn.datasets import make_duffing
    >>> wells = make_duffing(random_state=0)
    >>> wells.data.shape
    (1000, 2)
    >>> bool(0.2 < (wells.system.energy(wells.data) < 0).mean() < 0.8)
    True
    """
    system = Duffing(alpha=alpha, beta=beta)
    return sampled(
        system,
        box(1, q_range=q_range, p_range=p_range),
        n_samples,
        sampling=sampling,
        n_trajectories=n_trajectories,
        t_span=t_span,
        description=DESCRIPTION,
        coordinates=coordinates,
        noise=noise,
        target_noise=target_noise,
        random_state=random_state,
        return_X_y=return_X_y,
    )
