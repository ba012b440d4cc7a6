"""The default: what is cheap first, what is strong where it is needed, judged by rows left out."""

import contextlib
import time
from typing import Any

import numpy as np

from .._data import Problem, some
from .._solvers import Monitor, Solver, SolverOptions, Start
from .._solvers._evidence import SMOOTH
from .._solvers._last_weights import fit_last_weights
from .._solvers._layers import name_and_layers, name_of, units_for
from .._solvers._least_squares import LEAST_SQUARES
from ..hamiltonians import (
    Hamiltonian,
    has_constant_masses,
    named,
    with_forces,
    with_forces_of,
)
from ._budget import Budget
from ._candidate import Candidate, best_of, better_of
from ._heavy_tail import heavy_tail
from ._left_out import LeftOut, Model
from ._linear_velocities import velocities_are_linear
from ._race import Result, run_race
from ._regression import field_without_mechanics
from ._rule import ALIKE, error_of, explains_half, simplest
from ._steadiness import (
    Visited,
    determined_beside,
    deviation,
    distance_between_runs,
    is_steady,
    stays,
    whole,
)
from ._trained import ByGaussNewton, BySoap, ShortTrainings

# Equations for each last weight when units are added.
_EQUATIONS_PER_WEIGHT = 12
# Short trainings of one Hamiltonian that differ by their random numbers only have mean squared
# errors up to this ratio.
_ALIKE_AFTER_SHORT = 1.7
# A training stands still if it leaves more than this part of the error of the short one: right
# Hamiltonians left a thirtieth, others a half and more.
_STANDS_STILL = 0.25


class OutOfTime(Exception):  # noqa: N818 - it is no error
    """The deadline has passed, and there is a model."""


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
        if selection.best is not None:
            selection.best.hand_over(monitor)


