"""A fitted model against a regression without mechanics, and against itself with friction."""

from collections.abc import Callable

import numpy as np

from .._data import Problem, some
from .._solvers import equations_of
from .._solvers._last_weights import fit_last_weights
from ..forces import Damping
from ..hamiltonians import Equations, Params, with_forces
from ._left_out import LeftOut, Model
from ._look import SAMPLINGS, left_out_of_some
from ._masses_of_one import BEATEN, GOOD, SOMETHING
from ._regression import field_without_mechanics
from ._rule import error_of, simplest, typical

# With fewer rows for each column chance may show anything.
ROWS_PER_COLUMN = 5


class Comparison:
    """A model whose last weights are fitted without some rows, on these.

    ``error`` is the geometric mean of what it leaves of the targets, in units of their spread.
    Where it is good nothing else is looked for.
    """

    def __init__(self, problem: Problem, equations: Equations, params: Params):
        self.problem, self.equations, self.params = problem, equations, params
        self.left_out, self.rng = left_out_of_some(problem)
        self.field = self.left_out.fields(_refit(equations, params))
        self.squares = self.left_out.squares(self.field)
        self.error = typical(self.squares)

    def with_friction(self) -> tuple[Model, float] | None:
        """A damping beside it, all last weights fitted again, and its error, if far better."""
        if self._is_good:
            return None
        damped = equations_of(with_forces(self.equations.hamiltonian, Damping()), self.problem)
        X = self.problem.take(slice(0, 1))[0]
        of_force = damped.sample_params(X, self.rng, *SAMPLINGS[0])[len(self.params) :]
        params = [*self.params, *of_force]
        squares = self.left_out.squares(self.left_out.fields(_refit(damped, params)))
        if not self._is_beaten_by(squares):
            return None
        return _refit(damped, params)(self.problem), typical(squares)

    def without_mechanics(self) -> float | None:
        """The error of a regression, if far better."""
        if self._is_good:
            return None
        field = field_without_mechanics(self.left_out)
        squares = self.left_out.squares(field)
        by = beaten_by(self.left_out, self.field, field)
        return typical(squares) if self._is_beaten_by(squares, by) else None

    @property
    def _is_good(self) -> bool:
        """Whether errors are small, or rows too few to tell: of two a damping was found."""
        few = self.problem.n_samples < ROWS_PER_COLUMN * self.problem.n_features
        return few or error_of(self.squares) <= GOOD

    def _is_beaten_by(self, squares: np.ndarray, by: float = BEATEN) -> bool:
        # Of two rows a regression leaves 2, and a Lagrangian 8: neither says anything.
        says_something = typical(squares) < SOMETHING
        return says_something and simplest([self.squares, by * squares]) != 0


def beaten_by(left_out: LeftOut, mechanics: np.ndarray, without: np.ndarray) -> float:
    """How many times the squared errors of a field without mechanics one with mechanics may have.

    What both leave is mostly noise where they are nearer to each other than to the targets: then
    a factor of two is not to be had. Lagrangians that are right left up to 1.01 of the squares of a
    regression (five systems, noise of 0.01 and 0.1), beside a follower force 1.2 to 3.6 (0.1).
    """
    return 1.0 if left_out.agreement(mechanics, without) < 1.0 else BEATEN


def _refit(equations: Equations, params: Params) -> Callable[[Problem], Model]:
    """The same hidden layers with last weights for a problem."""
    # Rows that last weights are fitted to again.
    most_rows = 20_000

    def fit(problem: Problem) -> Model:
        rows = some(np.arange(problem.n_samples), most_rows, np.random.RandomState(0))
        fitted = fit_last_weights(problem, equations, params, rows)
        return equations, equations.with_last(params, fitted.w)

    return fit
