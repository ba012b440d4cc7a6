"""Which of the joint fits to thin data stay with these where they are simulated.

Fits to one orbit agree on it, and beside it each does what it likes (see the module of this name in
``_selection``). Evidence does not tell: of fits to Kepler's orbits without noise those of the
largest evidence left them within five revolutions, where others with less evidence stayed to 1e-5.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from .._data import some
from .._selection import MOST_EVALUATIONS, Visited, determined_beside, distances, simulated, stays
from .._solvers import name_of
from ._candidates import Candidate
from ._fits import JointFits, is_driven
from ._runs import Grid

# Nine fits to orbits that stayed took 1,500 to 4,500 evaluations, or 14,000 to 19,000. The best fit
# may be one of the latter; one that takes its place should be smooth.
_OF_SMOOTH = 6000


def that_stays(
    best: Candidate, fits: JointFits, rng: np.random.RandomState
) -> tuple[Candidate, float]:
    """The best one, or one whose simulations leave thin data less; and how far, if they do.

    That is NaN where they stay, or the data determine H beside them. Whether there is friction has
    been decided.
    """
    alike = [
        one
        for one in fits.found
        if one.joint.q is None
        and one.entry.has_friction is best.entry.has_friction
        and not is_driven(one)
    ]
    looked = Steadiness(best, alike, fits.grid, rng)
    if not looked.is_thin:
        return best, np.nan
    far = looked.deviation(best, MOST_EVALUATIONS)
    fits.options.tell({"deviation": far})
    if stays(far):
        return best, np.nan
    steadiest, deviation = looked.steadiest([best, *looked.as_good_as(best)])
    if not steadiest.has_ended:
        steadiest, deviation = looked.steadiest([steadiest, *fits.to_its_end(steadiest)])
    if steadiest is not best:
        name = name_of(steadiest.joint.equations.hamiltonian)
        why = "simulations leave thin data less"
        fits.options.tell({"hamiltonian": name, "deviation": deviation, "why": why})
    # Another step may lead astray again.
    return replace(steadiest, has_ended=True), np.nan if stays(deviation) else deviation


class Steadiness:
    """Of joint fits to the same samples, without random forces, those of large evidence first.

    ``is_thin`` says whether ``best`` and another one agree on its samples, and beside them do not.
    """

    def __init__(
        self,
        best: Candidate,
        found: Sequence[Candidate],
        grid: Grid,
        rng: np.random.RandomState,
    ):
        self.grid = grid
        self.found = sorted(found, key=_rank_of_any_tau, reverse=True)
        scaling = best.entry.race.problem.scaling
        most_states = 4000
        x = some(best.joint.x[grid.of_samples], most_states, rng)
        self.visited = Visited(scaling.states(x), scaling.c, scaling.s, scaling.box)
        # Measured states are known to a thousandth of their spread, at best.
        beside = 1e-3
        self.starts = self.visited.starts(rng, beside)
        self._known: dict[Candidate, np.ndarray | None] = {}
        other = self._unlike(best)
        self.is_thin = other is not None and not determined_beside(
            best.joint.model, other.joint.model, self.visited, rng
        )

    def deviation(self, candidate: Candidate, most_evaluations: int = _OF_SMOOTH) -> float:
        """How far simulations leave the samples at most, in standard deviations.

        They start a step beside the samples, all from the same states.
        """
        other = self._unlike(candidate)
        states = self._simulated(candidate, most_evaluations)
        beside = None if other is None else self._simulated(other, most_evaluations)
        of_other = None if other is None else other.joint.model
        model = candidate.joint.model
        return float(distances(model, self.visited, states, of_other, beside).max())

    def _simulated(self, candidate: Candidate, most_evaluations: int) -> np.ndarray | None:
        if candidate not in self._known:
            self._known[candidate] = simulated(
                candidate.joint.model, self.visited, self.starts, most_evaluations=most_evaluations
            )
        return self._known[candidate]

    def as_good_as(self, best: Candidate) -> list[Candidate]:
        """Others that leave about as little of the measurements as the best."""
        others = (one for one in self.found if one is not best and _is_as_good(one, best))
        # So many fits are looked at, in so many states; a look takes half a second.
        most = 8
        return list(islice(others, most))

    def steadiest(self, candidates: Sequence[Candidate]) -> tuple[Candidate, float]:
        """Of those that stay with the samples the one that is least late, and its deviation.

        Where none does, the one that leaves them least.
        """
        far = {one: self.deviation(one) for one in candidates}
        steady = [one for one in candidates if stays(far[one])]
        found = min(steady, key=self._late) if steady else min(candidates, key=far.__getitem__)
        return found, far[found]

    def _late(self, candidate: Candidate) -> float:
        """How far a simulation of the first run ends up from its states, in standard deviations.

        Distances of simulations from samples know nothing of time.
        """
        visited, model = self.visited, candidate.joint.model
        t = self.grid.t[: self.grid.ends[1]]
        last = np.searchsorted(t, t[0] + visited.duration(model)) - 1
        z = (candidate.joint.x[[0, last]] - visited.c) / visited.s
        states = simulated(model, visited, z[:1], t[last] - t[0], _OF_SMOOTH)
        return np.inf if states is None else float(np.abs(states[0, -1] - z[1]).max())

    def _unlike(self, candidate: Candidate) -> Candidate | None:
        """The first with another Hamiltonian, or layers that were drawn in another way.

        One that is as good comes first.
        """
        others = [one for one in self.found if not one.is_like(candidate)]
        return next(
            (one for one in others if _is_as_good(one, candidate)), next(iter(others), None)
        )


def _is_as_good(one: Candidate, best: Candidate) -> bool:
    # One that leaves more than so many times as much of the measurements as the best is none to
    # prefer: with 160 times as much one stayed with an orbit, and was .8 spreads late after five
    # revolutions.
    worse = 10.0
    return not np.any(one.joint.sigma > worse * best.joint.sigma)


def _rank_of_any_tau(candidate: Candidate) -> tuple[bool, float]:
    return candidate.joint.is_resolved, candidate.joint.evidence_if_white
