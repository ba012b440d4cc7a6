"""Gauss's collocation methods with two and three stages."""

from ._fixed_step import FixedStepSolver
from ._runge_kutta import ImplicitRungeKutta, collocation


class GaussLegendre4(FixedStepSolver):
    """Gauss-Legendre collocation with two stages: symplectic, symmetric, of order 4.

    For every Hamiltonian; conserves quadratic invariants. See
    :class:`~skhnn.integrators.FixedStepSolver` for the parameters.

    References
    ----------
    J. M. Sanz-Serna, "Runge-Kutta schemes for Hamiltonian systems", BIT 28 (1988) 877-883.

    Examples
    --------
    >>> from scipy.integrate import solve_ivp
    >>> from skhnn.integrators import GaussLegendre4
    >>> spring = solve_ivp(
    ...     lambda t, x: [x[1], -x[0]], (0, 100), [1.0, 0.0], GaussLegendre4, step_size=0.1
    ... )
    >>> bool(abs((spring.y**2).sum(axis=0) - 1).max() < 1e-12)
    True
    """

    scheme = ImplicitRungeKutta(*collocation(2), order=4, steps_per_period=30)


class GaussLegendre6(FixedStepSolver):
    """Gauss-Legendre collocation with three stages: symplectic, symmetric, of order 6.

    For every Hamiltonian; conserves quadratic invariants. See
    :class:`~skhnn.integrators.FixedStepSolver` for the parameters.

    References
    ----------
    J. M. Sanz-Serna, "Runge-Kutta schemes for Hamiltonian systems", BIT 28 (1988) 877-883.

    Examples
    --------
    >>> from scipy.integrate import solve_ivp
    >>> from skhnn.integrators import GaussLegendre6
    >>> spring = solve_ivp(
    ...     lambda t, x: [x[1], -x[0]], (0, 100), [1.0, 0.0], GaussLegendre6, step_size=0.2
    ... )
    >>> bool(abs((spring.y**2).sum(axis=0) - 1).max() < 1e-12)
    True
    """

    scheme = ImplicitRungeKutta(*collocation(3), order=6, steps_per_period=20)
