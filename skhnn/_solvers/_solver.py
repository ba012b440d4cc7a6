"""A solver: an algorithm, what it needs, and which parameters of the estimator it reads."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .._data import Problem
from ._monitor import Monitor
from ._options import SolverOptions, Start

State = dict[str, np.ndarray] | None

OF_BATCHES = frozenset({"batch_size", "learning_rate", "learning_rate_init", "shuffle"})
OF_STOPPING = frozenset({"tol", "n_iter_no_change"})
OF_HOLD_OUT = frozenset({"early_stopping", "validation_fraction"})
#: Parameters of the estimator that a solver may read or not.
EVERYTHING = OF_BATCHES | OF_STOPPING | OF_HOLD_OUT | {"max_iter", "dtype", "alpha"}


@dataclass(frozen=True)
class Solver:
    """See the module.

    Parameters
    ----------
    name : str
        What the parameter ``solver`` calls it.
    solve : callable
        ``solve(problem, start, monitor, options) -> state``, see the package.
    reads : frozenset of str
        The parameters of ``EVERYTHING`` that have an effect.
    needs_torch : bool
        Whether it computes with torch on the CPU too; others do so on other devices only.
    takes_pieces : bool
        Whether it can go on with other rows (``partial_fit``).
    in_batches : bool
        Whether its steps see a few rows each: they are noisier than single precision.
    trains : bool
        Whether hidden layers are trained.
    chooses : bool
        Whether it chooses the Hamiltonian, and the rows left out to judge by.
    """

    name: str
    solve: Callable[[Problem, Start, Monitor, SolverOptions], State]
    reads: frozenset[str] = EVERYTHING
    needs_torch: bool = False
    takes_pieces: bool = False
    in_batches: bool = False
    trains: bool = True
    chooses: bool = False

    @property
    def holds_out(self) -> bool:
        """Whether it is judged by rows held out, where ``early_stopping`` asks for it."""
        return not self.chooses and "early_stopping" in self.reads

    def without_effect(self, changed: set[str], early_stopping: bool, judges: bool) -> list[str]:
        """Those of the ``changed`` parameters that a fit does not look at.

        ``judges`` says whether the loss or a hold-out may end the training before its schedule.
        """
        idle = set(EVERYTHING - self.reads)
        if not self.chooses and not early_stopping:
            idle.add("validation_fraction")
        if self.in_batches and not judges:
            idle |= OF_STOPPING
        return sorted(idle & changed)
