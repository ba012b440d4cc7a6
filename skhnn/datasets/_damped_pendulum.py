"""The damped and driven pendulum: friction, and an input behind the state."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..systems import Forced, Pendulum
from ._base import check_std
from ._driven import driven
from ._sampling import N_TRAJECTORIES, T_SPAN, box

DESCRIPTION = """
Damped and driven pendulum
--------------------------
dq/dt = v = p / (m l^2), dp/dt = -m g l sin q - gamma v + u: q is the angle from the downward
vertical in radians, not wrapped, p the angular momentum, gamma the damping and u a torque at the
pivot. Units are those of the parameters.
"""


def make_damped_pendulum(
    n_samples: int = 1000,
    *,
    sampling: str = "box",
    q_range: Sequence[float] = (-np.pi, np.pi),
    p_range: Sequence[float] = (-3.0, 3.0),
    u_range: Sequence[float] = (-1.0, 1.0),
    n_trajectories: int = N_TRAJECTORIES,
    t_span: Sequence[float] = T_SPAN,
    mass: float = 1.0,
    length: float = 1.0,
    gravity: float = 1.0,
    damping: float = 0.1,
    drive_frequency: float = 1.0,
    coordinates: str = "canonical",
    noise: float = 0.0,
    target_noise: float = 0.0,
    random_state: int | np.random.RandomState | None = None,
    return_X_y: bool = False,
) -> Any:
    """Make states and derivatives of a pendulum with friction and a torque u.

    dq/dt = v = p / (m l^2),  dp/dt = -m g l sin q - gamma v + u

    The last column of ``data`` is the input u: its derivative is not among the targets.

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
    q_range : (float, float), default=(-pi, pi)
        Range of the angle. Trajectories leave it: the angle is not wrapped.
    p_range : (float, float), default=(-3.0, 3.0)
        Range of the angular momentum.
    u_range : (float, float), default=(-1.0, 1.0)
        Range of the torque. Two equal numbers are a constant torque.
    n_trajectories : int, default=10
        Number of trajectories. Only for ``sampling="trajectories"``.
    t_span : (float, float), default=(0.0, 10.0)
        Times of the first sample of each trajectory and of the end, which is left out. Only for
        ``sampling="trajectories"``.
    mass, length, gravity : float, default=1.0
        Parameters m, l, g of :class:`~skhnn.systems.Pendulum`.
    damping : float, default=0.1
        Damping gamma >= 0.
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
        With ``data`` (n_samples, 3), ``target`` (n_samples, 2), ``inputs`` the list [2] of the
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
    >>> from skhnn.datasets import make_damped_pendulum
    >>> driven = make_damped_pendulum(sampling="trajectories", random_state=0)
    >>> driven.data.shape, driven.target.shape
    ((1000, 3), (1000, 2))
    >>> driven.feature_names, driven.inputs
    (['q', 'p', 'u'], [2])
    """
    pendulum = Pendulum(mass=mass, length=length, gravity=gravity)
    system = Forced(pendulum, check_std("damping", damping), ((1.0,),))
    return driven(
        system,
        box(1, q_range=q_range, p_range=p_range),
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
