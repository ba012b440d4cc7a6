"""Masses in a line with springs that are not linear."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._checks import FloatArray, check_choice, check_count, check_finite, each, keep
from ._hamiltonian import HamiltonianSystem


@dataclass(frozen=True)
class Chain(HamiltonianSystem):
    """Masses in a line, each with springs to its neighbours.

    H(q, p) = ``sum_i p_i^2 / (2 m_i) + sum_i V(q_{i+1} - q_i)``

    where V is one of

        Toda:  V(r) = (exp(2 alpha r) - 1 - 2 alpha r) / (4 alpha^2)
        FPUT:  V(r) = r^2 / 2 + alpha r^3 / 3 + beta r^4 / 4

    The sum of V goes over the n pairs of a ring (``periodic``), or over the n + 1 springs between
    two walls, q_0 = q_{n+1} = 0. q are displacements from rest and p_i = m_i dq_i/dt; the
    stiffness at rest is 1. The Toda chain of equal masses is integrable, and agrees with that of
    Fermi, Pasta, Ulam and Tsingou up to the third power of r. Its default alpha = -1/2 gives
    V(r) = exp(-r) + r - 1.

    Parameters
    ----------
    n : int, default=8
        Number of masses; at least 2 in a ring.
    potential : {"toda", "fput"}, default="toda"
        The potential V of a spring.
    alpha : float or None, default=None
        Coefficient alpha, not 0 for "toda". None means -0.5 for "toda" and 0.25 for "fput".
    beta : float, default=0.0
        Coefficient beta, only for "fput".
    periodic : bool, default=True
        Whether the ends are joined to a ring; otherwise they are fixed to walls.
    masses : float or sequence of n floats, default=1.0
        Masses m_i > 0, one for all or one for each.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or has no meaning for the potential, or there is not
        one of the masses for each of the n.
    TypeError
        If ``n`` is not an integer, or ``masses`` are not numbers.

    References
    ----------
    M. Toda, "Vibration of a chain with nonlinear interaction", Journal of the Physical Society
    of Japan 22, 431-436, 1967.

    E. Fermi, J. Pasta, S. Ulam, "Studies of nonlinear problems", Los Alamos report LA-1940, 1955.

    Examples
    --------
    >>> from skhnn.systems import Chain
    >>> chain = Chain(3, potential="fput", alpha=0.0, beta=1.0, periodic=False)
    >>> chain.energy([[0.0, 1.0, 0.0, 0.0, 0.0, 0.0]])
    array([1.5])
    >>> chain.vector_field([0.0, 1.0, 0.0, 0.0, 0.0, 2.0])
    array([ 0.,  0.,  2.,  2., -4.,  2.])
    >>> Chain(3).alpha
    -0.5
    >>> Chain(2, masses=(1.0, 4.0)).velocity([0.0, 0.0, 1.0, 1.0])
    array([1.  , 0.25])
    """

    n: int = 8
    potential: str = "toda"
    alpha: float | None = None
    beta: float = 0.0
    periodic: bool = True
    masses: float | Sequence[float] = 1.0

    def __post_init__(self) -> None:
        check_count(self, "n", 2 if self.periodic else 1)
        check_choice(self, "potential", ("toda", "fput"))
        if self.alpha is None:
            keep(self, alpha=-0.5 if self.potential == "toda" else 0.25)
        check_finite(self, "alpha", "beta")
        if self.potential == "toda" and self.alpha == 0:
            raise ValueError("alpha of Chain must not be 0 for potential='toda'; try 'fput'.")
        if self.potential == "toda" and self.beta != 0:
            raise ValueError(
                f"beta of Chain is for potential='fput'; got {self.beta!r} with 'toda'. Leave it "
                "out or set potential='fput'."
            )
        each(self, "masses", self.n, "mass")
        keep(self, masses=np.asarray(self.masses, dtype=np.float64))

    @property
    def n_dof(self) -> int:
        """Number of degrees of freedom, ``n``."""
        return self.n

    def _stretches(self, q: FloatArray) -> FloatArray:
        """q_{i+1} - q_i of each spring: (..., n) to (..., n) in a ring, else (..., n + 1)."""
        if self.periodic:
            return np.roll(q, -1, axis=-1) - q
        wall = np.zeros_like(q[..., :1])
        return np.diff(np.concatenate([wall, q, wall], axis=-1), axis=-1)

    def energy(self, X: ArrayLike) -> FloatArray:
        """``sum_i p_i^2 / (2 m_i) + sum_i V(q_{i+1} - q_i)``: (..., 2n) to (...)."""
        q, p = self._split(X)
        r, a = self._stretches(q), self._alpha()
        if self.potential == "toda":
            V = (np.expm1(2 * a * r) - 2 * a * r) / (4 * a**2)
        else:
            V = r**2 / 2 + a * r**3 / 3 + self.beta * r**4 / 4
        return np.sum(p**2 / np.asarray(self.masses), axis=-1) / 2 + np.sum(V, axis=-1)

    def gradient(self, X: ArrayLike) -> FloatArray:
        """(V'(q_i - q_{i-1}) - V'(q_{i+1} - q_i), p_i / m_i), of the shape (..., 2n) of X."""
        q, p = self._split(X)
        r, a = self._stretches(q), self._alpha()
        if self.potential == "toda":
            slope = np.expm1(2 * a * r) / (2 * a)
        else:
            slope = r + a * r**2 + self.beta * r**3
        v = p / np.asarray(self.masses)
        if self.periodic:
            return np.concatenate([np.roll(slope, 1, axis=-1) - slope, v], axis=-1)
        return np.concatenate([slope[..., :-1] - slope[..., 1:], v], axis=-1)

    def _alpha(self) -> float:
        assert self.alpha is not None  # __post_init__ put a number for None
        return self.alpha
