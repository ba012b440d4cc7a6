"""Two and three bodies near circular orbits, tasks of the paper on Hamiltonian neural networks.

The bodies have mass 1 and G = 1. Columns go body by body.
"""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_random_state, check_scalar

from ..systems import NBody
from ..systems._checks import FloatArray
from ._base import check_interval, check_std, integrate, simulated

DESCRIPTION = """
{name} near circular orbits
{line}
H(q, p) = sum_i |p_i|^2 / 2 - sum_{{i<j}} 1 / |q_i - q_j|: bodies of mass 1 in a plane, G = 1.
Columns go body by body, x_1, y_1, x_2, y_2, ..., then the momenta.
Sampling: trajectories integrated by DOP853 (rtol = atol = 1e-10), after Greydanus, Dzamba and
Yosinski, "Hamiltonian Neural Networks", 2019.
"""


def make_two_body(
    n_orbits: int = 1000,
    n_times: int = 50,
    *,
    t_span: Sequence[float] = (0.0, 20.0),
    orbit_noise: float = 5e-2,
    radius: Sequence[float] = (0.5, 1.5),
    noise: float = 0.0,
    target_noise: float = 0.0,
    random_state: int | np.random.RandomState | None = None,
    return_X_y: bool = False,
) -> Any:
    """Make nearly circular orbits of two equal bodies around each other.

    H = ``(|p_1|^2 + |p_2|^2) / 2 - 1 / |q_1 - q_2|``

    The task "two-body problem" of Greydanus and others, drawn as their program does. Each
    coordinate of the first body is uniform in ``radius``, and the second is opposite; so all
    orbits start in one quadrant, at distances r of up to sqrt(2) times that from the centre. The
    bodies move counter-clockwise, each with the speed of a circular orbit, 1 / (2 sqrt(r)), times
    1 + orbit_noise * N(0, 1), the same for both.

    Parameters
    ----------
    n_orbits : int, default=1000
        Number of orbits.
    n_times : int, default=50
        Number of states of each orbit.
    t_span : (float, float), default=(0.0, 20.0)
        Times of the first and the last state of each orbit, both included.
    orbit_noise : float, default=0.05
        Relative standard deviation of the initial speed.
    radius : (float, float), default=(0.5, 1.5)
        Range of each coordinate of the first body, counted from the centre.
    noise : float, default=0.0
        Standard deviation of the Gaussian noise on the states. The targets stay those of the
        states without noise.
    target_noise : float, default=0.0
        Standard deviation of the Gaussian noise on the targets.
    random_state : int, RandomState instance or None, default=None
        Draws orbits and noise. Pass an int for reproducible output.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With ``data`` (n_orbits * n_times, 8), ``target`` of the same shape, ``groups`` the index
        of the orbit and ``t``, each (n_orbits * n_times,), ``feature_names``, ``system`` (a
        :class:`~skhnn.systems.NBody`) and ``DESCR``.
    (data, target) : tuple, if ``return_X_y``

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    TypeError
        If a parameter is of another type.
    RuntimeError
        If a trajectory cannot be integrated.

    References
    ----------
    S. Greydanus, M. Dzamba, J. Yosinski, "Hamiltonian Neural Networks", Advances in Neural
    Information Processing Systems 32, 2019.

    Examples
    --------
    >>> from skhnn.datasets import make_two_body
    >>> orbits = make_two_body(20, random_state=0)
    >>> orbits.data.shape
    (1000, 8)
    >>> orbits.feature_names
    ['x_1', 'y_1', 'x_2', 'y_2', 'px_1', 'py_1', 'px_2', 'py_2']
    """

    def starts(
        rng: np.random.RandomState, n: int, low: float, high: float, spread: float
    ) -> FloatArray:
        q = rng.uniform(low, high, (n, 2))
        r = np.linalg.norm(q, axis=1, keepdims=True)
        p = np.stack([-q[:, 1], q[:, 0]], axis=1) / (2 * r**1.5)
        p *= 1 + spread * rng.standard_normal((n, 1))
        return np.hstack([q, -q, p, -p])

    return _orbits("Two bodies", 2, starts, n_orbits, n_times, t_span, orbit_noise, radius,
                   noise, target_noise, random_state, return_X_y)  # fmt: skip