class _Selection:
    """One run of ``select``; ``best`` is the best candidate so far."""

    def __init__(
        self,
        problem: Problem,
        start: Start,
        monitor: Monitor,
        options: SolverOptions,
        budget: Budget,
    ):
        typical = heavy_tail(problem)
        if typical:
            problem = problem.reweighted(typical)
            options.tell({"heavy_tail": True})
        self.problem, self.start, self.monitor, self.options = problem, start, monitor, options
        self.budget, self.rng, self.began = budget, options.rng, time.perf_counter()
        n_equations = problem.n_samples * problem.n_targets
        self.few = n_equations <= budget.equations_of_few
        in_turn = n_equations <= budget.equations_left_in_turn
        self.left_out = LeftOut(problem, self.rng, each_in_turn=in_turn)
        self.training = self.left_out.training
        self.best: Candidate | None = None
        self.is_thin, self.apart, self.rows_are_independent = False, 0.0, False
        self.another: Model | None = None

    def run(self) -> None:
        """The steps of ``select``."""
        candidates = self.candidates()
        result = self.race(candidates)
        sampled = self.refitted(result)
        self.look_beside(sampled, result)
        if self.start.optional is not None:  # the race has decided about them
            n_forces = len(sampled.model[0].forces)
            layout = self.problem.layout
            candidates = [h for h in candidates if len(h.declare(layout).forces) == n_forces]
        few = ByGaussNewton(
            {repr(race.hamiltonian): [one.sampling for one in race.found] for race in result.races},
            self.options,
        )
        is_few = self.few and few.admits(candidates[0], self.problem)
        many = BySoap(self.monitor, self.options, judge=self.left_out.folds[0][1])
        by_soap = ShortTrainings(self.left_out, many)  # half a second, also for few rows
        short = ShortTrainings(self.left_out, few) if is_few else by_soap
        # Two that find next to nothing agree: a potential of many waves was taken for noise.
        is_noise = (
            result.is_noise
            and explains_half(sampled.squares)
            and all(net.has_last_weights for net in sampled.model[0].networks)  # none to train
            and not self.is_beaten(sampled, candidates, result, by_soap)
        )
        is_good = is_noise or sampled.error <= self.budget.good
        if is_good and self.is_steady(sampled):
            self.conclude(sampled, "the rest is noise" if is_noise else "good enough")
            return
        if self.problem.layout.has_velocities:
            candidates = worth_training(candidates, sampled, result)
        if is_few:
            trained = self.train_few(candidates, few, short, sampled)
        else:
            trained = self.train_many(candidates, many, short, sampled)
        self.decide(sampled, trained, candidates)

    # 1.
    def candidates(self) -> list[Hamiltonian]:
        """The simplest first; of those with names, what the columns admit."""
        found = []
        for hamiltonian in self.open_hamiltonians():
            found.append(hamiltonian)
            if self.start.optional is not None:
                found.append(with_forces(hamiltonian, self.start.optional))
        return found

    def open_hamiltonians(self) -> list[Hamiltonian]:
        """The Hamiltonian asked for, or those that have names, with the forces asked for."""
        asked_for, layout = self.start.hamiltonian, self.problem.layout
        if not self.start.hamiltonian_is_open:
            return [asked_for]
        (first, *_), found, names = asked_for.layers(), [], named(layout)
        layers = first.hidden_layer_sizes, first.activation
        if velocities_are_linear(self.problem):
            names = {"mechanical": names["mechanical"]}
            why = "velocities are linear in the momenta"
            self.options.tell({"hamiltonian": "mechanical", "why": why})
        for one in names.values():
            hamiltonian = one.map_layers(lambda *_: layers)
            with contextlib.suppress(ValueError):  # momenta that are angles have no square
                hamiltonian.declare(layout)
                found.append(with_forces_of(asked_for, hamiltonian))
        return found

    # 2.
    def race(self, candidates: list[Hamiltonian]) -> Result:
        """The race; its winner is the best so far."""
        result = run_race(candidates, self.left_out, self.options, self.budget, goes_far=self.few)
        winner = result.standings[0]
        self.best = Candidate.sampled(winner.best.model, winner.squares)
        self.check_time()
        return result

    # 3.
    def refitted(self, result: Result) -> Candidate:
        """The winner of the race, with its last weights fitted to all rows."""
        winner, alpha = result.standings[0], self.options.alpha(self.problem)
        refit = winner.best.refit(self.problem, self.rng, alpha, winner.tau)
        self.best = Candidate.sampled(refit.model, winner.squares)
        self.rows_are_independent = winner.tau < ALIKE and self.problem.mean_weight == 1.0
        return self.best

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
        more (eight coupled waves, noise of 0.05: T + V left 0.16, and M(q) 0.10).
        """
        without = self.left_out.squares(field_without_mechanics(self.left_out))
        if simplest([sampled.squares, without]) == 1:
            self.options.tell({"error without mechanics": error_of(without)})
            return True
        alike = {
            repr(standing.race.hamiltonian)
            for standing in result.standings
            if standing.error < ALIKE * sampled.error
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

    def look_beside(self, sampled: Candidate, result: Result) -> None:
        """Whether the data are thin: two models that agree on them do not beside them."""
        problem, rng = self.problem, self.rng
        if result.another is None or not problem.is_plain:
            return
        self.another = whole(result.another, problem)
        visited = Visited.by(problem, rng, 500)
        found = whole(sampled.model, problem)
        self.is_thin = not determined_beside(found, self.another, visited, rng)
        if self.is_thin:
            self.apart = distance_between_runs(found, problem, rng)

    def is_steady(self, candidate: Candidate) -> bool:
        """Whether simulations stay with the data; always where these determine H beside them."""
        if not self.is_thin:
            return True
        if self.options.is_out_of_time and np.isnan(candidate.deviation):
            return True  # nobody knows
        if np.isnan(candidate.deviation):
            visited = Visited.by(self.problem, self.rng)
            model = whole(candidate.model, self.problem)
            found = deviation(model, visited, self.rng, self.another)
            candidate.deviation = found
            self.options.tell({"solver": candidate.solver, "deviation": found})
        return is_steady(candidate.deviation, self.apart)

    # 4.
    def train_few(
        self,
        candidates: list[Hamiltonian],
        trainer: ByGaussNewton,
        short: ShortTrainings,
        sampled: Candidate,
    ) -> list[Candidate]:
        """By Gauss-Newton, with all rows, if short trainings without some of them do as well.

        These have half of the units, so that a long one may do far better.
        """
        squares = self.after_short_trainings(candidates, short)
        k = self.choose(candidates, squares)
        if error_of(squares[k]) >= ALIKE * sampled.error:
            return []
        model, log_evidence = trainer.long(candidates[k], self.problem)
        if self.rows_are_independent:  # which training takes them for
            rows = np.arange(self.problem.n_samples)
            fit = fit_last_weights(self.problem, *sampled.model, rows, roughest=SMOOTH)
            sampled.log_evidence = fit.log_evidence
        trained = Candidate("gauss_newton", model, squares[k], [], [], log_evidence)
        self.tell(trained)
        return [trained]

    def after_short_trainings(
        self, candidates: list[Hamiltonian], short: ShortTrainings
    ) -> list[np.ndarray]:
        """What short trainings of all leave, as long as there is time."""
        squares = []
        for hamiltonian in candidates:
            squares.append(short.squares(hamiltonian))
            self.check_time()
        return squares

    def train_many(
        self,
        candidates: list[Hamiltonian],
        trainer: BySoap,
        short: ShortTrainings,
        sampled: Candidate,
    ) -> list[Candidate]:
        """By SOAP, then perhaps with more units, that are sampled, in the last layer.

        Where that leaves nearly as much as a short training did, another Hamiltonian is tried too,
        unless sampled layers leave the same: then it is noise.
        """
        squares = self.after_short_trainings(candidates, short)
        k = self.choose(candidates, squares)
        others = sorted(set(range(len(candidates))) - {k}, key=lambda j: error_of(squares[j]))
        found: list[Candidate] = []
        for j in [k, *others[:1]]:
            # A long training, whose rate is high for longer, may end worse: with 0.018 of an arm,
            # after 0.011.
            model = short.models[repr(candidates[j])]
            found.append(Candidate("soap", model, squares[j], [], []))
            self.keep(found[-1], short=True)
            found += self.train_by_soap(candidates[j], squares[j], trainer)
            error = min(one.error for one in found)
            is_of_sampled = name_of(candidates[j]) == name_of(sampled.model[0].hamiltonian)
            if error < _STANDS_STILL * error_of(squares[j]) or (
                is_of_sampled and sampled.error < ALIKE * error
            ):
                break
        return found

    def train_by_soap(
        self, hamiltonian: Hamiltonian, squares: np.ndarray, trainer: BySoap
    ) -> list[Candidate]:
        """The trained model, and the one with more units."""
        found: list[Candidate] = []

        def at_end(model: Model) -> None:
            found.append(Candidate.trained("soap", model, self.squares(model), self.monitor))
            self.keep(found[-1])

        activation = self.activation(hamiltonian, squares, trainer)
        trainer.long(hamiltonian, self.training, activation, at_end)
        if activation == "tanh":
            model = self.widened(found[0].model, self.budget.last_weights, _EQUATIONS_PER_WEIGHT)
            found.append(Candidate.trained("soap", model, self.squares(model), self.monitor))
            self.keep(found[-1], widened=True)
        return found

    def activation(self, hamiltonian: Hamiltonian, squares: np.ndarray, trainer: BySoap) -> str:
        """silu, which trained networks are best with, unless tanh with more units is far better.

        Units of silu are no good to add (two bodies: 3 to 5 times the error with units of tanh).
        """
        is_open = all(
            n.hidden_layer_sizes is None and n.activation is None
            for n in self.start.hamiltonian.layers()
        )
        n_weights = self.budget.last_weights_of_short
        if not is_open or units_for(hamiltonian, n_weights, self.problem) <= trainer.sizes[-1]:
            return "silu"
        model = trainer.short(hamiltonian, self.training, "tanh")
        # Steps for masses in that comparison, as in a race; all of them took 12 s for six
        # coordinates.
        steps_of_short = 2
        # Equations for each of them, of which half as many judge: 12 took twice the time and led to
        # the same choices.
        equations_of_short = 6
        wider = self.squares(self.widened(model, n_weights, equations_of_short, steps_of_short))
        # Units of tanh that are added after a short training lower the error to less than this part
        # of that with silu where they end far better, too: 0.01 to 0.43 where they ended with 0.006
        # to 0.3 of it (double pendulum, two bodies), 0.6 to 1.4 where they ended with 1.5 to 10
        # times as much (a top, a chain).
        far_better = 0.5
        return "tanh" if error_of(wider) < far_better * error_of(squares) else "silu"

    def widened(
        self, model: Model, n_weights: int, per_weight: int, n_steps: int | None = None
    ) -> Model:
        """More units, sampled from the activations of the last layer but one; a new readout.

        It is fitted to so many equations ``per_weight``; masses take at most ``n_steps``.
        """
        (equations, params), training, rng = model, self.training, self.rng
        X, _, _ = training.take(some(np.arange(training.n_samples), 10_000, rng))
        n_units = units_for(equations.hamiltonian, n_weights, training)
        sizes = equations.networks[0].sizes
        equations, params = equations.widen(params, X, rng, n_units - sizes[-1])
        n_rows = per_weight * equations.n_last // training.n_targets
        rows = some(np.arange(training.n_samples), n_rows, rng)
        _, judge = self.left_out.folds[0]
        judge = judge.subset(some(np.arange(judge.n_samples), n_rows // 2, rng))
        fit = fit_last_weights(
            training, equations, params, rows,
            alpha=self.options.alpha(training), around=equations.last(params), judge=judge,
            n_steps=n_steps,
        )  # fmt: skip
        return equations, equations.with_last(params, fit.w)

    # 5.
    def decide(
        self, sampled: Candidate, trained: list[Candidate], candidates: list[Hamiltonian]
    ) -> None:
        """The smallest error of those that are steady; one that is as good may come first."""
        by_error = sorted([sampled, *trained], key=lambda candidate: candidate.error)
        first, why = by_error[0], "smaller error"
        if trained:
            first, why = better_of(sampled, best_of(trained, candidates))
        for candidate in [first, *(one for one in by_error if one is not first)]:
            if self.is_steady(candidate):
                if candidate is not first:
                    why = "smaller error"
                self.conclude(candidate, "steady beside thin data" if self.is_thin else why)
                return
        finite = [one for one in by_error if np.isfinite(one.deviation)]
        chosen = (finite or by_error)[0]
        self.conclude(chosen, "none is steady beside thin data")

    # What they share.
    def choose(self, candidates: list[Hamiltonian], squares: list[np.ndarray]) -> int:
        """The place of one by the rule, with a word in the report."""
        k = simplest(squares, _ALIKE_AFTER_SHORT)
        names = [name_of(hamiltonian) for hamiltonian in candidates]
        errors = dict(zip(names, map(error_of, squares), strict=True))
        why = "the simplest that is as good as the best after a short training"
        self.options.tell({"hamiltonian": names[k], "why": why, "errors": errors})
        return k

    def squares(self, model: Model) -> np.ndarray:
        """The squared errors of a model on rows that it has not seen."""
        return self.left_out.squares(self.left_out.fields(lambda _: model))

    def keep(self, candidate: Candidate, **more: Any) -> None:
        """Take note of a candidate: it may be the best, and time may be over."""
        if self.best is None or candidate.error < self.best.error:
            self.best = candidate
        self.tell(candidate, **more)
        self.check_time()

    def tell(self, candidate: Candidate, **more: Any) -> None:
        self.options.tell(
            {
                "solver": candidate.solver,
                **name_and_layers(candidate.model[0]),
                "error": candidate.error,
                **more,
                "seconds": time.perf_counter() - self.began,
            }
        )

    def check_time(self) -> None:
        if self.options.is_out_of_time and self.best is not None:
            raise OutOfTime

    def conclude(self, chosen: Candidate, why: str) -> None:
        self.best = chosen
        more = {} if stays(chosen.deviation) else {"strays": chosen.deviation}
        self.options.tell({"chosen": chosen.solver, "why": why, **more})


def worth_training(
    candidates: list[Hamiltonian], sampled: Candidate, result: Result
) -> list[Hamiltonian]:
    """Of Lagrangians those of the last round: masses show with few units.

    Where these leave much, as of a potential of many coordinates, masses do not show, and all
    constant ones are trained: the last round of a chain of 20 had none but masses of one.
    """
    last = {repr(standing.race.hamiltonian) for standing in result.standings}
    # With larger errors of sampled units masses do not show: chains of 6 to 20 unequal masses had
    # 0.2 to 0.6, other systems less.
    masses_show = 0.2
    show = sampled.error < masses_show
    return [h for h in candidates if repr(h) in last or (not show and has_constant_masses(h))]


AUTO = Solver("auto", select, chooses=True)
