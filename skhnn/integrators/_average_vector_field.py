"""Methods that conserve the energy itself."""

import numpy as np

from ._fixed_step import FixedStepSolver
from ._runge_kutta import ImplicitRungeKutta, gauss_legendre

# Points of the quadrature: exact for Hamiltonians of degree 12, and up to rounding for smooth ones.
_POINTS = 6


def energy_preserving(
    degree: int, points: int = _POINTS
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""A, b, c of the method whose step is a polynomial of a degree s: order 2s.

    a_ij = b_j \sum_{l < s} P_l(c_j) \int_0^{c_i} P_l, with P_l the orthonormal Legendre polynomials
    on [0, 1]: HBVM(k, s) of Brugnano and Iavernaro.
    """
    c, b = gauss_legendre(points)
    A = np.zeros((points, points))
    for k in range(degree):
        P = np.polynomial.Legendre.basis(k, domain=[0.0, 1.0]) * np.sqrt(2 * k + 1)
        A += np.outer(P.integ(lbnd=0.0)(c), b * P(c))
    return A, b, c


class AverageVectorField(FixedStepSolver):
    r"""Average vector field method: conserves the energy, symmetric, of order 2.

    .. math:: x_{n+1} = x_n + h \int_0^1 f(x_n + \xi (x_{n+1} - x_n)) \, d\xi

    From J grad H = f follows H(x_{n+1}) = H(x_n), for every H, up to the quadrature (six points:
    exact for polynomials of degree 12) and rounding. Not symplectic. See
    :class:`~skhnn.integrators.FixedStepSolver` for the parameters.

    References
    ----------
    G. R. W. Quispel, D. I. McLaren, "A new class of energy-preserving numerical integration
    methods", J. Phys. A 41 (2008) 045206.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.integrate import solve_ivp
    >>> from skhnn.integrators import AverageVectorField
    >>> pendulum = solve_ivp(
    ...     lambda t, x: [x[1], -np.sin(x[0])], (0, 100), [2.0, 0.0], AverageVectorField,
    ...     step_size=0.1,
    ... )
    >>> q, p = pendulum.y
    >>> bool(np.ptp(p**2 / 2 - np.cos(q)) < 1e-12)
    True
    """

    scheme = ImplicitRungeKutta(
        *energy_preserving(1), order=2, steps_per_period=100, conserves_energy=True
    )


class AverageVectorField4(FixedStepSolver):
    """Energy-preserving collocation of order 4: conserves the energy, symmetric.

    The step is a polynomial of degree two, where that of
    :class:`~skhnn.integrators.AverageVectorField` is a straight line; the quadrature is the same.
    Not symplectic. See :class:`~skhnn.integrators.FixedStepSolver` for the parameters.

    References
    ----------
    E. Hairer, "Energy-preserving variant of collocation methods", J. Numer. Anal. Ind. Appl. Math.
    5 (2010) 73-84.

    L. Brugnano, F. Iavernaro, D. Trigiante, "Hamiltonian boundary value methods", J. Numer. Anal.
    Ind. Appl. Math. 5 (2010) 17-37.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.integrate import solve_ivp
    >>> from skhnn.integrators import AverageVectorField4
    >>> pendulum = solve_ivp(
    ...     lambda t, x: [x[1], -np.sin(x[0])], (0, 100), [2.0, 0.0], AverageVectorField4,
    ...     step_size=0.2,
    ... )
    >>> q, p = pendulum.y
    >>> bool(np.ptp(p**2 / 2 - np.cos(q)) < 1e-12)
    True
    """

    scheme = ImplicitRungeKutta(
        *energy_preserving(2), order=4, steps_per_period=30, conserves_energy=True
    )
