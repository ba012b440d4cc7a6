"""Bodies that attract or repel each other in pairs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._checks import (
    FloatArray,
    check_choice,
    check_count,
    check_not_negative,
    check_positive,
    each,
    keep,
)
from ._hamiltonian import HamiltonianSystem


@dataclass(frozen=True)
class NBody(HamiltonianSystem):
    """Point masses in any number of dimensions, with a force between each two.

    H(q, p) = ``sum_i |p_i|^2 / (2 m_i) + sum_{i<j} U_ij(r_ij)``,  r_ij = ``|q_i - q_j|``

    where U is one of

        gravity:        U_ij = -G m_i m_j / sqrt(r^2 + softening^2)
        Lennard-Jones:  U_ij = 4 epsilon ((sigma / r)^12 - (sigma / r)^6)

    The columns go body by body, x_1, y_1, x_2, y_2, ..., then the momenta p_i = m_i dq_i/dt in
    the same order. Any consistent units do. The sum of the momenta, and of the angular
    momenta, is conserved. Where two bodies meet nothing is defined (but with a softening): the
    values there are not finite.

    Parameters
    ----------
    n_bodies : int
        Number n of bodies, at least 1.
    n_dim : int, default=2
        Number of dimensions of space.
    masses : float or sequence of n_bodies floats, default=1.0
        Masses m_i > 0, one for all or one for each.
    potential : {"gravity", "lennard_jones"}, default="gravity"
        The force between two bodies.
    G : float, default=1.0
        Constant of gravity, G > 0. Only for "gravity".
    softening : float, default=0.0
        Length below which gravity is weakened. Only for "gravity".
    epsilon, sigma : float, default=1.0
        Depth of the well and the distance where U = 0. Only for "lennard_jones".

    Raises
    ------
    ValueError
        If a parameter is out of its range, or there is not one of the masses for each body.

    Examples
    --------
    >>> from skhnn.systems import NBody
    >>> pair = NBody(2, masses=[3.0, 1.0])
    >>> pair.feature_names
    ['x_1', 'y_1', 'x_2', 'y_2', 'px_1', 'py_1', 'px_2', 'py_2']
    >>> pair.energy([[0.0, 0.0, 2.0, 0.0, 3.0, 0.0, 0.0, 0.0]])
    array([0.])
    >>> pair.vector_field([0.0, 0.0, 2.0, 0.0, 3.0, 0.0, 0.0, 0.0])
    array([ 1.  ,  0.  ,  0.  ,  0.  ,  0.75, -0.  , -0.75, -0.  ])
    """

    n_bodies: int
    n_dim: int = 2
    masses: float | Sequence[float] = 1.0
    potential: str = "gravity"
    G: float = 1.0
    softening: float = 0.0
    epsilon: float = 1.0
    sigma: float = 1.0

    def __post_init__(self) -> None:
        check_count(self, "n_bodies")
        check_count(self, "n_dim")
        check_choice(self, "potential", ("gravity", "lennard_jones"))
        check_positive(self, "G", "epsilon", "sigma")
        check_not_negative(self, "softening")
        each(self, "masses", self.n_bodies, "body")
        keep(self, masses=np.asarray(self.masses, dtype=np.float64))

    @property
    def n_dof(self) -> int:
        """Number of degrees of freedom, n_bodies * n_dim."""
        return self.n_bodies * self.n_dim

    @property
    def feature_names(self) -> list[str]:
        """Names of the columns: x_1, y_1, ..., px_1, py_1, ..., with q1_1, ... beyond 3-D."""
        axes = list("xyz"[: self.n_dim])
        if self.n_dim > 3:
            axes = [f"q{k}" for k in range(1, self.n_dim + 1)]
        bodies = range(1, self.n_bodies + 1)
        return [f"{p}{axis}_{i}" for p in ("", "p") for i in bodies for axis in axes]

    def _masses(self) -> FloatArray:
        """The masses (n,)."""
        return np.zeros(self.n_bodies) + self.masses

    def _bodies(self, q: FloatArray) -> FloatArray:
        """Columns (..., n n_dim) as vectors (..., n, n_dim)."""
        return q.reshape(*q.shape[:-1], self.n_bodies, self.n_dim)

    def energy(self, X: ArrayLike) -> FloatArray:
        """``sum_i |p_i|^2 / (2 m_i) + sum_{i<j} U_ij``: (..., 2 n n_dim) to (...)."""
        q, p = (self._bodies(part) for part in self._split(X))
        m = self._masses()
        i, j = np.triu_indices(self.n_bodies, 1)
        square = np.sum((q[..., i, :] - q[..., j, :]) ** 2, axis=-1)
        if self.potential == "gravity":
            U = -self.G * m[i] * m[j] / np.sqrt(square + self.softening**2)
        else:
            sixth = (self.sigma**2 / square) ** 3
            U = 4 * self.epsilon * (sixth**2 - sixth)
        return np.sum(p**2 / (2 * m[:, np.newaxis]), axis=(-2, -1)) + np.sum(U, axis=-1)

    def gradient(self, X: ArrayLike) -> FloatArray:
        """(sum_j U'_ij(r_ij) (q_i - q_j) / r_ij, p_i / m_i), of the shape of X."""
        q, p = (self._bodies(part) for part in self._split(X))
        m = self._masses()
        r = q[..., :, np.newaxis, :] - q[..., np.newaxis, :, :]  # (..., n, n, n_dim)
        square = np.sum(r**2, axis=-1) + np.eye(self.n_bodies)  # no body meets itself
        if self.potential == "gravity":
            soft = square + self.softening**2
            factor = self.G * np.outer(m, m) / (soft * np.sqrt(soft))
        else:
            sixth = (self.sigma**2 / square) ** 3
            factor = 24 * self.epsilon * (sixth - 2 * sixth**2) / square
        dq = np.einsum("...ij,...ijk->...ik", factor, r)
        halves = [dq, p / m[:, np.newaxis]]
        return np.concatenate([x.reshape(*x.shape[:-2], self.n_dof) for x in halves], axis=-1)
