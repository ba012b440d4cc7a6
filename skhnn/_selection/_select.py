"""The default: what is cheap first, what is strong where it is needed, judged by rows left out."""

import numpy as np

from .._data import Problem
from .._solvers import Monitor, Solver, SolverOptions, Start
from .._solvers._layers import name_of
from .._solvers._least_squares import LEAST_SQUARES
from ..hamiltonians import Hamiltonian
from ._budget import Budget
from ._candidate import Candidate, best_of, better_of
from ._found import Found, OutOfTime
from ._hamiltonians import candidates_for, with_as_many_forces, worth_training
from ._heavy_tail import heavy_tail
from ._left_out import LeftOut
from ._long_training import LongTraining
from ._race import Result, run_race
from ._regression import field_without_mechanics
from ._rule import ALIKE, error_of, explains_half, simplest, typical
from ._steadiness import stays
from ._thin_data import Beside
from ._trained import ByGaussNewton, BySoap, ShortTrainings
from ._training import Training


def select(
    problem: Problem,
    start: Start,
    monitor: Monitor,
    options: SolverOptions,
    budget: Budget | None = None,
) -> None:
    """Choose the Hamiltonian, its layers and their weights; ``options.report`` says how.

    1. Candidates: the Hamiltonian that was asked for, or all that have names.
    2. The race: layers sampled in many ways. Within a Hamiltonian the evidence chooses, between
       Hamiltonians rows left out.
    3. Its winner, refitted to all rows, is the model where its error is small, or noise; but on
       thin data only if it is steady beside them.
    4. Otherwise short trainings compare the Hamiltonians, and the one chosen is trained.
    5. Rows left out decide between the two, on thin data steadiness.
    """
    if not start.hamiltonian.layers():  # nothing to sample or to train
        LEAST_SQUARES.solve(problem, start, monitor, options)
        monitor.solver = LEAST_SQUARES.name
        return
    selection = _Selection(problem, start, monitor, options, budget or Budget())
    try:
        selection.run()
    except OutOfTime:
        monitor.status = "max_time"
    finally:  # an interruption leaves the best so far
        if selection.found.best is not None:
            selection.found.best.hand_over(monitor)


