"""The contract of a fixed-step method: a formula that takes all trajectories one step further."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from ._system import System


class NotConvergedError(ArithmeticError):
    """The equations of an implicit step were not solved; ``rows`` says for which trajectories.

    ``not_finite`` says that the field was not finite there.
    """

    def __init__(self, message: str, rows: np.ndarray, not_finite: bool = False):
        super().__init__(message)
        self.rows, self.not_finite = rows, not_finite


class Scheme(ABC):
    """One step of a method, on arrays of numpy or torch.

    Attributes
    ----------
    order : int
        The error of one step is O(h^(order + 1)).
    is_splitting : bool
        Whether it advances q and p in turn, as if H = T(p) + V(q).
    needs_halves : bool
        Whether it needs states that are (q, p), and not any number of columns.
    conserves_energy : bool
        Whether it conserves H where dx/dt = S grad H with a constant S.
    steps_per_period : int
        Steps in one period of the fastest oscillation, where no ``step_size`` is given.
    """

    order: int
    is_splitting = False
    needs_halves = True
    conserves_energy = False
    steps_per_period: int

    def prepare(self, system: System, t: Any, x: Any) -> "Scheme":
        """The scheme with constants that fit the system, if it has any, at the start x (m, 2d)."""
        return self

    @abstractmethod
    def advance(self, system: System, t: Any, x: Any, h: Any, memory: Any) -> tuple[Any, Any]:
        """The states x (m, 2d) at t + h, and what the next step of the same length can use.

        ``h`` is a number, or (m, 1) where trajectories have steps of their own. ``memory`` is what
        the step before returned, or None.
        """

    def select(self, memory: Any, index: Any) -> Any:
        """The memory of some of the trajectories."""
        return memory[index]
