"""The race of Hamiltonians with sampled layers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .._data import Problem
from .._solvers import SolverOptions
from .._solvers._sampled import FINE, FIRST_UNITS, LAST_UNITS, Race, Sampled
from ..hamiltonians import Hamiltonian
from ._budget import Budget
from ._correlation import correlation_of_errors
from ._left_out import LeftOut, Model
from ._rule import ALIKE, error_of, simplest

# What a model may lose on the data for being smoother beside them, where errors are correlated
# along runs (Mars and Saturn lost 1.5 and 2).
_WORTH_SMOOTHNESS = 3.0


@dataclass
class Standing:
    """A Hamiltonian after a round: its best sampled model, and what that has on rows left out."""

    race: Race
    best: Sampled
    tau: float
    field: np.ndarray  # (n, 2d)
    squares: np.ndarray  # (n_groups, 2)

    @property
    def error(self) -> float:
        """The root mean square on rows left out."""
        return error_of(self.squares)


@dataclass
class Result:
    """How the race ended.

    ``standings`` are those of the last round, the one chosen first; ``races`` of all Hamiltonians,
    in their order. ``another`` is a model that was sampled in another way than the chosen one, or
    None.
    """

    standings: list[Standing]
    races: list[Race]
    is_noise: bool
    another: Model | None


def run_race(
    hamiltonians: Sequence[Hamiltonian],
    left_out: LeftOut,
    options: SolverOptions,
    budget: Budget,
    *,
    goes_far: bool,
) -> Result:
    """In every round twice the units; within a Hamiltonian the evidence chooses who goes on.

    Between Hamiltonians rows left out choose one by the rule, and it goes on with the better half.
    The race ends where what is left is noise (see ``LeftOut.agreement``) or rounding, where more
    units are of no use, or where they run out. Unless it ``goes_far``, also where the errors fall
    so slowly that the last round would not bring them to what is good.
    """
    races = [Race(left_out.training, hamiltonian, options) for hamiltonian in hamiltonians]
    running, units, tau, before = races, FIRST_UNITS, 1.0, None
    # Where masses are found fits take steps; the next round took a minute for three of them.
    fine_of_masses = 1e-6
    # Errors below this are of units, not of masses: with fifty for a double pendulum a field that
    # turns velocities, which it has not, was better by a little at 1e-6.
    no_other_masses = 1e-5
    while True:
        run_round(running, units, tau)
        standings = [
            _stand(race, race.best, left_out, options, tau) for race in running if race.found
        ]
        layout = left_out.training.layout
        finest = {"finest": no_other_masses} if layout.has_velocities else {}
        best = standings[simplest([standing.squares for standing in standings], **finest)]
        others = sorted((s for s in standings if s is not best), key=lambda s: s.error)
        options.tell(best.best.describe() | {"error": best.error})
        ends = (
            best.error <= (fine_of_masses if layout.has_velocities else FINE)
            or 2 * units > LAST_UNITS
            or best.race.layers_given
            or (before and not _is_worth_more(best, before, units, goes_far, budget))
            or options.is_out_of_time
        )
        others = [*others, before] if before else others
        if before and best.error > _WORTH_SMOOTHNESS * before.error:
            best, others, ends = before, [], True  # errors that are alike in a row, but tiny
        if ends and best.error > budget.good and not options.is_out_of_time:
            # With all rows they say more of what is noise.
            best, *others = (
                _stand(s.race, s.best, left_out, options, s.tau, refit=True)
                for s in [best, *(s for s in others if s.error < ALIKE * best.error)]
            )
        is_noise = any(_agree(best, other, left_out, budget) for other in others)
        if is_noise and not options.is_out_of_time:
            alike = [other for other in others if other.error < ALIKE * best.error]
            best = _among_noise([best, *alike], units, left_out, options, tau)
            if layout.has_velocities:
                simpler = races[: races.index(best.race)]
                alike = [s for race in simpler for s in alike if s.race is race]
                best = _simplest_among_noise(alike, best, units, left_out, options, tau)
        is_poor = best.error > budget.good and not options.is_out_of_time
        if ends and is_poor and not is_noise and layout.has_velocities:
            best, others, is_noise = _by_more_rows(best, others, left_out, options, budget, tau)
        if ends or is_noise:
            return Result([best, *others], races, is_noise, _another(best, others))
        if before is None:
            X, y, _ = left_out.training.take(slice(0, 20_000))
            equations, params = best.best.model
            tau = correlation_of_errors(equations.field(params, X), y, left_out.training)
        half = [best, *others][: -(-len(running) // 2)]
        running = [race for race in running if any(race is s.race for s in half)]
        before, units = best, 2 * units


def run_round(races: Sequence[Race], units: int, tau: float) -> None:
    """One round of all; of Lagrangians with as many networks the first tries the samplings.

    Their fits take steps. What suits one suits the others, which read the same columns. (With the
    very same layers, two that lack the same agree, and what they lack was taken for noise.)
    """
    first: dict[bool, Race] = {}
    for race in races:
        if race.options.is_out_of_time and any(other.found for other in races):
            break
        layout = race.problem.layout
        if layout.has_velocities:
            (network, *_) = race.hamiltonian.declare(layout).networks or (None,)
            kind = network is not None and network.psi is not None
            leader = first.setdefault(kind, race)
            if leader is not race:
                race.samplings = list(leader.samplings)
        race.run(units, tau)


def _stand(
    race: Race,
    sampled: Sampled,
    left_out: LeftOut,
    options: SolverOptions,
    tau: float,
    *,
    refit: bool = False,
) -> Standing:
    """Judged with last weights for all rows, where more rows than it has seen may help.

    Out of time as it is, although it has seen the rows that are left out in turn.
    """
    refit |= not sampled.uses_its_units
    is_late = options.is_out_of_time
    alpha = options.alpha(left_out.training)

    def fit(problem: Problem) -> Model:
        if is_late or (problem is left_out.training and not refit):
            return sampled.model
        return sampled.refit(problem, options.rng, alpha, tau).model

    field = left_out.fields(fit)
    return Standing(race, sampled, tau, field, left_out.squares(field))


def _among_noise(
    standings: Sequence[Standing], units: int, left_out: LeftOut, options: SolverOptions, tau: float
) -> Standing:
    """The first that leaves as little with many more rows, which show what a Hamiltonian lacks.

    Constant masses and forces that turn velocities left 0.104 of the accelerations of a cart-pole
    with few rows, as masses of q did, and 0.139 with many.
    """
    found: list[Standing] = []
    for one in standings:
        if any(one.race is other.race for other in found):  # as it was a round before
            continue
        sampled = one.race.among_noise(units, tau)
        found.append(_stand(one.race, sampled, left_out, options, tau))
        if found[-1].error < ALIKE * one.error or options.is_out_of_time:
            return found[-1]
    return min(found, key=lambda one: one.error)


def _by_more_rows(
    best: Standing,
    others: list[Standing],
    left_out: LeftOut,
    options: SolverOptions,
    budget: Budget,
    tau: float,
) -> tuple[Standing, list[Standing], bool]:
    """The best masses and the others, with layers by many more rows; and whether the rest is noise.

    Of three fits of an arm of three links (noise of 1 %, angles not declared) two are as good so as
    trained networks, 0.0075 and 0.0085 for 0.0096 and 0.0095, and faster.
    """
    more = _among_noise([best], LAST_UNITS // 2, left_out, options, tau)
    if more.error < best.error:
        others = [best, *others]
        return more, others, any(_agree(more, other, left_out, budget) for other in others)
    return best, others, False


def _simplest_among_noise(
    simpler: Sequence[Standing],
    best: Standing,
    units: int,
    left_out: LeftOut,
    options: SolverOptions,
    tau: float,
) -> Standing:
    """The simplest masses that are as good as the best ones, all with many more rows.

    The layers that few rows choose may suit other masses better than these: forces that turn
    velocities, which a cart-pole has not, were found in one of three data sets.
    """
    found: list[Standing] = []
    for one in simpler:
        if not (options.is_out_of_time or any(one.race is other.race for other in found)):
            sampled = one.race.among_noise(units, tau)
            found.append(_stand(one.race, sampled, left_out, options, tau))
    found.append(best)
    return found[simplest([one.squares for one in found])]


def _agree(best: Standing, other: Standing, left_out: LeftOut, budget: Budget) -> bool:
    """Whether two models that are about as good are the same but for what is noise."""
    alike = other.error < ALIKE * best.error
    return alike and left_out.agreement(best.field, other.field) < budget.agreement


def _is_worth_more(
    best: Standing, before: Standing, units: int, goes_far: bool, budget: Budget
) -> bool:
    """Whether more units are likely to help."""
    if not best.best.uses_its_units:
        return False
    rate = np.log(max(best.error, FINE) / before.error)  # of a doubling
    if rate > -np.log(ALIKE):  # it may be noise, which more rows tell
        return True
    return goes_far or best.error * np.exp(rate * np.log2(LAST_UNITS / units)) < budget.good


def _another(best: Standing, others: Sequence[Standing]) -> Model | None:
    """A model with other hidden layers than the best one, and not much worse where there is one."""
    close = [other.best.model for other in others if other.error < 2.0 * best.error]
    if close:
        return close[0]
    sampled = best.race.found
    if len(sampled) > 1:
        return sampled[1].model
    return min(others, key=lambda other: other.error).best.model if others else None
