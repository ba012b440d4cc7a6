"""The two-body problem."""

from dataclasses import dataclass
from operator import index

import numpy as np
from numpy.typing import ArrayLike

from ._checks import FloatArray, check_positive
from ._hamiltonian import HamiltonianSystem


@dataclass(frozen=True)
class Kepler(HamiltonianSystem):
    """Newton's two-body law for the separation of two bodies, per unit mass.

    H(q, p) = ``|p|^2 / 2 - mu / |q|``

    q is the vector from one body to the other and p = dq/dt its velocity; mu = G (M + m) is
    the gravitational parameter of both together. The default mu = 4 pi^2 au^3/yr^2 is that of
    the Sun and a light planet, with lengths in au and times in years: one turn of a circle of
    one au takes one year. At q = 0 nothing is defined: the values there are not finite.

    Parameters
    ----------
    mu : float, default=4 * pi**2
        Gravitational parameter mu > 0.
    n_dim : int, default=2
        Number of dimensions of space.

    Examples
    --------
    >>> from skhnn.systems import Kepler
    >>> sun = Kepler(mu=4.0)
    >>> sun.feature_names
    ['q_1', 'q_2', 'p_1', 'p_2']
    >>> sun.vector_field([2.0, 0.0, 0.0, 1.0])
    array([ 0.,  1., -1., -0.])
    >>> sun.energy([[2.0, 0.0, 0.0, 1.0]])
    array([-1.5])
    """

    mu: float = 4 * np.pi**2
    n_dim: int = 2

    def __post_init__(self) -> None:
        check_positive(self)
        index(self.n_dim)  # a TypeError for anything but an integer

    @property
    def n_dof(self) -> int:
        """Number of degrees of freedom, ``n_dim``."""
        return self.n_dim

    def energy(self, X: ArrayLike) -> FloatArray:
        """``|p|^2 / 2 - mu / |q|``: (..., 2 n_dim) to (...)."""
        q, p = self._split(X)
        return np.sum(p**2, axis=-1) / 2 - self.mu / np.sqrt(np.sum(q**2, axis=-1))

    def gradient(self, X: ArrayLike) -> FloatArray:
        """``(mu q / |q|^3, p)``, of the shape (..., 2 n_dim) of X."""
        q, p = self._split(X)
        r = np.sqrt(np.sum(q**2, axis=-1, keepdims=True))
        return np.concatenate([self.mu * q / r**3, p], axis=-1)
