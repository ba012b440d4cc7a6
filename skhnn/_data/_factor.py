"""The equations of some last weights, reduced to a triangle.

References
----------
J. Demmel, L. Grigori, M. Hoemmen, J. Langou, "Communication-optimal parallel and sequential QR and
LU factorizations", SIAM J. Sci. Comput. 34 (2012) A206-A239 (the sequential factorisation).
"""

from dataclasses import dataclass

import numpy as np

_TINY = np.finfo(float).tiny


@dataclass
class Factor:
    """R of [A_u A_w t] for a part of the equations, and what they are.

    ``weights`` are the places of its unknowns among the last weights, those of the ``n_wide`` u
    first; ``size`` is the sum of the weights of the equations.
    """

    R: np.ndarray
    weights: np.ndarray
    n_wide: int
    n_equations: int
    size: float

    def with_more(self, other: "Factor") -> "Factor":
        """That of the rows of both."""
        R = triangular(np.concatenate([self.R, other.R]))
        n_equations = self.n_equations + other.n_equations
        return Factor(R, self.weights, self.n_wide, n_equations, self.size + other.size)

    @property
    def normalised(self) -> np.ndarray:
        """R of equations whose mean weight is one."""
        return self.R * np.sqrt(self.n_equations / max(self.size, _TINY))


def triangular(A: np.ndarray) -> np.ndarray:
    """R of A = Q R."""
    return np.asarray(np.linalg.qr(A, mode="r"))
