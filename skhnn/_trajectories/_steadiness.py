"""Which of the joint fits to thin data stay with these where they are simulated.

Fits to one orbit agree on it, and beside it each does what it likes (see the module of this name in
``_selection``). Evidence does not tell: of fits to Kepler's orbits without noise those of the
largest evidence left them within five revolutions, where others with less evidence stayed to 1e-5.
"""

from collections.abc import Sequence

import numpy as np
from scipy.integrate import solve_ivp

from .._data import some
from .._selection import Visited, determined_beside, deviation, stays
from .._solvers import name_of
from ._candidates import Candidate
from ._fits import JointFits, is_driven
from ._runs import Grid

# Measured states are known to a thousandth of their spread, at best.
_BESIDE = 1e-3
# One that leaves more than so many times as much of the measurements as the best is none to prefer:
# with 160 times as much one stayed with an orbit, and was .8 spreads late after five revolutions.
_WORSE = 10.0
# So many fits are looked at, in so many states; a look takes half a second.
_MOST, _MOST_STATES = 8, 4000


def that_stays(
    best: Candidate, fits: JointFits, rng: np.random.RandomState
) -> tuple[Candidate, float]:
    """The best one, or another that stays with thin data, and how far these are left if none does.

    That is NaN where the best stays, or the data determine H beside them. Whether there is friction
    has been decided.
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
    far = looked.deviation(best)
    fits.options.tell({"deviation": far})
    if stays(far):
        return best, np.nan
    steadiest = looked.steadiest(looked.as_good_as(best))
    if steadiest is None:
        return best, far
    if not steadiest.has_ended:
        ended = looked.steadiest([steadiest, *fits.to_its_end(steadiest)])
        steadiest = ended or steadiest
    name = name_of(steadiest.joint.equations.hamiltonian)
    fits.options.tell({"hamiltonian": name, "why": "stays with thin data"})
    return steadiest, np.nan


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
        self.seed = rng.randint(2**31 - 1)
        scaling, x = (
            best.entry.race.problem.scaling,
            some(best.joint.x[grid.of_samples], _MOST_STATES, rng),
        )
        self.visited = Visited(scaling.states(x), scaling.c, scaling.s, scaling.box)
        other = self._unlike(best)
        self.is_thin = other is not None and not determined_beside(
            best.joint.model, other.joint.model, self.visited, rng
        )

    def deviation(self, candidate: Candidate) -> float:
        """How far simulations leave the samples, in standard deviations; all from the same starts.

        Some of them, a step beside the samples.
        """
        other, rng = self._unlike(candidate), np.random.RandomState(self.seed)
        return deviation(
            candidate.joint.model, self.visited, rng,
            None if other is None else other.joint.model, beside=_BESIDE,
        )  # fmt: skip

    def as_good_as(self, best: Candidate) -> list[Candidate]:
        """Those that leave about as little of the measurements as the best."""
        most = _WORSE * best.joint.sigma
        return [one for one in self.found if not np.any(one.joint.sigma > most)][:_MOST]

    def steadiest(self, candidates: Sequence[Candidate]) -> Candidate | None:
        """Of those that stay with the samples the one that is least late; None if none does."""
        steady = [one for one in candidates if stays(self.deviation(one))]
        return min(steady, key=self._late, default=None)

    def _late(self, candidate: Candidate) -> float:
        """How far a simulation of the first run ends up from its states, in standard deviations.

        Distances of simulations from samples know nothing of time.
        """
        n, x = self.grid.ends[1], candidate.joint.x
        equations, params = candidate.joint.model
        f, t, s = equations.vector_field(params), self.grid.t[:n], self.visited.s
        found = solve_ivp(
            lambda _, x: f(x[None])[0], (t[0], t[-1]), x[0], "DOP853", rtol=1e-8, atol=1e-8 * s
        )
        if found.status:
            return np.inf
        return float(np.abs((found.y[:, -1] - x[n - 1]) / s).max())

    def _unlike(self, candidate: Candidate) -> Candidate | None:
        """The first with another Hamiltonian, or layers that were drawn in another way."""
        return next((one for one in self.found if not one.is_like(candidate)), None)


def _rank_of_any_tau(candidate: Candidate) -> tuple[bool, float]:
    return candidate.joint.is_resolved, candidate.joint.evidence_if_white
