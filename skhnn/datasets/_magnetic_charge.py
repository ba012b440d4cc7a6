"""A charge in a magnetic field: momenta that are not velocities."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..systems import MagneticCharge
from ._sampling import N_TRAJECTORIES, T_SPAN, Range, box, sampled

DESCRIPTION = """
Charge in a magnetic field
--------------------------
H(q, p) = |p - A(q)|^2 / 2 in a plane, with the field B(q) = b + g_1 q_1 + g_2 q_2 perpendicular to
it: p = v + A(q) is the canonical momentum. Charge and mass are 1.
"""


def make_magnetic_charge(
    n_samples: int = 1000,
    *,
    sampling: str = "box",
    q_range: Range = (-1.5, 1.5),
    p_range: Range = (-1.5, 1.5),
    n_trajectories: int = N_TRAJECTORIES,
    t_span: Sequence[float] = T_SPAN,
    field: float = 1.0,
    field_gradient: Sequence[float] = (0.0, 0.0),
    coordinates: str = "canonical",
    noise: float = 0.0,
    target_noise: float = 0.0,
    random_state: int | np.random.RandomState | None = None,
    return_X_y: bool = False,
) -> Any:
    """Make states and derivatives of a charge in a magnetic field, H = ``|p - A(q)|^2 / 2``.

    The field is B(q) = b + g_1 q_1 + g_2 q_2; :class:`~skhnn.systems.MagneticCharge` has the
    potential A.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of rows; for trajectories a multiple of ``n_trajectories``.
    sampling : {"box", "trajectories"}, default="box"
        "box" draws all states independently and uniformly from ``q_range`` x ``p_range``; each row
        is then a group of its own, at t = 0. "trajectories" draws ``n_trajectories`` initial states
        in the same way and follows them over ``t_span``.
    q_range : (float, float) or one for each column, default=(-1.5, 1.5)
        Range of the coordinates. A pair for both columns, or a pair for each.
    p_range : (float, float) or one for each column, default=(-1.5, 1.5)
        Range of the canonical momenta. A pair for both columns, or a pair for each.
    n_trajectories : int, default=10
        Number of trajectories. Only for ``sampling="trajectories"``.
    t_span : (float, float), default=(0.0, 10.0)
        Times of the first sample of each trajectory and of the end, which is left out. Only for
        ``sampling="trajectories"``.
    field : float, default=1.0
        The field b at the origin.
    field_gradient : (float, float), default=(0.0, 0.0)
        Gradient (g_1, g_2) of the field.
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
        :class:`~skhnn.systems.MagneticCharge`) and ``DESCR``.
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
    >>> from skhnn.datasets import make_magnetic_charge
    >>> charge = make_magnetic_charge(field_gradient=(0.2, 0.0), random_state=0)
    >>> charge.data.shape, charge.feature_names
    ((1000, 4), ['q_1', 'q_2', 'p_1', 'p_2'])
    """
    system = MagneticCharge(field=field, field_gradient=field_gradient)
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
