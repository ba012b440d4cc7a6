"""Whether the data say what is beside them, and if not, whether simulations stay with them."""

import numpy as np

from .._data import Problem
from .._solvers import SolverOptions
from ._candidate import Candidate
from ._left_out import Model
from ._steadiness import (
    Visited,
    determined_beside,
    deviation,
    distance_between_runs,
    is_steady,
    whole,
)


class Beside:
    """What is beside the data of a problem.

    Data are thin if ``first`` and ``another``, two models of them that were sampled differently,
    do not agree beside them. Only then are candidates put to the test.
    """

    def __init__(
        self,
        problem: Problem,
        first: Model,
        another: Model | None,
        options: SolverOptions,
    ):
        self.problem, self.options = problem, options
        self.another: Model | None = None
        self.is_thin, self.apart = False, 0.0
        if another is None or not problem.is_plain:
            return
        self.another, rng = whole(another, problem), options.rng
        visited, found = Visited.by(problem, rng, 500), whole(first, problem)
        self.is_thin = not determined_beside(found, self.another, visited, rng)
        if self.is_thin:
            self.apart = distance_between_runs(found, problem, rng)

    def is_steady(self, candidate: Candidate) -> bool:
        """Whether simulations of it stay with the data; always where these are not thin."""
        if not self.is_thin:
            return True
        if np.isnan(candidate.deviation):
            if self.options.is_out_of_time:
                return True  # nobody knows
            visited = Visited.by(self.problem, self.options.rng)
            model = whole(candidate.model, self.problem)
            found = deviation(model, visited, self.options.rng, self.another)
            candidate.deviation = found
            self.options.tell({"solver": candidate.solver, "deviation": found})
        return is_steady(candidate.deviation, self.apart)
