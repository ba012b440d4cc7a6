"""Energies that are known and not learned."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from ._base import Declaration, Hamiltonian, Periods
from ._structure import field_from_gradient

# The step of the differences that stand for a Hessian, relative to the size of x.
_STEP = 6e-6  # the cube root of eps


class Known(Hamiltonian):
    """A known energy, such as gravity beside a force that is to be learned.

    Parameters
    ----------
    function : callable
        States (n, 2d) -> energies (n,). Without ``gradient`` it is differentiated by torch, and
        must be written in operations on tensors; so must it for ``to_torch``.
    gradient : callable, default=None
        States (n, 2d), an ndarray -> the derivatives by the columns, (n, 2d).
    hessian : callable, default=None
        States (n, 2d) -> second derivatives (n, 2d, 2d), for implicit methods of ``simulate``.
        Without it differences of the gradient are taken.

    Examples
    --------
    >>> from skhnn.hamiltonians import MLP, Known, Quadratic
    >>> def of_height(X):
    ...     return 9.81 * X[:, 1]
    >>> H = Quadratic("p") + MLP("q") + Known(of_height)
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        gradient: Callable[[np.ndarray], np.ndarray] | None = None,
        hessian: Callable[[np.ndarray], np.ndarray] | None = None,
    ):
        self.function = function
        self.gradient = gradient
        self.hessian = hessian

    def declare(self, n_columns: int, periods: Periods) -> Declaration:
        if not callable(self.function):
            raise ValueError(f"Known takes a function of the states; got {self.function!r}.")
        return Declaration(known=[self])

    def value_at(self, X: Any, xp: ModuleType) -> Any:
        """The energies (n,) at states of numpy or torch."""
        if xp is not np or self.gradient is not None:
            return self.function(X)
        return self._by_torch(X)[0]

    def gradient_at(self, X: Any, xp: ModuleType) -> Any:
        """Their derivatives (n, 2d)."""
        if xp is np:
            if self.gradient is None:
                return self._by_torch(X)[1]
            found = np.asarray(self.gradient(X), dtype=float)
            if found.shape != X.shape:
                raise ValueError(
                    f"gradient of a Known Hamiltonian must have the shape of the states, {X.shape};"
                    f" got {found.shape}."
                )
            return found
        if not X.requires_grad:
            X = X.detach().requires_grad_(True)
        (gradient,) = xp.autograd.grad(self.function(X).sum(), X, create_graph=True)
        return gradient

    def field_at(self, X: np.ndarray) -> np.ndarray:
        """Its part of the field, (n, 2d)."""
        return field_from_gradient(self.gradient_at(np.asarray(X), np))

    def hessian_along(self, X: np.ndarray, V: np.ndarray) -> np.ndarray:
        """The second derivatives along V (..., n, 2d); of ndarrays."""
        if self.hessian is not None:
            return np.einsum("nij,...nj->...ni", self.hessian(X), V)
        V = V + np.zeros_like(X)
        h = _STEP * (1.0 + np.abs(X).max())
        ahead, behind = (
            self.gradient_at((X + sign * h * V).reshape(-1, X.shape[-1]), np) for sign in (1, -1)
        )
        return ((ahead - behind) / (2.0 * h)).reshape(V.shape)

    def _by_torch(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        import torch

        tensor = torch.tensor(X, requires_grad=True)
        value = self.function(tensor)
        if not isinstance(value, torch.Tensor) or value.shape != tensor.shape[:-1]:
            raise ValueError(
                "The function of a Known Hamiltonian must return one energy for each row of the "
                f"states, a tensor of shape {tuple(X.shape[:-1])}; got "
                f"{getattr(value, 'shape', value)}. Or pass its gradient."
            )
        if not value.requires_grad:  # a constant
            return value.detach().numpy(), np.zeros_like(X)
        (gradient,) = torch.autograd.grad(value.sum(), tensor)
        return value.detach().numpy(), gradient.numpy()
