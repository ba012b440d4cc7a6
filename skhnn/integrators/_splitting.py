"""Compositions of drifts and kicks, for separable Hamiltonians H = T(p) + V(q)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ._scheme import Scheme
from ._system import System


class Splitting(Scheme):
    """Drift by a_1 h, kick by b_1 h, drift by a_2 h, ..., drift by a_{s+1} h.

    Each is the exact flow of T or V, so that all of them together are symplectic. The coefficients
    given are the first half; the rest mirrors them.

    Where T(p, t) and V(q, t) depend on the time, there are two clocks: drifts advance the time of V
    and kicks that of T. Then each is still an exact flow, that of T(p, t') + e and V(q, t) + e' in
    a space with both times as coordinates, and the order is kept.
    """

    is_splitting = True

    def __init__(
        self, drifts: Sequence[float], kicks: Sequence[float], order: int, steps_per_period: int
    ):
        self.drifts, self.kicks = tuple(map(float, drifts)), tuple(map(float, kicks))
        self.order, self.steps_per_period = order, steps_per_period

    def advance(self, system: System, t: Any, x: Any, h: Any, memory: Any) -> tuple[Any, Any]:
        d = x.shape[-1] // 2
        x = x + 0.0  # of its own, since it is changed in place
        q, p = x[..., :d], x[..., d:]
        velocity = system.drift(t, x) if memory is None else memory
        t_drift = t_kick = t
        for k, a in enumerate(self.drifts):
            q += (a * h) * velocity
            t_kick = t_kick + a * h
            if k < len(self.kicks):
                p += (self.kicks[k] * h) * system.kick(t_kick, x)
                t_drift = t_drift + self.kicks[k] * h
                velocity = system.drift(t_drift, x)
        # The next step begins with the same drift that ends this one.
        return x, velocity


def mirrored(half: Sequence[float], middle: float) -> tuple[float, ...]:
    """half, middle, and half in reverse."""
    return (*half, middle, *reversed(half))


def of_verlet_steps(weights: Sequence[float]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Drifts and kicks of leapfrog steps of lengths w_1 h, w_2 h, ..., with w_0 in the middle.

    ``weights`` are those before the middle; w_0 = 1 - 2 sum w.
    """
    lengths = np.array(mirrored(weights, 1.0 - 2.0 * float(np.sum(weights))))
    drifts = 0.5 * (np.concatenate([[0.0], lengths]) + np.concatenate([lengths, [0.0]]))
    return tuple(drifts), tuple(lengths)
