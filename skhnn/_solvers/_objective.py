"""The loss that every iterative solver minimises, and its gradient."""

from types import ModuleType
from typing import Any

import numpy as np

from ..hamiltonians import Hamiltonian, Params

# Rows that are evaluated at once: few enough that a layer's activations stay in the cache.
_CHUNK_ROWS = 1024


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

    def loss_and_gradient(self, params: Params) -> tuple[Any, Params]:
        """L and dL/dparams over all rows, a cache-sized chunk at a time."""
        loss: Any = 0.0
        gradient: Params = []
        for start in range(0, len(self.Z), _CHUNK_ROWS):
            rows = slice(start, start + _CHUNK_ROWS)
            part, d_params = self._data_term(
                params, self.Z[rows], self.G[rows], self.row_weight[rows]
            )
            loss = loss + part
            gradient = [a + b for a, b in zip(gradient, d_params, strict=False)] or d_params
        return self._add_penalty(params, loss, gradient)

    def batch_loss_and_gradient(self, params: Params, rows: Any) -> tuple[Any, Params]:
        """The same over the given rows, scaled to be an unbiased estimate of the whole."""
        row_weight = self.row_weight[rows] * (len(self.Z) / len(rows))
        return self._add_penalty(
            params, *self._data_term(params, self.Z[rows], self.G[rows], row_weight)
        )

    def loss(self, params: Params) -> float:
        """The data term of L alone."""
        total = 0.0
        for start in range(0, len(self.Z), _CHUNK_ROWS):
            rows = slice(start, start + _CHUNK_ROWS)
            R = self.hamiltonian.gradient(params, self.Z[rows], self.xp) - self.G[rows]
            total += float(0.5 * (self.row_weight[rows] @ (R * R) @ self.column_weight))
        return total

    def _data_term(self, params: Params, Z: Any, G: Any, row_weight: Any) -> tuple[Any, Params]:
        prediction, pullback = self.hamiltonian.gradient_pullback(params, Z, self.xp)
        R = prediction - G
        V = R * row_weight[:, None] * self.column_weight
        return 0.5 * (R * V).sum(), pullback(V)

    def _add_penalty(self, params: Params, loss: Any, gradient: Params) -> tuple[Any, Params]:
        if self.penalty:
            for k, W in enumerate(params):
                if W.ndim == 2:
                    loss = loss + 0.5 * self.penalty * (W * W).sum()
                    gradient[k] = gradient[k] + self.penalty * W
        return loss, gradient
