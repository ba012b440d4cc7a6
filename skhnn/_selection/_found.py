"""What the default has found so far, and when its time is over."""

import time
from typing import Any

from .._solvers import SolverOptions
from .._solvers._layers import name_and_layers
from ._candidate import Candidate


class OutOfTime(Exception):  # noqa: N818 - it is no error
    """The deadline has passed, and there is a model."""


class Found:
    """The best candidate so far; what is done is told to the report of the fit."""

    def __init__(self, options: SolverOptions):
        self.options, self._began = options, time.perf_counter()
        self.best: Candidate | None = None

    def keep(self, candidate: Candidate, **more: Any) -> None:
        """Tell of a candidate, which may be the best; time may be over."""
        if self.best is None or candidate.error < self.best.error:
            self.best = candidate
        self.tell(candidate, **more)
        self.check_time()

    def tell(self, candidate: Candidate, **more: Any) -> None:
        """Enter a candidate in the report."""
        self.options.tell(
            {
                "solver": candidate.solver,
                **name_and_layers(candidate.model[0]),
                "error": candidate.error,
                **more,
                "seconds": time.perf_counter() - self._began,
            }
        )

    def check_time(self) -> None:
        """Raise ``OutOfTime`` if it is over, and there is a model."""
        if self.options.is_out_of_time and self.best is not None:
            raise OutOfTime
