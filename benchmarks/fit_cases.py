"""Data for fit.py: systems, training rows, clean test rows, and starts for simulations."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.integrate import solve_ivp

Field = Callable[[np.ndarray], np.ndarray]


def circle(X):
    return 2 * np.pi * np.stack([X[:, 1], -X[:, 0]], axis=1)


def spring(X):  # H = q^2 + p^2, as in the original task
    return 2 * np.stack([X[:, 1], -X[:, 0]], axis=1)


def pendulum(X):
    return np.stack([X[:, 1], -np.sin(X[:, 0])], axis=1)


def original_pendulum(X):  # H = 3 (1 - cos q) + p^2, as in the original task
    return np.stack([2 * X[:, 1], -3 * np.sin(X[:, 0])], axis=1)


def henon_heiles(X):
    q1, q2, p1, p2 = X.T
    return np.stack([p1, p2, -q1 - 2 * q1 * q2, -q2 - q1**2 + q2**2], axis=1)


def double_pendulum(X):
    """H = (p1^2 + 2 p2^2 - 2 p1 p2 c) / (2 (1 + s^2)) + 3 - 2 cos q1 - cos q2."""
    q1, q2, p1, p2 = X.T
    c, s = np.cos(q1 - q2), np.sin(q1 - q2)
    D, N = 1 + s * s, p1**2 + 2 * p2**2 - 2 * p1 * p2 * c
    slope = p1 * p2 * s / D - N * s * c / D**2
    dq = [(p1 - p2 * c) / D, (2 * p2 - p1 * c) / D]
    return np.stack([*dq, -slope - 2 * np.sin(q1), slope - np.sin(q2)], axis=1)


def toda(X):
    q, p = np.split(X, 2, axis=1)
    e = np.exp(q - np.roll(q, -1, axis=1))
    return np.hstack([p, np.roll(e, 1, axis=1) - e])


def bodies(X):
    """Bodies of mass one in the plane, G = 1; columns body by body."""
    d = X.shape[1] // 2
    q = X[:, :d].reshape(len(X), -1, 2)
    r = q[:, :, None] - q[:, None]
    distance = np.sqrt((r**2).sum(axis=-1)) + np.eye(q.shape[1])  # the diagonal: 0 / 1
    return np.hstack([X[:, d:], -(r / distance[..., None] ** 3).sum(axis=2).reshape(len(X), d)])


def magnetic(X):
    """A charge in a magnetic field and a quartic well; never looked at while constants were set."""
    q1, q2, p1, p2 = X.T
    v1, v2 = p1 + q2 / 2, p2 - q1 / 2
    f1, f2 = v2 / 2 - q1**3 - q2 / 4, -v1 / 2 - q2**3 - q1 / 4
    return np.stack([v1, v2, f1, f2], axis=1)


def tilted_top(X):
    """A heavy top in Euler angles, tilted; added after the forms of H, and not looked at before."""
    theta, phi, psi, p_theta, p_phi, p_psi = X.T
    c, s = np.cos(theta), np.sin(theta)
    u = p_phi - p_psi * c
    slope = u * p_psi / s - u**2 * c / s**3 - s + 0.3 * c * np.cos(phi)
    dq = [p_theta, u / s**2, p_psi - u * c / s**2]
    return np.stack([*dq, -slope, 0.3 * s * np.sin(phi), 0.2 * np.sin(psi)], axis=1)


def wave(X):
    """Nonlinear Schroedinger equation on a ring of four sites; added with the top."""
    q, p = np.split(X, 2, axis=1)
    size = q**2 + p**2
    neighbours = [np.roll(a, 1, axis=1) + np.roll(a, -1, axis=1) for a in (q, p)]
    return np.hstack([p * (1 + size) - neighbours[1], neighbours[0] - q * (1 + size)])


def trajectories(field: Field, starts: np.ndarray, t: np.ndarray, rtol: float = 1e-9) -> np.ndarray:
    """States (n_starts, n_times, 2d), integrated together in lots of 200."""
    parts = []
    for first in range(0, len(starts), 200):
        x0 = starts[first : first + 200]
        result = solve_ivp(
            lambda _, x, shape=x0.shape: field(x.reshape(shape)).ravel(), (t[0], t[-1]), x0.ravel(),
            "DOP853", t, rtol=rtol / 10, atol=rtol / 100,
        )  # fmt: skip
        parts.append(np.moveaxis(result.y.reshape(*x0.shape, -1), 2, 1))
    return np.concatenate(parts)


def pair_of_bodies(rng, n):
    radius, angle = rng.uniform(0.5, 1.5, n), rng.uniform(0, 2 * np.pi, n)
    q = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    speed = (1 + 0.05 * rng.standard_normal(n)) / (2 * np.sqrt(radius))
    v = speed[:, None] * np.stack([-np.sin(angle), np.cos(angle)], axis=1)
    return np.hstack([q, -q, v, -v])


def three_of_bodies(rng, n):
    angle = rng.uniform(0, 2 * np.pi, n)[:, None] + np.arange(3) * 2 * np.pi / 3
    radius = rng.uniform(0.9, 1.2, n)[:, None]
    q = radius[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    speed = np.sqrt(1 / np.sqrt(3) / radius) * (1 + 0.2 * rng.uniform(-1, 1, (n, 3)))
    v = speed[..., None] * np.stack([-np.sin(angle), np.cos(angle)], axis=-1)
    return np.hstack([q.reshape(n, 6), v.reshape(n, 6)])


def on_disc(rng, n, low, high):
    angle, radius = rng.uniform(0, 2 * np.pi, n), rng.uniform(low, high, n)
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)


@dataclass(frozen=True)
class Case:
    """A learning problem.

    ``draw(rng, n)`` gives states (boxes) or starts of trajectories over ``t``; ``start_scale``
    shrinks starts of simulations into a box, so that they stay there. Noise is relative to the
    spread of the target columns, or absolute on the states (``state_noise``).
    """

    field: Field
    n: int
    draw: Callable
    period: float
    t: np.ndarray | None = None
    noise: float = 0.0
    state_noise: float = 0.0
    start_scale: float = 0.3
    steps: int = 2000
    batch: int = 256

    def train(self, seed: int):
        """X, y, groups."""
        rng = np.random.default_rng(seed)
        X, groups = self._states(rng, self.n)
        y = self.field(X)
        y = y + self.noise * y.std(axis=0) * rng.standard_normal(y.shape)
        return X + self.state_noise * rng.standard_normal(X.shape), y, groups

    def test(self, seed: int):
        """Clean states and the true field."""
        X, _ = self._states(np.random.default_rng(1000 + seed), 3000)
        return X, self.field(X)

    def starts(self, seed: int) -> np.ndarray:
        x0 = self.draw(np.random.default_rng(2000 + seed), 8)
        return x0 if self.t is not None else self.start_scale * x0

    def _states(self, rng, n):
        if self.t is None:
            return self.draw(rng, n), None
        n_paths = -(-n // len(self.t))
        paths = trajectories(self.field, self.draw(rng, n_paths), self.t)
        return paths.reshape(-1, paths.shape[2]), np.repeat(np.arange(n_paths), len(self.t))


def box(*sides):
    """States in a box; a side is half a width, or its two ends."""
    low, high = np.array([side if np.ndim(side) else (-side, side) for side in sides]).T
    return lambda rng, n: low + (high - low) * (rng.uniform(-1, 1, (n, len(sides))) + 1) / 2


def on_circle(rng, n):
    t = np.arange(n) / n
    return np.stack([np.sin(2 * np.pi * t), np.cos(2 * np.pi * t)], axis=1)


TWO_BODY = {"draw": pair_of_bodies, "period": 8.9, "t": np.linspace(0, 20, 50), "steps": 10_000}
CASES = {
    "circle": Case(circle, 1024, on_circle, 1.0, start_scale=1.0),
    "pendulum": Case(pendulum, 1000, box(np.pi, 3), 6.3),
    "henon_heiles": Case(henon_heiles, 2000, box(1, 1, 1, 1), 6.3),
    "double_pendulum": Case(double_pendulum, 5000, box(2, 2, 2, 2), 8.2),
    "double_pendulum_paths": Case(
        double_pendulum, 4000, box(1, 1, 1, 1), 8.2, t=np.arange(50) * 0.1
    ),
    "two_body_5k": Case(bodies, 5000, **TWO_BODY, batch=200),
    "two_body_40k": Case(bodies, 40_000, **TWO_BODY, batch=200),
    "three_body": Case(
        bodies, 80_000, three_of_bodies, 8.3, t=np.linspace(0, 5, 20), steps=10_000, batch=600
    ),
    "toda": Case(toda, 5000, box(*[1] * 20), 6.3),
    "pendulum_noisy": Case(pendulum, 1000, box(np.pi, 3), 6.3, noise=0.1),
    "henon_heiles_noisy": Case(henon_heiles, 2000, box(1, 1, 1, 1), 6.3, noise=0.1),
    "spring_original": Case(
        spring, 750, lambda rng, n: on_disc(rng, n, 0.1, 1.0), np.pi, t=np.linspace(0, 3, 30),
        state_noise=0.1,
    ),
    "pendulum_original": Case(
        original_pendulum, 1125, lambda rng, n: on_disc(rng, n, 1.3, 2.3), 1.8,
        t=np.linspace(0, 3, 45), state_noise=0.1,
    ),
    "unseen": Case(magnetic, 3000, box(1.5, 1.5, 1.5, 1.5), 6.3),
    "unseen_top": Case(
        tilted_top, 5000, box([0.5, 2.6], 3, 3, 1, 1, 1), 6.3, start_scale=1.0
    ),
    "unseen_wave": Case(wave, 5000, box(*[1] * 8), 6.3),
}  # fmt: skip
SMALL = {
    "pendulum": (pendulum, box(np.pi, 3)),
    "henon_heiles": (henon_heiles, box(1, 1, 1, 1)),
    "double_pendulum": (double_pendulum, box(2, 2, 2, 2)),
}
