"""Positions and velocities that are integrated as positions and momenta, and given back.

Symplectic methods are symplectic in (q, p), of the Hamiltonian that belongs to a Lagrangian.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ._dynamics import Dynamics
from ._record import Record
from ._settings import Settings


@dataclass(frozen=True)
class Canonical:
    """The equations in (q, p), and the ways there from (q, v) and back, of rows (n, 2d)."""

    dynamics: Dynamics
    enter: Callable[[np.ndarray], np.ndarray]
    leave: Callable[[np.ndarray], np.ndarray]

    def settings(self, settings: Settings) -> Settings:
        """The same, with events that see (q, v)."""
        return replace(settings, events=[self._event(g) for g in settings.events])

    def restore(self, record: Record) -> None:
        """Take a record of (q, p) to one of (q, v)."""
        rows = record.y.reshape(-1, record.y.shape[2])
        done = np.isfinite(rows).all(axis=1)
        rows = rows.copy()
        rows[done] = self.leave(rows[done])
        record.y = rows.reshape(record.y.shape)
        record.x_reached = self.leave(record.x_reached)
        for of_row in record.y_events:
            for k, states in enumerate(of_row):
                of_row[k] = [self.leave(x[None])[0] for x in states]
        record.solutions = [self._solution(sol) for sol in record.solutions]

    def _event(self, g: Callable[..., Any]) -> Callable[..., Any]:
        def of_momenta(t: float, z: np.ndarray) -> Any:
            return g(t, self.leave(z[None])[0])

        for name in ("terminal", "direction"):
            if hasattr(g, name):
                setattr(of_momenta, name, getattr(g, name))
        return of_momenta

    def _solution(self, sol: Any) -> Any:
        return None if sol is None else _Solution(sol, self.leave)


@dataclass(frozen=True)
class _Solution:
    """A function of the time, as ``scipy.integrate.OdeSolution``, of (q, v)."""

    sol: Any
    leave: Callable[[np.ndarray], np.ndarray]

    @property
    def t_min(self) -> float:
        return float(self.sol.t_min)

    @property
    def t_max(self) -> float:
        return float(self.sol.t_max)

    def __call__(self, t: Any) -> np.ndarray:
        z = np.asarray(self.sol(t))
        return self.leave(z[None])[0] if z.ndim == 1 else self.leave(z.T).T
