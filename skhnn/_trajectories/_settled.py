"""Which of several joint fits is taken: the simplest that is about as good as the best."""

from collections.abc import Sequence

from ._candidates import Candidate, NoFitError
from ._fits import JointFits

#: Log evidences that differ by less are about as good: a factor of twenty in the odds.
ALIKE_EVIDENCES = 3.0


def settled(found: Sequence[Candidate], fits: JointFits) -> Candidate:
    """The simplest of about the best at their ends: evidences before that prove nothing."""
    found = list(found)
    while found:
        best = simplest(found)
        if best.has_ended or fits.options.is_out_of_time:
            return best
        place = found.index(best)
        found[place : place + 1] = fits.to_its_end(best)
    raise NoFitError


def simplest(found: Sequence[Candidate]) -> Candidate:
    """The first that is about as good as the best, as far as they went."""
    is_resolved, most = max(one.joint.rank for one in found)
    best = is_resolved, most - ALIKE_EVIDENCES
    return next(one for one in found if one.joint.rank >= best)
