"""The Hamiltonians that sampled layers do not suffice for are compared, and one is trained."""

from collections.abc import Sequence

import numpy as np

from .._data import Problem
from .._solvers import SolverOptions
from .._solvers._evidence import SMOOTH
from .._solvers._last_weights import fit_last_weights
from .._solvers._layers import name_of
from ..hamiltonians import Hamiltonian
from ._candidate import Candidate
from ._found import Found
from ._long_training import LongTraining
from ._rule import ALIKE, error_of, simplest
from ._trained import ByGaussNewton, ShortTrainings

# Short trainings of one Hamiltonian that differ by their random numbers only have mean squared
# errors up to this ratio.
_ALIKE_AFTER_SHORT = 1.7
# A training stands still if it leaves more than this part of the error of the short one: right
# Hamiltonians left a thirtieth, others a half and more.
_STANDS_STILL = 0.25


class Training:
    """Short trainings of all candidates, and longer ones of those that they speak for.

    ``sampled`` is the best without training.
    """

    def __init__(
        self,
        candidates: Sequence[Hamiltonian],
        sampled: Candidate,
        options: SolverOptions,
        found: Found,
    ):
        self.candidates, self.sampled = candidates, sampled
        self.options, self.found = options, found

    def few(
        self,
        trainer: ByGaussNewton,
        short: ShortTrainings,
        problem: Problem,
        *,
        rows_are_independent: bool,
    ) -> list[Candidate]:
        """By Gauss-Newton, with all rows, if short trainings without some of them do as well.

        These have half of the units, so that a long one may do far better. It takes rows for
        independent; if they are, its evidence may be compared with that of the sampled layers.
        """
        sampled = self.sampled
        squares = self._after_short_trainings(short)
        k = self._choose(squares)
        if error_of(squares[k]) >= ALIKE * sampled.error:
            return []
        model, log_evidence = trainer.long(self.candidates[k], problem)
        if rows_are_independent:
            rows = np.arange(problem.n_samples)
            fit = fit_last_weights(problem, *sampled.model, rows, roughest=SMOOTH)
            sampled.log_evidence = fit.log_evidence
        trained = Candidate("gauss_newton", model, squares[k], [], [], log_evidence)
        self.found.tell(trained)
        return [trained]

    def many(self, long: LongTraining, short: ShortTrainings) -> list[Candidate]:
        """By SOAP, then perhaps with more units, that are sampled, in the last layer.

        Where that leaves nearly as much as a short training did, another Hamiltonian is tried too,
        unless sampled layers leave the same: then it is noise.
        """
        sampled, candidates = self.sampled, self.candidates
        squares = self._after_short_trainings(short)
        k = self._choose(squares)
        others = sorted(set(range(len(candidates))) - {k}, key=lambda j: error_of(squares[j]))
        trained: list[Candidate] = []
        for j in [k, *others[:1]]:
            # A long training, whose rate is high for longer, may end worse: with 0.018 of an arm,
            # after 0.011.
            model = short.models[repr(candidates[j])]
            trained.append(Candidate("soap", model, squares[j], [], []))
            self.found.keep(trained[-1], short=True)
            trained += long.candidates(candidates[j], squares[j])
            error = min(one.error for one in trained)
            is_of_sampled = name_of(candidates[j]) == name_of(sampled.model[0].hamiltonian)
            if error < _STANDS_STILL * error_of(squares[j]) or (
                is_of_sampled and sampled.error < ALIKE * error
            ):
                break
        return trained

    def _after_short_trainings(self, short: ShortTrainings) -> list[np.ndarray]:
        """What short trainings of all leave, as long as there is time."""
        squares = []
        for hamiltonian in self.candidates:
            squares.append(short.squares(hamiltonian))
            self.found.check_time()
        return squares

    def _choose(self, squares: list[np.ndarray]) -> int:
        """The place of one by the rule, with a word in the report."""
        k = simplest(squares, _ALIKE_AFTER_SHORT)
        names = [name_of(hamiltonian) for hamiltonian in self.candidates]
        errors = dict(zip(names, map(error_of, squares), strict=True))
        why = "the simplest that is as good as the best after a short training"
        self.options.tell({"hamiltonian": names[k], "why": why, "errors": errors})
        return k
