"""Two pendulums, one hanging from the other."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._checks import FloatArray, check_positive
from ._hamiltonian import HamiltonianSystem


@dataclass(frozen=True)
class DoublePendulum(HamiltonianSystem):
    """Two point masses on two massless rods in a plane, the second hanging from the first.

    H(q, p) = (m_2 l_2^2 p_1^2 + (m_1 + m_2) l_1^2 p_2^2 - 2 m_2 l_1 l_2 c p_1 p_2) / (2 D)
    + (m_1 + m_2) g l_1 (1 - cos q_1) + m_2 g l_2 (1 - cos q_2)

    with c = cos(q_1 - q_2), s = sin(q_1 - q_2) and D = m_2 l_1^2 l_2^2 (m_1 + m_2 s^2). q_1 and
    q_2 are the angles of the rods from the downward vertical in radians, not wrapped; p are
    their canonical momenta, p = M(q) dq/dt with the mass matrix

    M = [[(m_1 + m_2) l_1^2, m_2 l_1 l_2 c], [m_2 l_1 l_2 c, m_2 l_2^2]].

    H = 0 at rest; the defaults are natural units.

    Parameters
    ----------
    mass_1, mass_2 : float, default=1.0
        Masses m_1, m_2 > 0 of the upper and the lower bob.
    length_1, length_2 : float, default=1.0
        Lengths l_1, l_2 > 0 of the upper and the lower rod.
    gravity : float, default=1.0
        Gravitational acceleration g > 0.

    Raises
    ------
    ValueError
        If a parameter is not positive and finite.

    Examples
    --------
    >>> import numpy as np
    >>> from skhnn.systems import DoublePendulum
    >>> system = DoublePendulum()
    >>> system.energy([[0.0, 0.0, 0.0, 0.0], [np.pi, np.pi, 0.0, 0.0]])
    array([0., 6.])
    >>> system.vector_field([np.pi / 2, 0.0, 1.0, 3.0])
    array([ 0.5,  3. , -3.5,  1.5])
    """

    mass_1: float = 1.0
    mass_2: float = 1.0
    length_1: float = 1.0
    length_2: float = 1.0
    gravity: float = 1.0

    def __post_init__(self) -> None:
        check_positive(self)

    @property
    def n_dof(self) -> int:
        """Number of degrees of freedom, 2."""
        return 2

    def _velocity(self, q: FloatArray, p: FloatArray) -> FloatArray:
        """v = M(q)^-1 p, of the shape (..., 2) of q and p."""
        a, b, coupling = self._inertias()
        off = coupling * np.cos(q[..., 0] - q[..., 1])
        # a b - coupling^2 c^2, without the cancellation where the rods are in line
        in_line = coupling * self.length_1 * self.length_2 * self.mass_1
        D = in_line + (coupling * np.sin(q[..., 0] - q[..., 1])) ** 2
        return np.stack(
            [(b * p[..., 0] - off * p[..., 1]) / D, (a * p[..., 1] - off * p[..., 0]) / D], axis=-1
        )

    def _inertias(self) -> tuple[float, float, float]:
        """(m_1 + m_2) l_1^2, m_2 l_2^2 and m_2 l_1 l_2."""
        return (
            (self.mass_1 + self.mass_2) * self.length_1**2,
            self.mass_2 * self.length_2**2,
            self.mass_2 * self.length_1 * self.length_2,
        )

    def _weights(self) -> FloatArray:
        """(m_1 + m_2) g l_1 and m_2 g l_2."""
        lengths = [(self.mass_1 + self.mass_2) * self.length_1, self.mass_2 * self.length_2]
        return self.gravity * np.array(lengths)

    def energy(self, X: ArrayLike) -> FloatArray:
        """p . M(q)^-1 p / 2 + V(q): (..., 4) to (...)."""
        q, p = self._split(X)
        kinetic = np.sum(p * self._velocity(q, p), axis=-1) / 2
        return kinetic + np.sum(2 * self._weights() * np.sin(q / 2) ** 2, axis=-1)

    def gradient(self, X: ArrayLike) -> FloatArray:
        """(dV/dq - v . dM/dq v / 2, v) with v = M^-1 p, of the shape (..., 4) of X."""
        q, p = self._split(X)
        v = self._velocity(q, p)
        slope = self._inertias()[2] * np.sin(q[..., :1] - q[..., 1:]) * v[..., :1] * v[..., 1:]
        return np.concatenate([self._weights() * np.sin(q) + slope * [1.0, -1.0], v], axis=-1)
