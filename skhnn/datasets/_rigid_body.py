"""The free rigid body: no coordinates and momenta."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..systems import RigidBody
from ._sampling import N_TRAJECTORIES, T_SPAN, Range, box, sampled

DESCRIPTION = """
Rigid body
----------
H(x) = x_1^2 / (2 I_1) + x_2^2 / (2 I_2) + x_3^2 / (2 I_3), dx/dt = x cross grad H: x is the
angular momentum along the principal axes of the body, an odd number of columns. The length of x
is conserved as H is. Units are those of the parameters.
"""


def make_rigid_body(
    n_samples: int = 1000,
    *,
    sampling: str = "box",
    x_range: Range = (-1.0, 1.0),
    n_trajectories: int = N_TRAJECTORIES,
    t_span: Sequence[float] = T_SPAN,
    inertia: Sequence[float] = (1.0, 2.0, 3.0),
    noise: float = 0.0,
    target_noise: float = 0.0,
    random_state: int | np.random.RandomState | None = None,
    return_X_y: bool = False,
) -> Any:
    """Make states and derivatives of a free rigid body, Euler's equations.

    ``dx/dt = x cross grad H``,  H = x_1^2 / (2 I_1) + x_2^2 / (2 I_2) + x_3^2 / (2 I_3)

    The three columns are angular momenta; there are no coordinates and momenta to learn H(q, p)
    from.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of rows; for trajectories a multiple of ``n_trajectories``.
    sampling : {"box", "trajectories"}, default="box"
        "box" draws all states independently and uniformly from ``x_range``; each row is then a
        group of its own, at t = 0. "trajectories" draws ``n_trajectories`` initial states in the
        same way and follows them over ``t_span``.
    x_range : (float, float) or one for each column, default=(-1.0, 1.0)
        Range of the angular momenta. A pair for all columns, or a pair for each.
    n_trajectories : int, default=10
        Number of trajectories. Only for ``sampling="trajectories"``.
    t_span : (float, float), default=(0.0, 10.0)
        Times of the first sample of each trajectory and of the end, which is left out. Only for
        ``sampling="trajectories"``.
    inertia : (float, float, float), default=(1.0, 2.0, 3.0)
        Moments of inertia I_1, I_2, I_3.
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
        With ``data`` (n_samples, 3), ``target`` (n_samples, 3), ``groups`` (n_samples,) the index
        of the trajectory, ``t`` (n_samples,), ``feature_names``, ``system`` (a
        :class:`~skhnn.systems.RigidBody`) and ``DESCR``.
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
    >>> from skhnn.datasets import make_rigid_body
    >>> body = make_rigid_body(sampling="trajectories", random_state=0)
    >>> body.data.shape, body.feature_names
    ((1000, 3), ['x_1', 'x_2', 'x_3'])
    """
    system = RigidBody(inertia=inertia)
    return sampled(
        system,
        box(3, x_range=x_range),
        n_samples,
        sampling=sampling,
        n_trajectories=n_trajectories,
        t_span=t_span,
        description=DESCRIPTION,
        noise=noise,
        target_noise=target_noise,
        random_state=random_state,
        return_X_y=return_X_y,
    )
