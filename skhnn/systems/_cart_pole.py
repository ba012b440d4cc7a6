"""A pendulum that hangs from a cart."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._checks import FloatArray, check_positive
from ._hamiltonian import HamiltonianSystem


@dataclass(frozen=True)
class CartPole(HamiltonianSystem):
    """A cart on a horizontal rail and a point mass on a massless pole that turns on it.

    H(q, p) = (m l^2 p_1^2 + (M + m) p_2^2 - 2 m l cos q_2 p_1 p_2) / (2 D) + m g l (1 - cos q_2)

    with D = m l^2 (M + m sin^2 q_2). q_1 is the place of the cart and q_2 the angle of the pole
    from the downward vertical in radians, not wrapped, so that the pole stands up at pi; p are
    their canonical momenta, p_1 = (M + m) dq_1/dt + m l cos q_2 dq_2/dt and
    p_2 = m l cos q_2 dq_1/dt + m l^2 dq_2/dt. A force on the cart acts on p_1: see
    :class:`Forced`. H = 0 at rest.

    Parameters
    ----------
    cart_mass : float, default=1.0
        Mass M > 0 of the cart.
    pole_mass : float, default=1.0
        Mass m > 0 at the end of the pole.
    length : float, default=1.0
        Length l > 0 of the pole.
    gravity : float, default=1.0
        Gravitational acceleration g > 0.

    Raises
    ------
    ValueError
        If a parameter is not positive and finite.

    Examples
    --------
    >>> import numpy as np
    >>> from skhnn.systems import CartPole
    >>> system = CartPole()
    >>> system.energy([[0.0, np.pi, 0.0, 0.0]])
    array([2.])
    >>> system.vector_field([0.0, 0.0, 2.0, 1.0])
    array([ 1.,  0., -0., -0.])
    """

    cart_mass: float = 1.0
    pole_mass: float = 1.0
    length: float = 1.0
    gravity: float = 1.0

    def __post_init__(self) -> None:
        check_positive(self)

    @property
    def n_dof(self) -> int:
        """Number of degrees of freedom, 2."""
        return 2

    def _velocities(self, X: FloatArray) -> tuple[FloatArray, FloatArray]:
        """dq_1/dt and dq_2/dt, each (...)."""
        _, theta, p_1, p_2 = np.moveaxis(X, -1, 0)
        m, length = self.pole_mass, self.length
        off = m * length * np.cos(theta)
        D = m * length**2 * (self.cart_mass + m * np.sin(theta) ** 2)
        return (
            (m * length**2 * p_1 - off * p_2) / D,
            ((self.cart_mass + m) * p_2 - off * p_1) / D,
        )

    def energy(self, X: ArrayLike) -> FloatArray:
        """(p_1 v_1 + p_2 v_2) / 2 + m g l (1 - cos q_2), v = dq/dt: (..., 4) to (...)."""
        X = self._checked(X)
        v_1, v_2 = self._velocities(X)
        weight = self.pole_mass * self.gravity * self.length
        kinetic = (X[..., 2] * v_1 + X[..., 3] * v_2) / 2
        return kinetic + 2 * weight * np.sin(X[..., 1] / 2) ** 2

    def gradient(self, X: ArrayLike) -> FloatArray:
        """(0, m l (g + v_1 v_2) sin q_2, v_1, v_2), of the shape (..., 4) of X."""
        X = self._checked(X)
        v_1, v_2 = self._velocities(X)
        lever = self.pole_mass * self.length * np.sin(X[..., 1])
        return np.stack([0 * v_1, lever * (self.gravity + v_1 * v_2), v_1, v_2], axis=-1)
