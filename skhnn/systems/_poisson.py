"""The contract of every known system: an energy and a skew structure matrix."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import ArrayLike

from ._checks import FloatArray


class PoissonSystem(ABC):
    """The contract of a known system that need not have coordinates and momenta.

    dx/dt = S(x) grad H(x),    S(x) skew

    so that dH/dt = grad H . S grad H = 0. :class:`HamiltonianSystem` is the case S = J.

    1. ``n_columns`` is the number n of columns of a state.
    2. ``structure(X)`` maps states (..., n) to skew matrices S (..., n, n), whose bracket
       {f, g} = grad f . S grad g satisfies Jacobi's identity.
    3. ``energy(X)`` maps states (..., n) to energies (...).
    4. ``gradient(X)`` maps states (..., n) to grad H, of the same shape.
    5. All are pure functions of X and of the fields, in float64; they take X through
       ``_checked``, which checks its width.

    The vector field follows from structure and gradient.

    Examples
    --------
    A system of one's own, a spin in a field along the third axis, ``dm/dt = m x grad H`` with
    H = m_3:

    >>> import numpy as np
    >>> from skhnn.systems import PoissonSystem
    >>> class Spin(PoissonSystem):
    ...     n_columns = 3
    ...     def structure(self, X):
    ...         x, y, z = np.moveaxis(self._checked(X), -1, 0)
    ...         rows = [[0 * x, -z, y], [z, 0 * x, -x], [-y, x, 0 * x]]
    ...         return np.moveaxis(np.array(rows), (0, 1), (-2, -1))
    ...     def energy(self, X):
    ...         return self._checked(X)[..., 2]
    ...     def gradient(self, X):
    ...         return np.zeros_like(self._checked(X)) + [0.0, 0.0, 1.0]
    >>> Spin().vector_field([1.0, 0.0, 0.5])
    array([ 0., -1.,  0.])
    """

    @property
    @abstractmethod
    def n_columns(self) -> int:
        """Number n of columns of a state."""

    @abstractmethod
    def structure(self, X: ArrayLike) -> FloatArray:
        """S(x): states of shape (..., n) to skew matrices of shape (..., n, n)."""

    @abstractmethod
    def energy(self, X: ArrayLike) -> FloatArray:
        """H(x): states of shape (..., n) to energies of shape (...)."""

    @abstractmethod
    def gradient(self, X: ArrayLike) -> FloatArray:
        """Return grad H at X; both have the shape (..., n)."""

    def vector_field(self, X: ArrayLike) -> FloatArray:
        """S grad H: the time derivative of X; both are (..., n)."""
        X = self._checked(X)
        return np.einsum("...ij,...j->...i", self.structure(X), self.gradient(X))

    @property
    def feature_names(self) -> list[str]:
        """Names of the n columns: x_1..x_n."""
        return [f"x_{i}" for i in range(1, self.n_columns + 1)]

    def _checked(self, X: ArrayLike) -> FloatArray:
        """X of shape (..., n) as an array of float64, or of complex128 if it is complex."""
        array = np.asarray(X)
        array = array.astype(np.result_type(array.dtype, np.float64), copy=False)
        if array.ndim == 0 or array.shape[-1] != self.n_columns:
            raise ValueError(
                f"X must have {self.n_columns} columns {tuple(self.feature_names)} "
                f"for {type(self).__name__}; got the shape {array.shape}."
            )
        return array
