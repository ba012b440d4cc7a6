"""What a simulation needs to know of a model."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._support import Support
from ..integrators._system import System

Field = Callable[[np.ndarray], np.ndarray]


@dataclass
class Dynamics:
    """A vector field dx/dt = f(x) or f(t, x), and what else is known of it.

    Parameters
    ----------
    field : callable
        States (2d,) or (..., 2d) to their derivatives, of the same shape. Where it depends on the
        time, (t, states) to them, t a number or one for each stage of an implicit step, (s, 1, 1).
    depends_on_time : bool
        Whether it does. Jacobian, energy and halves are then not known.
    n_features : int or None
        The number of columns, where it is known.
    check : callable
        A data frame of states to an array of them, with a check of its columns.
    jacobian : callable or None
        (m, 2d) to the derivatives of the field, (m, 2d, 2d).
    energy : callable or None
        (n, 2d) to H, (n,).
    halves : (callable, callable) or None
        dq/dt as a function of p and dp/dt as one of q, where H = T(p) + V(q).
    scale : (2d,) array or None
        The spread of each column, to which absolute tolerances are relative.
    support : Support or None
        Where the training data are.
    place : callable
        The number of trajectories -> the same equations on a device of torch, or None where they
        are to stay on the CPU.
    field_of_many : callable
        The number of trajectories -> a field for (k, 2d), perhaps on a device, and the best k.
    is_network : bool
        Whether it is a network of ours (for what an error advises).
    beside_energies : str
        What the field has beside J grad H, such as friction; "" for nothing.
    canonical : Canonical or None
        The same in (q, p), where states are (q, v), for methods with fixed steps.
    has_positive_masses : callable or None
        Whether masses that depend on the state are positive at all of some states (n, 2d).
    """

    field: Callable[..., np.ndarray]
    n_features: int | None = None
    check: Callable[[Any], np.ndarray] = np.asarray
    jacobian: Field | None = None
    energy: Field | None = None
    halves: tuple[Field, Field] | None = None
    scale: np.ndarray | None = None
    support: Support | None = None
    place: Callable[[int], System | None] = lambda n: None
    field_of_many: Callable[[int], tuple[Field, int]] | None = None
    is_network: bool = False
    beside_energies: str = ""
    depends_on_time: bool = False
    canonical: Any = None
    has_positive_masses: Callable[[np.ndarray], bool] | None = None

    def since(self, t0: float) -> Callable[[Any, np.ndarray], np.ndarray]:
        """The field as a function of tau = t - t0 and the states."""
        field = self.field
        if self.depends_on_time:
            return lambda tau, X: field(t0 + tau, X)
        return lambda tau, X: field(X)

    def system(self, t0: float = 0.0) -> System:
        """The equations for the methods with fixed steps, in tau = t - t0."""
        jacobian, halves = self.jacobian, self.halves
        return System(
            self.since(t0),
            None if jacobian is None else lambda t, X: jacobian(X),
            None if halves is None else lambda t, p: halves[0](p),
            None if halves is None else lambda t, q: halves[1](q),
            size=0.0 if self.scale is None else float(self.scale.max()),
        )
