"""A rigid body that turns freely."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._checks import FloatArray, each, keep, numbers
from ._poisson import PoissonSystem


@dataclass(frozen=True)
class RigidBody(PoissonSystem):
    """A rigid body without torques, by Euler's equations for its angular momentum.

    H(x) = x_1^2 / (2 I_1) + x_2^2 / (2 I_2) + x_3^2 / (2 I_3),  ``dx/dt = x cross grad H``

    x is the angular momentum along the principal axes of the body, and grad H its angular
    velocity. S(x) = [[0, -x_3, x_2], [x_3, 0, -x_1], [-x_2, x_1, 0]] depends on x and is of rank
    two: beside H the length of x is conserved, whatever the energy.

    Parameters
    ----------
    inertia : (float, float, float), default=(1.0, 2.0, 3.0)
        Principal moments of inertia I_i > 0.

    Raises
    ------
    ValueError
        If there are not three positive moments.

    Examples
    --------
    >>> from skhnn.systems import RigidBody
    >>> body = RigidBody(inertia=(1.0, 2.0, 4.0))
    >>> body.energy([[1.0, 2.0, 2.0]])
    array([2.])
    >>> body.vector_field([1.0, 2.0, 2.0])
    array([-1. ,  1.5, -1. ])
    """

    inertia: Sequence[float] = (1.0, 2.0, 3.0)

    def __post_init__(self) -> None:
        if numbers(self, "inertia").shape != (3,):
            raise ValueError(
                f"inertia of RigidBody must be three moments of inertia; got {self.inertia!r}."
            )
        keep(self, inertia=each(self, "inertia", 3, "axis"))

    @property
    def n_columns(self) -> int:
        """Number of columns of a state, 3."""
        return 3

    def structure(self, X: ArrayLike) -> FloatArray:
        """S(x), the matrix of the cross product with x: (..., 3) to (..., 3, 3)."""
        X = self._checked(X)
        S = np.zeros((*X.shape, 3), dtype=X.dtype)
        for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
            S[..., i, j], S[..., j, i] = -X[..., k], X[..., k]
        return S

    def energy(self, X: ArrayLike) -> FloatArray:
        """sum_i x_i^2 / (2 I_i): (..., 3) to (...)."""
        return np.sum(self._checked(X) ** 2 / (2 * np.asarray(self.inertia)), axis=-1)

    def gradient(self, X: ArrayLike) -> FloatArray:
        """The angular velocity x_i / I_i, of the shape (..., 3) of X."""
        return self._checked(X) / np.asarray(self.inertia)
