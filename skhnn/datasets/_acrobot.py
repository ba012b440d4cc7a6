"""The acrobot: two joints, and one input behind the state."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..systems import Acrobot, Forced
from ._driven import driven
from ._sampling import N_TRAJECTORIES, T_SPAN, Range, box

DESCRIPTION = """
Acrobot
-------
dq/dt = v = dH/dp, dp/dt = -dH/dq - gamma v + (0, u) with H(q, p) = p . M(q)^-1 p / 2 + V(q): q_1 is
the angle of the first link from the downward vertical and q_2 that of the second from the direction
of the first, in radians, not wrapped, p their canonical momenta, gamma the damping and u a torque
in the second joint. Units are those of the parameters.
"""


def make_acrobot(
    n_samples: int = 1000,
    *,
    sampling: str = "box",
    q_range: Range = (-np.pi, np.pi),
    p_range: Range = (-0.5, 0.5),
    u_range: Sequence[float] = (-1.0, 1.0),
    n_trajectories: int = N_TRAJECTORIES,
    t_span: Sequence[float] = T_SPAN,
    mass_1: float = 1.0,
    mass_2: float = 1.0,
    length_1: float = 1.0,
    length_2: float = 1.0,
    centre_1: float | None = None,
    centre_2: float | None = None,
    inertia_1: float | None = None,
    inertia_2: float | None = None,
    gravity: float = 1.0,
    damping: float | Sequence[float] = 0.0,
    drive_frequency: float = 1.0,
    coordinates: str = "canonical",
    noise: float = 0.0,
    target_noise: float = 0.0,
    random_state: int | np.random.RandomState | None = None,
    return_X_y: bool = False,
) -> Any:
    """Make states and derivatives of a robot of two links with a torque u in its second joint.

    dq/dt = v = dH/dp,  dp/dt = -dH/dq - gamma v + (0, u)

    :class:`~skhnn.systems.Acrobot` has the formula of H. The last column of ``data`` is the input
    u: its derivative is not among the targets.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of rows; for trajectories a multiple of ``n_trajectories``.
    sampling : {"box", "trajectories"}, default="box"
        "box" draws all states and inputs independently and uniformly from ``q_range`` x
        ``p_range`` x ``u_range``; each row is then a group of its own, at t = 0. "trajectories"
        draws ``n_trajectories`` initial states from ``q_range`` x ``p_range`` and follows them
        over ``t_span``, under torques that swing over ``u_range`` as a sine of the time, each
        with a phase of its own.
    q_range : (float, float) or one for each column, default=(-pi, pi)
        Range of the angles. A pair for both columns, or a pair for each. Trajectories leave it:
        the angles are not wrapped.
    p_range : (float, float) or one for each column, default=(-0.5, 0.5)
        Range of the momenta. A pair for both columns, or a pair for each.
    u_range : (float, float), default=(-1.0, 1.0)
        Range of the torque. Two equal numbers are a constant torque.
    n_trajectories : int, default=10
        Number of trajectories. Only for ``sampling="trajectories"``.
    t_span : (float, float), default=(0.0, 10.0)
        Times of the first sample of each trajectory and of the end, which is left out. Only for
        ``sampling="trajectories"``.
    mass_1, mass_2, length_1, length_2 : float, default=1.0
        Masses m_1, m_2 and lengths l_1, l_2 of the links.
    centre_1, centre_2, inertia_1, inertia_2 : float or None, default=None
        Centres of mass c_1, c_2, as distances from the joint that the link hangs from, and moments
        of inertia I_1, I_2 about them. None means those of a uniform rod, l / 2 and m l^2 / 12.
    gravity : float, default=1.0
        Gravitational acceleration g.
    damping : float or sequence of 2 floats, default=0.0
        Damping gamma >= 0 of the joints, one number for both or one for each.
    drive_frequency : float, default=1.0
        Angular frequency of the torque, positive. Only for ``sampling="trajectories"``.
    coordinates : {"canonical", "velocities"}, default="canonical"
        "velocities" returns states (q, v) with v = dq/dt, and targets (v, a) with a = dv/dt, of
        the same motion.
    noise : float, default=0.0
        Standard deviation of the Gaussian noise on the states. Inputs have none, and the targets
        stay those of the states without noise.
    target_noise : float, default=0.0
        Standard deviation of the Gaussian noise on the targets.
    random_state : int, RandomState instance or None, default=None
        Draws states, inputs and noise. Pass an int for reproducible output.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With ``data`` (n_samples, 5), ``target`` (n_samples, 4), ``inputs`` the list [4] of the
        columns of ``data`` that are inputs, ``groups`` (n_samples,) the index of the trajectory,
        ``t`` (n_samples,), ``feature_names``, ``system`` (a :class:`~skhnn.systems.Forced`) and
        ``DESCR``.
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
    >>> from skhnn.datasets import make_acrobot
    >>> robot = make_acrobot(sampling="trajectories", random_state=0)
    >>> robot.data.shape, robot.target.shape
    ((1000, 5), (1000, 4))
    >>> robot.feature_names, robot.inputs
    (['q_1', 'q_2', 'p_1', 'p_2', 'u'], [4])
    """
    robot = Acrobot(
        mass_1=mass_1,
        mass_2=mass_2,
        length_1=length_1,
        length_2=length_2,
        centre_1=centre_1,
        centre_2=centre_2,
        inertia_1=inertia_1,
        inertia_2=inertia_2,
        gravity=gravity,
    )
    system = Forced(robot, damping, ((0.0,), (1.0,)))
    return driven(
        system,
        box(2, q_range=q_range, p_range=p_range),
        n_samples,
        sampling=sampling,
        u_range=u_range,
        drive_frequency=drive_frequency,
        n_trajectories=n_trajectories,
        t_span=t_span,
        description=DESCRIPTION,
        coordinates=coordinates,
        noise=noise,
        target_noise=target_noise,
        random_state=random_state,
        return_X_y=return_X_y,
    )
