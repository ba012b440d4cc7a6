"""A pendulum that may swing in all directions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._checks import FloatArray, check_positive
from ._hamiltonian import HamiltonianSystem


@dataclass(frozen=True)
class SphericalPendulum(HamiltonianSystem):
    """A point mass on a massless rod, free to swing in all directions.

    H(q, p) = (p_1^2 + p_2^2 / sin^2 q_1) / (2 m l^2) + m g l (1 - cos q_1)

    q_1 is the angle from the downward vertical and q_2 the azimuth around it, in radians, not
    wrapped; p_1 = m l^2 dq_1/dt, and p_2 = m l^2 sin^2 q_1 dq_2/dt, the angular momentum around
    the vertical, is conserved. On the vertical, q_1 a multiple of pi, nothing is defined: the
    values there are not finite. The defaults are natural units.

    Parameters
    ----------
    mass : float, default=1.0
        Mass m > 0 of the bob.
    length : float, default=1.0
        Length l > 0.
    gravity : float, default=1.0
        Gravitational acceleration g > 0.

    Raises
    ------
    ValueError
        If a parameter is not positive and finite.

    Examples
    --------
    >>> import numpy as np
    >>> from skhnn.systems import SphericalPendulum
    >>> system = SphericalPendulum()
    >>> system.energy([[np.pi / 2, 0.0, 0.0, 2.0]])
    array([3.])
    >>> system.vector_field([np.pi / 2, 0.0, 1.0, 2.0]).round(12)
    array([ 1.,  2., -1., -0.])
    """

    mass: float = 1.0
    length: float = 1.0
    gravity: float = 1.0

    def __post_init__(self) -> None:
        check_positive(self)

    @property
    def n_dof(self) -> int:
        """Number of degrees of freedom, 2."""
        return 2

    def _constants(self) -> tuple[float, float]:
        """The inertia m l^2 and the weight m g l."""
        return self.mass * self.length**2, self.mass * self.gravity * self.length

    def energy(self, X: ArrayLike) -> FloatArray:
        """(p_1^2 + p_2^2 / sin^2 q_1) / (2 m l^2) + m g l (1 - cos q_1): (..., 4) to (...)."""
        theta, _, p_1, p_2 = np.moveaxis(self._checked(X), -1, 0)
        inertia, weight = self._constants()
        kinetic = (p_1**2 + (p_2 / np.sin(theta)) ** 2) / (2 * inertia)
        return kinetic + 2 * weight * np.sin(theta / 2) ** 2

    def gradient(self, X: ArrayLike) -> FloatArray:
        """The derivatives by q_1, q_2, p_1, p_2, of the shape (..., 4) of X.

        m g l sin q_1 - p_2^2 cos q_1 / (m l^2 sin^3 q_1), 0, p_1 / (m l^2) and
        p_2 / (m l^2 sin^2 q_1).
        """
        theta, _, p_1, p_2 = np.moveaxis(self._checked(X), -1, 0)
        inertia, weight = self._constants()
        sine = np.sin(theta)
        turning = p_2 / (inertia * sine**2)
        slope = weight * sine - p_2 * turning * np.cos(theta) / sine
        return np.stack([slope, 0 * slope, p_1 / inertia, turning], axis=-1)
