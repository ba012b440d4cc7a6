"""The loss that every iterative solver minimises, and its gradient."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from .._chunks import rows_at_once
from ..hamiltonians import Equations, Params
from ._problem import Problem

# Enough to keep a GPU busy, few enough to bound its memory.
_ROWS_ON_A_GPU = 2**16
# Problems with at most this many values are moved to their place once; of larger ones, every batch.
_VALUES_TO_PLACE = 2**26


@dataclass(frozen=True)
class Place:
    """Where a solver computes: ``xp`` is numpy or torch, ``device`` that of torch."""

    xp: ModuleType
    device: Any
    dtype: str

    @classmethod
    def on_torch(cls, device: Any, dtype: str) -> "Place":
        """Tensors on a device."""
        import torch

        return cls(torch, device, dtype)

    @classmethod
    def on_numpy(cls, dtype: str) -> "Place":
        """Arrays in the memory of the host."""
        return cls(np, None, dtype)

    def array(self, values: np.ndarray) -> Any:
        """A numpy array in its place; a copy only where it has to be one."""
        if self.xp is np:
            return np.asarray(values, dtype=self.dtype)
        dtype = getattr(self.xp, self.dtype)
        values = np.ascontiguousarray(values)
        if not values.flags.writeable:  # torch warns of tensors on read-only memory
            values = values.copy()
        return self.xp.as_tensor(values, dtype=dtype, device=self.device)

    def to_numpy(self, array: Any) -> np.ndarray:
        """A float64 copy on the host."""
        if self.xp is np:
            return np.array(array, dtype=float)
        return array.detach().cpu().double().numpy().copy()

    @property
    def is_gpu(self) -> bool:
        """Whether it is neither numpy nor a tensor on the CPU."""
        return self.xp is not np and self.device.type != "cpu"


class Objective:
    r"""Weighted least squares on the field of a Hamiltonian.

    .. math:: L(\theta) = \frac{1}{2} \sum_i c_i \sum_j w_j (f_j(x_i; \theta) - y_{ij})^2
              + \frac{\alpha}{2 N} \sum_l \lVert W_l \rVert^2

    with row weights c_i that sum to one and column weights w_j = 1 / (2d Var(y_j)): without the
    penalty, 1 - 2 L is the R^2 that ``score`` reports on the same rows.

    Parameters
    ----------
    problem : Problem
        The rows x, y, c, and w.
    equations : Equations
        The field f, about the centre of the rows.
    penalty : float
        alpha / N, N the sum of the sample weights.
    place : Place
        The kind of arrays to compute with.
    """

    def __init__(
        self, problem: Problem, equations: Equations, penalty: float = 0.0, *, place: Place
    ):
        self.problem, self.equations = problem, equations
        self.penalty, self.place = penalty, place
        self.column_weight = place.array(problem.scaling.w)
        self._placed: tuple[Any, ...] | None = None
        if problem.n_samples * problem.n_features <= _VALUES_TO_PLACE:
            self._placed = tuple(place.array(a) for a in problem.take(slice(None)))

    @property
    def n_samples(self) -> int:
        """The number of rows."""
        return self.problem.n_samples

    def rows(self, rows: Any) -> tuple[Any, Any, Any]:
        """x, y and c of a slice or an array of rows, in their place."""
        if self._placed is None:
            return tuple(self.place.array(a) for a in self.problem.take(rows))
        X, y, c = self._placed
        return X[rows], y[rows], c[rows]

    def loss_and_gradient(self, params: Params, rows: Any = None) -> tuple[Any, Params]:
        """L and dL/dparams; over given ``rows``, an unbiased estimate of them."""
        loss: Any = 0.0
        gradient: Params | None = None
        scale = 1.0 if rows is None else self.n_samples / len(rows)
        for part in self._parts(self.n_samples if rows is None else len(rows)):
            X, y, c = self.rows(part if rows is None else rows[part])
            field, pullback = self.equations.field_and_pullback(params, X, self.place.xp)
            R = field - y
            V = R * (c * scale)[:, None]
            V *= self.column_weight
            loss = loss + 0.5 * (R * V).sum()
            part_of_it = pullback(V)
            gradient = (
                part_of_it
                if gradient is None
                else [a + b for a, b in zip(gradient, part_of_it, strict=True)]
            )
        assert gradient is not None
        if self.penalty:
            for k, W in enumerate(params):
                if W.ndim == 2:
                    loss = loss + 0.5 * self.penalty * (W * W).sum()
                    gradient[k] = gradient[k] + self.penalty * W
        return loss, gradient

    def loss(self, params: Params) -> float:
        """The data term of L alone."""
        total = 0.0
        for part in self._parts(self.n_samples):
            X, y, c = self.rows(part)
            R = self.equations.field(params, X, self.place.xp) - y
            total += float(0.5 * (c @ (R * R) @ self.column_weight))
        return total

    def _parts(self, n_samples: int) -> Iterator[slice]:
        """Slices of equal length that fit the cache."""
        step = _ROWS_ON_A_GPU
        if not self.place.is_gpu:
            step = rows_at_once(self.equations.width, 4 if self.place.dtype == "float32" else 8)
        step = -(-n_samples // -(-n_samples // step))
        return (slice(start, start + step) for start in range(0, n_samples, step))
