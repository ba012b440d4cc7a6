"""The double pendulum: chaotic, with masses that depend on the angles."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..systems import DoublePendulum
from ._sampling import N_TRAJECTORIES, T_SPAN, Range, box, sampled

DESCRIPTION = """
Double pendulum
---------------
H(q, p) = p . M(q)^-1 p / 2 + (m_1 + m_2) g l_1 (1 - cos q_1) + m_2 g l_2 (1 - cos q_2): q are the
angles of the rods from the downward vertical in radians, not wrapped, p their canonical momenta.
Units are those of the parameters.
"""


def make_double_pendulum(
    n_samples: int = 1000,
    *,
    sampling: str = "box",
    q_range: Range = (-2.0, 2.0),
    p_range: Range = (-2.0, 2.0),
    n_trajectories: int = N_TRAJECTORIES,
    t_span: Sequence[float] = T_SPAN,
    mass_1: float = 1.0,
    mass_2: float = 1.0,
    length_1: float = 1.0,
    length_2: float = 1.0,
    gravity: float = 1.0,
    coordinates: str = "canonical",
    noise: float = 0.0,
    target_noise: float = 0.0,
    random_state: int | np.random.RandomState | None = None,
    return_X_y: bool = False,
) -> Any:
    """Make states and derivatives of a double pendulum, H = p . M(q)^-1 p / 2 + V(q).

    The kinetic energy depends on the angles, and the motion is chaotic at the larger energies of
    the default box. :class:`~skhnn.systems.DoublePendulum` has the formula.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of rows; for trajectories a multiple of ``n_trajectories``.
    sampling : {"box", "trajectories"}, default="box"
        "box" draws all states independently and uniformly from ``q_range`` x ``p_range``; each row
        is then a group of its own, at t = 0. "trajectories" draws ``n_trajectories`` initial states
        in the same way and follows them over ``t_span``.
    q_range : (float, float) or one for each column, default=(-2.0, 2.0)
        Range of the angles. A pair for both columns, or a pair for each.
    p_range : (float, float) or one for each column, default=(-2.0, 2.0)
        Range of the momenta. A pair for both columns, or a pair for each.
    n_trajectories : int, default=10
        Number of trajectories. Only for ``sampling="trajectories"``.
    t_span : (float, float), default=(0.0, 10.0)
        Times of the first sample of each trajectory and of the end, which is left out. Only for
        ``sampling="trajectories"``.
    mass_1, mass_2, length_1, length_2, gravity : float, default=1.0
        Parameters m_1, m_2, l_1, l_2, g of :class:`~skhnn.systems.DoublePendulum`.
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
        :class:`~skhnn.systems.DoublePendulum`) and ``DESCR``.
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
    >>> from skhnn.datasets import make_double_pendulum
    >>> X, y = make_double_pendulum(random_state=0, return_X_y=True)
    >>> X.shape, y.shape
    ((1000, 4), (1000, 4))
    >>> make_double_pendulum(coordinates="velocities", random_state=0).feature_names
    ['q_1', 'q_2', 'v_1', 'v_2']
    """
    system = DoublePendulum(
        mass_1=mass_1, mass_2=mass_2, length_1=length_1, length_2=length_2, gravity=gravity
    )
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
