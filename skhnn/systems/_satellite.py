"""A satellite, seen from a frame that rotates."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._checks import FloatArray, check_count, check_finite, check_positive
from ._hamiltonian import HamiltonianSystem


@dataclass(frozen=True)
class Satellite(HamiltonianSystem):
    """A satellite of mass 1 about a planet, in a frame that rotates with it about the z axis.

    H(q, p) = ``|p|^2 / 2 - omega (q_1 p_2 - q_2 p_1) - mu / |q|``

    q is the vector from the planet to the satellite along the axes of the frame, which rotates at
    the rate omega; in two dimensions about the normal of the plane. The canonical momentum
    p = v + omega x q, with omega along z, is the velocity in a frame at rest, and v = dq/dt that
    in the rotating frame, which has the acceleration

    ``a = -mu q / |q|^3 + 2 omega (v_2, -v_1, 0) + omega^2 (q_1, q_2, 0)``

    of gravity, of Coriolis and of the centrifugal force. H is Jacobi's integral,
    ``|v|^2 / 2 - omega^2 (q_1^2 + q_2^2) / 2 - mu / |q|``. Any consistent units do; in the default
    ones the stationary orbit, on which the satellite stands still above the equator, has the
    radius (mu / omega^2)^(1/3) = 1. At q = 0 nothing is defined: the values there are not finite.

    Parameters
    ----------
    mu : float, default=1.0
        Gravitational parameter mu > 0 of the planet.
    omega : float, default=1.0
        Rate omega of the frame in radians per unit of time, counter-clockwise if positive. With 0
        the frame is at rest, and the system that of :class:`Kepler`.
    n_dim : int, default=2
        Number of dimensions of space, 2 or 3.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    TypeError
        If ``n_dim`` is not an integer.

    Examples
    --------
    >>> from skhnn.systems import Satellite
    >>> system = Satellite(omega=0.5)
    >>> system.to_velocities([1.0, 0.0, 0.0, 1.0])
    array([1. , 0. , 0. , 0.5])
    >>> system.velocity_field([1.0, 0.0, 0.0, 1.0])
    array([ 0.  ,  0.5 , -0.25,  0.  ])
    >>> system.energy([[1.0, 0.0, 0.0, 1.0]])
    array([-1.])
    """

    mu: float = 1.0
    omega: float = 1.0
    n_dim: int = 2

    def __post_init__(self) -> None:
        check_positive(self, "mu")
        check_finite(self, "omega")
        check_count(self, "n_dim", 2)
        if self.n_dim > 3:  # the axis of the rotation would not be determined
            raise ValueError(f"n_dim of Satellite must be 2 or 3; got {self.n_dim!r}.")

    @property
    def n_dof(self) -> int:
        """Number of degrees of freedom, ``n_dim``."""
        return self.n_dim

    def _turned(self, x: FloatArray) -> FloatArray:
        """Omega x x = omega (-x_2, x_1, 0), of the shape (..., n_dim) of x."""
        turned = [-x[..., 1:2], x[..., :1], 0 * x[..., 2:]]
        return self.omega * np.concatenate(turned, axis=-1)

    def energy(self, X: ArrayLike) -> FloatArray:
        """``|p|^2 / 2 - omega (q_1 p_2 - q_2 p_1) - mu / |q|``: (..., 2 n_dim) to (...)."""
        q, p = self._split(X)
        r = np.sqrt(np.sum(q**2, axis=-1))
        return np.sum(p**2, axis=-1) / 2 - np.sum(self._turned(q) * p, axis=-1) - self.mu / r

    def gradient(self, X: ArrayLike) -> FloatArray:
        """``(mu q / |q|^3 + omega x p, p - omega x q)``, of the shape (..., 2 n_dim) of X."""
        q, p = self._split(X)
        r = np.sqrt(np.sum(q**2, axis=-1, keepdims=True))
        return np.concatenate([self.mu * q / r**3 + self._turned(p), p - self._turned(q)], axis=-1)
