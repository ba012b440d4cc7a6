"""Masses and linear springs: a quadratic energy."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..systems import SpringNetwork
from ._sampling import N_TRAJECTORIES, T_SPAN, Range, box, sampled

DESCRIPTION = """
Masses and linear springs
-------------------------
H(q, p) = sum_i p_i^2 / (2 m_i) + q . K q / 2: q are displacements from rest, p_i = m_i dq_i/dt.
Units are those of the parameters.
"""


def make_spring_network(
    n_samples: int = 1000,
    *,
    sampling: str = "box",
    q_range: Range = (-1.0, 1.0),
    p_range: Range = (-1.0, 1.0),
    n_trajectories: int = N_TRAJECTORIES,
    t_span: Sequence[float] = T_SPAN,
    masses: float | Sequence[float] = (1.0, 2.0, 3.0),
    stiffness: float | Sequence[float] | Sequence[Sequence[float]] = 1.0,
    coordinates: str = "canonical",
    noise: float = 0.0,
    target_noise: float = 0.0,
    random_state: int | np.random.RandomState | None = None,
    return_X_y: bool = False,
) -> Any:
    """Make states and derivatives of masses and springs, H = sum_i p_i^2 / (2 m_i) + q . K q / 2.

    :class:`~skhnn.systems.SpringNetwork` tells how K follows from the springs of a line.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of rows; for trajectories a multiple of ``n_trajectories``.
    sampling : {"box", "trajectories"}, default="box"
        "box" draws all states independently and uniformly from ``q_range`` x ``p_range``; each row
        is then a group of its own, at t = 0. "trajectories" draws ``n_trajectories`` initial states
        in the same way and follows them over ``t_span``.
    q_range : (float, float) or one for each column, default=(-1.0, 1.0)
        Range of the displacements. A pair for all columns, or a pair for each.
    p_range : (float, float) or one for each column, default=(-1.0, 1.0)
        Range of the momenta. A pair for all columns, or a pair for each.
    n_trajectories : int, default=10
        Number of trajectories. Only for ``sampling="trajectories"``.
    t_span : (float, float), default=(0.0, 10.0)
        Times of the first sample of each trajectory and of the end, which is left out. Only for
        ``sampling="trajectories"``.
    masses : float or sequence of n floats, default=(1.0, 2.0, 3.0)
        Masses m_i. A number is the mass of all, if ``stiffness`` tells how many they are.
    stiffness : float, sequence of n + 1 floats or matrix (n, n), default=1.0
        One constant for all springs of a line between two walls, one for each, or a symmetric
        matrix K.
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
        :class:`~skhnn.systems.SpringNetwork`) and ``DESCR``.
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
    >>> from skhnn.datasets import make_spring_network
    >>> springs = make_spring_network(200, stiffness=(1.0, 3.0, 3.0, 0.0), random_state=0)
    >>> springs.data.shape
    (200, 6)
    """
    system = SpringNetwork(masses=masses, stiffness=stiffness)
    return sampled(
        system,
        box(system.n_dof, q_range=q_range, p_range=p_range),
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
