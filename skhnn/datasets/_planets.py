"""The planets: measured motion, as the ephemeris DE421 fits it.

``tools/make_planets.py`` made the files in ``data/``, one for each planet. A file holds the
position, velocity and acceleration as whole multiples of a documented unit, differenced k
times along time: a smooth curve then leaves little but rounding, which compresses well. The
integers make the round trip exact.
"""

from importlib.resources import as_file, files
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

NAMES = ("mercury", "venus", "earth", "mars", "jupiter", "saturn", "uranus", "neptune")
QUANTITIES = ("position", "velocity", "acceleration")
YEAR = 365.25  # days
JD_1900 = 2415020.5  # Julian date (TDB) of t = 1900.0

DESCRIPTION = """
Motion of {name} around the Sun, {start} to {end:.2f}
-------------------------------------------------
States of {body},
relative to the Sun, in the mean plane of the orbit, every {step:g} days from 1900 January 1
(JD 2415020.5 TDB) to the end of 2049.

data ({n}, {columns}): position q in au (of DE421, 149597870.6996 km), {axes};
    velocity p in au/yr, that is the momentum per unit mass
target ({n}, {columns}): dq/dt = p, the velocity in au/yr, and dp/dt, the acceleration in au/yr^2
groups ({n},): zeros, there is one trajectory
t ({n},): time in years of 365.25 days, t = 1900 + (JD - 2415020.5) / 365.25 with JD in TDB
mass_ratio: mass of the planet with its moons / mass of the Sun = {mass_ratio:.9e}
gm_sun: G times the mass of the Sun = {gm_sun:.12f} au^3/yr^2
normal (3,): unit vector n along the mean of q x p over the whole span, in the axes of the
    ICRF: ({normal}).
    The axes of the plane are e_1, the x axis of the ICRF projected on it, and e_2 = n x e_1.
    The orbit leaves the plane by {out_of_plane:.1e} au (rms); that third coordinate is left out.

The numbers are those of JPL's planetary ephemeris DE421, rounded to 1e-12 au, 1e-11 au/yr
and 1e-10 au/yr^2: an orbit fitted to radar and spacecraft ranging and to telescope
observations, so measurements seen through the laws of motion, not raw ones. Its authors put
its error below a kilometre (7e-9 au) for Venus, Earth and Mars, at several kilometres for
Mercury and tens of kilometres for Jupiter and Saturn; Uranus and Neptune are known less well.
The accelerations are second derivatives of its Chebyshev series; they agree with Newton's law
for the Sun, the planets, Pluto and the Moon, with the relativistic term of the Sun, to
3e-10 of their size (rms) for Mercury to Mars and 3e-9 (Jupiter) to 7e-8 (Neptune); what is
left for the outer planets is mostly the pull of the asteroids on the Sun.

The two-body law d^2q/dt^2 = -gm_sun (1 + mass_ratio) q / |q|^3 misses them by {two_body:.1e} of
their size (rms): the other planets pull at this one and at the Sun, and that depends on
time. So no H(q, p) of this planet alone is exact.

Source: W. M. Folkner, J. G. Williams, D. H. Boggs, The Planetary and Lunar Ephemeris DE 421,
IPN Progress Report 42-178 (2009); masses from the constants of the same file. Public domain.
"""
BODIES = {
    "mercury": "Mercury",
    "venus": "Venus",
    "earth": "the barycentre of Earth and Moon, not of the Earth itself",
}  # the others: "Mars with its moons"