def make_three_body(
    n_orbits: int = 5000,
    n_times: int = 20,
    *,
    t_span: Sequence[float] = (0.0, 5.0),
    orbit_noise: float = 0.2,
    radius: Sequence[float] = (0.9, 1.2),
    noise: float = 0.0,
    target_noise: float = 0.0,
    random_state: int | np.random.RandomState | None = None,
    return_X_y: bool = False,
) -> Any:
    """Make orbits of three equal bodies that start near a common circle, a chaotic motion.

    H = ``(|p_1|^2 + |p_2|^2 + |p_3|^2) / 2 - sum_{i<j} 1 / |q_i - q_j|``

    The task "three-body problem" of Greydanus and others, drawn as their program does. The bodies
    start at the corners of an equilateral triangle, at a radius drawn uniformly, and move
    counter-clockwise with the velocity of a circular orbit, 1 / sqrt(sqrt(3) radius). Each
    component of each velocity is multiplied by 1 + nu * U(-1, 1) of its own, where nu is
    ``orbit_noise``, so that directions change too. (The direction of the first body is that of a
    point drawn uniformly in a square.)

    All 5000 orbits take some tens of seconds.

    Parameters
    ----------
    n_orbits : int, default=5000
        Number of orbits.
    n_times : int, default=20
        Number of states of each orbit.
    t_span : (float, float), default=(0.0, 5.0)
        Times of the first and the last state of each orbit, both included.
    orbit_noise : float, default=0.2
        Largest relative change nu of the components of the initial velocities.
    radius : (float, float), default=(0.9, 1.2)
        Range of the distance of the bodies from their centre.
    noise : float, default=0.0
        Standard deviation of the Gaussian noise on the states. The targets stay those of the
        states without noise.
    target_noise : float, default=0.0
        Standard deviation of the Gaussian noise on the targets.
    random_state : int, RandomState instance or None, default=None
        Draws orbits and noise. Pass an int for reproducible output.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With ``data`` (n_orbits * n_times, 12), ``target`` of the same shape, ``groups`` the index
        of the orbit and ``t``, each (n_orbits * n_times,), ``feature_names``, ``system`` (a
        :class:`~skhnn.systems.NBody`) and ``DESCR``.
    (data, target) : tuple, if ``return_X_y``

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    TypeError
        If a parameter is of another type.
    RuntimeError
        If a trajectory cannot be integrated.

    References
    ----------
    S. Greydanus, M. Dzamba, J. Yosinski, "Hamiltonian Neural Networks", Advances in Neural
    Information Processing Systems 32, 2019.

    Examples
    --------
    >>> from skhnn.datasets import make_three_body
    >>> X, y = make_three_body(10, random_state=0, return_X_y=True)
    >>> X.shape, y.shape
    ((200, 12), (200, 12))
    """

    def starts(
        rng: np.random.RandomState, n: int, low: float, high: float, spread: float
    ) -> FloatArray:
        x, y = rng.uniform(-1, 1, (2, n, 1))
        r = rng.uniform(low, high, (n, 1))
        angle = np.arctan2(y, x) + 2 * np.pi * np.arange(3) / 3
        q = r[..., np.newaxis] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        p = np.stack([-q[..., 1], q[..., 0]], axis=-1) / (np.sqrt(np.sqrt(3)) * r[..., None] ** 1.5)
        p = p * (1 + spread * rng.uniform(-1, 1, p.shape))
        return np.hstack([q.reshape(n, -1), p.reshape(n, -1)])

    return _orbits("Three bodies", 3, starts, n_orbits, n_times, t_span, orbit_noise, radius,
                   noise, target_noise, random_state, return_X_y)  # fmt: skip


def _orbits(
    name: str,
    n_bodies: int,
    starts: Any,
    n_orbits: int,
    n_times: int,
    t_span: Sequence[float],
    orbit_noise: float,
    radius: Sequence[float],
    noise: float,
    target_noise: float,
    random_state: int | np.random.RandomState | None,
    return_X_y: bool,
) -> Any:
    """Orbits of equal bodies from ``starts``, of (rng, n_orbits, low, high, orbit_noise)."""
    check_scalar(n_orbits, "n_orbits", Integral, min_val=1)
    check_scalar(n_times, "n_times", Integral, min_val=1)
    t = np.linspace(*check_interval("t_span", t_span), n_times)
    low, high = check_interval("radius", radius, may_be_empty=True)
    if low <= 0:
        raise ValueError(f"radius must be positive; got {radius!r}.")
    spread = check_std("orbit_noise", orbit_noise)
    rng = check_random_state(random_state)
    system = NBody(n_bodies)
    X0 = starts(rng, n_orbits, low, high, spread)
    # Orbits are integrated together in lots of this size: many are faster than one, and a close
    # encounter makes small steps for the others of its lot. From 100 to 500 it hardly matters.
    lot_size = 200
    lots = np.split(X0, range(lot_size, n_orbits, lot_size))
    tolerance = 1e-10  # the energies of three bodies drift by 3e-9 at most
    return simulated(
        system,
        np.concatenate([integrate(system, lot, t, tolerance=tolerance) for lot in lots]),
        t,
        description=DESCRIPTION.format(name=name, line="-" * (len(name) + 21)),
        noise=noise,
        target_noise=target_noise,
        rng=rng,
        return_X_y=return_X_y,
    )
