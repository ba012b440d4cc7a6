"""Masses and linear springs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._checks import FloatArray, each, keep, numbers, symmetric
from ._hamiltonian import HamiltonianSystem


@dataclass(frozen=True)
class SpringNetwork(HamiltonianSystem):
    """Masses joined by linear springs, small vibrations of anything.

    H(q, p) = sum_i p_i^2 / (2 m_i) + q . K q / 2

    q are displacements from rest and p_i = m_i dq_i/dt. Numbers k_0..k_n as ``stiffness`` are the
    springs of a line between two walls, q_0 = q_{n+1} = 0:

    q . K q = sum_i k_i (q_{i+1} - q_i)^2,  i = 0..n.

    Parameters
    ----------
    masses : float or sequence of n floats, default=(1.0, 1.0)
        Masses m_i > 0. A number is the mass of all, if ``stiffness`` tells how many they are.
    stiffness : float, sequence of n + 1 floats or matrix (n, n), default=1.0
        One constant for all springs of a line, the constants k_i >= 0 of its springs from wall to
        wall, or a symmetric matrix K.

    Raises
    ------
    ValueError
        If masses and stiffness do not fit together, or a value is out of its range.

    Examples
    --------
    >>> from skhnn.systems import SpringNetwork
    >>> line = SpringNetwork(masses=(1.0, 2.0), stiffness=(1.0, 3.0, 0.0))
    >>> line.stiffness_matrix
    array([[ 4., -3.],
           [-3.,  3.]])
    >>> line.vector_field([1.0, 1.0, 0.0, 4.0])
    array([ 0.,  2., -1., -0.])
    """

    masses: float | Sequence[float] = (1.0, 1.0)
    stiffness: float | Sequence[float] | Sequence[Sequence[float]] = 1.0

    def __post_init__(self) -> None:
        masses, stiffness = numbers(self, "masses"), numbers(self, "stiffness")
        if masses.ndim > 1 or masses.size == 0:
            raise ValueError(
                "masses of SpringNetwork must be a number or a sequence of them; "
                f"got {self.masses!r}."
            )
        n = self._count(masses, stiffness)
        if stiffness.ndim < 2 and not (stiffness >= 0).all():
            raise ValueError(
                "stiffness of SpringNetwork must be at least 0 for each spring of a line; "
                f"got {self.stiffness!r}. A matrix may have entries of any sign."
            )
        if stiffness.ndim == 2:
            symmetric(self, "stiffness", stiffness)
        keep(self, masses=each(self, "masses", n, "mass"), stiffness=stiffness)

    def _count(self, masses: FloatArray, stiffness: FloatArray) -> int:
        """The number of masses, on which masses and stiffness must agree."""
        of_stiffness = {0: None, 1: stiffness.size - 1, 2: len(stiffness) if stiffness.ndim else 0}
        n = of_stiffness.get(stiffness.ndim, -1)
        count = masses.size if masses.ndim else 1
        if n is None:
            return count
        if n < 1 or (masses.ndim and n != count):
            raise ValueError(
                "stiffness of SpringNetwork must be a number, n + 1 springs of n masses in a line, "
                f"or a matrix (n, n); got the shape {stiffness.shape} with masses of the shape "
                f"{masses.shape}."
            )
        return n

    @property
    def n_dof(self) -> int:
        """Number of degrees of freedom, that of the masses."""
        return np.size(self.masses)

    @property
    def stiffness_matrix(self) -> FloatArray:
        """The matrix K (n, n)."""
        k, n = np.asarray(self.stiffness, dtype=np.float64), self.n_dof
        if k.ndim == 2:
            return k
        differences = np.eye(n + 1, n) - np.eye(n + 1, n, -1)  # of q_0..q_{n+1}
        return differences.T @ (np.broadcast_to(k, n + 1)[:, np.newaxis] * differences)

    def energy(self, X: ArrayLike) -> FloatArray:
        """sum_i p_i^2 / (2 m_i) + q . K q / 2: (..., 2n) to (...)."""
        q, p = self._split(X)
        masses = np.asarray(self.masses)
        return np.sum(p**2 / masses + q * (q @ self.stiffness_matrix), axis=-1) / 2

    def gradient(self, X: ArrayLike) -> FloatArray:
        """(K q, p_i / m_i), of the shape (..., 2n) of X."""
        q, p = self._split(X)
        return np.concatenate([q @ self.stiffness_matrix, p / np.asarray(self.masses)], axis=-1)
