"""Compositions with more stages than their order needs, and far smaller errors."""

from ._fixed_step import FixedStepSolver
from ._splitting import Splitting, mirrored


def _complete(
    drifts: list[float], kicks: list[float]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The mirrored coefficients; those in the middle follow from their sums, one."""
    a, b = drifts, [*kicks, 0.5 - sum(kicks)]
    return mirrored(a, 1.0 - 2.0 * sum(a)), (*b, *reversed(b))


class BlanesMoan4(FixedStepSolver):
    """Blanes and Moan's S6: explicit, symplectic, symmetric, of order 4, for H = T(p) + V(q).

    Six kicks a step; at equal cost its error is some hundred times smaller than that of
    :class:`~skhnn.integrators.Yoshida4`. Used with ``solve_ivp`` directly, it is you who vouch that
    H is separable, see :class:`~skhnn.integrators.StormerVerlet`.

    References
    ----------
    S. Blanes, P. C. Moan, "Practical symplectic partitioned Runge-Kutta and Runge-Kutta-Nyström
    methods", J. Comput. Appl. Math. 142 (2002) 313-330, table 2.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.integrate import solve_ivp
    >>> from skhnn.integrators import BlanesMoan4
    >>> pendulum = solve_ivp(
    ...     lambda t, x: [x[1], -np.sin(x[0])], (0, 100), [2.0, 0.0], BlanesMoan4, step_size=0.1
    ... )
    >>> q, p = pendulum.y
    >>> bool(np.ptp(p**2 / 2 - np.cos(q)) < 1e-6)
    True
    """

    scheme = Splitting(
        *_complete(
            [0.0792036964311957, 0.353172906049774, -0.0420650803577195],
            [0.209515106613362, -0.143851773179818],
        ),
        order=4,
        steps_per_period=25,
    )


class BlanesMoan6(FixedStepSolver):
    """Blanes and Moan's S10: explicit, symplectic, symmetric, of order 6, for H = T(p) + V(q).

    Ten kicks a step. Used with ``solve_ivp`` directly, it is you who vouch that H is separable, see
    :class:`~skhnn.integrators.StormerVerlet`.

    References
    ----------
    S. Blanes, P. C. Moan, "Practical symplectic partitioned Runge-Kutta and Runge-Kutta-Nyström
    methods", J. Comput. Appl. Math. 142 (2002) 313-330, table 2.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.integrate import solve_ivp
    >>> from skhnn.integrators import BlanesMoan6
    >>> pendulum = solve_ivp(
    ...     lambda t, x: [x[1], -np.sin(x[0])], (0, 100), [2.0, 0.0], BlanesMoan6, step_size=0.2
    ... )
    >>> q, p = pendulum.y
    >>> bool(np.ptp(p**2 / 2 - np.cos(q)) < 1e-6)
    True
    """

    scheme = Splitting(
        *_complete(
            [
                0.0502627644003922, 0.413514300428344, 0.0450798897943977, -0.188054853819569,
                0.541960678450780,
            ],
            [0.148816447901042, -0.132385865767784, 0.067307604692185, 0.432666402578175],
        ),
        order=6,
        steps_per_period=15,
    )  # fmt: skip
