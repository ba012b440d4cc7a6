"""The spherical pendulum: a coordinate that the energy does not depend on."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..systems import SphericalPendulum
from ._sampling import N_TRAJECTORIES, T_SPAN, Range, box, sampled

DESCRIPTION = """
Spherical pendulum
------------------
H(q, p) = (p_1^2 + p_2^2 / sin^2 q_1) / (2 m l^2) + m g l (1 - cos q_1): q_1 is the angle from the
downward vertical and q_2 the azimuth in radians, not wrapped. Units are those of the parameters.
"""


def make_spherical_pendulum(
    n_samples: int = 1000,
    *,
    sampling: str = "box",
    q_range: Range = ((0.5, 2.5), (-np.pi, np.pi)),
    p_range: Range = ((-1.0, 1.0), (0.5, 1.5)),
    n_trajectories: int = N_TRAJECTORIES,
    t_span: Sequence[float] = T_SPAN,
    mass: float = 1.0,
    length: float = 1.0,
    gravity: float = 1.0,
    coordinates: str = "canonical",
    noise: float = 0.0,
    target_noise: float = 0.0,
    random_state: int | np.random.RandomState | None = None,
    return_X_y: bool = False,
) -> Any:
    """Make states and derivatives of a pendulum that swings in all directions.

    H = (p_1^2 + p_2^2 / sin^2 q_1) / (2 m l^2) + m g l (1 - cos q_1)

    q_1 is the angle from the downward vertical, q_2 the azimuth. The default box keeps away from
    the vertical, where these angles are not defined.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of rows; for trajectories a multiple of ``n_trajectories``.
    sampling : {"box", "trajectories"}, default="box"
        "box" draws all states independently and uniformly from ``q_range`` x ``p_range``; each row
        is then a group of its own, at t = 0. "trajectories" draws ``n_trajectories`` initial states
        in the same way and follows them over ``t_span``.
    q_range : (float, float) or one for each column, default=((0.5, 2.5), (-np.pi, np.pi))
        Range of the angle and of the azimuth. A pair for both columns, or a pair for each.
    p_range : (float, float) or one for each column, default=((-1.0, 1.0), (0.5, 1.5))
        Range of the momenta. A pair for both columns, or a pair for each.
    n_trajectories : int, default=10
        Number of trajectories. Only for ``sampling="trajectories"``.
    t_span : (float, float), default=(0.0, 10.0)
        Times of the first sample of each trajectory and of the end, which is left out. Only for
        ``sampling="trajectories"``.
    mass, length, gravity : float, default=1.0
        Parameters m, l, g of :class:`~skhnn.systems.SphericalPendulum`.
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
        With ``data`` (n_samples, 4), ``target`` (n_samples, 4), ``groups`` (n_samples,) the index
        of the trajectory, ``t`` (n_samples,), ``feature_names``, ``system`` (a
        :class:`~skhnn.systems.SphericalPendulum`) and ``DESCR``.
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
    >>> from skhnn.datasets import make_spherical_pendulum
    >>> swings = make_spherical_pendulum(sampling="trajectories", random_state=0)
    >>> swings.data.shape
    (1000, 4)
    >>> bool(abs(swings.target[:, 3]).max() == 0)  # the energy does not depend on the azimuth
    True
    """
    system = SphericalPendulum(mass=mass, length=length, gravity=gravity)
    return sampled(
        system,
        box(2, q_range=q_range, p_range=p_range),
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
