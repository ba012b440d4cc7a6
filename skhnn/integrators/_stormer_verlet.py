"""Störmer-Verlet, also called leapfrog."""

from ._fixed_step import FixedStepSolver
from ._splitting import Splitting, of_verlet_steps


class StormerVerlet(FixedStepSolver):
    """Störmer-Verlet (leapfrog): explicit, symplectic, symmetric, of order 2, for H = T(p) + V(q).

    Half a drift, a kick, half a drift. Used with ``solve_ivp`` directly, it is you who vouch that
    dq/dt depends on p alone and dp/dt on q alone; for other fields the result is wrong, and no
    error tells. See :class:`~skhnn.integrators.FixedStepSolver` for the parameters.

    References
    ----------
    E. Hairer, C. Lubich, G. Wanner, "Geometric numerical integration illustrated by the
    Störmer-Verlet method", Acta Numerica 12 (2003) 399-450.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.integrate import solve_ivp
    >>> from skhnn.integrators import StormerVerlet
    >>> pendulum = solve_ivp(
    ...     lambda t, x: [x[1], -np.sin(x[0])], (0, 1000), [2.0, 0.0], StormerVerlet, step_size=0.01
    ... )
    >>> q, p = pendulum.y
    >>> bool(np.ptp(p**2 / 2 - np.cos(q)) < 1e-4)
    True
    """

    scheme = Splitting(*of_verlet_steps([]), order=2, steps_per_period=100)
