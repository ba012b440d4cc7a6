"""The planar arm: joint angles of any number, with masses that depend on them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..systems import Arm
from ._sampling import N_TRAJECTORIES, T_SPAN, Range, box, sampled

DESCRIPTION = """
Planar arm
----------
H(q, p) = p . M(q)^-1 p / 2 + sum_i mu_i g l_i (1 - cos theta_i) + sum_j k_j (1 - cos q_j): q_1 is
the angle of the first link from the downward vertical and q_j that of link j from the direction of
the link before it, theta_i = q_1 + ... + q_i, in radians, not wrapped; p are their canonical
momenta. Units are those of the parameters.
"""


def make_arm(
    n_samples: int = 1000,
    n_links: int = 3,
    *,
    sampling: str = "box",
    q_range: Range = (-2.0, 2.0),
    p_range: Range = (-0.5, 0.5),
    n_trajectories: int = N_TRAJECTORIES,
    t_span: Sequence[float] = T_SPAN,
    masses: float | Sequence[float] = 1.0,
    lengths: float | Sequence[float] = 1.0,
    stiffness: float | Sequence[float] = 0.0,
    gravity: float = 1.0,
    coordinates: str = "canonical",
    noise: float = 0.0,
    target_noise: float = 0.0,
    random_state: int | np.random.RandomState | None = None,
    return_X_y: bool = False,
) -> Any:
    """Make states and derivatives of an arm in a plane, H = p . M(q)^-1 p / 2 + V(q).

    The coordinates are the angles in its joints, as a robot measures them. The kinetic energy
    depends on them, and the motion is chaotic at the larger energies of the default box.
    :class:`~skhnn.systems.Arm` has the formula.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of rows; for trajectories a multiple of ``n_trajectories``.
    n_links : int, default=3
        Number n of links.
    sampling : {"box", "trajectories"}, default="box"
        "box" draws all states independently and uniformly from ``q_range`` x ``p_range``; each row
        is then a group of its own, at t = 0. "trajectories" draws ``n_trajectories`` initial states
        in the same way and follows them over ``t_span``.
    q_range : (float, float) or one for each column, default=(-2.0, 2.0)
        Range of the angles. A pair for all columns, or a pair for each.
    p_range : (float, float) or one for each column, default=(-0.5, 0.5)
        Range of the momenta. A pair for all columns, or a pair for each.
    n_trajectories : int, default=10
        Number of trajectories. Only for ``sampling="trajectories"``.
    t_span : (float, float), default=(0.0, 10.0)
        Times of the first sample of each trajectory and of the end, which is left out. Only for
        ``sampling="trajectories"``.
    masses, lengths : float or sequence of n_links floats, default=1.0
        Masses m_i at the ends of the links and lengths l_i of the links, one for all or one for
        each.
    stiffness : float or sequence of n_links floats, default=0.0
        Stiffness k_j of the joints, one for all or one for each.
    gravity : float, default=1.0
        Gravitational acceleration g; 0 for an arm that moves in a horizontal plane.
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
        With ``data`` (n_samples, 2n), ``target`` (n_samples, 2n), ``groups`` (n_samples,) the index
        of the trajectory, ``t`` (n_samples,), ``feature_names``, ``system`` (a
        :class:`~skhnn.systems.Arm`) and ``DESCR``.
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
    >>> from skhnn.datasets import make_arm
    >>> X, y = make_arm(500, 4, random_state=0, return_X_y=True)
    >>> X.shape, y.shape
    ((500, 8), (500, 8))
    >>> make_arm(n_links=2, coordinates="velocities", random_state=0).feature_names
    ['q_1', 'q_2', 'v_1', 'v_2']
    """
    system = Arm(n_links, masses, lengths, stiffness, gravity)
    return sampled(
        system,
        box(n_links, q_range=q_range, p_range=p_range),
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
