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


@cache
def _pairs(d: int) -> tuple[list[int], list[int]]:
    """i <= j of every monomial; the first one is 1, then p, then the products."""
    i, j = np.triu_indices(d + 1)
    return i.tolist(), j.tolist()


def factors(d: int) -> tuple[np.ndarray, np.ndarray]:
    """(d + 1, K): P times these are the two factors of every monomial."""
    i, j = _pairs(d)
    return np.eye(d + 1)[:, i], np.eye(d + 1)[:, j]


def in_other_momenta(w: np.ndarray, T: np.ndarray) -> np.ndarray:
    """The weights for which m(P) . y is what m(P T) . y was."""
    i, j = _pairs(len(T) - 1)
    # P T = sum_a P_a T_ai, so the monomial (i, j) of P T has T_ai T_bj + T_bi T_aj of (a, b).
    of_pair = T[np.ix_(i, i)] * T[np.ix_(j, j)]
    swapped = T[np.ix_(j, i)] * T[np.ix_(i, j)]
    different = np.array(i) != np.array(j)
    M = of_pair + swapped * different[:, None]
    w = w @ M.T
    w[-1, 0] = 0.0
    return w


def momentum_transform(shift: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """T with (1, shift + scale * p) = (1, p) T."""
    T = np.diag(np.concatenate([[1.0], scale]))
    T[0, 1:] = shift
    return T
