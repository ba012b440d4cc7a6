"""Bodies that attract or repel each other."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..systems import NBody
from ..systems._checks import FloatArray
from ._base import check_interval, check_std
from ._sampling import N_TRAJECTORIES, T_SPAN, Draw, sampled

DESCRIPTION = """
Bodies with forces between each two
-----------------------------------
H(q, p) = sum_i |p_i|^2 / (2 m_i) + sum_{i<j} U_ij(|q_i - q_j|), U of gravity or of Lennard and
Jones. Columns go body by body, x_1, y_1, x_2, y_2, ..., then the momenta in the same order.
Units are those of the parameters.
"""


def make_n_body(
    n_samples: int = 1000,
    n_bodies: int = 3,
    n_dim: int = 2,
    *,
    sampling: str = "box",
    q_range: Sequence[float] | None = None,
    v_range: Sequence[float] = (-0.5, 0.5),
    min_distance: float | None = None,
    n_trajectories: int = N_TRAJECTORIES,
    t_span: Sequence[float] = T_SPAN,
    masses: float | Sequence[float] = 1.0,
    potential: str = "gravity",
    G: float = 1.0,
    softening: float | None = None,
    epsilon: float = 1.0,
    sigma: float = 1.0,
    coordinates: str = "canonical",
    noise: float = 0.0,
    target_noise: float = 0.0,
    random_state: int | np.random.RandomState | None = None,
    return_X_y: bool = False,
) -> Any:
    """Make states and derivatives of bodies with forces between each two.

    H = ``sum_i |p_i|^2 / (2 m_i) + sum_{i<j} U_ij(|q_i - q_j|)``

    :class:`~skhnn.systems.NBody` has the potentials U.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of rows; for trajectories a multiple of ``n_trajectories``.
    n_bodies : int, default=3
        Number of bodies.
    n_dim : int, default=2
        Number of dimensions of space.
    sampling : {"box", "trajectories"}, default="box"
        "box" draws all states independently, places and velocities uniformly but for the
        ``min_distance``; each row is then a group of its own, at t = 0. "trajectories" draws
        ``n_trajectories`` initial states in the same way and follows them over ``t_span``.
    q_range : (float, float) or None, default=None
        Range of all coordinates. None means (-a, a) with a^n_dim = n_bodies: as much space for each
        body, however many they are.
    v_range : (float, float), default=(-0.5, 0.5)
        Range of all velocities, p_i / m_i.
    min_distance : float or None, default=None
        Smallest distance between two bodies in the states that are drawn; on trajectories they may
        come closer. None means 0.5 for gravity and ``sigma`` for "lennard_jones".
    n_trajectories : int, default=10
        Number of trajectories. Only for ``sampling="trajectories"``.
    t_span : (float, float), default=(0.0, 10.0)
        Times of the first sample of each trajectory and of the end, which is left out. Only for
        ``sampling="trajectories"``.
    masses : float or sequence of n_bodies floats, default=1.0
        Masses m_i, one for all or one for each.
    potential : {"gravity", "lennard_jones"}, default="gravity"
        The force between two bodies.
    G : float, default=1.0
        Constant of gravity, only for "gravity".
    softening : float or None, default=None
        Length below which gravity is weakened, only for "gravity". None means 0.1 on
        trajectories, where bodies meet and forces would be a thousand times the usual, and 0,
        Newton's law, for "box".
    epsilon, sigma : float, default=1.0
        Depth and width of the well, only for "lennard_jones".
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
        With ``data`` (n_samples, 2 n_bodies n_dim), ``target`` (n_samples, 2 n_bodies n_dim),
        ``groups`` (n_samples,) the index of the trajectory, ``t`` (n_samples,), ``feature_names``,
        ``system`` (a :class:`~skhnn.systems.NBody`) and ``DESCR``.
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
    >>> from skhnn.datasets import make_n_body
    >>> X, y = make_n_body(300, n_bodies=3, random_state=0, return_X_y=True)
    >>> X.shape, y.shape
    ((300, 12), (300, 12))
    >>> gas = make_n_body(n_bodies=5, n_dim=3, potential="lennard_jones", random_state=0)
    >>> gas.feature_names[:6]
    ['x_1', 'y_1', 'z_1', 'x_2', 'y_2', 'z_2']
    """
    if softening is None:
        softening = 0.1 if sampling == "trajectories" else 0.0
    system = NBody(n_bodies, n_dim, masses, potential, G, softening, epsilon, sigma)
    return sampled(
        system,
        _apart(system, q_range, v_range, min_distance),
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


def _apart(
    system: NBody,
    q_range: Sequence[float] | None,
    v_range: Sequence[float],
    min_distance: float | None,
) -> Draw:
    """Bodies in a box, none closer to another than ``min_distance``."""
    n, n_dim = system.n_bodies, system.n_dim
    half = n ** (1 / n_dim)
    low, high = check_interval("q_range", (-half, half) if q_range is None else q_range)
    slowest, fastest = check_interval("v_range", v_range)
    if min_distance is None:
        min_distance = 0.5 if system.potential == "gravity" else system.sigma
    distance = check_std("min_distance", min_distance)

    max_rounds = 1000  # of drawing the bodies again that are too close

    def states(rng: np.random.RandomState, size: int) -> FloatArray:
        q = rng.uniform(low, high, size=(size, n, n_dim))
        for _ in range(max_rounds):
            state, body = np.nonzero(_too_close(q, distance))
            if not len(state):
                break
            q[state, body] = rng.uniform(low, high, size=(len(state), n_dim))
        else:
            raise ValueError(
                f"{n} bodies do not fit into q_range=({low:g}, {high:g}) with the min_distance "
                f"{distance:g}. Try a larger q_range or a smaller min_distance."
            )
        v = rng.uniform(slowest, fastest, size=(size, n, n_dim))
        p = np.reshape(system.masses, (-1, 1)) * v
        return np.hstack([q.reshape(size, -1), p.reshape(size, -1)])

    return Draw(states, f"uniformly from a box, no two bodies closer than {distance:g}")


def _too_close(q: FloatArray, distance: float) -> FloatArray:
    """Whether a body is too close to one before it: (size, n, n_dim) to (size, n)."""
    square = np.sum((q[:, :, np.newaxis] - q[:, np.newaxis]) ** 2, axis=-1)
    return np.any(np.tril(square < distance**2, -1), axis=-1)
