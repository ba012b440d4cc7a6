"""The monomials of degree 0, 1 and 2 in the momenta, and their derivatives."""

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np


class Monomials:
    """m_o = P_i P_j, o = 1..K, with P = (1, p), at momenta p of shape (..., d).

    ``like`` is a vector of the dtype and on the device of p, of length d + 1 at least.
    """

    def __init__(self, p: Any, like: Any, xp: ModuleType):
        d = p.shape[-1]
        i, j = _pairs(d)
        eye = xp.diag(xp.ones_like(like[: d + 1]))
        first, second = eye[:, i], eye[:, j]
        self._first_p, self._second_p = first[1:], second[1:]
        self._P_i = p @ self._first_p + first[0]
        self._P_j = p @ self._second_p + second[0]
        self.values = self._P_i * self._P_j

    def along(self, V: Any) -> Any:
        """The derivative in the direction V, (..., K)."""
        return (V @ self._first_p) * self._P_j + self._P_i * (V @ self._second_p)

    def gradient(self, y: Any) -> Any:
        """The derivative of m . y by p, (..., d)."""
        return (y * self._P_j) @ self._first_p.T + (y * self._P_i) @ self._second_p.T

    def jacobian(self) -> Any:
        """The derivatives by p, (..., K, d)."""
        return self._P_j[..., None] * self._first_p.T + self._P_i[..., None] * self._second_p.T

    def hessian(self, y: Any) -> Any:
        """The second derivatives of m . y by p, (..., d, d)."""
        half = (self._first_p * y[..., None, :]) @ self._second_p.T
        return half + half.swapaxes(-1, -2)


def n_monomials(d: int) -> int:
    return (d + 1) * (d + 2) // 2


def factors(d: int) -> tuple[np.ndarray, np.ndarray]:
    """(d + 1, K): P times these are the two factors of every monomial."""
    i, j = _pairs(d)
    return np.eye(d + 1)[:, i], np.eye(d + 1)[:, j]


def factor_of_monomials(s: np.ndarray) -> np.ndarray:
    """m at the momenta s p divided by m at p, (K,)."""
    first, second = factors(len(s))
    S = np.concatenate([[1.0], s])
    return (S @ first) * (S @ second)


@cache
def _pairs(d: int) -> tuple[list[int], list[int]]:
    """i <= j of every monomial; the first one is 1, then p, then the products."""
    i, j = np.triu_indices(d + 1)
    return i.tolist(), j.tolist()
