"""Which hidden layers the Hamiltonian has that was chosen: by the evidence of joint fits."""

from collections.abc import Callable

import numpy as np

from .._selection import ALIKE
from .._solvers._sampled import FIRST_UNITS, LAST_UNITS
from ..hamiltonians import Hamiltonian
from ._candidates import Candidate, Entry, squares_of
from ._fits import JointFits
from ._settled import settled

#: Samplings of every Hamiltonian that come into joint fits, by the evidence of derivatives.
SAMPLINGS_OF_EACH = 2


def with_the_best_layers(best: Candidate, fits: JointFits) -> Candidate:
    """The same Hamiltonian with the hidden layers of the largest evidence."""
    # With two samplings of it the error of the noisy pendulum of Greydanus et al. was 2.7 times as
    # large (median of five), with all eighteen the same as with six.
    most_of_chosen = 6
    found = [best]
    for sampled in best.entry.race.found[SAMPLINGS_OF_EACH:most_of_chosen]:
        if fits.options.is_out_of_time:
            break
        found += fits.fit(best.entry, sampled, best.joint)
    return settled(sorted(found, key=lambda one: one.joint.rank, reverse=True), fits)


def with_more_units(
    best: Candidate, fits: JointFits, race: Callable[[Hamiltonian, bool], Entry]
) -> Candidate:
    """Twice the units as long as most are used and the evidence grows."""
    units = FIRST_UNITS
    while (
        best.joint.n_freed > 0.5 * best.joint.n_last
        and 2 * units <= LAST_UNITS
        and not best.entry.race.layers_given
        and not fits.options.is_out_of_time
    ):
        units *= 2
        entry = race(best.entry.hamiltonian, best.entry.has_friction)
        entry.race.samplings = [best.sampled.sampling]
        entry.race.run(units)
        before = best
        best = settled([best, *fits.fit(entry, entry.race.best)], fits)
        if best is before:
            break
    return best


def with_the_simplest_layers(best: Candidate, fits: JointFits) -> Candidate:
    """Of those that leave about as little the ones of which the data use least.

    Where the model lacks something, the evidence is for what layers make of that. (Of the
    Silverbox it prefers silu in one of two draws of samples, which leaves 3 % less than
    polynomials and uses 7 to 10 weights in place of 6; tanh, which an earlier draw had, is worse
    beyond the data.)
    """
    most = ALIKE * squares_of(best)
    alike = [
        one
        for one in fits.found
        if one.has_ended and one.has_the_terms_of(best) and np.all(squares_of(one) <= most)
    ]
    return min([best, *alike], key=lambda one: one.joint.n_freed)
