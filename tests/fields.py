"""Vector fields that several test modules take data from."""

import numpy as np
from scipy.integrate import solve_ivp


def pendulum(X, damping=0.0):
    return np.stack([X[:, 1], -np.sin(X[:, 0]) - damping * X[:, 1]], axis=1)


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


def on_paths(field, n_paths, size, t, seed=0, n_columns=2):
    """States (n, 2d) on trajectories over t, their derivatives, and the path of each."""
    starts = np.random.default_rng(seed).uniform(-size, size, (n_paths, n_columns))
    paths = [
        solve_ivp(
            lambda _, x: field(x[None])[0], (t[0], t[-1]), x0, t_eval=t, rtol=1e-9, atol=1e-9
        ).y.T
        for x0 in starts
    ]
    X = np.concatenate(paths)
    return X, field(X), np.repeat(np.arange(n_paths), len(t))
