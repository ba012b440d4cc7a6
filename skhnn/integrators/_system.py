"""What an integrator needs to know of the equations of motion."""

import dataclasses
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np


@dataclasses.dataclass
class System:
    """dx/dt = field(t, x) for states x = (q, p) along the last axis, (..., 2d).

    Parameters
    ----------
    field : callable
        (t, X) -> dX/dt. ``t`` is a number or has the leading shape of X, with a last axis of one.
    jacobian : callable or None
        (t, X) -> (m, 2d, 2d), the derivative of the field by the states X (m, 2d).
    velocity, force : callable or None
        (t, p) -> dq/dt and (t, q) -> dp/dt of a separable Hamiltonian. Without them, the halves of
        the field are taken.
    xp : module
        numpy, or torch if the states are tensors.
    size : float
        That of typical states, if it is known: errors of implicit steps are compared with it, since
        near the origin the rounding of a field may be larger than the state.
    device, dtype : torch.device and torch.dtype, or None
        Those of the tensors.

    Attributes
    ----------
    n_evaluations : float
        Evaluations of the field so far; one half of it counts as a half.
    """

    field: Callable[[Any, Any], Any]
    jacobian: Callable[[Any, Any], Any] | None = None
    velocity: Callable[[Any, Any], Any] | None = None
    force: Callable[[Any, Any], Any] | None = None
    xp: ModuleType = np
    size: float = 0.0
    device: Any = None
    dtype: Any = None
    n_evaluations: float = dataclasses.field(default=0.0, init=False)

    def __call__(self, t: Any, X: Any) -> Any:
        """dX/dt of states of shape (m, 2d), or of several stages of them, (s, m, 2d)."""
        self.n_evaluations += 1.0 if X.ndim == 2 else len(X)
        return self.field(t, X)

    def drift(self, t: Any, x: Any) -> Any:
        """dq/dt, which depends on p alone."""
        d = x.shape[-1] // 2
        if self.velocity is None:
            return self(t, x)[..., :d]
        self.n_evaluations += 0.5
        return self.velocity(t, x[..., d:])

    def kick(self, t: Any, x: Any) -> Any:
        """dp/dt, which depends on q alone."""
        d = x.shape[-1] // 2
        if self.force is None:
            return self(t, x)[..., d:]
        self.n_evaluations += 0.5
        return self.force(t, x[..., :d])