def load_planet(name: str = "jupiter", *, n_dim: int = 2, return_X_y: bool = False) -> Any:
    """Load the motion of a planet around the Sun, 1900 to 2050, from JPL's DE421.

    Position q in au and velocity p in au/yr in the planet's mean orbital plane, every five
    days, with the derivatives (velocity, acceleration in au/yr^2) as targets. Nearly, but
    not exactly, the two-body problem ``H = |p|^2 / 2 - mu / |q|`` of
    :class:`~skhnn.systems.Kepler` with mu = gm_sun (1 + mass_ratio): the planets disturb each
    other.

    Parameters
    ----------
    name : str, default="jupiter"
        "mercury", "venus", "earth" (the barycentre of Earth and Moon), "mars", "jupiter",
        "saturn", "uranus" or "neptune", in upper or lower case. All are the planet together
        with its moons.
    n_dim : {2, 3}, default=2
        2 has the plane of the orbit alone. 3 has the axes of the ICRF, in which the planets have
        one space in common (the small motion out of the plane is zero there).
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With ``data`` (10958, 4): q_1, q_2, p_1, p_2; ``target`` (10958, 4), or 6 columns of each
        with ``n_dim=3``; ``groups``
        (10958,), zeros: one trajectory; ``t`` (10958,) in years of 365.25 days;
        ``mass_ratio``, mass of the planet / mass of the Sun; ``gm_sun`` in au^3/yr^2;
        ``normal`` (3,), the normal of the plane in the ICRF; ``feature_names`` and ``DESCR``,
        which tells the source, the accuracy and the axes.
    (data, target) : tuple, if ``return_X_y``

    Notes
    -----
    There is one trajectory: split in time (:class:`sklearn.model_selection.TimeSeriesSplit`,
    or the first decades against the last) rather than at random.

    References
    ----------
    W. M. Folkner, J. G. Williams, D. H. Boggs, "The Planetary and Lunar Ephemeris DE 421",
    IPN Progress Report 42-178, 2009.

    Examples
    --------
    >>> from skhnn.datasets import load_planet
    >>> jupiter = load_planet("jupiter")
    >>> jupiter.data.shape, jupiter.feature_names
    ((10958, 4), ['q_1', 'q_2', 'p_1', 'p_2'])
    >>> print(f"{jupiter.t[0]:.1f} to {jupiter.t[-1]:.1f}, mass 1/{1 / jupiter.mass_ratio:.1f}")
    1900.0 to 2050.0, mass 1/1047.3
    """
    name = _check_name(name)
    if n_dim not in (2, 3):
        raise ValueError(f"n_dim must be 2 or 3; got {n_dim!r}.")
    with as_file(files(__package__) / "data" / f"{name}.npz") as path, np.load(path) as file:
        stored = dict(file)
    q, v, a = (
        decode(stored[f"{x}_first"], stored[f"{x}_bytes"]) * unit
        for x, unit in zip(QUANTITIES, stored["units"], strict=True)
    )
    if n_dim == 3:
        plane = _axes_of_plane(stored["normal"])
        q, v, a = (x @ plane for x in (q, v, a))
    data, target = np.hstack([q, v]), np.hstack([v, a])
    if return_X_y:
        return data, target

    n, step = len(data), float(stored["step"])
    constants = {x: float(stored[x]) for x in ("mass_ratio", "gm_sun", "out_of_plane")}
    mu = constants["gm_sun"] * (1 + constants["mass_ratio"])
    rest = a + mu * q / np.linalg.norm(q, axis=1, keepdims=True) ** 3
    t = 1900 + step * np.arange(n) / YEAR
    return Bunch(
        data=data,
        target=target,
        groups=np.zeros(n, dtype=np.intp),
        t=t,
        feature_names=[f"{letter}_{k + 1}" for letter in "qp" for k in range(n_dim)],
        mass_ratio=constants["mass_ratio"],
        gm_sun=constants["gm_sun"],
        normal=stored["normal"],
        DESCR=DESCRIPTION.format(
            name=name.capitalize(),
            body=BODIES.get(name, f"{name.capitalize()} with its moons"),
            n=n,
            columns=2 * n_dim,
            axes="in the plane of the orbit" if n_dim == 2 else "in the axes of the ICRF",
            step=step,
            start=t[0],
            end=t[-1],
            normal=", ".join(f"{x:.15f}" for x in stored["normal"]),
            two_body=np.sqrt(np.mean(rest**2) / np.mean(a**2)),
            **constants,
        ).lstrip(),
    )


def _axes_of_plane(normal: NDArray[np.float64]) -> NDArray[np.float64]:
    """e_1 and e_2 of the plane in the axes of the ICRF, (2, 3)."""
    x = np.array([1.0, 0.0, 0.0])
    e_1 = x - (x @ normal) * normal
    e_1 /= np.linalg.norm(e_1)
    return np.stack([e_1, np.cross(normal, e_1)])


def _check_name(name: str) -> str:
    """Return the name of a planet in lower case."""
    if not isinstance(name, str):
        raise TypeError(f"name must be a string, one of {', '.join(NAMES)}; got {name!r}.")
    if name.lower() not in NAMES:
        raise ValueError(f"name must be one of {', '.join(NAMES)}; got {name!r}.")
    return name.lower()


def encode(x: NDArray[np.int64], order: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Difference integers ``order`` times along time and split them into bytes.

    Parameters
    ----------
    x : ndarray of int64, shape (n, m)
        The integers; n > order.
    order : int
        How often to difference.

    Returns
    -------
    first : ndarray of int64, shape (order, m)
        The first row of x and of each difference but the last.
    planes : ndarray of uint8, shape (n_bytes, (n - order) * m)
        The last difference as little-endian integers of n_bytes bytes, all lowest bytes
        first, then the next: the nearly constant high bytes compress to nothing.
    """
    first = np.empty((order, x.shape[1]), dtype=np.int64)
    for i in range(order):
        first[i], x = x[0], np.diff(x, axis=0)
    n_bytes = next(b for b in (1, 2, 4, 8) if np.array_equal(x, x.astype(f"<i{b}")))
    return first, x.astype(f"<i{n_bytes}").view(np.uint8).reshape(-1, n_bytes).T.copy()


def decode(first: NDArray[np.int64], planes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Undo :func:`encode`: the integers of shape (n, m), exactly."""
    x = planes.T.copy().view(f"<i{len(planes)}").reshape(-1, first.shape[1]).astype(np.int64)
    for row in first[::-1]:
        x = np.cumsum(np.vstack([row, x]), axis=0)
    return x
