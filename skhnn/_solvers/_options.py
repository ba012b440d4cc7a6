"""What a solver is told besides the problem and where it starts."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from .._data import Place, Problem
from ..hamiltonians import Equations, Hamiltonian, Params


@dataclass
class Start:
    """Where a solver starts.

    ``hamiltonian`` is what the user asked for; its networks may have layers or an activation of
    None, which a solver may choose, and where ``hamiltonian_is_open`` it may choose another. With
    ``optional`` are forces that it may add. ``initial`` has the ``params``; solvers that choose
    their own do not ask for them. With
    ``equations`` and ``params`` fitted before, a solver ``goes_on``, with ``state`` what the solver
    of that fit left behind.
    """

    hamiltonian: Hamiltonian
    equations: Equations
    initial: Callable[[], Params]
    goes_on: bool = False
    hamiltonian_is_open: bool = False
    optional: Any = None
    state: dict[str, np.ndarray] | None = None

    @cached_property
    def params(self) -> Params:
        """The weights."""
        return self.initial()

    @property
    def layers_given(self) -> bool:
        """Whether all layers are the user's."""
        return all(n.hidden_layer_sizes is not None for n in self.hamiltonian.layers())

    @property
    def activation_given(self) -> bool:
        """Whether all activations are the user's."""
        return all(n.activation is not None for n in self.hamiltonian.layers())


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
