"""The mass on a linear spring."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._checks import FloatArray, check_positive
from ._hamiltonian import HamiltonianSystem


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
        check_positive(self)

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
