"""What the default has found so far."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .._data import flatten
from .._solvers import Monitor
from .._solvers._layers import name_of
from ..hamiltonians import Hamiltonian
from ._left_out import Model
from ._rule import ALIKE, error_of, simplest


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


def best_of(trained: Sequence[Candidate], hamiltonians: Sequence[Hamiltonian]) -> Candidate:
    """The best one of the simplest Hamiltonian that is as good; ``hamiltonians`` begin with it."""
    best: dict[str, Candidate] = {}
    for one in sorted(trained, key=lambda one: one.error):
        best.setdefault(name_of(one.model[0].hamiltonian), one)
    found = [best[name] for name in map(name_of, hamiltonians) if name in best]
    return found[simplest([one.squares for one in found])]


def better_of(sampled: Candidate, trained: Candidate) -> tuple[Candidate, str]:
    """The better one of two, and why.

    If their errors are alike, that of the larger evidence, or the sampled one where there is none
    to compare. Rows left out have seen a short training alone: of twelve fits (five systems, 100
    and 300 rows, noise of 0.1 and 0.3) in which it left 0.92 to 1.1 times the error of sampled
    layers, long ones of more evidence had 0.26, 0.67 and 0.85 times the error, others 0.8 to 1.3
    times; without noise a double pendulum had 0.06, and 0.0026.
    """
    as_good = simplest([sampled.squares, trained.squares]) == 0
    if not (as_good and sampled.error < ALIKE * trained.error):
        return trained, "smaller error"
    if np.isnan(sampled.log_evidence) or np.isnan(trained.log_evidence):
        return sampled, "as good as the smallest error"
    if trained.log_evidence > sampled.log_evidence:
        return trained, "more evidence, and an error that is alike"
    return sampled, "more evidence, and an error that is alike"
