"""Known Hamiltonian systems: H, its gradient and the vector field, exact, on numpy arrays.

A state is x = (q, p), with the columns q_1..q_d, p_1..p_d (d = ``n_dof``), and Hamilton's
equations are

    dx/dt = J grad H(x),    J = [[0, I], [-I, 0]],

that is dq/dt = dH/dp and dp/dt = **minus** dH/dq.

These systems make the simulated data sets of :mod:`skhnn.datasets` and are the truth that a
learned model is compared with. A new one is a frozen dataclass: its physical parameters are
the fields, and it defines ``n_dof``, ``energy`` and ``gradient``.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from operator import index

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .hamiltonians import field_from_gradient

__all__ = ["HamiltonianSystem", "Kepler", "MassSpring", "Pendulum"]

FloatArray = NDArray[np.float64]


class HamiltonianSystem(ABC):
    """The contract of a known system.

    1. ``n_dof`` is the number d of degrees of freedom.
    2. ``energy(X)`` maps states (..., 2d) to energies (...).
    3. ``gradient(X)`` maps states (..., 2d) to (dH/dq, dH/dp), of the same shape.
    4. Both are pure functions of X and of the fields, in float64; they take X through
       ``_split``, which checks its width.

    The vector field follows from the gradient.

    Examples
    --------
    A system of one's own, H = p^2 / 2 + q^4 / 4:

    >>> import numpy as np
    >>> from skhnn.systems import HamiltonianSystem
    >>> class Quartic(HamiltonianSystem):
    ...     n_dof = 1
    ...     def energy(self, X):
    ...         q, p = self._split(X)
    ...         return (p**2 / 2 + q**4 / 4)[..., 0]
    ...     def gradient(self, X):
    ...         q, p = self._split(X)
    ...         return np.concatenate([q**3, p], axis=-1)
    >>> Quartic().vector_field([2.0, 1.0])
    array([ 1., -8.])
    """

    @property
    @abstractmethod
    def n_dof(self) -> int:
        """Number d of degrees of freedom."""

    @abstractmethod
    def energy(self, X: ArrayLike) -> FloatArray:
        """H(x): states of shape (..., 2d) to energies of shape (...)."""

    @abstractmethod
    def gradient(self, X: ArrayLike) -> FloatArray:
        """Return (dH/dq, dH/dp) at X; both have the shape (..., 2d)."""

    def vector_field(self, X: ArrayLike) -> FloatArray:
        """J grad H = (dH/dp, -dH/dq): the time derivative of X; both are (..., 2d)."""
        return field_from_gradient(self.gradient(X))

    @property
    def feature_names(self) -> list[str]:
        """Names of the 2d columns: q, p or q_1..q_d, p_1..p_d."""
        if self.n_dof == 1:
            return ["q", "p"]
        return [f"{letter}_{i}" for letter in "qp" for i in range(1, self.n_dof + 1)]

    def _split(self, X: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """X of shape (..., 2d) as q and p, each of shape (..., d) and float64."""
        X = np.asarray(X, dtype=np.float64)
        if X.ndim == 0 or X.shape[-1] != 2 * self.n_dof:
            raise ValueError(
                f"X must have {2 * self.n_dof} columns {tuple(self.feature_names)} "
                f"for {type(self).__name__}; got the shape {X.shape}."
            )
        return X[..., : self.n_dof], X[..., self.n_dof :]


def _check_positive(system: HamiltonianSystem) -> None:
    """Refuse a parameter that is not a positive finite number."""
    for field in fields(system):  # type: ignore[arg-type]
        value = getattr(system, field.name)
        if not 0 < value < np.inf:
            raise ValueError(
                f"{field.name} of {type(system).__name__} must be positive and finite; "
                f"got {value!r}."
            )


@dataclass(frozen=True)
class MassSpring(HamiltonianSystem):
    """A mass on a linear spring, the harmonic oscillator.

    H(q, p) = p^2 / (2 m) + k q^2 / 2

    q is the displacement and p = m dq/dt the momentum; any consistent units do. All orbits
    have the angular frequency omega = sqrt(k / m).

    Parameters
    ----------
    mass : float, default=1.0
        Mass m > 0.
    stiffness : float, default=1.0
        Spring constant k > 0.

    Examples
    --------
    >>> from skhnn.systems import MassSpring
    >>> system = MassSpring(mass=2.0, stiffness=3.0)
    >>> system.energy([[1.0, 0.0], [0.0, 2.0]])
    array([1.5, 1. ])
    >>> system.vector_field([1.0, 2.0])
    array([ 1., -3.])
    """

    mass: float = 1.0
    stiffness: float = 1.0

    def __post_init__(self) -> None:
        _check_positive(self)

    @property
    def n_dof(self) -> int:
        """Number of degrees of freedom, 1."""
        return 1

    @property
    def frequency(self) -> float:
        """Angular frequency omega = sqrt(k / m)."""
        return float(np.sqrt(self.stiffness / self.mass))

    def energy(self, X: ArrayLike) -> FloatArray:
        """p^2 / (2 m) + k q^2 / 2: (..., 2) to (...)."""
        q, p = self._split(X)
        return (p**2 / (2 * self.mass) + self.stiffness * q**2 / 2)[..., 0]

    def gradient(self, X: ArrayLike) -> FloatArray:
        """(k q, p / m), of the shape (..., 2) of X."""
        q, p = self._split(X)
        return np.concatenate([self.stiffness * q, p / self.mass], axis=-1)

    def solution(self, x0: ArrayLike, t: ArrayLike) -> FloatArray:
        """Exact states at the times t after x0.

        q(t) = q_0 cos(omega t) + p_0 / (m omega) sin(omega t)
        p(t) = p_0 cos(omega t) - q_0 m omega sin(omega t)

        Parameters
        ----------
        x0 : array-like of shape (..., 2)
            States at t = 0.
        t : array-like of shape (n_times,)
            Times.

        Returns
        -------
        ndarray of shape (..., n_times, 2)
            The trajectories, with time along the last axis but one.
        """
        q0, p0 = self._split(x0)  # (..., 1): they broadcast along the times
        impedance = np.sqrt(self.stiffness * self.mass)  # m omega
        angle = self.frequency * np.asarray(t, dtype=np.float64)
        cos, sin = np.cos(angle), np.sin(angle)
        return np.stack([q0 * cos + p0 / impedance * sin, p0 * cos - q0 * impedance * sin], axis=-1)


@dataclass(frozen=True)
class Pendulum(HamiltonianSystem):
    """A rigid pendulum in a plane, without friction.

    H(q, p) = p^2 / (2 m l^2) + m g l (1 - cos q)

    q is the angle from the downward vertical in radians, not wrapped, and p = m l^2 dq/dt
    the angular momentum; H = 0 at rest. The defaults are natural units: energies in m g l,
    times in sqrt(l / g), momenta in m l sqrt(g l). There the pendulum swings (librates) below
    the energy 2 and turns over (rotates) above it; the separatrix between them passes through
    (q, p) = (0, 2). For a pendulum of one metre on Earth in SI units set ``gravity=9.81``.

    Parameters
    ----------
    mass : float, default=1.0
        Mass m > 0 of the bob.
    length : float, default=1.0
        Length l > 0.
    gravity : float, default=1.0
        Gravitational acceleration g > 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skhnn.systems import Pendulum
    >>> Pendulum().energy([[0.0, 2.0], [np.pi, 0.0]])
    array([2., 2.])
    >>> Pendulum(gravity=9.81).vector_field([np.pi / 2, 1.0])
    array([ 1.  , -9.81])
    """

    mass: float = 1.0
    length: float = 1.0
    gravity: float = 1.0

    def __post_init__(self) -> None:
        _check_positive(self)

    @property
    def n_dof(self) -> int:
        """Number of degrees of freedom, 1."""
        return 1

    def energy(self, X: ArrayLike) -> FloatArray:
        """p^2 / (2 m l^2) + m g l (1 - cos q): (..., 2) to (...)."""
        q, p = self._split(X)
        inertia, weight = self.mass * self.length**2, self.mass * self.gravity * self.length
        # 1 - cos q = 2 sin^2(q / 2), without the cancellation near rest
        return (p**2 / (2 * inertia) + 2 * weight * np.sin(q / 2) ** 2)[..., 0]

    def gradient(self, X: ArrayLike) -> FloatArray:
        """(m g l sin q, p / (m l^2)), of the shape (..., 2) of X."""
        q, p = self._split(X)
        inertia, weight = self.mass * self.length**2, self.mass * self.gravity * self.length
        return np.concatenate([weight * np.sin(q), p / inertia], axis=-1)


@dataclass(frozen=True)
class Kepler(HamiltonianSystem):
    """Newton's two-body law for the separation of two bodies, per unit mass.

    H(q, p) = ``|p|^2 / 2 - mu / |q|``

    q is the vector from one body to the other and p = dq/dt its velocity; mu = G (M + m) is
    the gravitational parameter of both together. The default mu = 4 pi^2 au^3/yr^2 is that of
    the Sun and a light planet, with lengths in au and times in years: one turn of a circle of
    one au takes one year. At q = 0 nothing is defined: the values there are not finite.

    Parameters
    ----------
    mu : float, default=4 * pi**2
        Gravitational parameter mu > 0.
    ndim : int, default=2
        Number of dimensions of space.

    Examples
    --------
    >>> from skhnn.systems import Kepler
    >>> sun = Kepler(mu=4.0)
    >>> sun.feature_names
    ['q_1', 'q_2', 'p_1', 'p_2']
    >>> sun.vector_field([2.0, 0.0, 0.0, 1.0])
    array([ 0.,  1., -1., -0.])
    >>> sun.energy([[2.0, 0.0, 0.0, 1.0]])
    array([-1.5])
    """

    mu: float = 4 * np.pi**2
    ndim: int = 2

    def __post_init__(self) -> None:
        _check_positive(self)
        index(self.ndim)  # a TypeError for anything but an integer

    @property
    def n_dof(self) -> int:
        """Number of degrees of freedom, ``ndim``."""
        return self.ndim

    def energy(self, X: ArrayLike) -> FloatArray:
        """``|p|^2 / 2 - mu / |q|``: (..., 2 ndim) to (...)."""
        q, p = self._split(X)
        return np.sum(p**2, axis=-1) / 2 - self.mu / np.linalg.norm(q, axis=-1)

    def gradient(self, X: ArrayLike) -> FloatArray:
        """``(mu q / |q|^3, p)``, of the shape (..., 2 ndim) of X."""
        q, p = self._split(X)
        return np.concatenate(
            [self.mu * q / np.linalg.norm(q, axis=-1, keepdims=True) ** 3, p], axis=-1
        )
