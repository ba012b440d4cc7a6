"""What instruments show of the states at the nodes, and of their rates."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .._solvers._directions import Directions
from ..hamiltonians import Equations, Params
from ._runs import Grid


class Shown(NamedTuple):
    """What is measured, to first order in states and unknowns.

    Of K columns at N nodes, ``misfit``, (N, K), is what was measured less what the model says, zero
    where nothing was measured; ``by_x``, (N or 1, K, D), and ``by_unknowns``, (N, K, k), are the
    derivatives of what it says by the states and by the last k unknowns.
    """

    misfit: np.ndarray
    by_x: np.ndarray
    by_unknowns: np.ndarray

    def at(self, nodes: np.ndarray) -> "Shown":
        """The same at some of the nodes."""
        by_x = self.by_x if len(self.by_x) == 1 else self.by_x[nodes]
        return Shown(self.misfit[nodes], by_x, self.by_unknowns[nodes])

    def by_all(self, Psi: np.ndarray) -> np.ndarray:
        """The derivatives by all unknowns, (N, K, m), those of the states by them being Psi."""
        A, k = self.by_x @ Psi, self.by_unknowns.shape[2]
        if k:
            A[..., -k:] += self.by_unknowns
        return A


@dataclass
class Measured:
    """y (N, K), NaN where nothing was measured: E x of the states and, if K = 2D, dx/dt behind.

    ``noise``, (K,), is given, or NaN where it is estimated; ``robust`` lets values far off count
    less. Entries of E, (D, D), where ``is_open`` are found. ``weight``, (N, 1) or a number,
    multiplies the precision of every row.
    """

    y: np.ndarray
    noise: np.ndarray
    robust: bool
    E: np.ndarray
    is_open: np.ndarray
    weight: np.ndarray | float = 1.0

    @property
    def present(self) -> np.ndarray:
        """Where there are values, (N, K)."""
        return ~np.isnan(self.y)

    @property
    def unit_of_E(self) -> np.ndarray:
        """The sizes of the open entries of E, those of their rows; priors are in these units."""
        rows = np.abs(self.E).max(axis=1, keepdims=True) + np.zeros_like(self.E)
        return np.where(rows > 0.0, rows, 1.0)[self.is_open]

    @property
    def has_rates(self) -> bool:
        """Whether dx/dt was measured."""
        return self.y.shape[1] > len(self.E)

    def sizes(self, x: np.ndarray) -> np.ndarray:
        """The size of every column, (K,)."""
        found = sizes_of(x)
        if self.has_rates:
            found = np.concatenate([found, self.of_rates(self.y) + np.finfo(float).tiny])
        return found

    def of_rates(self, values: np.ndarray) -> np.ndarray:
        """The root mean square of each column of rates in (N, K) values; 0 where none is."""
        rates, n = values[:, len(self.E) :], self.present[:, len(self.E) :].sum(axis=0)
        return np.asarray(np.sqrt(np.nansum(rates**2, axis=0) / np.maximum(n, 1)))

    def precision(self, sigma: np.ndarray, weights: np.ndarray | float = 1.0) -> np.ndarray:
        """weights / sigma^2, (N, K), zero where nothing was measured."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.present, weights / sigma**2, 0.0)

    def misfit(
        self, equations: Equations, params: Params, x: np.ndarray, grid: Grid, E: np.ndarray
    ) -> np.ndarray:
        """What the model leaves, (N, K), NaN where nothing was measured."""
        values = x @ E.T
        if self.has_rates:
            field = equations.field(params, with_more(x, grid.more))
            values = np.concatenate([values, field], axis=1)
        return self.y - values

    def shown(
        self,
        equations: Equations,
        params: Params,
        x: np.ndarray,
        grid: Grid,
        E: np.ndarray,
        free: Directions,
    ) -> Shown:
        """To first order; the unknowns are ``free`` changes of weights and the open entries of E.

        The latter are in their units.
        """
        i, j = np.nonzero(self.is_open)
        by_E = np.zeros((*x.shape, len(i)))
        by_E[:, i, np.arange(len(i))] = x[:, j] * self.unit_of_E
        if not self.has_rates:
            return Shown(np.where(self.present, self.y - x @ E.T, 0.0), E[None], by_E)
        f, F, G = expanded(equations, params, with_more(x, grid.more), free)
        n, D = x.shape
        misfit = self.y - np.concatenate([x @ E.T, f], axis=1)
        by_unknowns = np.zeros((n, 2 * D, len(free) + len(i)))
        by_unknowns[:, :D, len(free) :] = by_E
        by_unknowns[:, D:, : len(free)] = G
        by_x = np.concatenate([np.broadcast_to(E, F.shape), F], axis=1)
        return Shown(np.where(self.present, misfit, 0.0), by_x, by_unknowns)


def with_more(x: np.ndarray, more: np.ndarray | None) -> np.ndarray:
    """The columns that equations read."""
    return x if more is None else np.concatenate([x, more], axis=1)


def expanded(
    equations: Equations, params: Params, X: np.ndarray, free: Directions
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """f (n, D), df/dx (n, D, D) and df/dw (n, D, m) along ``free`` directions."""
    n, D = len(X), equations.n_state
    f, F, G = np.empty((n, D)), np.empty((n, D, D)), np.empty((n, D, len(free)))
    for rows in pieces(n, equations):
        f[rows], by_last = equations.field_and_jacobian_by_last(params, X[rows])
        F[rows], G[rows] = equations.jacobian(params, X[rows]), free.of(by_last)
    return f, F, G


def pieces(n: int, equations: Equations) -> Iterator[slice]:
    """Of n rows as many at a time as have a million derivatives by the weights, or 64."""
    step = max(1_000_000 // (equations.n_state * max(equations.n_last, 1)), 64)
    return (slice(start, start + step) for start in range(0, n, step))


def sizes_of(x: np.ndarray) -> np.ndarray:
    """The root mean square of every column of states (N, D); one where all are zero."""
    found = np.sqrt(np.mean(x**2, axis=0))
    return np.where(found > 0.0, found, 1.0)
