"""The implicit midpoint rule."""

from ._fixed_step import FixedStepSolver
from ._runge_kutta import ImplicitRungeKutta, collocation


class ImplicitMidpoint(FixedStepSolver):
    r"""Implicit midpoint rule: symplectic, symmetric, of order 2, for every Hamiltonian.

    .. math:: x_{n+1} = x_n + h f\left(\frac{x_n + x_{n+1}}{2}\right)

    Conserves every quadratic invariant, among them angular momentum. See
    :class:`~skhnn.integrators.FixedStepSolver` for the parameters.

    References
    ----------
    E. Hairer, C. Lubich, G. Wanner, "Geometric Numerical Integration", 2nd ed., Springer 2006,
    theorem VI.3.5.

    Examples
    --------
    >>> from scipy.integrate import solve_ivp
    >>> from skhnn.integrators import ImplicitMidpoint
    >>> spring = solve_ivp(
    ...     lambda t, x: [x[1], -x[0]], (0, 100), [1.0, 0.0], ImplicitMidpoint, step_size=0.1
    ... )
    >>> bool(abs((spring.y**2).sum(axis=0) - 1).max() < 1e-12)
    True
    """

    scheme = ImplicitRungeKutta(*collocation(1), order=2, steps_per_period=100)