class _Selection:
    """One run of ``select``; ``found.best`` is the best candidate so far."""

    def __init__(
        self,
        problem: Problem,
        start: Start,
        monitor: Monitor,
        options: SolverOptions,
        budget: Budget,
    ):
        typical_size = heavy_tail(problem)
        if typical_size:
            problem = problem.reweighted(typical_size)
            options.tell({"heavy_tail": True})
        self.problem, self.start, self.monitor, self.options = problem, start, monitor, options
        self.budget, self.found = budget, Found(options)
        n_equations = problem.n_samples * problem.n_targets
        self.few = n_equations <= budget.equations_of_few
        in_turn = n_equations <= budget.equations_left_in_turn
        self.left_out = LeftOut(problem, options.rng, each_in_turn=in_turn)

    def run(self) -> None:
        """The steps of ``select``."""
        candidates = candidates_for(self.problem, self.start, self.options)
        result = self.race(candidates)
        sampled = self.refitted(result)
        model, options = sampled.model, self.options
        beside = Beside(self.problem, model, result.another, options)
        if self.start.optional is not None:  # the race has decided about them
            candidates = with_as_many_forces(candidates, len(model[0].forces), self.problem)
        few = ByGaussNewton(
            {repr(race.hamiltonian): [one.sampling for one in race.found] for race in result.races},
            options,
        )
        many = BySoap(self.monitor, options, judge=self.left_out.folds[0][1])
        by_soap = ShortTrainings(self.left_out, many)  # half a second, also for few rows
        # Two that find next to nothing agree: a potential of many waves was taken for noise.
        is_noise = (
            result.is_noise
            and explains_half(sampled.squares)
            and all(net.has_last_weights for net in model[0].networks)  # none to train
            and not self.is_beaten(sampled, candidates, result, by_soap)
        )
        is_good = is_noise or sampled.error <= self.budget.good
        if is_good and beside.is_steady(sampled):
            self.conclude(sampled, "the rest is noise" if is_noise else "good enough")
            return
        is_few = self.few and few.admits(candidates[0], self.problem)
        if self.problem.layout.has_velocities:
            candidates = worth_training(candidates, sampled.error, result.standings)
        training = Training(candidates, sampled, options, self.found)
        if is_few:
            short = ShortTrainings(self.left_out, few)
            independent = self.rows_are_independent(result)
            trained = training.few(few, short, self.problem, rows_are_independent=independent)
        else:
            trained = training.many(self.long_training(many), by_soap)
        self.decide(sampled, trained, candidates, beside)

    # 2.
    def race(self, candidates: list[Hamiltonian]) -> Result:
        """The race; its winner is the best so far."""
        result = run_race(candidates, self.left_out, self.options, self.budget, goes_far=self.few)
        winner = result.standings[0]
        self.found.best = Candidate.sampled(winner.best.model, winner.squares)
        self.found.check_time()
        return result

    # 3.
    def refitted(self, result: Result) -> Candidate:
        """The winner of the race, with its last weights fitted to all rows."""
        winner, alpha = result.standings[0], self.options.alpha(self.problem)
        refit = winner.best.refit(self.problem, self.options.rng, alpha, winner.tau)
        self.found.best = Candidate.sampled(refit.model, winner.squares)
        return self.found.best

    def is_beaten(
        self,
        sampled: Candidate,
        candidates: list[Hamiltonian],
        result: Result,
        short: ShortTrainings,
    ) -> bool:
        """Whether others predict better: then what two Hamiltonians leave is no noise.

        They may agree since both lack the same, as T(p) + V(q) and its like do of a top. Others are
        a regression, and freer Hamiltonians, trained shortly, if sampled layers of the freest left
        more (eight coupled waves, noise of 0.05: T + V left 0.16, and M(q) 0.10); all of them where
        much is left (of a double pendulum, 200 rows, noise of 0.3, sampled layers of all left 0.6
        in one of fifty fits, and trained ones 0.36).
        """
        without = self.left_out.squares(field_without_mechanics(self.left_out))
        if simplest([sampled.squares, without]) == 1:
            self.options.tell({"error without mechanics": error_of(without)})
            return True
        much = 0.4
        alike = {
            repr(standing.race.hamiltonian)
            for standing in result.standings
            if standing.error < ALIKE * sampled.error and sampled.error < much
        }
        if self.problem.layout.has_velocities or repr(candidates[-1]) in alike:
            return False
        for hamiltonian in candidates:
            if repr(hamiltonian) not in alike and not self.options.is_out_of_time:
                squares = short.squares(hamiltonian)
                if simplest([sampled.squares, squares]) == 1:
                    more = {"error after a short training": error_of(squares)}
                    self.options.tell({"hamiltonian": name_of(hamiltonian), **more})
                    return True
        return False

    # 4.
    def rows_are_independent(self, result: Result) -> bool:
        """Whether they are of equal weight, and their errors not alike along runs."""
        return result.standings[0].tau < ALIKE and self.problem.mean_weight == 1.0

    def long_training(self, trainer: BySoap) -> LongTraining:
        """By SOAP, of the activation that was asked for, or that is better."""
        is_open = all(
            n.hidden_layer_sizes is None and n.activation is None
            for n in self.start.hamiltonian.layers()
        )
        return LongTraining(trainer, self.left_out, self.options, self.budget, self.found, is_open)

    # 5.
    def decide(
        self,
        sampled: Candidate,
        trained: list[Candidate],
        candidates: list[Hamiltonian],
        beside: Beside,
    ) -> None:
        """The smallest error of those that are steady; one that is as good may come first."""
        by_error = sorted([sampled, *trained], key=lambda candidate: candidate.error)
        first, why = by_error[0], "smaller error"
        if trained:
            first, why = better_of(sampled, best_of(trained, candidates))
        for candidate in [first, *(one for one in by_error if one is not first)]:
            if beside.is_steady(candidate):
                if candidate is not first:
                    why = "smaller error"
                self.conclude(candidate, "steady beside thin data" if beside.is_thin else why)
                return
        finite = [one for one in by_error if np.isfinite(one.deviation)]
        chosen = (finite or by_error)[0]
        self.conclude(chosen, "none is steady beside thin data")

    def conclude(self, chosen: Candidate, why: str) -> None:
        """The end, with a word in the report."""
        self.found.best = chosen
        more = {} if stays(chosen.deviation) else {"strays": chosen.deviation}
        self.options.tell({"chosen": chosen.solver, "why": why, **more})
        self.monitor.left_out = typical(chosen.squares)


AUTO = Solver("auto", select, chooses=True)
