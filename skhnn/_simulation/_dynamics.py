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
    """A vector field dx/dt = f(x), and what else is known of it.

    Parameters
    ----------
    field : callable
        States (2d,) or (..., 2d) to their derivatives, of the same shape.
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
    """

    field: Field
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

    def system(self) -> System:
        """The equations for the methods with fixed steps."""
        field, jacobian, halves = self.field, self.jacobian, self.halves
        return System(
            lambda t, X: field(X),
            None if jacobian is None else lambda t, X: jacobian(X),
            None if halves is None else lambda t, p: halves[0](p),
            None if halves is None else lambda t, q: halves[1](q),
            size=0.0 if self.scale is None else float(self.scale.max()),
        )
