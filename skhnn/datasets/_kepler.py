"""The two-body problem: ellipses."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..systems import Kepler
from ..systems._checks import FloatArray
from ._base import check_interval
from ._sampling import N_TRAJECTORIES, T_SPAN, Draw, sampled

DESCRIPTION = """
Two-body problem
----------------
H(q, p) = |p|^2 / 2 - mu / |q|: q is the vector from one body to the other and p its velocity. All
orbits are ellipses around the origin. Units are those of mu; by default lengths are in au and
times in years.
"""


def make_kepler(
    n_samples: int = 1000,
    n_dim: int = 2,
    *,
    sampling: str = "box",
    semi_axis: Sequence[float] = (0.5, 1.5),
    eccentricity: Sequence[float] = (0.0, 0.5),
    n_trajectories: int = N_TRAJECTORIES,
    t_span: Sequence[float] = T_SPAN,
    mu: float = 4 * np.pi**2,
    coordinates: str = "canonical",
    noise: float = 0.0,
    target_noise: float = 0.0,
    random_state: int | np.random.RandomState | None = None,
    return_X_y: bool = False,
) -> Any:
    """Make states and derivatives of bodies on ellipses around the Sun, H = ``|p|^2/2 - mu/|q|``.

    The orbits are drawn by their size, shape and direction: semi-major axis and eccentricity
    uniformly from their ranges, and the plane and the direction of the ellipse uniformly. The
    place on the orbit is uniform in time.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of rows; for trajectories a multiple of ``n_trajectories``.
    n_dim : int, default=2
        Number of dimensions of space, at least 2.
    sampling : {"box", "trajectories"}, default="box"
        "box" draws all states independently, each from an orbit of its own; each row is then a
        group of its own, at t = 0. "trajectories" draws ``n_trajectories`` initial states in the
        same way and follows them over ``t_span``.
    semi_axis : (float, float), default=(0.5, 1.5)
        Range of the semi-major axes.
    eccentricity : (float, float), default=(0.0, 0.5)
        Range of the eccentricities, from 0 (a circle) to below 1.
    n_trajectories : int, default=10
        Number of trajectories. Only for ``sampling="trajectories"``.
    t_span : (float, float), default=(0.0, 10.0)
        Times of the first sample of each trajectory and of the end, which is left out. Only for
        ``sampling="trajectories"``.
    mu : float, default=4 * np.pi**2
        Gravitational parameter of :class:`~skhnn.systems.Kepler`. By default the semi-major axis 1
        has the period 1.
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
        With ``data`` (n_samples, 2 n_dim), ``target`` (n_samples, 2 n_dim), ``groups`` (n_samples,)
        the index of the trajectory, ``t`` (n_samples,), ``feature_names``, ``system`` (a
        :class:`~skhnn.systems.Kepler`) and ``DESCR``.
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
    >>> from skhnn.datasets import make_kepler
    >>> X, y = make_kepler(random_state=0, return_X_y=True)
    >>> X.shape, y.shape
    ((1000, 4), (1000, 4))
    >>> comets = make_kepler(
    ...     300, 3, sampling="trajectories", n_trajectories=3, t_span=(0, 1), random_state=0,
    ... )
    >>> comets.data.shape, bool((comets.system.energy(comets.data) < 0).all())
    ((300, 6), True)
    """
    system = Kepler(mu=mu, n_dim=n_dim)
    return sampled(
        system,
        ellipses(mu, n_dim, semi_axis, eccentricity),
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


def ellipses(
    mu: float, n_dim: int, semi_axis: Sequence[float], eccentricity: Sequence[float]
) -> Draw:
    """States on orbits whose elements are drawn."""
    if n_dim < 2:
        raise ValueError(f"n_dim must be at least 2, for orbits that are ellipses; got {n_dim!r}.")
    axes = check_interval("semi_axis", semi_axis, may_be_empty=True)
    shapes = check_interval("eccentricity", eccentricity, may_be_empty=True)
    if axes[0] <= 0:
        raise ValueError(f"semi_axis must be positive; got {semi_axis!r}.")
    if not 0 <= shapes[0] <= shapes[1] < 1:
        raise ValueError(
            f"eccentricity must be at least 0 and below 1, for bound orbits; got {eccentricity!r}."
        )

    def states(rng: np.random.RandomState, n: int) -> FloatArray:
        a, e = rng.uniform(*axes, size=(n, 1)), rng.uniform(*shapes, size=(n, 1))
        E = eccentric_anomaly(rng.uniform(0, 2 * np.pi, size=(n, 1)), e)
        ratio = np.sqrt(1 - e**2)  # of the axes
        q = a * np.hstack([np.cos(E) - e, ratio * np.sin(E)])
        v = np.sqrt(mu / a) / (1 - e * np.cos(E)) * np.hstack([-np.sin(E), ratio * np.cos(E)])
        # two orthogonal unit vectors, uniformly: signs make the QR factorisation unique
        Q, R = np.linalg.qr(rng.standard_normal((n, n_dim, 2)))
        Q = Q * np.sign(np.diagonal(R, axis1=1, axis2=2))[:, np.newaxis]
        return np.hstack([np.einsum("nij,nj->ni", Q, x) for x in (q, v)])

    return Draw(states, "from ellipses of semi-major axes and eccentricities in a box")


def eccentric_anomaly(M: FloatArray, e: FloatArray) -> FloatArray:
    """E of Kepler's equation E - e sin E = M, by Newton's method."""
    E = M + e * np.sin(M)
    for _ in range(50):  # converges within ten for moderate e; near e = 1 it takes longer
        E = E - (E - e * np.sin(E) - M) / (1 - e * np.cos(E))
    return E
