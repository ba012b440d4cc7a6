"""The fastest oscillation of a field, which the step of a method has to resolve."""

import numpy as np

from ._scheme import Scheme
from ._system import System

_TINY = 1e-300


def default_step_size(
    scheme: Scheme, system: System, t: float, x: np.ndarray, span: float
) -> float:
    """A fraction of the period of the fastest oscillation near the starts x (m, 2d)."""
    periods = span * fastest_frequency(system, t, x, span) / (2.0 * np.pi)
    return span / max(periods * scheme.steps_per_period, 1.0)


def fastest_frequency(system: System, t: float, x: np.ndarray, span: float = np.inf) -> float:
    """The largest angular frequency near the start, over all trajectories (m, 2d).

    The square of the frequency at a point is the spectral radius of the squared Jacobian, by power
    iteration with differences of the field; the largest one along a short, coarse trajectory is
    taken. Zero if the field does not vary.
    """
    fastest, ahead = 0.0, 0.0
    x = np.array(x, dtype=float)
    small = 1e-6
    size = max(float(np.abs(x).max()), _TINY) * small
    v = np.cos(np.arange(1.0, x.size + 1)).reshape(x.shape)  # some direction, the same every time
    # The field is looked at along a coarse trajectory of so many Runge-Kutta steps of this phase.
    steps, phase = 60, 0.3
    # Power iterations for the fastest frequency at one point; the direction is kept between points.
    first_iterations, iterations = 6, 1
    with np.errstate(all="ignore"):
        for k in range(steps):
            f = system(t, x)
            square = 0.0
            for _ in range(iterations if k else first_iterations):
                # Twice: a canonical field turns a direction out of its eigenspace and back.
                w = _unit((system(t, x + size * v) - f) / size)
                Jw = (system(t, x + size * w[0]) - f) / size
                v, length = _unit(Jw)
                square = float(np.nanmax(w[1] * length))
            if not 0 < square < np.inf:
                break
            fastest = max(fastest, float(np.sqrt(square)))
            h = phase / np.sqrt(square)
            if ahead + h > span:
                break
            k2 = system(t, x + 0.5 * h * f)
            k3 = system(t, x + 0.5 * h * k2)
            x = x + h / 6 * (f + 2 * k2 + 2 * k3 + system(t, x + h * k3))
            ahead += h
    return fastest


def _unit(V: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows of V at length one, and their lengths (m,)."""
    lengths = np.linalg.norm(V, axis=-1)
    return V / np.maximum(lengths, _TINY)[:, None], lengths
