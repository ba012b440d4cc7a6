"""The pendulum in a plane."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._checks import FloatArray, check_positive
from ._hamiltonian import HamiltonianSystem


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
        check_positive(self)

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
