"""Fits with other hidden layers, which tell what the chosen ones lack."""

import numpy as np

from .._selection import ALIKE
from ._candidates import Candidate, drawn_again, squares_of
from ._fits import JointFits

_MOST = 3


def others_of(best: Candidate, fits: JointFits, rng: np.random.RandomState) -> list[Candidate]:
    """Fits of the same Hamiltonian to the same runs: of those that were tried, then of new draws.

    Two standard deviations of accelerations held, with these, 0.98 of double pendulums (1 % of
    noise; medians of five), and 0.84 without; those of fits with nearly the same evidence only, and
    draws, 0.96, and 0.3 where polynomials are chosen, whose draws are all alike (0.1 %, positions).
    """
    if best.joint.q is not None or not best.joint.equations.hidden(best.joint.params):
        return []
    found = _about_as_good(best, fits)
    while len(found) < _MOST and not fits.options.is_out_of_time:
        drawn = fits.fit(best.entry, drawn_again(best, rng), best.joint)
        ended = [one for other in drawn for one in fits.ended(other)]
        if not ended:
            break
        found += ended
    return found[:_MOST]


def _about_as_good(best: Candidate, fits: JointFits) -> list[Candidate]:
    """Those that were tried for the choice and leave about as little, by evidence."""
    found: list[Candidate] = []
    most = ALIKE**2 * squares_of(best)
    for one in sorted(fits.found, key=lambda one: -one.joint.evidence_if_white):
        is_new = not any(one.is_like(other) for other in [best, *found])
        is_whole = one.has_the_terms_of(best) and one.has_ended
        if is_whole and is_new and np.all(squares_of(one) <= most):
            found.append(one)
    return found
