"""What a solver is told besides the problem and where it starts."""

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..hamiltonians import Hamiltonian, Params
from ._objective import Place
from ._problem import Problem


@dataclass
class Start:
    """Where a solver starts.

    ``params`` are those of the hidden layers given by ``hamiltonian``; ``goes_on`` says that they
    were fitted before, with ``state`` what the solver of that fit left behind. ``layers_given``
    and ``activation_given`` say that these are the user's; otherwise a solver may choose them.
    Where ``form_is_open`` it may choose the form of H as well.
    """

    hamiltonian: Hamiltonian
    params: Params
    goes_on: bool = False
    layers_given: bool = True
    activation_given: bool = True
    form_is_open: bool = False
    state: dict[str, np.ndarray] | None = None


@dataclass
class SolverOptions:
    """The parameters of ``HNNRegressor`` by their names there; None leaves a value to the solver.

    ``penalty`` is alpha divided by the sum of the sample weights, ``annealed`` says whether the
    learning rate is. ``one_epoch`` asks for a single
    pass at a constant rate (``partial_fit``). After ``deadline``, a time of ``time.perf_counter``,
    a solver ends as soon as it has a model.
    """

    place: Place
    rng: np.random.RandomState
    penalty: float = 0.0
    max_iter: int | None = None
    batch_size: int | None = None
    learning_rate_init: float | None = None
    annealed: bool = True
    shuffle: bool = True
    optimizer: Any = None
    one_epoch: bool = False
    deadline: float = np.inf
    verbose: bool = False
    report: list[dict[str, Any]] = field(default_factory=list)

    def tell(self, entry: dict[str, Any]) -> None:
        """Add an entry to the report; with ``verbose`` also print it."""
        self.report.append(entry)
        if self.verbose:
            items = entry.items()
            print(
                ", ".join(f"{k}={v:.3g}" if isinstance(v, float) else f"{k}={v}" for k, v in items)
            )

    @property
    def is_out_of_time(self) -> bool:
        """Whether the deadline has passed."""
        return time.perf_counter() > self.deadline

    def alpha(self, problem: Problem) -> float:
        """The strength of the penalty with weights that are not normalised."""
        return self.penalty * problem.total_weight
