"""Energies that are known and not learned."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from ._base import Declaration, Hamiltonian
from ._differences import STEP
from ._layout import Layout, Periods
from ._maps import as_like
from ._network import as_slice, spread
from ._saving import refuse_unless_saved


class KnownEnergy:
    """An energy without anything to learn, of some ``columns`` of the state."""

    columns: Any
    #: That of it in a Lagrangian: kinetic energies minus potential ones.
    sign_in_lagrangian = -1.0

    def check(self, X: np.ndarray) -> None:
        """Raise ValueError unless it works for states X (n, D)."""

    def check_periods(self, X: np.ndarray, periods: Periods) -> None:
        """Raise ValueError unless a shift of a column by its period changes no derivative."""
        before = self.gradient_at(X, np)
        # Of the derivatives; what cosines lose by a shift is rounding.
        loose = 1e-6
        for k, period in periods.items():
            after = self.gradient_at(X + period * (np.arange(X.shape[1]) == k), np)
            if np.abs(after - before).max() > loose * np.abs(before).max():
                raise ValueError(
                    f"Column {k} of X is an angle of period {period:g}, and a known energy has "
                    "other derivatives after a period. Make it one of the cosine and the sine of "
                    "this column, or leave the column out of periodic."
                )

    def value_at(self, X: Any, xp: ModuleType) -> Any:
        """The energies (n,) at states of numpy or torch."""
        raise NotImplementedError

    def gradient_at(self, X: Any, xp: ModuleType) -> Any:
        """Their derivatives by all columns, (n, D)."""
        raise NotImplementedError

    def hessian_along(self, X: np.ndarray, V: np.ndarray) -> np.ndarray:
        """The second derivatives along V (..., n, D); of ndarrays."""
        raise NotImplementedError

    def rest_at(self, X: Any, d: int, xp: ModuleType) -> Any:
        """L_vq v - L_q of L = sign E, (..., d), see ``_lagrangian.py``; of energies of q."""
        return self.gradient_at(X, xp)[..., :d]

    def inertia_at(self, X: Any, d: int, xp: ModuleType) -> Any:
        """L_vv, (..., d, d); zero for energies of q."""
        return xp.zeros_like(X[..., :d, None] * X[..., None, :d])


class InUnits(KnownEnergy):
    """A known energy as a function of x' = (x - c) / s, in units e."""

    def __init__(self, known: KnownEnergy, s: np.ndarray, c: np.ndarray, e: float):
        self.known, self.s, self.c, self.e, self.columns = known, s, c, e, known.columns
        self.sign_in_lagrangian = known.sign_in_lagrangian

    def value_at(self, X: Any, xp: ModuleType) -> Any:
        return self.known.value_at(self._states(X, xp), xp) / self.e

    def gradient_at(self, X: Any, xp: ModuleType) -> Any:
        s = as_like(self.s, X, xp)
        return self.known.gradient_at(self._states(X, xp), xp) * (s / self.e)

    def hessian_along(self, X: np.ndarray, V: np.ndarray) -> np.ndarray:
        along = self.known.hessian_along(self._states(X, np), V * self.s)
        return along * (self.s / self.e)

    def rest_at(self, X: Any, d: int, xp: ModuleType) -> Any:
        s = as_like(self.s[:d], X, xp)
        return self.known.rest_at(self._states(X, xp), d, xp) * (s / self.e)

    def inertia_at(self, X: Any, d: int, xp: ModuleType) -> Any:
        s = as_like(self.s[d : 2 * d], X, xp)
        return self.known.inertia_at(self._states(X, xp), d, xp) * (s[:, None] * s / self.e)

    def _states(self, X: Any, xp: ModuleType) -> Any:
        return X * as_like(self.s, X, xp) + as_like(self.c, X, xp)


