r"""Linear and quadratic energies, which every form of H has beside its networks.

    E(z) = l . z + 1/2 z^T Q z

is linear in its coefficients u (n_terms, 1): those of z_1..z_k, which are l, then those of the
products z_i z_j, i <= j, which are Q_ij, and Q_ii / 2 of squares. A constant rate of change is a
linear energy, and an oscillator a quadratic one; a network would have to imitate them.
"""

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np


class Quadratic:
    """E with coefficients u (n_terms, 1), at z (..., k)."""

    def __init__(self, u: Any, k: int, xp: ModuleType):
        self.l = u[:k, 0]
        half = u[k:, 0][_index_of_product(k)].reshape(k, k)
        self.Q = half + xp.diag(xp.diag(half))

    def value(self, z: Any) -> Any:
        """E, (...)."""
        return (z * (0.5 * (z @ self.Q) + self.l)).sum(-1)

    def gradient(self, z: Any) -> Any:
        """l + Q z, (..., k)."""
        return z @ self.Q + self.l


def n_terms(k: int) -> int:
    """The number of coefficients for k coordinates."""
    return k + k * (k + 1) // 2


def basis(z: Any, xp: ModuleType) -> Any:
    """The gradients of z_i and of z_i z_j, (..., k, n_terms)."""
    zero = xp.zeros_like(z)[..., None]
    eye = xp.diag(xp.ones_like(z[(0,) * (z.ndim - 1)]))
    i, j = _pairs(len(eye))
    of_products = eye[:, i] * z[..., None, j] + eye[:, j] * z[..., None, i]
    return xp.concatenate([zero + eye, of_products], axis=-1)


def coefficients(g: np.ndarray, Q: np.ndarray) -> np.ndarray:
    """u, (n_terms, 1), of g . z + 1/2 z^T Q z."""
    half = Q - 0.5 * np.diag(np.diag(Q))
    return np.concatenate([g, half[np.triu_indices(len(g))]])[:, None]


def pullback(V: Any, z: Any, xp: ModuleType) -> Any:
    """The derivative of sum(V * gradient) by u, (n_terms, 1); V and z are (n, k)."""
    S = V.T @ z  # of z_i z_j: the sum of V_i z_j + z_i V_j
    i, j = _pairs(V.shape[1])
    return xp.concatenate([xp.ones_like(V[:, 0]) @ V, (S + S.T)[i, j]])[:, None]


def rescaled(u: np.ndarray, s: np.ndarray, e: float) -> np.ndarray:
    """The coefficients of e E(z / s)."""
    i, j = _pairs(len(s))
    return u * np.concatenate([e / s, e / s[i] / s[j]])[:, None]


@cache
def _pairs(k: int) -> tuple[list[int], list[int]]:
    """i <= j of the products, in the order of their coefficients."""
    i, j = np.triu_indices(k)
    return i.tolist(), j.tolist()


@cache
def _index_of_product(k: int) -> list[int]:
    """Where the coefficient of z_i z_j is, for all i and j, row by row."""
    index = np.zeros((k, k), dtype=int)
    index[np.triu_indices(k)] = np.arange(n_terms(k) - k)
    return np.maximum(index, index.T).ravel().tolist()
