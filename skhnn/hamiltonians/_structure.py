"""The canonical structure matrix J = [[0, I], [-I, 0]], as operations on the last axis."""

import numpy as np


def field_from_gradient(G: np.ndarray) -> np.ndarray:
    """J g: (g_q, g_p) -> (g_p, -g_q), for g of shape (..., 2d)."""
    g_q, g_p = np.split(G, 2, axis=-1)
    return np.concatenate([g_p, -g_q], axis=-1)


def gradient_from_field(F: np.ndarray) -> np.ndarray:
    """J^T f: (f_q, f_p) -> (-f_p, f_q), the gradient of which f is the vector field."""
    f_q, f_p = np.split(F, 2, axis=-1)
    return np.concatenate([-f_p, f_q], axis=-1)
