r"""Structures S of the equations dx/dt = S(x) grad H, skew matrices.

``apply`` is S g, ``transpose`` S^T v, along the last axis. In other units x' = (x - c) / s, h = H /
e and dx/dt = f y' the structure is S'_ij = S_ij e / (f_i s_j); for the canonical one the units of
the rates are chosen such that it stays what it is.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from ._differences import by_column
from ._maps import as_like


def field_from_gradient(G: Any, xp: ModuleType = np) -> Any:
    """J g: (g_q, g_p) -> (g_p, -g_q), for g of shape (..., 2d)."""
    d = G.shape[-1] // 2
    return xp.concatenate([G[..., d:], -G[..., :d]], axis=-1)


def gradient_from_field(F: Any, xp: ModuleType = np) -> Any:
    """J^T f: (f_q, f_p) -> (-f_p, f_q), the gradient of which f is the vector field."""
    d = F.shape[-1] // 2
    return xp.concatenate([-F[..., d:], F[..., :d]], axis=-1)


class Canonical:
    """J = [[0, I], [-I, 0]]."""

    is_constant = is_canonical = True

    def apply(self, x: Any, g: Any, xp: ModuleType = np) -> Any:
        """J g; x are the states (..., D)."""
        return field_from_gradient(g, xp)

    def transpose(self, x: Any, v: Any, xp: ModuleType = np) -> Any:
        """J^T v."""
        return gradient_from_field(v, xp)

    def slope(self, x: Any, g: Any, xp: ModuleType = np) -> Any:
        """The derivatives of S(x) g by x where g is constant, (n, D, D); None for a constant S."""
        return None

    def in_units(
        self, s: np.ndarray, c: np.ndarray, e: float, f: np.ndarray
    ) -> "Canonical | Constant | Poisson":
        """The structure in units of states, of energy and of rates."""
        return self

    def at(self, x: np.ndarray) -> np.ndarray:
        """The matrices at states (n, D): (n, D, D)."""
        J = field_from_gradient(np.eye(x.shape[-1])).T
        return np.broadcast_to(J, (len(x), *J.shape))


class Constant:
    """A constant skew matrix."""

    is_constant, is_canonical = True, False

    def __init__(self, S: np.ndarray):
        self.S = np.asarray(S, dtype=float)

    def apply(self, x: Any, g: Any, xp: ModuleType = np) -> Any:
        return g @ as_like(self.S.T, g, xp)

    def transpose(self, x: Any, v: Any, xp: ModuleType = np) -> Any:
        return v @ as_like(self.S, v, xp)

    def slope(self, x: Any, g: Any, xp: ModuleType = np) -> Any:
        return None

    def in_units(self, s: np.ndarray, c: np.ndarray, e: float, f: np.ndarray) -> "Constant":
        return Constant(self.S * (e / (f[:, None] * s)))

    def at(self, x: np.ndarray) -> np.ndarray:
        return np.broadcast_to(self.S, (len(x), *self.S.shape))


class Poisson:
    """Skew matrices S(x), a function of states: (n, D) -> (n, D, D), of numpy arrays.

    Tensors of torch are taken to numpy for it, and S counts as constant for their gradients.
    """

    is_constant = is_canonical = False

    def __init__(
        self,
        function: Callable[[np.ndarray], np.ndarray],
        s: Any = 1.0,
        c: Any = 0.0,
        factor: Any = 1.0,
    ):
        self.function, self.s, self.c, self.factor = function, s, c, factor

    def at(self, x: np.ndarray) -> np.ndarray:
        states = x * self.s + self.c
        return np.asarray(self.function(states), dtype=float) * self.factor

    def apply(self, x: Any, g: Any, xp: ModuleType = np) -> Any:
        return (self._matrices(x, g, xp) @ g[..., None])[..., 0]

    def transpose(self, x: Any, v: Any, xp: ModuleType = np) -> Any:
        return (v[..., None, :] @ self._matrices(x, v, xp))[..., 0, :]

    def slope(self, x: np.ndarray, g: np.ndarray, xp: ModuleType = np) -> Any:
        columns = [by_column(self.at, x, k) @ g[..., None] for k in range(x.shape[-1])]
        return np.concatenate(columns, axis=-1)

    def in_units(self, s: np.ndarray, c: np.ndarray, e: float, f: np.ndarray) -> "Poisson":
        return Poisson(self.function, s, c, e / (f[:, None] * s))

    def _matrices(self, x: Any, like: Any, xp: ModuleType) -> Any:
        if xp is not np:
            if xp.compiler.is_compiling():
                raise NotImplementedError(
                    "A structure that is a function S(x) of numpy arrays cannot be exported. "
                    "Export a model with a constant structure, or evaluate this one by predict."
                )
            x = x.detach().cpu().double().numpy()
        flat = np.asarray(x, dtype=float).reshape(-1, x.shape[-1])
        return as_like(self.at(flat).reshape(*x.shape, x.shape[-1]), like, xp)


class EulerLagrange:
    """No matrix: states are (q, v), and the equations those of ``_lagrangian.py``."""

    is_constant = is_canonical = False

    def apply(self, x: Any, g: Any, xp: ModuleType = np) -> Any:
        raise NotImplementedError

    transpose = slope = apply

    def in_units(self, s: np.ndarray, c: np.ndarray, e: float, f: np.ndarray) -> "EulerLagrange":
        return self

    def at(self, x: np.ndarray) -> np.ndarray:
        raise NotImplementedError


Structure = Canonical | Constant | Poisson | EulerLagrange
