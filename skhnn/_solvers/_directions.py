"""How last weights may change in a fit.

A Lagrangian and its multiples have the same accelerations. So where it has no unit one mass is
held, or, where units have masses, follows the other weights, so that masses stay as large as they
are in the mean:

    trace . w = constant,    trace . w = mean over rows of sum_j v_size_j^2 M_jj(q).

If it were held, units would cancel it: their prior is that of small weights, and a small L has the
same field. (A double pendulum lost a third of its L at every step of a joint fit, whose log
evidence wandered by a hundred; a spherical one lost a fifth, and 177 of its evidence.)
"""

from dataclasses import dataclass, replace

import numpy as np

from ..hamiltonians import Equations, LagrangianEquations, Params


@dataclass(frozen=True)
class Directions:
    """Changes of the weights at ``places``, (n,), and what others do along.

    ``slopes``, (n,), are those of the weight at ``follower``, or zero where there is none.
    """

    places: np.ndarray
    slopes: np.ndarray
    follower: int | None = None

    @classmethod
    def of_all(cls, equations: Equations, params: Params, X: np.ndarray) -> "Directions":
        """Of all weights, but that one is held, or follows, where L has no unit."""
        m = equations.n_last
        if not (isinstance(equations, LagrangianEquations) and equations.has_free_scale):
            return cls.alone(np.arange(m))
        rows_of_masses = 400
        trace = equations.trace(params, X[:: max(len(X) // rows_of_masses, 1)])
        trace_of_constant = trace * equations.is_quadratic
        size = trace_of_constant * equations.last(params)
        follower = int(np.argmax(np.abs(size if size.any() else trace_of_constant)))
        places = np.delete(np.arange(m), follower)
        if not trace[~equations.is_quadratic].any():
            return cls.alone(places)
        return cls(places, -trace[places] / trace[follower], follower)

    @classmethod
    def alone(cls, places: np.ndarray) -> "Directions":
        """Every weight by itself."""
        return cls(places, np.zeros(len(places)))

    def __len__(self) -> int:
        return len(self.places)

    def at(self, which: np.ndarray) -> "Directions":
        """Those at some of the places, in that order; ``which`` is an index of them."""
        return replace(self, places=self.places[which], slopes=self.slopes[which])

    def moves(self, n_last: int) -> np.ndarray:
        """Which of all last weights may change, (m,) of bool."""
        found = np.zeros(n_last, dtype=bool)
        found[self.places] = True
        if self.follower is not None:
            found[self.follower] = True
        return found

    def of(self, by_last: np.ndarray) -> np.ndarray:
        """Derivatives along them, (..., n), of those by all last weights, (..., m)."""
        found = by_last[..., self.places]
        if self.follower is not None:
            found += by_last[..., self.follower, None] * self.slopes
        return found

    def full(self, along: np.ndarray, n_last: int) -> np.ndarray:
        """Changes of all last weights, (m, ...), by those along the directions, (n, ...)."""
        found = np.zeros((n_last, *along.shape[1:]))
        found[self.places] = along
        if self.follower is not None:
            found[self.follower] = self.slopes @ along
        return found
