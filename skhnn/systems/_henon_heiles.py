"""The Hénon-Heiles problem: a star in the plane of a galaxy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._checks import FloatArray, check_finite
from ._hamiltonian import HamiltonianSystem


@dataclass(frozen=True)
class HenonHeiles(HamiltonianSystem):
    """Two oscillators with a cubic coupling, regular at small energies and chaotic at large ones.

    H(q, p) = (p_1^2 + p_2^2 + q_1^2 + q_2^2) / 2 + lambda (q_1^2 q_2 - q_2^3 / 3)

    All is in units of the oscillators. Motion from near the origin stays bounded below the
    energy 1 / (6 lambda^2), 1/6 by default.

    Parameters
    ----------
    coupling : float, default=1.0
        lambda, any finite number; 0 gives two independent oscillators.

    Raises
    ------
    ValueError
        If the coupling is not finite.

    References
    ----------
    M. Hénon, C. Heiles, "The applicability of the third integral of motion: some numerical
    experiments", The Astronomical Journal 69, 73-79, 1964.

    Examples
    --------
    >>> from skhnn.systems import HenonHeiles
    >>> system = HenonHeiles()
    >>> print(f"{system.energy([0.0, 1.0, 0.0, 0.0]):.4f}")
    0.1667
    >>> system.vector_field([1.0, 0.5, 0.0, 2.0])
    array([ 0.  ,  2.  , -2.  , -1.25])
    """

    coupling: float = 1.0

    def __post_init__(self) -> None:
        check_finite(self, "coupling")

    @property
    def n_dof(self) -> int:
        """Number of degrees of freedom, 2."""
        return 2

    def energy(self, X: ArrayLike) -> FloatArray:
        """``(|p|^2 + |q|^2) / 2 + lambda (q_1^2 q_2 - q_2^3 / 3)``: (..., 4) to (...)."""
        X = self._checked(X)
        q_1, q_2 = X[..., 0], X[..., 1]
        return np.sum(X**2, axis=-1) / 2 + self.coupling * (q_1**2 * q_2 - q_2**3 / 3)

    def gradient(self, X: ArrayLike) -> FloatArray:
        """(q_1 + 2 lambda q_1 q_2, q_2 + lambda (q_1^2 - q_2^2), p), of the shape of X."""
        q, p = self._split(X)
        q_1, q_2 = q[..., 0], q[..., 1]
        cubic = np.stack([2 * q_1 * q_2, q_1**2 - q_2**2], axis=-1)
        return np.concatenate([q + self.coupling * cubic, p], axis=-1)
