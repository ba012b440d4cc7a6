"""A pendulum whose rod is a spring."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._checks import FloatArray, check_positive
from ._hamiltonian import HamiltonianSystem


@dataclass(frozen=True)
class ElasticPendulum(HamiltonianSystem):
    """A point mass that hangs on a spring and swings in a plane.

    H(q, p) = (p_1^2 + p_2^2 / q_1^2) / (2 m) + k (q_1 - l)^2 / 2 - m g q_1 cos q_2

    q_1 is the length of the spring and q_2 its angle from the downward vertical in radians, not
    wrapped; p_1 = m dq_1/dt and p_2 = m q_1^2 dq_2/dt. At rest the length is l + m g / k. At
    q_1 = 0 nothing is defined: the values there are not finite.

    Parameters
    ----------
    mass : float, default=1.0
        Mass m > 0.
    length : float, default=1.0
        Length l > 0 of the spring without a load.
    stiffness : float, default=10.0
        Spring constant k > 0.
    gravity : float, default=1.0
        Gravitational acceleration g > 0.

    Raises
    ------
    ValueError
        If a parameter is not positive and finite.

    Examples
    --------
    >>> from skhnn.systems import ElasticPendulum
    >>> system = ElasticPendulum(stiffness=4.0)
    >>> system.vector_field([2.0, 0.0, 1.0, 4.0])
    array([ 1.,  1., -1., -0.])
    >>> system.energy([[2.0, 0.0, 0.0, 2.0]])
    array([0.5])
    """

    mass: float = 1.0
    length: float = 1.0
    stiffness: float = 10.0
    gravity: float = 1.0

    def __post_init__(self) -> None:
        check_positive(self)

    @property
    def n_dof(self) -> int:
        """Number of degrees of freedom, 2."""
        return 2

    def energy(self, X: ArrayLike) -> FloatArray:
        """(p_1^2 + p_2^2 / q_1^2) / (2 m) + k (q_1 - l)^2 / 2 - m g q_1 cos q_2: to (...)."""
        r, theta, p_1, p_2 = np.moveaxis(self._checked(X), -1, 0)
        kinetic = (p_1**2 + (p_2 / r) ** 2) / (2 * self.mass)
        height = -r * np.cos(theta)
        stretch = r - self.length
        return kinetic + self.stiffness * stretch**2 / 2 + self.mass * self.gravity * height

    def gradient(self, X: ArrayLike) -> FloatArray:
        """The derivatives by q_1, q_2, p_1, p_2, of the shape (..., 4) of X.

        k (q_1 - l) - m g cos q_2 - p_2^2 / (m q_1^3), m g q_1 sin q_2, p_1 / m and p_2 / (m q_1^2).
        """
        r, theta, p_1, p_2 = np.moveaxis(self._checked(X), -1, 0)
        weight, turning = self.mass * self.gravity, p_2 / (self.mass * r**2)
        pull = self.stiffness * (r - self.length) - weight * np.cos(theta) - p_2 * turning / r
        return np.stack([pull, weight * r * np.sin(theta), p_1 / self.mass, turning], axis=-1)
