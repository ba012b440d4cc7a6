"""The canonical structure matrix J = [[0, I], [-I, 0]], as operations on the last axis."""

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
