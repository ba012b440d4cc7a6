"""Kinetic energies of masses that are known, or learned."""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from ._base import Declaration, Hamiltonian
from ._distances import Squares
from ._functions import Functions
from ._known import KnownEnergy
from ._layout import Layout
from ._maps import as_like
from ._network import spread


class Kinetic(Hamiltonian):
    r"""T = 1/2 p^T M^{-1} p, the kinetic energy of constant masses.

    Parameters
    ----------
    mass : {"full", "diagonal"}, float or array-like, default="full"
        M: a number for all momenta, (d,) one for each, (d, d) a symmetric positive definite
        matrix. Or learned: "full" a symmetric matrix (with b . p, as for momenta that are counted
        from anywhere), "diagonal" a mass for each momentum.
    columns : {"q", "p"} or sequence of int, default="p"
        The columns of the momenta.

    Examples
    --------
    >>> from skhnn.hamiltonians import MLP, Kinetic
    >>> Kinetic([1.0, 2.5]) + MLP("q")
    Kinetic(mass=[1.0, 2.5]) + MLP(columns='q')
    """

    def __init__(self, mass: Any = "full", columns: Any = "p"):
        self.mass = mass
        self.columns = columns

    def declare(self, layout: Layout) -> Declaration:
        on = layout.find(self.columns)
        around = [k for k in on if k in layout.periods]
        if around:
            raise ValueError(f"Columns {around} are periodic, and momenta with a mass are not.")
        if isinstance(self.mass, str):
            if self.mass not in ("full", "diagonal"):
                raise ValueError(
                    f"mass must be 'full', 'diagonal', a number or an array; got {self.mass!r}."
                )
            if self.mass == "full":
                return Declaration(pairs=[(i, j) for i in on for j in on if i <= j])
            return kinetic_of_bodies([[k] for k in on], None)
        return Declaration(known=[KineticEnergy(on, inverse_of(self.mass, len(on)))])


def inverse_of(mass: Any, d: int) -> np.ndarray:
    """M^-1 (d, d) of a mass, of d masses, or of a matrix; ValueError unless it is positive."""
    given = np.asarray(mass, dtype=float)
    if given.ndim == 0:
        given = np.full(d, given)
    M = np.diag(given) if given.ndim == 1 else given
    if M.shape != (d, d):
        raise ValueError(
            f"mass must be a number, {d} numbers or a matrix ({d}, {d}), of {d} momenta; got shape "
            f"{given.shape}."
        )
    if not (np.isfinite(M).all() and np.allclose(M, M.T) and np.linalg.eigvalsh(M)[0] > 0.0):
        raise ValueError(f"mass must be positive (a matrix positive definite); got {mass!r}.")
    return np.asarray(np.linalg.inv(M))


def kinetic_of_bodies(
    bodies: Sequence[Sequence[int]], masses: Sequence[float] | None, kinds: Sequence[int] = ()
) -> Declaration:
    """Sum |p_i|^2 / 2 m_i of bodies with these columns of momenta; the masses given, or learned.

    Bodies of one kind, a number for each body, have one mass to learn; without kinds each its own.
    """
    columns = [k for body in bodies for k in body]
    of_body = np.repeat(np.arange(len(bodies)), [len(body) for body in bodies])
    if masses is not None:
        inverse = np.diag(1.0 / np.asarray(masses, dtype=float)[of_body])
        return Declaration(known=[KineticEnergy(columns, inverse)], absolute=columns)
    kind = np.asarray(kinds if len(kinds) else np.arange(len(bodies)))[of_body]
    M = 0.5 * (kind[:, None] == np.arange(kind.max() + 1))
    reads = [[columns[k] for k in np.flatnonzero(of_kind)] for of_kind in M.T]
    return Declaration(functions=[Functions(columns, Squares(M), reads)], absolute=columns)


class KineticEnergy(KnownEnergy):
    """1/2 p^T A p of the columns ``on``, A (k, k) known."""

    def __init__(self, on: Sequence[int], A: np.ndarray):
        self.columns, self.A = list(on), A

    def value_at(self, X: Any, xp: ModuleType) -> Any:
        p = X[..., self.columns]
        return 0.5 * (p * (p @ as_like(self.A, X, xp))).sum(-1)

    def gradient_at(self, X: Any, xp: ModuleType) -> Any:
        slope = X[..., self.columns] @ as_like(self.A, X, xp)
        return spread(slope, self.columns, X.shape[-1], xp)

    def hessian_along(self, X: np.ndarray, V: np.ndarray) -> np.ndarray:
        along = V[..., self.columns] @ self.A + np.zeros_like(X[..., self.columns])
        return np.asarray(spread(along, self.columns, X.shape[-1], np))
