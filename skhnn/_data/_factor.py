"""The equations of some last weights, reduced to a triangle.

Each row of [A_u A_w t] is one equation. Of the many coefficients u of quadratic energies few are in
the equation of one column, and there these go first: Householder reflections that make A_u of one
column triangular leave rows without u, and only what is left of all columns is reduced with the w.

References
----------
J. Demmel, L. Grigori, M. Hoemmen, J. Langou, "Communication-optimal parallel and sequential QR and
LU factorizations", SIAM J. Sci. Comput. 34 (2012) A206-A239 (the sequential factorisation).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import lapack

_TINY = np.finfo(float).tiny


class Reflections:
    """Householder reflections Q^T that make a matrix A triangular, R = Q^T A."""

    def __init__(self, A: np.ndarray):
        self._reflectors, self._tau = A, np.empty(0)
        if A.size:  # LAPACK takes no empty matrices
            self._reflectors, self._tau, _, _ = lapack.dgeqrf(A)
        self.R = np.triu(self._reflectors[: len(self._tau)])

    def of(self, B: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Q^T B: the rows beside R, and those below, beside which A is zero."""
        n = len(self._tau)
        if not n:
            return B[:0], B
        # Columns that LAPACK works on at a time, at most.
        block = 64
        size = block * (B.shape[1] + 1)
        found, _, _ = lapack.dormqr("L", "T", self._reflectors[:, :n], self._tau, B, size)
        return found[:n], found[n:]


@dataclass
class OfWide:
    """What all equations of the same rows share, whatever the w: how their u are eliminated.

    ``reflections`` in their order; and, by the precision of a prior of u, those of R_u below this
    prior, and their singular values.
    """

    reflections: list[Reflections] = field(default_factory=list)
    with_prior: dict[float, tuple[Reflections, np.ndarray]] = field(default_factory=dict)


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
    of_wide: OfWide = field(default_factory=OfWide)

    def with_more(self, other: "Factor") -> "Factor":
        """That of the rows of both."""
        R = triangular(np.concatenate([self.R, other.R]))
        n_equations = self.n_equations + other.n_equations
        return Factor(R, self.weights, self.n_wide, n_equations, self.size + other.size)

    @property
    def normalised(self) -> np.ndarray:
        """R of equations whose mean weight is one."""
        return self.R * np.sqrt(self.n_equations / max(self.size, _TINY))

    def with_prior(self, root: float) -> tuple[Reflections, np.ndarray]:
        """Reflections of R_u, normalised, below ``root`` times the identity; singular values."""
        known = self.of_wide.with_prior
        if root not in known:
            n = self.n_wide
            found = Reflections(np.concatenate([root * np.eye(n), self.normalised[:n, :n]]))
            known[root] = found, np.linalg.svd(found.R, compute_uv=False)
        return known[root]


class Reduction:
    """R of equations that come in pieces.

    Parameters
    ----------
    wide : (n_columns, n_u) array of bool
        Which u are in the equations of each column.
    n_rest : int
        The number of the w, and one for t.
    of_wide : OfWide or None
        What was found for the same rows, and takes what is found; None to forget it.
    """

    def __init__(self, wide: np.ndarray, n_rest: int, of_wide: OfWide | None = None):
        self.of_wide, self._n_done = of_wide, 0
        # Columns with the same u, and these.
        self._kinds = [
            (np.flatnonzero((wide == u).all(axis=1)), np.flatnonzero(u))
            for u in dict.fromkeys(map(tuple, wide.tolist()))
        ]
        self._n_wide, self._n_rest = wide.shape[1], n_rest
        # The equations with u, A_u and [A_w t] of every kind; and those that are left without.
        self._tops = [(np.empty((0, len(u))), np.empty((0, n_rest))) for _, u in self._kinds]
        self._rest = np.empty((0, n_rest))

    def add(self, A_u: Callable[[np.ndarray, np.ndarray], np.ndarray], rest: np.ndarray) -> None:
        """Equations: A_u of some columns and u, (n, k, m), and [A_w t] of all columns."""
        left = [self._rest]
        for k, (columns, u) in enumerate(self._kinds):
            R_u, top = self._tops[k]
            own = rest[:, columns].reshape(-1, self._n_rest)
            found = self._known() or self._new(
                np.concatenate([R_u, A_u(columns, u).reshape(len(own), len(u))])
            )
            top, below = found.of(np.concatenate([top, own]))
            self._tops[k] = found.R, top
            left.append(below)
        self._rest = triangular(np.concatenate(left))

    def triangle(self) -> np.ndarray:
        """R, (n, n_u + n_rest), with all of t that no unknowns explain in its last row."""
        found, n_u = self._known() or self._new(self._all_of_u()), self._n_wide
        top, below = found.of(np.concatenate([top for _, top in self._tops]))
        rest = triangular(np.concatenate([self._rest, below]))
        n = len(top)
        R = np.zeros(((n_u if len(rest) else n) + len(rest), n_u + self._n_rest))
        R[:n, :n_u], R[:n, n_u:], R[n_u:, n_u:] = found.R, top, rest
        return R

    def _all_of_u(self) -> np.ndarray:
        """R_u of all kinds, for all u."""
        found = []
        for (_, u), (R_u, _) in zip(self._kinds, self._tops, strict=True):
            found.append(np.zeros((len(R_u), self._n_wide)))
            found[-1][:, u] = R_u
        return np.concatenate(found)

    def _known(self) -> Reflections | None:
        """The next reflections, if they were found before."""
        self._n_done += 1
        if self.of_wide is None or self._n_done > len(self.of_wide.reflections):
            return None
        return self.of_wide.reflections[self._n_done - 1]

    def _new(self, A_u: np.ndarray) -> Reflections:
        """The next reflections."""
        found = Reflections(A_u)
        if self.of_wide is not None:
            self.of_wide.reflections.append(found)
        return found


def triangular(A: np.ndarray) -> np.ndarray:
    """R of A = Q R."""
    return np.asarray(np.linalg.qr(A, mode="r"))
