"""What the default has found so far."""

from dataclasses import dataclass

import numpy as np

from .._data import flatten
from .._solvers import Monitor
from ._left_out import Model
from ._rule import error_of


@dataclass
class Candidate:
    """A fitted model, the solver that made it, and its squared errors on rows left out.

    ``squares`` is (n_groups, 2), see ``LeftOut.squares``. ``losses`` and ``scores`` are the curves
    of a training, empty where there was none. ``log_evidence`` is that of all rows, where it may be
    compared with others. ``deviation`` is how far simulations stray from thin
    data, where it was looked at.
    """

    solver: str
    model: Model
    squares: np.ndarray
    losses: list[float]
    scores: list[float]
    log_evidence: float = np.nan
    deviation: float = np.nan

    @classmethod
    def sampled(cls, model: Model, squares: np.ndarray) -> "Candidate":
        """With the last weights solved for."""
        return cls("least_squares", model, squares, [], [])

    @classmethod
    def trained(
        cls, solver: str, model: Model, squares: np.ndarray, monitor: Monitor
    ) -> "Candidate":
        """With all weights trained, as a monitor has seen."""
        return cls(solver, model, squares, *monitor.curves)

    @property
    def error(self) -> float:
        """The root mean square on the rows left out, in units of the spread of the targets."""
        return error_of(self.squares)

    def hand_over(self, monitor: Monitor) -> None:
        """Leave this model in the monitor."""
        status = monitor.status
        monitor.forget()
        monitor.start(*self.model)
        monitor.solver = self.solver
        if self.losses:
            monitor.curves = self.losses, self.scores
        else:
            monitor(0.5 * self.error**2, flatten(self.model[1]))
        monitor.status = status
        if status != "max_time":
            monitor.complete()
