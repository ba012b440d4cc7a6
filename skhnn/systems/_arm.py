"""Links in a plane, each hanging from the one before."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._checks import FloatArray, check_count, check_not_negative, each, keep
from ._hamiltonian import HamiltonianSystem


@dataclass(frozen=True)
class Arm(HamiltonianSystem):
    """A planar arm of n massless links with point masses at their ends, in joint angles.

    H(q, p) = p . M(q)^-1 p / 2 + sum_i mu_i g l_i (1 - cos theta_i) + sum_j k_j (1 - cos q_j)

    q_1 is the angle of the first link from the downward vertical, q_j that of link j from the
    direction of the link before it, in radians, not wrapped; theta_i = q_1 + ... + q_i are the
    angles from the vertical, theta = T q with T_ij = 1 for j <= i. mu_i = m_i + ... + m_n is the
    mass that hangs on link i, and k_j the stiffness of a torsion spring in joint j. p are the
    canonical momenta, p = M(q) dq/dt with the mass matrix

    M = T' A T,  A_ij = mu_max(i,j) l_i l_j cos(theta_i - theta_j).

    A torque of a motor in joint j acts on p_j: see :class:`Forced`. H = 0 at rest; the defaults
    are natural units.

    Parameters
    ----------
    n_links : int, default=3
        Number n of links, at least 1.
    masses : float or sequence of n_links floats, default=1.0
        Masses m_i > 0 at the ends of the links, one for all or one for each.
    lengths : float or sequence of n_links floats, default=1.0
        Lengths l_i > 0 of the links, one for all or one for each.
    stiffness : float or sequence of n_links floats, default=0.0
        Stiffness k_j >= 0 of the joints, one for all or one for each.
    gravity : float, default=1.0
        Gravitational acceleration g >= 0; 0 for an arm that moves in a horizontal plane.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or there is not one value for each link.
    TypeError
        If ``n_links`` is not an integer, or a parameter is not made of numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from skhnn.systems import Arm
    >>> arm = Arm(2, stiffness=(0.0, 3.0))
    >>> arm.energy([[0.0, 0.0, 0.0, 0.0], [0.0, np.pi, 0.0, 0.0]])
    array([0., 8.])
    >>> arm.vector_field([0.0, np.pi / 2, 2.0, 1.0])
    array([ 0.5,  0.5, -1. , -4.5])
    """

    n_links: int = 3
    masses: float | Sequence[float] = 1.0
    lengths: float | Sequence[float] = 1.0
    stiffness: float | Sequence[float] = 0.0
    gravity: float = 1.0

    def __post_init__(self) -> None:
        check_count(self, "n_links")
        each(self, "masses", self.n_links, "link")
        each(self, "lengths", self.n_links, "link")
        each(self, "stiffness", self.n_links, "joint", may_be_zero=True)
        check_not_negative(self, "gravity")
        for name in ("masses", "lengths", "stiffness"):
            keep(self, **{name: np.asarray(getattr(self, name), dtype=np.float64)})

    @property
    def n_dof(self) -> int:
        """Number of degrees of freedom, ``n_links``."""
        return self.n_links

    def _inertias(self) -> FloatArray:
        """mu_max(i,j) l_i l_j: (n, n)."""
        n = np.arange(self.n_links)
        lengths = self.lengths + np.zeros(self.n_links)
        return self._hanging()[np.maximum.outer(n, n)] * np.outer(lengths, lengths)

    def _hanging(self) -> FloatArray:
        """mu_i = m_i + ... + m_n: (n,)."""
        return _sums_from_here(self.masses + np.zeros(self.n_links))

    def _weights(self) -> FloatArray:
        """mu_i g l_i: (n,)."""
        return self.gravity * self._hanging() * self.lengths

    def _rates(self, theta: FloatArray, p: FloatArray) -> FloatArray:
        """d theta/dt, which solves A d theta/dt = T'^-1 p; all are (..., n)."""
        # angles from the vertical have a mass matrix without sums, and T' is undone by differences
        p_theta = np.concatenate([p[..., :-1] - p[..., 1:], p[..., -1:]], axis=-1)
        A = self._inertias() * np.cos(_differences(theta))
        return np.linalg.solve(A, p_theta[..., np.newaxis])[..., 0]

    def energy(self, X: ArrayLike) -> FloatArray:
        """p . M(q)^-1 p / 2 + V(q): (..., 2n) to (...)."""
        q, p = self._split(X)
        theta = np.cumsum(q, axis=-1)
        kinetic = np.sum(p * _joints(self._rates(theta, p)), axis=-1) / 2
        V = self._weights() * np.sin(theta / 2) ** 2 + self.stiffness * np.sin(q / 2) ** 2
        return kinetic + 2 * np.sum(V, axis=-1)

    def gradient(self, X: ArrayLike) -> FloatArray:
        """(dV/dq - v . dM/dq v / 2, v) with v = M^-1 p, of the shape (..., 2n) of X."""
        q, p = self._split(X)
        theta = np.cumsum(q, axis=-1)
        w = self._rates(theta, p)
        # w_i sum_j A'_ij w_j: what turns link i beside its weight
        swing = np.einsum("...ij,...j->...i", self._inertias() * np.sin(_differences(theta)), w)
        slope = _sums_from_here(self._weights() * np.sin(theta) + w * swing)
        return np.concatenate([slope + self.stiffness * np.sin(q), _joints(w)], axis=-1)


def _sums_from_here(x: FloatArray) -> FloatArray:
    """x_i + ... + x_n along the last axis, T' x; both are (..., n)."""
    return np.cumsum(x[..., ::-1], axis=-1)[..., ::-1]


def _joints(theta: FloatArray) -> FloatArray:
    """theta_i - theta_{i-1} along the last axis, T^-1 theta; both are (..., n)."""
    return np.concatenate([theta[..., :1], np.diff(theta, axis=-1)], axis=-1)


def _differences(theta: FloatArray) -> FloatArray:
    """theta_i - theta_j: (..., n) to (..., n, n)."""
    return theta[..., :, np.newaxis] - theta[..., np.newaxis, :]
