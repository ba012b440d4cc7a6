"""A charge in a magnetic field."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._checks import FloatArray, check_finite, keep, numbers
from ._hamiltonian import HamiltonianSystem


@dataclass(frozen=True)
class MagneticCharge(HamiltonianSystem):
    """A charge in a plane, in a magnetic field B(q) perpendicular to it.

    H(q, p) = ``|p - A(q)|^2 / 2``,  B(q) = dA_2/dq_1 - dA_1/dq_2 = b + g_1 q_1 + g_2 q_2

    with A(q) = (-b q_2 / 2 - g_2 q_2^2 / 2, b q_1 / 2 + g_1 q_1^2 / 2). Charge and mass are 1.
    The canonical momentum p = v + A(q) is not the velocity: this H has terms of q times p that
    no change of units removes. The charge turns clockwise where B > 0, with the angular
    frequency B, at constant speed.

    Parameters
    ----------
    field : float, default=1.0
        The field b at the origin.
    field_gradient : (float, float), default=(0.0, 0.0)
        Gradient (g_1, g_2) of the field.

    Raises
    ------
    ValueError
        If a parameter is not finite, or ``field_gradient`` is not a pair.

    Examples
    --------
    >>> from skhnn.systems import MagneticCharge
    >>> system = MagneticCharge(field=2.0)
    >>> system.to_velocities([1.0, 0.0, 0.0, 4.0])
    array([1., 0., 0., 3.])
    >>> system.velocity_field([1.0, 0.0, 0.0, 4.0])
    array([0., 3., 6., 0.])
    """

    field: float = 1.0
    field_gradient: Sequence[float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        check_finite(self, "field")
        gradient = numbers(self, "field_gradient")
        if gradient.shape != (2,):
            raise ValueError(
                "field_gradient of MagneticCharge must be a pair of numbers, dB/dq_1 and dB/dq_2; "
                f"got {self.field_gradient!r}."
            )
        keep(self, field_gradient=gradient)

    @property
    def n_dof(self) -> int:
        """Number of degrees of freedom, 2."""
        return 2

    def _potential(self, q: FloatArray) -> tuple[FloatArray, FloatArray]:
        """A(q), and the slopes dA_1/dq_2 and dA_2/dq_1; all are (..., 2)."""
        other = q[..., ::-1]
        signed = np.array([-1.0, 1.0])
        slopes = np.array(self.field_gradient)[::-1]
        A = signed * (self.field * other / 2 + slopes * other**2 / 2)
        return A, signed * (self.field / 2 + slopes * other)

    def energy(self, X: ArrayLike) -> FloatArray:
        """``|p - A(q)|^2 / 2``: (..., 4) to (...)."""
        q, p = self._split(X)
        return np.sum((p - self._potential(q)[0]) ** 2, axis=-1) / 2

    def gradient(self, X: ArrayLike) -> FloatArray:
        """(-v_2 dA_2/dq_1, -v_1 dA_1/dq_2, v) with v = p - A(q), of the shape (..., 4) of X."""
        q, p = self._split(X)
        A, slopes = self._potential(q)
        v = p - A
        return np.concatenate([-(v * slopes)[..., ::-1], v], axis=-1)
