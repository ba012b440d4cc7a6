"""The loss that every iterative solver minimises, and its gradient."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from .._chunks import rows_at_once
from ..hamiltonians import Hamiltonian, Params

# Enough to keep a GPU busy, few enough to bound its memory.
_ROWS_ON_A_GPU = 2**16


class Objective:
    r"""Weighted least squares on the gradient of a Hamiltonian, in standardised coordinates.

    .. math:: L(\theta) = \frac12 \sum_i c_i \sum_j w_j (\partial_j h(z_i; \theta) - g_{ij})^2
              + \frac{\alpha}{2 N} \sum_l \lVert W_l \rVert^2

    with row weights c_i that sum to one and column weights w_j = 1 / (2d Var(g_j)): without the
    penalty, 1 - 2 L is the R^2 that ``score`` reports on the same rows.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        h and its derivatives.
    Z, G : (n, 2d) arrays
        Standardised states and gradient targets.
    row_weight : (n,) array
        c, with sum 1.
    column_weight : (2d,) array
        w.
    penalty : float
        alpha / N, N the sum of the sample weights.
    xp : module
        The namespace of the arrays, numpy or torch.
    """

    def __init__(
        self,
        hamiltonian: Hamiltonian,
        Z: Any,
        G: Any,
        row_weight: Any,
        column_weight: Any,
        penalty: float,
        xp: ModuleType,
    ):
        self.hamiltonian, self.xp = hamiltonian, xp
        self.Z, self.G = Z, G
        self.row_weight, self.column_weight = row_weight, column_weight
        self.penalty = penalty

    @classmethod
    def on_torch(
        cls,
        hamiltonian: Hamiltonian,
        Z: Any,
        G: Any,
        row_weight: Any,
        column_weight: Any,
        penalty: float,
        device: Any,
        dtype: str,
    ) -> "Objective":
        """An objective on torch tensors, made from numpy arrays."""
        import torch

        Z, G, row_weight, column_weight = (
            torch.as_tensor(array, dtype=getattr(torch, dtype), device=device)
            for array in (Z, G, row_weight, column_weight)
        )
        return cls(hamiltonian, Z, G, row_weight, column_weight, penalty, torch)

    @property
    def n_samples(self) -> int:
        """The number of rows."""
        return len(self.Z)

    def array(self, theta: np.ndarray) -> Any:
        """A numpy vector as an array of the kind, dtype and device of the data."""
        if self.xp is np:
            return theta
        return self.xp.as_tensor(theta, dtype=self.Z.dtype, device=self.Z.device)

    def loss_and_gradient(self, params: Params, rows: Any = None) -> tuple[Any, Params]:
        """L and dL/dparams; over given ``rows``, an unbiased estimate of them."""
        Z, G, row_weight = self.Z, self.G, self.row_weight
        if rows is not None:
            Z, G, row_weight = Z[rows], G[rows], row_weight[rows] * (len(Z) / len(rows))
        loss: Any = 0.0
        gradient: Params = [0.0] * len(params)
        for part in self._parts(len(Z)):
            prediction, pullback = self.hamiltonian.gradient_pullback(params, Z[part], self.xp)
            R = prediction - G[part]
            V = R * row_weight[part, None] * self.column_weight
            loss = loss + 0.5 * (R * V).sum()
            gradient = [a + b for a, b in zip(gradient, pullback(V), strict=True)]
        if self.penalty:
            for k, W in enumerate(params):
                if W.ndim == 2:
                    loss = loss + 0.5 * self.penalty * (W * W).sum()
                    gradient[k] = gradient[k] + self.penalty * W
        return loss, gradient

    def loss(self, params: Params) -> float:
        """The data term of L alone."""
        total = 0.0
        for part in self._parts(len(self.Z)):
            R = self.hamiltonian.gradient(params, self.Z[part], self.xp) - self.G[part]
            total += float(0.5 * (self.row_weight[part] @ (R * R) @ self.column_weight))
        return total

    def _parts(self, n_samples: int) -> Iterator[slice]:
        on_cpu = self.xp is np or self.Z.device.type == "cpu"
        step = rows_at_once(self.hamiltonian.width) if on_cpu else _ROWS_ON_A_GPU
        return (slice(start, start + step) for start in range(0, n_samples, step))
