"""Chains of masses: waves in many columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..systems import Chain
from ._sampling import N_TRAJECTORIES, T_SPAN, Range, box, sampled

DESCRIPTION = """
Chain of masses
---------------
H(q, p) = sum_i p_i^2 / (2 m_i) + sum_i V(q_{i+1} - q_i), V of a Toda lattice or of Fermi, Pasta,
Ulam and Tsingou: q are displacements from rest and p_i = m_i dq_i/dt; the stiffness at rest is 1.
"""


def make_chain(
    n_samples: int = 1000,
    n: int = 8,
    *,
    sampling: str = "box",
    q_range: Range = (-1.0, 1.0),
    p_range: Range = (-1.0, 1.0),
    n_trajectories: int = N_TRAJECTORIES,
    t_span: Sequence[float] = T_SPAN,
    potential: str = "toda",
    alpha: float | None = None,
    beta: float = 0.0,
    periodic: bool = True,
    masses: float | Sequence[float] = 1.0,
    coordinates: str = "canonical",
    noise: float = 0.0,
    target_noise: float = 0.0,
    random_state: int | np.random.RandomState | None = None,
    return_X_y: bool = False,
) -> Any:
    """Make states and derivatives of a chain of masses with springs that are not linear.

    H = ``sum_i p_i^2 / (2 m_i) + sum_i V(q_{i+1} - q_i)``

    :class:`~skhnn.systems.Chain` has the formulas of the potential V.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of rows; for trajectories a multiple of ``n_trajectories``.
    n : int, default=8
        Number of masses.
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
    potential : {"toda", "fput"}, default="toda"
        The potential V of a spring.
    alpha : float or None, default=None
        Coefficient alpha of V. None means -0.5 for "toda" and 0.25 for "fput".
    beta : float, default=0.0
        Coefficient beta of V, only for "fput".
    periodic : bool, default=True
        Whether the ends are joined to a ring; otherwise they are fixed to walls.
    masses : float or sequence of n floats, default=1.0
        Masses m_i, one for all or one for each.
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
        :class:`~skhnn.systems.Chain`) and ``DESCR``.
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
    >>> from skhnn.datasets import make_chain
    >>> X, y = make_chain(500, 10, random_state=0, return_X_y=True)
    >>> X.shape
    (500, 20)
    >>> make_chain(potential="fput", beta=1.0, periodic=False).system
    Chain(n=8, potential='fput', alpha=0.25, beta=1.0, periodic=False, masses=1.0)
    """
    system = Chain(n, potential, alpha, beta, periodic, masses)
    return sampled(
        system,
        box(n, q_range=q_range, p_range=p_range),
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
