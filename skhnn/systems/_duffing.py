"""An oscillator with a cubic force."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._checks import FloatArray, check_finite
from ._hamiltonian import HamiltonianSystem


@dataclass(frozen=True)
class Duffing(HamiltonianSystem):
    """A unit mass in a potential of fourth order, the Duffing oscillator.

    H(q, p) = p^2 / 2 + alpha q^2 / 2 + beta q^4 / 4

    The default has two wells, at q = -1 and q = 1, of the energy -1/4; the separatrix between
    motion in one well and in both has the energy 0. With alpha > 0 and beta > 0 it is a spring
    that becomes stiffer. All is in natural units.

    Parameters
    ----------
    alpha : float, default=-1.0
        Coefficient of the linear force, any finite number.
    beta : float, default=1.0
        Coefficient of the cubic force, any finite number; the motion is bounded where it is
        positive.

    Raises
    ------
    ValueError
        If a parameter is not finite.

    Examples
    --------
    >>> from skhnn.systems import Duffing
    >>> Duffing().energy([[1.0, 0.0], [0.0, 0.0]])
    array([-0.25,  0.  ])
    >>> Duffing(alpha=1.0, beta=0.5).vector_field([2.0, 1.0])
    array([ 1., -6.])
    """

    alpha: float = -1.0
    beta: float = 1.0

    def __post_init__(self) -> None:
        check_finite(self, "alpha", "beta")

    @property
    def n_dof(self) -> int:
        """Number of degrees of freedom, 1."""
        return 1

    def energy(self, X: ArrayLike) -> FloatArray:
        """p^2 / 2 + alpha q^2 / 2 + beta q^4 / 4: (..., 2) to (...)."""
        q, p = self._split(X)
        return (p**2 / 2 + self.alpha * q**2 / 2 + self.beta * q**4 / 4)[..., 0]

    def gradient(self, X: ArrayLike) -> FloatArray:
        """(alpha q + beta q^3, p), of the shape (..., 2) of X."""
        q, p = self._split(X)
        return np.concatenate([self.alpha * q + self.beta * q**3, p], axis=-1)
