"""A robot of two links that has a motor in its second joint only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._checks import FloatArray, check_not_negative, check_positive, keep
from ._hamiltonian import HamiltonianSystem


@dataclass(frozen=True)
class Acrobot(HamiltonianSystem):
    """Two rigid links in a plane, the second hanging from the first, in joint angles.

    H(q, p) = p . M(q)^-1 p / 2 + (m_1 c_1 + m_2 l_1) g (1 - cos q_1)
    + m_2 c_2 g (1 - cos(q_1 + q_2))

    q_1 is the angle of the first link from the downward vertical and q_2 that of the second from
    the direction of the first, in radians, not wrapped. p are their canonical momenta,
    p = M(q) dq/dt with the mass matrix

        M_11 = I_1 + I_2 + m_1 c_1^2 + m_2 (l_1^2 + c_2^2 + 2 l_1 c_2 cos q_2)
        M_12 = M_21 = I_2 + m_2 (c_2^2 + l_1 c_2 cos q_2)
        M_22 = I_2 + m_2 c_2^2

    The torque of the motor acts on p_2: see :class:`Forced`, with ``input_matrix=[[0.0], [1.0]]``.
    H = 0 at rest; the defaults are uniform rods in natural units.

    Parameters
    ----------
    mass_1, mass_2 : float, default=1.0
        Masses m_1, m_2 > 0 of the links.
    length_1, length_2 : float, default=1.0
        Lengths l_1, l_2 > 0 of the links. l_2 has no part in H but through the defaults of
        ``centre_2`` and ``inertia_2``.
    centre_1, centre_2 : float or None, default=None
        Distances c_1, c_2 > 0 of the centres of mass from the joint that the link hangs from.
        None means half the length.
    inertia_1, inertia_2 : float or None, default=None
        Moments of inertia I_1, I_2 >= 0 of the links about their centres of mass. None means
        m l^2 / 12, that of a uniform rod.
    gravity : float, default=1.0
        Gravitational acceleration g > 0.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    References
    ----------
    M. W. Spong, "The swing up control problem for the acrobot", IEEE Control Systems Magazine
    15(1), 49-55, 1995.

    Examples
    --------
    >>> import numpy as np
    >>> from skhnn.systems import Acrobot, Forced
    >>> system = Acrobot(centre_1=1.0, centre_2=1.0, inertia_1=0.0, inertia_2=0.0)
    >>> system.energy([[0.0, 0.0, 0.0, 0.0], [np.pi, 0.0, 0.0, 0.0]])
    array([0., 6.])
    >>> system.vector_field([0.0, np.pi / 2, 2.0, 1.0])
    array([ 0.5,  0.5, -1. , -1.5])
    >>> robot = Forced(system, input_matrix=[[0.0], [1.0]])
    >>> robot.vector_field([0.0, np.pi / 2, 2.0, 1.0], u=[3.0])
    array([ 0.5,  0.5, -1. ,  1.5])
    """

    mass_1: float = 1.0
    mass_2: float = 1.0
    length_1: float = 1.0
    length_2: float = 1.0
    centre_1: float | None = None
    centre_2: float | None = None
    inertia_1: float | None = None
    inertia_2: float | None = None
    gravity: float = 1.0

    def __post_init__(self) -> None:
        check_positive(self, "mass_1", "mass_2", "length_1", "length_2", "gravity")
        for i in "12":
            mass, length = getattr(self, f"mass_{i}"), getattr(self, f"length_{i}")
            of_rod = {f"centre_{i}": length / 2, f"inertia_{i}": mass * length**2 / 12}
            keep(self, **{k: value for k, value in of_rod.items() if getattr(self, k) is None})
        check_positive(self, "centre_1", "centre_2")
        check_not_negative(self, "inertia_1", "inertia_2")

    @property
    def n_dof(self) -> int:
        """Number of degrees of freedom, 2."""
        return 2

    def _of_links(self) -> tuple[float, float, float, float]:
        """c_1, c_2, I_1 and I_2."""
        assert self.centre_1 is not None  # __post_init__ put numbers for None
        assert self.centre_2 is not None
        assert self.inertia_1 is not None
        assert self.inertia_2 is not None
        return self.centre_1, self.centre_2, self.inertia_1, self.inertia_2

    def _inertias(self) -> tuple[float, float, float]:
        """I_1 + m_1 c_1^2 + m_2 l_1^2, I_2 + m_2 c_2^2 and m_2 l_1 c_2."""
        c_1, c_2, I_1, I_2 = self._of_links()
        return (
            I_1 + self.mass_1 * c_1**2 + self.mass_2 * self.length_1**2,
            I_2 + self.mass_2 * c_2**2,
            self.mass_2 * self.length_1 * c_2,
        )

    def _velocity(self, q: FloatArray, p: FloatArray) -> FloatArray:
        """v = M(q)^-1 p, of the shape (..., 2) of q and p."""
        a, b, coupling = self._inertias()
        off = coupling * np.cos(q[..., 1])
        # a b - coupling^2 cos^2 q_2, without the cancellation where the links are in line
        lever = self.mass_2 * self.length_1**2
        in_line = (a - lever) * b + lever * self._of_links()[3]
        D = in_line + (coupling * np.sin(q[..., 1])) ** 2
        # the momenta that belong to the angles from the vertical, and those angles' rates
        p_1, p_2 = p[..., 0] - p[..., 1], p[..., 1]
        w_1, w_2 = (b * p_1 - off * p_2) / D, (a * p_2 - off * p_1) / D
        return np.stack([w_1, w_2 - w_1], axis=-1)

    def _weights(self) -> tuple[float, float]:
        """(m_1 c_1 + m_2 l_1) g and m_2 c_2 g."""
        c_1, c_2, _, _ = self._of_links()
        upper = self.mass_1 * c_1 + self.mass_2 * self.length_1
        return self.gravity * upper, self.gravity * self.mass_2 * c_2

    def energy(self, X: ArrayLike) -> FloatArray:
        """p . M(q)^-1 p / 2 + V(q): (..., 4) to (...)."""
        q, p = self._split(X)
        upper, lower = self._weights()
        kinetic = np.sum(p * self._velocity(q, p), axis=-1) / 2
        heights = upper * np.sin(q[..., 0] / 2) ** 2 + lower * np.sin(np.sum(q, axis=-1) / 2) ** 2
        return kinetic + 2 * heights

    def gradient(self, X: ArrayLike) -> FloatArray:
        """(dV/dq - v . dM/dq v / 2, v) with v = M^-1 p, of the shape (..., 4) of X."""
        q, p = self._split(X)
        v = self._velocity(q, p)
        upper, lower = self._weights()
        of_both = lower * np.sin(np.sum(q, axis=-1))
        bend = self._inertias()[2] * np.sin(q[..., 1]) * v[..., 0] * np.sum(v, axis=-1)
        slope = np.stack([upper * np.sin(q[..., 0]) + of_both, of_both + bend], axis=-1)
        return np.concatenate([slope, v], axis=-1)
