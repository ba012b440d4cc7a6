"""A satellite in a rotating frame: momenta that are not velocities."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..systems import Satellite
from ._kepler import ellipses
from ._sampling import N_TRAJECTORIES, T_SPAN, sampled

DESCRIPTION = """
Satellite in a rotating frame
-----------------------------
H(q, p) = |p|^2 / 2 - omega (q_1 p_2 - q_2 p_1) - mu / |q|: q is the vector from the planet to the
satellite along the axes of a frame that rotates at the rate omega about z, and p = v + omega x q
its velocity in a frame at rest, v = dq/dt. The mass is 1; other units are those of mu and omega.
"""


def make_satellite(
    n_samples: int = 1000,
    n_dim: int = 2,
    *,
    sampling: str = "box",
    semi_axis: Sequence[float] = (0.5, 1.5),
    eccentricity: Sequence[float] = (0.0, 0.5),
    n_trajectories: int = N_TRAJECTORIES,
    t_span: Sequence[float] = T_SPAN,
    mu: float = 1.0,
    omega: float = 1.0,
    coordinates: str = "canonical",
    noise: float = 0.0,
    target_noise: float = 0.0,
    random_state: int | np.random.RandomState | None = None,
    return_X_y: bool = False,
) -> Any:
    """Make states and derivatives of satellites of a planet, in a frame that rotates.

    H = ``|p|^2 / 2 - omega (q_1 p_2 - q_2 p_1) - mu / |q|``,  p = v + omega x q

    The orbits are drawn as :func:`make_kepler` does, as ellipses in a frame at rest: semi-major
    axis and eccentricity uniformly from their ranges, and the plane and the direction of the
    ellipse uniformly. The place on the orbit is uniform in time.
    :class:`~skhnn.systems.Satellite` has more formulas.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of rows; for trajectories a multiple of ``n_trajectories``.
    n_dim : int, default=2
        Number of dimensions of space, 2 or 3.
    sampling : {"box", "trajectories"}, default="box"
        "box" draws all states independently, each from an orbit of its own; each row is then a
        group of its own, at t = 0. "trajectories" draws ``n_trajectories`` initial states in the
        same way and follows them over ``t_span``.
    semi_axis : (float, float), default=(0.5, 1.5)
        Range of the semi-major axes.
    eccentricity : (float, float), default=(0.0, 0.5)
        Range of the eccentricities, from 0 (a circle) to below 1.
    n_trajectories : int, default=10
        Number of trajectories. Only for ``sampling="trajectories"``.
    t_span : (float, float), default=(0.0, 10.0)
        Times of the first sample of each trajectory and of the end, which is left out. Only for
        ``sampling="trajectories"``.
    mu, omega : float, default=1.0
        Gravitational parameter of the planet, and rate of the frame, of
        :class:`~skhnn.systems.Satellite`. By default the stationary orbit has the radius 1.
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
        With ``data`` (n_samples, 2 n_dim), ``target`` (n_samples, 2 n_dim), ``groups`` (n_samples,)
        the index of the trajectory, ``t`` (n_samples,), ``feature_names``, ``system`` (a
        :class:`~skhnn.systems.Satellite`) and ``DESCR``.
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
    >>> from skhnn.datasets import make_satellite
    >>> X, y = make_satellite(random_state=0, return_X_y=True)
    >>> X.shape, y.shape
    ((1000, 4), (1000, 4))
    >>> satellites = make_satellite(
    ...     300, 3, sampling="trajectories", coordinates="velocities", random_state=0,
    ... )
    >>> satellites.data.shape, satellites.feature_names
    ((300, 6), ['q_1', 'q_2', 'q_3', 'v_1', 'v_2', 'v_3'])
    """
    system = Satellite(mu, omega, n_dim)
    return sampled(
        system,
        # at t = 0 the axes of both frames agree, and p is the velocity in the one at rest
        ellipses(mu, n_dim, semi_axis, eccentricity),
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