class Known(Hamiltonian, KnownEnergy):
    """A known energy, such as gravity beside a force that is to be learned.

    Parameters
    ----------
    function : callable
        States (n, k) -> energies (n,), of the columns that it reads. Without ``gradient`` it is
        differentiated by torch, and must be written in operations on tensors (``torch.cos``); so
        must it for ``to_torch``.
    gradient : callable, default=None
        States (n, k), an ndarray -> the derivatives by these columns, (n, k). With it, no torch is
        needed to predict.
    hessian : callable, default=None
        States (n, k) -> second derivatives (n, k, k), for implicit methods of ``simulate``. Without
        it differences of the gradient are taken.
    columns : {"q", "p"} or sequence of int, default=None
        The columns that ``function`` reads; None for the state and, behind it, parameters. With "q"
        or "p" explicit symplectic methods of ``simulate`` remain possible.

    Notes
    -----
    The functions get a copy of the columns, in the units of X; of an angle, see ``periodic``, they
    have to be functions of its cosine and sine. ``fit`` compares derivatives that are given with
    differences, and raises ValueError where they are others.

    To be saved by pickle, joblib or skops the functions have to be found by their names, at the top
    of a module that can be imported, which a notebook is not; others raise a
    ``pickle.PicklingError`` that says so. cloudpickle, which joblib uses between processes, takes
    all.

    Examples
    --------
    >>> from skhnn.hamiltonians import MLP, Known, Quadratic
    >>> def gravity(q):
    ...     return 9.81 * q[:, 1]
    >>> H = Quadratic("p") + MLP("q") + Known(gravity, columns="q")
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        gradient: Callable[[np.ndarray], np.ndarray] | None = None,
        hessian: Callable[[np.ndarray], np.ndarray] | None = None,
        columns: Any = None,
    ):
        self.function = function
        self.gradient = gradient
        self.hessian = hessian
        self.columns = columns

    def __getstate__(self) -> dict[str, Any]:
        for name in ("function", "gradient", "hessian"):
            refuse_unless_saved(f"{name} of a Known Hamiltonian", getattr(self, name))
        state: dict[str, Any] = super().__getstate__()
        return state

    def declare(self, layout: Layout) -> Declaration:
        for name in ("function", "gradient", "hessian"):
            value = getattr(self, name)
            if not callable(value) and (value is not None or name == "function"):
                raise ValueError(f"Known takes a function of the states as {name}; got {value!r}.")
        columns = layout.find(self.columns)
        if self.columns is None:
            columns += layout.parameters
        return Declaration(known=[Known(self.function, self.gradient, self.hessian, columns)])

    def check(self, X: np.ndarray) -> None:
        """Raise ValueError unless energies and derivatives have shapes, and belong together."""
        try:
            value, gradient = np.asarray(self.value_at(X, np)), self.gradient_at(X, np)
        except (ValueError, np.linalg.LinAlgError):
            raise
        except Exception as error:
            raise ValueError(
                f"A function of a Known Hamiltonian is called with the columns "
                f"{self._on(X.shape[1])} of X, shape {self._read(X).shape}, and failed: "
                f"{type(error).__name__}: {error}."
            ) from error
        if self.gradient is not None:
            self._check_gradient(X, value, gradient)
        if self.hessian is not None:
            self._check_hessian(X, gradient)

    def _check_gradient(self, X: np.ndarray, value: np.ndarray, gradient: np.ndarray) -> None:
        if value.shape != X.shape[:1]:
            raise ValueError(
                "The function of a Known Hamiltonian must return one energy for each row of the "
                f"states, shape {X.shape[:1]}; got shape {value.shape}."
            )
        size = np.ptp(X, axis=0)
        size = np.where(size > 0.0, size, 1.0 + np.abs(X).max(axis=0))
        # A gradient and differences of its function agree to this part of the difference, and to
        # rounding.
        loose, rounding = 1e-3, 1e-12
        for k in self._on(X.shape[1]):
            aside = STEP * size * (np.arange(X.shape[1]) == k)
            ahead, behind = X + aside, X - aside
            width = ahead[:, k] - behind[:, k]  # far from the origin it is not twice the step
            change = np.asarray(self.value_at(ahead, np) - self.value_at(behind, np))
            error = np.abs(change - width * gradient[:, k])
            if error.max() > loose * np.abs(change).max() + rounding * np.abs(value).max():
                row = int(np.argmax(error))
                raise ValueError(
                    f"The gradient of a Known Hamiltonian is not that of its function: by column "
                    f"{k}, at a row of X, it is {gradient[row, k]:.6g}, and differences of the "
                    f"function give {change[row] / width[row]:.6g}."
                )

    def _check_hessian(self, X: np.ndarray, gradient: np.ndarray) -> None:
        on, loose, rounding = self._on(X.shape[1]), 1e-3, 1e-6
        given = np.asarray(self.hessian(self._read(X)))  # type: ignore[misc]
        if given.shape != (len(X), len(on), len(on)):
            raise ValueError(
                "hessian of a Known Hamiltonian must return second derivatives of shape "
                f"{(len(X), len(on), len(on))}; got {given.shape}."
            )
        without = Known(self.function, self.gradient, None, self.columns)
        along = np.eye(X.shape[1])[on][:, None]
        found = np.moveaxis(without.hessian_along(X, along)[..., on], 0, 1)
        size = loose * np.abs(found).max() + rounding * np.abs(gradient).max()
        if not np.abs(given - found).max() <= size:
            raise ValueError(
                "The hessian of a Known Hamiltonian is not that of its function: at row 0 of X it "
                f"is {given[0].tolist()}, and differences of the gradient give "
                f"{found[0].tolist()}."
            )

    def value_at(self, X: Any, xp: ModuleType) -> Any:
        """The energies (n,) at states of numpy or torch."""
        X = self._read(X)
        if xp is not np or self.gradient is not None:
            return self.function(X)
        return self._by_torch(X)[0]

    def gradient_at(self, X: Any, xp: ModuleType) -> Any:
        """Their derivatives by all columns, (n, 2d)."""
        read, n_columns = self._read(X), X.shape[-1]
        return spread(self._gradient(read, xp), self._on(n_columns), n_columns, xp)

    def hessian_along(self, X: np.ndarray, V: np.ndarray) -> np.ndarray:
        """The second derivatives along V (..., n, 2d); of ndarrays."""
        on, n_columns = self._on(X.shape[-1]), X.shape[-1]
        if self.hessian is not None:
            along = np.einsum("nij,...nj->...ni", self.hessian(self._read(X)), V[..., on])
            return np.asarray(spread(along, on, n_columns, np))
        V = V + np.zeros_like(X)
        h = STEP * (1.0 + np.abs(X).max())
        ahead, behind = (
            self.gradient_at((X + sign * h * V).reshape(-1, n_columns), np) for sign in (1, -1)
        )
        return ((ahead - behind) / (2.0 * h)).reshape(V.shape)

    def _on(self, n_columns: int) -> list[int]:
        return list(range(n_columns)) if self.columns is None else list(self.columns)

    def _read(self, X: Any) -> Any:
        """The columns that the functions read; of ndarrays a copy, which they may write to."""
        X = X if self.columns is None else X[..., as_slice(self._on(X.shape[-1]))]
        return X.copy() if isinstance(X, np.ndarray) else X

    def _gradient(self, X: Any, xp: ModuleType) -> Any:
        if xp is np:
            if self.gradient is None:
                return self._by_torch(X)[1]
            found = np.asarray(self.gradient(X), dtype=float)
            if found.shape != X.shape:
                raise ValueError(
                    "gradient of a Known Hamiltonian must have the shape of the states that it "
                    f"reads, {X.shape}; got {found.shape}."
                )
            return found
        if not X.requires_grad:
            X = X.detach().requires_grad_(True)
        (gradient,) = xp.autograd.grad(self.function(X).sum(), X, create_graph=True)
        return gradient

    def _by_torch(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        import torch

        tensor = torch.tensor(X, requires_grad=True)
        try:
            value = self.function(tensor)
        except (RuntimeError, TypeError) as error:
            raise ValueError(
                "The function of a Known Hamiltonian without gradient= is called with a tensor of "
                f"torch, and failed: {str(error).rstrip('.')}. Write it in operations on "
                "tensors (torch.cos, not np.cos), or pass its gradient."
            ) from error
        if not isinstance(value, torch.Tensor) or value.shape != tensor.shape[:-1]:
            raise ValueError(
                "The function of a Known Hamiltonian must return one energy for each row of the "
                f"states, a tensor of shape {tuple(X.shape[:-1])}; got "
                f"{getattr(value, 'shape', value)}."
            )
        if not value.requires_grad:  # a constant
            return value.detach().numpy(), np.zeros_like(X)
        (gradient,) = torch.autograd.grad(value.sum(), tensor)
        return value.detach().numpy(), gradient.numpy()
