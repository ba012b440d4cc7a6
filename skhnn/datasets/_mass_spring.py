"""The mass on a spring: an exact solution, so the simplest data set there is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from ..systems import MassSpring
from ._base import check_interval, check_n_times, simulated, time_grid

DESCRIPTION = """
Mass on a spring
----------------
H(q, p) = p^2 / (2 m) + k q^2 / 2, sampled from its exact solution
q = A sin(omega t + phi), p = m omega A cos(omega t + phi), omega = sqrt(k / m).
Units are those of the parameters; with the defaults both coordinates and the period are 1.
"""


def make_mass_spring(
    n_samples: int = 1024,
    *,
    n_trajectories: int = 1,
    t_span: Sequence[float] = (0.0, 1.0),
    amplitude: float | Sequence[float] = 1.0,
    mass: float = 1 / (2 * np.pi),
    stiffness: float = 2 * np.pi,
    coordinates: str = "canonical",
    noise: float = 0.0,
    target_noise: float = 0.0,
    random_state: int | np.random.RandomState | None = None,
    return_X_y: bool = False,
) -> Any:
    """Make states and derivatives of a mass on a spring, H = p^2/(2m) + k q^2/2.

    The default is the unit circle that the tutorial of DiffEqFlux.jl on Hamiltonian neural
    networks learns: for t = k / 1024, k = 0..1023,

        q = sin 2 pi t,  p = cos 2 pi t,  dq/dt = 2 pi p,  dp/dt = -2 pi q,

    that is m = 1/(2 pi), k = 2 pi and H = pi (q^2 + p^2), one period in one unit of time.

    Parameters
    ----------
    n_samples : int, default=1024
        Number of rows, a multiple of ``n_trajectories``.
    n_trajectories : int, default=1
        Number of orbits. A single one starts at q = 0 with p > 0; several start with phases
        drawn uniformly from the whole turn.
    t_span : (float, float), default=(0.0, 1.0)
        Times of the first sample and of the end, which is left out: the samples of a whole
        period do not hold the same state twice. The orbits start at the first time.
    amplitude : float or (float, float), default=1.0
        Largest displacement of the orbits, or the range from which each orbit's is drawn
        uniformly.
    mass : float, default=1 / (2 * pi)
        Mass m.
    stiffness : float, default=2 * pi
        Spring constant k.
    coordinates : {"canonical", "velocities"}, default="canonical"
        "velocities" returns states (q, v) with v = dq/dt, and targets (v, a) with a = dv/dt, of
        the same motion.
    noise : float, default=0.0
        Standard deviation of the Gaussian noise on the states. The targets stay those of the
        states without noise.
    target_noise : float, default=0.0
        Standard deviation of the Gaussian noise on the targets.
    random_state : int, RandomState instance or None, default=None
        Draws amplitudes, phases and noise. Pass an int for reproducible output.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With ``data`` (n_samples, 2), ``target`` (n_samples, 2), ``groups`` (n_samples,) the
        index of the trajectory, ``t`` (n_samples,), ``feature_names``, ``system`` (a
        :class:`~skhnn.systems.MassSpring`) and ``DESCR``.
    (data, target) : tuple, if ``return_X_y``

    Examples
    --------
    >>> from skhnn.datasets import make_mass_spring
    >>> circle = make_mass_spring()
    >>> circle.data.shape, circle.feature_names
    ((1024, 2), ['q', 'p'])
    >>> bool(abs(circle.system.energy(circle.data) - 3.141592653589793).max() < 1e-14)
    True
    >>> X, y = make_mass_spring(
    ...     600, n_trajectories=6, amplitude=(0.5, 2.0), noise=0.01, random_state=0,
    ...     return_X_y=True,
    ... )
    >>> X.shape
    (600, 2)

    The task of Greydanus, Dzamba and Yosinski ("Hamiltonian Neural Networks", 2019), H = q^2 + p^2,
    with 30 states of each orbit at times from 0 to 3:

    >>> task = make_mass_spring(
    ...     750, n_trajectories=25, t_span=(0, 90 / 29), amplitude=(0.1, 1.0), mass=0.5,
    ...     stiffness=2.0, noise=0.1, random_state=0,
    ... )
    >>> task.system.energy([[1.0, 2.0]])
    array([5.])
    """
    system = MassSpring(mass=mass, stiffness=stiffness)
    n_times = check_n_times(n_samples, n_trajectories)
    start, end = check_interval("t_span", t_span)
    low, high = _check_amplitude(amplitude)
    rng = check_random_state(random_state)

    A = rng.uniform(low, high, n_trajectories)
    phase = 2 * np.pi * rng.uniform(size=n_trajectories) if n_trajectories > 1 else np.zeros(1)
    X0 = np.stack([A * np.sin(phase), system.mass * system.frequency * A * np.cos(phase)], axis=1)
    t = time_grid((start, end), n_times)
    return simulated(
        system,
        system.solution(X0, t - start),
        t,
        description=DESCRIPTION,
        coordinates=coordinates,
        noise=noise,
        target_noise=target_noise,
        rng=rng,
        return_X_y=return_X_y,
    )


def _check_amplitude(amplitude: float | Sequence[float]) -> tuple[float, float]:
    """Return the range of amplitudes; a number is the range of that number only."""
    bounds: Any = amplitude if np.ndim(amplitude) else (amplitude, amplitude)
    low, high = check_interval("amplitude", bounds, may_be_empty=True)
    if low <= 0:
        raise ValueError(f"amplitude must be positive; got {amplitude!r}.")
    return low, high
