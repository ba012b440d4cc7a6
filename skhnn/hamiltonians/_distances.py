"""Maps of what is between bodies: squares of lengths, distances of pairs, and their logarithm.

They read columns in the units of the data, body by body: (x_1, y_1, x_2, y_2, ...). A map of C
pairs makes C rows of each row of x, (n C, 1), so that one network reads all pairs alike; what it
makes of them is added up.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from ._maps import Point, WithConstants, as_like


class Squares(WithConstants):
    """z_k = sum_j M_jk x_j^2, for M (columns, m)."""

    def __init__(self, M: Any):
        super().__init__(M=M)

    def rescaled(self, s: np.ndarray) -> "Squares":
        return Squares(self.constants["M"] * s[:, None] ** 2)

    def at(self, x: Any, xp: ModuleType) -> Point:
        (M,) = self.placed(x, xp)
        return Point(
            (x * x) @ M,
            lambda V: 2.0 * (x * V) @ M,
            lambda g: 2.0 * x * (g @ M.T),
            lambda V, g: 2.0 * V * (g @ M.T),
            lambda V, W: 2.0 * (V * W) @ M,
        )


class SquaredDistances(WithConstants):
    """z_c = |x_i - x_j|^2 of C pairs (i, j) of bodies, a row for each, (..., n C, 1).

    ``scale``, (n_bodies * n_dim,), takes columns to the units in which distances are measured.
    """

    def __init__(self, n_dim: int, pairs: Sequence[tuple[int, int]], scale: np.ndarray):
        super().__init__(scale=scale)
        self.n_dim, self.pairs, self.copies = n_dim, list(pairs), len(pairs)
        self.n_bodies = len(scale) // n_dim
        self._i, self._j = ([pair[k] for pair in pairs] for k in (0, 1))
        # For every body and every other, the place of their pair, and the sign of its own force;
        # the last place, beyond all pairs, has a zero.
        place = np.full((self.n_bodies, self.n_bodies), self.copies)
        sign = np.zeros((self.n_bodies, self.n_bodies))
        for c, (i, j) in enumerate(self.pairs):
            place[i, j] = place[j, i] = c
            sign[i, j], sign[j, i] = 1.0, -1.0
        self._place, self._sign = place.ravel().tolist(), sign

    def rescaled(self, s: np.ndarray) -> "SquaredDistances":
        return SquaredDistances(self.n_dim, self.pairs, self.constants["scale"] * s)

    def at(self, x: Any, xp: ModuleType) -> Point:
        (scale,) = self.placed(x, xp)
        sign = as_like(self._sign, x, xp)[..., None]

        def apart(V: Any) -> Any:
            """The differences of the two bodies of every pair, (..., C, n_dim)."""
            V = (V * scale).reshape(*V.shape[:-1], self.n_bodies, self.n_dim)
            return V[..., self._i, :] - V[..., self._j, :]

        def rows(z: Any) -> Any:
            """(..., n, C) as (..., n C, 1)."""
            return z.reshape(*z.shape[:-2], -1, 1) if z.ndim > 1 else z[:, None]

        def on_bodies(f: Any) -> Any:
            """What (..., C, n_dim) of the pairs make on the columns of the bodies."""
            f = xp.concatenate([f, xp.zeros_like(f[..., :1, :])], axis=-2)[..., self._place, :]
            f = f.reshape(*f.shape[:-2], self.n_bodies, self.n_bodies, self.n_dim)
            return (f * sign).sum(-2).reshape(*f.shape[:-3], -1) * scale

        def per_pair(g: Any) -> Any:
            """(..., n C, 1) as (..., n, C, 1)."""
            lead = g.shape[:-2] + x.shape[-2:-1]
            return g.reshape(*lead, self.copies, 1)

        difference = apart(x)
        return Point(
            rows((difference**2).sum(-1)),
            lambda V: rows(2.0 * (difference * apart(V)).sum(-1)),
            lambda g: on_bodies(2.0 * difference * per_pair(g)),
            lambda V, g: on_bodies(2.0 * apart(V) * per_pair(g)),
        )


class Log(WithConstants):
    """z = log(x + floor) of positive x."""

    def __init__(self, floor: Any = 0.0):
        super().__init__(floor=floor)

    def fit(
        self,
        x: np.ndarray,
        weight: np.ndarray,
        mu: np.ndarray | None = None,
        s: np.ndarray | None = None,
    ) -> "Log":
        # What is added to a square before its logarithm is taken, relative to the smallest of the
        # data, and to their mean, should that be zero: beside the data and at the origin the
        # logarithm is smooth. Between 1e-6 and 1e-2 errors were the same, with 1 up to 1e6 times as
        # large (three bodies under gravity, soft or not, Lennard-Jones, springs and bumps, two
        # seeds).
        floor, least_floor = 1e-2, 1e-12
        return Log(max(floor * x.min(), least_floor * x.mean(), np.finfo(float).tiny))

    def at(self, x: Any, xp: ModuleType) -> Point:
        (floor,) = self.placed(x, xp)
        x = x + floor
        return Point(
            xp.log(x),
            lambda V: V / x,
            lambda g: g / x,
            lambda V, g: -V * g / (x * x),
        )


class Fixed(WithConstants):
    """z = w_c, numbers w (C, K) for the C copies of a row whatever x is, (..., n C, K)."""

    def __init__(self, w: Any):
        super().__init__(w=w)
        self.copies = len(self.constants["w"])

    def rescaled(self, s: np.ndarray) -> "Fixed":
        return self

    def at(self, x: Any, xp: ModuleType) -> Point:
        (w,) = self.placed(x, xp)
        z = xp.zeros_like(x)[..., :1, None] + w  # (..., n, C, K)
        z = z.reshape(*z.shape[:-3], -1, z.shape[-1])

        one_state = x.ndim == 1

        def along(V: Any) -> Any:
            """Zeros (..., n C, K)."""
            of_directions = V[..., :1, None] if one_state else V[..., :1, :1]
            return xp.zeros_like(z) + xp.zeros_like(of_directions)

        def back(g: Any) -> Any:
            """Zeros (..., n, k)."""
            return xp.zeros_like(x) + xp.zeros_like(g[..., 0, :1] if one_state else g[..., :1, :1])

        return Point(z, along, back, lambda V, g: None)


class TimesByCopy(WithConstants):
    """z_k = w_ck x, numbers w (C, K) for the C copies of a row, from one column to K."""

    def __init__(self, w: Any):
        super().__init__(w=w)

    def at(self, x: Any, xp: ModuleType) -> Point:
        (w,) = self.placed(x, xp)

        def times(V: Any) -> Any:
            by_copy = V.reshape(*V.shape[:-2], -1, len(w), 1) * w
            return by_copy.reshape(*V.shape[:-1], -1)

        def back(g: Any) -> Any:
            by_copy = g.reshape(*g.shape[:-2], -1, *w.shape) * w
            return by_copy.sum(-1).reshape(*g.shape[:-1], 1)

        return Point(times(x), times, back, lambda V, g: None)
