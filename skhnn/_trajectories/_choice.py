"""Which Hamiltonian measured runs have: samplings by derivatives, Hamiltonians by joint fits.

1. The runs are smoothed; the derivatives of the splines are data for the last weights of sampled
   layers, whose evidence chooses how the layers of every Hamiltonian are drawn.
2. From there the joint fit of states and weights; its evidence decides between Hamiltonians, of
   those that are about as good in favour of the simplest.
3. With friction, where the evidence asks for it, once more. (It is the second question: friction
   that is not there led fits of planets astray, which were good without.)
4. With random forces on the states, where they are asked for, or left to the evidence. Where what
   is left of neighbouring rows is alike, with many units, if these lacked; else once more, with n
   values counted as n / kappa.
5. The evidence decides whether measured velocities are the rates of positions or mixed.
6. Twice the units as long as the data determine most of the weights and the evidence grows. Where
   errors are alike, the layers of which the data use least.
7. Where the data are thin and simulations leave them, a fit of which they do not.
8. The choice is fitted to all runs, where it was made with some, and to whole ones, where they were
   cut at gaps.
9. Friction that would be negative is held at its bound, and the rest fitted again.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._asked_for import hamiltonian_asked_for, refuse_unless_solved_for
from .._data import Place
from .._problems import problem_of
from .._selection import run_round
from .._solvers import SolverOptions
from .._solvers._sampled import FIRST_UNITS, Race
from ..forces import Damping
from ..hamiltonians import Hamiltonian, Layout, named, with_forces, with_forces_of
from ._all_runs import linked, some_of, with_all_runs
from ._candidates import Candidate, Entry, NoFitError, as_in, first_densities, with_layers_of
from ._fits import JointFits, at_bound
from ._gaps import LONGEST_GAP, cut_at_gaps
from ._joint import FIRST_STEPS, JointFit
from ._layers import (
    SAMPLINGS_OF_EACH,
    with_many_units,
    with_more_units,
    with_the_best_layers,
    with_the_simplest_layers,
)
from ._others import others_of
from ._runs import BETWEEN, Grid, Runs
from ._settled import ALIKE_EVIDENCES, settled, simplest
from ._start import AsMeasured, Smoothed
from ._steadiness import that_stays

# From this correlation of residuals on, evidences take account of it.
_CORRELATED = 1.5


@dataclass
class Chosen:
    """The outcome of the choice.

    ``runs`` are those that it was fitted to, all but where it was interrupted; ``more`` are the
    inputs and parameters at their samples. ``compared`` is the same model fitted to the runs that
    models were compared by, and ``others`` are fits to those with other layers. ``strays`` is how
    far simulations leave thin data, in standard deviations; NaN where they stay, or data are not
    thin.
    """

    candidate: Candidate
    compared: Candidate
    others: list[Candidate]
    runs: Runs
    grid: Grid
    more: np.ndarray
    between: str
    strays: float
    report: list[dict[str, Any]]


class Choice:
    """One run of the choice.

    ``asked`` has the parameters of the estimator by name. ``optional`` says whether friction is an
    outcome, and so is ``between`` where it is "auto". ``calibration``, (d, d), is a guess of S of
    instruments that show S dq/dt, or None. ``noise``, (D,), is given, or NaN where it is estimated;
    that of rates always is. ``random_forces`` says whether there are any, None that the evidence
    decides. ``start`` says where joint fits to some runs start; ``weight`` is that of every row of
    the table.
    """

    def __init__(
        self,
        asked: Any,
        runs: Runs,
        layout: Layout,
        rng: np.random.RandomState,
        *,
        noise: np.ndarray,
        robust: bool,
        optional: bool,
        calibration: np.ndarray | None,
        between: str,
        deadline: float,
        verbose: bool,
        random_forces: bool | None = False,
        start: Callable[[Runs], Smoothed | AsMeasured] | None = None,
        weight: np.ndarray | None = None,
    ):
        self.between = between
        self.asked, self.runs, self.layout, self.rng = asked, runs, layout, rng
        self.whole: Runs | None = None  # where those that are fitted are cut at gaps
        self.optional, self.random_forces = optional, random_forces
        self.options = SolverOptions(
            Place.on_numpy("float64"), rng, deadline=deadline, verbose=verbose
        )
        self.fits = JointFits(
            layout, self.options, noise=noise, robust=robust, calibration=calibration,
            start=start, weight=weight,
        )  # fmt: skip
        self.strays = float("nan")

    def run(self) -> Chosen:
        """See the module."""
        self.compared = some_of(self.runs, self.rng)
        self.fits.smooth(self.compared)
        self._cut_at_gaps()
        try:
            entries = self._started([self._race(one, False) for one in self._candidates()])
            self._choose_between(entries[0])
            best, entries = self._with_or_without_friction(entries)
            best = self._with_random_forces(best, entries)
            best = self._calibrated(best)
            best = with_more_units(best, self.fits, self._race)
            if self.fits.tau > 1.0:
                best = with_the_simplest_layers(best, self.fits)
            best = self._that_stays(best)
            compared = best = self._ended(best)
            others = others_of(best, self.fits, self.rng)
            compared, best, others = self._with_all_runs(best, others)
            best = self._linked(best)
            best = self.fits.with_bounded_friction(best)
            runs = self.runs
        except KeyboardInterrupt:
            if self.fits.best is None:
                raise
            best, runs = at_bound(self.fits.best), self.compared
            compared, others = best, []
            best.joint.status = "interrupted"
            self.fits.smooth(runs)
        if self.options.is_out_of_time:
            best.joint.status = "max_time"
        more = self.fits.rows.X[:, self.layout.n_state :]
        between = BETWEEN[0] if self.between == "auto" else self.between  # there are no inputs
        return Chosen(
            best, compared, others, runs, self.fits.grid, more, between, self.strays,
            self.options.report,
        )  # fmt: skip

    def _cut_at_gaps(self) -> None:
        """Both all runs and those compared."""
        self.longest_gap = longest = LONGEST_GAP * self.fits.step
        runs = cut_at_gaps(self.runs, longest)
        if runs is self.runs:
            return
        is_all = self.compared is self.runs
        self.compared = runs if is_all else cut_at_gaps(self.compared, longest)
        self.options.tell(
            {"pieces": len(runs), "why": f"in gaps nothing is measured for more than {longest:.3g}"}
        )
        self.whole, self.runs = self.runs, runs
        self.fits.smooth(self.compared)

    # --- candidates ----------------------------------------------------------------------------

    def _candidates(self) -> list[Hamiltonian]:
        """The simplest first, without the friction that is optional."""
        asked_for, is_open = hamiltonian_asked_for(self.asked, self.layout, False)
        refuse_unless_solved_for(asked_for, self.layout)
        if not is_open:
            return [asked_for]
        found = []
        for one in named(self.layout).values():
            with contextlib.suppress(ValueError):  # momenta that are angles have no square
                one.declare(self.layout)
                found.append(with_forces_of(asked_for, one))
        return found

    def _race(self, hamiltonian: Hamiltonian, has_friction: bool) -> Entry:
        full = with_forces(hamiltonian, Damping()) if has_friction else hamiltonian
        problem, G = problem_of(self.asked, full, self.layout, self.fits.rows, False)
        return Entry(hamiltonian, Race(problem, full, self.options), G, has_friction)

    def _started(self, entries: Sequence[Entry]) -> list[Entry]:
        """Those of the largest evidence of derivatives, in their order, with layers."""
        run_round([entry.race for entry in entries], FIRST_UNITS, 1.0)
        started = [entry for entry in entries if entry.race.found]

        def of_an_equation(entry: Entry) -> float:
            """Lagrangians with more weights are fitted to more rows."""
            fit = entry.race.best.fit
            return fit.log_evidence / max(fit.n_equations, 1)

        order = sorted(started, key=of_an_equation, reverse=True)
        most_jointly = 4  # Hamiltonians, by evidence
        return [entry for entry in started if entry in order[:most_jointly]]

    def _best_of(self, entries: Sequence[Entry], near: JointFit | None = None) -> Candidate:
        """The simplest that is about as good as the best, by evidence, with its best layers.

        Fits start from the states of one that is ``near``, if given.
        """
        return self._refined(self._compared(entries, near), entries)

    def _compared(self, entries: Sequence[Entry], near: JointFit | None = None) -> list[Candidate]:
        """One of every Hamiltonian, after a few steps."""
        found: list[Candidate] = []
        for entry in entries:
            tried: list[Candidate] = []
            for sampled in entry.race.found[:SAMPLINGS_OF_EACH]:
                if not (found or tried) or not self.options.is_out_of_time:
                    tried += self.fits.fit(entry, sampled, near)
            if tried:
                found.append(max(tried, key=lambda one: one.joint.rank))
        return found

    def _refined(self, found: list[Candidate], entries: Sequence[Entry]) -> Candidate:
        """The best of them at its end, with its best layers.

        With layers that leave more than the noise the evidence of Hamiltonians is that of layers;
        so when the best ones are found, Hamiltonians are compared with these very layers again.
        """
        best = with_the_best_layers(settled(found, self.fits), self.fits)
        found = []
        for entry in entries:
            if entry is best.entry:
                found.append(best)
            elif not self.options.is_out_of_time:
                sampled = with_layers_of(entry, best)
                found += [] if sampled is None else self.fits.fit(entry, sampled, best.joint)
        return settled(found, self.fits)

    def _with_random_forces(self, best: Candidate, entries: Sequence[Entry]) -> Candidate:
        """The choice again with random forces; without them, where errors are alike."""
        with_forces: list[Candidate] = []
        is_over = self.random_forces is None and self.options.is_out_of_time
        if self.random_forces is not False and len(self.fits.grid.h) and not is_over:
            self.fits.q = first_densities(best.joint, self.fits.rows.X, self.layout.n_rates)
            with_forces = self.fits.to_its_end(best)
            if self.random_forces is None:
                least = best.joint.evidence_if_white + ALIKE_EVIDENCES
                with_forces = [one for one in with_forces if one.joint.log_evidence > least]
        if not with_forces:
            self.fits.q = None
            return self._with_errors_that_are_alike(best, entries)
        (found,) = with_forces
        self.fits.q = found.joint.q
        best.joint.log_evidence = -np.inf  # any with random forces is to be preferred
        return self._best_with(entries, [found], found.joint)

    def _with_errors_that_are_alike(self, best: Candidate, entries: Sequence[Entry]) -> Candidate:
        """The choice again where neighbouring residuals are alike, and so count for less."""
        kappa = self.fits.correlation_of(best)
        is_noise = kappa >= _CORRELATED and len(self.fits.grid.h) and not best.joint.is_exact
        if not is_noise or self.options.is_out_of_time:
            return best
        best = with_many_units(best, self.fits, self._race)
        kappa = self.fits.correlation_of(best)
        if kappa < _CORRELATED:
            return best
        self.fits.tau = kappa
        again = self.fits.to_its_end(best)
        best.joint.log_evidence = -np.inf  # any with this tau is to be preferred
        return self._best_with(entries, [*again, best], best.joint)

    def _with_or_without_friction(self, entries: list[Entry]) -> tuple[Candidate, list[Entry]]:
        """The best without friction, or with it, where the data ask for it; and its entries."""
        compared = self._compared(entries)
        if not self.optional:
            return self._refined(compared, entries), entries
        known = self._tried_with_friction(compared)
        if not (known and known[0].has_ended):
            with contextlib.suppress(NoFitError):
                without = self._refined(compared, entries)
                best = settled([without, *self._tried_with_friction([without])], self.fits)
                if best is without:
                    return best, entries
                known = [best]
        if known and self.options.is_out_of_time:
            return known[0], entries
        has_friction = self._started([self._race(one, True) for one in self._candidates()])
        best = self._best_with(has_friction, known)
        without_it: list[Candidate] = []
        if not self.options.is_out_of_time:
            entry = self._race(best.entry.hamiltonian, False)
            again = as_in(entry, best.at_its_end)
            without_it = self.fits.fit(entry, again, best.joint, 2 * FIRST_STEPS)
        chosen = settled([*without_it, best], self.fits)
        return chosen, has_friction if chosen is best else entries

    def _best_with(
        self, entries: Sequence[Entry], known: Sequence[Candidate], near: JointFit | None = None
    ) -> Candidate:
        """The best of all, and of those that are known, which stay if all others fail."""
        found = list(known)
        with contextlib.suppress(NoFitError):
            found.insert(0, self._best_of(entries, near))
        return settled(found, self.fits)

    def _tried_with_friction(self, found: Sequence[Candidate]) -> list[Candidate]:
        """The simplest with friction, if that is better, in a list.

        Others are tried where none comes to its end: without the friction that there is, the best
        one may be the one whose magnetic force is most like it (two carts).
        """
        if not found:
            return []
        best = simplest(found)
        tried: list[Candidate] = []
        for one in sorted(found, key=lambda one: (one is best, one.joint.rank), reverse=True):
            entry = self._race(one.entry.hamiltonian, True)
            for sampled, near in ((one.at_its_end, one.joint), (one.sampled, None)):
                if self.options.is_out_of_time:
                    break
                tried += self.fits.fit(entry, as_in(entry, sampled), near, 2 * FIRST_STEPS)
                if any(other.has_ended and other.joint.rank > best.joint.rank for other in tried):
                    break
            if any(other.has_ended for other in tried):
                break
        better = simplest([best, *tried])
        return [] if better is best else [better]

    def _choose_between(self, entry: Entry) -> None:
        """The interpolation of inputs of the largest evidence, with one Hamiltonian for all."""
        if self.between != "auto" or self.compared.inputs is None:
            return
        full, sampled = entry, entry.race.best
        if self.optional:
            full = self._race(entry.hamiltonian, True)
            sampled = as_in(full, sampled)
        found: dict[str, tuple[bool, float]] = {}
        for between in BETWEEN:
            self.fits.set_up(self.compared.with_inputs(between))
            for one in self.fits.fit(full, sampled):
                found[between] = one.joint.rank
            if found and self.options.is_out_of_time:
                break
        self.between = max(found, key=lambda between: found[between]) if found else BETWEEN[0]
        is_all = self.compared is self.runs
        self.runs = self.runs.with_inputs(self.between)
        self.compared = self.runs if is_all else self.compared.with_inputs(self.between)
        self.fits.set_up(self.compared)

    def _calibrated(self, best: Candidate) -> Candidate:
        """The same with velocities that are S dq/dt, where the evidence asks for it."""
        D = self.layout.n_state
        present = self.fits.measured.present[:, D // 2 : D].any(axis=0).all()
        is_asked = self.layout.has_velocities and present and not self.fits.is_open.any()
        if not (is_asked and len(self.fits.grid.h)) or self.options.is_out_of_time:
            return best
        is_open = np.zeros((D, D), dtype=bool)
        is_open[D // 2 :, D // 2 :] = True
        before = self.fits.calibration
        self.fits.calibrate(before[0], is_open)
        tried = self.fits.fit(best.entry, best.at_its_end, best.joint)
        found = settled([best, *tried], self.fits)
        if found is best:
            self.fits.calibrate(*before)
        else:
            self.fits.calibrate(found.joint.E, is_open)
        return found

    def _that_stays(self, best: Candidate) -> Candidate:
        """One that stays with the data, where these are thin."""
        has_inputs = self.layout.n_columns > self.layout.n_state
        is_deterministic = self.fits.q is None and len(self.fits.grid.h)
        if has_inputs or not is_deterministic or self.options.is_out_of_time:
            return best
        best, self.strays = that_stays(best, self.fits, self.rng)
        return best

    def _with_all_runs(
        self, compared: Candidate, others: list[Candidate]
    ) -> tuple[Candidate, Candidate, list[Candidate]]:
        """The model on the runs compared, on all runs, and others on those compared."""
        if self.compared is self.runs:
            return compared, compared, others
        try:
            return with_all_runs(compared, others, self.fits, self.runs)
        except NoFitError:
            compared.joint.status, self.runs, self.whole = "some_runs", self.compared, None
            self.fits.smooth(self.runs)
            return compared, compared, others

    def _linked(self, pieces: Candidate) -> Candidate:
        """The model on runs that are whole again, where they were cut at gaps."""
        if self.whole is None or self.options.is_out_of_time:
            return pieces
        whole = self.whole if self.runs.inputs is None else self.whole.with_inputs(self.between)
        found = linked(pieces, self.fits, whole, self.longest_gap)
        if found is None:
            self.fits.smooth(self.runs)
            return pieces
        self.runs = whole
        return found

    def _ended(self, best: Candidate) -> Candidate:
        """The chosen model at its end."""
        return next(iter(self.fits.ended(best)), best)
