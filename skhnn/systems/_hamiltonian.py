"""The contract of a known Hamiltonian system: coordinates, momenta and an energy of them."""

from abc import abstractmethod

import numpy as np
from numpy.typing import ArrayLike

from ..hamiltonians import field_from_gradient
from ._checks import FloatArray
from ._poisson import PoissonSystem


class HamiltonianSystem(PoissonSystem):
    """The contract of a known system.

    1. ``n_dof`` is the number d of degrees of freedom.
    2. ``energy(X)`` maps states (..., 2d) to energies (...).
    3. ``gradient(X)`` maps states (..., 2d) to (dH/dq, dH/dp), of the same shape.
    4. Both are pure functions of X and of the fields, in float64; they take X through
       ``_split``, which checks its width.
    5. ``velocity_field`` differentiates the gradient by a complex step. It needs a gradient of
       functions that numpy continues to complex numbers: ``np.sqrt(np.sum(q**2, axis=-1))``
       and not ``np.linalg.norm`` or ``np.abs``.

    The vector field and the velocities follow from the gradient.

    Examples
    --------
    A system of one's own, H = p^2 / 2 + q^4 / 4:

    >>> import numpy as np
    >>> from skhnn.systems import HamiltonianSystem
    >>> class Quartic(HamiltonianSystem):
    ...     n_dof = 1
    ...     def energy(self, X):
    ...         q, p = self._split(X)
    ...         return (p**2 / 2 + q**4 / 4)[..., 0]
    ...     def gradient(self, X):
    ...         q, p = self._split(X)
    ...         return np.concatenate([q**3, p], axis=-1)
    >>> Quartic().vector_field([2.0, 1.0])
    array([ 1., -8.])
    """

    @property
    @abstractmethod
    def n_dof(self) -> int:
        """Number d of degrees of freedom."""

    @property
    def n_columns(self) -> int:
        """Number of columns of a state, 2d."""
        return 2 * self.n_dof

    @abstractmethod
    def energy(self, X: ArrayLike) -> FloatArray:
        """H(x): states of shape (..., 2d) to energies of shape (...)."""

    @abstractmethod
    def gradient(self, X: ArrayLike) -> FloatArray:
        """Return (dH/dq, dH/dp) at X; both have the shape (..., 2d)."""

    def structure(self, X: ArrayLike) -> FloatArray:
        """J = [[0, I], [-I, 0]] for each state: (..., 2d) to (..., 2d, 2d)."""
        X, n = self._checked(X), self.n_columns
        J = np.roll(np.eye(n), self.n_dof, axis=1)
        J[self.n_dof :] *= -1
        return np.broadcast_to(J, (*X.shape[:-1], n, n))

    def vector_field(self, X: ArrayLike) -> FloatArray:
        """J grad H = (dH/dp, -dH/dq): the time derivative of X; both are (..., 2d)."""
        return field_from_gradient(self.gradient(X))

    def velocity(self, X: ArrayLike) -> FloatArray:
        """v = dq/dt = dH/dp at canonical states: (..., 2d) to (..., d)."""
        return self.gradient(X)[..., self.n_dof :]

    def to_velocities(self, X: ArrayLike) -> FloatArray:
        """(q, v) of canonical states (q, p), with v = dH/dp; both are (..., 2d)."""
        q, _ = self._split(X)
        return np.concatenate([q, self.velocity(X)], axis=-1)

    def velocity_field(self, X: ArrayLike) -> FloatArray:
        """(v, a) at canonical states: the time derivative of (q, v); both are (..., 2d).

        a = dv/dt = d/dt dH/dp along the flow, to rounding.
        """
        return self._velocity_field_along(X, self.vector_field(X))

    def _velocity_field_along(self, X: ArrayLike, dX: FloatArray) -> FloatArray:
        """(v, a) where canonical states X move with dX/dt: a = Im dH/dp(x + i h dx/dt) / h."""
        step = 1e-30  # along the imaginary axis: its square is nothing beside 1
        v = self.velocity(self._checked(X) + 1j * step * dX)
        return np.concatenate([v.real, v.imag / step], axis=-1)

    @property
    def feature_names(self) -> list[str]:
        """Names of the 2d columns: q, p or q_1..q_d, p_1..p_d."""
        if self.n_dof == 1:
            return ["q", "p"]
        return [f"{letter}_{i}" for letter in "qp" for i in range(1, self.n_dof + 1)]

    @property
    def velocity_names(self) -> list[str]:
        """Names of the 2d columns of (q, v): those of the states with v for p."""
        names = self.feature_names
        return [*names[: self.n_dof], *(f"v{name[1:]}" for name in names[self.n_dof :])]

    def _split(self, X: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """X of shape (..., 2d) as q and p, each of shape (..., d) and float64 (or complex)."""
        X = self._checked(X)
        return X[..., : self.n_dof], X[..., self.n_dof :]
