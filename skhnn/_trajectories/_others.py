"""Fits with other hidden layers, which tell what the chosen ones lack."""

import numpy as np

from ._candidates import Candidate, drawn_again
from ._fits import JointFits

_MOST = 3


def others_of(best: Candidate, fits: JointFits, rng: np.random.RandomState) -> list[Candidate]:
    """Fits of the same Hamiltonian to the same runs: of those that were tried, then of new draws.

    Of many samples none that was tried may be about as good; layers that are drawn again in the
    same way are. (Double pendulum, 1 % of noise, twenty runs: two standard deviations held 0.96 of
    the field with new draws, median of five, and 0.84 without.)
    """
    if best.joint.q is not None or not best.joint.equations.hidden(best.joint.params):
        return []
    found = _about_as_good(best, fits)
    while len(found) < _MOST and not fits.options.is_out_of_time:
        drawn = fits.fit(best.entry, drawn_again(best, rng), best.joint)
        ended = [one for one in drawn if one.has_ended]
        ended = ended or [one for other in drawn for one in fits.to_its_end(other)]
        if not ended:
            break
        found += ended
    return found[:_MOST]


def _about_as_good(best: Candidate, fits: JointFits) -> list[Candidate]:
    """Those that were tried for the choice, by evidence."""
    found: list[Candidate] = []
    # Fits with other layers whose log evidence is so near: 2 to 4 of the six that are tried, whose
    # errors were 0.7 to 1.4 of that of the best.
    about = 40.0
    for one in sorted(fits.found, key=lambda one: -one.joint.evidence_if_white):
        is_same = one.entry.hamiltonian is best.entry.hamiltonian
        is_same = is_same and one.entry.has_friction is best.entry.has_friction
        far = abs(one.joint.evidence_if_white - best.joint.evidence_if_white)
        is_new = not any(one.is_like(other) for other in [best, *found])
        if is_same and is_new and far < about and one.has_ended and one.joint.q is None:
            found.append(one)
    return found
