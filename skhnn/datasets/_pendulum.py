"""The pendulum: swinging and turning over, so a phase space with two kinds of orbit."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..systems import Pendulum
from ._sampling import box, sampled

DESCRIPTION = """
Pendulum
--------
H(q, p) = p^2 / (2 m l^2) + m g l (1 - cos q): q is the angle from the downward vertical in
radians, not wrapped, p the angular momentum. Units are those of the parameters; with the
defaults energies are in m g l, times in sqrt(l / g), momenta in m l sqrt(g l).
"""


def make_pendulum(
    n_samples: int = 1000,
    *,
    sampling: str = "box",
    q_range: Sequence[float] = (-np.pi, np.pi),
    p_range: Sequence[float] = (-3.0, 3.0),
    n_trajectories: int = 10,
    t_span: Sequence[float] = (0.0, 10.0),
    mass: float = 1.0,
    length: float = 1.0,
    gravity: float = 1.0,
    coordinates: str = "canonical",
    noise: float = 0.0,
    target_noise: float = 0.0,
    random_state: int | np.random.RandomState | None = None,
    return_X_y: bool = False,
) -> Any:
    """Make states and derivatives of a pendulum, H = p^2/(2 m l^2) + m g l (1 - cos q).

    Parameters
    ----------
    n_samples : int, default=1000
        Number of rows; for trajectories a multiple of ``n_trajectories``.
    sampling : {"box", "trajectories"}, default="box"
        "box" draws all states independently and uniformly from ``q_range`` x ``p_range``;
        each row is then a group of its own, at t = 0. "trajectories" draws
        ``n_trajectories`` initial states from that box and follows them over ``t_span``.
    q_range : (float, float), default=(-pi, pi)
        Range of the angle. Trajectories leave it: the angle is not wrapped.
    p_range : (float, float), default=(-3.0, 3.0)
        Range of the angular momentum. In natural units (the default mass, length and
        gravity) the separatrix passes through (q, p) = (0, 2), so that the default box
        covers swinging and turning over; in other units multiply by m l sqrt(g l).
    n_trajectories : int, default=10
        Number of trajectories. Only for ``sampling="trajectories"``.
    t_span : (float, float), default=(0.0, 10.0)
        Times of the first sample of each trajectory and of the end, which is left out.
        Small swings have the period 2 pi sqrt(l / g). Only for ``sampling="trajectories"``.
    mass, length, gravity : float, default=1.0
        Parameters m, l, g of :class:`~skhnn.systems.Pendulum`.
    coordinates : {"canonical", "velocities"}, default="canonical"
        "velocities" returns states (q, v) with v = dq/dt, and targets (v, a) with a = dv/dt, of
        the same motion.
    noise : float, default=0.0
        Standard deviation of the Gaussian noise on the states. The targets stay those of the
        states without noise.
    target_noise : float, default=0.0
        Standard deviation of the Gaussian noise on the targets.
    random_state : int, RandomState instance or None, default=None
        Draws states and noise. Pass an int for reproducible output.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With ``data`` (n_samples, 2), ``target`` (n_samples, 2), ``groups`` (n_samples,) the
        index of the trajectory, ``t`` (n_samples,), ``feature_names``, ``system`` (a
        :class:`~skhnn.systems.Pendulum`) and ``DESCR``.
    (data, target) : tuple, if ``return_X_y``

    Examples
    --------
    >>> from skhnn.datasets import make_pendulum
    >>> X, y = make_pendulum(random_state=0, return_X_y=True)
    >>> X.shape, y.shape
    ((1000, 2), (1000, 2))
    >>> swings = make_pendulum(
    ...     600, sampling="trajectories", n_trajectories=6, q_range=(-1, 1), p_range=(-1, 1),
    ...     random_state=0,
    ... )
    >>> swings.data.reshape(6, 100, 2).shape, swings.groups[[0, 99, 100, 599]].tolist()
    ((6, 100, 2), [0, 0, 1, 5])
    """
    system = Pendulum(mass=mass, length=length, gravity=gravity)
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
