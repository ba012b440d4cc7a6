"""Yoshida's compositions of leapfrog steps."""

from ._fixed_step import FixedStepSolver
from ._splitting import Splitting, of_verlet_steps

_WEIGHT_4 = 1.0 / (2.0 - 2.0 ** (1.0 / 3.0))
# Weights from the outside inwards. Order 6: solution A; order 8: solution D, which has errors 1e3
# to 1e4 times smaller than those of A.
_WEIGHTS_6 = (0.784513610477560, 0.235573213359357, -1.17767998417887)
_WEIGHTS_8 = (
    0.914844246229740, 0.253693336566229, -1.44485223686048, -0.158240635368243,
    1.93813913762276, -1.96061023297549, 0.102799849391985,
)  # fmt: skip


class Yoshida4(FixedStepSolver):
    """Three leapfrog steps: explicit, symplectic, symmetric, of order 4, for H = T(p) + V(q).

    Used with ``solve_ivp`` directly, it is you who vouch that H is separable, see
    :class:`~skhnn.integrators.StormerVerlet`.

    References
    ----------
    E. Forest, R. D. Ruth, "Fourth-order symplectic integration", Physica D 43 (1990) 105-117.

    H. Yoshida, "Construction of higher order symplectic integrators", Phys. Lett. A 150 (1990)
    262-268.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.integrate import solve_ivp
    >>> from skhnn.integrators import Yoshida4
    >>> pendulum = solve_ivp(
    ...     lambda t, x: [x[1], -np.sin(x[0])], (0, 100), [2.0, 0.0], Yoshida4, step_size=0.05
    ... )
    >>> q, p = pendulum.y
    >>> bool(np.ptp(p**2 / 2 - np.cos(q)) < 1e-5)
    True
    """

    scheme = Splitting(*of_verlet_steps([_WEIGHT_4]), order=4, steps_per_period=60)


class Yoshida6(FixedStepSolver):
    """Seven leapfrog steps: explicit, symplectic, symmetric, of order 6, for H = T(p) + V(q).

    Used with ``solve_ivp`` directly, it is you who vouch that H is separable, see
    :class:`~skhnn.integrators.StormerVerlet`.

    References
    ----------
    H. Yoshida, "Construction of higher order symplectic integrators", Phys. Lett. A 150 (1990)
    262-268, table 1, solution A.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.integrate import solve_ivp
    >>> from skhnn.integrators import Yoshida6
    >>> pendulum = solve_ivp(
    ...     lambda t, x: [x[1], -np.sin(x[0])], (0, 100), [2.0, 0.0], Yoshida6, step_size=0.1
    ... )
    >>> q, p = pendulum.y
    >>> bool(np.ptp(p**2 / 2 - np.cos(q)) < 1e-5)
    True
    """

    scheme = Splitting(*of_verlet_steps(_WEIGHTS_6), order=6, steps_per_period=30)


class Yoshida8(FixedStepSolver):
    """Fifteen leapfrog steps: explicit, symplectic, symmetric, of order 8, for H = T(p) + V(q).

    Used with ``solve_ivp`` directly, it is you who vouch that H is separable, see
    :class:`~skhnn.integrators.StormerVerlet`.

    References
    ----------
    H. Yoshida, "Construction of higher order symplectic integrators", Phys. Lett. A 150 (1990)
    262-268, table 2, solution D.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.integrate import solve_ivp
    >>> from skhnn.integrators import Yoshida8
    >>> pendulum = solve_ivp(
    ...     lambda t, x: [x[1], -np.sin(x[0])], (0, 100), [2.0, 0.0], Yoshida8, step_size=0.1
    ... )
    >>> q, p = pendulum.y
    >>> bool(np.ptp(p**2 / 2 - np.cos(q)) < 1e-6)
    True
    """

    scheme = Splitting(*of_verlet_steps(_WEIGHTS_8), order=8, steps_per_period=25)
