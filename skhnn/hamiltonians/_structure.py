"""States x = (q, p) and the structure matrix J = [[0, I], [-I, 0]], along the last axis."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np


def field_from_gradient(G: Any, xp: ModuleType = np) -> Any:
    """J g: (g_q, g_p) -> (g_p, -g_q), for g of shape (..., 2d)."""
    d = G.shape[-1] // 2
    return xp.concatenate([G[..., d:], -G[..., :d]], axis=-1)


def gradient_from_field(F: Any, xp: ModuleType = np) -> Any:
    """J^T f: (f_q, f_p) -> (-f_p, f_q), the gradient of which f is the vector field."""
    d = F.shape[-1] // 2
    return xp.concatenate([-F[..., d:], F[..., :d]], axis=-1)


def q_and_p(X: Any) -> tuple[Any, Any]:
    """The two halves of states (..., 2d)."""
    d = X.shape[-1] // 2
    return X[..., :d], X[..., d:]


def field_from_halves(
    velocity: Callable[[Any], Any], force: Callable[[Any], Any]
) -> Callable[[np.ndarray], np.ndarray]:
    """x -> (velocity(p), force(q)), for x of shape (2d,) or (n, 2d)."""

    def field(x: np.ndarray) -> np.ndarray:
        dx = np.empty(x.shape)
        d = x.shape[-1] // 2
        dx[..., :d] = velocity(x[..., d:])
        dx[..., d:] = force(x[..., :d])
        return dx

    return field
