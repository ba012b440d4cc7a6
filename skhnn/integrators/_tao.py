"""Tao's explicit method for Hamiltonians that are not separable."""

from typing import Any

import numpy as np

from ._fixed_step import FixedStepSolver
from ._scheme import Scheme
from ._step_size import fastest_frequency
from ._system import System

_WEIGHT_4 = 1.0 / (2.0 - 2.0 ** (1.0 / 3.0))


class TaoScheme(Scheme):
    """Strang's splitting of H(q, y) + H(x, p) + omega (|q - x|^2 + |p - y|^2) / 2, composed.

    ``memory`` is the copy (x, y), and the field at (q, y), which the step before ended with.
    """

    def __init__(
        self, lengths: tuple[float, ...], order: int, steps_per_period: int, omega: float = 0.0
    ):
        self.lengths, self.order, self.steps_per_period = lengths, order, steps_per_period
        self.omega = omega

    def prepare(self, system: System, t: Any, x: Any) -> "TaoScheme":
        # The frequency of the binding, as a multiple of the fastest one of the field.
        binding = 4.0
        omega = self.omega or binding * fastest_frequency(system, t, x)
        return TaoScheme(self.lengths, self.order, self.steps_per_period, omega)

    def advance(self, system: System, t: Any, x: Any, h: Any, memory: Any) -> tuple[Any, Any]:
        copy, field = (x, None) if memory is None else memory
        for length in self.lengths:
            x, copy, field = self.strang(system, t, x, copy, field, length * h, self.omega)
            t = t + length * h
        return x, (copy, field)

    def select(self, memory: Any, index: Any) -> Any:
        return tuple(part[index] for part in memory)

    @staticmethod
    def strang(
        system: System, t: Any, x: Any, copy: Any, field: Any, h: Any, omega: float
    ) -> tuple[Any, Any, Any]:
        """One step of order 2 from (q, p) = x and (x, y) = copy."""
        d = x.shape[-1] // 2
        cat = system.xp.concatenate

        def a(x: Any, copy: Any, field: Any, h: Any) -> tuple[Any, Any]:
            """The flow of H(q, y) moves x and p."""
            return (
                cat([x[..., :d], x[..., d:] + h * field[..., d:]], -1),
                cat([copy[..., :d] + h * field[..., :d], copy[..., d:]], -1),
            )

        def b(t: Any, x: Any, copy: Any, h: Any) -> tuple[Any, Any]:
            """The flow of H(x, p) moves q and y."""
            field = system(t, cat([copy[..., :d], x[..., d:]], -1))
            return (
                cat([x[..., :d] + h * field[..., :d], x[..., d:]], -1),
                cat([copy[..., :d], copy[..., d:] + h * field[..., d:]], -1),
            )

        if field is None:
            field = system(t, cat([x[..., :d], copy[..., d:]], -1))
        x, copy = a(x, copy, field, 0.5 * h)
        x, copy = b(t + 0.25 * h, x, copy, 0.5 * h)
        # The binding turns the difference (u, v) by the angle 2 omega h.
        total, difference = x + copy, x - copy
        u, v = difference[..., :d], difference[..., d:]
        xp = np if isinstance(h, float) else system.xp
        cos, sin = xp.cos(2.0 * omega * h), xp.sin(2.0 * omega * h)
        turned = cat([cos * u + sin * v, cos * v - sin * u], -1)
        x, copy = 0.5 * (total + turned), 0.5 * (total - turned)
        x, copy = b(t + 0.75 * h, x, copy, 0.5 * h)
        field = system(t + h, cat([x[..., :d], copy[..., d:]], -1))
        x, copy = a(x, copy, field, 0.5 * h)
        return x, copy, field


class Tao(FixedStepSolver):
    r"""Tao's method: explicit, of order 4, for every Hamiltonian; symplectic in a doubled space.

    A copy (x, y) of the state (q, p) makes any H separable: the exact flows of H(q, y), H(x, p) and
    of a binding that keeps the two together,

    .. math:: \bar H = H(q, y) + H(x, p) + \frac{\omega}{2} (|q - x|^2 + |p - y|^2),

    are composed; omega is four times the fastest frequency of the field near the
    start, or near the starts of all trajectories of a batch. The map of
    (q, p, x, y) is symplectic, that of (q, p) is not exactly so. Nine evaluations of the field a
    step, no equations to solve. On chaotic or very long runs the copies may part; the implicit
    methods do not have that weakness. See
    :class:`~skhnn.integrators.FixedStepSolver` for the parameters.

    References
    ----------
    M. Tao, "Explicit symplectic approximation of nonseparable Hamiltonians: algorithm and long time
    performance", Phys. Rev. E 94 (2016) 043303.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.integrate import solve_ivp
    >>> from skhnn.integrators import Tao
    >>> def field(t, x):  # H = (q^2 + 1) (p^2 + 1) / 2
    ...     q, p = x
    ...     return [p * (q**2 + 1), -q * (p**2 + 1)]
    >>> q, p = solve_ivp(field, (0, 100), [-2.0, 0.0], Tao, step_size=0.02).y
    >>> bool(np.ptp((q**2 + 1) * (p**2 + 1) / 2) < 1e-3)
    True
    """

    scheme = TaoScheme((_WEIGHT_4, 1.0 - 2.0 * _WEIGHT_4, _WEIGHT_4), order=4, steps_per_period=100)
